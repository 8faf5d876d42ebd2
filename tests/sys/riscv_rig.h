/* riscv_rig.h - a RISC-V CPU with memory, a device that only remembers and a clock that
 * stands still, for tests that look at one instruction or one translation at a time. */
#ifndef RHEA_RISCV_RIG_H
#define RHEA_RISCV_RIG_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "isa/engine.h"
#include "isa/machine.h"
#include "isa/space.h"

#define RAM UINT64_C(0x80000000)
#define CODE RAM
#define TABLES (RAM + 0x10000)
#define DATA (RAM + 0x80000)
#define ROM UINT64_C(0x1000)
#define DEVICE UINT64_C(0x10000000)
#define NOTHING UINT64_C(0x40000000)
#define PAGE UINT64_C(0x1000)
enum { RAM_SIZE = 0x100000 };

enum { V = 1, R = 2, W = 4, X = 8, U = 16, A = 64, D = 128 };
enum { LEVEL_U, LEVEL_S, LEVEL_M = 3, SUM = 4, MXR = 8 }; /* a regime */
enum { SV39 = 8, SV48, SV57 };
enum { ILLEGAL = 2, FETCH_PAGE = 12, LOAD_PAGE, STORE_PAGE = 15 };
enum { FETCH_ACCESS = 1, LOAD_ACCESS = 5, STORE_ACCESS = 7 };

static struct {
    struct machine_cpu m;
    struct cpu *cpu;
    bool is_64;
    uint64_t now, alarm;
    uint64_t written, written_at;
    uint64_t root, free_table;
    unsigned mode; /* of satp */
} rig;

static inline uint64_t rig_time(struct cpu *cpu)
{
    (void)cpu;
    return rig.now;
}

static inline void rig_alarm(struct cpu *cpu, uint64_t ticks)
{
    (void)cpu;
    rig.alarm = ticks;
}

static inline bool rig_read(struct cpu *cpu, uint64_t physical, unsigned size,
                            uint64_t *value)
{
    (void)cpu;
    (void)size;
    *value = 0x55;
    return physical >= DEVICE && physical < DEVICE + PAGE;
}

static inline bool rig_write(struct cpu *cpu, uint64_t physical, unsigned size,
                             uint64_t value)
{
    (void)cpu;
    (void)size;
    rig.written = value;
    rig.written_at = physical;
    return physical >= DEVICE && physical < DEVICE + PAGE;
}

static inline void put(const char *name, uint64_t value)
{
    struct isa_reg reg;

    ck_assert_msg(isa_find_reg(rig.cpu->isa, name, &reg) == 0, "no register %s", name);
    cpu_put(rig.cpu, reg, value);
}

static inline uint64_t get(const char *name)
{
    struct isa_reg reg;

    ck_assert_msg(isa_find_reg(rig.cpu->isa, name, &reg) == 0, "no register %s", name);
    return cpu_get(rig.cpu, reg);
}

static inline void poke(uint64_t addr, uint64_t value, unsigned size)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    ck_assert_int_eq(space_write(rig.cpu->space, addr, bytes, size, NULL), 0);
}

