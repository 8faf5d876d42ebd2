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

enum { PER_FILE = 150, MAX_FUSED = 8, FUSED_IDS = 1 << 3 * ACC_IN };

struct fused {
    uint32_t
        id[MAX_FUSED]; /* variant * FUSED_IDS + for each operand in[k], at bit 3 * k:
                          0 memory, d: written by the op d before (the first op: acc) */
    unsigned count;
};

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
static bool wants_slow(const struct isa *isa, const struct isa_variant *variant)
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

static const char *variant_name(const struct isa *isa, const struct isa_variant *variant)
{
    return isa_string(isa, isa->insns[variant->insn].name);
}

static bool reads_acc(const struct body *body)
{
    for (unsigned k = 0; k < ACC_IN; k++)
        if (body->from[k] == FROM_ACC)
            return true;
    return false;
}

/* Whether there is a handler with the operands of `form` (bit k: in[k]) from acc.  Of
 * three operands only one at a time. */
static bool has_form(const struct acc_use *acc, unsigned form)
{
    for (unsigned k = 0; k < ACC_IN; k++)
        if (form >> k & 1 && !acc->in[k])
            return false;
    return !acc->in[2] || !(form & (form - 1));
}

/* The statements of one instruction; leaves acc as the variant's acc_use says. */
static bool emit_insn(struct body *body)
{
    bool publishes = body->variant->flags & VAR_MAY_FAULT &&
                     has_op(body->isa, body->variant, is_access);

    if (reads_acc(body))
        body_line(body, "const uint64_t in = acc;");
    if (publishes)
        body_line(body, "PUBLISH(%u);", body->at / 16);
    body_begin(body, body->variant->body);
    body_statements(body);
    return body->ended;
}

static void finish(struct body *body)
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

static void next_file(struct emitter *e)
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
        finish(&body);
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
    body.has_slow = wants_slow(e->isa, variant);
    body.number = UINT32_MAX;
    if (!emit_insn(&body))
        finish(&body);
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
    bool slow = wants_slow(e->isa, variant);
    const char *kind = slow && fp_needs_fma(e->isa, variant) ? "FMA_HANDLER" : "HANDLER";

    next_file(e);
    if (slow)
        emit_slow(e, number);
    for (unsigned form = 0; form < FORMS; form++) {
        struct body body = body_new(e, e->handlers, variant);

        if (!has_form(&acc, form))
            continue;
        body.acc = acc;
        for (unsigned k = 0; k < ACC_IN; k++)
            body.from[k] = form >> k & 1 ? FROM_ACC : FROM_MEMORY;
        body.has_slow = slow;
        body.number = number;
        fprintf(e->header, "%s(%s_v%u_%u);\n", kind, e->target, number, form);
        fprintf(e->handlers, "\n/* %s%s */\n%s(%s_v%u_%u)\n{\n",
                variant_name(e->isa, variant), form ? ", from acc" : "", kind, e->target,
                number, form);
        if (!emit_insn(&body))
            finish(&body);
        fprintf(e->handlers, "}\n");
        e->in_file++;
    }
}

/* ---------------------------------------------------------------------- fusion */

static bool needs_fma(const struct emitter *e, const struct fused *fused)
{
    for (unsigned i = 0; i < fused->count; i++)
        if (fp_needs_fma(e->isa, &e->isa->variants[fused->id[i] / FUSED_IDS]))
            return true;
    return false;
}

/* Operands of op `place` of a group. */
static void set_sources(struct body *body, uint32_t id, unsigned place)
{
    for (unsigned k = 0; k < ACC_IN; k++) {
        unsigned distance = id >> 3 * k & 7;

        body->from[k] = !distance    ? FROM_MEMORY
                        : place == 0 ? FROM_ACC
                                     : (uint8_t)(FROM_OP + place - distance);
    }
    body->in_group = true;
    body->place = place;
}

