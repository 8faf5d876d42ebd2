/* options.c - the options of `rhea boot`: one row each.  Spelling and meaning are QEMU's;
 * "-x" and "--x" are the same.  What is not supported is an error that says so. */
#include "sys/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/report.h"
#include "dev/dev.h"
#include "interp/accel.h"
#include "sys/block/block.h"
#include "sys/boards.h"
#include "sys/drives.h"
#include "sys/net/net.h"

struct reading {
    struct options *options;
    const char *machine; /* what -M says */
    const char *isa;
    struct board_setting *board_options;
    struct drive_config *drives, **last_drive;
    struct machine_plug *plugs, **last_plug;
    unsigned drive_count, plug_count;
    bool is_snapshot;
    struct net_config *nets, **last_net;
    struct net_dump_config *net_dumps;
    unsigned net_count;
    unsigned serials;
    bool has_serial, is_nographic, has_no_display;
};

static struct arena arena; /* what the command line says stays */

/* Splits `a,b=c`: the next part of *text, which is then behind its comma.  `,,` is a
 * comma. */
static char *next_part(const char **text)
{
    char *part = arena_strndup(&arena, *text, strlen(*text)), *to = part;

    while (**text && (**text != ',' || (*text)[1] == ',')) {
        *text += **text == ',';
        *to++ = *(*text)++;
    }
    *to = 0;
    *text += **text == ',';
    return part;
}

static bool is_help(const char *text)
{
    return !strcmp(text, "help") || !strcmp(text, "?");
}

/* ------------------------------------------------------------------------ machine */

