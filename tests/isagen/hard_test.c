/* hard_test.c - the hard instructions of every family: each example of each spec in hard/
 * by the tree evaluator, and by the interpreter beside it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "interp/lockstep.h"
#include "isa/decode.h"
#include "isa/engine.h"
#include "isa/eval.h"
#include "isa/space.h"
#include "isa/text.h"
#include "run_cases.h"

enum { PAGE = 0x1000, STEPS = 40 };

START_TEST(every_example_is_true)
{
    const struct isa *isa = isa_list[_i];
    unsigned failed = 0;
    char error[400], where[100];

    for (unsigned i = 0; i < isa->nexamples; i++) {
        struct isa_example example = isa_example(isa, i);

        if ((!example.code && example_text(isa, &example, error, sizeof(error))) ||
            eval_example(isa, &example, error, sizeof(error))) {
            fprintf(stderr, "%s: %s\n",
                    isa_where_text(isa, example.where, where, sizeof(where)), error);
            failed++;
        }
    }
    printf("%s: %u examples, %u instructions in %u variants\n", isa->name, isa->nexamples,
           isa->ninsns, isa->nvariants);
    ck_assert_uint_eq(failed, 0);
}
END_TEST

/* -------------------------------------------------------------------- decoder */

static uint64_t state = 88172645463325252u;

static uint64_t random64(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* More often than not an instruction that exists. */
static void random_bytes(const struct isa *isa, uint8_t *bytes)
{
    const struct isa_insn *insn = &isa->insns[random64() % isa->ninsns];

    for (unsigned i = 0; i < ISA_MAX_ILEN; i++)
        bytes[i] = (uint8_t)random64();
    if (random64() & 1 && insn->length)
        isa_put_word(&isa->fetches[insn->mode_set == ISA_NONE ? 0 : insn->mode_set],
                     insn->value | (random64() & ~insn->mask), bytes, insn->length);
}

/* What was found out for one instruction is true for the next ones. */
START_TEST(a_decoder_says_what_isa_decode_says)
{
    const struct isa *isa = isa_list[_i];
    uint8_t *known = calloc(isa->ninsns, 1);
    struct isa_features features;
    struct isa_decoder decoder;
    uint64_t mode = 0;

    ck_assert_int_eq(isa_features_parse(isa, NULL, &features, NULL), 0);
    for (unsigned i = 0; i < 20000; i++) {
        struct isa_decoded one, other;
        uint8_t bytes[ISA_MAX_ILEN];
        unsigned size = random64() % 8 ? ISA_MAX_ILEN : random64() % ISA_MAX_ILEN;

        if (i % 4000 == 0) {
            mode = isa->nmodes ? random64() & 0xff : 0;
            memset(known, 0, isa->ninsns);
            isa_decoder_init(&decoder, isa, &features, mode, known);
        }
        random_bytes(isa, bytes);
        isa_decode(isa, &features, mode, 16, bytes, size, &one);
        isa_decoder_decode(&decoder, 16, bytes, size, &other);
        ck_assert_uint_eq(one.insn, other.insn);
        ck_assert_uint_eq(one.length, other.length);
        ck_assert_uint_eq(one.truncated, other.truncated);
        ck_assert_uint_eq(one.illegal, other.illegal);
        ck_assert_uint_eq(one.word, other.word);
        for (unsigned k = 0; one.insn != ISA_NONE && k < isa->insns[one.insn].fields; k++)
            ck_assert_uint_eq(one.field[k], other.field[k]);
    }
    free(known);
}
END_TEST

/* ---------------------------------------------------------------- interpreter */

static struct cpu *running;

/* A guest access that the host refused. */
static void on_fault(const struct host_fault *fault)
{
    uint64_t addr = fault->addr - (uintptr_t)running->base;

    interp_engine.host_fault(running, fault->has_addr ? addr : 0,
                             fault->access == HOST_ACCESS_UNKNOWN ? ACCESS_READ
                                                                  : fault->access);
}

/* Two pages around what an example mentions are there. */
static void map_around(struct space *space, uint64_t addr)
{
    for (uint64_t page = (addr & -(uint64_t)PAGE) - PAGE, n = 0; n < 3; n++, page += PAGE)
        if (page < space_limit(space) && space_limit(space) - page > PAGE)
            space_map(space, page, PAGE, SPACE_READ | SPACE_WRITE | SPACE_EXEC,
                      SPACE_NOREPLACE, false, -1, 0);
}

static int put_memory(void *context, uint64_t addr, const void *bytes, unsigned size)
{
    map_around(context, addr);
    return space_write(context, addr, bytes, size, NULL);
}

static uint64_t no_helper(struct cpu *cpu, unsigned number, const uint64_t *args)
{
    (void)cpu;
    (void)number;
    (void)args;
    return 0;
}

/* From the example's state on, a few instructions: what follows it too, whatever it is.
 */
static int run_beside(const struct isa *isa, const struct isa_example *example)
{
    struct space *space = space_new(32, false); /* examples' addresses are small */
    struct cpu *cpu = example_cpu(isa, example, put_memory, space);
    int differs;

    for (unsigned i = 0; i < example->npost; i++)
        if (example->post[i].loc == EX_MEM || example->post[i].loc == EX_PC)
            map_around(space, isa_ex_value(isa, &example->post[i],
                                           example->post[i].loc == EX_MEM ? 2 : 0));
    cpu->space = space;
    cpu->helper = no_helper;
    ck_assert_int_eq(interp_engine.attach(cpu), 0);
    running = cpu;
    differs = lockstep_run(cpu, STEPS, stderr);
    interp_engine.detach(cpu);
    cpu_free(cpu);
    space_free(space);
    return differs;
}

START_TEST(the_interpreter_does_the_same)
{
    const struct isa *isa = isa_list[_i];
    unsigned failed = 0;
    char where[100];

    host_catch_faults(on_fault, NULL);
    for (unsigned i = 0; i < isa->nexamples; i++) {
        struct isa_example example = isa_example(isa, i);

        if (example.insn == ISA_NONE && !example.code)
            continue;
        if (run_beside(isa, &example)) {
            fprintf(stderr, "%s: %s\n",
                    isa_where_text(isa, example.where, where, sizeof(where)),
                    example.text);
            failed++;
        }
    }
    ck_assert_uint_eq(failed, 0);
}
END_TEST

/* Hosts of 32 bits have no room for what the interpreter needs: the evaluator runs there.
 */
static bool has_window(void)
{
    struct space *space = space_new(32, false);

    if (space)
        space_free(space);
    return space != NULL;
}

int main(void)
{
    struct cases cases = cases_new("hard", 120);
    int count = 0;

    while (isa_list[count])
        count++;
    tcase_add_loop_test(cases.all, every_example_is_true, 0, count);
    tcase_add_loop_test(cases.all, a_decoder_says_what_isa_decode_says, 0, count);
    if (has_window())
        tcase_add_loop_test(cases.all, the_interpreter_does_the_same, 0, count);
    return cases_run(cases);
}
