/* decode.c - bytes to an instruction and its fields. */
#include "isa/decode.h"

#include "base/report.h"
#include "isa/sem.h"
#include "isa/stream.h"

uint64_t isa_decode_value(const struct isa *isa, struct sem_body body,
                          const struct isa_decoded *insn)
{
    return sem_value(isa, body, insn, NULL);
}

bool isa_has_features(const struct isa *isa, uint16_t set,
                      const struct isa_features *features)
{
    const struct isa_feature_set *row;

    if (set == ISA_NONE)
        return true;
    for (row = &isa->feature_sets[set];; row++) {
        const uint16_t *all = &isa->numbers[row->all];
        unsigned i;

        for (i = 0; i < row->count; i++) {
            unsigned f = all[i] & 0x7fff;
            bool is_on = features->bits[f / 64] >> f % 64 & 1;

            if (is_on == (all[i] >> 15))
                break;
        }
        if (i == row->count)
            return true;
        if (!row->or_next)
            return false;
    }
}

const struct isa_fetch *isa_fetch_of(const struct isa *isa, uint64_t mode)
{
    struct isa_decoded probe;

    for (unsigned i = 0; i < isa->nfetches; i++) {
        const struct isa_fetch *fetch = &isa->fetches[i];

        if (!fetch->when.count)
            return fetch;
        probe.mode = mode;
        probe.features = NULL;
        if (isa_decode_value(isa, fetch->when, &probe) & 1)
            return fetch;
    }
    return NULL;
}

static uint64_t get_parcel(const struct isa_fetch *fetch, const uint8_t *bytes)
{
    uint64_t parcel = 0;

    for (unsigned i = 0; i < fetch->parcel; i++)
        parcel |= (uint64_t)bytes[i] << 8 * (fetch->big ? fetch->parcel - 1 - i : i);
    return parcel;
}

uint64_t isa_get_word(const struct isa_fetch *fetch, const uint8_t *bytes,
                      unsigned length)
{
    unsigned size = fetch->parcel;
    uint64_t word = 0;

    for (unsigned at = 0; at + size <= length; at += size) {
        bool high_first = fetch->big || fetch->high_first;
        unsigned shift = 8 * (high_first ? length - size - at : at);

        if (shift < 64)
            word |= get_parcel(fetch, bytes + at) << shift;
    }
    return word;
}

void isa_put_word(const struct isa_fetch *fetch, uint64_t word, uint8_t *bytes,
                  unsigned length)
{
    unsigned size = fetch->parcel;

    for (unsigned i = 0; i < length; i++) {
        unsigned at = i - i % size, in = i % size;
        unsigned place = fetch->big || fetch->high_first ? length - size - at : at;

        place += fetch->big ? size - 1 - in : in;
        bytes[i] = place < 8 ? (uint8_t)(word >> 8 * place) : 0;
    }
}

/* Bytes of the instruction that begins with this parcel, 0: reserved. */
static unsigned length_of(const struct isa *isa, const struct isa_fetch *fetch,
                          uint64_t parcel)
{
    const struct isa_length *lengths = &isa->lengths[fetch->lengths];

    for (unsigned i = 0; i < fetch->nlengths; i++)
        if ((parcel & lengths[i].mask) == lengths[i].value)
            return lengths[i].bytes;
    return 0;
}

static void get_fields(const struct isa *isa, const struct isa_insn *insn,
                       struct isa_decoded *out)
{
    const struct isa_field *field = &isa->fields_all[insn->field];

    for (unsigned i = 0; i < insn->fields; i++, field++) {
        const struct isa_piece *piece = &isa->pieces[field->piece];
        uint64_t raw = 0;

        for (unsigned k = 0; k < field->pieces; k++, piece++)
            raw |= (out->word >> piece->at & mask64(piece->len)) << piece->to;
        if (field->is_signed)
            raw = sext64(raw, field->bits);
        out->field[i] = raw << field->scale;
    }
}

