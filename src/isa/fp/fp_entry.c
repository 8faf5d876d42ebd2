/* fp_entry.c - the functions of fp.h: the generic operations, by type. */
#include "isa/fp/fp_core.h"

/* clang-format off */
#define GET_f16(bits) u128(0, bits)
#define GET_bf16(bits) u128(0, bits)
#define GET_f32(bits) u128(0, bits)
#define GET_f64(bits) u128(0, bits)
#define GET_f80(bits) u128((bits).hi & 0xffff, (bits).lo)
#define GET_f128(bits) (bits)

#define PUT_f16(wide) ((uint16_t)(wide).lo)
#define PUT_bf16(wide) ((uint16_t)(wide).lo)
#define PUT_f32(wide) ((uint32_t)(wide).lo)
#define PUT_f64(wide) ((wide).lo)
#define PUT_f80(wide) (wide)
#define PUT_f128(wide) (wide)
/* clang-format on */

#define BINARY(type, bits, op, call)                                                     \
    bits fp_##type##_##op(bits a, bits b, struct fp_env *env)                            \
    {                                                                                    \
        const struct fp_format *f = &fp_format_##type;                                   \
        struct fp128 x = GET_##type(a), y = GET_##type(b), r = call;                     \
                                                                                         \
        return PUT_##type(r);                                                            \
    }

#define UNARY(type, bits, op, call)                                                      \
    bits fp_##type##_##op(bits a, struct fp_env *env)                                    \
    {                                                                                    \
        const struct fp_format *f = &fp_format_##type;                                   \
        struct fp128 x = GET_##type(a), r = call;                                        \
                                                                                         \
        return PUT_##type(r);                                                            \
    }

#define ORDER(type, bits, result, name, is_signalling, test)                             \
    result fp_##type##_##name(bits a, bits b, struct fp_env *env)                        \
    {                                                                                    \
        enum fp_order order = fp_do_cmp(&fp_format_##type, GET_##type(a), GET_##type(b), \
                                        is_signalling, env);                             \
                                                                                         \
        return test;                                                                     \
    }

