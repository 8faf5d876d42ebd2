/* gdb.c - the server: packets of threads, memory, breakpoints and running. */
#include "debug/gdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/gdb_parts.h"

enum { SIGNAL_TRAP = 5, ALL = -1, ANY = 0, MAX_ACTIONS = 64 };

void gdb_start(struct gdb *gdb, const struct gdb_target *target, unsigned options)
{
    memset(gdb, 0, sizeof(*gdb));
    gdb->target = target;
    gdb->options = options;
    gdb->general_pid = target->pid;
    gdb->general = target->next_thread(target->context, 0);
    gdb->step = ALL;
    gdb->last = (struct gdb_event){ .tid = gdb->general, .signal = SIGNAL_TRAP };
}

void gdb_end(struct gdb *gdb)
{
    free(gdb->text);
    gdb->text = NULL;
}

struct cpu *gdb_cpu(struct gdb *gdb)
{
    const struct gdb_target *target = gdb->target;

    return target->cpu(target->context, gdb->general);
}

/* ------------------------------------------------------------------------------- stops
 */

static void put_child(struct gdb *gdb, const char *what, const struct gdb_event *event)
{
    gdb_put(gdb, "%s:p%llx.%llx;", what, (unsigned long long)event->child_pid,
            (unsigned long long)event->child_tid);
}

static void put_reason(struct gdb *gdb, const struct gdb_event *event)
{
    static const char *const watches[] = {
        [GDB_WATCH_WRITE] = "watch", [GDB_WATCH_READ] = "rwatch", [GDB_WATCH] = "awatch"
    };
    const char *path = event->path ? event->path : "";

    switch (event->kind) {
    case GDB_STOP_BREAK:
        if (gdb->options & GDB_SWBREAK)
            gdb_put(gdb, "swbreak:;");
        return;
    case GDB_STOP_WATCH:
        gdb_put(gdb, "%s:%llx;", watches[event->point], (unsigned long long)event->addr);
        return;
    case GDB_STOP_FORK: put_child(gdb, "fork", event); return;
    case GDB_STOP_VFORK: put_child(gdb, "vfork", event); return;
    case GDB_STOP_VFORK_DONE: gdb_put(gdb, "vforkdone:;"); return;
    case GDB_STOP_EXEC:
        if (!(gdb->options & GDB_EXEC_EVENTS))
            return;
        gdb_put(gdb, "exec:");
        gdb_put_hex(gdb, path, strlen(path));
        gdb_put(gdb, ";");
        return;
    case GDB_STOP_CALL:
        gdb_put(gdb, "syscall_entry:%llx;", (unsigned long long)event->number);
        return;
    case GDB_STOP_RETURN:
        gdb_put(gdb, "syscall_return:%llx;", (unsigned long long)event->number);
        return;
    default: return;
    }
}

void gdb_put_event(struct gdb *gdb, const struct gdb_event *event)
{
    bool is_killed = event->kind == GDB_STOP_KILLED;

    if (event->kind == GDB_STOP_EXITED || is_killed) {
        gdb_put(gdb, "%c%02x", is_killed ? 'X' : 'W',
                (unsigned)(is_killed ? event->signal : event->number) & 0xff);
        if (gdb->options & GDB_MULTIPROCESS)
            gdb_put(gdb, ";process:%llx", (unsigned long long)gdb->target->pid);
        return;
    }
    gdb_put(gdb, "T%02xthread:", (unsigned)event->signal & 0xff);
    gdb_put_thread(gdb, event->tid);
    gdb_put(gdb, ";");
    put_reason(gdb, event);
}

void gdb_set_event(struct gdb *gdb, const struct gdb_event *event)
{
    gdb->last = *event;
    if (event->path) {
        snprintf(gdb->last_path, sizeof(gdb->last_path), "%s", event->path);
        gdb->last.path = gdb->last_path;
    }
    gdb->is_resumed = false;
    gdb->general_pid = gdb->target->pid;
    gdb->general = event->tid;
}

void gdb_report(struct gdb *gdb, const struct gdb_event *event)
{
    gdb_set_event(gdb, event);
    gdb_begin(gdb);
    gdb_put_event(gdb, event);
    gdb_flush(gdb);
}

void gdb_accept(struct gdb *gdb)
{
    gdb_reply(gdb, "OK");
}

void gdb_refuse(struct gdb *gdb)
{
    gdb->is_resumed = false;
    gdb_error(gdb, GDB_EINVAL);
}

void gdb_stopped_packet(struct gdb *gdb, struct gdb_reader *r)
{
    (void)r;
    gdb->general_pid = gdb->target->pid;
    gdb->general = gdb->last.tid;
    gdb_begin(gdb);
    gdb_put_event(gdb, &gdb->last);
    gdb_flush(gdb);
}

