/* convert.c - numbers that hosts count differently: errors, signals, flags.
 *
 * The guest side is Linux' generic numbering (asm-generic); a guest with another one gets
 * a table in its ABI when there is one. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/host.h"
#include "user/linux/linux.h"

/* clang-format off */
static const struct {
    int host;
    int guest;
} errors[] = {
    { EPERM, 1 }, { ENOENT, 2 }, { ESRCH, 3 }, { EINTR, 4 }, { EIO, 5 }, { ENXIO, 6 },
    { E2BIG, 7 }, { ENOEXEC, 8 }, { EBADF, 9 }, { ECHILD, 10 }, { EAGAIN, 11 },
    { ENOMEM, 12 }, { EACCES, 13 }, { EFAULT, 14 }, { ENOTBLK, 15 }, { EBUSY, 16 },
    { EEXIST, 17 }, { EXDEV, 18 }, { ENODEV, 19 }, { ENOTDIR, 20 }, { EISDIR, 21 },
    { EINVAL, 22 }, { ENFILE, 23 }, { EMFILE, 24 }, { ENOTTY, 25 }, { ETXTBSY, 26 },
    { EFBIG, 27 }, { ENOSPC, 28 }, { ESPIPE, 29 }, { EROFS, 30 }, { EMLINK, 31 },
    { EPIPE, 32 }, { EDOM, 33 }, { ERANGE, 34 }, { EDEADLK, 35 }, { ENAMETOOLONG, 36 },
    { ENOLCK, 37 }, { ENOSYS, 38 }, { ENOTEMPTY, 39 }, { ELOOP, 40 }, { ENOMSG, 42 },
    { EIDRM, 43 }, { ENOSTR, 60 }, { ENODATA, 61 }, { ETIME, 62 }, { ENOSR, 63 },
    { ENOLINK, 67 }, { EPROTO, 71 }, { EMULTIHOP, 72 }, { EBADMSG, 74 }, { EOVERFLOW, 75 },
    { EILSEQ, 84 }, { EUSERS, 87 }, { ENOTSOCK, 88 }, { EDESTADDRREQ, 89 },
    { EMSGSIZE, 90 }, { EPROTOTYPE, 91 }, { ENOPROTOOPT, 92 }, { EPROTONOSUPPORT, 93 },
    { ESOCKTNOSUPPORT, 94 }, { EOPNOTSUPP, 95 }, { EPFNOSUPPORT, 96 }, { EAFNOSUPPORT, 97 },
    { EADDRINUSE, 98 }, { EADDRNOTAVAIL, 99 }, { ENETDOWN, 100 }, { ENETUNREACH, 101 },
    { ENETRESET, 102 }, { ECONNABORTED, 103 }, { ECONNRESET, 104 }, { ENOBUFS, 105 },
    { EISCONN, 106 }, { ENOTCONN, 107 }, { ESHUTDOWN, 108 }, { ETOOMANYREFS, 109 },
    { ETIMEDOUT, 110 }, { ECONNREFUSED, 111 }, { EHOSTDOWN, 112 }, { EHOSTUNREACH, 113 },
    { EALREADY, 114 }, { EINPROGRESS, 115 }, { ESTALE, 116 }, { EDQUOT, 122 },
    { ENOMEDIUM, 123 }, { EMEDIUMTYPE, 124 }, { ECANCELED, 125 }, { EOWNERDEAD, 130 },
    { ENOTRECOVERABLE, 131 },
};

static const uint8_t signals[32] = { /* guest -> host */
    0, SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1,
    SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, 16 /* SIGSTKFLT */, SIGCHLD, SIGCONT,
    SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF,
    SIGWINCH, SIGIO, SIGPWR, SIGSYS,
};

static const struct {
    uint32_t guest;
    int host;
} open_flags[] = {
    { 0100, O_CREAT }, { 0200, O_EXCL }, { 0400, O_NOCTTY }, { 01000, O_TRUNC },
    { 02000, O_APPEND }, { 04000, O_NONBLOCK }, { 04000000 | 010000, O_SYNC },
    { 010000, O_DSYNC }, { 020000, O_ASYNC }, { 040000, O_DIRECT },
    { 0200000, O_DIRECTORY }, { 0400000, O_NOFOLLOW }, { 01000000, O_NOATIME },
    { 02000000, O_CLOEXEC }, { 010000000, O_PATH }, { 020000000 | 0200000, O_TMPFILE },
};
/* clang-format on */

int errno_to_guest(int error)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (errors[i].host == error)
            return errors[i].guest;
    return error; /* numbers above 41 without a name here are the same on most hosts */
}

int signal_to_host(int signo)
{
    if (signo < 0 || signo > GUEST_SIGNALS)
        return -1;
    return signo < 32 ? signals[signo] : signo;
}

int signal_to_guest(int signo)
{
    if (signo >= 0 && signo < 32 && signals[signo] == signo)
        return signo;
    for (int i = 1; i < 32; i++)
        if (signals[i] == signo)
            return i;
    return signo;
}

uint64_t sigset_to_host_bits(uint64_t set)
{
    uint64_t host = 0;

    for (int i = 1; i <= GUEST_SIGNALS; i++)
        if (set >> (i - 1) & 1)
            host |= (uint64_t)1 << (signal_to_host(i) - 1);
    return host;
}

int open_flags_to_host(uint64_t flags)
{
    int host = (int)(flags & 3); /* O_RDONLY, O_WRONLY, O_RDWR */

    for (size_t i = 0; i < sizeof(open_flags) / sizeof(open_flags[0]); i++)
        if ((flags & open_flags[i].guest) == open_flags[i].guest)
            host |= open_flags[i].host;
    return host;
}

uint64_t open_flags_to_guest(int flags)
{
    uint64_t guest = (uint64_t)(flags & 3);

    for (size_t i = 0; i < sizeof(open_flags) / sizeof(open_flags[0]); i++)
        if ((flags & open_flags[i].host) == open_flags[i].host)
            guest |= open_flags[i].guest;
    return guest;
}

int64_t result_of(int64_t result)
{
    return result == -1 ? -errno : result;
}

/* Of a socket on which such a call waits for a time only: it is not restarted. */
static bool has_timeout(long number, int fd)
{
    struct timeval limit = { 0, 0 };
    socklen_t size = sizeof(limit);
    int option;

    switch (number) {
    case SYS_read:
    case SYS_readv:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_accept4: option = SO_RCVTIMEO; break;
    case SYS_write:
    case SYS_writev:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_connect: option = SO_SNDTIMEO; break;
    default: return false;
    }
    return getsockopt(fd, SOL_SOCKET, option, &limit, &size) == 0 &&
           (limit.tv_sec || limit.tv_usec);
}

int64_t blocking(struct task *t, int kind, long number, const long args[6])
{
    long result = host_syscall(t->kick, number, args);

    if (result != -HOST_RESTART && result != -EINTR)
        return result;
    if (kind == RESTART && has_timeout(number, (int)args[0]))
        kind = STOP_ENDS;
    if (kind != STOP_ENDS)
        return -kind;
    return result == -EINTR && !*t->kick ? -EINTR : -NO_RESTART;
}
