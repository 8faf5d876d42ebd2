/* pci.c - a PCI function: its configuration space, its pin, its place on a bus.  Buses
 * are in pci_bus.c, MSI-X in pci_msix.c. */
#include "dev/pci.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"

/* Registers of the header that are the same for all kinds of functions, beside those of
 * pci.h. */
enum {
    STATUS = 0x06,
    REVISION_ID = 0x08,
    CLASS_CODE = 0x09,
    CACHE_LINE_SIZE = 0x0c,
    CAPABILITIES = 0x34,
    FIRST_CAPABILITY = 0x40,
};
/* Of the command, beside those of pci.h. */
enum { PARITY_ERROR_RESPONSE = 0x40, SERR_ENABLE = 0x100, INTERRUPT_DISABLE = 0x400 };
/* Of the status. */
enum { INTERRUPT_STATUS = 0x8, CAPABILITIES_LIST = 0x10, ERROR_BITS = 0xf900 };
enum { MULTIFUNCTION = 0x80, BRIDGE = 1 }; /* of the header's type */

static const struct pci_reg header[] = {
    { PCI_COMMAND, 2, 0,
      PCI_IO_SPACE | PCI_MEMORY_SPACE | PCI_BUS_MASTER | PARITY_ERROR_RESPONSE |
          SERR_ENABLE | INTERRUPT_DISABLE },
    { STATUS, 2, .clears = ERROR_BITS },
    { CACHE_LINE_SIZE, 1, .writable = 0xff },
    { PCI_INTERRUPT_LINE, 1, .writable = 0xff },
    { 0 },
};

const struct field pci_fields[] = {
    FIELD_ARRAY(struct pci_function, config),
    FIELD(struct pci_function, intx),
    FIELD_ARRAY(struct pci_function, vector_table),
    FIELD(struct pci_function, pending),
    { 0 },
};

/* ------------------------------------------------------------------ numbers in bytes */

