/* lift_parts.h - what the parts of the lifter share. */
#ifndef RHEA_LLVMJIT_LIFT_PARTS_H
#define RHEA_LLVMJIT_LIFT_PARTS_H

#include "llvmjit/lift.h"

enum { MAX_ELEMENTS = 512, MAX_ELEMENT_BITS = 128 };
enum { MAX_BEHINDS = 16 }; /* calls within the region */
enum { NO_INSN = -1 };     /* region_state.pending */

/* An element of a file that the region touches. */
struct element {
    uint16_t file, index;
    LLVMValueRef place; /* an alloca */
    LLVMTypeRef type;
    LLVMTypeRef kept; /* of the alloca: a type of floats where that saves moves */
};

/* A set of elements: those that the CPU struct does not have as they are. */
struct dirty {
    uint64_t bits[MAX_ELEMENTS / 64];
};

static inline void dirty_merge(struct dirty *into, const struct dirty *from)
{
    for (unsigned i = 0; i < MAX_ELEMENTS / 64; i++)
        into->bits[i] |= from->bits[i];
}

static inline void dirty_add(struct dirty *dirty, unsigned element)
{
    dirty->bits[element / 64] |= UINT64_C(1) << element % 64;
}

/* Of each group of flags: which flagfn set them last (its number + 1), if they are lazy;
 * 0: they are settled. */
enum { KIND_NOT_KNOWN = -1, KIND_NOT_REACHED = -2 };
struct kinds {
    int32_t of[ISA_FLAG_GROUPS];
};

/* An instruction of the region: plan.c. */
struct insn_plan {
    LLVMBasicBlockRef block; /* of a leader */
    bool is_side;            /* all of it is left to the interpreter */
    bool is_leader;          /* begins a block */
    bool is_entry;           /* the region can be entered here */
    bool next_is_back, return_is_back, guess_is_back; /* edges that close cycles */
    bool behind_is_back; /* a return to it, which is behind a call, closes one */
    bool is_lifted;
    bool loads, stores; /* guest memory; what stores may load, too */
    struct dirty dirty; /* in front of it, at most */
    struct kinds kinds; /* in front of it */
};

struct cell {
    struct region_cell is;
    LLVMBasicBlockRef jump; /* CELL_GOTO: to where its link leads; NULL: not made yet */
};

struct region_state {
    LLVMTypeRef pointer, i1, i8, i32, i64, nothing;
    LLVMTypeRef handler;                /* void (cpu, op, base, acc) */
    LLVMValueRef cells_word, base_word; /* globals */
    LLVMBasicBlockRef entry;            /* begins with the allocas */
    LLVMBasicBlockRef leave; /* calls the function of the cell at offset left_by */
    LLVMValueRef left_by;    /* its phi */
    LLVMMetadataRef likely, unlikely;
    unsigned prof; /* kind of metadata */
    struct insn_plan *plan;
    bool *link_is_back;           /* by slot of the request */
    int32_t behinds[MAX_BEHINDS]; /* what the region's own calls return to */
    unsigned nbehinds;
    uint8_t *forced_side; /* by instruction: could not be lifted at first */
    int16_t *element_of;  /* by file and index: lift->elements, or -1 */
    bool *is_double;      /* by file: operands of 64-bit floating point */
    uint32_t *first_of;   /* by file: of element_of */
    bool *is_used;        /* by flagfn: the region's instructions set flags by it */
    struct dirty dirty;
    struct kinds kinds;
    struct region_insn *insns; /* the request's, with variants made by laws */
    struct region_request request;
    bool has_flags;  /* the CPU struct has the flags that the host gathers, too */
    int64_t pending; /* what cpu->region_at has to be before a load, or NO_INSN: is it */
    bool is_dead;    /* the builder's block has its end */
    LLVMValueRef locals[64]; /* of the body: allocas */
    LLVMValueRef executed; /* instructions since the region was entered: an alloca, where
                              the request counts */
    struct cell *cells;
    unsigned ncells, cell_room;
};

/* walk.c.  A walk over the nodes of an instruction: loops unrolled, without what is
 * decided not to be executed. */
