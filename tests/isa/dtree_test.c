/* dtree_test.c - decode trees, and findings about sets of encodings. */
#include "isagen/dtree.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "isa/decode.h"
#include "run_cases.h"
#include "toy.h"

static char findings[2000];

static void note(void *context, const char *code, uint16_t a, uint16_t b, uint64_t word,
                 const char *text)
{
    size_t n = strlen(findings);

    (void)context;
    (void)a;
    (void)b;
    (void)word;
    snprintf(findings + n, sizeof(findings) - n, "%s %s\n", code, text);
}

static const struct dtree_report to_findings = { .report = note };

/* The toy with another list of instructions. */
static struct toy_copy copy;
static struct isa_insn insns[400];

/* The toy's strings, and the names of the instructions below. */
static char strings[sizeof(toy_strings) + 5000];
static size_t strings_size;

static uint32_t text(const char *name)
{
    size_t at = strings_size ? strings_size : sizeof(toy_strings);

    strings_size = at + strlen(name) + 1;
    ck_assert_uint_le(strings_size, sizeof(strings));
    memcpy(strings, &toy_strings, sizeof(toy_strings));
    memcpy(strings + at, name, strlen(name) + 1);
    return (uint32_t)at;
}

static void use(unsigned count)
{
    toy_copy(&copy);
    copy.isa.strings = strings;
    copy.isa.insns = insns;
    copy.isa.ninsns = (uint16_t)count;
    findings[0] = 0;
}

static struct isa_insn plain(const char *name, uint64_t mask, uint64_t value)
{
    return (struct isa_insn){ .name = text(name),
                              .mask = mask,
                              .value = value,
                              .length = 2,
                              .features = ISA_NONE,
                              .text = TOY_COUNT(toy_texts) - 1 };
}

/* What a decoder without a tree says: the fitting one with most bits. */
static unsigned naive(const struct isa *isa, uint64_t word)
{
    unsigned best = ISA_NONE;

    for (unsigned i = 0; i < isa->ninsns; i++)
        if ((word & isa->insns[i].mask) == isa->insns[i].value && word < 0x10000 &&
            (best == ISA_NONE || isa->insns[i].mask > isa->insns[best].mask))
            best = i;
    return best;
}

START_TEST(a_tree_decodes_as_a_list_does)
{
    struct isa_features features = { { 0 } };
    uint32_t random = 1;
    unsigned n = 0;

    /* Encodings that fix more and more bits from the top, so that masks contain each
     * other. */
    for (unsigned i = 0; i < 400; i++) {
        unsigned bits = 2 + i % 14;

        random = random * 1664525 + 1013904223;
        insns[n] = plain("x", (0xffffu << (16 - bits)) & 0xffff, 0);
        insns[n].value = random >> 17 & insns[n].mask;
        n += naive(&(struct isa){ .insns = insns, .ninsns = (uint16_t)n },
                   insns[n].value) == ISA_NONE ||
             bits > 4;
        for (unsigned k = 0; k + 1 < n; k++)
            if (insns[k].mask == insns[n - 1].mask &&
                insns[k].value == insns[n - 1].value) {
                n--;
                break;
            }
    }
    use(n);
    ck_assert_int_eq(dtree_build(&copy.isa), 0);
    for (uint32_t word = 0; word < 0x8000; word++) {
        const uint8_t bytes[2] = { (uint8_t)(word >> 8), (uint8_t)word };
        struct isa_decoded insn;

        isa_decode(&copy.isa, &features, 0, 0, bytes, 2, &insn);
        ck_assert_uint_eq(insn.insn, naive(&copy.isa, word));
    }
    dtree_free(&copy.isa);
}
END_TEST

START_TEST(a_good_isa_has_no_findings)
{
    toy_copy(&copy);
    findings[0] = 0;
    dtree_check_overlaps(&copy.isa, &to_findings);
    ck_assert_str_eq(findings, "");
}
END_TEST

START_TEST(two_that_share_a_word_overlap_with_a_witness)
{
    insns[0] = plain("one", 0xff00, 0x1200);
    insns[1] = plain("two", 0xf0ff, 0x1034);
    use(2);
    dtree_check_overlaps(&copy.isa, &to_findings);
    ck_assert_str_eq(findings, "E-OVERLAP one and two both claim 1234: \"\" and \"\"\n");
}
END_TEST

START_TEST(features_that_exclude_each_other_make_no_overlap)
{
    static const uint16_t on_off[] = { 0, 0x8000 };
    static const struct isa_feature_set sets[] = { { 0, 1, false }, { 1, 1, false } };

    insns[0] = plain("one", 0xff00, 0x1200);
    insns[1] = plain("two", 0xf0ff, 0x1034);
    insns[0].features = 0;
    insns[1].features = 1;
    use(2);
    copy.isa.feature_sets = sets;
    copy.isa.numbers = on_off;
    dtree_check_overlaps(&copy.isa, &to_findings);
    ck_assert_str_eq(findings, "");
    insns[1].features = 0;
    dtree_check_overlaps(&copy.isa, &to_findings);
    ck_assert_str_ne(findings, "");
}
END_TEST

START_TEST(a_constraint_that_keeps_them_apart_makes_no_overlap)
{
    insns[0] = toy_insns[TOY_SHIFT]; /* i[0] must be 0 */
    insns[1] = plain("odd", 0xf00c, 0x5008);
    use(2);
    dtree_check_overlaps(&copy.isa, &to_findings);
    ck_assert_str_eq(findings, "");
    insns[1] = plain("even", 0xf00c, 0x5000);
    dtree_check_overlaps(&copy.isa, &to_findings);
    ck_assert_str_eq(findings,
                     "W-CONTAIN even is a special case of shift: both claim 5000: \"\" "
                     "and \"shift zero, 0\"\n");
}
END_TEST

START_TEST(an_encoding_covered_by_others_is_never_reached)
{
    insns[0] = plain("all", 0xf000, 0x1000);
    insns[1] = plain("low", 0xf800, 0x1000);
    insns[2] = plain("high", 0xf800, 0x1800);
    use(3);
    dtree_check_overlaps(&copy.isa, &to_findings);
    ck_assert_ptr_nonnull(strstr(findings, "E-SHADOW all is never reached"));
    findings[0] = 0;
    insns[2] = plain("high", 0xf801, 0x1801);
    dtree_check_overlaps(&copy.isa, &to_findings);
    ck_assert_ptr_null(strstr(findings, "E-SHADOW"));
}
END_TEST

START_TEST(gaps_are_patterns)
{
    insns[0] = plain("a", 0xc000, 0x0000);
    insns[1] = plain("b", 0xe000, 0x6000);
    insns[2] = plain("c", 0xf1ff, 0x8000);
    insns[2].mask = 0xf0000000;
    insns[2].value = 0x80000000;
    insns[2].length = 4;
    use(3);
    dtree_check_gaps(&copy.isa, &to_findings, 10);
    ck_assert_str_eq(findings, "W-GAP no instruction: 010- ---- ---- ----\n");
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        a_tree_decodes_as_a_list_does,
        a_good_isa_has_no_findings,
        two_that_share_a_word_overlap_with_a_witness,
        features_that_exclude_each_other_make_no_overlap,
        a_constraint_that_keeps_them_apart_makes_no_overlap,
        an_encoding_covered_by_others_is_never_reached,
        gaps_are_patterns,
    };

    return run_cases("dtree", cases, COUNT(cases));
}
