/* loaded.c - compiled regions in memory: their cells, and the blocks that enter them. */
#include "interp/jit.h"

#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isa/eval.h"
#include "isa/sem.h"

enum {
    CODE_SIZE = 256 << 20, /* unless somebody says how much */
    CODE_LEAST = 64 << 10,
    CODE_MOST = 512 << 20, /* jumps of 32 bits reach it */
    CODE_ALIGN = 64,
    POINTS_START = 1 << 8,
};

static const uintptr_t helpers[REGION_HELPERS] = {
    [REGION_HELPER_FP] = (uintptr_t)eval_fp_call,
    [REGION_HELPER_FLAG] = (uintptr_t)eval_flag_call,
};

/* -------------------------------------------------------------------- entry points */

/* `page`: that its code is in; with translated addresses there may be several. */
static struct entry_point *point_at(const struct jit *jit, uint64_t pc,
                                    const struct mode_table *table, uint64_t page)
{
    uint32_t i = block_hash(block_key(pc, table));

    for (;; i++) {
        struct entry_point *point = &jit->points[i & jit->points_mask];

        if (!point->region || (point->pc == pc && point->region->table == table &&
                               (!RHEA_TLB || point->region->pages[0] == page)))
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
            *point_at(jit, old[i].pc, old[i].region->table, old[i].region->pages[0]) =
                old[i];
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
    point = point_at(jit, pc, region->table, region->pages[0]);
    jit->points_used += !point->region;
    *point = (struct entry_point){ pc, region, region->entries[entry].at };
}

static const struct entry_point *find_point(const struct interp *ip, uint64_t pc,
                                            const struct mode_table *table, uint64_t page)
{
    const struct jit *jit = ip->jit;
    const struct entry_point *point;

    if (!jit || !jit->points)
        return NULL;
    point = point_at(jit, pc, table, page);
    return point->region && !point->region->is_dead ? point : NULL;
}

bool loaded_is_entry(const struct interp *ip, uint64_t pc)
{
    return find_point(ip, pc, ip->mode, code_page(ip, pc)) != NULL;
}

bool loaded_note_sample(struct interp *ip, uint64_t pc)
{
    const struct entry_point *point = find_point(ip, pc, ip->mode, code_page(ip, pc));

    if (point)
        point->region->is_used = true;
    return point != NULL;
}

/* --------------------------------------------------------------------------- pages */

static struct region_page **page_list(const struct jit *jit, uint64_t page)
{
    return &jit->pages[block_hash(page) % PAGE_LISTS];
}

static void list_pages(struct jit *jit, struct loaded *region)
{
    for (uint32_t i = 0; i < region->npages; i++) {
        struct region_page **list = page_list(jit, region->pages[i]);

        region->listed[i] = (struct region_page){ region->pages[i], region, *list };
        *list = &region->listed[i];
    }
}

static bool has_insn(const struct loaded *region, uint64_t pc)
{
    for (uint32_t i = 0; i < region->npcs; i++)
        if (region->pcs[i] == pc)
            return true;
    return false;
}

bool loaded_has(const struct interp *ip, uint64_t pc)
{
    const struct jit *jit = ip->jit;
    uint64_t page = code_page(ip, pc);
    const struct region_page *at = jit->pages ? *page_list(jit, page) : NULL;

    for (; at; at = at->next)
        if (at->page == page && !at->region->is_dead && at->region->table == ip->mode &&
            has_insn(at->region, pc))
            return true;
    return false;
}

/* Where regions are found: nowhere. */
void loaded_forget_all(struct jit *jit)
{
    if (jit->points)
        memset(jit->points, 0, (jit->points_mask + (size_t)1) * sizeof *jit->points);
    jit->points_used = 0;
    if (jit->pages)
        memset(jit->pages, 0, PAGE_LISTS * sizeof *jit->pages);
}

void loaded_list(struct jit *jit, struct loaded *region)
{
    region->next = jit->regions;
    jit->regions = region;
    jit->nregions++;
    list_pages(jit, region);
    for (unsigned i = 0; i < region->nentries; i++)
        put_point(jit, region, i);
}

/* --------------------------------------------------------------------------- cells */

static void set_word(struct jit *jit, const struct loaded *region, uint32_t at,
                     uint64_t value)
{
    memcpy(jit->memory.write + region->at + at, &value, sizeof value);
}

/* Whether pc is in a page that is looked at when the region is entered, if that is
 * needed; *page: which one. */
static bool is_near(const struct loaded *region, uint64_t pc, uint64_t *page)
{
    *page = pc >> PAGE_SHIFT;
    for (uint32_t i = 0; RHEA_TLB && i < region->npages; i++)
        if (region->places[i] == pc >> PAGE_SHIFT) {
            *page = region->pages[i];
            return true;
        }
    return !RHEA_TLB;
}

static void make_cell(struct interp *ip, const struct loaded *region,
                      const struct region_cell *cell, struct op *op)
{
    uint64_t pc = (region->base + cell->pc) & mask64(ip->isa->pc_width), page;
    struct block *block;
    struct op *stub;
    bool near = is_near(region, pc, &page);

    memset(op, 0, sizeof *op);
    switch (cell->kind) {
    case CELL_FIRST: op->fn = x_region; break; /* and the region, for region_of() */
    case CELL_SIDE: op->fn = x_side; break;
    case CELL_ROW: op->fn = x_row; break;
    case CELL_JUMP: op->fn = x_jump; break;
    case CELL_RETURN: op->fn = x_return; break;
    case CELL_COUNT: break;
    case CELL_HELPER: op->fn = (interp_handler)helpers[cell->pc]; break;
    case CELL_CALLED:
        *(struct jump_entry *)(void *)op =
            (struct jump_entry){ .pc = pc, .op = near ? &return_unknown : &return_far };
        break;
    default:
        op->fn = x_goto;
        if (!near) {
            stub_new(ip, x_far, pc, op, OP_PAYLOAD);
            return;
        }
        stub = stub_new(ip, x_stub, pc, op, OP_PAYLOAD);
        block = block_find_in(ip, pc, page);
        if (block && block_is_linkable(block))
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

bool loaded_own_memory(struct jit *jit)
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
        ip->nblocks + 1 >= MAX_BLOCKS || !loaded_own_memory(jit))
        return false;
    ops = new_cells(ip, region->base, region->ncells);
    for (uint32_t i = 0; i < region->ncells; i++)
        make_cell(ip, region, &region->cells[i], &ops[i]);
    memcpy(ops[0].payload, &region, sizeof region);
    set_word(jit, region, region->cells_at, (uintptr_t)ops);
    set_word(jit, region, region->base_at, region->base);
    region->unit = unit_of(ip, ops);
    return true;
}

/* Whose cell it is; needs nothing taken. */
static struct loaded *region_of(struct interp *ip, uint32_t unit)
{
    struct loaded *region;

    memcpy(&region, ip->ops[block_of(ip, unit)->unit].payload, sizeof region);
    return region;
}

uint64_t loaded_fault_pc(struct interp *ip, const struct op *op, uint32_t insn,
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
static uint64_t cell_pc(struct interp *ip, const struct op *op)
{
    uint32_t unit = unit_of(ip, op);
    const struct loaded *region = region_of(ip, unit);

    return (region->base + region->cells[unit - region->unit].pc) &
           mask64(ip->isa->pc_width);
}

bool loaded_cell_pc(struct interp *ip, const struct op *op, uint64_t *pc)
{
    uint32_t unit = unit_of(ip, op);

    if (ip->ops[block_of(ip, unit)->unit].fn != x_region || !region_of(ip, unit))
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

static interp_handler code_of(const struct interp *ip, const struct entry_point *point)
{
    return (interp_handler)(uintptr_t)(ip->jit->memory.run + point->region->at +
                                       point->at);
}

interp_handler loaded_entry(struct interp *ip, uint64_t pc,
                            const struct mode_table *table, uint64_t page)
{
    const struct entry_point *point = find_point(ip, pc, table, page);

    if (!point || ip->cpu->stops ||
        (!point->region->unit && !make_cells(ip, point->region)))
        return NULL;
    return code_of(ip, point);
}

struct loaded *loaded_checked(struct interp *ip, uint64_t pc,
                              const struct mode_table *table, uint64_t page)
{
    const struct entry_point *point = find_point(ip, pc, table, page);

    return RHEA_TLB && point && point->region->npages > 1 ? point->region : NULL;
}

/* Whether its pages are mapped where they were. */
static bool is_mapped(const struct interp *ip, const struct loaded *region)
{
    for (uint32_t i = 1; i < region->npages; i++)
        if (code_page(ip, region->places[i] << PAGE_SHIFT) != region->pages[i])
            return false;
    return true;
}

/* Looks only once after each jumps_forget(). */
HANDLER(x_enter)
{
    struct interp_cpu *self = interp_of(cpu);
    struct loaded *region;
    struct interp *ip;

    memcpy(&region, op->payload, sizeof region);
    if (LIKELY(__atomic_load_n(&region->mapped, __ATOMIC_RELAXED) == self->mapped))
        NEXT(1);
    cpu->pc = block_of(self->ip, unit_of(self->ip, op))->pc;
    self->is_running = false;
    ip = interp_take(self);
    if (!region->is_dead && !is_mapped(ip, region))
        loaded_drop(ip, region);
    __atomic_store_n(&region->mapped, self->mapped, __ATOMIC_RELAXED);
    interp_give(self);
    self->is_running = true;
    if (region->is_dead)
        CALL_HANDLER(x_jump, op);
    NEXT(1);
}

void loaded_attach(struct interp *ip, struct block *block)
{
    interp_handler entry =
        block->is_dead || !block_is_linkable(block)
            ? NULL
            : loaded_entry(ip, block->pc, block->table, block->pages[0]);
    struct op *first = &ip->ops[block_unit(block)];

    if (!entry)
        return;
    if (loaded_checked(ip, block->pc, block->table, block->pages[0])) {
        block_drop(ip, block); /* the next one begins otherwise */
        return;
    }
    if (first->fn == x_cold || first->fn == x_heated) {
        block_skip_first(ip, block);
        first = &ip->ops[block_unit(block)];
    }
    __atomic_store_n(&first->fn, entry, __ATOMIC_RELEASE);
}

static size_t memory_size(void)
{
    uint64_t size = jit_options.memory ? jit_options.memory : CODE_SIZE;

    size = size < CODE_LEAST ? CODE_LEAST : size > CODE_MOST ? CODE_MOST : size;
    return (size_t)(size + CODE_LEAST - 1) & ~(size_t)(CODE_LEAST - 1);
}

static bool get_memory(struct jit *jit)
{
    if (!jit->pages)
        jit->pages = calloc(PAGE_LISTS, sizeof *jit->pages);
    if (!jit->pages ||
        (!jit->memory.write &&
         host_code_map(&jit->memory, memory_size(), helpers[REGION_HELPER_FP]) < 0) ||
        !loaded_own_memory(jit))
        jit->is_off = true;
    return !jit->is_off;
}

size_t loaded_behind(const struct loaded *region)
{
    return (region->at + region->size + CODE_ALIGN - 1) & ~(size_t)(CODE_ALIGN - 1);
}

/* More than half of it is not given to one: when there is no room, half is made free. */
bool loaded_has_room(struct jit *jit, size_t size)
{
    if (!get_memory(jit) || size > jit->memory.size / 2)
        return false;
    if (size <= jit->memory.size - jit->used)
        return true;
    __atomic_store_n(&jit->room, ROOM_EVICT, __ATOMIC_RELAXED);
    return false;
}

void loaded_release(struct loaded *region)
{
    free(region->pages);
    free(region->places);
    free(region->listed);
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
    region->is_counting = job->request.counts;
    region->table = job->table;
    region->base = job->request.base;
    region->pages = job->pages;
    region->places = job->places;
    region->npages = job->npages;
    region->ncells = code->ncells;
    region->nentries = code->nentries;
    region->cells = code->cells;
    region->entries = code->entries;
    region->cells_at = code->cells_at;
    region->base_at = code->base_at;
    job->pages = NULL;
    job->places = NULL;
    code->cells = NULL;
    code->entries = NULL;
    return region;
}

static void enter_at_blocks(struct interp *ip, const struct loaded *region)
{
    struct mode_table *mode = ip->mode;

    ip->mode = region->table;
    for (unsigned i = 0; i < region->nentries; i++) {
        struct block *block =
            block_find_in(ip, region->base + region->entries[i].pc, region->pages[0]);

        if (block)
            loaded_attach(ip, block);
    }
    ip->mode = mode;
}

/* The op that enters a region, if there is one. */
static struct op *entry_op(const struct interp *ip, const struct block *block)
{
    struct op *op = &ip->ops[block_unit(block)];

    return RHEA_TLB && op->fn == x_enter ? op + 1 : op;
}

/* Whether its first op enters a region. */
static bool is_entering(const struct interp *ip, const struct block *block)
{
    const struct host_code *memory = &ip->jit->memory;

    return (uintptr_t)entry_op(ip, block)->fn - (uintptr_t)memory->run < memory->size;
}

void loaded_enter_again(struct interp *ip, const struct loaded *region)
{
    struct mode_table *mode = ip->mode;

    ip->mode = region->table;
    for (unsigned i = 0; i < region->nentries; i++) {
        uint64_t pc = region->base + region->entries[i].pc;
        struct block *block = block_find_in(ip, pc, region->pages[0]);

        if (block && is_entering(ip, block))
            __atomic_store_n(&entry_op(ip, block)->fn,
                             code_of(ip, find_point(ip, pc, ip->mode, region->pages[0])),
                             __ATOMIC_RELEASE);
    }
    ip->mode = mode;
}

bool loaded_put(struct interp *ip, struct loaded *region, const struct region_code *code)
{
    struct jit *jit = ip->jit;

    region->listed = calloc(region->npages + 1, sizeof *region->listed);
    if (!region->listed || !loaded_has_room(jit, code->size)) {
        loaded_release(region);
        return false;
    }
    region->at = jit->used;
    region->size = code->size;
    region->is_used = true;
    memcpy(jit->memory.write + region->at, code->code, code->size);
    __builtin___clear_cache((char *)jit->memory.run + region->at,
                            (char *)jit->memory.run + region->at + code->size);
    jit->used = loaded_behind(region);
    told_loaded(ip, region, code);
    loaded_list(jit, region);
    enter_at_blocks(ip, region);
    return true;
}

bool loaded_add(struct interp *ip, struct job *job)
{
    struct loaded *region = new_region(job);

    return region && loaded_put(ip, region, &job->code);
}

/* -------------------------------------------------------------------- invalidation */

void loaded_drop(struct interp *ip, struct loaded *region)
{
    struct mode_table *mode = ip->mode;

    region->is_dead = true;
    ip->mode = region->table;
    for (unsigned i = 0; i < region->nentries; i++) {
        uint64_t pc = region->base + region->entries[i].pc;
        struct entry_point *point =
            point_at(ip->jit, pc, region->table, region->pages[0]);
        struct block *block = block_find_in(ip, pc, region->pages[0]);

        if (point->region == region && block)
            block_drop(ip, block);
    }
    ip->mode = mode;
    room_note_dead(ip->jit);
}

static bool drop_page(struct interp *ip, uint64_t page)
{
    struct region_page *at = *page_list(ip->jit, page);
    bool any = false;

    for (; at; at = at->next)
        if (at->page == page && !at->region->is_dead) {
            loaded_drop(ip, at->region);
            any = true;
        }
    return any;
}

static bool is_in(const struct loaded *region, uint64_t first, uint64_t last)
{
    for (uint32_t i = 0; i < region->npages; i++)
        if (region->pages[i] >= first && region->pages[i] <= last)
            return true;
    return false;
}

static bool drop_pages(struct interp *ip, uint64_t first, uint64_t last)
{
    bool any = false;

    if (!ip->jit->regions)
        return false;
    if (last - first < ip->jit->nregions) {
        for (uint64_t page = first; page <= last; page++)
            any |= drop_page(ip, page);
        return any;
    }
    for (struct loaded *region = ip->jit->regions; region; region = region->next)
        if (!region->is_dead && is_in(region, first, last)) {
            loaded_drop(ip, region);
            any = true;
        }
    return any;
}

bool loaded_invalidate(struct interp *ip, uint64_t first, uint64_t last)
{
    bool any;

    cached_forget(ip->jit);
    any = drop_pages(ip, first, last);
    for (struct interp_cpu *cpu = any ? ip->cpus : NULL; cpu; cpu = cpu->next)
        cpu->cpu->kick = 1;
    return any;
}

void loaded_drop_unseen(struct interp *ip)
{
    for (struct loaded *region = ip->jit->regions; region; region = region->next)
        if (!region->is_dead && !region->is_precise)
            loaded_drop(ip, region);
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
    free(jit->pages);
    host_code_unmap(&jit->memory);
}
