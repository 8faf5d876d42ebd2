/* strace_struct.c - structs of system calls, as strace prints them.
 *
 * Not modelled: control messages, terminals' modes without ICANON's characters. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "user/linux/strace_parts.h"

enum { MANY = 8 }; /* elements of an array */

static bool read_at(const struct strace_arg *at, uint64_t addr, unsigned size,
                    uint64_t *value)
{
    return read_number(at->t, addr, size, value) == 0;
}

/* ------------------------------------------------------------------------- sockets */

static void add_unix(const struct strace_arg *at, const uint8_t *bytes, size_t size)
{
    const char *path = (const char *)bytes + 2;

    if (size <= 2)
        return;
    strace_add(at->line, ", sun_path=%s", path[0] ? "" : "@");
    if (path[0])
        strace_quoted(at->line, path, strnlen(path, size - 2));
    else
        strace_quoted(at->line, path + 1, size - 3);
}

static void add_inet6(const struct strace_arg *at, const uint8_t *bytes)
{
    char text[INET6_ADDRSTRLEN];

    strace_add(
        at->line,
        ", sin6_port=htons(%d), sin6_flowinfo=htonl(%u), inet_pton(AF_INET6, \"%s\", "
        "&sin6_addr), sin6_scope_id=%u",
        bytes[2] << 8 | bytes[3],
        (unsigned)bytes[4] << 24 | (unsigned)bytes[5] << 16 | (unsigned)bytes[6] << 8 |
            bytes[7],
        inet_ntop(AF_INET6, bytes + 8, text, sizeof(text)),
        (unsigned)get_guest(at->t->proc->abi, bytes + 24, 4));
}

static bool add_address(const struct strace_arg *at, uint64_t addr, uint64_t size)
{
    enum { FAMILY = 2, INET = 16, INET6 = 28, MOST = 128 };
    uint8_t bytes[MOST] = { 0 };
    uint64_t family;

    if (!addr || size < FAMILY || size > MOST ||
        space_read(at->t->proc->space, addr, bytes, (size_t)size, NULL) < 0)
        return false;
    family = get_guest(at->t->proc->abi, bytes, FAMILY);
    strace_add(at->line, "{sa_family=");
    strace_names(at->line, 'q', family);
    if (family == AF_UNIX) {
        add_unix(at, bytes, (size_t)size);
    } else if (family == AF_INET && size >= INET) {
        strace_add(at->line, ", sin_port=htons(%d), sin_addr=inet_addr(\"%d.%d.%d.%d\")",
                   bytes[2] << 8 | bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]);
    } else if (family == AF_INET6 && size >= INET6) {
        add_inet6(at, bytes);
    } else if (size > FAMILY) {
        strace_add(at->line, ", sa_data=");
        strace_quoted(at->line, (const char *)bytes + FAMILY, (size_t)size - FAMILY);
    }
    strace_add(at->line, "}");
    return true;
}

static bool add_stored_address(const struct strace_arg *at)
{
    uint64_t size;

    if (!at->ran || !at->a[0] || !read_at(at, at->a[1], 4, &size))
        return false;
    if (size > at->line->before) /* only that much was there for it */
        size = at->line->before;
    return add_address(at, at->a[0], size);
}

/* [there was => is needed] */
static bool add_address_size(const struct strace_arg *at)
{
    uint64_t size;

    if (!at->a[0] || !read_at(at, at->a[0], 4, &size))
        return false;
    if (at->ran && size != at->line->before)
        strace_add(at->line, "[%d => %d]", (int)at->line->before, (int)size);
    else
        strace_add(at->line, "[%d]", (int)size);
    return true;
}

/* An option's value; strace shows what is not an int as bytes. */
static bool add_option(const struct strace_arg *at, uint64_t size)
{
    uint64_t value;

    if (!at->a[0] || size < 4)
        return false;
    if (size > 4)
        strace_bytes(at->line, at->t, at->a[0], size);
    else if (read_at(at, at->a[0], 4, &value))
        strace_add(at->line, "[%d]", (int)value);
    else
        return false;
    return true;
}

