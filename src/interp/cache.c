/* cache.c - compiled regions of earlier processes: names, and reading. */
#include "interp/cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "interp/cache_file.h"
#include "interp/handler.h"
#include "isa/cpu.h"

/* --------------------------------------------------------------------------- sums */

enum { LANES = 4 };
static const uint64_t odd = 0x9e3779b97f4a7c15, other = 0xd6e8feb86659fd93;

static inline void add_words(uint64_t lanes[LANES], const uint64_t words[LANES])
{
    for (unsigned i = 0; i < LANES; i++) {
        lanes[i] = (lanes[i] ^ words[i]) * odd;
        lanes[i] = lanes[i] << 29 | lanes[i] >> 35;
    }
}

uint64_t cache_sum(const void *data, size_t size, uint64_t seed)
{
    uint64_t lanes[LANES] = { seed, seed + odd, seed ^ other, seed - other };
    uint64_t words[LANES], sum = seed ^ size;
    const uint8_t *at = data;
    size_t left = size;

    for (; left >= sizeof words; left -= sizeof words, at += sizeof words) {
        memcpy(words, at, sizeof words);
        add_words(lanes, words);
    }
    if (left) {
        memset(words, 0, sizeof words);
        memcpy(words, at, left);
        add_words(lanes, words);
    }
    for (unsigned i = 0; i < LANES; i++) {
        sum = (sum ^ lanes[i]) * other;
        sum ^= sum >> 32;
    }
    return sum;
}

/* -------------------------------------------------------------------------- names */

static void print_hex(char *text, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < 2 * size; i++)
        text[i] = "0123456789abcdef"[bytes[i / 2] >> (i % 2 ? 0 : 4) & 15];
    text[2 * size] = '\0';
}

/* Of what code knows of rhea's structs and of the isa's tables. */
static uint64_t layout_sum(const struct isa *isa)
{
    const uint32_t numbers[] = {
        CACHE_VERSION,
        REGION_VERSION,
        REGION_HELPERS,
        CELL_KINDS,
        sizeof(void *),
        sizeof(struct region_cell),
        sizeof(struct region_entry),
        sizeof(struct op),
        OP_PAYLOAD,
        sizeof(struct jump_entry),
        sizeof(struct interp_head),
        sizeof(struct cpu),
        CPU_STATE,
        CPU_RING,
        offsetof(struct cpu, op),
        offsetof(struct cpu, kick),
        offsetof(struct cpu, base),
        offsetof(struct cpu, jumps),
        offsetof(struct cpu, jump_mask),
        offsetof(struct cpu, ring_top),
        offsetof(struct cpu, pc),
        offsetof(struct cpu, npc),
        offsetof(struct cpu, mode),
        offsetof(struct cpu, reserved_addr),
        offsetof(struct cpu, reserved_value),
        offsetof(struct cpu, reserved_high),
        offsetof(struct cpu, insns),
        offsetof(struct cpu, region_at),
        offsetof(struct cpu, ring),
        isa->state_size,
        isa->nnodes,
        isa->nconsts,
        isa->nvariants,
        isa->nslots,
        isa->ninsns,
        isa->nfiles,
        isa->nviews,
        isa->nfeatures,
        isa->nmodes,
        isa->nhelpers,
        isa->ntraps,
        isa->naccesses,
        isa->nfpcalls,
        isa->nfpenvs,
    };

    return cache_sum(numbers, sizeof numbers, 0);
}

/* The key as text: it is stored, compared and shown.  NULL: no memory, or nobody knows
 * which build of rhea this is. */
static struct cache *new_with_key(const struct cache_key *key)
{
    char build[2 * HOST_BUILD_ID + 1] = "", features[2 * sizeof *key->features + 1];
    uint8_t id[HOST_BUILD_ID];
    size_t id_size = host_build_id(id);
    struct cache *cache = NULL;
    int n = 0;

