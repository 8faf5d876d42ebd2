/* check.h - what is wrong with a finished table: findings at the place they are about. */
#ifndef ISAGEN_CHECK_H
#define ISAGEN_CHECK_H

#include "isagen.h"

struct check_options {
    bool gaps;        /* report words that are no instruction */
    bool no_examples; /* do not run them */
    bool hygiene;     /* missing examples and descriptions, unnamed values of enums */
};

/* All checks of the table that program_target() has just made.  Returns how many errors
 * there are. */
unsigned check_target(struct isagen *g, const struct check_options *options);

/* check_alias.c: what prints as an alias must be read back as the same. */
void check_aliases(struct isagen *g);

/* An error or warning (by its code) that is not said twice, though each target finds it.
 */
void check_say(struct isagen *g, struct pos pos, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

struct pos insn_pos(struct isagen *g, unsigned insn);

#endif
