/* expr.c - parses expressions and statements. */
#include <string.h>

#include "isagen.h"

struct expr *expr_new(struct isagen *g, enum expr_kind kind, struct pos pos)
{
    struct expr *e = arena_alloc(&g->arena, sizeof *e);

    e->kind = kind;
    e->pos = pos;
    return e;
}

static struct expr *binary(struct isagen *g, int op, struct expr *a, struct expr *b,
                           struct pos pos)
{
    struct expr *e = expr_new(g, E_BINARY, pos);

    e->op = op;
    e->a = a;
    e->b = b;
    return e;
}

struct expr *expr_and(struct isagen *g, struct expr *a, struct expr *b)
{
    return !a ? b : !b ? a : binary(g, T_ANDAND, a, b, b->pos);
}

/* The same text?  (names, numbers, elements) */
bool expr_same(const struct expr *a, const struct expr *b)
{
    if (!a || !b)
        return a == b;
    if (a->kind != b->kind || a->op != b->op || a->number != b->number || a->nargs ||
        b->nargs || !a->name != !b->name || (a->name && strcmp(a->name, b->name)))
        return false;
    return expr_same(a->a, b->a) && expr_same(a->b, b->b) && expr_same(a->c, b->c);
}

static void deeper(struct isagen *g)
{
    if (++g->depth > MAX_DEPTH)
        fail(g, g->tok.pos, "E-SYNTAX", "nested too deeply");
}

static void push_arg(struct isagen *g, struct expr ***args, unsigned *n, struct expr *e)
{
    if ((*n & (*n - 1)) == 0) /* full at powers of two */
        *args = arena_grow(&g->arena, *args, *n * sizeof **args,
                           (*n ? 2 * *n : 1) * sizeof **args);
    (*args)[(*n)++] = e;
}

/* Trees are walked recursively: their depth is limited. */
static void longer(struct isagen *g, unsigned *n)
{
    if (++*n > MAX_CHAIN)
        fail(g, g->tok.pos, "E-BUDGET", "expression is too long");
}

/* args = [expr {"," expr}] closer */
static void parse_args(struct isagen *g, int closer, struct expr ***args, unsigned *n)
{
    while (!is(g, closer)) {
        push_arg(g, args, n, parse_expr(g));
        if (!take(g, ','))
            break;
    }
    expect(g, closer, token_name(closer));
}

