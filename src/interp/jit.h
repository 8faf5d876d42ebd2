/* jit.h - regions of hot code, compiled beside the running guest.
 *
 *   jit.c      when: samples
 *   compiler.h, compiler.c  by whom: jobs and threads
 *   collect.c  what: from blocks to a struct region_request
 *   loaded.c   struct region_code in memory: cells, entries, invalidation
 *   room.c     ... and what happens when that memory is full
 *   cached.c   from and for the cache: regions of earlier processes
 *   cached_code.c  ... and which code that is
 *   ahead.c    code of files that does not run: `rhea cache warm`
 *   told.c     what users are told of regions
 *   count.c    how often regions are left, and why
 *
 * A thread kicks the CPUs a thousand times a second; where they are then, at the target
 * of a jump, is a sample.  An instruction that is sampled again and again is the head of
 * a region.  So what is compiled is what takes time, and code that is not hot pays
 * nothing.  The guest goes on meanwhile, and looks for finished regions when it is kicked
 * the next time.  All functions require: taken, unless they say otherwise. */
#ifndef RHEA_INTERP_JIT_H
#define RHEA_INTERP_JIT_H

#include "base/host.h"
#include "interp/interp.h"
#include "interp/region.h"

enum { MAX_REGION_INSNS = 400 };

/* A region on its way. */
struct job {
    struct region_request request; /* its arrays belong to the job */
    struct region_code code;
    struct mode_table *table;
    uint64_t *pages;  /* numbers of those that its code is in, ... */
    uint64_t *places; /* ... and where they are mapped, if addresses are translated */
    uint32_t npages;
    uint32_t heat; /* samples of its instructions */
    bool is_again; /* a region has its head already */
    bool is_stale; /* its code has changed, or it cannot be compiled: */
    char why[128]; /* ... then; empty: it has changed */
    struct job *next;
};

/* A page that a region's code is in, in the list of those with the same hash. */
struct region_page {
    uint64_t page;
    struct loaded *region;
    struct region_page *next;
};

/* One that can be entered. */
struct loaded {
    struct mode_table *table;
    uint64_t base;
    uint64_t *pages, *places; /* as of its job */
    uint32_t npages;
    struct region_page *listed; /* one for each page */
    uint64_t *pcs;              /* of its instructions, by cpu->region_at */
    uint32_t npcs;
    uint32_t ncells, nentries;
    struct region_cell *cells;
    struct region_entry *entries;
    uint64_t
        *counts; /* by cell: how often it was left by until the last flush; or NULL */
    bool is_counting; /* struct region_request's counts */
    uint32_t cells_at, base_at;
    size_t at;       /* in the code memory */
    uint32_t size;   /* of the code */
    uint32_t unit;   /* of its first cell; 0: there are none since the last flush */
    bool is_precise; /* struct region_request's */
    bool is_cached;  /* an earlier process compiled it */
    bool is_dead;
    bool is_flushed; /* there was a flush since: its pages may have no blocks */
    bool is_used;    /* is new, or was sampled, since there was no room the last time */
    uint64_t mapped; /* of the CPU that found its pages where they were */
    struct loaded *next;
};

/* Where a region is entered. */
struct entry_point {
    uint64_t pc;
    struct loaded *region; /* NULL: unused */
    uint32_t at;
};

enum { SAMPLES = 1 << 14, NEAR_SAMPLES = 1 << 12, NEAR_SHIFT = 8 /* of a pc */ };
struct sample {
    uint64_t pc;
    struct mode_table *table;
    uint32_t count;
};

enum { TARGETS = 1 << 10 };
struct target { /* of the jump at `from`, as samples have it */
    uint64_t from, to;
    struct mode_table *table;
    uint32_t count, others;
};

/* What is counted for -jit-stats. */
struct jit_counts {
    uint64_t samples, inside, regions, failed, insns, bytes, compile_ns;
    uint64_t unneeded;         /* jobs that other regions had done */
    uint64_t dropped, evicted; /* regions; of them those that were in the way of others */
    uint64_t in_tier[TIERS];   /* of the samples */
    unsigned threads;          /* at most at once */
};