enum { WALK_NESTING = 32, WALK_STEPS = 8192 };
enum walk_kind { WALK_OPEN, WALK_DECIDED, WALK_LOOP };
struct walk_nest {
    enum walk_kind kind;
    unsigned at; /* the IF or LOOP */
    uint64_t end;
};
struct walk {
    const struct lift *lift;
    const struct region_insn *insn;
    const struct isa_variant *variant;
    const struct sem *nodes;
    unsigned number; /* of the node */
    unsigned depth;  /* conditions around it that are not decided, and such loops */
    bool is_too_long;
    bool wants_lanes; /* a loop that lift_lanes() can do is one node: its S_LOOP */
    uint64_t end;     /* of that loop */
    unsigned at, steps, nests;
    struct walk_nest open[WALK_NESTING];
    bool known[MAX_BODY]; /* values that are constant here */
    uint64_t values[MAX_BODY];
    uint64_t known_locals, locals[64];
};
void walk_begin(struct walk *walk, const struct lift *lift,
                const struct region_insn *insn);
/* The next node; NULL: that was all, or is_too_long. */
const struct sem *walk_next(struct walk *walk);
bool walk_knows(const struct walk *walk, unsigned node, uint64_t *value);

/* lift_lanes.c.  Whether a loop is an operation of vectors, and lifts it. */
bool lanes_fit(const struct walk *walk, unsigned loop, uint64_t first, uint64_t end);
void lift_lanes(struct lift *lift, unsigned loop, uint64_t end);

/* The edges out of an instruction: plan.c.  REGION_NONE: there is none. */
unsigned plan_count_edges(const struct lift *lift, uint32_t insn);
int32_t plan_edge(const struct lift *lift, uint32_t insn, unsigned number);

/* plan_flags.c.  Fills kinds, and changes variants of state->insns to those by laws. */
void plan_flags(struct lift *lift);
bool plan_has_flags(const struct isa *isa, unsigned group);
/* Whether a flag is as its element of bits_file says; false: not known, or no. */
bool plan_is_stored(const struct isa *isa, int32_t kind, unsigned flag);
/* Whether lift_inner() can have the body of a flag. */
bool plan_is_expression(const struct isa *isa, struct sem_body body);
void plan_kinds_merge(struct kinds *into, const struct kinds *from);
void plan_kinds_node(const struct isa *isa, const struct sem *node, unsigned depth,
                     struct kinds *kinds);

/* plan.c: fills state->plan and link_is_back; what is dirty only when there is a function
 * for elements to be in. */
void plan_region(struct lift *lift);
void plan_dirty(struct lift *lift);
/* Registers that the row of instructions from `insn` on writes, up to its first jump,
 * before anybody needs what was there, or can see it. */
void plan_unneeded(struct lift *lift, uint32_t insn, struct dirty *unneeded);
/* The element that lane `lane` of `width` bits lies in, counted from element `number` of
 * a view on, and its lowest bit there (eval.c's find_lane). */
unsigned plan_lane(const struct isa *isa, const struct isa_view *view, uint64_t number,
                   uint64_t lane, unsigned width, unsigned *low);
/* Whether a slot's value is a constant distance from the pc; *is_pc: it is, else it has
 * nothing to do with the pc.  false: neither. */
bool plan_slot_pc(const struct isa *isa, const struct isa_slot *slot, bool *is_pc);

/* region.c.  Lifts all into lift->module; lift->why says what went wrong. */
void region_lift(struct lift *lift);
unsigned region_count_entries(const struct lift *lift);
/* Stores what is dirty; it stays dirty. */
void region_flush(struct lift *lift);
void region_clean(struct lift *lift);
unsigned region_element(struct lift *lift, unsigned file, unsigned index);
/* Calls a helper with the CPU and four arguments of 64 bits; yields 64 bits. */
LLVMValueRef region_call_helper(struct lift *lift, enum region_helper helper,
                                const LLVMValueRef args[4]);

/* exits.c.  The number of a cell; `pc` is relative to the base. */
unsigned region_find_cell(struct lift *lift, unsigned kind, uint64_t pc);
LLVMValueRef region_cell_address(struct lift *lift, unsigned cell);
/* The block that an instruction begins. */
LLVMBasicBlockRef region_block(struct lift *lift, int32_t insn);
/* A guest address in the code, 64 bits; `pc` as in the request. */
LLVMValueRef region_pc(struct lift *lift, uint64_t pc);
/* Which instruction the registers in the CPU struct belong to; the other: if that is not
 * said yet. */
