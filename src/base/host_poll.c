/* host_poll.c - time, waiting for descriptors, files by name. */
#include "base/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000, POLLS_ON_STACK = 32 };

/* -------------------------------------------------------------------------- time */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now = { 0, 0 };

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t host_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t host_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

static struct {
    bool is_set;
    uint64_t state;
} seeded;

void host_random_seed(uint64_t seed)
{
    seeded.is_set = true;
    seeded.state = seed;
}

/* SplitMix64, whose states are a counter: a byte of each. */
static uint8_t seeded_byte(void)
{
    uint64_t z = seeded.state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint8_t)((z ^ z >> 31) >> 56);
}

static void fill_seeded(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = seeded_byte();
}

void host_random(void *bytes, size_t size)
{
    int fd = seeded.is_set ? -1 : open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    uint64_t state = host_now_ns() ^ (uint64_t)getpid() << 32;
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, size);

    if (seeded.is_set) {
        fill_seeded(bytes, size);
        return;
    }
    if (fd >= 0)
        close(fd);
    if (got == (ssize_t)size)
        return;
    for (size_t i = 0; i < size; i++) { /* nothing better is there */
        state = state * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)bytes)[i] = (uint8_t)(state >> 56);
    }
}

/* ----------------------------------------------------------------------- waiting */

static int wait_for(struct pollfd *fds, size_t count, uint64_t timeout_ns)
{
    struct timespec time = { (time_t)(timeout_ns / NS_PER_S),
                             (long)(timeout_ns % NS_PER_S) };

    return ppoll(fds, (nfds_t)count, timeout_ns == UINT64_MAX ? NULL : &time, NULL);
}

int host_poll(struct host_poll *polls, size_t count, uint64_t timeout_ns)
{
    struct pollfd few[POLLS_ON_STACK], *fds = few;
    int result;

    if (count > POLLS_ON_STACK && !(fds = calloc(count, sizeof(*fds))))
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        fds[i] = (struct pollfd){ polls[i].fd,
                                  (short)((polls[i].want_read ? POLLIN : 0) |
                                          (polls[i].want_write ? POLLOUT : 0)),
                                  0 };
    result = wait_for(fds, count, timeout_ns);
    result = result < 0 && errno != EINTR ? -errno : 0;
    for (size_t i = 0; i < count; i++) {
        short got = fds[i].revents;
        bool broken = got & (POLLERR | POLLHUP | POLLNVAL);

        polls[i].can_read = polls[i].want_read && ((got & POLLIN) || broken);
        polls[i].can_write = polls[i].want_write && ((got & POLLOUT) || broken);
    }
    if (fds != few)
        free(fds);
    return result;
}

int host_waker_open(struct host_waker *waker)
{
    int ends[2];

    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
        return -errno;
    *waker = (struct host_waker){ ends[0], ends[1] };
    return 0;
}

void host_waker_close(struct host_waker *waker)
{
    close(waker->read_fd);
    close(waker->write_fd);
}

void host_wake(const struct host_waker *waker)
{
    int saved = errno;

    /* A full pipe wakes as well. */
    while (write(waker->write_fd, "", 1) < 0 && errno == EINTR)
        ;
    errno = saved;
}

void host_woken(const struct host_waker *waker)
{
    char bytes[64];

    while (read(waker->read_fd, bytes, sizeof(bytes)) > 0)
        ;
}

/* ------------------------------------------------------------------- descriptors */

int host_set_nonblocking(int fd, bool is_nonblocking)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 ||
        fcntl(fd, F_SETFL, is_nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) < 0)
        return -errno;
    return (flags & O_NONBLOCK) != 0;
}

int64_t host_read(int fd, void *bytes, size_t size)
{
    ssize_t got = read(fd, bytes, size);

    return got < 0 ? -errno : got;
}

int64_t host_write(int fd, const void *bytes, size_t size)
{
    ssize_t done = write(fd, bytes, size);

    return done < 0 ? -errno : done;
}

void host_close(int fd)
{
    close(fd);
}

void host_open_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd ? O_WRONLY : O_RDONLY);
}

void host_ignore_broken_pipes(void)
{
    signal(SIGPIPE, SIG_IGN);
}

/* ------------------------------------------------------------------------- files */

const char *host_path_beside(const char *name, char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    char *slash;

    path[length < 0 ? 0 : length] = '\0';
    slash = strrchr(path, '/');
    if (!slash || (size_t)(path + size - slash) <= strlen(name) + 1)
        return NULL;
    strcpy(slash + 1, name);
    return path;
}

int host_exec_beside(const char *name, char **argv)
{
    char path[PATH_MAX];

    if (!host_path_beside(name, path, sizeof(path)))
        return -ENOENT;
    execv(path, argv);
    return -errno;
}

void host_list_folder(const char *folder, const char *ending,
                      void (*each)(void *context, const char *path), void *context)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    char path[PATH_MAX];

    while (dir && (entry = readdir(dir))) {
        size_t length = strlen(entry->d_name), end = strlen(ending);

        if (length > end && !strcmp(entry->d_name + length - end, ending) &&
            snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) <
                (int)sizeof(path))
            each(context, path);
    }
    if (dir)
        closedir(dir);
}
