/* fp_arith.c - add, multiply, divide, square root and fused multiply-add. */
#include "isa/fp/fp_core.h"

/* --- addition */

static struct fp_num zero_sum(const struct fp_num *a, const struct fp_num *b,
                              const struct fp_env *env)
{
    return fp_zero(a->sign == b->sign ? a->sign : env->round == FP_RDN);
}

static bool is_less_magnitude(const struct fp_num *a, const struct fp_num *b)
{
    return a->exp != b->exp ? a->exp < b->exp : u128_less(a->sig, b->sig);
}

/* |a| is not less than |b|. */
static void add_finite(struct fp_num *r, const struct fp_num *a, const struct fp_num *b,
                       const struct fp_env *env)
{
    struct fp128 small = u128_shr_jam(b->sig, (uint32_t)(a->exp - b->exp));

    r->kind = FP_FINITE;
    r->sign = a->sign;
    r->exp = a->exp;
    if (a->sign != b->sign) {
        *r = fp_normalized(a->sign, a->exp, u128_sub(a->sig, small));
        if (r->kind == FP_ZERO)
            r->sign = env->round == FP_RDN;
        return;
    }
    r->sig = u128_add(a->sig, small);
    if (u128_less(r->sig, small)) {
        r->sig = u128_shr_jam(r->sig, 1);
        r->sig.hi |= FP_SIG_TOP;
        r->exp++;
    }
}

/* Not both finite. */
static struct fp_num add_special(struct fp_num a, struct fp_num b, struct fp_env *env)
{
    if (fp_is_nan(a) || fp_is_nan(b))
        return fp_nan2(a, b, env);
    if (a.kind == FP_INF && b.kind == FP_INF && a.sign != b.sign)
        return fp_invalid(FP_VXISI, env);
    fp_note_subnormal(a.is_subnormal | b.is_subnormal, env);
    if (a.kind == FP_INF)
        return a;
    if (b.kind == FP_INF)
        return b;
    if (a.kind == FP_ZERO && b.kind == FP_ZERO)
        return zero_sum(&a, &b, env);
    return a.kind == FP_ZERO ? b : a;
}

struct fp128 fp_do_add(const struct fp_format *f, struct fp128 a, struct fp128 b,
                       bool subtracts, struct fp_env *env)
{
    struct fp_num m, n, r;

    fp_unpack(&m, f, a, env);
    fp_unpack(&n, f, b, env);
    n.sign ^= subtracts && n.kind < FP_QNAN;
    if (m.kind != FP_FINITE || n.kind != FP_FINITE)
        return fp_finish(f, add_special(m, n, env), env);
    fp_note_subnormal(m.is_subnormal | n.is_subnormal, env);
    if (is_less_magnitude(&m, &n))
        add_finite(&r, &n, &m, env);
    else
        add_finite(&r, &m, &n, env);
    return fp_round_pack(f, &r, env);
}

/* --- multiplication */

/* The product of two finite numbers has 256 bits; u256_normalize() sets the first. */
static struct u256 u256_normalize(struct u256 sig, int32_t *exp)
{
    unsigned shift = u128_is_zero(sig.hi) ? 128 + u128_clz(sig.lo) : u128_clz(sig.hi);

    *exp -= (int32_t)shift;
    return u256_shl(sig, shift);
}

static struct u256 product(const struct fp_num *a, const struct fp_num *b, int32_t *exp)
{
    struct u256 sig = { 0 };

    if ((a->sig.lo | b->sig.lo) == 0) /* every format but f128 */
        sig.hi = u64_mul(a->sig.hi, b->sig.hi);
    else
        sig = u128_mul(a->sig, b->sig);
    *exp = a->exp + b->exp + 1;
    return u256_normalize(sig, exp);
}

static struct fp_num mul_special(struct fp_num a, struct fp_num b, struct fp_env *env)
{
    bool sign = a.sign ^ b.sign;

