/* proofs.h - checks of a finished table: its text against its encodings. */
#ifndef ISAGEN_PROOFS_H
#define ISAGEN_PROOFS_H

#include "dtree.h"

/* Prints and assembles sampled operands of every instruction of fixed length.  Reports
 * E-ROUNDTRIP where the text of an instruction is not read as it was printed, and
 * E-TEXT-AMBIG where two instructions have it. */
void proofs_text(const struct isa *isa, const struct dtree_report *report);

#endif
