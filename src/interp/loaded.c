/* loaded.c - compiled regions in memory: their cells, and the blocks that enter them. */
#include "interp/jit.h"

#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isa/eval.h"
#include "isa/sem.h"

enum { CODE_SIZE = 256 << 20, CODE_ALIGN = 64, POINTS_START = 1 << 8 };

static const uintptr_t helpers[REGION_HELPERS] = {
    [REGION_HELPER_FP] = (uintptr_t)eval_fp_call,
};

/* -------------------------------------------------------------------- entry points */

static struct entry_point *point_at(const struct jit *jit, uint64_t pc,
                                    const struct mode_table *table)
{
    uint32_t i = block_hash(block_key(pc, table));

    for (;; i++) {
        struct entry_point *point = &jit->points[i & jit->points_mask];

        if (!point->region || (point->pc == pc && point->region->table == table))
            return point;
    }
}

static bool grow_points(struct jit *jit)
{
    uint32_t size = jit->points ? (jit->points_mask + 1) * 2 : POINTS_START;
    uint32_t count = jit->points ? jit->points_mask + 1 : 0;
    struct entry_point *old = jit->points, *points = calloc(size, sizeof *points);

    if (!points)
        return false;
    jit->points = points;
    jit->points_mask = size - 1;
    for (uint32_t i = 0; i < count; i++)
        if (old[i].region)
            *point_at(jit, old[i].pc, old[i].region->table) = old[i];
    free(old);
    return true;
}

/* The newest region of a pc is the one that is entered. */
static void put_point(struct jit *jit, struct loaded *region, unsigned entry)
{
    uint64_t pc = region->base + region->entries[entry].pc;
    struct entry_point *point;

    if ((!jit->points || jit->points_used * 2 > jit->points_mask) && !grow_points(jit))
        return;
    point = point_at(jit, pc, region->table);
    jit->points_used += !point->region;
    *point = (struct entry_point){ pc, region, region->entries[entry].at };
}

static const struct entry_point *find_point(const struct interp *ip, uint64_t pc,
                                            const struct mode_table *table)
{
    const struct jit *jit = ip->jit;
    const struct entry_point *point;

    if (!jit || !jit->points)
        return NULL;
    point = point_at(jit, pc, table);
    return point->region && !point->region->is_dead ? point : NULL;
}

bool loaded_is_entry(const struct interp *ip, uint64_t pc)
{
    return find_point(ip, pc, ip->mode) != NULL;
}

static bool is_in(const struct loaded *region, uint64_t first, uint64_t last)
{
    for (uint32_t i = 0; i < region->npages; i++)
        if (region->pages[i] >= first && region->pages[i] <= last)
            return true;
    return false;
}

bool loaded_has(const struct interp *ip, uint64_t pc)
{
    uint64_t page = pc >> PAGE_SHIFT;

    for (const struct loaded *region = ip->jit->regions; region; region = region->next) {
        if (region->is_dead || region->table != ip->mode || !is_in(region, page, page))
            continue;
        for (uint32_t i = 0; i < region->npcs; i++)
            if (region->pcs[i] == pc)
                return true;
    }
    return false;
}

/* --------------------------------------------------------------------------- cells */

static void set_word(struct jit *jit, const struct loaded *region, uint32_t at,
                     uint64_t value)
{
    memcpy(jit->memory.write + region->at + at, &value, sizeof value);
}

static void make_cell(struct interp *ip, const struct region_cell *cell, uint64_t base,
                      struct op *op)
{
    uint64_t pc = (base + cell->pc) & mask64(ip->isa->pc_width);
    struct block *block;
    struct op *stub;

    memset(op, 0, sizeof *op);
    switch (cell->kind) {
    case CELL_FIRST: op->fn = x_region; break;
    case CELL_SIDE: op->fn = x_side; break;
    case CELL_ROW: op->fn = x_row; break;
    case CELL_JUMP: op->fn = x_jump; break;
    case CELL_RETURN: op->fn = x_return; break;
    case CELL_COUNT: break;
    case CELL_HELPER: op->fn = (interp_handler)helpers[cell->pc]; break;
    case CELL_CALLED:
        *(struct jump_entry *)(void *)op =
            (struct jump_entry){ .pc = pc, .op = &return_unknown };
        break;
    default:
        op->fn = x_goto;
        stub = stub_new(ip, x_stub, pc, op, OP_PAYLOAD);
        block = block_find(ip, pc);
        if (block)
            block_link(ip, stub, block);
    }
}

/* Ops that no block finds; their positions are the region's business. */
static struct op *new_cells(struct interp *ip, uint64_t pc, uint32_t count)
{
    struct op *ops = &ip->ops[ip->units];

    block_new_hidden(ip, pc);
    ip->units += count;
    return ops;
}

static bool own_memory(struct jit *jit)
{
    if (jit->is_inherited && host_code_unshare(&jit->memory, jit->used) < 0)
        return false;
    jit->is_inherited = false;
    return true;
}

