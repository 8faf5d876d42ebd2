/* emit_interp_state.c - what handlers share: pure functions, lazy flags, computed views,
 * system registers. */
#include <stdlib.h>

#include "isagen/emit_interp.h"

static void emit_fn_head(FILE *out, const struct isa_fn *fn, const char *target,
                         unsigned i)
{
    fprintf(out, "static inline %s %s_fn_%u(", expr_type(fn->result_w), target, i);
    for (unsigned k = 0; k < fn->args && k < 3; k++)
        fprintf(out, "%s%s a%u", k ? ", " : "", expr_type(fn->arg_w[k]), k);
    fprintf(out, "%s)", fn->args ? "" : "void");
}

static void emit_fns(struct emitter *e)
{
    for (unsigned i = 0; i < e->isa->nfns; i++) {
        const struct isa_fn *fn = &e->isa->fns[i];
        struct body body = body_new(e, e->header, NULL);

        fprintf(e->header, "\n/* %s */\n", isa_string(e->isa, fn->name));
        emit_fn_head(e->header, fn, e->target, i);
        fprintf(e->header, "\n{\n");
        for (unsigned k = 0; k < fn->args && k < 3; k++)
            fprintf(e->header, "    (void)a%u;\n", k);
        body_pure(&body, fn->body);
        fprintf(e->header, "}\n");
    }
}

/* Reads element 0 of a file, or argument k. */
static const char *element_of(struct emitter *e, unsigned file, unsigned k)
{
    const struct isa_file *f = &e->isa->files[file];

    return element_read(&e->arena, f, element_place(&e->arena, f, k), 0, f->width);
}

static const char *set_element(struct emitter *e, unsigned file, unsigned k,
                               const char *value)
{
    const struct isa_file *f = &e->isa->files[file];

    return element_write(&e->arena, f, element_place(&e->arena, f, k), 0, f->width,
                         value);
}

/* One flag of one flagfn, from the arguments that SETFLAGS kept. */
static void emit_flag_case(struct emitter *e, unsigned number, unsigned flag)
{
    const struct isa_flagfn *fn = &e->isa->flagfns[number];
    const struct isa_flags *group = &e->isa->flags[fn->group];
    struct body body = body_new(e, e->header, NULL);

    body.depth = 1;
    fprintf(e->header, "    case %u: { /* %s */\n", number + 1,
            isa_string(e->isa, fn->name));
    for (unsigned k = 0; k < fn->args && k < 3; k++) {
        const char *text = element_of(e, group->args_file, k);
        unsigned stored = e->isa->files[group->args_file].width;

        if (stored > 64 && fn->arg_w[k] <= 64)
            text = expr_mask(&e->arena, fn->arg_w[k],
                             arena_printf(&e->arena, "wide_lo(%s)", text));
        else if (fn->arg_w[k] < stored)
            text = expr_mask(&e->arena, fn->arg_w[k], text);
        fprintf(e->header, "        %s a%u = %s;\n\n        (void)a%u;\n",
                expr_type(fn->arg_w[k]), k, text, k);
    }
    body_pure(&body, fn->flag[flag]);
    fprintf(e->header, "    }\n");
}

static void emit_flag(struct emitter *e, unsigned g, unsigned flag)
{
    const struct isa_flags *group = &e->isa->flags[g];
    const char *settled = element_of(e, group->bits_file, flag);

    fprintf(e->header, "\n/* %s.%s, settled or as the last flagfn says */\n",
            isa_string(e->isa, group->name), isa_name(e->isa, group->names, flag));
    fprintf(e->header, "static inline uint32_t %s_flag%u_%u(struct cpu *cpu)\n{\n",
            e->target, g, flag);
    if (group->kind_file != ISA_NONE) {
        fprintf(e->header, "    switch (%s) {\n", element_of(e, group->kind_file, 0));
        for (unsigned i = 0; i < e->isa->nflagfns; i++)
            if (e->isa->flagfns[i].group == g && e->isa->flagfns[i].sets >> flag & 1)
                emit_flag_case(e, i, flag);
        fprintf(e->header, "    default: break;\n    }\n");
    }
    fprintf(e->header, "    return %s;\n}\n", settled);
}

