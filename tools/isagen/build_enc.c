/* build_enc.c - drawn encodings to mask, value and the pieces of each field. */
#include <string.h>

#include "build.h"

static unsigned enc_width(struct build *b, const struct enc *e, const struct oper *opers,
                          unsigned nopers, const struct operand *ops)
{
    unsigned n = 0, i = 0;

    if (e->bits)
        return (unsigned)strlen(e->bits);
    for (; i < nopers && strcmp(opers[i].name, e->name); i++)
        ops = ops->next;
    if (i == nopers) {
        error_at(b->g, e->pos, "E-NAME",
                 "field %s is not declared: ops, field, or %s:KIND", e->name, e->name);
        return 0;
    }
    if (!e->slices) {
        const struct kind *k = opers[i].kind;
        unsigned align = k && k->align ? log2_of(k->align) : 0;

        return (k ? kind_bits(&opers[i]) : ops->bits) - align;
    }
    for (const struct list *s = e->slices; s; s = s->next)
        n += (unsigned)(s->number - s->number2 + 1);
    return n;
}

/* Mistakes are told, and the field is drawn all the same. */
static void draw_field(struct build *b, struct drawn *d, const struct enc *e,
                       unsigned oper, uint64_t hi, uint64_t lo, unsigned bits)
{
    unsigned len = (unsigned)(hi - lo + 1), twice = 0;

    d->at -= len;
    if (hi >= bits)
        error_at(b->g, e->pos, "E-FIELD-OVERLAP", "%s has %u bits: no bit %llu", e->name,
                 bits, (unsigned long long)hi);
    for (uint64_t i = lo; i <= hi && i < bits; i++) {
        if (d->seen[oper] >> i & 1 && !twice++)
            error_at(b->g, e->pos, "E-BIT-TWICE", "bit %llu of %s is drawn twice",
                     (unsigned long long)i, e->name);
        d->seen[oper] |= 1ull << i;
    }
    *(struct isa_piece *)vec_add(b, &d->pieces[oper], sizeof(struct isa_piece)) =
        (struct isa_piece){ (uint8_t)d->at, (uint8_t)len, (uint8_t)lo };
}

static void draw_bits(struct drawn *d, const char *bits)
{
    for (; *bits; bits++) {
        d->at--;
        if (*bits == '-' || d->at >= 64)
            continue;
        d->mask |= 1ull << d->at;
        d->value |= (uint64_t)(*bits == '1') << d->at;
    }
}

/* The encoding as text, as it was drawn: "imm[11:0] rs1 000 rd 0010011". */
static void draw_picture(struct drawn *d, const struct insn *insn)
{
    size_t n = 0, room = sizeof d->picture;

    for (const struct enc *e = insn->enc; e && n + 64 < room; e = e->next) {
        n += (size_t)snprintf(d->picture + n, room - n, "%s%.60s", n ? " " : "",
                              e->bits ? e->bits : e->name);
        for (const struct list *s = e->slices; s && n + 24 < room; s = s->next) {
            n += (size_t)snprintf(d->picture + n, room - n, "%c%u",
                                  s == e->slices ? '[' : '|', (unsigned)s->number);
            if (s->number != s->number2)
                n += (size_t)snprintf(d->picture + n, room - n, ":%u",
                                      (unsigned)s->number2);
            if (!s->next)
                n += (size_t)snprintf(d->picture + n, room - n, "]");
        }
    }
}

/* All of enc: mask, value, and the pieces of each field. */
void draw_enc(struct build *b, struct drawn *d, const struct insn *insn,
              const struct oper *opers, unsigned nopers)
{
    unsigned errors = b->g->errors;

    for (const struct enc *e = insn->enc; e; e = e->next)
        d->total += enc_width(b, e, opers, nopers, insn->operands);
    if (b->g->errors != errors)
        fail_again(b->g);
    if (!d->total || d->total % 8 || d->total > 64)
        fail(b->g, insn->pos, "E-WIDTH-ENC",
             "the encoding has %u bits, want whole bytes up to 64", d->total);
    d->at = d->total;
    for (const struct enc *e = insn->enc; e; e = e->next) {
        const struct operand *ops = insn->operands;
        unsigned i = 0;

        if (e->bits) {
            draw_bits(d, e->bits);
            continue;
        }
        for (; strcmp(opers[i].name, e->name); i++)
            ops = ops->next;
        const struct kind *k = opers[i].kind;
        unsigned bits = k ? kind_bits(&opers[i]) : ops->bits;
        unsigned align = k && k->align ? log2_of(k->align) : 0;
        if (!e->slices)
            draw_field(b, d, e, i, bits - 1, align, bits);
        for (const struct list *s = e->slices; s; s = s->next)
            draw_field(b, d, e, i, s->number, s->number2, bits);
    }
    draw_picture(d, insn);
}

static void check_drawn(struct build *b, const struct drawn *d, const struct oper *o,
                        unsigned i, unsigned bits)
{
    unsigned align = o->kind && o->kind->align ? log2_of(o->kind->align) : 0;
    uint64_t want =
        (bits >= 64 ? UINT64_MAX : (1ull << bits) - 1) & ~((1ull << align) - 1);

    if (d->seen[i] & ~want)
        error_at(b->g, o->pos, "E-FIELD-OVERLAP",
                 "enc draws bits of %s that align makes zero", o->name);
    if (!d->seen[i])
        error_at(b->g, o->pos, "E-OPERAND-NOT-ENCODED", "operand %s is not in enc",
                 o->name);
    else if (want & ~d->seen[i])
        error_at(b->g, o->pos, "E-OPERAND-NOT-ENCODED",
                 "enc leaves out bits of %s (missing: 0x%llx)", o->name,
                 (unsigned long long)(want & ~d->seen[i]));
}

void add_field(struct build *b, const struct drawn *d, struct oper *o, unsigned i,
               unsigned bits)
{
    const struct kind *k = o->kind;
    struct isa_field f = { .name = text_add(b, o->name),
                           .bits = (uint8_t)bits,
                           .piece = b->pieces.count };
    const struct dx *field;
    const struct vec *pieces = &d->pieces[i];

    check_drawn(b, d, o, i, bits);
    for (uint32_t p = 0; p < pieces->count; p++)
        *VEC(b, pieces, struct isa_piece) = ((struct isa_piece *)pieces->items)[p];
    f.pieces = (uint8_t)pieces->count;
    f.is_signed = k && (k->base == K_SIGNED || k->base == K_PCREL ||
                        (k->base == K_FN && k->is_signed));
    f.scale = (uint8_t)(k && k->scale ? log2_of(k->scale) : 0);
    *VEC(b, fields, struct isa_field) = f;
    field = dx_new(b, S_FIELD, 64, i, NULL, NULL, NULL);
    o->number = val_decode(field, 0);
    if (k && k->bias)
        o->number = op2(b, S_ADD, 0, o->number, val_number(k->bias), o->pos);
    const struct dx *raw = field;
    if (f.scale)
        raw = dx_new(b, S_SHRU, 64, 0, field, val_dx(b, val_number(f.scale), 64), NULL);
    o->raw = val_decode(bits < 64 ? dx_new(b, S_EXTRACT, bits, 0, raw, NULL, NULL) : raw,
                        bits);
}
