/* share.c - keeps once what is the same in finished tables.
 *
 * Most of a table says the same again and again: a thousand operands called rd in five
 * bits, the body of an instruction and of its compressed form, the slots of both; and the
 * targets of a family have most of it in common.  Each pass below goes over the users of
 * one array, copies the run of elements that a user names to a new array unless an equal
 * run is there, and points the user to it.  The new arrays are those of all targets.
 * Parts come before what is made of them, so that equal parts have equal numbers.
 * Requires: complete tables.  Breaks: no two runs that differ; the order of arrays. */
#include <stddef.h>
#include <string.h>

#include "base/report.h"
#include "build.h"
#include "isa/stream.h"
#include "share.h"

enum { BUCKETS = 1024 };

/* The new array of one type, and the runs in it by hash. */
struct shared {
    struct arena *arena;
    size_t size;                                   /* of an element */
    bool (*is_same)(const void *a, const void *b); /* elements; NULL: as bytes */
    char *items;
    uint32_t count, room;
    struct run {
        struct run *next;
        uint32_t hash, first, count;
    } * runs[BUCKETS];
};

static struct shared *shared_new(struct arena *arena, size_t size,
                                 bool (*is_same)(const void *, const void *))
{
    struct shared *s = arena_alloc(arena, sizeof *s);

    s->arena = arena;
    s->size = size;
    s->is_same = is_same;
    return s;
}

static bool run_is(const struct shared *s, const struct run *run, const char *items)
{
    const char *kept = s->items + run->first * s->size;

    if (!s->is_same)
        return !memcmp(kept, items, run->count * s->size);
    for (uint32_t i = 0; i < run->count; i++)
        if (!s->is_same(kept + i * s->size, items + i * s->size))
            return false;
    return true;
}

static uint32_t hash_bytes(const void *bytes, size_t size)
{
    const uint8_t *p = bytes;
    uint32_t hash = 0x811c9dc5;

    while (size--)
        hash = (hash ^ *p++) * 0x01000193;
    return hash;
}

/* Where the run is in the new array.  Equal runs have equal hashes. */
static uint32_t keep(struct shared *s, const void *items, uint32_t count, uint32_t hash)
{
    struct run **bucket = &s->runs[(hash ^ count) % BUCKETS], *run;

    if (!count)
        return 0;
    for (run = *bucket; run; run = run->next)
        if (run->hash == hash && run->count == count && run_is(s, run, items))
            return run->first;
    if (count > s->room - s->count) {
        uint32_t room = 2 * s->room + count;

        s->items = arena_grow(s->arena, s->items, s->count * s->size, room * s->size);
        s->room = room;
    }
    memcpy(s->items + s->count * s->size, items, count * s->size);
    run = arena_alloc(s->arena, sizeof *run);
    *run = (struct run){ *bucket, hash, s->count, count };
    *bucket = run;
    s->count += count;
    return run->first;
}

/* The same for elements without padding. */
static uint32_t keep_bytes(struct shared *s, const void *items, uint32_t count)
{
    return keep(s, items, count, hash_bytes(items, count * s->size));
}

/* The new arrays, named as in struct isa. */
struct sharing {
    struct arena *arena;
    struct shared *strings, *names, *numbers, *consts, *nodes, *slots, *pieces,
        *fields_all, *operands_all, *enums, *alts, *texts, *literals, *fixes, *lengths,
        *feature_sets, *sysreg_fields, *ex_cases, *ex_items, *ex_codes, *ex_bytes,
        *values;
};

#define FOR_EACH(type, array, count)                                                     \
    for (struct type *it = (struct type *)(array), *end = it + (count); it < end; it++)

/* ------------------------------------------------------------------------ copies */

static const void *copy(struct arena *arena, const void *array, size_t count, size_t size)
{
    void *mine = arena_array(arena, count ? count : 1, size);

    if (count)
        memcpy(mine, array, count * size);
    return mine;
}

/* clang-format off */
/* The arrays that are changed below: where struct isa has them and their counts. */
#define OWN(array, count)                                                                \
    { offsetof(struct isa, array), offsetof(struct isa, count),                          \
      sizeof ((struct isa *)0)->count, sizeof *((struct isa *)0)->array }
