/* signal.c - signals from the host to the guest.
 *
 * The host's mask is the guest's, and the host has a handler of ours for exactly those
 * signals that the guest has a handler for (and SIGSEGV and SIGBUS): what is blocked or
 * queued waits in the kernel.  Our handler notes one signal, blocks all others and kicks
 * the CPU; between blocks the guest's handler is entered, with its mask, and then the
 * kernel may give us the next.
 *
 * All of this is by thread, as the host's masks are; actions belong to the process. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/host.h"
#include "isa/engine.h"
#include "user/linux/debug.h"
#include "user/linux/linux.h"
#include "user/linux/strace.h"
#include "user/run.h"

enum { DEFAULT = 0, IGNORE = 1 }; /* handlers */
enum {
    G_NOCLDSTOP = 1,
    G_NOCLDWAIT = 2,
    G_ONSTACK = 0x08000000,
    G_RESTART = 0x10000000,
    G_NODEFER = 0x40000000,
};
#define G_RESETHAND 0x80000000u

static _Thread_local struct task *current;

static uint64_t bit_of(int signo)
{
    return (uint64_t)1 << (signo - 1);
}

/* Signals that rhea needs for itself, or that cannot be caught. */
static bool keeps_host_handler(int signo)
{
    int host = signal_to_host(signo);

    return host == SIGSEGV || host == SIGBUS || host == SIGKILL || host == SIGSTOP;
}

/* --------------------------------------------------------------- from the host */

static const char interruption; /* its address is in the siginfo of one */

static bool is_interruption(const void *siginfo)
{
    const siginfo_t *info = siginfo;

    return info->si_code == SI_QUEUE && info->si_value.sival_ptr == &interruption;
}

/* SIGBUS is never blocked, and always has our handler. */
void task_interrupt(struct task *t)
{
    siginfo_t info;

    memset(&info, 0, sizeof(info));
    info.si_signo = SIGBUS;
    info.si_code = SI_QUEUE;
    info.si_value.sival_ptr = (void *)(uintptr_t)&interruption;
    *t->kick = 1;
    syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)t->tid, SIGBUS, &info);
}

static void take_signal(int signo, void *info, void *context)
{
    struct task *t = current;

    (void)signo;
    if (t && is_interruption(info)) {
        *t->kick = 1;
        host_interrupted(context);
        return;
    }
    if (!t || t->npending == MAX_PENDING)
        return;
    siginfo_from_host(&t->pending[t->npending], info);
    t->npending++;
    *t->kick = 1;
    host_block_signals_after(context);
    host_interrupted(context);
}

struct task *task_current(void)
{
    return current;
}

static void host_fault(const struct host_fault *fault)
{
    struct task *t = current;
    uint64_t addr = UINT64_MAX; /* unknown: the run loop finds out */

    if (!t)
        return;
    if (fault->has_addr && !space_is_paged(t->proc->space))
        addr = fault->addr - (uintptr_t)space_base(t->proc->space);
    t->bus_fault = fault->is_bus;
    t->engine->host_fault(t->cpu, addr, fault->access);
}

void signals_start(struct task *t)
{
    uint64_t mask = host_signal_mask_now();

    current = t;
    host_catch_faults(host_fault, take_signal);
    for (int i = 1; i <= GUEST_SIGNALS; i++)
        if (mask & bit_of(signal_to_host(i)))
            t->blocked |= bit_of(i);
    for (int i = 1; (t->proc->debug || t->proc->options->strace) && i <= GUEST_SIGNALS;
         i++) {
        action_of(t, i);
        install_action(t, i);
    }
    if (t->engine->observe && !t->proc->debug)
        t->engine->observe(t->cpu, false);
    signals_catch_dumps(t);
}

