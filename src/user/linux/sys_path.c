/* sys_path.c - system calls on paths: opening, listing, changing directories. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "interp/jit.h"
#include "user/linux/calls_all.h"

static int follows(uint64_t flags)
{
    return flags & AT_SYMLINK_NOFOLLOW ? PATH_NOFOLLOW : PATH_FOLLOW;
}

static int open_follows(int flags)
{
    return flags & O_NOFOLLOW || (flags & O_CREAT && flags & O_EXCL) ? PATH_NOFOLLOW
                                                                     : PATH_FOLLOW;
}

int64_t sys_openat(struct task *t, const uint64_t *a)
{
    int flags = open_flags_to_host(a[2]);
    char path[PATH_SIZE];
    int error = read_path(t, a[0], a[1], open_follows(flags), path);
    int64_t fd;

    if (error)
        return error;
    fd = BLOCKING(t, RESTART, SYS_openat, (int)a[0], (long)path, flags | O_LARGEFILE,
                  (long)(a[3] & 07777));
    if (fd >= 0)
        proc_file_opened(t, path, (int)fd, flags);
    return fd;
}

/* struct open_how: flags, mode, resolve, and what later kernels add: zeros. */
int64_t sys_openat2(struct task *t, const uint64_t *a)
{
    enum { HOW = 24, BENEATH = 8, IN_ROOT = 16, NO_SYMLINKS = 4 };
    struct {
        uint64_t flags, mode, resolve;
    } how;
    uint8_t bytes[HOW], more;
    char path[PATH_SIZE];
    int64_t fd;
    int error = 0;

    if (a[3] < HOW)
        return -EINVAL;
    if (a[3] > space_page(t->proc->space))
        return -E2BIG;
    if (space_read(t->proc->space, a[2], bytes, HOW, NULL) < 0)
        return -EFAULT;
    for (uint64_t i = HOW; i < a[3]; i++) {
        if (space_read(t->proc->space, a[2] + i, &more, 1, NULL) < 0)
            return -EFAULT;
        if (more)
            return -E2BIG;
    }
    how.flags = get_guest(t->proc->abi, bytes, 8);
    if (open_flags_to_guest(open_flags_to_host(how.flags)) != how.flags)
        return -EINVAL;
    how.flags = (unsigned)open_flags_to_host(how.flags) | (unsigned)O_LARGEFILE;
    how.mode = get_guest(t->proc->abi, bytes + 8, 8);
    how.resolve = get_guest(t->proc->abi, bytes + 16, 8);
    error = read_string(t, a[1], path, PATH_SIZE);
    if (!error && path[0] == '/' ? !(how.resolve & (BENEATH | IN_ROOT))
                                 : !(how.resolve & (BENEATH | IN_ROOT | NO_SYMLINKS)))
        error = read_path(t, a[0], a[1], open_follows((int)how.flags), path);
    if (error)
        return error;
    fd =
        BLOCKING(t, RESTART, SYS_openat2, (int)a[0], (long)path, (long)&how, sizeof(how));
    if (fd >= 0)
        proc_file_opened(t, path, (int)fd, (int)how.flags);
    return fd;
}

int64_t sys_getdents64(struct task *t, const uint64_t *a)
{
    enum { INO = 0, OFF = 8, RECLEN = 16 };
    const struct abi *abi = t->proc->abi;
    uint64_t size = a[2];
    uint8_t *to = buffer(t, a[1], &size, SPACE_WRITE);
    long got, all;

    if (!to)
        return -EFAULT;
    do {
        all = syscall(SYS_getdents64, (int)a[0], to, (size_t)size);
        got = all < 0 ? -errno : HAS_JIT ? proc_hide_threads(t, (int)a[0], to, all) : all;
    } while (all > 0 && got == 0);
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
    char path[PATH_SIZE], exe[PATH_SIZE];
    const char *text = NULL;
    uint64_t size = a[3];
    ssize_t got;
    char *to;
    int error = read_path(t, a[0], a[1], PATH_NOFOLLOW, path);

    if (error)
        return error;
    if ((int)a[3] <= 0)
        return -EINVAL;
    text = proc_exe(t, path, exe);
    if (text) {
        text = path_to_guest(t->proc, text);
        if (strlen(text) < size)
            size = strlen(text);
        return space_write(t->proc->space, a[2], text, (size_t)size, NULL) < 0
                   ? -EFAULT
                   : (int64_t)size;
    }
    to = buffer(t, a[2], &size, SPACE_WRITE);
    if (!to)
        return -EFAULT;
    got = readlinkat((int)a[0], path, to, (size_t)size);
    if (got <= 0 || !t->proc->confined || strncmp(path, "/proc/", 6) != 0)
        return got < 0 ? -errno : got;
    snprintf(exe, sizeof(exe), "%.*s", (int)got, to); /* cwd, root, fd/N */
    text = path_to_guest(t->proc, exe);
    memcpy(to, text, strlen(text));
    return (int64_t)strlen(text);
}

int64_t sys_faccessat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[0], a[1], PATH_FOLLOW, path);

    return error ? error : RESULT(faccessat((int)a[0], path, (int)a[2], 0));
}

int64_t sys_faccessat2(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[0], a[1], follows(a[3]), path);

    return error ? error
                 : RESULT(syscall(SYS_faccessat2, (int)a[0], path, (int)a[2], (int)a[3]));
}

