/* region_test.c - regions of instructions taken at random beside the tree evaluator: of
 * the guests that are compiled in, and of the specs in tests/isagen/hard and
 * isa-specs/toys.
 *
 * Cells get handlers that note which one was called and leave.  A region may leave an
 * instruction to the interpreter; where it does so is not foreseen here, but the state
 * must be one that the evaluator has at that pc. */
#include <check.h>
#include <dlfcn.h>
#include <glob.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "interp/interp_isa.h"
#include "isa/eval.h"
#include "isa/sem.h"
#include "isa/state.h"
#include "isagen/spec.h"
#include "region_rows.h"
#include "run_cases.h"

enum {
    MAX_CELLS = 4096,
    CODE_SIZE = 1 << 20,
    JUMPS = 64, /* entries of the jump cache */
    LIMIT = 1000,
    RUNS = 24
};
#define WINDOW (UINT64_C(1) << 32)

struct jump_entry { /* as in handler.h */
    uint64_t pc;
    const struct op *op;
};

static const struct region_compiler *compiler;
static uint8_t *window;         /* the guest's memory, of which guest.data_at is there */
static uint8_t memory[3][PAGE]; /* the data: at first, the evaluator's, and its end's */
static uint8_t constant[PAGE];  /* behind the data: can be read only */
static struct host_code code_memory;

/* -------------------------------------------------------------- the evaluator */

static uint8_t *find_byte(uint64_t addr, bool for_write)
{
    if (addr - guest.data_at - PAGE < PAGE && !for_write)
        return &constant[addr - guest.data_at - PAGE];
    return addr - guest.data_at < PAGE ? &memory[1][addr - guest.data_at] : NULL;
}

static uint64_t bad_addr; /* of the last fault, the first byte that is not there */

static bool is_there(uint64_t addr, unsigned size, bool for_write)
{
    for (bad_addr = addr; bad_addr != addr + size; bad_addr++)
        if (!find_byte(bad_addr, for_write))
            return false;
    return true;
}

static int eval_read(void *context, uint64_t addr, void *to, unsigned size)
{
    (void)context;
    if (!is_there(addr, size, false))
        return -1;
    for (unsigned i = 0; i < size; i++)
        ((uint8_t *)to)[i] = *find_byte(addr + i, false);
    return 0;
}

static int eval_write(void *context, uint64_t addr, const void *from, unsigned size)
{
    (void)context;
    if (!is_there(addr, size, true))
        return -1;
    memcpy(find_byte(addr, true), from, size);
    return 0;
}

static int eval_fetch_code(void *context, uint64_t addr, void *to, unsigned size)
{
    (void)context;
    bad_addr = addr - guest.code_at < PAGE ? guest.code_at + PAGE : addr;
    if (addr - guest.code_at >= PAGE || addr - guest.code_at + size > PAGE)
        return -1;
    memcpy(to, guest.code + (addr - guest.code_at), size);
    return 0;
}

static uint64_t get_bad_addr(void *context)
{
    (void)context;
    return bad_addr;
}

static const struct eval_memory eval_memory_of_test = { .read = eval_read,
                                                        .write = eval_write,
                                                        .fetch = eval_fetch_code,
                                                        .fault_addr = get_bad_addr };

/* ----------------------------------------------------------------- what happens */

enum ending { END_NONE, END_EXIT, END_TRAP, END_FAULT, END_LIMIT };

/* Runs the evaluator on `on` from instruction `at` until it leaves the row.  *last: the
 * instruction that was executed last.  With `seen`: until it is at that pc in that state.
 */
