/* sys_poll.c - waiting for descriptors: poll, select, epoll. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "user/linux/calls_all.h"

/* A signal mask that comes with a call: its address (0: none) and size. */
static int take_mask(struct task *t, uint64_t addr, uint64_t size, uint64_t *host)
{
    uint64_t mask;

    if (addr == 0)
        return 0;
    if (size != 8)
        return -EINVAL;
    if (read_number(t, addr, 8, &mask) < 0)
        return -EFAULT;
    use_mask(t, mask, host);
    return 1;
}

enum { POLLFD = 8, FD = 0, EVENTS = 4, REVENTS = 6 }; /* the same for every guest */

static int64_t poll_fds(struct task *t, const uint64_t *a, struct pollfd *fds,
                        struct timespec *timeout)
{
    uint64_t host_mask;
    int masked = take_mask(t, a[3], a[4], &host_mask);
    int64_t got;

    if (masked < 0)
        return masked;
    got = BLOCKING(t, NO_RESTART, SYS_ppoll, (long)fds, (long)a[1], (long)timeout,
                   masked ? (long)&host_mask : 0, 8);
    end_mask(t, got);
    if (a[2]) /* of what is left; a call that runs again reads it */
        write_timespec(t, a[2], timeout);
    for (uint64_t i = 0; got >= 0 && i < a[1]; i++)
        if (write_number(t, a[0] + i * POLLFD + REVENTS, 2, (uint16_t)fds[i].revents) < 0)
            return -EFAULT;
    return got;
}

int64_t sys_ppoll(struct task *t, const uint64_t *a)
{
    enum { MAX_FDS = 65536, FEW = 64 };
    struct pollfd few[FEW], *fds = few;
    struct timespec timeout;
    int64_t result = -EFAULT;

    if (a[1] > MAX_FDS)
        return -EINVAL;
    if (a[2] && read_timespec(t, a[2], &timeout) < 0)
        return -EFAULT;
    if (a[1] > FEW)
        fds = malloc(a[1] * sizeof(*fds));
    if (!fds)
        return -ENOMEM;
    for (uint64_t i = 0; i < a[1]; i++) {
        uint8_t bytes[POLLFD];

        if (space_read(t->proc->space, a[0] + i * POLLFD, bytes, POLLFD, NULL) < 0)
            goto out;
        fds[i].fd = (int)get_guest(t->proc->abi, bytes + FD, 4);
        fds[i].events = (short)get_guest(t->proc->abi, bytes + EVENTS, 2);
        fds[i].revents = 0;
    }
    result = poll_fds(t, a, fds, a[2] ? &timeout : NULL);
out:
    if (fds != few)
        free(fds);
    return result;
}

/* ------------------------------------------------------------------------ select */

enum { SELECT_FDS = 4096, LONG_BITS = 8 * sizeof(long) };
typedef unsigned long fd_bits[SELECT_FDS / LONG_BITS];

/* Copies `n` bits between a guest's array of words and ours. */
static int read_bits(struct task *t, uint64_t addr, unsigned n, unsigned long *bits)
{
    unsigned word = t->proc->abi->layouts->word;
    uint64_t value = 0;

    memset(bits, 0, sizeof(fd_bits));
    for (unsigned i = 0; addr && i < n; i++) {
        if (i % (8 * word) == 0 && read_number(t, addr + i / 8, word, &value) < 0)
            return -EFAULT;
        if (value >> i % (8 * word) & 1)
            bits[i / LONG_BITS] |= 1ul << i % LONG_BITS;
    }
    return 0;
}

static int write_bits(struct task *t, uint64_t addr, unsigned n,
                      const unsigned long *bits)
{
    unsigned word = t->proc->abi->layouts->word;
    uint64_t value = 0;

    for (unsigned i = 0; addr && i < n; i++) {
        value |= (uint64_t)(bits[i / LONG_BITS] >> i % LONG_BITS & 1) << i % (8 * word);
        if ((i + 1) % (8 * word) && i + 1 < n)
            continue;
        if (write_number(t, addr + i / (8 * word) * word, word, value) < 0)
            return -EFAULT;
        value = 0;
    }
    return 0;
}

/* The sixth argument: the address of { address of the mask, its size }. */
static int take_select_mask(struct task *t, uint64_t addr, uint64_t *host)
{
    unsigned word = t->proc->abi->layouts->word;
    uint64_t set, size;

    if (addr == 0)
        return 0;
    if (read_number(t, addr, word, &set) < 0 ||
        read_number(t, addr + word, word, &size) < 0)
        return -EFAULT;
    return take_mask(t, set, size, host);
}

