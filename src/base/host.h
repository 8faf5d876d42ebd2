/* host.h - what differs between hosts: memory maps, memory faults, system calls,
 * processor features.
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

/* As mmap; fd -1: zeroed.  The address, or a negated errno. */
int64_t host_map(uintptr_t addr, size_t size, unsigned prot, unsigned flags, int fd,
                 uint64_t offset);
int host_unmap(uintptr_t addr, size_t size); /* these return 0 or a negated errno */
int host_protect(uintptr_t addr, size_t size, unsigned prot);

/* Moves or resizes a mapping.  `to` 0: in place only; else onto exactly that address,
 * replacing what is there; HOST_ANYWHERE: wherever there is room. */
#define HOST_ANYWHERE UINTPTR_MAX
int64_t host_remap(uintptr_t addr, size_t size, size_t new_size, uintptr_t to);

/* ------------------------------------------------------------------------ faults */

/* Copies between memory that may be absent.  0, or -1 where the host faulted; then at
 * most `size` bytes were copied. */
int host_copy(void *to, const void *from, size_t size);

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

/* x86-64: fused multiply-add is there and may be used.  Asks the processor once. */
bool host_has_fma(void);

#endif
