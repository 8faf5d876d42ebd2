/* dtree_check.c - what is wrong with a set of encodings: overlaps, shadows, gaps.
 *
 * An encoding is a cube: the words with (word & mask) == value.  Containment and
 * intersection of cubes are exact.  Constraints are not cubes: they are tried for all
 * values of the bits they look at, or for many where these are too many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isa/sem.h"
#include "isa/text.h"
#include "isagen/dtree.h"

enum {
    MAX_ENUMERATED = 20, /* bits of a constraint that are all tried */
    SAMPLES = 1 << 16,
    MAX_MODE_BITS = 12,
    MAX_FINDINGS = 200,
    MAX_TRIES = 1 << 26,  /* words tried in all; then fewer for each pair */
    MAX_SPLITS = 1 << 22, /* cubes looked at for the holes of one cover */
};

struct cube {
    uint64_t mask, value;
};

static bool intersect(struct cube a, struct cube b)
{
    return !((a.value ^ b.value) & a.mask & b.mask);
}

static bool contains(struct cube outer, struct cube inner)
{
    return !(outer.mask & ~inner.mask) && intersect(outer, inner);
}

static struct cube cube_of(const struct isa_insn *insn)
{
    return (struct cube){ insn->mask, insn->value };
}

static uint64_t word_bits(unsigned length)
{
    return length >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * length) - 1;
}

/* ----------------------------------------------------- when both may be there */

static bool rows_agree(const struct isa *isa, const struct isa_feature_set *a,
                       const struct isa_feature_set *b)
{
    for (unsigned i = 0; i < a->count; i++)
        for (unsigned k = 0; k < b->count; k++)
            if ((isa->numbers[a->all + i] ^ isa->numbers[b->all + k]) == 0x8000)
                return false;
    return true;
}

/* Does it have at most one feature of each exclusive set? */
static bool features_meet(const struct dtree_report *to,
                          const struct isa_features *features)
{
    for (unsigned i = 0; i < to->nexclusive; i++) {
        unsigned on = 0;

        for (unsigned k = 0; k < to->exclusive[i].count; k++) {
            unsigned f = to->exclusive[i].all[k];

            on += features->bits[f / 64] >> f % 64 & 1;
        }
        if (on > 1)
            return false;
    }
    return true;
}

/* Some set of features has both; it is returned in *features. */
static bool features_allow(const struct isa *isa, const struct dtree_report *to,
                           uint16_t a, uint16_t b, struct isa_features *features)
{
    static const struct isa_feature_set none = { 0, 0, false };
    const struct isa_feature_set *row_a = a == ISA_NONE ? &none : &isa->feature_sets[a];

    for (;; row_a++) {
        const struct isa_feature_set *row_b =
            b == ISA_NONE ? &none : &isa->feature_sets[b];

        for (;; row_b++) {
            if (rows_agree(isa, row_a, row_b)) {
                const struct isa_feature_set *rows[2] = { row_a, row_b };

                memset(features, 0, sizeof(*features));
                for (unsigned r = 0; r < 2; r++)
                    for (unsigned i = 0; i < rows[r]->count; i++) {
                        unsigned f = isa->numbers[rows[r]->all + i];

                        if (!(f & 0x8000))
                            features->bits[f / 64] |= UINT64_C(1) << f % 64;
                    }
                if (features_meet(to, features))
                    return true;
            }
            if (!row_b->or_next)
                break;
        }
        if (!row_a->or_next)
            return false;
    }
}

static bool guard_holds(const struct isa *isa, struct sem_body guard, uint64_t mode)
{
    struct isa_decoded probe = { .mode = mode };

    return !guard.count || (isa_decode_value(isa, guard, &probe) & 1);
}

/* Some mode has both. */
static bool modes_allow(const struct isa *isa, const struct isa_insn *a,
                        const struct isa_insn *b, uint64_t *mode)
{
    unsigned bits = 0;

    *mode = 0;
    if (!a->guard.count && !b->guard.count)
        return true;
    for (unsigned i = 0; i < isa->nmodes; i++)
        if (isa->modes[i].at + isa->modes[i].bits > bits)
            bits = isa->modes[i].at + isa->modes[i].bits;
    if (bits > MAX_MODE_BITS)
        bits = MAX_MODE_BITS;
    for (; *mode < UINT64_C(1) << bits; ++*mode)
        if (guard_holds(isa, a->guard, *mode) && guard_holds(isa, b->guard, *mode))
            return true;
    return false;
}

/* --------------------------------------------------------------- constraints */

