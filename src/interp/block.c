/* block.c - blocks of ops: found by pc and mode, linked to each other, dropped when their
 * code changes. */
#include "interp/interp.h"

#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "interp/jit.h"
#include "interp/template.h"
#include "isa/sem.h"
#include "isa/space.h"

enum { MAP_START = 1 << 10, PAGES_START = 1 << 6 };
enum { UNGUARD_PAGES = 1 << 16 };
enum { JUMPS_START = 1 << 8, JUMPS_FULL = 1 << 12 };

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (!memory)
        die("out of memory for translated code");
    return memory;
}

/* -------------------------------------------------------------- mode tables */

/* All entries zero: pc 0 belongs to entry 0 only, so that one gets another pc. */
static void clear_jumps(const struct interp *ip, struct jump_cache *cache)
{
    memset(cache->entries, 0, (cache->mask + (size_t)1) * sizeof *cache->entries);
    cache->entries[0].pc = UINT64_C(1) << jump_shift(ip->isa);
}

static void size_jumps(const struct interp *ip, struct jump_cache *cache, uint32_t size)
{
    free(cache->entries);
    cache->entries = zeroed(size, sizeof *cache->entries);
    cache->entries[0].pc = UINT64_C(1) << jump_shift(ip->isa);
    cache->mask = size - 1;
    cache->fills = 0;
}

static struct mode_table *find_table(const struct interp *ip, uint64_t mode,
                                     unsigned kind)
{
    struct mode_table *table = __atomic_load_n(&ip->modes, __ATOMIC_ACQUIRE);

    while (table && (table->mode != mode || table->kind != kind))
        table = table->next;
    return table;
}

/* The field of a mode key that is called so. */
static unsigned regime_of(const struct isa *isa, uint64_t mode)
{
    for (unsigned i = 0; RHEA_TLB && i < isa->nmodes; i++)
        if (strcmp(isa_string(isa, isa->modes[i].name), "regime") == 0)
            return (unsigned)(mode >> isa->modes[i].at & mask64(isa->modes[i].bits));
    return 0;
}

struct mode_table *mode_table_get(struct interp_cpu *self, uint64_t mode, unsigned kind)
{
    struct interp *ip = self->ip;
    struct mode_table *table = find_table(ip, mode, kind);

    if (table)
        return table;
    interp_take(self);
    table = find_table(ip, mode, kind);
    if (!table) {
        table = zeroed(1, sizeof *table);
        table->mode = mode;
        table->kind = kind;
        isa_decoder_init(&table->decoder, ip->isa, &ip->features, mode,
                         zeroed(ip->isa->ninsns, 1));
        table->index = ip->nmodes++;
        table->regime = regime_of(ip->isa, mode);
        table->next = ip->modes;
        __atomic_store_n(&ip->modes, table, __ATOMIC_RELEASE);
    }
    interp_give(self);
    return table;
}

/* The jump cache for a mode. */
static struct jump_cache *jumps_of(struct interp_cpu *self, unsigned index)
{
    if (index >= self->njumps) {
        unsigned count = index + 4;
        struct jump_cache *jumps = zeroed(count, sizeof *jumps);

        if (self->njumps)
            memcpy(jumps, self->jumps, self->njumps * sizeof *jumps);
        free(self->jumps);
        self->jumps = jumps;
        self->njumps = count;
    }
    if (!self->jumps[index].entries)
        size_jumps(self->ip, &self->jumps[index], JUMPS_START);
    return &self->jumps[index];
}

static void use_jumps(struct interp_cpu *self, const struct jump_cache *cache)
{
    self->cpu->jumps = cache->entries;
    self->cpu->jump_mask = cache->mask * (uint64_t)sizeof *cache->entries;
}

void mode_table_use(struct interp_cpu *self, struct mode_table *table)
{
    if (self->mode != table)
        ring_clear(self->cpu);
    self->mode = table;
    if (RHEA_TLB)
        self->cpu->base = tlb_regime(self->cpu, table->regime);
    use_jumps(self, jumps_of(self, table->index));
    self->head.counting = (table->kind & TABLE_COUNT) != 0;
    self->cpu->mode = table->mode;
}