static const struct own { uint16_t array, count; uint8_t count_size, size; } owns[] = {
    OWN(names, nnames), OWN(sources, nsources), OWN(files, nfiles), OWN(views, nviews),
    OWN(view_bodies, nview_bodies), OWN(regnames, nregnames), OWN(fields_all, nfields),
    OWN(operands_all, noperands), OWN(enums, nenums), OWN(alts, nalts),
    OWN(slots, nslots), OWN(texts, ntexts), OWN(insns, ninsns), OWN(variants, nvariants),
    OWN(choices, nchoices), OWN(aliases, naliases), OWN(fixes, nfixes),
    OWN(fetches, nfetches), OWN(traps, ntraps), OWN(helpers, nhelpers),
    OWN(fpenvs, nfpenvs), OWN(flags, nflags), OWN(flagfns, nflagfns), OWN(laws, nlaws),
    OWN(modes, nmodes), OWN(features, nfeatures), OWN(feature_sets, nfeature_sets),
    OWN(models, nmodels), OWN(sysregs, nsysregs), OWN(sysreg_fields, nsysreg_fields),
    OWN(examples, nexamples), OWN(ex_cases, nex_cases), OWN(ex_items, nex_items),
    OWN(ex_codes, nex_codes), OWN(streams, nstreams),
    OWN(gdb_rows, ngdb_rows),
};
/* clang-format on */

/* Gives the table its own copy of those. */
static void own_arrays(struct isa *isa, struct arena *arena)
{
    for (unsigned i = 0; i < sizeof owns / sizeof *owns; i++) {
        char *member = (char *)isa + owns[i].array;
        uint16_t few;
        uint32_t count;
        const void *array;

        memcpy(&few, (char *)isa + owns[i].count, sizeof few);
        memcpy(&count, (char *)isa + owns[i].count, sizeof count);
        memcpy(&array, member, sizeof array);
        array = copy(arena, array, owns[i].count_size == sizeof few ? few : count,
                     owns[i].size);
        memcpy(member, &array, sizeof array);
    }
    FOR_EACH (isa_stream, isa->streams, isa->nstreams) {
        it->prefixes = copy(arena, it->prefixes, it->nprefixes, sizeof *it->prefixes);
        it->rows = copy(arena, it->rows, it->nrows, sizeof *it->rows);
        it->steps = copy(arena, it->steps, it->nsteps, sizeof *it->steps);
    }
}

/* ------------------------------------------------------------------------- text */

static uint32_t share_text(struct shared *strings, const char *string)
{
    return keep_bytes(strings, string, (uint32_t)strlen(string) + 1);
}

#define TEXT(member) it->member = share_text(strings, isa->strings + it->member)
#define TEXTS(array, count)                                                              \
    for (uint32_t *it = (uint32_t *)(array), *end = it + (count); it < end; it++)        \
    *it = share_text(strings, isa->strings + *it)
#define NAMES_OF(type, array, count)                                                     \
    FOR_EACH (type, isa->array, isa->count)                                              \
    TEXT(name)

/* In arrays that targets share. */
static void share_common_texts(const struct isa *isa, struct shared *strings)
{
    TEXTS(isa->names, isa->nnames);
    NAMES_OF(isa_field, fields_all, nfields);
    FOR_EACH (isa_operand, isa->operands_all, isa->noperands) {
        TEXT(name);
        TEXT(sep);
    }
    NAMES_OF(isa_enum_name, enums, nenums);
    FOR_EACH (isa_sysreg_field, isa->sysreg_fields, isa->nsysreg_fields) {
        TEXT(name);
        TEXT(access);
    }
    FOR_EACH (isa_ex_code, isa->ex_codes, isa->nex_codes)
        TEXT(text);
    FOR_EACH (isa_ex_case, isa->ex_cases, isa->nex_cases)
        TEXT(text);
}