    if (fp_is_nan(a) || fp_is_nan(b))
        return fp_nan2(a, b, env);
    if ((a.kind == FP_INF && b.kind == FP_ZERO) ||
        (a.kind == FP_ZERO && b.kind == FP_INF))
        return fp_invalid(FP_VXIMZ, env);
    fp_note_subnormal(a.is_subnormal | b.is_subnormal, env);
    return a.kind == FP_INF || b.kind == FP_INF ? fp_inf(sign) : fp_zero(sign);
}

struct fp128 fp_do_mul(const struct fp_format *f, struct fp128 a, struct fp128 b,
                       struct fp_env *env)
{
    struct fp_num m, n, r = { .kind = FP_FINITE };

    fp_unpack(&m, f, a, env);
    fp_unpack(&n, f, b, env);
    if (m.kind != FP_FINITE || n.kind != FP_FINITE)
        return fp_finish(f, mul_special(m, n, env), env);
    fp_note_subnormal(m.is_subnormal | n.is_subnormal, env);
    r.sign = m.sign ^ n.sign;
    r.sig = u256_high_jam(product(&m, &n, &r.exp));
    return fp_round_pack(f, &r, env);
}

/* --- fused multiply-add */

static struct u256 u256_of(struct fp128 hi)
{
    return (struct u256){ .lo = u128(0, 0), .hi = hi };
}

static bool u256_less(struct u256 a, struct u256 b)
{
    if (a.hi.hi == b.hi.hi && a.hi.lo == b.hi.lo)
        return u128_less(a.lo, b.lo);
    return u128_less(a.hi, b.hi);
}

/* p + c for finite p = a * b and c, where only c may be zero.  The product's low 30 bits
 * are zero (f128: 226 of 256), so jamming the smaller term is exact as far as rounding
 * can tell. */
static struct fp_num fma_finite(struct fp_num a, struct fp_num b, struct fp_num c,
                                bool p_sign, const struct fp_env *env)
{
    int32_t p_exp, exp;
    struct u256 p = product(&a, &b, &p_exp), q = u256_of(c.sig), sum;
    struct fp_num r = { .kind = FP_FINITE, .sign = p_sign };

    exp = p_exp > c.exp ? p_exp : c.exp;
    p = u256_shr_jam(p, (uint32_t)(exp - p_exp));
    q = u256_shr_jam(q, (uint32_t)(exp - c.exp));
    if (p_sign == c.sign) {
        sum = u256_add(p, q);
        if (u256_less(sum, p)) {
            sum = u256_shr_jam(sum, 1);
            sum.hi.hi |= FP_SIG_TOP;
            exp++;
        }
    } else {
        if (u256_less(p, q)) {
            r.sign = c.sign;
            sum = u256_sub(q, p);
        } else {
            sum = u256_sub(p, q);
        }
        if (u128_is_zero(sum.hi) && u128_is_zero(sum.lo))
            return fp_zero(env->round == FP_RDN);
        sum = u256_normalize(sum, &exp);
    }
    r.exp = exp;
    r.sig = u256_high_jam(sum);
    return r;
}

static struct fp_num fma_nan(struct fp_num a, struct fp_num b, struct fp_num c,
                             bool is_inf_zero, struct fp_env *env)
{
    unsigned rule = env->rules & FP_INFZERO_MASK;

    if (!is_inf_zero)
        return fp_nan3(a, b, c, env);
    if (rule == FP_INFZERO_NAN)
        return fp_nan1(c, env);
    env->flags |= FP_NV;
    env->cause |= FP_VXIMZ;
    if (rule == FP_INFZERO_DEFAULT && c.kind == FP_QNAN)
        return fp_default_nan(env);
    return fp_nan1(c, env);
}

