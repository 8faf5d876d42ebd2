/* report_test.c - messages, their limits and exit statuses. */
#include "base/report.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run_cases.h"

static time_t fake_time;

static time_t fake_now(void)
{
    return fake_time;
}

/* From here on stderr goes to a file, whose lines count_lines() counts. */
static FILE *captured;

static void capture(void)
{
    captured = tmpfile();
    ck_assert_ptr_nonnull(captured);
    ck_assert_int_ge(dup2(fileno(captured), STDERR_FILENO), 0);
    report_set_clock(fake_now);
    fake_time = 1;
}

static int count_lines(const char *with)
{
    char line[4096];
    int count = 0;

    fflush(stderr);
    rewind(captured);
    while (fgets(line, sizeof(line), captured))
        count += strstr(line, with) != NULL;
    fseek(captured, 0, SEEK_END);
    return count;
}

START_TEST(die_exits_with_1)
{
    die("%s: not there", "a.img");
}
END_TEST

START_TEST(bug_exits_with_70)
{
    bug("block %#x has no exit", 0x80000000u);
}
END_TEST

START_TEST(guest_errors_are_limited_by_the_second)
{
    capture();
    for (int i = 0; i < 100; i++)
        guest_error("plic: bad write %d", i);
    ck_assert_int_eq(count_lines("guest: plic: bad write"), GUEST_ERRORS_PER_SECOND);
    fake_time = 2;
    guest_error("plic: bad write again");
    ck_assert_int_eq(count_lines("90 more messages not shown"), 1);
    ck_assert_int_eq(count_lines("again"), 1);
}
END_TEST

START_TEST(a_long_message_is_cut_and_stays_one_line)
{
    char text[5000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    capture();
    guest_error("%s", text);
    ck_assert_int_eq(count_lines("guest: xxx"), 1);
    ck_assert_int_eq(count_lines("x"), 1);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("report", USUAL_LIMIT);

    tcase_add_exit_test(cases.all, die_exits_with_1, 1);
    tcase_add_exit_test(cases.all, bug_exits_with_70, EXIT_BUG);
    tcase_add_test(cases.all, guest_errors_are_limited_by_the_second);
    tcase_add_test(cases.all, a_long_message_is_cut_and_stays_one_line);
    return cases_run(cases);
}
