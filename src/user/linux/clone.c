/* clone.c - clone and clone3: new threads and new processes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/host.h"
#include "user/linux/calls_all.h"
#include "user/linux/debug.h"

enum {
    G_VM = 0x100,
    G_FS = 0x200,
    G_FILES = 0x400,
    G_SIGHAND = 0x800,
    G_PIDFD = 0x1000,
    G_PTRACE = 0x2000,
    G_VFORK = 0x4000,
    G_PARENT = 0x8000,
    G_THREAD = 0x10000,
    G_SYSVSEM = 0x40000,
    G_DETACHED = 0x400000,
    G_UNTRACED = 0x800000,
    G_SHARED = G_VM | G_FS | G_FILES | G_SIGHAND, /* what threads must share */
    G_THREAD_FLAGS = G_SHARED | G_THREAD | G_SYSVSEM | G_PTRACE | G_DETACHED |
                     G_UNTRACED | CLONE_F_SETTLS | CLONE_F_PARENT_SETTID |
                     CLONE_F_CHILD_SETTID | CLONE_F_CHILD_CLEARTID,
    G_FORK_FLAGS = G_VM | G_VFORK | G_PIDFD | G_PTRACE | G_DETACHED | G_UNTRACED |
                   CLONE_F_SETTLS | CLONE_F_PARENT_SETTID | CLONE_F_CHILD_SETTID |
                   CLONE_F_CHILD_CLEARTID,
    G_SIGCHLD = 17,
};
#define G_CLEAR_SIGHAND ((uint64_t)1 << 32)

/* ------------------------------------------------------------------------- vfork */

/* A child of vfork has a copy of the memory.  What it changes on its parent's stack (a
 * result of posix_spawn, a variable) goes back through the pipe that the parent waits on;
 * what it writes elsewhere its parent does not see. */
enum { SHARED_STACK = 16384 };

struct vfork {
    int fd;      /* the pipe; the parent waits until the child's end is closed */
    uint64_t sp; /* of the parent then, and how much of its stack is shared */
    size_t size;
    uint8_t was[SHARED_STACK]; /* in the child, when it began or told last */
};

/* In the pipe before the bytes that changed. */
struct change {
    size_t offset, size; /* from sp on */
};

static uint64_t shared_size(const struct task *t, uint64_t sp)
{
    struct space_area area;

    if (!space_next(t->proc->space, sp, &area) || area.start > sp)
        return 0;
    return area.end - sp < SHARED_STACK ? area.end - sp : SHARED_STACK;
}

/* In the child, whose copy of the memory nobody else changes. */
static void vfork_begin(struct task *t, struct vfork *v, int fd)
{
    v->fd = fd;
    v->sp = cpu_get(t->cpu, t->proc->sp);
    v->size = (size_t)shared_size(t, v->sp);
    if (space_read(t->proc->space, v->sp, v->was, v->size, NULL) < 0)
        v->size = 0;
    t->vfork = v;
}

static bool write_all(int fd, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, (const uint8_t *)bytes + done, size - done);

        if (n < 0 && errno != EINTR)
            return false;
        done += n < 0 ? 0 : (size_t)n;
    }
    return true;
}

/* Only what the child changed: near a thread's stack is what other threads write to. */
static void tell_changes(const struct vfork *v, const uint8_t *is)
{
    for (size_t i = 0, end; i < v->size; i = end + 1) {
        for (end = i; end < v->size && v->was[end] != is[end];)
            end++;
        if (end > i) {
            struct change change = { i, end - i };

            if (!write_all(v->fd, &change, sizeof(change)) ||
                !write_all(v->fd, is + i, change.size))
                return;
        }
    }
}

void vfork_tell(struct task *t)
{
    struct vfork *v = t->vfork;
    struct pollfd other;
    uint8_t is[SHARED_STACK];

    if (!v)
        return;
    other.fd = v->fd;
    other.events = 0;
    if (poll(&other, 1, 0) > 0 && other.revents & POLLERR)
        return; /* nobody waits */
    if (space_read(t->proc->space, v->sp, is, v->size, NULL) < 0)
        return;
    tell_changes(v, is);
    memcpy(v->was, is, v->size);
}

static bool read_all(int fd, void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, (uint8_t *)bytes + done, size - done);

        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        done += n < 0 ? 0 : (size_t)n;
    }
    return true;
}

/* Waits until the child of a vfork runs another program or ends: then all copies of the
 * pipe's other end are closed. */
