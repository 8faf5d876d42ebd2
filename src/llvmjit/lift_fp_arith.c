/* lift_fp_arith.c - add, sub, mul, div, sqrt and fma: the host's result, whether it
 * counts, and whether it is exact. */
#include "llvmjit/lift_fp_parts.h"

static LLVMValueRef in_sum_range(struct fp *fp, LLVMValueRef r)
{
    /* A sum is exact when it is subnormal or zero, so only overflow needs a distance. */
    return lfp_is_below(fp, lfp_twice(fp, lfp_raw(fp, r)),
                        lfp_exponent(fp, lfp_max_exponent(fp) - 1));
}

static LLVMValueRef in_range(struct fp *fp, LLVMValueRef r)
{
    LLVMValueRef bits = lfp_twice(fp, lfp_raw(fp, r));
    LLVMValueRef from = lfp_number(bits, lfp_exponent(fp, 2));

    return lfp_is_below(fp, LLVMBuildSub(fp->builder, bits, from, ""),
                        lfp_exponent(fp, lfp_max_exponent(fp) - 2));
}

/* Roots are never near the ends; NaNs are. */
static LLVMValueRef in_root_range(struct fp *fp, LLVMValueRef r)
{
    return lfp_is_below(fp, lfp_raw(fp, r), lfp_exponent(fp, lfp_max_exponent(fp)) >> 1);
}

/* Neither zero nor subnormal nor infinite nor NaN. */
static LLVMValueRef is_normal(struct fp *fp, LLVMValueRef bits)
{
    LLVMValueRef from = lfp_number(bits, lfp_exponent(fp, 1));

    return lfp_is_below(fp, LLVMBuildSub(fp->builder, lfp_twice(fp, bits), from, ""),
                        lfp_exponent(fp, lfp_max_exponent(fp) - 1));
}

/* The rounding error of a sum, exactly (Knuth, TAOCP vol. 2, 4.2.2, theorem B). */
static LLVMValueRef sum_error(struct fp *fp, LLVMValueRef x, LLVMValueRef y,
                              LLVMValueRef r)
{
    LLVMBuilderRef b = fp->builder;
    LLVMValueRef v = LLVMBuildFSub(b, r, x, ""), w = LLVMBuildFSub(b, r, v, "");

    return LLVMBuildFAdd(b, LLVMBuildFSub(b, x, w, ""), LLVMBuildFSub(b, y, v, ""), "");
}

static LLVMValueRef is_exact_sum_of(struct fp *fp, LLVMValueRef x, LLVMValueRef y,
                                    LLVMValueRef r)
{
    return lfp_is_same(fp, sum_error(fp, x, y, r), LLVMConstNull(LLVMTypeOf(r)));
}

static LLVMValueRef sum(struct fp *fp)
{
    return LLVMBuildFAdd(fp->builder, fp->reals[0], fp->reals[1], "");
}

static LLVMValueRef is_exact_sum(struct fp *fp, LLVMValueRef r)
{
    return is_exact_sum_of(fp, fp->reals[0], fp->reals[1], r);
}

static LLVMValueRef difference(struct fp *fp)
{
    return LLVMBuildFSub(fp->builder, fp->reals[0], fp->reals[1], "");
}

static LLVMValueRef is_exact_difference(struct fp *fp, LLVMValueRef r)
{
    return is_exact_sum_of(fp, fp->reals[0], LLVMBuildFNeg(fp->builder, fp->reals[1], ""),
                           r);
}

/* f64 bits with the hidden bit of the significand; sign and exponent stay above it, where
 * they change only what a product has above bit 52. */
static LLVMValueRef significand(struct fp *fp, LLVMValueRef bits)
{
    return lfp_either(fp, bits, lfp_number(bits, UINT64_C(1) << 52));
}

static LLVMValueRef significand_product(struct fp *fp, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildMul(fp->builder, significand(fp, a), significand(fp, b), "");
}

static LLVMValueRef shl(struct fp *fp, LLVMValueRef a, LLVMValueRef amount)
{
    return LLVMBuildShl(fp->builder, a, amount, "");
}

/* Bit 0 of the exponent field of f64 bits, and what is above it. */
static LLVMValueRef exponent_of(struct fp *fp, LLVMValueRef bits)
{
    return LLVMBuildLShr(fp->builder, bits, lfp_number(bits, 52), "");
}

