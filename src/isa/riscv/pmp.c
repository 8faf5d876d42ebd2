/* pmp.c - physical memory protection of RISC-V.
 *
 * Privileged, "Machine-Level ISA", "Physical Memory Protection".  An access is checked
 * when its page comes into the TLB, not each time; a page that entries divide may not
 * stay there (is_partial). */
#include "isa/riscv/riscv.h"

enum { CFG_LOCKED = 0x80 };
enum { OFF, TOP_OF_RANGE, FOUR_BYTES, POWER_OF_TWO };
#define PAGE UINT64_C(0x1000)

static uint64_t mask_of(unsigned bits)
{
    return (UINT64_C(1) << bits) - 1;
}

/* Whether entry n is on; its range. */
static bool decode(struct cpu *cpu, unsigned n, struct pmp_range *range)
{
    uint64_t cfg = riscv_get_at(cpu, CSR_pmp_cfg0, n);
    uint64_t addr = riscv_get_at(cpu, CSR_pmp_addr0, n);
    unsigned ones = 0;

    range->cfg = (uint8_t)cfg;
    range->first = addr << 2;
    switch (cfg >> 3 & 3) {
    case TOP_OF_RANGE:
        range->first = n ? riscv_get_at(cpu, CSR_pmp_addr0, n - 1) << 2 : 0;
        range->last = (addr << 2) - 1;
        return range->first < addr << 2;
    case FOUR_BYTES: range->last = range->first + 3; return true;
    case POWER_OF_TWO:
        while (addr >> ones & 1)
            ones++;
        range->first = (addr & ~mask_of(ones)) << 2;
        range->last = range->first | mask_of(ones + 3);
        return true;
    default: return false;
    }
}

void riscv_pmp_changed(struct cpu *cpu)
{
    struct riscv *riscv = machine_of(cpu)->guest;

    riscv->pmp_ranges = 0;
    for (unsigned n = 0; riscv->has[EXT_Smpmp] && n < PMP_ENTRIES; n++)
        if (decode(cpu, n, &riscv->pmp[riscv->pmp_ranges]))
            riscv->pmp_ranges++;
}

unsigned riscv_pmp(struct cpu *cpu, uint64_t physical, unsigned size, unsigned level,
                   bool *is_partial)
{
    const struct riscv *riscv = machine_of(cpu)->guest;
    uint64_t last = physical + (size ? size : 1) - 1;
    uint64_t page = physical & ~(PAGE - 1), page_last = page | (PAGE - 1);

    if (!riscv->has[EXT_Smpmp])
        return PMP_ALL;
    for (unsigned i = 0; i < riscv->pmp_ranges; i++) {
        const struct pmp_range *range = &riscv->pmp[i];

        if (range->first > page_last || range->last < page)
            continue;
        *is_partial |= range->first > page || range->last < page_last;
        if (range->first > last || range->last < physical)
            continue;
        if (range->first > physical || range->last < last)
            return 0; /* an entry must match all bytes */
        return level == LEVEL_M && !(range->cfg & CFG_LOCKED) ? PMP_ALL
                                                              : range->cfg & PMP_ALL;
    }
    return level == LEVEL_M ? PMP_ALL : 0;
}

void riscv_pmp_drop_code(struct cpu *cpu)
{
    const struct riscv *riscv = machine_of(cpu)->guest;

    for (unsigned i = 0; i < riscv->pmp_ranges; i++) {
        const struct pmp_range *range = &riscv->pmp[i];

        if (range->first & (PAGE - 1))
            tlb_drop_code(cpu, range->first);
        if ((range->last + 1) & (PAGE - 1))
            tlb_drop_code(cpu, range->last);
    }
}
