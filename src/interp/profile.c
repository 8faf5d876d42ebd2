/* profile.c - counts executed ops and prints which follow each other. */
#include "interp/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/report.h"

enum { LINES = 400, GROUPS = 1 << 16 };

/* One profile a process. */
static uint64_t *counts; /* by unit */
static uint32_t *ids;    /* id + 1 */

struct group {
    uint64_t count;
    uint32_t id[INTERP_MAX_FUSED];
    unsigned size;
};

HANDLER(x_profile);

/* In front of an op, which it counts. */
HANDLER(x_profile)
{
    counts[unit_of(interp_of(cpu), op) + 1]++;
    cpu->insns++;
    NEXT(1);
}

interp_handler profile_handler(const struct interp *ip, interp_handler fn)
{
    (void)ip;
    return counts ? x_profile : fn;
}

void profile_op(struct interp *ip, uint32_t unit, uint32_t id)
{
    (void)ip;
    if (ids)
        ids[unit] = id + 1;
}

void profile_start(struct interp *ip)
{
    counts = calloc(MAX_UNITS, sizeof *counts);
    ids = calloc(MAX_UNITS, sizeof *ids);
    if (!counts || !ids)
        die("out of memory for a profile");
    ip->is_counting = true;
}

static void add(struct group *groups, const uint32_t *id, unsigned size, uint64_t count)
{
    uint64_t key = id[0] + id[1] * UINT64_C(0x9e3779b97f4a7c15) + (size > 2 ? id[2] * 77777u : 0);
    uint32_t i = (uint32_t)(key >> 20) % GROUPS;

    for (unsigned probes = 0; probes < GROUPS; probes++, i = (i + 1) % GROUPS) {
        struct group *g = &groups[i];

        if (g->count && (g->size != size || g->id[0] != id[0] || g->id[1] != id[1] ||
                         (size > 2 && g->id[2] != id[2])))
            continue;
        g->size = size;
        for (unsigned k = 0; k < size; k++)
            g->id[k] = id[k];
        g->count += count;
        return;
    }
}

static int by_count(const void *a, const void *b)
{
    uint64_t x = ((const struct group *)a)->count, y = ((const struct group *)b)->count;

    return (x < y) - (x > y);
}

/* As a .pairs file names it: the instruction, which of its variants, the form. */
static void print_id(const struct isa *isa, uint32_t id)
{
    uint32_t variant = id / INTERP_FORMS, nth = 0;

    for (uint32_t i = 0; i < variant; i++)
        nth += isa->variants[i].insn == isa->variants[variant].insn;
    fputs(isa->insns[isa->variants[variant].insn].name, stderr);
    if (nth)
        fprintf(stderr, "#%" PRIu32, nth);
    if (id % INTERP_FORMS)
        fprintf(stderr, "/%" PRIu32, id % INTERP_FORMS);
}

static void print_groups(const struct isa *isa, struct group *groups, uint64_t total)
{
    qsort(groups, GROUPS, sizeof *groups, by_count);
    for (unsigned i = 0; i < LINES && groups[i].count; i++) {
        for (unsigned k = 0; k < groups[i].size; k++) {
            fputc(k ? ' ' : '\n', stderr);
            print_id(isa, groups[i].id[k]);
        }
        fprintf(stderr, " # %.3f", 100.0 * (double)groups[i].count / (double)total);
    }
    fputc('\n', stderr);
}

void profile_print(struct interp *ip)
{
    struct group *groups = calloc(GROUPS, sizeof *groups);
    uint32_t last[INTERP_MAX_FUSED] = { 0 };
    uint64_t total = 1;
    unsigned run = 0;

    if (!groups || !counts)
        return;
    for (uint32_t b = 1; b < ip->nblocks; b++) {
        uint32_t end = b + 1 < ip->nblocks ? ip->blocks[b + 1].unit : ip->units;

        run = 0;
        for (uint32_t u = ip->blocks[b].unit; u < end; u++) {
            if (!ids[u])
                continue;
            for (unsigned k = INTERP_MAX_FUSED - 1; k > 0; k--)
                last[k] = last[k - 1];
            last[0] = ids[u] - 1;
            run++;
            total += counts[u];
            if (counts[u] && run > 1)
                add(groups, (uint32_t[]){ last[1], last[0] }, 2, counts[u]);
            if (counts[u] && run > 2)
                add(groups, (uint32_t[]){ last[2], last[1], last[0] }, 3, counts[u]);
        }
    }
    print_groups(ip->isa, groups, total);
    free(groups);
}
