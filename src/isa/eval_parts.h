/* eval_parts.h - what the parts of the tree evaluator share (eval.c, eval_mem.c,
 * eval_fp.c). */
#ifndef RHEA_EVAL_PARTS_H
#define RHEA_EVAL_PARTS_H

#include "isa/eval.h"
#include "isa/sem.h"

enum { EVAL_MAX_PUSHED = 16 };

/* What a node's effect returns: go on, the body ended, or cpu->event says what happened.
 */
enum eval_end { EVAL_ON = 0, EVAL_DONE = 1, EVAL_EVENT = -1 };

/* One body being executed. */
struct eval {
    struct sem_run run; /* first: effects get a pointer to it */
    struct cpu *cpu;
    const struct eval_memory *memory;
    const struct isa_variant *variant; /* NULL: not an instruction's body */
    struct fp128 pushed[EVAL_MAX_PUSHED];
    unsigned npushed;
    uint64_t next, next_npc; /* where execution goes */
};

/* Runs a body with arguments inside another one.  Returns as effects do. */
int eval_inner(struct eval *eval, struct sem_body body, const struct fp128 *args,
               struct fp128 *value);

/* Memory nodes: LD to STCOND. */
int eval_memory_node(struct eval *eval, const struct sem *node, struct fp128 *value);

/* S_FP. */
void eval_fp_node(struct eval *eval, const struct sem *node, struct fp128 *value);

int eval_fault(struct eval *eval, unsigned kind, unsigned access, uint64_t addr);

#endif
