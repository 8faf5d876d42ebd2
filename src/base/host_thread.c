/* host_thread.c - threads and locks of the host. */
#include "base/host.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    HANDLER_STACK = 64 * 1024, /* of its signal handlers */
};

/* ------------------------------------------------------------------------- locks */

/* Its address is the thread's name: in the child of a fork, too. */
static _Thread_local char myself;

struct host_lock {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const void *owner; /* atomic: others look whether it is them */
    unsigned depth;
};

static void set_owner(struct host_lock *lock, const void *owner)
{
    __atomic_store_n(&lock->owner, owner, __ATOMIC_RELAXED);
}

struct host_lock *host_lock_new(void)
{
    struct host_lock *lock = malloc(sizeof(*lock));

    if (lock)
        host_lock_forked(lock);
    return lock;
}

void host_lock_free(struct host_lock *lock)
{
    free(lock);
}

void host_lock_forked(struct host_lock *lock)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&lock->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&lock->changed, &attr);
    pthread_condattr_destroy(&attr);
    set_owner(lock, NULL);
    lock->depth = 0;
}

void host_lock_take(struct host_lock *lock)
{
    if (__atomic_load_n(&lock->owner, __ATOMIC_RELAXED) != &myself) {
        pthread_mutex_lock(&lock->mutex);
        set_owner(lock, &myself);
    }
    lock->depth++;
}

void host_lock_give(struct host_lock *lock)
{
    if (--lock->depth)
        return;
    set_owner(lock, NULL);
    pthread_mutex_unlock(&lock->mutex);
}

void host_lock_wait(struct host_lock *lock)
{
    set_owner(lock, NULL);
    lock->depth = 0;
    pthread_cond_wait(&lock->changed, &lock->mutex);
    set_owner(lock, &myself);
    lock->depth = 1;
}

void host_lock_wait_ms(struct host_lock *lock, unsigned ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    set_owner(lock, NULL);
    lock->depth = 0;
    pthread_cond_timedwait(&lock->changed, &lock->mutex, &until);
    set_owner(lock, &myself);
    lock->depth = 1;
}

void host_lock_wake(struct host_lock *lock)
{
    pthread_cond_broadcast(&lock->changed);
}

/* ----------------------------------------------------------------------- threads */

struct start {
    void (*fn)(void *arg);
    void *arg;
    char *handler_stack;
};

static void *thread_main(void *context)
{
    struct start start = *(struct start *)context;
    stack_t alternate = { .ss_sp = start.handler_stack, .ss_size = HANDLER_STACK };

    free(context);
    sigaltstack(&alternate, NULL);
    start.fn(start.arg);
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, NULL);
    free(start.handler_stack);
    return NULL;
}

int host_thread_start(void (*fn)(void *arg), void *arg, size_t stack_size)
{
    struct start *start = malloc(sizeof(*start));
    char *stack = malloc(HANDLER_STACK);
    uint64_t mask = host_block_signals();
    pthread_attr_t attr;
    pthread_t thread;
    int error = EAGAIN;

    if (start && stack) {
        *start = (struct start){ fn, arg, stack };
        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attr, stack_size);
        error = pthread_create(&thread, &attr, thread_main, start);
        pthread_attr_destroy(&attr);
    }
    host_signal_mask(mask);
    if (error) {
        free(start);
        free(stack);
    }
    return error;
}

uint64_t host_thread_time(void)
{
    struct timespec now = { 0, 0 };

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void host_sleep_us(unsigned us)
{
    struct timespec time = { us / 1000000, us % 1000000 * 1000L };

    nanosleep(&time, NULL);
}

unsigned long host_process_id(void)
{
    return (unsigned long)getpid();
}

unsigned host_thread_id(void)
{
    return (unsigned)syscall(SYS_gettid);
}

unsigned host_threads(void)
{
    struct stat st;

    if (stat("/proc/self/task", &st) < 0 || st.st_nlink < 2)
        return 0;
    return (unsigned)st.st_nlink - 2; /* a folder for each */
}
