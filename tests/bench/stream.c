/* stream.c - copy, scale, add and triad over 2 MiB arrays of double, after STREAM.
 * Argument: repetitions. */
#include <stdio.h>
#include <stdlib.h>

enum { LENGTH = 1 << 18 };

static double a[LENGTH], b[LENGTH], c[LENGTH];

int main(int argc, char **argv)
{
    int repetitions = argc > 1 ? atoi(argv[1]) : 100;

    for (int i = 0; i < LENGTH; i++) {
        a[i] = 1;
        b[i] = 2;
    }
    while (repetitions--) {
        for (int i = 0; i < LENGTH; i++)
            c[i] = a[i];
        for (int i = 0; i < LENGTH; i++)
            b[i] = 3.0 * c[i];
        for (int i = 0; i < LENGTH; i++)
            c[i] = a[i] + b[i];
        for (int i = 0; i < LENGTH; i++)
            a[i] = b[i] + 0.0001 * c[i];
        __asm__ volatile("" ::"r"(a), "r"(b), "r"(c) : "memory");
        for (int i = 0; i < LENGTH; i++)
            if (a[i] > 1e6)
                a[i] *= 1e-6;
    }
    printf("%g %g %g\n", a[1], b[2], c[3]);
    return 0;
}
