/* tlb.c - the slow path of translated addresses, and where code lies. */
#include "isa/tlb.h"

#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "interp/interp.h"
#include "isa/mem.h"
#include "isa/sem.h"
#include "isa/space.h"

#define PAGE_SIZE ((uint64_t)1 << TLB_SHIFT)

static uint64_t page_of(uint64_t addr)
{
    return addr & ~(PAGE_SIZE - 1);
}

static _Noreturn void fault(struct cpu *cpu, uint64_t addr, unsigned access,
                            unsigned cause)
{
    interp_leave(cpu, EXEC_MEM_FAULT);
    cpu->event.access = (uint8_t)access;
    cpu->event.addr = addr;
    cpu->event.args[0] = cause;
    mem_fault(cpu);
}

/* ------------------------------------------------------------------ entries */

static void forget(struct tlb_entry *entries)
{
    for (unsigned i = 0; i < TLB_ENTRIES; i++)
        entries[i] = (struct tlb_entry){ .read = TLB_NONE, .write = TLB_NONE };
}

uint8_t *tlb_regime(struct cpu *cpu, unsigned regime)
{
    struct mmu *mmu = cpu->mmu;

    if (!mmu->regimes[regime]) {
        mmu->regimes[regime] = malloc(TLB_ENTRIES * sizeof *mmu->regimes[regime]);
        if (!mmu->regimes[regime])
            die("out of memory");
        forget(mmu->regimes[regime]);
    }
    return (uint8_t *)mmu->regimes[regime];
}

void tlb_free(struct mmu *mmu)
{
    for (unsigned i = 0; i < TLB_REGIMES; i++)
        free(mmu->regimes[i]);
}

/* Kernels have their large pages in one half of the addresses, programs are in the other.
 */
static struct tlb_large *large_of(struct mmu *mmu, uint64_t addr)
{
    return &mmu->large[addr >> 63];
}

static void note_large(struct mmu *mmu, uint64_t addr, const struct translation *to)
{
    struct tlb_large *large = large_of(mmu, addr);
    uint64_t mask = to->large_size - 1;

    if (!to->large_size)
        return;
    if ((addr & ~mask) < large->first)
        large->first = addr & ~mask;
    if ((addr | mask) > large->last)
        large->last = addr | mask;
}

static bool may_be_large(struct mmu *mmu, uint64_t addr)
{
    const struct tlb_large *large = large_of(mmu, addr);

    return addr >= large->first && addr <= large->last;
}

void tlb_flush(struct cpu *cpu)
{
    struct mmu *mmu = cpu->mmu;

    for (unsigned i = 0; i < TLB_REGIMES; i++)
        if (mmu->filled >> i & 1)
            forget(mmu->regimes[i]);
    if (mmu->has_code)
        forget(mmu->code);
    mmu->filled = 0;
    mmu->has_hidden = mmu->has_code = false;
    mmu->large[0] = mmu->large[1] = (struct tlb_large){ .first = UINT64_MAX };
    if (cpu->engine)
        jumps_forget(interp_of(cpu));
}

static void forget_code_page(struct cpu *cpu, uint64_t addr)
{
    struct mmu *mmu = cpu->mmu;
    struct tlb_entry *code = &mmu->code[addr >> TLB_SHIFT & (TLB_ENTRIES - 1)];
    bool is_there = page_of(code->read) == page_of(addr) && !(code->read & TLB_NONE);

    if (is_there)
        code->read = TLB_NONE;
    if (is_there || mmu->has_hidden)
        jumps_forget(interp_of(cpu));
    mmu->has_hidden = false;
}

void tlb_flush_data(struct cpu *cpu)
{
    struct mmu *mmu = cpu->mmu;

    for (unsigned i = 0; i < TLB_REGIMES; i++)
        if (mmu->filled >> i & 1)
            forget(mmu->regimes[i]);
}

