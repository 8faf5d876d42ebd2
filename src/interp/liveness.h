/* liveness.h - variants that do less with flags, chosen for a stretch of ops. */
#ifndef RHEA_INTERP_LIVENESS_H
#define RHEA_INTERP_LIVENESS_H

#include "isa/isa.h"

/* Replaces variants of instructions that follow each other by ones with the same slots.
 * Flags are taken as read behind the last one, and wherever somebody may see them: at a
 * fault, a jump, a helper.  known[group]: the flagfn + 1 that set the flags last and is
 * pending, or 0; before the first one and, on return, behind the last one.
 * Requires: isa->nflag_uses.  Instructions without a variant do not count. */
void liveness_choose(const struct isa *isa, uint32_t *variants, unsigned count,
                     uint16_t known[ISA_FLAG_GROUPS]);

#endif
