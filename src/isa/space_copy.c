/* space_copy.c - reading and writing guest memory from the outside.
 *
 * The map says what is allowed; host_copy catches what it cannot know: a file that became
 * shorter than its mapping. */
#include <string.h>

#include "base/host.h"
#include "isa/space_impl.h"

/* The first area that ends above addr; false: none. */
static bool find_area(const struct space *space, uint64_t addr, struct area *area)
{
    struct space *s = (struct space *)(uintptr_t)space; /* waits for others at most */
    bool found;
    uint32_t seen;

    do {
        size_t i;

        seen = space_look(s);
        i = space_area_at(space, addr);
        found = i < space->count;
        if (found)
            *area = space->areas[i];
    } while (!space_seen(space, seen));
    return found;
}

unsigned space_prot(const struct space *space, uint64_t addr)
{
    struct area area;

    return find_area(space, addr, &area) && area.start <= addr ? area.prot : 0;
}

bool space_is_mapped(const struct space *space, uint64_t addr)
{
    struct area area;

    return find_area(space, addr, &area) && area.start <= addr;
}

bool space_next(const struct space *space, uint64_t addr, struct space_area *area)
{
    struct area found;

    if (!find_area(space, addr, &found))
        return false;
    area->start = found.start;
    area->end = found.end;
    area->prot = found.prot;
    area->shared = found.shared;
    area->file = found.file;
    area->file_at = found.file_at;
    return true;
}

bool space_has_code(struct space *space, uint64_t start, uint64_t end)
{
    bool found;
    uint32_t seen;

    do {
        size_t count;

        seen = space_look(space);
        found = false;
        count = space->count;
        for (size_t i = space_area_at(space, start); i < count && !found; i++) {
            if (space->areas[i].start >= end)
                break;
            found = space->areas[i].prot & SPACE_EXEC;
        }
    } while (!space_seen(space, seen));
    return found;
}

/* As space_span, without telling anybody, and perhaps wrong while the map changes. */
static size_t try_span(const struct space *space, uint64_t addr, size_t size,
                       unsigned prot, uint8_t **host)
{
    size_t i = space_area_at(space, addr), count = space->count;
    const struct area *area = &space->areas[i];
    uint64_t end;

    if (i >= count || area->start > addr || (area->prot & prot) != prot)
        return 0;
    *host = space->paged ? area->host + (addr - area->start)
                         : (uint8_t *)((uintptr_t)space->base + (uintptr_t)addr);
    end = area->end;
    while (end - addr < size && ++i < count) {
        const struct area *next = &space->areas[i];

        if (next->start != end || (next->prot & prot) != prot ||
            (space->paged && next->host != area->host + (area->end - area->start)))
            break;
        end = next->end;
        area = next;
    }
    return end - addr < size ? (size_t)(end - addr) : size;
}

static size_t span(struct space *space, uint64_t addr, size_t size, unsigned prot,
                   uint8_t **host)
{
    size_t got;
    uint32_t seen;

    do {
        seen = space_look(space);
        got = try_span(space, addr, size, prot, host);
    } while (!space_seen(space, seen));
    return got;
}

size_t space_span(struct space *space, uint64_t addr, size_t size, unsigned prot,
                  uint8_t **host)
{
    size_t got = span(space, addr, size, prot, host);

    if ((prot & SPACE_WRITE) && got)
        space_code_changes(space, addr, addr + got);
    return got;
}

void *space_host(struct space *space, uint64_t addr, size_t size, unsigned prot)
{
    uint8_t *host = NULL;

    if (space_span(space, addr, size, prot, &host) != size)
        return NULL;
    return size ? host : (void *)space; /* no bytes: any address but NULL */
}

/* Copies one piece to `bytes` or, with `out`, from there.  Bytes copied; a short count is
 * the first page that the host refused. */
static size_t copy_piece(struct space *space, uint8_t *host, void *bytes, size_t size,
                         bool out)
{
    size_t done = 0;

    if (host_copy(out ? (void *)host : bytes, out ? bytes : (void *)host, size) == 0)
        return size;
    while (done < size) { /* rare: find where */
        size_t piece = (size_t)(space->page - ((uintptr_t)host + done) % space->page);
        uint8_t *there = host + done, *here = (uint8_t *)bytes + done;

        if (piece > size - done)
            piece = size - done;
        if (host_copy(out ? there : here, out ? here : there, piece) < 0)
            break;
        done += piece;
    }
    return done;
}