/* What is to be done about room for code, when somebody holds no op. */
enum room { ROOM_ENOUGH, ROOM_SWEEP /* of dead regions */, ROOM_EVICT /* others, too */ };

enum { PAGE_LISTS = 1 << 12 };

struct jit {
    struct host_code memory;
    size_t used;
    bool is_inherited;      /* the memory is the parent's, too */
    bool has_children;      /* the memory may be a child's, too: nothing in it is moved */
    bool is_off;            /* no more regions: no compiler, or no memory */
    uint8_t room;           /* enum room; atomic */
    struct loaded *regions; /* the newest, which have the highest addresses, first */
    uint32_t nregions, ndead;
    struct region_page **pages; /* by hash: PAGE_LISTS */
    struct entry_point *points; /* open hash by pc and table */
    uint32_t points_mask, points_used;
    struct sample samples[SAMPLES];
    uint32_t nsamples;
    struct target targets[TARGETS];
    uint32_t near[NEAR_SAMPLES]; /* the same by 1 << NEAR_SHIFT bytes of code, roughly */
    struct jit_counts counts;
    struct compiler *compiler; /* NULL: not used yet */
    struct cached *cached;     /* NULL: not used yet, or: */
    bool is_uncached;          /* there is no cache */
};

/* What -accel jit says. */
struct jit_options {
    bool sync;          /* the guest waits for the compiler */
    uint32_t threshold; /* runs of a block, 0: samples decide */
    uint32_t threads;   /* that compile, at most; 0: the host's cores decide */
    uint64_t memory;    /* bytes for the code of regions; 0: as much as is reasonable */
    uint64_t templates; /* ... of templates */
    bool cache;         /* it is used: cached.c */
    bool stats; /* -jit-stats: instructions are counted, and how regions are left */
    bool exits; /* -jit-exits: where, too */
};
extern struct jit_options jit_options; /* run.c */

#ifdef RHEA_JIT
#define HAS_JIT 1
/* Whether faults in a region find every register as it was: region_request's. */
static inline bool is_precise(const struct interp *ip)
{
    return !ip->is_unseen && !RHEA_TLB;
}

/* jit.c.  Begins to sample, if it did not yet.  ip->jit may be NULL: nothing. */
void jit_start(struct interp *ip);
/* The block has run as often as jit_options.threshold says. */
void jit_hot(struct interp *ip, uint64_t pc);
/* Not taken: the CPU is about to run at cpu->pc; it was at `left_from`, or NULL. */
void jit_step(struct interp_cpu *self, const struct op *left_from);
/* Where the indirect jump at pc leads nearly always, as samples have it; false: nowhere.
 */
bool jit_likely_target(const struct interp *ip, uint64_t pc, uint64_t *to);
/* Code in these pages has changed.  true: a region had some. */
bool jit_invalidate(struct interp *ip, uint64_t first_page, uint64_t last_page);
/* Registers can be seen after faults from now on. */
void jit_seen(struct interp *ip);
void jit_flush(struct interp *ip); /* all ops are gone; ip->jit is there */
struct jit *jit_new(void);         /* NULL: there is none on this host */
void jit_free(struct jit *jit);
void jit_forked(struct jit *jit);                                    /* in the child */
void jit_threads(struct interp_cpu *self, enum engine_threads what); /* not taken */
/* Not taken.  The process ends, or runs another program: what was compiled is kept. */
void jit_leaving(struct interp_cpu *self);
/* Shows what was done, line by line. */
void jit_report(const struct interp *ip, void (*line)(const char *text));

/* collect.c.  The region around pc in the current mode table, or NULL: not worth it.  Of
 * what has run (reach is NULL), or of what is code. */
struct reach {
    bool (*is_code)(void *context, uint64_t pc);
    void *context;
};
struct job *collect(struct interp *ip, uint64_t pc, const struct reach *reach);
void job_free(struct job *job);

/* cached.c.  Loads a region that can be entered at pc, if the cache has one and there is
 * none yet: whether it did.  ip->jit may be NULL: no. */
