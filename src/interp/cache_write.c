/* cache_write.c - compiled regions for later processes: writing, and the folder's limit.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "interp/cache.h"
#include "interp/cache_file.h"

enum {
    WAIT_MS = 300,     /* for other writers; then they may lose what they add */
    FILE_SHARE = 4,    /* of the limit: a larger file begins anew */
    LIMIT_DIGITS = 24, /* of the file with the limit */
};

static const char limit_name[] = "limit";

/* --------------------------------------------------------------------------- limit */

struct kept {
    char name[CACHE_NAME];
    uint64_t size;
    int64_t age;
};

struct kept_list {
    struct kept *files;
    size_t count, room;
    uint64_t size;
};

static void add_kept(void *context, const char *name, uint64_t size, int64_t age)
{
    struct kept_list *list = context;
    struct kept *larger;

    if (!cache_is_name(name))
        return;
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 64;
        larger = realloc(list->files, list->room * sizeof *larger);
        if (!larger) {
            list->room = list->count;
            return;
        }
        list->files = larger;
    }
    list->files[list->count].size = size;
    list->files[list->count].age = age;
    strcpy(list->files[list->count++].name, name);
    list->size += size;
}

static int oldest_first(const void *a, const void *b)
{
    const struct kept *left = a, *right = b;

    return (left->age < right->age) - (left->age > right->age);
}

/* `name` (or NULL), which is no larger than that, stays. */
static void keep_limit(int folder, uint64_t limit, const char *name)
{
    struct kept_list list = { 0 };

    host_folder_list(folder, add_kept, &list);
    if (list.size > limit)
        qsort(list.files, list.count, sizeof *list.files, oldest_first);
    for (size_t i = 0; i < list.count && list.size > limit; i++) {
        if (name && strcmp(list.files[i].name, name) == 0)
            continue;
        host_folder_remove(folder, list.files[i].name);
        list.size -= list.files[i].size;
    }
    free(list.files);
}

uint64_t cache_limit(int folder)
{
    char text[LIMIT_DIGITS + 1] = "", *end = text;
    uint64_t limit;
    size_t size;
    const void *at = host_folder_map(folder, limit_name, false, &size);

    if (!at)
        return CACHE_LIMIT;
    if (size <= LIMIT_DIGITS)
        memcpy(text, at, size);
    host_unmap((uintptr_t)at, size);
    limit = strtoull(text, &end, 10);
    return end == text ? CACHE_LIMIT : limit;
}

int cache_set_limit(int folder, uint64_t limit)
{
    char text[LIMIT_DIGITS + 1];
    struct host_part part = { text, (size_t)sprintf(text, "%" PRIu64 "\n", limit) };
    int error = host_folder_write(folder, limit_name, &part, 1);

    if (!error)
        keep_limit(folder, limit, NULL);
    return error;
}

struct cleared {
    int folder;
    uint32_t files;
    uint64_t bytes;
};

static void clear_one(void *context, const char *name, uint64_t size, int64_t age)
{
    struct cleared *cleared = context;

    (void)age;
    if (!cache_is_name(name) && !host_folder_is_unfinished(name))
        return;
    if (host_folder_remove(cleared->folder, name) == 0) {
        cleared->files++;
        cleared->bytes += size;
    }
}

int cache_clear(int folder, uint32_t *files, uint64_t *bytes)
{
    struct cleared cleared = { .folder = folder };
    int error = host_folder_list(folder, clear_one, &cleared);

    *files = cleared.files;
    *bytes = cleared.bytes;
    return error;
}

/* ------------------------------------------------------------------------- regions */

struct piece {
    struct cache_row row;
    const uint8_t *data;
    uint64_t code;  /* sum of the guest's, if that makes a difference */
    uint32_t order; /* of what is the same, the first is kept */
    bool is_old;    /* the data is the old file's */
};

struct pieces {
    struct piece *all;
    uint32_t count;
};

static void copy(uint8_t *to, const void *from, size_t size)
{
    if (size)
        memcpy(to, from, size);
}

/* What is between members must not differ, nor tell anything. */
static void copy_tables(uint8_t *data, const struct cache_layout *l,
                        const struct region_code *code)
{
    for (uint32_t i = 0; i < code->ncells; i++) {
        struct region_cell *cell = (struct region_cell *)(void *)data + i;

        cell->kind = code->cells[i].kind;
        cell->pc = code->cells[i].pc;
    }
    for (uint32_t i = 0; i < code->nentries; i++) {
        struct region_entry *entry =
            (struct region_entry *)(void *)(data + l->entries) + i;

        entry->pc = code->entries[i].pc;
        entry->at = code->entries[i].at;
    }
}

