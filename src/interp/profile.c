/* profile.c - counts executed ops and prints the blocks they are in. */
#include "interp/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/report.h"

/* One profile a process. */
static uint64_t *counts; /* by unit */
static uint32_t *ids;    /* id + 1 */
static uint64_t wanted;  /* instructions, then print */

HANDLER(x_profile);

/* The instruction, which of its variants, and of each operand how far back the op is that
 * wrote it (0: too far), and `a` where acc has it. */
static void print_id(const struct isa *isa, uint32_t id)
{
    uint32_t variant = id / PROFILE_IDS, nth = 0;

    for (uint32_t i = 0; i < variant; i++)
        nth += isa->variants[i].insn == isa->variants[variant].insn;
    fputs(isa_string(isa, isa->insns[isa->variants[variant].insn].name), stderr);
    if (nth)
        fprintf(stderr, "#%" PRIu32, nth);
    if (id % PROFILE_IDS == 0)
        return;
    fputc('/', stderr);
    for (unsigned k = 0; k < INTERP_IN; k++) {
        unsigned source = id >> 4 * k & 15;

        fprintf(stderr, "%u%c", source & 7, source & 8 ? 'a' : '-');
    }
}

/* A line for each stretch of ops that could be fused: each with its count. */
static void print_profile(const struct interp *ip)
{
    bool is_open = false;
    uint32_t block = 1;

    for (uint32_t i = 0; i < ip->npositions; i++) {
        uint32_t unit = ip->positions[i].unit + 1; /* behind the op that counts */

        if (block < ip->nblocks && ip->blocks[block].position <= i) {
            block++;
            fputs(is_open ? "\n" : "", stderr);
            is_open = false;
        }
        if (ip->positions[i].ilen && ids[unit] && counts[unit]) {
            fputs(is_open ? " " : "ops: ", stderr);
            print_id(ip->isa, ids[unit] - 1);
            fprintf(stderr, " %" PRIu64, counts[unit]);
            is_open = true;
        } else if (is_open) {
            fputc('\n', stderr);
            is_open = false;
        }
    }
    fputc('\n', stderr);
}

/* In front of an op, which it counts. */
HANDLER(x_profile)
{
    counts[unit_of(interp_of(cpu)->ip, op) + 1]++;
    if (++cpu->insns == wanted)
        print_profile(interp_of(cpu)->ip);
    NEXT(1);
}

interp_handler profile_handler(interp_handler fn)
{
    return counts ? x_profile : fn;
}

void profile_op(uint32_t unit, uint32_t id)
{
    if (ids)
        ids[unit] = id + 1;
}

void profile_start(struct interp *ip, const char *instructions)
{
    wanted = strtoull(instructions, NULL, 0);
    counts = calloc(MAX_UNITS, sizeof *counts);
    ids = calloc(MAX_UNITS, sizeof *ids);
    if (!counts || !ids)
        die("out of memory for a profile");
    ip->is_counting = true;
}