/* false: no room. */
static bool make_cells(struct interp *ip, struct loaded *region)
{
    struct jit *jit = ip->jit;
    struct op *ops;

    if (ip->units + 3 * region->ncells + SPARE_UNITS > ip->stubs ||
        ip->nblocks + 1 >= MAX_BLOCKS || !own_memory(jit))
        return false;
    ops = new_cells(ip, region->base, region->ncells);
    for (uint32_t i = 0; i < region->ncells; i++)
        make_cell(ip, &region->cells[i], region->base, &ops[i]);
    set_word(jit, region, region->cells_at, (uintptr_t)ops);
    set_word(jit, region, region->base_at, region->base);
    region->unit = unit_of(ip, ops);
    return true;
}

static struct loaded *region_of(const struct interp *ip, uint32_t unit)
{
    struct loaded *region = ip->jit->regions;

    while (region && !(region->unit && unit - region->unit < region->ncells))
        region = region->next;
    return region;
}

uint64_t loaded_fault_pc(const struct interp *ip, const struct op *op, uint32_t insn,
                         bool *precise)
{
    const struct loaded *region = region_of(ip, unit_of(ip, op));

    *precise = region->is_precise;
    return region->is_precise ? region->pcs[insn] : region->base;
}

HANDLER(x_region)
{
    bug("the first cell of a region was executed (%p, %p)", (void *)cpu,
        (const void *)op);
}

/* The pc of a cell that somebody is at, so that nothing was flushed; needs nothing taken.
 */
static uint64_t cell_pc(const struct interp *ip, const struct op *op)
{
    uint32_t unit = unit_of(ip, op);
    const struct loaded *region = region_of(ip, unit);

    return (region->base + region->cells[unit - region->unit].pc) &
           mask64(ip->isa->pc_width);
}

bool loaded_cell_pc(const struct interp *ip, const struct op *op, uint64_t *pc)
{
    if (!region_of(ip, unit_of(ip, op)))
        return false;
    *pc = cell_pc(ip, op);
    return true;
}

typedef const struct op *make_ops(struct interp *ip, uint64_t pc);

/* The cell jumps to the ops from now on.  NULL: there are none. */
static const struct op *link_cell(struct interp *ip, uint32_t unit, make_ops *make)
{
    uint32_t flushes = ip->flushes;
    const struct op *to = make(ip, ip->cpu->pc);
    int32_t distance;

    if (!to || ip->flushes != flushes)
        return to;
    distance = (int32_t)((const uint8_t *)to - (const uint8_t *)&ip->ops[unit]);
    memcpy(ip->ops[unit].payload, &distance, sizeof distance);
    __atomic_store_n(&ip->ops[unit].fn, make == predecode_row ? x_late : x_goto,
                     __ATOMIC_RELEASE);
    return to;
}

/* The ops that a cell stands for; NULL: cpu->event says why. */
static const struct op *cell_ops(struct cpu *cpu, const struct op *op, make_ops *make)
{
    struct interp_cpu *self = interp_of(cpu);
    uint32_t unit = unit_of(self->ip, op), flushes = self->ip->flushes;
    const struct op *to = op;
    struct interp *ip;

    cpu->pc = cell_pc(self->ip, op);
    self->is_running = false;
    ip = interp_take(self);
    if (ip->flushes != flushes)
        to = make(ip, cpu->pc);
    else if (op->fn == x_side || op->fn == x_row)
        to = link_cell(ip, unit, make);
    interp_give(self);
    self->is_running = true;
    return to;
}

HANDLER(x_side)
{
    const struct op *to = cell_ops(cpu, op, predecode_single);

    if (!to)
        LEAVE();
    TAIL(to);
}

HANDLER(x_row)
{
    const struct op *to = cell_ops(cpu, op, predecode_row);

    if (!to)
        LEAVE();
    TAIL(to);
}

/* x_goto that nobody kicks. */
HANDLER(x_late)
{
    TAIL(LINK_TARGET(0, OP_PAYLOAD));
}

/* ------------------------------------------------------------------------- loading */

void loaded_attach(struct interp *ip, struct block *block)
{
    const struct entry_point *point;
    struct op *first = &ip->ops[block_unit(block)];

    if (!ip->jit || block->is_dead || ip->cpu->stops)
        return;
    point = find_point(ip, block->pc, block->table);
    if (!point || (!point->region->unit && !make_cells(ip, point->region)))
        return;
    if (first->fn == x_cold || first->fn == x_heated) {
        block_skip_first(ip, block);
        first = &ip->ops[block_unit(block)];
    }
    __atomic_store_n(
        &first->fn,
        (interp_handler)(uintptr_t)(ip->jit->memory.run + point->region->at + point->at),
        __ATOMIC_RELEASE);
}

static bool get_memory(struct jit *jit, size_t size)
{
    if (!jit->memory.write &&
        host_code_map(&jit->memory, CODE_SIZE, helpers[REGION_HELPER_FP]) < 0)
        return false;
    jit->used += -jit->used & (CODE_ALIGN - 1);
    return jit->used + size <= CODE_SIZE && own_memory(jit);
}

