/* eval_test.c - decoding and the tree evaluator on a hand-made instruction set. */
#include "isa/eval.h"

#include <check.h>
#include <string.h>

#include "isa/state.h"
#include "isa/text.h"
#include "isagen/dtree.h"
#include "run_cases.h"
#include "toy.h"

static struct toy_copy copy;
static uint8_t memory[0x10000];
static unsigned memory_end = sizeof(memory); /* accesses beyond fault */

static int mem_read(void *context, uint64_t addr, void *bytes, unsigned size)
{
    (void)context;
    if (addr + size > memory_end)
        return -1;
    memcpy(bytes, memory + addr, size);
    return 0;
}

static int mem_write(void *context, uint64_t addr, const void *bytes, unsigned size)
{
    (void)context;
    if (addr + size > memory_end)
        return -1;
    memcpy(memory + addr, bytes, size);
    return 0;
}

static const struct eval_memory eval_memory = { .read = mem_read,
                                                .write = mem_write,
                                                .fetch = mem_read };

static struct cpu *start(const char *model, const uint16_t *code, unsigned words)
{
    for (unsigned i = 0; i < words; i++) {
        memory[2 * i] = (uint8_t)(code[i] >> 8);
        memory[2 * i + 1] = (uint8_t)code[i];
    }
    memory_end = sizeof(memory);
    return cpu_new(&copy.isa, model);
}

static uint64_t reg(struct cpu *cpu, const char *name)
{
    struct isa_reg r;

    ck_assert_int_eq(isa_find_reg(cpu->isa, name, &r), 0);
    return cpu_get(cpu, r);
}

START_TEST(a_program_computes_and_halts)
{
    static const uint16_t code[] = {
        0x2228, /* li r1, 5 */
        0x25f8, /* li r2, -1 */
        0x1650, /* add r3, r1, r2 */
        0x1fd0, /* add r7, r7, r2 */
        0x0000, /* halt */
    };
    struct cpu *cpu = start(NULL, code, 5);

    while (!eval_step(cpu, &eval_memory))
        ;
    ck_assert_uint_eq(cpu->event.kind, EXEC_TRAP);
    ck_assert_uint_eq(cpu->event.trap, 0);
    ck_assert_uint_eq(cpu->pc, 8);
    ck_assert_uint_eq(cpu->insns, 4);
    ck_assert_uint_eq(reg(cpu, "r3"), 4);
    ck_assert_uint_eq(reg(cpu, "sp"), 0xffff);
    ck_assert_uint_eq(reg(cpu, "f.c"), 0);
    cpu_free(cpu);
}
END_TEST

START_TEST(the_zero_register_stays_zero)
{
    static const uint16_t code[] = { 0x2028 }; /* li zero, 5 */
    struct cpu *cpu = start(NULL, code, 1);

    ck_assert_int_eq(eval_step(cpu, &eval_memory), 0);
    ck_assert_uint_eq(reg(cpu, "zero"), 0);
    ck_assert_uint_eq(state_get(cpu, TOY_R, 0, 0, 16).lo, 0);
    ck_assert_uint_eq(state_get(cpu, TOY_R, 8, 0, 16).lo, 0);
    cpu_free(cpu);
}
END_TEST

START_TEST(a_branch_goes_where_the_flag_says)
{
    static const uint16_t code[] = {
        0x4003,                        /* 0: bz +6 */
        0x1000,                        /* 2: add zero, zero, zero: z = 1 */
        0x4002,                        /* 4: bz +4 */
        0x0000, 0x4000 | (0x1ff & -2), /* 8: bz -4 */
    };
    struct cpu *cpu = start(NULL, code, 5);

    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(eval_step(cpu, &eval_memory), 0);
    ck_assert_uint_eq(cpu->pc, 4);
    cpu_free(cpu);
}
END_TEST

START_TEST(lazy_flags_read_and_compare_as_settled_ones)
{
    struct cpu *lazy = start(NULL, NULL, 0), *settled;
    char text[80];

    state_put(lazy, TOY_KIND, 0, 0, 8, u128(0, 1));
    state_put(lazy, TOY_ARGS, 0, 0, 16, u128(0, 0xffff));
    state_put(lazy, TOY_ARGS, 1, 0, 16, u128(0, 1));
    ck_assert_uint_eq(reg(lazy, "f.z"), 1);
    ck_assert_uint_eq(reg(lazy, "f.c"), 1);
    settled = cpu_clone(lazy);
    eval_settle(settled);
    ck_assert_uint_eq(state_get(settled, TOY_KIND, 0, 0, 8).lo, 0);
    ck_assert_uint_eq(state_get(settled, TOY_BITS, 1, 0, 1).lo, 1);
    ck_assert_int_eq(cpu_compare(lazy, settled, text, sizeof(text)), 0);
    flags_put(settled, 0, 1, 0);
    ck_assert_int_ne(cpu_compare(lazy, settled, text, sizeof(text)), 0);
    ck_assert_str_eq(text, "f.c is 1 and 0");
    cpu_free(lazy);
    cpu_free(settled);
}
END_TEST

