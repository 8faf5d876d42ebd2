/* qcow2_refcount.c - which clusters are in use, and by how many.  See qcow2.h. */
#include "sys/block/qcow2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t refcount_max(const struct qcow2 *q)
{
    return q->refcount_bits == 64 ? UINT64_MAX >> 1
                                  : ((uint64_t)1 << q->refcount_bits) - 1;
}

uint64_t refcount_load(const struct qcow2 *q, const uint8_t *block, uint64_t index)
{
    unsigned bits = q->refcount_bits;
    uint64_t value = 0;

    if (bits < 8) {
        unsigned in_byte = 8 / bits;
        return block[index / in_byte] >> index % in_byte * bits & ((1u << bits) - 1);
    }
    for (unsigned i = 0; i < bits / 8; i++)
        value = value << 8 | block[index * (bits / 8) + i];
    return value;
}

void refcount_store(const struct qcow2 *q, uint8_t *block, uint64_t index,
                    uint64_t refcount)
{
    unsigned bits = q->refcount_bits;

    if (bits < 8) {
        unsigned in_byte = 8 / bits, shift = (unsigned)(index % in_byte) * bits;
        uint8_t *byte = &block[index / in_byte];
        *byte = (uint8_t)((*byte & ~(((1u << bits) - 1) << shift)) | (unsigned)refcount
                                                                         << shift);
        return;
    }
    for (unsigned i = bits / 8; i--; refcount >>= 8)
        block[index * (bits / 8) + i] = (uint8_t)refcount;
}

/* The block with the refcount of `cluster`; NULL without an error: there is none. */
static struct qcow2_table *find_block(struct disk_image *image, uint64_t cluster,
                                      int *error)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t index = cluster >> q->refblock_bits, offset;

    *error = 0;
    if (index >= q->reftable_entries || !q->reftable[index])
        return NULL;
    offset = q->reftable[index];
    if (!map_is_cluster(q, offset) || offset >= q->file_end) {
        *error = qcow2_broken(image, "refcount_table entry", offset);
        return NULL;
    }
    return tables_get(image, &q->ref_cache, offset, error);
}

static void store(struct qcow2 *q, struct qcow2_table *block, uint64_t cluster,
                  uint64_t refcount)
{
    uint64_t index = cluster & (((uint64_t)1 << q->refblock_bits) - 1);
    uint32_t byte = (uint32_t)(index * q->refcount_bits / 8);

    refcount_store(q, block->bytes, index, refcount);
    tables_dirty(&q->ref_cache, block, byte,
                 byte + (q->refcount_bits < 8 ? 1 : q->refcount_bits / 8));
}

static uint64_t load(struct qcow2 *q, struct qcow2_table *block, uint64_t cluster)
{
    return refcount_load(q, block->bytes,
                         cluster & (((uint64_t)1 << q->refblock_bits) - 1));
}

int refcount_get(struct disk_image *image, uint64_t cluster, uint64_t *refcount)
{
    int error;
    struct qcow2_table *block = find_block(image, cluster, &error);

    *refcount = block ? load(qcow2_of(image), block, cluster) : 0;
    return error;
}

int refcount_add(struct disk_image *image, uint64_t cluster, int change)
{
    struct qcow2 *q = qcow2_of(image);
    int error;
    struct qcow2_table *block = find_block(image, cluster, &error);
    uint64_t refcount;

    if (error)
        return error;
    refcount = block ? load(q, block, cluster) : 0;
    if (!block || (change < 0 && !refcount))
        return qcow2_broken(image, "refcount of cluster", cluster);
    if (change > 0 && refcount >= refcount_max(q))
        return -ERANGE;
    refcount += (uint64_t)(int64_t)change;
    store(q, block, cluster, refcount);
    if (!refcount && cluster < q->free_hint)
        q->free_hint = cluster;
    return 0;
}

int refcount_set(struct disk_image *image, uint64_t cluster, uint64_t refcount)
{
    struct qcow2 *q = qcow2_of(image);
    int error;
    struct qcow2_table *block = find_block(image, cluster, &error);

    if (error || !block)
        return error ? error : -ENOENT;
    if (refcount > refcount_max(q))
        return -ERANGE;
    store(q, block, cluster, refcount);
    return 0;
}

/* ------------------------------------------------------------------------ blocks */

static bool overlaps(uint64_t offset, uint64_t size, uint64_t from, uint64_t length)
{
    return offset < from + length && from < offset + size;
}

/* Whether there is a table that is needed, though its refcount says otherwise. */
static bool is_table(const struct qcow2 *q, uint64_t offset, uint64_t size)
{
    return !offset || overlaps(offset, size, q->l1_offset, q->l1_entries * 8ull) ||
           overlaps(offset, size, q->reftable_offset,
                    (uint64_t)q->reftable_clusters * q->cluster_size) ||
           (q->snapshot_count &&
            overlaps(offset, size, q->snapshot_offset, q->snapshot_table_size));
}