void region_publish_insn(struct lift *lift, int64_t number);
void region_publish(struct lift *lift);
/* So many instructions more, where they are counted; all of a row are one addition in
 * the end. */
void region_count(struct lift *lift, int64_t insns);
/* Ends of a block. */
void region_to(struct lift *lift, int32_t insn, bool is_back);
void region_exit(struct lift *lift, uint64_t pc);
void region_side_exit(struct lift *lift);
void region_jump(struct lift *lift, LLVMValueRef target);
void region_return(struct lift *lift, LLVMValueRef target);
/* In front of region_jump(): goes on within the region where the target is the likely
 * one.  `call`: of a call that says where it returns to, the slot of that; or NULL. */
void region_guess(struct lift *lift, LLVMValueRef target, const struct region_slot *call);
/* In front of them, of a call. */
void region_called(struct lift *lift, uint64_t return_pc);
/* Side exit where the 1-bit condition holds. */
void region_side_exit_if(struct lift *lift, LLVMValueRef condition);

/* lift_clmul.c: S_CLMUL of operands as wide as the result. */
LLVMValueRef lift_clmul(struct lift *lift, LLVMValueRef a, LLVMValueRef b);

/* lift_flags.c: S_FLAG, S_SETFLAGS, S_SETTLE. */
LLVMValueRef lift_flag(struct lift *lift, unsigned group, unsigned flag);
void lift_set_flags(struct lift *lift, const struct sem *node);
void lift_settle(struct lift *lift, unsigned group);

/* lift.c: S_CONST, S_SLOT and others without operands. */
LLVMValueRef lift_leaf(struct lift *lift, const struct sem *node);
/* A body of expressions and S_PUTF by itself, of SYSREG_BODY nodes at most; its
 * value is that of the last node. */
LLVMValueRef lift_inner(struct lift *lift, struct sem_body body,
                        const LLVMValueRef *args);
/* The body of lift->insn.  state->is_dead afterwards: it does not end by itself.
 */
void lift_body(struct lift *lift);

static inline LLVMTypeRef lift_type(struct lift *lift, unsigned w)
{
    return LLVMIntTypeInContext(lift->context, w);
}

static inline LLVMValueRef lift_const(struct lift *lift, unsigned w, uint64_t value)
{
    return LLVMConstInt(lift_type(lift, w), value, false);
}

static inline unsigned lift_width(LLVMValueRef value)
{
    return LLVMGetIntTypeWidth(LLVMTypeOf(value));
}

/* Cut or zero-extended to w bits. */
static inline LLVMValueRef lift_fit(struct lift *lift, LLVMValueRef value, unsigned w)
{
    unsigned has = lift_width(value);

    if (has == w)
        return value;
    return has < w ? LLVMBuildZExt(lift->builder, value, lift_type(lift, w), "")
                   : LLVMBuildTrunc(lift->builder, value, lift_type(lift, w), "");
}

/* An address some bytes behind a pointer. */
static inline LLVMValueRef lift_behind(struct lift *lift, LLVMValueRef pointer,
                                       LLVMValueRef bytes)
{
    return LLVMBuildGEP2(lift->builder, lift->state->i8, pointer, &bytes, 1, "");
}

static inline LLVMValueRef lift_field(struct lift *lift, size_t offset)
{
    return lift_behind(lift, lift->cpu, lift_const(lift, 64, offset));
}

static inline LLVMValueRef lift_load_volatile(struct lift *lift, LLVMTypeRef type,
                                              LLVMValueRef pointer)
{
    LLVMValueRef load = LLVMBuildLoad2(lift->builder, type, pointer, "");

    LLVMSetVolatile(load, true);
    return load;
}

static inline void lift_store_volatile(struct lift *lift, LLVMValueRef value,
                                       LLVMValueRef pointer)
{
    LLVMSetVolatile(LLVMBuildStore(lift->builder, value, pointer), true);
}

#endif
