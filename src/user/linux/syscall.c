/* syscall.c - from a trap to a system call and back, and -strace. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/linux/calls_all.h"
#include "user/run.h"

struct call {
    sys_fn *fn; /* NULL: answers -error */
    const char *name;
    char kinds[7];
    uint8_t error;
};

enum { CALLS = 470 };

/* One row each, whatever guests have it ... */
#define PASS CALL
#define CALL64 CALL
#define CALL32 CALL
#define CALL(number, name, kinds) { sys_##name, #name, kinds, 0 },
#define REFUSE(number, name, error) { NULL, #name, "xxxxxx", error },
static const struct call calls[] = {
#include "user/linux/calls.h"
};
#undef CALL
#undef REFUSE

/* ... which is known by its name here ... */
#define CALL(number, name, kinds) ROW_##name##_##number,
#define REFUSE(number, name, error) ROW_##name##_##number,
enum {
#include "user/linux/calls.h"
};
#undef CALL
#undef REFUSE

/* ... and 1 + the row by number, for guests of either width. */
#define CALL(number, name, kinds) [number] = 1 + ROW_##name##_##number,
#define REFUSE(number, name, error) [number] = 1 + ROW_##name##_##number,
#undef CALL32
#define CALL32(number, name, kinds)
static const uint16_t rows64[CALLS] = {
#include "user/linux/calls.h"
};
#undef CALL32
#undef CALL64
#define CALL32 CALL
#define CALL64(number, name, kinds)
static const uint16_t rows32[CALLS] = {
#include "user/linux/calls.h"
};

static const struct call *find_call(const struct abi *abi, uint64_t number)
{
    const uint16_t *rows = abi->bits == 64 ? rows64 : rows32;

    return number < CALLS && rows[number] ? &calls[rows[number] - 1] : NULL;
}

/* ------------------------------------------------------------------------ strace */

/* A line being put together. */
struct line {
    char text[1024];
    size_t length;
};

static void add(struct line *line, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void add(struct line *line, const char *fmt, ...)
{
    size_t room = sizeof(line->text) - line->length;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line->text + line->length, room, fmt, ap);
    va_end(ap);
    line->length += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void add_quoted(struct line *line, const char *bytes, size_t size)
{
    add(line, "\"");
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (c == '\n')
            add(line, "\\n");
        else if (c == '"' || c == '\\')
            add(line, "\\%c", c);
        else if (c >= ' ' && c < 127)
            add(line, "%c", c);
        else
            add(line, "\\%03o", c);
    }
    add(line, "\"");
}

static void add_string(struct line *line, struct task *t, uint64_t addr)
{
    char text[128];
    int error = read_string(t, addr, text, sizeof(text));

    if (addr == 0)
        add(line, "NULL");
    else if (error == -EFAULT)
        add(line, "%#llx", (unsigned long long)addr);
    else
        add_quoted(line, text, error ? sizeof(text) : strlen(text));
    if (error == -ENAMETOOLONG)
        add(line, "...");
}

static void add_bytes(struct line *line, struct task *t, uint64_t addr, uint64_t size)
{
    char bytes[32];
    size_t shown = size < sizeof(bytes) ? (size_t)size : sizeof(bytes);

    if (space_read(t->proc->space, addr, bytes, shown, NULL) < 0)
        add(line, "%#llx", (unsigned long long)addr);
    else
        add_quoted(line, bytes, shown);
    if (shown < size)
        add(line, "...");
}

static void add_open_flags(struct line *line, uint64_t flags)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {
        { 0100, "O_CREAT" },       { 0200, "O_EXCL" },      { 01000, "O_TRUNC" },
        { 02000, "O_APPEND" },     { 04000, "O_NONBLOCK" }, { 0200000, "O_DIRECTORY" },
        { 02000000, "O_CLOEXEC" },
    };

    add(line, "%s",
        (flags & 3) == 0   ? "O_RDONLY"
        : (flags & 3) == 1 ? "O_WRONLY"
                           : "O_RDWR");
    flags &= ~(uint64_t)3;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (flags & names[i].bit) {
            add(line, "|%s", names[i].name);
            flags &= ~(uint64_t)names[i].bit;
        }
    if (flags)
        add(line, "|%#llo", (unsigned long long)flags);
}

