/* options_monitor.c - monitors: for people, for programs, for tests of devices. */
#include <string.h>

#include "base/report.h"
#include "sys/options_read.h"

static struct monitor_config *add_monitor(struct reading *reading, const char *from,
                                          const char *chardev, enum monitor_mode mode)
{
    struct monitor_config *config = arena_alloc(&options_arena, sizeof(*config));

    *config = (struct monitor_config){ .from = from, .chardev = chardev, .mode = mode };
    *reading->last_monitor = config;
    reading->last_monitor = &config->next;
    reading->has_monitor |= mode == MONITOR_HUMAN;
    return config;
}

void new_monitor(struct reading *reading, const char *from, const char *chardev,
                 enum monitor_mode mode)
{
    add_monitor(reading, from, chardev, mode);
}

/* On a line that is said in short; none for `none`. */
static void in_short(struct reading *reading, const char *option, const char *argument,
                     enum monitor_mode mode, bool is_pretty)
{
    const char *id =
        arena_printf(&options_arena, "compat_monitor%u", reading->monitor_count++);
    const char *from = arena_printf(&options_arena, "%s %s", option, argument);

    if (!strncmp(argument, "mon:", 4)) /* it is one */
        argument += 4;
    id = chardev_in_short(reading, option, argument, id);
    reading->has_monitor |= mode == MONITOR_HUMAN;
    if (id)
        add_monitor(reading, from, id, mode)->is_pretty = is_pretty;
}

void take_monitor(struct reading *reading, const char *argument)
{
    in_short(reading, "-monitor", argument, MONITOR_HUMAN, false);
}

static void take_qmp(struct reading *reading, const char *argument)
{
    in_short(reading, "-qmp", argument, MONITOR_CONTROL, false);
}

static void take_pretty_qmp(struct reading *reading, const char *argument)
{
    in_short(reading, "-qmp-pretty", argument, MONITOR_CONTROL, true);
}

static void take_qtest(struct reading *reading, const char *argument)
{
    in_short(reading, "-qtest", argument, MONITOR_QTEST, false);
}

static void take_qtest_log(struct reading *reading, const char *argument)
{
    (void)reading;
    if (strcmp(argument, "none") && strcmp(argument, "/dev/null"))
        die("-qtest-log %s is not supported; there is none", argument);
}

static enum monitor_mode mode_of(const char *text)
{
    if (!strcmp(text, "readline"))
        return MONITOR_HUMAN;
    if (strcmp(text, "control"))
        die("-mon: mode=%s is not supported; there are readline and control", text);
    return MONITOR_CONTROL;
}

static void take_mon(struct reading *reading, const char *argument)
{
    const char *from = arena_printf(&options_arena, "-mon %s", argument);
    struct monitor_config config = { .mode = MONITOR_HUMAN };

    while (*argument) {
        char *part = next_part(&argument);
        const char *value = strchr(part, '=') ? split_value(part) : NULL;

        if (!value)
            config.chardev = part;
        else if (!strcmp(part, "chardev"))
            config.chardev = value;
        else if (!strcmp(part, "mode"))
            config.mode = mode_of(value);
        else if (!strcmp(part, "pretty"))
            config.is_pretty = !strcmp(value, "on");
        else
            die("%s: %s=%s is not supported", from, part, value);
    }
    if (!config.chardev)
        die("%s: want chardev=ID", from);
    add_monitor(reading, from, config.chardev, config.mode)->is_pretty = config.is_pretty;
}

const struct option monitor_options[] = {
    { "monitor", "TO", take_monitor,
      "commands of a person come from there, see -serial; none: no monitor" },
    { "qmp", "TO", take_qmp, "the same for programs: QMP" },
    { "qmp-pretty", "TO", take_pretty_qmp, NULL },
    { "mon", "CHARDEV[,mode=...]", take_mon,
      "either, on a -chardev: mode=readline|control, pretty=on" },
    { "qtest", "TO", take_qtest, "tests of devices: QEMU's qtest; see -accel qtest" },
    { "qtest-log", "none", take_qtest_log, NULL },
    { NULL, NULL, NULL, NULL },
};
