/* perf.h - tells the host's perf what machine code is of which guest function. */
#ifndef RHEA_USER_PERF_H
#define RHEA_USER_PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu;
struct run_options;

/* false: the options ask for nothing.  Dies where a file cannot be made. */
bool perf_start(const struct run_options *options);
/* The host's code at [code, code + size) has this name from now on. */
void perf_code(const struct cpu *cpu, const char *name, const void *code, size_t size);
#ifdef RHEA_JIT
void perf_end(void); /* the process ends */
#else
static inline void perf_end(void)
{
}
#endif

#endif
