/* cached.c - regions from and for the cache (cache.h): code of files that are mapped.
 *
 * Where a file is mapped, private, executable and not writable, regions in that mapping
 * are kept by their offset in the file.  A file of the cache is opened when code of its
 * guest file is first looked for, and not before LOOK_INSNS, so that it costs the
 * shortest programs nothing.  What it has is loaded where a region is entered: before a
 * block is made there, so code in regions is not predecoded, or when it gets hot.
 *
 * Descriptors: as long as the guest has one thread nobody minds what is opened.  Else the
 * compiler's thread does it, whose descriptors are its own.  In front of the end, and of
 * another program, the guest's own thread writes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "interp/cache.h"
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
    struct space_area area; /* looked at last; empty: none */
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
    struct cache_key key = {
        .isa = ip->isa, .features = &ip->features, .compiler = compiler, .host = host
    };
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
    if (jit_options.no_cache)
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

/* The file whose code is at pc, or 0: none. */
static unsigned file_at(struct interp *ip, struct cached *cached, uint64_t pc)
{
    struct space_area *area = &cached->area;

    if (pc < area->start || pc >= area->end) {
        area->end = 0;
        if (!space_next(ip->cpu->space, pc, area) || area->start > pc)
            return area->end = 0;
        if (!(area->prot & SPACE_EXEC) || area->prot & SPACE_WRITE || area->shared)
            area->file = 0;
    }
    return area->file;
}

static void open_file(struct keeper *keeper, struct opened *opened)
{
    cache_open(keeper->cache, &opened->guest, &opened->file);
    __atomic_store_n(&opened->state, IS_OPEN, __ATOMIC_RELEASE);
}

