/* debugger.h - gdb looks at a machine.  Its server is on the device thread: all CPUs, and
 * the clock, stand still while it answers. */
#ifndef RHEA_SYS_DEBUGGER_H
#define RHEA_SYS_DEBUGGER_H

struct debugger;
struct machine;

/* `where`: tcp::PORT (of the loopback interface) or unix:PATH; die()s where that cannot
 * be. */
struct debugger *debugger_new(const char *where, struct machine *machine);
void debugger_free(struct debugger *debugger); /* NULL: nothing; these, too */
/* The machine is paused.  With the bus lock. */
void debugger_stopped(struct debugger *debugger);
/* It was switched off. */
void debugger_end(struct debugger *debugger, int status);

#endif
