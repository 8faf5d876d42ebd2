/* strace.c - one system call as a line, as strace prints it.
 *
 * What an argument is, is its letter in calls.h; flags and numbers with names are rows
 * here, structs are functions of strace_struct.c.  Not modelled: structs of fcntl and of
 * the rarer calls: their addresses are shown. */
#include "user/linux/strace_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OUT = NAMES_MODES + 1, CONTROL, LOCAL }; /* of a terminal */
enum { SHOWN = 32, MANY = 8 }; /* bytes of a buffer, strings of an array */

/* A value (mask: which bits it is about) and its name; of the kind `kind`. */
static const struct name {
    char kind;
    uint32_t mask, value;
    const char *text;
} names[] = {
/* clang-format off */
#define FLAG(kind, value, text) { kind, value, value, text }
#define ONE(kind, value, text) { kind, UINT32_MAX, value, text }
    { 'O', 3, 0, "O_RDONLY" }, { 'O', 3, 1, "O_WRONLY" }, { 'O', 3, 2, "O_RDWR" },
    FLAG('O', 0100, "O_CREAT"), FLAG('O', 0200, "O_EXCL"), FLAG('O', 0400, "O_NOCTTY"),
    FLAG('O', 01000, "O_TRUNC"), FLAG('O', 02000, "O_APPEND"),
    FLAG('O', 04000, "O_NONBLOCK"), FLAG('O', 04010000, "O_SYNC"),
    FLAG('O', 010000, "O_DSYNC"), FLAG('O', 040000, "O_DIRECT"),
    FLAG('O', 020200000, "O_TMPFILE"), FLAG('O', 0200000, "O_DIRECTORY"),
    FLAG('O', 0400000, "O_NOFOLLOW"), FLAG('O', 01000000, "O_NOATIME"),
    FLAG('O', 02000000, "O_CLOEXEC"), FLAG('O', 010000000, "O_PATH"),
    FLAG('G', 04000, "O_NONBLOCK"), FLAG('G', 040000, "O_DIRECT"),
    FLAG('G', 02000000, "O_CLOEXEC"),
    ONE('R', 0, "PROT_NONE"), FLAG('R', 1, "PROT_READ"), FLAG('R', 2, "PROT_WRITE"),
    FLAG('R', 4, "PROT_EXEC"),
    { 'F', 15, 1, "MAP_SHARED" }, { 'F', 15, 2, "MAP_PRIVATE" },
    { 'F', 15, 3, "MAP_SHARED_VALIDATE" }, FLAG('F', 0x10, "MAP_FIXED"),
    FLAG('F', 0x20, "MAP_ANONYMOUS"), FLAG('F', 0x800, "MAP_DENYWRITE"),
    FLAG('F', 0x4000, "MAP_NORESERVE"), FLAG('F', 0x8000, "MAP_POPULATE"),
    FLAG('F', 0x20000, "MAP_STACK"), FLAG('F', 0x100000, "MAP_FIXED_NOREPLACE"),
    FLAG('Y', 1, "MREMAP_MAYMOVE"), FLAG('Y', 2, "MREMAP_FIXED"),
    FLAG('Y', 4, "MREMAP_DONTUNMAP"),
    FLAG('K', 0x100, "AT_SYMLINK_NOFOLLOW"), FLAG('K', 0x200, "AT_REMOVEDIR"),
    FLAG('K', 0x400, "AT_SYMLINK_FOLLOW"), FLAG('K', 0x800, "AT_NO_AUTOMOUNT"),
    FLAG('K', 0x1000, "AT_EMPTY_PATH"),
    ONE('M', 0, "F_OK"), FLAG('M', 4, "R_OK"), FLAG('M', 2, "W_OK"), FLAG('M', 1, "X_OK"),
    ONE('W', 0, "SEEK_SET"), ONE('W', 1, "SEEK_CUR"), ONE('W', 2, "SEEK_END"),
    ONE('W', 3, "SEEK_DATA"), ONE('W', 4, "SEEK_HOLE"),
    ONE('h', 0, "SIG_BLOCK"), ONE('h', 1, "SIG_UNBLOCK"), ONE('h', 2, "SIG_SETMASK"),
    ONE('C', 0, "CLOCK_REALTIME"), ONE('C', 1, "CLOCK_MONOTONIC"),
    ONE('C', 2, "CLOCK_PROCESS_CPUTIME_ID"), ONE('C', 3, "CLOCK_THREAD_CPUTIME_ID"),
    ONE('C', 4, "CLOCK_MONOTONIC_RAW"), ONE('C', 5, "CLOCK_REALTIME_COARSE"),
    ONE('C', 6, "CLOCK_MONOTONIC_COARSE"), ONE('C', 7, "CLOCK_BOOTTIME"),
    ONE('D', 0, "MADV_NORMAL"), ONE('D', 1, "MADV_RANDOM"), ONE('D', 2, "MADV_SEQUENTIAL"),
    ONE('D', 3, "MADV_WILLNEED"), ONE('D', 4, "MADV_DONTNEED"), ONE('D', 8, "MADV_FREE"),
    ONE('D', 9, "MADV_REMOVE"), ONE('D', 10, "MADV_DONTFORK"), ONE('D', 14, "MADV_HUGEPAGE"),
    ONE('D', 15, "MADV_NOHUGEPAGE"), ONE('D', 16, "MADV_DONTDUMP"),
    ONE('E', 1, "EPOLL_CTL_ADD"), ONE('E', 2, "EPOLL_CTL_DEL"), ONE('E', 3, "EPOLL_CTL_MOD"),
    ONE('q', 1, "AF_UNIX"), ONE('q', 2, "AF_INET"), ONE('q', 10, "AF_INET6"),
    ONE('q', 16, "AF_NETLINK"),
    { 'y', 15, 1, "SOCK_STREAM" }, { 'y', 15, 2, "SOCK_DGRAM" }, { 'y', 15, 3, "SOCK_RAW" },
    { 'y', 15, 5, "SOCK_SEQPACKET" }, FLAG('y', 02000000, "SOCK_CLOEXEC"),
    FLAG('y', 04000, "SOCK_NONBLOCK"),
    ONE('f', 0, "F_DUPFD"), ONE('f', 1, "F_GETFD"), ONE('f', 2, "F_SETFD"),
    ONE('f', 3, "F_GETFL"), ONE('f', 4, "F_SETFL"), ONE('f', 5, "F_GETLK"),
    ONE('f', 6, "F_SETLK"), ONE('f', 7, "F_SETLKW"), ONE('f', 1030, "F_DUPFD_CLOEXEC"),
    ONE('f', 1033, "F_ADD_SEALS"), ONE('f', 1034, "F_GET_SEALS"),
    ONE('z', 0, "RLIMIT_CPU"), ONE('z', 1, "RLIMIT_FSIZE"), ONE('z', 2, "RLIMIT_DATA"),
    ONE('z', 3, "RLIMIT_STACK"), ONE('z', 4, "RLIMIT_CORE"), ONE('z', 5, "RLIMIT_RSS"),
    ONE('z', 6, "RLIMIT_NPROC"), ONE('z', 7, "RLIMIT_NOFILE"),
    ONE('z', 8, "RLIMIT_MEMLOCK"), ONE('z', 9, "RLIMIT_AS"),
    ONE('g', 0, "FUTEX_WAIT"), ONE('g', 1, "FUTEX_WAKE"), ONE('g', 128, "FUTEX_WAIT_PRIVATE"),
    ONE('g', 129, "FUTEX_WAKE_PRIVATE"), ONE('g', 131, "FUTEX_REQUEUE_PRIVATE"),
    ONE('g', 132, "FUTEX_CMP_REQUEUE_PRIVATE"), ONE('g', 137, "FUTEX_WAIT_BITSET_PRIVATE"),
    ONE('g', 393, "FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME"),
    FLAG('l', 0x100, "CLONE_VM"), FLAG('l', 0x200, "CLONE_FS"), FLAG('l', 0x400, "CLONE_FILES"),
    FLAG('l', 0x800, "CLONE_SIGHAND"), FLAG('l', 0x4000, "CLONE_VFORK"),
    FLAG('l', 0x10000, "CLONE_THREAD"), FLAG('l', 0x40000, "CLONE_SYSVSEM"),
    FLAG('l', 0x80000, "CLONE_SETTLS"), FLAG('l', 0x100000, "CLONE_PARENT_SETTID"),
    FLAG('l', 0x200000, "CLONE_CHILD_CLEARTID"), FLAG('l', 0x1000000, "CLONE_CHILD_SETTID"),
    { 'l', 0xff, 17, "SIGCHLD" },
    FLAG('w', 1, "WNOHANG"), FLAG('w', 2, "WUNTRACED"), FLAG('w', 4, "WEXITED"),
    FLAG('w', 8, "WCONTINUED"), FLAG('w', 0x1000000, "WNOWAIT"),
    FLAG('r', 1, "GRND_NONBLOCK"), FLAG('r', 2, "GRND_RANDOM"),
    { 't', 0170000, 0140000, "S_IFSOCK" }, { 't', 0170000, 0120000, "S_IFLNK" },
    { 't', 0170000, 0100000, "S_IFREG" }, { 't', 0170000, 0060000, "S_IFBLK" },
    { 't', 0170000, 0040000, "S_IFDIR" }, { 't', 0170000, 0020000, "S_IFCHR" },
    { 't', 0170000, 0010000, "S_IFIFO" },
    FLAG('+', 1, "MSG_OOB"), FLAG('+', 2, "MSG_PEEK"), FLAG('+', 4, "MSG_DONTROUTE"),
    FLAG('+', 8, "MSG_CTRUNC"), FLAG('+', 0x20, "MSG_TRUNC"), FLAG('+', 0x40, "MSG_DONTWAIT"),
    FLAG('+', 0x80, "MSG_EOR"), FLAG('+', 0x100, "MSG_WAITALL"), FLAG('+', 0x800, "MSG_CONFIRM"),
    FLAG('+', 0x2000, "MSG_ERRQUEUE"), FLAG('+', 0x4000, "MSG_NOSIGNAL"),
    FLAG('+', 0x8000, "MSG_MORE"), FLAG('+', 0x40000000, "MSG_CMSG_CLOEXEC"),
    ONE('-', 0, "SHUT_RD"), ONE('-', 1, "SHUT_WR"), ONE('-', 2, "SHUT_RDWR"),
    ONE('>', 0, "SOL_IP"), ONE('>', 1, "SOL_SOCKET"), ONE('>', 6, "SOL_TCP"),
    ONE('>', 17, "SOL_UDP"), ONE('>', 41, "SOL_IPV6"), ONE('>', 270, "SOL_NETLINK"),
    ONE(';', 2, "SO_REUSEADDR"), ONE(';', 3, "SO_TYPE"), ONE(';', 4, "SO_ERROR"),
    ONE(';', 5, "SO_DONTROUTE"), ONE(';', 6, "SO_BROADCAST"), ONE(';', 7, "SO_SNDBUF"),
    ONE(';', 8, "SO_RCVBUF"), ONE(';', 9, "SO_KEEPALIVE"), ONE(';', 10, "SO_OOBINLINE"),
    ONE(';', 13, "SO_LINGER"), ONE(';', 15, "SO_REUSEPORT"), ONE(';', 16, "SO_PASSCRED"),
    ONE(';', 17, "SO_PEERCRED"), ONE(';', 20, "SO_RCVTIMEO_OLD"),
    ONE(';', 21, "SO_SNDTIMEO_OLD"), ONE(';', 29, "SO_TIMESTAMP_OLD"),
    ONE(';', 30, "SO_ACCEPTCONN"), ONE(';', 38, "SO_PROTOCOL"), ONE(';', 39, "SO_DOMAIN"),
    ONE('<', 0x5401, "TCGETS"), ONE('<', 0x5402, "TCSETS"), ONE('<', 0x5403, "TCSETSW"),
    ONE('<', 0x5404, "TCSETSF"), ONE('<', 0x5409, "TCSBRK"), ONE('<', 0x540a, "TCXONC"),
    ONE('<', 0x540b, "TCFLSH"), ONE('<', 0x540c, "TIOCEXCL"), ONE('<', 0x540d, "TIOCNXCL"),
    ONE('<', 0x540e, "TIOCSCTTY"), ONE('<', 0x540f, "TIOCGPGRP"), ONE('<', 0x5410, "TIOCSPGRP"),
    ONE('<', 0x5411, "TIOCOUTQ"), ONE('<', 0x5413, "TIOCGWINSZ"),
    ONE('<', 0x5414, "TIOCSWINSZ"), ONE('<', 0x5415, "TIOCMGET"), ONE('<', 0x541b, "FIONREAD"),
    ONE('<', 0x5421, "FIONBIO"), ONE('<', 0x5422, "TIOCNOTTY"), ONE('<', 0x5425, "TCSBRKP"),
    ONE('<', 0x5429, "TIOCGSID"), ONE('<', 0x5441, "TIOCGPTPEER"), ONE('<', 0x5450, "FIONCLEX"),
    ONE('<', 0x5451, "FIOCLEX"), ONE('<', 0x5452, "FIOASYNC"), ONE('<', 0x80045430, "TIOCGPTN"),
    ONE('<', 0x40045431, "TIOCSPTLCK"), ONE('<', 0x80081272, "BLKGETSIZE64"),
    ONE('/', 0, "ITIMER_REAL"), ONE('/', 1, "ITIMER_VIRTUAL"), ONE('/', 2, "ITIMER_PROF"),
    ONE('^', 0, "P_ALL"), ONE('^', 1, "P_PID"), ONE('^', 2, "P_PGID"), ONE('^', 3, "P_PIDFD"),
    FLAG('!', 02000000, "EPOLL_CLOEXEC"),
    FLAG('~', 02000000, "TFD_CLOEXEC"), FLAG('~', 04000, "TFD_NONBLOCK"),
    FLAG('{', 1, "TFD_TIMER_ABSTIME"), FLAG('{', 2, "TFD_TIMER_CANCEL_ON_SET"),
    FLAG('}', 1, "TIMER_ABSTIME"),
    FLAG(NAMES_EVENTS, 1, "EPOLLIN"), FLAG(NAMES_EVENTS, 2, "EPOLLPRI"),
    FLAG(NAMES_EVENTS, 4, "EPOLLOUT"), FLAG(NAMES_EVENTS, 0x40, "EPOLLRDNORM"),
    FLAG(NAMES_EVENTS, 8, "EPOLLERR"), FLAG(NAMES_EVENTS, 0x10, "EPOLLHUP"),
    FLAG(NAMES_EVENTS, 0x2000, "EPOLLRDHUP"), FLAG(NAMES_EVENTS, 1u << 28, "EPOLLEXCLUSIVE"),
    FLAG(NAMES_EVENTS, 1u << 30, "EPOLLONESHOT"), FLAG(NAMES_EVENTS, 1u << 31, "EPOLLET"),
    FLAG(NAMES_POLL, 1, "POLLIN"), FLAG(NAMES_POLL, 2, "POLLPRI"), FLAG(NAMES_POLL, 4, "POLLOUT"),
    FLAG(NAMES_POLL, 0x40, "POLLRDNORM"), FLAG(NAMES_POLL, 0x80, "POLLRDBAND"),
    FLAG(NAMES_POLL, 0x100, "POLLWRNORM"), FLAG(NAMES_POLL, 8, "POLLERR"),
    FLAG(NAMES_POLL, 0x10, "POLLHUP"), FLAG(NAMES_POLL, 0x20, "POLLNVAL"),
    FLAG(NAMES_POLL, 0x2000, "POLLRDHUP"),
    FLAG(NAMES_ACTION, 0x8000000, "SA_ONSTACK"), FLAG(NAMES_ACTION, 0x10000000, "SA_RESTART"),
    FLAG(NAMES_ACTION, 0x40000000, "SA_NODEFER"), FLAG(NAMES_ACTION, 0x80000000, "SA_RESETHAND"),
    FLAG(NAMES_ACTION, 4, "SA_SIGINFO"), FLAG(NAMES_ACTION, 1, "SA_NOCLDSTOP"),
    FLAG(NAMES_ACTION, 2, "SA_NOCLDWAIT"),
    FLAG(NAMES_STACK, 1, "SS_ONSTACK"), FLAG(NAMES_STACK, 2, "SS_DISABLE"),
    ONE(NAMES_CODE, 0, "SI_USER"), ONE(NAMES_CODE, 0x80, "SI_KERNEL"),
    ONE(NAMES_CODE, UINT32_MAX, "SI_QUEUE"), ONE(NAMES_CODE, UINT32_MAX - 1, "SI_TIMER"),
    ONE(NAMES_CODE, UINT32_MAX - 2, "SI_MESGQ"), ONE(NAMES_CODE, UINT32_MAX - 3, "SI_ASYNCIO"),
    ONE(NAMES_CODE, UINT32_MAX - 4, "SI_SIGIO"), ONE(NAMES_CODE, UINT32_MAX - 5, "SI_TKILL"),
    ONE(NAMES_SEGV, 1, "SEGV_MAPERR"), ONE(NAMES_SEGV, 2, "SEGV_ACCERR"),
    ONE(NAMES_BUS, 1, "BUS_ADRALN"), ONE(NAMES_BUS, 2, "BUS_ADRERR"), ONE(NAMES_BUS, 3, "BUS_OBJERR"),
    ONE(NAMES_FPE, 1, "FPE_INTDIV"), ONE(NAMES_FPE, 2, "FPE_INTOVF"), ONE(NAMES_FPE, 3, "FPE_FLTDIV"),
    ONE(NAMES_ILL, 1, "ILL_ILLOPC"), ONE(NAMES_ILL, 4, "ILL_ILLTRP"), ONE(NAMES_ILL, 5, "ILL_PRVOPC"),
    ONE(NAMES_TRAP, 1, "TRAP_BRKPT"), ONE(NAMES_TRAP, 2, "TRAP_TRACE"),
    ONE(NAMES_CHLD, 1, "CLD_EXITED"), ONE(NAMES_CHLD, 2, "CLD_KILLED"),
    ONE(NAMES_CHLD, 3, "CLD_DUMPED"), ONE(NAMES_CHLD, 4, "CLD_TRAPPED"),
    ONE(NAMES_CHLD, 5, "CLD_STOPPED"), ONE(NAMES_CHLD, 6, "CLD_CONTINUED"),
    FLAG(NAMES_MODES, 1, "IGNBRK"), FLAG(NAMES_MODES, 2, "BRKINT"), FLAG(NAMES_MODES, 4, "IGNPAR"),
    FLAG(NAMES_MODES, 010, "PARMRK"), FLAG(NAMES_MODES, 020, "INPCK"), FLAG(NAMES_MODES, 040, "ISTRIP"),
    FLAG(NAMES_MODES, 0100, "INLCR"), FLAG(NAMES_MODES, 0200, "IGNCR"),
    FLAG(NAMES_MODES, 0400, "ICRNL"), FLAG(NAMES_MODES, 02000, "IXON"),
    FLAG(NAMES_MODES, 04000, "IXANY"), FLAG(NAMES_MODES, 010000, "IXOFF"),
    FLAG(NAMES_MODES, 020000, "IMAXBEL"), FLAG(NAMES_MODES, 040000, "IUTF8"),
    { OUT, 0400, 0, "NL0" }, { OUT, 0400, 0400, "NL1" }, { OUT, 03000, 0, "CR0" },
    { OUT, 014000, 0, "TAB0" }, { OUT, 014000, 014000, "TAB3" }, { OUT, 020000, 0, "BS0" },
    { OUT, 040000, 0, "VT0" }, { OUT, 0100000, 0, "FF0" },
    FLAG(OUT, 1, "OPOST"), FLAG(OUT, 2, "OLCUC"), FLAG(OUT, 4, "ONLCR"), FLAG(OUT, 010, "OCRNL"),
    FLAG(OUT, 020, "ONOCR"), FLAG(OUT, 040, "ONLRET"), FLAG(OUT, 0100, "OFILL"),
    { CONTROL, 0x100f, 13, "B9600" }, { CONTROL, 0x100f, 14, "B19200" },
    { CONTROL, 0x100f, 15, "B38400" }, { CONTROL, 0x100f, 0x1002, "B115200" },
    { CONTROL, 0x30, 0, "CS5" }, { CONTROL, 0x30, 0x10, "CS6" }, { CONTROL, 0x30, 0x20, "CS7" },
    { CONTROL, 0x30, 0x30, "CS8" }, FLAG(CONTROL, 0100, "CSTOPB"), FLAG(CONTROL, 0200, "CREAD"),
    FLAG(CONTROL, 0400, "PARENB"), FLAG(CONTROL, 01000, "PARODD"), FLAG(CONTROL, 02000, "HUPCL"),
    FLAG(CONTROL, 04000, "CLOCAL"),
    FLAG(LOCAL, 1, "ISIG"), FLAG(LOCAL, 2, "ICANON"), FLAG(LOCAL, 4, "XCASE"),
    FLAG(LOCAL, 010, "ECHO"), FLAG(LOCAL, 020, "ECHOE"), FLAG(LOCAL, 040, "ECHOK"),
    FLAG(LOCAL, 0100, "ECHONL"), FLAG(LOCAL, 0200, "NOFLSH"), FLAG(LOCAL, 0400, "TOSTOP"),
    FLAG(LOCAL, 0100000, "IEXTEN"), FLAG(LOCAL, 01000, "ECHOCTL"), FLAG(LOCAL, 02000, "ECHOPRT"),
    FLAG(LOCAL, 04000, "ECHOKE"), FLAG(LOCAL, 040000, "PENDIN"),
#undef FLAG
#undef ONE
    /* clang-format on */
};

