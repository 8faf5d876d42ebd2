/* pcie_host.c - a PCI Express host bridge: configuration space in memory (ECAM), windows
 * to memory and I/O addresses of the bus, and four lines for the pins of its functions.
 *
 * Its regions are where the board puts them.  Memory addresses on the bus are the
 * CPUs', so the device needs to be told where its windows are; the I/O window begins at
 * I/O address 0.  Output n is line n: the pin INTA of slot s leads to line s modulo 4,
 * its INTB to the next one.
 *
 * Spec: PCI Express Base 3.0, section 7.2.2 "PCI Express Enhanced Configuration Access
 * Mechanism"; PCI Firmware 3.0, section 4.1.
 * Not modelled: extended configuration space (reads as ones), ordering, errors. */
#include "dev/pci.h"

/* Region 0 is the configuration space of its own function, 00.0. */
enum { ECAM = 1, MEMORY_32, MEMORY_64, IO };

enum {
    BYTES_PER_FUNCTION = 0x1000,
    ECAM_BYTES = 256 * PCI_FUNCTIONS * BYTES_PER_FUNCTION,
    IO_BYTES = 0x10000,
    STEP = 4, /* of an area's rows */
};

/* clang-format off */
static const struct reg regs[] = {
    PCI_CONFIG_REGS,
    { 0, 1 | 2 | 4,     RW, "ECAM%u",       ECAM_BYTES,        1,    ECAM      },
    { 0, 1 | 2 | 4 | 8, RW, "MEMORY_32_%u", UINT32_C(1) << 30, STEP, MEMORY_32 },
    { 0, 1 | 2 | 4 | 8, RW, "MEMORY_64_%u", UINT64_C(1) << 32, STEP, MEMORY_64 },
    { 0, 1 | 2 | 4,     RW, "IO%u",         IO_BYTES,          1,    IO        },
    { 0 },
};
/* clang-format on */

struct host {
    struct pci_function function;
    struct pci_bus bus;
    uint64_t memory, memory_64; /* where the windows begin, on the bus */
};

static const struct field fields[] = { PCI_FIELDS(struct host), { 0 } };

static const struct property properties[] = {
    { "memory", PROPERTY_U64, offsetof(struct host, memory),
      "the address of its window below 4 GiB (region 2)" },
    { "memory64", PROPERTY_U64, offsetof(struct host, memory_64),
      "the address of its window above (region 3)" },
    { 0 },
};

static struct pci_function *ecam_function(const struct host *host, uint32_t offset)
{
    uint32_t number = offset / BYTES_PER_FUNCTION;

    if (offset % BYTES_PER_FUNCTION >= PCI_CONFIG_BYTES)
        return NULL;
    return pci_find(&host->bus, number / PCI_FUNCTIONS, number % PCI_FUNCTIONS);
}

static uint64_t ecam_read(const struct host *host, struct access at)
{
    struct pci_function *function = ecam_function(host, at.index);

    if (!function)
        return UINT64_MAX;
    return dev_read(&function->dev, PCI_CONFIG, at.index % BYTES_PER_FUNCTION, at.size);
}

static void ecam_write(const struct host *host, struct access at, uint64_t value)
{
    struct pci_function *function = ecam_function(host, at.index);

    if (function)
        dev_write(&function->dev, PCI_CONFIG, at.index % BYTES_PER_FUNCTION, at.size,
                  value);
}

/* The address on the bus of an access to a window. */
static uint64_t window_address(const struct host *host, struct access at)
{
    uint64_t base = at.region == MEMORY_32 ? host->memory : host->memory_64;

    return base + (uint64_t)at.index * STEP + at.byte;
}

static uint64_t host_read(struct dev *dev, struct access at)
{
    struct host *host = (struct host *)dev;

    switch (at.region) {
    case PCI_CONFIG: return pci_config_read(&host->function, at);
    case ECAM: return ecam_read(host, at);
    case IO: return pci_read(&host->bus, PCI_SPACE_IO, at.index, at.size);
    default:
        return pci_read(&host->bus, PCI_SPACE_MEMORY, window_address(host, at), at.size);
    }
}

static void host_write(struct dev *dev, struct access at, uint64_t value)
{
    struct host *host = (struct host *)dev;

    switch (at.region) {
    case PCI_CONFIG: pci_config_write(&host->function, at, value); break;
    case ECAM: ecam_write(host, at, value); break;
    case IO: pci_write(&host->bus, PCI_SPACE_IO, at.index, at.size, value); break;
    default:
        pci_write(&host->bus, PCI_SPACE_MEMORY, window_address(host, at), at.size, value);
        break;
    }
}

static int host_init(struct dev *dev, char *error, size_t size)
{
    static const struct pci_id id = { .vendor = 0x1b36, /* QEMU's bridge of that kind */
                                      .device = 0x0008,
                                      .subsystem_vendor = 0x1af4,
                                      .subsystem = 0x1100,
                                      .class_code = 0x060000 };
    struct host *host = (struct host *)dev;

    pci_add_bus(&host->function, &host->bus, PCI_SLOTS);
    return pci_init(&host->function, &id, error, size);
}

static void host_reset(struct dev *dev)
{
    pci_reset(&((struct host *)dev)->function);
}

static int host_loaded(struct dev *dev)
{
    return pci_loaded(&((struct host *)dev)->function);
}

const struct dev_class pcie_host = {
    .name = "pcie-host",
    .doc = "PCI Express host bridge",
    .provides = "pci",
    .size = sizeof(struct host),
    .region_size = { [ECAM] = ECAM_BYTES,
                     [MEMORY_32] = UINT64_C(1) << 32,
                     [MEMORY_64] = UINT64_C(1) << 34,
                     [IO] = IO_BYTES },
    .regs = regs,
    .fields = fields,
    .properties = properties,
    .state_version = 1,
    .init = host_init,
    .reset = host_reset,
    .read = host_read,
    .write = host_write,
    .loaded = host_loaded,
};
