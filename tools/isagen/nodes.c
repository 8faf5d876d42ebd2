/* nodes.c - emits run-time nodes, folding what is known earlier. */
#include <string.h>

#include "build.h"

uint16_t emit(struct build *b, int op, unsigned w, unsigned a, unsigned c, unsigned d)
{
    struct lower *l = b->l;

    if (l->nnodes == l->nodes_room) {
        unsigned room = l->nodes_room ? 2 * l->nodes_room : 64;

        l->nodes = arena_grow(&b->g->arena, l->nodes, l->nnodes * sizeof *l->nodes,
                              room * sizeof *l->nodes);
        l->nodes_room = room;
    }
    if (l->nnodes >= MAX_NODES)
        fail(b->g, l->insn ? l->insn->pos : (struct pos){ 0 }, "E-BUDGET",
             "body has more than %d nodes", MAX_NODES);
    l->nesting += (op == S_IF || op == S_LOOP) - (op == S_END);
    if (l->nesting > MAX_NESTING)
        fail(b->g, l->insn ? l->insn->pos : (struct pos){ 0 }, "E-BUDGET",
             "more than %d conditions in each other", MAX_NESTING);
    l->nodes[l->nnodes] = (struct sem){ .op = (uint8_t)op,
                                        .w = (uint8_t)w,
                                        .a = (uint16_t)a,
                                        .b = (uint16_t)c,
                                        .c = (uint16_t)d };
    return (uint16_t)l->nnodes++;
}

struct sem *emitted(struct build *b, uint16_t node)
{
    return &b->l->nodes[node];
}

static uint16_t emit_const(struct build *b, uint64_t lo, uint64_t hi, unsigned w)
{
    uint32_t k = const_add(b, lo, hi, w > 64);

    return emit(b, S_CONST, w, k & 0xffff, k >> 16, ISA_NONE);
}

/* Bytes that hold a decode-time value, and whether it is extended with its sign. */
static void slot_size(struct build *b, const struct dx *d, unsigned w, uint8_t *size,
                      bool *is_signed)
{
    int64_t low, high;

    *is_signed = false;
    if (w > 64) {
        *size = 16;
    } else if (!dx_range(b, d, &low, &high)) {
        *size = w <= 32 ? 4 : 8;
    } else if (low >= 0) {
        *size = high <= 0xffff ? 2 : high <= UINT32_MAX ? 4 : 8;
    } else {
        *is_signed = true;
        *size = low >= -0x8000 && high <= 0x7fff        ? 2
                : low >= INT32_MIN && high <= INT32_MAX ? 4
                                                        : 8;
    }
}

static unsigned slot_add(struct build *b, struct isa_slot slot, const struct dx *d,
                         struct pos pos)
{
    struct lower *l = b->l;

    for (unsigned i = 0; i < l->nslots; i++)
        if (l->slots[i].kind == slot.kind && l->slots[i].view == slot.view &&
            l->slots[i].w == slot.w && dx_equal(l->slot_dx[i], d))
            return i;
    if (l->nslots == MAX_SLOTS)
        fail(b->g, pos, "E-BUDGET", "more than %d decode-time values in one body",
             MAX_SLOTS);
    l->slots[l->nslots] = slot;
    l->slot_dx[l->nslots] = d;
    return l->nslots++;
}

/* Bodies outside of instructions have no op: what they need is computed as they run. */
static uint16_t emit_dx(struct build *b, const struct dx *d, struct pos pos)
{
    uint16_t a = ISA_NONE, c = ISA_NONE, e = ISA_NONE;

    if (d->op == S_CONST)
        return emit_const(b, d->k, 0, d->w);
    if (d->op == S_FEATURE || d->op == S_MODE)
        return emit(b, d->op, d->w, (unsigned)d->k, ISA_NONE, ISA_NONE);
    if (!d->a)
        fail(b->g, pos, "E-BIND", "a field or pc outside of an instruction");
    a = emit_dx(b, d->a, pos);
    if (d->b)
        c = emit_dx(b, d->b, pos);
    if (d->c)
        e = emit_dx(b, d->c, pos);
    return emit(b, d->op, d->w, a, d->op == S_EXTRACT ? (unsigned)d->k : c, e);
}

/* A decode-time value as a run-time node: it is packed into the op. */
static uint16_t value_slot(struct build *b, const struct dx *d, unsigned w,
                           struct pos pos)
{
    struct isa_slot slot = { .kind = SLOT_VALUE, .w = (uint16_t)w, .view = ISA_NONE };

