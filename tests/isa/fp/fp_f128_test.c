/* fp_f128_test.c - f128 against the compiler's own quadruple-precision arithmetic.
 *
 * libgcc rounds by the host's mode and raises its flags where the host is x86; tininess
 * is judged after rounding there. */
#include "fp_testing.h"

#include <limits.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)

#include <fenv.h>
#include <math.h>

enum { QUAD_FLAGS = FP_NX | FP_UF | FP_OF | FP_DZ | FP_NV };

static struct fp128 random_f128(void)
{
    struct fp128 a = { .hi = (random64() & 1) << 63 | (uint64_t)random_exponent(15)
                                                          << 48 };

    switch (below(4)) {
    case 0: a.hi |= random_fraction(48); break;
    case 1: a.lo = random_fraction(64); break;
    case 2:
        a.hi |= (UINT64_C(1) << 48) - 1;
        a.lo = ~UINT64_C(0) ^ random_fraction(64);
        break;
    default:
        a.hi |= random_fraction(48);
        a.lo = random_fraction(64);
        break;
    }
    return a;
}

static struct fp128 random_f128_near(struct fp128 a)
{
    uint64_t sign = (random64() & 1) << 63;

    switch (below(6)) {
    case 0: return (struct fp128){ .hi = a.hi ^ sign, .lo = a.lo };
    case 1:
        return (struct fp128){ .hi = a.hi ^ sign,
                               .lo = a.lo ^ (UINT64_C(1) << below(64)) };
    case 2:
        return (struct fp128){ .hi = (a.hi ^ sign) - ((uint64_t)below(240) << 48),
                               .lo = a.lo };
    default: return random_f128();
    }
}

static __float128 to_quad(struct fp128 a)
{
    __float128 q;

    memcpy(&q, &a, sizeof q);
    return q;
}

static struct fp128 from_quad(__float128 q)
{
    struct fp128 a;

    memcpy(&a, &q, sizeof a);
    return a;
}

/* Sign and exponent of an f128 with the low half as a valid f80's significand. */
static struct fp128 as_f80(struct fp128 a)
{
    a.hi >>= 48;
    a.lo = a.lo >> 1 | (a.hi & 0x7fff ? UINT64_C(1) << 63 : 0);
    return a;
}

static bool is_nan_f128(struct fp128 a)
{
    uint64_t top = a.hi << 1;

    return top > UINT64_C(0x7fff) << 49 || (top == UINT64_C(0x7fff) << 49 && a.lo);
}

enum operation {
    ADD,
    SUB,
    MUL,
    DIV,
    FMA,
    SQRT,
    REM,
    RINT,
    SCALB,
    TO_F64,
    TO_F32,
    TO_F80,
    FROM_F64,
    FROM_F80,
    TO_I64,
    TO_U64,
    FROM_I64,
    OPERATIONS
};
static const char *const operation_names[] = { "add",    "sub",    "mul",    "div",
                                               "fma",    "sqrt",   "rem",    "rint",
                                               "scalb",  "to_f64", "to_f32", "to_f80",
                                               "f64_to", "f80_to", "to_i64", "to_u64",
                                               "i64_to" };

static int scale_of(struct fp128 b)
{
    return (int)(b.lo % 40000) - 20000;
}

static struct fp128 quad_run(enum operation operation, struct fp128 a, struct fp128 b,
                             struct fp128 c)
{
    volatile __float128 x = to_quad(a), y = to_quad(b), z = to_quad(c), r = 0;
    struct fp128 result = { 0 };
    volatile double f64;
    volatile float f32;
    volatile long double f80;

    switch (operation) {
    case ADD: r = x + y; break;
    case SUB: r = x - y; break;
    case MUL: r = x * y; break;
    case DIV: r = x / y; break;
    case FMA: r = fmaf128(x, y, z); break;
    case SQRT: r = sqrtf128(x); break;
    case REM: r = remainderf128(x, y); break;
    case RINT: r = rintf128(x); break;
    case SCALB: r = scalbnf128(x, scale_of(b)); break;
    case TO_F64:
        f64 = (double)x;
        memcpy(&result, (void *)&f64, sizeof f64);
        return result;
    case TO_F32:
        f32 = (float)x;
        memcpy(&result, (void *)&f32, sizeof f32);
        return result;
    case TO_F80:
        f80 = (long double)x;
        memcpy(&result, (void *)&f80, 10);
        return result;
    case FROM_F64:
        memcpy((void *)&f64, &a.hi, sizeof f64);
        r = f64;
        break;
    case FROM_F80:
        a = as_f80(a);
        memcpy((void *)&f80, &a, 10);
        r = f80;
        break;
    case TO_I64: result.lo = (uint64_t)(int64_t)x; return result;
    case TO_U64: result.lo = (uint64_t)x; return result;
    case FROM_I64: r = (int64_t)a.hi; break;
    case OPERATIONS: break;
    }
    return from_quad(r);
}

