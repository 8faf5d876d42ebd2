/* qcow2_resize.c - other sizes, and clusters ahead of their use.  See qcow2.h. */
#include "sys/block/qcow2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Takes clusters for what one L2 table has none for. */
static int preallocate_table(struct disk_image *image, uint64_t from, uint64_t to,
                             enum disk_preallocation preallocation)
{
    struct qcow2 *q = qcow2_of(image);
    int error = 0;

    for (uint64_t at = from, host, got; at < to && !error; at += got << q->cluster_bits) {
        uint64_t want = (to - at + q->cluster_size - 1) >> q->cluster_bits, size;
        struct qcow2_table *table;
        struct qcow2_run run;
        error = map_find(image, at, to - at, &run);
        if (error)
            break;
        got = (run.size + q->cluster_size - 1) >> q->cluster_bits;
        if (run.kind != KIND_ABSENT)
            continue;
        error = clusters_alloc(image, got < want ? got : want, &host, &got);
        if (error)
            break;
        size = got << q->cluster_bits;
        if (preallocation == DISK_FULL || host < q->file_end)
            error = file_zero(&image->file, host, size);
        else if (preallocation == DISK_FALLOC)
            error = host_disk_reserve(image->file.fd, host, size);
        if (host + size > q->file_end)
            q->file_end = host + size;
        if (!error)
            error = map_table(image, at, &table);
        for (uint64_t i = 0; i < got && !error; i++)
            map_set(image, table, map_index(q, at) + (unsigned)i,
                    (host + (i << q->cluster_bits)) | QCOW2_COPIED);
        if (error)
            clusters_unalloc(image, host, got);
    }
    return error;
}

int qcow2_preallocate(struct disk_image *image, uint64_t from, uint64_t to,
                      enum disk_preallocation preallocation)
{
    struct qcow2 *q = qcow2_of(image);
    unsigned shift = q->cluster_bits + q->l2_bits;
    int error = 0;

    from &= ~(uint64_t)(q->cluster_size - 1);
    host_lock_take(q->lock);
    for (uint64_t end; from < to && !error; from = end) {
        end = ((from >> shift) + 1) << shift;
        if (end > to)
            end = to;
        error = qcow2_begin(image);
        if (!error)
            error = preallocate_table(image, from, end, preallocation);
    }
    if (!error)
        error = qcow2_sync(image);
    /* The clusters are in the file, not behind it. */
    if (!error && host_disk_size(image->file.fd) < (int64_t)q->file_end)
        error = host_disk_resize(image->file.fd, q->file_end);
    host_lock_give(q->lock);
    return error;
}

/* -------------------------------------------------------------------------- resize */

/* An L1 table with at least `least` entries. */
static int grow_l1(struct disk_image *image, uint64_t least)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t clusters = (least * 8 + q->cluster_size - 1) >> q->cluster_bits, offset;
    uint64_t old_clusters =
        (q->l1_entries * 8ull + q->cluster_size - 1) >> q->cluster_bits;
    size_t bytes = (size_t)clusters << q->cluster_bits;
    uint64_t *l1;
    uint8_t *table, place[12];
    int error;

    if (least > QCOW2_MAX_L1 / 8)
        return -EFBIG;
    error = clusters_alloc_all(image, clusters, &offset);
    if (!error)
        error = qcow2_sync(image); /* also what the entries point to */
    if (error)
        return error;
    if (offset + bytes > q->file_end)
        q->file_end = offset + bytes;
    l1 = realloc(q->l1, (size_t)least * sizeof(*l1));
    table = calloc(1, bytes);
    if (l1)
        q->l1 = l1;
    error = l1 && table ? 0 : -ENOMEM;
    for (uint32_t i = 0; !error && i < q->l1_entries; i++)
        put_be64(table + i * 8ull, l1[i]);
    if (!error)
        error = file_write(&image->file, offset, table, bytes);
    free(table);
    if (!error)
        error = file_sync(&image->file);
    put_be32(place, (uint32_t)least);
    put_be64(place + 4, offset);
    if (!error)
        error = file_write(&image->file, H_L1_SIZE, place, sizeof(place));
    if (!error)
        error = file_sync(&image->file);
    if (error) {
        clusters_unalloc(image, offset, clusters);
        return error;
    }
    memset(l1 + q->l1_entries, 0, (size_t)(least - q->l1_entries) * sizeof(*l1));
    if (old_clusters && q->l1_offset)
        error = clusters_free(image, q->l1_offset, old_clusters, false);
    q->l1_entries = (uint32_t)least;
    q->l1_offset = offset;
    return error;
}

static int write_size(struct disk_image *image)
{
    struct qcow2 *q = qcow2_of(image);
    uint8_t bytes[8];
    int error;

    host_lock_take(q->lock);
    error = qcow2_sync(image);
    host_lock_give(q->lock);
    put_be64(bytes, image->size);
    if (!error)
        error = file_write(&image->file, H_SIZE, bytes, sizeof(bytes));
    return error ? error : file_sync(&image->file);
}

static int shrink(struct disk_image *image, uint64_t size)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t mask = q->cluster_size - 1, whole = (size + mask) & ~mask;
    uint64_t before = image->size;
    int error = 0;

    if (whole < before)
        error = qcow2_forget(image, whole, before - whole);
    if (!error && whole > size) /* it must not come back */
        error = qcow2_zero(image, size, (whole < before ? whole : before) - size, false);
    image->size = size;
    if (!error)
        error = write_size(image);
    if (error)
        image->size = before;
    return error;
}

static int grow(struct disk_image *image, uint64_t size,
                enum disk_preallocation preallocation)
{
    struct qcow2 *q = qcow2_of(image);
    unsigned shift = q->cluster_bits + q->l2_bits;
    uint64_t least = (size >> shift) + ((size & (((uint64_t)1 << shift) - 1)) != 0);
    uint64_t mask = q->cluster_size - 1, before = image->size, end;
    int error;

    host_lock_take(q->lock);
    error = qcow2_begin(image);
    if (!error && least > q->l1_entries)
        error = grow_l1(image, least);
    host_lock_give(q->lock);
    if (error)
        return error;
    /* What the backing file has there, or a larger image had, is not the guest's. */
    end = (before + mask) & ~mask;
    if (image->backing && image->backing->size > end)
        end = image->backing->size;
    image->size = size;
    if (end > size)
        end = size;
    error = end > before ? qcow2_zero(image, before, end - before, true) : 0;
    if (!error)
        error = write_size(image);
    if (error)
        image->size = before;
    else if (preallocation)
        error = qcow2_preallocate(image, before, size, preallocation);
    return error;
}

int qcow2_resize(struct disk_image *image, uint64_t size,
                 enum disk_preallocation preallocation, char error[DISK_ERROR])
{
    struct qcow2 *q = qcow2_of(image);
    int code;

    if (size % DISK_SECTOR)
        return format_error(image, error, -EINVAL, "the size must be a multiple of 512");
    if (size > INT64_MAX)
        return format_error(image, error, -EFBIG, "cannot be resized");
    if (q->snapshot_count && (q->version < 3 || size < image->size))
        return format_error(image, error, -ENOTSUP,
                            "cannot be resized: it has internal snapshots");
    code = size < image->size ? shrink(image, size) : grow(image, size, preallocation);
    return code ? format_error(image, error, code, "cannot be resized") : 0;
}
