/* qcow2_io.c - reads and writes of the guest.  See qcow2.h. */
#include "sys/block/qcow2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What came before may be freeing clusters, and has given up the lock to wait. */
static void enter(struct qcow2 *q)
{
    host_lock_take(q->lock);
    while (q->is_freeing)
        host_lock_wait(q->lock);
}

static void leave(struct qcow2 *q)
{
    host_lock_give(q->lock);
}

/* I/O of a cluster that stays where it is meanwhile, without the lock. */
static int transfer(struct disk_image *image, struct disk_data *data, uint64_t host,
                    uint64_t size, bool write)
{
    struct qcow2 *q = qcow2_of(image);
    int error;

    q->in_flight++;
    if (write && host + size > q->file_end)
        q->file_end = host + size;
    host_lock_give(q->lock);
    error = write ? data_write(data, &image->file, host, size)
                  : data_read(data, &image->file, host, size);
    host_lock_take(q->lock);
    if (!--q->in_flight && q->is_freeing)
        host_lock_wake(q->lock);
    return error;
}

/* The cluster of a compressed entry, in q->expanded_bytes. */
static int expand(struct disk_image *image, uint64_t entry)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t offset;
    uint32_t size;
    int error;

    if (q->expanded == entry)
        return 0;
    q->expanded = 0;
    if (!q->expanded_bytes)
        q->expanded_bytes = malloc(q->cluster_size);
    if (!q->packed_bytes) /* that size has as many bits as cluster_bits + 1 at most */
        q->packed_bytes = malloc(2ull * q->cluster_size + 1024);
    if (!q->expanded_bytes || !q->packed_bytes)
        return -ENOMEM;
    map_packed(q, entry, &offset, &size);
    if (offset < q->cluster_size || offset >= q->file_end)
        return qcow2_broken(image, "l2_table entry (compressed)", entry);
    error = file_read(&image->file, offset, q->packed_bytes, size);
    if (!error)
        error = squeeze_expand(q->use_zstd, q->packed_bytes, size, q->expanded_bytes,
                               q->cluster_size);
    if (!error)
        q->expanded = entry;
    return error;
}

static int read_run(struct disk_image *image, struct disk_data *data, uint64_t offset,
                    const struct qcow2_run *run)
{
    struct qcow2 *q = qcow2_of(image);
    int error = 0;

    switch (run->kind) {
    case KIND_DATA: return transfer(image, data, run->host, run->size, false);
    case KIND_COMPRESSED:
        error = expand(image, run->entry);
        if (!error)
            data_put(data, q->expanded_bytes + (offset & (q->cluster_size - 1)),
                     (size_t)run->size);
        return error;
    case KIND_ABSENT:
        host_lock_give(q->lock);
        error = backing_read(image, data, offset, run->size);
        host_lock_take(q->lock);
        return error;
    default: data_zero(data, run->size); return 0;
    }
}

int qcow2_read(struct disk_image *image, struct disk_data *data, uint64_t offset,
               uint64_t size)
{
    struct qcow2 *q = qcow2_of(image);
    struct qcow2_run run;
    int error = 0;

    while (size && !error) {
        enter(q);
        error = map_find(image, offset, size, &run);
        if (!error)
            error = read_run(image, data, offset, &run);
        leave(q);
        offset += run.size;
        size -= run.size;
    }
    return error;
}

/* ------------------------------------------------------------------- new clusters */

/* Clusters that a write gets: what is around its data must be made, too. */
struct fresh {
    uint64_t guest, host, count; /* clusters from these offsets on */
    bool is_zero;                /* the file has zeros there */
};

/* What the guest has at `offset`, which is in a cluster of `run`, as bytes. */
static int read_old(struct disk_image *image, const struct qcow2_run *run,
                    uint64_t run_offset, uint64_t offset, uint8_t *bytes, size_t size)
{
    struct qcow2 *q = qcow2_of(image);
    struct host_iov iov = { bytes, size };
    struct disk_data data = { &iov, 1, 0 };
    int error;

    switch (run->kind) {
    case KIND_DATA:
        return file_read(&image->file, run->host + (offset - run_offset), bytes, size);
    case KIND_COMPRESSED:
        error = expand(image, run->entry);
        if (!error)
            memcpy(bytes, q->expanded_bytes + (offset & (q->cluster_size - 1)), size);
        return error;
    case KIND_ABSENT: return backing_read(image, &data, offset, size);
    default: memset(bytes, 0, size); return 0;
    }
}

