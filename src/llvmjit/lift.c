/* lift.c - one body: pure nodes, state, control. */
#include <string.h>

#include "llvmjit/lift_parts.h"

enum { NESTING = 32 };

/* An IF that is open. */
struct nest {
    enum { NEST_DEAD, NEST_FALSE, NEST_TRUE, NEST_BRANCH } kind; /* known conditions */
    bool has_else, then_is_dead;
    LLVMBasicBlockRef other, join;
    struct dirty dirty; /* at the IF; from the ELSE on: at the end of the first part */
    struct kinds kinds; /* the same */
};

struct nests {
    unsigned depth;
    struct nest open[NESTING];
};

static LLVMValueRef operand(struct lift *lift, unsigned node)
{
    LLVMValueRef value = node < MAX_BODY ? lift->values[node] : NULL;

    if (!value) {
        lift->why = "a node without a value";
        value = lift_const(lift, lift->nodes[node].w ? lift->nodes[node].w : 1, 0);
    }
    return value;
}

/* --------------------------------------------------------------------- integers */

static LLVMValueRef call_intrinsic(struct lift *lift, const char *name,
                                   LLVMValueRef *args, unsigned count)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMTypeRef type = LLVMTypeOf(args[0]);
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(lift->module, id, &type, 1);

    return LLVMBuildCall2(lift->builder,
                          LLVMIntrinsicGetType(lift->context, id, &type, 1), function,
                          args, count, "");
}

static LLVMValueRef count_zeros(struct lift *lift, const char *name, LLVMValueRef a)
{
    LLVMValueRef args[2] = { a, lift_const(lift, 1, 0) };

    return call_intrinsic(lift, name, args, 2);
}

static LLVMValueRef unary(struct lift *lift, const char *name, LLVMValueRef a)
{
    return call_intrinsic(lift, name, &a, 1);
}

static LLVMValueRef rotate(struct lift *lift, const char *name, LLVMValueRef a,
                           LLVMValueRef amount)
{
    unsigned w = lift_width(a), has = lift_width(amount);
    LLVMValueRef args[3] = { a, a };

    if (has < w)
        amount = lift_fit(lift, amount, w);
    else if (has > w)
        amount = LLVMBuildURem(lift->builder, amount, lift_const(lift, has, w), "");
    args[2] = lift_fit(lift, amount, w);
    return call_intrinsic(lift, name, args, 3);
}

static LLVMValueRef equals(struct lift *lift, LLVMValueRef a, uint64_t b, bool is_signed)
{
    LLVMValueRef other = LLVMConstInt(LLVMTypeOf(a), b, is_signed);

    return LLVMBuildICmp(lift->builder, LLVMIntEQ, a, other, "");
}

/* x / 0 = 0, x % 0 = x; the least number by -1 is divided by 1, which says the same. */
static LLVMValueRef divide(struct lift *lift, unsigned op, LLVMValueRef a, LLVMValueRef b)
{
    LLVMBuilderRef builder = lift->builder;
    unsigned w = lift_width(a);
    LLVMValueRef is_zero = equals(lift, b, 0, false), is_bad = is_zero, result;
    bool is_rest = op == S_REMU || op == S_REMS;

    if (op == S_DIVS || op == S_REMS) {
        LLVMValueRef least = equals(lift, a, UINT64_C(1) << (w - 1), false);
        LLVMValueRef minus = equals(lift, b, UINT64_MAX, true);

        is_bad =
            LLVMBuildOr(builder, is_zero, LLVMBuildAnd(builder, least, minus, ""), "");
    }
    b = LLVMBuildSelect(builder, is_bad, lift_const(lift, w, 1), b, "");
    switch (op) {
    case S_DIVU: result = LLVMBuildUDiv(builder, a, b, ""); break;
    case S_DIVS: result = LLVMBuildSDiv(builder, a, b, ""); break;
    case S_REMU: result = LLVMBuildURem(builder, a, b, ""); break;
    default: result = LLVMBuildSRem(builder, a, b, "");
    }
    return LLVMBuildSelect(builder, is_zero, is_rest ? a : lift_const(lift, w, 0), result,
                           "");
}

