/* calls.c - the functions that bodies can call: built in, memory, fns and helpers. */
#include <string.h>

#include "build.h"
#include "stream_info.h"

static struct val arg(struct build *b, const struct expr *e, unsigned i, unsigned want)
{
    if (i >= e->nargs)
        fail(b->g, e->pos, "E-TYPE", "%s needs more arguments", e->name);
    return lower_expr(b, e->args[i], want);
}

static unsigned width_arg(struct build *b, const struct expr *e)
{
    return e->ntargs ? (unsigned)spec_number(b, e->targs[0], "a width", 128) : 0;
}

/* -------------------------------------------------------------------- built in */

static struct val fn_extend(struct build *b, const struct expr *e, unsigned want, int op)
{
    unsigned w = width_arg(b, e);
    struct val v = arg(b, e, 0, 0);

    if (!w)
        w = want;
    if (!w)
        fail(b->g, e->pos, "E-WIDTH", "width unknown here: write %s<64>(...)", e->name);
    return widen(b, op, v, w, e->pos);
}

static struct val fn_zext(struct build *b, const struct expr *e, unsigned want)
{
    return fn_extend(b, e, want, S_ZEXT);
}

static struct val fn_sext(struct build *b, const struct expr *e, unsigned want)
{
    return fn_extend(b, e, want, S_SEXT);
}

static struct val fn_lo(struct build *b, const struct expr *e, unsigned want)
{
    unsigned w = width_arg(b, e);
    struct val v = arg(b, e, 0, 0);

    if (!w)
        w = want;
    if (!w)
        fail(b->g, e->pos, "E-WIDTH", "width unknown here: write lo<32>(...)");
    if (v.w && v.w < w)
        fail(b->g, e->pos, "E-WIDTH", "lo<%u> of only %u bits", w, v.w);
    return v.w ? extract(b, v, 0, w, e->pos) : adopt(b, v, w, e->pos);
}

static struct val fn_hi(struct build *b, const struct expr *e, unsigned want)
{
    unsigned w = width_arg(b, e);
    struct val v = arg(b, e, 0, 0);

    if (!w)
        w = want ? want : v.w / 2;
    if (!v.w || v.w < w || !w)
        fail(b->g, e->pos, "E-WIDTH", "hi<%u> of %u bits", w, v.w);
    return extract(b, v, v.w - w, w, e->pos);
}

static struct val fn_msb(struct build *b, const struct expr *e, unsigned want)
{
    struct val v = arg(b, e, 0, 0);

    (void)want;
    if (!v.w)
        fail(b->g, e->pos, "E-WIDTH", "msb of a number of no width");
    return extract(b, v, v.w - 1, 1, e->pos);
}

static struct val unary(struct build *b, const struct expr *e, unsigned want, int op)
{
    struct val v = arg(b, e, 0, want);

    if (!v.w)
        v = adopt(b, v, want, e->pos);
    if (op == S_BSWAP && v.w % 8)
        fail(b->g, e->pos, "E-WIDTH", "bswap of %u bits", v.w);
    return op1(b, op, op == S_PARITY ? 1 : v.w, v, e->pos);
}

/* clang-format off */
static struct val fn_clz(struct build *b, const struct expr *e, unsigned w) { return unary(b, e, w, S_CLZ); }
static struct val fn_ctz(struct build *b, const struct expr *e, unsigned w) { return unary(b, e, w, S_CTZ); }
static struct val fn_popcount(struct build *b, const struct expr *e, unsigned w) { return unary(b, e, w, S_POPCNT); }
static struct val fn_bswap(struct build *b, const struct expr *e, unsigned w) { return unary(b, e, w, S_BSWAP); }
static struct val fn_bitrev(struct build *b, const struct expr *e, unsigned w) { return unary(b, e, w, S_BITREV); }
static struct val fn_parity(struct build *b, const struct expr *e, unsigned w) { (void)w; return unary(b, e, 0, S_PARITY); }
/* clang-format on */

