/* gdb_sysregs.c - the system registers of a machine's CPU, from the isa's table: gdb's
 * numbers of them follow those of the other registers.
 *
 * They are read and written as instructions do it, but for privilege. */
#include <stdio.h>
#include <string.h>

#include "debug/gdb_parts.h"
#include "isa/decode.h"
#include "isa/eval_parts.h"
#include "isa/state.h"

const struct isa_sysreg *gdb_find_sysreg(const struct cpu *cpu, uint64_t number)
{
    const struct isa *isa = cpu->isa;
    uint64_t first = 0;

    for (unsigned i = 0; i < isa->ngdb_rows; i++)
        if (isa->gdb_rows[i].number + isa->gdb_rows[i].count > first)
            first = isa->gdb_rows[i].number + isa->gdb_rows[i].count;
    if (!cpu->mmu || number < first || number - first >= isa->nsysregs)
        return NULL;
    return &isa->sysregs[number - first];
}

/* Of its reading, or with `args` its writing.  false: it traps. */
static bool run(struct cpu *cpu, struct sem_body body, const struct fp128 *args,
                struct fp128 *value)
{
    struct isa_decoded none = {
        .insn = ISA_NONE, .pc = cpu->pc, .mode = cpu->mode, .features = &cpu->features
    };
    struct eval eval = { .cpu = cpu };
    struct exec_event event = cpu->event;
    uint32_t kick = cpu->kick;
    bool is_good;

    eval.run = (struct sem_run){ .isa = cpu->isa, .insn = &none };
    cpu->event = (struct exec_event){ 0 };
    is_good = eval_inner(&eval, body, args, value) == EVAL_ON && !cpu->event.kind;
    cpu->event = event;
    cpu->kick |= kick;
    return is_good;
}

bool gdb_get_sysreg(struct cpu *cpu, const struct isa_sysreg *reg, uint64_t *value)
{
    struct fp128 wide = { 0 };

    if (reg->read.count) {
        if (!run(cpu, reg->read, NULL, &wide))
            return false;
    } else if (reg->file != ISA_NONE) {
        wide = state_get(cpu, reg->file, 0, 0, reg->w);
    }
    *value = wide.lo & mask64(reg->w);
    return true;
}

bool gdb_put_sysreg(struct cpu *cpu, const struct isa_sysreg *reg, uint64_t value)
{
    struct fp128 wide = { 0 }, unused;

    wide.lo = value & mask64(reg->w);
    if (reg->read_only)
        return false;
    if (reg->write.count)
        return run(cpu, reg->write, &wide, &unused);
    if (reg->file != ISA_NONE)
        state_put(cpu, reg->file, 0, 0, reg->w, wide);
    return true;
}
