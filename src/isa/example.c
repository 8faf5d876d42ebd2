/* example.c - the examples of a spec, as tests: text against bytes, and one execution. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isa/eval.h"
#include "isa/sem.h"
#include "isa/state.h"
#include "isa/text.h"

/* -------------------------------------------------------------------- memory */

/* The bytes an example mentions or touches; all others are zero. */
struct cell {
    uint64_t addr;
    uint8_t before, now, wanted;
};
struct scene {
    const struct isa_example *example;
    struct cell *cells;
    unsigned count, room;
};

static struct cell *find_cell(struct scene *scene, uint64_t addr)
{
    for (unsigned i = 0; i < scene->count; i++)
        if (scene->cells[i].addr == addr)
            return &scene->cells[i];
    if (scene->count == scene->room) {
        scene->room = scene->room ? 2 * scene->room : 32;
        scene->cells = realloc(scene->cells, scene->room * sizeof(*scene->cells));
        if (!scene->cells)
            die("out of memory");
    }
    scene->cells[scene->count] = (struct cell){ .addr = addr };
    return &scene->cells[scene->count++];
}

static int scene_read(void *context, uint64_t addr, void *bytes, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        ((uint8_t *)bytes)[i] = find_cell(context, addr + i)->now;
    return 0;
}

static int scene_write(void *context, uint64_t addr, const void *bytes, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        find_cell(context, addr + i)->now = ((const uint8_t *)bytes)[i];
    return 0;
}

static int scene_fetch(void *context, uint64_t addr, void *bytes, unsigned size)
{
    struct scene *scene = context;

    if (addr != scene->example->pc || size < scene->example->length) {
        for (unsigned i = 0; i < size; i++) {
            uint64_t at = addr + i - scene->example->pc;

            ((uint8_t *)bytes)[i] =
                at < scene->example->length ? scene->example->bytes[at] : 0;
        }
        return 0;
    }
    memset(bytes, 0, size);
    memcpy(bytes, scene->example->bytes, scene->example->length);
    return 0;
}

static int scene_before(void *context, uint64_t addr, const void *bytes, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        struct cell *cell = find_cell(context, addr + i);

        cell->before = cell->now = ((const uint8_t *)bytes)[i];
    }
    return 0;
}

static int scene_wanted(void *context, uint64_t addr, const void *bytes, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        find_cell(context, addr + i)->wanted = ((const uint8_t *)bytes)[i];
    return 0;
}

/* Who gets the memory that an example mentions. */
struct writer {
    int (*write)(void *context, uint64_t addr, const void *bytes, unsigned size);
    void *context;
};

static void put_memory(struct writer to, const struct isa *isa,
                       const struct isa_ex_item *item)
{
    bool big = item->view ? item->view == 2 : isa->naccesses && isa->accesses[0].big;
    uint8_t bytes[16];

    for (unsigned i = 0; i < item->size && i < sizeof(bytes); i++) {
        unsigned shift = 8 * (big ? item->size - 1u - i : i);

        bytes[i] = (uint8_t)(isa_ex_value(isa, item, shift / 64) >> shift % 64);
    }
    if (to.write)
        to.write(to.context, isa_ex_value(isa, item, 2), bytes, item->size);
}

/* ------------------------------------------------------------------ execution */

static void put_item(struct writer to, struct cpu *cpu, const struct isa_ex_item *item,
                     bool is_before)
{
    struct isa_reg reg = { item->view, item->index, ISA_NONE };
    uint64_t value = isa_ex_value(cpu->isa, item, 0);

    switch (item->loc) {
    case EX_MEM: put_memory(to, cpu->isa, item); break;
    case EX_FLAG: flags_put(cpu, item->view, item->index, value & 1); break;
    case EX_REG:
        cpu_put_unit(cpu, reg, 0, value);
        if (cpu->isa->views[item->view].width > 64)
            cpu_put_unit(cpu, reg, 1, isa_ex_value(cpu->isa, item, 1));
        break;
    case EX_PC:
        if (is_before && item->index)
            cpu->npc = value;
        break;
    default: break; /* EX_TRAP, the pc after: below */
    }
}

