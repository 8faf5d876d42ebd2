/* trace_jit.c - what -d region, llvm_ir and out_asm print. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/code_log.h"
#include "interp/jit.h"
#include "isa/cpu.h"
#include "isa/trace.h"
#include "user/jit_debugger.h"
#include "user/linux/linux.h"
#include "user/perf.h"
#include "user/run.h"
#include "user/symbols.h"
#include "user/trace.h"

static unsigned wanted;
static bool is_perf, is_debugger;

static bool is_shown(const struct trace_region *region)
{
    for (uint32_t i = 0; i < region->npcs; i++)
        if (code_log_shows(region->pcs[i], region->pcs[i] + 1))
            return true;
    return false;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;

    return (*left > *right) - (*left < *right);
}

/* By address, and once: a region may have several copies of an instruction. */
static void show_insns(struct cpu *cpu, const struct trace_region *region)
{
    uint64_t *pcs = malloc(region->npcs * sizeof *pcs);

    if (!pcs)
        return;
    memcpy(pcs, region->pcs, region->npcs * sizeof *pcs);
    qsort(pcs, region->npcs, sizeof *pcs, by_number);
    for (uint32_t i = 0; i < region->npcs; i++)
        if (i == 0 || pcs[i] != pcs[i - 1])
            code_log_insn(cpu, pcs[i], region->mode);
    free(pcs);
}

static void show_entries(const struct trace_region *region)
{
    for (uint32_t i = 0; i < region->nentries; i++)
        log_line("entry 0x%08" PRIx64, region->entries[i]);
}

static void show_code(struct cpu *cpu, const struct trace_region *region)
{
    const char *faults = region->is_precise ? "precise" : "not precise";
    char name[SYMBOLS_TEXT];

    symbols_name(cpu->space, region->base, name);
    if (region->code)
        log_line("REGION: 0x%08" PRIx64 " %s: %" PRIu32 " instructions, %zu bytes at %p, "
                 "%s, %s",
                 region->base, name, region->npcs, region->size, region->code,
                 region->is_cached ? "from the cache" : "compiled", faults);
    else
        log_line("REGION: 0x%08" PRIx64 " %s: %" PRIu32
                 " instructions, not there (%s), %s",
                 region->base, name, region->npcs, region->why, faults);
    show_entries(region);
    show_insns(cpu, region);
}

static void show_text(const char *what, uint64_t base, const char *text)
{
    if (!text)
        return;
    log_line("%s: 0x%08" PRIx64, what, base);
    log_text(text);
}

static void show_region(struct cpu *cpu, const struct trace_region *region)
{
    if (!is_shown(region))
        return;
    if (wanted & LOG_REGION)
        show_code(cpu, region);
    show_text("IR", region->base, region->ir);
    show_text("OUT", region->base, region->out_asm);
}

static void name_code(struct cpu *cpu, uint64_t pc, char *text, size_t size)
{
    char name[SYMBOLS_TEXT];

    snprintf(text, size, "%s", symbols_name(cpu->space, pc, name));
}

static void tell_code(struct cpu *cpu, uint64_t pc, const void *code, size_t size)
{
    char name[SYMBOLS_TEXT];

    symbols_name(cpu->space, pc, name);
    if (is_perf)
        perf_code(cpu, name, code, size);
    if (is_debugger)
        jit_debugger_add(name, code, size);
}

void trace_jit_start(const struct run_options *options, struct trace *trace)
{
    wanted = options->log;
    if (wanted & (LOG_REGION | LOG_LLVM_IR | LOG_OUT_ASM))
        trace->region = show_region;
    trace->wants_ir = wanted & LOG_LLVM_IR;
    trace->wants_out_asm = wanted & LOG_OUT_ASM;
    if (jit_options.exits)
        trace->name = name_code;
    is_perf = perf_start(options);
    is_debugger = options->jit_debugger;
    if (is_perf || is_debugger)
        trace->code = tell_code;
    if (trace->wants_ir || trace->wants_out_asm)
        jit_options.cache = false; /* they are the compiler's */
}
