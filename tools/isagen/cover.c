/* cover.c - what the examples of a spec leave out: see cover.h. */
#include "cover.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "isa/eval.h"
#include "isa/text.h"

struct field_seen {
    bool any, differs;
    uint64_t first;
};

struct cover {
    const struct isa *isa;
    FILE *out;
    struct arena arena;
    bool *has_example, *variant_ran; /* of each instruction, variant */
    uint8_t *ifs;                    /* of each node: EVAL_WAS_* */
    struct field_seen *fields;
    unsigned insns, without, variants, never, branches, one_way, nfields, constant;
};

/* What an example of an instruction decodes to; examples of a spec that was checked do.
 */
static void note_example(struct cover *c, const struct isa_example *ex)
{
    const struct isa *isa = c->isa;
    struct isa_features features;
    struct isa_decoded d;
    uint8_t bytes[ISA_MAX_ILEN] = { 0 };
    char error[400];

    if (eval_example_cover(isa, ex, c->ifs, error, sizeof error) || ex->code ||
        ex->insn == ISA_NONE)
        return;
    isa_features_parse(
        isa, ex->model == ISA_NONE ? NULL : isa_string(isa, isa->models[ex->model].name),
        &features, NULL);
    memcpy(bytes, ex->bytes, ex->length);
    isa_decode(isa, &features, ex->mode, ex->pc, bytes, ex->length, &d);
    if (d.insn == ISA_NONE)
        return;
    c->has_example[d.insn] = true;
    if (!d.illegal)
        c->variant_ran[isa_choose(isa, &d)] = true;
    for (unsigned i = 0; i < isa->insns[d.insn].fields; i++) {
        struct field_seen *f = &c->fields[isa->insns[d.insn].field + i];

        f->differs |= f->any && f->first != d.field[i];
        f->first = f->any ? f->first : d.field[i];
        f->any = true;
    }
}

/* Begins a line: where the instruction is, and its name. */
static void begin_line(struct cover *c, const struct isa_insn *insn)
{
    char where[200];

    fprintf(c->out, "%s: %s: ", isa_where_text(c->isa, insn->where, where, sizeof where),
            isa_string(c->isa, insn->name));
}

/* The conditions of one body; shared bodies are looked at once. */
static void cover_branches(struct cover *c, const struct isa_variant *v)
{
    const struct isa *isa = c->isa;
    unsigned number = 0;

    for (unsigned i = 0; i < v->body.count; i++) {
        uint32_t at = v->body.first + i;
        unsigned ways = c->ifs[at] & (EVAL_WAS_TRUE | EVAL_WAS_FALSE);

        if (isa->nodes[at].op != S_IF)
            continue;
        number++;
        if (c->ifs[at] & 0x80)
            continue;
        c->ifs[at] |= 0x80;
        c->branches++;
        if (ways == (EVAL_WAS_TRUE | EVAL_WAS_FALSE))
            continue;
        c->one_way++;
        begin_line(c, &isa->insns[v->insn]);
        fprintf(c->out, "condition %u is never %s\n", number,
                !ways                   ? "reached"
                : ways == EVAL_WAS_TRUE ? "false"
                                        : "true");
    }
}

static void cover_insn(struct cover *c, unsigned number)
{
    const struct isa_insn *insn = &c->isa->insns[number];

    c->insns++;
    if (!c->has_example[number]) {
        c->without++;
        begin_line(c, insn);
        fputs("no example\n", c->out);
        return;
    }
    for (unsigned i = 0; i < insn->fields; i++) {
        const struct isa_field *f = &c->isa->fields_all[insn->field + i];

        c->nfields++;
        if (c->fields[insn->field + i].differs)
            continue;
        c->constant++;
        begin_line(c, insn);
        fprintf(c->out, "%s is %lld in all examples\n", isa_string(c->isa, f->name),
                (long long)c->fields[insn->field + i].first);
    }
}

static void cover_variants(struct cover *c)
{
    const struct isa *isa = c->isa;
    unsigned *never = arena_array(&c->arena, isa->ninsns + 1u, sizeof *never);

    for (uint32_t i = 0; i < isa->nchosen; i++) {
        const struct isa_variant *v = &isa->variants[i];

        if (v->insn >= isa->ninsns)
            continue;
        c->variants++;
        if (!c->variant_ran[i])
            c->never++, never[v->insn]++;
        if (c->variant_ran[i])
            cover_branches(c, v);
    }
    for (unsigned i = 0; i < isa->ninsns; i++)
        if (never[i] && c->has_example[i]) {
            begin_line(c, &isa->insns[i]);
            fprintf(c->out, "%u of its meanings never run\n", never[i]);
        }
}

void cover_examples(const struct isa *isa, FILE *out)
{
    struct cover c = { .isa = isa, .out = out };

    c.has_example = arena_array(&c.arena, isa->ninsns + 1u, sizeof *c.has_example);
    c.variant_ran = arena_array(&c.arena, isa->nvariants + 1u, sizeof *c.variant_ran);
    c.ifs = arena_array(&c.arena, isa->nnodes + 1u, sizeof *c.ifs);
    c.fields = arena_array(&c.arena, isa->nfields + 1u, sizeof *c.fields);
    for (unsigned i = 0; i < isa->nexamples; i++) {
        struct isa_example example = isa_example(isa, i);

        note_example(&c, &example);
    }
    for (unsigned i = 0; i < isa->ninsns; i++)
        cover_insn(&c, i);
    cover_variants(&c);
    fprintf(out,
            "%s: %u instructions, %u without an example; %u meanings, %u never run; %u "
            "conditions, %u not both ways; %u fields, %u never varied\n",
            isa->name, c.insns, c.without, c.variants, c.never, c.branches, c.one_way,
            c.nfields, c.constant);
    arena_free(&c.arena);
}
