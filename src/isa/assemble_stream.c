/* assemble_stream.c - assembles instructions of a stream: finds the fields that the text
 * leaves open.
 *
 * Text sets registers and numbers; prefixes, ModRM.mod and the like follow from which
 * alternative was matched.  So the conditions of those alternatives are gone through one
 * by one, each with all values of the fields in it that are still open (those with few
 * first), and everything that satisfies them is encoded.  The shortest encoding wins. */
#include <limits.h>
#include <string.h>

#include "isa/assemble.h"
#include "isa/sem.h"
#include "isa/stream.h"

enum { MAX_BODIES = 8, MAX_TRIED_BITS = 14 };

/* The conditions of one instruction that is being assembled. */
struct solver {
    struct matcher *m;
    const struct isa_stream *stream;
    const struct stream_row *row;
    uint64_t used_up; /* fields that the row needs: the encoder fills them in */
    uint64_t fields[2 + MAX_PENDING]; /* of each condition, as a set */
    bool found;
};

static const struct isa_field *field_of(const struct matcher *m, unsigned field)
{
    return &m->isa->fields_all[m->insn->field + field];
}

/* Sets one field that is not made of others. */
static bool bind_one(struct matcher *m, unsigned field, uint64_t mask, uint64_t value)
{
    if (m->set >> field & 1 && (m->decoded.field[field] & mask) != value)
        return false;
    m->decoded.field[field] = (m->decoded.field[field] & ~mask) | value;
    m->set |= UINT64_C(1) << field;
    return true;
}

bool stream_bind(struct matcher *m, unsigned field, uint64_t number)
{
    const struct isa_field *info = field_of(m, field);

    if (m->set >> field & 1 && m->decoded.field[field] != number)
        return false;
    m->decoded.field[field] = number;
    m->set |= UINT64_C(1) << field;
    for (unsigned k = 0; k < info->pieces; k++) {
        const struct isa_piece *piece = &m->isa->pieces[info->piece + k];

        if (!bind_one(m, piece->at, mask64(piece->len),
                      number >> piece->to & mask64(piece->len)))
            return false;
    }
    return true;
}

/* ----------------------------------------------------------------- conditions */

/* Fields that a body looks at, with those they are made of; as a set. */
static uint64_t fields_in(const struct matcher *m, struct sem_body body)
{
    uint64_t set = 0;

    for (unsigned i = 0; i < body.count; i++) {
        const struct sem *node = &m->isa->nodes[body.first + i];
        const struct isa_field *field;

        if (node->op != S_FIELD || node->a >= m->insn->fields)
            continue;
        field = field_of(m, node->a);
        if (!field->pieces)
            set |= UINT64_C(1) << node->a;
        for (unsigned k = 0; k < field->pieces; k++)
            set |= UINT64_C(1) << m->isa->pieces[field->piece + k].at;
    }
    return set;
}

static uint64_t fields_of_pending(const struct matcher *m, const struct pending *pending)
{
    const struct isa_operand *operand = pending->operand;
    uint64_t set = fields_in(m, operand->view_choice) | fields_in(m, operand->value);

    for (unsigned i = 0; i < operand->nalts && i <= pending->want; i++)
        set |= fields_in(m, m->isa->alts[operand->alts + i].when);
    return set;
}

static bool body_holds(const struct matcher *m, struct sem_body body)
{
    return !body.count || (isa_decode_value(m->isa, body, &m->decoded) & 1);
}

/* Condition k: first those of the row, then what the text asks for. */
static struct sem_body row_condition(const struct solver *s, unsigned k)
{
    return k ? s->m->insn->where_ok : s->row->when;
}

static uint64_t condition_fields(const struct solver *s, unsigned k)
{
    return k < 2 ? fields_in(s->m, row_condition(s, k))
                 : fields_of_pending(s->m, &s->m->pending[k - 2]);
}

static bool condition_holds(const struct solver *s, unsigned k)
{
    const struct pending *pending = &s->m->pending[k < 2 ? 0 : k - 2];

    if (k < 2)
        return body_holds(s->m, row_condition(s, k));
    return pending->operand->from_end || pending_holds(s->m, pending);
}

/* ------------------------------------------------------------------- encoding */

/* Branch targets count from the end of the instruction: `length` bytes on. */
static void set_targets(struct matcher *m, unsigned length)
{
    for (unsigned i = 0; i < m->npending; i++) {
        const struct pending *pending = &m->pending[i];

        if (pending->operand->from_end)
            m->decoded.field[pending->operand->field] =
                sext64(pending->want - m->decoded.pc - length, m->isa->pc_width);
    }
}

