/* flags_test.c - dead and lazy flags: which instructions lose theirs, which conditions
 * are read by a law, and that nobody can tell (random programs of every hard spec with
 * flags, interpreter beside tree evaluator). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "interp/interp.h"
#include "interp/liveness.h"
#include "isa/engine.h"
#include "isa/eval.h"
#include "isa/space.h"
#include "isa/state.h"
#include "isa/text.h"
#include "run_cases.h"

/* ------------------------------------------------------------------- decisions */

/* As written, without its flags, reads by a law. */
enum fate { KEEPS, DEAD, KNOWN };

struct line {
    const char *text;
    enum fate fate;
};

static const struct isa *find(const char *name)
{
    unsigned i = 0;

    while (isa_list[i] && strcmp(isa_list[i]->name, name))
        i++;
    ck_assert_ptr_nonnull(isa_list[i]);
    return isa_list[i];
}

static uint32_t variant_of(const struct isa *isa, const char *text)
{
    struct isa_decoded insn;
    uint8_t bytes[ISA_MAX_ILEN];
    char error[200];
    unsigned n = isa_assemble(isa, NULL, 0, 0x1000, text, bytes, error, sizeof(error));

    ck_assert_msg(n, "%s: %s", text, error);
    isa_decode(isa, NULL, 0, 0x1000, bytes, n, &insn);
    return isa_choose(isa, &insn);
}

static enum fate fate_of(const struct isa *isa, uint32_t before, uint32_t after)
{
    if (after == before)
        return KEEPS;
    if (after == isa->variants[before].without_flags)
        return DEAD;
    return KNOWN;
}

static void check(const struct line *lines, unsigned count)
{
    const struct isa *isa = find("flags");
    uint16_t known[ISA_FLAG_GROUPS] = { 0 };
    uint32_t before[16], after[16];

    for (unsigned i = 0; i < count; i++)
        before[i] = after[i] = variant_of(isa, lines[i].text);
    liveness_choose(isa, after, count, known);
    for (unsigned i = 0; i < count; i++)
        ck_assert_msg(fate_of(isa, before[i], after[i]) == lines[i].fate,
                      "%s: %u, not %u", lines[i].text, fate_of(isa, before[i], after[i]),
                      lines[i].fate);
}

#define CHECK(...)                                                                       \
    do {                                                                                 \
        const struct line lines[] = { __VA_ARGS__ };                                     \
        check(lines, sizeof(lines) / sizeof(*lines));                                    \
    } while (0)

START_TEST(flags_that_are_set_again_are_dead)
{
    CHECK({ "add r1, r2, r3", DEAD }, { "mov r1, r2", KEEPS },
          { "sub r1, r2, r3", KEEPS });
    CHECK({ "add r1, r2, r3", DEAD }, { "and r1, r2, r3", DEAD }, { "inc r1", DEAD },
          { "xor r1, r2, r3", KEEPS });
    CHECK({ "cmp r1, r2", DEAD }, { "cmp r2, r1", KEEPS });
}
END_TEST

START_TEST(flags_at_the_end_of_a_block_are_alive)
{
    CHECK({ "add r1, r2, r3", KEEPS });
    CHECK({ "add r1, r2, r3", KEEPS }, { "mov r1, r2", KEEPS });
    CHECK({ "add r1, r2, r3", KEEPS }, { "bv 0x1010", KEEPS },
          { "sub r1, r2, r3", KEEPS });
}
END_TEST

