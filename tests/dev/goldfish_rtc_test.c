/* goldfish_rtc_test.c - the real-time clock, alone. */
#include <check.h>

#include "dev/rig.h"

enum {
    TIME_LOW = 0x00,
    TIME_HIGH = 0x04,
    ALARM_LOW = 0x08,
    ALARM_HIGH = 0x0c,
    IRQ_ENABLED = 0x10,
    CLEAR_ALARM = 0x14,
    ALARM_STATUS = 0x18,
    CLEAR_INTERRUPT = 0x1c,
};

static struct rig *new_rtc(void)
{
    struct rig *rig = rig_new("goldfish-rtc");

    rig_init(rig);
    return rig;
}

static uint64_t read_time(struct rig *rig)
{
    uint64_t low = rig_read(rig, TIME_LOW, 4);

    return rig_read(rig, TIME_HIGH, 4) << 32 | low;
}

static void set_alarm(struct rig *rig, uint64_t at)
{
    rig_write(rig, ALARM_HIGH, 4, at >> 32);
    rig_write(rig, ALARM_LOW, 4, at);
}

START_TEST(it_tells_the_wall_clock)
{
    struct rig *rig = new_rtc();

    ck_assert_uint_eq(read_time(rig), rig->now_ns + rig->wall_offset_ns);
    rig_free(rig);
}
END_TEST

START_TEST(reading_low_latches_high)
{
    struct rig *rig = new_rtc();
    uint64_t high;

    rig->wall_offset_ns = UINT64_C(0x5ffffffff) - rig->now_ns;
    ck_assert_uint_eq(rig_read(rig, TIME_LOW, 4), 0xffffffff);
    rig_pass(rig, 1);
    high = rig_read(rig, TIME_HIGH, 4);
    ck_assert_uint_eq(high, 5);
    rig_free(rig);
}
END_TEST

START_TEST(a_reset_keeps_the_time_that_was_set)
{
    struct rig *rig = new_rtc();

    rig_write(rig, TIME_HIGH, 4, 7);
    rig_write(rig, TIME_LOW, 4, 42);
    ck_assert_uint_eq(read_time(rig), UINT64_C(7) << 32 | 42);
    dev_reset(rig->dev);
    rig_pass(rig, 8);
    ck_assert_uint_eq(read_time(rig), UINT64_C(7) << 32 | 50);
    rig_free(rig);
}
END_TEST

START_TEST(the_alarm_raises_the_line_once)
{
    struct rig *rig = new_rtc();

    rig_write(rig, IRQ_ENABLED, 4, 1);
    set_alarm(rig, read_time(rig) + 1000);
    ck_assert_uint_eq(rig_read(rig, ALARM_STATUS, 4), 1);
    rig_pass(rig, 999);
    ck_assert(!rig->levels[0]);
    rig_pass(rig, 1);
    ck_assert(rig->levels[0]);
    ck_assert_uint_eq(rig_read(rig, ALARM_STATUS, 4), 0);
    rig_write(rig, CLEAR_INTERRUPT, 4, 1);
    ck_assert(!rig->levels[0]);
    rig_pass(rig, 100000);
    ck_assert(!rig->levels[0]);
    rig_free(rig);
}
END_TEST

START_TEST(an_alarm_in_the_past_fires_at_once)
{
    struct rig *rig = new_rtc();

    set_alarm(rig, 1);
    ck_assert(!rig->levels[0]);
    rig_write(rig, IRQ_ENABLED, 4, 1);
    ck_assert(rig->levels[0]);
    rig_free(rig);
}
END_TEST

START_TEST(a_cleared_alarm_does_not_fire)
{
    struct rig *rig = new_rtc();

    rig_write(rig, IRQ_ENABLED, 4, 1);
    set_alarm(rig, read_time(rig) + 1000);
    rig_write(rig, CLEAR_ALARM, 4, 1);
    rig_pass(rig, 2000);
    ck_assert(!rig->levels[0]);
    rig_free(rig);
}
END_TEST

START_TEST(a_wall_clock_set_back_delays_the_alarm)
{
    struct rig *rig = new_rtc();

    rig_write(rig, IRQ_ENABLED, 4, 1);
    set_alarm(rig, read_time(rig) + 1000);
    rig->wall_offset_ns -= 500;
    rig_pass(rig, 1000);
    ck_assert(!rig->levels[0]);
    rig_pass(rig, 500);
    ck_assert(rig->levels[0]);
    rig_free(rig);
}
END_TEST

RIG_MAIN("goldfish_rtc", it_tells_the_wall_clock, reading_low_latches_high,
         a_reset_keeps_the_time_that_was_set, the_alarm_raises_the_line_once,
         an_alarm_in_the_past_fires_at_once, a_cleared_alarm_does_not_fire,
         a_wall_clock_set_back_delays_the_alarm)
