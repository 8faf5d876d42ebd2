/* trace.c - what -d in_asm, exec and cpu print. */
#include "isa/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "isa/decode.h"
#include "isa/space.h"
#include "isa/state.h"
#include "isa/text.h"
#include "user/linux/linux.h"
#include "user/run.h"
#include "user/symbols.h"
#include "user/trace.h"

static struct trace trace;
static const struct run_options *wanted;

static void print_insn(const struct isa_decoded *insn, const uint8_t *bytes,
                       const struct cpu *cpu)
{
    char hex[2 * ISA_MAX_ILEN + 1] = "", text[256] = "(no instruction)";

    for (unsigned i = 0; i < insn->length && i < ISA_MAX_ILEN; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    if (insn->insn != ISA_NONE)
        isa_print(cpu->isa, &cpu->features, insn, 0, text, sizeof(text));
    log_line("0x%08" PRIx64 ":  %-16s  %s", insn->pc, hex, text);
}

unsigned trace_insn(struct cpu *cpu, uint64_t pc, uint64_t mode)
{
    uint8_t bytes[ISA_MAX_ILEN] = { 0 };
    struct isa_decoded insn;
    unsigned size = ISA_MAX_ILEN;

    while (size && space_fetch(cpu->space, pc, bytes, size, NULL) < 0)
        size--;
    if (size == 0)
        return 0;
    isa_decode(cpu->isa, &cpu->features, mode, pc, bytes, size, &insn);
    print_insn(&insn, bytes, cpu);
    return insn.length ? insn.length : 1;
}

bool trace_shows(uint64_t pc, uint64_t end)
{
    bool shown = wanted->nfilters == 0;

    for (unsigned i = 0; i < wanted->nfilters; i++)
        shown = shown || (pc <= wanted->filter[i].last && end > wanted->filter[i].first);
    return shown;
}

static void show_block(struct cpu *cpu, uint64_t pc, uint64_t end, uint64_t mode)
{
    unsigned length = 1;
    uint64_t distance;
    const char *name;

    if (!trace_shows(pc, end))
        return;
    name = symbols_find(cpu->space, pc, &distance);
    log_line("IN:%s%s", name ? " " : "", name ? name : "");
    for (; pc < end && length; pc += length)
        length = trace_insn(cpu, pc, mode);
}

/* All registers that are not zero, four to a line. */
static void show_registers(struct cpu *cpu)
{
    char line[256];
    int n = snprintf(line, sizeof(line), "%8s %016" PRIx64, "pc", cpu->pc), shown = 1;

    for (unsigned f = 0; f < cpu->isa->nfiles; f++) {
        const struct isa_file *file = &cpu->isa->files[f];

        for (unsigned i = 0; !file->hidden && i < file->count; i++) {
            char text[32];
            const char *name = file_element_name(cpu->isa, f, i, text, sizeof(text));
            struct fp128 value =
                state_get(cpu, f, i, 0, file->width > 64 ? 64 : file->width);

            if (value.lo == 0)
                continue;
            n += snprintf(line + n, sizeof(line) - (size_t)n, " %8.32s %016" PRIx64, name,
                          value.lo);
            if (++shown % 4 == 0) {
                log_line("%s", line);
                n = 0;
            }
        }
    }
    if (n)
        log_line("%s", line);
}

static void show_entry(struct cpu *cpu)
{
    if (!trace_shows(cpu->pc, cpu->pc + 1))
        return;
    if (wanted->log & LOG_EXEC)
        log_line("Trace %u: %016" PRIx64, cpu->id, cpu->pc);
    if (wanted->log & LOG_CPU)
        show_registers(cpu);
}

void trace_start(const struct run_options *options)
{
    wanted = options;
    if (options->log & LOG_IN_ASM)
        trace.translated = show_block;
    if (options->log & (LOG_EXEC | LOG_CPU))
        trace.block = show_entry;
    trace.count = options->count;
    trace_jit_start(options, &trace);
    if (trace.translated || trace.block || trace.count || trace.region || trace.code ||
        trace.name)
        isa_trace = &trace;
}
