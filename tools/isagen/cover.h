/* cover.h - what the examples of a spec leave out. */
#ifndef ISAGEN_COVER_H
#define ISAGEN_COVER_H

#include <stdio.h>

#include "isa/isa.h"

/* Runs all examples in the tree evaluator.  Writes a line for each instruction without an
 * example, each meaning (variant) never run, each condition that was never true or never
 * false, and each field that has the same value in all examples of its instruction; then
 * a line of counts. */
void cover_examples(const struct isa *isa, FILE *out);

#endif
