/* fp_core.c - from bits to numbers and back: encodings, NaNs, rounding. */
#include "isa/fp/fp_core.h"

const struct fp_format fp_format_f16 = { .exp_bits = 5, .frac_bits = 10, .bias = 15 };
const struct fp_format fp_format_bf16 = { .exp_bits = 8, .frac_bits = 7, .bias = 127 };
const struct fp_format fp_format_f32 = { .exp_bits = 8, .frac_bits = 23, .bias = 127 };
const struct fp_format fp_format_f64 = { .exp_bits = 11, .frac_bits = 52, .bias = 1023 };
const struct fp_format fp_format_f80 = {
    .exp_bits = 15, .frac_bits = 63, .has_integer_bit = true, .bias = 16383
};
const struct fp_format fp_format_f128 = { .exp_bits = 15,
                                          .frac_bits = 112,
                                          .bias = 16383 };

/* What a result is rounded to: `precision` bits, exponents from `exp_min` (below which
 * numbers are subnormal) to `exp_max`. */
struct fp_range {
    unsigned precision;
    int32_t exp_min, exp_max;
};

static bool has_m68k_f80(const struct fp_format *f, const struct fp_env *env)
{
    return f->has_integer_bit && (env->rules & FP_F80_M68K);
}

static int32_t format_exp_min(const struct fp_format *f, const struct fp_env *env)
{
    return has_m68k_f80(f, env) ? -f->bias : 1 - f->bias;
}

/* --- unpacking */

static void unpack_special(struct fp_num *n, const struct fp_format *f,
                           const struct fp_env *env)
{
    bool is_quiet = (n->sig.hi & FP_SIG_QUIET) != 0;

    if (!(n->sig.hi & FP_SIG_TOP) && !has_m68k_f80(f, env)) {
        n->kind = FP_INVALID;
        return;
    }
    n->sig.hi |= FP_SIG_TOP;
    if (n->sig.hi == FP_SIG_TOP && n->sig.lo == 0) {
        n->kind = FP_INF;
        return;
    }
    if ((env->rules & FP_NAN_MASK) == FP_NAN_MIPS)
        is_quiet = !is_quiet;
    n->kind = is_quiet ? FP_QNAN : FP_SNAN;
}

/* An exponent field of 0, or (f80) a clear integer bit. */
static void unpack_unnormal(struct fp_num *n, const struct fp_format *f, unsigned field,
                            struct fp_env *env)
{
    if (field != 0 && !has_m68k_f80(f, env)) {
        n->kind = FP_INVALID;
        return;
    }
    if (u128_is_zero(n->sig)) {
        n->kind = FP_ZERO;
        return;
    }
    if (field == 0 && (env->rules & FP_DAZ)) {
        n->kind = FP_ZERO;
        if (env->rules & FP_ID_FLUSHED)
            env->flags |= FP_ID;
        return;
    }
    *n = fp_normalized(n->sign, n->exp, n->sig);
    n->is_subnormal = field == 0;
}

void fp_unpack(struct fp_num *n, const struct fp_format *f, struct fp128 bits,
               struct fp_env *env)
{
    unsigned exp_shift = f->frac_bits + f->has_integer_bit;
    unsigned field_max = (1u << f->exp_bits) - 1;
    unsigned field = (unsigned)u128_shr(bits, exp_shift).lo & field_max;

    n->kind = FP_FINITE;
    n->sign = u128_shr(bits, exp_shift + f->exp_bits).lo & 1;
    n->is_subnormal = false;
    n->exp = field != 0 ? (int32_t)field - f->bias : format_exp_min(f, env);
    n->sig = u128_shl(bits, 127u - f->frac_bits);
    if (!f->has_integer_bit)
        n->sig.hi = (n->sig.hi & ~FP_SIG_TOP) | (field != 0 ? FP_SIG_TOP : 0);
    if (field == field_max)
        unpack_special(n, f, env);
    else if (field == 0 || !(n->sig.hi & FP_SIG_TOP))
        unpack_unnormal(n, f, field, env);
}

/* --- packing */

