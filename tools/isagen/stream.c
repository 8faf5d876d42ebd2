/* stream.c - parses `stream` and `row`: variable-length encodings. */
#include "stream.h"

#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------------- drawing */

static bool is_hex(const char *s)
{
    return strlen(s) == 2 && strspn(s, "0123456789abcdef") == 2;
}

/* [~] name [ "[" high [":" low] "]" ] [":" [s|u] width] */
static void draw_field(struct isagen *g, struct draw *d, const char *word)
{
    const char *p = word;
    size_t n = 0;

    d->high = d->low = -1;
    d->invert = *p == '~';
    p += d->invert;
    while (is_name_char(p[n]))
        n++;
    d->name = arena_strndup(&g->arena, p, n);
    p += n;
    if (*p == '[') {
        char *end;

        d->high = d->low = (int)(strtoul(p + 1, &end, 10) & 0xff);
        if (*end == ':')
            d->low = (int)(strtoul(end + 1, &end, 10) & 0xff);
        p = *end == ']' ? end + 1 : end;
    }
    if (*p == ':') {
        char *end;

        d->is_signed = p[1] == 's';
        p += p[1] == 's' || p[1] == 'u' ? 2 : 1;
        d->width = (unsigned)(strtoul(p, &end, 10) & 0xff);
        p = end;
    }
    if (*p || !n || d->high < d->low || d->width > 64)
        fail(g, d->pos, "E-SYNTAX",
             "expected bits, a byte, or a field like reg, ~vvvv, x[3:2], d:s8");
}

static const char *byte_bits(struct isagen *g, const char *hex)
{
    char bits[9] = "";
    unsigned long byte = strtoul(hex, NULL, 16);

    for (int i = 0; i < 8; i++)
        bits[i] = byte >> (7 - i) & 1 ? '1' : '0';
    return arena_strndup(&g->arena, bits, 8);
}

/* The words of `text` (which began at `pos`) as drawn items.  The first ones may be bytes
 * in hexadecimal. */
static struct draw *parse_draw(struct isagen *g, const char *text, struct pos pos,
                               bool bytes)
{
    struct draw *first = NULL, **tail = &first, *d;

    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " \t\n\r");
        const char *word = arena_strndup(&g->arena, p, n);

        if (n) {
            d = *tail = arena_alloc(&g->arena, sizeof *d);
            tail = &d->next;
            d->pos = (struct pos){ pos.source, pos.at + (uint32_t)(p - text) };
            if (bytes && is_hex(word)) {
                d->bits = byte_bits(g, word);
            } else if (bytes = false, strspn(word, "01-") == n) {
                d->bits = word;
            } else {
                draw_field(g, d, word);
            }
        }
        p += n;
        p += strspn(p, " \t\n\r");
    }
    if (!first)
        fail(g, pos, "E-SYNTAX", "expected bits, bytes or fields");
    return first;
}

/* ------------------------------------------------------------------- stream items */

/* name = number */
static struct list *parse_setting(struct isagen *g, struct list ***tail)
{
    struct list *l = list_add(g, tail, g->tok.pos);

    l->name = expect_name(g, "a field");
    expect(g, '=', "'='");
    l->number = expect_number(g, "its value");
    expect(g, ';', "';'");
    return l;
}

/* prefix | lead  DRAWN { [last;] [when COND;] { [if (piece == N)] name = N; } } */
static void parse_affix(struct isagen *g, struct stream *s, bool lead)
{
    struct affix *a = arena_alloc(&g->arena, sizeof *a), **end = &s->affixes;
    struct list **tail = &a->sets, *l;

    while (*end)
        end = &(*end)->next;
    *end = a;
    a->lead = lead;
    const char *text = raw_until(g, "{;}", false, &a->pos);
    a->draw = parse_draw(g, text, a->pos, true);
    expect(g, '{', "'{'");
    while (!take(g, '}')) {
        if (accept_word(g, "last")) {
            a->last = true;
            expect(g, ';', "';'");
        } else if (accept_word(g, "when")) {
            a->when = parse_expr(g);
            expect(g, ';', "';'");
        } else if (accept_word(g, "if")) {
            expect(g, '(', "'('");
            const char *piece = expect_name(g, "a piece");
            expect(g, T_EQ, "'=='");
            uint64_t value = expect_number(g, "its value");
            expect(g, ')', "')'");
            l = parse_setting(g, &tail);
            l->name2 = piece;
            l->number2 = value;
        } else {
            parse_setting(g, &tail);
        }
    }
}

/* tag NAME { field = N; } | needs { field = N; } */
static void parse_tag(struct isagen *g, struct stream *s, const char *name)
{
    struct tag *t = arena_alloc(&g->arena, sizeof *t), **end = &s->tags;
    struct list **tail = &t->sets;

    while (*end)
        end = &(*end)->next;
    *end = t;
    t->pos = g->tok.pos;
    t->name = name;
    expect(g, '{', "'{'");
    while (!take(g, '}'))
        parse_setting(g, &tail);
}

