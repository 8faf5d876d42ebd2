/* tap.c - a network by an interface of the host's: the guest's frames come out of it, and
 * what the host sends to it is the guest's.  Who makes it, gives it an address or puts it
 * into a bridge is the user; no scripts are run.
 *
 * Instead of an interface it may be any descriptor that gives and takes whole frames.
 * When that has gone, the guest's cable is out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "sys/board.h"
#include "sys/loop.h"
#include "sys/net/part.h"

enum { AT_ONCE = 64 }; /* frames, before others have their turn */

struct tap {
    struct net net;
    struct loop_fd *loop_fd;
    char name[HOST_TAP_NAME];
    int fd; /* -1: it has gone */
    uint8_t frame[NET_FRAME_MAX];
};

/* ------------------------------------------------------------------------- receiving */

static void cut(struct tap *tap, const char *why)
{
    const struct net_user *user = tap->net.backend.user;

    fprintf(stderr, "rhea: network %s: the interface has gone: %s\n", tap->name, why);
    loop_remove(tap->loop_fd);
    host_close(tap->fd);
    tap->fd = -1;
    tap->net.backend.is_up = false;
    if (user && user->link)
        user->link(tap->net.backend.device, false);
}

/* One frame; false: there are no more for now. */
static bool receive(struct tap *tap)
{
    int64_t size = host_read(tap->fd, tap->frame, sizeof(tap->frame));

    if (size == -EAGAIN || size == -EINTR)
        return false;
    if (size <= 0) {
        cut(tap, size ? strerror((int)-size) : "its end");
        return false;
    }
    net_deliver(&tap->net, tap->frame, (size_t)size);
    return true;
}

static void tap_ready(void *context)
{
    struct tap *tap = context;

    for (unsigned i = 0; i < AT_ONCE && !tap->net.waiting; i++)
        if (!receive(tap))
            return;
    loop_want(tap->loop_fd, !tap->net.waiting, false); /* the guest has enough for now */
}

static void tap_drained(struct net *net)
{
    const struct tap *tap = (const struct tap *)net;

    if (tap->fd >= 0)
        loop_want(tap->loop_fd, true, false);
}

/* --------------------------------------------------------------------------- sending */

/* What the host does not take, runts or too much at once, is lost. */
static void tap_send(struct net *net, const uint8_t *frame, size_t size)
{
    const struct tap *tap = (const struct tap *)net;

    if (tap->fd >= 0)
        host_write(tap->fd, frame, size);
}

static void tap_close(struct net *net)
{
    struct tap *tap = (struct tap *)net;

    if (tap->fd >= 0) {
        loop_remove(tap->loop_fd);
        host_close(tap->fd);
    }
    free(tap);
}

/* -------------------------------------------------------------------------- settings */

/* What may be said of it; a value that it must have, or NULL. */
static const struct setting {
    const char *name, *value, *why;
} settings[] = {
    { "ifname", NULL, NULL },
    { "fd", NULL, NULL },
    { "script", "no", "scripts are not run: make the interface before" },
    { "downscript", "no", "scripts are not run" },
    { "vnet_hdr", "off", "only off is supported" },
    { "vhost", "off", "only off is supported" },
    { "queues", "1", "there is one queue" },
};

static bool check(const struct board_setting *said, char error[NET_ERROR])
{
    const struct setting *s = settings;
    const struct setting *end = s + sizeof(settings) / sizeof(*settings);

    while (s < end && strcmp(s->name, said->name))
        s++;
    if (s == end) {
        snprintf(error, NET_ERROR, "tap: %s=%s is not supported", said->name,
                 said->value);
        return false;
    }
    if (!s->value || !strcmp(s->value, said->value))
        return true;
    snprintf(error, NET_ERROR, "tap: %s=%s: %s", said->name, said->value, s->why);
    return false;
}

static const char *open_help(int code)
{
    switch (code) {
    case -ENOENT:
    case -ENODEV: return "the host has no /dev/net/tun (its module is called tun)";
    case -EACCES: return "/dev/net/tun is not for this user";
    case -EPERM:
        return "it is not this user's: `ip tuntap add dev NAME mode tap user USER` makes "
               "one, as root";
    case -EBUSY: return "somebody uses it";
    case -EINVAL: return "it is no tap interface, or one with several queues";
    default: return strerror(-code);
    }
}

static int open_interface(struct tap *tap, const char *name, char error[NET_ERROR])
{
    if (strlen(name) >= sizeof(tap->name)) {
        snprintf(error, NET_ERROR, "tap: ifname=%s: a name has at most %d characters",
                 name, HOST_TAP_NAME - 1);
        return -1;
    }
    strcpy(tap->name, name);
    tap->fd = host_tap_open(tap->name);
    if (tap->fd < 0)
        snprintf(error, NET_ERROR, "tap: ifname=%s: %s", name, open_help(tap->fd));
    return tap->fd < 0 ? -1 : 0;
}

static int take_fd(struct tap *tap, const char *text, char error[NET_ERROR])
{
    uint64_t fd;
    int result =
        board_number(text, &fd) && fd <= INT32_MAX ? host_tap_take((int)fd) : -EBADF;

    if (result < 0) {
        snprintf(error, NET_ERROR, "tap: fd=%s: %s", text,
                 result == -EPROTO ? "want a tap interface with IFF_NO_PI, and without "
                                     "IFF_VNET_HDR"
                                   : strerror(-result));
        return -1;
    }
    tap->fd = (int)fd;
    snprintf(tap->name, sizeof(tap->name), "fd=%d", tap->fd);
    return 0;
}

static int open_tap(struct tap *tap, const struct net_config *config,
                    char error[NET_ERROR])
{
    const char *name = net_setting(config, "ifname"), *fd = net_setting(config, "fd");

    for (const struct board_setting *s = config->settings; s; s = s->next)
        if (!check(s, error))
            return -1;
    if (fd && name) {
        snprintf(error, NET_ERROR, "tap: ifname= or fd=, not both");
        return -1;
    }
    return fd ? take_fd(tap, fd, error) : open_interface(tap, name ? name : "", error);
}

struct net *net_tap_open(const struct net_config *config, struct loop *loop,
                         struct clock *clock, char error[NET_ERROR])
{
    struct tap *tap = calloc(1, sizeof(*tap));

    (void)clock;
    if (!tap)
        die("out of memory");
    if (open_tap(tap, config, error) < 0) {
        free(tap);
        return NULL;
    }
    tap->net.send = tap_send;
    tap->net.drained = tap_drained;
    tap->net.close = tap_close;
    tap->loop_fd = loop_add(loop, tap->fd, tap_ready, tap);
    loop_want(tap->loop_fd, true, false);
    return &tap->net;
}
