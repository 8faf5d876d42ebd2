/* eval_engine.c - the tree evaluator as an engine: one instruction at a time, every
 * access through the map.  Slow, and the measure of the others. */
#include "isa/eval_engine.h"

#include "isa/eval.h"
#include "isa/space.h"
#include "isa/trace.h"

const struct trace *isa_trace;

static int engine_read(void *context, uint64_t addr, void *bytes, unsigned size)
{
    return space_read(context, addr, bytes, size, NULL);
}

static int engine_write(void *context, uint64_t addr, const void *bytes, unsigned size)
{
    return space_write(context, addr, bytes, size, NULL);
}

static int engine_fetch(void *context, uint64_t addr, void *bytes, unsigned size)
{
    return space_fetch(context, addr, bytes, size, NULL);
}

static struct eval_memory memory_of(struct cpu *cpu)
{
    return (struct eval_memory){ cpu->space, engine_read, engine_write, engine_fetch };
}

int eval_space_step(struct cpu *cpu)
{
    struct eval_memory memory = memory_of(cpu);

    return eval_step(cpu, &memory);
}

static int engine_attach(struct cpu *cpu)
{
    cpu->mode = eval_mode(cpu);
    return 0;
}

static void engine_detach(struct cpu *cpu)
{
    (void)cpu;
}

static void engine_run(struct cpu *cpu, uint64_t limit)
{
    struct eval_memory memory = memory_of(cpu);
    void (*block)(struct cpu *) = isa_trace ? isa_trace->block : NULL;
    uint64_t left = limit ? limit : UINT64_MAX;

    while (!cpu->kick) {
        if (left-- == 0) {
            cpu->event.kind = EXEC_LIMIT;
            return;
        }
        if (block)
            block(cpu);
        if (eval_step(cpu, &memory) < 0)
            return;
        cpu->insns++;
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
    .detach = engine_detach,
    .run = engine_run,
    .invalidate = engine_invalidate,
    .host_fault = engine_host_fault,
};
