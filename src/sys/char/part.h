/* part.h - what all kinds of character devices share: see line.c. */
#ifndef RHEA_SYS_CHAR_PART_H
#define RHEA_SYS_CHAR_PART_H

#include "sys/char/chardev.h"

struct chardev;
struct loop_fd;

struct chardev_kind {
    const char *name;
    size_t size; /* of its struct, which begins with a struct chardev */
    /* The other end takes all, sooner or later: where guest time is counted it is waited
     * for, so that its user does not see how fast it is. */
    bool takes_all;
    /* 0, or -1 and why in `error`. */
    int (*open)(struct chardev *dev, char error[CHARDEV_ERROR]);
    void (*close)(struct chardev *dev); /* may be NULL, as all that follow */
    void (*ended)(struct chardev *dev); /* nothing more comes to be read */
    /* Takes out of what came what is not the user's; how many bytes stay. */
    size_t (*filter)(struct chardev *dev, uint8_t *bytes, size_t count);
    void (*describe)(const struct chardev *dev, char *text, size_t size);
};

enum { LINE_IN = 256, LINE_OUT = 4096 };

/* A line to descriptors, which may come and go. */
struct chardev {
    struct char_backend backend; /* first: found by it */
    const struct chardev_kind *kind;
    const struct chardev_config *config;
    struct chardev_host host;
    struct loop_fd *in, *out; /* NULL: there is none, or it has ended */
    int in_fd, out_fd;
    bool full_before; /* the user waits for `sent` */
    uint8_t unsent[LINE_OUT];
    size_t unsent_count;
};

extern const struct chardev_kind char_null, char_file, char_pipe, char_stdio, char_pty,
    char_socket;

void line_init(struct chardev *dev);
/* From now on it reads and writes these, -1: nothing; the user hears that.  They are the
 * kind's to close. */
void line_begin(struct chardev *dev, int in_fd, int out_fd);
void line_end(struct chardev *dev);
/* Tells the user. */
void char_tell(struct char_backend *backend, enum char_event event);

/* A shared line; `dev` stays its owner's. */
struct mux;
struct mux *mux_new(struct chardev *dev);
struct char_backend *mux_take(struct mux *mux); /* NULL: it has as many as it can */
void mux_free(struct mux *mux);

#endif
