/* traps.c - traps of RISC-V, and what its helpers do in a machine.
 *
 * Privileged, "Machine-Level ISA" and "Supervisor-Level ISA".  When an interrupt is
 * taken, and which: interrupts.c. */
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isa/riscv/riscv.h"
#include "isa/space.h"

enum { CAUSE_ILLEGAL = 2, CAUSE_BREAKPOINT = 3, CAUSE_ECALL = 8 };

static const char *const csr_names[] = {
#define X(name) #name,
    RISCV_CSRS(X)
#undef X
};

static const char *const extension_names[] = {
#define X(name) #name,
    RISCV_EXTENSIONS(X)
#undef X
};

/* ------------------------------------------------------------------ registers */

bool riscv_is_64(struct cpu *cpu)
{
    return riscv_of(cpu)->is_64;
}

uint64_t riscv_get(struct cpu *cpu, enum riscv_csr csr)
{
    return riscv_get_at(cpu, csr, 0);
}

uint64_t riscv_get_at(struct cpu *cpu, enum riscv_csr csr, unsigned n)
{
    unsigned size = riscv_of(cpu)->size[csr];
    const uint8_t *at = (const uint8_t *)cpu + riscv_of(cpu)->csr[csr] + (size_t)n * size;

    switch (size) {
    case 1: return *at;
    case 2: return *(const uint16_t *)(const void *)at;
    case 4: return *(const uint32_t *)(const void *)at;
    default: return *(const uint64_t *)(const void *)at;
    }
}

void riscv_put(struct cpu *cpu, enum riscv_csr csr, uint64_t value)
{
    riscv_put_at(cpu, csr, 0, value);
}

void riscv_put_at(struct cpu *cpu, enum riscv_csr csr, unsigned n, uint64_t value)
{
    unsigned size = riscv_of(cpu)->size[csr];
    uint8_t *at = (uint8_t *)cpu + riscv_of(cpu)->csr[csr] + (size_t)n * size;

    switch (size) {
    case 1: *at = (uint8_t)value; break;
    case 2: *(uint16_t *)(void *)at = (uint16_t)value; break;
    case 4: *(uint32_t *)(void *)at = (uint32_t)value; break;
    default: *(uint64_t *)(void *)at = value; break;
    }
}

static void find_csr(const struct isa *isa, struct riscv *riscv, unsigned n)
{
    struct isa_reg reg;
    const struct isa_file *file;

    if (isa_find_reg(isa, csr_names[n], &reg) < 0)
        bug("%s has no register %s", isa->name, csr_names[n]);
    file = &isa->files[isa->views[reg.view].file];
    riscv->csr[n] = (uint16_t)(CPU_STATE + file->offset);
    riscv->size[n] = (uint8_t)file->stride;
}

static bool has_extension(const struct cpu *cpu, const char *name)
{
    for (unsigned i = 0; i < cpu->isa->nfeatures; i++)
        if (!strcmp(name, isa_string(cpu->isa, cpu->isa->features[i])))
            return cpu->features.bits[i / 64] >> i % 64 & 1;
    return false;
}

/* ---------------------------------------------------------------------- traps */

static uint64_t with(uint64_t value, unsigned at, unsigned width, uint64_t field)
{
    uint64_t mask = ((UINT64_C(1) << width) - 1) << at;

    return (value & ~mask) | (field << at & mask);
}

static uint64_t vector(uint64_t tvec, bool is_interrupt, unsigned cause)
{
    return (tvec & ~UINT64_C(3)) + (is_interrupt && tvec & 1 ? 4 * (uint64_t)cause : 0);
}

/* Where a trap into a privilege level leaves what. */
struct entry {
    uint8_t level;
    enum riscv_csr cause, epc, tval, tvec;
    uint8_t ie, pie, pp, pp_bits; /* in mstatus */
};
static const struct entry to_s = { LEVEL_S, CSR_scause, CSR_sepc, CSR_stval, CSR_stvec,
                                   SIE,     SPIE,       SPP,      1 };
static const struct entry to_m = { LEVEL_M, CSR_mcause, CSR_mepc, CSR_mtval, CSR_mtvec,
                                   MIE,     MPIE,       MPP,      2 };

static void enter(struct cpu *cpu, const struct entry *to, uint64_t cause, uint64_t value)
{
    uint64_t status = riscv_get(cpu, CSR_mstatus);

    riscv_put(cpu, to->cause, cause);
    riscv_put(cpu, to->epc, cpu->pc);
    riscv_put(cpu, to->tval, value);
    status = with(status, to->pie, 1, bit(status, to->ie));
    status = with(status, to->pp, to->pp_bits, riscv_get(cpu, CSR_prv));
    riscv_put(cpu, CSR_mstatus, with(status, to->ie, 1, 0));
    riscv_put(cpu, CSR_prv, to->level);
}