    if (b->l->decode_only)
        fail(b->g, pos, "E-BIND", "run-time value where a decode-time one is needed");
    if (!b->l->insn)
        return emit_dx(b, d, pos);
    slot_size(b, d, w, &slot.size, &slot.is_signed);
    return emit(b, S_SLOT, w, slot_add(b, slot, d, pos), ISA_NONE, ISA_NONE);
}

/* A register's number that is surely one of the view's: what cannot be shown to be is
 * taken as 0 when it is not. */
static const struct dx *in_range(struct build *b, const struct isa_view *view,
                                 const struct dx *d, struct pos pos)
{
    int64_t low, high;
    const struct dx *count;

    if (dx_range(b, d, &low, &high)) {
        if (low >= 0 && high < view->count)
            return d;
        if (high < 0 || low >= view->count)
            fail(b->g, pos, "E-BIND", "%s has %u registers, not one of number %lld",
                 text_at(b, view->name), view->count, (long long)(high < 0 ? high : low));
    }
    count = dx_new(b, S_CONST, 64, view->count, NULL, NULL, NULL);
    return dx_new(b, S_SELECT, 64, 0, dx_new(b, S_LTU, 1, 0, d, count, NULL), d,
                  dx_new(b, S_CONST, 64, 0, NULL, NULL, NULL));
}

unsigned register_slot(struct build *b, int kind, unsigned view, unsigned w,
                       const struct dx *d, struct pos pos);
unsigned register_slot(struct build *b, int kind, unsigned view, unsigned w,
                       const struct dx *d, struct pos pos)
{
    if (kind == SLOT_READ || kind == SLOT_WRITE)
        d = in_range(b, AT(b, views, struct isa_view, view), d, pos);
    struct isa_slot slot = { .kind = (uint8_t)kind,
                             .w = (uint16_t)w,
                             .view = (uint16_t)view,
                             .size = kind == SLOT_RETURN ? 16
                                     : kind == SLOT_LINK ? 4
                                                         : 2 };

    return slot_add(b, slot, d, pos);
}

static uint64_t node_max(struct build *b, uint16_t node, unsigned depth);

/* A number that is only known at run time (a loop's counter): its node has some width. */
static struct val adopt_run(struct build *b, struct val v, unsigned w, struct pos pos)
{
    unsigned has = emitted(b, v.node)->w;
    uint64_t most = has > w ? node_max(b, v.node, 0) : 0;

    if (w < 64 && most >> w)
        fail(b->g, pos, "E-WIDTH", "a number up to %llu does not fit %u bits: use lo<%u>",
             (unsigned long long)most, w, w);
    if (has != w)
        v.node = emit(b, has < w ? S_SEXT : S_EXTRACT, w, v.node, has < w ? ISA_NONE : 0,
                      ISA_NONE);
    return val_run(v.node, w);
}

/* A number takes a width that it must fit; a value must have it. */
struct val adopt(struct build *b, struct val v, unsigned w, struct pos pos)
{
    int64_t low, high;

    if (v.w == w && w)
        return v;
    if (v.w)
        fail(b->g, pos, "E-WIDTH",
             "this is %u bits wide, want %u: use zext, sext, lo or a slice", v.w, w);
    if (!w)
        fail(b->g, pos, "E-WIDTH", "a number of no known width: write b32(...)");
    if (v.time == RUN)
        return adopt_run(b, v, w, pos);
    if (v.time == SPEC) {
        low = high = (int64_t)v.lo;
    } else if (!dx_range(b, v.d, &low, &high)) {
        low = high = 0;
    }
    if (w < 63 && (high > (1ll << w) - 1 || low < -(1ll << (w - 1))))
        fail(b->g, pos, "E-WIDTH", "number %lld..%lld does not fit %u bits",
             (long long)low, (long long)high, w);
    if (v.time == SPEC) {
        v.hi = w > 64 && (int64_t)v.lo < 0
                   ? (w >= 128 ? UINT64_MAX : (1ull << (w - 64)) - 1)
                   : 0;
        v.lo = w >= 64 ? v.lo : v.lo & ((1ull << w) - 1);
        v.w = (uint16_t)w;
        return v;
    }
    const struct dx *d = val_dx(b, v, w);
    /* keep the number itself for the slot's range: the cut is made where it is used */
    return val_decode(d, w);
}

uint16_t val_node(struct build *b, struct val v, unsigned w, struct pos pos)
{
    v = adopt(b, v, w, pos);
    if (v.time == SPEC)
        return emit_const(b, v.lo, v.hi, w);
    if (v.time == DECODE)
        return value_slot(b, v.d, w, pos);
    return v.node;
}

