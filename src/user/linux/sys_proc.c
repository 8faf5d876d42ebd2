/* sys_proc.c - processes: making, waiting for, identifying and ending them. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/linux/calls_all.h"

int64_t sys_exit(struct task *t, const uint64_t *a)
{
    guest_exit(t, (int)a[0] & 0xff);
}

int64_t sys_exit_group(struct task *t, const uint64_t *a)
{
    guest_exit(t, (int)a[0] & 0xff);
}

/* ------------------------------------------------------------------------- clone */

enum {
    G_VM = 0x100,
    G_VFORK = 0x4000,
    G_SETTLS = 0x80000,
    G_PARENT_SETTID = 0x100000,
    G_CHILD_CLEARTID = 0x200000,
    G_CHILD_SETTID = 0x1000000,
    G_UNTRACED = 0x800000,
    G_DETACHED = 0x400000,
    G_FORK_FLAGS = 0xff | G_VM | G_VFORK | G_SETTLS | G_PARENT_SETTID | G_CHILD_CLEARTID |
                   G_CHILD_SETTID | G_UNTRACED | G_DETACHED,
    G_SIGCHLD = 17,
};

/* The arguments of clone, in the order of the manual page. */
struct clone_args {
    uint64_t flags, stack, parent_tid, child_tid, tls;
};

/* Waits until the child of a vfork runs another program or ends: then all copies of the
 * pipe's other end are closed. */
static void wait_for_vfork(const int ends[2])
{
    char byte;

    close(ends[1]);
    while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
        ;
    close(ends[0]);
}

static int open_vfork_pipe(int ends[2])
{
    int high;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    high =
        fcntl(ends[1], F_DUPFD_CLOEXEC, 512); /* out of the way of the guest's numbers */
    if (high >= 0) {
        close(ends[1]);
        ends[1] = high;
    }
    return 0;
}

static void become_child(struct task *t, const struct clone_args *args, const int ends[2])
{
    if (t->vfork_fd >= 0)
        close(t->vfork_fd); /* the grandparent waits for our parent, not for us */
    t->vfork_fd = args->flags & G_VFORK ? ends[1] : -1;
    if (t->vfork_fd >= 0)
        close(ends[0]);
    t->clear_tid = args->flags & G_CHILD_CLEARTID ? args->child_tid : 0;
    t->npending = 0;
    t->cpu->reserved_addr = UINT64_MAX;
    if (args->flags & G_CHILD_SETTID)
        write_number(t, args->child_tid, 4, (uint64_t)getpid());
    if (args->stack)
        cpu_put(t->cpu, t->proc->sp, args->stack);
    if (args->flags & G_SETTLS)
        cpu_put(t->cpu, t->proc->tp, args->tls);
}

/* Memory is copied, also for vfork: what the child writes its parent does not see. */
int64_t sys_clone(struct task *t, const uint64_t *a)
{
    bool backwards = t->proc->abi->clone_backwards;
    struct clone_args args = { a[0], a[1], a[2], a[backwards ? 4 : 3],
                               a[backwards ? 3 : 4] };
    int ends[2] = { -1, -1 }, error;
    sigset_t all, mask;
    pid_t pid;

    if ((args.flags & G_VM) && !(args.flags & G_VFORK))
        return -ENOSYS; /* threads */
    if (args.flags & ~(uint64_t)G_FORK_FLAGS)
        return -EINVAL;
    if ((args.flags & 0xff) != G_SIGCHLD && (args.flags & 0xff) != 0)
        return -EINVAL;
    error = args.flags & G_VFORK ? open_vfork_pipe(ends) : 0;
    if (error)
        return error;
    sigfillset(&all); /* the child must not take a signal that is meant for the parent */
    sigprocmask(SIG_BLOCK, &all, &mask);
    pid = fork();
    if (pid == 0)
        become_child(t, &args, ends);
    error = errno;
    if (pid == 0) {
        set_blocked(t, t->blocked);
        return 0;
    }
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (pid < 0) {
        if (args.flags & G_VFORK) {
            close(ends[0]);
            close(ends[1]);
        }
        return -error;
    }
    if (args.flags & G_PARENT_SETTID)
        write_number(t, args.parent_tid, 4, (uint64_t)pid);
    if (args.flags & G_VFORK)
        wait_for_vfork(ends);
    return pid;
}

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

int64_t sys_gettid(struct task *t, const uint64_t *a)
{
    (void)t;
    (void)a;
    return syscall(SYS_gettid);
}

int64_t sys_set_tid_address(struct task *t, const uint64_t *a)
{
    t->clear_tid = a[0];
    return syscall(SYS_gettid);
}

int64_t sys_set_robust_list(struct task *t, const uint64_t *a)
{
    (void)t; /* without threads nobody can inherit a lock */
    return a[1] == (uint64_t)t->proc->abi->layouts->word * 3 ? 0 : -EINVAL;
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