void tlb_flush_page(struct cpu *cpu, uint64_t addr)
{
    struct mmu *mmu = cpu->mmu;

    if (may_be_large(mmu, addr)) {
        tlb_flush(cpu);
        return;
    }
    for (unsigned i = 0; i < TLB_REGIMES; i++)
        if (mmu->regimes[i])
            mmu->regimes[i][addr >> TLB_SHIFT & (TLB_ENTRIES - 1)] =
                (struct tlb_entry){ .read = TLB_NONE, .write = TLB_NONE };
    forget_code_page(cpu, addr);
}

/* Of a page of the host's memory; NULL: a device, or nothing. */
static uint8_t *host_page(struct cpu *cpu, uint64_t physical, bool *is_writable)
{
    uint8_t *host;

    if (cpu->mmu->is_hidden && cpu->mmu->is_hidden(cpu, physical))
        return NULL;
    if (space_span(cpu->space, physical, PAGE_SIZE, SPACE_READ, &host) != PAGE_SIZE)
        return NULL;
    *is_writable = (space_prot(cpu->space, physical) & SPACE_WRITE) != 0;
    return host;
}

static struct tlb_entry *fill(struct cpu *cpu, uint64_t addr, unsigned access,
                              unsigned size)
{
    struct interp_cpu *self = interp_of(cpu);
    struct mmu *mmu = cpu->mmu;
    struct translation to = { .is_readable = true, .size = size };
    struct tlb_entry *entry;
    uint64_t page = page_of(addr);
    unsigned cause = mmu->translate(cpu, addr, access, self->mode->regime, &to);
    bool is_writable = true;
    uint8_t *host;

    if (cause)
        fault(cpu, addr, access, cause);
    entry = &mmu->regimes[self->mode->regime][addr >> TLB_SHIFT & (TLB_ENTRIES - 1)];
    mmu->filled |= (uint16_t)(1 << self->mode->regime);
    entry->physical = page_of(to.physical);
    host = host_page(cpu, entry->physical, &is_writable);
    entry->host = (uintptr_t)host - (uintptr_t)page;
    entry->read = to.is_readable ? page : TLB_NONE;
    entry->write = to.is_writable ? page : TLB_NONE;
    note_large(mmu, addr, &to);
    if (to.is_partial) {
        entry->read |= TLB_ONCE;
        entry->write |= TLB_ONCE;
    }
    if (!host || !is_writable)
        entry->write |= TLB_DEVICE;
    if (!host)
        entry->read |= TLB_DEVICE;
    else if (block_is_guarded(self->ip, entry->physical >> PAGE_SHIFT))
        entry->write |= TLB_CODE;
    return entry;
}

/* The entry for an access within a page. */
static struct tlb_entry *find(struct cpu *cpu, uint64_t addr, unsigned access,
                              unsigned size)
{
    struct tlb_entry *entry = (struct tlb_entry *)(uintptr_t)tlb_entry(cpu->base, addr);
    uint64_t tag = access == ACCESS_WRITE ? entry->write : entry->read;

    return !(tag & (TLB_NONE | TLB_ONCE)) && page_of(tag) == page_of(addr)
               ? entry
               : fill(cpu, addr, access, size);
}

void tlb_drop_code(struct cpu *cpu, uint64_t physical)
{
    struct interp_cpu *self = cpu->engine ? interp_of(cpu) : NULL;
    bool was_running = self && self->is_running;
    struct interp *ip;

    if (!self)
        return;
    self->is_running = false;
    ip = interp_take(self);
    block_invalidate(ip, page_of(physical), PAGE_SIZE);
    interp_give(self);
    self->is_running = was_running;
}

/* Code was translated from the page of an entry: it is dropped. */
static void drop_code(struct cpu *cpu, struct tlb_entry *entry)
{
    tlb_drop_code(cpu, entry->physical);
    entry->write &= ~(uint64_t)TLB_CODE;
}