/* The bytes of "0f.38"; the number of them, 0: not bytes. */
static unsigned dotted_bytes(const char *text, uint8_t *bytes, unsigned most)
{
    unsigned n = 0;

    for (const char *p = text;; p += 3) {
        char two[3] = { p[0], p[0] ? p[1] : 0, 0 };

        if (!is_hex(two) || n == most)
            return 0;
        bytes[n++] = (uint8_t)strtoul(two, NULL, 16);
        if (!p[2])
            return n;
        if (p[2] != '.')
            return 0;
    }
}

/* map 0f.38 = 2; */
static void parse_map(struct isagen *g, struct stream *s)
{
    struct map *m = arena_alloc(&g->arena, sizeof *m), **end = &s->maps;
    const char *text = raw_until(g, "=;", false, &m->pos);
    uint64_t number;

    while (*end)
        end = &(*end)->next;
    *end = m;
    m->nbytes = dotted_bytes(text, m->bytes, 4);
    if (!m->nbytes)
        fail(g, m->pos, "E-SYNTAX",
             "expected the bytes that lead to the map, like 0f.38");
    expect(g, '=', "'=' and the map's number");
    number = expect_number(g, "the map's number");
    if (!number || number > 63)
        fail(g, m->pos, "E-SYNTAX", "maps are numbered from 1 to 63");
    m->number = (unsigned)number;
    expect(g, ';', "';'");
}

/* tail NAME { [when COND:] read DRAWN; ... } */
static void parse_tail(struct isagen *g, struct stream *s)
{
    struct tail *t = arena_alloc(&g->arena, sizeof *t), **end = &s->tails;
    struct step **steps = &t->steps;

    while (*end)
        end = &(*end)->next;
    *end = t;
    t->pos = g->tok.pos;
    t->name = expect_name(g, "the tail's name");
    expect(g, '{', "'{'");
    while (!take(g, '}')) {
        struct step *step = *steps = arena_alloc(&g->arena, sizeof *step);
        struct pos pos;

        steps = &step->next;
        step->pos = g->tok.pos;
        if (accept_word(g, "when")) {
            step->when = parse_expr(g);
            if (!is(g, ':'))
                fail(g, g->tok.pos, "E-SYNTAX", "expected ':' after the condition");
            next(g);
        }
        if (!is_word(g, "read"))
            fail(g, g->tok.pos, "E-SYNTAX", "expected 'read'");
        const char *text = raw_until(g, ";}", false, &pos);
        step->draw = parse_draw(g, text, pos, false);
        expect(g, ';', "';'");
    }
}

/* field name: bits, name = a ++ b, ... ; */
static void parse_stream_field(struct isagen *g, struct stream *s)
{
    struct list **composed = &s->composed, *l;

    while (*composed)
        composed = &(*composed)->next;
    do {
        struct pos pos = g->tok.pos;
        const char *name = expect_name(g, "a field");

        if (take(g, '=')) {
            l = list_add(g, &composed, pos);
            l->name = name;
            l->expr = parse_expr(g);
            continue;
        }
        expect(g, ':', "':' or '='");
        uint64_t bits = expect_number(g, "its bits");
        if (bits < 1 || bits > 64)
            fail(g, pos, "E-WIDTH", "a field has 1 to 64 bits");
        operand_add(g, &s->fields, name, pos, NULL, (unsigned)bits);
    } while (take(g, ','));
    expect(g, ';', "';'");
}

static void parse_named_expr(struct isagen *g, struct list **tail)
{
    struct list *l;

    while (*tail)
        tail = &(*tail)->next;
    l = list_add(g, &tail, g->tok.pos);
    l->name = expect_name(g, "a name");
    expect(g, '=', "'='");
    l->expr = parse_expr(g);
    expect(g, ';', "';'");
}

