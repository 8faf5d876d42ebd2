/* tshared.c - threads that attach and detach segments of shared memory at once: each
 * finds what it wrote, and each segment is detached once. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "say.h"

enum { THREADS = 4, TIMES = 500, SIZE = 8192 };

static int wrong[THREADS];

static void *attach(void *arg)
{
    int self = (int)(long)arg, id = shmget(IPC_PRIVATE, SIZE, 0600);

    for (int i = 0; i < TIMES; i++) {
        char *one = shmat(id, NULL, 0), *two = shmat(id, NULL, 0);

        if (one == (char *)-1 || two == (char *)-1) {
            wrong[self]++;
            continue;
        }
        one[i % SIZE] = (char)(self + 1);
        wrong[self] += two[i % SIZE] != (char)(self + 1);
        wrong[self] += shmdt(one) < 0;
        wrong[self] += shmdt(two) < 0;
    }
    shmctl(id, IPC_RMID, NULL);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int sum = 0;

    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, attach, (void *)i);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += wrong[i];
    }
    say("wrong", sum);
    return 0;
}
