/* profile.h - how often which ops run one after the other (RHEA_PAIRS), to choose what is
 * fused: tools/choose-pairs reads it. */
#ifndef RHEA_INTERP_PROFILE_H
#define RHEA_INTERP_PROFILE_H

#include "interp/interp.h"

/* `fn`, or while profiling the op that counts in its place. */
interp_handler profile_handler(interp_handler fn);
void profile_op(const struct insn_op *insn);
/* RHEA_PAIRS=N: after N instructions the ops that ran are printed, block by block. */
void profile_start(struct interp *ip, const char *instructions);

#endif
