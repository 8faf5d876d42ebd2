/* interp_test.c - the interpreter's blocks, on small programs of one of the guests. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/host.h"
#include "interp/interp.h"
#include "interp/lockstep.h"
#include "isa/engine.h"
#include "isa/mem.h"
#include "isa/space.h"
#include "run_cases.h"

enum { CODE = 0x10000, DATA = 0x20000, PAGE = 0x1000, A0 = 10, A1 = 11 };
enum { ADDI_A0_1 = 0x00150513, ADDI_A0_2 = 0x00250513, ECALL = 0x73, FENCE_I = 0x100f };

static struct cpu *cpu;

static void on_fault(const struct host_fault *fault)
{
    interp_engine.host_fault(cpu, fault->addr - (uintptr_t)cpu->base, fault->access);
}

static void write_code(uint64_t at, const uint32_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t bytes[4] = { (uint8_t)words[i], (uint8_t)(words[i] >> 8),
                             (uint8_t)(words[i] >> 16), (uint8_t)(words[i] >> 24) };

        ck_assert_int_eq(space_write(cpu->space, at + 4 * i, bytes, 4, NULL), 0);
    }
}

static void start(void)
{
    const struct isa *isa = isa_find("riscv64");
    unsigned all = SPACE_READ | SPACE_WRITE | SPACE_EXEC;

    ck_assert_ptr_nonnull(isa);
    cpu = cpu_new(isa, NULL);
    cpu->space = space_new(32, RHEA_PAGED);
    ck_assert_ptr_nonnull(cpu->space);
    space_map(cpu->space, CODE, 2 * PAGE, all, SPACE_NOREPLACE, false, -1, 0);
    space_map(cpu->space, DATA, PAGE, SPACE_READ | SPACE_WRITE, SPACE_NOREPLACE, false,
              -1, 0);
    ck_assert_int_eq(interp_engine.attach(cpu), 0);
    host_catch_faults(on_fault, NULL);
    cpu->pc = CODE;
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

#define WRITE(...)                                                                       \
    write_code(CODE, (const uint32_t[]){ __VA_ARGS__ },                                  \
               sizeof((uint32_t[]){ __VA_ARGS__ }) / 4)

START_TEST(a_limit_is_exact)
{
    WRITE(ADDI_A0_1, ADDI_A0_1, ADDI_A0_1, 0xff5ff06f); /* ... j CODE */
    for (unsigned i = 1; i < 20; i++) {
        uint64_t before = cpu->insns;

        interp_engine.run(cpu, i);
        ck_assert_uint_eq(cpu->event.kind, EXEC_LIMIT);
        ck_assert_uint_eq(cpu->insns - before, i);
    }
    ck_assert_uint_eq(cpu->insns, 190);
    ck_assert_uint_eq(cpu_get(cpu, x(A0)), 190 - 190 / 4);
    ck_assert_uint_eq(cpu->pc, CODE + 4 * (190 % 4));
}
END_TEST

START_TEST(a_limit_comes_before_what_cannot_be_fetched)
{
    write_code(CODE + 2 * PAGE - 8, (const uint32_t[]){ ADDI_A0_1, ADDI_A0_1 }, 2);
    WRITE(0x00050067); /* jr a0 */
    cpu->pc = CODE + 2 * PAGE - 4;
    interp_engine.run(cpu, 1);
    ck_assert_uint_eq(cpu->event.kind, EXEC_LIMIT);
    ck_assert_uint_eq(cpu->pc, CODE + 2 * PAGE);
    interp_engine.run(cpu, 1);
    ck_assert_uint_eq(cpu->event.kind, EXEC_FETCH_FAULT);
    cpu_put(cpu, x(A0), CODE + 4 * PAGE);
    cpu->pc = CODE;
    interp_engine.run(cpu, 1);
    ck_assert_uint_eq(cpu->event.kind, EXEC_LIMIT);
    ck_assert_uint_eq(cpu->pc, CODE + 4 * PAGE);
}
END_TEST

