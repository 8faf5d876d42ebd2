/* debug_server.c - the client's side of a debugger: the socket, and the thread that
 * speaks with whoever is there, stops the guest and resumes it.
 *
 * A client that goes away leaves a guest that runs on. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/host.h"
#include "base/report.h"
#include "isa/engine.h"
#include "user/linux/debug_parts.h"

enum { GDB_SIGINT = 2, GDB_SIGTRAP = 5 };

/* ----------------------------------------------------------------------------- sending
 */

void debug_send(void *context, const void *bytes, size_t size)
{
    struct debugger *d = context;
    const char *at = bytes;

    while (size && d->out >= 0) {
        ssize_t n = write(d->out, at, size);
        struct pollfd wait = { d->out, POLLOUT, 0 };

        if (n < 0 && errno == EAGAIN) {
            poll(&wait, 1, -1);
        } else if (n < 0 && errno != EINTR) {
            d->is_leaving = true;
            return;
        } else if (n > 0) {
            at += n;
            size -= (size_t)n;
        }
    }
}

/* ---------------------------------------------------------------------- stop and leave
 */

/* Blocks with a breakpoint in them are made anew. */
void debug_stops_changed(struct debugger *d, uint64_t pc)
{
    struct task *t = d->tasks ? d->tasks->task : NULL;

    if (t)
        t->engine->invalidate(t->cpu, pc, 1);
}

static void clear_stops(struct debugger *d)
{
    while (d->stops.nbreaks) {
        uint64_t pc = d->stops.breaks[d->stops.nbreaks - 1];

        stops_remove_break(&d->stops, pc);
        debug_stops_changed(d, pc);
    }
    stops_clear(&d->stops);
}

static void close_client(struct debugger *d)
{
    if (d->out != d->in)
        own_fd_close(d->out);
    own_fd_close(d->in);
    d->in = d->out = -1;
}

/* Requires: the lock, all parked. */
void debug_leave(struct debugger *d)
{
    clear_stops(d);
    close_client(d);
    own_fd_close(d->peer); /* it leaves, too */
    d->peer = -1;
    gdb_end(&d->gdb);
    d->state = DEBUG_OVER;
    for (struct debug_task *dt = d->tasks; dt; dt = dt->next) {
        dt->task->cpu->stops = NULL;
        dt->action = (struct gdb_action){ -1, -1, GDB_CONTINUE, 0, 0, 0 };
        dt->may_run = true;
    }
    host_lock_wake(d->lock);
}

/* ------------------------------------------------------------------------------ events
 */

static struct debug_task *find_event(struct debugger *d)
{
    for (struct debug_task *dt = d->tasks; dt; dt = dt->next)
        if (dt->has_event && dt->is_resumed)
            return dt;
    return NULL;
}

static void tell_exit(struct debugger *d)
{
    d->state = DEBUG_STOPPED;
    gdb_report(&d->gdb, &d->ending->event);
    if (d->peer >= 0)
        debug_hand_over(d);
    else if ((d->gdb.options & GDB_EXTENDED) && !d->is_leaving) {
        d->is_dead = true;
        return;
    }
    d->is_exit_told = true;
    d->state = DEBUG_OVER;
    host_lock_wake(d->lock);
}

/* All are parked: what is told. */
static void tell_stop(struct debugger *d)
{
    struct debug_task *dt = find_event(d);
    struct gdb_event event = { .kind = GDB_STOP_SIGNAL, .signal = GDB_SIGINT };

    if (d->is_leaving) {
        debug_leave(d);
        return;
    }
    d->state = DEBUG_STOPPED;
    if (dt) {
        event = dt->event;
        dt->has_event = false;
    } else {
        dt = d->tasks;
        if (!dt)
            return; /* the last one is ending, and says so */
        event.tid = dt->tid;
        memset(&dt->info, 0, sizeof(dt->info));
        dt->info.value[INFO_SIGNO] = (uint64_t)signal_to_guest(SIGINT);
    }
    d->is_interrupted = false;
    gdb_report(&d->gdb, &event);
}