static const char *const exception_names[] = {
    "instruction address misaligned",
    "instruction access fault",
    "illegal instruction",
    "breakpoint",
    "load address misaligned",
    "load access fault",
    "store/AMO address misaligned",
    "store/AMO access fault",
    "environment call from U",
    "environment call from S",
    NULL,
    "environment call from M",
    "instruction page fault",
    "load page fault",
    NULL,
    "store/AMO page fault",
};
enum { EXCEPTIONS = sizeof exception_names / sizeof *exception_names };

static const char *trap_name(unsigned cause, bool is_interrupt)
{
    if (is_interrupt)
        return riscv_line_name(cause);
    return cause < EXCEPTIONS ? exception_names[cause] : NULL;
}

static void tell(struct cpu *cpu, unsigned cause, bool is_interrupt, uint64_t value,
                 const struct entry *to)
{
    static const char levels[] = "US?M";
    const struct machine_log *log = machine_of(cpu)->log;
    const char *name = trap_name(cause, is_interrupt);

    if (log && log->trap)
        log->trap(cpu, name ? name : "", is_interrupt, cause, value,
                  levels[riscv_get(cpu, CSR_prv) & 3], levels[to->level]);
}

static void take(struct cpu *cpu, unsigned cause, uint64_t value)
{
    bool is_delegated = bit(riscv_get(cpu, CSR_medeleg), cause) != 0;
    const struct entry *to =
        riscv_get(cpu, CSR_prv) != LEVEL_M && is_delegated ? &to_s : &to_m;

    tell(cpu, cause, false, value, to);
    enter(cpu, to, cause, value);
    cpu->pc = vector(riscv_get(cpu, to->tvec), false, cause);
    cpu->reserved_addr = UINT64_MAX;
}

void riscv_take_interrupt(struct cpu *cpu, unsigned number, unsigned level)
{
    const struct entry *to = level == LEVEL_M ? &to_m : &to_s;

    tell(cpu, number, true, 0, to);
    enter(cpu, to, number | UINT64_C(1) << (riscv_is_64(cpu) ? 63 : 31), 0);
    cpu->pc = vector(riscv_get(cpu, to->tvec), true, number);
    cpu->reserved_addr = UINT64_MAX;
}

/* The bits of the instruction at the pc: 32 at most, as the longest one has (ILEN). */
static uint64_t instruction(struct cpu *cpu)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i == 0 || (i == 2 && (bits & 3) == 3); i += 2) {
        struct translation to = { .size = 2 };
        uint8_t bytes[2];

        if (riscv_translate(cpu, cpu->pc + i, ACCESS_FETCH, 0, &to) ||
            space_read(cpu->space, to.physical, bytes, sizeof bytes, NULL))
            return bits;
        bits |= (uint64_t)(bytes[0] | bytes[1] << 8) << 8 * i;
    }
    return bits;
}

static void take_trap(struct cpu *cpu)
{
    unsigned cause = cpu->isa->traps[cpu->event.trap].cause;

    if (cause == CAUSE_BREAKPOINT && riscv_host_call(cpu))
        return;
    if (cause == CAUSE_ILLEGAL)
        take(cpu, cause, instruction(cpu));
    else if (cause == CAUSE_ECALL)
        take(cpu, cause + (unsigned)riscv_get(cpu, CSR_prv), 0);
    else
        take(cpu, cause, cause == CAUSE_BREAKPOINT ? cpu->pc : cpu->event.args[0]);
}

static void riscv_event(struct cpu *cpu)
{
    switch (cpu->event.kind) {
    case EXEC_TRAP: take_trap(cpu); break;
    case EXEC_ILLEGAL: take(cpu, CAUSE_ILLEGAL, instruction(cpu)); break;
    case EXEC_MEM_FAULT:
    case EXEC_FETCH_FAULT:
        take(cpu, (unsigned)cpu->event.args[0], cpu->event.addr);
        break;
    default: break;
    }
}

/* -------------------------------------------------------------------- helpers */

static void kick(struct cpu *cpu)
{
    cpu->kick = 1;
    if (machine_of(cpu)->leave)
        machine_of(cpu)->leave(cpu);
}

static uint64_t wfi(struct cpu *cpu, const uint64_t *args)
{
    (void)args;
    machine_of(cpu)->waits = true;
    kick(cpu);
    return 0;
}

static void tell_flush(struct cpu *cpu, const uint64_t *addr)
{
    const struct machine_log *log = machine_of(cpu)->log;

    if (log && log->flush)
        log->flush(cpu, addr);
}

static uint64_t flush(struct cpu *cpu, const uint64_t *args)
{
    tell_flush(cpu, args[0] & 1 ? &args[1] : NULL);
    if (args[0] & 1)
        tlb_flush_page(cpu, args[1]);
    else
        tlb_flush(cpu);
    return 0;
}

static uint64_t flush_all(struct cpu *cpu, const uint64_t *args)
{
    (void)args;
    tell_flush(cpu, NULL);
    tlb_flush(cpu);
    return 0;
}

static uint64_t interrupts_changed(struct cpu *cpu, const uint64_t *args)
{
    (void)args;
    if (riscv_has_interrupt(cpu))
        kick(cpu);
    return 0;
}

