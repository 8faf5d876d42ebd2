/* pci.h - PCI functions, and the buses that they are on.
 *
 * A function is a device whose struct begins with a struct pci_function.  Its region 0 is
 * its configuration space; region PCI_BAR0 + n is what base address register n maps, so
 * that its class's table has the registers behind them.  A bus is its bridge's: a
 * function that `provides` "pci"; the host bridge (pcie_host.c) is the only one that is
 * on none.
 *
 * Where two base address registers map the same address, the function with the lower
 * number answers, and of one function the lower register; nothing else is changed by it,
 * and each is found again when the other has gone.  What a function maps outside the host
 * bridge's windows is out of reach, so no register gets on top of memory or of a board's
 * devices.
 *
 * Spec: PCI Local Bus 3.0; PCI Express Base 3.0, section 7 "Software Initialization and
 * Configuration"; PCI-to-PCI Bridge Architecture 1.2.
 * Not modelled: MSI without X, power management, error reporting, hot plug, expansion
 * ROMs, configuration space above 256 bytes. A write that is under way when Bus Master
 * Enable is cleared still ends. */
#ifndef RHEA_DEV_PCI_H
#define RHEA_DEV_PCI_H

#include "dev/dev.h"

enum { PCI_CONFIG = 0, PCI_BAR0 = 1 }; /* regions */
enum {
    PCI_BARS = 6,
    PCI_PINS = 4,
    PCI_VECTORS = 64, /* of a function, at most */
    PCI_SLOTS = 32,
    PCI_FUNCTIONS = 256, /* of a bus */
    PCI_CONFIG_BYTES = 256,
};

/* Registers of the header that several files know. */
enum {
    PCI_VENDOR = 0x00,
    PCI_DEVICE = 0x02,
    PCI_COMMAND = 0x04,
    PCI_CLASS = 0x0a, /* without the programming interface */
    PCI_HEADER_TYPE = 0x0e,
    PCI_BASE_ADDRESS = 0x10,
    PCI_SUBSYSTEM_VENDOR = 0x2c,
    PCI_SUBSYSTEM = 0x2e,
    PCI_INTERRUPT_LINE = 0x3c,
    PCI_INTERRUPT_PIN = 0x3d,
};
/* ... and of a bridge's header. */
enum {
    PCI_PRIMARY_BUS = 0x18,
    PCI_SECONDARY_BUS = 0x19,
    PCI_SUBORDINATE_BUS = 0x1a,
    PCI_IO_BASE = 0x1c,
    PCI_IO_LIMIT = 0x1d,
    PCI_MEMORY_BASE = 0x20,
    PCI_MEMORY_LIMIT = 0x22,
    PCI_PREFETCH_BASE = 0x24,
    PCI_PREFETCH_LIMIT = 0x26,
    PCI_PREFETCH_BASE_HIGH = 0x28,
    PCI_PREFETCH_LIMIT_HIGH = 0x2c,
    PCI_IO_BASE_HIGH = 0x30,
    PCI_IO_LIMIT_HIGH = 0x32,
};
/* Of the command. */
enum { PCI_IO_SPACE = 0x1, PCI_MEMORY_SPACE = 0x2, PCI_BUS_MASTER = 0x4 };

/* A row of a table of configuration registers, which ends with a row of zeros. */
struct pci_reg {
    uint8_t offset, size;
    uint32_t value;    /* after a reset */
    uint32_t writable; /* bits that software sets and clears ... */
    uint32_t clears;   /* ... and those that it clears by writing 1 */
};

struct pci_id {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class_code; /* 24 bits */
    uint8_t revision;
    uint8_t pin;    /* 1: INTA; 0: it has none */
    bool is_bridge; /* its header is a bridge's: no subsystem */
};

enum pci_bar_kind { PCI_MEMORY_32, PCI_MEMORY_64, PCI_MEMORY_64_PREFETCH = 3, PCI_IO };
struct pci_bar {
    uint64_t size; /* in bytes; 0: there is none */
    enum pci_bar_kind kind;
};

struct pci_bus;

struct pci_function {
    struct dev dev;
    struct dev *bridge;  /* property `bus`: what provides the bus that it is on */
    const char *addr;    /* property: SLOT or SLOT.FUNCTION in hexadecimal; NULL: free */
    bool multifunction;  /* property: others may be in its slot */
    struct pci_bus *bus; /* that it is on */
    struct pci_bus *secondary; /* of a bridge: the bus behind it */
    uint8_t number;            /* slot << 3 | function */
    struct pci_bar bars[PCI_BARS];
    uint8_t initial[PCI_CONFIG_BYTES], writable[PCI_CONFIG_BYTES];
    uint8_t clears[PCI_CONFIG_BYTES];
    uint16_t capabilities_end; /* 0: there are none */
    uint8_t msix;              /* its capability, or 0 */
    uint16_t vectors;
    struct dma dma;  /* what it reaches while Bus Master Enable is set */
    bool is_on_line; /* its pin is one of those that raise the host's line */
    /* saved */
    uint8_t config[PCI_CONFIG_BYTES];
    bool intx;                              /* it asks for an interrupt by its pin */
    uint32_t vector_table[4 * PCI_VECTORS]; /* as software sees it */
    uint64_t pending;                       /* a bit for each vector */
};

struct pci_bus {
    struct pci_function *bridge;
    unsigned slots;
    struct pci_function *functions[PCI_FUNCTIONS]; /* by their numbers */
    unsigned count;
    unsigned raised[PCI_PINS]; /* of the host's: how many functions raise the line */
};

