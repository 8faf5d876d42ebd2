/* decode.h - from bytes to an instruction and its fields, by the tables of an isa, and
 * back.
 *
 * A total function: every byte string gives an answer.
 *
 * The way of a fixed-length instruction: the fetch clause of the mode tells how long it
 * is and makes one number of its parcels (`word`); the decode tree leads from the word's
 * KEY to a short list of candidates, the most specific one first; the first one whose
 * bits, length, mode, features and constraints fit is the answer.  The key is the word
 * with the first parcel in a place of its own whatever the length: the word itself where
 * parcels go lowest first, else the word shifted up so that the first parcel is on top of
 * 64 bits. */
#ifndef RHEA_DECODE_H
#define RHEA_DECODE_H

#include "isa/isa.h"

struct isa_decoded {
    uint16_t insn; /* ISA_NONE: no such instruction (in this mode, with these features) */
    uint8_t length; /* bytes; of something undecodable: as the fetch clause says, at least
                       1 */
    uint8_t illegal; /* 0, or 1 + enum isa_illegal: matched, but a constraint fails */
    bool truncated;  /* needs more bytes than were given */
    const struct isa_features *features; /* those it was decoded with; NULL: all */
    uint64_t pc;
    uint64_t mode;
    uint64_t word; /* the instruction as one number (fixed length up to 8 bytes) */
    uint64_t field[ISA_MAX_FIELDS]; /* numbers (isa_field), sign-extended to 64 bits */
};

/* Decodes what starts at bytes[0]; `size` bytes are there (ISA_MAX_ILEN are always
 * enough). */
void isa_decode(const struct isa *isa, const struct isa_features *features, uint64_t mode,
                uint64_t pc, const uint8_t *bytes, unsigned size,
                struct isa_decoded *out);

/* The same for many instructions: what depends on features and mode only is found out
 * once. */
struct isa_decoder {
    const struct isa *isa;
    const struct isa_features *features;
    uint64_t mode;
    const struct isa_fetch *fetch; /* NULL: there is nothing in this mode */
    uint8_t *known; /* whether instructions exist, as far as it was asked; or NULL */
    /* Words are little-endian numbers, and 8 bits of them tell the length: */
    bool is_simple;
    uint8_t length_at;    /* the lowest of them */
    uint8_t lengths[256]; /* by their value; 0: reserved */
};

/* `known`: isa->ninsns bytes, zeroed, that live as long as the decoder, or NULL.
 * `features` must stay as they are. */
void isa_decoder_init(struct isa_decoder *decoder, const struct isa *isa,
                      const struct isa_features *features, uint64_t mode, uint8_t *known);
void isa_decoder_decode(const struct isa_decoder *decoder, uint64_t pc,
                        const uint8_t *bytes, unsigned size, struct isa_decoded *out);

/* Whether `insn` exists in a mode, and whether it is what out->word (length and word are
 * set) says in that mode; then sets out->insn, illegal and fields.  isa_decode() asks
 * this of each candidate; tests ask it of every instruction. */
bool isa_exists(const struct isa *isa, uint16_t insn, const struct isa_features *features,
                uint64_t mode);
bool isa_matches(const struct isa *isa, uint16_t insn,
                 const struct isa_features *features, struct isa_decoded *out);

/* The fetch clause of a mode, or NULL. */
const struct isa_fetch *isa_fetch_of(const struct isa *isa, uint64_t mode);

/* What the decode tree looks at, from an instruction word (or mask) of `length` bytes. */
static inline uint64_t isa_decode_key(const struct isa_fetch *fetch, uint64_t word,
                                      unsigned length)
{
    return (fetch->big || fetch->high_first) && length < 8 ? word << (64 - 8 * length)
                                                           : word;
}

/* The word of `length` bytes at `bytes`, and back. */
uint64_t isa_get_word(const struct isa_fetch *fetch, const uint8_t *bytes,
                      unsigned length);
void isa_put_word(const struct isa_fetch *fetch, uint64_t word, uint8_t *bytes,
                  unsigned length);

/* The variant that executes a decoded instruction: walks isa->choices. */
uint32_t isa_choose(const struct isa *isa, const struct isa_decoded *insn);

/* The reverse: fills the fields of `insn` into its encoding.  Returns the length in
 * bytes, or 0 where a field does not fit.  `out` has room for ISA_MAX_ILEN. */
unsigned isa_encode(const struct isa *isa, const struct isa_decoded *insn, uint8_t *out);

/* Whether a field can hold a number. */
bool isa_field_fits(const struct isa *isa, const struct isa_field *field,
                    uint64_t number);

/* Value of a decode-time body (FIELD, PC, ILEN, MODE leaves) for this instruction. */
uint64_t isa_decode_value(const struct isa *isa, struct sem_body body,
                          const struct isa_decoded *insn);

/* Features of a model (NULL: the default model), or of a list like "rv64gc,zba,-c" or
 * "+x"; a list that does not begin with a model adds to the default one.  Letters' case
 * does not matter.  Returns 0, or -1 with the unknown word (up to the next comma) in
 * *bad. */
int isa_features_parse(const struct isa *isa, const char *list, struct isa_features *out,
                       const char **bad);
bool isa_has_features(const struct isa *isa, uint16_t set,
                      const struct isa_features *features);

#endif
