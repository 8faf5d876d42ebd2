/* memops.c - libc's memory and string functions on blocks of 1 byte to 64 KiB, aligned
 * and not.  Argument: repetitions. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 65536 };

static char from[LARGEST + 64], to[LARGEST + 64];

/* Calls go through these, so that the compiler cannot put its own code there. */
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;
static void *(*volatile move)(void *, const void *, size_t) = memmove;
static void *(*volatile set)(void *, int, size_t) = memset;
static int (*volatile compare)(const void *, const void *, size_t) = memcmp;
static size_t (*volatile length)(const char *) = strlen;
static void *(*volatile find)(const void *, int, size_t) = memchr;

static uint64_t one_size(size_t size, int offset)
{
    uint64_t sum = 0;

    copy(to, from + offset, size);
    sum += compare(to, from + offset, size) == 0;
    move(to + 1, to, size);
    sum += (unsigned char)to[size];
    set(to + offset, 7, size);
    to[offset + size] = 0;
    sum += length(to + offset);
    sum += find(to + offset, 0, size + 1) == to + offset + size;
    return sum;
}

int main(int argc, char **argv)
{
    int repetitions = argc > 1 ? atoi(argv[1]) : 100;
    uint64_t sum = 0;

    for (int i = 0; i < LARGEST + 64; i++)
        from[i] = i % 251 + 1;
    while (repetitions--) {
        for (int small = 0; small < 2000; small++)
            sum += one_size(1 + small % 100, small % 8);
        for (size_t size = 128; size <= LARGEST; size *= 2)
            sum += one_size(size, 0) + one_size(size, 3);
    }
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
