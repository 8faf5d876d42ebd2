/* stream.c - decodes variable-length instructions by the tables of stream.h.
 *
 * In order: prefixes and leads, the first row whose pattern and conditions hold, its
 * tail, the fields made of other fields, and what the instruction itself demands
 * (where_ok). */
#include "isa/stream.h"

#include <string.h>

/* What is being decoded. */
struct reader {
    const struct isa *isa;
    const struct isa_stream *stream;
    const struct isa_features *features;
    const uint8_t *bytes;
    unsigned size; /* bytes that may be read: all there are, at most stream->max */
    bool cut;      /* fewer are there than an instruction may have */
    unsigned at;
    unsigned phase;
    uint32_t map;
    struct isa_decoded *out;
};

static uint64_t ones(unsigned bits)
{
    return bits < 64 ? ((uint64_t)1 << bits) - 1 : ~(uint64_t)0;
}

static bool holds(const struct reader *r, struct sem_body when)
{
    return when.count == 0 || isa_decode_value(r->isa, when, r->out) != 0;
}

/* The next `count` bytes (at most 8) as a number.  False, where some are missing: they
 * might come, or the instruction would be too long. */
static bool peek(struct reader *r, unsigned count, bool big, uint64_t *value)
{
    if (count > r->size - r->at) {
        if (r->cut) {
            r->out->truncated = true;
        }
        return false;
    }
    *value = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned from = big ? i : count - 1 - i;

        *value = *value << 8 | r->bytes[r->at + from];
    }
    return true;
}

static void apply_set(struct reader *r, const struct stream_set *set, uint64_t bits)
{
    uint64_t *field, value = bits >> set->at;

    if ((bits & set->mask) != set->value) {
        return;
    }
    if (set->len == 0) {
        value = set->constant;
    } else {
        value = (set->invert ? ~value : value) & ones(set->len);
    }
    if (set->field == STREAM_MAP) {
        r->map = (uint32_t)value;
        return;
    }
    field = &r->out->field[set->field];
    if (set->len == 0) {
        *field = value;
        return;
    }
    if (set->is_signed && value >> (set->len - 1) & 1) {
        value |= ~ones(set->len);
    }
    *field =
        (*field & ~(ones(set->is_signed ? 64 : set->len) << set->to)) | value << set->to;
}

static void apply_sets(struct reader *r, struct stream_sets sets, uint64_t bits)
{
    for (unsigned i = 0; i < sets.count; i++) {
        apply_set(r, &r->stream->sets[sets.first + i], bits);
    }
}

static const struct stream_prefix *find_prefix(struct reader *r, uint64_t *bits)
{
    for (unsigned i = 0; i < r->stream->nprefixes; i++) {
        const struct stream_prefix *prefix = &r->stream->prefixes[i];
        uint64_t first;

        if (prefix->phase != r->phase || !peek(r, 1, true, &first)) {
            continue;
        }
        if (((first ^ prefix->value >> 8 * (prefix->bytes - 1)) &
             prefix->mask >> 8 * (prefix->bytes - 1)) == 0 &&
            holds(r, prefix->when) && peek(r, prefix->bytes, true, bits) &&
            (*bits & prefix->mask) == prefix->value) {
            return prefix;
        }
    }
    return NULL;
}

/* Sets what a prefix set back to 0. */
static void forget(struct reader *r, const struct stream_prefix *prefix)
{
    for (unsigned i = 0; i < prefix->sets.count; i++) {
        r->out->field[r->stream->sets[prefix->sets.first + i].field] = 0;
    }
}

static void read_prefixes(struct reader *r)
{
    const struct stream_prefix *prefix, *last = NULL;
    uint64_t bits;

    while ((prefix = find_prefix(r, &bits)) != NULL) {
        if (last != NULL && prefix->next == r->phase) {
            forget(r, last);
        }
        last = prefix->last ? prefix : NULL;
        r->at += prefix->bytes;
        r->phase = prefix->next;
        apply_sets(r, prefix->sets, bits);
    }
}

static bool row_needs_hold(const struct reader *r, const struct stream_row *row)
{
    const struct stream_need *need = &r->stream->needs[row->need];

    for (unsigned i = 0; i < row->needs; i++) {
        if (r->out->field[need[i].field] != need[i].value) {
            return false;
        }
    }
    return true;
}

/* Does the row fit what lies at r->at?  `bits`: its pattern, as far as that is asked for.
 */