static LLVMValueRef product(struct fp *fp)
{
    return LLVMBuildFMul(fp->builder, fp->reals[0], fp->reals[1], "");
}

/* f64: of 105 or 106 bits of product the result keeps 53; the exponents tell which.
 * f32: products of two significands are exact in double, subnormal operands too. */
static LLVMValueRef is_exact_product(struct fp *fp, LLVMValueRef r)
{
    LLVMBuilderRef b = fp->builder;
    LLVMValueRef x = fp->bits[0], y = fp->bits[1], wide, parity, left;

    if (fp->width == 32) {
        wide = LLVMBuildFMul(b, lfp_widened(fp, fp->reals[0]),
                             lfp_widened(fp, fp->reals[1]), "");
        return lfp_is_same(fp, wide, lfp_widened(fp, r));
    }
    parity = LLVMBuildXor(b, lfp_raw(fp, r), LLVMBuildXor(b, x, y, ""), "");
    parity = lfp_both(fp, exponent_of(fp, parity), lfp_number(x, 1));
    left = LLVMBuildAdd(b, parity, lfp_number(x, 11), "");
    return lfp_both(fp, lfp_is_equal(fp, shl(fp, significand_product(fp, x, y), left), 0),
                    lfp_both(fp, is_normal(fp, x), is_normal(fp, y)));
}

static LLVMValueRef is_zero_product(struct fp *fp, LLVMValueRef r)
{
    return lfp_both(
        fp, lfp_is_zero(fp, lfp_raw(fp, r)),
        lfp_either(fp, lfp_is_zero(fp, fp->bits[0]), lfp_is_zero(fp, fp->bits[1])));
}

static LLVMValueRef quotient(struct fp *fp)
{
    return LLVMBuildFDiv(fp->builder, fp->reals[0], fp->reals[1], "");
}

/* f64: |r * b - a| is at most half a unit of r times b: as an integer below 2^52.  So it
 * is 0 if its low 52 bits are; those of a, in the same unit, always are. */
static LLVMValueRef is_exact_quotient(struct fp *fp, LLVMValueRef r)
{
    LLVMValueRef b = fp->bits[1], wide, low;

    if (fp->width == 32) {
        wide = LLVMBuildFMul(fp->builder, lfp_widened(fp, r),
                             lfp_widened(fp, fp->reals[1]), "");
        return lfp_is_same(fp, wide, lfp_widened(fp, fp->reals[0]));
    }
    low = shl(fp, significand_product(fp, lfp_raw(fp, r), b), lfp_number(b, 12));
    return lfp_both(fp, lfp_is_equal(fp, low, 0), is_normal(fp, b));
}

static LLVMValueRef is_zero_quotient(struct fp *fp, LLVMValueRef r)
{
    return lfp_both(fp, lfp_is_zero(fp, lfp_raw(fp, r)), lfp_is_zero(fp, fp->bits[0]));
}

static LLVMValueRef root(struct fp *fp)
{
    return lfp_intrinsic(fp, "llvm.sqrt", fp->real, fp->reals, 1);
}

/* f64: |r * r - a| is at most 2^53 as integers; a is shifted by 52 or 53. */
static LLVMValueRef is_exact_root(struct fp *fp, LLVMValueRef r)
{
    LLVMValueRef a = fp->bits[0], wide = lfp_widened(fp, r), odd, left, square;

    if (fp->width == 32)
        return lfp_is_same(fp, LLVMBuildFMul(fp->builder, wide, wide, ""),
                           lfp_widened(fp, fp->reals[0]));
    odd = lfp_both(fp, exponent_of(fp, a), lfp_number(a, 1));
    left = LLVMBuildSub(fp->builder, lfp_number(a, 53), odd, "");
    square = lfp_both(fp, lfp_raw(fp, r), lfp_number(a, (UINT64_C(1) << 52) - 1));
    square = significand_product(fp, square, square);
    return lfp_both(fp, is_normal(fp, a),
                    LLVMBuildICmp(fp->builder, LLVMIntEQ, square,
                                  shl(fp, significand(fp, a), left), ""));
}

LLVMValueRef lfp_is_zero_operand(struct fp *fp, LLVMValueRef r)
{
    (void)r;
    return lfp_is_zero(fp, fp->bits[0]);
}

