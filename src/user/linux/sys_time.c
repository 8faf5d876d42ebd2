/* sys_time.c - clocks, timers and sleeping; futexes, which are waiting with a timeout. */
#include <errno.h>
#include <linux/futex.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "user/linux/calls_all.h"

int64_t sys_clock_gettime(struct task *t, const uint64_t *a)
{
    struct timespec now;

    return clock_gettime((clockid_t)a[0], &now) < 0 ? -errno
                                                    : write_timespec(t, a[1], &now);
}

int64_t sys_clock_settime(struct task *t, const uint64_t *a)
{
    struct timespec now;

    if (a[1] == 0 || read_timespec(t, a[1], &now) < 0)
        return -EFAULT;
    return RESULT(clock_settime((clockid_t)a[0], &now));
}

int64_t sys_clock_getres(struct task *t, const uint64_t *a)
{
    struct timespec tick;

    return clock_getres((clockid_t)a[0], &tick) < 0 ? -errno
                                                    : write_timespec(t, a[1], &tick);
}

int64_t sys_gettimeofday(struct task *t, const uint64_t *a)
{
    struct timeval now;
    struct timezone zone;
    uint64_t v[PAIR_FIELDS];

    if (syscall(SYS_gettimeofday, &now, &zone) < 0)
        return -errno;
    v[PAIR_A] = (uint64_t)now.tv_sec;
    v[PAIR_B] = (uint64_t)now.tv_usec;
    if (a[0] &&
        write_struct(t, a[0], &t->proc->abi->layouts->timeval, PAIR_FIELDS, v) < 0)
        return -EFAULT;
    if (a[1] && (write_number(t, a[1], 4, (uint64_t)zone.tz_minuteswest) < 0 ||
                 write_number(t, a[1] + 4, 4, (uint64_t)zone.tz_dsttime) < 0))
        return -EFAULT;
    return 0;
}

/* -------------------------------------------------------------------------- sleeping */

enum { SECOND_NS = 1000000000 };

static bool is_time(const struct timespec *time)
{
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < SECOND_NS;
}

/* Until t->until; nothing if that is past. */
static void time_left(const struct task *t, clockid_t clock, struct timespec *left)
{
    struct timespec now;

    clock_gettime(clock, &now);
    left->tv_sec = t->until.tv_sec - now.tv_sec;
    left->tv_nsec = t->until.tv_nsec - now.tv_nsec;
    if (left->tv_nsec < 0) {
        left->tv_sec--;
        left->tv_nsec += SECOND_NS;
    }
    if (left->tv_sec < 0)
        left->tv_sec = left->tv_nsec = 0;
}

void wait_until(struct task *t, clockid_t clock, struct timespec *timeout)
{
    struct timespec now;

    if (t->has_until) {
        time_left(t, clock, timeout);
        return;
    }
    if (!is_time(timeout) || clock_gettime(clock, &now) < 0)
        return; /* the kernel will refuse it */
    if (__builtin_add_overflow(now.tv_sec, timeout->tv_sec, &t->until.tv_sec) ||
        __builtin_add_overflow(t->until.tv_sec, 1, &now.tv_sec))
        return; /* for ever */
    t->until.tv_nsec = now.tv_nsec + timeout->tv_nsec;
    if (t->until.tv_nsec >= SECOND_NS) {
        t->until.tv_sec++;
        t->until.tv_nsec -= SECOND_NS;
    }
    t->has_until = true;
}

static int64_t sleep_for(struct task *t, clockid_t clock, struct timespec *wanted,
                         uint64_t to)
{
    /* What is set does not change how long it lasts. */
    clockid_t measure =
        clock == CLOCK_REALTIME || clock == CLOCK_TAI ? CLOCK_MONOTONIC : clock;
    struct timespec left;
    int64_t result;

    wait_until(t, measure, wanted);
    result =
        BLOCKING(t, NO_RESTART, SYS_clock_nanosleep, clock, 0, (long)wanted, (long)&left);
    if (result != -NO_RESTART || !t->has_until)
        return result;
    time_left(t, measure, &left);
    if (left.tv_sec == 0 && left.tv_nsec == 0)
        return 0;
    return write_timespec(t, to, &left) < 0 ? -EFAULT : result;
}

static int64_t sleep_on(struct task *t, clockid_t clock, int flags, uint64_t from,
                        uint64_t to)
{
    struct timespec wanted;

    if (from == 0 || read_timespec(t, from, &wanted) < 0)
        return -EFAULT;
    if (!(flags & TIMER_ABSTIME))
        return sleep_for(t, clock, &wanted, to);
    return BLOCKING(t, NO_RESTART, SYS_clock_nanosleep, clock, flags, (long)&wanted, 0);
}