/* 0, or -1: no memory, or it is no good region. */
static int make_piece(struct piece *piece, const struct cache_region *region)
{
    const struct region_code *code = &region->code;
    struct cache_row *row = &piece->row;
    struct cache_region again;
    struct cache_layout l;
    uint64_t nbytes = 0;
    uint8_t *data;

    for (uint32_t i = 0; i < region->nranges; i++)
        nbytes += region->ranges[i].size;
    *row = (struct cache_row){
        .offset = region->offset,
        .mode = region->mode,
        .where = region->where,
        .ncells = code->ncells,
        .nentries = code->nentries,
        .nranges = region->nranges,
        .npcs = region->npcs,
        .nbytes = (uint32_t)nbytes,
        .code_size = code->size,
        .cells_at = code->cells_at,
        .base_at = code->base_at,
    };
    l = cache_layout(row);
    row->size = (uint32_t)l.size;
    data =
        nbytes > UINT32_MAX || l.size > UINT32_MAX / 2 ? NULL : calloc(1, (size_t)l.size);
    if (!data)
        return -1;
    copy_tables(data, &l, code);
    copy(data + l.ranges, region->ranges, region->nranges * sizeof *region->ranges);
    copy(data + l.pcs, region->pcs, region->npcs * sizeof *region->pcs);
    copy(data + l.bytes, region->bytes, nbytes);
    copy(data + l.code, code->code, code->size);
    row->sum = cache_sum(data, row->size, 0);
    piece->data = data;
    if (cache_row_read(row, data, &again) == 0)
        return 0;
    free(data);
    return -1;
}

static uint64_t code_sum(const struct cache_row *row, const uint8_t *data)
{
    struct cache_layout l = cache_layout(row);
    size_t ranges = row->nranges * sizeof(struct cache_range);

    return row->where == CACHE_BY_CODE ? cache_sum(data + l.bytes, row->nbytes,
                                                   cache_sum(data + l.ranges, ranges, 0))
                                       : 0;
}

enum { PLACE = 4 }; /* words */
static void get_place(const struct piece *piece, uint64_t place[PLACE])
{
    place[0] = piece->row.offset;
    place[1] = piece->row.mode;
    place[2] = piece->row.where;
    place[3] = piece->code;
}

/* 0: they are the same. */
static int compare_places(const struct piece *left, const struct piece *right)
{
    uint64_t l[PLACE], r[PLACE];

    get_place(left, l);
    get_place(right, r);
    for (unsigned i = 0; i < PLACE; i++)
        if (l[i] != r[i])
            return l[i] < r[i] ? -1 : 1;
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct piece *left = a, *right = b;
    int order = compare_places(left, right);

    return order ? order : (left->order > right->order) - (left->order < right->order);
}

static void drop_piece(struct piece *piece)
{
    if (!piece->is_old)
        free((void *)piece->data);
}

/* New ones, the last first, and those of the old file; of what is the same one.  Returns
 * how many were no good. */
static uint32_t collect(struct pieces *pieces, const struct cache_region *regions,
                        uint32_t count, const struct cache_file *old)
{
    struct cache_region region;
    uint32_t n = 0, bad = 0, kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        pieces->all[n] = (struct piece){ .order = count - 1 - i };
        if (make_piece(&pieces->all[n], &regions[i]) == 0)
            n++;
        else
            bad++;
    }
    for (uint32_t i = 0; old->at && i < old->header->nrows; i++)
        if (cache_get_row(old, i, &region) == 0)
            pieces->all[n++] = (struct piece){ .row = old->rows[i],
                                               .data = old->at + old->rows[i].data,
                                               .order = count,
                                               .is_old = true };
    for (uint32_t i = 0; i < n; i++)
        pieces->all[i].code = code_sum(&pieces->all[i].row, pieces->all[i].data);
    qsort(pieces->all, n, sizeof *pieces->all, by_place);
    for (uint32_t i = 0; i < n; i++)
        if (kept && compare_places(&pieces->all[kept - 1], &pieces->all[i]) == 0)
            drop_piece(&pieces->all[i]);
        else
            pieces->all[kept++] = pieces->all[i];
    pieces->count = kept;
    return bad;
}

static void drop_old(struct pieces *pieces)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < pieces->count; i++)
        if (!pieces->all[i].is_old)
            pieces->all[kept++] = pieces->all[i];
    pieces->count = kept;
}

/* ---------------------------------------------------------------------------- file */

static uint64_t file_size(const struct cache_header *header, const struct pieces *pieces)
{
    uint64_t size = cache_data_at(header);

    for (uint32_t i = 0; i < pieces->count; i++)
        size += pieces->all[i].row.size;
    return size;
}

static uint64_t count_places(const struct pieces *pieces)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < pieces->count; i++)
        count += pieces->all[i].row.nentries;
    return count;
}

static int by_offset(const void *a, const void *b)
{
    const struct cache_place *left = a, *right = b;

    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    return (left->row > right->row) - (left->row < right->row);
}

static void fill_places(struct cache_place *places, const struct pieces *pieces)
{
    struct cache_place *place = places;

    for (uint32_t i = 0; i < pieces->count; i++) {
        const struct cache_row *row = &pieces->all[i].row;
        const struct region_entry *entries =
            (const void *)(pieces->all[i].data + cache_layout(row).entries);

        for (uint32_t k = 0; k < row->nentries; k++, place++) {
            place->offset = row->offset + entries[k].pc;
            place->row = i;
        }
    }
    qsort(places, (size_t)(place - places), sizeof *places, by_offset);
}

