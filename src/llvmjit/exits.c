/* exits.c - how control leaves a region, or goes on elsewhere in it.
 *
 * All handlers are called by tail calls, with every guest register in the CPU struct. */
#include <stdlib.h>

#include "interp/op.h"
#include "isa/sem.h"
#include "llvmjit/lift_parts.h"

/* ------------------------------------------------------------------------ cells */

static unsigned add_cell(struct lift *lift, unsigned kind, uint64_t pc)
{
    struct region_state *state = lift->state;
    struct cell *cells;

    if (state->ncells == state->cell_room) {
        cells = realloc(state->cells, 2 * (state->cell_room + 8) * sizeof *cells);
        if (!cells) {
            lift->why = "out of memory";
            return 0;
        }
        state->cells = cells;
        state->cell_room = 2 * (state->cell_room + 8);
    }
    state->cells[state->ncells] = (struct cell){ .is = { (uint8_t)kind, pc } };
    return state->ncells++;
}

static bool is_counted(const struct lift *lift, unsigned kind)
{
    return lift->request->counts &&
           (kind == CELL_GOTO || kind == CELL_SIDE || kind == CELL_ROW ||
            kind == CELL_JUMP || kind == CELL_RETURN);
}

unsigned region_find_cell(struct lift *lift, unsigned kind, uint64_t pc)
{
    struct region_state *state = lift->state;
    unsigned number;

    for (unsigned i = 0; i < state->ncells; i++)
        if (state->cells[i].is.kind == kind && state->cells[i].is.pc == pc)
            return i;
    number = add_cell(lift, kind, pc);
    if (is_counted(lift, kind))
        add_cell(lift, CELL_COUNT, pc);
    return number;
}

/* Of an address in the guest. */
static uint64_t relative(const struct lift *lift, uint64_t pc)
{
    return pc - lift->request->base;
}

static uint64_t pc_mask(const struct lift *lift)
{
    return mask64(lift->isa->pc_width);
}

LLVMValueRef region_cell_address(struct lift *lift, unsigned cell)
{
    struct region_state *state = lift->state;
    LLVMValueRef cells =
        LLVMBuildLoad2(lift->builder, state->pointer, state->cells_word, "");

    return lift_behind(lift, cells, lift_const(lift, 64, (uint64_t)cell * OP_SIZE));
}

LLVMValueRef region_pc(struct lift *lift, uint64_t pc)
{
    LLVMValueRef base =
        LLVMBuildLoad2(lift->builder, lift->state->i64, lift->state->base_word, "");
    LLVMValueRef value =
        LLVMBuildAdd(lift->builder, base, lift_const(lift, 64, relative(lift, pc)), "");

    return LLVMBuildAnd(lift->builder, value, lift_const(lift, 64, pc_mask(lift)), "");
}

/* ------------------------------------------------------------------------ exits */

void region_count(struct lift *lift, int64_t insns)
{
    struct region_state *state = lift->state;
    LLVMValueRef executed;

    if (!state->executed)
        return;
    executed = LLVMBuildLoad2(lift->builder, state->i64, state->executed, "");
    executed =
        LLVMBuildAdd(lift->builder, executed, lift_const(lift, 64, (uint64_t)insns), "");
    LLVMBuildStore(lift->builder, executed, state->executed);
}

static void add_to(struct lift *lift, LLVMValueRef place, LLVMValueRef value)
{
    LLVMValueRef before = lift_load_volatile(lift, lift->state->i64, place);

    lift_store_volatile(lift, LLVMBuildAdd(lift->builder, before, value, ""), place);
}

/* The region is left by a cell: CELL_COUNT and cpu->executed, where that is asked for. */
static void count_exit(struct lift *lift, unsigned cell)
{
    struct region_state *state = lift->state;

    if (!state->executed)
        return;
    add_to(lift, region_cell_address(lift, cell + 1), lift_const(lift, 64, 1));
    add_to(lift, lift_field(lift, offsetof(struct cpu, executed[TIER_REGION])),
           LLVMBuildLoad2(lift->builder, state->i64, state->executed, ""));
}

/* Goes on at an op. */
static void leave_to(struct lift *lift, LLVMValueRef op)
{
    LLVMValueRef function = lift_load_volatile(lift, lift->state->pointer, op), call;
    LLVMValueRef args[4] = { lift->cpu, op, lift->base, LLVMGetPoison(lift->state->i64) };

    call = LLVMBuildCall2(lift->builder, lift->state->handler, function, args, 4, "");
    LLVMSetTailCallKind(call, LLVMTailCallKindMustTail);
    LLVMBuildRetVoid(lift->builder);
}