int64_t sys_clock_nanosleep(struct task *t, const uint64_t *a)
{
    return sleep_on(t, (clockid_t)a[0], (int)a[1], a[2], a[3]);
}

int64_t sys_nanosleep(struct task *t, const uint64_t *a)
{
    return sleep_on(t, CLOCK_MONOTONIC, 0, a[0], a[1]);
}

int64_t sys_times(struct task *t, const uint64_t *a)
{
    unsigned word = t->proc->abi->layouts->word;
    struct tms now;
    clock_t ticks = times(&now);
    const clock_t values[4] = { now.tms_utime, now.tms_stime, now.tms_cutime,
                                now.tms_cstime };

    for (unsigned i = 0; i < 4 && a[0]; i++)
        if (write_number(t, a[0] + i * word, word, (uint64_t)values[i]) < 0)
            return -EFAULT;
    return ticks;
}

/* ----------------------------------------------------------------- interval timers */

static int read_itimer(struct task *t, uint64_t addr, struct itimerval *timer)
{
    const struct layout *layout = &t->proc->abi->layouts->timeval;
    uint64_t v[2][PAIR_FIELDS];

    if (read_struct(t, addr, layout, PAIR_FIELDS, v[0]) < 0 ||
        read_struct(t, addr + layout->size, layout, PAIR_FIELDS, v[1]) < 0)
        return -EFAULT;
    timer->it_interval.tv_sec = (time_t)v[0][PAIR_A];
    timer->it_interval.tv_usec = (suseconds_t)v[0][PAIR_B];
    timer->it_value.tv_sec = (time_t)v[1][PAIR_A];
    timer->it_value.tv_usec = (suseconds_t)v[1][PAIR_B];
    return 0;
}

static int write_itimer(struct task *t, uint64_t addr, const struct itimerval *timer)
{
    const struct layout *layout = &t->proc->abi->layouts->timeval;
    const uint64_t v[2][PAIR_FIELDS] = {
        { (uint64_t)timer->it_interval.tv_sec, (uint64_t)timer->it_interval.tv_usec },
        { (uint64_t)timer->it_value.tv_sec, (uint64_t)timer->it_value.tv_usec },
    };

    if (addr == 0)
        return 0;
    if (write_struct(t, addr, layout, PAIR_FIELDS, v[0]) < 0)
        return -EFAULT;
    return write_struct(t, addr + layout->size, layout, PAIR_FIELDS, v[1]);
}

int64_t sys_getitimer(struct task *t, const uint64_t *a)
{
    struct itimerval timer;

    return getitimer((int)a[0], &timer) < 0 ? -errno : write_itimer(t, a[1], &timer);
}

int64_t sys_setitimer(struct task *t, const uint64_t *a)
{
    struct itimerval timer = { { 0, 0 }, { 0, 0 } }, old;

    if (a[1] && read_itimer(t, a[1], &timer) < 0)
        return -EFAULT;
    return setitimer((int)a[0], &timer, &old) < 0 ? -errno : write_itimer(t, a[2], &old);
}

int64_t sys_timerfd_create(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(timerfd_create((clockid_t)a[0], open_flags_to_host(a[1])));
}

static int write_itimerspec(struct task *t, uint64_t addr, const struct itimerspec *timer)
{
    uint64_t size = t->proc->abi->layouts->timespec.size;

    if (addr == 0)
        return 0;
    if (write_timespec(t, addr, &timer->it_interval) < 0)
        return -EFAULT;
    return write_timespec(t, addr + size, &timer->it_value);
}

int64_t sys_timerfd_settime(struct task *t, const uint64_t *a)
{
    struct itimerspec timer, old;
    uint64_t size = t->proc->abi->layouts->timespec.size;

    if (a[2] == 0 || read_timespec(t, a[2], &timer.it_interval) < 0 ||
        read_timespec(t, a[2] + size, &timer.it_value) < 0)
        return -EFAULT;
    if (timerfd_settime((int)a[0], (int)a[1], &timer, &old) < 0)
        return -errno;
    return write_itimerspec(t, a[3], &old);
}

int64_t sys_timerfd_gettime(struct task *t, const uint64_t *a)
{
    struct itimerspec timer;

    return timerfd_gettime((int)a[0], &timer) < 0 ? -errno
                                                  : write_itimerspec(t, a[1], &timer);
}
