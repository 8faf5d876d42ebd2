/* watch.c - accesses that a debugger waits for: see watch.h. */
#include "sys/watch.h"

enum { WATCHED_PAGE = 1 << TLB_SHIFT };

/* A cause that no guest has for a fault. */
static const unsigned WATCH_CAUSE = UINT32_MAX;

static unsigned translate(struct cpu *cpu, uint64_t addr, unsigned access,
                          unsigned regime, struct translation *to)
{
    struct watching *watching = watching_of(cpu);
    uint64_t page = addr & ~(uint64_t)(WATCHED_PAGE - 1);
    unsigned size = to->size;
    unsigned cause = watching->translate(cpu, addr, access, regime, to);
    const struct watch *watch;

    if (cause || access == ACCESS_FETCH ||
        !stops_find_watch(watching->stops, page, WATCHED_PAGE, WATCH_READ | WATCH_WRITE))
        return cause;
    to->is_partial = true;
    watch = stops_find_watch(watching->stops, addr, size,
                             access == ACCESS_WRITE ? WATCH_WRITE : WATCH_READ);
    if (!watch)
        return 0;
    watching->hit = *watch;
    return WATCH_CAUSE;
}

bool watch_has_hit(const struct cpu *cpu)
{
    return cpu->event.kind == EXEC_MEM_FAULT && cpu->event.args[0] == WATCH_CAUSE;
}

void watch_begin(struct watching *watching, struct cpu *cpu, const struct stops *stops)
{
    if (stops && !stops->nwatches)
        stops = NULL;
    if (!stops && !watching->stops)
        return;
    if (!watching->translate)
        watching->translate = cpu->mmu->translate;
    cpu->mmu->translate = stops ? translate : watching->translate;
    watching->stops = stops;
    tlb_flush(cpu);
}