/* In arrays of one target. */
static void share_own_texts(struct isa *isa, struct shared *strings)
{
    isa->gdb_arch = share_text(strings, isa->strings + isa->gdb_arch);
    TEXTS(isa->features, isa->nfeatures);
    TEXTS(isa->sources, isa->nsources);
    FOR_EACH (isa_insn, isa->insns, isa->ninsns) {
        TEXT(name);
        TEXT(mnemonic);
        TEXT(doc);
        TEXT(picture);
    }
    FOR_EACH (isa_alias, isa->aliases, isa->naliases)
        TEXT(mnemonic);
    FOR_EACH (isa_gdb_row, isa->gdb_rows, isa->ngdb_rows) {
        TEXT(feature);
        TEXT(name);
        TEXT(type);
    }
    NAMES_OF(isa_file, files, nfiles);
    NAMES_OF(isa_view, views, nviews);
    NAMES_OF(isa_regname, regnames, nregnames);
    NAMES_OF(isa_trap, traps, ntraps);
    NAMES_OF(isa_helper, helpers, nhelpers);
    NAMES_OF(isa_fpenv, fpenvs, nfpenvs);
    NAMES_OF(isa_flagfn, flagfns, nflagfns);
    NAMES_OF(isa_flags, flags, nflags);
    NAMES_OF(isa_mode, modes, nmodes);
    NAMES_OF(isa_model, models, nmodels);
    NAMES_OF(isa_sysreg, sysregs, nsysregs);
}

/* Finds the run in a new array: `it->first` becomes its place there. */
#define RUN_OF(array, first, count)                                                      \
    it->first = keep_bytes(s->array, &isa->array[it->first], it->count)

static void share_names(struct isa *isa, struct sharing *s)
{
    static const uint32_t none[1];

    keep_bytes(s->names, none, 1); /* 0 is no names */
    FOR_EACH (isa_file, isa->files, isa->nfiles)
        if (it->names)
            RUN_OF(names, names, count);
    FOR_EACH (isa_view, isa->views, isa->nviews)
        if (it->names)
            RUN_OF(names, names, count);
    FOR_EACH (isa_flags, isa->flags, isa->nflags)
        RUN_OF(names, names, count);
}

/* ---------------------------------------------------------------------- bodies */

struct bodies {
    const struct isa *isa; /* the old nodes */
    struct sharing *s;
    struct sem *nodes; /* room for one body */
};

static void share_const(struct bodies *b, struct sem *node)
{
    const uint64_t *value = &b->isa->consts[node->a | (uint32_t)node->b << 16];
    uint32_t count = node->w > 64 ? 2 : 1, at = keep_bytes(b->s->consts, value, count);

    node->a = (uint16_t)at;
    node->b = (uint16_t)(at >> 16);
}

static void share_body(struct bodies *b, struct sem_body *body)
{
    const struct sem *nodes = &b->isa->nodes[body->first];
    uint32_t at;

    if (!body->count)
        *body = (struct sem_body){ 0 };
    if (!body->count)
        return;
    memcpy(b->nodes, nodes, body->count * sizeof *nodes);
    for (unsigned i = 0; i < body->count; i++)
        if (nodes[i].op == S_CONST)
            share_const(b, &b->nodes[i]);
    at = keep_bytes(b->s->nodes, b->nodes, body->count);
    if (at >> BODY_FIRST_BITS)
        die("%s: the bodies of all targets together have more than %u nodes",
            b->isa->family, 1u << BODY_FIRST_BITS);
    body->first = at;
}

static void share_insn_bodies(struct isa *isa, struct bodies *b)
{
    FOR_EACH (isa_variant, isa->variants, isa->nvariants)
        share_body(b, &it->body);
    FOR_EACH (isa_slot, isa->slots, isa->nslots)
        share_body(b, &it->expr);
    FOR_EACH (isa_choice, isa->choices, isa->nchoices)
        share_body(b, &it->expr);
    FOR_EACH (isa_insn, isa->insns, isa->ninsns) {
        share_body(b, &it->where_ok);
        share_body(b, &it->guard);
    }
    FOR_EACH (isa_operand, isa->operands_all, isa->noperands) {
        share_body(b, &it->view_choice);
        share_body(b, &it->value);
        share_body(b, &it->inverse);
    }
    FOR_EACH (isa_alt, isa->alts, isa->nalts)
        share_body(b, &it->when);
    FOR_EACH (isa_alias, isa->aliases, isa->naliases)
        share_body(b, &it->when);
    FOR_EACH (isa_fix, isa->fixes, isa->nfixes)
        share_body(b, &it->value);
}

static void share_stream_bodies(struct isa *isa, struct bodies *b)
{
    FOR_EACH (isa_fetch, isa->fetches, isa->nfetches)
        share_body(b, &it->when);
    for (unsigned i = 0; i < isa->nstreams; i++) {
        const struct isa_stream *stream = &isa->streams[i];

        FOR_EACH (stream_prefix, stream->prefixes, stream->nprefixes)
            share_body(b, &it->when);
        FOR_EACH (stream_row, stream->rows, stream->nrows)
            share_body(b, &it->when);
        FOR_EACH (stream_step, stream->steps, stream->nsteps)
            share_body(b, &it->when);
    }
}

