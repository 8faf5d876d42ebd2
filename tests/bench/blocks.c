/* blocks.c - reads and writes a disk past the page cache: `blocks DISK`, in a machine.
 * Prints MB/s one after the other, and thousands of 4K accesses a second. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LARGE = 1 << 20, SMALL = 4096, DISK = 256 << 20, ACCESSES = 8000 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void access_at(int fd, void *buffer, size_t size, off_t at, int is_write)
{
    ssize_t done = is_write ? pwrite(fd, buffer, size, at) : pread(fd, buffer, size, at);

    if (done != (ssize_t)size) {
        perror("blocks");
        exit(1);
    }
}

static void in_order(int fd, void *buffer, int is_write)
{
    double start = now();

    for (off_t at = 0; at < DISK; at += LARGE)
        access_at(fd, buffer, LARGE, at, is_write);
    fsync(fd);
    printf("%s %.1f\n", is_write ? "write" : "read", DISK / 1e6 / (now() - start));
}

static void at_random(int fd, void *buffer, int is_write)
{
    double start = now();
    uint32_t random = 1;

    for (int i = 0; i < ACCESSES; i++) {
        random = random * 1664525 + 1013904223;
        access_at(fd, buffer, SMALL, (off_t)(random % (DISK / SMALL)) * SMALL, is_write);
    }
    fsync(fd);
    printf("%s %.2f\n", is_write ? "write4k" : "read4k",
           ACCESSES / 1e3 / (now() - start));
}

int main(int argc, char **argv)
{
    int fd = argc > 1 ? open(argv[1], O_RDWR | O_DIRECT) : -1;
    void *buffer;

    if (fd < 0 || posix_memalign(&buffer, SMALL, LARGE)) {
        perror("blocks");
        return 1;
    }
    for (int is_write = 1; is_write >= 0; is_write--) {
        in_order(fd, buffer, is_write);
        at_random(fd, buffer, is_write);
    }
    return 0;
}
