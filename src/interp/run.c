/* run.c - the interpreter as an engine.
 *
 * A fault of the host in a handler is the guest's: host_fault() jumps back here, the op
 * published last says where, and the tree evaluator executes that instruction again with
 * every access checked, which tells the address exactly or shows that another thread has
 * mapped it meanwhile.  Not where it had written something already (load multiple): there
 * handlers say what they touch. */
#include "interp/interp.h"

#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "interp/fuse.h"
#include "interp/jit.h"
#include "interp/profile.h"
#include "interp/template.h"
#include "isa/eval_engine.h"
#include "isa/sem.h"
#include "isa/space.h"
#include "isa/trace.h"

struct jit_options jit_options = { .cache = !RHEA_TLB };

enum { POSITION_SIZE = sizeof(struct packed_position) + sizeof(uint16_t) };

static const struct interp_isa *find_tables(const struct isa *isa)
{
    for (unsigned i = 0; interp_list[i]; i++)
        if (interp_list[i]->isa == isa)
            return interp_list[i];
    return NULL;
}

/* Reserved, and touched as it is used; the first `soon` bytes by the smallest program. */
static void *reserve(size_t count, size_t size, size_t soon)
{
    int64_t at = host_map(0, count * size, HOST_READ | HOST_WRITE, HOST_NORESERVE, -1, 0);

    if (at < 0 && at > -4096)
        die("no address space for translated code (%zu MB)", count * size >> 20);
    host_populate((void *)(uintptr_t)at, soon);
    return (void *)(uintptr_t)at;
}

static void code_changed(void *context, uint64_t addr, uint64_t size)
{
    struct cpu *cpu = context;
    struct interp_cpu *self = interp_of(cpu);

    space_lock(cpu->space);
    self->is_unsettled |= block_invalidate(self->ip, addr, size) && self->ip->is_shared;
    space_unlock(cpu->space);
}

static struct interp *interp_new(const struct cpu *cpu, const struct interp_isa *tables)
{
    struct interp *ip = calloc(1, sizeof *ip);

    if (!ip)
        die("out of memory");
    ip->tables = tables;
    ip->isa = cpu->isa;
    ip->features = cpu->features;
    ip->ops = reserve(MAX_UNITS, sizeof *ip->ops, 80 << 10);
    ip->positions = reserve(MAX_UNITS, POSITION_SIZE, 32 << 10);
    ip->variants = (uint16_t *)(ip->positions + MAX_UNITS);
    ip->cold_runs = COLD_RUNS;
    ip->hot_runs = HOT_RUNS;
    ip->blocks = reserve(MAX_BLOCKS, sizeof *ip->blocks, 32 << 10);
    if (RHEA_TLB)
        ip->guards = reserve(GUARD_PAGES / 8, 1, 0);
    ip->is_counting = (isa_trace && isa_trace->count) || getenv("RHEA_COUNT");
    predecode_prepare(ip);
    fuse_prepare(ip);
    block_flush(ip);
    return ip;
}

/* A CPU of those that share `ip`.  Requires: taken by another one, or the first. */
static void add_cpu(struct interp *ip, struct cpu *cpu)
{
    struct interp_cpu *self = calloc(1, sizeof *self);

    if (!self)
        die("out of memory");
    self->cpu = cpu;
    self->ip = ip;
    self->isa = cpu->isa;
    self->jump_shift = jump_shift(cpu->isa);
    self->mapped = ++ip->mapped;
    self->next = ip->cpus;
    ip->cpus = self;
    cpu->engine = self;
    ring_clear(cpu);
    cpu->base = RHEA_TLB || space_is_paged(cpu->space) ? NULL : space_base(cpu->space);
}

static int interp_attach(struct cpu *cpu)
{
    const struct interp_isa *tables = find_tables(cpu->isa);
    struct interp *ip;

    if (!tables || (!RHEA_PAGED && !RHEA_TLB && space_is_paged(cpu->space)))
        return -1;
    ip = interp_new(cpu, tables);
    add_cpu(ip, cpu);
    if (getenv("RHEA_PAIRS"))
        profile_start(ip, getenv("RHEA_PAIRS"));
    space_watch_code(cpu->space, code_changed, cpu);
    return 0;
}