    print_hex(build, id, id_size);
    print_hex(features, (const uint8_t *)key->features, sizeof *key->features);
    for (unsigned pass = 0; id_size && pass < 2; pass++) {
        n = snprintf(cache ? cache->key : NULL, cache ? (size_t)n + 1 : 0,
                     "rhea %s\nisa %s %016" PRIx64 "\nfeatures %s\nvariants %x\n"
                     "compiler %s\nhost %s\n",
                     build, key->isa->name, layout_sum(key->isa), features, key->variants,
                     key->compiler, key->host);
        if (!cache && n > 0)
            cache = calloc(1, sizeof *cache + (size_t)n + 1);
        if (!cache)
            return NULL;
        cache->key_size = (uint32_t)n;
    }
    return cache;
}

struct cache *cache_new(const struct cache_key *key)
{
    bool debug = getenv("RHEA_CACHE_DEBUG") != NULL;
    const char *why = "no memory, or no build id";
    char *folder = cache_folder(&why);
    struct cache *cache = folder ? new_with_key(key) : NULL;

    if (cache) {
        cache->folder = folder;
        cache->debug = debug;
        return cache;
    }
    if (debug)
        fprintf(stderr, "rhea: cache: off: %s\n", why);
    free(folder);
    return NULL;
}

void cache_free(struct cache *cache)
{
    if (cache)
        free(cache->folder);
    free(cache);
}

char *cache_folder(const char **why)
{
    static const char *const places[][2] = { { "RHEA_CACHE", "" },
                                             { "XDG_CACHE_HOME", "/rhea" },
                                             { "HOME", "/.cache/rhea" } };

    if (host_is_privileged()) {
        *why = "rhea has rights that its user does not have";
        return NULL;
    }
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        const char *value = getenv(places[i][0]), *behind = places[i][1];
        size_t length = value ? strlen(value) : 0;
        char *path;

        if (value && *value == '/') {
            path = malloc(length + strlen(behind) + 1);
            if (path)
                strcat(strcpy(path, value), behind);
            return path;
        }
        if (value && i == 0) {
            *why = length ? "RHEA_CACHE does not begin with /" : "RHEA_CACHE is empty";
            return NULL;
        }
    }
    *why = "HOME is not set";
    return NULL;
}

int cache_open_folder(const char *path, bool make)
{
    return host_folder_open(path, (make ? HOST_FOLDER_MAKE : 0) |
                                      (getenv("RHEA_CACHE") ? HOST_FOLDER_ANYWHERE : 0));
}

void cache_name(const struct cache *cache, const struct cache_guest *guest,
                char name[CACHE_NAME])
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t key = cache_sum(cache->key, cache->key_size, i);

        snprintf(name + 16 * i, 17, "%016" PRIx64, cache_sum(guest, sizeof *guest, key));
    }
}

bool cache_is_name(const char *name)
{
    size_t length = strspn(name, "0123456789abcdef");

    return length == CACHE_NAME - 1 && !name[length];
}

/* ------------------------------------------------------------------------ checking */

static uint64_t align8(uint64_t size)
{
    return (size + 7) & ~(uint64_t)7;
}

struct cache_layout cache_layout(const struct cache_row *row)
{
    struct cache_layout l;

    l.entries = (uint64_t)row->ncells * sizeof(struct region_cell);
    l.ranges = l.entries + (uint64_t)row->nentries * sizeof(struct region_entry);
    l.pcs = l.ranges + (uint64_t)row->nranges * sizeof(struct cache_range);
    l.bytes = l.pcs + (uint64_t)row->npcs * sizeof(int32_t);
    l.code = align8(l.bytes + row->nbytes);
    l.size = align8(l.code + row->code_size);
    return l;
}

static bool are_cells_right(const struct region_cell *cells, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (cells[i].kind >= CELL_KINDS || (cells[i].kind == CELL_FIRST) != (i == 0) ||
            (cells[i].kind == CELL_HELPER && cells[i].pc >= REGION_HELPERS))
            return false;
    return count != 0;
}

