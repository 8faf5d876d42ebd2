/* async.h - an image as a device sees it: requests that are done later, on threads of
 * their own (or in guest time).
 *
 * Flushes need no order of their own: one is as good as all that was done when it was
 * submitted, and what is done has reached the image. */
#ifndef RHEA_BLOCK_ASYNC_H
#define RHEA_BLOCK_ASYNC_H

#include "dev/dev.h"
#include "sys/block/block.h"

struct block_async;

/* What becomes of a request that failed: -drive's werror and rerror. */
enum block_reaction {
    BLOCK_REPORT, /* the device is told */
    BLOCK_IGNORE, /* the device is told that all is well */
    BLOCK_STOP,   /* it waits for block_async_retry() */
};

struct block_async_config {
    struct disk_image *image; /* stays the caller's; longer than this */
    const char *serial;       /* copied; may be NULL */
    /* NULL, or: requests are done on the device thread, a fixed time after they came, so
     * that every run is the same. */
    struct clock *clock;
    /* Calls fn(arg) on the device thread under the bus lock; from any thread. */
    void (*post)(void *context, void (*fn)(void *arg), void *arg);
    /* On the device thread; an errno.  NULL: every failure is reported. */
    enum block_reaction (*failed)(void *context, enum block_op op, int error);
    void *context; /* of both */
};

/* What was done so far, by enum block_op. */
struct block_stats {
    uint64_t requests[BLOCK_ZEROES + 1], bytes[BLOCK_ZEROES + 1];
    uint64_t failures[BLOCK_ZEROES + 1];
};

struct block_async *block_async_new(const struct block_async_config *config);
struct block_backend *block_async_backend(struct block_async *async);
const struct block_stats *block_async_stats(const struct block_async *async);
/* Does what waits since a BLOCK_STOP again. */
void block_async_retry(struct block_async *async);
/* Resizes, and tells the device.  Under the bus lock. */
int block_async_resize(struct block_async *async, uint64_t size, char error[DISK_ERROR]);
/* Waits for what runs (`done` is called); under the bus lock.  Nothing that was posted is
 * called afterwards: the loop must be past it, or gone. */
void block_async_free(struct block_async *async);

#endif
