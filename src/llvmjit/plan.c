/* plan.c - what is known of a region before it is lifted: which instructions are left to
 * the interpreter, where blocks begin, which edges close cycles. */
#include <stdlib.h>
#include <string.h>

#include "isa/mem.h"
#include "isa/sem.h"
#include "llvmjit/lift_parts.h"

/* ---------------------------------------------------------------- instructions */

static bool is_access_width(unsigned w)
{
    return w == 8 || w == 16 || w == 32 || w == 64;
}

/* Nodes of decode-time expressions: no part of the pc, the pc and a constant, other. */
enum pc_use { PC_NONE, PC_LINEAR, PC_OTHER };

static enum pc_use pc_use_of(const struct sem *node, const uint8_t *use)
{
    switch (node->op) {
    case S_PC: return PC_LINEAR;
    case S_CONST:
    case S_FIELD:
    case S_ILEN:
    case S_MODE:
    case S_FEATURE: return PC_NONE;
    case S_ADD:
        if (use[node->a] + use[node->b] <= PC_LINEAR)
            return use[node->a] + use[node->b];
        return PC_OTHER;
    case S_SUB: return use[node->b] == PC_NONE ? use[node->a] : PC_OTHER;
    case S_AND: /* alignment */ return use[node->b] == PC_NONE ? use[node->a] : PC_OTHER;
    case S_EXTRACT: return !use[node->a] ? PC_NONE : node->b ? PC_OTHER : use[node->a];
    case S_ZEXT:
    case S_SEXT: return use[node->a];
    case S_NOT:
    case S_NEG:
    case S_CLZ:
    case S_CTZ:
    case S_POPCNT:
    case S_BSWAP:
    case S_BITREV:
    case S_PARITY: return use[node->a] ? PC_OTHER : PC_NONE;
    case S_SELECT:
        return use[node->a] || use[node->b] || use[node->c] ? PC_OTHER : PC_NONE;
    default:
        if (node->op >= S_ADD && node->op <= S_CLMUL)
            return use[node->a] || use[node->b] ? PC_OTHER : PC_NONE;
        return PC_OTHER;
    }
}

bool plan_slot_pc(const struct isa *isa, const struct isa_slot *slot, bool *is_pc)
{
    const struct sem *nodes = &isa->nodes[slot->expr.first];
    uint8_t use[MAX_BODY];
    bool has_pc = false;

    *is_pc = slot->kind == SLOT_LINK || slot->kind == SLOT_RETURN ||
             (slot->quick && slot->plus_pc);
    if (*is_pc || slot->quick || !slot->expr.count)
        return true;
    for (unsigned i = 0; i < slot->expr.count; i++)
        has_pc |= nodes[i].op == S_PC;
    if (!has_pc)
        return true;
    for (unsigned i = 0; i < slot->expr.count; i++)
        use[i] = pc_use_of(&nodes[i], use);
    *is_pc = use[slot->expr.count - 1] == PC_LINEAR;
    return use[slot->expr.count - 1] != PC_OTHER;
}

/* What a node asks of its instruction. */
enum need {
    NEED_NOTHING,
    NEED_MAYBE_SIDE, /* an exit to the interpreter, perhaps */
    NEED_SIDE,       /* an exit to the interpreter */
    NEED_WHOLE,      /* all of the instruction is the interpreter's */
};

static bool is_file_fit(const struct isa *isa, unsigned file)
{
    return file != ISA_NONE && isa->files[file].width <= MAX_ELEMENT_BITS;
}

static enum need need_of_slot(const struct lift *lift, const struct region_insn *insn,
                              const struct sem *node)
{
    const struct isa *isa = lift->isa;
    const struct isa_slot *slot =
        &isa->slots[isa->variants[insn->variant].slot + node->a];
    uint64_t number = lift->request->slots[insn->slot + node->a].value;
    const struct isa_view *view;
    bool is_pc;

    if (node->op == S_SLOT)
        return plan_slot_pc(isa, slot, &is_pc) ? NEED_NOTHING : NEED_WHOLE;
    view = &isa->views[slot->view];
    if (!is_file_fit(isa, view->file))
        return NEED_WHOLE;
    if (node->op == S_GET || node->op == S_PUT)
        return number < isa->files[view->file].count || number == view->zero
                   ? NEED_NOTHING
                   : NEED_WHOLE;
    return NEED_NOTHING;
}