static int template_attach(struct cpu *cpu)
{
    struct interp *ip;

    if (interp_attach(cpu) < 0)
        return -1;
    ip = interp_of(cpu)->ip;
    ip->wants_template = INTERP_TAIL && !ip->is_counting;
    if (getenv("RHEA_HOT")) { /* for tests: all blocks are, at once */
        ip->cold_runs = ip->hot_runs = 1;
        ip->hot_blocks = HOT_BLOCKS;
    }
    return 0;
}

#if HAS_JIT
static int jit_attach(struct cpu *cpu)
{
    struct interp *ip;

    if (template_attach(cpu) < 0)
        return -1;
    ip = interp_of(cpu)->ip;
    if (!INTERP_TAIL || ip->is_counting || (isa_trace && isa_trace->block) ||
        (!RHEA_TLB && space_is_paged(cpu->space)))
        return 0;
    ip->jit = jit_new();
    if (ip->jit && jit_options.threshold) {
        ip->hot_runs = jit_options.threshold;
        ip->hot_blocks = HOT_BLOCKS;
        if (ip->cold_runs > ip->hot_runs)
            ip->cold_runs = ip->hot_runs;
    }
    return 0;
}
#endif

static int interp_attach_to(struct cpu *cpu, struct cpu *other)
{
    struct interp_cpu *self = interp_of(other);
    struct interp *ip = interp_take(self);

    interp_share(ip);
    jit_seen(ip); /* another thread may map what is missing, and it goes on */
    if (HAS_JIT && ip->jit)
        loaded_own_memory(ip->jit); /* as long as nobody else may be in its code */
    add_cpu(ip, cpu);
    interp_give(self);
    return 0;
}

static void free_interp(struct interp *ip, struct space *space)
{
    space_watch_code(space, NULL, NULL);
    while (ip->modes) {
        struct mode_table *table = ip->modes;

        ip->modes = table->next;
        free(table->decoder.known);
        free(table);
    }
    host_unmap((uintptr_t)ip->ops, MAX_UNITS * sizeof *ip->ops);
    host_unmap((uintptr_t)ip->positions, MAX_UNITS * (size_t)POSITION_SIZE);
    host_unmap((uintptr_t)ip->blocks, MAX_BLOCKS * sizeof *ip->blocks);
    if (RHEA_TLB)
        host_unmap((uintptr_t)ip->guards, GUARD_PAGES / 8);
    free(ip->map);
    free(ip->pages);
    free(ip->registers);
    free(ip->groups);
    template_free(ip->template);
    jit_free(ip->jit);
    free(ip);
}

static void free_cpu(struct interp_cpu *self)
{
    for (unsigned i = 0; i < self->njumps; i++)
        free(self->jumps[i].entries);
    free(self->jumps);
    free(self);
}

static void interp_detach(struct cpu *cpu)
{
    struct interp_cpu *self = interp_of(cpu), **at;
    struct interp *ip;

    if (!self)
        return;
    ip = interp_take(self);
    for (at = &ip->cpus; *at != self; at = &(*at)->next)
        ;
    *at = self->next;
    for (unsigned i = 0; i < TIERS; i++)
        ip->executed[i] += cpu->executed[i];
    interp_give(self);
    if (!ip->cpus)
        free_interp(ip, cpu->space);
    free_cpu(self);
    cpu->engine = NULL;
}

static void interp_forked(struct cpu *cpu)
{
    struct interp_cpu *self = interp_of(cpu), *next;
    struct interp *ip = self->ip;

    for (struct interp_cpu *other = ip->cpus; other; other = next) {
        next = other->next;
        if (other != self) {
            other->cpu->engine = NULL;
            free_cpu(other);
        }
    }
    ip->cpus = self;
    self->next = NULL;
    self->is_holding = false;
    ip->is_shared = ip->is_stopping = false;
    template_forked(ip->template);
    jit_forked(ip->jit);
}

uint64_t interp_mode(struct interp_cpu *self)
{
    return self->isa->nmodes ? self->ip->tables->mode_key(self->cpu) : 0;
}

/* --------------------------------------------------------------------- running */

#if INTERP_TAIL
static void go(struct cpu *cpu, const struct op *op)
{
    op->fn(cpu, op, cpu->base, 0);
    INTERP_CLOBBERS_ALL();
}
#else
static void go(struct cpu *cpu, const struct op *op)
{
    struct interp_cpu *self = interp_of(cpu);

    self->head.acc = 0;
    while (op)
        op = op->fn(cpu, op, cpu->base, self->head.acc);
}
#endif

