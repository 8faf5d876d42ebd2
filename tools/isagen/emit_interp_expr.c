/* emit_interp_expr.c - pure nodes as C expressions.
 *
 * Values of up to 32 bits are uint32_t, up to 64 uint64_t, wider ones `wide`.  Bits above
 * a value's width are zero: only what may set one is masked. */
#include <inttypes.h>

#include "isagen/emit_interp.h"

const char *expr_type(unsigned width)
{
    return width <= 32 ? "uint32_t" : width <= 64 ? "uint64_t" : "wide";
}

/* `text` cut to `width` bits (up to 64). */
const char *expr_mask(struct arena *arena, unsigned width, const char *text)
{
    if (width == 32 || width == 64)
        return arena_printf(arena, "(%s)(%s)", expr_type(width), text);
    if (width > 64)
        return width >= 128 ? text
                            : arena_printf(arena, "wide_mask(%s, %u)", text, width);
    return arena_printf(arena, "(%s)((%s) & 0x%" PRIx64 "u)", expr_type(width), text,
                        (UINT64_C(1) << width) - 1);
}

const char *expr_const(struct arena *arena, const struct isa *isa, const struct sem *node)
{
    uint32_t at = node->a | (uint32_t)node->b << 16;
    uint64_t lo = isa->consts[at];

    if (node->w > 64)
        return arena_printf(arena,
                            "wide_make(UINT64_C(0x%" PRIx64 "), UINT64_C(0x%" PRIx64 "))",
                            isa->consts[at + 1], lo);
    if (node->w > 32)
        return arena_printf(arena, "UINT64_C(0x%" PRIx64 ")", lo);
    return arena_printf(arena, lo < 10 ? "%" PRIu64 "u" : "0x%" PRIx64 "u", lo);
}

const char *expr_wide(struct body *body, unsigned node)
{
    if (body->nodes[node].w > 64)
        return body->text[node];
    return arena_printf(body->arena, "wide_from(%s)", body->text[node]);
}

const char *expr_narrow(struct body *body, unsigned node)
{
    if (body->nodes[node].w <= 64)
        return body->text[node];
    return arena_printf(body->arena, "wide_lo(%s)", body->text[node]);
}

/* ------------------------------------------------------------ state elements */

const char *element_place(struct arena *arena, const struct isa_file *file,
                          unsigned element)
{
    return arena_printf(arena, "(CPU_STATE + %u)", file->offset + element * file->stride);
}

/* Bits of the unit that element bits are kept in. */
static unsigned unit_bits(const struct isa_file *file)
{
    return file->stride >= 8 ? 64 : file->stride * 8u;
}

const char *element_read(struct arena *arena, const struct isa_file *file,
                         const char *place, unsigned low, unsigned width)
{
    unsigned unit = unit_bits(file), stored = file->width < unit ? file->width : unit;
    const char *text;

    if (low >= 64) {
        place = arena_printf(arena, "%s + %u", place, low / 64 * 8);
        low %= 64;
    }
    if (width > 64 || low + width > 64) {
        text = arena_printf(arena, "wide_make(REG64(%s + 8), REG64(%s))", place, place);
        if (low)
            text = arena_printf(arena, "wide_shr(%s, %u)", text, low);
        if (width <= 64)
            return expr_mask(arena, width, arena_printf(arena, "wide_lo(%s)", text));
        return low || width < file->width ? expr_mask(arena, width, text) : text;
    }
    text = arena_printf(arena, "REG%u(%s)", unit, place);
    if (low)
        text = arena_printf(arena, "%s >> %u", text, low);
    if (low + width < stored)
        return expr_mask(arena, width, text);
    return arena_printf(arena, "(%s)(%s)", expr_type(width), text);
}

const char *element_write(struct arena *arena, const struct isa_file *file,
                          const char *place, unsigned low, unsigned width,
                          const char *value)
{
    unsigned unit = unit_bits(file);
    uint64_t mask;

    if (low >= 64) {
        place = arena_printf(arena, "%s + %u", place, low / 64 * 8);
        low %= 64;
    }
    if (width > 64)
        return arena_printf(arena,
                            "REG64(%s) = wide_lo(%s); REG64(%s + 8) = wide_hi(%s);",
                            place, value, place, value);
    if (low == 0 && (width == unit || width >= file->width))
        return arena_printf(arena, "REG%u(%s) = (uint%u_t)%s;", unit, place, unit, value);
    mask = (width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1) << low;
    return arena_printf(arena,
                        "REG%u(%s) = (uint%u_t)((REG%u(%s) & ~UINT64_C(0x%" PRIx64
                        ")) | (uint64_t)%s << %u);",
                        unit, place, unit, unit, place, mask, value, low);
}

