/* raw.c - an image that is nothing but the disk's bytes. */
#include "sys/block/format.h"

#include <errno.h>

static bool raw_probe(const uint8_t *head, size_t size)
{
    (void)head, (void)size;
    return true; /* the last one to be asked */
}

static int raw_open(struct disk_image *image, char error[DISK_ERROR])
{
    int64_t size = host_disk_size(image->file.fd);

    if (size < 0)
        return format_error(image, error, (int)size, "its size is not known");
    /* A last sector that is not whole is one with zeros behind. */
    image->size = ((uint64_t)size + DISK_SECTOR - 1) / DISK_SECTOR * DISK_SECTOR;
    return 0;
}

static int raw_close(struct disk_image *image)
{
    (void)image;
    return 0;
}

static int raw_read(struct disk_image *image, struct disk_data *data, uint64_t offset,
                    uint64_t size)
{
    return data_read(data, &image->file, offset, size);
}

static int raw_write(struct disk_image *image, struct disk_data *data, uint64_t offset,
                     uint64_t size)
{
    return data_write(data, &image->file, offset, size);
}

static int raw_flush(struct disk_image *image)
{
    return file_sync(&image->file);
}

static int raw_discard(struct disk_image *image, uint64_t offset, uint64_t size)
{
    int error =
        image->flags & DISK_UNMAP ? host_disk_punch(image->file.fd, offset, size) : 0;

    return error == -ENOTSUP ? 0 : error;
}

static int raw_zero(struct disk_image *image, uint64_t offset, uint64_t size,
                    bool may_unmap)
{
    if (may_unmap && host_disk_punch(image->file.fd, offset, size) == 0)
        return 0;
    return file_zero(&image->file, offset, size);
}

static int raw_allocate(struct disk_file *file, uint64_t from, uint64_t to,
                        enum disk_preallocation preallocation)
{
    if (to <= from || preallocation < DISK_FALLOC)
        return 0;
    if (preallocation == DISK_FALLOC)
        return host_disk_reserve(file->fd, from, to - from);
    return file_zero(file, from, to - from);
}

static int raw_resize(struct disk_image *image, uint64_t size,
                      enum disk_preallocation preallocation, char error[DISK_ERROR])
{
    uint64_t before = image->size;
    int result = host_disk_resize(image->file.fd, size);

    if (!result) {
        image->size = size;
        result = raw_allocate(&image->file, before, size, preallocation);
    }
    return result ? format_error(image, error, result, "cannot be resized") : 0;
}

static int raw_extent(struct disk_image *image, uint64_t offset, uint64_t size,
                      struct disk_extent *extent)
{
    int64_t end = host_disk_extent(image->file.fd, offset, &extent->has_data);

    if (end < 0) {
        extent->has_data = false;
        end = (int64_t)(offset + size);
    }
    extent->size = (uint64_t)end - offset < size ? (uint64_t)end - offset : size;
    extent->is_present = true;
    extent->is_zero = !extent->has_data;
    extent->has_offset = true;
    extent->offset = offset;
    return 0;
}

static int raw_create(struct disk_file *file, const struct disk_create *options,
                      char error[DISK_ERROR])
{
    struct disk_image image = { .file = *file };
    int result = host_disk_resize(file->fd, options->size);

    if (!result)
        result = raw_allocate(file, 0, options->size, options->preallocation);
    return result ? format_error(&image, error, result, "cannot be made so large") : 0;
}

const struct disk_format format_raw = {
    .name = "raw",
    .probe = raw_probe,
    .open = raw_open,
    .close = raw_close,
    .read = raw_read,
    .write = raw_write,
    .flush = raw_flush,
    .discard = raw_discard,
    .zero = raw_zero,
    .resize = raw_resize,
    .extent = raw_extent,
    .create = raw_create,
};
