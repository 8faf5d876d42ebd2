/* fp_rules_test.c - what guests do differently, from their manuals: NaNs, impossible
 * integers, flushing, precision; and the operations that no host has. */
#include "fp_testing.h"
#include <math.h>

#define QUIET1 0x7fc00001u
#define QUIET2 0xffc00002u
#define QUIET3 0x7fc00003u
#define SIGNAL1 0x7f800011u
#define SIGNAL2 0xff800022u
#define SIGNAL3 0x7f800033u
#define QUIETED1 0x7fc00011u
#define QUIETED2 0xffc00022u
#define QUIETED3 0x7fc00033u
#define DEFAULT 0x7fc00000u
#define NEGATIVE 0xffc00000u
#define ONES 0x7fffffffu
#define LEGACY 0x7fbfffffu
#define ONE 0x3f800000u
#define TWO 0x40000000u
#define INF 0x7f800000u
#define ZERO 0u
#define MINUS_ZERO 0x80000000u

/* --- NaNs */

static const struct {
    const char *family;
    uint32_t rules;
    uint32_t quiet_number, number_quiet, quiet_quiet, quiet_signal, signal_quiet,
        signal_signal, invalid;
} nan_rows[] = {
    { "riscv", FP_RULES_RISCV, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT,
      DEFAULT },
    { "arm dn", FP_RULES_ARM_DN, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT,
      DEFAULT },
    { "arm", FP_RULES_ARM, QUIET1, QUIET2, QUIET1, QUIETED2, QUIETED1, QUIETED1,
      DEFAULT },
    { "sse", FP_RULES_SSE, QUIET1, QUIET2, QUIET1, QUIET1, QUIETED1, QUIETED1, NEGATIVE },
    { "x87", FP_RULES_X87, QUIET1, QUIET2, QUIET2, QUIET1, QUIET2, QUIETED2, NEGATIVE },
    { "power", FP_RULES_POWER, QUIET1, QUIET2, QUIET1, QUIET1, QUIETED1, QUIETED1,
      DEFAULT },
    { "sparc", FP_RULES_SPARC, QUIET1, QUIET2, QUIET2, QUIETED2, QUIETED1, QUIETED2,
      ONES },
    { "mips2008", FP_RULES_MIPS2008, QUIET1, QUIET2, QUIET1, QUIETED2, QUIETED1, QUIETED1,
      DEFAULT },
    { "s390", FP_RULES_S390, QUIET1, QUIET2, QUIET1, QUIETED2, QUIETED1, QUIETED1,
      DEFAULT },
    { "m68k", FP_RULES_M68K, QUIET1, QUIET2, QUIET1, QUIET1, QUIETED1, QUIETED1, ONES },
};

static void check_nan(const char *family, uint32_t rules, uint32_t a, uint32_t b,
                      uint32_t want, uint8_t flags)
{
    struct fp_env env = { .rules = rules };
    uint32_t got = fp_f32_add(a, b, &env);

    ck_assert_msg(got == want && env.flags == flags,
                  "%s: %08x + %08x: got %08x flags %02x, want %08x flags %02x", family, a,
                  b, got, env.flags, want, flags);
}

START_TEST(the_right_nan_of_two)
{
    for (size_t i = 0; i < COUNT(nan_rows); i++) {
        const char *family = nan_rows[i].family;
        uint32_t rules = nan_rows[i].rules;

        check_nan(family, rules, QUIET1, ONE, nan_rows[i].quiet_number, 0);
        check_nan(family, rules, ONE, QUIET2, nan_rows[i].number_quiet, 0);
        check_nan(family, rules, QUIET1, QUIET2, nan_rows[i].quiet_quiet, 0);
        check_nan(family, rules, QUIET1, SIGNAL2, nan_rows[i].quiet_signal, FP_NV);
        check_nan(family, rules, SIGNAL1, QUIET2, nan_rows[i].signal_quiet, FP_NV);
        check_nan(family, rules, SIGNAL1, SIGNAL2, nan_rows[i].signal_signal, FP_NV);
        check_nan(family, rules, INF, INF | MINUS_ZERO, nan_rows[i].invalid, FP_NV);
    }
}
END_TEST

