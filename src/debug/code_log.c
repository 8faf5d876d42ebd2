/* code_log.c - what -d in_asm, exec and cpu print: see code_log.h. */
#include "debug/code_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/report.h"
#include "isa/cpu.h"
#include "isa/decode.h"
#include "isa/state.h"
#include "isa/text.h"

static const struct code_log *wanted;

/* ------------------------------------------------------------------------ -dfilter */

/* The range at *text, which is then behind it. */
static struct code_range read_range(const char *all, const char **text)
{
    char *end;
    uint64_t first = strtoull(*text, &end, 0), second = 0;
    const char *op = end;
    struct code_range range;

    if (end != *text && strncmp(op, "..", 2) == 0)
        second = strtoull(op + 2, &end, 0);
    else if (end != *text && (*op == '+' || *op == '-'))
        second = strtoull(op + 1, &end, 0);
    else
        die("-dfilter %s: want START+SIZE, END-SIZE or START..LAST", all);
    range.first = *op == '-' ? first - second + 1 : first;
    range.last = *op == '.' ? second : *op == '+' ? first + second - 1 : first;
    if (end == op + 1 || (*end && *end != ',') || range.last < range.first)
        die("-dfilter %s: not a range", all);
    *text = end + (*end == ',');
    return range;
}

void code_log_filter(struct code_log *log, const char *text)
{
    for (const char *at = text; *at;) {
        if (log->nranges == CODE_RANGES)
            die("-dfilter %s: want at most %d ranges", text, CODE_RANGES);
        log->ranges[log->nranges++] = read_range(text, &at);
    }
}

bool code_log_shows(uint64_t pc, uint64_t end)
{
    bool shown = wanted->nranges == 0;

    for (unsigned i = 0; i < wanted->nranges; i++)
        shown = shown || (pc <= wanted->ranges[i].last && end > wanted->ranges[i].first);
    return shown;
}

/* ---------------------------------------------------------------------------- code */

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

unsigned code_log_insn(struct cpu *cpu, uint64_t pc, uint64_t mode)
{
    uint8_t bytes[ISA_MAX_ILEN] = { 0 };
    struct isa_decoded insn;
    unsigned size = wanted->fetch(cpu, pc, bytes, ISA_MAX_ILEN);

    if (size == 0)
        return 0;
    isa_decode(cpu->isa, &cpu->features, mode, pc, bytes, size, &insn);
    print_insn(&insn, bytes, cpu);
    return insn.length ? insn.length : 1;
}

static void show_block(struct cpu *cpu, uint64_t pc, uint64_t end, uint64_t mode)
{
    unsigned length = 1;
    const char *name;

    if (!code_log_shows(pc, end))
        return;
    name = wanted->name ? wanted->name(cpu, pc) : NULL;
    log_line("IN:%s%s", name ? " " : "", name ? name : "");
    for (; pc < end && length; pc += length)
        length = code_log_insn(cpu, pc, mode);
}

void code_log_registers(struct cpu *cpu)
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
    if (!code_log_shows(cpu->pc, cpu->pc + 1))
        return;
    if (wanted->exec)
        log_line("Trace %u: %016" PRIx64, cpu->id, cpu->pc);
    if (wanted->cpu)
        code_log_registers(cpu);
}

void code_log_start(const struct code_log *log, struct trace *trace)
{
    wanted = log;
    if (log->in_asm)
        trace->translated = show_block;
    if (log->exec || log->cpu)
        trace->block = show_entry;
}
