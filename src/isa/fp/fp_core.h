/* fp_core.h - the unpacked number every operation works on.  Private to src/isa/fp.
 *
 * Operations read their operands with fp_unpack(), compute on struct fp_num with 128-bit
 * significands, and return through fp_round_pack(), the only place that rounds.  They are
 * written once, for a struct fp_format; fp_entry.c names them per type. */
#ifndef RHEA_FP_CORE_H
#define RHEA_FP_CORE_H

#include "isa/fp/fp.h"
#include "isa/fp/u128.h"

struct fp_format {
    uint8_t exp_bits;
    uint8_t frac_bits;    /* below the integer bit */
    bool has_integer_bit; /* stored, as in f80 */
    int16_t bias;
};

extern const struct fp_format fp_format_f16, fp_format_bf16, fp_format_f32, fp_format_f64,
    fp_format_f80, fp_format_f128;

/* The NaNs come last. */
enum fp_kind { FP_ZERO, FP_FINITE, FP_INF, FP_QNAN, FP_SNAN, FP_INVALID };

/* FP_FINITE: sig * 2^(exp - 127), bit 127 of sig set; the last bit may stand for bits
 * lost below it (see u128.h).  Operands leave at least 15 bits at the bottom zero. NaN:
 * sig is the fraction just below bit 127, as in the format, so that cutting it short
 * converts between formats.  Otherwise sig and exp mean nothing. */
struct fp_num {
    uint8_t kind; /* enum fp_kind */
    bool sign;
    bool is_subnormal; /* encoded so (or as f80 pseudo-denormal), and not flushed */
    int32_t exp;
    struct fp128 sig;
};

#define FP_SIG_TOP (UINT64_C(1) << 63)   /* of sig.hi: the integer bit */
#define FP_SIG_QUIET (UINT64_C(1) << 62) /* of sig.hi of a NaN */

static inline bool fp_is_nan(struct fp_num n)
{
    return n.kind >= FP_QNAN;
}

static inline struct fp_num fp_zero(bool sign)
{
    return (struct fp_num){ .kind = FP_ZERO, .sign = sign };
}

static inline struct fp_num fp_inf(bool sign)
{
    return (struct fp_num){ .kind = FP_INF, .sign = sign };
}

/* The number sig * 2^(exp - 127) for any sig. */
static inline struct fp_num fp_normalized(bool sign, int32_t exp, struct fp128 sig)
{
    unsigned shift;

    if (u128_is_zero(sig))
        return fp_zero(sign);
    shift = u128_clz(sig);
    return (struct fp_num){ .kind = FP_FINITE,
                            .sign = sign,
                            .exp = exp - (int32_t)shift,
                            .sig = u128_shl(sig, shift) };
}

/* Flushes a subnormal (and raises FP_ID for that) as the rules say.  Through a pointer:
 * copying a struct fp_num whose fields were just stored stalls. */
void fp_unpack(struct fp_num *n, const struct fp_format *f, struct fp128 bits,
               struct fp_env *env);

/* Encodes a number that the format can represent. */
struct fp128 fp_pack(const struct fp_format *f, struct fp_num n,
                     const struct fp_env *env);

/* Rounds *n to what the format (or precision control) can hold, raises the flags of that,
 * and packs. */
struct fp128 fp_round_pack(const struct fp_format *f, struct fp_num *n,
                           struct fp_env *env);

static inline struct fp128 fp_finish(const struct fp_format *f, struct fp_num n,
                                     struct fp_env *env)
{
    return fp_round_pack(f, &n, env);
}

/* Raises FP_NV and gives the default NaN. */
struct fp_num fp_invalid(enum fp_cause cause, struct fp_env *env);
struct fp_num fp_default_nan(const struct fp_env *env);

/* The NaN that an operation with at least one NaN among its operands returns, quiet,
 * after raising what signalling ones raise. */
struct fp_num fp_nan1(struct fp_num a, struct fp_env *env);
struct fp_num fp_nan2(struct fp_num a, struct fp_num b, struct fp_env *env);
struct fp_num fp_nan3(struct fp_num a, struct fp_num b, struct fp_num c,
                      struct fp_env *env);

/* What an operation that did compute with its operands says about subnormal ones. */
static inline void fp_note_subnormal(bool any, struct fp_env *env)
{
    if (any && (env->rules & FP_ID_USED))
        env->flags |= FP_ID;
}

/* Whether rounding away `lost` bits makes the magnitude larger.  `half` is the value of
 * the first lost bit; `is_odd` says that the last kept bit is set. */
bool fp_rounds_up(uint8_t round, bool sign, bool is_odd, struct fp128 lost,
                  struct fp128 half);

/* fp_arith.c, fp_rem.c: arithmetic, on the bits of one format. */
struct fp128 fp_do_add(const struct fp_format *f, struct fp128 a, struct fp128 b,
                       bool subtracts, struct fp_env *env);
struct fp128 fp_do_mul(const struct fp_format *f, struct fp128 a, struct fp128 b,
                       struct fp_env *env);
struct fp128 fp_do_div(const struct fp_format *f, struct fp128 a, struct fp128 b,
                       struct fp_env *env);
struct fp128 fp_do_sqrt(const struct fp_format *f, struct fp128 a, struct fp_env *env);

struct fp_fma {
    struct fp128 a, b, c;
    unsigned neg; /* enum fp_neg */
};
struct fp128 fp_do_fma(const struct fp_format *f, const struct fp_fma *fma,
                       struct fp_env *env);
struct fp128 fp_do_rem(const struct fp_format *f, struct fp128 a, struct fp128 b,
                       struct fp_env *env);

/* One step of long division: returns the next 32 bits of n / d, leaves the rest in *n.
 * Requires: *n < d, bit 127 of d is set. */
uint32_t fp_div_step(struct fp128 *n, struct fp128 d);

/* fp_cmp.c */
enum fp_order fp_do_cmp(const struct fp_format *f, struct fp128 a, struct fp128 b,
                        bool is_signalling, struct fp_env *env);
unsigned fp_do_class(const struct fp_format *f, struct fp128 a, struct fp_env *env);

enum fp_minmax {
    FP_MIN = 0,
    FP_MAX = 1,
    FP_MAGNITUDE = 2,
    FP_2008 = 0,
    FP_NAN_WINS = 4,
    FP_NUMBER_WINS = 8,
    FP_SECOND_WINS = 12,
    FP_MINMAX_FAMILY = 12
};
struct fp128 fp_do_minmax(const struct fp_format *f, struct fp128 a, struct fp128 b,
                          unsigned minmax, struct fp_env *env);

/* fp_conv.c */
struct fp128 fp_do_convert(const struct fp_format *from, const struct fp_format *to,
                           struct fp128 a, struct fp_env *env);
struct fp128 fp_do_to_int(const struct fp_format *f, struct fp128 a, unsigned width,
                          bool is_signed, struct fp_env *env);
struct fp128 fp_do_from_int(const struct fp_format *f, struct fp128 value, bool is_signed,
                            struct fp_env *env);
struct fp128 fp_do_rint(const struct fp_format *f, struct fp128 a, bool is_exact,
                        struct fp_env *env);
struct fp128 fp_do_scalb(const struct fp_format *f, struct fp128 a, int32_t n,
                         struct fp_env *env);
struct fp128 fp_do_logb(const struct fp_format *f, struct fp128 a, struct fp_env *env);

#endif