void strace_add(struct strace_line *line, const char *fmt, ...)
{
    size_t room = sizeof(line->text) - line->length;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line->text + line->length, room, fmt, ap);
    va_end(ap);
    line->length += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

void strace_pointer(struct strace_line *line, uint64_t addr)
{
    if (addr)
        strace_add(line, "%#" PRIx64, addr);
    else
        strace_add(line, "NULL");
}

/* Returns false for a kind without names. */
bool strace_names(struct strace_line *line, char kind, uint64_t value)
{
    const char *between = "";
    uint32_t rest = (uint32_t)value;
    bool known = false;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].kind != kind)
            continue;
        known = true;
        if ((rest & names[i].mask) != names[i].value ||
            ((uint32_t)value & names[i].mask) != names[i].value)
            continue;
        strace_add(line, "%s%s", between, names[i].text);
        between = "|";
        rest &= ~names[i].mask;
        if (names[i].mask == UINT32_MAX)
            return true;
    }
    if (known && (rest || !*between))
        strace_add(line, kind == 't' ? "%s%#o" : rest ? "%s%#x" : "%s%u", between, rest);
    return known;
}

const char *strace_name(char kind, uint64_t value)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].kind == kind && names[i].value == (uint32_t)value)
            return names[i].text;
    return NULL;
}

