/* eval.h - the tree evaluator: executes instructions straight from the semantic table.
 *
 * The oracle: obvious and slow.  It needs nothing compiled, so it also runs specs that were
 * loaded at run time.  Memory is reached through callbacks. */
#ifndef RHEA_EVAL_H
#define RHEA_EVAL_H

#include "isa/cpu.h"
#include "isa/decode.h"

/* Guest memory as the evaluator sees it.  Bytes are in memory order.  Each returns 0, or -1
 * for a fault.  `rmw` may be NULL: then read and write are used one after the other. */
struct eval_memory {
    void *context;
    int (*read)(void *context, uint64_t addr, void *bytes, unsigned size);
    int (*write)(void *context, uint64_t addr, const void *bytes, unsigned size);
    int (*fetch)(void *context, uint64_t addr, void *bytes, unsigned size);
};

/* Executes the one instruction at cpu->pc.  Returns 0, with pc, mode and state advanced, or -1
 * with cpu->event filled, pc still at the instruction, and state as the spec says. */
int eval_step(struct cpu *cpu, const struct eval_memory *memory);

/* Executes one decoded instruction (its fetch is over). */
int eval_insn(struct cpu *cpu, const struct eval_memory *memory, const struct isa_decoded *insn);

/* Computes the mode key from the state. */
uint64_t eval_mode(struct cpu *cpu);

/* Turns lazy flags of every group into settled ones (state is equal as a guest sees it). */
void eval_settle(struct cpu *cpu);

/* One example (isa->examples) through the evaluator.  0, or -1 with what differs in `error`. */
int eval_example(const struct isa *isa, const struct isa_example *example, char *error,
                 size_t error_size);

#endif
