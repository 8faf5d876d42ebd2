/* family.c - fills the holes of a family with the columns of its rows, and parses what
 * comes out. */
#include <string.h>

#include "parse.h"

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

    while (i + n < f->size && is_name_char(f->text[i + n]))
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
    parse_inserted(g, s);
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