static void emit_fused(struct emitter *e, unsigned index)
{
    const struct fused *fused = &e->fused[index];
    const char *kind = needs_fma(e, fused) ? "FMA_HANDLER" : "HANDLER";
    unsigned at = 0;

    next_file(e);
    fprintf(e->header, "%s(%s_fused%u);\n", kind, e->target, index);
    fprintf(e->handlers, "\n/*");
    for (unsigned i = 0; i < fused->count; i++)
        fprintf(e->handlers, " %s/%o",
                variant_name(e->isa, &e->isa->variants[fused->id[i] / FUSED_IDS]),
                fused->id[i] % FUSED_IDS);
    fprintf(e->handlers, " */\n%s(%s_fused%u)\n{\n", kind, e->target, index);
    for (unsigned i = 0; i < fused->count; i++)
        fprintf(e->handlers, "    uint64_t r%u UNUSED;\n", i);
    for (unsigned i = 0; i < fused->count; i++) {
        const struct isa_variant *variant = &e->isa->variants[fused->id[i] / FUSED_IDS];
        struct body body = body_new(e, e->handlers, variant);
        bool ended;

        body.at = at;
        body.acc = body_acc_use(e->isa, variant);
        set_sources(&body, fused->id[i], i);
        body.number = fused->id[i] / FUSED_IDS;
        body.has_slow = wants_slow(e->isa, variant);
        body.depth = 1;
        fprintf(e->handlers, "    {\n");
        ended = emit_insn(&body);
        fprintf(e->handlers, "    }\n");
        body.ended = ended;
        body.depth = 0;
        if (i == fused->count - 1 && !ended)
            finish(&body);
        at += variant->op_units * 16u;
    }
    fprintf(e->handlers, "}\n");
    e->in_file++;
}

/* "addi", "fadd.d#2/021": instruction, its nth variant, where in[0], in[1] and in[2] come
 * from (digits as in struct fused). */
static int parse_id(const struct emitter *e, char *word, uint32_t *id)
{
    const struct isa *isa = e->isa;
    char *slash = strchr(word, '/'), *hash;
    unsigned from = 0, nth;

    for (unsigned k = 0; slash && k < ACC_IN && slash[1 + k]; k++)
        from |= (unsigned)(slash[1 + k] & 7) << 3 * k;
    if (slash)
        *slash = 0;
    hash = strchr(word, '#');
    nth = hash ? (unsigned)strtoul(hash + 1, NULL, 10) : 0;
    if (hash)
        *hash = 0;
    for (unsigned i = 0; i < isa->nvariants; i++)
        if (!strcmp(variant_name(isa, &isa->variants[i]), word) && nth-- == 0) {
            *id = e->same[i] * FUSED_IDS + from;
            return 0;
        }
    return -1;
}

/* All but the last one of a group go on to the next op, or leave by a branch. */
static bool may_be_fused(const struct isa *isa, const struct fused *fused)
{
    unsigned flags = VAR_ENDS_BLOCK | VAR_MODE | VAR_SYNC | VAR_DELAY;

    for (unsigned i = 0; i < fused->count; i++) {
        const struct isa_variant *variant = &isa->variants[fused->id[i] / FUSED_IDS];
        struct acc_use acc = body_acc_use(isa, variant);

        for (unsigned k = 0; k < ACC_IN; k++) {
            unsigned distance = fused->id[i] >> 3 * k & 7;
            struct acc_use by = { { 0 }, 1 };

            if (distance && (!acc.in[k] || distance > (i ? i : 1)))
                return false;
            if (distance && i)
                by = body_acc_use(isa,
                                  &isa->variants[fused->id[i - distance] / FUSED_IDS]);
            if (distance && (!by.out || by.out == 0xff))
                return false;
        }
        if (variant->flags & flags && i < fused->count - 1)
            return false;
    }
    return fused->count > 1;
}

static int by_ids(const void *x, const void *y)
{
    const struct fused *a = x, *b = y;

    for (unsigned i = 0; i < MAX_FUSED; i++) {
        uint32_t p = i < a->count ? a->id[i] + 1 : 0, q = i < b->count ? b->id[i] + 1 : 0;

        if (p != q) /* longer groups of one beginning come first */
            return i < 2 ? (p > q) - (p < q) : (p < q) - (p > q);
    }
    return 0;
}