/* `left`: bytes that were moved, of those described; UINT64_MAX: all. */
static bool add_vectors(const struct strace_arg *at, uint64_t addr, uint64_t count,
                        uint64_t left)
{
    const struct layout *layout = &at->t->proc->abi->layouts->iovec;
    uint64_t v[PAIR_FIELDS];

    for (uint64_t i = 0; i < count && i < MANY; i++) {
        uint64_t shown;

        if (read_struct(at->t, addr + i * layout->size, layout, PAIR_FIELDS, v) < 0)
            return i > 0;
        shown = v[PAIR_B] < left ? v[PAIR_B] : left;
        left -= left == UINT64_MAX ? 0 : shown;
        strace_add(at->line, "%s{iov_base=", i ? ", " : "[");
        strace_bytes(at->line, at->t, v[PAIR_A], shown);
        strace_add(at->line, ", iov_len=%" PRIu64 "}", v[PAIR_B]);
    }
    strace_add(at->line, count == 0 ? "[]" : count > MANY ? ", ...]" : "]");
    return true;
}

static bool add_message(const struct strace_arg *at, uint64_t bytes)
{
    uint64_t v[MSG_FIELDS];

    if (!at->a[0] || read_struct(at->t, at->a[0], &at->t->proc->abi->layouts->msghdr,
                                 MSG_FIELDS, v) < 0)
        return false;
    strace_add(at->line, "{msg_name=");
    if (!add_address(at, v[MSG_NAME], v[MSG_NAMELEN]))
        strace_pointer(at->line, v[MSG_NAME]);
    strace_add(at->line, ", msg_namelen=%d, msg_iov=", (int)v[MSG_NAMELEN]);
    if (!add_vectors(at, v[MSG_IOV], v[MSG_IOVLEN], bytes))
        strace_pointer(at->line, v[MSG_IOV]);
    strace_add(at->line, ", msg_iovlen=%" PRIu64, v[MSG_IOVLEN]);
    if (v[MSG_CONTROLLEN])
        strace_add(at->line, ", msg_control=%#" PRIx64, v[MSG_CONTROL]);
    strace_add(at->line, ", msg_controllen=%" PRIu64 ", msg_flags=", v[MSG_CONTROLLEN]);
    strace_names(at->line, '+', v[MSG_FLAGS]);
    strace_add(at->line, "}");
    return true;
}

/* ------------------------------------------------------------------------- waiting */

static bool add_event(const struct strace_arg *at, uint64_t addr)
{
    uint64_t v[EPOLL_FIELDS];

    if (!addr || read_struct(at->t, addr, &at->t->proc->abi->layouts->epoll_event,
                             EPOLL_FIELDS, v) < 0)
        return false;
    strace_add(at->line, "{events=");
    strace_names(at->line, NAMES_EVENTS, v[EPOLL_F_EVENTS]);
    strace_add(at->line, ", data={u32=%" PRIu32 ", u64=%" PRIu64 "}}",
               (uint32_t)v[EPOLL_F_DATA], v[EPOLL_F_DATA]);
    return true;
}

static bool add_events(const struct strace_arg *at)
{
    uint64_t size = at->t->proc->abi->layouts->epoll_event.size;

    if (!at->ran)
        return false;
    strace_add(at->line, "[");
    for (int64_t i = 0; i < at->result && i < MANY; i++) {
        strace_add(at->line, i ? ", " : "");
        add_event(at, at->a[0] + (uint64_t)i * size);
    }
    strace_add(at->line, at->result > MANY ? ", ...]" : "]");
    return true;
}

/* What is asked of each descriptor. */
static bool add_polls(const struct strace_arg *at)
{
    enum { SIZE = 8, EVENTS = 4 };
    uint64_t fd, events;

    if (!at->a[0])
        return false;
    for (uint64_t i = 0; i < at->a[1] && i < MANY; i++) {
        if (!read_at(at, at->a[0] + i * SIZE, 4, &fd) ||
            !read_at(at, at->a[0] + i * SIZE + EVENTS, 2, &events))
            return i > 0;
        strace_add(at->line, "%s{fd=%d", i ? ", " : "[", (int)fd);
        if ((int)fd >= 0) {
            strace_add(at->line, ", events=");
            strace_names(at->line, NAMES_POLL, events);
        }
        strace_add(at->line, "}");
    }
    strace_add(at->line, at->a[1] == 0 ? "[]" : at->a[1] > MANY ? ", ...]" : "]");
    return true;
}

enum { SELECT_FDS = 1024 };

/* [3 5]; `n`: how many bits are looked at. */
static bool add_fds(const struct strace_arg *at, uint64_t addr, uint64_t n)
{
    unsigned word = at->t->proc->abi->layouts->word;
    const char *between = "";
    uint64_t bits = 0;

    if (!addr)
        return false;
    strace_add(at->line, "[");
    for (uint64_t i = 0; i < n && i < SELECT_FDS; i++) {
        if (i % (8 * word) == 0 && !read_at(at, addr + i / 8, word, &bits))
            break;
        if (!(bits >> i % (8 * word) & 1))
            continue;
        strace_add(at->line, "%s%d", between, (int)i);
        between = " ";
    }
    strace_add(at->line, "]");
    return true;
}

