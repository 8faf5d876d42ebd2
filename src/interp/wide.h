/* wide.h - integer operations of handlers that C has no operator for.
 *
 * Values of 65 to 128 bits are `wide`: the compiler's 128-bit integer where it has one
 * (so that the high half of a product is one instruction), else two words.  As everywhere
 * in the semantic table, bits above a value's width are zero. */
#ifndef RHEA_INTERP_WIDE_H
#define RHEA_INTERP_WIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "isa/fp/u128.h"

static inline uint64_t int_mask(unsigned w)
{
    return w >= 64 ? UINT64_MAX : (UINT64_C(1) << w) - 1;
}

/* Sign-extended from `w` bits to 64. */
static inline int64_t int_signed(uint64_t a, unsigned w)
{
    return (int64_t)(a << (64 - w)) >> (64 - w);
}

/* x / 0 = 0, x % 0 = x, MIN / -1 = MIN, MIN % -1 = 0. */
static inline uint32_t divu32(uint32_t a, uint32_t b)
{
    return b ? a / b : 0;
}

static inline uint32_t remu32(uint32_t a, uint32_t b)
{
    return b ? a % b : a;
}

static inline uint64_t divu64(uint64_t a, uint64_t b)
{
    return b ? a / b : 0;
}

static inline uint64_t remu64(uint64_t a, uint64_t b)
{
    return b ? a % b : a;
}

static inline uint32_t divs32(uint32_t a, uint32_t b)
{
    return b == 0 ? 0 : b == UINT32_MAX ? 0 - a : (uint32_t)((int32_t)a / (int32_t)b);
}

static inline uint32_t rems32(uint32_t a, uint32_t b)
{
    return b == 0 ? a : b == UINT32_MAX ? 0 : (uint32_t)((int32_t)a % (int32_t)b);
}

static inline uint64_t divs64(uint64_t a, uint64_t b)
{
    return b == 0 ? 0 : b == UINT64_MAX ? 0 - a : (uint64_t)((int64_t)a / (int64_t)b);
}

static inline uint64_t rems64(uint64_t a, uint64_t b)
{
    return b == 0 ? a : b == UINT64_MAX ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
}

/* Amounts are below the width. */
static inline uint64_t int_shrs(uint64_t a, uint64_t n, unsigned w)
{
    return (uint64_t)(int_signed(a, w) >> n) & int_mask(w);
}

static inline uint64_t int_rotl(uint64_t a, uint64_t amount, unsigned w)
{
    unsigned n = (unsigned)(amount % w);

    return n ? (a << n | a >> (w - n)) & int_mask(w) : a;
}

static inline uint64_t int_rotr(uint64_t a, uint64_t amount, unsigned w)
{
    unsigned n = (unsigned)(amount % w);

    return n ? (a >> n | a << (w - n)) & int_mask(w) : a;
}

static inline unsigned int_clz(uint64_t a, unsigned w)
{
    return a ? (unsigned)__builtin_clzll(a) - (64 - w) : w;
}

static inline unsigned int_ctz(uint64_t a, unsigned w)
{
    return a ? (unsigned)__builtin_ctzll(a) : w;
}

