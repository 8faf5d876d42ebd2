/* insn.c - parses the inside of instructions: encodings, operand kinds, examples; and
 * fills the holes of families. */
#include <stdlib.h>
#include <string.h>

#include "isagen.h"

static int at(const struct isagen *g, uint32_t i)
{
    return i < g->source->size ? (unsigned char)g->source->text[i] : 0;
}

static bool is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
static bool is_name_char(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '.';
}

/* ------------------------------------------------------------------- encodings */

static const char *enc_name(struct isagen *g)
{
    uint32_t start = g->cur;

    while (is_name_char(at(g, g->cur)))
        g->cur++;
    return arena_strndup(&g->arena, g->source->text + start, g->cur - start);
}

static unsigned enc_number(struct isagen *g)
{
    unsigned n = 0;

    if (at(g, g->cur) < '0' || at(g, g->cur) > '9')
        fail(g, (struct pos){ g->source, g->cur }, "E-SYNTAX", "expected a bit number");
    while (at(g, g->cur) >= '0' && at(g, g->cur) <= '9' && n < 10000)
        n = n * 10 + (unsigned)(at(g, g->cur++) - '0');
    return n;
}

/* slices = "[" number [":" number] { "|" number [":" number] } "]" */
static void enc_slices(struct isagen *g, struct enc *e)
{
    struct list **tail = &e->slices, *l;

    do {
        struct pos pos = { g->source, g->cur };

        g->cur++;
        l = list_add(g, &tail, pos);
        l->number = l->number2 = enc_number(g);
        if (at(g, g->cur) == ':') {
            g->cur++;
            l->number2 = enc_number(g);
        }
        if (l->number2 > l->number || l->number > 127)
            fail(g, pos, "E-SYNTAX", "a slice reads [HIGH:LOW], at most 127");
    } while (at(g, g->cur) == '|');
    if (at(g, g->cur++) != ']')
        fail(g, (struct pos){ g->source, g->cur - 1 }, "E-SYNTAX", "expected ']'");
}

static void operand_insert(struct isagen *g, struct operand **operands, const char *name,
                           struct pos pos, struct kind *kind, unsigned bits,
                           struct expr *derived)
{
    struct operand **first = operands;
    struct operand *o = arena_alloc(&g->arena, sizeof *o);

    for (; *operands; operands = &(*operands)->next)
        if (!strcmp((*operands)->name, name))
            fail(g, pos, "E-NAME", "operand %s is declared twice", name);
    o->name = name;
    o->pos = pos;
    o->kind = kind;
    o->bits = bits;
    o->derived = derived;
    if (derived) {
        *operands = o;
        return;
    }
    while (*first && !(*first)->derived)
        first = &(*first)->next;
    o->next = *first;
    *first = o;
}

void operand_add(struct isagen *g, struct operand **operands, const char *name,
                 struct pos pos, struct kind *kind, unsigned bits)
{
    operand_insert(g, operands, name, pos, kind, bits, NULL);
}

/* A kind written in place is one word, with an optional [..]. */
static struct kind *enc_kind(struct isagen *g)
{
    struct pos pos = { g->source, g->cur };
    const char *name = enc_name(g);
    struct kind *k = arena_alloc(&g->arena, sizeof *k);

    k->pos = pos;
    k->name = name;
    k->base = K_NAMED;
    if ((name[0] == 's' || name[0] == 'u') && name[1] >= '0' && name[1] <= '9') {
        k->base = name[0] == 's' ? K_SIGNED : K_UNSIGNED;
        k->bits = (unsigned)atoi(name + 1);
    }
    return k;
}

/* enc = { bits | field [slices] | field ":" kind } ; */
struct enc *parse_enc(struct isagen *g, struct operand **operands)
{
    struct enc *first = NULL, **tail = &first, *e;

