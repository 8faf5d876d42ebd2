/* linux.h - one guest process, and what all system calls use.
 *
 * A system call is a function `sys_NAME` and a row in calls.h.  It gets the six argument
 * registers as they are and returns a result, or a negated errno of the host. */
#ifndef RHEA_USER_LINUX_LINUX_H
#define RHEA_USER_LINUX_LINUX_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "base/log.h"
#include "isa/cpu.h"
#include "isa/engine.h"
#include "isa/space.h"
#include "user/linux/abi.h"

struct debugger;
struct host_lock;
struct iovec;
struct run_options;
struct task;

/* "Results" that only the run loop sees. */
enum {
    RESTART = 512,        /* a signal came: the call runs again if SA_RESTART */
    NO_RESTART = 513,     /* a signal came: EINTR if a handler runs, else again */
    ALWAYS_RESTART = 515, /* a signal came: the call runs again in any case */
    STOP_ENDS = 516,      /* for blocking() only: NO_RESTART, but EINTR after SIGCONT */
    NO_RESULT = 514,      /* registers are as they should be (sigreturn) */
};

enum { GUEST_SIGNALS = 64, GUEST_LIMITS = 16, MAX_PENDING = 4 };

/* What the guest asked for; handlers 0 and 1 are SIG_DFL and SIG_IGN. */
struct sig_action {
    uint64_t handler, flags, mask, restorer;
    bool is_known; /* false: as inherited, ask the host */
};

/* A siginfo in no particular layout. */
struct sig_info {
    uint64_t value[INFO_FIELDS];
};

/* One process: its threads share it.  `lock` is for what is marked so. */
struct proc {
    struct host_lock *lock;
    struct task *tasks;   /* lock: all threads that have not ended */
    bool has_threads;     /* lock: there has been a second one */
    uint64_t ended_insns; /* lock: executed by those that have */
    const struct abi *abi;
    const struct isa *isa;
    struct space *space;
    const struct run_options *options;
    char *exe;                           /* absolute path of the program */
    const char *root;                    /* -L: absolute and without links; or NULL */
    bool confined;                       /* there is nothing but the root */
    int self_fd;                         /* rhea, where /proc may not be; -1: is there */
    uint64_t brk_start, brk, brk_mapped; /* lock; mapped up to here */
    uint64_t stack_low, stack_high, start_sp;
    uint64_t code_start, code_end, data_start, data_end; /* of the program */
    bool has_mem_file;                                   /* /proc/self/mem was opened */
    uint64_t vdso, trampoline;   /* the latter is the address of its rt_sigreturn */
    uint64_t arg_start, arg_end; /* bytes of the argument strings */
    uint64_t env_end;            /* those of the environment follow */
    uint64_t aux_start, aux_end; /* of the auxiliary vector */
    struct sig_action actions[GUEST_SIGNALS + 1]; /* lock */
    struct isa_reg sigregs[ABI_MAX_SIGREGS];      /* abi->sigregs */
    struct isa_reg number, args[6], result, sp, tp, ra, handler_args[3];
    struct {
        uint64_t soft, hard;
        bool is_set;
    } limits[GUEST_LIMITS]; /* those of memory, as the guest set them */
    struct debugger *debug; /* -g, or NULL */
    bool is_dumping;        /* core files are allowed: rhea catches what would make one */
    bool is_dying;          /* a core is written: threads park */
    unsigned parked;
    bool syncs_code;       /* membarrier may make all threads see changed code */
    uint8_t trap_row[256]; /* isa->traps -> abi->traps; 0xff: none */
};

