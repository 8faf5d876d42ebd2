/* predecode.c - from guest code to blocks of ops.
 *
 * A block is decoded as far as it is sure to run: to its first branch.  What follows a
 * branch that was not taken is decoded when it is reached, in place if no other block was
 * made meanwhile (x_more).  A block that goes on elsewhere again and again (x_warm) is
 * made anew as one piece through all that has run (is_hot).
 *
 * In the beginning a block is cold (heat.c): its ops have plain handlers, as most code
 * runs once.
 *
 * Unconditional jumps without effect cost nothing: the block goes on at their target.
 * So do instructions that only write a zero register. */
#include "interp/interp.h"

#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "interp/fuse.h"
#include "interp/jit.h"
#include "interp/liveness.h"
#include "interp/profile.h"
#include "interp/template.h"
#include "isa/decode.h"
#include "isa/sem.h"
#include "isa/space.h"
#include "isa/stops.h"
#include "isa/trace.h"

enum { CODE_BYTES = 128, PAGE_BYTES = 1 << PAGE_SHIFT };

struct builder {
    struct interp *ip;
    const struct isa *isa;
    struct block *block;
    const struct stops *stops; /* or NULL */
    uint64_t pc, pc_mask;
    bool is_hot, is_counting, is_cold;
    uint64_t told;   /* isa_trace: what is before it has been shown */
    uint64_t page;   /* noted last */
    bool wrote_sink; /* by the newest op: a zero register */
    unsigned count;  /* instructions */
    uint32_t tally;  /* the unit of the x_tally or x_count for them; 0: none yet */
    struct fuser fuser;
    unsigned nchosen; /* instructions whose flags are looked at before they are noted */
    uint32_t chosen[MAX_BLOCK_INSNS], chosen_units[MAX_BLOCK_INSNS];
    uint64_t code_pc;
    unsigned fetch_cause; /* translated addresses: why there is no more code */
    unsigned code_size;
    uint8_t code[CODE_BYTES];
};

/* --------------------------------------------------------------------- fetching */

#if RHEA_TLB
/* Up to the end of the page, and no further than somebody asks. */
static void fetch(struct builder *b)
{
    uint64_t left = PAGE_BYTES - b->pc % PAGE_BYTES, last;

    if (b->code_size > left && left >= ISA_MAX_ILEN)
        b->code_size = (unsigned)left;
    last = b->pc + b->code_size - 1;
    block_guard_code(b->ip, b->pc);
    if (block_is_far(b->pc, last))
        block_guard_code(b->ip, last);
    b->fetch_cause = tlb_fetch(b->ip->cpu, b->pc, b->code, &b->code_size);
}
#else
static void fetch(struct builder *b)
{
    uint64_t fault;

    if (space_fetch(b->ip->cpu->space, b->pc, b->code, b->code_size, &fault))
        b->code_size = fault - b->pc < b->code_size ? (unsigned)(fault - b->pc) : 0;
}
#endif

static void fetch_code(struct builder *b)
{
    uint64_t left = b->pc_mask - b->pc;

    b->code_pc = b->pc;
    b->code_size = left < CODE_BYTES ? (unsigned)left + 1 : CODE_BYTES;
    fetch(b);
}

/* Bytes at b->pc, as many as there are up to ISA_MAX_ILEN at least. */
static inline const uint8_t *get_code(struct builder *b, unsigned *size)
{
    if (b->code_size < ISA_MAX_ILEN || b->pc - b->code_pc > b->code_size - ISA_MAX_ILEN)
        fetch_code(b);
    *size = b->code_size - (unsigned)(b->pc - b->code_pc);
    return b->code + (b->pc - b->code_pc);
}

