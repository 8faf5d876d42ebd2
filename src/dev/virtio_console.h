/* virtio_console.h - how ports get into a virtio console. */
#ifndef RHEA_DEV_VIRTIO_CONSOLE_H
#define RHEA_DEV_VIRTIO_CONSOLE_H

#include "dev/virtio.h"

enum { CONSOLE_ANY = UINT32_MAX };
struct console_plug {
    bool is_console;              /* for people; else for programs */
    uint32_t number;              /* CONSOLE_ANY: the first free one */
    const char *name;             /* or NULL; as long as the console lives */
    struct char_backend *chardev; /* or NULL */
};

/* At init, after the console's.  0, or -1 and why in `error`. */
int virtio_console_plug(struct dev *console, const struct console_plug *plug, char *error,
                        size_t size);

#endif
