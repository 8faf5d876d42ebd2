/* qcow2_create.c - new images.  See qcow2.h. */
#include "sys/block/qcow2.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first clusters: the header, the refcount table and its blocks, the L1 table. */
struct layout {
    unsigned cluster_bits;
    uint64_t reftable, blocks, l1; /* clusters of each */
    uint64_t l1_entries;
};

static bool is_power_of_two(uint64_t value)
{
    return value && !(value & (value - 1));
}

static int refuse(char error[DISK_ERROR], int code, const char *why)
{
    snprintf(error, DISK_ERROR, "%s", why);
    return code;
}

static int check_options(const struct disk_create *options, char error[DISK_ERROR])
{
    if (options->version != 2 && options->version != 3)
        return refuse(error, -EINVAL, "compat must be 0.10 or 1.1");
    if (!is_power_of_two(options->cluster_size) ||
        options->cluster_size < 1u << QCOW2_MIN_BITS ||
        options->cluster_size > 1u << QCOW2_MAX_BITS)
        return refuse(error, -EINVAL,
                      "cluster_size must be a power of two between 512 and 2M");
    if (!is_power_of_two(options->refcount_bits) || options->refcount_bits > 64)
        return refuse(error, -EINVAL, "refcount_bits must be a power of two, at most 64");
    if (options->version < 3 && options->refcount_bits != 16)
        return refuse(error, -EINVAL, "refcount_bits other than 16 need compat=1.1");
    if (options->version < 3 && options->lazy_refcounts)
        return refuse(error, -EINVAL, "lazy_refcounts needs compat=1.1");
    if (options->version < 3 && options->use_zstd)
        return refuse(error, -EINVAL, "compression_type=zstd needs compat=1.1");
    if (options->use_zstd && !squeeze_has(true))
        return refuse(error, -ENOTSUP, "this rhea was built without libzstd");
    if (options->backing && options->preallocation)
        return refuse(error, -EINVAL,
                      "preallocation needs an image without backing file");
    if (options->backing && strlen(options->backing) > QCOW2_MAX_NAME)
        return refuse(error, -EINVAL, "the name of the backing file is too long");
    return 0;
}

static int plan(const struct disk_create *options, struct layout *layout,
                char error[DISK_ERROR])
{
    uint64_t cluster = options->cluster_size, table, per_block, total;

    memset(layout, 0, sizeof(*layout));
    while (cluster >> layout->cluster_bits > 1)
        layout->cluster_bits++;
    table = cluster * (cluster / 8); /* of the guest, by one L2 table */
    layout->l1_entries = options->size / table + (options->size % table != 0);
    if (layout->l1_entries > QCOW2_MAX_L1 / 8)
        return refuse(error, -EFBIG,
                      "the size is too large for this cluster_size; use a larger one");
    layout->l1 = (layout->l1_entries * 8 + cluster - 1) / cluster;
    if (!layout->l1)
        layout->l1 = 1;
    per_block = cluster * 8 / options->refcount_bits;
    layout->blocks = layout->reftable = 1;
    for (total = 0; total != 1 + layout->reftable + layout->blocks + layout->l1;) {
        total = 1 + layout->reftable + layout->blocks + layout->l1;
        layout->blocks = (total + per_block - 1) / per_block;
        layout->reftable = (layout->blocks * 8 + cluster - 1) / cluster;
    }
    return 0;
}

static void put_header(uint8_t *h, const struct disk_create *options,
                       const struct layout *layout)
{
    unsigned order = 0;

    while (1u << order < options->refcount_bits)
        order++;
    put_be32(h + H_MAGIC, QCOW2_MAGIC);
    put_be32(h + H_VERSION, options->version);
    put_be32(h + H_CLUSTER_BITS, layout->cluster_bits);
    put_be64(h + H_SIZE, options->size);
    put_be32(h + H_L1_SIZE, (uint32_t)layout->l1_entries);
    put_be64(h + H_L1_OFFSET, (1 + layout->reftable + layout->blocks)
                                  << layout->cluster_bits);
    put_be64(h + H_REFTABLE_OFFSET, options->cluster_size);
    put_be32(h + H_REFTABLE_CLUSTERS, (uint32_t)layout->reftable);
    if (options->version < 3)
        return;
    put_be64(h + H_INCOMPATIBLE, options->use_zstd ? QCOW2_COMPRESSION : 0);
    put_be64(h + H_COMPATIBLE, options->lazy_refcounts ? QCOW2_LAZY : 0);
    put_be32(h + H_REFCOUNT_ORDER, order);
    put_be32(h + H_HEADER_LENGTH, QCOW2_OUR_HEADER);
    h[H_COMPRESSION_TYPE] = options->use_zstd;
}

