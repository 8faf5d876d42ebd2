/* options_console.c - serial lines, displays, monitors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "sys/options_read.h"

static void take_nographic(struct reading *reading, const char *argument)
{
    (void)argument;
    reading->is_nographic = true;
}

static void take_display(struct reading *reading, const char *argument)
{
    if (strcmp(argument, "none"))
        die("-display %s is not supported; there is `none`", argument);
    reading->has_no_display = true;
}

void take_none(struct reading *reading, const char *argument)
{
    (void)reading;
    if (strcmp(argument, "none") && strcmp(argument, "null"))
        die("`%s` is not supported here yet; there is `none`", argument);
}

/* ------------------------------------------------------------ what -chardev may say */

/* Bits of switches: where they are in the config, and what `on` makes of them. */
static const struct chardev_switch {
    const char *name;
    size_t offset;
    bool is_inverse;
} switches[] = {
    { "server", offsetof(struct chardev_config, is_server), false },
    { "wait", offsetof(struct chardev_config, waits), false },
    { "telnet", offsetof(struct chardev_config, is_telnet), false },
    { "append", offsetof(struct chardev_config, appends), false },
    { "signal", offsetof(struct chardev_config, no_signals), true },
    { "mux", offsetof(struct chardev_config, is_mux), false },
};

/* `on`, `yes`, `off` ...; and the old spelling `nowait` for wait=off. */
static bool take_switch(struct chardev_config *config, const char *name,
                        const char *value)
{
    bool is_on = !strcmp(value, "on") || !strcmp(value, "yes") || !strcmp(value, "y") ||
                 !strcmp(value, "true");

    if (!is_on && strcmp(value, "off") && strcmp(value, "no") && strcmp(value, "n") &&
        strcmp(value, "false"))
        return false;
    if (!strcmp(name, "nowait")) {
        name = "wait";
        is_on = !is_on;
    }
    for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++)
        if (!strcmp(switches[i].name, name)) {
            *(bool *)(void *)((char *)config + switches[i].offset) =
                is_on != switches[i].is_inverse;
            return true;
        }
    return !strcmp(name, "nodelay") || !strcmp(name, "delay") ||
           (!is_on && (!strcmp(name, "reconnect") || !strcmp(name, "logappend")));
}

static void take_port(struct chardev_config *config, const char *text)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end || port > 65535)
        die("%s: `%s` is not a port", config->from, text);
    config->port = (unsigned)port;
    config->has_port = true;
}

static void take_chardev_part(struct chardev_config *config, char *part)
{
    const char *value = split_value(part);

    if (!strcmp(part, "id"))
        config->id = taken_id("-chardev", value);
    else if (!strcmp(part, "path"))
        config->path = value;
    else if (!strcmp(part, "input-path"))
        config->in_path = value;
    else if (!strcmp(part, "host"))
        config->host = value;
    else if (!strcmp(part, "port"))
        take_port(config, value);
    else if (strcmp(part, "reconnect") || strcmp(value, "0"))
        if (!take_switch(config, part, value))
            die("%s: %s=%s is not supported", config->from, part, value);
}

static void take_chardev_parts(struct chardev_config *config, const char *rest)
{
    while (*rest)
        take_chardev_part(config, next_part(&rest));
}

static struct chardev_config *new_chardev(struct reading *reading, const char *option,
                                          const char *argument)
{
    struct chardev_config *config = arena_alloc(&options_arena, sizeof(*config));

    *config = (struct chardev_config){ .waits = true };
    config->from = arena_printf(&options_arena, "%s %s", option, argument);
    *reading->last_chardev = config;
    reading->last_chardev = &config->next;
    return config;
}

static void take_chardev(struct reading *reading, const char *argument)
{
    struct chardev_config *config = new_chardev(reading, "-chardev", argument);

    config->kind = next_part(&argument);
    take_chardev_parts(config, argument);
    if (!config->id)
        die("%s: want id=NAME", config->from);
}

