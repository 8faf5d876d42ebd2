/* jit.c - when regions are compiled: samples, requests, what is done with the result. */
#include "interp/jit.h"
#include "interp/compiler.h"
#include "interp/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isa/space.h"
#include "isa/trace.h"

enum {
    HEAD_SAMPLES = 4,      /* nearby, that make the last one the head of a region ... */
    AGAIN_SAMPLES = 32,    /* ... of its own, though one has it already */
    MAX_SAMPLES = 1 << 15, /* after so many they count half */
    TARGET_SAMPLES = 2,    /* of an indirect jump, before its target is likely */
};

/* ----------------------------------------------------------------------- the start */

struct jit *jit_new(void)
{
    return calloc(1, sizeof(struct jit));
}

void jit_start(struct interp *ip)
{
    struct jit *jit = ip->jit;
    struct keeper *keeper;

    if (!jit || jit->compiler || jit->is_off)
        return;
    keeper = cached_keeper(ip);
    jit->compiler = compiler_new(ip, keeper, NULL);
    if (!jit->compiler)
        keeper_release(keeper);
    if (!jit->compiler || !compiler_start(jit->compiler, !jit_options.threshold))
        jit->is_off = true;
}

/* ------------------------------------------------------------------------ requests */

/* Loads what was compiled, and keeps it for the cache.  What went wrong, or NULL. */
static const char *load_job(struct interp *ip, struct job *job)
{
    if (job->is_stale)
        return job->why[0] ? job->why : "its code has changed meanwhile";
    cached_keep(ip, job);
    return loaded_add(ip, job) ? NULL : "no room for code";
}

static void finish(struct interp *ip, struct job *job)
{
    const char *why = load_job(ip, job);

    if (why)
        told_failed(ip, job, why);
    compiler_release(ip->jit->compiler, job);
}

/* Whether regions that were loaded meanwhile do not do for it.  Where blocks are counted
 * each asks once. */
static bool is_needed(struct interp *ip, const struct job *job)
{
    struct mode_table *mode = ip->mode;
    bool needed = false;

    ip->mode = job->table;
    if (!loaded_is_entry(ip, job->request.base)) {
        needed = job->is_again || jit_options.threshold;
        for (uint32_t i = 0; i < job->request.ninsns && !needed; i++)
            needed = !loaded_has(ip, job->request.insns[i].pc);
    }
    ip->mode = mode;
    return needed;
}

/* Unless it has to wait for room: then it is done later, and false. */
static bool try_finish(struct interp *ip, struct job *job)
{
    struct jit *jit = ip->jit;

    if (!job->is_stale && !loaded_has_room(jit, job->code.size) &&
        jit->room == ROOM_EVICT) {
        compiler_put_back(jit->compiler, job);
        return false;
    }
    finish(ip, job);
    return true;
}

/* While room is made the jobs are the compiler's: others may make them stale. */
static void finish_done(struct interp *ip)
{
    struct compiler *c = ip->jit->compiler;
    struct job *job;

    while ((job = compiler_take(c)))
        if (!try_finish(ip, job))
            room_make(ip);
    compiler_drop(c, ip, is_needed);
}

static struct sample *sample_at(struct interp *ip, uint64_t pc)
{
    return &ip->jit->samples[block_hash(block_key(pc, ip->mode)) % SAMPLES];
}

/* How often an instruction of a region was seen; NULL: never, or it is a copy. */
static uint32_t *seen_at(struct interp *ip, const struct region_insn *insn)
{
    struct sample *s = sample_at(ip, insn->pc);

    return insn->return_insn == REGION_NONE && s->pc == insn->pc && s->table == ip->mode
               ? &s->count
               : NULL;
}

/* How many samples were in it. */
static uint32_t heat_of(struct interp *ip, const struct job *job)
{
    uint32_t samples = 0;

    for (uint32_t i = 0; i < job->request.ninsns; i++) {
        const uint32_t *seen = seen_at(ip, &job->request.insns[i]);

        samples += seen ? *seen : 0;
    }
    return samples;
}

/* Those samples do not count again. */
static void forget_samples(struct interp *ip, const struct job *job)
{
    for (uint32_t i = 0; i < job->request.ninsns; i++) {
        uint32_t *seen = seen_at(ip, &job->request.insns[i]);

        if (seen)
            *seen = 0;
    }
}

/* Whether the code has taken half the time that compiling it would: code that has run for
 * long is likely to run as long again.  Twice the time in machines: what a boot does for
 * long it seldom does again, unless the next one finds it in the cache. */
static bool is_worth(struct interp *ip, const struct job *job)
{
    uint64_t cost = compiler_cost_us(ip->jit->compiler, job->request.ninsns);

    bool is_once = RHEA_TLB && !jit_options.cache;

    return jit_options.threshold ||
           (uint64_t)job->heat * SAMPLE_US >= (is_once ? cost * 2 : cost / 2);
}

