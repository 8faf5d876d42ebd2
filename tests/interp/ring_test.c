/* ring_test.c - predicted returns: followed when they are right, and never seen. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "interp/interp.h"
#include "isa/engine.h"
#include "isa/mem.h"
#include "isa/space.h"
#include "run_cases.h"

enum { CODE = 0x10000, STACK = 0x20000, PAGE = 0x1000, ROUNDS = 200 };
enum { RA = 1, SP = 2, T1 = 6, S0 = 8, A0 = 10, A1, A2, A3, A4 };

static struct cpu *cpu;

/* Instructions of the guest. */
static uint32_t addi(unsigned rd, unsigned rs, int value)
{
    return (uint32_t)value << 20 | rs << 15 | rd << 7 | 0x13;
}

static uint32_t jalr(unsigned rd, unsigned rs)
{
    return rs << 15 | rd << 7 | 0x67;
}

static uint32_t jal(unsigned rd, int by)
{
    uint32_t t = (uint32_t)by;

    return (t >> 20 & 1) << 31 | (t >> 1 & 0x3ff) << 21 | (t >> 11 & 1) << 20 |
           (t >> 12 & 0xff) << 12 | rd << 7 | 0x6f;
}

static uint32_t branch(unsigned kind, unsigned a, unsigned b, int by)
{
    uint32_t t = (uint32_t)by;

    return (t >> 12 & 1) << 31 | (t >> 5 & 0x3f) << 25 | b << 20 | a << 15 | kind << 12 |
           (t >> 1 & 0xf) << 8 | (t >> 11 & 1) << 7 | 0x63;
}

static uint32_t store(unsigned kind, unsigned value, unsigned address)
{
    return value << 20 | address << 15 | kind << 12 | 0x23;
}

enum { BEQ = 0, BNE = 1, SW = 2, SD = 3 };
enum { ECALL = 0x73, FENCE_I = 0x100f, LD_RA = 0x00013083, RET = 0x8067 };

static struct isa_reg x(unsigned number)
{
    struct isa_reg reg;
    char name[8];

    snprintf(name, sizeof name, "x%u", number);
    ck_assert_int_eq(isa_find_reg(cpu->isa, name, &reg), 0);
    return reg;
}

static void write_code(uint64_t at, const uint32_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t bytes[4] = { (uint8_t)words[i], (uint8_t)(words[i] >> 8),
                             (uint8_t)(words[i] >> 16), (uint8_t)(words[i] >> 24) };

        ck_assert_int_eq(space_write(cpu->space, at + 4 * i, bytes, 4, NULL), 0);
    }
}

#define WRITE(...)                                                                       \
    write_code(CODE, (const uint32_t[]){ __VA_ARGS__ },                                  \
               sizeof((uint32_t[]){ __VA_ARGS__ }) / 4)

static void start(void)
{
    const struct isa *isa = isa_find("riscv64");
    unsigned data = SPACE_READ | SPACE_WRITE;

    ck_assert_ptr_nonnull(isa);
    cpu = cpu_new(isa, NULL);
    cpu->space = space_new(32, RHEA_PAGED);
    ck_assert_ptr_nonnull(cpu->space);
    space_map(cpu->space, CODE, PAGE, data | SPACE_EXEC, SPACE_NOREPLACE, false, -1, 0);
    space_map(cpu->space, STACK, PAGE, data, SPACE_NOREPLACE, false, -1, 0);
    ck_assert_int_eq(interp_engine.attach(cpu), 0);
    cpu->pc = CODE;
    cpu_put(cpu, x(SP), STACK + PAGE);
    cpu_put(cpu, x(A1), ROUNDS);
}

static void finish(void)
{
    interp_engine.detach(cpu);
    space_free(cpu->space);
    cpu_free(cpu);
}

/* Runs to an ecall at `pc`. */
static void run_to(uint64_t pc)
{
    interp_engine.run(cpu, 0);
    ck_assert_uint_eq(cpu->event.kind, EXEC_TRAP);
    ck_assert_uint_eq(cpu->pc, pc);
}

/* The entry that the last return as expected came from. */
static const struct jump_entry *followed(void)
{
    return cpu->ring[(cpu->ring_top + 1) % CPU_RING];
}

static void check_is_empty(const struct cpu *of)
{
    for (unsigned i = 0; i < CPU_RING; i++) {
        ck_assert_ptr_eq(of->ring[i]->op, &return_unknown);
        ck_assert_uint_eq(of->ring[i]->pc, 0);
    }
}

