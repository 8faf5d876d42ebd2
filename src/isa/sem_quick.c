/* sem_quick.c - decode-time expressions on 64 bits, for speed.
 *
 * Decoding asks for thousands of these before a program has printed a line.  What is
 * wider than 64 bits, long, or rare is left to sem_run(), which says the same more
 * slowly. */
#include "isa/sem.h"

enum { QUICK_NODES = 32 };

static uint64_t mode_value(const struct isa *isa, unsigned mode, uint64_t key)
{
    return key >> isa->modes[mode].at & mask64(isa->modes[mode].bits);
}

/* Not for the short way: its array wants a frame. */
__attribute__((noinline)) static bool run_quick(const struct isa *isa,
                                                struct sem_body body,
                                                const struct isa_decoded *insn,
                                                uint64_t *result)
{
    const struct sem *nodes = &isa->nodes[body.first], *node = nodes;
    uint64_t v[QUICK_NODES], x;

    if (!body.count || body.count > QUICK_NODES)
        return false;
    for (unsigned i = 0; i < body.count; i++, node++) {
        if (node->w - 1u > 63)
            return false;
#define A v[node->a]
#define B v[node->b]
#define WIDTH nodes[node->a].w /* of A: what is wider has been refused above */
        switch (node->op) {
        case S_CONST: x = isa->consts[node->a | (uint32_t)node->b << 16]; break;
        case S_FIELD: x = insn->field[node->a]; break;
        case S_PC: x = insn->pc; break;
        case S_ILEN: x = insn->length; break;
        case S_MODE: x = mode_value(isa, node->a, insn->mode); break;
        case S_FEATURE:
            if (!insn->features)
                return false;
            x = insn->features->bits[node->a / 64] >> node->a % 64;
            break;
        case S_ADD: x = A + B; break;
        case S_SUB: x = A - B; break;
        case S_AND: x = A & B; break;
        case S_OR: x = A | B; break;
        case S_XOR: x = A ^ B; break;
        case S_NOT: x = ~A; break;
        case S_NEG: x = 0 - A; break;
        case S_SHL: x = B < 64 ? A << B : 0; break;
        case S_SHRU: x = B < 64 ? A >> B : 0; break;
        case S_EQ: x = A == B; break;
        case S_NE: x = A != B; break;
        case S_LTU: x = A < B; break;
        case S_LEU: x = A <= B; break;
        case S_LTS: x = (int64_t)sext64(A, WIDTH) < (int64_t)sext64(B, WIDTH); break;
        case S_LES: x = (int64_t)sext64(A, WIDTH) <= (int64_t)sext64(B, WIDTH); break;
        case S_ZEXT: x = A; break;
        case S_SEXT: x = sext64(A, WIDTH); break;
        case S_EXTRACT: x = A >> node->b; break;
        case S_CONCAT: x = (nodes[node->b].w < 64 ? A << nodes[node->b].w : 0) | B; break;
        case S_SELECT: x = v[A & 1 ? node->b : node->c]; break;
        default: return false;
        }
#undef A
#undef B
#undef WIDTH
        v[i] = x & UINT64_MAX >> (64 - node->w);
    }
    *result = v[body.count - 1];
    return true;
}

static uint64_t constant(const struct isa *isa, const struct sem *node)
{
    return isa->consts[node->a | (uint32_t)node->b << 16];
}

/* What most expressions are: a field and a constant; a feature is on or off; what follows
 * the instruction. */
bool sem_quick(const struct isa *isa, struct sem_body body,
               const struct isa_decoded *insn, uint64_t *result)
{
    const struct sem *nodes = &isa->nodes[body.first], *last = &nodes[2];
    uint64_t a, b;

    if (body.count != 3 || last->a != 0 || last->b != 1 || last->w - 1u > 63)
        return run_quick(isa, body, insn, result);
    if (nodes[0].op == S_FIELD && nodes[0].w == 64 && nodes[1].op == S_CONST) {
        a = insn->field[nodes[0].a];
        b = constant(isa, &nodes[1]);
    } else if (nodes[0].op == S_CONST && nodes[1].op == S_FIELD && nodes[1].w == 64) {
        a = constant(isa, &nodes[0]);
        b = insn->field[nodes[1].a];
    } else if (nodes[0].op == S_FEATURE && nodes[1].op == S_CONST && insn->features) {
        a = insn->features->bits[nodes[0].a / 64] >> nodes[0].a % 64 & 1;
        b = constant(isa, &nodes[1]) & 1;
    } else if (nodes[0].op == S_PC && nodes[1].op == S_ILEN) {
        a = insn->pc;
        b = insn->length;
    } else {
        return run_quick(isa, body, insn, result);
    }
    switch (last->op) {
    case S_EQ: *result = a == b; return true;
    case S_NE: *result = a != b; return true;
    case S_AND: *result = a & b; return true;
    case S_XOR: *result = a ^ b; return true;
    case S_ADD: *result = (a + b) & UINT64_MAX >> (64 - last->w); return true;
    default: return run_quick(isa, body, insn, result);
    }
}
