/* sys_path.c - system calls on paths: opening, listing, changing directories. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "user/linux/calls_all.h"

int64_t sys_openat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[1], path), fd;

    if (error)
        return error;
    fd = open_proc_file(t, path, open_flags_to_host(a[2]));
    if (fd >= 0)
        return fd;
    return BLOCKING(t, RESTART, SYS_openat, (int)a[0], (long)path,
                    open_flags_to_host(a[2]) | O_LARGEFILE, (long)(a[3] & 07777));
}

int64_t sys_getdents64(struct task *t, const uint64_t *a)
{
    enum { INO = 0, OFF = 8, RECLEN = 16 };
    const struct abi *abi = t->proc->abi;
    uint64_t size = a[2];
    uint8_t *to = buffer(t, a[1], &size, SPACE_WRITE);
    long got;

    if (!to)
        return -EFAULT;
    got = syscall(SYS_getdents64, (int)a[0], to, (size_t)size);
    if (got < 0)
        return -errno;
    for (long at = 0;
         at + RECLEN + 2 <= got;) { /* the host's byte order to the guest's */
        uint64_t ino, off;
        uint16_t reclen;

        memcpy(&ino, to + at + INO, 8);
        memcpy(&off, to + at + OFF, 8);
        memcpy(&reclen, to + at + RECLEN, 2);
        put_guest(abi, to + at + INO, 8, ino);
        put_guest(abi, to + at + OFF, 8, off);
        put_guest(abi, to + at + RECLEN, 2, reclen);
        if (reclen == 0)
            break;
        at += reclen;
    }
    return got;
}

int64_t sys_readlinkat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    uint64_t size = a[3];
    char *to;
    ssize_t got;
    int error = read_string(t, a[1], path, sizeof(path));

    if (error)
        return error;
    if ((int)a[3] <= 0)
        return -EINVAL;
    to = buffer(t, a[2], &size, SPACE_WRITE);
    if (!to)
        return -EFAULT;
    if (strcmp(path, "/proc/self/exe") == 0) {
        size_t length = strlen(t->proc->exe);

        if (length > size)
            length = (size_t)size;
        if (space_write(t->proc->space, a[2], t->proc->exe, length, NULL) < 0)
            return -EFAULT;
        return (int64_t)length;
    }
    error = read_path(t, a[1], path);
    if (error)
        return error;
    got = readlinkat((int)a[0], path, to, (size_t)size);
    return got < 0 ? -errno : got;
}

int64_t sys_faccessat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[1], path);

    return error ? error : RESULT(faccessat((int)a[0], path, (int)a[2], 0));
}

int64_t sys_faccessat2(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[1], path);

    return error ? error : RESULT(faccessat((int)a[0], path, (int)a[2], (int)a[3]));
}

int64_t sys_unlinkat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[1], path);

    return error ? error : RESULT(unlinkat((int)a[0], path, (int)a[2]));
}

int64_t sys_mkdirat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[1], path);

    return error ? error : RESULT(mkdirat((int)a[0], path, (mode_t)a[2]));
}

int64_t sys_mknodat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[1], path);

    return error ? error : RESULT(mknodat((int)a[0], path, (mode_t)a[2], (dev_t)a[3]));
}

/* Two paths at two directories: a[0] a[1], a[2] a[3]. */
static int two_paths(struct task *t, const uint64_t *a, char *from, char *to)
{
    int error = read_path(t, a[1], from);

    return error ? error : read_path(t, a[3], to);
}

int64_t sys_renameat2(struct task *t, const uint64_t *a)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    int error = two_paths(t, a, from, to);

    if (error)
        return error;
    if (a[4] == 0)
        return RESULT(renameat((int)a[0], from, (int)a[2], to));
    return RESULT(syscall(SYS_renameat2, (int)a[0], from, (int)a[2], to, (unsigned)a[4]));
}

int64_t sys_renameat(struct task *t, const uint64_t *a)
{
    uint64_t b[6] = { a[0], a[1], a[2], a[3], 0, 0 };

    return sys_renameat2(t, b);
}

int64_t sys_linkat(struct task *t, const uint64_t *a)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    int error = two_paths(t, a, from, to);

    return error ? error : RESULT(linkat((int)a[0], from, (int)a[2], to, (int)a[4]));
}

int64_t sys_symlinkat(struct task *t, const uint64_t *a)
{
    char target[PATH_SIZE], path[PATH_SIZE];
    int error = read_string(t, a[0], target, sizeof(target));

    if (!error)
        error = read_path(t, a[2], path);
    return error ? error : RESULT(symlinkat(target, (int)a[1], path));
}

int64_t sys_fchmod(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(fchmod((int)a[0], (mode_t)a[1]));
}

int64_t sys_fchmodat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[1], path);

    return error ? error : RESULT(fchmodat((int)a[0], path, (mode_t)a[2], 0));
}

int64_t sys_fchown(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(fchown((int)a[0], (uid_t)a[1], (gid_t)a[2]));
}

int64_t sys_fchownat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[1], path);

    return error ? error
                 : RESULT(fchownat((int)a[0], path, (uid_t)a[2], (gid_t)a[3], (int)a[4]));
}

int64_t sys_utimensat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    struct timespec times[2];
    uint64_t size = t->proc->abi->layouts->timespec.size;
    int error = a[1] ? read_path(t, a[1], path) : 0;

    if (error)
        return error;
    if (a[2] && (read_timespec(t, a[2], &times[0]) < 0 ||
                 read_timespec(t, a[2] + size, &times[1]) < 0))
        return -EFAULT;
    return RESULT(syscall(SYS_utimensat, (int)a[0], a[1] ? path : NULL,
                          a[2] ? times : NULL, (int)a[3]));
}

int64_t sys_truncate(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[0], path);

    return error ? error : RESULT(truncate(path, (off_t)arg64(t, a, 1)));
}

int64_t sys_chdir(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[0], path);

    return error ? error : RESULT(chdir(path));
}

int64_t sys_fchdir(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(fchdir((int)a[0]));
}

int64_t sys_chroot(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[0], path);

    return error ? error : RESULT(chroot(path));
}

int64_t sys_getcwd(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    long length = syscall(SYS_getcwd, path, sizeof(path));

    if (length < 0)
        return -errno;
    if ((uint64_t)length > a[1])
        return -ERANGE;
    if (space_write(t->proc->space, a[0], path, (size_t)length, NULL) < 0)
        return -EFAULT;
    return length;
}

int64_t sys_umask(struct task *t, const uint64_t *a)
{
    (void)t;
    return umask((mode_t)a[0]);
}