/* The alarm kicks the CPU, which then looks. */
static uint64_t timer_changed(struct cpu *cpu, const uint64_t *args)
{
    riscv_set_timer(cpu);
    return interrupts_changed(cpu, args);
}

static uint64_t pmp_changed(struct cpu *cpu, const uint64_t *args)
{
    riscv_pmp_drop_code(cpu);
    riscv_pmp_changed(cpu);
    riscv_pmp_drop_code(cpu);
    return flush_all(cpu, args);
}

static uint64_t read_lines(struct cpu *cpu, const uint64_t *args)
{
    (void)args;
    return riscv_lines(cpu);
}

static uint64_t read_time(struct cpu *cpu, const uint64_t *args)
{
    (void)args;
    return machine_of(cpu)->time(cpu);
}

/* Instructions that have retired before this one, where they are counted. */
static uint64_t read_count(struct cpu *cpu, const uint64_t *args)
{
    return machine_of(cpu)->is_counting ? cpu->insns - 1 : read_time(cpu, args);
}

static uint64_t aia_read(struct cpu *cpu, const uint64_t *args)
{
    return riscv_aia_read(cpu, (unsigned)args[0]);
}

static uint64_t aia_write(struct cpu *cpu, const uint64_t *args)
{
    riscv_aia_write(cpu, (unsigned)args[0], args[1]);
    return 0;
}

static uint64_t aia_refuses(struct cpu *cpu, const uint64_t *args)
{
    return riscv_aia_refuses(cpu, (unsigned)args[0]);
}

static uint64_t aia_changes(struct cpu *cpu, const uint64_t *args)
{
    riscv_aia_changes(cpu, args[1]);
    return 0;
}

static const struct {
    const char *name;
    uint64_t (*run)(struct cpu *cpu, const uint64_t *args);
} helpers[] = {
    { "wfi", wfi },
    { "tlb_flush", flush },
    { "satp_written", flush_all },
    { "interrupts_changed", interrupts_changed },
    { "timer_changed", timer_changed },
    { "pmp_changed", pmp_changed },
    { "lines", read_lines },
    { "cycle", read_count },
    { "time", read_time },
    { "instret", read_count },
    { "aia_read", aia_read },
    { "aia_write", aia_write },
    { "aia_refuses", aia_refuses },
    { "aia_changes", aia_changes },
};

static uint64_t riscv_helper(struct cpu *cpu, unsigned number, const uint64_t *args)
{
    return helpers[riscv_of(cpu)->helper[number]].run(cpu, args);
}

/* Which of them the isa's number is. */
static uint8_t find_helper(const struct isa *isa, unsigned number)
{
    const char *name = isa_string(isa, isa->helpers[number].name);

    for (unsigned i = 0; i < sizeof helpers / sizeof *helpers; i++)
        if (!strcmp(name, helpers[i].name))
            return (uint8_t)i;
    bug("no helper %s", name);
}

/* -------------------------------------------------------------------- machine */

static void riscv_attach(struct cpu *cpu, struct machine_cpu *m)
{
    struct riscv *riscv = calloc(1, sizeof *riscv);

    if (!riscv)
        die("out of memory");
    riscv->is_64 = cpu->isa->pc_width == 64;
    for (unsigned i = 0; i < CSR_COUNT; i++)
        find_csr(cpu->isa, riscv, i);
    for (unsigned i = 0; i < EXT_COUNT; i++)
        riscv->has[i] = has_extension(cpu, extension_names[i]);
    if (cpu->isa->nhelpers > HELPERS)
        bug("%s has more than %d helpers", cpu->isa->name, HELPERS);
    for (unsigned i = 0; i < cpu->isa->nhelpers; i++)
        riscv->helper[i] = find_helper(cpu->isa, i);
    m->guest = riscv;
    m->mmu.translate = riscv_translate;
    m->mmu.look = riscv_look;
    m->mmu.refused = riscv_refused;
    cpu->helper = riscv_helper;
}

static void riscv_reset(struct cpu *cpu, unsigned id)
{
    riscv_put(cpu, CSR_prv, LEVEL_M);
    riscv_put(cpu, CSR_fs_off, 1);
    riscv_put(cpu, CSR_mhartid, id);
    riscv_put(cpu, CSR_mcounter_off, UINT32_MAX);
    riscv_put(cpu, CSR_mcbo_off, 15);
    riscv_put(cpu, CSR_menvcfg, UINT64_C(1) << ENV_ADUE);
    riscv_put(cpu, CSR_stimecmp, UINT64_MAX);
    riscv_of(cpu)->is_due = false;
    riscv_pmp_changed(cpu);
    cpu->reserved_addr = UINT64_MAX;
}

static const struct isa_machine riscv_machine = {
    .family = "riscv",
    .attach = riscv_attach,
    .reset = riscv_reset,
    .line = riscv_line,
    .event = riscv_event,
    .interrupt = riscv_interrupt,
    .may_wake = riscv_may_wake,
    .reach = riscv_reach,
    .mappings = riscv_mappings,
};

const struct isa_machine *const isa_machines[] = { &riscv_machine, NULL };
