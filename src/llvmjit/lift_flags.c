/* lift_flags.c - lazy flags.
 *
 * The flagfn that set a group last (its number, or 0: settled) and its arguments are
 * elements of hidden files, and SSA values like all others: a set that nobody reads, and
 * no exit stores, vanishes.  A flag that is read is the flagfn's expression of them.
 * Where it is not known which flagfn that is, the region's own are told apart, and the
 * helper does the rest: those that were set in front of the region. */
#include "isa/eval.h"
#include "llvmjit/lift_parts.h"

static const struct isa_flags *flags_of(const struct lift *lift, unsigned group)
{
    return &lift->isa->flags[group];
}

static LLVMValueRef stored_flag(struct lift *lift, unsigned group, unsigned flag)
{
    return lift_fit(lift, lift_get(lift, flags_of(lift, group)->bits_file, flag), 1);
}

static LLVMValueRef kind_of(struct lift *lift, unsigned group)
{
    return lift_get(lift, flags_of(lift, group)->kind_file, 0);
}

static void put_kind(struct lift *lift, unsigned group, int32_t kind)
{
    unsigned file = flags_of(lift, group)->kind_file;

    lift_put(lift, file, 0,
             lift_const(lift, lift->isa->files[file].width, (uint64_t)kind));
    lift->state->kinds.of[group] = kind;
}

static LLVMValueRef get_arg(struct lift *lift, unsigned group, unsigned number)
{
    return lift_get(lift, flags_of(lift, group)->args_file, number);
}

static LLVMValueRef expression(struct lift *lift, const struct isa_flagfn *fn,
                               unsigned flag)
{
    LLVMValueRef args[3] = { NULL, NULL, NULL };

    for (unsigned i = 0; i < fn->args && i < 3; i++)
        args[i] = lift_fit(lift, get_arg(lift, fn->group, i), fn->arg_w[i]);
    return lift_fit(lift, lift_inner(lift, fn->flag[flag], args), 1);
}

static LLVMValueRef shift(struct lift *lift, LLVMValueRef value, unsigned amount)
{
    return LLVMBuildShl(lift->builder, lift_fit(lift, value, 64),
                        lift_const(lift, 64, amount), "");
}

static LLVMValueRef call_helper(struct lift *lift, unsigned group, unsigned flag)
{
    LLVMValueRef args[4], stored = stored_flag(lift, group, flag);

    args[0] = LLVMBuildOr(lift->builder, lift_fit(lift, kind_of(lift, group), 64),
                          shift(lift, stored, EVAL_FLAG_STORED), "");
    args[0] = LLVMBuildOr(lift->builder, args[0],
                          lift_const(lift, 64, (uint64_t)flag << EVAL_FLAG_NUMBER), "");
    for (unsigned i = 0; i < 3; i++)
        args[1 + i] = lift_fit(lift, get_arg(lift, group, i), 64);
    return lift_fit(lift, region_call_helper(lift, REGION_HELPER_FLAG, args), 1);
}

/* Whether the expression of flag `flag` after a flagfn is to be in the code. */
static bool is_own(const struct lift *lift, unsigned group, unsigned flag, unsigned fn)
{
    const struct isa_flagfn *it = &lift->isa->flagfns[fn];

    return lift->state->is_used[fn] && it->group == group && it->sets >> flag & 1 &&
           plan_is_expression(lift->isa, it->flag[flag]);
}

static LLVMValueRef unknown_flag(struct lift *lift, unsigned group, unsigned flag)
{
    LLVMValueRef stored = stored_flag(lift, group, flag), kind = kind_of(lift, group);
    LLVMBasicBlockRef other = lift_block(lift, "flag.other"),
                      on = lift_block(lift, "flag.on"),
                      settled = lift_block(lift, "flag.settled"), from;
    LLVMValueRef choice = LLVMBuildSwitch(lift->builder, kind, other, 8), phi, value;

    LLVMAddCase(choice, lift_const(lift, lift_width(kind), 0), settled);
    lift_at(lift, on);
    phi = LLVMBuildPhi(lift->builder, lift->state->i1, "");
    lift_at(lift, settled);
    LLVMAddIncoming(phi, &stored, &settled, 1);
    LLVMBuildBr(lift->builder, on);
    for (unsigned fn = 0; fn < lift->isa->nflagfns; fn++) {
        if (!is_own(lift, group, flag, fn))
            continue;
        from = lift_block(lift, "flag");
        LLVMAddCase(choice, lift_const(lift, lift_width(kind), fn + 1), from);
        lift_at(lift, from);
        value = expression(lift, &lift->isa->flagfns[fn], flag);
        LLVMAddIncoming(phi, &value, &from, 1);
        LLVMBuildBr(lift->builder, on);
    }
    lift_at(lift, other);
    value = call_helper(lift, group, flag);
    LLVMAddIncoming(phi, &value, &other, 1);
    LLVMBuildBr(lift->builder, on);
    lift_at(lift, on);
    return phi;
}

LLVMValueRef lift_flag(struct lift *lift, unsigned group, unsigned flag)
{
    int32_t kind = lift->state->kinds.of[group];
    const struct isa_flagfn *fn = &lift->isa->flagfns[kind - 1];

    if (!plan_has_flags(lift->isa, group) || plan_is_stored(lift->isa, kind, flag))
        return stored_flag(lift, group, flag);
    if (kind > 0 && plan_is_expression(lift->isa, fn->flag[flag]))
        return expression(lift, fn, flag);
    return unknown_flag(lift, group, flag);
}

/* Stores the flags of a set, as they are. */
static void store_flags(struct lift *lift, unsigned group, uint32_t set)
{
    unsigned count = flags_of(lift, group)->count;
    LLVMValueRef values[32] = { NULL };

    for (unsigned k = 0; k < count; k++)
        if (set >> k & 1 && !plan_is_stored(lift->isa, lift->state->kinds.of[group], k))
            values[k] = lift_flag(lift, group, k);
    for (unsigned k = 0; k < count; k++)
        if (values[k])
            lift_put(lift, flags_of(lift, group)->bits_file, k, values[k]);
}

void lift_settle(struct lift *lift, unsigned group)
{
    if (!lift->state->kinds.of[group])
        return;
    store_flags(lift, group, UINT32_MAX);
    put_kind(lift, group, 0);
}

/* Flags that the flagfn does not define are settled. */
void lift_set_flags(struct lift *lift, const struct sem *node)
{
    const struct isa_flagfn *fn = &lift->isa->flagfns[node->d];
    const uint16_t operands[3] = { node->a, node->b, node->c };
    unsigned file = flags_of(lift, fn->group)->args_file;

    store_flags(lift, fn->group, ~fn->sets);
    for (unsigned i = 0; i < fn->args && i < 3; i++) {
        LLVMValueRef value = lift->values[operands[i]];

        if (!value) {
            lift->why = "a flagfn without an argument";
            return;
        }
        lift_put(lift, file, i, lift_fit(lift, value, lift->isa->files[file].width));
    }
    put_kind(lift, fn->group, node->d + 1);
}
