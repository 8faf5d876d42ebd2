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
#include "interp/region.h"
#include "isa/decode.h"
#include "isa/eval.h"
#include "isa/sem.h"
#include "isa/state.h"
#include "isa/text.h"
#include "isagen/spec.h"
#include "run_cases.h"

enum {
    PAGE = 0x1000,
    MAX_INSNS = 72,
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
static const struct isa *isa;
static uint64_t code_at, data_at; /* guest addresses of pages */
static unsigned code_size;        /* bytes there that instructions may take */
static bool *is_fixed;            /* by file: its registers say which mode it is */
static struct cpu *cpu;
static uint8_t *window;         /* of the guest's memory, of which data_at is there */
static uint8_t bytes[PAGE];     /* the code */
static uint8_t memory[3][PAGE]; /* the data: at first, the evaluator's, and its end's */
static uint8_t constant[PAGE];  /* behind the data: can be read only */
static struct host_code code_memory;

/* -------------------------------------------------------------- the evaluator */

static uint8_t *find_byte(uint64_t addr, bool for_write)
{
    if (addr - data_at - PAGE < PAGE && !for_write)
        return &constant[addr - data_at - PAGE];
    return addr - data_at < PAGE ? &memory[1][addr - data_at] : NULL;
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
    bad_addr = addr - code_at < PAGE ? code_at + PAGE : addr;
    if (addr - code_at >= PAGE || addr - code_at + size > PAGE)
        return -1;
    memcpy(to, bytes + (addr - code_at), size);
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

/* -------------------------------------------------------------------- requests */

struct row {
    unsigned count, nslots;
    struct region_insn insns[MAX_INSNS];
    struct region_slot slots[MAX_INSNS * 16];
    struct isa_decoded decoded[MAX_INSNS];
    unsigned size; /* bytes of code */
    bool is_precise, counts_exits;
};

static bool chance(unsigned of)
{
    return (unsigned)rand() % of == 0;
}

static uint64_t random_field(const struct isa_field *field)
{
    for (unsigned i = 0; i < 30; i++) {
        uint64_t number = chance(3)   ? (uint64_t)rand() % 64
                          : chance(2) ? (1 + (uint64_t)rand() % 16) * 8
                          : chance(2) ? 8 + (uint64_t)rand() % 8
                          : chance(3) ? (uint64_t)0 - (uint64_t)rand() % 64
                                      : (uint64_t)rand() % 32;

        if (isa_field_fits(isa, field, number))
            return number;
    }
    return 0;
}

/* The bytes of an example of an instruction.  0: it has none. */
static unsigned copy_example(uint16_t insn, uint8_t *to)
{
    unsigned from = isa->nexamples ? (unsigned)rand() % isa->nexamples : 0;

    for (unsigned i = 0; i < isa->nexamples; i++) {
        struct isa_example example = isa_example(isa, (from + i) % isa->nexamples);

        if (example.insn != insn || example.length > ISA_MAX_ILEN)
            continue;
        memcpy(to, example.bytes, example.length);
        return example.length;
    }
    return 0;
}

static bool has_stream(void)
{
    const struct isa_fetch *fetch = isa_fetch_of(isa, cpu->mode);

    return fetch && fetch->stream != ISA_NONE;
}

/* Random fields seldom have an encoding of variable length: an example is changed. */
static unsigned encode_stream(uint16_t insn, uint8_t *to)
{
    unsigned length;

    for (unsigned i = 0; i < ISA_MAX_ILEN; i++)
        to[i] = (uint8_t)(chance(2) ? rand() : rand() % 8);
    length = copy_example(insn, to);
    for (unsigned n = (unsigned)rand() % 3; length && n; n--)
        to[(unsigned)rand() % length] ^= (uint8_t)(1 << rand() % 8);
    return length ? ISA_MAX_ILEN : 0;
}

/* Its length, at most: the decoder knows. */
static unsigned encode(const struct isa_decoded *insn, uint8_t *to)
{
    unsigned length = 0;

    if (has_stream())
        return encode_stream(insn->insn, to);
    if (chance(3))
        length = copy_example(insn->insn, to);
    return length ? length : isa_encode(isa, insn, to);
}

/* Encodings of variable length have too many variants to meet one by chance: any of its
 * instruction will do. */
static bool is_wanted(const struct isa_decoded *found, uint32_t variant)
{
    return has_stream() ? found->insn == isa->variants[variant].insn
                        : isa_choose(isa, found) == variant;
}

/* An instruction of a variant behind the row.  false: none was found. */
static bool add_insn(struct row *row, uint32_t variant, unsigned tries)
{
    uint64_t pc = code_at + row->size;

    if (row->size + 2 * ISA_MAX_ILEN > code_size || row->count + 3 > MAX_INSNS)
        return false;
    while (tries--) {
        struct isa_decoded insn = { .insn = isa->variants[variant].insn,
                                    .pc = pc,
                                    .mode = cpu->mode,
                                    .features = &cpu->features };
        struct isa_decoded *found = &row->decoded[row->count];
        const struct isa_insn *info = &isa->insns[insn.insn];
        unsigned length;

        for (unsigned f = 0; f < info->fields && !has_stream(); f++)
            insn.field[f] = random_field(&isa->fields_all[info->field + f]);
        for (unsigned i = 0; i < isa->variants[variant].slots; i++) {
            const struct isa_slot *slot = &isa->slots[isa->variants[variant].slot + i];

            if (slot->kind == SLOT_LINK && slot->quick)
                insn.field[slot->quick - 1] =
                    (uint64_t)(rand() % 40 * 2) - (row->size < 24 ? row->size : 24);
        }
        length = encode(&insn, bytes + row->size);
        if (!length)
            continue;
        isa_decode(isa, &cpu->features, cpu->mode, pc, bytes + row->size, length, found);
        if (found->insn == ISA_NONE || found->illegal || found->truncated ||
            !is_wanted(found, variant))
            continue;
        row->insns[row->count++] = (struct region_insn){
            .pc = pc,
            .variant = isa_choose(isa, found),
            .ilen = found->length,
            .behind = REGION_NONE,
            .guess_insn = REGION_NONE,
            .return_insn = REGION_NONE,
        };
        row->size += found->length;
        return true;
    }
    return false;
}

/* A RISC-V instruction of 4 bytes. */
static void add_word(struct row *row, uint32_t word)
{
    uint64_t pc = code_at + row->size;
    struct isa_decoded *found = &row->decoded[row->count];

    for (unsigned i = 0; i < 4; i++)
        bytes[row->size + i] = (uint8_t)(word >> 8 * i);
    isa_decode(isa, &cpu->features, cpu->mode, pc, bytes + row->size, 4, found);
    ck_assert_uint_ne(found->insn, ISA_NONE);
    row->insns[row->count++] = (struct region_insn){
        .pc = pc,
        .variant = isa_choose(isa, found),
        .ilen = 4,
        .behind = REGION_NONE,
        .guess_insn = REGION_NONE,
        .return_insn = REGION_NONE,
    };
    row->size += 4;
}

static int32_t insn_at(const struct row *row, uint64_t pc)
{
    for (unsigned i = 0; i < row->count; i++)
        if (row->insns[i].pc == pc)
            return (int32_t)i;
    return REGION_NONE;
}

/* Rows that are a loop which goes through memory until it faults. */
static bool is_scan, is_leaping; /* rows with a loop; with a jump to where a1 says */

static void fill_slots(struct row *row, unsigned number)
{
    struct region_insn *insn = &row->insns[number];
    const struct isa_variant *variant = &isa->variants[insn->variant];

    insn->slot = row->nslots;
    for (unsigned i = 0; i < variant->slots; i++) {
        const struct isa_slot *slot = &isa->slots[variant->slot + i];
        struct region_slot *out = &row->slots[row->nslots++];
        const struct isa_decoded *decoded = &row->decoded[number];

        *out = (struct region_slot){ .insn = REGION_NONE };
        out->value = slot->quick ? decoded->field[slot->quick - 1] +
                                       (uint64_t)(int64_t)slot->bias +
                                       (slot->plus_pc ? decoded->pc : 0)
                                 : isa_decode_value(isa, slot->expr, decoded);
        if (slot->is_signed && out->value >> 63)
            out->high = UINT64_MAX;
        if (slot->kind == SLOT_VALUE && slot->size > 8 && slot->expr.count)
            insn->is_side = true; /* as collect.c does */
        if (slot->kind == SLOT_LINK || slot->kind == SLOT_RETURN)
            out->value &= mask64(isa->pc_width);
        if (slot->kind != SLOT_LINK)
            continue;
        out->insn = insn_at(row, out->value);
        if (out->value == insn->pc + insn->ilen)
            out->insn = insn->next;
        else if (chance(is_scan ? 60 : 4))
            out->insn = REGION_NONE;
    }
}

/* What rows are made of, mostly. */
static enum taste { ANY, MEMORY, LOADS, FLOATS, BOTH, TASTES } taste;

/* Whether the variant is what is wanted, or something is anyway. */
static bool is_to_taste(struct sem_body body)
{
    bool loads = false, stores = false, floats = false;

    for (unsigned i = 0; i < body.count; i++) {
        unsigned op = isa->nodes[body.first + i].op;

        loads |= op == S_LD;
        stores |= op == S_ST || op == S_AMO || op == S_STCOND;
        floats |= op == S_FP;
    }
    switch (taste) {
    case MEMORY: return loads || stores;
    case LOADS: return loads && !stores;
    case FLOATS: return floats;
    case BOTH: return floats || loads || stores;
    default: return true;
    }
}

/* Any variant, but seldom one that is likely to be left to the interpreter. */
static uint32_t other_variant(void)
{
    bool any = chance(2);

    for (;; any |= chance(100)) {
        uint32_t variant = (uint32_t)rand() % isa->nchosen;
        struct sem_body body = isa->variants[variant].body;
        bool is_hard = false;

        for (unsigned i = 0; i < body.count; i++) {
            unsigned op = isa->nodes[body.first + i].op;

            is_hard |= (op == S_FP && taste < FLOATS) || op == S_SYSREAD ||
                       op == S_SYSWRITE || op == S_HELPER ||
                       (op == S_TRAP && body.count < 3);
        }
        if ((!is_hard || chance(40)) && (any || is_to_taste(body)))
            return variant;
    }
}

static bool is_call_insn(const struct row *row, unsigned number)
{
    struct sem_body body = isa->variants[row->insns[number].variant].body;
    bool found = false;

    for (unsigned i = 0; i < body.count; i++)
        found |= isa->nodes[body.first + i].op == S_GOTO &&
                 isa->nodes[body.first + i].x & GOTO_CALL;
    return found;
}

/* An indirect jump, or a call by one. */
static bool jumps_anywhere(const struct row *row, unsigned number)
{
    struct sem_body body = isa->variants[row->insns[number].variant].body;

    for (unsigned i = 0; i < body.count; i++) {
        const struct sem *node = &isa->nodes[body.first + i];

        if (node->op == S_GOTO && !(node->x & (GOTO_DIRECT | GOTO_RETURN)))
            return true;
    }
    return false;
}

/* A call of an instruction in the row. */
static bool calls_inside(const struct row *row, unsigned number)
{
    const struct region_insn *insn = &row->insns[number];
    struct sem_body body = isa->variants[insn->variant].body;

    for (unsigned i = 0; i < body.count; i++) {
        const struct sem *node = &isa->nodes[body.first + i];

        if (node->op == S_GOTO && node->x & GOTO_CALL)
            return node->x & GOTO_DIRECT
                       ? row->slots[insn->slot + node->a].insn != REGION_NONE
                       : insn->guess_insn != REGION_NONE;
    }
    return false;
}

static void end_scan(struct row *row)
{
    uint32_t back = 0u - row->size - 4;

    add_word(row, 0x10050513); /* addi a0, a0, 256 */
    add_word(row, 0x00051063 | (back >> 12 & 1) << 31 | (back >> 5 & 63) << 25 |
                      (back >> 1 & 15) << 8 | (back >> 11 & 1) << 7); /* bnez a0 */
}

/* `variant` somewhere in a row of others.  false: it has no instruction. */
static bool make_row(struct row *row, uint32_t variant)
{
    unsigned before = (unsigned)rand() % 5;
    unsigned after = chance(30) ? 50 : (unsigned)rand() % 6;

    taste = (enum taste)(rand() % TASTES);
    if (taste != ANY && chance(2))
        after += 10;
    is_scan = chance(3) && strncmp(isa->name, "riscv", 5) == 0;
    is_leaping = !is_scan && chance(3) && strncmp(isa->name, "riscv", 5) == 0;
    memset(row, 0, sizeof *row);
    memset(bytes, 0, sizeof bytes);
    if (is_scan)
        add_word(row, 0x00052603); /* lw a2, 0(a0) */
    while (before--)
        add_insn(row, other_variant(), 50);
    if (!add_insn(row, variant, has_stream() ? 100 : 3000))
        return false;
    if (is_leaping)
        add_word(row, chance(2) ? 0x000580e7 /* jalr a1 */ : 0x00058067 /* jr a1 */);
    while (after--)
        add_insn(row, other_variant(), 50);
    if (is_scan)
        end_scan(row);
    for (unsigned i = 0; i < row->count; i++) {
        struct region_insn *insn = &row->insns[i];

        insn->next = i + 1 < row->count && !chance(is_scan ? 60 : 16) ? (int32_t)i + 1
                                                                      : REGION_NONE;
        insn->is_entry = i == 0 || chance(8);
        insn->is_side = chance(60);
        if (chance(3)) { /* mostly behind a call */
            int32_t back = REGION_NONE;

            for (unsigned k = 0; k < row->count && (back < 0 || chance(2)); k++)
                if (is_call_insn(row, k) && k + 1 < row->count)
                    back = (int32_t)k + 1;
            insn->return_insn = back < 0 || chance(4) ? rand() % (int)row->count : back;
            insn->return_pc = row->insns[insn->return_insn].pc;
        }
    }
    for (unsigned i = 0; i < row->count; i++) {
        fill_slots(row, i);
        if (jumps_anywhere(row, i) && !chance(3)) {
            row->insns[i].guess_insn = rand() % (int)row->count;
            row->insns[i].guess_pc = row->insns[row->insns[i].guess_insn].pc;
        }
        if (i + 1 < row->count && calls_inside(row, i) && !chance(3))
            row->insns[i].behind = (int32_t)i + 1;
    }
    row->is_precise = chance(2);
    row->counts_exits = chance(4);
    return true;
}

/* ----------------------------------------------------------------- what happens */

enum ending { END_NONE, END_EXIT, END_TRAP, END_FAULT, END_LIMIT };

/* The ring, as far as it has calls within the row: the instructions behind them. */
static int32_t ring_model[CPU_RING];
static unsigned ring_model_top;

static void clear_ring_model(void)
{
    for (unsigned i = 0; i < CPU_RING; i++)
        ring_model[i] = REGION_NONE;
}

/* Of a call within the row. */
static void push_ring_model(const struct region_insn *call)
{
    if (call->behind == REGION_NONE)
        return;
    ring_model_top = (ring_model_top + 1) % CPU_RING;
    ring_model[ring_model_top] = call->behind;
}

/* To behind the newest call, if that is where the return leads. */
static int32_t pop_ring_model(const struct row *row, uint64_t pc)
{
    int32_t behind = ring_model[ring_model_top];

    if (behind == REGION_NONE || row->insns[behind].pc != pc)
        return REGION_NONE;
    ring_model_top = (ring_model_top - 1) % CPU_RING;
    return behind;
}

/* Where control goes after `at`, which has been executed: an instruction, or -1. */
static int32_t follow(const struct row *row, int32_t at, uint64_t pc)
{
    const struct region_insn *insn = &row->insns[at];
    const struct isa_variant *variant = &isa->variants[insn->variant];

    if (pc == ((insn->pc + insn->ilen) & mask64(isa->pc_width)) &&
        (!(variant->flags & VAR_ENDS_BLOCK) ||
         region_has_plain_sysregs(isa, variant, &row->slots[insn->slot])))
        return insn->next;
    for (unsigned i = 0; i < variant->slots; i++)
        if (isa->slots[variant->slot + i].kind == SLOT_LINK &&
            row->slots[insn->slot + i].value == pc) {
            push_ring_model(insn);
            return row->slots[insn->slot + i].insn;
        }
    if (insn->guess_insn != REGION_NONE && insn->guess_pc == pc) {
        push_ring_model(insn);
        return insn->guess_insn;
    }
    for (unsigned i = 0; i < variant->body.count; i++) {
        const struct sem *node = &isa->nodes[variant->body.first + i];

        if (node->op == S_GOTO && node->x & GOTO_RETURN && !(node->x & GOTO_DIRECT))
            return insn->return_insn != REGION_NONE && insn->return_pc == pc
                       ? insn->return_insn
                       : pop_ring_model(row, pc);
    }
    return REGION_NONE;
}

/* Runs the evaluator on `on` from instruction `at` until it leaves the row.  *last: the
 * instruction that was executed last.  With `seen`: until it is at that pc in that state.
 */
static enum ending run_evaluator(const struct row *row, struct cpu *on, int32_t at,
                                 int32_t *last, struct cpu *seen, const uint8_t *data)
{
    char text[256];

    clear_ring_model();
    for (unsigned i = 0; i < LIMIT; i++) {
        if (seen && seen->pc == on->pc && !cpu_compare(seen, on, text, sizeof text) &&
            !memcmp(data, memory[1], PAGE))
            return END_NONE;
        *last = at;
        if (eval_step(on, &eval_memory_of_test))
            return on->event.kind == EXEC_MEM_FAULT ? END_FAULT : END_TRAP;
        at = follow(row, at, on->pc);
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
    uint64_t words[2] = { (uintptr_t)cells, code_at };

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

/* Numbers that floating point makes something of. */
static uint64_t random_float(void)
{
    static const double numbers[] = {
        0, -0.0, 1, -2.5, 3e300, 1e-310, 0.1, 7, 1e10, -1e-3
    };
    double number = numbers[(unsigned)rand() % (sizeof numbers / sizeof *numbers)];
    float small = (float)number;
    uint64_t bits = 0;

    if (chance(3))
        memcpy(&bits, &small, sizeof small);
    else
        memcpy(&bits, &number, sizeof number);
    return bits | (bits >> 32 || chance(9) ? 0 : UINT64_C(0xffffffff) << 32);
}

/* An address, a number, or both; 1 of `faulty` is the address of nothing. */
static uint64_t random_value(unsigned faulty)
{
    uint64_t value = data_at + (uint64_t)rand() % 64 * 8;

    if (faulty && chance(faulty))
        return value + 3 * PAGE;
    if (chance(8))
        return value + PAGE;
    if (chance(6))
        return (uint64_t)rand() << 33 ^ (uint64_t)rand() << 5 ^ (uint64_t)rand();
    if (chance(4))
        return (uint64_t)0 - (uint64_t)rand() % 3;
    return chance(4) ? code_at + (uint64_t)rand() % 48 : value;
}

/* Flags are settled, or what any flagfn left. */
static void fill_flags(void)
{
    for (unsigned g = 0; g < isa->nflags; g++) {
        const struct isa_flags *flags = &isa->flags[g];
        unsigned number = (unsigned)rand() % (isa->nflagfns + 1u);
        const struct isa_flagfn *fn = &isa->flagfns[number - 1];

        flags_settle(cpu, g);
        for (unsigned k = 0; k < flags->count && !is_fixed[flags->bits_file]; k++)
            flags_put(cpu, g, k, chance(2));
        if (flags->kind_file == ISA_NONE || !number || fn->group != g ||
            is_fixed[flags->bits_file])
            continue;
        for (unsigned i = 0; i < fn->args; i++) {
            struct fp128 value = u128(random_value(0), random_value(0));

            state_put(cpu, flags->args_file, i, 0, fn->arg_w[i],
                      value_mask(value, fn->arg_w[i]));
        }
        state_put(cpu, flags->kind_file, 0, 0, isa->files[flags->kind_file].width,
                  u128(0, number));
    }
}

static bool holds_flags(unsigned file)
{
    for (unsigned g = 0; g < isa->nflags; g++)
        if (file == isa->flags[g].bits_file || file == isa->flags[g].kind_file ||
            file == isa->flags[g].args_file)
            return true;
    return false;
}

static void fill_element(unsigned file, unsigned index, unsigned faulty)
{
    unsigned width = isa->files[file].width;

    for (unsigned low = 0; low < width; low += 64) {
        unsigned bits = width - low < 64 ? width - low : 64;
        uint64_t value = random_value(faulty);

        if (isa->files[file].count == 1 && width <= 64)
            value = width < 5 || chance(2) ? 0 : (uint64_t)rand() % 32;
        if (isa->files[file].count > 1 && bits == 64 && file != 0 && chance(2))
            value = random_float();
        state_put(cpu, file, index, low, bits, value_mask(u128(0, value), bits));
    }
}

/* Some rows of runs fault often. */
static void fill_registers(const struct row *row)
{
    unsigned faulty = chance(2) ? 0 : 1 + (unsigned)rand() % 16;

    for (unsigned f = 0; f < isa->nfiles; f++)
        for (unsigned i = 0; i < isa->files[f].count; i++) {
            bool is_zero = false;

            for (unsigned v = 0; v < isa->nviews; v++)
                is_zero |= isa->views[v].file == f && isa->views[v].zero == i;
            if (!isa->files[f].hidden && !is_zero && !is_fixed[f] && !holds_flags(f))
                fill_element(f, i, faulty);
            if (is_leaping && f == 0 && i == 11 && !chance(6))
                state_put(cpu, f, i, 0, isa->files[f].width,
                          u128(0, row->insns[(unsigned)rand() % row->count].pc));
        }
    fill_flags();
}

static const char *name_of(const struct row *row, int32_t insn)
{
    return isa_string(isa, isa->insns[isa->variants[row->insns[insn].variant].insn].name);
}

static void print_row(const struct row *row)
{
    for (unsigned i = 0; i < row->count; i++) {
        fprintf(stderr, "  %u%s%s %08" PRIx64 " %s next %d", i,
                row->insns[i].is_entry ? " entry" : "",
                row->insns[i].is_side ? " side" : "", row->insns[i].pc,
                name_of(row, (int32_t)i), row->insns[i].next);
        for (unsigned k = 0; k < isa->variants[row->insns[i].variant].slots; k++)
            fprintf(stderr, " %" PRIx64 "(%d)", row->slots[row->insns[i].slot + k].value,
                    row->slots[row->insns[i].slot + k].insn);
        fprintf(stderr, "\n");
    }
}

#define FAIL(...)                                                                        \
    do {                                                                                 \
        print_row(row);                                                                  \
        ck_abort_msg(__VA_ARGS__);                                                       \
    } while (0)

/* Nothing is in a delay slot where a region begins and ends. */
static void set_pc(const struct row *row, struct cpu *on, uint64_t pc)
{
    int32_t at = insn_at(row, pc);

    on->pc = pc;
    on->npc =
        (pc + (at < 0 ? isa->min_ilen : row->insns[at].ilen)) & mask64(isa->pc_width);
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
             name_of(row, at));
    if (!row->is_precise) {
        if (fault_addr != wanted->event.addr || memcmp(window + data_at, memory[2], PAGE))
            FAIL("fault in %s: at another address, or memory differs",
                 name_of(row, last));
        return;
    }
    set_pc(row, on, row->insns[at].pc);
    on->event.kind = EXEC_NONE;
    memcpy(memory[1], window + data_at, PAGE);
    while (i < LIMIT && !eval_step(on, &eval_memory_of_test))
        i++;
    replayed += i;
    if (on->event.kind != EXEC_MEM_FAULT)
        FAIL("fault in %s: none from %s (%d) on", name_of(row, last), name_of(row, at),
             at);
    if (cpu_compare(on, wanted, text, sizeof text))
        FAIL("fault in %s, from %s (%d) on: %s", name_of(row, last), name_of(row, at), at,
             text);
    if (on->event.addr != wanted->event.addr || on->event.access != wanted->event.access)
        FAIL("fault in %s: from %s (%d) on another", name_of(row, last), name_of(row, at),
             at);
    if (memcmp(memory[1], memory[2], PAGE))
        FAIL("fault in %s, from %s (%d) on: memory differs", name_of(row, last),
             name_of(row, at), at);
}

/* A region that was left by a cell has counted it, once. */
static void check_counts(const struct row *row, const struct region_code *code)
{
    uint64_t counted = 0;

    for (unsigned i = 0; row->counts_exits && i < code->ncells; i++) {
        uint64_t count;

        if (code->cells[i].kind != CELL_COUNT)
            continue;
        memcpy(&count, &cells[i], sizeof count);
        memset(&cells[i], 0, sizeof cells[i]);
        counted += count;
    }
    if (row->counts_exits && counted != (left_by != NULL))
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
        return code_at + code->cells[number].pc;
    }
    if (number < 0 || number >= code->ncells)
        FAIL("left by no cell");
    *kind = code->cells[number].kind;
    if (*kind == CELL_JUMP || *kind == CELL_RETURN)
        return on->pc;
    return code_at + code->cells[number].pc;
}

static bool is_call(const struct row *row, int32_t insn, uint64_t *back)
{
    const struct isa_variant *variant = &isa->variants[row->insns[insn].variant];

    for (unsigned i = 0; i < variant->body.count; i++) {
        const struct sem *node = &isa->nodes[variant->body.first + i];

        if (node->op == S_GOTO && node->x & GOTO_CALL && node->b != ISA_NONE) {
            *back = row->slots[row->insns[insn].slot + node->b].value;
            return true;
        }
    }
    return false;
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
        ending = run_evaluator(row, again, entry, &unused, on, window + data_at);
        if (ending != END_NONE) {
            cpu_compare(on, wanted, text, sizeof text);
            FAIL("side exit at %s: not a state of the evaluator (%d; %s)",
                 name_of(row, insn_at(row, pc)), ending, text);
        }
        cpu_free(again);
        if (row->insns[insn_at(row, pc)].is_side)
            return; /* as it was told to */
        sides++;
        side_of[row->insns[insn_at(row, pc)].variant]++;
        return;
    }
    if (wanted->event.kind != EXEC_NONE)
        FAIL("%s: no trap or fault", name_of(row, last));
    if (cpu_compare(on, wanted, text, sizeof text))
        FAIL("after %s: %s", name_of(row, last), text);
    if (memcmp(window + data_at, memory[1], PAGE))
        FAIL("after %s: memory differs", name_of(row, last));
    if (on->reserved_addr != wanted->reserved_addr)
        FAIL("after %s: reservation differs", name_of(row, last));
    if (is_call(row, last, &back) && left_by != &returned && pc != behind) {
        ptrdiff_t cell = (const struct op *)(const void *)on->ring[on->ring_top] - cells;

        if (cell < 0 || cell >= code->ncells || code->cells[cell].kind != CELL_CALLED ||
            code->cells[cell].pc + code_at != back)
            FAIL("after %s: not in the ring", name_of(row, last));
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
    int32_t at = insn_at(row, on->pc);
    bool goes_on = true;

    memcpy(memory[1], window + data_at, PAGE);
    while (goes_on && at != REGION_NONE) {
        uint64_t next = on->pc + row->insns[at].ilen;

        if (eval_step(on, &eval_memory_of_test))
            return false;
        goes_on = on->pc == next;
        at = follow(row, at, on->pc);
    }
    memcpy(window + data_at, memory[1], PAGE);
    return true;
}

/* Kicked: somewhere the region has left by a cell. */
static void run_kicked(const struct row *row, const struct region_code *code,
                       unsigned number, int32_t entry)
{
    struct cpu *on = cpu_clone(cpu), *again = cpu_clone(cpu);
    unsigned kind = 0xff;
    char text[256] = "";
    enum ending ending;
    int32_t last;

    memcpy(window + data_at, memory[0], PAGE);
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
        ending = run_evaluator(row, again, entry, &last, on, window + data_at);
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

    fill_registers(row);
    for (unsigned i = 0; i < PAGE; i++)
        memory[0][i] = (uint8_t)(chance(3) ? 0xff : rand());
    if (chance(2)) {
        number = (unsigned)rand() % code->nentries;
        entry = insn_at(row, code_at + code->entries[number].pc);
    }
    set_pc(row, cpu, row->insns[entry].pc);
    cpu->reserved_addr = chance(2) ? UINT64_MAX : data_at + (uint64_t)rand() % 64 * 8;
    memcpy(&cpu->reserved_value, memory[0] + cpu->reserved_addr % PAGE / 8 * 8, 8);
    wanted = cpu_clone(cpu);
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
    on = cpu_clone(cpu);
    prepare_jumps(on, wanted->pc);
    memcpy(window + data_at, memory[0], PAGE);
    enter(code, number, on);
    check_counts(row, code);
    runs++;
    check_end(row, code, on, wanted, last, cpu, entry);
    run_kicked(row, code, number, entry);
    cpu_free(on);
    cpu_free(wanted);
}

static void check_row(const struct row *row)
{
    struct region_request request = { .isa = isa,
                                      .insns = row->insns,
                                      .slots = row->slots,
                                      .ninsns = row->count,
                                      .nslots = row->nslots,
                                      .base = code_at,
                                      .is_precise = row->is_precise,
                                      .fp_flags = host_fp_flags(),
                                      .has_fma = host_has_fma(),
                                      .counts_exits = row->counts_exits };
    struct region_code code;
    char why[256] = "";

    if (getenv("V"))
        print_row(row);
    if (compiler->compile(&request, &code, why, sizeof why))
        FAIL("not compiled: %s", why);
    load(&code);
    for (unsigned i = 0; i < RUNS; i++)
        run_row(row, &code);
    compiler->release(&code);
}

/* -------------------------------------------------------------------- the tests */

/* What its modes are computed from must stay as it is: a region is all in one mode. */
static void find_fixed(void)
{
    is_fixed = calloc(isa->nfiles, 1);
    for (unsigned m = 0; m < isa->nmodes; m++)
        for (unsigned i = 0; i < isa->modes[m].value.count; i++) {
            const struct sem *node = &isa->nodes[isa->modes[m].value.first + i];

            if (node->op == S_GETF || node->op == S_GETX)
                is_fixed[node->a] = true;
            if (node->op == S_FLAG)
                is_fixed[isa->flags[node->a].bits_file] = true;
        }
}

static void start(const struct isa *of)
{
    bool is_small = of->pc_width < 32;
    int64_t at;

    isa = of;
    code_at = is_small ? 0 : 0x10000;
    data_at = is_small ? 0 : 0x20000;
    code_size = of->pc_width < 12 ? 1u << of->pc_width : PAGE;
    find_fixed();
    cpu = cpu_new(isa, NULL);
    at = host_map(0, WINDOW, 0, HOST_NORESERVE, -1, 0);
    ck_assert_int_gt(at, 0);
    window = (uint8_t *)(uintptr_t)at;
    ck_assert_int_eq(
        host_protect((uintptr_t)window + data_at, PAGE, HOST_READ | HOST_WRITE), 0);
    ck_assert_int_eq(
        host_protect((uintptr_t)window + data_at + PAGE, PAGE, HOST_READ | HOST_WRITE),
        0);
    for (unsigned i = 0; i < PAGE; i++)
        constant[i] = (uint8_t)rand();
    memcpy(window + data_at + PAGE, constant, PAGE);
    ck_assert_int_eq(host_protect((uintptr_t)window + data_at + PAGE, PAGE, HOST_READ),
                     0);
    ck_assert_int_eq(host_code_map(&code_memory, CODE_SIZE, (uintptr_t)leave), 0);
    host_catch_faults(on_fault, NULL);
}

/* The mode of an example, of this instruction if it has one. */
static void choose_mode(uint16_t insn)
{
    unsigned from = isa->nexamples ? (unsigned)rand() % isa->nexamples : 0;

    for (unsigned i = 0; i < 2 * isa->nexamples; i++) {
        struct isa_example example = isa_example(isa, (from + i) % isa->nexamples);
        struct cpu *other;

        if (example.insn != insn && i < isa->nexamples)
            continue;
        other = example_cpu(isa, &example, NULL, NULL);
        if (other->mode == eval_mode(other)) {
            cpu_free(cpu);
            cpu = other;
            return;
        }
        cpu_free(other);
    }
}

static void finish(void)
{
    host_code_unmap(&code_memory);
    host_unmap((uintptr_t)window, WINDOW);
    cpu_free(cpu);
    free(is_fixed);
}

static void check_isa(const struct isa *of, unsigned rows)
{
    struct row *row = malloc(sizeof *row);

    start(of);
    for (unsigned i = 0; i < rows; i++) {
        uint32_t variant =
            rows < isa->nchosen ? (uint32_t)rand() % isa->nchosen : i % isa->nchosen;

        choose_mode(isa->variants[variant].insn);
        if (make_row(row, variant))
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

/* Instructions one after the other, the first one an entry. */
static void add_text(struct row *row, const char *text)
{
    struct isa_decoded *found = &row->decoded[row->count];
    uint64_t pc = code_at + row->size;
    char error[200];
    unsigned length = isa_assemble(isa, &cpu->features, cpu->mode, pc, text,
                                   bytes + row->size, error, sizeof error);

    ck_assert_msg(length, "%s: %s", text, error);
    isa_decode(isa, &cpu->features, cpu->mode, pc, bytes + row->size, length, found);
    row->insns[row->count] = (struct region_insn){ .pc = pc,
                                                   .variant = isa_choose(isa, found),
                                                   .ilen = (uint8_t)length,
                                                   .is_entry = row->count == 0,
                                                   .behind = REGION_NONE,
                                                   .return_insn = REGION_NONE };
    row->count++;
    row->size += length;
}

/* Ended by NULL.  Its IR after all passes is the caller's. */
static char *compile_text(const char *const *texts)
{
    struct row *row = calloc(1, sizeof *row);
    struct region_request request = { .isa = isa, .base = code_at, .wants_ir = true };
    struct region_code code;
    char why[256] = "", *ir;

    while (*texts)
        add_text(row, *texts++);
    for (unsigned i = 0; i < row->count; i++) {
        row->insns[i].next = i + 1 < row->count ? (int32_t)i + 1 : REGION_NONE;
        fill_slots(row, i);
    }
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
    choose_mode(number);
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
    };

    load_compiler();
    if (!compiler) {
        fprintf(stderr,
                "no rhea_region_compiler: O must name the folder of rhea-llvm.so\n");
        return 1;
    }
    return run_cases_within("regions", 600, cases, COUNT(cases));
}
