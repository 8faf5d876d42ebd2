/* fp_host_fpu_test.c - f32 and f64 against the FPU of the machine this runs on: results,
 * NaNs and flags in its four rounding modes.  Elsewhere than on x86, any NaN is as good
 * as another, and fma of NaNs is not tried. */
#include "fp_testing.h"
#include <float.h>

#ifdef __x86_64__
#define HOST_BINARY(name, real, bits, insn, op)                                          \
    static bits name(bits a, bits b)                                                     \
    {                                                                                    \
        real x, y;                                                                       \
                                                                                         \
        memcpy(&x, &a, sizeof x);                                                        \
        memcpy(&y, &b, sizeof y);                                                        \
        __asm__ volatile(insn " %1, %0" : "+x"(x) : "x"(y));                             \
        memcpy(&a, &x, sizeof x);                                                        \
        return a;                                                                        \
    }
#define HOST_UNARY(name, from_real, from, to_real, to, insn, c)                          \
    static to name(from a)                                                               \
    {                                                                                    \
        from_real x;                                                                     \
        to_real y;                                                                       \
        to r;                                                                            \
                                                                                         \
        memcpy(&x, &a, sizeof x);                                                        \
        __asm__ volatile("xorps %0, %0\n" insn " %1, %0" : "=&x"(y) : "x"(x));           \
        memcpy(&r, &y, sizeof y);                                                        \
        return r;                                                                        \
    }
/* The form 213 computes second * first + third, and looks for NaNs in that order. */
#define HOST_FMA(name, real, bits, insn, c)                                              \
    static bits name(bits a, bits b, bits addend)                                        \
    {                                                                                    \
        real x, y, z;                                                                    \
                                                                                         \
        memcpy(&x, &a, sizeof x);                                                        \
        memcpy(&y, &b, sizeof y);                                                        \
        memcpy(&z, &addend, sizeof z);                                                   \
        __asm__ volatile(insn " %2, %1, %0" : "+x"(y) : "x"(x), "x"(z));                 \
        memcpy(&a, &y, sizeof y);                                                        \
        return a;                                                                        \
    }
#else
#include <math.h>
#define HOST_BINARY(name, real, bits, insn, op)                                          \
    static bits name(bits a, bits b)                                                     \
    {                                                                                    \
        volatile real x, y, r;                                                           \
                                                                                         \
        memcpy((void *)&x, &a, sizeof x);                                                \
        memcpy((void *)&y, &b, sizeof y);                                                \
        r = x op y;                                                                      \
        memcpy(&a, (void *)&r, sizeof r);                                                \
        return a;                                                                        \
    }
#define HOST_UNARY(name, from_real, from, to_real, to, insn, c)                          \
    static to name(from a)                                                               \
    {                                                                                    \
        volatile from_real x;                                                            \
        volatile to_real y;                                                              \
        to r;                                                                            \
                                                                                         \
        memcpy((void *)&x, &a, sizeof x);                                                \
        y = (to_real)c(x);                                                               \
        memcpy(&r, (void *)&y, sizeof y);                                                \
        return r;                                                                        \
    }
#define HOST_FMA(name, real, bits, insn, c)                                              \
    static bits name(bits a, bits b, bits addend)                                        \
    {                                                                                    \
        volatile real x, y, z;                                                           \
                                                                                         \
        memcpy((void *)&x, &a, sizeof x);                                                \
        memcpy((void *)&y, &b, sizeof y);                                                \
        memcpy((void *)&z, &addend, sizeof z);                                           \
        x = c(x, y, z);                                                                  \
        memcpy(&a, (void *)&x, sizeof x);                                                \
        return a;                                                                        \
    }
#endif

