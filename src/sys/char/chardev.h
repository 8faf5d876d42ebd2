/* chardev.h - what is at the other end of a serial line, or of a monitor: a terminal, a
 * socket, a file, nothing.  Each has a name (-chardev's id).
 *
 * All of it runs under the bus lock. */
#ifndef RHEA_SYS_CHAR_CHARDEV_H
#define RHEA_SYS_CHAR_CHARDEV_H

#include "dev/dev.h"

struct bus;
struct clock;
struct loop;

/* What -chardev says, or -serial and its like in short; a list. */
struct chardev_config {
    struct chardev_config *next;
    const char *from;      /* the option, for messages */
    const char *id, *kind; /* kind: see chardev.c */
    const char *path, *in_path, *host;
    unsigned port;
    bool has_port, is_server, waits, is_telnet; /* of sockets */
    bool appends;                               /* to a file */
    bool no_signals; /* of a terminal: its keys for signals are the guest's */
    bool is_mux;     /* several users share it: Ctrl-A c changes between them */
};

/* What the keys of a shared line can ask of the machine. */
struct chardev_host {
    struct loop *loop;
    struct clock *clock;
    void (*quit)(void *context); /* Ctrl-A x */
    void *context;
    bool is_counted; /* guest time is */
};

struct chardevs;
/* Opens them all; die()s of what cannot be opened. */
struct chardevs *chardevs_open(const struct chardev_config *configs,
                               const struct chardev_host *host);
/* For a user of its own: the last one to come has the keys of a shared line first.  NULL:
 * there is none of that name, or it has its user; `error` says so. */
enum { CHARDEV_ERROR = 256 };
struct char_backend *chardevs_take(struct chardevs *devs, const char *id,
                                   char error[CHARDEV_ERROR]);
void chardevs_close(struct chardevs *devs); /* when nobody uses them */

/* For monitors.  The next one after `devs`, NULL: there are no more; what it is. */
struct chardevs *chardevs_next(struct chardevs *devs);
const char *chardevs_id(const struct chardevs *devs);
bool chardevs_has_user(const struct chardevs *devs);
/* 0, or -1: there is none of that name. */
int chardevs_send_break(struct chardevs *devs, const char *id, char error[CHARDEV_ERROR]);
void chardevs_describe(const struct chardevs *devs, char *text, size_t size);

#endif