/* Also after the block of the return was made anew for being hot. */
START_TEST(a_return_is_predicted)
{
    uintptr_t top = cpu->ring_top;
    uint64_t pc = CODE + 4;

    WRITE(jal(RA, 16), addi(A0, A0, 1), branch(BNE, A0, A1, -8), ECALL, RET);
    run_to(CODE + 12);
    ck_assert_uint_eq(cpu_get(cpu, x(A0)), ROUNDS);
    ck_assert_uint_eq(cpu->ring_top, top);
    ck_assert_uint_eq(followed()->pc, pc);
    ck_assert_ptr_ne(followed()->op, &return_unknown);
    ck_assert_ptr_ne((void *)followed()->op->fn, (void *)x_dropped);
    ck_assert_uint_eq(op_position(interp_of(cpu)->ip, followed()->op).pc, pc);
}
END_TEST

START_TEST(a_return_elsewhere_goes_there)
{
    WRITE(jal(RA, 20), addi(A0, A0, 100), addi(A0, A0, 1), branch(BNE, A0, A1, -12),
          ECALL, addi(RA, RA, 4), RET);
    run_to(CODE + 16);
    ck_assert_uint_eq(cpu_get(cpu, x(A0)), ROUNDS);
}
END_TEST

/* The callee changes the code that it returns to, in the last of many rounds. */
static void write_changing(uint32_t fence)
{
    WRITE(jal(RA, 20), addi(A0, A0, 1), addi(A3, A3, -1), branch(BNE, A3, 0, -12), ECALL,
          branch(BNE, A3, A4, 12), store(SW, A1, A2), fence, RET);
    cpu_put(cpu, x(A1), addi(A0, A0, 2));
    cpu_put(cpu, x(A2), CODE + 4);
    cpu_put(cpu, x(A3), ROUNDS);
    cpu_put(cpu, x(A4), 1);
}

START_TEST(changed_code_is_returned_to_after_a_fence)
{
    write_changing(FENCE_I);
    run_to(CODE + 16);
    ck_assert_uint_eq(cpu_get(cpu, x(A0)), ROUNDS + 1);
}
END_TEST

START_TEST(changed_code_is_returned_to_once_it_is_announced)
{
    write_changing(ECALL);
    run_to(CODE + 28);
    interp_engine.invalidate(cpu, CODE + 4, 4);
    cpu->pc += 4;
    run_to(CODE + 16);
    ck_assert_uint_eq(cpu_get(cpu, x(A0)), ROUNDS + 1);
}
END_TEST

/* A function that calls itself until a0 is a1, and counts in a2 on the way back. */
static void write_recursion(void)
{
    WRITE(jal(RA, 8), ECALL, addi(SP, SP, -16), store(SD, RA, SP), addi(A0, A0, 1),
          branch(BEQ, A0, A1, 8), jal(RA, -16), addi(A2, A2, 1), LD_RA, addi(SP, SP, 16),
          RET);
}

START_TEST(calls_may_be_deeper_than_the_ring)
{
    write_recursion();
    for (unsigned depth = CPU_RING - 2; depth < 3 * CPU_RING + 2; depth++) {
        cpu->pc = CODE;
        cpu_put(cpu, x(A0), 0);
        cpu_put(cpu, x(A1), depth);
        cpu_put(cpu, x(A2), 0);
        run_to(CODE + 4);
        ck_assert_uint_eq(cpu_get(cpu, x(A2)), depth);
        ck_assert_uint_eq(cpu_get(cpu, x(SP)), STACK + PAGE);
    }
}
END_TEST

/* Like longjmp: `depth` calls that do not return, then a return of the outer function. */
static void check_unwinding(unsigned depth)
{
    uint64_t end = CODE + 4, resume = CODE + 16;
    uint32_t *chain = malloc((depth + 1) * sizeof *chain);

    WRITE(jal(RA, 8), ECALL, addi(S0, RA, 0), jal(RA, 16), addi(A0, A0, 1),
          branch(BNE, A0, A1, -8), jal(0, (int)depth * 4 + 8));
    for (unsigned i = 0; i < depth; i++)
        chain[i] = jal(RA, 4);
    chain[depth] = jalr(0, T1);
    write_code(CODE + 28, chain, depth + 1);
    write_code(CODE + 32 + depth * 4, (const uint32_t[]){ addi(RA, S0, 0), RET }, 2);
    free(chain);
    interp_engine.invalidate(cpu, CODE, PAGE);
    cpu->pc = CODE;
    cpu_put(cpu, x(A0), 0);
    cpu_put(cpu, x(T1), resume);
    run_to(end);
    ck_assert_uint_eq(cpu_get(cpu, x(A0)), ROUNDS);
}

START_TEST(calls_may_be_left_otherwise)
{
    for (unsigned depth = 0; depth < CPU_RING + 2; depth += 3)
        check_unwinding(depth);
}
END_TEST