/* Nobody wants another program. */
static void leave_dead(struct debugger *d)
{
    if (d->is_killed)
        kill(getpid(), SIGKILL);
    close_client(d);
    d->is_exit_told = true;
    d->state = DEBUG_OVER;
    host_lock_wake(d->lock);
}

/* Requires: the lock. */
static void look(struct debugger *d)
{
    if (d->is_dead) {
        if (d->is_leaving)
            leave_dead(d);
        return;
    }
    if (d->ending && d->state != DEBUG_OVER) {
        tell_exit(d);
        return;
    }
    if (d->state == DEBUG_STOPPED && d->is_leaving && debug_all_parked(d))
        debug_leave(d);
    if (d->state == DEBUG_RUNNING &&
        (d->is_interrupted || d->is_leaving || find_event(d))) {
        d->state = DEBUG_STOPPING;
        debug_stop_all(d);
    }
    if (d->state == DEBUG_STOPPING && debug_all_parked(d))
        tell_stop(d);
}

/* ------------------------------------------------------------------------- the server */

static void client_readable(struct debugger *d)
{
    char bytes[4096];
    long n = d->is_peer ? debug_receive(d, bytes, sizeof(bytes))
                        : read(d->in, bytes, sizeof(bytes));

    signals_start_thread(d->tasks ? d->tasks->task : NULL); /* whose code may change */
    if (n > 0)
        gdb_feed(&d->gdb, bytes, (size_t)n);
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        d->is_leaving = true;
}

static void drain(int fd)
{
    char bytes[64];

    while (read(fd, bytes, sizeof(bytes)) == sizeof(bytes))
        ;
}

static void serve(void *context)
{
    struct debugger *d = context;

    for (;;) {
        struct pollfd fds[3] = { { d->wake[0], POLLIN, 0 },
                                 { d->is_leaving ? -1 : d->in, POLLIN, 0 },
                                 { d->peer, POLLIN, 0 } };

        host_lock_take(d->lock);
        look(d);
        if (d->state == DEBUG_OVER) {
            host_lock_give(d->lock);
            return;
        }
        host_lock_give(d->lock);
        if (d->is_leaving)
            fds[1].fd = -1;
        fds[2].fd = d->peer;
        if (poll(fds, 3, -1) < 0)
            continue;
        if (fds[0].revents)
            drain(d->wake[0]);
        if (fds[2].revents && d->peer >= 0)
            debug_peer_readable(d);
        if (fds[1].revents)
            client_readable(d);
    }
}

void debug_serve(struct debugger *d)
{
    int error = host_thread_start(serve, d, HOST_SMALL_STACK);

    if (error)
        die("-g: no thread for the debugger: %s", strerror(error));
}

void debug_setup(struct debugger *d, struct task *t, unsigned options)
{
    d->proc = t->proc;
    if (pipe2(d->wake, O_CLOEXEC | O_NONBLOCK) < 0)
        die("-g: %s", strerror(errno));
    d->wake[0] = own_fd(d->wake[0]);
    d->wake[1] = own_fd(d->wake[1]);
    d->peer = -1;
    for (int i = 0; i < DEBUG_FILES; i++)
        d->files[i] = -1;
    debug_fill_target(d);
    gdb_start(&d->gdb, &d->target, options);
}

/* ---------------------------------------------------------------------------- a client
 */

static int accept_one(int listener, const char *where)
{
    int fd;

    do
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        die("-g %s: %s", where, strerror(errno));
    close(listener);
    return own_fd(fd);
}

static int listen_port(const char *where, unsigned port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, 1) < 0)
        die("-g %s: %s", where, strerror(errno));
    fd = accept_one(fd, where);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/* "%d" in the path is the process. */