static bool is_any_table(const struct qcow2 *q, uint64_t offset, uint64_t size)
{
    if (is_table(q, offset, size))
        return true;
    for (uint32_t i = 0; i < q->l1_entries; i++)
        if (q->l1[i] & QCOW2_OFFSET &&
            overlaps(offset, size, q->l1[i] & QCOW2_OFFSET, q->cluster_size))
            return true;
    for (uint32_t i = 0; i < q->reftable_entries; i++)
        if (q->reftable[i] && overlaps(offset, size, q->reftable[i], q->cluster_size))
            return true;
    return false;
}

static void mark_reftable(struct qcow2 *q, uint32_t index)
{
    if (q->reftable_dirty_from == q->reftable_dirty_to) {
        q->reftable_dirty_from = index;
        q->reftable_dirty_to = index + 1;
    }
    if (index < q->reftable_dirty_from)
        q->reftable_dirty_from = index;
    if (index >= q->reftable_dirty_to)
        q->reftable_dirty_to = index + 1;
}

static void raise_end(struct qcow2 *q, uint64_t end)
{
    if (end > q->file_end)
        q->file_end = end;
}

/* The first entry of the refcount table with nothing at it or behind it. */
static uint32_t first_unused(const struct qcow2 *q)
{
    uint32_t index = q->reftable_entries;

    while (index && !q->reftable[index - 1])
        index--;
    return index;
}

/* How many blocks describe themselves and `count` clusters more. */
static uint64_t blocks_for(const struct qcow2 *q, uint64_t count)
{
    uint64_t blocks = 1;

    while (blocks << q->refblock_bits < blocks + count)
        blocks++;
    return blocks;
}

/* Makes `blocks` refcount blocks from entry `first` on, the first clusters of those that
 * they describe, and takes `count` clusters behind them. */
static int make_blocks(struct disk_image *image, uint32_t first, uint64_t blocks,
                       uint64_t count)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t start = (uint64_t)first << q->refblock_bits;
    int error = 0;

    if (is_any_table(q, start << q->cluster_bits, (blocks + count) << q->cluster_bits))
        return qcow2_broken(image, "refcount_table entry", first);
    for (uint64_t i = 0; i < blocks && !error; i++) {
        uint64_t offset = (start + i) << q->cluster_bits;
        uint64_t described = (i + 1) << q->refblock_bits, last = blocks + count;
        struct qcow2_table *block = tables_new(image, &q->ref_cache, offset, &error);
        for (uint64_t n = i << q->refblock_bits; block && n < described && n < last; n++)
            store(q, block, start + n, 1);
    }
    for (uint64_t i = 0; i < blocks; i++) {
        if (error)
            tables_drop(&q->ref_cache, (start + i) << q->cluster_bits);
        else
            q->reftable[first + i] = (start + i) << q->cluster_bits;
    }
    if (!error)
        raise_end(q, (start + blocks + count) << q->cluster_bits);
    return error;
}

/* Writes the refcount table, which is in memory, to where there is room for it. */
static int move_reftable(struct disk_image *image, uint64_t offset, uint32_t entries)
{
    struct qcow2 *q = qcow2_of(image);
    size_t size = (size_t)entries * 8;
    uint8_t *bytes = malloc(size), place[12];
    int error = bytes ? 0 : -ENOMEM;

    for (uint32_t i = 0; bytes && i < entries; i++)
        put_be64(bytes + i * 8ull, q->reftable[i]);
    if (!error)
        error = tables_write(image, &q->ref_cache);
    if (!error)
        error = file_write(&image->file, offset, bytes, size);
    free(bytes);
    if (!error)
        error = file_sync(&image->file);
    put_be64(place, offset);
    put_be32(place + 8, (uint32_t)(size >> q->cluster_bits));
    if (!error)
        error = file_write(&image->file, H_REFTABLE_OFFSET, place, sizeof(place));
    return error ? error : file_sync(&image->file);
}

/* A refcount table with at least `least` entries, at the end of the file. */
static int grow_reftable(struct disk_image *image, uint64_t least)
{
    struct qcow2 *q = qcow2_of(image);
    int error = qcow2_sync(image); /* all that it points to is there */
    uint32_t first = first_unused(q), entries, before = q->reftable_entries;
    uint64_t clusters = 0, blocks = 0, room = least + least / 2 + 1, offset;
    uint64_t *table;

    for (uint64_t next = 1; next != clusters;) { /* it describes itself, too */
        clusters = next;
        blocks = blocks_for(q, clusters);
        next =
            ((room > first + blocks ? room : first + blocks) * 8 + q->cluster_size - 1) >>
            q->cluster_bits;
    }
    if (error || clusters << q->cluster_bits > QCOW2_MAX_REFTABLE)
        return error ? error : -EFBIG;
    entries = (uint32_t)(clusters << q->cluster_bits >> 3);
    table = realloc(q->reftable, entries * sizeof(*table));
    if (!table)
        return -ENOMEM;
    memset(table + before, 0, (entries - before) * sizeof(*table));
    q->reftable = table;
    offset = (((uint64_t)first << q->refblock_bits) + blocks) << q->cluster_bits;
    q->reftable_entries = entries;
    error = make_blocks(image, first, blocks, clusters);
    if (!error)
        error = move_reftable(image, offset, entries);
    if (error) { /* as before, but what was taken is leaked until the next try */
        for (uint64_t i = 0; i < blocks; i++) {
            if (q->reftable[first + i])
                tables_drop(&q->ref_cache, q->reftable[first + i]);
            q->reftable[first + i] = 0;
        }
        q->reftable_entries = before;
        return error;
    }
    q->reftable_dirty_from = q->reftable_dirty_to = 0;
    error = clusters_free(image, q->reftable_offset, q->reftable_clusters, false);
    q->reftable_offset = offset;
    q->reftable_clusters = (uint32_t)clusters;
    return error;
}

