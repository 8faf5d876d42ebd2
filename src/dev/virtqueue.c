/* virtqueue.c - the rings of a virtio queue: split and packed.
 *
 * A split ring is a table of descriptors, a ring of the heads of chains that the driver
 * made available, and a ring of those that the device has used.  A packed ring is one
 * ring of descriptors: available ones have the flag AVAIL as the driver's wrap counter
 * and USED as its opposite, used ones have both as the device's wrap counter.
 *
 * Spec: virtio 1.2, sections 2.7 "Split Virtqueues" and 2.8 "Packed Virtqueues". */
#include "dev/virtio.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"

enum { DESC_SIZE = 16 };
enum {
    DESC_NEXT = 1,
    DESC_WRITE = 2,
    DESC_INDIRECT = 4,
    DESC_AVAIL = 1 << 7,
    DESC_USED = 1 << 15
};
enum { SPLIT_FLAGS = 0, SPLIT_INDEX = 2, SPLIT_RING = 4 }; /* of both rings */
enum { AVAIL_NO_INTERRUPT = 1 };
enum { EVENT_OFFSET = 0, EVENT_FLAGS = 2 }; /* of packed rings */
enum { EVENT_ENABLE = 0, EVENT_DISABLE = 1, EVENT_AT = 2 };
enum { PIECES_MAX = 16 * VIRTQUEUE_MAX };

/* Of either kind; a split one has `next`, a packed one has `id`. */
struct descriptor {
    uint64_t addr;
    uint32_t length;
    uint16_t id, next, flags;
};

void virtqueue_fail(struct virtqueue *queue, const char *fmt, ...)
{
    struct virtio *virtio = queue->virtio;
    char why[160];
    va_list args;

    if (queue->is_broken)
        return;
    queue->is_broken = true;
    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    guest_error("%s: queue %u stops: %s", virtio->dev.name, queue->index, why);
    if (virtio->status & VIRTIO_NEEDS_RESET)
        return;
    virtio->status |= VIRTIO_NEEDS_RESET;
    if (virtio->status & VIRTIO_DRIVER_OK)
        virtio_config_changed(virtio);
}

static bool is_packed(const struct virtqueue *queue)
{
    return virtio_has(queue->virtio, VIRTIO_F_RING_PACKED);
}

static bool has_event_idx(const struct virtqueue *queue)
{
    return virtio_has(queue->virtio, VIRTIO_F_EVENT_IDX);
}

static bool load16(struct virtqueue *queue, uint64_t addr, uint16_t *value)
{
    uint64_t loaded;

    if (dma_load(queue->virtio->dev.dma, addr, 2, &loaded) < 0) {
        virtqueue_fail(queue, "a ring at 0x%llx is not in memory",
                       (unsigned long long)addr);
        return false;
    }
    *value = loaded;
    return true;
}

static bool store(struct virtqueue *queue, uint64_t addr, unsigned size, uint64_t value)
{
    if (dma_store(queue->virtio->dev.dma, addr, size, value) == 0)
        return true;
    virtqueue_fail(queue, "a ring at 0x%llx is not in memory", (unsigned long long)addr);
    return false;
}

/* -------------------------------------------------------------------------- chains */

void virtio_chain_free(struct virtio_chain *chain)
{
    free(chain->spans);
    free(chain->addrs);
    *chain = (struct virtio_chain){ 0 };
}

static void chain_grow(struct virtio_chain *chain)
{
    chain->capacity = chain->capacity ? 2 * chain->capacity : 8;
    chain->spans = realloc(chain->spans, chain->capacity * sizeof(*chain->spans));
    chain->addrs = realloc(chain->addrs, chain->capacity * sizeof(*chain->addrs));
    if (!chain->spans || !chain->addrs)
        die("out of memory");
}

/* Adds a piece of memory, to the last span if it goes on from there. */
static void chain_add_piece(struct virtio_chain *chain, uint64_t addr, void *host,
                            size_t size, bool is_in)
{
    unsigned count = chain->out_count + chain->in_count;
    unsigned same = is_in ? chain->in_count : chain->out_count;
    struct span *last = count ? &chain->spans[count - 1] : NULL;

    if (same && (char *)last->base + last->size == host &&
        chain->addrs[count - 1] + last->size == addr) {
        last->size += size;
    } else {
        if (count == chain->capacity)
            chain_grow(chain);
        chain->spans[count] = (struct span){ host, size };
        chain->addrs[count] = addr;
        *(is_in ? &chain->in_count : &chain->out_count) += 1;
    }
    *(is_in ? &chain->in_size : &chain->out_size) += size;
}

