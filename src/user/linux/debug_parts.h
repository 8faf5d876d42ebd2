/* debug_parts.h - the debugger from the inside. */
#ifndef RHEA_LINUX_DEBUG_PARTS_H
#define RHEA_LINUX_DEBUG_PARTS_H

#include "debug/gdb.h"
#include "isa/stops.h"
#include "user/linux/debug.h"

enum { DEBUG_MAX_CALLS = 512, DEBUG_FILES = 64 };

/* A guest thread. */
struct debug_task {
    struct task *task;
    int64_t tid;
    struct debug_task *next;
    bool is_parked; /* waits: its state may be looked at */
    bool may_run;
    bool is_resumed;            /* by the client: it may be told of an event */
    bool has_event;             /* not yet told */
    struct gdb_event event;     /* the last one */
    struct sig_info info;       /* of a signal, or of what was like one */
    struct gdb_action action;   /* how it was resumed */
    bool is_stepping, is_first; /* nothing was stepped yet */
    bool has_later, awaits_vfork;
    struct gdb_event later; /* told when the system call is over */
};

enum debug_state { DEBUG_RUNNING, DEBUG_STOPPING, DEBUG_STOPPED, DEBUG_OVER };

struct debugger {
    struct proc *proc;
    struct host_lock *lock; /* of what follows; memory and gdb are the server's alone */
    enum debug_state state;
    bool is_interrupted; /* the client asked for a stop */
    bool is_leaving;     /* the client is gone: let all go on */
    bool is_exit_told;
    bool is_dead; /* killed, or has ended: an extended client may run another */
    bool is_killed;
    struct debug_task *tasks;
    struct debug_task *ending; /* has exited: its event is to be told */
    struct stops stops;
    uint8_t passed[32];
    bool catches_calls;
    size_t ncalls; /* 0: all */
    int64_t calls[DEBUG_MAX_CALLS];

    struct gdb gdb;
    struct gdb_target target;
    int in, out;            /* the client; -1: none */
    bool is_peer;           /* it is the process that forked us */
    int wake[2];            /* a pipe: the server is to look */
    int peer;               /* of a child that waits for the client's will; -1 */
    bool peer_runs;         /* the client waits for its report */
    int ends[2];            /* while a fork is being made */
    int files[DEBUG_FILES]; /* of the client; -1: free */
    char exec_option[2048];
};

/* debug.c */
struct debug_task *debug_task_of(struct task *t);
void debug_wake(struct debugger *d);
/* Reports an event and waits until resumed. */
void debug_stop(struct debug_task *dt, const struct gdb_event *event);
/* Requires: the lock.  All are told to park. */
void debug_stop_all(struct debugger *d);
bool debug_all_parked(const struct debugger *d);

/* debug_server.c */
void debug_serve(struct debugger *d); /* starts the thread that does */
void debug_setup(struct debugger *d, struct task *t, unsigned options);
void debug_leave(struct debugger *d); /* no client any more: all go on for ever */
void debug_send(void *context, const void *bytes, size_t size);
/* Requires: the lock, all parked.  A stop of the set was added or removed. */
void debug_stops_changed(struct debugger *d, uint64_t pc);

/* debug_target.c */
void debug_fill_target(struct debugger *d);

/* debug_fork.c */
void debug_hand_over(struct debugger *d); /* the client, to the peer */
/* Reads from a peer's socket; may become the client's own.  As read(). */
long debug_receive(struct debugger *d, void *bytes, size_t size);
void debug_peer_readable(struct debugger *d);
int debug_run_again(void *context, char *const *argv); /* as gdb_target's run */

#endif
