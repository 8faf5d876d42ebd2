/* virtio_mmio.c - a virtio slot in memory-mapped registers.
 *
 * Spec: virtio 1.2, section 4.2 "Virtio Over MMIO".
 * Not modelled: nothing can be plugged in yet, so DeviceID is 0, which tells a driver
 * that the slot is empty; all but the first four registers read as 0. */
#include "dev/dev.h"

enum { MAGIC_VALUE = 0x00, VERSION = 0x04, DEVICE_ID = 0x08, VENDOR_ID = 0x0c };

/* clang-format off */
static const struct reg regs[] = {
    { MAGIC_VALUE, 4, RO, "MagicValue" },
    { VERSION,     4, RO, "Version"    },
    { DEVICE_ID,   4, RO, "DeviceID"   },
    { VENDOR_ID,   4, RO, "VendorID"   },
    { 0x10,        4, RW, "empty%u",  .count = (0x100 - 0x10) / 4 },
    { 0x100, 1 | 2 | 4 | 8, RW, "Config%u", .count = 0xf00, .stride = 1 },
    { 0 },
};
/* clang-format on */

struct slot {
    struct dev dev;
};

static uint64_t slot_read(struct dev *dev, struct access at)
{
    (void)dev;
    switch (at.reg) {
    case MAGIC_VALUE: return 0x74726976; /* "virt" */
    case VERSION: return 2;
    case DEVICE_ID: return 0;
    case VENDOR_ID: return 0x554d4551; /* as QEMU's: drivers have quirks by it */
    }
    return 0;
}

static void slot_write(struct dev *dev, struct access at, uint64_t value)
{
    (void)dev;
    (void)at;
    (void)value;
}

const struct dev_class virtio_mmio = {
    .name = "virtio-mmio",
    .doc = "virtio slot in memory-mapped registers",
    .size = sizeof(struct slot),
    .mmio_size = 0x1000,
    .regs = regs,
    .read = slot_read,
    .write = slot_write,
};
