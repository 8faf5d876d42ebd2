/* monitor.c - the lines of monitors: see monitor.h.
 *
 * A line gives bytes; its kind takes them one by one.  While a command waits, or what was
 * said has not gone out, nothing is read. */
#include "sys/monitor/monitor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "sys/char/chardev.h"
#include "sys/loop.h"
#include "sys/machine.h"
#include "sys/monitor/part.h"

struct monitors {
    struct monitor *first;
};

/* ---------------------------------------------------------------------------- text */

static bool out_grow(struct text *text, size_t size)
{
    size_t capacity = text->capacity ? text->capacity : 256;
    char *bytes;

    if (size > TEXT_MAX || text->size > TEXT_MAX - size)
        return false;
    while (capacity <= text->size + size)
        capacity *= 2;
    if (capacity == text->capacity)
        return true;
    bytes = realloc(text->bytes, capacity);
    if (!bytes)
        die("out of memory");
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

void out_bytes(struct text *text, const void *bytes, size_t size)
{
    if (!out_grow(text, size))
        return;
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = 0;
}

void out_add(struct text *text, const char *fmt, ...)
{
    char few[512];
    va_list args;
    int size;

    va_start(args, fmt);
    size = vsnprintf(few, sizeof(few), fmt, args);
    va_end(args);
    if (size < (int)sizeof(few)) {
        out_bytes(text, few, (size_t)size);
    } else if (out_grow(text, (size_t)size)) {
        va_start(args, fmt);
        vsnprintf(text->bytes + text->size, (size_t)size + 1, fmt, args);
        va_end(args);
        text->size += (size_t)size;
    }
}

void out_free(struct text *text)
{
    free(text->bytes);
    *text = (struct text){ 0 };
}

/* ------------------------------------------------------------------------ the line */

void monitor_flush(struct monitor *m)
{
    size_t done;

    if (!m->out.size)
        return;
    done = char_write(m->line, (const uint8_t *)m->out.bytes, m->out.size);
    m->out.size -= done;
    memmove(m->out.bytes, m->out.bytes + done, m->out.size);
    if (!m->out.size)
        out_free(&m->out);
}

static size_t monitor_room(void *device)
{
    const struct monitor *m = device;

    return m->is_busy || m->out.size ? 0 : MONITOR_INPUT - m->input_count;
}

/* What has come is taken, as far as that goes. */
static void pump(void *device)
{
    struct monitor *m = device;

    if (m->is_pumping)
        return;
    m->is_pumping = true;
    while (m->input_count && !m->is_busy && !m->out.size) {
        uint8_t byte = m->input[0];

        memmove(m->input, m->input + 1, --m->input_count);
        m->kind->feed(m, byte);
        monitor_flush(m);
    }
    m->is_pumping = false;
    if (monitor_room(m))
        char_ready(m->line);
}

static void monitor_receive(void *device, const uint8_t *bytes, size_t count)
{
    struct monitor *m = device;

    memcpy(m->input + m->input_count, bytes, count);
    m->input_count += count;
    pump(m);
}

static void monitor_sent(void *device)
{
    struct monitor *m = device;

    monitor_flush(m);
    pump(m);
}

static void monitor_event(void *device, enum char_event event)
{
    struct monitor *m = device;

    switch (event) {
    case CHAR_OPENED:
        if (!m->is_left)
            m->kind->opened(m);
        break;
    case CHAR_CLOSED:
        m->input_count = 0;
        out_free(&m->out);
        m->is_left = m->is_busy;
        break;
    case CHAR_FOCUSED:
    case CHAR_UNFOCUSED:
        if (m->kind->focus)
            m->kind->focus(m, event == CHAR_FOCUSED);
        break;
    default: break;
    }
    monitor_flush(m);
}

/* ------------------------------------------------------------------------- waiting */

/* A command that waits. */
struct waiting {
    struct monitor *monitor;
    void (*fn)(void *monitor);
};

static void standing(void *context)
{
    struct waiting *waiting = context;
    struct monitor *m = waiting->monitor;

    m->is_busy = false;
    waiting->fn(m);
    free(waiting);
    if (m->is_left) {
        out_free(&m->out);
        m->is_left = false;
        if (m->line->is_open) /* by the next one, who is greeted only now */
            m->kind->opened(m);
    }
    monitor_flush(m);
    loop_post(machine_loop(m->machine), pump, m); /* what follows sees what it did */
}

void monitor_when_standing(struct monitor *m, void (*fn)(void *monitor))
{
    struct waiting *waiting = malloc(sizeof(*waiting));

    if (!waiting)
        die("out of memory");
    *waiting = (struct waiting){ m, fn };
    m->is_busy = true;
    machine_call(m->machine, standing, waiting);
}

/* ---------------------------------------------------------------------------- life */

static const struct monitor_kind *kind_of(const struct monitor_config *config)
{
    switch (config->mode) {
    case MONITOR_HUMAN: return &monitor_human;
    case MONITOR_QTEST: return &monitor_qtest;
    default:
        if (!monitor_control)
            die("%s: this build has no QMP: it needs libjansson (Debian: libjansson-dev)",
                config->from);
        return monitor_control;
    }
}

static struct monitor *open_one(const struct monitor_config *config,
                                struct machine *machine, struct chardevs *chardevs)
{
    static const struct char_user user = { monitor_room, monitor_receive, monitor_sent,
                                           monitor_event };
    const struct monitor_kind *kind = kind_of(config);
    struct monitor *m = calloc(1, kind->size);
    char error[CHARDEV_ERROR];

    if (!m)
        die("out of memory");
    m->kind = kind;
    m->config = config;
    m->machine = machine;
    m->line = chardevs_take(chardevs, config->chardev, error);
    if (!m->line)
        die("%s: %s", config->from, error);
    char_connect(m->line, &user, m);
    if (m->line->is_open)
        monitor_event(m, CHAR_OPENED);
    return m;
}

struct monitors *monitors_open(const struct monitor_config *configs,
                               struct machine *machine, struct chardevs *chardevs)
{
    struct monitors *monitors = calloc(1, sizeof(*monitors));
    struct monitor **last;

    if (!monitors)
        die("out of memory");
    last = &monitors->first;
    for (; configs; configs = configs->next) {
        *last = open_one(configs, machine, chardevs);
        last = &(*last)->next;
    }
    return monitors;
}

void monitors_close(struct monitors *monitors)
{
    for (struct monitor *m = monitors->first, *next; m; m = next) {
        next = m->next;
        monitor_flush(m);
        char_connect(m->line, NULL, NULL);
        if (m->kind->destroy)
            m->kind->destroy(m);
        out_free(&m->out);
        free(m);
    }
    free(monitors);
}

void monitors_tell(struct monitors *monitors, const struct monitor_event *event)
{
    for (struct monitor *m = monitors ? monitors->first : NULL; m; m = m->next)
        if (m->kind->tell && m->line->is_open) {
            m->kind->tell(m, event);
            monitor_flush(m);
        }
}
