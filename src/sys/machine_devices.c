/* machine_devices.c - makes the devices of a machine, and connects them: what the board
 * says, and what is plugged into it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/report.h"
#include "dev/dev.h"
#include "sys/board_parts.h"
#include "sys/bus.h"
#include "sys/clock.h"
#include "sys/drives.h"
#include "sys/log.h"
#include "sys/machine_parts.h"
#include "sys/net/net.h"
#include "sys/vcpu.h"

/* The same about a device, or what is said of it: of -device's there is no place. */
_Noreturn static void device_die(const struct board_device *device,
                                 struct board_place place, const char *what)
{
    if (place.path)
        board_die(place, what);
    die("-device %s: %s", device->class, what);
}

struct dev *machine_find_dev(const struct machine *machine, const char *name)
{
    for (size_t i = 0; i < machine->part_count; i++)
        if (!strcmp(machine->parts[i].dev->name, name))
            return machine->parts[i].dev;
    return NULL;
}

static const struct property *find_property(const struct dev_class *class,
                                            const char *name)
{
    const struct property *property = class->properties;

    while (property && property->name && strcmp(property->name, name))
        property++;
    return property && property->name ? property : NULL;
}

/* A board's serial0 and so on, which may lead nowhere; or what -chardev names. */
static int connect_chardev(struct machine *machine, struct dev *dev,
                           const struct board_setting *setting, char error[DEV_ERROR])
{
    const char *name = setting->value;
    struct char_backend *backend;

    if (!strncmp(name, "serial", 6) && name[6] >= '0' &&
        name[6] < '0' + MACHINE_SERIALS && !name[7])
        return dev_connect(dev, setting->name, machine->serials[name[6] - '0'], error);
    backend = chardevs_take(machine->chardevs, name, error);
    return backend ? dev_connect(dev, setting->name, backend, error) : -1;
}

/* What comes with a device: it is called NAME/device.  NULL: nothing does. */
static struct dev *find_inner(const struct machine *machine, const struct dev *dev)
{
    char name[256];

    if (!dev->class->comes_with)
        return NULL;
    snprintf(name, sizeof(name), "%s/device", dev->name);
    return machine_find_dev(machine, name);
}

/* The device that provides a bus of that kind: it, or what comes with it; QEMU calls the
 * first bus of a device ID.0. */
static struct dev *find_bus(const struct machine *machine, const char *id,
                            const char *kind)
{
    size_t length = strlen(id);
    struct dev *dev = machine_find_dev(machine, id), *inner;
    char name[256];

    if (!dev && length > 2 && !strcmp(id + length - 2, ".0")) {
        snprintf(name, sizeof(name), "%.*s", (int)length - 2, id);
        dev = machine_find_dev(machine, name);
    }
    inner = dev ? find_inner(machine, dev) : NULL;
    return inner && kind && inner->class->provides &&
                   !strcmp(inner->class->provides, kind)
               ? inner
               : dev;
}

static int connect_dev(const struct machine *machine, struct dev *dev,
                       const struct board_setting *setting, char error[DEV_ERROR])
{
    struct dev *other = strcmp(setting->name, "bus")
                            ? machine_find_dev(machine, setting->value)
                            : find_bus(machine, setting->value, dev->class->bus);

    if (other)
        return dev_connect(dev, setting->name, other, error);
    snprintf(error, DEV_ERROR, "%s=%s: there is no such device", setting->name,
             setting->value);
    return -1;
}

/* pflash0 and so on are the drives that the command line has for flash, if any. */
static int connect_drive(struct machine *machine, struct dev *dev,
                         const struct board_setting *setting, char error[DEV_ERROR])
{
    const char *id = setting->value;
    struct block_backend *drive;

    if (!strncmp(id, "pflash", 6) && id[6] >= '0' && id[6] < '0' + MACHINE_FLASHES &&
        !id[7])
        id = machine->config.flashes[id[6] - '0'];
    if (!id)
        return 0;
    drive = drives_find(machine->drives, id);
    if (drive)
        return dev_connect(dev, setting->name, drive, error);
    snprintf(error, DEV_ERROR, "there is no -drive with id=%s", id);
    return -1;
}

