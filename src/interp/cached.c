/* cached.c - regions from and for the cache (cache.h).
 *
 * Which code is kept, and how it is found again, cached_code.c says.  A file of the cache
 * is opened when code of its guest file is first looked for, and not before LOOK_INSNS,
 * so that it costs the shortest programs nothing.  What it has is loaded where a region
 * is entered: before a block is made there, so code in regions is not predecoded, or when
 * it gets hot.
 *
 * Descriptors: as long as the guest has one thread nobody minds what is opened.  Else the
 * compiler's thread does it, whose descriptors are its own.  In front of the end, and of
 * another program, the guest's own thread writes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "interp/cache.h"
#include "interp/cached_code.h"
#include "interp/jit.h"
#include "isa/space.h"
#include "llvmjit_stamp.h"

enum {
    WRITE_MS = 2000,    /* between writes */
    LOOK_INSNS = 2048,  /* that were predecoded, or HOT_BLOCKS */
    VARIANT_SHIFT = 56, /* of cache_region.mode: the mode key is below */
};

/* One that is not written yet. */
struct kept {
    struct cache_region region; /* all that it points to is behind it */
    unsigned file;
    uintptr_t at; /* the host's address of the base */
    struct kept *next;
};

/* A guest file. */
enum { IS_NEW, IS_WANTED, IS_OPEN };
struct opened {
    struct cache_guest guest;
    struct cache_file file; /* since IS_OPEN */
    volatile int state;
};

/* What the compiler's thread shares.  In the child of a fork it is made anew. */
struct keeper {
    struct host_lock *lock; /* of what follows, and of each file that IS_WANTED */
    unsigned users;
    bool is_writing;
    volatile bool is_wanted;          /* any file */
    struct kept *kept;                /* the newest first */
    uint64_t since;                   /* ms: since when there is one, or the last write */
    struct cache *cache;              /* NULL: there is none */
    struct opened files[SPACE_FILES]; /* by number - 1 */
};

struct cached {
    struct keeper *keeper;
    struct space_area area; /* code_place()'s */
    bool is_forked;         /* the keeper is the parent's */
    struct cached_counts counts;
};

/* ------------------------------------------------------------------------ the start */

static uint64_t now_ms(void)
{
    struct timespec now = { 0 };

    timespec_get(&now, TIME_UTC);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);

    return value ? value : "-";
}

static struct cache *new_cache(const struct interp *ip)
{
    char compiler[512], host[HOST_CPU_TEXT];
    struct cache_key key = { .isa = ip->isa,
                             .features = &ip->features,
                             .compiler = compiler,
                             .host = host,
                             .variants = RHEA_TLB ? CACHE_PAGED : 0 };
    int n = snprintf(compiler, sizeof compiler, "%s %s %s %s", LLVMJIT_STAMP,
                     setting("RHEA_LLVM_PASSES"), setting("RHEA_LLVM_OPTIONS"),
                     setting("RHEA_LLVM_CODEGEN"));

    if (n < 0 || (size_t)n >= sizeof compiler)
        return NULL;
    host_cpu_text(host);
    return cache_new(&key);
}

static struct keeper *new_keeper(void)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);

    if (!keeper)
        return NULL;
    keeper->users = 1;
    keeper->lock = host_lock_new();
    if (keeper->lock)
        return keeper;
    free(keeper);
    return NULL;
}

/* What is not written yet is the parent's business; its lock may be anybody's. */
static bool renew_keeper(struct cached *cached)
{
    struct keeper *keeper = new_keeper();

    if (!keeper)
        return false;
    keeper->cache = cached->keeper->cache;
    memcpy(keeper->files, cached->keeper->files, sizeof keeper->files);
    for (unsigned i = 0; i < SPACE_FILES; i++)
        if (keeper->files[i].state != IS_OPEN)
            keeper->files[i] = (struct opened){ 0 };
    cached->keeper = keeper;
    cached->is_forked = false;
    return true;
}

static struct cached *get_cached(struct interp *ip)
{
    struct jit *jit = ip->jit;
    struct cached *cached = jit->cached;

