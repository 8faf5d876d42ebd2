/* groups_test.c - every fused group of the guests, and rows of instructions taken at
 * random, beside the tree evaluator: with registers that make accesses fault and branches
 * leave in their middle; by handlers, and by machine code that is made of their stencils.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "interp/interp.h"
#include "interp/lockstep.h"
#include "interp/stencils.h"
#include "interp/template.h"
#include "isa/decode.h"
#include "isa/engine.h"
#include "isa/eval_engine.h"
#include "isa/space.h"
#include "run_cases.h"

enum {
    CODE = 0x10000,
    DATA = 0x20000,
    PAGE = 0x1000,
    TRIES = 24,
    ROWS = 6000,
    BYTES = 256,
    LIMIT = 500
};

static const struct engine *engine;
static struct cpu *cpu;
static const struct isa *isa;
static const struct interp_isa *tables;

static void on_fault(const struct host_fault *fault)
{
    engine->host_fault(cpu, fault->addr - (uintptr_t)cpu->base, fault->access);
}

static void start(const struct interp_isa *of)
{
    unsigned all = SPACE_READ | SPACE_WRITE | SPACE_EXEC;

    tables = of;
    isa = of->isa;
    cpu = cpu_new(isa, NULL);
    cpu->space = space_new(32, RHEA_PAGED);
    ck_assert_ptr_nonnull(cpu->space);
    space_map(cpu->space, CODE, PAGE, all, SPACE_NOREPLACE, false, -1, 0);
    space_map(cpu->space, DATA, PAGE, SPACE_READ | SPACE_WRITE, SPACE_NOREPLACE, false,
              -1, 0);
    ck_assert_int_eq(engine->attach(cpu), 0);
    template_load(interp_of(cpu)->ip);
    if (engine == &template_engine && stencil_stamps[0].isa)
        ck_assert_ptr_nonnull(interp_of(cpu)->ip->template);
    host_catch_faults(on_fault, NULL);
}

static void finish(void)
{
    engine->detach(cpu);
    space_free(cpu->space);
    cpu_free(cpu);
}

/* ------------------------------------------------------------- code for a group */

/* The slot of in[k], or of out. */
static const struct isa_slot *slot_of(uint32_t variant, unsigned k)
{
    const struct interp_variant *v = &tables->rows[tables->row_of[variant]];
    unsigned number = k == INTERP_IN ? v->out : v->in[k];

    if (!number || number == 0xff)
        return NULL;
    return &isa->slots[isa->variants[variant].slot + number - 1];
}

/* What the names of a group stand for. */
struct names {
    uint64_t number[INTERP_NAMES];
    unsigned file[INTERP_NAMES]; /* ISA_NONE: not known yet */
};

/* Registers for the names: where the instruction says which, that one. */
static struct names choose_registers(const struct interp_fused *fused)
{
    const struct interp_fused_op *op = &tables->fused_ops[fused->first];
    unsigned next = (unsigned)rand() % 4;
    struct names names;

    for (unsigned name = 0; name < INTERP_NAMES; name++) {
        names.number[name] = next < 8 ? 8 + next++ : 16 + next++ % 16;
        names.file[name] = ISA_NONE;
    }
    for (unsigned i = 0; i < fused->count; i++)
        for (unsigned k = 0; k < INTERP_REGS; k++) {
            const struct isa_slot *slot = slot_of(op[i].variant, k);
            struct isa_decoded none = { .insn = isa->variants[op[i].variant].insn };

            if (op[i].name[k] && slot && !slot->quick)
                names.number[op[i].name[k]] = isa_decode_value(isa, slot->expr, &none);
        }
    return names;
}

static uint64_t random_field(const struct isa_field *field)
{
    for (unsigned i = 0; i < 20; i++) {
        uint64_t number = rand() % 2   ? (1 + (uint64_t)rand() % 8) * 8
                          : rand() % 2 ? 8 + (uint64_t)rand() % 24
                                       : 1 + (uint64_t)rand() % 7;

        if (isa_field_fits(isa, field, number))
            return number;
    }
    return 1;
}

/* Branches lead behind the code. */
static void put_links(struct isa_decoded *insn, const struct isa_variant *variant)
{
    for (unsigned i = 0; i < variant->slots; i++) {
        const struct isa_slot *slot = &isa->slots[variant->slot + i];

        if (slot->kind == SLOT_LINK && slot->quick)
            insn->field[slot->quick - 1] = 64 + (uint64_t)rand() % 4 * 8;
    }
}

