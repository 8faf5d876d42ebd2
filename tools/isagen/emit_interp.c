/* emit_interp.c - the interpreter of a target as C: a handler for each variant and form,
 * fused groups of them, and the tables that predecode reads (interp/interp_isa.h).
 *
 * Files, in `dir`: TARGET_interp.h (what handlers share), TARGET_interp_fp.c (floating
 * point and system registers), TARGET_interp_0.c ... (handlers), TARGET_interp_table.c.
 */
#include "isagen/emit_interp.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isagen/emit.h"

enum { PER_FILE = 150 };

static FILE *open_file(struct emitter *e, const char *suffix)
{
    const char *path =
        arena_printf(&e->arena, "%s/%s_interp%s", e->dir, e->target, suffix);
    FILE *file = fopen(path, "w");

    if (!file)
        die("%s: cannot be written", path);
    fprintf(file, "/* %s_interp%s - made by isagen from the %s spec; do not edit. */\n",
            e->target, suffix, e->isa->family);
    return file;
}

static void close_file(struct emitter *e, FILE *file)
{
    if (ferror(file) || fclose(file))
        die("%s: cannot write", e->dir);
}

static const char *c_name(struct arena *arena, const char *name)
{
    char *text = arena_printf(arena, "%s", name);

    for (char *p = text; *p; p++)
        if (!isalnum((unsigned char)*p))
            *p = '_';
    return text;
}

struct body body_new(struct emitter *e, FILE *out, const struct isa_variant *variant)
{
    return (struct body){ .out = out,
                          .arena = &e->arena,
                          .isa = e->isa,
                          .target = e->target,
                          .variant = variant };
}

/* ------------------------------------------------------------------- handlers */

static bool has_op(const struct isa *isa, const struct isa_variant *variant,
                   bool (*is)(unsigned))
{
    for (unsigned i = 0; i < variant->body.count; i++)
        if (is(isa->nodes[variant->body.first + i].op))
            return true;
    return false;
}

static bool is_access(unsigned op)
{
    return op >= S_LD && op <= S_STCOND;
}

static bool is_effect_before_fp(unsigned op)
{
    return is_access(op) || op == S_HELPER || op == S_SETFLAGS;
}

/* A slow copy begins anew, so nothing may have been written before an S_FP. */
bool emit_wants_slow(const struct isa *isa, const struct isa_variant *variant)
{
    const struct sem *nodes = &isa->nodes[variant->body.first];
    bool wrote = false, found = false;

    if (has_op(isa, variant, is_effect_before_fp))
        return false;
    for (unsigned i = 0; i < variant->body.count; i++) {
        if (nodes[i].op == S_PUT || nodes[i].op == S_PUTF || nodes[i].op == S_PUTX ||
            nodes[i].op == S_LOOP)
            wrote = true;
        if (nodes[i].op == S_FP && fp_has_fast(isa, nodes, i)) {
            if (wrote)
                return false;
            found = true;
        }
    }
    return found;
}

const char *emit_variant_name(const struct isa *isa, const struct isa_variant *variant)
{
    return isa_string(isa, isa->insns[variant->insn].name);
}

/* Whether there is a handler with the operands of `form` (bit k: in[k]) from acc: those
 * that the file of pairs asks for; without such a file all, but of three operands only
 * one at a time. */
static bool has_form(const struct emitter *e, unsigned variant, unsigned form)
{
    struct acc_use acc = body_acc_use(e->isa, &e->isa->variants[variant]);

    for (unsigned k = 0; k < ACC_IN; k++)
        if (form >> k & 1 && !acc.in[k])
            return false;
    if (e->pairs)
        return !form || e->forms[variant] >> form & 1;
    return !acc.in[2] || !(form & (form - 1));
}

