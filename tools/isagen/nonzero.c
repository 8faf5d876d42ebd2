/* nonzero.c - which values are known not to be zero where a statement is lowered: by the
 * conditions around it, those of ways that are over, and decode-time decisions.  For
 * E-DIV. */
#include "build.h"
#include "isa/sem.h"

static bool is_number(struct build *b, uint16_t node, uint64_t *n)
{
    const struct sem *s = emitted(b, node);

    *n = s->op == S_CONST
             ? AT(b, consts, uint64_t, s->a | (uint32_t)s->b << 16)[0] & mask64(s->w)
             : 0;
    return s->op == S_CONST && s->w <= 64;
}

/* Was anything written between two nodes that a read of state or of `local` may see? */
static bool written_between(struct build *b, uint16_t x, uint16_t y, int local)
{
    uint16_t from = x < y ? x : y, to = x < y ? y : x;

    for (uint16_t i = from; i < to; i++) {
        const struct sem *s = emitted(b, i);

        if (local >= 0 ? (s->op == S_SETL || s->op == S_LOOP) && s->a == local
                       : s->op == S_PUT || s->op == S_PUTF || s->op == S_PUTX ||
                             s->op == S_PUTL || s->op == S_HELPER || s->op == S_SYSWRITE)
            return true;
    }
    return false;
}

static bool same_tree(struct build *b, uint16_t x, uint16_t y, unsigned depth)
{
    const struct sem *s = emitted(b, x), *t = emitted(b, y);

    if (x == y)
        return true;
    if (s->op != t->op || s->w != t->w || s->x != t->x || depth > 4)
        return false;
    switch (s->op) {
    case S_LOCAL: return s->a == t->a && !written_between(b, x, y, s->a);
    case S_GET:
    case S_GETF: return s->a == t->a && s->b == t->b && !written_between(b, x, y, -1);
    case S_SLOT:
    case S_ARG: return s->a == t->a;
    case S_CONST: return s->a == t->a && s->b == t->b;
    case S_ZEXT:
    case S_SEXT: return same_tree(b, s->a, t->a, depth + 1);
    case S_EXTRACT: return s->b == t->b && same_tree(b, s->a, t->a, depth + 1);
    case S_ADD:
    case S_SUB:
    case S_AND:
    case S_SHRU:
    case S_CONCAT:
        return same_tree(b, s->a, t->a, depth + 1) && same_tree(b, s->b, t->b, depth + 1);
    default: return false;
    }
}

bool same_value(struct build *b, uint16_t x, uint16_t y)
{
    return same_tree(b, x, y, 0);
}

static void learn_node(struct build *b, uint16_t node)
{
    struct lower *l = b->l;

    if (l->nnonzero < sizeof l->nonzero / sizeof *l->nonzero)
        l->nonzero[l->nnonzero++] = (struct nonzero){ node, NULL };
}

static void learn_dx(struct build *b, const struct dx *d)
{
    struct lower *l = b->l;

    if (l->nnonzero < sizeof l->nonzero / sizeof *l->nonzero)
        l->nonzero[l->nnonzero++] = (struct nonzero){ ISA_NONE, d };
}

static void learn_run(struct build *b, uint16_t cond, bool is, unsigned depth)
{
    const struct sem s = *emitted(b, cond);
    uint64_t a = 0, c = 0;

    if (depth > 20)
        return;
    switch (s.op) {
    case S_AND:
    case S_OR:
        if (is == (s.op == S_AND)) {
            learn_run(b, s.a, is, depth + 1);
            learn_run(b, s.b, is, depth + 1);
        }
        return;
    case S_XOR:
        if (is_number(b, s.b, &c) && c == 1)
            learn_run(b, s.a, !is, depth + 1);
        return;
    case S_EQ:
    case S_NE:
        if (is == (s.op == S_NE) && is_number(b, s.b, &c) && c == 0)
            learn_node(b, s.a);
        if (is == (s.op == S_NE) && is_number(b, s.a, &a) && a == 0)
            learn_node(b, s.b);
        return;
    case S_LTU:
    case S_LEU: /* below another: the greater one is not 0 */
        if (is && (s.op == S_LTU || (is_number(b, s.a, &a) && a)))
            learn_node(b, s.b);
        if (!is && (s.op == S_LEU || (is_number(b, s.b, &c) && c)))
            learn_node(b, s.a);
        return;
    case S_LTS:
        if (is && is_number(b, s.a, &a) && a == 0)
            learn_node(b, s.b);
        if (is && is_number(b, s.b, &c) && c == 0)
            learn_node(b, s.a);
        return;
    default: return;
    }
}