/* Two operands made equally wide. */
static unsigned two(struct build *b, const struct expr *e, unsigned want, struct val *x,
                    struct val *y)
{
    *x = arg(b, e, 0, want);
    *y = arg(b, e, 1, x->w ? x->w : want);
    unsigned w = x->w ? x->w : y->w ? y->w : want;
    *x = adopt(b, *x, w, e->pos);
    *y = adopt(b, *y, w, e->pos);
    return w;
}

static struct val fn_clmul(struct build *b, const struct expr *e, unsigned want)
{
    struct val x, y;
    unsigned w = two(b, e, want, &x, &y);

    return op2(b, S_CLMUL, w, x, y, e->pos);
}

static struct val pick(struct build *b, const struct expr *e, unsigned want, int less,
                       bool max)
{
    struct val x, y;
    unsigned w = two(b, e, want, &x, &y);
    struct val c = op2(b, less, 1, x, y, e->pos);

    return max ? op3(b, S_SELECT, w, c, y, x, e->pos)
               : op3(b, S_SELECT, w, c, x, y, e->pos);
}

/* clang-format off */
static struct val fn_min_s(struct build *b, const struct expr *e, unsigned w) { return pick(b, e, w, S_LTS, false); }
static struct val fn_min_u(struct build *b, const struct expr *e, unsigned w) { return pick(b, e, w, S_LTU, false); }
static struct val fn_max_s(struct build *b, const struct expr *e, unsigned w) { return pick(b, e, w, S_LTS, true); }
static struct val fn_max_u(struct build *b, const struct expr *e, unsigned w) { return pick(b, e, w, S_LTU, true); }
/* clang-format on */

static struct val fn_abs(struct build *b, const struct expr *e, unsigned want)
{
    struct val v = arg(b, e, 0, want), negative, opposite;

    v = adopt(b, v, v.w ? v.w : want, e->pos);
    negative = extract(b, v, v.w - 1, 1, e->pos);
    opposite = op1(b, S_NEG, v.w, v, e->pos);
    return op3(b, S_SELECT, v.w, negative, opposite, v, e->pos);
}

static struct val fn_select(struct build *b, const struct expr *e, unsigned want)
{
    struct val c = truth(b, arg(b, e, 0, 1), e->pos), x = arg(b, e, 1, want),
               y = arg(b, e, 2, x.w ? x.w : want);
    unsigned w = x.w ? x.w : y.w ? y.w : want;

    return op3(b, S_SELECT, w, c, adopt(b, x, w, e->pos), adopt(b, y, w, e->pos), e->pos);
}

static struct val rotate(struct build *b, const struct expr *e, unsigned want, int op)
{
    struct val v = arg(b, e, 0, want), n = arg(b, e, 1, 0);

    v = adopt(b, v, v.w ? v.w : want, e->pos);
    if (!n.w)
        n = adopt(b, n, 16, e->pos);
    return op2(b, op, v.w, v, n, e->pos);
}

/* clang-format off */
static struct val fn_rotl(struct build *b, const struct expr *e, unsigned w) { return rotate(b, e, w, S_ROTL); }
static struct val fn_rotr(struct build *b, const struct expr *e, unsigned w) { return rotate(b, e, w, S_ROTR); }
/* clang-format on */

/* Shifts by any amount: from the width on, all bits are out. */
static struct val shift_sat(struct build *b, const struct expr *e, unsigned want, int op)
{
    struct val v = arg(b, e, 0, want), n = arg(b, e, 1, 0), small, by, out;

