/* host_disk.c - files that hold disks: see host_disk.h. */
#include "base/host_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/fs.h>
#endif

#ifndef IOV_MAX
#define IOV_MAX 1024
#endif
enum { IOV_BATCH = IOV_MAX < 64 ? IOV_MAX : 64 };

static void ignore_size_signal(void)
{
#ifdef SIGXFSZ
    struct sigaction old;

    if (sigaction(SIGXFSZ, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
        signal(SIGXFSZ, SIG_IGN);
#endif
}

int host_disk_open(const char *path, unsigned flags)
{
    /* O_NONBLOCK: opening a FIFO must not wait for its other end. */
    int mode = (flags & HOST_DISK_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK |
               (flags & HOST_DISK_CREATE ? O_CREAT : 0);
    struct stat st;
    int fd;

    ignore_size_signal();
    do
        fd = open(path, mode, 0644);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 ||
        !(S_ISREG(st.st_mode) || (S_ISBLK(st.st_mode) && !(flags & HOST_DISK_REGULAR)))) {
        close(fd);
        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    }
    return fd;
}

const char *host_disk_temp_folder(void)
{
    const char *folder = getenv("TMPDIR");

    return folder && *folder ? folder : "/var/tmp"; /* /tmp is often memory */
}

int host_disk_temp(const char *folder, char *path, size_t size)
{
    int fd;

    ignore_size_signal();
    if ((size_t)snprintf(path, size, "%s/rhea-disk-XXXXXX", folder) >= size)
        return -ENAMETOOLONG;
    fd = mkstemp(path);
    if (fd < 0)
        return -errno;
    unlink(path);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

void host_disk_close(int fd)
{
    close(fd);
}

bool host_disk_is_device(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISBLK(st.st_mode);
}

int64_t host_disk_size(int fd)
{
    off_t end = lseek(fd, 0, SEEK_END); /* also of devices */

    return end < 0 ? -errno : (int64_t)end;
}

int64_t host_disk_room(int fd)
{
    struct statvfs st;

    if (fstatvfs(fd, &st) < 0)
        return -errno;
    return (uint64_t)st.f_bavail > INT64_MAX / st.f_frsize
               ? INT64_MAX
               : (int64_t)st.f_bavail * (int64_t)st.f_frsize;
}

int64_t host_disk_used(int fd)
{
    struct stat st;

    return fstat(fd, &st) < 0 ? -errno : (int64_t)st.st_blocks * 512;
}

int host_disk_resize(int fd, uint64_t size)
{
    int result;

    if (size > INT64_MAX || (off_t)size < 0 || (uint64_t)(off_t)size != size)
        return -EFBIG;
    if (host_disk_is_device(fd))
        return host_disk_size(fd) >= (int64_t)size ? 0 : -ENOSPC;
    do
        result = ftruncate(fd, (off_t)size);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

/* ---------------------------------------------------------------------- transfers */

/* The next part of what remains, without the first `skip` bytes. */
static int next_batch(const struct host_iov **iov, unsigned *count, size_t *skip,
                      struct iovec batch[IOV_BATCH])
{
    int n = 0;

    while (*count && *skip >= (*iov)->size) {
        *skip -= (*iov)->size;
        ++*iov;
        --*count;
    }
    for (; n < IOV_BATCH && (unsigned)n < *count; n++) {
        size_t from = n ? 0 : *skip;
        batch[n].iov_base = (char *)(*iov)[n].base + from;
        batch[n].iov_len = (*iov)[n].size - from;
    }
    return n;
}

int64_t host_disk_read(int fd, const struct host_iov *iov, unsigned count,
                       uint64_t offset)
{
    struct iovec batch[IOV_BATCH];
    int64_t total = 0;
    size_t skip = 0;
    int n;

    if (offset > INT64_MAX)
        return -EINVAL;
    while ((n = next_batch(&iov, &count, &skip, batch))) {
        ssize_t got = n == 1 ? pread(fd, batch[0].iov_base, batch[0].iov_len,
                                     (off_t)(offset + (uint64_t)total))
                             : preadv(fd, batch, n, (off_t)(offset + (uint64_t)total));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (!got)
            break;
        total += got;
        skip += (size_t)got;
    }
    return total;
}

int host_disk_write(int fd, const struct host_iov *iov, unsigned count, uint64_t offset)
{
    struct iovec batch[IOV_BATCH];
    size_t skip = 0;
    int n;

    while ((n = next_batch(&iov, &count, &skip, batch))) {
        ssize_t put;
        if (offset > INT64_MAX)
            return -EFBIG;
        put = n == 1 ? pwrite(fd, batch[0].iov_base, batch[0].iov_len, (off_t)offset)
                     : pwritev(fd, batch, n, (off_t)offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        if (!put)
            return -ENOSPC;
        offset += (uint64_t)put;
        skip += (size_t)put;
    }
    return 0;
}

int host_disk_sync(int fd)
{
    int result;

    do
        result = fdatasync(fd);
    while (result < 0 && errno == EINTR);
    /* Some file systems cannot: what they have is as safe as it gets. */
    return result < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
}

#ifdef __linux__
static int change_space(int fd, int mode, uint64_t offset, uint64_t size)
{
    int result;

    if (offset > INT64_MAX || size > INT64_MAX - offset)
        return -EFBIG;
    do
        result = fallocate(fd, mode, (off_t)offset, (off_t)size);
    while (result < 0 && errno == EINTR);
    if (result < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
        return -ENOTSUP;
    return result < 0 ? -errno : 0;
}

int host_disk_punch(int fd, uint64_t offset, uint64_t size)
{
    return change_space(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);
}

int host_disk_zero(int fd, uint64_t offset, uint64_t size)
{
    return change_space(fd, FALLOC_FL_ZERO_RANGE, offset, size);
}

int host_disk_reserve(int fd, uint64_t offset, uint64_t size)
{
    return size ? change_space(fd, 0, offset, size) : 0;
}
#else
int host_disk_punch(int fd, uint64_t offset, uint64_t size)
{
    (void)fd, (void)offset, (void)size;
    return -ENOTSUP;
}

int host_disk_zero(int fd, uint64_t offset, uint64_t size)
{
    return host_disk_punch(fd, offset, size);
}

int host_disk_reserve(int fd, uint64_t offset, uint64_t size)
{
    return size ? -posix_fallocate(fd, (off_t)offset, (off_t)size) : 0;
}
#endif

int64_t host_disk_extent(int fd, uint64_t offset, bool *is_data)
{
    int64_t size = host_disk_size(fd);

    *is_data = true;
    if (size < 0 || offset >= (uint64_t)size)
        return size < 0 ? size : -ENXIO;
#ifdef SEEK_DATA
    off_t data = lseek(fd, (off_t)offset, SEEK_DATA), hole;
    if (data < 0 && errno == ENXIO) { /* a hole up to the end */
        *is_data = false;
        return size;
    }
    if (data >= 0 && (uint64_t)data > offset) {
        *is_data = false;
        return data;
    }
    hole = data < 0 ? -1 : lseek(fd, (off_t)offset, SEEK_HOLE);
    if (hole >= 0 && (uint64_t)hole > offset)
        return hole;
#endif
    return size;
}

/* -------------------------------------------------------------------------- locks */

#ifdef F_OFD_SETLK
enum { USED = 100, REFUSED = 200, USES = 4 }; /* the bytes that QEMU's programs lock */

static int lock_byte(int fd, int command, short type, off_t at)
{
    struct flock lock = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1
    };

    if (fcntl(fd, command, &lock) < 0)
        return errno == EACCES ? -EAGAIN : -errno;
    return command == F_OFD_GETLK && lock.l_type != F_UNLCK ? -EAGAIN : 0;
}

/* Whether a descriptor of the process `pid` has a lock on the file of `st`. */
static bool holds(const char *pid, const struct stat *st)
{
    char path[PATH_MAX], line[256];
    struct dirent *entry;
    struct stat other;
    bool found = false;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
    dir = opendir(path);
    while (dir && !found && (entry = readdir(dir))) {
        FILE *in;
        snprintf(path, sizeof(path), "/proc/%.16s/fd/%.16s", pid, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &other) < 0 ||
            other.st_dev != st->st_dev || other.st_ino != st->st_ino)
            continue;
        snprintf(path, sizeof(path), "/proc/%.16s/fdinfo/%.16s", pid, entry->d_name);
        in = fopen(path, "re");
        while (in && !found && fgets(line, sizeof(line), in))
            found = strncmp(line, "lock:", 5) == 0;
        if (in)
            fclose(in);
    }
    if (dir)
        closedir(dir);
    return found;
}

/* The kernel does not say whose a lock of this kind is, so look who has one. */
static long find_holder(int fd)
{
    struct dirent *entry;
    struct stat st;
    long holder = 0;
    DIR *proc = fstat(fd, &st) < 0 ? NULL : opendir("/proc");

    while (proc && !holder && (entry = readdir(proc)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            strtol(entry->d_name, NULL, 10) != getpid() && holds(entry->d_name, &st))
            holder = strtol(entry->d_name, NULL, 10);
    if (proc)
        closedir(proc);
    return holder;
}

int host_disk_lock(int fd, unsigned uses, unsigned refuses, long *holder)
{
    int error = 0;

    *holder = 0;
    for (int i = 0; i < USES && !error; i++) {
        if (uses >> i & 1)
            error = lock_byte(fd, F_OFD_SETLK, F_RDLCK, USED + i);
        if (refuses >> i & 1 && !error)
            error = lock_byte(fd, F_OFD_SETLK, F_RDLCK, REFUSED + i);
    }
    if (error == -EINVAL || error == -ENOLCK || error == -ENOSYS || error == -ENOTSUP)
        return 0; /* the file system has no locks */
    for (int i = 0; i < USES && !error; i++) {
        if (uses >> i & 1)
            error = lock_byte(fd, F_OFD_GETLK, F_WRLCK, REFUSED + i);
        if (refuses >> i & 1 && !error)
            error = lock_byte(fd, F_OFD_GETLK, F_WRLCK, USED + i);
    }
    if (error == -EAGAIN)
        *holder = find_holder(fd);
    return error;
}
#else
int host_disk_lock(int fd, unsigned uses, unsigned refuses, long *holder)
{
    (void)fd, (void)uses, (void)refuses;
    *holder = 0;
    return 0;
}
#endif