unsigned plan_lane(const struct isa *isa, const struct isa_view *view, uint64_t number,
                   uint64_t lane, unsigned width, unsigned *low)
{
    const struct isa_file *file = &isa->files[view->file];
    unsigned lanes = file->width / width;

    *low = (unsigned)(lane % lanes) * width + view->low_bit;
    return (unsigned)((number + lane / lanes) % file->count);
}

static enum need need_of_lane(const struct walk *walk, const struct sem *node)
{
    const struct lift *lift = walk->lift;
    const struct region_insn *insn = walk->insn;
    const struct isa *isa = lift->isa;
    unsigned width = node->op == S_GETL ? node->w : walk->nodes[node->c].w;
    uint64_t lane;
    const struct isa_view *view =
        &isa->views[isa->slots[isa->variants[insn->variant].slot + node->a].view];

    if (!walk_knows(walk, node->b, &lane) || view->file == ISA_NONE ||
        width > isa->files[view->file].width)
        return NEED_WHOLE;
    return need_of_slot(lift, insn, node);
}

static enum need need_of_access(const struct isa *isa, const struct sem *node,
                                const struct sem *nodes)
{
    const struct isa_access *access = &isa->accesses[node->x];
    unsigned w = node->op == S_ST || node->op == S_STCOND ? nodes[node->b].w : node->w;

    if (nodes[node->a].w > 64 || w > 128)
        return NEED_WHOLE;
    if (node->op != S_LD && node->op != S_ST && !is_access_width(w))
        return NEED_WHOLE;
    if (node->op != S_LD && node->op != S_ST && node->op != S_RESERVE &&
        !HOST_SPLIT_ATOMICS && access->align < w / 8)
        return NEED_WHOLE;
    if (!MEM_UNALIGNED_OK && access->align < w / 8)
        return NEED_WHOLE;
    return access->align > 1 ? NEED_MAYBE_SIDE : NEED_NOTHING;
}

/* An element whose number is a value: as any other, where that is known. */
static enum need need_of_indexed(const struct walk *walk, const struct sem *node)
{
    uint64_t index;

    if (!is_file_fit(walk->lift->isa, node->a))
        return NEED_WHOLE;
    return walk_knows(walk, node->b, &index) ? NEED_NOTHING : NEED_SIDE;
}

static enum need need_of(const struct walk *walk, const struct sem *node)
{
    const struct lift *lift = walk->lift;
    const struct region_insn *insn = walk->insn;
    const struct sem *nodes = walk->nodes;
    const struct isa *isa = lift->isa;

    if (node->w > 128)
        return NEED_WHOLE;
    switch (node->op) {
    case S_SLOT:
    case S_GET:
    case S_PUT: return need_of_slot(lift, insn, node);
    case S_GETL:
    case S_PUTL: return need_of_lane(walk, node);
    case S_GETX:
    case S_PUTX: return need_of_indexed(walk, node);
    case S_GETF:
    case S_PUTF: return is_file_fit(isa, node->a) ? NEED_NOTHING : NEED_WHOLE;
    case S_LD:
    case S_ST:
    case S_AMO:
    case S_CAS:
    case S_RESERVE:
    case S_STCOND: return need_of_access(isa, node, nodes);
    case S_FENCE: return node->x & FENCE_FETCH ? NEED_SIDE : NEED_NOTHING;
    case S_DIVU:
    case S_DIVS:
    case S_REMU:
    case S_REMS: return node->w > 64 ? NEED_WHOLE : NEED_NOTHING;
    case S_BSWAP: return node->w % 16 && node->w != 8 ? NEED_WHOLE : NEED_NOTHING;
    case S_TRAP:
    case S_REPEAT:
    case S_ANNUL:
    case S_HELPER: return NEED_SIDE;
    case S_SYSREAD:
    case S_SYSWRITE:
        return region_has_plain_sysregs(isa, &isa->variants[insn->variant],
                                        &lift->request->slots[insn->slot])
                   ? NEED_NOTHING
                   : NEED_SIDE;
    case S_FP: /* its rules would have to be in the CPU struct */
        return isa->fpenvs[isa->fpcalls[node->d].env].more_rules.count ? NEED_WHOLE
                                                                       : NEED_NOTHING;
    case S_FLAG: return isa->nflags <= ISA_FLAG_GROUPS ? NEED_NOTHING : NEED_WHOLE;
    case S_SETFLAGS:
        return plan_has_flags(isa, isa->flagfns[node->d].group) ? NEED_NOTHING
                                                                : NEED_WHOLE;
    case S_SETTLE: return plan_has_flags(isa, node->a) ? NEED_NOTHING : NEED_WHOLE;
    case S_ARG:
    case S_LOOP:
    case S_NPC:
    case S_PUTNPC: return NEED_WHOLE;
    case S_GOTO: return node->x & GOTO_DELAY ? NEED_WHOLE : NEED_NOTHING;
    default: return node->op >= S_OPS ? NEED_WHOLE : NEED_NOTHING;
    }
}