static int set_property(struct machine *machine, struct dev *dev,
                        const struct board_setting *setting, char error[DEV_ERROR])
{
    const struct property *property = find_property(dev->class, setting->name);
    struct dev *inner = property ? NULL : find_inner(machine, dev);
    char number[24];
    uint64_t value;

    if (inner)
        return set_property(machine, inner, setting, error);
    if (property && property->kind == PROPERTY_CHARDEV)
        return connect_chardev(machine, dev, setting, error);
    if (property && property->kind == PROPERTY_DRIVE)
        return connect_drive(machine, dev, setting, error);
    if (property && property->kind == PROPERTY_NETDEV) {
        struct net_backend *net = nets_find(machine->nets, setting->value);

        if (net)
            return dev_connect(dev, setting->name, net, error);
        snprintf(error, DEV_ERROR, "there is no -netdev with id=%s", setting->value);
        return -1;
    }
    if (property && property->kind == PROPERTY_DEV)
        return connect_dev(machine, dev, setting, error);
    if (property && property->kind != PROPERTY_STRING &&
        board_number(setting->value, &value)) {
        snprintf(number, sizeof(number), "%llu", (unsigned long long)value);
        return dev_set(dev, setting->name, number, error);
    }
    return dev_set(dev, setting->name, setting->value, error);
}

/* Places of registers, as the board says, or as large as they are. */
static void place_device(struct machine *machine, struct part *part)
{
    const struct dev_class *class = part->dev->class;
    char error[BUS_ERROR];

    for (struct board_range *r = part->board->ranges; r; r = r->next) {
        uint64_t own = r->region == 0            ? class->mmio_size
                       : r->region < DEV_REGIONS ? class->region_size[r->region]
                                                 : 0;

        if (!own)
            board_die(r->place, "the device has no registers in this region");
        if (!r->size_bytes)
            r->size_bytes = own;
        if ((class->is_memory && r->region == 0
                 ? bus_add_dev_memory(machine->bus, part->dev, r->addr, r->size_bytes,
                                      error)
                 : bus_add_dev(machine->bus, part->dev, r->region, r->addr, r->size_bytes,
                               error)) < 0)
            board_die(r->place, error);
    }
}

static struct part *add_part(struct machine *machine, const struct dev_class *class,
                             const char *name, struct board_device *board)
{
    struct part *part = &machine->parts[machine->part_count++];

    *part = (struct part){ dev_new(class, name), board };
    part->dev->clock = guest_clock_interface(machine->clock);
    part->dev->dma = bus_dma(machine->bus);
    part->dev->msi = bus_msi(machine->bus);
    part->dev->power = &machine->power;
    log_device(part->dev);
    return part;
}

/* A device, and before it (in this order they are made and reset) what comes with it. */
static struct dev *add_device(struct machine *machine, const struct dev_class *class,
                              const char *name, struct board_device *board)
{
    char inner_name[256], error[DEV_ERROR];
    struct dev *dev, *inner;

    if (!class->comes_with)
        return add_part(machine, class, name, board)->dev;
    snprintf(inner_name, sizeof(inner_name), "%s/device", name);
    inner = add_part(machine, dev_class_find(class->comes_with), inner_name, NULL)->dev;
    dev = add_part(machine, class, name, board)->dev;
    if (dev_connect(dev, "device", inner, error) < 0)
        bug("%s: %s", class->name, error);
    return dev;
}

static void set_wire(void *context, unsigned line, bool level)
{
    dev_set_line(context, line, level);
}

/* Where output `output` of a device leads. */
static struct irq connect(struct machine *machine, const struct board_irq *line,
                          struct dev *from, unsigned output)
{
    struct irq irq = { 0 };
    struct dev *to;

    if (!line->device) {
        irq = vcpu_irq(machine->cpus[line->cpu], line->cpu_line);
        if (!irq.set)
            board_die(line->place, "the CPU has no such line");
        if (from->class->exchange)
            vcpu_attach(machine->cpus[line->cpu], line->cpu_line, from, output);
        return irq;
    }
    to = machine_find_dev(machine, line->device);
    if (!to || !to->class->set_line)
        board_die(line->place, "that device has no lines to lead to");
    return (struct irq){ set_wire, to, line->line };
}

static void connect_lines(struct machine *machine, struct part *part)
{
    struct dev *dev = part->dev;
    unsigned count = 0;

    for (const struct board_irq *irq = part->board->irqs; irq; irq = irq->next)
        count++;
    dev->irqs = calloc(count + 1, sizeof(*dev->irqs));
    if (!dev->irqs)
        die("out of memory");
    for (const struct board_irq *irq = part->board->irqs; irq; irq = irq->next) {
        dev->irqs[dev->irq_count] = connect(machine, irq, dev, dev->irq_count);
        dev->irq_count++;
    }
}

