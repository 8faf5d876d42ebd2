/* fp_rem.c - remainders: IEEE 754, and x87's in steps. */
#include "isa/fp/fp_core.h"

/* n * 2^count mod d, *quotient the low bits of n * 2^count / d.
 * Requires: n < d, bit 127 of d is set, both leave the last bit zero. */
static struct fp128 reduce(struct fp128 n, struct fp128 d, uint32_t count,
                           uint64_t *quotient)
{
    for (; count >= 32; count -= 32)
        *quotient = *quotient << 32 | fp_div_step(&n, d);
    for (; count > 0; count--) {
        bool carry = n.hi >> 63;

        n = u128_shl(n, 1);
        *quotient <<= 1;
        if (carry || !u128_less(n, d)) {
            n = u128_sub(n, d);
            *quotient |= 1;
        }
    }
    return n;
}

/* a - q * b, q = a / b toward zero or to nearest even, in *quotient modulo 2^64. */
static struct fp_num rem_finite(struct fp_num a, struct fp_num b, bool is_nearest,
                                uint64_t *quotient)
{
    int32_t distance = a.exp - b.exp;
    struct fp128 rest = a.sig, twice;
    struct fp_num r = { 0 };

    *quotient = 0;
    if (distance < -1 || (distance == -1 && !is_nearest))
        return a;
    if (distance == -1) {
        rest = u128_shr(a.sig, 1);
    } else {
        if (!u128_less(rest, b.sig)) {
            rest = u128_sub(rest, b.sig);
            *quotient = 1;
        }
        rest = reduce(rest, b.sig, (uint32_t)distance, quotient);
    }
    twice = u128_sub(b.sig, rest); /* rest is above half of b if it exceeds this */
    if (is_nearest && !u128_is_zero(rest) &&
        (u128_less(twice, rest) || (!u128_less(rest, twice) && (*quotient & 1)))) {
        rest = twice;
        a.sign ^= 1;
        ++*quotient;
    }
    r = fp_normalized(a.sign, b.exp, rest);
    if (r.kind == FP_ZERO)
        r.sign = a.sign;
    return r;
}

/* The cases without arithmetic: true if *r is the answer. */
static bool rem_special(struct fp_num a, struct fp_num b, struct fp_num *r,
                        struct fp_env *env)
{
    if (fp_is_nan(a) || fp_is_nan(b)) {
        *r = fp_nan2(a, b, env);
        return true;
    }
    if (a.kind == FP_INF || b.kind == FP_ZERO) {
        *r = fp_invalid(a.kind == FP_INF ? FP_VXIDI : FP_VXZDZ, env);
        return true;
    }
    fp_note_subnormal(a.is_subnormal | b.is_subnormal, env);
    *r = a;
    return a.kind == FP_ZERO || b.kind == FP_INF;
}

struct fp128 fp_do_rem(const struct fp_format *f, struct fp128 a, struct fp128 b,
                       struct fp_env *env)
{
    struct fp_num m, n, r;
    uint64_t quotient;

    fp_unpack(&m, f, a, env);
    fp_unpack(&n, f, b, env);
    if (!rem_special(m, n, &r, env))
        r = rem_finite(m, n, true, &quotient);
    return fp_finish(f, r, env);
}

/* A partial step subtracts a multiple of b * 2^(D - N), N = 32 + D mod 32 of the exponent
 * distance D, as AMD's and Intel's manuals allow (N between 32 and 63). */
static struct fp128 fprem(struct fp128 a, struct fp128 b, bool is_nearest,
                          unsigned *status, struct fp_env *env)
{
    const struct fp_format *f = &fp_format_f80;
    struct fp_num m, n, r;
    uint64_t quotient;

    fp_unpack(&m, f, a, env);
    fp_unpack(&n, f, b, env);
    *status = 0;
    if (rem_special(m, n, &r, env))
        return fp_pack(f, r, env);
    if (m.exp - n.exp >= 64) {
        n.exp = m.exp - (32 + (m.exp - n.exp) % 32);
        r = rem_finite(m, n, false, &quotient);
        *status = FP_REM_PARTIAL;
    } else {
        r = rem_finite(m, n, is_nearest, &quotient);
        *status = quotient & FP_REM_QUOTIENT;
    }
    return fp_pack(f, r, env); /* always exact, whatever the precision control */
}

struct fp128 fp_f80_fprem(struct fp128 a, struct fp128 b, unsigned *status,
                          struct fp_env *env)
{
    return fprem(a, b, false, status, env);
}

struct fp128 fp_f80_fprem1(struct fp128 a, struct fp128 b, unsigned *status,
                           struct fp_env *env)
{
    return fprem(a, b, true, status, env);
}
