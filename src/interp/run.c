/* run.c - the interpreter as an engine.
 *
 * A fault of the host in a handler is the guest's: host_fault() jumps back here, the op
 * published last says where, and the tree evaluator executes that instruction again with
 * every access checked, which tells the address exactly or shows that another thread has
 * mapped it meanwhile. */
#include "interp/interp.h"

#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "interp/profile.h"
#include "isa/eval_engine.h"
#include "isa/sem.h"
#include "isa/space.h"
#include "isa/trace.h"

static const struct interp_isa *find_tables(const struct isa *isa)
{
    for (unsigned i = 0; interp_list[i]; i++)
        if (interp_list[i]->isa == isa)
            return interp_list[i];
    return NULL;
}

/* Reserved, and touched as it is used. */
static void *reserve(size_t count, size_t size)
{
    int64_t at = host_map(0, count * size, HOST_READ | HOST_WRITE, HOST_NORESERVE, -1, 0);

    if (at < 0 && at > -4096)
        die("no address space for translated code (%zu MB)", count * size >> 20);
    return (void *)(uintptr_t)at;
}

static void code_changed(void *context, uint64_t addr, uint64_t size)
{
    block_invalidate(interp_of(context), addr, size);
}

static int interp_attach(struct cpu *cpu)
{
    const struct interp_isa *tables = find_tables(cpu->isa);
    struct interp *ip;

    if (!tables || (!RHEA_PAGED && space_is_paged(cpu->space)))
        return -1;
    ip = calloc(1, sizeof *ip);
    if (!ip)
        die("out of memory");
    ip->cpu = cpu;
    ip->tables = tables;
    ip->isa = cpu->isa;
    ip->ops = reserve(MAX_UNITS, sizeof *ip->ops);
    ip->positions = reserve(MAX_UNITS, sizeof *ip->positions);
    ip->blocks = reserve(MAX_BLOCKS, sizeof *ip->blocks);
    ip->is_counting = (isa_trace && isa_trace->count) || getenv("RHEA_COUNT");
    cpu->engine = ip;
    cpu->base = space_is_paged(cpu->space) ? NULL : space_base(cpu->space);
    block_flush(ip);
    if (getenv("RHEA_PAIRS"))
        profile_start(ip, getenv("RHEA_PAIRS"));
    space_watch_code(cpu->space, code_changed, cpu);
    return 0;
}

static void interp_detach(struct cpu *cpu)
{
    struct interp *ip = interp_of(cpu);

    if (!ip)
        return;
    space_watch_code(cpu->space, NULL, NULL);
    while (ip->modes) {
        struct mode_table *table = ip->modes;

        ip->modes = table->next;
        free(table->jumps);
        free(table);
    }
    host_unmap((uintptr_t)ip->ops, MAX_UNITS * sizeof *ip->ops);
    host_unmap((uintptr_t)ip->positions, MAX_UNITS * sizeof *ip->positions);
    host_unmap((uintptr_t)ip->blocks, MAX_BLOCKS * sizeof *ip->blocks);
    free(ip->map);
    free(ip->pages);
    free(ip);
    cpu->engine = NULL;
}

uint64_t interp_mode(struct interp *ip)
{
    return ip->isa->nmodes ? ip->tables->mode_key(ip->cpu) : 0;
}

/* --------------------------------------------------------------------- running */

#if INTERP_TAIL
static void go(struct cpu *cpu, const struct op *op)
{
    op->fn(cpu, op, cpu->base, 0);
}
#else
static void go(struct cpu *cpu, const struct op *op)
{
    struct interp *ip = interp_of(cpu);

    ip->head.acc = 0;
    while (op)
        op = op->fn(cpu, op, cpu->base, ip->head.acc);
}
#endif

static uint64_t after(const struct cpu *cpu)
{
    return (cpu->pc + cpu->isa->min_ilen) & mask64(cpu->isa->pc_width);
}

/* Chooses the mode table for cpu->pc, by the state and how this run is to be. */
static void choose_table(struct interp *ip, bool counting)
{
    unsigned kind = counting ? TABLE_COUNT : 0;

    if (ip->isa->delay && ip->cpu->npc != after(ip->cpu))
        kind |= TABLE_SLOT;
    mode_table_use(ip, mode_table_get(ip, interp_mode(ip), kind));
}

/* After a fault of the host.  true: the instruction has been executed after all. */
static bool explain_fault(struct interp *ip)
{
    struct cpu *cpu = ip->cpu;
    struct position at = op_position(ip, cpu->op);

    ip->head.left_from = cpu->op;
    cpu->pc = at.pc;
    if (ip->isa->delay && !(ip->mode->kind & TABLE_SLOT))
        cpu->npc = after(cpu);
    if (ip->head.counting)
        cpu->insns--;
    if (eval_space_step(cpu) < 0)
        return false;
    if (!ip->head.counting)
        cpu->insns--;
    return true;
}

static void interp_run(struct cpu *cpu, uint64_t limit)
{
    struct interp *ip = interp_of(cpu);
    const struct op *op;

    cpu->event = (struct exec_event){ 0 };
    ip->head.left_from = NULL;
    ip->head.stop = limit ? cpu->insns + limit : UINT64_MAX;
    if (setjmp(ip->recover) && !explain_fault(ip)) {
        ip->is_running = false;
        return;
    }
    choose_table(ip, limit || ip->is_counting);
    if (ip->is_fetch_fenced)
        block_fence(ip);
    op = block_enter(ip, cpu->pc);
    if (op) {
        ip->is_running = true;
        go(cpu, op);
        ip->is_running = false;
    }
    if (cpu->isa->delay && !(ip->mode->kind & TABLE_SLOT))
        cpu->npc = after(cpu);
}

static void interp_invalidate(struct cpu *cpu, uint64_t addr, uint64_t size)
{
    block_invalidate(interp_of(cpu), addr, size);
}

/* The signal mask is the caller's business: it was not saved by setjmp. */
static void interp_host_fault(struct cpu *cpu, uint64_t addr, unsigned access)
{
    struct interp *ip = interp_of(cpu);

    (void)addr;
    (void)access;
    if (!ip || !ip->is_running)
        return;
    ip->is_running = false;
    longjmp(ip->recover, 1);
}

const struct engine interp_engine = {
    .name = "interp",
    .attach = interp_attach,
    .detach = interp_detach,
    .run = interp_run,
    .invalidate = interp_invalidate,
    .host_fault = interp_host_fault,
};

/* ----------------------------------------------------------- the paged scheme */

static _Noreturn void paged_fault(struct cpu *cpu)
{
    struct interp *ip = interp_of(cpu);

    ip->is_running = false;
    longjmp(ip->recover, 1);
}

void mem_paged_read(struct cpu *cpu, uint64_t addr, void *to, unsigned size)
{
    if (space_read(cpu->space, addr, to, size, NULL))
        paged_fault(cpu);
}

void mem_paged_write(struct cpu *cpu, uint64_t addr, const void *from, unsigned size)
{
    if (space_write(cpu->space, addr, from, size, NULL))
        paged_fault(cpu);
}

void *mem_paged_host(struct cpu *cpu, uint64_t addr, unsigned size)
{
    void *host = space_host(cpu->space, addr, size, SPACE_READ | SPACE_WRITE);

    if (!host)
        paged_fault(cpu);
    return host;
}