START_TEST(old_mips_has_the_quiet_bit_the_other_way)
{
    check_nan("mips", FP_RULES_MIPS, SIGNAL1, ONE, SIGNAL1, 0); /* quiet there */
    check_nan("mips", FP_RULES_MIPS, ONE, QUIET2, LEGACY, FP_NV);
    check_nan("mips", FP_RULES_MIPS, SIGNAL1, SIGNAL2, SIGNAL1, 0);
    check_nan("mips", FP_RULES_MIPS, INF, INF | MINUS_ZERO, LEGACY, FP_NV);
    {
        struct fp_env env = { .rules = FP_RULES_MIPS };

        ck_assert_uint_eq(fp_f64_div(0, 0, &env), UINT64_C(0x7ff7ffffffffffff));
        ck_assert_uint_eq(fp_f32_class(SIGNAL1, &env), FP_IS_QNAN);
        ck_assert_uint_eq(fp_f32_class(QUIET1, &env), FP_IS_SNAN);
        /* A payload that does not survive narrowing must not become an infinity. */
        ck_assert_uint_eq(fp_f64_to_f32(UINT64_C(0x7ff0000000000001), &env), LEGACY);
    }
}
END_TEST

static const struct {
    const char *family;
    uint32_t rules;
    uint32_t quiet_123, signal_123, quiet_1_signal_23; /* a, b, c */
    uint32_t inf_zero_quiet, inf_zero_signal;
    uint8_t inf_zero_flags;
} fma_rows[] = {
    { "riscv", FP_RULES_RISCV, DEFAULT, DEFAULT, DEFAULT, DEFAULT, DEFAULT, FP_NV },
    { "arm", FP_RULES_ARM, QUIET3, QUIETED3, QUIETED3, DEFAULT, QUIETED3, FP_NV },
    { "sse", FP_RULES_SSE, QUIET1, QUIETED1, QUIET1, QUIET3, QUIETED3, 0 },
    { "power", FP_RULES_POWER, QUIET1, QUIETED1, QUIET1, QUIET3, QUIETED3, FP_NV },
    { "sparc", FP_RULES_SPARC, QUIET3, QUIETED3, QUIETED3, QUIET3, QUIETED3, FP_NV },
    { "mips2008", FP_RULES_MIPS2008, QUIET3, QUIETED3, QUIETED3, QUIET3, QUIETED3,
      FP_NV },
    { "s390", FP_RULES_S390, QUIET1, QUIETED1, QUIETED2, DEFAULT, QUIETED3, FP_NV },
};

static void check_fma(const char *family, uint32_t rules, const uint32_t *x,
                      uint32_t want, uint8_t flags)
{
    struct fp_env env = { .rules = rules };
    uint32_t got = fp_f32_fma(x[0], x[1], x[2], &env);

    ck_assert_msg(got == want && env.flags == flags,
                  "%s: %08x * %08x + %08x: got %08x flags %02x, want %08x flags %02x",
                  family, x[0], x[1], x[2], got, env.flags, want, flags);
}

START_TEST(the_right_nan_of_three)
{
    static const uint32_t quiet_123[] = { QUIET1, QUIET2, QUIET3 };
    static const uint32_t signal_123[] = { SIGNAL1, SIGNAL2, SIGNAL3 };
    static const uint32_t mixed[] = { QUIET1, SIGNAL2, SIGNAL3 };
    static const uint32_t power_order[] = { ONE, QUIET2, QUIET3 };
    static const uint32_t inf_zero[] = { INF, ZERO, QUIET3 };
    static const uint32_t zero_inf[] = { ZERO, INF, QUIET3 };
    static const uint32_t inf_zero_signal[] = { INF, ZERO, SIGNAL3 };

    for (size_t i = 0; i < COUNT(fma_rows); i++) {
        const char *family = fma_rows[i].family;
        uint32_t rules = fma_rows[i].rules;
        uint8_t flags = fma_rows[i].inf_zero_flags;

        check_fma(family, rules, quiet_123, fma_rows[i].quiet_123, 0);
        check_fma(family, rules, signal_123, fma_rows[i].signal_123, FP_NV);
        check_fma(family, rules, mixed, fma_rows[i].quiet_1_signal_23, FP_NV);
        check_fma(family, rules, inf_zero, fma_rows[i].inf_zero_quiet, flags);
        check_fma(family, rules, zero_inf, fma_rows[i].inf_zero_quiet, flags);
        check_fma(family, rules, inf_zero_signal, fma_rows[i].inf_zero_signal, FP_NV);
    }
    check_fma("power", FP_RULES_POWER, power_order, QUIET3,
              0); /* frB, our c, before frC */
}
END_TEST

