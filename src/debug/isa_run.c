/* isa_run.c - `rhea isa run`: a program stepped by the tree evaluator, and what each step
 * changes.
 *
 * All of the address space is memory that reads zero until it is written.  Helpers named
 * `out` (or putchar) and `in` (or getchar) are the user's terminal; others yield zero. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "debug/isa_cmd.h"
#include "debug/isa_program.h"
#include "isa/eval.h"
#include "isa/sem.h"
#include "isa/state.h"
#include "isa/text.h"

enum { PAGE = 4096, BUCKETS = 1024, MAX_PAGES = 65536, LINE = 400, TEXT_COLUMN = 34 };

struct page {
    struct page *next;
    uint64_t number;
    uint8_t bytes[PAGE];
};
struct stepper {
    const struct isa_args *args;
    struct page *pages[BUCKETS];
    unsigned npages;
    uint64_t mask; /* of addresses */
    /* writes of this step */
    char written[LINE];
};

/* --------------------------------------------------------------------- memory */

static uint8_t *find_byte(struct stepper *stepper, uint64_t addr)
{
    uint64_t number = (addr & stepper->mask) / PAGE;
    struct page **bucket = &stepper->pages[number % BUCKETS], *page = *bucket;

    while (page && page->number != number)
        page = page->next;
    if (!page) {
        if (stepper->npages++ == MAX_PAGES)
            return NULL;
        page = calloc(1, sizeof(*page));
        if (!page)
            die("out of memory");
        page->number = number;
        page->next = *bucket;
        *bucket = page;
    }
    return &page->bytes[addr % PAGE];
}

static int step_read(void *context, uint64_t addr, void *bytes, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t *byte = find_byte(context, addr + i);

        if (!byte)
            return -1;
        ((uint8_t *)bytes)[i] = *byte;
    }
    return 0;
}

static int step_write(void *context, uint64_t addr, const void *bytes, unsigned size)
{
    struct stepper *stepper = context;
    size_t n = strlen(stepper->written);

    snprintf(stepper->written + n, LINE - n, "%s[0x%" PRIx64 "] =", n ? ", " : "", addr);
    for (unsigned i = 0; i < size; i++) {
        uint8_t *byte = find_byte(stepper, addr + i);

        if (!byte)
            return -1;
        *byte = ((const uint8_t *)bytes)[i];
        n = strlen(stepper->written);
        snprintf(stepper->written + n, LINE - n, " %02x", *byte);
    }
    return 0;
}

static void free_pages(struct stepper *stepper)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        while (stepper->pages[i]) {
            struct page *page = stepper->pages[i];

            stepper->pages[i] = page->next;
            free(page);
        }
}

static uint64_t run_helper(struct cpu *cpu, unsigned number, const uint64_t *args)
{
    const struct isa_helper *helper = &cpu->isa->helpers[number];
    const char *name = isa_string(cpu->isa, helper->name);

    if (!strcmp(name, "out") || !strcmp(name, "putchar")) {
        putchar((int)(args[0] & 0xff));
        fflush(stdout);
    } else if (!strcmp(name, "in") || !strcmp(name, "getchar")) {
        int c = getchar();

        return c == EOF ? mask64(helper->result_w ? helper->result_w : 8) : (uint64_t)c;
    }
    return 0;
}

/* ---------------------------------------------------------------------- steps */

static int print_change(void *context, const char *name, unsigned high, uint64_t before,
                        uint64_t after)
{
    bool *is_first = context;

    (void)before;
    if (!strcmp(name, "pc") || !strcmp(name, "npc"))
        return 0;
    printf(after < 10 ? "%s%s%s = %" PRIu64 : "%s%s%s = 0x%" PRIx64,
           *is_first ? "" : ", ", name, high ? "(high)" : "", after);
    *is_first = false;
    return 0;
}

