/* fpfast.h - the host's floating point inside of handlers.
 *
 * The functions of fp_host.h, but where those would call the soft function, these set
 * env->cause to FP_DEFERRED instead, and their result means nothing: the handler then
 * goes to its slow copy by a tail call.  So a fast handler calls nothing and has no
 * frame. */
#ifndef RHEA_INTERP_FPFAST_H
#define RHEA_INTERP_FPFAST_H

#include "base/compiler.h"
#include "isa/fp/fp.h"

enum { FP_DEFERRED = 0xff };

static inline uint32_t fp_defer(struct fp_env *env)
{
    env->cause = FP_DEFERRED;
    return 0;
}

/* clang-format off */
#define fp_f64_add(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_sub(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_mul(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_div(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_sqrt(a, env) ((void)(a), fp_defer(env))
#define fp_f64_fma(a, b, c, env) ((void)(a), (void)(b), (void)(c), fp_defer(env))
#define fp_f64_cmp(a, b, env) ((void)(a), (void)(b), (enum fp_order)fp_defer(env))
#define fp_f64_cmps(a, b, env) ((void)(a), (void)(b), (enum fp_order)fp_defer(env))
#define fp_f64_eq(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_lt(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_le(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_minnum(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_maxnum(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_minimum(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_maximum(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_minimumnum(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_maximumnum(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_minsse(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_maxsse(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f64_to_f32(a, env) ((void)(a), fp_defer(env))
#define fp_f64_to_int(a, width, is_signed, env) ((void)(a), (void)(width), (void)(is_signed), fp_defer(env))
#define fp_int_to_f64(value, width, is_signed, env) ((void)(value), (void)(width), (void)(is_signed), fp_defer(env))
#define fp_f32_add(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_sub(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_mul(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_div(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_sqrt(a, env) ((void)(a), fp_defer(env))
#define fp_f32_fma(a, b, c, env) ((void)(a), (void)(b), (void)(c), fp_defer(env))
#define fp_f32_cmp(a, b, env) ((void)(a), (void)(b), (enum fp_order)fp_defer(env))
#define fp_f32_cmps(a, b, env) ((void)(a), (void)(b), (enum fp_order)fp_defer(env))
#define fp_f32_eq(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_lt(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_le(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_minnum(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_maxnum(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_minimum(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_maximum(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_minimumnum(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_maximumnum(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_minsse(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_maxsse(a, b, env) ((void)(a), (void)(b), fp_defer(env))
#define fp_f32_to_f64(a, env) ((void)(a), fp_defer(env))
#define fp_f32_to_int(a, width, is_signed, env) ((void)(a), (void)(width), (void)(is_signed), fp_defer(env))
#define fp_int_to_f32(value, width, is_signed, env) ((void)(value), (void)(width), (void)(is_signed), fp_defer(env))
/* clang-format on */

#include "isa/fp/fp_host.h" /* after the names above */

/* f64 fma needs the instruction.  Where only some hosts of the kind have it, handlers
 * that use it are compiled for those, and predecode looks (struct interp_variant). */
#if FP_HAS_HOST
#define FP_FMA_TARGET HOST_FMA_TARGET
#define FP_FMA_OPTIONAL HOST_FMA_OPTIONAL
#else
#define FP_FMA_TARGET
#define FP_FMA_OPTIONAL 0
#endif

#if HOST_FMA && FP_HAS_HOST
#define FP_HAS_FMA 1
#else
#define FP_HAS_FMA 0
#endif

/* The host's result counts if it is far from the ends of the exponent range, as in
 * fp_host.h; whether it is exact is not asked, so FP_NX must be set already. */
FP_FMA_TARGET static inline uint64_t fp_quick_f64_fma(uint64_t a, uint64_t b, uint64_t c,
                                                      struct fp_env *env)
{
#if FP_HAS_FMA
    uint64_t r =
        fp_f64_bits(__builtin_fma(fp_f64_real(a), fp_f64_real(b), fp_f64_real(c)));

    if (FP_LIKELY(env->flags & FP_NX && fp_f64_within(r, 2, 0x7fe) &&
                  fp_host_rounds(env) && fp_f64_is_plain(a, env) &&
                  fp_f64_is_plain(b, env) && fp_f64_is_plain(c, env)))
        return r;
#endif
    return fp_f64_fma(a, b, c, env);
}

#endif
