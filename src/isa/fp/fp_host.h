/* fp_host.h - f32 and f64 operations by the host's FPU, where that is exact.
 *
 * fp_fast_<type>_<op> equals fp_<type>_<op> of fp.h in result and flags for every input,
 * but for FP_UP, which it leaves alone; it is only sooner done.  The host computes,
 * rounding to nearest; the result counts if it is far enough from the ends of the
 * exponent range that only FP_NX can have been raised, and FP_NX is skipped if set
 * already, else decided by an exact residual.  The residuals of mul, div and sqrt are
 * taken from the low bits of integer products, which wrap harmlessly. Everything else is
 * left to the soft function.
 *
 * Requires: the host rounds to nearest and does not flush; no -ffast-math and no
 * contraction (the build passes -ffp-contract=off).  Where float is computed as double
 * (s390x) it is rounded twice, which changes nothing in range: double has more than twice
 * the digits.  Hosts that compute in a wider format (x87) get the soft functions alone.
 */
#ifndef RHEA_FP_HOST_H
#define RHEA_FP_HOST_H

#include "isa/fp/fp.h"

#include <float.h>
#include <string.h>

#ifdef __FAST_MATH__
#error "rhea needs exact floating point: build without -ffast-math"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#if defined(__GNUC__) && (FLT_EVAL_METHOD == 0 || FLT_EVAL_METHOD == 1) &&               \
    FLT_MANT_DIG == 24 && DBL_MANT_DIG == 53
#define FP_HAS_HOST 1
#define FP_LIKELY(x) __builtin_expect(!!(x), 1)
#ifdef STENCIL /* calls nothing */
#define FP_INLINE inline __attribute__((always_inline))
#else
#define FP_INLINE inline
#endif
#else
#define FP_HAS_HOST 0
#endif

#if FP_HAS_HOST

#ifdef __SSE2__ /* sqrt() sets errno, so compilers add a test and a call */
#include <emmintrin.h>
#define FP_HOST_SQRT(x) _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(x)))
#define FP_HOST_SQRTF(x) _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x)))
#else
#define FP_HOST_SQRT(x) __builtin_sqrt(x)
#define FP_HOST_SQRTF(x) __builtin_sqrtf(x)
#endif

/* fma where its inline part does not apply. */
uint64_t fp_host_f64_fma(uint64_t a, uint64_t b, uint64_t c, struct fp_env *env);

static inline double fp_f64_real(uint64_t bits)
{
    double real;

    memcpy(&real, &bits, sizeof real);
    return real;
}

static inline uint64_t fp_f64_bits(double real)
{
    uint64_t bits;

    memcpy(&bits, &real, sizeof bits);
    return bits;
}

static inline float fp_f32_real(uint32_t bits)
{
    float real;

    memcpy(&real, &bits, sizeof real);
    return real;
}

static inline uint32_t fp_f32_bits(float real)
{
    uint32_t bits;

    memcpy(&bits, &real, sizeof bits);
    return bits;
}

/* Whether the exponent field lies between `min` and `max`. */
static inline bool fp_f64_within(uint64_t a, unsigned min, unsigned max)
{
    return ((unsigned)(a >> 52) & 0x7ff) - min <= max - min;
}

static inline bool fp_f32_within(uint32_t a, unsigned min, unsigned max)
{
    return (a >> 23 & 0xff) - min <= max - min;
}

static inline bool fp_f64_is_zero(uint64_t a)
{
    return a << 1 == 0;
}

static inline bool fp_f32_is_zero(uint32_t a)
{
    return (uint32_t)(a << 1) == 0;
}

/* Whether the operand needs none of the attention that the rules give to subnormal ones.
 */
static inline bool fp_f64_is_plain(uint64_t a, const struct fp_env *env)
{
    return !(env->rules & (FP_DAZ | FP_ID_USED)) || fp_f64_within(a, 1, 0x7ff) ||
           fp_f64_is_zero(a);
}

static inline bool fp_f32_is_plain(uint32_t a, const struct fp_env *env)
{
    return !(env->rules & (FP_DAZ | FP_ID_USED)) || fp_f32_within(a, 1, 0xff) ||
           fp_f32_is_zero(a);
}

