/* code_log.h - what -d in_asm, exec and cpu print of the code that a guest executes, and
 * which of it -dfilter lets through. */
#ifndef RHEA_DEBUG_CODE_LOG_H
#define RHEA_DEBUG_CODE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "isa/trace.h"

struct cpu;

struct code_range {
    uint64_t first, last;
};
enum { CODE_RANGES = 32 };

struct code_log {
    bool in_asm, exec, cpu;
    struct code_range ranges[CODE_RANGES]; /* -dfilter */
    unsigned nranges;                      /* 0: all code */
    /* Reads up to `size` bytes of code; how many. */
    unsigned (*fetch)(struct cpu *cpu, uint64_t pc, void *to, unsigned size);
    /* What the code at pc is called; may be NULL, and return NULL. */
    const char *(*name)(struct cpu *cpu, uint64_t pc);
};

/* START+SIZE, END-SIZE, START..LAST, separated by commas: adds them, or die()s. */
void code_log_filter(struct code_log *log, const char *text);

/* Adds to `trace` what is wanted; `log` stays where it is. */
void code_log_start(const struct code_log *log, struct trace *trace);

/* Whether -dfilter lets code of [pc, end) through. */
bool code_log_shows(uint64_t pc, uint64_t end);
/* Shows the instruction at pc.  Its length, or 0: it cannot be read. */
unsigned code_log_insn(struct cpu *cpu, uint64_t pc, uint64_t mode);
/* All registers that are not zero, four to a line. */
void code_log_registers(struct cpu *cpu);

#endif
