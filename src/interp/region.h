/* region.h - between the interpreter and the compiler of regions.
 *
 * A region is hot code in one piece: instructions reached from each other by direct
 * edges, loops and all, as one function.  The interpreter finds them and says what they
 * are (struct region_request); a compiler, which is a module of its own
 * (src/llvmjit), makes of each request machine code (struct region_code), from the
 * semantic table alone.
 *
 * The code is position-independent and knows no address.  What it needs is in two words
 * that whoever loads it fills in: where its CELLS are, and the BASE, which is what pcs
 * are relative to.  A cell is an op of the interpreter: to leave a region is to call the
 * handler of a cell with the cell as its op, as handlers call each other.  So links
 * between regions are data, patched by nobody but the interpreter.
 *
 * Entries of a region have the signature of handlers (op.h), may change all registers of
 * the host but the stack pointer, and expect every guest register in the CPU struct;
 * they leave every guest register there, too.
 *
 * Faults: while it runs, cpu->op is its first cell, and the guest registers in the CPU
 * struct are those in front of the instruction that cpu->region_at is the number of, at
 * every access that may fault.  Nothing that anybody could see was done since then: there
 * were loads at most.  So a fault is found again by executing from there, one instruction
 * at a time, and loops that store nothing keep their registers in the host's. */
#ifndef RHEA_INTERP_REGION_H
#define RHEA_INTERP_REGION_H

#include <stddef.h>

#include "base/host.h"
#include "interp/op.h"
#include "isa/isa.h"
#include "isa/sysreg.h"

enum { REGION_NONE = -1, REGION_ROW = 80 };

/* Lowest bits of a pc that are always 0, as JUMP_ENTRY of handler.h leaves them out. */
static inline unsigned jump_shift(const struct isa *isa)
{
    return isa->min_ilen >= 4 ? 2 : isa->min_ilen >= 2 ? 1 : 0;
}

/* Value of a slot of an instruction's variant, in the order of isa->slots.  SLOT_READ and
 * SLOT_WRITE: the number of the element of the slot's view.  SLOT_LINK, SLOT_RETURN: a
 * pc. */
struct region_slot {
    uint64_t value, high; /* high: bits 64..127 */
    int32_t insn;         /* SLOT_LINK: the instruction there, or REGION_NONE: an exit */
};

struct region_insn {
    uint64_t pc;
    uint32_t variant; /* isa->variants */
    uint32_t slot;    /* first of request->slots */
    int32_t next;     /* that follows where it does not jump, or REGION_NONE: an exit */
    uint8_t ilen;     /* bytes */
    bool is_entry;    /* the region is to be entered here, too; heads of loops are entries
                         in any case, but not in copies (return_insn) */
    bool is_side;     /* the interpreter executes it: leave here (CELL_SIDE) */
    int32_t behind;   /* of a call of a function in the region, which returns by the ring:
                         the instruction behind it; else REGION_NONE */
    uint64_t guess_pc;  /* of an indirect jump or call: where it most likely leads, ... */
    int32_t guess_insn; /* ... and the instruction there, or REGION_NONE: not known */
    uint64_t return_pc; /* of a GOTO_RETURN: where it most likely leads, ... */
    int32_t return_insn; /* ... and the instruction there, or REGION_NONE: not known */
};

/* All in one mode, without delay slots. */
struct region_request {
    const struct isa *isa;
    const struct region_insn *insns;
    const struct region_slot *slots;
    uint32_t ninsns, nslots;
    uint64_t base;                        /* pcs in the code are relative to this one */
    const struct host_fp_flags *fp_flags; /* the host's, or NULL */
    bool has_fma;       /* the host multiplies and adds in one instruction */
    bool is_precise;    /* faults are as said above; else a fault ends the program, and
                           nobody can see what the registers were */
    bool is_translated; /* accesses go by the TLB (isa/tlb.h); what misses it is left to
                           the interpreter, so there are no faults */
    bool wants_ir, wants_out_asm; /* texts for people: struct region_code */
    bool counts;                  /* cpu->executed, and how it is left: CELL_COUNT */
    /* Called between steps, where nothing is half done that a process without this thread
     * would miss; may wait.  NULL: nothing. */
    void (*rest)(void *context);
    void *context;
};

/* The number of the system register that a S_SYSREAD or S_SYSWRITE node names; false: it
 * is known only when the instruction runs. */
