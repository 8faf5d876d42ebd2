/* emit.h - what isagen writes: C source of a struct isa. */
#ifndef ISAGEN_EMIT_H
#define ISAGEN_EMIT_H

#include <stdio.h>

#include "base/arena.h"
#include "isa/isa.h"

/* A C file that defines `const struct isa isa_NAME` for each target of a family, after
 * share_tables(); it includes "isa/isa.h" (and "isa/stream.h" where there are streams)
 * and nothing else.  The same tables give the same text. */
void emit_table(struct isa *const *isas, unsigned count, FILE *out);

/* The interpreter of an isa as C files TARGET_interp*.c in `dir` (emit_interp.c). */
void emit_interp(const struct isa *isa, const char *dir);

/* The file of a target that says which handlers pay; it need not exist. */
const char *emit_pairs_path(struct arena *arena, const char *family, const char *target);

/* isas.c: the list of what is compiled in (isa_list and the interpreter's). */
void emit_list(const char *const *targets, unsigned count, FILE *out);

#endif
