/* gdb_query.c - what the client asks, sets and agrees on: q, Q and v packets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/gdb_parts.h"

enum { MAX_ACTIONS = 256, MAX_ARGS = 64, MAX_CALLS = 512 };

struct row {
    const char *name; /* the packet begins with it */
    void (*fn)(struct gdb *gdb, struct gdb_reader *r);
};

static bool dispatch(struct gdb *gdb, struct gdb_reader *r, const struct row *rows)
{
    const struct gdb_target *target = gdb->target;
    char text[256];

    for (; rows->name; rows++)
        if (gdb_skip(r, rows->name)) {
            rows->fn(gdb, r);
            return true;
        }
    if (target->answer &&
        target->answer(target->context, (const char *)gdb->in, text, sizeof(text)))
        gdb_reply(gdb, text);
    else
        gdb_reply(gdb, "");
    return false;
}

/* -------------------------------------------------------------------------- agreements
 */

static const struct {
    const char *name;
    unsigned option;
} features[] = {
    { "multiprocess+", GDB_MULTIPROCESS }, { "swbreak+", GDB_SWBREAK },
    { "hwbreak+", GDB_HWBREAK },           { "fork-events+", GDB_FORK_EVENTS },
    { "vfork-events+", GDB_VFORK_EVENTS }, { "exec-events+", GDB_EXEC_EVENTS },
};
enum { FEATURES = sizeof(features) / sizeof(features[0]) };

static void supported(struct gdb *gdb, struct gdb_reader *r)
{
    gdb->options &= GDB_NO_ACK | GDB_EXTENDED;
    if (!gdb_skip(r, ":"))
        r->at = r->end;
    while (!gdb_is_end(r)) {
        const char *stop = memchr(r->at, ';', (size_t)(r->end - r->at));
        size_t length = (size_t)((stop ? stop : r->end) - r->at);

        for (unsigned i = 0; i < FEATURES; i++)
            if (strlen(features[i].name) == length &&
                memcmp(features[i].name, r->at, length) == 0)
                gdb->options |= features[i].option;
        r->at += length + (stop != NULL);
    }
    gdb_begin(gdb);
    gdb_put(gdb,
            "PacketSize=%x;QStartNoAckMode+;vContSupported+;qXfer:features:read+;"
            "qXfer:threads:read+",
            GDB_PACKET);
    if (gdb->target->pass_signals)
        gdb_put(gdb, ";QPassSignals+");
    if (gdb->target->catch_calls)
        gdb_put(gdb, ";QCatchSyscalls+");
    if (gdb->target->object)
        gdb_put(gdb, ";qXfer:auxv:read+;qXfer:exec-file:read+;qXfer:siginfo:read+");
    for (unsigned i = 0; i < FEATURES; i++)
        if (gdb->options & features[i].option)
            gdb_put(gdb, ";%s", features[i].name);
    gdb_flush(gdb);
}

static void no_ack(struct gdb *gdb, struct gdb_reader *r)
{
    (void)r;
    gdb_reply(gdb, "OK");
    gdb->options |= GDB_NO_ACK;
}

/* Hexadecimal numbers between semicolons: of signals that are not reported. */
static void pass_signals(struct gdb *gdb, struct gdb_reader *r)
{
    uint8_t bits[32] = { 0 };
    uint64_t signal;

    if (!gdb->target->pass_signals) {
        gdb_reply(gdb, "");
        return;
    }
    while (gdb_number(r, &signal)) {
        if (signal < 8 * sizeof(bits))
            bits[signal / 8] |= (uint8_t)(1 << signal % 8);
        gdb_skip(r, ";");
    }
    gdb->target->pass_signals(gdb->target->context, bits);
    gdb_reply(gdb, "OK");
}

