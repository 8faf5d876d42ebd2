/* build_operand.c - operands to tables: their kinds, and the rows of struct isa_operand.
 */
#include <string.h>

#include "build.h"

unsigned log2_of(unsigned n)
{
    unsigned k = 0;

    while (1u << k < n)
        k++;
    return k;
}

/* Follows names to what they stand for; register kinds get the width of their field. */
const struct kind *resolve_kind(struct build *b, const struct kind *k, unsigned depth)
{
    const struct item *named;
    struct kind *r;
    struct view *v;

    if (depth > 20)
        fail(b->g, k->pos, "E-NAME", "operand kind %s is defined by itself", k->name);
    if (k->base != K_NAMED && k->base != K_REG)
        return k;
    if (k->base == K_NAMED && (named = find_item(b, I_OPERAND, k->name)))
        return resolve_kind(b, named->operand, depth + 1);
    v = find_view(b, k->name);
    if (!v)
        fail(b->g, k->pos, "E-NAME", "%s is no operand kind, file or view", k->name);
    r = arena_alloc(&b->g->arena, sizeof *r);
    *r = *k;
    r->base = K_REG;
    if (!r->bits)
        r->bits = log2_of(AT(b, views, struct isa_view, v->number)->count);
    if (!r->bits)
        fail(b->g, k->pos, "E-WIDTH", "%s is a single register: it needs no field",
             k->name);
    return r;
}

unsigned kind_bits(const struct oper *o)
{
    return !o->kind ? 0 : o->kind->base == K_CHOICE ? o->kinds[0]->bits : o->kind->bits;
}

struct oper *make_opers(struct build *b, const struct insn *insn, unsigned *count)
{
    struct oper *opers;
    unsigned n = 0;

    for (const struct operand *o = insn->operands; o; o = o->next)
        n++;
    if (n > ISA_MAX_FIELDS)
        fail(b->g, insn->pos, "E-BUDGET", "more than %d fields", ISA_MAX_FIELDS);
    opers = arena_array(&b->g->arena, n ? n : 1, sizeof *opers);
    n = 0;
    for (const struct operand *o = insn->operands; o; o = o->next, n++) {
        opers[n].name = o->name;
        opers[n].pos = o->pos;
        opers[n].derived = o->derived;
        if (!o->kind)
            continue;
        opers[n].kind = resolve_kind(b, o->kind, 0);
        if (opers[n].kind->base == K_CHOICE) {
            opers[n].kinds[0] = resolve_kind(b, opers[n].kind->a, 0);
            opers[n].kinds[1] = resolve_kind(b, opers[n].kind->b, 0);
            if (opers[n].kinds[0]->base != K_REG || opers[n].kinds[1]->base != K_REG ||
                opers[n].kinds[0]->bits != opers[n].kinds[1]->bits)
                fail(b->g, o->pos, "E-TYPE",
                     "a choice is between two kinds of registers");
        }
    }
    *count = n;
    return opers;
}

unsigned field_count(const struct oper *opers, unsigned n)
{
    while (n && opers[n - 1].derived)
        n--;
    return n;
}

/* Numbers of operands that have no field: VIEW[expr], or just a number. */
void derive(struct build *b, struct oper *opers, unsigned n)
{
    bool decode_only = b->l->decode_only;

    b->l->decode_only = true;
    for (unsigned i = field_count(opers, n); i < n; i++) {
        const struct expr *e = opers[i].derived;
        struct view *v =
            e->kind == E_INDEX && e->a->kind == E_NAME ? find_view(b, e->a->name) : NULL;

        if (v) {
            struct kind *k = arena_alloc(&b->g->arena, sizeof *k);

            *k = (struct kind){ .base = K_REG, .pos = e->pos, .name = e->a->name };
            opers[i].kind = k;
            e = e->b;
        }
        opers[i].number = lower_expr(b, e, 0);
        if (opers[i].number.time == RUN)
            fail(b->g, e->pos, "E-BIND", "%s is computed at decode time", opers[i].name);
        opers[i].number = val_decode(val_dx(b, opers[i].number, 64), 0);
        opers[i].raw = opers[i].number;
    }
    b->l->decode_only = decode_only;
}

/* Two adjacent rows of the view table for a choice: [0] if the condition is 0. */
static uint16_t choice_views(struct build *b, const struct oper *o)
{
    uint16_t first = (uint16_t)b->views.count;

    for (int i = 1; i >= 0; i--) {
        struct view *v = find_view(b, o->kinds[i]->name);
        struct isa_view row = *AT(b, views, struct isa_view, v->number);
        struct view info = *v;

        info.name = " ";
        *VEC(b, views, struct isa_view) = row;
        *VEC(b, view_info, struct view) = info;
    }
    return first;
}