void tlb_code_appears(struct interp *ip, uint64_t page)
{
    for (struct interp_cpu *self = ip->cpus; self; self = self->next)
        for (unsigned r = 0; r < TLB_REGIMES; r++)
            for (unsigned i = 0; self->cpu->mmu->regimes[r] && i < TLB_ENTRIES; i++) {
                struct tlb_entry *entry = &self->cpu->mmu->regimes[r][i];

                if (entry->physical >> PAGE_SHIFT == page && !(entry->write & TLB_NONE))
                    entry->write |= TLB_CODE;
            }
}

/* ----------------------------------------------------------------- accesses */

static bool crosses(uint64_t addr, unsigned size)
{
    return page_of(addr) != page_of(addr + size - 1);
}

/* A value as its bytes lie in memory, and the number that a device means. */
static uint64_t to_device(uint64_t value, unsigned size)
{
    if (!MEM_HOST_BIG)
        return value;
    return MEM_SWAP64(value) >> (64 - 8 * size);
}

static uint64_t load_host(uintptr_t at, unsigned size)
{
    switch (size) {
    case 1: return *(volatile uint8_t *)at;
    case 2: return ((volatile struct mem_packed16 *)at)->value;
    case 4: return ((volatile struct mem_packed32 *)at)->value;
    default: return ((volatile struct mem_packed64 *)at)->value;
    }
}

static void store_host(uintptr_t at, uint64_t value, unsigned size)
{
    switch (size) {
    case 1: *(volatile uint8_t *)at = (uint8_t)value; break;
    case 2: ((volatile struct mem_packed16 *)at)->value = (uint16_t)value; break;
    case 4: ((volatile struct mem_packed32 *)at)->value = (uint32_t)value; break;
    default: ((volatile struct mem_packed64 *)at)->value = value; break;
    }
}

static uint64_t load_bytes(struct cpu *cpu, uint64_t addr, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= tlb_load(cpu, addr + i, 1) << 8 * (MEM_HOST_BIG ? size - 1 - i : i);
    return value;
}

uint64_t tlb_load(struct cpu *cpu, uint64_t addr, unsigned size)
{
    const struct tlb_entry *entry;
    uint64_t value;

    if (crosses(addr, size))
        return load_bytes(cpu, addr, size);
    entry = find(cpu, addr, ACCESS_READ, size);
    if (!(entry->read & TLB_DEVICE))
        return load_host(entry->host + (uintptr_t)addr, size);
    if (!cpu->mmu->read(cpu, entry->physical | (addr & (PAGE_SIZE - 1)), size, &value))
        fault(cpu, addr, ACCESS_READ, cpu->mmu->refused(cpu, ACCESS_READ));
    return to_device(value, size);
}

/* None of the bytes is written if one cannot be. */
static void store_bytes(struct cpu *cpu, uint64_t addr, uint64_t value, unsigned size)
{
    unsigned first = (unsigned)(page_of(addr + size) - addr);

    find(cpu, addr, ACCESS_WRITE, first);
    find(cpu, addr + first, ACCESS_WRITE, size - first);
    for (unsigned i = 0; i < size; i++)
        tlb_store(cpu, addr + i, value >> 8 * (MEM_HOST_BIG ? size - 1 - i : i) & 0xff,
                  1);
}

void tlb_store(struct cpu *cpu, uint64_t addr, uint64_t value, unsigned size)
{
    struct tlb_entry *entry;

    if (crosses(addr, size)) {
        store_bytes(cpu, addr, value, size);
        return;
    }
    entry = find(cpu, addr, ACCESS_WRITE, size);
    if (entry->write & TLB_DEVICE) {
        if (!cpu->mmu->write(cpu, entry->physical | (addr & (PAGE_SIZE - 1)), size,
                             to_device(value, size)))
            fault(cpu, addr, ACCESS_WRITE, cpu->mmu->refused(cpu, ACCESS_WRITE));
        return;
    }
    if (entry->write & TLB_CODE)
        drop_code(cpu, entry);
    store_host(entry->host + (uintptr_t)addr, value, size);
}

