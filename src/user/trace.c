/* trace.c - starts what -d asked for. */
#include "user/trace.h"

#include "debug/code_log.h"
#include "isa/cpu.h"
#include "isa/space.h"
#include "user/run.h"
#include "user/symbols.h"

static struct trace trace;
static struct code_log code;

static unsigned fetch(struct cpu *cpu, uint64_t pc, void *to, unsigned size)
{
    while (size && space_fetch(cpu->space, pc, to, size, NULL) < 0)
        size--;
    return size;
}

static const char *name_of(struct cpu *cpu, uint64_t pc)
{
    uint64_t distance;

    return symbols_find(cpu->space, pc, &distance);
}

void trace_start(const struct run_options *options)
{
    code = options->code;
    code.in_asm = options->log & LOG_IN_ASM;
    code.exec = options->log & LOG_EXEC;
    code.cpu = options->log & LOG_CPU;
    code.fetch = fetch;
    code.name = name_of;
    code_log_start(&code, &trace);
    trace.count = options->count;
    trace_jit_start(options, &trace);
    if (trace.translated || trace.block || trace.count || trace.region || trace.code ||
        trace.name)
        isa_trace = &trace;
}
