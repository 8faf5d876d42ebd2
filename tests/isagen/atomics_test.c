/* atomics_test.c - accesses of 128 bits by two CPUs at once, and the faults of those that
 * may be read but not written, in both engines. */
#include <check.h>
#include <pthread.h>
#include <string.h>

#include "base/host.h"
#include "interp/interp.h"
#include "isa/eval_engine.h"
#include "isa/mem.h"
#include "isa/space.h"
#include "isa/text.h"
#include "run_cases.h"

enum { PAGE = 0x1000, CODE = 0x10000, DATA = 0x20000, COUNT = 1500, ROUNDS = 10 };

static _Thread_local struct cpu *running;
static struct space *space;

static void on_fault(const struct host_fault *fault)
{
    interp_engine.host_fault(running, fault->addr - (uintptr_t)running->base,
                             fault->access);
}

static const struct isa *find(const char *name)
{
    unsigned i = 0;

    while (isa_list[i] && strcmp(isa_list[i]->name, name))
        i++;
    ck_assert_ptr_nonnull(isa_list[i]);
    return isa_list[i];
}

/* `count` times one instruction. */
static void write_code(const char *text, unsigned count)
{
    uint8_t bytes[ISA_MAX_ILEN];
    char error[200];

    ck_assert_msg(
        isa_assemble(find("wide"), NULL, 0, CODE, text, bytes, error, sizeof error) == 2,
        "%s: %s", text, error);
    for (unsigned i = 0; i < count; i++)
        space_write(space, CODE + 2 * i, bytes, 2, NULL);
}

static void put(struct cpu *cpu, uint16_t number, uint64_t value)
{
    struct isa_reg r0;

    ck_assert_int_eq(isa_find_reg(cpu->isa, "r0", &r0), 0);
    r0.index = number;
    cpu_put(cpu, r0, value);
}

static uint64_t get(struct cpu *cpu, uint16_t number)
{
    struct isa_reg r0;

    ck_assert_int_eq(isa_find_reg(cpu->isa, "r0", &r0), 0);
    r0.index = number;
    return cpu_get(cpu, r0);
}

static void start(bool paged)
{
    space = space_new(32, paged);
    ck_assert_ptr_nonnull(space);
    space_map(space, CODE, PAGE, SPACE_READ | SPACE_WRITE | SPACE_EXEC, SPACE_NOREPLACE,
              false, -1, 0);
    space_map(space, DATA, PAGE, SPACE_READ | SPACE_WRITE, SPACE_NOREPLACE, false, -1, 0);
    host_catch_faults(on_fault, NULL);
}

static struct cpu *new_cpu(const struct engine *engine, struct cpu *other)
{
    struct cpu *cpu = cpu_new(find("wide"), NULL);

    cpu->space = space;
    ck_assert_int_eq(other ? engine->attach_to(cpu, other) : engine->attach(cpu), 0);
    return cpu;
}

struct job {
    const struct engine *engine;
    struct cpu *cpu;
};

static void *work(void *arg)
{
    struct job *job = arg;

    running = job->cpu;
    for (unsigned i = 0; i < ROUNDS; i++) {
        job->cpu->pc = CODE;
        job->engine->run(job->cpu, COUNT);
    }
    return NULL;
}

/* What r2 and r3 add at `addr`, from two CPUs. */
static void add_from_two(const struct engine *engine, uint64_t addr)
{
    struct job jobs[2] = { { engine, new_cpu(engine, NULL) } };
    uint64_t total[2], zero[2] = { 0, 0 };
    pthread_t threads[2];

    jobs[1] = (struct job){ engine, new_cpu(engine, jobs[0].cpu) };
    space_write(space, addr, zero, sizeof zero, NULL);
    for (unsigned i = 0; i < 2; i++) {
        put(jobs[i].cpu, 2, UINT64_C(1) << 63 | 1); /* carries every other time */
        put(jobs[i].cpu, 3, 1);
        put(jobs[i].cpu, 4, addr);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &jobs[i]), 0);
    }
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    write_code("xchg.little r0, r2, (r4)", 1);
    engine->invalidate(jobs[0].cpu, CODE, 2);
    jobs[0].cpu->pc = CODE;
    engine->run(jobs[0].cpu, 1);
    total[0] = get(jobs[0].cpu, 0);
    total[1] = get(jobs[0].cpu, 1);
    ck_assert_uint_eq(total[0], 2 * COUNT * ROUNDS);
    ck_assert_uint_eq(total[1], 3 * COUNT * ROUNDS);
    for (unsigned i = 2; i-- > 0;) {
        engine->detach(jobs[i].cpu);
        cpu_free(jobs[i].cpu);
    }
}

