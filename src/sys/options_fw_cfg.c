/* options_fw_cfg.c - `-fw_cfg`. */
#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/report.h"
#include "sys/fw_items.h"
#include "sys/options_read.h"

/* The first part may be the name alone. */
void take_fw_cfg(struct reading *reading, const char *argument)
{
    struct fw_cfg_config **last = &reading->options->machine.fw_items;
    struct fw_cfg_config *config = arena_alloc(&options_arena, sizeof(*config));

    *config = (struct fw_cfg_config){ NULL };
    while (*argument) {
        char *part = next_part(&argument);
        bool is_name = !config->name && !strchr(part, '=');
        const char *value = split_value(part);

        if (is_name)
            config->name = part;
        else if (!strcmp(part, "name"))
            config->name = value;
        else if (!strcmp(part, "file"))
            config->file = value;
        else if (!strcmp(part, "string"))
            config->text = value;
        else
            die("-fw_cfg: %s is not known; there are name, file, string", part);
    }
    if (!config->name || !config->file == !config->text)
        die("-fw_cfg wants [name=]NAME, and file=FILE or string=TEXT");
    while (*last)
        last = &(*last)->next;
    *last = config;
}
