/* stream_tables.c - a stream when all rows are known: their order and index, which of
 * them examples show, and overlaps. */
#include <stdlib.h>
#include <string.h>

#include "isa/decode.h"
#include "stream_info.h"

/* -------------------------------------------------------------------------- tables */

/* More specific rows are tried first. */
static int compare_rows(const void *x, const void *y)
{
    const struct stream_row *a = x, *c = y;
    int by = (int)count_bits(c->mask) - (int)count_bits(a->mask);

    if (!by)
        by = (int)count_bits(c->not_mask) - (int)count_bits(a->not_mask);
    if (!by)
        by = (int)c->needs - (int)a->needs;
    if (!by)
        by = (c->when.count != 0) - (a->when.count != 0);
    return by ? by : (int)a->insn - (int)c->insn;
}

static void build_index(struct build *b, struct stream_info *si, struct isa_stream *out)
{
    uint16_t *index = arena_array(&b->g->arena, si->maps * 256, sizeof *index);
    unsigned top = 8 * (2 * si->s->unit - 1);
    struct vec lists = { 0 };

    *(uint16_t *)vec_add(b, &lists, sizeof(uint16_t)) = ISA_NONE;
    for (unsigned k = 0; k < si->maps * 256; k++) {
        uint32_t first = lists.count;

        for (uint32_t i = 0; i < si->rows.count; i++) {
            const struct stream_row *row = (struct stream_row *)si->rows.items + i;

            if (row->map == k / 256 &&
                (((k % 256) ^ row->value >> top) & row->mask >> top) == 0)
                *(uint16_t *)vec_add(b, &lists, sizeof(uint16_t)) = (uint16_t)i;
        }
        if (lists.count == first)
            continue;
        index[k] = (uint16_t)first;
        *(uint16_t *)vec_add(b, &lists, sizeof(uint16_t)) = ISA_NONE;
        if (lists.count > 60000)
            fail(b->g, si->s->pos, "E-BUDGET", "the stream's index is too large");
    }
    out->index = index;
    out->lists = lists.items;
    out->nlists = (uint16_t)lists.count;
}

/* Examples name an insn; which of its rows they show, their bytes say. */
void stream_examples(struct build *b)
{
    for (uint32_t i = 0; i < b->examples.count; i++) {
        struct isa_ex_row *row = AT(b, examples, struct isa_ex_row, i);
        struct isa_example example = isa_example(&b->isa, i), *ex = &example;
        struct isa_features features = { { 0 } };
        struct isa_decoded d;
        const char *whole;

        if (ex->insn == ISA_NONE || b->isa.insns[ex->insn].length ||
            b->isa.insns[ex->insn].mode_set >= b->isa.nfetches)
            continue;
        for (unsigned k = 0;
             ex->model != ISA_NONE && k < b->isa.models[ex->model].nfeatures; k++) {
            unsigned f = b->isa.numbers[b->isa.models[ex->model].features + k];

            features.bits[f / 64] |= 1ull << f % 64;
        }
        isa_decode(&b->isa, ex->model == ISA_NONE ? NULL : &features, ex->mode, ex->pc,
                   ex->bytes, ex->length, &d);
        whole = (*AT(b, insn_items, const struct insn *, ex->insn))->whole;
        if (d.insn != ISA_NONE && whole &&
            (*AT(b, insn_items, const struct insn *, d.insn))->whole &&
            !strcmp((*AT(b, insn_items, const struct insn *, d.insn))->whole, whole))
            row->insn = d.insn;
    }
}

/* ------------------------------------------------------------------------ overlaps */

static bool needs_agree(const struct stream_info *si, const struct stream_row *a,
                        const struct stream_row *c)
{
    const struct stream_need *needs = si->needs.items;

    for (unsigned i = 0; i < a->needs; i++)
        for (unsigned k = 0; k < c->needs; k++)
            if (needs[a->need + i].field == needs[c->need + k].field &&
                needs[a->need + i].value != needs[c->need + k].value)
                return false;
    return true;
}

