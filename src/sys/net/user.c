/* user.c - a network inside of this process, by libslirp: the guest reaches what the user
 * reaches, without any rights on the host.
 *
 * libslirp has sockets and timers, but no thread: everything here runs under the bus
 * lock.  What it wants to wait for is asked after everything that may have changed it, on
 * the device thread. */
#include <arpa/inet.h>
#include <slirp/libslirp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "sys/board.h"
#include "sys/loop.h"
#include "sys/net/part.h"

/* A socket of libslirp's. */
struct socket {
    struct user_net *user;
    struct loop_fd *loop_fd;
    int fd, events; /* what it waits for */
    int ready;      /* what has come */
    bool is_wanted; /* in this round */
};

struct user_net {
    struct net net;
    Slirp *slirp;
    struct socket **sockets;
    unsigned count, capacity;
    struct timer timer;
    struct in_addr guest; /* that ports are forwarded to */
    bool is_posted, is_closing;
};

/* ------------------------------------------------------------------------- waiting */

static void user_round(void *context);

/* Looks at the sockets once more, on the device thread. */
static void user_soon(struct user_net *user)
{
    if (user->is_posted)
        return;
    user->is_posted = true;
    loop_post(user->net.loop, user_round, user);
}

static void socket_ready(void *context)
{
    struct socket *socket = context;

    if (loop_can_read(socket->loop_fd))
        socket->ready |= SLIRP_POLL_IN;
    if (loop_can_write(socket->loop_fd))
        socket->ready |= SLIRP_POLL_OUT;
    user_soon(socket->user);
}

static struct socket *find_socket(struct user_net *user, int fd)
{
    struct socket *socket;

    for (unsigned i = 0; i < user->count; i++)
        if (user->sockets[i]->fd == fd)
            return user->sockets[i];
    if (user->count == user->capacity) {
        user->capacity = user->capacity ? 2 * user->capacity : 16;
        user->sockets = realloc(user->sockets, user->capacity * sizeof(*user->sockets));
        if (!user->sockets)
            die("out of memory");
    }
    socket = calloc(1, sizeof(*socket));
    if (!socket)
        die("out of memory");
    socket->user = user;
    socket->fd = fd;
    socket->loop_fd = loop_add(user->net.loop, fd, socket_ready, socket);
    user->sockets[user->count++] = socket;
    return socket;
}

static int add_poll(int fd, int events, void *opaque)
{
    struct socket *socket = find_socket(opaque, fd);

    socket->is_wanted = true;
    socket->events = events;
    return fd; /* libslirp's name for it */
}

static int get_events(int index, void *opaque)
{
    struct user_net *user = opaque;

    for (unsigned i = 0; i < user->count; i++)
        if (user->sockets[i]->fd == index)
            return user->sockets[i]->ready & user->sockets[i]->events;
    return 0;
}

static void drop_socket(struct user_net *user, unsigned index)
{
    struct socket *socket = user->sockets[index];

    loop_remove(socket->loop_fd);
    free(socket);
    user->sockets[index] = user->sockets[--user->count];
}

/* Asks what to wait for. */
static void user_wait(struct user_net *user)
{
    uint32_t timeout_ms = UINT32_MAX;

    for (unsigned i = 0; i < user->count; i++)
        user->sockets[i]->is_wanted = false;
    slirp_pollfds_fill(user->slirp, &timeout_ms, add_poll, user);
    for (unsigned i = user->count; i-- > 0;) {
        struct socket *socket = user->sockets[i];

        socket->ready = 0;
        if (socket->is_wanted)
            loop_want(socket->loop_fd, socket->events & SLIRP_POLL_IN,
                      socket->events & SLIRP_POLL_OUT);
        else
            drop_socket(user, i);
    }
    if (timeout_ms == UINT32_MAX)
        timer_cancel(&user->timer);
    else
        timer_arm(&user->timer,
                  clock_now_ns(user->net.clock) + UINT64_C(1000000) * timeout_ms);
}

static void user_round(void *context)
{
    struct user_net *user = context;

    user->is_posted = false;
    slirp_pollfds_poll(user->slirp, 0, get_events, user);
    user_wait(user);
}

static void user_timeout(void *context)
{
    user_soon(context);
}

/* ------------------------------------------------------------------ libslirp's calls */

static ssize_t cb_send(const void *frame, size_t size, void *opaque)
{
    struct user_net *user = opaque;

    if (!user->is_closing)
        net_deliver(&user->net, frame, size);
    return size;
}

static void cb_guest_error(const char *message, void *opaque)
{
    (void)opaque;
    guest_error("network: %s", message);
}

static int64_t cb_now(void *opaque)
{
    return clock_now_ns(((struct user_net *)opaque)->net.clock);
}

struct user_timer {
    struct timer timer;
    SlirpTimerCb call;
    void *context;
    struct user_net *user;
};

static void cb_fire(void *context)
{
    struct user_timer *timer = context;

    timer->call(timer->context);
    user_soon(timer->user);
}