START_TEST(flags_that_somebody_may_see_are_alive)
{
    CHECK({ "add r1, r2, r3", KEEPS }, { "ld r1, (r2)", KEEPS },
          { "add r1, r2, r3", KEEPS });
    CHECK({ "add r1, r2, r3", KEEPS }, { "st r1, (r2)", KEEPS },
          { "add r1, r2, r3", KEEPS });
    CHECK({ "add r1, r2, r3", KEEPS }, { "addm r1, (r2)", KEEPS });
    CHECK({ "add r1, r2, r3", KEEPS }, { "out r1", KEEPS }, { "add r1, r2, r3", KEEPS });
    CHECK({ "add r1, r2, r3", KEEPS }, { "getf r1", KEEPS }, { "add r1, r2, r3", KEEPS });
    /* traps after it set its flags: they show */
    CHECK({ "chk r1", KEEPS }, { "add r1, r2, r3", KEEPS });
}
END_TEST

START_TEST(flags_that_are_kept_are_alive)
{
    /* c and v survive */
    CHECK({ "add r1, r2, r3", KEEPS }, { "inc r1", KEEPS });
    CHECK({ "add r1, r2, r3", KEEPS }, { "shl r1, r2", KEEPS });
    /* shl by 0 keeps all, so it makes nothing dead */
    CHECK({ "add r1, r2, r3", DEAD }, { "shl r1, r2", DEAD },
          { "sub r1, r2, r3", KEEPS });
    /* one bit at a time */
    CHECK({ "add r1, r2, r3", KEEPS }, { "clc", KEEPS });
    CHECK({ "clc", DEAD }, { "clc", KEEPS });
    CHECK({ "inc r1", DEAD }, { "clc", KEEPS }, { "inc r1", KEEPS });
    CHECK({ "add r1, r2, r3", DEAD }, { "clc", KEEPS }, { "inc r1", KEEPS });
    CHECK({ "add r1, r2, r3", DEAD }, { "setf r1", KEEPS });
    /* of another group */
    CHECK({ "odd r1", KEEPS }, { "add r1, r2, r3", KEEPS });
    CHECK({ "odd r1", DEAD }, { "odd r2", KEEPS });
}
END_TEST

START_TEST(a_reader_keeps_what_it_reads)
{
    CHECK({ "add r1, r2, r3", KEEPS }, { "adc r1, r2, r3", DEAD },
          { "and r1, r2, r3", KEEPS });
    CHECK({ "add r1, r2, r3", KEEPS }, { "setv r1", KEEPS }, { "and r1, r2, r3", KEEPS });
    CHECK({ "clc", KEEPS }, { "cmc", KEEPS }, { "inc r1", KEEPS });
    /* of which c is not alive behind setz */
    CHECK({ "cmp r1, r2", DEAD }, { "clc", DEAD }, { "add r1, r2, r3", KEEPS });
    CHECK({ "clc", DEAD }, { "cmp r1, r2", KEEPS }, { "setz r1", KNOWN },
          { "add r1, r2, r3", KEEPS });
}
END_TEST

START_TEST(a_law_is_used_where_the_flagfn_is_known)
{
    CHECK({ "cmp r1, r2", KEEPS }, { "bz 0x1010", KNOWN });
    CHECK({ "cmp r1, r2", KEEPS }, { "bnz 0x1010", KNOWN });
    CHECK({ "cmp r1, r2", KEEPS }, { "ble 0x1010", KNOWN }, { "blt 0x1010", KNOWN });
    CHECK({ "cmp r1, r2", KEEPS }, { "mov r1, r3", KEEPS }, { "picklt r1, r2", KNOWN });
    CHECK({ "inc r1", KEEPS }, { "setz r2", KNOWN }, { "ld r1, (r2)", KEEPS },
          { "setz r2", KNOWN });
    CHECK({ "and r1, r2, r3", KEEPS }, { "setlt r1", KNOWN }, { "bv 0x1010", KEEPS });
}
END_TEST

