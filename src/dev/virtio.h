/* virtio.h - what virtio devices share: status, features, queues.
 *
 * Three parts meet here.  A device type (virtio_blk.c) is a device whose struct begins
 * with a struct virtio and whose register table is its config space; it pops chains of
 * buffers from queues and pushes them back, and does not know how the driver reaches it.
 * A transport (virtio_mmio.c) gives the driver registers and calls the functions of the
 * last section.  The core (virtio.c, virtqueue.c) is between them.
 *
 * Whatever the driver puts into memory is copied once, then checked: it may change while
 * we look.  A queue whose driver breaks the rules stops, and the device says
 * DEVICE_NEEDS_RESET; its other queues go on, and a reset makes all of it good again.
 *
 * Spec: virtio 1.2, sections 2 "Basic Facilities" and 6 "Reserved Feature Bits".
 * Not modelled: legacy devices, in-order use, notification data, shared memory. */
#ifndef RHEA_VIRTIO_H
#define RHEA_VIRTIO_H

#include "dev/dev.h"

enum {
    VIRTIO_QUEUES = 32,   /* of one device, at most */
    VIRTQUEUE_MAX = 1024, /* descriptors of a queue, buffers of a chain */
};

enum {
    VIRTIO_ACKNOWLEDGE = 1,
    VIRTIO_DRIVER = 2,
    VIRTIO_DRIVER_OK = 4,
    VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 0x40,
    VIRTIO_FAILED = 0x80,
};

/* Feature bits, as numbers. */
enum {
    VIRTIO_F_INDIRECT_DESC = 28,
    VIRTIO_F_EVENT_IDX = 29,
    VIRTIO_F_VERSION_1 = 32,
    VIRTIO_F_RING_PACKED = 34,
    VIRTIO_F_RING_RESET = 40,
};

struct virtio;
struct virtqueue;

/* A row of a table of names, which ends with a row of zeros. */
struct virtio_feature {
    uint8_t bit;
    const char *name;
};

/* A kind of virtio device.  Only id, config_size and handle_queue must be there. */
struct virtio_type {
    uint16_t id;
    uint16_t config_size; /* in bytes */
    const struct virtio_feature *features;
    /* There may be chains to pop. Only while the driver is ready. */
    void (*handle_queue)(struct virtio *virtio, struct virtqueue *queue);
    /* The driver is ready: features are final. */
    void (*start)(struct virtio *virtio);
    /* Chains of this queue (NULL: of all) that are out are nobody's now: to push them
     * does nothing.  When it returns nothing reaches into their memory any more. */
    void (*stop)(struct virtio *virtio, struct virtqueue *queue);
    void (*reset)(struct virtio *virtio); /* after stop: all that the driver has set */
};

/* The driver's side of a queue is at three addresses: descriptor area, driver area (the
 * available ring), device area (the used ring). */
struct virtqueue {
    uint32_t size; /* descriptors */
    uint64_t desc, driver, device;
    bool is_ready;
    bool is_broken;  /* stopped until a reset */
    bool avail_wrap; /* of a packed ring; as is used_wrap */
    bool used_wrap;
    uint16_t next_avail; /* counts on in a split ring, a position in a packed one */
    uint16_t next_used;
    uint32_t added; /* since the driver was last told, in ring entries */
    /* not saved */
    struct virtio *virtio;
    uint16_t index;
    uint32_t out;         /* ring entries popped and not pushed */
    uint32_t filled;      /* ring entries of chains filled and not flushed */
    uint32_t first_used;  /* where in a packed ring they begin ... */
    uint16_t first_flags; /* ... and what makes the first one the driver's */
    uint32_t budget; /* chains to pop before others get their turn; UINT32_MAX: all */
    uint32_t epoch;  /* counts resets */
};

/* What tells the transport; all under the bus lock. */
struct virtio_transport {
    void (*used)(void *context, unsigned queue); /* interrupt: used buffers */
    void (*config)(void *context);               /* interrupt: config, or status */
    void *context;
};

struct virtio {
    struct dev dev;
    const struct virtio_type *type;
    struct virtio_transport transport;
    unsigned queue_count;
    uint16_t queue_max[VIRTIO_QUEUES]; /* descriptors */
    bool offer_packed, offer_indirect, offer_event_idx, offer_queue_reset;
    uint64_t offered;
    /* saved */
    uint64_t features; /* the driver's choice */
    uint8_t status;
    uint32_t generation; /* of the config space */
    struct virtqueue queues[VIRTIO_QUEUES];
    struct timer again; /* a queue has used up its budget */
};

/* ------------------------------------------------------- for device types: the tables */

extern const struct field virtio_fields[];
#define VIRTIO_FIELDS(type) FIELD_STRUCT(type, virtio, virtio_fields)
#define VIRTIO_PROPERTY(type, name, member, doc, initial)                                \
    {                                                                                    \
        name, PROPERTY_BOOL, offsetof(type, virtio.member), doc, initial                 \
    }
#define VIRTIO_PROPERTIES(type)                                                          \
    VIRTIO_PROPERTY(type, "packed", offer_packed, "offer packed rings", 0),              \
        VIRTIO_PROPERTY(type, "indirect_desc", offer_indirect,                           \
                        "offer indirect descriptors", 1),                                \
        VIRTIO_PROPERTY(type, "event_idx", offer_event_idx, "offer event indices", 1),   \
        VIRTIO_PROPERTY(type, "queue_reset", offer_queue_reset,                          \
                        "offer resets of single queues", 1)