static struct fp128 soft_run(enum operation operation, struct fp128 a, struct fp128 b,
                             struct fp128 c, struct fp_env *env)
{
    struct fp128 r = { 0 };

    switch (operation) {
    case ADD: return fp_f128_add(a, b, env);
    case SUB: return fp_f128_sub(a, b, env);
    case MUL: return fp_f128_mul(a, b, env);
    case DIV: return fp_f128_div(a, b, env);
    case FMA: return fp_f128_fma(a, b, c, env);
    case SQRT: return fp_f128_sqrt(a, env);
    case REM: return fp_f128_rem(a, b, env);
    case RINT: return fp_f128_rint(a, env);
    case SCALB: return fp_f128_scalb(a, scale_of(b), env);
    case TO_F64: r.lo = fp_f128_to_f64(a, env); return r;
    case TO_F32: r.lo = fp_f128_to_f32(a, env); return r;
    case TO_F80: return fp_f128_to_f80(a, env);
    case FROM_F64: return fp_f64_to_f128(a.hi, env);
    case FROM_F80: a = as_f80(a); return fp_f80_to_f128(a, env);
    case TO_I64:
        env->round = FP_RTZ;
        r.lo = fp_f128_to_int(a, 64, true, env);
        return r;
    case TO_U64:
        env->round = FP_RTZ;
        r.lo = fp_f128_to_int(a, 64, false, env);
        return r;
    default: return fp_int_to_f128(a.hi, 64, true, env);
    }
}

static void compare_one(enum operation operation, unsigned round)
{
    static const int modes[] = { FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD };
    struct fp_env env = { .rules = FP_NAN_SSE | FP_DNAN_NEG | FP_INFZERO_NAN_NV,
                          .round = (uint8_t)round };
    struct fp128 a = random_f128(), b = random_f128_near(a), c, want, got;
    uint8_t flags;

    c = random_f128_near(below(2) ? a : fp_f128_mul(a, b, &env));
    env.flags = 0;
    fesetround(modes[round]);
    feclearexcept(FE_ALL_EXCEPT);
    want = quad_run(operation, a, b, c);
    flags = (uint8_t)((fetestexcept(FE_INEXACT) ? FP_NX : 0) |
                      (fetestexcept(FE_UNDERFLOW) ? FP_UF : 0) |
                      (fetestexcept(FE_OVERFLOW) ? FP_OF : 0) |
                      (fetestexcept(FE_DIVBYZERO) ? FP_DZ : 0) |
                      (fetestexcept(FE_INVALID) ? FP_NV : 0));
    fesetround(FE_TONEAREST);
    got = soft_run(operation, a, b, c, &env);
    if ((operation == TO_I64 || operation == TO_U64) && (flags & FP_NV) &&
        (env.flags & FP_NV))
        return; /* what comes of an impossible integer is C's secret */
    if (operation < TO_F64 && is_nan_f128(got) && is_nan_f128(want))
        want = got;
    if (operation == REM && ((got.hi << 1) | got.lo) == 0)
        want.hi = (want.hi << 1 >> 1) | got.hi; /* glibc loses the sign of some zeros */
    if (got.lo != want.lo || got.hi != want.hi || (env.flags & QUAD_FLAGS) != flags)
        ck_abort_msg("%s %s(%016" PRIx64 "%016" PRIx64 ", %016" PRIx64 "%016" PRIx64
                     "): got %016" PRIx64 "%016" PRIx64 " flags %02x, want %016" PRIx64
                     "%016" PRIx64 " flags %02x",
                     operation_names[operation], round_names[round], a.hi, a.lo, b.hi,
                     b.lo, got.hi, got.lo, env.flags, want.hi, want.lo, flags);
}

START_TEST(operations_are_as_in_libgcc)
{
    for (unsigned i = 0; i < 2400000; i++)
        compare_one((enum operation)(i / 4 % OPERATIONS), i & 3);
}
END_TEST

int main(void)
{
    const TTest *const cases[] = { operations_are_as_in_libgcc };

    return run_cases_within("fp_f128", NO_LIMIT, cases, COUNT(cases));
}

#else

int main(void)
{
    puts("skip fp_f128: this compiler has no __float128 that follows the rounding mode");
    return 77;
}

#endif
