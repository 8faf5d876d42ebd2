/* stencils.h - machine code that was cut from the handlers of an isa: what tools/stencil
 * writes into NAME.stencils, and template.c reads.
 *
 * The file is a struct stencil_file, the stencils, their holes, the constants and the
 * code, each as in memory of the host, without anything between them. */
#ifndef RHEA_INTERP_STENCILS_H
#define RHEA_INTERP_STENCILS_H

#include <stdint.h>

/* What a place in a stencil is to hold, with `addend` added. */
enum stencil_kind {
    HOLE_UNSIGNED, /* the field of the op at `what`, of `width` bits */
    HOLE_SIGNED,
    HOLE_OP,      /* how far the op is from the first op of the code, in bytes */
    HOLE_NEXT,    /* from the hole to the code behind the stencil */
    HOLE_HANDLER, /* from the hole to handler number `what` */
    HOLE_HELPER,  /* from the hole to number `what` of STENCIL_HELPERS */
    HOLE_DATA,    /* from the hole to the constant at `what` */
};

/* Functions that stencils may call besides handlers. */
#define STENCIL_HELPERS(X)                                                               \
    X(x_kick)                                                                            \
    X(x_jump) X(x_return) X(x_jump_mode) X(x_limit) X(interp_trap) X(interp_misaligned)
/* ... and, numbered behind those, where addresses are translated: TLB_RARE of isa/tlb.h.
 */

struct stencil_hole {
    uint16_t at;   /* in the stencil's code */
    uint8_t kind;  /* enum stencil_kind */
    uint8_t size;  /* bytes to be written: 1, 2, 4 or 8 */
    uint8_t width; /* 8, 16 or 32 */
    uint8_t unused;
    uint16_t what;
    int32_t addend;
};

struct stencil {
    uint32_t code, size; /* bytes; size 0: there is no stencil */
    uint32_t holes;      /* the first */
    uint16_t nholes;
    uint16_t units; /* of the op; 0: what follows is reached by jumps only */
};

/* Stencils are in the order of the isa's handlers, then of its groups, then these. */
enum { STENCIL_GOTO, STENCIL_TALLY, STENCIL_COUNT, STENCIL_LEAVE, STENCIL_OWN };

struct stencil_file {
    uint64_t stamp; /* hash of all that follows */
    uint32_t count, nholes, data_size, code_size;
};

/* What this program was built with: of each isa (generated: gen/stencils.c). */
struct stencil_stamp {
    const char *isa;
    uint64_t stamp;
};
extern const struct stencil_stamp stencil_stamps[]; /* ended by NULL */

#endif
