/* machine.h - what a spec does not say of an instruction set's whole machines: page
 * tables, traps, interrupts.  One struct isa_machine for each family, in src/isa/FAMILY/.
 *
 * Everything here is called by the CPU's own thread, outside of handlers or from a
 * helper; only `lines` is changed by others. */
#ifndef RHEA_MACHINE_H
#define RHEA_MACHINE_H

#include "isa/cpu.h"
#include "isa/tlb.h"

struct isa_machine;

/* What a machine's CPU can tell of itself: -d. */
struct machine_log {
    /* It takes a trap, or an interrupt: what that is called, its number, and between
     * which privileges; the pc is still the one that it comes from. */
    void (*trap)(struct cpu *cpu, const char *name, bool is_interrupt, unsigned cause,
                 uint64_t value, char from, char to);
    /* It forgets its translations; of one page: of the one at *addr. */
    void (*flush)(struct cpu *cpu, const uint64_t *addr);
};

/* What a program without an operating system asks of the host (semihosting), in the way
 * that its family has for that. */
struct host_call {
    uint64_t number, argument;
    bool is_user; /* asked for by a program with the least privilege */
    uint64_t result;
};
enum host_answer {
    HOST_CALL_NONE, /* nobody answers: what asked is an ordinary instruction */
    HOST_CALL_DONE,
    HOST_CALL_AGAIN, /* not yet: the instruction is executed again */
};

/* A CPU of a machine: cpu->mmu points to its first member. */
struct machine_cpu {
    struct mmu mmu;
    const struct isa_machine *machine;
    void *guest;                       /* the family's own; free() frees it */
    volatile uint64_t lines;           /* interrupt lines that are up, by their numbers */
    bool waits;                        /* for an interrupt; then cpu->kick is set */
    uint64_t (*time)(struct cpu *cpu); /* in ticks of the machine's clock */
    void (*alarm)(struct cpu *cpu, uint64_t ticks); /* kicks the CPU at that time */
    /* NULL, or: the CPU has kicked itself, and is to leave after this instruction. */
    void (*leave)(struct cpu *cpu);
    /* NULL: nobody answers. */
    enum host_answer (*host_call)(struct cpu *cpu, struct host_call *call);
    const struct machine_log *log; /* or NULL */
    bool is_counting; /* cpu->insns is right within instructions: each counts itself */
    /* Registers that are in the device whose output an interrupt line is, by the numbers
     * of its manual: the bits of `mask` become those of *value, which is then what was
     * there.  false: there are none, or not this one.  NULL: no line has any. */
    bool (*exchange)(struct cpu *cpu, unsigned line, unsigned reg, uint64_t mask,
                     uint64_t *value);
};

/* Neighbouring addresses that page tables lead to neighbouring ones. */
struct mapping {
    uint64_t addr, physical, size; /* size: in bytes */
    char flags[12];                /* letters of the manual, '-' for those that are 0 */
};
enum mappings { MAPPINGS_NONE, MAPPINGS_ALL, MAPPINGS_SOME };

struct isa_machine {
    const char *family; /* of isa->name: what it begins with */
    /* Fills m->mmu and m->guest. */
    void (*attach)(struct cpu *cpu, struct machine_cpu *m);
    void (*reset)(struct cpu *cpu, unsigned id); /* registers that are not 0 */
    int (*line)(const char *name);               /* number of an interrupt line, or -1 */
    /* What cpu->event says (a trap or a fault) happens to the guest. */
    void (*event)(struct cpu *cpu);
    /* Takes the interrupt that is to be taken now, if any. */
    void (*interrupt)(struct cpu *cpu);
    bool (*may_wake)(struct cpu *cpu); /* an interrupt ends a wait */
    /* Where a load or store of the CPU would reach `size` bytes, which are in a page.
     * false: it would fault. */
    bool (*reach)(struct cpu *cpu, uint64_t addr, enum exec_access access, unsigned size,
                  uint64_t *physical);
    /* Tells what its page tables map now, each leaf of them by itself, in the order of
     * addresses, while each() wants more; NONE: nothing is translated, SOME: there is
     * more than anybody wants to see (tables may be their own leaves). */
    enum mappings (*mappings)(struct cpu *cpu,
                              bool (*each)(void *context, const struct mapping *mapping),
                              void *context);
};

static inline struct machine_cpu *machine_of(struct cpu *cpu)
{
    return (struct machine_cpu *)(void *)cpu->mmu;
}

extern const struct isa_machine *const isa_machines[]; /* ended by NULL */

#endif