/* Copies what the guest has from `from` to `to`, within one cluster, to its new place. */
static int copy_old(struct disk_image *image, const struct qcow2_run *run,
                    uint64_t run_offset, const struct fresh *fresh, uint64_t from,
                    uint64_t to)
{
    uint64_t host = fresh->host + (from - fresh->guest);
    uint64_t backed = image->backing ? image->backing->size : 0;
    bool is_zero = run->kind == KIND_ZERO || run->kind == KIND_ZERO_ALLOCATED ||
                   (run->kind == KIND_ABSENT && from >= backed);
    uint8_t *bytes;
    int error;

    if (from == to || (is_zero && fresh->is_zero))
        return 0;
    if (is_zero)
        return file_zero(&image->file, host, to - from);
    bytes = malloc((size_t)(to - from));
    error = bytes ? read_old(image, run, run_offset, from, bytes, (size_t)(to - from))
                  : -ENOMEM;
    if (!error)
        error = file_write(&image->file, host, bytes, (size_t)(to - from));
    free(bytes);
    return error;
}

/* Takes clusters for as much of `run`, which is at `offset`, as there is room for. */
static int take_clusters(struct disk_image *image, struct qcow2_run *run, uint64_t offset,
                         struct fresh *fresh)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t inside = offset & (q->cluster_size - 1), size;
    uint64_t want = (inside + run->size + q->cluster_size - 1) >> q->cluster_bits;
    int error;

    fresh->guest = offset - inside;
    fresh->is_zero = false;
    if (run->kind == KIND_ZERO_ALLOCATED && run->is_copied) {
        fresh->host = run->entry & QCOW2_OFFSET;
        fresh->count = want;
    } else {
        error = clusters_alloc(image, want, &fresh->host, &fresh->count);
        if (error)
            return error;
        fresh->is_zero = fresh->host >= q->file_end;
    }
    size = (fresh->count << q->cluster_bits) - inside;
    if (run->size > size)
        run->size = size;
    if (fresh->host + (fresh->count << q->cluster_bits) > q->file_end)
        q->file_end = fresh->host + (fresh->count << q->cluster_bits);
    return 0;
}

/* Points the L2 entries at them, and frees what was there (or leaks it). */
static int point_at(struct disk_image *image, const struct fresh *fresh,
                    struct qcow2_table *table)
{
    struct qcow2 *q = qcow2_of(image);
    unsigned index = map_index(q, fresh->guest);
    int error = 0;

    for (uint64_t i = 0; i < fresh->count; i++) {
        uint64_t old = map_get(table, index + (unsigned)i);
        uint64_t host = fresh->host + (i << q->cluster_bits);
        int code = 0;
        if ((old & QCOW2_OFFSET) != host || old & QCOW2_COMPRESSED)
            code = map_release(image, old, false);
        error = error ? error : code;
        map_set(image, table, index + (unsigned)i, host | QCOW2_COPIED);
    }
    return error;
}

/* With the lock: data first, then what refers to it. */
static int write_new(struct disk_image *image, struct disk_data *data, uint64_t offset,
                     struct qcow2_run *run)
{
    struct fresh fresh;
    bool in_place = run->kind == KIND_ZERO_ALLOCATED && run->is_copied;
    int error = take_clusters(image, run, offset, &fresh);
    struct qcow2_table *table;
    uint64_t end;

    if (error)
        return error;
    end = fresh.guest + (fresh.count << qcow2_of(image)->cluster_bits);
    error = copy_old(image, run, offset, &fresh, fresh.guest, offset);
    if (!error)
        error = data_write(data, &image->file, fresh.host + (offset - fresh.guest),
                           run->size);
    if (!error)
        error = copy_old(image, run, offset, &fresh, offset + run->size, end);
    if (!error)
        error = map_table(image, fresh.guest, &table);
    if (!error)
        return point_at(image, &fresh, table);
    if (!in_place)
        clusters_unalloc(image, fresh.host, fresh.count);
    return error;
}

int qcow2_write(struct disk_image *image, struct disk_data *data, uint64_t offset,
                uint64_t size)
{
    struct qcow2 *q = qcow2_of(image);
    struct qcow2_run run;
    int error = 0;

    while (size && !error) {
        run.size = 0;
        enter(q);
        error = q->is_broken ? -EIO : map_find(image, offset, size, &run);
        if (!error && run.kind == KIND_DATA && run.is_copied) {
            error = transfer(image, data, run.host, run.size, true);
        } else if (!error) {
            error = qcow2_begin(image);
            if (!error) /* that may have waited */
                error = map_find(image, offset, size, &run);
            if (!error && run.kind == KIND_DATA && run.is_copied)
                error = transfer(image, data, run.host, run.size, true);
            else if (!error)
                error = write_new(image, data, offset, &run);
        }
        leave(q);
        offset += run.size;
        size -= run.size;
    }
    return error;
}

