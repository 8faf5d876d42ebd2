/* compiler.c - the queue of jobs, and the threads. */
#include "interp/compiler.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/host.h"
#include "isa/space.h"

enum {
    IDLE_US = 20000,   /* between samples, while nothing runs */
    LOAD_US = 5000,    /* what it takes to load the module, */
    REGION_US = 3000,  /* ... to compile a region, */
    INSN_US = 150,     /* ... and an instruction, ... */
    KNOWN_INSNS = 100, /* ... until there were as many */
    USUAL_THREADS = 4, /* at most, unless somebody says how many */
    HOLD_US = 500000,  /* that a fork waits at most, ... */
    LOOK_US = 100,     /* ... and looks again */
};

/* What the threads share.  They may outlive the guest's CPUs. */
struct compiler {
    struct host_lock *lock;      /* of what follows */
    struct job *queue;           /* nobody has begun with these; the newest first */
    struct job *working;         /* each by one thread */
    struct job *done;            /* the newest first */
    unsigned nqueue;             /* atomic, too: whoever reads it without the lock */
    unsigned nworking, nresting; /* of them, those that wait until nobody holds them */
    unsigned held;
    unsigned nthreads, nidle; /* that compile; of them, those that wait for a job */
    unsigned max_threads;
    unsigned users; /* the threads, and the jit */
    bool is_ending, is_stopping, is_sampling, wants_samples;
    bool is_loading;             /* the module */
    bool is_awaited;             /* somebody waits for what is done */
    bool has_done;               /* atomic, too */
    bool has_no_module;          /* atomic, too */
    uint32_t region_us, insn_us; /* atomic, too: what it takes to compile them */
    const struct region_compiler *module;
    struct jit_counts counts;
    struct interp *ip;     /* of the sampler, while not is_ending */
    struct space *space;   /* its lock guards the list of CPUs */
    struct keeper *keeper; /* of what is compiled, or NULL */
};

/* Of a field that is written with the lock, and read without it. */
#define SET(field, value) __atomic_store_n(&(field), value, __ATOMIC_RELAXED)
#define GET(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

/* ---------------------------------------------------------------------- the jobs */

static void put_job(struct job **list, struct job *job)
{
    job->next = *list;
    *list = job;
}

static struct job *take_job(struct job **at)
{
    struct job *job = *at;

    *at = job->next;
    job->next = NULL;
    return job;
}

static struct job *take_queued(struct compiler *c, struct job **at)
{
    SET(c->nqueue, c->nqueue - 1);
    return take_job(at);
}

/* The hottest, of those the oldest. */
static struct job *take_hottest(struct compiler *c)
{
    struct job **best = &c->queue;

    for (struct job **at = best; *at; at = &(*at)->next)
        if ((*at)->heat >= (*best)->heat)
            best = at;
    return take_queued(c, best);
}

static void remove_job(struct job **list, const struct job *job)
{
    while (*list != job)
        list = &(*list)->next;
    take_job(list);
}

void compiler_release(struct compiler *c, struct job *job)
{
    if (job->code.code)
        c->module->release(&job->code);
    job_free(job);
}

static void release_all(struct compiler *c, struct job *list)
{
    while (list)
        compiler_release(c, take_job(&list));
}

/* ------------------------------------------------------------------- the compiler */

/* One that used it does not any more.  Requires: the lock, which is given. */
static void leave(struct compiler *c)
{
    bool is_last = --c->users == 0;

    host_lock_wake(c->lock);
    host_lock_give(c->lock);
    if (!is_last)
        return;
    release_all(c, c->queue);
    release_all(c, c->done);
    keeper_release(c->keeper);
    host_lock_free(c->lock);
    free(c);
}

/* Requires: the lock, which is given meanwhile. */
static void load_module(struct compiler *c)
{
    const struct region_compiler *module;

    while (c->is_loading)
        host_lock_wait(c->lock);
    if (c->module || c->has_no_module)
        return;
    c->is_loading = true;
    host_lock_give(c->lock);
    module = host_load_module("rhea-llvm.so", "rhea_region_compiler");
    host_lock_take(c->lock);
    c->is_loading = false;
    if (module && module->version == REGION_VERSION)
        c->module = module;
    SET(c->has_no_module, !c->module);
    host_lock_wake(c->lock);
}

