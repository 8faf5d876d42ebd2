/* space.h - guest memory of a user-mode process, as engines and system calls see it.
 *
 * Direct scheme: guest address + base is the host address; a guest access that the host
 * refuses becomes a host signal, which the run loop turns into EXEC_MEM_FAULT.
 * Paged scheme (hosts whose addresses are too small): there is no base, each access asks
 * the space.  Which one is used is fixed when the space is made.
 *
 * A space knows every mapping of the guest.  Host memory that it did not map for the
 * guest is never given out, replaced, protected or unmapped, and nothing is ever
 * executable for the host: SPACE_EXEC is a note in the map that space_fetch asks for.
 *
 * Threads: changes of the map are made under a lock, look-ups take none.  What a look-up
 * found another thread may unmap at once, as on a real machine: then a copy fails. */
#ifndef RHEA_SPACE_H
#define RHEA_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* WRITE implies READ, as on most hosts. */
enum { SPACE_READ = 1, SPACE_WRITE = 2, SPACE_EXEC = 4 };

struct space; /* src/isa/space.c */

/* `bits`: guest addresses are below 2^bits.  Up to 32 they are reached through a window
 * of 4 GiB, so that any 32-bit number is safe to access; above, the base is 0. NULL when
 * the host has no room. */
struct space *space_new(unsigned bits, bool paged);
void space_free(struct space *space);
uint8_t *
space_base(const struct space *space); /* direct scheme (may be 0); paged: NULL */
bool space_is_paged(const struct space *space);
uint64_t space_limit(const struct space *space); /* addresses are below this */
size_t space_page(const struct space *space);    /* guest page size in bytes */
/* From now on places are chosen below `top` (the stack lies above). */
void space_set_top(struct space *space, uint64_t top);
uint64_t space_top(const struct space *space);

/* As mmap, munmap, mprotect, mremap of Linux; addresses are guest addresses.  fd -1:
 * anonymous.  Return 0 or the address, or a negated errno. */
enum space_how {
    SPACE_HINT = 0,      /* `addr` is where it would be nice (0: anywhere) */
    SPACE_FIXED = 1,     /* there, replacing what is there */
    SPACE_NOREPLACE = 2, /* there, or EEXIST */
    SPACE_NORESERVE = 4,
};
int64_t space_map(struct space *space, uint64_t addr, uint64_t size, unsigned prot,
                  unsigned how, bool shared, int fd, uint64_t offset);
int space_unmap(struct space *space, uint64_t addr, uint64_t size);
int space_protect(struct space *space, uint64_t addr, uint64_t size, unsigned prot);
enum { SPACE_MAYMOVE = 8 };
int64_t space_remap(struct space *space, uint64_t addr, uint64_t size, uint64_t new_size,
                    unsigned how, uint64_t to);

/* What is mapped at addr: SPACE_* bits; 0 if nothing or nothing is allowed. */
unsigned space_prot(const struct space *space, uint64_t addr);
bool space_is_mapped(const struct space *space, uint64_t addr);
/* The first mapping that ends above addr; neighbours of the same kind are one. */
struct space_area {
    uint64_t start, end;
    unsigned prot;
    bool shared;
    uint16_t file;    /* code of a file: its number; 0: anything else */
    uint64_t file_at; /* address of that file's first byte, were it mapped */
};
bool space_next(const struct space *space, uint64_t addr, struct space_area *area);

/* Files that are mapped, private and executable, have numbers from 1 on, and keep them.
 * What is known of one is what it was when it was mapped. */
enum { SPACE_FILES = 256 };
struct host_file;
const struct host_file *space_file(const struct space *space, unsigned number);

/* Copies that never fault: return 0, or -1 and the first bad address in *fault (may be
 * NULL). Bytes before that address may have been copied. */
int space_read(struct space *space, uint64_t addr, void *to, size_t size,
               uint64_t *fault);
int space_write(struct space *space, uint64_t addr, const void *from, size_t size,
                uint64_t *fault);
int space_fetch(struct space *space, uint64_t addr, void *to, size_t size,
                uint64_t *fault);

/* How many of `size` bytes from addr on are one piece of host memory mapped with `prot`,
 * and where; for system calls that hand buffers to the host.  With SPACE_WRITE, code that
 * was translated from there is dropped. */
size_t space_span(struct space *space, uint64_t addr, size_t size, unsigned prot,
                  uint8_t **host);
/* The same when all of it is; else NULL. */
void *space_host(struct space *space, uint64_t addr, size_t size, unsigned prot);

/* From now on several threads use the space: every function may be called by all of them,
 * and these lock it, again and again if need be (before: they do nothing). Wait gives up
 * a lock that was taken once, until somebody calls wake. -1: out of memory. */
int space_share(struct space *space);
void space_lock(struct space *space);
void space_unlock(struct space *space);
void space_wait(struct space *space);
void space_wake(struct space *space);
/* In the child of a fork, which is one thread again; the parent's had it locked. */
void space_forked(struct space *space);

/* Called with the space locked before code at [addr, addr+size) may change (unmapped,
 * protected, written by a system call): the interpreter drops what it translated.  NULL:
 * nobody cares. */
void space_watch_code(struct space *space,
                      void (*changed)(void *context, uint64_t addr, uint64_t size),
                      void *context);

#endif
