/* sem.h - running the bodies of an isa's table.
 *
 * One function computes pure nodes, for everybody: decode-time expressions, pure
 * functions, flags, and instructions in the tree evaluator.  Nodes with an effect go to a
 * callback. */
#ifndef RHEA_SEM_H
#define RHEA_SEM_H

#include "isa/decode.h"
#include "isa/fp/u128.h"

/* One body being run.  Values have their upper bits clear, as isa.h says. */
struct sem_run {
    const struct isa *isa;
    const struct isa_decoded *insn; /* for FIELD, PC, ILEN, MODE */
    const struct fp128 *args;       /* for ARG */
    /* Runs a node that is not pure and stores its value.  Nonzero ends the body, and
     * sem_run() returns it.  NULL: such nodes are a bug. */
    int (*effect)(struct sem_run *run, const struct sem *node, struct fp128 *value);
    /* While it runs: */
    const struct sem *nodes; /* the body's first */
    struct fp128 *values;    /* of its nodes */
    struct fp128 *locals;
    uint8_t
        *ifs; /* NULL, or of each node of the isa: which ways its IF went, EVAL_WAS_* */
};

/* Runs a body; `result` (may be NULL) gets the value of the last node.  Returns 0, or
 * what `effect` returned. */
int sem_run(struct sem_run *run, struct sem_body body, struct fp128 *result);

/* A body of 64-bit or narrower result without effects. */
uint64_t sem_value(const struct isa *isa, struct sem_body body,
                   const struct isa_decoded *insn, const struct fp128 *args);

/* Its common case: a short decode-time body on 64 bits.  false: use sem_run(). */
bool sem_quick(const struct isa *isa, struct sem_body body,
               const struct isa_decoded *insn, uint64_t *result);

/* Whether an access of this body comes after something that the body wrote, so that
 * executing an instruction anew, after that access failed, could do something else. */
bool sem_is_unrepeatable(const struct isa *isa, struct sem_body body);

/* Whether control may go from the end of an instruction's body to the next one. */
static inline bool sem_falls_through(const struct isa *isa, struct sem_body body)
{
    unsigned last = body.count ? isa->nodes[body.first + body.count - 1].op : S_NOP;

    return last != S_GOTO && last != S_TRAP && last != S_ANNUL && last != S_REPEAT;
}

/* What a node writes that may not be written twice; storing the same again is harmless as
 * long as nothing is loaded. */
enum { SEM_WROTE_STATE = 1, SEM_WROTE_MEMORY = 2 };
static inline unsigned sem_writes(unsigned op)
{
    switch (op) {
    case S_ST: return SEM_WROTE_MEMORY;
    case S_AMO:
    case S_CAS:
    case S_STCOND:
    case S_PUT:
    case S_PUTF:
    case S_PUTX:
    case S_PUTL:
    case S_SETFLAGS:
    case S_HELPER:
    case S_SYSWRITE: return SEM_WROTE_STATE;
    default: return 0;
    }
}

/* Bits above `width` (1..128) cleared. */
static inline struct fp128 value_mask(struct fp128 a, unsigned width)
{
    if (width <= 64)
        return u128(0, width == 64 ? a.lo : a.lo & ((UINT64_C(1) << width) - 1));
    return width >= 128 ? a : u128(a.hi & ((UINT64_C(1) << (width - 64)) - 1), a.lo);
}

/* Sign-extended from `width` bits (1..128) to 128. */
struct fp128 value_sext(struct fp128 a, unsigned width);

static inline uint64_t mask64(unsigned width)
{
    return width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

static inline uint64_t sext64(uint64_t a, unsigned width)
{
    uint64_t sign;

    if (width >= 64)
        return a;
    sign = UINT64_C(1) << (width - 1);
    return ((a & mask64(width)) ^ sign) - sign;
}

#endif
