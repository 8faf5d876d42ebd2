/* dump.c - frames as a pcap file, for tcpdump and Wireshark. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "sys/net/part.h"

enum { LINK_ETHERNET = 1, MOST_BYTES = 65536 };

struct net_dump {
    FILE *file;
    struct clock *clock;
    uint32_t most_bytes;
};

static void put32(struct net_dump *dump, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        putc(value >> 8 * i & 0xff, dump->file);
}

struct net_dump *net_dump_open(const struct net_dump_config *config, struct clock *clock)
{
    struct net_dump *dump = calloc(1, sizeof(*dump));

    if (!dump)
        die("out of memory");
    dump->clock = clock;
    dump->most_bytes = config->most_bytes ? config->most_bytes : MOST_BYTES;
    dump->file = fopen(config->file, "wb");
    if (!dump->file)
        die("-object filter-dump: %s: %s", config->file, strerror(errno));
    put32(dump, 0xa1b2c3d4); /* times in microseconds */
    put32(dump, 4 << 16 | 2);
    put32(dump, 0);
    put32(dump, 0);
    put32(dump, dump->most_bytes);
    put32(dump, LINK_ETHERNET);
    return dump;
}

void net_dump_write(struct net_dump *dump, const uint8_t *frame, size_t size)
{
    uint64_t now_us;
    size_t part;

    if (!dump)
        return;
    now_us = clock_wall_ns(dump->clock) / 1000;
    part = size < dump->most_bytes ? size : dump->most_bytes;
    put32(dump, now_us / 1000000);
    put32(dump, now_us % 1000000);
    put32(dump, part);
    put32(dump, size);
    fwrite(frame, 1, part, dump->file);
    fflush(dump->file); /* somebody may be reading along */
}

void net_dump_close(struct net_dump *dump)
{
    if (!dump)
        return;
    if (ferror(dump->file) | fclose(dump->file))
        fprintf(stderr, "rhea: the dump of a network is not complete\n");
    free(dump);
}
