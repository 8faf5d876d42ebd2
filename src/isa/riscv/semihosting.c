/* semihosting.c - how RISC-V programs call their host: an `ebreak` between two shifts of
 * x0, none of them compressed, all in a page; a0 is what they ask, a1 about what, and a0
 * is the answer.
 *
 * Spec: RISC-V Semihosting 1.0. */
#include "base/report.h"
#include "isa/riscv/riscv.h"
#include "isa/space.h"

enum { PAGE = 4096, INSN = 4 };

/* slli x0, x0, 0x1f; ebreak; srai x0, x0, 7 */
static const uint32_t sequence[] = { 0x01f01013, 0x00100073, 0x40705013 };
enum { BEFORE = INSN, SEQUENCE = sizeof(sequence) };

static bool fetch(struct cpu *cpu, uint64_t addr, uint32_t *bits)
{
    struct translation to = { .size = INSN };
    uint8_t bytes[INSN];

    if (riscv_translate(cpu, addr, ACCESS_FETCH, 0, &to) ||
        space_read(cpu->space, to.physical, bytes, sizeof(bytes), NULL))
        return false;
    *bits = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
            (uint32_t)bytes[3] << 24;
    return true;
}

static bool is_call(struct cpu *cpu)
{
    uint64_t first = cpu->pc - BEFORE;

    if (first / PAGE != (first + SEQUENCE - 1) / PAGE)
        return false;
    for (unsigned i = 0; i < SEQUENCE / INSN; i++) {
        uint32_t bits;

        if (!fetch(cpu, first + (uint64_t)i * INSN, &bits) || bits != sequence[i])
            return false;
    }
    return true;
}

static struct isa_reg reg(const struct cpu *cpu, const char *name)
{
    struct isa_reg at;

    if (isa_find_reg(cpu->isa, name, &at) < 0)
        bug("%s has no register %s", cpu->isa->name, name);
    return at;
}

bool riscv_host_call(struct cpu *cpu)
{
    struct machine_cpu *m = machine_of(cpu);
    struct host_call call = { 0 };
    enum host_answer answer;

    if (!m->host_call || !is_call(cpu))
        return false;
    call.number = cpu_get(cpu, reg(cpu, "a0"));
    call.argument = cpu_get(cpu, reg(cpu, "a1"));
    call.is_user = riscv_get(cpu, CSR_prv) == LEVEL_U;
    answer = m->host_call(cpu, &call);
    if (answer == HOST_CALL_DONE) {
        cpu_put(cpu, reg(cpu, "a0"), call.result);
        cpu->pc += INSN;
    }
    return answer != HOST_CALL_NONE;
}

/* "Memory Privilege in mstatus Register": MPRV, and what S may see of U. */
bool riscv_reach(struct cpu *cpu, uint64_t addr, enum exec_access access, unsigned size,
                 uint64_t *physical)
{
    uint64_t status = riscv_get(cpu, CSR_mstatus), level = riscv_get(cpu, CSR_prv);
    struct translation to = { .size = size };
    unsigned regime;

    if (level == LEVEL_M && bit(status, MPRV))
        level = status >> MPP & 3;
    regime = level == LEVEL_M
                 ? LEVEL_M
                 : (unsigned)(level | bit(status, SUM) << 2 | bit(status, MXR) << 3);
    if (riscv_translate(cpu, addr, access, regime, &to))
        return false;
    *physical = to.physical;
    return true;
}
