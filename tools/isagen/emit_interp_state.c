/* emit_interp_state.c - what handlers share: lazy flags, computed views,
 * system registers. */
#include <stdlib.h>

#include "isagen/emit_interp.h"

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

/* ----------------------------------------------------------------------- flags */

/* A function of a flagfn's arguments: one of its flags, or what a law says. */
static void emit_of_args(struct emitter *e, const struct isa_flagfn *fn, const char *name,
                         struct sem_body sem)
{
    struct body body = body_new(e, e->header, NULL);

    fprintf(e->header, "static inline uint32_t %s(", name);
    for (unsigned k = 0; k < fn->args; k++)
        fprintf(e->header, "%s%s a%u", k ? ", " : "", expr_type(fn->arg_w[k]), k);
    fprintf(e->header, "%s)\n{\n", fn->args ? "" : "void");
    for (unsigned k = 0; k < fn->args; k++)
        fprintf(e->header, "    (void)a%u;\n", k);
    body_pure(&body, sem);
    fprintf(e->header, "}\n");
}

static void emit_flagfn(struct emitter *e, unsigned number)
{
    const struct isa_flagfn *fn = &e->isa->flagfns[number];

    fprintf(e->header, "\n/* %s */\n", isa_string(e->isa, fn->name));
    for (unsigned k = 0; k < 16; k++)
        if (fn->sets >> k & 1)
            emit_of_args(e, fn,
                         arena_printf(&e->arena, "%s_fn%u_%u", e->target, number, k),
                         fn->flag[k]);
}

static void emit_law(struct emitter *e, unsigned number)
{
    const struct isa_law *law = &e->isa->laws[number];

    emit_of_args(e, &e->isa->flagfns[law->flagfn],
                 arena_printf(&e->arena, "%s_law%u", e->target, number), law->shortcut);
}

/* The arguments that SETFLAGS kept, as those of a C function. */
static const char *kept_args(struct emitter *e, const struct isa_flagfn *fn)
{
    unsigned file = e->isa->flags[fn->group].args_file;
    unsigned stored = e->isa->files[file].width;
    const char *all = "";

    for (unsigned k = 0; k < fn->args; k++) {
        const char *text = element_of(e, file, k);

        if (stored > 64 && fn->arg_w[k] <= 64)
            text = expr_mask(&e->arena, fn->arg_w[k],
                             arena_printf(&e->arena, "wide_lo(%s)", text));
        else if (fn->arg_w[k] < stored)
            text = expr_mask(&e->arena, fn->arg_w[k], text);
        all = arena_printf(&e->arena, "%s%s%s", all, k ? ", " : "", text);
    }
    return all;
}

const char *flags_function(struct arena *arena, const char *target,
                           const struct flag_cond *cond)
{
    return arena_printf(arena, "%s_f%u_%x_%llx", target, cond->group, cond->flags,
                        (unsigned long long)cond->truth);
}

/* The condition where flagfn `number` (ISA_NONE: none) is pending. */
static const char *cond_value(struct emitter *e, const struct flag_cond *cond,
                              unsigned number)
{
    const struct isa_flags *group = &e->isa->flags[cond->group];
    const struct isa_flagfn *fn = number == ISA_NONE ? NULL : &e->isa->flagfns[number];
    const char *row = "";
    unsigned n = 0;

    for (unsigned k = 0; k < group->count; k++) {
        const char *flag;

        if (!(cond->flags >> k & 1))
            continue;
        if (fn && fn->sets >> k & 1)
            flag = arena_printf(&e->arena, "%s_fn%u_%u(%s)", e->target, number, k,
                                kept_args(e, fn));
        else
            flag = element_of(e, group->bits_file, k);
        row = arena_printf(&e->arena, "%s%s(uint32_t)%s << %u", row, n ? " | " : "", flag,
                           n);
        if (cond->truth == 2 && cond->flags == UINT32_C(1) << k)
            return flag;
        n++;
    }
    return arena_printf(&e->arena, "UINT64_C(0x%llx) >> (%s) & 1",
                        (unsigned long long)cond->truth, row);
}

static void emit_cond(struct emitter *e, const struct flag_cond *cond)
{
    const struct isa_flags *group = &e->isa->flags[cond->group];

    fprintf(e->header, "\n/*");
    for (unsigned k = 0; k < group->count; k++)
        if (cond->flags >> k & 1)
            fprintf(e->header, " %s.%s", isa_string(e->isa, group->name),
                    isa_name(e->isa, group->names, k));
    fprintf(e->header, " */\nstatic inline uint32_t %s(struct cpu *cpu)\n{\n",
            flags_function(&e->arena, e->target, cond));
    fprintf(e->header, "    switch (%s) {\n", element_of(e, group->kind_file, 0));
    for (unsigned i = 0; i < e->isa->nflagfns; i++) {
        const struct isa_flagfn *fn = &e->isa->flagfns[i];
        const struct isa_law *law;
        bool negated;

        if (fn->group != cond->group || !(fn->sets & cond->flags))
            continue;
        law = flag_cond_law(&e->arena, e->isa, cond, i, &negated);
        if (law)
            fprintf(e->header, "    case %u: return %s%s_law%u(%s);\n", i + 1,
                    negated ? "!" : "", e->target, (unsigned)(law - e->isa->laws),
                    kept_args(e, fn));
        else
            fprintf(e->header, "    case %u: return %s;\n", i + 1,
                    cond_value(e, cond, i));
    }
    fprintf(e->header, "    default: return %s;\n    }\n}\n",
            cond_value(e, cond, ISA_NONE));
}