static void parse_stream_part(struct isagen *g, struct stream *s)
{
    struct pos pos = g->tok.pos;

    if (accept_word(g, "unit")) {
        uint64_t bits = expect_number(g, "8 or 16");

        if (bits != 8 && bits != 16)
            fail(g, pos, "E-SYNTAX", "a unit has 8 or 16 bits");
        s->unit = (unsigned)bits / 8;
        s->big = accept_word(g, "big") || !accept_word(g, "little");
        expect(g, ';', "';'");
    } else if (accept_word(g, "max")) {
        uint64_t max = expect_number(g, "bytes");

        if (max < 1 || max > ISA_MAX_ILEN)
            fail(g, pos, "E-LENGTH", "1 to %d bytes", ISA_MAX_ILEN);
        s->max = (unsigned)max;
        expect(g, ';', "';'");
    } else if (accept_word(g, "field")) {
        parse_stream_field(g, s);
    } else if (accept_word(g, "ops")) {
        parse_ops(g, &s->fields);
    } else if (accept_word(g, "let")) {
        parse_named_expr(g, &s->lets);
    } else if (accept_word(g, "form")) {
        parse_named_expr(g, &s->forms);
    } else if (is_word(g, "prefix") || is_word(g, "lead")) {
        parse_affix(g, s, is_word(g, "lead"));
    } else if (is_word(g, "tag")) {
        struct pos at;

        parse_tag(g, s, raw_word(g, &at));
    } else if (accept_word(g, "needs")) {
        parse_tag(g, s, NULL);
    } else if (is_word(g, "map")) {
        parse_map(g, s);
    } else if (accept_word(g, "tail")) {
        parse_tail(g, s);
    } else if (accept_word(g, "extension")) {
        s->extension = expect_name(g, "the field of /N");
        expect(g, ';', "';'");
    } else if (accept_word(g, "alts")) {
        parse_alts(g, &s->alts);
    } else {
        fail(g, pos, "E-SYNTAX",
             "expected unit, max, field, ops, let, prefix, lead, map, tag, needs, form, "
             "extension, tail or alts");
    }
}

/* stream NAME { parts } */
struct item *parse_stream(struct isagen *g, struct pos pos)
{
    struct item *item = add_item(g, I_STREAM, pos);
    struct stream *s = arena_alloc(&g->arena, sizeof *s);

    s->pos = pos;
    s->name = item->name = expect_name(g, "the stream's name");
    s->unit = 1;
    s->max = ISA_MAX_ILEN;
    item->extra = s;
    expect(g, '{', "'{'");
    while (!take(g, '}'))
        parse_stream_part(g, s);
    return item;
}

/* --------------------------------------------------------------------------- rows */

/* row OPCODE words ;   or   row "drawn" words ; */
void parse_row(struct isagen *g, struct insn *insn)
{
    struct row *r = arena_alloc(&g->arena, sizeof *r),
               **end = (struct row **)(void *)&insn->rows;
    struct list **tail = &r->words, *l;

    while (*end)
        end = &(*end)->next;
    *end = r;
    r->spelled = raw_word(g, &r->pos);
    if (r->spelled[0] == '"') {
        /* raw_word stopped at a blank: read the string as a token */
        g->cur = r->pos.at;
        next(g);
        r->spelled = expect_string(g, "the drawn opcode");
        r->draw = parse_draw(g, r->spelled, (struct pos){ r->pos.source, r->pos.at + 1 },
                             false);
    }
    while (!take(g, ';')) {
        if (accept_word(g, "when")) {
            r->when = expr_and(g, r->when, parse_expr(g));
        } else if (accept_word(g, "needs")) {
            r->needs = expr_and(g, r->needs, parse_expr(g));
        } else {
            l = list_add(g, &tail, g->tok.pos);
            l->name = expect_name(g, "an operand, a form, when or needs");
            l->flag = take(g, ',');
        }
    }
}

static unsigned count_rows(const struct row *r)
{
    unsigned n = 0;

    for (; r; r = r->next)
        n++;
    return n;
}

/* A name for each row: of the insn, and of the row where there are several. */
static const char *row_name(struct isagen *g, const struct insn *insn,
                            const struct row *r, const struct row *rows)
{
    unsigned same = 0;

    for (const struct row *other = rows; other != r; other = other->next)
        same += !strcmp(other->spelled, r->spelled);
    if (count_rows(rows) == 1)
        return insn->name;
    return same ? arena_printf(&g->arena, "%s.%s.%u", insn->name, r->spelled, same + 1)
                : arena_printf(&g->arena, "%s.%s", insn->name, r->spelled);
}

void expand_rows(struct isagen *g)
{
    for (struct item *item = g->first; item; item = item->next) {
        struct row *rows = item->kind == I_INSN ? item->insn->rows : NULL;
        struct insn *whole = item->insn;
        struct item *last = item;

        for (struct row *r = rows, *following; r; r = following) {
            struct insn *one = arena_alloc(&g->arena, sizeof *one);
            struct row *row = arena_alloc(&g->arena, sizeof *row);

            following = r->next;
            *one = *whole;
            *row = *r;
            row->next = NULL;
            one->name = row_name(g, whole, r, rows);
            one->pos = r->pos;
            one->whole = whole->name;
            one->rows = row;
            one->needs = expr_and(g, whole->needs, r->needs);
            if (r != rows) {
                struct item *more = arena_alloc(&g->arena, sizeof *more);

                if (++g->items > MAX_ITEMS)
                    fail(g, r->pos, "E-BUDGET", "more than %d items", MAX_ITEMS);
                *more = *item;
                more->next = last->next;
                last->next = more;
                if (g->last == &last->next)
                    g->last = &more->next;
                last = more;
                one->examples = NULL; /* they belong to the first row's */
            }
            last->insn = one;
            last->name = one->name;
            last->needs = one->needs;
        }
        item = last;
    }
}
