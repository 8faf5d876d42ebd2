/* options.c - the options of `rhea boot`.  Spelling and meaning are QEMU's; "-x" and
 * "--x" are the same.  What is not supported is an error that says so. */
#include "sys/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "sys/boards.h"
#include "sys/options_read.h"

struct arena options_arena;

char *next_part(const char **text)
{
    char *part = arena_strndup(&options_arena, *text, strlen(*text)), *to = part;

    while (**text && (**text != ',' || (*text)[1] == ',')) {
        *text += **text == ',';
        *to++ = *(*text)++;
    }
    *to = 0;
    *text += **text == ',';
    return part;
}

const char *split_value(char *part)
{
    char *value = strchr(part, '=');

    if (value)
        *value++ = 0;
    return value ? value : "on";
}

void add_setting(struct board_setting **settings, const char *name, const char *value)
{
    while (*settings)
        settings = &(*settings)->next;
    *settings = arena_alloc(&options_arena, sizeof(**settings));
    **settings = (struct board_setting){ .name = name, .value = value };
}

const char *taken_id(const char *option, const char *id)
{
    bool is_right = (*id | 32) >= 'a' && (*id | 32) <= 'z';

    for (const char *at = id; *at && is_right; at++)
        is_right = ((*at | 32) >= 'a' && (*at | 32) <= 'z') ||
                   (*at >= '0' && *at <= '9') || strchr("-._", *at);
    if (!is_right)
        die("%s: id=%s: want a letter, and behind it letters, digits and - . _", option,
            id);
    return id;
}

bool is_help(const char *text)
{
    return !strcmp(text, "help") || !strcmp(text, "?");
}

bool value_is_on(const char *option, const char *name, const char *value)
{
    if (strcmp(value, "on") && strcmp(value, "off"))
        die("%s: %s=%s: want on or off", option, name, value);
    return !strcmp(value, "on");
}

/* --------------------------------------------------------------------------- tables */

static void take_help(struct reading *reading, const char *argument);

static void take_version(struct reading *reading, const char *argument)
{
    (void)reading;
    (void)argument;
    printf("rhea boot (development version)\n");
    exit(0);
}

static const struct option other_options[] = {
    { "version", NULL, take_version, NULL },
    { "help", NULL, take_help, "this list" },
    { "h", NULL, take_help, NULL },
    { NULL, NULL, NULL, NULL },
};

static const struct area {
    const char *title;
    const struct option *options;
} areas[] = {
    { "The machine", machine_options },
    { "Disks", disk_options },
    { "Networks", net_options },
    { "Further devices", device_options },
    { "Memory and other objects", object_options },
    { "Consoles", console_options },
    { "Monitors", monitor_options },
    { "Semihosting", semihosting_options },
    { "Time and chance", time_options },
    { "What is shown", log_options },
    { "Other", other_options },
    { NULL, NULL },
};

static void show_help(const struct option *option)
{
    char left[64];

    if (!option->help)
        return;
    snprintf(left, sizeof(left), "-%s %s", option->word,
             option->argument ? option->argument : "");
    printf("  %-32s %s\n", left, option->help);
}

static void take_help(struct reading *reading, const char *argument)
{
    (void)reading;
    (void)argument;
    printf("rhea boot [OPTION]...   boots a whole machine; options are QEMU's\n\n");
    for (const struct area *area = areas; area->title; area++) {
        printf("%s:\n", area->title);
        for (const struct option *o = area->options; o->word; o++)
            show_help(o);
    }
    exit(0);
}

/* Calls `each` with the name of every option. */
void options_each(void (*each)(void *context, const char *word), void *context)
{
    for (const struct area *area = areas; area->title; area++)
        for (const struct option *o = area->options; o->word; o++)
            each(context, o->word);
}

/* ----------------------------------------------------------------------------- all */

void keep_nothing(struct reading *reading)
{
    reading->keep.word = NULL;
}

/* For --explain; what is read may say otherwise. */
static void take_option(struct reading *reading, const struct option *option,
                        const char *argument)
{
    struct kept_option *kept;

    reading->keep = (struct kept_option){ .word = option->word, .argument = argument };
    option->take(reading, argument);
    if (!reading->keep.word)
        return;
    kept = arena_alloc(&options_arena, sizeof(*kept));
    *kept = reading->keep;
    *reading->last_kept = kept;
    reading->last_kept = &kept->next;
}

static const struct option *find_option(const char *word)
{
    const char *name = word + 1 + (word[1] == '-');

    for (const struct area *area = areas; area->title; area++)
        for (const struct option *o = area->options; o->word; o++)
            if (!strcmp(o->word, name))
                return o;
    die("the option %s is not known, or not supported yet; see --help", word);
}

/* As rhea-system-riscv64: of that machine. */
static const char *isa_of_name(const char *called)
{
    static const char prefix[] = "rhea-system-";
    const char *slash = strrchr(called, '/'), *name = slash ? slash + 1 : called;

    return strncmp(name, prefix, sizeof(prefix) - 1) ? "riscv64"
                                                     : name + sizeof(prefix) - 1;
}

/* What is optional is in brackets. */
static bool may_be_empty(const struct option *option)
{
    return option->argument[0] == '[';
}

void options_read(struct options *into, int argc, char **argv)
{
    struct reading reading = { .options = into, .isa = isa_of_name(argc ? argv[0] : "") };

    reading.last_kept = &into->kept;
    reading.last_drive = &reading.drives;
    reading.last_plug = &reading.plugs;
    reading.last_net = &reading.nets;
    reading.last_chardev = &reading.chardevs;
    reading.last_monitor = &reading.monitors;
    for (int i = 1; i < argc; i++) {
        const struct option *option;

        if (argv[i][0] != '-' || !argv[i][1])
            die("`%s`: want an option", argv[i]);
        option = find_option(argv[i]);
        if (option->argument &&
            (i + 1 == argc || (!*argv[i + 1] && !may_be_empty(option))))
            die("%s wants %s", argv[i], option->argument);
        take_option(&reading, option, option->argument ? argv[++i] : NULL);
    }
    if (!reading.machine)
        die("no machine: say -M virt, or see -M help");
    finish_consoles(&reading);
    finish_memory(&reading);
    finish_drives(&reading);
    finish_time(&reading);
    finish_log(&reading);
    into->machine.plugs = reading.plugs;
    into->machine.nets = reading.nets;
    into->machine.net_dumps = reading.net_dumps;
    into->machine.choices.options = reading.board_options;
    into->machine.board_path = boards_find(reading.machine, reading.isa);
}
