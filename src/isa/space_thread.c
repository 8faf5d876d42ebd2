/* space_thread.c - a space that several threads use: the lock, and changes under it. */
#include "base/host.h"
#include "isa/space_impl.h"

int space_share(struct space *space)
{
    if (!space->lock)
        space->lock = host_lock_new();
    return space->lock ? 0 : -1;
}

void space_lock(struct space *space)
{
    if (space->lock)
        host_lock_take(space->lock);
}

void space_unlock(struct space *space)
{
    if (space->lock)
        host_lock_give(space->lock);
}

void space_wait(struct space *space)
{
    if (space->lock)
        host_lock_wait(space->lock);
}

void space_wake(struct space *space)
{
    if (space->lock)
        host_lock_wake(space->lock);
}

void space_forked(struct space *space)
{
    host_lock_free(space->lock);
    space->lock = NULL;
}

uint32_t space_look(struct space *space)
{
    uint32_t seen = __atomic_load_n(&space->change, __ATOMIC_ACQUIRE);

    if (!space->lock)
        return seen;
    while (seen & 1) { /* wait for who changes it */
        space_lock(space);
        seen = space->change;
        space_unlock(space);
    }
    return seen;
}

/* ------------------------------------------------------------------------ changes */

int64_t space_map(struct space *space, uint64_t addr, uint64_t size, unsigned prot,
                  unsigned how, bool shared, int fd, uint64_t offset)
{
    int64_t result;

    space_lock(space);
    result = space_map_locked(space, addr, size, prot, how, shared, fd, offset);
    space_unlock(space);
    return result;
}

int space_unmap(struct space *space, uint64_t addr, uint64_t size)
{
    int result;

    space_lock(space);
    result = space_unmap_locked(space, addr, size);
    space_unlock(space);
    return result;
}

int space_protect(struct space *space, uint64_t addr, uint64_t size, unsigned prot)
{
    int result;

    space_lock(space);
    result = space_protect_locked(space, addr, size, prot);
    space_unlock(space);
    return result;
}

int64_t space_remap(struct space *space, uint64_t addr, uint64_t size, uint64_t new_size,
                    unsigned how, uint64_t to)
{
    int64_t result;

    space_lock(space);
    result = space_remap_locked(space, addr, size, new_size, how, to);
    space_unlock(space);
    return result;
}

/* Tells who translated code from there that it may change. */
void space_code_changes(struct space *space, uint64_t start, uint64_t end)
{
    if (!space->changed || !space_has_code(space, start, end))
        return;
    space_lock(space);
    for (size_t i = space_area_at(space, start); i < space->count; i++) {
        const struct area *area = &space->areas[i];
        uint64_t from = area->start > start ? area->start : start;
        uint64_t to = area->end < end ? area->end : end;

        if (area->start >= end)
            break;
        if (area->prot & SPACE_EXEC)
            space->changed(space->changed_context, from, to - from);
    }
    space_unlock(space);
}
