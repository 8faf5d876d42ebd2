/* compiler.h - the JIT's threads: those that compile, and the one that samples.
 *
 * The guest's threads add jobs, and take those that are done.  At least one thread
 * compiles them, the hottest first; further ones begin when more jobs wait than threads
 * do.  Any thread may call these functions; only those that say so wait for LLVM. */
#ifndef RHEA_INTERP_COMPILER_H
#define RHEA_INTERP_COMPILER_H

#include "interp/jit.h"

enum {
    SAMPLE_US = 1000, /* between samples */
    MAX_QUEUE = 64,
};
/* Why nothing is compiled where the module is missing. */
#define COMPILER_NO_MODULE "rhea-llvm.so is not there, or another's"

/* `module`: NULL for rhea-llvm.so, which is loaded when the first job is compiled. `ip`:
 * whose CPUs are sampled; `keeper`: as in jit.h, or NULL.  NULL: out of memory. */
struct compiler *compiler_new(struct interp *ip, struct keeper *keeper,
                              const struct region_compiler *module);
/* Begins to compile, and to sample if `samples`.  false: there is no thread. */
bool compiler_start(struct compiler *c, bool samples);
/* Whether there is a module; loads it, if nobody did. */
bool compiler_has_module(struct compiler *c);
/* Returns when no thread looks at the CPUs any more.  Then the compiler is no more. */
void compiler_end(struct compiler *c);
/* Until compiler_let_go() nobody begins with a job; waits, not for long, until those that
 * are at one come to where a child of a fork misses nothing. */
void compiler_hold(struct compiler *c);
void compiler_let_go(struct compiler *c);
/* In the child of a fork, where its threads are not: whether one of them was somewhere
 * else, and may have left anything behind. */
bool compiler_was_at_work(const struct compiler *c);
/* Waits until there is none of its threads in the process; and they begin again. */
void compiler_stop(struct compiler *c);
void compiler_go_on(struct compiler *c);

/* Jobs.  The job is the compiler's until compiler_take() returns it.  false: it has so
 * many already, or the same one; then the job stays the caller's. */
bool compiler_add(struct compiler *c, struct job *job);
/* Compiles it at once. */
void compiler_run(struct compiler *c, struct job *job);
/* One that is done, or NULL. */
struct job *compiler_take(struct compiler *c);
/* The same, but waits while a thread is at one or will be; NULL: none is left. */
struct job *compiler_wait(struct compiler *c);
/* It will be taken again. */
void compiler_put_back(struct compiler *c, struct job *job);
/* What one of the jobs needs of its code is gone. */
void compiler_release(struct compiler *c, struct job *job);
/* Whether a job that has the instruction is on its way; it is hotter by so many samples.
 */
bool compiler_has(struct compiler *c, uint64_t pc, const struct mode_table *table,
                  uint32_t samples);
/* Code in these pages has changed. */
void compiler_make_stale(struct compiler *c, uint64_t first_page, uint64_t last_page);
/* Drops jobs that nobody has begun with and that are not needed any more. */
void compiler_drop(struct compiler *c, struct interp *ip,
                   bool (*is_needed)(struct interp *ip, const struct job *job));

/* These need no lock, and may be late. */
bool compiler_has_done(const struct compiler *c);
bool compiler_is_full(const struct compiler *c); /* or there is no module */
/* What a region of so many instructions takes. */
uint64_t compiler_cost_us(const struct compiler *c, uint32_t ninsns);

struct jit_counts compiler_counts(struct compiler *c);

#endif