/* ------------------------------------------------------------------ operators */

static const char *infix(struct body *body, const struct sem *node, const char *op,
                         bool masked)
{
    const char *text = arena_printf(body->arena, "%s %s %s", body->text[node->a], op,
                                    body->text[node->b]);

    if (masked)
        return expr_mask(body->arena, node->w, text);
    return arena_printf(body->arena, "(%s)", text);
}

/* fn(a, b) with the operands' type in the name. */
static const char *call_sized(struct body *body, const struct sem *node, const char *fn,
                              bool is_signed)
{
    unsigned bits = node->w <= 32 ? 32 : 64;
    const char *a = body->text[node->a], *b = body->text[node->b];

    if (is_signed && node->w != 32 && node->w != 64) {
        a = arena_printf(body->arena, "(uint%u_t)int_signed(%s, %u)", bits, a, node->w);
        b = arena_printf(body->arena, "(uint%u_t)int_signed(%s, %u)", bits, b, node->w);
        return expr_mask(body->arena, node->w,
                         arena_printf(body->arena, "%s%u(%s, %s)", fn, bits, a, b));
    }
    return arena_printf(body->arena, "%s%u(%s, %s)", fn, bits, a, b);
}

static const char *compare(struct body *body, const struct sem *node, const char *op,
                           bool is_signed)
{
    unsigned w = body->nodes[node->a].w;
    const char *a = body->text[node->a], *b = body->text[node->b];

    if (!is_signed)
        return arena_printf(body->arena, "(uint32_t)(%s %s %s)", a, op, b);
    if (w == 32 || w == 64)
        return arena_printf(body->arena, "(uint32_t)((int%u_t)%s %s (int%u_t)%s)", w, a,
                            op, w, b);
    return arena_printf(body->arena,
                        "(uint32_t)(int_signed(%s, %u) %s int_signed(%s, %u))", a, w, op,
                        b, w);
}

static const char *shift_right_signed(struct body *body, const struct sem *node)
{
    const char *a = body->text[node->a], *n = expr_narrow(body, node->b);

    if (node->w == 32 || node->w == 64)
        return arena_printf(body->arena, "(uint%u_t)((int%u_t)%s >> %s)", node->w,
                            node->w, a, n);
    return arena_printf(body->arena, "(%s)int_shrs(%s, %s, %u)", expr_type(node->w), a, n,
                        node->w);
}

static const char *sign_extend(struct body *body, const struct sem *node)
{
    unsigned from = body->nodes[node->a].w;
    const char *a = body->text[node->a], *text;

    if (from == 8 || from == 16 || from == 32)
        text = arena_printf(body->arena, "(int64_t)(int%u_t)%s", from, a);
    else
        text = arena_printf(body->arena, "int_signed(%s, %u)", a, from);
    return expr_mask(body->arena, node->w,
                     arena_printf(body->arena, "(%s)%s", expr_type(node->w), text));
}

static const char *concat(struct body *body, const struct sem *node)
{
    return arena_printf(body->arena, "((%s)%s << %u | %s)", expr_type(node->w),
                        body->text[node->a], body->nodes[node->b].w, body->text[node->b]);
}

static const char *extract(struct body *body, const struct sem *node)
{
    unsigned from = body->nodes[node->a].w;
    const char *text = body->text[node->a];

    if (from > 64) {
        if (node->b == 64)
            text = arena_printf(body->arena, "wide_hi(%s)", text);
        else
            text = arena_printf(body->arena,
                                node->b ? "wide_lo(wide_shr(%s, %u))" : "wide_lo(%s)",
                                text, node->b);
        from = node->b == 64 ? from - 64 : 128;
        return node->w == from ? text : expr_mask(body->arena, node->w, text);
    }
    if (node->b)
        text = arena_printf(body->arena, "%s >> %u", text, node->b);
    if (node->b + node->w == from)
        return arena_printf(body->arena, "(%s)(%s)", expr_type(node->w), text);
    return expr_mask(body->arena, node->w, text);
}

static const char *count_bits(struct body *body, const struct sem *node, const char *fn)
{
    unsigned w = body->nodes[node->a].w;
    const char *type = expr_type(node->w);

    if (w > 64)
        return arena_printf(body->arena, "wide_from(wide_%s(%s, %u))", fn,
                            body->text[node->a], w);
    return arena_printf(body->arena, "(%s)int_%s(%s, %u)", type, fn, body->text[node->a],
                        w);
}

/* ------------------------------------------------------------- 65 bits and more */

static const char *wide2(struct body *body, const struct sem *node, const char *fn)
{
    return arena_printf(body->arena, "%s(%s, %s)", fn, expr_wide(body, node->a),
                        expr_wide(body, node->b));
}

