/* qcow2_rebuild.c - refcounts made anew from what is referred to.  See qcow2.h. */
#include "sys/block/qcow2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BITS = 14, CHUNK = 1 << CHUNK_BITS, MOST_CHUNKS = 1 << 24 };

int counts_init(struct qcow2_counts *counts, uint64_t clusters)
{
    uint64_t chunks = (clusters >> CHUNK_BITS) + 1;

    counts->clusters = clusters;
    counts->chunks = NULL;
    if (chunks > MOST_CHUNKS)
        return -EFBIG;
    counts->chunks = calloc((size_t)chunks, sizeof(*counts->chunks));
    return counts->chunks ? 0 : -ENOMEM;
}

void counts_free(struct qcow2_counts *counts)
{
    for (uint64_t i = 0; counts->chunks && i <= counts->clusters >> CHUNK_BITS; i++)
        free(counts->chunks[i]);
    free(counts->chunks);
}

uint32_t counts_get(const struct qcow2_counts *counts, uint64_t cluster)
{
    const uint32_t *chunk =
        cluster < counts->clusters ? counts->chunks[cluster >> CHUNK_BITS] : NULL;

    return chunk ? chunk[cluster & (CHUNK - 1)] : 0;
}

int counts_add(struct qcow2_counts *counts, uint64_t cluster)
{
    uint32_t **chunk = &counts->chunks[cluster >> CHUNK_BITS];

    if (cluster >= counts->clusters)
        return -EINVAL;
    if (!*chunk)
        *chunk = calloc(CHUNK, sizeof(**chunk));
    if (!*chunk)
        return -ENOMEM;
    if ((*chunk)[cluster & (CHUNK - 1)] < UINT32_MAX)
        ++(*chunk)[cluster & (CHUNK - 1)];
    return 0;
}

/* ------------------------------------------------------------------------ rebuild */

struct rebuild {
    const struct qcow2_counts *counts;
    uint64_t start;         /* the first new cluster: blocks, then the table */
    uint64_t blocks, table; /* clusters */
    uint64_t ranges;        /* entries of the table that are needed */
};

static uint64_t count_of(const struct rebuild *r, uint64_t cluster)
{
    return cluster >= r->start && cluster < r->start + r->blocks + r->table
               ? 1
               : counts_get(r->counts, cluster);
}

/* Whether a block is needed for `range`. */
static bool is_used(const struct qcow2 *q, const struct rebuild *r, uint64_t range)
{
    uint64_t first = range << q->refblock_bits;
    uint64_t last = first + ((uint64_t)1 << q->refblock_bits) - 1;

    if (last >= r->start)
        return first < r->start + r->blocks + r->table;
    for (uint64_t cluster = first; cluster <= last; cluster++)
        if (counts_get(r->counts, cluster))
            return true;
    return false;
}

/* How many blocks, and how large a table, also for themselves. */
static int plan(const struct qcow2 *q, struct rebuild *r)
{
    uint64_t below = 0, above;

    for (uint64_t i = 0; (i + 1) << q->refblock_bits <= r->start; i++)
        below += is_used(q, r, i);
    r->blocks = r->table = 1;
    for (;;) {
        uint64_t end = r->start + r->blocks + r->table, table;
        r->ranges = ((end - 1) >> q->refblock_bits) + 1;
        above = r->ranges - (r->start >> q->refblock_bits);
        table = (r->ranges * 8 + q->cluster_size - 1) >> q->cluster_bits;
        if (r->blocks >= below + above && r->table >= table)
            break;
        if (r->blocks < below + above)
            r->blocks = below + above;
        if (r->table < table)
            r->table = table;
    }
    return r->table << q->cluster_bits > QCOW2_MAX_REFTABLE ? -EFBIG : 0;
}

static int write_block(struct disk_image *image, const struct rebuild *r, uint64_t range,
                       uint64_t offset, uint8_t *bytes)
{
    struct qcow2 *q = qcow2_of(image);

    memset(bytes, 0, q->cluster_size);
    for (uint64_t i = 0; i < (uint64_t)1 << q->refblock_bits; i++) {
        uint64_t count = count_of(r, (range << q->refblock_bits) + i);
        if (count > refcount_max(q))
            return -ERANGE;
        refcount_store(q, bytes, i, count);
    }
    return file_write(&image->file, offset, bytes, q->cluster_size);
}

static int write_all(struct disk_image *image, const struct rebuild *r, uint64_t *table)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t next = r->start << q->cluster_bits;
    uint64_t table_offset = (r->start + r->blocks) << q->cluster_bits;
    uint8_t *bytes = malloc(q->cluster_size), place[12], entry[8];
    int error = bytes ? 0 : -ENOMEM;

    for (uint64_t i = 0; i < r->ranges && !error; i++) {
        if (!is_used(q, r, i))
            continue;
        error = write_block(image, r, i, next, bytes);
        table[i] = next;
        next += q->cluster_size;
    }
    free(bytes);
    /* The rest of the table is zeros; blocks that are too many are leaks. */
    if (!error)
        error = file_zero(&image->file, table_offset, r->table << q->cluster_bits);
    for (uint64_t i = 0; i < r->ranges && !error; i++) {
        put_be64(entry, table[i]);
        error = file_write(&image->file, table_offset + i * 8, entry, sizeof(entry));
    }
    if (!error)
        error = file_sync(&image->file);
    put_be64(place, table_offset);
    put_be32(place + 8, (uint32_t)r->table);
    if (!error)
        error = file_write(&image->file, H_REFTABLE_OFFSET, place, sizeof(place));
    return error ? error : file_sync(&image->file);
}

int qcow2_rebuild(struct disk_image *image, const struct qcow2_counts *counts)
{
    enum { REF_BYTES = 8 << 20 };
    struct qcow2 *q = qcow2_of(image);
    struct rebuild r = { counts, 0, 0, 0, 0 };
    uint64_t *table;
    int error;

    r.start = (q->file_end + q->cluster_size - 1) >> q->cluster_bits;
    error = plan(q, &r);
    if (error)
        return error;
    table = calloc((size_t)(r.table << q->cluster_bits), 1);
    if (!table)
        return -ENOMEM;
    error = write_all(image, &r, table);
    if (error) {
        free(table);
        return error;
    }
    free(q->reftable);
    q->reftable = table;
    q->reftable_offset = (r.start + r.blocks) << q->cluster_bits;
    q->reftable_clusters = (uint32_t)r.table;
    q->reftable_entries = (uint32_t)(r.table << q->cluster_bits >> 3);
    q->reftable_dirty_from = q->reftable_dirty_to = 0;
    q->file_end = (r.start + r.blocks + r.table) << q->cluster_bits;
    q->free_hint = 0;
    tables_free(&q->ref_cache);
    tables_init(&q->ref_cache, q->cluster_size, REF_BYTES);
    return q->ref_cache.buckets ? 0 : -ENOMEM;
}
