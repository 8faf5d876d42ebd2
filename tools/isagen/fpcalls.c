/* fpcalls.c - floating-point operations of bodies: fadd(a, b) in rv(rm). */
#include <string.h>

#include "build.h"

/* clang-format off */
static const struct fp_form {
    const char *name;
    uint8_t op;
    uint8_t args;
    enum { TO_SAME, TO_BIT, TO_FORMAT, TO_INT, FROM_INT, TO_CLASS } result;
} forms[] = {
    { "fadd", FPOP_ADD, 2, TO_SAME },     { "fsub", FPOP_SUB, 2, TO_SAME },
    { "fmul", FPOP_MUL, 2, TO_SAME },     { "fdiv", FPOP_DIV, 2, TO_SAME },
    { "fsqrt", FPOP_SQRT, 1, TO_SAME },   { "fma", FPOP_FMA, 3, TO_SAME },
    { "fms", FPOP_FMS, 3, TO_SAME },      { "fnma", FPOP_FNMA, 3, TO_SAME },
    { "fnms", FPOP_FNMS, 3, TO_SAME },    { "fmin", FPOP_MIN, 2, TO_SAME },
    { "fmax", FPOP_MAX, 2, TO_SAME },     { "fminm", FPOP_MINM, 2, TO_SAME },
    { "fmaxm", FPOP_MAXM, 2, TO_SAME },   { "fmin2", FPOP_MIN2, 2, TO_SAME },
    { "fmax2", FPOP_MAX2, 2, TO_SAME },   { "fmin08", FPOP_MIN08, 2, TO_SAME },
    { "fmax08", FPOP_MAX08, 2, TO_SAME }, { "frint", FPOP_RINT, 1, TO_SAME },
    { "frintx", FPOP_RINTX, 1, TO_SAME }, { "fscalb", FPOP_SCALB, 2, TO_SAME },
    { "flogb", FPOP_LOGB, 1, TO_SAME },   { "frem", FPOP_REM, 2, TO_SAME },
    { "feq", FPOP_EQ, 2, TO_BIT },        { "flt", FPOP_LT, 2, TO_BIT },
    { "fle", FPOP_LE, 2, TO_BIT },        { "feqs", FPOP_EQS, 2, TO_BIT },
    { "flts", FPOP_LTS, 2, TO_BIT },      { "fles", FPOP_LES, 2, TO_BIT },
    { "funord", FPOP_UNORD, 2, TO_BIT },  { "fclass", FPOP_CLASS, 1, TO_CLASS },
    { "fcvt", FPOP_CVT, 1, TO_FORMAT },   { "f_to_s", FPOP_TO_SINT, 1, TO_INT },
    { "f_to_u", FPOP_TO_UINT, 1, TO_INT }, { "f_to_s_mod", FPOP_TO_SINT_MOD, 1, TO_INT },
    { "s_to_f", FPOP_FROM_SINT, 1, FROM_INT }, { "u_to_f", FPOP_FROM_UINT, 1, FROM_INT },
};
static const struct { const char *name; uint8_t format, bits; } formats[] = {
    { "f16", FMT_F16, 16 }, { "bf16", FMT_BF16, 16 }, { "f32", FMT_F32, 32 },
    { "f64", FMT_F64, 64 }, { "f80", FMT_F80, 80 },   { "f128", FMT_F128, 128 },
};
/* clang-format on */

static int format_named(const struct expr *e)
{
    for (int i = 0; e->kind == E_NAME && i < (int)(sizeof formats / sizeof *formats); i++)
        if (!strcmp(formats[i].name, e->name))
            return i;
    return -1;
}

static int format_of_width(struct build *b, unsigned w, struct pos pos)
{
    for (int i = 0; i < (int)(sizeof formats / sizeof *formats); i++)
        if (formats[i].bits == w)
            return i;
    fail(b->g, pos, "E-TYPE", "no floating-point format has %u bits", w);
}

/* Rounding mode: 0..4 now, or a node that is pushed before the operation. */
static void rounding(struct build *b, const struct expr *e, const struct item *env,
                     struct isa_fpcall *call)
{
    const struct expr *r = e->round ? e->round : env->expr;
    struct symbol *scope = b->l->scope;
    struct val v = val_number(0);

    call->round = 0;
    if (!r)
        return;
    if (!e->round)
        b->l->scope = NULL;
    v = lower_expr(b, r, 3);
    b->l->scope = scope;
    if (v.time == DECODE) { /* nearest-even deserves code of its own */
        struct val nearest = op2(b, S_EQ, 1, v.w ? v : adopt(b, v, 8, e->pos),
                                 val_bits(0, v.w ? v.w : 8), e->pos);

        if (decide(b, nearest, e->pos, "the rounding mode"))
            return;
    }
    if (v.time == SPEC) {
        if (v.lo > 7)
            fail(b->g, e->pos, "E-TYPE", "rounding modes are 0 to 4");
        call->round = (uint16_t)v.lo;
        return;
    }
    call->round = ISA_NONE;
    emit(b, S_PUSH, 0, val_node(b, v, v.w ? v.w : 8, e->pos), ISA_NONE, ISA_NONE);
}

