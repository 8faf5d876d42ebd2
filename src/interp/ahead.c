/* ahead.c - functions of files that are compiled though nothing runs, for `rhea cache
 * warm`.
 *
 * A function is what is reached from its start by direct edges and does not leave it.
 * Where that is more than a region takes, what the first region lacks begins further
 * ones.  Where a function jumps to places that it computes (tables of a switch) nobody
 * knows which: there everything up to its end is code, and what follows a jump is
 * entered.
 *
 * The thread that calls collects and keeps; others compile. */
#include "interp/compiler.h"

#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "isa/sem.h"

/* Places, each once, in the order in which they came. */
struct places {
    uint64_t *pcs;
    size_t count, room, next;
};

struct ahead {
    struct interp *ip;
    const struct ahead_code *code;
    const struct ahead_how *how;
    struct ahead_counts *counts;
    struct compiler *compiler;
    struct keeper *keeper;
    uint64_t room;                /* in the cache */
    struct ahead_function *known; /* all of them, by address */
    unsigned shift;               /* of addresses: a bit each in these two: */
    uint8_t *covered;             /* the bytes of instructions in regions */
    uint8_t *entered;             /* from other regions of the function */
    struct places calls;          /* that lead out of functions */
    uint64_t from, to;            /* of the function at hand: */
    struct places heads;          /* ... of its regions */
    struct job *jobs;             /* ... the newest first */
    bool is_computed;             /* ... it jumps to computed places */
    bool is_ending;
};

/* --------------------------------------------------------------------------- places */

static bool is_in(const struct ahead *a, uint64_t pc)
{
    return pc >= a->code->start && pc < a->code->end;
}

static bool has(const struct ahead *a, const uint8_t *bits, uint64_t pc)
{
    uint64_t at = (pc - a->code->start) >> a->shift;

    return bits[at / 8] >> at % 8 & 1;
}

static void set(const struct ahead *a, uint8_t *bits, uint64_t pc)
{
    uint64_t at = (pc - a->code->start) >> a->shift;

    bits[at / 8] |= (uint8_t)(1 << at % 8);
}

static void add_place(struct places *places, uint64_t pc)
{
    if (places->count == places->room) {
        size_t room = places->room ? 2 * places->room : 64;
        uint64_t *larger = realloc(places->pcs, room * sizeof *larger);

        if (!larger)
            return; /* it is not compiled, no more */
        places->pcs = larger;
        places->room = room;
    }
    places->pcs[places->count++] = pc;
}

/* ------------------------------------------------------------------------ compiling */

/* What it takes in the cache, about. */
static uint64_t size_of(const struct job *job)
{
    enum { ROW = 160, INSN = 9 };

    return ROW + job->code.size + (uint64_t)job->request.ninsns * INSN +
           job->code.ncells * sizeof(struct region_cell) +
           job->code.nentries * 2 * sizeof(struct region_entry);
}

static void keep(struct ahead *a, struct job *job)
{
    struct ahead_counts *counts = a->counts;

    if (job->is_stale) {
        counts->failed++;
    } else {
        counts->bytes += size_of(job);
        counts->is_full = counts->bytes >= a->room;
        if (!counts->is_full) {
            counts->regions++;
            counts->insns += job->request.ninsns;
            cached_keep(a->ip, job);
        }
    }
    compiler_release(a->compiler, job);
}

/* What the threads have done; waits, if it is to, until that is something.  Whether it
 * was. */
static bool keep_done(struct ahead *a, bool waits)
{
    struct job *job = waits ? compiler_wait(a->compiler) : compiler_take(a->compiler);
    bool any = job != NULL;

    for (; job; job = compiler_take(a->compiler))
        keep(a, job);
    keeper_work(a->keeper);
    a->is_ending |= a->counts->is_full || !a->how->goes_on(a->how->context, a->counts);
    return any;
}

static void submit(struct ahead *a, struct job *job)
{
    bool is_full;

    if (a->is_ending || cached_has(a->ip, job)) {
        a->counts->had += !a->is_ending;
        job_free(job);
        return;
    }
    if (!compiler_add(a->compiler, job))
        job_free(job); /* it is on its way: there is room */
    do {
        is_full = compiler_is_full(a->compiler);
        keep_done(a, is_full);
    } while (is_full && !a->is_ending);
}

