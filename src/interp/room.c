/* room.c - room for the code of regions.
 *
 * Code lies in one piece of memory, one region behind the other.  When it is full half of
 * it is made free: regions go that nobody was seen in since the last time, then the
 * oldest.  Those that stay move together: no code knows where it is, nor does anything
 * else but the first ops of blocks.  Nobody is in a region meanwhile, so those that are
 * dead are no more, with all that was known of them. */
#include "interp/jit.h"

#include <string.h>

enum { MIN_DEAD = 64 }; /* that are worth stopping all CPUs for */

/* When every second region is dead, to go through all costs no more than they did. */
void room_note_dead(struct jit *jit)
{
    jit->counts.dropped++;
    jit->ndead++;
    if (jit->ndead >= MIN_DEAD && jit->ndead * 2 > jit->nregions && !jit->room)
        __atomic_store_n(&jit->room, ROOM_SWEEP, __ATOMIC_RELAXED);
}

static void evict(struct interp *ip)
{
    struct jit *jit = ip->jit;
    size_t room = jit->memory.size / 2;

    for (struct loaded *region = jit->regions; region; region = region->next) {
        size_t size = loaded_behind(region) - region->at;

        if (region->is_dead)
            continue;
        if (region->is_used && size <= room) {
            room -= size;
        } else {
            loaded_drop(ip, region);
            jit->counts.evicted++;
        }
        region->is_used = false;
    }
}

static struct loaded *reverse(struct loaded *list)
{
    struct loaded *reversed = NULL;

    while (list) {
        struct loaded *region = list;

        list = region->next;
        region->next = reversed;
        reversed = region;
    }
    return reversed;
}

static void move(struct interp *ip, struct loaded *region, size_t to)
{
    struct jit *jit = ip->jit;
    uint8_t *run = jit->memory.run + to;

    if (region->at == to)
        return;
    memmove(jit->memory.write + to, jit->memory.write + region->at, region->size);
    region->at = to;
    __builtin___clear_cache((char *)run, (char *)run + region->size);
    told_code(ip, region->base, run, region->size);
}

/* Moves those that live together, the oldest first, and frees the others. */
static void sweep(struct interp *ip)
{
    struct jit *jit = ip->jit;
    struct loaded *next = reverse(jit->regions);

    loaded_forget_all(jit);
    jit->regions = NULL;
    jit->used = jit->nregions = jit->ndead = 0;
    while (next) {
        struct loaded *region = next;

        next = region->next;
        if (region->is_dead) {
            if (region->unit) /* its cells are there still */
                memset(ip->ops[region->unit].payload, 0, sizeof region);
            loaded_release(region);
            continue;
        }
        move(ip, region, jit->used);
        jit->used = loaded_behind(region);
        loaded_list(jit, region);
    }
    for (struct loaded *region = jit->regions; region; region = region->next)
        loaded_enter_again(ip, region);
}

void room_make(struct interp *ip)
{
    struct jit *jit = ip->jit;

    interp_stop_others(ip);
    jit->is_inherited |= jit->has_children;
    jit->has_children = false;
    if (!loaded_own_memory(jit)) {
        jit->is_off = true;
    } else {
        if (jit->room == ROOM_EVICT)
            evict(ip);
        sweep(ip);
    }
    __atomic_store_n(&jit->room, ROOM_ENOUGH, __ATOMIC_RELAXED);
    interp_resume(ip);
}
