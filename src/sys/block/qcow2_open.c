/* qcow2_open.c - the header, and what an image says of itself.  See qcow2.h.
 *
 * Every number is checked before it is used; what is wrong is named by its field. */
#include "sys/block/qcow2.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CORRUPT(image, error, field, value)                                              \
    format_error(image, error, -EINVAL, "corrupt: field=%s: 0x%llx", field,              \
                 (unsigned long long)(value))

bool qcow2_probe(const uint8_t *head, size_t size)
{
    return size >= 8 && be32(head) == QCOW2_MAGIC && be32(head + H_VERSION) >= 2;
}

static int unsupported(struct disk_image *image, char error[DISK_ERROR],
                       const char *field, const char *what)
{
    return format_error(image, error, -ENOTSUP, "unsupported: field=%s: %s", field, what);
}

/* What versions 2 and 3 have in common, and how large things are. */
static int read_header(struct disk_image *image, const uint8_t *h, char error[DISK_ERROR])
{
    struct qcow2 *q = qcow2_of(image);
    uint32_t order = 4;

    if (be32(h) != QCOW2_MAGIC)
        return CORRUPT(image, error, "magic", be32(h));
    q->version = be32(h + H_VERSION);
    if (q->version != 2 && q->version != 3)
        return format_error(image, error, -ENOTSUP, "unsupported: field=version: %u",
                            q->version);
    q->cluster_bits = be32(h + H_CLUSTER_BITS);
    if (q->cluster_bits < QCOW2_MIN_BITS || q->cluster_bits > QCOW2_MAX_BITS)
        return CORRUPT(image, error, "cluster_bits", q->cluster_bits);
    q->cluster_size = 1u << q->cluster_bits;
    q->l2_bits = q->cluster_bits - 3;
    q->header_length = QCOW2_V2_HEADER;
    if (q->version == 3) {
        q->incompatible = be64(h + H_INCOMPATIBLE);
        q->compatible = be64(h + H_COMPATIBLE);
        q->autoclear = be64(h + H_AUTOCLEAR);
        order = be32(h + H_REFCOUNT_ORDER);
        q->header_length = be32(h + H_HEADER_LENGTH);
        if (q->header_length < QCOW2_V3_HEADER || q->header_length > q->cluster_size)
            return CORRUPT(image, error, "header_length", q->header_length);
    }
    if (order > 6)
        return CORRUPT(image, error, "refcount_order", order);
    q->refcount_bits = 1u << order;
    q->refblock_bits = q->cluster_bits + 3 - order;
    image->size = be64(h + H_SIZE);
    if (image->size > INT64_MAX)
        return CORRUPT(image, error, "size", image->size);
    /* It ends with a whole sector; what is behind it was never the guest's. */
    image->size &= ~(uint64_t)(DISK_SECTOR - 1);
    return 0;
}

static int read_features(struct disk_image *image, const uint8_t *h,
                         char error[DISK_ERROR])
{
    struct qcow2 *q = qcow2_of(image);
    bool look = image->flags & DISK_NO_DATA;
    uint64_t known = QCOW2_DIRTY | QCOW2_CORRUPT | QCOW2_DATA_FILE | QCOW2_COMPRESSION |
                     QCOW2_EXTENDED_L2;
    unsigned type = q->header_length > H_COMPRESSION_TYPE ? h[H_COMPRESSION_TYPE] : 0;

    q->crypt = be32(h + H_CRYPT);
    if (q->crypt > 2)
        return CORRUPT(image, error, "crypt_method", q->crypt);
    if (q->incompatible & ~known)
        return format_error(image, error, -ENOTSUP,
                            "unsupported: field=incompatible_features: 0x%llx",
                            (unsigned long long)(q->incompatible & ~known));
    if (type > 1 || (type == 1) != !!(q->incompatible & QCOW2_COMPRESSION))
        return CORRUPT(image, error, "compression_type", type);
    q->use_zstd = type == 1;
    if (look)
        return 0;
    if (q->crypt)
        return unsupported(image, error, "crypt_method",
                           q->crypt == 1 ? "it is encrypted (AES)"
                                         : "it is encrypted (LUKS)");
    if (q->incompatible & QCOW2_DATA_FILE)
        return unsupported(image, error, "incompatible_features",
                           "an external data file");
    if (q->incompatible & QCOW2_EXTENDED_L2)
        return unsupported(image, error, "incompatible_features", "extended L2 entries");
    if (q->use_zstd && !squeeze_has(true))
        return unsupported(image, error, "compression_type",
                           "zstd, and this rhea was built without libzstd");
    if (q->incompatible & QCOW2_CORRUPT && image->file.is_writable &&
        !(image->flags & DISK_CHECK))
        return format_error(image, error, -EINVAL,
                            "corrupt: field=incompatible_features: it is marked as "
                            "corrupt; see `rhea img check -r all`");
    return 0;
}

