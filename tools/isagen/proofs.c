/* proofs.c - text to bytes to text, for sampled operands. */
#include "proofs.h"

#include <stdio.h>
#include <string.h>

#include "isa/stream.h"
#include "isa/text.h"

enum { SAMPLES = 4, TRIES = 60, STREAM_SAMPLES = 3 };

struct sampler {
    const struct isa *isa;
    const struct dtree_report *report;
    uint64_t random;
    uint8_t base[ISA_MAX_ILEN]; /* of a stream: some encoding of the instruction */
    unsigned length;
    uint64_t mode;    /* where that is one */
    char witness[60]; /* of a stream: the bytes tried */
};

static uint64_t next_random(struct sampler *s)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random;
}

static uint64_t mode_mask(const struct isa *isa)
{
    unsigned bits = 0;

    for (unsigned i = 0; i < isa->nmodes; i++)
        bits += isa->modes[i].bits;
    return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

/* Some features of which an instruction can be: all, or those of a model. */
static void choose_features(const struct isa *isa, unsigned try,
                            struct isa_features *features)
{
    memset(features, 0xff, sizeof(*features));
    if (isa->nmodels && try % (isa->nmodels + 1u))
        isa_features_parse(
            isa, isa_string(isa, isa->models[try % (isa->nmodels + 1u) - 1].name),
            features, NULL);
}

/* A first encoding of a stream's row: with few fields that are not zero. */
static bool stream_base(struct sampler *s, unsigned number, unsigned try)
{
    const struct isa *isa = s->isa;
    const struct isa_insn *insn = &isa->insns[number];
    struct isa_decoded d = { .insn = (uint16_t)number };

    for (unsigned i = 0; i < insn->fields && try; i++) {
        const struct isa_field *f = &isa->fields_all[insn->field + i];

        if (!f->pieces && next_random(s) % 8 == 0)
            d.field[i] = next_random(s) & (f->bits < 64 ? (1ull << f->bits) - 1 : ~0ull);
    }
    stream_compose(isa, &isa->streams[isa->fetches[insn->mode_set].stream], &d);
    d.mode = s->mode = try ? next_random(s) & mode_mask(isa) : 0;
    d.pc = 0x1000;
    s->length = isa_encode(isa, &d, s->base);
    return s->length != 0;
}

/* Other bytes of the same row: some bits of an encoding changed, and sometimes a prefix.
 */
static bool stream_sample(struct sampler *s, unsigned number, unsigned try,
                          const struct isa_features *features, struct isa_decoded *out)
{
    const struct isa *isa = s->isa;
    const struct isa_stream *stream =
        &isa->streams[isa->fetches[isa->insns[number].mode_set].stream];
    uint8_t bytes[2 * ISA_MAX_ILEN];
    unsigned at = 0;

    if (!s->length && !stream_base(s, number, try))
        return false;
    if (try > 1 && stream->nprefixes && next_random(s) % 2)
        bytes[at++] = (uint8_t)stream->prefixes[next_random(s) % stream->nprefixes].value;
    memcpy(bytes + at, s->base, s->length);
    for (unsigned i = at; i < sizeof bytes; i++) {
        uint64_t change = next_random(s);

        if (i >= at + s->length)
            bytes[i] = (uint8_t)change;
        else if (try > 1)
            bytes[i] ^= (uint8_t)(change & change >> 8 & change >> 16);
    }
    isa_decode(isa, features, s->mode, next_random(s) & 0x7ffffff0, bytes, ISA_MAX_ILEN,
               out);
    strcpy(s->witness, " (bytes ");
    for (unsigned i = 0; i < out->length && i < ISA_MAX_ILEN; i++)
        sprintf(s->witness + 8 + 2 * i, "%02x", bytes[i]);
    strcat(s->witness, ")");
    return out->insn == number && !out->illegal;
}

/* An instance of instruction `number`: operands of zeros, of ones, then random ones. */
static bool sample(struct sampler *s, unsigned number, unsigned try,
                   struct isa_features *features, struct isa_decoded *out)
{
    const struct isa *isa = s->isa;
    const struct isa_insn *insn = &isa->insns[number];
    uint64_t operands = try == 0   ? 0
                        : try == 1 ? UINT64_MAX
                                   : next_random(s) & next_random(s);
    uint64_t mode = try == 0 ? 0 : next_random(s) & mode_mask(isa);
    uint8_t bytes[ISA_MAX_ILEN] = { 0 };

    choose_features(isa, try, features);
    if (!insn->length)
        return stream_sample(s, number, try, features, out);
    isa_put_word(&isa->fetches[insn->mode_set == ISA_NONE ? 0 : insn->mode_set],
                 insn->value | (operands & ~insn->mask), bytes, insn->length);
    isa_decode(isa, features, mode, next_random(s) & 0x7ffffff0, bytes, sizeof(bytes),
               out);
    return out->insn == number && !out->illegal;
}

/* Does its text come back as it was printed? */
static bool check_round_trip(struct sampler *s, const struct isa_features *features,
                             const struct isa_decoded *insn, const char *text)
{
    const struct isa *isa = s->isa;
    uint8_t bytes[ISA_MAX_ILEN];
    struct isa_decoded back;
    char again[300], why[200], message[600];
    unsigned n = isa_assemble_as(isa, features, insn->mode, insn->pc, insn->insn, text,
                                 bytes, why, sizeof(why));
    if (n) {
        isa_decode(isa, features, insn->mode, insn->pc, bytes, n, &back);
        isa_print(isa, features, &back, TEXT_NO_ALIASES, again, sizeof(again));
        snprintf(why, sizeof(why), "it becomes \"%.150s\"", again);
    }
    if (!n || strcmp(text, again)) {
        snprintf(message, sizeof(message), "\"%s\"%s is not read as it was printed: %s",
                 text, s->witness, why);
        s->report->report(s->report->context, "E-ROUNDTRIP", insn->insn, ISA_NONE,
                          insn->word, message);
        return false;
    }
    return true;
}

/* Is its text that of another instruction too?  Short forms of fixed length may say the
 * same. */
static bool check_only(struct sampler *s, const struct isa_features *features,
                       const struct isa_decoded *insn, const char *text)
{
    const struct isa *isa = s->isa;
    uint8_t bytes[ISA_MAX_ILEN];
    struct isa_decoded back;
    char again[300], why[200], message[600];
    unsigned n =
        isa_assemble(isa, features, insn->mode, insn->pc, text, bytes, why, sizeof(why));

    isa_decode(isa, features, insn->mode, insn->pc, bytes, n, &back);
    if ((n != insn->length && isa->insns[insn->insn].length) || back.insn == insn->insn ||
        back.insn == ISA_NONE)
        return true;
    isa_print(isa, features, &back, TEXT_NO_ALIASES, again, sizeof(again));
    if (strcmp(text, again))
        return true;
    snprintf(message, sizeof(message), "\"%s\"%s is the text of two instructions", text,
             s->witness);
    s->report->report(s->report->context, "E-TEXT-AMBIG", insn->insn, back.insn,
                      insn->word, message);
    return false;
}

static void check_insn(struct sampler *s, unsigned number)
{
    const struct isa *isa = s->isa;
    bool in_stream = !isa->insns[number].length;
    unsigned samples = in_stream ? STREAM_SAMPLES : SAMPLES;

    s->length = 0;
    s->witness[0] = 0;
    for (unsigned try = 0, done = 0; try < TRIES && done < samples; try++) {
        struct isa_features features;
        struct isa_decoded insn;
        char text[300];

        if (!sample(s, number, try, &features, &insn))
            continue;
        isa_print(isa, &features, &insn, TEXT_NO_ALIASES, text, sizeof(text));
        if (!check_round_trip(s, &features, &insn, text) ||
            ((!in_stream || !done) && !check_only(s, &features, &insn, text)))
            return;
        done++;
    }
}

void proofs_text(const struct isa *isa, const struct dtree_report *report)
{
    struct sampler s = { .isa = isa, .report = report, .random = 88172645463325252u };

    for (unsigned number = 0; number < isa->ninsns; number++)
        if (isa->insns[number].length <= 8)
            check_insn(&s, number);
}