/* The block that calls a cell's own function: one for all, as it is for what is rare. */
static LLVMBasicBlockRef leave_block(struct lift *lift)
{
    struct region_state *state = lift->state;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(lift->builder);
    LLVMValueRef cells;

    if (state->leave)
        return state->leave;
    state->leave = lift_block(lift, "leave");
    lift_at(lift, state->leave);
    state->left_by = LLVMBuildPhi(lift->builder, state->i64, "");
    cells = LLVMBuildLoad2(lift->builder, state->pointer, state->cells_word, "");
    leave_to(lift, lift_behind(lift, cells, state->left_by));
    lift_at(lift, here);
    return state->leave;
}

/* The builder's block may branch to leave_block() for this cell. */
static void leave_by(struct lift *lift, unsigned cell)
{
    LLVMValueRef offset = lift_const(lift, 64, (uint64_t)cell * OP_SIZE);
    LLVMBasicBlockRef here = LLVMGetInsertBlock(lift->builder);

    leave_block(lift);
    LLVMAddIncoming(lift->state->left_by, &offset, &here, 1);
}

static LLVMValueRef is_kicked(struct lift *lift)
{
    LLVMValueRef kick = lift_load_volatile(lift, lift->state->i32,
                                           lift_field(lift, offsetof(struct cpu, kick)));

    return LLVMBuildICmp(lift->builder, LLVMIntNE, kick, lift_const(lift, 32, 0), "");
}

/* The block that jumps by the link of a CELL_GOTO. */
static LLVMBasicBlockRef jump_block(struct lift *lift, unsigned cell)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(lift->builder), block, on;
    LLVMValueRef address, link;

    block = lift->state->cells[cell].jump;
    if (block)
        return block;
    block = lift_block(lift, "exit");
    on = lift_block(lift, "exit.on");
    lift->state->cells[cell].jump = block;
    lift_at(lift, block);
    count_exit(lift, cell);
    leave_by(lift, cell);
    lift_branch(lift, is_kicked(lift), leave_block(lift), on, false);
    lift_at(lift, on);
    address = region_cell_address(lift, cell);
    link =
        lift_load_volatile(lift, lift->state->i32,
                           lift_behind(lift, address, lift_const(lift, 64, OP_PAYLOAD)));
    link = LLVMBuildSExt(lift->builder, link, lift->state->i64, "");
    leave_to(lift, lift_behind(lift, address, link));
    lift_at(lift, here);
    return block;
}

static void end_block(struct lift *lift, LLVMBasicBlockRef to)
{
    LLVMBuildBr(lift->builder, to);
    lift->state->is_dead = true;
}

void region_exit(struct lift *lift, uint64_t pc)
{
    unsigned cell = region_find_cell(lift, CELL_GOTO, relative(lift, pc & pc_mask(lift)));

    region_flush(lift);
    end_block(lift, jump_block(lift, cell));
}

void region_side_exit(struct lift *lift)
{
    unsigned cell = region_find_cell(lift, CELL_SIDE, relative(lift, lift->insn->pc));
    bool is_begun = !lift->state->plan[lift->insn - lift->request->insns].is_side;

    region_flush(lift);
    if (is_begun)
        region_count(lift, -1); /* the interpreter executes it from the beginning */
    count_exit(lift, cell);
    leave_by(lift, cell);
    end_block(lift, leave_block(lift));
}

void region_side_exit_if(struct lift *lift, LLVMValueRef condition)
{
    LLVMBasicBlockRef leave = lift_block(lift, "side"), on = lift_block(lift, "on");

    lift_branch(lift, condition, leave, on, false);
    lift_at(lift, leave);
    region_side_exit(lift);
    lift->state->is_dead = false;
    lift_at(lift, on);
}

LLVMBasicBlockRef region_block(struct lift *lift, int32_t insn)
{
    struct insn_plan *plan = &lift->state->plan[insn];

    if (!plan->block)
        plan->block = lift_block(lift, "insn");
    return plan->block;
}

void region_publish_insn(struct lift *lift, int64_t number)
{
    lift_store_volatile(lift, lift_const(lift, 32, (uint64_t)number),
                        lift_field(lift, offsetof(struct cpu, region_at)));
}

void region_publish(struct lift *lift)
{
    if (lift->state->pending != NO_INSN)
        region_publish_insn(lift, lift->state->pending);
    lift->state->pending = NO_INSN;
}

/* In a block of its own: the edge to an instruction at which somebody wants to be heard.
 */
