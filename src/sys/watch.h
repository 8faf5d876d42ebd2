/* watch.h - the watchpoints of a debugger, as a CPU of a machine meets them.
 *
 * An access to what is watched ends as if it were a fault, so the CPU stops in front of
 * the instruction, with all registers as they were, whatever executes it.  Only pages
 * with watches are looked up anew for every access (isa/tlb.h, is_partial). */
#ifndef RHEA_SYS_WATCH_H
#define RHEA_SYS_WATCH_H

#include "isa/stops.h"
#include "isa/tlb.h"

/* Of a CPU. */
struct watching {
    const struct stops *stops; /* NULL: nothing is watched */
    struct watch hit;          /* what the last instruction was stopped for */
    /* Private: of the CPU, without watches. */
    unsigned (*translate)(struct cpu *cpu, uint64_t addr, unsigned access,
                          unsigned regime, struct translation *to);
};

/* While it rests: from now on it looks for what `stops` watches; NULL: for nothing. */
void watch_begin(struct watching *watching, struct cpu *cpu, const struct stops *stops);
/* Whether it was a watch that the CPU's run ended by. */
bool watch_has_hit(const struct cpu *cpu);

struct watching *watching_of(struct cpu *cpu); /* vcpu.c */

#endif