void lfp_negate(struct fp *fp)
{
    unsigned op = fp->node->x;

    if (op == FPOP_FNMA || op == FPOP_FNMS)
        fp->reals[0] = LLVMBuildFNeg(fp->builder, fp->reals[0], "");
    if (op == FPOP_FMS || op == FPOP_FNMS)
        fp->reals[2] = LLVMBuildFNeg(fp->builder, fp->reals[2], "");
}

static LLVMValueRef fused(struct fp *fp)
{
    lfp_negate(fp);
    return lfp_intrinsic(fp, "llvm.fma", fp->real, fp->reals, 3);
}

/* Some of the exact ones: the product of f64 must be exact itself, and so large that what
 * it lost would not be less than the least number.  f32: it is exact in double. */
static LLVMValueRef is_exact_fused(struct fp *fp, LLVMValueRef r)
{
    LLVMBuilderRef b = fp->builder;
    LLVMValueRef x = lfp_widened(fp, fp->reals[0]), y = lfp_widened(fp, fp->reals[1]);
    LLVMValueRef z = lfp_widened(fp, fp->reals[2]), p = LLVMBuildFMul(b, x, y, ""), sum,
                 bits;
    LLVMValueRef args[3] = { x, y, LLVMBuildFNeg(b, p, "") }, is_exact;

    sum = LLVMBuildFAdd(b, p, z, "");
    is_exact = lfp_both(fp, is_exact_sum_of(fp, p, z, sum),
                        lfp_is_same(fp, sum, lfp_widened(fp, r)));
    if (fp->width == 32)
        return is_exact;
    bits = LLVMBuildSub(b, lfp_twice(fp, lfp_raw(fp, p)),
                        lfp_number(fp->bits[0], lfp_exponent(fp, 128)), "");
    is_exact =
        lfp_both(fp, is_exact, lfp_is_below(fp, bits, lfp_exponent(fp, 0x7fd - 128)));
    return lfp_both(fp, is_exact,
                    lfp_is_same(fp, lfp_intrinsic(fp, "llvm.fma", fp->real, args, 3),
                                LLVMConstNull(fp->real)));
}

static LLVMValueRef is_zero_fused(struct fp *fp, LLVMValueRef r)
{
    LLVMValueRef is_sum =
        lfp_both(fp, lfp_is_zero(fp, lfp_raw(fp, r)), lfp_is_zero(fp, fp->bits[2]));

    return lfp_both(
        fp, is_sum,
        lfp_either(fp, lfp_is_zero(fp, fp->bits[0]), lfp_is_zero(fp, fp->bits[1])));
}

#define FUSED                                                                            \
    {                                                                                    \
        fused, in_range, is_exact_fused, is_zero_fused                                   \
    }
static const struct arithmetic arithmetics[] = {
    [FPOP_ADD] = { sum, in_sum_range, is_exact_sum, NULL },
    [FPOP_SUB] = { difference, in_sum_range, is_exact_difference, NULL },
    [FPOP_MUL] = { product, in_range, is_exact_product, is_zero_product },
    [FPOP_DIV] = { quotient, in_range, is_exact_quotient, is_zero_quotient },
    [FPOP_SQRT] = { root, in_root_range, is_exact_root, lfp_is_zero_operand },
    [FPOP_FMA] = FUSED,
    [FPOP_FMS] = FUSED,
    [FPOP_FNMA] = FUSED,
    [FPOP_FNMS] = FUSED,
};

void lfp_rounded(struct fp *fp, const struct arithmetic *op)
{
    LLVMBasicBlockRef odd = op->is_zero ? lift_block(fp->lift, "odd") : fp->slow;
    LLVMValueRef r;

    lfp_require_to_nearest(fp);
    r = op->compute(fp);
    lfp_finish(fp, r, op->is_in_range, op->is_exact, odd);
    if (!op->is_zero)
        return;
    lift_at(fp->lift, odd);
    lfp_join_if(fp, op->is_zero(fp, r), r, fp->slow);
}

bool lfp_arithmetic(struct fp *fp)
{
    if (!lfp_may_round_to_nearest(fp))
        return false;
    if (fp->node->x >= FPOP_FMA && !fp->lift->request->has_fma)
        return false;
    lfp_rounded(fp, &arithmetics[fp->node->x]);
    return true;
}
