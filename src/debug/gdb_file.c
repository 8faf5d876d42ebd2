/* gdb_file.c - vFile: the client reads files of the target's: its program and libraries.
 * Nothing is written or removed. */
#include <stdio.h>
#include <string.h>

#include "debug/gdb_parts.h"

enum { PATH = 4096, LINK = 4096, ACCESS_MODE = 3 };

static void result(struct gdb *gdb, int64_t value)
{
    gdb_begin(gdb);
    if (value < 0)
        gdb_put(gdb, "F-1,%llx", (unsigned long long)-value);
    else
        gdb_put(gdb, "F%llx", (unsigned long long)value);
    gdb_flush(gdb);
}

/* A value and bytes: as many as fit, which is known only then. */
static void result_bytes(struct gdb *gdb, const void *bytes, size_t size)
{
    char head[32];
    size_t sent, length;

    gdb_begin(gdb);
    gdb_put(gdb, "F%08x;", 0u);
    sent = gdb_put_binary(gdb, bytes, size);
    snprintf(head, sizeof(head), "F%08x;", (unsigned)sent);
    length = strlen(head);
    memcpy(gdb->out, head, length);
    gdb_flush(gdb);
}

static bool take_path(struct gdb_reader *r, char *path)
{
    size_t n = gdb_bytes(r, (uint8_t *)path, PATH - 1);

    path[n] = 0;
    return n > 0 && strlen(path) == n;
}

static void open_file(struct gdb *gdb, struct gdb_reader *r)
{
    const struct gdb_target *target = gdb->target;
    uint64_t flags, mode;
    char path[PATH];

    if (!take_path(r, path) || !gdb_skip(r, ",") || !gdb_number(r, &flags) ||
        !gdb_skip(r, ",") || !gdb_number(r, &mode))
        result(gdb, -GDB_EINVAL);
    else if (flags & ACCESS_MODE)
        result(gdb, -GDB_EACCES);
    else
        result(gdb, target->open(target->context, path));
}

static void close_file(struct gdb *gdb, struct gdb_reader *r)
{
    uint64_t fd;

    if (!gdb_number(r, &fd) || fd > INT32_MAX)
        result(gdb, -GDB_EBADF);
    else
        result(gdb, gdb->target->close(gdb->target->context, (int)fd));
}

static void read_file(struct gdb *gdb, struct gdb_reader *r)
{
    const struct gdb_target *target = gdb->target;
    uint64_t fd, size, offset;
    char bytes[GDB_PACKET - 64];
    int64_t n;

    if (!gdb_number(r, &fd) || !gdb_skip(r, ",") || !gdb_number(r, &size) ||
        !gdb_skip(r, ",") || !gdb_number(r, &offset) || fd > INT32_MAX ||
        offset > INT64_MAX) {
        result(gdb, -GDB_EINVAL);
        return;
    }
    if (size > sizeof(bytes))
        size = sizeof(bytes);
    n = target->pread(target->context, (int)fd, bytes, (size_t)size, offset);
    if (n < 0)
        result(gdb, n);
    else
        result_bytes(gdb, bytes, (size_t)n);
}

/* The protocol's own struct stat: big-endian. */
static void stat_file(struct gdb *gdb, struct gdb_reader *r)
{
    static const uint8_t widths[GDB_STAT_FIELDS] = {
        4, 4, 4, 4, 4, 4, 4, 8, 8, 8, 4, 4, 4
    };
    uint64_t fd, values[GDB_STAT_FIELDS];
    uint8_t bytes[64];
    size_t size = 0;
    int error;

    if (!gdb_number(r, &fd) || fd > INT32_MAX) {
        result(gdb, -GDB_EBADF);
        return;
    }
    error = gdb->target->stat(gdb->target->context, (int)fd, values);
    if (error < 0) {
        result(gdb, error);
        return;
    }
    for (unsigned i = 0; i < GDB_STAT_FIELDS; i++)
        for (unsigned k = widths[i]; k-- > 0;)
            bytes[size++] = (uint8_t)(values[i] >> 8 * k);
    result_bytes(gdb, bytes, size);
}

static void read_link(struct gdb *gdb, struct gdb_reader *r)
{
    const struct gdb_target *target = gdb->target;
    char path[PATH], text[LINK];
    int64_t n = -GDB_EINVAL;

    if (take_path(r, path))
        n = target->readlink(target->context, path, text, sizeof(text));
    if (n < 0)
        result(gdb, n);
    else
        result_bytes(gdb, text, (size_t)n);
}

void gdb_file(struct gdb *gdb, struct gdb_reader *r)
{
    if (!gdb->target->open)
        gdb_reply(gdb, "");
    else if (gdb_skip(r, "open:"))
        open_file(gdb, r);
    else if (gdb_skip(r, "close:"))
        close_file(gdb, r);
    else if (gdb_skip(r, "pread:"))
        read_file(gdb, r);
    else if (gdb_skip(r, "fstat:"))
        stat_file(gdb, r);
    else if (gdb_skip(r, "readlink:"))
        read_link(gdb, r);
    else if (gdb_skip(r, "setfs:"))
        result(gdb, 0); /* there is one file system, the guest's */
    else if (gdb_skip(r, "pwrite:") || gdb_skip(r, "unlink:"))
        result(gdb, -GDB_EACCES);
    else
        gdb_reply(gdb, "");
}