START_TEST(no_law_is_used_elsewhere)
{
    CHECK({ "setz r1", KEEPS });                           /* nobody knows who */
    CHECK({ "cmp r1, r2", KEEPS }, { "setv r1", KEEPS });  /* no law for v */
    CHECK({ "cmp r1, r2", KEEPS }, { "setbe r1", KEEPS }); /* none for c || z */
    CHECK({ "inc r1", KEEPS }, { "setc r1", KEEPS });      /* not of inc */
    CHECK({ "cmp r1, r2", KEEPS }, { "shl r1, r2", KEEPS }, { "setz r1", KEEPS });
    CHECK({ "cmp r1, r2", KEEPS }, { "clc", KEEPS }, { "setz r1", KEEPS });
    CHECK({ "cmp r1, r2", KEEPS }, { "out r1", KEEPS }, { "setz r1", KEEPS });
    CHECK({ "cmp r1, r2", DEAD }, { "setf r1", KEEPS }, { "setz r1", KEEPS });
}
END_TEST

/* ------------------------------------------------------------- random programs */

enum {
    PAGE = 0x1000,
    CODE = 0x30000, /* a page; programs end where it ends */
    DATA = 0x20000, /* a page; nothing around it */
    PROGRAM = 20,   /* instructions */
    STATES = 3,     /* that each program starts from */
    MAX_STEPS = 60,
};

static struct cpu *running;
static uint64_t seed;
static unsigned faults; /* that were compared */

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static unsigned below(unsigned n)
{
    return (unsigned)(next_random() >> 20) % n;
}

static void on_fault(const struct host_fault *fault)
{
    uint64_t addr = fault->addr - (uintptr_t)running->base;

    interp_engine.host_fault(running, fault->has_addr ? addr : 0,
                             fault->access == HOST_ACCESS_UNKNOWN ? ACCESS_READ
                                                                  : fault->access);
}

static uint64_t no_helper(struct cpu *cpu, unsigned number, const uint64_t *args)
{
    (void)cpu;
    (void)number;
    (void)args;
    return 0;
}

/* The evaluator's memory: its own copy of the data.  Notes accesses that the window of
 * the interpreter does not hold, and stores into code. */
struct image {
    struct space *space;
    bool is_bad;
    uint64_t fault; /* the first byte of a failed access that is not there */
    uint8_t data[PAGE];
};

static bool is_data(struct image *image, uint64_t addr, unsigned size)
{
    image->fault = addr >= DATA && addr < DATA + PAGE ? DATA + PAGE : addr;
    return addr >= DATA && addr + size <= DATA + PAGE;
}

static int image_read(void *context, uint64_t addr, void *bytes, unsigned size)
{
    struct image *image = context;

    image->is_bad |= addr > UINT32_MAX - PAGE;
    if (image->is_bad)
        return -1;
    if (addr >= CODE && addr < CODE + PAGE)
        return space_read(image->space, addr, bytes, size, &image->fault);
    if (!is_data(image, addr, size))
        return -1;
    memcpy(bytes, image->data + (addr - DATA), size);
    return 0;
}

static int image_write(void *context, uint64_t addr, const void *bytes, unsigned size)
{
    struct image *image = context;

    image->is_bad |=
        addr > UINT32_MAX - PAGE || (addr + size > CODE && addr < CODE + PAGE);
    if (image->is_bad || !is_data(image, addr, size))
        return -1;
    memcpy(image->data + (addr - DATA), bytes, size);
    return 0;
}

static int image_fetch(void *context, uint64_t addr, void *bytes, unsigned size)
{
    struct image *image = context;

    return addr > UINT32_MAX ? -1 : space_fetch(image->space, addr, bytes, size, NULL);
}

static uint64_t image_fault(void *context)
{
    return ((struct image *)context)->fault;
}

/* Runs the evaluator up to an event, or for `limit` instructions.  false: it came to none
 * soon, or to what cannot be compared. */
static bool evaluate(struct cpu *cpu, struct image *image, unsigned limit)
{
    struct eval_memory memory = {
        .context = image,
        .read = image_read,
        .write = image_write,
        .fetch = image_fetch,
        .fault_addr = image_fault,
    };
    unsigned steps = 0;

    image->is_bad = false;
    space_read(cpu->space, DATA, image->data, PAGE, NULL);
    while (steps < limit && !eval_step(cpu, &memory))
        steps++;
    if (steps == limit && limit < MAX_STEPS)
        cpu->event = (struct exec_event){ .kind = EXEC_LIMIT };
    return steps < MAX_STEPS && !image->is_bad;
}

