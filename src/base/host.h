/* host.h - what differs between hosts: memory maps, memory faults, signals, system calls,
 * threads, processor features, files that processes share.
 *
 * Knows nothing of guests.  Everything that looks into a host's ucontext, or assumes how
 * its registers are called, is in the host_*.c files. */
#ifndef RHEA_BASE_HOST_H
#define RHEA_BASE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ------------------------------------------------------------------------ memory */

enum { HOST_READ = 1, HOST_WRITE = 2 }; /* guest code is data: nothing is executable */
enum host_map_flags {
    HOST_FIXED = 1,     /* replaces what is there */
    HOST_NOREPLACE = 2, /* at this address or not at all (EEXIST) */
    HOST_SHARED = 4,
    HOST_NORESERVE = 8,
};

size_t host_page_size(void);

/* AArch64's Linux has TBI on for user memory: bits 63:56 of an address do not count. */
#ifdef __aarch64__
#define HOST_IGNORES_TOP_BYTE 1
#else
#define HOST_IGNORES_TOP_BYTE 0
#endif

/* As mmap; fd -1: zeroed.  The address, or a negated errno. */
int64_t host_map(uintptr_t addr, size_t size, unsigned prot, unsigned flags, int fd,
                 uint64_t offset);
/* What is to be written soon gets its memory at once, not by one fault a page.  A hint:
 * nothing else changes, and it may do nothing.  `addr` is the start of a page. */
void host_populate(void *addr, size_t size);
/* The same for certain: 0, or a negated errno. */
int host_fill(void *addr, size_t size);
/* What tells a file, as it is now, from all others.  0 or a negated errno. */
struct host_file {
    uint64_t dev, ino, size;
    int64_t mtime_ns;
};
int host_identify(int fd, struct host_file *file);

/* A file of zeros without a name, that goes with its last descriptor and mapping.  A
 * descriptor, or a negated errno. */
int host_unnamed_file(uint64_t size);

int host_unmap(uintptr_t addr, size_t size); /* these return 0 or a negated errno */
int host_protect(uintptr_t addr, size_t size, unsigned prot);

/* Moves or resizes a mapping.  `to` 0: in place only; else onto exactly that address,
 * replacing what is there; HOST_ANYWHERE: wherever there is room. */
#define HOST_ANYWHERE UINTPTR_MAX
int64_t host_remap(uintptr_t addr, size_t size, size_t new_size, uintptr_t to);

/* ------------------------------------------------------------------ machine code */

/* The same pages twice: no address is ever writable and executable. */
struct host_code {
    uint8_t *write, *run; /* NULL: none */
    size_t size;
};

/* Room for code from which a jump of 32 bits reaches `near`, and back; memory is taken as
 * it is written.  These two return 0 or a negated errno; then nothing is mapped. */
int host_code_map(struct host_code *code, size_t size, uintptr_t near);
/* In the child of a fork, before it writes: what the parent writes from now on is not the
 * child's, nor the other way; the first `used` bytes stay, at the same addresses.  Where
 * it fails all is as before; dies where what was there is lost. */
int host_code_unshare(struct host_code *code, size_t used);
void host_code_unmap(struct host_code *code);
/* A file, to be read, by its path from the folder that this program is in.  NULL: it
 * cannot be read, or is empty.  host_unmap() it. */
const void *host_map_beside(const char *name, size_t *size);
/* The path of the file that is mapped at `at`, or nothing.  For people. */
void host_mapped_path(uintptr_t at, char *path, size_t size);
/* A new file that only this user can read, in a folder that others may write to, in place
 * of one of the user's own, if any.  A descriptor or a negated errno. */
int host_new_file(const char *path);
/* Maps the first page of a file as if it were code, for good: perf looks for that.  0 or
 * a negated errno. */
int host_mark_file(int fd);
unsigned host_elf_machine(void); /* e_machine of this program; 0: not known */
/* Loads a module from where the program is, or ../lib/rhea beside that: the address of
 * `symbol` in it, or NULL.  It stays. */
const void *host_load_module(const char *name, const char *symbol);

/* What tells this build of the program from all others, by its linker or else by its
 * file: how many bytes; 0: nobody knows. */
enum { HOST_BUILD_ID = 32 };
size_t host_build_id(uint8_t id[HOST_BUILD_ID]);

/* --------------------------------------------------------------- private folders */