/* Groups that pay, from a file of lines like `slli/1 add/2  # 3.1 %`; names that this
 * target lacks are skipped, so that targets can share a file. */
static void read_pairs(struct emitter *e, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[256];
    unsigned capacity = 0;

    while (file && fgets(line, sizeof line, file)) {
        struct fused fused = { .count = 0 };
        char *hash = strstr(line, " #");
        bool known = true;

        if (hash || *line == '#')
            *(hash ? hash : line) = 0;
        for (char *word = strtok(line, " \t\n"); word; word = strtok(NULL, " \t\n"))
            if (fused.count == MAX_FUSED || parse_id(e, word, &fused.id[fused.count++]))
                known = false;
        if (!known || !may_be_fused(e->isa, &fused))
            continue;
        if (e->nfused == capacity) {
            unsigned more = capacity ? capacity * 2 : 64;

            e->fused = arena_grow(&e->arena, e->fused, capacity * sizeof fused,
                                  more * sizeof fused);
            capacity = more;
        }
        e->fused[e->nfused++] = fused;
    }
    if (file)
        fclose(file);
    if (e->nfused)
        qsort(e->fused, e->nfused, sizeof *e->fused, by_ids);
    for (unsigned i = 1, kept = 1, n = e->nfused; i < n; i++) {
        if (by_ids(&e->fused[i], &e->fused[kept - 1]))
            e->fused[kept++] = e->fused[i];
        e->nfused = kept;
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
    struct acc_use acc = body_acc_use(e->isa, &e->isa->variants[number]);
    unsigned forms = 0;

    for (unsigned form = 0; form < FORMS; form++)
        if (has_form(&acc, form)) {
            fprintf(out, "    %s_v%u_%u,\n", e->target, number, form);
            forms |= 1u << form;
            ++*count;
        }
    if (wants_slow(e->isa, &e->isa->variants[number])) {
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
            fp_needs_fma(e->isa, variant) && wants_slow(e->isa, variant));
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

static void emit_fused_table(struct emitter *e, FILE *out)
{
    unsigned k = 0;

    fprintf(out, "\nstatic const struct interp_fused fused[] = {\n");
    for (unsigned i = 0; i < e->nfused; i++) {
        const struct fused *f = &e->fused[i];

        fprintf(out, "    { {");
        for (unsigned n = 0; n < f->count; n++)
            fprintf(out, " %u,", f->id[n]);
        fprintf(out, " }, %u, %d, %s_fused%u },\n", f->count, needs_fma(e, f), e->target,
                i);
    }
    fprintf(out, "    { { 0 }, 0, 0, 0 },\n};\n");
    fprintf(out, "\n/* Groups that begin with a variant: fused[fused_first[it]] up to "
                 "the next. */\n");
    fprintf(out, "static const uint16_t fused_first[] = {");
    for (unsigned i = 0; i <= e->isa->nvariants; i++) {
        while (k < e->nfused && e->fused[k].id[0] / FUSED_IDS < i)
            k++;
        fprintf(out, "%s%u,", i % 16 ? " " : "\n    ", k);
    }
    fprintf(out, "\n};\n");
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
    emit_fused_table(e, out);
    fprintf(out, "\nconst struct interp_isa interp_%s = {\n", e->target);
    fprintf(out, "    .isa = &isa_%s,\n    .handlers = handlers,\n", e->target);
    fprintf(out, "    .rows = rows,\n    .row_of = row_of,\n");
    fprintf(out, "    .fused = fused,\n    .fused_first = fused_first,\n");
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
    read_pairs(&e,
               arena_printf(&e.arena, "isa-specs/%s/%s.pairs", isa->family, isa->name));
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
    for (unsigned i = 0; i < e.nfused; i++)
        emit_fused(&e, i);
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