static LLVMValueRef compare(struct lift *lift, unsigned op, LLVMValueRef a,
                            LLVMValueRef b)
{
    static const LLVMIntPredicate predicates[] = {
        [S_EQ - S_EQ] = LLVMIntEQ,   [S_NE - S_EQ] = LLVMIntNE,
        [S_LTU - S_EQ] = LLVMIntULT, [S_LTS - S_EQ] = LLVMIntSLT,
        [S_LEU - S_EQ] = LLVMIntULE, [S_LES - S_EQ] = LLVMIntSLE,
    };

    return LLVMBuildICmp(lift->builder, predicates[op - S_EQ], a, b, "");
}

static LLVMValueRef two_operands(struct lift *lift, const struct sem *node,
                                 LLVMValueRef a, LLVMValueRef b)
{
    LLVMBuilderRef builder = lift->builder;

    switch (node->op) {
    case S_ADD: return LLVMBuildAdd(builder, a, b, "");
    case S_SUB: return LLVMBuildSub(builder, a, b, "");
    case S_MUL: return LLVMBuildMul(builder, a, b, "");
    case S_DIVU:
    case S_DIVS:
    case S_REMU:
    case S_REMS: return divide(lift, node->op, a, b);
    case S_AND: return LLVMBuildAnd(builder, a, b, "");
    case S_OR: return LLVMBuildOr(builder, a, b, "");
    case S_XOR: return LLVMBuildXor(builder, a, b, "");
    case S_SHL: return LLVMBuildShl(builder, a, lift_fit(lift, b, node->w), "");
    case S_SHRU: return LLVMBuildLShr(builder, a, lift_fit(lift, b, node->w), "");
    case S_SHRS: return LLVMBuildAShr(builder, a, lift_fit(lift, b, node->w), "");
    case S_ROTL: return rotate(lift, "llvm.fshl", a, b);
    case S_ROTR: return rotate(lift, "llvm.fshr", a, b);
    case S_EQ:
    case S_NE:
    case S_LTU:
    case S_LTS:
    case S_LEU:
    case S_LES: return compare(lift, node->op, a, b);
    case S_CLMUL: return lift_clmul(lift, a, b);
    default: lift->why = "a node of no known kind"; return a;
    }
}

static LLVMValueRef one_operand(struct lift *lift, const struct sem *node, LLVMValueRef a)
{
    LLVMBuilderRef builder = lift->builder;
    LLVMTypeRef type = lift_type(lift, node->w);
    unsigned w = lift_width(a);
    LLVMValueRef shift;

    switch (node->op) {
    case S_NOT: return LLVMBuildNot(builder, a, "");
    case S_NEG: return LLVMBuildNeg(builder, a, "");
    case S_ZEXT: return lift_fit(lift, a, node->w);
    case S_SEXT: return w == node->w ? a : LLVMBuildSExt(builder, a, type, "");
    case S_EXTRACT:
        if (node->b >= w)
            return lift_const(lift, node->w, 0);
        shift = lift_const(lift, w, node->b);
        return lift_fit(lift, LLVMBuildLShr(builder, a, shift, ""), node->w);
    case S_CLZ: return count_zeros(lift, "llvm.ctlz", a);
    case S_CTZ: return count_zeros(lift, "llvm.cttz", a);
    case S_POPCNT: return unary(lift, "llvm.ctpop", a);
    case S_BSWAP: return w == 8 ? a : unary(lift, "llvm.bswap", a);
    case S_BITREV: return unary(lift, "llvm.bitreverse", a);
    default: /* S_PARITY */
        return LLVMBuildNot(builder, lift_fit(lift, unary(lift, "llvm.ctpop", a), 1), "");
    }
}