/* Values that meet the conditions: equal ones, signs, carries, addresses. */
static uint64_t random_value(void)
{
    static const uint64_t some[] = { 0,      1,          2,          UINT64_MAX,
                                     0x7f,   0x80,       0xff,       0x7fff,
                                     0x8000, 0x7fffffff, 0x80000000, INT64_MAX };

    switch (below(4)) {
    case 0: return some[below(sizeof(some) / sizeof(*some))];
    case 1: return DATA + 8 * below(PAGE / 8);
    case 2: return next_random();
    default: return below(40);
    }
}

/* All registers of files that are used as such, and all flags. */
static void randomize(struct cpu *cpu)
{
    const struct isa *isa = cpu->isa;

    for (uint16_t v = 0; v < isa->nviews; v++) {
        unsigned file = isa->views[v].file;

        if (file == ISA_NONE || isa->files[file].count < 8 || isa->files[file].width < 32)
            continue;
        for (uint16_t i = 0; i < isa->views[v].count; i++)
            cpu_put(cpu, (struct isa_reg){ v, i, ISA_NONE },
                    isa->files[file].width < 64 ? (uint32_t)random_value()
                                                : random_value());
    }
    for (uint16_t g = 0; g < isa->nflags; g++)
        for (uint16_t k = 0; k < isa->flags[g].count; k++)
            cpu_put(cpu, (struct isa_reg){ ISA_NONE, k, g }, below(2));
}

/* How often an instruction is taken: those that meet flags, and some that may fault. */
static bool is_wanted(const struct isa *isa, const struct isa_decoded *insn)
{
    const struct isa_variant *v = &isa->variants[isa_choose(isa, insn)];
    const struct isa_flag_use *use = &isa->flag_uses[v->flag_use];

    if (v->flags & (VAR_ENDS_BLOCK | VAR_MODE | VAR_SYNC | VAR_DELAY))
        return false;
    if (v->flags & VAR_BRANCHES)
        return !below(8);
    if (v->flags & VAR_MAY_FAULT)
        return !below(6);
    return use->may_set || use->reads ? true : !below(6);
}

/* An example's instruction, perhaps with a bit or two of it changed.  Its length, or 0.
 */
static unsigned random_insn(const struct cpu *cpu, uint64_t pc, uint8_t *bytes,
                            uint32_t *variant)
{
    const struct isa *isa = cpu->isa;
    const struct isa_example example = isa_example(isa, below(isa->nexamples)),
                             *e = &example;
    struct isa_decoded insn;

    if (e->insn == ISA_NONE || e->code || e->mode != cpu->mode ||
        e->length > ISA_MAX_ILEN)
        return 0;
    memcpy(bytes, e->bytes, e->length);
    for (unsigned n = below(3); n; n--)
        bytes[below(e->length)] ^= (uint8_t)(1 << below(8));
    isa_decode(isa, &cpu->features, cpu->mode, pc, bytes, e->length, &insn);
    if (insn.insn == ISA_NONE || insn.illegal || insn.truncated ||
        insn.length != e->length || !is_wanted(isa, &insn))
        return 0;
    *variant = isa_choose(isa, &insn);
    return insn.length;
}

/* Writes a program that ends where the page does; returns where it begins.  Counts the
 * instructions that lose their flags, or read by a law. */
