/* lower.c - expressions to values. */
#include <string.h>

#include "build.h"

struct symbol *bind_name(struct build *b, const char *name, struct val v)
{
    struct symbol *s = arena_alloc(&b->g->arena, sizeof *s);

    s->name = name;
    s->val = v;
    s->next = b->l->scope;
    b->l->scope = s;
    return s;
}

uint64_t spec_number(struct build *b, const struct expr *e, const char *what,
                     uint64_t most)
{
    struct val v = lower_expr(b, e, 0);
    int64_t n = decide(b, v, e->pos, what);

    if (n < 0 || (uint64_t)n > most)
        fail(b->g, e->pos, "E-WIDTH", "%s is %lld, allowed: 0 to %llu", what,
             (long long)n, (unsigned long long)most);
    return (uint64_t)n;
}

/* ----------------------------------------------------------------------- names */

static struct val param_value(struct build *b, const struct item *param)
{
    if (b->target)
        for (const struct list *l = b->target->list; l; l = l->next)
            if (!strcmp(l->name, param->name))
                return val_number((int64_t)l->number);
    return val_number((int64_t)param->number);
}

struct val oper_value(struct build *b, struct oper *o, struct pos pos)
{
    struct place *p;

    o->used = true;
    if (b->l->decode_only)
        return o->number;
    p = oper_place(b, o, pos);
    if (p)
        return place_get(b, p);
    if (o->kind && o->kind->base == K_PCREL) {
        const struct dx *pc = dx_new(b, S_PC, 64, 0, NULL, NULL, NULL);
        const struct dx *sum =
            dx_new(b, S_ADD, 64, 0, pc, val_dx(b, o->number, 64), NULL);

        if (o->kind->from_end)
            sum = dx_new(b, S_ADD, 64, 0, sum, dx_new(b, S_ILEN, 64, 0, NULL, NULL, NULL),
                         NULL);

        return b->isa.pc_width < 64
                   ? val_decode(dx_new(b, S_EXTRACT, b->isa.pc_width, 0, sum, NULL, NULL),
                                b->isa.pc_width)
                   : val_decode(sum, b->isa.pc_width);
    }
    if (o->kind && o->kind->value) {
        struct symbol *scope = b->l->scope;
        bool was = b->l->decode_only;

        b->l->scope = NULL;
        bind_name(b, "v", o->raw);
        b->l->decode_only = true;
        struct val v = lower_expr(b, o->kind->value, 0);
        b->l->decode_only = was;
        b->l->scope = scope;
        return v;
    }
    if (o->kind && o->kind->base == K_FN) {
        struct symbol *scope = b->l->scope;
        const struct item *fn = find_item(b, I_FN, o->kind->name);
        struct expr **args = arena_array(&b->g->arena, o->kind->nargs + 1, sizeof *args);
        bool was = b->l->decode_only;

        if (!fn)
            fail(b->g, o->pos, "E-NAME", "no fn %s", o->kind->name);
        args[0] = expr_new(b->g, E_NAME, pos);
        args[0]->name = "v ";
        for (unsigned i = 0; i < o->kind->nargs; i++)
            args[i + 1] = o->kind->args[i];
        b->l->scope = NULL;
        bind_name(b, "v ", o->kind->is_signed ? o->number : o->raw);
        b->l->decode_only = true;
        struct val v = call_fn(b, fn, args, o->kind->nargs + 1, pos, 0);
        b->l->decode_only = was;
        b->l->scope = scope;
        return v;
    }
    return o->number;
}

static int find_mode(struct build *b, const char *name)
{
    return find_named(b, &b->mode_items, name);
}

static struct val mode_value(struct build *b, int mode)
{
    unsigned w = (unsigned)((struct item **)b->mode_items.items)[mode]->number;

    return val_decode(dx_new(b, S_MODE, w, (uint64_t)mode, NULL, NULL, NULL), w);
}

static struct val pc_value(struct build *b)
{
    const struct dx *pc = dx_new(b, S_PC, 64, 0, NULL, NULL, NULL);

    if (b->isa.pc_width < 64)
        pc = dx_new(b, S_EXTRACT, b->isa.pc_width, 0, pc, NULL, NULL);
    return val_decode(pc, b->isa.pc_width);
}

static struct val lower_name(struct build *b, const struct expr *e, unsigned want)
{
    const struct item *item;
    const struct expr *meant;
    struct place *p;
    struct val v;
    int i;

