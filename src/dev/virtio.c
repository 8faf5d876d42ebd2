/* virtio.c - the life of a virtio device: features, status, its queues' set-up, kicks.
 * The rings are in virtqueue.c. */
#include "dev/virtio.h"

#include <string.h>

#include "base/report.h"

enum { CHAINS_AT_ONCE = 256 }; /* of one kick, so that no driver keeps the bus */

static const struct field queue_fields[] = {
    FIELD(struct virtqueue, size),       FIELD(struct virtqueue, desc),
    FIELD(struct virtqueue, driver),     FIELD(struct virtqueue, device),
    FIELD(struct virtqueue, is_ready),   FIELD(struct virtqueue, is_broken),
    FIELD(struct virtqueue, avail_wrap), FIELD(struct virtqueue, used_wrap),
    FIELD(struct virtqueue, next_avail), FIELD(struct virtqueue, next_used),
    FIELD(struct virtqueue, added),      { 0 },
};

const struct field virtio_fields[] = {
    FIELD(struct virtio, features),    FIELD(struct virtio, status),
    FIELD(struct virtio, generation),  FIELD_STRUCTS(struct virtio, queues, queue_fields),
    FIELD_TIMER(struct virtio, again), { 0 },
};

static const struct virtio_feature common_features[] = {
    { VIRTIO_F_INDIRECT_DESC, "INDIRECT_DESC" }, { VIRTIO_F_EVENT_IDX, "EVENT_IDX" },
    { VIRTIO_F_VERSION_1, "VERSION_1" },         { VIRTIO_F_RING_PACKED, "RING_PACKED" },
    { VIRTIO_F_RING_RESET, "RING_RESET" },       { 0 },
};

static uint64_t bit(unsigned feature)
{
    return UINT64_C(1) << feature;
}

bool virtio_has(const struct virtio *virtio, unsigned feature)
{
    return virtio->features & bit(feature);
}

bool virtio_is_running(const struct virtio *virtio)
{
    return virtio->status & VIRTIO_DRIVER_OK;
}

bool virtio_is_queue_size(uint64_t size)
{
    return size && size <= VIRTQUEUE_MAX && (size & (size - 1)) == 0;
}

struct virtio *virtio_of(struct dev *dev)
{
    bool is_virtio = dev && dev->class->bus && !strcmp(dev->class->bus, "virtio");

    return is_virtio ? (struct virtio *)dev : NULL;
}

/* -------------------------------------------------------------------------- features */

const struct field virtio_driver_fields[] = {
    FIELD(struct virtio_driver, device_features_sel),
    FIELD(struct virtio_driver, driver_features_sel),
    FIELD(struct virtio_driver, queue_sel),
    FIELD(struct virtio_driver, features),
    { 0 },
};

/* Bits from 32 * `select` on; there are none from 64 on. */
static uint32_t selected(uint64_t features, uint32_t select)
{
    return select > 1 ? 0 : features >> 32 * select;
}

uint32_t virtio_read_offered(const struct virtio *virtio,
                             const struct virtio_driver *driver)
{
    return selected(virtio->offered, driver->device_features_sel);
}

uint32_t virtio_read_features(const struct virtio_driver *driver)
{
    return selected(driver->features, driver->driver_features_sel);
}

void virtio_write_features(struct virtio *virtio, struct virtio_driver *driver,
                           uint32_t value)
{
    unsigned shift = 32 * driver->driver_features_sel;

    if (driver->driver_features_sel > 1)
        return; /* none of those is offered, so it can only be 0 */
    driver->features &= ~((uint64_t)UINT32_MAX << shift);
    driver->features |= (uint64_t)value << shift;
    virtio_set_features(virtio, driver->features);
}

/* The name of the lowest bit, for messages. */
static const char *feature_name(const struct virtio *virtio, uint64_t features)
{
    const struct virtio_feature *tables[] = { common_features, virtio->type->features };

    for (unsigned i = 0; i < 2; i++)
        for (const struct virtio_feature *f = tables[i]; f && f->name; f++)
            if (features & bit(f->bit))
                return f->name;
    return "unknown";
}

