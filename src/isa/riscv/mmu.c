/* mmu.c - address translation of RISC-V.
 *
 * Privileged, "Sv32: Page-Based 32-bit Virtual-Memory Systems" and those that follow:
 * Sv39, Sv48, Sv57.  Accessed and dirty bits are set here, as Svadu does. Not modelled:
 * PMP, Svnapot, Svpbmt (their bits are reserved). */
#include "isa/riscv/riscv.h"
#include "isa/space.h"

enum { PTE_V = 1, PTE_R = 2, PTE_W = 4, PTE_X = 8, PTE_U = 16, PTE_A = 64, PTE_D = 128 };
enum { PAGE_SHIFT = 12 };
#define PTE_RESERVED (UINT64_C(0x3ff) << 54)

/* A translation on its way. */
struct walk {
    struct cpu *cpu;
    unsigned access, level; /* enum exec_access; privilege */
    bool sum, mxr;
    unsigned levels, bits, pte_size; /* bits of the address per level */
    uint64_t pte_at, pte;
};

static unsigned page_fault(unsigned access)
{
    return access == ACCESS_FETCH ? 12 : access == ACCESS_WRITE ? 15 : 13;
}

unsigned riscv_refused(struct cpu *cpu, unsigned access)
{
    (void)cpu;
    return access == ACCESS_FETCH ? 1 : access == ACCESS_WRITE ? 7 : 5;
}

/* The memory that a page table entry is in, or NULL. */
static void *pte_host(const struct walk *walk)
{
    uint8_t *host;

    return space_span(walk->cpu->space, walk->pte_at, walk->pte_size, SPACE_READ,
                      &host) == walk->pte_size
               ? host
               : NULL;
}

static uint64_t from_little(uint64_t value, unsigned size)
{
    const union {
        uint8_t bytes[8];
        uint64_t value;
    } in = { .value = value };
    uint64_t out = 0;

    for (unsigned i = size; i-- > 0;)
        out = out << 8 | in.bytes[i];
    return out;
}

static bool read_pte(struct walk *walk)
{
    const void *at = pte_host(walk);
    union {
        uint32_t low;
        uint64_t all;
    } raw = { 0 };

    if (!at)
        return false;
    if (walk->pte_size == 4)
        raw.low = __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED);
    else
        raw.all = __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED);
    walk->pte = from_little(raw.all, walk->pte_size);
    return true;
}

static bool may_access(const struct walk *walk)
{
    uint64_t pte = walk->pte;

    if (walk->level == LEVEL_U ? !(pte & PTE_U) : pte & PTE_U && !walk->sum)
        return false;
    switch (walk->access) {
    case ACCESS_FETCH: return pte & PTE_X && !(walk->level == LEVEL_S && pte & PTE_U);
    case ACCESS_WRITE: return (pte & PTE_W) != 0;
    default: return pte & PTE_R || (walk->mxr && pte & PTE_X);
    }
}

enum noted { NOTED, CHANGED_MEANWHILE, REFUSED };

/* Sets the accessed and dirty bits: they are in the first byte. */
static enum noted note_access(struct walk *walk)
{
    uint8_t set = PTE_A | (walk->access == ACCESS_WRITE ? PTE_D : 0);
    uint8_t *at, was = (uint8_t)walk->pte;

    if ((was & set) == set)
        return NOTED;
    at = pte_host(walk);
    if (!at || !(space_prot(walk->cpu->space, walk->pte_at) & SPACE_WRITE))
        return REFUSED;
    if (!__atomic_compare_exchange_n(at, &was, was | set, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED))
        return CHANGED_MEANWHILE;
    walk->pte |= set;
    return NOTED;
}

static unsigned finish(struct walk *walk, uint64_t addr, unsigned left,
                       struct translation *to)
{
    unsigned shift = PAGE_SHIFT + left * walk->bits;
    uint64_t mask = (UINT64_C(1) << shift) - 1;
    uint64_t page = (walk->pte & ~PTE_RESERVED) >> 10 << PAGE_SHIFT;

    to->physical = (page & ~mask) | (addr & mask);
    to->is_readable = walk->pte & PTE_R || (walk->mxr && walk->pte & PTE_X);
    to->is_writable = walk->pte & PTE_W && walk->pte & PTE_D;
    to->is_large = left > 0;
    return 0;
}

/* The walk from the root on; `addr` is canonical. */
static unsigned walk_tables(struct walk *walk, uint64_t root, uint64_t addr,
                            struct translation *to)
{
    uint64_t table = root;

    for (unsigned left = walk->levels; left-- > 0;) {
        unsigned shift = PAGE_SHIFT + left * walk->bits;
        uint64_t index = addr >> shift & ((UINT64_C(1) << walk->bits) - 1);
        uint64_t misaligned = (UINT64_C(1) << left * walk->bits) - 1;
        enum noted noted;

        walk->pte_at = table + index * walk->pte_size;
        if (!read_pte(walk))
            return riscv_refused(walk->cpu, walk->access);
        if (!(walk->pte & PTE_V) || (walk->pte & (PTE_R | PTE_W)) == PTE_W ||
            walk->pte & PTE_RESERVED)
            return page_fault(walk->access);
        if (!(walk->pte & (PTE_R | PTE_X))) {
            if (walk->pte & (PTE_A | PTE_D | PTE_U))
                return page_fault(walk->access);
            table = walk->pte >> 10 << PAGE_SHIFT;
            continue;
        }
        if (walk->pte >> 10 & misaligned || !may_access(walk))
            return page_fault(walk->access);
        noted = note_access(walk);
        if (noted == REFUSED)
            return riscv_refused(walk->cpu, walk->access);
        if (noted == NOTED)
            return finish(walk, addr, left, to);
        left++; /* once more */
    }
    return page_fault(walk->access);
}

static void begin_regime(struct walk *walk, unsigned regime)
{
    if (walk->access == ACCESS_FETCH) {
        walk->level = (unsigned)riscv_get(walk->cpu, CSR_prv);
        walk->sum = true; /* a fetch from U's pages is refused all the same */
        return;
    }
    walk->level = regime & 3;
    walk->sum = regime >> 2 & 1;
    walk->mxr = regime >> 3 & 1;
}

unsigned riscv_translate(struct cpu *cpu, uint64_t addr, unsigned access, unsigned regime,
                         struct translation *to)
{
    struct walk walk = { .cpu = cpu, .access = access, .bits = 9, .pte_size = 8 };
    uint64_t satp, root;
    unsigned mode;

    begin_regime(&walk, regime);
    satp = walk.level == LEVEL_M ? 0 : riscv_get(cpu, CSR_satp);
    mode = (unsigned)(riscv_is_64(cpu) ? satp >> 60 : satp >> 31);
    if (!mode) {
        *to = (struct translation){ addr, true, true, false };
        return 0;
    }
    if (riscv_is_64(cpu)) {
        int64_t top;

        walk.levels = mode - 5;
        root = (satp & ((UINT64_C(1) << 44) - 1)) << PAGE_SHIFT;
        top = (int64_t)addr >> (PAGE_SHIFT + walk.levels * 9 - 1);
        if (top != 0 && top != -1)
            return page_fault(access);
    } else {
        walk.levels = 2;
        walk.bits = 10;
        walk.pte_size = 4;
        root = (satp & ((UINT64_C(1) << 22) - 1)) << PAGE_SHIFT;
    }
    return walk_tables(&walk, root, addr, to);
}