    for (struct symbol *s = b->l->scope; s; s = s->next)
        if (!strcmp(s->name, e->name)) {
            if (s->failed)
                fail_again(b->g);
            return s->place ? place_get(b, s->place) : s->val;
        }
    for (unsigned k = 0; k < b->l->nopers; k++)
        if (!strcmp(b->l->opers[k].name, e->name))
            return oper_value(b, &b->l->opers[k], e->pos);
    if (stream_early(b, e->name, &v))
        return v;
    if ((p = stream_place(b, e->name)))
        return place_get(b, p);
    if ((meant = stream_name(b, e->name, e->pos)))
        return lower_expr(b, meant, want);
    if ((item = find_item(b, I_PARAM, e->name)))
        return param_value(b, item);
    if (!strcmp(e->name, "pc"))
        return pc_value(b);
    if (!strcmp(e->name, "ilen"))
        return val_decode(dx_new(b, S_ILEN, 64, 0, NULL, NULL, NULL), 0);
    if ((i = find_mode(b, e->name)) >= 0)
        return mode_value(b, i);
    if ((p = place_of(b, e, false)))
        return place_get(b, p);
    if ((item = find_item(b, I_FN, e->name)) && !item->list)
        return call_fn(b, item, NULL, 0, e->pos, want);
    if ((i = find_feature(b, e->name)) >= 0)
        return val_decode(dx_new(b, S_FEATURE, 1, (uint64_t)i, NULL, NULL, NULL), 1);
    fail(b->g, e->pos, "E-NAME", "%s is not declared", e->name);
}

static struct val lower_member(struct build *b, const struct expr *e)
{
    struct place *p;
    int i;

    if (e->a->kind == E_NAME && e->name && !strcmp(e->a->name, "mode")) {
        if ((i = find_mode(b, e->name)) < 0)
            fail(b->g, e->pos, "E-NAME", "no mode %s", e->name);
        return mode_value(b, i);
    }
    p = place_of(b, e, false);
    if (!p)
        fail(b->g, e->pos, "E-NAME", "no such member");
    return place_get(b, p);
}

/* ------------------------------------------------------------------- operators */

/* Gives both the same width: that of either, of the context, or none (two numbers). */
static unsigned unify(struct build *b, struct val *a, struct val *c, unsigned want,
                      struct pos pos)
{
    unsigned w = a->w ? a->w : c->w;

    if (!w && want && (a->time == RUN || c->time == RUN))
        w = want;
    if (!w)
        return 0;
    *a = adopt(b, *a, w, pos);
    *c = adopt(b, *c, w, pos);
    return w;
}

static void check_shift(struct build *b, unsigned w, struct val amount, struct pos pos)
{
    uint64_t most = val_max(b, amount);

    if (w && most >= w)
        fail(b->g, pos, "E-SHIFT",
             "the amount can be %llu, the value has %u bits: mask it, or use shl_sat, "
             "shr_sat, "
             "sar_sat",
             (unsigned long long)most, w);
}

static int shift_op(int token)
{
    return token == T_SHL ? S_SHL : token == T_SHRU ? S_SHRU : S_SHRS;
}

static struct val lower_shift(struct build *b, const struct expr *e, unsigned want)
{
    struct val a = lower_expr(b, e->a, want), n = lower_expr(b, e->b, 0);
    int op = shift_op(e->op);

    if (!a.w && (n.time == RUN || a.time == RUN))
        a = adopt(b, a, want, e->pos);
    if (!a.w) { /* numbers */
        check_shift(b, 64, n, e->pos);
        return op2(b, op == S_SHRU ? S_SHRS : op, 0, a, n, e->pos);
    }
    check_shift(b, a.w, n, e->pos);
    if (!n.w)
        n = adopt(b, n, a.w < 8 ? 8 : a.w, e->pos);
    return op2(b, op, a.w, a, n, e->pos);
}