void *tlb_host(struct cpu *cpu, uint64_t addr, unsigned size)
{
    struct tlb_entry *entry = find(cpu, addr, ACCESS_WRITE, size);

    if (entry->write & TLB_DEVICE || crosses(addr, size))
        fault(cpu, addr, ACCESS_WRITE, cpu->mmu->refused(cpu, ACCESS_WRITE));
    if (entry->write & TLB_CODE)
        drop_code(cpu, entry);
    return (void *)(entry->host + (uintptr_t)addr);
}

#define RARE_DEFINE(bits)                                                                \
    uint64_t tlb_load##bits(struct cpu *cpu, uint64_t addr, uint64_t value)              \
    {                                                                                    \
        (void)value;                                                                     \
        return tlb_load(cpu, addr, (bits) / 8);                                          \
    }                                                                                    \
    uint64_t tlb_store##bits(struct cpu *cpu, uint64_t addr, uint64_t value)             \
    {                                                                                    \
        tlb_store(cpu, addr, value, (bits) / 8);                                         \
        return 0;                                                                        \
    }                                                                                    \
    uint64_t tlb_host##bits(struct cpu *cpu, uint64_t addr, uint64_t value)              \
    {                                                                                    \
        (void)value;                                                                     \
        return (uintptr_t)tlb_host(cpu, addr, (bits) / 8);                               \
    }
RARE_DEFINE(8)
RARE_DEFINE(16)
RARE_DEFINE(32)
RARE_DEFINE(64)
#define RARE_ASK(name) HOST_RARE(name);
TLB_RARE(RARE_ASK)

/* ---------------------------------------------------------------------- code */

/* For an instruction's first bytes, or some others. */
static unsigned find_code(struct cpu *cpu, uint64_t pc, struct tlb_entry **found)
{
    struct mmu *mmu = cpu->mmu;
    struct tlb_entry *entry = &mmu->code[pc >> TLB_SHIFT & (TLB_ENTRIES - 1)];
    struct translation to = { .size = cpu->isa->min_ilen };
    bool is_writable;
    uint64_t mode = interp_of(cpu)->mode->mode;
    unsigned cause;
    uint8_t *host;

    *found = entry;
    if (entry->read == page_of(pc) && entry->write == mode)
        return 0;
    cause = mmu->translate(cpu, pc, ACCESS_FETCH, 0, &to);
    if (cause)
        return cause;
    host = host_page(cpu, page_of(to.physical), &is_writable);
    if (!host)
        return mmu->refused(cpu, ACCESS_FETCH);
    note_large(mmu, pc, &to);
    mmu->has_hidden |= !(entry->read & TLB_NONE) && page_of(entry->read) != page_of(pc);
    mmu->has_code = true;
    *entry = (struct tlb_entry){ page_of(pc) | (to.is_partial ? TLB_ONCE : 0), mode,
                                 page_of(to.physical),
                                 (uintptr_t)host - (uintptr_t)page_of(pc) };
    return 0;
}

uint64_t tlb_code_page(struct cpu *cpu, uint64_t pc)
{
    struct tlb_entry *entry;

    return find_code(cpu, pc, &entry) ? UINT64_MAX : entry->physical >> PAGE_SHIFT;
}

unsigned tlb_fetch(struct cpu *cpu, uint64_t pc, void *to, unsigned *size)
{
    unsigned wanted = *size;
    uint64_t mask = mask64(cpu->isa->pc_width);

    for (*size = 0; *size < wanted;) {
        uint64_t at = (pc + *size) & mask, left = PAGE_SIZE - (at & (PAGE_SIZE - 1));
        unsigned n = left < wanted - *size ? (unsigned)left : wanted - *size;
        struct tlb_entry *entry;
        unsigned cause = find_code(cpu, at, &entry);

        if (cause)
            return cause;
        if (entry->read & TLB_ONCE && n > cpu->isa->min_ilen)
            n = cpu->isa->min_ilen;
        memcpy((uint8_t *)to + *size, (const void *)(entry->host + (uintptr_t)at), n);
        *size += n;
    }
    return 0;
}
