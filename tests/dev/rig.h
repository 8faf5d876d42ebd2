/* rig.h - what a device needs around it to be tested alone: a clock that stands still
 * until it is told, lines that remember, memory of a few pages, a serial line's end. */
#ifndef RHEA_TESTS_DEV_RIG_H
#define RHEA_TESTS_DEV_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/dev.h"
#include "run_cases.h"

enum { RIG_LINES = 64, RIG_MEMORY = 1 << 16, RIG_TIMERS = 1024, RIG_SENT = 4096 };
enum { RIG_OWN = 512 << 10 };

struct rig {
    struct clock clock; /* first of what is found by it */
    uint64_t now_ns, wall_offset_ns;
    struct timer *timers[RIG_TIMERS];
    struct dma dma;
    uint8_t memory[RIG_MEMORY]; /* at address 0 */
    struct msi msi;
    unsigned messages; /* how many there were, and the last one */
    uint64_t message_addr;
    uint32_t message_data;
    struct power power;
    unsigned power_requests;
    enum power_event power_event;
    int power_status;
    struct irq irqs[RIG_LINES];
    bool levels[RIG_LINES];
    struct char_backend chardev;
    uint8_t sent[RIG_SENT];
    size_t sent_count, sent_limit; /* limit: how much the other end takes */
    unsigned ready_calls;
    struct dev_memory own; /* of a device that has some */
    uint8_t own_bytes[RIG_OWN];
    bool is_shown;
    unsigned changes;
    struct dev *dev;
};

#define RIG_OF(pointer, member)                                                          \
    ((struct rig *)(void *)((char *)(pointer)-offsetof(struct rig, member)))

static uint64_t rig_now(struct clock *clock)
{
    return RIG_OF(clock, clock)->now_ns;
}

static uint64_t rig_wall(struct clock *clock)
{
    return RIG_OF(clock, clock)->now_ns + RIG_OF(clock, clock)->wall_offset_ns;
}

static void rig_cancel(struct clock *clock, struct timer *timer)
{
    struct rig *rig = RIG_OF(clock, clock);

    for (unsigned i = 0; i < RIG_TIMERS; i++)
        if (rig->timers[i] == timer)
            rig->timers[i] = NULL;
    timer->is_armed = false;
}

static void rig_arm(struct clock *clock, struct timer *timer, uint64_t deadline_ns)
{
    struct rig *rig = RIG_OF(clock, clock);

    rig_cancel(clock, timer);
    timer->deadline_ns = deadline_ns;
    timer->is_armed = true;
    for (unsigned i = 0; i < RIG_TIMERS; i++) {
        if (!rig->timers[i]) {
            rig->timers[i] = timer;
            return;
        }
    }
    abort();
}

/* Time goes on; what becomes due fires, each timer at most once. */
static inline void rig_pass(struct rig *rig, uint64_t ns)
{
    struct timer *due[RIG_TIMERS];
    unsigned count = 0;

    rig->now_ns += ns;
    for (unsigned i = 0; i < RIG_TIMERS; i++)
        if (rig->timers[i] && rig->timers[i]->deadline_ns <= rig->now_ns)
            due[count++] = rig->timers[i];
    for (unsigned i = 0; i < count; i++) {
        if (!due[i]->is_armed)
            continue;
        rig_cancel(&rig->clock, due[i]);
        due[i]->fire(due[i]->context);
    }
}

static int rig_dma_read(struct dma *dma, uint64_t addr, void *to, size_t size)
{
    if (addr > RIG_MEMORY || size > RIG_MEMORY - addr)
        return -1;
    memcpy(to, RIG_OF(dma, dma)->memory + addr, size);
    return 0;
}

static int rig_dma_write(struct dma *dma, uint64_t addr, const void *from, size_t size)
{
    if (addr > RIG_MEMORY || size > RIG_MEMORY - addr)
        return -1;
    memcpy(RIG_OF(dma, dma)->memory + addr, from, size);
    return 0;
}

static size_t rig_dma_map(struct dma *dma, uint64_t addr, size_t size, bool write,
                          void **host)
{
    (void)write;
    if (addr >= RIG_MEMORY)
        return 0;
    *host = RIG_OF(dma, dma)->memory + addr;
    return size < RIG_MEMORY - addr ? size : RIG_MEMORY - addr;
}

static void rig_message(struct msi *msi, uint64_t addr, uint32_t data)
{
    struct rig *rig = RIG_OF(msi, msi);

    rig->messages++;
    rig->message_addr = addr;
    rig->message_data = data;
}