    for (;;) {
        while (is_blank(at(g, g->cur)))
            g->cur++;
        int c = at(g, g->cur);
        struct pos pos = { g->source, g->cur };

        if (c == ';' || c == '}' || c == 0)
            break;
        if (c == '/' && at(g, g->cur + 1) == '/') {
            while (g->cur < g->source->size && at(g, g->cur) != '\n')
                g->cur++;
            continue;
        }
        e = *tail = arena_alloc(&g->arena, sizeof *e);
        tail = &e->next;
        e->pos = pos;
        if (c == '0' || c == '1' || c == '-') {
            uint32_t start = g->cur;

            while (at(g, g->cur) == '0' || at(g, g->cur) == '1' || at(g, g->cur) == '-')
                g->cur++;
            e->bits = arena_strndup(&g->arena, g->source->text + start, g->cur - start);
            if (g->cur - start > 128)
                fail(g, pos, "E-WIDTH-ENC", "more than 128 bits");
        } else if (is_name_char(c) && !(c >= '0' && c <= '9')) {
            e->name = enc_name(g);
            if (at(g, g->cur) == '[')
                enc_slices(g, e);
            if (at(g, g->cur) == ':') {
                g->cur++;
                operand_add(g, operands, e->name, pos, enc_kind(g), 0);
            }
        } else {
            fail(g, pos, "E-SYNTAX", "expected bits or a field in enc");
        }
    }
    next(g);
    expect(g, ';', "';' after enc");
    return first;
}

/* --------------------------------------------------------------- operand kinds */

static unsigned number_kind(struct isagen *g, const char *name, struct pos pos)
{
    int bits = atoi(name + 1);

    if (bits < 1 || bits > 64)
        fail(g, pos, "E-WIDTH", "%s: 1 to 64 bits", name);
    return (unsigned)bits;
}

static bool is_number_kind(const char *name)
{
    return (name[0] == 's' || name[0] == 'u') && name[1] >= '0' && name[1] <= '9';
}

/* enum uN [sysregs] [ "{" { ["."] name | string [= N] } "}" ] */
static void parse_enum(struct isagen *g, struct kind *k)
{
    struct list **tail = &k->enums, *l;
    struct pos pos = g->tok.pos;
    const char *width = expect_name(g, "the enum's width, uN");
    uint64_t value = 0;

    if (width[0] != 'u' || !is_number_kind(width))
        fail(g, pos, "E-SYNTAX", "expected the enum's width, like u3");
    k->base = K_ENUM;
    k->bits = number_kind(g, width, pos);
    if (accept_word(g, "sysregs"))
        k->name = "sysregs";
    if (!take(g, '{'))
        return;
    while (!take(g, '}')) {
        struct list **last = tail;

        l = list_add(g, &tail, g->tok.pos);
        if (is(g, T_STRING)) {
            l->name = expect_string(g, "a name");
        } else if (take(g, '-')) { /* a value without a name */
            tail = last;
            *tail = NULL;
            value++;
            continue;
        } else if (take(g, '.')) {
            l->name = arena_printf(&g->arena, ".%s", expect_name(g, "a name"));
        } else {
            l->name = expect_name(g, "a name");
        }
        if (take(g, '='))
            value = expect_number(g, "a value");
        l->number = value++;
        while (take(g, ';') || take(g, ','))
            ;
    }
}

/* NAME [ "[" number "+" uN "]" ] */
static void parse_reg_kind(struct isagen *g, struct kind *k)
{
    k->base = K_NAMED;
    if (!take(g, '['))
        return;
    k->base = K_REG;
    if (is(g, T_NUMBER)) {
        k->bias = (int64_t)expect_number(g, "a register number");
        expect(g, '+', "'+'");
    }
    struct pos pos = g->tok.pos;
    const char *width = expect_name(g, "uN");
    if (width[0] != 'u' || !is_number_kind(width))
        fail(g, pos, "E-SYNTAX", "expected the field's width, like u3");
    k->bits = number_kind(g, width, pos);
    expect(g, ']', "']'");
}

static int64_t signed_number(struct isagen *g)
{
    bool minus = take(g, '-');
    uint64_t n = expect_number(g, "a number");

    return minus ? (int64_t)(0 - n) : (int64_t)n;
}

