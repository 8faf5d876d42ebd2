/* host_folder.c - folders of files that one user's processes share, and trust. */
#include "base/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/auxv.h>
#endif

enum { HOUR = 3600 };

static const char unfinished[] = ".tmp-"; /* how names of files begin that may be */

#ifdef AT_SECURE
static bool is_secure(void)
{
    return getauxval(AT_SECURE) != 0;
}
#else
static bool is_secure(void)
{
    return false;
}
#endif

bool host_is_privileged(void)
{
    return is_secure() || getuid() != geteuid() || getgid() != getegid();
}

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif

static int own_table(void)
{
    enum { FIRST = STDERR_FILENO + 1 };

    if (syscall(SYS_close_range, (unsigned)FIRST, ~0u, CLOSE_RANGE_UNSHARE) == 0)
        return 0;
    if (unshare(CLONE_FILES) < 0) /* Linux before 5.9 */
        return -errno;
    for (long fd = FIRST, end = sysconf(_SC_OPEN_MAX); fd < end; fd++)
        close((int)fd);
    return 0;
}

int host_thread_own_files(void)
{
    int error = own_table(), fd = error ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd >= 0) {
        dup2(fd, STDIN_FILENO); /* not free: what is opened must not get these numbers */
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        close(fd);
    }
    return error;
}

void host_mapped_path(uintptr_t at, char *path, size_t size)
{
    FILE *in = fopen("/proc/self/maps", "re");
    unsigned long start, end;
    size_t room = 0;
    char *line = NULL;
    int name;

    *path = '\0';
    while (in && getline(&line, &room, in) > 0) {
        name = 0;
        if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &start, &end, &name) < 2 ||
            at < start || at >= end || !name)
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(path, size, "%s", line + name);
        break;
    }
    free(line);
    if (in)
        fclose(in);
}

int host_new_file(const char *path)
{
    struct stat st;
    int fd;

    if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid())
        unlink(path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND | O_CLOEXEC,
              S_IRUSR | S_IWUSR);
    return fd < 0 ? -errno : fd;
}

/* ------------------------------------------------------------------------ folders */

static bool only_we_write(const struct stat *st)
{
    return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* Else root, in the name of another user, would leave folders that this one cannot use.
 */
static int may_make_in(const char *parent, unsigned flags)
{
    struct stat st;

    if (stat(parent, &st) < 0)
        return -errno;
    return flags & HOST_FOLDER_ANYWHERE || st.st_uid == geteuid() ? 0 : -EPERM;
}

/* `levels`: so many folders of it may be missing. */
static int make_folder(const char *path, unsigned flags, unsigned levels)
{
    const char *slash = strrchr(path, '/');
    char *parent = strndup(path, slash ? (size_t)(slash - path) : 0);
    int error = 0;

    if (!parent)
        return -ENOMEM;
    if (slash && slash != path && levels > 1 && access(parent, F_OK) < 0)
        error = make_folder(parent, flags, levels - 1);
    if (!error)
        error = may_make_in(*parent ? parent : slash ? "/" : ".", flags);
    if (!error && mkdir(path, S_IRWXU) < 0 && errno != EEXIST)
        error = -errno;
    free(parent);
    return error;
}

int host_folder_open(const char *path, unsigned flags)
{
    int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, error = 0;
    int folder = open(path, how);
    struct stat st;

    if (folder < 0 && errno == ENOENT && flags & HOST_FOLDER_MAKE) {
        error = make_folder(path, flags, 2);
        folder = error ? -1 : open(path, how);
    }
    if (folder < 0)
        return error ? error : -errno;
    if (fstat(folder, &st) == 0 && only_we_write(&st))
        return folder;
    close(folder);
    return -EPERM;
}

void host_folder_close(int folder)
{
    close(folder);
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int host_folder_lock(int folder, unsigned wait_ms)
{
    static const struct timespec pause = { 0, 2000000 };
    int lock =
        openat(folder, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
               S_IRUSR | S_IWUSR);
    int64_t end = now_ms() + wait_ms;

    if (lock < 0)
        return -errno;
    while (flock(lock, LOCK_EX | LOCK_NB) < 0) {
        if (now_ms() >= end) {
            close(lock);
            return -EAGAIN;
        }
        nanosleep(&pause, NULL);
    }
    return lock;
}

/* Children of a fork may have the descriptor, too. */
void host_folder_unlock(int lock)
{
    flock(lock, LOCK_UN);
    close(lock);
}

int host_folder_remove(int folder, const char *name)
{
    return unlinkat(folder, name, 0) < 0 ? -errno : 0;
}

int host_folder_list(int folder,
                     void (*each)(void *context, const char *name, uint64_t size,
                                  int64_t age),
                     void *context)
{
    int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own < 0 ? NULL : fdopendir(own);
    time_t now = time(NULL);
    const struct dirent *entry;
    struct stat st;

    if (!dir) {
        int error = -errno;

        if (own >= 0)
            close(own);
        return error;
    }
    while ((entry = readdir(dir)))
        if (fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            !S_ISDIR(st.st_mode))
            each(context, entry->d_name, (uint64_t)st.st_size,
                 (int64_t)now - (int64_t)st.st_mtime);
    closedir(dir);
    return 0;
}

/* -------------------------------------------------------------------------- files */

const void *host_folder_map(int folder, const char *name, bool used, size_t *size)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    void *at = MAP_FAILED;
    struct stat st;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && only_we_write(&st) &&
        st.st_nlink == 1 && st.st_size > 0 && (uint64_t)st.st_size <= SIZE_MAX / 2) {
        *size = (size_t)st.st_size;
        at = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (at != MAP_FAILED && used && time(NULL) - st.st_mtime >= HOUR)
            futimens(fd, NULL);
    }
    close(fd);
    return at == MAP_FAILED ? NULL : at;
}

