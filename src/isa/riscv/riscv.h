/* riscv.h - the privileged state of RISC-V, as traps.c and mmu.c see it. */
#ifndef RHEA_RISCV_H
#define RHEA_RISCV_H

#include "isa/machine.h"

/* Registers of priv.isa that are used here, by their names there. */
#define RISCV_CSRS(X)                                                                    \
    X(prv)                                                                               \
    X(mstatus) X(fs_off) X(satp) X(mie) X(mip) X(mideleg) X(medeleg) X(mepc) X(mcause)   \
        X(mtval) X(mtvec) X(sepc) X(scause) X(stval) X(stvec) X(mhartid)

enum riscv_csr {
#define X(name) CSR_##name,
    RISCV_CSRS(X)
#undef X
        CSR_COUNT
};

enum { LEVEL_U = 0, LEVEL_S = 1, LEVEL_M = 3 };

struct riscv {
    bool is_64;
    uint16_t csr[CSR_COUNT]; /* offsets in struct cpu */
    uint8_t size[CSR_COUNT]; /* bytes of an element */
};

uint64_t riscv_get(struct cpu *cpu, enum riscv_csr csr);
void riscv_put(struct cpu *cpu, enum riscv_csr csr, uint64_t value);
bool riscv_is_64(struct cpu *cpu);

/* mmu.c.  As struct mmu says. */
unsigned riscv_translate(struct cpu *cpu, uint64_t addr, unsigned access, unsigned regime,
                         struct translation *to);
unsigned riscv_refused(struct cpu *cpu, unsigned access);

#endif
