/* parse.c - parses the items of a spec: everything but the inside of instructions. */
#include <string.h>

#include "isagen.h"

struct item *add_item(struct isagen *g, enum item_kind kind, struct pos pos)
{
    struct item *item = arena_alloc(&g->arena, sizeof *item);

    if (++g->items > MAX_ITEMS)
        fail(g, pos, "E-BUDGET", "more than %d items", MAX_ITEMS);
    item->kind = kind;
    item->pos = pos;
    item->needs = g->section_needs;
    item->when = g->section_when;
    *g->last = item;
    g->last = &item->next;
    return item;
}

void *list_add(struct isagen *g, struct list ***tail, struct pos pos)
{
    struct list *l = arena_alloc(&g->arena, sizeof *l);

    l->pos = pos;
    **tail = l;
    *tail = &l->next;
    return l;
}

/* names = { name | name ".." name } : a0..a7 counts up the number at the end */
struct list *parse_names(struct isagen *g)
{
    struct list *first = NULL, **tail = &first, *l;

    while (is(g, T_NAME) || is(g, T_STRING)) {
        struct pos pos = g->tok.pos;
        const char *name = is(g, T_STRING) ? expect_string(g, "a name")
                                           : expect_name(g, "a name"),
                   *end = name;
        unsigned from = 0, to = 0;
        size_t stem = strlen(name);

        if (!is(g, T_DOTDOT)) {
            l = list_add(g, &tail, pos);
            l->name = name;
            continue;
        }
        next(g);
        end = expect_name(g, "the last name of the range");
        while (stem > 0 && name[stem - 1] >= '0' && name[stem - 1] <= '9')
            stem--;
        for (const char *p = name + stem; *p; p++)
            from = from * 10 + (unsigned)(*p - '0');
        if (strncmp(name, end, stem))
            fail(g, pos, "E-SYNTAX", "%s..%s: the names differ before the number", name,
                 end);
        for (const char *p = end + stem; *p >= '0' && *p <= '9' && to < 10000; p++)
            to = to * 10 + (unsigned)(*p - '0');
        if (to < from || to > 4096 || !name[stem])
            fail(g, pos, "E-SYNTAX", "%s..%s is not a range of names", name, end);
        for (unsigned i = from; i <= to; i++) {
            l = list_add(g, &tail, pos);
            l->name = arena_printf(&g->arena, "%.*s%u", (int)stem, name, i);
        }
    }
    return first;
}

/* { zero N; names ...; also NAME = N, ...; hidden; } of a file or view */
static void parse_file_block(struct isagen *g, struct item *item)
{
    struct list **names = &item->list, **also = &item->list2, *l;

    if (!take(g, '{')) {
        expect(g, ';', "';' or '{'");
        return;
    }
    while (!take(g, '}')) {
        struct pos pos = g->tok.pos;

        if (accept_word(g, "zero")) {
            item->flag = true;
            item->number = expect_number(g, "the zero register's number");
        } else if (accept_word(g, "hidden")) {
            item->flag2 = true;
        } else if (accept_word(g, "names")) {
            *names = parse_names(g);
        } else if (accept_word(g, "also")) {
            do {
                struct list *set = parse_names(g);
                uint64_t n;

                expect(g, '=', "'='");
                n = expect_number(g, "a register number");
                for (; set; set = set->next) {
                    l = list_add(g, &also, pos);
                    l->name = set->name;
                    l->number = n++;
                }
            } while (take(g, ','));
        } else {
            fail(g, pos, "E-SYNTAX", "expected zero, names, also or hidden");
        }
        expect(g, ';', "';'");
    }
}

/* file name [ "[" count "]" ] ":" width block */
static void parse_file_item(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_FILE, pos);

    item->name = expect_name(g, "the file's name");
    if (take(g, '[')) {
        item->expr2 = parse_expr(g);
        expect(g, ']', "']'");
    }
    expect(g, ':', "':' and the width");
    item->expr = parse_expr(g);
    parse_file_block(g, item);
}

/* view name "[" index [":" count] "]" ":" width "=" lvalue [zero N] [on_write P] [box]
 * block */
