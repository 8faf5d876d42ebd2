/* interp_isa.h - what isagen made for the interpreter of one isa: handlers and tables. */
#ifndef RHEA_INTERP_ISA_H
#define RHEA_INTERP_ISA_H

#include <stdbool.h>

#include "interp/op.h"
#include "isa/isa.h"

enum {
    INTERP_IN = 3,
    INTERP_FORMS = 1 << INTERP_IN,
    INTERP_REGS = INTERP_IN + 1, /* what an op reads, then what it writes */
    INTERP_NAMES = 28            /* of registers in a group, and 0: no name */
};

/* Handlers of one meaning.  `acc` is the value that the op before wrote: bit k of a form
 * says that read slot in[k] - 1 is taken from there. */
struct interp_variant {
    uint16_t
        first; /* of the handlers: of each form there is, in order, then the slow one */
    uint16_t same; /* the first variant of the isa that has them */
    uint8_t forms; /* bit f: there is form f */
    uint8_t in[INTERP_IN];
    uint8_t out;    /* acc afterwards: 0 as before, k: what slot k - 1 got, 0xff lost */
    bool needs_fma; /* the forms execute the host's fma instruction, the slow one does not
                     */
};

/* An op of a group: its variant (`same`), and the names of the registers in in[] and out.
 */
struct interp_fused_op {
    uint16_t variant;
    uint8_t name[INTERP_REGS];
};

/* Ops in a row that have one handler, which keeps named registers in C variables.  A name
 * stands for one register, different from that of every other name, wherever the group
 * reads or writes it; 1 is the register whose value acc is in front of the group. */
struct interp_fused {
    interp_handler handler;
    uint16_t first;       /* of fused_ops */
    uint8_t count, names; /* ops; the first name that is not used */
    bool needs_fma, uses_acc;
};

struct interp_isa {
    const struct isa *isa;
    const interp_handler *handlers;
    const struct interp_variant *rows;
    const uint16_t *row_of; /* by variant */
    const struct interp_fused *fused;
    const struct interp_fused_op *fused_ops;
    unsigned nfused; /* sorted by the first two variants, then the longest and those with
                        most names come first */
    uint64_t (*mode_key)(struct cpu *cpu);
};

extern const struct interp_isa *const interp_list[]; /* generated, ended by NULL */

#endif
