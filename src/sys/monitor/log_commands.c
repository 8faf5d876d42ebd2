/* log_commands.c - what is shown of a machine, changed while it runs: log, logfile,
 * trace-event. */
#include <string.h>

#include "base/host.h"
#include "base/log.h"
#include "isa/machine.h"
#include "sys/board.h"
#include "sys/log.h"
#include "sys/machine.h"
#include "sys/monitor/part.h"
#include "sys/vcpu.h"

/* Everybody tells what is wanted now. */
static void apply(struct machine *machine)
{
    struct dev *dev;

    for (unsigned i = 0; i < machine_board(machine)->cpus; i++)
        log_cpu(machine_of(vcpu_cpu(machine_cpu(machine, i))));
    for (size_t i = 0; (dev = machine_dev(machine, i)); i++)
        log_device(dev);
}

static void show_item(void *out, const char *name, const char *help)
{
    out_add(out, "%-14s %s\n", name, help);
}

void command_log(struct call *call)
{
    char items[WORD], error[LOG_ERROR];

    if (!call_word(call, items) || !strcmp(items, "help")) {
        out_add(call->out, "Log items (comma separated):\n");
        show_item(call->out, "none", "remove all logs");
        log_each_item(show_item, call->out);
        return;
    }
    if (!call_ends(call))
        return;
    if (log_change_items(items, error) < 0)
        out_add(call->out, "Error: %s\n", error);
    else
        apply(call->machine);
}

void command_logfile(struct call *call)
{
    char path[WORD];
    int fd;

    if (!call_word(call, path) || !call_ends(call)) {
        out_add(call->out, "want a FILE\n");
        return;
    }
    fd = host_open_file(path, HOST_FILE_WRITE | HOST_FILE_EMPTY);
    if (fd < 0)
        out_add(call->out, "Error: %s: %s\n", path, strerror(-fd));
    else
        log_to(fd);
}

static bool is_of_any(struct machine *machine, const char *pattern)
{
    struct dev *dev;

    for (size_t i = 0; (dev = machine_dev(machine, i)); i++)
        if (log_is_of_device(pattern, dev))
            return true;
    return false;
}

void command_trace_event(struct call *call)
{
    char pattern[WORD], state[WORD], error[LOG_ERROR];
    bool is_wanted;

    if (!call_word(call, pattern) || !call_word(call, state) || !call_ends(call) ||
        (strcmp(state, "on") && strcmp(state, "off"))) {
        out_add(call->out, "want PATTERN on|off\n");
        return;
    }
    is_wanted = !strcmp(state, "on");
    if (is_wanted && !is_of_any(call->machine, pattern))
        out_add(call->out, "Error: %s: the machine has no such device; see info qtree\n",
                pattern);
    else if (log_change_pattern(pattern, is_wanted, error) < 0)
        out_add(call->out, "Error: %s\n", error);
    else
        apply(call->machine);
}

void info_trace_events(struct call *call)
{
    struct dev *dev;

    for (size_t i = 0; (dev = machine_dev(call->machine, i)); i++)
        out_add(call->out, "%s : state %d\n", dev->name, dev->trace != NULL);
}