static uint64_t after(const struct cpu *cpu)
{
    return (cpu->pc + cpu->isa->min_ilen) & mask64(cpu->isa->pc_width);
}

/* Chooses the mode table for cpu->pc, by the state and how this run is to be
 * (TABLE_COUNT, TABLE_EACH). */
static void choose_table(struct interp_cpu *self, unsigned kind)
{
    if (self->isa->delay && self->cpu->npc != after(self->cpu))
        kind |= TABLE_SLOT;
    mode_table_use(self, mode_table_get(self, interp_mode(self), kind));
}

/* Few instructions are counted one by one. */
static unsigned counting(const struct interp_cpu *self, uint64_t limit)
{
    if ((limit && limit < MAX_BLOCK_INSNS) || self->ip->is_counting_each)
        return TABLE_COUNT | TABLE_EACH;
    if (limit || self->ip->is_counting || (HAS_JIT && self->is_replaying))
        return TABLE_COUNT;
    return 0;
}

/* The host does not tell all addresses: those are none of any guest's. */
static void end_by_fault(struct interp_cpu *self)
{
    struct exec_event *event = &self->cpu->event;

    interp_leave(self->cpu, EXEC_MEM_FAULT);
    event->access = self->fault_access == ACCESS_WRITE ? ACCESS_WRITE : ACCESS_READ;
    event->addr = self->fault_addr == UINT64_MAX ? UINT64_C(1) << 63 : self->fault_addr;
}

/* After a fault of the host.  true: the instruction has been executed after all. */
static bool explain_fault(struct interp_cpu *self)
{
    struct cpu *cpu = self->cpu;
    bool is_precise;

    self->head.left_from = cpu->op;
    if (RHEA_TLB) { /* tlb.c has said all */
        struct position at = op_position(self->ip, cpu->op);

        cpu->pc = at.pc;
        cpu->event.ilen = at.ilen;
        cpu->insns -= self->head.counting;
        return false;
    }
    if (HAS_JIT && cpu->op->fn == x_region) {
        cpu->pc = loaded_fault_pc(self->ip, cpu->op, cpu->region_at, &is_precise);
        if (!is_precise)
            end_by_fault(self);
        self->is_replaying = is_precise;
        return is_precise;
    }
    cpu->pc = op_position(self->ip, cpu->op).pc;
    if (self->isa->delay && !(self->mode->kind & TABLE_SLOT))
        cpu->npc = after(cpu);
    if (self->head.counting)
        cpu->insns--;
    if (self->head.touch_size &&
        eval_space_fault(cpu, self->head.touch_addr, self->head.touch_size,
                         self->head.touch_access))
        return false;
    if (eval_space_step(cpu) < 0)
        return false;
    if (!self->head.counting)
        cpu->insns--;
    return true;
}

/* The op at cpu->pc, or NULL with an event. */
static const struct op *first_op(struct interp_cpu *self)
{
    uint64_t pc = self->cpu->pc;
    const struct op *op = jump_cached(self, pc);
    struct interp *ip;

    if (op && !self->is_fetch_fenced)
        return op;
    ip = interp_take(self);
    if (self->is_fetch_fenced)
        block_fence(ip);
    op = block_enter(ip, pc);
    interp_give(self);
    return op;
}

static void go_on(struct interp_cpu *self)
{
    const struct op *op = first_op(self);

    if (!op)
        return;
    self->is_running = true;
    go(self->cpu, op);
    self->is_running = false;
}

/* A region has faulted: from where its registers are known on, without regions, until
 * that is behind us; the event is a kick then.  A loop that only loads may have run for
 * long: each time that the fault is not found the way is twice as long. */
static void begin_replay(struct interp_cpu *self)
{
    enum { INSNS = 10000000 };

    if (!self->replay)
        self->replay = INSNS;
    self->head.stop = self->cpu->insns + self->replay;
}

static void end_replay(struct interp_cpu *self)
{
    if (self->cpu->event.kind != EXEC_KICK)
        self->replay = self->cpu->event.kind == EXEC_LIMIT ? self->replay * 2 : 0;
    if (self->cpu->event.kind == EXEC_LIMIT)
        self->cpu->event.kind = EXEC_KICK;
    self->is_replaying = false;
}

