/* machine_semihosting.c - what programs may ask of the host: -semihosting. */
#include "base/arena.h"
#include "base/report.h"
#include "sys/board_parts.h"
#include "sys/clock.h"
#include "sys/machine_parts.h"
#include "sys/vcpu.h"

/* What the kernel is called with, as Linux would say it. */
static const char *kernel_line(const struct machine *machine)
{
    const struct machine_config *config = &machine->config;
    const char *line = config->command_line;

    if (!config->kernel)
        return "";
    return arena_printf(board_arena(machine->board), "%s%s%s", config->kernel,
                        line ? " " : "", line ? line : "");
}

void machine_make_semihosting(struct machine *machine)
{
    const struct semihosting_config *config = &machine->config.semihosting;
    struct semihosting_host host = { .bus = machine->bus,
                                     .clock = guest_clock_interface(machine->clock),
                                     .power = &machine->power,
                                     .command_line = config->command_line,
                                     .cpus = machine->board->cpus,
                                     .may_wait = !machine->config.icount.is_on };
    char error[CHARDEV_ERROR];

    if (!config->is_on)
        return;
    if (config->chardev)
        host.console = chardevs_take(machine->chardevs, config->chardev, error);
    if (config->chardev && !host.console)
        die("-semihosting-config: %s", error);
    if (!host.command_line)
        host.command_line = kernel_line(machine);
    machine->semihosting = semihosting_new(config, &host);
    for (unsigned cpu = 0; cpu < machine->board->cpus; cpu++)
        vcpu_set_semihosting(machine->cpus[cpu], machine->semihosting);
}
