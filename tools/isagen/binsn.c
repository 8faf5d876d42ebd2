/* binsn.c - instructions to tables: fields, operands, constraints, variants. */
#include <string.h>

#include "build.h"

static unsigned log2_of(unsigned n)
{
    unsigned k = 0;

    while (1u << k < n)
        k++;
    return k;
}

/* ---------------------------------------------------------------- operand kinds */

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

static unsigned kind_bits(const struct oper *o)
{
    return !o->kind ? 0 : o->kind->base == K_CHOICE ? o->kinds[0]->bits : o->kind->bits;
}

/* ------------------------------------------------------------------- encodings */

struct drawn { /* what enc has drawn so far */
    unsigned total, at;
    uint64_t mask, value;
    uint64_t seen[64]; /* bits drawn of each operand's field */
    struct vec pieces[ISA_MAX_FIELDS];
    char picture[512];
};

static unsigned enc_width(struct build *b, const struct enc *e, const struct oper *opers,
                          unsigned nopers, const struct operand *ops)
{
    unsigned n = 0, i = 0;

    if (e->bits)
        return (unsigned)strlen(e->bits);
    for (; i < nopers && strcmp(opers[i].name, e->name); i++)
        ops = ops->next;
    if (i == nopers)
        fail(b->g, e->pos, "E-NAME", "field %s is not declared: ops, field, or %s:KIND",
             e->name, e->name);
    if (!e->slices) {
        const struct kind *k = opers[i].kind;
        unsigned align = k && k->align ? log2_of(k->align) : 0;

        return (k ? kind_bits(&opers[i]) : ops->bits) - align;
    }
    for (const struct list *s = e->slices; s; s = s->next)
        n += (unsigned)(s->number - s->number2 + 1);
    return n;
}

