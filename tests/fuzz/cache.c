/* cache.c - fuzzes files of the cache: any bytes are refused, or can be used as far as
 * the code in them can be trusted.  Sums are put right first, as far as tables are in
 * the file, else no input would come further than them. */
#define FUZZ_SEEDS "tests/fuzz/cache.none/%s"
#define FUZZ_MUTATE mutate
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "interp/cache_file.h"

static int read_zeros(void *context, uint64_t addr, void *to, size_t size)
{
    (void)context, (void)addr;
    memset(to, 0, size);
    return 0;
}

/* All that whoever loads a region would look at. */
static void use(const struct cache_region *r)
{
    const struct region_code *code = &r->code;
    uint64_t sum = 0;

    if (code->cells_at + 8 > code->size || code->base_at + 8 > code->size)
        abort();
    for (uint32_t i = 0; i < code->size; i++)
        sum += code->code[i];
    for (uint32_t i = 0; i < code->ncells; i++)
        sum += code->cells[i].pc + code->cells[i].kind;
    for (uint32_t i = 0; i < code->nentries; i++)
        sum += code->code[code->entries[i].at];
    for (uint32_t i = 0; i < r->npcs; i++)
        sum += (uint64_t)(int64_t)r->pcs[i];
    *(volatile uint64_t *)&sum = sum;
    cache_matches(r, 0x1000, read_zeros, NULL);
}

static void put_sums_right(uint8_t *bytes, size_t size)
{
    struct cache_header *header = (void *)bytes;
    struct cache_row *rows;
    uint64_t tables;

    if (size < sizeof *header)
        return;
    memcpy(header->magic, CACHE_MAGIC, 8);
    header->version = CACHE_VERSION;
    header->size = size;
    tables = cache_data_at(header);
    if (tables > size)
        return;
    rows = (void *)(bytes + tables - header->nplaces * sizeof(struct cache_place));
    rows -= header->nrows;
    for (uint32_t i = 0; i < header->nrows; i++)
        if (rows[i].data <= size && rows[i].size <= size - rows[i].data)
            rows[i].sum = cache_sum(bytes + rows[i].data, rows[i].size, 0);
    header->sum = cache_header_sum(header);
}

static void fuzz_one(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size + 1); /* aligned, and ASan sees its end */
    struct cache_region region;
    struct cache_file file;
    int length;

    memcpy(bytes, data, size);
    put_sums_right(bytes, size);
    bytes = realloc(bytes, size ? size : 1);
    if (cache_read(&file, bytes, size) == 0) {
        for (uint32_t i = 0; i < cache_regions(&file); i++)
            if (cache_get_row(&file, i, &region) == 0)
                use(&region);
        for (uint64_t at = 0; at < 64; at++)
            for (uint32_t found = cache_find(&file, at, 0, CACHE_NONE);
                 found != CACHE_NONE; found = cache_find(&file, at, 0, found))
                if (cache_get(&file, found, &region) == 0)
                    use(&region);
        cache_path(&file, &length);
        cache_key_text(&file, &length);
    }
    free(bytes);
}

#ifndef RHEA_LIBFUZZER

/* A small good file. */
static size_t good_file(uint8_t *data)
{
    struct cache_header header = {
        .key_size = 3, .path_size = 2, .nrows = 2, .nplaces = 2
    };
    uint64_t at = cache_data_at(&header);
    uint8_t *places = data + at - 2 * sizeof(struct cache_place);
    uint8_t *rows = places - 2 * sizeof(struct cache_row);

    memset(data, 0, FUZZ_MAX);
    memcpy(data, &header, sizeof header);
    for (uint32_t i = 0; i < 2; i++) {
        struct cache_row row = { .offset = 8 * i,
                                 .data = at,
                                 .ncells = 1 + i,
                                 .nentries = 1,
                                 .nranges = 1,
                                 .npcs = 2,
                                 .nbytes = 4,
                                 .code_size = 24,
                                 .base_at = 8 };
        struct cache_place place = { .offset = 8 * i, .row = i };
        struct cache_layout l = cache_layout(&row);
        struct cache_range range = { 0, 4 };

        row.size = (uint32_t)l.size;
        data[at + i * sizeof(struct region_cell)] = i ? CELL_GOTO : CELL_FIRST;
        memcpy(data + at + l.ranges, &range, sizeof range);
        memcpy(rows + i * sizeof row, &row, sizeof row);
        memcpy(places + i * sizeof place, &place, sizeof place);
        at += l.size;
    }
    return (size_t)at;
}

/* Numbers that break arithmetic, where numbers are; or any bytes. */
static size_t mutate(uint8_t *data, size_t size)
{
    static const uint32_t odd[] = { 0,  1,          2,          7,          8,         15,
                                    16, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff };
    uint32_t value = odd[fuzz_random(sizeof odd / sizeof *odd)] + fuzz_random(2);

    if (size < sizeof(struct cache_header) || fuzz_random(8) == 0)
        return good_file(data);
    if (fuzz_random(3) == 0)
        return fuzz_mutate(data, size);
    memcpy(data + fuzz_random((uint32_t)size / 4) * 4, &value, 4);
    return size;
}
#endif
