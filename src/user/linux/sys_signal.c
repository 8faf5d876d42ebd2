/* sys_signal.c - system calls about signals. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/host.h"
#include "user/linux/calls_all.h"

enum { SET_BYTES = 8 };

int64_t sys_rt_sigaction(struct task *t, const uint64_t *a)
{
    const struct layout *layout = &t->proc->abi->layouts->sigaction;
    struct sig_action *action;
    uint64_t old[SIGACT_FIELDS], v[SIGACT_FIELDS];
    int signo = (int)a[0];

    if (a[3] != SET_BYTES || signo < 1 || signo > GUEST_SIGNALS)
        return -EINVAL;
    if (a[1] && (signal_to_host(signo) == SIGKILL || signal_to_host(signo) == SIGSTOP))
        return -EINVAL;
    if (a[1] && read_struct(t, a[1], layout, SIGACT_FIELDS, v) < 0)
        return -EFAULT;
    host_lock_take(t->proc->lock);
    action = action_of(t, signo);
    old[SIGACT_HANDLER] = action->handler;
    old[SIGACT_FLAGS] = action->flags;
    old[SIGACT_MASK] = action->mask;
    old[SIGACT_RESTORER] = action->restorer;
    if (a[1]) {
        action->handler = v[SIGACT_HANDLER];
        action->flags = v[SIGACT_FLAGS];
        action->mask = v[SIGACT_MASK];
        action->restorer = v[SIGACT_RESTORER];
        install_action(t, signo);
    }
    host_lock_give(t->proc->lock);
    if (a[1] && (signal_to_host(signo) == SIGSEGV || signal_to_host(signo) == SIGBUS))
        faults_are_seen(t);
    return a[2] ? write_struct(t, a[2], layout, SIGACT_FIELDS, old) : 0;
}

int64_t sys_rt_sigprocmask(struct task *t, const uint64_t *a)
{
    enum { BLOCK, UNBLOCK, SETMASK };
    uint64_t old = t->blocked, set;

    if (a[3] != SET_BYTES)
        return -EINVAL;
    if (a[1]) {
        if (read_number(t, a[1], 8, &set) < 0)
            return -EFAULT;
        switch (a[0]) {
        case BLOCK: set = old | set; break;
        case UNBLOCK: set = old & ~set; break;
        case SETMASK: break;
        default: return -EINVAL;
        }
        set_blocked(t, set);
    }
    return a[2] ? write_number(t, a[2], 8, old) : 0;
}

int64_t sys_rt_sigpending(struct task *t, const uint64_t *a)
{
    uint64_t host, set = t->held_set;

    if (a[1] > SET_BYTES)
        return -EINVAL;
    host = host_signals_pending();
    for (int i = 1; i <= GUEST_SIGNALS; i++)
        if (host >> (signal_to_host(i) - 1) & 1)
            set |= (uint64_t)1 << (i - 1);
    return write_number(t, a[0], 8, set);
}

int64_t sys_rt_sigsuspend(struct task *t, const uint64_t *a)
{
    uint64_t mask, host;

    if (a[1] != SET_BYTES)
        return -EINVAL;
    if (read_number(t, a[0], 8, &mask) < 0)
        return -EFAULT;
    use_mask(t, mask, &host);
    return end_mask(t,
                    BLOCKING(t, NO_RESTART, SYS_rt_sigsuspend, (long)&host, SET_BYTES));
}

static int64_t put_taken(struct task *t, uint64_t addr, const struct sig_info *info)
{
    if (addr && write_siginfo(t, addr, info) < 0)
        return -EFAULT;
    return (int64_t)info->value[INFO_SIGNO];
}

int64_t sys_rt_sigtimedwait(struct task *t, const uint64_t *a)
{
    struct sig_info info = { { 0 } };
    struct timespec timeout;
    uint64_t set, host;
    siginfo_t host_info;
    int64_t got;

    if (a[3] != SET_BYTES)
        return -EINVAL;
    if (read_number(t, a[0], 8, &set) < 0 || read_timespec(t, a[2], &timeout) < 0)
        return -EFAULT;
    use_mask(t, set, &host); /* for its form only */
    t->blocked = t->saved_blocked;
    t->has_saved = false;
    if (signals_take_held(t, set, &info))
        return put_taken(t, a[1], &info);
    if (a[2])
        wait_until(t, CLOCK_MONOTONIC, &timeout);
    got = BLOCKING(t, STOP_ENDS, SYS_rt_sigtimedwait, (long)&host, (long)&host_info,
                   a[2] ? (long)&timeout : 0, SET_BYTES);
    if (got <= 0)
        return got;
    siginfo_from_host(&info, &host_info);
    return put_taken(t, a[1], &info);
}