HOST_BINARY(host_f64_add, double, uint64_t, "addsd", +)
HOST_BINARY(host_f64_sub, double, uint64_t, "subsd", -)
HOST_BINARY(host_f64_mul, double, uint64_t, "mulsd", *)
HOST_BINARY(host_f64_div, double, uint64_t, "divsd", /)
HOST_BINARY(host_f32_add, float, uint32_t, "addss", +)
HOST_BINARY(host_f32_sub, float, uint32_t, "subss", -)
HOST_BINARY(host_f32_mul, float, uint32_t, "mulss", *)
HOST_BINARY(host_f32_div, float, uint32_t, "divss", /)
HOST_UNARY(host_f64_sqrt, double, uint64_t, double, uint64_t, "sqrtsd", sqrt)
HOST_UNARY(host_f32_sqrt, float, uint32_t, float, uint32_t, "sqrtss", sqrtf)
HOST_UNARY(host_f64_to_f32, double, uint64_t, float, uint32_t, "cvtsd2ss", )
HOST_UNARY(host_f32_to_f64, float, uint32_t, double, uint64_t, "cvtss2sd", )
HOST_FMA(host_f64_fma, double, uint64_t, "vfmadd213sd", fma)
HOST_FMA(host_f32_fma, float, uint32_t, "vfmadd213ss", fmaf)
#ifdef __x86_64__
HOST_BINARY(host_f64_minsse, double, uint64_t, "minsd", )
HOST_BINARY(host_f64_maxsse, double, uint64_t, "maxsd", )
HOST_BINARY(host_f32_minsse, float, uint32_t, "minss", )
HOST_BINARY(host_f32_maxsse, float, uint32_t, "maxss", )
#endif

/* Everything as f64 bits, to have one loop. */
typedef uint64_t binary_function(uint64_t a, uint64_t b, struct fp_env *env);
typedef uint64_t host_function(uint64_t a, uint64_t b);

#define NARROW_BINARY(op)                                                                \
    static uint64_t soft32_##op(uint64_t a, uint64_t b, struct fp_env *env)              \
    {                                                                                    \
        return fp_f32_##op((uint32_t)a, (uint32_t)b, env);                               \
    }                                                                                    \
    static uint64_t host32_##op(uint64_t a, uint64_t b)                                  \
    {                                                                                    \
        return host_f32_##op((uint32_t)a, (uint32_t)b);                                  \
    }
#define NARROW_UNARY(from, op, from_bits)                                                \
    static uint64_t soft_##from##_##op(uint64_t a, uint64_t b, struct fp_env *env)       \
    {                                                                                    \
        (void)b;                                                                         \
        return fp_##from##_##op((from_bits)a, env);                                      \
    }                                                                                    \
    static uint64_t host1_##from##_##op(uint64_t a, uint64_t b)                          \
    {                                                                                    \
        (void)b;                                                                         \
        return host_##from##_##op((from_bits)a);                                         \
    }

NARROW_BINARY(add)
NARROW_BINARY(sub)
NARROW_BINARY(mul)
NARROW_BINARY(div)
NARROW_UNARY(f32, sqrt, uint32_t)
NARROW_UNARY(f64, sqrt, uint64_t)
NARROW_UNARY(f32, to_f64, uint32_t)
NARROW_UNARY(f64, to_f32, uint64_t)
#ifdef __x86_64__
NARROW_BINARY(minsse)
NARROW_BINARY(maxsse)
#endif

struct operation {
    const char *name;
    bool is_f32; /* operands */
    bool gives_f32;
    binary_function *soft;
    host_function *host;
};

static const struct operation operations[] = {
    { "f64_add", false, false, fp_f64_add, host_f64_add },
    { "f64_sub", false, false, fp_f64_sub, host_f64_sub },
    { "f64_mul", false, false, fp_f64_mul, host_f64_mul },
    { "f64_div", false, false, fp_f64_div, host_f64_div },
    { "f64_sqrt", false, false, soft_f64_sqrt, host1_f64_sqrt },
    { "f32_add", true, true, soft32_add, host32_add },
    { "f32_sub", true, true, soft32_sub, host32_sub },
    { "f32_mul", true, true, soft32_mul, host32_mul },
    { "f32_div", true, true, soft32_div, host32_div },
    { "f32_sqrt", true, true, soft_f32_sqrt, host1_f32_sqrt },
    { "f32_to_f64", true, false, soft_f32_to_f64, host1_f32_to_f64 },
    { "f64_to_f32", false, true, soft_f64_to_f32, host1_f64_to_f32 },
#ifdef __x86_64__
    { "f64_minsse", false, false, fp_f64_minsse, host_f64_minsse },
    { "f64_maxsse", false, false, fp_f64_maxsse, host_f64_maxsse },
    { "f32_minsse", true, true, soft32_minsse, host32_minsse },
    { "f32_maxsse", true, true, soft32_maxsse, host32_maxsse },
#endif
};

static bool is_nan_bits(uint64_t a, bool is_f32)
{
    return is_f32 ? (uint32_t)(a << 1) > 0xff000000u : a << 1 > UINT64_C(0x7ff) << 53;
}