static void rig_power(struct power *power, enum power_event event, int status)
{
    struct rig *rig = RIG_OF(power, power);

    rig->power_requests++;
    rig->power_event = event;
    rig->power_status = status;
}

static void rig_line(void *context, unsigned line, bool level)
{
    ((struct rig *)context)->levels[line] = level;
}

static size_t rig_char_write(struct char_backend *backend, const uint8_t *bytes,
                             size_t count)
{
    struct rig *rig = RIG_OF(backend, chardev);
    size_t room = rig->sent_limit - rig->sent_count;

    if (count > room)
        count = room;
    memcpy(rig->sent + rig->sent_count, bytes, count);
    rig->sent_count += count;
    return count;
}

static void rig_char_ready(struct char_backend *backend)
{
    RIG_OF(backend, chardev)->ready_calls++;
}

static void rig_show(struct dev_memory *memory, bool is_shown)
{
    RIG_OF(memory, own)->is_shown = is_shown;
}

static void rig_changed(struct dev_memory *memory, uint64_t offset, uint64_t size)
{
    RIG_OF(memory, own)->changes += offset + size <= RIG_OWN;
}

/* A further device beside the one that the rig is for; dev_free() it. */
static inline struct dev *rig_add(struct rig *rig, const struct dev_class *class)
{
    struct dev *dev = dev_new(class, class->name);

    dev->clock = &rig->clock;
    dev->dma = &rig->dma;
    dev->msi = &rig->msi;
    dev->power = &rig->power;
    dev->memory = class->is_memory ? &rig->own : NULL;
    dev->irqs = rig->irqs;
    dev->irq_count = RIG_LINES;
    return dev;
}

/* A device of its class, not yet initialized: set properties, then rig_init(). */
static inline struct rig *rig_new(const char *class)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    rig->clock = (struct clock){ rig_now, rig_wall, rig_arm, rig_cancel };
    rig->wall_offset_ns = UINT64_C(1600000000000000000);
    rig->now_ns = 1000000;
    rig->dma = (struct dma){ rig_dma_read, rig_dma_write, rig_dma_map };
    rig->msi.send = rig_message;
    rig->own = (struct dev_memory){ rig->own_bytes, RIG_OWN, rig_show, rig_changed };
    rig->power.request = rig_power;
    rig->chardev.write = rig_char_write;
    rig->chardev.ready = rig_char_ready;
    rig->sent_limit = RIG_SENT;
    for (unsigned i = 0; i < RIG_LINES; i++)
        rig->irqs[i] = (struct irq){ rig_line, rig, i };
    rig->dev = rig_add(rig, dev_class_find(class));
    return rig;
}

/* Ends the test if something of a device is refused. */
static inline void rig_check(int result, const char *error)
{
    if (result == 0)
        return;
    fprintf(stderr, "%s\n", error);
    abort();
}

static inline void rig_set_of(struct dev *dev, const char *property, const char *value)
{
    char error[DEV_ERROR];

    rig_check(dev_set(dev, property, value, error), error);
}

static inline void rig_connect(struct dev *dev, const char *property, void *to)
{
    char error[DEV_ERROR];

    rig_check(dev_connect(dev, property, to, error), error);
}

static inline void rig_init_of(struct dev *dev)
{
    char error[DEV_ERROR];

    rig_check(dev_init(dev, error), error);
}

static inline void rig_set(struct rig *rig, const char *property, const char *value)
{
    rig_set_of(rig->dev, property, value);
}

static inline void rig_init(struct rig *rig)
{
    const struct property *property = rig->dev->class->properties;

    for (; property && property->name; property++)
        if (property->kind == PROPERTY_CHARDEV)
            rig_connect(rig->dev, property->name, &rig->chardev);
    rig_init_of(rig->dev);
}

static inline void rig_free(struct rig *rig)
{
    dev_free(rig->dev);
    free(rig);
}

static inline uint64_t rig_read(struct rig *rig, uint64_t offset, unsigned size)
{
    return dev_read(rig->dev, 0, offset, size);
}

static inline void rig_write(struct rig *rig, uint64_t offset, unsigned size,
                             uint64_t value)
{
    dev_write(rig->dev, 0, offset, size, value);
}

/* main() of a test program. */
#define RIG_MAIN(name, ...)                                                              \
    int main(void)                                                                       \
    {                                                                                    \
        const TTest *tests[] = { __VA_ARGS__ };                                          \
                                                                                         \
        return run_cases(name, tests, COUNT(tests));                                     \
    }

#endif
