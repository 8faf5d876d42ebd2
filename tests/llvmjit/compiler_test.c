/* compiler_test.c - jobs and the threads that compile them, with a module that compiles
 * nothing. */
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/compiler.h"
#include "run_cases.h"

/* ------------------------------------------------------------------------ the module */

static atomic_int inside, most_inside, wait_until, calls;
static uint64_t order[64];

/* Returns when so many threads were inside at once, or far too much time has passed. */
static void wait_inside(void)
{
    int is = ++inside;

    if (is > most_inside)
        most_inside = is;
    for (int i = 0; i < 5000 && most_inside < wait_until; i++)
        host_sleep_us(1000);
    inside--;
}

static int fake_compile(const struct region_request *request, struct region_code *code,
                        char *why, size_t size)
{
    int call = calls++;

    if (call < 64)
        order[call] = request->base;
    wait_inside();
    request->rest(request->context);
    memset(code, 0, sizeof *code);
    snprintf(why, size, "odd");
    if (request->base & 1)
        return -1;
    code->code = malloc(8);
    code->size = 8;
    return 0;
}

static void fake_release(struct region_code *code)
{
    free(code->code);
    code->code = NULL;
}

static const struct region_compiler fake = { REGION_VERSION, "fake", fake_compile,
                                             fake_release };

/* -------------------------------------------------------------------------- the jobs */

static struct mode_table table;

static struct job *new_job(uint64_t base, uint32_t heat)
{
    struct job *job = calloc(1, sizeof *job);
    struct region_insn *insns = calloc(2, sizeof *insns);

    insns[0].pc = base;
    insns[1].pc = base + 0x10000;
    job->request.insns = insns;
    job->request.base = base;
    job->request.ninsns = 2;
    job->table = &table;
    job->heat = heat;
    job->pages = malloc(sizeof *job->pages);
    job->pages[0] = base >> 12;
    job->npages = 1;
    return job;
}

static struct compiler *begin(unsigned threads)
{
    static struct cpu cpu;
    static struct interp ip;
    struct compiler *c;

    ip.cpu = &cpu;
    inside = most_inside = wait_until = calls = 0;
    jit_options = (struct jit_options){ .threads = threads };
    c = compiler_new(&ip, NULL, &fake);
    ck_assert_ptr_nonnull(c);
    return c;
}

static void add(struct compiler *c, uint64_t base, uint32_t heat)
{
    ck_assert(compiler_add(c, new_job(base, heat)));
}

static struct job *take(struct compiler *c)
{
    struct job *job = NULL;

    for (int i = 0; i < 5000 && !(job = compiler_take(c)); i++)
        host_sleep_us(1000);
    ck_assert_ptr_nonnull(job);
    return job;
}

static void take_all(struct compiler *c, unsigned count)
{
    while (count--)
        compiler_release(c, take(c));
}

/* -------------------------------------------------------------------------- the tests */

START_TEST(the_hottest_comes_first_then_the_oldest)
{
    static const uint64_t want[] = { 4, 8, 2, 6 };
    struct compiler *c = begin(1);

    for (uint64_t base = 2; base <= 8; base += 2)
        ck_assert(compiler_add(c, new_job(base, base == 4 ? 9 : base == 8 ? 5 : 1)));
    take_all(c, 4);
    /* The first one may have begun before there were others. */
    ck_assert(order[0] == 4 || order[0] == 2);
    if (order[0] == 4)
        ck_assert_mem_eq(order, want, sizeof want);
    compiler_end(c);
}
END_TEST

START_TEST(a_sample_makes_a_waiting_job_hotter)
{
    struct compiler *c = begin(1);

    wait_until = 2; /* the first one is at work until then */
    add(c, 2, 9);
    while (!calls)
        host_sleep_us(1000);
    add(c, 4, 5);
    add(c, 6, 5);
    ck_assert(compiler_has(c, 0x10006, &table, 1));
    ck_assert(compiler_has(c, 2, &table, 1));
    ck_assert(!compiler_has(c, 8, &table, 1));
    ck_assert(!compiler_has(c, 6, NULL, 1));
    wait_until = 0;
    take_all(c, 3);
    ck_assert_uint_eq(order[1], 6);
    compiler_end(c);
}
END_TEST

