/* engine.h - what executes a guest: tree evaluator, interpreter, JIT. */
#ifndef RHEA_ENGINE_H
#define RHEA_ENGINE_H

#include "isa/cpu.h"

enum engine_threads {
    THREADS_FORK, /* before a fork: rest, so that the child misses nothing */
    THREADS_EXEC, /* the same, but the child will run another program at once */
    THREADS_GO,   /* in the parent behind it */
    THREADS_END,  /* there are to be none in this process, */
    THREADS_START /* ... until now */
};

struct engine {
    const char *name;
    /* Binds a CPU to the engine (its space is set) and frees what that took. */
    int (*attach)(struct cpu *cpu); /* 0, or -1: this engine cannot run this isa */
    /* The same for a further CPU of the process that `other` belongs to: both see the
     * same memory, and may run at once.  Called while `other`, if it is the only one,
     * does not run. */
    int (*attach_to)(struct cpu *cpu, struct cpu *other);
    void (*detach)(struct cpu *cpu);
    /* In the child of a fork: no other CPU is left. */
    void (*forked)(struct cpu *cpu);
    /* Runs until something happens, at most `limit` instructions (exact), 0: no limit.
     * Afterwards cpu->event says why, cpu->pc where: for a trap or fault the instruction
     * itself, with every register as if it had not begun. */
    void (*run)(struct cpu *cpu, uint64_t limit);
    /* From within a run with a limit (a helper, a device): it ends after at most `more`
     * further instructions, exactly. */
    void (*shorten)(struct cpu *cpu, uint64_t more);
    /* Code at [addr, addr+size) changed. */
    void (*invalidate)(struct cpu *cpu, uint64_t addr, uint64_t size);
    /* Called from a host signal handler with the faulting guest address and the access
     * (enum exec_access): if the fault is the guest's, does not return (jumps back into
     * run, which returns EXEC_MEM_FAULT). */
    void (*host_fault)(struct cpu *cpu, uint64_t addr, unsigned access);
    /* Whether anybody can see the registers after a fault of the guest: at first yes; no:
     * every such fault ends the program.  May be NULL. */
    void (*observe)(struct cpu *cpu, bool is_seen);
    /* The process is about to end, or to run another program; may be NULL. */
    void (*leaving)(struct cpu *cpu);
    /* What the engine's own threads, if it has any, are to do.  May be NULL. */
    void (*threads)(struct cpu *cpu, enum engine_threads what);
    /* Shows how it ran, line by line; may be NULL. */
    void (*report)(struct cpu *cpu, void (*line)(const char *text));
};

extern const struct engine eval_engine;   /* src/isa/eval_engine.c */
extern const struct engine interp_engine; /* src/interp */
/* The same with the template tier, where the host has it: */
extern const struct engine template_engine;
/* ... and with compiled regions, where there is a compiler: */
extern const struct engine jit_engine;

/* Compiled-in instruction sets, ended by NULL (generated: gen/isas.c). */
extern const struct isa *const isa_list[];
const struct isa *isa_find(const char *name); /* or NULL; src/debug/isa_find.c */

#endif
