/* clock_test.c - guest time, its timers, and the loop that waits for them. */
#include <check.h>

#include "base/host.h"
#include "dev/rig.h"
#include "sys/clock.h"
#include "sys/loop.h"

static uint64_t host_ns;

static uint64_t fake_now(void)
{
    return host_ns;
}

static unsigned fired[4];
static unsigned order[16], order_count;

static void fire(void *context)
{
    unsigned *count = context;

    ++*count;
    if (order_count < 16)
        order[order_count++] = (unsigned)(count - fired);
}

static struct guest_clock *new_clock(void)
{
    struct guest_clock *clock;

    host_ns = 1000000;
    memset(fired, 0, sizeof(fired));
    order_count = 0;
    clock = guest_clock_new(fake_now);
    return clock;
}

START_TEST(time_stands_still_until_it_is_started)
{
    struct guest_clock *clock = new_clock();
    struct clock *guest = guest_clock_interface(clock);

    host_ns += 500;
    ck_assert_uint_eq(clock_now_ns(guest), 0);
    guest_clock_start(clock);
    host_ns += 300;
    ck_assert_uint_eq(clock_now_ns(guest), 300);
    guest_clock_stop(clock);
    host_ns += 1000;
    ck_assert_uint_eq(clock_now_ns(guest), 300);
    guest_clock_start(clock);
    host_ns += 1;
    ck_assert_uint_eq(clock_now_ns(guest), 301);
    guest_clock_free(clock);
}
END_TEST

START_TEST(timers_fire_in_the_order_of_their_deadlines)
{
    struct guest_clock *clock = new_clock();
    struct timer timers[3];

    guest_clock_start(clock);
    for (unsigned i = 0; i < 3; i++)
        timer_init(&timers[i], guest_clock_interface(clock), fire, &fired[i]);
    timer_arm(&timers[0], 300);
    timer_arm(&timers[1], 100);
    timer_arm(&timers[2], 200);
    ck_assert_uint_eq(guest_clock_wait_ns(clock), 100);
    host_ns += 250;
    guest_clock_run(clock);
    ck_assert_uint_eq(order_count, 2);
    ck_assert_uint_eq(order[0], 1);
    ck_assert_uint_eq(order[1], 2);
    ck_assert_uint_eq(guest_clock_wait_ns(clock), 50);
    timer_cancel(&timers[0]);
    ck_assert_uint_eq(guest_clock_wait_ns(clock), UINT64_MAX);
    guest_clock_free(clock);
}
END_TEST

static void arm_again(void *context)
{
    fired[3]++;
    timer_arm(context, 0);
}

START_TEST(a_timer_that_arms_itself_in_the_past_has_one_turn_each_time)
{
    struct guest_clock *clock = new_clock();
    struct timer timer;

    guest_clock_start(clock);
    timer_init(&timer, guest_clock_interface(clock), arm_again, &timer);
    timer_arm(&timer, 0);
    guest_clock_run(clock);
    ck_assert_uint_eq(fired[3], 1);
    guest_clock_run(clock);
    ck_assert_uint_eq(fired[3], 2);
    timer_cancel(&timer);
    guest_clock_free(clock);
}
END_TEST

START_TEST(deadlines_at_the_end_of_time_are_no_overflow)
{
    struct guest_clock *clock = new_clock();
    struct timer timer;

    guest_clock_start(clock);
    timer_init(&timer, guest_clock_interface(clock), fire, &fired[0]);
    timer_arm(&timer, UINT64_MAX);
    host_ns += UINT64_C(1) << 62;
    guest_clock_run(clock);
    ck_assert_uint_eq(fired[0], 0);
    timer_cancel(&timer);
    guest_clock_free(clock);
}
END_TEST

static uint64_t counted(void *context)
{
    return *(uint64_t *)context;
}

START_TEST(a_source_of_its_own_says_what_time_it_is)
{
    struct guest_clock *clock = new_clock();
    struct clock *guest = guest_clock_interface(clock);
    uint64_t count = 1000;
    struct timer timer;

    guest_clock_set_source(clock, counted, &count);
    ck_assert_uint_eq(clock_now_ns(guest), 1000);
    guest_clock_start(clock);
    host_ns += 500;
    ck_assert_uint_eq(clock_now_ns(guest), 1000);
    timer_init(&timer, guest, fire, &fired[0]);
    timer_arm(&timer, 1500);
    ck_assert_uint_eq(guest_clock_wait_ns(clock), 500);
    guest_clock_run(clock);
    ck_assert_uint_eq(fired[0], 0);
    count = 1500;
    guest_clock_run(clock);
    ck_assert_uint_eq(fired[0], 1);
    guest_clock_free(clock);
}
END_TEST

