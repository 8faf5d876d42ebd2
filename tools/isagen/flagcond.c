/* flagcond.c - see flagcond.h */
#include "flagcond.h"

struct look { /* one body */
    const struct isa *isa;
    const struct sem *nodes;
    struct part { /* of each node */
        bool is;  /* a condition, or a constant bit (flags 0) */
        bool is_needed;
        uint16_t group;
        uint32_t flags;
        unsigned epoch; /* how often flags may have changed before its flags are read */
    } * parts;
};

/* ------------------------------------------------------------------- operands */

/* Which of a, b, c, d: bits 0 to 3. */
static unsigned operand_set(const struct isa *isa, const struct sem *node)
{
    switch (node->op) {
    case S_GETX:
    case S_GETL:
    case S_PUT:
    case S_SETL: return 2;
    case S_PUTF: return 4;
    case S_PUTX:
    case S_PUTL:
    case S_LOOP:
    case S_TRAP: return 6;
    case S_SETFLAGS: return (1u << isa->flagfns[node->d].args) - 1;
    case S_LD:
    case S_RESERVE:
    case S_NOT:
    case S_NEG:
    case S_ZEXT:
    case S_SEXT:
    case S_EXTRACT:
    case S_CLZ:
    case S_CTZ:
    case S_POPCNT:
    case S_BSWAP:
    case S_BITREV:
    case S_PARITY:
    case S_IF:
    case S_PUSH:
    case S_SYSREAD:
    case S_PUTNPC: return 1;
    case S_GOTO: return node->x & GOTO_DIRECT ? 0 : 1;
    case S_CAS:
    case S_SELECT:
    case S_FP: return 7;
    case S_ST:
    case S_AMO:
    case S_SYSWRITE:
    case S_STCOND: return 3;
    default: return node->op >= S_ADD && node->op <= S_CLMUL ? 3 : 0;
    }
}

unsigned node_operands(const struct isa *isa, struct sem *node, uint16_t *out[3])
{
    uint16_t *all[3] = { &node->a, &node->b, &node->c };
    unsigned set = operand_set(isa, node), n = 0;

    for (unsigned k = 0; k < 3; k++)
        if (set >> k & 1 && *all[k] != ISA_NONE)
            out[n++] = all[k];
    return n;
}

/* ----------------------------------------------------------------- conditions */

/* Whether flags may be others after the node. */
static bool may_change_flags(const struct sem *node)
{
    switch (node->op) {
    case S_PUT:
    case S_PUTF:
    case S_PUTX:
    case S_PUTL:
    case S_SETFLAGS:
    case S_SETTLE:
    case S_HELPER:
    case S_SYSREAD:
    case S_SYSWRITE: return true;
    default: return false;
    }
}

/* Takes what an operand says into the condition.  false: it is none with it. */
static bool join(struct part *part, const struct part *with)
{
    if (!with->is || (with->flags && with->epoch != part->epoch) ||
        (with->flags && part->flags && with->group != part->group))
        return false;
    if (with->flags)
        part->group = with->group;
    part->flags |= with->flags;
    return __builtin_popcount(part->flags) <= FLAG_COND_MAX;
}

static bool is_logic(const struct look *l, const struct sem *node)
{
    switch (node->op) {
    case S_AND:
    case S_OR:
    case S_XOR:
    case S_NOT:
    case S_EQ:
    case S_NE: return l->nodes[node->a].w == 1;
    case S_SELECT: return node->w == 1;
    case S_ZEXT: return node->w == 1 && l->nodes[node->a].w == 1;
    default: return false;
    }
}

static void look_at(struct look *l, unsigned i, unsigned epoch)
{
    struct sem node = l->nodes[i];
    struct part *part = &l->parts[i];
    uint16_t *operands[3];
    unsigned n;

    part->epoch = epoch;
    if (node.op == S_FLAG && node.b < 32) {
        *part = (struct part){ true, false, node.a, UINT32_C(1) << node.b, epoch };
        return;
    }
    if (node.op == S_CONST && node.w == 1) {
        part->is = true;
        return;
    }
    if (!is_logic(l, &node))
        return;
    n = node_operands(l->isa, &node, operands);
    part->is = true;
    for (unsigned k = 0; k < n && part->is; k++)
        part->is = join(part, &l->parts[*operands[k]]);
    if (!part->is)
        part->flags = 0;
}

