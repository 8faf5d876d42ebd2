/* stream_encode.c - encodes variable-length instructions by the tables of stream.h.
 *
 * Each way to the row's opcode map (a VEX lead of two or three bytes, plain escapes) is
 * tried, with the prefixes that the remaining fields ask for.  What comes out is decoded
 * again: only an encoding that gives all fields back counts.  So nothing here has to be
 * careful about fields that cannot be encoded. */
#include "isa/stream.h"

#include <string.h>

enum { MAX_CHAIN = 4 };

/* An encoding on its way. */
struct writer {
    const struct isa *isa;
    const struct isa_stream *stream;
    const struct stream_row *row;
    struct isa_decoded want;                      /* with what the row needs filled in */
    const struct stream_prefix *chain[MAX_CHAIN]; /* leads and escapes */
    unsigned chains;
    uint8_t bytes[ISA_MAX_ILEN + 8];
    unsigned count;
    uint8_t best[ISA_MAX_ILEN];
    unsigned best_count;
};

static uint64_t ones(unsigned bits)
{
    return bits < 64 ? ((uint64_t)1 << bits) - 1 : ~(uint64_t)0;
}

static bool holds(const struct writer *w, struct sem_body when)
{
    return when.count == 0 || isa_decode_value(w->isa, when, &w->want) != 0;
}

static uint64_t wanted(const struct writer *w, const struct stream_set *set)
{
    return set->field == STREAM_MAP ? w->row->map : w->want.field[set->field];
}

static void put(struct writer *w, uint64_t value, unsigned count, bool big)
{
    for (unsigned i = 0; i < count && w->count < sizeof w->bytes; i++) {
        w->bytes[w->count++] = (uint8_t)(value >> 8 * (big ? count - 1 - i : i));
    }
}

/* The bits from which these sets would make the wanted fields, on top of `bits`. */
static uint64_t bits_for(const struct writer *w, struct stream_sets sets, uint64_t bits)
{
    for (unsigned i = 0; i < sets.count; i++) {
        const struct stream_set *set = &w->stream->sets[sets.first + i];
        uint64_t value = wanted(w, set) >> set->to;

        if (set->len != 0) {
            value = (set->invert ? ~value : value) & ones(set->len);
            bits = (bits & ~(ones(set->len) << set->at)) | value << set->at;
        } else if (set->mask != 0 && value == set->constant) {
            bits = (bits & ~(uint64_t)set->mask) | set->value;
        }
    }
    return bits;
}

/* Is some field that the prefix sets wanted, and made by none of the leads? */
static bool prefix_is_wanted(const struct writer *w, const struct stream_prefix *prefix)
{
    for (unsigned i = 0; i < prefix->sets.count; i++) {
        const struct stream_set *set = &w->stream->sets[prefix->sets.first + i];
        uint64_t value = wanted(w, set);
        bool made = false;

        for (unsigned c = 0; c < w->chains; c++) {
            for (unsigned j = 0; j < w->chain[c]->sets.count; j++) {
                made |= w->stream->sets[w->chain[c]->sets.first + j].field == set->field;
            }
        }
        if (made || value == 0) {
            continue;
        }
        if (set->len == 0 ? value == set->constant
                          : (value >> set->to & ones(set->len)) != 0) {
            return true;
        }
    }
    return false;
}

/* An order in which a prefix that others cancel comes last. */
static void put_prefixes(struct writer *w)
{
    for (int last = 0; last <= 1; last++) {
        for (unsigned i = 0; i < w->stream->nprefixes; i++) {
            const struct stream_prefix *prefix = &w->stream->prefixes[i];

            if (prefix->next == prefix->phase && prefix->last == last &&
                prefix_is_wanted(w, prefix)) {
                put(w, bits_for(w, prefix->sets, prefix->value), prefix->bytes, true);
            }
        }
    }
}

static void put_opcode_and_tail(struct writer *w)
{
    const struct stream_row *row = w->row;
    unsigned unit = w->stream->unit;
    uint64_t bits = bits_for(w, row->sets, row->value);

    put(w, bits >> 8 * (2 * unit - row->bytes), row->bytes, true);
    for (unsigned i = 0; i < row->steps; i++) {
        const struct stream_step *step = &w->stream->steps[row->step + i];

        if (holds(w, step->when)) {
            put(w, bits_for(w, step->sets, 0), step->bytes, w->stream->big);
        }
    }
}

/* Does what was written decode to the wanted fields?  Composed fields follow from others.
 */
