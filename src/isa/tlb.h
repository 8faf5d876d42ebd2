/* tlb.h - guest addresses that are translated: whole machines.
 *
 * Handlers have the running CPU's translations of one regime (who asks, and what that may
 * see: the mode field `regime` of a spec) in `base`.  An entry that fits gives the host's
 * address with one comparison; everything else - a page not seen yet, a device, a page
 * that code was translated from, an access that crosses pages - is the slow path's
 * (tlb_load and so on), which does not return where the guest faults.
 *
 * A TLB belongs to one CPU; others change it only while that rests, or clear what is
 * shared through its kick. */
#ifndef RHEA_TLB_H
#define RHEA_TLB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "isa/cpu.h"

enum { TLB_SHIFT = 12, TLB_ENTRIES = 512, TLB_REGIMES = 16 };

/* In the low bits of an entry's addresses: what the fast path is not for. */
enum {
    TLB_NONE = 1,   /* no such access */
    TLB_DEVICE = 2, /* not memory */
    TLB_CODE = 4,   /* a write: code was translated from the page */
    TLB_ONCE = 8,   /* holds for one access: the page is not the same everywhere */
};

/* A page: its address with those bits, for reads and for writes; host address = guest
 * address + `host`. */
struct tlb_entry {
    uint64_t read, write;
    uint64_t physical; /* of the page */
    uintptr_t host;
#if UINTPTR_MAX <= 0xffffffff
    uint32_t unused;
#endif
};
_Static_assert(sizeof(struct tlb_entry) == 32, "see TLB_ENTRY");

/* Where an address leads. */
struct translation {
    uint64_t physical;
    unsigned size;                 /* in: bytes of the access, which is within a page */
    bool is_partial;               /* holds for them alone */
    bool is_readable, is_writable; /* too, without asking again */
    uint64_t large_size; /* bytes of its page, where that is larger than TLB_SHIFT says */
};

/* What is behind a CPU's addresses; by src/sys. */
struct mmu {
    /* The page of `addr` for an access (enum exec_access) in a regime.  0, or the cause
     * of the guest's fault. */
    unsigned (*translate)(struct cpu *cpu, uint64_t addr, unsigned access,
                          unsigned regime, struct translation *to);
    /* The same for a debugger: nothing is checked and nothing changes.  false: it leads
     * nowhere. */
    bool (*look)(struct cpu *cpu, uint64_t addr, uint64_t *physical);
    /* Cause of the fault where nothing answers at a physical address. */
    unsigned (*refused)(struct cpu *cpu, unsigned access);
    /* Memory that is to be asked for, as a device is, for now.  NULL: there is none. */
    bool (*is_hidden)(struct cpu *cpu, uint64_t physical);
    /* Devices.  false: nothing is there. */
    bool (*read)(struct cpu *cpu, uint64_t physical, unsigned size, uint64_t *value);
    bool (*write)(struct cpu *cpu, uint64_t physical, unsigned size, uint64_t value);
    struct tlb_entry *regimes[TLB_REGIMES]; /* TLB_ENTRIES each; NULL: not used yet */
    struct tlb_entry code[TLB_ENTRIES];     /* `read`: page; `write`: mode key */
    /* Large pages that some of them are parts of, in each half of the addresses. */
    struct tlb_large {
        uint64_t first, last; /* none: last < first */
    } large[2];
    uint16_t filled; /* bits: regimes with entries */
    bool has_code;   /* `code` has some */
    bool has_hidden; /* ... or had some, whose places others have now; jumps may lead
                        there */
};

/* src/interp/tlb.c.  Sizes are 1, 2, 4, 8; values are in the host's byte order, as the
 * bytes lie in memory. */
uint64_t tlb_load(struct cpu *cpu, uint64_t addr, unsigned size);
void tlb_store(struct cpu *cpu, uint64_t addr, uint64_t value, unsigned size);
void *tlb_host(struct cpu *cpu, uint64_t addr, unsigned size); /* to be written */

/* The same for N bits, to be called by HOST_RARE_CALL; what they do not need or give is
 * 0. */
/* clang-format off */
#define TLB_RARE(X)                                                                      \
    X(tlb_load8) X(tlb_load16) X(tlb_load32) X(tlb_load64)                               \
    X(tlb_store8) X(tlb_store16) X(tlb_store32) X(tlb_store64)                           \
    X(tlb_host8) X(tlb_host16) X(tlb_host32) X(tlb_host64)
/* clang-format on */
#define TLB_RARE_DECLARE(name)                                                           \
    uint64_t name(struct cpu *cpu, uint64_t addr, uint64_t value);                       \
    uint64_t HOST_RARE_NAME(name)(struct cpu * cpu, uint64_t addr, uint64_t value);
TLB_RARE(TLB_RARE_DECLARE)

/* Forgets all translations, or those of a page.  Only by the CPU itself, or while it
 * rests; a handler or helper that calls this must end its block. */
void tlb_flush(struct cpu *cpu);
void tlb_flush_page(struct cpu *cpu, uint64_t addr);
/* The same but for code; within a store, too, which nothing else must follow. */
void tlb_flush_data(struct cpu *cpu);
/* Forgets what was translated of the code in a page of memory; as tlb_flush(). */
void tlb_drop_code(struct cpu *cpu, uint64_t physical);
void tlb_free(struct mmu *mmu);                        /* what `mmu` points to */
uint8_t *tlb_regime(struct cpu *cpu, unsigned regime); /* what `base` is for it */

static inline const struct tlb_entry *tlb_entry(const uint8_t *base, uint64_t addr)
{
    uint64_t at = addr >> (TLB_SHIFT - 5) & (uint64_t)(TLB_ENTRIES - 1) << 5;

    return (const struct tlb_entry *)(const void *)(base + at);
}

/* Whether all of [addr, addr + size) is in the page. */
static inline bool tlb_fits(uint64_t page, uint64_t addr, unsigned size)
{
    return ((addr + size - 1) & ~(((uint64_t)1 << TLB_SHIFT) - 1)) == page;
}

#endif
