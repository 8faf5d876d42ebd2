/* stream.h - variable-length encodings: x86's prefixes, maps and tails, m68k's extension
 * words.
 *
 * A stream reads units (bytes, or 16-bit words) from left to right: prefixes, an opcode
 * that picks a row, then the row's tail.  Everything read goes into fields: small numbers
 * that all instructions of the stream share.  Each row is an instruction of its own (one
 * insn of the spec with nine rows becomes nine of isa->insns), so everybody else sees
 * what he sees of a fixed-length instruction: its number and its fields.  No guest's name
 * is known here. */
#ifndef RHEA_STREAM_H
#define RHEA_STREAM_H

#include "isa/decode.h"

enum { STREAM_MAP = 0xff }; /* as the field of a set: the opcode map */

/* What bits that were just read do to a field.  If `mask` is not 0, only where
 * (bits & mask) == value.  A constant sets the whole field. */
struct stream_set {
    uint8_t field;
    uint8_t at, len; /* `len` bits from bit `at`; len 0: the constant */
    uint8_t to;      /* lowest bit of the field that is set */
    bool invert;     /* the encoding holds the complement */
    bool is_signed;  /* sign-extend into the rest of the field */
    uint32_t constant;
    uint32_t mask, value;
};
struct stream_sets { /* a run of stream->sets */
    uint16_t first, count;
};

/* A prefix (next == phase), or a lead or escape that goes on to another phase; when none
 * fits, the opcode follows.  Decoding starts in phase 0. */
struct stream_prefix {
    uint32_t mask, value; /* of its bytes, the first one most significant */
    uint8_t bytes;        /* 1..4 */
    uint8_t phase, next;
    bool last;            /* forgotten if another prefix follows (REX) */
    struct sem_body when; /* decode time, over the fields so far; count 0: always */
    struct stream_sets sets;
};

/* A field must have this value for a row to be taken; the row uses it up (it reads 0
 * then). */
struct stream_need {
    uint8_t field;
    uint32_t value;
};

/* Part of a tail: `bytes` more bytes, in the byte order of the stream. */
struct stream_step {
    struct sem_body when; /* decode time, over the fields so far; count 0: always */
    uint8_t bytes;        /* 1..8 */
    struct stream_sets sets;
};

/* A row: how one instruction is encoded.  The pattern covers the opcode's unit and the
 * unit after it (x86: ModRM), the opcode most significant. */
struct stream_row {
    uint16_t insn;
    uint8_t map;
    uint8_t bytes; /* read as opcode; the rest of the pattern is only looked at */
    uint32_t mask, value;
    uint32_t not_mask,
        not_value;        /* and not so (x86: mod != 3); not_mask 0: no such condition */
    struct sem_body when; /* decode time, over the prefixes' fields; count 0: always */
    struct stream_sets sets; /* from the pattern: registers in the opcode */
    uint16_t need, needs;    /* first of stream->needs, count */
    uint16_t step, steps;    /* first of stream->steps, count */
};

struct isa_stream {
    const char *name;
    uint8_t max;  /* bytes of the longest instruction */
    uint8_t unit; /* bytes: 1 or 2; pattern of a row: 2 * unit bytes */
    bool big;     /* byte order of the tails */
    uint8_t maps;
    uint8_t fields; /* of every instruction: isa->fields_all[field ...]; those with pieces
                       are made of others: piece.at is a field, its bits go to piece.to */
    uint32_t field;
    const struct stream_prefix *prefixes;
    const struct stream_row *rows; /* in order of preference */
    const struct stream_set *sets;
    const struct stream_need *needs;
    const struct stream_step *steps;
    const uint16_t *index; /* [map * 256 + first byte of the opcode]: into lists */
    const uint16_t
        *lists; /* runs of rows, each ended by ISA_NONE; [0] is the empty one */
    uint16_t nprefixes, nrows, nsets, nneeds, nsteps, nlists;
};

/* As isa_decode, for one stream.  A total function.  `features` NULL: all there are. */
void stream_decode(const struct isa *isa, const struct isa_stream *stream,
                   const struct isa_features *features, uint64_t mode, uint64_t pc,
                   const uint8_t *bytes, unsigned size, struct isa_decoded *out);

/* As isa_encode, for an instruction of a stream: the shortest encoding that decodes to
 * exactly these fields (those that its row demands are filled in), or 0. */
unsigned stream_encode(const struct isa *isa, const struct isa_stream *stream,
                       const struct isa_decoded *insn, uint8_t *out);

/* Sets a field and those it is made of; and makes the composed fields agree with the
 * others. */
void stream_set_field(const struct isa *isa, const struct isa_stream *stream,
                      struct isa_decoded *insn, unsigned field, uint64_t value);
void stream_compose(const struct isa *isa, const struct isa_stream *stream,
                    struct isa_decoded *insn);

/* Sets the fields that a row's pattern fixes after the opcode (x86: /reg, mod == 3);
 * returns them as a set. */
uint64_t stream_fill(const struct isa_stream *stream, const struct stream_row *row,
                     struct isa_decoded *insn);

/* Prefixes that hold fields which are not zero are there: sets their constants (REX's
 * "there is one"), but not fields in `set`.  Returns whether that changed something. */
bool stream_complete(const struct isa_stream *stream, struct isa_decoded *insn,
                     uint64_t set);

/* The stream that an instruction belongs to and its row there, or NULL. */
const struct stream_row *stream_row_of(const struct isa *isa, uint16_t insn,
                                       const struct isa_stream **stream);

#endif
