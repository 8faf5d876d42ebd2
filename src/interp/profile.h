/* profile.h - how often which ops run one after the other (RHEA_PAIRS), to choose what is
 * fused: tools/choose-pairs reads it. */
#ifndef RHEA_INTERP_PROFILE_H
#define RHEA_INTERP_PROFILE_H

#include "interp/interp.h"

/* `fn`, or while profiling the op that counts in its place. */
interp_handler profile_handler(interp_handler fn);
/* What the op at `unit` executes: a variant * PROFILE_IDS + for each operand in[k], at
 * bit 4 * k, the distance to the op that wrote it, and 8 where it is in acc. */
enum { PROFILE_IDS = 1 << 4 * INTERP_IN };
void profile_op(uint32_t unit, uint32_t id);
/* RHEA_PAIRS=N: after N instructions the ops that ran are printed, block by block. */
void profile_start(struct interp *ip, const char *instructions);

#endif
