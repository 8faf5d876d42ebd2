/* parse_example.c - parses examples and tests: text, encoding, state before and after. */
#include <string.h>

#include "parse.h"

static struct list *parse_state(struct isagen *g, struct example *ex, bool post)
{
    struct list *first = NULL, **tail = &first, *l;

    while (!is(g, ';') && !is(g, T_ARROW)) {
        if (post && accept_word(g, "trap")) {
            ex->trap = expect_name(g, "a trap");
            if (take(g, '('))
                while (!take(g, ')')) {
                    if (is(g, T_END))
                        fail(g, ex->pos, "E-SYNTAX", "arguments without end");
                    next(g);
                }
        } else {
            l = list_add(g, &tail, g->tok.pos);
            l->expr = parse_unary(g);
            expect(g, '=', "'='");
            l->expr2 = parse_expr(g);
        }
        if (!take(g, ','))
            break;
    }
    return first;
}

const char *parse_dotted_name(struct isagen *g)
{
    const char *name = expect_name(g, "a name");

    while (take(g, '.'))
        name = arena_printf(&g->arena, "%s.%s", name, expect_name(g, "a name"));
    return name;
}

/* ex [insn] [model] ["{" mode = N "}"] ["@" pc] text = HEX : pre -> post ; */
struct example *parse_example(struct isagen *g)
{
    struct example *ex = arena_alloc(&g->arena, sizeof *ex);
    struct list **modes = &ex->modes, *l;

    ex->pos = g->tok.pos;
    next(g);
    while (is(g, T_NAME)) { /* [insn] [model] [invalid]: build.c knows where it stands */
        const char *name = parse_dotted_name(g);

        if (!strcmp(name, "invalid")) {
            ex->invalid = true;
        } else {
            if (ex->insn)
                fail(g, ex->pos, "E-SYNTAX",
                     "ex [INSTRUCTION] [MODEL] [@PC] \"text\" = ...");
            ex->insn = ex->model;
            ex->model = name;
        }
    }
    if (take(g, '[')) {
        ex->model = parse_dotted_name(g);
        expect(g, ']', "']'");
    }
    if (take(g, '{')) {
        while (!take(g, '}')) {
            l = list_add(g, &modes, g->tok.pos);
            l->name = expect_name(g, "a mode");
            l->number = take(g, '=') ? expect_number(g, "its value") : 1;
            take(g, ',');
        }
    }
    if (take(g, '@'))
        ex->pc = parse_unary(g);
    if (!ex->invalid || is(g, T_STRING))
        ex->text = expect_string(g, "the instruction's text");
    if (!is(g, '='))
        fail(g, g->tok.pos, "E-SYNTAX", "expected '=' and the encoding");
    struct pos pos;
    ex->hex = raw_until(g, ":;-", false, &pos);
    if (take(g, ':'))
        ex->pre = parse_state(g, ex, false);
    if (take(g, T_ARROW))
        ex->post = parse_state(g, ex, true);
    expect(g, ';', "';'");
    return ex;
}

/* test NAME [MODEL] ["@" pc] "{" { text "=" HEX ; } ":" pre "->" post ; "}" */
struct example *parse_test(struct isagen *g)
{
    struct example *ex = arena_alloc(&g->arena, sizeof *ex);
    struct list **tail = &ex->code, *l;
    struct pos pos;

    ex->pos = g->tok.pos;
    ex->text = expect_name(g, "the test's name");
    if (is(g, T_NAME))
        ex->model = parse_dotted_name(g);
    if (take(g, '@'))
        ex->pc = parse_unary(g);
    expect(g, '{', "'{'");
    while (!take(g, ':')) {
        l = list_add(g, &tail, g->tok.pos);
        l->name = expect_string(g, "an instruction's text, or ':' and the state before");
        if (!is(g, '='))
            fail(g, g->tok.pos, "E-SYNTAX", "expected '=' and the encoding");
        l->name2 = raw_until(g, ";}", false, &pos);
        expect(g, ';', "';'");
    }
    ex->pre = parse_state(g, ex, false);
    if (take(g, T_ARROW))
        ex->post = parse_state(g, ex, true);
    expect(g, ';', "';'");
    expect(g, '}', "'}'");
    return ex;
}