void strace_quoted(struct strace_line *line, const char *bytes, size_t size)
{
    static const char plain[] = "\n\t\r\"\\", letters[] = "ntr\"\\";

    strace_add(line, "\"");
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        const char *at = c ? strchr(plain, c) : NULL;
        bool digit = i + 1 < size && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';

        if (at)
            strace_add(line, "\\%c", letters[at - plain]);
        else if (c >= ' ' && c < 127)
            strace_add(line, "%c", c);
        else
            strace_add(line, digit ? "\\%03o" : "\\%o", c);
    }
    strace_add(line, "\"");
}

static void add_string(struct strace_line *line, struct task *t, uint64_t addr)
{
    char text[256];
    int error = read_string(t, addr, text, sizeof(text));

    if (addr == 0 || error == -EFAULT) {
        strace_pointer(line, addr);
        return;
    }
    strace_quoted(line, text, error ? sizeof(text) : strlen(text));
    if (error == -ENAMETOOLONG)
        strace_add(line, "...");
}

void strace_bytes(struct strace_line *line, struct task *t, uint64_t addr, uint64_t size)
{
    char bytes[SHOWN];
    size_t shown = size < sizeof(bytes) ? (size_t)size : sizeof(bytes);

    if (space_read(t->proc->space, addr, bytes, shown, NULL) < 0) {
        strace_pointer(line, addr);
        return;
    }
    strace_quoted(line, bytes, shown);
    if (shown < size)
        strace_add(line, "...");
}

