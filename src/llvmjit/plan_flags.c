/* plan_flags.c - which flagfn set lazy flags last, in front of each instruction.
 *
 * Where that is known, a condition is an expression of the flagfn's arguments, and an
 * instruction that has a variant made by a law (isa->flag_known) becomes that one. */
#include <stdlib.h>

#include "isa/sem.h"
#include "llvmjit/lift_parts.h"

bool plan_has_flags(const struct isa *isa, unsigned group)
{
    return isa->nflags <= ISA_FLAG_GROUPS && isa->flags[group].kind_file != ISA_NONE;
}

bool plan_is_stored(const struct isa *isa, int32_t kind, unsigned flag)
{
    return kind == 0 || (kind > 0 && !(isa->flagfns[kind - 1].sets >> flag & 1));
}

static bool is_expression_node(unsigned op)
{
    return op == S_CONST || op == S_ARG || (op >= S_ADD && op <= S_CLMUL);
}

bool plan_is_expression(const struct isa *isa, struct sem_body body)
{
    for (unsigned i = 0; i < body.count; i++)
        if (!is_expression_node(isa->nodes[body.first + i].op))
            return false;
    return body.count && body.count <= SYSREG_BODY;
}

void plan_kinds_merge(struct kinds *into, const struct kinds *from)
{
    for (unsigned g = 0; g < ISA_FLAG_GROUPS; g++)
        if (into->of[g] == KIND_NOT_REACHED)
            into->of[g] = from->of[g];
        else if (into->of[g] != from->of[g] && from->of[g] != KIND_NOT_REACHED)
            into->of[g] = KIND_NOT_KNOWN;
}

/* What a node does to what is known; `depth`: of the IFs around it. */
void plan_kinds_node(const struct isa *isa, const struct sem *node, unsigned depth,
                     struct kinds *kinds)
{
    if (node->op == S_SETFLAGS)
        kinds->of[isa->flagfns[node->d].group] = depth ? KIND_NOT_KNOWN : node->d + 1;
    else if (node->op == S_SETTLE && kinds->of[node->a])
        kinds->of[node->a] = depth ? KIND_NOT_KNOWN : 0;
}

/* ------------------------------------------------------------------ the data flow */

static struct kinds kinds_behind(const struct lift *lift, uint32_t insn)
{
    const struct isa *isa = lift->isa;
    struct sem_body body = isa->variants[lift->request->insns[insn].variant].body;
    struct kinds kinds = lift->state->plan[insn].kinds;
    unsigned depth = 0;

    for (unsigned i = 0; i < body.count; i++) {
        const struct sem *node = &isa->nodes[body.first + i];

        depth += node->op == S_IF || node->op == S_LOOP;
        depth -= node->op == S_END;
        plan_kinds_node(isa, node, depth, &kinds);
    }
    return kinds;
}

/* false: what follows knew it. */
static bool spread(struct lift *lift, uint32_t insn)
{
    struct kinds kinds = kinds_behind(lift, insn);
    bool is_new = false;

    for (unsigned number = 0; number < plan_count_edges(lift, insn); number++) {
        int32_t to = plan_edge(lift, insn, number);
        struct kinds *known, before;

        if (to == REGION_NONE)
            continue;
        known = &lift->state->plan[to].kinds;
        before = *known;
        plan_kinds_merge(known, &kinds);
        for (unsigned g = 0; g < lift->isa->nflags; g++)
            is_new |= known->of[g] != before.of[g];
    }
    return is_new;
}

static void fill_kinds(struct kinds *kinds, int32_t with)
{
    for (unsigned g = 0; g < ISA_FLAG_GROUPS; g++)
        kinds->of[g] = with;
}

/* -------------------------------------------------------------------------- laws */

/* The flagfn's variant of an instruction that reads flags. */
static uint32_t variant_by_law(const struct isa *isa, uint32_t variant,
                               const struct kinds *kinds)
{
    for (uint32_t i = 0; i < isa->nflag_known; i++) {
        const struct isa_flag_known *known = &isa->flag_known[i];

        if (known->variant == variant &&
            kinds->of[isa->flagfns[known->flagfn].group] == known->flagfn + 1)
            return known->instead;
    }
    return variant;
}

static bool reads_flags(const struct isa *isa, uint32_t variant)
{
    struct sem_body body = isa->variants[variant].body;

    for (unsigned i = 0; i < body.count; i++)
        if (isa->nodes[body.first + i].op == S_FLAG)
            return true;
    return false;
}

static void use_laws(struct lift *lift)
{
    for (uint32_t i = 0; i < lift->request->ninsns; i++) {
        struct region_insn *insn = &lift->state->insns[i];

        if (!lift->state->plan[i].is_side && reads_flags(lift->isa, insn->variant))
            insn->variant =
                variant_by_law(lift->isa, insn->variant, &lift->state->plan[i].kinds);
    }
}

/* Flagfns that the region's own instructions use. */
static void find_used(struct lift *lift)
{
    for (uint32_t i = 0; i < lift->request->ninsns; i++) {
        struct sem_body body = lift->isa->variants[lift->request->insns[i].variant].body;

        for (unsigned n = 0; n < body.count && !lift->state->plan[i].is_side; n++)
            if (lift->isa->nodes[body.first + n].op == S_SETFLAGS)
                lift->state->is_used[lift->isa->nodes[body.first + n].d] = true;
    }
}

void plan_flags(struct lift *lift)
{
    struct insn_plan *plan = lift->state->plan;
    bool is_new = true;

    if (!lift->isa->nflags || lift->isa->nflags > ISA_FLAG_GROUPS)
        return;
    for (uint32_t i = 0; i < lift->request->ninsns; i++)
        fill_kinds(&plan[i].kinds, plan[i].is_entry ? KIND_NOT_KNOWN : KIND_NOT_REACHED);
    while (is_new) {
        is_new = false;
        for (uint32_t i = 0; i < lift->request->ninsns; i++)
            is_new |= spread(lift, i);
    }
    find_used(lift);
    use_laws(lift);
}