static const char *wide_sized(struct body *body, const struct sem *node, const char *fn)
{
    return arena_printf(body->arena, "%s(%s, %s, %u)", fn, expr_wide(body, node->a),
                        expr_wide(body, node->b), node->w);
}

static const char *wide_by(struct body *body, const struct sem *node, const char *fn,
                           bool sized)
{
    const char *n = expr_narrow(body, node->b);

    if (sized)
        return arena_printf(body->arena, "%s(%s, %s, %u)", fn, expr_wide(body, node->a),
                            n, node->w);
    return arena_printf(body->arena, "%s(%s, %s)", fn, expr_wide(body, node->a), n);
}

static const char *wide_extend(struct body *body, const struct sem *node)
{
    unsigned from = body->nodes[node->a].w;
    const char *a = body->text[node->a];

    if (node->op == S_ZEXT)
        return expr_wide(body, node->a);
    return expr_mask(
        body->arena, node->w,
        arena_printf(body->arena,
                     from <= 64 ? "wide_sext64(%s, %u)" : "wide_sext(%s, %u)", a, from));
}

/* A node whose value is wider than 64 bits. */
static const char *wide_expr(struct body *body, const struct sem *node)
{
    struct arena *arena = body->arena;

    switch (node->op) {
    case S_ADD: return expr_mask(arena, node->w, wide2(body, node, "wide_add"));
    case S_SUB: return expr_mask(arena, node->w, wide2(body, node, "wide_sub"));
    case S_MUL: return expr_mask(arena, node->w, wide2(body, node, "wide_mul"));
    case S_DIVU: return wide_sized(body, node, "wide_divu");
    case S_REMU: return wide_sized(body, node, "wide_remu");
    case S_DIVS: return wide_sized(body, node, "wide_divs");
    case S_REMS: return wide_sized(body, node, "wide_rems");
    case S_AND: return wide2(body, node, "wide_and");
    case S_OR: return wide2(body, node, "wide_or");
    case S_XOR: return wide2(body, node, "wide_xor");
    case S_NOT:
        return expr_mask(arena, node->w,
                         arena_printf(arena, "wide_not(%s)", expr_wide(body, node->a)));
    case S_NEG:
        return expr_mask(
            arena, node->w,
            arena_printf(arena, "wide_sub(wide_from(0), %s)", expr_wide(body, node->a)));
    case S_SHL: return expr_mask(arena, node->w, wide_by(body, node, "wide_shl", false));
    case S_SHRU: return wide_by(body, node, "wide_shr", false);
    case S_SHRS: return wide_by(body, node, "wide_shrs", true);
    case S_ROTL: return wide_by(body, node, "wide_rotl", true);
    case S_ROTR: return wide_by(body, node, "wide_rotr", true);
    case S_ZEXT:
    case S_SEXT: return wide_extend(body, node);
    case S_EXTRACT:
        return expr_mask(
            arena, node->w,
            arena_printf(arena, "wide_shr(%s, %u)", expr_wide(body, node->a), node->b));
    case S_CONCAT:
        return arena_printf(arena, "wide_or(wide_shl(%s, %u), %s)",
                            expr_wide(body, node->a), body->nodes[node->b].w,
                            expr_wide(body, node->b));
    case S_CLZ: return count_bits(body, node, "clz");
    case S_CTZ: return count_bits(body, node, "ctz");
    case S_POPCNT:
        return arena_printf(arena, "wide_from(wide_popcount(%s))",
                            expr_wide(body, node->a));
    case S_BSWAP:
        return arena_printf(arena, "wide_bswap(%s, %u)", body->text[node->a], node->w);
    case S_BITREV:
        return arena_printf(arena, "wide_bitrev(%s, %u)", body->text[node->a], node->w);
    case S_CLMUL:
        return expr_mask(arena, node->w,
                         arena_printf(arena,
                                      "wide_of_fp(int_clmul_full(wide_to_fp(%s), "
                                      "wide_to_fp(%s)))",
                                      expr_wide(body, node->a),
                                      expr_wide(body, node->b)));
    default: return NULL;
    }
}

/* A comparison of operands wider than 64 bits. */
static const char *wide_compare(struct body *body, const struct sem *node)
{
    const char *a = body->text[node->a], *b = body->text[node->b];
    unsigned w = body->nodes[node->a].w;
    struct arena *arena = body->arena;

    switch (node->op) {
    case S_EQ: return arena_printf(arena, "(uint32_t)(wide_eq(%s, %s))", a, b);
    case S_NE: return arena_printf(arena, "(uint32_t)!(wide_eq(%s, %s))", a, b);
    case S_LTU: return arena_printf(arena, "(uint32_t)(wide_ltu(%s, %s))", a, b);
    case S_LEU: return arena_printf(arena, "(uint32_t)!(wide_ltu(%s, %s))", b, a);
    case S_LTS: return arena_printf(arena, "(uint32_t)wide_lts(%s, %s, %u)", a, b, w);
    case S_LES: return arena_printf(arena, "(uint32_t)!wide_lts(%s, %s, %u)", b, a, w);
    case S_PARITY:
        return arena_printf(arena, "int_even_parity(wide_lo(%s) ^ wide_hi(%s))", a, a);
    default: return NULL;
    }
}