START_TEST(wall_clocks_go_with_the_guest_or_with_the_host)
{
    struct guest_clock *clock = new_clock();
    struct clock *guest = guest_clock_interface(clock);
    const uint64_t day_ns = UINT64_C(86400000000000);
    uint64_t count = 1000, host = host_wall_ns();

    ck_assert_uint_lt(clock_wall_ns(guest) - host, day_ns);
    guest_clock_set_source(clock, counted, &count);
    guest_clock_set_wall(clock, day_ns, true);
    ck_assert_uint_eq(clock_wall_ns(guest), day_ns);
    count += 70;
    ck_assert_uint_eq(clock_wall_ns(guest), day_ns + 70);
    guest_clock_set_wall(clock, day_ns, false);
    count += day_ns;
    ck_assert_uint_lt(clock_wall_ns(guest) - day_ns, day_ns);
    guest_clock_free(clock);
}
END_TEST

/* ------------------------------------------------------------------------- loop */

static struct loop *loop;
static struct loop_fd *source;
static struct host_waker far_end;

static void stop_loop(void *context)
{
    ++*(unsigned *)context;
    loop_stop(loop);
}

static void post_from_far(void *arg)
{
    loop_post(loop, stop_loop, arg);
}

START_TEST(another_thread_ends_the_sleep)
{
    struct guest_clock *clock = guest_clock_new(NULL);
    struct host_lock *lock = host_lock_new();

    loop = loop_new(clock, lock);
    fired[0] = 0;
    ck_assert_int_eq(host_thread_start(post_from_far, &fired[0], HOST_SMALL_STACK), 0);
    loop_run(loop);
    ck_assert_uint_eq(fired[0], 1);
    loop_free(loop);
    guest_clock_free(clock);
    host_lock_free(lock);
}
END_TEST

START_TEST(a_timer_ends_the_sleep)
{
    struct guest_clock *clock = guest_clock_new(NULL);
    struct host_lock *lock = host_lock_new();
    struct timer timer;

    loop = loop_new(clock, lock);
    fired[0] = 0;
    timer_init(&timer, guest_clock_interface(clock), stop_loop, &fired[0]);
    timer_arm(&timer, 1000000);
    guest_clock_start(clock);
    loop_run(loop);
    ck_assert_uint_eq(fired[0], 1);
    loop_free(loop);
    guest_clock_free(clock);
    host_lock_free(lock);
}
END_TEST

static void source_ready(void *context)
{
    ++*(unsigned *)context;
    ck_assert(loop_can_read(source));
    loop_remove(source); /* in its own call */
    loop_stop(loop);
}

START_TEST(a_descriptor_that_is_ready_is_called_and_may_go)
{
    struct guest_clock *clock = guest_clock_new(NULL);
    struct host_lock *lock = host_lock_new();

    loop = loop_new(clock, lock);
    fired[0] = 0;
    ck_assert_int_eq(host_waker_open(&far_end), 0);
    source = loop_add(loop, far_end.read_fd, source_ready, &fired[0]);
    loop_want(source, true, false);
    host_wake(&far_end);
    loop_run(loop);
    ck_assert_uint_eq(fired[0], 1);
    loop_post(loop, stop_loop, &fired[1]);
    loop_run(loop);
    ck_assert_uint_eq(fired[0], 1);
    loop_free(loop);
    host_waker_close(&far_end);
    guest_clock_free(clock);
    host_lock_free(lock);
}
END_TEST

RIG_MAIN("clock", time_stands_still_until_it_is_started,
         timers_fire_in_the_order_of_their_deadlines,
         a_timer_that_arms_itself_in_the_past_has_one_turn_each_time,
         deadlines_at_the_end_of_time_are_no_overflow,
         a_source_of_its_own_says_what_time_it_is,
         wall_clocks_go_with_the_guest_or_with_the_host, another_thread_ends_the_sleep,
         a_timer_ends_the_sleep, a_descriptor_that_is_ready_is_called_and_may_go)