/* The bits of the word that a constraint looks at. */
static uint64_t constraint_bits(const struct isa *isa, const struct isa_insn *insn)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < insn->where_ok.count; i++) {
        const struct sem *node = &isa->nodes[insn->where_ok.first + i];
        const struct isa_field *field;

        if (node->op != S_FIELD)
            continue;
        field = &isa->fields_all[insn->field + node->a];
        for (unsigned k = 0; k < field->pieces; k++) {
            const struct isa_piece *piece = &isa->pieces[field->piece + k];

            bits |= mask64(piece->len) << piece->at;
        }
    }
    return bits;
}

static bool claims(const struct isa *isa, unsigned insn,
                   const struct isa_features *features, uint64_t mode, uint64_t word,
                   struct isa_decoded *out)
{
    out->word = word;
    out->length = isa->insns[insn].length;
    out->pc = 0;
    out->mode = mode;
    out->features = features;
    return isa_matches(isa, (uint16_t)insn, features, out) && !out->illegal;
}

/* The bits of `value` spread over the set bits of `mask`. */
static uint64_t spread(uint64_t value, uint64_t mask)
{
    uint64_t out = 0;

    for (; mask; mask &= mask - 1, value >>= 1)
        if (value & 1)
            out |= mask & (0 - mask);
    return out;
}

static unsigned count_bits(uint64_t a)
{
    unsigned n = 0;

    for (; a; a &= a - 1)
        n++;
    return n;
}

/* Can both be met in one fetch clause?  (ISA_NONE: in every one.) */
static bool same_clause(const struct isa_insn *a, const struct isa_insn *b)
{
    return a->mode_set == b->mode_set || a->mode_set == ISA_NONE ||
           b->mode_set == ISA_NONE;
}

