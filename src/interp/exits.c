/* exits.c - the ops that are no instruction: links, block ends, counters; and what
 * handlers do rarely. */
#define JUMP_SHIFT 0 /* not used here */
#include "interp/interp.h"

#include <string.h>

#include "isa/sem.h"
#include "isa/trace.h"

enum { WARM = 50 }; /* times a block goes on elsewhere before it is made anew */
enum { RING_SEARCH = 4 };

static uint64_t pc_of_payload(const struct op *op)
{
    uint64_t pc;

    memcpy(&pc, op->payload, sizeof pc);
    return pc;
}

static uint64_t next_pc(const struct interp_cpu *self, const struct position *at)
{
    return (at->pc + at->ilen) & mask64(self->isa->pc_width);
}

/* op_position(), remembered: an instruction's stays as it is until everything is flushed
 * (an exit's does not: a block may go on there). */
static struct position left_position(struct interp_cpu *self, const struct op *op)
{
    const struct interp *ip = self->ip;
    struct left_at *left = &self->left_at[unit_of(ip, op) % LEFT_AT];

    if (left->op != op || left->flushes != ip->flushes || !left->position.ilen)
        *left = (struct left_at){ op, ip->flushes, op_position(self->ip, op) };
    return left->position;
}

/* The instruction at `op` did not happen. */
static void stop_at(struct cpu *cpu, const struct op *op)
{
    struct interp_cpu *self = interp_of(cpu);
    struct position at = left_position(self, op);

    self->head.left_from = op;
    cpu->pc = at.pc;
    cpu->event.ilen = at.ilen;
    if (self->head.counting)
        cpu->insns--;
}

/* ------------------------------------------------------------------- look-up */

/* Taken, and what a fence asked for is done. */
static struct interp *take(struct interp_cpu *self)
{
    struct interp *ip;

    self->is_running = false;
    ip = interp_take(self);
    if (self->is_fetch_fenced)
        block_fence(ip);
    return ip;
}

static void give(struct interp_cpu *self)
{
    interp_give(self);
    self->is_running = true;
}

/* block_enter(), unless the limit is reached: then what comes next is not looked at, as
 * it might fault.  Requires: taken. */
static const struct op *enter_block(struct interp *ip, uint64_t pc)
{
    struct cpu *cpu = ip->cpu;
    const struct interp_head *head = INTERP_HEAD(cpu);

    if (UNLIKELY(head->counting && cpu->insns == head->stop)) {
        cpu->pc = pc;
        interp_leave(cpu, EXEC_LIMIT);
        return NULL;
    }
    return block_enter(ip, pc);
}

/* The first op at pc.  Requires: the caller holds no op, or looks at ip->flushes. */
static const struct op *enter(struct cpu *cpu, uint64_t pc)
{
    struct interp_cpu *self = interp_of(cpu);
    const struct op *op = enter_block(take(self), pc);

    give(self);
    return op;
}

/* Goes on at cpu->pc with whatever mode the state means now. */
HANDLER(x_jump_mode)
{
    struct interp_cpu *self = interp_of(cpu);
    const struct op *to;

    self->head.has_jumped = false;
    if (UNLIKELY(cpu->kick))
        CALL_HANDLER(x_jump, op);
    mode_table_use(self, mode_table_get(self, interp_mode(self),
                                        self->mode->kind & ~(unsigned)TABLE_SLOT));
    base = cpu->base; /* of the new regime */
    to = enter(cpu, cpu->pc);
    if (!to)
        LEAVE();
    TAIL(to);
}

/* Goes on at cpu->pc: not in the jump cache, or kicked. */
HANDLER(x_jump)
{
    struct interp_cpu *self = interp_of(cpu);
    const struct op *to;

    if (cpu->kick) {
        if (self->mode->kind & TABLE_SLOT || self->isa->nmodes)
            mode_table_use(self,
                           mode_table_get(self, interp_mode(self),
                                          self->mode->kind & ~(unsigned)TABLE_SLOT));
        self->head.left_from = op;
        interp_leave(cpu, EXEC_KICK);
        LEAVE();
    }
    to = enter(cpu, cpu->pc);
    if (!to)
        LEAVE();
    TAIL(to);
}

/* ------------------------------------------------------------------- returns */