static void *cb_timer_new(SlirpTimerCb call, void *context, void *opaque)
{
    struct user_net *user = opaque;
    struct user_timer *timer = calloc(1, sizeof(*timer));

    if (!timer)
        die("out of memory");
    timer->call = call;
    timer->context = context;
    timer->user = user;
    timer_init(&timer->timer, user->net.clock, cb_fire, timer);
    return timer;
}

static void cb_timer_free(void *timer, void *opaque)
{
    (void)opaque;
    timer_cancel(&((struct user_timer *)timer)->timer);
    free(timer);
}

static void cb_timer_mod(void *timer, int64_t expires_ms, void *opaque)
{
    (void)opaque;
    timer_arm(&((struct user_timer *)timer)->timer, UINT64_C(1000000) * expires_ms);
}

static void cb_fd(int fd, void *opaque)
{
    (void)fd;
    (void)opaque; /* user_wait() finds them */
}

static void cb_notify(void *opaque)
{
    user_soon(opaque);
}

static const SlirpCb calls = {
    .send_packet = cb_send,
    .guest_error = cb_guest_error,
    .clock_get_ns = cb_now,
    .timer_new = cb_timer_new,
    .timer_free = cb_timer_free,
    .timer_mod = cb_timer_mod,
    .register_poll_fd = cb_fd,
    .unregister_poll_fd = cb_fd,
    .notify = cb_notify,
};

/* ------------------------------------------------------------------------- settings */

static bool is_address(const char *text, struct in_addr *addr)
{
    return inet_pton(AF_INET, text, addr) == 1;
}

/* 10.0.2.0/24 */
static bool set_net(SlirpConfig *slirp, const char *text)
{
    char addr[32];
    unsigned bits;
    int used = 0;
    uint32_t net;

    if (sscanf(text, "%31[0-9.]/%u%n", addr, &bits, &used) != 2 || text[used] ||
        bits < 4 || bits > 30 || !is_address(addr, &slirp->vnetwork))
        return false;
    slirp->vnetmask.s_addr = htonl(UINT32_MAX << (32 - bits));
    slirp->vnetwork.s_addr &= slirp->vnetmask.s_addr;
    net = ntohl(slirp->vnetwork.s_addr);
    slirp->vhost.s_addr = htonl(net + 2);
    slirp->vnameserver.s_addr = htonl(net + 3);
    slirp->vdhcp_start.s_addr = htonl(net + (bits > 28 ? 1 : 15));
    return true;
}

static void defaults(SlirpConfig *slirp)
{
    *slirp = (SlirpConfig){ .version = 4, .in_enabled = true, .in6_enabled = true };
    set_net(slirp, "10.0.2.0/24");
    inet_pton(AF_INET6, "fec0::", &slirp->vprefix_addr6);
    slirp->vprefix_len = 64;
    inet_pton(AF_INET6, "fec0::2", &slirp->vhost6);
    inet_pton(AF_INET6, "fec0::3", &slirp->vnameserver6);
}

/* restrict, ipv6, ipv4.  False: it is another one, or the value is none. */
static bool set_switch(SlirpConfig *slirp, const char *name, const char *value)
{
    bool is_on = !strcmp(value, "on") || !strcmp(value, "yes") || !strcmp(value, "y");

    if (!is_on && strcmp(value, "off") && strcmp(value, "no") && strcmp(value, "n"))
        return false;
    if (!strcmp(name, "restrict"))
        slirp->restricted = is_on;
    else if (!strcmp(name, "ipv6"))
        slirp->in6_enabled = is_on;
    else if (!strcmp(name, "ipv4"))
        slirp->in_enabled = is_on;
    else
        return false;
    return true;
}

/* False: there is no such setting, or it has no such value. */
static bool set(SlirpConfig *slirp, const char *name, const char *value)
{
    if (!strcmp(name, "net") || !strcmp(name, "hostfwd"))
        return true; /* the one first, the other last */
    if (!strcmp(name, "host"))
        return is_address(value, &slirp->vhost);
    if (!strcmp(name, "dns"))
        return is_address(value, &slirp->vnameserver);
    if (!strcmp(name, "dhcpstart"))
        return is_address(value, &slirp->vdhcp_start);
    if (!strcmp(name, "hostname"))
        slirp->vhostname = value;
    else if (!strcmp(name, "domainname"))
        slirp->vdomainname = value;
    else if (!strcmp(name, "tftp"))
        slirp->tftp_path = value;
    else if (!strcmp(name, "tftp-server-name"))
        slirp->tftp_server_name = value;
    else if (!strcmp(name, "bootfile"))
        slirp->bootfile = value;
    else
        return set_switch(slirp, name, value);
    return true;
}

/* The part of *text before `end`; false: there is no `end`. */
static bool part(const char **text, char end, char *to, size_t size)
{
    const char *at = strchr(*text, end);
    size_t length = at ? (size_t)(at - *text) : 0;

    if (!at || length >= size)
        return false;
    memcpy(to, *text, length);
    to[length] = 0;
    *text = at + 1;
    return true;
}

