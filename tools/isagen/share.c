/* share.c - keeps once what is the same in a finished table.
 *
 * Most of a table says the same again and again: a thousand operands called rd in five
 * bits, the body of an instruction and of its compressed form, the slots of both.  Each
 * pass below goes over the users of one array, copies the run of elements that a user
 * names to a new array unless an equal run is there, and points the user to it.
 * Requires: the complete table.  Breaks: no two runs that differ; the order of arrays. */
#include <string.h>

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

/* ---------------------------------------------------------------------- bodies */

#define FOR_EACH(type, array, count)                                                     \
    for (struct type *it = (struct type *)(array), *end = it + (count); it < end; it++)

struct bodies {
    const struct sem *nodes; /* the old ones */
    struct shared *kept;
};

static void share_body(struct bodies *b, struct sem_body *body)
{
    const struct sem *nodes = &b->nodes[body->first];

    body->first =
        keep(b->kept, nodes, body->count, hash_bytes(nodes, body->count * sizeof *nodes));
}

/* Lists that several users may point to are copied, so that each body is met once. */
static const struct isa_alt *share_alts(struct bodies *b, const struct isa_alt *old,
                                        unsigned count)
{
    struct isa_alt *alts = arena_array(b->kept->arena, count, sizeof *alts);

    memcpy(alts, old, count * sizeof *alts);
    for (unsigned i = 0; i < count; i++)
        share_body(b, &alts[i].when);
    return alts;
}

static const struct isa_fix *share_fixes(struct bodies *b, const struct isa_fix *old,
                                         unsigned count)
{
    struct isa_fix *fixes = arena_array(b->kept->arena, count, sizeof *fixes);

    memcpy(fixes, old, count * sizeof *fixes);
    for (unsigned i = 0; i < count; i++)
        share_body(b, &fixes[i].value);
    return fixes;
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
        if (it->nalts)
            it->alts = share_alts(b, it->alts, it->nalts);
    }
    FOR_EACH (isa_alias, isa->aliases, isa->naliases) {
        share_body(b, &it->when);
        if (it->nfixes)
            it->fixes = share_fixes(b, it->fixes, it->nfixes);
    }
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
    FOR_EACH (isa_view, isa->views, isa->nviews) {
        share_body(b, &it->get);
        share_body(b, &it->put);
    }
    FOR_EACH (isa_fn, isa->fns, isa->nfns)
        share_body(b, &it->body);
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

static void share_bodies(struct isa *isa, struct arena *arena)
{
    struct bodies b = { isa->nodes, shared_new(arena, sizeof *isa->nodes, NULL) };

    share_insn_bodies(isa, &b);
    share_stream_bodies(isa, &b);
    share_state_bodies(isa, &b);
    isa->nodes = (const struct sem *)b.kept->items;
    isa->nnodes = b.kept->count;
}

/* ----------------------------------------------------- what instructions are made of */

/* Elements of these types have padding: memcmp() cannot compare them. */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool same_body(struct sem_body a, struct sem_body b)
{
    return a.count == b.count &&
           (!a.count || (a.first == b.first && a.locals == b.locals));
}

static bool same_slot(const void *first, const void *second)
{
    const struct isa_slot *a = first, *b = second;

    return a->kind == b->kind && a->at == b->at && a->size == b->size &&
           a->is_signed == b->is_signed && a->w == b->w && a->view == b->view &&
           a->quick == b->quick && a->plus_pc == b->plus_pc && a->bias == b->bias &&
           same_body(a->expr, b->expr);
}

static bool same_field(const void *first, const void *second)
{
    const struct isa_field *a = first, *b = second;

    return same_text(a->name, b->name) && a->piece == b->piece &&
           a->pieces == b->pieces && a->bits == b->bits && a->is_signed == b->is_signed &&
           a->scale == b->scale;
}

static bool same_enums(const struct isa_operand *a, const struct isa_operand *b)
{
    if (a->nenums != b->nenums)
        return false;
    for (unsigned i = 0; i < a->nenums; i++)
        if (a->enums[i].value != b->enums[i].value ||
            !same_text(a->enums[i].name, b->enums[i].name))
            return false;
    return true;
}

static bool same_operand(const void *first, const void *second)
{
    const struct isa_operand *a = first, *b = second;

    return same_text(a->name, b->name) && a->kind == b->kind && a->field == b->field &&
           a->hex == b->hex && a->plus_minus == b->plus_minus &&
           a->from_end == b->from_end && a->open == b->open &&
           a->has_omit == b->has_omit && a->view == b->view && a->bias == b->bias &&
           a->omit == b->omit && same_enums(a, b) &&
           same_body(a->view_choice, b->view_choice) && same_body(a->value, b->value) &&
           same_body(a->inverse, b->inverse) && same_text(a->sep, b->sep) &&
           a->runs == b->runs && a->reversed == b->reversed && a->alts == b->alts &&
           a->nalts == b->nalts;
}

