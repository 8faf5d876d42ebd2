/* host_disk.h - files that hold disks: positioned I/O, holes, locks.
 *
 * Knows nothing of formats.  Functions return 0 or what they say, or a negated errno; a
 * signal or a short transfer never shows. */
#ifndef RHEA_BASE_HOST_DISK_H
#define RHEA_BASE_HOST_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct host_iov {
    void *base;
    size_t size;
};

enum host_disk_flags {
    HOST_DISK_WRITE = 1,
    HOST_DISK_CREATE = 2,  /* if there is none; what is there stays */
    HOST_DISK_REGULAR = 4, /* no device */
};
/* A descriptor.  -EINVAL: neither a file nor a block device (nor waited for).  From the
 * first call on a write past the limit of file sizes is an error, not a signal. */
int host_disk_open(const char *path, unsigned flags);
int host_disk_temp(const char *folder, char *path,
                   size_t size); /* without a name; where it was made */
void host_disk_close(int fd);

int64_t host_disk_size(int fd);
int64_t host_disk_room(int fd); /* bytes that the file system has left */
int64_t host_disk_used(int fd); /* bytes that it takes from the file system */
bool host_disk_is_device(int fd);
int host_disk_resize(int fd, uint64_t size);

/* How many bytes: fewer only at the end of the file. */
int64_t host_disk_read(int fd, const struct host_iov *iov, unsigned count,
                       uint64_t offset);
int host_disk_write(int fd, const struct host_iov *iov, unsigned count, uint64_t offset);
int host_disk_sync(int fd); /* until the data is on the medium */

/* -ENOTSUP: the file system has no such thing. */
int host_disk_punch(int fd, uint64_t offset, uint64_t size);
int host_disk_zero(int fd, uint64_t offset, uint64_t size);    /* allocated zeros */
int host_disk_reserve(int fd, uint64_t offset, uint64_t size); /* the file grows */

/* Where the data, or the hole, that begins at `offset` ends. */
int64_t host_disk_extent(int fd, uint64_t offset, bool *is_data);

/* Locks an image, as QEMU's programs do, so that they and we see each other; they hold
 * until the close.  `uses`: what its owner does; `refuses`: what nobody else may do.
 * -EAGAIN: somebody does; then *holder is its process, or 0 where nobody knows. */
enum host_disk_use { HOST_USE_READ = 1, HOST_USE_WRITE = 2, HOST_USE_RESIZE = 8 };
int host_disk_lock(int fd, unsigned uses, unsigned refuses, long *holder);

/* The folder for files that go away: TMPDIR, or else the host's. */
const char *host_disk_temp_folder(void);

#endif
