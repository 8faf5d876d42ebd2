/* faults_test.c - instructions that fault after they have written something: what is
 * written stays, once, and the address is that of the access that failed. */
#include <check.h>
#include <string.h>

#include "base/host.h"
#include "interp/lockstep.h"
#include "isa/engine.h"
#include "isa/eval.h"
#include "isa/mem.h"
#include "isa/space.h"
#include "isa/state.h"
#include "isa/text.h"
#include "run_cases.h"

enum { PAGE = 0x1000, CODE = 0x10000, DATA = 0x20000, NOTHING = DATA + PAGE };

struct value {
    const char *name;
    uint64_t is;
};

/* `like`: an example whose state (and mode) the instruction starts from. */
static const struct row {
    const char *isa, *like, *text;
    struct value before[3], after[4];
    uint64_t fault;
    unsigned access;
} rows[] = {
    /* the base is loaded, too */
    { "m68k",
      NULL,
      "movem.l (a0), a0-a2",
      { { "a0", NOTHING - 8 }, { "a2", 7 } },
      { { "a0", 0x11111111 }, { "a1", 0x11111111 }, { "a2", 7 } },
      NOTHING,
      ACCESS_READ },
    { "a32",
      NULL,
      "ldm r1, {r0, r1, r2}",
      { { "r1", NOTHING - 8 }, { "r2", 7 } },
      { { "r0", 0x11111111 }, { "r2", 7 } },
      NOTHING,
      ACCESS_READ },
    /* rsp is raised, and then cannot be stored to; the address is that of the new rsp */
    { "x86",
      "push rax",
      "pop qword ptr [rdi]",
      { { "rdi", NOTHING + 0x10 }, { "rsp", DATA + 0x100 } },
      { { "rsp", DATA + 0x108 } },
      NOTHING + 0x10,
      ACCESS_WRITE },
    /* what is moved over itself */
    { "s390x",
      NULL,
      "mvc 0(8,%r1),1(%r2)",
      { { "r1", NOTHING - 4 }, { "r2", NOTHING - 12 } },
      { { "r1", NOTHING - 4 } },
      NOTHING,
      ACCESS_WRITE },
};

static struct cpu *running;

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

static struct isa_reg reg(const struct cpu *cpu, const char *name)
{
    struct isa_reg reg;

    ck_assert_msg(!isa_find_reg(cpu->isa, name, &reg), "%s", name);
    return reg;
}

static struct cpu *new_cpu(const struct row *row, struct space *space)
{
    const struct isa *isa = find(row->isa);
    struct isa_example example;
    unsigned i = 0;
    struct cpu *cpu;

    do {
        ck_assert_uint_lt(i, isa->nexamples);
        example = isa_example(isa, i++);
    } while (example.insn == ISA_NONE || example.code ||
             (row->like && strcmp(example.text, row->like)));
    cpu = example_cpu(isa, &example, NULL, NULL);
    cpu->space = space;
    cpu->mode = eval_mode(cpu);
    cpu->pc = CODE;
    for (unsigned k = 0; k < 3 && row->before[k].name; k++)
        cpu_put(cpu, reg(cpu, row->before[k].name), row->before[k].is);
    return cpu;
}

static struct space *new_space(const struct row *row, bool paged)
{
    struct space *space = space_new(32, paged);
    uint8_t data[PAGE], code[ISA_MAX_ILEN];
    struct cpu *cpu = new_cpu(row, space);
    char error[200];
    unsigned n;

    memset(data, 0x11, sizeof data);
    space_map(space, CODE, PAGE, SPACE_READ | SPACE_WRITE | SPACE_EXEC, SPACE_NOREPLACE,
              false, -1, 0);
    space_map(space, DATA, PAGE, SPACE_READ | SPACE_WRITE, SPACE_NOREPLACE, false, -1, 0);
    space_write(space, DATA, data, PAGE, NULL);
    n = isa_assemble(cpu->isa, &cpu->features, cpu->mode, CODE, row->text, code, error,
                     sizeof error);
    ck_assert_msg(n, "%s: %s", row->text, error);
    space_write(space, CODE, code, n, NULL);
    cpu_free(cpu);
    return space;
}

static void check(const struct cpu *cpu, const struct row *row)
{
    struct cpu *copy = cpu_clone(cpu);

    ck_assert_uint_eq(cpu->event.kind, EXEC_MEM_FAULT);
    ck_assert_uint_eq(cpu->event.addr, row->fault);
    ck_assert_uint_eq(cpu->event.access, row->access);
    ck_assert_uint_eq(cpu->pc, CODE);
    for (unsigned k = 0; k < 4 && row->after[k].name; k++)
        ck_assert_msg(cpu_get(copy, reg(copy, row->after[k].name)) == row->after[k].is,
                      "%s: %s is 0x%llx", row->text, row->after[k].name,
                      (unsigned long long)cpu_get(copy, reg(copy, row->after[k].name)));
    cpu_free(copy);
}

START_TEST(a_fault_shows_what_was_done)
{
    static const struct engine *const engines[] = { &interp_engine, &eval_engine };
    const struct row *row = &rows[_i];

    host_catch_faults(on_fault, NULL);
    for (unsigned e = 0; e < 2; e++) {
        struct space *space = new_space(row, RHEA_PAGED);
        struct cpu *cpu = running = new_cpu(row, space);

        ck_assert_int_eq(engines[e]->attach(cpu), 0);
        engines[e]->run(cpu, 1);
        check(cpu, row);
        engines[e]->detach(cpu);
        cpu_free(cpu);
        space_free(space);
    }
}
END_TEST

START_TEST(lockstep_sees_no_difference)
{
    const struct row *row = &rows[_i];
    struct space *space = new_space(row, RHEA_PAGED);
    struct cpu *cpu = running = new_cpu(row, space);

    host_catch_faults(on_fault, NULL);
    ck_assert_int_eq(interp_engine.attach(cpu), 0);
    ck_assert_int_eq(lockstep_run(cpu, 0, stderr), 0);
    check(cpu, row);
    interp_engine.detach(cpu);
    cpu_free(cpu);
    space_free(space);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("faults", USUAL_LIMIT);

    tcase_add_loop_test(cases.all, a_fault_shows_what_was_done, 0, COUNT(rows));
    tcase_add_loop_test(cases.all, lockstep_sees_no_difference, 0, COUNT(rows));
    return cases_run(cases);
}