bool cached_load(struct interp *ip, uint64_t pc);
/* The job is done, and its code is as it was: it will be written.  Before loaded_add().
 */
void cached_keep(struct interp *ip, const struct job *job);
/* Whether a region that begins where the job's does, of the same code, is in the cache;
 * how many bytes regions of the file at pc may take there beyond what they do. */
bool cached_has(struct interp *ip, const struct job *job);
uint64_t cached_room(struct interp *ip, uint64_t pc);
void cached_forget(struct jit *jit); /* the map of code has changed */
void cached_forked(struct jit *jit);
void cached_free(struct jit *jit);
void cached_write(struct jit *jit); /* not taken: all that is kept, now */
struct cached_counts {
    uint64_t loaded, different, kept;
};
struct cached_counts cached_counts(const struct jit *jit);
/* What a compiler's thread needs, which is to release it; NULL: there is no cache. */
struct keeper;
struct keeper *cached_keeper(struct interp *ip);
void keeper_release(struct keeper *keeper);
/* Not taken.  Whether there is something to open or to write, and doing it: in a thread
 * that may open files. */
bool keeper_has_work(const struct keeper *keeper);
void keeper_work(struct keeper *keeper);

/* loaded.c.  Whether there is room for so much code.  false: not now, and jit->room is
 * ROOM_EVICT; or never. */
bool loaded_has_room(struct jit *jit, size_t size);
/* Loads job->code and takes what it needs of the job; false: no room. */
bool loaded_add(struct interp *ip, struct job *job);
/* The same of a new region, all of whose memory it takes; of `code` the code is looked
 * at, and the texts. */
bool loaded_put(struct interp *ip, struct loaded *region, const struct region_code *code);
void loaded_release(struct loaded *region); /* one that is not loaded */
/* The code that enters a region at pc, of code in that page; NULL: there is none, or no
 * room for its cells. */
interp_handler loaded_entry(struct interp *ip, uint64_t pc,
                            const struct mode_table *table, uint64_t page);
/* The region that it enters, if what is mapped there has to be looked at each time, as it
 * has several pages; then x_enter does, with the region in front of its code. */
struct loaded *loaded_checked(struct interp *ip, uint64_t pc,
                              const struct mode_table *table, uint64_t page);
/* The block's first op is another one: if a region begins there, it does. */
void loaded_attach(struct interp *ip, struct block *block);
/* Whether a region has the instruction at pc. */
bool loaded_has(const struct interp *ip, uint64_t pc);
/* Where a cell jumps from or to; false: it is none, or one of a region that is gone. */
bool loaded_cell_pc(struct interp *ip, const struct op *op, uint64_t *pc);
/* Whether a region can be entered at pc. */
bool loaded_is_entry(const struct interp *ip, uint64_t pc);
/* The same, of a place where the guest was seen. */
bool loaded_note_sample(struct interp *ip, uint64_t pc);
bool loaded_invalidate(struct interp *ip, uint64_t first_page, uint64_t last_page);
void loaded_flush(struct interp *ip); /* all ops are gone */
/* Drops regions that no block may tell of, where code may have changed. */
void loaded_fence(struct interp *ip, bool (*may_be_written)(struct space *, uint64_t));
void loaded_free(struct jit *jit);
/* For room.c.  Blocks that enter it are dropped; who is inside leaves at the next kick.
 */
void loaded_drop(struct interp *ip, struct loaded *region);
/* Whether code can be changed: in a new process not before it is a copy. */
bool loaded_own_memory(struct jit *jit);
/* Where the code of the next one would be, and behind it. */
size_t loaded_behind(const struct loaded *region);
void loaded_forget_all(struct jit *jit); /* where they are found */
void loaded_list(struct jit *jit, struct loaded *region);
/* Its code has moved: blocks that enter it find it. */
void loaded_enter_again(struct interp *ip, const struct loaded *region);
/* Of a fault in a region, `op` is its first cell: where to execute again from, *precise;
 * or, of one that ends the program, about where it was. */
uint64_t loaded_fault_pc(struct interp *ip, const struct op *op, uint32_t insn,
                         bool *precise);
