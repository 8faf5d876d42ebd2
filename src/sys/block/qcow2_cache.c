/* qcow2_cache.c - clusters of tables in memory.  See qcow2.h. */
#include "sys/block/qcow2.h"

#include <errno.h>
#include <stdlib.h>

uint32_t be32(const void *at)
{
    const uint8_t *b = at;

    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

uint64_t be64(const void *at)
{
    return (uint64_t)be32(at) << 32 | be32((const uint8_t *)at + 4);
}

void put_be32(void *at, uint32_t value)
{
    uint8_t *b = at;

    for (int i = 3; i >= 0; i--, value >>= 8)
        b[i] = (uint8_t)value;
}

void put_be64(void *at, uint64_t value)
{
    put_be32(at, (uint32_t)(value >> 32));
    put_be32((uint8_t *)at + 4, (uint32_t)value);
}

void tables_init(struct qcow2_cache *cache, uint32_t cluster_size, uint64_t bytes)
{
    enum { LEAST = 16, MOST = 8192 };
    uint64_t limit = bytes / cluster_size;

    cache->limit = (unsigned)(limit < LEAST ? LEAST : limit > MOST ? MOST : limit);
    cache->bucket_count = 64;
    while (cache->bucket_count < cache->limit)
        cache->bucket_count *= 2;
    cache->buckets = calloc(cache->bucket_count, sizeof(*cache->buckets));
}

static struct qcow2_table **find_place(struct qcow2_cache *cache, uint64_t offset)
{
    uint64_t hash = (offset >> QCOW2_MIN_BITS) * 0x9e3779b97f4a7c15u;
    struct qcow2_table **place =
        &cache->buckets[(hash >> 32) & (cache->bucket_count - 1)];

    while (*place && (*place)->offset != offset)
        place = &(*place)->next;
    return place;
}

static void remove_at(struct qcow2_cache *cache, struct qcow2_table **place)
{
    struct qcow2_table *table = *place;

    *place = table->next;
    cache->count--;
    cache->dirty_count -= table->is_dirty;
    free(table->bytes);
    free(table);
}

void tables_drop(struct qcow2_cache *cache, uint64_t offset)
{
    struct qcow2_table **place = find_place(cache, offset);

    if (*place)
        remove_at(cache, place);
}

void tables_free(struct qcow2_cache *cache)
{
    for (unsigned i = 0; cache->buckets && i < cache->bucket_count; i++)
        while (cache->buckets[i])
            remove_at(cache, &cache->buckets[i]);
    free(cache->buckets);
    cache->buckets = NULL;
}

/* Makes room for one, where something need not be written first. */
static void evict(struct qcow2_cache *cache)
{
    struct qcow2_table **oldest = NULL;

    for (unsigned i = 0; i < cache->bucket_count; i++)
        for (struct qcow2_table **place = &cache->buckets[i]; *place;
             place = &(*place)->next)
            if (!(*place)->is_dirty && (!oldest || (*place)->used < (*oldest)->used))
                oldest = place;
    if (oldest)
        remove_at(cache, oldest);
}

void tables_trim(struct qcow2_cache *cache)
{
    while (cache->count > cache->limit && cache->dirty_count < cache->count)
        evict(cache);
}

static struct qcow2_table *add(struct disk_image *image, struct qcow2_cache *cache,
                               uint64_t offset, int *error)
{
    struct qcow2_table *table = calloc(1, sizeof(*table)), **place;

    *error = 0;
    if (table)
        table->bytes = calloc(1, qcow2_of(image)->cluster_size);
    if (!table || !table->bytes) {
        free(table);
        *error = -ENOMEM;
        return NULL;
    }
    if (cache->count >= cache->limit)
        evict(cache);
    table->offset = offset;
    table->used = ++cache->clock;
    place = find_place(cache, offset);
    table->next = *place;
    *place = table;
    cache->count++;
    return table;
}

struct qcow2_table *tables_get(struct disk_image *image, struct qcow2_cache *cache,
                               uint64_t offset, int *error)
{
    struct qcow2_table *table = *find_place(cache, offset);

    *error = 0;
    if (table) {
        table->used = ++cache->clock;
        return table;
    }
    table = add(image, cache, offset, error);
    if (table) {
        *error =
            file_read(&image->file, offset, table->bytes, qcow2_of(image)->cluster_size);
        if (*error) {
            tables_drop(cache, offset);
            table = NULL;
        }
    }
    return table;
}

struct qcow2_table *tables_new(struct disk_image *image, struct qcow2_cache *cache,
                               uint64_t offset, int *error)
{
    struct qcow2_table *table;

    tables_drop(cache, offset);
    table = add(image, cache, offset, error);
    if (table)
        tables_dirty(cache, table, 0, qcow2_of(image)->cluster_size);
    return table;
}

void tables_dirty(struct qcow2_cache *cache, struct qcow2_table *table, uint32_t from,
                  uint32_t to)
{
    if (!table->is_dirty) {
        table->is_dirty = true;
        table->dirty_from = from;
        table->dirty_to = to;
        cache->dirty_count++;
        return;
    }
    if (from < table->dirty_from)
        table->dirty_from = from;
    if (to > table->dirty_to)
        table->dirty_to = to;
}

int tables_write(struct disk_image *image, struct qcow2_cache *cache)
{
    int error = 0;

    for (unsigned i = 0; i < cache->bucket_count && cache->dirty_count && !error; i++)
        for (struct qcow2_table *table = cache->buckets[i]; table && !error;
             table = table->next) {
            if (!table->is_dirty)
                continue;
            error = file_write(&image->file, table->offset + table->dirty_from,
                               table->bytes + table->dirty_from,
                               table->dirty_to - table->dirty_from);
            if (error)
                break;
            table->is_dirty = false;
            cache->dirty_count--;
        }
    return error;
}