static void parse_kind_modifiers(struct isagen *g, struct kind *k)
{
    for (;;) {
        if (accept_word(g, "align"))
            k->align = (unsigned)expect_number(g, "a power of two");
        else if (accept_word(g, "scale"))
            k->scale = (unsigned)expect_number(g, "a power of two");
        else if (accept_word(g, "hex"))
            k->hex = true;
        else if (accept_word(g, "signed"))
            k->plus_minus = true;
        else if (accept_word(g, "open"))
            k->open = true;
        else if (accept_word(g, "omit"))
            k->has_omit = true, k->omit = signed_number(g);
        else if (accept_word(g, "sep"))
            k->sep = expect_string(g, "the separator");
        else if (accept_word(g, "value"))
            k->value = parse_expr(g);
        else if (accept_word(g, "plus"))
            k->bias += signed_number(g);
        else if (accept_word(g, "minus"))
            k->bias -= signed_number(g);
        else if (accept_word(g, "else")) {
            if (!accept_word(g, "reserved") && !accept_word(g, "undefined"))
                fail(g, g->tok.pos, "E-SYNTAX", "expected reserved or undefined");
            k->strict = true;
        } else
            break;
    }
    unsigned powers[] = { k->align, k->scale };
    for (int i = 0; i < 2; i++)
        if (powers[i] && ((powers[i] & (powers[i] - 1)) || powers[i] > (1u << 30)))
            fail(g, k->pos, "E-SYNTAX", "align and scale are powers of two");
}

/* list VIEW uN [sep "..."] [runs] [reversed] */
static void parse_list_kind(struct isagen *g, struct kind *k)
{
    struct pos pos;

    k->base = K_LIST;
    k->name = expect_name(g, "a file or view");
    pos = g->tok.pos;
    k->bits = number_kind(g, expect_name(g, "uN"), pos);
    k->sep = ", ";
    for (;;) {
        if (accept_word(g, "sep"))
            k->sep = expect_string(g, "the separator");
        else if (accept_word(g, "runs"))
            k->runs = true;
        else if (accept_word(g, "reversed"))
            k->reversed = true;
        else
            break;
    }
}

struct kind *parse_kind(struct isagen *g)
{
    struct kind *k = arena_alloc(&g->arena, sizeof *k);
    struct pos pos = k->pos = g->tok.pos;

    if (++g->depth > MAX_DEPTH)
        fail(g, pos, "E-SYNTAX", "nested too deeply");
    if (take(g, '(')) {
        k->base = K_CHOICE;
        k->when = parse_unary(g);
        for (int n = 0; !is(g, '?') && n < 20; n++) { /* a comparison */
            int op = g->tok.kind;
            struct expr *e = expr_new(g, E_BINARY, g->tok.pos);

            next(g);
            e->op = op;
            e->a = k->when;
            e->b = parse_unary(g);
            k->when = e;
        }
        expect(g, '?', "'?'");
        k->a = parse_kind(g);
        expect(g, ':', "':'");
        k->b = parse_kind(g);
        expect(g, ')', "')'");
    } else {
        k->name = expect_name(g, "an operand kind");
        if (!strcmp(k->name, "pcrel")) {
            k->from_end = accept_word(g, "end");
            struct pos at_width = g->tok.pos;
            const char *width = expect_name(g, "sN");

            if (!is_number_kind(width))
                fail(g, at_width, "E-SYNTAX", "expected a width like s21");
            k->base = K_PCREL;
            k->bits = number_kind(g, width, at_width);
        } else if (!strcmp(k->name, "enum")) {
            k->name = NULL;
            parse_enum(g, k);
        } else if (!strcmp(k->name, "fn")) {
            k->base = K_FN;
            k->name = expect_name(g, "a function");
            expect(g, '(', "'('");
            pos = g->tok.pos;
            k->is_signed = is(g, T_NAME) && g->tok.text[0] == 's';
            k->bits = number_kind(g, expect_name(g, "uN"), pos);
            while (take(g, ',')) {
                k->args = arena_grow(&g->arena, k->args, k->nargs * sizeof *k->args,
                                     (k->nargs + 1) * sizeof *k->args);
                k->args[k->nargs++] = parse_expr(g);
            }
            expect(g, ')', "')'");
            if (accept_word(g, "inverse"))
                k->inverse = expect_name(g, "a function");
        } else if (!strcmp(k->name, "list")) {
            parse_list_kind(g, k);
        } else if (is_number_kind(k->name)) {
            k->base = k->name[0] == 's' ? K_SIGNED : K_UNSIGNED;
            k->bits = number_kind(g, k->name, pos);
        } else {
            parse_reg_kind(g, k);
        }
    }
    parse_kind_modifiers(g, k);
    g->depth--;
    return k;
}