void signals_catch_dumps(struct task *t)
{
    struct rlimit limit;

    if (t->proc->is_dumping || getrlimit(RLIMIT_CORE, &limit) < 0 || !limit.rlim_cur)
        return;
    host_lock_take(t->proc->lock);
    t->proc->is_dumping = true;
    for (int i = 1; i <= GUEST_SIGNALS; i++)
        if (dumps_core(i) && action_of(t, i)->handler == DEFAULT)
            install_action(t, i);
    host_lock_give(t->proc->lock);
    faults_are_seen(t);
}

void faults_are_seen(struct task *t)
{
    if (t->engine->observe)
        t->engine->observe(t->cpu, true);
}

void signals_start_thread(struct task *t)
{
    current = t;
}

/* SIGSEGV and SIGBUS are never blocked on the host. */
static uint64_t host_mask(uint64_t mask)
{
    return sigset_to_host_bits(mask) & ~(bit_of(SIGSEGV) | bit_of(SIGBUS));
}

void set_blocked(struct task *t, uint64_t mask)
{
    t->blocked =
        mask & ~(bit_of(signal_to_guest(SIGKILL)) | bit_of(signal_to_guest(SIGSTOP)));
    host_signal_mask(host_mask(t->blocked));
}

bool signals_waiting(const struct task *t)
{
    return t->npending || t->held_set & ~t->blocked;
}

void use_mask(struct task *t, uint64_t mask, uint64_t *host)
{
    uint64_t bits = host_mask(mask);

    t->saved_blocked = t->blocked;
    t->has_saved = true;
    t->blocked = mask;
    if (signals_waiting(t))
        *t->kick = 1;        /* the call does not begin */
    if (sizeof(long) == 4) { /* the kernel's set is an array of longs */
        uint32_t words[2] = { (uint32_t)bits, (uint32_t)(bits >> 32) };

        memcpy(host, words, sizeof(words));
    } else {
        *host = bits;
    }
}

int64_t end_mask(struct task *t, int64_t result)
{
    if (result != -RESTART && result != -NO_RESTART && t->has_saved) {
        t->blocked = t->saved_blocked;
        t->has_saved = false;
    }
    return result;
}

/* ------------------------------------------------------------------- actions */

struct sig_action *action_of(struct task *t, int signo)
{
    struct sig_action *action = &t->proc->actions[signo];

    if (!action->is_known) {
        action->is_known = true;
        if (!keeps_host_handler(signo) && host_signal_is_ignored(signal_to_host(signo)))
            action->handler = IGNORE;
    }
    return action;
}

/* -strace shows what the guest leaves to the system, but stops, which that does best. */
static bool is_shown(const struct task *t, int signo, const struct sig_action *action)
{
    int host = signal_to_host(signo);

    return t->proc->options->strace && action->handler == DEFAULT && host != SIGTSTP &&
           host != SIGTTIN && host != SIGTTOU;
}

void install_action(struct task *t, int signo)
{
    const struct sig_action *action = &t->proc->actions[signo];
    host_handler *handler = action->handler == DEFAULT  ? HOST_DEFAULT
                            : action->handler == IGNORE ? HOST_IGNORE
                                                        : take_signal;

    /* gdb and -strace are told of every signal; and what dumps core must dump the
     * guest's. */
    if (t->proc->debug || is_shown(t, signo, action) ||
        (t->proc->is_dumping && action->handler == DEFAULT && dumps_core(signo)))
        handler = take_signal;
    if (!keeps_host_handler(signo))
        host_signal_catch(signal_to_host(signo), handler,
                          (action->flags & G_NOCLDSTOP ? SA_NOCLDSTOP : 0) |
                              (action->flags & G_NOCLDWAIT ? SA_NOCLDWAIT : 0));
}

void signals_take_over(struct task *t)
{
    enum { FIRST = 32, LAST = 33 };

    host_lock_take(t->proc->lock);
    for (int i = FIRST; i <= LAST; i++) {
        action_of(t, i);
        install_action(t, i);
    }
    host_lock_give(t->proc->lock);
}

void actions_to_default(struct task *t)
{
    for (int i = 1; i <= GUEST_SIGNALS; i++) {
        struct sig_action *action = &t->proc->actions[i];

        if (action->handler > IGNORE) {
            *action = (struct sig_action){ .is_known = true };
            install_action(t, i);
        }
    }
}