/* ------------------------------------------------------------------- look-up */

/* A block, and half of its key: most entries on the way are seen to be others by it. */
static uint64_t map_entry(uint64_t key, uint32_t number)
{
    return key << 32 | number;
}

void jumps_forget(struct interp_cpu *self)
{
    self->mapped = __atomic_add_fetch(&self->ip->mapped, 1, __ATOMIC_RELAXED);
    ring_clear(self->cpu);
    for (unsigned i = 0; i < self->njumps; i++)
        if (self->jumps[i].is_filled) {
            clear_jumps(self->ip, &self->jumps[i]);
            self->jumps[i].is_filled = false;
        }
}

/* Whether a block of that pc is what is there now: addresses may have been mapped anew.
 */
static bool is_there(const struct interp *ip, const struct block *block, uint64_t pc)
{
    uint64_t next = ((pc >> PAGE_SHIFT) + 1) << PAGE_SHIFT;

    return !RHEA_TLB ||
           (block->pages[0] == code_page(ip, pc) &&
            (block->pages[1] == block->pages[0] ||
             block->pages[1] == code_page(ip, next & mask64(ip->isa->pc_width))));
}

/* `page`: of its code, or NULL: what is mapped there now. */
static inline struct block *find(struct interp *ip, uint64_t pc, const uint64_t *page)
{
    uint64_t key = block_key(pc, ip->mode);

    for (uint32_t i = block_hash(key) & ip->map_mask; ip->map[i];
         i = (i + 1) & ip->map_mask) {
        uint32_t number = (uint32_t)ip->map[i];
        struct block *block;

        if (ip->map[i] != map_entry(key, number))
            continue;
        block = &ip->blocks[number];
        if (block->pc == pc && block->table == ip->mode && !block->is_dead &&
            (page ? !RHEA_TLB || block->pages[0] == *page : is_there(ip, block, pc)))
            return block;
    }
    return NULL;
}

struct block *block_find(struct interp *ip, uint64_t pc)
{
    return find(ip, pc, NULL);
}

struct block *block_find_in(struct interp *ip, uint64_t pc, uint64_t page)
{
    return find(ip, pc, &page);
}

/* A dead block of the same pc gives its place. */
static void map_put(struct interp *ip, struct block *block)
{
    uint64_t key = block_key(block->pc, block->table);
    uint32_t i = block_hash(key) & ip->map_mask;

    for (; ip->map[i]; i = (i + 1) & ip->map_mask) {
        const struct block *old = &ip->blocks[(uint32_t)ip->map[i]];

        if (ip->map[i] >> 32 == (uint32_t)key && old->is_dead)
            break;
    }
    ip->map_used += !ip->map[i];
    ip->map[i] = map_entry(key, (uint32_t)(block - ip->blocks));
}

/* Makes the map anew without dead blocks, twice as large if it is really full. */
static void map_rebuild(struct interp *ip)
{
    uint32_t live = 0;

    for (uint32_t i = 1; i < ip->nblocks; i++)
        live += !ip->blocks[i].is_dead;
    if (live * 3 > ip->map_mask)
        ip->map_mask = ip->map_mask * 2 + 1;
    free(ip->map);
    ip->map = zeroed(ip->map_mask + 1u, sizeof *ip->map);
    ip->map_used = 0;
    for (uint32_t i = 1; i < ip->nblocks; i++)
        if (!ip->blocks[i].is_dead)
            map_put(ip, &ip->blocks[i]);
}

/* A block at ip->units, not in the map. */
static struct block *add_block(struct interp *ip, uint64_t pc, bool is_dead)
{
    struct block *block = &ip->blocks[ip->nblocks];

