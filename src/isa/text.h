/* text.h - instructions as text: printing and assembling from an isa's tables. */
#ifndef RHEA_TEXT_H
#define RHEA_TEXT_H

#include <stddef.h>

#include "isa/decode.h"

enum { TEXT_NO_ALIASES = 1 }; /* print every instruction under its own name */

/* Prints a decoded instruction: "addi a0, a0, -1", or ".word 0x..." for what is none.
 * Returns the length as snprintf does. */
int isa_print(const struct isa *isa, const struct isa_features *features,
              const struct isa_decoded *insn, unsigned flags, char *out, size_t size);

/* Assembles one instruction at `pc`.  Returns its length in bytes, or 0 with a message
 * (what, where, what would fit) in `error`.  Several encodings may fit: the shortest is
 * taken. Letters' case does not matter, blanks may be more or (around punctuation) fewer;
 * `.` is pc. */
unsigned isa_assemble(const struct isa *isa, const struct isa_features *features,
                      uint64_t mode, uint64_t pc, const char *text, uint8_t *out,
                      char *error, size_t error_size);

/* The same for one instruction of the isa, under its own text: what tests need. */
unsigned isa_assemble_as(const struct isa *isa, const struct isa_features *features,
                         uint64_t mode, uint64_t pc, uint16_t insn, const char *text,
                         uint8_t *out, char *error, size_t error_size);

/* The view a register operand has in a decoded instruction, and the number an operand
 * shows. */
unsigned operand_view(const struct isa *isa, const struct isa_operand *operand,
                      const struct isa_decoded *insn);
uint64_t operand_number(const struct isa *isa, const struct isa_operand *operand,
                        const struct isa_decoded *insn);

/* Name of a register of a view, made in `text` where it has none of its own. */
const char *view_register_name(const struct isa *isa, unsigned view, unsigned index,
                               char *text, size_t size);

/* Whether the operand prints as nothing now, with the text before it. */
bool operand_is_omitted(const struct isa *isa, const struct isa_operand *operand,
                        const struct isa_decoded *insn);

/* The alternative of an OPERAND_ALTS that holds, or NULL. */
const struct isa_alt *operand_alternative(const struct isa *isa,
                                          const struct isa_operand *operand,
                                          const struct isa_decoded *insn);

/* Smallest and largest number of a field, and what it is a multiple of. */
void isa_field_range(const struct isa *isa, const struct isa_field *field, int64_t *low,
                     uint64_t *high, uint64_t *step);

/* A place in the spec, "riscv/rvi.isa:41", or "" for none.  Returns `text`. */
const char *isa_where_text(const struct isa *isa, struct isa_where where, char *text,
                           size_t size);

/* Checks one example's decoding, encoding, printing and assembling.  0, or -1 with what
 * is wrong in `error`.  Its text may be any form of the instruction, not only the printed
 * one. */
int example_text(const struct isa *isa, const struct isa_example *example, char *error,
                 size_t size);

#endif
