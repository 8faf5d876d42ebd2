/* emit_interp_fp.c - floating point in handlers.
 *
 * An operation is done twice: by the host's FPU inside of the handler where that is known
 * to be exact (interp/fpfast.h), else in a function of its own, which the slow copy of
 * the handler calls.  The functions are named by operation, call and widths. */
#include <inttypes.h>
#include <string.h>

#include "isa/fp/fp.h"
#include "isagen/emit_interp.h"

static const char *const formats[FMTS] = { "f16", "bf16", "f32", "f64", "f80", "f128" };

static const struct fp_name {
    const char *name; /* of fp.h */
    uint8_t operands;
    bool is_fast;      /* fp_host.h has it for f32 and f64 */
    const char *order; /* a comparison of the result of cmp */
} names[FPOPS] = {
    [FPOP_ADD] = { "add", 2, true, NULL },
    [FPOP_SUB] = { "sub", 2, true, NULL },
    [FPOP_MUL] = { "mul", 2, true, NULL },
    [FPOP_DIV] = { "div", 2, true, NULL },
    [FPOP_SQRT] = { "sqrt", 1, true, NULL },
    [FPOP_FMA] = { "fma", 3, true, NULL },
    [FPOP_FMS] = { "fma", 3, true, NULL },
    [FPOP_FNMA] = { "fma", 3, true, NULL },
    [FPOP_FNMS] = { "fma", 3, true, NULL },
    [FPOP_MIN] = { "minimumnum", 2, true, NULL },
    [FPOP_MAX] = { "maximumnum", 2, true, NULL },
    [FPOP_MINM] = { "minimum", 2, true, NULL },
    [FPOP_MAXM] = { "maximum", 2, true, NULL },
    [FPOP_EQ] = { "eq", 2, true, NULL },
    [FPOP_LT] = { "cmp", 2, true, "== FP_LESS" },
    [FPOP_LE] = { "cmp", 2, true, "<= FP_EQUAL" },
    [FPOP_EQS] = { "cmps", 2, true, "== FP_EQUAL" },
    [FPOP_LTS] = { "lt", 2, true, NULL },
    [FPOP_LES] = { "le", 2, true, NULL },
    [FPOP_UNORD] = { "cmp", 2, true, "== FP_UNORDERED" },
    [FPOP_RINT] = { "nearbyint", 1, false, NULL },
    [FPOP_RINTX] = { "rint", 1, false, NULL },
    [FPOP_CVT] = { "to", 1, true, NULL },
    [FPOP_TO_SINT] = { "to_int", 1, true, NULL },
    [FPOP_TO_UINT] = { "to_int", 1, true, NULL },
    [FPOP_FROM_SINT] = { "int_to", 1, true, NULL },
    [FPOP_FROM_UINT] = { "int_to", 1, true, NULL },
    [FPOP_CLASS] = { "class", 1, false, NULL },
    [FPOP_SCALB] = { "scalb", 2, false, NULL },
    [FPOP_LOGB] = { "logb", 1, false, NULL },
    [FPOP_REM] = { "rem", 2, false, NULL },
    [FPOP_TO_SINT_MOD] = { "to_int_mod", 1, false, NULL },
    [FPOP_MIN2] = { "minsse", 2, true, NULL },
    [FPOP_MAX2] = { "maxsse", 2, true, NULL },
    [FPOP_MIN08] = { "minnum", 2, true, NULL },
    [FPOP_MAX08] = { "maxnum", 2, true, NULL },
};

static bool is_fma(unsigned op)
{
    return op >= FPOP_FMA && op <= FPOP_FNMS;
}

static bool is_from_int(unsigned op)
{
    return op == FPOP_FROM_SINT || op == FPOP_FROM_UINT;
}

static bool is_host_format(unsigned format)
{
    return format == FMT_F32 || format == FMT_F64;
}

/* Whether flags only ever gather, so that those that are set need no more work. */
static bool is_sticky(const struct isa_fpenv *env)
{
    for (unsigned k = 0; k < 8; k++)
        if (env->each[k] || env->cause[k])
            return false;
    return true;
}

/* Whether the host may do it, inside of a handler. */
bool fp_has_fast(const struct isa *isa, const struct sem *nodes, unsigned number)
{
    const struct sem *node = &nodes[number];
    const struct isa_fpcall *call = &isa->fpcalls[node->d];
    const struct isa_fpenv *env = &isa->fpenvs[call->env];

    if (!names[node->x].is_fast || !is_host_format(call->format) || node->w > 64 ||
        nodes[node->a].w > 64 || !is_sticky(env) || env->bit[6] != 0xff)
        return false;
    return node->x != FPOP_CVT ||
           (is_host_format(call->format2) && call->format2 != call->format);
}

