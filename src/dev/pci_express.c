/* pci_express.c - the PCI Express capability: of a link at 2.5 GT/s with one lane, as all
 * links here say they are.
 *
 * Spec: PCI Express Base 3.0, section 7.8 "PCI Express Capability Structure".
 * Not modelled: error reporting, power, hot plug, link training: the link is up. */
#include "dev/pci.h"

enum {
    CAPABILITY = 0x10,
    PCIE_CAPABILITIES = 0x02,
    DEVICE_CAPABILITIES = 0x04,
    DEVICE_CONTROL = 0x08,
    DEVICE_STATUS = 0x0a,
    LINK_CAPABILITIES = 0x0c,
    LINK_CONTROL = 0x10,
    LINK_STATUS = 0x12,
    SLOT_CAPABILITIES = 0x14,
    SLOT_STATUS = 0x1a,
    ROOT_CONTROL = 0x1c,
    LINK_CAPABILITIES_2 = 0x2c,
    LINK_CONTROL_2 = 0x30,
    CAPABILITY_BYTES = 0x3c,
};
enum { VERSION = 2, TYPE_SHIFT = 4, ROOT_PORT = 4, SLOT_IMPLEMENTED = 0x100 };
enum { ROLE_BASED_ERRORS = 0x8000 };
/* Of device control: what may be written, and relaxed ordering, no snoop, 512 bytes. */
enum { DEVICE_CONTROL_WRITABLE = 0x78ff, DEVICE_CONTROL_VALUE = 0x2810 };
enum { DEVICE_ERRORS = 0xf };
enum { SPEED = 1, LANES = 1 << 4 }; /* of link capabilities and status */
enum { ACTIVE_REPORTED = 0x100000, PORT_SHIFT = 24, LINK_ACTIVE = 0x2000 };
enum { LINK_CONTROL_WRITABLE = 0xcb }; /* ASPM, boundary, clock, synch */
enum { SLOT_NUMBER_SHIFT = 19, PRESENT = 0x40 };
enum { ROOT_CONTROL_WRITABLE = 0xf };
enum { SPEED_VECTOR = 1 << 1 };

unsigned pci_add_express(struct pci_function *function)
{
    static const struct pci_reg regs[] = {
        { PCIE_CAPABILITIES, 2, VERSION },
        { DEVICE_CAPABILITIES, 4, ROLE_BASED_ERRORS },
        { DEVICE_CONTROL, 2, DEVICE_CONTROL_VALUE, DEVICE_CONTROL_WRITABLE },
        { DEVICE_STATUS, 2, .clears = DEVICE_ERRORS },
        { LINK_CAPABILITIES, 4, SPEED | LANES },
        { LINK_CONTROL, 2, 0, LINK_CONTROL_WRITABLE },
        { LINK_STATUS, 2, SPEED | LANES },
        { LINK_CAPABILITIES_2, 4, SPEED_VECTOR },
        { LINK_CONTROL_2, 2, SPEED },
        { 0 },
    };

    return pci_add_capability(function, CAPABILITY, CAPABILITY_BYTES, regs);
}

void pci_add_express_port(struct pci_function *function, uint8_t port, uint16_t slot)
{
    const struct pci_reg regs[] = {
        { PCIE_CAPABILITIES, 2, VERSION | ROOT_PORT << TYPE_SHIFT | SLOT_IMPLEMENTED },
        { LINK_CAPABILITIES, 4,
          SPEED | LANES | ACTIVE_REPORTED | (uint32_t)port << PORT_SHIFT },
        { LINK_STATUS, 2, SPEED | LANES | LINK_ACTIVE },
        { SLOT_CAPABILITIES, 4, (uint32_t)slot << SLOT_NUMBER_SHIFT },
        { SLOT_STATUS, 2, PRESENT },
        { ROOT_CONTROL, 2, 0, ROOT_CONTROL_WRITABLE },
        { 0 },
    };

    pci_add_regs(function, pci_add_express(function), regs);
}
