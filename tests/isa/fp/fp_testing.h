/* fp_testing.h - operands, and one operation on the host's own FPU with its flags.
 *
 * x86 is driven by its instructions, so that NaNs, DE, DAZ and FTZ are seen too; other
 * hosts through <fenv.h>. */
#ifndef RHEA_FP_TESTING_H
#define RHEA_FP_TESTING_H

#include "isa/fp/fp.h"
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_cases.h"

/* --- random operands */

static uint64_t random_state = UINT64_C(0x9e3779b97f4a7c15);

static inline uint64_t random64(void) /* splitmix64 */
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline unsigned below(unsigned n)
{
    return (unsigned)(random64() >> 33) % n;
}

/* Fractions that sit at or next to rounding points: few ones, or few zeros. */
static inline uint64_t random_fraction(unsigned bits)
{
    uint64_t mask = bits == 64 ? ~UINT64_C(0) : (UINT64_C(1) << bits) - 1, f = 0;

    switch (below(6)) {
    case 0: return 0;
    case 1: return mask;
    case 2:
        for (unsigned i = below(3) + 1; i > 0; i--)
            f ^= UINT64_C(1) << below(bits);
        return f;
    case 3:
        for (unsigned i = below(3) + 1; i > 0; i--)
            f ^= UINT64_C(1) << below(bits);
        return mask ^ f;
    case 4: return (random64() & mask) >> below(bits) << below(bits) & mask;
    default: return random64() & mask;
    }
}

/* An exponent field: any, at the ends, or in the middle where results of two meet. */
static inline unsigned random_exponent(unsigned bits)
{
    unsigned max = (1u << bits) - 1;

    switch (below(8)) {
    case 0: return 0;
    case 1: return below(4);
    case 2: return max - below(4);
    case 3:
    case 4: return max / 2 - 3 + below(7);
    case 5: return (max / 2 + below(140) - 70) & max;
    default: return below(max + 1);
    }
}

static inline uint64_t random_float(unsigned exp_bits, unsigned frac_bits)
{
    uint64_t sign = random64() & 1, field = random_exponent(exp_bits);

    return (sign << exp_bits | field) << frac_bits | random_fraction(frac_bits);
}

static inline uint64_t random_f64(void)
{
    return random_float(11, 52);
}

static inline uint32_t random_f32(void)
{
    return (uint32_t)random_float(8, 23);
}

/* A second operand near the first one: same, opposite, neighbour, or a few exponents
 * away. */
static inline uint64_t random_near(uint64_t a, unsigned exp_bits, unsigned frac_bits)
{
    uint64_t top = UINT64_C(1) << (exp_bits + frac_bits);

    switch (below(8)) {
    case 0: return a;
    case 1: return a ^ top;
    case 2: return (a ^ top) + below(3) - 1;
    case 3: return (a ^ (random64() & top)) + ((uint64_t)(below(7)) << frac_bits);
    case 4:
        return (a ^ (random64() & top)) - ((uint64_t)(below(2 * frac_bits)) << frac_bits);
    default: return random_float(exp_bits, frac_bits);
    }
}

static const char *const round_names[] = { "rne", "rtz", "rdn", "rup", "rmm", "rod" };

/* --- the host's floating-point state */

#if defined(__x86_64__)

#include <xmmintrin.h>

#define HOST_RULES FP_RULES_SSE
#define HOST_HAS_NANS 1 /* NaN results are as HOST_RULES says */
enum { HOST_FLAGS = FP_NX | FP_UF | FP_OF | FP_DZ | FP_NV | FP_ID };

/* `more` is MXCSR.DAZ (0x40) and FZ (0x8000). */
static inline void host_begin_with(unsigned round, unsigned more)
{
    static const unsigned modes[] = { 0x0000, 0x6000, 0x2000, 0x4000 };

    _mm_setcsr(0x1f80 | modes[round] | more);
}

static inline void host_begin(unsigned round)
{
    host_begin_with(round, 0);
}

static inline uint8_t host_end(void)
{
    unsigned csr = _mm_getcsr();

    _mm_setcsr(0x1f80);
    return (uint8_t)((csr & 0x20 ? FP_NX : 0) | (csr & 0x10 ? FP_UF : 0) |
                     (csr & 0x08 ? FP_OF : 0) | (csr & 0x04 ? FP_DZ : 0) |
                     (csr & 0x01 ? FP_NV : 0) | (csr & 0x02 ? FP_ID : 0));
}

#else

#include <fenv.h>

#ifdef __s390x__
#define HOST_RULES FP_RULES_S390
#elif defined(__aarch64__)
#define HOST_RULES FP_RULES_ARM
#elif defined(__powerpc__)
#define HOST_RULES FP_RULES_POWER
#else
#define HOST_RULES FP_RULES_RISCV
#endif
#define HOST_HAS_NANS 0 /* compilers exchange operands */
enum { HOST_FLAGS = FP_NX | FP_UF | FP_OF | FP_DZ | FP_NV };

static inline void host_begin(unsigned round)
{
    static const int modes[] = { FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD };

    fesetround(modes[round]);
    feclearexcept(FE_ALL_EXCEPT);
}

static inline uint8_t host_end(void)
{
    int raised = fetestexcept(FE_ALL_EXCEPT);

    fesetround(FE_TONEAREST);
    return (
        uint8_t)((raised & FE_INEXACT ? FP_NX : 0) | (raised & FE_UNDERFLOW ? FP_UF : 0) |
                 (raised & FE_OVERFLOW ? FP_OF : 0) |
                 (raised & FE_DIVBYZERO ? FP_DZ : 0) | (raised & FE_INVALID ? FP_NV : 0));
}

#endif

#endif
