/* fp_cmp.c - order, minimum, maximum and class. */
#include "isa/fp/fp_core.h"

/* --- order */

static enum fp_order order_magnitudes(struct fp_num a, struct fp_num b)
{
    if (a.kind != b.kind) /* FP_ZERO < FP_FINITE < FP_INF */
        return a.kind < b.kind ? FP_LESS : FP_GREATER;
    if (a.kind != FP_FINITE)
        return FP_EQUAL;
    if (a.exp != b.exp)
        return a.exp < b.exp ? FP_LESS : FP_GREATER;
    if (u128_less(a.sig, b.sig))
        return FP_LESS;
    return u128_less(b.sig, a.sig) ? FP_GREATER : FP_EQUAL;
}

/* Neither is a NaN. */
static enum fp_order order(struct fp_num a, struct fp_num b)
{
    enum fp_order by_magnitude;

    if (a.kind == FP_ZERO && b.kind == FP_ZERO)
        return FP_EQUAL;
    if (a.sign != b.sign)
        return a.sign ? FP_LESS : FP_GREATER;
    by_magnitude = order_magnitudes(a, b);
    if (!a.sign || by_magnitude == FP_EQUAL)
        return by_magnitude;
    return by_magnitude == FP_LESS ? FP_GREATER : FP_LESS;
}

enum fp_order fp_do_cmp(const struct fp_format *f, struct fp128 a, struct fp128 b,
                        bool is_signalling, struct fp_env *env)
{
    struct fp_num m, n;

    fp_unpack(&m, f, a, env);
    fp_unpack(&n, f, b, env);
    if (fp_is_nan(m) || fp_is_nan(n)) {
        if (m.kind >= FP_SNAN || n.kind >= FP_SNAN)
            fp_invalid(FP_VXSNAN, env);
        if (is_signalling)
            fp_invalid(FP_VXVC, env);
        return FP_UNORDERED;
    }
    fp_note_subnormal(m.is_subnormal | n.is_subnormal, env);
    return order(m, n);
}

/* --- minimum and maximum */

/* Neither is a NaN.  -0 is below +0. */
static bool is_first_chosen(struct fp_num m, struct fp_num n, unsigned minmax)
{
    enum fp_order by = FP_EQUAL;

    if (minmax & FP_MAGNITUDE)
        by = order_magnitudes(m, n);
    if (by == FP_EQUAL)
        by = order(m, n);
    if (by == FP_EQUAL)
        return minmax & FP_MAX ? !m.sign : m.sign;
    return by == (minmax & FP_MAX ? FP_GREATER : FP_LESS);
}

static struct fp_num minmax_nan(struct fp_num m, struct fp_num n, unsigned minmax,
                                struct fp_env *env)
{
    unsigned family = minmax & FP_MINMAX_FAMILY;
    bool is_signalling = m.kind >= FP_SNAN || n.kind >= FP_SNAN;

    if (fp_is_nan(m) && fp_is_nan(n))
        return fp_nan2(m, n, env);
    if (family == FP_NAN_WINS || (family == FP_2008 && is_signalling))
        return fp_nan2(m, n, env);
    if (is_signalling)
        fp_invalid(FP_VXSNAN, env);
    return fp_is_nan(m) ? n : m;
}

/* x86 MINPS and the like: a < b ? a : b, where a NaN or two zeros are "no". */
static struct fp_num minmax_sse(struct fp_num m, struct fp_num n, unsigned minmax,
                                struct fp_env *env)
{
    if (fp_is_nan(m) || fp_is_nan(n)) {
        fp_invalid(m.kind >= FP_SNAN || n.kind >= FP_SNAN ? FP_VXSNAN : FP_VXVC, env);
        return n;
    }
    fp_note_subnormal(m.is_subnormal | n.is_subnormal, env);
    return order(m, n) == (minmax & FP_MAX ? FP_GREATER : FP_LESS) ? m : n;
}

struct fp128 fp_do_minmax(const struct fp_format *f, struct fp128 a, struct fp128 b,
                          unsigned minmax, struct fp_env *env)
{
    struct fp_num m, n;

    fp_unpack(&m, f, a, env);
    fp_unpack(&n, f, b, env);
    if ((minmax & FP_MINMAX_FAMILY) == FP_SECOND_WINS)
        return fp_pack(f, minmax_sse(m, n, minmax, env), env);
    if (fp_is_nan(m) || fp_is_nan(n))
        return fp_pack(f, minmax_nan(m, n, minmax, env), env);
    fp_note_subnormal(m.is_subnormal | n.is_subnormal, env);
    return fp_pack(f, is_first_chosen(m, n, minmax) ? m : n, env);
}

/* --- class */

unsigned fp_do_class(const struct fp_format *f, struct fp128 a, struct fp_env *env)
{
    struct fp_env quiet = { .rules = env->rules & ~(uint32_t)FP_DAZ };
    struct fp_num n;

    fp_unpack(&n, f, a, &quiet);
    switch ((enum fp_kind)n.kind) {
    case FP_ZERO: return n.sign ? FP_IS_NEG_ZERO : FP_IS_POS_ZERO;
    case FP_INF: return n.sign ? FP_IS_NEG_INF : FP_IS_POS_INF;
    case FP_QNAN: return FP_IS_QNAN;
    case FP_FINITE: break;
    default: return FP_IS_SNAN;
    }
    if (n.is_subnormal)
        return n.sign ? FP_IS_NEG_SUBNORMAL : FP_IS_POS_SUBNORMAL;
    return n.sign ? FP_IS_NEG_NORMAL : FP_IS_POS_NORMAL;
}
