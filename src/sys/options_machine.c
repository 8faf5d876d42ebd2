/* options_machine.c - what the machine is, and how it starts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/report.h"
#include "interp/accel.h"
#include "interp/jit.h"
#include "sys/boards.h"
#include "sys/options_read.h"

static void take_accel(struct reading *reading, const char *argument)
{
    if (is_help(argument)) {
        puts("Accelerators supported: " ACCEL_MACHINE_ENGINES
             "; tcg is the fastest, qtest none at all");
        exit(0);
    }
    reading->accel = argument;
    reading->options->machine.is_qtest = !strcmp(argument, "qtest");
    if (!reading->options->machine.is_qtest)
        reading->options->machine.engine = accel_choose(argument);
}

static void machine_help(const struct reading *reading)
{
    char error[BOARD_ERROR];
    const char *path =
        boards_find(reading->machine ? reading->machine : "virt", reading->isa);
    struct board *board = board_read(path, NULL, error);

    if (!board)
        die("%s", error);
    printf("%s: %s\n%s\n", board->name, board->doc, board->path);
    printf("  memory %llu MiB (-m), CPUs %u to %u (-smp)\n",
           (unsigned long long)(board->memory_bytes >> 20), board->cpus, board->max_cpus);
    for (const struct board_option *o = board->options; o; o = o->next)
        printf("  %s=%s  %s (default %s)\n", o->name, o->choices, o->doc, o->value);
    for (const struct board_device *d = board->devices; d; d = d->next)
        printf("  device %-10s %-14s at 0x%llx\n", d->name, d->class,
               (unsigned long long)(d->ranges ? d->ranges->addr : 0));
    board_free(board);
    exit(0);
}

/* What --explain says of -M: not what the board's file says. */
static void keep_part(struct reading *reading, const char *name, const char *value)
{
    const char **kept = &reading->options->kept_of_machine;

    *kept = arena_printf(&options_arena, "%s,%s=%s", *kept ? *kept : "", name, value);
}

static void take_machine_part(struct reading *reading, char *part)
{
    char *value = strchr(part, '=');

    if (is_help(part))
        machine_help(reading);
    if (!value)
        die("-M: want OPTION=VALUE, not `%s`", part);
    *value++ = 0;
    if (!strcmp(part, "dumpdtb")) {
        reading->options->dump_tree = value;
    } else if (!strcmp(part, "accel")) {
        take_accel(reading, value);
        keep_part(reading, part, value);
    } else if (!strcmp(part, "pflash0") || !strcmp(part, "pflash1")) {
        reading->options->machine.flashes[part[6] - '0'] = value;
        keep_part(reading, part, value);
    } else if (!strcmp(part, "memory-backend")) {
        reading->memory_backend = value;
        keep_part(reading, part, value);
    } else if (!strcmp(part, "type")) {
        reading->machine = value;
    } else {
        add_setting(&reading->board_options, part, value);
    }
}

static void take_machine(struct reading *reading, const char *argument)
{
    char *part = next_part(&argument);

    keep_nothing(reading);
    if (is_help(part)) {
        boards_list(reading->isa);
        exit(0);
    }
    if (strchr(part, '='))
        take_machine_part(reading, part);
    else
        reading->machine = part;
    while (*argument)
        take_machine_part(reading, next_part(&argument));
}

/* 512 (MiB), 512M, 2G, size=1G */
static void take_memory(struct reading *reading, const char *argument)
{
    const char *text = strncmp(argument, "size=", 5) ? argument : argument + 5;
    size_t length = strlen(text);
    uint64_t size;

    keep_nothing(reading);
    if (!board_number(text, &size) || !size)
        die("-m %s: want a size in MiB, as 512, or as 2G", argument);
    if (text[length - 1] >= '0' && text[length - 1] <= '9')
        size = size > UINT64_MAX >> 20 ? 0 : size << 20;
    if (!size || size % 4096)
        die("-m %s: not a size that a machine has", argument);
    reading->options->machine.choices.memory_bytes = size;
}

static void take_smp(struct reading *reading, const char *argument)
{
    const char *text = strncmp(argument, "cpus=", 5) ? argument : argument + 5;
    uint64_t count;

    keep_nothing(reading);
    if (!board_number(text, &count) || !count || count > 512)
        die("-smp %s: want a number of CPUs", argument);
    reading->options->machine.choices.cpus = (unsigned)count;
}

static void take_cpu(struct reading *reading, const char *argument)
{
    if (*argument == ',')
        die("-cpu %s: want the name of a model", argument);
    keep_nothing(reading);
    reading->options->machine.cpu_model = argument;
}