/* pselect's { mask, size }. */
static bool add_mask_pair(const struct strace_arg *at)
{
    unsigned word = at->t->proc->abi->layouts->word;
    uint64_t addr, size, set;

    if (!at->a[0] || !read_at(at, at->a[0], word, &addr) ||
        !read_at(at, at->a[0] + word, word, &size))
        return false;
    strace_add(at->line, "{sigmask=");
    if (addr && read_at(at, addr, 8, &set))
        strace_set(at->line, set);
    else
        strace_pointer(at->line, addr);
    strace_add(at->line, ", sigsetsize=%" PRIu64 "}", size);
    return true;
}

static void add_ready_polls(const struct strace_arg *at)
{
    enum { SIZE = 8, REVENTS = 6 };
    const char *between = "";
    uint64_t fd, events;

    strace_add(at->line, "[");
    for (uint64_t i = 0; i < at->a[1] && i < MANY; i++) {
        if (!read_at(at, at->a[0] + i * SIZE, 4, &fd) ||
            !read_at(at, at->a[0] + i * SIZE + REVENTS, 2, &events) || !events)
            continue;
        strace_add(at->line, "%s{fd=%d, revents=", between, (int)fd);
        strace_names(at->line, NAMES_POLL, events);
        strace_add(at->line, "}");
        between = ", ";
    }
    strace_add(at->line, "]");
}

void strace_ready(struct strace_line *line, struct task *t, const char *kinds,
                  const uint64_t *a, int64_t result)
{
    static const char *const names[] = { "in", "out", "except" };
    const struct strace_arg at = { line, t, 0, 0, a, true, result };
    uint64_t rest = kinds[0] == '@' ? a[2] : a[4];
    const char *between = "";

    if (result <= 0) {
        strace_add(line, result == 0 ? " (Timeout)" : "");
        return;
    }
    strace_add(line, " (");
    if (kinds[0] == '@')
        add_ready_polls(&at);
    for (unsigned i = 0; i < 3 && kinds[0] != '@'; i++) {
        if (!a[1 + i])
            continue;
        strace_add(line, "%s%s ", between, names[i]);
        add_fds(&at, a[1 + i], a[0]);
        between = ", ";
    }
    if (rest) {
        strace_add(line, ", left ");
        strace_time(line, t, rest, false);
    }
    strace_add(line, ")");
}

/* Two times; the second one is the value. */
static bool add_timer(const struct strace_arg *at, bool is_timeval)
{
    const struct layouts *layouts = at->t->proc->abi->layouts;
    uint64_t size = is_timeval ? layouts->timeval.size : layouts->timespec.size;
    uint64_t byte;

    if (!at->a[0] || !read_at(at, at->a[0] + 2 * size - 1, 1, &byte))
        return false;
    strace_add(at->line, "{it_interval=");
    strace_time(at->line, at->t, at->a[0], is_timeval);
    strace_add(at->line, ", it_value=");
    strace_time(at->line, at->t, at->a[0] + size, is_timeval);
    strace_add(at->line, "}");
    return true;
}

static bool add_usage(const struct strace_arg *at)
{
    uint64_t size = at->t->proc->abi->layouts->timeval.size, byte;

    if (!at->ran || !at->a[0] || !read_at(at, at->a[0] + 2 * size - 1, 1, &byte))
        return false;
    strace_add(at->line, "{ru_utime=");
    strace_time(at->line, at->t, at->a[0], true);
    strace_add(at->line, ", ru_stime=");
    strace_time(at->line, at->t, at->a[0] + size, true);
    strace_add(at->line, ", ...}");
    return true;
}

/* ------------------------------------------------------------------------- signals */

static bool add_action(const struct strace_arg *at)
{
    const struct layout *layout = &at->t->proc->abi->layouts->sigaction;
    uint64_t v[SIGACT_FIELDS];

    if (!at->a[0] || read_struct(at->t, at->a[0], layout, SIGACT_FIELDS, v) < 0)
        return false;
    strace_add(at->line, "{sa_handler=");
    if (v[SIGACT_HANDLER] <= 1)
        strace_add(at->line, v[SIGACT_HANDLER] ? "SIG_IGN" : "SIG_DFL");
    else
        strace_pointer(at->line, v[SIGACT_HANDLER]);
    strace_add(at->line, ", sa_mask=");
    strace_set(at->line, v[SIGACT_MASK]);
    strace_add(at->line, ", sa_flags=");
    strace_names(at->line, NAMES_ACTION, v[SIGACT_FLAGS]);
    strace_add(at->line, "}");
    return true;
}