/* ------------------------------------------------------------------ for device types */

/* At init: offers the features in `offered` and those that all devices have.  `dev` is
 * the struct virtio's own. */
void virtio_init(struct virtio *virtio, const struct virtio_type *type, uint64_t offered);
/* Adds a queue of at most `size` descriptors: a power of two, at most VIRTQUEUE_MAX. */
void virtio_add_queue(struct virtio *virtio, uint16_t size);
/* What the dev_class of every type has. */
void virtio_dev_reset(struct dev *dev);
int virtio_dev_loaded(struct dev *dev);
void virtio_dev_destroy(struct dev *dev);

bool virtio_has(const struct virtio *virtio, unsigned feature); /* is agreed on */
bool virtio_is_running(const struct virtio *virtio);
void virtio_config_changed(struct virtio *virtio);
/* Whether a power of two that a queue may have as its size. */
bool virtio_is_queue_size(uint64_t size);

/* A chain of buffers: those that the driver filled, then those that the device fills.
 * All zero at first; what it has grown to it keeps from pop to pop. */
struct virtio_chain {
    struct span *spans; /* out_count of them, then in_count */
    unsigned out_count, in_count;
    uint64_t out_size, in_size; /* in bytes */
    /* the core's */
    uint64_t *addrs;      /* of the spans */
    unsigned capacity;    /* of both arrays */
    unsigned buffers;     /* descriptors that describe memory */
    uint16_t id, entries; /* what the driver calls it; how many ring entries it is */
    uint32_t epoch;
};
void virtio_chain_free(struct virtio_chain *chain); /* its arrays */
/* Copy from the out part, or to the in part, from byte `at` on: how many bytes. */
size_t virtio_chain_read(const struct virtio_chain *chain, uint64_t at, void *to,
                         size_t size);
size_t virtio_chain_write(const struct virtio_chain *chain, uint64_t at, const void *from,
                          size_t size);
/* Narrows spans to `size` bytes from byte `at` on, which must be there: how many spans.
 * They are changed in place. */
unsigned span_cut(struct span **spans, unsigned count, uint64_t at, uint64_t size);

/* The next chain; false: there is none. Then the driver kicks when it adds one. */
bool virtqueue_pop(struct virtqueue *queue, struct virtio_chain *chain);
bool virtqueue_is_empty(struct virtqueue *queue);
/* Gives back the chain that was popped last, as if it had not been. */
void virtqueue_unpop(struct virtqueue *queue, const struct virtio_chain *chain);
/* Whether it can still be pushed: no reset since. */
bool virtqueue_owns(const struct virtqueue *queue, const struct virtio_chain *chain);
/* Returns a chain to the driver, with `written` bytes of its in part filled: push at
 * once; fill several, and all of them by flush. */
void virtqueue_fill(struct virtqueue *queue, const struct virtio_chain *chain,
                    uint32_t written);
void virtqueue_flush(struct virtqueue *queue);
void virtqueue_push(struct virtqueue *queue, const struct virtio_chain *chain,
                    uint32_t written);
/* After pushes: an interrupt, if the driver wants one. */
void virtqueue_notify(struct virtqueue *queue);
/* The driver broke a rule. */
void virtqueue_fail(struct virtqueue *queue, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* -------------------------------------------------------------------- for transports */

/* The virtio device behind a device; NULL: it is none. */
struct virtio *virtio_of(struct dev *dev);
/* What the registers of every transport keep of the driver's. */
struct virtio_driver {
    uint32_t device_features_sel, driver_features_sel, queue_sel;
    uint64_t features; /* as written so far */
};
extern const struct field virtio_driver_fields[];
/* The 32 feature bits that the driver has selected. */
uint32_t virtio_read_offered(const struct virtio *virtio,
                             const struct virtio_driver *driver);
uint32_t virtio_read_features(const struct virtio_driver *driver);
void virtio_write_features(struct virtio *virtio, struct virtio_driver *driver,
                           uint32_t value);
void virtio_set_features(struct virtio *virtio, uint64_t features);
void virtio_set_status(struct virtio *virtio, uint8_t status); /* 0: reset */
void virtio_reset(struct virtio *virtio);
struct virtqueue *virtio_queue(struct virtio *virtio, unsigned index); /* or NULL */
void virtio_set_queue_size(struct virtqueue *queue, uint32_t size);
/* To areas of a queue that is not ready, which are in the order of both transports'
 * registers; `high`: the upper 32 bits. */
enum virtqueue_area { VIRTQUEUE_DESC, VIRTQUEUE_DRIVER, VIRTQUEUE_DEVICE };
void virtio_set_queue_area(struct virtqueue *queue, enum virtqueue_area area, bool high,
                           uint32_t value);
void virtio_set_queue_ready(struct virtqueue *queue, bool is_ready);
void virtio_reset_queue(struct virtqueue *queue);
void virtio_ask_queue_reset(struct virtqueue *queue, uint32_t value); /* as written */
void virtio_kick(struct virtio *virtio, unsigned queue);

/* ------------------------------------------------------------- the core's own parts */

void virtqueue_reset(struct virtqueue *queue);       /* its state and the driver's */
bool virtqueue_check(const struct virtqueue *queue); /* loaded state makes sense */

#endif