static void parse_view(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_VIEW, pos);

    item->name = expect_name(g, "the view's name");
    expect(g, '[', "'['");
    item->word = expect_name(g, "the index's name");
    if (take(g, ':'))
        item->expr2 = parse_expr(g);
    expect(g, ']', "']'");
    expect(g, ':', "':' and the width");
    item->expr = parse_expr(g);
    expect(g, '=', "'='");
    item->expr3 = parse_expr(g);
    for (;;) {
        if (accept_word(g, "zero")) {
            item->flag = true;
            item->number = expect_number(g, "the zero register's number");
        } else if (accept_word(g, "on_write")) {
            if (is(g, '{')) {
                item->body = parse_body(g), item->flag2 = true;
                if (!is(g, ';') && !is(g, '{'))
                    return;
            } else
                item->word2 = expect_name(g, "zext, keep or { statements }");
        } else if (accept_word(g, "box")) {
            item->word2 = "box";
        } else {
            break;
        }
    }
    parse_file_block(g, item);
}

static void parse_param(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_PARAM, pos);
    struct list **tail = &item->list, *l;

    item->name = expect_name(g, "the parameter's name");
    if (take(g, ':'))
        do {
            l = list_add(g, &tail, g->tok.pos);
            l->number = expect_number(g, "an allowed value");
        } while (take(g, '|'));
    expect(g, '=', "'=' and the default");
    item->number = expect_number(g, "the default");
    expect(g, ';', "';'");
}

static void parse_target(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_TARGET, pos);
    struct list **tail = &item->list, *l;

    item->name = expect_name(g, "the target's name");
    if (take(g, ':'))
        do {
            l = list_add(g, &tail, g->tok.pos);
            l->name = expect_name(g, "a parameter");
            expect(g, '=', "'='");
            l->number = expect_number(g, "its value");
        } while (take(g, ','));
    expect(g, ';', "';'");
}

static void parse_feature(struct isagen *g, struct pos pos)
{
    do {
        struct item *item = add_item(g, I_FEATURE, pos);

        item->name = expect_name(g, "the feature's name");
        if (accept_word(g, "needs"))
            item->expr = parse_expr(g);
    } while (take(g, ','));
    expect(g, ';', "';'");
}

static void parse_model(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_MODEL, pos);

    item->name = expect_name(g, "the model's name");
    if (accept_word(g, "on"))
        item->word = expect_name(g, "a target");
    expect(g, '=', "'='");
    item->list = parse_names(g);
    expect(g, ';', "';'");
}

static void parse_pc(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_PC, pos);

    if (is(g, T_NAME)) /* pc pc: 32 */
        next(g);
    expect(g, ':', "':' and the width");
    item->expr = parse_expr(g);
    if (accept_word(g, "delay"))
        item->number = expect_number(g, "the number of delay slots");
    expect(g, ';', "';'");
}

static void parse_space(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_SPACE, pos);

    item->name = expect_name(g, "the space's name");
    expect(g, ':', "':' and the address width");
    item->expr = parse_expr(g);
    item->word = expect_name(g, "little or big");
    if (accept_word(g, "if"))
        item->when = parse_expr(g);
    expect(g, ';', "';'");
}

/* fetch [when cond] { parcel N big|little; [high_first;] length { N when expr ; } else
 * reserved; } */
static void parse_fetch(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_FETCH, pos);
    struct list **tail = &item->list, *l;

    if (accept_word(g, "when"))
        item->when = expr_and(g, item->when, parse_expr(g));
    expect(g, '{', "'{'");
    while (!take(g, '}')) {
        if (accept_word(g, "parcel")) {
            item->number = expect_number(g, "bits of a parcel");
            item->word = expect_name(g, "little or big");
        } else if (accept_word(g, "high_first")) {
            item->flag = true;
        } else if (accept_word(g, "total")) {
            item->flag2 = true;
        } else if (accept_word(g, "stream")) {
            item->word2 = expect_name(g, "a stream");
        } else if (accept_word(g, "length") || is(g, T_NUMBER)) {
            l = list_add(g, &tail, g->tok.pos);
            l->number = expect_number(g, "a length in bytes");
            if (accept_word(g, "when"))
                l->expr = parse_expr(g);
        } else if (accept_word(g, "else")) {
            if (!accept_word(g, "reserved"))
                fail(g, g->tok.pos, "E-SYNTAX", "expected 'reserved'");
        } else {
            fail(g, g->tok.pos, "E-SYNTAX",
                 "expected parcel, length, high_first or total");
        }
        expect(g, ';', "';'");
    }
}