static const char *start_compiler(struct ahead *a)
{
    a->compiler = compiler_new(a->ip, NULL, NULL);
    if (!a->compiler)
        return "no memory";
    if (!compiler_has_module(a->compiler))
        return COMPILER_NO_MODULE;
    return compiler_start(a->compiler, false) ? NULL : "no thread can be started";
}

/* What the threads are at is kept, what nobody has begun with is dropped. */
static void end_compiler(struct ahead *a)
{
    if (!a->compiler)
        return;
    compiler_stop(a->compiler);
    keep_done(a, false);
    compiler_end(a->compiler);
}

/* ------------------------------------------------------------------------ functions */

/* Of the function at hand, and not in one of its regions. */
static bool is_code(void *context, uint64_t pc)
{
    const struct ahead *a = context;

    return pc >= a->from && pc < a->to && !has(a, a->covered, pc);
}

/* An edge leads from a region to pc, which is in another one, or in none yet. */
static void note_edge(struct ahead *a, uint64_t pc, bool is_jump)
{
    if (pc >= a->from && pc < a->to) {
        set(a, a->entered, pc);
        add_place(&a->heads, pc);
    } else if (is_jump && is_in(a, pc) && !has(a, a->covered, pc)) {
        add_place(&a->calls, pc);
    }
}

/* Where an instruction of a region leads that is not in the region. */
static void note_edges(struct ahead *a, const struct job *job,
                       const struct region_insn *insn)
{
    const struct isa *isa = job->request.isa;
    const struct isa_variant *variant = &isa->variants[insn->variant];
    const struct sem *node = &isa->nodes[variant->body.first];
    uint64_t next = insn->pc + insn->ilen;

    if (insn->is_side ||
        (insn->next == REGION_NONE && sem_falls_through(isa, variant->body)))
        note_edge(a, next, false);
    for (unsigned i = 0; i < variant->body.count; i++, node++) {
        const struct region_slot *slot = &job->request.slots[insn->slot + node->a];

        if (node->op != S_GOTO)
            continue;
        if (node->x & GOTO_CALL)
            note_edge(a, next, false);
        if (!(node->x & GOTO_DIRECT))
            a->is_computed |= !(node->x & (GOTO_CALL | GOTO_RETURN));
        else if (slot->insn == REGION_NONE)
            note_edge(a, slot->value, true);
    }
}

/* Instructions of copied functions are not in the function. */
static bool is_own(const struct region_insn *insn)
{
    return insn->return_insn == REGION_NONE;
}

static void cover(struct ahead *a, const struct job *job)
{
    for (uint32_t i = 0; i < job->request.ninsns; i++) {
        const struct region_insn *insn = &job->request.insns[i];

        for (unsigned k = 0; is_own(insn) && k < insn->ilen; k++)
            if (is_in(a, insn->pc + k))
                set(a, a->covered, insn->pc + k);
    }
}

/* The regions whose heads are known, and those that these lead to. */
static void collect_heads(struct ahead *a)
{
    struct reach reach = { is_code, a };

    while (a->heads.next < a->heads.count) {
        uint64_t pc = a->heads.pcs[a->heads.next++];
        struct job *job = is_code(a, pc) ? collect(a->ip, pc, &reach) : NULL;

        if (!job) {
            set(a, a->covered, pc);
            continue;
        }
        cover(a, job);
        job->next = a->jobs;
        a->jobs = job;
        for (uint32_t i = 0; i < job->request.ninsns; i++)
            if (is_own(&job->request.insns[i]))
                note_edges(a, job, &job->request.insns[i]);
    }
}

/* What no region has of a function that jumps to computed places. */
static void collect_rest(struct ahead *a)
{
    for (uint64_t pc = a->from; pc < a->to; pc += (uint64_t)1 << a->shift)
        if (!has(a, a->covered, pc)) {
            add_place(&a->heads, pc);
            collect_heads(a);
        }
}

/* What follows an instruction that does not fall through is a place to be jumped to. */
static void enter_behind_jumps(struct ahead *a)
{
    for (const struct job *job = a->jobs; job; job = job->next)
        for (uint32_t i = 0; i < job->request.ninsns; i++) {
            const struct region_insn *insn = &job->request.insns[i];
            const struct isa_variant *variant =
                &job->request.isa->variants[insn->variant];
            uint64_t next = insn->pc + insn->ilen;

            if (is_own(insn) && is_in(a, next) &&
                !sem_falls_through(job->request.isa, variant->body))
                set(a, a->entered, next);
        }
}

