/* backing.c - where a machine's RAM is: see backing.h. */
#include "sys/backing.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/host_disk.h"
#include "isa/space.h"
#include "sys/board.h"
#include "sys/bus.h"

static int fail(char error[BACKING_ERROR], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(char error[BACKING_ERROR], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(error, BACKING_ERROR, fmt, ap);
    va_end(ap);
    return -1;
}

enum { MAX_PATH = 4096 };

static unsigned long long mib(uint64_t bytes)
{
    return (unsigned long long)(bytes >> 20);
}

/* As long as the memory: a new or empty file grows, one that was made for another size is
 * not touched. */
static int size_file(int fd, const char *path, uint64_t size, char error[BACKING_ERROR])
{
    int64_t has = host_disk_size(fd);
    int result = has < 0 ? (int)has : 0;

    if (!has)
        result = host_disk_resize(fd, size);
    if (result < 0)
        return fail(error, "%s: %s", path, strerror(-result));
    if (has && (uint64_t)has < size)
        return fail(error,
                    "%s has %llu bytes, the memory %llu: give the size that it was made "
                    "for, or make it longer (truncate -s)",
                    path, (unsigned long long)has, (unsigned long long)size);
    return 0;
}

/* A file system that has no room says so when it is too late. */
static int check_room(int fd, const char *path, uint64_t size, char error[BACKING_ERROR])
{
    int64_t room = host_disk_room(fd), used = host_disk_used(fd);

    if (room < 0 || used < 0 || (uint64_t)used >= size ||
        (uint64_t)room >= size - (uint64_t)used)
        return 0;
    return fail(error, "%s: its file system has %llu MiB free, and the memory needs %llu",
                path, mib((uint64_t)room), mib(size - (uint64_t)used));
}

/* A file; of a folder, one in it that goes away by itself.  A descriptor, or a negated
 * errno. */
static int open_path(const char *path)
{
    int fd = host_disk_open(path, HOST_DISK_WRITE | HOST_DISK_CREATE | HOST_DISK_REGULAR);
    char name[MAX_PATH];

    return fd == -EISDIR ? host_disk_temp(path, name, sizeof(name)) : fd;
}

static int open_file(const struct backing_config *config, uint64_t size, int *fd,
                     char error[BACKING_ERROR])
{
    *fd = open_path(config->path);
    if (*fd < 0)
        return fail(error, "%s: %s", config->path, strerror(-*fd));
    if (config->is_shared && check_room(*fd, config->path, size, error) < 0)
        return -1;
    return size_file(*fd, config->path, size, error);
}

/* The host does not refuse what is not written yet, unless it could never be. */
static int check_host(uint64_t size, char error[BACKING_ERROR])
{
    int64_t at = (size_t)size == size
                     ? host_map(0, (size_t)size, HOST_READ | HOST_WRITE, 0, -1, 0)
                     : -ENOMEM;

    if (at < 0 && at > -4096)
        return fail(error,
                    "the host has no room for %llu MiB of memory: %s; give less with -m",
                    mib(size), strerror((int)-at));
    return host_unmap((uintptr_t)at, (size_t)size);
}

/* *fd is open even if it fails; negative: there is none. */
static int open_backing(const struct backing_config *config, uint64_t size, int *fd,
                        char error[BACKING_ERROR])
{
    *fd = -1;
    if (config && config->kind == BACKING_FILE)
        return open_file(config, size, fd, error);
    if (check_host(size, error) < 0)
        return -1;
    if (!config || (config->kind == BACKING_RAM && !config->is_shared))
        return 0;
    *fd = host_unnamed_file(size);
    if (*fd < 0)
        return fail(error, "the host has no file of %llu MiB without a name: %s",
                    mib(size), strerror(-*fd));
    return 0;
}

static int fill(const struct backing_config *config, int fd, void *at, uint64_t size,
                char error[BACKING_ERROR])
{
    int result = fd >= 0 && config->is_shared ? host_disk_reserve(fd, 0, size) : 0;

    if (!result || result == -ENOTSUP)
        result = host_fill(at, (size_t)size);
    if (result < 0)
        return fail(error, "prealloc=on: there are no %llu MiB: %s", mib(size),
                    strerror(-result));
    return 0;
}

static int prepare(const struct backing_config *config, struct bus *bus, int fd,
                   const struct board_memory *memory, char error[BACKING_ERROR])
{
    void *at =
        space_host(bus_space(bus), memory->addr, (size_t)memory->size_bytes, SPACE_WRITE);

    if (!at)
        return fail(error, "%s is not in one piece", memory->name);
    if (config->kind == BACKING_FILE &&
        host_mend(at, (size_t)memory->size_bytes, fd,
                  "rhea: the file behind the guest's memory has no room for it any more; "
                  "what is lost reads as zeros\n") < 0)
        return fail(error, "too many memories of files");
    return config->is_filled ? fill(config, fd, at, memory->size_bytes, error) : 0;
}

int backing_add(const struct backing_config *config, struct bus *bus,
                const struct board_memory *memory, char error[BACKING_ERROR])
{
    int fd, result = open_backing(config, memory->size_bytes, &fd, error);
    char why[BUS_ERROR];

    if (!result) {
        result = bus_add_ram_file(bus, memory->name, memory->addr, memory->size_bytes, fd,
                                  fd >= 0 && config->is_shared, why);
        if (result < 0)
            fail(error, "%s", why);
    }
    if (!result && config)
        result = prepare(config, bus, fd, memory, error);
    if (fd >= 0)
        host_close(fd);
    return result;
}

void backing_end(struct bus *bus, const struct board_memory *memory)
{
    host_mend_end(space_host(bus_space(bus), memory->addr, 1, SPACE_READ));
}
