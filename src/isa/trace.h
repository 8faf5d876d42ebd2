/* trace.h - what users may watch of an engine: blocks, machine code, and how many
 * instructions ran.
 *
 * An engine looks at isa_trace when it makes a block or code, so that nothing is tested
 * while code runs that nobody watches. */
#ifndef RHEA_TRACE_H
#define RHEA_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu;

/* Hot code that was compiled in one piece, or could not be. */
struct trace_region {
    uint64_t base;                 /* where it begins in the guest */
    uint64_t mode;                 /* the mode key */
    const uint64_t *pcs, *entries; /* of its instructions; where it is entered */
    uint32_t npcs, nentries;
    const void *code; /* the host's, `size` bytes; NULL: there is none, and `why` */
    size_t size;
    const char *why;
    bool is_cached;           /* an earlier process compiled it */
    bool is_precise;          /* registers are right after faults */
    const char *ir, *out_asm; /* texts, if they are wanted and were made now; or NULL */
};

struct trace {
    /* The code at [pc, end) was translated, for this mode key.  NULL: not wanted. */
    void (*translated)(struct cpu *cpu, uint64_t pc, uint64_t end, uint64_t mode);
    /* A block begins: cpu->pc is right and the state whole.  NULL: not wanted. */
    void (*block)(struct cpu *cpu);
    /* A region can be entered from now on, or there will be none.  NULL: not wanted. */
    void (*region)(struct cpu *cpu, const struct trace_region *region);
    bool wants_ir, wants_out_asm; /* of regions */
    /* The host's code at [code, code + size) is for the guest's from pc on.  NULL: not
     * wanted. */
    void (*code)(struct cpu *cpu, uint64_t pc, const void *code, size_t size);
    /* What the code at pc is called.  NULL: it has a number. */
    void (*name)(struct cpu *cpu, uint64_t pc, char *text, size_t size);
    /* cpu->insns is to be right whenever the engine returns. */
    bool count;
};

/* NULL: nobody watches.  Set before engines attach, and never changed after that. */
extern const struct trace *isa_trace; /* eval_engine.c */

#endif
