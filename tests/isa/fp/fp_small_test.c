/* fp_small_test.c - f16 and bf16, and the rounding modes that hosts lack (ties away, to
 * odd) and tininess before rounding, against a search in the list of all values.
 *
 * Sums and products of these types are exact in double; quotients and roots are so near
 * that they lie on the same side of every rounding point; the rest is made odd first. */
#include "fp_testing.h"
#include <math.h>

struct small {
    const char *name;
    unsigned exp_bits, frac_bits;
    uint16_t infinity;
    double value[0x7f81]; /* by bits; that of infinity is the next power of two */
    uint16_t (*add)(uint16_t a, uint16_t b, struct fp_env *env);
    uint16_t (*sub)(uint16_t a, uint16_t b, struct fp_env *env);
    uint16_t (*mul)(uint16_t a, uint16_t b, struct fp_env *env);
    uint16_t (*div)(uint16_t a, uint16_t b, struct fp_env *env);
    uint16_t (*sqrt)(uint16_t a, struct fp_env *env);
    uint16_t (*fma)(uint16_t a, uint16_t b, uint16_t c, struct fp_env *env);
    uint16_t (*from_f64)(uint64_t a, struct fp_env *env);
    uint64_t (*to_f64)(uint16_t a, struct fp_env *env);
    uint16_t (*from_f32)(uint32_t a, struct fp_env *env);
    uint32_t (*to_f32)(uint16_t a, struct fp_env *env);
};

#define SMALL(type, exps, fracs, inf)                                                    \
    {                                                                                    \
        .name = #type, .exp_bits = exps, .frac_bits = fracs, .infinity = inf,            \
        .add = fp_##type##_add, .sub = fp_##type##_sub, .mul = fp_##type##_mul,          \
        .div = fp_##type##_div, .sqrt = fp_##type##_sqrt, .fma = fp_##type##_fma,        \
        .from_f64 = fp_f64_to_##type, .to_f64 = fp_##type##_to_f64,                      \
        .from_f32 = fp_f32_to_##type, .to_f32 = fp_##type##_to_f32                       \
    }

static struct small smalls[] = { SMALL(f16, 5, 10, 0x7c00), SMALL(bf16, 8, 7, 0x7f80) };

static void fill_values(struct small *s)
{
    int bias = (1 << (s->exp_bits - 1)) - 1;

    for (unsigned bits = 0; bits <= s->infinity; bits++) {
        int field = (int)(bits >> s->frac_bits);
        double frac = bits & ((1u << s->frac_bits) - 1), one = 1 << s->frac_bits;

        s->value[bits] =
            field ? ldexp((one + frac) / one, field - bias) : ldexp(frac / one, 1 - bias);
    }
}

static double double_of(uint64_t bits)
{
    double d;

    memcpy(&d, &bits, sizeof d);
    return d;
}

