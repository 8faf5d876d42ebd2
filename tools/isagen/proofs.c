/* proofs.c - text to bytes to text, for sampled operands. */
#include "proofs.h"

#include <stdio.h>
#include <string.h>

#include "isa/text.h"

enum { SAMPLES = 4, TRIES = 60 };

struct sampler {
    const struct isa *isa;
    const struct dtree_report *report;
    uint64_t random;
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

    memset(features, 0xff, sizeof(*features));
    if (isa->nmodels && try % (isa->nmodels + 1u))
        isa_features_parse(isa, isa->models[try % (isa->nmodels + 1u) - 1].name, features,
                           NULL);
    isa_put_word(&isa->fetches[insn->mode_set == ISA_NONE ? 0 : insn->mode_set],
                 insn->value | (operands & ~insn->mask), bytes, insn->length);
    isa_decode(isa, features, mode, next_random(s) & 0x7ffffff0, bytes, sizeof(bytes),
               out);
    return out->insn == number && !out->illegal;
}

static void check_sample(struct sampler *s, const struct isa_features *features,
                         const struct isa_decoded *insn, bool *found)
{
    const struct isa *isa = s->isa;
    uint8_t bytes[ISA_MAX_ILEN];
    struct isa_decoded back;
    char text[300], again[300], why[200], message[600];
    unsigned n;

    isa_print(isa, features, insn, TEXT_NO_ALIASES, text, sizeof(text));
    n = isa_assemble_as(isa, features, insn->mode, insn->pc, insn->insn, text, bytes, why,
                        sizeof(why));
    if (n) {
        isa_decode(isa, features, insn->mode, insn->pc, bytes, n, &back);
        isa_print(isa, features, &back, TEXT_NO_ALIASES, again, sizeof(again));
        snprintf(why, sizeof(why), "it becomes \"%.150s\"", again);
    }
    if (!n || strcmp(text, again)) {
        snprintf(message, sizeof(message), "\"%s\" is not read as it was printed: %s",
                 text, why);
        s->report->report(s->report->context, "E-ROUNDTRIP", insn->insn, ISA_NONE,
                          insn->word, message);
        *found = true;
        return;
    }
    n = isa_assemble(isa, features, insn->mode, insn->pc, text, bytes, why, sizeof(why));
    isa_decode(isa, features, insn->mode, insn->pc, bytes, n, &back);
    if (n != insn->length || back.insn == insn->insn || back.insn == ISA_NONE)
        return;
    isa_print(isa, features, &back, TEXT_NO_ALIASES, again, sizeof(again));
    if (strcmp(text, again))
        return;
    snprintf(message, sizeof(message), "\"%s\" is the text of two instructions", text);
    s->report->report(s->report->context, "E-TEXT-AMBIG", insn->insn, back.insn,
                      insn->word, message);
    *found = true;
}

void proofs_text(const struct isa *isa, const struct dtree_report *report)
{
    struct sampler s = { isa, report, 88172645463325252u };

    for (unsigned number = 0; number < isa->ninsns; number++) {
        bool found = false;

        for (unsigned try = 0, done = 0; try < TRIES && done < SAMPLES && !found; try++) {
            struct isa_features features;
            struct isa_decoded insn;

            if (!isa->insns[number].length || isa->insns[number].length > 8 ||
                !sample(&s, number, try, &features, &insn))
                continue;
            check_sample(&s, &features, &insn, &found);
            done++;
        }
    }
}