static bool comes_back(const struct writer *w, const struct isa_decoded *insn)
{
    struct isa_decoded back;

    if (w->count > w->stream->max) {
        return false;
    }
    stream_decode(w->isa, w->stream, NULL, insn->mode, insn->pc, w->bytes, w->count,
                  &back);
    if (back.insn != insn->insn || back.length != w->count) {
        return false;
    }
    for (unsigned i = 0; i < w->stream->fields; i++) {
        bool used_up = false;

        for (unsigned j = 0; j < w->row->needs; j++) {
            used_up |= w->stream->needs[w->row->need + j].field == i;
        }
        if (w->isa->fields_all[w->stream->field + i].pieces == 0 && !used_up &&
            back.field[i] != w->want.field[i]) {
            return false;
        }
    }
    return true;
}

static void try_chain(struct writer *w, const struct isa_decoded *insn)
{
    w->count = 0;
    put_prefixes(w);
    for (unsigned i = 0; i < w->chains; i++) {
        put(w, bits_for(w, w->chain[i]->sets, w->chain[i]->value), w->chain[i]->bytes,
            true);
    }
    put_opcode_and_tail(w);
    if ((w->best_count == 0 || w->count < w->best_count) && comes_back(w, insn)) {
        memcpy(w->best, w->bytes, w->count);
        w->best_count = w->count;
    }
}

/* Tries all ways of leads and escapes from `phase`.  Recursion: MAX_CHAIN deep. */
static void try_phase(struct writer *w, unsigned phase, const struct isa_decoded *insn)
{
    try_chain(w, insn);
    for (unsigned i = 0; i < w->stream->nprefixes && w->chains < MAX_CHAIN; i++) {
        const struct stream_prefix *prefix = &w->stream->prefixes[i];

        if (prefix->phase == phase && prefix->next != phase) {
            w->chain[w->chains++] = prefix;
            try_phase(w, prefix->next, insn);
            w->chains--;
        }
    }
}

uint64_t stream_fill(const struct isa_stream *stream, const struct stream_row *row,
                     struct isa_decoded *insn)
{
    const struct stream_step *step = &stream->steps[row->step];
    uint64_t filled = 0;

    if (row->steps == 0 || row->bytes != stream->unit || step->bytes != row->bytes) {
        return 0;
    }
    for (unsigned i = 0; i < step->sets.count; i++) {
        const struct stream_set *set = &stream->sets[step->sets.first + i];
        uint64_t covered = ones(set->len) << set->at;

        if (set->len != 0 && (row->mask & covered) == covered) {
            uint64_t value = row->value >> set->at;

            value = (set->invert ? ~value : value) & ones(set->len);
            insn->field[set->field] &= ~(ones(set->len) << set->to);
            insn->field[set->field] |= value << set->to;
            filled |= UINT64_C(1) << set->field;
        }
    }
    return filled;
}

unsigned stream_encode(const struct isa *isa, const struct isa_stream *stream,
                       const struct isa_decoded *insn, uint8_t *out)
{
    struct writer w = { .isa = isa, .stream = stream, .want = *insn };

    w.row = stream_row_of(isa, insn->insn, &stream);
    if (w.row == NULL) {
        return 0;
    }
    for (unsigned i = 0; i < w.row->needs; i++) {
        const struct stream_need *need = &stream->needs[w.row->need + i];

        w.want.field[need->field] = need->value;
    }
    stream_fill(stream, w.row, &w.want);
    try_phase(&w, 0, insn);
    memcpy(out, w.best, w.best_count);
    return w.best_count;
}

bool stream_complete(const struct isa_stream *stream, struct isa_decoded *insn,
                     uint64_t set)
{
    bool changed = false;

    for (unsigned i = 0; i < stream->nprefixes; i++) {
        const struct stream_prefix *prefix = &stream->prefixes[i];
        const struct stream_set *sets = &stream->sets[prefix->sets.first];
        bool is_there = false;

        if (prefix->next != prefix->phase)
            continue;
        for (unsigned k = 0; k < prefix->sets.count; k++)
            is_there |= sets[k].len != 0 && insn->field[sets[k].field] != 0;
        for (unsigned k = 0; is_there && k < prefix->sets.count; k++)
            if (sets[k].len == 0 && !(set >> sets[k].field & 1)) {
                changed |= insn->field[sets[k].field] != sets[k].constant;
                insn->field[sets[k].field] = sets[k].constant;
            }
    }
    return changed;
}

void stream_set_field(const struct isa *isa, const struct isa_stream *stream,
                      struct isa_decoded *insn, unsigned field, uint64_t value)
{
    const struct isa_field *info = &isa->fields_all[stream->field + field];

    insn->field[field] = value;
    for (unsigned j = 0; j < info->pieces; j++) {
        const struct isa_piece *piece = &isa->pieces[info->piece + j];
        uint64_t mask = ones(piece->len);

        insn->field[piece->at] =
            (insn->field[piece->at] & ~mask) | (value >> piece->to & mask);
    }
    stream_compose(isa, stream, insn);
}
