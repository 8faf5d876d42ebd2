/* options_log.c - what is shown of a machine while it runs, and where. */
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/log.h"
#include "base/report.h"
#include "sys/options_read.h"

static void take_items(struct reading *reading, const char *argument)
{
    struct machine_log_config *log = &reading->options->log;

    while (*argument) {
        char *item = next_part(&argument);

        if (is_help(item)) {
            log_help();
            exit(0);
        }
        if (!strcmp(item, "trace:help")) {
            log_trace_help();
            exit(0);
        }
        if (!log_add_item(log, item))
            die("-d: there is no item `%s`; see -d help", item);
        reading->has_log = true;
    }
}

/* PATTERN, enable=PATTERN. */
static void take_trace(struct reading *reading, const char *argument)
{
    const char *pattern = strncmp(argument, "enable=", 7) ? argument : argument + 7;

    take_items(reading, arena_printf(&options_arena, "trace:%s", pattern));
}

static void take_file(struct reading *reading, const char *argument)
{
    int fd = host_open_file(argument, HOST_FILE_WRITE | HOST_FILE_EMPTY);

    (void)reading;
    if (fd < 0)
        die("-D %s: %s", argument, strerror(-fd));
    log_to(fd);
}

static void take_filter(struct reading *reading, const char *argument)
{
    code_log_filter(&reading->options->log.code, argument);
}

void finish_log(const struct reading *reading)
{
    if (reading->has_log)
        log_start(&reading->options->log);
}

const struct option log_options[] = {
    { "d", "ITEM,...", take_items, "show what happens: -d help" },
    { "D", "FILE", take_file, "there, not on stderr" },
    { "dfilter", "RANGE,...", take_filter,
      "code of START+SIZE, END-SIZE or START..LAST only" },
    { "trace", "PATTERN", take_trace,
      "show accesses to registers, as 'uart0.*': -trace help" },
    { NULL, NULL, NULL, NULL },
};
