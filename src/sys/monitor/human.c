/* human.c - the monitor that a person types at: lines with a prompt.
 *
 * What is typed is shown, the end of the line can be taken back (Backspace, Ctrl-W,
 * Ctrl-U), the arrows up and down show earlier lines, Tab completes a command. */
#include <stdlib.h>
#include <string.h>

#include "sys/monitor/human.h"

static void prompt(struct human *h)
{
    out_add(&h->monitor.out, "(rhea) ");
}

/* QEMU's scripts look for the end of a line as terminals have it. */
static void say(struct human *h, const struct text *text)
{
    const char *at = text->bytes, *end = at + text->size;

    while (at < end) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        size_t size = line ? (size_t)(line - at) : (size_t)(end - at);

        out_bytes(&h->monitor.out, at, size);
        at += size;
        if (line) {
            out_add(&h->monitor.out, "\r\n");
            at++;
        }
    }
}

/* ----------------------------------------------------------------------- commands */

static void run_line(void *monitor)
{
    struct human *h = monitor;
    struct text out = { 0 };

    command_run(&h->monitor, h->line, &out);
    say(h, &out);
    out_free(&out);
    h->size = 0;
    h->line[0] = 0;
    prompt(h);
}

static void remember(struct human *h)
{
    char *line = h->lines[h->line_count % HUMAN_LINES];

    if (!h->size)
        return;
    memcpy(line, h->line, h->size + 1);
    h->line_count++;
}

static void end_line(struct human *h)
{
    out_add(&h->monitor.out, "\r\n");
    remember(h);
    h->shown = h->line_count;
    if (command_needs_standing(h->line))
        monitor_when_standing(&h->monitor, run_line);
    else
        run_line(h);
}

/* ------------------------------------------------------------------------- editing */

static void take_back(struct human *h, size_t count)
{
    for (; count && h->size; count--) {
        h->line[--h->size] = 0;
        out_add(&h->monitor.out, "\b \b");
    }
}

static void put(struct human *h, const char *text)
{
    for (; *text && h->size < HUMAN_LINE - 1; text++) {
        h->line[h->size++] = *text;
        h->line[h->size] = 0;
        out_bytes(&h->monitor.out, text, 1);
    }
}

static size_t last_word(const struct human *h)
{
    size_t at = h->size;

    while (at && h->line[at - 1] == ' ')
        at--;
    while (at && h->line[at - 1] != ' ')
        at--;
    return h->size - at;
}

static void show(struct human *h, unsigned number)
{
    if (number > h->line_count || h->line_count - number > HUMAN_LINES)
        return;
    h->shown = number;
    take_back(h, h->size);
    if (number < h->line_count)
        put(h, h->lines[number % HUMAN_LINES]);
}

/* The rest of a name that begins as the last word does. */
static void complete(struct human *h)
{
    size_t size = last_word(h);
    const char *word = h->line + h->size - size;
    const struct command *table =
        !strncmp(h->line, "info ", 5) ? info_commands : commands;
    const char *found = NULL;

    for (; table->names; table++)
        if (size && !strncmp(table->names, word, size)) {
            if (found)
                return;
            found = table->names + size;
        }
    for (; found && *found && *found != '|'; found++)
        put(h, (char[]){ *found, 0 });
    if (found)
        put(h, " ");
}

/* Behind ESC [ or ESC O. */
static void take_escape(struct human *h, uint8_t byte)
{
    if (h->escape == 1) {
        h->escape = byte == '[' || byte == 'O' ? 2 : 0;
        return;
    }
    if (byte >= '0' && byte <= '?')
        return;
    h->escape = 0;
    if (byte == 'A' && h->shown)
        show(h, h->shown - 1);
    else if (byte == 'B')
        show(h, h->shown + 1);
}

static void human_feed(struct monitor *monitor, uint8_t byte)
{
    struct human *h = (struct human *)monitor;
    bool was_return = h->was_return;

    h->was_return = byte == '\r';
    if (h->escape) {
        take_escape(h, byte);
        return;
    }
    switch (byte) {
    case '\n':
        if (was_return)
            break;
        /* fall through */
    case '\r': end_line(h); break;
    case 8:
    case 127: take_back(h, 1); break;
    case 21: take_back(h, h->size); break;      /* Ctrl-U */
    case 23: take_back(h, last_word(h)); break; /* Ctrl-W */
    case '\t': complete(h); break;
    case 27: h->escape = 1; break;
    default:
        if (byte >= ' ')
            put(h, (char[]){ (char)byte, 0 });
    }
}

/* ---------------------------------------------------------------------------- life */

static void greet(struct human *h)
{
    out_add(&h->monitor.out, "rhea monitor - type 'help' for more information\r\n");
    h->is_greeted = true;
    prompt(h);
}

/* On a shared line: when it gets the keys. */
static void human_opened(struct monitor *monitor)
{
    struct human *h = (struct human *)monitor;

    h->size = 0;
    h->line[0] = 0;
    h->escape = 0;
    h->is_greeted = false;
    if (!monitor->line->is_shared)
        greet(h);
}

static void human_focus(struct monitor *monitor, bool has_it)
{
    struct human *h = (struct human *)monitor;

    if (!has_it)
        out_add(&monitor->out, "\r\n");
    else if (!h->is_greeted)
        greet(h);
    else
        out_add(&monitor->out, "(rhea) %s", h->line);
}

const struct monitor_kind monitor_human = {
    .size = sizeof(struct human),
    .opened = human_opened,
    .feed = human_feed,
    .focus = human_focus,
};