/* ["a", "b"], of an array of pointers. */
static void add_strings(struct strace_line *line, struct task *t, uint64_t addr)
{
    unsigned word = t->proc->abi->layouts->word, i = 0;
    uint64_t at;

    for (; read_number(t, addr + i * word, word, &at) == 0 && at; i++) {
        if (i < MANY)
            strace_add(line, i ? ", " : "[");
        if (i < MANY)
            add_string(line, t, at);
    }
    strace_add(line, i == 0 ? "[]" : i > MANY ? ", ...]" : "]");
}

static void add_count(struct strace_line *line, struct task *t, uint64_t addr)
{
    unsigned word = t->proc->abi->layouts->word, n = 0;
    uint64_t at;

    while (read_number(t, addr + n * word, word, &at) == 0 && at)
        n++;
    strace_pointer(line, addr);
    strace_add(line, " /* %u vars */", n);
}

void strace_signal_name(struct strace_line *line, int signo)
{
    const char *name = signo < 32 ? sigabbrev_np(signal_to_host(signo)) : NULL;

    if (name)
        strace_add(line, "SIG%s", name);
    else if (signo >= 32 && signo <= GUEST_SIGNALS)
        strace_add(line, "SIGRT_%d", signo - 32);
    else
        strace_add(line, "%d", signo);
}