static void request(struct interp *ip, uint64_t pc)
{
    struct jit *jit = ip->jit;
    struct job *job;

    if (jit->is_off || !jit->compiler || compiler_is_full(jit->compiler) ||
        ip->mode->kind || ip->cpu->stops)
        return;
    job = collect(ip, pc, NULL);
    if (!job)
        return;
    job->heat = heat_of(ip, job);
    job->is_again = loaded_has(ip, pc);
    if (!is_worth(ip, job)) {
        job_free(job);
        return;
    }
    forget_samples(ip, job);
    if (jit_options.sync) {
        compiler_run(jit->compiler, job);
        ip->cpu->kick |= !try_finish(ip, job);
    } else if (!compiler_add(jit->compiler, job)) {
        job_free(job);
    }
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
    if (loaded_note_sample(ip, pc)) {
        ip->jit->counts.inside++;
        return;
    }
    count = note_sample(ip, pc, &is_head);
    if (!is_head || compiler_has(ip->jit->compiler, pc, ip->mode, HEAD_SAMPLES))
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
    bool is_sampled = self->is_sampled, has_done = c && compiler_has_done(c);

    if (!is_sampled && !has_done && !__atomic_load_n(&jit->room, __ATOMIC_RELAXED))
        return;
    self->is_sampled = false;
    interp_take(self);
    if (is_sampled) {
        jit->counts.in_tier[tier_of(self->ip, left_from)]++;
        note_jump(self->ip, left_from, self->cpu->pc);
    }
    if (jit->room)
        room_make(self->ip);
    if (has_done)
        finish_done(self->ip);
    if (is_sampled)
        take_sample(self->ip, self->cpu->pc);
    interp_give(self);
}

bool jit_invalidate(struct interp *ip, uint64_t first, uint64_t last)
{
    if (!ip->jit)
        return false;
    if (ip->jit->compiler)
        compiler_make_stale(ip->jit->compiler, first, last);
    return loaded_invalidate(ip, first, last);
}

/* What is on its way would have pages that no block tells of. */
void jit_flush(struct interp *ip)
{
    loaded_flush(ip);
    if (ip->jit->compiler)
        compiler_make_stale(ip->jit->compiler, 0, UINT64_MAX);
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
        compiler_make_stale(ip->jit->compiler, 0, UINT64_MAX);
    interp_resume(ip);
}

/* ------------------------------------------------------------------------- the end */

void jit_free(struct jit *jit)
{
    if (!jit)
        return;
    if (jit->compiler)
        compiler_end(jit->compiler);
    cached_free(jit);
    loaded_free(jit);
    free(jit);
}

static struct compiler *compiler_of(struct interp_cpu *self)
{
    struct jit *jit = interp_take(self)->jit;
    struct compiler *c = jit ? jit->compiler : NULL;

    interp_give(self);
    return c;
}

/* Memory for code may be the child's, too. */
static void note_child(struct interp_cpu *self)
{
    struct jit *jit = interp_take(self)->jit;

    if (jit)
        jit->has_children = true;
    interp_give(self);
}

void jit_threads(struct interp_cpu *self, enum engine_threads what)
{
    struct compiler *c = compiler_of(self);

    if (what == THREADS_FORK || what == THREADS_EXEC)
        note_child(self);
    if (!c)
        return;
    switch (what) {
    case THREADS_FORK:
        self->is_holding = true;
        compiler_hold(c);
        break;
    case THREADS_GO:
        if (self->is_holding)
            compiler_let_go(c);
        self->is_holding = false;
        break;
    case THREADS_END: compiler_stop(c); break;
    case THREADS_START: compiler_go_on(c); break;
    default: break;
    }
}

/* The threads are the parent's; what they were at is lost, and memory that they had
 * taken, too.  One that did not come to rest in time may have left anything behind. */
void jit_forked(struct jit *jit)
{
    if (!jit)
        return;
    jit->is_inherited = jit->memory.write != NULL;
    jit->has_children = false;
    if (jit->compiler && compiler_was_at_work(jit->compiler))
        jit->is_off = true;
    jit->compiler = NULL;
    cached_forked(jit);
}

/* What is done, as far as there is room. */
static void keep_done(struct interp *ip)
{
    struct job *job;

    while ((job = compiler_take(ip->jit->compiler)) && try_finish(ip, job))
        ;
}

void jit_leaving(struct interp_cpu *self)
{
    struct jit *jit = self->ip->jit;

    if (!jit)
        return;
    if (jit->compiler && compiler_has_done(jit->compiler)) {
        interp_take(self);
        keep_done(self->ip);
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
    struct jit_counts n = jit->compiler ? compiler_counts(jit->compiler) : jit->counts;
    struct cached_counts cached = cached_counts(jit);
    char text[160];

    snprintf(text, sizeof text, "jit: %llu samples, %llu of them at entries of regions",
             (unsigned long long)jit->counts.samples,
             (unsigned long long)jit->counts.inside);
    line(text);
    if (jit->counts.samples)
        report_tiers(&jit->counts, line);
    snprintf(
        text, sizeof text,
        "jit: %llu regions of %llu instructions, %llu bytes, %llu not compiled, %llu "
        "dropped, %llu of them for others",
        (unsigned long long)n.regions, (unsigned long long)n.insns,
        (unsigned long long)n.bytes, (unsigned long long)n.failed,
        (unsigned long long)jit->counts.dropped, (unsigned long long)jit->counts.evicted);
    line(text);
    snprintf(text, sizeof text,
             "jit: compiled for %llu ms, %llu us an instruction, by %u threads, %llu not "
             "needed any more",
             (unsigned long long)(n.compile_ns / 1000000),
             (unsigned long long)(n.insns ? n.compile_ns / 1000 / n.insns : 0), n.threads,
             (unsigned long long)n.unneeded);
    line(text);
    report_templates(ip->template, line);
    snprintf(text, sizeof text,
             "jit: %llu regions from the cache, %llu not as they were, %llu for it",
             (unsigned long long)cached.loaded, (unsigned long long)cached.different,
             (unsigned long long)cached.kept);
    line(text);
    count_report(ip, line);
}