static bool chain_add(struct virtqueue *queue, struct virtio_chain *chain,
                      const struct descriptor *desc)
{
    bool is_in = desc->flags & DESC_WRITE;
    uint64_t addr = desc->addr;
    uint32_t left = desc->length;

    if (!is_in && chain->in_count) {
        virtqueue_fail(queue, "a buffer for the device behind one for the driver");
        return false;
    }
    if (chain->buffers++ >= VIRTQUEUE_MAX || addr + left < addr) {
        virtqueue_fail(queue, "a chain of too many buffers, or too large ones");
        return false;
    }
    while (left) {
        void *host;
        size_t size = dma_map(queue->virtio->dev.dma, addr, left, is_in, &host);

        if (!size || chain->out_count + chain->in_count >= PIECES_MAX) {
            virtqueue_fail(queue, "a buffer at 0x%llx is not in memory",
                           (unsigned long long)addr);
            return false;
        }
        chain_add_piece(chain, addr, host, size, is_in);
        addr += size;
        left -= size;
    }
    return true;
}

static uint64_t number(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static struct descriptor descriptor_of(const uint8_t bytes[DESC_SIZE], bool packed)
{
    struct descriptor desc = {
        .addr = number(bytes, 8),
        .length = number(bytes + 8, 4),
    };

    desc.flags = number(bytes + (packed ? 14 : 12), 2);
    desc.next = number(bytes + 14, 2); /* in packed rings: never used */
    desc.id = number(bytes + 12, 2);
    return desc;
}

static bool read_table(struct virtqueue *queue, uint64_t addr, void *to, size_t size)
{
    if (addr + size >= addr && dma_read(queue->virtio->dev.dma, addr, to, size) == 0)
        return true;
    virtqueue_fail(queue, "descriptors at 0x%llx are not in memory",
                   (unsigned long long)addr);
    return false;
}

/* All descriptors of a table: in a packed ring they follow each other, in a split one
 * they are a chain. */
static bool chain_add_table(struct virtqueue *queue, struct virtio_chain *chain,
                            const struct descriptor *table)
{
    uint8_t bytes[VIRTQUEUE_MAX * DESC_SIZE]; /* the one copy */
    bool packed = is_packed(queue);
    unsigned entries = table->length / DESC_SIZE, at = 0;

    if (!virtio_has(queue->virtio, VIRTIO_F_INDIRECT_DESC) ||
        (table->flags & DESC_NEXT) || table->length % DESC_SIZE || !entries ||
        entries > VIRTQUEUE_MAX) {
        virtqueue_fail(queue, "a table of %lu bytes that is not allowed",
                       (unsigned long)table->length);
        return false;
    }
    if (!read_table(queue, table->addr, bytes, table->length))
        return false;
    for (unsigned n = 0; n < entries; n++) {
        struct descriptor desc = descriptor_of(bytes + (size_t)at * DESC_SIZE, packed);

        if (desc.flags & DESC_INDIRECT) {
            virtqueue_fail(queue, "a table within a table");
            return false;
        }
        if (!chain_add(queue, chain, &desc))
            return false;
        if (!packed && !(desc.flags & DESC_NEXT))
            return true;
        at = packed ? at + 1 : desc.next;
        if (!packed && at >= entries)
            break;
    }
    if (!packed)
        virtqueue_fail(queue, "a chain that leaves its table, or never ends");
    return packed;
}

static void chain_start(const struct virtqueue *queue, struct virtio_chain *chain)
{
    chain->out_count = chain->in_count = chain->buffers = 0;
    chain->out_size = chain->in_size = 0;
    chain->epoch = queue->epoch;
}

static size_t copy(const struct span *span, unsigned count, uint64_t at, void *bytes,
                   size_t size, bool to_spans)
{
    size_t done = 0;

    for (; count && done < size; span++, count--) {
        size_t part;

        if (at >= span->size) {
            at -= span->size;
            continue;
        }
        part = span->size - at < size - done ? span->size - at : size - done;
        if (to_spans)
            memcpy((char *)span->base + at, (char *)bytes + done, part);
        else
            memcpy((char *)bytes + done, (char *)span->base + at, part);
        done += part;
        at = 0;
    }
    return done;
}

size_t virtio_chain_read(const struct virtio_chain *chain, uint64_t at, void *to,
                         size_t size)
{
    return copy(chain->spans, chain->out_count, at, to, size, false);
}

size_t virtio_chain_write(const struct virtio_chain *chain, uint64_t at, const void *from,
                          size_t size)
{
    return copy(chain->spans + chain->out_count, chain->in_count, at, (void *)from, size,
                true);
}

unsigned span_cut(struct span **spans, unsigned count, uint64_t at, uint64_t size)
{
    struct span *first = *spans;
    unsigned used = 0;

    for (; count && at >= first->size; first++, count--)
        at -= first->size;
    *spans = first;
    if (!count || !size)
        return 0;
    first->base = (char *)first->base + at;
    first->size -= at;
    for (; used < count && size; used++) {
        if (first[used].size > size)
            first[used].size = size;
        size -= first[used].size;
    }
    return used;
}

/* ----------------------------------------------------------------------- split rings */

static bool split_available(struct virtqueue *queue, uint16_t *count)
{
    uint16_t index;

    if (!load16(queue, queue->driver + SPLIT_INDEX, &index))
        return false;
    *count = index - queue->next_avail;
    if (*count <= queue->size)
        return true;
    virtqueue_fail(queue, "its available index jumps from %u to %u",
                   (unsigned)queue->next_avail, (unsigned)index);
    return false;
}

/* Asks for a kick at the next chain; the caller looks once more after that. */
static bool split_want_kick(struct virtqueue *queue)
{
    if (!has_event_idx(queue))
        return false;
    if (!store(queue, queue->device + SPLIT_RING + UINT64_C(8) * queue->size, 2,
               queue->next_avail))
        return false;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return true;
}

static bool split_pop(struct virtqueue *queue, struct virtio_chain *chain)
{
    uint64_t entry =
        queue->driver + SPLIT_RING + UINT64_C(2) * (queue->next_avail % queue->size);
    struct descriptor desc = { .flags = DESC_NEXT };
    uint8_t bytes[DESC_SIZE];

    if (!load16(queue, entry, &desc.next))
        return false;
    chain->id = desc.next;
    chain->entries = 1;
    for (uint32_t n = 0; desc.flags & DESC_NEXT; n++) {
        if (desc.next >= queue->size || n >= queue->size) {
            virtqueue_fail(queue, "a chain with descriptor %u that never ends, or of %lu",
                           (unsigned)desc.next, (unsigned long)queue->size);
            return false;
        }
        if (!read_table(queue, queue->desc + (uint64_t)desc.next * DESC_SIZE, bytes,
                        DESC_SIZE))
            return false;
        desc = descriptor_of(bytes, false);
        if (desc.flags & DESC_INDIRECT)
            return chain_add_table(queue, chain, &desc);
        if (!chain_add(queue, chain, &desc))
            return false;
    }
    return true;
}

static void split_fill(struct virtqueue *queue, const struct virtio_chain *chain,
                       uint32_t written)
{
    uint16_t at = queue->next_used + queue->filled;
    uint64_t entry = queue->device + SPLIT_RING + UINT64_C(8) * (at % queue->size);

    if (store(queue, entry, 4, chain->id) && store(queue, entry + 4, 4, written))
        queue->filled++;
}

static void split_flush(struct virtqueue *queue)
{
    queue->next_used += queue->filled;
    store(queue, queue->device + SPLIT_INDEX, 2, queue->next_used);
}

/* Whether the step from `old` to `now` goes over `event`. */
static bool passes(uint16_t event, uint16_t now, uint16_t old)
{
    return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

static bool split_wants_interrupt(struct virtqueue *queue)
{
    uint16_t value;

    if (!has_event_idx(queue))
        return load16(queue, queue->driver + SPLIT_FLAGS, &value) &&
               !(value & AVAIL_NO_INTERRUPT);
    if (!load16(queue, queue->driver + SPLIT_RING + UINT64_C(2) * queue->size, &value))
        return false;
    return queue->added > UINT16_MAX ||
           passes(value, queue->next_used, queue->next_used - queue->added);
}

/* ---------------------------------------------------------------------- packed rings */

static uint64_t packed_at(const struct virtqueue *queue, uint32_t position)
{
    return queue->desc + (uint64_t)position * DESC_SIZE;
}

static bool packed_available(struct virtqueue *queue, uint16_t *count)
{
    uint16_t flags;

    if (!load16(queue, packed_at(queue, queue->next_avail) + 14, &flags))
        return false;
    *count = !!(flags & DESC_AVAIL) == queue->avail_wrap &&
             !!(flags & DESC_USED) != queue->avail_wrap;
    return true;
}

static bool packed_want_kick(struct virtqueue *queue)
{
    if (!has_event_idx(queue))
        return false;
    if (!store(queue, queue->device + EVENT_OFFSET, 2,
               queue->next_avail | (unsigned)queue->avail_wrap << 15) ||
        !store(queue, queue->device + EVENT_FLAGS, 2, EVENT_AT))
        return false;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return true;
}

static bool packed_pop(struct virtqueue *queue, struct virtio_chain *chain)
{
    struct descriptor desc = { .flags = DESC_NEXT };
    uint32_t at = queue->next_avail;
    uint8_t bytes[DESC_SIZE];

    for (chain->entries = 0; desc.flags & DESC_NEXT; chain->entries++) {
        if (queue->out + chain->entries >= queue->size) {
            virtqueue_fail(queue, "a chain that never ends");
            return false;
        }
        if (!read_table(queue, packed_at(queue, at), bytes, DESC_SIZE))
            return false;
        desc = descriptor_of(bytes, true);
        if (!(desc.flags & DESC_INDIRECT ? chain_add_table : chain_add)(queue, chain,
                                                                        &desc))
            return false;
        at = at + 1 == queue->size ? 0 : at + 1;
    }
    chain->id = desc.id; /* the last one's counts */
    return true;
}

static void packed_fill(struct virtqueue *queue, const struct virtio_chain *chain,
                        uint32_t written)
{
    uint32_t at = queue->next_used + queue->filled;
    bool wrap = queue->used_wrap ^ (at >= queue->size);
    uint16_t flags = (wrap ? DESC_AVAIL | DESC_USED : 0) | (written ? DESC_WRITE : 0);

    if (at >= queue->size)
        at -= queue->size;
    if (!store(queue, packed_at(queue, at) + 8, 4, written) ||
        !store(queue, packed_at(queue, at) + 12, 2, chain->id))
        return;
    if (!queue->filled) { /* the driver looks at this one first, so it comes last */
        queue->first_used = at;
        queue->first_flags = flags;
    } else if (!store(queue, packed_at(queue, at) + 14, 2, flags)) {
        return;
    }
    queue->filled += chain->entries;
}

static void packed_flush(struct virtqueue *queue)
{
    uint32_t next = queue->next_used + queue->filled;

    store(queue, packed_at(queue, queue->first_used) + 14, 2, queue->first_flags);
    if (next >= queue->size) {
        next -= queue->size;
        queue->used_wrap = !queue->used_wrap;
    }
    queue->next_used = next;
}

static bool packed_wants_interrupt(struct virtqueue *queue)
{
    uint16_t flags, event;

    if (!load16(queue, queue->driver + EVENT_FLAGS, &flags))
        return false;
    flags &= 3;
    if (flags != EVENT_AT || !has_event_idx(queue))
        return flags != EVENT_DISABLE;
    if (!load16(queue, queue->driver + EVENT_OFFSET, &event))
        return false;
    if (event >> 15 == queue->used_wrap)
        event &= 0x7fff;
    else
        event = (event & 0x7fff) - queue->size;
    return queue->added > UINT16_MAX ||
           passes(event, queue->next_used, queue->next_used - queue->added);
}

/* ------------------------------------------------------------------------ either kind */

static bool is_usable(const struct virtqueue *queue)
{
    return queue->is_ready && !queue->is_broken && virtio_is_running(queue->virtio);
}

/* How many chains there are, at least; none: the driver has been asked to kick. */
static uint16_t available(struct virtqueue *queue)
{
    bool packed = is_packed(queue);
    uint16_t count = 0;

    if (!is_usable(queue) ||
        !(packed ? packed_available : split_available)(queue, &count))
        return 0;
    if (count == 0 && (packed ? packed_want_kick : split_want_kick)(queue) &&
        !(packed ? packed_available : split_available)(queue, &count))
        return 0;
    if (count == 0 || queue->budget)
        return count;
    timer_arm(&queue->virtio->again, clock_now_ns(queue->virtio->dev.clock));
    return 0;
}

bool virtqueue_is_empty(struct virtqueue *queue)
{
    return available(queue) == 0;
}

bool virtqueue_pop(struct virtqueue *queue, struct virtio_chain *chain)
{
    bool packed = is_packed(queue);

    if (!available(queue))
        return false;
    if (queue->out >= queue->size) {
        virtqueue_fail(queue, "more chains than fit into it");
        return false;
    }
    chain_start(queue, chain);
    if (!(packed ? packed_pop : split_pop)(queue, chain)) {
        chain_start(queue, chain);
        return false;
    }
    if (queue->budget != UINT32_MAX)
        queue->budget--;
    queue->out += chain->entries;
    if (packed && queue->next_avail + chain->entries >= (uint32_t)queue->size) {
        queue->next_avail -= queue->size;
        queue->avail_wrap = !queue->avail_wrap;
    }
    queue->next_avail += chain->entries;
    dev_event(&queue->virtio->dev, "queue", queue->index,
              "takes %llu bytes, and room for %llu", (unsigned long long)chain->out_size,
              (unsigned long long)chain->in_size);
    return true;
}

bool virtqueue_owns(const struct virtqueue *queue, const struct virtio_chain *chain)
{
    return queue->epoch == chain->epoch;
}

void virtqueue_unpop(struct virtqueue *queue, const struct virtio_chain *chain)
{
    if (!virtqueue_owns(queue, chain))
        return;
    queue->out -= chain->entries;
    if (is_packed(queue) && queue->next_avail < chain->entries) {
        queue->next_avail += queue->size;
        queue->avail_wrap = !queue->avail_wrap;
    }
    queue->next_avail -= chain->entries;
}

/* What the device has written to may have become something else meanwhile, code that was
 * translated: says once more that it was written to. */
static void chain_touch(const struct virtqueue *queue, const struct virtio_chain *chain,
                        uint64_t written)
{
    for (unsigned i = 0; i < chain->in_count && written; i++) {
        uint64_t addr = chain->addrs[chain->out_count + i];
        size_t left = chain->spans[chain->out_count + i].size, size;
        void *host;

        left = left < written ? left : written;
        written -= left;
        for (; left && (size = dma_map(queue->virtio->dev.dma, addr, left, true, &host));
             left -= size)
            addr += size;
    }
}

void virtqueue_fill(struct virtqueue *queue, const struct virtio_chain *chain,
                    uint32_t written)
{
    if (!virtqueue_owns(queue, chain))
        return;
    queue->out -= chain->entries;
    if (!is_usable(queue))
        return;
    chain_touch(queue, chain, written);
    dev_event(&queue->virtio->dev, "queue", queue->index, "gives %u bytes back",
              (unsigned)written);
    (is_packed(queue) ? packed_fill : split_fill)(queue, chain, written);
}

void virtqueue_flush(struct virtqueue *queue)
{
    if (queue->filled && is_usable(queue)) {
        (is_packed(queue) ? packed_flush : split_flush)(queue);
        if (queue->added <= UINT16_MAX)
            queue->added += queue->filled;
    }
    queue->filled = 0;
}

void virtqueue_push(struct virtqueue *queue, const struct virtio_chain *chain,
                    uint32_t written)
{
    virtqueue_fill(queue, chain, written);
    virtqueue_flush(queue);
}

void virtqueue_notify(struct virtqueue *queue)
{
    struct virtio *virtio = queue->virtio;

    if (!queue->added || !is_usable(queue))
        return;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the driver's wish after our index */
    if ((is_packed(queue) ? packed_wants_interrupt : split_wants_interrupt)(queue) &&
        virtio->transport.used) {
        dev_event(&virtio->dev, "queue", queue->index, "interrupts");
        virtio->transport.used(virtio->transport.context, queue->index);
    }
    queue->added = 0;
}

void virtqueue_reset(struct virtqueue *queue)
{
    struct virtio *virtio = queue->virtio;

    *queue = (struct virtqueue){
        .size = virtio->queue_max[queue->index],
        .avail_wrap = true,
        .used_wrap = true,
        .virtio = virtio,
        .index = queue->index,
        .budget = UINT32_MAX,
        .epoch = queue->epoch + 1,
    };
}

bool virtqueue_check(const struct virtqueue *queue)
{
    if (!queue->is_ready)
        return true; /* checked when it gets ready */
    if (queue->index >= queue->virtio->queue_count ||
        queue->size > queue->virtio->queue_max[queue->index])
        return false;
    if (is_packed(queue))
        return queue->size && queue->next_avail < queue->size &&
               queue->next_used < queue->size;
    return virtio_is_queue_size(queue->size);
}