static uint8_t fpcall_new(struct build *b, const struct isa_fpcall *call, struct pos pos)
{
    for (uint32_t i = 0; i < b->fpcalls.count; i++)
        if (!memcmp(AT(b, fpcalls, struct isa_fpcall, i), call, sizeof *call))
            return (uint8_t)i;
    if (b->fpcalls.count > UINT8_MAX)
        fail(b->g, pos, "E-BUDGET", "more than 256 formats and environments");
    *VEC(b, fpcalls, struct isa_fpcall) = *call;
    return (uint8_t)(b->fpcalls.count - 1);
}

/* Formats and widths from <...> and the operands. */
static unsigned fp_types(struct build *b, const struct expr *e,
                         const struct fp_form *form, struct isa_fpcall *call,
                         unsigned operand_w)
{
    int t = e->ntargs ? format_named(e->targs[0]) : -1, t2;

    if (form->result == TO_INT) {
        if (!e->ntargs)
            fail(b->g, e->pos, "E-WIDTH", "the integer's width: %s<32>(...)", e->name);
        call->format = e->ntargs > 1 && (t2 = format_named(e->targs[1])) >= 0
                           ? formats[t2].format
                           : formats[format_of_width(b, operand_w, e->pos)].format;
        return (unsigned)spec_number(b, e->targs[0], "the integer's width", 128);
    }
    if (form->result == TO_FORMAT || form->result == FROM_INT) {
        if (t < 0)
            fail(b->g, e->pos, "E-TYPE", "the result's format: %s<f64>(...)", e->name);
        call->format2 = formats[t].format;
        call->format = form->result == FROM_INT ? formats[t].format
                       : e->ntargs > 1 && (t2 = format_named(e->targs[1])) >= 0
                           ? formats[t2].format
                           : formats[format_of_width(b, operand_w, e->pos)].format;
        return formats[t].bits;
    }
    if (t < 0)
        t = format_of_width(b, operand_w, e->pos);
    if (formats[t].bits != operand_w)
        fail(b->g, e->pos, "E-WIDTH", "%s has %u bits, the operand %u", formats[t].name,
             formats[t].bits, operand_w);
    call->format = call->format2 = formats[t].format;
    return form->result == TO_BIT ? 1 : form->result == TO_CLASS ? 10 : operand_w;
}

bool lower_fp(struct build *b, const struct expr *e, unsigned want, struct val *out)
{
    const struct fp_form *form = NULL;
    struct isa_fpcall call;
    struct val v[3];
    uint16_t node[3] = { ISA_NONE, ISA_NONE, ISA_NONE };
    int env;

    memset(&call, 0, sizeof call);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (!strcmp(forms[i].name, e->name))
            form = &forms[i];
    if (!form)
        return false;
    if (!e->env && form->result != TO_CLASS)
        fail(b->g, e->pos, "E-FPENV", "%s needs its environment: %s(...) in ENV", e->name,
             e->name);
    env = e->env ? find_named(b, &b->fpenv_items, e->env) : b->fpenv_items.count ? 0 : -1;
    if (env < 0)
        fail(b->g, e->pos, "E-FPENV", "no fpenv %s", e->env ? e->env : "is declared");
    const struct item *item = ((struct item **)b->fpenv_items.items)[env];
    if (e->nargs != form->args)
        fail(b->g, e->pos, "E-TYPE", "%s takes %u operands", e->name, form->args);
    for (unsigned i = 0; i < form->args; i++) {
        v[i] = lower_expr(b, e->args[i], i && form->op != FPOP_SCALB ? v[0].w : 0);
        if (!v[i].w)
            v[i] = adopt(b, v[i], i ? v[0].w : want, e->pos);
        if (i && v[i].w != v[0].w && form->op != FPOP_SCALB)
            fail(b->g, e->pos, "E-WIDTH", "operands of %u and %u bits", v[0].w, v[i].w);
    }
    call.env = (uint16_t)env;
    unsigned w = fp_types(b, e, form, &call, v[0].w);
    for (unsigned i = 0; i < form->args; i++)
        node[i] = val_node(b, v[i], v[i].w, e->pos);
    rounding(b, e, item, &call);
    uint16_t n = emit(b, S_FP, w, node[0], node[1], node[2]);
    emitted(b, n)->x = form->op;
    emitted(b, n)->d = fpcall_new(b, &call, e->pos);
    const struct isa_fpenv *row = AT(b, fpenvs, struct isa_fpenv, env);
    if (row->file != ISA_NONE) {
        effect(b, false, row->file);
        effect(b, true, row->file);
    }
    *out = val_run(n, w);
    return true;
}
