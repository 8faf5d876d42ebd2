/* sifive_test_test.c - the test finisher and the empty virtio slot, alone. */
#include <check.h>

#include "dev/rig.h"

START_TEST(pass_and_fail_end_with_their_status)
{
    struct rig *rig = rig_new("sifive-test");

    rig_init(rig);
    rig_write(rig, 0, 4, 0x5555);
    ck_assert_uint_eq(rig->power_event, POWER_OFF);
    ck_assert_int_eq(rig->power_status, 0);
    rig_write(rig, 0, 4, 0x00073333);
    ck_assert_uint_eq(rig->power_event, POWER_OFF);
    ck_assert_int_eq(rig->power_status, 7);
    ck_assert_uint_eq(rig->power_requests, 2);
    rig_free(rig);
}
END_TEST

START_TEST(reset_asks_for_a_reset)
{
    struct rig *rig = rig_new("sifive-test");

    rig_init(rig);
    rig_write(rig, 0, 2, 0x7777);
    ck_assert_uint_eq(rig->power_event, POWER_RESET);
    rig_free(rig);
}
END_TEST

START_TEST(other_values_do_nothing)
{
    struct rig *rig = rig_new("sifive-test");

    rig_init(rig);
    rig_write(rig, 0, 4, 0);
    rig_write(rig, 0, 4, 0x55550000);
    rig_write(rig, 2, 2, 0x5555);
    ck_assert_uint_eq(rig->power_requests, 0);
    rig_free(rig);
}
END_TEST

START_TEST(an_empty_virtio_slot_says_so)
{
    struct rig *rig = rig_new("virtio-mmio");

    rig_init(rig);
    ck_assert_uint_eq(rig_read(rig, 0, 4), 0x74726976);
    ck_assert_uint_eq(rig_read(rig, 4, 4), 2);
    ck_assert_uint_eq(rig_read(rig, 8, 4), 0);
    rig_write(rig, 0x70, 4, 1);
    ck_assert_uint_eq(rig_read(rig, 0x101, 1), 0);
    rig_free(rig);
}
END_TEST

RIG_MAIN("sifive_test", pass_and_fail_end_with_their_status, reset_asks_for_a_reset,
         other_values_do_nothing, an_empty_virtio_slot_says_so)