/* One thread. */
struct task {
    struct task *next; /* proc's lock */
    int tid;
    struct cpu *cpu;
    const struct engine *engine;
    struct proc *proc;
    volatile uint32_t *kick; /* &cpu->kick */
    uint64_t blocked;        /* signals, bit n-1; the host's mask is the same */
    uint64_t saved_blocked;  /* before sigsuspend, ppoll, ...; if has_saved */
    bool has_saved;
    uint64_t alt_sp, alt_size; /* sigaltstack */
    uint32_t alt_flags;
    bool bus_fault;        /* of the last fault: SIGBUS on the host */
    struct sig_info dying; /* what it dies of */
    /* Came from the host, oldest first; others wait in the kernel.  There is more than
     * one only when a second came just as the first mask was being lifted. */
    struct sig_info pending[MAX_PENDING];
    volatile unsigned npending;
    struct sig_info held[2]; /* SIGSEGV, SIGBUS: sent while the guest blocks them */
    uint64_t held_set;       /* of them, bit n-1 */
    uint64_t clear_tid;      /* set_tid_address */
    uint64_t robust_list;
    uint64_t settid[2];         /* of clone: where its id goes, 0: nowhere */
    bool has_started, is_known; /* proc's lock: to its parent */
    bool is_ending;             /* proc's lock */
    jmp_buf leave;              /* the end of a thread that is not the first */
    int64_t restart;            /* 0, or why the call at pc did not finish */
    bool has_until;             /* ... and when it was to: see wait_until() */
    struct timespec until;
    struct vfork *vfork; /* clone.c: of a vfork's child, whose parent waits; or NULL */
};

/* ------------------------------------------------------------ guest memory: guest.c */

uint64_t get_guest(const struct abi *abi, const void *bytes, unsigned size);
void put_guest(const struct abi *abi, void *bytes, unsigned size, uint64_t value);
int64_t sign_extend(uint64_t value, unsigned size);
bool same_order(const struct abi *abi); /* guest's and host's bytes; order.c */

/* Structs by layout: values in the order of its fields.  0 or -EFAULT. */
int read_struct(struct task *t, uint64_t addr, const struct layout *layout,
                unsigned count, uint64_t *values);
int write_struct(struct task *t, uint64_t addr, const struct layout *layout,
                 unsigned count, const uint64_t *values);
/* The same in bytes already read, for arrays and parts. */
void layout_unpack(const struct abi *abi, const struct layout *layout, unsigned count,
                   const uint8_t *bytes, uint64_t *values);
void layout_pack(const struct abi *abi, const struct layout *layout, unsigned count,
                 uint8_t *bytes, const uint64_t *values);

/* One number.  0 or -EFAULT. */
int read_number(struct task *t, uint64_t addr, unsigned size, uint64_t *value);
int write_number(struct task *t, uint64_t addr, unsigned size, uint64_t value);

/* A string with its NUL: 0, -EFAULT, or -ENAMETOOLONG when it does not fit. */
int read_string(struct task *t, uint64_t addr, char *to, size_t size);

/* A buffer for the host: its address, and in *size how much of it is there as one piece
 * (at least 1 if asked for any); NULL: nothing. */
void *buffer(struct task *t, uint64_t addr, uint64_t *size, unsigned prot);

/* An iovec array: host pieces, at most `max`; the count, or a negated errno. */
enum { MAX_IOV = 1024 };
int read_iovec(struct task *t, uint64_t addr, uint64_t count, unsigned prot,
               struct iovec *pieces);

/* Argument number i as 64 bits (two registers of a 32-bit guest); `i` counts as if every
 * argument before it took one register. */
uint64_t arg64(struct task *t, const uint64_t *a, unsigned i);

/* order.c: turns what was read from (or is to be written to) an eventfd and the like into
 * the other byte order, if the guest's is another than the host's. */
void order_bytes(struct task *t, int fd, void *bytes, int64_t size);

/* times: a timespec of the guest as host struct; addr 0 leaves it and returns 0. */
int read_timespec(struct task *t, uint64_t addr, struct timespec *to);
int write_timespec(struct task *t, uint64_t addr, const struct timespec *from);

/* ------------------------------------------------------------------- the host's side */

/* The result of a host call that returned -1 with errno. */
#define RESULT(call) result_of((int64_t)(call))
int64_t result_of(int64_t result);

/* A host system call that a guest signal may end; `kind`: RESTART, NO_RESTART,
 * ALWAYS_RESTART or STOP_ENDS. */
int64_t blocking(struct task *t, int kind, long number, const long args[6]);
#define BLOCKING(t, kind, number, ...)                                                   \
    blocking(t, kind, number, (const long[6]){ __VA_ARGS__ })

/* For a call that waits at most *timeout on `clock` and does not run again after a
 * handler: where it runs again without one, *timeout becomes what is left of it. */
void wait_until(struct task *t, clockid_t clock, struct timespec *timeout);

