/* build_alias.c - aliases: other texts of an instruction with some operands fixed. */
#include <string.h>

#include "build.h"

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
        if (!strcmp(text_at(b, AT(b, insns, struct isa_insn, i)->name), name))
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

/* The instruction's operands, as numbers of its fields. */
static void alias_operands(struct build *b, const struct insn *insn, struct pos pos)
{
    unsigned nopers;
    struct oper *opers = make_opers(b, insn, &nopers);

    b->l->insn = insn;
    b->l->opers = opers;
    b->l->nopers = nopers;
    for (unsigned i = 0; i < nopers; i++) {
        const struct dx *f = dx_new(b, S_FIELD, 64, i, NULL, NULL, NULL);

        opers[i].number = val_decode(f, 0);
        if (opers[i].kind && opers[i].kind->bias)
            opers[i].number =
                op2(b, S_ADD, 0, opers[i].number, val_number(opers[i].kind->bias), pos);
        opers[i].raw = val_decode(f, 64);
    }
}

/* One operand that the alias fixes; adds to the condition that it fits. */
static struct isa_fix fix_operand(struct build *b, const struct item *item,
                                  const struct list *l, struct val *fits)
{
    const struct oper *opers = b->l->opers;
    unsigned i = 0;

    while (i < b->l->nopers && strcmp(opers[i].name, l->name))
        i++;
    if (i == b->l->nopers)
        fail(b->g, l->pos, "E-NAME", "%s has no operand %s", item->name, l->name);
    struct val v = lower_expr(b, l->expr, 0);
    const struct dx *want = val_dx(b, v, 64);
    const struct dx *equal =
        dx_new(b, S_EQ, 1, 0, val_dx(b, opers[i].number, 64), want, NULL);
    *fits = op2(b, S_AND, 1, *fits, val_decode(equal, 1), l->pos);
    if (opers[i].kind && opers[i].kind->bias)
        want = dx_new(b, S_SUB, 64, 0, want,
                      val_dx(b, val_number(opers[i].kind->bias), 64), NULL);
    return (struct isa_fix){ (uint8_t)i, dx_body(b, want) };
}

/* E-ALIAS: an operand that nothing gives a value. */
static void check_complete(struct build *b, const struct item *item,
                           const struct insn *insn)
{
    const struct oper *opers = b->l->opers;

    for (unsigned i = 0; i < field_count(opers, b->l->nopers); i++) {
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
}

static void build_alias(struct build *b, struct item *item)
{
    int number = insn_number(b, item->name);
    struct isa_alias alias = { .insn = (uint16_t)number, .prefer = item->flag };
    struct val fits = val_bits(1, 1);
    struct isa_fix *fixes;
    unsigned n = 0;

    if (number < 0) {
        if (is_declared_insn(b, item->name))
            return; /* of another target */
        fail(b->g, item->pos, "E-NAME", "no instruction %s", item->name);
    }
    const struct insn *insn = *AT(b, insn_items, const struct insn *, number);
    begin_body(b, true);
    b->field_base = AT(b, insns, struct isa_insn, number)->field;
    alias_operands(b, insn, item->pos);
    for (const struct list *l = item->list; l; l = l->next)
        n++;
    fixes = arena_array(&b->g->arena, n ? n : 1, sizeof *fixes);
    n = 0;
    for (const struct list *l = item->list; l; l = l->next)
        fixes[n++] = fix_operand(b, item, l, &fits);
    if (item->expr)
        fits = op2(b, S_AND, 1, fits, lower_cond(b, item->expr), item->pos);
    if (fits.time == SPEC && !fits.lo)
        return;
    if (fits.time == DECODE)
        alias.when = dx_body(b, fits.d);
    check_complete(b, item, insn);
    alias.text = build_text(b, item->word, item->pos, (uint16_t)number);
    alias.mnemonic = first_word(b, item->word);
    alias.fixes = RUN(b, fixes, fixes, n);
    alias.nfixes = (uint16_t)n;
    alias.features = feature_set(b, item->needs);
    *VEC(b, aliases, struct isa_alias) = alias;
    *VEC(b, alias_items, const struct item *) = item;
}

void build_aliases(struct build *b)
{
    each_item(b, I_ALIAS, build_alias);
}