static void take_kernel(struct reading *reading, const char *argument)
{
    reading->options->machine.kernel = argument;
}

static void take_initrd(struct reading *reading, const char *argument)
{
    reading->options->machine.initrd = argument;
}

static void take_append(struct reading *reading, const char *argument)
{
    reading->options->machine.command_line = argument;
}

static void take_dtb(struct reading *reading, const char *argument)
{
    reading->options->machine.dtb = argument;
}

static void take_bios(struct reading *reading, const char *argument)
{
    reading->options->machine.bios = argument;
}

static void take_no_reboot(struct reading *reading, const char *argument)
{
    (void)argument;
    reading->options->machine.no_reboot = true;
}

static void take_no_shutdown(struct reading *reading, const char *argument)
{
    (void)argument;
    reading->options->machine.no_shutdown = true;
}

/* NAME, or guest=NAME; what else QEMU takes is about its processes. */
static void take_name(struct reading *reading, const char *argument)
{
    while (*argument) {
        char *part = next_part(&argument);
        const char *value = strchr(part, '=') ? split_value(part) : NULL;

        if (!value)
            reading->options->machine.name = part;
        else if (!strcmp(part, "guest"))
            reading->options->machine.name = value;
        else if (strcmp(part, "process") && strcmp(part, "debug-threads"))
            die("-name: %s=%s is not supported", part, value);
    }
}

static void take_uuid(struct reading *reading, const char *argument)
{
    for (size_t i = 0; i < 37; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = argument[i];

        if (i == 36   ? c != 0
            : is_dash ? c != '-'
                      : !((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f')))
            die("-uuid %s: want 8-4-4-4-12 hexadecimal digits", argument);
    }
    reading->options->machine.uuid = argument;
}

static void take_explain(struct reading *reading, const char *argument)
{
    (void)argument;
    keep_nothing(reading);
    reading->options->is_explained = true;
}

static void take_gdb(struct reading *reading, const char *argument)
{
    reading->options->machine.gdb = argument;
}

static void take_gdb_here(struct reading *reading, const char *argument)
{
    (void)argument;
    reading->options->machine.gdb = "tcp::1234";
}

static void take_stopped(struct reading *reading, const char *argument)
{
    (void)argument;
    reading->options->machine.is_stopped = true;
}

#if HAS_JIT
static void take_jit_stats(struct reading *reading, const char *argument)
{
    (void)reading;
    (void)argument;
    jit_options.stats = true;
}

static void take_jit_exits(struct reading *reading, const char *argument)
{
    take_jit_stats(reading, argument);
    jit_options.exits = true;
}
#endif

const struct option machine_options[] = {
    { "M", "NAME[,OPTION=VALUE]...", take_machine,
      "the machine: a board's name or file; -M help, -M NAME,help, dumpdtb=FILE" },
    { "machine", "...", take_machine, NULL },
    { "m", "SIZE", take_memory, "memory, in MiB or as 2G" },
    { "smp", "N", take_smp, "number of CPUs" },
    { "cpu", "MODEL", take_cpu, "the model of the CPU" },
    { "accel", "NAME", take_accel,
      "what executes it: " ACCEL_MACHINE_ENGINES ACCEL_MACHINE_CACHE },
    { "kernel", "FILE", take_kernel, "a kernel: Image, also gzip'ed, or ELF" },
    { "initrd", "FILE", take_initrd, "its initial disk" },
    { "append", "[TEXT]", take_append, "its command line" },
    { "dtb", "FILE", take_dtb, "a device tree instead of the board's" },
    { "bios", "FILE", take_bios, "firmware, raw or ELF; none; default" },
    { "explain", NULL, take_explain, "print this machine as a board's file, and end" },
    { "fw_cfg", "NAME,...", take_fw_cfg, "an item for firmware: file=FILE, string=TEXT" },
    { "no-reboot", NULL, take_no_reboot, "end instead of starting again" },
    { "no-shutdown", NULL, take_no_shutdown, "when the guest has ended, only stop" },
    { "name", "NAME", take_name, "a name, for monitors" },
    { "uuid", "UUID", take_uuid, "a UUID, for monitors and firmware" },
    { "gdb", "tcp::PORT", take_gdb, "gdb may connect there; or unix:PATH" },
#if HAS_JIT
    { "jit-stats", NULL, take_jit_stats,
      "print at the end what was executed by what, and compiled (slower)" },
    { "jit-exits", NULL, take_jit_exits,
      "the same, and where compiled regions are left" },
#endif
    { "s", NULL, take_gdb_here, "the same as -gdb tcp::1234" },
    { "S", NULL, take_stopped, "it does not run before a debugger or monitor says so" },
    { NULL, NULL, NULL, NULL },
};
