/* fuse.h - which handlers the ops of a block get.
 *
 * An op's handler depends on where its operands come from (struct interp_variant), and
 * ops in a row may share one handler (struct interp_fused).  Each instruction's op is
 * noted when it is made; when the block is complete all of them get their handlers. */
#ifndef RHEA_INTERP_FUSE_H
#define RHEA_INTERP_FUSE_H

#include "interp/interp.h"

struct fuser {
    uint16_t acc;   /* offset of the register whose value acc is, or NO_REG */
    uint16_t count; /* ops noted */
    struct insn_op ops[MAX_BLOCK_INSNS];
};

/* Makes the table of groups (in ip->groups; free() it). */
void fuse_prepare(struct interp *ip);

/* `acc` as above, in front of the first op. */
void fuse_begin(struct fuser *fuser, uint16_t acc);

/* Takes note of the op at `unit`, whose slots are filled, and which executes `variant`.
 */
void fuse_add(struct fuser *fuser, const struct interp *ip, uint32_t unit,
              uint32_t variant);

/* The handler of an op whatever is in acc. */
interp_handler fuse_plain_fma(const struct interp *ip, const struct interp_variant *row);
static inline interp_handler fuse_plain(const struct interp *ip, uint32_t variant)
{
    const struct interp_variant *row = &ip->tables->rows[ip->tables->row_of[variant]];

    return row->needs_fma ? fuse_plain_fma(ip, row) : ip->tables->handlers[row->first];
}

/* Gives the ops that were noted their handlers, in groups where `is_grouping`.
 * Other CPUs may be executing them. */
void fuse_end(const struct fuser *fuser, const struct interp *ip, bool is_grouping);

#endif
