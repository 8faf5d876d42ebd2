/* limits.c - what a program meets at its limits: processes, memory, descriptors, a full
 * disk.  Each ends in an error that Linux gives, and the program goes on. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "say.h"

enum { MANY = 4000 };

static void limit(int which, rlim_t soft)
{
    struct rlimit both;

    getrlimit(which, &both);
    both.rlim_cur = soft == RLIM_INFINITY ? both.rlim_max : soft;
    setrlimit(which, &both);
}

/* ------------------------------------------------------------------------ processes */

static void *wait_for_ever(void *arg)
{
    for (;;)
        pause();
    return arg;
}

/* Each child forks, too, until nobody can. */
static void bomb(void)
{
    for (;;)
        if (fork() < 0) {
            if (errno != EAGAIN)
                printf("fork: %s\n", strerror(errno));
            pause();
        }
}

static void processes(void)
{
    static pthread_t threads[MANY];
    static pid_t children[MANY];
    int n = 0, error, status;
    pid_t group;

    if (getuid() == 0)
        setuid(65534); /* root has no such limit */
    limit(RLIMIT_NPROC, 40);
    while (n < MANY && (children[n] = fork()) >= 0) {
        if (children[n] == 0)
            wait_for_ever(NULL);
        n++;
    }
    ok("no more processes", n < MANY && errno == EAGAIN);
    while (n > 0) {
        kill(children[--n], SIGKILL);
        waitpid(children[n], NULL, 0);
    }
    while (n < MANY &&
           (error = pthread_create(&threads[n], NULL, wait_for_ever, NULL)) == 0)
        n++;
    ok("no more threads", n < MANY && error == EAGAIN);
    while (n > 0) {
        pthread_cancel(threads[--n]);
        pthread_join(threads[n], NULL);
    }
    limit(RLIMIT_NPROC, 60);
    group = fork();
    if (group == 0) {
        setpgid(0, 0);
        bomb();
    }
    if (group < 0)
        exit(1);
    setpgid(group, group);
    usleep(200000);
    call("end of the bomb", kill(-group, SIGKILL));
    waitpid(group, &status, 0);
    limit(RLIMIT_NPROC, RLIM_INFINITY);
    group = fork();
    if (group == 0)
        _exit(3);
    waitpid(group, &status, 0);
    say("a child afterwards", WEXITSTATUS(status));
}

/* --------------------------------------------------------------------------- memory */

static void memory(void)
{
    static void *parts[MANY];
    enum { PART = 1 << 20 };
    int n = 0;
    void *top = sbrk(0);

    while (n < MANY &&
           (parts[n] = mmap(NULL, PART, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED)
        *(char *)parts[n++] = 1;
    ok("no more memory", n < MANY && errno == ENOMEM);
    ok("no more heap", brk((char *)top + ((size_t)MANY << 20)) < 0 && errno == ENOMEM);
    ok("malloc", malloc(64 << 20) == NULL && errno == ENOMEM);
    call("larger", (long)mremap(parts[0], PART, 64 << 20, MREMAP_MAYMOVE));
    ok("some", n > 4);
    while (n > 0)
        munmap(parts[--n], PART);
    ok("afterwards", malloc(4 << 20) != NULL);
}

/* ---------------------------------------------------------------------- descriptors */

/* What a child of vfork leaves on its parent's stack is seen there. */
static void vforks(void)
{
    volatile int left = 1;
    int status;
    pid_t pid = vfork();

    if (pid == 0) {
        left = 5;
        _exit(3);
    }
    waitpid(pid, &status, 0);
    say("left by the child", left);
}

static void descriptors(void)
{
    char *const args[] = { "true", NULL };
    int n = 0, ends[2], status;
    pid_t pid;

    limit(RLIMIT_NOFILE, 32);
    while (n < 100 && dup(1) >= 0)
        n++;
    call("dup", dup(1));
    call("open", open("/", O_RDONLY));
    call("pipe", pipe(ends));
    call("socket", socketpair(1, 1, 0, ends));
    pid = fork();
    if (pid == 0)
        _exit(4);
    waitpid(pid, &status, 0);
    say("child", WEXITSTATUS(status));
    status = posix_spawn(&pid, "/nowhere/true", NULL, NULL, args, args);
    printf("spawn: %s\n", strerror(status));
    fflush(stdout);
    vforks();
    close(31);
    ok("one is free", open("/", O_RDONLY) == 31);
}

/* -------------------------------------------------------------------------- the disk */

static sigjmp_buf back;

static void caught(int signo)
{
    siglongjmp(back, signo);
}

/* In a folder that has no more than 64 KB. */
static void disk(const char *dir)
{
    static char text[256 << 10];
    char path[256], *map;
    int fd;

    snprintf(path, sizeof(path), "%s/file", dir);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    call("a part of it", write(fd, text, sizeof(text)));
    call("nothing more", write(fd, text, 1));
    call("allocate", posix_fallocate(fd, 0, sizeof(text)) ? -1 : 0);
    ftruncate(fd, sizeof(text));
    map = mmap(NULL, sizeof(text), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    signal(SIGBUS, caught);
    if (sigsetjmp(back, 1) == 0)
        map[sizeof(text) - 1] = 1;
    else
        puts("a store: SIGBUS");
    snprintf(path, sizeof(path), "%s/folder", dir);
    call("mkdir", mkdir(path, 0700));
    fclose(fopen("/dev/full", "w"));
    fd = open("/dev/full", O_WRONLY);
    call("write", write(fd, text, 10));
}

/* A file may not be larger.  (Neither may be the one that this is printed to.) */
static void size(void)
{
    int fd = memfd_create("x", 0), how;
    char text[200] = "";
    long first, last;

    signal(SIGXFSZ, caught);
    limit(RLIMIT_FSIZE, 100);
    first = write(fd, text, sizeof(text));
    how = sigsetjmp(back, 1);
    if (how == 0)
        write(fd, text, sizeof(text));
    signal(SIGXFSZ, SIG_IGN);
    last = write(fd, text, sizeof(text)) < 0 ? errno : 0;
    limit(RLIMIT_FSIZE, RLIM_INFINITY);
    say("up to the limit", first);
    ok("beyond: SIGXFSZ", how == SIGXFSZ);
    printf("ignored: %s\n", strerror(last));
}

/* Started without some of the standard descriptors: the lowest free one is the next. */
static int closed(void)
{
    for (int i = 0; i < 3; i++)
        if (fcntl(i, F_GETFD) < 0)
            return open("/", O_RDONLY) == i ? 0 : 1;
    return 2;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "processes") == 0)
        processes();
    else if (strcmp(what, "memory") == 0)
        memory();
    else if (strcmp(what, "as") == 0) {
        limit(RLIMIT_AS, 200 << 20);
        memory();
    } else if (strcmp(what, "descriptors") == 0)
        descriptors();
    else if (strcmp(what, "size") == 0)
        size();
    else if (strcmp(what, "disk") == 0)
        disk(argv[2]);
    else if (strcmp(what, "closed") == 0)
        return closed();
    return 0;
}
