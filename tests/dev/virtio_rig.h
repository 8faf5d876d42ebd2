/* virtio_rig.h - a virtio driver for tests: a device in a memory-mapped slot or on PCI,
 * whose rings lie in the memory of a rig. */
#ifndef RHEA_TESTS_DEV_VIRTIO_RIG_H
#define RHEA_TESTS_DEV_VIRTIO_RIG_H

#include "dev/rig.h"
#include "dev/virtio.h"

/* Registers of the slot. */
enum {
    M_DEVICE_ID = 0x08,
    M_DEVICE_FEATURES = 0x10,
    M_DEVICE_FEATURES_SEL = 0x14,
    M_DRIVER_FEATURES = 0x20,
    M_DRIVER_FEATURES_SEL = 0x24,
    M_QUEUE_SEL = 0x30,
    M_QUEUE_SIZE_MAX = 0x34,
    M_QUEUE_SIZE = 0x38,
    M_QUEUE_READY = 0x44,
    M_QUEUE_NOTIFY = 0x50,
    M_INTERRUPT_STATUS = 0x60,
    M_INTERRUPT_ACK = 0x64,
    M_STATUS = 0x70,
    M_QUEUE_DESC = 0x80,
    M_QUEUE_DRIVER = 0x90,
    M_QUEUE_DEVICE = 0xa0,
    M_QUEUE_RESET = 0xc0,
    M_CONFIG_GENERATION = 0xfc,
    M_CONFIG = 0x100,
};

enum { D_NEXT = 1, D_WRITE = 2, D_INDIRECT = 4 };
#define BIT(n) (UINT64_C(1) << (n))

/* Where the parts of a queue lie, and the tables of its chains. */
enum {
    RING_AREA = 0x1000,
    RING_DRIVER = 0x400,
    RING_DEVICE = 0x600,
    RING_TABLES = 0x800
};
enum { RING_SIZE = 16, DATA = 0x8000 };

struct ring {
    uint64_t base;
    unsigned free;        /* the next descriptor to use */
    uint16_t avail, used; /* positions; of packed rings they wrap */
    bool avail_wrap, used_wrap;
    unsigned entries[RING_SIZE]; /* of the packed chain with this id */
};

struct vrig {
    struct rig *rig; /* its device is the slot, or the PCI function */
    struct dev *device;
    struct dev *host; /* of PCI, or NULL */
    struct dev *port; /* that is plugged into the device, or NULL */
    uint64_t features;
    unsigned ring_size;
    struct ring rings[8];
};

struct buffer {
    uint64_t addr;
    uint32_t size;
    bool is_in;
};

static inline void put(struct vrig *v, uint64_t addr, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        v->rig->memory[addr + i] = value >> 8 * i;
}

static inline uint64_t get(struct vrig *v, uint64_t addr, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = size; i-- > 0;)
        value = value << 8 | v->rig->memory[addr + i];
    return value;
}

/* Where registers of a slot are in the structures of a PCI function. */
static const struct {
    uint16_t slot, pci;
    uint8_t size;
} pci_places[] = {
    { M_DEVICE_FEATURES_SEL, 0x00, 4 },
    { M_DEVICE_FEATURES, 0x04, 4 },
    { M_DRIVER_FEATURES_SEL, 0x08, 4 },
    { M_DRIVER_FEATURES, 0x0c, 4 },
    { M_STATUS, 0x14, 1 },
    { M_CONFIG_GENERATION, 0x15, 1 },
    { M_QUEUE_SEL, 0x16, 2 },
    { M_QUEUE_SIZE_MAX, 0x18, 2 },
    { M_QUEUE_SIZE, 0x18, 2 },
    { M_QUEUE_READY, 0x1c, 2 },
    { M_QUEUE_DESC, 0x20, 4 },
    { M_QUEUE_DESC + 4, 0x24, 4 },
    { M_QUEUE_DRIVER, 0x28, 4 },
    { M_QUEUE_DRIVER + 4, 0x2c, 4 },
    { M_QUEUE_DEVICE, 0x30, 4 },
    { M_QUEUE_DEVICE + 4, 0x34, 4 },
    { M_QUEUE_RESET, 0x3a, 2 },
    { M_INTERRUPT_STATUS, 0x1000, 1 },
};
enum { VIRTIO_PCI_REGION = 5, PCI_DEVICE = 0x2000, PCI_NOTIFY = 0x3000 };