/* New refcount blocks for what comes first behind all others, and `count` clusters. */
static int alloc_region(struct disk_image *image, uint64_t count, uint64_t *offset)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t blocks = blocks_for(q, count);
    uint32_t first = first_unused(q);
    int error = 0;

    if (first + blocks > q->reftable_entries) {
        error = grow_reftable(image, first + blocks);
        first = first_unused(q);
    }
    if (!error)
        error = make_blocks(image, first, blocks, count);
    if (error)
        return error;
    for (uint64_t i = 0; i < blocks; i++)
        mark_reftable(q, first + (uint32_t)i);
    *offset = (((uint64_t)first << q->refblock_bits) + blocks) << q->cluster_bits;
    return 0;
}

/* A block for `index`, whose clusters are all free. */
static int make_block(struct disk_image *image, uint64_t index)
{
    struct qcow2 *q = qcow2_of(image);
    int error;

    if (index >= q->reftable_entries)
        return grow_reftable(image, index + 1); /* which may make it: look again */
    error = make_blocks(image, (uint32_t)index, 1, 0);
    if (!error)
        mark_reftable(q, (uint32_t)index);
    return error;
}

/* --------------------------------------------------------------------- allocation */

int clusters_alloc(struct disk_image *image, uint64_t want, uint64_t *offset,
                   uint64_t *got)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t cluster = q->free_hint, end, n;
    struct qcow2_table *block;
    int error;

    for (;;) {
        block = find_block(image, cluster, &error);
        if (!error && !block) {
            error = make_block(image, cluster >> q->refblock_bits);
            if (!error)
                continue;
        }
        if (error)
            return error;
        end = ((cluster >> q->refblock_bits) + 1) << q->refblock_bits;
        while (cluster < end && load(q, block, cluster))
            cluster++;
        if (cluster < end)
            break;
    }
    for (n = 1; n < want && cluster + n < end && !load(q, block, cluster + n); n++)
        ;
    *offset = cluster << q->cluster_bits;
    *got = n;
    if (is_table(q, *offset, n << q->cluster_bits))
        return qcow2_broken(image, "refcount of cluster", cluster);
    while (n--)
        store(q, block, cluster + n, 1);
    q->free_hint = cluster + *got;
    return 0;
}

/* Where `want` free clusters begin, of those that have refcounts; 0: nowhere. */
static uint64_t find_room(struct disk_image *image, uint64_t want, int *error)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t end = (uint64_t)first_unused(q) << q->refblock_bits, run = 0;

    *error = 0;
    for (uint64_t cluster = q->free_hint; cluster < end && !*error; cluster++) {
        struct qcow2_table *block = find_block(image, cluster, error);
        run = block && !load(q, block, cluster) ? run + 1 : 0;
        if (run == want)
            return cluster + 1 - want;
    }
    return 0;
}

int clusters_alloc_all(struct disk_image *image, uint64_t want, uint64_t *offset)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t got, start;
    int error;

    if (want == 1)
        return clusters_alloc(image, 1, offset, &got);
    start = find_room(image, want, &error);
    if (error || !start)
        return error ? error : alloc_region(image, want, offset);
    *offset = start << q->cluster_bits;
    if (is_table(q, *offset, want << q->cluster_bits))
        return qcow2_broken(image, "refcount of cluster", start);
    for (uint64_t i = 0; i < want && !error; i++)
        error = refcount_add(image, start + i, 1);
    return error;
}

void clusters_unalloc(struct disk_image *image, uint64_t offset, uint64_t count)
{
    uint64_t cluster = offset >> qcow2_of(image)->cluster_bits;

    for (uint64_t i = 0; i < count; i++)
        refcount_add(image, cluster + i, -1);
}

int clusters_free(struct disk_image *image, uint64_t offset, uint64_t count,
                  bool is_discard)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t cluster = offset >> q->cluster_bits;
    struct qcow2_free *last = q->free_count ? &q->frees[q->free_count - 1] : NULL;

    if (last && last->cluster + last->count == cluster &&
        last->is_discard == is_discard) {
        last->count += count;
        return 0;
    }
    if (q->free_count == q->free_room) {
        size_t room = q->free_room ? q->free_room * 2 : 64;
        struct qcow2_free *frees = realloc(q->frees, room * sizeof(*frees));
        if (!frees)
            return -ENOMEM;
        q->frees = frees;
        q->free_room = room;
    }
    q->frees[q->free_count++] = (struct qcow2_free){ cluster, count, is_discard };
    return 0;
}
