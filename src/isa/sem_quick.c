/* sem_quick.c - decode-time expressions on 64 bits, for speed.
 *
 * Decoding asks for thousands of these before a program has printed a line.  What is
 * wider than 64 bits, long, or rare is left to sem_run(), which says the same more
 * slowly. */
#include "isa/sem.h"

enum { QUICK_NODES = 32 };

/* An integer node; `w` of its operands.  false: not one of these. */
static bool compute(const struct sem *node, uint64_t a, uint64_t b, unsigned w,
                    uint64_t *out)
{
    switch (node->op) {
    case S_ADD: *out = a + b; break;
    case S_SUB: *out = a - b; break;
    case S_AND: *out = a & b; break;
    case S_OR: *out = a | b; break;
    case S_XOR: *out = a ^ b; break;
    case S_NOT: *out = ~a; break;
    case S_NEG: *out = 0 - a; break;
    case S_SHL: *out = b < 64 ? a << b : 0; break;
    case S_SHRU: *out = b < 64 ? a >> b : 0; break;
    case S_EQ: *out = a == b; break;
    case S_NE: *out = a != b; break;
    case S_LTU: *out = a < b; break;
    case S_LEU: *out = a <= b; break;
    case S_LTS: *out = (int64_t)sext64(a, w) < (int64_t)sext64(b, w); break;
    case S_LES: *out = (int64_t)sext64(a, w) <= (int64_t)sext64(b, w); break;
    case S_ZEXT: *out = a; break;
    case S_SEXT: *out = sext64(a, w); break;
    case S_EXTRACT: *out = a >> node->b; break;
    default: return false;
    }
    return true;
}

bool sem_quick(const struct isa *isa, struct sem_body body,
               const struct isa_decoded *insn, uint64_t *result)
{
    const struct sem *nodes = &isa->nodes[body.first], *node = nodes;
    uint64_t v[QUICK_NODES];

    if (!body.count || body.count > QUICK_NODES)
        return false;
    for (unsigned i = 0; i < body.count; i++, node++) {
        unsigned w = node->w;

        if (w > 64)
            return false;
        switch (node->op) {
        case S_CONST: v[i] = isa->consts[node->a | (uint32_t)node->b << 16]; break;
        case S_FIELD: v[i] = insn->field[node->a]; break;
        case S_PC: v[i] = insn->pc; break;
        case S_ILEN: v[i] = insn->length; break;
        case S_MODE:
            v[i] =
                insn->mode >> isa->modes[node->a].at & mask64(isa->modes[node->a].bits);
            break;
        case S_FEATURE:
            if (!insn->features)
                return false;
            v[i] = insn->features->bits[node->a / 64] >> node->a % 64 & 1;
            break;
        case S_SELECT: v[i] = v[v[node->a] & 1 ? node->b : node->c]; break;
        case S_CONCAT:
            v[i] = nodes[node->b].w < 64 ? v[node->a] << nodes[node->b].w : 0;
            v[i] |= v[node->b];
            break;
        default:
            if (node->op < S_ADD || node->op > S_EXTRACT || nodes[node->a].w > 64)
                return false;
            if (!compute(node, v[node->a],
                         node->op >= S_ZEXT || node->op == S_NOT || node->op == S_NEG
                             ? 0
                             : v[node->b],
                         nodes[node->a].w, &v[i]))
                return false;
        }
        v[i] &= mask64(w);
    }
    *result = v[body.count - 1];
    return true;
}