/* [INT CHLD], or ~[...] when most are in the set. */
void strace_set(struct strace_line *line, uint64_t set)
{
    const char *between = "";
    bool most = __builtin_popcountll(set) > GUEST_SIGNALS / 2;

    strace_add(line, most ? "~[" : "[");
    for (int i = 1; i <= GUEST_SIGNALS; i++) {
        size_t from;

        if ((set >> (i - 1) & 1) == most)
            continue;
        strace_add(line, "%s", between);
        from = line->length;
        strace_signal_name(line, i);
        if (line->length >= from + 3) { /* without SIG */
            memmove(line->text + from, line->text + from + 3, line->length - from - 2);
            line->length -= 3;
        }
        between = " ";
    }
    strace_add(line, "]");
}

bool strace_time(struct strace_line *line, struct task *t, uint64_t addr, bool is_timeval)
{
    const struct layouts *layouts = t->proc->abi->layouts;
    uint64_t v[PAIR_FIELDS];

    if (!addr || read_struct(t, addr, is_timeval ? &layouts->timeval : &layouts->timespec,
                             PAIR_FIELDS, v) < 0)
        return false;
    strace_add(line, "{tv_sec=%" PRId64 ", tv_%csec=%" PRId64 "}", (int64_t)v[PAIR_A],
               is_timeval ? 'u' : 'n', (int64_t)v[PAIR_B]);
    return true;
}

