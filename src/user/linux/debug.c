/* debug.c - guest threads under a debugger: they report what happened, and wait. */
#include "user/linux/debug_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/host.h"
#include "base/report.h"
#include "isa/engine.h"
#include "isa/eval_engine.h"

enum { GDB_SIGTRAP = 5, GDB_SIGINT = 2 };

struct debug_task *debug_task_of(struct task *t)
{
    struct debugger *d = t->proc->debug;

    for (struct debug_task *dt = d ? d->tasks : NULL; dt; dt = dt->next)
        if (dt->task == t)
            return dt;
    return NULL;
}

void debug_wake(struct debugger *d)
{
    if (write(d->wake[1], "", 1) < 0 && errno != EAGAIN)
        bug("the debugger cannot be woken: %s", strerror(errno));
}

/* --------------------------------------------------------------------- signal numbers */

/* gdb's own numbers, and the host's. */
static const uint8_t numbers[][2] = {
    { SIGHUP, 1 },     { SIGINT, 2 },   { SIGQUIT, 3 },   { SIGILL, 4 },
    { SIGTRAP, 5 },    { SIGABRT, 6 },  { SIGFPE, 8 },    { SIGKILL, 9 },
    { SIGBUS, 10 },    { SIGSEGV, 11 }, { SIGSYS, 12 },   { SIGPIPE, 13 },
    { SIGALRM, 14 },   { SIGTERM, 15 }, { SIGURG, 16 },   { SIGSTOP, 17 },
    { SIGTSTP, 18 },   { SIGCONT, 19 }, { SIGCHLD, 20 },  { SIGTTIN, 21 },
    { SIGTTOU, 22 },   { SIGIO, 23 },   { SIGXCPU, 24 },  { SIGXFSZ, 25 },
    { SIGVTALRM, 26 }, { SIGPROF, 27 }, { SIGWINCH, 28 }, { SIGUSR1, 30 },
    { SIGUSR2, 31 },   { SIGPWR, 32 },
};
enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]), GDB_UNKNOWN = 143 };
/* Real-time signals: 32, then 33 to 63, then 64. */
enum { REALTIME_32 = 77, REALTIME_33 = 45, REALTIME_64 = 78 };

int signal_to_gdb(int signo)
{
    int host = signal_to_host(signo);

    for (unsigned i = 0; i < NUMBERS; i++)
        if (numbers[i][0] == host)
            return numbers[i][1];
    if (host == 32)
        return REALTIME_32;
    if (host == 64)
        return REALTIME_64;
    return host > 32 && host < 64 ? host - 33 + REALTIME_33 : GDB_UNKNOWN;
}

int signal_from_gdb(int signal)
{
    for (unsigned i = 0; i < NUMBERS; i++)
        if (numbers[i][1] == signal)
            return signal_to_guest(numbers[i][0]);
    if (signal == REALTIME_32)
        return signal_to_guest(32);
    if (signal == REALTIME_64)
        return signal_to_guest(64);
    if (signal >= REALTIME_33 && signal < REALTIME_33 + 31)
        return signal_to_guest(signal - REALTIME_33 + 33);
    return 0;
}

/* ------------------------------------------------------------------------ the threads */

void debug_thread_begins(struct task *t)
{
    struct debugger *d = t->proc->debug;
    struct debug_task *dt = calloc(1, sizeof(*dt));

    if (!dt)
        die("no memory for a thread");
    dt->task = t;
    dt->tid = syscall(SYS_gettid);
    host_lock_take(d->lock);
    dt->may_run = d->state == DEBUG_RUNNING || d->state == DEBUG_OVER;
    dt->is_resumed = true;
    dt->action = (struct gdb_action){ -1, -1, GDB_CONTINUE, 0, 0, 0 };
    dt->next = d->tasks;
    d->tasks = dt;
    host_lock_give(d->lock);
}

void debug_thread_ends(struct task *t)
{
    struct debugger *d = t->proc->debug;
    struct debug_task *dt;

    host_lock_take(d->lock);
    dt = debug_task_of(t);
    for (struct debug_task **at = &d->tasks; *at; at = &(*at)->next)
        if (*at == dt) {
            *at = dt->next;
            break;
        }
    host_lock_give(d->lock);
    free(dt);
    debug_wake(d);
}

void debug_stop_all(struct debugger *d)
{
    for (struct debug_task *dt = d->tasks; dt; dt = dt->next) {
        dt->may_run = false;
        if (!dt->is_parked)
            task_interrupt(dt->task);
    }
}

bool debug_all_parked(const struct debugger *d)
{
    for (const struct debug_task *dt = d->tasks; dt; dt = dt->next)
        if (!dt->is_parked)
            return false;
    return true;
}

/* Requires: the lock. */
static void park(struct debugger *d, struct debug_task *dt)
{
    dt->is_parked = true;
    debug_wake(d);
    while (!dt->may_run)
        host_lock_wait(d->lock);
    dt->is_parked = false;
    dt->is_stepping = dt->action.kind == GDB_STEP;
    dt->is_first = true;
}

void debug_stop(struct debug_task *dt, const struct gdb_event *event)
{
    struct debugger *d = dt->task->proc->debug;

    host_lock_take(d->lock);
    if (d->state != DEBUG_OVER) {
        dt->event = *event;
        dt->event.tid = dt->tid;
        dt->has_event = true;
        dt->may_run = false;
        park(d, dt);
    }
    host_lock_give(d->lock);
}