/* Tells the compiler what the rules are, so that it drops the tests for all others. */
static inline void fp_assume_rules(const struct fp_env *env, uint32_t rules)
{
    if (env->rules != rules)
        __builtin_unreachable();
}

static inline bool fp_host_rounds(const struct fp_env *env)
{
    return env->round == FP_RNE && !(env->rules & FP_SINGLE);
}

static inline void fp_host_note(bool is_inexact, struct fp_env *env)
{
    env->flags |= is_inexact ? FP_NX : 0;
}

/* Significands are used without taking sign and exponent away: what stands above bit 52
 * changes only what the product has above bit 52.
 * Of 105 or 106 bits of product the result keeps 53; the exponents tell which. */
static inline bool fp_f64_mul_is_inexact(uint64_t a, uint64_t b, uint64_t r)
{
    uint64_t one = UINT64_C(1) << 52;
    unsigned is_long =
        (unsigned)(r >> 52) - (unsigned)(a >> 52) - (unsigned)(b >> 52) + 1;

    return ((a | one) * (b | one)) << (12 - (is_long & 1)) != 0;
}

/* |r * b - a| is at most half a unit of r times b: as an integer below 2^52.  So it is 0
 * if its low 52 bits are; those of a, in the same unit, always are. */
static inline bool fp_f64_div_is_inexact(uint64_t b, uint64_t r)
{
    uint64_t one = UINT64_C(1) << 52;

    return ((r | one) * (b | one)) << 12 != 0;
}

/* |r * r - a| is at most 2^53 as integers; a is shifted by 52 or 53. */
static inline bool fp_f64_sqrt_is_inexact(uint64_t a, uint64_t r)
{
    uint64_t one = UINT64_C(1) << 52, sig = (r & (one - 1)) | one;

    return sig * sig != (a | one) << (53 - (a >> 52 & 1));
}

/* The rounding error of a sum, exactly (Knuth, TAOCP vol. 2, 4.2.2, theorem B). */
static inline double fp_f64_sum_error(double x, double y, double r)
{
    double v = r - x;

    return (x - (r - v)) + (y - v);
}

static inline float fp_f32_sum_error(float x, float y, float r)
{
    float v = r - x;

    return (x - (r - v)) + (y - v);
}