static void check_same(const char *name, unsigned round, const uint64_t *operands,
                       uint64_t want, uint8_t want_flags, uint64_t got, uint8_t got_flags,
                       bool is_f32)
{
    bool is_same = got == want;

    if (!HOST_HAS_NANS && is_nan_bits(got, is_f32) && is_nan_bits(want, is_f32))
        is_same = true;
    got_flags &= HOST_FLAGS;
    if (!is_same || got_flags != want_flags)
        ck_abort_msg("%s %s(%" PRIx64 ", %" PRIx64 ", %" PRIx64 "): got %" PRIx64
                     " flags %02x, want %" PRIx64 " flags %02x",
                     name, round_names[round], operands[0], operands[1], operands[2], got,
                     got_flags, want, want_flags);
}

static void random_pair(bool is_f32, uint64_t *operands)
{
    operands[0] = is_f32 ? random_f32() : random_f64();
    operands[1] = is_f32 ? (uint32_t)random_near(operands[0], 8, 23)
                         : random_near(operands[0], 11, 52);
    operands[2] = is_f32 ? random_f32() : random_f64();
}

static void compare_operation(const struct operation *op, unsigned n, uint32_t rules,
                              unsigned csr)
{
    for (unsigned i = 0; i < n; i++) {
        struct fp_env env = { .rules = HOST_RULES | rules, .round = i & 3 };
        uint64_t operands[3], want, got;
        uint8_t flags;

        random_pair(op->is_f32, operands);
#ifdef __x86_64__
        host_begin_with(env.round, csr);
#else
        (void)csr;
        host_begin(env.round);
#endif
        want = op->host(operands[0], operands[1]);
        flags = host_end();
        got = op->soft(operands[0], operands[1], &env);
        check_same(op->name, env.round, operands, want, flags, got, env.flags,
                   op->gives_f32);
    }
}

START_TEST(arithmetic_is_as_on_the_host)
{
    for (size_t i = 0; i < COUNT(operations); i++)
        compare_operation(&operations[i], 400000, 0, 0);
}
END_TEST

#ifdef __x86_64__
START_TEST(daz_and_ftz_are_as_on_the_host)
{
    for (size_t i = 0; i < COUNT(operations); i++) {
        compare_operation(&operations[i], 100000, FP_DAZ, 0x40);
        compare_operation(&operations[i], 100000, FP_RULES_SSE_FZ, 0x8000);
        compare_operation(&operations[i], 100000, FP_DAZ | FP_RULES_SSE_FZ, 0x8040);
    }
}
END_TEST
#endif

START_TEST(fma_is_as_on_the_host)
{
#ifdef __x86_64__
    if (!__builtin_cpu_supports("fma"))
        return;
#endif
    for (unsigned i = 0; i < 3000000; i++) {
        struct fp_env env = { .rules = HOST_RULES, .round = i & 3 };
        bool is_f32 = i & 4;
        uint64_t operands[3], want, got, product;
        uint8_t flags;

        random_pair(is_f32, operands);
        if (i & 8) { /* an addend that cancels the product */
            product = is_f32
                          ? fp_f32_mul((uint32_t)operands[0], (uint32_t)operands[1], &env)
                          : fp_f64_mul(operands[0], operands[1], &env);
            env.flags = 0;
            operands[2] = is_f32 ? (uint32_t)random_near(product, 8, 23)
                                 : random_near(product, 11, 52);
        }
        host_begin(env.round);
        want = is_f32 ? host_f32_fma((uint32_t)operands[0], (uint32_t)operands[1],
                                     (uint32_t)operands[2])
                      : host_f64_fma(operands[0], operands[1], operands[2]);
        flags = host_end();
        if (!HOST_HAS_NANS &&
            (is_nan_bits(operands[0], is_f32) || is_nan_bits(operands[1], is_f32) ||
             is_nan_bits(operands[2], is_f32)))
            continue; /* whether infinity * 0 + NaN is invalid, too */
        got = is_f32 ? fp_f32_fma((uint32_t)operands[0], (uint32_t)operands[1],
                                  (uint32_t)operands[2], &env)
                     : fp_f64_fma(operands[0], operands[1], operands[2], &env);
        check_same(is_f32 ? "f32_fma" : "f64_fma", env.round, operands, want, flags, got,
                   env.flags, is_f32);
    }
}
END_TEST

