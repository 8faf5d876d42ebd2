/* board_device.c - what a board says of one device: its registers, lines, properties and
 * its node in the device tree. */
#include <string.h>

#include "sys/board_parts.h"

enum { MAX_WORDS = 16 };

static struct board_device *last_device(struct reader *reader)
{
    struct board_device *device = reader->board->devices;

    while (device->next)
        device = device->next;
    return device;
}

static void add_cpu_lines(struct reader *reader, struct board_device *device,
                          const char *which)
{
    const char *words[MAX_WORDS];
    unsigned count = 0, first = 0, last = reader->board->cpus;
    struct board_place place = reader->token.place;
    uint64_t number;

    if (strcmp(which, "*")) {
        if (!board_number(which, &number) || number >= last)
            reader_fail(reader, place, "there is no `cpu%s`", which);
        first = (unsigned)number;
        last = first + 1;
    }
    while (reader->token.kind == TOKEN_WORD && count < MAX_WORDS)
        words[count++] = reader_word(reader, "a line");
    if (!count)
        reader_fail(reader, place, "want the CPU's line");
    for (unsigned cpu = first; cpu < last; cpu++) {
        for (unsigned i = 0; i < count; i++) {
            struct board_irq *irq = reader_append(reader, &device->irqs, sizeof(*irq));

            irq->place = place;
            irq->cpu = cpu;
            irq->cpu_line = words[i];
        }
    }
}

/* irq DEVICE LINE..., irq cpu* LINE..., irq cpu0 LINE...: the next outputs. */
static void read_irq(struct reader *reader, struct board_device *device)
{
    struct board_place place = reader->token.place;
    const char *target = reader_word(reader, "where the line leads");

    if (!strncmp(target, "cpu", 3)) {
        add_cpu_lines(reader, device, target + 3);
        return;
    }
    do {
        struct board_irq *irq = reader_append(reader, &device->irqs, sizeof(*irq));

        irq->place = place;
        irq->device = target;
        irq->line = (unsigned)reader_number(reader, "the number of its line");
    } while (reader->token.kind == TOKEN_WORD);
}

static void read_range(struct reader *reader, struct board_device *device)
{
    struct board_range *range = reader_append(reader, &device->ranges, sizeof(*range));

    range->place = reader->token.place;
    reader_at(reader, &range->addr, &range->size_bytes);
    if (reader_is_word(reader, "region")) {
        reader_advance(reader);
        range->region = (unsigned)reader_number(reader, "a region's number");
    }
}

static void read_device_node(struct reader *reader, struct board_device *device)
{
    struct board_place place = reader->token.place;
    const char *path = reader_word(reader, "the path of its node");
    const char *slash = strrchr(path, '/');

    if (path[0] != '/' || !slash[1])
        reader_fail(reader, place, "a node's path is as /soc/serial, not `%s`", path);
    device->parent = arena_strndup(reader->arena, path, (size_t)(slash - path));
    device->node = reader_new_node(reader, slash + 1);
    device->node->place = place;
    device->node->device = device;
    reader_expect_mark(reader, '{');
    reader_node_body(reader, device->node);
}

static void read_device_statement(struct reader *reader)
{
    struct board_device *device = last_device(reader);
    struct board_place place = reader->token.place;
    const char *word = reader_word(reader, "a statement about the device or `}`");

    if (!strcmp(word, "at"))
        read_range(reader, device);
    else if (!strcmp(word, "in"))
        device->in = reader_word(reader, "the device that it is plugged into");
    else if (!strcmp(word, "irq"))
        read_irq(reader, device);
    else if (!strcmp(word, "set"))
        reader_setting(reader, &device->settings);
    else if (!strcmp(word, "node"))
        read_device_node(reader, device);
    else if (strcmp(word, "when"))
        reader_fail(reader, place, "`%s`: want at, in, irq, set, node or when", word);
    else if (reader_when(reader))
        reader_block(reader, read_device_statement);
}

void reader_device(struct reader *reader)
{
    struct board_place place = reader->token.place;
    const char *name = reader_word(reader, "the device's name");
    struct board_device *device;

    if (board_find_device(reader->board, name))
        reader_fail(reader, place, "there is a `%s` already", name);
    if (!strncmp(name, "cpu", 3))
        reader_fail(reader, place, "`%s`: names that begin with cpu are the CPUs'", name);
    device = reader_append(reader, &reader->board->devices, sizeof(*device));
    device->name = name;
    device->place = reader->token.place;
    device->class = reader_word(reader, "the kind of device");
    if (reader_is_mark(reader, '{'))
        reader_block(reader, read_device_statement);
}