static enum ending run_evaluator(const struct row *row, struct cpu *on, int32_t at,
                                 int32_t *last, struct cpu *seen, const uint8_t *data)
{
    char text[256];

    row_forget_calls();
    for (unsigned i = 0; i < LIMIT; i++) {
        if (seen && seen->pc == on->pc && !cpu_compare(seen, on, text, sizeof text) &&
            !memcmp(data, memory[1], PAGE))
            return END_NONE;
        *last = at;
        if (eval_step(on, &eval_memory_of_test))
            return on->event.kind == EXEC_MEM_FAULT ? END_FAULT : END_TRAP;
        at = row_follow(row, at, on->pc);
        if (at == REGION_NONE && !(seen && seen->pc == on->pc))
            return END_EXIT;
        if (at == REGION_NONE)
            return cpu_compare(seen, on, text, sizeof text) ||
                           memcmp(data, memory[1], PAGE)
                       ? END_EXIT
                       : END_NONE;
    }
    return END_LIMIT;
}

/* ------------------------------------------------------------------- the region */

static sigjmp_buf out;
static const struct op *left_by; /* NULL: a fault */
static uint64_t fault_addr;
static struct op cells[MAX_CELLS] __attribute__((aligned(64)));
static struct op linked[MAX_CELLS], jumped, returned;
static struct jump_entry jumps[JUMPS], ring_entry, no_entry = { UINT64_MAX, NULL };

static void on_fault(const struct host_fault *fault)
{
    left_by = NULL;
    fault_addr = fault->addr - (uintptr_t)window;
    siglongjmp(out, 1);
}

static void leave(struct cpu *of, const struct op *op, uint8_t *base, uint64_t acc)
{
    (void)of;
    (void)base;
    (void)acc;
    left_by = op;
    siglongjmp(out, 1);
}

static void enter(const struct region_code *code, unsigned entry, struct cpu *on)
{
    interp_handler fn;
    const uint8_t *at = code_memory.run + code->entries[entry].at;

    memcpy(&fn, &at, sizeof fn);
    on->base = window;
    if (!sigsetjmp(out, 1)) {
        fn(on, cells, window, 0);
        ck_abort_msg("a region returned");
    }
}

static void load(const struct region_code *code)
{
    uint64_t words[2] = { (uintptr_t)cells, guest.code_at };

    ck_assert_uint_le(code->size, CODE_SIZE);
    ck_assert_uint_le(code->ncells, MAX_CELLS);
    memcpy(code_memory.write, code->code, code->size);
    memcpy(code_memory.write + code->cells_at, &words[0], 8);
    memcpy(code_memory.write + code->base_at, &words[1], 8);
    __builtin___clear_cache((char *)code_memory.run,
                            (char *)code_memory.run + code->size);
    for (unsigned i = 0; i < code->ncells; i++) {
        int32_t link = (int32_t)((uint8_t *)&linked[i] - (uint8_t *)&cells[i]);

        cells[i].fn = linked[i].fn = (interp_handler)(void *)leave;
        if (code->cells[i].kind == CELL_HELPER)
            cells[i].fn = code->cells[i].pc == REGION_HELPER_FP
                              ? (interp_handler)(uintptr_t)eval_fp_call
                              : (interp_handler)(uintptr_t)eval_flag_call;
        memcpy(cells[i].payload, &link, 4);
        if (code->cells[i].kind == CELL_COUNT)
            memset(&cells[i], 0, sizeof cells[i]);
    }
    jumped.fn = returned.fn = (interp_handler)(void *)leave;
}

/* ---------------------------------------------------------------------- running */

static unsigned sides, side_of[65536], runs, ended[8], replayed;

#define FAIL(...)                                                                        \
    do {                                                                                 \
        row_print(row);                                                                  \
        ck_abort_msg(__VA_ARGS__);                                                       \
    } while (0)

/* Nothing is in a delay slot where a region begins and ends. */
static void set_pc(const struct row *row, struct cpu *on, uint64_t pc)
{
    int32_t at = row_find(row, pc);

    on->pc = pc;
    on->npc = (pc + (at < 0 ? guest.isa->min_ilen : row->insns[at].ilen)) &
              mask64(guest.isa->pc_width);
}

/* The registers are those in front of instruction `region_at`: from there the evaluator
 * comes to the same fault, in the same state. */