/* A siginfo of the guest for signal `signo` of it.  The host's number or a negated errno.
 */
static int read_queued(struct task *t, uint64_t signo, uint64_t addr, siginfo_t *host)
{
    struct sig_info info;
    int number = signal_to_host((int)signo);

    if (number < 0)
        return -EINVAL;
    if (read_siginfo(t, addr, &info) < 0)
        return -EFAULT;
    info.value[INFO_SIGNO] = signo;
    siginfo_to_host(&info, host);
    return number;
}

int64_t sys_rt_sigqueueinfo(struct task *t, const uint64_t *a)
{
    siginfo_t host;
    int signo = read_queued(t, a[1], a[2], &host);

    return signo < 0 ? signo
                     : RESULT(syscall(SYS_rt_sigqueueinfo, (pid_t)a[0], signo, &host));
}

int64_t sys_rt_tgsigqueueinfo(struct task *t, const uint64_t *a)
{
    siginfo_t host;
    int signo = read_queued(t, a[2], a[3], &host);

    return signo < 0 ? signo
                     : RESULT(syscall(SYS_rt_tgsigqueueinfo, (pid_t)a[0], (pid_t)a[1],
                                      signo, &host));
}

int64_t sys_rt_sigreturn(struct task *t, const uint64_t *a)
{
    uint64_t mask;

    (void)a;
    if (frame_pop(t, &mask) < 0)
        signal_force(t, signal_to_guest(SIGSEGV), SI_KERNEL, 0);
    else
        set_blocked(t, mask);
    return -NO_RESULT;
}

int64_t sys_sigaltstack(struct task *t, const uint64_t *a)
{
    enum { ONSTACK = 1, DISABLE = 2, MINIMUM = 2048 };
    const struct layout *layout = &t->proc->abi->layouts->stack;
    bool used = on_altstack(t, cpu_get(t->cpu, t->proc->sp));
    uint64_t old[STACK_FIELDS] = { t->alt_sp,
                                   t->alt_size == 0 ? DISABLE
                                   : used           ? ONSTACK
                                                    : 0,
                                   t->alt_size };
    uint64_t v[STACK_FIELDS];

    if (a[0]) {
        if (read_struct(t, a[0], layout, STACK_FIELDS, v) < 0)
            return -EFAULT;
        if (used)
            return -EPERM;
        if (v[STACK_FLAGS] != 0 && v[STACK_FLAGS] != ONSTACK && v[STACK_FLAGS] != DISABLE)
            return -EINVAL;
        if (v[STACK_FLAGS] != DISABLE && v[STACK_SIZE] < MINIMUM)
            return -ENOMEM;
        t->alt_sp = v[STACK_FLAGS] == DISABLE ? 0 : v[STACK_SP];
        t->alt_size = v[STACK_FLAGS] == DISABLE ? 0 : v[STACK_SIZE];
    }
    return a[1] ? write_struct(t, a[1], layout, STACK_FIELDS, old) : 0;
}

int64_t sys_kill(struct task *t, const uint64_t *a)
{
    int signo = signal_to_host((int)a[1]);

    (void)t;
    return signo < 0 ? -EINVAL : RESULT(kill((pid_t)a[0], signo));
}

int64_t sys_tkill(struct task *t, const uint64_t *a)
{
    int signo = signal_to_host((int)a[1]);

    (void)t;
    return signo < 0 ? -EINVAL : RESULT(syscall(SYS_tkill, (pid_t)a[0], signo));
}

int64_t sys_tgkill(struct task *t, const uint64_t *a)
{
    int signo = signal_to_host((int)a[2]);

    (void)t;
    return signo < 0 ? -EINVAL
                     : RESULT(syscall(SYS_tgkill, (pid_t)a[0], (pid_t)a[1], signo));
}

int64_t sys_signalfd4(struct task *t, const uint64_t *a)
{
    sigset_t host;
    uint64_t set;

    if (a[2] != SET_BYTES)
        return -EINVAL;
    if (read_number(t, a[1], 8, &set) < 0)
        return -EFAULT;
    sigemptyset(&host);
    for (int i = 1; i <= GUEST_SIGNALS; i++)
        if (set >> (i - 1) & 1)
            sigaddset(&host, signal_to_host(i));
    return RESULT(signalfd((int)a[0], &host, open_flags_to_host(a[3])));
}