    v = adopt(b, v, v.w ? v.w : want, e->pos);
    if (!n.w)
        n = adopt(b, n, v.w < 16 ? 16 : v.w, e->pos);
    if (n.w < 8)
        n = widen(b, S_ZEXT, n, 8, e->pos);
    small = op2(b, S_LTU, 1, n, adopt(b, val_number(v.w), n.w, e->pos), e->pos);
    by = op3(b, S_SELECT, n.w, small, n, val_bits(op == S_SHRS ? v.w - 1u : 0, n.w),
             e->pos);
    out = op2(b, op, v.w, v, by, e->pos);
    return op == S_SHRS ? out
                        : op3(b, S_SELECT, v.w, small, out, val_bits(0, v.w), e->pos);
}

/* clang-format off */
static struct val fn_shl_sat(struct build *b, const struct expr *e, unsigned w) { return shift_sat(b, e, w, S_SHL); }
static struct val fn_shr_sat(struct build *b, const struct expr *e, unsigned w) { return shift_sat(b, e, w, S_SHRU); }
static struct val fn_sar_sat(struct build *b, const struct expr *e, unsigned w) { return shift_sat(b, e, w, S_SHRS); }
/* clang-format on */

/* The value itself is not wanted: an operand in memory is not loaded. */
static struct val fn_width(struct build *b, const struct expr *e, unsigned want)
{
    struct lower *l = b->l;
    unsigned nnodes = l->nnodes, nnonzero = l->nnonzero, w = arg(b, e, 0, 0).w;

    (void)want;
    if (!b->stream || !b->stream->locked) { /* else it may be the one load of a lock */
        l->nnodes = nnodes;
        l->nnonzero = nnonzero;
    }
    return val_number(w);
}

/* A decode-time value as one that sits in the op: no variants for it. */
static struct val fn_carried(struct build *b, const struct expr *e, unsigned want)
{
    struct val v = arg(b, e, 0, want);
    unsigned w = v.w ? v.w : want;

    if (v.time != DECODE || b->l->decode_only)
        return v;
    if (!w)
        fail(b->g, e->pos, "E-WIDTH", "width unknown here: write carried(b4(n))");
    return val_run(val_node(b, v, w, e->pos), w);
}

static struct oper *operand_arg(struct build *b, const struct expr *e)
{
    if (e->nargs == 1 && e->args[0]->kind == E_NAME)
        for (unsigned i = 0; i < b->l->nopers; i++)
            if (!strcmp(b->l->opers[i].name, e->args[0]->name)) {
                b->l->opers[i].used = true;
                return &b->l->opers[i];
            }
    fail(b->g, e->pos, "E-TYPE", "%s(OPERAND)", e->name);
}

static struct val fn_idx(struct build *b, const struct expr *e, unsigned want)
{
    (void)want;
    return operand_arg(b, e)->number;
}

static struct val fn_raw(struct build *b, const struct expr *e, unsigned want)
{
    (void)want;
    return operand_arg(b, e)->raw;
}

static struct val fn_replicate(struct build *b, const struct expr *e, unsigned want)
{
    unsigned n = width_arg(b, e);
    struct val v = arg(b, e, 0, 0), r = v;

    (void)want;
    if (!n || !v.w || n * v.w > 128)
        fail(b->g, e->pos, "E-WIDTH", "replicate<%u> of %u bits", n, v.w);
    while (--n)
        r = op2(b, S_CONCAT, r.w + v.w, r, v, e->pos);
    return r;
}

static struct val fn_ones(struct build *b, const struct expr *e, unsigned want)
{
    unsigned w = width_arg(b, e) ? width_arg(b, e) : want;

    if (!w || w > 64)
        fail(b->g, e->pos, "E-WIDTH", "ones<1> to ones<64>");
    return val_bits(UINT64_MAX, w);
}

static struct val fn_sysread(struct build *b, const struct expr *e, unsigned want)
{
    struct val n = arg(b, e, 0, 0);
    unsigned w = want ? want : b->isa.pc_width;

    may_trap(b, e->pos);
    b->l->flags |= VAR_SYNC;
    return val_run(
        emit(b, S_SYSREAD, w, val_node(b, n, n.w ? n.w : 32, e->pos), ISA_NONE, ISA_NONE),
        w);
}

