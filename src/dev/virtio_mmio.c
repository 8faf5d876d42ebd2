/* virtio_mmio.c - a virtio slot in memory-mapped registers.
 *
 * An empty slot has the DeviceID 0.
 *
 * Spec: virtio 1.2, section 4.2 "Virtio Over MMIO".
 * Not modelled: shared memory regions (their length reads as -1: there are none). */
#include "dev/virtio.h"

#include <stdio.h>

enum {
    MAGIC_VALUE = 0x00,
    VERSION = 0x04,
    DEVICE_ID = 0x08,
    VENDOR_ID = 0x0c,
    DEVICE_FEATURES = 0x10,
    DEVICE_FEATURES_SEL = 0x14,
    DRIVER_FEATURES = 0x20,
    DRIVER_FEATURES_SEL = 0x24,
    QUEUE_SEL = 0x30,
    QUEUE_SIZE_MAX = 0x34,
    QUEUE_SIZE = 0x38,
    QUEUE_READY = 0x44,
    QUEUE_NOTIFY = 0x50,
    INTERRUPT_STATUS = 0x60,
    INTERRUPT_ACK = 0x64,
    STATUS = 0x70,
    QUEUE_DESC = 0x80,
    QUEUE_DRIVER = 0x90,
    QUEUE_DEVICE = 0xa0,
    SHM_SEL = 0xac,
    SHM_LEN = 0xb0,
    SHM_BASE = 0xb8,
    QUEUE_RESET = 0xc0,
    CONFIG_GENERATION = 0xfc,
    CONFIG = 0x100,
};

/* clang-format off */
static const struct reg regs[] = {
    { MAGIC_VALUE,         4, RO, "MagicValue"        },
    { VERSION,             4, RO, "Version"           },
    { DEVICE_ID,           4, RO, "DeviceID"          },
    { VENDOR_ID,           4, RO, "VendorID"          },
    { DEVICE_FEATURES,     4, RO, "DeviceFeatures"    },
    { DEVICE_FEATURES_SEL, 4, WO, "DeviceFeaturesSel" },
    { DRIVER_FEATURES,     4, WO, "DriverFeatures"    },
    { DRIVER_FEATURES_SEL, 4, WO, "DriverFeaturesSel" },
    { QUEUE_SEL,           4, WO, "QueueSel"          },
    { QUEUE_SIZE_MAX,      4, RO, "QueueSizeMax"      },
    { QUEUE_SIZE,          4, WO, "QueueSize"         },
    { QUEUE_READY,         4, RW, "QueueReady"        },
    { QUEUE_NOTIFY,        4, WO, "QueueNotify"       },
    { INTERRUPT_STATUS,    4, RO, "InterruptStatus"   },
    { INTERRUPT_ACK,       4, WO, "InterruptACK"      },
    { STATUS,              4, RW, "Status"            },
    { QUEUE_DESC,          4, WO, "QueueDesc%u",   .count = 2 }, /* low, high */
    { QUEUE_DRIVER,        4, WO, "QueueDriver%u", .count = 2 },
    { QUEUE_DEVICE,        4, WO, "QueueDevice%u", .count = 2 },
    { SHM_SEL,             4, WO, "SHMSel"            },
    { SHM_LEN,             4, RO, "SHMLen%u",      .count = 2 },
    { SHM_BASE,            4, RO, "SHMBase%u",     .count = 2 },
    { QUEUE_RESET,         4, RW, "QueueReset"        },
    { CONFIG_GENERATION,   4, RO, "ConfigGeneration"  },
    { CONFIG, 1 | 2 | 4 | 8, RW, "Config%u", .count = 0xf00, .stride = 1 },
    { 0 },
};
/* clang-format on */

enum { USED_BUFFERS = 1, CONFIG_CHANGED = 2 }; /* of InterruptStatus */

struct slot {
    struct dev dev;
    struct dev *device;
    struct virtio *virtio; /* the same, or NULL */
    struct virtio_driver driver;
    uint32_t interrupts;
};

static const struct field fields[] = {
    FIELD_STRUCT(struct slot, driver, virtio_driver_fields),
    FIELD(struct slot, interrupts),
    { 0 },
};

static const struct property properties[] = {
    PROPERTY(DEV, struct slot, device, "the virtio device in this slot"),
    { 0 },
};

/* ------------------------------------------------------------------------ interrupts */

static void slot_set_interrupts(struct slot *slot, uint32_t interrupts)
{
    slot->interrupts = interrupts;
    dev_irq(&slot->dev, 0, interrupts != 0);
}

static void slot_used(void *context, unsigned queue)
{
    struct slot *slot = context;

    (void)queue; /* all of them share the line */
    slot_set_interrupts(slot, slot->interrupts | USED_BUFFERS);
}

static void slot_config(void *context)
{
    struct slot *slot = context;

    slot_set_interrupts(slot, slot->interrupts | CONFIG_CHANGED);
}

