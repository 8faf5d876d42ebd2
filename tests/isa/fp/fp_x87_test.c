/* fp_x87_test.c - f80 against the x87 of an x86 host, in its rounding modes and
 * precisions: results, all exception flags, and C1 where it says that rounding went up.
 */
#include "fp_testing.h"

#if defined(__x86_64__) || defined(__i386__)

enum { X87_C0 = 0x100, X87_C1 = 0x200, X87_C2 = 0x400, X87_C3 = 0x4000 };
enum { X87_FLAGS = FP_NX | FP_UF | FP_OF | FP_DZ | FP_NV | FP_ID };

static struct fp128 random_f80(void)
{
    struct fp128 a = { .hi = (random64() & 1) << 15 | random_exponent(15) };

    a.lo = random_fraction(63) | (a.hi & 0x7fff ? UINT64_C(1) << 63 : 0);
    if (below(32) == 0) /* invalid encodings and pseudo-denormals */
        a.lo ^= UINT64_C(1) << 63;
    return a;
}

static struct fp128 random_f80_near(struct fp128 a)
{
    uint64_t sign = (random64() & 1) << 15;

    switch (below(6)) {
    case 0: return (struct fp128){ .hi = a.hi ^ sign, .lo = a.lo };
    case 1:
        return (struct fp128){ .hi = a.hi ^ sign,
                               .lo = a.lo ^ (UINT64_C(1) << below(63)) };
    case 2: return (struct fp128){ .hi = (a.hi ^ sign) - below(130), .lo = a.lo };
    default: return random_f80();
    }
}

static unsigned control_word(unsigned round, unsigned precision)
{
    static const unsigned rounds[] = { 0x000, 0xc00, 0x400, 0x800 };
    static const unsigned precisions[] = { 0x300, 0x000, 0x200 };

    return 0x3f | rounds[round] | precisions[precision];
}

static uint8_t x87_flags(unsigned status)
{
    return (uint8_t)((status & 0x20 ? FP_NX : 0) | (status & 0x10 ? FP_UF : 0) |
                     (status & 0x08 ? FP_OF : 0) | (status & 0x04 ? FP_DZ : 0) |
                     (status & 0x01 ? FP_NV : 0) | (status & 0x02 ? FP_ID : 0));
}

/* Operands are loaded as b, a, so that a is the top of the stack. */
#define X87_ASM(insns)                                                                   \
    __asm__ volatile("fninit\n fldcw %2\n fldt %4\n fldt %3\n" insns                     \
                     "\n fnstsw %1\n fstpt %0\n fninit"                                  \
                     : "=m"(*(char(*)[10])result), "=m"(*status)                         \
                     : "m"(control), "m"(*(const char(*)[10])a),                         \
                       "m"(*(const char(*)[10])b))

enum operation { ADD, SUB, MUL, DIV, SQRT, RINT, PREM, PREM1, SCALE, OPERATIONS };
static const char *const operation_names[] = { "add",  "sub",   "mul",    "div",   "sqrt",
                                               "rint", "fprem", "fprem1", "fscale" };

static void x87_run(enum operation operation, unsigned short control, const char *a,
                    const char *b, char *result, unsigned short *status)
{
    switch (operation) {
    case ADD: X87_ASM("fadd %%st(1), %%st"); break;
    case SUB: X87_ASM("fsub %%st(1), %%st"); break;
    case MUL: X87_ASM("fmul %%st(1), %%st"); break;
    case DIV: X87_ASM("fdiv %%st(1), %%st"); break;
    case SQRT: X87_ASM("fsqrt"); break;
    case RINT: X87_ASM("frndint"); break;
    case PREM: X87_ASM("fprem"); break;
    case PREM1: X87_ASM("fprem1"); break;
    case SCALE: X87_ASM("fscale"); break;
    case OPERATIONS: break;
    }
}

static void to_bytes(struct fp128 a, char *bytes)
{
    uint16_t head = (uint16_t)a.hi;

    memcpy(bytes, &a.lo, 8);
    memcpy(bytes + 8, &head, 2);
}

static struct fp128 from_bytes(const char *bytes)
{
    struct fp128 a;
    uint16_t head;

    memcpy(&a.lo, bytes, 8);
    memcpy(&head, bytes + 8, 2);
    a.hi = head;
    return a;
}

static struct fp128 soft_run(enum operation operation, struct fp128 a, struct fp128 b,
                             unsigned *status, struct fp_env *env)
{
    switch (operation) {
    case ADD: return fp_f80_add(a, b, env);
    case SUB: return fp_f80_sub(a, b, env);
    case MUL: return fp_f80_mul(a, b, env);
    case DIV: return fp_f80_div(a, b, env);
    case SQRT: return fp_f80_sqrt(a, env);
    case RINT: return fp_f80_rint(a, env);
    case PREM: return fp_f80_fprem(a, b, status, env);
    case PREM1: return fp_f80_fprem1(a, b, status, env);
    default: return fp_f80_scalb(a, (int32_t)b.lo, env);
    }
}

