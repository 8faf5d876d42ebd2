/* spec.c - the whole compiler in order, and its use as a library. */
#define _POSIX_C_SOURCE 200809L /* fmemopen */
#include "spec.h"

#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "dtree.h"
#include "flags.h"
#include "isa/decode.h"
#include "isa/sem.h"
#include "laws.h"
#include "program.h"
#include "share.h"
#include "stream.h"

void stop_if_errors(struct isagen *g)
{
    if (g->errors && g->recover)
        longjmp(*g->recover, 1);
}

/* Sorts the items by kind; leaves out those whose section is not of this target. */
static void index_items(struct build *b)
{
    for (struct item *i = b->g->first; i; i = i->next)
        if (i->kind == I_PARAM)
            *(struct item **)vec_add(b, &b->kinds[I_PARAM], sizeof i) = i;
    for (struct item *i = b->g->first; i; i = i->next)
        if (i->kind != I_PARAM && (i->kind == I_SPACE || target_has(b, i->when)))
            *(struct item **)vec_add(b, &b->kinds[i->kind], sizeof i) = i;
}

/* Is there a mode key with which both conditions hold?  (Too many modes: assumed.) */
static bool modes_meet(const struct isa *isa, struct sem_body x, struct sem_body y)
{
    const struct sem_body *bodies[] = { &x, &y };
    uint64_t bits = 0;
    struct isa_decoded insn = { .insn = ISA_NONE };

    for (int k = 0; k < 2; k++)
        for (unsigned i = 0; i < bodies[k]->count; i++) {
            const struct sem *s = &isa->nodes[bodies[k]->first + i];

            if (s->op == S_MODE)
                bits |= mask64(isa->modes[s->a].bits) << isa->modes[s->a].at;
        }
    for (unsigned tries = 0; tries < 1 << 16; tries++) {
        if ((!x.count || isa_decode_value(isa, x, &insn) & 1) &&
            (!y.count || isa_decode_value(isa, y, &insn) & 1))
            return true;
        insn.mode = (insn.mode - bits) & bits; /* the next subset */
        if (!insn.mode)
            return false;
    }
    return true;
}

/* clang-format off */
static void finish(struct build *b)
{
    struct isa *isa = &b->isa;

#define TABLE(field, n) isa->field = b->field.items; isa->n = b->field.count
#define TABLE16(field, n) isa->field = b->field.items; isa->n = (uint16_t)b->field.count
    TABLE(nodes, nnodes); TABLE(consts, nconsts); TABLE(pieces, npieces); TABLE(slots, nslots);
    TABLE(variants, nvariants); TABLE(choices, nchoices); TABLE(links, nlinks); TABLE(ex_cases, nex_cases);
    TABLE(literals, nliterals); TABLE(strings, nstrings); TABLE(names, nnames);
    TABLE(numbers, nnumbers); TABLE(texts, ntexts); TABLE(enums, nenums); TABLE(fixes, nfixes);
    TABLE(lengths, nlengths); TABLE(sysreg_fields, nsysreg_fields); TABLE(values, nvalues);
    TABLE(ex_items, nex_items); TABLE(ex_codes, nex_codes); TABLE(ex_bytes, nex_bytes);
    TABLE16(files, nfiles); TABLE16(views, nviews); TABLE16(view_bodies, nview_bodies); TABLE16(regnames, nregnames);
    TABLE(flag_uses, nflag_uses); TABLE(flag_known, nflag_known);
    TABLE16(insns, ninsns); TABLE16(aliases, naliases); TABLE16(fetches, nfetches);
    TABLE16(accesses, naccesses); TABLE16(traps, ntraps); TABLE16(helpers, nhelpers);
    TABLE16(fpcalls, nfpcalls); TABLE16(fpenvs, nfpenvs);
    TABLE16(flags, nflags); TABLE16(flagfns, nflagfns); TABLE16(laws, nlaws);
    TABLE16(modes, nmodes); TABLE16(features, nfeatures); TABLE16(feature_sets, nfeature_sets);
    TABLE16(models, nmodels); TABLE16(sysregs, nsysregs); TABLE16(examples, nexamples);
    TABLE16(streams, nstreams); TABLE16(sources, nsources); TABLE16(gdb_rows, ngdb_rows);
#undef TABLE
#undef TABLE16
    isa->fields_all = b->fields.items;     isa->nfields = b->fields.count;
    isa->operands_all = b->operands.items; isa->noperands = b->operands.count;
    isa->alts = b->alt_rows.items;         isa->nalts = b->alt_rows.count;
    isa->effects = b->effects.items;       isa->neffects = b->effects.count;
    isa->effect_words = (uint16_t)effect_words(b);
}
/* clang-format on */

/* Which fetch clause each instruction belongs to: the only one it can be met in, or any.
 */
static void assign_fetches(struct build *b)
{
    const struct isa *isa = &b->isa;

    for (uint32_t i = 0; i < b->insns.count; i++) {
        struct isa_insn *insn = AT(b, insns, struct isa_insn, i);
        unsigned found = 0;

        for (unsigned f = 0; f < isa->nfetches && insn->length; f++)
            if (modes_meet(isa, isa->fetches[f].when, insn->guard)) {
                insn->mode_set = found ? ISA_NONE : (uint16_t)f;
                found++;
            }
    }
}

