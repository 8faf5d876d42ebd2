/* trace.h - starts what -d asked for. */
#ifndef RHEA_USER_TRACE_H
#define RHEA_USER_TRACE_H

#include <stdbool.h>

/* `log`: LOG_* bits; `count`: instructions are counted.  Before the engine is attached.
 */
void trace_start(unsigned log, bool count);

#endif