void gdb_resume(struct gdb *gdb, const struct gdb_action *actions, size_t count)
{
    gdb->is_resumed = true;
    gdb->target->resume(gdb->target->context, actions, count);
}

/* ------------------------------------------------------------------------------ memory
 */

/* "ADDR,SIZE" */
static bool read_range(struct gdb_reader *r, uint64_t *addr, uint64_t *size)
{
    return gdb_number(r, addr) && gdb_skip(r, ",") && gdb_number(r, size);
}

static void read_memory(struct gdb *gdb, struct gdb_reader *r)
{
    const struct gdb_target *target = gdb->target;
    uint8_t bytes[GDB_PACKET / 2];
    uint64_t addr, size;

    if (!read_range(r, &addr, &size)) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    if (size > sizeof(bytes))
        size = sizeof(bytes);
    size = size ? target->read(target->context, addr, bytes, (size_t)size) : 0;
    if (size == 0) {
        gdb_error(gdb, 14); /* EFAULT */
        return;
    }
    gdb_begin(gdb);
    gdb_put_hex(gdb, bytes, (size_t)size);
    gdb_flush(gdb);
}

static void write_bytes(struct gdb *gdb, uint64_t addr, const void *bytes, size_t size)
{
    const struct gdb_target *target = gdb->target;

    if (size && target->write(target->context, addr, bytes, size) < 0)
        gdb_error(gdb, 14);
    else
        gdb_reply(gdb, "OK");
}

static void write_memory(struct gdb *gdb, struct gdb_reader *r)
{
    uint8_t bytes[GDB_PACKET / 2];
    uint64_t addr, size;

    if (!read_range(r, &addr, &size) || !gdb_skip(r, ":") || size > sizeof(bytes) ||
        gdb_bytes(r, bytes, (size_t)size) != size)
        gdb_error(gdb, GDB_EINVAL);
    else
        write_bytes(gdb, addr, bytes, (size_t)size);
}

static void write_binary(struct gdb *gdb, struct gdb_reader *r)
{
    uint64_t addr, size;

    if (!read_range(r, &addr, &size) || !gdb_skip(r, ":") ||
        size != (uint64_t)(r->end - r->at))
        gdb_error(gdb, GDB_EINVAL);
    else
        write_bytes(gdb, addr, r->at, (size_t)size);
}

/* "TYPE,ADDR,KIND"; for watchpoints KIND is the size. */
static void set_point(struct gdb *gdb, struct gdb_reader *r, bool insert)
{
    const struct gdb_target *target = gdb->target;
    uint64_t point, addr, size;
    int error;

    if (!gdb_number(r, &point) || !gdb_skip(r, ",") || !read_range(r, &addr, &size)) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    if (point > GDB_WATCH || (!gdb_is_end(r) && insert)) { /* conditions: not offered */
        gdb_reply(gdb, "");
        return;
    }
    error = (insert ? target->insert : target->remove)(target->context,
                                                       (enum gdb_point)point, addr, size);
    if (error < 0)
        gdb_error(gdb, -error);
    else
        gdb_reply(gdb, error == GDB_UNSUPPORTED ? "" : "OK");
}

static void insert_point(struct gdb *gdb, struct gdb_reader *r)
{
    set_point(gdb, r, true);
}

static void remove_point(struct gdb *gdb, struct gdb_reader *r)
{
    set_point(gdb, r, false);
}

/* ----------------------------------------------------------------------------- threads
 */

static bool is_alive(struct gdb *gdb, int64_t tid)
{
    const struct gdb_target *target = gdb->target;

    return target->cpu(target->context, tid) != NULL;
}

static void choose_thread(struct gdb *gdb, struct gdb_reader *r)
{
    bool is_step = gdb_skip(r, "c");
    int64_t pid, tid;

    if ((!is_step && !gdb_skip(r, "g")) || !gdb_thread(gdb, r, &pid, &tid)) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    if (is_step) {
        gdb->step = tid == ANY ? ALL : tid;
        gdb_reply(gdb, "OK");
        return;
    }
    gdb->general_pid = pid == ALL ? gdb->target->pid : pid;
    if (gdb->general_pid == gdb->target->pid) {
        if (tid == ANY || tid == ALL)
            tid = is_alive(gdb, gdb->general)
                      ? gdb->general
                      : gdb->target->next_thread(gdb->target->context, 0);
        if (!is_alive(gdb, tid)) {
            gdb_error(gdb, 3); /* ESRCH */
            return;
        }
        gdb->general = tid;
    }
    gdb_reply(gdb, "OK");
}

static void thread_alive(struct gdb *gdb, struct gdb_reader *r)
{
    int64_t pid, tid;

    if (gdb_thread(gdb, r, &pid, &tid) && pid == gdb->target->pid && is_alive(gdb, tid))
        gdb_reply(gdb, "OK");
    else
        gdb_error(gdb, 3);
}

