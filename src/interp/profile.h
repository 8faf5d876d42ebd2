/* profile.h - which ops follow each other how often (RHEA_PAIRS), to choose what to fuse. */
#ifndef RHEA_INTERP_PROFILE_H
#define RHEA_INTERP_PROFILE_H

#include "interp/interp.h"

/* `fn`, or while profiling the op that counts in its place. */
interp_handler profile_handler(const struct interp *ip, interp_handler fn);
/* The op at `unit` executes form id % INTERP_FORMS of a variant. */
void profile_op(struct interp *ip, uint32_t unit, uint32_t id);
/* Prints pairs and triples as lines of a .pairs file, most frequent first. */
void profile_print(struct interp *ip);
void profile_start(struct interp *ip);

#endif
