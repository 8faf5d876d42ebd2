/* eval_engine.h - the tree evaluator on a guest's memory. */
#ifndef RHEA_EVAL_ENGINE_H
#define RHEA_EVAL_ENGINE_H

#include "isa/engine.h"

/* Executes one instruction on cpu->space with every access checked: as eval_step.  After
 * an EXEC_MEM_FAULT of an engine that did not learn the address, this tells it. */
int eval_space_step(struct cpu *cpu);

#endif