static void check_fault(const struct row *row, struct cpu *on, const struct cpu *wanted,
                        int32_t last)
{
    int32_t at = row->is_precise ? (int32_t)on->region_at : 0;
    char text[256] = "";
    unsigned i = 0;

    if (wanted->event.kind != EXEC_MEM_FAULT)
        FAIL("a fault at %" PRIx64 " behind %s, but none of the evaluator", fault_addr,
             row_name(row, at));
    if (!row->is_precise) {
        if (fault_addr != wanted->event.addr ||
            memcmp(window + guest.data_at, memory[2], PAGE))
            FAIL("fault in %s: at another address, or memory differs",
                 row_name(row, last));
        return;
    }
    set_pc(row, on, row->insns[at].pc);
    on->event.kind = EXEC_NONE;
    memcpy(memory[1], window + guest.data_at, PAGE);
    while (i < LIMIT && !eval_step(on, &eval_memory_of_test))
        i++;
    replayed += i;
    if (on->event.kind != EXEC_MEM_FAULT)
        FAIL("fault in %s: none from %s (%d) on", row_name(row, last), row_name(row, at),
             at);
    if (cpu_compare(on, wanted, text, sizeof text))
        FAIL("fault in %s, from %s (%d) on: %s", row_name(row, last), row_name(row, at),
             at, text);
    if (on->event.addr != wanted->event.addr || on->event.access != wanted->event.access)
        FAIL("fault in %s: from %s (%d) on another", row_name(row, last),
             row_name(row, at), at);
    if (memcmp(memory[1], memory[2], PAGE))
        FAIL("fault in %s, from %s (%d) on: memory differs", row_name(row, last),
             row_name(row, at), at);
}

/* A region that was left by a cell has counted it, once. */
static void check_counts(const struct row *row, const struct region_code *code)
{
    uint64_t counted = 0;

    for (unsigned i = 0; row->counts && i < code->ncells; i++) {
        uint64_t count;

        if (code->cells[i].kind != CELL_COUNT)
            continue;
        memcpy(&count, &cells[i], sizeof count);
        memset(&cells[i], 0, sizeof cells[i]);
        counted += count;
    }
    if (row->counts && counted != (left_by != NULL))
        FAIL("%d exits counted", (int)counted);
}

/* The pc at which a region has left, by its kind of exit. */
static uint64_t exit_pc(const struct row *row, const struct region_code *code,
                        const struct cpu *on, unsigned *kind)
{
    ptrdiff_t number = left_by - cells;

    if (left_by == &jumped || left_by == &returned)
        return left_by == &jumped ? jumps[0].pc : ring_entry.pc;
    if (left_by >= linked && left_by < linked + code->ncells) {
        number = left_by - linked;
        *kind = CELL_GOTO;
        if (code->cells[number].kind != CELL_GOTO)
            FAIL("a link that is none");
        return guest.code_at + code->cells[number].pc;
    }
    if (number < 0 || number >= code->ncells)
        FAIL("left by no cell");
    *kind = code->cells[number].kind;
    if (*kind == CELL_JUMP || *kind == CELL_RETURN)
        return on->pc;
    return guest.code_at + code->cells[number].pc;
}

