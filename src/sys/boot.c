/* boot.c - the ways in which machines start. */
#include "sys/boot.h"

#include <string.h>

#include "base/report.h"
#include "sys/bus.h"
#include "sys/loader.h"
#include "sys/loads.h"
#include "sys/machine.h"

static const struct way {
    const char *name;
    void (*load)(struct machine *machine);
} ways[] = {
    { "riscv-sbi", boot_riscv_sbi },
};

const char *boot_setting(const struct board *board, const char *name, unsigned nth)
{
    for (const struct board_setting *s = board->boot_settings; s; s = s->next)
        if (!strcmp(s->name, name) && nth-- == 0)
            return s->value;
    return NULL;
}

void boot_load(struct machine *machine)
{
    const struct board *board = machine_board(machine);

    if (!board->boot)
        die("%s: want a `boot` block: nothing says how it starts", board->path);
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        if (!strcmp(ways[i].name, board->boot)) {
            loads_clear(bus_loads(machine_bus(machine)));
            ways[i].load(machine);
            loader_run(machine, machine_config(machine)->loaders);
            return;
        }
    }
    die("%s: there is no way to start called `%s`", board->path, board->boot);
}
