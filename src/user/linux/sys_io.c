/* sys_io.c - system calls on descriptors: reading, writing, positions, pipes, locks. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "user/linux/calls_all.h"

int64_t sys_read(struct task *t, const uint64_t *a)
{
    uint64_t size = a[2];
    void *to = buffer(t, a[1], &size, SPACE_WRITE);
    int64_t got;

    if (!to)
        return -EFAULT;
    if (proc_is_mem(t, (int)a[0]))
        return proc_mem_move(t, (int)a[0], to, size, -1, false);
    got = BLOCKING(t, RESTART, SYS_read, (int)a[0], (long)to, (long)size);
    order_bytes(t, (int)a[0], to, got);
    return got;
}

int64_t sys_write(struct task *t, const uint64_t *a)
{
    uint64_t size = a[2];
    void *from = buffer(t, a[1], &size, SPACE_READ);
    uint64_t count;

    if (!from)
        return -EFAULT;
    if (proc_is_mem(t, (int)a[0]))
        return proc_mem_move(t, (int)a[0], from, size, -1, true);
    if (size == sizeof(count)) { /* perhaps an eventfd's */
        if (space_read(t->proc->space, a[1], &count, sizeof(count), NULL) < 0)
            return -EFAULT;
        order_bytes(t, (int)a[0], &count, sizeof(count));
        from = &count;
    }
    return BLOCKING(t, RESTART, SYS_write, (int)a[0], (long)from, (long)size);
}

int64_t sys_readv(struct task *t, const uint64_t *a)
{
    struct iovec pieces[MAX_IOV];
    int n = read_iovec(t, a[1], a[2], SPACE_WRITE, pieces);

    return n < 0 ? n : BLOCKING(t, RESTART, SYS_readv, (int)a[0], (long)pieces, n);
}

int64_t sys_writev(struct task *t, const uint64_t *a)
{
    struct iovec pieces[MAX_IOV];
    int n = read_iovec(t, a[1], a[2], SPACE_READ, pieces);

    return n < 0 ? n : BLOCKING(t, RESTART, SYS_writev, (int)a[0], (long)pieces, n);
}

int64_t sys_pread64(struct task *t, const uint64_t *a)
{
    uint64_t size = a[2];
    void *to = buffer(t, a[1], &size, SPACE_WRITE);
    int64_t at = (int64_t)arg64(t, a, 3);

    if (!to)
        return -EFAULT;
    if (at >= 0 && proc_is_mem(t, (int)a[0]))
        return proc_mem_move(t, (int)a[0], to, size, at, false);
    return RESULT(pread((int)a[0], to, (size_t)size, (off_t)at));
}

int64_t sys_pwrite64(struct task *t, const uint64_t *a)
{
    uint64_t size = a[2];
    void *from = buffer(t, a[1], &size, SPACE_READ);
    int64_t at = (int64_t)arg64(t, a, 3);

    if (!from)
        return -EFAULT;
    if (at >= 0 && proc_is_mem(t, (int)a[0]))
        return proc_mem_move(t, (int)a[0], from, size, at, true);
    return RESULT(pwrite((int)a[0], from, (size_t)size, (off_t)at));
}

/* The offset of preadv and pwritev: low and high word, whatever the width. */
static off_t split_offset(struct task *t, const uint64_t *a)
{
    return (off_t)(t->proc->abi->bits == 64 ? a[3] : (uint32_t)a[3] | a[4] << 32);
}

int64_t sys_preadv(struct task *t, const uint64_t *a)
{
    struct iovec pieces[MAX_IOV];
    int n = read_iovec(t, a[1], a[2], SPACE_WRITE, pieces);

    return n < 0 ? n : RESULT(preadv((int)a[0], pieces, n, split_offset(t, a)));
}

int64_t sys_pwritev(struct task *t, const uint64_t *a)
{
    struct iovec pieces[MAX_IOV];
    int n = read_iovec(t, a[1], a[2], SPACE_READ, pieces);

    return n < 0 ? n : RESULT(pwritev((int)a[0], pieces, n, split_offset(t, a)));
}

