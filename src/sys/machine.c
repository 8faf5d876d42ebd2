/* machine.c - puts a board's parts together (its devices: machine_devices.c), and takes
 * them apart; machine_run.c runs them. */
#include "sys/machine_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "dev/dev.h"
#include "isa/engine.h"
#include "sys/backing.h"
#include "sys/board_parts.h"
#include "sys/boot.h"
#include "sys/bus.h"
#include "sys/clock.h"
#include "sys/debugger.h"
#include "sys/drives.h"
#include "sys/fdt.h"
#include "sys/fw_items.h"
#include "sys/image.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/monitor/monitor.h"
#include "sys/net/net.h"
#include "sys/vcpu.h"

/* ------------------------------------------------------------------------- making */

/* Memory was hidden: CPUs may have it in their TLBs. */
static void kick_all(void *context)
{
    struct machine *machine = context;

    for (unsigned cpu = 0; cpu < machine->board->cpus; cpu++)
        if (machine->cpus[cpu])
            vcpu_kick(machine->cpus[cpu]);
}

_Noreturn void board_die(struct board_place place, const char *what)
{
    die("%s:%u:%u: %s", place.path, place.line, place.column, what);
}

/* What -m is about: the first RAM of that size. */
static const struct board_memory *main_memory(const struct board *board)
{
    const struct board_memory *memory = board->memories;

    while (memory && (memory->is_rom || memory->size_bytes != board->memory_bytes))
        memory = memory->next;
    return memory;
}

static void make_memory(struct machine *machine)
{
    const struct board_memory *main = main_memory(machine->board);
    const struct backing_config *backing = machine->config.backing;
    char error[BACKING_ERROR];

    if (backing && !main)
        die("%s: no RAM of it has the size of $memory, for a backing",
            machine->board->path);
    for (const struct board_memory *m = machine->board->memories; m; m = m->next) {
        int result =
            m->is_rom ? bus_add_rom(machine->bus, m->name, m->addr, m->size_bytes, error)
                      : backing_add(m == main ? backing : NULL, machine->bus, m, error);

        if (result < 0 && m == main && backing)
            die("%s", error);
        if (result < 0)
            board_die(m->place, error);
    }
}

static const struct isa *find_isa(const struct board *board)
{
    for (const struct isa *const *isa = isa_list; *isa; isa++)
        if (!strcmp((*isa)->name, board->isa))
            return *isa;
    die("%s: no instruction set `%s` is built in", board->path, board->isa);
}

/* Of all CPUs, with the features that the board adds; NULL: the first one that there is.
 */
static const char *cpu_model(const struct machine *machine)
{
    const struct board *board = machine->board;

    if (!board->cpu_features)
        return board->cpu_model;
    return arena_printf(board_arena(machine->board), "%s,%s",
                        board->cpu_model ? board->cpu_model : "", board->cpu_features);
}

static void make_cpus(struct machine *machine)
{
    const struct board *board = machine->board;
    const char *model = cpu_model(machine);

    machine->isa = find_isa(board);
    machine->cpus = calloc(board->cpus, sizeof(struct vcpu *));
    if (!machine->cpus)
        die("out of memory");
    for (unsigned id = 0; id < board->cpus; id++) {
        struct vcpu_config config = { .isa = machine->isa,
                                      .model = model,
                                      .id = id,
                                      .bus = machine->bus,
                                      .clock = guest_clock_interface(machine->clock),
                                      .timebase_hz = board->timebase_hz,
                                      .engine = machine->config.engine,
                                      .others = id ? machine->cpus[0] : NULL,
                                      .is_driven = machine->config.icount.is_on,
                                      .halted = machine_halted,
                                      .context = machine };

        machine->cpus[id] = vcpu_new(&config);
        if (!machine->cpus[id])
            die("-cpu %s: %s has no such model, or no whole machines",
                model ? model : "default", machine->isa->name);
    }
}

static void make_time(struct machine *machine)
{
    const struct rtc_config *rtc = &machine->config.rtc;

    if (machine->config.icount.is_on)
        machine->icount = icount_new(&machine->config.icount, machine->clock,
                                     machine->loop, machine->cpus, machine->board->cpus);
    if (rtc->is_set)
        guest_clock_set_wall(machine->clock, rtc->wall_ns, rtc->is_guest);
}

static void open_chardevs(struct machine *machine)
{
    struct chardev_host host = { machine->loop, guest_clock_interface(machine->clock),
                                 machine_user_quits, machine,
                                 machine->config.icount.is_on };
    char error[CHARDEV_ERROR];

    machine->chardevs = chardevs_open(machine->config.chardevs, &host);
    machine->monitors =
        monitors_open(machine->config.monitors, machine, machine->chardevs);
    for (unsigned i = 0; i < MACHINE_SERIALS; i++) {
        if (!machine->config.serials[i])
            continue;
        machine->serials[i] =
            chardevs_take(machine->chardevs, machine->config.serials[i], error);
        if (!machine->serials[i])
            die("-serial: %s", error);
    }
}