static void share_state_bodies(struct isa *isa, struct bodies *b)
{
    FOR_EACH (isa_view_bodies, isa->view_bodies, isa->nview_bodies) {
        share_body(b, &it->get);
        share_body(b, &it->put);
    }
    FOR_EACH (isa_fpenv, isa->fpenvs, isa->nfpenvs)
        share_body(b, &it->more_rules);
    FOR_EACH (isa_flagfn, isa->flagfns, isa->nflagfns)
        for (unsigned k = 0; k < sizeof it->flag / sizeof *it->flag; k++)
            share_body(b, &it->flag[k]);
    FOR_EACH (isa_law, isa->laws, isa->nlaws) {
        share_body(b, &it->condition);
        share_body(b, &it->shortcut);
    }
    FOR_EACH (isa_mode, isa->modes, isa->nmodes)
        share_body(b, &it->value);
    FOR_EACH (isa_sysreg, isa->sysregs, isa->nsysregs) {
        share_body(b, &it->read);
        share_body(b, &it->write);
    }
    share_body(b, &isa->sysreg_priv);
}

static void share_bodies(struct isa *isa, struct sharing *s)
{
    struct bodies b = { isa, s,
                        arena_array(s->arena, MAX_NODES + 1, sizeof(struct sem)) };

    share_insn_bodies(isa, &b);
    share_stream_bodies(isa, &b);
    share_state_bodies(isa, &b);
}

/* ----------------------------------------------------- what instructions are made of */

/* Elements of these types have padding: memcmp() cannot compare them. */

static bool same_body(struct sem_body a, struct sem_body b)
{
    return a.count == b.count && a.first == b.first && a.has_locals == b.has_locals;
}

static bool same_slot(const void *first, const void *second)
{
    const struct isa_slot *a = first, *b = second;

    return a->kind == b->kind && a->at == b->at && a->size == b->size &&
           a->is_signed == b->is_signed && a->w == b->w && a->view == b->view &&
           a->quick == b->quick && a->plus_pc == b->plus_pc && a->bias == b->bias &&
           same_body(a->expr, b->expr);
}

static bool same_operand(const void *first, const void *second)
{
    const struct isa_operand *a = first, *b = second;

    return a->name == b->name && a->kind == b->kind && a->field == b->field &&
           a->hex == b->hex && a->plus_minus == b->plus_minus &&
           a->from_end == b->from_end && a->open == b->open &&
           a->has_omit == b->has_omit && a->view == b->view && a->bias == b->bias &&
           a->omit == b->omit && a->enums == b->enums && a->nenums == b->nenums &&
           same_body(a->view_choice, b->view_choice) && same_body(a->value, b->value) &&
           same_body(a->inverse, b->inverse) && a->sep == b->sep && a->runs == b->runs &&
           a->reversed == b->reversed && a->alts == b->alts && a->nalts == b->nalts;
}

static bool same_feature_set(const void *first, const void *second)
{
    const struct isa_feature_set *a = first, *b = second;

    return a->count == b->count && a->or_next == b->or_next && a->all == b->all;
}

static bool same_fix(const void *first, const void *second)
{
    const struct isa_fix *a = first, *b = second;

    return a->field == b->field && same_body(a->value, b->value);
}

static bool same_length(const void *first, const void *second)
{
    const struct isa_length *a = first, *b = second;

    return a->mask == b->mask && a->value == b->value && a->bytes == b->bytes;
}

static bool same_sysreg_field(const void *first, const void *second)
{
    const struct isa_sysreg_field *a = first, *b = second;

    return a->name == b->name && a->access == b->access && a->hi == b->hi &&
           a->lo == b->lo;
}

static bool same_code(const void *first, const void *second)
{
    const struct isa_ex_code *a = first, *b = second;

    return a->text == b->text && a->at == b->at;
}

static void share_slots(struct isa *isa, struct sharing *s)
{
    FOR_EACH (isa_variant, isa->variants, isa->nvariants) {
        const struct isa_slot *slots = &isa->slots[it->slot];
        uint32_t hash = 0;

        for (unsigned i = 0; i < it->slots; i++)
            hash = hash * 31 + slots[i].kind + slots[i].at * 5u + slots[i].expr.first * 7;
        it->slot = keep(s->slots, slots, it->slots, hash);
    }
}

