/* loop.h - the device thread: it sleeps until a descriptor is ready, a timer is due or
 * another thread has something for it.  What it calls runs under the bus lock. */
#ifndef RHEA_SYS_LOOP_H
#define RHEA_SYS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_fd;
struct guest_clock;
struct host_lock;

struct loop *loop_new(struct guest_clock *clock, struct host_lock *lock);
void loop_free(struct loop *loop);

/* Descriptors; these belong to the device thread (or come before it runs). */
struct loop_fd *loop_add(struct loop *loop, int fd, void (*ready)(void *context),
                         void *context);
void loop_want(struct loop_fd *fd, bool read, bool write); /* at first: nothing */
bool loop_can_read(const struct loop_fd *fd);              /* these in `ready` */
bool loop_can_write(const struct loop_fd *fd);
void loop_remove(struct loop_fd *fd);

/* From any thread. */
void loop_wake(struct loop *loop);
/* Calls fn(context) on the device thread, in the order of the posts. */
void loop_post(struct loop *loop, void (*fn)(void *context), void *context);
void loop_stop(struct loop *loop); /* loop_run() returns; also from signal handlers */

/* What the thread does besides, in each round; without locks. */
struct loop_work {
    uint64_t (*wait_ns)(void *context); /* how long it may sleep, in place of the clock */
    void (*run)(void *context);
    void *context;
};
void loop_set_work(struct loop *loop, const struct loop_work *work);

void loop_run(struct loop *loop);

#endif
