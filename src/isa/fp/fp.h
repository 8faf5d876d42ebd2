/* fp.h - floating point of every guest, bit- and flag-exact, in integer arithmetic.
 *
 * A value is its raw bits.  What guests do differently (which NaN comes out, when a
 * result is tiny, what an impossible integer is) is one constant word, `rules`.
 * Nothing here reads or writes the host's floating-point state, boxes NaNs, or traps:
 * callers move `flags` to and from their guest's status register.
 * fp_host.h has the same operations by the host's own FPU where that is exact. */
#ifndef RHEA_FP_H
#define RHEA_FP_H

#include <stdbool.h>
#include <stdint.h>

/* Bits of an f128 (sign is hi bit 63), of an f80 (hi is sign and exponent, 16 bits; lo is
 * the significand with its explicit integer bit), or of a 128-bit integer. */
struct fp128 {
    uint64_t lo, hi;
};

/* Numbered as RISC-V's frm. */
enum fp_round {
    FP_RNE = 0, /* to nearest, ties to even */
    FP_RTZ = 1, /* toward zero */
    FP_RDN = 2, /* toward minus infinity */
    FP_RUP = 3, /* toward plus infinity */
    FP_RMM = 4, /* to nearest, ties away from zero */
    FP_ROD = 5, /* to odd: an inexact result has its last bit set (A64 FCVTXN, RVV
                   vfncvt.rod) */
};

/* Numbered as RISC-V's fflags.  FP_UP is about one operation: clear it before the one
 * whose rounding matters. */
enum fp_flag {
    FP_NX = 1,  /* inexact */
    FP_UF = 2,  /* underflow */
    FP_OF = 4,  /* overflow */
    FP_DZ = 8,  /* division of a finite number by zero */
    FP_NV = 16, /* invalid operation */
    FP_ID = 32, /* an input was subnormal: x86 DE, ARM IDC; see FP_ID_* for when */
    FP_UP = 64, /* rounding made the magnitude larger: PowerPC FR, x87 C1 */
};

/* Why FP_NV, for PowerPC's FPSCR, which keeps the reasons apart (Power ISA 4.2.2). */
enum fp_cause {
    FP_VXSNAN = 1, /* an operand is a signalling NaN */
    FP_VXISI = 2,  /* infinity - infinity */
    FP_VXIDI = 4,  /* infinity / infinity */
    FP_VXZDZ = 8,  /* 0 / 0 */
    FP_VXIMZ = 16, /* infinity * 0 */
    FP_VXVC = 32,  /* signalling compare with a NaN */
    FP_VXSQRT = 64,
    FP_VXCVI = 128, /* the value does not fit the integer */
};

/* The rules word: one value of each field below, or-ed. */
enum fp_rule {
    /* Which NaN an operation with NaN operands returns.  "Signalling first" means that a
     * signalling operand wins over a quiet one, then the operand order decides. */
    FP_NAN_CANONICAL = 0, /* always the default NaN: RISC-V F, ARM FPCR.DN = 1 */
    FP_NAN_SSE = 1,       /* a, b, c: Intel SDM vol. 1 table 4-7 and 14.5.1 */
    FP_NAN_X87 = 2,       /* quiet first, then larger significand: same table */
    FP_NAN_ARM = 3,       /* signalling first; a, b and c, a, b: ARM ARM FPProcessNaNs */
    FP_NAN_POWER = 4,     /* frA, frB, frC = a, c, b: Power ISA 4.3.2 */
    FP_NAN_SPARC = 5,     /* signalling first; b, a and c, b, a: SPARC V9 B.2.2 */
    FP_NAN_MIPS = 6,      /* quiet bit means signalling, which gives the default NaN */
    FP_NAN_MIPS2008 = 7,  /* signalling first; a, b and c, a, b: MIPS64 vol. I */
    FP_NAN_S390 = 8,      /* signalling first; a, b, c: z/Arch PoP chapter 19 */
    FP_NAN_M68K = 9,      /* destination (a) first: M68000PRM 1.6.5.2 */
    FP_NAN_MASK = 15,

    /* The default NaN. */
    FP_DNAN_POS = 0 << 4,  /* + quiet bit only: RISC-V, ARM, PowerPC, s390x, MIPS 2008 */
    FP_DNAN_NEG = 1 << 4,  /* - quiet bit only: x86 "real indefinite" */
    FP_DNAN_ONES = 2 << 4, /* + all ones: SPARC, m68k */
    FP_DNAN_LEGACY = 3 << 4, /* + all ones but the quiet bit: old MIPS */
    FP_DNAN_MASK = 3 << 4,

