/* debugger.c - gdb looks at a machine: see debugger.h.
 *
 * A client stops the machine when it comes.  What it resumes stops again by itself (a
 * breakpoint, the end of a step) or is paused (Ctrl-C); the machine tells when all CPUs
 * stand, and only then is anything reported.  A client that goes away leaves a machine
 * that runs on; another one may come.
 *
 * gdb takes its breakpoints out at every stop and puts them in again.  Code that was
 * translated with a break is kept: the CPU looks at the breaks that are meant. */
#include "sys/debugger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "debug/gdb.h"
#include "isa/space.h"
#include "isa/stops.h"
#include "sys/bus.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "sys/vcpu.h"

enum { SIGNAL_INT = 2, SIGNAL_TRAP = 5, PID = 1 };
enum { UNSENT_BYTES = 4 * GDB_PACKET, STALE_MAX = 64, PIECE = 4096 };

struct debugger {
    struct machine *machine;
    const char *path; /* of the socket, or NULL */
    char *path_memory;
    int listen_fd, client_fd;
    struct loop_fd *listener, *client; /* client NULL: there is none */
    bool is_greeted;                   /* the client has seen the machine stop */
    bool is_leaving;
    bool is_physical; /* its addresses are */
    int64_t told;     /* the thread whose stop the client has heard of */
    struct gdb gdb;
    struct gdb_target target;
    struct stops breaks, translated;
    size_t unsent_size;
    uint8_t unsent[UNSENT_BYTES];
};

static unsigned cpu_count(const struct debugger *d)
{
    return machine_board(d->machine)->cpus;
}

/* Threads have the numbers of CPUs and one. */
static struct vcpu *find_vcpu(struct debugger *d, int64_t tid)
{
    return tid < 1 || tid > cpu_count(d) ? NULL
                                         : machine_cpu(d->machine, (unsigned)tid - 1);
}

/* ------------------------------------------------------------------------- threads */

static int64_t next_thread(void *context, int64_t after)
{
    int64_t next = after < 0 ? 1 : after + 1;

    return find_vcpu(context, next) ? next : -1;
}

static struct cpu *cpu_of(void *context, int64_t tid)
{
    struct vcpu *vcpu = find_vcpu(context, tid);

    return vcpu ? vcpu_cpu(vcpu) : NULL;
}

static void registers_changed(void *context, int64_t tid)
{
    vcpu_registers_changed(find_vcpu(context, tid));
}

static int thread_name(void *context, int64_t tid, char *text, size_t size)
{
    if (!find_vcpu(context, tid))
        return -1;
    snprintf(text, size, "cpu%d", (int)tid - 1);
    return 0;
}

/* -------------------------------------------------------------------------- memory */

/* Where `addr` leads, as the chosen CPU sees it; what of `size` is in the same page. */
static size_t find_piece(struct debugger *d, uint64_t addr, size_t size,
                         uint64_t *physical)
{
    struct vcpu *vcpu = find_vcpu(d, d->gdb.general);
    size_t piece = PIECE - (size_t)(addr % PIECE);

    *physical = addr;
    if (!d->is_physical && (!vcpu || !vcpu_look(vcpu, addr, physical)))
        return 0;
    return piece < size ? piece : size;
}

/* Devices are not asked: that might change them. */
static size_t read_memory(void *context, uint64_t addr, void *to, size_t size)
{
    struct debugger *d = context;
    struct space *space = bus_space(machine_bus(d->machine));
    size_t done = 0;

    while (done < size) {
        uint64_t physical;
        size_t piece = find_piece(d, addr + done, size - done, &physical);

        if (!piece || space_read(space, physical, (char *)to + done, piece, NULL) < 0)
            break;
        done += piece;
    }
    return done;
}

static int write_memory(void *context, uint64_t addr, const void *from, size_t size)
{
    struct debugger *d = context;
    size_t done = 0;

    while (done < size) {
        uint64_t physical;
        size_t piece = find_piece(d, addr + done, size - done, &physical);

        if (!piece || !bus_load(machine_bus(d->machine), physical,
                                (const char *)from + done, piece))
            return -1;
        done += piece;
    }
    vcpu_forget_code(machine_cpu(d->machine, 0));
    return 0;
}