/* Is there an opcode that both patterns fit? */
static bool patterns_meet(const struct stream_row *a, const struct stream_row *c,
                          uint32_t *witness)
{
    if ((a->value ^ c->value) & a->mask & c->mask)
        return false;
    *witness = a->value | c->value;
    for (int i = 0; i < 2; i++) {
        const struct stream_row *r = i ? c : a, *o = i ? a : c;

        if (!r->not_mask || (*witness & r->not_mask) != r->not_value)
            continue;
        if ((r->not_mask & ~(a->mask | c->mask)) == 0)
            return false; /* excluded by the other's pattern */
        *witness ^= r->not_mask & ~(a->mask | c->mask);
        if (o->not_mask && (*witness & o->not_mask) == o->not_value)
            return false;
    }
    return true;
}

/* Is everything that fits `a` also fitting `c`, and not the other way round? */
static bool is_inside(const struct stream_info *si, const struct stream_row *a,
                      const struct stream_row *c)
{
    const struct stream_need *needs = si->needs.items;
    bool more = (a->mask & ~c->mask) || (a->not_mask && !c->not_mask) ||
                a->needs > c->needs || (a->when.count && !c->when.count);

    for (unsigned k = 0; k < c->needs; k++) {
        bool found = false;

        for (unsigned i = 0; i < a->needs; i++)
            found |= needs[a->need + i].field == needs[c->need + k].field;
        if (!found)
            return false;
    }
    return more && (c->mask & ~a->mask) == 0 &&
           (!c->not_mask || a->not_mask == c->not_mask) && !c->when.count;
}

static struct pos row_pos(struct build *b, const struct stream_row *row)
{
    return (*AT(b, insn_items, const struct insn *, row->insn))->pos;
}

/* Two rows of different instructions for the same bytes, none inside the other: which one
 * is meant?  Conditions of rows and modes are taken to keep rows apart. */
static void stream_overlaps(struct build *b, struct stream_info *si)
{
    const struct stream_row *rows = si->rows.items;

    for (uint32_t i = 0; i < si->rows.count; i++)
        for (uint32_t k = i + 1; k < si->rows.count; k++) {
            const struct isa_insn *x = AT(b, insns, struct isa_insn, rows[i].insn),
                                  *y = AT(b, insns, struct isa_insn, rows[k].insn);
            uint32_t witness;

            if (rows[i].map != rows[k].map || !needs_agree(si, &rows[i], &rows[k]) ||
                !patterns_meet(&rows[i], &rows[k], &witness) ||
                is_inside(si, &rows[i], &rows[k]) || is_inside(si, &rows[k], &rows[i]))
                continue;
            if ((rows[i].when.count && rows[k].when.count) || x->guard.count ||
                y->guard.count || x->features != y->features)
                continue;
            error_at(b->g, row_pos(b, &rows[i]), "E-OVERLAP",
                     "%s and %s (%s) share opcode %0*x in map %u", text_at(b, x->name),
                     text_at(b, y->name), source_place(b->g, row_pos(b, &rows[k])),
                     4 * (int)si->s->unit, witness, rows[i].map);
        }
}

void finish_streams(struct build *b)
{
    for (struct stream_info *si = b->stream_infos; si; si = si->next) {
        struct isa_stream *out = AT(b, streams, struct isa_stream, si->number);

        if (si->rows.count)
            qsort(si->rows.items, si->rows.count, sizeof(struct stream_row),
                  compare_rows);
        for (uint32_t i = 0; i < si->rows.count; i++)
            AT(b, insns, struct isa_insn, ((struct stream_row *)si->rows.items)[i].insn)
                ->value = i;
        for (uint32_t i = 0; i < b->insns.count; i++)
            if (!AT(b, insns, struct isa_insn, i)->length)
                AT(b, insns, struct isa_insn, i)->operands =
                    (uint8_t)(si->operand_end - si->operand_base);
        *out = (struct isa_stream){
            .name = si->s->name,
            .max = (uint8_t)si->s->max,
            .unit = (uint8_t)si->s->unit,
            .big = si->s->big,
            .maps = (uint8_t)si->maps,
            .fields = (uint8_t)si->nopers,
            .field = si->field_base,
            .prefixes = si->prefixes.items,
            .rows = si->rows.items,
            .sets = si->sets.items,
            .needs = si->needs.items,
            .steps = si->steps.items,
            .nprefixes = (uint16_t)si->prefixes.count,
            .nrows = (uint16_t)si->rows.count,
            .nsets = (uint16_t)si->sets.count,
            .nneeds = (uint16_t)si->needs.count,
            .nsteps = (uint16_t)si->steps.count,
        };
        build_index(b, si, out);
        stream_overlaps(b, si);
    }
}
