/* interp.h - the interpreter from the inside: blocks of ops, and how they are found.
 *
 *   run.c        attach, run, faults          block.c      look-up, links, invalidation
 *   predecode.c  bytes to ops                 fuse.c       which handlers they get
 *   exits.c      handlers not generated       share.c      several CPUs
 *   lockstep.c   beside the tree evaluator    liveness.c   flags that nobody reads
 *   heat.c       blocks that run for the first times
 *   template.c   hot ops as machine code       goto.c   handlers with stencils
 *   jit.c        when regions are compiled   collect.c   of which instructions
 *   loaded.c     compiled regions, and where they are entered
 *   tlb.c        translated addresses, the slow path (whole machines)
 *
 * All ops of a process lie in one reserved array, so that a link is a distance of 32
 * bits. Blocks grow from its beginning, stubs (where a link leads before its target is
 * known) from its end.  Ops are never moved or reused until everything is flushed, so a
 * dropped block can be left by whoever is still in it; its first op leads to the block
 * that is valid then (x_dropped), so jump caches and rings of returns need not be told.
 *
 * Several CPUs (threads) share the ops.  Ops are read without a lock; everything else in
 * struct interp is used between interp_take() and interp_give().  Once shared, an op that
 * others may see changes in three ways only: 4 aligned bytes of a link, the pointer
 * behind a call (SLOT_RETURN), and its handler to one that reads the same operands or
 * none.  A flush waits until all others are outside of their handlers; interp_take() is
 * such a place. */
#ifndef RHEA_INTERP_H
#define RHEA_INTERP_H

#include <setjmp.h>
#include <string.h>

#include "interp/handler.h"
#include "interp/interp_isa.h"
#include "isa/decode.h"
#include "isa/engine.h"

enum {
    MAX_UNITS = UINTPTR_MAX > 0xffffffff ? 4 << 20 : 1 << 20, /* 64 MB of ops */
    MAX_BLOCKS = MAX_UNITS / 8,
    SPARE_UNITS = 4096, /* what one block may need */
    MAX_BLOCK_INSNS = 96,
    GUARD_PAGES = 1 << 28, /* physical; those behind are always guarded */
    MAX_BLOCK_PAGES = 2,   /* that one block's code lies in */
    PAGE_SHIFT = 12,
    NO_BLOCK = 0,    /* blocks[0] is not used */
    COLD_RUNS = 32,  /* of a block, before its ops get their best handlers */
    HOT_RUNS = 64,   /* and before they become machine code */
    HOT_BLOCKS = 64, /* that there must be before any does: short programs have few */
};

/* How instructions are executed besides their meaning; part of a block's key. */
enum table_kind {
    TABLE_COUNT = 1, /* instructions are counted: an x_count is in front of all that */
                     /* cannot be left but behind the last one; */
    TABLE_EACH = 2,  /* ... or of each */
    TABLE_SLOT = 4,  /* a delay slot: one instruction, then cpu->npc */
};

/* Blocks of one mode key. */
struct mode_table {
    uint64_t mode;
    unsigned kind;
    unsigned index;  /* of a CPU's jump cache */
    unsigned regime; /* of its loads and stores: isa/tlb.h */
    struct isa_decoder decoder;
    struct mode_table *next;
};

/* Whether its blocks are cold at first, and become machine code. */
static inline bool table_gets_hot(const struct mode_table *table)
{
    return !(table->kind & (TABLE_EACH | TABLE_SLOT));
}

/* Where an op's instruction is. */
struct position {
    uint32_t unit;
    uint8_t ilen; /* 0: an exit, no instruction */
    uint64_t pc;
};

/* An op that is an instruction, as forms and groups see it: registers by offset. */
enum { NO_REG = 0 };
struct insn_op {
    uint32_t unit;
    uint16_t variant;          /* struct interp_variant's `same` */
    uint16_t acc;              /* whose value acc is in front of it, or NO_REG */
    uint16_t reg[INTERP_REGS]; /* read, and last the one that it writes */
};

