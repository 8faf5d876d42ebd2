/* region.c - the function around the instructions: registers, entries, edges, exits.
 *
 * One function `body` has all of the code; an entry is a stub that calls it with its
 * number (a single one is the body itself): object.h.  exits.c: how control leaves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/eval.h"
#include "llvmjit/lift_parts.h"

/* ----------------------------------------------------------------------- blocks */

LLVMBasicBlockRef lift_block(struct lift *lift, const char *name)
{
    return LLVMAppendBasicBlockInContext(lift->context, lift->function, name);
}

void lift_at(struct lift *lift, LLVMBasicBlockRef block)
{
    LLVMPositionBuilderAtEnd(lift->builder, block);
}

void lift_branch(struct lift *lift, LLVMValueRef condition, LLVMBasicBlockRef yes,
                 LLVMBasicBlockRef no, bool is_likely)
{
    const struct region_state *state = lift->state;
    LLVMValueRef branch = LLVMBuildCondBr(lift->builder, condition, yes, no);

    LLVMSetMetadata(
        branch, state->prof,
        LLVMMetadataAsValue(lift->context, is_likely ? state->likely : state->unlikely));
}

/* -------------------------------------------------------------------- registers */

static size_t element_offset(const struct lift *lift, const struct element *element)
{
    const struct isa_file *file = &lift->isa->files[element->file];

    return CPU_STATE + file->offset + (size_t)element->index * file->stride;
}

static struct element *find_element(struct lift *lift, unsigned file, unsigned index)
{
    struct region_state *state = lift->state;
    int16_t *number = &state->element_of[state->first_of[file] + index];
    LLVMBasicBlockRef here = LLVMGetInsertBlock(lift->builder);
    LLVMValueRef first = LLVMGetFirstInstruction(state->entry);
    struct element *element;

    if (*number >= 0)
        return &lift->elements[*number];
    if (lift->nelements == MAX_ELEMENTS) {
        lift->why = "too many registers";
        return &lift->elements[0];
    }
    *number = (int16_t)lift->nelements;
    element = &lift->elements[lift->nelements++];
    element->file = (uint16_t)file;
    element->index = (uint16_t)index;
    element->type = lift_type(lift, lift->isa->files[file].width);
    element->kept = lift->isa->files[file].width == 64 && state->is_double[file]
                        ? LLVMDoubleTypeInContext(lift->context)
                        : element->type;
    if (first)
        LLVMPositionBuilderBefore(lift->builder, first);
    else
        lift_at(lift, state->entry);
    element->place = LLVMBuildAlloca(lift->builder, element->kept, "");
    lift_at(lift, here);
    return element;
}

unsigned region_element(struct lift *lift, unsigned file, unsigned index)
{
    return (unsigned)(find_element(lift, file, index) - lift->elements);
}

/* The element that reads as zero, and the one that nobody reads. */
static bool is_extra(const struct lift *lift, unsigned file, unsigned index)
{
    return index >= lift->isa->files[file].count;
}

static LLVMValueRef get_kept(struct lift *lift, const struct element *element)
{
    LLVMValueRef value = LLVMBuildLoad2(lift->builder, element->kept, element->place, "");

    return LLVMBuildBitCast(lift->builder, value, element->type, "");
}

static void put_kept(struct lift *lift, const struct element *element, LLVMValueRef value)
{
    LLVMBuildStore(lift->builder,
                   LLVMBuildBitCast(lift->builder, value, element->kept, ""),
                   element->place);
}

/* Whether it has the flags of which the host's register has some. */
static bool is_gathered(const struct lift *lift, unsigned file, unsigned index)
{
    return lift_gathers(lift) && lift->isa->fpenvs[lift->gathered].file == file &&
           lift->isa->fpenvs[lift->gathered].index == index;
}

LLVMValueRef lift_get(struct lift *lift, unsigned file, unsigned index)
{
    LLVMValueRef value;

    if (is_extra(lift, file, index))
        return lift_const(lift, lift->isa->files[file].width, 0);
    value = get_kept(lift, find_element(lift, file, index));
    return is_gathered(lift, file, index) ? lift_fp_gathered(lift, value) : value;
}

void lift_put(struct lift *lift, unsigned file, unsigned index, LLVMValueRef value)
{
    struct element *element;

    if (is_extra(lift, file, index))
        return;
    element = find_element(lift, file, index);
    put_kept(lift, element, value);
    dirty_add(&lift->state->dirty, (unsigned)(element - lift->elements));
    if (!is_gathered(lift, file, index))
        return;
    lift_fp_forget(lift);
    lift->state->has_flags = false;
}

