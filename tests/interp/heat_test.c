/* heat_test.c - blocks that become hot: what a program sees before, while and after its
 * block's ops get other handlers. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/host.h"
#include "interp/fuse.h"
#include "interp/lockstep.h"
#include "isa/engine.h"
#include "isa/space.h"
#include "run_cases.h"

enum { CODE = 0x10000, DATA = 0x20000, PAGE = 0x1000, A0 = 10, A1 = 11, S0 = 8 };
enum { ADDI_A0_1 = 0x00150513, ADDI_A0_2 = 0x00250513, ADD_A0_A0 = 0x00a50533 };
enum { LD_A1_S0 = 0x00043583, SD_A0_S0 = 0x00a43023, ECALL = 0x73, RUNS = COLD_RUNS + 3 };

static struct cpu *cpu;

static void on_fault(const struct host_fault *fault)
{
    interp_engine.host_fault(cpu, fault->addr - (uintptr_t)cpu->base, fault->access);
}

static void write_code(const uint32_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t bytes[4] = { (uint8_t)words[i], (uint8_t)(words[i] >> 8),
                             (uint8_t)(words[i] >> 16), (uint8_t)(words[i] >> 24) };

        ck_assert_int_eq(space_write(cpu->space, CODE + 4 * i, bytes, 4, NULL), 0);
    }
}

#define WRITE(...)                                                                       \
    write_code((const uint32_t[]){ __VA_ARGS__ }, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4)

static void start(void)
{
    const struct isa *isa = isa_find("riscv64");
    unsigned all = SPACE_READ | SPACE_WRITE | SPACE_EXEC;

    ck_assert_ptr_nonnull(isa);
    cpu = cpu_new(isa, NULL);
    cpu->space = space_new(32, RHEA_PAGED);
    ck_assert_ptr_nonnull(cpu->space);
    space_map(cpu->space, CODE, PAGE, all, SPACE_NOREPLACE, false, -1, 0);
    space_map(cpu->space, DATA, PAGE, SPACE_READ | SPACE_WRITE, SPACE_NOREPLACE, false,
              -1, 0);
    ck_assert_int_eq(interp_engine.attach(cpu), 0);
    host_catch_faults(on_fault, NULL);
}

static void finish(void)
{
    interp_engine.detach(cpu);
    space_free(cpu->space);
    cpu_free(cpu);
}

static struct isa_reg x(unsigned number)
{
    struct isa_reg reg;
    char name[8];

    snprintf(name, sizeof name, "x%u", number);
    ck_assert_int_eq(isa_find_reg(cpu->isa, name, &reg), 0);
    return reg;
}

static void run_from(uint64_t pc)
{
    cpu->pc = pc;
    interp_engine.run(cpu, 0);
}

static struct block *block_at(uint64_t pc)
{
    struct interp *ip = interp_take(interp_of(cpu));
    struct block *block = block_find(ip, pc);

    interp_give(interp_of(cpu));
    ck_assert_ptr_nonnull(block);
    return block;
}

/* Op `number` of the block has another handler than the plain one. */
static bool is_special(const struct block *block, unsigned number)
{
    const struct interp *ip = interp_of(cpu)->ip;
    unsigned at = block->position + 1 + number; /* behind the position of x_cold */

    return ip->ops[ip->positions[at].unit].fn != fuse_plain(ip, ip->variants[at]);
}

START_TEST(a_block_gets_its_handlers_after_its_cold_runs)
{
    /* the second reads what the first wrote */
    WRITE(ADDI_A0_1, ADD_A0_A0, ECALL);
    for (unsigned run = 1; run <= RUNS; run++) {
        struct block *block;

        cpu_put(cpu, x(A0), run);
        run_from(CODE);
        ck_assert_uint_eq(cpu->event.kind, EXEC_TRAP);
        ck_assert_uint_eq(cpu->pc, CODE + 8);
        ck_assert_uint_eq(cpu_get(cpu, x(A0)), 2 * (run + 1));
        block = block_at(CODE);
        ck_assert_uint_eq(block->skip, run >= COLD_RUNS);
        ck_assert_int_eq(is_special(block, 0) || is_special(block, 1), run >= COLD_RUNS);
    }
    ck_assert_uint_eq(interp_of(cpu)->ip->nblocks, 2); /* the same one all the time */
}
END_TEST