/* Takes note of the page of pc.  false: the block has enough pages already. */
static bool take_new_page(struct builder *b, uint64_t pc)
{
    uint64_t page = code_page(b->ip, pc);
    uint64_t *pages = b->block->pages;

    /* One that goes on elsewhere might be mapped there anew: unless it is an instruction
     * of its own, that is looked for each time. */
    if (RHEA_TLB && pc >> PAGE_SHIFT != b->block->pc >> PAGE_SHIFT && b->count)
        return false;
    if (page != pages[0] && page != pages[1]) {
        if (pages[1] != pages[0])
            return false;
        pages[1] = page;
    }
    b->page = pc >> PAGE_SHIFT;
    block_note_page(b->ip, b->block, page);
    return true;
}

static inline bool take_page(struct builder *b, uint64_t pc)
{
    return pc >> PAGE_SHIFT == b->page || take_new_page(b, pc);
}

/* ---------------------------------------------------------------- making ops */

/* From the block's pc, the short way around the address space. */
static int64_t distance_of(const struct builder *b, uint64_t pc)
{
    return (int64_t)sext64(pc - b->block->pc, b->isa->pc_width);
}

static inline void add_position(struct builder *b, unsigned ilen)
{
    uint32_t n = b->ip->npositions;

    b->ip->positions[n] = (struct packed_position){ b->ip->units, ilen & 31,
                                                    (int32_t)distance_of(b, b->pc) };
    b->ip->variants[n] = ISA_NONE;
    __atomic_store_n(&b->ip->npositions, n + 1, __ATOMIC_RELEASE);
}

static struct op *add_op(struct builder *b, interp_handler fn, unsigned units)
{
    struct op *op = &b->ip->ops[b->ip->units];

    op->fn = fn;
    b->ip->units += units;
    return op;
}

/* An op that is no instruction, with a pc. */
static struct op *add_exit(struct builder *b, interp_handler fn)
{
    struct op *op;

    add_position(b, 0);
    op = add_op(b, fn, 1);
    memcpy(op->payload, &b->pc, sizeof b->pc);
    return op;
}

static void add_goto(struct builder *b)
{
    struct block *target = b->is_counting ? NULL : block_find(b->ip, b->pc);
    struct op *op = add_exit(b, x_goto);
    bool is_far = block_is_far(b->block->pc, b->pc);
    struct op *stub = stub_new(b->ip, is_far ? x_far : x_stub, b->pc, op, OP_PAYLOAD);

    if (target && !is_far && block_is_linkable(target))
        block_link(b->ip, stub, target);
}

static void add_link(struct builder *b, struct op *op, const struct isa_slot *slot,
                     const struct isa_variant *variant, uint64_t target)
{
    interp_handler fn = x_stub;
    struct op *stub;
    struct block *block;

    target &= b->pc_mask;
    if (variant->flags & VAR_DELAY)
        fn = x_stub_delayed;
    else if (variant->flags & VAR_MODE || b->block->table->kind & TABLE_SLOT)
        fn = x_stub_mode;
    else if (block_is_far(b->block->pc, target))
        fn = x_far;
    stub = stub_new(b->ip, fn, target, op, slot->at);
    if (fn != x_stub)
        return;
    block = block_find(b->ip, target);
    if (block && block_is_linkable(block))
        block_link(b->ip, stub, block);
}

/* An element of a view that has no file is its own offset. */
static struct register_map map_view(const struct isa *isa, const struct isa_view *view)
{
    struct register_map map = { .base = 0, .stride = 1, .zero = ISA_NONE };
    const struct isa_file *file;

    if (view->file == ISA_NONE)
        return map;
    file = &isa->files[view->file];
    map.base = (uint16_t)(CPU_STATE + file->offset);
    map.stride = file->stride;
    map.zero = view->zero;
    map.zero_at = (uint16_t)(map.base + file->count * file->stride);
    map.sink_at = (uint16_t)(map.zero_at + file->stride);
    return map;
}

void predecode_prepare(struct interp *ip)
{
    ip->registers = calloc(ip->isa->nviews + 1u, sizeof *ip->registers);
    if (!ip->registers)
        die("out of memory");
    for (unsigned i = 0; i < ip->isa->nviews; i++)
        ip->registers[i] = map_view(ip->isa, &ip->isa->views[i]);
}

