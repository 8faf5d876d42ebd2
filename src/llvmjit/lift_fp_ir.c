/* lift_fp_ir.c - small pieces of IR and control that operations on floats are made of. */
#include <string.h>

#include "llvmjit/lift_fp_parts.h"

/* -------------------------------------------------------------------- IR, in short */

LLVMTypeRef lfp_int_type(const struct fp *fp, unsigned width)
{
    return LLVMIntTypeInContext(fp->lift->context, width);
}

LLVMTypeRef lfp_real_type(const struct fp *fp, unsigned format)
{
    return format == FMT_F64 ? LLVMDoubleTypeInContext(fp->lift->context)
                             : LLVMFloatTypeInContext(fp->lift->context);
}

LLVMTypeRef lfp_double_type(const struct fp *fp)
{
    return lfp_real_type(fp, FMT_F64);
}

/* An integer constant of the type of `like`. */
LLVMValueRef lfp_number(LLVMValueRef like, uint64_t value)
{
    return LLVMConstInt(LLVMTypeOf(like), value, false);
}

/* Zero-extended or cut to a type. */
LLVMValueRef lfp_fit(const struct fp *fp, LLVMValueRef value, LLVMTypeRef type)
{
    return LLVMBuildIntCast2(fp->builder, value, type, false, "");
}

/* The integers that have the bits of a type of floats. */
LLVMTypeRef lfp_raw_type(const struct fp *fp, LLVMTypeRef real)
{
    return lfp_int_type(fp, LLVMGetTypeKind(real) == LLVMDoubleTypeKind ? 64 : 32);
}

LLVMValueRef lfp_raw(const struct fp *fp, LLVMValueRef real)
{
    return LLVMBuildBitCast(fp->builder, real, lfp_raw_type(fp, LLVMTypeOf(real)), "");
}

LLVMValueRef lfp_twice(const struct fp *fp, LLVMValueRef bits)
{
    return LLVMBuildShl(fp->builder, bits, lfp_number(bits, 1), "");
}

LLVMValueRef lfp_both(const struct fp *fp, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildAnd(fp->builder, a, b, "");
}

LLVMValueRef lfp_either(const struct fp *fp, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildOr(fp->builder, a, b, "");
}

LLVMValueRef lfp_is_below(const struct fp *fp, LLVMValueRef a, uint64_t limit)
{
    return LLVMBuildICmp(fp->builder, LLVMIntULT, a, lfp_number(a, limit), "");
}

LLVMValueRef lfp_is_equal(const struct fp *fp, LLVMValueRef a, uint64_t b)
{
    return LLVMBuildICmp(fp->builder, LLVMIntEQ, a, lfp_number(a, b), "");
}

/* Of raw bits: a zero of either sign. */
LLVMValueRef lfp_is_zero(const struct fp *fp, LLVMValueRef bits)
{
    return lfp_is_equal(fp, lfp_twice(fp, bits), 0);
}

LLVMValueRef lfp_is_same(const struct fp *fp, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildFCmp(fp->builder, LLVMRealOEQ, a, b, "");
}

/* As a double, exactly. */
LLVMValueRef lfp_widened(const struct fp *fp, LLVMValueRef real)
{
    return LLVMBuildFPCast(fp->builder, real, lfp_double_type(fp), "");
}

LLVMValueRef lfp_intrinsic(const struct fp *fp, const char *name, LLVMTypeRef type,
                           LLVMValueRef *args, unsigned count)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef fn = LLVMGetIntrinsicDeclaration(fp->lift->module, id, &type, 1);

    return LLVMBuildCall2(fp->builder,
                          LLVMIntrinsicGetType(fp->lift->context, id, &type, 1), fn, args,
                          count, "");
}

/* ------------------------------------------------------------------------- control */

unsigned lfp_fraction_bits(const struct fp *fp)
{
    return fp->width == 64 ? 52 : 23;
}

/* A number of an exponent field, where lfp_twice() has it. */
uint64_t lfp_exponent(const struct fp *fp, unsigned field)
{
    return (uint64_t)field << (lfp_fraction_bits(fp) + 1);
}

unsigned lfp_max_exponent(const struct fp *fp)
{
    return fp->width == 64 ? 0x7ff : 0xff;
}

unsigned lfp_exponent_bias(const struct fp *fp)
{
    return lfp_max_exponent(fp) / 2;
}

/* `value` is the result if the condition holds, else goes on at `other`. */
void lfp_join_if(struct fp *fp, LLVMValueRef condition, LLVMValueRef value,
                 LLVMBasicBlockRef other)
{
    fp->way[fp->ways] = value;
    fp->way_from[fp->ways++] = LLVMGetInsertBlock(fp->builder);
    lift_branch(fp->lift, condition, fp->join, other, true);
}

bool lfp_is_constant(LLVMValueRef value, uint64_t is)
{
    return LLVMIsAConstantInt(value) && LLVMConstIntGetZExtValue(value) == is;
}

bool lfp_may_round_to_nearest(const struct fp *fp)
{
    return !LLVMIsAConstantInt(fp->round) || lfp_is_constant(fp->round, FP_RNE);
}

/* Goes on only where the rounding mode is to nearest. */
void lfp_require_to_nearest(struct fp *fp)
{
    LLVMBasicBlockRef on;

    if (lfp_is_constant(fp->round, FP_RNE))
        return;
    on = lift_block(fp->lift, "nearest");
    lift_branch(fp->lift, lfp_is_equal(fp, fp->round, FP_RNE), on, fp->slow, true);
    lift_at(fp->lift, on);
}

/* Whether anybody wants to know if a result is exact. */
static bool keeps_inexact(const struct fp *fp)
{
    return fp->env->file != ISA_NONE && fp->env->bit[0] != 0xff;
}