START_TEST(a_kick_ends_an_endless_loop)
{
    WRITE(0x0000006f); /* j . */
    cpu->kick = 1;
    interp_engine.run(cpu, 0);
    ck_assert_uint_eq(cpu->event.kind, EXEC_KICK);
    ck_assert_uint_eq(cpu->pc, CODE);
}
END_TEST

START_TEST(changed_code_runs_once_it_is_announced)
{
    WRITE(ADDI_A0_1, ECALL);
    interp_engine.run(cpu, 0);
    ck_assert_uint_eq(cpu->event.kind, EXEC_TRAP);
    ck_assert_uint_eq(cpu->pc, CODE + 4);
    WRITE(ADDI_A0_2);
    interp_engine.invalidate(cpu, CODE, 4);
    cpu->pc = CODE;
    interp_engine.run(cpu, 0);
    ck_assert_uint_eq(cpu_get(cpu, x(A0)), 3);
}
END_TEST

/* One block, from two pages: each of them drops it, one after the other and both at once.
 */
START_TEST(a_block_is_dropped_with_either_of_its_pages)
{
    static const struct {
        uint64_t addr, size;
    } changed[] = {
        { CODE + PAGE, 4 }, { CODE, 4 }, { CODE + PAGE, 4 }, { 0, UINT64_MAX }
    };
    const uint32_t end[] = { ADDI_A0_1, ECALL }, other[] = { ADDI_A0_2 };

    WRITE(0x0000106f); /* j CODE + PAGE */
    write_code(CODE + PAGE, end, 2);
    for (unsigned i = 0; i < sizeof changed / sizeof *changed; i++) {
        cpu_put(cpu, x(A0), 0);
        cpu->pc = CODE;
        interp_engine.run(cpu, 0);
        ck_assert_uint_eq(cpu_get(cpu, x(A0)), 1 + i % 2);
        write_code(CODE + PAGE, i % 2 ? end : other, 1);
        interp_engine.invalidate(cpu, changed[i].addr, changed[i].size);
    }
    cpu_put(cpu, x(A0), 0);
    cpu->pc = CODE;
    interp_engine.run(cpu, 0);
    ck_assert_uint_eq(cpu_get(cpu, x(A0)), 1);
}
END_TEST

/* a0 = 1, then its own first instruction is made `addi a0, a0, 2`, a fence, and again. */
START_TEST(a_program_that_changes_itself_needs_a_fence_only)
{
    WRITE(ADDI_A0_1, 0x00b62023 /* sw a1, 0(a2) */, FENCE_I,
          0x00269693 /* slli a3, a3, 2 */, 0xfe0688e3 /* beqz a3, CODE */, ECALL);
    cpu_put(cpu, x(A1), ADDI_A0_2);
    cpu_put(cpu, x(12), CODE);
    interp_engine.run(cpu, 8);
    ck_assert_uint_eq(cpu_get(cpu, x(A0)), 3);
}
END_TEST

/* The same op, at another pc. */
START_TEST(a_trap_after_a_flush_is_at_its_new_place)
{
    WRITE(ECALL, ADDI_A0_1, ECALL);
    for (unsigned i = 0; i < 2; i++) {
        cpu->pc = CODE;
        interp_engine.run(cpu, 0);
        ck_assert_uint_eq(cpu->event.kind, EXEC_TRAP);
        ck_assert_uint_eq(cpu->pc, CODE);
    }
    block_flush(interp_take(interp_of(cpu)));
    interp_give(interp_of(cpu));
    cpu->pc = CODE + 8;
    interp_engine.run(cpu, 0);
    ck_assert_uint_eq(cpu->event.kind, EXEC_TRAP);
    ck_assert_uint_eq(cpu->pc, CODE + 8);
}
END_TEST

