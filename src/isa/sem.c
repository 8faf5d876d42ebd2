/* sem.c - the pure nodes of the semantic table, and how a body runs.
 *
 * Everything is computed on 128 bits and cut to the node's width: obvious rather than
 * fast. Decode-time bodies are a few nodes long, so decoding does not notice. */
#include "isa/sem.h"

#include <stdlib.h>

#include "base/report.h"

enum {
    NODES_ON_STACK = 64,
    LOCALS_ON_STACK = 8,
    NESTING = 512, /* loops and conditions in each other: more than isagen lets pass */
};

/* ------------------------------------------------------------------ integers */

static struct fp128 shr_signed(struct fp128 a, unsigned n)
{
    struct fp128 sign = u128(a.hi >> 63 ? UINT64_MAX : 0, a.hi >> 63 ? UINT64_MAX : 0);

    if (n == 0)
        return a;
    if (n >= 128)
        return sign;
    a = u128_shr(a, n);
    sign = u128_shl(sign, 128 - n);
    return u128(a.hi | sign.hi, a.lo | sign.lo);
}

struct fp128 value_sext(struct fp128 a, unsigned width)
{
    return width >= 128 ? a : shr_signed(u128_shl(a, 128 - width), 128 - width);
}

static bool is_equal(struct fp128 a, struct fp128 b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

static bool less_signed(struct fp128 a, struct fp128 b, unsigned width)
{
    a = value_sext(a, width);
    b = value_sext(b, width);
    a.hi ^= UINT64_C(1) << 63;
    b.hi ^= UINT64_C(1) << 63;
    return u128_less(a, b);
}

static struct fp128 multiply(struct fp128 a, struct fp128 b)
{
    struct fp128 r = u64_mul(a.lo, b.lo);

    r.hi += a.hi * b.lo + a.lo * b.hi;
    return r;
}

/* Quotient, and the remainder in *rest; of x / 0: 0 and x. */
static struct fp128 divide(struct fp128 a, struct fp128 b, struct fp128 *rest)
{
    struct fp128 q = u128(0, 0), r = u128(0, 0);

    if (u128_is_zero(b)) {
        *rest = a;
        return q;
    }
    if (!a.hi && !b.hi) {
        *rest = u128(0, a.lo % b.lo);
        return u128(0, a.lo / b.lo);
    }
    for (int i = 127; i >= 0; i--) {
        bool carry = r.hi >> 63;

        r = u128_shl(r, 1);
        r.lo |= u128_shr(a, (unsigned)i).lo & 1;
        q = u128_shl(q, 1);
        if (carry || !u128_less(r, b)) {
            r = u128_sub(r, b);
            q.lo |= 1;
        }
    }
    *rest = r;
    return q;
}

static struct fp128 divide_signed(struct fp128 a, struct fp128 b, unsigned width,
                                  struct fp128 *rest)
{
    bool a_negative, b_negative;
    struct fp128 q;

    a = value_sext(a, width);
    b = value_sext(b, width);
    a_negative = a.hi >> 63;
    b_negative = b.hi >> 63;
    q = divide(a_negative ? u128_neg(a) : a, b_negative ? u128_neg(b) : b, rest);
    if (a_negative)
        *rest = u128_neg(*rest);
    return a_negative != b_negative ? u128_neg(q) : q;
}

static unsigned popcount(struct fp128 a)
{
    unsigned n = 0;

    for (; a.lo; a.lo &= a.lo - 1)
        n++;
    for (; a.hi; a.hi &= a.hi - 1)
        n++;
    return n;
}

static unsigned count_leading(struct fp128 a, unsigned width)
{
    return u128_is_zero(a) ? width : u128_clz(a) - (128 - width);
}

static unsigned count_trailing(struct fp128 a, unsigned width)
{
    /* The bits below the lowest one are the ones of (a - 1) & ~a. */
    struct fp128 less = u128_sub(a, u128(0, 1));

    return u128_is_zero(a) ? width : popcount(u128(less.hi & ~a.hi, less.lo & ~a.lo));
}

/* Units of `unit` bits in reverse order. */
static struct fp128 reverse(struct fp128 a, unsigned width, unsigned unit)
{
    struct fp128 r = u128(0, 0);

    for (unsigned i = 0; i < width; i += unit) {
        r = u128_shl(r, unit);
        r.lo |= u128_shr(a, i).lo & mask64(unit);
    }
    return r;
}

static struct fp128 carryless(struct fp128 a, struct fp128 b)
{
    struct fp128 r = u128(0, 0);

    for (unsigned i = 0; i < 128; i++)
        if (u128_shr(b, i).lo & 1) {
            struct fp128 t = u128_shl(a, i);

            r = u128(r.hi ^ t.hi, r.lo ^ t.lo);
        }
    return r;
}

/* An amount of `width` or more shifts everything out (specs prove that it does not
 * happen). */
static unsigned shift_amount(struct fp128 n, unsigned width)
{
    return n.hi || n.lo > width ? width : (unsigned)n.lo;
}

static struct fp128 shift_left(struct fp128 a, unsigned n)
{
    return n >= 128 ? u128(0, 0) : u128_shl(a, n);
}

static struct fp128 shift_right(struct fp128 a, unsigned n)
{
    return n >= 128 ? u128(0, 0) : u128_shr(a, n);
}

static struct fp128 rotate_left(struct fp128 a, struct fp128 amount, unsigned width,
                                bool right)
{
    struct fp128 n, low, high;

    divide(amount, u128(0, width), &n);
    if (right && n.lo)
        n.lo = width - n.lo;
    high = shift_left(a, (unsigned)n.lo);
    low = shift_right(a, width - (unsigned)n.lo);
    return u128(high.hi | low.hi, high.lo | low.lo);
}

/* An integer node of two operands as wide as `width`.  Not cut to the result's width. */
static struct fp128 integer(unsigned op, struct fp128 a, struct fp128 b, unsigned width)
{
    struct fp128 r;

    switch (op) {
    case S_ADD: return u128_add(a, b);
    case S_SUB: return u128_sub(a, b);
    case S_MUL: return multiply(a, b);
    case S_DIVU: return divide(a, b, &r);
    case S_DIVS: return divide_signed(a, b, width, &r);
    case S_REMU: divide(a, b, &r); return r;
    case S_REMS: divide_signed(a, b, width, &r); return r;
    case S_AND: return u128(a.hi & b.hi, a.lo & b.lo);
    case S_OR: return u128(a.hi | b.hi, a.lo | b.lo);
    case S_XOR: return u128(a.hi ^ b.hi, a.lo ^ b.lo);
    case S_NOT: return u128(~a.hi, ~a.lo);
    case S_NEG: return u128_neg(a);
    case S_SHL: return shift_left(a, shift_amount(b, width));
    case S_SHRU: return shift_right(a, shift_amount(b, width));
    case S_SHRS: return shr_signed(value_sext(a, width), shift_amount(b, width));
    case S_ROTL: return rotate_left(a, b, width, false);
    case S_ROTR: return rotate_left(a, b, width, true);
    case S_EQ: return u128(0, is_equal(a, b));
    case S_NE: return u128(0, !is_equal(a, b));
    case S_LTU: return u128(0, u128_less(a, b));
    case S_LTS: return u128(0, less_signed(a, b, width));
    case S_LEU: return u128(0, !u128_less(b, a));
    case S_LES: return u128(0, !less_signed(b, a, width));
    case S_ZEXT: return a;
    case S_SEXT: return value_sext(a, width);
    case S_CLZ: return u128(0, count_leading(a, width));
    case S_CTZ: return u128(0, count_trailing(a, width));
    case S_POPCNT: return u128(0, popcount(a));
    case S_BSWAP: return reverse(a, width, 8);
    case S_BITREV: return reverse(a, width, 1);
    case S_PARITY: return u128(0, !(popcount(a) & 1));
    case S_CLMUL: return carryless(a, b);
    default: bug("node %u is no integer operation", op);
    }
}

/* -------------------------------------------------------------------- leaves */

static struct fp128 constant(const struct isa *isa, const struct sem *node)
{
    uint32_t at = node->a | (uint32_t)node->b << 16;

    return u128(node->w > 64 ? isa->consts[at + 1] : 0, isa->consts[at]);
}

static struct fp128 field_value(const struct sem_run *run, const struct sem *node)
{
    const struct isa_insn *insn;
    uint64_t number = run->insn->field[node->a];
    bool negative = false;

    if (node->w > 64) {
        insn = &run->isa->insns[run->insn->insn];
        negative = run->isa->fields_all[insn->field + node->a].is_signed && number >> 63;
    }
    return u128(negative ? UINT64_MAX : 0, number);
}

static uint64_t mode_value(const struct sem_run *run, const struct sem *node)
{
    const struct isa_mode *mode = &run->isa->modes[node->a];

    return run->insn->mode >> mode->at & mask64(mode->bits);
}

static bool is_on(const struct isa_features *features, unsigned feature)
{
    return !features || (features->bits[feature / 64] >> feature % 64 & 1);
}

/* A pure node's value.  false: it is not one. */
static bool pure(const struct sem_run *run, const struct sem *node, struct fp128 *out)
{
    const struct fp128 *v = run->values;
    const struct sem *nodes = run->nodes;

    switch (node->op) {
    case S_CONST: *out = constant(run->isa, node); break;
    case S_FIELD: *out = field_value(run, node); break;
    case S_PC: *out = u128(0, run->insn->pc); break;
    case S_ILEN: *out = u128(0, run->insn->length); break;
    case S_MODE: *out = u128(0, mode_value(run, node)); break;
    case S_FEATURE: *out = u128(0, is_on(run->insn->features, node->a)); break;
    case S_ARG: *out = run->args[node->a]; break;
    case S_LOCAL: *out = run->locals[node->a]; break;
    case S_SELECT: *out = v[v[node->a].lo & 1 ? node->b : node->c]; break;
    case S_EXTRACT: *out = shift_right(v[node->a], node->b); break;
    case S_CONCAT:
        *out = shift_left(v[node->a], nodes[node->b].w);
        out->lo |= v[node->b].lo;
        out->hi |= v[node->b].hi;
        break;
    case S_NOT:
    case S_NEG:
    case S_ZEXT:
    case S_SEXT:
    case S_CLZ:
    case S_CTZ:
    case S_POPCNT:
    case S_BSWAP:
    case S_BITREV:
    case S_PARITY: /* one operand */
        *out = integer(node->op, v[node->a], u128(0, 0), nodes[node->a].w);
        break;
    default:
        if ((node->op < S_ADD || node->op > S_LES) && node->op != S_CLMUL)
            return false;
        *out = integer(node->op, v[node->a], v[node->b], nodes[node->a].w);
    }
    *out = value_mask(*out, node->w);
    return true;
}

/* ------------------------------------------------------------------- control */

/* From an IF, ELSE or LOOP at `i` to its ELSE (if wanted) or END. */
static unsigned skip(const struct sem *nodes, unsigned i, bool stop_at_else)
{
    unsigned depth = 0;

    for (;;) {
        unsigned op = nodes[++i].op;

        if (depth == 0 && (op == S_END || (op == S_ELSE && stop_at_else)))
            return i;
        if (op == S_IF || op == S_LOOP)
            depth++;
        else if (op == S_END)
            depth--;
    }
}

struct nest {
    unsigned depth;
    struct {
        unsigned loop; /* position of the LOOP, or 0xffff of an IF */
    } open[NESTING];
};

static void open_block(struct nest *nest, unsigned loop)
{
    if (nest->depth == NESTING)
        bug("a body nests deeper than %d", NESTING);
    nest->open[nest->depth++].loop = loop;
}

/* Runs a control node at `i`; returns the position to go on after. */
static unsigned control(struct sem_run *run, struct nest *nest, unsigned i)
{
    const struct sem *node = &run->nodes[i];
    struct fp128 *v = run->values;

    switch (node->op) {
    case S_IF:
        open_block(nest, ISA_NONE);
        if (run->ifs)
            run->ifs[node - run->isa->nodes] |= v[node->a].lo & 1 ? 1 : 2;
        if (!(v[node->a].lo & 1)) {
            i = skip(run->nodes, i, true);
            nest->depth -= run->nodes[i].op == S_END;
        }
        return i;
    case S_ELSE: /* the end of a first part that was run */
        nest->depth--;
        return skip(run->nodes, i, false);
    case S_LOOP:
        if (!u128_less(v[node->b], v[node->c]))
            return skip(run->nodes, i, false);
        open_block(nest, i);
        run->locals[node->a] = v[node->b];
        return i;
    case S_END: {
        unsigned begin = nest->open[--nest->depth].loop;
        const struct sem *loop = &run->nodes[begin];

        if (begin == ISA_NONE)
            return i;
        run->locals[loop->a] = u128_add(run->locals[loop->a], u128(0, 1));
        if (!u128_less(run->locals[loop->a], v[loop->c]))
            return i;
        nest->depth++;
        return begin;
    }
    default: return i; /* S_NOP */
    }
}

static int run_nodes(struct sem_run *run, unsigned count)
{
    struct nest nest = { .depth = 0 };

    for (unsigned i = 0; i < count; i++) {
        const struct sem *node = &run->nodes[i];
        int end;

        if (pure(run, node, &run->values[i]))
            continue;
        switch (node->op) {
        case S_NOP:
        case S_IF:
        case S_ELSE:
        case S_LOOP:
        case S_END: i = control(run, &nest, i); continue;
        case S_SETL: run->locals[node->a] = run->values[node->b]; continue;
        default:
            if (!run->effect)
                bug("node %u has an effect where none may be", node->op);
            end = run->effect(run, node, &run->values[i]);
            if (end)
                return end;
            if (node->w)
                run->values[i] = value_mask(run->values[i], node->w);
        }
    }
    return 0;
}

/* The number of local variables of a body. */
static unsigned count_locals(const struct sem *nodes, struct sem_body body)
{
    unsigned count = 0;

    for (unsigned i = 0; body.has_locals && i < body.count; i++)
        if ((nodes[i].op == S_SETL || nodes[i].op == S_LOOP) && nodes[i].a >= count)
            count = nodes[i].a + 1u;
    return count;
}

int sem_run(struct sem_run *run, struct sem_body body, struct fp128 *result)
{
    struct fp128 few_values[NODES_ON_STACK], few_locals[LOCALS_ON_STACK];
    struct fp128 *memory = NULL;
    unsigned locals;
    int end;

    run->nodes = &run->isa->nodes[body.first];
    locals = count_locals(run->nodes, body);
    run->values = few_values;
    run->locals = few_locals;
    if (body.count > NODES_ON_STACK || locals > LOCALS_ON_STACK) {
        memory = malloc(((size_t)body.count + locals + 1) * sizeof(*memory));
        if (!memory)
            die("out of memory");
        run->values = memory;
        run->locals = memory + body.count;
    }
    for (unsigned i = 0; i < locals; i++)
        run->locals[i] = u128(0, 0);
    end = run_nodes(run, body.count);
    if (result && body.count)
        *result = run->values[body.count - 1];
    free(memory);
    return end;
}

uint64_t sem_value(const struct isa *isa, struct sem_body body,
                   const struct isa_decoded *insn, const struct fp128 *args)
{
    struct sem_run run = { .isa = isa, .insn = insn, .args = args };
    struct fp128 result = u128(0, 0);

    if (insn && sem_quick(isa, body, insn, &result.lo))
        return result.lo;
    sem_run(&run, body, &result);
    return result.lo;
}

/* ---------------------------------------------------------------- repeatability */

/* Of the loop that begins at node i: what came before comes before all of it again. */
static unsigned writes_of_loop(const struct sem *nodes, unsigned i, unsigned count)
{
    unsigned depth = 1, wrote = 0;

    while (++i < count && depth) {
        depth += nodes[i].op == S_LOOP || nodes[i].op == S_IF;
        depth -= nodes[i].op == S_END;
        wrote |= sem_writes(nodes[i].op);
    }
    return wrote;
}

bool sem_is_unrepeatable(const struct isa *isa, struct sem_body body)
{
    const struct sem *nodes = &isa->nodes[body.first];
    unsigned wrote = 0;

    for (unsigned i = 0; i < body.count; i++) {
        unsigned op = nodes[i].op;

        if (op >= S_LD && op <= S_STCOND &&
            (op == S_ST ? wrote & SEM_WROTE_STATE : wrote))
            return true;
        wrote |= op == S_LOOP ? writes_of_loop(nodes, i, body.count) : sem_writes(op);
    }
    return false;
}