static LLVMBasicBlockRef kicked_block(struct lift *lift, int32_t insn)
{
    uint64_t pc = relative(lift, lift->request->insns[insn].pc);
    LLVMBasicBlockRef here = LLVMGetInsertBlock(lift->builder),
                      block = lift_block(lift, "kicked");
    struct dirty dirty = lift->state->dirty, unneeded;
    bool is_late = false;
    unsigned cell;

    plan_unneeded(lift, (uint32_t)insn, &unneeded);
    for (unsigned i = 0; i < MAX_ELEMENTS / 64; i++) {
        is_late |= (dirty.bits[i] & unneeded.bits[i]) != 0;
        lift->state->dirty.bits[i] &= ~unneeded.bits[i];
    }
    lift_at(lift, block);
    region_flush(lift);
    lift->state->dirty = dirty;
    cell = region_find_cell(lift, is_late ? CELL_ROW : CELL_GOTO, pc);
    count_exit(lift, cell);
    leave_by(lift, cell);
    LLVMBuildBr(lift->builder, leave_block(lift));
    lift_at(lift, here);
    return block;
}

/* What is dirty stays so: others come there, too. */
void region_to(struct lift *lift, int32_t insn, bool is_back)
{
    LLVMBasicBlockRef to = region_block(lift, insn);
    struct region_state *state = lift->state;

    if (state->plan[lift->insn - lift->request->insns].stores) {
        region_flush(lift);
        region_publish_insn(lift, insn);
    } else if (state->pending != NO_INSN) {
        region_publish_insn(lift, state->pending);
    }
    for (unsigned i = 0; i < MAX_ELEMENTS / 64; i++)
        if (!state->plan[lift->insn - lift->request->insns].stores &&
            state->dirty.bits[i] & ~state->plan[insn].dirty.bits[i])
            lift->why = "a register is dirty that was not foreseen";
    if (is_back)
        lift_branch(lift, is_kicked(lift), kicked_block(lift, insn), to, false);
    else
        LLVMBuildBr(lift->builder, to);
    state->is_dead = true;
}

/* -------------------------------------------------- calls and indirect jumps */

static LLVMValueRef load_pointer_sized(struct lift *lift, size_t offset)
{
    return lift_load_volatile(lift, lift->state->i64, lift_field(lift, offset));
}

static LLVMValueRef ring_place(struct lift *lift, LLVMValueRef at)
{
    LLVMValueRef offset = LLVMBuildShl(lift->builder, at, lift_const(lift, 64, 3), "");

    return lift_behind(lift, lift_field(lift, offsetof(struct cpu, ring)), offset);
}

/* ring_top moved by `step`. */
static LLVMValueRef ring_step(struct lift *lift, LLVMValueRef top, uint64_t step)
{
    top = LLVMBuildAdd(lift->builder, top, lift_const(lift, 64, step), "");
    return LLVMBuildAnd(lift->builder, top, lift_const(lift, 64, CPU_RING - 1), "");
}

void region_called(struct lift *lift, uint64_t return_pc)
{
    unsigned cell =
        region_find_cell(lift, CELL_CALLED, relative(lift, return_pc & pc_mask(lift)));
    size_t top_at = offsetof(struct cpu, ring_top);
    LLVMValueRef top = ring_step(lift, load_pointer_sized(lift, top_at), 1);

    lift_store_volatile(lift, top, lift_field(lift, top_at));
    lift_store_volatile(lift, region_cell_address(lift, cell), ring_place(lift, top));
}

/* Whether an entry is for `pc`, and nobody wants to be heard. */
static LLVMValueRef is_entry_for(struct lift *lift, LLVMValueRef entry, LLVMValueRef pc)
{
    LLVMValueRef found = lift_load_volatile(lift, lift->state->i64, entry);
    LLVMValueRef kicked = is_kicked(lift);
    LLVMValueRef is_same = LLVMBuildICmp(lift->builder, LLVMIntEQ, found, pc, "");

    return LLVMBuildAnd(lift->builder, is_same, LLVMBuildNot(lift->builder, kicked, ""),
                        "");
}

/* To the op of a jump_entry where it is for `pc`; from the block `miss` on the builder is
 * there, where cpu->pc is `pc`, and leaves by a cell of `kind`. */
static void jump_by_entry(struct lift *lift, LLVMValueRef entry, LLVMValueRef pc,
                          LLVMValueRef top, unsigned kind)
{
    LLVMBasicBlockRef hit = lift_block(lift, "hit"), miss = lift_block(lift, "miss");
    unsigned cell = region_find_cell(lift, kind, relative(lift, lift->insn->pc));
    LLVMValueRef op;

    count_exit(lift, cell);
    lift_branch(lift, is_entry_for(lift, entry, pc), hit, miss, true);
    lift_at(lift, hit);
    if (top)
        lift_store_volatile(lift, ring_step(lift, top, UINT64_MAX),
                            lift_field(lift, offsetof(struct cpu, ring_top)));
    op = lift_load_volatile(lift, lift->state->pointer,
                            lift_behind(lift, entry, lift_const(lift, 64, 8)));
    leave_to(lift, op);
    lift_at(lift, miss);
    lift_store_volatile(lift, pc, lift_field(lift, offsetof(struct cpu, pc)));
    leave_by(lift, cell);
    end_block(lift, leave_block(lift));
}

