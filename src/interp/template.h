/* template.h - the template tier: hot ops as machine code, put together from stencils.
 *
 * A stencil is what the compiler made of a handler, with holes for the op's operands
 * (stencil.h).  One after another, filled in, the stencils of a row of ops become one
 * handler, which takes the place of the first op's.  The ops stay, with their handlers:
 * what leaves the code in the middle goes on with them, and the rest of the interpreter
 * knows nothing of it. */
#ifndef RHEA_INTERP_TEMPLATE_H
#define RHEA_INTERP_TEMPLATE_H

#include "interp/interp.h"

/* Where ip->wants_template: finds the isa's stencils, unless there are none that this
 * program was built with.  Requires: taken, or the only CPU. */
void template_load(struct interp *ip);
void template_free(struct template *t); /* NULL: nothing */
/* Makes code of the ops from unit `first` to `end`, as far as it can.  ip->template may
 * be NULL.  Requires: taken. */
void template_make(struct interp *ip, uint32_t first, uint32_t end);
/* Whether there is no room for more code before a flush; t may be NULL. */
bool template_is_full(const struct template *t);
/* Whether a handler is code of its own; t may be NULL. */
bool template_has(const struct template *t, interp_handler fn);
/* What was made, and the CPU time for it where -jit-stats measures that; t may be NULL.
 */
struct template_counts {
    uint64_t insns, ns;
};
struct template_counts template_counts(const struct template *t);
void template_flush(struct template *t);  /* no op is used any more */
void template_forked(struct template *t); /* in the child */

#endif