/* clang-format off */
static const struct { int token, op; bool swap, not_; } compares[] = {
    { T_EQ, S_EQ, 0, 0 },   { T_NE, S_NE, 0, 0 },
    { T_LTS, S_LTS, 0, 0 }, { T_LTU, S_LTU, 0, 0 }, { T_LES, S_LES, 0, 0 }, { T_LEU, S_LEU, 0, 0 },
    { T_GTS, S_LTS, 1, 0 }, { T_GTU, S_LTU, 1, 0 }, { T_GES, S_LES, 1, 0 }, { T_GEU, S_LEU, 1, 0 },
    { '<', S_LTS, 0, 1 },   { '>', S_LTS, 1, 1 },   { T_LE, S_LES, 0, 1 },  { T_GE, S_LES, 1, 1 },
};
static const struct { int token, op; bool sign; } arithmetic[] = {
    { '+', S_ADD, 0 }, { '-', S_SUB, 0 }, { '*', S_MUL, 0 }, { '&', S_AND, 0 }, { '|', S_OR, 0 },
    { '^', S_XOR, 0 }, { T_DIVU, S_DIVU, 0 }, { T_DIVS, S_DIVS, 0 }, { T_REMU, S_REMU, 0 },
    { T_REMS, S_REMS, 0 }, { '/', S_DIVS, 1 }, { '%', S_REMS, 1 },
};
/* clang-format on */

static struct val compare(struct build *b, int op, struct val a, struct val c,
                          struct pos pos)
{
    unsigned aw = a.w ? a.w : 64;

    if (a.time != RUN && c.time != RUN && aw <= 64)
        return val_decode(dx_new(b, op, 1, 0, val_dx(b, a, aw), val_dx(b, c, aw), NULL),
                          1);
    /* in this order on any compiler: the slots are numbered as they are met */
    uint16_t x = val_node(b, a, aw, pos), y = val_node(b, c, aw, pos);
    return val_run(emit(b, op, 1, x, y, ISA_NONE), 1);
}

static struct val lower_compare(struct build *b, const struct expr *e, unsigned i)
{
    struct val a = lower_expr(b, e->a, 0), c = lower_expr(b, e->b, a.w);

    unify(b, &a, &c, 0, e->pos);
    if (compares[i].not_ && a.w)
        fail(b->g, e->pos, "E-SIGN-AMBIG",
             "values have no sign: write <s or <u (>s, <=u, ...)");
    return compares[i].swap ? compare(b, compares[i].op, c, a, e->pos)
                            : compare(b, compares[i].op, a, c, e->pos);
}

static struct val lower_logic(struct build *b, const struct expr *e)
{
    struct val a = lower_cond(b, e->a);

    if (a.time == SPEC && (e->op == T_ANDAND ? !a.lo : a.lo))
        return a;
    unsigned known = nonzero_learn(b, a, e->op == T_ANDAND);
    struct val c = lower_cond(b, e->b);
    b->l->nnonzero = known;
    return op2(b, e->op == T_ANDAND ? S_AND : S_OR, 1, a, c, e->pos);
}

static struct val lower_arithmetic(struct build *b, const struct expr *e, unsigned want,
                                   int op, bool sign)
{
    struct val a = lower_expr(b, e->a, want), c;

    c = lower_expr(b, e->b, a.w ? a.w : want);
    unsigned w = unify(b, &a, &c, want, e->pos);
    if (sign && w)
        fail(b->g, e->pos, "E-SIGN-AMBIG",
             "values have no sign: write /s or /u, %%s or %%u");
    if ((op == S_DIVU || op == S_REMU || op == S_DIVS || op == S_REMS) &&
        !is_nonzero(b, c) && !b->l->failed_tests)
        fail(
            b->g, e->pos, "E-DIV",
            c.time == SPEC
                ? "division by zero"
                : "the divisor may be zero: write b == 0 ? ... : a /u b, or if (b != 0)");
    return op2(b, op, w, a, c, e->pos);
}

static struct val lower_binary(struct build *b, const struct expr *e, unsigned want)
{
    if (e->op == T_SHL || e->op == T_SHRU || e->op == T_SHRS)
        return lower_shift(b, e, want);
    if (e->op == T_ANDAND || e->op == T_OROR)
        return lower_logic(b, e);
    if (e->op == T_CONCAT) {
        struct val a = lower_expr(b, e->a, 0), c = lower_expr(b, e->b, 0);

        if (!a.w || !c.w)
            fail(b->g, e->pos, "E-WIDTH", "++ joins values of known width: write b8(0)");
        if (a.w + c.w > 128)
            fail(b->g, e->pos, "E-WIDTH", "more than 128 bits");
        return op2(b, S_CONCAT, a.w + c.w, a, c, e->pos);
    }
    for (size_t i = 0; i < sizeof compares / sizeof *compares; i++)
        if (compares[i].token == e->op)
            return lower_compare(b, e, (unsigned)i);
    for (size_t i = 0; i < sizeof arithmetic / sizeof *arithmetic; i++)
        if (arithmetic[i].token == e->op)
            return lower_arithmetic(b, e, want, arithmetic[i].op, arithmetic[i].sign);
    fail(b->g, e->pos, "E-TYPE", "not an operator of values");
}

