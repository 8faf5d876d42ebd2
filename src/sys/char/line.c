/* line.c - a line that leads to descriptors of the host.
 *
 * Output goes out at once while the other end takes it; what it does not take waits here,
 * and the user is told to wait.  Input is read while the user has room.  Where nobody is
 * at the other end output is lost. */
#include <errno.h>
#include <string.h>

#include "base/host.h"
#include "sys/char/part.h"
#include "sys/loop.h"

/* What a descriptor that is ready takes without waiting, whatever it is: a pipe has room
 * for a page, a terminal for less. */
enum { PIECE = 256 };

void char_tell(struct char_backend *backend, enum char_event event)
{
    if (event == CHAR_OPENED || event == CHAR_CLOSED)
        backend->is_open = event == CHAR_OPENED;
    if (backend->user && backend->user->event)
        backend->user->event(backend->device, event);
}

/* ------------------------------------------------------------------------ output */

static bool can_write(const struct chardev *dev)
{
    struct host_poll poll = { .fd = dev->out_fd, .want_write = true };

    host_poll(&poll, 1, dev->host.is_counted && dev->kind->takes_all ? UINT64_MAX : 0);
    return poll.can_write;
}

/* How many went out; an end that is closed takes everything. */
static size_t put_out(const struct chardev *dev, const uint8_t *bytes, size_t count)
{
    size_t done = 0;

    while (done < count && can_write(dev)) {
        size_t piece = count - done < PIECE ? count - done : PIECE;
        int64_t part = host_write(dev->out_fd, bytes + done, piece);

        if (part == -EINTR)
            continue;
        if (part == -EAGAIN)
            break;
        if (part < 0)
            return count;
        done += (size_t)part;
    }
    return done;
}

static void out_is_ready(void *context)
{
    struct chardev *dev = context;
    size_t done = put_out(dev, dev->unsent, dev->unsent_count);

    dev->unsent_count -= done;
    memmove(dev->unsent, dev->unsent + done, dev->unsent_count);
    if (dev->unsent_count)
        return;
    loop_want(dev->out, false, false);
    if (dev->full_before) {
        dev->full_before = false;
        if (dev->backend.user && dev->backend.user->sent)
            dev->backend.user->sent(dev->backend.device);
    }
}

static size_t line_write(struct char_backend *backend, const uint8_t *bytes, size_t count)
{
    struct chardev *dev = (struct chardev *)backend;
    size_t done = 0, kept;

    if (!dev->out)
        return count;
    if (!dev->unsent_count)
        done = put_out(dev, bytes, count);
    kept = count - done;
    if (kept > LINE_OUT - dev->unsent_count)
        kept = LINE_OUT - dev->unsent_count;
    memcpy(dev->unsent + dev->unsent_count, bytes + done, kept);
    dev->unsent_count += kept;
    if (dev->unsent_count)
        loop_want(dev->out, false, true);
    dev->full_before |= done + kept < count;
    return done + kept;
}

/* ------------------------------------------------------------------------- input */

static size_t user_room(const struct chardev *dev)
{
    const struct char_user *user = dev->backend.user;
    size_t room = user ? user->room(dev->backend.device) : 0;

    return room < LINE_IN ? room : LINE_IN;
}

static void in_has_ended(struct chardev *dev)
{
    loop_remove(dev->in);
    dev->in = NULL;
    if (dev->kind->ended) /* the others go on writing */
        dev->kind->ended(dev);
}

static void in_is_ready(void *context)
{
    struct chardev *dev = context;
    uint8_t bytes[LINE_IN];
    size_t room = user_room(dev), count;
    int64_t got;

    if (!room) {
        loop_want(dev->in, false, false);
        return;
    }
    got = host_read(dev->in_fd, bytes, room);
    if (got == -EINTR || got == -EAGAIN)
        return;
    if (got <= 0) {
        in_has_ended(dev);
        return;
    }
    count = (size_t)got;
    if (dev->kind->filter)
        count = dev->kind->filter(dev, bytes, count);
    if (count)
        dev->backend.user->receive(dev->backend.device, bytes, count);
}

static void line_ready(struct char_backend *backend)
{
    struct chardev *dev = (struct chardev *)backend;

    if (dev->in)
        loop_want(dev->in, true, false);
}

/* -------------------------------------------------------------------- life */

void line_init(struct chardev *dev)
{
    dev->backend.write = line_write;
    dev->backend.ready = line_ready;
    dev->in_fd = dev->out_fd = -1;
}

void line_begin(struct chardev *dev, int in_fd, int out_fd)
{
    dev->in_fd = in_fd;
    dev->out_fd = out_fd;
    if (out_fd >= 0)
        dev->out = loop_add(dev->host.loop, out_fd, out_is_ready, dev);
    if (in_fd >= 0) {
        dev->in = loop_add(dev->host.loop, in_fd, in_is_ready, dev);
        loop_want(dev->in, true, false);
    }
    char_tell(&dev->backend, CHAR_OPENED);
}

void line_end(struct chardev *dev)
{
    bool was_full = dev->full_before;

    if (dev->out && dev->unsent_count)
        put_out(dev, dev->unsent, dev->unsent_count);
    loop_remove(dev->in);
    loop_remove(dev->out);
    dev->in = dev->out = NULL;
    dev->unsent_count = 0;
    dev->full_before = false;
    if (dev->backend.is_open)
        char_tell(&dev->backend, CHAR_CLOSED);
    if (was_full && dev->backend.user && dev->backend.user->sent)
        dev->backend.user->sent(dev->backend.device);
}
