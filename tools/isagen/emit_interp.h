/* emit_interp.h - what the parts of the interpreter's emitter share.
 *
 *   emit_interp.c        files, tables
 *   emit_interp_group.c  fused groups
 *   emit_interp_body.c   a body's nodes, in order, as C statements
 *   emit_interp_expr.c   pure nodes as C expressions
 *   emit_interp_mem.c    accesses to memory
 *   emit_interp_state.c  flags, computed views, system registers: functions that handlers
 * share emit_interp_fp.c     floating point: a function per operation and environment */
#ifndef ISAGEN_EMIT_INTERP_H
#define ISAGEN_EMIT_INTERP_H

#include <stdio.h>

#include "base/arena.h"
#include "isa/isa.h"
#include "isagen/flagcond.h"

enum { MAX_PUSHED = 16, ACC_IN = 3, FORMS = 1 << ACC_IN };

/* Operands that a handler may take from `acc` (the value written last) instead of memory:
 * up to three read slots. */
struct acc_use {
    uint8_t in[ACC_IN]; /* slot numbers + 1, or 0 */
    uint8_t out; /* 0: acc stays, slot + 1: acc is what was written there, 0xff: lost */
};

/* A fused group on its way to C: where the registers that have names are.  Each has a C
 * variable c<name> and its offset in o<name>. */
enum { MAX_NAMES = 28, ACC_NAME = 1 };
struct group {
    struct group_reg {
        const struct isa_file *file;
        bool has_place; /* o<name> */
        bool has_value; /* c<name> */
        bool is_dirty;  /* memory has another value */
    } regs[MAX_NAMES];
};

/* One body on its way to C. */
struct body {
    FILE *out;
    struct arena *arena;
    const struct isa *isa;
    const char *target;                /* as a C name */
    const struct isa_variant *variant; /* NULL: a pure body */
    const struct sem *nodes;
    unsigned count;
    const char **text; /* of each value: how to name it */
    unsigned *uses;
    struct flag_cond *conds; /* of flags, each computed by one function */
    unsigned nconds;
    unsigned at;    /* bytes from the first op of a fused group */
    unsigned depth; /* of IF and LOOP */
    struct acc_use acc;
    unsigned form;            /* bit k: in[k] comes from acc */
    struct group *group;      /* that the instruction is in, or NULL */
    uint8_t name[ACC_IN + 1]; /* in the group, of in[k] and out; 0: none */
    bool is_tracked;          /* in[] and out are all registers that it touches */
    bool ended;               /* nothing can be executed after this */
    bool soft;                /* the slow copy of a handler: no host floating point */
    bool has_slow;            /* a slow copy exists */
    unsigned number;          /* of the variant, in names */
    bool inner; /* of a system register or view: a C function with `cpu` and `op` */
    bool puts_npc;
    unsigned pushed;
    uint16_t push[MAX_PUSHED];
    unsigned result_uses; /* extra uses of the last node: it is the body's result */
};

/* emit_interp_expr.c */
const char *expr_type(unsigned width);
const char *expr_mask(struct arena *arena, unsigned width, const char *text);
const char *expr_of(struct body *body, unsigned node);     /* NULL: not a pure node */
const char *expr_wide(struct body *body, unsigned node);   /* operand as `wide` */
const char *expr_narrow(struct body *body, unsigned node); /* ... as at most 64 bits */
const char *expr_const(struct arena *arena, const struct isa *isa,
                       const struct sem *node);

/* An element, or `width` bits from `low` of it, as an lvalue-free expression; and a
 * statement that writes it.  `place`: C expression of its offset in the cpu struct. */
const char *element_read(struct arena *arena, const struct isa_file *file,
                         const char *place, unsigned low, unsigned width);
const char *element_write(struct arena *arena, const struct isa_file *file,
                          const char *place, unsigned low, unsigned width,
                          const char *value);
const char *element_place(struct arena *arena, const struct isa_file *file,
                          unsigned element);

/* emit_interp_body.c */
void body_begin(struct body *body, struct sem_body sem);
void body_statements(struct body *body);
void body_pure(struct body *body, struct sem_body sem); /* ... return VALUE; */
struct acc_use body_acc_use(const struct isa *isa, const struct isa_variant *variant);
bool body_is_tracked(const struct isa *isa, const struct isa_variant *variant);
void body_line(struct body *body, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* emit_interp_mem.c */
void memory_emit(struct body *body, unsigned node);

/* emit_interp.c: one target on its way. */
struct fused;
struct emitter {
    const struct isa *isa;
    const char *dir, *target;
    struct arena arena;
    FILE *header, *handlers;
    unsigned files, in_file;
    uint32_t *same; /* by variant: the first one with the same handlers */
    bool pairs;     /* there is a file of pairs: groups, and by variant a set of forms */
    struct fused *fused;
    unsigned nfused;
    uint8_t *forms;
    struct flag_cond *conds; /* those that have a function */
    unsigned nconds;
};
struct body body_new(struct emitter *e, FILE *out, const struct isa_variant *variant);
bool emit_insn(struct body *body); /* true: nothing can be executed after it */
void emit_finish(struct body *body);
void emit_next_file(struct emitter *e); /* ready for one more handler */
bool emit_wants_slow(const struct isa *isa, const struct isa_variant *variant);
const char *emit_variant_name(const struct isa *isa, const struct isa_variant *variant);

/* emit_interp_group.c */
void group_read(struct emitter *e);
void group_emit(struct emitter *e);
void group_table(struct emitter *e, FILE *out);
/* Of the instruction's group, if it is in one: what registers are in memory. */
void group_load(struct body *body);  /* in[] that have names are in C variables */
void group_write(struct body *body); /* out has a new value */
void group_store(struct body *body, bool is_exit); /* memory is as the guest sees it */
void group_forget(struct body *body); /* registers may have changed in memory */

/* emit_interp_state.c */
/* The name of the function that computes a condition of flags. */
const char *flags_function(struct arena *arena, const char *target,
                           const struct flag_cond *cond);
void state_emit(struct emitter *e);
void state_emit_sysregs(struct emitter *e, FILE *source);

/* emit_interp_fp.c */
void fp_emit(struct body *body, unsigned node);
const char *fp_function(struct arena *arena, const struct isa *isa,
                        const struct sem *nodes, unsigned node);
bool fp_has_fast(const struct isa *isa, const struct sem *nodes, unsigned node);
bool fp_needs_fma(const struct isa *isa, const struct isa_variant *variant);
void fp_emit_all(FILE *header, FILE *source, struct arena *arena, const struct isa *isa,
                 const char *target);

#endif
