/* pci_msix.c - MSI-X: interrupts of a PCI function that are messages, one address and
 * number for each vector.
 *
 * Spec: PCI Local Bus 3.0, section 6.8 "Message Signaled Interrupts". */
#include "dev/pci.h"

#include <string.h>

#include "base/report.h"

enum { CAPABILITY = 0x11, CONTROL = 2, TABLE = 4, PBA = 8, CAPABILITY_BYTES = 12 };
enum { ENABLE = 0x8000, FUNCTION_MASK = 0x4000 }; /* of the control register */
/* A vector in the table: its 32-bit parts, and what can be written to them. */
enum { ADDRESS, ADDRESS_HIGH, DATA, VECTOR_CONTROL, PARTS };
enum { MASKED = 1 }; /* of a vector's control */
static const uint32_t part_writable[PARTS] = { ~UINT32_C(3), UINT32_MAX, UINT32_MAX,
                                               MASKED };

void pci_add_msix(struct pci_function *function, unsigned bar, unsigned vectors)
{
    const struct pci_reg regs[] = {
        { CONTROL, 2, vectors - 1, ENABLE | FUNCTION_MASK },
        { TABLE, 4, PCI_MSIX_TABLE | bar },
        { PBA, 4, PCI_MSIX_PBA | bar },
        { 0 },
    };

    if (!vectors || vectors > PCI_VECTORS)
        bug("%s: %u vectors", function->dev.class->name, vectors);
    function->vectors = vectors;
    function->msix = pci_add_capability(function, CAPABILITY, CAPABILITY_BYTES, regs);
    pci_add_bar(function, bar, PCI_MEMORY_32, PCI_MSIX_BYTES);
}

static unsigned control(const struct pci_function *function)
{
    return function->msix ? pci_get(function, function->msix + CONTROL, 2) : 0;
}

bool pci_uses_vectors(const struct pci_function *function)
{
    return control(function) & ENABLE;
}

static void send_now(struct pci_function *function, unsigned vector)
{
    const uint32_t *parts = &function->vector_table[PARTS * vector];

    if (pci_is_master(function))
        msi_send(function->dev.msi, (uint64_t)parts[ADDRESS_HIGH] << 32 | parts[ADDRESS],
                 parts[DATA]);
}

static bool is_masked(const struct pci_function *function, unsigned vector)
{
    return (control(function) & FUNCTION_MASK) ||
           (function->vector_table[PARTS * vector + VECTOR_CONTROL] & MASKED);
}

void pci_send_vector(struct pci_function *function, unsigned vector)
{
    if (!pci_uses_vectors(function) || vector >= function->vectors)
        return;
    if (is_masked(function, vector))
        function->pending |= UINT64_C(1) << vector;
    else
        send_now(function, vector);
}

void pci_vectors_changed(struct pci_function *function)
{
    if (!function->pending || !pci_uses_vectors(function))
        return;
    for (unsigned vector = 0; vector < function->vectors; vector++) {
        uint64_t bit = UINT64_C(1) << vector;

        if (!(function->pending & bit) || is_masked(function, vector))
            continue;
        function->pending &= ~bit;
        send_now(function, vector);
    }
}

/* Part `index` of the table, of vectors that there are. */
static void write_part(struct pci_function *function, unsigned index, uint32_t value)
{
    if (index < PARTS * function->vectors)
        function->vector_table[index] = value & part_writable[index % PARTS];
}

static uint32_t read_part(const struct pci_function *function, struct access at,
                          unsigned index)
{
    if (at.reg == PCI_MSIX_PBA)
        return index < 2 ? function->pending >> 32 * index : 0;
    return index < PARTS * function->vectors ? function->vector_table[index] : 0;
}

uint64_t pci_msix_read(const struct pci_function *function, struct access at)
{
    uint64_t high = at.size == 8 ? read_part(function, at, at.index + 1) : 0;

    return high << 32 | read_part(function, at, at.index);
}

void pci_msix_write(struct pci_function *function, struct access at, uint64_t value)
{
    write_part(function, at.index, (uint32_t)value);
    if (at.size == 8)
        write_part(function, at.index + 1, value >> 32);
    pci_vectors_changed(function);
}

void pci_msix_reset(struct pci_function *function)
{
    memset(function->vector_table, 0, sizeof(function->vector_table));
    for (unsigned vector = 0; vector < function->vectors; vector++)
        function->vector_table[PARTS * vector + VECTOR_CONTROL] = MASKED;
    function->pending = 0;
}

bool pci_msix_is_valid(const struct pci_function *function)
{
    for (unsigned i = 0; i < PARTS * PCI_VECTORS; i++) {
        uint32_t may_be = i < PARTS * function->vectors ? part_writable[i % PARTS] : 0;

        if (function->vector_table[i] & ~may_be)
            return false;
    }
    return function->vectors == PCI_VECTORS || !(function->pending >> function->vectors);
}
