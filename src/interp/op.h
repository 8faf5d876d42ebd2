/* op.h - one predecoded instruction, and how its handler is called.
 *
 * An op is 16 bytes: the handler, and 8 bytes of packed operands from OP_PAYLOAD on;
 * instructions that need more have further units of 16 bytes behind.  Handlers run in
 * threaded style: each ends by calling the next op's handler with the same arguments, by
 * a guaranteed or a sibling call; where the compiler makes neither, it returns the next
 * op (NULL: leave) to a small loop. */
#ifndef RHEA_INTERP_OP_H
#define RHEA_INTERP_OP_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct cpu;
struct op;

#ifdef INTERP_LOOP
#define INTERP_TAIL 0
#else
#define INTERP_TAIL HOST_TAIL_CALLS
#endif
#define INTERP_MUSTTAIL HOST_MUSTTAIL

#if INTERP_TAIL
typedef void interp_result;
#else
typedef const struct op *interp_result;
#endif

/* Generated handlers do not save the registers that other functions save (the Makefile's
 * HANDLER_CFLAGS): whoever calls the first one does. */
#if INTERP_TAIL && defined(HOST_SAVED_REGISTERS)
#define INTERP_CLOBBERS_ALL() __asm__ volatile("" ::: HOST_SAVED_REGISTERS, "memory")
#else
#define INTERP_CLOBBERS_ALL() (void)0
#endif

/* `acc`: the value that the op before wrote (see struct interp_variant). */
typedef interp_result (*interp_handler)(struct cpu *cpu, const struct op *op,
                                        uint8_t *base, uint64_t acc);

enum { OP_SIZE = 16, OP_PAYLOAD = 8 };

struct op {
    interp_handler fn;
#if UINTPTR_MAX <= 0xffffffff
    uint32_t unused;
#endif
    uint8_t payload[8];
};

_Static_assert(sizeof(struct op) == OP_SIZE, "an op is 16 bytes");

#if UINTPTR_MAX > 0xffffffff
_Static_assert(offsetof(struct op, payload) == OP_PAYLOAD, "see isagen's slots");
#endif

#endif
