/* options_semihosting.c - what programs may ask of the host. */
#include <string.h>

#include "base/arena.h"
#include "base/report.h"
#include "sys/options_read.h"

static void take_semihosting(struct reading *reading, const char *argument)
{
    (void)argument;
    reading->options->machine.semihosting.is_on = true;
}

/* Where the calls go: only here. */
static void check_target(const char *target)
{
    if (strcmp(target, "native") && strcmp(target, "auto"))
        die("-semihosting-config: target=%s is not supported; there are native, auto",
            target);
}

static void take_part(struct semihosting_config *config, const char *name,
                      const char *value)
{
    const char *line = config->command_line;

    if (!strcmp(name, "enable"))
        config->is_on = value_is_on("-semihosting-config", name, value);
    else if (!strcmp(name, "userspace"))
        config->allows_users = value_is_on("-semihosting-config", name, value);
    else if (!strcmp(name, "target"))
        check_target(value);
    else if (!strcmp(name, "chardev"))
        config->chardev = value;
    else if (!strcmp(name, "arg"))
        config->command_line =
            line ? arena_printf(&options_arena, "%s %s", line, value) : value;
    else
        die("-semihosting-config: %s is not known; there are enable, target, userspace, "
            "chardev, arg",
            name);
}

static void take_config(struct reading *reading, const char *argument)
{
    struct semihosting_config *config = &reading->options->machine.semihosting;

    config->is_on = true;
    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        take_part(config, part, value);
    }
}

const struct option semihosting_options[] = {
    { "semihosting", NULL, take_semihosting,
      "programs may use the host's files, and end the machine" },
    { "semihosting-config", "...", take_config,
      "the same: enable=, arg=TEXT..., chardev=ID (the console), userspace=on" },
    { NULL, NULL, NULL, NULL },
};
