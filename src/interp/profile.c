/* profile.c - counts executed ops and prints the blocks they are in. */
#include "interp/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/report.h"

/* One profile a process. */
static uint64_t *counts; /* by unit */
static struct profiled {
    bool is_known;
    struct insn_op insn;
} * ops;                /* by unit */
static uint64_t wanted; /* instructions, then print */

HANDLER(x_profile);

/* The instruction, which of its variants, registers that it reads and writes, and the one
 * that is in acc: "add/784.792>800@784". */
static void print_op(const struct isa *isa, const struct profiled *op)
{
    uint32_t nth = 0;

    for (uint32_t i = 0; i < op->insn.variant; i++)
        nth += isa->variants[i].insn == isa->variants[op->insn.variant].insn;
    fputs(isa_string(isa, isa->insns[isa->variants[op->insn.variant].insn].name), stderr);
    if (nth)
        fprintf(stderr, "#%" PRIu32, nth);
    fputc('/', stderr);
    for (unsigned k = 0; k < INTERP_IN; k++)
        if (op->insn.reg[k] != NO_REG)
            fprintf(stderr, k ? ".%u" : "%u", op->insn.reg[k]);
    if (op->insn.reg[INTERP_IN] != NO_REG)
        fprintf(stderr, ">%u", op->insn.reg[INTERP_IN]);
    if (op->insn.acc != NO_REG)
        fprintf(stderr, "@%u", op->insn.acc);
}

/* A line for each stretch of ops that could be fused: each with its count. */
static void print_profile(const struct interp *ip)
{
    bool is_open = false;
    uint32_t block = 1;

    for (uint32_t i = 0; i < ip->npositions; i++) {
        uint32_t unit = ip->positions[i].unit;

        if (block < ip->nblocks && ip->blocks[block].position <= i) {
            block++;
            fputs(is_open ? "\n" : "", stderr);
            is_open = false;
        }
        if (ip->ops[unit].fn == x_profile)
            continue;
        if (ip->positions[i].ilen && ops[unit].is_known && counts[unit]) {
            fputs(is_open ? " " : "ops: ", stderr);
            print_op(ip->isa, &ops[unit]);
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

void profile_op(const struct insn_op *insn)
{
    if (ops)
        ops[insn->unit] = (struct profiled){ true, *insn };
}

void profile_start(struct interp *ip, const char *instructions)
{
    wanted = strtoull(instructions, NULL, 0);
    counts = calloc(MAX_UNITS, sizeof *counts);
    ops = calloc(MAX_UNITS, sizeof *ops);
    if (!counts || !ops)
        die("out of memory for a profile");
    ip->is_counting = ip->is_counting_each = true;
}
