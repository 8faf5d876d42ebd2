/* lift_clmul.c - carry-less products.
 *
 * Every fourth bit of a number is a number with holes of three bits: sums of 16 ones fit
 * into them, so that the host's product of two such has the carry-less product's bits at
 * every fourth bit; the carry out of the 16th goes behind bit 63.  Four parts of each
 * operand make 16 products of 64 bits. */
#include <string.h>

#include "llvmjit/lift_parts.h"

static const uint64_t fourth_bits = UINT64_C(0x1111111111111111);

/* The low 64 bits. */
static LLVMValueRef low_product(struct lift *lift, LLVMValueRef a, LLVMValueRef b)
{
    LLVMBuilderRef builder = lift->builder;
    LLVMValueRef as[4], bs[4], result = lift_const(lift, 64, 0);

    for (unsigned i = 0; i < 4; i++) {
        LLVMValueRef mask = lift_const(lift, 64, fourth_bits << i);

        as[i] = LLVMBuildAnd(builder, a, mask, "");
        bs[i] = LLVMBuildAnd(builder, b, mask, "");
    }
    for (unsigned i = 0; i < 4; i++) {
        LLVMValueRef sum = lift_const(lift, 64, 0);

        for (unsigned k = 0; k < 4; k++)
            sum = LLVMBuildXor(builder, sum,
                               LLVMBuildMul(builder, as[k], bs[(i - k) % 4], ""), "");
        sum = LLVMBuildAnd(builder, sum, lift_const(lift, 64, fourth_bits << i), "");
        result = LLVMBuildOr(builder, result, sum, "");
    }
    return result;
}

static LLVMValueRef reversed(struct lift *lift, LLVMValueRef value)
{
    unsigned id = LLVMLookupIntrinsicID("llvm.bitreverse", strlen("llvm.bitreverse"));
    LLVMTypeRef type = LLVMTypeOf(value);

    return LLVMBuildCall2(
        lift->builder, LLVMIntrinsicGetType(lift->context, id, &type, 1),
        LLVMGetIntrinsicDeclaration(lift->module, id, &type, 1), &value, 1, "");
}

static LLVMValueRef shifted_up(struct lift *lift, LLVMValueRef value)
{
    return LLVMBuildShl(lift->builder, lift_fit(lift, value, 128),
                        lift_const(lift, 128, 64), "");
}

/* All 128 bits of 64 by 64: of a product from the other end the low bits are the high
 * ones. */
static LLVMValueRef whole_product(struct lift *lift, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef low = low_product(lift, a, b);
    LLVMValueRef high = low_product(lift, reversed(lift, a), reversed(lift, b));

    high =
        LLVMBuildLShr(lift->builder, reversed(lift, high), lift_const(lift, 64, 1), "");
    return LLVMBuildOr(lift->builder, lift_fit(lift, low, 128), shifted_up(lift, high),
                       "");
}

static LLVMValueRef high_half(struct lift *lift, LLVMValueRef value)
{
    value = LLVMBuildLShr(lift->builder, value, lift_const(lift, 128, 64), "");
    return lift_fit(lift, value, 64);
}

/* Whether the upper half is zero as everybody can see: it was extended. */
static bool is_short(LLVMValueRef value)
{
    return LLVMIsAZExtInst(value) &&
           LLVMGetIntTypeWidth(LLVMTypeOf(LLVMGetOperand(value, 0))) <= 64;
}

LLVMValueRef lift_clmul(struct lift *lift, LLVMValueRef a, LLVMValueRef b)
{
    unsigned w = lift_width(a);
    LLVMValueRef low_a = lift_fit(lift, a, 64), low_b = lift_fit(lift, b, 64), result;

    if (w <= 64)
        return lift_fit(lift, low_product(lift, low_a, low_b), w);
    a = lift_fit(lift, a, 128);
    b = lift_fit(lift, b, 128);
    result = whole_product(lift, low_a, low_b);
    if (!is_short(a))
        result = LLVMBuildXor(
            lift->builder, result,
            shifted_up(lift, low_product(lift, high_half(lift, a), low_b)), "");
    if (!is_short(b))
        result = LLVMBuildXor(
            lift->builder, result,
            shifted_up(lift, low_product(lift, low_a, high_half(lift, b))), "");
    return lift_fit(lift, result, w);
}