void loaded_release(struct loaded *region)
{
    free(region->pages);
    free(region->pcs);
    free(region->cells);
    free(region->entries);
    free(region->counts);
    free(region);
}

static struct loaded *new_region(struct job *job)
{
    struct loaded *region = calloc(1, sizeof *region);
    struct region_code *code = &job->code;

    if (!region)
        return NULL;
    region->pcs = malloc((job->request.ninsns + 1) * sizeof *region->pcs);
    if (!region->pcs) {
        free(region);
        return NULL;
    }
    for (uint32_t i = 0; i < job->request.ninsns; i++)
        region->pcs[i] = job->request.insns[i].pc;
    region->npcs = job->request.ninsns;
    region->is_precise = job->request.is_precise;
    region->table = job->table;
    region->base = job->request.base;
    region->pages = job->pages;
    region->npages = job->npages;
    region->ncells = code->ncells;
    region->nentries = code->nentries;
    region->cells = code->cells;
    region->entries = code->entries;
    region->cells_at = code->cells_at;
    region->base_at = code->base_at;
    job->pages = NULL;
    code->cells = NULL;
    code->entries = NULL;
    return region;
}

static void enter_at_blocks(struct interp *ip, const struct loaded *region)
{
    for (unsigned i = 0; i < region->nentries; i++) {
        struct block *block = block_find(ip, region->base + region->entries[i].pc);

        if (block)
            loaded_attach(ip, block);
    }
}

bool loaded_put(struct interp *ip, struct loaded *region, const struct region_code *code)
{
    struct jit *jit = ip->jit;
    struct mode_table *mode = ip->mode;

    if (!get_memory(jit, code->size)) {
        loaded_release(region);
        return false;
    }
    region->at = jit->used;
    region->size = code->size;
    region->next = jit->regions;
    jit->regions = region;
    memcpy(jit->memory.write + region->at, code->code, code->size);
    __builtin___clear_cache((char *)jit->memory.run + region->at,
                            (char *)jit->memory.run + region->at + code->size);
    jit->used += code->size;
    told_loaded(ip, region, code);
    ip->mode = region->table;
    for (unsigned i = 0; i < region->nentries; i++)
        put_point(jit, region, i);
    enter_at_blocks(ip, region);
    ip->mode = mode;
    return true;
}

bool loaded_add(struct interp *ip, struct job *job)
{
    struct loaded *region = new_region(job);

    return region && loaded_put(ip, region, &job->code);
}

/* -------------------------------------------------------------------- invalidation */

/* Blocks that enter it are dropped; who is inside leaves at the next kick. */
static void drop(struct interp *ip, struct loaded *region)
{
    region->is_dead = true;
    ip->mode = region->table;
    for (unsigned i = 0; i < region->nentries; i++) {
        uint64_t pc = region->base + region->entries[i].pc;
        struct entry_point *point = point_at(ip->jit, pc, region->table);
        struct block *block = block_find(ip, pc);

        if (point->region == region && block)
            block_drop(ip, block);
    }
}

bool loaded_invalidate(struct interp *ip, uint64_t first, uint64_t last)
{
    struct mode_table *mode = ip->mode;
    bool any = false;

    cached_forget(ip->jit);
    for (struct loaded *region = ip->jit->regions; region; region = region->next)
        if (!region->is_dead && is_in(region, first, last)) {
            drop(ip, region);
            any = true;
        }
    ip->mode = mode;
    for (struct interp_cpu *cpu = any ? ip->cpus : NULL; cpu; cpu = cpu->next)
        cpu->cpu->kick = 1;
    return any;
}

void loaded_drop_unseen(struct interp *ip)
{
    struct mode_table *mode = ip->mode;

    for (struct loaded *region = ip->jit->regions; region; region = region->next)
        if (!region->is_dead && !region->is_precise)
            drop(ip, region);
    ip->mode = mode;
}

/* Regions stay: they will have cells elsewhere, which children must not see in theirs. */
void loaded_flush(struct interp *ip)
{
    struct jit *jit = ip->jit;

    exits_keep(ip);
    jit->is_inherited = jit->memory.write != NULL;
    for (struct loaded *region = jit->regions; region; region = region->next) {
        region->unit = 0;
        region->is_flushed = true;
    }
}

void loaded_fence(struct interp *ip, bool (*may_be_written)(struct space *, uint64_t))
{
    for (struct loaded *region = ip->jit->regions; region; region = region->next)
        for (uint32_t i = 0; region->is_flushed && !region->is_dead && i < region->npages;
             i++)
            if (may_be_written(ip->cpu->space, region->pages[i] << PAGE_SHIFT))
                loaded_invalidate(ip, region->pages[i], region->pages[i]);
}

void loaded_free(struct jit *jit)
{
    while (jit->regions) {
        struct loaded *region = jit->regions;

        jit->regions = region->next;
        loaded_release(region);
    }
    free(jit->points);
    host_code_unmap(&jit->memory);
}