bool fp_needs_fma(const struct isa *isa, const struct isa_variant *variant)
{
    const struct sem *nodes = &isa->nodes[variant->body.first];

    for (unsigned i = 0; i < variant->body.count; i++)
        if (nodes[i].op == S_FP && is_fma(nodes[i].x) && fp_has_fast(isa, nodes, i) &&
            isa->fpcalls[nodes[i].d].format == FMT_F64)
            return true;
    return false;
}

/* ----------------------------------------------------------------- expressions */

/* A value as the argument type of a format, and back. */
static const char *to_format(struct arena *arena, unsigned format, const char *text)
{
    if (format >= FMT_F80)
        return arena_printf(arena, "wide_to_fp(%s)", text);
    return format <= FMT_BF16 ? arena_printf(arena, "(uint16_t)%s", text) : text;
}

static const char *from_format(struct arena *arena, unsigned format, const char *text)
{
    return arena_printf(arena, format >= FMT_F80 ? "wide_of_fp(%s)" : "%s", text);
}

static const char *flip(struct arena *arena, unsigned format, const char *text,
                        bool wanted)
{
    if (!wanted)
        return text;
    return arena_printf(
        arena, format == FMT_F64 ? "(%s ^ UINT64_C(1) << 63)" : "(%s ^ 1u << 31)", text);
}

/* Signs go to the operands: only NaNs would notice, and those the host does not do. */
static const char *fast_fma(struct arena *arena, const struct sem *node, unsigned format,
                            const char *const v[3], const char *env)
{
    bool product = node->x == FPOP_FNMA || node->x == FPOP_FNMS;
    bool addend = node->x == FPOP_FMS || node->x == FPOP_FNMS;

    bool in_handler = strcmp(env, "&env") != 0; /* there: fpfast.h */
    const char *fn = in_handler && format == FMT_F64 ? "fp_quick" : "fp_fast";

    return arena_printf(arena, "%s_%s_fma(%s, %s, %s, %s)", fn, formats[format],
                        flip(arena, format, v[0], product), v[1],
                        flip(arena, format, v[2], addend), env);
}

static const char *soft_fma(struct arena *arena, const struct sem *node, unsigned format,
                            const char *const v[3], const char *env)
{
    static const char *const neg[] = { "0", "FP_NEG_ADDEND", "FP_NEG_PRODUCT",
                                       "FP_NEG_PRODUCT | FP_NEG_ADDEND" };

    return arena_printf(arena, "fp_%s_fma_neg(%s, %s, %s, %s, %s)", formats[format], v[0],
                        v[1], v[2], neg[node->x - FPOP_FMA], env);
}

static const char *to_integer(struct arena *arena, const struct sem *node,
                              const char *prefix, unsigned format, const char *a,
                              const char *env)
{
    const char *is_signed = node->x == FPOP_TO_SINT ? "true" : "false";

    if (node->w > 64)
        return expr_mask(arena, node->w,
                         arena_printf(arena, "wide_of_fp(fp_%s_to_int128(%s, %s, %s))",
                                      formats[format], a, is_signed, env));
    return expr_mask(arena, node->w,
                     arena_printf(arena, "%s_%s_to_int(%s, %u, %s, %s)", prefix,
                                  formats[format], a, node->w, is_signed, env));
}

static const char *from_integer(struct arena *arena, const struct sem *node,
                                const char *prefix, unsigned format, const char *a,
                                unsigned width, const char *env)
{
    const char *is_signed = node->x == FPOP_FROM_SINT ? "true" : "false";
    const char *text;

    if (width > 64)
        text = arena_printf(arena, "fp_int128_to_%s(wide_to_fp(%s), %s, %s)",
                            formats[format], a, is_signed, env);
    else
        text = arena_printf(arena, "%s_int_to_%s(%s, %u, %s, %s)", prefix,
                            formats[format], a, width, is_signed, env);
    return from_format(arena, format, text);
}