/* ------------------------------------------------------------------ the same in short */

/* HOST:PORT; HOST may be empty, or an address in brackets. */
static void take_address(struct chardev_config *config, char *text)
{
    char *colon = strrchr(text, ':');
    size_t length;

    if (!colon)
        die("%s: want HOST:PORT", config->from);
    *colon = 0;
    take_port(config, colon + 1);
    length = strlen(text);
    if (length > 1 && text[0] == '[' && text[length - 1] == ']') {
        text[length - 1] = 0;
        text++;
    }
    config->host = *text ? text : NULL;
}

/* Words before a colon, the kind that they mean, and whether an address follows. */
static const struct chardev_word {
    const char *prefix, *kind;
    bool has_address, is_telnet;
} chardev_words[] = {
    { "file:", "file", false, false },   { "pipe:", "pipe", false, false },
    { "unix:", "socket", false, false }, { "tcp:", "socket", true, false },
    { "telnet:", "socket", true, true },
};

static void take_short(struct chardev_config *config, const char *text)
{
    for (size_t i = 0; i < sizeof(chardev_words) / sizeof(*chardev_words); i++) {
        const struct chardev_word *word = &chardev_words[i];
        size_t length = strlen(word->prefix);
        char *path;

        if (strncmp(text, word->prefix, length))
            continue;
        text += length;
        config->kind = word->kind;
        config->is_telnet = word->is_telnet;
        path = next_part(&text);
        if (!*path)
            die("%s: want more behind the colon", config->from);
        if (word->has_address)
            take_address(config, path);
        else
            config->path = path;
        take_chardev_parts(config, text);
        return;
    }
    config->kind = text;
}

const char *chardev_in_short(struct reading *reading, const char *option,
                             const char *text, const char *id)
{
    bool is_mux = !strncmp(text, "mon:", 4);
    struct chardev_config *config;

    if (!strcmp(text, "none"))
        return NULL;
    if (!strncmp(text, "chardev:", 8))
        return text + 8;
    config = new_chardev(reading, option, text);
    config->id = id;
    config->is_mux = is_mux;
    config->no_signals = is_mux;
    take_short(config, is_mux ? text + 4 : text);
    if (is_mux)
        new_monitor(reading, config->from, id, MONITOR_HUMAN);
    return id;
}

static void take_serial(struct reading *reading, const char *argument)
{
    unsigned number = reading->serials++;

    if (number == MACHINE_SERIALS)
        die("-serial %s: a machine has at most %d", argument, MACHINE_SERIALS);
    reading->has_serial = true;
    reading->options->machine.serials[number] = chardev_in_short(
        reading, "-serial", argument, arena_printf(&options_arena, "serial%u", number));
}

void finish_consoles(struct reading *reading)
{
    if (!reading->has_serial && (reading->is_nographic || !reading->has_no_display))
        take_serial(reading, reading->has_monitor ? "stdio" : "mon:stdio");
    else if (reading->is_nographic && !reading->has_monitor)
        take_monitor(reading, "stdio");
    reading->options->machine.monitors = reading->monitors;
    reading->options->machine.chardevs = reading->chardevs;
}

const struct option console_options[] = {
    { "serial", "TO", take_serial,
      "stdio, pty, file:PATH, pipe:PATH, unix:PATH, tcp:HOST:PORT, telnet:HOST:PORT "
      "(,server=on,wait=off), null, none, chardev:ID; mon:TO: with Ctrl-A" },
    { "chardev", "KIND,id=ID[,...]", take_chardev,
      "the same by name: stdio, pty, file, pipe, socket, null; path=, host=, port=, "
      "server=, wait=, telnet=, mux=" },
    { "nographic", NULL, take_nographic,
      "serial line on the terminal; Ctrl-A x ends it" },
    { "display", "none", take_display, "no display" },
    { "vga", "none", take_none, NULL },
    { "parallel", "none", take_none, NULL },
    { NULL, NULL, NULL, NULL },
};