/* A table that must lie in the file, as whole clusters from one on. */
static int check_table(struct disk_image *image, uint64_t offset, uint64_t bytes,
                       const char *field, char error[DISK_ERROR])
{
    struct qcow2 *q = qcow2_of(image);

    if (!bytes && !offset)
        return 0;
    if (!map_is_cluster(q, offset))
        return CORRUPT(image, error, field, offset);
    /* The file may end within the last cluster. */
    if (offset > q->file_end ||
        bytes > ((q->file_end + q->cluster_size - 1) & ~(uint64_t)(q->cluster_size - 1)) -
                    offset)
        return CORRUPT(image, error, field, offset);
    return 0;
}

static int read_numbers(struct disk_image *image, uint64_t offset, uint32_t count,
                        uint64_t **numbers)
{
    uint64_t *table = calloc(count ? count : 1, sizeof(*table));
    int error = table ? file_read(&image->file, offset, table, count * 8ull) : -ENOMEM;

    for (uint32_t i = 0; !error && i < count; i++)
        table[i] = be64(&table[i]);
    *numbers = table;
    return error;
}

static int read_tables(struct disk_image *image, const uint8_t *h, char error[DISK_ERROR])
{
    struct qcow2 *q = qcow2_of(image);
    unsigned shift = q->cluster_bits + q->l2_bits;
    uint64_t least =
        (image->size >> shift) + ((image->size & (((uint64_t)1 << shift) - 1)) != 0);
    int code;

    q->l1_entries = be32(h + H_L1_SIZE);
    q->l1_offset = be64(h + H_L1_OFFSET);
    if (q->l1_entries > QCOW2_MAX_L1 / 8)
        return CORRUPT(image, error, "l1_size", q->l1_entries);
    if (q->l1_entries < least)
        return CORRUPT(image, error, "l1_size", q->l1_entries);
    q->reftable_offset = be64(h + H_REFTABLE_OFFSET);
    q->reftable_clusters = be32(h + H_REFTABLE_CLUSTERS);
    if (q->reftable_clusters > (uint32_t)QCOW2_MAX_REFTABLE >> q->cluster_bits ||
        (!q->reftable_clusters && !(image->flags & DISK_CHECK)))
        return CORRUPT(image, error, "refcount_table_clusters", q->reftable_clusters);
    code =
        check_table(image, q->l1_offset, q->l1_entries * 8ull, "l1_table_offset", error);
    if (!code)
        code = check_table(image, q->reftable_offset,
                           (uint64_t)q->reftable_clusters << q->cluster_bits,
                           "refcount_table_offset", error);
    if (code)
        return code;
    q->reftable_entries =
        (uint32_t)((uint64_t)q->reftable_clusters << q->cluster_bits >> 3);
    code = read_numbers(image, q->l1_offset, q->l1_entries, &q->l1);
    if (!code)
        code = read_numbers(image, q->reftable_offset, q->reftable_entries, &q->reftable);
    return code ? format_error(image, error, code, "its tables cannot be read") : 0;
}

