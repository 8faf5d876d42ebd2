/* share_test.c - several CPUs that run the same blocks, which are flushed and dropped
 * under them. */
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/host.h"
#include "interp/interp.h"
#include "isa/engine.h"
#include "isa/mem.h"
#include "isa/space.h"
#include "run_cases.h"

enum { CODE = 0x10000, PAGE = 0x1000, CPUS = 3, FLUSHES = 200 };

static struct cpu *first;
static struct isa_reg count, end;
static atomic_int ended, kicks;

/* Counts a0 up to a1, with a call in between. */
static const uint32_t code[] = {
    0x00150513, /* 0: addi a0, a0, 1 */
    0x00c000ef, /* jal ra, 1f */
    0xfeb51ce3, /* bne a0, a1, 0b */
    0x00000073, /* ecall */
    0x00008067, /* 1: ret */
};

static void start(void)
{
    const struct isa *isa = isa_find("riscv64");

    ck_assert_ptr_nonnull(isa);
    first = cpu_new(isa, NULL);
    first->space = space_new(32, RHEA_PAGED);
    ck_assert_ptr_nonnull(first->space);
    space_map(first->space, CODE, PAGE, SPACE_READ | SPACE_WRITE | SPACE_EXEC,
              SPACE_NOREPLACE, false, -1, 0);
    for (unsigned i = 0; i < sizeof code / sizeof *code; i++) {
        uint8_t bytes[4] = { (uint8_t)code[i], (uint8_t)(code[i] >> 8),
                             (uint8_t)(code[i] >> 16), (uint8_t)(code[i] >> 24) };

        ck_assert_int_eq(space_write(first->space, CODE + 4 * i, bytes, 4, NULL), 0);
    }
    isa_find_reg(isa, "x10", &count);
    isa_find_reg(isa, "x11", &end);
    ck_assert_int_eq(interp_engine.attach(first), 0);
    ck_assert_int_eq(space_share(first->space), 0);
    ended = kicks = 0;
}

static void finish(void)
{
    interp_engine.detach(first);
    space_free(first->space);
    cpu_free(first);
}

static void run(struct cpu *cpu)
{
    cpu->pc = CODE;
    do {
        __atomic_exchange_n(&cpu->kick, 0, __ATOMIC_SEQ_CST);
        interp_engine.run(cpu, 0);
        kicks += cpu->event.kind == EXEC_KICK;
    } while (cpu->event.kind == EXEC_KICK);
}

static void thread(void *arg)
{
    run(arg);
    ended++;
}

static void start_cpus(struct cpu **cpus, uint64_t rounds)
{
    for (int i = 0; i < CPUS; i++) {
        cpus[i] = cpu_clone(first);
        cpu_put(cpus[i], end, rounds);
        ck_assert_int_eq(interp_engine.attach_to(cpus[i], first), 0);
        ck_assert_int_eq(host_thread_start(thread, cpus[i], HOST_SMALL_STACK), 0);
    }
}

static void end_cpus(struct cpu **cpus, uint64_t rounds)
{
    while (ended < CPUS)
        usleep(100);
    for (int i = 0; i < CPUS; i++) {
        ck_assert_uint_eq(cpus[i]->event.kind, EXEC_TRAP);
        ck_assert_uint_eq(cpu_get(cpus[i], count), rounds);
        interp_engine.detach(cpus[i]);
        cpu_free(cpus[i]);
    }
}

START_TEST(a_flush_waits_for_all)
{
    struct cpu *cpus[CPUS];
    const uint64_t rounds = 1000000;

    start_cpus(cpus, rounds);
    for (int i = 0; i < FLUSHES && ended < CPUS; i++) {
        block_flush(interp_take(interp_of(first)));
        interp_give(interp_of(first));
        usleep(50);
    }
    end_cpus(cpus, rounds);
}
END_TEST

/* As many at once as there are: one flushes, the others wait in interp_take. */
START_TEST(all_flush)
{
    struct cpu *cpus[CPUS];
    const uint64_t rounds = 100000;

    start_cpus(cpus, rounds);
    for (int i = 0; i < FLUSHES && ended < CPUS; i++) {
        cpu_put(first, count, 0);
        cpu_put(first, end, 10);
        run(first);
        block_flush(interp_take(interp_of(first)));
        interp_give(interp_of(first));
    }
    end_cpus(cpus, rounds);
}
END_TEST

START_TEST(dropped_blocks_are_found_anew)
{
    struct cpu *cpus[CPUS];
    const uint64_t rounds = 1000000;

    start_cpus(cpus, rounds);
    for (int i = 0; i < FLUSHES && ended < CPUS; i++) {
        interp_engine.invalidate(first, CODE, sizeof code);
        usleep(50);
    }
    end_cpus(cpus, rounds);
}
END_TEST

START_TEST(a_child_is_alone)
{
    struct cpu *cpus[CPUS];

    start_cpus(cpus, 10);
    while (ended < CPUS)
        usleep(100);
    space_lock(first->space);
    space_forked(first->space);
    interp_engine.forked(first);
    for (int i = 0; i < CPUS; i++) {
        ck_assert_ptr_null(cpus[i]->engine);
        cpu_free(cpus[i]);
    }
    cpu_put(first, end, 10000);
    run(first);
    ck_assert_uint_eq(cpu_get(first, count), 10000);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("share", USUAL_LIMIT);

    tcase_add_checked_fixture(cases.all, start, finish);
    tcase_add_test(cases.all, a_flush_waits_for_all);
    tcase_add_test(cases.all, all_flush);
    tcase_add_test(cases.all, dropped_blocks_are_found_anew);
    tcase_add_test(cases.all, a_child_is_alone);
    return cases_run(cases);
}
