/* interrupts.c - which interrupts of RISC-V are pending, and which is taken, where.
 *
 * Privileged, "Machine Interrupt (mip and mie) Registers" and what supervisor mode has of
 * them; Advanced Interrupt Architecture, "Interrupts for Machine and Supervisor Levels".
 */
#include <string.h>

#include "isa/riscv/riscv.h"

/* Those that are taken first first. */
static const struct {
    const char *name;
    unsigned number;
} interrupt_lines[] = {
    { "meip", MEI }, { "msip", MSI }, { "mtip", MTI },
    { "seip", SEI }, { "ssip", SSI }, { "stip", STI },
};
enum { LINES = sizeof interrupt_lines / sizeof *interrupt_lines };

int riscv_line(const char *name)
{
    for (unsigned i = 0; i < LINES; i++)
        if (!strcmp(name, interrupt_lines[i].name))
            return (int)interrupt_lines[i].number;
    return -1;
}

const char *riscv_line_name(unsigned number)
{
    for (unsigned i = 0; i < LINES; i++)
        if (interrupt_lines[i].number == number)
            return interrupt_lines[i].name;
    return NULL;
}

/* ---------------------------------------------------------------------- the timer */

/* stimecmp: whether it raises STIP, and since when it has. */
static bool has_timer(struct cpu *cpu)
{
    return riscv_of(cpu)->has[EXT_Sstc] && bit(riscv_get(cpu, CSR_menvcfg), ENV_STCE);
}

static void look_at_timer(struct cpu *cpu)
{
    struct riscv *riscv = riscv_of(cpu);

    if (!riscv->is_due && has_timer(cpu))
        riscv->is_due = machine_of(cpu)->time(cpu) >= riscv_get(cpu, CSR_stimecmp);
}

/* The alarm kicks the CPU, which then looks. */
void riscv_set_timer(struct cpu *cpu)
{
    riscv_of(cpu)->is_due = false;
    look_at_timer(cpu);
    if (riscv_of(cpu)->has[EXT_Sstc])
        machine_of(cpu)->alarm(cpu, has_timer(cpu) && !riscv_of(cpu)->is_due
                                        ? riscv_get(cpu, CSR_stimecmp)
                                        : UINT64_MAX);
}

/* -------------------------------------------------------------------- what is pending */

static uint64_t lines(struct cpu *cpu)
{
    return __atomic_load_n(&machine_of(cpu)->lines, __ATOMIC_ACQUIRE) |
           (uint64_t)riscv_of(cpu)->is_due << STI;
}

uint64_t riscv_lines(struct cpu *cpu)
{
    look_at_timer(cpu);
    return lines(cpu);
}

/* As aia.isa has it: while mvien has SEI, what software writes of it is mvip's only. */
static uint64_t mip(struct cpu *cpu)
{
    uint64_t own = riscv_get(cpu, CSR_mvien) & UINT64_C(1) << SEI;

    return (riscv_get(cpu, CSR_mip) & ~own) | lines(cpu);
}

/* Of mvip, the bits that mvien has. */
static uint64_t mvip(struct cpu *cpu)
{
    return (riscv_get(cpu, CSR_mvip) & UINT64_C(1) << SSI) |
           (riscv_get(cpu, CSR_mip) & UINT64_C(1) << SEI);
}

uint64_t riscv_pending(struct cpu *cpu, unsigned level)
{
    uint64_t pending = mip(cpu) & riscv_get(cpu, CSR_mie);
    uint64_t delegated = riscv_get(cpu, CSR_mideleg), virtual;

    if (level == LEVEL_M)
        return pending & ~delegated;
    virtual = riscv_get(cpu, CSR_mvien) & ~delegated;
    if (virtual)
        virtual &= mvip(cpu) & riscv_get(cpu, CSR_own_sie);
    return (pending & delegated) | virtual;
}

unsigned riscv_first(struct cpu *cpu, unsigned level, uint64_t set)
{
    unsigned first = 0, best = UINT32_MAX;

    for (unsigned i = 0; i < LINES; i++) {
        unsigned number = interrupt_lines[i].number, priority;

        if (!bit(set, number))
            continue;
        if (!riscv_of(cpu)->has[EXT_Ssaia] || set == UINT64_C(1) << number)
            return number;
        priority = riscv_priority(cpu, level, number);
        if (priority < best) {
            best = priority;
            first = number;
        }
    }
    return first;
}

/* ----------------------------------------------------------------------- taking one */

/* What may interrupt now, and to which level: M's come before S's. */
static uint64_t enabled(struct cpu *cpu, unsigned *level)
{
    uint64_t prv = riscv_get(cpu, CSR_prv), status = riscv_get(cpu, CSR_mstatus), now = 0;

    *level = LEVEL_M;
    if (prv < LEVEL_M || bit(status, MIE))
        now = riscv_pending(cpu, LEVEL_M);
    if (!now && (prv < LEVEL_S || (prv == LEVEL_S && bit(status, SIE)))) {
        *level = LEVEL_S;
        now = riscv_pending(cpu, LEVEL_S);
    }
    return now;
}

bool riscv_has_interrupt(struct cpu *cpu)
{
    unsigned level;

    return enabled(cpu, &level) != 0;
}

void riscv_interrupt(struct cpu *cpu)
{
    unsigned level, first;
    uint64_t now;

    look_at_timer(cpu);
    now = enabled(cpu, &level);
    first = now ? riscv_first(cpu, level, now) : 0;
    if (first)
        riscv_take_interrupt(cpu, first, level);
}

bool riscv_may_wake(struct cpu *cpu)
{
    look_at_timer(cpu);
    return riscv_pending(cpu, LEVEL_M) || riscv_pending(cpu, LEVEL_S);
}