/* The statements of one instruction; leaves acc as the variant's acc_use says. */
bool emit_insn(struct body *body)
{
    bool accesses = has_op(body->isa, body->variant, is_access);

    if (body->form)
        body_line(body, "const uint64_t in = acc;");
    if (accesses || !body->is_tracked)
        group_store(body, false);
    group_load(body);
    if (accesses && body->variant->flags & VAR_MAY_FAULT)
        body_line(body, "PUBLISH(%u);", body->at / 16);
    body_begin(body, body->variant->body);
    body_statements(body);
    if (!body->is_tracked)
        group_forget(body);
    return body->ended;
}

void emit_finish(struct body *body)
{
    unsigned units = body->at / 16 + body->variant->op_units;

    if (body->puts_npc) {
        body_line(body, "if (has_npc)");
        body_line(body, "    JUMP_DELAYED(%u, next_npc);", body->at / 16);
    }
    if (body->variant->flags & VAR_SYNC)
        body_line(body, "NEXT_SYNC(%u);", units);
    else
        body_line(body, "NEXT(%u);", units);
}

void emit_next_file(struct emitter *e)
{
    if (e->handlers && e->in_file < PER_FILE)
        return;
    if (e->handlers)
        close_file(e, e->handlers);
    e->handlers = open_file(e, arena_printf(&e->arena, "_%u.c", e->files++));
    fprintf(e->handlers, "#include \"%s_interp.h\"\n", e->target);
    e->in_file = 0;
}

static void emit_slow(struct emitter *e, unsigned number)
{
    const struct isa_variant *variant = &e->isa->variants[number];
    struct body body = body_new(e, e->handlers, variant);

    body.soft = true;
    body.acc = body_acc_use(e->isa, variant);
    fprintf(e->header, "SLOW_HANDLER(%s_v%u_slow);\n", e->target, number);
    fprintf(e->handlers, "\nSLOW_HANDLER(%s_v%u_slow)\n{\n", e->target, number);
    if (!emit_insn(&body))
        emit_finish(&body);
    fprintf(e->handlers, "}\n");
}

/* The C text of a variant, all of whose operands are in memory. */
static const char *variant_text(struct emitter *e, unsigned number)
{
    const struct isa_variant *variant = &e->isa->variants[number];
    FILE *file = tmpfile();
    struct body body = body_new(e, file, variant);
    char *text;
    long size;

    if (!file)
        die("no room for temporary files");
    body.acc = body_acc_use(e->isa, variant);
    body.has_slow = emit_wants_slow(e->isa, variant);
    body.number = UINT32_MAX;
    if (!emit_insn(&body))
        emit_finish(&body);
    size = ftell(file);
    rewind(file);
    text = arena_alloc(&e->arena, (size_t)size + 1);
    if (size < 0 || fread(text, 1, (size_t)size, file) != (size_t)size)
        die("temporary files cannot be read");
    fclose(file);
    return text;
}

/* Instructions often mean the same (a short and a long form): they share handlers. */
static void find_same(struct emitter *e)
{
    const char **texts = arena_array(&e->arena, e->isa->nvariants + 1, sizeof *texts);

    e->same = arena_array(&e->arena, e->isa->nvariants + 1, sizeof *e->same);
    for (uint32_t i = 0; i < e->isa->nvariants; i++) {
        texts[i] = variant_text(e, i);
        for (e->same[i] = 0; strcmp(texts[e->same[i]], texts[i]); e->same[i]++)
            ;
    }
}

static void emit_variant(struct emitter *e, unsigned number)
{
    const struct isa_variant *variant = &e->isa->variants[number];
    struct acc_use acc = body_acc_use(e->isa, variant);
    bool slow = emit_wants_slow(e->isa, variant);
    const char *kind = slow && fp_needs_fma(e->isa, variant) ? "FMA_HANDLER" : "HANDLER";

    emit_next_file(e);
    if (slow)
        emit_slow(e, number);
    for (unsigned form = 0; form < FORMS; form++) {
        struct body body = body_new(e, e->handlers, variant);

        if (!has_form(e, number, form))
            continue;
        body.acc = acc;
        body.form = form;
        body.has_slow = slow;
        body.number = number;
        fprintf(e->header, "%s(%s_v%u_%u);\n", kind, e->target, number, form);
        fprintf(e->handlers, "\n/* %s%s */\n%s(%s_v%u_%u)\n{\n",
                emit_variant_name(e->isa, variant), form ? ", from acc" : "", kind,
                e->target, number, form);
        if (!emit_insn(&body))
            emit_finish(&body);
        fprintf(e->handlers, "}\n");
        e->in_file++;
    }
}