static inline uint64_t peek(uint64_t addr, unsigned size)
{
    uint8_t bytes[8];
    uint64_t value = 0;

    ck_assert_int_eq(space_read(rig.cpu->space, addr, bytes, size, NULL), 0);
    for (unsigned i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static inline void rig_memory(uint64_t addr, uint64_t size, unsigned prot)
{
    ck_assert_int_eq(
        space_map(rig.cpu->space, addr, size, prot, SPACE_FIXED, false, -1, 0),
        (int64_t)addr);
}

static inline void start_with(const char *isa, const char *model,
                              const struct engine *engine)
{
    memset(&rig, 0, sizeof rig);
    rig.is_64 = !strcmp(isa, "riscv64");
    rig.cpu = cpu_new(isa_find(isa), model);
    ck_assert_ptr_nonnull(rig.cpu);
    rig.cpu->space = space_new(56, true);
    rig.m.machine = isa_machines[0];
    rig.m.time = rig_time;
    rig.m.alarm = rig_alarm;
    rig.m.mmu.read = rig_read;
    rig.m.mmu.write = rig_write;
    rig.cpu->mmu = &rig.m.mmu;
    rig.m.machine->attach(rig.cpu, &rig.m);
    tlb_flush(rig.cpu);
    rig_memory(RAM, RAM_SIZE, SPACE_READ | SPACE_WRITE | SPACE_EXEC);
    rig_memory(ROM, PAGE, SPACE_READ | SPACE_EXEC);
    ck_assert_int_eq(engine->attach(rig.cpu), 0);
    rig.m.machine->reset(rig.cpu, 0);
    rig.free_table = TABLES;
}

static inline void finish(void)
{
    interp_engine.detach(rig.cpu);
    tlb_free(&rig.m.mmu);
    space_free(rig.cpu->space);
    free(rig.m.guest);
    cpu_free(rig.cpu);
}

static inline uint32_t csr_insn(unsigned number, unsigned funct3, unsigned rs1,
                                unsigned rd)
{
    return (uint32_t)(number << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | 0x73);
}

/* Instructions that the tests use: data in a1, address in a0. */
enum {
    LB = 0x00050583,
    LW = 0x00052583,
    SW = 0x00b52023,
    SB = 0x00b50023,
    LD = 0x00053583,
    SD = 0x00b53023,
    LR_W = 0x100525af,
    SC_W = 0x18b525af,
    AMOADD_W = 0x00b525af,
    NOP = 0x00000013,
    C_NOP = 0x0001,
    ECALL = 0x00000073,
    EBREAK = 0x00100073,
    MRET = 0x30200073,
    SRET = 0x10200073,
    WFI = 0x10500073,
    SFENCE = 0x12000073,
    SFENCE_A0 = 0x12050073,
    SINVAL_A0 = 0x16050073,
};
enum { A0 = 10, A1 = 11, CSRRW = 1, CSRRS = 2, CSRRC = 3 };

/* What happens at the pc: one instruction, or the trap that it takes. */
static inline void step(void)
{
    rig.m.machine->interrupt(rig.cpu);
    rig.cpu->kick = 0;
    interp_engine.run(rig.cpu, 1);
    if (rig.cpu->event.kind != EXEC_KICK && rig.cpu->event.kind != EXEC_LIMIT)
        rig.m.machine->event(rig.cpu);
}

/* The same until one traps: before the end of a budget the next one may be fetched. */
static inline void steps_to_trap(void)
{
    for (unsigned i = 0; i < 10 && rig.cpu->pc != RAM + 0xf00; i++)
        step();
}

/* Executes an instruction of 4 bytes with that a0; 0, or the cause (M's) of its trap.
 * Its place is in RAM, where M is and where others have to have it mapped. */
static inline uint64_t execute(uint32_t insn, uint64_t a0)
{
    uint64_t prv = get("prv"), status = get("mstatus");

    put("mcause", 0);
    put("mtval", 0);
    put("mtvec", RAM + 0xf00);
    put("a0", a0);
    if (peek(CODE, 4) != insn)
        poke(CODE, insn, 4);
    rig.cpu->pc = CODE;
    step();
    if (rig.cpu->pc == CODE + 4)
        return 0;
    ck_assert_uint_eq(rig.cpu->pc, RAM + 0xf00);
    ck_assert_uint_eq(get("mepc"), CODE);
    put("prv", prv);
    put("mstatus", status);
    return get("mcause");
}

static inline void write_csr(unsigned number, uint64_t value)
{
    uint64_t prv = get("prv");

    put("prv", LEVEL_M);
    ck_assert_uint_eq(execute(csr_insn(number, CSRRW, A0, 0), value), 0);
    put("prv", prv);
}

static inline uint64_t read_csr(unsigned number)
{
    uint64_t prv = get("prv");

    put("prv", LEVEL_M);
    ck_assert_uint_eq(execute(csr_insn(number, CSRRS, 0, A1), 0), 0);
    put("prv", prv);
    return get("a1");
}

enum {
    CSR_SATP = 0x180,
    CSR_STIMECMP = 0x14d,
    CSR_STIMECMPH = 0x15d,
    CSR_MENVCFG = 0x30a
};
enum { CSR_PMPCFG0 = 0x3a0, CSR_PMPADDR0 = 0x3b0, CSR_MIP = 0x344, CSR_SIP = 0x144 };

/* ------------------------------------------------------------------ page tables */

static inline unsigned pte_size(void)
{
    return rig.is_64 ? 8 : 4;
}

static inline unsigned levels(void)
{
    return rig.is_64 ? rig.mode - 5 : 2;
}

static inline unsigned level_bits(void)
{
    return rig.is_64 ? 9 : 10;
}

static inline uint64_t new_table(void)
{
    uint64_t at = rig.free_table;

    rig.free_table += PAGE;
    ck_assert_uint_lt(at, DATA);
    return at;
}

static inline uint64_t pte_of(uint64_t physical, uint64_t flags)
{
    return physical >> 12 << 10 | flags;
}

/* Where the entry of an address in the table of `level` is; tables that are missing are
 * made. */
static inline uint64_t entry_of(uint64_t addr, unsigned level)
{
    uint64_t table = rig.root;

    for (unsigned l = levels() - 1;; l--) {
        uint64_t index = addr >> (12 + l * level_bits()) & ((1u << level_bits()) - 1);
        uint64_t at = table + index * pte_size(), pte;

        if (l == level)
            return at;
        pte = peek(at, pte_size());
        if (!(pte & V)) {
            pte = pte_of(new_table(), V);
            poke(at, pte, pte_size());
        }
        table = pte >> 10 << 12;
    }
}

static inline void map(uint64_t addr, uint64_t physical, uint64_t flags, unsigned level)
{
    poke(entry_of(addr, level), pte_of(physical, flags), pte_size());
}

/* Tables with the code, for S; all accesses of all memory are allowed. */
static inline void use_tables(unsigned mode)
{
    rig.mode = mode;
    rig.root = new_table();
    map(CODE, CODE, V | R | W | X | A | D, 0);
    write_csr(CSR_PMPADDR0 + 15, UINT64_MAX);
    write_csr(rig.is_64 ? CSR_PMPCFG0 + 2 : CSR_PMPCFG0 + 3,
              UINT64_C(0x1f) << (rig.is_64 ? 56 : 24));
    write_csr(CSR_SATP, rig.is_64 ? (uint64_t)mode << 60 | rig.root >> 12
                                  : UINT64_C(0x80000000) | rig.root >> 12);
}

/* One entry of the physical memory protection. */
static inline void set_pmp(unsigned n, uint64_t addr, unsigned cfg)
{
    unsigned per = rig.is_64 ? 8 : 4;
    unsigned number = CSR_PMPCFG0 + n / per * (rig.is_64 ? 2 : 1), shift = n % per * 8;
    uint64_t old = read_csr(number) & ~(UINT64_C(0xff) << shift);

    write_csr(CSR_PMPADDR0 + n, addr);
    write_csr(number, old | (uint64_t)cfg << shift);
}

/* What a translation says: the cause of the fault, or where it leads. */
static inline unsigned walk(uint64_t addr, unsigned access, unsigned regime,
                            uint64_t *physical)
{
    struct translation to = { .size = 1 };
    unsigned cause;

    put("prv", regime & 3);
    cause = rig.m.mmu.translate(rig.cpu, addr, access, regime, &to);
    *physical = to.physical;
    return cause;
}

static inline unsigned cause_of(uint64_t addr, unsigned access, unsigned regime)
{
    uint64_t physical;

    return walk(addr, access, regime, &physical);
}

#define assert_leads(addr, access, regime, expected)                                     \
    do {                                                                                 \
        uint64_t physical_;                                                              \
        ck_assert_uint_eq(walk(addr, access, regime, &physical_), 0);                    \
        ck_assert_uint_eq(physical_, expected);                                          \
    } while (0)
#define assert_faults(addr, access, regime, cause)                                       \
    ck_assert_uint_eq(cause_of(addr, access, regime), cause)

#endif