    /* fma of infinity, 0 and a quiet NaN. */
    FP_INFZERO_DEFAULT = 0 << 6, /* default NaN, FP_NV: RISC-V, ARM FPMulAdd, s390x */
    FP_INFZERO_NAN_NV = 1 << 6,  /* that NaN, FP_NV: PowerPC, SPARC, MIPS 2008 */
    FP_INFZERO_NAN = 2 << 6,     /* that NaN, no flag: Intel SDM vol. 1 14.5.1 */
    FP_INFZERO_MASK = 3 << 6,

    FP_TINY_BEFORE = 1 << 8, /* tiny is judged before rounding (ARM, PowerPC, SPARC,
                                s390x, m68k), else after (RISC-V, x86, MIPS) */

    FP_DAZ = 1 << 9,         /* subnormal inputs are zeros: x86 MXCSR.DAZ, ARM FPCR.FZ */
    FP_ID_USED = 1 << 10,    /* FP_ID when a subnormal was computed with: x86 DE */
    FP_ID_FLUSHED = 1 << 11, /* FP_ID when FP_DAZ made a zero of one: ARM IDC */

    FP_FTZ = 1 << 12,    /* tiny results are zeros: x86 MXCSR.FZ, ARM FPCR.FZ */
    FP_FTZ_UF = 1 << 13, /* ... and raise FP_UF (x86, ARM; not AltiVec NJ) */
    FP_FTZ_NX = 1 << 14, /* ... and FP_NX (x86; not ARM) */

    FP_UF_EXACT = 1 << 15, /* FP_UF for tiny exact results too, as with an enabled trap */

    /* Float to integer when the value does not fit. */
    FP_CVT_RISCV = 0 << 16, /* nearest limit; NaN is the largest: RISC-V F, FCVT */
    FP_CVT_ARM = 1 << 16,   /* nearest limit; NaN is 0: ARM FPToFixed; also MIPS 2008 */
    FP_CVT_X86 = 2 << 16,   /* "integer indefinite" (unsigned: all ones): Intel SDM */
    FP_CVT_POWER = 3 << 16, /* nearest limit; NaN is the smallest: fctid; also s390x */
    FP_CVT_SPARC = 4 << 16, /* nearest limit by sign, of a NaN too: SPARC V9 B.5 */
    FP_CVT_MIPS = 5 << 16, /* the largest, whatever the sign: MIPS CVT.W.fmt, CVT.L.fmt */
    FP_CVT_M68K = 6 << 16, /* nearest limit; NaN gives its top bits: M68000PRM FMOVE */
    FP_CVT_MASK = 7 << 16,

    /* x87 precision control: significand bits of an f80 result; exponents keep their
       range. */
    FP_F80_P64 = 0 << 19,
    FP_F80_P24 = 1 << 19,
    FP_F80_P53 = 2 << 19,
    FP_F80_P_MASK = 3 << 19,

    FP_F80_M68K = 1 << 21, /* no invalid encodings; exponent field 0 is 2^-16383 */
    FP_SINGLE = 1 << 22,  /* f64 arithmetic rounds to f32 and returns that as f64: PowerPC
                             fadds, fmadds, fcfids (Power ISA 4.3.5) */
    FP_ID_RINT = 1 << 23, /* FP_ID_USED holds for rint too: FRNDINT, but not ROUNDSD */