/* --------------------------------------------------------------------- tables */

static void emit_mode(struct emitter *e, FILE *out)
{
    fprintf(out,
            "\nstatic uint64_t mode_key(struct cpu *cpu)\n{\n    uint64_t key = 0;\n\n");
    for (unsigned i = 0; i < e->isa->nmodes; i++) {
        const struct isa_mode *mode = &e->isa->modes[i];

        if (mode->value.count)
            fprintf(out, "    key |= ((uint64_t)mode%u(cpu) & 0x%xu) << %u;\n", i,
                    mode->bits >= 32 ? 0xffffffffu : (1u << mode->bits) - 1, mode->at);
    }
    fprintf(out, "    (void)cpu;\n    return key;\n}\n");
}

static void emit_modes(struct emitter *e, FILE *out)
{
    for (unsigned i = 0; i < e->isa->nmodes; i++) {
        struct body body = body_new(e, out, NULL);

        if (!e->isa->modes[i].value.count)
            continue;
        fprintf(out, "\n/* %s */\nstatic uint64_t mode%u(struct cpu *cpu)\n{\n",
                isa_string(e->isa, e->isa->modes[i].name), i);
        body_pure(&body, e->isa->modes[i].value);
        fprintf(out, "}\n");
    }
    emit_mode(e, out);
}

/* The handlers of a meaning, in order of the forms; returns the set of these. */
static unsigned emit_forms(struct emitter *e, FILE *out, unsigned number, unsigned *count)
{
    unsigned forms = 0;

    for (unsigned form = 0; form < FORMS; form++)
        if (has_form(e, number, form)) {
            fprintf(out, "    %s_v%u_%u,\n", e->target, number, form);
            forms |= 1u << form;
            ++*count;
        }
    if (emit_wants_slow(e->isa, &e->isa->variants[number])) {
        fprintf(out, "    %s_v%u_slow,\n", e->target, number);
        ++*count;
    }
    return forms;
}

static void emit_row(struct emitter *e, FILE *out, unsigned number, unsigned first,
                     unsigned forms)
{
    const struct isa_variant *variant = &e->isa->variants[number];
    struct acc_use acc = body_acc_use(e->isa, variant);

    fprintf(out, "    { %u, %u, %u, { %u, %u, %u }, %u, %d },\n", first, number, forms,
            acc.in[0], acc.in[1], acc.in[2], acc.out,
            fp_needs_fma(e->isa, variant) && emit_wants_slow(e->isa, variant));
}

/* The handlers, a row for those of one meaning, and the row of each variant. */
static void emit_variants(struct emitter *e, FILE *out)
{
    uint32_t n = e->isa->nvariants;
    unsigned *first = arena_array(&e->arena, n + 1, sizeof *first), handlers = 0;
    unsigned *forms = arena_array(&e->arena, n + 1, sizeof *forms), rows = 0;
    uint16_t *row_of = arena_array(&e->arena, n + 1, sizeof *row_of);

    fprintf(out, "\nstatic const interp_handler handlers[] = {\n");
    for (unsigned k = 0; k < n; k++) {
        first[k] = handlers;
        if (e->same[k] == k)
            forms[k] = emit_forms(e, out, k, &handlers);
    }
    if (handlers > UINT16_MAX)
        die("%s: more than 65,535 handlers", e->isa->name);
    fprintf(out, "    0,\n};\n\nstatic const struct interp_variant rows[] = {\n");
    for (unsigned k = 0; k < n; k++) {
        row_of[k] = row_of[e->same[k]];
        if (e->same[k] != k)
            continue;
        row_of[k] = (uint16_t)rows++;
        emit_row(e, out, k, first[k], forms[k]);
    }
    fprintf(out, "    { 0, 0, 0, { 0 }, 0, 0 },\n};\n\n"
                 "static const uint16_t row_of[] = {");
    for (unsigned k = 0; k < n; k++)
        fprintf(out, "%s%u,", k % 16 ? " " : "\n    ", row_of[k]);
    fprintf(out, "\n    0,\n};\n");
}