static void check_end(const struct row *row, const struct region_code *code,
                      struct cpu *on, struct cpu *wanted, int32_t last,
                      const struct cpu *start, int32_t entry)
{
    unsigned kind = 0xff;
    char text[256] = "";
    uint64_t pc, back, behind = row->insns[last].pc + row->insns[last].ilen;
    int32_t unused;

    ck_assert_ptr_eq(on->op, cells);
    if (!left_by) {
        check_fault(row, on, wanted, last);
        return;
    }
    pc = exit_pc(row, code, on, &kind);
    set_pc(row, on, pc);
    if (kind == CELL_SIDE) {
        struct cpu *again = cpu_clone(start);
        enum ending ending;

        memcpy(memory[1], memory[0], PAGE);
        ending = run_evaluator(row, again, entry, &unused, on, window + guest.data_at);
        if (ending != END_NONE) {
            cpu_compare(on, wanted, text, sizeof text);
            FAIL("side exit at %s: not a state of the evaluator (%d; %s)",
                 row_name(row, row_find(row, pc)), ending, text);
        }
        cpu_free(again);
        if (row->insns[row_find(row, pc)].is_side)
            return; /* as it was told to */
        sides++;
        side_of[row->insns[row_find(row, pc)].variant]++;
        return;
    }
    if (wanted->event.kind != EXEC_NONE)
        FAIL("%s: no trap or fault", row_name(row, last));
    if (cpu_compare(on, wanted, text, sizeof text))
        FAIL("after %s: %s", row_name(row, last), text);
    if (memcmp(window + guest.data_at, memory[1], PAGE))
        FAIL("after %s: memory differs", row_name(row, last));
    if (on->reserved_addr != wanted->reserved_addr)
        FAIL("after %s: reservation differs", row_name(row, last));
    if (row_has_call(row, last, &back) && left_by != &returned && pc != behind) {
        ptrdiff_t cell = (const struct op *)(const void *)on->ring[on->ring_top] - cells;

        if (cell < 0 || cell >= code->ncells || code->cells[cell].kind != CELL_CALLED ||
            code->cells[cell].pc + guest.code_at != back)
            FAIL("after %s: not in the ring", row_name(row, last));
    }
}

static void prepare_jumps(struct cpu *on, uint64_t pc)
{
    for (unsigned i = 0; i < JUMPS; i++)
        jumps[i] = no_entry;
    for (unsigned i = 0; i < CPU_RING; i++)
        on->ring[i] = &no_entry;
    on->jumps = jumps;
    on->jump_mask = 0; /* all share entry 0 */
    on->ring_top = (unsigned)rand() % CPU_RING;
    if (chance(2))
        jumps[0] = (struct jump_entry){ pc, &jumped };
    ring_entry = (struct jump_entry){ pc, &returned };
    if (chance(2))
        on->ring[on->ring_top] = &ring_entry;
}

/* What a CELL_ROW is for: registers are as they have to be at its first jump, or where
 * the row is left before.  false: a fault or trap showed them before. */
static bool finish_row(const struct row *row, struct cpu *on)
{
    int32_t at = row_find(row, on->pc);
    bool goes_on = true;

    memcpy(memory[1], window + guest.data_at, PAGE);
    while (goes_on && at != REGION_NONE) {
        uint64_t next = on->pc + row->insns[at].ilen;

        if (eval_step(on, &eval_memory_of_test))
            return false;
        goes_on = on->pc == next;
        at = row_follow(row, at, on->pc);
    }
    memcpy(window + guest.data_at, memory[1], PAGE);
    return true;
}

/* Kicked: somewhere the region has left by a cell. */
static void run_kicked(const struct row *row, const struct region_code *code,
                       unsigned number, int32_t entry)
{
    struct cpu *on = cpu_clone(guest.cpu), *again = cpu_clone(guest.cpu);
    unsigned kind = 0xff;
    char text[256] = "";
    enum ending ending;
    int32_t last;

    memcpy(window + guest.data_at, memory[0], PAGE);
    memcpy(memory[1], memory[0], PAGE);
    prepare_jumps(on, 0);
    on->kick = 1;
    enter(code, number, on);
    check_counts(row, code);
    if (left_by) {
        set_pc(row, on, exit_pc(row, code, on, &kind));
        if (left_by < cells || left_by >= cells + code->ncells)
            FAIL("a kick was not heard");
        if (kind == CELL_ROW && !finish_row(row, on))
            goto out;
        memcpy(memory[1], memory[0], PAGE);
        ending = run_evaluator(row, again, entry, &last, on, window + guest.data_at);
        cpu_compare(on, again, text, sizeof text);
        if (ending != END_NONE)
            FAIL("kicked at %" PRIx64 ": not a state of the evaluator (%s)", on->pc,
                 text);
    }
out:
    cpu_free(on);
    cpu_free(again);
}