static struct fp_num fma_num(struct fp_num a, struct fp_num b, struct fp_num c,
                             bool p_sign, struct fp_env *env)
{
    bool is_inf_zero = (a.kind == FP_INF && b.kind == FP_ZERO) ||
                       (a.kind == FP_ZERO && b.kind == FP_INF);
    struct fp_num zero = fp_zero(p_sign);

    if (fp_is_nan(a) || fp_is_nan(b) || fp_is_nan(c))
        return fma_nan(a, b, c, is_inf_zero, env);
    if (is_inf_zero)
        return fp_invalid(FP_VXIMZ, env);
    if ((a.kind == FP_INF || b.kind == FP_INF) && c.kind == FP_INF && c.sign != p_sign)
        return fp_invalid(FP_VXISI, env);
    fp_note_subnormal(a.is_subnormal | b.is_subnormal | c.is_subnormal, env);
    if (a.kind == FP_INF || b.kind == FP_INF)
        return fp_inf(p_sign);
    if (c.kind == FP_INF)
        return c;
    if (a.kind == FP_ZERO || b.kind == FP_ZERO)
        return c.kind == FP_ZERO ? zero_sum(&zero, &c, env) : c;
    if (c.kind == FP_ZERO) {
        c.sig = u128(0, 0);
        c.sign = p_sign;
        c.exp = a.exp + b.exp; /* does not matter, but for not being the larger one */
    }
    return fma_finite(a, b, c, p_sign, env);
}

struct fp128 fp_do_fma(const struct fp_format *f, const struct fp_fma *op,
                       struct fp_env *env)
{
    struct fp_num a, b;
    struct fp_num c, r;
    struct fp128 bits, sign_bit;
    bool p_sign;

    fp_unpack(&a, f, op->a, env);
    fp_unpack(&b, f, op->b, env);
    fp_unpack(&c, f, op->c, env);
    p_sign = a.sign ^ b.sign ^ ((op->neg & FP_NEG_PRODUCT) != 0);
    c.sign ^= !fp_is_nan(c) && (op->neg & FP_NEG_ADDEND);
    r = fma_num(a, b, c, p_sign, env);
    bits = fp_finish(f, r, env);
    if (!(op->neg & FP_NEG_RESULT) || fp_is_nan(r))
        return bits;
    sign_bit =
        u128_shl(u128(0, 1), (unsigned)f->frac_bits + f->has_integer_bit + f->exp_bits);
    return u128(bits.hi ^ sign_bit.hi, bits.lo ^ sign_bit.lo);
}

/* --- division */

/* The quotient guessed from the leading 32 bits of d is at most 2 too large (Knuth, TAOCP
 * vol. 2, 4.3.1, theorem B). */
uint32_t fp_div_step(struct fp128 *n, struct fp128 d)
{
    uint64_t guess = n->hi / (d.hi >> 32);
    uint32_t above = (uint32_t)(n->hi >> 32); /* what leaves the top of n * 2^32 */
    struct fp128 low, rest;

    if (guess > UINT32_MAX)
        guess = UINT32_MAX;
    low = u64_mul(guess, d.lo);
    rest = u64_mul(guess, d.hi);
    rest = u128_add(rest, u128(0, low.hi)); /* guess * d = rest : low.lo, 160 bits */
    above -= (uint32_t)rest.hi;
    low = u128(rest.lo, low.lo);
    rest = u128_shl(*n, 32);
    above -= u128_less(rest, low);
    rest = u128_sub(rest, low);
    while (above != 0) { /* negative: at most twice */
        guess--;
        rest = u128_add(rest, d);
        above += u128_less(rest, d);
    }
    *n = rest;
    return (uint32_t)guess;
}

/* a / b with enough bits to round to `frac_bits`; the rest is jammed. */
static struct fp_num div_finite(const struct fp_num *a, const struct fp_num *b,
                                unsigned frac_bits)
{
    int32_t exp = a->exp - b->exp;
    struct fp128 q = u128(0, 0), rest = a->sig;
    unsigned bits = 0;

    if (u128_less(a->sig, b->sig))
        exp--;
    else /* so that the quotient is 0.1xxx; the lost bit is 0 */
        rest = u128_shr(rest, 1);
    for (; bits < frac_bits + 3; bits += 32) {
        q = u128_shl(q, 32);
        q.lo |= fp_div_step(&rest, b->sig);
    }
    q.lo |= !u128_is_zero(rest);
    return fp_normalized(a->sign ^ b->sign, exp + (int32_t)(128 - bits), q);
}