/* C1 means "rounded up" after an inexact result only. */
static uint8_t comparable(uint8_t flags)
{
    return flags & (X87_FLAGS | (flags & FP_NX ? FP_UP : 0));
}

static void compare_one(enum operation operation, unsigned round, unsigned precision)
{
    static const uint32_t precisions[] = { FP_F80_P64, FP_F80_P24, FP_F80_P53 };
    struct fp_env env = { .rules = FP_RULES_X87 | precisions[precision],
                          .round = (uint8_t)round };
    struct fp128 a = random_f80(), b = random_f80_near(a), want, got;
    char a_bytes[10], b_bytes[10], result[10];
    unsigned short status = 0;
    unsigned remainder = 0;
    uint8_t flags;

    to_bytes(a, a_bytes);
    to_bytes(b, b_bytes);
    x87_run(operation, (unsigned short)control_word(round, precision), a_bytes, b_bytes,
            result, &status);
    want = from_bytes(result);
    flags = x87_flags(status);
    if (operation != PREM && operation != PREM1)
        flags |= status & X87_C1 ? FP_UP : 0;
    got = soft_run(operation, a, b, &remainder, &env);
    if (got.lo != want.lo || got.hi != want.hi ||
        comparable(env.flags) != comparable(flags))
        ck_abort_msg("%s %s p%u(%04" PRIx64 ":%016" PRIx64 ", %04" PRIx64 ":%016" PRIx64
                     "): got %04" PRIx64 ":%016" PRIx64 " flags %02x, want %04" PRIx64
                     ":%016" PRIx64 " flags %02x",
                     operation_names[operation], round_names[round], precision, a.hi,
                     a.lo, b.hi, b.lo, got.hi, got.lo, env.flags, want.hi, want.lo,
                     flags);
    if ((operation == PREM || operation == PREM1) && !(flags & FP_NV)) {
        unsigned q = (status & X87_C0 ? 4u : 0) | (status & X87_C3 ? 2u : 0) |
                     (status & X87_C1 ? 1u : 0);

        q = status & X87_C2 ? FP_REM_PARTIAL : q;
        if (q != remainder)
            ck_abort_msg("%s: quotient got %u, want %u", operation_names[operation],
                         remainder, q);
    }
}

START_TEST(arithmetic_is_as_on_the_x87)
{
    for (unsigned operation = ADD; operation <= RINT; operation++)
        for (unsigned i = 0; i < 360000; i++)
            compare_one(operation, i & 3, i % 3);
}
END_TEST

START_TEST(partial_remainders_are_as_on_the_x87)
{
    for (unsigned operation = PREM; operation <= PREM1; operation++)
        for (unsigned i = 0; i < 100000; i++)
            compare_one(operation, i & 3, i % 3);
}
END_TEST

START_TEST(comparisons_are_as_on_the_x87)
{
    for (unsigned i = 0; i < 500000; i++) {
        struct fp_env env = { .rules = FP_RULES_X87 };
        struct fp128 x = random_f80(), y = random_f80_near(x);
        bool is_signalling = i & 1;
        unsigned short control = 0x37f, status_word, *status = &status_word;
        char a[10], b[10], ignored[10], *result = ignored;
        enum fp_order got, want;

        to_bytes(x, a);
        to_bytes(y, b);
        if (is_signalling)
            X87_ASM("fcom %%st(1)");
        else
            X87_ASM("fucom %%st(1)");
        got = (is_signalling ? fp_f80_cmps : fp_f80_cmp)(x, y, &env);
        want = status_word & X87_C2   ? FP_UNORDERED
               : status_word & X87_C3 ? FP_EQUAL
               : status_word & X87_C0 ? FP_LESS
                                      : FP_GREATER;
        if (got != want || env.flags != x87_flags(status_word))
            ck_abort_msg("%04" PRIx64 ":%016" PRIx64 " ? %04" PRIx64 ":%016" PRIx64
                         ": got %d flags %02x, want %d flags %02x",
                         x.hi, x.lo, y.hi, y.lo, got, env.flags, want,
                         x87_flags(status_word));
    }
}
END_TEST

/* Loads and stores convert. */
#define X87_STORE(insn, memory)                                                          \
    __asm__ volatile("fninit\n fldcw %2\n fldt %3\n" insn " %0\n fnstsw %1\n fninit"     \
                     : "=m"(memory), "=m"(status)                                        \
                     : "m"(control), "m"(a_bytes))
#define X87_LOAD(insn, memory)                                                           \
    __asm__ volatile("fninit\n fldcw %2\n" insn " %3\n fnstsw %1\n fstpt %0\n fninit"    \
                     : "=m"(a_bytes), "=m"(status)                                       \
                     : "m"(control), "m"(memory))