static const struct isa_ex_item *find_item(const struct isa_example *example,
                                           unsigned loc, unsigned index)
{
    for (unsigned i = 0; i < example->npost; i++)
        if (example->post[i].loc == loc &&
            (loc != EX_PC || example->post[i].index == index))
            return &example->post[i];
    return NULL;
}

/* Compares what happened with what should have. */
static int check_end(const struct isa_example *example, const struct cpu *cpu, int failed,
                     char *error, size_t size)
{
    const struct isa_ex_item *trap = find_item(example, EX_TRAP, 0);
    const struct isa *isa = cpu->isa;
    static const char *const kinds[] = { "nothing",        "a trap",
                                         "no instruction", "a memory fault",
                                         "a fetch fault",  "a kick",
                                         "the limit" };

    if (!failed) {
        if (!trap)
            return 0;
        snprintf(error, size, "no trap, expected %s",
                 isa_string(isa, isa->traps[trap->index].name));
        return -1;
    }
    if (trap && cpu->event.kind == EXEC_TRAP && cpu->event.trap == trap->index)
        return 0;
    if (cpu->event.kind == EXEC_TRAP)
        snprintf(error, size, "traps: %s",
                 isa_string(isa, isa->traps[cpu->event.trap].name));
    else
        snprintf(error, size, "ends with %s at 0x%" PRIx64, kinds[cpu->event.kind],
                 cpu->event.addr);
    return -1;
}

/* pc, and with delay slots npc: what follows in execution. */
static int check_pc(const struct isa_example *example, const struct cpu *got, char *error,
                    size_t size)
{
    const uint64_t now[] = { got->pc, got->npc };

    for (unsigned k = 0; k < 2; k++) {
        const struct isa_ex_item *item = find_item(example, EX_PC, k);

        uint64_t wanted = item ? isa_ex_value(got->isa, item, 0) : now[k];

        if (now[k] == wanted)
            continue;
        snprintf(error, size, "%spc is 0x%" PRIx64 ", expected 0x%" PRIx64, k ? "n" : "",
                 now[k], wanted);
        return -1;
    }
    return 0;
}

static int check_state(struct scene *scene, const struct isa_example *example,
                       struct cpu *got, struct cpu *want, char *error, size_t size)
{
    char text[200];

    for (unsigned i = 0; i < scene->count; i++)
        scene->cells[i].wanted = scene->cells[i].before;
    for (unsigned i = 0; i < example->npost; i++)
        put_item((struct writer){ scene_wanted, scene }, want, &example->post[i], false);
    if (check_pc(example, got, error, size))
        return -1;
    want->pc = got->pc;
    want->npc = got->npc;
    if (cpu_compare(got, want, text, sizeof(text))) {
        snprintf(error, size, "got and expected: %s", text);
        return -1;
    }
    for (unsigned i = 0; i < scene->count; i++) {
        const struct cell *cell = &scene->cells[i];

        if (cell->now == cell->wanted)
            continue;
        snprintf(error, size, "byte at 0x%" PRIx64 " is 0x%02x, expected 0x%02x",
                 cell->addr, cell->now, cell->wanted);
        return -1;
    }
    return 0;
}

static const char *model_of(const struct isa *isa, const struct isa_example *example)
{
    return example->model == ISA_NONE ? NULL
                                      : isa_string(isa, isa->models[example->model].name);
}

/* Examples have nobody to ask: every helper does nothing and yields zero. */
static uint64_t no_helper(struct cpu *cpu, unsigned number, const uint64_t *args)
{
    (void)cpu;
    (void)number;
    (void)args;
    return 0;
}

struct cpu *example_cpu(const struct isa *isa, const struct isa_example *example,
                        int (*write)(void *context, uint64_t addr, const void *bytes,
                                     unsigned size),
                        void *context)
{
    struct writer to = { write, context };
    struct cpu *cpu = cpu_new(isa, model_of(isa, example));
    struct isa_reg pc = { ISA_NONE, 0, ISA_NONE };

    cpu->helper = no_helper;
    cpu_put(cpu, pc, example->pc);
    for (unsigned i = 0; i < example->npre; i++)
        put_item(to, cpu, &example->pre[i], true);
    if (write)
        write(context, example->pc, example->bytes, example->length);
    cpu->mode = eval_mode(cpu) | example->mode;
    return cpu;
}