/* Fills the fields with registers as the names say.  false: they are of other files. */
static bool put_names(struct isa_decoded *insn, uint32_t variant, const uint8_t *name,
                      struct names *names)
{
    for (unsigned k = 0; k < INTERP_REGS; k++) {
        const struct isa_slot *slot = slot_of(variant, k);
        unsigned file;

        if (!slot || !name[k])
            continue;
        file = isa->views[slot->view].file;
        if (names->file[name[k]] != ISA_NONE && names->file[name[k]] != file)
            return false;
        names->file[name[k]] = file;
        if (slot->quick)
            insn->field[slot->quick - 1] =
                names->number[name[k]] - (uint64_t)(int64_t)slot->bias;
    }
    return true;
}

/* An instruction of the group at `pc`: of those that share the handler, any.  Returns its
 * length, or 0. */
static unsigned make_insn(const struct interp_fused_op *op, struct names *names,
                          uint64_t pc, uint8_t *out)
{
    for (unsigned tries = 0; tries < 4000; tries++) {
        uint32_t variant = (uint32_t)rand() % isa->nvariants;
        struct isa_decoded insn = { .insn = isa->variants[variant].insn, .pc = pc },
                           found;
        const struct isa_insn *info = &isa->insns[insn.insn];
        struct names tried = *names;
        unsigned length;

        if (tables->rows[tables->row_of[variant]].same != op->variant)
            continue;
        for (unsigned f = 0; f < info->fields; f++)
            insn.field[f] = random_field(&isa->fields_all[info->field + f]);
        put_links(&insn, &isa->variants[variant]);
        if (!put_names(&insn, variant, op->name, &tried) ||
            !(length = isa_encode(isa, &insn, out)))
            continue;
        isa_decode(isa, &cpu->features, 0, pc, out, length, &found);
        if (found.insn == insn.insn && !found.illegal &&
            isa_choose(isa, &found) == variant) {
            *names = tried;
            return length;
        }
    }
    return 0;
}

/* What leaves the register that has name 1 in acc. */
static unsigned make_first(struct names *names, uint8_t *out)
{
    for (unsigned tries = 0; tries < 100; tries++) {
        struct interp_fused_op first = { (uint16_t)((unsigned)rand() % isa->nvariants),
                                         { [INTERP_IN] = 1 } };
        const struct isa_slot *slot = slot_of(first.variant, INTERP_IN);
        unsigned length;

        if (!slot || !slot->quick || isa->variants[first.variant].flags ||
            tables->rows[tables->row_of[first.variant]].same != first.variant)
            continue;
        length = make_insn(&first, names, CODE, out);
        if (length)
            return length;
    }
    return 0;
}

/* Code for the group at CODE, behind it what traps.  false: there is none. */
static bool make_code(const struct interp_fused *fused, uint8_t code[BYTES])
{
    struct names names = choose_registers(fused);
    unsigned size = 0;

    memset(code, 0, BYTES);
    if (fused->uses_acc && !(size = make_first(&names, code)))
        return false;
    for (unsigned i = 0; i < fused->count; i++) {
        unsigned length = make_insn(&tables->fused_ops[fused->first + i], &names,
                                    CODE + size, code + size);

        if (!length)
            return false;
        size += length;
    }
    return true;
}

/* Groups with branches are made in blocks that have run often, where what follows the
 * branch has run too, as far as `size` says. */
static void predecode_hot(unsigned size)
{
    struct interp_cpu *self = interp_of(cpu);
    struct interp *ip;

    mode_table_use(self, mode_table_get(self, interp_mode(self), 0));
    ip = interp_take(self);
    ip->is_plain = true; /* as lockstep_run wants it */
    block_flush(ip);
    for (unsigned at = 2; at < size; at += 2)
        predecode(ip, CODE + at, false);
    predecode(ip, CODE, true);
    interp_give(self);
}

/* Pointers into DATA, and what is no pointer. */
static void fill_registers(void)
{
    for (unsigned f = 0; f < isa->nfiles; f++)
        for (unsigned i = 1; i < isa->files[f].count && isa->files[f].stride == 8; i++) {
            uint64_t value = DATA + (uint64_t)rand() % 64 * 8;

            if (rand() % 6 == 0)
                value = (uint64_t)rand() << 33 ^ (uint64_t)rand();
            memcpy((uint8_t *)cpu + CPU_STATE + isa->files[f].offset + i * 8, &value, 8);
        }
}

