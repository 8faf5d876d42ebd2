/* explain.c - a machine as a board's file: see explain.h. */
#include "sys/explain.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/report.h"
#include "dev/dev.h"
#include "sys/block/block.h"
#include "sys/drives.h"
#include "sys/machine_parts.h"
#include "sys/net/net.h"
#include "sys/options_read.h"

/* ----------------------------------------------------------------- only looked at */

/* Lines and networks that lead nowhere, by the same names. */
static const struct chardev_config *no_lines(const struct chardev_config *lines)
{
    struct chardev_config *first = NULL, **last = &first;

    for (; lines; lines = lines->next, last = &(*last)->next) {
        *last = arena_alloc(&options_arena, sizeof(**last));
        **last = (struct chardev_config){
            .from = lines->from, .id = lines->id, .kind = "null", .is_mux = lines->is_mux
        };
    }
    return first;
}

static const struct drive_config *read_only(const struct drive_config *drives)
{
    struct drive_config *first = NULL, **last = &first;

    for (; drives; drives = drives->next, last = &(*last)->next) {
        *last = arena_alloc(&options_arena, sizeof(**last));
        **last = *drives;
        (*last)->next = NULL;
        (*last)->flags &= ~(unsigned)(DISK_WRITABLE | DISK_SNAPSHOT);
    }
    return first;
}

static const struct net_config *no_nets(const struct net_config *nets)
{
    struct net_config *first = NULL, **last = &first;

    for (; nets; nets = nets->next, last = &(*last)->next) {
        *last = arena_alloc(&options_arena, sizeof(**last));
        **last = (struct net_config){ .id = nets->id,
                                      .kind = nets->kind,
                                      .leads_nowhere = true };
    }
    return first;
}

void explain_prepare(struct machine_config *config)
{
    config->chardevs = no_lines(config->chardevs);
    config->drives = read_only(config->drives);
    config->nets = no_nets(config->nets);
    config->net_dumps = NULL;
    config->monitors = NULL;
    config->gdb = NULL;
    config->backing = NULL;
}

/* ------------------------------------------------------------------------- options */

static bool is_safe(const char *text)
{
    return *text &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                        "-_./:=,+@%") == strlen(text);
}

/* As a shell reads it. */
static void print_quoted(const char *text)
{
    if (is_safe(text)) {
        fputs(text, stdout);
        return;
    }
    putchar('\'');
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    putchar('\'');
}

static void print_options(const struct options *options)
{
    printf("# What is behind it: rhea boot -M THIS.board%s and\n",
           options->kept_of_machine ? options->kept_of_machine : "");
    for (const struct kept_option *o = options->kept; o; o = o->next) {
        if (o->argument && strchr(o->argument, '\n'))
            die("--explain: -%s: a line break has no place in a board's file", o->word);
        printf("#   -%s", o->word);
        if (o->argument) {
            putchar(' ');
            print_quoted(o->argument);
        }
        putchar('\n');
    }
}

/* ------------------------------------------------------------------------- devices */

static bool is_set(const struct board_device *device, const char *name)
{
    const struct board_setting *setting = device->settings;

    while (setting && strcmp(setting->name, name))
        setting = setting->next;
    return setting != NULL;
}

static void check_settings(const struct board_device *device)
{
    for (const struct board_setting *s = device->settings; s; s = s->next)
        if (strchr(s->value, '\n') || !board_is_word(s->name))
            die("--explain: %s: the property %s has no place in a board's file",
                device->name, s->name);
}

/* The place that it got on its bus. */
static void add_place(const struct part *part)
{
    const struct property *property = part->dev->class->properties;
    struct board_setting **last = &part->board->settings;
    char addr[64];

    while (property && property->name && strcmp(property->name, "addr"))
        property++;
    if (!property || !property->name || is_set(part->board, "addr"))
        return;
    dev_get(part->dev, property, addr, sizeof(addr));
    if (!addr[0])
        return;
    while (*last)
        last = &(*last)->next;
    *last = arena_alloc(&options_arena, sizeof(**last));
    (*last)->name = property->name;
    (*last)->value = arena_printf(&options_arena, "%s", addr);
}

void explain_print(struct machine *machine, const struct options *options)
{
    for (size_t i = 0; i < machine->part_count; i++) {
        if (!machine->parts[i].board)
            continue;
        add_place(&machine->parts[i]);
        check_settings(machine->parts[i].board);
    }
    print_options(options);
    putchar('\n');
    board_write(machine->board, stdout);
    if (fflush(stdout) || ferror(stdout))
        die("--explain: the board could not be written");
}
