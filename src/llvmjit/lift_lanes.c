/* lift_lanes.c - loops over the lanes of whole elements as operations of vectors.
 *
 * A loop of independent iterations that does the same pure thing with lane i of some
 * elements, for all of their lanes: a node of W bits in it is a vector of W-bit numbers.
 * Other loops are unrolled (walk.c). */
#include "isa/mem.h"
#include "llvmjit/lift_parts.h"

static bool is_vector_op(unsigned op)
{
    switch (op) {
    case S_ADD:
    case S_SUB:
    case S_MUL:
    case S_AND:
    case S_OR:
    case S_XOR:
    case S_NOT:
    case S_NEG:
    case S_EQ:
    case S_NE:
    case S_LTU:
    case S_LTS:
    case S_LEU:
    case S_LES:
    case S_ZEXT:
    case S_SEXT:
    case S_SELECT: return true;
    default: return false;
    }
}

/* A lane, numbered as the loop counts, of an element that has `count` of them. */
static bool is_own_lane(const struct walk *walk, const struct sem *node, unsigned local,
                        uint64_t count)
{
    const struct isa *isa = walk->lift->isa;
    const struct isa_view *view =
        &isa->views[isa->slots[walk->variant->slot + node->a].view];
    const struct sem *lane = &walk->nodes[node->b];
    unsigned w = node->op == S_GETL ? node->w : walk->nodes[node->c].w;

    return lane->op == S_LOCAL && lane->a == local && view->file != ISA_NONE &&
           !view->low_bit && isa->files[view->file].width == count * w && w % 8 == 0;
}

/* A node that may be in such a loop. */
static bool is_fit(const struct walk *walk, const struct sem *node, unsigned local,
                   uint64_t count)
{
    if (node->op == S_GETL || node->op == S_PUTL)
        return is_own_lane(walk, node, local, count);
    if (node->op == S_LOCAL)
        return node->a == local;
    return node->op == S_CONST || node->op == S_SLOT || is_vector_op(node->op);
}

/* Whether an operand of a node is the number of the lane. */
static bool uses_number(const struct walk *walk, const struct sem *node)
{
    const uint16_t operands[3] = { node->a, node->b, node->c };
    unsigned count = node->op == S_SELECT                                           ? 3
                     : node->op >= S_ZEXT || node->op == S_NOT || node->op == S_NEG ? 1
                                                                                    : 2;

    if (node->op == S_PUTL)
        return walk->nodes[node->c].op == S_LOCAL;
    for (unsigned i = 0; is_vector_op(node->op) && i < count; i++)
        if (walk->nodes[operands[i]].op == S_LOCAL)
            return true;
    return false;
}

bool lanes_fit(const struct walk *walk, unsigned loop, uint64_t first, uint64_t end)
{
    const struct sem *node = &walk->nodes[loop];
    unsigned local = node->a;

    if (node->x != 1 || first || end < 2 || end > 64)
        return false;
    while ((++node)->op != S_END)
        if (!is_fit(walk, node, local, end) || uses_number(walk, node))
            return false;
    return true;
}

/* ------------------------------------------------------------------------- lifting */

struct lanes {
    struct lift *lift;
    unsigned count;
};

static LLVMTypeRef vector_type(const struct lanes *lanes, unsigned w)
{
    return LLVMVectorType(lift_type(lanes->lift, w), lanes->count);
}

static bool is_vector(LLVMValueRef value)
{
    return LLVMGetTypeKind(LLVMTypeOf(value)) == LLVMVectorTypeKind;
}

/* The same number in each lane. */
static LLVMValueRef splat(const struct lanes *lanes, LLVMValueRef value)
{
    LLVMBuilderRef builder = lanes->lift->builder;
    LLVMTypeRef type = vector_type(lanes, lift_width(value));
    LLVMValueRef zero =
        LLVMConstNull(LLVMVectorType(lanes->lift->state->i32, lanes->count));

    value = LLVMBuildInsertElement(builder, LLVMGetPoison(type), value,
                                   lift_const(lanes->lift, 32, 0), "");
    return LLVMBuildShuffleVector(builder, value, LLVMGetPoison(type), zero, "");
}

