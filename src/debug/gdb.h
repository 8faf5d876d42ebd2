/* gdb.h - a debugger's server: GDB's remote serial protocol, without transport and
 * without a guest's name.
 *
 * Bytes of the client go to gdb_feed(); what is to be sent goes to target->send.  What is
 * debugged is a struct gdb_target: threads, memory and files behind callbacks.  The
 * target is either stopped (gdb_feed answers) or resumed (gdb_feed takes the interrupt
 * alone) until it calls gdb_report().  Whatever the client sends, packets are bounded and
 * answered. */
#ifndef RHEA_GDB_H
#define RHEA_GDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "isa/cpu.h"

enum { GDB_PACKET = 16384 }; /* bytes of the longest packet, both ways */

/* -------------------------------------------------------------------------- the target
 */

enum gdb_action_kind { GDB_CONTINUE, GDB_STEP };
struct gdb_action {
    int64_t pid, tid; /* -1: all */
    enum gdb_action_kind kind;
    uint64_t start, end; /* GDB_STEP: on while the pc is in [start, end) */
    int signal;          /* of gdb's numbers, to be delivered; 0: none */
};

enum gdb_point {
    GDB_SOFT_BREAK,
    GDB_HARD_BREAK,
    GDB_WATCH_WRITE,
    GDB_WATCH_READ,
    GDB_WATCH
};
enum gdb_object { GDB_AUXV, GDB_EXEC_FILE, GDB_SIGINFO };

/* What gdb's vFile:fstat tells, in its order. */
enum {
    GDB_STAT_DEV,
    GDB_STAT_INO,
    GDB_STAT_MODE,
    GDB_STAT_NLINK,
    GDB_STAT_UID,
    GDB_STAT_GID,
    GDB_STAT_RDEV,
    GDB_STAT_SIZE,
    GDB_STAT_BLKSIZE,
    GDB_STAT_BLOCKS,
    GDB_STAT_ATIME,
    GDB_STAT_MTIME,
    GDB_STAT_CTIME,
    GDB_STAT_FIELDS
};

/* Errors are negated numbers of gdb's file protocol (the low ones of every Unix). */
enum { GDB_ENOENT = 2, GDB_EIO = 5, GDB_EBADF = 9, GDB_EACCES = 13, GDB_EINVAL = 22 };

/* What insert and remove say of a kind that the target has not. */
enum { GDB_UNSUPPORTED = 1 };

/* All are called while the target is stopped, except interrupt and send.  Those from
 * `run` on may be NULL, but for all of the files' together: the client is told that there
 * is no such thing. */
struct gdb_target {
    void *context;
    int64_t pid;
    const struct isa *isa; /* its `gdb` items name and number the registers */
    const char *osabi;     /* as gdb's `set osabi` has it */
    bool big;
    bool was_there; /* before the client, which leaves it there */

    void (*send)(void *context, const void *bytes, size_t size);
    /* The smallest thread id above `after`; -1: no more. */
    int64_t (*next_thread)(void *context, int64_t after);
    struct cpu *(*cpu)(void *context, int64_t tid); /* NULL: no such thread */
    void (*registers_changed)(void *context, int64_t tid);
    int (*thread_name)(void *context, int64_t tid, char *text, size_t size);

    size_t (*read)(void *context, uint64_t addr, void *to, size_t size); /* how many */
    int (*write)(void *context, uint64_t addr, const void *from, size_t size);
    int (*insert)(void *context, enum gdb_point point, uint64_t addr, uint64_t size);
    int (*remove)(void *context, enum gdb_point point, uint64_t addr, uint64_t size);

    void (*resume)(void *context, const struct gdb_action *actions, size_t count);
    void (*interrupt)(void *context); /* asks for a report soon */
    /* These two: 0; -1: no such process.  The client may be another process' afterwards.
     */
    int (*detach)(void *context, int64_t pid);
    int (*kill)(void *context, int64_t pid);
    /* Runs another program in place of this one; NULL: the same.  Returns only if it
     * cannot. */
    int (*run)(void *context, char *const *argv);
    /* A packet for a process that is not this one.  false: there is none. */
    bool (*forward)(void *context, int64_t pid, const void *packet, size_t size);
    void (*pass_signals)(void *context, const uint8_t *bytes); /* 32: a bit for each */
    /* `count` numbers; catch false: none are caught; count 0: all are. */
    void (*catch_calls)(void *context, bool catch, const int64_t *numbers, size_t count);

