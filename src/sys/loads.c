/* loads.c - see loads.h.  There are few of them, so nothing is sorted. */
#include "sys/loads.h"

#include <stdlib.h>

#include "base/report.h"

void loads_add(struct loads *loads, uint64_t start, uint64_t end)
{
    struct load *last = loads->count ? &loads->all[loads->count - 1] : NULL;

    if (last && last->end == start) { /* in pieces */
        last->end = end;
        return;
    }
    loads->all = realloc(loads->all, (loads->count + 1) * sizeof(*loads->all));
    if (!loads->all)
        die("out of memory");
    loads->all[loads->count++] = (struct load){ start, end };
}

void loads_clear(struct loads *loads)
{
    free(loads->all);
    *loads = (struct loads){ NULL, 0 };
}

/* What is free from `start` on, up to `end`. */
static struct load free_at(const struct loads *loads, uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < loads->count; i++) {
        const struct load *load = &loads->all[i];

        if (load->start <= start && start < load->end)
            end = start;
        else if (load->start > start && load->start < end)
            end = load->start;
    }
    return (struct load){ start, end };
}

struct load loads_gap(const struct loads *loads, uint64_t start, uint64_t end)
{
    struct load best = free_at(loads, start, end);

    for (size_t i = 0; i < loads->count; i++) {
        uint64_t from = loads->all[i].end;
        struct load gap = { 0, 0 };

        if (from > start && from < end)
            gap = free_at(loads, from, end);
        if (gap.end - gap.start > best.end - best.start)
            best = gap;
    }
    return best;
}