START_TEST(memory_is_in_the_byte_order_of_the_access)
{
    static const uint16_t code[] = { 0x3280, 0x3281, 0x3280 }; /* lw r1, (r2); sw; lw */
    struct cpu *cpu = start(NULL, code, 3);

    state_put(cpu, TOY_R, 2, 0, 16, u128(0, 0x2000));
    memory[0x2000] = 0x12;
    memory[0x2001] = 0x34;
    ck_assert_int_eq(eval_step(cpu, &eval_memory), 0);
    ck_assert_uint_eq(reg(cpu, "r1"), 0x1234);
    state_put(cpu, TOY_R, 1, 0, 16, u128(0, 0xabcd));
    ck_assert_int_eq(eval_step(cpu, &eval_memory), 0);
    ck_assert_uint_eq(memory[0x2000], 0xab);
    state_put(cpu, TOY_R, 2, 0, 16, u128(0, 0x2001));
    ck_assert_int_eq(eval_step(cpu, &eval_memory), -1);
    ck_assert_uint_eq(cpu->event.kind, EXEC_TRAP);
    ck_assert_uint_eq(cpu->event.trap, 1);
    ck_assert_uint_eq(cpu->event.args[0], 0x2001);
    ck_assert_uint_eq(cpu->event.ilen, 2);
    cpu_free(cpu);
}
END_TEST

START_TEST(a_fault_leaves_pc_and_says_where)
{
    static const uint16_t code[] = { 0x3281 };
    struct cpu *cpu = start(NULL, code, 1);

    memory_end = 0x3000;
    state_put(cpu, TOY_R, 2, 0, 16, u128(0, 0x3000));
    ck_assert_int_eq(eval_step(cpu, &eval_memory), -1);
    ck_assert_uint_eq(cpu->event.kind, EXEC_MEM_FAULT);
    ck_assert_uint_eq(cpu->event.access, ACCESS_WRITE);
    ck_assert_uint_eq(cpu->event.addr, 0x3000);
    ck_assert_uint_eq(cpu->pc, 0);
    cpu_free(cpu);
}
END_TEST

START_TEST(a_fetch_faults_at_the_first_byte_it_needs)
{
    struct cpu *cpu = start(NULL, NULL, 0);

    memory_end = 0x3000;
    memory[0x2ffe] = 0x82; /* li32: two more bytes are missing */
    memory[0x2fff] = 0;
    cpu->pc = 0x2ffe;
    ck_assert_int_eq(eval_step(cpu, &eval_memory), -1);
    ck_assert_uint_eq(cpu->event.kind, EXEC_FETCH_FAULT);
    ck_assert_uint_eq(cpu->event.addr, 0x3000);
    memory[0x2ffe] = 0x22; /* li r1, 0: all there */
    ck_assert_int_eq(eval_step(cpu, &eval_memory), 0);
    cpu_free(cpu);
}
END_TEST

START_TEST(long_instructions_have_their_first_parcel_on_top)
{
    static const uint16_t code[] = { 0x8200, 0xbeef };
    struct cpu *cpu = start(NULL, code, 2);

    ck_assert_int_eq(eval_step(cpu, &eval_memory), 0);
    ck_assert_uint_eq(reg(cpu, "r1"), 0xbeef);
    ck_assert_uint_eq(cpu->pc, 4);
    cpu_free(cpu);
}
END_TEST

START_TEST(features_switch_instructions_off)
{
    static const uint16_t code[] = { 0x8200, 0xbeef };
    struct cpu *cpu = start("toy0", code, 2);
    struct isa_features features;
    const char *bad;

    ck_assert_int_eq(eval_step(cpu, &eval_memory), -1);
    ck_assert_uint_eq(cpu->event.kind, EXEC_ILLEGAL);
    ck_assert_uint_eq(cpu->event.ilen, 4);
    cpu_free(cpu);
    ck_assert_int_eq(isa_features_parse(&copy.isa, "toy0,LONG", &features, &bad), 0);
    ck_assert_uint_eq(features.bits[0], 1);
    ck_assert_int_eq(isa_features_parse(&copy.isa, "-extra", &features, &bad), 0);
    ck_assert_uint_eq(features.bits[0], 1);
    ck_assert_int_eq(isa_features_parse(&copy.isa, "toy0,+extra,nope", &features, &bad),
                     -1);
    ck_assert_str_eq(bad, "nope");
}
END_TEST