static struct fp_num div_special(struct fp_num a, struct fp_num b, struct fp_env *env)
{
    bool sign = a.sign ^ b.sign;

    if (fp_is_nan(a) || fp_is_nan(b))
        return fp_nan2(a, b, env);
    if (a.kind == FP_INF && b.kind == FP_INF)
        return fp_invalid(FP_VXIDI, env);
    if (a.kind == FP_ZERO && b.kind == FP_ZERO)
        return fp_invalid(FP_VXZDZ, env);
    if (a.kind == FP_FINITE && b.kind == FP_ZERO) {
        env->flags |= FP_DZ;
        return fp_inf(sign);
    }
    fp_note_subnormal(a.is_subnormal | b.is_subnormal, env);
    return a.kind == FP_INF ? fp_inf(sign) : fp_zero(sign);
}

struct fp128 fp_do_div(const struct fp_format *f, struct fp128 a, struct fp128 b,
                       struct fp_env *env)
{
    struct fp_num m, n, r;

    fp_unpack(&m, f, a, env);
    fp_unpack(&n, f, b, env);
    if (m.kind != FP_FINITE || n.kind != FP_FINITE)
        return fp_finish(f, div_special(m, n, env), env);
    fp_note_subnormal(m.is_subnormal | n.is_subnormal, env);
    r = div_finite(&m, &n, f->frac_bits);
    return fp_round_pack(f, &r, env);
}

/* --- square root */

/* Bit by bit, as by hand: every bit of the root takes two of the operand.  The first 60
 * fit machine words, as the remainder is at most twice the root. */
static struct fp_num sqrt_finite(const struct fp_num *a, unsigned frac_bits)
{
    int32_t exp = a->exp & 1 ? a->exp - 1 : a->exp;
    struct fp128 x = a->exp & 1 ? a->sig : u128_shr(a->sig, 1); /* two integer bits */
    struct fp128 root = u128(0, 0), rest = u128(0, 0), trial;
    unsigned bits, wanted = frac_bits + 3;

    for (bits = 0; bits < wanted && bits < 60; bits++) {
        rest.lo = rest.lo << 2 | x.hi >> 62;
        x = u128_shl(x, 2);
        trial.lo = root.lo << 2 | 1;
        root.lo <<= 1;
        if (rest.lo >= trial.lo) {
            rest.lo -= trial.lo;
            root.lo |= 1;
        }
    }
    for (; bits < wanted; bits++) {
        rest = u128_shl(rest, 2);
        rest.lo |= x.hi >> 62;
        x = u128_shl(x, 2);
        trial = u128_shl(root, 2);
        trial.lo |= 1;
        root = u128_shl(root, 1);
        if (!u128_less(rest, trial)) {
            rest = u128_sub(rest, trial);
            root.lo |= 1;
        }
    }
    root = u128_shl(root, 128 - bits);
    root.lo |= !u128_is_zero(rest);
    return fp_normalized(false, exp / 2, root);
}

struct fp128 fp_do_sqrt(const struct fp_format *f, struct fp128 a, struct fp_env *env)
{
    struct fp_num n;

    fp_unpack(&n, f, a, env);
    if (fp_is_nan(n))
        return fp_finish(f, fp_nan1(n, env), env);
    if (n.kind == FP_ZERO)
        return fp_finish(f, n, env);
    if (n.sign)
        return fp_finish(f, fp_invalid(FP_VXSQRT, env), env);
    fp_note_subnormal(n.is_subnormal, env);
    if (n.kind == FP_INF)
        return fp_finish(f, n, env);
    return fp_finish(f, sqrt_finite(&n, f->frac_bits), env);
}
