/* eval_fp.c - the floating-point node: one table from (operation, format) to soft float.
 */
#include "base/report.h"
#include "isa/eval_parts.h"
#include "isa/fp/fp.h"
#include "isa/state.h"

/* Operations of one format, on values of 128 bits. */
struct format {
    unsigned width;
    struct fp128 (*binary[5])(struct fp128 a, struct fp128 b, struct fp_env *env);
    struct fp128 (*minmax[8])(struct fp128 a, struct fp128 b, struct fp_env *env);
    struct fp128 (*unary[4])(struct fp128 a, struct fp_env *env);
    struct fp128 (*fma)(struct fp128 a, struct fp128 b, struct fp128 c, unsigned neg,
                        struct fp_env *env);
    struct fp128 (*scalb)(struct fp128 a, int32_t n, struct fp_env *env);
    enum fp_order (*compare)(struct fp128 a, struct fp128 b, bool signals,
                             struct fp_env *env);
    unsigned (*class)(struct fp128 a, struct fp_env *env);
    struct fp128 (*convert[FMTS])(struct fp128 a, struct fp_env *env);
    struct fp128 (*to_int)(struct fp128 a, unsigned width, bool is_signed,
                           struct fp_env *env);
    struct fp128 (*from_int)(struct fp128 a, unsigned width, bool is_signed,
                             struct fp_env *env);
};

enum { BINARY_ADD, BINARY_SUB, BINARY_MUL, BINARY_DIV, BINARY_REM };
enum { MIN_NUMBER, MAX_NUMBER, MINIMUM, MAXIMUM, MIN_SSE, MAX_SSE, MIN_NUM, MAX_NUM };
enum { UNARY_SQRT, UNARY_RINT, UNARY_NEARBYINT, UNARY_LOGB };

static struct fp128 whole(struct fp128 a)
{
    return a;
}

static struct fp128 narrow(uint64_t a)
{
    return u128(0, a);
}

/* clang-format off */
#define PACK_f16(a) narrow(a)
#define PACK_bf16(a) narrow(a)
#define PACK_f32(a) narrow(a)
#define PACK_f64(a) narrow(a)
#define PACK_f80(a) whole(a)
#define PACK_f128(a) whole(a)
#define UNPACK_f16(a) ((uint16_t)(a).lo)
#define UNPACK_bf16(a) ((uint16_t)(a).lo)
#define UNPACK_f32(a) ((uint32_t)(a).lo)
#define UNPACK_f64(a) ((a).lo)
#define UNPACK_f80(a) (a)
#define UNPACK_f128(a) (a)
/* clang-format on */

#define WRAP_BINARY(type, bits, op)                                                      \
    static struct fp128 type##_##op(struct fp128 a, struct fp128 b, struct fp_env *env)  \
    {                                                                                    \
        return PACK_##type(fp_##type##_##op(UNPACK_##type(a), UNPACK_##type(b), env));   \
    }
#define WRAP_UNARY(type, bits, op)                                                       \
    static struct fp128 type##_##op(struct fp128 a, struct fp_env *env)                  \
    {                                                                                    \
        return PACK_##type(fp_##type##_##op(UNPACK_##type(a), env));                     \
    }
#define WRAP_TO(from, bits, to, to_bits)                                                 \
    static struct fp128 from##_to_##to(struct fp128 a, struct fp_env *env)               \
    {                                                                                    \
        return PACK_##to(fp_##from##_to_##to(UNPACK_##from(a), env));                    \
    }

#define WRAP(type, bits)                                                                 \
    WRAP_BINARY(type, bits, add)                                                         \
    WRAP_BINARY(type, bits, sub)                                                         \
    WRAP_BINARY(type, bits, mul)                                                         \
    WRAP_BINARY(type, bits, div)                                                         \
    WRAP_BINARY(type, bits, rem)                                                         \
    WRAP_BINARY(type, bits, minimumnum)                                                  \
    WRAP_BINARY(type, bits, maximumnum)                                                  \
    WRAP_BINARY(type, bits, minimum)                                                     \
    WRAP_BINARY(type, bits, maximum)                                                     \
    WRAP_BINARY(type, bits, minsse)                                                      \
    WRAP_BINARY(type, bits, maxsse)                                                      \
    WRAP_BINARY(type, bits, minnum)                                                      \
    WRAP_BINARY(type, bits, maxnum)                                                      \
    FP_UNARY_OPS(WRAP_UNARY, type, bits)                                                 \
    FP_TYPES_TO(WRAP_TO, type, bits)                                                     \
    static struct fp128 type##_fma(struct fp128 a, struct fp128 b, struct fp128 c,       \
                                   unsigned neg, struct fp_env *env)                     \
    {                                                                                    \
        return PACK_##type(fp_##type##_fma_neg(UNPACK_##type(a), UNPACK_##type(b),       \
                                               UNPACK_##type(c), neg, env));             \
    }                                                                                    \
    static struct fp128 type##_scalb(struct fp128 a, int32_t n, struct fp_env *env)      \
    {                                                                                    \
        return PACK_##type(fp_##type##_scalb(UNPACK_##type(a), n, env));                 \
    }                                                                                    \
    static enum fp_order type##_compare(struct fp128 a, struct fp128 b, bool signals,    \
                                        struct fp_env *env)                              \
    {                                                                                    \
        if (signals)                                                                     \
            return fp_##type##_cmps(UNPACK_##type(a), UNPACK_##type(b), env);            \
        return fp_##type##_cmp(UNPACK_##type(a), UNPACK_##type(b), env);                 \
    }                                                                                    \
    static unsigned type##_class(struct fp128 a, struct fp_env *env)                     \
    {                                                                                    \
        return fp_##type##_class(UNPACK_##type(a), env);                                 \
    }                                                                                    \
    static struct fp128 type##_to_int(struct fp128 a, unsigned width, bool is_signed,    \
                                      struct fp_env *env)                                \
    {                                                                                    \
        if (width > 64)                                                                  \
            return fp_##type##_to_int128(UNPACK_##type(a), is_signed, env);              \
        return narrow(fp_##type##_to_int(UNPACK_##type(a), width, is_signed, env));      \
    }                                                                                    \
    static struct fp128 type##_from_int(struct fp128 a, unsigned width, bool is_signed,  \
                                        struct fp_env *env)                              \
    {                                                                                    \
        if (width > 64)                                                                  \
            return PACK_##type(fp_int128_to_##type(a, is_signed, env));                  \
        return PACK_##type(fp_int_to_##type(a.lo, width, is_signed, env));               \
    }