static LLVMValueRef target_pc(struct lift *lift, LLVMValueRef target)
{
    return LLVMBuildAnd(lift->builder, lift_fit(lift, target, 64),
                        lift_const(lift, 64, pc_mask(lift)), "");
}

/* JUMP_ENTRY of handler.h. */
static LLVMValueRef jump_entry(struct lift *lift, LLVMValueRef pc)
{
    unsigned shift = jump_shift(lift->isa);
    LLVMValueRef jumps = lift_load_volatile(
        lift, lift->state->pointer, lift_field(lift, offsetof(struct cpu, jumps)));
    LLVMValueRef mask = load_pointer_sized(lift, offsetof(struct cpu, jump_mask));

    pc = LLVMBuildShl(lift->builder, pc, lift_const(lift, 64, 4 - shift), "");
    return lift_behind(lift, jumps, LLVMBuildAnd(lift->builder, pc, mask, ""));
}

void region_jump(struct lift *lift, LLVMValueRef target)
{
    LLVMValueRef pc = target_pc(lift, target);

    region_flush(lift);
    jump_by_entry(lift, jump_entry(lift, pc), pc, NULL, CELL_JUMP);
}

void region_guess(struct lift *lift, LLVMValueRef target, const struct region_slot *call)
{
    LLVMBasicBlockRef same = lift_block(lift, "guess"), other = lift_block(lift, "other");
    LLVMValueRef is_same =
        LLVMBuildICmp(lift->builder, LLVMIntEQ, target_pc(lift, target),
                      region_pc(lift, lift->insn->guess_pc), "");

    lift_branch(lift, is_same, same, other, true);
    lift_at(lift, same);
    if (call && lift->insn->behind != REGION_NONE)
        region_called(lift, call->value);
    region_to(lift, lift->insn->guess_insn,
              lift->state->plan[lift->insn - lift->request->insns].guess_is_back);
    lift_at(lift, other);
    lift->state->is_dead = false;
}

/* Within the region where that is expected. */
static void return_inside(struct lift *lift, LLVMValueRef pc)
{
    LLVMBasicBlockRef same = lift_block(lift, "return"),
                      other = lift_block(lift, "other");
    int32_t insn = lift->insn->return_insn;
    LLVMValueRef is_same = LLVMBuildICmp(lift->builder, LLVMIntEQ, pc,
                                         region_pc(lift, lift->insn->return_pc), "");

    lift_branch(lift, is_same, same, other, true);
    lift_at(lift, same);
    region_to(lift, insn,
              lift->state->plan[lift->insn - lift->request->insns].return_is_back);
    lift_at(lift, other);
}

/* Where the newest entry of the ring is that of a call in the region itself. */
static void return_behind(struct lift *lift, LLVMValueRef pc, LLVMValueRef top,
                          LLVMValueRef entry, int32_t insn)
{
    LLVMBasicBlockRef same = lift_block(lift, "behind"),
                      other = lift_block(lift, "other");
    uint64_t at = lift->request->insns[insn].pc;
    unsigned cell = region_find_cell(lift, CELL_CALLED, relative(lift, at));
    LLVMValueRef is_ours = LLVMBuildICmp(lift->builder, LLVMIntEQ, entry,
                                         region_cell_address(lift, cell), "");
    LLVMValueRef is_there =
        LLVMBuildICmp(lift->builder, LLVMIntEQ, pc, region_pc(lift, at), "");

    lift_branch(lift, LLVMBuildAnd(lift->builder, is_ours, is_there, ""), same, other,
                true);
    lift_at(lift, same);
    lift_store_volatile(lift, ring_step(lift, top, UINT64_MAX),
                        lift_field(lift, offsetof(struct cpu, ring_top)));
    region_to(lift, insn, lift->state->plan[insn].behind_is_back);
    lift_at(lift, other);
    lift->state->is_dead = false;
}

void region_return(struct lift *lift, LLVMValueRef target)
{
    LLVMValueRef pc = target_pc(lift, target), top, entry;

    if (lift->insn->return_insn != REGION_NONE)
        return_inside(lift, pc);
    top = load_pointer_sized(lift, offsetof(struct cpu, ring_top));
    entry = lift_load_volatile(lift, lift->state->pointer, ring_place(lift, top));
    for (unsigned i = 0; i < lift->state->nbehinds; i++)
        return_behind(lift, pc, top, entry, lift->state->behinds[i]);
    region_flush(lift);
    jump_by_entry(lift, entry, pc, top, CELL_RETURN);
}