    memset(block, 0, sizeof *block);
    block->pc = pc;
    block->table = ip->mode;
    block->unit = ip->units;
    block->position = ip->npositions;
    for (unsigned i = 0; i < MAX_BLOCK_PAGES; i++)
        block->pages[i] = code_page(ip, pc);
    block->is_dead = is_dead;
    __atomic_store_n(&ip->nblocks, ip->nblocks + 1, __ATOMIC_RELEASE);
    return block;
}

struct block *block_new_hidden(struct interp *ip, uint64_t pc)
{
    return add_block(ip, pc, true);
}

struct block *block_new(struct interp *ip, uint64_t pc)
{
    struct block *block = add_block(ip, pc, false);

    if ((ip->map_used + 1) * 2 > ip->map_mask)
        map_rebuild(ip); /* takes the new block along */
    else
        map_put(ip, block);
    return block;
}

static void put_jump(struct interp *ip, uint64_t pc, const struct op *op)
{
    struct interp_cpu *self = ip->owner;
    struct jump_cache *cache = jumps_of(self, self->mode->index);
    struct jump_entry *entry;

    if (cache->mask + 1 < JUMPS_FULL && ++cache->fills > JUMPS_START) {
        size_jumps(ip, cache, JUMPS_FULL);
        use_jumps(self, cache);
    }
    entry = &cache->entries[pc >> jump_shift(ip->isa) & cache->mask];
    entry->pc = pc;
    entry->op = op;
    cache->is_filled = true;
}

/* A new block is not put into the jump cache before it is looked for again: most are
 * reached by links from then on. */
const struct op *block_enter(struct interp *ip, uint64_t pc)
{
    struct block *block = block_find(ip, pc);

    if (block)
        put_jump(ip, pc, &ip->ops[block_unit(block)]);
    else
        block = predecode(ip, pc, false);
    return block ? &ip->ops[block_unit(block)] : NULL;
}

/* The block that a unit lies in: blocks are in the order of their ops.  This and
 * op_position() need nothing taken: what they look for was there before. */
struct block *block_of(struct interp *ip, uint32_t unit)
{
    uint32_t low = 1, high = __atomic_load_n(&ip->nblocks, __ATOMIC_ACQUIRE);

    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;

        if (ip->blocks[middle].unit <= unit)
            low = middle;
        else
            high = middle;
    }
    return &ip->blocks[low];
}

struct position op_position(struct interp *ip, const struct op *op)
{
    uint32_t unit = unit_of(ip, op), low = 0;
    uint32_t high = __atomic_load_n(&ip->npositions, __ATOMIC_ACQUIRE);
    const struct packed_position *at;
    uint64_t pc;

    if (unit >= *(volatile uint32_t *)&ip->stubs)
        return (struct position){ unit, 0, ((const struct stub *)op)->pc };
    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;

        if (ip->positions[middle].unit <= unit)
            low = middle;
        else
            high = middle;
    }
    at = &ip->positions[low];
    pc = block_of(ip, unit)->pc + (uint64_t)(int64_t)at->distance;
    return (struct position){ at->unit, at->ilen, pc & mask64(ip->isa->pc_width) };
}

/* --------------------------------------------------------------------- links */

struct op *stub_new(struct interp *ip, interp_handler fn, uint64_t pc, struct op *op,
                    unsigned link_at)
{
    struct stub *stub;
    int32_t distance;

    ip->stubs -= 2;
    stub = (struct stub *)&ip->ops[ip->stubs];
    stub->fn = fn;
    stub->pc = pc;
    stub->op = (int32_t)(op - &ip->ops[ip->stubs]);
    stub->link = stub->op * OP_SIZE + (int32_t)link_at;
    stub->next = 0;
    distance = -stub->op * OP_SIZE;
    memcpy((uint8_t *)op + link_at, &distance, sizeof distance);
    return &ip->ops[ip->stubs];
}