/* 0, 1, or 1;NUMBER;NUMBER... */
static void catch_calls(struct gdb *gdb, struct gdb_reader *r)
{
    int64_t numbers[MAX_CALLS];
    uint64_t on, number;
    size_t count = 0;

    if (!gdb->target->catch_calls) {
        gdb_reply(gdb, "");
        return;
    }
    if (!gdb_number(r, &on) || on > 1) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    while (count < MAX_CALLS && gdb_skip(r, ";") && gdb_number(r, &number))
        numbers[count++] = (int64_t)number;
    gdb->target->catch_calls(gdb->target->context, on == 1, numbers, count);
    gdb_reply(gdb, "OK");
}

static void accept_it(struct gdb *gdb, struct gdb_reader *r)
{
    (void)r;
    gdb_reply(gdb, "OK");
}

/* All-stop only. */
static void non_stop(struct gdb *gdb, struct gdb_reader *r)
{
    if (gdb_skip(r, "0"))
        gdb_reply(gdb, "OK");
    else
        gdb_error(gdb, GDB_EINVAL);
}

void gdb_set(struct gdb *gdb, struct gdb_reader *r)
{
    static const struct row rows[] = {
        { "StartNoAckMode", no_ack },      { "PassSignals:", pass_signals },
        { "CatchSyscalls:", catch_calls }, { "NonStop:", non_stop },
        { "ProgramSignals:", accept_it },  { NULL, NULL },
    };

    dispatch(gdb, r, rows);
}

/* ----------------------------------------------------------------------------- threads
 */

static void current_thread(struct gdb *gdb, struct gdb_reader *r)
{
    (void)r;
    gdb_begin(gdb);
    gdb_put(gdb, "QC");
    gdb_put_thread(gdb, gdb->general);
    gdb_flush(gdb);
}

static void list_threads(struct gdb *gdb, struct gdb_reader *r)
{
    const struct gdb_target *target = gdb->target;
    int64_t tid;
    bool is_first = true;

    (void)r;
    gdb_begin(gdb);
    while (gdb_room(gdb) > 64) {
        tid = target->next_thread(target->context, gdb->listed);
        if (tid < 0)
            break;
        gdb_put(gdb, is_first ? "m" : ",");
        gdb_put_thread(gdb, tid);
        gdb->listed = tid;
        is_first = false;
    }
    if (is_first)
        gdb_put(gdb, "l");
    gdb_flush(gdb);
}

static void first_threads(struct gdb *gdb, struct gdb_reader *r)
{
    gdb->listed = 0;
    list_threads(gdb, r);
}

static void thread_info(struct gdb *gdb, struct gdb_reader *r)
{
    const struct gdb_target *target = gdb->target;
    char name[64];
    int64_t pid, tid;

    if (!gdb_thread(gdb, r, &pid, &tid) || pid != target->pid ||
        target->thread_name(target->context, tid, name, sizeof(name)) < 0) {
        gdb_error(gdb, 3);
        return;
    }
    gdb_begin(gdb);
    gdb_put_hex(gdb, name, strlen(name));
    gdb_flush(gdb);
}

static void is_attached(struct gdb *gdb, struct gdb_reader *r)
{
    (void)r;
    gdb_reply(gdb, gdb->target->was_there ? "1" : "0");
}

static void symbols(struct gdb *gdb, struct gdb_reader *r)
{
    (void)r;
    gdb_reply(gdb, "OK"); /* none are wanted */
}

/* --------------------------------------------------------------------------- transfers
 */

static void threads_xml(struct gdb *gdb, char **text, size_t *size)
{
    const struct gdb_target *target = gdb->target;
    int64_t tid = 0;
    size_t room = 64;

    while ((tid = target->next_thread(target->context, tid)) >= 0)
        room += 256;
    *text = malloc(room);
    if (!*text)
        return;
    *size = (size_t)snprintf(*text, room, "<?xml version=\"1.0\"?>\n<threads>\n");
    for (tid = 0; (tid = target->next_thread(target->context, tid)) >= 0;) {
        char name[64] = "", clean[64];
        size_t n = 0;

        target->thread_name(target->context, tid, name, sizeof(name));
        for (const char *at = name; *at; at++) /* a guest chose it */
            if (*at > ' ' && *at < 127 && !strchr("<>&\"'", *at))
                clean[n++] = *at;
        clean[n] = 0;
        if (room - *size < 256)
            break;
        *size += (size_t)snprintf(*text + *size, room - *size, "<thread id=\"");
        if (gdb->options & GDB_MULTIPROCESS)
            *size += (size_t)snprintf(*text + *size, room - *size, "p%llx.",
                                      (unsigned long long)target->pid);
        *size += (size_t)snprintf(*text + *size, room - *size, "%llx\" name=\"%s\"/>\n",
                                  (unsigned long long)tid, clean);
    }
    *size += (size_t)snprintf(*text + *size, room - *size, "</threads>\n");
}

