/* stops.h - where a debugger wants an engine to stop: breakpoints, watchpoints.
 *
 * An engine that runs with cpu->stops returns EXEC_BREAK in front of an instruction at
 * one of the breaks, except for the one at cpu->skip_stop, once.  Only the tree evaluator
 * looks at the watches: it returns EXEC_WATCH after an instruction that touched one.
 * Guest memory is never changed.  The set is changed only while no engine runs; what was
 * translated of a new break's address is dropped by who adds it (engine->invalidate). */
#ifndef RHEA_STOPS_H
#define RHEA_STOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STOPS_MAX = 16384 }; /* of each kind */

enum { WATCH_READ = 1, WATCH_WRITE = 2 };
struct watch {
    uint64_t addr, size;
    uint8_t access; /* WATCH_* */
};

struct stops {
    uint64_t *breaks; /* sorted */
    size_t nbreaks;
    struct watch *watches;
    size_t nwatches;
};

/* 0; -1: out of memory, or STOPS_MAX.  Adding what is there does nothing. */
int stops_add_break(struct stops *stops, uint64_t pc);
int stops_add_watch(struct stops *stops, uint64_t addr, uint64_t size, unsigned access);
/* false: there is none. */
bool stops_remove_break(struct stops *stops, uint64_t pc);
bool stops_remove_watch(struct stops *stops, uint64_t addr, uint64_t size,
                        unsigned access);
void stops_clear(struct stops *stops); /* frees all */

bool stops_has_break(const struct stops *stops, uint64_t pc);
/* The watch that an access touches, or NULL. */
const struct watch *stops_find_watch(const struct stops *stops, uint64_t addr,
                                     uint64_t size, unsigned access);

#endif