/* Tables of convert.c.  Unknown bits are dropped, or kept where the comment says so. */
int errno_to_guest(int error);
int signal_to_host(int signo); /* -1: no such signal */
int signal_to_guest(int signo);
uint64_t sigset_to_host_bits(uint64_t set);
int open_flags_to_host(uint64_t flags);
uint64_t open_flags_to_guest(int flags);

/* path.c: where the host keeps what the guest calls `path` (its rules are there).  0 or a
 * negated errno.  `how`: whether a link at the end is followed. */
enum { PATH_SIZE = 4096 };
enum { PATH_FOLLOW, PATH_NOFOLLOW };
int read_path(struct task *t, uint64_t dirfd, uint64_t addr, int how, char *to);
/* The guest's path in `path` (PATH_SIZE), which may begin at dirfd, becomes the host's;
 * 0, or a negated errno. */
int place_path(struct task *t, int dirfd, int how, char *path);
const char *path_to_host(struct task *t, const char *path, char *to);
/* What the guest is told of a path that the kernel told: part of `path`. */
const char *path_to_guest(const struct proc *p, const char *path);

/* sun_path.c: the address of a socket that has a name in the file system gets the name
 * there is on the host; `how` as above.  Returns the new size or a negated errno.  A name
 * that would be too long begins at *dir, else that is -1; to be closed after the call. */
int64_t sun_path_to_host(struct task *t, struct sockaddr_storage *address, int64_t size,
                         int how, int *dir);
/* What the guest is told of an address that the kernel told.  Returns the new size. */
socklen_t sun_path_to_guest(const struct proc *p, struct sockaddr_storage *address,
                            socklen_t size);

/* proc.c: the guest's program if `path` is /proc/PID/exe of a process that rhea runs,
 * else NULL; may use `to`, of PATH_SIZE. */
const char *proc_exe(struct task *t, const char *path, char *to);
/* The lines of /proc/self/maps, as the guest sees it. */
void proc_write_maps(struct task *t, FILE *out);
/* What is after /proc/PID/ and the folder of a task, if that is this process; or NULL. */
const char *proc_own_file(const char *path);
/* proc_task.c: how many threads the guest has; a `status` as the guest is to see it; and
 * what is left of a folder's entries (getdents64) without rhea's own threads. */
unsigned proc_count_tasks(struct proc *p);
void proc_write_status(struct task *t, const char *path, FILE *out);
long proc_hide_threads(struct task *t, int fd, uint8_t *entries, long size);
/* proc_mem.c: fd is /proc/self/mem; and reading or writing it, at -1: where it stands. */
bool proc_is_mem(const struct task *t, int fd);
int64_t proc_mem_move(struct task *t, int fd, void *bytes, uint64_t size, int64_t at,
                      bool is_write);
/* `path` was opened: if it is one that the guest sees otherwise, fd becomes that. */
void proc_file_opened(struct task *t, const char *path, int fd, int flags);

/* ---------------------------------------------------------------- signals: signal.c */

void signals_start(struct task *t);        /* of the first thread, once */
void signals_start_thread(struct task *t); /* of a further one, in it */
struct task *task_current(void);           /* of this thread; NULL: none yet */
/* The thread ends: what came for the process goes to another one. */
void signals_give_back(struct task *t);
/* A signal came that the guest does not block. */
bool signals_waiting(const struct task *t);
/* Takes a signal of `set` that waits here, not in the kernel. */
bool signals_take_held(struct task *t, uint64_t set, struct sig_info *info);
/* After the first thread was made: the host's C library takes signals for itself then. */
void signals_take_over(struct task *t);
void actions_to_default(struct task *t); /* handlers only, not what is ignored */
/* Between blocks: delivers what is pending, or dies of it; settles t->restart. */
void signals_deliver(struct task *t);
/* A fault of the guest: delivered at once. */
void signal_force(struct task *t, int signo, int code, uint64_t addr);
void set_blocked(struct task *t, uint64_t mask); /* the guest's, and the host's */
/* Calls that wait with another mask pass it to the host's call, as 8 bytes in *host. */
void use_mask(struct task *t, uint64_t mask, uint64_t *host);
int64_t end_mask(struct task *t, int64_t result); /* afterwards; returns result */
void task_interrupt(struct task *t); /* leaves engine or system call for its run loop */
_Noreturn void die_of_signal(struct task *t, int signo);
struct sig_action *action_of(struct task *t, int signo); /* requires: proc's lock */
void install_action(struct task *t, int signo);
void faults_are_seen(struct task *t);     /* registers, by a handler or in a core file */
void signals_catch_dumps(struct task *t); /* if RLIMIT_CORE is not 0 */
void signals_before_exec(struct task *t);
bool on_altstack(const struct task *t, uint64_t sp);

