/* virtio_pci.c - a virtio device as a PCI function.
 *
 * Base address register 1 has the MSI-X tables, 4 (and 5) the virtio structures, each in
 * a page of its own; capabilities say so.  Where the system takes no messages all
 * interrupts are the pin's.
 *
 * Spec: virtio 1.2, section 4.1 "Virtio Over PCI Bus".
 * Not modelled: the legacy interface (so device identifiers are those from 0x1040 on),
 * shared memory, notification data. */
#include "dev/pci.h"
#include "dev/virtio.h"

#include <stdio.h>
#include <string.h>

enum { MSIX_BAR = 1, VIRTIO_BAR = 4, VIRTIO_REGION = PCI_BAR0 + VIRTIO_BAR };

/* The structures in VIRTIO_BAR: where they are, and the registers of the first. */
enum { COMMON = 0x0000, ISR = 0x1000, DEVICE = 0x2000, NOTIFY = 0x3000, END = 0x4000 };
enum {
    DEVICE_FEATURE_SELECT = 0x00,
    DEVICE_FEATURE = 0x04,
    DRIVER_FEATURE_SELECT = 0x08,
    DRIVER_FEATURE = 0x0c,
    CONFIG_MSIX_VECTOR = 0x10,
    NUM_QUEUES = 0x12,
    DEVICE_STATUS = 0x14,
    CONFIG_GENERATION = 0x15,
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18,
    QUEUE_MSIX_VECTOR = 0x1a,
    QUEUE_ENABLE = 0x1c,
    QUEUE_NOTIFY_OFF = 0x1e,
    QUEUE_DESC = 0x20,
    QUEUE_DRIVER = 0x28,
    QUEUE_DEVICE = 0x30,
    QUEUE_NOTIFY_DATA = 0x38,
    QUEUE_RESET = 0x3a,
};
enum { NOTIFY_STEP = 4 }; /* bytes from queue to queue */
enum { NO_VECTOR = 0xffff };
enum { QUEUE_INTERRUPT = 1, CONFIG_INTERRUPT = 2 }; /* of ISR */

/* clang-format off */
#define R(offset, widths, access, name, ...) \
    { offset, widths, access, name, .region = VIRTIO_REGION, __VA_ARGS__ }
static const struct reg regs[] = {
    PCI_CONFIG_REGS,
    PCI_MSIX_REGS(MSIX_BAR),
    R(DEVICE_FEATURE_SELECT, 4, RW, "device_feature_select"),
    R(DEVICE_FEATURE,        4, RO, "device_feature"),
    R(DRIVER_FEATURE_SELECT, 4, RW, "driver_feature_select"),
    R(DRIVER_FEATURE,        4, RW, "driver_feature"),
    R(CONFIG_MSIX_VECTOR,    2, RW, "config_msix_vector"),
    R(NUM_QUEUES,            2, RO, "num_queues"),
    R(DEVICE_STATUS,         1, RW, "device_status"),
    R(CONFIG_GENERATION,     1, RO, "config_generation"),
    R(QUEUE_SELECT,          2, RW, "queue_select"),
    R(QUEUE_SIZE,            2, RW, "queue_size"),
    R(QUEUE_MSIX_VECTOR,     2, RW, "queue_msix_vector"),
    R(QUEUE_ENABLE,          2, RW, "queue_enable"),
    R(QUEUE_NOTIFY_OFF,      2, RO, "queue_notify_off"),
    R(QUEUE_DESC,            4, RW, "queue_desc%u",   .count = 2), /* low, high */
    R(QUEUE_DRIVER,          4, RW, "queue_driver%u", .count = 2),
    R(QUEUE_DEVICE,          4, RW, "queue_device%u", .count = 2),
    R(QUEUE_NOTIFY_DATA,     2, RO, "queue_notify_data"),
    R(QUEUE_RESET,           2, RW, "queue_reset"),
    R(ISR,                   1, RO, "ISR"),
    R(DEVICE, 1 | 2 | 4 | 8, RW, "device%u", .count = 0x1000, .stride = 1),
    R(NOTIFY,            2 | 4, WO, "notify%u", .count = VIRTIO_QUEUES),
    { 0 },
};
#undef R
/* clang-format on */

