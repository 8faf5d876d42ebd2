/* stream.h - the syntax tree of `stream` and `row`: variable-length encodings. */
#ifndef ISAGEN_STREAM_H
#define ISAGEN_STREAM_H

#include "isagen.h"

/* A drawn item: bits, or (part of) a field, or a piece with a name used only here. */
struct draw {
    struct draw *next;
    struct pos pos;
    const char *bits; /* "01-" */
    const char *name;
    unsigned width; /* of a piece, or of a number read shorter than its field; 0: all */
    bool is_signed; /* sign-extend into the rest of the field */
    bool invert;    /* ~: the complement is encoded */
    int high, low;  /* name[high:low], or -1 */
};

/* prefix, lead or escape: what is drawn, then { settings } */
struct affix {
    struct affix *next;
    struct pos pos;
    struct draw *draw;
    /* name = number; expr: `if (piece == number2)`, name2: the piece */
    struct list *sets;
    struct expr *when;
    bool last, lead;
};

struct tag { /* tag NAME { field = number; }, also the default needs (name NULL) */
    struct tag *next;
    struct pos pos;
    const char *name;
    struct list *sets;
};

struct map { /* map 0f.38 = 2; */
    struct map *next;
    struct pos pos;
    uint8_t bytes[4];
    unsigned nbytes, number;
};

struct step {
    struct step *next;
    struct pos pos;
    struct expr *when;
    struct draw *draw;
};

struct tail {
    struct tail *next;
    struct pos pos;
    const char *name;
    struct step *steps;
    uint64_t reads;        /* set of fields; from here: filled in when tables are made */
    uint32_t first, count; /* in the steps' table */
    unsigned bytes;        /* at most */
};

struct stream {
    struct stream *next;
    const char *name;
    struct pos pos;
    unsigned unit, max; /* bytes */
    bool big;
    struct operand *fields; /* in order: bare fields and operands */
    struct list *composed;  /* name = expr of ++ */
    struct list *lets;      /* name = expr */
    struct affix *affixes;
    struct tag *tags;
    struct map *maps;
    struct tail *tails;
    struct list *forms;    /* form NAME = condition */
    const char *extension; /* the field that /N names */
    struct alts *alts;
};

/* row [TAG.]..[MAP.]OPCODE[/N][+FIELD] {form} [operand {, operand}] [lock] [when c]
 * [needs c] */
struct row {
    struct row *next;
    struct pos pos;
    const char *spelled; /* "66.0f.fe", "81/0" */
    struct draw *draw;   /* drawn as bits instead */
    struct list *words;  /* operands and forms, in order */
    struct expr *when, *needs;
    struct list *operands; /* of words; filled in when tables are made */
    bool lock, always_locked;
};

/* After parsing: an insn of many rows becomes many insns of one row. */
void expand_rows(struct isagen *g);

#endif
