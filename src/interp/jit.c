/* jit.c - when regions are compiled, and by whom. */
#include "interp/jit.h"
#include "interp/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isa/space.h"
#include "isa/trace.h"

enum {
    PERIOD_US = 1000,      /* between samples */
    IDLE_US = 20000,       /* ... while nothing runs */
    HEAD_SAMPLES = 4,      /* nearby, that make the last one the head of a region ... */
    AGAIN_SAMPLES = 32,    /* ... of its own, though one has it already */
    MAX_SAMPLES = 1 << 15, /* after so many they count half */
    MAX_QUEUE = 64,
    TARGET_SAMPLES = 2, /* of an indirect jump, before its target is likely */
    LOAD_US = 5000,     /* what it takes to load the module, */
    REGION_US = 3000,   /* ... to compile a region, */
    INSN_US = 150,      /* ... and an instruction, ... */
    KNOWN_INSNS = 100,  /* ... until there were as many */
};

/* What the threads share.  They may outlive the guest's CPUs. */
struct compiler {
    struct host_lock *lock; /* of what follows */
    struct job *queue, *done;
    unsigned nqueue;
    struct job *working;
    bool is_ending, is_sampling;
    volatile bool has_done, has_no_module;
    volatile uint32_t region_us, insn_us; /* what it takes to compile them */
    unsigned users;                       /* the threads, and the jit */
    const struct region_compiler *module;
    struct interp *ip;   /* of the sampler, while not is_ending */
    struct space *space; /* its lock guards the list of CPUs */
    struct jit_counts counts;
    struct keeper *keeper; /* of what is compiled, or NULL */
};

/* ------------------------------------------------------------------- the compiler */

static void release_compiler(struct compiler *c)
{
    unsigned users;

    host_lock_take(c->lock);
    users = --c->users;
    host_lock_give(c->lock);
    if (users)
        return;
    keeper_release(c->keeper);
    host_lock_free(c->lock);
    free(c);
}

static void learn_cost(struct compiler *c)
{
    uint64_t spent_us = c->counts.compile_ns / 1000;

    c->region_us = REGION_US;
    c->insn_us =
        (uint32_t)((spent_us + KNOWN_INSNS * INSN_US) / (c->counts.insns + KNOWN_INSNS));
}

/* Needs nothing taken. */
static void compile(struct compiler *c, struct job *job)
{
    uint64_t start = host_thread_time();
    int failed = -1;

    if (!c->module)
        c->module = host_load_module("rhea-llvm.so", "rhea_region_compiler");
    if (c->module && c->module->version != REGION_VERSION)
        c->module = NULL;
    c->has_no_module = !c->module;
    if (!c->module)
        snprintf(job->why, sizeof job->why, "rhea-llvm.so is not there, or another's");
    if (c->module)
        failed = c->module->compile(&job->request, &job->code, job->why, sizeof job->why);
    if (failed) {
        job->is_stale = true;
        c->counts.failed++;
    } else {
        c->counts.regions++;
        c->counts.insns += job->request.ninsns;
        c->counts.bytes += job->code.size;
    }
    c->counts.compile_ns += host_thread_time() - start;
    learn_cost(c);
}

/* The first job of the queue.  Requires: the lock. */
static void compile_next(struct compiler *c)
{
    struct job *job = c->queue;

    c->queue = job->next;
    c->nqueue--;
    job->next = NULL;
    c->working = job;
    host_lock_give(c->lock);
    compile(c, job);
    host_lock_take(c->lock);
    c->working = NULL;
    job->next = c->done;
    c->done = job;
    c->has_done = true;
}

static void compile_all(void *context)
{
    struct compiler *c = context;

    host_thread_own_files();
    host_lock_take(c->lock);
    while (!c->is_ending) {
        if (keeper_has_work(c->keeper)) {
            host_lock_give(c->lock);
            keeper_work(c->keeper);
            host_lock_take(c->lock);
        } else if (c->queue) {
            compile_next(c);
        } else {
            host_lock_wait(c->lock);
        }
    }
    host_lock_give(c->lock);
    release_compiler(c);
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
    unsigned period = PERIOD_US;
    bool is_ending = false;

    while (!is_ending) {
        host_sleep_us(period);
        host_lock_take(c->lock);
        is_ending = c->is_ending;
        if (keeper_has_work(c->keeper))
            host_lock_wake(c->lock);
        host_lock_give(c->lock);
        if (!is_ending)
            period = kick_all(c)            ? PERIOD_US
                     : period * 2 > IDLE_US ? IDLE_US
                                            : period * 2;
    }
    host_lock_take(c->lock);
    c->is_sampling = false;
    host_lock_wake(c->lock);
    host_lock_give(c->lock);
    release_compiler(c);
}

/* ----------------------------------------------------------------------- the start */