static enum time latest(struct val a, struct val c)
{
    return a.time > c.time ? a.time : c.time;
}

struct val op1(struct build *b, int op, unsigned w, struct val a, struct pos pos)
{
    unsigned aw = a.w ? a.w : 64;

    if (a.time != RUN && aw <= 64 && w <= 64)
        return val_decode(dx_new(b, op, w, 0, val_dx(b, a, aw), NULL, NULL), a.w ? w : 0);
    return val_run(emit(b, op, w, val_node(b, a, aw, pos), ISA_NONE, ISA_NONE), w);
}

/* Two operands of any widths; w: of the result, 0 for numbers. */
struct val op2(struct build *b, int op, unsigned w, struct val a, struct val c,
               struct pos pos)
{
    unsigned aw = a.w ? a.w : 64, cw = c.w ? c.w : 64;

    if (latest(a, c) != RUN && aw <= 64 && cw <= 64 && w <= 64)
        return val_decode(
            dx_new(b, op, w ? w : 64, 0, val_dx(b, a, aw), val_dx(b, c, cw), NULL), w);
    uint16_t x = val_node(b, a, aw, pos), y = val_node(b, c, cw, pos);
    return val_run(emit(b, op, w ? w : 64, x, y, ISA_NONE), w);
}

struct val op3(struct build *b, int op, unsigned w, struct val a, struct val c,
               struct val d, struct pos pos)
{
    unsigned cw = w ? w : 64;

    if (a.time != RUN && c.time != RUN && d.time != RUN && cw <= 64)
        return val_decode(dx_new(b, op, cw, 0, val_dx(b, a, a.w ? a.w : 64),
                                 val_dx(b, c, cw), val_dx(b, d, cw)),
                          w);
    uint16_t x = val_node(b, a, a.w, pos), y = val_node(b, c, w, pos),
             z = val_node(b, d, w, pos);
    return val_run(emit(b, op, w, x, y, z), w);
}

struct val extract(struct build *b, struct val v, unsigned low, unsigned w,
                   struct pos pos)
{
    unsigned from = v.w ? v.w : 64;

    if (!v.w && v.time == RUN)
        v = adopt(b, v, 64, pos);
    if (low + w > from)
        fail(b->g, pos, "E-WIDTH", "bits %u..%u of a value of %u bits", low + w - 1, low,
             from);
    if (low == 0 && w == v.w)
        return v;
    if (v.time == SPEC && low < 64 && (w <= 64 - low))
        return val_bits(v.lo >> low, w);
    if (v.time == SPEC && v.w > 64) {
        if (low >= 64)
            return val_bits(v.hi >> (low - 64), w);
    }
    if (v.time != RUN)
        return val_decode(dx_new(b, S_EXTRACT, w, low, val_dx(b, v, from), NULL, NULL),
                          w);
    struct sem *s = emitted(b, v.node);
    if (s->op == S_EXTRACT)
        return extract(b, val_run(s->a, emitted(b, s->a)->w), low + s->b, w, pos);
    if ((s->op == S_ZEXT || s->op == S_SEXT) && low + w <= emitted(b, s->a)->w)
        return extract(b, val_run(s->a, emitted(b, s->a)->w), low, w, pos);
    return val_run(emit(b, S_EXTRACT, w, v.node, low, ISA_NONE), w);
}

/* S_ZEXT or S_SEXT to w bits; to the same width: nothing. */
struct val widen(struct build *b, int op, struct val v, unsigned w, struct pos pos)
{
    if (!v.w)
        return adopt(b, v, w, pos);
    if (v.w > w)
        fail(b->g, pos, "E-WIDTH", "%s of %u bits to only %u: use lo<%u>",
             op == S_ZEXT ? "zext" : "sext", v.w, w, w);
    if (v.w == w)
        return v;
    if (v.time == SPEC && op == S_ZEXT)
        return (struct val){ .w = (uint16_t)w, .time = SPEC, .lo = v.lo, .hi = v.hi };
    return op1(b, op, w, v, pos);
}

struct val truth(struct build *b, struct val v, struct pos pos)
{
    if (v.w == 1)
        return v;
    if (v.w)
        fail(b->g, pos, "E-TYPE", "a condition is 1 bit, this is %u bits: compare it",
             v.w);
    return op2(b, S_NE, 1, v, val_number(0), pos);
}