static void enum_names(struct build *b, const struct kind *k, struct isa_operand *op)
{
    struct isa_enum_name *names;
    unsigned n = 0;

    for (const struct list *l = k->enums; l; l = l->next)
        n++;
    if (k->name)
        n += b->sysregs.count;
    names = arena_array(&b->g->arena, n ? n : 1, sizeof *names);
    n = 0;
    for (const struct list *l = k->enums; l; l = l->next) {
        if (l->number >> (k->bits < 32 ? k->bits : 32))
            fail(b->g, l->pos, "E-WIDTH", "%s = %llu does not fit %u bits", l->name,
                 (unsigned long long)l->number, k->bits < 32 ? k->bits : 32);
        for (unsigned i = 0; i < n; i++)
            if (names[i].value == l->number)
                fail(b->g, l->pos, "E-ENUM-DUP", "%s and %s are both %llu",
                     text_at(b, names[i].name), l->name, (unsigned long long)l->number);
        names[n++] = (struct isa_enum_name){ text_add(b, l->name), (uint32_t)l->number };
    }
    for (uint32_t i = 0; k->name && i < b->sysregs.count; i++) {
        const struct isa_sysreg *r = AT(b, sysregs, struct isa_sysreg, i);

        names[n++] = (struct isa_enum_name){ r->name, r->number };
    }
    op->enums = RUN(b, enums, names, n);
    op->nenums = (uint16_t)n;
    op->open = k->open || k->name;
    if (!op->open && !k->strict && !k->name && k->bits < 16 && n < 1u << k->bits) {
        unsigned gap = 0;

        for (unsigned i = 0; i < n; i++)
            if (names[i].value == gap)
                gap++, i = UINT32_MAX;
        warn_at(b->g, k->pos, "W-ENUM-GAP",
                "%u has no name and prints as a number: `else reserved`, or `open`", gap);
    }
}

/* From the value printed (which stands in the field) to the field's bits. */
static struct sem_body inverse_body(struct build *b, struct oper *o, unsigned w)
{
    const struct item *fn = find_item(b, I_FN, o->kind->inverse);
    struct expr *arg = expr_new(b->g, E_NAME, o->pos);
    struct symbol *scope = b->l->scope;
    struct val v = val_decode(o->number.d, 0);

    if (!fn)
        fail(b->g, o->pos, "E-NAME", "no fn %s", o->kind->inverse);
    if (w)
        v = val_decode(val_dx(b, v, w), w);
    arg->name = "v ";
    b->l->decode_only = false;
    bind_name(b, "v ", v);
    v = call_fn(b, fn, &arg, 1, o->pos, 0);
    b->l->scope = scope;
    b->l->decode_only = true;
    return dx_body(b, val_dx(b, v, v.w ? v.w : 64));
}

void add_operand(struct build *b, struct oper *o, unsigned field)
{
    struct isa_operand op = { .name = text_add(b, o->name),
                              .field = (uint8_t)field,
                              .view = ISA_NONE };
    const struct kind *k = o->kind;

    op.kind = OPERAND_IMM;
    if (k) {
        op.hex = k->hex;
        op.plus_minus = k->plus_minus;
        op.has_omit = k->has_omit;
        op.omit = k->omit;
        op.bias = (int16_t)k->bias;
    }
    switch (k ? k->base : K_UNSIGNED) {
    case K_REG:
        op.kind = OPERAND_REG;
        op.view = find_view(b, k->name)->number;
        break;
    case K_CHOICE:
        op.kind = OPERAND_REG;
        op.view = choice_views(b, o);
        op.view_choice = dx_body(b, val_dx(b, lower_cond(b, k->when), 1));
        break;
    case K_PCREL:
        op.kind = OPERAND_PCREL;
        op.from_end = k->from_end;
        break;
    case K_ENUM:
        op.kind = OPERAND_ENUM;
        enum_names(b, k, &op);
        break;
    case K_FN: {
        op.kind = OPERAND_FN;
        b->l->decode_only = false;
        struct val v = oper_value(b, o, o->pos);
        b->l->decode_only = true;
        op.value = dx_body(b, val_dx(b, v, v.w ? v.w : 64));
        if (k->inverse)
            op.inverse = inverse_body(b, o, v.w);
        break;
    }
    case K_LIST: {
        struct view *v = find_view(b, k->name);

        if (!v)
            fail(b->g, k->pos, "E-NAME", "%s is no file or view", k->name);
        op.kind = OPERAND_LIST;
        op.view = v->number;
        op.runs = k->runs;
        op.reversed = k->reversed;
        op.sep = text_add(b, k->sep);
        break;
    }
    default: break;
    }
    if (o->derived) {
        op.kind = k ? OPERAND_REG : OPERAND_FN;
        op.value = dx_body(b, val_dx(b, o->number, 64));
    }
    *VEC(b, operands, struct isa_operand) = op;
}
