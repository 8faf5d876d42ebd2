/* fuse.c - forms of handlers, and groups of ops that have one. */
#include "interp/fuse.h"

#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "interp/profile.h"

void fuse_begin(struct fuser *fuser, uint16_t acc)
{
    fuser->acc = acc;
    fuser->count = 0;
}

static const struct interp_variant *row_of(const struct interp *ip, uint32_t variant)
{
    return &ip->tables->rows[ip->tables->row_of[variant]];
}

void fuse_add(struct fuser *fuser, const struct interp *ip, uint32_t unit,
              uint32_t number)
{
    const struct isa_slot *slots = &ip->isa->slots[ip->isa->variants[number].slot];
    const struct interp_variant *forms = row_of(ip, number);
    struct insn_op *insn = &fuser->ops[fuser->count++];
    const struct op *op = &ip->ops[unit];

    *insn = (struct insn_op){ unit, forms->same, fuser->acc, { NO_REG } };
    for (unsigned k = 0; k < INTERP_IN && forms->in[k]; k++)
        insn->reg[k] = op_register(op, &slots[forms->in[k] - 1]);
    if (forms->out == 0xff)
        fuser->acc = NO_REG;
    else if (forms->out)
        fuser->acc = insn->reg[INTERP_IN] = op_register(op, &slots[forms->out - 1]);
    profile_op(insn);
}

/* ---------------------------------------------------------------------------- forms */

static bool has_fma(void)
{
    return !FP_FMA_OPTIONAL || host_has_fma();
}

/* Where the handler of a form is. */
static unsigned form_at(const struct interp_variant *row, unsigned form)
{
    unsigned before = row->forms & ((1u << form) - 1), at = row->first;

    if (row->needs_fma && !has_fma())
        before = row->forms; /* the slow one comes after all */
    for (; before; before &= before - 1)
        at++;
    return at;
}

/* The form that takes most operands from acc. */
static interp_handler choose_form(const struct interp *ip,
                                  const struct interp_variant *row,
                                  const struct insn_op *insn)
{
    unsigned form = 0;

    for (unsigned k = 0; k < INTERP_IN && insn->acc != NO_REG; k++)
        if (insn->reg[k] == insn->acc && row->forms >> (form | 1u << k) & 1)
            form |= 1u << k;
    return ip->tables->handlers[form_at(row, form)];
}

interp_handler fuse_plain_fma(const struct interp *ip, const struct interp_variant *row)
{
    return ip->tables->handlers[form_at(row, 0)];
}

static void set_handler(const struct interp *ip, uint32_t unit, interp_handler fn)
{
    __atomic_store_n(&ip->ops[unit].fn, fn, __ATOMIC_RELEASE);
}

/* --------------------------------------------------------------------------- groups */

static uint32_t hash_variants(uint32_t first, uint32_t second)
{
    return (first * 0x9e3779b1u ^ second * 0x85ebca6bu) >> 16;
}

/* Op k of group i. */
static const struct interp_fused_op *op_of(const struct interp *ip, unsigned i,
                                           unsigned k)
{
    return &ip->tables->fused_ops[ip->tables->fused[i].first + k];
}

static bool begins_with(const struct interp *ip, unsigned i, uint32_t first,
                        uint32_t second)
{
    return op_of(ip, i, 0)->variant == first && op_of(ip, i, 1)->variant == second;
}

/* The groups that begin with the same two ops are neighbours: the table has the first. */
void fuse_prepare(struct interp *ip)
{
    unsigned count = ip->tables->nfused, size = 1;

    while (size < 2 * count + 1)
        size *= 2;
    ip->groups_mask = size - 1;
    ip->groups = calloc(size, sizeof *ip->groups);
    if (!ip->groups)
        die("out of memory");
    for (unsigned i = 0; i < count; i++) {
        uint32_t first = op_of(ip, i, 0)->variant, second = op_of(ip, i, 1)->variant;
        uint32_t at = hash_variants(first, second);

        if (i > 0 && begins_with(ip, i - 1, first, second))
            continue;
        while (ip->groups[at & ip->groups_mask])
            at++;
        ip->groups[at & ip->groups_mask] = (uint16_t)(i + 1);
    }
}