START_TEST(links_lead_past_the_count)
{
    struct interp *ip = interp_of(cpu)->ip;
    const struct op *branch;
    struct block *block;
    int32_t distance;

    /* a0 up to a1 */
    WRITE(ADDI_A0_1, 0xfeb51ee3 /* bne a0, a1, CODE */, ECALL);
    for (unsigned rounds = COLD_RUNS - 2; rounds <= COLD_RUNS + 2; rounds++) {
        interp_engine.invalidate(cpu, CODE, 4);
        cpu_put(cpu, x(A0), 0);
        cpu_put(cpu, x(A1), rounds);
        run_from(CODE);
        ck_assert_uint_eq(cpu->event.kind, EXEC_TRAP);
        ck_assert_uint_eq(cpu_get(cpu, x(A0)), rounds);
    }
    block = block_at(CODE);
    branch = &ip->ops[ip->positions[block->position + 2].unit];
    memcpy(&distance,
           ((struct stub *)&ip->ops[block->incoming])->link +
               (const uint8_t *)&ip->ops[block->incoming],
           sizeof distance);
    ck_assert_ptr_eq((const uint8_t *)branch + distance,
                     (const uint8_t *)&ip->ops[block->unit + 1]);
}
END_TEST

START_TEST(a_fault_is_exact_in_every_run)
{
    WRITE(ADDI_A0_1, LD_A1_S0, ADD_A0_A0, SD_A0_S0, ECALL);
    for (unsigned run = 1; run <= RUNS; run++) {
        bool faults = run >= COLD_RUNS - 1;

        cpu_put(cpu, x(A0), run);
        cpu_put(cpu, x(A1), 1);
        cpu_put(cpu, x(S0), faults ? DATA + PAGE : DATA);
        run_from(CODE);
        ck_assert_uint_eq(cpu->event.kind, faults ? EXEC_MEM_FAULT : EXEC_TRAP);
        ck_assert_uint_eq(cpu->pc, CODE + (faults ? 4 : 16));
        ck_assert_uint_eq(cpu_get(cpu, x(A0)), faults ? run + 1 : 2 * (run + 1));
        if (faults)
            ck_assert_uint_eq(cpu->event.addr, DATA + PAGE);
    }
}
END_TEST

/* A kick ends each run at the jump: the loop's block is entered anew each time. */
START_TEST(a_kick_is_seen_in_every_run)
{
    WRITE(ADDI_A0_1, 0xffdff06f /* j CODE */);
    for (unsigned run = 1; run <= RUNS; run++) {
        cpu->kick = 1;
        run_from(CODE);
        ck_assert_uint_eq(cpu->event.kind, EXEC_KICK);
        ck_assert_uint_eq(cpu->pc, CODE);
        /* in the run that ends the count, before the block */
        ck_assert_uint_eq(cpu_get(cpu, x(A0)), run < COLD_RUNS ? run : run - 1);
    }
}
END_TEST

/* A run with a limit executes another kind of block, which is never cold. */
START_TEST(limits_and_runs_mix)
{
    WRITE(ADDI_A0_1, ADDI_A0_1, ECALL);
    for (unsigned run = 1; run <= RUNS; run++) {
        cpu_put(cpu, x(A0), 0);
        cpu->pc = CODE;
        interp_engine.run(cpu, 1);
        ck_assert_uint_eq(cpu->event.kind, EXEC_LIMIT);
        ck_assert_uint_eq(cpu_get(cpu, x(A0)), 1);
        run_from(CODE);
        ck_assert_uint_eq(cpu_get(cpu, x(A0)), 3);
    }
    ck_assert_uint_eq(block_at(CODE)->skip, 1); /* of the mode chosen last */
}
END_TEST