struct jit *jit_new(void)
{
    return calloc(1, sizeof(struct jit));
}

static struct compiler *new_compiler(struct interp *ip)
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
    c->users = 1;
    c->region_us = LOAD_US + REGION_US;
    c->insn_us = INSN_US;
    return c;
}

static bool start_thread(struct compiler *c, void (*fn)(void *))
{
    c->users++;
    if (!host_thread_start(fn, c, HOST_LARGE_STACK))
        return true;
    c->users--;
    return false;
}

void jit_start(struct interp *ip)
{
    struct jit *jit = ip->jit;
    bool ok;

    if (!jit || jit->compiler || jit->is_off)
        return;
    jit->compiler = new_compiler(ip);
    ok = jit->compiler != NULL;
    if (ok)
        jit->compiler->keeper = cached_keeper(ip);
    if (ok && !jit_options.sync)
        ok = start_thread(jit->compiler, compile_all);
    if (ok && !jit_options.threshold)
        ok = jit->compiler->is_sampling = start_thread(jit->compiler, sample_all);
    if (!ok)
        jit->is_off = true;
}

/* ------------------------------------------------------------------------ requests */

/* Loads what was compiled, and keeps it for the cache.  What went wrong, or NULL. */
static const char *load_job(struct interp *ip, struct job *job)
{
    if (job->is_stale)
        return job->code.code ? "its code has changed meanwhile" : job->why;
    cached_keep(ip, job);
    if (loaded_add(ip, job))
        return NULL;
    ip->jit->is_off = true;
    return "no room for code";
}

static void finish(struct interp *ip, struct job *job)
{
    const char *why = load_job(ip, job);

    if (why)
        told_failed(ip, job, why);
    if (job->code.code)
        ip->jit->compiler->module->release(&job->code);
    job_free(job);
}

static void finish_done(struct interp *ip)
{
    struct compiler *c = ip->jit->compiler;
    struct job *job;

    host_lock_take(c->lock);
    job = c->done;
    c->done = NULL;
    c->has_done = false;
    host_lock_give(c->lock);
    while (job) {
        struct job *next = job->next;

        finish(ip, job);
        job = next;
    }
}

static void add_job(struct compiler *c, struct job *job)
{
    struct job **at;

    host_lock_take(c->lock);
    for (at = &c->queue; *at; at = &(*at)->next)
        ;
    *at = job;
    c->nqueue++;
    host_lock_wake(c->lock);
    host_lock_give(c->lock);
}

static struct sample *sample_at(struct interp *ip, uint64_t pc)
{
    return &ip->jit->samples[block_hash(block_key(pc, ip->mode)) % SAMPLES];
}

/* What was seen at an instruction of a region; of a copy of one: nothing. */
static uint32_t *seen_at(struct interp *ip, const struct region_insn *insn)
{
    static uint32_t nothing;
    struct sample *s = sample_at(ip, insn->pc);

    nothing = 0;
    return insn->return_insn == REGION_NONE && s->pc == insn->pc && s->table == ip->mode
               ? &s->count
               : &nothing;
}

/* Whether the code has taken half the time that compiling it would: code that has run for
 * long is likely to run as long again.  Those samples do not count again then. */
static bool is_worth(struct interp *ip, const struct job *job)
{
    const struct compiler *c = ip->jit->compiler;
    uint64_t cost = c->region_us + (uint64_t)c->insn_us * job->request.ninsns;
    uint64_t samples = 0;
    bool is;

    for (uint32_t i = 0; i < job->request.ninsns; i++)
        samples += *seen_at(ip, &job->request.insns[i]);
    is = samples * PERIOD_US >= cost / 2;
    for (uint32_t i = 0; is && i < job->request.ninsns; i++)
        *seen_at(ip, &job->request.insns[i]) = 0;
    return is;
}

static void request(struct interp *ip, uint64_t pc)
{
    struct jit *jit = ip->jit;
    struct job *job;

    if (jit->is_off || !jit->compiler || jit->compiler->has_no_module || ip->mode->kind ||
        ip->cpu->stops || jit->compiler->nqueue >= MAX_QUEUE)
        return;
    job = collect(ip, pc);
    if (!job)
        return;
    if (!jit_options.threshold && !is_worth(ip, job)) {
        job_free(job);
        return;
    }
    if (!jit_options.sync) {
        add_job(jit->compiler, job);
        return;
    }
    compile(jit->compiler, job);
    finish(ip, job);
}

void jit_hot(struct interp *ip, uint64_t pc)
{
    if (ip->jit && jit_options.threshold && !loaded_is_entry(ip, pc))
        request(ip, pc);
}

/* ------------------------------------------------------------------------- samples */

static void age_samples(struct jit *jit)
{
    for (unsigned i = 0; i < SAMPLES; i++)
        jit->samples[i].count /= 2;
    jit->nsamples = 0;
}