/* What the cache has of it, or NULL: nothing yet. */
static const struct cache_file *open_now(struct interp *ip, struct keeper *keeper,
                                         unsigned number)
{
    struct opened *opened = &keeper->files[number - 1];
    const struct host_file *is;

    if (__atomic_load_n(&opened->state, __ATOMIC_ACQUIRE) == IS_NEW) {
        is = space_file(ip->cpu->space, number);
        opened->guest = (struct cache_guest){ is->dev, is->ino, is->size, is->mtime_ns };
        if (!ip->is_shared) {
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

/* The region to be entered at pc: the one that begins there, or another one. */
static uint32_t find(const struct cache_file *file, uint64_t offset, uint64_t mode)
{
    uint32_t first = cache_find(file, offset, mode, CACHE_NONE), at = first;

    while (at != CACHE_NONE && cache_base(file, at) != offset)
        at = cache_find(file, offset, mode, at);
    return at == CACHE_NONE ? first : at;
}

/* One that counts, where that is asked for and there is one; else one that does not. */
static uint32_t find_one(const struct interp *ip, const struct cache_file *file,
                         uint64_t offset, bool *is_counting)
{
    uint32_t found = CACHE_NONE;

    *is_counting = jit_options.stats;
    if (*is_counting)
        found = find(file, offset, mode_of(ip->mode, !ip->is_unseen, true));
    if (found != CACHE_NONE)
        return found;
    *is_counting = false;
    return find(file, offset, mode_of(ip->mode, !ip->is_unseen, false));
}

/* The file that has a region for pc, and which. */
static const struct cache_file *look(struct interp *ip, uint64_t pc, uint32_t *found,
                                     bool *is_counting)
{
    struct cached *cached;
    const struct cache_file *file;
    unsigned number;

    if ((ip->hot_blocks < HOT_BLOCKS && ip->npositions < LOOK_INSNS) ||
        !is_keepable(ip->mode) || ip->jit->is_off || ip->cpu->stops ||
        loaded_is_entry(ip, pc))
        return NULL;
    cached = get_cached(ip);
    number = cached ? file_at(ip, cached, pc) : 0;
    file = number ? open_now(ip, cached->keeper, number) : NULL;
    if (!file || !file->at)
        return NULL;
    *found = find_one(ip, file, pc - cached->area.file_at, is_counting);
    return *found == CACHE_NONE ? NULL : file;
}

/* ------------------------------------------------------------------------- loading */

static int read_code(void *context, uint64_t addr, void *to, size_t size)
{
    return space_fetch(context, addr, to, size, NULL);
}

static void *copy(const void *from, size_t size)
{
    void *to = malloc(size ? size : 1);

    if (to && size)
        memcpy(to, from, size);
    return to;
}

static bool fill_pages(struct loaded *region, const struct cache_region *from)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < from->nranges; i++)
        n += (from->ranges[i].size >> PAGE_SHIFT) + 2;
    region->pages = malloc((n + 1) * sizeof *region->pages);
    for (uint32_t i = 0; region->pages && i < from->nranges; i++) {
        uint64_t start = region->base + (uint64_t)(int64_t)from->ranges[i].at;
        uint64_t page = start >> PAGE_SHIFT;
        uint64_t last = (start + from->ranges[i].size - 1) >> PAGE_SHIFT;

        for (; page <= last; page++)
            if (!region->npages || region->pages[region->npages - 1] != page)
                region->pages[region->npages++] = page;
    }
    return region->pages != NULL;
}

static bool load(struct interp *ip, const struct cache_region *from, uint64_t base,
                 bool is_counting)
{
    struct loaded *region = calloc(1, sizeof *region);

    if (!region)
        return false;
    region->table = ip->mode;
    region->base = base;
    region->is_precise = !ip->is_unseen;
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
    if (!fill_pages(region, from) || !region->pcs || !region->cells || !region->entries) {
        loaded_release(region);
        return false;
    }
    for (uint32_t i = 0; i < from->npcs; i++)
        region->pcs[i] = base + (uint64_t)(int64_t)from->pcs[i];
    return loaded_put(ip, region, &from->code);
}

bool cached_load(struct interp *ip, uint64_t pc)
{
    uint32_t found;
    bool is_counting;
    const struct cache_file *file = ip->jit ? look(ip, pc, &found, &is_counting) : NULL;
    struct cached *cached = file ? ip->jit->cached : NULL;
    struct cache_region region;
    uint64_t base;

    if (!file || cache_get(file, found, &region) < 0)
        return false;
    base = cached->area.file_at + region.offset;
    if (!cache_matches(&region, base, read_code, ip->cpu->space)) {
        cached->counts.different++;
        return false;
    }
    if (!load(ip, &region, base, is_counting))
        return false;
    cached->counts.loaded++;
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
static bool fill_ranges(struct kept *kept, const struct span *spans, uint64_t base,
                        struct space *space, uint8_t **at)
{
    struct cache_range *ranges = take(at, kept->region.nranges * sizeof *ranges);
    uint8_t *bytes = *at;

    kept->region.ranges = ranges;
    kept->region.bytes = bytes;
    for (uint32_t i = 0; i < kept->region.nranges; i++) {
        uint32_t size = (uint32_t)(spans[i].to - spans[i].from);

        ranges[i] = (struct cache_range){ (int32_t)(spans[i].from - base), size };
        if (space_fetch(space, spans[i].from, bytes, size, NULL))
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
    kept->region.where = CACHE_ANYWHERE;
    kept->region.nranges = nspans;
    if (!fill_ranges(kept, spans, base, ip->cpu->space, &at)) {
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
    struct cached *cached = get_cached(ip);
    uint64_t base = job->request.base;
    struct span *spans;
    struct kept *kept = NULL;
    unsigned file;
    uint32_t n;

    if (!cached || !is_keepable(job->table))
        return;
    file = file_at(ip, cached, base);
    spans = file ? malloc((job->request.ninsns + 1) * sizeof *spans) : NULL;
    if (!spans)
        return;
    open_now(ip, cached->keeper, file); /* its identity is known then */
    n = find_spans(&job->request, spans);
    if (spans[0].from >= cached->area.start && spans[n - 1].to <= cached->area.end)
        kept = make_kept(ip, job, spans, n);
    free(spans);
    if (!kept)
        return;
    kept->file = file;
    kept->region.offset = base - cached->area.file_at;
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
    unsigned number = cached ? file_at(ip, cached, base) : 0;
    const struct cache_file *file = number ? open_now(ip, cached->keeper, number) : NULL;
    struct cache_region region;
    uint32_t found;

    if (!file)
        return false;
    found = find(file, base - cached->area.file_at, mode);
    return found != CACHE_NONE && cache_get(file, found, &region) == 0 &&
           cached->area.file_at + region.offset == base &&
           cache_matches(&region, base, read_code, ip->cpu->space);
}

uint64_t cached_room(struct interp *ip, uint64_t pc)
{
    struct cached *cached = get_cached(ip);
    unsigned number = cached ? file_at(ip, cached, pc) : 0;

    if (!number)
        return 0;
    open_now(ip, cached->keeper, number); /* its identity is known then */
    return cache_room(cached->keeper->cache, &cached->keeper->files[number - 1].guest);
}

/* ------------------------------------------------------------------------- writing */

/* All of one file. */
static void write_file(struct keeper *keeper, struct kept *kept, unsigned file)
{
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
    host_mapped_path(at, path, sizeof path);
    cache_add(keeper->cache, &keeper->files[file - 1].guest, *path ? path : "?", regions,
              n);
    free(regions);
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