/* ------------------------------------------------------------------------- registers */

static uint64_t slot_read(struct dev *dev, struct access at)
{
    struct slot *slot = (struct slot *)dev;
    struct virtio *virtio = slot->virtio;
    const struct virtqueue *queue =
        virtio ? virtio_queue(virtio, slot->driver.queue_sel) : NULL;

    switch (at.reg) {
    case MAGIC_VALUE: return 0x74726976; /* "virt" */
    case VERSION: return 2;
    case DEVICE_ID: return virtio ? virtio->type->id : 0;
    case VENDOR_ID: return 0x554d4551; /* as QEMU's: drivers have quirks by it */
    }
    if (!virtio)
        return 0;
    switch (at.reg) {
    case DEVICE_FEATURES: return virtio_read_offered(virtio, &slot->driver);
    case QUEUE_SIZE_MAX: return queue ? virtio->queue_max[queue->index] : 0;
    case QUEUE_READY: return queue && queue->is_ready;
    case INTERRUPT_STATUS: return slot->interrupts;
    case STATUS: return virtio->status;
    case SHM_LEN:
    case SHM_BASE: return UINT32_MAX;
    case QUEUE_RESET: return 0; /* it is done at once */
    case CONFIG_GENERATION: return virtio->generation;
    case CONFIG: return dev_read(slot->device, 0, at.index, at.size);
    }
    return 0;
}

static void slot_write_queue(struct virtqueue *queue, struct access at, uint32_t value)
{
    if (!queue)
        return;
    switch (at.reg) {
    case QUEUE_SIZE: virtio_set_queue_size(queue, value); break;
    case QUEUE_READY: virtio_set_queue_ready(queue, value & 1); break;
    case QUEUE_DESC:
    case QUEUE_DRIVER:
    case QUEUE_DEVICE:
        virtio_set_queue_area(queue, (at.reg - QUEUE_DESC) / (QUEUE_DRIVER - QUEUE_DESC),
                              at.index, value);
        break;
    case QUEUE_RESET: virtio_ask_queue_reset(queue, value); break;
    }
}

static void slot_write_status(struct slot *slot, uint32_t status)
{
    virtio_set_status(slot->virtio, status);
    if ((status & 0xff) == 0) {
        slot->driver.features = 0;
        slot_set_interrupts(slot, 0);
    }
}

static void slot_write(struct dev *dev, struct access at, uint64_t value)
{
    struct slot *slot = (struct slot *)dev;
    struct virtio *virtio = slot->virtio;

    if (!virtio)
        return;
    switch (at.reg) {
    case DEVICE_FEATURES_SEL: slot->driver.device_features_sel = value; break;
    case DRIVER_FEATURES_SEL: slot->driver.driver_features_sel = value; break;
    case DRIVER_FEATURES: virtio_write_features(virtio, &slot->driver, value); break;
    case QUEUE_SEL: slot->driver.queue_sel = value; break;
    case QUEUE_NOTIFY: virtio_kick(virtio, value); break;
    case INTERRUPT_ACK: slot_set_interrupts(slot, slot->interrupts & ~value); break;
    case STATUS: slot_write_status(slot, value); break;
    case CONFIG: dev_write(slot->device, 0, at.index, at.size, value); break;
    default:
        slot_write_queue(virtio_queue(virtio, slot->driver.queue_sel), at, value);
        break;
    }
}

/* ------------------------------------------------------------------------------ life */

static int slot_init(struct dev *dev, char *error, size_t size)
{
    struct slot *slot = (struct slot *)dev;

    slot->virtio = virtio_of(slot->device);
    if (slot->device && !slot->virtio) {
        snprintf(error, size, "%s is not a virtio device", slot->device->name);
        return -1;
    }
    if (slot->virtio)
        slot->virtio->transport =
            (struct virtio_transport){ slot_used, slot_config, slot };
    return 0;
}

static void slot_reset(struct dev *dev)
{
    struct slot *slot = (struct slot *)dev;

    slot->driver = (struct virtio_driver){ 0 };
    if (slot->virtio && slot->virtio->type)
        virtio_reset(slot->virtio);
    slot_set_interrupts(slot, 0);
}

static int slot_loaded(struct dev *dev)
{
    struct slot *slot = (struct slot *)dev;

    if (slot->interrupts & ~(uint32_t)(USED_BUFFERS | CONFIG_CHANGED))
        return -1;
    slot_set_interrupts(slot, slot->interrupts);
    return 0;
}

const struct dev_class virtio_mmio = {
    .name = "virtio-mmio",
    .doc = "virtio slot in memory-mapped registers",
    .provides = "virtio",
    .size = sizeof(struct slot),
    .mmio_size = 0x1000,
    .regs = regs,
    .fields = fields,
    .properties = properties,
    .state_version = 1,
    .init = slot_init,
    .reset = slot_reset,
    .read = slot_read,
    .write = slot_write,
    .loaded = slot_loaded,
};
