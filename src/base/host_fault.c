/* host_fault.c - SIGSEGV and SIGBUS of the host: guarded copies, and whose fault it is.
 */
#include "base/host.h"

#include "base/report.h"

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>

/* Of the copy that runs in this thread.  Handlers are entered with SA_NODEFER, so that
 * leaving one by a jump needs no change of the signal mask. */
static _Thread_local struct {
    volatile sig_atomic_t active, was_bus;
    sigjmp_buf back;
} guard;

typedef uint16_t plain16 __attribute__((may_alias));
typedef uint32_t plain32 __attribute__((may_alias));
typedef uint64_t plain64 __attribute__((may_alias));

static void (*on_fault)(const struct host_fault *fault);
static void (*on_sent)(int signo, void *info, void *context);

/* One number, aligned on both sides, is copied in one access: other threads see all of it
 * or nothing. */
static void copy_bytes(void *to, const void *from, size_t size)
{
    uintptr_t both = (uintptr_t)to | (uintptr_t)from;

    if (size == 8 && both % 8 == 0)
        *(volatile plain64 *)to = *(const volatile plain64 *)from;
    else if (size == 4 && both % 4 == 0)
        *(volatile plain32 *)to = *(const volatile plain32 *)from;
    else if (size == 2 && both % 2 == 0)
        *(volatile plain16 *)to = *(const volatile plain16 *)from;
    else
        memcpy(to, from, size);
}

int host_copy(void *to, const void *from, size_t size)
{
    if (sigsetjmp(guard.back, 0)) {
        guard.active = 0;
        return -1;
    }
    guard.active = 1;
    atomic_signal_fence(memory_order_seq_cst);
    copy_bytes(to, from, size);
    atomic_signal_fence(memory_order_seq_cst);
    guard.active = 0;
    return 0;
}

bool host_copy_was_bus(void)
{
    bool was_bus = guard.was_bus;

    guard.was_bus = 0;
    return was_bus;
}

int host_try(void (*fn)(void *arg), void *arg)
{
    if (sigsetjmp(guard.back, 0)) {
        guard.active = 0;
        return -1;
    }
    guard.active = 1;
    atomic_signal_fence(memory_order_seq_cst);
    fn(arg);
    atomic_signal_fence(memory_order_seq_cst);
    guard.active = 0;
    return 0;
}

/* What the instruction did, where the host says so. */
static uint8_t fault_access(const ucontext_t *context)
{
#if defined(__x86_64__) || defined(__i386__)
    enum { WRITE = 2, FETCH = 16 }; /* of the page fault's error code */
    long error = (long)context->uc_mcontext.gregs[REG_ERR];

    return error & FETCH ? 2 : error & WRITE ? 1 : 0;
#elif defined(__aarch64__)
    const uint8_t *at = (const uint8_t *)context->uc_mcontext.__reserved;
    const uint8_t *end = at + sizeof(context->uc_mcontext.__reserved);
    struct {
        uint32_t magic, size;
        uint64_t esr;
    } record;

    for (; at + sizeof(record) <= end; at += record.size) {
        memcpy(&record, at, sizeof(record));
        if (record.magic == 0x45535201) /* ESR_MAGIC; bit 6 is WnR of a data abort */
            return record.esr >> 6 & 1;
        if (record.magic == 0 || record.size < 8)
            break;
    }
    return HOST_ACCESS_UNKNOWN;
#elif defined(__arm__)
    return context->uc_mcontext.error_code >> 11 & 1; /* WnR of the DFSR */
#else
    (void)context;
    return HOST_ACCESS_UNKNOWN;
#endif
}

static void fault_handler(int signo, siginfo_t *info, void *context)
{
    struct host_fault fault = { 0 };

    if (info->si_code <= 0 && on_sent) { /* SI_USER, SI_TKILL, SI_QUEUE: not a fault */
        on_sent(signo, info, context);
        return;
    }
    if (guard.active) {
        guard.was_bus = signo == SIGBUS;
        siglongjmp(guard.back, 1);
    }
    fault.addr = (uintptr_t)info->si_addr;
    fault.has_addr = info->si_code != SI_KERNEL;
    fault.access = fault_access(context);
    fault.is_bus = signo == SIGBUS;
    if (on_fault)
        on_fault(&fault);
    bug("memory fault in rhea itself at host address %p", info->si_addr);
}

void host_catch_faults(void (*fault)(const struct host_fault *fault),
                       void (*sent)(int signo, void *info, void *context))
{
    static char stack[64 * 1024]; /* pages that no handler touches cost nothing */
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
    struct sigaction action = { .sa_sigaction = fault_handler,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

    on_fault = fault;
    on_sent = sent;
    sigaltstack(&alternate, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}
