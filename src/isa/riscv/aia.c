/* aia.c - what aia.isa leaves open: priorities, the interrupt that comes first, and the
 * way to the interrupt files (IMSIC) that are in a device.
 *
 * Advanced Interrupt Architecture 1.0, "Control and Status Registers (CSRs) Added to
 * Harts", "CSRs for external interrupts via an IMSIC", "Configuring priorities of major
 * interrupts". */
#include "isa/riscv/riscv.h"

enum {
    SIREG = 0x151,
    STOPEI = 0x15c,
    MIREG = 0x351,
    MTOPEI = 0x35c,
    STOPI = 0xdb0,
    MTOPI = 0xfb0
};
/* Ranges of what miselect and siselect select, of which the file has the second; and the
 * number by which the device knows *topei. */
enum {
    IPRIO0 = 0x30,
    IPRIO15 = 0x3f,
    FILE_FIRST = 0x70,
    EIP0 = 0x80,
    FILE_LAST = 0xff,
    TOPEI = 0x100
};
enum { PRIORITIES = 16, IDENTITY = 16, NUMBER = 0x7ff }; /* fields of *topei, *topi */

static unsigned level_of(unsigned csr)
{
    return csr >> 8 & 3;
}

static unsigned external(unsigned level)
{
    return level == LEVEL_M ? MEI : SEI;
}

/* ------------------------------------------------------------------ interrupt files */

static bool exchange(struct cpu *cpu, unsigned level, unsigned reg, uint64_t mask,
                     uint64_t *value)
{
    const struct machine_cpu *m = machine_of(cpu);

    return m->exchange && m->exchange(cpu, external(level), reg, mask, value);
}

static uint64_t read_file(struct cpu *cpu, unsigned level, unsigned reg)
{
    uint64_t value = 0;

    return exchange(cpu, level, reg, 0, &value) ? value : 0;
}

static bool has_file(struct cpu *cpu, unsigned level)
{
    uint64_t value = 0;

    return exchange(cpu, level, TOPEI, 0, &value);
}

/* The arrays of the file have elements of 32 bits. */
static bool is_pair(struct cpu *cpu, unsigned select)
{
    return riscv_is_64(cpu) && select >= EIP0;
}

static uint64_t read_selected(struct cpu *cpu, unsigned level, unsigned select)
{
    uint64_t low = read_file(cpu, level, select);

    return is_pair(cpu, select) ? low | read_file(cpu, level, select + 1) << 32 : low;
}

static void write_selected(struct cpu *cpu, unsigned level, unsigned select,
                           uint64_t mask, uint64_t value)
{
    uint64_t high = value >> 32;

    exchange(cpu, level, select, mask & UINT32_MAX, &value);
    if (is_pair(cpu, select))
        exchange(cpu, level, select + 1, mask >> 32, &high);
}

/* --------------------------------------------------------------------- priorities */

/* Which interrupts may have a number: those that there are at the level, without the
 * external one, whose is the controller's. */
static bool may_have_priority(struct cpu *cpu, unsigned level, unsigned interrupt)
{
    uint64_t there = level == LEVEL_M
                         ? UINT64_C(1) << SSI | UINT64_C(1) << MSI | UINT64_C(1) << STI |
                               UINT64_C(1) << MTI | UINT64_C(1) << SEI
                         : UINT64_C(1) << SSI | UINT64_C(1) << STI;

    if (level == LEVEL_S)
        there &= riscv_get(cpu, CSR_mideleg) | riscv_get(cpu, CSR_mvien);
    return bit(there, interrupt);
}

static uint64_t iprio(struct cpu *cpu, unsigned level, unsigned interrupt)
{
    return may_have_priority(cpu, level, interrupt)
               ? riscv_get_at(cpu, level == LEVEL_M ? CSR_miprio0 : CSR_siprio0,
                              interrupt)
               : 0;
}

/* Without a number all others come behind the external one, in the order of interrupts.c.
 */
unsigned riscv_priority(struct cpu *cpu, unsigned level, unsigned interrupt)
{
    unsigned number = (unsigned)iprio(cpu, level, interrupt);

    if (interrupt != external(level))
        return number ? number : PRIORITY_DEFAULT;
    number = read_file(cpu, level, TOPEI) & NUMBER;
    return number ? number : PRIORITY_UNKNOWN;
}

