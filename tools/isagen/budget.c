/* budget.c - the limits that a spec gives itself: variants and nodes of an instruction,
 * and of all.  A message says which decode-time choices made so many. */
#include <string.h>

#include "build.h"

/* ------------------------------------------------------------------ choices as text */

static const char *leaf_text(struct build *b, const struct dx *d)
{
    switch (d->op) {
    case S_CONST: return arena_printf(&b->g->arena, "%lld", (long long)d->k);
    case S_FIELD: return d->k < b->l->nopers ? b->l->opers[d->k].name : "a field";
    case S_MODE: return ((struct item **)b->mode_items.items)[d->k]->name;
    case S_FEATURE: return *AT(b, features, const char *, d->k);
    case S_PC: return "pc";
    case S_ILEN: return "ilen";
    default: return "?";
    }
}

static const char *operator_of(int op)
{
    static const struct {
        int op;
        const char *text;
    } names[] = { { S_EQ, "==" },   { S_NE, "!=" },  { S_LTU, "<u" }, { S_LTS, "<" },
                  { S_LEU, "<=u" }, { S_LES, "<=" }, { S_AND, "&" },  { S_OR, "|" },
                  { S_XOR, "^" },   { S_ADD, "+" },  { S_SUB, "-" },  { S_SHL, "<<" } };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].op == op)
            return names[i].text;
    return NULL;
}

static const char *dx_text(struct build *b, const struct dx *d, unsigned depth)
{
    if (!d->a)
        return leaf_text(b, d);
    if (depth > 3)
        return "...";
    if (d->op == S_ZEXT || d->op == S_SEXT)
        return dx_text(b, d->a, depth);
    if (d->op == S_EXTRACT)
        return d->w == 1 ? arena_printf(&b->g->arena, "%s[%u]",
                                        dx_text(b, d->a, depth + 1), (unsigned)d->k)
                         : dx_text(b, d->a, depth);
    if (d->op == S_SELECT)
        return arena_printf(&b->g->arena, "(%s ? ..)", dx_text(b, d->a, depth + 1));
    if (!d->b || !operator_of(d->op))
        return "...";
    return arena_printf(&b->g->arena, "%s %s %s", dx_text(b, d->a, depth + 1),
                        operator_of(d->op), dx_text(b, d->b, depth + 1));
}

struct axes {
    const struct dx *on[12];
    unsigned values[12], count;
};

static void collect(const struct path *p, struct axes *axes)
{
    unsigned i = 0;

    if (!p || !p->on)
        return;
    while (i < axes->count && !dx_equal(axes->on[i], p->on))
        i++;
    if (i == axes->count && i < 12) {
        axes->on[i] = p->on;
        axes->values[axes->count++] = p->values;
    }
    for (i = 0; i < p->values; i++)
        collect(p->children[i], axes);
}

const char *choices_text(struct build *b, const struct path *choices)
{
    struct axes axes = { .count = 0 };
    const char *text = "";

    collect(choices, &axes);
    for (unsigned i = 0; i < axes.count; i++)
        text = arena_printf(&b->g->arena, "%s%s%s (%u)", text, i ? " x " : "",
                            dx_text(b, axes.on[i], 0), axes.values[i]);
    return text;
}

/* -------------------------------------------------------------------------- checks */

struct used {
    unsigned variants, nodes;
};

static struct used used_from(struct build *b, uint32_t first, uint32_t end)
{
    struct used u = { end - first, 0 };

    for (uint32_t i = first; i < end; i++)
        u.nodes += AT(b, variants, struct isa_variant, i)->body.count;
    return u;
}

static unsigned amount(const struct used *u, const struct list *budget)
{
    return strcmp(budget->name, "nodes") ? u->variants : u->nodes;
}

void check_budget(struct build *b, const struct insn *insn, uint32_t first,
                  const struct path *choices)
{
    struct used u = used_from(b, first, b->variants.count);

    for (const struct list *l = insn->budget; l; l = l->next)
        if (amount(&u, l) > l->number)
            error_at(b->g, l->pos, "E-BUDGET", "%s has %u %s%s%s", insn->name,
                     amount(&u, l), l->name, choices->on ? ": " : "",
                     choices_text(b, choices));
}

/* The instruction with the most of it, as a hint; NULL: there is none. */
static const struct insn *largest(struct build *b, const struct list *budget,
                                  unsigned *most)
{
    const struct insn *found = NULL;

    for (uint32_t i = 0, end; i < b->variants.count; i = end) {
        uint16_t insn = AT(b, variants, struct isa_variant, i)->insn;

        for (end = i; end < b->variants.count &&
                      AT(b, variants, struct isa_variant, end)->insn == insn;)
            end++;
        struct used u = used_from(b, i, end);
        if (!found || amount(&u, budget) > *most) {
            found = *AT(b, insn_items, const struct insn *, insn);
            *most = amount(&u, budget);
        }
    }
    return found;
}

/* `budget variants N, nodes N;` of a target */
void check_budget_of_all(struct build *b)
{
    struct used u = used_from(b, 0, b->variants.count);

    for (uint32_t i = 0; i < b->kinds[I_BUDGET].count; i++) {
        const struct item *item = ((struct item **)b->kinds[I_BUDGET].items)[i];

        for (const struct list *l = item->list; l; l = l->next) {
            unsigned most = 0;
            const struct insn *insn = largest(b, l, &most);

            if (insn && amount(&u, l) > l->number)
                error_at(b->g, l->pos, "E-BUDGET",
                         "%u %s in all; the most: %u of %s (%s)", amount(&u, l), l->name,
                         most, insn->name, source_place(b->g, insn->pos));
        }
    }
}