static void add_stat(struct strace_line *line, struct task *t, uint64_t addr)
{
    uint64_t v[STAT_FIELDS];

    if (read_struct(t, addr, &t->proc->abi->layouts->stat, STAT_FIELDS, v) < 0) {
        strace_pointer(line, addr);
        return;
    }
    strace_add(line, "{st_mode=");
    strace_names(line, 't', v[STAT_MODE]);
    strace_add(line, ", st_size=%" PRIu64 ", ...}", v[STAT_SIZE]);
}

static void add_status(struct strace_line *line, struct task *t, uint64_t addr)
{
    uint64_t status;

    if (!addr || read_number(t, addr, 4, &status) < 0) {
        strace_pointer(line, addr);
    } else if ((status & 0x7f) == 0) {
        strace_add(line, "[{WIFEXITED(s) && WEXITSTATUS(s) == %d}]",
                   (int)(status >> 8 & 0xff));
    } else if ((status & 0xff) == 0x7f) {
        strace_add(line, "[{WIFSTOPPED(s) && WSTOPSIG(s) == ");
        strace_signal_name(line, (int)(status >> 8 & 0xff));
        strace_add(line, "}]");
    } else {
        strace_add(line, "[{WIFSIGNALED(s) && WTERMSIG(s) == ");
        strace_signal_name(line, (int)(status & 0x7f));
        strace_add(line, "}]");
    }
}

