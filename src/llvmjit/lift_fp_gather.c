/* lift_fp_gather.c - floating point where the host's own register gathers the flags
 * (host_fp_flags).
 *
 * Where all floating point of a region is in one environment of the usual kind, the
 * guest's flags are those in its element and those in the host's register, together: the
 * host raises what IEEE 754 says, as the guest does.  So an operation is one instruction,
 * and a test for NaNs, which guests choose in ways of their own.  When the region is
 * entered the host's register has no flags that the guest has not (lift_fp_enter); before
 * anybody looks at the element it gets what is there (lift_fp_gathered); helpers, whose
 * own floating point means nothing, find the register and leave it as it was
 * (lift_fp_save, lift_fp_restore).
 *
 * Operations are constrained intrinsics: LLVM neither moves them to where the guest has
 * none, nor drops them, nor does them itself.  What the slow way raises is never less
 * than what the host raised before it. */
#include <string.h>

#include "llvmjit/lift_fp_parts.h"

/* ------------------------------------------------------------- the host's register */

static const struct host_fp_flags *host_flags(const struct lift *lift)
{
    return lift->request->fp_flags;
}

/* All of the register's flags but FP_NX, which is not rare. */
static uint32_t rare_flags(const struct lift *lift)
{
    uint32_t bits = 0;

    for (unsigned k = 1; k < 5; k++)
        bits |= UINT32_C(1) << host_flags(lift)->bit[k];
    return bits;
}

static LLVMTypeRef word_type(struct lift *lift)
{
    return LLVMInt32TypeInContext(lift->context);
}

static LLVMValueRef word(struct lift *lift, uint32_t value)
{
    return LLVMConstInt(word_type(lift), value, false);
}

static LLVMValueRef flags_slot(struct lift *lift)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(lift->builder),
                      entry = LLVMGetEntryBasicBlock(lift->function);
    LLVMValueRef first = LLVMGetFirstInstruction(entry);

    if (lift->host_flags)
        return lift->host_flags;
    if (first)
        LLVMPositionBuilderBefore(lift->builder, first);
    else
        lift_at(lift, entry);
    lift->host_flags = LLVMBuildAlloca(lift->builder, word_type(lift), "");
    lift_at(lift, here);
    return lift->host_flags;
}

static void move_register(struct lift *lift, const char *name)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    LLVMValueRef slot = flags_slot(lift);

    LLVMBuildCall2(lift->builder, LLVMIntrinsicGetType(lift->context, id, NULL, 0),
                   LLVMGetIntrinsicDeclaration(lift->module, id, NULL, 0), &slot, 1, "");
}

LLVMValueRef lift_fp_save(struct lift *lift)
{
    LLVMValueRef value;

    move_register(lift, host_flags(lift)->save);
    value = LLVMBuildLoad2(lift->builder, word_type(lift), flags_slot(lift), "");
    LLVMSetVolatile(value, true);
    return value;
}

/* Volatile: that keeps it in its place among the operations. */
void lift_fp_restore(struct lift *lift, LLVMValueRef value)
{
    LLVMValueRef slot = flags_slot(lift);

    LLVMSetVolatile(LLVMBuildStore(lift->builder, value, slot), true);
    move_register(lift, host_flags(lift)->restore);
    LLVMSetVolatile(LLVMBuildLoad2(lift->builder, word_type(lift), slot, ""), true);
}

void lift_fp_forget(struct lift *lift)
{
    lift_fp_restore(lift, word(lift, host_flags(lift)->clear));
}

static const struct isa_fpenv *gathered_env(const struct lift *lift)
{
    return &lift->isa->fpenvs[lift->gathered];
}

/* Bit `from` of the host's register as the flag that bit `to` of the element is. */
static LLVMValueRef move_bit(struct lift *lift, LLVMValueRef host, unsigned from,
                             unsigned to, LLVMTypeRef type)
{
    LLVMBuilderRef b = lift->builder;
    LLVMValueRef bit =
        LLVMBuildAnd(b, LLVMBuildLShr(b, host, word(lift, from), ""), word(lift, 1), "");

    bit = LLVMBuildIntCast2(b, bit, type, false, "");
    return LLVMBuildShl(b, bit, LLVMConstInt(type, to, false), "");
}