/* All in front of the regions' data, or NULL. */
static uint8_t *make_head(struct cache_header *header, const struct cache *cache,
                          const char *path, struct pieces *pieces)
{
    uint64_t size = cache_data_at(header), data = size;
    uint8_t *head = calloc(1, (size_t)size);
    struct cache_row *rows;
    struct cache_place *places;

    if (!head)
        return NULL;
    places = (struct cache_place *)(void *)(head + size) - header->nplaces;
    rows = (struct cache_row *)(void *)places - header->nrows;
    for (uint32_t i = 0; i < pieces->count; i++) {
        pieces->all[i].row.data = data;
        data += pieces->all[i].row.size;
        rows[i] = pieces->all[i].row;
    }
    fill_places(places, pieces);
    header->size = data;
    memcpy(head, header, sizeof *header);
    memcpy(head + sizeof *header, cache->key, header->key_size);
    memcpy(head + sizeof *header + header->key_size, path, header->path_size);
    ((struct cache_header *)(void *)head)->sum = cache_header_sum((const void *)head);
    return head;
}

static int write_file(int folder, const char *name, uint8_t *head, uint64_t size,
                      const struct pieces *pieces)
{
    struct host_part *parts = malloc((pieces->count + (size_t)1) * sizeof *parts);
    int error = -ENOMEM;

    if (head && parts) {
        parts[0] = (struct host_part){ head, (size_t)size };
        for (uint32_t i = 0; i < pieces->count; i++)
            parts[i + 1] =
                (struct host_part){ pieces->all[i].data, pieces->all[i].row.size };
        error = host_folder_write(folder, name, parts, pieces->count + (size_t)1);
    }
    free(parts);
    free(head);
    return error;
}

static int write_pieces(const struct cache *cache, int folder, uint64_t limit,
                        const struct cache_guest *guest, const char *path,
                        struct pieces *pieces)
{
    struct cache_header header = { .magic = CACHE_MAGIC,
                                   .version = CACHE_VERSION,
                                   .guest = *guest,
                                   .key_size = cache->key_size,
                                   .path_size = (uint32_t)strlen(path),
                                   .nrows = pieces->count };
    char name[CACHE_NAME];

    if (file_size(&header, pieces) > limit / FILE_SHARE)
        drop_old(pieces);
    header.nrows = pieces->count;
    if (count_places(pieces) >= CACHE_NONE)
        return -EFBIG;
    header.nplaces = (uint32_t)count_places(pieces);
    if (pieces->count == 0 || file_size(&header, pieces) > limit)
        return -EFBIG;
    cache_name(cache, guest, name);
    return write_file(folder, name, make_head(&header, cache, path, pieces),
                      cache_data_at(&header), pieces);
}

/* ----------------------------------------------------------------------------- add */

static int merge(const struct cache *cache, int folder, const struct cache_guest *guest,
                 const char *path, const struct cache_region *regions, uint32_t count)
{
    uint64_t limit = cache_limit(folder);
    struct pieces pieces = { 0 };
    char name[CACHE_NAME];
    struct cache_file old;
    uint32_t bad = 0;
    int error = -ENOMEM;

    cache_open(cache, guest, &old);
    pieces.all =
        calloc(count + (size_t)(old.at ? old.header->nrows : 0) + 1, sizeof *pieces.all);
    if (pieces.all) {
        bad = collect(&pieces, regions, count, &old);
        error = write_pieces(cache, folder, limit, guest, path, &pieces);
    }
    if (bad && cache->debug)
        fprintf(stderr, "rhea: cache: %s: %" PRIu32 " regions cannot be kept\n", path,
                bad);
    for (uint32_t i = 0; i < pieces.count; i++)
        drop_piece(&pieces.all[i]);
    free(pieces.all);
    cache_close(&old);
    cache_name(cache, guest, name);
    keep_limit(folder, limit, error ? NULL : name);
    return error;
}

int cache_add(const struct cache *cache, const struct cache_guest *guest,
              const char *path, const struct cache_region *regions, uint32_t count)
{
    int folder = cache_open_folder(cache->folder, true), error = folder, lock;

    if (folder >= 0) {
        lock = host_folder_lock(folder, WAIT_MS);
        error = merge(cache, folder, guest, path, regions, count);
        if (lock >= 0)
            host_folder_unlock(lock);
        host_folder_close(folder);
    }
    if (error && cache->debug)
        fprintf(stderr, "rhea: cache: %s: not kept in %s: %s\n", path, cache->folder,
                strerror(-error));
    return error;
}

uint64_t cache_room(const struct cache *cache, const struct cache_guest *guest)
{
    int folder = cache_open_folder(cache->folder, true);
    uint64_t most = folder < 0 ? 0 : cache_limit(folder) / FILE_SHARE, used;
    struct cache_file file;

    if (folder < 0)
        return 0;
    host_folder_close(folder);
    cache_open(cache, guest, &file);
    used = file.size;
    cache_close(&file);
    return used < most ? most - used : 0;
}