/* A sum is exact when it is subnormal or zero, so only overflow needs a distance. */
#define FP_FAST_SUM(type, bits, real, name, sign, max)                                   \
    static inline bits fp_fast_##type##_##name(bits a, bits b, struct fp_env *env)       \
    {                                                                                    \
        real x = fp_##type##_real(a), y = sign fp_##type##_real(b), sum = x + y;         \
        bits r = fp_##type##_bits(sum);                                                  \
                                                                                         \
        if (FP_LIKELY((fp_##type##_within(r, 1, max) || fp_##type##_is_zero(r)) &&       \
                      fp_host_rounds(env) && fp_##type##_is_plain(a, env) &&             \
                      fp_##type##_is_plain(b, env))) {                                   \
            if (!(env->flags & FP_NX))                                                   \
                fp_host_note(fp_##type##_sum_error(x, y, sum) != 0, env);                \
            return r;                                                                    \
        }                                                                                \
        return fp_##type##_##name(a, b, env);                                            \
    }

FP_FAST_SUM(f64, uint64_t, double, add, +, 0x7fd)
FP_FAST_SUM(f64, uint64_t, double, sub, -, 0x7fd)
FP_FAST_SUM(f32, uint32_t, float, add, +, 0xfd)
FP_FAST_SUM(f32, uint32_t, float, sub, -, 0xfd)

static FP_INLINE uint64_t fp_fast_f64_mul(uint64_t a, uint64_t b, struct fp_env *env)
{
    uint64_t r = fp_f64_bits(fp_f64_real(a) * fp_f64_real(b));

    if (FP_LIKELY(fp_f64_within(r, 2, 0x7fe) && fp_host_rounds(env) &&
                  fp_f64_is_plain(a, env) && fp_f64_is_plain(b, env))) {
        if (FP_LIKELY(env->flags & FP_NX))
            return r;
        if (fp_f64_within(a, 1, 0x7fe) && fp_f64_within(b, 1, 0x7fe)) {
            fp_host_note(fp_f64_mul_is_inexact(a, b, r), env);
            return r;
        }
    }
    if (fp_f64_is_zero(r) && (fp_f64_is_zero(a) || fp_f64_is_zero(b)) &&
        fp_host_rounds(env) && fp_f64_is_plain(a, env) && fp_f64_is_plain(b, env))
        return r;
    return fp_f64_mul(a, b, env);
}

static FP_INLINE uint64_t fp_fast_f64_div(uint64_t a, uint64_t b, struct fp_env *env)
{
    uint64_t r = fp_f64_bits(fp_f64_real(a) / fp_f64_real(b));

    if (FP_LIKELY(fp_f64_within(r, 2, 0x7fe) && fp_host_rounds(env) &&
                  fp_f64_is_plain(a, env) && fp_f64_is_plain(b, env))) {
        if (FP_LIKELY(env->flags & FP_NX))
            return r;
        if (fp_f64_within(b, 1, 0x7fe)) {
            fp_host_note(fp_f64_div_is_inexact(b, r), env);
            return r;
        }
    }
    if (fp_f64_is_zero(r) && fp_f64_is_zero(a) && fp_host_rounds(env) &&
        fp_f64_is_plain(a, env) && fp_f64_is_plain(b, env))
        return r;
    return fp_f64_div(a, b, env);
}

static inline uint64_t fp_fast_f64_sqrt(uint64_t a, struct fp_env *env)
{
    if (FP_LIKELY(a - (UINT64_C(1) << 52) < UINT64_C(0x7fe) << 52 &&
                  fp_host_rounds(env))) {
        uint64_t r = fp_f64_bits(FP_HOST_SQRT(fp_f64_real(a)));

        if (!(env->flags & FP_NX))
            fp_host_note(fp_f64_sqrt_is_inexact(a, r), env);
        return r;
    }
    return fp_f64_sqrt(a, env);
}

/* f32: products of two 24-bit significands are exact in double, subnormal operands too.
 */
static inline uint32_t fp_fast_f32_mul(uint32_t a, uint32_t b, struct fp_env *env)
{
    float x = fp_f32_real(a), y = fp_f32_real(b), product = x * y;
    uint32_t r = fp_f32_bits(product);

    if (FP_LIKELY(fp_f32_within(r, 2, 0xfe) && fp_host_rounds(env) &&
                  fp_f32_is_plain(a, env) && fp_f32_is_plain(b, env))) {
        if (!(env->flags & FP_NX))
            fp_host_note((double)x * y != product, env);
        return r;
    }
    if (fp_f32_is_zero(r) && (fp_f32_is_zero(a) || fp_f32_is_zero(b)) &&
        fp_host_rounds(env) && fp_f32_is_plain(a, env) && fp_f32_is_plain(b, env))
        return r;
    return fp_f32_mul(a, b, env);
}

static inline uint32_t fp_fast_f32_div(uint32_t a, uint32_t b, struct fp_env *env)
{
    float x = fp_f32_real(a), y = fp_f32_real(b), quotient = x / y;
    uint32_t r = fp_f32_bits(quotient);

    if (FP_LIKELY(fp_f32_within(r, 2, 0xfe) && fp_host_rounds(env) &&
                  fp_f32_is_plain(a, env) && fp_f32_is_plain(b, env))) {
        if (!(env->flags & FP_NX))
            fp_host_note((double)quotient * y != x, env);
        return r;
    }
    if (fp_f32_is_zero(r) && fp_f32_is_zero(a) && fp_host_rounds(env) &&
        fp_f32_is_plain(a, env) && fp_f32_is_plain(b, env))
        return r;
    return fp_f32_div(a, b, env);
}

static inline uint32_t fp_fast_f32_sqrt(uint32_t a, struct fp_env *env)
{
    if (FP_LIKELY(a - (1u << 23) < 0xfeu << 23 && fp_host_rounds(env))) {
        float x = fp_f32_real(a), root = FP_HOST_SQRTF(x);

        if (!(env->flags & FP_NX))
            fp_host_note((double)root * root != x, env);
        return fp_f32_bits(root);
    }
    return fp_f32_sqrt(a, env);
}

/* The double sum of the exact product and c, made odd if it is inexact, rounds to the
 * right float: double has more than two bits to spare (Boldo and Melquiond, 2008). */
static FP_INLINE uint32_t fp_fast_f32_fma(uint32_t a, uint32_t b, uint32_t c,
                                          struct fp_env *env)
{
    double product = (double)fp_f32_real(a) * fp_f32_real(b), z = fp_f32_real(c);
    double sum = product + z, error = fp_f64_sum_error(product, z, sum);
    uint64_t odd = fp_f64_bits(sum);
    float result;
    uint32_t r;

    if (error != 0 && !(odd & 1))
        odd += (error > 0) == (sum > 0) ? 1 : UINT64_MAX;
    result = (float)fp_f64_real(odd);
    r = fp_f32_bits(result);
    if (FP_LIKELY((fp_f32_within(r, 2, 0xfe) || sum == 0) && fp_host_rounds(env) &&
                  fp_f32_is_plain(a, env) && fp_f32_is_plain(b, env) &&
                  fp_f32_is_plain(c, env))) {
        fp_host_note(error != 0 || result != sum, env);
        return r;
    }
    return fp_f32_fma(a, b, c, env);
}

static inline uint64_t fp_fast_f64_fma(uint64_t a, uint64_t b, uint64_t c,
                                       struct fp_env *env)
{
#if defined(__FP_FAST_FMA) || defined(__FMA__)
    if (FP_LIKELY(env->flags & FP_NX)) {
        uint64_t r =
            fp_f64_bits(__builtin_fma(fp_f64_real(a), fp_f64_real(b), fp_f64_real(c)));

        if (FP_LIKELY(fp_f64_within(r, 2, 0x7fe) && fp_host_rounds(env) &&
                      fp_f64_is_plain(a, env) && fp_f64_is_plain(b, env) &&
                      fp_f64_is_plain(c, env)))
            return r;
    }
#endif
    return fp_host_f64_fma(a, b, c, env);
}

/* --- order */

#define FP_FAST_ORDER(type, bits, real)                                                  \
    static inline bool fp_##type##_are_ordered(bits a, bits b, const struct fp_env *env) \
    {                                                                                    \
        return !__builtin_isunordered(fp_##type##_real(a), fp_##type##_real(b)) &&       \
               fp_##type##_is_plain(a, env) && fp_##type##_is_plain(b, env);             \
    }                                                                                    \
    static inline enum fp_order fp_##type##_host_order(bits a, bits b)                   \
    {                                                                                    \
        real x = fp_##type##_real(a), y = fp_##type##_real(b);                           \
                                                                                         \
        return (enum fp_order)((x > y) - (x < y));                                       \
    }                                                                                    \
    FP_FAST_COMPARE(type, bits, enum fp_order, cmp, fp_##type##_host_order(a, b))        \
    FP_FAST_COMPARE(type, bits, enum fp_order, cmps, fp_##type##_host_order(a, b))       \
    FP_FAST_COMPARE(type, bits, bool, eq, fp_##type##_real(a) == fp_##type##_real(b))    \
    FP_FAST_COMPARE(type, bits, bool, lt, fp_##type##_real(a) < fp_##type##_real(b))     \
    FP_FAST_COMPARE(type, bits, bool, le, fp_##type##_real(a) <= fp_##type##_real(b))    \
    FP_FAST_MINMAX(type, bits, minnum, <)                                                \
    FP_FAST_MINMAX(type, bits, maxnum, >)                                                \
    FP_FAST_MINMAX(type, bits, minimum, <)                                               \
    FP_FAST_MINMAX(type, bits, maximum, >)                                               \
    FP_FAST_MINMAX(type, bits, minimumnum, <)                                            \
    FP_FAST_MINMAX(type, bits, maximumnum, >)                                            \
    FP_FAST_MINMAX(type, bits, minsse, <)                                                \
    FP_FAST_MINMAX(type, bits, maxsse, >)

#define FP_FAST_COMPARE(type, bits, result, name, test)                                  \
    static inline result fp_fast_##type##_##name(bits a, bits b, struct fp_env *env)     \
    {                                                                                    \
        if (FP_LIKELY(fp_##type##_are_ordered(a, b, env)))                               \
            return test;                                                                 \
        return fp_##type##_##name(a, b, env);                                            \
    }

/* Equal operands may be zeros of two signs. */
#define FP_FAST_MINMAX(type, bits, name, before)                                         \
    static inline bits fp_fast_##type##_##name(bits a, bits b, struct fp_env *env)       \
    {                                                                                    \
        if (FP_LIKELY(fp_##type##_are_ordered(a, b, env) &&                              \
                      fp_##type##_real(a) != fp_##type##_real(b)))                       \
            return fp_##type##_real(a) before fp_##type##_real(b) ? a : b;               \
        return fp_##type##_##name(a, b, env);                                            \
    }

FP_FAST_ORDER(f64, uint64_t, double)
FP_FAST_ORDER(f32, uint32_t, float)

/* --- conversions */

static inline uint64_t fp_fast_f32_to_f64(uint32_t a, struct fp_env *env)
{
    float x = fp_f32_real(a);

    if (FP_LIKELY(x == x && fp_f32_is_plain(a, env) && !(env->rules & FP_SINGLE)))
        return fp_f64_bits(x);
    return fp_f32_to_f64(a, env);
}

static inline uint32_t fp_fast_f64_to_f32(uint64_t a, struct fp_env *env)
{
    double x = fp_f64_real(a);
    float rounded = (float)x;
    uint32_t r = fp_f32_bits(rounded);

    if (FP_LIKELY((fp_f32_within(r, 2, 0xfe) || x == 0) && fp_host_rounds(env))) {
        fp_host_note(rounded != x, env);
        return r;
    }
    return fp_f64_to_f32(a, env);
}

/* Toward zero by a cast, to nearest by adding and subtracting 1.5 * 2^52. */
static inline bool fp_host_to_int(double x, int64_t *integer, const struct fp_env *env)
{
    if (env->round == FP_RTZ && x > -0x1p62 && x < 0x1p62) {
        *integer = (int64_t)x;
        return true;
    }
    if (env->round == FP_RNE && x > -0x1p51 && x < 0x1p51) {
        *integer = (int64_t)((x + 0x1.8p52) - 0x1.8p52);
        return true;
    }
    return false;
}

static inline bool fp_int_fits(int64_t value, unsigned width, bool is_signed)
{
    uint64_t top = UINT64_C(1) << (width - 1);

    if (width == 64)
        return is_signed || value >= 0;
    return (uint64_t)value + (is_signed ? top : 0) <= 2 * top - 1;
}

#define FP_FAST_INTEGER(type, bits, real)                                                \
    static inline uint64_t fp_fast_##type##_to_int(bits a, unsigned width,               \
                                                   bool is_signed, struct fp_env *env)   \
    {                                                                                    \
        real x = fp_##type##_real(a);                                                    \
        int64_t integer;                                                                 \
                                                                                         \
        if (FP_LIKELY(fp_host_to_int(x, &integer, env) &&                                \
                      fp_int_fits(integer, width, is_signed) &&                          \
                      fp_##type##_is_plain(a, env))) {                                   \
            fp_host_note((double)integer != x, env);                                     \
            return (uint64_t)integer;                                                    \
        }                                                                                \
        return fp_##type##_to_int(a, width, is_signed, env);                             \
    }

FP_FAST_INTEGER(f64, uint64_t, double)
FP_FAST_INTEGER(f32, uint32_t, float)

/* The low `width` bits, extended; as a signed number unless it is unsigned and of 64. */
static inline int64_t fp_int_extend(uint64_t value, unsigned width, bool is_signed)
{
    uint64_t top = UINT64_C(1) << (width - 1);

    value &= top | (top - 1);
    return (int64_t)(is_signed ? (value ^ top) - top : value);
}

/* An integer below 2^53 (2^24) is exact; others are if enough of their low bits are 0. */
#define FP_FAST_FROM_INTEGER(type, bits, real, digits)                                   \
    static inline bits fp_fast_int_to_##type(uint64_t value, unsigned width,             \
                                             bool is_signed, struct fp_env *env)         \
    {                                                                                    \
        int64_t n = fp_int_extend(value, width, is_signed);                              \
        uint64_t magnitude = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;                      \
                                                                                         \
        if (FP_LIKELY(fp_host_rounds(env) && (is_signed || n >= 0))) {                   \
            if (width > digits && magnitude >> digits && !(env->flags & FP_NX))          \
                fp_host_note(magnitude << __builtin_clzll(magnitude) << digits != 0,     \
                             env);                                                       \
            return fp_##type##_bits((real)n);                                            \
        }                                                                                \
        return fp_int_to_##type(value, width, is_signed, env);                           \
    }

FP_FAST_FROM_INTEGER(f64, uint64_t, double, 53)
FP_FAST_FROM_INTEGER(f32, uint32_t, float, 24)

#else /* no usable host FPU: the fast names are the soft functions */

static inline void fp_assume_rules(const struct fp_env *env, uint32_t rules)
{
    (void)env;
    (void)rules;
}

#define fp_fast_f64_add fp_f64_add
#define fp_fast_f64_sub fp_f64_sub
#define fp_fast_f64_mul fp_f64_mul
#define fp_fast_f64_div fp_f64_div
#define fp_fast_f64_sqrt fp_f64_sqrt
#define fp_fast_f64_fma fp_f64_fma
#define fp_fast_f64_cmp fp_f64_cmp
#define fp_fast_f64_cmps fp_f64_cmps
#define fp_fast_f64_eq fp_f64_eq
#define fp_fast_f64_lt fp_f64_lt
#define fp_fast_f64_le fp_f64_le
#define fp_fast_f64_minnum fp_f64_minnum
#define fp_fast_f64_maxnum fp_f64_maxnum
#define fp_fast_f64_minimum fp_f64_minimum
#define fp_fast_f64_maximum fp_f64_maximum
#define fp_fast_f64_minimumnum fp_f64_minimumnum
#define fp_fast_f64_maximumnum fp_f64_maximumnum
#define fp_fast_f64_minsse fp_f64_minsse
#define fp_fast_f64_maxsse fp_f64_maxsse
#define fp_fast_f64_to_f32 fp_f64_to_f32
#define fp_fast_f64_to_int fp_f64_to_int
#define fp_fast_int_to_f64 fp_int_to_f64
#define fp_fast_f32_add fp_f32_add
#define fp_fast_f32_sub fp_f32_sub
#define fp_fast_f32_mul fp_f32_mul
#define fp_fast_f32_div fp_f32_div
#define fp_fast_f32_sqrt fp_f32_sqrt
#define fp_fast_f32_fma fp_f32_fma
#define fp_fast_f32_cmp fp_f32_cmp
#define fp_fast_f32_cmps fp_f32_cmps
#define fp_fast_f32_eq fp_f32_eq
#define fp_fast_f32_lt fp_f32_lt
#define fp_fast_f32_le fp_f32_le
#define fp_fast_f32_minnum fp_f32_minnum
#define fp_fast_f32_maxnum fp_f32_maxnum
#define fp_fast_f32_minimum fp_f32_minimum
#define fp_fast_f32_maximum fp_f32_maximum
#define fp_fast_f32_minimumnum fp_f32_minimumnum
#define fp_fast_f32_maximumnum fp_f32_maximumnum
#define fp_fast_f32_minsse fp_f32_minsse
#define fp_fast_f32_maxsse fp_f32_maxsse
#define fp_fast_f32_to_f64 fp_f32_to_f64
#define fp_fast_f32_to_int fp_f32_to_int
#define fp_fast_int_to_f32 fp_int_to_f32

#endif

#endif