/* What others, or the instruction itself when it is executed anew, can see at once: all
 * but registers. */
static unsigned writes_at_once(unsigned op)
{
    return op == S_ST || op == S_AMO || op == S_CAS || op == S_STCOND ? sem_writes(op)
                                                                      : 0;
}

/* An instruction that leaves in its middle is executed anew from its beginning: nothing
 * may have been written before.  The same for what may fault (sem_is_unrepeatable), but
 * then the CPU struct has the registers as they were (lift_insn). */
static bool is_side(const struct lift *lift, const struct region_insn *insn)
{
    const struct isa_variant *variant = &lift->isa->variants[insn->variant];
    unsigned wrote = 0, seen = 0;
    const struct sem *node;
    struct walk walk;

    if (insn->is_side || variant->flags & VAR_DELAY ||
        (variant->flags & (VAR_MODE | VAR_SYNC) &&
         !region_has_plain_sysregs(lift->isa, variant,
                                   &lift->request->slots[insn->slot])))
        return true;
    walk_begin(&walk, lift, insn);
    while ((node = walk_next(&walk)) != NULL) {
        enum need need = need_of(&walk, node);
        unsigned op = node->op;

        if (need == NEED_WHOLE || (need != NEED_NOTHING && wrote) ||
            (need == NEED_SIDE && !walk.depth))
            return true;
        if (op >= S_LD && op <= S_STCOND && (op == S_ST ? seen & SEM_WROTE_STATE : seen))
            return true;
        wrote |= op == S_FP ? SEM_WROTE_STATE : sem_writes(op);
        seen |= writes_at_once(op);
    }
    return walk.is_too_long;
}

/* Files whose elements go straight into operations of doubles. */
static void find_doubles(struct lift *lift, uint32_t number)
{
    const struct isa *isa = lift->isa;
    const struct isa_variant *variant =
        &isa->variants[lift->request->insns[number].variant];
    const struct sem *nodes = &isa->nodes[variant->body.first];

    for (unsigned i = 0; i < variant->body.count; i++) {
        const struct sem *from = &nodes[nodes[i].op == S_FP ? nodes[i].a : i];
        unsigned file;

        if (from == &nodes[i] || from->op != S_GET || nodes[i].x == FPOP_FROM_SINT ||
            nodes[i].x == FPOP_FROM_UINT || isa->fpcalls[nodes[i].d].format != FMT_F64)
            continue;
        file = isa->views[isa->slots[variant->slot + from->a].view].file;
        if (file != ISA_NONE)
            lift->state->is_double[file] = true;
    }
}

static void find_accesses(struct lift *lift, uint32_t number)
{
    struct insn_plan *plan = &lift->state->plan[number];
    struct sem_body body = lift->isa->variants[lift->request->insns[number].variant].body;

    if (!lift->request->is_precise)
        return;
    for (unsigned i = 0; i < body.count; i++) {
        unsigned op = lift->isa->nodes[body.first + i].op;

        plan->loads |= op == S_LD || op == S_RESERVE;
        plan->stores |= op == S_ST || op == S_AMO || op == S_CAS || op == S_STCOND;
    }
}

/* ----------------------------------------------------------------------- edges */

/* The edges out of an instruction, in order; then to behind the region's own calls. */
enum { EDGE_NEXT, EDGE_RETURN, EDGE_BEHIND, EDGE_GUESS, EDGE_LINKS };

