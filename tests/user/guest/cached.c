/* cached.c - work that is hot: loops, calls, doubles, memory; alone, in a thread, in a
 * child and in what the child executes, and before it waits for ever.  Arguments: what to
 * do. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef K
#define K 3
#endif

static unsigned table[256];

__attribute__((noinline)) static unsigned mix(unsigned a, unsigned b)
{
    return (a ^ b) * 2654435761u + K;
}

__attribute__((noinline)) static double sum(unsigned n)
{
    double d = 0;

    for (unsigned i = 1; i < n; i++)
        d += 1.0 / (i + K);
    return d;
}

static void *work(void *arg)
{
    unsigned n = (unsigned)(size_t)arg, x = 1;

    for (unsigned i = 0; i < n; i++) {
        x = mix(x, i);
        if (x & 1)
            x ^= i * K;
    }
    return (void *)(size_t)(x + (unsigned)(sum(n) * 1000));
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    pthread_t thread;
    void *got = NULL;
    int status = 0;

    for (unsigned i = 0; i < 256; i++)
        table[i] = mix(i, i + 1);
    printf("%u\n", table[7]);
    if (strcmp(what, "thread") == 0) {
        pthread_create(&thread, NULL, work, (void *)(size_t)20000);
        printf("%u\n", (unsigned)(size_t)work((void *)(size_t)30000));
        pthread_join(thread, &got);
        printf("%u\n", (unsigned)(size_t)got);
    }
    if (strcmp(what, "fork") == 0) {
        fflush(stdout);
        if (fork() == 0) {
            printf("%u\n", (unsigned)(size_t)work((void *)(size_t)20000));
            fflush(stdout);
            execl(argv[0], argv[0], "", (char *)NULL);
            _exit(1);
        }
        wait(&status);
    }
    printf("%u %d\n", (unsigned)(size_t)work((void *)(size_t)20000), status);
    fflush(stdout);
    if (strcmp(what, "pause") == 0) {
        printf("%u\n", (unsigned)(size_t)work((void *)(size_t)20000000));
        fflush(stdout);
        pause();
    }
    return 0;
}