static char *copy_text(const uint8_t *from, uint32_t size)
{
    char *text = malloc(size + 1ull);

    if (text) {
        memcpy(text, from, size);
        text[size] = 0;
    }
    return text;
}

/* The extensions, between the header and what comes first behind it. */
static int read_extensions(struct disk_image *image, const uint8_t *head, uint32_t end,
                           char error[DISK_ERROR])
{
    struct qcow2 *q = qcow2_of(image);
    uint32_t at = q->header_length;

    while (end - at >= 8) {
        uint32_t kind = be32(head + at), length = be32(head + at + 4);
        at += 8;
        if (kind == EXT_END)
            break;
        if (length > end - at)
            return CORRUPT(image, error, "header extension length", length);
        if (kind == EXT_BACKING_FORMAT && !image->backing_format) {
            image->backing_format = copy_text(head + at, length);
            if (!image->backing_format)
                return format_error(image, error, -ENOMEM, "its header");
        } else if (kind == EXT_BITMAPS) {
            q->has_bitmaps = true;
        }
        length = (length + 7) & ~7u;
        if (length > end - at)
            break;
        at += length;
    }
    return 0;
}

static int read_names(struct disk_image *image, const uint8_t *head,
                      char error[DISK_ERROR])
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t offset = be64(head + H_BACKING_OFFSET);
    uint32_t size = be32(head + H_BACKING_SIZE), end = q->cluster_size;

    if (offset) {
        if (size > QCOW2_MAX_NAME)
            return CORRUPT(image, error, "backing_file_size", size);
        if (offset < q->header_length || offset > q->cluster_size - size)
            return CORRUPT(image, error, "backing_file_offset", offset);
        end = (uint32_t)offset;
        if (size) {
            image->backing_name = copy_text(head + offset, size);
            if (!image->backing_name)
                return format_error(image, error, -ENOMEM, "its header");
            if (strlen(image->backing_name) != size)
                return CORRUPT(image, error, "backing_file", 0);
        }
    }
    return read_extensions(image, head, end, error);
}

/* ----------------------------------------------------------------------- snapshots */

void qcow2_free_snapshots(struct qcow2 *q)
{
    for (uint32_t i = 0; q->snapshots && i < q->snapshot_count; i++) {
        free(q->snapshots[i].id);
        free(q->snapshots[i].name);
    }
    free(q->snapshots);
    free(q->snapshot_l1);
    q->snapshots = NULL;
    q->snapshot_l1 = NULL;
}

/* One entry of the table: how many bytes it has; 0: it is wrong. */
static uint64_t read_snapshot(struct disk_image *image, const uint8_t *at, uint64_t room,
                              uint32_t number)
{
    enum { HEADER = 40, MOST_EXTRA = 1024 };
    struct qcow2 *q = qcow2_of(image);
    struct disk_snapshot *snapshot = &q->snapshots[number];
    uint64_t size, extra, id, name;

    if (room < HEADER)
        return 0;
    extra = be32(at + 36);
    id = at[12] << 8 | at[13];
    name = at[14] << 8 | at[15];
    size = HEADER + extra + id + name;
    if (extra > MOST_EXTRA || size > room)
        return 0;
    q->snapshot_l1[number].offset = be64(at);
    q->snapshot_l1[number].entries = be32(at + 8);
    if (q->snapshot_l1[number].entries > QCOW2_MAX_L1 / 8)
        return 0;
    snapshot->date_s = be32(at + 16);
    snapshot->date_ns = be32(at + 20);
    snapshot->vm_clock_ns = be64(at + 24);
    snapshot->vm_state_size = extra >= 8 ? be64(at + HEADER) : be32(at + 32);
    snapshot->disk_size = extra >= 16 ? be64(at + HEADER + 8) : image->size;
    snapshot->has_icount = extra >= 24 && be64(at + HEADER + 16) != UINT64_MAX;
    snapshot->icount = snapshot->has_icount ? be64(at + HEADER + 16) : 0;
    snapshot->id = copy_text(at + HEADER + extra, (uint32_t)id);
    snapshot->name = copy_text(at + HEADER + extra + id, (uint32_t)name);
    if (!snapshot->id || !snapshot->name)
        return 0;
    return (size + 7) & ~(uint64_t)7;
}

