/* parse_kind.c - parses operands and their kinds: numbers, registers, enums, lists. */
#include <stdlib.h>
#include <string.h>

#include "parse.h"

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

static unsigned number_kind(struct isagen *g, const char *name, struct pos pos)
{
    int bits = atoi(name + 1);

    if (bits < 1 || bits > 64)
        fail(g, pos, "E-WIDTH", "%s: 1 to 64 bits", name);
    return (unsigned)bits;
}

bool is_number_kind(const char *name)
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