/* Requires: the lock. */
static void learn(struct compiler *c, const struct job *job, bool failed, uint64_t ns)
{
    struct jit_counts *n = &c->counts;

    n->failed += failed;
    n->regions += !failed;
    n->insns += failed ? 0 : job->request.ninsns;
    n->bytes += failed ? 0 : job->code.size;
    n->compile_ns += ns;
    SET(c->region_us, REGION_US);
    SET(c->insn_us, (uint32_t)((n->compile_ns / 1000 + KNOWN_INSNS * INSN_US) /
                               (n->insns + KNOWN_INSNS)));
}

/* Requires: the lock, which is given meanwhile. */
static void compile(struct compiler *c, struct job *job)
{
    uint64_t start = host_thread_time();
    int failed = -1;

    load_module(c);
    if (c->module) {
        host_lock_give(c->lock);
        failed = c->module->compile(&job->request, &job->code, job->why, sizeof job->why);
        host_lock_take(c->lock);
    } else {
        snprintf(job->why, sizeof job->why, COMPILER_NO_MODULE);
    }
    if (failed)
        job->is_stale = true;
    else
        job->why[0] = '\0';
    learn(c, job, failed != 0, host_thread_time() - start);
}

/* Requires: the lock. */
static void compile_next(struct compiler *c)
{
    struct job *job = take_hottest(c);

    put_job(&c->working, job);
    c->nworking++;
    if (!job->is_stale)
        compile(c, job);
    c->nworking--;
    remove_job(&c->working, job);
    put_job(&c->done, job);
    SET(c->has_done, true);
    if (c->is_awaited)
        host_lock_wake(c->lock);
}

/* struct region_request's. */
static void rest(void *context)
{
    struct compiler *c = context;

    host_lock_take(c->lock);
    c->nresting++;
    while (c->held)
        host_lock_wait(c->lock);
    c->nresting--;
    host_lock_give(c->lock);
}

static void compile_all(void *context)
{
    struct compiler *c = context;

    host_thread_own_files();
    host_lock_take(c->lock);
    while (!c->is_ending && !c->is_stopping) {
        if (keeper_has_work(c->keeper)) {
            host_lock_give(c->lock);
            keeper_work(c->keeper);
            host_lock_take(c->lock);
        } else if (c->queue && !c->held) {
            compile_next(c);
        } else {
            c->nidle++;
            host_lock_wait(c->lock);
            c->nidle--;
        }
    }
    c->nthreads--;
    leave(c);
}

/* -------------------------------------------------------------------- the sampler */

/* Kicks all CPUs that run.  false: none does. */
static bool kick_all(struct compiler *c)
{
    bool any = false;

    space_lock(c->space);
    for (struct interp_cpu *cpu = c->ip->cpus; cpu; cpu = cpu->next)
        if (cpu->is_running && !cpu->is_replaying) {
            cpu->is_sampled = true;
            cpu->cpu->kick = 1;
            any = true;
        }
    space_unlock(c->space);
    return any;
}

static void sample_all(void *context)
{
    struct compiler *c = context;
    unsigned period = SAMPLE_US;
    bool is_ending = false;

    while (!is_ending) {
        host_sleep_us(period);
        host_lock_take(c->lock);
        is_ending = c->is_ending || c->is_stopping;
        if (keeper_has_work(c->keeper))
            host_lock_wake(c->lock);
        host_lock_give(c->lock);
        if (!is_ending)
            period = kick_all(c)            ? SAMPLE_US
                     : period * 2 > IDLE_US ? IDLE_US
                                            : period * 2;
    }
    host_lock_take(c->lock);
    c->is_sampling = false;
    leave(c);
}

/* -------------------------------------------------------------- beginning and end */