struct vpci {
    struct pci_function function;
    struct dev *device;
    struct virtio *virtio; /* the same */
    uint32_t vectors;      /* asked for; UINT32_MAX: one for each queue, and one */
    const char *disable_legacy, *romfile;
    bool disable_modern;
    unsigned window; /* the capability for accesses through configuration space */
    /* saved */
    struct virtio_driver driver;
    uint16_t config_vector, queue_vectors[VIRTIO_QUEUES];
    uint8_t isr;
};

static const struct field fields[] = {
    PCI_FIELDS(struct vpci),
    FIELD_STRUCT(struct vpci, driver, virtio_driver_fields),
    FIELD(struct vpci, config_vector),
    FIELD_ARRAY(struct vpci, queue_vectors),
    FIELD(struct vpci, isr),
    { 0 },
};

static const struct property properties[] = {
    PCI_PROPERTIES(struct vpci),
    PROPERTY(DEV, struct vpci, device, "the virtio device (it comes with it)"),
    PROPERTY(U32, struct vpci, vectors,
             "MSI-X vectors; 0: only the pin; one more than queues otherwise", UINT32_MAX,
             0, PCI_VECTORS),
    { "disable-legacy", PROPERTY_STRING, offsetof(struct vpci, disable_legacy),
      "on or auto: there is no legacy interface" },
    { "disable-modern", PROPERTY_BOOL, offsetof(struct vpci, disable_modern),
      "off: there is the modern interface only" },
    { "romfile", PROPERTY_STRING, offsetof(struct vpci, romfile),
      "empty: there are no expansion ROMs" },
    { 0 },
};

/* ------------------------------------------------------------------------ interrupts */

static void set_isr(struct vpci *v, uint8_t isr)
{
    v->isr = isr;
    pci_set_intx(&v->function, isr != 0);
}

/* By the vector that the driver has chosen, or by the pin. */
static void interrupt(struct vpci *v, uint8_t why, uint16_t vector)
{
    if (pci_uses_vectors(&v->function))
        pci_send_vector(&v->function, vector);
    else
        set_isr(v, v->isr | why);
}

static void vpci_used(void *context, unsigned queue)
{
    struct vpci *v = context;

    interrupt(v, QUEUE_INTERRUPT, v->queue_vectors[queue]);
}

static void vpci_config(void *context)
{
    struct vpci *v = context;

    interrupt(v, CONFIG_INTERRUPT, v->config_vector);
}

/* What a vector register becomes: the driver reads it to see whether there is such a
 * vector. */
static uint16_t vector_of(const struct vpci *v, uint64_t value)
{
    return value < v->function.vectors ? value : NO_VECTOR;
}

/* --------------------------------------------------------------- the common structure */

static uint32_t half(uint64_t whole, uint32_t index)
{
    return whole >> 32 * index;
}

static uint32_t queue_read(const struct vpci *v, const struct virtqueue *queue,
                           struct access at)
{
    switch (at.reg) {
    case QUEUE_SIZE: return queue->size;
    case QUEUE_MSIX_VECTOR: return v->queue_vectors[queue->index];
    case QUEUE_ENABLE: return queue->is_ready;
    case QUEUE_NOTIFY_OFF:
    case QUEUE_NOTIFY_DATA: return queue->index;
    case QUEUE_DESC: return half(queue->desc, at.index);
    case QUEUE_DRIVER: return half(queue->driver, at.index);
    case QUEUE_DEVICE: return half(queue->device, at.index);
    }
    return 0; /* a reset is done at once */
}