static struct val fn_syswrite(struct build *b, const struct expr *e, unsigned want)
{
    struct val n = arg(b, e, 0, 0), v = arg(b, e, 1, b->isa.pc_width);

    (void)want;
    may_trap(b, e->pos);
    b->l->flags |= VAR_SYNC | VAR_MODE | VAR_ENDS_BLOCK;
    uint16_t number = val_node(b, n, n.w ? n.w : 32, e->pos);
    uint16_t value = val_node(b, v, v.w ? v.w : b->isa.pc_width, e->pos);
    emit(b, S_SYSWRITE, 0, number, value, ISA_NONE);
    wrote(b, e->pos);
    return val_number(0);
}

static struct val fn_fence(struct build *b, const struct expr *e, unsigned want)
{
    static const char *const names[] = { "rr", "rw", "wr", "ww", "fetch" };
    unsigned bits = 0;

    (void)want;
    for (unsigned i = 0; i < e->nargs; i++) {
        unsigned k = 0;

        while (k < 5 &&
               (e->args[i]->kind != E_NAME || strcmp(names[k], e->args[i]->name)))
            k++;
        if (k == 5)
            fail(b->g, e->args[i]->pos, "E-TYPE", "fence(rr, rw, wr, ww, fetch)");
        bits |= 1u << k;
    }
    emitted(b, emit(b, S_FENCE, 0, ISA_NONE, ISA_NONE, ISA_NONE))->x = (uint8_t)bits;
    if (bits & FENCE_FETCH)
        b->l->flags |= VAR_ENDS_BLOCK | VAR_SYNC;
    return val_number(0);
}

/* clang-format off */
static const struct {
    const char *name;
    struct val (*lower)(struct build *b, const struct expr *e, unsigned want);
} builtins[] = {
    { "zext", fn_zext }, { "sext", fn_sext }, { "lo", fn_lo }, { "hi", fn_hi }, { "msb", fn_msb },
    { "clz", fn_clz }, { "ctz", fn_ctz }, { "popcount", fn_popcount }, { "bswap", fn_bswap },
    { "bitrev", fn_bitrev }, { "parity", fn_parity }, { "clmul", fn_clmul },
    { "min_s", fn_min_s }, { "min_u", fn_min_u }, { "max_s", fn_max_s }, { "max_u", fn_max_u },
    { "abs", fn_abs }, { "select", fn_select }, { "rotl", fn_rotl }, { "rotr", fn_rotr },
    { "shl_sat", fn_shl_sat }, { "shr_sat", fn_shr_sat }, { "sar_sat", fn_sar_sat },
    { "width", fn_width }, { "carried", fn_carried }, { "idx", fn_idx }, { "raw", fn_raw }, { "replicate", fn_replicate },
    { "ones", fn_ones }, { "sysread", fn_sysread }, { "syswrite", fn_syswrite },
    { "fence", fn_fence },
};
/* clang-format on */

/* ---------------------------------------------------------------------- memory */

uint16_t access_new(struct build *b, const struct item *space, bool big, unsigned align,
                    unsigned order, unsigned kind)
{
    struct isa_access a = { .big = big,
                            .order = (uint8_t)order,
                            .align = (uint8_t)align,
                            .kind = (uint8_t)kind,
                            .trap = ISA_NONE };
    int trap = align ? find_named(b, &b->trap_items, "misaligned") : -1;

    if (space && !strcmp(space->word, "big"))
        a.big = !a.big;
    if (space &&
        space->when) { /* little if MODE: the other order where it does not hold */
        struct val v = lower_cond(b, space->when);

        if (!decide(b, v, space->pos, "the byte order"))
            a.big = !a.big;
    }
    if (align && trap < 0)
        fail(b->g, b->l->insn ? b->l->insn->pos : (struct pos){ 0 }, "E-NAME",
             "`aligned` needs a trap named misaligned");
    if (align)
        a.trap = (uint16_t)trap;
    for (uint32_t i = 0; i < b->accesses.count; i++)
        if (!memcmp(AT(b, accesses, struct isa_access, i), &a, sizeof a))
            return (uint16_t)i;
    *VEC(b, accesses, struct isa_access) = a;
    if (b->accesses.count > 255)
        fail(b->g, (struct pos){ 0 }, "E-BUDGET", "more than 255 kinds of memory access");
    return (uint16_t)(b->accesses.count - 1);
}