/* (name [":" type], ...) */
static struct list *parse_params(struct isagen *g)
{
    struct list *first = NULL, **tail = &first, *l;

    expect(g, '(', "'('");
    while (!is(g, ')')) {
        l = list_add(g, &tail, g->tok.pos);
        if (accept_word(g, "out"))
            l->flag = true;
        l->name = expect_name(g, "a parameter");
        if (take(g, ':'))
            l->name2 = expect_name(g, "a type like b32");
        if (!take(g, ','))
            break;
    }
    expect(g, ')', "')'");
    return first;
}

static void parse_trap(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_TRAP, pos);

    item->name = expect_name(g, "the trap's name");
    if (is(g, '('))
        item->list = parse_params(g);
    if (take(g, '{')) {
        while (!take(g, '}')) {
            if (accept_word(g, "cause"))
                item->number = expect_number(g, "the cause");
            else
                fail(g, g->tok.pos, "E-SYNTAX", "expected cause");
            expect(g, ';', "';'");
        }
    } else {
        expect(g, ';', "';' or '{'");
    }
}

/* "(" name|"*" { "," name|"*" } ")" */
static struct expr *parse_atoms(struct isagen *g)
{
    struct expr *all = expr_new(g, E_CALL, g->tok.pos);
    struct list *first = NULL, **tail = &first, *l;

    next(g);
    do {
        l = list_add(g, &tail, g->tok.pos);
        l->name = take(g, '*') ? "*" : expect_name(g, "what is read or written");
        all->nargs++;
    } while (take(g, ','));
    expect(g, ')', "')'");
    all->args = arena_array(&g->arena, all->nargs, sizeof(*all->args));
    all->nargs = 0;
    for (l = first; l; l = l->next) {
        struct expr *e = all->args[all->nargs++] = expr_new(g, E_NAME, l->pos);

        e->name = l->name;
    }
    return all;
}

/* helper bN|void name(params) { effect [ "(" ... ")" ] } ; */
static void parse_helper(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_HELPER, pos);
    struct list **tail = &item->list2, *l;

    item->word = expect_name(g, "the result's type");
    item->name = expect_name(g, "the helper's name");
    item->list = parse_params(g);
    while (is(g, T_NAME)) {
        l = list_add(g, &tail, g->tok.pos);
        l->name = expect_name(g, "an effect");
        if (is(g, '('))
            l->expr = parse_atoms(g);
    }
    expect(g, ';', "';'");
}

/* mode { [hint] name [: bits] = expr ; } */
static void parse_mode(struct isagen *g, struct pos pos)
{
    (void)pos;
    expect(g, '{', "'{'");
    while (!take(g, '}')) {
        struct item *item = add_item(g, I_MODE, g->tok.pos);

        item->flag = accept_word(g, "hint");
        item->name = expect_name(g, "the mode's name");
        item->number = take(g, ':') ? expect_number(g, "its bits") : 1;
        expect(g, '=', "'='");
        item->expr = parse_expr(g);
        expect(g, ';', "';'");
    }
}

/* fn name(params) [-> type] ( "=" expr ; | block ) */
static void parse_fn(struct isagen *g, enum item_kind kind, struct pos pos)
{
    struct item *item = add_item(g, kind, pos);

    item->name = expect_name(g, "the function's name");
    item->list = parse_params(g);
    if (take(g, T_ARROW))
        expect_name(g, "a type");
    if (take(g, '=')) {
        item->expr = parse_expr(g);
        expect(g, ';', "';'");
    } else {
        item->body = parse_body(g);
    }
}

static void parse_flags(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_FLAGS, pos);
    struct list **tail = &item->list, *l;

    item->name = expect_name(g, "the group's name");
    expect(g, '{', "'{'");
    while (!take(g, '}')) {
        l = list_add(g, &tail, g->tok.pos);
        l->name = expect_name(g, "a flag");
        if (!take(g, ','))
            expect(g, ';', "';'");
    }
    take(g, ';');
}

static void parse_flagfn(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_FLAGFN, pos);

    item->name = expect_name(g, "the flag function's name");
    item->list = parse_params(g);
    if (accept_word(g, "on"))
        item->word = expect_name(g, "a flag group");
    item->body = parse_body(g);
}