static LLVMValueRef concatenate(struct lift *lift, const struct sem *node)
{
    LLVMValueRef high = operand(lift, node->a), low = operand(lift, node->b);
    LLVMValueRef amount = lift_const(lift, node->w, lift_width(low));

    high = LLVMBuildShl(lift->builder, lift_fit(lift, high, node->w), amount, "");
    return LLVMBuildOr(lift->builder, high, lift_fit(lift, low, node->w), "");
}

static LLVMValueRef integer(struct lift *lift, const struct sem *node)
{
    switch (node->op) {
    case S_CONCAT: return concatenate(lift, node);
    case S_SELECT:
        return LLVMBuildSelect(lift->builder, lift_fit(lift, operand(lift, node->a), 1),
                               operand(lift, node->b), operand(lift, node->c), "");
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
    case S_PARITY: return one_operand(lift, node, operand(lift, node->a));
    default:
        return two_operands(lift, node, operand(lift, node->a), operand(lift, node->b));
    }
}

/* ----------------------------------------------------------- constants and slots */

static LLVMValueRef wide_const(struct lift *lift, unsigned w, uint64_t low, uint64_t high)
{
    uint64_t words[2] = { low, high };

    return LLVMConstIntOfArbitraryPrecision(lift_type(lift, w), w > 64 ? 2 : 1, words);
}

static const struct region_slot *slot_value(const struct lift *lift, unsigned slot)
{
    return &lift->request->slots[lift->insn->slot + slot];
}

static const struct isa_slot *slot_of(const struct lift *lift, unsigned slot)
{
    return &lift->isa->slots[lift->variant->slot + slot];
}

static LLVMValueRef pc_value(struct lift *lift, uint64_t pc, unsigned w)
{
    return lift_fit(lift, region_pc(lift, pc), w);
}

static LLVMValueRef slot_node(struct lift *lift, const struct sem *node)
{
    const struct region_slot *value = slot_value(lift, node->a);
    bool is_pc;

    plan_slot_pc(lift->isa, slot_of(lift, node->a), &is_pc);
    if (is_pc)
        return pc_value(lift, value->value, node->w);
    return wide_const(lift, node->w, value->value, value->high);
}

LLVMValueRef lift_leaf(struct lift *lift, const struct sem *node)
{
    uint32_t at = node->a | (uint32_t)node->b << 16;
    LLVMValueRef place;

    switch (node->op) {
    case S_CONST:
        return wide_const(lift, node->w, lift->isa->consts[at],
                          node->w > 64 ? lift->isa->consts[at + 1] : 0);
    case S_PC: return pc_value(lift, lift->insn->pc, node->w);
    case S_ILEN: return lift_const(lift, node->w, lift->insn->ilen);
    case S_SLOT: return slot_node(lift, node);
    case S_LOCAL:
        place = node->a < 64 ? lift->state->locals[node->a] : NULL;
        if (place)
            return LLVMBuildLoad2(lift->builder, LLVMGetAllocatedType(place), place, "");
        lift->why = "a local without a value";
        return lift_const(lift, node->w, 0);
    default:
        lift->why = "a leaf that is known when decoding only";
        return lift_const(lift, node->w ? node->w : 1, 0);
    }
}

static void set_local(struct lift *lift, unsigned local, LLVMValueRef value)
{
    struct region_state *state = lift->state;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(lift->builder);
    LLVMValueRef first = LLVMGetFirstInstruction(state->entry);

    if (local >= 64) {
        lift->why = "too many locals";
        return;
    }
    if (!state->locals[local]) {
        if (first)
            LLVMPositionBuilderBefore(lift->builder, first);
        else
            lift_at(lift, state->entry);
        state->locals[local] = LLVMBuildAlloca(lift->builder, LLVMTypeOf(value), "");
        lift_at(lift, here);
    }
    value = lift_fit(lift, value,
                     LLVMGetIntTypeWidth(LLVMGetAllocatedType(state->locals[local])));
    LLVMBuildStore(lift->builder, value, state->locals[local]);
}