FP_TYPES(WRAP)

#define FORMAT(type, bits)                                                               \
    {                                                                                    \
        bits, { type##_add, type##_sub, type##_mul, type##_div, type##_rem },            \
            { type##_minimumnum, type##_maximumnum, type##_minimum, type##_maximum,      \
              type##_minsse,     type##_maxsse,     type##_minnum,  type##_maxnum },     \
            { type##_sqrt, type##_rint, type##_nearbyint, type##_logb }, type##_fma,     \
            type##_scalb, type##_compare, type##_class,                                  \
            { type##_to_f16, type##_to_bf16, type##_to_f32,                              \
              type##_to_f64, type##_to_f80,  type##_to_f128 },                           \
            type##_to_int, type##_from_int                                               \
    }

static const struct format formats[FMTS] = {
    [FMT_F16] = FORMAT(f16, 16), [FMT_BF16] = FORMAT(bf16, 16),
    [FMT_F32] = FORMAT(f32, 32), [FMT_F64] = FORMAT(f64, 64),
    [FMT_F80] = FORMAT(f80, 80), [FMT_F128] = FORMAT(f128, 128),
};

static struct fp128 fused(const struct format *f, unsigned op, const struct fp128 *v,
                          struct fp_env *env)
{
    static const uint8_t neg[] = { 0, FP_NEG_ADDEND, FP_NEG_PRODUCT,
                                   FP_NEG_PRODUCT | FP_NEG_ADDEND };

    return f->fma(v[0], v[1], v[2], neg[op - FPOP_FMA], env);
}

static struct fp128 compare(const struct format *f, unsigned op, const struct fp128 *v,
                            struct fp_env *env)
{
    bool signals = op == FPOP_EQS || op == FPOP_LTS || op == FPOP_LES;
    enum fp_order order = f->compare(v[0], v[1], signals, env);

    switch (op) {
    case FPOP_EQ:
    case FPOP_EQS: return u128(0, order == FP_EQUAL);
    case FPOP_LT:
    case FPOP_LTS: return u128(0, order == FP_LESS);
    case FPOP_LE:
    case FPOP_LES: return u128(0, order == FP_LESS || order == FP_EQUAL);
    default: return u128(0, order == FP_UNORDERED);
    }
}

static int32_t to_exponent(struct fp128 n, unsigned width)
{
    int64_t exponent = (int64_t)value_sext(n, width).lo;

    return exponent > INT32_MAX   ? INT32_MAX
           : exponent < INT32_MIN ? INT32_MIN
                                  : (int32_t)exponent;
}

/* `width` of the result, `width_a` of the first operand. */
static struct fp128 operate(const struct isa_fpcall *call, const struct sem *node,
                            const struct fp128 *v, const unsigned *widths,
                            struct fp_env *env)
{
    const struct format *f = &formats[call->format];
    unsigned op = node->x;

    switch (op) {
    case FPOP_ADD:
    case FPOP_SUB:
    case FPOP_MUL:
    case FPOP_DIV: return f->binary[op - FPOP_ADD](v[0], v[1], env);
    case FPOP_REM: return f->binary[BINARY_REM](v[0], v[1], env);
    case FPOP_SQRT: return f->unary[UNARY_SQRT](v[0], env);
    case FPOP_FMA:
    case FPOP_FMS:
    case FPOP_FNMA:
    case FPOP_FNMS: return fused(f, op, v, env);
    case FPOP_MIN: return f->minmax[MIN_NUMBER](v[0], v[1], env);
    case FPOP_MAX: return f->minmax[MAX_NUMBER](v[0], v[1], env);
    case FPOP_MINM: return f->minmax[MINIMUM](v[0], v[1], env);
    case FPOP_MAXM: return f->minmax[MAXIMUM](v[0], v[1], env);
    case FPOP_MIN2: return f->minmax[MIN_SSE](v[0], v[1], env);
    case FPOP_MAX2: return f->minmax[MAX_SSE](v[0], v[1], env);
    case FPOP_MIN08: return f->minmax[MIN_NUM](v[0], v[1], env);
    case FPOP_MAX08: return f->minmax[MAX_NUM](v[0], v[1], env);
    case FPOP_EQ:
    case FPOP_LT:
    case FPOP_LE:
    case FPOP_EQS:
    case FPOP_LTS:
    case FPOP_LES:
    case FPOP_UNORD: return compare(f, op, v, env);
    case FPOP_RINT: return f->unary[UNARY_NEARBYINT](v[0], env);
    case FPOP_RINTX: return f->unary[UNARY_RINT](v[0], env);
    case FPOP_CVT: return f->convert[call->format2](v[0], env);
    case FPOP_TO_SINT:
    case FPOP_TO_UINT: return f->to_int(v[0], node->w, op == FPOP_TO_SINT, env);
    case FPOP_FROM_SINT:
    case FPOP_FROM_UINT: return f->from_int(v[0], widths[0], op == FPOP_FROM_SINT, env);
    case FPOP_CLASS: return u128(0, f->class(v[0], env));
    case FPOP_SCALB: return f->scalb(v[0], to_exponent(v[1], widths[1]), env);
    case FPOP_LOGB: return f->unary[UNARY_LOGB](v[0], env);
    case FPOP_TO_SINT_MOD: return u128(0, fp_f64_to_int_mod(v[0].lo, env));
    default: bug("floating-point operation %u", op);
    }
}

/* Ors the flags of an operation into where the environment keeps them. */
static void keep_flags(struct cpu *cpu, const struct isa_fpenv *env, unsigned flags,
                       unsigned cause)
{
    struct fp128 status;
    unsigned width;

    if (env->file == ISA_NONE)
        return;
    width = cpu->isa->files[env->file].width;
    status = state_get(cpu, env->file, env->index, 0, width);
    for (unsigned k = 0; k < 8; k++) {
        uint64_t flag = flags >> k & 1;

        if (env->bit[k] != 0xff)
            status.lo |= flag << env->bit[k];
        if (env->each[k])
            status.lo = (status.lo & ~(UINT64_C(1) << (env->each[k] - 1))) |
                        flag << (env->each[k] - 1);
        if (env->cause[k])
            status.lo |= (uint64_t)(cause >> k & 1) << (env->cause[k] - 1);
    }
    state_put(cpu, env->file, env->index, 0, width, status);
}

/* The node in full; `v` and `widths` are its operands. */
static struct fp128 perform(struct cpu *cpu, const struct sem *node, unsigned round,
                            const struct fp128 *v, const unsigned *widths)
{
    const struct isa_fpcall *call = &cpu->isa->fpcalls[node->d];
    const struct isa_fpenv *rules = &cpu->isa->fpenvs[call->env];
    struct fp_env env = { .rules = rules->rules, .round = (uint8_t)round };
    struct fp128 value;

    if (rules->more_rules.count)
        env.rules |= (uint32_t)eval_state_body(cpu, rules->more_rules, NULL).lo;
    value = operate(call, node, v, widths, &env);
    if (node->x != FPOP_CLASS) /* that asks, and is no operation */
        keep_flags(cpu, rules, env.flags, env.cause);
    return value;
}

void eval_fp_node(struct eval *eval, const struct sem *node, struct fp128 *value)
{
    const struct isa_fpcall *call = &eval->run.isa->fpcalls[node->d];
    const uint16_t operand[3] = { node->a, node->b, node->c };
    unsigned round = call->round;
    struct fp128 v[3] = { { 0, 0 } };
    unsigned widths[3] = { 0 };

    for (unsigned i = 0; i < 3; i++)
        if (operand[i] != ISA_NONE && operand[i] < node - eval->run.nodes) {
            v[i] = eval->run.values[operand[i]];
            widths[i] = eval->run.nodes[operand[i]].w;
        }
    if (round == ISA_NONE) {
        round = eval->npushed ? (uint8_t)eval->pushed[eval->npushed - 1].lo : FP_RNE;
        eval->npushed = 0;
    }
    *value = perform(eval->cpu, node, round, v, widths);
}

uint64_t eval_fp_call(struct cpu *cpu, uint64_t what, uint64_t a, uint64_t b, uint64_t c)
{
    const struct sem *node = &cpu->isa->nodes[(uint32_t)what];
    const struct fp128 v[3] = { u128(0, a), u128(0, b), u128(0, c) };
    const unsigned widths[3] = { (uint8_t)(what >> EVAL_FP_WIDTH), 64, 64 };

    return value_mask(perform(cpu, node, (uint8_t)(what >> EVAL_FP_ROUND), v, widths),
                      node->w)
        .lo;
}
