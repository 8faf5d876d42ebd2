/* fuse.c - forms of handlers, and groups of ops that have one. */
#include "interp/fuse.h"

#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "interp/profile.h"

enum { NO_ACC = 0, NEAR = 7 /* ops back; writers further away do not count */ };

/* --------------------------------------------------------- where operands come from */

static unsigned writer_at(uint16_t offset)
{
    return offset / 8 % FUSE_WRITERS;
}

/* How many ops before the one that comes the register was written; 0: not near. */
static unsigned distance_to(const struct fuser *fuser, uint16_t offset)
{
    unsigned at = writer_at(offset);
    unsigned distance = fuser->count - fuser->writers[at].op;

    return fuser->writers[at].offset == offset && fuser->writers[at].op >= fuser->known &&
                   distance <= NEAR
               ? distance
               : 0;
}

/* The op writes what its slot says: this is in acc afterwards. */
static void note_writer(struct fuser *fuser, uint16_t offset)
{
    unsigned at = writer_at(offset);

    fuser->acc = fuser->writers[at].offset = offset;
    fuser->writers[at].op = fuser->count;
}

void fuse_begin(struct fuser *fuser, uint16_t acc)
{
    fuser->acc = acc;
    fuser->count = fuser->known = 0;
    memset(fuser->writers, 0, sizeof fuser->writers);
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
    const struct op *op = &ip->ops[unit];
    unsigned sources = 0;

    for (unsigned k = 0; k < INTERP_IN && forms->in[k]; k++) {
        uint16_t offset = op_register(op, &slots[forms->in[k] - 1]);

        sources |= (distance_to(fuser, offset) | (offset == fuser->acc ? 8u : 0))
                   << 4 * k;
    }
    fuser->ops[fuser->count].unit = unit;
    fuser->ops[fuser->count].variant = number;
    fuser->ops[fuser->count].id = forms->same * PROFILE_IDS + sources;
    profile_op(unit, fuser->ops[fuser->count].id);
    if (forms->out == 0xff) {
        fuser->acc = NO_ACC;
        fuser->known = fuser->count + 1u;
    } else if (forms->out) {
        note_writer(fuser, op_register(op, &slots[forms->out - 1]));
    }
    fuser->count++;
}

/* ---------------------------------------------------------------------------- forms */

static bool has_fma(void)
{
    return !FP_FMA_OPTIONAL || host_has_fma();
}

/* The form that takes most operands from acc. */
static interp_handler choose_form(const struct interp *ip,
                                  const struct interp_variant *row, unsigned sources)
{
    unsigned form = 0, before, at = row->first;

    for (unsigned k = 0; sources >> 4 * k; k++)
        if (sources >> 4 * k & 8 && row->forms >> (form | 1u << k) & 1)
            form |= 1u << k;
    before = row->forms & ((1u << form) - 1);
    if (row->needs_fma && !has_fma())
        before = row->forms; /* the slow one comes after all */
    for (; before; before &= before - 1)
        at++;
    return ip->tables->handlers[at];
}

/* --------------------------------------------------------------------------- groups */

static uint32_t hash_ids(uint32_t first, uint32_t second)
{
    return (first * 0x9e3779b1u ^ second * 0x85ebca6bu) >> 16;
}

/* The groups that begin with the same two ops are neighbours: the table has the first. */
void fuse_prepare(struct interp *ip)
{
    const struct interp_fused *fused = ip->tables->fused;
    unsigned count = ip->tables->fused_first[ip->isa->nvariants], size = 1;

    while (size < 2 * count + 1)
        size *= 2;
    ip->groups_mask = size - 1;
    ip->groups = calloc(size, sizeof *ip->groups);
    if (!ip->groups)
        die("out of memory");
    for (unsigned i = 0; i < count; i++) {
        uint32_t at = hash_ids(fused[i].id[0], fused[i].id[1]);

        if (i > 0 && fused[i].id[0] == fused[i - 1].id[0] &&
            fused[i].id[1] == fused[i - 1].id[1])
            continue;
        while (ip->groups[at & ip->groups_mask])
            at++;
        ip->groups[at & ip->groups_mask] = (uint16_t)(i + 1);
    }
}

static unsigned distance_within(unsigned source, unsigned limit)
{
    return (source & 7) <= limit ? source & 7 : 0;
}

/* The id that op `at` has in a group that begins with op `first`. */
static uint32_t id_in_group(const struct fuser *fuser, unsigned first, unsigned at)
{
    uint32_t id = fuser->ops[at].id;
    unsigned limit = at - first;

    _Static_assert(INTERP_IN == 3, "three operands");
    if (!limit)
        return id / PROFILE_IDS * INTERP_IDS | (id >> 3 & 1) | (id >> 7 & 1) << 3 |
               (id >> 11 & 1) << 6;
    return id / PROFILE_IDS * INTERP_IDS | distance_within(id, limit) |
           distance_within(id >> 4, limit) << 3 | distance_within(id >> 8, limit) << 6;
}

/* The longest group that begins with op `first`, or NULL. */
static const struct interp_fused *find_group(const struct fuser *fuser,
                                             const struct interp *ip, unsigned first)
{
    const struct interp_fused *fused, *end;
    unsigned variant = fuser->ops[first].id / PROFILE_IDS;
    const uint16_t *range = &ip->tables->fused_first[variant];
    uint32_t ids[2], at;

    if (range[0] == range[1] || first + 1 >= fuser->count)
        return NULL;
    ids[0] = id_in_group(fuser, first, first);
    ids[1] = id_in_group(fuser, first, first + 1);
    for (at = hash_ids(ids[0], ids[1]);; at++) {
        unsigned found = ip->groups[at & ip->groups_mask];

        if (!found)
            return NULL;
        fused = &ip->tables->fused[found - 1];
        if (fused->id[0] == ids[0] && fused->id[1] == ids[1])
            break;
    }
    end = &ip->tables->fused[range[1]];
    for (; fused < end && fused->id[0] == ids[0] && fused->id[1] == ids[1]; fused++) {
        unsigned k = 2;

        while (k < fused->count && first + k < fuser->count &&
               fused->id[k] == id_in_group(fuser, first, first + k))
            k++;
        if (k >= fused->count && (!fused->needs_fma || has_fma()))
            return fused;
    }
    return NULL;
}

/* Ops inside of a group keep their own handlers: after a slow one it goes on with them.
 */
void fuse_end(const struct fuser *fuser, const struct interp *ip, bool is_grouping)
{
    for (unsigned i = 0; i < fuser->count; i++)
        ip->ops[fuser->ops[i].unit].fn = choose_form(
            ip, row_of(ip, fuser->ops[i].variant), fuser->ops[i].id % PROFILE_IDS);
    for (unsigned i = 0; is_grouping && i < fuser->count;) {
        const struct interp_fused *fused = find_group(fuser, ip, i);

        if (fused)
            ip->ops[fuser->ops[i].unit].fn = fused->handler;
        i += fused ? fused->count : 1u;
    }
}