int64_t sys_preadv2(struct task *t, const uint64_t *a)
{
    struct iovec pieces[MAX_IOV];
    int n = read_iovec(t, a[1], a[2], SPACE_WRITE, pieces);

    return n < 0 ? n
                 : RESULT(preadv2((int)a[0], pieces, n, split_offset(t, a), (int)a[5]));
}

int64_t sys_pwritev2(struct task *t, const uint64_t *a)
{
    struct iovec pieces[MAX_IOV];
    int n = read_iovec(t, a[1], a[2], SPACE_READ, pieces);

    return n < 0 ? n
                 : RESULT(pwritev2((int)a[0], pieces, n, split_offset(t, a), (int)a[5]));
}

int64_t sys_vmsplice(struct task *t, const uint64_t *a)
{
    struct iovec pieces[MAX_IOV];
    int n = read_iovec(t, a[1], a[2], SPACE_READ, pieces);

    return n < 0 ? n
                 : BLOCKING(t, RESTART, SYS_vmsplice, (int)a[0], (long)pieces, n,
                            (long)a[3]);
}

int64_t sys_lseek(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(lseek((int)a[0], (off_t)a[1], (int)a[2]));
}

int64_t sys__llseek(struct task *t, const uint64_t *a)
{
    off_t at = lseek((int)a[0], (off_t)(a[1] << 32 | (uint32_t)a[2]), (int)a[4]);

    return at < 0 ? -errno : write_number(t, a[3], 8, (uint64_t)at);
}

int64_t sys_close(struct task *t, const uint64_t *a)
{
    (void)t;
    if (is_own_fd((int)a[0]))
        return -EBADF;
    return RESULT(close((int)a[0]));
}

int64_t sys_close_range(struct task *t, const uint64_t *a)
{
    (void)t;
    return close_range_but_own((unsigned)a[0], (unsigned)a[1], (unsigned)a[2]);
}

int64_t sys_dup(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(dup((int)a[0]));
}

int64_t sys_dup3(struct task *t, const uint64_t *a)
{
    (void)t;
    if (is_own_fd((int)a[1]))
        return -EBUSY; /* dup(2): may be, for a moment */
    return RESULT(dup3((int)a[0], (int)a[1], open_flags_to_host(a[2])));
}

int64_t sys_pipe2(struct task *t, const uint64_t *a)
{
    int ends[2];

    if (pipe2(ends, open_flags_to_host(a[1])) < 0)
        return -errno;
    if (write_number(t, a[0], 4, (uint64_t)ends[0]) == 0 &&
        write_number(t, a[0] + 4, 4, (uint64_t)ends[1]) == 0)
        return 0;
    close(ends[0]);
    close(ends[1]);
    return -EFAULT;
}

/* ------------------------------------------------------------------------- fcntl */

enum { G_GETLK = 5, G_SETLK, G_SETLKW, G_GETLK64 = 12, G_SETLK64, G_SETLKW64 };
enum { G_OFD_GETLK = 36, G_OFD_SETLK, G_OFD_SETLKW };

static int lock_command(uint64_t command)
{
    switch (command) {
    case G_GETLK:
    case G_GETLK64: return F_GETLK;
    case G_SETLK:
    case G_SETLK64: return F_SETLK;
    case G_SETLKW:
    case G_SETLKW64: return F_SETLKW;
    case G_OFD_GETLK: return F_OFD_GETLK;
    case G_OFD_SETLK: return F_OFD_SETLK;
    case G_OFD_SETLKW: return F_OFD_SETLKW;
    }
    return -1;
}

