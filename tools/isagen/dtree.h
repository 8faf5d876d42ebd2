/* dtree.h - decode trees, and what is wrong with a set of encodings. */
#ifndef ISAGEN_DTREE_H
#define ISAGEN_DTREE_H

#include "isa/isa.h"

/* Makes isa->dnodes, dtable, dleaves (with malloc) and sets the root of each fetch clause
 * from the masks and values of its instructions; the rest of the struct is only read.
 * Returns 0, or -1 if the tree does not fit its tables. */
int dtree_build(struct isa *isa);
void dtree_free(struct isa *isa); /* what dtree_build() made */

/* A finding: codes of isa-language.md 3.13.  `a` and `b` are instructions (or ISA_NONE),
 * `word` a witness; text is one line without names of source positions. */
struct dtree_report {
    void (*report)(void *context, const char *code, uint16_t insn_a, uint16_t insn_b,
                   uint64_t word, const char *text);
    void *context;
    /* What an isa's tables do not say.  Sets of features of which at most one is on; and
     * words that are no instruction, but spoken for. */
    const struct dtree_exclusive {
        const uint16_t *all;
        unsigned count;
    } * exclusive;
    const struct dtree_claim {
        uint64_t mask, value;
        unsigned length;
    } * claims;
    unsigned nexclusive, nclaims;
};

/* E-OVERLAP, E-SHADOW and W-CONTAIN.  Constraints are enumerated where few bits are free,
 * else sampled. */
void dtree_check_overlaps(const struct isa *isa, const struct dtree_report *report);

/* W-GAP: words that are no instruction in any mode or with any features of a fetch
 * clause, as masked patterns; at most `limit` lines per length of a clause. */
void dtree_check_gaps(const struct isa *isa, const struct dtree_report *report,
                      unsigned limit);

#endif
