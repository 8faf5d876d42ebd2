/* text.h - instructions as text: printing and assembling from an isa's tables. */
#ifndef RHEA_TEXT_H
#define RHEA_TEXT_H

#include <stddef.h>

#include "isa/decode.h"

enum { TEXT_NO_ALIASES = 1 }; /* print every instruction under its own name */

/* Prints a decoded instruction: "addi a0, a0, -1".  Returns the length as snprintf does. */
int isa_print(const struct isa *isa, const struct isa_features *features,
              const struct isa_decoded *insn, unsigned flags, char *out, size_t size);

/* Assembles one instruction at `pc`.  Returns its length in bytes, or 0 with a message (what,
 * where, what would fit) in `error`.  Several encodings may fit: the shortest is taken. */
unsigned isa_assemble(const struct isa *isa, const struct isa_features *features,
                      uint64_t mode, uint64_t pc, const char *text, uint8_t *out, char *error,
                      size_t error_size);

#endif
