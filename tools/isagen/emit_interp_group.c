/* emit_interp_group.c - fused groups: a few ops in a row that have one handler.
 *
 * NAME.pairs beside the spec lists what pays, as tools/choose-pairs found it:
 *     slliw/a>b srliw/a>c or/bc>c     # a group
 *     add/@                           # a form: in[0] from acc
 * A word is an instruction, #n for its nth variant, and names of its registers: in[0] to
 * in[2], then > and out.  A letter stands for one register, everywhere in the group; @
 * for the one that is in acc; - has no name.  What has a name lives in a C variable and
 * is stored before what may fault or leave, and at the end: so a value that is
 * overwritten soon is never stored. */
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isagen/emit.h"
#include "isagen/emit_interp.h"

enum { MAX_FUSED = 16, LINE_SIZE = 1024 };

struct fused {
    struct fused_op {
        uint32_t variant;
        uint8_t name[ACC_IN + 1];
    } ops[MAX_FUSED];
    unsigned count;
};

/* -------------------------------------------------------------------- reading */

/* "ab>c" */
static int parse_names(const char *text, uint8_t name[ACC_IN + 1])
{
    unsigned k = 0;

    for (; *text; text++) {
        if (*text == '>')
            k = ACC_IN;
        else if (k > ACC_IN)
            return -1;
        else if (*text == '@')
            name[k++] = ACC_NAME;
        else if (*text >= 'a' && *text <= 'z')
            name[k++] = (uint8_t)(ACC_NAME + 1 + *text - 'a');
        else
            k++;
    }
    return 0;
}

static int parse_op(const struct emitter *e, char *word, struct fused_op *op)
{
    const struct isa *isa = e->isa;
    char *slash = strchr(word, '/'), *hash;
    unsigned nth;

    if (slash && parse_names(slash + 1, op->name))
        return -1;
    if (slash)
        *slash = 0;
    hash = strchr(word, '#');
    nth = hash ? (unsigned)strtoul(hash + 1, NULL, 10) : 0;
    if (hash)
        *hash = 0;
    for (unsigned i = 0; i < isa->nvariants; i++)
        if (!strcmp(emit_variant_name(isa, &isa->variants[i]), word) && nth-- == 0) {
            op->variant = e->same[i];
            return 0;
        }
    return -1;
}

/* Names are of registers that there are; all but the last one go on to the next op, or
 * leave by a branch. */
static bool may_be_fused(const struct isa *isa, const struct fused *fused)
{
    unsigned flags = VAR_ENDS_BLOCK | VAR_MODE | VAR_SYNC | VAR_DELAY;

    for (unsigned i = 0; i < fused->count; i++) {
        const struct fused_op *op = &fused->ops[i];
        const struct isa_variant *variant = &isa->variants[op->variant];
        struct acc_use acc = body_acc_use(isa, variant);

        for (unsigned k = 0; k < ACC_IN; k++)
            if (op->name[k] && !acc.in[k])
                return false;
        if (op->name[ACC_IN] && (!acc.out || acc.out == 0xff))
            return false;
        if (variant->flags & flags && i < fused->count - 1)
            return false;
    }
    return fused->count > 0;
}

static unsigned count_names(const struct fused *fused)
{
    unsigned n = 0;

    for (unsigned i = 0; i < fused->count; i++)
        for (unsigned k = 0; k <= ACC_IN; k++)
            n += fused->ops[i].name[k] != 0;
    return n;
}

/* As struct interp_isa says. */
static int by_ops(const void *x, const void *y)
{
    const struct fused *a = x, *b = y;
    unsigned p, q;

    for (unsigned i = 0; i < 2; i++)
        if (a->ops[i].variant != b->ops[i].variant)
            return a->ops[i].variant < b->ops[i].variant ? -1 : 1;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    p = count_names(a);
    q = count_names(b);
    return p != q ? (p > q ? -1 : 1) : memcmp(a->ops, b->ops, sizeof a->ops);
}

static void add_fused(struct emitter *e, const struct fused *fused, unsigned *capacity)
{
    if (e->nfused == *capacity) {
        unsigned more = *capacity ? *capacity * 2 : 64;

        e->fused = arena_grow(&e->arena, e->fused, *capacity * sizeof *fused,
                              more * sizeof *fused);
        *capacity = more;
    }
    e->fused[e->nfused++] = *fused;
}