int64_t sys_pselect6(struct task *t, const uint64_t *a)
{
    fd_bits sets[3];
    struct timespec timeout;
    uint64_t host_mask;
    long host_pair[2] = { 0, 8 };
    unsigned n = (unsigned)a[0];
    int64_t got;
    int masked;

    if ((int)a[0] < 0)
        return -EINVAL;
    if (n > SELECT_FDS)
        n = SELECT_FDS;
    for (unsigned i = 0; i < 3; i++)
        if (read_bits(t, a[1 + i], n, sets[i]) < 0)
            return -EFAULT;
    if (a[4] && read_timespec(t, a[4], &timeout) < 0)
        return -EFAULT;
    masked = take_select_mask(t, a[5], &host_mask);
    if (masked < 0)
        return masked;
    host_pair[0] = masked ? (long)&host_mask : 0;
    got = BLOCKING(t, NO_RESTART, SYS_pselect6, n, a[1] ? (long)sets[0] : 0,
                   a[2] ? (long)sets[1] : 0, a[3] ? (long)sets[2] : 0,
                   a[4] ? (long)&timeout : 0, (long)host_pair);
    end_mask(t, got);
    if (a[4]) /* of what is left; a call that runs again reads it */
        write_timespec(t, a[4], &timeout);
    if (got < 0)
        return got;
    for (unsigned i = 0; i < 3; i++)
        if (write_bits(t, a[1 + i], n, sets[i]) < 0)
            return -EFAULT;
    return got;
}

/* ------------------------------------------------------------------------- epoll */

int64_t sys_epoll_create1(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(epoll_create1(open_flags_to_host(a[0])));
}

int64_t sys_epoll_ctl(struct task *t, const uint64_t *a)
{
    struct epoll_event event = { 0 };
    uint64_t v[EPOLL_FIELDS];

    if (a[1] != EPOLL_CTL_DEL) {
        if (read_struct(t, a[3], &t->proc->abi->layouts->epoll_event, EPOLL_FIELDS, v) <
            0)
            return -EFAULT;
        event.events = (uint32_t)v[EPOLL_F_EVENTS];
        event.data.u64 = v[EPOLL_F_DATA];
    }
    return RESULT(epoll_ctl((int)a[0], (int)a[1], (int)a[2], &event));
}

/* In milliseconds, rounded up: a wait may be longer, not shorter. */
static int in_milliseconds(const struct timespec *time)
{
    return time->tv_sec > INT32_MAX / 1000 - 1
               ? INT32_MAX
               : (int)(time->tv_sec * 1000 + (time->tv_nsec + 999999) / 1000000);
}

/* `timeout`: NULL for none. */
static int64_t wait_events(struct task *t, const uint64_t *a, struct timespec *timeout)
{
    enum { MAX_EVENTS = 512 };
    const struct layout *layout = &t->proc->abi->layouts->epoll_event;
    struct epoll_event events[MAX_EVENTS];
    int max = (int)a[2] > MAX_EVENTS ? MAX_EVENTS : (int)a[2];
    uint64_t host_mask;
    int masked = take_mask(t, a[4], a[5], &host_mask);
    int64_t got;

    if (masked < 0)
        return masked;
    if (timeout)
        wait_until(t, CLOCK_MONOTONIC, timeout);
    got = BLOCKING(t, STOP_ENDS, SYS_epoll_pwait, (int)a[0], (long)events, max,
                   timeout ? in_milliseconds(timeout) : -1, masked ? (long)&host_mask : 0,
                   8);
    end_mask(t, got);
    for (int64_t i = 0; i < got; i++) {
        uint64_t v[EPOLL_FIELDS] = { events[i].events, events[i].data.u64 };

        if (write_struct(t, a[1] + (uint64_t)i * layout->size, layout, EPOLL_FIELDS, v) <
            0)
            return -EFAULT;
    }
    return got;
}

int64_t sys_epoll_pwait(struct task *t, const uint64_t *a)
{
    int ms = (int)a[3];
    struct timespec timeout = { ms / 1000, ms % 1000 * 1000000L };

    return wait_events(t, a, ms < 0 ? NULL : &timeout);
}

int64_t sys_epoll_pwait2(struct task *t, const uint64_t *a)
{
    struct timespec timeout;

    if (a[3] == 0)
        return wait_events(t, a, NULL);
    if (read_timespec(t, a[3], &timeout) < 0)
        return -EFAULT;
    if (timeout.tv_sec < 0 || timeout.tv_nsec < 0 || timeout.tv_nsec > 999999999)
        return -EINVAL;
    return wait_events(t, a, &timeout);
}
