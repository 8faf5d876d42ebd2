/* decode.h - from bytes to an instruction and its fields, by the tables of an isa.
 *
 * A total function: every byte string gives an answer. */
#ifndef RHEA_DECODE_H
#define RHEA_DECODE_H

#include "isa/isa.h"

struct isa_decoded {
    uint16_t insn;    /* ISA_NONE: no such instruction (in this mode, with these features) */
    uint8_t length;   /* bytes; of something undecodable: as the fetch clause says, at least 1 */
    uint8_t illegal;  /* 0, or 1 + enum isa_illegal: matched, but a constraint fails */
    bool truncated;   /* needs more bytes than were given */
    uint64_t pc;
    uint64_t mode;
    uint64_t word;    /* the instruction as one number (fixed length up to 8 bytes) */
    uint64_t field[ISA_MAX_FIELDS]; /* numbers (isa_field), sign-extended to 64 bits */
};

/* Decodes what starts at bytes[0]; `size` bytes are there (ISA_MAX_ILEN are always enough). */
void isa_decode(const struct isa *isa, const struct isa_features *features, uint64_t mode,
                uint64_t pc, const uint8_t *bytes, unsigned size, struct isa_decoded *out);

/* The variant that executes a decoded instruction: walks isa->choices. */
uint32_t isa_choose(const struct isa *isa, const struct isa_decoded *insn);

/* The reverse: fills the fields of `insn` into its encoding.  Returns the length in bytes, or
 * 0 where a field does not fit.  `out` has room for ISA_MAX_ILEN. */
unsigned isa_encode(const struct isa *isa, const struct isa_decoded *insn, uint8_t *out);

/* Value of a decode-time body (FIELD, PC, ILEN, MODE leaves) for this instruction. */
uint64_t isa_decode_value(const struct isa *isa, struct sem_body body,
                          const struct isa_decoded *insn);

/* Features of a model (NULL: the default model), or of a list like "rv64gc,zba,-c".
 * Returns 0, or -1 with the unknown word in *bad. */
int isa_features_parse(const struct isa *isa, const char *list, struct isa_features *out,
                       const char **bad);
bool isa_has_features(const struct isa *isa, uint16_t set, const struct isa_features *features);

#endif
