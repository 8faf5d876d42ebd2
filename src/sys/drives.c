/* drives.c - opens and closes the disks of a machine. */
#include "sys/drives.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "sys/block/async.h"
#include "sys/block/block.h"
#include "sys/bus.h"
#include "sys/loop.h"

struct drives {
    struct drives *next;
    const struct drive_config *config;
    struct drives_host host;
    struct disk_image *image;
    struct block_async *async;
};

static void post(void *context, void (*fn)(void *arg), void *arg)
{
    loop_post(context, fn, arg);
}

static void failed(void *context, enum block_op op, int error,
                   enum block_reaction reaction)
{
    const struct drives *drive = context;

    drive->host.failed(drive->host.context,
                       &(struct drive_failure){ drive->config, op, error, reaction });
}

struct drives *drives_open(const struct drive_config *configs,
                           const struct drives_host *host)
{
    struct drives *first = NULL;

    for (; configs; configs = configs->next) {
        struct drives *drive = calloc(1, sizeof(*drive));
        struct block_async_config async = { .serial = configs->serial,
                                            .clock = host->clock,
                                            .post = post,
                                            .context = host->loop,
                                            .read_error = configs->read_error,
                                            .write_error = configs->write_error,
                                            .failed = failed,
                                            .failed_context = drive };
        char error[DISK_ERROR];

        if (!drive)
            die("out of memory");
        if (drives_find(first, configs->id))
            die("-drive: there is one with id=%s already", configs->id);
        *drive = (struct drives){ .next = first, .config = configs, .host = *host };
        drive->image = disk_open(configs->file, configs->format, configs->flags, error);
        if (!drive->image)
            die("%s", error);
        async.image = drive->image;
        drive->async = block_async_new(&async);
        first = drive;
    }
    return first;
}

struct block_backend *drives_find(const struct drives *drives, const char *id)
{
    for (; drives; drives = drives->next)
        if (!strcmp(drives->config->id, id))
            return block_async_backend(drives->async);
    return NULL;
}

void drives_retry(struct drives *drives)
{
    for (; drives; drives = drives->next)
        block_async_retry(drives->async);
}

int drives_stopped(const struct drives *drives)
{
    return block_async_stopped(drives->async);
}

struct drives *drives_next(const struct drives *drives)
{
    return drives->next;
}

const struct drive_config *drives_config(const struct drives *drives)
{
    return drives->config;
}

struct disk_image *drives_image(const struct drives *drives)
{
    return drives->image;
}

const struct block_stats *drives_stats(const struct drives *drives)
{
    return block_async_stats(drives->async);
}

void drives_close(struct drives *drives, struct bus *bus)
{
    for (struct drives *next; drives; drives = next) {
        int error;

        next = drives->next;
        bus_take(bus);
        block_async_free(drives->async);
        bus_give(bus);
        error = disk_close(drives->image);
        if (error)
            fprintf(stderr, "rhea: %s: %s\n", drives->config->file, strerror(-error));
        free(drives);
    }
}
