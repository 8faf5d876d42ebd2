/* pcie_root_port.c - a PCI Express root port: a bridge to a bus with one slot.
 *
 * The bus goes by the name of the port: `-device pcie-root-port,id=p`, then `bus=p`.
 *
 * Spec: PCI-to-PCI Bridge Architecture 1.2, section 3.2 "Configuration Header".
 * Not modelled: hot plug, power, error reporting; its ISA and VGA modes. */
#include "dev/pci.h"

#include <stdio.h>

enum {
    SECONDARY_STATUS = 0x1e,
    BRIDGE_CONTROL = 0x3e,
};
enum { ERROR_BITS = 0xf900 }; /* of the secondary status */
enum { WIDE = 1 };            /* of the base and limit of I/O and prefetch */
enum { IO_MASK = 0xf0, MEMORY_MASK = 0xfff0 };
/* Of bridge control: parity, SERR and bus reset can be written. */
enum { BUS_RESET = 0x40, CONTROL_WRITABLE = BUS_RESET | 3 };

static const struct pci_reg bridge[] = {
    { PCI_PRIMARY_BUS, 1, 0, 0xff },
    { PCI_SECONDARY_BUS, 1, 0, 0xff },
    { PCI_SUBORDINATE_BUS, 1, 0, 0xff },
    { PCI_IO_BASE, 1, WIDE, IO_MASK },
    { PCI_IO_LIMIT, 1, WIDE, IO_MASK },
    { SECONDARY_STATUS, 2, .clears = ERROR_BITS },
    { PCI_MEMORY_BASE, 2, 0, MEMORY_MASK },
    { PCI_MEMORY_LIMIT, 2, 0, MEMORY_MASK },
    { PCI_PREFETCH_BASE, 2, WIDE, MEMORY_MASK },
    { PCI_PREFETCH_LIMIT, 2, WIDE, MEMORY_MASK },
    { PCI_PREFETCH_BASE_HIGH, 4, 0, UINT32_MAX },
    { PCI_PREFETCH_LIMIT_HIGH, 4, 0, UINT32_MAX },
    { PCI_IO_BASE_HIGH, 2, 0, 0xffff },
    { PCI_IO_LIMIT_HIGH, 2, 0, 0xffff },
    { BRIDGE_CONTROL, 2, 0, CONTROL_WRITABLE },
    { 0 },
};

static const struct reg regs[] = { PCI_CONFIG_REGS, { 0 } };

struct port {
    struct pci_function function;
    struct pci_bus bus;
    uint32_t port, slot, chassis;
};

static const struct field fields[] = { PCI_FIELDS(struct port), { 0 } };

static const struct property properties[] = {
    PCI_PROPERTIES(struct port),
    PROPERTY(U32, struct port, port, "its number, for link capabilities", 0, 0, 0xff),
    PROPERTY(U32, struct port, slot, "its slot's number, for slot capabilities", 0, 0,
             0x1fff),
    PROPERTY(U32, struct port, chassis, "of the slot: no register shows it", 0, 0, 0xff),
    { 0 },
};

static uint64_t port_read(struct dev *dev, struct access at)
{
    return pci_config_read(&((struct port *)dev)->function, at);
}

static bool is_resetting(const struct port *port)
{
    return pci_get(&port->function, BRIDGE_CONTROL, 2) & BUS_RESET;
}

static void port_write(struct dev *dev, struct access at, uint64_t value)
{
    struct port *port = (struct port *)dev;
    bool was_resetting = is_resetting(port);

    pci_config_write(&port->function, at, value);
    if (was_resetting || !is_resetting(port))
        return;
    for (unsigned i = 0; i < port->bus.count; i++)
        dev_reset(&port->bus.functions[i]->dev);
}

static int port_init(struct dev *dev, char *error, size_t size)
{
    static const struct pci_id id = { .vendor = 0x1b36, /* QEMU's root port */
                                      .device = 0x000c,
                                      .class_code = 0x060400,
                                      .pin = 1,
                                      .is_bridge = true };
    struct port *port = (struct port *)dev;

    if (pci_init(&port->function, &id, error, size) < 0)
        return -1;
    if (pci_bridge(&port->function)) {
        snprintf(error, size, "%s: a root port is on the host's bus", dev->name);
        return -1;
    }
    pci_add_regs(&port->function, 0, bridge);
    pci_add_express_port(&port->function, port->port, port->slot);
    pci_add_bus(&port->function, &port->bus, 1);
    return 0;
}

static void port_reset(struct dev *dev)
{
    pci_reset(&((struct port *)dev)->function);
}

static int port_loaded(struct dev *dev)
{
    return pci_loaded(&((struct port *)dev)->function);
}

const struct dev_class pcie_root_port = {
    .name = "pcie-root-port",
    .doc = "PCI Express root port",
    .bus = "pci",
    .provides = "pci",
    .size = sizeof(struct port),
    .regs = regs,
    .fields = fields,
    .properties = properties,
    .state_version = 1,
    .init = port_init,
    .reset = port_reset,
    .read = port_read,
    .write = port_write,
    .loaded = port_loaded,
};
