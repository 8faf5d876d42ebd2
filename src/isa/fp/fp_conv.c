/* fp_conv.c - between formats, to and from integers, and steps along the exponent. */
#include "isa/fp/fp_core.h"

/* Keeps NaN payloads as far as they fit, from the top. */
struct fp128 fp_do_convert(const struct fp_format *from, const struct fp_format *to,
                           struct fp128 a, struct fp_env *env)
{
    struct fp_num n;

    fp_unpack(&n, from, a, env);
    if (fp_is_nan(n))
        n = fp_nan1(n, env);
    if (!from->has_integer_bit) /* x87 FST raises no DE */
        fp_note_subnormal(n.is_subnormal, env);
    return fp_finish(to, n, env);
}

/* --- integers */

/* The integer nearest to |n|, which is finite and below 2^128 before rounding; *carry if
 * the rounded one is 2^128.  FP_NX and FP_UP into *flags. */
static struct fp128 round_to_integer(struct fp_num n, uint8_t round, bool *carry,
                                     uint8_t *flags)
{
    unsigned drop = (unsigned)(127 - n.exp); /* fraction bits, at least 0 */
    struct fp128 integer, lost, half = u128(FP_SIG_TOP, 0);

    *carry = false;
    if (drop == 0)
        return n.sig;
    if (drop > 129) /* below 1/4: any such value will do */
        drop = 129;
    if (drop < 128) {
        integer = u128_shr(n.sig, drop);
        lost = u128_shl(n.sig, 128 - drop);
    } else {
        integer = u128(0, 0);
        lost = u128_shr_jam(n.sig, drop - 128);
    }
    if (u128_is_zero(lost))
        return integer;
    *flags |= FP_NX;
    if (fp_rounds_up(round, n.sign, integer.lo & 1, lost, half)) {
        *flags |= FP_UP;
        integer = u128_add(integer, u128(0, 1));
        *carry = u128_is_zero(integer);
    } else if (round == FP_ROD) {
        integer.lo |= 1;
    }
    return integer;
}

static struct fp128 int_max(unsigned width, bool is_signed)
{
    return u128_shr(u128(~UINT64_C(0), ~UINT64_C(0)), 128 - width + is_signed);
}

static struct fp128 int_min(unsigned width, bool is_signed)
{
    return is_signed ? u128_neg(u128_shl(u128(0, 1), width - 1)) : u128(0, 0);
}

/* What an operation gives for a value that is no integer of this type. */
static struct fp128 int_overflow(struct fp_num n, unsigned width, bool is_signed,
                                 struct fp_env *env)
{
    struct fp128 max = int_max(width, is_signed), min = int_min(width, is_signed);
    bool is_nan = fp_is_nan(n);

    if (n.kind >= FP_SNAN)
        fp_invalid(FP_VXSNAN, env);
    fp_invalid(FP_VXCVI, env);
    switch (env->rules & FP_CVT_MASK) {
    case FP_CVT_ARM: return is_nan ? u128(0, 0) : n.sign ? min : max;
    case FP_CVT_X86: return is_signed ? min : max;
    case FP_CVT_POWER: return is_nan || n.sign ? min : max;
    case FP_CVT_SPARC: return n.sign ? min : max;
    case FP_CVT_MIPS: return max;
    case FP_CVT_M68K:
        if (!is_nan)
            return n.sign ? min : max;
        max = u128_shr(n.sig, 128 - width);
        if (is_signed && (n.sig.hi & FP_SIG_TOP)) {
            min = int_min(width, true);
            max = u128(max.hi | min.hi, max.lo | min.lo);
        }
        return max;
    default: return !is_nan && n.sign ? min : max;
    }
}