uint64_t example_mode(const struct isa *isa, const struct isa_example *example)
{
    struct cpu *cpu = example_cpu(isa, example, NULL, NULL);
    uint64_t mode = cpu->mode;

    cpu_free(cpu);
    return mode;
}

/* Checks the text of the instruction that a test executes next. */
static int check_code(const struct isa *isa, const struct isa_example *example,
                      const struct cpu *cpu, char *error, size_t size)
{
    struct isa_example part = *example;
    uint64_t at = cpu->pc - example->pc;

    part.code = NULL;
    for (unsigned i = 0; i < example->ncode; i++)
        if (example->code[i].at == at) {
            struct isa_decoded insn;
            uint8_t bytes[ISA_MAX_ILEN] = { 0 };
            unsigned left = example->length - example->code[i].at;

            memcpy(bytes, example->bytes + at,
                   left < sizeof(bytes) ? left : sizeof(bytes));
            isa_decode(isa, &cpu->features, cpu->mode, cpu->pc, bytes, sizeof(bytes),
                       &insn);
            part.bytes = bytes;
            part.length = insn.length;
            part.insn = insn.insn;
            part.text = isa_string(isa, example->code[i].text);
            part.pc = cpu->pc;
            part.mode = cpu->mode;
            if (insn.insn == ISA_NONE || insn.illegal) {
                snprintf(error, size, "no instruction at \"%s\"", part.text);
                return -1;
            }
            return example_text(isa, &part, error, size);
        }
    snprintf(error, size, "goes to 0x%" PRIx64 ", inside of an instruction", cpu->pc);
    return -1;
}

/* Runs a test's code until it is left: the number of instructions, or -1 with an error of
 * text.  *failed as eval_step() has it. */
static int run_code(const struct isa_example *example, struct cpu *cpu,
                    const struct eval_memory *memory, int *failed, char *error,
                    size_t size)
{
    int steps = 0;

    for (*failed = 0; !*failed && cpu->pc - example->pc < example->length; steps++) {
        if (steps == 1000) {
            snprintf(error, size, "does not end");
            return -1;
        }
        if (check_code(cpu->isa, example, cpu, error, size))
            return -1;
        *failed = eval_step(cpu, memory);
    }
    return steps;
}

/* Whether the instruction may be one step of several (REP MOVS): then an example is all
 * of them. */
static bool has_steps(const struct isa *isa, uint16_t insn)
{
    for (unsigned i = 0; i < isa->nvariants; i++) {
        const struct isa_variant *variant = &isa->variants[i];

        for (unsigned k = 0; variant->insn == insn && k < variant->body.count; k++)
            if (isa->nodes[variant->body.first + k].op == S_REPEAT)
                return true;
    }
    return false;
}

static int run_insn(const struct isa *isa, const struct isa_example *example,
                    struct cpu *cpu, const struct eval_memory *memory)
{
    bool again = has_steps(isa, example->insn);
    int failed = eval_step(cpu, memory);

    for (unsigned i = 0; i < 1000 && again && !failed && cpu->pc == example->pc; i++)
        failed = eval_step(cpu, memory);
    return failed;
}

int eval_example(const struct isa *isa, const struct isa_example *example, char *error,
                 size_t size)
{
    return eval_example_cover(isa, example, NULL, error, size);
}