static int64_t lock_file(struct task *t, const uint64_t *a, int command)
{
    const struct layout *layout = &t->proc->abi->layouts->flock;
    uint64_t v[FLOCK_FIELDS];
    struct flock lock;

    if (read_struct(t, a[2], layout, FLOCK_FIELDS, v) < 0)
        return -EFAULT;
    lock.l_type = (short)v[FLOCK_TYPE];
    lock.l_whence = (short)v[FLOCK_WHENCE];
    lock.l_start = (off_t)v[FLOCK_START];
    lock.l_len = (off_t)v[FLOCK_LEN];
    lock.l_pid = (pid_t)v[FLOCK_PID];
    if (command == F_SETLKW && sizeof(long) == 8)
        return BLOCKING(t, RESTART, SYS_fcntl, (int)a[0], command, (long)&lock);
    if (fcntl((int)a[0], command, &lock) < 0)
        return -errno;
    if (command != F_GETLK && command != F_OFD_GETLK)
        return 0;
    v[FLOCK_TYPE] = (uint64_t)lock.l_type;
    v[FLOCK_WHENCE] = (uint64_t)lock.l_whence;
    v[FLOCK_START] = (uint64_t)lock.l_start;
    v[FLOCK_LEN] = (uint64_t)lock.l_len;
    v[FLOCK_PID] = (uint64_t)lock.l_pid;
    return write_struct(t, a[2], layout, FLOCK_FIELDS, v);
}

int64_t sys_fcntl(struct task *t, const uint64_t *a)
{
    int command = lock_command(a[1]), got;

    if (command >= 0)
        return lock_file(t, a, command);
    switch (a[1]) {
    case F_GETFL:
        got = fcntl((int)a[0], F_GETFL);
        return got < 0 ? -errno : (int64_t)open_flags_to_guest(got) | (got & O_LARGEFILE);
    case F_SETFL: return RESULT(fcntl((int)a[0], F_SETFL, open_flags_to_host(a[2])));
    case F_DUPFD:
    case F_GETFD:
    case F_SETFD:
    case F_GETOWN:
    case F_SETOWN:
    case F_DUPFD_CLOEXEC:
    case F_SETPIPE_SZ:
    case F_GETPIPE_SZ:
    case F_ADD_SEALS:
    case F_GET_SEALS:
    case F_GETLEASE:
    case F_SETLEASE:
    case F_NOTIFY: return RESULT(fcntl((int)a[0], (int)a[1], (long)a[2]));
    case F_SETSIG: return RESULT(fcntl((int)a[0], F_SETSIG, signal_to_host((int)a[2])));
    case F_GETSIG: got = fcntl((int)a[0], F_GETSIG); return got < 0 ? -errno : got;
    }
    return -EINVAL;
}

int64_t sys_flock(struct task *t, const uint64_t *a)
{
    return BLOCKING(t, RESTART, SYS_flock, (int)a[0], (int)a[1]);
}

/* --------------------------------------------------------------- file contents */

int64_t sys_fsync(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(fsync((int)a[0]));
}

int64_t sys_fdatasync(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(fdatasync((int)a[0]));
}

int64_t sys_sync(struct task *t, const uint64_t *a)
{
    (void)t;
    (void)a;
    sync();
    return 0;
}

int64_t sys_syncfs(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(syncfs((int)a[0]));
}

int64_t sys_ftruncate(struct task *t, const uint64_t *a)
{
    return RESULT(ftruncate((int)a[0], (off_t)arg64(t, a, 1)));
}

/* The argument after a 64-bit one at `i`. */
static uint64_t after64(struct task *t, const uint64_t *a, unsigned i)
{
    const uint64_t *shifted = t->proc->abi->bits == 64 ? a : a + 1;

    return arg64(t, shifted, i);
}

int64_t sys_fallocate(struct task *t, const uint64_t *a)
{
    return RESULT(
        fallocate((int)a[0], (int)a[1], (off_t)arg64(t, a, 2), (off_t)after64(t, a, 3)));
}

int64_t sys_fadvise64(struct task *t, const uint64_t *a)
{
    int advice = (int)(t->proc->abi->bits == 64 ? a[3] : a[5]);

    return -posix_fadvise((int)a[0], (off_t)arg64(t, a, 1), (off_t)after64(t, a, 2),
                          advice);
}