/* `lo<32>(x)`: the current token is the `<` after a name that takes widths. */
static bool takes_widths(const char *name)
{
    static const char *const names[] = {
        "zext",   "sext",   "lo",     "hi",      "lane",       "replicate", "fcvt",
        "f_to_s", "f_to_u", "s_to_f", "u_to_f",  "fadd",       "fsub",      "fmul",
        "fdiv",   "fsqrt",  "fma",    "fms",     "fnma",       "fnms",      "fmin",
        "fmax",   "fminm",  "fmaxm",  "feq",     "flt",        "fle",       "feqs",
        "flts",   "fles",   "funord", "frint",   "frintx",     "fclass",    "ld",
        "st",     "amo",    "cas",    "reserve", "store_cond", "ones",      "f_to_s_mod",
        "fmin2",  "fmax2",  "fmin08", "fmax08",  "fscalb",     "flogb",     "frem"
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static struct expr *parse_binary(struct isagen *g, int least);

static struct expr *parse_call(struct isagen *g, struct expr *e)
{
    const char *name = e->name;

    if (is(g, '<') && takes_widths(name)) {
        next(g);
        do {
            push_arg(g, &e->targs, &e->ntargs, parse_binary(g, 8)); /* tighter than > */
        } while (take(g, ','));
        expect(g, '>', "'>'");
        if (!is(g, '('))
            fail(g, g->tok.pos, "E-SYNTAX", "expected '(' after %s<...>", name);
    }
    if (!is(g, '('))
        return e;
    next(g);
    e->kind = E_CALL;
    parse_args(g, ')', &e->args, &e->nargs);
    return e;
}

/* primary = number | float | string | name [widths] [args] | "(" expr ")" */
static struct expr *parse_primary(struct isagen *g)
{
    struct expr *e;
    struct pos pos = g->tok.pos;

    if (is(g, T_NUMBER)) {
        e = expr_new(g, E_NUMBER, pos);
        e->number = g->tok.number;
        e->high = g->tok.high;
        next(g);
    } else if (is(g, T_FLOAT)) {
        e = expr_new(g, E_FLOAT, pos);
        e->number = g->tok.number;
        e->width = g->tok.width;
        next(g);
    } else if (is(g, T_STRING)) {
        e = expr_new(g, E_STRING, pos);
        e->name = g->tok.text;
        next(g);
    } else if (is(g, T_NAME)) {
        e = expr_new(g, E_NAME, pos);
        e->name = g->tok.text;
        next(g);
        e = parse_call(g, e);
    } else if (is(g, '{')) { /* {0}: operand by position */
        next(g);
        e = expr_new(g, E_NAME, pos);
        e->name = is(g, T_NAME) ? g->tok.text
                                : arena_printf(&g->arena, "%u", (unsigned)g->tok.number);
        if (!take(g, T_NAME))
            expect_number(g, "an operand's number");
        expect(g, '}', "'}'");
    } else {
        expect(g, '(', "an expression");
        e = parse_expr(g);
        expect(g, ')', "')'");
    }
    return e;
}

/* Attributes of a memory access follow its arguments: mem.ld32(a) aligned big order(o).
 */
static void parse_attributes(struct isagen *g, struct expr *call)
{
    while (is_word(g, "aligned") || is_word(g, "big") || is_word(g, "little") ||
           is_word(g, "acquire") || is_word(g, "release") || is_word(g, "order") ||
           is_word(g, "user") || is_word(g, "phys"))
        push_arg(g, &call->args, &call->nargs, parse_primary(g));
}

/* postfix = primary { "[" expr [":" expr] "]" | "." name [args] } [ "in" env [ "(" expr
 * ")" ] ] */
static struct expr *parse_postfix(struct isagen *g)
{
    struct pos pos = g->tok.pos;
    struct expr *e = parse_primary(g), *p;
    unsigned n = 0;

    for (;;) {
        longer(g, &n);
        if (take(g, '[')) {
            p = expr_new(g, E_INDEX, pos);
            p->a = e;
            p->b = parse_expr(g);
            if (take(g, ':')) {
                p->kind = E_SLICE;
                p->c = parse_expr(g);
            }
            expect(g, ']', "']'");
            e = p;
        } else if (take(g, '.')) {
            if (is(g, '(')) { /* g.(osz)[i]: the view of g with that width */
                p = expr_new(g, E_MEMBER, pos);
                p->a = e;
                next(g);
                p->b = parse_expr(g);
                expect(g, ')', "')'");
                e = p;
                continue;
            }
            p = expr_new(g, E_MEMBER, pos);
            p->a = e;
            p->name = expect_name(g, "a member's name");
            if (is(g, '(') || (is(g, '<') && takes_widths(p->name))) {
                const char *name = p->name;

                p->kind = E_MEMBER;
                p = parse_call(g, p);
                p->name = name;
                parse_attributes(g, p);
            }
            e = p;
        } else {
            return e;
        }
    }
}

static struct expr *parse_in(struct isagen *g)
{
    struct expr *e = parse_postfix(g);
    unsigned n = 0;

    while (is_word(g, "in")) {
        struct pos pos = g->tok.pos;

        longer(g, &n);

        next(g);
        if (take(g, '{')) {
            struct expr *p = expr_new(g, E_IN, pos);

            p->a = e;
            parse_args(g, '}', &p->args, &p->nargs);
            e = p;
        } else {
            if (e->kind != E_CALL)
                fail(g, pos, "E-SYNTAX", "'in ENV' follows a floating-point operation");
            e->env = expect_name(g, "an fpenv");
            if (take(g, '(')) {
                e->round = parse_expr(g);
                expect(g, ')', "')'");
            }
        }
    }
    return e;
}

/* unary = ("-" | "~" | "!") unary | postfix */
struct expr *parse_unary(struct isagen *g)
{
    struct expr *e;
    struct pos pos = g->tok.pos;

    if (!is(g, '-') && !is(g, '~') && !is(g, '!'))
        return parse_in(g);
    deeper(g);
    e = expr_new(g, E_UNARY, pos);
    e->op = g->tok.kind;
    next(g);
    e->a = parse_unary(g);
    g->depth--;
    if (e->op == '-' && e->a->kind == E_FLOAT) { /* -1.5f: the sign bit */
        e->a->number ^= 1ull << (e->a->width - 1);
        return e->a;
    }
    return e;
}

/* Binding strength; 0: not a binary operator. */
static int strength(int op)
{
    switch (op) {
    /* clang-format off */
    case T_OROR: return 1;
    case T_ANDAND: return 2;
    case '|': return 3;
    case '^': return 4;
    case '&': return 5;
    case T_EQ: case T_NE: return 6;
    case '<': case '>': case T_LE: case T_GE: case T_LTS: case T_LTU: case T_LES: case T_LEU:
    case T_GTS: case T_GTU: case T_GES: case T_GEU: return 7;
    case T_CONCAT: return 8;
    case T_SHL: case T_SHRU: case T_SHRS: return 9;
    case '+': case '-': return 10;
    case '*': case '/': case '%': case T_DIVS: case T_DIVU: case T_REMS: case T_REMU: return 11;
    default: return 0;
        /* clang-format on */
    }
}

static struct expr *parse_binary(struct isagen *g, int least)
{
    struct expr *a = parse_unary(g);
    unsigned n = 0;

    for (;;) {
        int op = g->tok.kind, s = strength(op);
        struct pos pos = g->tok.pos;

        if (s == 0 || s < least)
            return a;
        longer(g, &n);
        next(g);
        a = binary(g, op, a, parse_binary(g, s + 1), pos);
    }
}

/* expr = binary ["?" expr ":" expr] */
struct expr *parse_expr(struct isagen *g)
{
    struct expr *e;
    struct pos pos;

    deeper(g);
    e = parse_binary(g, 1);
    pos = g->tok.pos;
    if (take(g, '?')) {
        struct expr *c = expr_new(g, E_COND, pos);

        c->a = e;
        c->b = parse_expr(g);
        expect(g, ':', "':'");
        c->c = parse_expr(g);
        e = c;
    }
    g->depth--;
    return e;
}

/* ------------------------------------------------------------------ statements */

static struct stmt *stmt_new(struct isagen *g, enum stmt_kind kind, struct pos pos)
{
    struct stmt *s = arena_alloc(&g->arena, sizeof *s);

    s->kind = kind;
    s->pos = pos;
    return s;
}

/* let name = expr ; | var name [: width] [= expr] ; */
static struct stmt *parse_let(struct isagen *g, enum stmt_kind kind, struct pos pos)
{
    struct stmt *s = stmt_new(g, kind, pos);

    s->name = expect_name(g, "a name");
    if (take(g, ':'))
        s->b = parse_expr(g);
    if (kind == ST_LET || is(g, '=')) {
        expect(g, '=', "'='");
        s->a = parse_expr(g);
    }
    expect(g, ';', "';'");
    return s;
}

static struct stmt *parse_if(struct isagen *g, struct pos pos)
{
    struct stmt *s = stmt_new(g, ST_IF, pos);

    expect(g, '(', "'(' after if");
    s->a = parse_expr(g);
    expect(g, ')', "')'");
    s->body = parse_body(g);
    if (accept_word(g, "else"))
        s->other = parse_body(g);
    return s;
}

/* goto expr [as call|return | now] ; */
static struct stmt *parse_goto(struct isagen *g, struct pos pos)
{
    struct stmt *s = stmt_new(g, ST_GOTO, pos);

    s->a = parse_expr(g);
    if (accept_word(g, "as"))
        s->name = expect_name(g, "call or return");
    else if (accept_word(g, "now"))
        s->name = "now";
    expect(g, ';', "';'");
    return s;
}

/* branch expr to expr [annul expr] ; */
static struct stmt *parse_branch(struct isagen *g, struct pos pos)
{
    struct stmt *s = stmt_new(g, ST_BRANCH, pos);

    s->a = parse_expr(g);
    if (!accept_word(g, "to"))
        fail(g, g->tok.pos, "E-SYNTAX", "expected 'to' in branch COND to TARGET");
    s->b = parse_expr(g);
    if (accept_word(g, "annul"))
        s->c = parse_expr(g);
    expect(g, ';', "';'");
    return s;
}

/* trap name ["(" args ")"] ; and set name "(" args ")" ; */
static struct stmt *parse_named(struct isagen *g, enum stmt_kind kind, struct pos pos)
{
    struct stmt *s = stmt_new(g, kind, pos);

    s->name = expect_name(g, "a name");
    if (take(g, '('))
        parse_args(g, ')', &s->args, &s->nargs);
    expect(g, ';', "';'");
    return s;
}

/* for name in expr .. expr body | lanes<width>(name: expr .. expr) [under expr] body */
static struct stmt *parse_loop(struct isagen *g, enum stmt_kind kind, struct pos pos)
{
    struct stmt *s = stmt_new(g, kind, pos);

    if (kind == ST_LANES) {
        expect(g, '<', "'<' after lanes");
        s->c = parse_unary(g);
        expect(g, '>', "'>'");
        expect(g, '(', "'('");
        s->name = expect_name(g, "the lane's name");
        expect(g, ':', "':'");
    } else {
        s->name = expect_name(g, "the counter's name");
        if (!accept_word(g, "in"))
            fail(g, g->tok.pos, "E-SYNTAX", "expected 'in' in for NAME in A..B");
    }
    s->a = parse_expr(g);
    expect(g, T_DOTDOT, "'..'");
    s->b = parse_expr(g);
    if (kind == ST_LANES)
        expect(g, ')', "')'");
    if (kind == ST_LANES && accept_word(g, "under"))
        s->d = parse_expr(g);
    s->body = parse_body(g);
    return s;
}

static struct stmt *parse_assignment(struct isagen *g, struct pos pos)
{
    struct expr *e = parse_expr(g);
    struct stmt *s;

    if (take(g, '=')) {
        s = stmt_new(g, ST_ASSIGN, pos);
        s->a = e;
        s->b = parse_expr(g);
    } else {
        s = stmt_new(g, ST_CALL, pos);
        s->a = e;
    }
    expect(g, ';', "';'");
    return s;
}

static struct stmt *parse_stmt(struct isagen *g)
{
    struct pos pos = g->tok.pos;
    struct stmt *s;

    if (accept_word(g, "let"))
        return parse_let(g, ST_LET, pos);
    if (accept_word(g, "var"))
        return parse_let(g, ST_VAR, pos);
    if (accept_word(g, "if"))
        return parse_if(g, pos);
    if (accept_word(g, "goto"))
        return parse_goto(g, pos);
    if (accept_word(g, "branch"))
        return parse_branch(g, pos);
    if (accept_word(g, "trap"))
        return parse_named(g, ST_TRAP, pos);
    if (accept_word(g, "set"))
        return parse_named(g, ST_SET, pos);
    if (accept_word(g, "for"))
        return parse_loop(g, ST_FOR, pos);
    if (accept_word(g, "lanes"))
        return parse_loop(g, ST_LANES, pos);
    if (is_word(g, "iterate") || is_word(g, "return") || is_word(g, "undef")) {
        s = stmt_new(g,
                     is_word(g, "iterate")  ? ST_ITERATE
                     : is_word(g, "return") ? ST_RETURN
                                            : ST_UNDEF,
                     pos);
        next(g);
        s->a = parse_expr(g);
        if (s->kind == ST_ITERATE)
            s->body = parse_body(g);
        else
            expect(g, ';', "';'");
        return s;
    }
    if (accept_word(g, "annul")) {
        expect(g, ';', "';'");
        return stmt_new(g, ST_ANNUL, pos);
    }
    return parse_assignment(g, pos);
}

/* {0} and not a block: an operand by position. */
static bool is_position(const struct isagen *g)
{
    const char *p = g->source->text + g->cur, *end = g->source->text + g->source->size;

    if (!is(g, '{'))
        return false;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p < end && *p == '}' && p > g->source->text + g->cur;
}

struct stmt *parse_body(struct isagen *g)
{
    struct stmt *first = NULL, **tail = &first;

    deeper(g);
    if (!is_position(g) && take(g, '{')) {
        while (!is(g, '}')) {
            if (is(g, T_END))
                fail(g, g->tok.pos, "E-SYNTAX", "block without end");
            if (take(g, ';')) /* an empty column of a family */
                continue;
            *tail = is(g, '{') && !is_position(g) ? parse_body(g) : parse_stmt(g);
            while (*tail)
                tail = &(*tail)->next;
        }
        next(g);
    } else if (!take(g, ';')) {
        first = parse_stmt(g);
    }
    g->depth--;
    return first;
}