int qcow2_open_snapshots(struct disk_image *image, const uint8_t *h,
                         char error[DISK_ERROR])
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t offset = be64(h + H_SNAPSHOT_OFFSET), room, at = 0;
    uint32_t count = be32(h + H_SNAPSHOTS);
    uint8_t *table;
    int code;

    if (!count)
        return 0;
    if (count > QCOW2_MAX_SNAPSHOTS)
        return CORRUPT(image, error, "nb_snapshots", count);
    if (!map_is_cluster(q, offset) || offset >= q->file_end)
        return CORRUPT(image, error, "snapshots_offset", offset);
    room = q->file_end - offset;
    if (room > QCOW2_MAX_SNAPSHOT_TABLE)
        room = QCOW2_MAX_SNAPSHOT_TABLE;
    if (room > count * 2048ull + 128 * 1024) /* names are rarely that long */
        room = count * 2048ull + 128 * 1024;
    q->snapshots = calloc(count, sizeof(*q->snapshots));
    q->snapshot_l1 = calloc(count, sizeof(*q->snapshot_l1));
    table = malloc((size_t)room);
    q->snapshot_count = q->snapshots ? count : 0;
    code = table && q->snapshots && q->snapshot_l1
               ? file_read(&image->file, offset, table, (size_t)room)
               : -ENOMEM;
    for (uint32_t i = 0; i < count && !code; i++) {
        uint64_t size = read_snapshot(image, table + at, room - at, i);
        if (!size)
            code = CORRUPT(image, error, "snapshot table entry", i);
        at += size;
        if (at > room)
            at = room; /* only its padding is missing */
    }
    free(table);
    q->snapshot_offset = offset;
    q->snapshot_table_size = at;
    return code;
}

/* ---------------------------------------------------------------------------- open */

static int open_parts(struct disk_image *image, uint8_t *head, char error[DISK_ERROR])
{
    struct qcow2 *q = qcow2_of(image);
    int code = file_read(&image->file, 0, head, DISK_SECTOR);

    if (!code)
        code = read_header(image, head, error);
    else
        format_error(image, error, code, "its header cannot be read");
    if (!code && file_read(&image->file, 0, head, q->cluster_size))
        code = format_error(image, error, -EIO, "its header cannot be read");
    if (!code)
        code = read_features(image, head, error);
    if (!code)
        code = read_names(image, head, error);
    if (!code)
        code = qcow2_open_snapshots(image, head, error);
    if (code || q->crypt || q->incompatible & (QCOW2_DATA_FILE | QCOW2_EXTENDED_L2))
        return code; /* only looked at */
    return read_tables(image, head, error);
}

static void free_parts(struct disk_image *image)
{
    struct qcow2 *q = qcow2_of(image);

    tables_free(&q->l2_cache);
    tables_free(&q->ref_cache);
    qcow2_free_snapshots(q);
    host_lock_free(q->lock);
    free(q->l1);
    free(q->reftable);
    free(q->frees);
    free(q->expanded_bytes);
    free(q->packed_bytes);
    free(q);
    image->state = NULL;
}

