/* count.c - what executed how many instructions, and how often regions are left, where
 * and why: -jit-stats, -jit-exits.
 *
 * In front of instructions in a row is an x_tally, for handlers and for templates;
 * regions add theirs when they are left.  Exits are counted in cells (CELL_COUNT), by
 * several threads without a lock: then some are lost. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/jit.h"
#include "isa/sem.h"
#include "isa/trace.h"

enum { MOST = 10, TEXT = 400 };

static uint64_t in_cell(const struct interp *ip, const struct loaded *region,
                        uint32_t cell)
{
    uint64_t count = 0;

    if (region->unit)
        memcpy(&count, &ip->ops[region->unit + cell], sizeof count);
    return count;
}

void exits_keep(struct interp *ip)
{
    struct loaded *region = jit_options.stats ? ip->jit->regions : NULL;

    for (; region; region = region->next) {
        if (!region->counts)
            region->counts = calloc(region->ncells, sizeof *region->counts);
        for (uint32_t i = 0; region->counts && i < region->ncells; i++)
            if (region->cells[i].kind == CELL_COUNT)
                region->counts[i] += in_cell(ip, region, i);
    }
}

/* ------------------------------------------------------------------------- report */

enum cause { BY_LINK, BY_JUMP, BY_RETURN, FOR_INTERP, BY_KICK, CAUSES };
static const char *const causes[CAUSES] = {
    [BY_LINK] = "goes on at",  [BY_JUMP] = "indirect jump at",
    [BY_RETURN] = "return at", [FOR_INTERP] = "an instruction for the interpreter at",
    [BY_KICK] = "kicked at",
};

/* Of all regions that are left there for that reason. */
struct exit_count {
    enum cause cause;
    uint64_t pc, count;
};

static bool has_insn(const struct loaded *region, uint64_t pc)
{
    for (uint32_t i = 0; i < region->npcs; i++)
        if (region->pcs[i] == pc)
            return true;
    return false;
}

static enum cause cause_of(const struct loaded *region, unsigned kind, uint64_t pc)
{
    switch (kind) {
    case CELL_SIDE: return FOR_INTERP;
    case CELL_JUMP: return BY_JUMP;
    case CELL_RETURN: return BY_RETURN;
    case CELL_ROW: return BY_KICK;
    default: return has_insn(region, pc) ? BY_KICK : BY_LINK;
    }
}

static uint32_t count_cells(const struct jit *jit)
{
    uint32_t count = 0;

    for (const struct loaded *region = jit->regions; region; region = region->next)
        count += region->ncells;
    return count;
}

/* Those of a region that were taken: how many. */
static uint32_t add_exits(const struct interp *ip, const struct loaded *region,
                          struct exit_count *exits)
{
    uint32_t n = 0;

    for (uint32_t i = 1; i < region->ncells; i++) {
        const struct region_cell *cell = &region->cells[i - 1];
        uint64_t pc = (region->base + cell->pc) & mask64(ip->isa->pc_width), count;

        if (region->cells[i].kind != CELL_COUNT)
            continue;
        count = in_cell(ip, region, i) + (region->counts ? region->counts[i] : 0);
        if (count)
            exits[n++] =
                (struct exit_count){ cause_of(region, cell->kind, pc), pc, count };
    }
    return n;
}

static int by_place(const void *a, const void *b)
{
    const struct exit_count *left = a, *right = b;

    if (left->pc != right->pc)
        return left->pc < right->pc ? -1 : 1;
    return (int)left->cause - (int)right->cause;
}

static int by_count(const void *a, const void *b)
{
    const struct exit_count *left = a, *right = b;

    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    return by_place(a, b);
}

/* Makes one of those that are the same; how many are left. */
static uint32_t merge(struct exit_count *exits, uint32_t count)
{
    uint32_t n = 0;

    qsort(exits, count, sizeof *exits, by_place);
    for (uint32_t i = 0; i < count; i++)
        if (n && by_place(&exits[n - 1], &exits[i]) == 0)
            exits[n - 1].count += exits[i].count;
        else
            exits[n++] = exits[i];
    return n;
}

