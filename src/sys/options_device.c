/* options_device.c - devices that are plugged into the board. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/report.h"
#include "dev/dev.h"
#include "sys/options_read.h"

struct board_device *new_plug(struct reading *reading, const char *class)
{
    struct board_device *plug = arena_alloc(&options_arena, sizeof(*plug));

    plug->class = class;
    plug->name = arena_printf(&options_arena, "%s.%u", class, reading->plug_count++);
    *reading->last_plug = plug;
    reading->last_plug = &plug->next;
    return plug;
}

void plug_setting(struct board_device *plug, const char *name, const char *value)
{
    add_setting(&plug->settings, name, value);
}

static const char *kind_name(unsigned kind)
{
    static const char *const names[] = {
        "",       "bool",    "uint32", "uint64", "size",
        "string", "chardev", "drive",  "netdev", "device"
    };

    return kind < sizeof(names) / sizeof(*names) ? names[kind] : "";
}

static void print_properties(const struct dev_class *class)
{
    printf("%s options:\n", class->name);
    for (const struct property *p = class->properties; p && p->name; p++)
        printf("  %s=<%s>%*s - %s\n", p->name, kind_name(p->kind),
               (int)(14 - strlen(p->name)), "", p->doc ? p->doc : "");
}

static void print_reg(const struct reg *reg)
{
    static const char *const access[] = { "", "ro", "wo", "rw" };

    printf("  ");
    if (reg->region)
        printf("region %u ", reg->region);
    printf("0x%06lx %s %s", (unsigned long)reg->offset, access[reg->access & 3],
           reg->name);
    for (unsigned width = 1, first = 1; width <= 8; width *= 2)
        if (reg->widths & width) {
            printf("%s%u", first ? " of " : "/", width);
            first = 0;
        }
    printf(" bytes");
    if (reg->count > 1)
        printf(", %llu of them", (unsigned long long)reg->count);
    printf("\n");
}

static void print_registers(const struct dev_class *class)
{
    printf("%s registers:\n", class->name);
    for (const struct reg *r = class->regs; r && r->name; r++)
        print_reg(r);
}

static void device_help(const char *name)
{
    const struct dev_class *class = dev_class_find(name), *inner = NULL;

    if (!class)
        die("-device %s: there is no such device; see -device help", name);
    if (class->comes_with)
        inner = dev_class_find(class->comes_with);
    printf("%s: %s\n", class->name, class->doc);
    print_properties(class);
    if (inner)
        print_properties(inner);
    print_registers(class);
    if (inner)
        print_registers(inner);
}

static void take_device(struct reading *reading, const char *argument)
{
    char *name = next_part(&argument);
    struct board_device *plug;

    if (is_help(name)) {
        for (size_t i = 0; dev_classes[i]; i++)
            printf("name \"%s\"%s%s, desc \"%s\"\n", dev_classes[i]->name,
                   dev_classes[i]->bus ? ", bus " : "",
                   dev_classes[i]->bus ? dev_classes[i]->bus : "", dev_classes[i]->doc);
        puts("name \"loader\", desc \"a file or number in memory, a CPU's pc: file=, "
             "addr=, "
             "force-raw=, cpu-num=, data=, data-len=, data-be=\"");
        exit(0);
    }
    if (!strcmp(name, "loader")) {
        take_loader(reading, argument);
        return;
    }
    if (is_help(argument)) {
        device_help(name);
        exit(0);
    }
    keep_nothing(reading);
    plug = new_plug(reading, name);
    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        if (!strcmp(part, "id"))
            plug->name = taken_id("-device", value);
        else
            plug_setting(plug, part, value);
    }
}

const struct option device_options[] = {
    { "device", "NAME[,...]", take_device,
      "a further device; -device help, -device NAME,help" },
    { NULL, NULL, NULL, NULL },
};