/* Whether the code only touches what the window of 4 GiB has: a 64-bit guest's other
 * accesses would be rhea's own. */
static bool stays_inside(void)
{
    struct cpu *ahead = cpu_clone(cpu);
    bool inside = true;

    for (unsigned i = 0; i < 32 && !eval_space_step(ahead); i++)
        ;
    if (ahead->event.kind == EXEC_MEM_FAULT)
        inside = ahead->event.addr >> 32 == 0;
    cpu_free(ahead);
    return inside;
}

/* Runs the code at CODE. */
static void check_code(const uint8_t code[BYTES], const char *what, unsigned number)
{
    fill_registers();
    cpu->pc = CODE;
    if (getenv("V")) {
        for (unsigned i = 0; i < 48; i++)
            fprintf(stderr, "%02x", code[i]);
        fprintf(stderr, " %s %s\n", isa->name, engine->name);
    }
    if (!stays_inside() || !lockstep_run(cpu, LIMIT, stderr))
        return;
    fprintf(stderr, "code:");
    for (unsigned i = 0; i < 64; i++)
        fprintf(stderr, " %02x", code[i]);
    ck_abort_msg("\n%s, %s: %s %u is not what the evaluator does", isa->name,
                 engine->name, what, number);
}

static bool is_used(const struct interp_fused *fused)
{
    const struct interp *ip = interp_of(cpu)->ip;

    for (uint32_t unit = 0; unit < ip->units; unit++)
        if (ip->ops[unit].fn == fused->handler)
            return true;
    return false;
}

static void check_groups(const struct interp_isa *of)
{
    unsigned count = 0, used = 0;

    start(of);
    for (const struct interp_fused *fused = of->fused; fused->handler; fused++) {
        bool was_used = false;

        for (unsigned i = 0; i < TRIES; i++) {
            uint8_t code[BYTES];

            if (!make_code(fused, code))
                continue;
            ck_assert_int_eq(space_write(cpu->space, CODE, code, BYTES, NULL), 0);
            predecode_hot(64);
            was_used |= is_used(fused);
            check_code(code, "group", count);
        }
        count++;
        used += was_used;
        if (!was_used && getenv("V"))
            fprintf(stderr, "group %u of %s was not used\n", count - 1, isa->name);
    }
    finish();
    if (engine == &interp_engine && used * 4 < count * 3) /* else ops hide it */
        ck_abort_msg("%s: %u of %u groups were used", isa->name, used, count);
}

enum { LEAVES = VAR_ENDS_BLOCK | VAR_BRANCHES | VAR_MODE | VAR_SYNC };

/* Rows of instructions of any kind that stay in their block. */
static void check_rows(const struct interp_isa *of)
{
    start(of);
    for (unsigned i = 0; i < ROWS; i++) {
        unsigned size = 0, count = 1 + (unsigned)rand() % 8;
        uint8_t code[BYTES] = { 0 };

        while (count--) {
            unsigned variant = (unsigned)rand() % isa->nvariants;
            struct interp_fused_op op = { tables->rows[tables->row_of[variant]].same,
                                          { 0 } };
            struct names names;

            if (isa->variants[variant].flags & LEAVES)
                continue;
            size += make_insn(&op, &names, CODE + size, code + size);
        }
        ck_assert_int_eq(space_write(cpu->space, CODE, code, BYTES, NULL), 0);
        predecode_hot(0);
        check_code(code, "row", i);
    }
    finish();
}

static const struct engine *const engines[] = { &interp_engine, &template_engine };

START_TEST(groups_equal_the_evaluator)
{
    srand(7);
    engine = engines[_i];
    for (unsigned i = 0; interp_list[i]; i++)
        check_groups(interp_list[i]);
}
END_TEST

START_TEST(rows_equal_the_evaluator)
{
    const char *seed = getenv("SEED");

    srand(seed ? (unsigned)atoi(seed) : 9);
    engine = engines[_i];
    for (unsigned i = 0; interp_list[i]; i++)
        check_rows(interp_list[i]);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("groups", 300);

    tcase_add_loop_test(cases.all, groups_equal_the_evaluator, 0, 2);
    tcase_add_loop_test(cases.all, rows_equal_the_evaluator, 0, 2);
    return cases_run(cases);
}