struct fp128 fp_do_to_int(const struct fp_format *f, struct fp128 a, unsigned width,
                          bool is_signed, struct fp_env *env)
{
    struct fp_num n;
    struct fp128 magnitude, limit = int_max(width, is_signed);
    uint8_t flags = 0;
    bool carry;

    fp_unpack(&n, f, a, env);
    if (n.kind == FP_ZERO)
        return u128(0, 0);
    if (n.kind != FP_FINITE || n.exp > 127)
        return int_overflow(n, width, is_signed, env);
    magnitude = round_to_integer(n, env->round, &carry, &flags);
    if (n.sign)
        limit = u128_neg(int_min(width, is_signed));
    if (carry || u128_less(limit, magnitude))
        return int_overflow(n, width, is_signed, env);
    env->flags |= flags;
    return n.sign ? u128_neg(magnitude) : magnitude;
}

struct fp128 fp_do_from_int(const struct fp_format *f, struct fp128 value, bool is_signed,
                            struct fp_env *env)
{
    bool sign = is_signed && value.hi >> 63;

    return fp_finish(f, fp_normalized(sign, 127, sign ? u128_neg(value) : value), env);
}

uint64_t fp_f64_to_int_mod(uint64_t a, struct fp_env *env)
{
    struct fp_num n;
    struct fp128 integer = { 0 };
    uint8_t flags = 0;
    uint64_t value;
    bool carry;

    fp_unpack(&n, &fp_format_f64, u128(0, a), env);
    if (n.kind == FP_ZERO)
        return 0;
    if (n.kind != FP_FINITE || n.exp > 127) { /* beyond 2^127 the low 32 bits are 0 */
        if (n.kind >= FP_SNAN)
            fp_invalid(FP_VXSNAN, env);
        fp_invalid(FP_VXCVI, env);
        return 0;
    }
    integer = round_to_integer(n, FP_RTZ, &carry, &flags);
    if (integer.hi != 0 || integer.lo > (n.sign ? UINT64_C(0x80000000) : INT32_MAX)) {
        flags = 0;
        fp_invalid(FP_VXCVI, env);
    }
    env->flags |= flags;
    value = (n.sign ? 0 - integer.lo : integer.lo) & UINT32_MAX;
    return (value ^ UINT64_C(0x80000000)) - UINT64_C(0x80000000);
}

/* --- integral values */

struct fp128 fp_do_rint(const struct fp_format *f, struct fp128 a, bool is_exact,
                        struct fp_env *env)
{
    struct fp_num n;
    uint8_t flags = 0;
    bool carry;

    fp_unpack(&n, f, a, env);
    if (fp_is_nan(n))
        return fp_pack(f, fp_nan1(n, env), env);
    if (env->rules & FP_ID_RINT)
        fp_note_subnormal(n.is_subnormal, env);
    if (n.kind == FP_FINITE && n.exp < f->frac_bits) {
        struct fp128 integer = round_to_integer(n, env->round, &carry, &flags);

        n = fp_normalized(n.sign, 127, integer);
    }
    env->flags |= is_exact ? flags : flags & ~FP_NX;
    return fp_pack(f, n, env);
}

/* --- exponents */

struct fp128 fp_do_scalb(const struct fp_format *f, struct fp128 a, int32_t n,
                         struct fp_env *env)
{
    struct fp_num m;
    int32_t far = 3 << f->exp_bits; /* from anywhere to beyond either end */

    fp_unpack(&m, f, a, env);
    if (fp_is_nan(m))
        return fp_finish(f, fp_nan1(m, env), env);
    fp_note_subnormal(m.is_subnormal, env);
    m.exp += n > far ? far : n < -far ? -far : n;
    return fp_finish(f, m, env);
}

struct fp128 fp_do_logb(const struct fp_format *f, struct fp128 a, struct fp_env *env)
{
    struct fp_num n;

    fp_unpack(&n, f, a, env);
    if (fp_is_nan(n))
        return fp_finish(f, fp_nan1(n, env), env);
    fp_note_subnormal(n.is_subnormal, env);
    if (n.kind == FP_INF)
        return fp_finish(f, fp_inf(false), env);
    if (n.kind == FP_ZERO) {
        env->flags |= FP_DZ;
        return fp_finish(f, fp_inf(true), env);
    }
    return fp_do_from_int(f,
                          n.exp < 0 ? u128_neg(u128(0, (uint64_t) - (int64_t)n.exp))
                                    : u128(0, (uint64_t)n.exp),
                          true, env);
}