#define CONVERT(from, bits, to, to_bits)                                                 \
    to_bits fp_##from##_to_##to(bits a, struct fp_env *env)                              \
    {                                                                                    \
        struct fp128 r =                                                                 \
            fp_do_convert(&fp_format_##from, &fp_format_##to, GET_##from(a), env);       \
                                                                                         \
        return PUT_##to(r);                                                              \
    }

#define MINMAX(type, bits, op, how)                                                      \
    BINARY(type, bits, op, fp_do_minmax(f, x, y, how, env))

/* The low `width` bits as a 128-bit integer. */
static struct fp128 extended(uint64_t value, unsigned width, bool is_signed)
{
    uint64_t top = UINT64_C(1) << (width - 1);

    value &= top | (top - 1);
    return is_signed && (value & top) ? u128(~UINT64_C(0), (value ^ top) - top)
                                      : u128(0, value);
}

#define OPERATIONS(type, bits)                                                           \
    BINARY(type, bits, add, fp_do_add(f, x, y, false, env))                              \
    BINARY(type, bits, sub, fp_do_add(f, x, y, true, env))                               \
    BINARY(type, bits, mul, fp_do_mul(f, x, y, env))                                     \
    BINARY(type, bits, div, fp_do_div(f, x, y, env))                                     \
    BINARY(type, bits, rem, fp_do_rem(f, x, y, env))                                     \
    MINMAX(type, bits, minnum, FP_MIN | FP_2008)                                         \
    MINMAX(type, bits, maxnum, FP_MAX | FP_2008)                                         \
    MINMAX(type, bits, minmag, FP_MIN | FP_2008 | FP_MAGNITUDE)                          \
    MINMAX(type, bits, maxmag, FP_MAX | FP_2008 | FP_MAGNITUDE)                          \
    MINMAX(type, bits, minimum, FP_MIN | FP_NAN_WINS)                                    \
    MINMAX(type, bits, maximum, FP_MAX | FP_NAN_WINS)                                    \
    MINMAX(type, bits, minimumnum, FP_MIN | FP_NUMBER_WINS)                              \
    MINMAX(type, bits, maximumnum, FP_MAX | FP_NUMBER_WINS)                              \
    MINMAX(type, bits, minsse, FP_MIN | FP_SECOND_WINS)                                  \
    MINMAX(type, bits, maxsse, FP_MAX | FP_SECOND_WINS)                                  \
    UNARY(type, bits, sqrt, fp_do_sqrt(f, x, env))                                       \
    UNARY(type, bits, rint, fp_do_rint(f, x, true, env))                                 \
    UNARY(type, bits, nearbyint, fp_do_rint(f, x, false, env))                           \
    UNARY(type, bits, logb, fp_do_logb(f, x, env))                                       \
    ORDER(type, bits, enum fp_order, cmp, false, order)                                  \
    ORDER(type, bits, enum fp_order, cmps, true, order)                                  \
    ORDER(type, bits, bool, eq, false, order == FP_EQUAL)                                \
    ORDER(type, bits, bool, lt, true, order == FP_LESS)                                  \
    ORDER(type, bits, bool, le, true, order == FP_LESS || order == FP_EQUAL)             \
    FP_TYPES_TO(CONVERT, type, bits)                                                     \
                                                                                         \
    bits fp_##type##_fma_neg(bits a, bits b, bits c, unsigned neg, struct fp_env *env)   \
    {                                                                                    \
        struct fp_fma op = { GET_##type(a), GET_##type(b), GET_##type(c), neg };         \
        struct fp128 r = fp_do_fma(&fp_format_##type, &op, env);                         \
                                                                                         \
        return PUT_##type(r);                                                            \
    }                                                                                    \
                                                                                         \
    bits fp_##type##_fma(bits a, bits b, bits c, struct fp_env *env)                     \
    {                                                                                    \
        return fp_##type##_fma_neg(a, b, c, 0, env);                                     \
    }                                                                                    \
                                                                                         \
    bits fp_##type##_scalb(bits a, int32_t n, struct fp_env *env)                        \
    {                                                                                    \
        struct fp128 r = fp_do_scalb(&fp_format_##type, GET_##type(a), n, env);          \
                                                                                         \
        return PUT_##type(r);                                                            \
    }                                                                                    \
                                                                                         \
    unsigned fp_##type##_class(bits a, struct fp_env *env)                               \
    {                                                                                    \
        return fp_do_class(&fp_format_##type, GET_##type(a), env);                       \
    }                                                                                    \
                                                                                         \
    uint64_t fp_##type##_to_int(bits a, unsigned width, bool is_signed,                  \
                                struct fp_env *env)                                      \
    {                                                                                    \
        return fp_do_to_int(&fp_format_##type, GET_##type(a), width, is_signed, env).lo; \
    }                                                                                    \
                                                                                         \
    struct fp128 fp_##type##_to_int128(bits a, bool is_signed, struct fp_env *env)       \
    {                                                                                    \
        return fp_do_to_int(&fp_format_##type, GET_##type(a), 128, is_signed, env);      \
    }                                                                                    \
                                                                                         \
    bits fp_int128_to_##type(struct fp128 value, bool is_signed, struct fp_env *env)     \
    {                                                                                    \
        struct fp128 r = fp_do_from_int(&fp_format_##type, value, is_signed, env);       \
                                                                                         \
        return PUT_##type(r);                                                            \
    }                                                                                    \
                                                                                         \
    bits fp_int_to_##type(uint64_t value, unsigned width, bool is_signed,                \
                          struct fp_env *env)                                            \
    {                                                                                    \
        return fp_int128_to_##type(extended(value, width, is_signed), is_signed, env);   \
    }

FP_TYPES(OPERATIONS)