static void run_row(const struct row *row, const struct region_code *code)
{
    unsigned number = 0;
    int32_t entry = 0, last = 0;
    struct cpu *on, *wanted;
    enum ending ending;

    guest_fill_registers(row);
    for (unsigned i = 0; i < PAGE; i++)
        memory[0][i] = (uint8_t)(chance(3) ? 0xff : rand());
    if (chance(2)) {
        number = (unsigned)rand() % code->nentries;
        entry = row_find(row, guest.code_at + code->entries[number].pc);
    }
    set_pc(row, guest.cpu, row->insns[entry].pc);
    guest.cpu->reserved_addr =
        chance(2) ? UINT64_MAX : guest.data_at + (uint64_t)rand() % 64 * 8;
    memcpy(&guest.cpu->reserved_value,
           memory[0] + guest.cpu->reserved_addr % PAGE / 8 * 8, 8);
    wanted = cpu_clone(guest.cpu);
    wanted->event.kind = EXEC_NONE;
    memcpy(memory[1], memory[0], PAGE);
    ending = run_evaluator(row, wanted, entry, &last, NULL, NULL);
    ended[ending]++;
    memcpy(memory[2], memory[1], PAGE);
    if (ending == END_LIMIT)
        run_kicked(row, code, number, entry);
    if (ending == END_LIMIT ||
        (ending == END_FAULT && wanted->event.addr >= WINDOW - PAGE)) {
        cpu_free(wanted);
        return;
    }
    on = cpu_clone(guest.cpu);
    prepare_jumps(on, wanted->pc);
    memcpy(window + guest.data_at, memory[0], PAGE);
    enter(code, number, on);
    check_counts(row, code);
    runs++;
    check_end(row, code, on, wanted, last, guest.cpu, entry);
    run_kicked(row, code, number, entry);
    cpu_free(on);
    cpu_free(wanted);
}

static void check_row(const struct row *row)
{
    struct region_request request = { .isa = guest.isa,
                                      .insns = row->insns,
                                      .slots = row->slots,
                                      .ninsns = row->count,
                                      .nslots = row->nslots,
                                      .base = guest.code_at,
                                      .is_precise = row->is_precise,
                                      .fp_flags = host_fp_flags(),
                                      .has_fma = host_has_fma(),
                                      .counts = row->counts };
    struct region_code code;
    char why[256] = "";

    if (getenv("V"))
        row_print(row);
    if (compiler->compile(&request, &code, why, sizeof why))
        FAIL("not compiled: %s", why);
    load(&code);
    for (unsigned i = 0; i < RUNS; i++)
        run_row(row, &code);
    compiler->release(&code);
}

/* -------------------------------------------------------------------- the tests */

static void start(const struct isa *of)
{
    int64_t at;

    guest_start(of);
    at = host_map(0, WINDOW, 0, HOST_NORESERVE, -1, 0);
    ck_assert_int_gt(at, 0);
    window = (uint8_t *)(uintptr_t)at;
    ck_assert_int_eq(
        host_protect((uintptr_t)window + guest.data_at, PAGE, HOST_READ | HOST_WRITE), 0);
    ck_assert_int_eq(host_protect((uintptr_t)window + guest.data_at + PAGE, PAGE,
                                  HOST_READ | HOST_WRITE),
                     0);
    for (unsigned i = 0; i < PAGE; i++)
        constant[i] = (uint8_t)rand();
    memcpy(window + guest.data_at + PAGE, constant, PAGE);
    ck_assert_int_eq(
        host_protect((uintptr_t)window + guest.data_at + PAGE, PAGE, HOST_READ), 0);
    ck_assert_int_eq(host_code_map(&code_memory, CODE_SIZE, (uintptr_t)leave), 0);
    host_catch_faults(on_fault, NULL);
}

