/* trace.h - starts what -d asked for. */
#ifndef RHEA_USER_TRACE_H
#define RHEA_USER_TRACE_H

struct run_options;

/* Before the engine is attached. */
void trace_start(const struct run_options *options);

#endif