static void wait_for_vfork(struct task *t, int end)
{
    uint64_t sp = cpu_get(t->cpu, t->proc->sp);
    uint8_t bytes[SHARED_STACK];
    struct change change;

    while (read_all(end, &change, sizeof(change))) {
        if (change.offset > SHARED_STACK || change.size > SHARED_STACK - change.offset ||
            !read_all(end, bytes, change.size))
            break; /* the guest wrote into the pipe */
        space_write(t->proc->space, sp + change.offset, bytes, change.size, NULL);
    }
    own_fd_close(end);
}

static int try_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    ends[0] = own_fd(ends[0]);
    ends[1] = own_fd(ends[1]);
    return 0;
}

/* The guest's limit is not for rhea's own descriptors. */
static int open_vfork_pipe(int ends[2])
{
    struct rlimit limit, most;
    int error = try_pipe(ends);

    if (error != -EMFILE || getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return error;
    most = limit;
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
    error = try_pipe(ends);
    setrlimit(RLIMIT_NOFILE, &limit);
    return error;
}

/* -------------------------------------------------------------------------- fork */

static void become_child(struct task *t, const struct clone_args *args, const int ends[2],
                         struct vfork *v)
{
    threads_in_child(t);
    if (t->vfork) {
        own_fd_close(t->vfork->fd); /* the grandparent waits for our parent, not for us */
        free(t->vfork);
        t->vfork = NULL;
    }
    if (v) {
        own_fd_close(ends[0]);
        vfork_begin(t, v, ends[1]);
    }
    t->clear_tid = args->flags & CLONE_F_CHILD_CLEARTID ? args->child_tid : 0;
    t->npending = 0;
    t->held_set = 0;
    t->cpu->reserved_addr = UINT64_MAX;
    if (args->flags & CLONE_F_CHILD_SETTID)
        write_number(t, args->child_tid, 4, (uint64_t)getpid());
    if (args->stack)
        cpu_put(t->cpu, t->proc->sp, args->stack);
    if (args->flags & CLONE_F_SETTLS)
        cpu_put(t->cpu, t->proc->tp, args->tls);
    if (args->flags & G_CLEAR_SIGHAND)
        actions_to_default(t);
    if (t->proc->debug)
        debug_after_fork(t, 0, args->flags & G_VFORK);
}

/* For the parent: a descriptor of the child.  0 or a negated errno. */
static int put_pidfd(struct task *t, const struct clone_args *args, pid_t pid)
{
    long fd = syscall(SYS_pidfd_open, pid, 0);

    if (fd < 0)
        return -errno;
    return write_number(t, args->pidfd, 4, (uint64_t)fd);
}

/* Memory is copied, also for vfork (see vfork_tell).  Locks
 * are held from the pipe on: another thread's child would keep its end open. */
static int64_t fork_process(struct task *t, const struct clone_args *args)
{
    int ends[2] = { -1, -1 }, error = 0;
    struct vfork *v = NULL; /* the child's */
    uint64_t mask;
    pid_t pid = -1;

    if (args->flags & G_VFORK) {
        v = malloc(sizeof(*v));
        if (!v)
            return -ENOMEM;
    }
    if (t->proc->debug)
        debug_before_fork(t, args->flags & G_VFORK);
    threads_before_fork(t, args->flags & G_VFORK);
    if (v)
        error = -open_vfork_pipe(ends);
    /* The child must not take a signal that is meant for the parent. */
    mask = host_block_signals();
    if (!error) {
        pid = fork();
        error = errno;
    }
    if (pid == 0) {
        become_child(t, args, ends, v);
        set_blocked(t, t->blocked);
        return 0;
    }
    free(v);
    own_fd_close(ends[1]);
    threads_after_fork(t);
    if (t->proc->debug)
        debug_after_fork(t, pid, args->flags & G_VFORK);
    host_signal_mask(mask);
    if (pid < 0) {
        own_fd_close(ends[0]);
        return -error;
    }
    if (args->flags & CLONE_F_PARENT_SETTID)
        write_number(t, args->parent_tid, 4, (uint64_t)pid);
    if (args->flags & G_PIDFD)
        put_pidfd(t, args, pid);
    if (args->flags & G_VFORK && t->proc->debug)
        debug_vfork(t);
    if (args->flags & G_VFORK)
        wait_for_vfork(t, ends[0]);
    if (args->flags & G_VFORK && t->proc->debug)
        debug_vfork_done(t);
    return pid;
}

/* ------------------------------------------------------------------------- clone */

/* What Linux refuses, and what is not modelled: threads that do not share all, processes
 * that share memory without waiting for each other. */
static int check(const struct clone_args *args)
{
    uint64_t flags = args->flags;

    if ((flags & G_THREAD && !(flags & G_SIGHAND)) ||
        (flags & G_SIGHAND && !(flags & G_VM)))
        return -EINVAL;
    if (flags & G_THREAD)
        return (flags & G_SHARED) == G_SHARED && !(flags & ~(uint64_t)G_THREAD_FLAGS)
                   ? 0
                   : -EINVAL;
    if (flags & ~(G_FORK_FLAGS | G_CLEAR_SIGHAND) ||
        (flags & G_VM && !(flags & G_VFORK)) ||
        (flags & G_PIDFD && flags & CLONE_F_PARENT_SETTID &&
         args->pidfd == args->parent_tid))
        return -EINVAL;
    return args->signal == G_SIGCHLD || args->signal == 0 ? 0 : -EINVAL;
}

static int64_t clone_any(struct task *t, const struct clone_args *args)
{
    int error = check(args);

    if (error)
        return error;
    return args->flags & G_THREAD ? thread_start(t, args) : fork_process(t, args);
}

int64_t sys_clone(struct task *t, const uint64_t *a)
{
    bool backwards = t->proc->abi->clone_backwards;
    struct clone_args args = { .flags = a[0] & 0xffffff00,
                               .signal = a[0] & 0xff,
                               .stack = a[1],
                               .pidfd = a[2],
                               .parent_tid = a[2],
                               .child_tid = a[backwards ? 4 : 3],
                               .tls = a[backwards ? 3 : 4] };

    if (args.flags & G_THREAD)
        args.signal = 0;
    return clone_any(t, &args);
}

/* struct clone_args: 64-bit numbers, for all guests. */
int64_t sys_clone3(struct task *t, const uint64_t *a)
{
    enum { FLAGS, PIDFD, CHILD_TID, PARENT_TID, SIGNAL, SP, SP_SIZE, TLS, SET_TID };
    enum { SET_TID_SIZE = SET_TID + 1, CGROUP, KNOWN, FIRST_SIZE = 64, MOST = 4096 };
    uint64_t v[KNOWN] = { 0 }, more;
    struct clone_args args;

    if (a[1] > MOST)
        return -E2BIG;
    if (a[1] < FIRST_SIZE)
        return -EINVAL;
    for (uint64_t i = 0; i < a[1] / 8; i++) {
        if (read_number(t, a[0] + 8 * i, 8, i < KNOWN ? &v[i] : &more) < 0)
            return -EFAULT;
        if (i >= KNOWN && more)
            return -E2BIG;
    }
    if (v[SIGNAL] > 64 || v[FLAGS] & (0xff | G_DETACHED) || v[SET_TID_SIZE] ||
        !v[SP] != !v[SP_SIZE] || (v[FLAGS] & G_THREAD && v[SIGNAL]))
        return -EINVAL;
    args = (struct clone_args){ .flags = v[FLAGS],
                                .signal = v[SIGNAL],
                                .stack = v[SP] ? v[SP] + v[SP_SIZE] : 0,
                                .pidfd = v[PIDFD],
                                .parent_tid = v[PARENT_TID],
                                .child_tid = v[CHILD_TID],
                                .tls = v[TLS] };
    return clone_any(t, &args);
}

/* --------------------------------------------------------------------- namespaces */

/* The kernel wants a process of one thread for some of them: the engine's are none of the
 * guest's. */
static int64_t call_alone(struct task *t, long number, const uint64_t *a, bool alone)
{
    int64_t result;

    alone = alone && !t->proc->tasks->next;
    if (alone)
        engine_threads(t, THREADS_END);
    result = RESULT(syscall(number, (long)a[0], (long)a[1]));
    if (alone)
        engine_threads(t, THREADS_START);
    return result;
}

int64_t sys_unshare(struct task *t, const uint64_t *a)
{
    enum { NEW_USER = 0x10000000 };

    return call_alone(t, SYS_unshare, a, a[0] & (NEW_USER | G_THREAD | G_SIGHAND | G_VM));
}

int64_t sys_setns(struct task *t, const uint64_t *a)
{
    return call_alone(t, SYS_setns, a, true);
}