START_TEST(stores_are_as_on_the_x87)
{
    for (unsigned i = 0; i < 1000000; i++) {
        struct fp_env env = { .rules = FP_RULES_X87, .round = i & 3 };
        unsigned short control = (unsigned short)control_word(env.round, 0), status;
        struct fp128 a = random_f80();
        char a_bytes[10];
        uint64_t want = 0, got;
        int16_t i16;
        int32_t i32;
        uint32_t f32;
        uint8_t flags;

        to_bytes(a, a_bytes);
        switch (i % 5) {
        case 0:
            X87_STORE("fstps", f32);
            want = f32;
            got = fp_f80_to_f32(a, &env);
            break;
        case 1:
            X87_STORE("fstpl", want);
            got = fp_f80_to_f64(a, &env);
            break;
        case 2:
            X87_STORE("fistps", i16);
            want = (uint64_t)(int64_t)i16;
            got = fp_f80_to_int(a, 16, true, &env);
            break;
        case 3:
            X87_STORE("fistpl", i32);
            want = (uint64_t)(int64_t)i32;
            got = fp_f80_to_int(a, 32, true, &env);
            break;
        default: X87_STORE("fistpll", want); got = fp_f80_to_int(a, 64, true, &env);
        }
        flags = (uint8_t)(x87_flags(status) | (status & X87_C1 ? FP_UP : 0));
        if (got != want || comparable(env.flags) != comparable(flags))
            ck_abort_msg("store %u %s %04" PRIx64 ":%016" PRIx64 ": got %" PRIx64
                         " flags %02x, want %" PRIx64 " flags %02x",
                         i % 5, round_names[env.round], a.hi, a.lo, got, env.flags, want,
                         flags);
    }
}
END_TEST

START_TEST(loads_are_as_on_the_x87)
{
    for (unsigned i = 0; i < 300000; i++) {
        struct fp_env env = { .rules = FP_RULES_X87, .round = i & 3 };
        unsigned short control = (unsigned short)control_word(env.round, 0), status;
        uint64_t f64 = random_f64();
        uint32_t f32 = random_f32();
        struct fp128 got, want;
        char a_bytes[10];

        if (i % 3 == 0) {
            X87_LOAD("flds", f32);
            got = fp_f32_to_f80(f32, &env);
        } else if (i % 3 == 1) {
            X87_LOAD("fldl", f64);
            got = fp_f64_to_f80(f64, &env);
        } else {
            X87_LOAD("fildll", f64);
            got = fp_int_to_f80(f64, 64, true, &env);
        }
        want = from_bytes(a_bytes);
        if (got.hi != want.hi || got.lo != want.lo || env.flags != x87_flags(status))
            ck_abort_msg("load %u of %" PRIx64 " or %" PRIx32 ": got %04" PRIx64
                         ":%016" PRIx64 " flags %02x, want %04" PRIx64 ":%016" PRIx64
                         " flags %02x",
                         i % 3, f64, f32, got.hi, got.lo, env.flags, want.hi, want.lo,
                         x87_flags(status));
    }
}
END_TEST

/* FSCALE by an integer: scalb. */
START_TEST(scaling_is_as_on_the_x87)
{
    for (unsigned i = 0; i < 300000; i++) {
        struct fp_env env = { .rules = FP_RULES_X87, .round = i & 3 };
        struct fp_env exact = { .rules = FP_RULES_X87 };
        unsigned short control = (unsigned short)control_word(env.round, 0), status;
        int32_t n = (int32_t)below(40000) - 20000;
        struct fp128 a = random_f80(), want, got;
        char a_bytes[10], b_bytes[10], result[10];
        uint8_t flags;

        to_bytes(a, a_bytes);
        to_bytes(fp_int_to_f80((uint64_t)(int64_t)n, 64, true, &exact), b_bytes);
        x87_run(SCALE, control, a_bytes, b_bytes, result, &status);
        want = from_bytes(result);
        flags = (uint8_t)(x87_flags(status) | (status & X87_C1 ? FP_UP : 0));
        got = fp_f80_scalb(a, n, &env);
        if (got.lo != want.lo || got.hi != want.hi ||
            comparable(env.flags) != comparable(flags))
            ck_abort_msg("fscale %s %04" PRIx64 ":%016" PRIx64 " by %d: got %04" PRIx64
                         ":%016" PRIx64 " flags %02x, want %04" PRIx64 ":%016" PRIx64
                         " flags %02x",
                         round_names[env.round], a.hi, a.lo, n, got.hi, got.lo, env.flags,
                         want.hi, want.lo, flags);
    }
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        arithmetic_is_as_on_the_x87,   partial_remainders_are_as_on_the_x87,
        comparisons_are_as_on_the_x87, stores_are_as_on_the_x87,
        loads_are_as_on_the_x87,       scaling_is_as_on_the_x87,
    };

    return run_cases_within("fp_x87", NO_LIMIT, cases, COUNT(cases));
}

#else

int main(void)
{
    puts("skip fp_x87: this host has no x87");
    return 77;
}

#endif