START_TEST(nothing_is_compiled_twice)
{
    struct compiler *c = begin(1);
    struct job *same = new_job(2, 1);

    wait_until = 2;
    add(c, 2, 1);
    while (!calls)
        host_sleep_us(1000);
    ck_assert(!compiler_add(c, same)); /* it is at work */
    add(c, 4, 1);
    same->request.base = 4;
    ck_assert(!compiler_add(c, same)); /* it waits */
    wait_until = 0;
    while (calls < 2 || inside)
        host_sleep_us(1000);
    ck_assert(!compiler_add(c, same)); /* it is done, or about to */
    take_all(c, 2);
    ck_assert(compiler_add(c, same)); /* somebody has it */
    take_all(c, 1);
    ck_assert_int_eq(calls, 3);
    compiler_end(c);
}
END_TEST

START_TEST(more_threads_begin_when_jobs_wait)
{
    struct compiler *c = begin(3);

    wait_until = 3;
    for (uint64_t base = 2; base <= 8; base += 2)
        add(c, base, 1);
    take_all(c, 4);
    ck_assert_int_eq(most_inside, 3);
    ck_assert_uint_eq(compiler_counts(c).threads, 3);
    compiler_end(c);
}
END_TEST

START_TEST(one_thread_does_when_none_waits)
{
    struct compiler *c = begin(4);

    for (uint64_t base = 2; base <= 40; base += 2) {
        add(c, base, 1);
        take_all(c, 1);
        host_sleep_us(20000); /* until it waits again */
    }
    ck_assert_uint_eq(compiler_counts(c).threads, 1);
    compiler_end(c);
}
END_TEST

START_TEST(counts_are_right_with_many_threads)
{
    enum { JOBS = 3000 };
    struct compiler *c = begin(8);
    struct jit_counts counts;
    unsigned taken = 0, added = 0;
    struct job *job;

    while (taken < JOBS) {
        for (; added < JOBS && !compiler_is_full(c); added++)
            add(c, added, added);
        while ((job = compiler_take(c))) {
            ck_assert_int_eq(job->is_stale, job->request.base & 1);
            ck_assert_str_eq(job->why, job->is_stale ? "odd" : "");
            compiler_release(c, job);
            taken++;
        }
    }
    counts = compiler_counts(c);
    ck_assert_uint_eq(counts.regions, JOBS / 2);
    ck_assert_uint_eq(counts.failed, JOBS / 2);
    ck_assert_uint_eq(counts.insns, JOBS);
    ck_assert_uint_eq(counts.bytes, 8 * JOBS / 2);
    compiler_end(c);
}
END_TEST

START_TEST(jobs_whose_code_has_changed_are_not_compiled)
{
    struct compiler *c = begin(1);
    struct job *job;

    wait_until = 2;
    add(c, 0x1000, 1);
    while (!calls)
        host_sleep_us(1000);
    add(c, 0x2000, 1);
    compiler_make_stale(c, 0, 5);
    wait_until = 0;
    for (unsigned i = 0; i < 2; i++) {
        job = take(c);
        ck_assert(job->is_stale);
        ck_assert_str_eq(job->why, "");
        compiler_release(c, job);
    }
    ck_assert_int_eq(calls, 1);
    compiler_end(c);
}
END_TEST

START_TEST(all_jobs_can_be_waited_for)
{
    enum { JOBS = 40 };

    for (unsigned threads = 1; threads <= 3; threads++) {
        struct compiler *c = begin(threads);
        struct job *job;
        uint64_t bases = 0;

        ck_assert(compiler_has_module(c));
        ck_assert_ptr_null(compiler_wait(c));
        for (uint64_t base = 0; base < JOBS; base++)
            add(c, base, 1);
        for (unsigned i = 0; i < JOBS; i++) {
            job = compiler_wait(c);
            ck_assert_ptr_nonnull(job);
            if (threads == 1)
                ck_assert_uint_eq(job->request.base, i);
            bases |= UINT64_C(1) << job->request.base;
            compiler_release(c, job);
        }
        ck_assert_ptr_null(compiler_wait(c));
        ck_assert_uint_eq(bases, (UINT64_C(1) << JOBS) - 1);
        compiler_end(c);
    }
}
END_TEST