static void submit_jobs(struct ahead *a)
{
    while (a->jobs) {
        struct job *job = a->jobs;

        a->jobs = job->next;
        for (uint32_t i = 0; i < job->request.ninsns; i++) {
            struct region_insn *insn = (struct region_insn *)&job->request.insns[i];

            insn->is_entry |= is_own(insn) && has(a, a->entered, insn->pc);
        }
        submit(a, job);
    }
}

/* Which function has pc; where nobody said that there is one, it may go on to the next.
 * Whether somebody did. */
static bool find_function(struct ahead *a, uint64_t pc)
{
    size_t low = 0, high = a->code->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (a->known[middle].pc <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    a->from = pc;
    a->to = low < a->code->count ? a->known[low].pc : a->code->end;
    if (!low || pc >= a->known[low - 1].end)
        return false;
    a->from = a->known[low - 1].pc;
    a->to = a->known[low - 1].end;
    return true;
}

/* The function that has pc, as far as it is reached from there. */
static void compile_at(struct ahead *a, uint64_t pc)
{
    bool is_known;

    if (!is_in(a, pc) || has(a, a->covered, pc))
        return;
    is_known = find_function(a, pc);
    a->is_computed = false;
    a->heads.count = a->heads.next = 0;
    add_place(&a->heads, pc);
    collect_heads(a);
    if (a->is_computed && is_known) {
        collect_rest(a);
        enter_behind_jumps(a);
    }
    submit_jobs(a);
}

static void compile_calls(struct ahead *a)
{
    while (a->calls.next < a->calls.count && !a->is_ending)
        compile_at(a, a->calls.pcs[a->calls.next++]);
}

static void compile_functions(struct ahead *a)
{
    for (size_t i = 0; i < a->code->count && !a->is_ending; i++) {
        if (i == a->code->first)
            compile_calls(a);
        compile_at(a, a->code->functions[i].pc);
        a->counts->functions = i + 1;
    }
    compile_calls(a);
    while (!a->is_ending && keep_done(a, true))
        ;
}

/* ------------------------------------------------------------------------------ all */

static int by_address(const void *left, const void *right)
{
    const struct ahead_function *l = left, *r = right;

    return (l->pc > r->pc) - (l->pc < r->pc);
}

/* a->known: no two of them overlap. */
static bool sort_functions(struct ahead *a)
{
    size_t count = a->code->count;

    a->known = malloc((count + 1) * sizeof *a->known);
    if (!a->known)
        return false;
    memcpy(a->known, a->code->functions, count * sizeof *a->known);
    qsort(a->known, count, sizeof *a->known, by_address);
    for (size_t i = 0; i < count; i++) {
        struct ahead_function *function = &a->known[i];

        if (function->end > a->code->end)
            function->end = a->code->end;
        if (i + 1 < count && function->end > function[1].pc)
            function->end = function[1].pc;
    }
    return true;
}

static const char *start(struct ahead *a)
{
    size_t bits;

    a->shift = jump_shift(a->ip->isa);
    bits = (size_t)((a->code->end - a->code->start) >> a->shift) + 1;
    a->covered = calloc(bits / 8 + 1, 1);
    a->entered = calloc(bits / 8 + 1, 1);
    if (!a->covered || !a->entered || !sort_functions(a))
        return "no memory";
    a->keeper = cached_keeper(a->ip);
    if (!a->keeper)
        return "there is no cache";
    a->room = cached_room(a->ip, a->code->start);
    a->counts->is_full = a->is_ending = !a->room;
    return start_compiler(a);
}

const char *ahead_compile(struct cpu *cpu, const struct ahead_code *code,
                          const struct ahead_how *how, struct ahead_counts *counts)
{
    struct interp_cpu *self = interp_of(cpu);
    struct ahead a = { .code = code, .how = how, .counts = counts };
    const char *why;

    if (!self->ip->jit)
        return "this guest's code is not compiled";
    mode_table_use(self, mode_table_get(self, interp_mode(self), 0));
    a.ip = interp_take(self);
    why = start(&a);
    if (!why)
        compile_functions(&a);
    end_compiler(&a);
    interp_give(self);
    cached_write(a.ip->jit);
    keeper_release(a.keeper);
    free(a.covered);
    free(a.entered);
    free(a.known);
    free(a.heads.pcs);
    free(a.calls.pcs);
    return why;
}
