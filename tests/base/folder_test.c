/* folder_test.c - descriptors of a thread's own, and what tells builds apart. */
#include <check.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/host.h"
#include "run_cases.h"

static int ends[2]; /* of a pipe */
static bool is_own, is_closed, is_no_message;
static int has_ended;

static void run_thread(void *context)
{
    (void)context;
    is_own = host_thread_own_files() == 0;
    is_closed = fcntl(ends[0], F_GETFD) < 0;
    is_no_message = open("/dev/null", O_RDONLY) > STDERR_FILENO;
    __atomic_store_n(&has_ended, 1, __ATOMIC_RELEASE);
}

START_TEST(a_thread_has_descriptors_of_its_own)
{
    char byte;

    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(host_thread_start(run_thread, NULL, HOST_SMALL_STACK), 0);
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 0); /* the thread does not keep it open */
    while (!__atomic_load_n(&has_ended, __ATOMIC_ACQUIRE))
        usleep(100);
    ck_assert(is_own);
    ck_assert(is_closed);
    ck_assert(is_no_message);
    ck_assert_int_ge(fcntl(ends[0], F_GETFD), 0);
}
END_TEST

START_TEST(the_build_is_known)
{
    uint8_t id[HOST_BUILD_ID], again[HOST_BUILD_ID];
    size_t size = host_build_id(id);

    ck_assert_uint_ge(size, 16);
    ck_assert_uint_eq(host_build_id(again), size);
    ck_assert_int_eq(memcmp(id, again, size), 0);
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        a_thread_has_descriptors_of_its_own,
        the_build_is_known,
    };

    return run_cases("folder", cases, COUNT(cases));
}