    FP_RULES_RISCV = FP_NAN_CANONICAL | FP_DNAN_POS | FP_INFZERO_DEFAULT | FP_CVT_RISCV,
    FP_RULES_ARM =
        FP_NAN_ARM | FP_DNAN_POS | FP_INFZERO_DEFAULT | FP_TINY_BEFORE | FP_CVT_ARM,
    FP_RULES_ARM_DN =
        FP_NAN_CANONICAL | FP_DNAN_POS | FP_INFZERO_DEFAULT | FP_TINY_BEFORE | FP_CVT_ARM,
    FP_RULES_ARM_FZ =
        FP_DAZ | FP_ID_FLUSHED | FP_FTZ | FP_FTZ_UF, /* or-ed in by FPCR.FZ */
    FP_RULES_ARM_AH =
        FP_NAN_SSE | FP_DNAN_NEG | FP_INFZERO_NAN | FP_CVT_ARM, /* FPCR.AH */
    FP_RULES_SSE = FP_NAN_SSE | FP_DNAN_NEG | FP_INFZERO_NAN | FP_ID_USED | FP_CVT_X86,
    FP_RULES_SSE_FZ =
        FP_FTZ | FP_FTZ_UF | FP_FTZ_NX, /* or-ed in by MXCSR.FZ when UM is set */
    FP_RULES_X87 =
        FP_NAN_X87 | FP_DNAN_NEG | FP_INFZERO_NAN | FP_ID_USED | FP_CVT_X86 | FP_ID_RINT,
    FP_RULES_POWER =
        FP_NAN_POWER | FP_DNAN_POS | FP_INFZERO_NAN_NV | FP_TINY_BEFORE | FP_CVT_POWER,
    FP_RULES_SPARC =
        FP_NAN_SPARC | FP_DNAN_ONES | FP_INFZERO_NAN_NV | FP_TINY_BEFORE | FP_CVT_SPARC,
    FP_RULES_MIPS = FP_NAN_MIPS | FP_DNAN_LEGACY | FP_INFZERO_DEFAULT | FP_CVT_MIPS,
    FP_RULES_MIPS2008 = FP_NAN_MIPS2008 | FP_DNAN_POS | FP_INFZERO_NAN_NV | FP_CVT_ARM,
    FP_RULES_S390 =
        FP_NAN_S390 | FP_DNAN_POS | FP_INFZERO_DEFAULT | FP_TINY_BEFORE | FP_CVT_POWER,
    FP_RULES_M68K = FP_NAN_M68K | FP_DNAN_ONES | FP_INFZERO_DEFAULT | FP_TINY_BEFORE |
                    FP_CVT_M68K | FP_F80_M68K,
};

/* One operation's surroundings.  The caller fills rules and round; operations or their
 * flags into what is there, and may skip work for flags that are already set. */
struct fp_env {
    uint32_t rules; /* enum fp_rule */
    uint8_t round;  /* enum fp_round; other values round to nearest */
    uint8_t flags;  /* enum fp_flag, or-ed into */
    uint8_t cause;  /* enum fp_cause, or-ed into */
};

enum fp_order { FP_LESS = -1, FP_EQUAL = 0, FP_GREATER = 1, FP_UNORDERED = 2 };

/* Sign changes of fma_neg; none touches a NaN (x86, PowerPC; an ARM caller flips operand
 * bits instead, where FPNeg flips a NaN's sign too). */
enum fp_neg { FP_NEG_PRODUCT = 1, FP_NEG_ADDEND = 2, FP_NEG_RESULT = 4 };

/* What `class` returns: exactly one bit, as RISC-V fclass. */
enum fp_class {
    FP_IS_NEG_INF = 1,
    FP_IS_NEG_NORMAL = 2,
    FP_IS_NEG_SUBNORMAL = 4,
    FP_IS_NEG_ZERO = 8,
    FP_IS_POS_ZERO = 16,
    FP_IS_POS_SUBNORMAL = 32,
    FP_IS_POS_NORMAL = 64,
    FP_IS_POS_INF = 128,
    FP_IS_SNAN = 256, /* and the invalid encodings of f80 */
    FP_IS_QNAN = 512,
};

/* clang-format off */
#define FP_TYPES(X)           \
    X(f16, uint16_t)          \
    X(bf16, uint16_t)         \
    X(f32, uint32_t)          \
    X(f64, uint64_t)          \
    X(f80, struct fp128)      \
    X(f128, struct fp128)

#define FP_TYPES_TO(X, from, bits)        \
    X(from, bits, f16, uint16_t)          \
    X(from, bits, bf16, uint16_t)         \
    X(from, bits, f32, uint32_t)          \
    X(from, bits, f64, uint64_t)          \
    X(from, bits, f80, struct fp128)      \
    X(from, bits, f128, struct fp128)

/* fp_<type>_<op>(a, b, env), fp_<type>_<op>(a, env), and orders and classes.
 *
 * add sub mul div; rem is IEEE remainder (quotient to nearest even).
 * minnum maxnum          754-2008: a number beats a quiet NaN; any signalling NaN gives NaN
 * minmag maxmag          the same by magnitude
 * minimum maximum        754-2019: NaN if either is
 * minimumnum maximumnum  754-2019: a number beats any NaN; signalling still raises FP_NV
 *                        (all of these order -0 below +0)
 * minsse maxsse          b if either is NaN (raising FP_NV) or both are zero
 * rint nearbyint         to an integral value, with and without FP_NX
 * logb                   floor(log2 |a|) as a float; of 0 it is -infinity with FP_DZ */
