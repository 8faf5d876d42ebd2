/* user_none.c - in place of user.c where there is no libslirp. */
#include <stdio.h>

#include "sys/net/part.h"

struct net *net_user_open(const struct net_config *config, struct loop *loop,
                          struct clock *clock, char error[NET_ERROR])
{
    (void)config;
    (void)loop;
    (void)clock;
    snprintf(error, NET_ERROR,
             "user: this rhea was built without libslirp (libslirp-dev on Debian)");
    return NULL;
}