/* Units of an element in the CPU struct. */
static unsigned unit_bits(const struct lift *lift, const struct element *element)
{
    unsigned stride = lift->isa->files[element->file].stride;

    return stride > 8 ? 64 : stride * 8;
}

static unsigned count_units(const struct lift *lift, const struct element *element)
{
    unsigned bits = unit_bits(lift, element);

    return (lift->isa->files[element->file].width + bits - 1) / bits;
}

static void store_value(struct lift *lift, const struct element *element,
                        LLVMValueRef value)
{
    unsigned bits = unit_bits(lift, element), units = count_units(lift, element);
    size_t offset = element_offset(lift, element);

    value = lift_fit(lift, value, bits * units);
    for (unsigned i = 0; i < units; i++) {
        LLVMValueRef shift = lift_const(lift, bits * units, i * bits);
        LLVMValueRef unit = i ? LLVMBuildLShr(lift->builder, value, shift, "") : value;

        lift_store_volatile(lift, lift_fit(lift, unit, bits),
                            lift_field(lift, offset + i * bits / 8));
    }
}

static void store_element(struct lift *lift, const struct element *element)
{
    store_value(lift, element, get_kept(lift, element));
}

static void load_element(struct lift *lift, const struct element *element)
{
    unsigned bits = unit_bits(lift, element), units = count_units(lift, element);
    LLVMValueRef value = lift_const(lift, bits * units, 0);
    size_t offset = element_offset(lift, element);

    for (unsigned i = 0; i < units; i++) {
        LLVMValueRef shift = lift_const(lift, bits * units, i * bits);
        LLVMValueRef unit = LLVMBuildLoad2(lift->builder, lift_type(lift, bits),
                                           lift_field(lift, offset + i * bits / 8), "");

        unit = LLVMBuildShl(lift->builder, lift_fit(lift, unit, bits * units), shift, "");
        value = LLVMBuildOr(lift->builder, value, unit, "");
    }
    put_kept(lift, element, lift_fit(lift, value, lift->isa->files[element->file].width));
}

/* What the host's register has of it is nowhere else. */
static void store_flags(struct lift *lift, const struct element *flags)
{
    if (!lift->state->has_flags)
        store_value(lift, flags, lift_fp_gathered(lift, get_kept(lift, flags)));
}

void region_flush(struct lift *lift)
{
    for (unsigned i = 0; i < lift->nelements; i++) {
        const struct element *element = &lift->elements[i];

        if (is_gathered(lift, element->file, element->index))
            store_flags(lift, element);
        else if (lift->state->dirty.bits[i / 64] >> i % 64 & 1)
            store_element(lift, element);
    }
}

void region_clean(struct lift *lift)
{
    memset(&lift->state->dirty, 0, sizeof lift->state->dirty);
}

/* ------------------------------------------------------------------- helpers */

/* The element with the flags of an environment. */
static struct element *flags_element(struct lift *lift, uint32_t node)
{
    const struct isa_fpcall *call = &lift->isa->fpcalls[lift->isa->nodes[node].d];
    const struct isa_fpenv *env = &lift->isa->fpenvs[call->env];

    return env->file == ISA_NONE ? NULL : find_element(lift, env->file, env->index);
}

static LLVMValueRef flags_place(struct lift *lift, const struct element *flags)
{
    return lift_field(lift, element_offset(lift, flags));
}

/* Puts the flags into the CPU struct for a call; yields what was there. */
static LLVMValueRef put_flags(struct lift *lift, const struct element *flags)
{
    LLVMValueRef before = lift_load_volatile(
        lift, lift_type(lift, unit_bits(lift, flags)), flags_place(lift, flags));

    store_element(lift, flags);
    return before;
}

/* ... which is there again afterwards: registers in the struct are of one instruction. */
static void take_flags(struct lift *lift, const struct element *flags,
                       LLVMValueRef before)
{
    load_element(lift, flags);
    if (lift->request->is_precise)
        lift_store_volatile(lift, before, flags_place(lift, flags));
    dirty_add(&lift->state->dirty, (unsigned)(flags - lift->elements));
}

LLVMValueRef region_call_helper(struct lift *lift, enum region_helper helper,
                                const LLVMValueRef args[4])
{
    struct region_state *state = lift->state;
    unsigned cell = region_find_cell(lift, CELL_HELPER, helper);
    LLVMTypeRef types[5] = { state->pointer, state->i64, state->i64, state->i64,
                             state->i64 };
    LLVMTypeRef type = LLVMFunctionType(state->i64, types, 5, false);
    LLVMValueRef all[5] = { lift->cpu, args[0], args[1], args[2], args[3] };
    LLVMValueRef function =
        lift_load_volatile(lift, state->pointer, region_cell_address(lift, cell));

    return LLVMBuildCall2(lift->builder, type, function, all, 5, "");
}