static struct fp128 assemble(const struct fp_format *f, bool sign, unsigned field,
                             struct fp128 frac)
{
    unsigned exp_shift = f->frac_bits + f->has_integer_bit;
    struct fp128 head = u128(0, (uint64_t)sign << f->exp_bits | field);

    head = u128_shl(head, exp_shift);
    return u128(head.hi | frac.hi, head.lo | frac.lo);
}

static struct fp128 pack_finite(const struct fp_format *f, const struct fp_num *n,
                                const struct fp_env *env)
{
    int32_t exp_min = format_exp_min(f, env);
    struct fp128 frac = u128_shr(n->sig, 127u - f->frac_bits);

    if (n->exp < exp_min) {
        frac = u128_shr(frac, (unsigned)(exp_min - n->exp));
        return assemble(f, n->sign, 0, frac);
    }
    if (!f->has_integer_bit) {
        struct fp128 one = u128_shl(u128(0, 1), f->frac_bits);

        frac = u128(frac.hi & ~one.hi, frac.lo & ~one.lo);
    }
    return assemble(f, n->sign, (unsigned)(n->exp + f->bias), frac);
}

static struct fp128 pack_special(const struct fp_format *f, struct fp_num n,
                                 const struct fp_env *env)
{
    unsigned field_max = (1u << f->exp_bits) - 1, shift = 127u - f->frac_bits;

    if (n.kind == FP_ZERO)
        return assemble(f, n.sign, 0, u128(0, 0));
    if (n.kind == FP_INF) {
        n.sig = u128(0, 0);
    } else {
        n.sig.hi &= ~FP_SIG_TOP;
        if (u128_is_zero(u128_shr(n.sig, shift))) /* a cut-off old MIPS payload */
            n.sig = fp_default_nan(env).sig;
        n.sig.hi &= ~FP_SIG_TOP;
    }
    if (f->has_integer_bit && !(n.kind == FP_INF && (env->rules & FP_F80_M68K)))
        n.sig.hi |= FP_SIG_TOP;
    return assemble(f, n.sign, field_max, u128_shr(n.sig, shift));
}

struct fp128 fp_pack(const struct fp_format *f, struct fp_num n, const struct fp_env *env)
{
    return n.kind == FP_FINITE ? pack_finite(f, &n, env) : pack_special(f, n, env);
}

/* --- NaNs */

struct fp_num fp_default_nan(const struct fp_env *env)
{
    struct fp_num n = { .kind = FP_QNAN };

    switch (env->rules & FP_DNAN_MASK) {
    case FP_DNAN_ONES: n.sig = u128(~UINT64_C(0), ~UINT64_C(0)); break;
    case FP_DNAN_LEGACY: n.sig = u128(~FP_SIG_QUIET, ~UINT64_C(0)); break;
    default: n.sig = u128(FP_SIG_TOP | FP_SIG_QUIET, 0); break;
    }
    n.sign = (env->rules & FP_DNAN_MASK) == FP_DNAN_NEG;
    return n;
}

struct fp_num fp_invalid(enum fp_cause cause, struct fp_env *env)
{
    env->flags |= FP_NV;
    env->cause |= (uint8_t)cause;
    return fp_default_nan(env);
}

static struct fp_num quieted(struct fp_num n, const struct fp_env *env)
{
    if ((env->rules & FP_NAN_MASK) == FP_NAN_CANONICAL || n.kind == FP_INVALID)
        return fp_default_nan(env);
    if (n.kind == FP_SNAN) {
        if ((env->rules & FP_NAN_MASK) == FP_NAN_MIPS)
            return fp_default_nan(env);
        n.sig.hi |= FP_SIG_QUIET;
        n.kind = FP_QNAN;
    }
    return n;
}

/* x87: invalid encodings, then quiet before signalling, then the larger significand, then
 * the positive one. */
static struct fp_num nan2_x87(struct fp_num a, struct fp_num b)
{
    if (!fp_is_nan(b) || a.kind == FP_INVALID)
        return a;
    if (!fp_is_nan(a) || b.kind == FP_INVALID)
        return b;
    if (a.kind != b.kind)
        return a.kind == FP_QNAN ? a : b;
    if (u128_less(a.sig, b.sig))
        return b;
    if (u128_less(b.sig, a.sig))
        return a;
    return a.sign ? b : a;
}