bool isa_exists(const struct isa *isa, uint16_t number,
                const struct isa_features *features, uint64_t mode)
{
    const struct isa_insn *insn = &isa->insns[number];
    struct isa_decoded probe;

    if (!isa_has_features(isa, insn->features, features))
        return false;
    probe.mode = mode;
    probe.features = features;
    return !insn->guard.count || (isa_decode_value(isa, insn->guard, &probe) & 1);
}

bool isa_matches(const struct isa *isa, uint16_t number,
                 const struct isa_features *features, struct isa_decoded *out)
{
    const struct isa_insn *insn = &isa->insns[number];

    if ((out->word & insn->mask) != insn->value || out->length != insn->length)
        return false;
    if ((insn->guard.count || insn->features != ISA_NONE) &&
        !isa_exists(isa, number, features, out->mode))
        return false;
    out->insn = number;
    out->illegal = 0;
    get_fields(isa, insn, out);
    if (insn->where_ok.count && !(isa_decode_value(isa, insn->where_ok, out) & 1))
        out->illegal = (uint8_t)(1 + insn->else_kind);
    return true;
}

/* The list of candidates for a key. */
static const uint16_t *find_leaf(const struct isa *isa, unsigned root, uint64_t key)
{
    unsigned at = root;

    while (!(at & DLEAF)) {
        const struct isa_dnode *node = &isa->dnodes[at];

        at = isa->dtable[node->first + (key >> node->shift & mask64(node->bits))];
    }
    return &isa->dleaves[at & ~(unsigned)DLEAF];
}

/* Where constraints fail, a later candidate may still be what the word means; if none is,
 * the first one says what kind of illegal it is. */
static void find_insn(const struct isa *isa, const struct isa_fetch *fetch,
                      const struct isa_features *features, struct isa_decoded *out)
{
    const uint16_t *leaf;
    unsigned failed = ISA_NONE;

    if (!isa->ndleaves)
        return;
    leaf = find_leaf(isa, fetch->root, isa_decode_key(fetch, out->word, out->length));
    for (; *leaf != ISA_NONE; leaf++) {
        if (!isa_matches(isa, *leaf, features, out))
            continue;
        if (!out->illegal)
            return;
        if (failed == ISA_NONE)
            failed = *leaf;
    }
    if (failed != ISA_NONE)
        isa_matches(isa, (uint16_t)failed, features, out);
}

void isa_decode(const struct isa *isa, const struct isa_features *features, uint64_t mode,
                uint64_t pc, const uint8_t *bytes, unsigned size, struct isa_decoded *out)
{
    const struct isa_fetch *fetch = isa_fetch_of(isa, mode);
    unsigned length;

    out->insn = ISA_NONE;
    out->length = isa->min_ilen ? isa->min_ilen : 1;
    out->illegal = 0;
    out->truncated = false;
    out->features = features;
    out->pc = pc;
    out->mode = mode;
    out->word = 0;
    if (!fetch)
        return;
    if (fetch->stream != ISA_NONE) {
        stream_decode(isa, &isa->streams[fetch->stream], features, mode, pc, bytes, size,
                      out);
        out->features = features;
        return;
    }
    out->length = fetch->parcel;
    out->truncated = size < fetch->parcel;
    if (out->truncated)
        return;
    out->word = get_parcel(fetch, bytes);
    length = length_of(isa, fetch, out->word);
    if (!length)
        return;
    out->length = (uint8_t)length;
    out->truncated = size < length;
    if (out->truncated)
        return;
    if (length != fetch->parcel)
        out->word = isa_get_word(fetch, bytes, length);
    find_insn(isa, fetch, features, out);
}

uint32_t isa_choose(const struct isa *isa, const struct isa_decoded *insn)
{
    const struct isa_choice *choice = &isa->choices[isa->insns[insn->insn].choice];

    while (choice->expr.count) {
        uint64_t v = isa_decode_value(isa, choice->expr, insn);

        if (v >= choice->values)
            bug("%s: choice %llu of %u", isa_string(isa, isa->insns[insn->insn].name),
                (unsigned long long)v, choice->values);
        choice = &isa->choices[choice->leaf + v];
    }
    return choice->leaf;
}