static LLVMValueRef operand(const struct lanes *lanes, unsigned node)
{
    LLVMValueRef value = lanes->lift->values[node];

    if (!value) {
        lanes->lift->why = "a lane without a value";
        value = lift_const(lanes->lift, lanes->lift->nodes[node].w, 0);
    }
    return is_vector(value) ? value : splat(lanes, value);
}

static LLVMValueRef compare(const struct lanes *lanes, const struct sem *node)
{
    static const LLVMIntPredicate predicates[] = {
        [S_EQ - S_EQ] = LLVMIntEQ,   [S_NE - S_EQ] = LLVMIntNE,
        [S_LTU - S_EQ] = LLVMIntULT, [S_LTS - S_EQ] = LLVMIntSLT,
        [S_LEU - S_EQ] = LLVMIntULE, [S_LES - S_EQ] = LLVMIntSLE,
    };

    return LLVMBuildICmp(lanes->lift->builder, predicates[node->op - S_EQ],
                         operand(lanes, node->a), operand(lanes, node->b), "");
}

static LLVMValueRef operation(const struct lanes *lanes, const struct sem *node)
{
    LLVMBuilderRef builder = lanes->lift->builder;
    LLVMValueRef a = operand(lanes, node->a), b;

    switch (node->op) {
    case S_NOT: return LLVMBuildNot(builder, a, "");
    case S_NEG: return LLVMBuildNeg(builder, a, "");
    case S_ZEXT: return LLVMBuildZExt(builder, a, vector_type(lanes, node->w), "");
    case S_SEXT: return LLVMBuildSExt(builder, a, vector_type(lanes, node->w), "");
    default: break;
    }
    b = operand(lanes, node->b);
    switch (node->op) {
    case S_ADD: return LLVMBuildAdd(builder, a, b, "");
    case S_SUB: return LLVMBuildSub(builder, a, b, "");
    case S_MUL: return LLVMBuildMul(builder, a, b, "");
    case S_AND: return LLVMBuildAnd(builder, a, b, "");
    case S_OR: return LLVMBuildOr(builder, a, b, "");
    case S_XOR: return LLVMBuildXor(builder, a, b, "");
    case S_SELECT: return LLVMBuildSelect(builder, a, b, operand(lanes, node->c), "");
    default: return compare(lanes, node);
    }
}

/* The first lane is in the lowest bits of an element, wherever a host has that. */
static LLVMValueRef turned(const struct lanes *lanes, LLVMValueRef vector)
{
    LLVMValueRef order[64];

    if (!MEM_HOST_BIG)
        return vector;
    for (unsigned i = 0; i < lanes->count; i++)
        order[i] = lift_const(lanes->lift, 32, lanes->count - 1 - i);
    return LLVMBuildShuffleVector(lanes->lift->builder, vector,
                                  LLVMGetPoison(LLVMTypeOf(vector)),
                                  LLVMConstVector(order, lanes->count), "");
}

static void lift_node(const struct lanes *lanes, unsigned number)
{
    struct lift *lift = lanes->lift;
    const struct sem *node = &lift->nodes[number];
    const struct isa_slot *slot = &lift->isa->slots[lift->variant->slot + node->a];
    unsigned file, index;
    LLVMValueRef value;

    if (node->op == S_CONST || node->op == S_SLOT) {
        lift->values[number] = lift_leaf(lift, node);
        return;
    }
    if (is_vector_op(node->op)) {
        lift->values[number] = operation(lanes, node);
        return;
    }
    if (node->op == S_LOCAL)
        return;
    file = lift->isa->views[slot->view].file;
    index = (unsigned)(lift->request->slots[lift->insn->slot + node->a].value %
                       lift->isa->files[file].count);
    if (node->op == S_GETL) {
        value = LLVMBuildBitCast(lift->builder, lift_get(lift, file, index),
                                 vector_type(lanes, node->w), "");
        lift->values[number] = turned(lanes, value);
        return;
    }
    value = turned(lanes, operand(lanes, node->c));
    lift_put(lift, file, index,
             LLVMBuildBitCast(lift->builder, value,
                              lift_type(lift, lift->isa->files[file].width), ""));
}

void lift_lanes(struct lift *lift, unsigned loop, uint64_t end)
{
    struct lanes lanes = { lift, (unsigned)end };

    for (unsigned i = loop + 1; lift->nodes[i].op != S_END && !lift->why; i++)
        lift_node(&lanes, i);
}