int64_t sys_readahead(struct task *t, const uint64_t *a)
{
    return RESULT(
        readahead((int)a[0], (off64_t)arg64(t, a, 1), (size_t)after64(t, a, 2)));
}

int64_t sys_sync_file_range(struct task *t, const uint64_t *a)
{
    unsigned flags = (unsigned)(t->proc->abi->bits == 64 ? a[3] : a[5]);

    return RESULT(sync_file_range((int)a[0], (off64_t)arg64(t, a, 1),
                                  (off64_t)after64(t, a, 2), flags));
}

int64_t sys_sendfile(struct task *t, const uint64_t *a)
{
    uint64_t at = 0;
    off_t offset;
    ssize_t got;

    if (a[2] && read_number(t, a[2], 8, &at) < 0)
        return -EFAULT;
    offset = (off_t)at;
    got = sendfile((int)a[0], (int)a[1], a[2] ? &offset : NULL, (size_t)a[3]);
    if (got < 0)
        return errno == EINTR ? -RESTART : -errno;
    if (a[2] && write_number(t, a[2], 8, (uint64_t)offset) < 0)
        return -EFAULT;
    return got;
}

/* copy_file_range and splice: two optional offsets in guest memory. */
static int64_t two_offsets(struct task *t, const uint64_t *a,
                           ssize_t (*move)(int, off64_t *, int, off64_t *, size_t,
                                           unsigned))
{
    uint64_t at[2] = { 0, 0 };
    off64_t offset[2];
    ssize_t got;

    if ((a[1] && read_number(t, a[1], 8, &at[0]) < 0) ||
        (a[3] && read_number(t, a[3], 8, &at[1]) < 0))
        return -EFAULT;
    offset[0] = (off64_t)at[0];
    offset[1] = (off64_t)at[1];
    got = move((int)a[0], a[1] ? &offset[0] : NULL, (int)a[2], a[3] ? &offset[1] : NULL,
               (size_t)a[4], (unsigned)a[5]);
    if (got < 0)
        return errno == EINTR ? -RESTART : -errno;
    if ((a[1] && write_number(t, a[1], 8, (uint64_t)offset[0]) < 0) ||
        (a[3] && write_number(t, a[3], 8, (uint64_t)offset[1]) < 0))
        return -EFAULT;
    return got;
}

int64_t sys_copy_file_range(struct task *t, const uint64_t *a)
{
    return two_offsets(t, a, copy_file_range);
}

int64_t sys_splice(struct task *t, const uint64_t *a)
{
    return two_offsets(t, a, splice);
}

int64_t sys_tee(struct task *t, const uint64_t *a)
{
    return BLOCKING(t, RESTART, SYS_tee, (int)a[0], (int)a[1], (long)a[2], (long)a[3]);
}

/* ------------------------------------------------- descriptors of other things */

int64_t sys_eventfd2(struct task *t, const uint64_t *a)
{
    int flags = open_flags_to_host(a[1] & ~(uint64_t)EFD_SEMAPHORE);

    (void)t;
    return RESULT(eventfd((unsigned)a[0], flags | ((int)a[1] & EFD_SEMAPHORE)));
}

int64_t sys_memfd_create(struct task *t, const uint64_t *a)
{
    char name[256];
    int error = read_string(t, a[0], name, sizeof(name));

    if (error)
        return error == -ENAMETOOLONG ? -EINVAL : error;
    return RESULT(memfd_create(name, (unsigned)a[1]));
}

int64_t sys_inotify_init1(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(inotify_init1(open_flags_to_host(a[0])));
}

int64_t sys_inotify_add_watch(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_path(t, (uint64_t)AT_FDCWD, a[1],
                          a[2] & IN_DONT_FOLLOW ? PATH_NOFOLLOW : PATH_FOLLOW, path);

    return error ? error : RESULT(inotify_add_watch((int)a[0], path, (uint32_t)a[2]));
}

int64_t sys_inotify_rm_watch(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(inotify_rm_watch((int)a[0], (int)a[1]));
}
