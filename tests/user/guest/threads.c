/* threads.c: what POSIX threads do with each other. */
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "say.h"

#define MS 1000000L

static struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec t;

    clock_gettime(clock, &t);
    t.tv_nsec += ms % 1000 * MS;
    t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static void run(int n, void *(*fn)(void *))
{
    pthread_t threads[64];

    for (long i = 0; i < n; i++)
        pthread_create(&threads[i], NULL, fn, (void *)i);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

/* ------------------------------------------------------------------ barriers, once, TLS
 */

static pthread_barrier_t barrier;
static int phases[8], serial, once_count, destroyed;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static __thread long own = 7;
static int own_ok;

static void only_once(void)
{
    once_count++;
}

static void destroy(void *value)
{
    __atomic_add_fetch(&destroyed, (long)value, __ATOMIC_SEQ_CST);
}

static void *meet(void *arg)
{
    long i = (long)arg;
    int good = 1;

    own += i;
    pthread_setspecific(key, (void *)(i + 1));
    for (int phase = 1; phase <= 50; phase++) {
        pthread_once(&once, only_once);
        phases[i] = phase;
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            __atomic_add_fetch(&serial, 1, __ATOMIC_SEQ_CST);
        for (int k = 0; k < 8; k++)
            good &= phases[k] == phase;
        pthread_barrier_wait(&barrier);
    }
    good &= own == 7 + i && pthread_getspecific(key) == (void *)(i + 1);
    __atomic_add_fetch(&own_ok, good, __ATOMIC_SEQ_CST);
    return NULL;
}

static void barriers(void)
{
    pthread_barrier_init(&barrier, NULL, 8);
    pthread_key_create(&key, destroy);
    run(8, meet);
    say("phases in step", own_ok);
    say("serial threads", serial);
    say("once", once_count);
    say("key destructors", destroyed);
    say("own of the first", own);
}

/* ----------------------------------------------------------------------- locks of kinds
 */

static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static long shared_a, shared_b;
static int torn;
static pthread_mutex_t robust, inherit, recursive, checking;

static void *read_and_write(void *arg)
{
    for (int i = 0; i < 400; i++) {
        if ((i + (long)arg) % 4 == 0) {
            pthread_rwlock_wrlock(&rw);
            shared_a++;
            shared_b++;
        } else {
            pthread_rwlock_rdlock(&rw);
            if (shared_a != shared_b)
                torn++;
        }
        pthread_rwlock_unlock(&rw);
    }
    return NULL;
}

static void *die_with_lock(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&robust);
    return NULL;
}

static void *die_later_with_lock(void *arg)
{
    struct timespec t = { 0, 20 * MS };

    pthread_mutex_lock(&robust);
    sem_post(arg);
    nanosleep(&t, NULL);
    return NULL;
}

static long inherited;

static void *add_inherit(void *arg)
{
    (void)arg;
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&inherit);
        inherited++;
        pthread_mutex_unlock(&inherit);
    }
    return NULL;
}

static void kinds(void)
{
    pthread_mutexattr_t attr;
    pthread_t thread;
    sem_t sem;
    struct timespec t;

    run(6, read_and_write);
    say("rwlock writes", shared_a);
    say("torn reads", torn);

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&recursive, &attr);
    pthread_mutex_lock(&recursive);
    say("recursive", pthread_mutex_lock(&recursive));
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checking, &attr);
    pthread_mutex_lock(&checking);
    say("errorcheck is EDEADLK", pthread_mutex_lock(&checking) == EDEADLK);

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attr);
    run(1, die_with_lock);
    say("robust trylock is EOWNERDEAD", pthread_mutex_trylock(&robust) == EOWNERDEAD);
    say("consistent", pthread_mutex_consistent(&robust));
    say("unlock", pthread_mutex_unlock(&robust));
    sem_init(&sem, 0, 0);
    pthread_create(&thread, NULL, die_later_with_lock, &sem);
    sem_wait(&sem);
    say("robust lock is EOWNERDEAD", pthread_mutex_lock(&robust) == EOWNERDEAD);
    say("unlock without consistent", pthread_mutex_unlock(&robust));
    say("lock is ENOTRECOVERABLE", pthread_mutex_lock(&robust) == ENOTRECOVERABLE);
    pthread_join(thread, NULL);

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&inherit, &attr);
    run(4, add_inherit);
    say("inherited", inherited);
    pthread_mutex_lock(&inherit);
    t = in_ms(CLOCK_REALTIME, 10);
    say("own PI lock again is EDEADLK or times out",
        pthread_mutex_timedlock(&inherit, &t) != 0);
    pthread_mutex_unlock(&inherit);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attr);
    run(1, die_with_lock);
    say("robust PI lock is EOWNERDEAD", pthread_mutex_lock(&robust) == EOWNERDEAD);
    pthread_create(&thread, NULL, die_later_with_lock, &sem);
    pthread_mutex_consistent(&robust);
    pthread_mutex_unlock(&robust);
    sem_wait(&sem);
    say("waiting PI lock is EOWNERDEAD", pthread_mutex_lock(&robust) == EOWNERDEAD);
    pthread_join(thread, NULL);
}