/* -------------------------------------------------------------------- registers */

/* `w` bits of an element from bit `low`. */
static LLVMValueRef get_part(struct lift *lift, unsigned file, unsigned index,
                             unsigned low, unsigned w)
{
    LLVMValueRef value = lift_get(lift, file, index);
    unsigned has = lift_width(value);

    if (low)
        value = LLVMBuildLShr(lift->builder, value, lift_const(lift, has, low), "");
    return lift_fit(lift, value, w);
}

static LLVMValueRef ones(struct lift *lift, unsigned width, unsigned low, unsigned w)
{
    LLVMValueRef all = LLVMConstAllOnes(lift_type(lift, w));

    return LLVMBuildShl(lift->builder, lift_fit(lift, all, width),
                        lift_const(lift, width, low), "");
}

static void put_part(struct lift *lift, unsigned file, unsigned index, unsigned low,
                     unsigned w, LLVMValueRef value)
{
    LLVMBuilderRef builder = lift->builder;
    unsigned width = lift->isa->files[file].width;
    LLVMValueRef old, shifted;

    value = lift_fit(lift, value, w);
    if (low == 0 && w >= width) {
        lift_put(lift, file, index, lift_fit(lift, value, width));
        return;
    }
    old = lift_get(lift, file, index);
    old = LLVMBuildAnd(builder, old, LLVMBuildNot(builder, ones(lift, width, low, w), ""),
                       "");
    shifted = LLVMBuildShl(builder, lift_fit(lift, value, width),
                           lift_const(lift, width, low), "");
    lift_put(lift, file, index, LLVMBuildOr(builder, old, shifted, ""));
}

static LLVMValueRef get_slot(struct lift *lift, const struct sem *node)
{
    const struct isa_slot *slot = slot_of(lift, node->a);
    const struct isa_view *view = &lift->isa->views[slot->view];
    uint64_t number = slot_value(lift, node->a)->value;

    if (number == view->zero)
        return lift_const(lift, node->w, 0);
    return lift_fit(lift,
                    get_part(lift, view->file, (unsigned)number, view->low_bit, slot->w),
                    node->w);
}

static void put_slot(struct lift *lift, const struct sem *node)
{
    const struct isa_slot *slot = slot_of(lift, node->a);
    const struct isa_view *view = &lift->isa->views[slot->view];
    uint64_t number = slot_value(lift, node->a)->value;

    if (number != view->zero)
        put_part(lift, view->file, (unsigned)number, view->low_bit, slot->w,
                 operand(lift, node->b));
}

static uint64_t known_value(struct lift *lift, unsigned node)
{
    uint64_t value = 0;

    if (!walk_knows(lift->walk, node, &value))
        lift->why = "the number of a register or lane is not known";
    return value;
}

/* Where a lane that is known lies. */
static unsigned find_lane(struct lift *lift, const struct sem *node, unsigned w,
                          unsigned *file, unsigned *low)
{
    const struct isa_view *view = &lift->isa->views[slot_of(lift, node->a)->view];

    *file = view->file;
    return plan_lane(lift->isa, view, slot_value(lift, node->a)->value,
                     known_value(lift, node->b), w, low);
}

static LLVMValueRef get_lane(struct lift *lift, const struct sem *node)
{
    unsigned file, low, index = find_lane(lift, node, node->w, &file, &low);

    return get_part(lift, file, index, low, node->w);
}

static void put_lane(struct lift *lift, const struct sem *node)
{
    LLVMValueRef value = operand(lift, node->c);
    unsigned file, low, w = lift_width(value);
    unsigned index = find_lane(lift, node, w, &file, &low);

    put_part(lift, file, index, low, w, value);
}