static void keep(struct solver *s, const uint8_t *bytes, unsigned length)
{
    struct matcher *m = s->m;

    s->found = true;
    if (!m->length || length < m->length) {
        memcpy(m->bytes, bytes, length);
        m->length = length;
    }
}

static unsigned encode_with_targets(struct matcher *m, uint8_t *bytes)
{
    unsigned length, guess = 0;

    for (unsigned i = 0; i < m->npending; i++)
        if (m->pending[i].operand->from_end)
            m->decoded.field[m->pending[i].operand->field] = 0;
    for (length = isa_encode(m->isa, &m->decoded, bytes); length != guess;
         length = isa_encode(m->isa, &m->decoded, bytes)) {
        if (!length || guess > length)
            return 0;
        guess = length;
        set_targets(m, length);
    }
    return length;
}

/* All fields have values: encodes them, and again with prefixes that must be there said
 * to be there. */
static void try_fields(struct solver *s)
{
    struct matcher *m = s->m;
    struct isa_decoded kept = m->decoded, back;
    uint8_t bytes[ISA_MAX_ILEN];
    unsigned length;

    stream_compose(m->isa, s->stream, &m->decoded);
    length = encode_with_targets(m, bytes);
    if (!length && stream_complete(s->stream, &m->decoded, m->set))
        length = encode_with_targets(m, bytes);
    if (length) {
        isa_decode(m->isa, m->features, kept.mode, kept.pc, bytes, length, &back);
        if (back.insn == kept.insn && !back.illegal &&
            !memcmp(back.field, m->decoded.field,
                    m->insn->fields * sizeof(back.field[0])))
            keep(s, bytes, length);
    }
    m->decoded = kept;
}

/* --------------------------------------------------------------------- search */

static unsigned width_of(const struct matcher *m, uint64_t fields)
{
    unsigned bits = 0;

    for (unsigned i = 0; fields; i++, fields >>= 1)
        if (fields & 1)
            bits += field_of(m, i)->bits;
    return bits;
}

/* Gives the fields of a set the bits of `value`, in order. */
static void spread(struct matcher *m, uint64_t fields, uint64_t value)
{
    for (unsigned i = 0; fields; i++, fields >>= 1) {
        if (!(fields & 1))
            continue;
        unsigned width = field_of(m, i)->bits;

        m->decoded.field[i] = value & mask64(width);
        value = width < 64 ? value >> width : 0;
    }
}

/* The condition of `left` with the fewest ways to go on. */
static unsigned narrowest(const struct solver *s, uint64_t left, uint64_t *open,
                          unsigned *bits)
{
    unsigned best = 0;

    *bits = UINT_MAX;
    for (unsigned k = 0; left && *bits; k++, left >>= 1) {
        uint64_t fields = s->fields[k] & ~s->m->set & ~s->used_up;

        if (!(left & 1) || width_of(s->m, fields) >= *bits)
            continue;
        best = k;
        *open = fields;
        *bits = width_of(s->m, fields);
    }
    return best;
}

/* Tries all values of the fields in the conditions that are left (a set). */
static void solve(struct solver *s, uint64_t left)
{
    struct matcher *m = s->m;
    struct isa_decoded kept = m->decoded;
    uint64_t set = m->set, open = 0;
    unsigned bits, k;

    stream_compose(m->isa, s->stream, &m->decoded);
    if (!left) {
        try_fields(s);
        return;
    }
    k = narrowest(s, left, &open, &bits);
    m->set |= open;
    for (uint64_t v = 0; bits <= MAX_TRIED_BITS && v < UINT64_C(1) << bits; v++) {
        spread(m, open, v);
        if (open)
            stream_compose(m->isa, s->stream, &m->decoded);
        if (condition_holds(s, k))
            solve(s, left & ~(UINT64_C(1) << k));
    }
    m->decoded = kept;
    m->set = set;
}

bool stream_finish(struct matcher *m)
{
    struct solver s = { .m = m };

    s.row = stream_row_of(m->isa, m->decoded.insn, &s.stream);
    if (!s.row)
        return false;
    struct isa_decoded kept = m->decoded;
    m->set |= stream_fill(s.stream, s.row, &m->decoded);
    for (unsigned i = 0; i < s.row->needs; i++)
        s.used_up |= UINT64_C(1) << s.stream->needs[s.row->need + i].field;
    for (unsigned k = 0; k < 2 + m->npending; k++)
        s.fields[k] = condition_fields(&s, k);
    solve(&s, mask64(2 + m->npending));
    m->decoded = kept;
    return s.found;
}
