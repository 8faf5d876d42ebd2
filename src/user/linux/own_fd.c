/* own_fd.c - rhea's own descriptors in a guest's process: out of the way of the guest's
 * numbers, and not the guest's to close. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/linux/linux.h"

enum {
    ABOVE = 512, /* the guest counts its descriptors from 3 on */
    MOST = 64,   /* the log, a debugger's and its files, the pipe of a vfork */
};

static int own[MOST]; /* the number + 1; 0: free.  Threads take and give them. */

void own_fd_add(int fd)
{
    for (int i = 0; i < MOST; i++) {
        int none = 0;

        if (__atomic_compare_exchange_n(&own[i], &none, fd + 1, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return;
    }
}

int own_fd(int fd)
{
    struct rlimit limit;
    int high = -1;

    if (fd < 0)
        return fd;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        high = fcntl(fd, F_DUPFD_CLOEXEC,
                     (int)(limit.rlim_cur / 2 < ABOVE ? limit.rlim_cur / 2 : ABOVE));
    if (high < 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    else
        close(fd);
    own_fd_add(high < 0 ? fd : high);
    return high < 0 ? fd : high;
}

bool is_own_fd(int fd)
{
    for (int i = 0; i < MOST; i++)
        if (fd >= 0 && __atomic_load_n(&own[i], __ATOMIC_RELAXED) == fd + 1)
            return true;
    return false;
}

void own_fd_close(int fd)
{
    for (int i = 0; i < MOST && fd >= 0; i++) {
        int number = fd + 1;

        if (__atomic_compare_exchange_n(&own[i], &number, 0, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            break;
    }
    if (fd >= 0)
        close(fd);
}

#ifdef SYS_close_range
/* The first of rhea's own from `first` on, or UINT_MAX. */
static unsigned next_own(unsigned first)
{
    unsigned next = UINT_MAX;

    for (int i = 0; i < MOST; i++) {
        int number = __atomic_load_n(&own[i], __ATOMIC_RELAXED);

        if (number && (unsigned)(number - 1) >= first && (unsigned)(number - 1) < next)
            next = (unsigned)(number - 1);
    }
    return next;
}

int64_t close_range_but_own(unsigned first, unsigned last, unsigned flags)
{
    for (;;) {
        unsigned next = next_own(first), end = next <= last ? next - 1 : last;

        if (next != first && syscall(SYS_close_range, first, end, flags) < 0)
            return -errno;
        if (next >= last)
            return 0;
        first = next + 1;
    }
}
#else
int64_t close_range_but_own(unsigned first, unsigned last, unsigned flags)
{
    (void)first;
    (void)last;
    (void)flags;
    return -ENOSYS;
}
#endif