/* Goes on where FP_NX is set already; returns a block for where it is not, or NULL:
 * nobody asks. */
LLVMBasicBlockRef lfp_split_inexact(struct fp *fp)
{
    LLVMBasicBlockRef hot, warm;
    LLVMValueRef flags, is_clear;

    if (!keeps_inexact(fp))
        return NULL;
    hot = lift_block(fp->lift, "hot");
    warm = lift_block(fp->lift, "warm");
    flags = lift_get(fp->lift, fp->env->file, fp->env->index);
    is_clear = lfp_is_equal(
        fp, lfp_both(fp, flags, lfp_number(flags, UINT64_C(1) << fp->env->bit[0])), 0);
    lift_branch(fp->lift, is_clear, warm, hot, false);
    lift_at(fp->lift, hot);
    return warm;
}

/* A result that is right where `is_right` (at the end of the hot block), and raises
 * nothing where `exact` says so too; others go on at `other`. */
void lfp_finish(struct fp *fp, LLVMValueRef result,
                LLVMValueRef is_right(struct fp *fp, LLVMValueRef result),
                LLVMValueRef is_exact(struct fp *fp, LLVMValueRef result),
                LLVMBasicBlockRef other)
{
    LLVMBasicBlockRef warm = lfp_split_inexact(fp);

    lfp_join_if(fp, is_right(fp, result), result, other);
    if (!warm)
        return;
    lift_at(fp->lift, warm);
    lfp_join_if(fp, lfp_both(fp, is_right(fp, result), is_exact(fp, result)), result,
                other);
}

void lfp_join_with(struct fp *fp, LLVMValueRef value)
{
    fp->way[fp->ways] = value;
    fp->way_from[fp->ways++] = LLVMGetInsertBlock(fp->builder);
    LLVMBuildBr(fp->builder, fp->join);
}

/* ------------------------------------------------------------------- after passes */

static bool is_raw(LLVMValueRef value)
{
    LLVMTypeKind kind;

    if (!LLVMIsABitCastInst(value))
        return false;
    kind = LLVMGetTypeKind(LLVMTypeOf(LLVMGetOperand(value, 0)));
    return kind == LLVMDoubleTypeKind || kind == LLVMFloatTypeKind;
}

/* A user of the value in another block, or NULL. */
static LLVMValueRef find_distant_user(LLVMValueRef value)
{
    for (LLVMUseRef use = LLVMGetFirstUse(value); use; use = LLVMGetNextUse(use)) {
        LLVMValueRef user = LLVMGetUser(use);

        if (!LLVMIsAPHINode(user) &&
            LLVMGetInstructionParent(user) != LLVMGetInstructionParent(value))
            return user;
    }
    return NULL;
}

/* Gives each distant user of a cast a cast of its own. */
static void spread(LLVMBuilderRef builder, LLVMValueRef cast)
{
    LLVMValueRef user, own;

    while ((user = find_distant_user(cast)) != NULL) {
        LLVMPositionBuilderBefore(builder, user);
        own = LLVMInstructionClone(cast);
        LLVMInsertIntoBuilder(builder, own);
        for (int i = 0; i < LLVMGetNumOperands(user); i++)
            if (LLVMGetOperand(user, (unsigned)i) == cast)
                LLVMSetOperand(user, (unsigned)i, own);
    }
    if (!LLVMGetFirstUse(cast))
        LLVMInstructionEraseFromParent(cast);
}

/* The cast of an integer to a float that a load's users have, or NULL. */
static LLVMValueRef find_real_user(LLVMValueRef load)
{
    for (LLVMUseRef use = LLVMGetFirstUse(load); use; use = LLVMGetNextUse(use)) {
        LLVMValueRef user = LLVMGetUser(use);
        LLVMTypeKind kind = LLVMGetTypeKind(LLVMTypeOf(user));

        if (LLVMIsABitCastInst(user) &&
            (kind == LLVMDoubleTypeKind || kind == LLVMFloatTypeKind))
            return user;
    }
    return NULL;
}

/* What is used as a float is loaded as one; others get a cast of that.  Yields the load.
 */
static LLVMValueRef load_real(LLVMBuilderRef builder, LLVMValueRef load)
{
    LLVMValueRef cast = find_real_user(load), real;

    if (!cast)
        return load;
    LLVMPositionBuilderBefore(builder, load);
    real = LLVMBuildLoad2(builder, LLVMTypeOf(cast), LLVMGetOperand(load, 0), "");
    LLVMSetVolatile(real, LLVMGetVolatile(load));
    LLVMSetOrdering(real, LLVMGetOrdering(load));
    LLVMSetAlignment(real, LLVMGetAlignment(load));
    for (; cast; cast = find_real_user(load)) {
        LLVMReplaceAllUsesWith(cast, real);
        LLVMInstructionEraseFromParent(cast);
    }
    if (LLVMGetFirstUse(load))
        LLVMReplaceAllUsesWith(load,
                               LLVMBuildBitCast(builder, real, LLVMTypeOf(load), ""));
    LLVMInstructionEraseFromParent(load);
    return real;
}

void lift_fp_spread(LLVMValueRef function, LLVMBuilderRef builder)
{
    LLVMBasicBlockRef block = LLVMGetFirstBasicBlock(function);
    LLVMValueRef value, next;

    for (; block; block = LLVMGetNextBasicBlock(block))
        for (value = LLVMGetFirstInstruction(block); value; value = next) {
            if (LLVMIsALoadInst(value))
                value = load_real(builder, value);
            next = LLVMGetNextInstruction(value);
            if (is_raw(value))
                spread(builder, value);
        }
}
