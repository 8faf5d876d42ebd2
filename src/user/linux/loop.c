/* loop.c - runs a guest thread: the engine until something happens, then what Linux does.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/host.h"
#include "base/report.h"
#include "interp/jit.h"
#include "isa/engine.h"
#include "isa/eval_engine.h"
#include "user/linux/debug.h"
#include "user/linux/linux.h"
#include "user/linux/strace.h"
#include "user/perf.h"
#include "user/run.h"

int log_open(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);

    if (fd < 0)
        return -1;
    log_to(own_fd(fd));
    return 0;
}

void report_count(struct task *t)
{
    uint64_t insns = t->proc->ended_insns;

    if (!t->proc->options->count)
        return;
    host_lock_take(t->proc->lock);
    for (const struct task *other = t->proc->tasks; other; other = other->next)
        insns += other->cpu->insns;
    host_lock_give(t->proc->lock);
    log_line("rhea: %llu guest instructions", (unsigned long long)insns);
}

static void report_line(const char *text)
{
    log_line("rhea: %s", text);
}

void report_engine(struct task *t)
{
    if (t->engine->leaving)
        t->engine->leaving(t->cpu);
    if (jit_options.stats && t->engine->report)
        t->engine->report(t->cpu, report_line);
    perf_end();
}

_Noreturn void guest_exit(struct task *t, int status)
{
    vfork_tell(t);
    if (t->proc->debug)
        debug_exit(t, status);
    robust_list_exit(t);
    if (t->clear_tid)
        write_number(t, t->clear_tid, 4, 0);
    if (t->proc->options->strace)
        strace_exited(t, status);
    report_count(t);
    report_engine(t);
    _exit(status);
}

/* ------------------------------------------------------------------------- helpers */

uint64_t helper_call(struct cpu *cpu, unsigned number, const uint64_t *args)
{
    struct task *t = cpu->user;
    const char *name = isa_string(cpu->isa, cpu->isa->helpers[number].name);
    struct timespec now;

    (void)args;
    for (const struct abi_helper *row = t->proc->abi->helpers; row && row->name; row++) {
        if (strcmp(row->name, name) != 0)
            continue;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * row->hz +
               (uint64_t)now.tv_nsec / (1000000000 / row->hz);
    }
    return 0; /* of machines only: user programs cannot reach it */
}

/* ------------------------------------------------------------------------- events */

static bool matches(const char *pattern, const char *name)
{
    size_t length = strlen(pattern);

    if (length && pattern[length - 1] == '*')
        return strncmp(pattern, name, length - 1) == 0;
    return strcmp(pattern, name) == 0;
}

void find_traps(struct proc *p)
{
    const struct abi_trap *rows = p->abi->traps;

    memset(p->trap_row, 0xff, sizeof(p->trap_row));
    for (unsigned trap = 0; trap < p->isa->ntraps && trap < sizeof(p->trap_row); trap++)
        for (uint8_t row = 0; rows[row].name && p->trap_row[trap] == 0xff; row++)
            if (matches(rows[row].name, isa_string(p->isa, p->isa->traps[trap].name)))
                p->trap_row[trap] = row;
}

/* Faults are known by the map: what it allows and the host refused is a file that became
 * shorter; or another thread has mapped it meanwhile, then the access is made again. */
static void on_access_fault(struct task *t)
{
    struct exec_event *event = &t->cpu->event;
    unsigned prot = space_prot(t->proc->space, event->addr);
    unsigned need = event->access == ACCESS_WRITE   ? SPACE_WRITE
                    : event->access == ACCESS_FETCH ? SPACE_EXEC
                                                    : SPACE_READ;
    bool is_bus = host_copy_was_bus() || t->bus_fault, allowed;

    t->bus_fault = false;
    if (event->kind == EXEC_FETCH_FAULT)
        need = SPACE_EXEC;
    allowed = (prot & need) == need;
    if (allowed && !is_bus && t->proc->has_threads)
        return;
    if (allowed)
        signal_force(t, signal_to_guest(SIGBUS), BUS_ADRERR, event->addr);
    else
        signal_force(t, signal_to_guest(SIGSEGV),
                     space_is_mapped(t->proc->space, event->addr) ? SEGV_ACCERR
                                                                  : SEGV_MAPERR,
                     event->addr);
}

static void debugged_call(struct task *t)
{
    uint64_t number = cpu_get(t->cpu, t->proc->number);

    if (t->proc->debug)
        debug_call(t, true, number);
    system_call(t);
    if (t->proc->debug && !t->restart)
        debug_call(t, false, number);
}

static void on_trap(struct task *t)
{
    uint16_t trap = t->cpu->event.trap;
    uint8_t row = trap < sizeof(t->proc->trap_row) ? t->proc->trap_row[trap] : 0xff;
    const struct abi_trap *action = &t->proc->abi->traps[row == 0xff ? 0 : row];

    if (row == 0xff)
        signal_force(t, signal_to_guest(SIGILL), ILL_ILLOPC, t->cpu->pc);
    else if (action->action == ON_SIGNAL)
        signal_force(t, signal_to_guest(action->signo), action->code, t->cpu->pc);
    else if (!signals_waiting(t)) /* else the handler runs first, then the call */
        debugged_call(t);
}

static void on_event(struct task *t);

static void on_untold_fault(struct task *t)
{
    if (eval_space_step(t->cpu) == 0)
        return;
    if (t->cpu->event.kind == EXEC_MEM_FAULT) /* at UINT64_MAX itself, too */
        on_access_fault(t);
    else
        on_event(t);
}

static void on_event(struct task *t)
{
    struct cpu *cpu = t->cpu;

    switch (cpu->event.kind) {
    case EXEC_KICK:
    case EXEC_BREAK:
    case EXEC_WATCH:
    case EXEC_LIMIT: return;
    case EXEC_TRAP: on_trap(t); return;
    case EXEC_ILLEGAL:
        signal_force(t, signal_to_guest(SIGILL), ILL_ILLOPC, cpu->pc);
        return;
    case EXEC_MEM_FAULT:
        if (cpu->event.addr == UINT64_MAX) /* the host did not tell: the slow way does */
            on_untold_fault(t);
        else
            on_access_fault(t);
        return;
    case EXEC_FETCH_FAULT: on_access_fault(t); return;
    }
    bug("engine %s returned event %d at pc %#llx", t->engine->name, cpu->event.kind,
        (unsigned long long)cpu->pc);
}

static void run_debugged(struct task *t)
{
    unsigned kind;

    debug_run(t);
    kind = t->cpu->event.kind;
    on_event(t);
    if (t->proc->debug)
        debug_after(t, kind);
}

_Noreturn void run_loop(struct task *t)
{
    for (;;) {
        /* Before the look, on all hosts: who comes later kicks again. */
        __atomic_exchange_n(t->kick, 0, __ATOMIC_SEQ_CST);
        if (signals_waiting(t) || t->restart || t->has_saved) {
            signals_deliver(t);
            continue;
        }
        if (t->proc->is_dying)
            core_park(t);
        if (t->proc->debug) {
            run_debugged(t);
            continue;
        }
        t->engine->run(t->cpu, 0);
        on_event(t);
    }
}
