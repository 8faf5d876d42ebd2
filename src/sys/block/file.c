/* file.c - the host's files below image formats, and the memory of requests. */
#include "sys/block/format.h"

#include <errno.h>
#include <string.h>

enum { BATCH = 64 };

int file_read(struct disk_file *file, uint64_t offset, void *to, size_t size)
{
    struct host_iov iov = { to, size };
    int64_t got = host_disk_read(file->fd, &iov, 1, offset);

    if (got < 0)
        return (int)got;
    memset((char *)to + got, 0, size - (size_t)got);
    return 0;
}

int file_write(struct disk_file *file, uint64_t offset, const void *from, size_t size)
{
    struct host_iov iov = { (void *)(uintptr_t)from, size };

    return host_disk_write(file->fd, &iov, 1, offset);
}

int file_sync(struct disk_file *file)
{
    int error = __atomic_load_n(&file->sync_failed, __ATOMIC_RELAXED);

    if (error || file->is_unsafe || !file->is_writable)
        return error;
    error = host_disk_sync(file->fd);
    if (error)
        __atomic_store_n(&file->sync_failed, error, __ATOMIC_RELAXED);
    return error;
}

int file_zero(struct disk_file *file, uint64_t offset, uint64_t size)
{
    static const char zeros[64 << 10];
    int error = size < sizeof(zeros) ? -ENOTSUP : host_disk_zero(file->fd, offset, size);

    if (error != -ENOTSUP)
        return error;
    for (error = 0; size && !error;) {
        size_t part = size < sizeof(zeros) ? (size_t)size : sizeof(zeros);
        error = file_write(file, offset, zeros, part);
        offset += part;
        size -= part;
    }
    return error;
}

/* Takes the next pieces of `data`, `size` bytes at most: how many bytes. */
static size_t data_take(struct disk_data *data, uint64_t size, struct host_iov out[BATCH],
                        unsigned *count)
{
    size_t total = 0;

    for (*count = 0; *count < BATCH && total < size && data->count;) {
        size_t left = data->iov->size - data->skip;
        size_t part = left < size - total ? left : (size_t)(size - total);
        if (part)
            out[(*count)++] =
                (struct host_iov){ (char *)data->iov->base + data->skip, part };
        total += part;
        data->skip += part;
        if (data->skip == data->iov->size) {
            data->iov++;
            data->count--;
            data->skip = 0;
        }
    }
    return total;
}

void data_zero(struct disk_data *data, uint64_t size)
{
    struct host_iov iov[BATCH];
    unsigned count;
    size_t part;

    for (; size && (part = data_take(data, size, iov, &count)); size -= part)
        for (unsigned i = 0; i < count; i++)
            memset(iov[i].base, 0, iov[i].size);
}

void data_put(struct disk_data *data, const void *from, size_t size)
{
    const char *next = from;
    struct host_iov iov[BATCH];
    unsigned count;
    size_t part;

    for (; size && (part = data_take(data, size, iov, &count)); size -= part)
        for (unsigned i = 0; i < count; next += iov[i++].size)
            memcpy(iov[i].base, next, iov[i].size);
}

void data_get(struct disk_data *data, void *to, size_t size)
{
    char *next = to;
    struct host_iov iov[BATCH];
    unsigned count;
    size_t part;

    for (; size && (part = data_take(data, size, iov, &count)); size -= part)
        for (unsigned i = 0; i < count; next += iov[i++].size)
            memcpy(next, iov[i].base, iov[i].size);
}

int data_read(struct disk_data *data, struct disk_file *file, uint64_t offset,
              uint64_t size)
{
    while (size) {
        struct host_iov iov[BATCH];
        struct disk_data left = { iov, 0, 0 };
        size_t part = data_take(data, size, iov, &left.count);
        int64_t got = host_disk_read(file->fd, iov, left.count, offset);
        if (!part || got < 0)
            return part ? (int)got : -EINVAL;
        if ((size_t)got < part) { /* past the end of the file */
            struct host_iov skipped[BATCH];
            unsigned count;
            while (got) {
                size_t done = data_take(&left, (uint64_t)got, skipped, &count);
                got -= (int64_t)done;
            }
            data_zero(&left, part);
        }
        offset += part;
        size -= part;
    }
    return 0;
}

int data_write(struct disk_data *data, struct disk_file *file, uint64_t offset,
               uint64_t size)
{
    while (size) {
        struct host_iov iov[BATCH];
        unsigned count;
        size_t part = data_take(data, size, iov, &count);
        int error = part ? host_disk_write(file->fd, iov, count, offset) : -EINVAL;
        if (error)
            return error;
        offset += part;
        size -= part;
    }
    return 0;
}
