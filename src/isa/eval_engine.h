/* eval_engine.h - the tree evaluator on a guest's memory. */
#ifndef RHEA_EVAL_ENGINE_H
#define RHEA_EVAL_ENGINE_H

#include "isa/engine.h"

/* Executes one instruction on cpu->space with every access checked: as eval_step.  After
 * an EXEC_MEM_FAULT of an engine that did not learn the address, this tells it. */
int eval_space_step(struct cpu *cpu);

/* An access of the instruction at cpu->pc has failed in the middle of it.  If executing
 * that anew could do something else, fills cpu->event, with the first address that cannot
 * be accessed; else false. */
bool eval_space_fault(struct cpu *cpu, uint64_t addr, unsigned size, unsigned access);

#endif