static bool are_entries_right(const struct region_entry *entries, uint32_t count,
                              uint32_t code_size)
{
    for (uint32_t i = 0; i < count; i++)
        if (entries[i].at >= code_size)
            return false;
    return count != 0;
}

static bool are_ranges_right(const struct cache_range *ranges, uint32_t count,
                             uint32_t nbytes)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < count; i++)
        bytes += ranges[i].size;
    return bytes == nbytes && bytes != 0;
}

int cache_row_read(const struct cache_row *row, const uint8_t *data,
                   struct cache_region *region)
{
    struct cache_layout l = cache_layout(row);

    if (l.size != row->size || row->code_size < 8 || row->cells_at > row->code_size - 8 ||
        row->base_at > row->code_size - 8 || cache_sum(data, row->size, 0) != row->sum)
        return -1;
    *region = (struct cache_region){
        .offset = row->offset,
        .mode = row->mode,
        .where = row->where,
        .nranges = row->nranges,
        .npcs = row->npcs,
        .ranges = (const void *)(data + l.ranges),
        .bytes = data + l.bytes,
        .pcs = (const void *)(data + l.pcs),
        .code = { .code = (uint8_t *)data + l.code,
                  .size = row->code_size,
                  .cells_at = row->cells_at,
                  .base_at = row->base_at,
                  .ncells = row->ncells,
                  .nentries = row->nentries,
                  .cells = (void *)data,
                  .entries = (void *)(data + l.entries) },
    };
    return are_cells_right(region->code.cells, row->ncells) &&
                   are_entries_right(region->code.entries, row->nentries,
                                     row->code_size) &&
                   are_ranges_right(region->ranges, row->nranges, row->nbytes)
               ? 0
               : -1;
}

static uint64_t rows_at(const struct cache_header *header)
{
    return align8(sizeof *header + (uint64_t)header->key_size + header->path_size);
}

uint64_t cache_data_at(const struct cache_header *header)
{
    return rows_at(header) + (uint64_t)header->nrows * sizeof(struct cache_row) +
           (uint64_t)header->nplaces * sizeof(struct cache_place);
}

uint64_t cache_header_sum(const struct cache_header *header)
{
    size_t from = offsetof(struct cache_header, size);

    return cache_sum((const uint8_t *)header + from, cache_data_at(header) - from, 0);
}

/* The data of rows fills the rest of the file. */
static bool are_tables_right(const struct cache_file *file)
{
    uint64_t at = cache_data_at(file->header);

    for (uint32_t i = 0; i < file->header->nrows; i++) {
        if (file->rows[i].data != at || file->rows[i].size % 8 ||
            file->rows[i].size > file->size - at)
            return false;
        at += file->rows[i].size;
    }
    for (uint32_t i = 0; i < file->header->nplaces; i++)
        if (file->places[i].row >= file->header->nrows)
            return false;
    return at == file->size;
}

static bool is_file_right(struct cache_file *file)
{
    const struct cache_header *header = (const void *)file->at;

    if (file->size < sizeof *header || memcmp(header->magic, CACHE_MAGIC, 8) != 0 ||
        header->version != CACHE_VERSION || header->size != file->size ||
        header->nplaces == CACHE_NONE || cache_data_at(header) > file->size ||
        cache_header_sum(header) != header->sum)
        return false;
    file->header = header;
    file->rows = (const void *)(file->at + rows_at(header));
    file->places = (const void *)(file->rows + header->nrows);
    return are_tables_right(file);
}

/* ------------------------------------------------------------------------- reading */

struct check {
    struct cache_file *file;
    const struct cache_row *row;
    struct cache_region *region;
    bool is_right;
};

static void check_file(void *context)
{
    struct check *check = context;

    check->is_right = is_file_right(check->file);
}

static void check_row(void *context)
{
    struct check *check = context;

    check->is_right = cache_row_read(check->row, check->file->at + check->row->data,
                                     check->region) == 0;
}