static void emit_settle(struct emitter *e, unsigned g)
{
    const struct isa_flags *group = &e->isa->flags[g];

    fprintf(e->header, "\nstatic inline void %s_settle%u(struct cpu *cpu)\n{\n",
            e->target, g);
    fprintf(e->header, "    uint32_t flag[%u];\n\n    if (!%s)\n        return;\n",
            group->count, element_of(e, group->kind_file, 0));
    for (unsigned k = 0; k < group->count; k++)
        fprintf(e->header, "    flag[%u] = %s_flag%u_%u(cpu);\n", k, e->target, g, k);
    for (unsigned k = 0; k < group->count; k++)
        fprintf(
            e->header, "    %s\n",
            set_element(e, group->bits_file, k, arena_printf(&e->arena, "flag[%u]", k)));
    fprintf(e->header, "    %s\n}\n", set_element(e, group->kind_file, 0, "0"));
}

/* SETFLAGS: remembers the flagfn and its arguments; flags it does not define are settled.
 */
static void emit_set(struct emitter *e, unsigned number)
{
    const struct isa_flagfn *fn = &e->isa->flagfns[number];
    const struct isa_flags *group = &e->isa->flags[fn->group];
    uint32_t all = group->count >= 32 ? UINT32_MAX : (UINT32_C(1) << group->count) - 1;

    fprintf(e->header, "\nstatic inline void %s_set%u(struct cpu *cpu", e->target,
            number);
    for (unsigned k = 0; k < fn->args && k < 3; k++)
        fprintf(e->header, ", %s a%u", expr_type(fn->arg_w[k]), k);
    fprintf(e->header, ")\n{\n");
    if ((fn->sets & all) != all)
        fprintf(e->header, "    %s_settle%u(cpu);\n", e->target, fn->group);
    for (unsigned k = 0; k < fn->args && k < 3; k++) {
        unsigned stored = e->isa->files[group->args_file].width;
        const char *value = arena_printf(&e->arena, "a%u", k);

        if (stored > 64 && fn->arg_w[k] <= 64)
            value = arena_printf(&e->arena, "wide_from(%s)", value);
        fprintf(e->header, "    %s\n", set_element(e, group->args_file, k, value));
    }
    fprintf(
        e->header, "    %s\n}\n",
        set_element(e, group->kind_file, 0, arena_printf(&e->arena, "%uu", number + 1)));
}

static void emit_flags(struct emitter *e)
{
    for (unsigned g = 0; g < e->isa->nflags; g++) {
        for (unsigned k = 0; k < e->isa->flags[g].count; k++)
            emit_flag(e, g, k);
        if (e->isa->flags[g].kind_file != ISA_NONE)
            emit_settle(e, g);
    }
    for (unsigned i = 0; i < e->isa->nflagfns; i++)
        if (e->isa->flags[e->isa->flagfns[i].group].kind_file != ISA_NONE)
            emit_set(e, i);
}

/* ------------------------------------------- computed views, system registers */

static void emit_view(struct emitter *e, unsigned number)
{
    const struct isa_view *view = &e->isa->views[number];
    struct body get = body_new(e, e->header, NULL), put = get;

    if (view->file != ISA_NONE)
        return;
    fprintf(e->header,
            "\nstatic inline %s %s_view%u_get(struct cpu *cpu, uint32_t a0)\n{\n",
            expr_type(view->width), e->target, number);
    if (view->zero != ISA_NONE)
        fprintf(e->header, "    if (a0 == %u)\n        return 0;\n", view->zero);
    fprintf(e->header, "    (void)cpu;\n    (void)a0;\n");
    get.inner = put.inner = true;
    body_pure(&get, e->isa->view_bodies[view->computed].get);
    fprintf(
        e->header,
        "}\nstatic inline void %s_view%u_put(struct cpu *cpu, uint32_t a0, %s a1)\n{\n",
        e->target, number, expr_type(view->width));
    if (view->zero != ISA_NONE)
        fprintf(e->header, "    if (a0 == %u)\n        return;\n", view->zero);
    fprintf(e->header, "    (void)cpu;\n    (void)a0;\n    (void)a1;\n");
    body_begin(&put, e->isa->view_bodies[view->computed].put);
    body_statements(&put);
    fprintf(e->header, "}\n");
}