/* What the guest gave, or (`ran`) what the call stored. */
static bool add_memory(struct strace_line *line, struct task *t, char kind,
                       const uint64_t *a, bool ran, int64_t result)
{
    uint64_t number, other;

    switch (kind) {
    case 's':
    case 'P':
    case 'L': add_string(line, t, *a); return true;
    case 'b': strace_bytes(line, t, *a, a[1]); return true;
    case 'v': add_strings(line, t, *a); return true;
    case 'V': add_count(line, t, *a); return true;
    case 'T': return strace_time(line, t, *a, false);
    case 'N':
        if (!*a || read_number(t, *a, 8, &number) < 0)
            return false;
        strace_set(line, number);
        return true;
    }
    if (!ran || !*a)
        return false;
    switch (kind) {
    case 'B': strace_bytes(line, t, *a, (uint64_t)result); return true;
    case 'X': add_stat(line, t, *a); return true;
    case 'Z': add_status(line, t, *a); return true;
    case '*':
        if (read_number(t, *a, 8, &number) < 0)
            return false;
        strace_set(line, number);
        return true;
    case 'U': return strace_time(line, t, *a, false);
    case 'I':
        if (read_number(t, *a, 4, &number) < 0 || read_number(t, *a + 4, 4, &other) < 0)
            return false;
        strace_add(line, "[%d, %d]", (int)number, (int)other);
        return true;
    }
    return false;
}

/* rt_sigreturn: what it makes of the mask. */
static void add_restored(struct strace_line *line, const struct task *t)
{
    strace_add(line, "{mask=");
    strace_set(line, t->blocked);
    strace_add(line, "}");
}

