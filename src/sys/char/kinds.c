/* kinds.c - the simple kinds of lines: nothing, files, pipes, the terminal, and
 * pseudo-terminals. */
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "sys/char/part.h"
#include "sys/loop.h"

enum { STREAM = HOST_FILE_READ | HOST_FILE_NO_WAIT };

static int failed(char error[CHARDEV_ERROR], const char *path, int code)
{
    snprintf(error, CHARDEV_ERROR, "%s: %s", path, strerror(-code));
    return -1;
}

static int want_path(const struct chardev *dev, char error[CHARDEV_ERROR])
{
    if (dev->config->path)
        return 0;
    snprintf(error, CHARDEV_ERROR, "a %s wants a path", dev->kind->name);
    return -1;
}

static void close_fds(struct chardev *dev)
{
    if (dev->in_fd >= 0)
        host_close(dev->in_fd);
    if (dev->out_fd >= 0 && dev->out_fd != dev->in_fd)
        host_close(dev->out_fd);
}

/* ----------------------------------------------------------------------- nothing */

static int null_open(struct chardev *dev, char error[CHARDEV_ERROR])
{
    (void)error;
    line_begin(dev, -1, -1);
    return 0;
}

const struct chardev_kind char_null = {
    .name = "null",
    .size = sizeof(struct chardev),
    .open = null_open,
};

/* ------------------------------------------------------------------------- files */

static int file_open(struct chardev *dev, char error[CHARDEV_ERROR])
{
    const struct chardev_config *config = dev->config;
    unsigned how = config->appends ? HOST_FILE_APPEND : HOST_FILE_EMPTY;
    int in = -1, out;

    if (want_path(dev, error) < 0)
        return -1;
    out = host_open_file(config->path, HOST_FILE_WRITE | how);
    if (out < 0)
        return failed(error, config->path, out);
    if (config->in_path) {
        in = host_open_file(config->in_path, STREAM);
        if (in < 0) {
            host_close(out);
            return failed(error, config->in_path, in);
        }
    }
    line_begin(dev, in, out);
    return 0;
}

const struct chardev_kind char_file = {
    .name = "file",
    .size = sizeof(struct chardev),
    .open = file_open,
    .close = close_fds,
    .takes_all = true,
};

/* ------------------------------------------------------------------------- pipes */

/* Two, PATH.in and PATH.out, or else one for both ways. */
static int pipe_open(struct chardev *dev, char error[CHARDEV_ERROR])
{
    const char *path = dev->config->path;
    char name[4096];
    int in, out;

    if (want_path(dev, error) < 0)
        return -1;
    snprintf(name, sizeof(name), "%s.in", path);
    in = host_open_file(name, STREAM | HOST_FILE_WRITE);
    snprintf(name, sizeof(name), "%s.out", path);
    out = host_open_file(name, STREAM | HOST_FILE_WRITE);
    if (in < 0 || out < 0) {
        if (in >= 0)
            host_close(in);
        if (out >= 0)
            host_close(out);
        in = out = host_open_file(path, STREAM | HOST_FILE_WRITE);
    }
    if (in < 0)
        return failed(error, path, in);
    line_begin(dev, in, out);
    return 0;
}

const struct chardev_kind char_pipe = {
    .name = "pipe",
    .size = sizeof(struct chardev),
    .open = pipe_open,
    .close = close_fds,
};

/* ------------------------------------------------------------------ the terminal */

static int stdio_open(struct chardev *dev, char error[CHARDEV_ERROR])
{
    static bool is_taken;

    if (is_taken) {
        snprintf(error, CHARDEV_ERROR,
                 "stdio has a user already; to share it, say mon:stdio or mux=on");
        return -1;
    }
    is_taken = true;
    host_terminal_raw(0, !dev->config->no_signals);
    line_begin(dev, 0, 1);
    return 0;
}

const struct chardev_kind char_stdio = {
    .name = "stdio",
    .size = sizeof(struct chardev),
    .open = stdio_open,
    .takes_all = true,
};

/* -------------------------------------------------------------- pseudo-terminals */

struct pty {
    struct chardev dev;
    struct host_pty host;
    struct loop_fd *watch;
};

static void pty_is_opened(void *context)
{
    struct pty *pty = context;

    if (host_pty_is_used(&pty->host) && !pty->dev.backend.is_open)
        line_begin(&pty->dev, pty->host.fd, pty->host.fd);
}

/* Unless somebody else has come meanwhile. */
static void pty_ended(struct chardev *dev)
{
    line_end(dev);
    pty_is_opened(dev);
}

static int pty_open(struct chardev *dev, char error[CHARDEV_ERROR])
{
    struct pty *pty = (struct pty *)dev;
    int code = host_pty_open(&pty->host);

    if (code < 0)
        return failed(error, "pty", code);
    pty->watch = loop_add(dev->host.loop, pty->host.watch_fd, pty_is_opened, pty);
    loop_want(pty->watch, true, false);
    printf("char device redirected to %s (label %s)\n", pty->host.path, dev->config->id);
    fflush(stdout);
    return 0;
}

static void pty_close(struct chardev *dev)
{
    struct pty *pty = (struct pty *)dev;

    loop_remove(pty->watch);
    host_close(pty->host.watch_fd);
    host_close(pty->host.fd);
}

static void pty_describe(const struct chardev *dev, char *text, size_t size)
{
    snprintf(text, size, "%spty:%s", dev->backend.is_open ? "" : "disconnected:",
             ((const struct pty *)dev)->host.path);
}

const struct chardev_kind char_pty = {
    .name = "pty",
    .size = sizeof(struct pty),
    .open = pty_open,
    .close = pty_close,
    .ended = pty_ended,
    .describe = pty_describe,
};