/* Others may follow the link meanwhile: its target is complete. */
static void set_link(struct op *at, uint32_t to, struct interp *ip)
{
    struct stub *stub = (struct stub *)at;
    int32_t distance =
        (int32_t)((const uint8_t *)&ip->ops[to] - (const uint8_t *)(at + stub->op));
    int32_t *link = (int32_t *)(void *)((uint8_t *)stub + stub->link);

    __atomic_store_n(link, distance, __ATOMIC_RELEASE);
}

/* Requires: the stub's link is not linked. */
void block_link(struct interp *ip, struct op *at, struct block *target)
{
    struct stub *stub = (struct stub *)at;

    set_link(at, block_unit(target), ip);
    stub->next = target->incoming;
    target->incoming = unit_of(ip, at);
}

/* Links to the block lead to their stubs again.  Its ops stay: somebody may be in them.
 */
static void unlink_block(struct interp *ip, struct block *block)
{
    while (block->incoming) {
        struct op *at = &ip->ops[block->incoming];

        block->incoming = ((struct stub *)at)->next;
        set_link(at, unit_of(ip, at), ip);
    }
}

void block_drop(struct interp *ip, struct block *block)
{
    unlink_block(ip, block);
    block->is_dead = true;
    __atomic_store_n(&ip->ops[block->unit].fn, x_dropped, __ATOMIC_RELEASE);
    __atomic_store_n(&ip->ops[block_unit(block)].fn, x_dropped, __ATOMIC_RELEASE);
}

void block_skip_first(struct interp *ip, struct block *block)
{
    block->skip++;
    for (uint32_t at = block->incoming; at; at = ((struct stub *)&ip->ops[at])->next)
        set_link(&ip->ops[at], block_unit(block), ip);
    __atomic_store_n(&ip->ops[block->unit].fn, x_dropped, __ATOMIC_RELEASE);
}

void block_to_warm(struct interp *ip, struct op *more)
{
    uint64_t pc;

    memcpy(&pc, more->payload, sizeof pc);
    memset(more->payload, 0, sizeof more->payload);
    more->fn = x_warm;
    stub_new(ip, x_stub, pc, more, OP_PAYLOAD);
}

/* -------------------------------------------------------------- invalidation */

/* The entry of a page, or the one to put it into. */
static struct page_code *page_entry(const struct interp *ip, uint64_t page)
{
    uint32_t i = block_hash(page) & ip->pages_mask;

    while (ip->pages[i].page && ip->pages[i].page != page + 1)
        i = (i + 1) & ip->pages_mask;
    return &ip->pages[i];
}

static void pages_grow(struct interp *ip)
{
    struct page_code *old = ip->pages;
    uint32_t size = ip->pages_mask + 1u;

    ip->pages_mask = size * 2 - 1;
    ip->pages = zeroed(size * 2u, sizeof *ip->pages);
    for (uint32_t i = 0; i < size; i++)
        if (old[i].page)
            *page_entry(ip, old[i].page - 1) = old[i];
    free(old);
}

#if RHEA_TLB
void block_guard(struct interp *ip, uint64_t page)
{
    if (block_is_guarded(ip, page))
        return;
    ip->guards[page / 8] |= (uint8_t)(1 << page % 8);
    interp_stop_others(ip);
    tlb_code_appears(ip, page);
    interp_resume(ip);
}

void block_guard_code(struct interp *ip, uint64_t pc)
{
    uint64_t page = code_page(ip, pc);

    if (page != UINT64_MAX)
        block_guard(ip, page);
}
#endif

/* The block has code from the page, which is one of its pages. */
void block_note_page(struct interp *ip, struct block *block, uint64_t page)
{
    unsigned k = 0;
    struct page_code *entry;

    while (block->pages[k] != page)
        k++;
    if (block->listed >> k & 1)
        return;
    if (ip->pages_used * 2 >= ip->pages_mask)
        pages_grow(ip);
    entry = page_entry(ip, page);
    ip->pages_used += !entry->page;
    entry->page = page + 1;
    block->next[k] = entry->blocks;
    block->listed |= (uint8_t)(1 << k);
    entry->blocks = (uint32_t)(block - ip->blocks) * MAX_BLOCK_PAGES + k;
}