/* --------------------------------------------------------------------- breakpoints */

static int insert(void *context, enum gdb_point point, uint64_t addr, uint64_t size)
{
    struct debugger *d = context;

    return gdb_add_stop(&d->breaks, point, addr, size);
}

static int remove_stop(void *context, enum gdb_point point, uint64_t addr, uint64_t size)
{
    struct debugger *d = context;

    gdb_remove_stop(&d->breaks, point, addr, size);
    return 0;
}

/* Code is translated anew where a break is missing in it, or too many are left. */
static void settle_breaks(struct debugger *d)
{
    bool is_stale = d->translated.nbreaks > d->breaks.nbreaks + STALE_MAX;

    for (size_t i = 0; i < d->breaks.nbreaks; i++)
        is_stale |= !stops_has_break(&d->translated, d->breaks.breaks[i]);
    if (!is_stale)
        return;
    stops_clear(&d->translated);
    for (size_t i = 0; i < d->breaks.nbreaks; i++)
        if (stops_add_break(&d->translated, d->breaks.breaks[i]) < 0)
            die("out of memory");
    vcpu_forget_code(machine_cpu(d->machine, 0));
}

/* ------------------------------------------------------------------------- running */

static const struct gdb_action *action_for(const struct gdb_action *actions, size_t count,
                                           int64_t tid)
{
    for (size_t i = 0; i < count; i++)
        if ((actions[i].pid < 0 || actions[i].pid == PID) &&
            (actions[i].tid <= 0 || actions[i].tid == tid))
            return &actions[i];
    return NULL;
}

static void resume(void *context, const struct gdb_action *actions, size_t count)
{
    struct debugger *d = context;

    settle_breaks(d);
    for (int64_t tid = 1; tid <= cpu_count(d); tid++) {
        const struct gdb_action *action = action_for(actions, count, tid);
        struct vcpu_debug debug = {
            .translated = &d->translated,
            .breaks = &d->breaks,
            .skips_watch = tid == d->told && vcpu_why(find_vcpu(d, tid)) == VCPU_WATCH,
            .is_held = !action
        };

        if (action && action->kind == GDB_STEP) {
            debug.is_stepping = true;
            debug.start = action->start;
            debug.end = action->end;
        }
        vcpu_debug(find_vcpu(d, tid), &debug);
    }
    machine_resume(d->machine);
}

static void interrupt(void *context)
{
    struct debugger *d = context;

    machine_pause(d->machine);
}

static struct gdb_event event_of(struct vcpu *vcpu, int64_t tid)
{
    struct gdb_event event = { .tid = tid, .signal = SIGNAL_TRAP };

    if (vcpu_why(vcpu) == VCPU_BREAK) {
        event.kind = GDB_STOP_BREAK;
    } else if (vcpu_why(vcpu) == VCPU_WATCH) {
        event.kind = GDB_STOP_WATCH;
        event.addr = vcpu_watched(vcpu)->addr;
        event.point = gdb_watch_point(vcpu_watched(vcpu)->access);
    }
    return event;
}

/* What stopped the machine; a CPU that met a break or a watch and is not told of meets it
 * again. */
static struct gdb_event find_event(struct debugger *d)
{
    for (int64_t tid = 1; tid <= cpu_count(d); tid++)
        if (vcpu_why(find_vcpu(d, tid)) != VCPU_ASKED) {
            d->told = tid;
            return event_of(find_vcpu(d, tid), tid);
        }
    d->told = 0;
    return (struct gdb_event){ .tid = d->gdb.general, .signal = SIGNAL_INT };
}

/* ------------------------------------------------------------------------- leaving */

