/* space_impl.h - the inside of a space: shared by space*.c only. */
#ifndef RHEA_SPACE_IMPL_H
#define RHEA_SPACE_IMPL_H

#include "base/host.h"
#include "isa/space.h"

struct area {
    uint64_t start, end;
    uint8_t *host; /* paged scheme: of `start` */
    uint8_t prot;
    bool shared;
    uint16_t file; /* as in struct space_area, with its address */
    uint64_t file_at;
};

struct space {
    uint64_t limit;
    uint64_t page;
    uint64_t top;      /* places are chosen below this */
    uint64_t full_top; /* all of [full_top, top) is mapped: no need to look there */
    uint8_t *base;
    bool window; /* direct, 4 GiB reserved at base */
    bool paged;
    bool is_top_a_guess; /* nothing has been mapped there yet */
    struct area *areas;  /* room for all that there may be: they never move */
    size_t count;
    size_t last_code;         /* area that code was fetched from last: a guess */
    struct host_lock *lock;   /* NULL: one thread */
    volatile uint32_t change; /* odd: the map is being changed */
    unsigned changing;        /* depth of that */
    void (*changed)(void *context, uint64_t addr, uint64_t size);
    void *changed_context;
    volatile uint64_t generation;        /* of what threads have cached; paged scheme */
    struct host_file files[SPACE_FILES]; /* by number - 1 */
    unsigned nfiles;
};

/* A look-up that another thread's change of the map spoils is done again:
 * do { seen = space_look(space); ... } while (!space_seen(space, seen)); */
uint32_t space_look(struct space *space);
static inline bool space_seen(const struct space *space, uint32_t seen)
{
    if (!space->lock)
        return true;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return space->change == seen;
}

/* Index of the first area that ends above addr; the area that holds addr, or NULL. */
size_t space_area_at(const struct space *space, uint64_t addr);
const struct area *space_area_of(const struct space *space, uint64_t addr);

/* The functions of space.h, with the space locked. */
int64_t space_map_locked(struct space *space, uint64_t addr, uint64_t size, unsigned prot,
                         unsigned how, bool shared, int fd, uint64_t offset);
int space_unmap_locked(struct space *space, uint64_t addr, uint64_t size);
int space_protect_locked(struct space *space, uint64_t addr, uint64_t size,
                         unsigned prot);
int64_t space_remap_locked(struct space *space, uint64_t addr, uint64_t size,
                           uint64_t new_size, unsigned how, uint64_t to);

/* Whether something in [start, end) may be executed. */
bool space_has_code(struct space *space, uint64_t start, uint64_t end);

/* Tells who translated code from [start, end) that it may change. */
void space_code_changes(struct space *space, uint64_t start, uint64_t end);

#endif