/* In place of the op that a call's return leads to, while that is not known. */
const struct op return_unknown = { .fn = x_first_return };
const struct op return_far = { .fn = x_far_return };
static const struct jump_entry no_return = { .op = &return_unknown };

void ring_clear(struct cpu *cpu)
{
    for (unsigned i = 0; i < CPU_RING; i++)
        cpu->ring[i] = &no_return;
}

/* What the last return as expected came from: of this mode, and not flushed since. */
static struct jump_entry *last_return(const struct cpu *cpu)
{
    return (struct jump_entry *)(uintptr_t)cpu->ring[(cpu->ring_top + 1) % CPU_RING];
}

HANDLER(x_first_return)
{
    struct interp_cpu *self = interp_of(cpu);
    struct jump_entry *from = last_return(cpu);
    uint32_t flushes = self->ip->flushes;
    struct interp *ip;
    const struct op *to;

    (void)op;
    cpu->pc = from->pc;
    ip = take(self);
    to = enter_block(ip, cpu->pc);
    if (to && ip->flushes == flushes && from != &no_return &&
        block_is_linkable(block_of(ip, unit_of(ip, to))))
        __atomic_store_n(&from->op, to, __ATOMIC_RELEASE);
    give(self);
    if (!to)
        LEAVE();
    TAIL(to);
}

HANDLER(x_far_return)
{
    const struct op *to;

    cpu->pc = last_return(cpu)->pc;
    to = jump_cached(interp_of(cpu), cpu->pc);
    if (LIKELY(to))
        TAIL(to);
    CALL_HANDLER(x_jump, op);
}

/* A return to cpu->pc that was not expected, or kicked.  Calls that were left otherwise
 * are skipped, if they are few; a jump that only looks like a return takes nothing. */
HANDLER(x_return)
{
    const struct op *to = cpu->kick ? NULL : jump_cached(interp_of(cpu), cpu->pc);

    for (unsigned i = 0; i < RING_SEARCH; i++)
        if (cpu->ring[(cpu->ring_top - i) % CPU_RING]->pc == cpu->pc) {
            cpu->ring_top = (cpu->ring_top - i - 1) % CPU_RING;
            break;
        }
    if (!to)
        CALL_HANDLER(x_jump, op);
    TAIL(to);
}

/* A link to `op` was to be followed. */
HANDLER(x_kick)
{
    struct interp_cpu *self = interp_of(cpu);

    (void)base;
    (void)acc;
    if (op->fn == x_stub_delayed) {
        const struct op *from = op + ((const struct stub *)op)->op;
        struct position at = op_position(self->ip, from);

        cpu->npc = op_position(self->ip, op).pc;
        cpu->pc = next_pc(self, &at);
        mode_table_use(
            self, mode_table_get(self, self->mode->mode, self->mode->kind | TABLE_SLOT));
    } else {
        cpu->pc = op_position(self->ip, op).pc;
        if (op->fn == x_stub_mode)
            mode_table_use(self,
                           mode_table_get(self, interp_mode(self),
                                          self->mode->kind & ~(unsigned)TABLE_SLOT));
    }
    interp_leave(cpu, EXEC_KICK);
    LEAVE();
}

/* Another CPU was faster. */
static bool is_linked(const struct interp *ip, uint32_t unit)
{
    const struct stub *stub = (const struct stub *)&ip->ops[unit];
    int32_t distance;

    memcpy(&distance, (const uint8_t *)stub + stub->link, sizeof distance);
    return distance != -stub->op * OP_SIZE;
}

HANDLER(x_stub)
{
    struct interp_cpu *self = interp_of(cpu);
    uint32_t flushes = self->ip->flushes, unit = unit_of(self->ip, op);
    uint64_t pc = ((const struct stub *)op)->pc;
    struct interp *ip = take(self);
    const struct op *to = enter_block(ip, pc);

    if (to && ip->flushes == flushes && !is_linked(ip, unit)) {
        struct block *target = block_of(ip, unit_of(ip, to));

        if (block_is_linkable(target))
            block_link(ip, &ip->ops[unit], target);
        else
            __atomic_store_n(&ip->ops[unit].fn, x_far, __ATOMIC_RELEASE);
    }
    give(self);
    if (!to)
        LEAVE();
    TAIL(to);
}