static void add_argument(const struct strace_arg *arg)
{
    struct strace_line *line = arg->line;
    uint64_t a = *arg->a;

    /* An option's names are those of its level, SOL_SOCKET. */
    if (!(arg->kind == ';' && arg->a[-1] != 1) && strace_names(line, arg->kind, a))
        return;
    if (add_memory(line, arg->t, arg->kind, arg->a, arg->ran, arg->result) ||
        strace_struct(arg))
        return;
    switch (arg->kind) {
    case ';':
    case 'd': strace_add(line, "%d", (int)a); break;
    case 'i': strace_add(line, "%" PRId64, (int64_t)a); break;
    case 'u': strace_add(line, "%" PRIu64, a); break;
    case 'o': strace_add(line, "%#" PRIo64, a); break;
    case 'S': strace_signal_name(line, (int)a); break;
    case 'A':
        if ((int)a == -100)
            strace_add(line, "AT_FDCWD");
        else
            strace_add(line, "%d", (int)a);
        break;
    case '|': add_restored(line, arg->t); break;
    case 'x': strace_add(line, "%#" PRIx64, a); break;
    default: strace_pointer(line, a);
    }
}

/* Arguments from line->next on, to the first that the call stores if it has not run. */
static void add_arguments(struct strace_line *line, struct task *t, const char *kinds,
                          const uint64_t *a, bool has_run, int64_t result)
{
    static const char stored[] = "BXZUIcen=J&:24678902*|";
    enum {
        CREATES = 0100 | 020000000
    }; /* O_CREAT, O_TMPFILE: only then there is a mode */

    for (unsigned i = line->next; kinds[i] && kinds[i] != ')'; i++) {
        const struct strace_arg arg = { line,  t,     kinds[i],
                                        i,     &a[i], has_run && result >= 0,
                                        result };

        if (!has_run && strchr(stored, kinds[i]))
            return;
        line->next = i + 1;
        if (i > 0 && kinds[i - 1] == 'O' && kinds[i] == 'o' && !(a[i - 1] & CREATES))
            return;
        strace_add(line, "%s", i ? ", " : "");
        add_argument(&arg);
    }
}

void strace_begin(struct strace_line *line, struct task *t, const char *name,
                  const char *kinds, const uint64_t *a)
{
    line->length = line->next = 0;
    line->before = 0;
    for (unsigned i = 0; kinds[i] && i < 6; i++)
        if (kinds[i] == 'e')
            read_number(t, a[i], 4, &line->before);
    strace_add(line, "%d %s(", (int)t->tid, name);
    add_arguments(line, t, kinds, a, false, 0);
}

static void add_result(struct strace_line *line, const struct task *t, bool is_address,
                       int64_t result)
{
    if (result >= 0 || result < -4095)
        strace_add(line, is_address ? " = %#" PRIx64 : " = %" PRId64, result);
    else if (result == -RESTART || result == -ALWAYS_RESTART)
        strace_add(line, " = ? ERESTARTSYS (To be restarted if SA_RESTART is set)");
    else if (result == -NO_RESTART)
        strace_add(line, t->has_until
                             ? " = ? ERESTART_RESTARTBLOCK (Interrupted by signal)"
                             : " = ? ERESTARTNOHAND (To be restarted if no handler)");
    else
        strace_add(line, " = -1 %s (%s)", strerrorname_np((int)-result),
                   strerror((int)-result));
}

void strace_end(struct strace_line *line, struct task *t, const char *kinds,
                const uint64_t *a, int64_t result)
{
    if (result == -NO_RESULT) /* rt_sigreturn: the register that it restored */
        result = (int64_t)cpu_get(t->cpu, t->proc->result);
    add_arguments(line, t, kinds, a, true, result);
    strace_add(line, ")");
    add_result(line, t, strchr(kinds, ')'), result);
    if (kinds[0] == '@' || (kinds[0] && kinds[1] == '#'))
        strace_ready(line, t, kinds, a, result);
    log_line("%s", line->text);
}

void strace_no_end(struct strace_line *line, struct task *t, const char *kinds,
                   const uint64_t *a)
{
    add_arguments(line, t, kinds, a, true, -EFAULT);
    log_line("%s) = ?", line->text);
}

/* ------------------------------------------------------------ what else is reported */

void strace_signal(struct task *t, const struct sig_info *info)
{
    struct strace_line line = { .length = 0 };

    strace_add(&line, "%d --- ", t->tid);
    strace_signal_name(&line, (int)info->value[INFO_SIGNO]);
    strace_add(&line, " ");
    strace_siginfo(&line, info);
    log_line("%s ---", line.text);
}

void strace_exited(const struct task *t, int status)
{
    log_line("%d +++ exited with %d +++", t->tid, status);
}

void strace_killed(struct task *t, int signo, bool dumped)
{
    struct strace_line line = { .length = 0 };

    strace_add(&line, "%d +++ killed by ", t->tid);
    strace_signal_name(&line, signo);
    log_line("%s%s +++", line.text, dumped ? " (core dumped)" : "");
}