static const char *plain_call(struct arena *arena, const struct sem *node,
                              const char *prefix, const struct isa_fpcall *call,
                              const char *const v[3], const char *env)
{
    const struct fp_name *name = &names[node->x];
    const char *fn =
        arena_printf(arena, "%s_%s_%s", prefix, formats[call->format], name->name);
    const char *text;
    unsigned result = call->format;

    if (node->x == FPOP_CVT) {
        fn = arena_printf(arena, "%s_%s", fn, formats[call->format2]);
        result = call->format2;
    }
    if (name->operands == 1)
        text = arena_printf(arena, "%s(%s, %s)", fn, v[0], env);
    else
        text = arena_printf(arena, "%s(%s, %s, %s)", fn, v[0], v[1], env);
    if (name->order)
        return arena_printf(arena, "(uint32_t)(%s %s)", text, name->order);
    if (node->x == FPOP_TO_SINT_MOD)
        return expr_mask(arena, node->w, text);
    if (node->w == 1 || node->x == FPOP_CLASS)
        return text;
    return from_format(arena, result, text);
}

/* The C expression of an operation; `widths` of its operands. */
static const char *fp_expr(struct arena *arena, const struct isa *isa,
                           const struct sem *node, const char *const text[3],
                           const unsigned widths[3], bool fast, const char *env)
{
    const struct isa_fpcall *call = &isa->fpcalls[node->d];
    const char *prefix = fast ? "fp_fast" : "fp";
    const char *v[3];

    if (is_from_int(node->x))
        return from_integer(arena, node, prefix, call->format, text[0], widths[0], env);
    for (unsigned i = 0; i < 3; i++)
        v[i] = text[i] ? to_format(arena, call->format, text[i]) : NULL;
    if (is_fma(node->x))
        return (fast ? fast_fma : soft_fma)(arena, node, call->format, v, env);
    if (node->x == FPOP_SCALB)
        return from_format(arena, call->format,
                           arena_printf(arena, "fp_%s_scalb(%s, fp_exponent(%s, %u), %s)",
                                        formats[call->format], v[0], text[1], widths[1],
                                        env));
    if (node->x == FPOP_TO_SINT || node->x == FPOP_TO_UINT)
        return to_integer(arena, node, prefix, call->format, v[0], env);
    return plain_call(arena, node, prefix, call, v, env);
}

/* ---------------------------------------------------------------- in handlers */

static unsigned operand_widths(const struct sem *nodes, const struct sem *node,
                               unsigned widths[3])
{
    const uint16_t operand[3] = { node->a, node->b, node->c };
    unsigned count = names[node->x].operands;

    for (unsigned i = 0; i < 3; i++)
        widths[i] = i < count ? nodes[operand[i]].w : 0;
    return count;
}

const char *fp_function(struct arena *arena, const struct isa *isa,
                        const struct sem *nodes, unsigned number)
{
    const struct sem *node = &nodes[number];
    const struct isa_fpcall *call = &isa->fpcalls[node->d];
    unsigned widths[3];

    operand_widths(nodes, node, widths);
    return arena_printf(arena, "fp_%u_%u_%u_%s_%u_%u", call->env, call->format,
                        call->format2, names[node->x].name, node->x * 1000 + node->w,
                        widths[0] * 1000 + widths[1]);
}

static void emit_fast(struct body *body, unsigned number, const char *round,
                      const char *const v[3], const unsigned widths[3])
{
    const struct sem *node = &body->nodes[number];
    unsigned env = body->isa->fpcalls[node->d].env;
    const char *where = arena_printf(body->arena, "&env%u", number);

    body_line(
        body,
        "struct fp_env env%u = { .rules = %s_env%u_rules(cpu), .round = (uint8_t)%s,",
        number, body->target, env, round);
    body_line(body, "                      .flags = %s_env%u_flags(cpu) };", body->target,
              env);
    body_line(body, "uint8_t flags%u = env%u.flags;", number, number);
    body_line(body, "%s v%u = %s;", expr_type(node->w), number,
              fp_expr(body->arena, body->isa, node, v, widths, true, where));
    body_line(body, "if (UNLIKELY(env%u.cause == FP_DEFERRED)) {", number);
    body->depth++;
    group_store(body, true);
    body_line(body, "GO_SLOW(%u, %s_v%u_slow);", body->at / 16, body->target,
              body->number);
    body->depth--;
    body_line(body, "}");
    body_line(body, "if (UNLIKELY(env%u.flags != flags%u))", number, number);
    body_line(body, "    %s_env%u_raise(cpu, env%u.flags, 0);", body->target, env,
              number);
}