#define FP_BINARY_OPS(X, type, bits)                                            \
    X(type, bits, add) X(type, bits, sub) X(type, bits, mul) X(type, bits, div) \
    X(type, bits, rem)                                                          \
    X(type, bits, minnum) X(type, bits, maxnum)                                 \
    X(type, bits, minmag) X(type, bits, maxmag)                                 \
    X(type, bits, minimum) X(type, bits, maximum)                               \
    X(type, bits, minimumnum) X(type, bits, maximumnum)                         \
    X(type, bits, minsse) X(type, bits, maxsse)

#define FP_UNARY_OPS(X, type, bits)                                                        \
    X(type, bits, sqrt) X(type, bits, rint) X(type, bits, nearbyint) X(type, bits, logb)
/* clang-format on */

#define FP_DECLARE_BINARY(type, bits, op)                                                \
    bits fp_##type##_##op(bits a, bits b, struct fp_env *env);
#define FP_DECLARE_UNARY(type, bits, op)                                                 \
    bits fp_##type##_##op(bits a, struct fp_env *env);
#define FP_DECLARE_TO(from, bits, to, to_bits)                                           \
    to_bits fp_##from##_to_##to(bits a, struct fp_env *env);

/* fma: a * b + c, rounded once.  scalb: a * 2^n.
 * cmp: FP_NV for signalling NaNs only; cmps: for any NaN.  eq is quiet, lt and le signal.
 * to_int: by env->round to `width` bits (8 to 64), sign- or zero-extended to 64; a value
 * that does not fit raises FP_NV alone.  int_to: of the low `width` bits of `value`. */
#define FP_DECLARE(type, bits)                                                           \
    FP_BINARY_OPS(FP_DECLARE_BINARY, type, bits)                                         \
    FP_UNARY_OPS(FP_DECLARE_UNARY, type, bits)                                           \
    FP_TYPES_TO(FP_DECLARE_TO, type, bits)                                               \
    bits fp_##type##_fma(bits a, bits b, bits c, struct fp_env *env);                    \
    bits fp_##type##_fma_neg(bits a, bits b, bits c, unsigned neg, struct fp_env *env);  \
    bits fp_##type##_scalb(bits a, int32_t n, struct fp_env *env);                       \
    enum fp_order fp_##type##_cmp(bits a, bits b, struct fp_env *env);                   \
    enum fp_order fp_##type##_cmps(bits a, bits b, struct fp_env *env);                  \
    bool fp_##type##_eq(bits a, bits b, struct fp_env *env);                             \
    bool fp_##type##_lt(bits a, bits b, struct fp_env *env);                             \
    bool fp_##type##_le(bits a, bits b, struct fp_env *env);                             \
    unsigned fp_##type##_class(bits a, struct fp_env *env);                              \
    uint64_t fp_##type##_to_int(bits a, unsigned width, bool is_signed,                  \
                                struct fp_env *env);                                     \
    struct fp128 fp_##type##_to_int128(bits a, bool is_signed, struct fp_env *env);      \
    bits fp_int_to_##type(uint64_t value, unsigned width, bool is_signed,                \
                          struct fp_env *env);                                           \
    bits fp_int128_to_##type(struct fp128 value, bool is_signed, struct fp_env *env);

FP_TYPES(FP_DECLARE)

/* Toward zero modulo 2^32 (RISC-V fcvtmod.w.d, A64 FJCVTZS), sign-extended; FP_NV if the
 * integer does not fit 32 bits, else FP_NX if not exact. */
uint64_t fp_f64_to_int_mod(uint64_t a, struct fp_env *env);

/* x87 FPREM (quotient toward zero) and FPREM1 (to nearest).  `*status` gets the low three
 * bits of the quotient, or FP_REM_PARTIAL if the exponents were 64 or more apart and the
 * result is only a step on the way (C2). */
enum { FP_REM_QUOTIENT = 7, FP_REM_PARTIAL = 8 };
struct fp128 fp_f80_fprem(struct fp128 a, struct fp128 b, unsigned *status,
                          struct fp_env *env);
struct fp128 fp_f80_fprem1(struct fp128 a, struct fp128 b, unsigned *status,
                           struct fp_env *env);

#endif
