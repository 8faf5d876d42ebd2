/* spawn.c - starts a program again and again and prints what that cost: CPU ms and wall
 * ms of one start, and the peak RSS in KiB.  Arguments: starts, program, its arguments.
 *
 * A program of its own, because a child's peak RSS includes that of the process which
 * it is forked from: this one is small. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double milliseconds(struct timeval t)
{
    return t.tv_sec * 1e3 + t.tv_usec / 1e3;
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int start(char **argv)
{
    int status;
    pid_t pid = vfork();

    if (pid == 0) {
        execv(argv[0], argv);
        _exit(127);
    }
    return pid < 0 || waitpid(pid, &status, 0) < 0 || status;
}

int main(int argc, char **argv)
{
    int starts = argc > 2 ? atoi(argv[1]) : 0, out = dup(STDOUT_FILENO);
    double began = now_ms(), wall;
    struct rusage usage;

    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    for (int i = 0; i < starts; i++)
        if (start(argv + 2))
            return 1;
    wall = now_ms() - began;
    getrusage(RUSAGE_CHILDREN, &usage);
    if (starts > 0)
        dprintf(out, "%f %f %ld\n",
                (milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime)) / starts,
                wall / starts, usage.ru_maxrss);
    return starts <= 0;
}
