/* emit.h - what isagen writes: C source of a struct isa. */
#ifndef ISAGEN_EMIT_H
#define ISAGEN_EMIT_H

#include <stdio.h>

#include "isa/isa.h"

/* A C file that defines `const struct isa isa_NAME`; it includes "isa/isa.h" (and
 * "isa/stream.h" where there are streams) and nothing else.  The same tables give the
 * same text. */
void emit_table(const struct isa *isa, FILE *out);

#endif
