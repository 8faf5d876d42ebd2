/* vectors.c - `vec`: tables of what a fn or a flagfn gives, checked when a spec is
 * compiled.
 *
 *     vec sub(a: 8, b: 8 -> cf, zf) { 1 2 -> 1 0;  3 3 -> 0 1; }
 *     vec orc8(b: 8 -> r: 8) { 0 -> 0;  0x12 -> 0xff; } */
#include <inttypes.h>
#include <string.h>

#include "build.h"

/* name [":" width] {"," ...} */
static struct list *parse_columns(struct isagen *g, bool need_width)
{
    struct list *first = NULL, **tail = &first, *l;

    do {
        l = list_add(g, &tail, g->tok.pos);
        l->name = expect_name(g, "a name");
        l->number = 1;
        if (need_width || is(g, ':')) {
            expect(g, ':', "':' and its bits");
            l->number = expect_number(g, "bits");
        }
        if (l->number < 1 || l->number > 64)
            fail(g, l->pos, "E-WIDTH", "1 to 64 bits");
    } while (take(g, ','));
    return first;
}

static struct list *parse_values(struct isagen *g, struct list *columns)
{
    struct list *first = NULL, **tail = &first, *l;

    for (; columns; columns = columns->next) {
        l = list_add(g, &tail, g->tok.pos);
        l->number = expect_number(g, "a value for each column");
        if (columns->number < 64 && l->number >> columns->number)
            fail(g, l->pos, "E-WIDTH", "%s has %u bits", columns->name,
                 (unsigned)columns->number);
    }
    return first;
}

struct row {
    struct row *next;
    struct pos pos;
    struct list *in, *out;
};

/* vec name "(" columns "->" columns ")" "{" { values "->" values ";" } "}" */
void parse_vectors(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_VEC, pos);
    struct row *first = NULL, **tail = &first;

    item->name = expect_name(g, "a fn or flagfn");
    expect(g, '(', "'('");
    item->list = parse_columns(g, true);
    expect(g, T_ARROW, "'->' and the results");
    item->list2 = parse_columns(g, false);
    expect(g, ')', "')'");
    expect(g, '{', "'{'");
    while (!take(g, '}')) {
        struct row *row = *tail = arena_alloc(&g->arena, sizeof *row);

        tail = &row->next;
        row->pos = g->tok.pos;
        row->in = parse_values(g, item->list);
        expect(g, T_ARROW, "'->'");
        row->out = parse_values(g, item->list2);
        expect(g, ';', "';'");
    }
    item->extra = first;
}

static void check_result(struct build *b, const struct row *row,
                         const struct list *column, const struct list *want,
                         struct val got)
{
    uint64_t mask = column->number < 64 ? (1ull << column->number) - 1 : UINT64_MAX;

    if (got.time != SPEC || got.w > 64)
        fail(b->g, row->pos, "E-TYPE", "%s is not computed when a spec is compiled",
             column->name);
    if (got.w && got.w != column->number)
        fail(b->g, column->pos, "E-WIDTH", "%s has %u bits", column->name, got.w);
    if ((got.lo & mask) != want->number)
        error_at(b->g, want->pos, "E-EX", "%s is 0x%" PRIx64 ", not 0x%" PRIx64,
                 column->name, got.lo & mask, want->number);
}

static void check_fn_row(struct build *b, const struct item *item, const struct item *fn,
                         const struct row *row)
{
    const struct list *column = item->list;
    struct expr *args[16];
    unsigned n = 0;

    for (const struct list *l = row->in; l && n < 16;
         l = l->next, column = column->next) {
        args[n] = expr_new(b->g, E_FLOAT, l->pos); /* bits with a width */
        args[n]->number = l->number;
        args[n++]->width = (unsigned)column->number;
    }
    begin_body(b, true);
    check_result(b, row, item->list2, row->out,
                 call_fn(b, fn, args, n, row->pos, (unsigned)item->list2->number));
}

/* The value of flag `name` with the parameters bound, by the flagfn's statements. */
static struct val flag_value(struct build *b, const struct item *fn,
                             const struct list *want)
{
    for (const struct stmt *s = fn->body; s; s = s->next) {
        const struct expr *to = s->a;

        if (s->kind == ST_LET) {
            bind_name(b, s->name, lower_expr(b, s->a, 0));
            continue;
        }
        if (s->kind == ST_ASSIGN && to->kind == E_MEMBER && to->name &&
            !strcmp(to->name, want->name))
            return lower_expr(b, s->b, 1);
        if (s->kind == ST_ASSIGN && to->kind == E_NAME && !strcmp(to->name, want->name))
            return lower_expr(b, s->b, 1);
    }
    fail(b->g, want->pos, "E-NAME", "%s sets no flag %s", fn->name, want->name);
}

static void check_flag_row(struct build *b, const struct item *item,
                           const struct item *fn, const struct row *row)
{
    const struct list *want = row->out;

    for (const struct list *l = item->list2; l; l = l->next, want = want->next) {
        const struct list *value = row->in, *param = fn->list;

        begin_body(b, true);
        for (const struct list *c = item->list; c && param;
             c = c->next, value = value->next, param = param->next)
            bind_name(b, param->name, val_bits(value->number, (unsigned)c->number));
        check_result(b, row, l, want, flag_value(b, fn, l));
    }
}

static unsigned count(const struct list *l)
{
    unsigned n = 0;

    for (; l; l = l->next)
        n++;
    return n;
}

static void check_table(struct build *b, struct item *item)
{
    const struct item *fn = find_item(b, I_FN, item->name);
    const struct item *flagfn = find_item(b, I_FLAGFN, item->name);

    if (!fn && !flagfn)
        fail(b->g, item->pos, "E-NAME", "no fn or flagfn %s", item->name);
    if (count((fn ? fn : flagfn)->list) != count(item->list))
        fail(b->g, item->pos, "E-TYPE", "%s takes %u arguments", item->name,
             count((fn ? fn : flagfn)->list));
    if (fn && item->list2->next)
        fail(b->g, item->pos, "E-TYPE", "a fn has one result");
    for (const struct row *row = item->extra; row; row = row->next)
        if (fn)
            check_fn_row(b, item, fn, row);
        else
            check_flag_row(b, item, flagfn, row);
}

void check_vectors(struct build *b)
{
    each_item(b, I_VEC, check_table);
}