/* A folder whose files nobody but this user can have written: what processes share.
 * These return 0, or what they say, or a negated errno. */
enum host_folder_flags {
    HOST_FOLDER_MAKE = 1,     /* and the one that it is in, in a folder of this user's */
    HOST_FOLDER_ANYWHERE = 2, /* in anybody's */
};
/* A descriptor, to be closed.  -EPERM: it is another user's, or others can write to it. A
 * link is no folder. */
int host_folder_open(const char *path, unsigned flags);
void host_folder_close(int folder);
/* Waits for other processes, but not longer than `wait_ms`.  A descriptor for unlock, or
 * -EAGAIN. */
int host_folder_lock(int folder, unsigned wait_ms);
void host_folder_unlock(int lock);

/* A file of it, to be read.  NULL: it cannot be read, is empty, a link or no file, has
 * another name too, or others can write to it.  host_unmap() it: it stays as it is (but
 * where the host cannot read it any more, or the user cuts it off, it faults).
 * `used`: its time is that of the last use, give or take an hour. */
const void *host_folder_map(int folder, const char *name, bool used, size_t *size);
/* A new file `name`, whole or not at all, in place of what there is. */
struct host_part {
    const void *data;
    size_t size;
};
int host_folder_write(int folder, const char *name, const struct host_part *parts,
                      size_t count);
bool host_folder_is_unfinished(const char *name); /* of what is being written */
int host_folder_remove(int folder, const char *name);
/* Calls `each` for every file, which may remove it; `age` in seconds, since it was
 * written or used. */
int host_folder_list(int folder,
                     void (*each)(void *context, const char *name, uint64_t size,
                                  int64_t age),
                     void *context);

/* Whether somebody else chose the rights that this process has, or its environment. */
bool host_is_privileged(void);

/* ------------------------------------------------------------------------ faults */

/* Copies between memory that may be absent.  0, or -1 where the host faulted; then at
 * most `size` bytes were copied. */
int host_copy(void *to, const void *from, size_t size);
/* Whether this thread's last failure was a SIGBUS: mapped, but nothing behind it. Forgets
 * it. */
bool host_copy_was_bus(void);

struct host_fault {
    uintptr_t addr;
    bool has_addr;  /* x86 does not tell a non-canonical address */
    uint8_t access; /* 0 read, 1 write, 2 fetch, HOST_ACCESS_UNKNOWN */
    bool is_bus;    /* SIGBUS: mapped, but nothing behind it */
};
enum { HOST_ACCESS_UNKNOWN = 0xff };

/* Installs handlers of SIGSEGV and SIGBUS.  `fault` gets those that are not host_copy's;
 * if it returns, the fault is rhea's bug.  `sent` gets those that a process sent (a
 * siginfo_t and a ucontext_t). */
void host_catch_faults(void (*fault)(const struct host_fault *fault),
                       void (*sent)(int signo, void *info, void *context));

/* From now on memory that is mapped from a file reads as zeros, and is this process's
 * own, where the file has got shorter, or its file system has no room for it; then
 * `message` (stays the caller's) is printed once.  SIGBUS elsewhere ends the process.  0
 * or a negated errno. */
int host_mend(void *addr, size_t size, int fd, const char *message);
void host_mend_end(void *addr); /* before it is unmapped; nothing if it is not mended */

/* Runs fn(arg), which may touch memory that is absent and must not call others of these
 * functions.  0, or -1 where the host faulted: fn was left there. */
int host_try(void (*fn)(void *arg), void *arg);

/* Atomically replaces the `size` (1, 2, 4, 8, 16) bytes at `at`, any address, by
 * `desired` if they equal `expected`, which gets what was there.  0, or -1 where the host
 * faulted (also where they could be read but not written) and nothing was replaced.
 *
 * What the host has no instruction for (16 bytes on many, misaligned ones on most) takes
 * a lock: that is atomic against others of its kind in this process, not against plain
 * stores, nor against what the host has an instruction for. */
int host_compare_exchange(void *at, void *expected, const void *desired, size_t size);
void host_atomics_forked(void); /* in the child: nobody has that lock */

/* ----------------------------------------------------------------------- threads */

