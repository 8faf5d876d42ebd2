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
    BLOCK_ENOSPC, /* it waits if the medium is full, else the device is told */
};
/* By the name that options have for it.  Reads cannot have `enospc`.  False: there is no
 * such. */
bool block_reaction_named(const char *name, bool is_read, enum block_reaction *reaction);
const char *block_reaction_name(enum block_reaction reaction);

struct block_async_config {
    struct disk_image *image; /* stays the caller's; longer than this */
    const char *serial;       /* copied; may be NULL */
    /* NULL, or: requests are done on the device thread, a fixed time after they came, so
     * that every run is the same. */
    struct clock *clock;
    /* Calls fn(arg) on the device thread under the bus lock; from any thread. */
    void (*post)(void *context, void (*fn)(void *arg), void *arg);
    /* What becomes of reads that fail, and of all others; a device may have its own. */
    enum block_reaction read_error, write_error;
    /* Hears of failures, on the device thread: an errno, and what becomes of it, which is
     * not BLOCK_ENOSPC.  NULL: nobody does. */
    void (*failed)(void *context, enum block_op op, int error,
                   enum block_reaction reaction);
    void *failed_context;
    void *context; /* of post */
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
/* What it waits for: an errno; 0: nothing waits. */
int block_async_stopped(const struct block_async *async);
/* Resizes, and tells the device.  Under the bus lock. */
int block_async_resize(struct block_async *async, uint64_t size, char error[DISK_ERROR]);
/* Waits for what runs (`done` is called); under the bus lock.  Nothing that was posted is
 * called afterwards: the loop must be past it, or gone. */
void block_async_free(struct block_async *async);

#endif
