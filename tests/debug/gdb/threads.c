/* threads.c - four threads that call work(). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

atomic_int total;
static pthread_barrier_t barrier;

__attribute__((noipa)) int work(int id)
{
    for (int i = 0; i < 25; i++)
        total++;
    return id;
}

static void *run(void *p)
{
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 10; i++)
        work((int)(long)p);
    return NULL;
}

int main(void)
{
    pthread_t threads[4];

    pthread_barrier_init(&barrier, NULL, 5);
    for (long i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, run, (void *)(i + 1));
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    printf("total %d\n", total);
    return 0;
}