static void add_form(struct emitter *e, const struct fused_op *op)
{
    unsigned form = 0;

    for (unsigned k = 0; k < ACC_IN; k++)
        form |= (op->name[k] == ACC_NAME) << k;
    e->forms[op->variant] |= (uint8_t)(1u << form);
}

static void sort_groups(struct emitter *e)
{
    unsigned kept = 0;

    if (e->nfused)
        qsort(e->fused, e->nfused, sizeof *e->fused, by_ops);
    for (unsigned i = 0; i < e->nfused; i++)
        if (!i || by_ops(&e->fused[i], &e->fused[kept - 1]))
            e->fused[kept++] = e->fused[i];
    e->nfused = kept;
}

const char *emit_pairs_path(struct arena *arena, const char *family, const char *target)
{
    return arena_printf(arena, "isa-specs/%s/%s.pairs", family, target);
}

/* Lines that name what this target lacks are skipped, so that targets can share a file.
 */
void group_read(struct emitter *e)
{
    FILE *file = fopen(emit_pairs_path(&e->arena, e->isa->family, e->isa->name), "r");
    char line[LINE_SIZE];
    unsigned capacity = 0;

    e->pairs = file != NULL;
    e->forms = arena_array(&e->arena, e->isa->nvariants + 1, sizeof *e->forms);
    while (file && fgets(line, sizeof line, file)) {
        struct fused fused;
        char *hash = strstr(line, " #");
        bool known = true;

        memset(&fused, 0, sizeof fused);
        if (hash || *line == '#')
            *(hash ? hash : line) = 0;
        for (char *word = strtok(line, " \t\n"); word; word = strtok(NULL, " \t\n"))
            if (fused.count == MAX_FUSED || parse_op(e, word, &fused.ops[fused.count++]))
                known = false;
        if (!known || !may_be_fused(e->isa, &fused))
            continue;
        if (fused.count == 1)
            add_form(e, &fused.ops[0]);
        else
            add_fused(e, &fused, &capacity);
    }
    if (file)
        fclose(file);
    sort_groups(e);
}

/* ------------------------------------------------------------------ registers */

static const struct isa_file *file_of(const struct body *body, unsigned slot)
{
    const struct isa *isa = body->isa;

    return &isa->files[isa->views[isa->slots[body->variant->slot + slot].view].file];
}

static void set_place(struct body *body, unsigned name, unsigned slot)
{
    struct group_reg *reg = &body->group->regs[name];

    if (reg->has_place)
        return;
    body_line(body, "o%u = OP_U16(%u);", name,
              body->isa->slots[body->variant->slot + slot].at + body->at);
    reg->file = file_of(body, slot);
    reg->has_place = true;
}

void group_load(struct body *body)
{
    if (!body->group || !body->is_tracked)
        return;
    for (unsigned k = 0; k < ACC_IN; k++) {
        struct group_reg *reg = &body->group->regs[body->name[k]];
        unsigned name = body->name[k];

        if (!name || reg->has_value)
            continue;
        set_place(body, name, body->acc.in[k] - 1u);
        body_line(body, "c%u = %s;", name,
                  element_read(body->arena, reg->file,
                               arena_printf(body->arena, "o%u", name), 0,
                               reg->file->width));
        reg->has_value = true;
    }
}

void group_write(struct body *body)
{
    unsigned name = body->name[ACC_IN];

    set_place(body, name, body->acc.out - 1u);
    body->group->regs[name].has_value = true;
    body->group->regs[name].is_dirty = true;
}

void group_store(struct body *body, bool is_exit)
{
    for (unsigned i = 1; body->group && i < MAX_NAMES; i++) {
        struct group_reg *reg = &body->group->regs[i];

        if (!reg->is_dirty)
            continue;
        body_line(body, "%s",
                  element_write(body->arena, reg->file,
                                arena_printf(body->arena, "o%u", i), 0, reg->file->width,
                                arena_printf(body->arena, "c%u", i)));
        reg->is_dirty = is_exit;
    }
}

void group_forget(struct body *body)
{
    for (unsigned i = 1; body->group && i < MAX_NAMES; i++)
        body->group->regs[i].has_value = false;
}

/* -------------------------------------------------------------------- writing */

static bool needs_fma(const struct emitter *e, const struct fused *fused)
{
    for (unsigned i = 0; i < fused->count; i++)
        if (fp_needs_fma(e->isa, &e->isa->variants[fused->ops[i].variant]))
            return true;
    return false;
}