START_TEST(default_nans_fill_every_format)
{
    struct fp_env env = { .rules = FP_RULES_SPARC };
    struct fp128 r;

    ck_assert_uint_eq(fp_f16_div(0, 0, &env), 0x7fff);
    ck_assert_uint_eq(fp_f64_div(0, 0, &env), UINT64_C(0x7fffffffffffffff));
    r = fp_f128_div((struct fp128){ 0 }, (struct fp128){ 0 }, &env);
    ck_assert_uint_eq(r.hi, UINT64_C(0x7fffffffffffffff));
    ck_assert_uint_eq(r.lo, UINT64_MAX);
    env.rules = FP_RULES_X87;
    r = fp_f80_div((struct fp128){ 0 }, (struct fp128){ 0 }, &env);
    ck_assert_uint_eq(r.hi, 0xffff);
    ck_assert_uint_eq(r.lo, UINT64_C(0xc000000000000000));
}
END_TEST

START_TEST(payloads_keep_their_top_bits_between_formats)
{
    struct fp_env env = { .rules = FP_RULES_ARM };

    ck_assert_uint_eq(fp_f32_to_f64(0xffc12345u, &env), UINT64_C(0xfff82468a0000000));
    ck_assert_uint_eq(fp_f64_to_f32(UINT64_C(0xfff82468a0000001), &env), 0xffc12345u);
    ck_assert_uint_eq(fp_f64_to_f16(UINT64_C(0x7ff8040000000000), &env), 0x7e01);
    ck_assert_uint_eq(env.flags, 0);
    ck_assert_uint_eq(fp_f64_to_f16(UINT64_C(0x7ff0040000000000), &env), 0x7e01);
    ck_assert_uint_eq(env.flags, FP_NV);
}
END_TEST

/* --- causes of FP_NV */

static void check_cause(uint8_t got, uint8_t want, const char *what)
{
    ck_assert_msg(got == want, "%s: got %02x, want %02x", what, got, want);
}

