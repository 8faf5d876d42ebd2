/* qcow2_map.c - from guest clusters to clusters of the file.  See qcow2.h. */
#include "sys/block/qcow2.h"

#include <errno.h>
#include <string.h>

bool map_is_cluster(const struct qcow2 *q, uint64_t offset)
{
    return offset && offset >> 56 == 0 && !(offset & (q->cluster_size - 1));
}

unsigned map_index(const struct qcow2 *q, uint64_t offset)
{
    return (unsigned)(offset >> q->cluster_bits & ((1u << q->l2_bits) - 1));
}

uint64_t map_get(const struct qcow2_table *table, unsigned index)
{
    return be64(table->bytes + index * 8ull);
}

void map_set(struct disk_image *image, struct qcow2_table *table, unsigned index,
             uint64_t entry)
{
    put_be64(table->bytes + index * 8ull, entry);
    tables_dirty(&qcow2_of(image)->l2_cache, table, index * 8, index * 8 + 8);
}

enum qcow2_kind map_kind(const struct qcow2 *q, uint64_t entry)
{
    if (entry & QCOW2_COMPRESSED)
        return KIND_COMPRESSED;
    if (q->version >= 3 && entry & QCOW2_ZERO)
        return entry & QCOW2_OFFSET ? KIND_ZERO_ALLOCATED : KIND_ZERO;
    return entry & QCOW2_OFFSET ? KIND_DATA : KIND_ABSENT;
}

void map_packed(const struct qcow2 *q, uint64_t entry, uint64_t *offset, uint32_t *size)
{
    unsigned split = 62 - (q->cluster_bits - 8);
    uint64_t sectors = (entry & (QCOW2_COMPRESSED - 1)) >> split;

    *offset = entry & (((uint64_t)1 << split) - 1);
    *size = (uint32_t)((sectors + 1) * 512 - (*offset & 511));
}

/* The L2 table that an L1 entry points to; NULL without an error: there is none. */
static struct qcow2_table *find_table(struct disk_image *image, uint64_t l1_entry,
                                      int *error)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t offset = l1_entry & QCOW2_OFFSET;

    *error = 0;
    if (!offset)
        return NULL;
    if (!map_is_cluster(q, offset) || offset >= q->file_end) {
        *error = qcow2_broken(image, "l1_table entry", l1_entry);
        return NULL;
    }
    return tables_get(image, &q->l2_cache, offset, error);
}

/* Whether `entry` goes on what `run` has `count` clusters of. */
static bool continues(const struct qcow2 *q, const struct qcow2_run *run, uint64_t entry,
                      unsigned count)
{
    uint64_t expect = (run->entry & QCOW2_OFFSET) + ((uint64_t)count << q->cluster_bits);

    if (map_kind(q, entry) != run->kind || run->kind == KIND_COMPRESSED)
        return false;
    if (run->kind == KIND_ABSENT || run->kind == KIND_ZERO)
        return true;
    return (entry & QCOW2_OFFSET) == expect && !(entry & QCOW2_COPIED) == !run->is_copied;
}

int map_find(struct disk_image *image, uint64_t offset, uint64_t size,
             struct qcow2_run *run)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t l1_index = offset >> (q->cluster_bits + q->l2_bits), covered;
    uint64_t l1_entry = l1_index < q->l1_entries ? q->l1[l1_index] : 0;
    uint32_t inside = (uint32_t)(offset & (q->cluster_size - 1));
    unsigned index = map_index(q, offset), end = 1u << q->l2_bits, count = 1;
    struct qcow2_table *table;
    int error;

    memset(run, 0, sizeof(*run));
    covered = ((uint64_t)(end - index) << q->cluster_bits) - inside;
    run->size = size < covered ? size : covered;
    table = find_table(image, l1_entry, &error);
    if (!table)
        return error; /* or absent */
    run->entry = map_get(table, index);
    run->kind = map_kind(q, run->entry);
    run->is_copied = run->entry & QCOW2_COPIED && l1_entry & QCOW2_COPIED;
    run->host = run->entry;
    if (run->kind == KIND_DATA || run->kind == KIND_ZERO_ALLOCATED) {
        if (!map_is_cluster(q, run->entry & QCOW2_OFFSET))
            return qcow2_broken(image, "l2_table entry", run->entry);
        run->host = (run->entry & QCOW2_OFFSET) + inside;
    }
    if (!(l1_entry & QCOW2_COPIED))
        run->is_copied = false;
    while (index + count < end &&
           ((uint64_t)count << q->cluster_bits) - inside < run->size) {
        uint64_t next = map_get(table, index + count);
        if (!(l1_entry & QCOW2_COPIED))
            next &= ~QCOW2_COPIED;
        if (!continues(q, run, next, count))
            break;
        count++;
    }
    covered = ((uint64_t)count << q->cluster_bits) - inside;
    if (run->size > covered)
        run->size = covered;
    return 0;
}

int map_table(struct disk_image *image, uint64_t offset, struct qcow2_table **table)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t index = offset >> (q->cluster_bits + q->l2_bits), place, got, before;
    struct qcow2_table *old;
    int error;

    *table = NULL;
    if (index >= q->l1_entries)
        return qcow2_broken(image, "l1_size", q->l1_entries);
    before = q->l1[index];
    old = find_table(image, before, &error);
    if (error || (old && before & QCOW2_COPIED)) {
        *table = old;
        return error;
    }
    error = clusters_alloc(image, 1, &place, &got);
    if (error)
        return error;
    if (place + q->cluster_size > q->file_end)
        q->file_end = place + q->cluster_size;
    *table = tables_new(image, &q->l2_cache, place, &error);
    old = error ? NULL : find_table(image, before, &error); /* it may have gone */
    if (error) {
        tables_drop(&q->l2_cache, place);
        clusters_unalloc(image, place, 1);
        *table = NULL;
        return error;
    }
    if (old) { /* a snapshot's */
        memcpy((*table)->bytes, old->bytes, q->cluster_size);
        error = clusters_free(image, before & QCOW2_OFFSET, 1, false);
    }
    q->l1[index] = place | QCOW2_COPIED;
    if (q->l1_dirty_from == q->l1_dirty_to)
        q->l1_dirty_from = (uint32_t)index, q->l1_dirty_to = (uint32_t)index + 1;
    if (index < q->l1_dirty_from)
        q->l1_dirty_from = (uint32_t)index;
    if (index >= q->l1_dirty_to)
        q->l1_dirty_to = (uint32_t)index + 1;
    return error;
}

int map_release(struct disk_image *image, uint64_t entry, bool is_discard)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t offset, first, last;
    uint32_t size;

    switch (map_kind(q, entry)) {
    case KIND_DATA:
    case KIND_ZERO_ALLOCATED:
        if (!map_is_cluster(q, entry & QCOW2_OFFSET))
            return qcow2_broken(image, "l2_table entry", entry);
        return clusters_free(image, entry & QCOW2_OFFSET, 1, is_discard);
    case KIND_COMPRESSED:
        map_packed(q, entry, &offset, &size);
        first = offset >> q->cluster_bits;
        last = (offset + size - 1) >> q->cluster_bits;
        return clusters_free(image, first << q->cluster_bits, last - first + 1,
                             is_discard);
    default: return 0;
    }
}