/* A set of the names that are used. */
static uint32_t names_of(const struct fused *fused)
{
    uint32_t set = 0;

    for (unsigned i = 0; i < fused->count; i++)
        for (unsigned k = 0; k <= ACC_IN; k++)
            set |= UINT32_C(1) << fused->ops[i].name[k];
    return set & ~UINT32_C(1);
}

static void print_ops(const struct emitter *e, const struct fused *fused)
{
    for (unsigned i = 0; i < fused->count; i++) {
        const struct fused_op *op = &fused->ops[i];
        const char *name = emit_variant_name(e->isa, &e->isa->variants[op->variant]);

        fprintf(e->handlers, " %s/", name);
        for (unsigned k = 0; k <= ACC_IN; k++)
            fprintf(e->handlers, "%s%c", k == ACC_IN ? ">" : "",
                    "-@abcdefghijklmnopqrstuvwxyz"[op->name[k]]);
    }
}

/* Op i of a group, at byte `at` of it. */
static void emit_op(struct emitter *e, const struct fused *fused, unsigned i, unsigned at,
                    struct group *group)
{
    const struct isa_variant *variant = &e->isa->variants[fused->ops[i].variant];
    struct body body = body_new(e, e->handlers, variant);

    body.at = at;
    body.acc = body_acc_use(e->isa, variant);
    body.group = group;
    memcpy(body.name, fused->ops[i].name, sizeof body.name);
    body.is_tracked = body_is_tracked(e->isa, variant);
    body.number = fused->ops[i].variant;
    body.has_slow = emit_wants_slow(e->isa, variant);
    body.depth = 1;
    fprintf(e->handlers, "    {\n");
    body.ended = emit_insn(&body);
    fprintf(e->handlers, "    }\n");
    body.depth = 0;
    if (i == fused->count - 1 && !body.ended) {
        group_store(&body, false);
        emit_finish(&body);
    }
}

static void emit_fused(struct emitter *e, unsigned index)
{
    const struct fused *fused = &e->fused[index];
    const char *kind = needs_fma(e, fused) ? "FMA_HANDLER" : "HANDLER";
    struct group group = { .regs[ACC_NAME] = { .has_value = true } };
    uint32_t names = names_of(fused);
    unsigned at = 0;

    emit_next_file(e);
    fprintf(e->header, "%s(%s_fused%u);\n", kind, e->target, index);
    fprintf(e->handlers, "\n/*");
    print_ops(e, fused);
    fprintf(e->handlers, " */\n%s(%s_fused%u)\n{\n", kind, e->target, index);
    for (unsigned i = 1; i < MAX_NAMES; i++)
        if (names >> i & 1)
            fprintf(e->handlers, "    uint64_t c%u UNUSED%s, o%u UNUSED;\n", i,
                    i == ACC_NAME ? " = acc" : "", i);
    for (unsigned i = 0; i < fused->count; i++) {
        emit_op(e, fused, i, at, &group);
        at += e->isa->variants[fused->ops[i].variant].op_units * 16u;
    }
    fprintf(e->handlers, "}\n");
    e->in_file++;
}

void group_emit(struct emitter *e)
{
    for (unsigned i = 0; i < e->nfused; i++)
        emit_fused(e, i);
}

static void emit_ops_table(struct emitter *e, FILE *out)
{
    fprintf(out, "\nstatic const struct interp_fused_op fused_ops[] = {\n");
    for (unsigned i = 0; i < e->nfused; i++)
        for (unsigned n = 0; n < e->fused[i].count; n++) {
            const struct fused_op *op = &e->fused[i].ops[n];

            fprintf(out, "    { %u, { %u, %u, %u, %u } },\n", op->variant, op->name[0],
                    op->name[1], op->name[2], op->name[ACC_IN]);
        }
    fprintf(out, "    { 0, { 0 } },\n};\n");
}

void group_table(struct emitter *e, FILE *out)
{
    unsigned first = 0;

    emit_ops_table(e, out);
    fprintf(out, "\nstatic const struct interp_fused fused[] = {\n");
    for (unsigned i = 0; i < e->nfused; i++) {
        const struct fused *f = &e->fused[i];
        unsigned names = 0;

        while (names_of(f) >> names)
            names++;
        fprintf(out, "    { %s_fused%u, %u, %u, %u, %d, %d },\n", e->target, i, first,
                f->count, names, needs_fma(e, f), (int)(names_of(f) >> ACC_NAME & 1));
        first += f->count;
    }
    fprintf(out, "    { 0 },\n};\n");
}