/* In which order operands are asked for a NaN; digits index { a, b, c }. */
struct nan_order {
    bool is_signalling_first;
    uint8_t two[2], three[3];
};

/* clang-format off */
static const struct nan_order nan_orders[] = {
    [FP_NAN_SSE]      = { false, { 0, 1 }, { 0, 1, 2 } },
    [FP_NAN_X87]      = { false, { 0, 1 }, { 0, 1, 2 } },
    [FP_NAN_ARM]      = { true,  { 0, 1 }, { 2, 0, 1 } },
    [FP_NAN_POWER]    = { false, { 0, 1 }, { 0, 2, 1 } },
    [FP_NAN_SPARC]    = { true,  { 1, 0 }, { 2, 1, 0 } },
    [FP_NAN_MIPS]     = { true,  { 0, 1 }, { 0, 1, 2 } },
    [FP_NAN_MIPS2008] = { true,  { 0, 1 }, { 2, 0, 1 } },
    [FP_NAN_S390]     = { true,  { 0, 1 }, { 0, 1, 2 } },
    [FP_NAN_M68K]     = { false, { 0, 1 }, { 0, 1, 2 } },
};
/* clang-format on */

static struct fp_num nan_choose(const struct fp_num *nums, const uint8_t *order,
                                unsigned n, bool is_signalling_first)
{
    for (unsigned i = 0; i < n && is_signalling_first; i++)
        if (nums[order[i]].kind >= FP_SNAN)
            return nums[order[i]];
    for (unsigned i = 0; i < n; i++)
        if (fp_is_nan(nums[order[i]]))
            return nums[order[i]];
    return nums[0];
}

static void nan_raise(struct fp_num n, struct fp_env *env)
{
    if (n.kind >= FP_SNAN)
        fp_invalid(FP_VXSNAN, env);
}

struct fp_num fp_nan1(struct fp_num a, struct fp_env *env)
{
    nan_raise(a, env);
    return quieted(a, env);
}

struct fp_num fp_nan2(struct fp_num a, struct fp_num b, struct fp_env *env)
{
    const struct fp_num nums[] = { a, b };
    unsigned rule = env->rules & FP_NAN_MASK;
    const struct nan_order *order = &nan_orders[rule % (FP_NAN_M68K + 1)];

    nan_raise(a, env);
    nan_raise(b, env);
    if (rule == FP_NAN_CANONICAL)
        return fp_default_nan(env);
    if (rule == FP_NAN_X87)
        return quieted(nan2_x87(a, b), env);
    return quieted(nan_choose(nums, order->two, 2, order->is_signalling_first), env);
}

struct fp_num fp_nan3(struct fp_num a, struct fp_num b, struct fp_num c,
                      struct fp_env *env)
{
    const struct fp_num nums[] = { a, b, c };
    unsigned rule = env->rules & FP_NAN_MASK;
    const struct nan_order *order = &nan_orders[rule % (FP_NAN_M68K + 1)];

    for (unsigned i = 0; i < 3; i++)
        nan_raise(nums[i], env);
    if (rule == FP_NAN_CANONICAL)
        return fp_default_nan(env);
    return quieted(nan_choose(nums, order->three, 3, order->is_signalling_first), env);
}

/* --- rounding */

bool fp_rounds_up(uint8_t round, bool sign, bool is_odd, struct fp128 lost,
                  struct fp128 half)
{
    if (u128_is_zero(lost))
        return false;
    switch (round) {
    case FP_RTZ:
    case FP_ROD: return false;
    case FP_RDN: return sign;
    case FP_RUP: return !sign;
    case FP_RMM: return !u128_less(lost, half);
    default:
        if (u128_less(lost, half))
            return false;
        return u128_less(half, lost) || is_odd;
    }
}

/* Cuts a significand to its upper `precision` bits (1 to 127).  True if that rounded it
 * up past bit 127, when it is left 0. */
