/* proc_mem.c - /proc/self/mem: the guest's memory, and nothing of rhea's.
 *
 * The file is the kernel's own, which may read what no access may, and write to code; it
 * is asked for what the guest has mapped only.  Where guest addresses are not the host's,
 * the space is asked, within what is allowed there.
 *
 * Not modelled: readv and its like; the memory of other processes is theirs, whatever it
 * is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isa/engine.h"
#include "user/linux/linux.h"

bool proc_is_mem(const struct task *t, int fd)
{
    char link[64], path[64];
    ssize_t n;

    if (!t->proc->has_mem_file)
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0)
        return false;
    path[n] = 0;
    return proc_own_file(path) && strcmp(proc_own_file(path), "mem") == 0;
}

/* How many of `size` bytes from addr on are mapped without a hole. */
static uint64_t mapped(const struct space *space, uint64_t addr, uint64_t size)
{
    struct space_area area;
    uint64_t at = addr;

    while (at - addr < size && space_next(space, at, &area) && area.start <= at)
        at = area.end;
    return at - addr < size ? at - addr : size;
}

static int64_t move(struct task *t, int fd, void *bytes, uint64_t size, uint64_t addr,
                    bool is_write)
{
    struct space *space = t->proc->space;
    uint64_t n = mapped(space, addr, size);
    int64_t done;

    if (n == 0)
        return size ? -EIO : 0;
    if (space_is_paged(space) || space_base(space)) {
        int error = is_write ? space_write(space, addr, bytes, (size_t)n, NULL)
                             : space_read(space, addr, bytes, (size_t)n, NULL);

        return error < 0 ? -EIO : (int64_t)n;
    }
    done = is_write ? pwrite(fd, bytes, (size_t)n, (off_t)addr)
                    : pread(fd, bytes, (size_t)n, (off_t)addr);
    if (done > 0 && is_write)
        t->engine->invalidate(t->cpu, addr, (uint64_t)done);
    return result_of(done);
}

int64_t proc_mem_move(struct task *t, int fd, void *bytes, uint64_t size, int64_t at,
                      bool is_write)
{
    bool by_position = at < 0;
    int64_t done;

    if (by_position)
        at = lseek(fd, 0, SEEK_CUR);
    if (at < 0)
        return -errno;
    done = move(t, fd, bytes, size, (uint64_t)at, is_write);
    if (by_position && done > 0)
        lseek(fd, done, SEEK_CUR);
    return done;
}