/* Emits the conditions of a body that are new. */
static void add_conds(struct emitter *e, struct sem_body body, bool result)
{
    struct flag_cond *conds;
    unsigned n = flag_conds(&e->arena, e->isa, body, result, &conds);

    for (unsigned i = 0; i < n; i++) {
        unsigned k = 0;

        while (k < e->nconds && (e->conds[k].group != conds[i].group ||
                                 e->conds[k].flags != conds[i].flags ||
                                 e->conds[k].truth != conds[i].truth))
            k++;
        if (k < e->nconds)
            continue;
        e->conds = arena_grow(&e->arena, e->conds, e->nconds * sizeof *conds,
                              (e->nconds + 1u) * sizeof *conds);
        e->conds[e->nconds++] = conds[i];
        emit_cond(e, &conds[i]);
    }
}

static struct flag_cond one_flag(unsigned group, unsigned flag)
{
    return (struct flag_cond){ 0, (uint16_t)group, UINT32_C(1) << flag, 2 };
}

static void emit_conds(struct emitter *e)
{
    const struct isa *isa = e->isa;

    for (unsigned g = 0; g < isa->nflags; g++)
        for (unsigned k = 0; k < isa->flags[g].count; k++) {
            e->conds = arena_grow(&e->arena, e->conds, e->nconds * sizeof *e->conds,
                                  (e->nconds + 1u) * sizeof *e->conds);
            e->conds[e->nconds] = one_flag(g, k);
            emit_cond(e, &e->conds[e->nconds++]);
        }
    for (unsigned i = 0; i < isa->nvariants; i++)
        add_conds(e, isa->variants[i].body, false);
    for (unsigned i = 0; i < isa->nview_bodies; i++) {
        add_conds(e, isa->view_bodies[i].get, true);
        add_conds(e, isa->view_bodies[i].put, false);
    }
    for (unsigned i = 0; i < isa->nsysregs; i++) {
        add_conds(e, isa->sysregs[i].read, true);
        add_conds(e, isa->sysregs[i].write, false);
    }
    for (unsigned i = 0; i < isa->nmodes; i++)
        add_conds(e, isa->modes[i].value, true);
    for (unsigned i = 0; i < isa->nfpenvs; i++)
        add_conds(e, isa->fpenvs[i].more_rules, true);
    add_conds(e, isa->sysreg_priv, true);
}

static void emit_settle(struct emitter *e, unsigned g)
{
    const struct isa_flags *group = &e->isa->flags[g];

    fprintf(e->header, "\nstatic inline void %s_settle%u(struct cpu *cpu)\n{\n",
            e->target, g);
    fprintf(e->header, "    uint32_t flag[%u];\n\n    if (!%s)\n        return;\n",
            group->count, element_of(e, group->kind_file, 0));
    for (unsigned k = 0; k < group->count; k++) {
        struct flag_cond cond = one_flag(g, k);

        fprintf(e->header, "    flag[%u] = %s(cpu);\n", k,
                flags_function(&e->arena, e->target, &cond));
    }
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

    fprintf(e->header, "\nstatic inline void %s_set%u(struct cpu *cpu", e->target,
            number);
    for (unsigned k = 0; k < fn->args && k < 3; k++)
        fprintf(e->header, ", %s a%u", expr_type(fn->arg_w[k]), k);
    fprintf(e->header, ")\n{\n");
    for (unsigned k = 0; k < group->count; k++) {
        struct flag_cond cond = one_flag(fn->group, k);

        if (!(fn->sets >> k & 1))
            fprintf(
                e->header, "    %s\n",
                set_element(e, group->bits_file, k,
                            arena_printf(&e->arena, "%s(cpu)",
                                         flags_function(&e->arena, e->target, &cond))));
    }
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
    for (unsigned i = 0; i < e->isa->nflagfns; i++)
        emit_flagfn(e, i);
    for (unsigned i = 0; i < e->isa->nlaws; i++)
        emit_law(e, i);
    emit_conds(e);
    for (unsigned g = 0; g < e->isa->nflags; g++)
        emit_settle(e, g);
    for (unsigned i = 0; i < e->isa->nflagfns; i++)
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
    emit_flags(e);
    for (unsigned i = 0; i < e->isa->nviews; i++)
        emit_view(e, i);
}