/* Makes the object in gdb->text.  false: there is no such. */
static bool make_object(struct gdb *gdb, const char *object, const char *annex)
{
    const struct gdb_target *target = gdb->target;
    static const struct {
        const char *name;
        enum gdb_object object;
    } objects[] = {
        { "auxv", GDB_AUXV },
        { "exec-file", GDB_EXEC_FILE },
        { "siginfo", GDB_SIGINFO },
    };

    gdb_end(gdb);
    gdb->text_size = 0;
    if (strcmp(object, "features") == 0 && strcmp(annex, "target.xml") == 0)
        gdb_target_xml(gdb, &gdb->text, &gdb->text_size);
    else if (strcmp(object, "threads") == 0 && !*annex)
        threads_xml(gdb, &gdb->text, &gdb->text_size);
    for (unsigned i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
        if (target->object && strcmp(object, objects[i].name) == 0)
            gdb->text = target->object(target->context, objects[i].object, gdb->general,
                                       &gdb->text_size);
    return gdb->text != NULL;
}

/* The word up to the next colon. */
static bool take_word(struct gdb_reader *r, char *to, size_t size)
{
    const char *stop = memchr(r->at, ':', (size_t)(r->end - r->at));
    size_t length = stop ? (size_t)(stop - r->at) : 0;

    if (!stop || length >= size)
        return false;
    memcpy(to, r->at, length);
    to[length] = 0;
    r->at = stop + 1;
    return strlen(to) == length;
}

static void put_part(struct gdb *gdb, uint64_t offset, uint64_t size)
{
    size_t left, sent;

    if (offset > gdb->text_size)
        offset = gdb->text_size;
    left = gdb->text_size - (size_t)offset;
    if (size > left)
        size = left;
    gdb_begin(gdb);
    gdb_put(gdb, "l");
    sent = gdb_put_binary(gdb, gdb->text + offset, (size_t)size);
    if (sent < left)
        gdb->out[0] = 'm';
    gdb_flush(gdb);
}

/* OBJECT:read:ANNEX:OFFSET,LENGTH.  What is read from its beginning is made anew. */
static void transfer(struct gdb *gdb, struct gdb_reader *r)
{
    char object[24], verb[8], annex[24], key[64];
    uint64_t offset, size;

    if (!take_word(r, object, sizeof(object)) || !take_word(r, verb, sizeof(verb)) ||
        strcmp(verb, "read") != 0) {
        gdb_reply(gdb, "");
        return;
    }
    if (!take_word(r, annex, sizeof(annex)) || !gdb_number(r, &offset) ||
        !gdb_skip(r, ",") || !gdb_number(r, &size)) {
        gdb_reply(gdb, "E00");
        return;
    }
    snprintf(key, sizeof(key), "%s:%s", object, annex);
    if (offset == 0 || strcmp(key, gdb->text_of) != 0) {
        gdb->text_of[0] = 0;
        if (!make_object(gdb, object, annex)) {
            gdb_reply(gdb, "E00");
            return;
        }
        snprintf(gdb->text_of, sizeof(gdb->text_of), "%s", key);
    }
    put_part(gdb, offset, size);
}

void gdb_query(struct gdb *gdb, struct gdb_reader *r)
{
    static const struct row rows[] = {
        { "Supported", supported },
        { "Xfer:", transfer },
        { "fThreadInfo", first_threads },
        { "sThreadInfo", list_threads },
        { "ThreadExtraInfo,", thread_info },
        { "Attached", is_attached },
        { "Symbol:", symbols },
        { NULL, NULL },
    };

    if (r->end - r->at == 1 && *r->at == 'C')
        current_thread(gdb, r);
    else
        dispatch(gdb, r, rows);
}

/* --------------------------------------------------------------------------- v packets
 */

/* c, CSIG, s, SSIG or rSTART,END; then :THREAD or nothing. */
static bool read_action(struct gdb *gdb, struct gdb_reader *r, struct gdb_action *action)
{
    uint64_t signal = 0;

    *action = (struct gdb_action){ .pid = -1, .tid = -1, .kind = GDB_STEP };
    if (gdb_skip(r, "c")) {
        action->kind = GDB_CONTINUE;
    } else if (gdb_skip(r, "C")) {
        action->kind = GDB_CONTINUE;
        if (!gdb_number(r, &signal))
            return false;
    } else if (gdb_skip(r, "S")) {
        if (!gdb_number(r, &signal))
            return false;
    } else if (gdb_skip(r, "r")) {
        if (!gdb_number(r, &action->start) || !gdb_skip(r, ",") ||
            !gdb_number(r, &action->end))
            return false;
    } else if (!gdb_skip(r, "s")) {
        return false;
    }
    action->signal = (int)(signal & 0xff);
    if (gdb_skip(r, ":"))
        return gdb_thread(gdb, r, &action->pid, &action->tid);
    return true;
}

static void resume(struct gdb *gdb, struct gdb_reader *r)
{
    struct gdb_action actions[MAX_ACTIONS];
    const char *start = r->at;
    size_t count = 0;
    bool is_good = true;

    while (is_good && gdb_skip(r, ";"))
        is_good = count < MAX_ACTIONS && read_action(gdb, r, &actions[count++]);
    if (!is_good || count == 0 || !gdb_is_end(r)) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    if (count == 1 && actions[0].pid >= 0 && actions[0].pid != gdb->target->pid) {
        start -= strlen("vCont");
        gdb->is_resumed = true;
        if (!gdb->target->forward ||
            !gdb->target->forward(gdb->target->context, actions[0].pid, start,
                                  (size_t)(r->end - start)))
            gdb_refuse(gdb);
        return;
    }
    gdb_resume(gdb, actions, count);
}

static void resume_what(struct gdb *gdb, struct gdb_reader *r)
{
    (void)r;
    gdb_reply(gdb, "vCont;c;C;s;S;r");
}

static void kill_one(struct gdb *gdb, struct gdb_reader *r)
{
    uint64_t pid;

    if (!gdb_number(r, &pid) || pid > INT32_MAX)
        gdb_error(gdb, GDB_EINVAL);
    else if (gdb->target->kill(gdb->target->context, (int64_t)pid) < 0)
        gdb_error(gdb, 3);
}

/* FILE;ARG;ARG..., all in hexadecimal; an empty FILE: the same program. */
static void run(struct gdb *gdb, struct gdb_reader *r)
{
    char bytes[GDB_PACKET];
    char *argv[MAX_ARGS + 1];
    size_t count = 0, used = 0;

    do {
        size_t n = gdb_bytes(r, (uint8_t *)bytes + used, sizeof(bytes) - used - 1);

        argv[count++] = bytes + used;
        bytes[used + n] = 0;
        used += n + 1;
    } while (count < MAX_ARGS && used + 1 < sizeof(bytes) && gdb_skip(r, ";"));
    argv[count] = NULL;
    if (gdb_is_end(r) && gdb->target->run)
        gdb->target->run(gdb->target->context, argv[0][0] ? argv : NULL);
    gdb_error(gdb, GDB_EINVAL);
}

void gdb_verbose(struct gdb *gdb, struct gdb_reader *r)
{
    static const struct row rows[] = {
        { "Cont?", resume_what }, { "Cont", resume },    { "Kill;", kill_one },
        { "Run;", run },          { "File:", gdb_file }, { NULL, NULL },
    };

    dispatch(gdb, r, rows);
}