static LLVMValueRef merge(struct lift *lift, LLVMValueRef flags, LLVMValueRef host,
                          unsigned first, unsigned end)
{
    const struct isa_fpenv *env = gathered_env(lift);

    for (unsigned k = first; k < end; k++)
        if (env->bit[k] != 0xff)
            flags = LLVMBuildOr(lift->builder, flags,
                                move_bit(lift, host, host_flags(lift)->bit[k],
                                         env->bit[k], LLVMTypeOf(flags)),
                                "");
    return flags;
}

LLVMValueRef lift_fp_gathered(struct lift *lift, LLVMValueRef flags)
{
    LLVMBuilderRef b = lift->builder;
    LLVMValueRef host = lift_fp_save(lift), common, phi, values[2];
    LLVMBasicBlockRef rare = lift_block(lift, "rare"), on = lift_block(lift, "gathered"),
                      from[2] = { LLVMGetInsertBlock(b), rare };

    common = merge(lift, flags, host, 0, 1);
    lift_branch(lift,
                LLVMBuildICmp(b, LLVMIntEQ,
                              LLVMBuildAnd(b, host, word(lift, rare_flags(lift)), ""),
                              word(lift, 0), ""),
                on, rare, true);
    lift_at(lift, rare);
    values[0] = common;
    values[1] = merge(lift, common, host, 1, 5);
    LLVMBuildBr(b, on);
    lift_at(lift, on);
    phi = LLVMBuildPhi(b, LLVMTypeOf(flags), "");
    LLVMAddIncoming(phi, values, from, 2);
    return phi;
}