/* The attributes after the plain arguments: big, little, aligned, acquire, release,
 * order(e). */
static uint16_t access_of(struct build *b, const struct expr *e, unsigned from,
                          unsigned bits)
{
    const struct item *space = find_item(b, I_SPACE, NULL);
    bool flip = false, forced = false, forced_big = false;
    unsigned align = 0, order = 0, kind = 0;

    for (unsigned i = from; i < e->nargs; i++) {
        const struct expr *a = e->args[i];
        const char *name = a->kind == E_NAME || a->kind == E_CALL ? a->name : "";

        if (!strcmp(name, "big") || !strcmp(name, "little"))
            forced = true, forced_big = name[0] == 'b';
        else if (!strcmp(name, "aligned"))
            align = a->kind == E_CALL && a->nargs
                        ? (unsigned)spec_number(b, a->args[0], "the alignment", 64)
                        : bits / 8;
        else if (!strcmp(name, "acquire"))
            order |= 1;
        else if (!strcmp(name, "release"))
            order |= 2;
        else if (!strcmp(name, "order") && a->kind == E_CALL)
            lower_expr(b, a->args[0], 0), order |= 3; /* the strongest is always right */
        else if (!strcmp(name, "user"))
            kind = 1;
        else if (!strcmp(name, "phys"))
            kind = 2;
        else
            fail(b->g, a->pos, "E-TYPE",
                 "big, little, aligned, aligned(N), acquire, release, order(e), user or "
                 "phys");
    }
    (void)flip;
    if (forced)
        return access_new(b, NULL, forced_big, align, order, kind);
    return access_new(b, space, false, align, order, kind);
}

static const char *const amo_names[] = { "xchg", "add", "and",  "or",  "xor",
                                         "min",  "max", "minu", "maxu" };

static unsigned amo_op(struct build *b, const struct expr *e)
{
    for (unsigned i = 0; i < sizeof amo_names / sizeof *amo_names; i++)
        if (e->kind == E_NAME && !strcmp(e->name, amo_names[i]))
            return i;
    fail(b->g, e->pos, "E-TYPE", "xchg, add, and, or, xor, min, max, minu or maxu");
}

/* A load and then a store of one address: another CPU may write in between.  That is how
 * it is on machines whose space says `rmw`, but for ordered accesses. */
void check_rmw(struct build *b, uint16_t store, struct pos pos)
{
    const struct item *space = find_item(b, I_SPACE, NULL);
    const struct sem *st = emitted(b, store);

    for (uint16_t i = 0; i < store && b->l->insn && !b->l->failed; i++) {
        const struct sem *ld = emitted(b, i);

        if (ld->op != S_LD || !same_value(b, ld->a, st->a) ||
            (space->flag && !AT(b, accesses, struct isa_access, ld->x)->order &&
             !AT(b, accesses, struct isa_access, st->x)->order))
            continue;
        warn_at(
            b->g, pos, "W-RMW",
            "loads and stores one address, not atomically: use mem.amo or mem.cas, or "
            "say `rmw` of the space");
        return;
    }
}

struct val lower_memory(struct build *b, const struct expr *e, unsigned want)
{
    /* clang-format off */
    static const struct { const char *name; int op; unsigned args; } forms[] = {
        { "ld", S_LD, 1 }, { "st", S_ST, 2 }, { "amo", S_AMO, 3 }, { "cas", S_CAS, 3 },
        { "reserve", S_RESERVE, 1 }, { "store_cond", S_STCOND, 2 },
    };
    /* clang-format on */
    const struct item *space = find_item(b, I_SPACE, NULL);
    unsigned bits = 0, f, n, aw;
    const char *digits = e->name + strcspn(e->name, "0123456789");

