/* part.h - what all kinds of networks share: see net.c. */
#ifndef RHEA_SYS_NET_PART_H
#define RHEA_SYS_NET_PART_H

#include "dev/dev.h"
#include "sys/net/net.h"

enum { NET_FRAME_MAX = 65536, NET_QUEUE = 256 };

struct net_frame;

/* A network; a kind's own struct begins with one. */
struct net {
    struct net_backend backend;
    struct loop *loop;
    struct clock *clock;
    /* The kind's: a frame of the guest; its end. */
    void (*send)(struct net *net, const uint8_t *frame, size_t size);
    void (*close)(struct net *net);
    void (*drained)(struct net *net); /* no frames wait any more; may be NULL */
    /* May be NULL; see nets_forward() and nets_report(). */
    int (*forward)(struct net *net, const char *rule, bool is_added,
                   char error[NET_ERROR]);
    char *(*report)(struct net *net);
    /* net.c's own */
    struct net_dump *dump;
    struct net_frame *first, **last; /* wait until the guest can receive */
    unsigned waiting;
    bool is_flushing;
    uint8_t frame[NET_FRAME_MAX];
};

/* The first setting of that name; NULL: there is none. */
const char *net_setting(const struct net_config *config, const char *name);

/* A frame for the guest: now, or when it can receive; dropped when too many wait. */
void net_deliver(struct net *net, const uint8_t *frame, size_t size);

/* Kinds.  NULL: `error` says why. */
struct net *net_user_open(const struct net_config *config, struct loop *loop,
                          struct clock *clock, char error[NET_ERROR]);

struct net *net_tap_open(const struct net_config *config, struct loop *loop,
                         struct clock *clock, char error[NET_ERROR]);

/* A pcap file. */
struct net_dump *net_dump_open(const struct net_dump_config *config, struct clock *clock);
void net_dump_write(struct net_dump *dump, const uint8_t *frame, size_t size);
void net_dump_close(struct net_dump *dump);

#endif