    if (cached && cached->is_forked && !renew_keeper(cached))
        return NULL;
    if (cached || jit->is_uncached)
        return cached;
    jit->is_uncached = true;
    if (!jit_options.cache)
        return NULL;
    cached = calloc(1, sizeof *cached);
    if (cached)
        cached->keeper = new_keeper();
    if (cached && cached->keeper)
        cached->keeper->cache = new_cache(ip);
    if (cached && cached->keeper && cached->keeper->cache) {
        jit->is_uncached = false;
        return jit->cached = cached;
    }
    if (cached)
        keeper_release(cached->keeper);
    free(cached);
    return NULL;
}

struct keeper *cached_keeper(struct interp *ip)
{
    struct cached *cached = get_cached(ip);
    struct keeper *keeper = cached ? cached->keeper : NULL;

    if (keeper) {
        host_lock_take(keeper->lock);
        keeper->users++;
        host_lock_give(keeper->lock);
    }
    return keeper;
}

void keeper_release(struct keeper *keeper)
{
    unsigned users;

    if (!keeper)
        return;
    host_lock_take(keeper->lock);
    users = --keeper->users;
    host_lock_give(keeper->lock);
    if (users)
        return;
    while (keeper->kept) {
        struct kept *kept = keeper->kept;

        keeper->kept = kept->next;
        free(kept);
    }
    for (unsigned i = 0; i < SPACE_FILES; i++)
        cache_close(&keeper->files[i].file);
    cache_free(keeper->cache);
    host_lock_free(keeper->lock);
    free(keeper);
}

/* --------------------------------------------------------------------------- files */

static void open_file(struct keeper *keeper, struct opened *opened)
{
    cache_close(&opened->file);
    cache_open(keeper->cache, &opened->guest, &opened->file);
    __atomic_store_n(&opened->state, IS_OPEN, __ATOMIC_RELEASE);
}

/* What the cache has of it, or NULL: nothing yet. */
static const struct cache_file *open_now(struct interp *ip, struct keeper *keeper,
                                         unsigned number)
{
    struct opened *opened = &keeper->files[number - 1];

    if (__atomic_load_n(&opened->state, __ATOMIC_ACQUIRE) == IS_NEW) {
        opened->guest = code_guest(ip, number);
        if (RHEA_TLB || !ip->is_shared) {
            open_file(keeper, opened);
        } else {
            host_lock_take(keeper->lock);
            opened->state = IS_WANTED;
            keeper->is_wanted = true;
            host_lock_give(keeper->lock);
        }
    }
    return opened->state == IS_OPEN ? &opened->file : NULL;
}

/* The rest: struct region_request's. */
static uint64_t mode_of(const struct mode_table *table, bool is_precise, bool counts)
{
    uint64_t variant = is_precise | counts << 1;

    return (table->mode & (((uint64_t)1 << VARIANT_SHIFT) - 1)) | variant
                                                                      << VARIANT_SHIFT;
}

static bool is_keepable(const struct mode_table *table)
{
    return !table->kind && table->mode >> VARIANT_SHIFT == 0;
}

/* The region to be entered there: the one that begins there, or another one. */
static uint32_t find(const struct cache_file *file, uint64_t offset, uint64_t mode)
{
    uint32_t first = cache_find(file, offset, mode, CACHE_NONE), at = first;

    while (at != CACHE_NONE && cache_base(file, at) != offset)
        at = cache_find(file, offset, mode, at);
    return at == CACHE_NONE ? first : at;
}

/* ------------------------------------------------------------------------- loading */

static void *copy(const void *from, size_t size)
{
    void *to = malloc(size ? size : 1);

    if (to && size)
        memcpy(to, from, size);
    return to;
}