/* How often the CPU was seen at pc; *is_head: it was seen nearby often enough. */
static uint32_t note_sample(struct interp *ip, uint64_t pc, bool *is_head)
{
    struct jit *jit = ip->jit;
    struct sample *s = sample_at(ip, pc);
    uint64_t near = block_key(pc >> NEAR_SHIFT, ip->mode);

    if (++jit->nsamples == MAX_SAMPLES)
        age_samples(jit);
    if (s->pc != pc || s->table != ip->mode)
        *s = (struct sample){ pc, ip->mode, 0 };
    *is_head = ++jit->near[block_hash(near) % NEAR_SAMPLES] % HEAD_SAMPLES == 0;
    return ++s->count;
}

/* Whether one of the jobs has it. */
static bool have_insn(const struct job *job, uint64_t pc)
{
    for (; job; job = job->next)
        for (uint32_t i = 0; i < job->request.ninsns; i++)
            if (job->request.insns[i].pc == pc)
                return true;
    return false;
}

/* Whether a region that has it is being compiled. */
static bool is_coming(struct compiler *c, uint64_t pc)
{
    bool found;

    host_lock_take(c->lock);
    found =
        have_insn(c->queue, pc) || have_insn(c->working, pc) || have_insn(c->done, pc);
    host_lock_give(c->lock);
    return found;
}

static struct target *target_at(const struct interp *ip, uint64_t from)
{
    return &ip->jit->targets[block_hash(block_key(from, ip->mode)) % TARGETS];
}

bool jit_likely_target(const struct interp *ip, uint64_t pc, uint64_t *to)
{
    const struct target *t = target_at(ip, pc);

    *to = t->to;
    return t->from == pc && t->table == ip->mode && t->count >= TARGET_SAMPLES &&
           t->others <= t->count / 4;
}

/* The CPU was kicked when it jumped from `op` to `to`. */
static void note_jump(struct interp *ip, const struct op *op, uint64_t to)
{
    struct target *t;
    uint64_t from;

    if (!op || unit_of(ip, op) >= ip->stubs)
        return;
    if (!loaded_cell_pc(ip, op, &from))
        from = op_position(ip, op).pc;
    t = target_at(ip, from);
    if (t->from != from || t->table != ip->mode)
        *t = (struct target){ .from = from, .to = to, .table = ip->mode };
    if (t->to == to)
        t->count++;
    else
        t->others++;
}

static void take_sample(struct interp *ip, uint64_t pc)
{
    uint32_t count;
    bool is_head;

    ip->jit->counts.samples++;
    if (loaded_is_entry(ip, pc)) {
        ip->jit->counts.inside++;
        return;
    }
    count = note_sample(ip, pc, &is_head);
    if (!is_head || is_coming(ip->jit->compiler, pc))
        return;
    if (count >= AGAIN_SAMPLES || !loaded_has(ip, pc))
        request(ip, pc);
}

/* Cells of regions are in hidden blocks, and what regions leave to the interpreter is,
 * too: it was in the region when it was kicked, most likely. */
static enum tier tier_of(struct interp *ip, const struct op *op)
{
    uint32_t unit = op ? unit_of(ip, op) : UINT32_MAX;
    const struct block *block;

    if (unit >= ip->stubs)
        return TIER_INTERP;
    block = block_of(ip, unit);
    return block->is_dead                                              ? TIER_REGION
           : template_has(ip->template, ip->ops[block_unit(block)].fn) ? TIER_TEMPLATE
                                                                       : TIER_INTERP;
}

void jit_step(struct interp_cpu *self, const struct op *left_from)
{
    struct jit *jit = self->ip->jit;
    struct compiler *c = jit->compiler;
    bool is_sampled = self->is_sampled;

    if (!c || (!is_sampled && !c->has_done))
        return;
    self->is_sampled = false;
    interp_take(self);
    if (c->has_done)
        finish_done(self->ip);
    if (is_sampled) {
        jit->counts.in_tier[tier_of(self->ip, left_from)]++;
        note_jump(self->ip, left_from, self->cpu->pc);
        take_sample(self->ip, self->cpu->pc);
    }
    interp_give(self);
}

static void mark_stale(struct job *job, uint64_t first, uint64_t last)
{
    for (; job; job = job->next)
        for (uint32_t i = 0; i < job->npages; i++)
            if (job->pages[i] >= first && job->pages[i] <= last)
                job->is_stale = true;
}

static void make_stale(struct compiler *c, uint64_t first, uint64_t last)
{
    host_lock_take(c->lock);
    mark_stale(c->queue, first, last);
    mark_stale(c->working, first, last);
    mark_stale(c->done, first, last);
    host_lock_give(c->lock);
}

