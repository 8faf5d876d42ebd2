/* goto.c - handlers that are not generated, and of which stencils are cut. */
#define JUMP_SHIFT 0 /* not used here */
#include "interp/interp.h"

/* A link at OP_PAYLOAD. */
HANDLER(x_goto)
{
    JUMP(0, 8);
}

/* In front of instructions that are executed in a row: -jit-stats. */
#ifdef STENCIL
enum { TIER = TIER_TEMPLATE };
#else
enum { TIER = TIER_INTERP };
#endif
HANDLER(x_tally)
{
    cpu->executed[TIER] += OP_U32(8);
    NEXT(1);
}

HANDLER(x_count)
{
    uint64_t insns = cpu->insns + OP_U32(8);

    if (UNLIKELY(insns > INTERP_HEAD(cpu)->stop))
        CALL_HANDLER(x_limit, OP_HERE(0));
    cpu->insns = insns;
    NEXT(1);
}

#ifdef STENCIL
/* From template code to the handler of the op that follows. */
HANDLER(x_leave);
HANDLER(x_leave)
{
    TAIL(OP_HERE(0));
}
#endif
