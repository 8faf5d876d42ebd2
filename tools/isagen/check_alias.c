/* check_text.c - what an instruction prints must be read back as the same instruction,
 * and as no other one.
 *
 * Each instruction is tried with a few words: fields all zeros, all ones, and at random.
 * An encoding may have bits that its text does not show; then the text must stay the
 * same.
 */
#include <inttypes.h>
#include <string.h>

#include "build.h"
#include "check.h"
#include "isa/decode.h"
#include "isa/text.h"

enum { SAMPLES = 8, MAX_TEXT = 256, MAX_MODES = 1 << 12 };

struct sample {
    struct isa_decoded insn;
    struct isa_features features;
    uint64_t mode;
    uint8_t bytes[ISA_MAX_ILEN];
    unsigned length;
    char text[MAX_TEXT];
};

static uint64_t random_bits(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state * 0x2545f4914f6cdd1du;
}

/* All features but those that must be off. */
static void features_for(const struct isa *isa, uint16_t set,
                         struct isa_features *features)
{
    memset(features, 0xff, sizeof *features);
    if (set == ISA_NONE)
        return;
    for (unsigned i = 0; i < isa->feature_sets[set].count; i++) {
        unsigned f = isa->numbers[isa->feature_sets[set].all + i];

        if (f & 0x8000)
            features->bits[(f & 0x7fff) / 64] &= ~(1ull << f % 64);
    }
}

/* A mode in which the instruction exists and that has the fetch clause of its length. */
static bool mode_for(const struct isa *isa, unsigned insn,
                     const struct isa_features *features, uint64_t *mode)
{
    for (*mode = 0; *mode < MAX_MODES; ++*mode)
        if (isa_exists(isa, (uint16_t)insn, features, *mode) && isa_fetch_of(isa, *mode))
            return true;
    return false;
}

/* A number for each field: round 0 zeros, 1 ones, then at random. */
static void choose_fields(const struct isa *isa, struct isa_decoded *d, unsigned round,
                          uint64_t *random)
{
    const struct isa_insn *insn = &isa->insns[d->insn];

    for (unsigned i = 0; i < insn->fields; i++) {
        const struct isa_field *f = &isa->fields_all[insn->field + i];
        uint64_t raw = round == 0 ? 0 : round == 1 ? UINT64_MAX : random_bits(random);

        raw = f->bits >= 64 ? raw : raw & ((1ull << f->bits) - 1);
        if (f->is_signed && f->bits < 64 && raw >> (f->bits - 1) & 1)
            raw |= UINT64_MAX << f->bits;
        raw <<= f->scale;
        for (unsigned k = 0; k < 7 && !isa_field_fits(isa, f, raw); k++)
            raw &= ~(1ull << k); /* bits that align leaves out */
        d->field[i] = raw;
    }
}

/* One word that is this instruction, and its text. */
static bool sample_make(const struct isa *isa, unsigned insn, unsigned round,
                        uint64_t *random, struct sample *s)
{
    memset(&s->insn, 0, sizeof s->insn);
    s->insn.insn = (uint16_t)insn;
    s->insn.mode = s->mode;
    s->insn.pc = 0x1000;
    s->insn.features = &s->features;
    s->insn.length = isa->insns[insn].length;
    choose_fields(isa, &s->insn, round, random);
    memset(s->bytes, 0, sizeof s->bytes);
    s->length = isa_encode(isa, &s->insn, s->bytes);
    if (!s->length)
        return false;
    isa_decode(isa, &s->features, s->mode, 0x1000, s->bytes, s->length, &s->insn);
    if (s->insn.insn != insn || s->insn.illegal || s->insn.length != s->length)
        return false;
    isa_print(isa, &s->features, &s->insn, TEXT_NO_ALIASES, s->text, sizeof s->text);
    return strlen(s->text) < MAX_TEXT - 1;
}

static const char *hex(const uint8_t *bytes, unsigned length, char *out)
{
    for (unsigned i = 0; i < length && i < ISA_MAX_ILEN; i++)
        sprintf(out + 2 * i, "%02x", bytes[i]);
    return out;
}

/* Text to bytes: the same word, or one with the same text. */
static bool check_round(struct isagen *g, const struct isa *isa, const struct sample *s,
                        struct pos pos)
{
    uint8_t bytes[ISA_MAX_ILEN] = { 0 };
    char error[MAX_TEXT], again[MAX_TEXT], was[40], is[40];
    struct isa_decoded d;
    unsigned n = isa_assemble_as(isa, &s->features, s->mode, 0x1000, s->insn.insn,
                                 s->text, bytes, error, sizeof error);

    if (!n) {
        check_say(g, pos, "E-ALIAS",
                  "%s: %s prints as \"%s\", which is not read back: %s",
                  isa_string(isa, isa->insns[s->insn.insn].name),
                  hex(s->bytes, s->length, was), s->text, error);
        return false;
    }
    if (n == s->length && !memcmp(bytes, s->bytes, n))
        return true;
    isa_decode(isa, &s->features, s->mode, 0x1000, bytes, n, &d);
    isa_print(isa, &s->features, &d, 0, again, sizeof again);
    if (d.insn == s->insn.insn && !strcmp(again, s->text))
        return true;
    check_say(g, pos, "E-ALIAS",
              "%s: %s prints as \"%s\", which is read back as %s: \"%s\"",
              isa_string(isa, isa->insns[s->insn.insn].name),
              hex(s->bytes, s->length, was), s->text, hex(bytes, n, is), again);
    return false;
}

/* With its fields fixed it must fit itself, and its text must lead to the same word. */
static void check_alias(struct isagen *g, const struct isa *isa, unsigned number,
                        uint64_t *random)
{
    const struct isa_alias *alias = &isa->aliases[number];
    struct pos pos = (*AT(g->built, alias_items, const struct item *, number))->pos;
    struct sample *s = arena_alloc(&g->arena, sizeof *s);

    if (!isa->insns[alias->insn].length)
        return;
    features_for(isa, isa->insns[alias->insn].features, &s->features);
    if (!mode_for(isa, alias->insn, &s->features, &s->mode) ||
        !isa_has_features(isa, alias->features, &s->features))
        return;
    for (unsigned round = 0; round < SAMPLES; round++) {
        if (!sample_make(isa, alias->insn, round, random, s))
            continue;
        for (unsigned k = 0; k < alias->nfixes; k++) {
            const struct isa_fix *fix = &isa->fixes[alias->fixes + k];

            s->insn.field[fix->field] = isa_decode_value(isa, fix->value, &s->insn);
        }
        s->length = isa_encode(isa, &s->insn, s->bytes);
        if (!s->length)
            continue; /* this number of another field has no such encoding */
        isa_decode(isa, &s->features, s->mode, 0x1000, s->bytes, s->length, &s->insn);
        if (s->insn.insn != alias->insn || s->insn.illegal ||
            (alias->when.count && !(isa_decode_value(isa, alias->when, &s->insn) & 1)))
            continue;
        isa_print(isa, &s->features, &s->insn, 0, s->text, sizeof s->text);
        if (!check_round(g, isa, s, pos))
            return;
    }
}

void check_aliases(struct isagen *g)
{
    const struct isa *isa = &g->built->isa;
    uint64_t random = 0x9e3779b97f4a7c15u;

    for (unsigned i = 0; i < isa->naliases; i++)
        check_alias(g, isa, i, &random);
}
