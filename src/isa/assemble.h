/* assemble.h - what the files of the assembler share. */
#ifndef RHEA_ASSEMBLE_H
#define RHEA_ASSEMBLE_H

#include "isa/text.h"

enum {
    MAX_PENDING = 16,
    MAX_OPEN_BITS = 16, /* of fields that are found by trying */
};

/* Something the finished fields must satisfy. */
struct pending {
    const struct isa_operand *operand;
    enum { WANT_NUMBER, WANT_VIEW, WANT_ALT } kind;
    uint64_t want; /* the number, the view, or which alternative */
};

struct matcher {
    const struct isa *isa;
    const struct isa_features *features;
    const char *text;
    /* the candidate */
    const struct isa_insn *insn;
    const struct isa_alias *alias;
    struct isa_decoded decoded;
    uint64_t set; /* fields that have their value */
    struct pending pending[MAX_PENDING];
    unsigned npending;
    /* the best encoding so far */
    uint8_t bytes[ISA_MAX_ILEN];
    unsigned length;
    /* the message of the attempt that came furthest */
    char *error;
    size_t error_size;
    const char *error_at;
    unsigned error_rank;
};

/* Whether a condition on the fields holds. */
bool pending_holds(const struct matcher *m, const struct pending *pending);

/* assemble_solve.c.  Whether the instruction's constraint holds; and values for the
 * fields that the text does not give: those that nothing asks about are 0.  False if
 * there are none. */
bool assemble_allowed(const struct matcher *m);
bool assemble_solve(struct matcher *m);

/* assemble_stream.c, for instructions of a stream.  Sets a field and those it is made of;
 * false if they have another value already. */
bool stream_bind(struct matcher *m, unsigned field, uint64_t number);
/* Finds values for all other fields and keeps the shortest encoding, if it is the best so
 * far.  False if there is none. */
bool stream_finish(struct matcher *m);

#endif
