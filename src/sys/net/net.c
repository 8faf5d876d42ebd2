/* net.c - what all kinds of networks share: names, frames that wait, dumps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "sys/board.h"
#include "sys/bus.h"
#include "sys/net/part.h"

struct nets {
    struct nets *next;
    const struct net_config *config;
    struct net *net;
};

struct net_frame {
    struct net_frame *next;
    size_t size;
    uint8_t bytes[];
};

/* --------------------------------------------------------------------------- frames */

static void net_send(struct net_backend *backend, const struct span *spans,
                     unsigned count)
{
    struct net *net = (struct net *)backend;
    size_t size = 0;

    for (unsigned i = 0; i < count; i++) {
        if (spans[i].size > sizeof(net->frame) - size)
            return;
        memcpy(net->frame + size, spans[i].base, spans[i].size);
        size += spans[i].size;
    }
    net_dump_write(net->dump, net->frame, size);
    net->send(net, net->frame, size);
}

static bool can_receive(const struct net *net)
{
    const struct net_user *user = net->backend.user;

    return user && user->can_receive(net->backend.device);
}

static struct net_frame *take_frame(struct net *net)
{
    struct net_frame *frame = net->first;

    net->first = frame->next;
    if (!net->first)
        net->last = &net->first;
    net->waiting--;
    return frame;
}

/* The guest can receive again; what it receives may make it send. */
static void net_ready(struct net_backend *backend)
{
    struct net *net = (struct net *)backend;

    if (net->is_flushing)
        return;
    net->is_flushing = true;
    while (net->first && can_receive(net)) {
        struct net_frame *frame = take_frame(net);

        net->backend.user->receive(net->backend.device, frame->bytes, frame->size);
        free(frame);
    }
    net->is_flushing = false;
    if (!net->first && net->drained)
        net->drained(net);
}

void net_deliver(struct net *net, const uint8_t *frame, size_t size)
{
    struct net_frame *waiting;

    if (!net->backend.user)
        return;
    net_dump_write(net->dump, frame, size);
    if (!net->first && can_receive(net)) {
        net->backend.user->receive(net->backend.device, frame, size);
        return;
    }
    if (net->waiting == NET_QUEUE || size > NET_FRAME_MAX)
        return; /* as on a wire: those who want to be sure send again */
    waiting = malloc(sizeof(*waiting) + size);
    if (!waiting)
        die("out of memory");
    waiting->next = NULL;
    waiting->size = size;
    memcpy(waiting->bytes, frame, size);
    *net->last = waiting;
    net->last = &waiting->next;
    net->waiting++;
}

/* ---------------------------------------------------------------------------- names */

const char *net_setting(const struct net_config *config, const char *name)
{
    for (const struct board_setting *s = config->settings; s; s = s->next)
        if (!strcmp(s->name, name))
            return s->value;
    return NULL;
}

static const struct kind {
    const char *name;
    struct net *(*open)(const struct net_config *config, struct loop *loop,
                        struct clock *clock, char error[NET_ERROR]);
} kinds[] = {
    { "user", net_user_open },
    { "tap", net_tap_open },
};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    die("-netdev %s is not supported; there are user, tap", name);
}

static void drop_frame(struct net *net, const uint8_t *frame, size_t size)
{
    (void)net, (void)frame, (void)size;
}

static void close_nowhere(struct net *net)
{
    free(net);
}

static struct net *open_nowhere(void)
{
    struct net *net = calloc(1, sizeof(*net));

    if (!net)
        die("out of memory");
    net->send = drop_frame;
    net->close = close_nowhere;
    return net;
}

static struct net *open_one(const struct net_config *config, struct loop *loop,
                            struct clock *clock)
{
    const struct kind *kind = find_kind(config->kind);
    char error[NET_ERROR];
    struct net *net;

    net = config->leads_nowhere ? open_nowhere() : kind->open(config, loop, clock, error);
    if (!net)
        die("-netdev %s", error);
    net->loop = loop;
    net->clock = clock;
    net->last = &net->first;
    net->backend.send = net_send;
    net->backend.ready = net_ready;
    net->backend.is_up = true;
    return net;
}

struct nets *nets_open(const struct net_config *configs,
                       const struct net_dump_config *dumps, struct loop *loop,
                       struct clock *clock)
{
    struct nets *first = NULL;

    for (; configs; configs = configs->next) {
        struct nets *one = calloc(1, sizeof(*one));

        if (!one)
            die("out of memory");
        if (nets_find(first, configs->id))
            die("-netdev: there is one with id=%s already", configs->id);
        *one = (struct nets){ first, configs, open_one(configs, loop, clock) };
        first = one;
    }
    for (; dumps; dumps = dumps->next) {
        struct net *net = (struct net *)nets_find(first, dumps->netdev);

        if (!net)
            die("-object filter-dump: there is no -netdev with id=%s", dumps->netdev);
        if (net->dump)
            die("-object filter-dump: %s has one already", dumps->netdev);
        net->dump = net_dump_open(dumps, clock);
    }
    return first;
}

struct net_backend *nets_find(const struct nets *nets, const char *id)
{
    for (; nets; nets = nets->next)
        if (!strcmp(nets->config->id, id))
            return &nets->net->backend;
    return NULL;
}

struct nets *nets_next(const struct nets *nets)
{
    return nets->next;
}

const struct net_config *nets_config(const struct nets *nets)
{
    return nets->config;
}

char *nets_report(const struct nets *nets)
{
    return nets->net->report ? nets->net->report(nets->net) : NULL;
}

int nets_forward(struct nets *nets, const char *id, const char *rule, bool is_added,
                 char error[NET_ERROR])
{
    for (; nets; nets = nets->next)
        if (nets->net->forward && (!id || !strcmp(nets->config->id, id)))
            return nets->net->forward(nets->net, rule, is_added, error);
    if (id)
        snprintf(error, NET_ERROR, "there is no user network `%s`", id);
    else
        snprintf(error, NET_ERROR, "there is no user network");
    return -1;
}

void nets_close(struct nets *nets, struct bus *bus)
{
    for (struct nets *next; nets; nets = next) {
        next = nets->next;
        bus_take(bus);
        while (nets->net->first)
            free(take_frame(nets->net));
        net_dump_close(nets->net->dump);
        nets->net->close(nets->net);
        bus_give(bus);
        free(nets);
    }
}
