/* traced.c - some system calls, for strace.test. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
    struct timespec soon = { 0, 1000 };
    struct stat st;
    sigset_t set;
    int ends[2], status;
    char byte[8];
    char *const args[] = { "no\twhere", "x", NULL }, *const vars[] = { "A=1", "B=2",
                                                                       NULL };

    open("/nowhere/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    open("/nowhere", O_RDONLY | O_DIRECTORY);
    pipe2(ends, O_NONBLOCK);
    write(ends[1], "a\n\0011", 4);
    read(ends[0], byte, 8);
    read(ends[0], byte, 8);
    fstat(ends[0], &st);
    mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    nanosleep(&soon, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (fork() == 0)
        _exit(5);
    wait4(-1, &status, 0, NULL);
    execve("/nowhere/program", args, vars);
    lseek(ends[0], -1, SEEK_END);
    kill(getpid(), 0);
    close_range(3, 1000, 0); /* the log stays */
    return 0;
}
