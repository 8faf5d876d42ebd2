/* parse_insn.c - parses the inside of instructions. */
#include <string.h>

#include "parse.h"

static void parse_field(struct isagen *g, struct insn *insn)
{
    do {
        struct pos pos = g->tok.pos;
        const char *name = expect_name(g, "a field");
        uint64_t bits;

        expect(g, ':', "':'");
        bits = expect_number(g, "its bits");
        if (bits < 1 || bits > 64)
            fail(g, pos, "E-WIDTH", "a field has 1 to 64 bits");
        operand_add(g, &insn->operands, name, pos, NULL, (unsigned)bits);
    } while (take(g, ','));
    expect(g, ';', "';'");
}

static void parse_where(struct isagen *g, struct insn *insn)
{
    struct list **tail = &insn->where, *l;

    while (*tail)
        tail = &(*tail)->next;
    if (!is_word(g, "else")) /* nothing before it: a family's empty column */
        do {
            l = list_add(g, &tail, g->tok.pos);
            l->expr = parse_expr(g);
        } while (take(g, ','));
    insn->where_else = "undefined";
    if (accept_word(g, "else")) {
        insn->where_else = expect_name(g, "undefined, reserved, unpredictable or nop");
    }
    expect(g, ';', "';'");
}

/* mnem a | b by FIELD ; */
static void parse_mnem(struct isagen *g, struct insn *insn)
{
    struct list **tail = &insn->mnems, *l;

    do {
        l = list_add(g, &tail, g->tok.pos);
        l->name = parse_dotted_name(g);
    } while (take(g, '|'));
    if (!accept_word(g, "by"))
        fail(g, g->tok.pos, "E-SYNTAX", "expected 'by FIELD'");
    insn->mnem_field = expect_name(g, "a field");
    expect(g, ';', "';'");
}

/* alts NAME { ["text"] [= place] [when expr] ; ... } */
void parse_alts(struct isagen *g, struct alts **end)
{
    struct alts *alts = arena_alloc(&g->arena, sizeof *alts);
    struct list **tail = &alts->list, *l;

    alts->pos = g->tok.pos;
    alts->name = expect_name(g, "the piece's name");
    expect(g, '{', "'{'");
    while (!take(g, '}')) {
        l = list_add(g, &tail, g->tok.pos);
        if (!is(g, '='))
            l->name = expect_string(g, "text or '='");
        if (take(g, '='))
            l->expr2 = parse_expr(g);
        if (accept_word(g, "when"))
            l->expr = parse_expr(g);
        expect(g, ';', "';'");
    }
    while (*end)
        end = &(*end)->next;
    *end = alts;
}

/* { needs expr | when expr } */
void parse_conditions(struct isagen *g, struct expr **needs, struct expr **when)
{
    for (;;) {
        if (accept_word(g, "needs"))
            *needs = expr_and(g, *needs, parse_expr(g));
        else if (accept_word(g, "when"))
            *when = expr_and(g, *when, parse_expr(g));
        else
            break;
    }
}

/* name = expr, ... ")" */
struct list *parse_bindings(struct isagen *g)
{
    struct list *first = NULL, **tail = &first, *l;

    while (!is(g, ')')) {
        l = list_add(g, &tail, g->tok.pos);
        l->name = expect_name(g, "an operand of the instruction");
        expect(g, '=', "'='");
        l->expr = parse_expr(g);
        if (!take(g, ','))
            break;
    }
    expect(g, ')', "')'");
    return first;
}

/* variants N, nodes N ; */
struct list *parse_budget(struct isagen *g)
{
    struct list *first = NULL, **tail = &first, *l;

    do {
        l = list_add(g, &tail, g->tok.pos);
        l->name = expect_name(g, "variants or nodes");
        l->number = expect_number(g, "how many");
        if (strcmp(l->name, "variants") && strcmp(l->name, "nodes"))
            fail(g, l->pos, "E-SYNTAX", "a budget is of variants or nodes");
    } while (take(g, ','));
    expect(g, ';', "';'");
    return first;
}

static void parse_insn_part(struct isagen *g, struct insn *insn)
{
    struct pos pos = g->tok.pos;

    if (is_word(g, "enc")) {
        struct enc **tail = &insn->enc;

        while (*tail)
            tail = &(*tail)->next;
        *tail = parse_enc(g, &insn->operands);
    } else if (is_word(g, "ex")) {
        struct example **tail = &insn->examples;

        while (*tail)
            tail = &(*tail)->next;
        *tail = parse_example(g);
    } else if (is_word(g, "row")) {
        parse_row(g, insn);
    } else if (accept_word(g, "text")) {
        insn->text_pos = g->tok.pos;
        insn->text = expect_string(g, "the text");
        expect(g, ';', "';'");
    } else if (accept_word(g, "doc")) {
        insn->doc = expect_string(g, "the description");
        expect(g, ';', "';'");
    } else if (accept_word(g, "ops")) {
        parse_ops(g, &insn->operands);
    } else if (accept_word(g, "field")) {
        parse_field(g, insn);
    } else if (accept_word(g, "where")) {
        parse_where(g, insn);
    } else if (accept_word(g, "do")) {
        insn->has_body = true;
        insn->body = parse_body(g);
    } else if (accept_word(g, "expands")) {
        struct expr *e = expr_new(g, E_CALL, pos);

        e->name = parse_dotted_name(g);
        expect(g, '(', "'('");
        struct list *args = parse_bindings(g);
        expect(g, ';', "';'");
        e->args = (struct expr **)(void *)args; /* a list of names and values */
        insn->expands = e;
    } else if (accept_word(g, "effects")) {
        insn->effects = parse_effects(g);
        expect(g, ';', "';'");
    } else if (accept_word(g, "budget")) {
        insn->budget = parse_budget(g);
    } else if (accept_word(g, "mnem")) {
        parse_mnem(g, insn);
    } else if (accept_word(g, "alts")) {
        parse_alts(g, &insn->alts);
    } else if (accept_word(g, "partial")) {
        if (!accept_word(g, "ok"))
            fail(g, g->tok.pos, "E-SYNTAX", "expected 'partial ok'");
        expect(g, ';', "';'");
        insn->partial_ok = true;
    } else if (accept_word(g, "refines")) {
        struct list **tail = &insn->refines, *l;

        do {
            l = list_add(g, &tail, g->tok.pos);
            l->name = parse_dotted_name(g);
        } while (take(g, ','));
        expect(g, ';', "';'");
    } else if (accept_word(g, "oracle")) {
        expect_string(g, "where the meaning was taken from");
        expect(g, ';', "';'");
    } else {
        fail(g, pos, "E-SYNTAX",
             "expected text, ops, enc, row, field, where, do, expands, mnem, alts, "
             "effects, "
             "budget, partial, refines, doc or ex");
    }
}

/* insn name [needs expr] [when expr] { parts } */
struct insn *parse_insn(struct isagen *g, struct pos pos)
{
    struct insn *insn = arena_alloc(&g->arena, sizeof *insn);

    insn->name = raw_word(g, &insn->pos);
    (void)pos;
    parse_conditions(g, &insn->needs, &insn->when);
    expect(g, '{', "'{'");
    while (!take(g, '}'))
        parse_insn_part(g, insn);
    return insn;
}