/* ops = name {"," name} (":" kind | "=" expr) { "," ... } ; with "=" it is computed */
void parse_ops(struct isagen *g, struct operand **operands)
{
    do {
        struct list *names = NULL, **tail = &names, *l;

        do {
            l = list_add(g, &tail, g->tok.pos);
            l->name = expect_name(g, "an operand");
        } while (take(g, ','));
        if (take(g, '=')) {
            operand_insert(g, operands, names->name, names->pos, NULL, 0, parse_expr(g));
            continue;
        }
        expect(g, ':', "':' and the operand's kind");
        struct kind *kind = parse_kind(g);
        for (l = names; l; l = l->next)
            operand_add(g, operands, l->name, l->pos, kind, 0);
    } while (take(g, ','));
    expect(g, ';', "';'");
}

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

/* -------------------------------------------------------------------- examples */

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

static const char *dotted_name(struct isagen *g)
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
        const char *name = dotted_name(g);

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
        ex->model = dotted_name(g);
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
        ex->model = dotted_name(g);
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

/* ---------------------------------------------------------------- instructions */

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
        if (take(g, '(')) {
            expect_name(g, "the choice");
            expect(g, ')', "')'");
        }
    }
    expect(g, ';', "';'");
}

/* mnem a | b by FIELD ; */
static void parse_mnem(struct isagen *g, struct insn *insn)
{
    struct list **tail = &insn->mnems, *l;

    do {
        l = list_add(g, &tail, g->tok.pos);
        l->name = dotted_name(g);
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
        struct list *args = NULL, **tail = &args, *l;

        e->name = dotted_name(g);
        expect(g, '(', "'('");
        while (!is(g, ')')) {
            l = list_add(g, &tail, g->tok.pos);
            l->name = expect_name(g, "an operand of the other instruction");
            expect(g, '=', "'='");
            l->expr = parse_expr(g);
            if (!take(g, ','))
                break;
        }
        expect(g, ')', "')'");
        expect(g, ';', "';'");
        e->args = (struct expr **)(void *)args; /* a list of names and values */
        insn->expands = e;
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
            l->name = dotted_name(g);
        } while (take(g, ','));
        expect(g, ';', "';'");
    } else if (accept_word(g, "oracle")) {
        expect_string(g, "where the meaning was taken from");
        expect(g, ';', "';'");
    } else {
        fail(g, pos, "E-SYNTAX",
             "expected text, ops, enc, field, where, do, expands, mnem, alts, doc or ex");
    }
}

/* insn name [needs expr] [when expr] { parts } */
struct insn *parse_insn(struct isagen *g, struct pos pos)
{
    struct insn *insn = arena_alloc(&g->arena, sizeof *insn);

    insn->name = raw_word(g, &insn->pos);
    (void)pos;
    for (;;) {
        if (accept_word(g, "needs"))
            insn->needs = expr_and(g, insn->needs, parse_expr(g));
        else if (accept_word(g, "when"))
            insn->when = expr_and(g, insn->when, parse_expr(g));
        else
            break;
    }
    expect(g, '{', "'{'");
    while (!take(g, '}'))
        parse_insn_part(g, insn);
    return insn;
}

/* -------------------------------------------------------------------- families */

struct text { /* an expanded family being made */
    char *text;
    size_t size, room;
    struct part *parts;
    uint32_t nparts;
};

static void text_add(struct isagen *g, struct text *t, const char *from, size_t size,
                     struct pos pos)
{
    if (t->size + size + 1 > t->room) {
        size_t room = 2 * (t->size + size) + 256;

        t->text = arena_grow(&g->arena, t->text, t->room, room);
        t->room = room;
    }
    if ((t->nparts & (t->nparts - 1)) == 0) /* full at powers of two */
        t->parts = arena_grow(&g->arena, t->parts, t->nparts * sizeof *t->parts,
                              (t->nparts ? 2 * t->nparts : 1) * sizeof *t->parts);
    t->parts[t->nparts++] = (struct part){ (uint32_t)t->size, pos };
    if (size)
        memcpy(t->text + t->size, from, size);
    t->size += size;
    t->text[t->size] = 0;
}

