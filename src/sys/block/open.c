/* open.c - opening, making and closing images, and the chains of backing files. */
#include "sys/block/format.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* raw is the last: it takes anything. */
static const struct disk_format *const formats[] = { &format_qcow2, &format_raw, NULL };

const char *disk_format_at(unsigned number)
{
    return number < sizeof(formats) / sizeof(formats[0]) && formats[number]
               ? formats[number]->name
               : NULL;
}

static const struct disk_format *find_format(const char *name)
{
    for (const struct disk_format *const *format = formats; *format; format++)
        if (strcmp((*format)->name, name) == 0)
            return *format;
    return NULL;
}

bool disk_format_exists(const char *format)
{
    return find_format(format) != NULL;
}

__attribute__((format(printf, 3, 4))) static int say(char error[DISK_ERROR], int code,
                                                     const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(error, DISK_ERROR, fmt, ap);
    va_end(ap);
    return code;
}

int format_error(struct disk_image *image, char error[DISK_ERROR], int code,
                 const char *fmt, ...)
{
    char text[DISK_ERROR];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    /* Of these the text says it all. */
    if (code == -EINVAL || code == -ENOTSUP)
        return say(error, code, "%s: %.400s", image->path ? image->path : "new image",
                   text);
    return say(error, code, "%s: %.400s: %s", image->path ? image->path : "new image",
               text, strerror(-code));
}

static char *copy_path(const char *path)
{
    char *copy = malloc(strlen(path) + 1);

    return copy ? strcpy(copy, path) : NULL;
}

/* -------------------------------------------------------------------- one image */

static void image_free(struct disk_image *image)
{
    if (image->file.fd >= 0)
        host_disk_close(image->file.fd);
    free(image->path);
    free(image->backing_name);
    free(image->backing_format);
    free(image);
}

static int lock_file(const char *path, int fd, bool write, char error[DISK_ERROR])
{
    unsigned writes = HOST_USE_WRITE | HOST_USE_RESIZE;
    long holder;
    int code = host_disk_lock(fd, HOST_USE_READ | (write ? writes : 0), writes, &holder);

    if (code == -EAGAIN && holder)
        return say(error, code,
                   "%.300s: is in use by process %ld (see `rhea img info -U`)", path,
                   holder);
    if (code == -EAGAIN)
        return say(error, code, "%.300s: is in use by another process", path);
    return code ? say(error, code, "%.300s: cannot be locked: %s", path, strerror(-code))
                : 0;
}

static int open_file(struct disk_image *image, unsigned flags, bool is_backing,
                     char error[DISK_ERROR])
{
    struct disk_file *file = &image->file;
    bool write = flags & DISK_WRITABLE;

    file->fd = host_disk_open(image->path, (write ? HOST_DISK_WRITE : 0) |
                                               (is_backing ? HOST_DISK_REGULAR : 0));
    if (file->fd == -EINVAL)
        return say(error, -EINVAL, "%.300s: is no file%s", image->path,
                   is_backing ? "" : " or block device");
    if (file->fd < 0)
        return say(error, file->fd, "%.300s: cannot be opened%s: %s", image->path,
                   write ? " for writing" : "", strerror(-file->fd));
    file->is_writable = write;
    file->is_device = host_disk_is_device(file->fd);
    file->is_unsafe = flags & DISK_UNSAFE;
    return flags & DISK_SHARE ? 0 : lock_file(image->path, file->fd, write, error);
}

static int choose_format(struct disk_image *image, const char *format,
                         char error[DISK_ERROR])
{
    uint8_t head[DISK_SECTOR];
    int code = 0;

    if (format) {
        image->format = find_format(format);
        return image->format ? 0
                             : say(error, -ENOTSUP, "%.300s: unknown format `%.60s`",
                                   image->path, format);
    }
    image->was_probed = true;
    code = file_read(&image->file, 0, head, sizeof(head));
    if (code)
        return format_error(image, error, code, "cannot be read");
    for (const struct disk_format *const *next = formats; !image->format; next++)
        if ((*next)->probe(head, sizeof(head)))
            image->format = *next;
    return 0;
}

/* One image, without what backs it. */
static struct disk_image *open_one(char *path, const char *format, unsigned flags,
                                   bool is_backing, char error[DISK_ERROR])
{
    struct disk_image *image = path ? calloc(1, sizeof(*image)) : NULL;

    if (!image) {
        free(path);
        say(error, -ENOMEM, "out of memory");
        return NULL;
    }
    image->path = path;
    image->flags = flags;
    image->file.fd = -1;
    if (open_file(image, flags, is_backing, error) ||
        choose_format(image, format, error) || image->format->open(image, error)) {
        image_free(image);
        return NULL;
    }
    return image;
}

/* ----------------------------------------------------------------------- chains */

static bool has_protocol(const char *name)
{
    size_t length = strcspn(name, ":/");

    return name[length] == ':';
}

char *disk_backing_path(const char *image, const char *backing, char error[DISK_ERROR])
{
    const char *slash = strrchr(image, '/');
    size_t folder = slash && backing[0] != '/' ? (size_t)(slash - image) + 1 : 0;
    char *path;

    if (strncmp(backing, "file:", 5) == 0)
        backing += 5;
    else if (has_protocol(backing)) {
        say(error, -ENOTSUP,
            "%.200s: unsupported: field=backing_file: `%.200s` is not the name of a file",
            image, backing);
        return NULL;
    }
    if (backing[0] == '/')
        folder = 0;
    path = malloc(folder + strlen(backing) + 1);
    if (!path) {
        say(error, -ENOMEM, "out of memory");
        return NULL;
    }
    memcpy(path, image, folder);
    strcpy(path + folder, backing);
    return path;
}

