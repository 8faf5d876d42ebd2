/* lockstep.h - the interpreter beside the tree evaluator. */
#ifndef RHEA_LOCKSTEP_H
#define RHEA_LOCKSTEP_H

#include <stdio.h>

#include "isa/cpu.h"

/* As interp_engine.run (the engine is attached to the CPU), but the tree evaluator
 * executes everything first, on a copy of the state and with its stores kept aside; then
 * the interpreter does it for real, and registers and memory are compared.  Returns 0, or
 * -1 at the first difference, after printing it.  The guest must have one thread only. */
int lockstep_run(struct cpu *cpu, uint64_t limit, FILE *out);

#endif