/* law flagfn: condition == shortcut ; */
static void parse_law(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_LAW, pos);

    item->name = expect_name(g, "a flag function");
    expect(g, ':', "':'");
    item->expr = parse_expr(g);
    if (item->expr->kind != E_BINARY || item->expr->op != T_EQ)
        fail(g, item->expr->pos, "E-SYNTAX", "a law reads CONDITION == SHORTCUT");
    expect(g, ';', "';'");
}

/* nx 0, uf 1, ... */
static struct list *parse_bits(struct isagen *g, const char *what)
{
    struct list *first = NULL, **tail = &first, *l;

    do {
        l = list_add(g, &tail, g->tok.pos);
        l->name = expect_name(g, what);
        l->number = expect_number(g, "its bit");
    } while (take(g, ','));
    return first;
}

/* fpenv name { rules NAME; round expr; flags FILE: nx 0, ...; each FILE: nx 17, up 18;
 *              causes FILE: vxsnan 24, ...; more expr; } */
static void parse_fpenv(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_FPENV, pos);

    item->name = expect_name(g, "the environment's name");
    expect(g, '{', "'{'");
    while (!take(g, '}')) {
        struct pos at = g->tok.pos;

        if (accept_word(g, "rules")) {
            item->word = expect_name(g, "a name of FP_RULES_*");
        } else if (accept_word(g, "round")) {
            item->expr = parse_expr(g);
        } else if (accept_word(g, "more")) {
            item->expr2 = parse_expr(g);
        } else if (is_word(g, "flags") || is_word(g, "each") || is_word(g, "causes")) {
            struct list **to = is_word(g, "flags")  ? &item->list
                               : is_word(g, "each") ? &item->list2
                                                    : &item->list3;

            next(g);
            struct expr *file = parse_expr(g); /* file or file[index] */
            if (item->expr3 && !expr_same(item->expr3, file))
                fail(g, file->pos, "E-FPENV",
                     "flags, each and causes are in one register");
            item->expr3 = file;
            expect(g, ':', "':'");
            *to = parse_bits(g, "a flag: nx uf of dz nv id up, or a cause");
        } else {
            fail(g, at, "E-SYNTAX", "expected rules, round, flags, each, causes or more");
        }
        expect(g, ';', "';'");
    }
}

/* field name "[" hi [":" lo] "]" access {legal} ; */
static void parse_sysreg_field(struct isagen *g, struct list *l)
{
    l->name = expect_name(g, "the field's name");
    expect(g, '[', "'['");
    l->expr = parse_expr(g);
    l->expr2 = take(g, ':') ? parse_expr(g) : l->expr;
    expect(g, ']', "']'");
    l->name2 = expect_name(g, "ro, rw or warl");
    while (is(g, T_NUMBER)) { /* legal values, as a bit set */
        if (g->tok.number < 64)
            l->number |= 1ull << g->tok.number;
        next(g);
    }
    if (take(g, '=')) { /* ro field = expr */
        struct stmt *s = arena_alloc(&g->arena, sizeof *s);

        s->kind = ST_RETURN;
        s->a = parse_expr(g);
        s->pos = l->pos;
        l->body = s;
    }
}

/* sysreg name at number [priv N] [ro] ":" width ( ";" | { ... } ) */
static void parse_sysreg(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_SYSREG, pos);
    struct list **tail = &item->list;

    item->name = expect_name(g, "the register's name");
    if (!accept_word(g, "at"))
        fail(g, g->tok.pos, "E-SYNTAX", "expected 'at NUMBER'");
    item->expr2 = parse_expr(g);
    if (accept_word(g, "priv"))
        item->number2 = expect_number(g, "a privilege level");
    item->flag = accept_word(g, "ro");
    expect(g, ':', "':' and the width");
    item->expr = parse_expr(g);
    if (take(g, ';'))
        return;
    expect(g, '{', "'{' or ';'");
    while (!take(g, '}')) {
        struct pos at = g->tok.pos;

        if (accept_word(g, "read")) {
            item->expr3 = parse_expr(g);
            item->flag2 = true;
        } else if (accept_word(g, "write")) {
            item->body = parse_body(g);
            item->word = "write";
            continue;
        } else if (accept_word(g, "field")) {
            parse_sysreg_field(g, list_add(g, &tail, at));
        } else if (accept_word(g, "reset")) {
            parse_expr(g);
        } else {
            fail(g, at, "E-SYNTAX", "expected read, write, field or reset");
        }
        expect(g, ';', "';'");
    }
}