/* The column for a hole `{name}` at text[i], or NULL. */
static const struct list *hole(const struct family *f, const struct list *columns,
                               uint32_t i, uint32_t *length)
{
    uint32_t n = 1;

    while (i + n < f->size && (is_name_char(f->text[i + n]) && f->text[i + n] != '.'))
        n++;
    if (n == 1 || i + n >= f->size || f->text[i + n] != '}')
        return NULL;
    for (const struct list *p = f->params; p; p = p->next, columns = columns->next) {
        if (strlen(p->name) == n - 1 && !memcmp(p->name, f->text + i + 1, n - 1)) {
            *length = n + 1;
            return columns;
        }
    }
    return NULL;
}

static void expand_row(struct isagen *g, const struct family *f,
                       const struct list *columns)
{
    struct text t = { 0 };
    uint32_t from = 0, length;
    const struct list *column;

    for (uint32_t i = 0; i < f->size; i++) {
        if (f->text[i] != '{' || !(column = hole(f, columns, i, &length)))
            continue;
        text_add(g, &t, f->text + from, i - from,
                 (struct pos){ f->source, f->start + from });
        text_add(g, &t, column->name, strlen(column->name), column->pos);
        from = i + length;
        i = from - 1;
    }
    text_add(g, &t, f->text + from, f->size - from,
             (struct pos){ f->source, f->start + from });
    g->expanded += t.size + 100;
    if (g->expanded > MAX_EXPANSION)
        fail_all(g, columns->pos, "E-BUDGET", "families expand to more than %d MB",
                 MAX_EXPANSION >> 20);

    struct source *s = source_new(g, f->name, t.text, (uint32_t)t.size);
    s->parts = t.parts;
    s->nparts = t.nparts;
    s->note = arena_printf(&g->arena, "in family %s, row %s of %s", f->name,
                           columns->name, source_place(g, columns->pos));
    const struct source *was = g->source;
    struct token tok = g->tok;
    uint32_t cur = g->cur;
    lex_open(g, s);
    parse_items(g, T_END);
    g->source = was;
    g->cur = cur;
    g->tok = tok;
}

/* Families whose rows are being expanded, innermost first: none may be in itself. */
struct opened {
    const struct family *family;
    const struct opened *outer;
};

void family_expand(struct isagen *g, struct item *item, struct pos pos)
{
    const struct family *f = item->family;
    struct opened *self = arena_alloc(&g->arena, sizeof *self);

    if (!is(g, '{'))
        fail(g, g->tok.pos, "E-SYNTAX", "expected '{'");
    for (const struct opened *o = g->families; o; o = o->outer)
        if (o->family == f)
            fail(g, pos, "E-SYNTAX", "family %s contains rows of itself", f->name);
    *self = (struct opened){ f, g->families };
    if (++g->depth > MAX_DEPTH)
        fail(g, pos, "E-SYNTAX", "families nested too deeply");
    for (;;) {
        struct list *columns = NULL, **tail = &columns, *l;
        uint32_t cur = g->cur;

        next(g);
        if (is(g, '}'))
            break;
        if (is(g, T_END))
            fail(g, pos, "E-SYNTAX", "rows without end");
        g->cur = cur;
        for (const struct list *p = f->params; p; p = p->next) {
            struct pos at_column;
            const char *text = raw_until(g, ",;}", true, &at_column);

            l = list_add(g, &tail, at_column);
            l->name = text;
            if (!is(g, p->next ? ',' : ';'))
                fail(g, at_column, "E-SYNTAX",
                     p->next ? "this row has fewer columns than family %s"
                             : "this row has more columns than family %s",
                     f->name);
        }
        if (!columns)
            fail(g, pos, "E-SYNTAX", "family %s has no parameters", f->name);
        g->families = self;
        expand_row(g, f, columns);
        g->families = self->outer;
    }
    next(g);
    g->depth--;
}