int32_t plan_edge(const struct lift *lift, uint32_t insn, unsigned number)
{
    const struct region_insn *it = &lift->request->insns[insn];
    const struct isa_variant *variant = &lift->isa->variants[it->variant];

    if (lift->state->plan[insn].is_side)
        return REGION_NONE;
    if (number == EDGE_NEXT)
        return sem_falls_through(lift->isa, variant->body) ? it->next : REGION_NONE;
    if (number == EDGE_RETURN)
        return it->return_insn;
    if (number == EDGE_BEHIND)
        return it->behind;
    if (number == EDGE_GUESS)
        return it->guess_insn;
    number -= EDGE_LINKS;
    if (number >= variant->slots)
        return lift->state->behinds[number - variant->slots];
    return lift->isa->slots[variant->slot + number].kind == SLOT_LINK
               ? lift->request->slots[it->slot + number].insn
               : REGION_NONE;
}

/* To behind one of the region's own calls, perhaps. */
static bool returns(const struct lift *lift, uint32_t insn)
{
    const struct region_insn *it = &lift->request->insns[insn];
    struct sem_body body = lift->isa->variants[it->variant].body;

    for (unsigned i = 0; i < body.count; i++) {
        const struct sem *node = &lift->isa->nodes[body.first + i];

        if (node->op == S_GOTO && node->x & GOTO_RETURN && !(node->x & GOTO_DIRECT))
            return true;
    }
    return false;
}

unsigned plan_count_edges(const struct lift *lift, uint32_t insn)
{
    const struct isa_variant *variant =
        &lift->isa->variants[lift->request->insns[insn].variant];

    return (unsigned)EDGE_LINKS + variant->slots +
           (returns(lift, insn) ? lift->state->nbehinds : 0);
}

/* The edge from a call to behind it stands for the return that leads there. */
static void mark_back(struct lift *lift, uint32_t insn, unsigned number, uint32_t to)
{
    const struct region_insn *it = &lift->request->insns[insn];
    struct insn_plan *plan = &lift->state->plan[insn];

    if (number == EDGE_NEXT)
        plan->next_is_back = true;
    else if (number == EDGE_RETURN)
        plan->return_is_back = true;
    else if (number == EDGE_GUESS)
        plan->guess_is_back = true;
    else if (number >= EDGE_LINKS &&
             number - EDGE_LINKS < lift->isa->variants[it->variant].slots)
        lift->state->link_is_back[it->slot + number - EDGE_LINKS] = true;
    else
        lift->state->plan[to].behind_is_back = true;
}

struct visit {
    uint32_t insn;
    unsigned number;
};
enum { NOT_SEEN, OPEN, DONE };

/* Depth first: an edge to an instruction that is still open closes a cycle. */
static void walk_from(struct lift *lift, uint32_t root, uint8_t *seen,
                      struct visit *stack)
{
    unsigned depth = 0;

    if (seen[root] != NOT_SEEN)
        return;
    stack[depth++] = (struct visit){ root, 0 };
    seen[root] = OPEN;
    while (depth) {
        struct visit *top = &stack[depth - 1];
        unsigned number = top->number++;
        int32_t to;

        if (number == plan_count_edges(lift, top->insn)) {
            seen[top->insn] = DONE;
            depth--;
            continue;
        }
        to = plan_edge(lift, top->insn, number);
        if (to == REGION_NONE)
            continue;
        if (seen[to] == OPEN) {
            mark_back(lift, top->insn, number, (uint32_t)to);
            lift->state->plan[to].is_entry |=
                lift->request->insns[to].return_insn == REGION_NONE;
        }
        if (seen[to] == NOT_SEEN) {
            seen[to] = OPEN;
            stack[depth++] = (struct visit){ (uint32_t)to, 0 };
        }
    }
}

/* A block begins where control comes from more than the instruction before. */
static void find_leaders(struct lift *lift, uint8_t *preds)
{
    struct insn_plan *plan = lift->state->plan;

    for (uint32_t i = 0; i < lift->request->ninsns; i++)
        for (unsigned number = 0; number < plan_count_edges(lift, i); number++) {
            int32_t to = plan_edge(lift, i, number);

            if (to == REGION_NONE)
                continue;
            plan[to].is_leader |=
                number != EDGE_NEXT || preds[to] || plan[i].next_is_back;
            preds[to] = 1;
        }
    for (uint32_t i = 0; i < lift->request->ninsns; i++)
        plan[i].is_leader |= plan[i].is_entry;
}

