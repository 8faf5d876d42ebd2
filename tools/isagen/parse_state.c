/* parse_state.c - parses the items that say what a machine has: files and views, the pc,
 * memory, fetch, traps, helpers, modes, functions, flags, FP environments, system
 * registers.
 */
#include <stdlib.h>
#include <string.h>

#include "parse.h"

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
void parse_file_item(struct isagen *g, struct pos pos)
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
void parse_view(struct isagen *g, struct pos pos)
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

void parse_pc(struct isagen *g, struct pos pos)
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

void parse_space(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_SPACE, pos);

    item->name = expect_name(g, "the space's name");
    expect(g, ':', "':' and the address width");
    item->expr = parse_expr(g);
    item->word = expect_name(g, "little or big");
    if (accept_word(g, "if"))
        item->when = parse_expr(g);
    item->flag = accept_word(g, "rmw"); /* loads and stores of one address are plain */
    expect(g, ';', "';'");
}

/* fetch [when cond] { parcel N big|little; [high_first;] length { N when expr ; } else
 * reserved; } */
void parse_fetch(struct isagen *g, struct pos pos)
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

void parse_trap(struct isagen *g, struct pos pos)
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

/* "(" [ name|"*" { "," name|"*" } ] ")" */
static struct expr *parse_atoms(struct isagen *g)
{
    struct expr *all = expr_new(g, E_CALL, g->tok.pos);
    struct list *first = NULL, **tail = &first, *l;

    next(g);
    while (!is(g, ')')) {
        l = list_add(g, &tail, g->tok.pos);
        l->name = take(g, '*') ? "*" : expect_name(g, "what is read or written");
        all->nargs++;
        if (!take(g, ','))
            break;
    }
    expect(g, ')', "')'");
    all->args = arena_array(&g->arena, all->nargs + 1, sizeof(*all->args));
    all->nargs = 0;
    for (l = first; l; l = l->next) {
        struct expr *e = all->args[all->nargs++] = expr_new(g, E_NAME, l->pos);

        e->name = l->name;
    }
    return all;
}

/* { effect [ "(" ... ")" ] } */
struct list *parse_effects(struct isagen *g)
{
    struct list *first = NULL, **tail = &first, *l;

    while (is(g, T_NAME)) {
        l = list_add(g, &tail, g->tok.pos);
        l->name = expect_name(g, "an effect");
        if (is(g, '('))
            l->expr = parse_atoms(g);
    }
    return first;
}

/* helper bN|void name(params) effects ; */
void parse_helper(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_HELPER, pos);

    item->word = expect_name(g, "the result's type");
    item->name = expect_name(g, "the helper's name");
    item->list = parse_params(g);
    item->list2 = parse_effects(g);
    expect(g, ';', "';'");
}

/* mode { [hint] name [: bits] = expr ; } */
void parse_mode(struct isagen *g, struct pos pos)
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

/* fn name(params) ( "=" expr ; | block ) */
static void parse_fn(struct isagen *g, enum item_kind kind, struct pos pos)
{
    struct item *item = add_item(g, kind, pos);

    item->name = expect_name(g, "the function's name");
    item->list = parse_params(g);
    if (take(g, '=')) {
        item->expr = parse_expr(g);
        expect(g, ';', "';'");
    } else {
        item->body = parse_body(g);
    }
}

void parse_fn_item(struct isagen *g, struct pos pos)
{
    parse_fn(g, I_FN, pos);
}

void parse_proc_item(struct isagen *g, struct pos pos)
{
    parse_fn(g, I_PROC, pos);
}

void parse_flags(struct isagen *g, struct pos pos)
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

void parse_flagfn(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_FLAGFN, pos);

    item->name = expect_name(g, "the flag function's name");
    item->list = parse_params(g);
    if (accept_word(g, "on"))
        item->word = expect_name(g, "a flag group");
    item->body = parse_body(g);
}

/* law flagfn: condition == shortcut ; */
void parse_law(struct isagen *g, struct pos pos)
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
void parse_fpenv(struct isagen *g, struct pos pos)
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
void parse_sysreg(struct isagen *g, struct pos pos)
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
        } else {
            fail(g, at, "E-SYNTAX", "expected read, write or field");
        }
        expect(g, ';', "';'");
    }
}

/* sysregs { trap NAME; priv expr; } */
void parse_sysregs(struct isagen *g, struct pos pos)
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

/* REGISTERS ":" number [type] [bWIDTH] ["name"] {"," register "<<" number} ";" */
static struct gdb_row *parse_gdb_row(struct isagen *g)
{
    struct gdb_row *row = arena_alloc(&g->arena, sizeof *row);
    struct list **tail = &row->more, *l;

    row->pos = g->tok.pos;
    row->names = parse_names(g);
    if (!row->names)
        fail(g, row->pos, "E-SYNTAX", "expected registers, ':' and gdb's number");
    expect(g, ':', "':' and gdb's number");
    row->number = expect_number(g, "gdb's number of the first");
    while (is(g, T_NAME)) {
        const char *word = expect_name(g, "a type, or a width like b32");
        char *end = NULL;

        if (word[0] == 'b' && word[1] >= '1' && word[1] <= '9')
            row->bits = strtoul(word + 1, &end, 10);
        if (!end || *end)
            row->type = word;
    }
    if (is(g, T_STRING))
        row->name = expect_string(g, "a name");
    while (take(g, ',')) {
        l = list_add(g, &tail, g->tok.pos);
        l->name = is(g, T_STRING) ? expect_string(g, "a register")
                                  : expect_name(g, "a register");
        expect(g, T_SHL, "'<<' and where it lies in gdb's");
        l->number = expect_number(g, "its lowest bit in gdb's");
    }
    expect(g, ';', "';'");
    return row;
}

/* gdb "architecture" {needs expr | when expr} ;  or  gdb "feature" ... { rows } */
void parse_gdb(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_GDB, pos);
    struct gdb_row **tail = (struct gdb_row **)&item->extra;

    item->word = expect_string(g, "a feature of gdb's, or an architecture");
    parse_conditions(g, &item->needs, &item->when);
    if (take(g, ';'))
        return;
    item->flag = true;
    expect(g, '{', "';', or '{' and registers");
    while (!take(g, '}')) {
        *tail = parse_gdb_row(g);
        tail = &(*tail)->next;
    }
}