/* A word that both instructions claim.  *tries_left bounds the work of many pairs. */
static bool find_witness(const struct isa *isa, const struct dtree_report *to, unsigned a,
                         unsigned b, uint64_t *word, uint64_t *tries_left)
{
    const struct isa_insn *insn_a = &isa->insns[a], *insn_b = &isa->insns[b];
    uint64_t fixed = insn_a->mask | insn_b->mask, value = insn_a->value | insn_b->value;
    uint64_t open =
        (constraint_bits(isa, insn_a) | constraint_bits(isa, insn_b)) & ~fixed;
    unsigned bits = count_bits(open);
    uint64_t tries = bits <= MAX_ENUMERATED ? UINT64_C(1) << bits : SAMPLES;
    uint64_t random = 0x9e3779b97f4a7c15, mode;
    struct isa_features features;
    struct isa_decoded out;

    if (!features_allow(isa, to, insn_a->features, insn_b->features, &features) ||
        !modes_allow(isa, insn_a, insn_b, &mode))
        return false;
    if (tries > *tries_left)
        tries = *tries_left > 64 ? *tries_left : 64;
    *tries_left -= tries < *tries_left ? tries : *tries_left;
    for (uint64_t i = 0; i < tries; i++) {
        uint64_t pick = i;

        if (bits > MAX_ENUMERATED) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            pick = random;
        }
        *word = value | spread(pick, open);
        if (claims(isa, a, &features, mode, *word, &out) &&
            claims(isa, b, &features, mode, *word, &out))
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------ overlaps */

static void print_as(const struct isa *isa, unsigned insn, uint64_t word, char *text,
                     size_t size)
{
    struct isa_features all;
    struct isa_decoded out;

    memset(&all, 0xff, sizeof(all));
    out.insn = (uint16_t)insn;
    out.word = word;
    out.length = isa->insns[insn].length;
    out.mode = 0;
    out.pc = 0;
    out.features = NULL;
    isa_matches(isa, (uint16_t)insn, &all, &out);
    out.insn = (uint16_t)insn;
    out.illegal = 0;
    isa_print(isa, &all, &out, TEXT_NO_ALIASES, text, size);
}

static void report_pair(const struct isa *isa, const struct dtree_report *to,
                        const char *code, unsigned a, unsigned b, uint64_t word)
{
    unsigned digits = 2 * isa->insns[a].length;
    char text[400], as_a[120], as_b[120];
    bool is_special = !strcmp(code, "W-CONTAIN");

    print_as(isa, a, word, as_a, sizeof(as_a));
    print_as(isa, b, word, as_b, sizeof(as_b));
    snprintf(text, sizeof(text), "%s %s %s%s claim %0*" PRIx64 ": \"%s\" and \"%s\"",
             isa_string(isa, isa->insns[a].name),
             is_special ? "is a special case of" : "and",
             isa_string(isa, isa->insns[b].name), is_special ? ": both" : " both",
             (int)digits, word, as_a, as_b);
    to->report(to->context, code, (uint16_t)a, (uint16_t)b, word, text);
}

/* Returns whether there was something to report. */
static bool check_pair(const struct isa *isa, const struct dtree_report *to, unsigned a,
                       unsigned b, uint64_t *tries_left)
{
    const struct isa_insn *insn_a = &isa->insns[a], *insn_b = &isa->insns[b];
    struct cube cube_a = cube_of(insn_a), cube_b = cube_of(insn_b);
    bool a_in_b, b_in_a;
    uint64_t word;

    if (!same_clause(insn_a, insn_b) || insn_a->length != insn_b->length ||
        !insn_a->length || !intersect(cube_a, cube_b) ||
        !find_witness(isa, to, a, b, &word, tries_left))
        return false;
    a_in_b = contains(cube_b, cube_a);
    b_in_a = contains(cube_a, cube_b);
    if (a_in_b == b_in_a) /* equal, or neither */
        report_pair(isa, to, "E-OVERLAP", a, b, word);
    else if (a_in_b)
        report_pair(isa, to, "W-CONTAIN", a, b, word);
    else
        report_pair(isa, to, "W-CONTAIN", b, a, word);
    return true;
}

/* ------------------------------------------------------------------- covering */

struct cover {
    struct cube *cubes;
    unsigned count;
    unsigned *splits; /* so far, of all parts */
};

/* A bit that is open in `cube` and fixed in most of the cubes; 64: none is. */
static unsigned splitting_bit(const struct cover *cover, struct cube cube)
{
    unsigned votes[64] = { 0 }, best = 64, most = 0;

    for (unsigned i = 0; i < cover->count; i++) {
        uint64_t bits = cover->cubes[i].mask & ~cube.mask;

        for (unsigned k = 0; bits; k++, bits >>= 1)
            votes[k] += (unsigned)(bits & 1);
    }
    for (unsigned k = 0; k < 64; k++)
        if (votes[k] > most) {
            most = votes[k];
            best = k;
        }
    return best;
}

/* Calls `hole` for parts of `cube` outside of all cubes of the cover, until it returns
 * false. */
static bool find_holes(const struct cover *cover, struct cube cube,
                       bool (*hole)(void *context, struct cube cube), void *context)
{
    struct cover part = { malloc((cover->count + 1) * sizeof(*part.cubes)), 0,
                          cover->splits };
    bool go_on = true;
    unsigned bit = 64;

    if (!part.cubes)
        die("out of memory");
    for (unsigned i = 0; i < cover->count; i++)
        if (contains(cover->cubes[i], cube)) {
            free(part.cubes);
            return true;
        } else if (intersect(cover->cubes[i], cube)) {
            part.cubes[part.count++] = cover->cubes[i];
        }
    *cover->splits += cover->count;
    if (part.count && *cover->splits < MAX_SPLITS)
        bit = splitting_bit(&part, cube);
    if (bit == 64)
        go_on = hole(context, cube);
    for (uint64_t v = 0; v < 2 && bit != 64 && go_on; v++) {
        struct cube half = { cube.mask | UINT64_C(1) << bit, cube.value | v << bit };

        go_on = find_holes(&part, half, hole, context);
    }
    free(part.cubes);
    return go_on;
}

static bool stop_at_hole(void *context, struct cube cube)
{
    (void)cube;
    *(bool *)context = true;
    return false;
}

/* Encodings inside of this one that always win against it. */
static void check_shadow(const struct isa *isa, const struct dtree_report *to,
                         unsigned number)
{
    const struct isa_insn *insn = &isa->insns[number];
    unsigned splits = 0;
    struct cover cover = { malloc((isa->ninsns + 1u) * sizeof(*cover.cubes)), 0,
                           &splits };
    bool has_hole = false;
    char text[200];

    if (!cover.cubes)
        die("out of memory");
    for (unsigned i = 0; i < isa->ninsns && insn->length; i++) {
        const struct isa_insn *other = &isa->insns[i];

        if (i != number && same_clause(other, insn) && other->length == insn->length &&
            !other->where_ok.count && !other->guard.count &&
            (other->features == ISA_NONE || other->features == insn->features) &&
            other->mask != insn->mask && contains(cube_of(insn), cube_of(other)))
            cover.cubes[cover.count++] = cube_of(other);
    }
    if (cover.count) {
        find_holes(&cover, cube_of(insn), stop_at_hole, &has_hole);
        if (!has_hole) {
            snprintf(text, sizeof(text), "%s is never reached: other encodings cover it",
                     isa_string(isa, insn->name));
            to->report(to->context, "E-SHADOW", (uint16_t)number, ISA_NONE, insn->value,
                       text);
        }
    }
    free(cover.cubes);
}

void dtree_check_overlaps(const struct isa *isa, const struct dtree_report *report)
{
    uint64_t tries_left = MAX_TRIES;
    unsigned found = 0;

    for (unsigned a = 0; a < isa->ninsns && found < MAX_FINDINGS; a++)
        for (unsigned b = a + 1; b < isa->ninsns && found < MAX_FINDINGS; b++)
            found += check_pair(isa, report, a, b, &tries_left);
    for (unsigned a = 0; a < isa->ninsns; a++)
        check_shadow(isa, report, a);
}

/* ----------------------------------------------------------------------- gaps */

struct gaps {
    const struct dtree_report *to;
    unsigned length, count, limit;
};

static bool report_gap(void *context, struct cube cube)
{
    struct gaps *gaps = context;
    char text[200];
    size_t n;

    if (gaps->count++ == gaps->limit) {
        gaps->to->report(gaps->to->context, "W-GAP", ISA_NONE, ISA_NONE, cube.value,
                         "and more words that are no instruction");
        return false;
    }
    n = (size_t)snprintf(text, sizeof(text), "no instruction: ");
    for (unsigned i = 8 * gaps->length; i-- > 0;) {
        text[n++] = !(cube.mask >> i & 1) ? '-' : cube.value >> i & 1 ? '1' : '0';
        if (i && i % 4 == 0)
            text[n++] = ' ';
    }
    text[n] = 0;
    gaps->to->report(gaps->to->context, "W-GAP", ISA_NONE, ISA_NONE, cube.value, text);
    return true;
}

/* A length's cube of first parcels as one of whole words. */
static struct cube length_cube(const struct isa_fetch *fetch,
                               const struct isa_length *length, unsigned bytes)
{
    unsigned shift = fetch->big || fetch->high_first ? 8 * (bytes - fetch->parcel) : 0;
    struct cube cube = { length->mask << shift, length->value << shift };

    cube.mask |= ~word_bits(bytes);
    return cube;
}

static void check_length(const struct isa *isa, const struct isa_fetch *fetch,
                         unsigned row, struct cover *cover, struct gaps *gaps)
{
    const struct isa_length *lengths = &isa->lengths[fetch->lengths];
    unsigned bytes = lengths[row].bytes;
    unsigned number = (unsigned)(fetch - isa->fetches);

    cover->count = 0;
    for (unsigned i = 0; i < row; i++)
        cover->cubes[cover->count++] = length_cube(fetch, &lengths[i], bytes);
    for (unsigned i = 0; i < isa->ninsns; i++)
        if ((isa->insns[i].mode_set == number || isa->insns[i].mode_set == ISA_NONE) &&
            isa->insns[i].length == bytes) {
            cover->cubes[cover->count] = cube_of(&isa->insns[i]);
            cover->cubes[cover->count++].mask |= ~word_bits(bytes);
        }
    for (unsigned i = 0; i < gaps->to->nclaims; i++) {
        const struct dtree_claim *claim = &gaps->to->claims[i];

        if (claim->length == bytes)
            cover->cubes[cover->count++] =
                (struct cube){ claim->mask | ~word_bits(bytes), claim->value };
    }
    gaps->length = bytes;
    find_holes(cover, length_cube(fetch, &lengths[row], bytes), report_gap, gaps);
}

void dtree_check_gaps(const struct isa *isa, const struct dtree_report *report,
                      unsigned limit)
{
    for (unsigned f = 0; f < isa->nfetches; f++) {
        const struct isa_fetch *fetch = &isa->fetches[f];
        unsigned splits = 0;
        struct cover cover = { malloc(((size_t)isa->ninsns + fetch->nlengths +
                                       report->nclaims + 1) *
                                      sizeof(*cover.cubes)),
                               0, &splits };

        if (!cover.cubes)
            die("out of memory");
        for (unsigned row = 0; row < fetch->nlengths && fetch->stream == ISA_NONE;
             row++) {
            struct gaps gaps = { .to = report, .limit = limit };

            unsigned bytes = isa->lengths[fetch->lengths + row].bytes;
            if (bytes && bytes <= 8)
                check_length(isa, fetch, row, &cover, &gaps);
        }
        free(cover.cubes);
    }
}
