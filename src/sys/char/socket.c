/* socket.c - a line that leads to a socket: one that is connected at the start, or one
 * that waits for others, who come one after the other.
 *
 * `telnet` is RFC 854: character by character, without a local echo (RFC 857, 858). */
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "sys/char/part.h"
#include "sys/loop.h"

enum {
    IAC = 255,
    DONT = 254,
    DO = 253,
    WILL = 251,
    SB = 250,
    BREAK = 243,
    SE = 240,
    ECHO = 1,
    SUPPRESS_GO_AHEAD = 3,
    BINARY = 0
};
enum telnet { IN_TEXT, AFTER_IAC, IN_OPTION, IN_PARAMETERS, IAC_IN_PARAMETERS };

struct sock {
    struct chardev dev;
    int listen_fd, fd; /* -1: none */
    struct loop_fd *listener;
    enum telnet telnet;
    unsigned port; /* that it listens at */
};

/* ------------------------------------------------------------------------ telnet */

static void greet(const struct sock *sock)
{
    static const uint8_t hello[] = {
        IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD, IAC, WILL, BINARY, IAC, DO, BINARY,
    };

    host_write(sock->fd, hello, sizeof(hello));
}

/* What follows one byte of the protocol; true: the byte is the user's. */
static bool take_byte(struct sock *sock, uint8_t byte)
{
    switch (sock->telnet) {
    case IN_TEXT:
        if (byte != IAC)
            return true;
        sock->telnet = AFTER_IAC;
        return false;
    case AFTER_IAC:
        sock->telnet = byte == SB                     ? IN_PARAMETERS
                       : byte >= WILL && byte <= DONT ? IN_OPTION
                                                      : IN_TEXT;
        if (byte == BREAK)
            char_tell(&sock->dev.backend, CHAR_BREAK);
        return byte == IAC;
    case IN_OPTION: sock->telnet = IN_TEXT; return false;
    case IN_PARAMETERS:
        if (byte == IAC)
            sock->telnet = IAC_IN_PARAMETERS;
        return false;
    default: sock->telnet = byte == SE ? IN_TEXT : IN_PARAMETERS; return false;
    }
}

static size_t sock_filter(struct chardev *dev, uint8_t *bytes, size_t count)
{
    size_t kept = 0;

    if (!dev->config->is_telnet)
        return count;
    for (size_t i = 0; i < count; i++)
        if (take_byte((struct sock *)dev, bytes[i]))
            bytes[kept++] = bytes[i];
    return kept;
}

/* ------------------------------------------------------------------- connections */

static void begin(struct sock *sock, int fd)
{
    sock->fd = fd;
    sock->telnet = IN_TEXT;
    if (sock->dev.config->is_telnet)
        greet(sock);
    line_begin(&sock->dev, fd, fd);
}

/* One at a time: the others wait in the listener's queue. */
static void somebody_comes(void *context)
{
    struct sock *sock = context;
    int fd = host_accept(sock->listen_fd);

    if (fd < 0)
        return;
    loop_want(sock->listener, false, false);
    begin(sock, fd);
}

static void sock_ended(struct chardev *dev)
{
    struct sock *sock = (struct sock *)dev;

    line_end(dev);
    host_close(sock->fd);
    sock->fd = -1;
    if (sock->listener)
        loop_want(sock->listener, true, false);
}

/* ---------------------------------------------------------------------- opening */

static void sock_describe(const struct chardev *dev, char *text, size_t size)
{
    const struct chardev_config *config = dev->config;
    const struct sock *sock = (const struct sock *)dev;
    const char *server = config->is_server ? ",server=on" : "";
    const char *state = sock->fd < 0 ? "disconnected:" : "";

    if (config->path)
        snprintf(text, size, "%sunix:%s%s", state, config->path, server);
    else
        snprintf(text, size, "%s%s:%s:%u%s", state, config->is_telnet ? "telnet" : "tcp",
                 config->host && *config->host ? config->host : "127.0.0.1", sock->port,
                 server);
}

/* The machine does not start before somebody has come. */
static void wait_for_somebody(struct sock *sock)
{
    struct host_poll poll = { .fd = sock->listen_fd, .want_read = true };
    char where[CHARDEV_ERROR];

    sock_describe(&sock->dev, where, sizeof(where));
    fprintf(stderr, "rhea: waiting for connection on: %s\n", where);
    while (sock->fd < 0) {
        host_poll(&poll, 1, UINT64_MAX);
        somebody_comes(sock);
    }
}

static int sock_serve(struct sock *sock, const struct host_place *place)
{
    sock->listen_fd = host_listen(place);
    if (sock->listen_fd < 0)
        return sock->listen_fd;
    if (!place->path)
        sock->port = host_socket_port(sock->listen_fd);
    sock->listener = loop_add(sock->dev.host.loop, sock->listen_fd, somebody_comes, sock);
    loop_want(sock->listener, true, false);
    if (sock->dev.config->waits)
        wait_for_somebody(sock);
    return 0;
}

static int sock_open(struct chardev *dev, char error[CHARDEV_ERROR])
{
    const struct chardev_config *config = dev->config;
    struct host_place place = { config->path, config->host, config->port };
    struct sock *sock = (struct sock *)dev;
    int result;

    sock->listen_fd = sock->fd = -1;
    sock->port = config->port;
    if (!config->path && !config->has_port) {
        snprintf(error, CHARDEV_ERROR, "a socket wants a path, or a port");
        return -1;
    }
    result = config->is_server ? sock_serve(sock, &place) : host_connect(&place);
    if (result < 0) {
        snprintf(error, CHARDEV_ERROR, "%s", strerror(-result));
        return -1;
    }
    if (!config->is_server)
        begin(sock, result);
    return 0;
}

static void sock_close(struct chardev *dev)
{
    struct sock *sock = (struct sock *)dev;

    loop_remove(sock->listener);
    if (sock->fd >= 0)
        host_close(sock->fd);
    if (sock->listen_fd < 0)
        return;
    host_close(sock->listen_fd);
    if (dev->config->path)
        host_remove(dev->config->path);
}

const struct chardev_kind char_socket = {
    .name = "socket",
    .size = sizeof(struct sock),
    .open = sock_open,
    .close = sock_close,
    .ended = sock_ended,
    .filter = sock_filter,
    .describe = sock_describe,
};