static void interp_run(struct cpu *cpu, uint64_t limit)
{
    struct interp_cpu *self = interp_of(cpu);
    const struct op *left_from = self->head.left_from;

    cpu->event = (struct exec_event){ 0 };
    self->head.left_from = NULL;
    self->head.stop = limit ? cpu->insns + limit : UINT64_MAX;
    if (setjmp(self->recover) && !explain_fault(self)) {
        self->is_running = self->is_replaying = false;
        interp_outside(self);
        return;
    }
    if (HAS_JIT && self->is_replaying)
        begin_replay(self);
    interp_inside(self);
    if (self->is_unsettled)
        interp_settle(self);
    choose_table(self, counting(self, limit));
    if (self->ip->jit)
        jit_step(self, left_from);
    go_on(self);
    if (cpu->event.kind == EXEC_LIMIT && cpu->insns != self->head.stop) {
        choose_table(self, TABLE_COUNT | TABLE_EACH); /* too few for an x_count */
        go_on(self);
    }
    if (HAS_JIT && self->is_replaying)
        end_replay(self);
    interp_outside(self);
    if (cpu->isa->delay && !(self->mode->kind & TABLE_SLOT))
        cpu->npc = after(cpu);
}

static void interp_shorten(struct cpu *cpu, uint64_t more)
{
    struct interp_head *head = INTERP_HEAD(cpu);

    if (head->counting && head->stop - cpu->insns > more)
        head->stop = cpu->insns + more;
}

static void interp_invalidate(struct cpu *cpu, uint64_t addr, uint64_t size)
{
    code_changed(cpu, addr, size);
}

/* The signal mask is the caller's business: it was not saved by setjmp. */
static void interp_host_fault(struct cpu *cpu, uint64_t addr, unsigned access)
{
    struct interp_cpu *self = interp_of(cpu);

    if (!self || !self->is_running)
        return;
    self->fault_addr = addr;
    self->fault_access = (uint8_t)access;
    self->is_running = false;
    longjmp(self->recover, 1);
}

/* What the engines have in common. */
#define THE_SAME                                                                         \
    .attach_to = interp_attach_to, .detach = interp_detach, .forked = interp_forked,     \
    .run = interp_run, .shorten = interp_shorten, .invalidate = interp_invalidate,       \
    .host_fault = interp_host_fault

const struct engine interp_engine = {
    .name = "interp",
    .attach = interp_attach,
    THE_SAME,
};

const struct engine template_engine = {
    .name = "template",
    .attach = template_attach,
    THE_SAME,
};

#if HAS_JIT
static void jit_observe(struct cpu *cpu, bool is_seen)
{
    struct interp_cpu *self = interp_of(cpu);
    struct interp *ip = interp_take(self);

    if (is_seen)
        jit_seen(ip);
    else
        ip->is_unseen = true;
    interp_give(self);
}

static void jit_engine_report(struct cpu *cpu, void (*line)(const char *text))
{
    struct interp *ip = interp_take(interp_of(cpu));

    if (ip->jit)
        jit_report(ip, line);
    interp_give(interp_of(cpu));
}

static void jit_engine_threads(struct cpu *cpu, enum engine_threads what)
{
    jit_threads(interp_of(cpu), what);
}

static void jit_engine_leaving(struct cpu *cpu)
{
    jit_leaving(interp_of(cpu));
}

const struct engine jit_engine = {
    .name = "jit",
    .report = jit_engine_report,
    .observe = jit_observe,
    .leaving = jit_engine_leaving,
    .threads = jit_engine_threads,
    .attach = jit_attach,
    THE_SAME,
};
#endif

_Noreturn void mem_fault(struct cpu *cpu)
{
    struct interp_cpu *self = interp_of(cpu);

    self->is_running = false;
    longjmp(self->recover, 1);
}

/* ----------------------------------------------------------- the paged scheme */

void mem_paged_read(struct cpu *cpu, uint64_t addr, void *to, unsigned size)
{
    if (space_read(cpu->space, addr, to, size, NULL))
        mem_fault(cpu);
}

void mem_paged_write(struct cpu *cpu, uint64_t addr, const void *from, unsigned size)
{
    if (space_write(cpu->space, addr, from, size, NULL))
        mem_fault(cpu);
}

void *mem_paged_host(struct cpu *cpu, uint64_t addr, unsigned size)
{
    void *host = space_host(cpu->space, addr, size, SPACE_READ | SPACE_WRITE);

    if (!host)
        mem_fault(cpu);
    return host;
}