START_TEST(a_choice_and_a_loop_decide_what_runs)
{
    static const uint16_t code[] = { 0x5220, 0x5221,
                                     0x5209 }; /* shift r1, 4; .w; i odd */
    struct cpu *cpu = start(NULL, code, 3);

    ck_assert_int_eq(eval_step(cpu, &eval_memory), 0);
    ck_assert_uint_eq(reg(cpu, "r1"), 16);
    ck_assert_int_eq(eval_step(cpu, &eval_memory), 0);
    ck_assert_uint_eq(reg(cpu, "r1"), 0 + 1 + 2 + 3);
    ck_assert_int_eq(eval_step(cpu, &eval_memory), -1);
    ck_assert_uint_eq(cpu->event.kind, EXEC_ILLEGAL);
    cpu_free(cpu);
}
END_TEST

START_TEST(encoding_is_the_reverse_of_decoding)
{
    struct isa_features features;
    struct isa_decoded insn;
    unsigned decoded = 0;

    isa_features_parse(&copy.isa, NULL, &features, NULL);
    for (uint32_t word = 0; word < 0x10000; word++) {
        uint8_t bytes[ISA_MAX_ILEN] = { (uint8_t)(word >> 8), (uint8_t)word, 0x12, 0x34 };
        uint8_t back[ISA_MAX_ILEN];

        isa_decode(&copy.isa, &features, 0, 0, bytes, 4, &insn);
        if (insn.insn == ISA_NONE)
            continue;
        decoded++;
        ck_assert_uint_eq(isa_encode(&copy.isa, &insn, back), insn.length);
        ck_assert_mem_eq(bytes, back, insn.length);
    }
    ck_assert_uint_eq(decoded, 512 + 512 + 64 + 64 + 512 + 2048 + 1 + 8);
}
END_TEST

START_TEST(what_does_not_fit_is_not_encoded)
{
    struct isa_decoded insn = { .insn = TOY_LI, .field = { 1, (uint64_t)-32 } };
    uint8_t bytes[ISA_MAX_ILEN];

    ck_assert_uint_eq(isa_encode(&copy.isa, &insn, bytes), 2);
    insn.field[1] = (uint64_t)-33;
    ck_assert_uint_eq(isa_encode(&copy.isa, &insn, bytes), 0);
    insn.field[1] = 32;
    ck_assert_uint_eq(isa_encode(&copy.isa, &insn, bytes), 0);
    insn = (struct isa_decoded){ .insn = TOY_BZ, .field = { 3 } };
    ck_assert_uint_eq(isa_encode(&copy.isa, &insn, bytes), 0); /* odd */
}
END_TEST

START_TEST(examples_run_and_what_they_do_not_mention_stays)
{
    struct isa_example wrong = isa_example(&toy, 0);
    char error[200] = "";

    for (unsigned i = 0; i < toy.nexamples; i++) {
        struct isa_example example = isa_example(&toy, i);

        ck_assert_msg(!eval_example(&copy.isa, &example, error, sizeof(error)), "%u: %s",
                      i, error);
        ck_assert_msg(!example_text(&copy.isa, &example, error, sizeof(error)), "%u: %s",
                      i, error);
    }
    wrong.npost = 2;
    ck_assert_int_ne(eval_example(&copy.isa, &wrong, error, sizeof(error)), 0);
    ck_assert_str_eq(error, "got and expected: f.c is 1 and 0");
    wrong.text = "add r1, r2, r4";
    ck_assert_int_ne(example_text(&copy.isa, &wrong, error, sizeof(error)), 0);
    ck_assert_str_eq(error,
                     "prints as \"add r1, r2, r3\", and the example's text does not "
                     "assemble to it");
    wrong.bytes = (const uint8_t[]){ 0x12, 0x99 };
    ck_assert_int_ne(example_text(&copy.isa, &wrong, error, sizeof(error)), 0);
    ck_assert_str_eq(error, "decodes as no instruction of 2 bytes, expected add of 2");
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        a_program_computes_and_halts,
        the_zero_register_stays_zero,
        a_branch_goes_where_the_flag_says,
        lazy_flags_read_and_compare_as_settled_ones,
        memory_is_in_the_byte_order_of_the_access,
        a_fault_leaves_pc_and_says_where,
        a_fetch_faults_at_the_first_byte_it_needs,
        long_instructions_have_their_first_parcel_on_top,
        features_switch_instructions_off,
        a_choice_and_a_loop_decide_what_runs,
        encoding_is_the_reverse_of_decoding,
        what_does_not_fit_is_not_encoded,
        examples_run_and_what_they_do_not_mention_stays,
    };
    int status;

    toy_copy(&copy);
    if (dtree_build(&copy.isa))
        return 1;
    status = run_cases("eval", cases, COUNT(cases));
    dtree_free(&copy.isa);
    return status;
}
