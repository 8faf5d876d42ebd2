/* info_device.c - `info`: devices, and what they have in them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sys/bus.h"
#include "sys/machine.h"
#include "sys/monitor/part.h"

static void device_ranges(struct call *call, const struct dev *dev)
{
    const struct bus_range *ranges;
    size_t count = bus_ranges(machine_bus(call->machine), &ranges);

    for (size_t i = 0; i < count; i++)
        if (ranges[i].dev == dev)
            out_add(call->out, "    mmio %016" PRIx64 "/%016" PRIx64 "\n",
                    ranges[i].start, ranges[i].last - ranges[i].start + 1);
}

static void device(struct call *call, const struct dev *dev)
{
    char value[256];

    out_add(call->out, "  dev: %s, id \"%s\"\n", dev->class->name, dev->name);
    if (dev->irq_count)
        out_add(call->out, "    gpio-out \"sysbus-irq\" %u\n", dev->irq_count);
    for (const struct property *p = dev->class->properties; p && p->name; p++) {
        dev_get(dev, p, value, sizeof(value));
        out_add(call->out,
                p->kind >= PROPERTY_STRING ? "    %s = \"%s\"\n" : "    %s = %s\n",
                p->name, value);
    }
    device_ranges(call, dev);
}

/* Buses: the board's own, and those of what is plugged in, by their names. */
void info_qtree(struct call *call)
{
    const char *seen[32];
    size_t count = 0;
    const struct dev *dev;

    out_add(call->out, "bus: main-system-bus\n  type System\n");
    for (size_t i = 0; (dev = machine_dev(call->machine, i)); i++) {
        size_t b = 0;

        if (!dev->class->bus)
            device(call, dev);
        while (dev->class->bus && b < count && strcmp(seen[b], dev->class->bus))
            b++;
        if (dev->class->bus && b == count && count < 32)
            seen[count++] = dev->class->bus;
    }
    for (size_t b = 0; b < count; b++) {
        out_add(call->out, "bus: %s\n  type %s\n", seen[b], seen[b]);
        for (size_t i = 0; (dev = machine_dev(call->machine, i)); i++)
            if (dev->class->bus && !strcmp(dev->class->bus, seen[b]))
                device(call, dev);
    }
}

void info_qom_tree(struct call *call)
{
    const struct dev *dev;

    out_add(call->out, "/machine (machine)\n");
    for (size_t i = 0; (dev = machine_dev(call->machine, i)); i++)
        out_add(call->out, "  /%s (%s)\n", dev->name, dev->class->name);
}

void info_qdm(struct call *call)
{
    for (size_t i = 0; dev_classes[i]; i++)
        out_add(call->out, "name \"%s\"%s%s\n", dev_classes[i]->name,
                dev_classes[i]->bus ? ", bus " : "",
                dev_classes[i]->bus ? dev_classes[i]->bus : "");
}

/* -------------------------------------------------------------------------- contents */

static void show_field(void *out, const char *name, uint64_t value)
{
    if (value)
        out_add(out, "  %s = 0x%" PRIx64 "\n", name, value);
}

static void show_contents(struct text *out, const struct dev *dev)
{
    out_add(out, "%s (%s)\n", dev->name, dev->class->name);
    dev_each_field(dev, show_field, out);
}

void info_device(struct call *call)
{
    char name[WORD];
    struct dev *dev;

    if (!call_word(call, name) || !call_ends(call))
        return;
    dev = machine_find_dev(call->machine, name);
    if (dev)
        show_contents(call->out, dev);
    else
        out_add(call->out, "Error: the machine has no device `%s'; see info qtree\n",
                name);
}

/* Those that others' lines lead to. */
void info_pic(struct call *call)
{
    struct dev *dev;

    for (size_t i = 0; (dev = machine_dev(call->machine, i)); i++)
        if (dev->class->set_line)
            show_contents(call->out, dev);
}