/* The offset and size in the function of a slot's register; false: it has none. */
static inline bool pci_place(unsigned reg, unsigned *offset, unsigned *size)
{
    *offset = PCI_DEVICE + reg - M_CONFIG;
    if (reg >= M_CONFIG)
        return true;
    for (unsigned i = 0; i < COUNT(pci_places); i++) {
        if (pci_places[i].slot != reg)
            continue;
        *offset = pci_places[i].pci;
        *size = pci_places[i].size;
        return true;
    }
    return false;
}

static inline void m_write_size(struct vrig *v, unsigned reg, unsigned size,
                                uint64_t value)
{
    unsigned at;

    if (!v->host)
        rig_write(v->rig, reg, size, value);
    else if (reg == M_QUEUE_NOTIFY)
        dev_write(v->rig->dev, VIRTIO_PCI_REGION, PCI_NOTIFY + 4 * (value & 0xff), 2,
                  value);
    else if (pci_place(reg, &at, &size))
        dev_write(v->rig->dev, VIRTIO_PCI_REGION, at, size, value);
}

static inline uint64_t m_read_size(struct vrig *v, unsigned reg, unsigned size)
{
    unsigned at;

    if (!v->host)
        return rig_read(v->rig, reg, size);
    return pci_place(reg, &at, &size) ? dev_read(v->rig->dev, VIRTIO_PCI_REGION, at, size)
                                      : 0;
}

static inline void m_write(struct vrig *v, unsigned reg, uint32_t value)
{
    m_write_size(v, reg, 4, value);
}

static inline uint32_t m_read(struct vrig *v, unsigned reg)
{
    return m_read_size(v, reg, 4);
}

static inline struct vrig *vrig_new_in(const struct dev_class *class, const char *slot)
{
    struct vrig *v = calloc(1, sizeof(*v));

    v->rig = rig_new(slot);
    v->device = rig_add(v->rig, class);
    v->ring_size = RING_SIZE;
    return v;
}

static inline struct vrig *vrig_new(const struct dev_class *class)
{
    return vrig_new_in(class, "virtio-mmio");
}

/* On PCI, in slot 1 (all classes of these functions are alike). */
static inline struct vrig *vrig_new_pci(const struct dev_class *class)
{
    struct vrig *v = vrig_new_in(class, "virtio-rng-pci");

    v->host = rig_add(v->rig, dev_class_find("pcie-host"));
    return v;
}

static inline void vrig_set(struct vrig *v, const char *property, const char *value)
{
    rig_set_of(v->device, property, value);
}

static inline void vrig_connect(struct vrig *v, const char *property, void *to)
{
    rig_connect(v->device, property, to);
}

static inline void vrig_init(struct vrig *v)
{
    rig_init_of(v->device);
    rig_connect(v->rig->dev, "device", v->device);
    if (v->host) {
        rig_init_of(v->host);
        rig_connect(v->rig->dev, "bus", v->host);
    }
    rig_init(v->rig);
    if (v->host)
        rig_write(v->rig, 4, 2, 4); /* it is a bus master */
}

static inline void vrig_free(struct vrig *v)
{
    dev_free(v->device);
    dev_free(v->host);
    dev_free(v->port);
    rig_free(v->rig);
    free(v);
}

static inline struct virtio *vrig_virtio(struct vrig *v)
{
    return (struct virtio *)v->device;
}

/* ---------------------------------------------------------------------- starting up */

