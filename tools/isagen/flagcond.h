/* flagcond.h - conditions over flags in bodies, in a form that can be compared.
 *
 * A condition is a tree of 1-bit operations on at most six flags of one group, read with
 * no change of flags in between.  Its truth table says what it is, however it was
 * written: `zf || sf != of` and `!(sf == of && !zf)` are one condition. */
#ifndef ISAGEN_FLAGCOND_H
#define ISAGEN_FLAGCOND_H

#include "base/arena.h"
#include "isa/isa.h"

enum { FLAG_COND_MAX = 6 };

struct flag_cond {
    uint16_t root;  /* node of its value */
    uint16_t group; /* of isa->flags */
    uint32_t flags; /* bit set */
    /* Bit n: the value where the k-th lowest of `flags` is bit k of n. */
    uint64_t truth;
};

/* The conditions whose values other nodes (or the body's user, if `result`) need; no part
 * of a larger one alone.  Returns how many; *conds is of the arena. */
unsigned flag_conds(struct arena *arena, const struct isa *isa, struct sem_body body,
                    bool result, struct flag_cond **conds);

/* What a law of the isa says about the condition after that flagfn, or NULL.  *negated:
 * the law's shortcut is its opposite. */
const struct isa_law *flag_cond_law(struct arena *arena, const struct isa *isa,
                                    const struct flag_cond *cond, unsigned flagfn,
                                    bool *negated);

/* Those operands of a node that are nodes, to be read or changed. */
unsigned node_operands(const struct isa *isa, struct sem *node, uint16_t *out[3]);

#endif
