/* lift_fp.c - floating point: f32 and f64 by the host's FPU where that is exact, as
 * isa/fp/fp_host.h does it; the rest by REGION_HELPER_FP, in cold blocks.
 *
 * Where the host's register can gather the flags, lift_fp_gather.c has the operations;
 * what follows is for other hosts and environments.
 *
 * A result of the host counts if it is far enough from the ends of the exponent range
 * that only FP_NX can have been raised.  Where the guest's FP_NX is set already that is
 * all ("hot"); where it is not, a residual says whether the result is exact ("warm"), and
 * the helper is called if not.  Results at the ends that are exact zeros are told apart
 * last ("odd").
 *
 * A value crosses blocks as a float, in a phi, so that in a chain of operations it stays
 * in a register of the FPU; only the check of its exponent sees it as an integer.  FP_NX
 * is tested before all else, and by each operation.
 *
 * Requires: the host rounds to nearest and does not flush; no fast-math flags and no
 * contraction; llvm.fma is one instruction where the request says has_fma. */
#include "llvmjit/lift_fp_parts.h"

/* --------------------------------------------------------------------------- order */

static void require_ordered(struct fp *fp)
{
    LLVMBasicBlockRef on = lift_block(fp->lift, "ordered");

    lift_branch(fp->lift,
                LLVMBuildFCmp(fp->builder, LLVMRealORD, fp->reals[0], fp->reals[1], ""),
                on, fp->slow, true);
    lift_at(fp->lift, on);
}

static bool lift_compare(struct fp *fp)
{
    static const LLVMRealPredicate predicates[] = {
        [FPOP_EQ] = LLVMRealOEQ,    [FPOP_LT] = LLVMRealOLT,  [FPOP_LE] = LLVMRealOLE,
        [FPOP_EQS] = LLVMRealOEQ,   [FPOP_LTS] = LLVMRealOLT, [FPOP_LES] = LLVMRealOLE,
        [FPOP_UNORD] = LLVMRealUNO,
    };

    require_ordered(fp);
    lfp_join_with(fp, LLVMBuildFCmp(fp->builder, predicates[fp->node->x], fp->reals[0],
                                    fp->reals[1], ""));
    return true;
}

/* Goes on where the condition holds; `other`, a new block, is for where it does not. */
static LLVMBasicBlockRef split_unlikely(struct fp *fp, LLVMValueRef condition)
{
    LLVMBasicBlockRef on = lift_block(fp->lift, "likely");
    LLVMBasicBlockRef other = lift_block(fp->lift, "odd");

    lift_branch(fp->lift, condition, on, other, true);
    lift_at(fp->lift, on);
    return other;
}

/* MIN2 and MAX2 take the second of two that are equal.  For others such may be zeros of
 * two signs: or-ed they are -0, and-ed +0. */
static bool lift_minmax(struct fp *fp)
{
    unsigned op = fp->node->x;
    bool is_min =
        op == FPOP_MIN || op == FPOP_MINM || op == FPOP_MIN2 || op == FPOP_MIN08;
    LLVMValueRef x = fp->reals[0], y = fp->reals[1], first, differ;
    LLVMBasicBlockRef odd;

    first = LLVMBuildFCmp(fp->builder, is_min ? LLVMRealOLT : LLVMRealOGT, x, y, "");
    if (op == FPOP_MIN2 || op == FPOP_MAX2) {
        require_ordered(fp);
        lfp_join_with(fp, LLVMBuildSelect(fp->builder, first, x, y, ""));
        return true;
    }
    differ = LLVMBuildFCmp(fp->builder, LLVMRealONE, x, y, "");
    odd = split_unlikely(fp, differ);
    lfp_join_with(fp, LLVMBuildSelect(fp->builder, first, x, y, ""));
    lift_at(fp->lift, odd);
    first =
        (is_min ? LLVMBuildOr : LLVMBuildAnd)(fp->builder, fp->bits[0], fp->bits[1], "");
    lfp_join_if(fp, lfp_is_same(fp, x, y),
                LLVMBuildBitCast(fp->builder, first, fp->real, ""), fp->slow);
    return true;
}

/* ----------------------------------------------------------------------- the node */

/* `lift` makes the way by the host's FPU from the block where the builder is, or returns
 * false: there is none. */