/* The same as it is kept: the last one at or before an op is its own. */
struct packed_position {
    uint32_t unit;
    uint32_t ilen : 5;
    int32_t distance : 27; /* of the pc from its block's */
};
_Static_assert(sizeof(struct packed_position) == 8, "there is one for each instruction");
enum { MAX_DISTANCE = 1 << 25 }; /* of where a block goes on */

struct block {
    uint64_t pc;
    struct mode_table *table;
    uint64_t
        pages[MAX_BLOCK_PAGES]; /* page numbers of its code; unused: the first again */
    uint32_t unit;              /* first op */
    uint32_t position;          /* first position */
    uint32_t incoming;          /* first stub of a link that leads here, 0: none */
    uint32_t
        next[MAX_BLOCK_PAGES]; /* in the list of that page, as struct page_code says */
    uint8_t listed;            /* bits: in which of them it is */
    uint8_t remade;            /* how often it was predecoded for being hot */
    uint8_t skip;              /* ops in front that are left out by now: x_cold */
    bool is_dead;
};

/* Two units: where a link leads until its target is made. */
struct stub {
    interp_handler fn;
#if UINTPTR_MAX <= 0xffffffff
    uint32_t unused;
#endif
    uint64_t pc;
    int32_t link;  /* bytes from the stub to the link's 4 bytes */
    int32_t op;    /* units from the stub to the link's op */
    uint32_t next; /* unit of the next stub with the same target */
    uint32_t unused2;
};

/* Where the elements of a view are in the cpu struct: what slots for registers hold. */
struct register_map {
    uint16_t base, stride;
    uint16_t zero; /* element that reads as zero, or ISA_NONE */
    uint16_t zero_at, sink_at;
};

/* A page that code was translated from. */
struct page_code {
    uint64_t page;   /* its number + 1; 0: none */
    uint32_t blocks; /* MAX_BLOCK_PAGES * block + which of its pages; 0: none */
};

/* What the CPUs of a process share. */
struct interp {
    struct interp_cpu *cpus;
    struct interp_cpu *owner;  /* has taken it: */
    struct cpu *cpu;           /* its CPU */
    struct mode_table *mode;   /* and mode */
    bool is_shared;            /* there has been a second CPU: ops are not changed */
    volatile bool is_stopping; /* the owner wants the others outside */
    const struct interp_isa *tables;
    const struct isa *isa;
    struct isa_features features;   /* of all CPUs */
    struct register_map *registers; /* by view */
    struct mode_table *modes;
    unsigned nmodes;
    struct op *ops;
    uint32_t units; /* used from the beginning */
    uint32_t stubs; /* first unit used at the end */
    struct packed_position *positions;
    uint16_t *variants; /* by position: of the op, as long as it is cold; or ISA_NONE */
    uint32_t npositions;
    struct block *blocks;
    uint32_t nblocks;
    uint64_t *map; /* open hash of blocks by pc and mode: 32 bits of those, the number */
    uint32_t map_mask, map_used;
    volatile uint8_t *guards; /* translated addresses: a bit for each physical page, set
                                 by block_guard(); changed with the lock taken */
    struct page_code *pages;  /* open hash of pages with code */
    uint32_t pages_mask, pages_used;
    uint16_t
        *groups; /* open hash of the first two variants: 1 + index of tables->fused */
    uint32_t groups_mask;
    struct template *template; /* or NULL */
    bool wants_template;       /* when there are HOT_BLOCKS */
    struct jit *jit;           /* or NULL */
    bool is_unseen;            /* nobody can look at registers after a fault */
    uint8_t hot_blocks;        /* until then */
    volatile uint32_t flushes; /* counts: after a flush old ops mean nothing */
    bool is_counting;          /* always, not only for limits */
    bool is_counting_each;     /* TABLE_EACH, always */
    bool is_plain;             /* jumps are not threaded: lockstep counts them */
    uint32_t cold_runs;        /* COLD_RUNS; 0: no block is cold */
    uint32_t hot_runs;         /* HOT_RUNS */
    uint64_t executed[TIERS];  /* of CPUs that are no more: struct cpu's */
    uint64_t mapped;           /* the last number that a CPU has got */
    uint16_t last_acc;         /* of the newest block's end */
    uint16_t last_known[ISA_FLAG_GROUPS]; /* there: flagfns, as liveness.h says */
};