static bool add_stack(const struct strace_arg *at)
{
    uint64_t v[STACK_FIELDS];

    if (!at->a[0] || read_struct(at->t, at->a[0], &at->t->proc->abi->layouts->stack,
                                 STACK_FIELDS, v) < 0)
        return false;
    strace_add(at->line, "{ss_sp=");
    strace_pointer(at->line, v[STACK_SP]);
    strace_add(at->line, ", ss_flags=");
    strace_names(at->line, NAMES_STACK, v[STACK_FLAGS]);
    strace_add(at->line, ", ss_size=%" PRIu64 "}", v[STACK_SIZE]);
    return true;
}

/* The name of a code: what is common to all signals, else the signal's own. */
static void add_code(struct strace_line *line, int signo, int code)
{
    static const struct {
        int signo;
        char kind;
    } kinds[] = { { SIGSEGV, NAMES_SEGV }, { SIGBUS, NAMES_BUS },
                  { SIGFPE, NAMES_FPE },   { SIGILL, NAMES_ILL },
                  { SIGTRAP, NAMES_TRAP }, { SIGCHLD, NAMES_CHLD } };
    const char *name = strace_name(NAMES_CODE, (uint32_t)code);

    for (size_t i = 0; !name && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].signo == signal_to_host(signo))
            name = strace_name(kinds[i].kind, (uint32_t)code);
    if (name)
        strace_add(line, "%s", name);
    else
        strace_add(line, "%d", code);
}

static void add_child(struct strace_line *line, const uint64_t *v)
{
    enum { EXITED = 1 };

    strace_add(line, ", si_status=");
    if ((int)v[INFO_CODE] == EXITED)
        strace_add(line, "%d", (int)v[INFO_STATUS]);
    else
        strace_signal_name(line, (int)v[INFO_STATUS]);
    strace_add(line, ", si_utime=%" PRIu64 ", si_stime=%" PRIu64, v[INFO_UTIME],
               v[INFO_STIME]);
}

static bool is_fault(int signo)
{
    switch (signal_to_host(signo)) {
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP: return true;
    }
    return false;
}

void strace_siginfo(struct strace_line *line, const struct sig_info *info)
{
    enum { USER = 0, QUEUE = -1, TIMER = -2, KERNEL = 0x80 };
    const uint64_t *v = info->value;
    int signo = (int)v[INFO_SIGNO], code = (int)v[INFO_CODE];
    uint64_t value = code == TIMER ? v[INFO_TIMERVALUE] : v[INFO_VALUE];

    if (!signo) {
        strace_add(line, "{}");
        return;
    }
    strace_add(line, "{si_signo=");
    strace_signal_name(line, signo);
    strace_add(line, ", si_code=");
    add_code(line, signo, code);
    if (code == TIMER)
        strace_add(line, ", si_timerid=%#x, si_overrun=%d", (unsigned)v[INFO_TIMERID],
                   (int)v[INFO_OVERRUN]);
    else if (is_fault(signo) && code > 0 && code != KERNEL) {
        strace_add(line, ", si_addr=");
        strace_pointer(line, v[INFO_ADDR]);
    } else if (code != KERNEL) {
        strace_add(line, ", si_pid=%d, si_uid=%u", (int)v[INFO_PID],
                   (unsigned)v[INFO_UID]);
    }
    if (code > 0 && signal_to_host(signo) == SIGCHLD)
        add_child(line, v);
    if (code <= QUEUE && code >= TIMER) {
        strace_add(line, ", si_int=%d, si_ptr=", (int)value);
        strace_pointer(line, value);
    }
    strace_add(line, "}");
}

static bool add_siginfo(const struct strace_arg *at)
{
    struct sig_info info;

    if (!at->a[0] || read_siginfo(at->t, at->a[0], &info) < 0)
        return false;
    strace_siginfo(at->line, &info);
    return true;
}

/* ------------------------------------------------------------------ limits, devices */

static void add_limit(struct strace_line *line, uint64_t value)
{
    if (value == UINT64_MAX)
        strace_add(line, "RLIM64_INFINITY");
    else if (value > 1024 && value % 1024 == 0)
        strace_add(line, "%" PRIu64 "*1024", value / 1024);
    else
        strace_add(line, "%" PRIu64, value);
}

