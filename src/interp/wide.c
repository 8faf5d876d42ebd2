/* wide.c - the rarer and longer functions of wide.h. */
#include "interp/wide.h"

uint64_t int_clmul(uint64_t a, uint64_t b)
{
    uint64_t r = 0;

    for (; b; b &= b - 1)
        r ^= a << __builtin_ctzll(b);
    return r;
}

static struct fp128 xor_shifted(struct fp128 r, struct fp128 a, unsigned n)
{
    a = u128_shl(a, n);
    return u128(r.hi ^ a.hi, r.lo ^ a.lo);
}

struct fp128 int_clmul_full(struct fp128 a, struct fp128 b)
{
    struct fp128 r = u128(0, 0);

    for (; b.lo; b.lo &= b.lo - 1)
        r = xor_shifted(r, a, (unsigned)__builtin_ctzll(b.lo));
    for (; b.hi; b.hi &= b.hi - 1)
        r = xor_shifted(r, a, 64 + (unsigned)__builtin_ctzll(b.hi));
    return r;
}

/* Quotient and remainder of 128-bit numbers, bit by bit; b is not 0. */
static wide divide(wide a, wide b, wide *rest)
{
    wide q = wide_from(0), r = wide_from(0);

    for (unsigned i = 128; i-- > 0;) {
        bool carry = wide_hi(r) >> 63;

        r = wide_or(wide_shl(r, 1), wide_from(wide_lo(wide_shr(a, i)) & 1));
        if (carry || !wide_ltu(r, b)) {
            r = wide_sub(r, b);
            q = wide_or(q, wide_shl(wide_from(1), i));
        }
    }
    *rest = r;
    return q;
}

static bool is_zero(wide a)
{
    return (wide_lo(a) | wide_hi(a)) == 0;
}

wide wide_divu(wide a, wide b, unsigned w)
{
    wide rest;

    (void)w;
    return is_zero(b) ? b : divide(a, b, &rest);
}

wide wide_remu(wide a, wide b, unsigned w)
{
    wide rest;

    (void)w;
    if (is_zero(b))
        return a;
    divide(a, b, &rest);
    return rest;
}

static wide negate_if(wide a, bool condition)
{
    return condition ? wide_sub(wide_from(0), a) : a;
}

wide wide_divs(wide a, wide b, unsigned w)
{
    wide x = wide_sext(a, w), y = wide_sext(b, w), rest;
    bool x_negative = wide_hi(x) >> 63, y_negative = wide_hi(y) >> 63;

    if (is_zero(b))
        return b;
    x = divide(negate_if(x, x_negative), negate_if(y, y_negative), &rest);
    return wide_mask(negate_if(x, x_negative != y_negative), w);
}

wide wide_rems(wide a, wide b, unsigned w)
{
    wide x = wide_sext(a, w), y = wide_sext(b, w), rest;
    bool x_negative = wide_hi(x) >> 63;

    if (is_zero(b))
        return a;
    divide(negate_if(x, x_negative), negate_if(y, wide_hi(y) >> 63), &rest);
    return wide_mask(negate_if(rest, x_negative), w);
}
