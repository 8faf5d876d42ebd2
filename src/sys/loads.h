/* loads.h - where images have been put into a machine's memory, and what room is left. */
#ifndef RHEA_SYS_LOADS_H
#define RHEA_SYS_LOADS_H

#include <stddef.h>
#include <stdint.h>

struct loads {
    struct load {
        uint64_t start, end;
    } * all;
    size_t count;
};

void loads_add(struct loads *loads, uint64_t start, uint64_t end);
void loads_clear(struct loads *loads); /* and what it takes */
/* The largest part of [start, end) that has nothing of them. */
struct load loads_gap(const struct loads *loads, uint64_t start, uint64_t end);

#endif
