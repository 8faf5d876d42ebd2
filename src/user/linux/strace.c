/* strace.c - one system call as a line, as strace prints it.
 *
 * What an argument is, is its letter in calls.h; flags and numbers with names are rows
 * here.  Not modelled: structs of sockets, of ioctl and fcntl: their addresses are shown.
 */
#include "user/linux/strace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
#undef FLAG
#undef ONE
    /* clang-format on */
};

static void add(struct strace_line *line, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void add(struct strace_line *line, const char *fmt, ...)
{
    size_t room = sizeof(line->text) - line->length;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line->text + line->length, room, fmt, ap);
    va_end(ap);
    line->length += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void add_pointer(struct strace_line *line, uint64_t addr)
{
    if (addr)
        add(line, "%#" PRIx64, addr);
    else
        add(line, "NULL");
}

/* Returns false for a kind without names. */
static bool add_names(struct strace_line *line, char kind, uint64_t value)
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
        add(line, "%s%s", between, names[i].text);
        between = "|";
        rest &= ~names[i].mask;
        if (names[i].mask == UINT32_MAX)
            return true;
    }
    if (known && (rest || !*between))
        add(line, kind == 't' ? "%s%#o" : rest ? "%s%#x" : "%s%u", between, rest);
    return known;
}

static void add_quoted(struct strace_line *line, const char *bytes, size_t size)
{
    static const char plain[] = "\n\t\r\"\\", letters[] = "ntr\"\\";

    add(line, "\"");
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        const char *at = c ? strchr(plain, c) : NULL;
        bool digit = i + 1 < size && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';

        if (at)
            add(line, "\\%c", letters[at - plain]);
        else if (c >= ' ' && c < 127)
            add(line, "%c", c);
        else
            add(line, digit ? "\\%03o" : "\\%o", c);
    }
    add(line, "\"");
}

static void add_string(struct strace_line *line, struct task *t, uint64_t addr)
{
    char text[256];
    int error = read_string(t, addr, text, sizeof(text));

    if (addr == 0 || error == -EFAULT) {
        add_pointer(line, addr);
        return;
    }
    add_quoted(line, text, error ? sizeof(text) : strlen(text));
    if (error == -ENAMETOOLONG)
        add(line, "...");
}

static void add_bytes(struct strace_line *line, struct task *t, uint64_t addr,
                      uint64_t size)
{
    char bytes[SHOWN];
    size_t shown = size < sizeof(bytes) ? (size_t)size : sizeof(bytes);

    if (space_read(t->proc->space, addr, bytes, shown, NULL) < 0) {
        add_pointer(line, addr);
        return;
    }
    add_quoted(line, bytes, shown);
    if (shown < size)
        add(line, "...");
}

/* ["a", "b"], of an array of pointers. */
static void add_strings(struct strace_line *line, struct task *t, uint64_t addr)
{
    unsigned word = t->proc->abi->layouts->word, i = 0;
    uint64_t at;

    for (; read_number(t, addr + i * word, word, &at) == 0 && at; i++) {
        if (i < MANY)
            add(line, i ? ", " : "[");
        if (i < MANY)
            add_string(line, t, at);
    }
    add(line, i == 0 ? "[]" : i > MANY ? ", ...]" : "]");
}

static void add_count(struct strace_line *line, struct task *t, uint64_t addr)
{
    unsigned word = t->proc->abi->layouts->word, n = 0;
    uint64_t at;

    while (read_number(t, addr + n * word, word, &at) == 0 && at)
        n++;
    add_pointer(line, addr);
    add(line, " /* %u vars */", n);
}

static void add_signal(struct strace_line *line, int signo)
{
    const char *name = signo < 32 ? sigabbrev_np(signal_to_host(signo)) : NULL;

    if (name)
        add(line, "SIG%s", name);
    else if (signo >= 32 && signo <= GUEST_SIGNALS)
        add(line, "SIGRT_%d", signo - 32);
    else
        add(line, "%d", signo);
}

/* [INT CHLD], or ~[...] when most are in the set. */
static void add_set(struct strace_line *line, uint64_t set)
{
    const char *between = "";
    bool most = __builtin_popcountll(set) > GUEST_SIGNALS / 2;

    add(line, most ? "~[" : "[");
    for (int i = 1; i <= GUEST_SIGNALS; i++) {
        size_t from;

        if ((set >> (i - 1) & 1) == most)
            continue;
        add(line, "%s", between);
        from = line->length;
        add_signal(line, i);
        if (line->length >= from + 3) { /* without SIG */
            memmove(line->text + from, line->text + from + 3, line->length - from - 2);
            line->length -= 3;
        }
        between = " ";
    }
    add(line, "]");
}