static void queue_write(struct vpci *v, struct virtqueue *queue, struct access at,
                        uint32_t value)
{
    switch (at.reg) {
    case QUEUE_SIZE: virtio_set_queue_size(queue, value); break;
    case QUEUE_MSIX_VECTOR: v->queue_vectors[queue->index] = vector_of(v, value); break;
    case QUEUE_ENABLE:
        if (value & 1) /* only a reset takes it back */
            virtio_set_queue_ready(queue, true);
        break;
    case QUEUE_DESC:
    case QUEUE_DRIVER:
    case QUEUE_DEVICE:
        virtio_set_queue_area(queue, (at.reg - QUEUE_DESC) / (QUEUE_DRIVER - QUEUE_DESC),
                              at.index, value);
        break;
    case QUEUE_RESET: virtio_ask_queue_reset(queue, value); break;
    }
}

static uint8_t read_isr(struct vpci *v)
{
    uint8_t isr = v->isr;

    set_isr(v, 0);
    return isr;
}

static void forget_driver(struct vpci *v)
{
    v->driver = (struct virtio_driver){ 0 };
    v->config_vector = NO_VECTOR;
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
        v->queue_vectors[i] = NO_VECTOR;
    set_isr(v, 0);
}

static void write_status(struct vpci *v, uint8_t status)
{
    virtio_set_status(v->virtio, status);
    if (!status)
        forget_driver(v);
}

static uint64_t virtio_read(struct vpci *v, struct access at)
{
    const struct virtqueue *queue = virtio_queue(v->virtio, v->driver.queue_sel);

    switch (at.reg) {
    case DEVICE_FEATURE_SELECT: return v->driver.device_features_sel;
    case DEVICE_FEATURE: return virtio_read_offered(v->virtio, &v->driver);
    case DRIVER_FEATURE_SELECT: return v->driver.driver_features_sel;
    case DRIVER_FEATURE: return virtio_read_features(&v->driver);
    case CONFIG_MSIX_VECTOR: return v->config_vector;
    case NUM_QUEUES: return v->virtio->queue_count;
    case DEVICE_STATUS: return v->virtio->status;
    case CONFIG_GENERATION: return v->virtio->generation;
    case QUEUE_SELECT: return v->driver.queue_sel;
    case ISR: return read_isr(v);
    case DEVICE: return dev_read(v->device, 0, at.index, at.size);
    default: return queue ? queue_read(v, queue, at) : 0;
    }
}

static void virtio_write(struct vpci *v, struct access at, uint64_t value)
{
    struct virtqueue *queue = virtio_queue(v->virtio, v->driver.queue_sel);

    switch (at.reg) {
    case DEVICE_FEATURE_SELECT: v->driver.device_features_sel = value; break;
    case DRIVER_FEATURE_SELECT: v->driver.driver_features_sel = value; break;
    case DRIVER_FEATURE: virtio_write_features(v->virtio, &v->driver, value); break;
    case CONFIG_MSIX_VECTOR: v->config_vector = vector_of(v, value); break;
    case DEVICE_STATUS: write_status(v, value); break;
    case QUEUE_SELECT: v->driver.queue_sel = value; break;
    case NOTIFY: virtio_kick(v->virtio, at.index); break;
    case DEVICE: dev_write(v->device, 0, at.index, at.size, value); break;
    default:
        if (queue)
            queue_write(v, queue, at, value);
        break;
    }
}

/* ------------------------------------------------------------------------ capabilities
 */

/* A virtio structure's capability, from its head on. */
enum {
    CAP_VENDOR = 0x09, /* what it is to PCI */
    CAP_LENGTH = 2,    /* of the capability */
    CAP_TYPE = 3,
    CAP_BAR = 4,
    CAP_OFFSET = 8,
    CAP_SIZE = 12, /* of the structure */
    CAP_MORE = 16, /* where the larger ones go on */
};
enum { TYPE_COMMON = 1, TYPE_NOTIFY, TYPE_ISR, TYPE_DEVICE, TYPE_WINDOW };

static const struct structure {
    uint8_t type, length;
    uint16_t offset, size;
    uint32_t more;
} structures[] = {
    { TYPE_COMMON, CAP_MORE, COMMON, ISR - COMMON },
    { TYPE_ISR, CAP_MORE, ISR, DEVICE - ISR },
    { TYPE_DEVICE, CAP_MORE, DEVICE, NOTIFY - DEVICE },
    { TYPE_NOTIFY, CAP_MORE + 4, NOTIFY, END - NOTIFY, NOTIFY_STEP },
};

