/* chardev.c - the character devices of a machine: see chardev.h. */
#include "sys/char/chardev.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "sys/char/part.h"

struct chardevs {
    struct chardevs *next;
    struct chardev *dev;
    struct mux *mux; /* or NULL */
    bool is_taken;
};

static const struct chardev_kind *const kinds[] = {
    &char_null, &char_stdio, &char_file, &char_pipe, &char_pty, &char_socket, NULL,
};

static const struct chardev_kind *find_kind(const struct chardev_config *config)
{
    char names[CHARDEV_ERROR] = "";

    for (size_t i = 0; kinds[i]; i++) {
        if (!strcmp(kinds[i]->name, config->kind))
            return kinds[i];
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
                 i ? ", " : "", kinds[i]->name);
    }
    die("%s: `%s` is not supported; there are %s", config->from, config->kind, names);
}

static struct chardev *open_one(const struct chardev_config *config,
                                const struct chardev_host *host)
{
    const struct chardev_kind *kind = find_kind(config);
    struct chardev *dev = calloc(1, kind->size);
    char error[CHARDEV_ERROR];

    if (!dev)
        die("out of memory");
    dev->kind = kind;
    dev->config = config;
    dev->host = *host;
    line_init(dev);
    if (kind->open(dev, error) < 0)
        die("%s: %s", config->from, error);
    return dev;
}

static struct chardevs *find(struct chardevs *devs, const char *id)
{
    while (devs && strcmp(chardevs_id(devs), id))
        devs = devs->next;
    return devs;
}

struct chardevs *chardevs_open(const struct chardev_config *configs,
                               const struct chardev_host *host)
{
    struct chardevs *first = NULL, **last = &first;

    for (; configs; configs = configs->next) {
        struct chardevs *one = calloc(1, sizeof(*one));

        if (!one)
            die("out of memory");
        if (find(first, configs->id))
            die("%s: there is a -chardev with id=%s already", configs->from, configs->id);
        one->dev = open_one(configs, host);
        if (configs->is_mux)
            one->mux = mux_new(one->dev);
        *last = one;
        last = &one->next;
    }
    return first;
}

struct char_backend *chardevs_take(struct chardevs *devs, const char *id,
                                   char error[CHARDEV_ERROR])
{
    struct char_backend *backend = NULL;

    devs = find(devs, id);
    if (!devs)
        snprintf(error, CHARDEV_ERROR, "there is no -chardev with id=%s", id);
    else if (devs->mux && !(backend = mux_take(devs->mux)))
        snprintf(error, CHARDEV_ERROR, "chardev %s has too many users", id);
    else if (!devs->mux && devs->is_taken)
        snprintf(error, CHARDEV_ERROR,
                 "chardev %s has a user already; to share it, say mux=on", id);
    else if (!devs->mux)
        backend = &devs->dev->backend;
    if (backend)
        devs->is_taken = true;
    return backend;
}

void chardevs_close(struct chardevs *devs)
{
    for (struct chardevs *next; devs; devs = next) {
        struct chardev *dev = devs->dev;

        next = devs->next;
        mux_free(devs->mux);
        line_end(dev);
        if (dev->kind->close)
            dev->kind->close(dev);
        free(dev);
        free(devs);
    }
}

/* ------------------------------------------------------------------ for monitors */

struct chardevs *chardevs_next(struct chardevs *devs)
{
    return devs->next;
}

const char *chardevs_id(const struct chardevs *devs)
{
    return devs->dev->config->id;
}

bool chardevs_has_user(const struct chardevs *devs)
{
    return devs->is_taken;
}

int chardevs_send_break(struct chardevs *devs, const char *id, char error[CHARDEV_ERROR])
{
    devs = find(devs, id);
    if (devs)
        char_tell(&devs->dev->backend, CHAR_BREAK);
    else
        snprintf(error, CHARDEV_ERROR, "there is no -chardev with id=%s", id);
    return devs ? 0 : -1;
}

void chardevs_describe(const struct chardevs *devs, char *text, size_t size)
{
    const struct chardev *dev = devs->dev;

    if (devs->mux)
        snprintf(text, size, "mux");
    else if (dev->kind->describe)
        dev->kind->describe(dev, text, size);
    else
        snprintf(text, size, "%s", dev->kind->name);
}