/* ----------------------------------------------------------------------------- running
 */

/* c [ADDR], s [ADDR], C SIG[;ADDR], S SIG[;ADDR].  gdb uses vCont; ADDR is not taken. */
static void resume_one(struct gdb *gdb, struct gdb_reader *r, enum gdb_action_kind kind,
                       bool has_signal)
{
    struct gdb_action actions[2] = { { gdb->target->pid, gdb->step, kind, 0, 0, 0 },
                                     { ALL, ALL, GDB_CONTINUE, 0, 0, 0 } };
    uint64_t signal = 0;

    if (kind == GDB_STEP && gdb->step == ALL)
        actions[0].tid = gdb->general;
    if ((has_signal && (!gdb_number(r, &signal) || signal > 0xff)) || !gdb_is_end(r)) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    if (signal)
        actions[0].tid = gdb->last.tid;
    actions[0].signal = (int)signal;
    gdb_resume(gdb, actions, kind == GDB_STEP || signal ? 2 : 1);
}

static void do_continue(struct gdb *gdb, struct gdb_reader *r)
{
    resume_one(gdb, r, GDB_CONTINUE, false);
}

static void do_step(struct gdb *gdb, struct gdb_reader *r)
{
    resume_one(gdb, r, GDB_STEP, false);
}

static void continue_with(struct gdb *gdb, struct gdb_reader *r)
{
    resume_one(gdb, r, GDB_CONTINUE, true);
}

static void step_with(struct gdb *gdb, struct gdb_reader *r)
{
    resume_one(gdb, r, GDB_STEP, true);
}

/* D or D;PID */
static void detach(struct gdb *gdb, struct gdb_reader *r)
{
    uint64_t pid = (uint64_t)gdb->target->pid;

    if (gdb_skip(r, ";") && (!gdb_number(r, &pid) || pid > INT32_MAX)) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    if (gdb->target->detach(gdb->target->context, (int64_t)pid) < 0)
        gdb_error(gdb, 3);
}

static void kill_all(struct gdb *gdb, struct gdb_reader *r)
{
    (void)r;
    gdb->target->kill(gdb->target->context, gdb->target->pid);
}

static void extended(struct gdb *gdb, struct gdb_reader *r)
{
    (void)r;
    gdb->options |= GDB_EXTENDED;
    gdb_reply(gdb, "OK");
}

static void run_again(struct gdb *gdb, struct gdb_reader *r)
{
    (void)r;
    if (gdb->options & GDB_EXTENDED && gdb->target->run)
        gdb->target->run(gdb->target->context, NULL);
    gdb_error(gdb, GDB_EINVAL);
}

/* ---------------------------------------------------------------------------- dispatch
 */

static const struct row {
    char letter;
    bool is_general; /* of the process that Hg chose */
    void (*fn)(struct gdb *gdb, struct gdb_reader *r);
} rows[] = {
    { '?', false, gdb_stopped_packet },
    { '!', false, extended },
    { 'c', false, do_continue },
    { 's', false, do_step },
    { 'C', false, continue_with },
    { 'S', false, step_with },
    { 'D', false, detach },
    { 'H', false, choose_thread },
    { 'T', false, thread_alive },
    { 'R', false, run_again },
    { 'k', false, kill_all },
    { 'g', true, gdb_read_all },
    { 'G', true, gdb_write_all },
    { 'p', true, gdb_read_one },
    { 'P', true, gdb_write_one },
    { 'm', true, read_memory },
    { 'M', true, write_memory },
    { 'X', true, write_binary },
    { 'Z', true, insert_point },
    { 'z', true, remove_point },
    { 'q', false, gdb_query },
    { 'Q', false, gdb_set },
    { 'v', false, gdb_verbose },
};

/* qXfer asks for the process that Hg chose. */
static bool is_of_general(const struct row *row, const char *packet, size_t size)
{
    static const char transfer[] = "qXfer:";
    size_t length = sizeof(transfer) - 1;

    return row->is_general || (size > length && memcmp(packet, transfer, length) == 0);
}

void gdb_packet(struct gdb *gdb, const char *packet, size_t size)
{
    const struct gdb_target *target = gdb->target;
    struct gdb_reader r = { packet, packet + size };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (size == 0 || rows[i].letter != packet[0])
            continue;
        if (gdb->general_pid != target->pid && is_of_general(&rows[i], packet, size)) {
            if (!target->forward ||
                !target->forward(target->context, gdb->general_pid, packet, size))
                gdb_error(gdb, 3);
            return;
        }
        r.at++;
        rows[i].fn(gdb, &r);
        return;
    }
    gdb_reply(gdb, "");
}
