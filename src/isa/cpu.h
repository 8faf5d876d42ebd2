/* cpu.h - one guest CPU (or thread), as every engine sees it.
 *
 * The head is rhea's own; the guest's registers are in `state`, laid out by isa->files.
 * Engines never look at a register by name: they have offsets.  Names are for users
 * (isa_find_reg, state.h).  CPU_STATE is part of generated code: handlers add it to a
 * file's offset, so slots hold offsets from the start of the struct. */
#ifndef RHEA_CPU_H
#define RHEA_CPU_H

#include <stddef.h>
#include <stdint.h>

#include "isa/isa.h"

enum { CPU_STATE = 576 }; /* offset of cpu->state; checked in state.c */
enum { CPU_RING = 32 };   /* returns that are predicted: a power of two */

/* What executes an instruction. */
enum tier { TIER_INTERP, TIER_TEMPLATE, TIER_REGION, TIERS };

/* Why an engine returned. */
enum exec_kind {
    EXEC_NONE,
    EXEC_TRAP,        /* the guest executed a `trap`: number, args */
    EXEC_ILLEGAL,     /* no such instruction (or reserved): addr = 0, pc says where */
    EXEC_MEM_FAULT,   /* a guest access failed: addr, access */
    EXEC_FETCH_FAULT, /* no instruction can be read at addr */
    EXEC_KICK,        /* somebody set cpu->kick */
    EXEC_LIMIT,       /* the instruction budget is used up */
    EXEC_BREAK,       /* cpu->stops has a break at the pc */
    EXEC_WATCH,       /* the instruction before the pc touched a watch: addr, access */
};
enum exec_access { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

struct exec_event {
    uint8_t kind;     /* enum exec_kind */
    uint8_t access;   /* enum exec_access */
    uint8_t ilen;     /* length of the instruction at cpu->pc, where it was decoded */
    uint16_t trap;    /* EXEC_TRAP: isa->traps */
    uint64_t args[2]; /* of the trap; of a translated address's fault: [0] is its cause */
    uint64_t addr;
};

struct space; /* guest memory, isa/space.h */
struct mmu;   /* translation of addresses, isa/tlb.h */
struct stops; /* breakpoints, isa/stops.h */
struct op;    /* interp/ */
struct jump_entry;

struct cpu {
    const struct op *op; /* interpreter: position published before a possible fault */
    volatile uint32_t
        kick; /* nonzero: leave for the run loop soon; any thread may set it */
    uint32_t id;
    uint8_t *base; /* host address of guest address 0 (direct scheme); or the TLB */
    /* interpreter: where indirect jumps lead, and the returns of the last calls */
    struct jump_entry *jumps;
    uint64_t jump_mask;
    uintptr_t ring_top;
    uint64_t pc;   /* of the next instruction; valid outside of an engine */
    uint64_t npc;  /* with delay slots: where execution goes after pc */
    uint64_t mode; /* mode key of the next instruction */
    uint64_t reserved_addr, reserved_value; /* LR/SC by compare-and-swap; addr ~0: none */
    uint64_t reserved_high;                 /* of 128 bits */
    uint64_t insns; /* instructions executed, where an engine counts */
    const struct isa *isa;
    struct isa_features features;
    struct space *space;
    struct mmu *mmu;           /* or NULL; then the space's addresses are physical */
    const struct stops *stops; /* of a debugger, or NULL */
    uint64_t skip_stop; /* go on from the break at this pc, once; a pc that is none: ~0 */
    void *engine;       /* private to the engine in use */
    void *user;         /* private to src/user or src/sys */
    struct exec_event event; /* why the engine returned */
    /* Runs helper `number` of the isa with `args`; set by user or sys.  Returns its
     * value. */
    uint64_t (*helper)(struct cpu *cpu, unsigned number, const uint64_t *args);
    volatile uint32_t region_at; /* JIT: the instruction before a possible fault */
    const struct jump_entry *ring[CPU_RING];
    uint64_t executed[TIERS]; /* instructions, where -jit-stats counts them */
    _Alignas(16) uint64_t head_end[1];
    /* guest registers from here, at CPU_STATE: cpu_new() allocates isa->state_size bytes
     * more */
};

/* Start of element 0 of the guest state. */
static inline uint8_t *cpu_state(struct cpu *cpu)
{
    return (uint8_t *)cpu + CPU_STATE;
}

/* state.c.  A CPU in its reset state (all zero; pc 0; model's features on); die()s when
 * out of memory.  free with cpu_free.  `model` NULL: the default one; returns NULL if
 * there is no such model. */
struct cpu *cpu_new(const struct isa *isa, const char *model);
struct cpu *cpu_clone(const struct cpu *cpu); /* same state, no engine */
void cpu_free(struct cpu *cpu);

/* Registers by name ("a0", "x10", "pc", "f.z"): a name that isa->regnames knows, a file
 * or view name with a number, or flag group.flag. */
struct isa_reg {
    uint16_t view; /* ISA_NONE: the pc */
    uint16_t index;
    uint16_t group; /* flags: group (index is the flag), else ISA_NONE */
};
int isa_find_reg(const struct isa *isa, const char *name,
                 struct isa_reg *reg); /* 0, or -1 */
/* Values up to 64 bits; cpu_get_wide/put_wide reach the high half too (units of 64 bits).
 * Zero registers read 0 and ignore writes.  Lazy flags are settled by a read. */
uint64_t cpu_get(struct cpu *cpu, struct isa_reg reg);
void cpu_put(struct cpu *cpu, struct isa_reg reg, uint64_t value);

#endif