static void take_accel(struct reading *reading, const char *argument)
{
    if (is_help(argument)) {
        puts("Accelerators supported: " ACCEL_MACHINE_ENGINES "; tcg is the fastest");
        exit(0);
    }
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

static void take_machine_part(struct reading *reading, char *part)
{
    char *value = strchr(part, '=');
    struct board_setting *option;

    if (is_help(part))
        machine_help(reading);
    if (!value)
        die("-M: want OPTION=VALUE, not `%s`", part);
    *value++ = 0;
    if (!strcmp(part, "dumpdtb")) {
        reading->options->dump_tree = value;
    } else if (!strcmp(part, "accel")) {
        take_accel(reading, value);
    } else if (!strcmp(part, "type")) {
        reading->machine = value;
    } else {
        option = arena_alloc(&arena, sizeof(*option));
        option->name = part;
        option->value = value;
        option->next = reading->board_options;
        reading->board_options = option;
    }
}

static void take_machine(struct reading *reading, const char *argument)
{
    char *part = next_part(&argument);

    if (is_help(part)) {
        boards_list();
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

    if (!board_number(text, &count) || !count || count > 512)
        die("-smp %s: want a number of CPUs", argument);
    reading->options->machine.choices.cpus = (unsigned)count;
}

static void take_cpu(struct reading *reading, const char *argument)
{
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

/* ----------------------------------------------------------------------- back ends */

static void take_nographic(struct reading *reading, const char *argument)
{
    (void)argument;
    reading->is_nographic = true;
}

static void take_display(struct reading *reading, const char *argument)
{
    if (strcmp(argument, "none"))
        die("-display %s is not supported; there is `none`", argument);
    reading->has_no_display = true;
}

static void take_none(struct reading *reading, const char *argument)
{
    (void)reading;
    if (strcmp(argument, "none") && strcmp(argument, "null"))
        die("`%s` is not supported here yet; there is `none`", argument);
}

static void take_serial(struct reading *reading, const char *argument)
{
    if (reading->serials == MACHINE_SERIALS)
        die("-serial %s: a machine has at most %d", argument, MACHINE_SERIALS);
    reading->has_serial = true;
    reading->options->machine.serials[reading->serials++] = argument;
}

/* Splits `name=value`; without a value it is `on`. */
static const char *split_value(char *part)
{
    char *value = strchr(part, '=');

    if (value)
        *value++ = 0;
    return value ? value : "on";
}

static void set_flag(struct drive_config *drive, unsigned flag, bool is_set)
{
    drive->flags = is_set ? drive->flags | flag : drive->flags & ~flag;
}

/* What a drive may be told, and what comes of it. */
static const struct drive_word {
    const char *name, *value;
    unsigned set, clear; /* of its flags */
} drive_words[] = {
    { "snapshot", "on", DISK_SNAPSHOT, 0 },
    { "snapshot", "off", 0, DISK_SNAPSHOT },
    { "readonly", "on", 0, DISK_WRITABLE },
    { "readonly", "off", DISK_WRITABLE, 0 },
    { "read-only", "on", 0, DISK_WRITABLE },
    { "read-only", "off", DISK_WRITABLE, 0 },
    { "discard", "unmap", DISK_UNMAP, 0 },
    { "discard", "ignore", 0, DISK_UNMAP },
    { "cache", "unsafe", DISK_UNSAFE, 0 },
    { "cache", "writeback", 0, DISK_UNSAFE },
    { "media", "disk", 0, 0 },
    { "if", "virtio", 0, 0 },
};

static void take_drive_word(struct drive_config *drive, const char *name,
                            const char *value)
{
    for (size_t i = 0; i < sizeof(drive_words) / sizeof(*drive_words); i++) {
        const struct drive_word *word = &drive_words[i];

        if (strcmp(word->name, name) || strcmp(word->value, value))
            continue;
        set_flag(drive, word->set, true);
        set_flag(drive, word->clear, false);
        return;
    }
    die("-drive: %s=%s is not supported", name, value);
}

static void take_drive_part(struct drive_config *drive, const char *name,
                            const char *value)
{
    if (!strcmp(name, "file"))
        drive->file = value;
    else if (!strcmp(name, "id"))
        drive->id = value;
    else if (!strcmp(name, "format"))
        drive->format = value;
    else if (!strcmp(name, "serial"))
        drive->serial = value;
    else if (!strcmp(name, "if") && !strcmp(value, "none"))
        drive->is_plugged = false;
    else
        take_drive_word(drive, name, value);
}

static void take_drive(struct reading *reading, const char *argument)
{
    struct drive_config *drive = arena_alloc(&arena, sizeof(*drive));

    *drive = (struct drive_config){ .flags = DISK_WRITABLE, .is_plugged = true };
    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        take_drive_part(drive, part, value);
    }
    if (!drive->file)
        die("-drive wants file=FILE");
    if (!drive->id)
        drive->id = arena_printf(&arena, "drive%u", reading->drive_count);
    reading->drive_count++;
    *reading->last_drive = drive;
    reading->last_drive = &drive->next;
}

static void take_snapshot(struct reading *reading, const char *argument)
{
    (void)argument;
    reading->is_snapshot = true;
}

static struct machine_plug *new_plug(struct reading *reading, const char *class)
{
    struct machine_plug *plug = arena_alloc(&arena, sizeof(*plug));

    plug->class = class;
    plug->name = arena_printf(&arena, "%s.%u", class, reading->plug_count++);
    *reading->last_plug = plug;
    reading->last_plug = &plug->next;
    return plug;
}

static void plug_setting(struct machine_plug *plug, const char *name, const char *value)
{
    struct board_setting *setting = arena_alloc(&arena, sizeof(*setting));

    *setting = (struct board_setting){ .name = name, .value = value };
    setting->next = plug->settings;
    plug->settings = setting;
}

/* ------------------------------------------------------------------------ networks */

static struct net_config *new_net(struct reading *reading, const char *kind)
{
    struct net_config *net = arena_alloc(&arena, sizeof(*net));

    *net = (struct net_config){ .kind = kind };
    net->id = arena_printf(&arena, "net%u", reading->net_count++);
    *reading->last_net = net;
    reading->last_net = &net->next;
    return net;
}

static void net_setting(struct net_config *net, const char *name, const char *value)
{
    struct board_setting **last = &net->settings;

    while (*last)
        last = &(*last)->next;
    *last = arena_alloc(&arena, sizeof(**last));
    **last = (struct board_setting){ .name = name, .value = value };
}

static void take_netdev(struct reading *reading, const char *argument)
{
    struct net_config *net = new_net(reading, next_part(&argument));
    bool has_id = false;

    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        if (strcmp(part, "id")) {
            net_setting(net, part, value);
            continue;
        }
        net->id = value;
        has_id = true;
    }
    if (!has_id)
        die("-netdev %s wants id=NAME", net->kind);
}

/* A network and the card in it. */
static void take_nic(struct reading *reading, const char *argument)
{
    char *kind = next_part(&argument);
    struct machine_plug *card;
    struct net_config *net;

    if (!strcmp(kind, "none"))
        return;
    net = new_net(reading, kind);
    card = new_plug(reading, "virtio-net-device");
    plug_setting(card, "netdev", net->id);
    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        if (!strcmp(part, "mac"))
            plug_setting(card, part, value);
        else if (!strcmp(part, "model"))
            card->class = !strcmp(value, "virtio") ? "virtio-net-device" : value;
        else
            net_setting(net, part, value);
    }
}

