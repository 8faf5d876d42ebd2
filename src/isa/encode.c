/* encode.c - fields to bytes, and features by name. */
#include "isa/decode.h"

#include <ctype.h>
#include <string.h>

#include "isa/sem.h"
#include "isa/stream.h"

/* ------------------------------------------------------------------ encoding */

static uint64_t raw_of(const struct isa_field *field, uint64_t number)
{
    uint64_t raw = number >> field->scale;

    if (field->is_signed && field->scale && number >> 63)
        raw |= ~(UINT64_MAX >> field->scale);
    return raw;
}

bool isa_field_fits(const struct isa *isa, const struct isa_field *field, uint64_t number)
{
    uint64_t raw = raw_of(field, number);
    uint64_t claimed = field->pieces ? 0 : UINT64_MAX; /* a stream's: all of it */

    if (number & mask64(field->scale))
        return false;
    if (field->is_signed ? sext64(raw, field->bits) != raw : raw & ~mask64(field->bits))
        return false;
    for (unsigned k = 0; k < field->pieces; k++) {
        const struct isa_piece *piece = &isa->pieces[field->piece + k];

        claimed |= mask64(piece->len) << piece->to;
    }
    return (raw & mask64(field->bits) & ~claimed) == 0;
}

unsigned isa_encode(const struct isa *isa, const struct isa_decoded *decoded,
                    uint8_t *out)
{
    const struct isa_insn *insn = &isa->insns[decoded->insn];
    const struct isa_field *field = &isa->fields_all[insn->field];
    const struct isa_fetch *fetch = insn->mode_set != ISA_NONE
                                        ? &isa->fetches[insn->mode_set]
                                        : isa_fetch_of(isa, decoded->mode);
    uint64_t word = insn->value;

    if (!fetch)
        return 0;
    if (!insn->length)
        return stream_encode(isa, &isa->streams[fetch->stream], decoded, out);
    for (unsigned i = 0; i < insn->fields; i++, field++) {
        uint64_t raw = raw_of(field, decoded->field[i]);

        if (!isa_field_fits(isa, field, decoded->field[i]))
            return 0;
        for (unsigned k = 0; k < field->pieces; k++) {
            const struct isa_piece *piece = &isa->pieces[field->piece + k];

            word |= (raw >> piece->to & mask64(piece->len)) << piece->at;
        }
    }
    isa_put_word(fetch, word, out, insn->length);
    return insn->length;
}

/* ------------------------------------------------------------------ features */

static bool is_word(const char *name, const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (tolower((unsigned char)name[i]) != tolower((unsigned char)word[i]))
            return false;
    return name[length] == 0;
}

static const struct isa_model *find_model(const struct isa *isa, const char *word,
                                          size_t length)
{
    for (unsigned i = 0; i < isa->nmodels; i++)
        if (is_word(isa_string(isa, isa->models[i].name), word, length))
            return &isa->models[i];
    return NULL;
}

static void add_model(const struct isa *isa, const struct isa_model *model,
                      struct isa_features *out)
{
    const uint16_t *features = &isa->numbers[model->features];

    for (unsigned i = 0; i < model->nfeatures; i++)
        out->bits[features[i] / 64] |= UINT64_C(1) << features[i] % 64;
}

/* One word of a list that is not the first model's name. */
static int change_feature(const struct isa *isa, const char *word, size_t length,
                          struct isa_features *out)
{
    bool off = *word == '-';
    unsigned i;

    if (*word == '-' || *word == '+') {
        word++;
        length--;
    }
    for (i = 0; i < isa->nfeatures; i++)
        if (is_word(isa_string(isa, isa->features[i]), word, length))
            break;
    if (i == isa->nfeatures)
        return -1;
    if (off)
        out->bits[i / 64] &= ~(UINT64_C(1) << i % 64);
    else
        out->bits[i / 64] |= UINT64_C(1) << i % 64;
    return 0;
}

int isa_features_parse(const struct isa *isa, const char *list, struct isa_features *out,
                       const char **bad)
{
    bool is_first = true;

    memset(out, 0, sizeof(*out));
    for (const char *word = list ? list : ""; is_first || *word;) {
        size_t length = strcspn(word, ",");
        const struct isa_model *model = find_model(isa, word, length);

        if (is_first && !model && isa->nmodels)
            add_model(isa, &isa->models[0], out);
        if (is_first && model) {
            add_model(isa, model, out);
        } else if (length && change_feature(isa, word, length, out)) {
            if (bad)
                *bad = word;
            return -1;
        }
        is_first = false;
        word += length + (word[length] == ',');
    }
    return 0;
}
