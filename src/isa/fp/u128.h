/* u128.h - 128- and 256-bit integers in C11, for significands.
 *
 * Shift counts are 0 to 127 unless said otherwise.  "jam" is a right shift whose lost
 * bits, if any was set, set the last bit: the result then lies on the same side of every
 * rounding point as the exact value. */
#ifndef RHEA_FP_U128_H
#define RHEA_FP_U128_H

#include "isa/fp/fp.h"

struct u256 {
    struct fp128 lo, hi;
};

static inline struct fp128 u128(uint64_t hi, uint64_t lo)
{
    return (struct fp128){ .lo = lo, .hi = hi };
}

static inline bool u128_is_zero(struct fp128 a)
{
    return (a.hi | a.lo) == 0;
}

static inline bool u128_less(struct fp128 a, struct fp128 b)
{
    return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo;
}

static inline struct fp128 u128_add(struct fp128 a, struct fp128 b)
{
    uint64_t lo = a.lo + b.lo;

    return u128(a.hi + b.hi + (lo < a.lo), lo);
}

static inline struct fp128 u128_sub(struct fp128 a, struct fp128 b)
{
    return u128(a.hi - b.hi - (a.lo < b.lo), a.lo - b.lo);
}

static inline struct fp128 u128_neg(struct fp128 a)
{
    return u128_sub(u128(0, 0), a);
}

static inline struct fp128 u128_shl(struct fp128 a, unsigned n)
{
    if (n >= 64)
        return u128(a.lo << (n - 64), 0);
    if (n == 0)
        return a;
    return u128(a.hi << n | a.lo >> (64 - n), a.lo << n);
}

static inline struct fp128 u128_shr(struct fp128 a, unsigned n)
{
    if (n >= 64)
        return u128(0, a.hi >> (n - 64));
    if (n == 0)
        return a;
    return u128(a.hi >> n, a.hi << (64 - n) | a.lo >> n);
}

/* Any n. */
static inline struct fp128 u128_shr_jam(struct fp128 a, uint32_t n)
{
    struct fp128 r;

    if (n >= 128)
        return u128(0, !u128_is_zero(a));
    r = u128_shr(a, n);
    if (n > 0 && !u128_is_zero(u128_shl(a, 128 - n)))
        r.lo |= 1;
    return r;
}

static inline unsigned u64_clz(uint64_t a)
{
#ifdef __GNUC__
    return (unsigned)__builtin_clzll(a);
#else
    unsigned n = 0;

    for (; !(a >> 63); a <<= 1)
        n++;
    return n;
#endif
}

/* Requires: a is not 0. */
static inline unsigned u128_clz(struct fp128 a)
{
    return a.hi ? u64_clz(a.hi) : 64 + u64_clz(a.lo);
}

/* The whole product, from four of 32 by 32 bits. */
static inline struct fp128 u64_mul(uint64_t a, uint64_t b)
{
    uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
    uint64_t low = al * bl;
    uint64_t mid = ah * bl + (low >> 32);
    uint64_t mid2 = al * bh + (uint32_t)mid;

    return u128(ah * bh + (mid >> 32) + (mid2 >> 32), mid2 << 32 | (uint32_t)low);
}

static inline struct u256 u256_add(struct u256 a, struct u256 b)
{
    struct u256 r = { .lo = u128_add(a.lo, b.lo), .hi = u128_add(a.hi, b.hi) };

    if (u128_less(r.lo, a.lo))
        r.hi = u128_add(r.hi, u128(0, 1));
    return r;
}

static inline struct u256 u256_sub(struct u256 a, struct u256 b)
{
    struct u256 r = { .lo = u128_sub(a.lo, b.lo), .hi = u128_sub(a.hi, b.hi) };

    if (u128_less(a.lo, b.lo))
        r.hi = u128_sub(r.hi, u128(0, 1));
    return r;
}

static inline struct u256 u128_mul(struct fp128 a, struct fp128 b)
{
    struct u256 r = { .lo = u64_mul(a.lo, b.lo), .hi = u64_mul(a.hi, b.hi) };
    struct fp128 m = u64_mul(a.hi, b.lo), n = u64_mul(a.lo, b.hi);

    r = u256_add(r, (struct u256){ .lo = u128(m.lo, 0), .hi = u128(0, m.hi) });
    return u256_add(r, (struct u256){ .lo = u128(n.lo, 0), .hi = u128(0, n.hi) });
}

/* n is 0 to 255. */
static inline struct u256 u256_shl(struct u256 a, unsigned n)
{
    struct u256 r = a;

    if (n >= 128)
        return (struct u256){ .lo = u128(0, 0), .hi = u128_shl(a.lo, n - 128) };
    if (n > 0) {
        struct fp128 carried = u128_shr(a.lo, 128 - n);

        r.hi = u128_shl(a.hi, n);
        r.hi = u128(r.hi.hi | carried.hi, r.hi.lo | carried.lo);
        r.lo = u128_shl(a.lo, n);
    }
    return r;
}

/* Any n. */
static inline struct u256 u256_shr_jam(struct u256 a, uint32_t n)
{
    struct u256 r;
    struct fp128 carried;

    if (n == 0)
        return a;
    if (n >= 128) {
        r.hi = u128(0, 0);
        r.lo = u128_shr_jam(a.hi, n - 128);
        r.lo.lo |= !u128_is_zero(a.lo);
        return r;
    }
    r.hi = u128_shr(a.hi, n);
    r.lo = u128_shr_jam(a.lo, n);
    carried = u128_shl(a.hi, 128 - n);
    r.lo = u128(r.lo.hi | carried.hi, r.lo.lo | carried.lo);
    return r;
}

/* The upper half, jammed. */
static inline struct fp128 u256_high_jam(struct u256 a)
{
    return u128(a.hi.hi, a.hi.lo | !u128_is_zero(a.lo));
}

#endif