void fp_emit(struct body *body, unsigned number)
{
    const struct sem *node = &body->nodes[number];
    const struct isa_fpcall *call = &body->isa->fpcalls[node->d];
    const uint16_t operand[3] = { node->a, node->b, node->c };
    const char *v[3] = { NULL, NULL, NULL }, *round, *args = "";
    unsigned widths[3], count = operand_widths(body->nodes, node, widths);

    if (call->round == ISA_NONE) {
        round = body->pushed ? expr_narrow(body, body->push[body->pushed - 1]) : "FP_RNE";
        body->pushed = 0;
    } else {
        round = arena_printf(body->arena, "%u", call->round);
    }
    for (unsigned i = 0; i < count; i++) {
        v[i] = body->text[operand[i]];
        args = arena_printf(body->arena, "%s, %s", args, v[i]);
    }
    body->text[number] = arena_printf(body->arena, "v%u", number);
    if (body->has_slow && !body->soft && fp_has_fast(body->isa, body->nodes, number))
        emit_fast(body, number, round, v, widths);
    else
        body_line(body, "%s v%u = %s_%s(cpu, %s%s);", expr_type(node->w), number,
                  body->target, fp_function(body->arena, body->isa, body->nodes, number),
                  round, args);
}

/* ------------------------------------------------------- functions of their own */

static void emit_flag_map(FILE *out, const struct isa_fpenv *env, bool reading)
{
    for (unsigned k = 0; k < 8; k++) {
        if (env->bit[k] == 0xff)
            continue;
        if (reading)
            fprintf(out, "    flags |= (status >> %u & 1) << %u;\n", env->bit[k], k);
        else
            fprintf(out, "    status |= (uint64_t)(flags >> %u & 1) << %u;\n", k,
                    env->bit[k]);
    }
    for (unsigned k = 0; k < 8 && !reading; k++) {
        if (env->each[k])
            fprintf(out, "    status |= (uint64_t)(flags >> %u & 1) << %u;\n", k,
                    env->each[k] - 1u);
        if (env->cause[k])
            fprintf(out, "    status |= (uint64_t)(cause >> %u & 1) << %u;\n", k,
                    env->cause[k] - 1u);
    }
}

static bool is_identity(const struct isa_fpenv *env)
{
    for (unsigned k = 0; k < 8; k++)
        if (env->bit[k] != 0xff && env->bit[k] != k)
            return false;
    return is_sticky(env);
}

/* Bits of the status register that each operation clears first. */
static uint64_t cleared_bits(const struct isa_fpenv *env)
{
    uint64_t cleared = 0;

    for (unsigned k = 0; k < 8; k++) {
        if (env->each[k])
            cleared |= UINT64_C(1) << (env->each[k] - 1);
    }
    return cleared;
}

static void emit_env(FILE *out, struct arena *arena, const struct isa *isa,
                     unsigned number, const char *target)
{
    const struct isa_fpenv *env = &isa->fpenvs[number];
    bool is_kept = env->file != ISA_NONE, is_same = is_kept && is_identity(env);
    const struct isa_file *file = is_kept ? &isa->files[env->file] : NULL;
    const char *place = is_kept ? element_place(arena, file, env->index) : "";

    fprintf(
        out,
        "/* %s: sticky flags as fp.h numbers them; flags that are not kept are set. */\n",
        isa_string(isa, env->name));
    fprintf(out, "static inline uint8_t %s_env%u_flags(struct cpu *cpu)\n{\n", target,
            number);
    if (is_same) {
        fprintf(out, "    return (uint8_t)(%s | 0x%x);\n}\n",
                element_read(arena, file, place, 0, file->width),
                env->bit[0] == 0xff ? 1 : 0);
    } else if (is_kept && !is_sticky(env)) {
        fprintf(out, "    (void)cpu;\n    return 0;\n}\n");
    } else if (is_kept) {
        fprintf(out, "    uint64_t status = %s;\n    uint64_t flags = %u;\n\n",
                element_read(arena, file, place, 0, file->width),
                env->bit[0] == 0xff ? 1u : 0u);
        emit_flag_map(out, env, true);
        fprintf(out, "    return (uint8_t)flags;\n}\n");
    } else {
        fprintf(out, "    (void)cpu;\n    return 0xff;\n}\n");
    }
    fprintf(out,
            "static inline void %s_env%u_raise(struct cpu *cpu, unsigned flags, unsigned "
            "cause)\n"
            "{\n    (void)cause;\n",
            target, number);
    if (is_kept) {
        fprintf(out, "    uint64_t status = %s & ~UINT64_C(0x%" PRIx64 ");\n\n",
                element_read(arena, file, place, 0, file->width), cleared_bits(env));
        emit_flag_map(out, env, false);
        fprintf(out, "    %s\n}\n",
                element_write(arena, file, place, 0, file->width, "status"));
    } else {
        fprintf(out, "    (void)cpu;\n    (void)flags;\n}\n");
    }
    if (env->more_rules.count)
        fprintf(out, "uint32_t %s_env%u_rules(struct cpu *cpu);\n", target, number);
    else
        fprintf(out, "#define %s_env%u_rules(cpu) UINT32_C(0x%x)\n", target, number,
                env->rules);
}