static void print_step(struct stepper *stepper, const struct isa_decoded *insn,
                       const struct cpu *before, struct cpu *cpu)
{
    uint64_t next = (insn->pc + insn->length) & stepper->mask;
    bool is_first = true;
    char text[LINE];
    int n;

    isa_print(cpu->isa, &cpu->features, insn,
              stepper->args->no_aliases ? TEXT_NO_ALIASES : 0, text, sizeof(text));
    n = printf("%6" PRIx64 ":  %s", insn->pc, text);
    printf("%*s", n < TEXT_COLUMN ? TEXT_COLUMN - n : 1, "");
    cpu_differences(before, cpu, print_change, &is_first);
    if (stepper->written[0])
        printf("%s%s", is_first ? "" : ", ", stepper->written);
    if (cpu->pc != next && cpu->pc != insn->pc && !cpu->isa->delay)
        printf("%spc = 0x%" PRIx64, is_first && !stepper->written[0] ? "" : ", ",
               cpu->pc);
    putchar('\n');
}

static void print_end(const struct cpu *cpu, uint64_t steps, FILE *out)
{
    const struct exec_event *event = &cpu->event;

    switch (event->kind) {
    case EXEC_TRAP:
        fprintf(out, "trap %s", isa_string(cpu->isa, cpu->isa->traps[event->trap].name));
        if (event->args[0])
            fprintf(out, "(0x%" PRIx64 ")", event->args[0]);
        break;
    case EXEC_ILLEGAL: fprintf(out, "no such instruction"); break;
    case EXEC_MEM_FAULT: fprintf(out, "no memory at 0x%" PRIx64, event->addr); break;
    case EXEC_FETCH_FAULT: fprintf(out, "no code at 0x%" PRIx64, event->addr); break;
    default: fprintf(out, "stopped: --max");
    }
    fprintf(out, " at 0x%" PRIx64 " after %" PRIu64 " instructions\n", cpu->pc, steps);
}

static uint64_t run_steps(struct stepper *stepper, struct cpu *cpu)
{
    struct eval_memory memory = {
        .context = stepper, .read = step_read, .write = step_write, .fetch = step_read
    };
    uint64_t steps = 0;

    for (; steps < stepper->args->max; steps++) {
        struct cpu *before = stepper->args->quiet ? NULL : cpu_clone(cpu);
        struct isa_decoded insn;
        int failed;

        stepper->written[0] = 0;
        failed = eval_fetch(cpu, &memory, &insn) || eval_insn(cpu, &memory, &insn);
        if (before && (!failed || cpu->event.kind == EXEC_TRAP))
            print_step(stepper, &insn, before, cpu);
        cpu_free(before);
        if (failed)
            return steps;
    }
    cpu->event.kind = EXEC_LIMIT;
    return steps;
}

int isa_run(const struct isa_args *args)
{
    struct stepper *stepper = calloc(1, sizeof(*stepper));
    struct isa_reg pc = { ISA_NONE, 0, ISA_NONE };
    struct isa_program program;
    struct cpu *cpu;
    uint64_t steps;

    if (args->count != 1)
        die("isa run: give one program");
    if (!stepper)
        die("out of memory");
    stepper->args = args;
    stepper->mask = mask64(args->isa->pc_width);
    program = program_load(args, args->rest[0]);
    for (size_t i = 0; i < program.size; i++) {
        uint8_t *byte = find_byte(stepper, args->pc + i);

        if (!byte)
            die("%s: too large", args->rest[0]);
        *byte = program.bytes[i];
    }
    free(program.bytes);
    cpu = cpu_new(args->isa, args->model);
    cpu->helper = run_helper;
    cpu_put(cpu, pc, args->pc);
    cpu->mode |= args->mode;
    steps = run_steps(stepper, cpu);
    print_end(cpu, steps, args->quiet ? stderr : stdout);
    cpu_free(cpu);
    free_pages(stepper);
    free(stepper);
    return 0;
}