static void finish(void)
{
    host_code_unmap(&code_memory);
    host_unmap((uintptr_t)window, WINDOW);
    guest_finish();
}

static void check_isa(const struct isa *of, unsigned rows)
{
    struct row *row = malloc(sizeof *row);

    start(of);
    for (unsigned i = 0; i < rows; i++) {
        uint32_t variant = rows < guest.isa->nchosen
                               ? (uint32_t)rand() % guest.isa->nchosen
                               : i % guest.isa->nchosen;

        guest_choose_mode(guest.isa->variants[variant].insn);
        if (row_make(row, variant))
            check_row(row);
    }
    finish();
    free(row);
}

static void check_and_report(const struct isa *of, unsigned rows)
{
    const char *only = getenv("ISA");

    if (only && strcmp(only, of->name))
        return;
    memset(side_of, 0, sizeof side_of);
    sides = runs = replayed = 0;
    memset(ended, 0, sizeof ended);
    check_isa(of, rows);
    printf("# %s: %u runs, %u left to the interpreter; exits %u, traps %u, faults %u, "
           "too long %u; %u instructions up to faults\n",
           of->name, runs, sides, ended[END_EXIT], ended[END_TRAP], ended[END_FAULT],
           ended[END_LIMIT], replayed);
    for (unsigned v = 0; getenv("SIDES") && v < of->nchosen; v++)
        if (side_of[v])
            printf("# %5u %s\n", side_of[v],
                   isa_string(of, of->insns[of->variants[v].insn].name));
}

static unsigned rows_wanted(unsigned otherwise)
{
    const char *seed = getenv("SEED"), *rows = getenv("ROWS");

    srand(seed ? (unsigned)atoi(seed) : 5);
    return rows ? (unsigned)atoi(rows) : otherwise;
}

START_TEST(regions_equal_the_evaluator)
{
    unsigned rows = rows_wanted(500);

    for (unsigned i = 0; interp_list[i]; i++)
        check_and_report(interp_list[i]->isa, rows);
}
END_TEST

