/* lift.h - from a region of guest instructions to one LLVM function, by the semantic
 * table alone.
 *
 *   plan.c     which instructions are lifted, and where blocks begin
 *   region.c   the function around the instructions: registers, entries
 *   exits.c    edges between instructions, and out of the region
 *   lift.c     one body: pure nodes, state, control
 *   lift_mem.c memory nodes         lift_fp.c  floating point, with lift_fp_*.c
 *   walk.c     the nodes of a body, loops unrolled
 *   lift_lanes.c  loops over lanes as vectors
 *   lift_clmul.c  carry-less products
 *   lift_flags.c  lazy flags        plan_flags.c  who set them last
 *   compile.c  passes, machine code, the module's entry
 *   object.c   from an object file to struct region_code
 *
 * Guest registers: each element of a file that the region touches has an alloca of its
 * width, which mem2reg makes SSA values.  Entries load them from the CPU struct.  A write
 * sets the alloca; the CPU struct gets what is dirty before a store of the guest, where
 * faults are precise, and when the region is left (region_flush). */
#ifndef RHEA_LLVMJIT_LIFT_H
#define RHEA_LLVMJIT_LIFT_H

#include <llvm-c/Core.h>

#include "interp/region.h"
#include "isa/cpu.h"
#include "isa/isa.h"

enum { MAX_BODY = 1 << BODY_COUNT_BITS }; /* nodes */

struct element; /* an element of a file, as the region has it: region.c */

struct lift {
    const struct region_request *request;
    const struct isa *isa;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder; /* at the end of the block that is being filled */
    LLVMValueRef function;
    LLVMValueRef cpu, base;         /* its arguments: pointers */
    LLVMValueRef values[MAX_BODY];  /* of the body's nodes: iN of node->w; NULL: none */
    const struct region_insn *insn; /* being lifted */
    const struct isa_variant *variant; /* its */
    const struct sem *nodes;           /* its body */
    const struct walk *walk;           /* where in it (lift_parts.h) */
    LLVMValueRef pushed[16];           /* S_PUSH */
    unsigned npushed;
    const char *why;         /* not NULL: this cannot be compiled */
    int32_t gathered;        /* the environment whose flags the host's register gathers
                                (lift_fp_gather.c), or -1 */
    LLVMValueRef host_flags; /* where that register is moved to and from: an alloca */
    struct element *elements;
    unsigned nelements;
    struct region_state *state; /* lift_parts.h */
};

/* The value of element `index` of a file, as wide as the element; and a new one. */
LLVMValueRef lift_get(struct lift *lift, unsigned file, unsigned index);
void lift_put(struct lift *lift, unsigned file, unsigned index, LLVMValueRef value);

/* A block of the function, and goes on there. */
LLVMBasicBlockRef lift_block(struct lift *lift, const char *name);
void lift_at(struct lift *lift, LLVMBasicBlockRef block);
/* Branches to `yes` where the 1-bit condition holds, which it is likely to (or not). */
void lift_branch(struct lift *lift, LLVMValueRef condition, LLVMBasicBlockRef yes,
                 LLVMBasicBlockRef no, bool is_likely);

/* A call of REGION_HELPER_FP for node number `node` of isa->nodes, where the builder is;
 * yields 64 bits.  The element with the environment's flags is another value after it.
 * Operands are zero-extended to 64 bits;
 * `round`: 64 bits. */
LLVMValueRef lift_call_fp(struct lift *lift, uint32_t node, LLVMValueRef round,
                          const LLVMValueRef operands[3]);

/* lift_fp.c: an S_FP node; lift->values[...] has its operands.  Sets its value, or
 * lift->why. */
void lift_fp(struct lift *lift, unsigned node);
/* Whether the host's register can gather the flags of an environment. */
bool lift_fp_can_gather(const struct lift *lift, const struct isa_fpenv *env);
static inline bool lift_gathers(const struct lift *lift)
{
    return lift->gathered >= 0 && lift->isa->fpenvs[lift->gathered].file != ISA_NONE;
}

/* lift_fp_gather.c, where lift_gathers().  The
 * element with the flags is `flags` where the region is entered; the element as it is
 * with what the host's register has; the register without any; and as it was before
 * something that changes it. */
void lift_fp_enter(struct lift *lift, LLVMValueRef flags);
LLVMValueRef lift_fp_gathered(struct lift *lift, LLVMValueRef flags);
void lift_fp_forget(struct lift *lift);
LLVMValueRef lift_fp_save(struct lift *lift);
void lift_fp_restore(struct lift *lift, LLVMValueRef value);
/* After all passes: what only cold blocks see as an integer is moved to a register of
 * integers there, not before. */
void lift_fp_spread(LLVMValueRef function, LLVMBuilderRef builder);
/* lift_mem.c: S_LD to S_STCOND, S_FENCE. */
void lift_memory(struct lift *lift, unsigned node);

#endif