/* Values of flag k in all rows of a truth table. */
static uint64_t flag_rows(unsigned k)
{
    static const uint64_t rows[FLAG_COND_MAX] = {
        0xaaaaaaaaaaaaaaaa, 0xcccccccccccccccc, 0xf0f0f0f0f0f0f0f0,
        0xff00ff00ff00ff00, 0xffff0000ffff0000, 0xffffffff00000000
    };

    return rows[k];
}

static uint64_t truth_of(const struct look *l, unsigned i, uint32_t flags)
{
    const struct sem *node = &l->nodes[i];
    uint64_t a, b;

    if (node->op == S_CONST)
        return l->isa->consts[node->a | (uint32_t)node->b << 16] & 1 ? UINT64_MAX : 0;
    if (node->op == S_FLAG)
        return flag_rows((unsigned)__builtin_popcount(flags & ((1u << node->b) - 1)));
    a = truth_of(l, node->a, flags);
    if (node->op == S_NOT)
        return ~a;
    if (node->op == S_ZEXT)
        return a;
    b = truth_of(l, node->b, flags);
    switch (node->op) {
    case S_AND: return a & b;
    case S_OR: return a | b;
    case S_EQ: return ~(a ^ b);
    case S_SELECT: return (a & b) | (~a & truth_of(l, node->c, flags));
    default: return a ^ b; /* S_XOR, S_NE */
    }
}

static uint64_t table_mask(uint32_t flags)
{
    unsigned n = (unsigned)__builtin_popcount(flags);

    return n >= FLAG_COND_MAX ? UINT64_MAX : (UINT64_C(1) << (1u << n)) - 1;
}

/* A node is needed if one that is no part of a condition uses it. */
static void find_needed(struct look *l, unsigned count, bool result)
{
    for (unsigned i = 0; i < count; i++) {
        struct sem node = l->nodes[i];
        uint16_t *operands[3];
        unsigned n = node_operands(l->isa, &node, operands);

        for (unsigned k = 0; k < n && !l->parts[i].is; k++)
            l->parts[*operands[k]].is_needed = true;
    }
    if (count && result)
        l->parts[count - 1].is_needed = true;
}

unsigned flag_conds(struct arena *arena, const struct isa *isa, struct sem_body body,
                    bool result, struct flag_cond **conds)
{
    struct look l = { .isa = isa, .nodes = &isa->nodes[body.first] };
    unsigned epoch = 0, n = 0;

    *conds = NULL;
    if (!isa->nflags)
        return 0;
    l.parts = arena_array(arena, body.count + 1u, sizeof *l.parts);
    for (unsigned i = 0; i < body.count; i++) {
        epoch += may_change_flags(&l.nodes[i]);
        look_at(&l, i, epoch);
    }
    find_needed(&l, body.count, result);
    *conds = arena_array(arena, body.count + 1u, sizeof **conds);
    for (unsigned i = 0; i < body.count; i++) {
        const struct part *part = &l.parts[i];

        if (part->is && part->is_needed && part->flags)
            (*conds)[n++] = (struct flag_cond){ (uint16_t)i, part->group, part->flags,
                                                truth_of(&l, i, part->flags) &
                                                    table_mask(part->flags) };
    }
    return n;
}

/* ----------------------------------------------------------------------- laws */

static bool is_over_args(const struct isa *isa, struct sem_body shortcut)
{
    for (unsigned i = 0; i < shortcut.count; i++)
        if (isa->nodes[shortcut.first + i].op == S_FLAG)
            return false;
    return !shortcut.has_locals;
}

const struct isa_law *flag_cond_law(struct arena *arena, const struct isa *isa,
                                    const struct flag_cond *cond, unsigned flagfn,
                                    bool *negated)
{
    for (unsigned i = 0; i < isa->nlaws; i++) {
        const struct isa_law *law = &isa->laws[i];
        struct flag_cond *said;

        if (law->flagfn != flagfn || !is_over_args(isa, law->shortcut) ||
            flag_conds(arena, isa, law->condition, true, &said) != 1 ||
            said->root != law->condition.count - 1u || said->group != cond->group ||
            said->flags != cond->flags)
            continue;
        *negated = said->truth != cond->truth;
        if (!*negated || said->truth == (~cond->truth & table_mask(cond->flags)))
            return law;
    }
    return NULL;
}