    /* Its bytes, for the caller to free; NULL: there is none. */
    char *(*object)(void *context, enum gdb_object object, int64_t tid, size_t *size);
    int (*open)(void *context, const char *path); /* a descriptor, or an error */
    int64_t (*pread)(void *context, int fd, void *to, size_t size, uint64_t offset);
    int (*close)(void *context, int fd);
    int (*stat)(void *context, int fd, uint64_t values[GDB_STAT_FIELDS]);
    int64_t (*readlink)(void *context, const char *path, char *to, size_t size);
    /* Of a q or Q packet that the server does not know.  false: nor is it known here. */
    bool (*answer)(void *context, const char *packet, char *text, size_t size);
};

/* -------------------------------------------------------------------------- the server
 */

enum gdb_stop {
    GDB_STOP_SIGNAL, /* or the end of a step, an interrupt: `signal` */
    GDB_STOP_BREAK,
    GDB_STOP_WATCH, /* addr, access */
    GDB_STOP_FORK,  /* pid, tid of the child */
    GDB_STOP_VFORK,
    GDB_STOP_VFORK_DONE,
    GDB_STOP_EXEC,   /* path */
    GDB_STOP_CALL,   /* number: a system call begins */
    GDB_STOP_RETURN, /* it ended */
    GDB_STOP_EXITED, /* number: the status */
    GDB_STOP_KILLED, /* signal */
};

struct gdb_event {
    enum gdb_stop kind;
    int64_t tid;
    int signal; /* of gdb's numbers */
    uint64_t addr;
    enum gdb_point point; /* STOP_WATCH: the kind of the watch */
    int64_t child_pid, child_tid;
    const char *path;
    int64_t number;
};

/* What client and server agreed on; plain data, handed on over an exec. */
enum gdb_option {
    GDB_NO_ACK = 1,
    GDB_MULTIPROCESS = 2,
    GDB_SWBREAK = 4,
    GDB_HWBREAK = 8,
    GDB_FORK_EVENTS = 16,
    GDB_VFORK_EVENTS = 32,
    GDB_EXEC_EVENTS = 64,
    GDB_EXTENDED = 128,
};

struct gdb {
    const struct gdb_target *target;
    unsigned options; /* GDB_* */
    bool is_resumed;
    int64_t general_pid, general; /* Hg: thread of registers and memory */
    int64_t step;                 /* Hc: of `c` and `s`; -1: all */
    int64_t listed;               /* qfThreadInfo: last one told */
    struct gdb_event last;        /* for `?` */
    char last_path[512];
    char *text; /* qXfer: the object that is being read */
    size_t text_size;
    char text_of[64];
    /* The packet that arrives. */
    enum { GDB_IDLE, GDB_BODY, GDB_SUM1, GDB_SUM2 } state;
    bool is_too_long;
    uint8_t sum, sum1;
    size_t in_size;
    uint8_t in[GDB_PACKET + 1];
    /* The reply; kept until it is acknowledged. */
    size_t out_size;
    uint8_t out[GDB_PACKET + 1];
};

void gdb_start(struct gdb *gdb, const struct gdb_target *target, unsigned options);
void gdb_end(struct gdb *gdb); /* frees what it holds */
void gdb_feed(struct gdb *gdb, const void *bytes, size_t size);
/* The target has stopped: tells the client.  Requires: it was resumed, or has not begun.
 */
void gdb_report(struct gdb *gdb, const struct gdb_event *event);
/* The same before the client asks (it begins with `?`). */
void gdb_set_event(struct gdb *gdb, const struct gdb_event *event);
/* What detach() or kill() answers when all is well. */
void gdb_accept(struct gdb *gdb);
/* gdb_stops.c: what insert and remove do where the target has a set of stops.  The first
 * returns what insert does, the second whether there was one. */
bool gdb_is_break(enum gdb_point point);
int gdb_add_stop(struct stops *stops, enum gdb_point point, uint64_t addr, uint64_t size);
bool gdb_remove_stop(struct stops *stops, enum gdb_point point, uint64_t addr,
                     uint64_t size);
enum gdb_point gdb_watch_point(unsigned access); /* that looks for WATCH_* */
/* The target is gone, and nobody else answers: an error for a packet that was forwarded.
 */
void gdb_refuse(struct gdb *gdb);

#endif