static bool is_in_chain(struct disk_image *top, struct disk_image *image)
{
    struct host_file file, other;

    if (host_identify(image->file.fd, &file))
        return false;
    for (; top; top = top->backing)
        if (top != image && host_identify(top->file.fd, &other) == 0 &&
            file.dev == other.dev && file.ino == other.ino)
            return true;
    return false;
}

/* Opens what backs `image`, the last one of the chain so far. */
static int open_backing(struct disk_image *top, struct disk_image *image,
                        char error[DISK_ERROR])
{
    unsigned keep = DISK_SHARE | DISK_NO_DATA;
    char *path = disk_backing_path(image->path, image->backing_name, error);
    struct disk_image *backing;

    if (!path)
        return -EINVAL;
    backing = open_one(path, image->backing_format, image->flags & keep, true, error);
    if (!backing)
        return -EINVAL;
    image->backing = backing;
    if (is_in_chain(top, backing))
        return format_error(image, error, -EINVAL,
                            "corrupt: field=backing_file: it is backed by itself");
    /* A guest could have written that name into a disk which nobody called raw. */
    if (backing->was_probed && backing->backing_name)
        return format_error(image, error, -EINVAL,
                            "unsupported: field=backing_format: %.100s has a backing "
                            "file, so its format must be recorded; see `qemu-img rebase "
                            "-u -F`",
                            image->backing_name);
    return 0;
}

static int close_chain(struct disk_image *image)
{
    int result = 0;

    while (image) {
        struct disk_image *backing = image->backing;
        int code = image->format->close(image);
        result = result ? result : code;
        image_free(image);
        image = backing;
    }
    return result;
}

static struct disk_image *open_chain(const char *path, const char *format, unsigned flags,
                                     char error[DISK_ERROR])
{
    struct disk_image *top = open_one(copy_path(path), format, flags, false, error);
    unsigned depth = 1;

    for (struct disk_image *last = top; last && last->backing_name;
         last = last->backing) {
        if (flags & DISK_NO_BACKING)
            break;
        if (depth++ == DISK_CHAIN_MAX) {
            format_error(top, error, -EINVAL,
                         "unsupported: field=backing_file: more than %d images",
                         DISK_CHAIN_MAX);
        } else if (open_backing(top, last, error) == 0) {
            continue;
        }
        close_chain(top);
        return NULL;
    }
    return top;
}

/* ------------------------------------------------------------------- open, close */

/* Puts an empty image without a name in front of `base`. */
static struct disk_image *make_overlay(struct disk_image *base, char error[DISK_ERROR])
{
    struct disk_image *image = calloc(1, sizeof(*image));
    char path[1024];
    struct disk_create options;
    int code;

    disk_create_defaults(&options);
    options.size = base->size;
    if (image) {
        image->format = &format_qcow2;
        image->flags = DISK_WRITABLE | DISK_UNMAP | DISK_UNSAFE;
        image->file.is_writable = image->file.is_unsafe = true;
        image->file.fd = code =
            host_disk_temp(host_disk_temp_folder(), path, sizeof(path));
        image->path = copy_path(path);
        if (code < 0)
            say(error, code, "%.300s: cannot be made: %s", path, strerror(-code));
        else if (format_qcow2.create(&image->file, &options, error) == 0 && image->path &&
                 format_qcow2.open(image, error) == 0) {
            image->backing = base;
            return image;
        }
        image_free(image);
    } else {
        say(error, -ENOMEM, "out of memory");
    }
    close_chain(base);
    return NULL;
}

struct disk_image *disk_open(const char *path, const char *format, unsigned flags,
                             char error[DISK_ERROR])
{
    struct disk_image *image;

    error[0] = 0;
    if (!(flags & DISK_SNAPSHOT))
        return open_chain(path, format, flags, error);
    image = open_chain(path, format, flags & ~(DISK_WRITABLE | DISK_SNAPSHOT), error);
    return image ? make_overlay(image, error) : NULL;
}

int disk_close(struct disk_image *image)
{
    return close_chain(image);
}

/* ------------------------------------------------------------------------- create */

void disk_create_defaults(struct disk_create *options)
{
    memset(options, 0, sizeof(*options));
    options->version = 3;
    options->cluster_size = 64 << 10;
    options->refcount_bits = 16;
}

int disk_create(const char *path, const char *format, const struct disk_create *options,
                char error[DISK_ERROR])
{
    const struct disk_format *chosen = find_format(format);
    struct disk_file file = { .is_writable = true };
    int code;

    if (!chosen)
        return say(error, -ENOTSUP, "%.300s: unknown format `%.60s`", path, format);
    file.fd = host_disk_open(path, HOST_DISK_WRITE | HOST_DISK_CREATE);
    if (file.fd < 0)
        return say(error, file.fd, "%.300s: cannot be made: %s", path,
                   strerror(-file.fd));
    file.is_device = host_disk_is_device(file.fd);
    code = lock_file(path, file.fd, true, error);
    if (!code) {
        char why[DISK_ERROR] = "";
        code = file.is_device ? 0 : host_disk_resize(file.fd, 0);
        if (!code)
            code = chosen->create(&file, options, why);
        if (code)
            say(error, code, "%.200s: %.300s", path, why[0] ? why : strerror(-code));
    }
    host_disk_close(file.fd);
    return code;
}