/* --------------------------------------------------- for kinds of functions: the tables
 */

extern const struct field pci_fields[];
#define PCI_FIELDS(type) FIELD_STRUCT(type, function, pci_fields)
#define PCI_PROPERTIES(type)                                                             \
    { "bus", PROPERTY_DEV, offsetof(type, function.bridge), "the bus that it is on" },   \
        { "addr", PROPERTY_STRING, offsetof(type, function.addr),                        \
          "SLOT or SLOT.FUNCTION, in hexadecimal; the first free slot otherwise" },      \
    {                                                                                    \
        "multifunction", PROPERTY_BOOL, offsetof(type, function.multifunction),          \
            "others may be in its slot"                                                  \
    }
#define PCI_CONFIG_REGS                                                                  \
    {                                                                                    \
        0, 1 | 2 | 4, RW, "CONFIG%u", .count = PCI_CONFIG_BYTES, .stride = 1,            \
                                      .region = PCI_CONFIG                               \
    }
/* The registers of pci_add_msix(), which fill a base address register. */
enum { PCI_MSIX_TABLE = 0, PCI_MSIX_PBA = 0x800, PCI_MSIX_BYTES = 0x1000 };
#define PCI_MSIX_REGS(bar)                                                               \
    { PCI_MSIX_TABLE, 4 | 8, RW, "MSIX_TABLE%u", 4 * PCI_VECTORS, 4, PCI_BAR0 + (bar) }, \
    {                                                                                    \
        PCI_MSIX_PBA, 4 | 8, RO, "MSIX_PBA%u", 2, 4, PCI_BAR0 + (bar)                    \
    }

/* ---------------------------------------------------------------- for kinds of functions
 */

/* At init, this first.  0, or -1 and why in `error`. */
int pci_init(struct pci_function *function, const struct pci_id *id, char *error,
             size_t size);
void pci_add_regs(struct pci_function *function, unsigned base,
                  const struct pci_reg *regs);
/* A power of two from 16 bytes on; one of 64 bits takes the next number, too. */
void pci_add_bar(struct pci_function *function, unsigned number, enum pci_bar_kind kind,
                 uint64_t size_bytes);
/* `size`: with its two bytes for the list, which `regs` begins behind.  Returns where. */
unsigned pci_add_capability(struct pci_function *function, uint8_t id, unsigned size,
                            const struct pci_reg *regs);
void pci_add_msix(struct pci_function *function, unsigned bar, unsigned vectors);
/* It is a bridge with this bus behind it. */
void pci_add_bus(struct pci_function *function, struct pci_bus *secondary,
                 unsigned slots);
/* The PCI Express capability, and where: of an endpoint; of a root port. */
unsigned pci_add_express(struct pci_function *function);
void pci_add_express_port(struct pci_function *function, uint8_t port, uint16_t slot);
/* The bridge to its bus; NULL: it is on the host's. */
struct pci_function *pci_bridge(const struct pci_function *function);

/* What its class's functions call, for the regions that are PCI's. */
void pci_reset(struct pci_function *function);
int pci_loaded(struct pci_function *function);
uint64_t pci_config_read(const struct pci_function *function, struct access at);
void pci_config_write(struct pci_function *function, struct access at, uint64_t value);
uint64_t pci_msix_read(const struct pci_function *function, struct access at);
void pci_msix_write(struct pci_function *function, struct access at, uint64_t value);

/* A number of 1, 2 or 4 bytes in its configuration space. */
uint32_t pci_get(const struct pci_function *function, unsigned offset, unsigned size);
/* Raises and lowers its pin: of functions that send no vectors now. */
void pci_set_intx(struct pci_function *function, bool level);
bool pci_uses_vectors(const struct pci_function *function); /* MSI-X is on */
void pci_send_vector(struct pci_function *function, unsigned vector);

/* What a base address register says. */
uint64_t pci_bar_address(const struct pci_function *function, unsigned number);
bool pci_bar_is_64(const struct pci_bar *bar);

/* ------------------------------------------------------------------------ for bridges */

/* What a bridge passes on: [base, limit]; none: limit < base. */
enum pci_window_kind {
    PCI_WINDOW_IO,
    PCI_WINDOW_MEMORY,
    PCI_WINDOW_PREFETCH,
    PCI_WINDOWS
};
struct pci_window {
    uint64_t base, limit;
};
struct pci_window pci_window(const struct pci_function *bridge,
                             enum pci_window_kind kind);

/* A function below this bus, that is bus 0; NULL: there is none. */
struct pci_function *pci_find(const struct pci_bus *bus, unsigned bus_number,
                              unsigned number);
/* Accesses on a bus; what no function answers reads as ones. */
enum pci_space { PCI_SPACE_MEMORY, PCI_SPACE_IO };
uint64_t pci_read(const struct pci_bus *bus, enum pci_space space, uint64_t addr,
                  unsigned size);
void pci_write(const struct pci_bus *bus, enum pci_space space, uint64_t addr,
               unsigned size, uint64_t value);

/* ---------------------------------------------------------- between the core's own files
 */

void pci_msix_reset(struct pci_function *function);
bool pci_msix_is_valid(const struct pci_function *function); /* as loaded */
void pci_vectors_changed(struct pci_function *function); /* sends what waits no more */
bool pci_is_master(const struct pci_function *function);

#endif