/* Refcounts were not written before the last user died: counts them. */
static int repair_dirty(struct disk_image *image, char error[DISK_ERROR])
{
    struct disk_check check = { .report = NULL };
    int code = disk_check(image, DISK_REPAIR_ALL, &check);

    if (code)
        return format_error(image, error, code, "is marked as dirty, cannot be repaired");
    if (check.errors || check.corruptions > check.corruptions_fixed)
        return format_error(image, error, -EINVAL,
                            "corrupt: it is marked as dirty, and not all of it can be "
                            "repaired; see `rhea img check`");
    return 0;
}

int qcow2_open(struct disk_image *image, char error[DISK_ERROR])
{
    enum { L2_BYTES = 32 << 20, REF_BYTES = 8 << 20 };
    struct qcow2 *q = calloc(1, sizeof(*q));
    uint8_t *head = malloc((size_t)1 << QCOW2_MAX_BITS);
    int64_t size = host_disk_size(image->file.fd);
    int code = size < 0 ? (int)size : -ENOMEM;

    image->state = q;
    if (q && head && size >= 0 && (q->lock = host_lock_new())) {
        q->file_end = (uint64_t)size;
        code = open_parts(image, head, error);
    } else {
        format_error(image, error, code, "cannot be opened");
    }
    free(head);
    if (!code) {
        tables_init(&q->l2_cache, q->cluster_size, L2_BYTES);
        tables_init(&q->ref_cache, q->cluster_size, REF_BYTES);
        if (!q->l2_cache.buckets || !q->ref_cache.buckets)
            code = format_error(image, error, -ENOMEM, "cannot be opened");
    }
    if (!code && q->incompatible & QCOW2_DIRTY && image->file.is_writable &&
        !(image->flags & DISK_CHECK))
        code = repair_dirty(image, error);
    if (code && q)
        free_parts(image);
    return code;
}

int qcow2_close(struct disk_image *image)
{
    struct qcow2 *q = qcow2_of(image);
    int error = 0;

    if (image->file.is_writable) {
        host_lock_take(q->lock);
        error = qcow2_end_lazy(image);
        host_lock_give(q->lock);
    }
    free_parts(image);
    return error;
}

static int qcow2_flush(struct disk_image *image)
{
    struct qcow2 *q = qcow2_of(image);
    bool has_tables;
    int error = 0;

    host_lock_take(q->lock);
    while (q->is_freeing)
        host_lock_wait(q->lock);
    has_tables = q->l2_cache.dirty_count || q->l1_dirty_from != q->l1_dirty_to ||
                 q->free_count || q->is_broken;
    if (has_tables)
        error = qcow2_sync(image);
    host_lock_give(q->lock);
    return has_tables ? error : file_sync(&image->file);
}

static void qcow2_info(struct disk_image *image, struct disk_info *info)
{
    const struct qcow2 *q = qcow2_of(image);

    info->cluster_size = q->cluster_size;
    info->is_encrypted = q->crypt != 0;
    info->is_dirty = q->incompatible & QCOW2_DIRTY;
    info->version = q->version;
    info->refcount_bits = q->refcount_bits;
    info->lazy_refcounts = q->compatible & QCOW2_LAZY;
    info->corrupt = q->incompatible & QCOW2_CORRUPT;
    info->extended_l2 = q->incompatible & QCOW2_EXTENDED_L2;
    info->has_data_file = q->incompatible & QCOW2_DATA_FILE;
    info->use_zstd = q->use_zstd;
    info->snapshots = q->snapshots;
    info->snapshot_count = q->snapshot_count;
}

const struct disk_format format_qcow2 = {
    .name = "qcow2",
    .probe = qcow2_probe,
    .open = qcow2_open,
    .close = qcow2_close,
    .read = qcow2_read,
    .write = qcow2_write,
    .flush = qcow2_flush,
    .discard = qcow2_discard,
    .zero = qcow2_zero,
    .resize = qcow2_resize,
    .write_compressed = qcow2_write_compressed,
    .extent = qcow2_extent,
    .create = qcow2_create,
    .info = qcow2_info,
    .check = qcow2_check,
};