static void add_strict(struct lift *lift)
{
    unsigned kind = LLVMGetEnumAttributeKindForName("strictfp", 8);

    LLVMAddAttributeAtIndex(lift->function,
                            (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(lift->context, kind, 0));
}

void lift_fp_enter(struct lift *lift, LLVMValueRef flags)
{
    const struct isa_fpenv *env = gathered_env(lift);
    LLVMBuilderRef b = lift->builder;
    LLVMValueRef host = lift_fp_save(lift), stale = word(lift, rare_flags(lift)), has;
    LLVMBasicBlockRef forget = lift_block(lift, "forget"), on = lift_block(lift, "clean");

    add_strict(lift);
    if (env->bit[0] != 0xff) {
        has = LLVMBuildLShr(b, flags, LLVMConstInt(LLVMTypeOf(flags), env->bit[0], false),
                            "");
        has = LLVMBuildIntCast2(b, has, word_type(lift), false, "");
        has = LLVMBuildAnd(b, LLVMBuildNot(b, has, ""), word(lift, 1), "");
        stale = LLVMBuildOr(
            b, stale, LLVMBuildShl(b, has, word(lift, host_flags(lift)->bit[0]), ""), "");
    }
    stale = LLVMBuildAnd(b, host, stale, "");
    lift_branch(lift, LLVMBuildICmp(b, LLVMIntEQ, stale, word(lift, 0), ""), on, forget,
                true);
    lift_at(lift, forget);
    lift_fp_forget(lift);
    LLVMBuildBr(b, on);
    lift_at(lift, on);
}

/* ------------------------------------------------------------- strict operations */

static LLVMValueRef text(struct fp *fp, const char *string)
{
    return LLVMMetadataAsValue(
        fp->lift->context,
        LLVMMDStringInContext2(fp->lift->context, string, strlen(string)));
}

/* llvm.experimental.constrained.NAME of `count` values; `more`: what it needs to know
 * besides, or NULL. */
static LLVMValueRef strict(struct fp *fp, const char *name, LLVMTypeRef *types,
                           unsigned ntypes, LLVMValueRef *values, unsigned count,
                           const char *more)
{
    struct lift *lift = fp->lift;
    LLVMValueRef args[5], call;
    char whole[64] = "llvm.experimental.constrained.";
    unsigned id, kind = LLVMGetEnumAttributeKindForName("strictfp", 8);

    strncat(whole, name, 31);
    id = LLVMLookupIntrinsicID(whole, strlen(whole));
    memcpy(args, values, count * sizeof *args);
    if (more)
        args[count++] = text(fp, more);
    args[count++] = text(fp, "fpexcept.strict");
    call = LLVMBuildCall2(
        fp->builder, LLVMIntrinsicGetType(lift->context, id, types, ntypes),
        LLVMGetIntrinsicDeclaration(lift->module, id, types, ntypes), args, count, "");
    LLVMAddCallSiteAttribute(call, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                             LLVMCreateEnumAttribute(lift->context, kind, 0));
    return call;
}

#define TO_NEAREST "round.tonearest"

static LLVMValueRef compute(struct fp *fp, const char *name, unsigned count)
{
    return strict(fp, name, &fp->real, 1, fp->reals, count, TO_NEAREST);
}

static LLVMValueRef compute2(struct fp *fp, const char *name, LLVMValueRef x,
                             LLVMValueRef y)
{
    LLVMTypeRef type = LLVMTypeOf(x);
    LLVMValueRef values[2] = { x, y };

    return strict(fp, name, &type, 1, values, 2, TO_NEAREST);
}

static LLVMValueRef convert(struct fp *fp, const char *name, LLVMValueRef value,
                            LLVMTypeRef type, const char *rounding)
{
    LLVMTypeRef types[2] = { type, LLVMTypeOf(value) };

    return strict(fp, name, types, 2, &value, 1, rounding);
}

static LLVMValueRef compare_as(struct fp *fp, const char *name, const char *predicate,
                               LLVMValueRef x, LLVMValueRef y)
{
    LLVMTypeRef type = LLVMTypeOf(x);
    LLVMValueRef values[2] = { x, y };

    return strict(fp, name, &type, 1, values, 2, predicate);
}

static LLVMValueRef compare(struct fp *fp, const char *predicate, LLVMValueRef x,
                            LLVMValueRef y)
{
    return compare_as(fp, "fcmp", predicate, x, y);
}

static void require_that(struct fp *fp, LLVMValueRef condition)
{
    LLVMBasicBlockRef on = lift_block(fp->lift, "on");

    lift_branch(fp->lift, condition, on, fp->slow, true);
    lift_at(fp->lift, on);
}

/* The result of an operation, but for NaNs; and the least normal number, which may have
 * been less before it was rounded. */
static void finish(struct fp *fp, LLVMValueRef r, bool may_be_tiny)
{
    LLVMValueRef is_right = LLVMBuildFCmp(fp->builder, LLVMRealORD, r, r, ""), bits;
    bool is_double = LLVMTypeOf(r) == lfp_double_type(fp);

    if (may_be_tiny && fp->env->rules & FP_TINY_BEFORE) {
        bits = lfp_twice(fp, lfp_raw(fp, r));
        bits = lfp_is_equal(fp, bits, UINT64_C(2) << (is_double ? 52 : 23));
        is_right = lfp_both(fp, is_right, LLVMBuildNot(fp->builder, bits, ""));
    }
    lfp_join_if(fp, is_right, r, fp->slow);
}

/* ---------------------------------------------------------------------- operations */

static bool lift_arithmetic(struct fp *fp)
{
    static const struct {
        const char *name;
        uint8_t operands;
        bool may_be_tiny;
    } ops[] = {
        [FPOP_ADD] = { "fadd", 2, false },  [FPOP_SUB] = { "fsub", 2, false },
        [FPOP_MUL] = { "fmul", 2, true },   [FPOP_DIV] = { "fdiv", 2, true },
        [FPOP_SQRT] = { "sqrt", 1, false }, [FPOP_FMA] = { "fma", 3, true },
        [FPOP_FMS] = { "fma", 3, true },    [FPOP_FNMA] = { "fma", 3, true },
        [FPOP_FNMS] = { "fma", 3, true },
    };
    unsigned op = fp->node->x;

    if (!lfp_may_round_to_nearest(fp) || (op >= FPOP_FMA && !fp->lift->request->has_fma))
        return false;
    lfp_require_to_nearest(fp);
    if (op >= FPOP_FMA)
        lfp_negate(fp);
    finish(fp, compute(fp, ops[op].name, ops[op].operands), ops[op].may_be_tiny);
    return true;
}

static bool lift_compare(struct fp *fp)
{
    static const char *const predicates[] = {
        [FPOP_EQ] = "oeq",  [FPOP_LT] = "olt",  [FPOP_LE] = "ole",    [FPOP_EQS] = "oeq",
        [FPOP_LTS] = "olt", [FPOP_LES] = "ole", [FPOP_UNORD] = "uno",
    };
    unsigned op = fp->node->x;
    bool signals = op == FPOP_EQS || op == FPOP_LTS || op == FPOP_LES;

    lfp_join_with(fp, compare_as(fp, signals ? "fcmps" : "fcmp", predicates[op],
                                 fp->reals[0], fp->reals[1]));
    return true;
}

static LLVMValueRef lesser(struct fp *fp, bool is_min)
{
    LLVMValueRef x = fp->reals[0], y = fp->reals[1];

    return LLVMBuildSelect(fp->builder, compare(fp, is_min ? "olt" : "ogt", x, y), x, y,
                           "");
}

/* As lift_minmax() of lift_fp.c. */
static bool lift_minmax(struct fp *fp)
{
    unsigned op = fp->node->x;
    bool is_min =
        op == FPOP_MIN || op == FPOP_MINM || op == FPOP_MIN2 || op == FPOP_MIN08;
    LLVMValueRef x = fp->reals[0], y = fp->reals[1], both;
    LLVMBasicBlockRef likely, odd;

    if (op == FPOP_MIN2 || op == FPOP_MAX2) {
        require_that(fp, compare(fp, "ord", x, y));
        lfp_join_with(fp, lesser(fp, is_min));
        return true;
    }
    likely = lift_block(fp->lift, "likely");
    odd = lift_block(fp->lift, "odd");
    lift_branch(fp->lift, compare(fp, "one", x, y), likely, odd, true);
    lift_at(fp->lift, likely);
    lfp_join_with(fp, lesser(fp, is_min));
    lift_at(fp->lift, odd);
    both =
        (is_min ? LLVMBuildOr : LLVMBuildAnd)(fp->builder, fp->bits[0], fp->bits[1], "");
    lfp_join_if(fp, compare(fp, "oeq", x, y),
                LLVMBuildBitCast(fp->builder, both, fp->real, ""), fp->slow);
    return true;
}

static bool lift_convert(struct fp *fp)
{
    bool is_narrow = fp->call->format == FMT_F64 && fp->call->format2 == FMT_F32;

    if (!is_narrow && (fp->call->format != FMT_F32 || fp->call->format2 != FMT_F64))
        return false;
    if (!is_narrow) {
        finish(fp, convert(fp, "fpext", fp->reals[0], lfp_double_type(fp), NULL), false);
        return true;
    }
    if (!lfp_may_round_to_nearest(fp))
        return false;
    lfp_require_to_nearest(fp);
    finish(fp,
           convert(fp, "fptrunc", fp->reals[0], lfp_real_type(fp, FMT_F32), TO_NEAREST),
           true);
    return true;
}

/* ------------------------------------------------------------------------ integers */

static LLVMValueRef to_int64(struct fp *fp, LLVMValueRef real)
{
    return convert(fp, "fptosi", real, lfp_int_type(fp, 64), NULL);
}

/* 1 where the predicate holds, in 64 bits. */
static LLVMValueRef one_if(struct fp *fp, const char *predicate, LLVMValueRef x,
                           LLVMValueRef y)
{
    return lfp_fit(fp, compare(fp, predicate, x, y), lfp_int_type(fp, 64));
}

/* A double whose magnitude is below 2^51 (to nearest) or 2^62 as an integer; the host
 * finds out once whether that is exact. */
static LLVMValueRef rounded_to_int(struct fp *fp, LLVMValueRef x, unsigned round)
{
    LLVMBuilderRef b = fp->builder;
    LLVMTypeRef type = lfp_double_type(fp);
    LLVMValueRef magic = LLVMConstReal(type, 0x1.8p52), half = LLVMConstReal(type, 0.5);
    LLVMValueRef n, back, rest;

    if (round == FP_RNE) {
        n = compute2(fp, "fadd", x, magic);
        return to_int64(fp, compute2(fp, "fsub", n, magic));
    }
    n = to_int64(fp, x);
    if (round == FP_RTZ)
        return n;
    back = convert(fp, "sitofp", n, type, TO_NEAREST);
    if (round == FP_RDN)
        return LLVMBuildSub(b, n, one_if(fp, "olt", x, back), "");
    if (round == FP_RUP)
        return LLVMBuildAdd(b, n, one_if(fp, "ogt", x, back), "");
    rest = compute2(fp, "fsub", x, back);
    n = LLVMBuildAdd(b, n, one_if(fp, "oge", rest, half), "");
    half = LLVMConstReal(type, -0.5);
    return LLVMBuildSub(b, n, one_if(fp, "ole", rest, half), "");
}

/* Below which power of two a magnitude is sure to fit, however it is rounded. */
static unsigned sure_power(const struct fp *fp, unsigned round)
{
    bool is_signed = fp->node->x == FPOP_TO_SINT;
    unsigned width = fp->node->w;

    if (round == FP_RTZ)
        return is_signed || width == 64 ? width - 1 : width;
    if (round == FP_RNE)
        return width - 2 < 51 ? width - 2 : 51;
    return width - 2;
}

static bool lift_to_integer(struct fp *fp)
{
    unsigned round, width = fp->node->w;
    bool is_signed = fp->node->x == FPOP_TO_SINT;
    uint64_t limit;
    LLVMValueRef x;

    if (!LLVMIsAConstantInt(fp->round) || width > 64 || width < 8)
        return false;
    round = (unsigned)LLVMConstIntGetZExtValue(fp->round);
    if (round > FP_RMM)
        return false;
    limit = lfp_exponent(fp, lfp_exponent_bias(fp) + sure_power(fp, round));
    require_that(fp, is_signed ? lfp_is_below(fp, lfp_twice(fp, fp->bits[0]), limit)
                               : lfp_is_below(fp, fp->bits[0], limit >> 1));
    x = fp->reals[0];
    if (fp->width == 32)
        x = convert(fp, "fpext", x, lfp_double_type(fp), NULL);
    x = rounded_to_int(fp, x, round);
    lfp_join_with(fp, lfp_fit(fp, x, lfp_int_type(fp, width)));
    return true;
}

static bool lift_from_integer(struct fp *fp)
{
    bool is_signed = fp->node->x == FPOP_FROM_SINT;
    unsigned width = LLVMGetIntTypeWidth(LLVMTypeOf(fp->v[0]));
    unsigned need = is_signed ? width : width + 1;
    LLVMValueRef n;

    if (need - 1 > lfp_fraction_bits(fp) + 1) {
        if (!lfp_may_round_to_nearest(fp))
            return false;
        lfp_require_to_nearest(fp);
    }
    n = LLVMBuildIntCast2(fp->builder, fp->v[0], lfp_int_type(fp, need <= 32 ? 32 : 64),
                          is_signed, "");
    lfp_join_with(fp,
                  convert(fp, need <= 64 ? "sitofp" : "uitofp", n, fp->real, TO_NEAREST));
    return true;
}

/* ------------------------------------------------------------------------ the table */

bool lfp_gathering(struct fp *fp)
{
    static bool (*const lifts[FPOPS])(struct fp * fp) = {
        [FPOP_ADD] = lift_arithmetic,
        [FPOP_SUB] = lift_arithmetic,
        [FPOP_MUL] = lift_arithmetic,
        [FPOP_DIV] = lift_arithmetic,
        [FPOP_SQRT] = lift_arithmetic,
        [FPOP_FMA] = lift_arithmetic,
        [FPOP_FMS] = lift_arithmetic,
        [FPOP_FNMA] = lift_arithmetic,
        [FPOP_FNMS] = lift_arithmetic,
        [FPOP_MIN] = lift_minmax,
        [FPOP_MAX] = lift_minmax,
        [FPOP_MINM] = lift_minmax,
        [FPOP_MAXM] = lift_minmax,
        [FPOP_MIN2] = lift_minmax,
        [FPOP_MAX2] = lift_minmax,
        [FPOP_MIN08] = lift_minmax,
        [FPOP_MAX08] = lift_minmax,
        [FPOP_EQ] = lift_compare,
        [FPOP_LT] = lift_compare,
        [FPOP_LE] = lift_compare,
        [FPOP_EQS] = lift_compare,
        [FPOP_LTS] = lift_compare,
        [FPOP_LES] = lift_compare,
        [FPOP_UNORD] = lift_compare,
        [FPOP_CVT] = lift_convert,
        [FPOP_TO_SINT] = lift_to_integer,
        [FPOP_TO_UINT] = lift_to_integer,
        [FPOP_FROM_SINT] = lift_from_integer,
        [FPOP_FROM_UINT] = lift_from_integer,
    };

    return lifts[fp->node->x] && lifts[fp->node->x](fp);
}
