/* trace.h - starts what -d asked for. */
#ifndef RHEA_USER_TRACE_H
#define RHEA_USER_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct run_options;
struct trace;

/* Before the engine is attached. */
void trace_start(const struct run_options *options);

#ifdef RHEA_JIT
/* trace_jit.c.  Adds to `trace` what it has for the options. */
void trace_jit_start(const struct run_options *options, struct trace *trace);
#else
static inline void trace_jit_start(const struct run_options *options, struct trace *trace)
{
    (void)options, (void)trace;
}
#endif

#endif