static struct drives *open_drives(struct machine *machine)
{
    struct drives_host host = { .loop = machine->loop,
                                .clock = machine->icount
                                             ? guest_clock_interface(machine->clock)
                                             : NULL,
                                .failed = machine_drive_failed,
                                .context = machine };

    return drives_open(machine->config.drives, &host);
}

struct machine *machine_new(const struct machine_config *config)
{
    struct machine *machine = calloc(1, sizeof(*machine));
    char error[BOARD_ERROR];

    if (!machine)
        die("out of memory");
    machine->config = *config;
    machine->board = board_read(config->board_path, &config->choices, error);
    if (!machine->board)
        die("%s", error);
    if (config->cpu_model)
        machine->board->cpu_model = config->cpu_model;
    if (!machine->board->timebase_hz)
        die("%s: want `timebase` in the `cpu` block", machine->board->path);
    machine->bus = bus_new(machine->board->address_bits);
    bus_watch_hiding(machine->bus, kick_all, machine);
    machine->clock = guest_clock_new(NULL);
    machine->loop = loop_new(machine->clock, bus_lock(machine->bus));
    machine->power.request = machine_power;
    host_random(machine->seed, sizeof(machine->seed));
    make_memory(machine);
    make_cpus(machine);
    make_time(machine);
    open_chardevs(machine);
    machine_make_semihosting(machine);
    machine->drives = open_drives(machine);
    machine->nets = nets_open(machine->config.nets, machine->config.net_dumps,
                              machine->loop, guest_clock_interface(machine->clock));
    machine_make_devices(machine);
    fw_items_make(machine);
    log_devices_end();
    boot_load(machine);
    machine->is_paused = config->is_stopped;
    machine->state = config->is_stopped ? "prelaunch" : "running";
    if (config->gdb && machine_debug(machine, config->gdb, error) < 0)
        die("-gdb %s", error);
    return machine;
}

void machine_free(struct machine *machine)
{
    machine->is_ending = true;
    debugger_free(machine->debugger);
    monitors_close(machine->monitors);
    for (unsigned cpu = 0; cpu < machine->board->cpus; cpu++)
        vcpu_free(machine->cpus[cpu]);
    for (size_t i = 0; i < machine->part_count; i++) {
        struct irq *irqs = machine->parts[i].dev->irqs;

        dev_free(machine->parts[i].dev);
        free(irqs);
    }
    semihosting_free(machine->semihosting);
    chardevs_close(machine->chardevs);
    drives_close(machine->drives, machine->bus);
    nets_close(machine->nets, machine->bus);
    icount_free(machine->icount);
    loop_free(machine->loop);
    guest_clock_free(machine->clock);
    if (machine->config.backing)
        backing_end(machine->bus, main_memory(machine->board));
    bus_free(machine->bus);
    board_free(machine->board);
    free(machine->tree);
    free(machine->parts);
    free(machine->cpus);
    free(machine);
}

/* -------------------------------------------------------------------- device tree */

const void *machine_make_tree(struct machine *machine, struct fdt_boot *boot,
                              size_t *size)
{
    char error[BOARD_ERROR];
    struct image own;

    boot->command_line = machine->config.command_line;
    memcpy(boot->seed, machine->seed, sizeof(boot->seed));
    free(machine->tree);
    if (machine->config.dtb) {
        if (image_read(&own, machine->config.dtb, false, error) < 0)
            die("-dtb %s", error);
        machine->tree =
            fdt_with_boot(own.bytes, own.size, boot, &machine->tree_size, error);
        image_free(&own);
        if (!machine->tree)
            die("-dtb %s: %s", machine->config.dtb, error);
    } else {
        machine->tree = fdt_of_board(machine->board, boot, &machine->tree_size, error);
        if (!machine->tree)
            die("%s", error);
    }
    *size = machine->tree_size;
    return machine->tree;
}

void machine_dump_tree(struct machine *machine, const char *path)
{
    FILE *file = fopen(path, "wb");
    bool written =
        file && fwrite(machine->tree, 1, machine->tree_size, file) == machine->tree_size;

    if (!written || fclose(file))
        die("%s: %s", path, strerror(errno));
}

/* ---------------------------------------------------------------------- for others */

struct loop *machine_loop(const struct machine *machine)
{
    return machine->loop;
}

struct bus *machine_bus(const struct machine *machine)
{
    return machine->bus;
}

struct board *machine_board(const struct machine *machine)
{
    return machine->board;
}

const struct machine_config *machine_config(const struct machine *machine)
{
    return &machine->config;
}

unsigned machine_bits(const struct machine *machine)
{
    return machine->isa->pc_width;
}

struct vcpu *machine_cpu(const struct machine *machine, unsigned number)
{
    return machine->cpus[number];
}

struct dev *machine_dev(const struct machine *machine, size_t number)
{
    return number < machine->part_count ? machine->parts[number].dev : NULL;
}

struct chardevs *machine_chardevs(const struct machine *machine)
{
    return machine->chardevs;
}

struct drives *machine_drives(const struct machine *machine)
{
    return machine->drives;
}

struct nets *machine_nets(const struct machine *machine)
{
    return machine->nets;
}

struct guest_clock *machine_clock(const struct machine *machine)
{
    return machine->clock;
}
