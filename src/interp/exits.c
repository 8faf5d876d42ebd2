/* exits.c - the ops that are no instruction: links, block ends, counters; and what
 * handlers do rarely. */
#define JUMP_SHIFT 0 /* not used here */
#include "interp/interp.h"

#include <string.h>

#include "isa/sem.h"
#include "isa/trace.h"

enum { WARM = 50 }; /* times a block goes on elsewhere before it is made anew */

static uint64_t pc_of_payload(const struct op *op)
{
    uint64_t pc;

    memcpy(&pc, op->payload, sizeof pc);
    return pc;
}

static uint64_t next_pc(const struct interp *ip, const struct position *at)
{
    return (at->pc + at->ilen) & mask64(ip->isa->pc_width);
}

/* The instruction at `op` did not happen. */
static void stop_at(struct cpu *cpu, const struct op *op)
{
    struct interp *ip = interp_of(cpu);
    struct position at = op_position(ip, op);

    ip->head.left_from = op;
    cpu->pc = at.pc;
    cpu->event.ilen = at.ilen;
    if (ip->head.counting)
        cpu->insns--;
}

/* ------------------------------------------------------------------- look-up */

static const struct op *enter(struct cpu *cpu, uint64_t pc)
{
    struct interp *ip = interp_of(cpu);
    const struct op *op;

    ip->is_running = false;
    if (ip->is_fetch_fenced)
        block_fence(ip);
    op = block_enter(ip, pc);
    ip->is_running = true;
    return op;
}

/* Goes on at cpu->pc with whatever mode the state means now. */
HANDLER(x_jump_mode)
{
    struct interp *ip = interp_of(cpu);
    const struct op *to;

    ip->head.has_jumped = false;
    if (UNLIKELY(cpu->kick))
        CALL_HANDLER(x_jump, op);
    mode_table_use(
        ip, mode_table_get(ip, interp_mode(ip), ip->mode->kind & ~(unsigned)TABLE_SLOT));
    to = enter(cpu, cpu->pc);
    if (!to)
        LEAVE();
    TAIL(to);
}

/* Goes on at cpu->pc: not in the jump cache, or kicked. */
HANDLER(x_jump)
{
    struct interp *ip = interp_of(cpu);
    const struct op *to;

    if (cpu->kick) {
        if (ip->mode->kind & TABLE_SLOT || ip->isa->nmodes)
            mode_table_use(ip, mode_table_get(ip, interp_mode(ip),
                                              ip->mode->kind & ~(unsigned)TABLE_SLOT));
        ip->head.left_from = op;
        interp_leave(cpu, EXEC_KICK);
        LEAVE();
    }
    to = enter(cpu, cpu->pc);
    if (!to)
        LEAVE();
    TAIL(to);
}

/* A link to `op` was to be followed. */
HANDLER(x_kick)
{
    struct interp *ip = interp_of(cpu);

    (void)base;
    (void)acc;
    if (op->fn == x_stub_delayed) {
        const struct op *from = op + ((const struct stub *)op)->op;
        struct position at = op_position(ip, from);

        cpu->npc = op_position(ip, op).pc;
        cpu->pc = next_pc(ip, &at);
        mode_table_use(ip,
                       mode_table_get(ip, ip->mode->mode, ip->mode->kind | TABLE_SLOT));
    } else {
        cpu->pc = op_position(ip, op).pc;
        if (op->fn == x_stub_mode)
            mode_table_use(ip, mode_table_get(ip, interp_mode(ip),
                                              ip->mode->kind & ~(unsigned)TABLE_SLOT));
    }
    interp_leave(cpu, EXEC_KICK);
    LEAVE();
}

HANDLER(x_stub)
{
    struct interp *ip = interp_of(cpu);
    uint32_t flushes = ip->flushes;
    uint64_t pc = ((const struct stub *)op)->pc;
    const struct op *to = enter(cpu, pc);

    if (!to)
        LEAVE();
    if (ip->flushes == flushes)
        block_link(ip, &ip->ops[unit_of(ip, op)], block_of(ip, unit_of(ip, to)));
    TAIL(to);
}

HANDLER(x_stub_mode)
{
    cpu->pc = ((const struct stub *)op)->pc;
    CALL_HANDLER(x_jump_mode, op);
}

/* ---------------------------------------------------------------- block ends */

HANDLER(x_goto)
{
    JUMP(0, OP_S32(OP_PAYLOAD));
}