static inline uint16_t register_offset(struct builder *b, const struct register_map *map,
                                       unsigned kind, uint64_t number)
{
    if (number != map->zero || map->zero == ISA_NONE)
        return (uint16_t)(map->base + number * map->stride);
    b->wrote_sink |= kind == SLOT_WRITE;
    return kind == SLOT_WRITE ? map->sink_at : map->zero_at;
}

static void put_value(uint8_t *at, unsigned size, uint64_t value)
{
    uint16_t v16 = (uint16_t)value;
    uint32_t v32 = (uint32_t)value;

    switch (size) {
    case 1: *at = (uint8_t)value; break;
    case 2: memcpy(at, &v16, 2); break;
    case 4: memcpy(at, &v32, 4); break;
    default: memcpy(at, &value, 8); break;
    }
}

static void put_wide(const struct builder *b, const struct isa_slot *slot, uint8_t *at,
                     const struct isa_decoded *insn, uint64_t low)
{
    struct sem_run run = { .isa = b->isa, .insn = insn };
    struct fp128 value = u128(slot->is_signed && low >> 63 ? UINT64_MAX : 0, low);

    if (slot->expr.count)
        sem_run(&run, slot->expr, &value);
    memcpy(at, &value.lo, 8);
    memcpy(at + 8, &value.hi, 8);
}

static void fill_slots(struct builder *b, struct op *op,
                       const struct isa_variant *variant, const struct isa_decoded *insn)
{
    const struct isa *isa = b->isa;
    const struct register_map *registers = b->ip->registers;
    const struct isa_slot *slot = &isa->slots[variant->slot],
                          *end = slot + variant->slots;

    for (; slot != end; slot++) {
        uint64_t value = slot_number(isa, slot, insn);
        uint8_t *at = (uint8_t *)op + slot->at;
        unsigned kind = slot->kind;
        uint16_t offset;

        if (kind == SLOT_READ || kind == SLOT_WRITE) {
            offset = register_offset(b, &registers[slot->view], kind, value);
            memcpy(at, &offset, sizeof offset);
        } else if (kind == SLOT_LINK) {
            add_link(b, op, slot, variant, value);
        } else if (kind == SLOT_RETURN) {
            *(struct jump_entry *)(void *)at =
                block_return(b->block->pc, value & b->pc_mask);
        } else if (slot->size > 8) {
            put_wide(b, slot, at, insn, value);
        } else {
            put_value(at, slot->size, value);
        }
    }
}

/* ------------------------------------------------------------ without an effect */

static bool is_sink(const struct builder *b, const struct isa_slot *slot, uint16_t offset)
{
    const struct register_map *map = &b->ip->registers[slot->view];

    return map->zero != ISA_NONE && offset == map->sink_at;
}

/* Whether nothing but zero registers is written, and perhaps jumped (then the last node).
 */
static bool has_no_effect(const struct builder *b, const struct op *op,
                          const struct isa_variant *variant)
{
    const struct sem *node = &b->isa->nodes[variant->body.first];

    for (unsigned i = 0; i < variant->body.count; i++, node++) {
        const struct isa_slot *slot = &b->isa->slots[variant->slot + node->a];

        if (node->op == S_CONST || node->op == S_SLOT || node->op == S_GET ||
            (node->op >= S_ADD && node->op <= S_CLMUL))
            continue;
        if (node->op == S_PUT && is_sink(b, slot, op_register(op, slot)))
            continue;
        if (node->op == S_GOTO && node->x & GOTO_DIRECT && i == variant->body.count - 1u)
            continue;
        return false;
    }
    return true;
}

/* ------------------------------------------------------------- one instruction */

/* Shows who watches the code from b->told to b->pc. */
static void tell(struct builder *b)
{
    if (isa_trace && isa_trace->translated)
        isa_trace->translated(b->ip->cpu, b->told, b->pc, b->ip->mode->mode);
}

/* A jump without effect was added: takes it back and goes on at its target.  false: no.
 */
