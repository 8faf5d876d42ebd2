/* walk.c - the nodes of one instruction in the order in which they are executed, as far
 * as that is known: loops between constants are unrolled, and of conditions that are
 * decided when the region is made only one part is there. */
#include <string.h>

#include "isa/sem.h"
#include "llvmjit/lift_parts.h"

void walk_begin(struct walk *walk, const struct lift *lift,
                const struct region_insn *insn)
{
    const struct isa_variant *variant = &lift->isa->variants[insn->variant];

    walk->lift = lift;
    walk->insn = insn;
    walk->variant = variant;
    walk->nodes = &lift->isa->nodes[variant->body.first];
    walk->at = walk->steps = walk->nests = walk->depth = 0;
    walk->known_locals = 0;
    walk->is_too_long = walk->wants_lanes = false;
    memset(walk->known, 0, variant->body.count * sizeof *walk->known);
}

bool walk_knows(const struct walk *walk, unsigned node, uint64_t *value)
{
    if (node >= walk->variant->body.count || !walk->known[node])
        return false;
    *value = walk->values[node];
    return true;
}

/* ------------------------------------------------------------------------- values */

/* An operation of 64 bits or less; operands are `w` bits wide. */
static bool fold(const struct sem *node, unsigned w, uint64_t a, uint64_t b, uint64_t *r)
{
    switch (node->op) {
    case S_ADD: *r = a + b; break;
    case S_SUB: *r = a - b; break;
    case S_MUL: *r = a * b; break;
    case S_AND: *r = a & b; break;
    case S_OR: *r = a | b; break;
    case S_XOR: *r = a ^ b; break;
    case S_SHL: *r = b < 64 ? a << b : 0; break;
    case S_SHRU: *r = b < 64 ? a >> b : 0; break;
    case S_EQ: *r = a == b; break;
    case S_NE: *r = a != b; break;
    case S_LTU: *r = a < b; break;
    case S_LEU: *r = a <= b; break;
    case S_LTS: *r = (int64_t)sext64(a, w) < (int64_t)sext64(b, w); break;
    case S_LES: *r = (int64_t)sext64(a, w) <= (int64_t)sext64(b, w); break;
    case S_NOT: *r = ~a; break;
    case S_NEG: *r = 0 - a; break;
    case S_ZEXT: *r = a; break;
    case S_SEXT: *r = sext64(a, w); break;
    case S_EXTRACT: *r = node->b < 64 ? a >> node->b : 0; break;
    default: return false;
    }
    *r &= mask64(node->w);
    return true;
}

static bool is_unary(unsigned op)
{
    return op == S_NOT || op == S_NEG || op == S_ZEXT || op == S_SEXT || op == S_EXTRACT;
}

static bool fold_node(const struct walk *walk, const struct sem *node, uint64_t *value)
{
    uint64_t a, b = 0;

    return node->op >= S_ADD && node->op <= S_EXTRACT && walk->nodes[node->a].w <= 64 &&
           walk_knows(walk, node->a, &a) &&
           (is_unary(node->op) || walk_knows(walk, node->b, &b)) &&
           fold(node, walk->nodes[node->a].w, a, b, value);
}

static bool slot_value(const struct walk *walk, const struct sem *node, uint64_t *value)
{
    const struct isa *isa = walk->lift->isa;
    bool is_pc;

    if (!plan_slot_pc(isa, &isa->slots[walk->variant->slot + node->a], &is_pc) || is_pc)
        return false;
    *value =
        walk->lift->request->slots[walk->insn->slot + node->a].value & mask64(node->w);
    return true;
}

static bool find_value(const struct walk *walk, const struct sem *node, uint64_t *value)
{
    if (!node->w || node->w > 64)
        return false;
    switch (node->op) {
    case S_CONST:
        *value = walk->lift->isa->consts[node->a | (uint32_t)node->b << 16];
        return true;
    case S_SLOT: return slot_value(walk, node, value);
    case S_LOCAL:
        *value = node->a < 64 ? walk->locals[node->a] : 0;
        return node->a < 64 && walk->known_locals >> node->a & 1;
    default: return fold_node(walk, node, value);
    }
}

static void set_local(struct walk *walk, unsigned local, bool is_known, uint64_t value)
{
    if (local >= 64)
        return;
    walk->known_locals &= ~(UINT64_C(1) << local);
    walk->known_locals |= (uint64_t)is_known << local;
    walk->locals[local] = value;
}

/* ------------------------------------------------------------------------ control */

