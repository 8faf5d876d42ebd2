/* space.h - guest memory of a user-mode process, as engines see it.
 *
 * Direct scheme: guest address + base is the host address; a guest access that the host
 * refuses becomes a host signal, which the run loop turns into EXEC_MEM_FAULT.
 * Paged scheme (hosts whose addresses are too small, or pages finer than the host's): each
 * access asks the page table.  Which one is used is fixed when the space is made. */
#ifndef RHEA_SPACE_H
#define RHEA_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPACE_READ = 1, SPACE_WRITE = 2, SPACE_EXEC = 4 };

struct space; /* src/isa/space.c */

/* `bits`: width of guest addresses (32 or 64).  NULL when the host has no room. */
struct space *space_new(unsigned bits, bool paged);
void space_free(struct space *space);
uint8_t *space_base(const struct space *space); /* direct scheme, else NULL */
uint64_t space_limit(const struct space *space); /* addresses are below this */
size_t space_page(const struct space *space);    /* guest page size in bytes */

/* As mmap, munmap, mprotect of Linux; addresses are guest addresses.  `addr` with fixed =
 * false is a hint.  fd -1: anonymous.  Return 0 or the address, or a negated errno. */
int64_t space_map(struct space *space, uint64_t addr, uint64_t size, unsigned prot, bool fixed,
                  bool shared, int fd, uint64_t offset);
int space_unmap(struct space *space, uint64_t addr, uint64_t size);
int space_protect(struct space *space, uint64_t addr, uint64_t size, unsigned prot);

/* What is mapped at addr: SPACE_* bits, 0 if nothing. */
unsigned space_prot(const struct space *space, uint64_t addr);

/* Copies that never fault: return 0, or -1 and the first bad address in *fault (may be NULL). */
int space_read(struct space *space, uint64_t addr, void *to, size_t size, uint64_t *fault);
int space_write(struct space *space, uint64_t addr, const void *from, size_t size,
                uint64_t *fault);
int space_fetch(struct space *space, uint64_t addr, void *to, size_t size, uint64_t *fault);

/* Host address of a range that is mapped with `prot` as one piece, or NULL.  For system calls
 * that hand buffers to the host. */
void *space_host(struct space *space, uint64_t addr, size_t size, unsigned prot);

/* Called before code at [addr, addr+size) may change (unmapped, protected, written by a system
 * call): the interpreter drops what it translated.  NULL: nobody cares. */
void space_watch_code(struct space *space,
                      void (*changed)(void *context, uint64_t addr, uint64_t size),
                      void *context);

#endif