static struct val lower_unary(struct build *b, const struct expr *e, unsigned want)
{
    struct val v;

    if (e->op == '!') {
        v = lower_cond(b, e->a);
        return op2(b, S_XOR, 1, v, val_bits(1, 1), e->pos);
    }
    v = lower_expr(b, e->a, want);
    if (!v.w && v.time == RUN)
        v = adopt(b, v, want, e->pos);
    if (!v.w && e->op == '-')
        return op2(b, S_SUB, 0, val_number(0), v, e->pos);
    if (!v.w)
        return op2(b, S_XOR, 0, v, val_number(-1), e->pos);
    return op1(b, e->op == '-' ? S_NEG : S_NOT, v.w, v, e->pos);
}

/* Did lowering since `from` emit something that must not happen when not chosen? */
static void check_pure(struct build *b, unsigned from, struct pos pos)
{
    for (unsigned i = from; i < b->l->nnodes; i++) {
        int op = b->l->nodes[i].op;

        if ((op >= S_PUT && op <= S_SETL) || (op >= S_LD && op <= S_FENCE) ||
            op == S_HELPER || op == S_SETFLAGS || op == S_SYSREAD || op == S_FP)
            fail(b->g, pos, "E-TYPE",
                 "an arm of ?: touches memory, FP flags or the world: use if");
    }
}

static bool is_decode(struct build *b, const struct expr *e);

static bool is_decode_name(struct build *b, const struct expr *e)
{
    for (struct symbol *s = b->l->scope; s; s = s->next)
        if (!strcmp(s->name, e->name))
            return !s->place && s->val.time != RUN;
    for (unsigned k = 0; k < b->l->nopers; k++)
        if (!strcmp(b->l->opers[k].name, e->name)) {
            const struct kind *kind = b->l->opers[k].kind;

            return !kind || (kind->base != K_REG && kind->base != K_CHOICE);
        }
    if (stream_let(b, e->name))
        return is_decode(b, stream_let(b, e->name));
    return find_item(b, I_PARAM, e->name) || !strcmp(e->name, "pc") ||
           !strcmp(e->name, "ilen") || find_mode(b, e->name) >= 0;
}

/* Is the value of this surely known at decode time? */
static bool is_decode(struct build *b, const struct expr *e)
{
    if (!e)
        return true;
    switch (e->kind) {
    case E_NUMBER:
    case E_FLOAT: return true;
    case E_NAME: return is_decode_name(b, e);
    case E_UNARY: return is_decode(b, e->a);
    case E_BINARY:
    case E_COND:
    case E_INDEX:
    case E_SLICE: return is_decode(b, e->a) && is_decode(b, e->b) && is_decode(b, e->c);
    case E_MEMBER: return e->a->kind == E_NAME && !strcmp(e->a->name, "mode");
    case E_IN:
    case E_CALL:
        for (unsigned i = 0; i < e->nargs; i++)
            if (!is_decode(b, e->args[i]))
                return false;
        if (e->kind == E_IN)
            return is_decode(b, e->a);
        return !e->a && strcmp(e->name, "lane") &&
               find_named(b, &b->helper_items, e->name) < 0 &&
               strcmp(e->name, "sysread") && !find_item(b, I_FN, e->name);
    default: return false;
    }
}

static struct val lower_choice(struct build *b, const struct expr *e, unsigned want)
{
    struct val cond = lower_cond(b, e->a), x, y;
    unsigned from;

