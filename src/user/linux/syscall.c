/* syscall.c - from a trap to a system call and back, and -strace. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/linux/calls_all.h"
#include "user/linux/strace.h"
#include "user/run.h"

struct call {
    sys_fn *fn; /* NULL: answers -kinds[LAST] */
    const char *name;
    char kinds[8]; /* a string */
};

enum { CALLS = 470, LAST = 7 };

/* One row each, whatever guests have it ... */
#define PASS CALL
#define CALL64 CALL
#define CALL32 CALL
#define CALL(number, name, kinds) { sys_##name, #name, kinds },
#define REFUSE(number, name, error)                                                      \
    { NULL, #name, { 'x', 'x', 'x', 'x', 'x', 'x', 0, error } },
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
    return call->fn ? call->fn(t, a) : -call->kinds[LAST];
}

static int64_t traced_call(struct task *t, const struct call *call, uint64_t number,
                           const uint64_t *a)
{
    const char *kinds = call ? call->kinds : "xxxxxx";
    struct strace_line line;
    char name[32];
    int64_t result;
    int tid = t->tid;

    if (call)
        snprintf(name, sizeof(name), "%s", call->name);
    else
        snprintf(name, sizeof(name), "syscall_%#llx", (unsigned long long)number);
    strace_begin(&line, t, name, kinds, a);
    if (never_returns(number) && call && call->fn) {
        struct strace_line shown = line;

        strace_no_end(&shown, t, kinds, a);
    }
    result = do_call(t, call, a);
    if (t->tid == tid) /* not in the child of a fork */
        strace_end(&line, t, kinds, a, result);
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
    if (!call || (!call->fn && call->kinds[LAST] == ENOSYS))
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
    t->has_until = false;
    if (result < 0 && result >= -4095)
        result = -errno_to_guest((int)-result);
    cpu_put(cpu, p->result, (uint64_t)result);
    cpu->pc += cpu->event.ilen;
}
