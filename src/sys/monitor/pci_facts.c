/* pci_facts.c - what there is on a machine's PCI buses: see pci_facts.h; `info pci`. */
#include "sys/monitor/pci_facts.h"

#include <inttypes.h>
#include <string.h>

#include "sys/machine.h"
#include "sys/monitor/part.h"

/* PCI Code and ID Assignment: sub-classes, then what stands for their base class. */
static const struct {
    uint16_t class_code;
    bool is_base;
    const char *name;
} classes[] = {
    { 0x0100, false, "SCSI controller" },
    { 0x0200, false, "Ethernet controller" },
    { 0x0600, false, "Host bridge" },
    { 0x0604, false, "PCI bridge" },
    { 0x0000, true, "Unclassified device" },
    { 0x0100, true, "Storage controller" },
    { 0x0200, true, "Network controller" },
    { 0x0300, true, "Display controller" },
    { 0x0600, true, "Bridge" },
    { 0x0700, true, "Communication controller" },
    { 0x0c00, true, "Serial bus controller" },
};

const char *pci_facts_class(unsigned class_code)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++)
        if ((classes[i].is_base ? class_code & 0xff00 : class_code) ==
            classes[i].class_code)
            return classes[i].name;
    return "Device";
}

const struct pci_bus *pci_facts_root(const struct machine *machine, size_t *number)
{
    struct dev *dev;

    for (; (dev = machine_dev(machine, *number)); ++*number) {
        const struct pci_function *function = (const struct pci_function *)dev;

        if (dev->class->provides && !strcmp(dev->class->provides, "pci") &&
            function->secondary->bridge->bus == function->secondary)
            return function->secondary;
    }
    return NULL;
}

bool pci_facts_bar(const struct pci_function *function, unsigned number,
                   struct pci_facts_bar *bar)
{
    const struct pci_bar *of = &function->bars[number];
    unsigned decodes = of->kind == PCI_IO ? PCI_IO_SPACE : PCI_MEMORY_SPACE;

    *bar = (struct pci_facts_bar){
        .address = pci_bar_address(function, number),
        .size = of->size,
        .is_mapped = (pci_get(function, PCI_COMMAND, 2) & decodes) != 0,
        .is_io = of->kind == PCI_IO,
        .is_64 = pci_bar_is_64(of),
        .is_prefetchable = of->kind == PCI_MEMORY_64_PREFETCH,
    };
    return of->size != 0;
}

bool pci_facts_is_bridge(const struct pci_function *function)
{
    return pci_get(function, PCI_HEADER_TYPE, 1) % 0x80 == 1;
}

const struct pci_bus *pci_facts_behind(const struct pci_function *function)
{
    return pci_facts_is_bridge(function) && pci_get(function, PCI_SECONDARY_BUS, 1)
               ? function->secondary
               : NULL;
}

/* ------------------------------------------------------------------------- `info pci` */

static void show_bars(struct text *out, const struct pci_function *function)
{
    struct pci_facts_bar bar;

    for (unsigned i = 0; i < PCI_BARS; i++) {
        if (!pci_facts_bar(function, i, &bar))
            continue;
        out_add(out, "      BAR%u: %s%s ", i,
                bar.is_io   ? "I/O"
                : bar.is_64 ? "64 bit"
                            : "32 bit",
                bar.is_io             ? ""
                : bar.is_prefetchable ? " prefetchable memory"
                                      : " memory");
        if (bar.is_mapped)
            out_add(out, "at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n", bar.address,
                    bar.address + bar.size - 1);
        else
            out_add(out, "of 0x%" PRIx64 " bytes, not mapped.\n", bar.size);
    }
}

static void show_bridge(struct text *out, const struct pci_function *function)
{
    static const char *const names[] = { "IO", "memory", "prefetchable memory" };

    out_add(out, "      secondary bus %u.\n      subordinate bus %u.\n",
            pci_get(function, PCI_SECONDARY_BUS, 1),
            pci_get(function, PCI_SUBORDINATE_BUS, 1));
    for (unsigned i = 0; i < PCI_WINDOWS; i++) {
        struct pci_window window = pci_window(function, i);

        out_add(out, "      %s range [0x%08" PRIx64 ", 0x%08" PRIx64 "]\n", names[i],
                window.base, window.limit);
    }
}

static void show_function(struct text *out, const struct pci_function *function,
                          unsigned bus)
{
    unsigned pin = pci_get(function, PCI_INTERRUPT_PIN, 1);

    out_add(out, "  Bus %2u, device %3u, function %u:\n    %s: PCI device %04x:%04x\n",
            bus, function->number >> 3, function->number & 7u,
            pci_facts_class(pci_get(function, PCI_CLASS, 2)),
            pci_get(function, PCI_VENDOR, 2), pci_get(function, PCI_DEVICE, 2));
    if (!pci_facts_is_bridge(function))
        out_add(out, "      PCI subsystem %04x:%04x\n",
                pci_get(function, PCI_SUBSYSTEM_VENDOR, 2),
                pci_get(function, PCI_SUBSYSTEM, 2));
    if (pin)
        out_add(out, "      IRQ %u, pin %c\n", pci_get(function, PCI_INTERRUPT_LINE, 1),
                'A' + (int)pin - 1);
    if (pci_facts_is_bridge(function))
        show_bridge(out, function);
    show_bars(out, function);
    out_add(out, "      id \"%s\"\n", function->dev.name);
}

static void show_bus(struct text *out, const struct pci_bus *bus, unsigned number)
{
    for (unsigned i = 0; i < bus->count; i++) {
        const struct pci_bus *behind = pci_facts_behind(bus->functions[i]);

        show_function(out, bus->functions[i], number);
        if (behind)
            show_bus(out, behind, pci_get(bus->functions[i], PCI_SECONDARY_BUS, 1));
    }
}

void info_pci(struct call *call)
{
    const struct pci_bus *root;

    for (size_t i = 0; (root = pci_facts_root(call->machine, &i)); i++)
        show_bus(call->out, root, 0);
}