static void report_exit(const struct interp *ip, const struct exit_count *exit,
                        void (*line)(const char *text))
{
    char text[TEXT], name[TEXT / 2] = "";

    if (isa_trace && isa_trace->name)
        isa_trace->name(ip->cpu, exit->pc, name, sizeof name);
    snprintf(text, sizeof text, "jit: left %" PRIu64 " times: %s 0x%08" PRIx64 " %s",
             exit->count, causes[exit->cause], exit->pc, name);
    line(text);
}

static uint64_t executed_by(const struct interp *ip, enum tier tier)
{
    uint64_t sum = ip->executed[tier];

    for (const struct interp_cpu *self = ip->cpus; self; self = self->next)
        sum += self->cpu->executed[tier];
    return sum;
}

static void report_causes(const struct interp *ip, const struct exit_count *exits,
                          uint32_t count, void (*line)(const char *text))
{
    uint64_t sums[CAUSES] = { 0 }, all = 0;
    char text[TEXT];

    for (uint32_t i = 0; i < count; i++) {
        sums[exits[i].cause] += exits[i].count;
        all += exits[i].count;
    }
    snprintf(text, sizeof text,
             "jit: regions left %" PRIu64 " times, after %.1f instructions each", all,
             all ? (double)executed_by(ip, TIER_REGION) / (double)all : 0);
    line(text);
    snprintf(text, sizeof text,
             "jit: exits: %" PRIu64 " indirect jumps, %" PRIu64 " returns, %" PRIu64
             " links, %" PRIu64 " for the interpreter, %" PRIu64 " kicks",
             sums[BY_JUMP], sums[BY_RETURN], sums[BY_LINK], sums[FOR_INTERP],
             sums[BY_KICK]);
    line(text);
}

/* ------------------------------------------------------------------- instructions */

/* Of the cache, compiled by processes that did not count. */
static unsigned count_uncounted(const struct jit *jit)
{
    unsigned count = 0;

    for (const struct loaded *region = jit->regions; region; region = region->next)
        count += !region->is_counting;
    return count;
}

static void report_executed(const struct interp *ip, void (*line)(const char *text))
{
    uint64_t in[TIERS], sum = 0;
    unsigned uncounted = count_uncounted(ip->jit);
    char text[TEXT];

    for (unsigned i = 0; i < TIERS; i++)
        sum += in[i] = executed_by(ip, i);
    if (!sum)
        return;
    snprintf(text, sizeof text,
             "jit: %" PRIu64 " instructions executed: %.1f%% in regions, %.1f%% in "
             "templates, %.1f%% in the interpreter",
             sum, 100.0 * (double)in[TIER_REGION] / (double)sum,
             100.0 * (double)in[TIER_TEMPLATE] / (double)sum,
             100.0 * (double)in[TIER_INTERP] / (double)sum);
    line(text);
    if (!uncounted)
        return;
    snprintf(text, sizeof text,
             "jit: not counted: those in %u regions that the cache had (cache=off: all "
             "are)",
             uncounted);
    line(text);
}

static void report_exits(const struct interp *ip, void (*line)(const char *text))
{
    struct exit_count *exits = malloc((count_cells(ip->jit) + 1) * sizeof *exits);
    uint32_t n = 0;

    if (!exits)
        return;
    for (const struct loaded *region = ip->jit->regions; region; region = region->next)
        n += add_exits(ip, region, &exits[n]);
    n = merge(exits, n);
    report_causes(ip, exits, n, line);
    qsort(exits, n, sizeof *exits, by_count);
    for (uint32_t i = 0; jit_options.exits && i < n && i < MOST; i++)
        report_exit(ip, &exits[i], line);
    free(exits);
}

void count_report(const struct interp *ip, void (*line)(const char *text))
{
    report_executed(ip, line);
    report_exits(ip, line);
}