void virtio_set_features(struct virtio *virtio, uint64_t features)
{
    if (virtio->status & (VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK))
        guest_error("%s: features change after FEATURES_OK", virtio->dev.name);
    else
        virtio->features = features;
}

static bool accepts_features(const struct virtio *virtio)
{
    uint64_t wrong = virtio->features & ~virtio->offered;

    if (wrong)
        guest_error("%s: the driver wants features that are not offered (%s)",
                    virtio->dev.name, feature_name(virtio, wrong));
    else if (!virtio_has(virtio, VIRTIO_F_VERSION_1))
        guest_error("%s: the driver is of before virtio 1.0", virtio->dev.name);
    return !wrong && virtio_has(virtio, VIRTIO_F_VERSION_1);
}

/* ---------------------------------------------------------------------------- status */

static void run_queue(struct virtqueue *queue)
{
    struct virtio *virtio = queue->virtio;

    if (!queue->is_ready || queue->is_broken || !virtio_is_running(virtio))
        return;
    queue->budget = CHAINS_AT_ONCE;
    virtio->type->handle_queue(virtio, queue);
    queue->budget = UINT32_MAX;
}

static void run_all(void *context)
{
    struct virtio *virtio = context;

    for (unsigned i = 0; i < virtio->queue_count; i++)
        run_queue(&virtio->queues[i]);
}

void virtio_kick(struct virtio *virtio, unsigned queue)
{
    if (queue >= virtio->queue_count)
        guest_error("%s: there is no queue %u", virtio->dev.name, queue);
    else
        run_queue(&virtio->queues[queue]); /* before DRIVER_OK: seen when that comes */
}

void virtio_reset(struct virtio *virtio)
{
    virtio->status = 0;
    virtio->features = 0;
    timer_cancel(&virtio->again);
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++) {
        virtio->queues[i].virtio = virtio;
        virtio->queues[i].index = i;
        virtqueue_reset(&virtio->queues[i]);
    }
    if (virtio->type->stop)
        virtio->type->stop(virtio, NULL);
    if (virtio->type->reset)
        virtio->type->reset(virtio);
}