bool host_folder_is_unfinished(const char *name)
{
    return strncmp(name, unfinished, sizeof unfinished - 1) == 0;
}

/* Whoever wrote it is gone, or is stuck. */
static void remove_unfinished(void *context, const char *name, uint64_t size, int64_t age)
{
    (void)size;
    if (age >= HOUR && host_folder_is_unfinished(name))
        unlinkat(*(const int *)context, name, 0);
}

static int new_file(int folder, char name[64])
{
    int fd, tries = 0;

    do {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        snprintf(name, 64, "%s%lx-%lx", unfinished, (long)getpid(),
                 (long)now.tv_nsec ^ (long)now.tv_sec << 30);
        fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    S_IRUSR | S_IWUSR);
    } while (fd < 0 && errno == EEXIST && ++tries < 100);
    return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const uint8_t *data, size_t size)
{
    while (size) {
        ssize_t n = write(fd, data, size);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return -ENOSPC;
        data += n < 0 ? 0 : n;
        size -= n < 0 ? 0 : (size_t)n;
    }
    return 0;
}

/* Else the file would end in a signal for the guest. */
static bool is_too_large(const struct host_part *parts, size_t count)
{
    struct rlimit limit;
    uint64_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           size > limit.rlim_cur;
}

int host_folder_write(int folder, const char *name, const struct host_part *parts,
                      size_t count)
{
    char own[64];
    int fd, error = 0;

    host_folder_list(folder, remove_unfinished, &folder);
    if (is_too_large(parts, count))
        return -EFBIG;
    fd = new_file(folder, own);
    if (fd < 0)
        return fd;
    for (size_t i = 0, next = 0; i < count && !error; i = next) {
        const uint8_t *end = parts[i].data;

        while (next < count && parts[next].data == end) /* it goes on there */
            end += parts[next++].size;
        error = write_all(fd, parts[i].data, (size_t)(end - (uint8_t *)parts[i].data));
    }
    if (close(fd) < 0 && !error)
        error = -errno;
    if (!error && renameat(folder, own, folder, name) < 0)
        error = -errno;
    if (error)
        unlinkat(folder, own, 0);
    return error;
}