/* Binds a group's names to the registers of ops: each to one of its own. */
static bool bind_names(uint16_t bound[INTERP_NAMES], const struct interp_fused *fused,
                       const struct interp_fused_op *group, const struct insn_op *insns)
{
    for (unsigned i = 0; i < fused->count; i++)
        for (unsigned k = 0; k < INTERP_REGS; k++) {
            unsigned name = group[i].name[k];

            if (!name || bound[name] == insns[i].reg[k])
                continue;
            if (bound[name] != NO_REG)
                return false;
            bound[name] = insns[i].reg[k];
            for (unsigned other = 1; other < fused->names; other++)
                if (other != name && bound[other] == bound[name])
                    return false;
        }
    return true;
}

/* Whether a register that has a name is nowhere used without it. */
static bool names_all(const uint16_t bound[INTERP_NAMES],
                      const struct interp_fused *fused,
                      const struct interp_fused_op *group, const struct insn_op *insns)
{
    for (unsigned i = 0; i < fused->count; i++)
        for (unsigned k = 0; k < INTERP_REGS; k++) {
            if (group[i].name[k] || insns[i].reg[k] == NO_REG)
                continue;
            for (unsigned name = 1; name < fused->names; name++)
                if (insns[i].reg[k] == bound[name])
                    return false;
        }
    return true;
}

/* Whether the ops from `insns` on, `left` of them, are the group. */
static bool fits(const struct interp_fused *fused, const struct interp_fused_op *group,
                 const struct insn_op *insns, unsigned left)
{
    uint16_t bound[INTERP_NAMES] = { NO_REG };

    if (fused->count > left || (fused->uses_acc && insns->acc == NO_REG))
        return false;
    for (unsigned k = 2; k < fused->count; k++)
        if (group[k].variant != insns[k].variant)
            return false;
    if (fused->uses_acc)
        bound[1] = insns->acc;
    return bind_names(bound, fused, group, insns) &&
           names_all(bound, fused, group, insns) && (!fused->needs_fma || has_fma());
}

/* The longest group that begins with op `first`, or NULL. */
static const struct interp_fused *find_group(const struct fuser *fuser,
                                             const struct interp *ip, unsigned first)
{
    const struct insn_op *insns = &fuser->ops[first];
    unsigned left = fuser->count - first, i;

    if (left < 2)
        return NULL;
    for (uint32_t at = hash_variants(insns[0].variant, insns[1].variant);; at++) {
        i = ip->groups[at & ip->groups_mask];
        if (!i)
            return NULL;
        if (begins_with(ip, --i, insns[0].variant, insns[1].variant))
            break;
    }
    for (;
         i < ip->tables->nfused && begins_with(ip, i, insns[0].variant, insns[1].variant);
         i++)
        if (fits(&ip->tables->fused[i], op_of(ip, i, 0), insns, left))
            return &ip->tables->fused[i];
    return NULL;
}

/* Ops inside of a group keep their own handlers: after a slow one it goes on with them.
 */
void fuse_end(const struct fuser *fuser, const struct interp *ip, bool is_grouping)
{
    for (unsigned i = 0; i < fuser->count; i++)
        set_handler(ip, fuser->ops[i].unit,
                    choose_form(ip, row_of(ip, fuser->ops[i].variant), &fuser->ops[i]));
    for (unsigned i = 0; is_grouping && i < fuser->count;) {
        const struct interp_fused *fused = find_group(fuser, ip, i);

        if (fused)
            set_handler(ip, fuser->ops[i].unit, fused->handler);
        i += fused ? fused->count : 1u;
    }
}
