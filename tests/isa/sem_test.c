/* sem_test.c - integer nodes of every width against the compiler's 128-bit integers. */
#include "isa/sem.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "run_cases.h"

#ifdef __SIZEOF_INT128__

enum { TRIES = 300 };

typedef unsigned __int128 wide;
typedef __int128 signed_wide;

static const unsigned widths[] = { 1, 2, 7, 8, 16, 31, 32, 33, 63, 64, 65, 80, 127, 128 };
enum { WIDTHS = sizeof(widths) / sizeof(widths[0]) };

static uint64_t state = 88172645463325252u;

static uint64_t random64(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static wide mask(unsigned width)
{
    return width == 128 ? ~(wide)0 : ((wide)1 << width) - 1;
}

static signed_wide extend(wide a, unsigned width)
{
    return (signed_wide)(a << (128 - width)) >> (128 - width);
}

/* Any value, and more often than chance has it one near 0, the middle or the end. */
static wide random_value(unsigned width)
{
    wide a = (wide)random64() << 64 | random64();

    switch (random64() % 6) {
    case 0: a = random64() % 3; break;
    case 1: a = ~(wide)(random64() % 3); break;
    case 2: a = ((wide)1 << (width - 1)) + (random64() % 3) - 1; break;
    case 3: a >>= random64() % 128; break;
    default: break;
    }
    return a & mask(width);
}

static struct fp128 split(wide a)
{
    return u128((uint64_t)(a >> 64), (uint64_t)a);
}

/* The same node as decoding runs it: where it does, it says the same. */
static void check_quick(unsigned op, unsigned width, unsigned result, uint64_t a,
                        uint64_t b, uint64_t expected)
{
    const struct sem nodes[] = {
        { S_FIELD, 0, (uint8_t)width, 0, 0, 0, 0 },
        { S_FIELD, 0, (uint8_t)width, 0, 1, 0, 0 },
        { (uint8_t)op, 0, (uint8_t)result, 0, 0, 1, 0 },
    };
    struct sem with_const[3];
    const struct isa isa = { .nodes = nodes, .nnodes = 3 };
    const struct isa isa2 = { .nodes = with_const, .nnodes = 3, .consts = &b };
    const struct isa_decoded insn = { .field = { a, b } };
    uint64_t value;

    if (sem_quick(&isa, (struct sem_body){ 0, 3, 0 }, &insn, &value))
        ck_assert_uint_eq(value, expected);
    memcpy(with_const, nodes, sizeof(nodes));
    with_const[1] = (struct sem){ S_CONST, 0, (uint8_t)width, 0, 0, 0, 0 };
    if (sem_quick(&isa2, (struct sem_body){ 0, 3, 0 }, &insn, &value))
        ck_assert_uint_eq(value, expected);
}

/* The node alone: two arguments of `width` bits, a result of `result` bits. */
static wide run(unsigned op, unsigned width, unsigned result, wide a, wide b)
{
    const struct sem nodes[] = {
        { S_ARG, 0, (uint8_t)width, 0, 0, 0, 0 },
        { S_ARG, 0, (uint8_t)width, 0, 1, 0, 0 },
        { (uint8_t)op, 0, (uint8_t)result, 0, 0, 1, 0 },
    };
    const struct isa isa = { .nodes = nodes, .nnodes = 3 };
    struct fp128 args[2] = { split(a), split(b) }, value = { 0, 0 };
    struct sem_run it = { .isa = &isa, .args = args };

    ck_assert_int_eq(sem_run(&it, (struct sem_body){ 0, 3, 0 }, &value), 0);
    if (width <= 64)
        check_quick(op, width, result, args[0].lo, args[1].lo, value.lo);
    return (wide)value.hi << 64 | value.lo;
}

static unsigned ones(wide a)
{
    unsigned n = 0;

    for (; a; a >>= 1)
        n += (unsigned)(a & 1);
    return n;
}

static wide reversed(wide a, unsigned width, unsigned unit)
{
    wide r = 0;

    for (unsigned i = 0; i < width; i += unit)
        r |= (a >> i & mask(unit)) << (width - unit - i);
    return r;
}

static wide divided(wide a, wide b, unsigned width, unsigned op)
{
    signed_wide x = extend(a, width), y = extend(b, width);

    if (b == 0)
        return op == S_DIVU || op == S_DIVS ? 0 : a;
    switch (op) {
    case S_DIVU: return a / b;
    case S_REMU: return a % b;
    case S_DIVS: return y == -1 ? -(wide)x : (wide)(x / y);
    default: return y == -1 ? 0 : (wide)(x % y);
    }
}

static wide clz(wide a, unsigned width)
{
    wide n = 0;

    while (n < width && !(a >> (width - 1 - n) & 1))
        n++;
    return n;
}

static wide ctz(wide a, unsigned width)
{
    wide n = 0;

    while (n < width && !(a >> n & 1))
        n++;
    return n;
}

static wide clmul(wide a, wide b)
{
    wide r = 0;

    for (unsigned i = 0; i < 128; i++)
        r ^= (b >> i & 1) ? a << i : 0;
    return r;
}

/* What the node means; cut to the result's width by the caller. */
static wide meaning(unsigned op, wide a, wide b, unsigned w)
{
    switch (op) {
    case S_ADD: return a + b;
    case S_SUB: return a - b;
    case S_MUL: return a * b;
    case S_AND: return a & b;
    case S_OR: return a | b;
    case S_XOR: return a ^ b;
    case S_NOT: return ~a;
    case S_NEG: return -a;
    case S_SHL: return a << b;
    case S_SHRU: return a >> b;
    case S_SHRS: return (wide)(extend(a, w) >> b);
    case S_ROTL: return b % w ? a << b % w | a >> (w - b % w) : a;
    case S_ROTR: return b % w ? a >> b % w | a << (w - b % w) : a;
    case S_EQ: return a == b;
    case S_NE: return a != b;
    case S_LTU: return a < b;
    case S_LEU: return a <= b;
    case S_LTS: return extend(a, w) < extend(b, w);
    case S_LES: return extend(a, w) <= extend(b, w);
    case S_CLZ: return clz(a, w);
    case S_CTZ: return ctz(a, w);
    case S_POPCNT: return ones(a);
    case S_BSWAP: return reversed(a, w, 8);
    case S_BITREV: return reversed(a, w, 1);
    case S_PARITY: return ones(a) % 2 == 0;
    case S_CLMUL: return clmul(a, b);
    case S_ZEXT: return a;
    case S_SEXT: return (wide)extend(a, w);
    default: return divided(a, b, w, op);
    }
}

static bool yields_a_bit(unsigned op)
{
    return (op >= S_EQ && op <= S_LES) || op == S_PARITY;
}

static void check_op(unsigned op, unsigned width)
{
    unsigned result = yields_a_bit(op) ? 1 : op == S_ZEXT || op == S_SEXT ? 128 : width;

    for (unsigned i = 0; i < TRIES; i++) {
        wide a = random_value(width), b = random_value(width), got, want;

        if (op == S_SHL || op == S_SHRU || op == S_SHRS)
            b %= width;
        got = run(op, width, result, a, b);
        want = meaning(op, a, b, width) & mask(result);
        ck_assert_msg(got == want,
                      "op %u of %u bits: %016llx%016llx, %016llx%016llx: got "
                      "%016llx%016llx, want %016llx%016llx",
                      op, width, (unsigned long long)(a >> 64), (unsigned long long)a,
                      (unsigned long long)(b >> 64), (unsigned long long)b,
                      (unsigned long long)(got >> 64), (unsigned long long)got,
                      (unsigned long long)(want >> 64), (unsigned long long)want);
    }
}

START_TEST(integer_nodes_are_right_at_every_width)
{
    for (unsigned op = S_ADD; op <= S_CLMUL; op++)
        for (unsigned i = 0; i < WIDTHS; i++)
            if (op != S_EXTRACT && op != S_CONCAT && op != S_SELECT &&
                (op != S_BSWAP || widths[i] % 8 == 0))
                check_op(op, widths[i]);
}
END_TEST

/* EXTRACT, CONCAT and SELECT have operands of other kinds. */
START_TEST(pieces_of_values_are_right_at_every_width)
{
    for (unsigned i = 0; i < 20000; i++) {
        unsigned high = 1 + (unsigned)(random64() % 127);
        unsigned low = 1 + (unsigned)(random64() % (128 - high));
        unsigned at = (unsigned)(random64() % (high + low));
        unsigned cut = 1 + (unsigned)(random64() % (high + low - at));
        const struct sem nodes[] = {
            { S_ARG, 0, (uint8_t)high, 0, 0, 0, 0 },
            { S_ARG, 0, (uint8_t)low, 0, 1, 0, 0 },
            { S_CONCAT, 0, (uint8_t)(high + low), 0, 0, 1, 0 },
            { S_EXTRACT, 0, (uint8_t)cut, 0, 2, (uint16_t)at, 0 },
        };
        const struct isa isa = { .nodes = nodes, .nnodes = 4 };
        wide a = random_value(high), b = random_value(low);
        struct fp128 args[2] = { split(a), split(b) }, value;
        struct sem_run it = { .isa = &isa, .args = args };
        wide want = ((a << low | b) >> at) & mask(cut);

        sem_run(&it, (struct sem_body){ 0, 4, 0 }, &value);
        ck_assert_uint_eq(value.lo, (uint64_t)want);
        ck_assert_uint_eq(value.hi, (uint64_t)(want >> 64));
    }
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        integer_nodes_are_right_at_every_width,
        pieces_of_values_are_right_at_every_width,
    };

    return run_cases_within("sem", 120, cases, COUNT(cases));
}

#else

int main(void)
{
    return 77; /* nothing to compare with */
}

#endif
