/* eval_engine.c - the tree evaluator as an engine: one instruction at a time, every
 * access through the map.  Slow, and the measure of the others. */
#include "isa/eval_engine.h"

#include <string.h>

#include "base/host.h"
#include "isa/eval.h"
#include "isa/sem.h"
#include "isa/space.h"
#include "isa/stops.h"
#include "isa/trace.h"

const struct trace *isa_trace;

/* Where the last access that failed went wrong. */
struct context {
    struct space *space;
    uint64_t fault;
    const struct stops *stops; /* with watches, or NULL */
    const struct watch *hit;   /* the first one that was touched */
};

static void note_access(struct context *c, uint64_t addr, unsigned size, unsigned access)
{
    if (c->stops && !c->hit)
        c->hit = stops_find_watch(c->stops, addr, size, access);
}

static int engine_read(void *context, uint64_t addr, void *bytes, unsigned size)
{
    struct context *c = context;

    note_access(c, addr, size, WATCH_READ);
    return space_read(c->space, addr, bytes, size, &c->fault);
}

static bool is_writable(struct context *c, uint64_t addr, unsigned size)
{
    uint8_t *host;
    size_t first;

    if (space_host(c->space, addr, size, SPACE_WRITE))
        return true;
    first = space_span(c->space, addr, size, SPACE_WRITE, &host);
    if (space_span(c->space, addr + first, size - first, SPACE_WRITE, &host) ==
        size - first)
        return true;
    c->fault = addr + first;
    return false;
}

static int engine_write(void *context, uint64_t addr, const void *bytes, unsigned size)
{
    struct context *c = context;

    note_access(c, addr, size, WATCH_WRITE);
    /* All of it or nothing: no part of a store may show before the fault. */
    if (!is_writable(c, addr, size))
        return -1;
    return space_write(c->space, addr, bytes, size, &c->fault);
}

static int engine_fetch(void *context, uint64_t addr, void *bytes, unsigned size)
{
    struct context *c = context;

    return space_fetch(c->space, addr, bytes, size, &c->fault);
}

/* Of two mappings that are not beside each other on the host: no such thing exists. */
static int not_atomic(struct context *c, uint64_t addr, void *expected,
                      const void *desired, unsigned size)
{
    uint8_t was[16];
    bool equal;

    if (engine_read(c, addr, was, size))
        return -1;
    equal = memcmp(was, expected, size) == 0;
    memcpy(expected, was, size);
    return engine_write(c, addr, equal ? desired : was, size);
}

static int engine_cas(void *context, uint64_t addr, void *expected, const void *desired,
                      unsigned size)
{
    struct context *c = context;
    uint8_t was[16], *host;

    if (space_span(c->space, addr, size, SPACE_WRITE, &host) != size)
        return not_atomic(c, addr, expected, desired, size);
    memcpy(was, expected, size);
    if (host_compare_exchange(host, expected, desired, size) == 0) {
        if (memcmp(was, expected, size) == 0)
            note_access(c, addr, size, WATCH_WRITE);
        return 0;
    }
    if (!space_read(c->space, addr, was, size, &c->fault))
        c->fault = addr;
    return -1;
}

static uint64_t engine_fault_addr(void *context)
{
    struct context *c = context;

    return c->fault;
}

static struct eval_memory memory_of(struct context *context)
{
    return (struct eval_memory){ .context = context,
                                 .read = engine_read,
                                 .write = engine_write,
                                 .cas = engine_cas,
                                 .fetch = engine_fetch,
                                 .fault_addr = engine_fault_addr };
}

int eval_space_step(struct cpu *cpu)
{
    struct context context = { .space = cpu->space };
    struct eval_memory memory = memory_of(&context);

    return eval_step(cpu, &memory);
}

bool eval_space_fault(struct cpu *cpu, uint64_t addr, unsigned size, unsigned access)
{
    struct context context = { .space = cpu->space, .fault = addr };
    struct eval_memory memory = memory_of(&context);
    struct isa_decoded insn;
    uint8_t bytes[16];

    if (eval_fetch(cpu, &memory, &insn) || insn.insn == ISA_NONE || insn.illegal ||
        !sem_is_unrepeatable(cpu->isa,
                             cpu->isa->variants[isa_choose(cpu->isa, &insn)].body))
        return false;
    context.fault = addr;
    if (access == ACCESS_READ || is_writable(&context, addr, size))
        space_read(cpu->space, addr, bytes, size, &context.fault);
    cpu->event = (struct exec_event){ .kind = EXEC_MEM_FAULT,
                                      .access = (uint8_t)access,
                                      .ilen = insn.length,
                                      .addr = context.fault };
    return true;
}

static int engine_attach(struct cpu *cpu)
{
    cpu->mode = eval_mode(cpu);
    return 0;
}

static int engine_attach_to(struct cpu *cpu, struct cpu *other)
{
    (void)other;
    return engine_attach(cpu);
}

static void engine_detach(struct cpu *cpu)
{
    (void)cpu;
}

static void engine_forked(struct cpu *cpu)
{
    (void)cpu;
}

/* A break at the pc, which is not to be skipped. */
static bool stops_here(struct cpu *cpu)
{
    uint64_t skip = cpu->skip_stop;

    cpu->skip_stop = UINT64_MAX;
    return cpu->pc != skip && stops_has_break(cpu->stops, cpu->pc);
}

static void report_watch(struct cpu *cpu, const struct watch *hit)
{
    cpu->event = (struct exec_event){ .kind = EXEC_WATCH, .addr = hit->addr };
    cpu->event.access = hit->access & WATCH_WRITE ? ACCESS_WRITE : ACCESS_READ;
}

static void engine_run(struct cpu *cpu, uint64_t limit)
{
    const struct stops *stops = cpu->stops;
    struct context context = { .space = cpu->space,
                               .stops = stops && stops->nwatches ? stops : NULL };
    struct eval_memory memory = memory_of(&context);
    void (*block)(struct cpu *) = isa_trace ? isa_trace->block : NULL;
    uint64_t left = limit ? limit : UINT64_MAX;

    while (!cpu->kick) {
        if (left-- == 0) {
            cpu->event.kind = EXEC_LIMIT;
            return;
        }
        if (stops && stops_here(cpu)) {
            cpu->event = (struct exec_event){ .kind = EXEC_BREAK };
            return;
        }
        if (block)
            block(cpu);
        context.hit = NULL;
        if (eval_step(cpu, &memory) < 0)
            return;
        if (context.hit) {
            report_watch(cpu, context.hit);
            return;
        }
    }
    cpu->event.kind = EXEC_KICK;
}

static void engine_invalidate(struct cpu *cpu, uint64_t addr, uint64_t size)
{
    (void)cpu; /* nothing is kept */
    (void)addr;
    (void)size;
}

static void engine_host_fault(struct cpu *cpu, uint64_t addr, unsigned access)
{
    (void)cpu; /* accesses are checked: a fault is rhea's own */
    (void)addr;
    (void)access;
}

const struct engine eval_engine = {
    .name = "eval",
    .attach = engine_attach,
    .attach_to = engine_attach_to,
    .detach = engine_detach,
    .forked = engine_forked,
    .run = engine_run,
    .invalidate = engine_invalidate,
    .host_fault = engine_host_fault,
};
