/* space_impl.h - the inside of a space: shared by space.c and space_copy.c only. */
#ifndef RHEA_SPACE_IMPL_H
#define RHEA_SPACE_IMPL_H

#include "isa/space.h"

enum { SPACE_CACHE = 256 };

struct area {
    uint64_t start, end;
    uint8_t *host; /* paged scheme: of `start` */
    uint8_t prot;
    bool shared;
};

/* Paged scheme: the pages used last. */
struct cached_page {
    uint64_t addr; /* 1: none */
    uint8_t *host;
    uint8_t prot;
};

struct space {
    uint64_t limit;
    uint64_t page;
    uint64_t top;      /* places are chosen below this */
    uint64_t full_top; /* all of [full_top, top) is mapped: no need to look there */
    uint8_t *base;
    bool window; /* direct, 4 GiB reserved at base */
    bool paged;
    struct area *areas;
    size_t count, capacity;
    void (*changed)(void *context, uint64_t addr, uint64_t size);
    void *changed_context;
    struct cached_page *cache;
};

/* Index of the first area that ends above addr; the area that holds addr, or NULL. */
size_t space_area_at(const struct space *space, uint64_t addr);
const struct area *space_area_of(const struct space *space, uint64_t addr);

/* Tells who translated code from [start, end) that it may change. */
void space_code_changes(struct space *space, uint64_t start, uint64_t end);

#endif
