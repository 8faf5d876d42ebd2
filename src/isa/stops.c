/* stops.c - sets of breakpoints and watchpoints. */
#include "isa/stops.h"

#include <stdlib.h>
#include <string.h>

/* Index of the first break at or above pc. */
static size_t break_at(const struct stops *stops, uint64_t pc)
{
    size_t low = 0, high = stops->nbreaks;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (stops->breaks[middle] < pc)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool stops_has_break(const struct stops *stops, uint64_t pc)
{
    size_t i = break_at(stops, pc);

    return i < stops->nbreaks && stops->breaks[i] == pc;
}

int stops_add_break(struct stops *stops, uint64_t pc)
{
    size_t i = break_at(stops, pc);
    uint64_t *larger;

    if (i < stops->nbreaks && stops->breaks[i] == pc)
        return 0;
    if (stops->nbreaks == STOPS_MAX)
        return -1;
    larger = realloc(stops->breaks, (stops->nbreaks + 1) * sizeof(*larger));
    if (!larger)
        return -1;
    stops->breaks = larger;
    memmove(&larger[i + 1], &larger[i], (stops->nbreaks - i) * sizeof(*larger));
    larger[i] = pc;
    stops->nbreaks++;
    return 0;
}

bool stops_remove_break(struct stops *stops, uint64_t pc)
{
    size_t i = break_at(stops, pc);

    if (i == stops->nbreaks || stops->breaks[i] != pc)
        return false;
    stops->nbreaks--;
    memmove(&stops->breaks[i], &stops->breaks[i + 1],
            (stops->nbreaks - i) * sizeof(*stops->breaks));
    return true;
}

static struct watch *find_same(const struct stops *stops, uint64_t addr, uint64_t size,
                               unsigned access)
{
    for (size_t i = 0; i < stops->nwatches; i++) {
        struct watch *watch = &stops->watches[i];

        if (watch->addr == addr && watch->size == size && watch->access == access)
            return watch;
    }
    return NULL;
}

int stops_add_watch(struct stops *stops, uint64_t addr, uint64_t size, unsigned access)
{
    struct watch *larger;

    if (find_same(stops, addr, size, access))
        return 0;
    if (stops->nwatches == STOPS_MAX)
        return -1;
    larger = realloc(stops->watches, (stops->nwatches + 1) * sizeof(*larger));
    if (!larger)
        return -1;
    stops->watches = larger;
    larger[stops->nwatches++] = (struct watch){ addr, size, (uint8_t)access };
    return 0;
}

bool stops_remove_watch(struct stops *stops, uint64_t addr, uint64_t size,
                        unsigned access)
{
    struct watch *watch = find_same(stops, addr, size, access);

    if (!watch)
        return false;
    *watch = stops->watches[--stops->nwatches];
    return true;
}

void stops_clear(struct stops *stops)
{
    free(stops->breaks);
    free(stops->watches);
    *stops = (struct stops){ 0 };
}

const struct watch *stops_find_watch(const struct stops *stops, uint64_t addr,
                                     uint64_t size, unsigned access)
{
    for (size_t i = 0; i < stops->nwatches; i++) {
        const struct watch *watch = &stops->watches[i];

        /* Differences modulo 2^64: ranges may end at the top. */
        if ((watch->access & access) &&
            (addr - watch->addr < watch->size || watch->addr - addr < size))
            return watch;
    }
    return NULL;
}