static void share_fields(struct isa *isa, struct sharing *s)
{
    FOR_EACH (isa_field, isa->fields_all, isa->nfields)
        RUN_OF(pieces, piece, pieces);
    FOR_EACH (isa_insn, isa->insns, isa->ninsns)
        RUN_OF(fields_all, field, fields);
    FOR_EACH (isa_stream, isa->streams, isa->nstreams)
        RUN_OF(fields_all, field, fields);
}

static void share_literal(const struct isa *isa, struct sharing *s, uint16_t *literal)
{
    const char *text = isa->literals + *literal;
    uint32_t size = (uint32_t)strlen(text) + 1, at = keep_bytes(s->literals, text, size);

    if (at > UINT16_MAX)
        die("%s: the texts of all targets together are longer than 65,535 characters",
            isa->family);
    *literal = (uint16_t)at;
}

static uint32_t share_text_items(const struct isa *isa, struct sharing *s, uint32_t first)
{
    const struct isa_text *items = &isa->texts[first];
    uint32_t count = 1;

    while (items[count - 1].kind != TEXT_END)
        count++;
    return keep_bytes(s->texts, items, count);
}

static void share_insn_texts(struct isa *isa, struct sharing *s)
{
    FOR_EACH (isa_text, isa->texts, isa->ntexts)
        if (it->kind == TEXT_LITERAL)
            share_literal(isa, s, &it->literal);
    FOR_EACH (isa_insn, isa->insns, isa->ninsns)
        it->text = share_text_items(isa, s, it->text);
    FOR_EACH (isa_alias, isa->aliases, isa->naliases)
        it->text = share_text_items(isa, s, it->text);
    FOR_EACH (isa_alt, isa->alts, isa->nalts)
        it->text = share_text_items(isa, s, it->text);
}

static void share_operands(struct isa *isa, struct sharing *s)
{
    FOR_EACH (isa_operand, isa->operands_all, isa->noperands) {
        RUN_OF(enums, enums, nenums);
        RUN_OF(alts, alts, nalts);
    }
    FOR_EACH (isa_insn, isa->insns, isa->ninsns) {
        const struct isa_operand *operands = &isa->operands_all[it->operand];
        uint32_t hash = 0;

        for (unsigned i = 0; i < it->operands; i++)
            hash = hash * 31 + operands[i].kind * 64u + operands[i].field * 7u +
                   operands[i].name;
        it->operand = keep(s->operands_all, operands, it->operands, hash);
    }
}

static void share_feature_set(const struct isa *isa, struct sharing *s, uint16_t *first)
{
    const struct isa_feature_set *rows = &isa->feature_sets[*first];
    uint32_t count = 1;

    if (*first == ISA_NONE)
        return;
    while (rows[count - 1].or_next)
        count++;
    *first = (uint16_t)keep(s->feature_sets, rows, count, rows->all);
}

static void share_features(struct isa *isa, struct sharing *s)
{
    FOR_EACH (isa_feature_set, isa->feature_sets, isa->nfeature_sets)
        RUN_OF(numbers, all, count);
    FOR_EACH (isa_model, isa->models, isa->nmodels)
        RUN_OF(numbers, features, nfeatures);
    FOR_EACH (isa_insn, isa->insns, isa->ninsns)
        share_feature_set(isa, s, &it->features);
    FOR_EACH (isa_alias, isa->aliases, isa->naliases)
        share_feature_set(isa, s, &it->features);
    FOR_EACH (isa_gdb_row, isa->gdb_rows, isa->ngdb_rows)
        share_feature_set(isa, s, &it->needs);
}

static void share_others(struct isa *isa, struct sharing *s)
{
    FOR_EACH (isa_alias, isa->aliases, isa->naliases)
        it->fixes = keep(s->fixes, &isa->fixes[it->fixes], it->nfixes, it->nfixes);
    FOR_EACH (isa_fetch, isa->fetches, isa->nfetches)
        it->lengths =
            keep(s->lengths, &isa->lengths[it->lengths], it->nlengths, it->nlengths);
    FOR_EACH (isa_sysreg, isa->sysregs, isa->nsysregs)
        it->fields = keep(s->sysreg_fields, &isa->sysreg_fields[it->fields], it->nfields,
                          it->nfields);
}

