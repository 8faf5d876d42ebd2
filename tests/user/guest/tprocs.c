/* tprocs.c: processes made by threads. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "say.h"

static char *self;
static volatile int stop;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int wait_status(pid_t pid)
{
    int status = -1;

    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Threads that are always somewhere: in the allocator, in system calls, in faults. */
static void *churn(void *arg)
{
    while (!stop) {
        void *p = malloc(100000 + (long)arg);

        memset(p, 1, 1000);
        free(p);
        p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *(char *)p = 1;
        munmap(p, 8192);
        sched_yield();
    }
    return NULL;
}

static void *other(void *arg)
{
    ++*(int *)arg;
    return NULL;
}

/* A forked child is a process of its own: it can have threads. */
static void child_with_thread(void)
{
    pthread_t thread;
    int n = 6;

    pthread_create(&thread, NULL, other, &n);
    pthread_join(thread, NULL);
    _exit(n);
}

static void *fork_thread(void *arg)
{
    long good = 0;

    for (int i = 0; i < 15; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            if (getpid() != gettid())
                _exit(1);
            if (i % 3 == 0)
                child_with_thread();
            free(malloc(50000));
            _exit(7);
        }
        good += wait_status(pid) == 7;
    }
    return (void *)good;
}

static void *spawn_thread(void *arg)
{
    char *argv[] = { self, "child", NULL };
    long good = 0;

    for (int i = 0; i < 5; i++) {
        pid_t pid;

        if (posix_spawn(&pid, self, NULL, NULL, argv, NULL) == 0)
            good += wait_status(pid) == 9;
    }
    for (int i = 0; i < 3; i++) {
        pid_t pid = vfork();

        if (pid == 0) {
            execve(self, argv, NULL);
            _exit(1);
        }
        good += wait_status(pid) == 9;
    }
    return (void *)good;
}

static void makers(void)
{
    pthread_t threads[6];
    long sum[3] = { 0 };
    void *result;

    for (long i = 0; i < 6; i++)
        pthread_create(&threads[i], NULL,
                       i < 2   ? churn
                       : i < 4 ? fork_thread
                               : spawn_thread,
                       (void *)i);
    for (int i = 2; i < 6; i++) {
        pthread_join(threads[i], &result);
        sum[i / 2] += (long)result;
    }
    stop = 1;
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    say("forked", sum[1]);
    say("spawned", sum[2]);
}

/* What another thread writes near the stack of one that waits for its child stays. */
enum { NEAR_STACK = 49152 };
static _Alignas(4096) char near_space[NEAR_STACK + 4096];
static volatile int *const near_word = (int *)(near_space + NEAR_STACK + 64);

static void *vfork_thread(void *arg)
{
    for (int i = 0; i < 40; i++) {
        pid_t pid = vfork();

        if (pid == 0)
            _exit(7);
        wait_status(pid);
    }
    stop = 1;
    return NULL;
}

static void near_stack(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    long wrong = 0;

    stop = 0;
    pthread_attr_init(&attr);
    pthread_attr_setstack(&attr, near_space, NEAR_STACK);
    pthread_create(&thread, &attr, vfork_thread, NULL);
    for (int n = 1; !stop; n++) {
        *near_word = n;
        for (int i = 0; i < 50; i++)
            wrong += *near_word != n;
    }
    pthread_join(thread, NULL);
    say("lost near a stack", wrong);
}

/* ------------------------------------------------------------------------ how they end
 */

static void *exit_thread(void *arg)
{
    exit(21);
}

static void *group_thread(void *arg)
{
    syscall(SYS_exit_group, 22);
    return NULL;
}

static void *exec_thread(void *arg)
{
    char *argv[] = { self, "id", NULL };

    execve(self, argv, NULL);
    return NULL;
}

static void *abort_thread(void *arg)
{
    abort();
}

static void *fault_thread(void *arg)
{
    *(volatile char *)16 = 1;
    return NULL;
}

static void *short_thread(void *arg)
{
    usleep(3000);
    syscall(SYS_exit, 23);
    return NULL;
}

static void *wait_thread(void *arg)
{
    pause();
    return NULL;
}

static int ends_by(void *(*fn)(void *))
{
    pid_t pid = fork();

    if (pid == 0) {
        pthread_t thread;

        for (int i = 0; i < 3; i++)
            pthread_create(&thread, NULL, wait_thread, NULL);
        pthread_create(&thread, NULL, fn, NULL);
        pause();
        _exit(1);
    }
    return wait_status(pid);
}

static void *killed_thread(void *arg)
{
    kill(getpid(), SIGTERM);
    return NULL;
}

static void ends(void)
{
    pid_t pid;

    say("exit", ends_by(exit_thread));
    say("exit_group", ends_by(group_thread));
    say("exec", ends_by(exec_thread));
    say("abort", ends_by(abort_thread));
    say("fault", ends_by(fault_thread));
    say("kill", ends_by(killed_thread));
    pid = fork();
    if (pid == 0) {
        pthread_t thread;

        pthread_create(&thread, NULL, short_thread, NULL);
        syscall(SYS_exit, 23); /* the process goes on; the same status again: whose
                                  counts depends on the kernel */
    }
    say("the first thread's status", wait_status(pid));
}

/* --------------------------------------------------------------- robust, across
 * processes */

static void robust(void)
{
    pthread_mutex_t *shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(shared, &attr);
    for (int how = 0; how < 2; how++) {
        pid_t pid = fork();

        if (pid == 0) {
            char *argv[] = { self, "child", NULL };

            pthread_mutex_lock(shared);
            if (how == 0)
                _exit(0);
            execve(self, argv, NULL);
        }
        wait_status(pid);
        say("EOWNERDEAD", pthread_mutex_lock(shared) == EOWNERDEAD);
        pthread_mutex_consistent(shared);
        pthread_mutex_unlock(shared);
    }
}

static void clones(void)
{
    struct {
        unsigned long long v[8];
    } args = { { 0 } };

    args.v[4] = SIGCHLD;
    pid_t pid = syscall(SYS_clone3, &args, sizeof args);

    if (pid == 0)
        _exit(31);
    say("clone3", wait_status(pid));
    call("clone3, small", syscall(SYS_clone3, &args, 8));
    args.v[0] = 0x10000;
    args.v[4] = 0;
    call("clone3, half a thread", syscall(SYS_clone3, &args, sizeof args));
    call("clone3, nowhere", syscall(SYS_clone3, 16, sizeof args));
    call("unshared memory of a thread", syscall(SYS_clone, 0x10000, 0, 0, 0, 0));
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return 9;
    if (argc > 1 && strcmp(argv[1], "id") == 0)
        return getpid() == gettid() ? 24 : 1;
    makers();
    near_stack();
    ends();
    robust();
    clones();
    return 0;
}