/* sysregs { trap NAME; priv expr; } */
static void parse_sysregs(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_SYSREGS, pos);

    expect(g, '{', "'{'");
    while (!take(g, '}')) {
        if (accept_word(g, "trap"))
            item->word = expect_name(g, "a trap");
        else if (accept_word(g, "priv"))
            item->expr = parse_expr(g);
        else
            fail(g, g->tok.pos, "E-SYNTAX", "expected trap or priv");
        expect(g, ';', "';'");
    }
}

static void parse_operand_item(struct isagen *g, struct pos pos)
{
    do {
        struct item *item = add_item(g, I_OPERAND, pos);

        item->name = expect_name(g, "the operand kind's name");
        expect(g, '=', "'='");
        item->operand = parse_kind(g);
    } while (take(g, ','));
    expect(g, ';', "';'");
}

/* alias "text" = insn "(" name "=" expr, ... ")" [prefer] [when expr] [needs expr] ; */
static void parse_alias(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_ALIAS, pos);
    struct list **tail = &item->list, *l;
    struct pos at;

    item->word = expect_string(g, "the alias's text");
    if (!is(g, '='))
        fail(g, g->tok.pos, "E-SYNTAX", "expected '='");
    item->name = raw_word(g, &at);
    if (take(g, '(')) {
        while (!is(g, ')')) {
            l = list_add(g, &tail, g->tok.pos);
            l->name = expect_name(g, "an operand of the instruction");
            expect(g, '=', "'='");
            l->expr = parse_expr(g);
            if (!take(g, ','))
                break;
        }
        expect(g, ')', "')'");
    }
    for (;;) {
        if (accept_word(g, "prefer"))
            item->flag = true;
        else if (accept_word(g, "when"))
            item->expr = parse_expr(g);
        else if (accept_word(g, "needs"))
            item->needs = expr_and(g, item->needs, parse_expr(g));
        else
            break;
    }
    expect(g, ';', "';'");
}

/* family name(params) { block with holes } */
static void parse_family(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_FAMILY, pos);
    struct family *f = arena_alloc(&g->arena, sizeof *f);

    f->pos = pos;
    f->name = item->name = expect_name(g, "the family's name");
    f->params = parse_params(g);
    if (!is(g, '{'))
        fail(g, g->tok.pos, "E-SYNTAX", "expected '{'");
    f->source = g->source;
    f->start = g->cur;
    for (int depth = 1; depth;) {
        next(g);
        if (is(g, T_END))
            fail(g, pos, "E-SYNTAX", "family without end");
        depth += is(g, '{') ? 1 : is(g, '}') ? -1 : 0;
    }
    f->text = g->source->text + f->start;
    f->size = g->tok.pos.at - f->start;
    item->family = f; /* complete: `rows` may use it */
    next(g);
}

/* rows family { column, column; ... } */
static void parse_rows(struct isagen *g, struct pos pos)
{
    const char *name = expect_name(g, "a family");
    struct item *family = NULL;

    for (struct item *i = g->first; i; i = i->next)
        if (i->kind == I_FAMILY && i->family && !strcmp(i->name, name))
            family = i;
    if (!family)
        fail(g, pos, "E-NAME", "no family %s is declared before this", name);
    family_expand(g, family, pos);
}

static void parse_section(struct isagen *g, struct pos pos)
{
    struct expr *needs = g->section_needs, *when = g->section_when;
    const struct around *around = g->around;

    (void)pos;
    for (;;) {
        if (accept_word(g, "needs"))
            g->section_needs = expr_and(g, g->section_needs, parse_expr(g));
        else if (accept_word(g, "when"))
            g->section_when = expr_and(g, g->section_when, parse_expr(g));
        else
            break;
    }
    expect(g, '{', "'{'");
    if (++g->depth > MAX_DEPTH)
        fail(g, pos, "E-SYNTAX", "nested too deeply");
    parse_items(g, '}');
    g->depth--;
    expect(g, '}', "'}'");
    g->section_needs = needs;
    g->section_when = when;
    g->around = around;
}

