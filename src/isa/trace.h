/* trace.h - what users may watch of an engine: blocks, and how many instructions ran.
 *
 * An engine looks at isa_trace when it makes a block, so that nothing is tested while
 * blocks run that nobody watches. */
#ifndef RHEA_TRACE_H
#define RHEA_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

struct trace {
    /* The code at [pc, end) was translated, for this mode key.  NULL: not wanted. */
    void (*translated)(struct cpu *cpu, uint64_t pc, uint64_t end, uint64_t mode);
    /* A block begins: cpu->pc is right and the state whole.  NULL: not wanted. */
    void (*block)(struct cpu *cpu);
    /* cpu->insns is to be right whenever the engine returns. */
    bool count;
};

/* NULL: nobody watches.  Set before engines attach, and never changed after that. */
extern const struct trace *isa_trace; /* eval_engine.c */

#endif
