/* aclint_test.c - timer and software interrupts, alone: two harts at 10 MHz. */
#include <check.h>

#include "dev/rig.h"

enum { MSIP = 0, MTIMECMP = 0x4000, MTIME = 0xbff8, NS_PER_TICK = 100 };

static struct rig *new_aclint(void)
{
    struct rig *rig = rig_new("aclint");

    rig_set(rig, "harts", "2");
    rig_init(rig);
    return rig;
}

START_TEST(mtime_counts_guest_time)
{
    struct rig *rig = new_aclint();
    uint64_t before = rig_read(rig, MTIME, 8);

    rig_pass(rig, 12345 * NS_PER_TICK);
    ck_assert_uint_eq(rig_read(rig, MTIME, 8) - before, 12345);
    ck_assert_uint_eq(rig_read(rig, MTIME, 4), (uint32_t)rig_read(rig, MTIME, 8));
    rig->now_ns = UINT64_MAX - 1000000000;
    rig_read(rig, MTIME, 8); /* no overflow on the way */
    rig_free(rig);
}
END_TEST

START_TEST(the_timer_fires_at_its_tick_and_not_before)
{
    struct rig *rig = new_aclint();
    uint64_t now = rig_read(rig, MTIME, 8);

    rig_write(rig, MTIMECMP + 8, 8, now + 1000);
    rig_pass(rig, 1000 * NS_PER_TICK - 1);
    ck_assert(!rig->levels[3]);
    rig_pass(rig, 1);
    ck_assert(rig->levels[3]);
    ck_assert(!rig->levels[1]);
    rig_write(rig, MTIMECMP + 8, 8, UINT64_MAX);
    ck_assert(!rig->levels[3]);
    rig_free(rig);
}
END_TEST

START_TEST(mtime_begins_anew)
{
    struct rig *rig = new_aclint();

    rig_write(rig, MTIMECMP, 8, 5);
    rig_write(rig, MTIME, 8, UINT64_MAX - 9);
    ck_assert(rig->levels[1]);
    rig_pass(rig, 10 * NS_PER_TICK - 1);
    ck_assert(rig->levels[1]);
    rig_pass(rig, 1); /* mtime is 0 */
    ck_assert(!rig->levels[1]);
    rig_pass(rig, 5 * NS_PER_TICK);
    ck_assert(rig->levels[1]);
    rig_free(rig);
}
END_TEST

START_TEST(mtimecmp_is_written_in_halves)
{
    struct rig *rig = new_aclint();

    rig_write(rig, MTIMECMP, 4, 0x1000);
    rig_write(rig, MTIMECMP + 4, 4, 0);
    ck_assert_uint_eq(rig_read(rig, MTIMECMP, 8), 0x1000);
    ck_assert(rig->levels[1]);
    rig_write(rig, MTIMECMP + 4, 4, 0x80000000);
    ck_assert_uint_eq(rig_read(rig, MTIMECMP + 4, 4), 0x80000000);
    ck_assert(!rig->levels[1]);
    rig_free(rig);
}
END_TEST

START_TEST(msip_is_one_bit)
{
    struct rig *rig = new_aclint();

    rig_write(rig, MSIP + 4, 4, 0xffffffff);
    ck_assert(rig->levels[2]);
    ck_assert_uint_eq(rig_read(rig, MSIP + 4, 4), 1);
    rig_write(rig, MSIP + 4, 4, 2);
    ck_assert(!rig->levels[2]);
    rig_write(rig, MSIP + 8, 4, 1); /* no such hart */
    ck_assert_uint_eq(rig_read(rig, MSIP + 8, 4), 0);
    rig_free(rig);
}
END_TEST

START_TEST(writing_mtime_moves_the_timers)
{
    struct rig *rig = new_aclint();

    rig_write(rig, MTIMECMP, 8, UINT64_C(1) << 40);
    ck_assert(!rig->levels[1]);
    rig_write(rig, MTIME, 8, UINT64_C(1) << 40);
    ck_assert(rig->levels[1]);
    rig_write(rig, MTIME, 8, 0);
    ck_assert(!rig->levels[1]);
    rig_free(rig);
}
END_TEST

START_TEST(no_compare_value_makes_a_busy_loop)
{
    static const uint64_t values[] = { 1, UINT64_MAX - 1, UINT64_C(1) << 63,
                                       UINT64_MAX / 100, 0 };
    struct rig *rig = new_aclint();

    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        rig_write(rig, MTIMECMP, 8, values[i]);
        for (unsigned n = 0; n < 10; n++)
            rig_pass(rig, 1);
        for (unsigned n = 0; n < RIG_TIMERS; n++)
            ck_assert(!rig->timers[n] || rig->timers[n]->deadline_ns > rig->now_ns);
    }
    rig_free(rig);
}
END_TEST

RIG_MAIN("aclint", mtime_counts_guest_time, the_timer_fires_at_its_tick_and_not_before,
         mtime_begins_anew, mtimecmp_is_written_in_halves, msip_is_one_bit,
         writing_mtime_moves_the_timers, no_compare_value_makes_a_busy_loop)
