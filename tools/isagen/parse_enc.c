/* parse_enc.c - parses drawn encodings: bits, fields and their slices. */
#include <stdlib.h>
#include <string.h>

#include "parse.h"

static const char *enc_name(struct isagen *g)
{
    uint32_t start = g->cur;

    while (is_name_char(char_at(g, g->cur)) || char_at(g, g->cur) == '.')
        g->cur++;
    return arena_strndup(&g->arena, g->source->text + start, g->cur - start);
}

static unsigned enc_number(struct isagen *g)
{
    unsigned n = 0;

    if (char_at(g, g->cur) < '0' || char_at(g, g->cur) > '9')
        fail(g, (struct pos){ g->source, g->cur }, "E-SYNTAX", "expected a bit number");
    while (char_at(g, g->cur) >= '0' && char_at(g, g->cur) <= '9' && n < 10000)
        n = n * 10 + (unsigned)(char_at(g, g->cur++) - '0');
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
        if (char_at(g, g->cur) == ':') {
            g->cur++;
            l->number2 = enc_number(g);
        }
        if (l->number2 > l->number || l->number > 127)
            fail(g, pos, "E-SYNTAX", "a slice reads [HIGH:LOW], at most 127");
    } while (char_at(g, g->cur) == '|');
    if (char_at(g, g->cur++) != ']')
        fail(g, (struct pos){ g->source, g->cur - 1 }, "E-SYNTAX", "expected ']'");
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
    if (is_number_kind(name)) {
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
        while (is_blank(char_at(g, g->cur)))
            g->cur++;
        int c = char_at(g, g->cur);
        struct pos pos = { g->source, g->cur };

        if (c == ';' || c == '}' || c == 0)
            break;
        if (c == '/' && char_at(g, g->cur + 1) == '/') {
            while (g->cur < g->source->size && char_at(g, g->cur) != '\n')
                g->cur++;
            continue;
        }
        e = *tail = arena_alloc(&g->arena, sizeof *e);
        tail = &e->next;
        e->pos = pos;
        if (c == '0' || c == '1' || c == '-') {
            uint32_t start = g->cur;

            while (char_at(g, g->cur) == '0' || char_at(g, g->cur) == '1' ||
                   char_at(g, g->cur) == '-')
                g->cur++;
            e->bits = arena_strndup(&g->arena, g->source->text + start, g->cur - start);
            if (g->cur - start > 128)
                fail(g, pos, "E-WIDTH-ENC", "more than 128 bits");
        } else if ((is_name_char(c) || c == '.') && !(c >= '0' && c <= '9')) {
            e->name = enc_name(g);
            if (char_at(g, g->cur) == '[')
                enc_slices(g, e);
            if (char_at(g, g->cur) == ':') {
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
