/* sys_proc.c - processes: waiting for and identifying them. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/linux/calls_all.h"

/* -------------------------------------------------------------------------- wait */

static uint64_t status_to_guest(int status)
{
    if (WIFSIGNALED(status))
        return (uint64_t)((status & ~0x7f) | signal_to_guest(WTERMSIG(status)));
    if (WIFSTOPPED(status))
        return (uint64_t)((status & 0xff) | signal_to_guest(WSTOPSIG(status)) << 8);
    return (uint64_t)status;
}

/* struct rusage: two timevals and 14 longs, for every guest. */
static int put_rusage(struct task *t, uint64_t addr, const struct rusage *usage)
{
    const struct layouts *l = t->proc->abi->layouts;
    const uint64_t times[2][2] = {
        { (uint64_t)usage->ru_utime.tv_sec, (uint64_t)usage->ru_utime.tv_usec },
        { (uint64_t)usage->ru_stime.tv_sec, (uint64_t)usage->ru_stime.tv_usec },
    };
    const long counts[14] = {
        usage->ru_maxrss,  usage->ru_ixrss,  usage->ru_idrss,  usage->ru_isrss,
        usage->ru_minflt,  usage->ru_majflt, usage->ru_nswap,  usage->ru_inblock,
        usage->ru_oublock, usage->ru_msgsnd, usage->ru_msgrcv, usage->ru_nsignals,
        usage->ru_nvcsw,   usage->ru_nivcsw,
    };
    int error = 0;

    for (int i = 0; i < 2 && !error; i++, addr += l->timeval.size)
        error = write_struct(t, addr, &l->timeval, PAIR_FIELDS, times[i]);
    for (int i = 0; i < 14 && !error; i++, addr += l->word)
        error = write_number(t, addr, l->word, (uint64_t)counts[i]);
    return error;
}

int64_t sys_getrusage(struct task *t, const uint64_t *a)
{
    struct rusage usage;

    return getrusage((int)a[0], &usage) < 0 ? -errno : put_rusage(t, a[1], &usage);
}

int64_t sys_wait4(struct task *t, const uint64_t *a)
{
    struct rusage usage;
    int status = 0;
    int64_t pid = BLOCKING(t, RESTART, SYS_wait4, (int)a[0], (long)&status, (int)a[2],
                           (long)&usage);

    if (pid <= 0)
        return pid;
    if (a[1] && write_number(t, a[1], 4, status_to_guest(status)) < 0)
        return -EFAULT;
    return a[3] && put_rusage(t, a[3], &usage) < 0 ? -EFAULT : pid;
}

int64_t sys_waitid(struct task *t, const uint64_t *a)
{
    struct sig_info info = { { 0 } };
    struct rusage usage;
    siginfo_t host;
    int64_t result;

    memset(&host, 0, sizeof(host));
    result = BLOCKING(t, RESTART, SYS_waitid, (int)a[0], (int)a[1], (long)&host,
                      (int)a[3], (long)&usage);
    if (result < 0)
        return result;
    if (host.si_signo)
        siginfo_from_host(&info, &host);
    if (a[2] && write_siginfo(t, a[2], &info) < 0)
        return -EFAULT;
    return a[4] && put_rusage(t, a[4], &usage) < 0 ? -EFAULT : result;
}

/* ------------------------------------------------------------------ which process */

int64_t sys_getpid(struct task *t, const uint64_t *a)
{
    (void)t;
    (void)a;
    return getpid();
}

int64_t sys_getppid(struct task *t, const uint64_t *a)
{
    (void)t;
    (void)a;
    return getppid();
}

int64_t sys_setpgid(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(setpgid((pid_t)a[0], (pid_t)a[1]));
}

int64_t sys_getpgid(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(getpgid((pid_t)a[0]));
}

int64_t sys_getsid(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(getsid((pid_t)a[0]));
}

int64_t sys_setsid(struct task *t, const uint64_t *a)
{
    (void)t;
    (void)a;
    return RESULT(setsid());
}

int64_t sys_personality(struct task *t, const uint64_t *a)
{
    (void)t;
    return (uint32_t)a[0] == UINT32_MAX || a[0] == 0 ? 0 : -EINVAL;
}

int64_t sys_prctl(struct task *t, const uint64_t *a)
{
    char name[16] = "";

    switch (a[0]) {
    case PR_SET_NAME:
        if (read_string(t, a[1], name, sizeof(name)) == -EFAULT)
            return -EFAULT;
        name[15] = 0;
        return RESULT(prctl(PR_SET_NAME, name));
    case PR_GET_NAME:
        prctl(PR_GET_NAME, name);
        return space_write(t->proc->space, a[1], name, sizeof(name), NULL) < 0 ? -EFAULT
                                                                               : 0;
    case PR_SET_PDEATHSIG:
        return RESULT(prctl(PR_SET_PDEATHSIG, signal_to_host((int)a[1])));
    case PR_GET_DUMPABLE:
    case PR_SET_DUMPABLE:
    case PR_GET_KEEPCAPS:
    case PR_SET_KEEPCAPS:
    case PR_SET_NO_NEW_PRIVS:
    case PR_GET_NO_NEW_PRIVS:
    case PR_SET_CHILD_SUBREAPER:
    case PR_SET_TIMERSLACK:
    case PR_GET_TIMERSLACK:
    case PR_CAPBSET_READ:
        return RESULT(prctl((int)a[0], (unsigned long)a[1], (unsigned long)a[2],
                            (unsigned long)a[3], (unsigned long)a[4]));
    }
    return -EINVAL;
}