/* ------------------------------------------------------------------------- running */

void debug_run(struct task *t)
{
    struct debugger *d = t->proc->debug;
    struct debug_task *dt;
    const struct engine *engine = t->engine;
    struct cpu *cpu = t->cpu;

    host_lock_take(d->lock);
    dt = debug_task_of(t);
    if (!dt->may_run)
        park(d, dt);
    cpu->stops = d->stops.nbreaks || d->stops.nwatches ? &d->stops : NULL;
    if (d->stops.nwatches)
        engine = &eval_engine;
    host_lock_give(d->lock);
    cpu->skip_stop = dt->is_stepping && dt->is_first ? cpu->pc : UINT64_MAX;
    engine->run(cpu, dt->is_stepping ? 1 : 0);
    cpu->skip_stop = UINT64_MAX;
}

static bool stays_in_range(const struct debug_task *dt)
{
    uint64_t pc = dt->task->cpu->pc;

    return pc >= dt->action.start && pc < dt->action.end;
}

/* Watchpoints tell their kind: the set knows it. */
static enum gdb_point kind_of_watch(const struct debugger *d,
                                    const struct exec_event *event)
{
    for (size_t i = 0; i < d->stops.nwatches; i++)
        if (d->stops.watches[i].addr == event->addr)
            return gdb_watch_point(d->stops.watches[i].access);
    return GDB_WATCH_WRITE;
}

static void like_trap(struct debug_task *dt)
{
    memset(&dt->info, 0, sizeof(dt->info));
    dt->info.value[INFO_SIGNO] = (uint64_t)signal_to_guest(SIGTRAP);
    dt->info.value[INFO_CODE] = TRAP_BRKPT;
    dt->info.value[INFO_ADDR] = dt->task->cpu->pc;
}

void debug_after(struct task *t, unsigned kind)
{
    struct debug_task *dt = debug_task_of(t);
    struct gdb_event event = { .kind = GDB_STOP_SIGNAL, .signal = GDB_SIGTRAP };

    if (!dt)
        return;
    if (kind == EXEC_BREAK) {
        event.kind = GDB_STOP_BREAK;
    } else if (kind == EXEC_WATCH) {
        event.kind = GDB_STOP_WATCH;
        event.addr = t->cpu->event.addr;
        event.point = kind_of_watch(t->proc->debug, &t->cpu->event);
    } else if (dt->has_later) {
        dt->has_later = false;
        event = dt->later;
    } else {
        if (!dt->is_stepping || kind == EXEC_KICK || t->restart)
            return;
        dt->is_first = false;
        if (stays_in_range(dt))
            return;
    }
    like_trap(dt);
    debug_stop(dt, &event);
}

int debug_signal(struct task *t, int signo, struct sig_info *info)
{
    struct debug_task *dt = debug_task_of(t);
    struct debugger *d = t->proc->debug;
    struct gdb_event event = { .kind = GDB_STOP_SIGNAL, .signal = signal_to_gdb(signo) };
    int wanted;

    if (!dt || d->state == DEBUG_OVER ||
        (d->passed[event.signal / 8] >> event.signal % 8 & 1))
        return signo;
    dt->info = *info;
    debug_stop(dt, &event);
    if (d->state == DEBUG_OVER)
        return signo;
    wanted = signal_from_gdb(dt->action.signal);
    dt->action.signal = 0;
    if (wanted && wanted != signo) {
        memset(info, 0, sizeof(*info));
        info->value[INFO_SIGNO] = (uint64_t)wanted;
        info->value[INFO_PID] = (uint64_t)getpid();
        info->value[INFO_UID] = getuid();
    }
    return wanted;
}

void debug_call(struct task *t, bool begins, uint64_t number)
{
    struct debug_task *dt = debug_task_of(t);
    struct debugger *d = t->proc->debug;
    struct gdb_event event = { .kind = begins ? GDB_STOP_CALL : GDB_STOP_RETURN,
                               .signal = GDB_SIGTRAP,
                               .number = (int64_t)number };
    bool is_caught = d->ncalls == 0;

    for (size_t i = 0; i < d->ncalls; i++)
        is_caught |= d->calls[i] == (int64_t)number;
    if (!dt || !d->catches_calls || !is_caught)
        return;
    like_trap(dt);
    debug_stop(dt, &event);
}

/* ------------------------------------------------------------------------------ ends */

static void tell_end(struct task *t, const struct gdb_event *event)
{
    struct debugger *d = t->proc->debug;
    struct debug_task *dt;

    host_lock_take(d->lock);
    dt = debug_task_of(t);
    if (dt && d->state != DEBUG_OVER) {
        dt->event = *event;
        dt->event.tid = dt->tid;
        d->ending = dt;
        dt->is_parked = true;
        debug_wake(d);
        while (!d->is_exit_told && d->state != DEBUG_OVER)
            host_lock_wait(d->lock);
    }
    host_lock_give(d->lock);
}

void debug_exit(struct task *t, int status)
{
    tell_end(t, &(struct gdb_event){ .kind = GDB_STOP_EXITED, .number = status });
}

void debug_death(struct task *t, int signo)
{
    tell_end(t, &(struct gdb_event){ .kind = GDB_STOP_KILLED,
                                     .signal = signal_to_gdb(signo) });
}
