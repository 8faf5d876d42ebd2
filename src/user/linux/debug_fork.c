/* debug_fork.c - a debugged process that forks, and programs that follow each other.
 *
 * The child of a fork is a server of its own, whose client is its parent, over a socket:
 * the parent forwards what is for the child, and what that answers.  When the client
 * detaches from the parent, the child is given the client's own descriptors.  One child
 * at a time; others run free. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/host.h"
#include "base/report.h"
#include "user/linux/debug_parts.h"
#include "user/run.h"

enum { GDB_SIGTRAP = 5, HAND_OVER = 4 };

/* ---------------------------------------------------------------------- the two of them
 */

void debug_hand_over(struct debugger *d)
{
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control;
    char message[2] = { HAND_OVER, d->gdb.options & GDB_NO_ACK ? 1 : 0 };
    struct iovec iov = { message, sizeof(message) };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = sizeof(control.bytes) };
    int fds[2] = { d->in, d->out };
    struct cmsghdr *head;

    memset(&control, 0, sizeof(control));
    head = CMSG_FIRSTHDR(&msg);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(head), fds, sizeof(fds));
    if (sendmsg(d->peer, &msg, MSG_NOSIGNAL) < 0)
        return; /* it is gone, and the client sees an end */
    own_fd_close(d->peer);
    d->peer = -1;
}

long debug_receive(struct debugger *d, void *bytes, size_t size)
{
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = { bytes, size };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = sizeof(control.bytes) };
    ssize_t n = recvmsg(d->in, &msg, MSG_CMSG_CLOEXEC);
    struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    int fds[2];

    if (!head || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(fds)))
        return n;
    memcpy(fds, CMSG_DATA(head), sizeof(fds));
    own_fd_close(d->in);
    d->in = own_fd(fds[0]);
    d->out = own_fd(fds[1]);
    d->is_peer = false;
    if (n < 2 || ((char *)bytes)[1] == 0)
        d->gdb.options &= ~(unsigned)GDB_NO_ACK;
    errno = EAGAIN;
    return -1;
}

/* The client gets what the child says. */
void debug_peer_readable(struct debugger *d)
{
    char bytes[4096];
    ssize_t n = read(d->peer, bytes, sizeof(bytes));

    if (n < 0 && errno == EINTR)
        return;
    if (n > 0) {
        debug_send(d, bytes, (size_t)n);
    } else {
        own_fd_close(d->peer);
        d->peer = -1;
        d->gdb.general_pid = d->target.pid;
        if (d->peer_runs)
            gdb_refuse(&d->gdb);
    }
    if (d->peer_runs)
        d->gdb.is_resumed = false;
    d->peer_runs = false;
}

/* ------------------------------------------------------------------------------- fork */

static bool is_wanted(const struct debugger *d, bool is_vfork)
{
    unsigned event = is_vfork ? GDB_VFORK_EVENTS : GDB_FORK_EVENTS;

    return d->state != DEBUG_OVER && d->peer < 0 && (d->gdb.options & event) &&
           (d->gdb.options & GDB_MULTIPROCESS);
}

void debug_before_fork(struct task *t, bool is_vfork)
{
    struct debugger *d = t->proc->debug;

    host_lock_take(d->lock);
    d->ends[0] = d->ends[1] = -1;
    if (is_wanted(d, is_vfork) &&
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, d->ends) < 0)
        d->ends[0] = d->ends[1] = -1;
}

static void close_all(struct debugger *d)
{
    own_fd_close(d->wake[0]);
    own_fd_close(d->wake[1]);
    own_fd_close(d->in);
    if (d->out != d->in)
        own_fd_close(d->out);
    own_fd_close(d->peer);
    for (int i = 0; i < DEBUG_FILES; i++)
        own_fd_close(d->files[i]);
    d->in = d->out = d->peer = -1;
}

/* In the child, which has no server any more.  Other threads' entries are left as they
 * were: the parent's. */
static void in_child(struct task *t)
{
    struct debugger *d = t->proc->debug;
    struct debug_task *dt = debug_task_of(t);
    unsigned options = d->gdb.options | GDB_NO_ACK;

    host_lock_forked(d->lock);
    close_all(d);
    gdb_end(&d->gdb);
    dt->next = NULL;
    dt->tid = syscall(SYS_gettid);
    dt->has_event = dt->has_later = false;
    dt->is_stepping = false;
    d->tasks = dt;
    if (d->ends[1] < 0) {
        debug_leave(d);
        t->proc->debug = NULL;
        return;
    }
    close(d->ends[0]);
    d->in = d->out = own_fd(d->ends[1]);
    d->is_peer = true;
    d->is_interrupted = d->is_leaving = d->peer_runs = false;
    d->state = DEBUG_STOPPED;
    dt->may_run = false;
    debug_setup(d, t, options);
    debug_serve(d);
}