static int copy(struct space *space, uint64_t addr, void *bytes, size_t size,
                unsigned prot, uint64_t *fault)
{
    bool out = prot == SPACE_WRITE;

    while (size) {
        uint8_t *host;
        size_t piece = span(space, addr, size, prot, &host);
        size_t done = 0;

        if (piece && out)
            space_code_changes(space, addr, addr + piece);
        if (piece)
            done = copy_piece(space, host, bytes, piece, out);
        addr += done;
        bytes = (uint8_t *)bytes + done;
        size -= done;
        if (piece == 0 || done < piece) {
            if (fault)
                *fault = addr;
            return -1;
        }
    }
    return 0;
}

/* Paged scheme: the pages that a thread used last. */
enum { CACHE = 256 };
static _Thread_local struct {
    uint64_t generation; /* of the space when they were noted */
    struct {
        uint64_t addr; /* 1: none */
        uint8_t *host;
        uint8_t prot;
    } pages[CACHE];
} cache;

/* Paged scheme: the host address of an access inside one page, or NULL. */
static uint8_t *cached(struct space *space, uint64_t addr, size_t size, unsigned prot)
{
    uint64_t page = addr & ~(space->page - 1), slot = addr / space->page % CACHE;
    struct area area;

    if (addr - page + size > space->page)
        return NULL;
    if (cache.generation != space->generation) {
        cache.generation = space->generation;
        for (size_t i = 0; i < CACHE; i++)
            cache.pages[i].addr = 1;
    }
    if (cache.pages[slot].addr != page) {
        if (!find_area(space, addr, &area) || area.start > addr)
            return NULL;
        cache.pages[slot].addr = page;
        cache.pages[slot].host = area.host + (page - area.start);
        cache.pages[slot].prot = area.prot;
    }
    if ((cache.pages[slot].prot & prot) != prot ||
        (prot == SPACE_WRITE && (cache.pages[slot].prot & SPACE_EXEC)))
        return NULL; /* the long way knows what to do */
    return cache.pages[slot].host + (addr - page);
}

static int access_space(struct space *space, uint64_t addr, void *bytes, size_t size,
                        unsigned prot, uint64_t *fault)
{
    if (space->paged && size) {
        uint8_t *host = cached(space, addr, size, prot);

        if (host && copy_piece(space, host, bytes, size, prot == SPACE_WRITE) == size)
            return 0;
    }
    return copy(space, addr, bytes, size, prot, fault);
}

int space_read(struct space *space, uint64_t addr, void *to, size_t size, uint64_t *fault)
{
    return access_space(space, addr, to, size, SPACE_READ, fault);
}

int space_write(struct space *space, uint64_t addr, const void *from, size_t size,
                uint64_t *fault)
{
    return access_space(space, addr, (void *)(uintptr_t)from, size, SPACE_WRITE, fault);
}

/* Where code is, if all of it is in the area that code was in last; or NULL. */
static const uint8_t *last_code(struct space *space, uint64_t addr, size_t size)
{
    uint32_t seen = space_look(space);
    size_t i = __atomic_load_n(&space->last_code, __ATOMIC_RELAXED);
    const struct area *area = &space->areas[i];
    const uint8_t *host = (const uint8_t *)((uintptr_t)space->base + (uintptr_t)addr);

    if (i >= space->count || addr < area->start || addr >= area->end ||
        size > area->end - addr || !(area->prot & SPACE_EXEC))
        return NULL;
    return space_seen(space, seen) ? host : NULL;
}

int space_fetch(struct space *space, uint64_t addr, void *to, size_t size,
                uint64_t *fault)
{
    const uint8_t *host = space->paged ? NULL : last_code(space, addr, size);

    if (host && host_copy(to, host, size) == 0)
        return 0;
    __atomic_store_n(&space->last_code, space_area_at(space, addr), __ATOMIC_RELAXED);
    return access_space(space, addr, to, size, SPACE_EXEC, fault);
}