static bool load(struct interp *ip, const struct cache_region *from, uint64_t base,
                 bool is_counting)
{
    struct loaded *region = calloc(1, sizeof *region);

    if (!region)
        return false;
    region->table = ip->mode;
    region->base = base;
    region->is_precise = is_precise(ip);
    region->is_cached = true;
    region->is_counting = is_counting;
    region->npcs = from->npcs;
    region->ncells = from->code.ncells;
    region->nentries = from->code.nentries;
    region->cells = copy(from->code.cells, region->ncells * sizeof *region->cells);
    region->entries =
        copy(from->code.entries, region->nentries * sizeof *region->entries);
    region->cells_at = from->code.cells_at;
    region->base_at = from->code.base_at;
    region->pcs = malloc((from->npcs + 1) * sizeof *region->pcs);
    if (!code_pages(ip, region, from) || !region->pcs || !region->cells ||
        !region->entries) {
        loaded_release(region);
        return false;
    }
    for (uint32_t i = 0; i < from->npcs; i++)
        region->pcs[i] = base + (uint64_t)(int64_t)from->pcs[i];
    return loaded_put(ip, region, &from->code);
}

/* The first of those to be entered there whose code is as it was. */
static bool load_any(struct interp *ip, const struct cache_file *file, uint64_t pc,
                     uint64_t offset, bool is_counting)
{
    uint64_t mode = mode_of(ip->mode, is_precise(ip), is_counting);
    struct cached_counts *counts = &ip->jit->cached->counts;
    struct cache_region region;

    for (uint32_t at = find(file, offset, mode); at != CACHE_NONE;
         at = cache_find(file, offset, mode, at)) {
        uint64_t base = pc + cache_base(file, at) - offset;

        if (cache_get(file, at, &region) < 0)
            continue;
        if (cache_matches(&region, base, code_read, ip)) {
            counts->loaded++;
            return load(ip, &region, base, is_counting);
        }
        counts->different++;
    }
    return false;
}

/* Whether it may be worth looking there. */
static bool may_have(struct interp *ip, uint64_t pc)
{
    return ip->jit && (ip->hot_blocks == HOT_BLOCKS || ip->npositions >= LOOK_INSNS) &&
           is_keepable(ip->mode) && !ip->jit->is_off && !ip->cpu->stops &&
           !loaded_is_entry(ip, pc);
}

/* Regions that count, where that is asked for and there is one; else one that does not.
 */
bool cached_load(struct interp *ip, uint64_t pc)
{
    struct cached *cached = may_have(ip, pc) ? get_cached(ip) : NULL;
    struct code_place place = { 0 };
    const struct cache_file *file = NULL;

    if (cached)
        place = code_place(ip, pc, &cached->area);
    if (place.file)
        file = open_now(ip, cached->keeper, place.file);
    if (!file || !file->at ||
        !((jit_options.stats && load_any(ip, file, pc, place.offset, true)) ||
          load_any(ip, file, pc, place.offset, false)))
        return false;
    if (jit_options.stats)
        jit_start(ip); /* samples are wanted though nothing is to be compiled */
    return loaded_is_entry(ip, pc);
}

/* ------------------------------------------------------------------------- keeping */

struct span {
    uint64_t from, to;
};

static int by_address(const void *a, const void *b)
{
    const struct span *left = a, *right = b;

    return (left->from > right->from) - (left->from < right->from);
}

/* The bytes of its instructions, in order and without gaps; how many spans. */
static uint32_t find_spans(const struct region_request *request, struct span *spans)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < request->ninsns; i++)
        spans[i] = (struct span){ request->insns[i].pc,
                                  request->insns[i].pc + request->insns[i].ilen };
    qsort(spans, request->ninsns, sizeof *spans, by_address);
    for (uint32_t i = 0; i < request->ninsns; i++) {
        if (n && spans[i].from <= spans[n - 1].to) {
            if (spans[i].to > spans[n - 1].to)
                spans[n - 1].to = spans[i].to;
        } else {
            spans[n++] = spans[i];
        }
    }
    return n;
}

/* Gives a part of a region's memory out. */
static void *take(uint8_t **at, size_t size)
{
    void *part = *at;

    *at += (size + 7) & ~(size_t)7;
    return part;
}

static void *take_copy(uint8_t **at, const void *from, size_t size)
{
    return memcpy(take(at, size), from, size);
}