/* All that the spec language has is in these. */
START_TEST(regions_of_other_specs_do_so)
{
    static const char specs[] = "{tests/isagen/hard,isa-specs/toys}/*.isa";
    unsigned rows = rows_wanted(200);
    char error[400];
    glob_t found;

    ck_assert_int_eq(glob(specs, GLOB_BRACE, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct isa *loaded = spec_load(found.gl_pathv[i], NULL, error, sizeof error);

        ck_assert_msg(loaded != NULL, "%s", error);
        check_and_report(loaded, rows);
        spec_free(loaded);
    }
    globfree(&found);
}
END_TEST

/* --------------------------------------------------------------- what it looks like */

/* Ended by NULL.  Its IR after all passes is the caller's. */
static char *compile_text(const char *const *texts)
{
    struct row *row = calloc(1, sizeof *row);
    struct region_request request = { .isa = guest.isa,
                                      .base = guest.code_at,
                                      .wants_ir = true };
    struct region_code code;
    char why[256] = "", *ir;

    row_of_texts(row, texts);
    request.insns = row->insns;
    request.slots = row->slots;
    request.ninsns = row->count;
    request.nslots = row->nslots;
    ck_assert_msg(!compiler->compile(&request, &code, why, sizeof why), "%s", why);
    check_row(row);
    ir = code.ir;
    code.ir = NULL;
    compiler->release(&code);
    free(row);
    return ir;
}

static unsigned count_of(const char *ir, const char *word)
{
    unsigned count = 0;

    while ((ir = strstr(ir, word)) != NULL) {
        ir += strlen(word);
        count++;
    }
    return count;
}

#define IR(...) compile_text((const char *const[]){ __VA_ARGS__, NULL })

/* A spec, in a mode that has the instruction `insn`. */
static struct isa *start_spec(const char *path, const char *insn)
{
    char error[400];
    struct isa *loaded = spec_load(path, NULL, error, sizeof error);
    uint16_t number = 0;

    ck_assert_msg(loaded != NULL, "%s", error);
    while (strcmp(isa_string(loaded, loaded->insns[number].name), insn))
        number++;
    start(loaded);
    guest_choose_mode(number);
    return loaded;
}

START_TEST(a_condition_of_known_flags_is_one_compare)
{
    struct isa *flags = start_spec("tests/isagen/hard/flags.isa", "cmp");
    char *ir = IR("cmp r1, r2", "mov r4, r5", "ble 0x10020");

    ck_assert_uint_eq(count_of(ir, "icmp sgt") + count_of(ir, "icmp sle"), 1);
    ck_assert_uint_eq(count_of(ir, "switch"), 0);
    free(ir);
    finish();
    spec_free(flags);
}
END_TEST

START_TEST(flags_that_nobody_reads_leave_no_code)
{
    struct isa *flags = start_spec("tests/isagen/hard/flags.isa", "cmp");
    char *once = IR("mov r1, r3", "cmp r1, r2");
    char *often = IR("cmp r2, r3", "mov r1, r3", "cmp r3, r1", "cmp r1, r2");

    ck_assert_uint_eq(count_of(often, "store"), count_of(once, "store"));
    free(once);
    free(often);
    finish();
    spec_free(flags);
}
END_TEST

START_TEST(lanes_are_a_vector)
{
    struct isa *x86 = start_spec("tests/isagen/hard/x86.isa", "paddd");
    char *ir = IR("paddd xmm1, xmm2");

    ck_assert_uint_eq(count_of(ir, "add <4 x i32>"), 1);
    free(ir);
    finish();
    spec_free(x86);
}
END_TEST

/* Nobody leaves it to the interpreter. */
START_TEST(carryless_products_are_lifted)
{
    struct isa *riscv = start_spec("isa-specs/riscv/riscv.isa", "clmul");
    char *ir;

    sides = 0;
    ir = IR("clmul a0, a1, a2", "clmulr a3, a1, a2", "clmulh a4, a1, a2");
    ck_assert_uint_eq(sides, 0);
    free(ir);
    finish();
    spec_free(riscv);
}
END_TEST

/* The way around is closed by the return, to behind the call that comes before; in some
 * rows: not all links are within. */
START_TEST(a_loop_that_a_return_closes_hears_a_kick)
{
    static const char *const texts[] = { "j 0x10008", "ret", "jal ra, 0x10002",
                                         "j 0x10004", NULL };
    struct isa *riscv = start_spec("isa-specs/riscv/riscv.isa", "jal");
    struct row *row = calloc(1, sizeof *row);

    for (unsigned i = 0; i < 16; i++) {
        row_of_texts(row, texts);
        row->insns[2].behind = 3;
        check_row(row);
    }
    free(row);
    finish();
    spec_free(riscv);
}
END_TEST

static void load_compiler(void)
{
    const char *folder = getenv("O");
    char path[4096];
    void *module;

    snprintf(path, sizeof path, "%s/rhea-llvm.so", folder ? folder : ".");
    module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module)
        compiler = dlsym(module, "rhea_region_compiler");
    else
        fprintf(stderr, "%s\n", dlerror());
}

int main(void)
{
    const TTest *const cases[] = {
        regions_equal_the_evaluator,
        regions_of_other_specs_do_so,
        a_condition_of_known_flags_is_one_compare,
        flags_that_nobody_reads_leave_no_code,
        lanes_are_a_vector,
        carryless_products_are_lifted,
        a_loop_that_a_return_closes_hears_a_kick,
    };

    load_compiler();
    if (!compiler) {
        fprintf(stderr,
                "no rhea_region_compiler: O must name the folder of rhea-llvm.so\n");
        return 1;
    }
    return run_cases_within("regions", 600, cases, COUNT(cases));
}
