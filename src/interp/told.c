/* told.c - what isa_trace is told of regions. */
#include "interp/jit.h"

#include <stdlib.h>

#include "isa/trace.h"

static bool is_wanted(void)
{
    return isa_trace && isa_trace->region;
}

void told_code(struct interp *ip, uint64_t pc, const void *code, size_t size)
{
    if (isa_trace && isa_trace->code)
        isa_trace->code(ip->cpu, pc, code, size);
}

void told_loaded(struct interp *ip, const struct loaded *region,
                 const struct region_code *code)
{
    struct trace_region told = {
        .base = region->base,
        .mode = region->table->mode,
        .pcs = region->pcs,
        .npcs = region->npcs,
        .nentries = region->nentries,
        .code = ip->jit->memory.run + region->at,
        .size = region->size,
        .is_cached = region->is_cached,
        .is_precise = region->is_precise,
        .ir = code->ir,
        .out_asm = code->out_asm,
    };
    uint64_t *entries = is_wanted() ? calloc(region->nentries + 1, 8) : NULL;

    told_code(ip, region->base, told.code, told.size);
    if (!entries)
        return;
    for (uint32_t i = 0; i < region->nentries; i++)
        entries[i] = region->base + region->entries[i].pc;
    told.entries = entries;
    isa_trace->region(ip->cpu, &told);
    free(entries);
}

void told_failed(struct interp *ip, const struct job *job, const char *why)
{
    const struct region_request *request = &job->request;
    struct trace_region told = {
        .base = request->base,
        .mode = job->table->mode,
        .npcs = request->ninsns,
        .why = why,
        .is_precise = request->is_precise,
    };
    uint64_t *pcs = is_wanted() ? calloc(request->ninsns, sizeof *pcs) : NULL;

    if (!pcs)
        return;
    for (uint32_t i = 0; i < request->ninsns; i++)
        pcs[i] = request->insns[i].pc;
    told.pcs = pcs;
    isa_trace->region(ip->cpu, &told);
    free(pcs);
}