/* false: the code cannot be read. */
static bool fill_ranges(struct interp *ip, const struct job *job, struct kept *kept,
                        const struct span *spans, uint8_t **at)
{
    uint64_t base = job->request.base;
    struct cache_range *ranges = take(at, kept->region.nranges * sizeof *ranges);
    uint8_t *bytes = *at;

    kept->region.ranges = ranges;
    kept->region.bytes = bytes;
    for (uint32_t i = 0; i < kept->region.nranges; i++) {
        uint32_t size = (uint32_t)(spans[i].to - spans[i].from);

        ranges[i] = (struct cache_range){ (int32_t)(spans[i].from - base), size };
        if (!code_read_job(ip, job, spans[i].from, bytes, size))
            return false;
        bytes += size;
    }
    *at += (size_t)(bytes - *at + 7) & ~(size_t)7;
    return true;
}

static struct kept *make_kept(struct interp *ip, const struct job *job,
                              const struct span *spans, uint32_t nspans)
{
    const struct region_code *code = &job->code;
    size_t cells = code->ncells * sizeof *code->cells;
    size_t entries = code->nentries * sizeof *code->entries, bytes = 0;
    struct kept *kept;
    uint64_t base = job->request.base;
    uint8_t *at;
    int32_t *pcs;

    for (uint32_t i = 0; i < nspans; i++)
        bytes += (size_t)(spans[i].to - spans[i].from);
    kept = calloc(1, sizeof *kept + nspans * sizeof(struct cache_range) + bytes +
                         job->request.ninsns * sizeof *pcs + cells + entries +
                         code->size + (size_t)8 * 8);
    if (!kept)
        return NULL;
    at = (uint8_t *)(kept + 1);
    kept->region.mode = mode_of(job->table, job->request.is_precise, job->request.counts);
    kept->region.where = CODE_WHERE;
    kept->region.nranges = nspans;
    if (!fill_ranges(ip, job, kept, spans, &at)) {
        free(kept);
        return NULL;
    }
    kept->region.pcs = pcs = take(&at, job->request.ninsns * sizeof *pcs);
    kept->region.npcs = job->request.ninsns;
    for (uint32_t i = 0; i < job->request.ninsns; i++)
        pcs[i] = (int32_t)(job->request.insns[i].pc - base);
    kept->region.code = *code;
    kept->region.code.cells = take_copy(&at, code->cells, cells);
    kept->region.code.entries = take_copy(&at, code->entries, entries);
    kept->region.code.code = take_copy(&at, code->code, code->size);
    kept->at = (uintptr_t)space_base(ip->cpu->space) + (uintptr_t)base;
    return kept;
}

static void add_kept(struct keeper *keeper, struct kept *kept)
{
    host_lock_take(keeper->lock);
    if (!keeper->kept)
        keeper->since = now_ms();
    kept->next = keeper->kept;
    keeper->kept = kept;
    host_lock_give(keeper->lock);
}

void cached_keep(struct interp *ip, const struct job *job)
{
    struct cached *cached = is_keepable(job->table) ? get_cached(ip) : NULL;
    struct span *spans =
        cached ? malloc((job->request.ninsns + 1) * sizeof *spans) : NULL;
    struct code_place place;
    struct kept *kept = NULL;
    uint32_t n;

    if (!spans)
        return;
    n = find_spans(&job->request, spans);
    place = code_place_of(ip, job, spans[0].from, spans[n - 1].to, &cached->area);
    if (place.file)
        kept = make_kept(ip, job, spans, n);
    free(spans);
    if (!kept)
        return;
    open_now(ip, cached->keeper, place.file); /* its identity is known then */
    kept->file = place.file;
    kept->region.offset = place.offset;
    cached->counts.kept++;
    add_kept(cached->keeper, kept);
    if (jit_options.sync && !ip->is_shared)
        keeper_work(cached->keeper);
}

/* ----------------------------------------------------------- what is there already */

bool cached_has(struct interp *ip, const struct job *job)
{
    struct cached *cached = get_cached(ip);
    uint64_t base = job->request.base;
    uint64_t mode = mode_of(job->table, job->request.is_precise, job->request.counts);
    struct code_place place =
        cached ? code_place(ip, base, &cached->area) : (struct code_place){ 0 };
    const struct cache_file *file =
        place.file ? open_now(ip, cached->keeper, place.file) : NULL;
    struct cache_region region;
    uint32_t found;

    if (!file)
        return false;
    found = find(file, place.offset, mode);
    return found != CACHE_NONE && cache_get(file, found, &region) == 0 &&
           region.offset == place.offset && cache_matches(&region, base, code_read, ip);
}