/* The kernel makes handlers default; what is ignored must stay so. */
void signals_before_exec(struct task *t)
{
    if (t->proc->actions[signal_to_guest(SIGSEGV)].handler == IGNORE)
        signal(SIGSEGV, SIG_IGN);
    if (t->proc->actions[signal_to_guest(SIGBUS)].handler == IGNORE)
        signal(SIGBUS, SIG_IGN);
    for (int i = 1; t->proc->debug && i <= GUEST_SIGNALS; i++)
        if (t->proc->actions[i].handler == IGNORE && !keeps_host_handler(i))
            host_signal_catch(signal_to_host(i), HOST_IGNORE, 0);
}

bool on_altstack(const struct task *t, uint64_t sp)
{
    return sp > t->alt_sp && sp - t->alt_sp <= t->alt_size;
}

/* ------------------------------------------------------------------- delivery */

_Noreturn void die_of_signal(struct task *t, int signo)
{
    struct rlimit none = { 0, 0 };
    bool dumped;
    int host = signal_to_host(signo);

    if (t->proc->debug)
        debug_death(t, signo);
    dumped = core_dump(t, signo);
    if (t->proc->options->strace)
        strace_killed(t, signo, dumped);
    report_count(t);
    report_engine(t);
    setrlimit(RLIMIT_CORE, &none); /* a core of rhea would tell nothing of the guest */
    host_signal_catch(host, HOST_DEFAULT, 0);
    syscall(SYS_tgkill, getpid(), t->tid, host); /* not to another thread */
    host_signal_mask(host_signal_mask_now() & ~bit_of(host));
    _exit(128 + signo);
}

static void default_action(struct task *t, int signo)
{
    switch (signal_to_host(signo)) {
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
    case SIGCONT: return;
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU: kill(getpid(), SIGSTOP); return;
    }
    die_of_signal(t, signo);
}

/* The system call at the pc did not finish: it fails if a handler runs that does not ask
 * for a restart. */
static void settle_restart(struct task *t, const struct sig_action *action)
{
    if (t->restart == NO_RESTART ||
        (t->restart == RESTART && !(action->flags & G_RESTART))) {
        cpu_put(t->cpu, t->proc->result, (uint64_t)-errno_to_guest(EINTR));
        t->cpu->pc += t->cpu->event.ilen;
    }
    t->restart = 0;
    t->has_until = false;
}

static void enter_handler(struct task *t, int signo, const struct sig_info *info,
                          const struct sig_action *action)
{
    uint64_t old_mask = t->has_saved ? t->saved_blocked : t->blocked;
    uint64_t mask = t->blocked | action->mask;

    settle_restart(t, action);
    if (frame_push(t, signo, info, action, old_mask) < 0) {
        int segv = signal_to_guest(SIGSEGV);

        die_of_signal(t, segv); /* as Linux' force_sigsegv, without asking */
    }
    if (!(action->flags & G_NODEFER))
        mask |= bit_of(signo);
    t->has_saved = false;
    set_blocked(t, mask);
}

/* Into the kernel's queue, this thread's or, where it was sent to the process, that
 * one's. */
static void put_back(const struct sig_info *info)
{
    siginfo_t host;

    siginfo_to_host(info, &host);
    if (host.si_code == SI_TKILL)
        syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)syscall(SYS_gettid),
                host.si_signo, &host);
    else
        syscall(SYS_rt_sigqueueinfo, getpid(), host.si_signo, &host);
}

/* It was blocked after it had come.  SIGSEGV and SIGBUS would come again at once: they
 * are kept here, one of each, as the kernel does. */
static void keep(struct task *t, const struct sig_info *info)
{
    int signo = (int)info->value[INFO_SIGNO], host = signal_to_host(signo);

    if (host != SIGSEGV && host != SIGBUS) {
        put_back(info);
        return;
    }
    if (!(t->held_set & bit_of(signo)))
        t->held[host == SIGBUS] = *info;
    t->held_set |= bit_of(signo);
}