/* -------------------------------------------------------------------- nodes */

static const char *select_expr(struct body *body, const struct sem *node)
{
    return arena_printf(body->arena, "(%s ? %s : %s)", body->text[node->a],
                        body->text[node->b], body->text[node->c]);
}

static const char *narrow_expr(struct body *body, const struct sem *node)
{
    struct arena *arena = body->arena;
    const char *a = body->text[node->a];

    switch (node->op) {
    case S_ADD: return infix(body, node, "+", true);
    case S_SUB: return infix(body, node, "-", true);
    case S_MUL: return infix(body, node, "*", true);
    case S_DIVU: return call_sized(body, node, "divu", false);
    case S_DIVS: return call_sized(body, node, "divs", true);
    case S_REMU: return call_sized(body, node, "remu", false);
    case S_REMS: return call_sized(body, node, "rems", true);
    case S_AND: return infix(body, node, "&", false);
    case S_OR: return infix(body, node, "|", false);
    case S_XOR: return infix(body, node, "^", false);
    case S_NOT:
        return node->w == 1 ? arena_printf(arena, "(uint32_t)!%s", a)
                            : expr_mask(arena, node->w, arena_printf(arena, "~%s", a));
    case S_NEG: return expr_mask(arena, node->w, arena_printf(arena, "0 - %s", a));
    case S_SHL:
        return expr_mask(arena, node->w,
                         arena_printf(arena, "%s << %s", a, expr_narrow(body, node->b)));
    case S_SHRU: return arena_printf(arena, "(%s >> %s)", a, expr_narrow(body, node->b));
    case S_SHRS: return shift_right_signed(body, node);
    case S_ROTL:
    case S_ROTR:
        return arena_printf(arena, "(%s)int_%s(%s, %s, %u)", expr_type(node->w),
                            node->op == S_ROTL ? "rotl" : "rotr", a,
                            expr_narrow(body, node->b), node->w);
    case S_EQ: return compare(body, node, "==", false);
    case S_NE: return compare(body, node, "!=", false);
    case S_LTU: return compare(body, node, "<", false);
    case S_LEU: return compare(body, node, "<=", false);
    case S_LTS: return compare(body, node, "<", true);
    case S_LES: return compare(body, node, "<=", true);
    case S_ZEXT: return arena_printf(arena, "(%s)%s", expr_type(node->w), a);
    case S_SEXT: return sign_extend(body, node);
    case S_EXTRACT: return extract(body, node);
    case S_CONCAT: return concat(body, node);
    case S_CLZ: return count_bits(body, node, "clz");
    case S_CTZ: return count_bits(body, node, "ctz");
    case S_POPCNT:
        return arena_printf(arena, "(%s)int_popcount(%s)", expr_type(node->w), a);
    case S_PARITY: return arena_printf(arena, "int_even_parity(%s)", a);
    case S_BSWAP:
        return arena_printf(arena, "(%s)int_bswap(%s, %u)", expr_type(node->w), a,
                            node->w);
    case S_BITREV:
        return arena_printf(arena, "(%s)int_bitrev(%s, %u)", expr_type(node->w), a,
                            node->w);
    case S_CLMUL:
        return expr_mask(
            arena, node->w,
            arena_printf(arena, "int_clmul(%s, %s)", a, body->text[node->b]));
    default: return NULL;
    }
}

/* The expression of a pure node whose operands have their texts, or NULL. */
const char *expr_of(struct body *body, unsigned number)
{
    const struct sem *node = &body->nodes[number];

    switch (node->op) {
    case S_CONST: return expr_const(body->arena, body->isa, node);
    case S_ARG: return arena_printf(body->arena, "a%u", node->a);
    case S_SELECT: return select_expr(body, node);
    case S_EXTRACT: return node->w > 64 ? wide_expr(body, node) : extract(body, node);
    default: break;
    }
    if (node->op < S_ADD || node->op > S_CLMUL)
        return NULL;
    if (node->w > 64)
        return wide_expr(body, node);
    if (node->w == 1 && body->nodes[node->a].w > 64)
        return wide_compare(body, node);
    return narrow_expr(body, node);
}