static void emit_sysreg_trap(struct emitter *e, FILE *out, const char *indent)
{
    if (e->isa->sysreg_trap == ISA_NONE)
        fprintf(out, "%sinterp_illegal(cpu, op);\n", indent);
    else
        fprintf(out, "%sinterp_trap(cpu, op, %u, 0, 0);\n", indent, e->isa->sysreg_trap);
    fprintf(out, "%sreturn 0;\n", indent);
}

static void emit_sysreg(struct emitter *e, FILE *out, unsigned number, bool write)
{
    const struct isa_sysreg *reg = &e->isa->sysregs[number];
    struct sem_body sem = write ? reg->write : reg->read;
    struct body body = body_new(e, out, NULL);

    if (write && reg->read_only)
        return;
    body.inner = true;
    body.depth = 1;
    fprintf(out, "    case 0x%x: { /* %s */\n", reg->number,
            isa_string(e->isa, reg->name));
    if (e->isa->sysreg_priv.count && reg->priv) {
        fprintf(out, "        if (sysreg_priv(cpu) < %u) {\n", reg->priv);
        emit_sysreg_trap(e, out, "            ");
        fprintf(out, "        }\n");
    }
    if (write && sem.count) {
        body_begin(&body, sem);
        body_statements(&body);
        fprintf(out, "        return 0;\n");
    } else if (write) {
        if (reg->file != ISA_NONE)
            fprintf(out, "        %s\n",
                    element_write(&e->arena, &e->isa->files[reg->file],
                                  element_place(&e->arena, &e->isa->files[reg->file], 0),
                                  0, reg->w, "a0"));
        fprintf(out, "        return 0;\n");
    } else if (sem.count) {
        body_pure(&body, sem);
    } else {
        fprintf(out, "        return %s;\n",
                reg->file == ISA_NONE
                    ? "0"
                    : element_read(&e->arena, &e->isa->files[reg->file],
                                   element_place(&e->arena, &e->isa->files[reg->file], 0),
                                   0, reg->w));
    }
    fprintf(out, "    }\n");
}

void state_emit_sysregs(struct emitter *e, FILE *out)
{
    fprintf(e->header,
            "\nINTERP_FN uint64_t %s_sysread(struct cpu *cpu, const struct op *op, "
            "uint64_t number);\n",
            e->target);
    fprintf(e->header,
            "INTERP_FN uint64_t %s_syswrite(struct cpu *cpu, const struct op *op, "
            "uint64_t number, "
            "uint64_t a0);\n",
            e->target);
    if (e->isa->sysreg_priv.count) {
        struct body body = body_new(e, out, NULL);

        fprintf(
            out,
            "\nstatic inline uint64_t sysreg_priv(struct cpu *cpu)\n{\n    (void)cpu;\n");
        body_pure(&body, e->isa->sysreg_priv);
        fprintf(out, "}\n");
    }
    for (unsigned write = 0; write < 2; write++) {
        fprintf(out,
                "\nuint64_t %s_sys%s(struct cpu *cpu, const struct op *op, uint64_t "
                "number%s)\n{\n",
                e->target, write ? "write" : "read", write ? ", uint64_t a0" : "");
        fprintf(out, "    (void)cpu;\n%s    switch (number) {\n",
                write ? "    (void)a0;\n" : "");
        for (unsigned i = 0; i < e->isa->nsysregs; i++)
            emit_sysreg(e, out, i, write);
        fprintf(out, "    default: break;\n    }\n");
        emit_sysreg_trap(e, out, "    ");
        fprintf(out, "}\n");
    }
}

/* Everything but system registers, as inline functions of the header. */
void state_emit(struct emitter *e)
{
    emit_fns(e);
    emit_flags(e);
    for (unsigned i = 0; i < e->isa->nviews; i++)
        emit_view(e, i);
}