static void take_object(struct reading *reading, const char *argument)
{
    struct net_dump_config *dump = arena_alloc(&arena, sizeof(*dump));
    uint64_t most = 0;

    *dump = (struct net_dump_config){ .next = reading->net_dumps };
    if (strcmp(next_part(&argument), "filter-dump"))
        die("-object: there is filter-dump only, so far");
    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        if (!strcmp(part, "netdev"))
            dump->netdev = value;
        else if (!strcmp(part, "file"))
            dump->file = value;
        else if (!strcmp(part, "maxlen") && board_number(value, &most))
            dump->most_bytes = most < UINT32_MAX ? most : UINT32_MAX;
        else if (strcmp(part, "id"))
            die("-object filter-dump: %s=%s is not supported", part, value);
    }
    if (!dump->netdev || !dump->file)
        die("-object filter-dump wants netdev=ID and file=FILE");
    reading->net_dumps = dump;
}

/* A drive that no -device is named for gets one; -snapshot is for all. */
static void finish_drives(struct reading *reading)
{
    for (struct drive_config *d = reading->drives; d; d = d->next) {
        set_flag(d, DISK_SNAPSHOT, (d->flags & DISK_SNAPSHOT) || reading->is_snapshot);
        if (d->is_plugged)
            plug_setting(new_plug(reading, "virtio-blk-device"), "drive", d->id);
    }
    reading->options->machine.drives = reading->drives;
    reading->options->machine.plugs = reading->plugs;
    reading->options->machine.nets = reading->nets;
    reading->options->machine.net_dumps = reading->net_dumps;
}

/* ---------------------------------------------------------------------------- help */

static const char *kind_name(unsigned kind)
{
    static const char *const names[] = {
        "",       "bool",    "uint32", "uint64", "size",
        "string", "chardev", "drive",  "netdev", "device"
    };

    return kind < sizeof(names) / sizeof(*names) ? names[kind] : "";
}

static void device_help(const char *name)
{
    const struct dev_class *class = dev_class_find(name);

    if (!class)
        die("-device %s: there is no such device; see -device help", name);
    printf("%s: %s\n", class->name, class->doc);
    printf("%s options:\n", class->name);
    for (const struct property *p = class->properties; p && p->name; p++)
        printf("  %s=<%s>%*s - %s\n", p->name, kind_name(p->kind),
               (int)(14 - strlen(p->name)), "", p->doc ? p->doc : "");
    printf("registers:\n");
    for (const struct reg *r = class->regs; r && r->name; r++) {
        static const char *const access[] = { "", "ro", "wo", "rw" };

        printf("  0x%06lx %s %s", (unsigned long)r->offset, access[r->access & 3],
               r->name);
        for (unsigned width = 1, first = 1; width <= 8; width *= 2)
            if (r->widths & width) {
                printf("%s%u", first ? " of " : "/", width);
                first = 0;
            }
        printf(" bytes");
        if (r->count > 1)
            printf(", %lu of them", (unsigned long)r->count);
        printf("\n");
    }
}

static void take_device(struct reading *reading, const char *argument)
{
    char *name = next_part(&argument);
    struct machine_plug *plug;

    if (is_help(name)) {
        for (size_t i = 0; dev_classes[i]; i++)
            printf("name \"%s\"%s%s, desc \"%s\"\n", dev_classes[i]->name,
                   dev_classes[i]->bus ? ", bus " : "",
                   dev_classes[i]->bus ? dev_classes[i]->bus : "", dev_classes[i]->doc);
        exit(0);
    }
    if (is_help(argument)) {
        device_help(name);
        exit(0);
    }
    plug = new_plug(reading, name);
    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        if (!strcmp(part, "id"))
            plug->name = value;
        else
            plug_setting(plug, part, value);
    }
}

static void take_help(struct reading *reading, const char *argument);

static void take_version(struct reading *reading, const char *argument)
{
    (void)reading;
    (void)argument;
    printf("rhea boot (development version)\n");
    exit(0);
}