int cache_read(struct cache_file *file, const void *bytes, size_t size)
{
    struct check check = { .file = file };

    *file = (struct cache_file){ .at = bytes, .size = size };
    if (host_try(check_file, &check) == 0 && check.is_right)
        return 0;
    *file = (struct cache_file){ 0 };
    return -1;
}

int cache_open_name(int folder, const char *name, struct cache_file *file)
{
    size_t size;
    const void *at = host_folder_map(folder, name, true, &size);

    *file = (struct cache_file){ 0 };
    if (!at)
        return -1;
    if (cache_read(file, at, size) == 0)
        return 0;
    host_unmap((uintptr_t)at, size);
    return -1;
}

int cache_open(const struct cache *cache, const struct cache_guest *guest,
               struct cache_file *file)
{
    int folder = cache_open_folder(cache->folder, false);
    char name[CACHE_NAME];

    *file = (struct cache_file){ 0 };
    if (folder < 0)
        return -1;
    cache_name(cache, guest, name);
    cache_open_name(folder, name, file);
    host_folder_close(folder);
    if (file->at && memcmp(&file->header->guest, guest, sizeof *guest) == 0 &&
        file->header->key_size == cache->key_size &&
        memcmp(file->header + 1, cache->key, cache->key_size) == 0)
        return 0;
    cache_close(file);
    return -1;
}

void cache_close(struct cache_file *file)
{
    if (file->at)
        host_unmap((uintptr_t)file->at, file->size);
    *file = (struct cache_file){ 0 };
}

uint32_t cache_find(const struct cache_file *file, uint64_t offset, uint64_t mode,
                    uint32_t last)
{
    uint32_t low = last == CACHE_NONE ? 0 : last + 1;
    uint32_t high = file->at ? file->header->nplaces : 0;

    while (last == CACHE_NONE && low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (file->places[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    for (high = file->at ? file->header->nplaces : 0;
         low < high && file->places[low].offset == offset; low++)
        if (file->rows[file->places[low].row].mode == mode)
            return low;
    return CACHE_NONE;
}

uint64_t cache_base(const struct cache_file *file, uint32_t found)
{
    return file->rows[file->places[found].row].offset;
}

int cache_get_row(const struct cache_file *file, uint32_t row,
                  struct cache_region *region)
{
    struct check check = { .file = (struct cache_file *)file,
                           .row = &file->rows[row],
                           .region = region };

    return host_try(check_row, &check) == 0 && check.is_right ? 0 : -1;
}

int cache_get(const struct cache_file *file, uint32_t found, struct cache_region *region)
{
    return cache_get_row(file, file->places[found].row, region);
}

bool cache_matches(const struct cache_region *region, uint64_t base,
                   int (*read)(void *context, uint64_t addr, void *to, size_t size),
                   void *context)
{
    const uint8_t *want = region->bytes;
    uint8_t now[512];

    if (region->where < CACHE_BY_CODE && region->where != base)
        return false;
    for (uint32_t i = 0; i < region->nranges; i++) {
        uint64_t at = base + (uint64_t)(int64_t)region->ranges[i].at;
        uint32_t left = region->ranges[i].size;

        while (left) {
            uint32_t n = left < sizeof now ? left : sizeof now;

            if (read(context, at, now, n) || memcmp(now, want, n) != 0)
                return false;
            at += n;
            want += n;
            left -= n;
        }
    }
    return true;
}

/* ------------------------------------------------------------------- looking at it */

const char *cache_key_text(const struct cache_file *file, int *length)
{
    *length = (int)file->header->key_size;
    return (const char *)(file->header + 1);
}

const char *cache_path(const struct cache_file *file, int *length)
{
    *length = (int)file->header->path_size;
    return (const char *)(file->header + 1) + file->header->key_size;
}

uint32_t cache_regions(const struct cache_file *file)
{
    return file->header->nrows;
}

struct cache_guest cache_guest(const struct cache_file *file)
{
    return file->header->guest;
}
