/* build_insn.c - instructions to tables: constraints, expansions, text, what is used. */
#include <string.h>

#include "build.h"

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

uint32_t first_word(struct build *b, const char *text)
{
    size_t n = strcspn(text, " {");

    return text_add(b, arena_strndup(&b->g->arena, text, n));
}

/* Pieces of text with conditions, and mnemonics by field, are operands of their own. */
static void add_text_operands(struct build *b, const struct insn *insn)
{
    if (insn->mnems) {
        struct isa_operand op = { .name = text_add(b, "mnem"),
                                  .kind = OPERAND_ENUM,
                                  .view = ISA_NONE };
        unsigned n = 0, f = 0;

        for (const struct list *l = insn->mnems; l; l = l->next)
            n++;
        struct isa_enum_name *names = arena_array(&b->g->arena, n, sizeof *names);
        n = 0;
        for (const struct list *l = insn->mnems; l; l = l->next, n++)
            names[n] = (struct isa_enum_name){ text_add(b, l->name), n };
        while (f < b->l->nopers && strcmp(b->l->opers[f].name, insn->mnem_field))
            f++;
        if (f == b->l->nopers)
            fail(b->g, insn->pos, "E-NAME", "mnem by %s: no such field",
                 insn->mnem_field);
        b->l->opers[f].used = true;
        op.field = (uint8_t)f;
        op.enums = RUN(b, enums, names, n);
        op.nenums = (uint16_t)n;
        *VEC(b, operands, struct isa_operand) = op;
    }
    for (const struct alts *a = insn->alts; a; a = a->next)
        *VEC(b, operands, struct isa_operand) = (struct isa_operand){
            .name = text_add(b, a->name), .kind = OPERAND_ALTS, .view = ISA_NONE
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
        uint32_t first = RUN(b, alt_rows, alts, n);
        for (uint32_t i = first_operand; i < b->operands.count; i++) {
            struct isa_operand *op = AT(b, operands, struct isa_operand, i);

            if (op->kind == OPERAND_ALTS && !strcmp(text_at(b, op->name), a->name)) {
                op->alts = first;
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

/* Its encoding and fields, and the operands that are made of them. */
static void build_fields(struct build *b, const struct insn *insn, struct isa_insn *row)
{
    struct drawn *d = arena_alloc(&b->g->arena, sizeof *d);
    unsigned nopers, nfields;
    struct oper *opers = make_opers(b, insn, &nopers);

    nfields = field_count(opers, nopers);
    draw_enc(b, d, insn, opers, nfields);
    row->field = b->field_base = b->fields.count;
    row->fields = (uint8_t)nfields;
    b->l->insn = insn;
    b->l->opers = opers;
    const struct operand *ops = insn->operands;
    for (unsigned i = 0; i < nfields; i++, ops = ops->next) {
        add_field(b, d, &opers[i], i, opers[i].kind ? kind_bits(&opers[i]) : ops->bits);
        b->l->nopers = i + 1;
    }
    derive(b, opers, nopers);
    b->l->nopers = nopers;
    row->where = where_is(b, insn->pos);
    row->mask = d->mask;
    row->value = d->value;
    row->length = (uint8_t)(d->total / 8);
}

static void build_texts(struct build *b, const struct insn *insn, uint16_t number,
                        uint32_t first_operand)
{
    if (!insn->text)
        fail(b->g, insn->pos, "E-SYNTAX", "insn %s has no text", insn->name);
    uint32_t text = build_text(b, insn->text, insn->text_pos, number);
    AT(b, insns, struct isa_insn, number)->text = text;
    uint32_t mnemonic = first_word(b, insn->text);
    AT(b, insns, struct isa_insn, number)->mnemonic = mnemonic;
    fill_alts(b, insn, number, first_operand);
}

/* After a mistake in the text the meaning is still looked at. */
static void try_texts(struct build *b, const struct insn *insn, uint16_t number,
                      uint32_t first_operand)
{
    jmp_buf here, *outer = b->g->recover;

    b->g->recover = &here;
    if (!setjmp(here))
        build_texts(b, insn, number, first_operand);
    b->g->recover = outer;
    if (b->g->errors && b->g->over_budget)
        fail_again(b->g);
}

/* Likewise after one in its conditions: then it is taken for always there. */
static struct val try_constraints(struct build *b, const struct insn *insn)
{
    jmp_buf here, *outer = b->g->recover;
    volatile bool failed = true;
    struct val where = val_bits(1, 1);

    b->g->recover = &here;
    if (!setjmp(here)) {
        where = constraints(b, insn);
        failed = false;
    }
    b->g->recover = outer;
    return failed ? val_bits(1, 1) : where;
}

/* The row with its operands and text; returns its number. */
static uint16_t add_insn(struct build *b, const struct insn *insn, struct isa_insn *row)
{
    uint16_t number = (uint16_t)b->insns.count;

    row->operand = b->operands.count;
    for (unsigned i = 0; i < b->l->nopers; i++)
        add_operand(b, &b->l->opers[i], i < row->fields ? i : 0);
    add_text_operands(b, insn);
    row->operands = (uint8_t)(b->operands.count - row->operand);
    *VEC(b, insns, struct isa_insn) = *row;
    *VEC(b, insn_items, const struct insn *) = insn;
    try_texts(b, insn, number, row->operand);
    return number;
}

/* Its meaning, or that of the instruction that it stands for. */
static void build_meaning(struct build *b, const struct insn *insn, uint16_t number,
                          unsigned nfields, struct val where)
{
    struct oper *opers = b->l->opers;
    unsigned nopers = b->l->nopers;
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

static void build_insn(struct build *b, struct item *item)
{
    const struct insn *insn = with_shared_alts(b, item->insn);
    struct isa_insn row = { .name = text_add(b, insn->name),
                            .doc = text_add(b, insn->doc),
                            .choice = UINT32_MAX };

    if (insn->rows || !insn->enc) {
        build_stream_insn(b, item);
        return;
    }
    begin_body(b, true);
    if (find_item(b, I_INSN, insn->name) != item)
        fail(b->g, insn->pos, "E-NAME", "instruction %s is declared twice", insn->name);
    build_fields(b, insn, &row);
    row.features = feature_set(b, insn->needs);
    struct val where = try_constraints(b, insn);
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
    build_meaning(b, insn, add_insn(b, insn, &row), row.fields, where);
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
    if (when->kind == E_BINARY &&
        when->op == T_ANDAND) /* of modes nothing is known yet */
        return target_has(b, when->a) && target_has(b, when->b);
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
    each_item(b, I_INSN, build_insn);
}