void debug_after_fork(struct task *t, int64_t pid, bool is_vfork)
{
    struct debugger *d = t->proc->debug;
    struct debug_task *dt;
    struct gdb_event event = { .kind = is_vfork ? GDB_STOP_VFORK : GDB_STOP_FORK,
                               .signal = GDB_SIGTRAP,
                               .child_pid = pid,
                               .child_tid = pid };

    if (pid == 0) {
        in_child(t);
        return;
    }
    if (d->ends[1] >= 0)
        close(d->ends[1]);
    if (pid < 0 && d->ends[0] >= 0)
        close(d->ends[0]);
    else if (d->ends[0] >= 0)
        d->peer = own_fd(d->ends[0]);
    dt = debug_task_of(t);
    if (dt && pid > 0 && d->ends[0] >= 0) {
        dt->later = event;
        dt->has_later = true;
    }
    host_lock_give(d->lock);
}

/* The parent of a vfork waits in its system call: the client is told before. */
void debug_vfork(struct task *t)
{
    struct debug_task *dt = debug_task_of(t);

    if (!dt || !dt->has_later)
        return;
    dt->has_later = false;
    debug_stop(dt, &dt->later);
    dt->later = (struct gdb_event){ .kind = GDB_STOP_VFORK_DONE, .signal = GDB_SIGTRAP };
    dt->awaits_vfork = true;
}

void debug_vfork_done(struct task *t)
{
    struct debug_task *dt = debug_task_of(t);

    if (!dt || !dt->awaits_vfork)
        return;
    dt->awaits_vfork = false;
    dt->has_later = true;
}

/* ------------------------------------------------------------------------------- exec */

static const char *make_option(struct debugger *d, bool is_run)
{
    size_t size = sizeof(d->exec_option), n;

    n = (size_t)snprintf(d->exec_option, size, "fd:%d,%d,%d,%u,%d,", d->in, d->out,
                         d->is_peer, d->gdb.options, is_run);
    for (unsigned i = 0; i < sizeof(d->passed); i++)
        n += (size_t)snprintf(d->exec_option + n, size - n, "%02x", d->passed[i]);
    n += (size_t)snprintf(d->exec_option + n, size - n, d->catches_calls ? "c" : "-");
    for (size_t i = 0; d->catches_calls && i < d->ncalls && size - n > 24; i++)
        n += (size_t)snprintf(d->exec_option + n, size - n, "%s%lld", i ? "," : "",
                              (long long)d->calls[i]);
    return d->exec_option;
}

static void keep_open(const struct debugger *d, bool keep)
{
    fcntl(d->in, F_SETFD, keep ? 0 : FD_CLOEXEC);
    fcntl(d->out, F_SETFD, keep ? 0 : FD_CLOEXEC);
}

const char *debug_before_exec(struct task *t)
{
    struct debugger *d = t->proc->debug;

    if (!d || d->state == DEBUG_OVER || d->in < 0)
        return NULL;
    keep_open(d, true);
    return make_option(d, false);
}

void debug_exec_failed(struct task *t)
{
    struct debugger *d = t->proc->debug;

    if (d && d->in >= 0)
        keep_open(d, false);
}

/* The arguments that the program was started with. */
static size_t own_arguments(struct debugger *d, char **argv, size_t room)
{
    const struct proc *p = d->proc;
    size_t size = (size_t)(p->arg_end - p->arg_start), n = 0;
    char *bytes = malloc(size + 1);

    if (!bytes || space_read(p->space, p->arg_start, bytes, size, NULL) < 0)
        return 0;
    bytes[size] = 0;
    for (char *at = bytes; at < bytes + size && n < room; at += strlen(at) + 1)
        argv[n++] = at;
    return n;
}

int debug_run_again(void *context, char *const *argv)
{
    enum { MAX_ARGS = 256 };
    struct debugger *d = context;
    const struct run_options *options = d->proc->options;
    const char *all[MAX_ARGS + 16];
    char *own[MAX_ARGS], path[PATH_SIZE];
    size_t n = 0, count = 0;

    if (options->nagain > MAX_ARGS / 2 || !d->tasks)
        return -1;
    all[n++] = "rhea";
    all[n++] = "run";
    for (size_t i = 0; i < options->nagain; i++)
        all[n++] = options->again[i];
    all[n++] = "-g";
    all[n++] = make_option(d, true);
    if (argv) {
        while (argv[count])
            count++;
        memcpy(own, argv, count * sizeof(*own));
    } else {
        count = own_arguments(d, own, MAX_ARGS - n);
        all[n++] = "-0";
        all[n++] = count ? own[0] : "";
    }
    all[n++] = "--";
    all[n++] = argv ? path_to_host(d->tasks->task, argv[0], path) : d->proc->exe;
    for (size_t i = 1; i < count && n < MAX_ARGS + 15; i++)
        all[n++] = own[i];
    all[n] = NULL;
    keep_open(d, true);
    execve("/proc/thread-self/exe", (char **)all, options->environ);
    keep_open(d, false);
    return -1;
}