static bool round_sig(struct fp128 *sig, unsigned precision, bool sign, uint8_t round,
                      uint8_t *flags)
{
    struct fp128 unit = u128_shl(u128(0, 1), 128 - precision);
    struct fp128 half = u128_shr(unit, 1);
    struct fp128 mask = u128_sub(unit, u128(0, 1));
    struct fp128 lost = u128(sig->hi & mask.hi, sig->lo & mask.lo);
    bool is_odd = (sig->hi & unit.hi) | (sig->lo & unit.lo) ? true : false;

    if (u128_is_zero(lost))
        return false;
    *flags |= FP_NX;
    *sig = u128_sub(*sig, lost);
    if (fp_rounds_up(round, sign, is_odd, lost, half)) {
        *flags |= FP_UP;
        *sig = u128_add(*sig, unit);
        return u128_less(*sig, unit);
    }
    if (round == FP_ROD)
        *sig = u128(sig->hi | unit.hi, sig->lo | unit.lo);
    return false;
}

static void overflow(struct fp_num *n, const struct fp_range *range, struct fp_env *env)
{
    struct fp128 unit = u128_shl(u128(0, 1), 128 - range->precision);

    env->flags |= FP_OF | FP_NX;
    /* As if half a unit of an odd number were lost: nearest modes go up. */
    if (fp_rounds_up(env->round, n->sign, true, u128(0, 1), u128(0, 1))) {
        env->flags |= FP_UP;
        *n = fp_inf(n->sign);
        return;
    }
    n->exp = range->exp_max;
    n->sig = u128_neg(unit);
}

/* Whether a number below the range stays there when rounded as if exponents had no limit.
 */
static bool is_tiny(const struct fp_num *n, const struct fp_range *range,
                    const struct fp_env *env)
{
    struct fp128 sig = n->sig;
    uint8_t ignored = 0;

    if ((env->rules & FP_TINY_BEFORE) || n->exp < range->exp_min - 1)
        return true;
    return !round_sig(&sig, range->precision, n->sign, env->round, &ignored);
}

static void flush(struct fp_num *n, struct fp_env *env)
{
    if (env->rules & FP_FTZ_UF)
        env->flags |= FP_UF;
    if (env->rules & FP_FTZ_NX)
        env->flags |= FP_NX;
    *n = fp_zero(n->sign);
}

static void round_num(struct fp_num *n, const struct fp_range *range, struct fp_env *env)
{
    bool is_below = n->exp < range->exp_min;
    bool tiny = is_below && is_tiny(n, range, env);
    uint8_t flags = 0;

    if (tiny && (env->rules & FP_FTZ)) {
        flush(n, env);
        return;
    }
    if (is_below) {
        n->sig = u128_shr_jam(n->sig, (uint32_t)(range->exp_min - n->exp));
        n->exp = range->exp_min;
    }
    if (round_sig(&n->sig, range->precision, n->sign, env->round, &flags)) {
        n->sig = u128(FP_SIG_TOP, 0);
        n->exp++;
    }
    if (n->exp > range->exp_max) {
        overflow(n, range, env);
        return;
    }
    if (tiny && (flags & FP_NX || (env->rules & FP_UF_EXACT)))
        flags |= FP_UF;
    env->flags |= flags;
    if (is_below)
        *n = fp_normalized(n->sign, n->exp, n->sig);
}

struct fp128 fp_round_pack(const struct fp_format *f, struct fp_num *n,
                           struct fp_env *env)
{
    const struct fp_format *limits = f;
    struct fp_range range;

    if (n->kind != FP_FINITE)
        return pack_special(f, *n, env);
    if (f == &fp_format_f64 && (env->rules & FP_SINGLE))
        limits = &fp_format_f32;
    range.precision = limits->frac_bits + 1u;
    if (f->has_integer_bit && (env->rules & FP_F80_P_MASK))
        range.precision = (env->rules & FP_F80_P_MASK) == FP_F80_P24 ? 24 : 53;
    range.exp_min = format_exp_min(limits, env);
    range.exp_max = limits->bias;
    round_num(n, &range, env);
    return n->kind == FP_FINITE ? pack_finite(f, n, env) : pack_special(f, *n, env);
}