static void add_timespec(struct strace_line *line, struct task *t, uint64_t addr)
{
    uint64_t v[PAIR_FIELDS];

    if (!addr || read_struct(t, addr, &t->proc->abi->layouts->timespec, PAIR_FIELDS, v))
        add_pointer(line, addr);
    else
        add(line, "{tv_sec=%" PRId64 ", tv_nsec=%" PRId64 "}", (int64_t)v[PAIR_A],
            (int64_t)v[PAIR_B]);
}

static void add_stat(struct strace_line *line, struct task *t, uint64_t addr)
{
    uint64_t v[STAT_FIELDS];

    if (read_struct(t, addr, &t->proc->abi->layouts->stat, STAT_FIELDS, v) < 0) {
        add_pointer(line, addr);
        return;
    }
    add(line, "{st_mode=");
    add_names(line, 't', v[STAT_MODE]);
    add(line, ", st_size=%" PRIu64 ", ...}", v[STAT_SIZE]);
}

static void add_status(struct strace_line *line, struct task *t, uint64_t addr)
{
    uint64_t status;

    if (!addr || read_number(t, addr, 4, &status) < 0) {
        add_pointer(line, addr);
    } else if ((status & 0x7f) == 0) {
        add(line, "[{WIFEXITED(s) && WEXITSTATUS(s) == %d}]", (int)(status >> 8 & 0xff));
    } else if ((status & 0xff) == 0x7f) {
        add(line, "[{WIFSTOPPED(s) && WSTOPSIG(s) == ");
        add_signal(line, (int)(status >> 8 & 0xff));
        add(line, "}]");
    } else {
        add(line, "[{WIFSIGNALED(s) && WTERMSIG(s) == ");
        add_signal(line, (int)(status & 0x7f));
        add(line, "}]");
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
    case 'b': add_bytes(line, t, *a, a[1]); return true;
    case 'v': add_strings(line, t, *a); return true;
    case 'V': add_count(line, t, *a); return true;
    case 'T': add_timespec(line, t, *a); return true;
    case 'N':
        if (!*a || read_number(t, *a, 8, &number) < 0)
            return false;
        add_set(line, number);
        return true;
    }
    if (!ran || !*a)
        return false;
    switch (kind) {
    case 'B': add_bytes(line, t, *a, (uint64_t)result); return true;
    case 'X': add_stat(line, t, *a); return true;
    case 'Z': add_status(line, t, *a); return true;
    case 'U': add_timespec(line, t, *a); return true;
    case 'I':
        if (read_number(t, *a, 4, &number) < 0 || read_number(t, *a + 4, 4, &other) < 0)
            return false;
        add(line, "[%d, %d]", (int)number, (int)other);
        return true;
    }
    return false;
}

static void add_argument(struct strace_line *line, struct task *t, char kind,
                         const uint64_t *a, int64_t result)
{
    if (add_names(line, kind, *a) || add_memory(line, t, kind, a, result >= 0, result))
        return;
    switch (kind) {
    case 'd': add(line, "%d", (int)*a); break;
    case 'i': add(line, "%" PRId64, (int64_t)*a); break;
    case 'u': add(line, "%" PRIu64, *a); break;
    case 'o': add(line, "%#" PRIo64, *a); break;
    case 'S': add_signal(line, (int)*a); break;
    case 'A':
        if ((int)*a == -100)
            add(line, "AT_FDCWD");
        else
            add(line, "%d", (int)*a);
        break;
    case 'x': add(line, "%#" PRIx64, *a); break;
    default: add_pointer(line, *a);
    }
}

void strace_call(struct strace_line *line, struct task *t, const char *name,
                 const char *kinds, const uint64_t *a, int64_t result)
{
    enum {
        CREATES = 0100 | 020000000
    }; /* O_CREAT, O_TMPFILE: only then there is a mode */

    line->length = 0;
    add(line, "%d %s(", (int)t->tid, name);
    for (size_t i = 0; kinds[i] && i < 6; i++) {
        if (i > 0 && kinds[i - 1] == 'O' && kinds[i] == 'o' && !(a[i - 1] & CREATES))
            break;
        add(line, "%s", i ? ", " : "");
        add_argument(line, t, kinds[i], &a[i], result);
    }
    add(line, ")");
}

void strace_result(struct strace_line *line, int64_t result)
{
    if (result >= 0 || result < -4095)
        add(line, result > 0x10000000 ? " = %#" PRIx64 : " = %" PRId64, result);
    else if (result == -RESTART || result == -ALWAYS_RESTART)
        add(line, " = ? ERESTARTSYS (To be restarted if SA_RESTART is set)");
    else if (result == -NO_RESTART)
        add(line, " = ? ERESTARTNOHAND (To be restarted if no handler)");
    else if (result == -NO_RESULT)
        add(line, " = ?");
    else
        add(line, " = -1 %s (%s)", strerrorname_np((int)-result), strerror((int)-result));
}
