/* fp_host.c - f64 fma by the host's double arithmetic, for fp_host.h. */
#include "isa/fp/fp_host.h"

#if FP_HAS_HOST

/* A value as an unevaluated sum of two. */
struct pair {
    double high, low;
};

static struct pair sum(double x, double y)
{
    double r = x + y;

    return (struct pair){ r, fp_f64_sum_error(x, y, r) };
}

/* Exact if no exponent comes near either end. */
static struct pair product(double x, double y)
{
    double r = x * y;
#if defined(__FP_FAST_FMA) || defined(__FMA__)
    return (struct pair){ r, __builtin_fma(x, y, -r) };
#else
    /* Dekker's product: halves of 26 and 27 bits multiply exactly. */
    double split = 0x1p27 + 1, xt = split * x, yt = split * y;
    double xh = xt - (xt - x), yh = yt - (yt - y), xl = x - xh, yl = y - yh;

    return (struct pair){ r, ((xh * yh - r) + xh * yl + xl * yh) + xl * yl };
#endif
}

static double sum_to_odd(double x, double y)
{
    struct pair r = sum(x, y);
    uint64_t bits = fp_f64_bits(r.high);

    if (r.low != 0 && !(bits & 1))
        bits += (r.low > 0) == (r.high > 0) ? 1 : UINT64_MAX;
    return fp_f64_real(bits);
}

/* S. Boldo and G. Melquiond, "Emulation of FMA and correctly rounded sums: proved
 * algorithms using rounding to odd", 2008.  The exponents taken keep every intermediate
 * value exact: between 2^-400 and 2^400, or a zero addend. */
uint64_t fp_host_f64_fma(uint64_t a, uint64_t b, uint64_t c, struct fp_env *env)
{
    const unsigned min = 1023 - 400, max = 1023 + 400;
    struct pair p, t, v;
    double odd;
    struct pair r;

    if (!fp_host_rounds(env) || !fp_f64_within(a, min, max) ||
        !fp_f64_within(b, min, max) ||
        (!fp_f64_within(c, min, max) && !fp_f64_is_zero(c)))
        return fp_f64_fma(a, b, c, env);
    p = product(fp_f64_real(a), fp_f64_real(b));
    t = sum(fp_f64_real(c), p.low);
    v = sum(p.high, t.high);
    odd = sum_to_odd(t.low, v.low);
    r = sum(v.high, odd);
    fp_host_note(r.low != 0, env);
    return fp_f64_bits(r.high);
}

#else

typedef int fp_host_is_empty; /* a C file must declare something */

#endif