static bool thread_jump(struct builder *b, const struct isa_variant *variant,
                        const struct isa_decoded *insn, uint32_t unit, uint32_t stubs)
{
    const struct isa_slot *slot = &b->isa->slots[variant->slot];
    const struct sem *jump =
        &b->isa->nodes[variant->body.first + variant->body.count - 1];
    struct block *target;
    uint64_t pc;

    pc = slot_number(b->isa, &slot[jump->a], insn) & b->pc_mask;
    target = block_find(b->ip, pc);
    if (target || llabs(distance_of(b, pc)) > MAX_DISTANCE || !take_page(b, pc))
        return false;
    b->ip->units = unit;
    b->ip->stubs = stubs;
    tell(b);
    b->told = b->pc = pc;
    return true;
}

enum next { GO_ON, BLOCK_ENDS };

/* After an instruction that is not followed by the next one, or perhaps not. */
static enum next after_jump(struct builder *b, const struct isa_variant *variant)
{
    if (b->block->table->kind & TABLE_SLOT) {
        add_exit(b, x_slot_end);
        return BLOCK_ENDS;
    }
    if (variant->flags & (VAR_ENDS_BLOCK | VAR_MODE | VAR_SYNC)) {
        if (sem_falls_through(b->isa, variant->body))
            add_exit(b, x_next_mode);
        return BLOCK_ENDS;
    }
    if (variant->flags & VAR_BRANCHES && !(b->is_hot && block_find(b->ip, b->pc))) {
        struct op *more = add_exit(b, x_more);

        if (b->ip->is_shared) /* the op could not be overwritten */
            block_to_warm(b->ip, more);
        return BLOCK_ENDS;
    }
    if (variant->flags & VAR_BRANCHES)
        b->tally = 0;
    return GO_ON;
}

/* Notes an op for fuse_end(), or keeps it until what follows says which flags are dead.
 */
static void note_op(struct builder *b, uint32_t unit, uint32_t variant)
{
    if (b->is_cold) {
        b->ip->ops[unit].fn = fuse_plain(b->ip, variant);
        b->ip->variants[b->ip->npositions - 1] = (uint16_t)variant;
        return;
    }
    if (!b->isa->nflag_uses || b->is_counting || b->block->table->kind) {
        fuse_add(&b->fuser, b->ip, unit, variant);
        return;
    }
    b->chosen[b->nchosen] = variant;
    b->chosen_units[b->nchosen++] = unit;
}

static void note_kept_ops(struct builder *b)
{
    if (b->nchosen)
        liveness_choose(b->isa, b->chosen, b->nchosen, b->ip->last_known);
    for (unsigned i = 0; i < b->nchosen; i++)
        fuse_add(&b->fuser, b->ip, b->chosen_units[i], b->chosen[i]);
}

/* An instruction more for the x_count in front; or, of -jit-stats, the x_tally, of which
 * there is one for all up to the next branch.  No group goes beyond it. */
static void tally(struct builder *b)
{
    uint32_t count;

    if (!b->is_counting && !(HAS_JIT && jit_options.stats))
        return;
    if (!b->tally || b->block->table->kind & TABLE_EACH) {
        note_kept_ops(b);
        fuse_end(&b->fuser, b->ip, true);
        fuse_begin(&b->fuser, b->fuser.acc);
        b->nchosen = 0;
        b->tally = b->ip->units;
        memset(add_exit(b, b->is_counting ? profile_handler(x_count) : x_tally)->payload,
               0, OP_SIZE - OP_PAYLOAD);
    }
    memcpy(&count, b->ip->ops[b->tally].payload, sizeof count);
    count++;
    memcpy(b->ip->ops[b->tally].payload, &count, sizeof count);
}

static enum next add_insn(struct builder *b, const struct isa_decoded *insn)
{
    uint32_t number = isa_choose(b->isa, insn), unit, stubs = b->ip->stubs;
    const struct isa_variant *variant = &b->isa->variants[number];
    unsigned jumps = VAR_ENDS_BLOCK | VAR_BRANCHES;
    struct op *op;