/* Two calls that do not return, a few instructions each: the outer one is found again. */
START_TEST(a_few_calls_that_do_not_return_are_skipped)
{
    uintptr_t top = cpu->ring_top;

    WRITE(jal(RA, 8), ECALL, addi(S0, RA, 0), jal(RA, 4), jal(RA, 4), addi(RA, S0, 0),
          RET);
    run_to(CODE + 4);
    ck_assert_uint_eq(cpu->ring_top, top);
    ck_assert_uint_eq(followed()->pc, CODE + 4);
}
END_TEST

/* Blocks that count have ops of their own. */
START_TEST(a_limit_is_exact_after_a_return)
{
    WRITE(jal(RA, 16), addi(A0, A0, 1), branch(BNE, A0, A1, -4), ECALL, ECALL, RET);
    for (unsigned i = 0; i < 3; i++) {
        if (i > 0)
            run_to(CODE + 12);
        cpu->pc = CODE;
        cpu_put(cpu, x(A0), 0);
        run_to(CODE + 16);
        cpu->pc += 4;
    }
    interp_engine.run(cpu, 10);
    ck_assert_uint_eq(cpu->event.kind, EXEC_LIMIT);
    ck_assert_uint_eq(cpu_get(cpu, x(A0)), 5);
    ck_assert_uint_eq(cpu->pc, CODE + 8);
    run_to(CODE + 12);
}
END_TEST

START_TEST(a_kick_stops_a_return)
{
    WRITE(jal(RA, 8), ECALL, ECALL, RET);
    for (unsigned i = 0; i < 3; i++) {
        cpu->pc = CODE;
        run_to(CODE + 8);
        cpu->pc += 4;
        cpu->kick = 1;
        interp_engine.run(cpu, 0);
        ck_assert_uint_eq(cpu->event.kind, EXEC_KICK);
        ck_assert_uint_eq(cpu->pc, CODE + 4);
        cpu->kick = 0;
        run_to(CODE + 4);
    }
}
END_TEST

/* The ring's entries lie among the ops. */
START_TEST(a_flush_empties_the_rings_of_all)
{
    struct cpu *other = cpu_clone(cpu), *self = cpu;
    struct interp_cpu *first = interp_of(cpu);

    ck_assert_int_eq(interp_engine.attach_to(other, cpu), 0);
    check_is_empty(other);
    WRITE(jal(RA, 8), ECALL, ECALL, RET);
    for (unsigned i = 0; i < 2; i++) {
        cpu = i ? other : self;
        run_to(CODE + 8);
        ck_assert_uint_eq(cpu->ring[cpu->ring_top]->pc, CODE + 4);
    }
    cpu = self;
    block_flush(interp_take(first));
    interp_give(first);
    check_is_empty(self);
    check_is_empty(other);
    for (unsigned i = 0; i < 2; i++) {
        cpu = i ? other : self;
        cpu->kick = 0; /* of the flush */
        cpu->pc += 4;
        run_to(CODE + 4);
    }
    cpu = self;
    interp_engine.detach(other);
    cpu_free(other);
}
END_TEST

/* A guest may jump to 0 by what looks like a return, with nothing in the ring. */
START_TEST(a_return_without_a_call_is_a_jump)
{
    WRITE(RET, ECALL);
    cpu_put(cpu, x(RA), CODE + 4);
    run_to(CODE + 4);
    cpu->pc = CODE;
    cpu_put(cpu, x(RA), 0);
    interp_engine.run(cpu, 0);
    ck_assert_uint_eq(cpu->event.kind, EXEC_FETCH_FAULT);
    ck_assert_uint_eq(cpu->pc, 0);
    check_is_empty(cpu);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("ring", USUAL_LIMIT);

    tcase_add_checked_fixture(cases.all, start, finish);
    tcase_add_test(cases.all, a_return_is_predicted);
    tcase_add_test(cases.all, a_return_elsewhere_goes_there);
    tcase_add_test(cases.all, changed_code_is_returned_to_after_a_fence);
    tcase_add_test(cases.all, changed_code_is_returned_to_once_it_is_announced);
    tcase_add_test(cases.all, calls_may_be_deeper_than_the_ring);
    tcase_add_test(cases.all, calls_may_be_left_otherwise);
    tcase_add_test(cases.all, a_few_calls_that_do_not_return_are_skipped);
    tcase_add_test(cases.all, a_limit_is_exact_after_a_return);
    tcase_add_test(cases.all, a_kick_stops_a_return);
    tcase_add_test(cases.all, a_flush_empties_the_rings_of_all);
    tcase_add_test(cases.all, a_return_without_a_call_is_a_jump);
    return cases_run(cases);
}