static int listen_path(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *number = strstr(path, "%d");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), length;

    if (number)
        length = snprintf(address.sun_path, sizeof(address.sun_path), "%.*s%d%s",
                          (int)(number - path), path, (int)getpid(), number + 2);
    else
        length = snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (length >= (int)sizeof(address.sun_path))
        die("-g %s: a socket's path has at most %zu bytes", path,
            sizeof(address.sun_path) - 1);
    unlink(address.sun_path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, 1) < 0)
        die("-g %s: %s", path, strerror(errno));
    fd = accept_one(fd, path);
    unlink(address.sun_path);
    return fd;
}

/* The guest gets /dev/null as its input, and writes to standard error. */
static void use_stdio(struct debugger *d)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    d->in = own_fd(dup(STDIN_FILENO));
    d->out = own_fd(dup(STDOUT_FILENO));
    if (null < 0 || d->in < 0 || d->out < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        die("-g -: %s", strerror(errno));
    close(null);
}

static void connect_client(struct debugger *d, const char *where)
{
    char *end;
    unsigned long port = strtoul(where, &end, 10);

    if (strcmp(where, "-") == 0 || strcmp(where, "stdio") == 0) {
        use_stdio(d);
        return;
    }
    if (*where && !*end) {
        if (port == 0 || port > 65535 || *where < '0' || *where > '9')
            die("-g %s: a port is 1 to 65535", where);
        d->in = d->out = listen_port(where, (unsigned)port);
        return;
    }
    if (strncmp(where, "unix:", 5) == 0)
        where += 5;
    if (!*where)
        die("-g: want a port, a path or -");
    d->in = d->out = listen_path(where);
}

/* What debug_before_exec wrote.  false: it is something else. */
static bool inherit(struct debugger *d, const char *where, unsigned *options, int *is_run)
{
    const char *at;
    int is_peer, length = 0;

    if (sscanf(where, "fd:%d,%d,%d,%u,%d,%n", &d->in, &d->out, &is_peer, options, is_run,
               &length) < 5 ||
        length == 0)
        return false;
    d->is_peer = is_peer == 1;
    at = where + length;
    for (unsigned i = 0; i < sizeof(d->passed) && at[0] && at[1]; i++, at += 2) {
        unsigned byte;

        if (sscanf(at, "%2x", &byte) == 1)
            d->passed[i] = (uint8_t)byte;
    }
    d->catches_calls = *at == 'c';
    while (*at && d->ncalls < DEBUG_MAX_CALLS) {
        long long number;

        if (sscanf(++at, "%lld", &number) == 1)
            d->calls[d->ncalls++] = number;
        at += strcspn(at, ",");
    }
    if (fcntl(d->in, F_SETFD, FD_CLOEXEC) < 0 || fcntl(d->out, F_SETFD, FD_CLOEXEC) < 0)
        die("-g %s: %s", where, strerror(errno));
    own_fd_add(d->in);
    if (d->out != d->in)
        own_fd_add(d->out);
    return true;
}

void debug_start(struct task *t, const char *where)
{
    struct debugger *d = calloc(1, sizeof(*d));
    struct gdb_event event = { .kind = GDB_STOP_EXEC, .signal = GDB_SIGTRAP };
    unsigned options = 0;
    int is_run = 0;
    bool is_inherited;

    if (!d || !t->proc->isa->gdb_arch)
        die("-g: %s has no description of its registers for gdb", t->proc->isa->name);
    d->lock = host_lock_new();
    if (!d->lock)
        die("no memory for a debugger");
    is_inherited = inherit(d, where, &options, &is_run);
    if (!is_inherited)
        connect_client(d, where);
    t->proc->debug = d;
    d->state = DEBUG_STOPPED;
    debug_thread_begins(t);
    debug_setup(d, t, options);
    if (is_inherited) {
        event.tid = d->tasks->tid;
        event.path = path_to_guest(t->proc, t->proc->exe);
        if (is_run)
            event.kind = GDB_STOP_SIGNAL;
        d->tasks->event = event;
        d->tasks->has_event = true;
        d->gdb.is_resumed = true;
        d->state = DEBUG_STOPPING;
    }
}

void debug_begin(struct task *t)
{
    debug_serve(t->proc->debug);
}