int64_t sys_unlinkat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[0], a[1], PATH_NOFOLLOW, path);

    return error ? error : RESULT(unlinkat((int)a[0], path, (int)a[2]));
}

int64_t sys_mkdirat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[0], a[1], PATH_NOFOLLOW, path);

    return error ? error : RESULT(mkdirat((int)a[0], path, (mode_t)a[2]));
}

int64_t sys_mknodat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[0], a[1], PATH_NOFOLLOW, path);

    return error ? error : RESULT(mknodat((int)a[0], path, (mode_t)a[2], (dev_t)a[3]));
}

/* Two paths at two directories: a[0] a[1], a[2] a[3]. */
static int two_paths(struct task *t, const uint64_t *a, int how, char *from, char *to)
{
    int error = read_path(t, a[0], a[1], how, from);

    return error ? error : read_path(t, a[2], a[3], PATH_NOFOLLOW, to);
}

int64_t sys_renameat2(struct task *t, const uint64_t *a)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    int error = two_paths(t, a, PATH_NOFOLLOW, from, to);

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
    int how = a[4] & AT_SYMLINK_FOLLOW ? PATH_FOLLOW : PATH_NOFOLLOW;
    int error = two_paths(t, a, how, from, to);

    return error ? error : RESULT(linkat((int)a[0], from, (int)a[2], to, (int)a[4]));
}

int64_t sys_symlinkat(struct task *t, const uint64_t *a)
{
    char target[PATH_SIZE], path[PATH_SIZE];
    int error = read_string(t, a[0], target, sizeof(target));

    if (!error)
        error = read_path(t, a[1], a[2], PATH_NOFOLLOW, path);
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
    int error = read_path(t, a[0], a[1], PATH_FOLLOW, path);

    return error ? error : RESULT(fchmodat((int)a[0], path, (mode_t)a[2], 0));
}

int64_t sys_fchmodat2(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[0], a[1], follows(a[3]), path);

    return error ? error : RESULT(fchmodat((int)a[0], path, (mode_t)a[2], (int)a[3]));
}

int64_t sys_fchown(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(fchown((int)a[0], (uid_t)a[1], (gid_t)a[2]));
}

int64_t sys_fchownat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, a[0], a[1], follows(a[4]), path);

    return error ? error
                 : RESULT(fchownat((int)a[0], path, (uid_t)a[2], (gid_t)a[3], (int)a[4]));
}

int64_t sys_utimensat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    struct timespec times[2];
    uint64_t size = t->proc->abi->layouts->timespec.size;
    int error = a[1] ? read_path(t, a[0], a[1], follows(a[3]), path) : 0;

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
    int error = read_path(t, (uint64_t)AT_FDCWD, a[0], PATH_FOLLOW, path);

    return error ? error : RESULT(truncate(path, (off_t)arg64(t, a, 1)));
}

int64_t sys_chdir(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, (uint64_t)AT_FDCWD, a[0], PATH_FOLLOW, path);

    return error ? error : RESULT(chdir(path));
}

int64_t sys_fchdir(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(fchdir((int)a[0]));
}

/* The host's root changes, too.  rhea's own file may not be there: a descriptor keeps it.
 */
int64_t sys_chroot(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, (uint64_t)AT_FDCWD, a[0], PATH_FOLLOW, path), fd;

    if (error)
        return error;
    fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    if (chroot(path) < 0) {
        error = errno;
        close(fd);
        return -error;
    }
    t->proc->root = NULL;
    t->proc->confined = false;
    if (t->proc->self_fd < 0)
        t->proc->self_fd = own_fd(fd);
    else
        close(fd);
    return 0;
}

int64_t sys_getcwd(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    const char *told;
    size_t length;

    if (syscall(SYS_getcwd, path, sizeof(path)) < 0)
        return -errno;
    told = path_to_guest(t->proc, path);
    length = strlen(told) + 1;
    if (length > a[1])
        return -ERANGE;
    if (space_write(t->proc->space, a[0], told, length, NULL) < 0)
        return -EFAULT;
    return (int64_t)length;
}

/* Any of the strings may be missing; the source is a path or only a name. */
int64_t sys_mount(struct task *t, const uint64_t *a)
{
    char source[PATH_SIZE], target[PATH_SIZE], type[256], data[PATH_SIZE];
    int error = 0;

    if (a[0])
        error = read_string(t, a[0], source, sizeof(source));
    if (!error && a[0] && source[0] == '/')
        error = read_path(t, (uint64_t)AT_FDCWD, a[0], PATH_FOLLOW, source);
    if (!error)
        error = read_path(t, (uint64_t)AT_FDCWD, a[1], PATH_FOLLOW, target);
    if (!error && a[2])
        error = read_string(t, a[2], type, sizeof(type));
    if (!error && a[4])
        error = read_string(t, a[4], data, sizeof(data));
    return error ? error
                 : RESULT(mount(a[0] ? source : NULL, target, a[2] ? type : NULL,
                                (unsigned long)a[3], a[4] ? data : NULL));
}

int64_t sys_umask(struct task *t, const uint64_t *a)
{
    (void)t;
    return umask((mode_t)a[0]);
}
