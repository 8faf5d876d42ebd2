/* pci_rig.h - a PCI bus for tests: the host bridge, and functions that have a register of
 * each kind. */
#ifndef RHEA_TESTS_DEV_PCI_RIG_H
#define RHEA_TESTS_DEV_PCI_RIG_H

#include "dev/pci.h"
#include "dev/rig.h"

/* The host's regions, and where its windows are. */
enum { ECAM = 1, WINDOW_32, WINDOW_64, WINDOW_IO };
#define BASE_32 UINT64_C(0x40000000)
#define BASE_64 UINT64_C(0x400000000)

/* Of the header. */
enum {
    COMMAND = 0x04,
    STATUS = 0x06,
    BAR = 0x10,
    CAPABILITIES = 0x34,
    LINE = 0x3c,
    PIN = 0x3d,
};
enum { IO_SPACE = 1, MEMORY_SPACE = 2, MASTER = 4, PIN_OFF = 0x400 };

/* --------------------------------------------------------------------- the functions */

/* Base address registers: 0 has 32 bits, 1 I/O, 2 (and 3) 64 bits, 4 MSI-X. */
enum { STUB_MEMORY = 0x1000, STUB_IO = 0x20, STUB_WIDE = 0x100000, STUB_VECTORS = 3 };

struct stub {
    struct pci_function function;
    uint32_t value[5]; /* by region */
};

static inline int stub_init(struct dev *dev, char *error, size_t size)
{
    static const struct pci_id id = { 0x1234, 0x5678, 0x9abc, 0xdef0, 0x123456, 7, 1 };
    struct pci_function *function = &((struct stub *)dev)->function;

    if (pci_init(function, &id, error, size) < 0)
        return -1;
    pci_add_bar(function, 0, PCI_MEMORY_32, STUB_MEMORY);
    pci_add_bar(function, 1, PCI_IO, STUB_IO);
    pci_add_bar(function, 2, PCI_MEMORY_64, STUB_WIDE);
    pci_add_msix(function, 4, STUB_VECTORS);
    return 0;
}

static inline void stub_reset(struct dev *dev)
{
    pci_reset(&((struct stub *)dev)->function);
}

static inline int stub_loaded(struct dev *dev)
{
    return pci_loaded(&((struct stub *)dev)->function);
}

static inline uint64_t stub_read(struct dev *dev, struct access at)
{
    struct stub *stub = (struct stub *)dev;

    switch (at.region) {
    case PCI_CONFIG: return pci_config_read(&stub->function, at);
    case PCI_BAR0 + 4: return pci_msix_read(&stub->function, at);
    default: return stub->value[at.region];
    }
}

static inline void stub_write(struct dev *dev, struct access at, uint64_t value)
{
    struct stub *stub = (struct stub *)dev;

    switch (at.region) {
    case PCI_CONFIG: pci_config_write(&stub->function, at, value); break;
    case PCI_BAR0 + 4: pci_msix_write(&stub->function, at, value); break;
    default: stub->value[at.region] = value; break;
    }
}

static const struct reg stub_regs[] = {
    PCI_CONFIG_REGS,
    { 8, 4, RW, "MEMORY", .region = PCI_BAR0 },
    { 4, 4, RW, "IO", .region = PCI_BAR0 + 1 },
    { 0xffffc, 4, RW, "WIDE", .region = PCI_BAR0 + 2 },
    PCI_MSIX_REGS(4),
    { 0 },
};
static const struct field stub_fields[] = {
    PCI_FIELDS(struct stub),
    FIELD_ARRAY(struct stub, value),
    { 0 },
};
static const struct property stub_properties[] = { PCI_PROPERTIES(struct stub), { 0 } };
static const struct dev_class stub_class = {
    .name = "stub",
    .bus = "pci",
    .size = sizeof(struct stub),
    .regs = stub_regs,
    .fields = stub_fields,
    .properties = stub_properties,
    .state_version = 1,
    .init = stub_init,
    .reset = stub_reset,
    .read = stub_read,
    .write = stub_write,
    .loaded = stub_loaded,
};

/* --------------------------------------------------------------------------- the bus */

static inline struct rig *pci_rig_new(void)
{
    struct rig *rig = rig_new("pcie-host");

    rig_set(rig, "memory", "0x40000000");
    rig_set(rig, "memory64", "0x400000000");
    rig_init(rig);
    return rig;
}

/* `addr` may be NULL: the first free slot. */
static inline struct dev *pci_plug(struct rig *rig, const struct dev_class *class,
                                   struct dev *bridge, const char *addr)
{
    struct dev *dev = rig_add(rig, class);

    rig_connect(dev, "bus", bridge);
    if (addr)
        rig_set_of(dev, "addr", addr);
    return dev;
}

static inline struct stub *stub_new(struct rig *rig, struct dev *bridge, const char *addr)
{
    struct dev *dev = pci_plug(rig, &stub_class, bridge, addr);

    rig_init_of(dev);
    return (struct stub *)dev;
}

/* Configuration space of SLOT << 3 | FUNCTION, with the bus in the upper bits. */
static inline uint32_t c_read(struct rig *rig, unsigned number, unsigned at,
                              unsigned size)
{
    return dev_read(rig->dev, ECAM, number << 12 | at, size);
}

static inline void c_write(struct rig *rig, unsigned number, unsigned at, unsigned size,
                           uint32_t value)
{
    dev_write(rig->dev, ECAM, number << 12 | at, size, value);
}

/* An address below or above 4 GiB: as CPUs see the windows. */
static inline uint64_t p_read(struct rig *rig, uint64_t addr, unsigned size)
{
    return addr >= BASE_64 ? dev_read(rig->dev, WINDOW_64, addr - BASE_64, size)
                           : dev_read(rig->dev, WINDOW_32, addr - BASE_32, size);
}

static inline void p_write(struct rig *rig, uint64_t addr, unsigned size, uint64_t value)
{
    if (addr >= BASE_64)
        dev_write(rig->dev, WINDOW_64, addr - BASE_64, size, value);
    else
        dev_write(rig->dev, WINDOW_32, addr - BASE_32, size, value);
}

#endif
