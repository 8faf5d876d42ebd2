/* examples_test.c - every compiled-in instruction set against itself.
 *
 * Its examples; text to bytes and back; and the decode tree against a plain list.
 * RHEA_LONG: ten times as many words. */
#include "isa/engine.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/eval.h"
#include "isa/text.h"
#include "run_cases.h"

enum { RANDOM_WORDS = 1000000, RANDOM_TEXTS = 20000, SAMPLES = 12, MODES = 4 };

static uint64_t state = 88172645463325252u;

static uint64_t random64(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static unsigned times(unsigned count)
{
    return getenv("RHEA_LONG") ? 10 * count : count;
}

/* Feature sets to try: each model's, and everything at once. */
static void choose_features(const struct isa *isa, unsigned number,
                            struct isa_features *features)
{
    if (number < isa->nmodels)
        isa_features_parse(isa, isa_string(isa, isa->models[number].name), features,
                           NULL);
    else
        memset(features, 0xff, sizeof(*features));
}

/* A fetch clause that an instruction belongs to. */
static const struct isa_fetch *fetch_of(const struct isa *isa,
                                        const struct isa_insn *insn)
{
    return &isa->fetches[insn->mode_set == ISA_NONE ? 0 : insn->mode_set];
}

/* Random features, mode and word; more often than not something that exists. */
static void random_case(const struct isa *isa, struct isa_features *features,
                        uint64_t *mode, uint8_t *bytes)
{
    const struct isa_insn *insn = &isa->insns[random64() % isa->ninsns];
    const struct isa_fetch *fetch;

    choose_features(isa, (unsigned)(random64() % (isa->nmodels + 1u)), features);
    *mode = isa->nmodes ? random64() & 0xff : 0;
    for (unsigned i = 0; i < ISA_MAX_ILEN; i++)
        bytes[i] = (uint8_t)random64();
    fetch = fetch_of(isa, insn);
    if (random64() & 1 && insn->length)
        isa_put_word(fetch, insn->value | (random64() & ~insn->mask), bytes,
                     insn->length);
}

static const char *hex(const uint8_t *bytes, unsigned length)
{
    static char text[3 * ISA_MAX_ILEN + 1];

    for (unsigned i = 0; i < length; i++)
        sprintf(text + 3 * i, "%02x ", bytes[i]);
    return text;
}

/* ------------------------------------------------------------------- examples */

START_TEST(every_example_does_what_it_says)
{
    const struct isa *isa = isa_list[_i];
    unsigned failed = 0;
    char error[400], where[100];

    for (unsigned i = 0; i < isa->nexamples; i++) {
        struct isa_example example = isa_example(isa, i);

        if ((!example.code && example_text(isa, &example, error, sizeof(error))) ||
            eval_example(isa, &example, error, sizeof(error))) {
            fprintf(stderr, "%s: %s: %s\n", isa->name,
                    isa_where_text(isa, example.where, where, sizeof(where)), error);
            failed++;
        }
    }
    ck_assert_uint_eq(failed, 0);
}
END_TEST

/* ----------------------------------------------------------------------- text */

/* Prints, assembles, and expects the same bytes. */
static void check_round(const struct isa *isa, const struct isa_features *features,
                        const struct isa_decoded *insn, unsigned flags)
{
    uint8_t bytes[ISA_MAX_ILEN], back[ISA_MAX_ILEN];
    char text[400], error[400] = "";
    unsigned length = isa_encode(isa, insn, bytes), n;

    ck_assert_msg(length == insn->length, "%s: %s does not encode", isa->name,
                  isa_string(isa, isa->insns[insn->insn].name));
    isa_print(isa, features, insn, flags, text, sizeof(text));
    n = isa_assemble_as(isa, features, insn->mode, insn->pc, insn->insn, text, back,
                        error, sizeof(error));
    ck_assert_msg(n == length && !memcmp(bytes, back, n), "%s: \"%s\" (%s): %s",
                  isa->name, text, hex(bytes, length), n ? hex(back, n) : error);
}

/* A decoded instance of an instruction, or false after many tries. */
static bool sample(const struct isa *isa, unsigned number, struct isa_features *features,
                   struct isa_decoded *out)
{
    const struct isa_insn *insn = &isa->insns[number];
    uint8_t bytes[ISA_MAX_ILEN] = { 0 };

    for (unsigned i = 0; i < 400; i++) {
        uint64_t mode = isa->nmodes ? random64() & 0xff : 0;

        choose_features(isa, i % (isa->nmodels + 1u), features);
        isa_put_word(fetch_of(isa, insn),
                     insn->value | (random64() & random64() & ~insn->mask), bytes,
                     insn->length);
        isa_decode(isa, features, mode, random64() & 0xfffffff0, bytes, sizeof(bytes),
                   out);
        if (out->insn == number && !out->illegal)
            return true;
    }
    return false;
}

START_TEST(text_of_sampled_operands_assembles_to_the_same_bytes)
{
    const struct isa *isa = isa_list[_i];
    struct isa_features features;
    struct isa_decoded insn;

    for (unsigned number = 0; number < isa->ninsns; number++)
        for (unsigned i = 0; i < SAMPLES && isa->insns[number].length; i++)
            if (sample(isa, number, &features, &insn)) {
                check_round(isa, &features, &insn, 0);
                check_round(isa, &features, &insn, TEXT_NO_ALIASES);
            } else {
                ck_assert_msg(i > 0, "%s: %s is never decoded", isa->name,
                              isa_string(isa, isa->insns[number].name));
            }
}
END_TEST

START_TEST(assembling_what_was_printed_prints_the_same)
{
    const struct isa *isa = isa_list[_i];

    for (unsigned i = 0; i < times(RANDOM_TEXTS); i++) {
        uint8_t bytes[ISA_MAX_ILEN], back[ISA_MAX_ILEN];
        char text[400], again[400], error[400];
        struct isa_features features;
        struct isa_decoded insn;
        uint64_t mode;
        unsigned n;

        random_case(isa, &features, &mode, bytes);
        isa_decode(isa, &features, mode, 0x10000, bytes, sizeof(bytes), &insn);
        if (insn.insn == ISA_NONE || insn.illegal)
            continue;
        isa_print(isa, &features, &insn, 0, text, sizeof(text));
        n = isa_assemble(isa, &features, mode, 0x10000, text, back, error, sizeof(error));
        ck_assert_msg(n, "%s: \"%s\": %s", isa->name, text, error);
        isa_decode(isa, &features, mode, 0x10000, back, n, &insn);
        isa_print(isa, &features, &insn, 0, again, sizeof(again));
        ck_assert_str_eq(text, again);
    }
}
END_TEST

START_TEST(mangled_text_is_refused_or_assembles_to_something)
{
    static const char letters[] = " ,().-+0x9azA1_[]{}#:\"";
    const struct isa *isa = isa_list[_i];

    for (unsigned i = 0; i < times(RANDOM_TEXTS); i++) {
        uint8_t bytes[ISA_MAX_ILEN], back[ISA_MAX_ILEN];
        struct isa_features features;
        struct isa_decoded insn;
        char text[400], error[40];
        size_t length;
        uint64_t mode;
        unsigned n;

        random_case(isa, &features, &mode, bytes);
        isa_decode(isa, &features, mode, 0, bytes, sizeof(bytes), &insn);
        isa_print(isa, &features, &insn, 0, text, sizeof(text));
        length = strlen(text);
        for (unsigned k = 0; k < 1 + random64() % 3; k++)
            text[random64() % length] = letters[random64() % (sizeof(letters) - 1)];
        n = isa_assemble(isa, &features, mode, 0, text, back, error, sizeof(error));
        if (!n) {
            ck_assert_int_ne(error[0], 0);
            continue;
        }
        isa_decode(isa, &features, mode, 0, back, n, &insn);
        ck_assert_msg(insn.insn != ISA_NONE && !insn.illegal, "%s: \"%s\": %s", isa->name,
                      text, hex(back, n));
    }
}
END_TEST

/* ----------------------------------------------------------------------- tree */

static unsigned count_bits(uint64_t a)
{
    unsigned n = 0;

    for (; a; a &= a - 1)
        n++;
    return n;
}

/* The instructions of each fetch clause, most specific first, spec order among equals. */
static uint16_t *order;
static const struct isa *ordered;

static int compare(const void *a, const void *b)
{
    const uint16_t x = *(const uint16_t *)a, y = *(const uint16_t *)b;
    unsigned bits_x = count_bits(ordered->insns[x].mask);
    unsigned bits_y = count_bits(ordered->insns[y].mask);

    return bits_x != bits_y ? (bits_x < bits_y) - (bits_x > bits_y) : (x > y) - (x < y);
}

static void list_decode(const struct isa *isa, const struct isa_features *features,
                        struct isa_decoded *out)
{
    const struct isa_fetch *fetch = isa_fetch_of(isa, out->mode);
    unsigned first_failed = ISA_NONE;

    for (unsigned i = 0; i < isa->ninsns; i++)
        if ((isa->insns[order[i]].mode_set == ISA_NONE ||
             fetch_of(isa, &isa->insns[order[i]]) == fetch) &&
            isa_matches(isa, order[i], features, out)) {
            if (!out->illegal)
                return;
            if (first_failed == ISA_NONE)
                first_failed = order[i];
        }
    out->insn = ISA_NONE;
    out->illegal = 0;
    if (first_failed != ISA_NONE)
        isa_matches(isa, (uint16_t)first_failed, features, out);
}

START_TEST(the_tree_finds_what_a_list_finds)
{
    const struct isa *isa = isa_list[_i];
    unsigned found = 0;

    ordered = isa;
    order = malloc(isa->ninsns * sizeof(*order));
    for (unsigned i = 0; i < isa->ninsns; i++)
        order[i] = (uint16_t)i;
    qsort(order, isa->ninsns, sizeof(*order), compare);
    for (unsigned i = 0; i < times(RANDOM_WORDS); i++) {
        struct isa_decoded tree, list;
        struct isa_features features;
        uint8_t bytes[ISA_MAX_ILEN];
        uint64_t mode;

        random_case(isa, &features, &mode, bytes);
        isa_decode(isa, &features, mode, 0, bytes, sizeof(bytes), &tree);
        if (isa->fetches[0].stream != ISA_NONE || !tree.word)
            continue;
        list = tree;
        list_decode(isa, &features, &list);
        ck_assert_msg(tree.insn == list.insn && tree.illegal == list.illegal,
                      "%s: %s: tree %u, list %u", isa->name, hex(bytes, tree.length),
                      tree.insn, list.insn);
        found += tree.insn != ISA_NONE;
    }
    free(order);
    ck_assert_uint_gt(found, times(RANDOM_WORDS) / 100);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("examples", 600);
    int count = 0;

    while (isa_list[count])
        count++;
    tcase_add_loop_test(cases.all, every_example_does_what_it_says, 0, count);
    tcase_add_loop_test(cases.all, text_of_sampled_operands_assembles_to_the_same_bytes,
                        0, count);
    tcase_add_loop_test(cases.all, assembling_what_was_printed_prints_the_same, 0, count);
    tcase_add_loop_test(cases.all, mangled_text_is_refused_or_assembles_to_something, 0,
                        count);
    tcase_add_loop_test(cases.all, the_tree_finds_what_a_list_finds, 0, count);
    return cases_run(cases);
}
