/* block.c - images of any format: requests.  See block.h; open.c has the rest. */
#include "sys/block/format.h"

#include <errno.h>
#include <string.h>

uint64_t disk_size(const struct disk_image *image)
{
    return image->size;
}

bool disk_is_writable(const struct disk_image *image)
{
    return image->file.is_writable;
}

const char *disk_format_name(const struct disk_image *image)
{
    return image->format->name;
}

const char *disk_path(const struct disk_image *image)
{
    return image->path;
}

struct disk_image *disk_backing(const struct disk_image *image)
{
    return image->backing;
}

static int check_range(const struct disk_image *image, uint64_t offset, uint64_t size,
                       bool write)
{
    if (offset > image->size || size > image->size - offset)
        return -EINVAL;
    return write && !image->file.is_writable ? -EROFS : 0;
}

static bool sum(const struct host_iov *iov, unsigned count, uint64_t *size)
{
    *size = 0;
    for (unsigned i = 0; i < count; i++) {
        if (iov[i].size > UINT64_MAX - *size)
            return false;
        *size += iov[i].size;
    }
    return true;
}

int disk_readv(struct disk_image *image, uint64_t offset, const struct host_iov *iov,
               unsigned count)
{
    struct disk_data data = { iov, count, 0 };
    uint64_t size;
    int error =
        sum(iov, count, &size) ? check_range(image, offset, size, false) : -EINVAL;

    return error || !size ? error : image->format->read(image, &data, offset, size);
}

/* Whether what a guest writes at the start of an image whose format was guessed would be
 * taken for another format the next time. */
static bool disguises(struct disk_image *image, struct disk_data data, uint64_t offset,
                      uint64_t size)
{
    uint8_t head[DISK_SECTOR];
    size_t part;

    if (!image->was_probed || image->format != &format_raw || offset >= sizeof(head))
        return false;
    if (file_read(&image->file, 0, head, sizeof(head)))
        return true;
    part = size < sizeof(head) - offset ? (size_t)size : sizeof(head) - (size_t)offset;
    data_get(&data, head + offset, part);
    return format_qcow2.probe(head, sizeof(head));
}

int disk_writev(struct disk_image *image, uint64_t offset, const struct host_iov *iov,
                unsigned count)
{
    struct disk_data data = { iov, count, 0 };
    uint64_t size;
    int error = sum(iov, count, &size) ? check_range(image, offset, size, true) : -EINVAL;

    if (error || !size)
        return error;
    if (disguises(image, data, offset, size))
        return -EPERM;
    return image->format->write(image, &data, offset, size);
}

int disk_read(struct disk_image *image, uint64_t offset, void *to, size_t size)
{
    struct host_iov iov = { to, size };

    return disk_readv(image, offset, &iov, 1);
}

int disk_write(struct disk_image *image, uint64_t offset, const void *from, size_t size)
{
    struct host_iov iov = { (void *)(uintptr_t)from, size };

    return disk_writev(image, offset, &iov, 1);
}

int disk_flush(struct disk_image *image)
{
    return image->file.is_writable ? image->format->flush(image) : 0;
}

int disk_discard(struct disk_image *image, uint64_t offset, uint64_t size)
{
    int error = check_range(image, offset, size, true);

    return error || !size ? error : image->format->discard(image, offset, size);
}

int disk_zero(struct disk_image *image, uint64_t offset, uint64_t size, bool may_unmap)
{
    int error = check_range(image, offset, size, true);

    return error || !size ? error : image->format->zero(image, offset, size, may_unmap);
}

int disk_write_compressed(struct disk_image *image, uint64_t offset, const void *from,
                          size_t size)
{
    int error = check_range(image, offset, size, true);

    if (error || !size)
        return error;
    if (!image->format->write_compressed)
        return -ENOTSUP;
    return image->format->write_compressed(image, offset, from, size);
}

int disk_resize(struct disk_image *image, uint64_t size,
                enum disk_preallocation preallocation, char error[DISK_ERROR])
{
    if (!image->file.is_writable)
        return format_error(image, error, -EROFS, "is open for reading only");
    return image->format->resize(image, size, preallocation, error);
}

int backing_read(struct disk_image *image, struct disk_data *data, uint64_t offset,
                 uint64_t size)
{
    struct disk_image *backing = image->backing;
    uint64_t inside = !backing || offset >= backing->size ? 0 : backing->size - offset;
    int error = 0;

    if (inside > size)
        inside = size;
    if (inside)
        error = backing->format->read(backing, data, offset, inside);
    data_zero(data, size - inside);
    return error;
}

int disk_extent(struct disk_image *image, uint64_t offset, uint64_t size,
                struct disk_extent *extent)
{
    int error = check_range(image, offset, size, false);

    memset(extent, 0, sizeof(*extent));
    extent->path = image->path;
    return error || !size ? error : image->format->extent(image, offset, size, extent);
}

int disk_extent_chain(struct disk_image *image, uint64_t offset, uint64_t size,
                      struct disk_extent *extent)
{
    int error = disk_extent(image, offset, size, extent);
    unsigned depth = 0;

    while (!error && !extent->is_present && image->backing) {
        uint64_t part = extent->size;
        image = image->backing;
        depth++;
        if (offset >= image->size) {
            extent->is_zero = true; /* this image ends before: as if the other said it */
            depth--;
            break;
        }
        if (part > image->size - offset)
            part = image->size - offset;
        error = disk_extent(image, offset, part, extent);
    }
    extent->depth = depth;
    if (!extent->is_present)
        extent->is_zero = true;
    return error;
}

void disk_get_info(struct disk_image *image, struct disk_info *info)
{
    memset(info, 0, sizeof(*info));
    info->size = image->size;
    info->used = host_disk_used(image->file.fd);
    info->backing = image->backing_name;
    info->backing_format = image->backing_format;
    if (image->format->info)
        image->format->info(image, info);
}

int disk_check(struct disk_image *image, enum disk_repair repair,
               struct disk_check *check)
{
    void (*report)(const char *line) = check->report;

    memset(check, 0, sizeof(*check));
    check->report = report;
    return image->format->check ? image->format->check(image, repair, check) : -ENOTSUP;
}
