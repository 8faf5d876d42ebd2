/* riscv.h - the privileged state of RISC-V, as traps.c and mmu.c see it. */
#ifndef RHEA_RISCV_H
#define RHEA_RISCV_H

#include "isa/machine.h"

/* Registers of priv.isa that are used here, by their names there. */
/* clang-format off */
#define RISCV_CSRS(X)                                                                    \
    X(prv) X(mstatus) X(fs_off) X(satp) X(mie) X(mip) X(mideleg) X(medeleg) X(mepc)      \
    X(mcause) X(mtval) X(mtvec) X(sepc) X(scause) X(stval) X(stvec) X(mhartid)           \
    X(mcounter_off) X(menvcfg) X(mcbo_off) X(stimecmp) X(pmp_cfg0) X(pmp_addr0)          \
    X(mvien) X(mvip) X(own_sie) X(miselect) X(siselect) X(miprio0) X(siprio0)
/* clang-format on */

/* Extensions that are more than the spec's registers and instructions. */
#define RISCV_EXTENSIONS(X) X(Sstc) X(Svnapot) X(Svpbmt) X(Svadu) X(Smpmp) X(Ssaia)

enum riscv_csr {
#define X(name) CSR_##name,
    RISCV_CSRS(X)
#undef X
        CSR_COUNT
};

enum riscv_extension {
#define X(name) EXT_##name,
    RISCV_EXTENSIONS(X)
#undef X
        EXT_COUNT
};

enum { LEVEL_U = 0, LEVEL_S = 1, LEVEL_M = 3 };

/* Bits of mstatus. */
enum { SIE = 1, MIE = 3, SPIE = 5, MPIE = 7, SPP = 8, MPP = 11 };
enum { MPRV = 17, SUM = 18, MXR = 19 };

/* Interrupts. */
enum { SSI = 1, MSI = 3, STI = 5, MTI = 7, SEI = 9, MEI = 11 };

/* Bits of menvcfg. */
enum { ENV_ADUE = 61, ENV_PBMTE = 62, ENV_STCE = 63 };

/* An entry of the physical memory protection that is on. */
enum { PMP_ENTRIES = 16, PMP_R = 1, PMP_W = 2, PMP_X = 4, PMP_ALL = 7 };
struct pmp_range {
    uint64_t first, last;
    uint8_t cfg;
};

enum { HELPERS = 32 }; /* of the isa, at most */

struct riscv {
    bool is_64;
    bool has[EXT_COUNT];
    uint8_t helper[HELPERS]; /* by the isa's number: traps.c's */
    bool is_due;             /* stimecmp: seen; stays so until it changes */
    bool is_changing;        /* aia.c: the next write changes what was read, `old` */
    uint64_t old;
    uint16_t csr[CSR_COUNT]; /* offsets in struct cpu */
    uint8_t size[CSR_COUNT]; /* bytes of an element */
    unsigned pmp_ranges;
    struct pmp_range pmp[PMP_ENTRIES]; /* those that come first count */
};

static inline struct riscv *riscv_of(struct cpu *cpu)
{
    return (struct riscv *)machine_of(cpu)->guest;
}

static inline uint64_t bit(uint64_t value, unsigned at)
{
    return value >> at & 1;
}

/* ---- traps.c */

uint64_t riscv_get(struct cpu *cpu, enum riscv_csr csr);
/* Element n of a file whose first one is `csr`. */
uint64_t riscv_get_at(struct cpu *cpu, enum riscv_csr csr, unsigned n);
void riscv_put(struct cpu *cpu, enum riscv_csr csr, uint64_t value);
void riscv_put_at(struct cpu *cpu, enum riscv_csr csr, unsigned n, uint64_t value);
bool riscv_is_64(struct cpu *cpu);
void riscv_take_interrupt(struct cpu *cpu, unsigned number, unsigned level);

/* ---- interrupts.c.  Three as struct isa_machine says. */

int riscv_line(const char *name);
const char *riscv_line_name(unsigned number); /* or NULL */
void riscv_interrupt(struct cpu *cpu);
bool riscv_may_wake(struct cpu *cpu);
bool riscv_has_interrupt(struct cpu *cpu); /* that is to be taken now */
uint64_t riscv_lines(struct cpu *cpu);     /* what is wired to mip; bits as there */
void riscv_set_timer(struct cpu *cpu);     /* stimecmp, or whether it counts, is new */
/* What is pending and enabled and would be taken to a level. */
uint64_t riscv_pending(struct cpu *cpu, unsigned level);
/* Which of them comes first; 0: none are in `set`. */
unsigned riscv_first(struct cpu *cpu, unsigned level, uint64_t set);

/* ---- semihosting.c */

bool riscv_host_call(struct cpu *cpu); /* the ebreak at the pc is one */
bool riscv_reach(struct cpu *cpu, uint64_t addr, enum exec_access access, unsigned size,
                 uint64_t *physical); /* as struct isa_machine says */

/* ---- aia.c */

/* Numbers of priorities: an interrupt without one comes behind all that have one. */
enum { PRIORITY_UNKNOWN = 256, PRIORITY_DEFAULT = 4096 };
unsigned riscv_priority(struct cpu *cpu, unsigned level, unsigned interrupt);
/* The helpers of aia.isa; `csr` is a register's number. */
uint64_t riscv_aia_read(struct cpu *cpu, unsigned csr);
void riscv_aia_write(struct cpu *cpu, unsigned csr, uint64_t value);
bool riscv_aia_refuses(struct cpu *cpu, unsigned csr);
void riscv_aia_changes(struct cpu *cpu, uint64_t old);

/* ---- mmu.c.  As struct mmu says. */
unsigned riscv_translate(struct cpu *cpu, uint64_t addr, unsigned access, unsigned regime,
                         struct translation *to);
bool riscv_look(struct cpu *cpu, uint64_t addr, uint64_t *physical);
unsigned riscv_refused(struct cpu *cpu, unsigned access);
/* As struct isa_machine says. */
enum mappings riscv_mappings(struct cpu *cpu,
                             bool (*each)(void *context, const struct mapping *mapping),
                             void *context);

/* ---- pmp.c.  What level may do (PMP_*) with [physical, physical + size), which is in a
 * page. *is_partial is set where that does not hold for all of the page. */
unsigned riscv_pmp(struct cpu *cpu, uint64_t physical, unsigned size, unsigned level,
                   bool *is_partial);
void riscv_pmp_changed(struct cpu *cpu); /* its registers */
/* Forgets what was translated of code in pages that entries divide: it was checked as
 * they were then. */
void riscv_pmp_drop_code(struct cpu *cpu);

#endif
