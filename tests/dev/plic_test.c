/* plic_test.c - the PLIC, alone: two contexts, sources 1 to 40. */
#include <check.h>

#include "dev/rig.h"

enum { PENDING = 0x1000, ENABLE = 0x2000, THRESHOLD = 0x200000, CLAIM = 0x200004 };

static struct rig *new_plic(void)
{
    struct rig *rig = rig_new("sifive-plic");

    rig_set(rig, "sources", "40");
    rig_set(rig, "contexts", "2");
    rig_init(rig);
    return rig;
}

/* Source with a priority, for a context. */
static void enable(struct rig *rig, unsigned source, unsigned priority, unsigned context)
{
    uint64_t word = ENABLE + 0x80 * context + source / 32 * 4;

    rig_write(rig, 4 * source, 4, priority);
    rig_write(rig, word, 4, rig_read(rig, word, 4) | UINT64_C(1) << source % 32);
}

START_TEST(a_line_raises_the_contexts_that_enabled_it)
{
    struct rig *rig = new_plic();

    enable(rig, 10, 1, 1);
    dev_set_line(rig->dev, 10, true);
    ck_assert(!rig->levels[0]);
    ck_assert(rig->levels[1]);
    ck_assert_uint_eq(rig_read(rig, PENDING, 4), 1 << 10);
    rig_free(rig);
}
END_TEST

START_TEST(a_claim_takes_the_highest_priority_then_the_lowest_number)
{
    struct rig *rig = new_plic();

    enable(rig, 5, 2, 0);
    enable(rig, 6, 3, 0);
    enable(rig, 35, 3, 0);
    dev_set_line(rig->dev, 5, true);
    dev_set_line(rig->dev, 35, true);
    dev_set_line(rig->dev, 6, true);
    ck_assert_uint_eq(rig_read(rig, CLAIM, 4), 6);
    ck_assert_uint_eq(rig_read(rig, CLAIM, 4), 35);
    ck_assert_uint_eq(rig_read(rig, CLAIM, 4), 5);
    ck_assert_uint_eq(rig_read(rig, CLAIM, 4), 0);
    ck_assert(!rig->levels[0]);
    rig_free(rig);
}
END_TEST

START_TEST(completion_makes_a_high_line_pending_again)
{
    struct rig *rig = new_plic();

    enable(rig, 7, 1, 0);
    dev_set_line(rig->dev, 7, true);
    ck_assert_uint_eq(rig_read(rig, CLAIM, 4), 7);
    ck_assert(!rig->levels[0]);
    rig_write(rig, CLAIM, 4, 7);
    ck_assert(rig->levels[0]);
    ck_assert_uint_eq(rig_read(rig, CLAIM, 4), 7);
    dev_set_line(rig->dev, 7, false);
    rig_write(rig, CLAIM, 4, 7);
    ck_assert(!rig->levels[0]);
    rig_free(rig);
}
END_TEST

START_TEST(a_line_that_rises_while_claimed_waits_for_the_completion)
{
    struct rig *rig = new_plic();

    enable(rig, 7, 1, 0);
    dev_set_line(rig->dev, 7, true);
    ck_assert_uint_eq(rig_read(rig, CLAIM, 4), 7);
    dev_set_line(rig->dev, 7, false);
    dev_set_line(rig->dev, 7, true);
    ck_assert(!rig->levels[0]);
    rig_write(rig, CLAIM, 4, 7);
    ck_assert(rig->levels[0]);
    rig_free(rig);
}
END_TEST

START_TEST(the_threshold_masks_the_output_but_not_claims)
{
    struct rig *rig = new_plic();

    enable(rig, 7, 3, 0);
    rig_write(rig, THRESHOLD, 4, 3);
    dev_set_line(rig->dev, 7, true);
    ck_assert(!rig->levels[0]);
    rig_write(rig, THRESHOLD, 4, 2);
    ck_assert(rig->levels[0]);
    rig_write(rig, THRESHOLD, 4, 7);
    ck_assert_uint_eq(rig_read(rig, CLAIM, 4), 7);
    rig_free(rig);
}
END_TEST

START_TEST(priority_0_never_interrupts)
{
    struct rig *rig = new_plic();

    enable(rig, 7, 0, 0);
    dev_set_line(rig->dev, 7, true);
    ck_assert(!rig->levels[0]);
    ck_assert_uint_eq(rig_read(rig, CLAIM, 4), 0);
    rig_free(rig);
}
END_TEST

START_TEST(completing_what_is_not_enabled_is_ignored)
{
    struct rig *rig = new_plic();

    enable(rig, 7, 1, 0);
    dev_set_line(rig->dev, 7, true);
    ck_assert_uint_eq(rig_read(rig, CLAIM, 4), 7);
    rig_write(rig, CLAIM + 0x1000, 4, 7); /* by the other context */
    ck_assert(!rig->levels[0]);
    rig_write(rig, CLAIM, 4, 0xffffffff);
    rig_write(rig, CLAIM, 4, 7);
    ck_assert(rig->levels[0]);
    rig_free(rig);
}
END_TEST

START_TEST(sources_that_are_not_there_cannot_be_set)
{
    struct rig *rig = new_plic();

    rig_write(rig, 0, 4, 7);
    rig_write(rig, 4 * 41, 4, 7);
    rig_write(rig, ENABLE, 4, 0xffffffff);
    rig_write(rig, ENABLE + 4, 4, 0xffffffff);
    rig_write(rig, ENABLE + 8, 4, 0xffffffff);
    ck_assert_uint_eq(rig_read(rig, 0, 4), 0);
    ck_assert_uint_eq(rig_read(rig, 4 * 41, 4), 0);
    ck_assert_uint_eq(rig_read(rig, ENABLE, 4), 0xfffffffe);
    ck_assert_uint_eq(rig_read(rig, ENABLE + 4, 4), 0x1ff);
    ck_assert_uint_eq(rig_read(rig, ENABLE + 8, 4), 0);
    dev_set_line(rig->dev, 0, true);
    dev_set_line(rig->dev, 41, true);
    dev_set_line(rig->dev, UINT32_MAX, true);
    ck_assert_uint_eq(rig_read(rig, PENDING, 4), 0);
    rig_write(rig, 4 * 7, 4, 0xff);
    ck_assert_uint_eq(rig_read(rig, 4 * 7, 4), 7);
    rig_free(rig);
}
END_TEST

RIG_MAIN("plic", a_line_raises_the_contexts_that_enabled_it,
         a_claim_takes_the_highest_priority_then_the_lowest_number,
         completion_makes_a_high_line_pending_again,
         a_line_that_rises_while_claimed_waits_for_the_completion,
         the_threshold_masks_the_output_but_not_claims, priority_0_never_interrupts,
         completing_what_is_not_enabled_is_ignored,
         sources_that_are_not_there_cannot_be_set)
