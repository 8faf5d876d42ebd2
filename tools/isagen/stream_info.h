/* stream_info.h - a stream while its tables are made. */
#ifndef ISAGEN_STREAM_INFO_H
#define ISAGEN_STREAM_INFO_H

#include "build.h"
#include "isa/stream.h"
#include "stream.h"

struct stream_info {
    struct stream_info *next;
    struct stream *s;
    unsigned number; /* in isa.streams */
    uint16_t fetch;
    struct oper *opers; /* fields, by number */
    unsigned nopers;
    uint32_t field_base, operand_base;
    unsigned maps;
    struct vec prefixes, rows, sets, needs, steps; /* of src/isa/stream.h */
    struct vec row_items;                          /* const struct insn *, beside rows */
    const struct row *row;                         /* whose insn is being lowered */
    const struct insn *insn;
    /* memory operands by position: their addresses are taken first */
    struct place *places[8];
    bool locked;         /* this path has the lock prefix and operand 0 in memory */
    uint16_t old;        /* locked: the node that loaded operand 0, or ISA_NONE */
    bool stored;         /* locked: and it was stored */
    struct val early[8]; /* locked: other operands, read before */
    bool has_early[8];
    uint32_t operand_end;
};

struct picture { /* what was drawn: bits most significant first */
    unsigned bits;
    uint64_t mask, value;
    struct vec sets;   /* struct stream_set */
    struct vec pieces; /* struct isa_piece of local names, beside names */
    struct vec names;
};
struct picture stream_draw(struct build *b, const struct stream_info *si,
                           const struct draw *first, unsigned most);
struct sem_body stream_condition(struct build *b, const struct expr *e);
unsigned count_bits(uint64_t v);

int stream_field(const struct stream_info *si, const char *name); /* number, or -1 */
uint32_t stream_text(struct build *b, struct stream_info *si, const char *text,
                     const struct list *words, struct pos pos);

#endif