/* A lock that its owner may take again, and give up while it waits. */
struct host_lock;
struct host_lock *host_lock_new(void);         /* NULL: out of memory */
void host_lock_free(struct host_lock *lock);   /* NULL: nothing */
void host_lock_forked(struct host_lock *lock); /* in the child: nobody has it */
void host_lock_take(struct host_lock *lock);
void host_lock_give(struct host_lock *lock);
void host_lock_wait(struct host_lock *lock); /* until a wake; requires: taken once */
void host_lock_wait_ms(struct host_lock *lock, unsigned ms); /* ... or so long */
void host_lock_wake(struct host_lock *lock);

/* Runs fn(arg) in a new thread that nobody waits for, with all signals blocked and a
 * stack of its own for handlers.  0 or an errno. */
enum { HOST_SMALL_STACK = 512 << 10, HOST_LARGE_STACK = 8 << 20 };
int host_thread_start(void (*fn)(void *arg), void *arg, size_t stack);
uint64_t host_thread_time(void); /* CPU time of this thread in nanoseconds */
void host_sleep_us(unsigned us);
unsigned long host_process_id(void);
unsigned host_thread_id(void); /* of this thread, as the host's tools show it */
unsigned host_threads(void);   /* in this process; 0: not known */

/* The calling thread has descriptors of its own from now on, at first none but
 * /dev/null: a guest cannot close what it opens, and no pipe waits for it.  0 or a
 * negated errno. */
int host_thread_own_files(void);

/* ----------------------------------------------------------------------- signals */

/* Sets of signals are 64 bits, bit n-1 for signal n; of the calling thread.  Unlike the C
 * library's, these functions know all 64 signals. */
uint64_t host_signal_mask(uint64_t mask); /* returns the mask before */
uint64_t host_signal_mask_now(void);
uint64_t host_block_signals(void); /* all but SIGSEGV and SIGBUS; the mask before */
uint64_t host_signals_pending(void);
/* As sigaction, with all signals but SIGSEGV and SIGBUS blocked while the handler runs,
 * which gets a siginfo_t and a ucontext_t; HOST_DEFAULT and HOST_IGNORE are no handlers.
 * `flags`: SA_NOCLDSTOP, SA_NOCLDWAIT. */
typedef void host_handler(int signo, void *info, void *context);
#define HOST_DEFAULT ((host_handler *)0)
#define HOST_IGNORE ((host_handler *)1)
int host_signal_catch(int signo, host_handler *handler, int flags);
bool host_signal_is_ignored(int signo);

/* ------------------------------------------------------------------ system calls */

/* A system call that a signal ends for certain: returns what the kernel returns, or
 * -HOST_RESTART if *kick was set before the kernel was entered.  Handlers that set *kick
 * call host_interrupted() with their ucontext_t.
 * Not modelled: hosts without their own code here have a gap of a few instructions. */
enum { HOST_RESTART = 512 };
long host_syscall(const volatile uint32_t *kick, long number, const long args[6]);
void host_interrupted(void *context);

/* All signals stay blocked when the running handler returns. */
void host_block_signals_after(void *context);

/* --------------------------------------------------------------------- processor */

/* Fused multiply-add in one instruction is there.  x86-64: asks the processor once. */
bool host_has_fma(void);

/* The register in which the host's floating point gathers what it raised, where that is
 * what IEEE 754 says, with tininess judged after rounding. */
struct host_fp_flags {
    const char *save, *restore; /* what LLVM calls moving its 32 bits to, and from, where
                                   a pointer points */
    uint8_t bit[5];             /* of inexact, underflow, overflow, division by zero and
                                   invalid operation */
    uint32_t clear;             /* without any, nothing trapped, to nearest */
};
const struct host_fp_flags *host_fp_flags(void); /* NULL: there is none */

/* Where HOST_CAS16 is 1: compare-and-swap of 16 bytes is there.  Asks as above. */
bool host_has_cas16(void);

/* What compilers for this machine's processor go by, as text: two processors with the
 * same one can execute the same code. */
enum { HOST_CPU_TEXT = 512 };
void host_cpu_text(char text[HOST_CPU_TEXT]);
/* How many of them this thread may use; at least 1. */
unsigned host_cpus(void);

/* ----------------------------------------------------------------- time, waiting */

uint64_t host_now_ns(void);  /* never goes back */
uint64_t host_wall_ns(void); /* since 1970 */
void host_random(void *bytes, size_t size);
void host_random_seed(uint64_t seed); /* from now on it is always the same */

