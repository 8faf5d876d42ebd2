/* lift_fp_convert.c - between formats, and to and from integers. */
#include "llvmjit/lift_fp_parts.h"

static LLVMValueRef in_narrow_range(struct fp *fp, LLVMValueRef r)
{
    LLVMValueRef bits = lfp_twice(fp, lfp_raw(fp, r));

    return lfp_is_below(
        fp, LLVMBuildSub(fp->builder, bits, lfp_number(bits, 2u << 24), ""), 0xfdu << 24);
}

static LLVMValueRef narrowed(struct fp *fp)
{
    return LLVMBuildFPTrunc(fp->builder, fp->reals[0], lfp_real_type(fp, FMT_F32), "");
}

static LLVMValueRef is_exact_narrowed(struct fp *fp, LLVMValueRef r)
{
    return lfp_is_same(fp, lfp_widened(fp, r), fp->reals[0]);
}

bool lfp_convert(struct fp *fp)
{
    static const struct arithmetic narrow = { narrowed, in_narrow_range,
                                              is_exact_narrowed, lfp_is_zero_operand };
    LLVMBasicBlockRef on;

    if (fp->call->format == FMT_F64 && fp->call->format2 == FMT_F32) {
        if (!lfp_may_round_to_nearest(fp))
            return false;
        lfp_rounded(fp, &narrow);
        return true;
    }
    if (fp->call->format != FMT_F32 || fp->call->format2 != FMT_F64)
        return false;
    on = lift_block(fp->lift, "ordered");
    lift_branch(fp->lift, lfp_is_same(fp, fp->reals[0], fp->reals[0]), on, fp->slow,
                true);
    lift_at(fp->lift, on);
    lfp_join_with(fp, lfp_widened(fp, fp->reals[0]));
    return true;
}

/* Goes on where the magnitude of operand a is below 2^power; `is_positive`: and it has no
 * sign. */
static void require_magnitude(struct fp *fp, unsigned power, bool is_positive)
{
    LLVMBasicBlockRef on = lift_block(fp->lift, "fits");
    uint64_t limit = lfp_exponent(fp, lfp_exponent_bias(fp) + power);
    LLVMValueRef is_in = is_positive
                             ? lfp_is_below(fp, fp->bits[0], limit >> 1)
                             : lfp_is_below(fp, lfp_twice(fp, fp->bits[0]), limit);

    lift_branch(fp->lift, is_in, on, fp->slow, true);
    lift_at(fp->lift, on);
}

static LLVMValueRef to_int64(struct fp *fp, LLVMValueRef real)
{
    return LLVMBuildFPToSI(fp->builder, real, lfp_int_type(fp, 64), "");
}

static LLVMValueRef to_double(struct fp *fp, LLVMValueRef n)
{
    return LLVMBuildSIToFP(fp->builder, n, lfp_double_type(fp), "");
}

/* 1 where the condition holds, in 64 bits. */
static LLVMValueRef one_if(struct fp *fp, LLVMRealPredicate predicate, LLVMValueRef x,
                           LLVMValueRef y)
{
    return lfp_fit(fp, LLVMBuildFCmp(fp->builder, predicate, x, y, ""),
                   lfp_int_type(fp, 64));
}

/* A double below 2^51 (to nearest) or 2^62 as an integer. */
static LLVMValueRef rounded_to_int(struct fp *fp, LLVMValueRef x, unsigned round)
{
    LLVMBuilderRef b = fp->builder;
    LLVMTypeRef type = lfp_double_type(fp);
    LLVMValueRef magic = LLVMConstReal(type, 0x1.8p52), half = LLVMConstReal(type, 0.5);
    LLVMValueRef n, back, rest;

    if (round == FP_RNE) {
        n = LLVMBuildFAdd(b, x, magic, "");
        return to_int64(fp, LLVMBuildFSub(b, n, magic, ""));
    }
    n = to_int64(fp, x);
    back = to_double(fp, n);
    switch (round) {
    case FP_RDN: return LLVMBuildSub(b, n, one_if(fp, LLVMRealOLT, x, back), "");
    case FP_RUP: return LLVMBuildAdd(b, n, one_if(fp, LLVMRealOGT, x, back), "");
    case FP_RMM:
        rest = LLVMBuildFSub(b, x, back, "");
        n = LLVMBuildAdd(b, n, one_if(fp, LLVMRealOGE, rest, half), "");
        half = LLVMBuildFNeg(b, half, "");
        return LLVMBuildSub(b, n, one_if(fp, LLVMRealOLE, rest, half), "");
    default: return n;
    }
}