/* around { ... body; ... }  and  after { ... }: of the instructions that follow in the
 * section */
static void parse_around(struct isagen *g, bool after)
{
    struct around *a = arena_alloc(&g->arena, sizeof *a);

    if (g->around)
        *a = *g->around;
    if (after)
        a->after = parse_body(g);
    else
        a->body = parse_body(g);
    g->around = a;
}

static void parse_around_item(struct isagen *g, struct pos pos)
{
    (void)pos;
    parse_around(g, false);
}

static void parse_after_item(struct isagen *g, struct pos pos)
{
    (void)pos;
    parse_around(g, true);
}

/* alts NAME { ... }: for the texts of all instructions */
static void parse_alts_item(struct isagen *g, struct pos pos)
{
    (void)pos;
    parse_alts(g, &g->alts);
}

static void parse_import(struct isagen *g, struct pos pos)
{
    const char *file = expect_string(g, "a file's name"), *slash = strrchr(g->path, '/');
    const struct source *was = g->source;
    char *path = arena_printf(&g->arena, "%.*s%s", slash ? (int)(slash + 1 - g->path) : 0,
                              g->path, file);
    struct source *source;

    expect(g, ';', "';'");
    for (source = g->sources; source; source = source->next)
        if (!strcmp(source->name, path))
            return; /* once is enough */
    source = source_read(g, path);
    if (!source)
        fail(g, pos, "E-IMPORT", "cannot read %s", path);
    if (++g->depth > MAX_DEPTH)
        fail(g, pos, "E-IMPORT", "imports nested too deeply");
    struct token tok = g->tok;
    uint32_t cur = g->cur;
    lex_open(g, source);
    parse_items(g, T_END);
    g->source = was;
    g->cur = cur;
    g->tok = tok;
    g->depth--;
}

static void parse_insn_item(struct isagen *g, struct pos pos)
{
    struct insn *insn = parse_insn(g, pos); /* may add nothing else */
    struct item *item = add_item(g, I_INSN, pos);

    item->name = insn->name;
    item->insn = insn;
    insn->around = g->around;
    insn->needs = item->needs = expr_and(g, item->needs, insn->needs);
    insn->when = item->when = expr_and(g, item->when, insn->when);
}

static void parse_reserved(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_RESERVED, pos);
    struct operand *operands = NULL;

    item->name = expect_name(g, "the hole's name");
    item->insn = arena_alloc(&g->arena, sizeof *item->insn);
    if (!is_word(g, "enc"))
        fail(g, g->tok.pos, "E-SYNTAX", "expected 'enc'");
    item->insn->enc = parse_enc(g, &operands);
}

static void parse_exclusive(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_EXCLUSIVE, pos);
    struct list **tail = &item->list, *l;

    do {
        l = list_add(g, &tail, g->tok.pos);
        l->name = expect_name(g, "a feature");
    } while (take(g, ','));
    expect(g, ';', "';'");
}

static void parse_ex_item(struct isagen *g, struct pos pos)
{
    struct example *ex = parse_example(g);
    struct item *item = add_item(g, I_EX, pos);

    item->example = ex;
}

static void parse_test_item(struct isagen *g, struct pos pos)
{
    struct example *ex = parse_test(g);
    struct item *item = add_item(g, I_EX, pos);

    item->example = ex;
}

/* clang-format off */
static void parse_stream_item(struct isagen *g, struct pos pos) { parse_stream(g, pos); }
static void parse_fn_item(struct isagen *g, struct pos pos) { parse_fn(g, I_FN, pos); }
static void parse_proc_item(struct isagen *g, struct pos pos) { parse_fn(g, I_PROC, pos); }
/* clang-format on */

static void parse_doc(struct isagen *g, struct pos pos)
{
    (void)pos;
    g->isa_doc = expect_string(g, "the description");
    expect(g, ';', "';'");
}