/* One core is the guest's; more than a few threads would seldom have something to do. */
static unsigned choose_threads(void)
{
    unsigned spare = host_cpus() - 1;

    if (jit_options.threads)
        return jit_options.threads;
    return spare < 1 ? 1 : spare > USUAL_THREADS ? USUAL_THREADS : spare;
}

struct compiler *compiler_new(struct interp *ip, struct keeper *keeper,
                              const struct region_compiler *module)
{
    struct compiler *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->lock = host_lock_new();
    if (!c->lock) {
        free(c);
        return NULL;
    }
    c->ip = ip;
    c->space = ip->cpu->space;
    c->keeper = keeper;
    c->module = module;
    c->users = 1;
    c->max_threads = choose_threads();
    c->region_us = LOAD_US + REGION_US;
    c->insn_us = INSN_US;
    return c;
}

/* Requires: the lock. */
static bool start_thread(struct compiler *c, void (*fn)(void *))
{
    if (host_thread_start(fn, c, HOST_LARGE_STACK))
        return false;
    c->users++;
    return true;
}

/* Requires: the lock.  false: there is none. */
static bool start_compiling(struct compiler *c)
{
    if (c->nthreads < c->max_threads && !c->is_stopping && start_thread(c, compile_all))
        c->nthreads++;
    if (c->nthreads > c->counts.threads)
        c->counts.threads = c->nthreads;
    return c->nthreads > 0;
}

/* Requires: the lock. */
static bool start_all(struct compiler *c)
{
    bool ok = jit_options.sync || start_compiling(c);

    if (ok && c->wants_samples)
        ok = c->is_sampling = start_thread(c, sample_all);
    return ok;
}

bool compiler_start(struct compiler *c, bool samples)
{
    bool ok;

    host_lock_take(c->lock);
    c->wants_samples = samples;
    ok = start_all(c);
    host_lock_give(c->lock);
    return ok;
}

void compiler_end(struct compiler *c)
{
    host_lock_take(c->lock);
    c->is_ending = true;
    host_lock_wake(c->lock);
    while (c->is_sampling)
        host_lock_wait(c->lock);
    leave(c);
}

bool compiler_has_module(struct compiler *c)
{
    bool has;

    host_lock_take(c->lock);
    load_module(c);
    has = c->module != NULL;
    host_lock_give(c->lock);
    return has;
}

bool compiler_was_at_work(const struct compiler *c)
{
    return c->nworking > c->nresting;
}

void compiler_hold(struct compiler *c)
{
    host_lock_take(c->lock);
    c->held++;
    for (unsigned us = 0; compiler_was_at_work(c) && us < HOLD_US; us += LOOK_US) {
        host_lock_give(c->lock);
        host_sleep_us(LOOK_US);
        host_lock_take(c->lock);
    }
    host_lock_give(c->lock);
}

void compiler_let_go(struct compiler *c)
{
    host_lock_take(c->lock);
    c->held--;
    host_lock_wake(c->lock);
    host_lock_give(c->lock);
}

void compiler_stop(struct compiler *c)
{
    host_lock_take(c->lock);
    c->is_stopping = true;
    host_lock_wake(c->lock);
    while (c->nthreads || c->is_sampling)
        host_lock_wait(c->lock);
    host_lock_give(c->lock);
    for (unsigned us = 0; host_threads() > 1 && us < HOLD_US; us += LOOK_US)
        host_sleep_us(LOOK_US); /* they have left, but the kernel may not know */
}

void compiler_go_on(struct compiler *c)
{
    host_lock_take(c->lock);
    c->is_stopping = false;
    start_all(c);
    host_lock_give(c->lock);
}

/* ------------------------------------------------------------------------ requests */

static bool has_request(const struct job *job, const struct job *other)
{
    for (; job; job = job->next)
        if (!job->is_stale && job->table == other->table &&
            job->request.base == other->request.base)
            return true;
    return false;
}