int eval_example_cover(const struct isa *isa, const struct isa_example *example,
                       uint8_t *ifs, char *error, size_t size)
{
    struct scene scene = { .example = example };
    struct eval_memory memory = { &scene, scene_read, scene_write, scene_fetch,
                                  NULL,   NULL,       ifs };
    struct cpu *cpu, *want;
    int failed = 0, bad = 0;

    if (example->insn == ISA_NONE && !example->code)
        return example_text(isa, example, error, size);
    cpu = example_cpu(isa, example, scene_before, &scene);
    want = cpu_clone(cpu);
    if (example->code)
        bad = run_code(example, cpu, &memory, &failed, error, size) < 0;
    else
        failed = run_insn(isa, example, cpu, &memory);
    if (!bad)
        bad = check_end(example, cpu, failed, error, size);
    if (!bad)
        bad = check_state(&scene, example, cpu, want, error, size);
    free(scene.cells);
    cpu_free(cpu);
    cpu_free(want);
    return bad ? -1 : 0;
}

/* ---------------------------------------------------------------------- text */

static void put_hex(char *text, size_t size, const uint8_t *bytes, unsigned length)
{
    size_t n = 0;

    *text = 0;
    for (unsigned i = 0; i < length && n + 3 < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%02x", i ? " " : "", bytes[i]);
}

static int check_decoding(const struct isa *isa, const struct isa_example *example,
                          const struct isa_decoded *insn, char *error, size_t size)
{
    bool is_valid = insn->insn != ISA_NONE && !insn->illegal && !insn->truncated;
    uint8_t bytes[ISA_MAX_ILEN];
    unsigned length;
    char hex[64];

    if (example->insn == ISA_NONE) {
        if (!is_valid)
            return 0;
        snprintf(error, size, "decodes as %s, expected no instruction",
                 isa_string(isa, isa->insns[insn->insn].name));
        return -1;
    }
    if (!is_valid || insn->insn != example->insn || insn->length != example->length) {
        snprintf(error, size, "decodes as %s of %u bytes, expected %s of %u",
                 is_valid ? isa_string(isa, isa->insns[insn->insn].name)
                          : "no instruction",
                 insn->length, isa_string(isa, isa->insns[example->insn].name),
                 example->length);
        return -1;
    }
    length = isa_encode(isa, insn, bytes);
    if (length == example->length && !memcmp(bytes, example->bytes, length))
        return 0;
    put_hex(hex, sizeof(hex), bytes, length);
    snprintf(error, size, "its fields encode as %s", length ? hex : "nothing");
    return -1;
}

/* Equal but for blanks and case. */
static bool is_same_text(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a == ' ' || *a == '\t')
            a++;
        while (*b == ' ' || *b == '\t')
            b++;
        if (*a != *b)
            return false;
        if (!*a)
            return true;
    }
}

static int check_assembly(const struct isa *isa, const struct isa_features *features,
                          const struct isa_example *example, const char *text,
                          char *error, size_t size)
{
    uint8_t bytes[ISA_MAX_ILEN];
    char why[160], hex[64];
    unsigned length = isa_assemble_as(isa, features, example->mode, example->pc,
                                      example->insn, text, bytes, why, sizeof(why));

    if (length == example->length && !memcmp(bytes, example->bytes, length))
        return 0;
    put_hex(hex, sizeof(hex), bytes, length);
    snprintf(error, size, "\"%s\" assembles to %s", text, length ? hex : why);
    return -1;
}

int example_text(const struct isa *isa, const struct isa_example *example, char *error,
                 size_t size)
{
    struct isa_features features;
    struct isa_decoded insn;
    uint8_t bytes[ISA_MAX_ILEN] = { 0 };
    char text[200];

    isa_features_parse(isa, model_of(isa, example), &features, NULL);
    memcpy(bytes, example->bytes, example->length);
    isa_decode(isa, &features, example->mode, example->pc, bytes, example->length, &insn);
    if (check_decoding(isa, example, &insn, error, size))
        return -1;
    if (example->insn == ISA_NONE)
        return 0;
    isa_print(isa, &features, &insn, 0, text, sizeof(text));
    if (check_assembly(isa, &features, example, text, error, size))
        return -1;
    if (!example->text || is_same_text(text, example->text))
        return 0;
    if (!check_assembly(isa, &features, example, example->text, error, size))
        return 0;
    isa_print(isa, &features, &insn, TEXT_NO_ALIASES, text, sizeof(text));
    snprintf(error, size,
             "prints as \"%s\", and the example's text does not assemble to it", text);
    return -1;
}