/* From the IF, ELSE or LOOP at `at` to its ELSE, if that is wanted, or END. */
static unsigned skip(const struct walk *walk, unsigned at, bool stop_at_else)
{
    unsigned depth = 0;

    while (++at < walk->variant->body.count) {
        unsigned op = walk->nodes[at].op;

        if (!depth && (op == S_END || (op == S_ELSE && stop_at_else)))
            return at;
        depth += op == S_IF || op == S_LOOP;
        depth -= op == S_END;
    }
    return at;
}

static bool open_nest(struct walk *walk, enum walk_kind kind)
{
    if (walk->nests == WALK_NESTING) {
        walk->is_too_long = true;
        return false;
    }
    walk->open[walk->nests++] = (struct walk_nest){ .kind = kind, .at = walk->number };
    walk->depth += kind == WALK_OPEN;
    return true;
}

/* The IF at walk->number.  false: it is decided, and nobody's business. */
static bool open_if(struct walk *walk)
{
    uint64_t condition;

    if (!walk_knows(walk, walk->nodes[walk->number].a, &condition))
        return open_nest(walk, WALK_OPEN);
    if (condition & 1)
        return open_nest(walk, WALK_DECIDED) && false;
    walk->at = skip(walk, walk->number, true);
    if (walk->at < walk->variant->body.count && walk->nodes[walk->at++].op == S_ELSE)
        open_nest(walk, WALK_DECIDED);
    return false;
}

/* true: its bounds are not known, or it is one of vectors. */
static bool open_loop(struct walk *walk)
{
    const struct sem *node = &walk->nodes[walk->number];
    uint64_t first, end;

    if (!walk_knows(walk, node->b, &first) || !walk_knows(walk, node->c, &end))
        return open_nest(walk, WALK_OPEN);
    if (first >= end) {
        walk->at = skip(walk, walk->number, false) + 1;
        return false;
    }
    if (walk->wants_lanes && lanes_fit(walk, walk->number, first, end)) {
        walk->at = skip(walk, walk->number, false) + 1;
        walk->end = end;
        return true;
    }
    set_local(walk, node->a, true, first);
    if (open_nest(walk, WALK_LOOP))
        walk->open[walk->nests - 1].end = end;
    return false;
}

/* The next iteration, if there is one. */
static void end_loop(struct walk *walk)
{
    struct walk_nest *nest = &walk->open[walk->nests - 1];
    unsigned local = walk->nodes[nest->at].a;

    if (local >= 64) {
        walk->is_too_long = true;
        return;
    }
    if (++walk->locals[local] < nest->end) {
        set_local(walk, local, true, walk->locals[local]);
        walk->at = nest->at + 1u;
        return;
    }
    set_local(walk, local, !walk->depth, walk->locals[local]);
    walk->nests--;
}

/* Whether the ELSE or END belongs to an IF (or LOOP) that was there. */
static bool pass_nest(struct walk *walk, bool is_else)
{
    enum walk_kind kind =
        walk->nests ? walk->open[walk->nests - 1].kind : (enum walk_kind)WALK_OPEN;

    if (!walk->nests)
        return true;
    if (kind == WALK_LOOP) {
        end_loop(walk);
        return false;
    }
    if (kind == WALK_OPEN && is_else)
        return true;
    walk->nests--;
    walk->depth -= kind == WALK_OPEN;
    if (kind == WALK_DECIDED && is_else)
        walk->at = skip(walk, walk->number, false) + 1;
    return kind == WALK_OPEN;
}

/* Whether the node at walk->number is one that is there. */
static bool pass(struct walk *walk)
{
    const struct sem *node = &walk->nodes[walk->number];

    switch (node->op) {
    case S_IF: return open_if(walk);
    case S_LOOP: return open_loop(walk);
    case S_ELSE:
    case S_END: return pass_nest(walk, node->op == S_ELSE);
    case S_SETL:
        set_local(walk, node->a, !walk->depth && walk->known[node->b],
                  walk->values[node->b]);
        return true;
    default:
        walk->known[walk->number] = find_value(walk, node, &walk->values[walk->number]);
        return true;
    }
}

const struct sem *walk_next(struct walk *walk)
{
    while (walk->at < walk->variant->body.count && !walk->is_too_long) {
        walk->number = walk->at++;
        walk->is_too_long = walk->steps++ == WALK_STEPS;
        if (pass(walk))
            return &walk->nodes[walk->number];
    }
    return NULL;
}