/* Elements whose number is a node's value. */
static LLVMValueRef get_indexed(struct lift *lift, const struct sem *node)
{
    unsigned index =
        (unsigned)(known_value(lift, node->b) % lift->isa->files[node->a].count);

    return get_part(lift, node->a, index, 0, node->w);
}

static void put_indexed(struct lift *lift, const struct sem *node)
{
    const struct isa_file *file = &lift->isa->files[node->a];

    put_part(lift, node->a, (unsigned)(known_value(lift, node->b) % file->count), 0,
             file->width, operand(lift, node->c));
}

/* ---------------------------------------------------------------------- control */

static void open_if(struct lift *lift, struct nests *nests, const struct sem *node)
{
    struct nest *nest = &nests->open[nests->depth];
    LLVMBasicBlockRef then;
    LLVMValueRef condition;

    if (nests->depth == NESTING) {
        lift->why = "a body nests too deep";
        return;
    }
    nests->depth++;
    memset(nest, 0, sizeof *nest);
    if (lift->state->is_dead) {
        nest->kind = NEST_DEAD;
        return;
    }
    condition = lift_fit(lift, operand(lift, node->a), 1);
    if (LLVMIsAConstantInt(condition)) {
        nest->kind = LLVMConstIntGetZExtValue(condition) ? NEST_TRUE : NEST_FALSE;
        lift->state->is_dead = nest->kind == NEST_FALSE;
        return;
    }
    nest->kind = NEST_BRANCH;
    then = lift_block(lift, "then");
    nest->other = lift_block(lift, "else");
    LLVMBuildCondBr(lift->builder, condition, then, nest->other);
    nest->dirty = lift->state->dirty;
    nest->kinds = lift->state->kinds;
    lift_at(lift, then);
}

/* The end of a part of a branch that goes on in `block`. */
static void to_join(struct lift *lift, LLVMBasicBlockRef block)
{
    if (!lift->state->is_dead)
        LLVMBuildBr(lift->builder, block);
}

static void begin_else(struct lift *lift, struct nests *nests)
{
    struct region_state *state = lift->state;
    struct nest *nest = &nests->open[nests->depth - 1];
    struct dirty dirty = nest->dirty;
    struct kinds kinds = nest->kinds;

    nest->has_else = true;
    nest->then_is_dead = state->is_dead;
    switch (nest->kind) {
    case NEST_DEAD: break;
    case NEST_FALSE: state->is_dead = false; break;
    case NEST_TRUE: state->is_dead = true; break;
    case NEST_BRANCH:
        nest->join = lift_block(lift, "join");
        to_join(lift, nest->join);
        nest->dirty = state->dirty;
        nest->kinds = state->kinds;
        state->dirty = dirty;
        state->kinds = kinds;
        state->is_dead = false;
        lift_at(lift, nest->other);
    }
}

/* Where both parts of a branch meet; `other`: of the one that ended before. */
static void join(struct lift *lift, const struct nest *nest, bool other_is_dead)
{
    struct region_state *state = lift->state;

    if (state->is_dead) {
        state->dirty = nest->dirty;
        state->kinds = nest->kinds;
        state->is_dead = other_is_dead;
        return;
    }
    if (other_is_dead)
        return;
    dirty_merge(&state->dirty, &nest->dirty);
    plan_kinds_merge(&state->kinds, &nest->kinds);
}

static void close_if(struct lift *lift, struct nests *nests)
{
    struct nest *nest = &nests->open[--nests->depth];
    LLVMBasicBlockRef on = nest->has_else ? nest->join : nest->other;

    switch (nest->kind) {
    case NEST_DEAD: break;
    case NEST_FALSE:
        if (!nest->has_else)
            lift->state->is_dead = false;
        break;
    case NEST_TRUE:
        if (nest->has_else)
            lift->state->is_dead = nest->then_is_dead;
        break;
    case NEST_BRANCH:
        to_join(lift, on);
        join(lift, nest, nest->has_else && nest->then_is_dead);
        lift_at(lift, on);
        if (lift->state->is_dead)
            LLVMBuildUnreachable(lift->builder);
    }
}

