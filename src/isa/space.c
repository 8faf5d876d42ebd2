/* space.c - guest memory: which addresses are mapped, and where they are on the host.
 *
 * The map is a sorted array of areas.  Neighbours with the same rights are merged, so
 * that programs have tens of areas, and a look-up is a short binary search.
 *
 * Host memory that is not the guest's is never touched: a mapping where the map shows
 * nothing is made with HOST_NOREPLACE, and only what the map shows is replaced, protected
 * or unmapped.  So rhea need not know where its own memory is.
 *
 * Not modelled: guest pages smaller than the host's; memory that may be executed but not
 * read (it may be read). */
#include "isa/space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "isa/space_impl.h"

enum {
    MAX_AREAS = 65530,    /* Linux' vm.max_map_count */
    MIN_ADDR = 64 * 1024, /* never chosen below: null pointers must fault */
    GUARD = 64 * 1024,    /* around a window: accesses that reach over its ends */
};
#define AREAS_SIZE (MAX_AREAS * sizeof(struct area)) /* touched as it is used */

/* ------------------------------------------------------------------- the map */

/* Index of the first area that ends above addr. */
size_t space_area_at(const struct space *space, uint64_t addr)
{
    size_t low = 0, high = space->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (space->areas[middle].end > addr)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct area *space_area_of(const struct space *space, uint64_t addr)
{
    size_t i = space_area_at(space, addr);

    return i < space->count && space->areas[i].start <= addr ? &space->areas[i] : NULL;
}

static void drop_cache(struct space *space)
{
    static uint64_t newest; /* of all spaces */

    if (space->paged)
        space->generation = __atomic_add_fetch(&newest, 1, __ATOMIC_SEQ_CST);
}

/* Around each change of the areas. */
static void begin_change(struct space *space)
{
    if (space->changing++ == 0) {
        space->change++;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
}

static void end_change(struct space *space)
{
    if (--space->changing == 0)
        __atomic_store_n(&space->change, space->change + 1, __ATOMIC_SEQ_CST);
}

/* Whether a change of the map (at most two more areas) cannot fail. */
static int reserve_areas(struct space *space)
{
    return space->count + 2 > MAX_AREAS ? -ENOMEM : 0;
}

static void insert_at(struct space *space, size_t i, struct area area)
{
    memmove(&space->areas[i + 1], &space->areas[i],
            (space->count - i) * sizeof(struct area));
    space->areas[i] = area;
    space->count++;
}

/* Splits the area that holds addr so that one begins there. */
static void split_at(struct space *space, uint64_t addr)
{
    size_t i = space_area_at(space, addr);
    struct area tail;

    if (i == space->count || space->areas[i].start >= addr)
        return;
    tail = space->areas[i];
    if (space->paged)
        tail.host += addr - tail.start;
    tail.start = addr;
    space->areas[i].end = addr;
    insert_at(space, i + 1, tail);
}

/* Forgets [start, end). */
static void forget(struct space *space, uint64_t start, uint64_t end)
{
    size_t first, last;

    begin_change(space);
    split_at(space, start);
    split_at(space, end);
    first = space_area_at(space, start);
    last = space_area_at(space, end - 1);
    if (last < space->count && space->areas[last].start < end)
        last++;
    memmove(&space->areas[first], &space->areas[last],
            (space->count - last) * sizeof(struct area));
    space->count -= last - first;
    if (end > space->full_top)
        space->full_top = end < space->top ? end : space->top;
    drop_cache(space);
    end_change(space);
}

static bool mergeable(const struct space *space, const struct area *a,
                      const struct area *b)
{
    return a->end == b->start && a->prot == b->prot && a->shared == b->shared &&
           a->file == b->file && a->file_at == b->file_at &&
           (!space->paged || a->host + (a->end - a->start) == b->host);
}

static void merge_at(struct space *space, size_t i)
{
    if (i == 0 || i >= space->count ||
        !mergeable(space, &space->areas[i - 1], &space->areas[i]))
        return;
    space->areas[i - 1].end = space->areas[i].end;
    memmove(&space->areas[i], &space->areas[i + 1],
            (space->count - i - 1) * sizeof(struct area));
    space->count--;
}

/* Notes an area in place of whatever the map shows there. */
static void note(struct space *space, struct area area)
{
    size_t i;

    begin_change(space);
    forget(space, area.start, area.end);
    i = space_area_at(space, area.start);
    insert_at(space, i, area);
    merge_at(space, i + 1);
    merge_at(space, i);
    end_change(space);
    for (i = space_area_at(space, space->full_top - 1);
         i < space->count && space->areas[i].end == space->full_top; i--) {
        space->full_top = space->areas[i].start;
        if (i == 0)
            break;
    }
}

static bool is_free(const struct space *space, uint64_t start, uint64_t end)
{
    size_t i = space_area_at(space, start);

    return i == space->count || space->areas[i].start >= end;
}

/* The highest free place of `size` bytes that ends at or below `top`; 0: none. */
static uint64_t find_gap(const struct space *space, uint64_t size, uint64_t top)
{
    size_t i;

    if (top > space->full_top)
        top = space->full_top;
    for (i = space_area_at(space, top ? top - 1 : 0);; i--) {
        uint64_t below = MIN_ADDR;

        if (i < space->count && space->areas[i].start < top)
            top = space->areas[i].start;
        if (i > 0 && space->areas[i - 1].end > below)
            below = space->areas[i - 1].end;
        if (top > below && top - below >= size)
            return top - size;
        if (i == 0)
            return 0;
        top = below;
    }
}

/* ------------------------------------------------------------- making a space */

/* Where the direct scheme with base 0 begins to look for room.  Mostly at the limit; but
 * the host may be full there (its own limit, a sanitizer's tables). */
static uint64_t probe_top(uint64_t limit)
{
    enum { ROOM = 64 << 20 };

    for (uint64_t top = limit; top > ROOM; top /= 2) {
        uint64_t at = (top - ROOM) & ~(uint64_t)0xffff;

        if (at <= UINTPTR_MAX && host_map((uintptr_t)at, ROOM, 0,
                                          HOST_NOREPLACE | HOST_NORESERVE, -1, 0) >= 0) {
            host_unmap((uintptr_t)at, ROOM);
            return at + ROOM;
        }
    }
    return 0;
}

static bool place(struct space *space, unsigned bits)
{
    if (space->paged)
        return true;
    if (bits <= 32) {
        int64_t at;

        if (UINTPTR_MAX >> 16 <= UINT32_MAX >> 16)
            return false;
        at = host_map(0, (size_t)(((uint64_t)1 << 32) + 2 * GUARD), 0, HOST_NORESERVE, -1,
                      0);
        space->window = true;
        space->base = (uint8_t *)(uintptr_t)at + GUARD;
        return at >= 0;
    }
    if (UINTPTR_MAX <= UINT32_MAX)
        return false;
    space->is_top_a_guess = true;
    return true;
}

static bool is_error(int64_t at)
{
    return at < 0 && at > -4096;
}

struct space *space_new(unsigned bits, bool paged)
{
    struct space *space = calloc(1, sizeof(*space));
    int64_t areas;

    if (!space)
        return NULL;
    if (bits > 47) /* what every 64-bit host has, and Linux gives without being asked */
        bits = 47;
    space->paged = paged;
    space->page = host_page_size();
    space->limit = ((uint64_t)1 << bits) - (bits == 32 || bits == 47 ? space->page : 0);
    space->top = space->limit;
    areas = host_map(0, AREAS_SIZE, HOST_READ | HOST_WRITE, HOST_NORESERVE, -1, 0);
    space->areas = (struct area *)(uintptr_t)areas;
    if (is_error(areas) || !place(space, bits)) {
        if (!is_error(areas))
            host_unmap((uintptr_t)areas, AREAS_SIZE);
        free(space);
        return NULL;
    }
    space->full_top = space->top;
    drop_cache(space);
    return space;
}

void space_free(struct space *space)
{
    if (!space)
        return;
    space->changed = NULL;
    if (space->window)
        host_unmap((uintptr_t)space->base - GUARD,
                   (size_t)(((uint64_t)1 << 32) + 2 * GUARD));
    else
        space_unmap_locked(space, 0, space->limit);
    host_unmap((uintptr_t)space->areas, AREAS_SIZE);
    host_lock_free(space->lock);
    free(space);
}

uint8_t *space_base(const struct space *space)
{
    return space->base;
}

bool space_is_paged(const struct space *space)
{
    return space->paged;
}

uint64_t space_limit(const struct space *space)
{
    return space->limit;
}

size_t space_page(const struct space *space)
{
    return (size_t)space->page;
}

void space_set_top(struct space *space, uint64_t top)
{
    space->top = space->full_top = top;
}

uint64_t space_top(const struct space *space)
{
    return space->top;
}

void space_watch_code(struct space *space,
                      void (*changed)(void *context, uint64_t addr, uint64_t size),
                      void *context)
{
    space->changed = changed;
    space->changed_context = context;
}

/* ------------------------------------------------- mapping, in the direct scheme */

static uintptr_t host_at(const struct space *space, uint64_t addr)
{
    return (uintptr_t)space->base + (uintptr_t)addr;
}

/* Rights for the host: fetching is reading. */
static unsigned prot_to_host(unsigned prot)
{
    return (prot & (SPACE_READ | SPACE_EXEC) ? HOST_READ : 0) |
           (prot & SPACE_WRITE ? HOST_WRITE : 0);
}

/* Takes the parts of [start, end) that are not mapped from the host, or none of them. */
static int claim_gaps(struct space *space, uint64_t start, uint64_t end)
{
    uint64_t at = start;

    while (at < end) {
        size_t i = space_area_at(space, at);
        uint64_t stop =
            i < space->count && space->areas[i].start < end ? space->areas[i].start : end;
        int64_t got = 0;

        if (stop > at)
            got = host_map((uintptr_t)at, (size_t)(stop - at), 0,
                           HOST_NOREPLACE | HOST_NORESERVE, -1, 0);
        if (got < 0) {
            for (uint64_t undo = start; undo < at;) {
                i = space_area_at(space, undo);
                stop = i < space->count && space->areas[i].start < at
                           ? space->areas[i].start
                           : at;
                if (stop > undo)
                    host_unmap((uintptr_t)undo, (size_t)(stop - undo));
                undo = i < space->count ? space->areas[i].end : at;
            }
            return got == -EEXIST ? -ENOMEM : (int)got;
        }
        at = i < space->count && stop < end ? space->areas[i].end : end;
    }
    return 0;
}

/* Gives back what is not mapped of [start, end) after claim_gaps. */
static void release_gaps(struct space *space, uint64_t start, uint64_t end)
{
    while (start < end) {
        size_t i = space_area_at(space, start);
        uint64_t stop =
            i < space->count && space->areas[i].start < end ? space->areas[i].start : end;

        if (stop > start)
            host_unmap((uintptr_t)start, (size_t)(stop - start));
        start = i < space->count && stop < end ? space->areas[i].end : end;
    }
}

struct request {
    uint64_t addr, size;
    unsigned prot, flags;
    int fd;
    uint64_t offset;
};

/* Maps at req->addr; the place is inside the limit.  0 or a negated errno. */
static int64_t map_direct(struct space *space, const struct request *req)
{
    uint64_t end = req->addr + req->size;
    bool vacant = is_free(space, req->addr, end);
    unsigned how = space->window || !vacant ? HOST_FIXED : HOST_NOREPLACE;
    int64_t got;

    if (!space->window && !vacant) {
        int error = claim_gaps(space, req->addr, end);

        if (error)
            return error;
    }
    got = host_map(host_at(space, req->addr), (size_t)req->size, prot_to_host(req->prot),
                   req->flags | how, req->fd, req->offset);
    if (got < 0 && !space->window && !vacant)
        release_gaps(space, req->addr, end);
    return got < 0 ? got : 0;
}

/* Gives the host memory of a mapped range back. */
static int unmap_host(struct space *space, const struct area *area, uint64_t start,
                      uint64_t end)
{
    int64_t got;

    if (space->paged)
        return host_unmap((uintptr_t)area->host + (uintptr_t)(start - area->start),
                          (size_t)(end - start));
    if (!space->window)
        return host_unmap(host_at(space, start), (size_t)(end - start));
    got = host_map(host_at(space, start), (size_t)(end - start), 0,
                   HOST_FIXED | HOST_NORESERVE, -1, 0);
    return got < 0 ? (int)got : 0;
}

/* Unmaps what is mapped of [start, end), map and host. */
static int unmap_range(struct space *space, uint64_t start, uint64_t end)
{
    space_code_changes(space, start, end);
    for (size_t i = space_area_at(space, start); i < space->count; i++) {
        const struct area *area = &space->areas[i];
        int error;

        if (area->start >= end)
            break;
        error = unmap_host(space, area, area->start > start ? area->start : start,
                           area->end < end ? area->end : end);
        if (error)
            return error;
    }
    forget(space, start, end);
    return 0;
}

/* ----------------------------------------------------------- mmap and friends */

/* Rounds a size up to pages; 0 when that overflows. */
static uint64_t round_size(const struct space *space, uint64_t size)
{
    return (size + space->page - 1) & ~(space->page - 1);
}

static bool in_limit(const struct space *space, uint64_t addr, uint64_t size)
{
    return addr < space->limit && size <= space->limit - addr;
}

static int64_t map_paged(struct space *space, const struct request *req, uint8_t **host)
{
    int64_t got = host_map(0, (size_t)req->size, prot_to_host(req->prot), req->flags,
                           req->fd, req->offset);

    if ((size_t)req->size != req->size)
        return -ENOMEM;
    if (got < 0)
        return got;
    *host = (uint8_t *)(uintptr_t)got;
    return unmap_range(space, req->addr, req->addr + req->size);
}

/* The number of the file, or 0: there are too many, or nobody will ask. */
static uint16_t number_file(struct space *space, const struct request *req)
{
    struct host_file file;
    unsigned i = 0;

    if (req->fd < 0 || req->flags & HOST_SHARED || !(req->prot & SPACE_EXEC) ||
        host_identify(req->fd, &file) < 0)
        return 0;
    while (i < space->nfiles && memcmp(&space->files[i], &file, sizeof file) != 0)
        i++;
    if (i == SPACE_FILES)
        return 0;
    if (i == space->nfiles)
        space->files[space->nfiles++] = file;
    return (uint16_t)(i + 1);
}

const struct host_file *space_file(const struct space *space, unsigned number)
{
    return &space->files[number - 1];
}

static int64_t map_here(struct space *space, const struct request *req)
{
    struct area area = { .start = req->addr,
                         .end = req->addr + req->size,
                         .prot = (uint8_t)req->prot,
                         .shared = (req->flags & HOST_SHARED) != 0,
                         .file = number_file(space, req) };
    int64_t got;

    if (area.file)
        area.file_at = req->addr - req->offset;

    if (space->paged) {
        got = map_paged(space, req, &area.host);
    } else {
        space_code_changes(space, area.start, area.end);
        got = map_direct(space, req);
    }
    if (got < 0)
        return got;
    note(space, area);
    return (int64_t)req->addr;
}

/* The first mapping at the top failed: looks for a better top. */
static uint64_t find_top(struct space *space)
{
    uint64_t top = probe_top(space->limit);

    space->is_top_a_guess = false;
    if (top < space->top)
        space->top = space->full_top = top;
    return space->top;
}

/* Finds room; where the host has something that the map does not know, goes on below. */
static int64_t map_anywhere(struct space *space, struct request *req)
{
    uint64_t step = 1 << 20, top = space->top;
    int64_t got;

    for (int tries = 0; tries < 40; tries++) {
        req->addr = find_gap(space, req->size, top);
        if (req->addr == 0)
            return -ENOMEM;
        got = map_here(space, req);
        if (got < 0 && space->is_top_a_guess) {
            top = find_top(space);
            continue;
        }
        space->is_top_a_guess = false;
        if (got != -EEXIST)
            return got;
        top = req->addr + req->size;
        top = top > step ? top - step : 0;
        step *= 2;
    }
    return -ENOMEM;
}

static unsigned normal_prot(unsigned prot)
{
    return prot & SPACE_WRITE ? prot | SPACE_READ : prot;
}

int64_t space_map_locked(struct space *space, uint64_t addr, uint64_t size, unsigned prot,
                         unsigned how, bool shared, int fd, uint64_t offset)
{
    struct request req = { addr,
                           round_size(space, size),
                           normal_prot(prot),
                           (shared ? HOST_SHARED : 0) |
                               (how & SPACE_NORESERVE ? HOST_NORESERVE : 0),
                           fd,
                           offset };
    int64_t got;

    if (size == 0)
        return -EINVAL;
    if (req.size == 0 || req.size > space->limit || reserve_areas(space) < 0)
        return -ENOMEM;
    if (how & (SPACE_FIXED | SPACE_NOREPLACE)) {
        if (addr % space->page)
            return -EINVAL;
        if (!in_limit(space, addr, req.size))
            return -ENOMEM;
        if ((how & SPACE_NOREPLACE) && !is_free(space, addr, addr + req.size))
            return -EEXIST;
        got = map_here(space, &req);
        return got == -EEXIST ? -ENOMEM : got;
    }
    req.addr = addr & ~(space->page - 1);
    if (req.addr >= MIN_ADDR && in_limit(space, req.addr, req.size) &&
        is_free(space, req.addr, req.addr + req.size)) {
        got = map_here(space, &req);
        if (got != -EEXIST)
            return got;
    }
    return map_anywhere(space, &req);
}

int space_unmap_locked(struct space *space, uint64_t addr, uint64_t size)
{
    uint64_t rounded = round_size(space, size);

    if (addr % space->page || rounded == 0 || !in_limit(space, addr, rounded))
        return -EINVAL;
    if (reserve_areas(space) < 0)
        return -ENOMEM;
    return unmap_range(space, addr, addr + rounded);
}

static int protect_area(struct space *space, struct area area, unsigned prot)
{
    uintptr_t at = space->paged ? (uintptr_t)area.host : host_at(space, area.start);
    int error = host_protect(at, (size_t)(area.end - area.start), prot_to_host(prot));

    if (error)
        return error;
    area.prot = (uint8_t)prot;
    note(space, area);
    return 0;
}

int space_protect_locked(struct space *space, uint64_t addr, uint64_t size, unsigned prot)
{
    uint64_t rounded = round_size(space, size), end;

    if (addr % space->page || (size && !rounded))
        return -EINVAL;
    if (size == 0)
        return 0;
    if (!in_limit(space, addr, rounded))
        return -ENOMEM;
    end = addr + rounded;
    prot = normal_prot(prot);
    space_code_changes(space, addr, end);
    while (addr < end) { /* Linux, too, stops at the first hole */
        const struct area *found = space_area_of(space, addr);
        struct area area;
        int error;

        if (!found || reserve_areas(space) < 0)
            return -ENOMEM;
        area = *space_area_of(space, addr); /* reserve_areas may have moved them */
        if (space->paged)
            area.host += addr - area.start;
        area.start = addr;
        if (area.end > end)
            area.end = end;
        error = area.prot == prot ? 0 : protect_area(space, area, prot);
        if (error)
            return error;
        addr = area.end;
    }
    return 0;
}

/* ------------------------------------------------------------------------ mremap */

/* Moves the pages of `area` onto `to`, where room has been made. */
static int64_t move_area(struct space *space, struct area area, uint64_t new_size,
                         uint64_t to)
{
    size_t old_size = (size_t)(area.end - area.start);
    struct area moved = area;
    int64_t got;

    if (space->paged) {
        got = host_remap((uintptr_t)area.host, old_size, (size_t)new_size, HOST_ANYWHERE);
        moved.host = (uint8_t *)(uintptr_t)got;
    } else {
        got = host_remap(host_at(space, area.start), old_size, (size_t)new_size,
                         host_at(space, to));
    }
    if (got < 0)
        return got;
    if (space->window)
        host_map(host_at(space, area.start), old_size, 0, HOST_FIXED | HOST_NORESERVE, -1,
                 0);
    forget(space, area.start, area.end);
    if (moved.file)
        moved.file_at += to - area.start;
    moved.start = to;
    moved.end = to + new_size;
    note(space, moved);
    return (int64_t)to;
}

/* Grows in place into memory that is free.  -ENOMEM: it is not. */
static int64_t grow_area(struct space *space, struct area area, uint64_t new_size)
{
    uint64_t new_end = area.start + new_size;
    int64_t got;

    if (!in_limit(space, area.start, new_size) || !is_free(space, area.end, new_end))
        return -ENOMEM;
    if (space->paged) { /* the host may move it: the guest sees no difference */
        got = host_remap((uintptr_t)area.host, (size_t)(area.end - area.start),
                         (size_t)new_size, HOST_ANYWHERE);
        if (got < 0)
            return got;
        area.host = (uint8_t *)(uintptr_t)got;
    } else {
        if (space->window)
            host_unmap(host_at(space, area.end), (size_t)(new_end - area.end));
        got = host_remap(host_at(space, area.start), (size_t)(area.end - area.start),
                         (size_t)new_size, 0);
        if (got < 0 && space->window)
            host_map(host_at(space, area.end), (size_t)(new_end - area.end), 0,
                     HOST_NOREPLACE | HOST_NORESERVE, -1, 0);
        if (got < 0)
            return -ENOMEM;
    }
    area.end = new_end;
    note(space, area);
    return (int64_t)area.start;
}

/* Room for new_size bytes that nobody else can take: a mapping without rights. */
static int64_t make_room(struct space *space, uint64_t new_size, unsigned how,
                         uint64_t to)
{
    return space_map_locked(space, to, new_size, 0,
                            (how & (SPACE_FIXED | SPACE_NOREPLACE)) | SPACE_NORESERVE,
                            false, -1, 0);
}

int64_t space_remap_locked(struct space *space, uint64_t addr, uint64_t size,
                           uint64_t new_size, unsigned how, uint64_t to)
{
    const struct area *found = space_area_of(space, addr);
    uint64_t old = round_size(space, size), new = round_size(space, new_size);
    struct area area;
    int64_t got;

    if (addr % space->page || new == 0 || old == 0)
        return -EINVAL; /* Linux duplicates shared memory for old size 0: not modelled */
    if (how & SPACE_FIXED && (to % space->page || !in_limit(space, to, new) ||
                              (addr < to + new &&to < addr + old)))
        return -EINVAL;
    if (!found || old > found->end - addr)
        return -EFAULT;
    if (!(how & SPACE_FIXED) && new <= old) {
        return new == old || space_unmap_locked(space, addr + new, old - new) == 0
                   ? (int64_t)addr
                   : -ENOMEM;
    }
    if (reserve_areas(space) < 0)
        return -ENOMEM;
    area = *space_area_of(space, addr);
    if (space->paged)
        area.host += addr - area.start;
    area.start = addr;
    area.end = addr + old;
    space_code_changes(space, area.start, area.end);
    if (!(how & SPACE_FIXED)) {
        got = grow_area(space, area, new);
        if (got >= 0 || !(how & SPACE_MAYMOVE))
            return got;
    }
    got = make_room(space, new, how, to);
    if (got < 0)
        return got;
    if (reserve_areas(space) < 0)
        return -ENOMEM;
    to = (uint64_t)got;
    if (space->paged)
        unmap_range(space, to, to + new);
    if (new < old) {
        unmap_range(space, addr + new, addr + old);
        area.end = addr + new;
    }
    got = move_area(space, area, new, to);
    if (got < 0)
        space_unmap_locked(space, to, new);
    return got;
}
