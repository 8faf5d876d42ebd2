/* stream_lower.c - what a stream adds to bodies: operands with alternatives, operands by
 * position, names for decode-time expressions, and LOCK. */
#include <stdlib.h>
#include <string.h>

#include "stream_info.h"

/* --------------------------------------------------------- conditions as decisions */

/* All values a decode-time expression can have, if they are few. */
static bool few_values(const struct dx *d, uint64_t *values, unsigned *count)
{
    if (d->op == S_CONST) {
        for (unsigned i = 0; i < *count; i++)
            if (values[i] == d->k)
                return true;
        if (*count == 8)
            return false;
        values[(*count)++] = d->k;
        return true;
    }
    return d->op == S_SELECT && few_values(d->b, values, count) &&
           few_values(d->c, values, count);
}

static bool is_equality(const struct dx *d)
{
    return d->op == S_EQ && d->b->op == S_CONST;
}

/* What earlier decisions say about x == k: 1, 0, or -1 where they leave it open. */
static int implied(struct build *b, const struct dx *d)
{
    uint64_t values[8];
    unsigned count = 0, open = 0;
    bool excluded[8] = { false };
    bool few = few_values(d->a, values, &count);

    for (unsigned i = 0; i < b->l->used; i++) {
        const struct decision *made = &b->l->decisions[i];

        if (!is_equality(made->on) || !dx_equal(made->on->a, d->a))
            continue;
        if (made->value)
            return made->on->b->k == d->b->k;
        if (made->on->b->k == d->b->k)
            return 0;
        for (unsigned k = 0; few && k < count; k++)
            excluded[k] |= values[k] == made->on->b->k;
    }
    for (unsigned k = 0; few && k < count; k++)
        open += !excluded[k];
    for (unsigned k = 0; few && k < count; k++)
        if (!excluded[k] && values[k] == d->b->k)
            return open == 1 ? 1 : -1;
    return few ? 0 : -1;
}

/* Decides a condition part by part, so that conditions which share parts agree. */
bool decide_condition(struct build *b, const struct expr *e)
{
    struct val v;
    int known;

    if (e->kind == E_BINARY && e->op == T_ANDAND)
        return decide_condition(b, e->a) && decide_condition(b, e->b);
    if (e->kind == E_BINARY && e->op == T_OROR)
        return decide_condition(b, e->a) || decide_condition(b, e->b);
    if (e->kind == E_UNARY && e->op == '!')
        return !decide_condition(b, e->a);
    v = lower_cond(b, e);
    if (v.time == DECODE && v.d->op == S_NE && v.d->b->op == S_CONST) {
        const struct dx *eq = dx_new(b, S_EQ, 1, 0, v.d->a, v.d->b, NULL);

        known = implied(b, eq);
        return known >= 0 ? !known
                          : !decide(b, val_decode(eq, 1), e->pos, "the condition");
    }
    if (v.time == DECODE && is_equality(v.d) && (known = implied(b, v.d)) >= 0)
        return known;
    return decide(b, v, e->pos, "the condition");
}

/* ---------------------------------------------------------------------------- names */

static const struct alts *find_alts(const struct stream_info *si, const char *name)
{
    const struct alts *a = si->s->alts;

    while (a && strcmp(a->name, name))
        a = a->next;
    return a;
}

static const struct list *row_operand(struct build *b, const char *name, struct pos pos)
{
    const struct list *w = b->stream->row ? b->stream->row->operands : NULL;

    for (int n = atoi(name); w && n; n--)
        w = w->next;
    if (!w)
        fail(b->g, pos, "E-NAME", "the row has no operand {%s}", name);
    return w;
}

/* The place or value of the alternative that holds. */
static const struct expr *choose(struct build *b, const struct alts *a, struct pos pos)
{
    for (const struct list *l = a->list; l; l = l->next) {
        if (l->expr && !decide_condition(b, l->expr))
            continue;
        if (!l->expr2)
            fail(b->g, pos, "E-TYPE", "this alternative of %s has no value", a->name);
        return l->expr2;
    }
    fail(b->g, pos, "E-TYPE", "no alternative of %s holds here", a->name);
}