/* Where indirect jumps lead, by pc: small in the beginning, as most programs are. */
struct jump_cache {
    struct jump_entry *entries; /* NULL: not used yet */
    uint32_t mask;
    uint32_t fills; /* of entries, since there are so many */
    bool is_filled; /* there are entries since jumps_forget() */
};

/* Where ops were left, by op: system calls come back to the same ones. */
struct left_at {
    const struct op *op;
    uint32_t flushes; /* of ip, at that time */
    struct position position;
};
enum { LEFT_AT = 32 };

/* One CPU: cpu->engine. */
struct interp_cpu {
    struct interp_head head; /* first: what handlers see */
    struct cpu *cpu;
    struct interp *ip;
    struct interp_cpu *next; /* of ip->cpus */
    const struct isa *isa;
    struct mode_table *mode;
    struct jump_cache *jumps; /* by mode_table's index */
    unsigned njumps;
    unsigned jump_shift; /* jump_shift() of its isa */
    uint64_t mapped; /* what code is where: another number after each jumps_forget(), and
                        no other CPU has it */
    bool is_fetch_fenced;       /* a fence was executed: changed code is to be seen */
    volatile bool is_running;   /* handlers run: a fault is the guest's */
    volatile bool is_inside;    /* may hold an op */
    volatile bool is_replaying; /* a region's fault, run.c */
    uint64_t replay;            /* instructions that it takes at most; 0: not known */
    uint8_t fault_access;       /* of one that ends the program: jit.h */
    uint64_t fault_addr;
    volatile bool is_sampled; /* was kicked to see where it is: jit.h */
    bool is_unsettled;        /* it has dropped a region: others may still be in it */
    bool is_holding;          /* the compiler, as it forks: compiler.h */
    struct left_at left_at[LEFT_AT];
    jmp_buf recover;
};

static inline struct interp_cpu *interp_of(struct cpu *cpu)
{
    return (struct interp_cpu *)cpu->engine;
}

/* tlb.c.  The physical page of code; and up to *size bytes of code: 0, or with *size
 * smaller the cause of the fault behind them. */
uint64_t tlb_code_page(struct cpu *cpu, uint64_t pc);
unsigned tlb_fetch(struct cpu *cpu, uint64_t pc, void *to, unsigned *size);
/* Code is translated from a physical page: who writes to it has to say so. */
void tlb_code_appears(struct interp *ip, uint64_t page);

/* share.c.  Nothing else takes it meanwhile.  Where the CPU is inside, everything may
 * have been flushed when this returns: ip->flushes tells. */
struct interp *interp_take(struct interp_cpu *self);
void interp_give(struct interp_cpu *self);
/* Requires: taken.  Returns when no other CPU holds an op; until interp_resume(). */
void interp_stop_others(struct interp *ip);
void interp_resume(struct interp *ip);
void interp_inside(struct interp_cpu *self); /* before it gets an op; may wait */
void interp_outside(struct interp_cpu *self);
/* Waits until all others have left what they were in.  Requires: not taken, inside. */
void interp_settle(struct interp_cpu *self);
void interp_share(struct interp *ip); /* a second CPU comes; no handler runs */

static inline uint32_t unit_of(const struct interp *ip, const struct op *op)
{
    return (uint32_t)(op - ip->ops);
}

/* What a slot for a register holds: its offset in the cpu struct. */
static inline uint16_t op_register(const struct op *op, const struct isa_slot *slot)
{
    uint16_t offset;

    memcpy(&offset, (const uint8_t *)op + slot->at, sizeof offset);
    return offset;
}