/* `size` of each of the two numbers. */
static bool add_limits(const struct strace_arg *at, unsigned size)
{
    uint64_t soft, hard;

    if (!at->a[0] || !read_at(at, at->a[0], size, &soft) ||
        !read_at(at, at->a[0] + size, size, &hard))
        return false;
    strace_add(at->line, "{rlim_cur=");
    add_limit(at->line, soft == UINT32_MAX && size == 4 ? UINT64_MAX : soft);
    strace_add(at->line, ", rlim_max=");
    add_limit(at->line, hard == UINT32_MAX && size == 4 ? UINT64_MAX : hard);
    strace_add(at->line, "}");
    return true;
}

static bool add_modes(const struct strace_arg *at)
{
    static const char *const names[4] = { "c_iflag", "c_oflag", "c_cflag", "c_lflag" };
    uint64_t word;

    for (unsigned i = 0; i < 4; i++) {
        if (!read_at(at, at->a[0] + 4 * i, 4, &word))
            return i > 0;
        strace_add(at->line, "%s%s=", i ? ", " : "{", names[i]);
        strace_names(at->line, (char)(NAMES_MODES + i), word);
    }
    strace_add(at->line, ", ...}");
    return true;
}

static bool add_window(const struct strace_arg *at)
{
    static const char *const names[4] = { "ws_row", "ws_col", "ws_xpixel", "ws_ypixel" };
    uint64_t v;

    for (unsigned i = 0; i < 4; i++) {
        if (!read_at(at, at->a[0] + 2 * i, 2, &v))
            return i > 0;
        strace_add(at->line, "%s%s=%u", i ? ", " : "{", names[i], (unsigned)v);
    }
    strace_add(at->line, "}");
    return true;
}

/* What an ioctl (the argument before) has at its pointer. */
static bool add_device(const struct strace_arg *at)
{
    enum {
        GETS = 0x5401,
        SETS,
        SETSW,
        SETSF,
        GPGRP = 0x540f,
        SPGRP,
        OUTQ,
        GWINSZ = 0x5413,
        SWINSZ,
        INQ = 0x541b,
        NBIO = 0x5421,
        GSID = 0x5429
    };
    const uint32_t lock = 0x40045431, number = 0x80045430;
    uint32_t request = (uint32_t)at->a[-1];
    uint64_t value;

    if (!at->a[0])
        return false;
    if (!at->ran && request != SWINSZ && request != NBIO && request != SPGRP &&
        request != lock && (request < SETS || request > SETSF))
        return false;
    if (request >= GETS && request <= SETSF)
        return add_modes(at);
    if (request == GWINSZ || request == SWINSZ)
        return add_window(at);
    if ((request != GPGRP && request != SPGRP && request != OUTQ && request != INQ &&
         request != NBIO && request != GSID && request != lock && request != number) ||
        !read_at(at, at->a[0], 4, &value))
        return false;
    strace_add(at->line, "[%d]", (int)value);
    return true;
}

bool strace_struct(const struct strace_arg *at)
{
    const uint64_t *a = at->a;
    uint64_t number;

    switch (at->kind) {
    case 'a': return add_address(at, a[0], a[1]);
    case 'c': return add_stored_address(at);
    case 'e': return add_address_size(at);
    case '_': return add_option(at, a[1]);
    case '=': return at->ran && read_at(at, a[1], 4, &number) && add_option(at, number);
    case 'j': return a[0] && add_vectors(at, a[0], a[1], UINT64_MAX);
    case 'J': return at->ran && a[0] && add_vectors(at, a[0], a[1], (uint64_t)at->result);
    case 'H': return add_message(at, UINT64_MAX);
    case '&': return at->ran && add_message(at, (uint64_t)at->result);
    case '.': return add_event(at, a[0]);
    case ':': return add_events(at);
    case '@': return add_polls(at);
    case '#': return add_fds(at, a[0], *(a - at->index));
    case '$': return add_mask_pair(at);
    case '1': return add_limits(at, 8);
    case '2': return at->ran && add_limits(at, 8);
    case '3': return add_timer(at, true);
    case '4': return at->ran && add_timer(at, true);
    case '5': return add_timer(at, false);
    case '6': return at->ran && add_timer(at, false);
    case 'k': return add_action(at);
    case '7': return at->ran && add_action(at);
    case 'Q': return add_siginfo(at);
    case '8': return at->ran && add_siginfo(at);
    case '9': return add_usage(at);
    case '%': return add_stack(at);
    case '0': return at->ran && add_stack(at);
    case 'n': return add_device(at);
    }
    return false;
}