/* --------------------------------------------------------------- discard and zeros */

struct erase {
    bool zero, may_unmap, has_backing;
    bool forget; /* the image ends before */
};

/* What an entry becomes; the same: it stays. */
static uint64_t erased(const struct qcow2 *q, const struct erase *erase, uint64_t entry)
{
    enum qcow2_kind kind = map_kind(q, entry);

    if (erase->forget)
        return 0;
    if (kind == KIND_ABSENT && !erase->has_backing)
        return entry;
    if (kind == KIND_ZERO || (kind == KIND_ZERO_ALLOCATED && !erase->may_unmap))
        return entry;
    if (q->version < 3)
        return 0;
    if (kind == KIND_DATA && !erase->may_unmap && entry & QCOW2_COPIED)
        return entry | QCOW2_ZERO;
    return erase->has_backing || erase->zero ? QCOW2_ZERO : 0;
}

/* Whole guest clusters of one L2 table. */
static int erase_table(struct disk_image *image, uint64_t offset, unsigned count,
                       const struct erase *erase)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t l1_index = offset >> (q->cluster_bits + q->l2_bits);
    unsigned index = map_index(q, offset);
    struct qcow2_table *table;
    int error = qcow2_begin(image);

    if (!error && !(l1_index < q->l1_entries && q->l1[l1_index] & QCOW2_OFFSET) &&
        !erase->has_backing)
        return 0;
    if (!error)
        error = map_table(image, offset, &table);
    for (unsigned i = index; i < index + count && !error; i++) {
        uint64_t old = map_get(table, i), new = erased(q, erase, old);
        if (new == old)
            continue;
        if (!(new &QCOW2_OFFSET))
            error = map_release(image, old, erase->may_unmap);
        if (!error)
            map_set(image, table, i, new);
    }
    return error;
}

/* Whole guest clusters; the last one may be the image's, which is not whole. */
static int erase_clusters(struct disk_image *image, uint64_t offset, uint64_t size,
                          struct erase erase)
{
    struct qcow2 *q = qcow2_of(image);
    int error = 0;

    for (uint64_t done; size && !error; offset += done, size -= done) {
        uint64_t table_end = ((offset >> (q->cluster_bits + q->l2_bits)) + 1)
                             << (q->cluster_bits + q->l2_bits);
        done = table_end - offset < size ? table_end - offset : size;
        erase.has_backing =
            !erase.forget && image->backing && offset < image->backing->size;
        enter(q);
        error = erase_table(image, offset,
                            (unsigned)((done + q->cluster_size - 1) >> q->cluster_bits),
                            &erase);
        leave(q);
    }
    return error;
}

/* The whole clusters in a range; false: there are none. */
static bool whole_clusters(struct disk_image *image, uint64_t offset, uint64_t size,
                           uint64_t *from, uint64_t *to)
{
    uint64_t mask = qcow2_of(image)->cluster_size - 1, end = offset + size;

    *from = (offset + mask) & ~mask;
    *to = end == image->size ? end : end & ~mask;
    return *from < *to;
}

int qcow2_discard(struct disk_image *image, uint64_t offset, uint64_t size)
{
    struct erase erase = { .may_unmap = true };
    uint64_t from, to;

    if (!whole_clusters(image, offset, size, &from, &to))
        return 0;
    if (qcow2_of(image)->version < 3 && image->backing)
        return 0; /* there is no way to say it */
    return erase_clusters(image, from, to - from, erase);
}

int qcow2_forget(struct disk_image *image, uint64_t offset, uint64_t size)
{
    struct erase erase = { .may_unmap = true, .forget = true };

    return erase_clusters(image, offset, size, erase);
}

/* Writes zeros where something else is. */
static int write_zeros(struct disk_image *image, uint64_t offset, uint64_t size)
{
    static const char zeros[64 << 10];
    struct qcow2 *q = qcow2_of(image);
    int error = 0;

    while (size && !error) {
        struct host_iov iov = { (void *)(uintptr_t)zeros, sizeof(zeros) };
        struct disk_data data = { &iov, 1, 0 };
        struct qcow2_run run;
        enter(q);
        error = map_find(image, offset, size, &run);
        leave(q);
        if (error)
            break;
        if (run.kind != KIND_ZERO && run.kind != KIND_ZERO_ALLOCATED &&
            !(run.kind == KIND_ABSENT &&
              (!image->backing || offset >= image->backing->size))) {
            if (run.size > sizeof(zeros))
                run.size = sizeof(zeros);
            error = qcow2_write(image, &data, offset, run.size);
        }
        offset += run.size;
        size -= run.size;
    }
    return error;
}