/* A loop's counter is below its end. */
static uint64_t loop_max(struct build *b, unsigned local, uint64_t most, unsigned depth)
{
    for (unsigned i = b->l->nnodes; i-- > 0;) {
        const struct sem *s = emitted(b, (uint16_t)i);

        if (s->op == S_SETL && s->a == local)
            return most;
        if (s->op == S_LOOP && s->a == local) {
            uint64_t end = node_max(b, s->c, depth);

            return end ? end - 1 : 0;
        }
    }
    return most;
}

static uint64_t node_max(struct build *b, uint16_t node, unsigned depth)
{
    const struct sem *s = emitted(b, node);
    uint64_t most = s->w >= 64 ? UINT64_MAX : (1ull << s->w) - 1, x, y;
    int64_t low, high;

    if (depth > 8)
        return most;
    switch (s->op) {
    case S_CONST: return AT(b, consts, uint64_t, s->a | (uint32_t)s->b << 16)[0];
    case S_ZEXT: return node_max(b, s->a, depth + 1);
    case S_SEXT:
        x = node_max(b, s->a, depth + 1);
        return emitted(b, s->a)->w < 64 && !(x >> (emitted(b, s->a)->w - 1)) ? x : most;
    case S_LOCAL: return loop_max(b, s->a, most, depth + 1);
    case S_SLOT:
        if (dx_range(b, b->l->slot_dx[s->a], &low, &high) && low >= 0)
            return (uint64_t)high;
        return most;
    case S_AND:
        x = node_max(b, s->a, depth + 1);
        y = node_max(b, s->b, depth + 1);
        return x < y ? x : y;
    case S_ADD:
    case S_OR:
        x = node_max(b, s->a, depth + 1);
        y = node_max(b, s->b, depth + 1);
        return x < most / 2 && y < most / 2 ? x + y : most;
    case S_SHL:
    case S_MUL:
        x = node_max(b, s->a, depth + 1);
        y = node_max(b, s->b, depth + 1);
        if (s->op == S_SHL && (y > 63 || x > most >> y))
            return most;
        if (s->op == S_MUL && y && x > most / y)
            return most;
        return s->op == S_SHL ? x << y : x * y;
    case S_SHRU: return node_max(b, s->a, depth + 1);
    case S_REMU:
        y = node_max(b, s->b, depth + 1);
        return emitted(b, s->b)->op == S_CONST && y ? y - 1 : most;
    case S_SELECT:
        x = node_max(b, s->b, depth + 1);
        y = node_max(b, s->c, depth + 1);
        return x > y ? x : y;
    default: return most;
    }
}

uint64_t val_max(struct build *b, struct val v)
{
    int64_t low, high;

    if (v.time == SPEC)
        return v.lo;
    if (v.time == DECODE)
        return dx_range(b, v.d, &low, &high) && low >= 0 ? (uint64_t)high : UINT64_MAX;
    return node_max(b, v.node, 0);
}

static bool is_few(struct build *b, const struct dx *d)
{
    int64_t low, high;

    return d->w == 1 || (dx_range(b, d, &low, &high) && low >= 0 && high <= 255);
}

/* The one part of few values that all of `d` depends on, or NULL. */
static const struct dx *only_part(struct build *b, const struct dx *d)
{
    const struct dx *parts[] = { d->a, d->b, d->c }, *only = NULL;

    if (d->op != S_CONST && is_few(b, d) && (d->w <= 8 || !d->a))
        return d;
    for (unsigned i = 0; i < 3; i++) {
        const struct dx *p =
            parts[i] && parts[i]->op != S_CONST ? only_part(b, parts[i]) : NULL;

        if (!parts[i] || parts[i]->op == S_CONST)
            continue;
        if (!p || (only && !dx_equal(p, only)))
            return NULL;
        only = p;
    }
    return only;
}

static const struct dx *with_part(struct build *b, const struct dx *d,
                                  const struct dx *part, uint64_t value)
{
    if (!d)
        return NULL;
    if (dx_equal(d, part))
        return dx_new(b, S_CONST, d->w, value, NULL, NULL, NULL);
    if (!d->a)
        return d;
    return dx_new(b, d->op, d->w, d->k, with_part(b, d->a, part, value),
                  with_part(b, d->b, part, value), with_part(b, d->c, part, value));
}

/* `d`, knowing that `on` has that value; x == 3 tells x too. */
static const struct dx *knowing(struct build *b, const struct dx *d, const struct dx *on,
                                uint64_t value)
{
    d = with_part(b, d, on, value);
    if (((on->op == S_EQ && value) || (on->op == S_NE && !value)) && on->b->op == S_CONST)
        d = with_part(b, d, on->a, on->b->k);
    return d;
}