/* The machine, which is paused, runs without breaks. */
static void run_on(struct debugger *d)
{
    const struct vcpu_debug none = { .is_held = false };

    for (int64_t tid = 1; tid <= cpu_count(d); tid++)
        vcpu_debug(find_vcpu(d, tid), &none);
    if (d->translated.nbreaks)
        vcpu_forget_code(machine_cpu(d->machine, 0));
    stops_clear(&d->breaks);
    stops_clear(&d->translated);
    machine_resume(d->machine);
}

static void close_client(struct debugger *d)
{
    loop_remove(d->client);
    host_close(d->client_fd);
    d->client = NULL;
    d->client_fd = -1;
    d->is_leaving = d->is_greeted = d->is_physical = false;
    d->unsent_size = 0;
    gdb_end(&d->gdb);
}

/* Once the machine stands. */
static void leave(struct debugger *d)
{
    if (!machine_is_paused(d->machine)) {
        loop_want(d->client, false, false);
        machine_pause(d->machine);
        return;
    }
    close_client(d);
    run_on(d);
}

static int detach(void *context, int64_t pid)
{
    struct debugger *d = context;

    if (pid != PID)
        return -1;
    gdb_accept(&d->gdb);
    d->is_leaving = true;
    return 0;
}

static int kill_machine(void *context, int64_t pid)
{
    struct debugger *d = context;

    if (pid != PID)
        return -1;
    gdb_accept(&d->gdb);
    machine_quit(d->machine);
    return 0;
}

/* ----------------------------------------------------------------------- transport */

static void send_rest(struct debugger *d)
{
    int64_t done = host_write(d->client_fd, d->unsent, d->unsent_size);

    if (done == -EAGAIN || done == -EINTR)
        done = 0;
    if (done < 0) {
        d->is_leaving = true;
        done = (int64_t)d->unsent_size;
    }
    d->unsent_size -= (size_t)done;
    memmove(d->unsent, d->unsent + done, d->unsent_size);
    loop_want(d->client, true, d->unsent_size > 0);
}

static void send(void *context, const void *bytes, size_t size)
{
    struct debugger *d = context;

    if (size > UNSENT_BYTES - d->unsent_size) { /* a client that does not read */
        d->is_leaving = true;
        return;
    }
    memcpy(d->unsent + d->unsent_size, bytes, size);
    d->unsent_size += size;
}

/* Its first packet is answered when the machine stands. */
static void greet(struct debugger *d)
{
    d->is_greeted = true;
    gdb_start(&d->gdb, &d->target, 0);
    loop_want(d->client, true, false);
}

static void client_is_ready(void *context)
{
    struct debugger *d = context;
    uint8_t bytes[4096];
    int64_t got = -EAGAIN;

    if (loop_can_read(d->client))
        got = host_read(d->client_fd, bytes, sizeof(bytes));
    if (got > 0)
        gdb_feed(&d->gdb, bytes, (size_t)got);
    else if (got != -EAGAIN && got != -EINTR)
        d->is_leaving = true;
    send_rest(d);
    if (d->is_leaving)
        leave(d);
}

static void client_comes(void *context)
{
    struct debugger *d = context;
    int fd = host_accept(d->listen_fd);

    if (fd < 0)
        return;
    if (d->client) { /* one at a time */
        host_close(fd);
        return;
    }
    d->client_fd = fd;
    d->client = loop_add(machine_loop(d->machine), fd, client_is_ready, d);
    if (machine_is_paused(d->machine))
        greet(d);
    else
        machine_pause(d->machine);
}

void debugger_stopped(struct debugger *d)
{
    struct gdb_event event;

    if (!d || !d->client)
        return;
    if (d->is_leaving) {
        leave(d);
    } else if (!d->is_greeted) {
        greet(d);
    } else {
        event = find_event(d);
        gdb_report(&d->gdb, &event);
        send_rest(d);
    }
}

void debugger_end(struct debugger *d, int status)
{
    struct gdb_event event = { .kind = GDB_STOP_EXITED, .number = status };

    if (!d || !d->client || !d->is_greeted || !d->gdb.is_resumed)
        return;
    gdb_report(&d->gdb, &event);
    send_rest(d);
}