/* The fast functions fall back on the soft ones; only fma with its signs on the operands
 * is then different, for the NaNs of some families. */
static bool may_use_fast(const struct isa *isa, const struct sem *nodes, unsigned number)
{
    const struct sem *node = &nodes[number];
    const struct isa_fpenv *env = &isa->fpenvs[isa->fpcalls[node->d].env];

    if (!fp_has_fast(isa, nodes, number))
        return false;
    return !is_fma(node->x) || node->x == FPOP_FMA ||
           ((env->rules & FP_NAN_MASK) == FP_NAN_CANONICAL && !env->more_rules.count);
}

static void emit_function(FILE *header, FILE *source, struct arena *arena,
                          const struct isa *isa, const char *target,
                          const struct sem *nodes, unsigned number)
{
    static const char *const letters[3] = { "a", "b", "c" };
    const struct sem *node = &nodes[number];
    unsigned widths[3], count = operand_widths(nodes, node, widths);
    unsigned env = isa->fpcalls[node->d].env;
    const char *v[3] = { NULL, NULL, NULL };
    const char *head =
        arena_printf(arena, "%s %s_%s(struct cpu *cpu, unsigned round",
                     expr_type(node->w), target, fp_function(arena, isa, nodes, number));

    for (unsigned i = 0; i < count; i++) {
        v[i] = letters[i];
        head = arena_printf(arena, "%s, %s %s", head, expr_type(widths[i]), v[i]);
    }
    fprintf(header, "INTERP_FN %s);\n", head);
    fprintf(source, "\n%s)\n{\n", head);
    fprintf(source, "    struct fp_env env = { .rules = %s_env%u_rules(cpu),\n", target,
            env);
    fprintf(source, "                          .round = (uint8_t)round,\n");
    fprintf(
        source,
        "                          .flags = %s_env%u_flags(cpu) & (uint8_t)~FP_UP };\n",
        target, env);
    fprintf(
        source, "    %s result = %s;\n\n", expr_type(node->w),
        fp_expr(arena, isa, node, v, widths, may_use_fast(isa, nodes, number), "&env"));
    if (node->x != FPOP_CLASS) /* that asks, and is no operation */
        fprintf(source, "    %s_env%u_raise(cpu, env.flags, env.cause);\n", target, env);
    fprintf(source, "    return result;\n}\n");
}

static void emit_rules(FILE *source, struct arena *arena, const struct isa *isa,
                       unsigned number, const char *target)
{
    const struct isa_fpenv *env = &isa->fpenvs[number];
    struct body body = { .out = source, .arena = arena, .isa = isa, .target = target };

    if (!env->more_rules.count)
        return;
    fprintf(source, "\nstatic uint64_t more_rules%u(struct cpu *cpu)\n{\n", number);
    body_pure(&body, env->more_rules);
    fprintf(source, "}\n\nuint32_t %s_env%u_rules(struct cpu *cpu)\n{\n", target, number);
    fprintf(source, "    return UINT32_C(0x%x) | (uint32_t)more_rules%u(cpu);\n}\n",
            env->rules, number);
}

/* The environments and functions that the isa's variants use. */
void fp_emit_all(FILE *header, FILE *source, struct arena *arena, const struct isa *isa,
                 const char *target)
{
    const char **seen = arena_array(arena, isa->nnodes + 1, sizeof *seen);
    unsigned count = 0;

    for (unsigned i = 0; i < isa->nfpenvs; i++) {
        emit_env(header, arena, isa, i, target);
        emit_rules(source, arena, isa, i, target);
    }
    for (unsigned k = 0; k < isa->nvariants; k++) {
        struct sem_body sem = isa->variants[k].body;
        const struct sem *nodes = &isa->nodes[sem.first];

        for (unsigned i = 0; i < sem.count; i++) {
            const char *name;
            unsigned j = 0;

            if (nodes[i].op != S_FP)
                continue;
            name = fp_function(arena, isa, nodes, i);
            while (j < count && strcmp(seen[j], name))
                j++;
            if (j == count) {
                seen[count++] = name;
                emit_function(header, source, arena, isa, target, nodes, i);
            }
        }
    }
}