static inline unsigned int_popcount(uint64_t a)
{
    a -= a >> 1 & UINT64_C(0x5555555555555555);
    a = (a & UINT64_C(0x3333333333333333)) + (a >> 2 & UINT64_C(0x3333333333333333));
    a = (a + (a >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (unsigned)(a * UINT64_C(0x0101010101010101) >> 56);
}

static inline unsigned int_even_parity(uint64_t a)
{
    return ~int_popcount(a) & 1;
}

static inline uint64_t int_bswap(uint64_t a, unsigned w)
{
    return __builtin_bswap64(a) >> (64 - w);
}

static inline uint64_t int_bitrev(uint64_t a, unsigned w)
{
    a = (a >> 1 & UINT64_C(0x5555555555555555)) | (a & UINT64_C(0x5555555555555555)) << 1;
    a = (a >> 2 & UINT64_C(0x3333333333333333)) | (a & UINT64_C(0x3333333333333333)) << 2;
    a = (a >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f)) | (a & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4;
    return __builtin_bswap64(a) >> (64 - w);
}

uint64_t int_clmul(uint64_t a, uint64_t b);                  /* low 64 bits */
struct fp128 int_clmul_full(struct fp128 a, struct fp128 b); /* low 128 bits */

#ifdef __SIZEOF_INT128__

typedef unsigned __int128 wide;

static inline wide wide_make(uint64_t hi, uint64_t lo)
{
    return (wide)hi << 64 | lo;
}
static inline uint64_t wide_lo(wide a)
{
    return (uint64_t)a;
}
static inline uint64_t wide_hi(wide a)
{
    return (uint64_t)(a >> 64);
}
#define wide_add(a, b) ((a) + (b))
#define wide_sub(a, b) ((a) - (b))
#define wide_mul(a, b) ((a) * (b))
#define wide_shl(a, n) ((a) << (n))
#define wide_shr(a, n) ((a) >> (n))
#define wide_eq(a, b) ((a) == (b))
#define wide_ltu(a, b) ((a) < (b))

#else

typedef struct fp128 wide;

#define wide_make(hi, lo) u128(hi, lo)
#define wide_lo(a) ((a).lo)
#define wide_hi(a) ((a).hi)
#define wide_add(a, b) u128_add(a, b)
#define wide_sub(a, b) u128_sub(a, b)
#define wide_shl(a, n) u128_shl(a, (unsigned)(n))
#define wide_shr(a, n) u128_shr(a, (unsigned)(n))
#define wide_eq(a, b) ((a).lo == (b).lo && (a).hi == (b).hi)
#define wide_ltu(a, b) u128_less(a, b)

static inline wide wide_mul(wide a, wide b)
{
    wide r = u64_mul(a.lo, b.lo);

    return u128(r.hi + a.hi * b.lo + a.lo * b.hi, r.lo);
}

#endif

static inline wide wide_from(uint64_t a)
{
    return wide_make(0, a);
}

static inline wide wide_of_fp(struct fp128 a)
{
    return wide_make(a.hi, a.lo);
}

static inline struct fp128 wide_to_fp(wide a)
{
    return u128(wide_hi(a), wide_lo(a));
}

static inline wide wide_mask(wide a, unsigned w)
{
    return wide_make(wide_hi(a) & int_mask(w - 64), wide_lo(a));
}

static inline wide wide_and(wide a, wide b)
{
    return wide_make(wide_hi(a) & wide_hi(b), wide_lo(a) & wide_lo(b));
}

static inline wide wide_or(wide a, wide b)
{
    return wide_make(wide_hi(a) | wide_hi(b), wide_lo(a) | wide_lo(b));
}

static inline wide wide_xor(wide a, wide b)
{
    return wide_make(wide_hi(a) ^ wide_hi(b), wide_lo(a) ^ wide_lo(b));
}

static inline wide wide_not(wide a)
{
    return wide_make(~wide_hi(a), ~wide_lo(a));
}

/* Of a 64-bit or narrower value of `w` bits, to 128 bits. */
static inline wide wide_sext64(uint64_t a, unsigned w)
{
    int64_t s = int_signed(a, w);

#ifdef __SIZEOF_INT128__
    return (wide)(__int128)s;
#else
    return wide_make(s < 0 ? UINT64_MAX : 0, (uint64_t)s);
#endif
}

static inline wide wide_sext(wide a, unsigned w)
{
    return wide_make((uint64_t)int_signed(wide_hi(a), w - 64), wide_lo(a));
}

static inline wide wide_shrs(wide a, uint64_t n, unsigned w)
{
    wide s = wide_sext(a, w);
    wide ones = wide_hi(s) >> 63 ? wide_not(wide_from(0)) : wide_from(0);

    if (n == 0)
        return a;
    return wide_mask(wide_or(wide_shr(s, n), wide_shl(ones, 128 - n)), w);
}

static inline wide wide_rotl(wide a, uint64_t amount, unsigned w)
{
    uint64_t n = amount % w;

    return n ? wide_mask(wide_or(wide_shl(a, n), wide_shr(a, w - n)), w) : a;
}

static inline wide wide_rotr(wide a, uint64_t amount, unsigned w)
{
    return wide_rotl(a, w - amount % w, w);
}

static inline bool wide_lts(wide a, wide b, unsigned w)
{
    wide bias = wide_shl(wide_from(1), w - 1);

    return wide_ltu(wide_xor(a, bias), wide_xor(b, bias));
}

static inline unsigned wide_clz(wide a, unsigned w)
{
    return wide_hi(a) ? int_clz(wide_hi(a), w - 64) : w - 64 + int_clz(wide_lo(a), 64);
}

static inline unsigned wide_ctz(wide a, unsigned w)
{
    return wide_lo(a) ? int_ctz(wide_lo(a), 64) : 64 + int_ctz(wide_hi(a), w - 64);
}

static inline unsigned wide_popcount(wide a)
{
    return int_popcount(wide_lo(a)) + int_popcount(wide_hi(a));
}

static inline wide wide_bswap(wide a, unsigned w)
{
    return wide_shr(wide_make(int_bswap(wide_lo(a), 64), int_bswap(wide_hi(a), 64)),
                    128 - w);
}

static inline wide wide_bitrev(wide a, unsigned w)
{
    return wide_shr(wide_make(int_bitrev(wide_lo(a), 64), int_bitrev(wide_hi(a), 64)),
                    128 - w);
}

/* As divu64() and so on. */
wide wide_divu(wide a, wide b, unsigned w);
wide wide_remu(wide a, wide b, unsigned w);
wide wide_divs(wide a, wide b, unsigned w);
wide wide_rems(wide a, wide b, unsigned w);

#endif
