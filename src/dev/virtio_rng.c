/* virtio_rng.c - the virtio entropy source: fills buffers with the host's randomness.
 *
 * With max-bytes it gives at most that many in a period.
 *
 * Spec: virtio 1.2, section 5.4 "Entropy Device".
 * Not modelled: leak queues. */
#include "dev/virtio.h"

#include "base/host.h"

enum { QUEUE = 8, CHAIN_MAX = 1 << 16 }; /* bytes of one chain: no driver waits long */

struct rng {
    struct virtio virtio;
    uint64_t max_bytes;
    uint32_t period; /* ms */
    struct virtio_chain chain;
    /* saved */
    uint64_t left; /* bytes of this period */
    struct timer timer;
};

static const struct field fields[] = {
    VIRTIO_FIELDS(struct rng),
    FIELD(struct rng, left),
    FIELD_TIMER(struct rng, timer),
    { 0 },
};

static const struct property properties[] = {
    { "max-bytes", PROPERTY_U64, offsetof(struct rng, max_bytes),
      "bytes in a period (0: any)", 0 },
    { "period", PROPERTY_U32, offsetof(struct rng, period), "milliseconds", 65536, 1,
      UINT32_MAX },
    VIRTIO_PROPERTIES(struct rng),
    { 0 },
};

static struct rng *rng_of(struct virtio *virtio)
{
    return (struct rng *)virtio;
}

static uint32_t rng_fill(const struct virtio_chain *chain, uint64_t size)
{
    uint8_t bytes[256];
    uint32_t done = 0;

    while (done < size) {
        size_t part = size - done < sizeof(bytes) ? size - done : sizeof(bytes);

        host_random(bytes, part);
        done += virtio_chain_write(chain, done, bytes, part);
    }
    return done;
}

/* How many bytes of `size` it gives now; the period begins with the first. */
static uint64_t rng_take(struct rng *rng, uint64_t size)
{
    if (size > CHAIN_MAX)
        size = CHAIN_MAX;
    if (!rng->max_bytes)
        return size;
    if (!rng->timer.is_armed) {
        rng->left = rng->max_bytes;
        timer_arm(&rng->timer,
                  clock_now_ns(rng->virtio.dev.clock) + UINT64_C(1000000) * rng->period);
    }
    if (size > rng->left)
        size = rng->left;
    rng->left -= size;
    return size;
}

static void rng_handle_queue(struct virtio *virtio, struct virtqueue *queue)
{
    struct rng *rng = rng_of(virtio);

    while (virtqueue_pop(queue, &rng->chain)) {
        uint64_t size = rng_take(rng, rng->chain.in_size);

        if (!size && rng->chain.in_size) { /* until the next period */
            virtqueue_unpop(queue, &rng->chain);
            break;
        }
        virtqueue_push(queue, &rng->chain, rng_fill(&rng->chain, size));
    }
    virtqueue_notify(queue);
}

static void rng_next_period(void *context)
{
    struct rng *rng = context;

    virtio_kick(&rng->virtio, 0);
}

static const struct virtio_type type = { .id = 4, .handle_queue = rng_handle_queue };

static int rng_init(struct dev *dev, char *error, size_t size)
{
    struct rng *rng = (struct rng *)dev;

    (void)error;
    (void)size;
    virtio_init(&rng->virtio, &type, 0);
    virtio_add_queue(&rng->virtio, QUEUE);
    timer_init(&rng->timer, dev->clock, rng_next_period, rng);
    return 0;
}

static void rng_destroy(struct dev *dev)
{
    struct rng *rng = (struct rng *)dev;

    timer_cancel(&rng->timer);
    virtio_dev_destroy(dev);
    virtio_chain_free(&rng->chain);
}

const struct dev_class virtio_rng = {
    .name = "virtio-rng-device",
    .doc = "virtio entropy source",
    .bus = "virtio",
    .size = sizeof(struct rng),
    .fields = fields,
    .properties = properties,
    .state_version = 1,
    .init = rng_init,
    .reset = virtio_dev_reset,
    .loaded = virtio_dev_loaded,
    .destroy = rng_destroy,
};