HANDLER(x_far)
{
    uint64_t pc = ((const struct stub *)op)->pc;
    const struct op *to = jump_cached(interp_of(cpu), pc);

    if (LIKELY(to))
        TAIL(to);
    cpu->pc = pc;
    CALL_HANDLER(x_jump, op);
}

HANDLER(x_stub_mode)
{
    cpu->pc = ((const struct stub *)op)->pc;
    CALL_HANDLER(x_jump_mode, op);
}

/* ---------------------------------------------------------------- block ends */

/* The block of `op` goes on elsewhere often: one that goes through takes its place. */
static void remake(struct interp *ip, struct op *op)
{
    struct block *block = block_of(ip, unit_of(ip, op));
    unsigned remade = block->remade + 1u;
    uint64_t head = block->pc;

    __atomic_store_n(&op->fn, x_goto, __ATOMIC_RELEASE);
    if (block->is_dead || remade > 4)
        return;
    block_drop(ip, block);
    block = predecode(ip, head, true);
    if (block)
        block->remade = (uint8_t)remade;
    ip->cpu->event.kind = EXEC_NONE;
}

HANDLER(x_warm)
{
    struct interp_cpu *self = interp_of(cpu);
    uint32_t flushes = self->ip->flushes, unit = unit_of(self->ip, op);
    struct interp *ip;

    if (++self->ip->ops[unit].payload[4] < WARM)
        JUMP(0, OP_PAYLOAD);
    cpu->pc = op_position(self->ip, op).pc;
    ip = take(self);
    if (ip->flushes == flushes && op->fn == x_warm)
        remake(ip, &ip->ops[unit]);
    give(self);
    CALL_HANDLER(x_jump, op);
}

/* Only while the ops are not shared. */
HANDLER(x_more)
{
    struct interp_cpu *self = interp_of(cpu);
    struct interp *ip = self->ip;
    uint32_t unit = unit_of(ip, op);
    uint64_t pc = pc_of_payload(op);

    if (self->is_fetch_fenced) {
        cpu->pc = pc;
        CALL_HANDLER(x_jump, op);
    }
    take(self);
    if (unit + 1 == ip->units && ip->units + SPARE_UNITS < ip->stubs &&
        !ip->blocks[ip->nblocks - 1].is_dead)
        predecode_more(ip, &ip->ops[unit], pc);
    else
        block_to_warm(ip, &ip->ops[unit]);
    give(self);
    TAIL(op);
}

/* The block of `op`, its first, is not valid any more, or begins behind it. */
HANDLER(x_dropped)
{
    struct interp *ip = interp_of(cpu)->ip;
    struct jump_entry *from = last_return(cpu);

    if (from->op == op) /* most likely came from there: it is to look again */
        __atomic_store_n(&from->op, &return_unknown, __ATOMIC_RELEASE);
    cpu->pc = block_of(ip, unit_of(ip, op))->pc;
    CALL_HANDLER(x_jump, op);
}

HANDLER(x_next_mode)
{
    cpu->pc = pc_of_payload(op);
    CALL_HANDLER(x_jump_mode, op);
}

HANDLER(x_illegal)
{
    (void)base;
    (void)acc;
    interp_illegal(cpu, op);
    LEAVE();
}

HANDLER(x_limit)
{
    (void)base;
    (void)acc;
    cpu->pc = op_position(interp_of(cpu)->ip, op).pc;
    interp_leave(cpu, EXEC_LIMIT);
    LEAVE();
}

HANDLER(x_trace)
{
    struct interp_cpu *self = interp_of(cpu);

    cpu->pc = pc_of_payload(op);
    self->is_running = false;
    isa_trace->block(cpu);
    self->is_running = true;
    NEXT(1);
}

HANDLER(x_break)
{
    uint64_t pc = pc_of_payload(op), skip = cpu->skip_stop;

    cpu->skip_stop = UINT64_MAX;
    if (skip != pc) {
        cpu->pc = pc;
        interp_leave(cpu, EXEC_BREAK);
        LEAVE();
    }
    NEXT(1);
}

/* --------------------------------------------------------------- delay slots */