static unsigned bytes(struct cpu *cpu)
{
    return riscv_is_64(cpu) ? 8 : 4;
}

static uint64_t read_priorities(struct cpu *cpu, unsigned level, unsigned select)
{
    unsigned first = (select - IPRIO0) * 4;
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes(cpu); i++)
        value |= iprio(cpu, level, first + i) << 8 * i;
    return value;
}

static void write_priorities(struct cpu *cpu, unsigned level, unsigned select,
                             uint64_t value)
{
    unsigned first = (select - IPRIO0) * 4;

    for (unsigned i = first; i < first + bytes(cpu) && i < PRIORITIES; i++)
        if (may_have_priority(cpu, level, i))
            riscv_put_at(cpu, level == LEVEL_M ? CSR_miprio0 : CSR_siprio0, i,
                         value >> 8 * (i - first) & 0xff);
}

static uint64_t top(struct cpu *cpu, unsigned level)
{
    unsigned first, priority;

    riscv_lines(cpu); /* the timer may be due */
    first = riscv_first(cpu, level, riscv_pending(cpu, level));
    if (!first)
        return 0;
    priority = riscv_priority(cpu, level, first);
    return (uint64_t)first << IDENTITY | (priority > 255 ? 255 : priority);
}

/* ------------------------------------------------------------------------ registers */

static unsigned selected(struct cpu *cpu, unsigned level)
{
    return (unsigned)riscv_get(cpu, level == LEVEL_M ? CSR_miselect : CSR_siselect);
}

static bool is_priority(unsigned select)
{
    return select >= IPRIO0 && select <= IPRIO15;
}

static bool is_file(unsigned select)
{
    return select >= FILE_FIRST && select <= FILE_LAST;
}

/* While mvien has SEI, the file of S is M's. */
static bool is_kept_from(struct cpu *cpu, unsigned level)
{
    return level == LEVEL_S && riscv_get(cpu, CSR_prv) < LEVEL_M &&
           bit(riscv_get(cpu, CSR_mvien), SEI);
}

bool riscv_aia_refuses(struct cpu *cpu, unsigned csr)
{
    unsigned level = level_of(csr), select = selected(cpu, level);
    bool is_odd = riscv_is_64(cpu) && select & 1;

    /* Without privilege or the extension there is a trap all the same. */
    if (riscv_get(cpu, CSR_prv) < level || !riscv_of(cpu)->has[EXT_Ssaia])
        return true;
    if (csr == MTOPEI || csr == STOPEI)
        return !has_file(cpu, level) || is_kept_from(cpu, level);
    if (csr != MIREG && csr != SIREG)
        return false;
    if (is_file(select))
        return !has_file(cpu, level) || is_kept_from(cpu, level) ||
               (is_odd && select >= EIP0);
    return !is_priority(select) || is_odd;
}

uint64_t riscv_aia_read(struct cpu *cpu, unsigned csr)
{
    unsigned level = level_of(csr), select;

    switch (csr) {
    case MTOPI:
    case STOPI: return top(cpu, csr == MTOPI ? LEVEL_M : LEVEL_S);
    case MTOPEI:
    case STOPEI: return read_file(cpu, level, TOPEI);
    }
    select = selected(cpu, level);
    if (is_priority(select))
        return read_priorities(cpu, level, select);
    return is_file(select) ? read_selected(cpu, level, select) : 0;
}

/* A message may come between the read and the write of one instruction. */
void riscv_aia_changes(struct cpu *cpu, uint64_t old)
{
    riscv_of(cpu)->is_changing = true;
    riscv_of(cpu)->old = old;
}

void riscv_aia_write(struct cpu *cpu, unsigned csr, uint64_t value)
{
    struct riscv *riscv = riscv_of(cpu);
    unsigned level = level_of(csr), select = selected(cpu, level);
    bool is_changing = riscv->is_changing;

    riscv->is_changing = false;
    if (csr == MTOPEI || csr == STOPEI) {
        uint64_t claimed = is_changing ? riscv->old : read_file(cpu, level, TOPEI);

        exchange(cpu, level, TOPEI, UINT64_MAX, &claimed);
    } else if (is_priority(select)) {
        write_priorities(cpu, level, select, value);
    } else if (is_file(select)) {
        write_selected(cpu, level, select, is_changing ? riscv->old ^ value : UINT64_MAX,
                       value);
    }
}
