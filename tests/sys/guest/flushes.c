/* flushes.c - writes to a disk without an end, and says what of it is safe: see
 * kills.long.
 *
 * flushes DISK FIRST.  The write of number v is of 3 KiB, at a place that follows from v,
 * and full of the number v; `safe V` says that a flush has ended, after the write of V.
 * Behind the first 8 MiB clusters come and go. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PLACES = 2048, SIZE = 3072, BEHIND = 8 << 20, ROOM = 24 << 20 };

/* kills.py has the same. */
static uint32_t mixed(uint64_t v)
{
    v = v * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(v >> 33);
}

static void write_at(int disk, uint64_t v, off_t at)
{
    static uint64_t words[SIZE / 8];

    for (unsigned i = 0; i < SIZE / 8; i++)
        words[i] = v;
    if (pwrite(disk, words, SIZE, at) != SIZE) {
        printf("a write failed\n");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    int disk = open(argv[1], O_RDWR);

    (void)argc;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (uint64_t v = strtoull(argv[2], NULL, 0);; v++) {
        uint32_t chance = mixed(~v);
        uint64_t range[2] = { BEHIND + chance % (ROOM >> 9) * 512, 300 << 10 };

        write_at(disk, v, (off_t)(mixed(v) % PLACES) * SIZE);
        if (chance % 5 == 0)
            write_at(disk, v, (off_t)range[0]);
        if (chance % 7 == 0)
            ioctl(disk, BLKDISCARD, range);
        if (chance % 8 == 0) {
            if (fdatasync(disk)) {
                printf("a flush failed\n");
                exit(1);
            }
            printf("safe %llu\n", (unsigned long long)v);
        }
    }
}
