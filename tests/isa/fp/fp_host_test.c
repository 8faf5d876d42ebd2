/* fp_host_test.c - the fast path of fp_host.h gives the soft library's bits and flags.
 *
 * RHEA_FP_OPS operations in all (default 1000000). */
#include "fp_testing.h"
#include "isa/fp/fp_host.h"

static const uint32_t rule_words[] = {
    FP_RULES_RISCV,
    FP_RULES_RISCV,
    FP_RULES_SSE,
    FP_RULES_ARM,
    FP_RULES_ARM | FP_RULES_ARM_FZ,
    FP_RULES_SSE | FP_DAZ | FP_RULES_SSE_FZ,
    FP_RULES_POWER | FP_SINGLE,
    FP_RULES_MIPS | FP_UF_EXACT,
};

/* Which function, and for conversions which integer: both sides take all of it. */
struct call {
    uint64_t a, b, c;
    unsigned width;
    bool is_signed;
};
typedef uint64_t function(const struct call *call, struct fp_env *env);

#define PAIR(name, expression)                                                           \
    static uint64_t fast_##name(const struct call *call, struct fp_env *env)             \
    {                                                                                    \
        return (uint64_t)fp_fast_##expression;                                           \
    }                                                                                    \
    static uint64_t soft_##name(const struct call *call, struct fp_env *env)             \
    {                                                                                    \
        return (uint64_t)fp_##expression;                                                \
    }
#define PAIR64(op) PAIR(f64_##op, f64_##op(call->a, call->b, env))
#define PAIR32(op) PAIR(f32_##op, f32_##op((uint32_t)call->a, (uint32_t)call->b, env))

/* clang-format off */
#define BOTH(X) X(add) X(sub) X(mul) X(div) X(cmp) X(cmps) X(eq) X(lt) X(le)               \
    X(minnum) X(maxnum) X(minimum) X(maximum) X(minimumnum) X(maximumnum) X(minsse) X(maxsse)

BOTH(PAIR64)
BOTH(PAIR32)
PAIR(f64_sqrt, f64_sqrt(call->a, env))
PAIR(f32_sqrt, f32_sqrt((uint32_t)call->a, env))
PAIR(f64_fma, f64_fma(call->a, call->b, call->c, env))
PAIR(f32_fma, f32_fma((uint32_t)call->a, (uint32_t)call->b, (uint32_t)call->c, env))
PAIR(f32_to_f64, f32_to_f64((uint32_t)call->a, env))
PAIR(f64_to_f32, f64_to_f32(call->a, env))
PAIR(f64_to_int, f64_to_int(call->a, call->width, call->is_signed, env))
PAIR(f32_to_int, f32_to_int((uint32_t)call->a, call->width, call->is_signed, env))
PAIR(int_to_f64, int_to_f64(call->a, call->width, call->is_signed, env))
PAIR(int_to_f32, int_to_f32(call->a, call->width, call->is_signed, env))

static const struct {
    const char *name;
    bool is_f32;
    function *fast, *soft;
} functions[] = {
#define ROW64(op) { "f64_" #op, false, fast_f64_##op, soft_f64_##op },
#define ROW32(op) { "f32_" #op, true, fast_f32_##op, soft_f32_##op },
    BOTH(ROW64)
    BOTH(ROW32)
    ROW64(sqrt) ROW32(sqrt) ROW64(fma) ROW32(fma)
    ROW64(to_f32) ROW32(to_f64) ROW64(to_int) ROW32(to_int)
    { "int_to_f64", false, fast_int_to_f64, soft_int_to_f64 },
    { "int_to_f32", false, fast_int_to_f32, soft_int_to_f32 },
};
/* clang-format on */

/* Small integers and their quotients make exact results; products of few bits too. */
static uint64_t ordinary(bool is_f32)
{
    struct fp_env env = { .rules = FP_RULES_RISCV };
    uint64_t n = random64() >> below(64);

    if (is_f32)
        return fp_int_to_f32(n, 64, true, &env);
    return fp_int_to_f64(n, 64, true, &env);
}

/* The product of a and b, or its neighbour, with the sign turned. */
static uint64_t near_product(const struct call *call, bool is_f32)
{
    struct fp_env env = { .rules = FP_RULES_RISCV };

    if (is_f32)
        return (uint32_t)random_near(
            fp_f32_mul((uint32_t)call->a, (uint32_t)call->b, &env) ^ 0x80000000u, 8, 23);
    return random_near(fp_f64_mul(call->a, call->b, &env) ^ UINT64_C(1) << 63, 11, 52);
}

static void choose_operands(struct call *call, bool is_f32)
{
    unsigned exp_bits = is_f32 ? 8 : 11, frac_bits = is_f32 ? 23 : 52;

    if (below(3) == 0) {
        call->a = ordinary(is_f32);
        call->b = ordinary(is_f32);
        call->c = ordinary(is_f32);
    } else {
        call->a = random_float(exp_bits, frac_bits);
        call->b = random_near(call->a, exp_bits, frac_bits);
        call->c = random_float(exp_bits, frac_bits);
    }
    if (below(4) == 0)
        call->c = near_product(call, is_f32);
    call->width = 8u << below(4);
    call->is_signed = below(2);
}

static void compare_one(size_t index)
{
    static const uint8_t rounds[] = { 0, 0, 0, 0, 1, 2, 3, 4 };
    struct fp_env fast = { .rules = rule_words[below(COUNT(rule_words))],
                           .round = rounds[below(COUNT(rounds))],
                           .flags = below(3) ? 0 : (uint8_t)below(128) };
    struct fp_env soft = fast;
    struct call call;
    uint64_t got, want;

    choose_operands(&call, functions[index].is_f32);
    if (index >= COUNT(functions) - 2)
        call.a = random_fraction(64);
    want = functions[index].soft(&call, &soft);
    got = functions[index].fast(&call, &fast);
    fast.flags &= (uint8_t)~FP_UP; /* the fast path does not say */
    soft.flags &= (uint8_t)~FP_UP;
    if (got != want || fast.flags != soft.flags || fast.cause != soft.cause)
        ck_abort_msg("%s %s rules %08x (%" PRIx64 ", %" PRIx64 ", %" PRIx64
                     ") width %u: got %" PRIx64 " flags %02x, want %" PRIx64
                     " flags %02x",
                     functions[index].name, round_names[fast.round], fast.rules, call.a,
                     call.b, call.c, call.width, got, fast.flags, want, soft.flags);
}

START_TEST(fast_and_soft_agree)
{
    const char *text = getenv("RHEA_FP_OPS");
    unsigned long n = text ? strtoul(text, NULL, 10) : 1000000;

    for (unsigned long i = 0; i < n; i++)
        compare_one(i % COUNT(functions));
}
END_TEST

int main(void)
{
    const TTest *const cases[] = { fast_and_soft_agree };

    return run_cases_within("fp_host", NO_LIMIT, cases, COUNT(cases));
}
