/* threads.c - 64 threads, N rounds each: atomic additions, a compare-and-swap, a lock
 * that all want (futexes), and a semaphore that goes around in pairs. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 64 };

static atomic_long sum, most;
static long rounds, locked;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t ready[THREADS];

static void *work(void *argument)
{
    long me = (long)argument, old;

    for (long i = 0; i < rounds; i++) {
        atomic_fetch_add(&sum, i & 7);
        old = atomic_load(&most);
        while (old < i && !atomic_compare_exchange_weak(&most, &old, i))
            ;
        if (i % 16 == 0) {
            pthread_mutex_lock(&lock);
            locked++;
            pthread_mutex_unlock(&lock);
        }
        if (i % 256 == 0) {
            sem_post(&ready[me ^ 1]);
            sem_wait(&ready[me]);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    rounds = argc > 1 ? atol(argv[1]) : 20000;
    for (long i = 0; i < THREADS; i++)
        sem_init(&ready[i], 0, 0);
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i))
            return 1;
    for (long i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%ld %ld %ld\n", (long)sum, (long)most, locked);
    return 0;
}
