/* mmu.c - address translation of RISC-V.
 *
 * Privileged, "Sv32: Page-Based 32-bit Virtual-Memory Systems" and those that follow:
 * Sv39, Sv48, Sv57, with Svnapot, Svpbmt (which changes nothing: memory is what it is)
 * and Svadu.  After reset, ADUE is on: accessed and dirty bits are set here until
 * somebody wants faults, so that guests that know nothing of Svadu run as on QEMU. */
#include "isa/riscv/riscv.h"
#include "isa/space.h"

enum { PTE_V = 1, PTE_R = 2, PTE_W = 4, PTE_X = 8, PTE_U = 16, PTE_A = 64, PTE_D = 128 };
enum { PAGE_SHIFT = 12, NAPOT_BITS = 4 };
#define PTE_N (UINT64_C(1) << 63)
#define PTE_PBMT (UINT64_C(3) << 61)
#define PTE_UNUSED (UINT64_C(0x7f) << 54)
#define PTE_HIGH (UINT64_C(0x3ff) << 54) /* what is no page number */

/* A translation on its way. */
struct walk {
    struct cpu *cpu;
    unsigned access, level; /* enum exec_access; privilege */
    unsigned size;
    bool sum, mxr;
    bool is_look;                    /* riscv_look: all is allowed, nothing is noted */
    uint64_t reserved;               /* bits of a page table entry */
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

/* What S may do with the entry: its reads and writes are checked as S's. */
static bool may_use_pte(const struct walk *walk, unsigned right)
{
    bool is_partial = false;

    if (walk->is_look)
        return true;
    return riscv_pmp(walk->cpu, walk->pte_at, walk->pte_size, LEVEL_S, &is_partial) &
           right;
}

static bool read_pte(struct walk *walk)
{
    const void *at = may_use_pte(walk, PMP_R) ? pte_host(walk) : NULL;
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

    if (walk->is_look)
        return true;
    if (walk->level == LEVEL_U ? !(pte & PTE_U) : pte & PTE_U && !walk->sum)
        return false;
    switch (walk->access) {
    case ACCESS_FETCH: return pte & PTE_X && !(walk->level == LEVEL_S && pte & PTE_U);
    case ACCESS_WRITE: return (pte & PTE_W) != 0;
    default: return pte & PTE_R || (walk->mxr && pte & PTE_X);
    }
}

/* A leaf where `left` levels follow: neither misaligned nor in a reserved form. */
static bool is_good_leaf(const struct walk *walk, unsigned left)
{
    uint64_t page = walk->pte >> 10;

    if (walk->pte & PTE_N && (left || (page & 15) != 8))
        return false;
    return !(page & ((UINT64_C(1) << left * walk->bits) - 1)) &&
           (walk->pte & PTE_PBMT) != PTE_PBMT;
}

enum noted { NOTED, CHANGED_MEANWHILE, NOT_ALLOWED, REFUSED };

/* Sets the accessed and dirty bits: they are in the first byte. */
static enum noted note_access(struct walk *walk)
{
    uint8_t set = PTE_A | (walk->access == ACCESS_WRITE ? PTE_D : 0);
    uint8_t *at, was = (uint8_t)walk->pte;

    if (walk->is_look || (was & set) == set)
        return NOTED;
    if (!(riscv_get(walk->cpu, CSR_menvcfg) >> ENV_ADUE & 1))
        return NOT_ALLOWED;
    at = may_use_pte(walk, PMP_W) ? pte_host(walk) : NULL;
    if (!at || !(space_prot(walk->cpu->space, walk->pte_at) & SPACE_WRITE))
        return REFUSED;
    if (!__atomic_compare_exchange_n(at, &was, was | set, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED))
        return CHANGED_MEANWHILE;
    walk->pte |= set;
    return NOTED;
}

/* The end of every translation: what the access and its page may be. */
static unsigned finish(const struct walk *walk, uint64_t physical, struct translation *to)
{
    static const uint8_t needed[] = {
        [ACCESS_READ] = PMP_R, [ACCESS_WRITE] = PMP_W, [ACCESS_FETCH] = PMP_X
    };
    unsigned rights;

    to->physical = physical;
    to->is_partial = false;
    if (walk->is_look)
        return 0;
    rights = riscv_pmp(walk->cpu, physical, walk->size, walk->level, &to->is_partial);
    if (!(rights & needed[walk->access]))
        return riscv_refused(walk->cpu, walk->access);
    to->is_readable = to->is_readable && rights & PMP_R;
    to->is_writable = to->is_writable && rights & PMP_W;
    return 0;
}

static unsigned finish_walk(const struct walk *walk, uint64_t addr, unsigned left,
                            struct translation *to)
{
    bool is_napot = (walk->pte & PTE_N) != 0;
    unsigned shift = PAGE_SHIFT + left * walk->bits + (is_napot ? NAPOT_BITS : 0);
    uint64_t mask = (UINT64_C(1) << shift) - 1;
    uint64_t page = (walk->pte & ~PTE_HIGH) >> 10 << PAGE_SHIFT;