static void add_argument(struct line *line, struct task *t, char kind, const uint64_t *a)
{
    unsigned long long value = *a;

    switch (kind) {
    case 'd': add(line, "%d", (int)value); break;
    case 'u': add(line, "%llu", value); break;
    case 'o': add(line, "%#llo", value); break;
    case 's':
    case 'P':
    case 'L': add_string(line, t, value); break;
    case 'b': add_bytes(line, t, value, a[1]); break;
    case 'O': add_open_flags(line, value); break;
    case 'p':
        if (value == 0)
            add(line, "NULL");
        else
            add(line, "%#llx", value);
        break;
    case 'A':
        if ((int)value == -100)
            add(line, "AT_FDCWD");
        else
            add(line, "%d", (int)value);
        break;
    case 'S': {
        const char *name = sigabbrev_np(signal_to_host((int)value));

        if (name)
            add(line, "SIG%s", name);
        else
            add(line, "%d", (int)value);
        break;
    }
    default: add(line, "%#llx", value);
    }
}

static void strace_enter(struct task *t, struct line *line, const struct call *call,
                         uint64_t number, const uint64_t *a)
{
    line->length = 0;
    add(line, "%d ", t->tid);
    if (!call) {
        add(line, "unknown system call %llu(", (unsigned long long)number);
        call = &(const struct call){ NULL, "", "xxxxxx", ENOSYS };
    } else {
        add(line, "%s(", call->name);
    }
    for (size_t i = 0; call->kinds[i] && i < 6; i++) {
        add(line, "%s", i ? "," : "");
        add_argument(line, t, call->kinds[i], &a[i]);
    }
    add(line, ")");
}

static void strace_leave(struct line *line, int64_t result)
{
    if (result >= 0 || result < -4095)
        add(line, result > 0x10000000 ? " = 0x%llx" : " = %lld", (long long)result);
    else if (result == -RESTART || result == -NO_RESTART || result == -ALWAYS_RESTART)
        add(line, " = ? (interrupted)");
    else if (result == -NO_RESULT)
        add(line, " = ?");
    else
        add(line, " = -1 E%s (%s)", strerrorname_np((int)-result) + 1,
            strerror((int)-result));
    log_line("%s", line->text);
}

/* ---------------------------------------------------------------------- dispatch */

static void unknown_call(struct task *t, const struct call *call, uint64_t number)
{
    if (t->proc->options->log & LOG_UNIMP)
        log_line("unimplemented system call %llu%s%s", (unsigned long long)number,
                 call ? " " : "", call ? call->name : "");
}

/* Calls that do not come back are shown before they run. */
static bool never_returns(uint64_t number)
{
    return number == 93 || number == 94 || number == 221 || number == 281;
}

static int64_t do_call(struct task *t, const struct call *call, const uint64_t *a)
{
    if (!call)
        return -ENOSYS;
    return call->fn ? call->fn(t, a) : -call->error;
}

static int64_t traced_call(struct task *t, const struct call *call, uint64_t number,
                           const uint64_t *a)
{
    struct line line;
    int64_t result;

    strace_enter(t, &line, call, number, a);
    if (never_returns(number) && call && call->fn) {
        log_line("%s", line.text);
        line.length = 0;
        add(&line, "%d %s", t->tid, call->name);
    }
    result = do_call(t, call, a);
    strace_leave(&line, result);
    return result;
}

void system_call(struct task *t)
{
    struct proc *p = t->proc;
    struct cpu *cpu = t->cpu;
    uint64_t number = cpu_get(cpu, p->number), a[7] = { 0 };
    const struct call *call = find_call(p->abi, number);
    int64_t result;

    for (unsigned i = 0; i < 6; i++)
        a[i] = cpu_get(cpu, p->args[i]);
    if (!call || (!call->fn && call->error == ENOSYS))
        unknown_call(t, call, number);
    if (p->options->strace)
        result = traced_call(t, call, number, a);
    else
        result = do_call(t, call, a);
    if (result == -NO_RESULT)
        return;
    if (result == -RESTART || result == -NO_RESTART || result == -ALWAYS_RESTART) {
        t->restart = -result; /* the pc stays: signals_deliver decides */
        return;
    }
    if (result < 0 && result >= -4095)
        result = -errno_to_guest((int)-result);
    cpu_put(cpu, p->result, (uint64_t)result);
    cpu->pc += cpu->event.ilen;
}
