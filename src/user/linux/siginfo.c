/* siginfo.c - siginfo between the host's layout, ours, and the guest's. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "user/linux/linux.h"

#define BIT(field) (1u << INFO_##field)

/* Which fields mean something. */
static unsigned fields_of(int host_signo, int code)
{
    if (code == SI_TIMER)
        return BIT(TIMERID) | BIT(OVERRUN) | BIT(TIMERVALUE);
    if (code == SI_QUEUE || code == SI_MESGQ || code == SI_ASYNCIO)
        return BIT(PID) | BIT(UID) | BIT(VALUE);
    if (code <= 0 || code == SI_KERNEL)
        return BIT(PID) | BIT(UID);
    switch (host_signo) {
    case SIGCHLD: return BIT(PID) | BIT(UID) | BIT(STATUS) | BIT(UTIME) | BIT(STIME);
    case SIGIO: return BIT(BAND) | BIT(FD);
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGTRAP: return BIT(ADDR);
    }
    return BIT(PID) | BIT(UID);
}

/* Runs in a signal handler. */
void siginfo_from_host(struct sig_info *info, const void *host_siginfo)
{
    const siginfo_t *host = host_siginfo;
    unsigned fields = fields_of(host->si_signo, host->si_code);
    uint64_t *v = info->value;

    memset(v, 0, sizeof(info->value));
    v[INFO_SIGNO] = (uint64_t)signal_to_guest(host->si_signo);
    v[INFO_ERRNO] = (uint64_t)errno_to_guest(host->si_errno);
    v[INFO_CODE] = (uint64_t)host->si_code;
    if (fields & BIT(PID)) {
        v[INFO_PID] = (uint64_t)host->si_pid;
        v[INFO_UID] = host->si_uid;
    }
    if (fields & BIT(VALUE))
        v[INFO_VALUE] = (uintptr_t)host->si_value.sival_ptr;
    if (fields & BIT(STATUS)) {
        bool by_signal = host->si_code != CLD_EXITED;

        v[INFO_STATUS] =
            (uint64_t)(by_signal ? signal_to_guest(host->si_status) : host->si_status);
        v[INFO_UTIME] = (uint64_t)host->si_utime;
        v[INFO_STIME] = (uint64_t)host->si_stime;
    }
    if (fields & BIT(BAND)) {
        v[INFO_BAND] = (uint64_t)host->si_band;
        v[INFO_FD] = (uint64_t)host->si_fd;
    }
    if (fields & BIT(TIMERID)) {
        v[INFO_TIMERID] = (uint64_t)host->si_timerid;
        v[INFO_OVERRUN] = (uint64_t)host->si_overrun;
        v[INFO_TIMERVALUE] = (uintptr_t)host->si_value.sival_ptr;
    }
    if (fields & BIT(ADDR))
        v[INFO_ADDR] = (uintptr_t)host->si_addr;
}

void siginfo_to_host(const struct sig_info *info, void *host_siginfo)
{
    siginfo_t *host = host_siginfo;

    memset(host, 0, sizeof(*host));
    host->si_signo = signal_to_host((int)info->value[INFO_SIGNO]);
    host->si_code = (int)info->value[INFO_CODE];
    host->si_pid = (pid_t)info->value[INFO_PID];
    host->si_uid = (uid_t)info->value[INFO_UID];
    if (fields_of(host->si_signo, host->si_code) & BIT(STATUS))
        host->si_status = (int)info->value[INFO_STATUS];
    else
        host->si_value.sival_ptr = (void *)(uintptr_t)info->value[INFO_VALUE];
}

void siginfo_pack(const struct abi *abi, const struct sig_info *info, uint8_t *bytes)
{
    const struct layout *layout = &abi->layouts->siginfo;
    unsigned fields = BIT(SIGNO) | BIT(ERRNO) | BIT(CODE);

    fields |= fields_of(signal_to_host((int)info->value[INFO_SIGNO]),
                        (int)info->value[INFO_CODE]);
    memset(bytes, 0, layout->size);
    for (unsigned i = 0; i < INFO_FIELDS; i++)
        if (fields >> i & 1)
            put_guest(abi, bytes + layout->fields[i].offset, layout->fields[i].size,
                      info->value[i]);
}

int write_siginfo(struct task *t, uint64_t addr, const struct sig_info *info)
{
    const struct abi *abi = t->proc->abi;
    uint8_t bytes[128];

    siginfo_pack(abi, info, bytes);
    return space_write(t->proc->space, addr, bytes, abi->layouts->siginfo.size, NULL) < 0
               ? -EFAULT
               : 0;
}

int read_siginfo(struct task *t, uint64_t addr, struct sig_info *info)
{
    return read_struct(t, addr, &t->proc->abi->layouts->siginfo, INFO_FIELDS,
                       info->value);
}