static void add_structures(struct vpci *v)
{
    static const struct pci_reg window[] = {
        { CAP_LENGTH, 1, CAP_MORE + 4 },
        { CAP_TYPE, 1, TYPE_WINDOW },
        { CAP_BAR, 1, 0, 0xff },
        { CAP_OFFSET, 4, 0, UINT32_MAX },
        { CAP_SIZE, 4, 0, UINT32_MAX },
        { CAP_MORE, 4, 0, UINT32_MAX },
        { 0 },
    };

    for (size_t i = 0; i < sizeof(structures) / sizeof(*structures); i++) {
        const struct structure *s = &structures[i];
        const struct pci_reg cap[] = {
            { CAP_LENGTH, 1, s->length },
            { CAP_TYPE, 1, s->type },
            { CAP_BAR, 1, VIRTIO_BAR },
            { CAP_OFFSET, 4, s->offset },
            { CAP_SIZE, 4, s->size },
            { s->more ? CAP_MORE : 0, s->more ? 4 : 0, s->more },
            { 0 },
        };

        pci_add_capability(&v->function, CAP_VENDOR, s->length, cap);
    }
    v->window = pci_add_capability(&v->function, CAP_VENDOR, CAP_MORE + 4, window);
    pci_add_bar(&v->function, VIRTIO_BAR, PCI_MEMORY_64_PREFETCH, END);
}

/* An access to the window's data is one to what its other registers say. */
static bool is_window(const struct vpci *v, struct access at)
{
    unsigned data = v->window + CAP_MORE;

    return at.index < data + 4 && at.index + at.size > data;
}

/* 0: it leads nowhere. */
static unsigned window_size(const struct vpci *v, uint32_t *offset)
{
    uint32_t size = pci_get(&v->function, v->window + CAP_SIZE, 4);

    *offset = pci_get(&v->function, v->window + CAP_OFFSET, 4);
    if (pci_get(&v->function, v->window + CAP_BAR, 1) != VIRTIO_BAR || *offset >= END ||
        (size != 1 && size != 2 && size != 4))
        return 0;
    return size;
}

static uint64_t config_read(struct vpci *v, struct access at)
{
    uint32_t offset, value;
    unsigned size = is_window(v, at) ? window_size(v, &offset) : 0;

    if (size) {
        value = dev_read(&v->function.dev, VIRTIO_REGION, offset, size);
        for (unsigned i = 0; i < size; i++)
            v->function.config[v->window + CAP_MORE + i] = value >> 8 * i;
    }
    return pci_config_read(&v->function, at);
}

static void config_write(struct vpci *v, struct access at, uint64_t value)
{
    uint32_t offset;
    unsigned size;

    pci_config_write(&v->function, at, value);
    size = is_window(v, at) ? window_size(v, &offset) : 0;
    if (size)
        dev_write(&v->function.dev, VIRTIO_REGION, offset, size,
                  pci_get(&v->function, v->window + CAP_MORE, size));
}

/* -------------------------------------------------------------------------- registers */

static uint64_t vpci_read(struct dev *dev, struct access at)
{
    struct vpci *v = (struct vpci *)dev;

    switch (at.region) {
    case PCI_CONFIG: return config_read(v, at);
    case VIRTIO_REGION: return virtio_read(v, at);
    default: return pci_msix_read(&v->function, at);
    }
}

static void vpci_write(struct dev *dev, struct access at, uint64_t value)
{
    struct vpci *v = (struct vpci *)dev;

    switch (at.region) {
    case PCI_CONFIG: config_write(v, at, value); break;
    case VIRTIO_REGION: virtio_write(v, at, value); break;
    default: pci_msix_write(&v->function, at, value); break;
    }
}

/* ------------------------------------------------------------------------------- life */