LLVMValueRef lift_call_fp(struct lift *lift, uint32_t node, LLVMValueRef round,
                          const LLVMValueRef operands[3])
{
    LLVMValueRef args[4], result;
    struct element *flags = flags_element(lift, node);
    LLVMValueRef before = flags ? put_flags(lift, flags) : NULL;

    args[0] =
        LLVMBuildOr(lift->builder,
                    LLVMBuildShl(lift->builder, lift_fit(lift, round, 64),
                                 lift_const(lift, 64, EVAL_FP_ROUND), ""),
                    lift_const(lift, 64,
                               node | (uint64_t)lift->nodes[lift->isa->nodes[node].a].w
                                          << EVAL_FP_WIDTH),
                    "");
    for (unsigned i = 0; i < 3; i++)
        args[1 + i] =
            operands[i] ? lift_fit(lift, operands[i], 64) : lift_const(lift, 64, 0);
    result = region_call_helper(lift, REGION_HELPER_FP, args);
    if (flags)
        take_flags(lift, flags, before);
    return result;
}

/* ------------------------------------------------------------------- the region */

/* One that stores begins and ends with nothing dirty: what its registers are in the CPU
 * struct is what they were when it began, and when the next one does. */
static void lift_insn(struct lift *lift, const struct insn_plan *plan)
{
    struct region_state *state = lift->state;

    if (plan->stores) {
        region_flush(lift);
        region_clean(lift);
        state->has_flags = true;
        state->pending = lift->insn - lift->request->insns;
    }
    if (plan->stores || plan->loads)
        region_publish(lift);
    region_count(lift, 1);
    lift_body(lift);
    if (!plan->stores || lift->why || state->is_dead)
        return;
    region_flush(lift);
    region_clean(lift);
    state->has_flags = true;
    state->pending = lift->insn->next;
}

/* Lifts a row of instructions, from a leader to where it ends or meets another one. */
static void lift_row(struct lift *lift, uint32_t number)
{
    struct region_state *state = lift->state;

    lift_at(lift, region_block(lift, (int32_t)number));
    state->dirty = state->plan[number].dirty;
    state->kinds = state->plan[number].kinds;
    state->has_flags = false;
    state->pending = NO_INSN;
    for (;;) {
        const struct region_insn *insn = &lift->request->insns[number];
        struct insn_plan *plan = &state->plan[number];

        plan->is_lifted = true;
        lift->insn = insn;
        state->is_dead = false;
        if (plan->is_side)
            region_side_exit(lift);
        else
            lift_insn(lift, plan);
        if (lift->why || state->is_dead)
            return;
        if (insn->next == REGION_NONE) {
            region_exit(lift, insn->pc + insn->ilen);
            return;
        }
        if (state->plan[insn->next].is_leader) {
            region_to(lift, insn->next, plan->next_is_back);
            return;
        }
        number = (uint32_t)insn->next;
    }
}

/* A leader that blocks lead to and that was not lifted, or -1. */
static int64_t find_next(const struct lift *lift)
{
    for (uint32_t i = 0; i < lift->request->ninsns; i++)
        if (lift->state->plan[i].block && !lift->state->plan[i].is_lifted)
            return i;
    return -1;
}

static LLVMValueRef new_function(struct lift *lift, const char *name)
{
    static const char *const kinds[] = { "nounwind", "null_pointer_is_valid" };
    static const char *const strings[] = { "no_callee_saved_registers", "no-builtins" };
    LLVMValueRef function = LLVMAddFunction(lift->module, name, lift->state->handler);

    for (unsigned i = 0; i < 2; i++) {
        unsigned kind = LLVMGetEnumAttributeKindForName(kinds[i], strlen(kinds[i]));

        LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                                LLVMCreateEnumAttribute(lift->context, kind, 0));
        LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                                LLVMCreateStringAttribute(lift->context, strings[i],
                                                          (unsigned)strlen(strings[i]),
                                                          "", 0));
    }
    LLVMSetVisibility(function, LLVMHiddenVisibility);
    return function;
}

static LLVMValueRef new_word(struct lift *lift, const char *name)
{
    LLVMValueRef word = LLVMAddGlobal(lift->module, lift->state->i64, name);

    LLVMSetInitializer(word, lift_const(lift, 64, 0));
    LLVMSetVisibility(word, LLVMHiddenVisibility);
    return word;
}