static const struct engine *const engines[] = { &interp_engine, &eval_engine };

START_TEST(sums_of_two_threads_are_whole)
{
    static const uint64_t addrs[] = { DATA, DATA + 0x18, DATA + 0x23 };

    start(RHEA_PAGED || _i == 2);
    ck_assert_int_eq(space_share(space), 0);
    for (unsigned i = 0; i < sizeof addrs / sizeof *addrs; i++) {
        write_code("add.little r0, r2, (r4)", COUNT);
        add_from_two(engines[_i > 0], addrs[i]);
    }
    space_free(space);
}
END_TEST

/* ------------------------------------------------------------------------ faults */

/* Whether memory holds what it did before. */
static void expect_fault(const struct engine *engine, const char *text, uint64_t addr,
                         uint64_t fault)
{
    struct cpu *cpu = running = new_cpu(engine, NULL);
    uint8_t before[16], after[16];
    unsigned n = fault > addr && fault - addr < 16 ? (unsigned)(fault - addr) : 0;

    write_code(text, 1);
    engine->invalidate(cpu, CODE, 2);
    put(cpu, 4, addr);
    put(cpu, 2, UINT64_MAX);
    cpu->pc = CODE;
    cpu->reserved_addr = addr;
    space_read(space, addr, before, n, NULL);
    engine->run(cpu, 1);
    space_read(space, addr, after, n, NULL);
    ck_assert_uint_eq(cpu->event.kind, EXEC_MEM_FAULT);
    ck_assert_uint_eq(cpu->event.access, ACCESS_WRITE);
    ck_assert_uint_eq(cpu->event.addr, fault);
    ck_assert_uint_eq(cpu->pc, CODE);
    ck_assert_mem_eq(before, after, n);
    engine->detach(cpu);
    cpu_free(cpu);
}

START_TEST(what_cannot_be_written_faults)
{
    static const char *const texts[] = { "cas.little r0, r2, (r4)",
                                         "add.big r0, r2, (r4)", "store.little r2, (r4)",
                                         "st2.little r2, (r4)", "st2.big r2, (r4)" };
    const struct engine *engine = engines[_i > 0];

    start(RHEA_PAGED || _i == 2);
    space_map(space, DATA + PAGE, PAGE, SPACE_READ, SPACE_NOREPLACE, false, -1, 0);
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        expect_fault(engine, texts[i], DATA + PAGE + 0x10, DATA + PAGE + 0x10);
        expect_fault(engine, texts[i], DATA + PAGE + 0x13, DATA + PAGE + 0x13);
        expect_fault(engine, texts[i], DATA + PAGE - 3, DATA + PAGE);
    }
    /* not equal: a write all the same */
    space_protect(space, DATA + PAGE, PAGE, SPACE_READ | SPACE_WRITE);
    space_write(space, DATA + PAGE + 0x10, "x", 1, NULL);
    space_protect(space, DATA + PAGE, PAGE, SPACE_READ);
    expect_fault(engine, texts[0], DATA + PAGE + 0x10, DATA + PAGE + 0x10);
    space_free(space);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("atomics", 120);

    tcase_add_loop_test(cases.all, sums_of_two_threads_are_whole, 0, 3);
    tcase_add_loop_test(cases.all, what_cannot_be_written_faults, 0, 3);
    return cases_run(cases);
}
