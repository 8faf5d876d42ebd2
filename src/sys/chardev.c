/* chardev.c - serial lines of a guest that lead to descriptors of the host.
 *
 * Output goes out at once while the other end takes it; what it does not take waits here,
 * and the device is told to wait.  Input is read while the device has room. */
#include "sys/chardev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "sys/loop.h"

enum { IN_BYTES = 256, OUT_BYTES = 4096, ESCAPE = 1 };

struct chardev {
    struct char_backend backend; /* first: found by it */
    struct chardev_host host;
    struct loop_fd *in, *out; /* NULL: there is none, or it has ended */
    int in_fd, out_fd;
    bool owns_out;    /* a file that we opened */
    bool has_escape;  /* Ctrl-A means something */
    bool was_escape;  /* it was the last key */
    bool full_before; /* the device waits for `sent` */
    uint8_t waiting[IN_BYTES], unsent[OUT_BYTES];
    size_t waiting_count, unsent_count;
};

/* ------------------------------------------------------------------------ output */

static bool can_write(int fd)
{
    struct host_poll poll = { .fd = fd, .want_write = true };

    host_poll(&poll, 1, 0);
    return poll.can_write;
}

/* How many went out; an end that is closed takes everything. */
static size_t put_out(struct chardev *dev, const uint8_t *bytes, size_t count)
{
    size_t done = 0;

    while (done < count && can_write(dev->out_fd)) {
        int64_t part = host_write(dev->out_fd, bytes + done, count - done);

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
    if (dev->full_before && dev->backend.user && dev->backend.user->sent)
        dev->backend.user->sent(dev->backend.device);
    dev->full_before = false;
}

static size_t chardev_write(struct char_backend *backend, const uint8_t *bytes,
                            size_t count)
{
    struct chardev *dev = (struct chardev *)backend;
    size_t done = 0, kept;

    if (dev->out_fd < 0)
        return count;
    if (!dev->unsent_count)
        done = put_out(dev, bytes, count);
    kept = count - done;
    if (kept > OUT_BYTES - dev->unsent_count)
        kept = OUT_BYTES - dev->unsent_count;
    memcpy(dev->unsent + dev->unsent_count, bytes + done, kept);
    dev->unsent_count += kept;
    if (dev->unsent_count)
        loop_want(dev->out, false, true);
    dev->full_before |= done + kept < count;
    return done + kept;
}

/* ------------------------------------------------------------------------- input */

static void say(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

static void send_break(struct chardev *dev)
{
    if (dev->backend.user && dev->backend.user->event)
        dev->backend.user->event(dev->backend.device, CHAR_BREAK);
}

/* The key behind Ctrl-A; true: it is the guest's. */
static bool take_command(struct chardev *dev, uint8_t key)
{
    switch (key) {
    case ESCAPE: return true;
    case 'x':
        say("rhea: Terminated\r\n");
        dev->host.quit(dev->host.context);
        return false;
    case 'b': send_break(dev); return false;
    case 'h':
    case '?':
        say("\r\nC-a h    this help\r\n"
            "C-a x    end rhea\r\n"
            "C-a b    send a break\r\n"
            "C-a C-a  send C-a\r\n");
        return false;
    default: return false;
    }
}

/* Keeps what is the guest's of `count` keys; what does not fit is lost. */
static void take_keys(struct chardev *dev, const uint8_t *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (dev->has_escape && dev->was_escape) {
            dev->was_escape = false;
            if (!take_command(dev, keys[i]))
                continue;
        } else if (dev->has_escape && keys[i] == ESCAPE) {
            dev->was_escape = true;
            continue;
        }
        if (dev->waiting_count < IN_BYTES)
            dev->waiting[dev->waiting_count++] = keys[i];
    }
}

static void hand_on(struct chardev *dev)
{
    const struct char_user *user = dev->backend.user;
    size_t count;

    while (user && dev->waiting_count && (count = user->room(dev->backend.device))) {
        uint8_t bytes[IN_BYTES];

        if (count > dev->waiting_count)
            count = dev->waiting_count;
        memcpy(bytes, dev->waiting, count);
        dev->waiting_count -= count;
        memmove(dev->waiting, dev->waiting + count, dev->waiting_count);
        user->receive(dev->backend.device, bytes, count);
    }
    /* Keys are read even where the guest is deaf: Ctrl-A x must work. */
    if (dev->in)
        loop_want(dev->in, dev->waiting_count < IN_BYTES || dev->has_escape, false);
}

static void in_is_ready(void *context)
{
    struct chardev *dev = context;
    uint8_t keys[IN_BYTES];
    size_t room = IN_BYTES - dev->waiting_count;
    int64_t got = host_read(dev->in_fd, keys, room ? room : IN_BYTES);

    if (got == -EINTR || got == -EAGAIN)
        return;
    if (got <= 0) { /* its end: the guest hears nothing more */
        loop_remove(dev->in);
        dev->in = NULL;
    } else {
        take_keys(dev, keys, (size_t)got);
    }
    hand_on(dev);
}

static void chardev_ready(struct char_backend *backend)
{
    struct chardev *dev = (struct chardev *)backend;

    if (dev->waiting_count)
        hand_on(dev);
}

/* ---------------------------------------------------------------------- opening */

static struct chardev *new_chardev(const struct chardev_host *host, int in_fd, int out_fd)
{
    struct chardev *dev = calloc(1, sizeof(*dev));

    if (!dev)
        die("out of memory");
    dev->backend.write = chardev_write;
    dev->backend.ready = chardev_ready;
    dev->host = *host;
    dev->in_fd = in_fd;
    dev->out_fd = out_fd;
    if (in_fd >= 0) {
        dev->in = loop_add(host->loop, in_fd, in_is_ready, dev);
        loop_want(dev->in, true, false);
    }
    if (out_fd >= 0)
        dev->out = loop_add(host->loop, out_fd, out_is_ready, dev);
    return dev;
}

static struct char_backend *open_stdio(const struct chardev_host *host, bool has_escape)
{
    struct chardev *dev = new_chardev(host, 0, 1);

    dev->has_escape = has_escape;
    host_terminal_raw(0, !has_escape);
    return &dev->backend;
}

static struct char_backend *open_file(const char *path, const struct chardev_host *host,
                                      char error[CHARDEV_ERROR])
{
    int fd = host_create_file(path);
    struct chardev *dev;

    if (fd < 0) {
        snprintf(error, CHARDEV_ERROR, "%s: %s", path, strerror(-fd));
        return NULL;
    }
    dev = new_chardev(host, -1, fd);
    dev->owns_out = true;
    return &dev->backend;
}

struct char_backend *chardev_open(const char *spec, const struct chardev_host *host,
                                  char error[CHARDEV_ERROR])
{
    error[0] = 0;
    if (!strcmp(spec, "none"))
        return NULL;
    if (!strcmp(spec, "null"))
        return &new_chardev(host, -1, -1)->backend;
    if (!strcmp(spec, "stdio") || !strcmp(spec, "mon:stdio"))
        return open_stdio(host, spec[0] == 'm');
    if (!strncmp(spec, "file:", 5))
        return open_file(spec + 5, host, error);
    snprintf(
        error, CHARDEV_ERROR,
        "`%s` is not supported; there are stdio, mon:stdio, file:PATH, null and none",
        spec);
    return NULL;
}

void chardev_close(struct char_backend *backend)
{
    struct chardev *dev = (struct chardev *)backend;

    if (!dev)
        return;
    loop_remove(dev->in);
    loop_remove(dev->out);
    if (dev->unsent_count)
        host_write(dev->out_fd, dev->unsent, dev->unsent_count);
    if (dev->owns_out)
        host_close(dev->out_fd);
    free(dev);
}