static inline uint64_t vrig_offered(struct vrig *v)
{
    uint64_t offered;

    m_write(v, M_DEVICE_FEATURES_SEL, 1);
    offered = (uint64_t)m_read(v, M_DEVICE_FEATURES) << 32;
    m_write(v, M_DEVICE_FEATURES_SEL, 0);
    return offered | m_read(v, M_DEVICE_FEATURES);
}

/* Up to FEATURES_OK; VERSION_1 is always among them. */
static inline void vrig_negotiate(struct vrig *v, uint64_t features)
{
    features |= BIT(VIRTIO_F_VERSION_1);
    v->features = features;
    m_write(v, M_STATUS, 0);
    m_write(v, M_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    m_write(v, M_DRIVER_FEATURES_SEL, 0);
    m_write(v, M_DRIVER_FEATURES, features);
    m_write(v, M_DRIVER_FEATURES_SEL, 1);
    m_write(v, M_DRIVER_FEATURES, features >> 32);
    m_write(v, M_STATUS, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
}

static inline bool is_packed(const struct vrig *v)
{
    return v->features & BIT(VIRTIO_F_RING_PACKED);
}

static inline void vrig_area(struct vrig *v, unsigned reg, uint64_t addr)
{
    m_write(v, reg, addr);
    m_write(v, reg + 4, addr >> 32);
}

static inline void vrig_queue(struct vrig *v, unsigned queue)
{
    struct ring *ring = &v->rings[queue];

    *ring = (struct ring){ .base = (uint64_t)(queue + 1) * RING_AREA,
                           .avail_wrap = true,
                           .used_wrap = true };
    memset(v->rig->memory + ring->base, 0, RING_AREA);
    m_write(v, M_QUEUE_SEL, queue);
    m_write(v, M_QUEUE_SIZE, v->ring_size);
    vrig_area(v, M_QUEUE_DESC, ring->base);
    vrig_area(v, M_QUEUE_DRIVER, ring->base + RING_DRIVER);
    vrig_area(v, M_QUEUE_DEVICE, ring->base + RING_DEVICE);
    m_write(v, M_QUEUE_READY, 1);
}

static inline void vrig_start(struct vrig *v, uint64_t features, unsigned queues)
{
    vrig_negotiate(v, features);
    for (unsigned i = 0; i < queues; i++)
        vrig_queue(v, i);
    m_write(v, M_STATUS,
            VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
}

/* ---------------------------------------------------------------------------- chains */

static inline void put_desc(struct vrig *v, uint64_t at, uint64_t addr, uint32_t size,
                            uint16_t flags, uint16_t next)
{
    put(v, at, 8, addr);
    put(v, at + 8, 4, size);
    put(v, at + (is_packed(v) ? 14 : 12), 2, flags);
    put(v, at + (is_packed(v) ? 12 : 14), 2, next);
}

/* The flags of a packed descriptor that make it available. */
static inline uint16_t available_flags(const struct ring *ring)
{
    return ring->avail_wrap ? 1 << 7 : 1 << 15;
}

static inline void packed_step(struct vrig *v, uint16_t *at, bool *wrap, unsigned count)
{
    *at += count;
    if (*at >= v->ring_size) {
        *at -= v->ring_size;
        *wrap = !*wrap;
    }
}

static inline void post_packed(struct vrig *v, struct ring *ring,
                               const struct buffer *buffers, unsigned count)
{
    uint64_t first = ring->base + UINT64_C(16) * ring->avail;
    uint16_t first_flags = 0, id = ring->avail;

    ring->entries[id] = count;
    for (unsigned i = 0; i < count; i++) {
        uint16_t flags = available_flags(ring) | (i + 1 < count ? D_NEXT : 0) |
                         (buffers[i].is_in ? D_WRITE : 0);

        put_desc(v, ring->base + UINT64_C(16) * ring->avail, buffers[i].addr,
                 buffers[i].size, i ? flags : 0, id);
        if (!i)
            first_flags = flags;
        packed_step(v, &ring->avail, &ring->avail_wrap, 1);
    }
    put(v, first + 14, 2, first_flags);
}

/* Makes the chain that begins with descriptor `head` available. */
static inline void post_head(struct vrig *v, struct ring *ring, uint16_t head)
{
    put(v, ring->base + RING_DRIVER + 4 + 2 * (ring->avail % v->ring_size), 2, head);
    put(v, ring->base + RING_DRIVER + 2, 2, ++ring->avail);
}

static inline void post_split(struct vrig *v, struct ring *ring,
                              const struct buffer *buffers, unsigned count)
{
    unsigned head = ring->free;

    for (unsigned i = 0; i < count; i++) {
        unsigned next = (ring->free + 1) % v->ring_size;

        put_desc(v, ring->base + UINT64_C(16) * ring->free, buffers[i].addr,
                 buffers[i].size,
                 (i + 1 < count ? D_NEXT : 0) | (buffers[i].is_in ? D_WRITE : 0), next);
        ring->free = next;
    }
    post_head(v, ring, head);
}

/* Adds a chain; nobody is told. */
static inline void post(struct vrig *v, unsigned queue, const struct buffer *buffers,
                        unsigned count)
{
    if (is_packed(v))
        post_packed(v, &v->rings[queue], buffers, count);
    else
        post_split(v, &v->rings[queue], buffers, count);
}

/* The same by a table; chains of up to 8. */
static inline void post_indirect(struct vrig *v, unsigned queue,
                                 const struct buffer *buffers, unsigned count)
{
    struct ring *ring = &v->rings[queue];
    unsigned slot = is_packed(v) ? ring->avail : ring->free;
    uint64_t table = ring->base + RING_TABLES + 128 * slot;

    for (unsigned i = 0; i < count; i++)
        put_desc(v, table + UINT64_C(16) * i, buffers[i].addr, buffers[i].size,
                 (i + 1 < count && !is_packed(v) ? D_NEXT : 0) |
                     (buffers[i].is_in ? D_WRITE : 0),
                 i + 1);
    if (is_packed(v)) {
        ring->entries[slot] = 1;
        put_desc(v, ring->base + UINT64_C(16) * slot, table, 16 * count,
                 D_INDIRECT | available_flags(ring), slot);
        packed_step(v, &ring->avail, &ring->avail_wrap, 1);
        return;
    }
    put_desc(v, ring->base + UINT64_C(16) * slot, table, 16 * count, D_INDIRECT, 0);
    ring->free = (slot + 1) % v->ring_size;
    post_head(v, ring, slot);
}

static inline void kick(struct vrig *v, unsigned queue)
{
    m_write(v, M_QUEUE_NOTIFY, queue);
}

/* The next used chain: its id and length; false: there is none. */
static inline bool used(struct vrig *v, unsigned queue, unsigned *id, uint32_t *length)
{
    struct ring *ring = &v->rings[queue];
    uint64_t at;
    uint16_t flags;

    if (!is_packed(v)) {
        at = ring->base + RING_DEVICE + 4 + 8 * (ring->used % v->ring_size);
        if (get(v, ring->base + RING_DEVICE + 2, 2) == ring->used)
            return false;
        ring->used++;
        *id = get(v, at, 4);
        *length = get(v, at + 4, 4);
        return true;
    }
    at = ring->base + UINT64_C(16) * ring->used;
    flags = get(v, at + 14, 2);
    if (!!(flags & 1 << 7) != ring->used_wrap || !!(flags & 1 << 15) != ring->used_wrap)
        return false;
    *id = get(v, at + 12, 2);
    *length = get(v, at + 8, 4);
    packed_step(v, &ring->used, &ring->used_wrap, ring->entries[*id]);
    return true;
}

/* Whether the device interrupts; acknowledges it. */
static inline uint32_t interrupted(struct vrig *v)
{
    uint32_t status = m_read(v, M_INTERRUPT_STATUS);

    m_write(v, M_INTERRUPT_ACK, status);
    return status;
}

static inline bool needs_reset(struct vrig *v)
{
    return m_read(v, M_STATUS) & VIRTIO_NEEDS_RESET;
}

#endif