/* The name of the backing file and its format, behind the header. */
static int put_names(uint8_t *h, const struct disk_create *options,
                     char error[DISK_ERROR])
{
    uint32_t at = options->version < 3 ? QCOW2_V2_HEADER : QCOW2_OUR_HEADER;
    size_t format = options->backing_format ? strlen(options->backing_format) : 0;
    size_t name = options->backing ? strlen(options->backing) : 0;

    if (at + 8 + ((format + 7) & ~(size_t)7) + 8 + name > options->cluster_size)
        return refuse(error, -EINVAL,
                      "the name of the backing file is too long for this cluster_size");
    if (format) {
        put_be32(h + at, EXT_BACKING_FORMAT);
        put_be32(h + at + 4, (uint32_t)format);
        memcpy(h + at + 8, options->backing_format, format);
        at += 8 + (((uint32_t)format + 7) & ~7u);
    }
    at += 8; /* the end of the extensions is zeros */
    if (name) {
        put_be64(h + H_BACKING_OFFSET, at);
        put_be32(h + H_BACKING_SIZE, (uint32_t)name);
        memcpy(h + at, options->backing, name);
    }
    return 0;
}

static int write_tables(struct disk_file *file, const struct disk_create *options,
                        const struct layout *layout)
{
    struct qcow2 q = { .refcount_bits = options->refcount_bits };
    uint64_t total = 1 + layout->reftable + layout->blocks + layout->l1;
    uint64_t per_block = (uint64_t)options->cluster_size * 8 / options->refcount_bits;
    uint8_t *block = malloc(options->cluster_size), entry[8];
    int error = block ? 0 : -ENOMEM;

    for (uint64_t i = 0; i < layout->blocks && !error; i++) {
        uint64_t offset = (1 + layout->reftable + i) << layout->cluster_bits;
        memset(block, 0, options->cluster_size);
        for (uint64_t n = 0; n < per_block && i * per_block + n < total; n++)
            refcount_store(&q, block, n, 1);
        put_be64(entry, offset);
        error = file_write(file, offset, block, options->cluster_size);
        if (!error)
            error = file_write(file, options->cluster_size + i * 8, entry, 8);
    }
    free(block);
    return error ? error : host_disk_resize(file->fd, total << layout->cluster_bits);
}

/* What a new image has to have besides its tables. */
static int preallocate(struct disk_file *file, const struct disk_create *options,
                       char error[DISK_ERROR])
{
    struct disk_image image = { .format = &format_qcow2, .file = *file };
    int code = qcow2_open(&image, error), closed;

    if (code)
        return code;
    code = qcow2_preallocate(&image, 0, image.size, options->preallocation);
    closed = qcow2_close(&image);
    return code ? code : closed;
}

int qcow2_create(struct disk_file *file, const struct disk_create *options,
                 char error[DISK_ERROR])
{
    struct layout layout;
    uint8_t *header;
    int code = check_options(options, error);

    if (!code)
        code = plan(options, &layout, error);
    if (code)
        return code;
    header = calloc(1, options->cluster_size);
    if (!header)
        return -ENOMEM;
    put_header(header, options, &layout);
    code = put_names(header, options, error);
    /* The header is last: what is not whole is no image. */
    if (!code)
        code = write_tables(file, options, &layout);
    if (!code)
        code = file_write(file, 0, header, options->cluster_size);
    free(header);
    if (!code && options->preallocation)
        code = preallocate(file, options, error);
    return code;
}