uint64_t cached_room(struct interp *ip, uint64_t pc)
{
    struct cached *cached = get_cached(ip);
    unsigned number = cached ? code_place(ip, pc, &cached->area).file : 0;

    if (!number)
        return 0;
    open_now(ip, cached->keeper, number); /* its identity is known then */
    return cache_room(cached->keeper->cache, &cached->keeper->files[number - 1].guest);
}

/* ------------------------------------------------------------------------- writing */

/* All of one file. */
static void write_file(struct keeper *keeper, struct kept *kept, unsigned file)
{
    struct opened *opened = &keeper->files[file - 1];
    char path[1024];
    struct cache_region *regions;
    uint32_t n = 0, i;
    uintptr_t at = 0;

    for (const struct kept *k = kept; k; k = k->next)
        n += k->file == file;
    regions = n ? malloc(n * sizeof *regions) : NULL;
    if (!regions)
        return;
    i = n;
    for (const struct kept *k = kept; k; k = k->next)
        if (k->file == file) { /* the newest comes last */
            regions[--i] = k->region;
            at = k->at;
        }
    code_path(at, path, sizeof path);
    cache_add(keeper->cache, &opened->guest, *path ? path : "?", regions, n);
    free(regions);
    if (RHEA_TLB) /* the same code may be somewhere else by now */
        __atomic_store_n(&opened->state, IS_NEW, __ATOMIC_RELEASE);
}

static void write_kept(struct keeper *keeper)
{
    struct kept *kept;

    host_lock_take(keeper->lock);
    while (keeper->is_writing)
        host_lock_wait(keeper->lock);
    kept = keeper->kept;
    keeper->kept = NULL;
    keeper->is_writing = kept != NULL;
    host_lock_give(keeper->lock);
    if (!kept)
        return;
    for (unsigned file = 1; file <= SPACE_FILES; file++)
        write_file(keeper, kept, file);
    while (kept) {
        struct kept *next = kept->next;

        free(kept);
        kept = next;
    }
    host_lock_take(keeper->lock);
    keeper->is_writing = false;
    host_lock_wake(keeper->lock);
    host_lock_give(keeper->lock);
}

static void open_wanted(struct keeper *keeper)
{
    host_lock_take(keeper->lock);
    keeper->is_wanted = false;
    for (unsigned i = 0; i < SPACE_FILES; i++)
        if (keeper->files[i].state == IS_WANTED)
            open_file(keeper, &keeper->files[i]);
    host_lock_give(keeper->lock);
}

static bool is_time(const struct keeper *keeper)
{
    uint64_t since = keeper->since, now = keeper->kept ? now_ms() : 0;

    return keeper->kept && (now < since || now - since >= WRITE_MS);
}

bool keeper_has_work(const struct keeper *keeper)
{
    return keeper && (keeper->is_wanted || is_time(keeper));
}

void keeper_work(struct keeper *keeper)
{
    if (!keeper_has_work(keeper))
        return;
    if (keeper->is_wanted)
        open_wanted(keeper);
    if (is_time(keeper))
        write_kept(keeper);
}

void cached_write(struct jit *jit)
{
    if (jit->cached && !jit->cached->is_forked)
        write_kept(jit->cached->keeper);
}

/* ------------------------------------------------------------------------- changes */

void cached_forget(struct jit *jit)
{
    if (jit->cached)
        jit->cached->area.end = 0;
}

void cached_forked(struct jit *jit)
{
    if (!jit->cached)
        return;
    jit->cached->is_forked = true;
    jit->cached->counts = (struct cached_counts){ 0 };
}

void cached_free(struct jit *jit)
{
    if (jit->cached && !jit->cached->is_forked)
        keeper_release(jit->cached->keeper);
    free(jit->cached);
    jit->cached = NULL;
}

struct cached_counts cached_counts(const struct jit *jit)
{
    return jit->cached ? jit->cached->counts : (struct cached_counts){ 0 };
}
