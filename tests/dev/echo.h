/* echo.h - a virtio device that sends back what it gets, for tests of queues and slots.
 */
#ifndef RHEA_TESTS_ECHO_H
#define RHEA_TESTS_ECHO_H

#include "dev/virtio_rig.h"
#include <check.h>

/* ------------------------------------------------------------------------ the device */

struct echo {
    struct virtio virtio;
    bool hold;      /* keep chains */
    uint8_t *flood; /* the available index: another CPU adds a chain for every one used */
    unsigned count;
    struct virtio_chain chains[64];
    unsigned held, starts;
    uint32_t setting;
};

static inline void echo_push(struct echo *echo, struct virtqueue *queue,
                             struct virtio_chain *chain)
{
    uint8_t bytes[4096];
    size_t size = virtio_chain_read(chain, 0, bytes, sizeof(bytes));

    echo->count++;
    if (echo->flood && ++echo->flood[0] == 0)
        echo->flood[1]++;
    virtqueue_push(queue, chain, virtio_chain_write(chain, 0, bytes, size));
}

static inline void echo_handle(struct virtio *virtio, struct virtqueue *queue)
{
    struct echo *echo = (struct echo *)virtio;

    while (virtqueue_pop(queue, &echo->chains[echo->held])) {
        if (echo->hold)
            echo->held++;
        else
            echo_push(echo, queue, &echo->chains[echo->held]);
    }
    virtqueue_notify(queue);
}

static inline void echo_start(struct virtio *virtio)
{
    ((struct echo *)virtio)->starts++;
}

enum { F_FIRST = 3 };
static const struct virtio_feature echo_features[] = { { F_FIRST, "FIRST" }, { 0 } };
static const struct virtio_type echo_type = {
    .id = 42,
    .config_size = 8,
    .features = echo_features,
    .handle_queue = echo_handle,
    .start = echo_start,
};

static inline int echo_init(struct dev *dev, char *error, size_t size)
{
    struct echo *echo = (struct echo *)dev;

    (void)error;
    (void)size;
    virtio_init(&echo->virtio, &echo_type, BIT(F_FIRST));
    virtio_add_queue(&echo->virtio, RING_SIZE);
    virtio_add_queue(&echo->virtio, RING_SIZE);
    return 0;
}

static inline uint64_t echo_read(struct dev *dev, struct access at)
{
    return at.reg ? access_part(at, ((struct echo *)dev)->setting) : 0x77;
}

static inline void echo_write(struct dev *dev, struct access at, uint64_t value)
{
    struct echo *echo = (struct echo *)dev;

    echo->setting = access_merge(at, echo->setting, value);
}

static inline void echo_destroy(struct dev *dev)
{
    struct echo *echo = (struct echo *)dev;

    virtio_dev_destroy(dev);
    for (unsigned i = 0; i < 64; i++)
        virtio_chain_free(&echo->chains[i]);
}

static const struct reg echo_regs[] = {
    { 0, 4, RO, "fixed" },
    { 4, 1 | 2 | 4, RW, "setting" },
    { 0 },
};
static const struct field echo_fields[] = {
    VIRTIO_FIELDS(struct echo),
    FIELD(struct echo, setting),
    { 0 },
};
static const struct property echo_properties[] = { VIRTIO_PROPERTIES(struct echo),
                                                   { 0 } };
static const struct dev_class echo_class = {
    .name = "virtio-echo-device",
    .bus = "virtio",
    .size = sizeof(struct echo),
    .regs = echo_regs,
    .fields = echo_fields,
    .properties = echo_properties,
    .init = echo_init,
    .reset = virtio_dev_reset,
    .read = echo_read,
    .write = echo_write,
    .loaded = virtio_dev_loaded,
    .destroy = echo_destroy,
};

static inline struct vrig *new_echo(void)
{
    struct vrig *v = vrig_new(&echo_class);

    vrig_set(v, "packed", "on");
    vrig_init(v);
    return v;
}

static inline struct vrig *started(uint64_t features)
{
    struct vrig *v = new_echo();

    vrig_start(v, features, 2);
    return v;
}

static inline struct echo *echo_of(struct vrig *v)
{
    return (struct echo *)v->device;
}

#define PACKED BIT(VIRTIO_F_RING_PACKED)
#define INDIRECT BIT(VIRTIO_F_INDIRECT_DESC)
#define EVENT BIT(VIRTIO_F_EVENT_IDX)

/* All that a driver may choose. */
static const uint64_t choices[] = { 0,
                                    INDIRECT,
                                    EVENT,
                                    PACKED,
                                    PACKED | INDIRECT,
                                    PACKED | EVENT,
                                    INDIRECT | EVENT,
                                    PACKED | INDIRECT | EVENT };

/* A chain: "ab", "cde" out, then 2 and 8 in. */
static const struct buffer message[] = {
    { DATA, 2, false },
    { DATA + 0x100, 3, false },
    { DATA + 0x200, 2, true },
    { DATA + 0x300, 8, true },
};

static inline void put_message(struct vrig *v)
{
    memcpy(v->rig->memory + DATA, "ab", 2);
    memcpy(v->rig->memory + DATA + 0x100, "cde", 3);
    memset(v->rig->memory + DATA + 0x200, 0, 0x200);
}

static inline void send_message(struct vrig *v, unsigned queue)
{
    put_message(v);
    (v->features & INDIRECT ? post_indirect : post)(v, queue, message, 4);
}

static inline void check_message(struct vrig *v, unsigned queue)
{
    uint32_t length;
    unsigned id;

    ck_assert(used(v, queue, &id, &length));
    ck_assert_uint_eq(length, 5);
    ck_assert_mem_eq(v->rig->memory + DATA + 0x200, "ab", 3);
    ck_assert_mem_eq(v->rig->memory + DATA + 0x300, "cde", 4);
}

static inline void refuse_again(struct vrig *v)
{
    uint32_t length;
    unsigned id;

    ck_assert(needs_reset(v));
    ck_assert_uint_eq(interrupted(v) & 2, 2);
    kick(v, 0);
    ck_assert_uint_eq(interrupted(v), 0); /* it says so once */
    ck_assert(!used(v, 0, &id, &length));
    send_message(v, 1); /* the other queue lives */
    kick(v, 1);
    check_message(v, 1);
    vrig_start(v, v->features, 2); /* and so does all of it after a reset */
    ck_assert(!needs_reset(v));
    send_message(v, 0);
    kick(v, 0);
    check_message(v, 0);
    vrig_free(v);
}

#endif