#ifdef __x86_64__
/* ZF, PF, CF as an order. */
static enum fp_order host_compare(uint64_t a, uint64_t b, bool is_f32, bool is_signalling)
{
    bool below, unordered, equal;
    double x, y;
    float u, v;
    uint32_t a32 = (uint32_t)a, b32 = (uint32_t)b;

#define COMPARE(insn, m, n)                                                              \
    __asm__ volatile(insn " %4, %3\nsetc %0\nsetp %1\nsetz %2"                           \
                     : "=q"(below), "=q"(unordered), "=q"(equal)                         \
                     : "x"(m), "x"(n)                                                    \
                     : "cc")
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    memcpy(&u, &a32, sizeof u);
    memcpy(&v, &b32, sizeof v);
    if (is_f32 && is_signalling)
        COMPARE("comiss", u, v);
    else if (is_f32)
        COMPARE("ucomiss", u, v);
    else if (is_signalling)
        COMPARE("comisd", x, y);
    else
        COMPARE("ucomisd", x, y);
#undef COMPARE
    return unordered ? FP_UNORDERED : equal ? FP_EQUAL : below ? FP_LESS : FP_GREATER;
}

START_TEST(comparisons_are_as_on_the_host)
{
    for (unsigned i = 0; i < 2000000; i++) {
        struct fp_env env = { .rules = HOST_RULES };
        bool is_f32 = i & 1, is_signalling = i & 2;
        enum fp_order want, got;
        uint64_t operands[3];
        uint8_t flags;

        random_pair(is_f32, operands);
        host_begin(FP_RNE);
        want = host_compare(operands[0], operands[1], is_f32, is_signalling);
        flags = host_end();
        if (is_f32)
            got = (is_signalling ? fp_f32_cmps : fp_f32_cmp)((uint32_t)operands[0],
                                                             (uint32_t)operands[1], &env);
        else
            got = (is_signalling ? fp_f64_cmps : fp_f64_cmp)(operands[0], operands[1],
                                                             &env);
        check_same("cmp", 0, operands, (uint64_t)want, flags, (uint64_t)got, env.flags,
                   false);
    }
}
END_TEST

#define HOST_TO_INT(name, real, bits, integer, insn)                                     \
    static uint64_t name(bits a)                                                         \
    {                                                                                    \
        real x;                                                                          \
        integer r;                                                                       \
                                                                                         \
        memcpy(&x, &a, sizeof x);                                                        \
        __asm__ volatile(insn " %1, %0" : "=r"(r) : "x"(x));                             \
        return (uint64_t)(int64_t)r;                                                     \
    }
#define HOST_FROM_INT(name, real, bits, integer, insn)                                   \
    static uint64_t name(integer a)                                                      \
    {                                                                                    \
        real x;                                                                          \
        bits r;                                                                          \
                                                                                         \
        __asm__ volatile("xorps %0, %0\n" insn " %1, %0" : "=&x"(x) : "r"(a));           \
        memcpy(&r, &x, sizeof x);                                                        \
        return r;                                                                        \
    }
HOST_TO_INT(host_f64_to_int32, double, uint64_t, int32_t, "cvtsd2sil")
HOST_TO_INT(host_f64_to_int64, double, uint64_t, int64_t, "cvtsd2siq")
HOST_TO_INT(host_f32_to_int32, float, uint32_t, int32_t, "cvtss2sil")
HOST_TO_INT(host_f32_to_int64, float, uint32_t, int64_t, "cvtss2siq")
HOST_FROM_INT(host_int32_to_f64, double, uint64_t, int32_t, "cvtsi2sdl")
HOST_FROM_INT(host_int64_to_f64, double, uint64_t, int64_t, "cvtsi2sdq")
HOST_FROM_INT(host_int32_to_f32, float, uint32_t, int32_t, "cvtsi2ssl")
HOST_FROM_INT(host_int64_to_f32, float, uint32_t, int64_t, "cvtsi2ssq")