static void emit_tables(struct emitter *e)
{
    FILE *out = open_file(e, "_table.c");

    fprintf(out, "#include \"%s_interp.h\"\n", e->target);
    fprintf(out, "#include \"interp/interp_isa.h\"\n\nextern const struct isa isa_%s;\n",
            e->target);
    fprintf(out, "extern const struct interp_isa interp_%s;\n", e->target);
    emit_modes(e, out);
    emit_variants(e, out);
    group_table(e, out);
    fprintf(out, "\nconst struct interp_isa interp_%s = {\n", e->target);
    fprintf(out, "    .isa = &isa_%s,\n    .handlers = handlers,\n", e->target);
    fprintf(out, "    .rows = rows,\n    .row_of = row_of,\n");
    fprintf(out, "    .fused = fused,\n    .fused_ops = fused_ops,\n");
    fprintf(out, "    .nfused = %u,\n", e->nfused);
    fprintf(out, "    .mode_key = mode_key,\n};\n");
    close_file(e, out);
}

static unsigned jump_shift(const struct isa *isa)
{
    return isa->min_ilen >= 4 ? 2 : isa->min_ilen >= 2 ? 1 : 0;
}

void emit_interp(const struct isa *isa, const char *dir)
{
    struct emitter e = { .isa = isa, .dir = dir };
    FILE *fp;

    e.target = c_name(&e.arena, isa->name);
    find_same(&e);
    group_read(&e);
    e.header = open_file(&e, ".h");
    fprintf(e.header, "#ifndef %s_INTERP_H\n#define %s_INTERP_H\n\n", e.target, e.target);
    fprintf(e.header, "#define JUMP_SHIFT %u\n#include \"interp/handler.h\"\n",
            jump_shift(isa));
    state_emit(&e);
    fp = open_file(&e, "_fp.c");
    fprintf(fp, "#define FP_WHOLE\n#include \"%s_interp.h\"\n", e.target);
    fprintf(e.header, "\n");
    fp_emit_all(e.header, fp, &e.arena, isa, e.target);
    state_emit_sysregs(&e, fp);
    close_file(&e, fp);
    fprintf(e.header, "\n");
    for (unsigned i = 0; i < isa->nvariants; i++)
        if (e.same[i] == i)
            emit_variant(&e, i);
    group_emit(&e);
    if (e.handlers)
        close_file(&e, e.handlers);
    fprintf(e.header, "\n#endif\n");
    close_file(&e, e.header);
    emit_tables(&e);
    arena_free(&e.arena);
}

/* isas.c: what is compiled in. */
void emit_list(const char *const *targets, unsigned count, FILE *out)
{
    struct arena arena = { 0 };

    fprintf(out, "/* made by isagen; do not edit */\n#include \"interp/interp_isa.h\"\n"
                 "#include \"isa/engine.h\"\n\n");
    for (unsigned i = 0; i < count; i++)
        fprintf(out,
                "extern const struct isa isa_%s;\nextern const struct interp_isa "
                "interp_%s;\n",
                c_name(&arena, targets[i]), c_name(&arena, targets[i]));
    fprintf(out, "\nconst struct isa *const isa_list[] = {\n");
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "    &isa_%s,\n", c_name(&arena, targets[i]));
    fprintf(out, "    0,\n};\n\nconst struct interp_isa *const interp_list[] = {\n");
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "    &interp_%s,\n", c_name(&arena, targets[i]));
    fprintf(out, "    0,\n};\n");
    arena_free(&arena);
}