/* None is on its way that nobody could compile. */
START_TEST(nobody_waits_for_threads_that_are_not_there)
{
    struct compiler *c = begin(1);

    compiler_stop(c);
    add(c, 2, 1);
    ck_assert_ptr_null(compiler_wait(c));
    compiler_go_on(c);
    compiler_release(c, compiler_wait(c));
    ck_assert_ptr_null(compiler_wait(c));
    compiler_end(c);
}
END_TEST

static bool is_base_4(struct interp *ip, const struct job *job)
{
    (void)ip;
    return job->request.base == 4;
}

START_TEST(jobs_that_are_not_needed_are_dropped)
{
    struct compiler *c = begin(1);

    wait_until = 2;
    add(c, 2, 1);
    while (!calls)
        host_sleep_us(1000);
    for (uint64_t base = 4; base < 12; base += 2)
        add(c, base, 1);
    compiler_drop(c, NULL, is_base_4);
    wait_until = 0;
    take_all(c, 2);
    ck_assert_int_eq(calls, 2);
    ck_assert_uint_eq(compiler_counts(c).unneeded, 3);
    compiler_end(c);
}
END_TEST

/* A child that is forked while it is held misses nothing. */
START_TEST(who_holds_it_finds_all_at_rest)
{
    struct compiler *c = begin(3);

    for (unsigned round = 0; round < 100; round++) {
        for (uint64_t base = 2; base < 40 && !compiler_is_full(c); base += 2)
            compiler_add(c, new_job(base + round * 40, 1));
        host_sleep_us(round % 7 * 100);
        compiler_hold(c);
        ck_assert(!compiler_was_at_work(c));
        calls = 0;
        host_sleep_us(1000);
        ck_assert(!compiler_was_at_work(c));
        ck_assert_int_eq(calls, 0);
        compiler_let_go(c);
        for (struct job *job; (job = compiler_take(c));)
            compiler_release(c, job);
    }
    compiler_end(c);
}
END_TEST

START_TEST(who_holds_it_does_not_wait_for_ever)
{
    struct compiler *c = begin(1);

    wait_until = 2;
    add(c, 2, 1);
    while (!calls)
        host_sleep_us(1000);
    compiler_hold(c);
    ck_assert(compiler_was_at_work(c));
    compiler_let_go(c);
    wait_until = 0;
    take_all(c, 1);
    compiler_end(c);
}
END_TEST

START_TEST(it_stops_and_goes_on)
{
    struct compiler *c = begin(3);

    for (unsigned round = 0; round < 20; round++) {
        for (uint64_t base = 2; base <= 20; base += 2)
            add(c, base + round * 40, 1);
        compiler_stop(c);
        ck_assert_uint_eq(host_threads(), 1);
        compiler_go_on(c);
        take_all(c, 10);
    }
    ck_assert_uint_eq(compiler_counts(c).regions, 200);
    compiler_end(c);
}
END_TEST

START_TEST(it_may_end_at_any_time)
{
    for (unsigned i = 0; i < 200; i++) {
        struct compiler *c = begin(3);

        ck_assert(compiler_start(c, false));
        for (uint64_t base = 0; base < i % 8; base++)
            add(c, base, 1);
        host_sleep_us(i % 16 * 50);
        compiler_end(c);
    }
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        the_hottest_comes_first_then_the_oldest,
        a_sample_makes_a_waiting_job_hotter,
        nothing_is_compiled_twice,
        more_threads_begin_when_jobs_wait,
        one_thread_does_when_none_waits,
        counts_are_right_with_many_threads,
        jobs_whose_code_has_changed_are_not_compiled,
        all_jobs_can_be_waited_for,
        nobody_waits_for_threads_that_are_not_there,
        jobs_that_are_not_needed_are_dropped,
        who_holds_it_finds_all_at_rest,
        who_holds_it_does_not_wait_for_ever,
        it_stops_and_goes_on,
        it_may_end_at_any_time,
    };

    return run_cases_within("compiler", 300, cases, COUNT(cases));
}