static void direct_goto(struct lift *lift, const struct sem *node)
{
    const struct region_slot *link = slot_value(lift, node->a);
    uint32_t at = lift->insn->slot + node->a;

    if (node->x & GOTO_CALL && node->b != ISA_NONE &&
        (link->insn == REGION_NONE || lift->insn->behind != REGION_NONE))
        region_called(lift, slot_value(lift, node->b)->value);
    if (link->insn != REGION_NONE) {
        region_to(lift, link->insn, lift->state->link_is_back[at]);
        return;
    }
    region_exit(lift, link->value);
}

static void go_to(struct lift *lift, const struct sem *node)
{
    const struct region_slot *call = NULL;

    if (node->x & GOTO_DIRECT) {
        direct_goto(lift, node);
        return;
    }
    if (node->x & GOTO_CALL && node->b != ISA_NONE)
        call = slot_value(lift, node->b);
    if (!(node->x & GOTO_RETURN) && lift->insn->guess_insn != REGION_NONE)
        region_guess(lift, operand(lift, node->a), call);
    if (call)
        region_called(lift, call->value);
    if (node->x & GOTO_RETURN)
        region_return(lift, operand(lift, node->a));
    else
        region_jump(lift, operand(lift, node->a));
}

/* IF, ELSE, END.  false: none of these. */
static bool nesting(struct lift *lift, struct nests *nests, const struct sem *node)
{
    switch (node->op) {
    case S_IF: open_if(lift, nests, node); return true;
    case S_ELSE:
    case S_END:
        if (!nests->depth)
            lift->why = "an END without an IF";
        else if (node->op == S_ELSE)
            begin_else(lift, nests);
        else
            close_if(lift, nests);
        return true;
    default: return false;
    }
}

/* ------------------------------------------------------------------------ nodes */

static void push(struct lift *lift, const struct sem *node)
{
    if (lift->npushed == sizeof lift->pushed / sizeof *lift->pushed)
        lift->why = "too many arguments";
    else
        lift->pushed[lift->npushed++] = operand(lift, node->a);
}

static void statement(struct lift *lift, const struct sem *node)
{
    switch (node->op) {
    case S_NOP: break;
    case S_PUT: put_slot(lift, node); break;
    case S_PUTF:
        put_part(lift, node->a, node->b, 0, lift->isa->files[node->a].width,
                 operand(lift, node->c));
        break;
    case S_PUTL: put_lane(lift, node); break;
    case S_PUTX: put_indexed(lift, node); break;
    case S_SETL: set_local(lift, node->a, operand(lift, node->b)); break;
    case S_SETFLAGS: lift_set_flags(lift, node); break;
    case S_SETTLE: lift_settle(lift, node->a); break;
    case S_PUSH: push(lift, node); break;
    case S_GOTO: go_to(lift, node); break;
    default: region_side_exit(lift); /* as plan.c has found out */
    }
}

static LLVMValueRef value_of(struct lift *lift, const struct sem *node)
{
    switch (node->op) {
    case S_GET: return get_slot(lift, node);
    case S_GETF: return get_part(lift, node->a, node->b, 0, node->w);
    case S_GETL: return get_lane(lift, node);
    case S_GETX: return get_indexed(lift, node);
    case S_FLAG: return lift_fit(lift, lift_flag(lift, node->a, node->b), node->w);
    default:
        if (node->op >= S_ADD && node->op <= S_CLMUL)
            return lift_fit(lift, integer(lift, node), node->w);
        return lift_leaf(lift, node);
    }
}

