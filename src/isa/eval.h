/* eval.h - the tree evaluator: executes instructions straight from the semantic table.
 *
 * The oracle: obvious and slow.  It needs nothing compiled, so it also runs specs that
 * were loaded at run time.  Memory is reached through callbacks. */
#ifndef RHEA_EVAL_H
#define RHEA_EVAL_H

#include "isa/cpu.h"
#include "isa/decode.h"
#include "isa/fp/fp.h"

/* Guest memory as the evaluator sees it.  Bytes are in memory order.  Each returns 0, or
 * -1 for a fault. */
struct eval_memory {
    void *context;
    int (*read)(void *context, uint64_t addr, void *bytes, unsigned size);
    int (*write)(void *context, uint64_t addr, const void *bytes, unsigned size);
    int (*fetch)(void *context, uint64_t addr, void *bytes, unsigned size);
    /* Atomic: writes `desired` if memory equals `expected`; `expected` gets what was
     * there. NULL: read and write are used one after the other (nobody else runs). */
    int (*cas)(void *context, uint64_t addr, void *expected, const void *desired,
               unsigned size);
    /* After a fault: the first address that could not be accessed.  NULL: the evaluator
     * tries byte by byte (reads and fetches), or takes the access's address (writes). */
    uint64_t (*fault_addr)(void *context);
    /* NULL, or a byte for each node of the isa: EVAL_WAS_* of its IFs that were run. */
    uint8_t *ifs;
};
enum { EVAL_WAS_TRUE = 1, EVAL_WAS_FALSE = 2 };

/* Executes the one instruction at cpu->pc.  Returns 0, with pc, mode and state advanced,
 * or -1 with cpu->event filled, pc still at the instruction, and state as the spec says.
 *
 * With delay slots, cpu->npc is where execution goes after the instruction at pc; it
 * advances with pc.  A helper that stores another cpu->pc has jumped; one that sets
 * cpu->event.kind has trapped. */
int eval_step(struct cpu *cpu, const struct eval_memory *memory);

/* Fetches and decodes the instruction at cpu->pc: the first half of eval_step(). */
int eval_fetch(struct cpu *cpu, const struct eval_memory *memory,
               struct isa_decoded *insn);

/* Executes one decoded instruction (its fetch is over). */
int eval_insn(struct cpu *cpu, const struct eval_memory *memory,
              const struct isa_decoded *insn);

/* Computes the mode key from the state. */
uint64_t eval_mode(struct cpu *cpu);

/* Turns lazy flags of every group into settled ones (state is equal as a guest sees it).
 */
void eval_settle(struct cpu *cpu);

/* Runs a body over the state alone (no instruction, no memory): modes, computed views.
 * `args` for its ARG nodes may be NULL. */
struct fp128 eval_state_body(struct cpu *cpu, struct sem_body body,
                             const struct fp128 *args);

/* One S_FP node whose operands and result have at most 64 bits, for compiled code; keeps
 * its flags.  `what`: its number in isa->nodes, the rounding mode << EVAL_FP_ROUND, and
 * the width of operand a << EVAL_FP_WIDTH.  Operands are zero-extended, but the exponent
 * of SCALB is sign-extended. */
enum { EVAL_FP_ROUND = 32, EVAL_FP_WIDTH = 40 };
uint64_t eval_fp_call(struct cpu *cpu, uint64_t what, uint64_t a, uint64_t b, uint64_t c);

/* A lazy flag, for compiled code.  `what`: the number of the flagfn that set it + 1, or
 * 0; the flag's number << EVAL_FLAG_NUMBER; its value where that flagfn does not set it
 * << EVAL_FLAG_STORED.  a, b, c: the flagfn's arguments. */
enum { EVAL_FLAG_NUMBER = 32, EVAL_FLAG_STORED = 40 };
uint64_t eval_flag_call(struct cpu *cpu, uint64_t what, uint64_t a, uint64_t b,
                        uint64_t c);

/* A CPU (without a space) in the state before an example; what memory and code then hold
 * is handed to `write`, which may be NULL. */
struct cpu *example_cpu(const struct isa *isa, const struct isa_example *example,
                        int (*write)(void *context, uint64_t addr, const void *bytes,
                                     unsigned size),
                        void *context);

/* The mode key of that state. */
uint64_t example_mode(const struct isa *isa, const struct isa_example *example);

/* One example (isa->examples) through the evaluator.  0, or -1 with what differs in
 * `error`. */
int eval_example(const struct isa *isa, const struct isa_example *example, char *error,
                 size_t error_size);

/* The same, and which ways its conditions went (eval_memory's `ifs`). */
int eval_example_cover(const struct isa *isa, const struct isa_example *example,
                       uint8_t *ifs, char *error, size_t error_size);

#endif
