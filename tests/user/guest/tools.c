/* tools.c - work for the JIT's tools: a loop, indirect jumps to two functions. Arguments:
 * how often; `fork`: in a child, too. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef unsigned step(unsigned);

__attribute__((noinline)) static unsigned one(unsigned a)
{
    return a + 1;
}

__attribute__((noinline)) static unsigned two(unsigned a)
{
    return a * 2;
}

static step *volatile steps[2] = { one, two };

__attribute__((noinline)) unsigned spin(unsigned n)
{
    static unsigned at[16];
    unsigned sum = 1;

    for (unsigned i = 0; i < n; i++) {
        sum = (sum ^ (i + at[i & 15])) * 2654435761u;
        at[i & 15] = sum;
    }
    return sum;
}

__attribute__((noinline)) unsigned indirect(unsigned n)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < n; i++)
        sum += steps[sum >> 3 & 1](sum);
    return sum;
}

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 100000;

    printf("%u\n", spin(n));
    fflush(stdout);
    if (argc > 2) {
        if (fork())
            wait(NULL);
        else
            printf("child: %d\n", (int)getpid());
    }
    printf("%u\n", indirect(n));
    return 0;
}