/* Somebody may look at registers after a fault from now on. */
void loaded_drop_unseen(struct interp *ip);

/* room.c.  What jit->room says.  Requires: the owner holds no op, and is inside. */
void room_make(struct interp *ip);
/* After it was dropped. */
void room_note_dead(struct jit *jit);

/* count.c.  Before all ops are gone: takes what regions have counted. */
void exits_keep(struct interp *ip);
/* What was counted, line by line. */
void count_report(const struct interp *ip, void (*line)(const char *text));

/* ahead.c.  Compiles functions into the cache.  Needs nothing taken; the CPU does not
 * run.
 */
struct ahead_function {
    uint64_t pc, end; /* it ends there, or where another one begins */
};
struct ahead_code { /* all in one mapping of one file */
    uint64_t start, end;
    const struct ahead_function *functions;
    size_t count, first; /* the first ones, and what they call, come before all others */
};
struct ahead_counts {
    size_t functions; /* that were looked at */
    uint64_t regions, insns, bytes, failed;
    uint64_t had; /* regions that were in the cache */
    bool is_full; /* no more of this file may be kept */
};
struct ahead_how {
    /* Called now and then; false: ends at once, and keeps what is compiled. */
    bool (*goes_on)(void *context, const struct ahead_counts *counts);
    void *context;
};
/* NULL, or why it cannot. */
const char *ahead_compile(struct cpu *cpu, const struct ahead_code *code,
                          const struct ahead_how *how, struct ahead_counts *counts);

/* told.c.  To isa_trace, if it wants to know: a region is loaded, or cannot be made. */
void told_loaded(struct interp *ip, const struct loaded *region,
                 const struct region_code *code);
void told_failed(struct interp *ip, const struct job *job, const char *why);
/* Machine code was made, of whatever tier. */
void told_code(struct interp *ip, uint64_t pc, const void *code, size_t size);
#else
#define HAS_JIT 0
#define x_region NULL
static inline void jit_start(struct interp *ip)
{
    (void)ip;
}
static inline void jit_hot(struct interp *ip, uint64_t pc)
{
    (void)ip, (void)pc;
}
static inline void jit_step(struct interp_cpu *self, const struct op *left_from)
{
    (void)self, (void)left_from;
}
static inline bool jit_invalidate(struct interp *ip, uint64_t a, uint64_t b)
{
    (void)ip, (void)a, (void)b;
    return false;
}
static inline void jit_seen(struct interp *ip)
{
    (void)ip;
}
static inline void jit_free(struct jit *jit)
{
    (void)jit;
}
static inline void jit_forked(struct jit *jit)
{
    (void)jit;
}
static inline bool cached_load(struct interp *ip, uint64_t pc)
{
    (void)ip, (void)pc;
    return false;
}
static inline interp_handler loaded_entry(struct interp *ip, uint64_t pc,
                                          const struct mode_table *table, uint64_t page)
{
    (void)ip, (void)pc, (void)table, (void)page;
    return NULL;
}
static inline struct loaded *loaded_checked(struct interp *ip, uint64_t pc,
                                            const struct mode_table *table, uint64_t page)
{
    (void)ip, (void)pc, (void)table, (void)page;
    return NULL;
}
#define x_enter NULL
static inline void loaded_attach(struct interp *ip, struct block *block)
{
    (void)ip, (void)block;
}
static inline bool loaded_own_memory(struct jit *jit)
{
    (void)jit;
    return true;
}
static inline void jit_flush(struct interp *ip)
{
    (void)ip;
}
static inline void loaded_fence(struct interp *ip, bool (*may)(struct space *, uint64_t))
{
    (void)ip, (void)may;
}
static inline void told_code(struct interp *ip, uint64_t pc, const void *code,
                             size_t size)
{
    (void)ip, (void)pc, (void)code, (void)size;
}
static inline uint64_t loaded_fault_pc(struct interp *ip, const struct op *op,
                                       uint32_t insn, bool *precise)
{
    (void)ip, (void)op, (void)insn, (void)precise;
    return 0;
}
#endif

#endif
