/* drives.h - the disks of a machine: images, by the names that -drive gives them. */
#ifndef RHEA_SYS_DRIVES_H
#define RHEA_SYS_DRIVES_H

#include <stdbool.h>

struct block_backend;
struct block_stats;
struct bus;
struct clock;
struct disk_image;
struct loop;

enum { DRIVE_UNIT = 255 };
/* What -drive says; a list. */
struct drive_config {
    struct drive_config *next;
    const char *id, *file;
    const char *format; /* NULL: look at it */
    const char *serial; /* NULL: none */
    unsigned flags;     /* enum disk_flags */
    bool is_plugged;    /* if=virtio: a device for it comes by itself */
    bool is_flash;      /* if=pflash: of the board's banks, the */
    unsigned unit;      /* ... this one, from 0; DRIVE_UNIT: the next that is free */
};

struct drives;
/* Opens them all; die()s of what cannot be opened.  `clock`: as async.h says, or NULL. */
struct drives *drives_open(const struct drive_config *configs, struct loop *loop,
                           struct clock *clock);
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