START_TEST(changed_code_is_seen_in_every_run)
{
    for (unsigned change = COLD_RUNS - 2; change <= COLD_RUNS + 2; change++) {
        WRITE(ADDI_A0_1, ADD_A0_A0, ECALL);
        interp_engine.invalidate(cpu, CODE, PAGE);
        for (unsigned run = 1; run <= 2 * RUNS; run++) {
            if (run == change) {
                WRITE(ADDI_A0_2);
                interp_engine.invalidate(cpu, CODE, 4);
            }
            cpu_put(cpu, x(A0), 0);
            run_from(CODE);
            ck_assert_uint_eq(cpu_get(cpu, x(A0)), run < change ? 2 : 4);
        }
    }
}
END_TEST

/* The block writes its own second instruction, with a fence, in the run that ends the
 * count, too. */
START_TEST(a_fence_is_seen_in_every_run)
{
    WRITE(ADDI_A0_1, ADDI_A0_1, 0x00b62023 /* sw a1, 0(a2) */, 0x100f /* fence.i */,
          ECALL);
    cpu_put(cpu, x(12), CODE + 4);
    for (unsigned run = 1; run <= RUNS; run++) {
        cpu_put(cpu, x(A0), 0);
        cpu_put(cpu, x(A1), run % 2 ? ADDI_A0_2 : ADDI_A0_1);
        run_from(CODE);
        ck_assert_uint_eq(cpu->event.kind, EXEC_TRAP);
        ck_assert_uint_eq(cpu_get(cpu, x(A0)), run > 1 && run % 2 == 0 ? 3 : 2);
    }
}
END_TEST

static uint32_t random_insn(unsigned left)
{
    static const uint32_t ops[] = { 0x00000033, 0x40000033, 0x00004033, 0x0000003b,
                                    0x00000013, 0x0000001b, 0x00001013, 0x00007013 };
    uint32_t d = 10 + (uint32_t)rand() % 4, a = 10 + (uint32_t)rand() % 4,
             b = 10 + (uint32_t)rand() % 4, imm = (uint32_t)rand() % 32;

    switch (rand() % 8) {
    case 0: return 0x00043003 | d << 7 | imm << 23;                       /* ld d, (s0) */
    case 1: return 0x00043023 | b << 20 | (imm & 24) << 7;                /* sd b, (s0) */
    case 2: return left < 3 ? ADDI_A0_1 : 0x00000463 | a << 15 | b << 20; /* beq +8 */
    default: return ops[rand() % 8] | d << 7 | a << 15 | (rand() % 2 ? b : imm) << 20;
    }
}

/* In lockstep blocks are cold twice. */
START_TEST(random_blocks_equal_the_evaluator)
{
    srand(3);
    cpu_put(cpu, x(S0), DATA);
    for (unsigned i = 0; i < 100; i++) {
        uint32_t code[31];

        for (unsigned k = 0; k < 30; k++)
            code[k] = random_insn(30 - k);
        code[30] = ECALL;
        write_code(code, 31);
        interp_engine.invalidate(cpu, CODE, PAGE);
        for (unsigned run = 0; run < 5; run++) {
            for (unsigned k = 10; k < 14; k++)
                cpu_put(cpu, x(k), (uint64_t)rand() % 3 << 33);
            cpu->pc = CODE;
            ck_assert_int_eq(lockstep_run(cpu, 0, stderr), 0);
        }
    }
    ck_assert_uint_lt(interp_of(cpu)->ip->cold_runs, 5);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("heat", USUAL_LIMIT);

    tcase_add_checked_fixture(cases.all, start, finish);
    tcase_add_test(cases.all, a_block_gets_its_handlers_after_its_cold_runs);
    tcase_add_test(cases.all, links_lead_past_the_count);
    tcase_add_test(cases.all, a_fault_is_exact_in_every_run);
    tcase_add_test(cases.all, a_kick_is_seen_in_every_run);
    tcase_add_test(cases.all, limits_and_runs_mix);
    tcase_add_test(cases.all, changed_code_is_seen_in_every_run);
    tcase_add_test(cases.all, a_fence_is_seen_in_every_run);
    tcase_add_test(cases.all, random_blocks_equal_the_evaluator);
    return cases_run(cases);
}