static void check_budgets(struct build *b)
{
    if (b->insns.count >= ISA_NONE || b->views.count >= ISA_NONE ||
        b->examples.count >= ISA_NONE || b->aliases.count >= ISA_NONE ||
        b->regnames.count >= ISA_NONE)
        fail(b->g, (struct pos){ b->g->sources, 0 }, "E-BUDGET",
             "more than 65535 of something");
}

/* The table of one target.  The jump leaves through g->recover on errors. */
static void build_target(struct build *b)
{
    const struct isagen *g = b->g;

    index_items(b);
    VEC(b, strings, char); /* 0 is no text, no list of names, no place */
    VEC(b, names, uint32_t);
    VEC(b, sources, uint32_t);
    VEC(b, view_bodies, struct isa_view_bodies);
    b->isa.name = b->target ? b->target->name : g->isa_name;
    b->isa.family = g->isa_name;
    b->isa.doc = g->isa_doc;
    build_state(b);
    stop_if_errors(b->g);
    build_streams(b);
    build_insns(b);
    finish_streams(b);
    if (!b->g->errors) {
        check_unused_effects(b);
        check_budget_of_all(b);
    }
    build_aliases(b);
    build_laws(b);
    check_vectors(b);
    finish(b);
    assign_fetches(b);
    each_item(b, I_GDB, build_gdb);
    build_examples(b);
    check_budgets(b);
    build_flag_variants(b);
    finish(b);
    stream_examples(b);
    share_tables(&(struct isa *){ &b->isa }, 1, &b->g->arena);
}

static bool parse_source(struct isagen *g, const char *path, const struct source *source)
{
    jmp_buf here;

    g->path = path;
    g->last = &g->first;
    if (!source) {
        if (g->messages)
            fprintf(g->messages, "isagen: %s: cannot be read\n", path);
        g->errors++;
        return false;
    }
    g->recover = g->top = &here;
    if (!setjmp(here)) {
        parse_file(g, source, true);
        expand_rows(g);
    }
    g->recover = g->top = NULL;
    return g->errors == 0;
}

bool program_parse(struct isagen *g, const char *path)
{
    return parse_source(g, path, source_read(g, path));
}

uint32_t target_count(struct isagen *g)
{
    uint32_t n = 0;

    for (struct item *i = g->first; i; i = i->next)
        n += i->kind == I_TARGET;
    return n;
}

static const struct item *find_target(struct isagen *g, const char *name, uint32_t number)
{
    for (struct item *i = g->first; i; i = i->next)
        if (i->kind == I_TARGET && (name ? !strcmp(i->name, name) : number-- == 0))
            return i;
    return NULL;
}

struct isa *program_target(struct isagen *g, const char *name, uint32_t number)
{
    struct build *b = arena_alloc(&g->arena, sizeof *b);
    jmp_buf here;
    volatile bool built = false;

    b->g = g;
    b->target = find_target(g, name, number);
    if (name && !b->target && (target_count(g) || strcmp(name, g->isa_name)))
        return NULL;
    g->recover = g->top = &here;
    g->work = 0;
    if (!setjmp(here)) {
        build_target(b);
        built = true;
    }
    g->recover = g->top = NULL;
    if (!built || g->errors)
        return NULL;
    if (dtree_build(&b->isa)) {
        if (g->messages)
            fprintf(g->messages, "%s: decode tree does not fit its tables\n", g->path);
        g->errors++;
        return NULL;
    }
    g->built = b;
    return &b->isa;
}

/* ------------------------------------------------------------------ as a library */

struct loaded { /* what spec_load() gives out; isa comes first */
    struct isa isa;
    struct isagen g;
};

/* The rest of both ways to load: `text` is NULL for the file at `path`. */
static struct isa *load(const char *path, const char *text, size_t size,
                        const char *target, char *error, size_t error_size)
{
    struct loaded *loaded = calloc(1, sizeof *loaded);
    struct isa *isa = NULL;
    struct isagen *g = &loaded->g;

    if (!loaded)
        return NULL;
    if (error_size)
        error[0] = 0;
    g->messages = error_size > 1 ? fmemopen(error, error_size, "w") : NULL;
    if (parse_source(g, path,
                     text ? source_text(g, path, text, size) : source_read(g, path)))
        isa = program_target(g, target, 0);
    if (!isa && g->messages && !g->errors)
        fprintf(g->messages, "%s: no target %s\n", path, target);
    if (g->messages)
        fclose(g->messages);
    g->messages = NULL;
    if (!isa) {
        arena_free(&g->arena);
        free(loaded);
        return NULL;
    }
    loaded->isa = *isa;
    return &loaded->isa;
}

struct isa *spec_load(const char *path, const char *target, char *error,
                      size_t error_size)
{
    return load(path, NULL, 0, target, error, error_size);
}

struct isa *spec_load_text(const char *path, const char *text, size_t size,
                           const char *target, char *error, size_t error_size)
{
    return load(path, text, size, target, error, error_size);
}

void spec_free(struct isa *isa)
{
    struct loaded *loaded = (struct loaded *)isa;

    if (!isa)
        return;
    dtree_free(isa);
    arena_free(&loaded->g.arena);
    free(loaded);
}