static bool is_connected(const struct dev *dev, const char *name)
{
    char text[16];

    dev_get(dev, find_property(dev->class, name), text, sizeof(text));
    return text[0];
}

/* Whether it provides a bus, and has room.  A bus knows itself what room it has; a slot
 * is for one device. */
static bool has_room(const struct dev *dev, const char *bus)
{
    return dev->class->provides && !strcmp(dev->class->provides, bus) &&
           (!find_property(dev->class, "device") || !is_connected(dev, "device"));
}

/* The first device that has room for one; NULL: none. */
static struct dev *find_provider(const struct machine *machine, const char *bus)
{
    for (size_t i = 0; i < machine->part_count; i++)
        if (has_room(machine->parts[i].dev, bus))
            return machine->parts[i].dev;
    return NULL;
}

/* Plugs a device in where it is told, or where there is room. */
static void find_place(struct machine *machine, struct dev *dev,
                       struct board_device *board)
{
    bool has_bus = find_property(dev->class, "bus") != NULL;
    struct dev *provider;
    char error[DEV_ERROR];

    if (has_bus && is_connected(dev, "bus"))
        return;
    provider = board->in ? machine_find_dev(machine, board->in)
                         : find_provider(machine, dev->class->bus);
    if (!provider || !has_room(provider, dev->class->bus))
        device_die(board, board->place,
                   board->in ? "there is no place for it where it is to be plugged in"
                             : "the board has no more places for it");
    if ((has_bus ? dev_connect(dev, "bus", provider, error)
                 : dev_connect(provider, "device", dev, error)) < 0)
        device_die(board, board->place, error);
    board->in = provider->name;
}

/* A kind of device by its name, or by its name without the bus that it is made for: that
 * is PCI where the board has it. */
static const struct dev_class *find_class(const struct machine *machine, const char *name)
{
    static const char *const buses[] = { "pci", "device" };
    const struct dev_class *class = dev_class_find(name);
    char full[256];

    for (size_t i = 0; !class && i < sizeof(buses) / sizeof(*buses); i++) {
        snprintf(full, sizeof(full), "%s-%s", name, buses[i]);
        class = dev_class_find(full);
        if (class && class->bus && !find_provider(machine, class->bus))
            class = NULL;
    }
    return class;
}

static void make_device(struct machine *machine, struct board_device *board)
{
    const struct dev_class *class = find_class(machine, board->class);
    char error[DEV_ERROR];
    struct dev *dev;

    if (!class)
        device_die(board, board->place, "there is no such device; see -device help");
    if (!class->bus && !board->place.path)
        device_die(board, board->place,
                   "this is a part of boards, and cannot be plugged in");
    board->class = class->name;
    dev = add_device(machine, class, board->name, board);
    for (const struct board_setting *s = board->settings; s; s = s->next)
        if (set_property(machine, dev, s, error) < 0)
            device_die(board, s->place, error);
    if (class->bus)
        find_place(machine, dev, board);
}

static void init_part(struct machine *machine, struct part *part)
{
    const struct board_device *board = part->board ? part->board : part[1].board;
    char error[DEV_ERROR];

    if (part->board)
        place_device(machine, part);
    if (dev_init(part->dev, error) < 0)
        device_die(board, board->place, error);
}

/* From now on what -device says is of the board, too. */
static void add_plugs(struct machine *machine)
{
    struct board_device **end = &machine->board->devices;

    while (*end)
        end = &(*end)->next;
    for (const struct board_device *p = machine->config.plugs; p; p = p->next) {
        if (board_find_device(machine->board, p->name))
            die("-device %s: there is a device called %s already", p->class, p->name);
        *end = arena_alloc(board_arena(machine->board), sizeof(**end));
        **end = *p;
        (*end)->next = NULL;
        end = &(*end)->next;
    }
}

void machine_make_devices(struct machine *machine)
{
    size_t count = 1;

    add_plugs(machine);
    for (const struct board_device *d = machine->board->devices; d; d = d->next)
        count += 2; /* it, and what comes with it */
    machine->parts = calloc(count, sizeof(*machine->parts));
    if (!machine->parts)
        die("out of memory");
    for (struct board_device *d = machine->board->devices; d; d = d->next)
        make_device(machine, d);
    for (size_t i = 0; i < machine->part_count; i++)
        if (machine->parts[i].board)
            connect_lines(machine, &machine->parts[i]);
    for (size_t i = 0; i < machine->part_count; i++)
        init_part(machine, &machine->parts[i]);
}