/* In the list of its other page a block stays, dead. */
static void drop_page(struct interp *ip, struct page_code *entry)
{
    uint32_t at = entry->blocks;

    entry->blocks = 0;
    while (at) {
        struct block *block = &ip->blocks[at / MAX_BLOCK_PAGES];

        at = block->next[at % MAX_BLOCK_PAGES];
        if (!block->is_dead)
            block_drop(ip, block);
    }
}

bool block_invalidate(struct interp *ip, uint64_t addr, uint64_t size)
{
    uint64_t first = addr >> PAGE_SHIFT, last;
    bool any;

    if (!size)
        return false;
    last = (addr + size - 1 < addr ? UINT64_MAX : addr + size - 1) >> PAGE_SHIFT;
    any = jit_invalidate(ip, first, last);
    /* The pages of a large range stay guarded, which is never wrong. */
    if (RHEA_TLB && last - first < UNGUARD_PAGES)
        for (uint64_t page = first; page <= last && page < GUARD_PAGES; page++)
            ip->guards[page / 8] &= (uint8_t) ~(1 << page % 8);
    if (last - first < ip->pages_used) {
        for (uint64_t page = first; page <= last; page++)
            drop_page(ip, page_entry(ip, page));
        return any;
    }
    for (uint32_t i = 0; i <= ip->pages_mask; i++)
        if (ip->pages[i].page && ip->pages[i].page - 1 >= first &&
            ip->pages[i].page - 1 <= last)
            drop_page(ip, &ip->pages[i]);
    return any;
}

/* Also through another mapping of the same file. */
static bool may_be_written(struct space *space, uint64_t addr)
{
    struct space_area area;

    return space_next(space, addr, &area) && area.start <= addr &&
           (area.prot & SPACE_WRITE || area.shared);
}

/* A guest's fence: code that can be written may have changed (what cannot was announced
 * when that changed). */
void block_fence(struct interp *ip)
{
    ip->owner->is_fetch_fenced = false;
    if (RHEA_TLB)
        return; /* tlb_store has seen what was written */
    for (uint32_t i = 0; i <= ip->pages_mask; i++) {
        struct page_code *entry = &ip->pages[i];

        if (entry->blocks &&
            may_be_written(ip->cpu->space, (entry->page - 1) << PAGE_SHIFT)) {
            jit_invalidate(ip, entry->page - 1, entry->page - 1);
            drop_page(ip, entry);
        }
    }
    if (ip->jit)
        loaded_fence(ip, may_be_written);
}

/* Everything anew.  Requires: the owner holds no op. */
void block_flush(struct interp *ip)
{
    interp_stop_others(ip);
    if (!ip->map) {
        ip->map_mask = MAP_START - 1;
        ip->map = zeroed(MAP_START, sizeof *ip->map);
        ip->pages_mask = PAGES_START - 1;
        ip->pages = zeroed(PAGES_START, sizeof *ip->pages);
    }
    memset(ip->map, 0, (ip->map_mask + (size_t)1) * sizeof *ip->map);
    memset(ip->pages, 0, (ip->pages_mask + (size_t)1) * sizeof *ip->pages);
    ip->map_used = ip->pages_used = 0;
    ip->units = 0;
    ip->stubs = MAX_UNITS;
    ip->npositions = 0;
    ip->nblocks = 1;
    ip->flushes++;
    template_flush(ip->template);
    if (ip->jit)
        jit_flush(ip);
    for (struct interp_cpu *cpu = ip->cpus; cpu; cpu = cpu->next) {
        ring_clear(cpu->cpu);
        for (unsigned i = 0; i < cpu->njumps; i++)
            if (cpu->jumps[i].entries)
                clear_jumps(ip, &cpu->jumps[i]);
    }
    interp_resume(ip);
}