    (void)want;
    for (f = 0; f < sizeof forms / sizeof *forms; f++)
        if (strlen(forms[f].name) == (size_t)(digits - e->name) &&
            !strncmp(forms[f].name, e->name, (size_t)(digits - e->name)))
            break;
    if (f == sizeof forms / sizeof *forms)
        fail(b->g, e->pos, "E-NAME", "no memory operation %s", e->name);
    if (!space)
        fail(b->g, e->pos, "E-NAME", "no space is declared");
    if (sscanf(digits, "%u", &bits) != 1)
        bits = width_arg(b, e);
    if (bits != 8 && bits != 16 && bits != 32 && bits != 64 && bits != 128)
        fail(b->g, e->pos, "E-WIDTH", "accesses are of 8, 16, 32, 64 or 128 bits");
    if (b->l->decode_only)
        fail(b->g, e->pos, "E-BIND", "memory where a decode-time value is needed");
    n = forms[f].args;
    if (e->nargs < n)
        fail(b->g, e->pos, "E-TYPE", "%s needs %u arguments", e->name, n);
    aw = (unsigned)spec_number(b, space->expr, "the address width", 64);
    unsigned first = forms[f].op == S_AMO ? 1 : 0,
             amo = first ? amo_op(b, e->args[0]) : 0;
    struct val a = adopt(b, lower_expr(b, e->args[first], aw), aw, e->pos), v[2];
    uint16_t node[3] = { ISA_NONE, ISA_NONE, ISA_NONE };
    for (unsigned i = first + 1; i < n; i++) {
        v[i - first - 1] =
            adopt(b, lower_expr(b, e->args[i], bits), bits, e->args[i]->pos);
        node[i - first] = val_node(b, v[i - first - 1], bits, e->pos);
    }
    uint16_t access = access_of(b, e, n, bits);
    may_trap(b, e->pos);
    node[0] = val_node(b, a, aw, e->pos);
    unsigned w = forms[f].op == S_ST ? 0 : forms[f].op == S_STCOND ? 1 : bits;
    struct sem *s = emitted(b, emit(b, forms[f].op, w, node[0], node[1], node[2]));
    s->x = (uint8_t)access;
    if (forms[f].op == S_AMO)
        s->d = (uint8_t)amo;
    if (forms[f].op == S_ST)
        check_rmw(b, (uint16_t)(b->l->nnodes - 1), e->pos);
    return w ? val_run((uint16_t)(b->l->nnodes - 1), w) : val_number(0);
}

/* ---------------------------------------------------------------- fns, helpers */

struct val call_fn(struct build *b, const struct item *fn, struct expr **args,
                   unsigned nargs, struct pos pos, unsigned want)
{
    struct symbol *scope = b->l->scope, *made = NULL;
    const struct list *p = fn->list;
    struct val result = b->l->result, v;
    bool returned = b->l->returned, recovers = b->l->recovers;

    if (b->l->depth > 2 * MAX_DEPTH - 40)
        fail(b->g, pos, "E-NAME", "fn %s calls itself", fn->name);
    b->l->depth += 5;
    for (unsigned i = 0; i < nargs; i++, p = p->next) {
        struct symbol *s = arena_alloc(&b->g->arena, sizeof *s);
        unsigned w = 0;

        if (!p)
            fail(b->g, pos, "E-TYPE", "too many arguments for %s", fn->name);
        if (p->name2 && p->name2[0] == 'b')
            sscanf(p->name2 + 1, "%u", &w);
        s->name = p->name;
        s->val = lower_expr(b, args[i], w);
        if (w)
            s->val = adopt(b, s->val, w, args[i]->pos);
        s->next = made;
        made = s;
    }
    if (p)
        fail(b->g, pos, "E-TYPE", "too few arguments for %s", fn->name);
    b->l->scope = made;
    if (fn->expr) {
        v = lower_expr(b, fn->expr, want);
    } else {
        b->l->returned = false;
        b->l->recovers = false; /* without its value, what calls it has failed too */
        b->l->result = (struct val){ .w = (uint16_t)want };
        lower_stmts(b, fn->body);
        b->l->recovers = recovers;
        if (!b->l->returned)
            fail(b->g, fn->pos, "E-TYPE", "fn %s ends without return", fn->name);
        v = b->l->result;
        b->l->returned = returned;
        b->l->result = result;
    }
    b->l->scope = scope;
    b->l->depth -= 5;
    return v;
}

