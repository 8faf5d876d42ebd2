/* decode.c - bytes to an instruction and its fields. */
#include "isa/decode.h"

#include "base/report.h"
#include "isa/sem.h"
#include "isa/stream.h"

uint64_t isa_decode_value(const struct isa *isa, struct sem_body body,
                          const struct isa_decoded *insn)
{
    uint64_t value;

    return sem_quick(isa, body, insn, &value) ? value : sem_value(isa, body, insn, NULL);
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

/* Written so that compilers make one load of it. */
static uint64_t get_little64(const uint8_t *b)
{
    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 |
           (uint64_t)b[3] << 24 | (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 |
           (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56;
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

static inline uint64_t get_piece(const struct isa_piece *piece, uint64_t word)
{
    return (word >> piece->at & UINT64_MAX >> (64 - piece->len)) << piece->to;
}

/* `raw` has nothing above its `bits`. */
static inline uint64_t extend_sign(uint64_t raw, unsigned bits)
{
    uint64_t sign = UINT64_C(1) << (bits - 1);

    return (raw ^ sign) - sign;
}

static inline void get_fields(const struct isa *isa, const struct isa_insn *insn,
                              struct isa_decoded *out)
{
    const struct isa_field *field = &isa->fields_all[insn->field];
    uint64_t word = out->word;

    for (unsigned i = 0, count = insn->fields; i < count; i++, field++) {
        const struct isa_piece *piece = &isa->pieces[field->piece];
        uint64_t raw;

        if (field->pieces == 1 && !field->is_signed) { /* a register */
            out->field[i] = get_piece(piece, word) << field->scale;
            continue;
        }
        raw = 0;
        for (const struct isa_piece *end = piece + field->pieces; piece != end; piece++)
            raw |= get_piece(piece, word);
        if (field->is_signed)
            raw = extend_sign(raw, field->bits);
        out->field[i] = raw << field->scale;
    }
}

static bool exists(const struct isa_decoder *decoder, uint16_t number)
{
    const struct isa *isa = decoder->isa;
    const struct isa_insn *insn = &isa->insns[number];
    struct isa_decoded probe;

    if (!insn->guard.count && insn->features == ISA_NONE)
        return true;
    if (!isa_has_features(isa, insn->features, decoder->features))
        return false;
    probe.mode = decoder->mode;
    probe.features = decoder->features;
    return !insn->guard.count || (isa_decode_value(isa, insn->guard, &probe) & 1);
}

static inline bool is_known(const struct isa_decoder *decoder, uint16_t number)
{
    enum { NOT_ASKED, NO, YES };
    uint8_t *known = decoder->known + number;

    if (!decoder->known)
        return exists(decoder, number);
    if (*known == NOT_ASKED)
        *known = exists(decoder, number) ? YES : NO;
    return *known == YES;
}

__attribute__((always_inline)) static inline bool
matches(const struct isa_decoder *decoder, uint16_t number, struct isa_decoded *out)
{
    const struct isa *isa = decoder->isa;
    const struct isa_insn *insn = &isa->insns[number];

    if ((out->word & insn->mask) != insn->value || out->length != insn->length ||
        !is_known(decoder, number))
        return false;
    out->insn = number;
    out->illegal = 0;
    get_fields(isa, insn, out);
    if (insn->where_ok.count && !(isa_decode_value(isa, insn->where_ok, out) & 1))
        out->illegal = (uint8_t)(1 + insn->else_kind);
    return true;
}

bool isa_exists(const struct isa *isa, uint16_t number,
                const struct isa_features *features, uint64_t mode)
{
    struct isa_decoder decoder = { .isa = isa, .features = features, .mode = mode };

    return exists(&decoder, number);
}

bool isa_matches(const struct isa *isa, uint16_t number,
                 const struct isa_features *features, struct isa_decoded *out)
{
    struct isa_decoder decoder = { .isa = isa, .features = features, .mode = out->mode };

    return matches(&decoder, number, out);
}

/* The list of candidates for a key. */
static const uint16_t *find_leaf(const struct isa *isa, unsigned root, uint64_t key)
{
    unsigned at = root;

    while (!(at & DLEAF)) {
        const struct isa_dnode *node = &isa->dnodes[at];

        at =
            isa->dtable[node->first + (key >> node->shift & ~(UINT64_MAX << node->bits))];
    }
    return &isa->dleaves[at & ~(unsigned)DLEAF];
}

/* Where constraints fail, a later candidate may still be what the word means; if none is,
 * the first one says what kind of illegal it is. */
static void find_insn(const struct isa_decoder *decoder, struct isa_decoded *out)
{
    const struct isa *isa = decoder->isa;
    const uint16_t *leaf, *failed = NULL;

    if (!isa->ndleaves)
        return;
    leaf = find_leaf(isa, decoder->fetch->root,
                     isa_decode_key(decoder->fetch, out->word, out->length));
    for (;; leaf++) {
        if (*leaf == ISA_NONE && !failed)
            return;
        if (*leaf == ISA_NONE)
            leaf = failed;
        if (!matches(decoder, *leaf, out))
            continue;
        if (!out->illegal || leaf == failed)
            return;
        if (!failed)
            failed = leaf;
    }
}

/* Sets out->word and length.  false: truncated, or reserved. */
static bool get_word(const struct isa *isa, const struct isa_fetch *fetch,
                     const uint8_t *bytes, unsigned size, struct isa_decoded *out)
{
    unsigned length;

    out->length = fetch->parcel;
    out->truncated = size < fetch->parcel;
    if (out->truncated)
        return false;
    out->word = get_parcel(fetch, bytes);
    length = length_of(isa, fetch, out->word);
    if (!length)
        return false;
    out->length = (uint8_t)length;
    out->truncated = size < length;
    if (!out->truncated && length != fetch->parcel)
        out->word = isa_get_word(fetch, bytes, length);
    return !out->truncated;
}

/* Whether and where 8 bits of the first parcel tell the length. */
static bool find_length_bits(const struct isa *isa, const struct isa_fetch *fetch,
                             uint8_t *at)
{
    uint64_t used = 0;

    for (unsigned i = 0; i < fetch->nlengths; i++)
        used |= isa->lengths[fetch->lengths + i].mask;
    for (*at = 0; *at < 56 && !(used >> *at & 1); ++*at)
        ;
    return used >> *at < 256;
}

static bool is_simple(const struct isa_fetch *fetch)
{
    return fetch && fetch->stream == ISA_NONE && !fetch->big && !fetch->high_first;
}

void isa_decoder_init(struct isa_decoder *decoder, const struct isa *isa,
                      const struct isa_features *features, uint64_t mode, uint8_t *known)
{
    const struct isa_fetch *fetch = isa_fetch_of(isa, mode);

    decoder->isa = isa;
    decoder->features = features;
    decoder->mode = mode;
    decoder->fetch = fetch;
    decoder->known = known;
    decoder->is_simple =
        known && is_simple(fetch) && find_length_bits(isa, fetch, &decoder->length_at);
    for (unsigned i = 0; decoder->is_simple && i < 256; i++)
        decoder->lengths[i] =
            (uint8_t)length_of(isa, fetch, (uint64_t)i << decoder->length_at);
}

/* The common case, quickly: `bytes` has ISA_MAX_ILEN. */
static bool get_simple_word(const struct isa_decoder *decoder, const uint8_t *bytes,
                            struct isa_decoded *out)
{
    uint64_t word = get_little64(bytes);
    unsigned length = decoder->lengths[word >> decoder->length_at & 0xff];

    out->length = length ? (uint8_t)length : decoder->fetch->parcel;
    out->word = out->length < 8 ? word & ~(UINT64_MAX << 8 * out->length) : word;
    return length != 0;
}

/* The others.  false: there is nothing to be found, or it has been. */
__attribute__((noinline)) static bool get_any_word(const struct isa_decoder *decoder,
                                                   const uint8_t *bytes, unsigned size,
                                                   struct isa_decoded *out)
{
    const struct isa *isa = decoder->isa;
    const struct isa_fetch *fetch = decoder->fetch;

    out->length = isa->min_ilen ? isa->min_ilen : 1;
    out->word = 0;
    if (!fetch)
        return false;
    if (fetch->stream == ISA_NONE)
        return get_word(isa, fetch, bytes, size, out);
    stream_decode(isa, &isa->streams[fetch->stream], decoder->features, decoder->mode,
                  out->pc, bytes, size, out);
    out->features = decoder->features;
    return false;
}

void isa_decoder_decode(const struct isa_decoder *decoder, uint64_t pc,
                        const uint8_t *bytes, unsigned size, struct isa_decoded *out)
{
    out->insn = ISA_NONE;
    out->illegal = 0;
    out->truncated = false;
    out->features = decoder->features;
    out->pc = pc;
    out->mode = decoder->mode;
    if (decoder->is_simple && size >= ISA_MAX_ILEN
            ? get_simple_word(decoder, bytes, out)
            : get_any_word(decoder, bytes, size, out))
        find_insn(decoder, out);
}

void isa_decode(const struct isa *isa, const struct isa_features *features, uint64_t mode,
                uint64_t pc, const uint8_t *bytes, unsigned size, struct isa_decoded *out)
{
    struct isa_decoder decoder;

    isa_decoder_init(&decoder, isa, features, mode, NULL);
    isa_decoder_decode(&decoder, pc, bytes, size, out);
}

/* Apart, so that what has no choice needs no frame. */
__attribute__((noinline)) static uint32_t
choose_among(const struct isa *isa, uint32_t link, const struct isa_decoded *insn)
{
    while (!(link & LINK_VARIANT)) {
        const struct isa_choice *choice = &isa->choices[link];
        uint64_t v = isa_decode_value(isa, choice->expr, insn);

        if (v >= choice->values)
            bug("%s: choice %llu of %u", isa_string(isa, isa->insns[insn->insn].name),
                (unsigned long long)v, choice->values);
        link = isa->links[choice->first + v];
    }
    return link & ~(uint32_t)LINK_VARIANT;
}

uint32_t isa_choose(const struct isa *isa, const struct isa_decoded *insn)
{
    uint32_t link = isa->insns[insn->insn].choice;

    if (link & LINK_VARIANT)
        return link & ~(uint32_t)LINK_VARIANT;
    return choose_among(isa, link, insn);
}
