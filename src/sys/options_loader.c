/* options_loader.c - `-device loader`. */
#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/report.h"
#include "sys/board.h"
#include "sys/loader.h"
#include "sys/options_read.h"

static uint64_t number(const char *name, const char *value)
{
    uint64_t number;

    if (!board_number(value, &number))
        die("-device loader: %s=%s: want a number", name, value);
    return number;
}

static void take_part(struct loader_config *config, const char *name, const char *value)
{
    if (!strcmp(name, "file")) {
        config->file = value;
    } else if (!strcmp(name, "force-raw")) {
        config->is_raw = value_is_on("-device loader", name, value);
    } else if (!strcmp(name, "data-be")) {
        config->is_big = value_is_on("-device loader", name, value);
    } else if (!strcmp(name, "addr")) {
        config->addr = number(name, value);
        config->has_addr = true;
    } else if (!strcmp(name, "data")) {
        config->data = number(name, value);
        config->has_data = true;
    } else if (!strcmp(name, "data-len")) {
        config->data_size = number(name, value);
    } else if (!strcmp(name, "cpu-num")) {
        config->cpu = number(name, value);
        config->has_cpu = true;
    } else if (strcmp(name, "id")) {
        die("-device loader: %s is not known; there are file, addr, force-raw, cpu-num, "
            "data, data-len, data-be",
            name);
    }
}

static void check(const struct loader_config *config)
{
    uint64_t size = config->data_size;

    if (config->has_data && config->file)
        die("-device loader: file= or data=, not both");
    if (config->has_data != (size != 0) || size > 8)
        die("-device loader: data=NUMBER wants data-len=1 to 8");
    if (config->has_data && size < 8 && config->data >> 8 * size)
        die("-device loader: data=0x%llx has more than %llu bytes",
            (unsigned long long)config->data, (unsigned long long)size);
    if (!config->file && !config->has_addr)
        die("-device loader wants file=FILE or addr=ADDRESS");
    if (!config->file && !config->has_data && !config->has_cpu)
        die("-device loader: addr= wants data=NUMBER, file=FILE or cpu-num=NUMBER");
}

void take_loader(struct reading *reading, const char *argument)
{
    struct loader_config **last = &reading->options->machine.loaders;
    struct loader_config *config = arena_alloc(&options_arena, sizeof(*config));

    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        take_part(config, part, value);
    }
    check(config);
    while (*last)
        last = &(*last)->next;
    *last = config;
}
