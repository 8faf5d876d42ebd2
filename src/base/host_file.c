/* host_file.c - files by their paths: opened, sought, measured, renamed and removed. */
#include "base/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int host_open_file(const char *path, unsigned flags)
{
    static const int access[] = { O_RDONLY, O_RDONLY, O_WRONLY, O_RDWR };
    int how = access[flags & (HOST_FILE_READ | HOST_FILE_WRITE)] | O_NOCTTY | O_CLOEXEC;
    int fd;

    how |= flags & HOST_FILE_EMPTY ? O_CREAT | O_TRUNC : 0;
    how |= flags & HOST_FILE_APPEND ? O_CREAT | O_APPEND : 0;
    how |= flags & HOST_FILE_NO_WAIT ? O_NONBLOCK : 0;
    fd = open(path, how, 0666);
    return fd < 0 ? -errno : fd;
}

int host_seek(int fd, uint64_t offset)
{
    if (offset > INT64_MAX)
        return -EINVAL;
    return lseek(fd, (off_t)offset, SEEK_SET) < 0 ? -errno : 0;
}

int64_t host_file_size(int fd)
{
    struct stat status;

    return fstat(fd, &status) < 0 ? -errno : status.st_size;
}

int host_rename(const char *from, const char *to)
{
    return rename(from, to) < 0 ? -errno : 0;
}

int host_remove(const char *path)
{
    return remove(path) < 0 ? -errno : 0;
}
