/* text_test.c - printing and assembling on a hand-made instruction set. */
#include "isa/text.h"

#include <check.h>
#include <string.h>

#include "isagen/dtree.h"
#include "run_cases.h"
#include "toy.h"

static struct toy_copy copy;
static struct isa_features features;

static const char *print(uint16_t word, unsigned flags)
{
    const uint8_t bytes[ISA_MAX_ILEN] = { (uint8_t)(word >> 8), (uint8_t)word };
    static char text[80];
    struct isa_decoded insn;

    isa_decode(&copy.isa, &features, 0, 0x100, bytes, sizeof(bytes), &insn);
    isa_print(&copy.isa, &features, &insn, flags, text, sizeof(text));
    return text;
}

static char error[200];

/* The encoding as a number, or -1 with `error`. */
static int64_t assemble(const char *text)
{
    uint8_t bytes[ISA_MAX_ILEN];
    unsigned length;
    int64_t word = 0;

    length =
        isa_assemble(&copy.isa, &features, 0, 0x100, text, bytes, error, sizeof(error));
    for (unsigned i = 0; i < length; i++)
        word = word << 8 | bytes[i];
    return length ? word : -1;
}

START_TEST(operands_print_by_their_kind)
{
    ck_assert_str_eq(print(0x1298, 0), "add r1, r2, r3");
    ck_assert_str_eq(print(0x25f8, 0), "li r2, -1");
    ck_assert_str_eq(print(0x3e40, 0), "lw r7, (r1)");
    ck_assert_str_eq(print(0x4003, 0), "bz 0x106");
    ck_assert_str_eq(print(0x41fe, 0), "bz 0xfc");
    ck_assert_str_eq(print(0x8200, 0), "li r1, 0x0");
    ck_assert_str_eq(print(0x0000, 0), "halt");
}
END_TEST

START_TEST(what_is_no_instruction_prints_as_a_word)
{
    ck_assert_str_eq(print(0x0001, 0), ".word 0x0001");
    ck_assert_str_eq(print(0x9000, 0), ".word 0x9000");
    ck_assert_str_eq(print(0x8001, 0), ".word 0x80010000");
    ck_assert_str_eq(print(0x5208, 0), ".word 0x5208"); /* constraint: i is odd */
}
END_TEST

START_TEST(an_omitted_operand_takes_its_separator_along)
{
    ck_assert_str_eq(print(0x5220, 0), "shift r1");
    ck_assert_str_eq(print(0x5230, 0), "shift r1, 6");
    ck_assert_str_eq(print(0x5221, 0), "shift.w r1");
    ck_assert_str_eq(print(0x5223, 0), "shift3 r1"); /* no name: the number */
}
END_TEST

START_TEST(the_first_alias_that_fits_prints)
{
    ck_assert_str_eq(print(0x1000, 0), "nop");
    ck_assert_str_eq(print(0x1280, 0), "mv r1, r2");
    ck_assert_str_eq(print(0x1280, TEXT_NO_ALIASES), "add r1, r2, zero");
}
END_TEST

START_TEST(a_short_buffer_is_never_overrun)
{
    const uint8_t bytes[ISA_MAX_ILEN] = { 0x12, 0x98 };
    struct isa_decoded insn;
    char text[20];

    isa_decode(&copy.isa, &features, 0, 0, bytes, sizeof(bytes), &insn);
    for (size_t size = 0; size < sizeof(text); size++) {
        memset(text, '#', sizeof(text));
        ck_assert_int_eq(isa_print(&copy.isa, &features, &insn, 0, text, size), 14);
        ck_assert_int_eq(text[size], '#');
        if (size > 0)
            ck_assert_uint_lt(strlen(text), size);
    }
}
END_TEST

START_TEST(text_assembles_to_its_encoding)
{
    ck_assert_int_eq(assemble("add r1, r2, r3"), 0x1298);
    ck_assert_int_eq(assemble("  ADD   R1,r2 ,\tr3  "), 0x1298);
    ck_assert_int_eq(assemble("lw sp,(r1)"), 0x3e40);
    ck_assert_int_eq(assemble("lw r7, ( r1 )"), 0x3e40);
    ck_assert_int_eq(assemble("li r2, -1"), 0x25f8);
    ck_assert_int_eq(assemble("bz 0x106"), 0x4003);
    ck_assert_int_eq(assemble("bz .+6"), 0x4003);
    ck_assert_int_eq(assemble("bz . - 4"), 0x41fe);
    ck_assert_int_eq(assemble("shift r1"), 0x5220);
    ck_assert_int_eq(assemble("shift r1, 4"), 0x5220);
    ck_assert_int_eq(assemble("shift.w r1, 6"), 0x5231);
    ck_assert_int_eq(assemble("nop"), 0x1000);
    ck_assert_int_eq(assemble("mv r1, r2"), 0x1280);
}
END_TEST

START_TEST(the_shortest_encoding_that_fits_is_taken)
{
    ck_assert_int_eq(assemble("li r1, 31"), 0x22f8);
    ck_assert_int_eq(assemble("li r1, 32"), 0x82000020);
    ck_assert_int_eq(assemble("li r1, 0x1f"), 0x22f8);
}
END_TEST

START_TEST(errors_say_what_would_fit)
{
    ck_assert_int_eq(assemble("li r1, 0x12345"), -1);
    ck_assert_str_eq(error, "li: immediate 0x12345 does not fit: 0..65535");
    ck_assert_int_eq(assemble("bz 0x1100"), -1);
    ck_assert_str_eq(error,
                     "bz: target 0x1100 does not fit: 0xff00..0x2fe, multiples of 2");
    ck_assert_int_eq(assemble("add r1, r2"), -1);
    ck_assert_str_eq(error, "add: expected \", \"");
    ck_assert_int_eq(assemble("add r1, r8, r3"), -1);
    ck_assert_str_eq(error, "add: expected a register of r at \"r8\"");
    ck_assert_int_eq(assemble("shift r1, 3"), -1);
    ck_assert_str_eq(error, "shift: not allowed with these operands");
    ck_assert_int_eq(assemble("halt now"), -1);
    ck_assert_str_eq(error, "halt: nothing expected at \"now\"");
    ck_assert_int_eq(assemble("jump r1"), -1);
    ck_assert_str_eq(error, "unknown instruction \"jump\"");
    ck_assert_int_eq(assemble(""), -1);
}
END_TEST

START_TEST(instructions_of_absent_features_do_not_assemble)
{
    struct isa_features few;
    uint8_t bytes[ISA_MAX_ILEN];

    isa_features_parse(&copy.isa, "toy0", &few, NULL);
    ck_assert_uint_eq(
        isa_assemble(&copy.isa, &few, 0, 0, "li r1, 100", bytes, error, sizeof(error)),
        0);
    ck_assert_str_eq(error,
                     "li: not there with this model, its features, or in this mode");
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        operands_print_by_their_kind,
        what_is_no_instruction_prints_as_a_word,
        an_omitted_operand_takes_its_separator_along,
        the_first_alias_that_fits_prints,
        a_short_buffer_is_never_overrun,
        text_assembles_to_its_encoding,
        the_shortest_encoding_that_fits_is_taken,
        errors_say_what_would_fit,
        instructions_of_absent_features_do_not_assemble,
    };
    int status;

    toy_copy(&copy);
    if (dtree_build(&copy.isa) || isa_features_parse(&copy.isa, NULL, &features, NULL))
        return 1;
    status = run_cases("text", cases, COUNT(cases));
    dtree_free(&copy.isa);
    return status;
}