/* The expression a `let` of the stream names, or NULL. */
const struct expr *stream_let(struct build *b, const char *name)
{
    for (const struct list *l = b->stream ? b->stream->s->lets : NULL; l; l = l->next)
        if (!strcmp(l->name, name))
            return l->expr;
    return NULL;
}

/* What a name of the stream stands for, or NULL: an operand by position, alts, a let. */
const struct expr *stream_name(struct build *b, const char *name, struct pos pos)
{
    const struct alts *a;

    if (!b->stream)
        return NULL;
    if (name[0] >= '0' && name[0] <= '9') {
        const struct list *w = row_operand(b, name, pos);
        struct expr *e;

        if ((a = find_alts(b->stream, w->name)))
            return choose(b, a, pos);
        e = expr_new(b->g, E_NAME, pos);
        e->name = w->name;
        return e;
    }
    if (stream_let(b, name))
        return stream_let(b, name);
    if (b->l->decode_only || !(a = find_alts(b->stream, name)))
        return NULL;
    return choose(b, a, pos);
}

/* The place of an operand by position whose address was taken first, or NULL. */
struct place *stream_place(struct build *b, const char *name)
{
    if (!b->stream || name[0] < '0' || name[0] > '7' || name[1])
        return NULL;
    return b->stream->places[name[0] - '0'];
}

/* ---------------------------------------------------------------- before the body */

static bool mentions(const struct expr *e, const char *name);

static bool mentions_args(struct expr *const *args, unsigned n, const char *name)
{
    for (unsigned i = 0; i < n; i++)
        if (mentions(args[i], name))
            return true;
    return false;
}

static bool mentions(const struct expr *e, const char *name)
{
    return e && ((e->kind == E_NAME && !strcmp(e->name, name)) || mentions(e->a, name) ||
                 mentions(e->b, name) || mentions(e->c, name) ||
                 mentions(e->round, name) || mentions_args(e->args, e->nargs, name) ||
                 mentions_args(e->targs, e->ntargs, name));
}

static bool body_mentions(const struct stmt *s, const char *name)
{
    for (; s; s = s->next)
        if (mentions(s->a, name) || mentions(s->b, name) || mentions(s->c, name) ||
            mentions(s->d, name) || mentions_args(s->args, s->nargs, name) ||
            body_mentions(s->body, name) || body_mentions(s->other, name))
            return true;
    return false;
}

static bool is_memory(const struct expr *e)
{
    return e->kind == E_INDEX && e->a->kind == E_NAME && !strncmp(e->a->name, "mem", 3);
}

/* With a lock prefix and operand 0 in memory, other operands are read first and the body
 * must load operand 0 and store it once. */
static void begin_lock(struct build *b)
{
    struct stream_info *si = b->stream;
    int field = stream_field(si, "lock");
    const struct dx *d;
    struct val is_locked;

    si->locked = false;
    if (!si->row->lock || !si->places[0] || field < 0)
        return;
    d = dx_new(b, S_EQ, 1, 0, dx_new(b, S_FIELD, 64, (uint64_t)field, NULL, NULL, NULL),
               dx_new(b, S_CONST, 64, 1, NULL, NULL, NULL), NULL);
    is_locked = val_decode(d, 1);
    si->locked = si->row->always_locked || decide(b, is_locked, si->insn->pos, "lock");
    si->old = ISA_NONE;
    si->stored = false;
    if (!si->locked)
        return;
    for (unsigned i = 1; i < 4; i++) {
        char name[2] = { (char)('0' + i), 0 };
        struct expr *e;
        struct val v;

        if (!body_mentions(si->insn->body, name) || si->places[i])
            continue;
        e = expr_new(b->g, E_NAME, si->insn->pos);
        e->name = arena_strndup(&b->g->arena, name, 1);
        v = lower_expr(b, e, si->places[0]->w);
        if (v.w || v.time != RUN)
            si->early[i] = adopt(b, v, si->places[0]->w, e->pos), si->has_early[i] = true;
    }
}