/* Toward zero the operand alone says that the result fits; others are looked at. */
static void require_fit(struct fp *fp, LLVMValueRef n)
{
    bool is_signed = fp->node->x == FPOP_TO_SINT;
    LLVMBasicBlockRef on;
    LLVMValueRef cut, is_in;

    if (fp->node->w == 64 && is_signed)
        return;
    if (fp->node->w == 64) {
        is_in = LLVMBuildICmp(fp->builder, LLVMIntSGE, n, lfp_number(n, 0), "");
    } else {
        cut = lfp_fit(fp, n, lfp_int_type(fp, fp->node->w));
        cut = LLVMBuildIntCast2(fp->builder, cut, lfp_int_type(fp, 64), is_signed, "");
        is_in = LLVMBuildICmp(fp->builder, LLVMIntEQ, n, cut, "");
    }
    on = lift_block(fp->lift, "fits");
    lift_branch(fp->lift, is_in, on, fp->slow, true);
    lift_at(fp->lift, on);
}

bool lfp_to_integer(struct fp *fp)
{
    bool is_signed = fp->node->x == FPOP_TO_SINT;
    unsigned round, width = fp->node->w;
    LLVMBasicBlockRef warm;
    LLVMValueRef x, n, result;

    if (!LLVMIsAConstantInt(fp->round) || width > 64)
        return false;
    round = (unsigned)LLVMConstIntGetZExtValue(fp->round);
    if (round > FP_RMM)
        return false;
    if (round == FP_RTZ)
        require_magnitude(fp, is_signed || width == 64 ? width - 1 : width, !is_signed);
    else
        require_magnitude(fp, round == FP_RNE ? 51 : 62, false);
    x = lfp_widened(fp, fp->reals[0]);
    n = rounded_to_int(fp, x, round);
    if (round != FP_RTZ)
        require_fit(fp, n);
    result = lfp_fit(fp, n, lfp_int_type(fp, width));
    warm = lfp_split_inexact(fp);
    lfp_join_with(fp, result);
    if (warm) {
        lift_at(fp->lift, warm);
        lfp_join_if(fp, lfp_is_same(fp, to_double(fp, n), x), result, fp->slow);
    }
    return true;
}

static LLVMValueRef integer_to_real(struct fp *fp, unsigned width, bool is_signed)
{
    LLVMBuilderRef b = fp->builder;
    unsigned need = is_signed ? width : width + 1;
    LLVMTypeRef type = lfp_int_type(fp, need <= 32 ? 32 : 64);
    LLVMValueRef n = LLVMBuildIntCast2(b, fp->v[0], type, is_signed, "");

    return (need <= 64 ? LLVMBuildSIToFP : LLVMBuildUIToFP)(b, n, fp->real, "");
}

/* Whether the integer has no more than `digits` between its first and last one. */
static LLVMValueRef is_exact_integer(struct fp *fp, bool is_signed, unsigned digits)
{
    LLVMBuilderRef b = fp->builder;
    LLVMTypeRef type = lfp_int_type(fp, 64);
    LLVMValueRef n = LLVMBuildIntCast2(b, fp->v[0], type, is_signed, ""), args[2],
                 is_less;

    if (is_signed) {
        is_less = LLVMBuildICmp(b, LLVMIntSLT, n, lfp_number(n, 0), "");
        n = LLVMBuildSelect(b, is_less, LLVMBuildNeg(b, n, ""), n, "");
    }
    args[0] = lfp_either(fp, n, lfp_number(n, 1)); /* as many zeros, and not 64 */
    args[1] = LLVMConstInt(lfp_int_type(fp, 1), 1, false);
    n = LLVMBuildShl(b, n, lfp_intrinsic(fp, "llvm.ctlz", type, args, 2), "");
    n = LLVMBuildShl(b, n, lfp_number(n, digits), "");
    return lfp_is_equal(fp, n, 0);
}

bool lfp_from_integer(struct fp *fp)
{
    bool is_signed = fp->node->x == FPOP_FROM_SINT;
    unsigned width = LLVMGetIntTypeWidth(LLVMTypeOf(fp->v[0]));
    unsigned digits = lfp_fraction_bits(fp) + 1;
    LLVMBasicBlockRef warm = NULL;
    LLVMValueRef r = integer_to_real(fp, width, is_signed);

    if (width - (is_signed ? 1 : 0) <= digits) {
        lfp_join_with(fp, r);
        return true;
    }
    if (lfp_is_constant(fp->round, FP_RNE)) {
        warm = lfp_split_inexact(fp);
        lfp_join_with(fp, r);
        if (!warm)
            return true;
        lift_at(fp->lift, warm);
    }
    lfp_join_if(fp, is_exact_integer(fp, is_signed, digits), r, fp->slow);
    return true;
}