bool compiler_add(struct compiler *c, struct job *job)
{
    bool is_new;

    host_lock_take(c->lock);
    is_new = c->nqueue < MAX_QUEUE && !has_request(c->queue, job) &&
             !has_request(c->working, job) && !has_request(c->done, job);
    if (is_new) {
        job->request.rest = rest;
        job->request.context = c;
        put_job(&c->queue, job);
        SET(c->nqueue, c->nqueue + 1);
        if (c->nqueue > c->nidle)
            start_compiling(c);
        host_lock_wake(c->lock);
    }
    host_lock_give(c->lock);
    return is_new;
}

void compiler_run(struct compiler *c, struct job *job)
{
    host_lock_take(c->lock);
    compile(c, job);
    host_lock_give(c->lock);
}

/* The oldest.  Requires: the lock. */
static struct job *take_done(struct compiler *c)
{
    struct job **at = &c->done, *job;

    while (*at && (*at)->next)
        at = &(*at)->next;
    job = *at ? take_job(at) : NULL;
    SET(c->has_done, c->done != NULL);
    return job;
}

struct job *compiler_take(struct compiler *c)
{
    struct job *job;

    host_lock_take(c->lock);
    job = take_done(c);
    host_lock_give(c->lock);
    return job;
}

struct job *compiler_wait(struct compiler *c)
{
    struct job *job;

    host_lock_take(c->lock);
    while (!c->done && c->nthreads && (c->queue || c->working)) {
        c->is_awaited = true;
        host_lock_wait(c->lock);
    }
    c->is_awaited = false;
    job = take_done(c);
    host_lock_give(c->lock);
    return job;
}

void compiler_put_back(struct compiler *c, struct job *job)
{
    host_lock_take(c->lock);
    put_job(&c->done, job);
    SET(c->has_done, true);
    host_lock_give(c->lock);
}

static bool has_insn(const struct job *job, uint64_t pc)
{
    for (uint32_t i = 0; i < job->request.ninsns; i++)
        if (job->request.insns[i].pc == pc)
            return true;
    return false;
}

static struct job *find(struct job *job, uint64_t pc, const struct mode_table *table)
{
    while (job && (job->is_stale || job->table != table || !has_insn(job, pc)))
        job = job->next;
    return job;
}

bool compiler_has(struct compiler *c, uint64_t pc, const struct mode_table *table,
                  uint32_t samples)
{
    struct job *job;
    bool found;

    host_lock_take(c->lock);
    job = find(c->queue, pc, table);
    if (job)
        job->heat += samples;
    found = job || find(c->working, pc, table) || find(c->done, pc, table);
    host_lock_give(c->lock);
    return found;
}

static void make_stale(struct job *job, uint64_t first, uint64_t last)
{
    for (; job; job = job->next)
        for (uint32_t i = 0; i < job->npages; i++)
            if (job->pages[i] >= first && job->pages[i] <= last)
                job->is_stale = true;
}

void compiler_make_stale(struct compiler *c, uint64_t first, uint64_t last)
{
    host_lock_take(c->lock);
    make_stale(c->queue, first, last);
    make_stale(c->working, first, last);
    make_stale(c->done, first, last);
    host_lock_give(c->lock);
}

void compiler_drop(struct compiler *c, struct interp *ip,
                   bool (*is_needed)(struct interp *ip, const struct job *job))
{
    struct job **at = &c->queue;

    host_lock_take(c->lock);
    while (*at)
        if (is_needed(ip, *at)) {
            at = &(*at)->next;
        } else {
            job_free(take_queued(c, at));
            c->counts.unneeded++;
        }
    host_lock_give(c->lock);
}

/* ------------------------------------------------------------------- what is asked */

bool compiler_has_done(const struct compiler *c)
{
    return GET(c->has_done);
}

bool compiler_is_full(const struct compiler *c)
{
    return GET(c->has_no_module) || GET(c->nqueue) >= MAX_QUEUE;
}

uint64_t compiler_cost_us(const struct compiler *c, uint32_t ninsns)
{
    return GET(c->region_us) + (uint64_t)GET(c->insn_us) * ninsns;
}

struct jit_counts compiler_counts(struct compiler *c)
{
    struct jit_counts counts;

    host_lock_take(c->lock);
    counts = c->counts;
    host_lock_give(c->lock);
    return counts;
}
