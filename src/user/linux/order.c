/* order.c - descriptors whose bytes are numbers of the host: eventfd, timerfd, signalfd
 * and inotify.  Only where host and guest differ in byte order. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/linux/linux.h"

/* Records of such a descriptor: sizes of their numbers, ended by 0; then they repeat. */
static const struct {
    const char *name;
    uint8_t sizes[24];
} kinds[] = {
    { "anon_inode:[eventfd]", { 8, 0 } },
    { "anon_inode:[timerfd]", { 8, 0 } },
    { "anon_inode:[signalfd]",
      { 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 8, 8, 8, 8, 2, 2, 4, 8, 4, 0 } },
    { "anon_inode:inotify", { 4, 4, 4, 4, 0 } },
};
enum { SIGNALFD_RECORD = 128, INOTIFY_HEADER = 16, INOTIFY_LENGTH = 12 };

bool same_order(const struct abi *abi)
{
    const uint16_t one = 1;
    uint8_t first;

    memcpy(&first, &one, 1);
    return (first == 0) == abi->big;
}

static const uint8_t *sizes_of(int fd)
{
    char link[64], name[64];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, name, sizeof(name) - 1);
    if (n < 0)
        return NULL;
    name[n] = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].sizes;
    return NULL;
}

static void turn(uint8_t *at, unsigned size)
{
    for (unsigned i = 0; i < size / 2; i++) {
        uint8_t byte = at[i];

        at[i] = at[size - 1 - i];
        at[size - 1 - i] = byte;
    }
}

void order_bytes(struct task *t, int fd, void *bytes, int64_t size)
{
    uint8_t *at = bytes, *end = at + (size > 0 ? size : 0);
    const uint8_t *sizes;

    if (same_order(t->proc->abi) || size < 8)
        return;
    sizes = sizes_of(fd);
    while (sizes && end - at >= sizes[0]) {
        uint8_t *record = at;
        uint32_t name = 0;

        if (sizes == kinds[3].sizes && end - at >= INOTIFY_HEADER)
            memcpy(&name, at + INOTIFY_LENGTH, 4);
        for (const uint8_t *number = sizes; *number && end - at >= *number; number++) {
            turn(at, *number);
            at += *number;
        }
        if (sizes == kinds[2].sizes && end - record < SIGNALFD_RECORD)
            break;
        if (sizes == kinds[2].sizes)
            at = record + SIGNALFD_RECORD;
        if (name > (size_t)(end - at))
            break;
        at += name;
    }
}