    unit = b->ip->units;
    op = add_op(b, NULL, variant->op_units);
    b->wrote_sink = false;
    fill_slots(b, op, variant, insn);
    b->pc = (b->pc + insn->length) & b->pc_mask;
    if ((b->wrote_sink || variant->flags & VAR_ENDS_BLOCK || !variant->slots) &&
        !(variant->flags & ~jumps) && !b->is_counting && !b->block->table->kind &&
        has_no_effect(b, op, variant)) {
        if (!(variant->flags & jumps)) {
            b->ip->units = unit;
            return GO_ON;
        }
        if ((variant->flags & jumps) == jumps && b->count > 1 && !b->ip->is_plain &&
            thread_jump(b, variant, insn, unit, stubs))
            return GO_ON;
    }
    note_op(b, unit, number);
    if (b->is_counting && variant->flags) /* it may be left there */
        b->tally = 0;
    return after_jump(b, variant);
}

/* Decodes and adds the instruction at b->pc. */
static enum next step(struct builder *b)
{
    struct isa_decoded insn;
    unsigned size;
    const uint8_t *code = get_code(b, &size);

    isa_decoder_decode(&b->block->table->decoder, b->pc, code, size, &insn);
    if (insn.truncated || !take_page(b, b->pc) ||
        !take_page(b, (b->pc + insn.length - 1) & b->pc_mask)) {
        add_goto(b);
        return BLOCK_ENDS;
    }
    tally(b);
    add_position(b, insn.length);
    b->count++;
    if (insn.insn != ISA_NONE && (!insn.illegal || insn.illegal == 1 + ILLEGAL_NOP)) {
        if (!insn.illegal)
            return add_insn(b, &insn);
        b->pc = (b->pc + insn.length) & b->pc_mask;
        return b->block->table->kind & TABLE_SLOT ? (add_exit(b, x_slot_end), BLOCK_ENDS)
                                                  : GO_ON;
    }
    add_op(b, x_illegal, 1);
    return BLOCK_ENDS;
}

/* ---------------------------------------------------------------------- blocks */

static inline bool is_stop(const struct builder *b, uint64_t pc)
{
    return b->stops && stops_has_break(b->stops, pc);
}

/* Whether the block is to end in front of b->pc. */
static inline bool ends_here(const struct builder *b)
{
    if (is_stop(b, b->pc) || b->count >= MAX_BLOCK_INSNS || b->pc == b->block->pc)
        return true;
    return !b->is_hot && block_may_be_at(b->ip, b->pc) && block_find(b->ip, b->pc);
}

static void build(struct builder *b)
{
    while (step(b) == GO_ON)
        if (ends_here(b)) {
            add_goto(b);
            break;
        }
    if (!b->is_cold) {
        note_kept_ops(b);
        fuse_end(&b->fuser, b->ip, true);
    }
    b->ip->last_acc = b->fuser.acc;
}

/* `acc`: of the op before (struct fuser). */
static void begin(struct builder *b, struct interp *ip, uint64_t pc, bool is_hot,
                  uint16_t acc)
{
    b->ip = ip;
    b->isa = ip->isa;
    b->stops = ip->cpu->stops;
    b->pc = b->told = pc;
    b->pc_mask = mask64(ip->isa->pc_width);
    b->is_hot = is_hot;
    b->is_counting = (ip->mode->kind & TABLE_COUNT) != 0;
    b->is_cold = false;
    b->count = 0;
    b->tally = 0;
    b->page = UINT64_MAX;
    fuse_begin(&b->fuser, acc);
    b->nchosen = 0;
    b->code_pc = pc;
    b->code_size = 0;
}

/* The first instruction cannot be read: no block. */
static bool is_fetchable(struct builder *b)
{
    struct cpu *cpu = b->ip->cpu;
    struct isa_decoded insn;
    unsigned size;
    const uint8_t *code = get_code(b, &size);

    if (size >= ISA_MAX_ILEN)
        return true;
    isa_decoder_decode(&b->ip->mode->decoder, b->pc, code, size, &insn);
    if (!insn.truncated)
        return true;
    cpu->pc = b->pc;
    interp_leave(cpu, EXEC_FETCH_FAULT);
    cpu->event.access = ACCESS_FETCH;
    cpu->event.addr = (b->pc + size) & b->pc_mask;
    cpu->event.args[0] = b->fetch_cause;
    return false;
}