static uint64_t bits_of(double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static double value_of(const struct small *s, uint16_t bits)
{
    double magnitude = s->value[bits & 0x7fff];

    return bits & 0x8000 ? -magnitude : magnitude;
}

/* The index of the value that `magnitude` rounds to. */
static unsigned nearest(const struct small *s, double magnitude, bool sign,
                        unsigned round, bool *is_exact)
{
    unsigned low = 0, high = s->infinity;
    double middle;

    while (high - low > 1) {
        unsigned guess = (low + high) / 2;

        if (s->value[guess] <= magnitude)
            low = guess;
        else
            high = guess;
    }
    *is_exact = s->value[low] == magnitude;
    if (*is_exact)
        return low;
    middle = (s->value[low] + s->value[high]) / 2;
    switch (round) {
    case FP_RTZ: return low;
    case FP_RDN: return sign ? high : low;
    case FP_RUP: return sign ? low : high;
    case FP_RMM: return magnitude >= middle ? high : low;
    case FP_ROD: return low & 1 ? low : high;
    default:
        if (magnitude != middle)
            return magnitude > middle ? high : low;
        return low & 1 ? high : low;
    }
}

/* What a finite, not zero, exact result becomes. */
static uint16_t rounded(const struct small *s, double exact, const struct fp_env *env,
                        uint8_t *flags)
{
    double magnitude = fabs(exact), least = s->value[1u << s->frac_bits];
    bool sign = exact < 0, is_exact, ignored, is_tiny = magnitude < least;
    unsigned index;

    if (magnitude >= s->value[s->infinity]) {
        bool is_infinite = env->round == FP_RNE || env->round == FP_RMM ||
                           env->round == (sign ? FP_RDN : FP_RUP);

        *flags = FP_OF | FP_NX | (is_infinite ? FP_UP : 0);
        return (uint16_t)((unsigned)sign << 15 | (s->infinity - !is_infinite));
    }
    index = nearest(s, magnitude, sign, env->round, &is_exact);
    *flags = is_exact ? 0 : FP_NX;
    if (s->value[index] > magnitude && env->round != FP_ROD)
        *flags |= FP_UP;
    if (index == s->infinity)
        *flags |= FP_OF;
    if (is_tiny && !(env->rules & FP_TINY_BEFORE) && magnitude * 2 >= least) {
        double scaled = magnitude * 256; /* the same bits where there are no subnormals */

        is_tiny = s->value[nearest(s, scaled, sign, env->round, &ignored)] < least * 256;
    }
    if (is_tiny && !is_exact)
        *flags |= FP_UF;
    return (uint16_t)((unsigned)sign << 15 | index);
}

/* x + y, made odd if inexact. */
static double sum_to_odd(double x, double y)
{
    volatile double sum = x + y, v = sum - x, error = (x - (sum - v)) + (y - v);
    uint64_t bits = bits_of(sum);

    if (error != 0 && !(bits & 1))
        bits += (error > 0) == (sum > 0) ? 1 : UINT64_MAX;
    return double_of(bits);
}

static void check_rounding(const struct small *s, const char *name, double exact,
                           uint16_t got, const struct fp_env *env,
                           const uint16_t *operands)
{
    uint8_t flags = 0;
    uint16_t want;

    if (exact == 0)
        return; /* signs of zero are f32's, compared below */
    want = rounded(s, exact, env, &flags);
    if (env->flags & FP_OF) /* nothing was rounded to less than infinity */
        flags = (uint8_t)(flags & ~FP_UP) | (env->flags & FP_UP);
    if (got != want || env->flags != flags)
        ck_abort_msg(
            "%s_%s %s (%04x, %04x, %04x) exactly %a: got %04x flags %02x, want %04x "
            "flags %02x",
            s->name, name, round_names[env->round], operands[0], operands[1], operands[2],
            exact, got, env->flags, want, flags);
}

static void compare_all(const struct small *s, const uint16_t *x, struct fp_env clear)
{
    double a = value_of(s, x[0]), b = value_of(s, x[1]), c = value_of(s, x[2]);
    struct fp_env env = clear;
    uint16_t got;

#define COMPARE(name, exact, call)                                                       \
    env = clear;                                                                         \
    got = call;                                                                          \
    check_rounding(s, name, exact, got, &env, x)

    COMPARE("add", sum_to_odd(a, b), s->add(x[0], x[1], &env));
    COMPARE("sub", sum_to_odd(a, -b), s->sub(x[0], x[1], &env));
    COMPARE("mul", a * b, s->mul(x[0], x[1], &env));
    COMPARE("fma", sum_to_odd(a * b, c), s->fma(x[0], x[1], x[2], &env));
    if (b != 0) {
        COMPARE("div", a / b, s->div(x[0], x[1], &env));
    }
    if (a > 0) {
        COMPARE("sqrt", sqrt(a), s->sqrt(x[0], &env));
    }
#undef COMPARE
}

static uint16_t random_small(const struct small *s)
{
    return (uint16_t)random_float(s->exp_bits, s->frac_bits);
}

static bool is_finite_small(const struct small *s, uint16_t a)
{
    return (a & 0x7fff) < s->infinity;
}

START_TEST(arithmetic_rounds_as_the_list_of_values_says)
{
    for (unsigned i = 0; i < 600000; i++) {
        const struct small *s = &smalls[i & 1];
        struct fp_env env = { .rules = i & 2 ? FP_RULES_ARM : FP_RULES_RISCV,
                              .round = (uint8_t)(i / 4 % 6) };
        uint16_t x[3] = { random_small(s), 0, random_small(s) };

        x[1] = (uint16_t)random_near(x[0], s->exp_bits, s->frac_bits);
        if (is_finite_small(s, x[0]) && is_finite_small(s, x[1]) &&
            is_finite_small(s, x[2]))
            compare_all(s, x, env);
    }
}
END_TEST

START_TEST(every_f16_root_and_every_value_times_few)
{
    static const uint16_t few[] = {
        0x0001, 0x03ff, 0x0400, 0x3bff, 0x3c00, 0x3c01, 0x7bff
    };

    for (unsigned bits = 0; bits < 0x10000; bits++)
        for (size_t i = 0; i < COUNT(few); i++) {
            struct fp_env env = { .rules = FP_RULES_RISCV, .round = (uint8_t)(bits % 6) };
            uint16_t x[3] = { (uint16_t)bits, few[i], 0x8001 };

            if (is_finite_small(&smalls[0], x[0]))
                compare_all(&smalls[0], x, env);
        }
}
END_TEST

/* A double at or next to the middle between two values, or at one. */
static double rounding_point(const struct small *s)
{
    unsigned index = below(s->infinity);
    double d = s->value[index];

    if (below(2))
        d = (d + s->value[index + 1]) / 2;
    if (d != 0 && below(3))
        d = double_of(bits_of(d) + below(5) - 2);
    return below(2) ? -d : d;
}

START_TEST(narrowing_rounds_as_the_list_of_values_says)
{
    for (unsigned i = 0; i < 1000000; i++) {
        const struct small *s = &smalls[i & 1];
        struct fp_env env = { .rules = i & 2 ? FP_RULES_ARM : FP_RULES_RISCV,
                              .round = (uint8_t)(i / 4 % 6) };
        double d = rounding_point(s);
        uint16_t none[3] = { 0 }, got;
        float f = (float)d;
        uint32_t f_bits;

        got = s->from_f64(bits_of(d), &env);
        check_rounding(s, "from_f64", d, got, &env, none);
        memcpy(&f_bits, &f, sizeof f);
        if (isinf(f) || (f_bits & 0x7f800000) == 0)
            continue;
        env.flags = 0;
        got = s->from_f32(f_bits, &env);
        check_rounding(s, "from_f32", f, got, &env, none);
    }
}
END_TEST

START_TEST(every_value_survives_widening)
{
    for (size_t i = 0; i < COUNT(smalls); i++)
        for (unsigned bits = 0; bits < 0x10000; bits++) {
            const struct small *s = &smalls[i];
            struct fp_env env = { .rules = FP_RULES_ARM };
            uint16_t quiet =
                (bits & 0x7fff) > s->infinity ? (1u << (s->frac_bits - 1)) : 0;
            uint64_t wide = s->to_f64((uint16_t)bits, &env);

            if (is_finite_small(s, (uint16_t)bits) &&
                wide != bits_of(value_of(s, (uint16_t)bits)))
                ck_abort_msg("%s %04x widened to %016" PRIx64, s->name, bits, wide);
            if (s->from_f64(wide, &env) != (bits | quiet) ||
                s->from_f32(s->to_f32((uint16_t)bits, &env), &env) != (bits | quiet))
                ck_abort_msg("%s %04x does not survive", s->name, bits);
        }
}
END_TEST

/* Zeros, infinities and NaNs need no rounding: f32 must say the same. */
START_TEST(special_operands_act_as_in_f32)
{
    static const uint16_t specials[] = { 0x0000, 0x8000, 0x3c00, 0xbc00, 0x7c00, 0xfc00,
                                         0x7e01, 0xfe02, 0x7d03, 0xfd04, 0x7f80, 0xff80,
                                         0x7fc1, 0xffc2, 0x7f83, 0xff84 };
    static const uint32_t rules[] = { FP_RULES_RISCV, FP_RULES_ARM,   FP_RULES_SSE,
                                      FP_RULES_POWER, FP_RULES_SPARC, FP_RULES_S390 };

    for (unsigned i = 0; i < COUNT(smalls) * COUNT(rules) * 16 * 16; i++) {
        const struct small *s = &smalls[i & 1];
        struct fp_env env = { .rules = rules[i / 512] }, wide = env, free = env;
        uint16_t a = specials[i / 2 % 16], b = specials[i / 32 % 16], got, want;
        unsigned zero_or_special = a << 1 == 0 || b << 1 == 0 || !is_finite_small(s, a) ||
                                   !is_finite_small(s, b);

        if (!zero_or_special)
            continue;
        got = s->mul(a, b, &env);
        /* A signalling operand must reach f32 as it is. */
        if (((a & 0x7fff) > s->infinity && !(a >> (s->frac_bits - 1) & 1)) ||
            ((b & 0x7fff) > s->infinity && !(b >> (s->frac_bits - 1) & 1)))
            continue;
        want = s->from_f32(fp_f32_mul(s->to_f32(a, &free), s->to_f32(b, &free), &wide),
                           &free);
        if (got != want || env.flags != wide.flags)
            ck_abort_msg("%s %04x * %04x: got %04x flags %02x, want %04x flags %02x",
                         s->name, a, b, got, env.flags, want, wide.flags);
    }
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        arithmetic_rounds_as_the_list_of_values_says,
        every_f16_root_and_every_value_times_few,
        narrowing_rounds_as_the_list_of_values_says,
        every_value_survives_widening,
        special_operands_act_as_in_f32,
    };

    for (size_t i = 0; i < COUNT(smalls); i++)
        fill_values(&smalls[i]);
    return run_cases_within("fp_small", NO_LIMIT, cases, COUNT(cases));
}