/* Waits until one of the descriptors is ready or the time is over (UINT64_MAX: never). */
struct host_poll {
    int fd;
    bool want_read, want_write;
    bool can_read, can_write; /* the answer; an error or a closed end is both */
};
int host_poll(struct host_poll *polls, size_t count, uint64_t timeout_ns); /* or -errno */

/* A pipe by which other threads, and signal handlers, end a host_poll() of its reading
 * end.  0 or a negated errno. */
struct host_waker {
    int read_fd, write_fd;
};
int host_waker_open(struct host_waker *waker);
void host_waker_close(struct host_waker *waker);
void host_wake(const struct host_waker *waker);
void host_woken(const struct host_waker *waker); /* forgets all wakes so far */

/* Descriptors that do not wait.  What read and write return, or a negated errno. */
int host_set_nonblocking(int fd,
                         bool is_nonblocking); /* returns what it was, or -errno */
int64_t host_read(int fd, void *bytes, size_t size);
int64_t host_write(int fd, const void *bytes, size_t size);
/* A file, or what else there is (a pipe, say).  These return a descriptor, or what they
 * say, or a negated errno. */
enum host_file_flags {
    HOST_FILE_READ = 1,
    HOST_FILE_WRITE = 2,
    HOST_FILE_EMPTY = 4,    /* made if there is none; what is in it goes */
    HOST_FILE_APPEND = 8,   /* made if there is none; always written to at its end */
    HOST_FILE_NO_WAIT = 16, /* neither now for somebody at the other end, nor later */
};
int host_open_file(const char *path, unsigned flags);
void host_close(int fd);
int host_seek(int fd, uint64_t offset);
int64_t host_file_size(int fd);
int host_rename(const char *from, const char *to); /* in place of what is there */
int host_remove(const char *path);                 /* a file, or an empty folder */
/* `name` beside the program (as `../share/rhea/boards`): its path.  NULL: no room, or
 * nobody knows where the program is. */
const char *host_path_beside(const char *name, char *path, size_t size);
/* Becomes that program.  Returns only if it cannot: a negated errno. */
int host_exec_beside(const char *name, char **argv);
/* Calls `each` with the path of every file of a folder whose name ends so. */
void host_list_folder(const char *folder, const char *ending,
                      void (*each)(void *context, const char *path), void *context);
void host_ignore_broken_pipes(void); /* writing to one is an error, and no signal */

/* A place for stream sockets: a path, or else a port of a host's (NULL: of the loopback
 * interface). */
struct host_place {
    const char *path, *host;
    unsigned port;
};
/* A socket that listens there (at a path: in place of what was there), one that is
 * connected to it, and who comes.  Only host_connect() waits.  A descriptor or a negated
 * errno. */
int host_listen(const struct host_place *place);
int host_connect(const struct host_place *place);
int host_accept(int listener);
unsigned host_socket_port(int fd); /* its own; 0: it has none */

/* An interface whose other end is the descriptor, by which whole Ethernet frames come and
 * go, without waiting: the one of that name, or a new one, whose name it then is.  And
 * one that is there.  -EPROTO: it has more than frames. */
enum { HOST_TAP_NAME = 16 }; /* bytes, with its 0 */
int host_tap_open(char name[HOST_TAP_NAME]);
int host_tap_take(int fd); /* 0 */

/* Descriptors 0 to 2 are open from now on, if need be on /dev/null. */
void host_open_standard_files(void);

/* The terminal at `fd`, if it is one, hands on every key from now on (with `signals`: but
 * those of signals).  However the process ends, it is then as it was before. */
void host_terminal_raw(int fd, bool signals);
void host_terminal_restore(void);
bool host_is_terminal(int fd);
/* The first SIGTERM, SIGHUP or SIGINT that comes, unless it is ignored, calls `soon` (as
 * a signal handler); the second one, or 20 seconds, end the process whatever it does. */
void host_catch_ends(void (*soon)(void));

/* A new pseudo-terminal.  `watch_fd` can be read when somebody has opened `path`;
 * host_pty_is_used() then says whether it is open still.  0 or a negated errno. */
struct host_pty {
    int fd, watch_fd;
    char path[64];
};
int host_pty_open(struct host_pty *pty);
bool host_pty_is_used(const struct host_pty *pty);

#endif