/* The slot at cpu->pc, then cpu->npc. */
static const struct op *enter_slot(struct cpu *cpu)
{
    struct interp_cpu *self = interp_of(cpu);

    mode_table_use(
        self, mode_table_get(self, interp_mode(self), self->mode->kind | TABLE_SLOT));
    return enter(cpu, cpu->pc);
}

/* The jump of the instruction at `from` takes effect after the next one. */
static void delay_jump(struct cpu *cpu, const struct op *from, uint64_t target)
{
    struct interp_cpu *self = interp_of(cpu);
    struct position at = op_position(self->ip, from);

    /* A jump in a slot: its own slot is where the jump before it leads. */
    cpu->pc = self->mode->kind & TABLE_SLOT ? cpu->npc : next_pc(self, &at);
    cpu->npc = target & mask64(self->isa->pc_width);
}

HANDLER(x_jump_delayed)
{
    const struct op *to;

    delay_jump(cpu, op, INTERP_HEAD(cpu)->target);
    to = enter_slot(cpu);
    if (!to)
        LEAVE();
    TAIL(to);
}

HANDLER(x_stub_delayed)
{
    const struct op *to;

    delay_jump(cpu, op + ((const struct stub *)op)->op, ((const struct stub *)op)->pc);
    to = enter_slot(cpu);
    if (!to)
        LEAVE();
    TAIL(to);
}

HANDLER(x_slot_end)
{
    cpu->pc = cpu->npc;
    CALL_HANDLER(x_jump_mode, op);
}

HANDLER(x_annul)
{
    struct interp_cpu *self = interp_of(cpu);
    struct position at = op_position(self->ip, op);
    uint64_t slot = self->mode->kind & TABLE_SLOT ? cpu->npc : next_pc(self, &at);

    cpu->pc = (slot + at.ilen) & mask64(self->isa->pc_width);
    CALL_HANDLER(x_jump_mode, op);
}

HANDLER(x_repeat)
{
    struct interp_cpu *self = interp_of(cpu);

    if (cpu->kick || self->head.counting) {
        cpu->pc = op_position(self->ip, op).pc;
        CALL_HANDLER(x_jump, op);
    }
    TAIL(op);
}

uint64_t interp_npc(struct cpu *cpu, const struct op *op)
{
    struct interp_cpu *self = interp_of(cpu);
    struct position at;

    if (self->mode->kind & TABLE_SLOT)
        return cpu->npc;
    at = op_position(self->ip, op);
    return next_pc(self, &at);
}

/* -------------------------------------------------------------------- events */

void interp_leave(struct cpu *cpu, enum exec_kind kind)
{
    cpu->event = (struct exec_event){ 0 };
    cpu->event.kind = (uint8_t)kind;
}

void interp_trap(struct cpu *cpu, const struct op *op, unsigned trap, uint64_t a,
                 uint64_t b)
{
    interp_leave(cpu, EXEC_TRAP);
    cpu->event.trap = (uint16_t)trap;
    cpu->event.args[0] = a;
    cpu->event.args[1] = b;
    stop_at(cpu, op);
}

void interp_misaligned(struct cpu *cpu, const struct op *op, unsigned trap, uint64_t addr,
                       unsigned access)
{
    interp_trap(cpu, op, trap, addr, 0);
    cpu->event.addr = addr;
    cpu->event.access = (uint8_t)access;
}

void interp_illegal(struct cpu *cpu, const struct op *op)
{
    interp_leave(cpu, EXEC_ILLEGAL);
    cpu->event.access = ACCESS_FETCH;
    stop_at(cpu, op);
}

uint64_t interp_helper(struct cpu *cpu, const struct op *op, unsigned number, bool sync,
                       uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                       uint64_t f)
{
    struct interp_cpu *self = interp_of(cpu);
    uint64_t args[6] = { a, b, c, d, e, f }, result, pc;

    if (!cpu->helper) {
        interp_illegal(cpu, op);
        return 0;
    }
    if (sync)
        cpu->pc = left_position(self, op).pc;
    pc = cpu->pc;
    self->is_running = false;
    result = cpu->helper(cpu, number, args);
    self->is_running = true;
    self->head.has_jumped = sync && cpu->pc != pc;
    if (cpu->event.kind)
        stop_at(cpu, op);
    return result;
}

void interp_fence_fetch(struct cpu *cpu)
{
    interp_of(cpu)->is_fetch_fenced = true;
}
