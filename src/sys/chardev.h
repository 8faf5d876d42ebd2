/* chardev.h - what is at the other end of a guest's serial line: terminal, file, nothing.
 */
#ifndef RHEA_SYS_CHARDEV_H
#define RHEA_SYS_CHARDEV_H

#include "dev/dev.h"

struct loop;

/* What the keys of the terminal can ask of the machine. */
struct chardev_host {
    struct loop *loop;
    void (*quit)(void *context); /* Ctrl-A x */
    void *context;
};

/* `stdio`, `mon:stdio` (with Ctrl-A), `file:PATH`, `null` or `none`.  NULL with a message
 * in `error`; for `none` NULL without one. */
enum { CHARDEV_ERROR = 256 };
struct char_backend *chardev_open(const char *spec, const struct chardev_host *host,
                                  char error[CHARDEV_ERROR]);
void chardev_close(struct char_backend *backend);

#endif
