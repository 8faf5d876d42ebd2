/* path.c - paths of the guest on the host, and what /proc says about the guest. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/linux/linux.h"
#include "user/run.h"

/* "exe" for /proc/self/exe, /proc/thread-self/exe and /proc/OWN-PID/exe; or NULL. */
static const char *own_proc_file(const char *path)
{
    char pid[32];
    size_t length;

    if (strncmp(path, "/proc/", 6) != 0)
        return NULL;
    path += 6;
    length = (size_t)snprintf(pid, sizeof(pid), "%d/", (int)getpid());
    if (strncmp(path, "self/", 5) == 0)
        return path + 5;
    if (strncmp(path, "thread-self/", 12) == 0)
        return path + 12;
    return strncmp(path, pid, length) == 0 ? path + length : NULL;
}

const char *path_to_host(struct task *t, const char *path, char *to)
{
    const char *prefix = t->proc->options->prefix;
    const char *own = own_proc_file(path);

    if (own && strcmp(own, "exe") == 0)
        return t->proc->exe;
    if (prefix && path[0] == '/' &&
        (size_t)snprintf(to, PATH_SIZE, "%s%s", prefix, path) < PATH_SIZE &&
        faccessat(AT_FDCWD, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return to;
    return path;
}

int read_path(struct task *t, uint64_t addr, char *to)
{
    char host[PATH_SIZE];
    int error = read_string(t, addr, to, PATH_SIZE);
    const char *path;

    if (error || to[0] != '/') /* relative ones are as they are */
        return error;
    path = path_to_host(t, to, host);
    if (path != to)
        snprintf(to, PATH_SIZE, "%s", path);
    return 0;
}

/* ------------------------------------------------------------------ made-up files */

static void write_maps(struct task *t, FILE *out)
{
    const struct proc *p = t->proc;
    struct space_area area;

    for (uint64_t at = 0; space_next(p->space, at, &area); at = area.end) {
        const char *what = "";

        if (p->stack_low >= area.start && p->stack_low < area.end)
            what = "                          [stack]";
        else if (p->brk_start != p->brk_mapped && area.start <= p->brk_start &&
                 p->brk_start < area.end)
            what = "                          [heap]";
        fprintf(out, "%08" PRIx64 "-%08" PRIx64 " %c%c%c%c 00000000 00:00 0%s\n",
                area.start, area.end, area.prot & SPACE_READ ? 'r' : '-',
                area.prot & SPACE_WRITE ? 'w' : '-', area.prot & SPACE_EXEC ? 'x' : '-',
                area.shared ? 's' : 'p', what);
    }
}

static void write_cmdline(struct task *t, FILE *out)
{
    char byte;

    for (uint64_t at = t->proc->arg_start; at < t->proc->arg_end; at++)
        if (space_read(t->proc->space, at, &byte, 1, NULL) == 0)
            fputc(byte, out);
}

int open_proc_file(struct task *t, const char *path, int flags)
{
    const char *name = own_proc_file(path);
    void (*write_file)(struct task *, FILE *) = NULL;
    char *text = NULL;
    size_t size = 0, done = 0;
    FILE *out;
    int fd;

    if (name && strcmp(name, "maps") == 0)
        write_file = write_maps;
    else if (name && strcmp(name, "cmdline") == 0)
        write_file = write_cmdline;
    if (!write_file || (flags & O_ACCMODE) != O_RDONLY)
        return -1;
    fd = memfd_create(name, flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    out = fd < 0 ? NULL : open_memstream(&text, &size);
    if (!out)
        return -1;
    write_file(t, out);
    fclose(out);
    while (done < size) {
        ssize_t n = write(fd, text + done, size - done);

        if (n <= 0)
            break;
        done += (size_t)n;
    }
    free(text);
    lseek(fd, 0, SEEK_SET);
    return fd;
}