bool jit_invalidate(struct interp *ip, uint64_t first, uint64_t last)
{
    if (!ip->jit)
        return false;
    if (ip->jit->compiler)
        make_stale(ip->jit->compiler, first, last);
    return loaded_invalidate(ip, first, last);
}

/* What is on its way would have pages that no block tells of. */
void jit_flush(struct interp *ip)
{
    loaded_flush(ip);
    if (ip->jit->compiler)
        make_stale(ip->jit->compiler, 0, UINT64_MAX);
}

void jit_seen(struct interp *ip)
{
    if (!ip->is_unseen)
        return;
    ip->is_unseen = false;
    if (!ip->jit)
        return;
    interp_stop_others(ip);
    loaded_drop_unseen(ip);
    if (ip->jit->compiler)
        make_stale(ip->jit->compiler, 0, UINT64_MAX);
    interp_resume(ip);
}

/* ------------------------------------------------------------------------- the end */

static void end_compiler(struct jit *jit)
{
    struct compiler *c = jit->compiler;

    if (!c)
        return;
    host_lock_take(c->lock);
    c->is_ending = true;
    host_lock_wake(c->lock);
    while (c->is_sampling) /* it looks at the CPUs */
        host_lock_wait(c->lock);
    host_lock_give(c->lock);
    release_compiler(c);
    jit->compiler = NULL;
}

void jit_free(struct jit *jit)
{
    if (!jit)
        return;
    end_compiler(jit);
    cached_free(jit);
    loaded_free(jit);
    free(jit);
}

/* The threads are the parent's; what they were at is lost, and memory that they had
 * taken, too.  A compiler that was at work may have left anything behind. */
void jit_forked(struct jit *jit)
{
    if (!jit)
        return;
    jit->is_inherited = jit->memory.write != NULL;
    if (jit->compiler && jit->compiler->working)
        jit->is_off = true;
    jit->compiler = NULL;
    cached_forked(jit);
}

void jit_leaving(struct interp_cpu *self)
{
    struct jit *jit = self->ip->jit;

    if (!jit)
        return;
    if (jit->compiler && jit->compiler->has_done) {
        interp_take(self);
        finish_done(self->ip);
        interp_give(self);
    }
    cached_write(jit);
}

/* -------------------------------------------------------------------------- report */

static void report_tiers(const struct jit_counts *n, void (*line)(const char *text))
{
    double percent = 100.0 / (double)n->samples;
    char text[160];

    snprintf(text, sizeof text,
             "jit: of the samples %.1f%% in regions, %.1f%% in templates, %.1f%% in the "
             "interpreter",
             (double)n->in_tier[TIER_REGION] * percent,
             (double)n->in_tier[TIER_TEMPLATE] * percent,
             (double)n->in_tier[TIER_INTERP] * percent);
    line(text);
}

static void report_templates(const struct template *t, void (*line)(const char *text))
{
    struct template_counts n = template_counts(t);
    char text[160];

    snprintf(
        text, sizeof text,
        "jit: templates of %llu instructions made in %llu us, %.2f us an instruction",
        (unsigned long long)n.insns, (unsigned long long)n.ns / 1000,
        n.insns ? (double)n.ns / 1000 / (double)n.insns : 0);
    line(text);
}

void jit_report(const struct interp *ip, void (*line)(const char *text))
{
    const struct jit *jit = ip->jit;
    const struct compiler *c = jit->compiler;
    struct jit_counts n = c ? c->counts : jit->counts;
    struct cached_counts cached = cached_counts(jit);
    char text[160];
    uint32_t dead = 0;

    for (const struct loaded *region = jit->regions; region; region = region->next)
        dead += region->is_dead;
    snprintf(text, sizeof text, "jit: %llu samples, %llu of them at entries of regions",
             (unsigned long long)jit->counts.samples,
             (unsigned long long)jit->counts.inside);
    line(text);
    if (jit->counts.samples)
        report_tiers(&jit->counts, line);
    snprintf(text, sizeof text,
             "jit: %llu regions of %llu instructions, %llu bytes, %llu not compiled, %u "
             "dropped",
             (unsigned long long)n.regions, (unsigned long long)n.insns,
             (unsigned long long)n.bytes, (unsigned long long)n.failed, dead);
    line(text);
    snprintf(text, sizeof text, "jit: compiled for %llu ms, %llu us an instruction",
             (unsigned long long)(n.compile_ns / 1000000),
             (unsigned long long)(n.insns ? n.compile_ns / 1000 / n.insns : 0));
    line(text);
    report_templates(ip->template, line);
    snprintf(text, sizeof text,
             "jit: %llu regions from the cache, %llu not as they were, %llu for it",
             (unsigned long long)cached.loaded, (unsigned long long)cached.different,
             (unsigned long long)cached.kept);
    line(text);
    if (jit_options.exits)
        exits_report(ip, line);
}