/* clang-format off */
static const struct {
    const char *word;
    void (*parse)(struct isagen *g, struct pos pos);
} items[] = {
    { "param", parse_param },     { "target", parse_target },   { "feature", parse_feature },
    { "model", parse_model },     { "pc", parse_pc },           { "file", parse_file_item },
    { "view", parse_view },       { "space", parse_space },     { "fetch", parse_fetch },
    { "trap", parse_trap },       { "helper", parse_helper },   { "mode", parse_mode },
    { "fn", parse_fn_item },      { "proc", parse_proc_item },  { "flags", parse_flags },
    { "flagfn", parse_flagfn },   { "law", parse_law },         { "fpenv", parse_fpenv },
    { "sysreg", parse_sysreg },   { "sysregs", parse_sysregs }, { "operand", parse_operand_item },
    { "insn", parse_insn_item },  { "alias", parse_alias },     { "family", parse_family },
    { "rows", parse_rows },       { "section", parse_section }, { "import", parse_import },
    { "reserved", parse_reserved }, { "exclusive", parse_exclusive }, { "ex", parse_ex_item },
    { "around", parse_around_item }, { "after", parse_after_item }, { "alts", parse_alts_item },
    { "test", parse_test_item },  { "stream", parse_stream_item }, { "doc", parse_doc },
    { "vec", parse_vectors },
};
/* clang-format on */

static void parse_item(struct isagen *g)
{
    struct pos pos = g->tok.pos;

    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        if (is_word(g, items[i].word)) {
            /* these read raw text right after the keyword */
            if (strcmp(items[i].word, "insn") && strcmp(items[i].word, "ex"))
                next(g);
            items[i].parse(g, pos);
            return;
        }
    if (g->tok.kind == T_NAME)
        fail(g, pos, "E-SYNTAX", "no item begins with '%s'", g->tok.text);
    fail(g, pos, "E-SYNTAX", "expected an item, found %s", token_name(g->tok.kind));
}

/* After an error in an item that began at `start`: on to its end, a ; or } outside of
 * braces. */
static void skip_item(struct isagen *g, const struct source *source, uint32_t start)
{
    int depth = 0;
    bool in_string = false;

    g->source = source;
    for (g->cur = start; g->cur < source->size; g->cur++) {
        char c = source->text[g->cur];

        if (c == '"' || (in_string && c == '\n'))
            in_string = c == '"' && !in_string;
        if (in_string)
            continue;
        if (c == '/' && g->cur + 1 < source->size && source->text[g->cur + 1] == '/')
            while (g->cur < source->size && source->text[g->cur] != '\n')
                g->cur++;
        if (c == '{')
            depth++;
        if (c == '}' && --depth <= 0)
            break;
        if (c == ';' && depth == 0)
            break;
    }
    /* a } that closes what is around the item stays, unless the item is just that */
    if (g->cur < source->size &&
        (source->text[g->cur] == ';' || depth == 0 || g->cur == start))
        g->cur++;
}

/* Items up to `end`; each error is followed by the next item. */
void parse_items(struct isagen *g, int end)
{
    jmp_buf here, *outer = g->recover;
    const struct source *volatile source = g->source;
    volatile uint32_t start = 0;
    unsigned depth = g->depth;
    struct expr *needs = g->section_needs, *when = g->section_when;
    const struct around *around = g->around;
    const struct opened *families = g->families;

    g->recover = &here;
    if (setjmp(here)) {
        g->families = families;
        g->around = around;
        g->depth = depth;
        g->section_needs = needs;
        g->section_when = when;
        skip_item(g, source, start);
        g->tok.kind = ';';
    }
    while (g->tok.kind != end) {
        if (g->tok.kind == ';') {
            start = g->cur;
            next(g);
            continue;
        }
        if (is(g, T_END)) {
            g->recover = outer;
            fail(g, g->tok.pos, "E-SYNTAX", "expected %s before the end",
                 token_name(end));
        }
        start = g->tok.pos.at;
        parse_item(g);
    }
    g->recover = outer;
}

/* A file: with `top`, `isa NAME { items }`, else just items. */
void parse_file(struct isagen *g, const struct source *source, bool top)
{
    lex_open(g, source);
    if (top) {
        if (accept_word(g, "isa"))
            g->isa_name = expect_name(g, "the isa's name");
        else
            fail(g, g->tok.pos, "E-SYNTAX", "a spec begins with: isa NAME {");
        expect(g, '{', "'{'");
    }
    parse_items(g, top ? '}' : T_END);
    if (top)
        expect(g, '}', "'}'");
    if (top && !is(g, T_END))
        fail(g, g->tok.pos, "E-SYNTAX", "text after the end of the isa");
}
