/* stencil.h - handlers as stencils: the same C, compiled to be copied and patched.
 *
 * A stencil does not read its op: each operand is the address of a symbol that nobody
 * defines, so that the compiler leaves a relocation, and the template tier puts the
 * operand's value there (template.c).  `op` is the first op of the code that the stencil
 * becomes part of; how far from it the stencil's own op is, in bytes, is such a symbol,
 * too.  It goes on by a jump to the symbol next_N: N units further.
 *
 * Addresses are signed and have 32 bits (the Makefile's STENCIL_CFLAGS). */
#ifndef RHEA_INTERP_STENCIL_H
#define RHEA_INTERP_STENCIL_H

#define HOLE(name)                                                                       \
    __extension__({                                                                      \
        extern const uint8_t name[];                                                     \
        (uintptr_t) name;                                                                \
    })

/* Wider than 32 bits, and links, which change, are read from the op. */
#define OP_BYTES (HOLE(hole_op) + (const uint8_t *)op)
#define OP_HERE(unit) ((const struct op *)(OP_BYTES + (unit)*OP_SIZE))
#define OP_AT(type, at) (*(const type *)(OP_BYTES + (at)))
#define OP_LINK(at) ((int64_t) * (const volatile int32_t *)(OP_BYTES + (at)))

#define OP_U8(at) HOLE(hole_u8_##at)
#define OP_U16(at) HOLE(hole_u16_##at)
#define OP_U32(at) ((uint32_t)HOLE(hole_u32_##at))
#define OP_U64(at) OP_AT(op_u64, at)
#define OP_S8(at) ((int64_t)HOLE(hole_s8_##at))
#define OP_S16(at) ((int64_t)HOLE(hole_s16_##at))
#define OP_S32(at) ((int64_t)HOLE(hole_s32_##at))
#define OP_S64(at) ((int64_t)OP_U64(at))

/* Two operands are two objects for the compiler, which may be one. */
#define STENCIL_VOLATILE volatile

#define HERE(op) (void)0
#define TAIL(to)                                                                         \
    do {                                                                                 \
        const struct op *tail_to = (to);                                                 \
        INTERP_MUSTTAIL return tail_to->fn(cpu, tail_to, base, acc);                     \
    } while (0)
#define LEAVE() return
#define NEXT(units)                                                                      \
    do {                                                                                 \
        extern interp_result next_##units(struct cpu *, const struct op *, uint8_t *,    \
                                          uint64_t);                                     \
        INTERP_MUSTTAIL return next_##units(cpu, op, base, acc);                         \
    } while (0)

#endif