/* Class codes as QEMU's, by virtio identifier. */
static uint32_t class_code(uint16_t id)
{
    switch (id) {
    case 1: return 0x020000;  /* Ethernet controller */
    case 2: return 0x010000;  /* SCSI storage controller */
    case 3: return 0x078000;  /* communication controller */
    default: return 0x00ff00; /* unclassified */
    }
}

/* What is asked for and is not there; NULL: nothing. */
static const char *vpci_fault(const struct vpci *v)
{
    if (v->disable_legacy && strcmp(v->disable_legacy, "on") &&
        strcmp(v->disable_legacy, "true") && strcmp(v->disable_legacy, "auto"))
        return "there is no legacy interface (disable-legacy=on)";
    if (v->disable_modern)
        return "there is the modern interface only (disable-modern=off)";
    if (v->romfile && v->romfile[0])
        return "there are no expansion ROMs (romfile=)";
    if (!v->virtio || !v->virtio->type)
        return "wants a virtio device";
    return NULL;
}

static int vpci_init(struct dev *dev, char *error, size_t size)
{
    struct vpci *v = (struct vpci *)dev;
    struct pci_id id = { .vendor = 0x1af4,
                         .subsystem_vendor = 0x1af4,
                         .subsystem = 0x1100,
                         .revision = 1,
                         .pin = 1 };
    const char *fault;

    v->virtio = virtio_of(v->device);
    fault = vpci_fault(v);
    if (fault) {
        snprintf(error, size, "%s: %s", dev->name, fault);
        return -1;
    }
    id.device = 0x1040 + v->virtio->type->id;
    id.class_code = class_code(v->virtio->type->id);
    if (pci_init(&v->function, &id, error, size) < 0)
        return -1;
    add_structures(v);
    if (v->vectors == UINT32_MAX)
        v->vectors = v->virtio->queue_count + 1;
    if (v->vectors)
        pci_add_msix(&v->function, MSIX_BAR, v->vectors);
    if (pci_bridge(&v->function))
        pci_add_express(&v->function);
    v->device->dma = &v->function.dma;
    v->virtio->transport = (struct virtio_transport){ vpci_used, vpci_config, v };
    return 0;
}

static void vpci_reset(struct dev *dev)
{
    struct vpci *v = (struct vpci *)dev;

    if (!v->function.bus)
        return; /* init did not get that far */
    virtio_reset(v->virtio);
    pci_reset(&v->function);
    forget_driver(v);
}

static int vpci_loaded(struct dev *dev)
{
    struct vpci *v = (struct vpci *)dev;

    if (v->isr & ~(QUEUE_INTERRUPT | CONFIG_INTERRUPT) ||
        v->function.intx != (v->isr != 0) ||
        v->config_vector != vector_of(v, v->config_vector))
        return -1;
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
        if (v->queue_vectors[i] != vector_of(v, v->queue_vectors[i]))
            return -1;
    return pci_loaded(&v->function);
}

#define VIRTIO_PCI(symbol, kind, text)                                                   \
    const struct dev_class symbol = {                                                    \
        .name = kind "-pci",                                                             \
        .doc = text,                                                                     \
        .bus = "pci",                                                                    \
        .comes_with = kind "-device",                                                    \
        .size = sizeof(struct vpci),                                                     \
        .regs = regs,                                                                    \
        .fields = fields,                                                                \
        .properties = properties,                                                        \
        .state_version = 1,                                                              \
        .init = vpci_init,                                                               \
        .reset = vpci_reset,                                                             \
        .read = vpci_read,                                                               \
        .write = vpci_write,                                                             \
        .loaded = vpci_loaded,                                                           \
    }
VIRTIO_PCI(virtio_blk_pci, "virtio-blk", "virtio disk, on PCI");
VIRTIO_PCI(virtio_net_pci, "virtio-net", "virtio network card, on PCI");
VIRTIO_PCI(virtio_console_pci, "virtio-serial", "virtio console, on PCI");
VIRTIO_PCI(virtio_rng_pci, "virtio-rng", "virtio entropy source, on PCI");