static const struct fp_lift {
    bool (*lift)(struct fp *fp);
    uint8_t operands;
} lifts[FPOPS] = {
    [FPOP_ADD] = { lfp_arithmetic, 2 },
    [FPOP_SUB] = { lfp_arithmetic, 2 },
    [FPOP_MUL] = { lfp_arithmetic, 2 },
    [FPOP_DIV] = { lfp_arithmetic, 2 },
    [FPOP_SQRT] = { lfp_arithmetic, 1 },
    [FPOP_FMA] = { lfp_arithmetic, 3 },
    [FPOP_FMS] = { lfp_arithmetic, 3 },
    [FPOP_FNMA] = { lfp_arithmetic, 3 },
    [FPOP_FNMS] = { lfp_arithmetic, 3 },
    [FPOP_MIN] = { lift_minmax, 2 },
    [FPOP_MAX] = { lift_minmax, 2 },
    [FPOP_MINM] = { lift_minmax, 2 },
    [FPOP_MAXM] = { lift_minmax, 2 },
    [FPOP_EQ] = { lift_compare, 2 },
    [FPOP_LT] = { lift_compare, 2 },
    [FPOP_LE] = { lift_compare, 2 },
    [FPOP_EQS] = { lift_compare, 2 },
    [FPOP_LTS] = { lift_compare, 2 },
    [FPOP_LES] = { lift_compare, 2 },
    [FPOP_UNORD] = { lift_compare, 2 },
    [FPOP_RINT] = { NULL, 1 },
    [FPOP_RINTX] = { NULL, 1 },
    [FPOP_CVT] = { lfp_convert, 1 },
    [FPOP_TO_SINT] = { lfp_to_integer, 1 },
    [FPOP_TO_UINT] = { lfp_to_integer, 1 },
    [FPOP_FROM_SINT] = { lfp_from_integer, 1 },
    [FPOP_FROM_UINT] = { lfp_from_integer, 1 },
    [FPOP_CLASS] = { NULL, 1 },
    [FPOP_SCALB] = { NULL, 2 },
    [FPOP_LOGB] = { NULL, 1 },
    [FPOP_REM] = { NULL, 2 },
    [FPOP_TO_SINT_MOD] = { NULL, 1 },
    [FPOP_MIN2] = { lift_minmax, 2 },
    [FPOP_MAX2] = { lift_minmax, 2 },
    [FPOP_MIN08] = { lift_minmax, 2 },
    [FPOP_MAX08] = { lift_minmax, 2 },
};

/* Whether flags only gather, and rules give no attention to subnormal numbers. */
static bool is_host_environment(const struct isa_fpenv *env)
{
    const uint32_t special = FP_DAZ | FP_ID_USED | FP_FTZ | FP_UF_EXACT | FP_SINGLE;

    for (unsigned k = 0; k < 8; k++)
        if (env->each[k] || env->cause[k])
            return false;
    return !env->more_rules.count && !(env->rules & special) &&
           (env->file == ISA_NONE || env->bit[6] == 0xff);
}

bool lift_fp_can_gather(const struct lift *lift, const struct isa_fpenv *env)
{
    return lift->request->fp_flags && is_host_environment(env);
}

static bool has_host_format(const struct fp *fp)
{
    return fp->call->format == FMT_F32 || fp->call->format == FMT_F64;
}

/* Operands, and the rounding mode.  -1: wider than 64 bits. */
static int take_operands(struct fp *fp)
{
    const uint16_t operand[3] = { fp->node->a, fp->node->b, fp->node->c };
    struct lift *lift = fp->lift;
    LLVMTypeRef type = lfp_int_type(fp, 64);

    fp->round = LLVMConstInt(type, fp->call->round, false);
    if (fp->call->round == ISA_NONE) {
        fp->round = LLVMConstInt(type, FP_RNE, false);
        if (lift->npushed)
            fp->round = lfp_fit(fp, lift->pushed[lift->npushed - 1], lfp_int_type(fp, 8));
        fp->round = lfp_fit(fp, fp->round, type);
        lift->npushed = 0;
    }
    for (unsigned i = 0; i < lifts[fp->node->x].operands; i++) {
        fp->v[i] = lift->values[operand[i]];
        if (LLVMGetIntTypeWidth(LLVMTypeOf(fp->v[i])) > 64)
            return -1;
    }
    return fp->node->w > 64 ? -1 : 0;
}