static uint32_t get_bytes(const uint8_t *bytes, unsigned size)
{
    uint32_t value = 0;

    for (unsigned i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static void put_bytes(uint8_t *bytes, unsigned size, uint32_t value)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = value >> 8 * i;
}

uint32_t pci_get(const struct pci_function *function, unsigned offset, unsigned size)
{
    return get_bytes(function->config + offset, size);
}

/* ---------------------------------------------------------------------------- master */

/* With all bridges between it and the host. */
bool pci_is_master(const struct pci_function *function)
{
    while (function && (pci_get(function, PCI_COMMAND, 2) & PCI_BUS_MASTER)) {
        function = pci_bridge(function);
        if (!function)
            return true;
    }
    return false;
}

static struct pci_function *function_of(struct dma *dma)
{
    return (struct pci_function *)(void *)((char *)dma -
                                           offsetof(struct pci_function, dma));
}

static int master_read(struct dma *dma, uint64_t addr, void *to, size_t size)
{
    struct pci_function *function = function_of(dma);

    return pci_is_master(function) ? dma_read(function->dev.dma, addr, to, size) : -1;
}

static int master_write(struct dma *dma, uint64_t addr, const void *from, size_t size)
{
    struct pci_function *function = function_of(dma);

    return pci_is_master(function) ? dma_write(function->dev.dma, addr, from, size) : -1;
}

static size_t master_map(struct dma *dma, uint64_t addr, size_t size, bool write,
                         void **host)
{
    struct pci_function *function = function_of(dma);

    return pci_is_master(function) ? dma_map(function->dev.dma, addr, size, write, host)
                                   : 0;
}

/* ------------------------------------------------------------------------------- pin */

/* Which of the host's lines its pin leads to: each bus turns it by the slot that it comes
 * from.  *root becomes the host's bus. */
static unsigned host_line(const struct pci_function *function, struct pci_bus **root)
{
    unsigned line = function->config[PCI_INTERRUPT_PIN] - 1u;

    for (; function; function = pci_bridge(function)) {
        line = (line + (function->number >> 3)) % PCI_PINS;
        *root = function->bus;
    }
    return line;
}

static bool asks_by_pin(const struct pci_function *function)
{
    return function->intx && !pci_uses_vectors(function);
}

static void pin_changed(struct pci_function *function)
{
    bool is_on =
        asks_by_pin(function) && !(pci_get(function, PCI_COMMAND, 2) & INTERRUPT_DISABLE);
    struct pci_bus *root;
    unsigned line;

    if (is_on == function->is_on_line)
        return;
    function->is_on_line = is_on;
    line = host_line(function, &root);
    root->raised[line] += is_on ? 1 : -1;
    dev_irq(&root->bridge->dev, line, root->raised[line] > 0);
}

void pci_set_intx(struct pci_function *function, bool level)
{
    function->intx = level;
    pin_changed(function);
}

/* ----------------------------------------------------------------- configuration space
 */

uint64_t pci_config_read(const struct pci_function *function, struct access at)
{
    uint32_t value = pci_get(function, at.index, at.size);
    unsigned ahead = STATUS - at.index; /* bytes before the status; or it is large */

    if (ahead < at.size && asks_by_pin(function))
        value |= (uint32_t)INTERRUPT_STATUS << 8 * ahead;
    return value;
}

void pci_config_write(struct pci_function *function, struct access at, uint64_t value)
{
    for (unsigned i = at.index; i < at.index + at.size; i++, value >>= 8) {
        uint8_t kept = function->config[i] & ~function->writable[i];

        function->config[i] =
            (kept & ~(value & function->clears[i])) | (value & function->writable[i]);
    }
    pin_changed(function);
    pci_vectors_changed(function);
}

void pci_add_regs(struct pci_function *function, unsigned base,
                  const struct pci_reg *regs)
{
    for (; regs->size; regs++) {
        unsigned at = base + regs->offset;

        if (at + regs->size > PCI_CONFIG_BYTES)
            bug("%s: no configuration space at 0x%x", function->dev.class->name, at);
        put_bytes(function->initial + at, regs->size, regs->value);
        put_bytes(function->writable + at, regs->size, regs->writable);
        put_bytes(function->clears + at, regs->size, regs->clears);
    }
}

void pci_add_bar(struct pci_function *function, unsigned number, enum pci_bar_kind kind,
                 uint64_t size_bytes)
{
    static const uint8_t flags[] = { [PCI_MEMORY_32] = 0,
                                     [PCI_MEMORY_64] = 4,
                                     [PCI_MEMORY_64_PREFETCH] = 4 | 8,
                                     [PCI_IO] = 1 };
    uint64_t mask = ~(size_bytes - 1);
    bool is_wide = kind == PCI_MEMORY_64 || kind == PCI_MEMORY_64_PREFETCH;
    const struct pci_reg regs[] = {
        { 0, 4, flags[kind], (uint32_t)mask },
        { is_wide ? 4 : 0, is_wide ? 4 : 0, 0, mask >> 32 },
        { 0 },
    };

    if (size_bytes < 16 || (size_bytes & (size_bytes - 1)) ||
        number + is_wide >= PCI_BARS)
        bug("%s: base address register %u", function->dev.class->name, number);
    function->bars[number] = (struct pci_bar){ size_bytes, kind };
    pci_add_regs(function, PCI_BASE_ADDRESS + 4 * number, regs);
}

/* The latest is the first of the list, as QEMU has it. */
unsigned pci_add_capability(struct pci_function *function, uint8_t id, unsigned size,
                            const struct pci_reg *regs)
{
    unsigned at =
        function->capabilities_end ? function->capabilities_end : FIRST_CAPABILITY;

    function->capabilities_end = (at + size + 3) & ~3u;
    if (function->capabilities_end > PCI_CONFIG_BYTES)
        bug("%s: no room for capability 0x%x", function->dev.class->name, id);
    function->initial[at] = id;
    function->initial[at + 1] = function->initial[CAPABILITIES];
    function->initial[CAPABILITIES] = at;
    function->initial[STATUS] |= CAPABILITIES_LIST;
    pci_add_regs(function, at, regs);
    return at;
}

void pci_reset(struct pci_function *function)
{
    memcpy(function->config, function->initial, PCI_CONFIG_BYTES);
    pci_msix_reset(function);
    pci_set_intx(function, false);
}

int pci_loaded(struct pci_function *function)
{
    for (unsigned i = 0; i < PCI_CONFIG_BYTES; i++) {
        uint8_t changes = function->writable[i] | function->clears[i];

        if ((function->config[i] ^ function->initial[i]) & ~changes)
            return -1;
    }
    if (!pci_msix_is_valid(function))
        return -1;
    pin_changed(function);
    return 0;
}

/* -------------------------------------------------------------------------- its place */

/* What is wrong with its place on its bus; NULL: nothing, it has one. */
static const char *take_place(struct pci_function *function)
{
    struct pci_bus *bus = function->bus;
    unsigned number = function->number, at = 0;

    while (at < bus->count && bus->functions[at]->number < number)
        at++;
    if (at < bus->count && bus->functions[at]->number == number)
        return "is taken";
    if (number % 8) {
        const struct pci_function *first = pci_find(bus, 0, number & ~7u);

        if (!first || !first->multifunction)
            return "needs a function 0 with multifunction=on";
    }
    memmove(bus->functions + at + 1, bus->functions + at,
            (bus->count - at) * sizeof(*bus->functions));
    bus->functions[at] = function;
    bus->count++;
    return NULL;
}

/* SLOT or SLOT.FUNCTION. */
static const char *read_place(struct pci_function *function)
{
    char *end;
    unsigned long slot = strtoul(function->addr, &end, 16), number = 0;

    if (*end == '.')
        number = strtoul(end + 1, &end, 16);
    if (end == function->addr || *end || slot > 31 || number > 7)
        return "is no slot: want 0 to 1f, or as 3.1";
    if (slot >= function->bus->slots)
        return "is not there: the bus has the slot 0 only";
    function->number = slot << 3 | number;
    return take_place(function);
}

/* Where it got to is what its property says. */
static const char *tell_place(struct pci_function *function)
{
    char addr[8], error[DEV_ERROR];

    snprintf(addr, sizeof(addr), "%x.%u", function->number >> 3, function->number & 7);
    if (function->bridge)
        dev_set(&function->dev, "addr", addr, error);
    return NULL;
}

static const char *find_place(struct pci_function *function)
{
    if (function->addr)
        return read_place(function);
    for (unsigned slot = 0; slot < function->bus->slots; slot++) {
        function->number = slot << 3;
        if (!pci_find(function->bus, 0, function->number))
            return take_place(function) ? "is taken" : tell_place(function);
    }
    return "is not to be had: all slots are taken";
}

/* The bus that it is on; NULL: none. */
static struct pci_bus *find_bus(const struct pci_function *function)
{
    const struct dev *bridge = function->bridge;

    if (!bridge)
        return function->secondary;
    if (!bridge->class->provides || strcmp(bridge->class->provides, "pci"))
        return NULL;
    return ((const struct pci_function *)bridge)->secondary;
}

int pci_init(struct pci_function *function, const struct pci_id *id, char *error,
             size_t size)
{
    const struct pci_reg ids[] = {
        { PCI_VENDOR, 2, id->vendor },
        { PCI_DEVICE, 2, id->device },
        { REVISION_ID, 1, id->revision },
        { CLASS_CODE, 1, id->class_code },
        { PCI_CLASS, 2, id->class_code >> 8 },
        { PCI_HEADER_TYPE, 1,
          (function->multifunction ? MULTIFUNCTION : 0) | (id->is_bridge ? BRIDGE : 0) },
        { PCI_INTERRUPT_PIN, 1, id->pin },
        { 0 },
    };
    const struct pci_reg subsystem[] = {
        { PCI_SUBSYSTEM_VENDOR, 2, id->subsystem_vendor },
        { PCI_SUBSYSTEM, 2, id->subsystem },
        { 0 },
    };
    const char *fault;

    function->bus = find_bus(function);
    if (!function->bus) {
        snprintf(error, size, "%s needs a PCI bus that is there before it",
                 function->dev.name);
        return -1;
    }
    fault = find_place(function);
    if (fault) {
        snprintf(error, size, "%s: addr=%s %s", function->dev.name,
                 function->addr ? function->addr : "", fault);
        return -1;
    }
    function->dma = (struct dma){ master_read, master_write, master_map };
    pci_add_regs(function, 0, header);
    pci_add_regs(function, 0, ids);
    if (!id->is_bridge)
        pci_add_regs(function, 0, subsystem);
    return 0;
}
