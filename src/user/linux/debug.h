/* debug.h - `rhea run -g`: guest threads that a debugger stops and resumes.
 *
 *   debug.c         guest threads: events, parking     debug_server.c  the client's side
 *   debug_target.c  what the protocol asks for         debug_fork.c    other processes
 *
 * A host thread of its own speaks with the client.  Guest threads report events and wait
 * (parked) until they are resumed; it looks at them and their memory only while all are
 * parked.  With proc->debug NULL none of this is called. */
#ifndef RHEA_LINUX_DEBUG_H
#define RHEA_LINUX_DEBUG_H

#include "user/linux/linux.h"

/* -g: PORT (of the loopback interface), a path of a socket (%d: the process), "-" for
 * standard input and output.  Waits for a client.  die()s of what cannot be. */
void debug_start(struct task *t, const char *where);
void debug_begin(struct task *t); /* then, when signals are caught */
/* A guest thread begins (before it runs anything) and ends. */
void debug_thread_begins(struct task *t);
void debug_thread_ends(struct task *t);

/* Runs the engine as the client wants it; waits first if the client wants that. */
void debug_run(struct task *t);
/* After the engine's event was handled: the end of a step, breakpoints, watchpoints. */
void debug_after(struct task *t, unsigned kind);
/* A signal that is to be delivered: returns what is, 0 for none. */
int debug_signal(struct task *t, int signo, struct sig_info *info);
/* A system call begins or ends. */
void debug_call(struct task *t, bool begins, uint64_t number);
/* Around fork(): `pid` is its result.  The child's thread waits for the client's will. */
void debug_before_fork(struct task *t, bool is_vfork);
void debug_after_fork(struct task *t, int64_t pid, bool is_vfork);
void debug_vfork(struct task *t); /* in the parent, before it waits */
void debug_vfork_done(struct task *t);
/* What -g is for the program that an exec puts in place of this one; NULL: nothing. If it
 * fails, debug_exec_failed. */
const char *debug_before_exec(struct task *t);
void debug_exec_failed(struct task *t);
void debug_exit(struct task *t, int status);
void debug_death(struct task *t, int signo);

int signal_to_gdb(int signo); /* of the guest */
int signal_from_gdb(int signal);

#endif
