/* net.h - the networks of a machine, by the names that -netdev gives them. */
#ifndef RHEA_SYS_NET_NET_H
#define RHEA_SYS_NET_NET_H

#include <stdbool.h>
#include <stdint.h>

struct board_setting;
struct bus;
struct clock;
struct loop;
struct net_backend;

/* What -netdev or -nic says; a list. */
struct net_config {
    struct net_config *next;
    const char *id, *kind;          /* kind: `user`, `tap` */
    struct board_setting *settings; /* a name may be there several times */
    bool leads_nowhere;             /* nothing of the host is opened for it */
};

/* What -object filter-dump says: the frames of a network, as a pcap file; a list. */
struct net_dump_config {
    struct net_dump_config *next;
    const char *netdev, *file;
    uint32_t most_bytes; /* of each frame; 0: all */
};

struct nets;
/* Opens them all; die()s of what cannot be opened. */
struct nets *nets_open(const struct net_config *configs,
                       const struct net_dump_config *dumps, struct loop *loop,
                       struct clock *clock);
enum { NET_ERROR = 256 };
/* NULL: there is no such network. */
struct net_backend *nets_find(const struct nets *nets, const char *id);
/* For monitors.  The next one after `nets`, NULL: there are no more; what it is; and
 * what it has to tell of its connections: free() it; NULL: nothing. */
struct nets *nets_next(const struct nets *nets);
const struct net_config *nets_config(const struct nets *nets);
char *nets_report(const struct nets *nets);
/* Adds (or takes away) a rule as hostfwd= has them; of the network `id`, NULL: of the
 * first that can.  -1: `error` says why not. */
int nets_forward(struct nets *nets, const char *id, const char *rule, bool is_added,
                 char error[NET_ERROR]);
void nets_close(struct nets *nets, struct bus *bus); /* when no device uses them */

#endif