static void learn_decode(struct build *b, const struct dx *d, bool is, unsigned depth)
{
    if (depth > 20)
        return;
    if ((d->op == S_AND || d->op == S_OR) && d->w == 1 && is == (d->op == S_AND)) {
        learn_decode(b, d->a, is, depth + 1);
        learn_decode(b, d->b, is, depth + 1);
    } else if (d->op == S_XOR && d->w == 1 && d->b->op == S_CONST && d->b->k == 1) {
        learn_decode(b, d->a, !is, depth + 1);
    } else if ((d->op == S_EQ || d->op == S_NE) && is == (d->op == S_NE) &&
               d->b->op == S_CONST && !d->b->k) {
        learn_dx(b, d->a);
    } else if (d->op == S_EQ && is && d->b->op == S_CONST) {
        learn_dx(b, d->a);
    }
}

unsigned nonzero_learn(struct build *b, struct val cond, bool is)
{
    unsigned before = b->l->nnonzero;

    if (cond.time == RUN)
        learn_run(b, cond.node, is, 0);
    else if (cond.time == DECODE)
        learn_decode(b, cond.d, is, 0);
    return before;
}

static bool nonzero_dx(struct build *b, const struct dx *d, unsigned depth)
{
    int64_t low, high;

    if (d->op == S_CONST)
        return d->k != 0;
    if (depth < 20 && (d->op == S_ZEXT || d->op == S_SEXT))
        return nonzero_dx(b, d->a, depth + 1);
    if (depth < 20 && d->op == S_EXTRACT && d->k == 0 && dx_range(b, d->a, &low, &high) &&
        low >= 0 && (uint64_t)high <= mask64(d->w))
        return nonzero_dx(b, d->a, depth + 1);
    if (depth < 20 && d->op == S_SELECT)
        return nonzero_dx(b, d->b, depth + 1) && nonzero_dx(b, d->c, depth + 1);
    if (dx_range(b, d, &low, &high) && (low > 0 || high < 0))
        return true;
    for (unsigned i = 0; i < b->l->nnonzero; i++)
        if (b->l->nonzero[i].d && dx_equal(b->l->nonzero[i].d, d))
            return true;
    return false;
}

static bool nonzero_node(struct build *b, uint16_t node, unsigned depth)
{
    const struct sem s = *emitted(b, node);
    uint64_t n;
    unsigned mark;
    bool yes;

    for (unsigned i = 0; i < b->l->nnonzero; i++)
        if (!b->l->nonzero[i].d && same_value(b, b->l->nonzero[i].node, node))
            return true;
    if (depth > 8)
        return false;
    switch (s.op) {
    case S_CONST: return is_number(b, node, &n) && n;
    case S_SLOT: return nonzero_dx(b, b->l->slot_dx[s.a], 0);
    case S_ZEXT:
    case S_SEXT: return nonzero_node(b, s.a, depth + 1);
    case S_OR:
    case S_CONCAT:
        return nonzero_node(b, s.a, depth + 1) || nonzero_node(b, s.b, depth + 1);
    case S_SELECT: /* b == 0 ? 1 : b */
        mark = nonzero_learn(b, val_run(s.a, 1), true);
        yes = nonzero_node(b, s.b, depth + 1);
        b->l->nnonzero = mark;
        mark = nonzero_learn(b, val_run(s.a, 1), false);
        yes = yes && nonzero_node(b, s.c, depth + 1);
        b->l->nnonzero = mark;
        return yes;
    default: return false;
    }
}

bool is_nonzero(struct build *b, struct val v)
{
    return v.time == SPEC     ? v.lo != 0 || v.hi != 0
           : v.time == DECODE ? nonzero_dx(b, v.d, 0)
                              : nonzero_node(b, v.node, 0);
}