int qcow2_zero(struct disk_image *image, uint64_t offset, uint64_t size, bool may_unmap)
{
    struct erase erase = { .zero = true, .may_unmap = may_unmap };
    uint64_t from, to;
    int error;

    if (!whole_clusters(image, offset, size, &from, &to) ||
        (qcow2_of(image)->version < 3 && image->backing))
        return write_zeros(image, offset, size);
    error = write_zeros(image, offset, from - offset);
    if (!error)
        error = erase_clusters(image, from, to - from, erase);
    return error ? error : write_zeros(image, to, offset + size - to);
}

/* --------------------------------------------------------------------- compression */

/* Where `size` bytes of a compressed cluster go.  With the lock. */
static int take_packed(struct disk_image *image, uint32_t size, uint64_t *offset)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t mask = q->cluster_size - 1, room = -q->packed_next & mask, place, got;
    uint64_t refcount = UINT64_MAX, before = q->packed_next;
    int error = 0;

    if (room)
        error = refcount_get(image, before >> q->cluster_bits, &refcount);
    if (error)
        return error;
    if (refcount >= refcount_max(q))
        room = 0;
    place = before + room;
    if (room < size) {
        error = clusters_alloc(image, 1, &place, &got);
        if (error)
            return error;
        if (place + q->cluster_size > q->file_end)
            q->file_end = place + q->cluster_size;
    }
    if (room && (room >= size || place == before + room)) {
        error = refcount_add(image, before >> q->cluster_bits, 1);
        place = before;
    }
    *offset = place;
    q->packed_next = place + size;
    return error;
}

static int put_packed(struct disk_image *image, uint64_t guest, const uint8_t *bytes,
                      uint32_t size)
{
    struct qcow2 *q = qcow2_of(image);
    unsigned split = 62 - (q->cluster_bits - 8);
    struct qcow2_table *table = NULL;
    uint64_t offset, sectors;
    int error = take_packed(image, size, &offset);

    if (error)
        return error;
    if ((offset + size) >> split)
        return -EFBIG;
    sectors = ((offset + size - 1) >> 9) - (offset >> 9);
    error = file_write(&image->file, offset, bytes, size);
    if (!error)
        error = map_table(image, guest, &table);
    if (!error)
        map_set(image, table, map_index(q, guest),
                QCOW2_COMPRESSED | sectors << split | offset);
    return error; /* what was taken may be leaked */
}

int qcow2_write_compressed(struct disk_image *image, uint64_t offset, const void *from,
                           size_t size)
{
    struct qcow2 *q = qcow2_of(image);
    struct host_iov iov = { (void *)(uintptr_t)from, size };
    struct disk_data data = { &iov, 1, 0 };
    uint8_t *whole = calloc(2, q->cluster_size), *packed;
    struct qcow2_run run = { .kind = KIND_DATA };
    int64_t length;
    int error;

    if (!whole)
        return -ENOMEM;
    if (offset & (q->cluster_size - 1) || size > q->cluster_size ||
        (size < q->cluster_size && offset + size != image->size)) {
        free(whole);
        return -EINVAL;
    }
    packed = whole + q->cluster_size;
    memcpy(whole, from, size);
    length =
        squeeze_pack(q->use_zstd, whole, q->cluster_size, packed, q->cluster_size - 1);
    enter(q);
    error = length == -ENOTSUP ? -ENOTSUP : qcow2_begin(image);
    if (!error)
        error = map_find(image, offset, size, &run);
    if (!error && length >= 0 && (run.kind == KIND_ABSENT || run.kind == KIND_ZERO)) {
        error = put_packed(image, offset, packed, (uint32_t)length);
        leave(q);
    } else {
        leave(q);
        if (!error)
            error = qcow2_write(image, &data, offset, size);
    }
    free(whole);
    return error;
}

/* ------------------------------------------------------------------------- extents */

int qcow2_extent(struct disk_image *image, uint64_t offset, uint64_t size,
                 struct disk_extent *extent)
{
    struct qcow2 *q = qcow2_of(image);
    struct qcow2_run run;
    int error;

    enter(q);
    error = map_find(image, offset, size, &run);
    leave(q);
    extent->size = run.size;
    extent->is_present = run.kind != KIND_ABSENT;
    extent->is_zero = run.kind == KIND_ZERO || run.kind == KIND_ZERO_ALLOCATED ||
                      (run.kind == KIND_ABSENT && !image->backing);
    extent->has_data = run.kind == KIND_DATA || run.kind == KIND_COMPRESSED;
    extent->has_offset = run.kind == KIND_DATA || run.kind == KIND_ZERO_ALLOCATED;
    extent->offset = extent->has_offset ? run.host : 0;
    extent->compressed = run.kind == KIND_COMPRESSED;
    return error;
}
