/* qmp.c - the monitor for programs: QEMU's Machine Protocol.
 *
 * Each side sends JSON objects: it commands, which are answered in their order, and
 * events in between.  What is no command is answered by an error; what is too long or too
 * deep, too, and then everything up to the end of its line is skipped. */
#include "sys/monitor/qmp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "sys/drives.h"
#include "sys/machine.h"

enum {
    MOST_BYTES = 1 << 20, /* of a command */
    DEEPEST = 1024,
    EVENTS_BYTES = 1 << 20, /* that may wait for a client that does not read */
    NS_PER_S = 1000000000,
    NS_PER_US = 1000,
};

struct qmp {
    struct monitor monitor; /* first: found by it */
    bool has_capabilities;
    /* what is being read */
    struct text input;
    unsigned depth;
    bool in_string, is_escaped, is_skipping;
    /* what waits for the CPUs to stand */
    const struct qmp_command *command;
    json_t *args, *id;
};

/* ------------------------------------------------------------------------- sending */

static void send_object(struct qmp *q, json_t *object)
{
    size_t flags = q->monitor.config->is_pretty ? JSON_INDENT(4) : 0;
    char *text = object ? json_dumps(object, flags) : NULL;

    if (!text)
        die("out of memory");
    out_add(&q->monitor.out, "%s\r\n", text);
    free(text);
    json_decref(object);
}

/* Takes `id`, which may be NULL. */
static void answer(struct qmp *q, const char *key, json_t *what, json_t *id)
{
    json_t *object = json_pack("{s:o}", key, what);

    if (id)
        json_object_set_new(object, "id", id);
    send_object(q, object);
}

static void refuse(struct qmp *q, const char *class, json_t *id, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void refuse(struct qmp *q, const char *class, json_t *id, const char *fmt, ...)
{
    char why[QMP_WHY];
    va_list args;
    json_t *text;

    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    text = json_string(why);
    if (!text) /* what was quoted is no UTF-8, or was cut within a character */
        text = json_string("the command has text that is no UTF-8");
    answer(q, "error", json_pack("{s:s, s:o}", "class", class, "desc", text), id);
}

static json_t *version(void)
{
    return json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "micro", 0, "minor", 2, "major",
                     7, "package", "rhea development version");
}

json_t *qmp_version(struct qmp_call *call)
{
    (void)call;
    return version();
}

static void qmp_opened(struct monitor *monitor)
{
    struct qmp *q = (struct qmp *)monitor;

    q->has_capabilities = q->in_string = q->is_escaped = q->is_skipping = false;
    q->depth = 0;
    out_free(&q->input);
    send_object(
        q, json_pack("{s:{s:o, s:[]}}", "QMP", "version", version(), "capabilities"));
}

static json_t *failure_data(const struct drive_failure *failure)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:s}", "device", failure->drive->id,
                     "operation", failure->op == BLOCK_READ ? "read" : "write", "action",
                     block_reaction_name(failure->reaction), "nospace",
                     failure->error == ENOSPC, "reason", strerror(failure->error));
}

static void qmp_tell(struct monitor *monitor, const struct monitor_event *event)
{
    struct qmp *q = (struct qmp *)monitor;
    uint64_t now = host_wall_ns();
    json_t *object;

    if (!q->has_capabilities || monitor->out.size > EVENTS_BYTES)
        return;
    object = json_pack("{s:{s:I, s:I}, s:s}", "timestamp", "seconds",
                       (json_int_t)(now / NS_PER_S), "microseconds",
                       (json_int_t)(now % NS_PER_S / NS_PER_US), "event", event->name);
    if (event->reason)
        json_object_set_new(
            object, "data",
            json_pack("{s:b, s:s}", "guest", event->is_guest, "reason", event->reason));
    if (event->failure)
        json_object_set_new(object, "data", failure_data(event->failure));
    send_object(q, object);
}

/* ------------------------------------------------------------------------- running */

json_t *qmp_fail(struct qmp_call *call, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(call->why, sizeof(call->why), fmt, args);
    va_end(args);
    return NULL;
}

/* Whether the arguments are those that the table says; else it says so. */
static bool has_kind(const json_t *value, char kind)
{
    return kind == 's'   ? json_is_string(value)
           : kind == 'i' ? json_is_integer(value)
                         : json_is_boolean(value);
}

static bool are_right(struct qmp *q, const struct qmp_command *command, json_t *args,
                      json_t *id)
{
    static const char *const kinds[] = { "string", "integer", "boolean" };
    size_t known = 0;
    const char *key;
    json_t *value;

    for (const struct qmp_arg *arg = command->args;
         arg < command->args + QMP_ARGS && arg->name; arg++) {
        value = json_object_get(args, arg->name);
        known += value != NULL;
        if (!value && !arg->is_optional) {
            refuse(q, "GenericError", id, "Parameter '%s' is missing", arg->name);
            return false;
        }
        if (value && !has_kind(value, arg->kind)) {
            refuse(q, "GenericError", id, "Invalid parameter type for '%s', expected: %s",
                   arg->name,
                   kinds[arg->kind == 's'   ? 0
                         : arg->kind == 'i' ? 1
                                            : 2]);
            return false;
        }
    }
    if (known == json_object_size(args))
        return true;
    json_object_foreach(args, key, value)
    {
        bool is_known = false;

        for (unsigned i = 0; i < QMP_ARGS && command->args[i].name; i++)
            is_known |= !strcmp(command->args[i].name, key);
        if (!is_known) {
            refuse(q, "GenericError", id, "Parameter '%.100s' is unexpected", key);
            break;
        }
    }
    return false;
}

