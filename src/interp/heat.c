/* heat.c - blocks that run for the first times.
 *
 * Most code of a program that starts runs once or twice, and finding the best handlers
 * for it takes longer than running it.  So a block is cold in the beginning: its ops have
 * handlers that take nothing from acc, in no groups, which observe and set all flags; and
 * in front of them x_cold counts.  When the count ends they get their handlers where they
 * are.  Where there are templates x_heated counts on, until it is worth making machine
 * code; then links lead past it.  Somebody may be anywhere in the block meanwhile: what
 * an op reads and leaves is the same with both. */
#include <stdlib.h>
#include <string.h>

#include "interp/fuse.h"
#include "interp/interp.h"
#include "interp/jit.h"
#include "interp/liveness.h"
#include "interp/template.h"

bool heat_is_cold(const struct interp *ip, const struct block *block)
{
    return ip->ops[block->unit].fn == x_cold;
}

bool heat_is_hot(const struct interp *ip, const struct block *block)
{
    return !heat_is_cold(ip, block) && ip->ops[block->unit].fn != x_heated;
}

/* Ops in a row. */
struct run {
    struct fuser fuser;
    uint16_t known[ISA_FLAG_GROUPS]; /* in front of them */
    unsigned count;
    uint32_t units[MAX_BLOCK_INSNS], variants[MAX_BLOCK_INSNS];
};

static void end_run(struct interp *ip, struct run *run)
{
    if (ip->isa->nflag_uses && run->count)
        liveness_choose(ip->isa, run->variants, run->count, run->known);
    for (unsigned i = 0; i < run->count; i++)
        fuse_add(&run->fuser, ip, run->units[i], run->variants[i]);
    fuse_end(&run->fuser, ip, true);
    fuse_begin(&run->fuser, run->fuser.acc);
    run->count = 0;
}

static void set_first(struct interp *ip, struct block *block, interp_handler fn)
{
    __atomic_store_n(&ip->ops[block->unit].fn, fn, __ATOMIC_RELEASE);
}

static void heat(struct interp *ip, struct block *block)
{
    bool is_newest = block == &ip->blocks[ip->nblocks - 1];
    uint32_t end = is_newest ? ip->npositions : block[1].position;
    struct run run = { .count = 0 };

    fuse_begin(&run.fuser, NO_REG);
    for (uint32_t i = block->position; i < end; i++) {
        uint32_t unit = ip->positions[i].unit;

        if (run.count == MAX_BLOCK_INSNS || ip->ops[unit].fn == x_tally ||
            ip->ops[unit].fn == x_count)
            end_run(ip, &run);
        if (ip->variants[i] == ISA_NONE)
            continue;
        run.units[run.count] = unit;
        run.variants[run.count++] = ip->variants[i];
    }
    end_run(ip, &run);
    if (is_newest)
        ip->last_acc = run.fuser.acc;
    if (ip->template || ip->wants_template || ip->jit)
        set_first(ip, block, x_heated);
    else
        block_skip_first(ip, block);
}

static void make_hot(struct interp *ip, struct block *block)
{
    bool is_newest = block == &ip->blocks[ip->nblocks - 1];

    if ((ip->wants_template || ip->jit) && ip->hot_blocks < HOT_BLOCKS &&
        ++ip->hot_blocks < HOT_BLOCKS) {
        memset(ip->ops[block->unit].payload, 0, OP_SIZE - OP_PAYLOAD);
        return; /* and asks again */
    }
    if (!block->table->kind && cached_load(ip, block->pc))
        return;
    template_load(ip);
    if (!block->table->kind)
        jit_start(ip);
    block_skip_first(ip, block);
    template_make(ip, block_unit(block), is_newest ? ip->units : block[1].unit);
    if (!block->table->kind)
        jit_hot(ip, block->pc);
}

/* How often the block ran that begins with `op`. */
static uint32_t count_run(struct interp *ip, const struct op *op)
{
    uint32_t *runs = (uint32_t *)(void *)ip->ops[unit_of(ip, op)].payload;

    return ++*runs;
}

/* The block that begins with `op`, whose handler was `fn`, has run so often that it is
 * changed, if nobody has done it meanwhile.  cpu->pc is its pc then. */
static void change(struct cpu *cpu, const struct op *op, interp_handler fn,
                   void (*how)(struct interp *, struct block *))
{
    struct interp_cpu *self = interp_of(cpu);
    struct interp *ip = self->ip;
    uint32_t flushes = ip->flushes;
    struct block *block = block_of(ip, unit_of(ip, op));

    cpu->pc = block->pc;
    self->is_running = false;
    interp_take(self);
    if (ip->flushes == flushes && op->fn == fn && !block->is_dead)
        how(ip, block);
    interp_give(self);
    self->is_running = true;
}

HANDLER(x_cold)
{
    struct interp *ip = interp_of(cpu)->ip;

    if (count_run(ip, op) < ip->cold_runs)
        NEXT(1);
    change(cpu, op, x_cold, heat);
    CALL_HANDLER(x_jump, op);
}

HANDLER(x_heated)
{
    struct interp *ip = interp_of(cpu)->ip;

    if (count_run(ip, op) < ip->hot_runs)
        NEXT(1);
    change(cpu, op, x_heated, make_hot);
    CALL_HANDLER(x_jump, op);
}
