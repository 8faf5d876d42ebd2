/* many.c - work for the JIT's threads: hundreds of functions, each a loop that is hot.
 * Arguments: rounds, turns of each loop; and `fork`: children go on with the work while
 * the parent's code is still compiled; `threads`: four threads do it; `alone`: in between
 * it asks for what needs a process of one thread. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef unsigned function(unsigned);

#define ONE(n)                                                                           \
    __attribute__((noinline)) static unsigned f##n(unsigned turns)                       \
    {                                                                                    \
        unsigned sum = 1##n;                                                             \
        for (unsigned i = 0; i < turns; i++) {                                           \
            sum = (sum ^ (i + 1##n)) * 2654435761u;                                      \
            if (sum & 1)                                                                 \
                sum += i << (1##n & 7);                                                  \
        }                                                                                \
        return sum;                                                                      \
    }
#define NAME(n) f##n,
#define FOUR(x, n) x(n##0) x(n##1) x(n##2) x(n##3)
#define SIXTEEN(x, n) FOUR(x, n##0) FOUR(x, n##1) FOUR(x, n##2) FOUR(x, n##3)
#define MORE(x, n) SIXTEEN(x, n##0) SIXTEEN(x, n##1) SIXTEEN(x, n##2) SIXTEEN(x, n##3)
#define ALL(x) MORE(x, 0) MORE(x, 1) MORE(x, 2) MORE(x, 3)

ALL(ONE)
static function *const functions[] = { ALL(NAME) };
enum { COUNT = sizeof functions / sizeof *functions };

static unsigned rounds, turns;

static unsigned work(unsigned first, unsigned count)
{
    unsigned sum = 0;

    for (unsigned r = 0; r < rounds; r++)
        for (unsigned i = first; i < first + count; i++)
            sum = sum * 31 + functions[i % COUNT](turns);
    return sum;
}

static void *thread(void *arg)
{
    return (void *)(size_t)work((unsigned)(size_t)arg, COUNT);
}

static void in_threads(void)
{
    pthread_t threads[4];
    void *sum;

    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, thread, (void *)(i * COUNT / 4));
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], &sum);
        printf("%08x\n", (unsigned)(size_t)sum);
    }
}

/* Each child begins while its parent is in the middle of new code. */
static void in_children(void)
{
    for (unsigned i = 0; i < 8; i++) {
        printf("parent: %08x\n", work(i * COUNT / 8, COUNT / 16));
        fflush(stdout);
        if (fork() == 0) {
            printf("child: %08x\n", work(i * COUNT / 8 + COUNT / 16, COUNT / 16));
            exit(0);
        }
        wait(NULL);
    }
}

static void alone(void)
{
    int fd;

    printf("%08x\n", work(0, COUNT / 2));
    printf("unshare: %d\n", unshare(CLONE_NEWUSER | CLONE_NEWNS));
    fd = open("/proc/self/ns/mnt", O_RDONLY);
    printf("%08x\n", work(0, COUNT / 2));
    printf("setns: %d\n", setns(fd, CLONE_NEWNS));
    printf("%08x\n", work(COUNT / 2, COUNT / 2));
}

int main(int argc, char **argv)
{
    const char *how = argc > 3 ? argv[3] : "";

    rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 10;
    turns = argc > 2 ? (unsigned)atoi(argv[2]) : 100;
    if (strcmp(how, "threads") == 0)
        in_threads();
    else if (strcmp(how, "fork") == 0)
        in_children();
    else if (strcmp(how, "alone") == 0)
        alone();
    else
        printf("%08x\n", work(0, COUNT));
    return 0;
}