bool signals_take_held(struct task *t, uint64_t set, struct sig_info *info)
{
    int segv = signal_to_guest(SIGSEGV), bus = signal_to_guest(SIGBUS);
    bool is_bus = !(set & t->held_set & bit_of(segv));

    if (!(set & t->held_set))
        return false;
    *info = t->held[is_bus];
    t->held_set &= ~bit_of(is_bus ? bus : segv);
    return true;
}

void signals_give_back(struct task *t)
{
    for (unsigned i = 0; i < t->npending; i++)
        if ((int)t->pending[i].value[INFO_CODE] != SI_TKILL)
            put_back(&t->pending[i]);
    t->npending = 0;
}

/* No handler was entered: the mask is again what it was, and a call runs again. */
static void carry_on(struct task *t)
{
    if (t->has_saved)
        t->blocked = t->saved_blocked;
    t->has_saved = false;
    t->restart = 0;
    set_blocked(t, t->blocked);
}

static bool take_first(struct task *t, struct sig_info *info)
{
    if (signals_take_held(t, ~t->blocked, info)) {
        host_block_signals();
        return true;
    }
    if (t->npending == 0)
        return false;
    host_signal_mask(UINT64_MAX); /* they may be open, if the mask was just set */
    *info = t->pending[0];
    t->npending--;
    for (unsigned i = 0; i < t->npending; i++)
        t->pending[i] = t->pending[i + 1];
    host_block_signals();
    return true; /* all stay blocked until set_blocked */
}

/* What is to be done with a signal now. */
static struct sig_action use_action(struct task *t, int signo)
{
    struct sig_action *action, now;

    host_lock_take(t->proc->lock);
    action = action_of(t, signo);
    now = *action;
    if (now.handler > IGNORE && now.flags & G_RESETHAND) {
        action->handler = DEFAULT;
        install_action(t, signo);
    }
    host_lock_give(t->proc->lock);
    return now;
}

void signals_deliver(struct task *t)
{
    struct sig_info info;
    struct sig_action action;
    int signo;

    if (!take_first(t, &info)) {
        if (t->has_saved || t->restart)
            carry_on(t);
        return;
    }
    signo = (int)info.value[INFO_SIGNO];
    if (t->blocked & bit_of(signo)) {
        keep(t, &info);
        carry_on(t);
        return;
    }
    if (t->proc->debug)
        signo = debug_signal(t, signo, &info);
    if (!signo) {
        carry_on(t);
        return;
    }
    if (t->proc->options->strace)
        strace_signal(t, &info);
    t->dying = info;
    action = use_action(t, signo);
    if (action.handler > IGNORE) {
        enter_handler(t, signo, &info, &action);
        return;
    }
    if (action.handler == DEFAULT)
        default_action(t, signo);
    carry_on(t);
}

static void report_fault(struct task *t, int signo, uint64_t addr)
{
    fprintf(stderr, "rhea: %s: killed by signal %d (%s) at pc %#llx, address %#llx\n",
            t->proc->exe, signo, strsignal(signal_to_host(signo)),
            (unsigned long long)t->cpu->pc, (unsigned long long)addr);
}

void signal_force(struct task *t, int signo, int code, uint64_t addr)
{
    struct sig_action action;
    struct sig_info info = { { 0 } };

    info.value[INFO_SIGNO] = (uint64_t)signo;
    info.value[INFO_CODE] = (uint64_t)code;
    info.value[INFO_ADDR] = addr;
    if (t->proc->debug)
        signo = debug_signal(t, signo, &info);
    if (!signo)
        return;
    if (t->proc->options->strace)
        strace_signal(t, &info);
    t->dying = info;
    action = use_action(t, signo);
    if (action.handler <= IGNORE || (t->blocked & bit_of(signo))) {
        report_fault(t, signo, addr);
        die_of_signal(t, signo);
    }
    enter_handler(t, signo, &info, &action);
}