/* siginfo.c */
void siginfo_from_host(struct sig_info *info, const void *host_siginfo);
void siginfo_pack(const struct abi *abi, const struct sig_info *info, uint8_t *bytes);
int write_siginfo(struct task *t, uint64_t addr, const struct sig_info *info);
void siginfo_to_host(const struct sig_info *info, void *host_siginfo);
int read_siginfo(struct task *t, uint64_t addr, struct sig_info *info);

/* frame.c: the stack frame of a handler.  0, or -1 where it cannot be written or read. */
int frame_push(struct task *t, int signo, const struct sig_info *info,
               const struct sig_action *action, uint64_t old_mask);
int frame_pop(struct task *t, uint64_t *mask);
void registers_save(struct task *t, uint8_t *context); /* as abi->sigregs has them */

/* core.c: writes a core file, if there is to be one; other threads stay parked.  True: it
 * is whole. */
bool core_dump(struct task *t, int signo);
bool dumps_core(int signo); /* a signal that does */
_Noreturn void core_park(struct task *t);

/* ------------------------------------------------------------- threads: thread.c */

void task_add(struct task *t);
void tasks_kick(struct proc *p); /* all leave their engines soon */

/* Arguments of clone; `flags` without the signal.  These flags matter to threads, too. */
enum {
    CLONE_F_SETTLS = 0x80000,
    CLONE_F_PARENT_SETTID = 0x100000,
    CLONE_F_CHILD_CLEARTID = 0x200000,
    CLONE_F_CHILD_SETTID = 0x1000000,
};
struct clone_args {
    uint64_t flags, signal, stack, parent_tid, child_tid, tls, pidfd;
};
int64_t thread_start(struct task *parent, const struct clone_args *args);
_Noreturn void thread_exit(struct task *t, int status);

/* clone.c: before a vfork's child ends or runs another program; for others nothing. */
void vfork_tell(struct task *t);

/* Tells the engine. */
void engine_threads(struct task *t, enum engine_threads what);
/* Around fork: nobody holds a lock meanwhile; the child has this thread only. */
void threads_before_fork(struct task *t, bool is_short);
void threads_after_fork(struct task *t); /* in the parent */
void threads_in_child(struct task *t);

/* futex.c: the thread ends, or its process runs another program; others learn that it
 * held locks. */
void robust_list_exit(struct task *t);
void robust_list_exec(struct task *t);

/* ---------------------------------------------------------------- system calls */

typedef int64_t sys_fn(struct task *t, const uint64_t *a);
void system_call(struct task *t); /* of the registers; syscall.c */

/* loop.c */
void find_traps(struct proc *p); /* fills trap_row */
uint64_t helper_call(struct cpu *cpu, unsigned number, const uint64_t *args);
_Noreturn void run_loop(struct task *t);
_Noreturn void guest_exit(struct task *t, int status);
void report_count(struct task *t);  /* RHEA_COUNT */
void report_engine(struct task *t); /* at the end: -jit-stats, -jitdump */

/* load.c: maps the program, and its interpreter; sets up stack and registers.  `name` is
 * what messages and AT_EXECFN say.  Refuses what cannot run. */
struct elf_image;
void load_program(struct task *t, const char *name, int fd, const struct elf_image *image,
                  char **argv);

/* vdso.c: maps it, and says where in t->proc. */
void vdso_map(struct task *t);

size_t elf_read_fd(void *context, uint64_t offset, void *bytes, size_t size);

/* own_fd.c: makes a descriptor rhea's own: it moves out of the way of the guest's
 * numbers, if there is room, and the guest cannot close it.  Close-on-exec.  Returns the
 * new number, or `fd` if that is negative. */
int own_fd(int fd);
void own_fd_add(int fd);   /* one that has its number already */
void own_fd_close(int fd); /* negative: nothing */
bool is_own_fd(int fd);
/* close_range(2) of the guest's.  0 or a negated errno. */
int64_t close_range_but_own(unsigned first, unsigned last, unsigned flags);

int log_open(const char *path); /* loop.c: -D's file */

#endif
