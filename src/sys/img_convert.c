/* img_convert.c - `rhea img convert`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys/img.h"

enum { PIECE = 2 << 20 }; /* at least the largest cluster */

struct convert {
    struct disk_image *from, *to, *backing; /* of `to`, with -B */
    uint8_t *bytes, *other;
    uint64_t sparse;  /* zeros of this length are left out; 0: none are */
    uint64_t cluster; /* of compressed writes */
    bool is_zero;     /* `to` has zeros where nothing was written */
    bool compress, progress;
};

static bool all_zero(const uint8_t *bytes, uint64_t size)
{
    return !size || (!bytes[0] && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* Makes `to` have zeros there. */
static int put_zeros(struct convert *c, uint64_t offset, uint64_t size)
{
    if (c->is_zero)
        return 0;
    return disk_zero(c->to, offset, size, true);
}

/* Writes what is not zeros, in whole units of `sparse`. */
static int put_sparse(struct convert *c, uint64_t offset, const uint8_t *bytes,
                      uint64_t size)
{
    int error = 0;

    while (size && !error) {
        uint64_t unit = c->sparse ? c->sparse - offset % c->sparse : size, length = 0;
        bool zero = c->sparse && all_zero(bytes, unit < size ? unit : size);
        while (length < size && !(length && !c->sparse)) {
            uint64_t part = size - length < unit ? size - length : unit;
            if (c->sparse && all_zero(bytes + length, part) != zero)
                break;
            length += part;
            unit = c->sparse;
        }
        error = zero ? put_zeros(c, offset, length)
                     : disk_write(c->to, offset, bytes, (size_t)length);
        offset += length;
        bytes += length;
        size -= length;
    }
    return error;
}

static int put_compressed(struct convert *c, uint64_t offset, const uint8_t *bytes,
                          uint64_t size)
{
    int error = 0;

    for (uint64_t part; size && !error; offset += part, bytes += part, size -= part) {
        part = size < c->cluster ? size : c->cluster;
        error = all_zero(bytes, part)
                    ? put_zeros(c, offset, part)
                    : disk_write_compressed(c->to, offset, bytes, (size_t)part);
    }
    return error;
}

/* Whether the new image's backing file has that already. */
static bool is_backed(struct convert *c, uint64_t offset, uint64_t size)
{
    uint64_t end = disk_size(c->backing), inside;

    inside = offset >= end ? 0 : end - offset < size ? end - offset : size;
    memset(c->other, 0, (size_t)size);
    return disk_read(c->backing, offset, c->other, (size_t)inside) == 0 &&
           memcmp(c->bytes, c->other, (size_t)size) == 0;
}

static int copy_piece(struct convert *c, uint64_t offset, uint64_t size)
{
    int error = disk_read(c->from, offset, c->bytes, (size_t)size);

    if (error || (c->backing && is_backed(c, offset, size)))
        return error;
    return c->compress ? put_compressed(c, offset, c->bytes, size)
                       : put_sparse(c, offset, c->bytes, size);
}

static int copy_all(struct convert *c)
{
    uint64_t size = disk_size(c->from), part;
    int error = 0;

    for (uint64_t at = 0; at < size && !error; at += part) {
        struct disk_extent extent;
        error = disk_extent_chain(c->from, at, size - at, &extent);
        if (error)
            break;
        part = extent.size;
        if (extent.is_zero && !c->backing && c->sparse && !c->compress) {
            error = put_zeros(c, at, part);
        } else {
            /* Pieces end where clusters of the new image do. */
            part = PIECE - at % PIECE;
            if (part > size - at)
                part = size - at;
            if (extent.is_zero && !c->backing && extent.size >= part && c->sparse)
                error = put_zeros(c, at, part);
            else
                error = copy_piece(c, at, part);
        }
        if (c->progress) {
            printf("    (%3.2f/100%%)\r", (double)(at + part) * 100 / (double)size);
            fflush(stdout);
        }
    }
    if (c->progress)
        printf("    (100.00/100%%)\n");
    return error;
}

/* -------------------------------------------------------------------- command line */

struct convert_line {
    const char *from_format, *to_format;
    char *texts[8];
    const char *backing, *backing_format;
    unsigned flags;
    uint64_t sparse;
    bool no_create, to_is_zero;
    int text_count;
};

static int take_option(struct img_args *args, int letter, struct convert_line *line,
                       struct convert *c)
{
    switch (letter) {
    case 'f': line->from_format = args->value; break;
    case 'O': line->to_format = args->value; break;
    case 'B': line->backing = args->value; break;
    case 'F': line->backing_format = args->value; break;
    case 'U': line->flags |= DISK_SHARE; break;
    case 'c': c->compress = true; break;
    case 'p': c->progress = true; break;
    case 'n': line->no_create = true; break;
    case 'z': line->to_is_zero = true; break;
    case 'o':
        if (line->text_count == 8)
            return img_fail("img: too many -o");
        line->texts[line->text_count++] = args->value;
        break;
    case 'S':
        if (!img_size(args->value, &line->sparse) || line->sparse % DISK_SECTOR)
            return img_fail("img: `%s` is no size of whole sectors", args->value);
        break;
    case 'l': return img_fail("img: internal snapshots cannot be converted");
    default: break; /* -q -t -T -m -W: as the host does it */
    }
    return 0;
}

static int read_convert(struct img_args *args, struct convert_line *line,
                        struct convert *c)
{
    static const struct img_long longs[] = { { "force-share", 'U', false },
                                             { "target-is-zero", 'z', false },
                                             { NULL, 0, false } };
    int letter;

    while ((letter = img_option(args, "f:O:B:F:Ucpno:S:l:qt:T:m:WC", longs)) > 0)
        if (take_option(args, letter, line, c))
            return 1;
    if (letter < 0)
        return 1;
    if (args->name_count != 2)
        return img_fail("img: convert needs a file, and the name of a new one");
    if (!disk_format_exists(line->to_format))
        return img_fail("%s: unknown format `%s`", args->names[1], line->to_format);
    if (c->compress && strcmp(line->to_format, "qcow2") != 0)
        return img_fail("%s: a %s image cannot be compressed", args->names[1],
                        line->to_format);
    return 0;
}

static int open_backing(struct convert *c, const char *path,
                        const struct disk_create *options)
{
    char error[DISK_ERROR];
    char *name;

    if (!options->backing)
        return 0;
    if (!options->backing_format)
        return img_fail("%s: the backing file needs a format (-F)", path);
    name = disk_backing_path(path, options->backing, error);
    if (!name)
        return img_fail("%s", error);
    c->backing = img_open(name, options->backing_format, 0);
    free(name);
    return c->backing ? 0 : 1;
}

static int open_target(struct convert *c, const char *path,
                       const struct convert_line *line)
{
    struct disk_create options;
    struct disk_info info;
    char error[DISK_ERROR];

    disk_create_defaults(&options);
    options.size = disk_size(c->from);
    options.backing = line->backing;
    options.backing_format = line->backing_format;
    for (int i = 0; i < line->text_count; i++)
        if (img_create_options(line->texts[i], line->to_format, &options))
            return 1;
    if (open_backing(c, path, &options))
        return 1;
    if (!line->no_create && disk_create(path, line->to_format, &options, error))
        return img_fail("%s", error);
    c->to = img_open(path, line->to_format, DISK_WRITABLE | DISK_UNSAFE);
    if (!c->to)
        return 1;
    if (disk_size(c->to) < disk_size(c->from))
        return img_fail("%s: is smaller than what is to be converted", path);
    disk_get_info(c->to, &info);
    c->cluster = info.cluster_size;
    c->is_zero = (!line->no_create && !c->backing) || line->to_is_zero;
    return 0;
}

static int convert(struct convert *c, const char *from, const char *to)
{
    int error;

    c->bytes = malloc(PIECE);
    c->other = malloc(PIECE);
    error = c->bytes && c->other ? copy_all(c) : -ENOMEM;
    if (error)
        img_fail("%s: cannot be converted to %s: %s", from, to, strerror(-error));
    free(c->bytes);
    free(c->other);
    return error != 0;
}

int img_convert(struct img_args *args)
{
    struct convert_line line = { .to_format = "raw", .sparse = 4096 };
    struct convert c = { 0 };
    const char *to;
    int status;

    if (read_convert(args, &line, &c))
        return 1;
    to = args->names[1];
    c.sparse = line.sparse;
    c.from = img_open(args->names[0], line.from_format, line.flags);
    if (!c.from)
        return 1;
    status = open_target(&c, to, &line);
    if (!status)
        status = convert(&c, args->names[0], to);
    if (c.to) {
        int error = disk_close(c.to);
        if (error && !status)
            status = img_fail("%s: cannot be written: %s", to, strerror(-error));
    }
    if (c.backing)
        disk_close(c.backing);
    disk_close(c.from);
    return status;
}