static bool lower_helper(struct build *b, const struct expr *e, struct val *out)
{
    int h = find_named(b, &b->helper_items, e->name);
    const struct item *item;
    const struct list *p;
    unsigned i = 0;
    uint16_t node[8];

    if (h < 0)
        return false;
    item = ((struct item **)b->helper_items.items)[h];
    const struct isa_helper *helper = AT(b, helpers, struct isa_helper, h);
    if (e->nargs != helper->args || e->nargs > 8)
        fail(b->g, e->pos, "E-TYPE", "%s takes %u arguments", e->name, helper->args);
    for (p = item->list; p; p = p->next, i++) {
        unsigned w = 64;

        if (p->name2 && p->name2[0] == 'b')
            sscanf(p->name2 + 1, "%u", &w);
        struct val v = lower_expr(b, e->args[i], w);
        node[i] = val_node(b, v, v.w ? v.w : w, e->pos);
    }
    if (helper->may_trap)
        may_trap(b, e->pos);
    for (i = 0; i < e->nargs; i++)
        emit(b, S_PUSH, 0, node[i], ISA_NONE, ISA_NONE);
    emit(b, S_HELPER, helper->result_w, (unsigned)h, ISA_NONE, ISA_NONE);
    helper_called(b, (unsigned)h, e->pos);
    b->l->flags |= VAR_SYNC | (helper->ends_block ? VAR_ENDS_BLOCK : 0);
    *out = helper->result_w ? val_run((uint16_t)(b->l->nnodes - 1), helper->result_w)
                            : val_number(0);
    return true;
}

/* A call: false where it has no value (and was none of a function). */
bool lower_call(struct build *b, const struct expr *e, unsigned want, struct val *out)
{
    const struct item *fn;
    unsigned bits;
    struct place *p;
    char rest;

    if (e->a) {
        if (e->a->kind != E_NAME || strncmp(e->a->name, "mem", 3))
            fail(b->g, e->pos, "E-NAME", "no such member function");
        *out = lower_memory(b, e, want);
        return true;
    }
    if ((fn = find_item(b, I_FN, e->name))) {
        *out = call_fn(b, fn, e->args, e->nargs, e->pos, want);
        return true;
    }
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (!strcmp(builtins[i].name, e->name)) {
            *out = builtins[i].lower(b, e, want);
            return true;
        }
    if (lower_fp(b, e, want, out) || lower_helper(b, e, out))
        return true;
    if (e->name[0] == 'b' && sscanf(e->name + 1, "%u%c", &bits, &rest) == 1 &&
        bits >= 1 && bits <= 128) {
        struct val v = arg(b, e, 0, bits);

        *out = v.w ? v : adopt(b, v, bits, e->pos);
        if (out->w != bits)
            fail(b->g, e->pos, "E-WIDTH", "b%u of a value of %u bits", bits, v.w);
        return true;
    }
    if ((p = place_of(b, e, false))) {
        *out = place_get(b, p);
        return true;
    }
    fail(b->g, e->pos, "E-NAME", "no function %s", e->name);
}
