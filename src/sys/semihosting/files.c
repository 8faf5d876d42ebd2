/* files.c - what is behind the numbers of files: the host's, the console, and the file
 * that says what there is. */
#include <errno.h>
#include <string.h>

#include "base/host.h"
#include "sys/bus.h"
#include "sys/semihosting/part.h"

enum { NS_PER_MS = 1000000 };

/* The contents of `:semihosting-features`: what it is, and that there are
 * SYS_EXIT_EXTENDED, and files of their own for output and errors. */
static const uint8_t features[] = { 'S', 'H', 'F', 'B', 1 | 2 };

/* What fopen() calls them: r, rb, r+, r+b and so on. */
enum { MODE_READ = 0, MODE_WRITE = 4, MODE_APPEND = 8, MODES = 12 };

struct file *sh_find(struct semihosting *s, uint64_t number)
{
    return number < FILES && s->files[number].kind != NO_FILE ? &s->files[number] : NULL;
}

/* --------------------------------------------------------------------- the console */

struct file sh_standard(const struct semihosting *s, int fd)
{
    return (struct file){ .kind = s->host.console ? CONSOLE : HOST_FILE, .fd = fd };
}

static size_t key_room(void *context)
{
    const struct semihosting *s = context;

    return KEYS - s->key_count;
}

/* Wakes who waits for the bus in sh_wait(). */
static void take_keys(void *context, const uint8_t *bytes, size_t count)
{
    struct semihosting *s = context;

    memcpy(s->keys + s->key_count, bytes, count);
    s->key_count += count;
    host_lock_wake(bus_lock(s->host.bus));
}

static void console_sent(void *context)
{
    const struct semihosting *s = context;

    host_lock_wake(bus_lock(s->host.bus));
}

static const struct char_user user = { .room = key_room,
                                       .receive = take_keys,
                                       .sent = console_sent };

static int64_t read_console(struct semihosting *s, uint8_t *bytes, size_t size)
{
    size_t count;

    bus_take(s->host.bus);
    count = size < s->key_count ? size : s->key_count;
    memcpy(bytes, s->keys, count);
    s->key_count -= count;
    memmove(s->keys, s->keys + count, s->key_count);
    if (count)
        char_ready(s->host.console);
    bus_give(s->host.bus);
    return count || !size ? (int64_t)count : -EAGAIN;
}

static int64_t write_console(struct semihosting *s, const uint8_t *bytes, size_t size)
{
    size_t count;

    bus_take(s->host.bus);
    count = char_write(s->host.console, bytes, size);
    bus_give(s->host.bus);
    return count || !size ? (int64_t)count : -EAGAIN;
}

/* ------------------------------------------------------------------- the host's files */

/* Whether the host would not wait. */
static bool is_ready(int fd, bool to_write, uint64_t timeout_ns)
{
    struct host_poll poll = { .fd = fd, .want_read = !to_write, .want_write = to_write };

    return host_poll(&poll, 1, timeout_ns) >= 0 && (poll.can_read || poll.can_write);
}

static int64_t read_host(int fd, uint8_t *bytes, size_t size)
{
    return is_ready(fd, false, 0) ? host_read(fd, bytes, size) : -EAGAIN;
}

static int64_t write_host(int fd, const uint8_t *bytes, size_t size)
{
    return is_ready(fd, true, 0) ? host_write(fd, bytes, size) : -EAGAIN;
}

void sh_wait(struct semihosting *s, const struct file *file, bool to_write)
{
    if (!s->host.may_wait)
        return;
    if (file->kind == HOST_FILE) {
        is_ready(file->fd, to_write, (uint64_t)WAIT_MS * NS_PER_MS);
        return;
    }
    bus_take(s->host.bus);
    if (to_write || !s->key_count)
        host_lock_wait_ms(bus_lock(s->host.bus), WAIT_MS);
    bus_give(s->host.bus);
}