/* ------------------------------------------------------------------------- timed waits
 */

static void timed(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    struct timespec t = in_ms(CLOCK_REALTIME, 5);
    sem_t sem;

    pthread_mutex_lock(&mutex);
    say("cond times out", pthread_cond_timedwait(&cond, &mutex, &t) == ETIMEDOUT);
    t = in_ms(CLOCK_MONOTONIC, 5);
    say("on the monotonic clock",
        pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &t) == ETIMEDOUT);
    t = in_ms(CLOCK_REALTIME, 5);
    say("mutex times out", pthread_mutex_timedlock(&mutex, &t) == ETIMEDOUT);
    sem_init(&sem, 0, 0);
    t = in_ms(CLOCK_REALTIME, 5);
    say("semaphore times out", sem_timedwait(&sem, &t) == -1 && errno == ETIMEDOUT);
}

/* ------------------------------------------------------------------------------- cancel
 */

static int cleaned;

static void clean(void *arg)
{
    cleaned += (int)(long)arg;
}

static void *sleep_forever(void *arg)
{
    struct timespec t = { 1000, 0 };

    pthread_cleanup_push(clean, (void *)1);
    sem_post(arg);
    nanosleep(&t, NULL);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *wait_forever(void *arg)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

    pthread_cleanup_push(clean, (void *)10);
    pthread_mutex_lock(&mutex);
    sem_post(arg);
    for (;;)
        pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *spin_forever(void *arg)
{
    pthread_cleanup_push(clean, (void *)100);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    sem_post(arg);
    for (;;)
        ;
    pthread_cleanup_pop(0);
    return NULL;
}

static void *read_forever(void *arg)
{
    int ends[2];
    char byte;

    pipe(ends);
    pthread_cleanup_push(clean, (void *)1000);
    sem_post(arg);
    read(ends[0], &byte, 1);
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancel(void)
{
    void *(*const victims[])(void *) = { sleep_forever, wait_forever, spin_forever,
                                         read_forever };
    pthread_t thread;
    void *result;
    sem_t sem;

    sem_init(&sem, 0, 0);
    for (int i = 0; i < 4; i++) {
        pthread_create(&thread, NULL, victims[i], &sem);
        sem_wait(&sem);
        pthread_cancel(thread);
        pthread_join(thread, &result);
        say("cancelled", result == PTHREAD_CANCELED);
    }
    say("cleaned up", cleaned);
}

/* ---------------------------------------------------------------- many, and the first's
 */

static long many;

static void *nothing(void *arg)
{
    __atomic_add_fetch(&many, (long)arg, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *last(void *arg)
{
    pthread_join(*(pthread_t *)arg, NULL);
    say("the first thread has ended", 1);
    exit(5);
}

int main(void)
{
    static pthread_t first;
    pthread_attr_t attr;
    pthread_t thread;

    barriers();
    kinds();
    timed();
    cancel();
    for (int i = 0; i < 10; i++)
        run(20, nothing);
    say("200 threads", many);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN);
    for (int i = 0; i < 50; i++)
        while (pthread_create(&thread, &attr, nothing, (void *)1))
            usleep(1000);
    while (__atomic_load_n(&many, __ATOMIC_SEQ_CST) < 1900 + 50)
        usleep(1000);
    say("and detached ones", many);
    first = pthread_self();
    pthread_create(&thread, NULL, last, &first);
    pthread_exit(NULL);
}