static const struct option {
    const char *word;
    const char *argument; /* NULL: none */
    void (*take)(struct reading *reading, const char *argument);
    const char *help;
} options[] = {
    { "M", "NAME[,OPTION=VALUE]...", take_machine,
      "the machine: a board's name or file; -M help, -M NAME,help, dumpdtb=FILE" },
    { "machine", "...", take_machine, NULL },
    { "m", "SIZE", take_memory, "memory, in MiB or as 2G" },
    { "smp", "N", take_smp, "number of CPUs" },
    { "cpu", "MODEL", take_cpu, "the model of the CPU" },
    { "accel", "NAME", take_accel, "what executes it: " ACCEL_MACHINE_ENGINES },
    { "kernel", "FILE", take_kernel, "a kernel: Image, also gzip'ed, or ELF" },
    { "initrd", "FILE", take_initrd, "its initial disk" },
    { "append", "TEXT", take_append, "its command line" },
    { "dtb", "FILE", take_dtb, "a device tree instead of the board's" },
    { "bios", "FILE", take_bios, "firmware, raw or ELF; none; default" },
    { "serial", "TO", take_serial, "stdio, mon:stdio, file:PATH, null, none" },
    { "nographic", NULL, take_nographic,
      "serial line on the terminal; Ctrl-A x ends it" },
    { "display", "none", take_display, "no display" },
    { "monitor", "none", take_none, "no monitor" },
    { "nic", "user|none[,...]", take_nic,
      "a network card: user: through this process; model=, mac=, and as -netdev" },
    { "netdev", "user,id=NAME[,...]", take_netdev,
      "a network: net=, hostfwd=tcp::PORT-:PORT, tftp=, restrict=, dns=, hostname=..." },
    { "object", "filter-dump,...", take_object,
      "what a network carries, as a pcap file: netdev=ID,file=FILE[,maxlen=N]" },
    { "net", "none", take_none, NULL },
    { "vga", "none", take_none, NULL },
    { "parallel", "none", take_none, NULL },
    { "no-reboot", NULL, take_no_reboot, "end instead of starting again" },
    { "gdb", "tcp::PORT", take_gdb, "gdb may connect there; or unix:PATH" },
    { "s", NULL, take_gdb_here, "the same as -gdb tcp::1234" },
    { "S", NULL, take_stopped, "it does not run before a debugger says so" },
    { "drive", "file=FILE[,...]", take_drive,
      "a disk: format=, id=, if=virtio|none, readonly=, snapshot=, discard=unmap" },
    { "snapshot", NULL, take_snapshot, "no disk keeps what is written" },
    { "device", "NAME[,...]", take_device,
      "a further device; -device help, -device NAME,help" },
    { "version", NULL, take_version, NULL },
    { "help", NULL, take_help, "this list" },
    { "h", NULL, take_help, NULL },
    { NULL, NULL, NULL, NULL },
};

static void take_help(struct reading *reading, const char *argument)
{
    (void)reading;
    (void)argument;
    printf("rhea boot [OPTION]...   boots a whole machine; options are QEMU's\n\n");
    for (const struct option *o = options; o->word; o++) {
        char left[64];

        if (!o->help)
            continue;
        snprintf(left, sizeof(left), "-%s %s", o->word, o->argument ? o->argument : "");
        printf("  %-32s %s\n", left, o->help);
    }
    exit(0);
}

/* ----------------------------------------------------------------------------- all */

static const struct option *find_option(const char *word)
{
    const char *name = word + 1 + (word[1] == '-');

    for (const struct option *o = options; o->word; o++)
        if (!strcmp(o->word, name))
            return o;
    die("the option %s is not known, or not supported yet; see --help", word);
}

/* As rhea-system-riscv64: of that machine. */
static const char *isa_of_name(const char *called)
{
    static const char prefix[] = "rhea-system-";
    const char *slash = strrchr(called, '/'), *name = slash ? slash + 1 : called;

    return strncmp(name, prefix, sizeof(prefix) - 1) ? "riscv64"
                                                     : name + sizeof(prefix) - 1;
}

void options_read(struct options *into, int argc, char **argv)
{
    struct reading reading = { .options = into, .isa = isa_of_name(argc ? argv[0] : "") };

    reading.last_drive = &reading.drives;
    reading.last_plug = &reading.plugs;
    reading.last_net = &reading.nets;
    for (int i = 1; i < argc; i++) {
        const struct option *option;

        if (argv[i][0] != '-' || !argv[i][1])
            die("`%s`: want an option", argv[i]);
        option = find_option(argv[i]);
        if (option->argument && i + 1 == argc)
            die("%s wants %s", argv[i], option->argument);
        option->take(&reading, option->argument ? argv[++i] : NULL);
    }
    if (!reading.machine)
        die("no machine: say -M virt, or see -M help");
    if (!reading.has_serial && (reading.is_nographic || !reading.has_no_display))
        into->machine.serials[0] = "mon:stdio";
    finish_drives(&reading);
    into->machine.choices.options = reading.board_options;
    into->machine.board_path = boards_find(reading.machine, reading.isa);
}