/* What makes a value known at run time only: the first read that it stands on. */
static const char *run_source(struct build *b, uint16_t node, unsigned depth)
{
    const struct sem *s = emitted(b, node);
    const uint16_t parts[] = { s->a, s->b, s->c };

    switch (s->op) {
    case S_GET:
    case S_GETL:
        return text_at(b, AT(b, views, struct isa_view, b->l->slots[s->a].view)->name);
    case S_GETF:
    case S_GETX: return text_at(b, AT(b, files, struct isa_file, s->a)->name);
    case S_FLAG:
        return text_at(b, *AT(b, names, uint32_t,
                              AT(b, flags, struct isa_flags, s->a)->names + s->b));
    case S_HELPER: return text_at(b, AT(b, helpers, struct isa_helper, s->a)->name);
    case S_LOCAL: return "a variable or counter";
    case S_SYSREAD: return "a system register";
    case S_LD:
    case S_AMO:
    case S_CAS:
    case S_RESERVE:
    case S_STCOND: return "memory";
    default: break;
    }
    for (unsigned i = 0; i < 3 && depth < 20 && s->op >= S_ADD && s->op <= S_CLMUL; i++) {
        bool is_node = parts[i] < node && !(s->op == S_EXTRACT && i);
        const char *found = is_node ? run_source(b, parts[i], depth + 1) : NULL;

        if (found)
            return found;
    }
    return NULL;
}

/* Follows the path of decisions; the first new one takes its value 0. */
int64_t decide(struct build *b, struct val v, struct pos pos, const char *what)
{
    struct lower *l = b->l;
    int64_t low = 0, high = 1;

    for (unsigned i = 0; i < l->used && v.time == DECODE; i++) {
        v.d = knowing(b, v.d, l->decisions[i].on, l->decisions[i].value);
        if (v.d->op == S_CONST)
            return (int64_t)v.d->k;
    }
    if (v.time == DECODE && !is_few(b, v.d)) { /* 8 << size: decided by size */
        const struct dx *part = only_part(b, v.d), *d;

        if (part) {
            int64_t value = decide(b, val_decode(part, part->w), pos, what);

            d = with_part(b, v.d, part, (uint64_t)value);
            if (d->op == S_CONST)
                return (int64_t)d->k;
        }
    }

    if (v.time == SPEC)
        return (int64_t)v.lo;
    if (v.time == RUN) {
        const char *source = run_source(b, v.node, 0);

        fail(b->g, pos, "E-BIND", "%s must be known at decode time, but depends on %s",
             what, source ? source : "a run-time value");
    }
    for (unsigned i = 0; i < l->used; i++)
        if (dx_equal(l->decisions[i].on, v.d))
            return l->decisions[i].value;
    if (v.w != 1 && (!dx_range(b, v.d, &low, &high) || low < 0 || high > 255))
        fail(b->g, pos, "E-BIND",
             "%s depends on a decode-time value with too many values", what);
    if (l->used == MAX_DECISIONS)
        fail(b->g, pos, "E-BUDGET", "more than %d decode-time decisions", MAX_DECISIONS);
    if (l->used == l->ndecisions)
        l->decisions[l->ndecisions++] =
            (struct decision){ v.d, 0, (uint16_t)(v.w == 1 ? 2 : high + 1) };
    int64_t value = l->decisions[l->used++].value;
    if (l->where) {
        l->where = knowing(b, l->where, v.d, (uint64_t)value);
        if (l->where->op == S_CONST && !l->where->k && l->dead)
            longjmp(*l->dead, 1);
    }
    return value;
}

/* A trap can happen here: nothing architectural may have been written before. */
void may_trap(struct build *b, struct pos pos)
{
    struct lower *l = b->l;
    const char *name;
    unsigned line, column;

    l->flags |= VAR_MAY_FAULT;
    if (!l->wrote || !l->insn || l->insn->partial_ok || l->decode_only)
        return;
    source_where(l->wrote_at, &name, &line, &column);
    error_at(
        b->g, pos, "E-PRECISE",
        "may trap after state was written (line %u): write last, or say `partial ok;`",
        line);
    l->failed++;
    l->wrote = false; /* once is enough */
}

void wrote(struct build *b, struct pos pos)
{
    if (!b->l->wrote)
        b->l->wrote_at = pos;
    b->l->wrote = true;
}

unsigned effect_words(struct build *b)
{
    return (b->files.count + 63) / 64;
}

void effect(struct build *b, bool write, unsigned file)
{
    uint64_t *set = write ? b->l->writes : b->l->reads;

    if (set)
        set[file / 64] |= 1ull << file % 64;
}