static bool is_port(const char *text, int *port)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    *port = (int)value;
    return end != text && !*end && value <= 65535;
}

/* [tcp|udp]:[HOST]:PORT, and -[GUEST]:PORT behind it. */
struct rule {
    bool is_udp;
    struct in_addr host, guest;
    int host_port, guest_port;
};

static bool is_host(const char **text, char end, struct rule *rule)
{
    char kind[8], host[64], port[16];

    if (!part(text, ':', kind, sizeof(kind)) || !part(text, ':', host, sizeof(host)) ||
        (kind[0] && strcmp(kind, "tcp") && strcmp(kind, "udp")) ||
        (host[0] && !is_address(host, &rule->host)))
        return false;
    rule->is_udp = !strcmp(kind, "udp");
    if (!end)
        return is_port(*text, &rule->host_port);
    return part(text, end, port, sizeof(port)) && is_port(port, &rule->host_port);
}

static bool is_rule(const char *text, struct rule *rule)
{
    char guest[64];

    return is_host(&text, '-', rule) && part(&text, ':', guest, sizeof(guest)) &&
           (!guest[0] || is_address(guest, &rule->guest)) &&
           is_port(text, &rule->guest_port) && rule->guest_port;
}

static bool forward(struct user_net *user, const char *text, char error[NET_ERROR])
{
    struct rule rule = { .guest = user->guest };

    if (!is_rule(text, &rule)) {
        snprintf(error, NET_ERROR,
                 "user: hostfwd is [tcp|udp]:[HOST]:PORT-[GUEST]:PORT, not `%s`", text);
        return false;
    }
    if (slirp_add_hostfwd(user->slirp, rule.is_udp, rule.host, rule.host_port, rule.guest,
                          rule.guest_port) == 0)
        return true;
    snprintf(error, NET_ERROR, "user: hostfwd=%s: the host's port cannot be used", text);
    return false;
}

static bool unforward(struct user_net *user, const char *text, char error[NET_ERROR])
{
    struct rule rule = { 0 };
    const char *rest = text;

    if (is_host(&rest, 0, &rule) &&
        slirp_remove_hostfwd(user->slirp, rule.is_udp, rule.host, rule.host_port) == 0)
        return true;
    snprintf(error, NET_ERROR, "host forwarding rule for %s not found", text);
    return false;
}

static int user_forward(struct net *net, const char *text, bool is_added,
                        char error[NET_ERROR])
{
    struct user_net *user = (struct user_net *)net;
    bool is_good = is_added ? forward(user, text, error) : unforward(user, text, error);

    user_soon(user);
    return is_good ? 0 : -1;
}

static char *user_report(struct net *net)
{
    return slirp_connection_info(((struct user_net *)net)->slirp);
}

/* ----------------------------------------------------------------------------- life */

static void user_send(struct net *net, const uint8_t *frame, size_t size)
{
    struct user_net *user = (struct user_net *)net;

    slirp_input(user->slirp, frame, (int)size);
    user_soon(user);
}

static void user_close(struct net *net)
{
    struct user_net *user = (struct user_net *)net;

    user->is_closing = true;
    timer_cancel(&user->timer);
    while (user->count)
        drop_socket(user, user->count - 1);
    if (user->slirp)
        slirp_cleanup(user->slirp);
    free(user->sockets);
    free(user);
}

static bool configure(SlirpConfig *slirp, const struct net_config *config,
                      char error[NET_ERROR])
{
    const char *net = net_setting(config, "net");

    defaults(slirp);
    if (net && !set_net(slirp, net)) {
        snprintf(error, NET_ERROR, "user: net is as in 10.0.2.0/24, not `%s`", net);
        return false;
    }
    for (const struct board_setting *s = config->settings; s; s = s->next) {
        if (set(slirp, s->name, s->value))
            continue;
        snprintf(error, NET_ERROR, "user: %s=%s is not supported", s->name, s->value);
        return false;
    }
    return true;
}

struct net *net_user_open(const struct net_config *config, struct loop *loop,
                          struct clock *clock, char error[NET_ERROR])
{
    struct user_net *user = calloc(1, sizeof(*user));
    SlirpConfig slirp;
    bool is_good = configure(&slirp, config, error);

    if (!user)
        die("out of memory");
    user->net.loop = loop;
    user->net.clock = clock;
    user->net.send = user_send;
    user->net.close = user_close;
    user->net.forward = user_forward;
    user->net.report = user_report;
    user->guest = slirp.vdhcp_start;
    timer_init(&user->timer, clock, user_timeout, user);
    if (is_good) {
        user->slirp = slirp_new(&slirp, &calls, user);
        is_good = user->slirp != NULL;
        if (!is_good)
            snprintf(error, NET_ERROR, "user: libslirp refuses these addresses");
    }
    for (const struct board_setting *s = config->settings; s && is_good; s = s->next)
        if (!strcmp(s->name, "hostfwd"))
            is_good = forward(user, s->value, error);
    if (!is_good) {
        user_close(&user->net);
        return NULL;
    }
    user_soon(user);
    return &user->net;
}
