/* parse.c - parses the items of a spec: which keyword begins which item, grouping
 * (sections, families, imports), and where to go on after an error. */
#include <string.h>

#include "parse.h"

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

/* (name [":" type], ...) */
struct list *parse_params(struct isagen *g)
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
    struct pos at;

    item->word = expect_string(g, "the alias's text");
    if (!is(g, '='))
        fail(g, g->tok.pos, "E-SYNTAX", "expected '='");
    item->name = raw_word(g, &at);
    if (take(g, '('))
        item->list = parse_bindings(g);
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
    parse_conditions(g, &g->section_needs, &g->section_when);
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

void parse_inserted(struct isagen *g, const struct source *source)
{
    const struct source *was = g->source;
    struct token tok = g->tok;
    uint32_t cur = g->cur;

    lex_open(g, source);
    parse_items(g, T_END);
    g->source = was;
    g->cur = cur;
    g->tok = tok;
}

static void parse_import(struct isagen *g, struct pos pos)
{
    const char *file = expect_string(g, "a file's name"), *slash = strrchr(g->path, '/');
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
    parse_inserted(g, source);
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

static void parse_stream_item(struct isagen *g, struct pos pos)
{
    parse_stream(g, pos);
}

static void parse_budget_item(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_BUDGET, pos);

    item->list = parse_budget(g);
}

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
    { "vec", parse_vectors }, { "budget", parse_budget_item },
    { "gdb", parse_gdb },
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