/* ------------------------------------------------------------------------- packets */

/* QEMU's: memory packets with physical addresses. */
static bool answer(void *context, const char *packet, char *text, size_t size)
{
    struct debugger *d = context;

    if (!strcmp(packet, "qqemu.PhyMemMode"))
        snprintf(text, size, "%d", d->is_physical);
    else if (!strcmp(packet, "Qqemu.PhyMemMode:0") ||
             !strcmp(packet, "Qqemu.PhyMemMode:1")) {
        d->is_physical = packet[strlen(packet) - 1] == '1';
        snprintf(text, size, "OK");
    } else {
        return false;
    }
    return true;
}

static void fill_target(struct debugger *d)
{
    const struct isa *isa = vcpu_cpu(machine_cpu(d->machine, 0))->isa;

    if (!isa->gdb_arch)
        die("-gdb: %s has no description of its registers for gdb", isa->name);
    d->target = (struct gdb_target){
        .context = d,
        .pid = PID,
        .isa = isa,
        .osabi = "none",
        .was_there = true,
        .send = send,
        .next_thread = next_thread,
        .cpu = cpu_of,
        .registers_changed = registers_changed,
        .thread_name = thread_name,
        .read = read_memory,
        .write = write_memory,
        .insert = insert,
        .remove = remove_stop,
        .resume = resume,
        .interrupt = interrupt,
        .detach = detach,
        .kill = kill_machine,
        .answer = answer,
    };
}

/* ------------------------------------------------------------------------- opening */

/* tcp::PORT or tcp:localhost:PORT; 0: it is none. */
static unsigned port_of(const char *where)
{
    static const char *const hosts[] = { "tcp::", "tcp:localhost:", "tcp:127.0.0.1:" };
    unsigned long port;
    char *end;

    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        size_t length = strlen(hosts[i]);

        if (strncmp(where, hosts[i], length) || where[length] < '0' ||
            where[length] > '9')
            continue;
        port = strtoul(where + length, &end, 10);
        if (!*end && port > 0 && port < 65536)
            return (unsigned)port;
    }
    return 0;
}

static struct debugger *refuse(struct debugger *d, char error[DEBUGGER_ERROR],
                               const char *where, const char *why)
{
    snprintf(error, DEBUGGER_ERROR, "%s: %s", where, why);
    free(d->path_memory);
    free(d);
    return NULL;
}

struct debugger *debugger_new(const char *where, struct machine *machine,
                              char error[DEBUGGER_ERROR])
{
    struct debugger *d = calloc(1, sizeof(*d));
    char *path = malloc(strlen(where) + 1);
    unsigned port = port_of(where);

    if (!d || !path)
        die("out of memory");
    d->machine = machine;
    d->client_fd = -1;
    d->path_memory = path;
    if (!strncmp(where, "unix:", 5) && where[5])
        d->path = strcpy(path, where + 5);
    else if (!port)
        return refuse(d, error, where, "want tcp::PORT or unix:PATH");
    fill_target(d);
    d->listen_fd = host_listen(&(struct host_place){ .path = d->path, .port = port });
    if (d->listen_fd < 0)
        return refuse(d, error, where, strerror(-d->listen_fd));
    d->listener = loop_add(machine_loop(machine), d->listen_fd, client_comes, d);
    loop_want(d->listener, true, false);
    return d;
}

bool debugger_has_client(const struct debugger *d)
{
    return d && d->client;
}

bool debugger_holds(const struct debugger *d)
{
    return d && d->client && !(d->is_greeted && d->gdb.is_resumed);
}

void debugger_free(struct debugger *d)
{
    if (!d)
        return;
    if (d->client)
        close_client(d);
    loop_remove(d->listener);
    host_close(d->listen_fd);
    if (d->path)
        host_remove(d->path);
    free(d->path_memory);
    stops_clear(&d->breaks);
    stops_clear(&d->translated);
    free(d);
}