HANDLER(x_warm)
{
    struct interp *ip = interp_of(cpu);
    uint8_t *count = &ip->ops[unit_of(ip, op)].payload[4];
    struct block *block;
    uint64_t pc;

    if (++*count < WARM)
        JUMP(0, OP_S32(OP_PAYLOAD));
    pc = op_position(ip, op).pc;
    block = block_of(ip, unit_of(ip, op));
    ip->ops[unit_of(ip, op)].fn = x_goto;
    if (!block->is_dead && block->remade < 4) {
        uint64_t head = block->pc;
        unsigned remade = block->remade + 1u;

        ip->is_running = false;
        block_drop(ip, block);
        block = predecode(ip, head, true);
        ip->is_running = true;
        if (block)
            block->remade = (uint8_t)remade;
        cpu->event.kind = EXEC_NONE;
    }
    cpu->pc = pc;
    CALL_HANDLER(x_jump, op);
}

HANDLER(x_more)
{
    struct interp *ip = interp_of(cpu);
    uint32_t unit = unit_of(ip, op);
    struct op *here = &ip->ops[unit];
    uint64_t pc = pc_of_payload(op);

    if (ip->is_fetch_fenced) {
        cpu->pc = pc;
        CALL_HANDLER(x_jump, op);
    }
    if (unit + 1 == ip->units && ip->units + SPARE_UNITS < ip->stubs &&
        !ip->blocks[ip->nblocks - 1].is_dead) {
        ip->is_running = false;
        predecode_more(ip, here, pc);
        ip->is_running = true;
        TAIL(op);
    }
    memset(here->payload, 0, sizeof here->payload);
    here->fn = x_warm;
    stub_new(ip, x_stub, pc, here, OP_PAYLOAD);
    TAIL(op);
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

HANDLER(x_count)
{
    struct interp *ip = interp_of(cpu);

    if (UNLIKELY(cpu->insns == ip->head.stop)) {
        cpu->pc = op_position(ip, op).pc;
        interp_leave(cpu, EXEC_LIMIT);
        LEAVE();
    }
    cpu->insns++;
    NEXT(1);
}

HANDLER(x_trace)
{
    struct interp *ip = interp_of(cpu);

    cpu->pc = pc_of_payload(op);
    ip->is_running = false;
    isa_trace->block(cpu);
    ip->is_running = true;
    NEXT(1);
}

/* --------------------------------------------------------------- delay slots */

/* The slot at cpu->pc, then cpu->npc. */
static const struct op *enter_slot(struct cpu *cpu)
{
    struct interp *ip = interp_of(cpu);

    mode_table_use(ip, mode_table_get(ip, interp_mode(ip), ip->mode->kind | TABLE_SLOT));
    return enter(cpu, cpu->pc);
}

/* The jump of the instruction at `from` takes effect after the next one. */
static void delay_jump(struct cpu *cpu, const struct op *from, uint64_t target)
{
    struct interp *ip = interp_of(cpu);
    struct position at = op_position(ip, from);

    /* A jump in a slot: its own slot is where the jump before it leads. */
    cpu->pc = ip->mode->kind & TABLE_SLOT ? cpu->npc : next_pc(ip, &at);
    cpu->npc = target & mask64(ip->isa->pc_width);
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
    struct interp *ip = interp_of(cpu);
    struct position at = op_position(ip, op);
    uint64_t slot = ip->mode->kind & TABLE_SLOT ? cpu->npc : next_pc(ip, &at);

    cpu->pc = (slot + at.ilen) & mask64(ip->isa->pc_width);
    CALL_HANDLER(x_jump_mode, op);
}

HANDLER(x_repeat)
{
    struct interp *ip = interp_of(cpu);

    if (cpu->kick || ip->head.counting) {
        cpu->pc = op_position(ip, op).pc;
        CALL_HANDLER(x_jump, op);
    }
    TAIL(op);
}

uint64_t interp_npc(struct cpu *cpu, const struct op *op)
{
    struct interp *ip = interp_of(cpu);
    struct position at;

    if (ip->mode->kind & TABLE_SLOT)
        return cpu->npc;
    at = op_position(ip, op);
    return next_pc(ip, &at);
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
    struct interp *ip = interp_of(cpu);
    uint64_t args[6] = { a, b, c, d, e, f }, result, pc;

    if (!cpu->helper) {
        interp_illegal(cpu, op);
        return 0;
    }
    if (sync)
        cpu->pc = op_position(ip, op).pc;
    pc = cpu->pc;
    ip->is_running = false;
    result = cpu->helper(cpu, number, args);
    ip->is_running = true;
    ip->head.has_jumped = sync && cpu->pc != pc;
    if (cpu->event.kind)
        stop_at(cpu, op);
    return result;
}

void interp_fence_fetch(struct cpu *cpu)
{
    interp_of(cpu)->is_fetch_fenced = true;
}
