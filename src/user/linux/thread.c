/* thread.c - the threads of a guest process: each is a thread of the host with a CPU and
 * a task of its own.  The host's thread ids are the guest's. */
#include <errno.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/host.h"
#include "interp/jit.h"
#include "isa/eval.h"
#include "user/linux/calls_all.h"
#include "user/linux/debug.h"
#include "user/linux/strace.h"
#include "user/run.h"

static pid_t own_tid(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* ---------------------------------------------------------------------- the list */

void task_add(struct task *t)
{
    struct proc *p = t->proc;

    host_lock_take(p->lock);
    t->next = p->tasks;
    p->tasks = t;
    host_lock_give(p->lock);
}

static void task_remove(struct task *t)
{
    struct proc *p = t->proc;
    struct task **at = &p->tasks;

    host_lock_take(p->lock);
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    host_lock_wake(p->lock); /* is_last() */
    host_lock_give(p->lock);
}

void tasks_kick(struct proc *p)
{
    host_lock_take(p->lock);
    for (struct task *t = p->tasks; t; t = t->next)
        *t->kick = 1;
    host_lock_give(p->lock);
}

/* ------------------------------------------------------------------------- start */

/* Requires: all signals are blocked. */
static void thread_main(void *arg)
{
    struct task *t = arg;
    struct proc *p = t->proc;

    signals_start_thread(t);
    t->tid = own_tid();
    if (t->settid[0])
        write_number(t, t->settid[0], 4, (uint64_t)t->tid);
    if (t->settid[1])
        write_number(t, t->settid[1], 4, (uint64_t)t->tid);
    host_lock_take(p->lock);
    t->has_started = true;
    host_lock_wake(p->lock); /* the parent, which returns the id */
    host_lock_give(p->lock);
    if (p->debug)
        debug_thread_begins(t);
    set_blocked(t, t->blocked);
    if (setjmp(t->leave) == 0)
        run_loop(t);
    free(t);
}

static void start_registers(struct task *t, const struct clone_args *args)
{
    struct proc *p = t->proc;
    struct cpu *cpu = t->cpu;

    cpu->user = t;
    cpu->reserved_addr = UINT64_MAX;
    cpu->pc += cpu->event.ilen; /* behind the system call */
    cpu->insns = 0;
    cpu_put(cpu, p->result, 0);
    if (args->stack)
        cpu_put(cpu, p->sp, args->stack);
    if (args->flags & CLONE_F_SETTLS)
        cpu_put(cpu, p->tp, args->tls);
}

static struct task *new_task(struct task *parent, const struct clone_args *args)
{
    struct task *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->proc = parent->proc;
    t->engine = parent->engine;
    t->cpu = cpu_clone(parent->cpu);
    t->kick = &t->cpu->kick;
    t->blocked = parent->blocked;
    if (args->flags & CLONE_F_PARENT_SETTID)
        t->settid[0] = args->parent_tid;
    if (args->flags & CLONE_F_CHILD_SETTID)
        t->settid[1] = args->child_tid;
    if (args->flags & CLONE_F_CHILD_CLEARTID)
        t->clear_tid = args->child_tid;
    start_registers(t, args);
    return t;
}

static void free_task(struct task *t)
{
    t->engine->detach(t->cpu);
    cpu_free(t->cpu);
    t->cpu = NULL;
}

int64_t thread_start(struct task *parent, const struct clone_args *args)
{
    struct proc *p = parent->proc;
    struct task *t;
    int64_t tid;
    int error;

    if (space_share(p->space) < 0)
        return -EAGAIN;
    t = new_task(parent, args);
    if (!t)
        return -EAGAIN;
    t->engine->attach_to(t->cpu, parent->cpu);
    task_add(t);
    error = host_thread_start(thread_main, t, HOST_SMALL_STACK);
    if (error) {
        task_remove(t);
        free_task(t);
        free(t);
        return -EAGAIN;
    }
    host_lock_take(p->lock);
    if (!p->has_threads)
        signals_take_over(parent);
    p->has_threads = true;
    while (!t->has_started)
        host_lock_wait(p->lock);
    tid = t->tid;
    t->is_known = true;
    host_lock_wake(p->lock); /* it may end now */
    host_lock_give(p->lock);
    return tid;
}

/* --------------------------------------------------------------------------- exit */

static void wake_clear_tid(struct task *t)
{
    void *word;

    if (!t->clear_tid || write_number(t, t->clear_tid, 4, 0) < 0)
        return;
    word = space_host(t->proc->space, t->clear_tid, 4, SPACE_READ);
    if (word)
        syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Whether all other threads have ended or are about to; then waits until they have. */
static bool is_last(struct task *t)
{
    struct proc *p = t->proc;
    bool last = true;

    host_lock_take(p->lock);
    t->is_ending = true;
    for (const struct task *other = p->tasks; other; other = other->next)
        last = last && other->is_ending;
    while (last && p->tasks->next)
        host_lock_wait(p->lock);
    host_lock_give(p->lock);
    return last;
}

/* The first thread stays as what the kernel keeps of a thread whose process goes on. */
static _Noreturn void leave_first(int status)
{
    for (;;)
        syscall(SYS_exit, status);
}

_Noreturn void thread_exit(struct task *t, int status)
{
    struct proc *p = t->proc;

    host_block_signals(); /* others take what is sent to the process */
    if (is_last(t))       /* its status is the process's, as Linux has it since 5.18 */
        guest_exit(t, status);
    if (p->debug)
        debug_thread_ends(t);
    if (p->options->strace)
        strace_exited(t, status);
    signals_give_back(t);
    robust_list_exit(t);
    host_lock_take(p->lock);
    while (t->has_started && !t->is_known) /* the parent looks at it */
        host_lock_wait(p->lock);
    p->ended_insns += t->cpu->insns;
    host_lock_give(p->lock);
    wake_clear_tid(t);
    task_remove(t);
    free_task(t);
    if (own_tid() == getpid())
        leave_first(status);
    longjmp(t->leave, 1);
}

/* --------------------------------------------------------------------------- fork */

void engine_threads(struct task *t, enum engine_threads what)
{
    if (HAS_JIT && t->engine->threads)
        t->engine->threads(t->cpu, what);
}

void threads_before_fork(struct task *t, bool is_short)
{
    struct proc *p = t->proc;

    engine_threads(t, is_short ? THREADS_EXEC : THREADS_FORK);
    host_lock_take(p->lock);
    space_lock(p->space);
}

void threads_after_fork(struct task *t)
{
    space_unlock(t->proc->space);
    host_lock_give(t->proc->lock);
    engine_threads(t, THREADS_GO);
}

void threads_in_child(struct task *t)
{
    struct proc *p = t->proc;

    host_lock_forked(p->lock);
    host_atomics_forked();
    space_forked(p->space);
    t->engine->forked(t->cpu);
    p->tasks = t; /* what the others had is left as it is: they may have been anywhere */
    t->next = NULL;
    t->tid = own_tid();
    t->robust_list = 0;
}

/* --------------------------------------------------------------------- identities */

int64_t sys_exit(struct task *t, const uint64_t *a)
{
    thread_exit(t, (int)a[0] & 0xff);
}

int64_t sys_exit_group(struct task *t, const uint64_t *a)
{
    guest_exit(t, (int)a[0] & 0xff);
}

int64_t sys_gettid(struct task *t, const uint64_t *a)
{
    (void)t;
    (void)a;
    return own_tid();
}

int64_t sys_set_tid_address(struct task *t, const uint64_t *a)
{
    t->clear_tid = a[0];
    return own_tid();
}

/* ---------------------------------------------------------------------- membarrier */

enum {
    BARRIER_QUERY = 0,
    BARRIER_PRIVATE = 1 << 3,
    BARRIER_REGISTER_PRIVATE = 1 << 4,
    BARRIER_SYNC_CORE = 1 << 5,
    BARRIER_REGISTER_SYNC_CORE = 1 << 6,
    BARRIER_RSEQ = 3 << 7, /* both; not modelled, as rseq itself */
    BARRIER_REGISTRATIONS = 1 << 9,
};

/* All threads see changed code: what a fence of each would do. */
static int64_t synchronize_code(struct task *t)
{
    struct space_area area;

    if (!t->proc->syncs_code)
        return -EPERM;
    for (uint64_t at = 0; space_next(t->proc->space, at, &area); at = area.end)
        if (area.prot & SPACE_EXEC && (area.prot & SPACE_WRITE || area.shared))
            t->engine->invalidate(t->cpu, area.start, area.end - area.start);
    return RESULT(syscall(SYS_membarrier, BARRIER_PRIVATE, 0, 0));
}

int64_t sys_membarrier(struct task *t, const uint64_t *a)
{
    int command = (int)a[0];
    long result;

    if (command & BARRIER_RSEQ)
        return -EINVAL;
    if (command == BARRIER_SYNC_CORE || command == BARRIER_REGISTER_SYNC_CORE) {
        if ((uint32_t)a[1])
            return -EINVAL;
        if (command == BARRIER_SYNC_CORE)
            return synchronize_code(t);
        command = BARRIER_REGISTER_PRIVATE;
    }
    result = syscall(SYS_membarrier, command, (unsigned)a[1], (int)a[2]);
    if (result == 0 && (int)a[0] == BARRIER_REGISTER_SYNC_CORE)
        t->proc->syncs_code = true;
    if (result > 0 && command == BARRIER_QUERY)
        result =
            (result & ~(long)BARRIER_RSEQ) |
            (result & BARRIER_PRIVATE ? BARRIER_SYNC_CORE | BARRIER_REGISTER_SYNC_CORE
                                      : 0);
    if (result >= 0 && command == BARRIER_REGISTRATIONS && t->proc->syncs_code)
        result |= BARRIER_REGISTER_SYNC_CORE;
    return RESULT(result);
}