LLVMValueRef lift_inner(struct lift *lift, struct sem_body body, const LLVMValueRef *args)
{
    const struct sem *outer = lift->nodes;
    LLVMValueRef saved[SYSREG_BODY], result = NULL;

    memcpy(saved, lift->values, body.count * sizeof *saved);
    lift->nodes = &lift->isa->nodes[body.first];
    for (unsigned i = 0; i < body.count; i++) {
        const struct sem *node = &lift->nodes[i];

        result = NULL;
        if (node->op == S_PUTF)
            put_part(lift, node->a, node->b, 0, lift->isa->files[node->a].width,
                     operand(lift, node->c));
        else
            result = node->op == S_ARG ? lift_fit(lift, args[node->a], node->w)
                                       : value_of(lift, node);
        lift->values[i] = result;
    }
    lift->nodes = outer;
    memcpy(lift->values, saved, body.count * sizeof *saved);
    return result;
}

/* One that is plain, as plan.c has found out. */
static void system_register(struct lift *lift, unsigned number)
{
    const struct sem *node = &lift->nodes[number];
    bool is_write = node->op == S_SYSWRITE;
    const struct isa_sysreg *reg;
    LLVMValueRef value;
    uint64_t which;

    region_sysreg(lift->isa, lift->variant, &lift->request->slots[lift->insn->slot], node,
                  &which);
    reg = sysreg_plain(lift->isa, which, is_write);
    if (!reg) {
        region_side_exit(lift);
    } else if (is_write) {
        value = lift_fit(lift, operand(lift, node->b), reg->w);
        if (reg->write.count)
            lift_inner(lift, reg->write, &value);
        else
            put_part(lift, reg->file, 0, 0, reg->w, value);
    } else {
        value = reg->read.count ? lift_inner(lift, reg->read, NULL)
                                : get_part(lift, reg->file, 0, 0, reg->w);
        lift->values[number] = lift_fit(lift, value, node->w);
    }
}

/* Whether the interpreter is to do it, as plan.c has found out. */
static bool leaves(const struct lift *lift, const struct sem *node)
{
    uint64_t index;

    return node->op == S_HELPER || ((node->op == S_GETX || node->op == S_PUTX) &&
                                    !walk_knows(lift->walk, node->b, &index));
}

static void lift_node(struct lift *lift, unsigned number)
{
    const struct sem *node = &lift->nodes[number];
    uint64_t value;

    if (walk_knows(lift->walk, number, &value)) {
        lift->values[number] = lift_const(lift, node->w, value);
    } else if (node->op == S_LOOP) {
        lift_lanes(lift, number, lift->walk->end);
    } else if (leaves(lift, node)) {
        region_side_exit(lift);
    } else if (node->op >= S_LD && node->op <= S_FENCE) {
        lift_memory(lift, number);
    } else if (node->op == S_FP) {
        lift_fp(lift, number);
        lift->state->has_flags = false;
        lift->npushed = 0;
    } else if (node->op == S_SYSREAD || node->op == S_SYSWRITE) {
        system_register(lift, number);
    } else if (!node->w) {
        statement(lift, node);
    } else {
        lift->values[number] = value_of(lift, node);
    }
}

void lift_body(struct lift *lift)
{
    struct nests nests;
    struct walk walk;
    const struct sem *node;

    nests.depth = 0;
    walk_begin(&walk, lift, lift->insn);
    walk.wants_lanes = true;
    lift->walk = &walk;
    lift->variant = &lift->isa->variants[lift->insn->variant];
    lift->nodes = &lift->isa->nodes[lift->variant->body.first];
    lift->npushed = 0;
    memset(lift->values, 0, lift->variant->body.count * sizeof *lift->values);
    memset(lift->state->locals, 0, sizeof lift->state->locals);
    while (!lift->why && (node = walk_next(&walk)) != NULL)
        if (!nesting(lift, &nests, node) && !lift->state->is_dead)
            lift_node(lift, walk.number);
    if (walk.is_too_long)
        lift->why = "a body is too long";
}
