/* interp_isa.h - what isagen made for the interpreter of one isa: handlers and tables. */
#ifndef RHEA_INTERP_ISA_H
#define RHEA_INTERP_ISA_H

#include <stdbool.h>

#include "interp/op.h"
#include "isa/isa.h"

enum {
    INTERP_IN = 3,
    INTERP_FORMS = 1 << INTERP_IN,
    INTERP_IDS = 1 << 3 * INTERP_IN,
    INTERP_MAX_FUSED = 8
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

/* Ops in a row that have one handler, in which values go from op to op in C variables. An
 * id is `same` * INTERP_IDS + for each operand in[k], at bit 3 * k: 0 from memory, d from
 * the op that is d before, in the group; of the first op: 1 from acc. */
struct interp_fused {
    uint32_t id[INTERP_MAX_FUSED];
    uint16_t count;
    bool needs_fma;
    interp_handler handler;
};

struct interp_isa {
    const struct isa *isa;
    const interp_handler *handlers;
    const struct interp_variant *rows;
    const uint16_t *row_of; /* by variant */
    const struct interp_fused *fused;
    const uint16_t *fused_first; /* by variant: sorted by ids, longest first */
    uint64_t (*mode_key)(struct cpu *cpu);
};

extern const struct interp_isa *const interp_list[]; /* generated, ended by NULL */

#endif