START_TEST(a_fault_shows_the_state_before_the_instruction)
{
    /* lw a0, 0(a1) twice; the second one faults */
    WRITE(0x0005a503, 0x000015b7 | A1 << 7, 0x02059593, 0x0005a503, ECALL);
    cpu_put(cpu, x(A0), 7);
    cpu_put(cpu, x(A1), DATA);
    interp_engine.run(cpu, 0);
    ck_assert_uint_eq(cpu->event.kind, EXEC_MEM_FAULT);
    ck_assert_uint_eq(cpu->event.access, ACCESS_READ);
    ck_assert_uint_eq(cpu->pc, CODE + 12);
    ck_assert_uint_eq(cpu->event.addr, cpu_get(cpu, x(A1)));
    ck_assert_uint_eq(cpu_get(cpu, x(A0)), 0);
}
END_TEST

START_TEST(code_that_is_not_there_is_a_fetch_fault)
{
    cpu->pc = 0x40000;
    interp_engine.run(cpu, 0);
    ck_assert_uint_eq(cpu->event.kind, EXEC_FETCH_FAULT);
    ck_assert_uint_eq(cpu->event.addr, 0x40000);
    ck_assert_uint_eq(cpu->pc, 0x40000);
}
END_TEST

/* Arithmetic of eight registers, so that neighbours often depend on each other; some
 * loads, stores and branches forward. */
static uint32_t random_insn(unsigned left)
{
    static const uint32_t ops[] = {
        0x00000033, 0x40000033, 0x00004033, 0x00006033, 0x00007033, 0x02000033, /* R */
        0x0000003b, 0x4000003b, 0x00000013, 0x00004013, 0x0000001b, 0x00007013, /* I */
        0x00001013, 0x00005013, 0x02001053, 0x02007053,
    };
    uint32_t d = 10 + (uint32_t)rand() % 4, a = 10 + (uint32_t)rand() % 4,
             b = 10 + (uint32_t)rand() % 4, imm = (uint32_t)rand() % 32;

    switch (rand() % 12) {
    case 0: return 0x00043003 | d << 7 | imm << 23;                       /* ld d, (s0) */
    case 1: return 0x00043023 | b << 20 | (imm & 24) << 7;                /* sd b, (s0) */
    case 2: return left < 3 ? ADDI_A0_1 : 0x00000463 | a << 15 | b << 20; /* beq +8 */
    case 3: return 0x02000053 | d << 7 | a << 15 | b << 20;               /* fadd.d */
    case 4: return 0x02000043 | d << 7 | a << 15 | b << 20 | d << 27;     /* fmadd.d */
    default: break;
    }
    return ops[rand() % 14] | d << 7 | a << 15 | (rand() % 2 ? b : imm) << 20;
}

START_TEST(random_blocks_equal_the_evaluator)
{
    srand(1);
    cpu_put(cpu, x(8), DATA);
    for (unsigned i = 0; i < 300; i++) {
        uint32_t code[41];

        for (unsigned k = 0; k < 40; k++)
            code[k] = random_insn(40 - k);
        code[40] = ECALL;
        write_code(CODE, code, 41);
        interp_engine.invalidate(cpu, CODE, PAGE);
        for (unsigned k = 10; k < 14; k++)
            cpu_put(cpu, x(k), (uint64_t)rand() << 33 ^ (uint64_t)rand());
        cpu->pc = CODE;
        ck_assert_int_eq(lockstep_run(cpu, 0, stderr), 0);
    }
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("interp", 120);

    tcase_add_checked_fixture(cases.all, start, finish);
    tcase_add_test(cases.all, a_limit_is_exact);
    tcase_add_test(cases.all, a_limit_comes_before_what_cannot_be_fetched);
    tcase_add_test(cases.all, a_kick_ends_an_endless_loop);
    tcase_add_test(cases.all, changed_code_runs_once_it_is_announced);
    tcase_add_test(cases.all, a_program_that_changes_itself_needs_a_fence_only);
    tcase_add_test(cases.all, a_block_is_dropped_with_either_of_its_pages);
    tcase_add_test(cases.all, a_trap_after_a_flush_is_at_its_new_place);
    tcase_add_test(cases.all, a_fault_shows_the_state_before_the_instruction);
    tcase_add_test(cases.all, code_that_is_not_there_is_a_fetch_fault);
    tcase_add_test(cases.all, random_blocks_equal_the_evaluator);
    return cases_run(cases);
}