START_TEST(invalid_operations_say_why)
{
    struct fp_env env;

#define CAUSE(want, call)                                                                \
    env = (struct fp_env){ .rules = FP_RULES_POWER };                                    \
    call;                                                                                \
    check_cause(env.cause, want, #call);                                                 \
    check_cause(env.flags, FP_NV, #call)

    CAUSE(FP_VXSNAN, fp_f32_add(SIGNAL1, ONE, &env));
    CAUSE(FP_VXISI, fp_f32_sub(INF, INF, &env));
    CAUSE(FP_VXISI, fp_f32_fma(INF, ONE, INF | MINUS_ZERO, &env));
    CAUSE(FP_VXIDI, fp_f32_div(INF, INF, &env));
    CAUSE(FP_VXZDZ, fp_f32_div(ZERO, ZERO, &env));
    CAUSE(FP_VXIMZ, fp_f32_mul(INF, ZERO, &env));
    CAUSE(FP_VXIMZ | FP_VXSNAN, fp_f32_fma(INF, ZERO, SIGNAL1, &env));
    CAUSE(FP_VXVC, fp_f32_cmps(QUIET1, ONE, &env));
    CAUSE(FP_VXVC | FP_VXSNAN, fp_f32_cmps(SIGNAL1, ONE, &env));
    CAUSE(FP_VXSNAN, fp_f32_cmp(SIGNAL1, ONE, &env));
    CAUSE(FP_VXSQRT, fp_f32_sqrt(ONE | MINUS_ZERO, &env));
    CAUSE(FP_VXCVI, fp_f32_to_int(INF, 32, true, &env));
    CAUSE(FP_VXCVI | FP_VXSNAN, fp_f32_to_int(SIGNAL1, 32, true, &env));
#undef CAUSE
}
END_TEST

/* --- integers */

static const struct {
    const char *family;
    uint32_t rules;
    uint64_t above, below, plus_nan, minus_nan; /* as signed 32 bits */
    uint64_t u_above, u_below, u_nan;           /* as unsigned 32 bits */
} integer_rows[] = {
    { "riscv", FP_RULES_RISCV, 0x7fffffff, UINT64_C(0xffffffff80000000), 0x7fffffff,
      0x7fffffff, 0xffffffff, 0, 0xffffffff },
    { "arm", FP_RULES_ARM, 0x7fffffff, UINT64_C(0xffffffff80000000), 0, 0, 0xffffffff, 0,
      0 },
    { "x86", FP_RULES_SSE, UINT64_C(0xffffffff80000000), UINT64_C(0xffffffff80000000),
      UINT64_C(0xffffffff80000000), UINT64_C(0xffffffff80000000), 0xffffffff, 0xffffffff,
      0xffffffff },
    { "power", FP_RULES_POWER, 0x7fffffff, UINT64_C(0xffffffff80000000),
      UINT64_C(0xffffffff80000000), UINT64_C(0xffffffff80000000), 0xffffffff, 0, 0 },
    { "sparc", FP_RULES_SPARC, 0x7fffffff, UINT64_C(0xffffffff80000000), 0x7fffffff,
      UINT64_C(0xffffffff80000000), 0xffffffff, 0, 0xffffffff },
    { "mips", FP_RULES_MIPS, 0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff, 0xffffffff,
      0xffffffff, 0xffffffff },
    { "mips2008", FP_RULES_MIPS2008, 0x7fffffff, UINT64_C(0xffffffff80000000), 0, 0,
      0xffffffff, 0, 0 },
    { "s390", FP_RULES_S390, 0x7fffffff, UINT64_C(0xffffffff80000000),
      UINT64_C(0xffffffff80000000), UINT64_C(0xffffffff80000000), 0xffffffff, 0, 0 },
    { "m68k", FP_RULES_M68K, 0x7fffffff, UINT64_C(0xffffffff80000000),
      UINT64_C(0xffffffffc0000100), UINT64_C(0xffffffffc0000200), 0xffffffff, 0,
      0xc0000100 },
};

static void check_integer(size_t row, uint32_t a, bool is_signed, uint64_t want)
{
    struct fp_env env = { .rules = integer_rows[row].rules, .round = FP_RTZ };
    uint64_t got = fp_f32_to_int(a, 32, is_signed, &env);

    ck_assert_msg(got == want && env.flags == FP_NV,
                  "%s: %08x to %s: got %" PRIx64 " flags %02x, want %" PRIx64,
                  integer_rows[row].family, a, is_signed ? "i32" : "u32", got, env.flags,
                  want);
}

START_TEST(what_an_impossible_integer_is)
{
    uint32_t above = 0x4f800000, below_all = 0xcf800000u, minus_one = 0xbf800000u;

    for (size_t i = 0; i < COUNT(integer_rows); i++) {
        bool is_mips = integer_rows[i].rules == FP_RULES_MIPS;
        uint32_t plus_nan = is_mips ? SIGNAL1 : QUIET1;
        uint32_t minus_nan = is_mips ? SIGNAL2 : QUIET2;

        check_integer(i, above, true, integer_rows[i].above);
        check_integer(i, INF, true, integer_rows[i].above);
        check_integer(i, below_all, true, integer_rows[i].below);
        check_integer(i, plus_nan, true, integer_rows[i].plus_nan);
        check_integer(i, minus_nan, true, integer_rows[i].minus_nan);
        check_integer(i, above, false, integer_rows[i].u_above);
        check_integer(i, minus_one, false, integer_rows[i].u_below);
        check_integer(i, plus_nan, false, integer_rows[i].u_nan);
    }
}
END_TEST

START_TEST(integers_of_every_width_are_limited_exactly)
{
    for (unsigned i = 0; i < 200000; i++) {
        struct fp_env env = { .rules = FP_RULES_RISCV, .round = (uint8_t)(i % 4) },
                      exact = env;
        unsigned width = 8u << below(4);
        bool is_signed = below(2);
        int64_t n = (int64_t)(random64() >> below(64)), min, max;
        uint64_t f, got;

        n = below(2) ? -n : n;
        n = (int64_t)((uint64_t)n << 11 >> 11); /* below 2^53 */
        if (n > INT64_C(1) << 52)
            continue;
        f = fp_int_to_f64((uint64_t)n, 64, true, &exact);
        min = is_signed ? -(INT64_C(1) << (width == 64 ? 62 : width - 1)) : 0;
        max = is_signed ? (INT64_C(1) << (width == 64 ? 62 : width - 1)) - 1
                        : (INT64_C(1) << (width == 64 ? 62 : width)) - 1;
        got = fp_f64_to_int(f, width, is_signed, &env);
        if ((n < min || n > max) != (env.flags == FP_NV) ||
            got != (uint64_t)(n < min   ? min
                              : n > max ? max
                                        : n))
            ck_abort_msg("%" PRId64 " to %c%u: got %" PRIx64 " flags %02x", n,
                         is_signed ? 'i' : 'u', width, got, env.flags);
    }
}
END_TEST

START_TEST(integers_of_128_bits)
{
    struct fp_env env = { .rules = FP_RULES_RISCV, .round = FP_RTZ };
    struct fp128 limit = { .lo = 0, .hi = UINT64_C(1) << 63 }, r, f;

    f = fp_int128_to_f128(limit, true, &env); /* -2^127 */
    ck_assert_uint_eq(f.hi, UINT64_C(0xc07e000000000000));
    r = fp_f128_to_int128(f, true, &env);
    ck_assert_uint_eq(r.hi, limit.hi);
    ck_assert_uint_eq(r.lo, 0);
    ck_assert_uint_eq(env.flags, 0);
    f.hi ^= UINT64_C(1) << 63;
    r = fp_f128_to_int128(f, false, &env);
    ck_assert_uint_eq(r.hi, limit.hi);
    ck_assert_uint_eq(env.flags, 0);
    r = fp_f128_to_int128(f, true, &env);
    ck_assert_uint_eq(r.hi, UINT64_C(0x7fffffffffffffff));
    ck_assert_uint_eq(r.lo, UINT64_MAX);
    ck_assert_uint_eq(env.flags, FP_NV);
}
END_TEST

START_TEST(modular_conversion_wraps_and_says_so)
{
    static const struct {
        double from;
        uint64_t want;
        uint8_t flags;
    } rows[] = {
        { 0.0, 0, 0 },
        { -0.0, 0, 0 },
        { 1.5, 1, FP_NX },
        { -1.5, UINT64_MAX, FP_NX },
        { 2147483647.0, 0x7fffffff, 0 },
        { -2147483648.0, UINT64_C(0xffffffff80000000), 0 },
        { 2147483648.0, UINT64_C(0xffffffff80000000), FP_NV },
        { 4294967297.5, 1, FP_NV },
        { -4294967297.0, UINT64_MAX, FP_NV },
        { 0x1.00000001p84, 0, FP_NV },
        { 0x1.0000000000001p52, 1, FP_NV },
        { 0x1p1000, 0, FP_NV },
        { INFINITY, 0, FP_NV },
        { NAN, 0, FP_NV },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fp_env env = { .rules = FP_RULES_RISCV };
        uint64_t bits, got;

        memcpy(&bits, &rows[i].from, sizeof bits);
        got = fp_f64_to_int_mod(bits, &env);
        ck_assert_msg(got == rows[i].want && env.flags == rows[i].flags,
                      "%a: got %" PRIx64 " flags %02x", rows[i].from, got, env.flags);
    }
}
END_TEST

/* --- minimum and maximum */

typedef uint32_t minmax_function(uint32_t a, uint32_t b, struct fp_env *env);

START_TEST(minimum_and_maximum_of_nans_and_zeros)
{
    static const struct {
        const char *name;
        minmax_function *function;
        uint32_t a, b, want;
        uint8_t flags;
    } rows[] = {
#define ROW(f, a, b, want, flags) { #f, fp_f32_##f, a, b, want, flags }
        ROW(minnum, QUIET1, ONE, ONE, 0),
        ROW(minnum, ONE, QUIET1, ONE, 0),
        ROW(minnum, SIGNAL1, ONE, QUIETED1, FP_NV),
        ROW(minnum, ZERO, MINUS_ZERO, MINUS_ZERO, 0),
        ROW(maxnum, MINUS_ZERO, ZERO, ZERO, 0),
        ROW(maxnum, ONE, TWO, TWO, 0),
        ROW(minmag, ONE, TWO | MINUS_ZERO, ONE, 0),
        ROW(maxmag, ONE, TWO | MINUS_ZERO, TWO | MINUS_ZERO, 0),
        ROW(minmag, ONE, ONE | MINUS_ZERO, ONE | MINUS_ZERO, 0),
        ROW(maxmag, ONE | MINUS_ZERO, ONE, ONE, 0),
        ROW(minimum, QUIET1, ONE, QUIET1, 0),
        ROW(minimum, ONE, SIGNAL1, QUIETED1, FP_NV),
        ROW(minimum, MINUS_ZERO, ZERO, MINUS_ZERO, 0),
        ROW(maximum, ONE, QUIET1, QUIET1, 0),
        ROW(maximum, ZERO, MINUS_ZERO, ZERO, 0),
        ROW(minimumnum, QUIET1, ONE, ONE, 0),
        ROW(minimumnum, SIGNAL1, ONE, ONE, FP_NV),
        ROW(minimumnum, QUIET1, QUIET2, QUIET1, 0),
        ROW(maximumnum, ONE, SIGNAL1, ONE, FP_NV),
        ROW(maximumnum, INF, ONE, INF, 0),
        ROW(minsse, QUIET1, ONE, ONE, FP_NV),
        ROW(minsse, ONE, SIGNAL1, SIGNAL1, FP_NV),
        ROW(minsse, ZERO, MINUS_ZERO, MINUS_ZERO, 0),
        ROW(maxsse, MINUS_ZERO, ZERO, ZERO, 0),
        ROW(maxsse, ZERO, MINUS_ZERO, MINUS_ZERO, 0),
#undef ROW
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fp_env env = { .rules = FP_RULES_ARM };
        uint32_t got = rows[i].function(rows[i].a, rows[i].b, &env);

        ck_assert_msg(got == rows[i].want && env.flags == rows[i].flags,
                      "%s(%08x, %08x): got %08x flags %02x, want %08x", rows[i].name,
                      rows[i].a, rows[i].b, got, env.flags, rows[i].want);
    }
}
END_TEST

/* --- flushing, tininess, precision */

START_TEST(arm_flushes_before_rounding_without_inexact)
{
    struct fp_env env = { .rules = FP_RULES_ARM | FP_RULES_ARM_FZ };

    ck_assert_uint_eq(fp_f32_mul(0x80800000u, 0x3f7fffff, &env), MINUS_ZERO);
    ck_assert_uint_eq(env.flags, FP_UF); /* would round up to the least normal number */
    env.flags = 0;
    ck_assert_uint_eq(fp_f32_add(0x00000001, ONE, &env), ONE);
    ck_assert_uint_eq(env.flags, FP_ID);
    env.flags = 0;
    ck_assert_uint_eq(fp_f32_add(0x807fffffu, QUIET1, &env), QUIET1);
    ck_assert_uint_eq(env.flags, FP_ID);
    env.flags = 0;
    ck_assert_int_eq(fp_f32_cmp(0x00000001, 0x80000001u, &env), FP_EQUAL);
    ck_assert_uint_eq(env.flags, FP_ID);
}
END_TEST

START_TEST(tininess_before_and_after_rounding_differ_at_one_place)
{
    struct fp_env before = { .rules = FP_RULES_ARM }, after = { .rules = FP_RULES_RISCV };

    /* (1 - 2^-24) * 2^-126 lies below the least normal number and rounds up to it */
    ck_assert_uint_eq(fp_f32_mul(0x00800000, 0x3f7fffff, &before), 0x00800000);
    ck_assert_uint_eq(before.flags, FP_UF | FP_NX | FP_UP);
    ck_assert_uint_eq(fp_f32_mul(0x00800000, 0x3f7fffff, &after), 0x00800000);
    ck_assert_uint_eq(after.flags, FP_UF | FP_NX | FP_UP);
    /* 24 bits hold that, so it is tiny after rounding too; (1 - 2^-26) * 2^-126 is not:
     */
    before.flags = after.flags = 0;
    ck_assert_uint_eq(fp_f64_to_f32(UINT64_C(0x380ffffff8000000), &before), 0x00800000);
    ck_assert_uint_eq(before.flags, FP_UF | FP_NX | FP_UP);
    ck_assert_uint_eq(fp_f64_to_f32(UINT64_C(0x380ffffff8000000), &after), 0x00800000);
    ck_assert_uint_eq(after.flags, FP_NX | FP_UP);
}
END_TEST

START_TEST(exact_tiny_results_underflow_only_if_asked)
{
    struct fp_env env = { .rules = FP_RULES_RISCV };

    ck_assert_uint_eq(fp_f32_mul(0x00800000, 0x3f000000, &env), 0x00400000);
    ck_assert_uint_eq(env.flags, 0);
    env.rules |= FP_UF_EXACT;
    ck_assert_uint_eq(fp_f32_mul(0x00800000, 0x3f000000, &env), 0x00400000);
    ck_assert_uint_eq(env.flags, FP_UF);
}
END_TEST

typedef uint64_t function64(uint64_t a, uint64_t b, struct fp_env *env);
typedef uint32_t function32(uint32_t a, uint32_t b, struct fp_env *env);

START_TEST(single_arithmetic_on_doubles_is_that_of_f32)
{
    static function64 *const wide[] = { fp_f64_add, fp_f64_sub, fp_f64_mul, fp_f64_div };
    static function32 *const narrow[] = { fp_f32_add, fp_f32_sub, fp_f32_mul,
                                          fp_f32_div };

    for (unsigned i = 0; i < 400000; i++) {
        struct fp_env env = { .rules = FP_RULES_POWER | FP_SINGLE, .round = i & 3 };
        struct fp_env want_env = { .rules = FP_RULES_POWER, .round = i & 3 };
        struct fp_env free = { .rules = FP_RULES_POWER };
        uint32_t a = random_f32(), b = (uint32_t)random_near(a, 8, 23), want;
        uint64_t wide_a, wide_b, got;

        if ((a & INF) == INF || (b & INF) == INF)
            continue;
        wide_a = fp_f32_to_f64(a, &free);
        wide_b = fp_f32_to_f64(b, &free);
        got = wide[i / 4 % 4](wide_a, wide_b, &env);
        want = narrow[i / 4 % 4](a, b, &want_env);
        if (got != fp_f32_to_f64(want, &free) || env.flags != want_env.flags)
            ck_abort_msg("%u %s(%08x, %08x): got %" PRIx64
                         " flags %02x, want %08x flags %02x",
                         i / 4 % 4, round_names[i & 3], a, b, got, env.flags, want,
                         want_env.flags);
    }
}
END_TEST

START_TEST(m68k_takes_every_extended_encoding)
{
    struct fp_env env = { .rules = FP_RULES_M68K };
    struct fp128 unnormal = { .hi = 0x4001,
                              .lo = UINT64_C(1) << 61 };       /* 1.0, two bits low */
    struct fp128 least = { .hi = 0, .lo = UINT64_C(1) << 63 }; /* 2^-16383 */
    struct fp128 inf = { .hi = 0x7fff, .lo = UINT64_C(1) << 63 }, r;

    r = fp_f80_add(unnormal, unnormal, &env);
    ck_assert_uint_eq(r.hi, 0x4000);
    ck_assert_uint_eq(r.lo, UINT64_C(1) << 63);
    r = fp_f80_add(least, least, &env);
    ck_assert_uint_eq(r.hi, 1);
    ck_assert_uint_eq(r.lo, UINT64_C(1) << 63);
    r = fp_f80_add(inf, unnormal, &env);
    ck_assert_uint_eq(r.hi, 0x7fff);
    ck_assert_uint_eq(r.lo, 0);
    ck_assert_uint_eq(env.flags, 0);
    env.rules = FP_RULES_X87;
    r = fp_f80_add(unnormal, unnormal, &env);
    ck_assert_uint_eq(r.hi, 0xffff);
    ck_assert_uint_eq(env.flags, FP_NV);
}
END_TEST

/* --- the other operations */

START_TEST(fma_negates_numbers_but_no_nans)
{
    struct fp_env env = { .rules = FP_RULES_SSE };
    uint32_t three = 0x40400000;

    ck_assert_uint_eq(fp_f32_fma_neg(TWO, ONE, ONE, 0, &env), three);
    ck_assert_uint_eq(fp_f32_fma_neg(TWO, ONE, ONE, FP_NEG_ADDEND, &env), ONE);
    ck_assert_uint_eq(fp_f32_fma_neg(TWO, ONE, ONE, FP_NEG_PRODUCT, &env),
                      ONE | MINUS_ZERO);
    ck_assert_uint_eq(fp_f32_fma_neg(TWO, ONE, ONE, FP_NEG_RESULT, &env),
                      three | MINUS_ZERO);
    ck_assert_uint_eq(fp_f32_fma_neg(ONE, ONE, ONE, FP_NEG_ADDEND | FP_NEG_RESULT, &env),
                      MINUS_ZERO);
    ck_assert_uint_eq(fp_f32_fma_neg(TWO, ONE, QUIET1, 7, &env), QUIET1);
    ck_assert_uint_eq(fp_f32_fma_neg(QUIET2, ONE, ONE, 7, &env), QUIET2);
}
END_TEST

START_TEST(every_class_has_one_bit)
{
    static const struct {
        uint32_t a;
        unsigned want;
    } rows[] = {
        { 0xff800000u, FP_IS_NEG_INF },
        { 0xbf800000u, FP_IS_NEG_NORMAL },
        { 0x80000001u, FP_IS_NEG_SUBNORMAL },
        { MINUS_ZERO, FP_IS_NEG_ZERO },
        { ZERO, FP_IS_POS_ZERO },
        { 0x007fffff, FP_IS_POS_SUBNORMAL },
        { 0x00800000, FP_IS_POS_NORMAL },
        { INF, FP_IS_POS_INF },
        { SIGNAL1, FP_IS_SNAN },
        { QUIET2, FP_IS_QNAN },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fp_env env = { .rules = FP_RULES_RISCV | FP_DAZ };

        ck_assert_uint_eq(fp_f32_class(rows[i].a, &env), rows[i].want);
        ck_assert_uint_eq(rows[i].want, 1u << i);
        ck_assert_uint_eq(env.flags, 0);
    }
}
END_TEST

START_TEST(logb_and_scalb_undo_each_other)
{
    struct fp_env env = { .rules = FP_RULES_RISCV };

    ck_assert_uint_eq(fp_f32_logb(0x00000001, &env), 0xc3150000u); /* -149 */
    ck_assert_uint_eq(fp_f32_logb(0x7f7fffff, &env), 0x42fe0000);  /* 127 */
    ck_assert_uint_eq(fp_f32_logb(0xff800000u, &env), INF);
    ck_assert_uint_eq(fp_f32_scalb(ONE, -149, &env), 0x00000001);
    ck_assert_uint_eq(fp_f32_scalb(0x00000001, 149, &env), ONE);
    ck_assert_uint_eq(env.flags, 0);
    ck_assert_uint_eq(fp_f32_logb(ZERO, &env), 0xff800000u);
    ck_assert_uint_eq(env.flags, FP_DZ);
    env.flags = 0;
    ck_assert_uint_eq(fp_f32_scalb(ONE, INT32_MAX, &env), INF);
    ck_assert_uint_eq(env.flags, FP_OF | FP_NX | FP_UP);
    env.flags = 0;
    ck_assert_uint_eq(fp_f32_scalb(ONE, INT32_MIN, &env), ZERO);
    ck_assert_uint_eq(env.flags, FP_UF | FP_NX);
}
END_TEST

START_TEST(remainders_are_those_of_the_c_library)
{
    for (unsigned i = 0; i < 200000; i++) {
        struct fp_env env = { .rules = FP_RULES_RISCV };
        uint64_t a = random_f64(), b = random_near(a, 11, 52), got, want;
        double x, y, r;

        memcpy(&x, &a, sizeof x);
        memcpy(&y, &b, sizeof y);
        r = remainder(x, y);
        memcpy(&want, &r, sizeof want);
        got = fp_f64_rem(a, b, &env);
        if (r == 0) /* glibc loses the sign of some */
            want = a & UINT64_C(1) << 63;
        if (got != want && !(isnan(r) && fp_f64_class(got, &env) == FP_IS_QNAN))
            ck_abort_msg("%a rem %a: got %016" PRIx64 ", want %016" PRIx64, x, y, got,
                         want);
        if (env.flags & ~FP_NV)
            ck_abort_msg("%a rem %a: flags %02x", x, y, env.flags);
    }
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        the_right_nan_of_two,
        old_mips_has_the_quiet_bit_the_other_way,
        the_right_nan_of_three,
        default_nans_fill_every_format,
        payloads_keep_their_top_bits_between_formats,
        invalid_operations_say_why,
        what_an_impossible_integer_is,
        integers_of_every_width_are_limited_exactly,
        integers_of_128_bits,
        modular_conversion_wraps_and_says_so,
        minimum_and_maximum_of_nans_and_zeros,
        arm_flushes_before_rounding_without_inexact,
        tininess_before_and_after_rounding_differ_at_one_place,
        exact_tiny_results_underflow_only_if_asked,
        single_arithmetic_on_doubles_is_that_of_f32,
        m68k_takes_every_extended_encoding,
        fma_negates_numbers_but_no_nans,
        every_class_has_one_bit,
        logb_and_scalb_undo_each_other,
        remainders_are_those_of_the_c_library,
    };

    return run_cases_within("fp_rules", NO_LIMIT, cases, COUNT(cases));
}