/* The number that a slot of a decoded instruction stands for. */
static inline uint64_t slot_number(const struct isa *isa, const struct isa_slot *slot,
                                   const struct isa_decoded *insn)
{
    if (!slot->quick)
        return isa_decode_value(isa, slot->expr, insn);
    return insn->field[slot->quick - 1] + (uint64_t)(int64_t)slot->bias +
           (slot->plus_pc ? insn->pc : 0);
}

static inline uint32_t block_hash(uint64_t key)
{
    return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static inline uint64_t block_key(uint64_t pc, const struct mode_table *table)
{
    return pc ^ (uint64_t)(uintptr_t)table << 20;
}

/* Whether it is worth asking block_find(). */
static inline bool block_may_be_at(const struct interp *ip, uint64_t pc)
{
    return ip->map[block_hash(block_key(pc, ip->mode)) & ip->map_mask] != 0;
}

/* block.c.  The block at pc in the current mode table, or NULL. */
struct block *block_find(struct interp *ip, uint64_t pc);
/* The same of code in that page (code_page), whether it is mapped there now or not. */
struct block *block_find_in(struct interp *ip, uint64_t pc, uint64_t page);
/* Whether nothing may lead from one pc to the other directly: addresses may be mapped
 * anew, page by page. */
static inline bool block_is_far(uint64_t from, uint64_t to)
{
    return RHEA_TLB && from >> PAGE_SHIFT != to >> PAGE_SHIFT;
}

/* What a call at `from` that returns to pc puts into the ring. */
extern const struct op return_unknown; /* of a return that nobody has followed */
extern const struct op return_far;     /* of one that is looked up each time */
static inline struct jump_entry block_return(uint64_t from, uint64_t pc)
{
    return (struct jump_entry){ .pc = pc,
                                .op = block_is_far(from, pc) ? &return_far
                                                             : &return_unknown };
}

/* Whether links may lead to it: it lies in one page, or pages are always the same ones.
 */
static inline bool block_is_linkable(const struct block *block)
{
    return !RHEA_TLB || block->pages[0] == block->pages[1];
}
/* Its first op; predecodes if need be.  NULL: cpu->event says why. */
const struct op *block_enter(struct interp *ip, uint64_t pc);
struct block *block_new(struct interp *ip, uint64_t pc); /* at ip->units, in the map */
struct block *block_new_hidden(struct interp *ip, uint64_t pc); /* not in the map */
struct block *block_of(struct interp *ip, uint32_t unit);
/* The op that it begins with. */
static inline uint32_t block_unit(const struct block *block)
{
    return block->unit + block->skip;
}
void block_drop(struct interp *ip, struct block *block);
/* Its first op, not an instruction, is not to be executed any more. */
void block_skip_first(struct interp *ip, struct block *block);
void block_note_page(struct interp *ip, struct block *block, uint64_t page);
/* The page of code that pc lies in: with translated addresses it is the physical one, or
 * UINT64_MAX where there is none. */
static inline uint64_t code_page(const struct interp *ip, uint64_t pc)
{
    return RHEA_TLB ? tlb_code_page(ip->cpu, pc) : pc >> PAGE_SHIFT;
}
/* Translated addresses: code is about to be read from a physical page, so whoever writes
 * to it from now on invalidates that first; until something does.  Others are stopped
 * meanwhile. */
void block_guard(struct interp *ip, uint64_t page);
void block_guard_code(struct interp *ip, uint64_t pc); /* ... the one of code at pc */
static inline bool block_is_guarded(const struct interp *ip, uint64_t page)
{
    return page >= GUARD_PAGES || (ip->guards[page / 8] >> page % 8 & 1);
}
void jumps_forget(
    struct interp_cpu *self); /* where jumps lead is to be looked up again */
void block_flush(struct interp *ip);
/* true: a region was dropped. */
bool block_invalidate(struct interp *ip, uint64_t addr, uint64_t size);
void block_fence(struct interp *ip); /* what is_fetch_fenced asks for */
void block_to_warm(struct interp *ip, struct op *more); /* x_more to x_warm */
void block_link(struct interp *ip, struct op *stub, struct block *target);
struct op *stub_new(struct interp *ip, interp_handler fn, uint64_t pc, struct op *op,
                    unsigned link_at);
/* These two need nothing taken. */
struct mode_table *mode_table_get(struct interp_cpu *self, uint64_t mode, unsigned kind);
void mode_table_use(struct interp_cpu *self, struct mode_table *table);
/* Position of an op that is in a block or is a stub. */
struct position op_position(struct interp *ip, const struct op *op);

/* exits.c.  The ring of expected returns: forgets all. */
void ring_clear(struct cpu *cpu);

/* predecode.c.  One instruction in ops that no block finds, and a jump behind it. */
const struct op *predecode_single(struct interp *ip, uint64_t pc);
const struct op *predecode_row(struct interp *ip, uint64_t pc); /* up to a jump */
/* A new block in the current mode table, or NULL with cpu->event. */
struct block *predecode(struct interp *ip, uint64_t pc, bool is_hot);
void predecode_prepare(struct interp *ip); /* ip->registers; free() it */
/* Goes on with the newest block behind its end `op`, which is overwritten. */
void predecode_more(struct interp *ip, struct op *op, uint64_t pc);

/* heat.c */
bool heat_is_cold(const struct interp *ip, const struct block *block);
bool heat_is_hot(const struct interp *ip, const struct block *block);

/* exits.c, heat.c: ops that are no instruction. */
HANDLER(x_stub);      /* makes the target, patches the link */
HANDLER(x_stub_mode); /* computes the mode anew; never patched */
HANDLER(x_far);       /* leads to another page of translated addresses; never patched */
HANDLER(x_stub_delayed); /* goes on in the delay slot, then at its pc */
HANDLER(x_goto);         /* link at 8 */
HANDLER(x_tally);        /* counts as many instructions as 32 bits at 8 say */
HANDLER(x_warm);         /* the same, and counts at 12: a block that goes on elsewhere */
HANDLER(x_more);         /* pc at 8: what follows is not predecoded yet */
HANDLER(x_next_mode);    /* pc at 8, after something that may change the mode or code */
HANDLER(x_slot_end);     /* after a delay slot */
HANDLER(x_first_return); /* what return_unknown does */
HANDLER(x_far_return);   /* what return_far does */
HANDLER(x_dropped);      /* the first of a block that is no more, or begins elsewhere */
HANDLER(x_cold);         /* counts at 8: the first of a block that is cold */
HANDLER(x_heated);       /* counts at 8: of one that is not, and has no machine code */
HANDLER(x_illegal);
HANDLER(x_count); /* the same, unless that is more than the limit: */
HANDLER(x_limit);
HANDLER(x_trace);
HANDLER(x_break);  /* pc at 8: a debugger stops here */
HANDLER(x_enter);  /* loaded.c: region at 8; enters it by the next op, or drops it */
HANDLER(x_region); /* jit.c: marks the cells of a region, never run */
HANDLER(x_side);   /* loaded.c: a cell that executes one instruction */
HANDLER(x_row);    /* loaded.c: ... that executes those up to a jump at least */
HANDLER(x_late);   /* loaded.c: link at 8, followed in any case */

/* As block_enter(), from the jump cache; NULL: is not there.  Needs nothing taken. */
static inline const struct op *jump_cached(const struct interp_cpu *self, uint64_t pc)
{
    const struct cpu *cpu = self->cpu;
    const struct jump_entry *entry =
        &cpu->jumps[pc >> self->jump_shift & cpu->jump_mask / sizeof *entry];

    return entry->pc == pc && entry->op->fn != x_dropped ? entry->op : NULL;
}

/* run.c */
void interp_leave(struct cpu *cpu, enum exec_kind kind); /* fills the event */
uint64_t interp_mode(struct interp_cpu *self);           /* computed from the state */

#endif