/* What is in front of the ops is x_cold alone. */
static bool may_be_cold(const struct builder *b)
{
    return b->ip->cold_runs && !b->is_hot && table_gets_hot(b->block->table) &&
           b->ip->units == b->block->unit;
}

/* A block that is the entry of a region, and nothing else.  NULL: there is no region. */
static struct block *enter_region(struct builder *b)
{
    interp_handler entry;
    struct loaded *region;

    cached_load(b->ip, b->pc);
    entry = loaded_entry(b->ip, b->pc, b->ip->mode, code_page(b->ip, b->pc));
    if (!entry)
        return NULL;
    b->block = block_new(b->ip, b->pc);
    take_page(b, b->pc);
    region = loaded_checked(b->ip, b->pc, b->ip->mode, b->block->pages[0]);
    if (region)
        memcpy(add_exit(b, x_enter)->payload, &region, sizeof region);
    add_exit(b, entry);
    return b->block;
}

struct block *predecode(struct interp *ip, uint64_t pc, bool is_hot)
{
    struct builder b;

    if (ip->units + SPARE_UNITS > ip->stubs || ip->nblocks + 1 >= MAX_BLOCKS ||
        template_is_full(ip->template))
        block_flush(ip);
    begin(&b, ip, pc, is_hot, 0);
    if (!is_fetchable(&b))
        return NULL;
    if (HAS_JIT && enter_region(&b))
        return b.block;
    b.block = block_new(ip, pc);
    memset(ip->last_known, 0, sizeof ip->last_known);
    if (is_stop(&b, pc))
        add_exit(&b, x_break);
    if (isa_trace && isa_trace->block)
        add_exit(&b, x_trace);
    b.is_cold = may_be_cold(&b);
    if (b.is_cold)
        memset(add_exit(&b, x_cold)->payload, 0, OP_SIZE - OP_PAYLOAD);
    build(&b);
    tell(&b);
    if (is_hot && table_gets_hot(ip->mode))
        template_make(ip, b.block->unit, ip->units);
    return b.block;
}

static const struct op *predecode_hidden(struct interp *ip, uint64_t pc, unsigned count)
{
    struct builder b;
    bool goes_on = true;

    if (ip->units + SPARE_UNITS > ip->stubs || ip->nblocks + 1 >= MAX_BLOCKS)
        block_flush(ip);
    begin(&b, ip, pc, true, 0);
    if (!is_fetchable(&b))
        return NULL;
    b.block = block_new_hidden(ip, pc);
    while (goes_on && count--)
        goes_on = step(&b) == GO_ON;
    if (goes_on)
        add_goto(&b);
    note_kept_ops(&b);
    fuse_end(&b.fuser, ip, true);
    ip->last_acc = b.fuser.acc;
    return &ip->ops[b.block->unit];
}

const struct op *predecode_single(struct interp *ip, uint64_t pc)
{
    return predecode_hidden(ip, pc, 1);
}

const struct op *predecode_row(struct interp *ip, uint64_t pc)
{
    _Static_assert((int)REGION_ROW < (int)MAX_BLOCK_INSNS, "it is one block");
    return predecode_hidden(ip, pc, REGION_ROW);
}

void predecode_more(struct interp *ip, struct op *op, uint64_t pc)
{
    struct builder b;

    begin(&b, ip, pc, false, ip->last_acc);
    b.block = &ip->blocks[ip->nblocks - 1];
    b.is_cold = heat_is_cold(ip, b.block);
    ip->units = unit_of(ip, op);
    ip->npositions--; /* that of the x_more */
    if (ends_here(&b)) {
        add_goto(&b);
        return;
    }
    build(&b);
    tell(&b);
    if (heat_is_hot(ip, b.block) && table_gets_hot(ip->mode))
        template_make(ip, unit_of(ip, op), ip->units);
}