static bool row_fits(struct reader *r, const struct stream_row *row, uint64_t *bits)
{
    const struct isa_insn *insn = &r->isa->insns[row->insn];
    unsigned unit = r->stream->unit;
    uint64_t head, looks_at = row->mask | row->not_mask;

    if (!peek(r, unit, true, &head) ||
        ((head << 8 * unit ^ row->value) & (row->mask & ~ones(8 * unit))) != 0) {
        return false;
    }
    if (!row_needs_hold(r, row) || !holds(r, row->when) || !holds(r, insn->guard) ||
        (r->features != NULL && !isa_has_features(r->isa, insn->features, r->features))) {
        return false;
    }
    *bits = head << 8 * unit;
    if (row->bytes > unit || (looks_at & ones(8 * unit)) != 0) {
        if (!peek(r, 2 * unit, true, bits)) {
            return false;
        }
    }
    return (*bits & row->mask) == row->value &&
           (row->not_mask == 0 || (*bits & row->not_mask) != row->not_value);
}

static const struct stream_row *find_row(struct reader *r, uint64_t *bits)
{
    const struct isa_stream *stream = r->stream;
    const uint16_t *list;
    uint64_t first;

    if (r->map >= stream->maps || !peek(r, 1, true, &first)) {
        return NULL;
    }
    for (list = &stream->lists[stream->index[r->map * 256 + first]]; *list != ISA_NONE;
         list++) {
        if (row_fits(r, &stream->rows[*list], bits)) {
            return &stream->rows[*list];
        }
    }
    return NULL;
}

/* The opcode's own fields and the tail; false where bytes are missing. */
static bool read_tail(struct reader *r, const struct stream_row *row, uint64_t bits)
{
    const struct isa_stream *stream = r->stream;

    for (unsigned i = 0; i < row->needs; i++) {
        r->out->field[stream->needs[row->need + i].field] = 0;
    }
    apply_sets(r, row->sets, bits);
    r->at += row->bytes;
    for (unsigned i = 0; i < row->steps; i++) {
        const struct stream_step *step = &stream->steps[row->step + i];

        if (!holds(r, step->when)) {
            continue;
        }
        if (!peek(r, step->bytes, stream->big, &bits)) {
            return false;
        }
        r->at += step->bytes;
        apply_sets(r, step->sets, bits);
    }
    return true;
}

void stream_compose(const struct isa *isa, const struct isa_stream *stream,
                    struct isa_decoded *insn)
{
    for (unsigned i = 0; i < stream->fields; i++) {
        const struct isa_field *field = &isa->fields_all[stream->field + i];

        if (field->pieces == 0) {
            continue;
        }
        insn->field[i] = 0;
        for (unsigned j = 0; j < field->pieces; j++) {
            const struct isa_piece *piece = &isa->pieces[field->piece + j];

            insn->field[i] |= (insn->field[piece->at] & ones(piece->len)) << piece->to;
        }
    }
}

void stream_decode(const struct isa *isa, const struct isa_stream *stream,
                   const struct isa_features *features, uint64_t mode, uint64_t pc,
                   const uint8_t *bytes, unsigned size, struct isa_decoded *out)
{
    struct reader r = {
        .isa = isa, .stream = stream, .features = features, .bytes = bytes
    };
    const struct isa_insn *insn;
    const struct stream_row *row;
    uint64_t bits;

    memset(out, 0, sizeof *out);
    out->insn = ISA_NONE;
    out->length = stream->unit;
    out->features = features;
    out->pc = pc;
    out->mode = mode;
    r.out = out;
    r.cut = size < stream->max;
    r.size = r.cut ? size : stream->max;
    read_prefixes(&r);
    row = find_row(&r, &bits);
    if (row == NULL || !read_tail(&r, row, bits)) {
        return;
    }
    out->insn = row->insn;
    out->length = (uint8_t)r.at;
    out->truncated = false;
    stream_compose(isa, stream, out);
    insn = &isa->insns[row->insn];
    if (!holds(&r, insn->where_ok)) {
        out->illegal = (uint8_t)(1 + insn->else_kind);
    }
}

const struct stream_row *stream_row_of(const struct isa *isa, uint16_t insn,
                                       const struct isa_stream **stream)
{
    const struct isa_insn *found = &isa->insns[insn];
    uint16_t number = isa->fetches[found->mode_set].stream;

    if (found->length != 0 || number == ISA_NONE) {
        return NULL;
    }
    *stream = &isa->streams[number];
    return &(*stream)->rows[found->value];
}
