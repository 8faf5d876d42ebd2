/* cores.c - dies in one thread of three, with something in the registers. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

char text[] = "in the data";
static volatile int there[2];

__attribute__((noipa)) void dies(double x, volatile int *where)
{
    if (!where)
        abort();
    *where = (int)x;
}

__attribute__((noipa)) void sleeps(void)
{
    there[0] = 1;
    pause();
}

__attribute__((noipa)) void spins(void)
{
    there[1] = 1;
    for (;;)
        ;
}

static void *run(void *p)
{
    p ? sleeps() : spins();
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;

    (void)argv;
    pthread_create(&thread, NULL, run, NULL);
    pthread_create(&thread, NULL, run, text);
    while (!there[0] || !there[1])
        sched_yield();
    dies(1.5, argc > 1 ? NULL : (volatile int *)16);
    return 0;
}