START_TEST(floats_to_integers_are_as_on_the_host)
{
    for (unsigned i = 0; i < 2000000; i++) {
        struct fp_env env = { .rules = HOST_RULES, .round = i & 3 };
        bool is_f32 = i & 4;
        unsigned width = i & 8 ? 32 : 64, daz = i & 16 ? 0x40 : 0;
        uint64_t operands[3], want, got;
        uint8_t flags;

        random_pair(is_f32, operands);
        env.rules |= daz ? FP_DAZ : 0;
        host_begin_with(env.round, daz);
        if (is_f32)
            want = (width == 32 ? host_f32_to_int32
                                : host_f32_to_int64)((uint32_t)operands[0]);
        else
            want = (width == 32 ? host_f64_to_int32 : host_f64_to_int64)(operands[0]);
        flags = host_end();
        got = is_f32 ? fp_f32_to_int((uint32_t)operands[0], width, true, &env)
                     : fp_f64_to_int(operands[0], width, true, &env);
        check_same("to_int", env.round, operands, want, flags, got, env.flags, false);
    }
}
END_TEST

START_TEST(integers_to_floats_are_as_on_the_host)
{
    for (unsigned i = 0; i < 1000000; i++) {
        struct fp_env env = { .rules = HOST_RULES, .round = i & 3 };
        bool to_f32 = i & 4, is_wide = i & 8;
        uint64_t operands[3] = { random_fraction(64) }, want, got;
        int64_t wide = (int64_t)operands[0];
        int32_t narrow = (int32_t)operands[0];
        uint8_t flags;

        host_begin(env.round);
        if (to_f32)
            want = is_wide ? host_int64_to_f32(wide) : host_int32_to_f32(narrow);
        else
            want = is_wide ? host_int64_to_f64(wide) : host_int32_to_f64(narrow);
        flags = host_end();
        got = to_f32 ? fp_int_to_f32(operands[0], is_wide ? 64 : 32, true, &env)
                     : fp_int_to_f64(operands[0], is_wide ? 64 : 32, true, &env);
        check_same("int_to", env.round, operands, want, flags, got, env.flags, to_f32);
    }
}
END_TEST

#define HOST_ROUND(name, real, bits, insn, imm)                                          \
    static uint64_t name(uint64_t a)                                                     \
    {                                                                                    \
        bits r = (bits)a;                                                                \
        real x, y;                                                                       \
                                                                                         \
        memcpy(&x, &r, sizeof x);                                                        \
        __asm__ volatile(insn " $" imm ", %1, %0" : "=x"(y) : "x"(x));                   \
        memcpy(&r, &y, sizeof y);                                                        \
        return r;                                                                        \
    }
HOST_ROUND(host_f64_rint, double, uint64_t, "roundsd", "4")
HOST_ROUND(host_f32_rint, float, uint32_t, "roundss", "4")
HOST_ROUND(host_f64_nearbyint, double, uint64_t, "roundsd", "12")
HOST_ROUND(host_f32_nearbyint, float, uint32_t, "roundss", "12")

START_TEST(rounding_to_integral_is_as_on_the_host)
{
    if (!__builtin_cpu_supports("sse4.1"))
        return;
    for (unsigned i = 0; i < 2000000; i++) {
        struct fp_env env = { .rules = HOST_RULES, .round = i & 3 };
        bool is_f32 = i & 4, is_exact = i & 8;
        unsigned daz = i & 16 ? 0x40 : 0;
        uint64_t operands[3], want, got;
        uint8_t flags;

        random_pair(is_f32, operands);
        env.rules |= daz ? FP_DAZ : 0;
        host_begin_with(env.round, daz);
        if (is_f32)
            want = (is_exact ? host_f32_rint : host_f32_nearbyint)(operands[0]);
        else
            want = (is_exact ? host_f64_rint : host_f64_nearbyint)(operands[0]);
        flags = host_end();
        if (is_f32)
            got =
                (is_exact ? fp_f32_rint : fp_f32_nearbyint)((uint32_t)operands[0], &env);
        else
            got = (is_exact ? fp_f64_rint : fp_f64_nearbyint)(operands[0], &env);
        check_same("rint", env.round, operands, want, flags, got, env.flags, is_f32);
    }
}
END_TEST
#endif

int main(void)
{
    const TTest *const cases[] = {
        arithmetic_is_as_on_the_host,           fma_is_as_on_the_host,
#ifdef __x86_64__
        daz_and_ftz_are_as_on_the_host,         comparisons_are_as_on_the_host,
        floats_to_integers_are_as_on_the_host,  integers_to_floats_are_as_on_the_host,
        rounding_to_integral_is_as_on_the_host,
#endif
    };

    if (FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1) {
        puts("skip fp_host_fpu: this host computes in a wider format");
        return 77;
    }
    return run_cases_within("fp_host_fpu", NO_LIMIT, cases, COUNT(cases));
}
