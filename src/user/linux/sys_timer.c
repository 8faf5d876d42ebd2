/* sys_timer.c - POSIX timers, and the calls that steer the clocks. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "user/linux/calls_all.h"

static void put_event(struct sigevent *event, uint64_t value, int signo, int notify,
                      int tid)
{
    memset(event, 0, sizeof(*event));
    event->sigev_value.sival_ptr = (void *)(uintptr_t)value;
    event->sigev_signo = signal_to_host(signo);
    event->sigev_notify = notify;
#ifdef sigev_notify_thread_id
    event->sigev_notify_thread_id = tid;
#else
    event->_sigev_un._tid = tid;
#endif
}

/* The kernel's timer numbers are the guest's. */
int64_t sys_timer_create(struct task *t, const uint64_t *a)
{
    struct sigevent event;
    uint64_t v[EVENT_FIELDS];
    int id;

    if (a[1]) {
        if (read_struct(t, a[1], &t->proc->abi->layouts->sigevent, EVENT_FIELDS, v) < 0)
            return -EFAULT;
        put_event(&event, v[EVENT_VALUE], (int)v[EVENT_SIGNO], (int)v[EVENT_NOTIFY],
                  (int)v[EVENT_TID]);
    }
    if (syscall(SYS_timer_create, (int)a[0], a[1] ? &event : NULL, &id) < 0)
        return -errno;
    if (write_number(t, a[2], 4, (uint64_t)id) == 0)
        return 0;
    syscall(SYS_timer_delete, id);
    return -EFAULT;
}

static int64_t put_timer(struct task *t, uint64_t addr, const struct itimerspec *timer)
{
    if (write_timespec(t, addr, &timer->it_interval) < 0)
        return -EFAULT;
    return write_timespec(t, addr + t->proc->abi->layouts->timespec.size,
                          &timer->it_value);
}

/* The host's structs: the kernel's calls of these numbers take `long` seconds. */
int64_t sys_timer_settime(struct task *t, const uint64_t *a)
{
    struct itimerspec timer, old;
    uint64_t size = t->proc->abi->layouts->timespec.size;

    if (a[2] == 0)
        return -EINVAL;
    if (read_timespec(t, a[2], &timer.it_interval) < 0 ||
        read_timespec(t, a[2] + size, &timer.it_value) < 0)
        return -EFAULT;
    if (syscall(SYS_timer_settime, (int)a[0], (int)a[1], &timer, &old) < 0)
        return -errno;
    return a[3] ? put_timer(t, a[3], &old) : 0;
}

int64_t sys_timer_gettime(struct task *t, const uint64_t *a)
{
    struct itimerspec timer;

    if (syscall(SYS_timer_gettime, (int)a[0], &timer) < 0)
        return -errno;
    return a[1] ? put_timer(t, a[1], &timer) : -EFAULT;
}

int64_t sys_timer_getoverrun(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(syscall(SYS_timer_getoverrun, (int)a[0]));
}

int64_t sys_timer_delete(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(syscall(SYS_timer_delete, (int)a[0]));
}

/* ------------------------------------------------------------------------- clocks */

int64_t sys_settimeofday(struct task *t, const uint64_t *a)
{
    struct timeval now;
    uint64_t v[PAIR_FIELDS];

    if (a[1])
        return -EPERM; /* the host's time zone stays */
    if (a[0] == 0)
        return 0;
    if (read_struct(t, a[0], &t->proc->abi->layouts->timeval, PAIR_FIELDS, v) < 0)
        return -EFAULT;
    now.tv_sec = (time_t)v[PAIR_A];
    now.tv_usec = (suseconds_t)v[PAIR_B];
    return RESULT(settimeofday(&now, NULL));
}

static int64_t adjust(struct task *t, clockid_t clock, uint64_t addr)
{
    const struct layout *layout = &t->proc->abi->layouts->timex;
    uint64_t v[TIMEX_FIELDS];
    struct timex x;
    int state;

    if (read_struct(t, addr, layout, TIMEX_FIELDS, v) < 0)
        return -EFAULT;
    memset(&x, 0, sizeof(x));
    x.modes = (unsigned)v[0];
    x.offset = (long)v[1];
    x.freq = (long)v[2];
    x.maxerror = (long)v[3];
    x.esterror = (long)v[4];
    x.status = (int)v[5];
    x.constant = (long)v[6];
    x.time.tv_sec = (time_t)v[9];
    x.time.tv_usec = (suseconds_t)v[10];
    x.tick = (long)v[11];
    state = clock_adjtime(clock, &x);
    if (state < 0)
        return -errno;
    {
        const uint64_t out[TIMEX_FIELDS] = {
            x.modes,
            (uint64_t)x.offset,
            (uint64_t)x.freq,
            (uint64_t)x.maxerror,
            (uint64_t)x.esterror,
            (uint64_t)x.status,
            (uint64_t)x.constant,
            (uint64_t)x.precision,
            (uint64_t)x.tolerance,
            (uint64_t)x.time.tv_sec,
            (uint64_t)x.time.tv_usec,
            (uint64_t)x.tick,
            (uint64_t)x.ppsfreq,
            (uint64_t)x.jitter,
            (uint64_t)x.shift,
            (uint64_t)x.stabil,
            (uint64_t)x.jitcnt,
            (uint64_t)x.calcnt,
            (uint64_t)x.errcnt,
            (uint64_t)x.stbcnt,
            (uint64_t)x.tai,
        };

        return write_struct(t, addr, layout, TIMEX_FIELDS, out) < 0 ? -EFAULT : state;
    }
}

int64_t sys_adjtimex(struct task *t, const uint64_t *a)
{
    return adjust(t, CLOCK_REALTIME, a[0]);
}

int64_t sys_clock_adjtime(struct task *t, const uint64_t *a)
{
    return adjust(t, (clockid_t)a[0], a[1]);
}

int64_t sys_sched_rr_get_interval(struct task *t, const uint64_t *a)
{
    struct timespec slice;

    if (sched_rr_get_interval((pid_t)a[0], &slice) < 0)
        return -errno;
    return a[1] ? write_timespec(t, a[1], &slice) : -EFAULT;
}
