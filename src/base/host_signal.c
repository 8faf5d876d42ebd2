/* host_signal.c - signals of the host, all 64: a C library keeps some for itself, which a
 * guest's may want. */
#include "base/host.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SET_BYTES = 8 };
#define FAULTS (((uint64_t)1 << (SIGSEGV - 1)) | ((uint64_t)1 << (SIGBUS - 1)))

/* The kernel's set is an array of longs. */
static void set_to_kernel(uint64_t set, long *words)
{
    if (sizeof(long) == 8) {
        memcpy(words, &set, sizeof(set));
    } else {
        uint32_t halves[2] = { (uint32_t)set, (uint32_t)(set >> 32) };

        memcpy(words, halves, sizeof(halves));
    }
}

static uint64_t set_from_kernel(const long *words)
{
    uint64_t set = 0;

    if (sizeof(long) == 8)
        memcpy(&set, words, sizeof(set));
    else
        set = (uint32_t)words[0] | (uint64_t)(uint32_t)words[1] << 32;
    return set;
}

uint64_t host_signal_mask(uint64_t mask)
{
    long set[2], old[2] = { 0 };

    set_to_kernel(mask, set);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, set, old, SET_BYTES);
    return set_from_kernel(old);
}

uint64_t host_signal_mask_now(void)
{
    long old[2] = { 0 };

    syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, old, SET_BYTES);
    return set_from_kernel(old);
}

uint64_t host_block_signals(void)
{
    return host_signal_mask(UINT64_MAX & ~FAULTS);
}

uint64_t host_signals_pending(void)
{
    long set[2] = { 0 };

    syscall(SYS_rt_sigpending, set, SET_BYTES);
    return set_from_kernel(set);
}

/* ----------------------------------------------------------------------- actions */

/* What rt_sigaction takes.  Where it can, sigaction is used: it knows how a handler
 * returns on this host. */
struct kernel_action {
    void *handler;
    unsigned long flags;
#ifndef __riscv
    void *restorer;
#endif
    long mask[2];
};

static bool is_library_signal(int signo)
{
    return signo == 32 || signo == 33;
}

/* As the kernel has it for SIGSEGV, which has a handler (host_catch_faults). */
static int catch_library_signal(int signo, host_handler *handler, int flags)
{
    struct kernel_action action;

    memset(&action, 0, sizeof(action));
    if (syscall(SYS_rt_sigaction, SIGSEGV, NULL, &action, SET_BYTES) < 0)
        return -1;
    memcpy(&action.handler, &handler, sizeof(handler));
    action.flags &= ~(unsigned long)SA_NODEFER;
    action.flags |= (unsigned long)flags;
    set_to_kernel(UINT64_MAX & ~FAULTS, action.mask);
    return (int)syscall(SYS_rt_sigaction, signo, &action, NULL, SET_BYTES);
}

int host_signal_catch(int signo, host_handler *handler, int flags)
{
    struct sigaction action = { .sa_flags = SA_SIGINFO | SA_ONSTACK | flags };

    if (is_library_signal(signo))
        return catch_library_signal(signo, handler, flags);
    memset(&action.sa_mask, 0xff, SET_BYTES); /* sigfillset leaves some out */
    sigdelset(&action.sa_mask, SIGSEGV);
    sigdelset(&action.sa_mask, SIGBUS);
    memcpy(&action.sa_sigaction, &handler, sizeof(handler));
    return sigaction(signo, &action, NULL);
}

bool host_signal_is_ignored(int signo)
{
    struct kernel_action action;
    struct sigaction host;

    memset(&action, 0, sizeof(action));
    if (is_library_signal(signo))
        return syscall(SYS_rt_sigaction, signo, NULL, &action, SET_BYTES) == 0 &&
               action.handler == (void *)SIG_IGN;
    return sigaction(signo, NULL, &host) == 0 && host.sa_handler == SIG_IGN;
}