static void find_behinds(struct lift *lift)
{
    struct region_state *state = lift->state;

    state->nbehinds = 0;
    for (uint32_t i = 0; i < lift->request->ninsns; i++)
        if (lift->request->insns[i].behind != REGION_NONE && !state->plan[i].is_side &&
            state->nbehinds < MAX_BEHINDS)
            state->behinds[state->nbehinds++] = lift->request->insns[i].behind;
}

static void plan_insn(struct lift *lift, uint32_t number)
{
    struct insn_plan *plan = &lift->state->plan[number];
    const struct region_insn *insn = &lift->request->insns[number];

    plan->is_entry = insn->is_entry;
    plan->is_side = lift->state->forced_side[number] || is_side(lift, insn);
    if (plan->is_side)
        return;
    find_accesses(lift, number);
    find_doubles(lift, number);
}

/* The environment of all floating point of the region, if the host's register can gather
 * its flags. */
static void find_gathered(struct lift *lift)
{
    const struct isa *isa = lift->isa;
    int32_t env = -1;

    for (uint32_t i = 0; i < lift->request->ninsns; i++) {
        struct sem_body body = isa->variants[lift->request->insns[i].variant].body;

        for (unsigned n = 0; n < body.count && !lift->state->plan[i].is_side; n++) {
            const struct sem *node = &isa->nodes[body.first + n];

            if (node->op != S_FP)
                continue;
            if (env >= 0 && env != isa->fpcalls[node->d].env)
                return;
            env = isa->fpcalls[node->d].env;
        }
    }
    if (env >= 0 && lift_fp_can_gather(lift, &isa->fpenvs[env]))
        lift->gathered = env;
}

void plan_region(struct lift *lift)
{
    uint32_t count = lift->request->ninsns;
    uint8_t *seen = calloc(count, 2);
    struct visit *stack = calloc(count, sizeof *stack);

    if (!seen || !stack) {
        lift->why = "out of memory";
    } else {
        for (uint32_t i = 0; i < count; i++)
            plan_insn(lift, i);
        find_gathered(lift);
        find_behinds(lift);
        for (uint32_t i = 0; i < count; i++)
            if (lift->request->insns[i].is_entry)
                walk_from(lift, i, seen, stack);
        find_leaders(lift, seen + count);
        plan_flags(lift);
    }
    free(seen);
    free(stack);
}

/* ----------------------------------------------------------------- what is dirty */

static void add_write(struct lift *lift, struct dirty *writes, unsigned file,
                      unsigned index)
{
    if (index < lift->isa->files[file].count)
        dirty_add(writes, region_element(lift, file, index));
}

static void add_body_writes(struct lift *lift, struct dirty *writes, struct sem_body body)
{
    for (unsigned i = 0; i < body.count; i++) {
        const struct sem *node = &lift->isa->nodes[body.first + i];

        if (node->op == S_PUTF)
            add_write(lift, writes, node->a, node->b);
    }
}

static void add_sysreg_write(struct lift *lift, const struct region_insn *insn,
                             const struct sem *node, struct dirty *writes)
{
    const struct isa *isa = lift->isa;
    const struct isa_sysreg *reg;
    uint64_t number;

    region_sysreg(isa, &isa->variants[insn->variant], &lift->request->slots[insn->slot],
                  node, &number);
    reg = sysreg_plain(isa, number, true);
    if (reg && reg->write.count)
        add_body_writes(lift, writes, reg->write);
    else if (reg)
        add_write(lift, writes, reg->file, 0);
}

/* The elements of lazy flags that S_SETFLAGS and S_SETTLE write.  kinds: in front of the
 * node. */
