/* debugger.h - gdb looks at a machine.  Its server is on the device thread: all CPUs, and
 * the clock, stand still while it answers. */
#ifndef RHEA_SYS_DEBUGGER_H
#define RHEA_SYS_DEBUGGER_H

#include <stdbool.h>

struct debugger;
struct machine;

/* `where`: tcp::PORT (of the loopback interface) or unix:PATH.  NULL: that cannot be, and
 * `error` says why. */
enum { DEBUGGER_ERROR = 256 };
struct debugger *debugger_new(const char *where, struct machine *machine,
                              char error[DEBUGGER_ERROR]);
void debugger_free(struct debugger *debugger); /* NULL: nothing; these, too */
bool debugger_has_client(const struct debugger *debugger);
/* It has a client that keeps the machine from running. */
bool debugger_holds(const struct debugger *debugger);
/* The machine is paused.  With the bus lock. */
void debugger_stopped(struct debugger *debugger);
/* It was switched off. */
void debugger_end(struct debugger *debugger, int status);

#endif