static int open_host(const char *path, unsigned mode)
{
    unsigned how = HOST_FILE_NO_WAIT;

    if (mode < MODE_WRITE)
        how |= HOST_FILE_READ;
    else
        how |=
            HOST_FILE_WRITE | (mode < MODE_APPEND ? HOST_FILE_EMPTY : HOST_FILE_APPEND);
    if (mode & 2) /* with a + */
        how |= HOST_FILE_READ | HOST_FILE_WRITE;
    return host_open_file(path, how);
}

/* -------------------------------------------------------------------------- numbers */

void sh_files_begin(struct semihosting *s)
{
    for (int fd = STDIN; fd < STANDARD_FILES; fd++)
        s->files[fd] = sh_standard(s, fd);
    char_connect(s->host.console, &user, s);
}

void sh_files_end(struct semihosting *s)
{
    for (uint64_t number = 0; number < FILES; number++)
        sh_close(sh_find(s, number));
    s->key_count = 0;
}

static int64_t open_as(const struct semihosting *s, const char *path, unsigned mode,
                       struct file *file)
{
    if (!strcmp(path, ":tt")) {
        *file = sh_standard(s, mode < MODE_WRITE    ? STDIN
                               : mode < MODE_APPEND ? STDOUT
                                                    : STDERR);
        return 0;
    }
    if (!strcmp(path, ":semihosting-features")) {
        *file = (struct file){ .kind = FEATURES };
        return mode <= 1 ? 0 : -EACCES; /* to be read only */
    }
    *file = (struct file){ .kind = HOST_FILE, .is_own = true };
    file->fd = open_host(path, mode);
    return file->fd < 0 ? file->fd : 0;
}

int64_t sh_open(struct semihosting *s, const char *path, uint64_t mode)
{
    unsigned number = STANDARD_FILES;
    int64_t result;

    while (number < FILES && s->files[number].kind != NO_FILE)
        number++;
    if (number == FILES)
        return -EMFILE;
    if (mode >= MODES)
        return -EINVAL;
    result = open_as(s, path, (unsigned)mode, &s->files[number]);
    if (result < 0)
        s->files[number].kind = NO_FILE;
    return result < 0 ? result : (int64_t)number;
}

int64_t sh_close(struct file *file)
{
    if (!file)
        return -EBADF;
    if (file->is_own)
        host_close(file->fd);
    *file = (struct file){ NO_FILE };
    return 0;
}

int64_t sh_read(struct semihosting *s, struct file *file, uint8_t *bytes, size_t size)
{
    size_t left;

    if (!file)
        return -EBADF;
    if (file->kind == CONSOLE)
        return read_console(s, bytes, size);
    if (file->kind == HOST_FILE)
        return read_host(file->fd, bytes, size);
    left = sizeof(features) - (size_t)file->at;
    size = size < left ? size : left;
    memcpy(bytes, features + file->at, size);
    file->at += size;
    return (int64_t)size;
}

int64_t sh_write(struct semihosting *s, const struct file *file, const uint8_t *bytes,
                 size_t size)
{
    if (!file || file->kind == FEATURES)
        return -EBADF;
    return file->kind == CONSOLE ? write_console(s, bytes, size)
                                 : write_host(file->fd, bytes, size);
}

int64_t sh_seek(struct file *file, uint64_t at)
{
    if (!file)
        return -EBADF;
    if (file->kind == CONSOLE)
        return -ESPIPE;
    if (file->kind == HOST_FILE)
        return host_seek(file->fd, at);
    if (at > sizeof(features))
        return -EINVAL;
    file->at = at;
    return 0;
}

int64_t sh_size(const struct file *file)
{
    if (!file)
        return -EBADF;
    if (file->kind == CONSOLE)
        return -ESPIPE;
    return file->kind == HOST_FILE ? host_file_size(file->fd) : (int64_t)sizeof(features);
}

int64_t sh_is_terminal(const struct file *file)
{
    if (!file)
        return -EBADF;
    return file->kind == CONSOLE ||
           (file->kind == HOST_FILE && host_is_terminal(file->fd));
}