void stream_begin(struct build *b)
{
    struct stream_info *si = b->stream;
    unsigned i = 0;

    if (!si)
        return;
    memset(si->places, 0, sizeof si->places);
    memset(si->has_early, 0, sizeof si->has_early);
    for (const struct list *w = si->row->operands; w && i < 8; w = w->next, i++) {
        const struct alts *a = find_alts(si, w->name);
        char name[2] = { (char)('0' + i), 0 };
        const struct expr *e;

        if (!a || !body_mentions(si->insn->body, name))
            continue;
        e = choose(b, a, w->pos);
        if (is_memory(e))
            si->places[i] = place_of(b, e, true);
    }
    begin_lock(b);
}

/* An operand that was read before the body (LOCK). */
bool stream_early(struct build *b, const char *name, struct val *v)
{
    if (!b->stream || name[0] < '0' || name[0] > '7' || name[1] || !b->stream->locked ||
        !b->stream->has_early[name[0] - '0'])
        return false;
    *v = b->stream->early[name[0] - '0'];
    return true;
}

/* ---------------------------------------------------------------------------- LOCK */

/* Is this the memory of operand 0, under LOCK? */
bool stream_is_locked(struct build *b, const struct place *p)
{
    return b->stream && b->stream->locked && p == b->stream->places[0];
}

/* Reading it: the load, once. */
struct val stream_locked_get(struct build *b, struct place *p)
{
    struct stream_info *si = b->stream;
    struct val v;

    if (si->old != ISA_NONE)
        return val_run(si->old, p->w);
    may_trap(b, p->pos);
    v = val_run(
        emit(b, S_LD, p->w, val_node(b, p->index, p->low, p->pos), ISA_NONE, ISA_NONE),
        p->w);
    emitted(b, v.node)->x = (uint8_t)p->number;
    si->old = v.node;
    return v;
}

static int amo_of(int op)
{
    return op == S_ADD   ? AMO_ADD
           : op == S_AND ? AMO_AND
           : op == S_OR  ? AMO_OR
           : op == S_XOR ? AMO_XOR
                         : -1;
}

/* Storing operand 0: one atomic operation where the new value is old OP x and x was known
 * before the load; else compare and swap, and the instruction again if that failed. */
void stream_locked_put(struct build *b, struct place *p, struct val v, struct pos pos)
{
    struct stream_info *si = b->stream;
    uint16_t node = val_node(b, v, p->w, pos), x = ISA_NONE;
    struct sem *made = emitted(b, node), *load;
    int amo = amo_of(made->op);

    if (si->stored || si->old == ISA_NONE || b->l->wrote)
        fail(b->g, si->row->pos, "E-LOCK",
             "a `lock` row's body reads operand 0, stores it once, and writes nothing "
             "before");
    si->stored = true;
    if (amo >= 0 && (made->a == si->old || made->b == si->old))
        x = made->a == si->old ? made->b : made->a;
    else if (node < si->old)
        amo = AMO_XCHG, x = node;
    if (x < si->old) {
        load = emitted(b, si->old);
        load->op = S_AMO;
        load->b = x;
        load->d = (uint8_t)amo;
        return;
    }
    uint16_t address = emitted(b, si->old)->a;
    uint16_t seen = emit(b, S_CAS, p->w, address, si->old, node);
    emitted(b, seen)->x = (uint8_t)p->number;
    emit(b, S_IF, 0, emit(b, S_NE, 1, seen, si->old, ISA_NONE), ISA_NONE, ISA_NONE);
    emit(b, S_REPEAT, 0, ISA_NONE, ISA_NONE, ISA_NONE);
    emit(b, S_END, 0, ISA_NONE, ISA_NONE, ISA_NONE);
}

void stream_end(struct build *b)
{
    if (b->stream && b->stream->locked && !b->stream->stored)
        fail(b->g, b->stream->row->pos, "E-LOCK",
             "a `lock` row's body reads operand 0, stores it once, and writes nothing "
             "before");
}