static void add_flag_writes(struct lift *lift, const struct sem *node,
                            const struct kinds *kinds, struct dirty *writes)
{
    bool sets = node->op == S_SETFLAGS;
    const struct isa_flagfn *fn = &lift->isa->flagfns[sets ? node->d : 0];
    unsigned group = sets ? fn->group : node->a;
    const struct isa_flags *flags = &lift->isa->flags[group];

    if (!sets && !kinds->of[group])
        return;
    add_write(lift, writes, flags->kind_file, 0);
    for (unsigned i = 0; sets && i < fn->args; i++)
        add_write(lift, writes, flags->args_file, i);
    for (unsigned k = 0; k < flags->count; k++)
        if (!(sets && fn->sets >> k & 1) &&
            !plan_is_stored(lift->isa, kinds->of[group], k))
            add_write(lift, writes, flags->bits_file, k);
}

/* All elements of a group of flags. */
static void add_group(struct lift *lift, unsigned group, struct dirty *set)
{
    const struct isa_flags *flags = &lift->isa->flags[group];

    for (unsigned k = 0; k < flags->count; k++)
        add_write(lift, set, flags->bits_file, k);
    if (!plan_has_flags(lift->isa, group))
        return;
    add_write(lift, set, flags->kind_file, 0);
    for (unsigned i = 0; i < 3; i++)
        add_write(lift, set, flags->args_file, i);
}

/* What the lifter's lift_put() will be called for, at most. */
static void find_writes(struct lift *lift, const struct region_insn *insn,
                        struct dirty *writes)
{
    struct kinds kinds = lift->state->plan[insn - lift->request->insns].kinds;
    const struct sem *node;
    struct walk walk;
    const struct isa *isa = lift->isa;
    const struct isa_variant *variant = &isa->variants[insn->variant];

    walk_begin(&walk, lift, insn);
    while ((node = walk_next(&walk)) != NULL) {
        const struct isa_slot *slot = &isa->slots[variant->slot + node->a];
        uint64_t number, lane;
        unsigned low;

        if (node->op == S_SETFLAGS || node->op == S_SETTLE)
            add_flag_writes(lift, node, &kinds, writes);
        plan_kinds_node(isa, node, walk.depth, &kinds);
        if (node->op == S_PUTX && walk_knows(&walk, node->b, &number))
            add_write(lift, writes, node->a,
                      (unsigned)(number % isa->files[node->a].count));
        if (node->op == S_PUTF)
            add_write(lift, writes, node->a, node->b);
        if (node->op == S_SYSWRITE)
            add_sysreg_write(lift, insn, node, writes);
        if (node->op == S_FP && isa->fpenvs[isa->fpcalls[node->d].env].file != ISA_NONE)
            add_write(lift, writes, isa->fpenvs[isa->fpcalls[node->d].env].file,
                      isa->fpenvs[isa->fpcalls[node->d].env].index);
        if (node->op != S_PUT && node->op != S_PUTL)
            continue;
        number = lift->request->slots[insn->slot + node->a].value;
        if (number == isa->views[slot->view].zero)
            continue;
        if (node->op == S_PUTL && walk_knows(&walk, node->b, &lane))
            number = plan_lane(isa, &isa->views[slot->view], number, lane,
                               walk.nodes[node->c].w, &low);
        add_write(lift, writes, isa->views[slot->view].file, (unsigned)number);
    }
}

/* What is dirty behind an instruction joins what is in front of the ones that follow.
 * false: they had it. */
static bool spread(struct lift *lift, uint32_t insn, const struct dirty *writes)
{
    struct insn_plan *plan = lift->state->plan;
    struct dirty out = plan[insn].dirty;
    bool is_new = false;

    dirty_merge(&out, writes);
    if (plan[insn].stores)
        return false;
    for (unsigned number = 0; number < plan_count_edges(lift, insn); number++) {
        int32_t to = plan_edge(lift, insn, number);

        for (unsigned i = 0; to != REGION_NONE && i < MAX_ELEMENTS / 64; i++) {
            is_new |= (out.bits[i] & ~plan[to].dirty.bits[i]) != 0;
            plan[to].dirty.bits[i] |= out.bits[i];
        }
    }
    return is_new;
}

void plan_dirty(struct lift *lift)
{
    uint32_t count = lift->request->ninsns;
    struct dirty *writes = calloc(count, sizeof *writes);
    bool is_new = true;

    if (!writes) {
        lift->why = "out of memory";
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!lift->state->plan[i].is_side)
            find_writes(lift, &lift->request->insns[i], &writes[i]);
    while (is_new) {
        is_new = false;
        for (uint32_t i = 0; i < count; i++)
            is_new |= spread(lift, i, &writes[i]);
    }
    free(writes);
}