    to->is_readable = walk->pte & PTE_R || (walk->mxr && walk->pte & PTE_X);
    to->is_writable = walk->pte & PTE_W && walk->pte & PTE_D;
    to->large_size = shift > PAGE_SHIFT ? mask + 1 : 0;
    return finish(walk, (page & ~mask) | (addr & mask), to);
}

/* The walk from the root on; `addr` is canonical. */
static unsigned walk_tables(struct walk *walk, uint64_t root, uint64_t addr,
                            struct translation *to)
{
    uint64_t table = root;

    for (unsigned left = walk->levels; left-- > 0;) {
        unsigned shift = PAGE_SHIFT + left * walk->bits;
        uint64_t index = addr >> shift & ((UINT64_C(1) << walk->bits) - 1);
        enum noted noted;

        walk->pte_at = table + index * walk->pte_size;
        if (!read_pte(walk))
            return riscv_refused(walk->cpu, walk->access);
        if (!(walk->pte & PTE_V) || (walk->pte & (PTE_R | PTE_W)) == PTE_W ||
            walk->pte & walk->reserved)
            return page_fault(walk->access);
        if (!(walk->pte & (PTE_R | PTE_X))) {
            if (walk->pte & (PTE_A | PTE_D | PTE_U | PTE_N | PTE_PBMT))
                return page_fault(walk->access);
            table = (walk->pte & ~PTE_HIGH) >> 10 << PAGE_SHIFT;
            continue;
        }
        if (!is_good_leaf(walk, left) || !may_access(walk))
            return page_fault(walk->access);
        noted = note_access(walk);
        if (noted == REFUSED)
            return riscv_refused(walk->cpu, walk->access);
        if (noted == NOT_ALLOWED)
            return page_fault(walk->access);
        if (noted == NOTED)
            return finish_walk(walk, addr, left, to);
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

/* Sv39 and its larger sisters, or Sv32.  False: the address is not canonical. */
static bool begin_tables(struct walk *walk, uint64_t addr, unsigned mode)
{
    const struct riscv *riscv = machine_of(walk->cpu)->guest;
    int64_t top;

    if (!riscv->is_64) {
        walk->levels = 2;
        walk->bits = 10;
        walk->pte_size = 4;
        return true;
    }
    walk->levels = mode - 5;
    walk->bits = 9;
    walk->pte_size = 8;
    walk->reserved = PTE_UNUSED;
    if (!riscv->has[EXT_Svnapot])
        walk->reserved |= PTE_N;
    if (!riscv->has[EXT_Svpbmt] || !(riscv_get(walk->cpu, CSR_menvcfg) >> ENV_PBMTE & 1))
        walk->reserved |= PTE_PBMT;
    top = (int64_t)addr >> (PAGE_SHIFT + walk->levels * 9 - 1);
    return top == 0 || top == -1;
}

static unsigned satp_mode(bool is_64, uint64_t satp)
{
    return (unsigned)(is_64 ? satp >> 60 : satp >> 31);
}

static uint64_t satp_root(bool is_64, uint64_t satp)
{
    return (satp & ((UINT64_C(1) << (is_64 ? 44 : 22)) - 1)) << PAGE_SHIFT;
}

/* With satp as it is for the walk's privilege. */
static unsigned translate(struct walk *walk, uint64_t addr, struct translation *to)
{
    struct cpu *cpu = walk->cpu;
    bool is_64 = riscv_is_64(cpu);
    uint64_t satp = walk->level == LEVEL_M ? 0 : riscv_get(cpu, CSR_satp);
    unsigned mode = satp_mode(is_64, satp);

    if (!is_64)
        addr = (uint32_t)addr;
    if (!mode) {
        *to = (struct translation){ .is_readable = true, .is_writable = true };
        return finish(walk, addr, to);
    }
    if (!begin_tables(walk, addr, mode))
        return page_fault(walk->access);
    return walk_tables(walk, satp_root(is_64, satp), addr, to);
}

unsigned riscv_translate(struct cpu *cpu, uint64_t addr, unsigned access, unsigned regime,
                         struct translation *to)
{
    struct walk walk = { .cpu = cpu, .access = access, .size = to->size };

    begin_regime(&walk, regime);
    return translate(&walk, addr, to);
}

bool riscv_look(struct cpu *cpu, uint64_t addr, uint64_t *physical)
{
    struct walk walk = { .cpu = cpu, .access = ACCESS_READ, .size = 1, .is_look = true };
    struct translation to = { .size = 1 };

    walk.level = (unsigned)riscv_get(cpu, CSR_prv);
    if (translate(&walk, addr, &to))
        return false;
    *physical = to.physical;
    return true;
}

/* ------------------------------------------------------------------------ `info mem` */

/* Tables that are looked at: a real guest has far fewer, one whose tables are their own
 * leaves has no end of them. */
enum { MOST_TABLES = 1 << 15 };

struct listing {
    struct walk walk;
    bool (*each)(void *context, const struct mapping *mapping);
    void *context;
    unsigned tables;
};

static bool list_leaf(struct listing *list, uint64_t addr, unsigned left)
{
    static const char letters[] = "rwxugad";
    struct walk *walk = &list->walk;
    unsigned shift = PAGE_SHIFT + left * walk->bits, top = walk->levels * walk->bits;
    uint64_t page = (walk->pte & ~PTE_HIGH) >> 10;
    struct mapping mapping = { .size = UINT64_C(1) << shift };

    if (walk->pte & PTE_N) /* each of its 16 entries is told */
        page = (page & ~UINT64_C(15)) | (addr >> PAGE_SHIFT & 15);
    if (walk->pte_size == 8) /* the upper half is where the sign is */
        addr |= -(addr >> (PAGE_SHIFT + top - 1) & 1) << (PAGE_SHIFT + top - 1);
    mapping.addr = addr;
    mapping.physical = page << PAGE_SHIFT;
    for (unsigned i = 0; letters[i]; i++)
        mapping.flags[i] = bit(walk->pte, i + 1) ? letters[i] : '-';
    return list->each(list->context, &mapping);
}

/* What is below a table whose entries have `left` levels behind them. */
static bool list_table(struct listing *list, uint64_t table, uint64_t addr, unsigned left)
{
    struct walk *walk = &list->walk;

    if (++list->tables > MOST_TABLES)
        return false;
    for (uint64_t i = 0; i < UINT64_C(1) << walk->bits; i++) {
        uint64_t at = addr | i << (PAGE_SHIFT + left * walk->bits);
        bool goes_on = true;

        walk->pte_at = table + i * walk->pte_size;
        if (!read_pte(walk))
            return true; /* no memory there */
        if (!(walk->pte & PTE_V))
            continue;
        if (walk->pte & (PTE_R | PTE_W | PTE_X))
            goes_on = list_leaf(list, at, left);
        else if (left)
            goes_on = list_table(list, (walk->pte & ~PTE_HIGH) >> 10 << PAGE_SHIFT, at,
                                 left - 1);
        if (!goes_on)
            return false;
    }
    return true;
}

enum mappings riscv_mappings(struct cpu *cpu,
                             bool (*each)(void *context, const struct mapping *mapping),
                             void *context)
{
    bool is_64 = riscv_is_64(cpu);
    uint64_t satp = riscv_get(cpu, CSR_satp);
    unsigned mode = satp_mode(is_64, satp);
    struct listing list = { .walk = { .cpu = cpu, .is_look = true },
                            .each = each,
                            .context = context };

    if (!mode)
        return MAPPINGS_NONE;
    begin_tables(&list.walk, 0, mode);
    return list_table(&list, satp_root(is_64, satp), 0, list.walk.levels - 1)
               ? MAPPINGS_ALL
               : MAPPINGS_SOME;
}
