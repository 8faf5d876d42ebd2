/* proc_task.c - the threads that /proc tells of are the guest's: rhea's own, which
 * compile, are not among them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/host.h"
#include "user/linux/linux.h"

unsigned proc_count_tasks(struct proc *p)
{
    unsigned count = 0;

    host_lock_take(p->lock);
    for (const struct task *t = p->tasks; t; t = t->next)
        count++;
    host_lock_give(p->lock);
    return count;
}

void proc_write_status(struct task *t, const char *path, FILE *out)
{
    char line[1024];
    FILE *in = fopen(path, "re");

    while (in && fgets(line, sizeof(line), in))
        if (strncmp(line, "Threads:", 8) == 0)
            fprintf(out, "Threads:\t%u\n", proc_count_tasks(t->proc));
        else
            fputs(line, out);
    if (in)
        fclose(in);
}

static bool is_task(struct proc *p, long tid)
{
    bool found = false;

    host_lock_take(p->lock);
    for (const struct task *t = p->tasks; t; t = t->next)
        found |= t->tid == tid;
    host_lock_give(p->lock);
    return found;
}

static bool is_task_folder(int fd)
{
    char link[64], path[64];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 2);
    if (n <= 0)
        return false;
    path[n] = 0;
    if (n < 6 || strcmp(path + n - 5, "/task") != 0)
        return false;
    strcpy(path + n, "/");
    return strncmp(path, "/proc/", 6) == 0 && strtol(path + 6, NULL, 10) == getpid();
}

long proc_hide_threads(struct task *t, int fd, uint8_t *entries, long size)
{
    enum { RECLEN = 16, NAME = 19 };
    long to = 0;
    int is_folder = -1; /* not known yet: most folders have no name that is a number */

    for (long at = 0; at + NAME < size;) {
        const char *name = (const char *)entries + at + NAME;
        bool hide = false;
        uint16_t length;

        memcpy(&length, entries + at + RECLEN, sizeof(length));
        if (isdigit((unsigned char)name[0]) && is_folder) {
            if (is_folder < 0)
                is_folder = is_task_folder(fd);
            hide = is_folder && !is_task(t->proc, strtol(name, NULL, 10));
        }
        if (!hide) {
            memmove(entries + to, entries + at, length);
            to += length;
        }
        at += length;
    }
    return to;
}