void virtio_set_status(struct virtio *virtio, uint8_t status)
{
    uint8_t added = status & ~virtio->status & (uint8_t)~VIRTIO_NEEDS_RESET;

    if (status == 0) {
        virtio_reset(virtio);
        return;
    }
    if ((added & VIRTIO_FEATURES_OK) && !accepts_features(virtio))
        added &= ~(VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
    if ((added & VIRTIO_DRIVER_OK) && !((virtio->status | added) & VIRTIO_FEATURES_OK)) {
        guest_error("%s: DRIVER_OK without FEATURES_OK", virtio->dev.name);
        added &= ~VIRTIO_DRIVER_OK;
    }
    virtio->status |= added; /* only a reset takes bits away */
    if (!(added & VIRTIO_DRIVER_OK))
        return;
    if (virtio->type->start)
        virtio->type->start(virtio);
    run_all(virtio);
}

void virtio_config_changed(struct virtio *virtio)
{
    virtio->generation++;
    if (virtio_is_running(virtio) && virtio->transport.config)
        virtio->transport.config(virtio->transport.context);
}

/* ---------------------------------------------------------------------------- queues */

struct virtqueue *virtio_queue(struct virtio *virtio, unsigned index)
{
    return index < virtio->queue_count ? &virtio->queues[index] : NULL;
}

/* The driver may set up a queue that is not in use. */
static bool can_change(const struct virtqueue *queue)
{
    if (!queue->is_ready)
        return true;
    guest_error("%s: queue %u changes while it is in use", queue->virtio->dev.name,
                queue->index);
    return false;
}

void virtio_set_queue_size(struct virtqueue *queue, uint32_t size)
{
    if (can_change(queue))
        queue->size = size; /* checked when it gets ready */
}

void virtio_set_queue_area(struct virtqueue *queue, enum virtqueue_area area, bool high,
                           uint32_t value)
{
    uint64_t *addr = area == VIRTQUEUE_DESC     ? &queue->desc
                     : area == VIRTQUEUE_DRIVER ? &queue->driver
                                                : &queue->device;

    if (!can_change(queue))
        return;
    if (high)
        *addr = (*addr & UINT32_MAX) | (uint64_t)value << 32;
    else
        *addr = (*addr & ~(uint64_t)UINT32_MAX) | value;
}

/* What is wrong with a queue as the driver has set it up; NULL: nothing. */
static const char *queue_fault(const struct virtqueue *queue)
{
    const struct virtio *virtio = queue->virtio;
    bool packed = virtio_has(virtio, VIRTIO_F_RING_PACKED);
    uint64_t last = queue->desc > queue->driver ? queue->desc : queue->driver;

    if (!(virtio->status & VIRTIO_FEATURES_OK))
        return "is to be used before FEATURES_OK";
    if (!queue->size || queue->size > virtio->queue_max[queue->index] ||
        (!packed && !virtio_is_queue_size(queue->size)))
        return "is of a size that it cannot have";
    if (queue->desc % 16 || queue->driver % (packed ? 4 : 2) || queue->device % 4)
        return "is not aligned";
    last = last > queue->device ? last : queue->device;
    if (last > UINT64_MAX - 16 * (uint64_t)queue->size)
        return "is past the last address";
    return NULL;
}

void virtio_set_queue_ready(struct virtqueue *queue, bool is_ready)
{
    const char *fault = queue_fault(queue);

    if (is_ready == queue->is_ready)
        return;
    if (!is_ready) {
        virtio_reset_queue(queue);
        return;
    }
    if (fault)
        guest_error("%s: queue %u %s", queue->virtio->dev.name, queue->index, fault);
    queue->is_ready = !fault;
}

void virtio_reset_queue(struct virtqueue *queue)
{
    struct virtio *virtio = queue->virtio;

    virtqueue_reset(queue);
    if (virtio->type->stop)
        virtio->type->stop(virtio, queue);
}

void virtio_ask_queue_reset(struct virtqueue *queue, uint32_t value)
{
    if ((value & 1) && virtio_has(queue->virtio, VIRTIO_F_RING_RESET))
        virtio_reset_queue(queue);
}

void virtio_add_queue(struct virtio *virtio, uint16_t size)
{
    if (virtio->queue_count >= VIRTIO_QUEUES || !virtio_is_queue_size(size))
        bug("%s: a queue of %u", virtio->dev.class->name, (unsigned)size);
    virtio->queue_max[virtio->queue_count++] = size;
}

/* ------------------------------------------------------------------------------ life */

void virtio_init(struct virtio *virtio, const struct virtio_type *type, uint64_t offered)
{
    virtio->type = type;
    virtio->offered = offered | bit(VIRTIO_F_VERSION_1) |
                      (virtio->offer_packed ? bit(VIRTIO_F_RING_PACKED) : 0) |
                      (virtio->offer_indirect ? bit(VIRTIO_F_INDIRECT_DESC) : 0) |
                      (virtio->offer_event_idx ? bit(VIRTIO_F_EVENT_IDX) : 0) |
                      (virtio->offer_queue_reset ? bit(VIRTIO_F_RING_RESET) : 0);
    timer_init(&virtio->again, virtio->dev.clock, run_all, virtio);
}

void virtio_dev_reset(struct dev *dev)
{
    if (((struct virtio *)dev)->type) /* init got that far */
        virtio_reset((struct virtio *)dev);
}

int virtio_dev_loaded(struct dev *dev)
{
    struct virtio *virtio = (struct virtio *)dev;

    if ((virtio->features & ~virtio->offered) && (virtio->status & VIRTIO_FEATURES_OK))
        return -1;
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++) {
        struct virtqueue *queue = &virtio->queues[i];

        if (!virtqueue_check(queue))
            return -1;
        queue->epoch++;
        queue->out = queue->filled = 0;
        queue->budget = UINT32_MAX;
    }
    if (virtio->type->stop) /* what was under way before the load */
        virtio->type->stop(virtio, NULL);
    if (virtio_is_running(virtio) && virtio->type->start)
        virtio->type->start(virtio);
    return 0;
}

void virtio_dev_destroy(struct dev *dev)
{
    if (((struct virtio *)dev)->type) /* init got that far */
        virtio_reset((struct virtio *)dev);
}
