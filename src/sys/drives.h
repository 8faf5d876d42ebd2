/* drives.h - the disks of a machine: images, by the names that -drive gives them. */
#ifndef RHEA_SYS_DRIVES_H
#define RHEA_SYS_DRIVES_H

#include <stdbool.h>

#include "sys/block/async.h"

struct bus;
struct loop;

enum { DRIVE_UNIT = 255 };
/* What -drive says; a list. */
struct drive_config {
    struct drive_config *next;
    const char *id, *file;
    const char *format; /* NULL: look at it */
    const char *serial; /* NULL: none */
    unsigned flags;     /* enum disk_flags */
    enum block_reaction read_error, write_error;
    bool is_plugged; /* if=virtio: a device for it comes by itself */
    bool is_flash;   /* if=pflash: of the board's banks, the */
    unsigned unit;   /* ... this one, from 0; DRIVE_UNIT: the next that is free */
};

struct drives;
/* A request that failed: an errno, and what becomes of it. */
struct drive_failure {
    const struct drive_config *drive;
    enum block_op op;
    int error;
    enum block_reaction reaction;
};
/* What drives need of a machine.  `clock`: as async.h says, or NULL. */
struct drives_host {
    struct loop *loop;
    struct clock *clock;
    void (*failed)(void *context, const struct drive_failure *failure);
    void *context;
};
/* Opens them all; die()s of what cannot be opened. */
struct drives *drives_open(const struct drive_config *configs,
                           const struct drives_host *host);
/* Does again what has failed and waits. */
void drives_retry(struct drives *drives);
/* Why something of this one waits: an errno; 0: nothing does. */
int drives_stopped(const struct drives *drives);
/* NULL: there is no such drive. */
struct block_backend *drives_find(const struct drives *drives, const char *id);
/* The next one after `drives`, NULL: there are no more; and what it is. */
struct drives *drives_next(const struct drives *drives);
const struct drive_config *drives_config(const struct drives *drives);
struct disk_image *drives_image(const struct drives *drives);
const struct block_stats *drives_stats(const struct drives *drives);
/* When no device uses them any more; writes what is left. */
void drives_close(struct drives *drives, struct bus *bus);

#endif