    if (cond.time == SPEC)
        return lower_expr(b, cond.lo ? e->b : e->c, want);
    /* both arms known too: computed at decode time; else each way is a variant */
    if (cond.time == DECODE && !b->l->decode_only &&
        !(is_decode(b, e->b) && is_decode(b, e->c))) {
        bool is = decide(b, cond, e->pos, "the condition");

        nonzero_learn(b, cond, is);
        return lower_expr(b, is ? e->b : e->c, want);
    }
    from = b->l->nnodes;
    unsigned known = nonzero_learn(b, cond, true);
    x = lower_expr(b, e->b, want);
    b->l->nnonzero = known;
    nonzero_learn(b, cond, false);
    y = lower_expr(b, e->c, x.w ? x.w : want);
    b->l->nnonzero = known;
    if (cond.time == RUN)
        check_pure(b, from, e->pos);
    unsigned w = unify(b, &x, &y, want, e->pos);
    if (!w && cond.time == RUN) {
        if (!want)
            fail(b->g, e->pos, "E-WIDTH", "?: of two numbers of no known width");
        w = want;
        x = adopt(b, x, w, e->pos);
        y = adopt(b, y, w, e->pos);
    }
    return op3(b, S_SELECT, w, cond, x, y, e->pos);
}

static struct val lower_in(struct build *b, const struct expr *e)
{
    struct val v = lower_expr(b, e->a, 0), any = val_bits(0, 1);

    for (unsigned i = 0; i < e->nargs; i++) {
        struct val c = lower_expr(b, e->args[i], v.w), a = v;

        unify(b, &a, &c, 0, e->pos);
        any = op2(b, S_OR, 1, any, compare(b, S_EQ, a, c, e->pos), e->pos);
    }
    return any;
}

static struct val lower_index(struct build *b, const struct expr *e)
{
    struct place *p = NULL;
    struct val v, i;

    if (e->a->kind == E_NAME || e->a->kind == E_INDEX || e->a->kind == E_CALL)
        p = place_of(b, e, false);
    if (p)
        return place_get(b, p);
    v = lower_expr(b, e->a, 0);
    i = lower_expr(b, e->b, 0);
    if (i.time == SPEC)
        return extract(b, v, (unsigned)(i.lo > 127 ? 127 : i.lo), 1, e->pos);
    if (!v.w)
        v = adopt(b, v, 64, e->pos);
    check_shift(b, v.w, i, e->pos);
    if (!i.w)
        i = adopt(b, i, 8, e->pos);
    return extract(b, op2(b, S_SHRU, v.w, v, i, e->pos), 0, 1, e->pos);
}

static struct val lower_slice(struct build *b, const struct expr *e)
{
    uint64_t high = spec_number(b, e->b, "a bit number", 127),
             low = spec_number(b, e->c, "a bit number", 127);
    struct val v = lower_expr(b, e->a, 0);

    if (low > high)
        fail(b->g, e->pos, "E-WIDTH", "a slice reads [HIGH:LOW]");
    return extract(b, v, (unsigned)low, (unsigned)(high - low + 1), e->pos);
}

struct val lower_cond(struct build *b, const struct expr *e)
{
    return truth(b, lower_expr(b, e, 1), e->pos);
}

static struct val lower_expr_inner(struct build *b, const struct expr *e, unsigned want)
{
    struct val v;

    switch (e->kind) {
    case E_NUMBER:
        if (e->high) /* more than 64 bits: a value, not a number */
            return (struct val){ .w = 128, .time = SPEC, .lo = e->number, .hi = e->high };
        return val_number((int64_t)e->number);
    case E_FLOAT: return val_bits(e->number, e->width);
    case E_NAME: return lower_name(b, e, want);
    case E_UNARY: return lower_unary(b, e, want);
    case E_BINARY: return lower_binary(b, e, want);
    case E_COND: return lower_choice(b, e, want);
    case E_INDEX: return lower_index(b, e);
    case E_SLICE: return lower_slice(b, e);
    case E_MEMBER: return lower_member(b, e);
    case E_IN: return lower_in(b, e);
    case E_CALL:
        if (lower_call(b, e, want, &v))
            return v;
        fail(b->g, e->pos, "E-TYPE", "%s has no value", e->name);
    case E_STRING: break;
    }
    fail(b->g, e->pos, "E-TYPE", "a string has no value here");
}

struct val lower_expr(struct build *b, const struct expr *e, unsigned want)
{
    work(b->g, e->pos);
    if (++b->l->depth > MAX_DEPTH * 2)
        fail(b->g, e->pos, "E-BUDGET", "expression is nested too deeply");
    struct val v = lower_expr_inner(b, e, want);
    b->l->depth--;
    return v;
}