static inline bool region_sysreg(const struct isa *isa, const struct isa_variant *variant,
                                 const struct region_slot *slots, const struct sem *node,
                                 uint64_t *number)
{
    const struct sem *at = &isa->nodes[variant->body.first + node->a];

    *number = at->op == S_SLOT    ? slots[at->a].value
              : at->op == S_CONST ? isa->consts[at->a | (uint32_t)at->b << 16]
                                  : 0;
    return at->op == S_SLOT || at->op == S_CONST;
}

/* Whether all of the system registers that an instruction names, and it names some, are
 * plain (isa/sysreg.h): then it is like any other. */
static inline bool region_has_plain_sysregs(const struct isa *isa,
                                            const struct isa_variant *variant,
                                            const struct region_slot *slots)
{
    bool any = false;

    for (unsigned i = 0; i < variant->body.count; i++) {
        const struct sem *node = &isa->nodes[variant->body.first + i];
        uint64_t number;

        if (node->op == S_HELPER || (node->op == S_FENCE && node->x & FENCE_FETCH))
            return false;
        if (node->op != S_SYSREAD && node->op != S_SYSWRITE)
            continue;
        any = true;
        if (!region_sysreg(isa, variant, slots, node, &number) ||
            !sysreg_plain(isa, number, node->op == S_SYSWRITE))
            return false;
    }
    return any;
}

/* What a cell is, when the region is loaded; `pc` is relative to the base. */
enum region_cell_kind {
    CELL_FIRST,  /* cell 0: marks the region */
    CELL_GOTO,   /* an op that jumps to pc: its link (4 bytes, as of JUMP in handler.h) is
                    at OP_PAYLOAD */
    CELL_SIDE,   /* an op that executes the instruction at pc and goes on behind it */
    CELL_ROW,    /* an op that executes the instructions from pc on, at least up to the
                    first jump or REGION_ROW of them, whoever kicks */
    CELL_JUMP,   /* goes on at cpu->pc, which is not in the jump cache, or was kicked */
    CELL_RETURN, /* the same of a return that the ring did not expect */
    CELL_CALLED, /* no op: the jump_entry of a call that returns to pc */
    CELL_HELPER, /* `fn` is the function number `pc` of enum region_helper */
    CELL_COUNT,  /* no op: 8 bytes that count how often the region was left by the cell in
                    front of it, whether its handler was called or not */
    CELL_KINDS,
};
struct region_cell {
    uint8_t kind;
    uint64_t pc;
};

/* C functions that regions call. */
enum region_helper {
    /* eval_fp_call() of isa/eval.h: uint64_t (struct cpu *, uint64_t what, uint64_t a,
     * uint64_t b, uint64_t c): S_FP of at most 64 bits done in full.  `what`: bits 0..31
     * the node's place in isa->nodes, 32..39 the rounding mode, 40..47 the width of
     * operand a.  Ors the flags into the environment's element. */
    REGION_HELPER_FP,
    /* eval_flag_call(): a lazy flag.  `what`: bits 0..31 which flagfn set it (its number
     * + 1), 32..39 the flag's number, 40 its value otherwise; a, b, c: arguments. */
    REGION_HELPER_FLAG,
    REGION_HELPERS,
};

struct region_entry {
    uint64_t pc; /* relative to the base */
    uint32_t at; /* offset of its code */
};

/* Machine code, and what loads it must know. */
struct region_code {
    uint8_t *code; /* `size` bytes, copied to an address that is a multiple of 64 */
    uint32_t size;
    uint32_t cells_at, base_at; /* offsets in it of the two words, 8 bytes each */
    uint32_t ncells, nentries;
    struct region_cell *cells; /* [0] is CELL_FIRST */
    struct region_entry *entries;
    char *ir, *out_asm; /* the compiler's program; the code disassembled; or NULL */
};

/* What the module offers: a symbol `rhea_region_compiler`. */
enum { REGION_VERSION = 5 };
struct region_compiler {
    unsigned version; /* REGION_VERSION */
    const char *name; /* "LLVM 19.1.7" */
    /* May be called by several threads at once.  Returns 0 and fills `code` (free with
     * `release`), or -1: cannot be compiled, and `why` (`size` bytes) says why. */
    int (*compile)(const struct region_request *request, struct region_code *code,
                   char *why, size_t size);
    void (*release)(struct region_code *code);
};

#endif