static void take_reals(struct fp *fp)
{
    fp->width = fp->call->format == FMT_F64 ? 64 : 32;
    fp->integer = lfp_int_type(fp, fp->width);
    fp->real = lfp_real_type(fp, fp->call->format);
    for (unsigned i = 0; i < 3 && fp->v[i]; i++) {
        fp->bits[i] = lfp_fit(fp, fp->v[i], fp->integer);
        fp->reals[i] = LLVMBuildBitCast(fp->builder, fp->bits[i], fp->real, "");
    }
}

/* The result in the node's width. */
static LLVMValueRef call_helper(struct fp *fp)
{
    uint32_t number = fp->lift->variant->body.first + fp->number;
    LLVMTypeRef type = lfp_int_type(fp, 64);
    LLVMValueRef args[3], result, saved = NULL;

    for (unsigned i = 0; i < 3; i++)
        args[i] = !fp->v[i] ? LLVMConstNull(type)
                            : LLVMBuildIntCast2(fp->builder, fp->v[i], type,
                                                i == 1 && fp->node->x == FPOP_SCALB, "");
    if (lift_gathers(fp->lift))
        saved = lift_fp_save(fp->lift);
    result = lift_call_fp(fp->lift, number, fp->round, args);
    if (saved)
        lift_fp_restore(fp->lift, saved);
    return lfp_fit(fp, result, lfp_int_type(fp, fp->node->w));
}

/* The result of the helper in the type of the ways that there are. */
static LLVMValueRef as_way(struct fp *fp, LLVMValueRef result)
{
    LLVMTypeRef type = LLVMTypeOf(fp->way[0]);

    if (LLVMGetTypeKind(type) == LLVMIntegerTypeKind)
        return lfp_fit(fp, result, type);
    result = lfp_fit(fp, result, lfp_raw_type(fp, type));
    return LLVMBuildBitCast(fp->builder, result, type, "");
}

static LLVMValueRef join_ways(struct fp *fp)
{
    LLVMValueRef phi;

    if (LLVMGetFirstUse(LLVMBasicBlockAsValue(fp->slow))) {
        lift_at(fp->lift, fp->slow);
        lfp_join_with(fp, as_way(fp, call_helper(fp)));
    } else {
        LLVMDeleteBasicBlock(fp->slow);
    }
    lift_at(fp->lift, fp->join);
    phi = LLVMBuildPhi(fp->builder, LLVMTypeOf(fp->way[0]), "");
    LLVMAddIncoming(phi, fp->way, fp->way_from, fp->ways);
    if (LLVMGetTypeKind(LLVMTypeOf(phi)) != LLVMIntegerTypeKind)
        phi = lfp_raw(fp, phi);
    return lfp_fit(fp, phi, lfp_int_type(fp, fp->node->w));
}

/* By the host's FPU, or NULL. */
static LLVMValueRef by_host(struct fp *fp)
{
    bool (*lift)(struct fp * fp) =
        fp->lift->gathered == fp->call->env ? lfp_gathering : lifts[fp->node->x].lift;

    if (!lift || !has_host_format(fp) || !is_host_environment(fp->env))
        return NULL;
    take_reals(fp);
    fp->slow = lift_block(fp->lift, "slow");
    fp->join = lift_block(fp->lift, "join");
    if (lift(fp))
        return join_ways(fp);
    LLVMDeleteBasicBlock(fp->slow);
    LLVMDeleteBasicBlock(fp->join);
    return NULL;
}

void lift_fp(struct lift *lift, unsigned node)
{
    struct fp fp = { .lift = lift, .builder = lift->builder, .number = node };
    LLVMValueRef value;

    fp.node = &lift->nodes[node];
    fp.call = &lift->isa->fpcalls[fp.node->d];
    fp.env = &lift->isa->fpenvs[fp.call->env];
    if (take_operands(&fp)) {
        lift->why = "floating point wider than 64 bits";
        return;
    }
    value = by_host(&fp);
    lift->values[node] = value ? value : call_helper(&fp);
}
