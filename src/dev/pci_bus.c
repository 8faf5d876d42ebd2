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

bool pci_bar_is_64(const struct pci_bar *bar)
{
    return bar->kind == PCI_MEMORY_64 || bar->kind == PCI_MEMORY_64_PREFETCH;
}

uint64_t pci_bar_address(const struct pci_function *function, unsigned number)
{
    unsigned at = PCI_BASE_ADDRESS + 4 * number;
    uint64_t address = pci_get(function, at, 4) & ~(uint64_t)15;

    if (pci_bar_is_64(&function->bars[number]))
        address |= (uint64_t)pci_get(function, at + 4, 4) << 32;
    return address;
}

static bool find_bar(struct pci_function *function, enum pci_space space, uint64_t addr,
                     unsigned size, struct target *target)
{
    for (unsigned i = 0; i < PCI_BARS; i++) {
        const struct pci_bar *bar = &function->bars[i];
        uint64_t start = pci_bar_address(function, i);

        if (bar->size < size || (bar->kind == PCI_IO) != (space == PCI_SPACE_IO))
            continue;
        if (addr - start > bar->size - size)
            continue;
        *target = (struct target){ function, PCI_BAR0 + i, addr - start };
        return true;
    }
    return false;
}

/* Where the halves of its base and limit are, and the bits of the lower ones that are no
 * type. */
static const struct window_regs {
    uint8_t size, base, limit, high_size, base_high, limit_high;
    uint8_t shift, high_shift; /* of the register; of the upper half */
    uint32_t mask;
} window_regs[PCI_WINDOWS] = {
    [PCI_WINDOW_IO] = { 1, PCI_IO_BASE, PCI_IO_LIMIT, 2, PCI_IO_BASE_HIGH,
                        PCI_IO_LIMIT_HIGH, 8, 16, 0xf0 },
    [PCI_WINDOW_MEMORY] = { 2, PCI_MEMORY_BASE, PCI_MEMORY_LIMIT, 0, 0, 0, 16, 0,
                            0xfff0 },
    [PCI_WINDOW_PREFETCH] = { 2, PCI_PREFETCH_BASE, PCI_PREFETCH_LIMIT, 4,
                              PCI_PREFETCH_BASE_HIGH, PCI_PREFETCH_LIMIT_HIGH, 16, 32,
                              0xfff0 },
};

static uint64_t window_end(const struct pci_function *bridge,
                           const struct window_regs *regs, unsigned low, unsigned high)
{
    uint64_t end = (uint64_t)(pci_get(bridge, low, regs->size) & regs->mask)
                   << regs->shift;

    if (regs->high_size)
        end |= (uint64_t)pci_get(bridge, high, regs->high_size) << regs->high_shift;
    return end;
}

struct pci_window pci_window(const struct pci_function *bridge, enum pci_window_kind kind)
{
    const struct window_regs *regs = &window_regs[kind];
    uint64_t granule = (uint64_t)(regs->mask & -regs->mask) << regs->shift;

    return (struct pci_window){
        window_end(bridge, regs, regs->base, regs->base_high),
        window_end(bridge, regs, regs->limit, regs->limit_high) | (granule - 1),
    };
}

static bool is_in_window(const struct pci_function *bridge, enum pci_window_kind kind,
                         uint64_t addr)
{
    struct pci_window window = pci_window(bridge, kind);

    return window.base <= addr && addr <= window.limit;
}

/* Whether one of a bridge's windows holds the address. */
static bool forwards(const struct pci_function *bridge, enum pci_space space,
                     uint64_t addr)
{
    if (space == PCI_SPACE_IO)
        return is_in_window(bridge, PCI_WINDOW_IO, addr);
    return is_in_window(bridge, PCI_WINDOW_MEMORY, addr) ||
           is_in_window(bridge, PCI_WINDOW_PREFETCH, addr);
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