/* ------------------------------------------------------- what a kick need not store */

static bool sets_all(const struct isa *isa, const struct isa_flagfn *fn)
{
    return fn->sets == mask64(isa->flags[fn->group].count);
}

/* A register of which an instruction needs what was there, as far as it is told apart:
 * `set` gets those.  One that it writes only on a condition is one of them. */
static void find_reads(struct lift *lift, const struct region_insn *insn,
                       struct dirty *set)
{
    const struct isa *isa = lift->isa;
    const struct isa_variant *variant = &isa->variants[insn->variant];
    const struct sem *node = &isa->nodes[variant->body.first];
    unsigned depth = 0;

    for (unsigned i = 0; i < variant->body.count; i++, node++) {
        const struct isa_slot *slot = &isa->slots[variant->slot + node->a];
        const struct isa_view *view;

        depth += node->op == S_IF;
        depth -= node->op == S_END;
        if (node->op == S_FLAG || node->op == S_SETTLE)
            add_group(lift, node->a, set);
        if (node->op == S_SETFLAGS && (depth || !sets_all(isa, &isa->flagfns[node->d])))
            add_group(lift, isa->flagfns[node->d].group, set);
        if (node->op == S_GETF || (node->op == S_PUTF && depth))
            add_write(lift, set, node->a, node->b);
        if (node->op == S_FP && isa->fpenvs[isa->fpcalls[node->d].env].file != ISA_NONE)
            add_write(lift, set, isa->fpenvs[isa->fpcalls[node->d].env].file,
                      isa->fpenvs[isa->fpcalls[node->d].env].index);
        if (node->op != S_GET && node->op != S_PUT)
            continue;
        view = &isa->views[slot->view];
        if (node->op == S_GET || depth || view->low_bit ||
            slot->w < isa->files[view->file].width)
            add_write(lift, set, view->file,
                      (unsigned)lift->request->slots[insn->slot + node->a].value);
    }
}

/* Whether somebody may see all registers as they are when it begins. */
static bool is_watched(const struct lift *lift, uint32_t number)
{
    const struct isa *isa = lift->isa;
    struct sem_body body = isa->variants[lift->request->insns[number].variant].body;

    if (lift->state->plan[number].is_side)
        return true;
    for (unsigned i = 0; i < body.count; i++) {
        const struct sem *node = &isa->nodes[body.first + i];

        if (node->op == S_TRAP || node->op == S_SYSREAD || node->op == S_SYSWRITE ||
            node->op == S_GETL || node->op == S_PUTL || node->op == S_GETX ||
            node->op == S_PUTX || node->op == S_LOOP)
            return true;
        if (node->op >= S_LD && node->op <= S_STCOND &&
            (lift->request->is_precise || isa->accesses[node->x].align > 1))
            return true;
    }
    return false;
}

static bool jumps(const struct lift *lift, uint32_t number)
{
    struct sem_body body = lift->isa->variants[lift->request->insns[number].variant].body;

    for (unsigned i = 0; i < body.count; i++)
        if (lift->isa->nodes[body.first + i].op == S_GOTO)
            return true;
    return false;
}

/* Registers that are written in the row of instructions from `number` on before anybody
 * needs them or sees them. */
void plan_unneeded(struct lift *lift, uint32_t number, struct dirty *unneeded)
{
    enum { PAGE = 1 << 12 }; /* a block of the interpreter's is of two at most */
    uint64_t page = lift->request->insns[number].pc / PAGE;
    struct dirty needed = { { 0 } };

    memset(unneeded, 0, sizeof *unneeded);
    for (unsigned n = 0; n < REGION_ROW; n++) {
        const struct region_insn *insn = &lift->request->insns[number];
        struct dirty writes = { { 0 } };

        if (insn->pc / PAGE != page || is_watched(lift, number))
            return;
        find_reads(lift, insn, &needed);
        find_writes(lift, insn, &writes);
        for (unsigned i = 0; i < MAX_ELEMENTS / 64; i++)
            unneeded->bits[i] |= writes.bits[i] & ~needed.bits[i];
        if (jumps(lift, number) || insn->next == REGION_NONE)
            return;
        number = (uint32_t)insn->next;
    }
}
