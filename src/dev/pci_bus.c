/* pci_bus.c - a PCI bus: who is on it, and who answers an access.
 *
 * Bridges pass on what their windows hold; buses are a tree, so every search ends. */
#include "dev/pci.h"

void pci_add_bus(struct pci_function *function, struct pci_bus *secondary, unsigned slots)
{
    function->secondary = secondary;
    secondary->bridge = function;
    secondary->slots = slots;
}

struct pci_function *pci_bridge(const struct pci_function *function)
{
    struct pci_function *bridge = function->bus->bridge;

    return bridge->bus == function->bus ? NULL : bridge;
}

/* The bus behind a function that is on `bus`; NULL: there is none.  The host's own
 * function is on the bus that it provides. */
static struct pci_bus *behind(const struct pci_bus *bus,
                              const struct pci_function *function)
{
    return function->secondary == bus ? NULL : function->secondary;
}

struct pci_function *pci_find(const struct pci_bus *bus, unsigned bus_number,
                              unsigned number)
{
    for (unsigned i = 0; i < bus->count; i++) {
        struct pci_function *function = bus->functions[i];
        const struct pci_bus *next = behind(bus, function);
        unsigned first = pci_get(function, PCI_SECONDARY_BUS, 1);

        if (bus_number == 0 && function->number == number)
            return function;
        if (!next || !bus_number || !first || bus_number < first ||
            bus_number > pci_get(function, PCI_SUBORDINATE_BUS, 1))
            continue;
        return pci_find(next, bus_number == first ? 0 : bus_number, number);
    }
    return NULL;
}

/* ----------------------------------------------------------------------- who answers */

struct target {
    struct pci_function *function;
    unsigned region;
    uint64_t offset;
};

static bool is_decoding(const struct pci_function *function, enum pci_space space)
{
    return pci_get(function, PCI_COMMAND, 2) &
           (space == PCI_SPACE_IO ? PCI_IO_SPACE : PCI_MEMORY_SPACE);
}

static bool find_bar(struct pci_function *function, enum pci_space space, uint64_t addr,
                     unsigned size, struct target *target)
{
    for (unsigned i = 0; i < PCI_BARS; i++) {
        const struct pci_bar *bar = &function->bars[i];
        uint64_t start = pci_get(function, PCI_BASE_ADDRESS + 4 * i, 4) & ~(uint64_t)15;

        if (bar->size < size || (bar->kind == PCI_IO) != (space == PCI_SPACE_IO))
            continue;
        if (bar->kind == PCI_MEMORY_64 || bar->kind == PCI_MEMORY_64_PREFETCH)
            start |= (uint64_t)pci_get(function, PCI_BASE_ADDRESS + 4 * i + 4, 4) << 32;
        if (addr - start > bar->size - size)
            continue;
        *target = (struct target){ function, PCI_BAR0 + i, addr - start };
        return true;
    }
    return false;
}

static bool is_between(uint64_t addr, uint64_t base, uint64_t limit)
{
    return base <= addr && addr <= limit;
}

/* Whether one of a bridge's windows holds the address. */
static bool forwards(const struct pci_function *f, enum pci_space space, uint64_t addr)
{
    uint64_t io_high = (uint64_t)pci_get(f, PCI_IO_BASE_HIGH, 2) << 16;
    uint64_t io_limit_high = (uint64_t)pci_get(f, PCI_IO_LIMIT_HIGH, 2) << 16;
    uint64_t high = (uint64_t)pci_get(f, PCI_PREFETCH_BASE_HIGH, 4) << 32;
    uint64_t limit_high = (uint64_t)pci_get(f, PCI_PREFETCH_LIMIT_HIGH, 4) << 32;

    if (space == PCI_SPACE_IO)
        return is_between(addr, io_high | (pci_get(f, PCI_IO_BASE, 1) & 0xf0) << 8,
                          io_limit_high | (pci_get(f, PCI_IO_LIMIT, 1) & 0xf0) << 8 |
                              0xfff);
    return is_between(addr, (uint64_t)(pci_get(f, PCI_MEMORY_BASE, 2) & 0xfff0) << 16,
                      (uint64_t)(pci_get(f, PCI_MEMORY_LIMIT, 2) & 0xfff0) << 16 |
                          0xfffff) ||
           is_between(
               addr, high | (uint64_t)(pci_get(f, PCI_PREFETCH_BASE, 2) & 0xfff0) << 16,
               limit_high | (uint64_t)(pci_get(f, PCI_PREFETCH_LIMIT, 2) & 0xfff0) << 16 |
                   0xfffff);
}

static bool find_target(const struct pci_bus *bus, enum pci_space space, uint64_t addr,
                        unsigned size, struct target *target)
{
    for (unsigned i = 0; i < bus->count; i++) {
        struct pci_function *function = bus->functions[i];
        const struct pci_bus *next = behind(bus, function);

        if (!is_decoding(function, space))
            continue;
        if (find_bar(function, space, addr, size, target) ||
            (next && forwards(function, space, addr) &&
             find_target(next, space, addr, size, target)))
            return true;
    }
    return false;
}

uint64_t pci_read(const struct pci_bus *bus, enum pci_space space, uint64_t addr,
                  unsigned size)
{
    struct target target;

    if (!find_target(bus, space, addr, size, &target))
        return UINT64_MAX;
    return dev_read(&target.function->dev, target.region, target.offset, size);
}

void pci_write(const struct pci_bus *bus, enum pci_space space, uint64_t addr,
               unsigned size, uint64_t value)
{
    struct target target;

    if (find_target(bus, space, addr, size, &target))
        dev_write(&target.function->dev, target.region, target.offset, size, value);
}