static LLVMMetadataRef weights(struct lift *lift, unsigned yes, unsigned no)
{
    LLVMMetadataRef parts[3] = {
        LLVMMDStringInContext2(lift->context, "branch_weights", 14),
        LLVMValueAsMetadata(lift_const(lift, 32, yes)),
        LLVMValueAsMetadata(lift_const(lift, 32, no)),
    };

    return LLVMMDNodeInContext2(lift->context, parts, 3);
}

static void prepare(struct lift *lift)
{
    struct region_state *state = lift->state;
    LLVMTypeRef types[4];

    state->pointer = LLVMPointerTypeInContext(lift->context, 0);
    state->i1 = lift_type(lift, 1);
    state->i8 = lift_type(lift, 8);
    state->i32 = lift_type(lift, 32);
    state->i64 = lift_type(lift, 64);
    types[0] = types[1] = types[2] = state->pointer;
    types[3] = state->i64;
    state->nothing = LLVMVoidTypeInContext(lift->context);
    state->handler = LLVMFunctionType(state->nothing, types, 4, false);
    state->prof = LLVMGetMDKindIDInContext(lift->context, "prof", 4);
    state->likely = weights(lift, 2000, 1);
    state->unlikely = weights(lift, 1, 2000);
    state->cells_word = new_word(lift, "rhea_cells");
    state->base_word = new_word(lift, "rhea_base");
}

unsigned region_count_entries(const struct lift *lift)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < lift->request->ninsns; i++)
        count += lift->state->plan[i].is_entry;
    return count;
}

/* From outside to an instruction: all registers are in the CPU struct, and are its. */
static LLVMBasicBlockRef entry_block(struct lift *lift, int32_t insn)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(lift->builder),
                      block = lift_block(lift, "enter");

    lift_at(lift, block);
    if (lift->request->is_precise)
        region_publish_insn(lift, insn);
    LLVMBuildBr(lift->builder, region_block(lift, insn));
    lift_at(lift, here);
    return block;
}

/* The end of the first block: what all entries have in common, then where they lead. */
static void finish_entry(struct lift *lift, unsigned count)
{
    LLVMValueRef which = LLVMGetParam(lift->function, 3), choice = NULL;
    unsigned number = 0;

    lift_at(lift, lift->state->entry);
    lift_store_volatile(lift, region_cell_address(lift, 0),
                        lift_field(lift, offsetof(struct cpu, op)));
    for (unsigned i = 0; i < lift->nelements; i++)
        load_element(lift, &lift->elements[i]);
    if (lift->state->executed)
        LLVMBuildStore(lift->builder, lift_const(lift, 64, 0), lift->state->executed);
    if (lift_gathers(lift)) {
        const struct isa_fpenv *env = &lift->isa->fpenvs[lift->gathered];

        lift_fp_enter(lift, get_kept(lift, find_element(lift, env->file, env->index)));
    }
    for (uint32_t i = 0; i < lift->request->ninsns; i++) {
        LLVMBasicBlockRef block;

        if (!lift->state->plan[i].is_entry)
            continue;
        block = entry_block(lift, (int32_t)i);
        if (count == 1)
            LLVMBuildBr(lift->builder, block);
        else if (!choice)
            choice = LLVMBuildSwitch(lift->builder, which, block, count - 1);
        else
            LLVMAddCase(choice, lift_const(lift, 64, number), block);
        number++;
    }
}

void region_lift(struct lift *lift)
{
    unsigned count;
    int64_t next;

    plan_region(lift);
    if (lift->why)
        return;
    count = region_count_entries(lift);
    prepare(lift);
    region_find_cell(lift, CELL_FIRST, 0);
    lift->function = new_function(lift, "body");
    lift->cpu = LLVMGetParam(lift->function, 0);
    lift->base = LLVMGetParam(lift->function, 2);
    lift->state->entry = lift_block(lift, "entry");
    if (lift->request->counts) {
        lift_at(lift, lift->state->entry);
        lift->state->executed = LLVMBuildAlloca(lift->builder, lift->state->i64, "");
    }
    for (uint32_t i = 0; i < lift->request->ninsns; i++)
        if (lift->state->plan[i].is_entry)
            region_block(lift, (int32_t)i);
    if (lift_gathers(lift))
        region_element(lift, lift->isa->fpenvs[lift->gathered].file,
                       lift->isa->fpenvs[lift->gathered].index);
    plan_dirty(lift);
    while ((next = find_next(lift)) >= 0 && !lift->why)
        lift_row(lift, (uint32_t)next);
    if (lift->why)
        return;
    finish_entry(lift, count);
}