static void draw_field(struct build *b, struct drawn *d, const struct enc *e,
                       unsigned oper, uint64_t hi, uint64_t lo, unsigned bits)
{
    if (hi >= bits)
        fail(b->g, e->pos, "E-FIELD-OVERLAP", "%s has %u bits: no bit %llu", e->name,
             bits, (unsigned long long)hi);
    for (uint64_t i = lo; i <= hi; i++) {
        if (d->seen[oper] >> i & 1)
            fail(b->g, e->pos, "E-BIT-TWICE", "bit %llu of %s is drawn twice",
                 (unsigned long long)i, e->name);
        d->seen[oper] |= 1ull << i;
    }
    unsigned len = (unsigned)(hi - lo + 1);
    d->at -= len;
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
static void draw(struct build *b, struct drawn *d, const struct insn *insn,
                 const struct oper *opers, unsigned nopers)
{
    for (const struct enc *e = insn->enc; e; e = e->next)
        d->total += enc_width(b, e, opers, nopers, insn->operands);
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

/* ------------------------------------------------------------ fields and operands */

static void check_drawn(struct build *b, const struct drawn *d, const struct oper *o,
                        unsigned i, unsigned bits)
{
    unsigned align = o->kind && o->kind->align ? log2_of(o->kind->align) : 0;
    uint64_t want =
        (bits >= 64 ? UINT64_MAX : (1ull << bits) - 1) & ~((1ull << align) - 1);

    if (!d->seen[i])
        fail(b->g, o->pos, "E-OPERAND-NOT-ENCODED", "operand %s is not in enc", o->name);
    if (d->seen[i] & ~want)
        fail(b->g, o->pos, "E-FIELD-OVERLAP",
             "enc draws bits of %s that align makes zero", o->name);
    if (d->seen[i] != want)
        fail(b->g, o->pos, "E-OPERAND-NOT-ENCODED",
             "enc leaves out bits of %s (missing: 0x%llx)", o->name,
             (unsigned long long)(want & ~d->seen[i]));
}

static void add_field(struct build *b, const struct drawn *d, struct oper *o, unsigned i,
                      unsigned bits)
{
    const struct kind *k = o->kind;
    struct isa_field f = { .name = o->name,
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
        if (k->bits < 64 && l->number >> k->bits)
            fail(b->g, l->pos, "E-WIDTH", "%s = %llu does not fit %u bits", l->name,
                 (unsigned long long)l->number, k->bits);
        for (unsigned i = 0; i < n; i++)
            if (names[i].value == l->number)
                fail(b->g, l->pos, "E-ENUM-DUP", "%s and %s are both %llu", names[i].name,
                     l->name, (unsigned long long)l->number);
        names[n++] = (struct isa_enum_name){ l->name, l->number };
    }
    for (uint32_t i = 0; k->name && i < b->sysregs.count; i++) {
        const struct isa_sysreg *r = AT(b, sysregs, struct isa_sysreg, i);

        names[n++] = (struct isa_enum_name){ r->name, r->number };
    }
    op->enums = names;
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
    struct isa_operand op = { .name = o->name,
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
        op.sep = k->sep;
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

/* ------------------------------------------------------------------ constraints */

static struct val enum_is_named(struct build *b, const struct oper *o)
{
    struct val any = val_bits(0, 1);

    for (const struct list *l = o->kind->enums; l; l = l->next)
        any = op2(b, S_OR, 1, any,
                  val_decode(dx_new(b, S_EQ, 1, 0, val_dx(b, o->number, 64),
                                    val_dx(b, val_number((int64_t)l->number), 64), NULL),
                             1),
                  o->pos);
    return any;
}

static struct val constraints(struct build *b, const struct insn *insn)
{
    struct val all = val_bits(1, 1);

    for (const struct list *l = insn->where; l; l = l->next)
        all = op2(b, S_AND, 1, all, lower_cond(b, l->expr), l->pos);
    for (unsigned i = 0; i < b->l->nopers; i++)
        if (b->l->opers[i].kind && b->l->opers[i].kind->strict &&
            b->l->opers[i].kind->base == K_ENUM)
            all = op2(b, S_AND, 1, all, enum_is_named(b, &b->l->opers[i]), insn->pos);
    return all;
}

static uint8_t else_kind(struct build *b, const struct insn *insn)
{
    static const char *const kinds[] = { "undefined", "reserved", "unpredictable",
                                         "nop" };

    for (unsigned i = 0; insn->where_else && i < 4; i++)
        if (!strcmp(kinds[i], insn->where_else))
            return (uint8_t)i;
    if (insn->where_else)
        fail(b->g, insn->pos, "E-NAME", "else undefined, reserved, unpredictable or nop");
    return ILLEGAL_RESERVED;
}

/* ---------------------------------------------------------------------- variants */

struct path { /* the tree of decisions, while it grows */
    const struct dx *on;
    unsigned values;
    struct path **children;
    uint32_t variant;
};

/* Packs the slots into the op: each to the first free aligned place from byte 8 on. */
static unsigned pack_slots(struct build *b)
{
    uint64_t taken[16] = { 0xff }; /* a bit for each byte */
    unsigned end = 16;

    for (unsigned i = 0; i < b->l->nslots; i++) {
        struct isa_slot *s = &b->l->slots[i];
        unsigned at = 0, size = s->size, step = size > 8 ? 8 : size;

        for (;; at += step) {
            bool free = true;

            if (at + size > 250)
                fail(b->g, b->l->insn->pos, "E-BUDGET", "op needs more than 250 bytes");
            for (unsigned k = 0; k < size; k++)
                free &= !(taken[(at + k) / 64] >> (at + k) % 64 & 1);
            if (free)
                break;
        }
        for (unsigned k = 0; k < size; k++)
            taken[(at + k) / 64] |= 1ull << (at + k) % 64;
        s->at = (uint8_t)at;
        if (at + size > end)
            end = at + size;
    }
    return (end + 15) / 16;
}

/* expr as field + bias [+ pc], where it is no more than that. */
static void quick_slot(struct build *b, struct isa_slot *s, const struct dx *d)
{
    int64_t bias = 0;
    bool pc = false;

    if (d->op == S_EXTRACT && d->k == 0 && (d->w == 32 || d->w == 64) &&
        s->size * 8u <= d->w)
        d = d->a;
    if (d->op == S_ADD && d->b->op == S_CONST && d->w == 64) {
        bias = (int64_t)d->b->k;
        d = d->a;
    }
    if (d->op == S_ADD && d->w == 64 && d->a->op == S_PC) {
        pc = true;
        d = d->b;
        if (d->op == S_ADD && d->b->op == S_CONST && !bias) {
            bias = (int64_t)d->b->k;
            d = d->a;
        }
    }
    (void)b;
    if (d->op != S_FIELD || bias < INT32_MIN || bias > INT32_MAX || d->k > 254)
        return;
    s->quick = (uint8_t)(d->k + 1);
    s->plus_pc = pc;
    s->bias = (int32_t)bias;
}

static uint16_t effect_set(struct build *b, const uint64_t *set)
{
    unsigned words = effect_words(b);
    uint32_t n = words ? b->effects.count / words : 0;

    for (uint32_t i = 0; i < n; i++)
        if (!memcmp(AT(b, effects, uint64_t, i * words), set, words * sizeof *set))
            return (uint16_t)i;
    for (unsigned i = 0; i < words; i++)
        *VEC(b, effects, uint64_t) = set[i];
    return (uint16_t)n;
}

static uint32_t add_variant(struct build *b, uint16_t insn)
{
    struct lower *l = b->l;
    struct isa_variant v = { .insn = insn,
                             .slot = b->slots.count,
                             .slots = (uint8_t)l->nslots,
                             .without_flags = ISA_NONE };

    v.op_units = (uint8_t)pack_slots(b);
    v.body = body_finish(b);
    for (unsigned i = 0; i < effect_words(b); i++)
        if (l->writes[i] & b->mode_inputs[i])
            l->flags |= VAR_MODE | VAR_ENDS_BLOCK;
    if (l->returned)
        l->flags |= VAR_ENDS_BLOCK;
    v.flags = l->flags;
    v.reads = effect_set(b, l->reads);
    v.writes = effect_set(b, l->writes);
    for (unsigned i = 0; i < l->nslots; i++) {
        struct isa_slot s = l->slots[i];

        quick_slot(b, &s, l->slot_dx[i]);
        s.expr = dx_body(b, l->slot_dx[i]);
        *VEC(b, slots, struct isa_slot) = s;
    }
    *VEC(b, variants, struct isa_variant) = v;
    return b->variants.count - 1;
}

static struct path *path_new(struct build *b)
{
    struct path *p = arena_alloc(&b->g->arena, sizeof *p);

    p->variant = UINT32_MAX;
    return p;
}

/* The leaf of the current decisions, made on the way. */
static struct path *path_walk(struct build *b, struct path *root)
{
    for (unsigned i = 0; i < b->l->used; i++) {
        const struct decision *d = &b->l->decisions[i];

        if (!root->on) {
            root->on = d->on;
            root->values = d->values;
            root->children = arena_array(&b->g->arena, d->values, sizeof *root->children);
            for (unsigned k = 0; k < d->values; k++)
                root->children[k] = path_new(b);
        }
        root = root->children[d->value];
    }
    return root;
}

/* On to the next path: the last decision that has another value takes it. */
static bool next_path(struct lower *l)
{
    while (l->ndecisions) {
        struct decision *d = &l->decisions[l->ndecisions - 1];

        if (++d->value < d->values)
            return true;
        l->ndecisions--;
    }
    return false;
}

/* `none`: for the paths that the constraint rules out. */
static void flatten(struct build *b, const struct path *p, uint32_t at, uint32_t none)
{
    uint32_t first;

    if (!p->on) {
        AT(b, choices, struct isa_choice, at)->leaf =
            p->variant == UINT32_MAX ? none : p->variant;
        return;
    }
    first = b->choices.count;
    for (unsigned i = 0; i < p->values; i++)
        VEC(b, choices, struct isa_choice);
    struct sem_body expr = dx_body(b, p->on);
    *AT(b, choices, struct isa_choice, at) =
        (struct isa_choice){ expr, first, (uint16_t)p->values };
    for (unsigned i = 0; i < p->values; i++)
        flatten(b, p->children[i], first + i, none);
}

/* Lowers the body along the decisions; false where they contradict the constraint. */
static bool lower_path(struct build *b, const struct insn_context *c)
{
    jmp_buf dead, *recover = b->g->recover;
    FILE *messages = b->g->messages;
    unsigned errors = b->g->errors;
    struct lower *l = b->l;

    l->where = c->where;
    l->dead = &dead;
    if (setjmp(dead)) { /* maybe out of an attempt of lower_for() */
        b->g->recover = recover;
        b->g->messages = messages;
        b->g->errors = errors;
        b->l = l;
        return false;
    }
    stream_begin(b);
    lower_meaning(b, c->insn->around, c->body);
    stream_end(b);
    return true;
}

uint32_t lower_variants(struct build *b, struct insn_context *c, uint16_t insn)
{
    struct path *root = path_new(b);
    struct decision decisions[MAX_DECISIONS];
    unsigned ndecisions = 0, n = 0;
    uint32_t last = 0;

    do {
        begin_body(b, false);
        struct lower *l = b->l;

        l->insn = c->insn;
        l->opers = c->opers;
        l->nopers = c->nopers;
        memcpy(l->decisions, decisions, ndecisions * sizeof *decisions);
        l->ndecisions = ndecisions;
        l->reads = arena_array(&b->g->arena, effect_words(b) + 1, sizeof(uint64_t));
        l->writes = arena_array(&b->g->arena, effect_words(b) + 1, sizeof(uint64_t));
        if (++n > MAX_VARIANTS)
            fail(b->g, c->insn->pos, "E-BUDGET", "more than %d variants", MAX_VARIANTS);
        bool lives = lower_path(b, c);
        l->ndecisions = l->used;
        struct path *leaf = path_walk(b, root);
        if (lives)
            leaf->variant = last = add_variant(b, insn);
        ndecisions = l->ndecisions;
        memcpy(decisions, l->decisions, ndecisions * sizeof *decisions);
        l->ndecisions = ndecisions;
        if (!next_path(l))
            break;
        ndecisions = l->ndecisions;
        memcpy(decisions, l->decisions, ndecisions * sizeof *decisions);
    } while (1);
    uint32_t at = b->choices.count;
    VEC(b, choices, struct isa_choice);
    flatten(b, root, at, last);
    return at;
}

/* ------------------------------------------------------------------ instructions */

static struct oper *make_opers(struct build *b, const struct insn *insn, unsigned *count)
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

static unsigned field_count(const struct oper *opers, unsigned n)
{
    while (n && opers[n - 1].derived)
        n--;
    return n;
}

/* Numbers of operands that have no field: VIEW[expr], or just a number. */
static void derive(struct build *b, struct oper *opers, unsigned n)
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

static const struct insn *find_insn(struct build *b, const char *name)
{
    const struct item *item = find_item(b, I_INSN, name);

    return item ? item->insn : NULL;
}

/* expands other(x = expr, ...): the other's operands, with numbers from ours. */
static struct insn_context expansion(struct build *b, const struct insn *insn)
{
    const struct insn *other = find_insn(b, insn->expands->name);
    const struct list *args = (const struct list *)(const void *)insn->expands->args;
    struct insn_context c = { .insn = insn };
    struct pos pos = insn->expands->pos;

    if (!other || !other->has_body)
        fail(b->g, pos, "E-NAME", "no instruction %s with a `do`", insn->expands->name);
    c.opers = make_opers(b, other, &c.nopers);
    c.body = other->body;
    for (unsigned i = 0; i < field_count(c.opers, c.nopers); i++) {
        const struct list *a = args;
        struct oper *o = &c.opers[i];

        while (a && strcmp(a->name, o->name))
            a = a->next;
        if (!a)
            fail(b->g, pos, "E-TYPE", "expands %s: no value for %s", insn->expands->name,
                 o->name);
        o->number = lower_expr(b, a->expr, 0);
        if (o->number.w)
            o->number = val_decode(val_dx(b, o->number, 64), 0);
        unsigned bits = o->kind ? kind_bits(o) : 64;
        o->raw = extract(b, val_decode(val_dx(b, o->number, 64), 64), 0, bits ? bits : 64,
                         pos);
    }
    for (const struct list *a = args; a; a = a->next) {
        unsigned i = 0;

        while (i < c.nopers && strcmp(c.opers[i].name, a->name))
            i++;
        if (i == c.nopers)
            fail(b->g, a->pos, "E-NAME", "%s has no operand %s", insn->expands->name,
                 a->name);
    }
    struct oper *own = b->l->opers;
    unsigned nown = b->l->nopers;
    b->l->opers = c.opers;
    b->l->nopers = c.nopers;
    derive(b, c.opers, c.nopers);
    b->l->opers = own;
    b->l->nopers = nown;
    return c;
}

static const char *first_word(struct build *b, const char *text)
{
    size_t n = strcspn(text, " {");

    return arena_strndup(&b->g->arena, text, n);
}

/* Pieces of text with conditions, and mnemonics by field, are operands of their own. */
static void add_text_operands(struct build *b, const struct insn *insn)
{
    if (insn->mnems) {
        struct isa_operand op = { .name = "mnem",
                                  .kind = OPERAND_ENUM,
                                  .view = ISA_NONE };
        unsigned n = 0, f = 0;

        for (const struct list *l = insn->mnems; l; l = l->next)
            n++;
        struct isa_enum_name *names = arena_array(&b->g->arena, n, sizeof *names);
        n = 0;
        for (const struct list *l = insn->mnems; l; l = l->next, n++)
            names[n] = (struct isa_enum_name){ l->name, n };
        while (f < b->l->nopers && strcmp(b->l->opers[f].name, insn->mnem_field))
            f++;
        if (f == b->l->nopers)
            fail(b->g, insn->pos, "E-NAME", "mnem by %s: no such field",
                 insn->mnem_field);
        b->l->opers[f].used = true;
        op.field = (uint8_t)f;
        op.enums = names;
        op.nenums = (uint16_t)n;
        *VEC(b, operands, struct isa_operand) = op;
    }
    for (const struct alts *a = insn->alts; a; a = a->next)
        *VEC(b, operands, struct isa_operand) = (struct isa_operand){
            .name = a->name, .kind = OPERAND_ALTS, .view = ISA_NONE
        };
}

static void fill_alts(struct build *b, const struct insn *insn, uint16_t number,
                      uint32_t first_operand)
{
    for (const struct alts *a = insn->alts; a; a = a->next) {
        struct isa_alt *alts;
        unsigned n = 0;

        for (const struct list *l = a->list; l; l = l->next)
            n++;
        alts = arena_array(&b->g->arena, n ? n : 1, sizeof *alts);
        n = 0;
        for (const struct list *l = a->list; l; l = l->next, n++) {
            if (l->expr) {
                struct val v = lower_cond(b, l->expr);

                alts[n].when = dx_body(b, val_dx(b, v, 1));
            }
            alts[n].text = build_text(b, l->name, l->pos, number);
        }
        for (uint32_t i = first_operand; i < b->operands.count; i++) {
            struct isa_operand *op = AT(b, operands, struct isa_operand, i);

            if (op->kind == OPERAND_ALTS && !strcmp(op->name, a->name)) {
                op->alts = alts;
                op->nalts = (uint16_t)n;
            }
        }
    }
}

/* Does the insn's text mention the operand? (also inside of alts) */
static bool in_text(const struct insn *insn, const char *name)
{
    char hole[80];

    snprintf(hole, sizeof hole, "{%s}", name);
    if (insn->text && strstr(insn->text, hole))
        return true;
    for (const struct alts *a = insn->alts; a; a = a->next)
        for (const struct list *l = a->list; l; l = l->next)
            if (strstr(l->name, hole))
                return true;
    return false;
}

/* The instruction with those of the shared pieces of text that its text uses. */
static const struct insn *with_shared_alts(struct build *b, const struct insn *insn)
{
    struct insn *copy = arena_alloc(&b->g->arena, sizeof *copy);
    bool more = b->g->alts != NULL;

    *copy = *insn;
    while (more) {
        more = false;
        for (const struct alts *a = b->g->alts; a; a = a->next) {
            const struct alts *has = copy->alts;
            struct alts *added;

            while (has && strcmp(has->name, a->name))
                has = has->next;
            if (has || !in_text(copy, a->name))
                continue;
            added = arena_alloc(&b->g->arena, sizeof *added);
            *added = *a;
            added->next = copy->alts;
            copy->alts = added;
            more = true;
        }
    }
    return copy;
}

static void check_unused(struct build *b, const struct insn *insn,
                         const struct oper *opers, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!opers[i].used && !in_text(insn, opers[i].name))
            error_at(b->g, opers[i].pos, "E-UNUSED-OPERAND",
                     "%s is decoded but used neither in text nor in do", opers[i].name);
}

static void mark_used(struct oper *opers, unsigned n, const struct expr *e)
{
    if (!e)
        return;
    if (e->kind == E_NAME)
        for (unsigned i = 0; i < n; i++)
            if (!strcmp(opers[i].name, e->name))
                opers[i].used = true;
    mark_used(opers, n, e->a);
    mark_used(opers, n, e->b);
    mark_used(opers, n, e->c);
    for (unsigned i = 0; i < e->nargs && e->kind != E_STRING; i++)
        mark_used(opers, n, e->args[i]);
}

static void build_insn(struct build *b, struct item *item)
{
    const struct insn *insn = with_shared_alts(b, item->insn);
    struct isa_insn row = { .name = insn->name, .doc = insn->doc, .choice = UINT32_MAX };
    struct drawn *d = arena_alloc(&b->g->arena, sizeof *d);
    unsigned nopers, nfields;
    struct oper *opers;

    if (insn->rows || !insn->enc) {
        build_stream_insn(b, item);
        return;
    }
    begin_body(b, true);
    if (find_item(b, I_INSN, insn->name) != item)
        fail(b->g, insn->pos, "E-NAME", "instruction %s is declared twice", insn->name);
    opers = make_opers(b, insn, &nopers);
    nfields = field_count(opers, nopers);
    draw(b, d, insn, opers, nfields);
    row.field = b->field_base = b->fields.count;
    row.fields = (uint8_t)nfields;
    b->l->insn = insn;
    b->l->opers = opers;
    const struct operand *ops = insn->operands;
    for (unsigned i = 0; i < nfields; i++, ops = ops->next) {
        add_field(b, d, &opers[i], i, opers[i].kind ? kind_bits(&opers[i]) : ops->bits);
        b->l->nopers = i + 1;
    }
    derive(b, opers, nopers);
    b->l->nopers = nopers;
    row.where = source_place(b->g, insn->pos);
    row.picture = arena_printf(&b->g->arena, "%s", d->picture);
    row.mask = d->mask;
    row.value = d->value;
    row.length = (uint8_t)(d->total / 8);
    row.features = feature_set(b, insn->needs);
    struct val where = constraints(b, insn);
    if (where.time == SPEC && !where.lo)
        return; /* never, in this target */
    row.else_kind = else_kind(b, insn);
    if (insn->when) {
        struct val when = lower_cond(b, insn->when);

        if (when.time == DECODE)
            row.guard = dx_body(b, when.d);
    }
    if (where.time == DECODE)
        row.where_ok = dx_body(b, where.d);
    row.operand = b->operands.count;
    for (unsigned i = 0; i < nopers; i++)
        add_operand(b, &opers[i], i < nfields ? i : 0);
    add_text_operands(b, insn);
    row.operands = (uint8_t)(b->operands.count - row.operand);
    uint16_t number = (uint16_t)b->insns.count;
    *VEC(b, insns, struct isa_insn) = row;
    *VEC(b, insn_items, const struct insn *) = insn;
    if (!insn->text)
        fail(b->g, insn->pos, "E-SYNTAX", "insn %s has no text", insn->name);
    const struct isa_text *text = build_text(b, insn->text, insn->text_pos, number);
    AT(b, insns, struct isa_insn, number)->text = text;
    AT(b, insns, struct isa_insn, number)->mnemonic = first_word(b, insn->text);
    fill_alts(b, insn, number, row.operand);
    struct insn_context c = { insn, opers, nopers, insn->body, NULL };
    if (insn->expands) {
        for (const struct list *a =
                 (const struct list *)(const void *)insn->expands->args;
             a; a = a->next)
            mark_used(opers, nopers, a->expr);
        c = expansion(b, insn);
    } else if (!insn->has_body) {
        fail(b->g, insn->pos, "E-SYNTAX", "insn %s has no do", insn->name);
    }
    for (const struct list *l = insn->where; l; l = l->next)
        mark_used(opers, nopers, l->expr);
    for (unsigned i = nfields; i < nopers; i++)
        mark_used(opers, nopers, opers[i].derived);
    c.where = where.time == DECODE && !insn->expands ? where.d : NULL;
    uint32_t choice = lower_variants(b, &c, number);
    AT(b, insns, struct isa_insn, number)->choice = choice;
    check_unused(b, insn, opers, nopers);
}

/* Is the item there in this target? `when` may say no at spec time. */
bool target_has(struct build *b, const struct expr *when)
{
    struct lower *was = b->l;
    jmp_buf here, *outer = b->g->recover;
    FILE *messages = b->g->messages;
    unsigned errors = b->g->errors;
    volatile bool has = true;

    if (!when)
        return true;
    begin_body(b, true);
    b->g->recover = &here;
    b->g->messages = NULL;
    if (!setjmp(here)) {
        struct val v = lower_cond(b, when);

        has = !(v.time == SPEC && !v.lo);
    }
    b->g->recover = outer;
    b->g->messages = messages;
    b->g->errors = errors;
    b->l = was;
    return has;
}

void build_insns(struct build *b)
{
    jmp_buf here, *outer = b->g->recover;

    for (volatile uint32_t i = 0; i < b->kinds[I_INSN].count; i++) {
        struct item *item = ((struct item **)b->kinds[I_INSN].items)[i];

        b->g->recover = &here;
        if (!setjmp(here))
            build_insn(b, item);
    }
    b->g->recover = outer;
}

/* ----------------------------------------------------------------------- aliases */

bool is_declared_insn(struct build *b, const char *name)
{
    for (const struct item *i = b->g->first; i; i = i->next)
        if (i->kind == I_INSN && !strcmp(i->name, name))
            return true;
    return false;
}

static int insn_number(struct build *b, const char *name)
{
    for (uint32_t i = 0; i < b->insns.count; i++)
        if (!strcmp(AT(b, insns, struct isa_insn, i)->name, name))
            return (int)i;
    return -1;
}

/* Is the hole in a piece of text that `text` uses? */
static bool in_alts_of(const struct insn *insn, const char *text, const char *hole)
{
    char name[80];

    for (const struct alts *a = insn->alts; a; a = a->next) {
        snprintf(name, sizeof name, "{%s}", a->name);
        for (const struct list *l = a->list; l && strstr(text, name); l = l->next)
            if (l->name && strstr(l->name, hole))
                return true;
    }
    return false;
}

static void build_alias(struct build *b, struct item *item)
{
    int number = insn_number(b, item->name);
    struct isa_alias alias = { .insn = (uint16_t)number, .prefer = item->flag };
    struct val fits = val_bits(1, 1);
    struct isa_fix *fixes;
    unsigned n = 0, nopers;

    if (number < 0) {
        if (is_declared_insn(b, item->name))
            return; /* of another target */
        fail(b->g, item->pos, "E-NAME", "no instruction %s", item->name);
    }
    const struct insn *insn = *AT(b, insn_items, const struct insn *, number);
    const struct isa_insn *row = AT(b, insns, struct isa_insn, number);
    begin_body(b, true);
    b->l->insn = insn;
    struct oper *opers = make_opers(b, insn, &nopers);
    b->field_base = row->field;
    b->l->opers = opers;
    b->l->nopers = nopers;
    for (unsigned i = 0; i < nopers; i++) {
        const struct dx *f = dx_new(b, S_FIELD, 64, i, NULL, NULL, NULL);

        opers[i].number = val_decode(f, 0);
        if (opers[i].kind && opers[i].kind->bias)
            opers[i].number = op2(b, S_ADD, 0, opers[i].number,
                                  val_number(opers[i].kind->bias), item->pos);
        opers[i].raw = val_decode(f, 64);
    }
    for (const struct list *l = item->list; l; l = l->next)
        n++;
    fixes = arena_array(&b->g->arena, n ? n : 1, sizeof *fixes);
    n = 0;
    for (const struct list *l = item->list; l; l = l->next, n++) {
        unsigned i = 0;

        while (i < nopers && strcmp(opers[i].name, l->name))
            i++;
        if (i == nopers)
            fail(b->g, l->pos, "E-NAME", "%s has no operand %s", item->name, l->name);
        struct val v = lower_expr(b, l->expr, 0);
        const struct dx *want = val_dx(b, v, 64);
        fits =
            op2(b, S_AND, 1, fits,
                val_decode(
                    dx_new(b, S_EQ, 1, 0, val_dx(b, opers[i].number, 64), want, NULL), 1),
                l->pos);
        if (opers[i].kind && opers[i].kind->bias)
            want = dx_new(b, S_SUB, 64, 0, want,
                          val_dx(b, val_number(opers[i].kind->bias), 64), NULL);
        fixes[n] = (struct isa_fix){ (uint8_t)i, dx_body(b, want) };
    }
    if (item->expr)
        fits = op2(b, S_AND, 1, fits, lower_cond(b, item->expr), item->pos);
    if (fits.time == SPEC && !fits.lo)
        return;
    if (fits.time == DECODE)
        alias.when = dx_body(b, fits.d);
    for (unsigned i = 0; i < field_count(opers, nopers); i++) {
        const char *hole = arena_printf(&b->g->arena, "{%s}", opers[i].name);
        const struct list *l = item->list;

        while (l && strcmp(l->name, opers[i].name))
            l = l->next;
        if (l || !opers[i].kind || opers[i].kind->has_omit || strstr(item->word, hole) ||
            in_alts_of(insn, item->word, hole))
            continue;
        fail(b->g, item->pos, "E-ALIAS", "%s of %s is neither in the text nor fixed",
             opers[i].name, item->name);
    }
    alias.text = build_text(b, item->word, item->pos, (uint16_t)number);
    alias.mnemonic = first_word(b, item->word);
    alias.fixes = fixes;
    alias.nfixes = (uint16_t)n;
    alias.features = feature_set(b, item->needs);
    *VEC(b, aliases, struct isa_alias) = alias;
    *VEC(b, alias_items, const struct item *) = item;
}

void build_aliases(struct build *b)
{
    jmp_buf here, *outer = b->g->recover;

    for (volatile uint32_t i = 0; i < b->kinds[I_ALIAS].count; i++) {
        b->g->recover = &here;
        struct item *item = ((struct item **)b->kinds[I_ALIAS].items)[i];

        if (!setjmp(here))
            build_alias(b, item);
    }
    b->g->recover = outer;
}