static uint64_t random_program(struct cpu *cpu, unsigned *changed)
{
    uint8_t code[PROGRAM * ISA_MAX_ILEN];
    uint32_t before[PROGRAM], after[PROGRAM];
    uint16_t known[ISA_FLAG_GROUPS] = { 0 };
    unsigned size = 0;
    uint64_t pc;

    for (unsigned n = 0, tries = 0; n < PROGRAM; tries++) {
        unsigned length = random_insn(cpu, CODE + size, code + size, &before[n]);

        ck_assert_uint_lt(tries, 1000000);
        after[n] = before[n];
        n += length != 0;
        size += length;
    }
    liveness_choose(cpu->isa, after, PROGRAM, known);
    for (unsigned i = 0; i < PROGRAM; i++)
        *changed += after[i] != before[i];
    pc = CODE + PAGE - size;
    space_write(cpu->space, pc, code, size, NULL);
    interp_engine.invalidate(cpu, CODE, PAGE);
    return pc;
}

static void start_at(struct cpu *cpu, uint64_t pc)
{
    cpu->pc = pc;
    cpu->npc = pc + cpu->isa->min_ilen;
    cpu->event.kind = EXEC_NONE;
    cpu->kick = 0;
}

/* Whether there is enough to make programs of. */
static bool is_common(const struct isa *isa, uint64_t mode)
{
    unsigned n = 0;

    for (unsigned i = 0; i < isa->nexamples; i++)
        n += isa->examples[i].insn != ISA_NONE && isa_example(isa, i).mode == mode;
    return n > 10;
}

/* The state of an example, in which programs of its mode run. */
static struct cpu *new_cpu(const struct isa *isa, struct space *space, unsigned *at)
{
    struct isa_example e;
    struct cpu *cpu;

    do {
        e = isa_example(isa, (*at)++ % isa->nexamples);
    } while (e.insn == ISA_NONE || e.code || !is_common(isa, e.mode));
    cpu = example_cpu(isa, &e, NULL, NULL);
    cpu->space = space;
    cpu->helper = no_helper;
    cpu->mode = eval_mode(cpu);
    ck_assert_int_eq(interp_engine.attach(cpu), 0);
    return cpu;
}

static void print_program(const struct cpu *cpu, uint64_t pc)
{
    while (pc < CODE + PAGE) {
        struct isa_decoded insn;
        uint8_t bytes[ISA_MAX_ILEN] = { 0 };
        char text[100];

        space_read(cpu->space, pc, bytes,
                   CODE + PAGE - pc < ISA_MAX_ILEN ? CODE + PAGE - pc : ISA_MAX_ILEN,
                   NULL);
        isa_decode(cpu->isa, &cpu->features, cpu->mode, pc, bytes, ISA_MAX_ILEN, &insn);
        isa_print(cpu->isa, &cpu->features, &insn, 0, text, sizeof(text));
        fprintf(stderr, "  %llx: %s\n", (unsigned long long)pc, text);
        pc += insn.length;
    }
}

/* From one state, evaluator and interpreter, up to an event or after `limit` (0: any
 * number) of instructions.  1: the same, 0: not to be compared. */
static int run_both(struct cpu *cpu, uint64_t pc, unsigned limit)
{
    struct image image = { .space = cpu->space };
    struct cpu *other;
    uint8_t data[PAGE];
    char what[200] = "";
    bool differs;

    start_at(cpu, pc);
    cpu->mode = eval_mode(cpu);
    other = cpu_clone(cpu);
    other->helper = no_helper;
    other->space = cpu->space;
    if (!evaluate(other, &image, limit ? limit : MAX_STEPS) ||
        (other->event.kind == EXEC_LIMIT && other->pc - CODE >= PAGE)) {
        cpu_free(other);
        return 0;
    }
    interp_engine.run(cpu, limit);
    faults += cpu->event.kind == EXEC_MEM_FAULT;
    space_read(cpu->space, DATA, data, PAGE, NULL);
    differs = cpu_compare(other, cpu, what, sizeof(what)) ||
              memcmp(data, image.data, PAGE) != 0 ||
              other->event.kind != cpu->event.kind ||
              other->event.addr != cpu->event.addr;
    if (differs) {
        fprintf(stderr, "%s: %s at %llx, event %u at %llx and %u at %llx\n",
                cpu->isa->name, what, (unsigned long long)other->pc, other->event.kind,
                (unsigned long long)other->event.addr, cpu->event.kind,
                (unsigned long long)cpu->event.addr);
        print_program(cpu, pc);
    }
    cpu_free(other);
    return differs ? -1 : 1;
}