static void share_examples(struct isa *isa, struct sharing *s)
{
    FOR_EACH (isa_ex_item, isa->ex_items, isa->nex_items)
        RUN_OF(values, value, nvalues);
    FOR_EACH (isa_ex_case, isa->ex_cases, isa->nex_cases) {
        const struct isa_ex_item *items = &isa->ex_items[it->items];

        it->start = keep_bytes(s->values, &isa->values[it->start], 2);
        RUN_OF(ex_bytes, bytes, length);
        it->items = keep_bytes(s->ex_items, items, (uint32_t)it->npre + it->npost);
        it->code = keep(s->ex_codes, &isa->ex_codes[it->code], it->ncode, it->ncode);
    }
    FOR_EACH (isa_ex_row, isa->examples, isa->nexamples)
        it->number = keep_bytes(s->ex_cases, &isa->ex_cases[it->number], 1);
}

/* ---------------------------------------------------------------------- the whole */

/* clang-format off */
static void sharing_begin(struct sharing *s, struct arena *arena)
{
    static const struct isa *isa;

    s->arena = arena;
#define NEW(array, same) s->array = shared_new(arena, sizeof *isa->array, same)
    NEW(strings, NULL); NEW(names, NULL); NEW(numbers, NULL); NEW(consts, NULL);
    NEW(nodes, NULL); NEW(slots, same_slot); NEW(pieces, NULL); NEW(fields_all, NULL);
    NEW(operands_all, same_operand); NEW(enums, NULL); NEW(alts, NULL); NEW(texts, NULL);
    NEW(literals, NULL); NEW(fixes, same_fix); NEW(lengths, same_length);
    NEW(feature_sets, same_feature_set); NEW(sysreg_fields, same_sysreg_field);
    NEW(ex_cases, NULL); NEW(ex_items, NULL); NEW(ex_codes, same_code); NEW(ex_bytes, NULL); NEW(values, NULL);
#undef NEW
    keep_bytes(s->strings, "", 1); /* 0 is no text */
}

static void sharing_end(struct isa *isa, const struct sharing *s)
{
#define SET(array, number) isa->array = (const void *)s->array->items; isa->number = s->array->count
    SET(names, nnames); SET(numbers, nnumbers); SET(consts, nconsts); SET(nodes, nnodes);
    SET(slots, nslots); SET(pieces, npieces); SET(fields_all, nfields);
    SET(operands_all, noperands); SET(enums, nenums); SET(alts, nalts); SET(texts, ntexts);
    SET(literals, nliterals); SET(fixes, nfixes); SET(lengths, nlengths);
    SET(sysreg_fields, nsysreg_fields); SET(ex_cases, nex_cases); SET(ex_items, nex_items); SET(ex_codes, nex_codes);
    SET(ex_bytes, nex_bytes); SET(values, nvalues); SET(strings, nstrings);
#undef SET
    isa->feature_sets = (const struct isa_feature_set *)s->feature_sets->items;
    isa->nfeature_sets = (uint16_t)s->feature_sets->count;
}
/* clang-format on */

/* Strings of what no pass kept are left out. */
static void share_strings(struct isa *const *isas, unsigned count, struct arena *arena)
{
    struct shared *strings = shared_new(arena, 1, NULL);

    keep_bytes(strings, "", 1);
    share_common_texts(isas[0], strings);
    for (unsigned i = 0; i < count; i++)
        share_own_texts(isas[i], strings);
    for (unsigned i = 0; i < count; i++) {
        isas[i]->strings = strings->items;
        isas[i]->nstrings = strings->count;
    }
}

void share_tables(struct isa *const *isas, unsigned count, struct arena *arena)
{
    struct sharing s;

    sharing_begin(&s, arena);
    for (unsigned i = 0; i < count; i++) {
        struct isa *isa = isas[i];

        own_arrays(isa, arena);
        share_common_texts(isa, s.strings);
        share_own_texts(isa, s.strings);
        share_names(isa, &s);
        share_bodies(isa, &s);
        share_slots(isa, &s);
        share_fields(isa, &s);
        share_insn_texts(isa, &s);
        share_operands(isa, &s);
        share_features(isa, &s);
        share_others(isa, &s);
        share_examples(isa, &s);
    }
    for (unsigned i = 0; i < count; i++)
        sharing_end(isas[i], &s);
    share_strings(isas, count, arena);
}