static void run_command(void *monitor)
{
    struct qmp *q = monitor;
    struct qmp_call call = { &q->monitor, q->monitor.machine, q->args, "" };
    json_t *result = q->command->run(&call);

    if (result)
        answer(q, "return", result, q->id);
    else
        refuse(q, "GenericError", q->id, "%s", call.why);
    json_decref(q->args);
    q->args = q->id = NULL;
}

static const struct qmp_command *find_command(const char *name)
{
    for (const struct qmp_command *c = qmp_commands; c->name; c++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

/* A line for people may be such, too. */
static bool needs_standing(const struct qmp_command *command, const json_t *args)
{
    const char *line = json_string_value(json_object_get(args, "command-line"));

    return command->needs_standing || (line && command_needs_standing(line));
}

/* Takes `id`. */
static void execute(struct qmp *q, const char *name, json_t *args, json_t *id)
{
    bool is_first = !strcmp(name, "qmp_capabilities");

    if (is_first && q->has_capabilities) {
        refuse(q, "CommandNotFound", id,
               "Capabilities negotiation is already complete, command ignored");
    } else if (is_first) {
        q->has_capabilities = true;
        answer(q, "return", json_object(), id);
    } else if (!q->has_capabilities) {
        refuse(q, "CommandNotFound", id,
               "Expecting capabilities negotiation with 'qmp_capabilities'");
    } else if (!(q->command = find_command(name))) {
        refuse(q, "CommandNotFound", id, "The command %.100s has not been found", name);
    } else if (are_right(q, q->command, args, id)) {
        q->args = args ? json_incref(args) : json_object();
        q->id = id;
        if (needs_standing(q->command, q->args))
            monitor_when_standing(&q->monitor, run_command);
        else
            run_command(q);
    }
}

/* ------------------------------------------------------------------------- reading */

static void take_object(struct qmp *q, json_t *object)
{
    json_t *execute_name = json_object_get(object, "execute");
    json_t *args = json_object_get(object, "arguments"), *id;
    const char *key;
    json_t *value;

    id = json_incref(json_object_get(object, "id"));
    json_object_foreach(object, key, value)
    {
        if (strcmp(key, "execute") && strcmp(key, "arguments") && strcmp(key, "id")) {
            refuse(q, "GenericError", id, "QMP input member '%.100s' is unexpected", key);
            return;
        }
    }
    if (!execute_name)
        refuse(q, "GenericError", id, "QMP input lacks member 'execute'");
    else if (!json_is_string(execute_name))
        refuse(q, "GenericError", id, "QMP input member 'execute' must be a string");
    else if (args && !json_is_object(args))
        refuse(q, "GenericError", id, "QMP input member 'arguments' must be an object");
    else
        execute(q, json_string_value(execute_name), args, id);
}

static void take_input(struct qmp *q)
{
    struct text input = q->input;
    json_error_t error;
    json_t *object;

    q->input = (struct text){ 0 };
    q->depth = 0;
    q->in_string = q->is_escaped = false;
    object = json_loadb(input.bytes, input.size, JSON_DECODE_ANY, &error);
    out_free(&input);
    if (!object)
        refuse(q, "GenericError", NULL, "JSON parse error, %s", error.text);
    else if (!json_is_object(object))
        refuse(q, "GenericError", NULL, "QMP input must be a JSON object");
    else
        take_object(q, object);
    json_decref(object);
}

static void skip_line(struct qmp *q, const char *why)
{
    out_free(&q->input);
    q->depth = 0;
    q->in_string = q->is_escaped = false;
    q->is_skipping = true;
    refuse(q, "GenericError", NULL, "JSON parse error, %s", why);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Where a value ends: what it means is the parser's to say. */
static bool ends_value(struct qmp *q, uint8_t byte)
{
    if (q->is_escaped)
        q->is_escaped = false;
    else if (q->in_string)
        q->is_escaped = byte == '\\', q->in_string = byte != '"';
    else if (byte == '"')
        q->in_string = true;
    else if (byte == '{' || byte == '[')
        q->depth++;
    else if ((byte == '}' || byte == ']') && q->depth)
        return --q->depth == 0;
    return byte == '\n' && !q->in_string && !q->depth;
}

static void qmp_feed(struct monitor *monitor, uint8_t byte)
{
    struct qmp *q = (struct qmp *)monitor;

    if (q->is_skipping) {
        q->is_skipping = byte != '\n';
        return;
    }
    if (!q->input.size && is_blank(byte))
        return;
    out_bytes(&q->input, &byte, 1);
    if (q->input.size > MOST_BYTES)
        skip_line(q, "too long");
    else if (ends_value(q, byte))
        take_input(q);
    else if (q->depth > DEEPEST)
        skip_line(q, "too deep");
    else if (q->in_string && byte == '\n') /* strings have none: it is not closed */
        take_input(q);
}

static void qmp_destroy(struct monitor *monitor)
{
    struct qmp *q = (struct qmp *)monitor;

    out_free(&q->input);
    json_decref(q->args);
    json_decref(q->id);
}

static const struct monitor_kind kind = {
    .size = sizeof(struct qmp),
    .opened = qmp_opened,
    .feed = qmp_feed,
    .tell = qmp_tell,
    .destroy = qmp_destroy,
};
const struct monitor_kind *const monitor_control = &kind;