/* How many of `count` programs ran; their instructions with other variants in *changed.
 */
static unsigned run_programs(const struct isa *isa, struct space *space, unsigned count,
                             unsigned *changed)
{
    unsigned ran = 0, at = 0;
    struct cpu *cpu = NULL;

    for (unsigned i = 0; i < count; i++) {
        uint64_t pc;

        if (i % 50 == 0) {
            if (cpu) {
                interp_engine.detach(cpu);
                cpu_free(cpu);
            }
            running = cpu = new_cpu(isa, space, &at);
        }
        pc = random_program(cpu, changed);
        for (unsigned k = 0; k < STATES; k++) {
            int result;

            randomize(cpu); /* the last time with a stop in the middle of blocks */
            result = run_both(cpu, pc, k + 1 == STATES ? 1 + below(PROGRAM) : 0);
            ck_assert_msg(result >= 0, "%s: program %u", isa->name, i);
            ran += result > 0;
        }
    }
    interp_engine.detach(cpu);
    cpu_free(cpu);
    return ran;
}

START_TEST(random_programs_do_the_same)
{
    const struct isa *isa = isa_list[_i];
    struct space *space = space_new(32, false);
    unsigned all = SPACE_READ | SPACE_WRITE | SPACE_EXEC, changed = 0, ran;
    unsigned count = getenv("RHEA_LONG") ? 20000 : 1000;

    seed = 0x9e3779b97f4a7c15 + (unsigned)_i;
    if (!isa->nflag_uses) {
        space_free(space);
        return;
    }
    host_catch_faults(on_fault, NULL);
    space_map(space, CODE, PAGE, all, SPACE_NOREPLACE, false, -1, 0);
    space_map(space, DATA, PAGE, SPACE_READ | SPACE_WRITE, SPACE_NOREPLACE, false, -1, 0);
    ran = run_programs(isa, space, count, &changed);
    printf("%s: %u of %u programs, %u faults, %u instructions with other variants\n",
           isa->name, ran, count * STATES, faults, changed);
    ck_assert_uint_gt(ran, 0);
    if (!strcmp(isa->name, "flags")) /* others have few accesses, or none */
        ck_assert_uint_gt(faults, count / 4);
    if (isa->nflag_known)
        ck_assert_uint_gt(changed, count);
    space_free(space);
}
END_TEST

static bool has_window(void)
{
    struct space *space = space_new(32, false);

    if (space)
        space_free(space);
    return space != NULL;
}

int main(void)
{
    struct cases cases = cases_new("flags", USUAL_LIMIT);
    TCase *programs = tcase_create("programs");
    int count = 0;

    while (isa_list[count])
        count++;
    tcase_add_test(cases.all, flags_that_are_set_again_are_dead);
    tcase_add_test(cases.all, flags_at_the_end_of_a_block_are_alive);
    tcase_add_test(cases.all, flags_that_somebody_may_see_are_alive);
    tcase_add_test(cases.all, flags_that_are_kept_are_alive);
    tcase_add_test(cases.all, a_reader_keeps_what_it_reads);
    tcase_add_test(cases.all, a_law_is_used_where_the_flagfn_is_known);
    tcase_add_test(cases.all, no_law_is_used_elsewhere);
    tcase_set_timeout(programs, 600);
    if (has_window())
        tcase_add_loop_test(programs, random_programs_do_the_same, 0, count);
    suite_add_tcase(cases.suite, programs);
    return cases_run(cases);
}