static bool same_feature_set(const void *first, const void *second)
{
    const struct isa_feature_set *a = first, *b = second;

    return a->count == b->count && a->or_next == b->or_next &&
           (!a->count || !memcmp(a->all, b->all, a->count * sizeof *a->all));
}

static void share_slots(struct isa *isa, struct arena *arena)
{
    struct shared *kept = shared_new(arena, sizeof *isa->slots, same_slot);

    FOR_EACH (isa_variant, isa->variants, isa->nvariants) {
        const struct isa_slot *slots = &isa->slots[it->slot];
        uint32_t hash = 0;

        for (unsigned i = 0; i < it->slots; i++)
            hash = hash * 31 + slots[i].kind + slots[i].at * 5u + slots[i].expr.first * 7;
        it->slot = keep(kept, slots, it->slots, hash);
    }
    isa->slots = (const struct isa_slot *)kept->items;
    isa->nslots = kept->count;
}

static void share_pieces(struct isa *isa, struct arena *arena)
{
    struct shared *kept = shared_new(arena, sizeof *isa->pieces, NULL);

    FOR_EACH (isa_field, isa->fields_all, isa->nfields) {
        const struct isa_piece *pieces = &isa->pieces[it->piece];

        it->piece = keep(kept, pieces, it->pieces,
                         hash_bytes(pieces, it->pieces * sizeof *pieces));
    }
    isa->pieces = (const struct isa_piece *)kept->items;
    isa->npieces = kept->count;
}

static uint32_t hash_fields(const struct isa_field *fields, unsigned count)
{
    uint32_t hash = 0;

    for (unsigned i = 0; i < count; i++)
        hash = hash * 31 + fields[i].piece * 8 + fields[i].bits;
    return hash;
}

static void share_fields(struct isa *isa, struct arena *arena)
{
    struct shared *kept = shared_new(arena, sizeof *isa->fields_all, same_field);

    FOR_EACH (isa_insn, isa->insns, isa->ninsns) {
        const struct isa_field *fields = &isa->fields_all[it->field];

        it->field = keep(kept, fields, it->fields, hash_fields(fields, it->fields));
    }
    FOR_EACH (isa_stream, isa->streams, isa->nstreams) {
        const struct isa_field *fields = &isa->fields_all[it->field];

        it->field = keep(kept, fields, it->fields, hash_fields(fields, it->fields));
    }
    isa->fields_all = (const struct isa_field *)kept->items;
    isa->nfields = kept->count;
}

static void share_operands(struct isa *isa, struct arena *arena)
{
    struct shared *kept = shared_new(arena, sizeof *isa->operands_all, same_operand);

    FOR_EACH (isa_insn, isa->insns, isa->ninsns) {
        const struct isa_operand *operands = &isa->operands_all[it->operand];
        uint32_t hash = 0;

        for (unsigned i = 0; i < it->operands; i++)
            hash = hash * 31 + operands[i].kind * 64u + operands[i].field * 7u +
                   (unsigned char)operands[i].name[0];
        it->operand = keep(kept, operands, it->operands, hash);
    }
    isa->operands_all = (const struct isa_operand *)kept->items;
    isa->noperands = kept->count;
}

static void share_feature_set(const struct isa *isa, struct shared *kept, uint16_t *first)
{
    const struct isa_feature_set *rows = &isa->feature_sets[*first];
    uint32_t count = 1;

    if (*first == ISA_NONE)
        return;
    while (rows[count - 1].or_next)
        count++;
    *first = (uint16_t)keep(kept, rows, count, rows->count ? rows->all[0] : 0u);
}

static void share_feature_sets(struct isa *isa, struct arena *arena)
{
    struct shared *kept = shared_new(arena, sizeof *isa->feature_sets, same_feature_set);

    FOR_EACH (isa_insn, isa->insns, isa->ninsns)
        share_feature_set(isa, kept, &it->features);
    FOR_EACH (isa_alias, isa->aliases, isa->naliases)
        share_feature_set(isa, kept, &it->features);
    isa->feature_sets = (const struct isa_feature_set *)kept->items;
    isa->nfeature_sets = (uint16_t)kept->count;
}

/* ---------------------------------------------------------------------- the whole */

void share_tables(struct isa *isa, struct arena *arena)
{
    share_bodies(isa, arena);
    share_slots(isa, arena); /* after bodies: equal ones have one number now */
    share_pieces(isa, arena);
    share_fields(isa, arena);
    share_operands(isa, arena);
    share_feature_sets(isa, arena);
}
