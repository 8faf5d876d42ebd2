/* lift_fp_parts.h - what the parts of lift_fp.c share: lift_fp_ir.c (small things),
 * lift_fp_arith.c and lift_fp_convert.c (operations), lift_fp_gather.c (all of them,
 * where the host keeps the flags). */
#ifndef RHEA_LLVMJIT_LIFT_FP_PARTS_H
#define RHEA_LLVMJIT_LIFT_FP_PARTS_H

#include "isa/fp/fp.h"
#include "llvmjit/lift.h"

enum { LFP_MAX_WAYS = 5 };

/* One node. */
struct fp {
    struct lift *lift;
    LLVMBuilderRef builder;
    const struct sem *node;
    const struct isa_fpcall *call;
    const struct isa_fpenv *env;
    unsigned number, width;               /* of the node; of the format */
    LLVMTypeRef integer, real;            /* of the format */
    LLVMValueRef v[3], bits[3], reals[3]; /* operands: as they come; of the format */
    LLVMValueRef round;                   /* 64 bits */
    LLVMBasicBlockRef slow, join;
    LLVMValueRef way[LFP_MAX_WAYS]; /* the result as it comes to `join` ... */
    LLVMBasicBlockRef way_from[LFP_MAX_WAYS];
    unsigned ways;
};

/* Types. */
LLVMTypeRef lfp_int_type(const struct fp *fp, unsigned width);
LLVMTypeRef lfp_real_type(const struct fp *fp, unsigned format);
LLVMTypeRef lfp_double_type(const struct fp *fp);

/* The integers that have the bits of a type of floats, and the bits of a float. */
LLVMTypeRef lfp_raw_type(const struct fp *fp, LLVMTypeRef real);
LLVMValueRef lfp_raw(const struct fp *fp, LLVMValueRef real);

/* An integer constant of the type of `like`. */
LLVMValueRef lfp_number(LLVMValueRef like, uint64_t value);

/* Zero-extended or cut to a type.  As a double, exactly. */
LLVMValueRef lfp_fit(const struct fp *fp, LLVMValueRef value, LLVMTypeRef type);
LLVMValueRef lfp_widened(const struct fp *fp, LLVMValueRef real);

/* Integers. */
LLVMValueRef lfp_twice(const struct fp *fp, LLVMValueRef bits);
LLVMValueRef lfp_both(const struct fp *fp, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lfp_either(const struct fp *fp, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef lfp_is_below(const struct fp *fp, LLVMValueRef a, uint64_t limit);
LLVMValueRef lfp_is_equal(const struct fp *fp, LLVMValueRef a, uint64_t b);

/* Of raw bits: a zero of either sign.  Of floats: equal. */
LLVMValueRef lfp_is_zero(const struct fp *fp, LLVMValueRef bits);
LLVMValueRef lfp_is_same(const struct fp *fp, LLVMValueRef a, LLVMValueRef b);

LLVMValueRef lfp_intrinsic(const struct fp *fp, const char *name, LLVMTypeRef type,
                           LLVMValueRef *args, unsigned count);

/* The format's.  exponent(): a number of an exponent field, where twice() has it. */
unsigned lfp_fraction_bits(const struct fp *fp);
unsigned lfp_max_exponent(const struct fp *fp);
unsigned lfp_exponent_bias(const struct fp *fp);
uint64_t lfp_exponent(const struct fp *fp, unsigned field);

/* `value` is the result; or if the condition holds, else goes on at `other`. */
void lfp_join_with(struct fp *fp, LLVMValueRef value);
void lfp_join_if(struct fp *fp, LLVMValueRef condition, LLVMValueRef value,
                 LLVMBasicBlockRef other);

bool lfp_is_constant(LLVMValueRef value, uint64_t is);
bool lfp_may_round_to_nearest(const struct fp *fp);

/* Goes on only where the rounding mode is to nearest. */
void lfp_require_to_nearest(struct fp *fp);

/* Goes on where FP_NX is set already; returns a block for where it is not, or NULL:
 * nobody asks. */
LLVMBasicBlockRef lfp_split_inexact(struct fp *fp);

/* A result that is right where `is_right`, and raises nothing where `is_exact` says so
 * too; others go on at `other`. */
void lfp_finish(struct fp *fp, LLVMValueRef result,
                LLVMValueRef is_right(struct fp *fp, LLVMValueRef result),
                LLVMValueRef is_exact(struct fp *fp, LLVMValueRef result),
                LLVMBasicBlockRef other);

/* An operation that rounds to nearest. */
struct arithmetic {
    LLVMValueRef (*compute)(struct fp *fp);
    LLVMValueRef (*is_in_range)(struct fp *fp, LLVMValueRef r);
    LLVMValueRef (*is_exact)(struct fp *fp, LLVMValueRef r); /* of a result in range */
    LLVMValueRef (*is_zero)(struct fp *fp, LLVMValueRef r);  /* an exact zero; or NULL */
};
void lfp_rounded(struct fp *fp, const struct arithmetic *op);

/* Of FMA, FMS, FNMA and FNMS: what makes an FMA of it.  Signs go to the operands: only
 * NaNs would notice, and those the host does not do. */
void lfp_negate(struct fp *fp);

/* The first operand is a zero. */
LLVMValueRef lfp_is_zero_operand(struct fp *fp, LLVMValueRef r);

/* Each makes the way by the host's FPU from the block where the builder is, or returns
 * false: there is none. */
bool lfp_arithmetic(struct fp *fp);
bool lfp_convert(struct fp *fp);
bool lfp_to_integer(struct fp *fp);
bool lfp_from_integer(struct fp *fp);

/* The same of any operation, where the host's register gathers the flags. */
bool lfp_gathering(struct fp *fp);

#endif
