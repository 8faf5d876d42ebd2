/* region_rows.c - rows of instructions, and registers for them. */
#include "region_rows.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/eval.h"
#include "isa/sem.h"
#include "isa/state.h"
#include "isa/text.h"

struct guest guest;

bool chance(unsigned of)
{
    return (unsigned)rand() % of == 0;
}

/* ------------------------------------------------------------------------ the guest */

/* What its modes are computed from must stay as it is: a region is all in one mode. */
static void find_fixed(void)
{
    guest.is_fixed = calloc(guest.isa->nfiles, 1);
    for (unsigned m = 0; m < guest.isa->nmodes; m++)
        for (unsigned i = 0; i < guest.isa->modes[m].value.count; i++) {
            const struct sem *node =
                &guest.isa->nodes[guest.isa->modes[m].value.first + i];

            if (node->op == S_GETF || node->op == S_GETX)
                guest.is_fixed[node->a] = true;
            if (node->op == S_FLAG)
                guest.is_fixed[guest.isa->flags[node->a].bits_file] = true;
        }
}

void guest_start(const struct isa *isa)
{
    bool is_small = isa->pc_width < 32;

    guest.isa = isa;
    guest.code_at = is_small ? 0 : 0x10000;
    guest.data_at = is_small ? 0 : 0x20000;
    guest.code_size = isa->pc_width < 12 ? 1u << isa->pc_width : PAGE;
    find_fixed();
    guest.cpu = cpu_new(isa, NULL);
}

void guest_finish(void)
{
    cpu_free(guest.cpu);
    free(guest.is_fixed);
}

void guest_choose_mode(uint16_t insn)
{
    unsigned from = guest.isa->nexamples ? (unsigned)rand() % guest.isa->nexamples : 0;

    for (unsigned i = 0; i < 2 * guest.isa->nexamples; i++) {
        struct isa_example example =
            isa_example(guest.isa, (from + i) % guest.isa->nexamples);
        struct cpu *other;

        if (example.insn != insn && i < guest.isa->nexamples)
            continue;
        other = example_cpu(guest.isa, &example, NULL, NULL);
        if (other->mode == eval_mode(other)) {
            cpu_free(guest.cpu);
            guest.cpu = other;
            return;
        }
        cpu_free(other);
    }
}

/* --------------------------------------------------------------------- instructions */

static uint64_t random_field(const struct isa_field *field)
{
    for (unsigned i = 0; i < 30; i++) {
        uint64_t number = chance(3)   ? (uint64_t)rand() % 64
                          : chance(2) ? (1 + (uint64_t)rand() % 16) * 8
                          : chance(2) ? 8 + (uint64_t)rand() % 8
                          : chance(3) ? (uint64_t)0 - (uint64_t)rand() % 64
                                      : (uint64_t)rand() % 32;

        if (isa_field_fits(guest.isa, field, number))
            return number;
    }
    return 0;
}

/* The bytes of an example of an instruction.  0: it has none. */
static unsigned copy_example(uint16_t insn, uint8_t *to)
{
    unsigned from = guest.isa->nexamples ? (unsigned)rand() % guest.isa->nexamples : 0;

    for (unsigned i = 0; i < guest.isa->nexamples; i++) {
        struct isa_example example =
            isa_example(guest.isa, (from + i) % guest.isa->nexamples);

        if (example.insn != insn || example.length > ISA_MAX_ILEN)
            continue;
        memcpy(to, example.bytes, example.length);
        return example.length;
    }
    return 0;
}

static bool has_stream(void)
{
    const struct isa_fetch *fetch = isa_fetch_of(guest.isa, guest.cpu->mode);

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
    return length ? length : isa_encode(guest.isa, insn, to);
}

/* Encodings of variable length have too many variants to meet one by chance: any of its
 * instruction will do. */
static bool is_wanted(const struct isa_decoded *found, uint32_t variant)
{
    return has_stream() ? found->insn == guest.isa->variants[variant].insn
                        : isa_choose(guest.isa, found) == variant;
}

/* What stands behind the row.  false: no instruction. */
static bool decode_next(struct row *row, unsigned length)
{
    struct isa_decoded *found = &row->decoded[row->count];

    isa_decode(guest.isa, &guest.cpu->features, guest.cpu->mode,
               guest.code_at + row->size, guest.code + row->size, length, found);
    return found->insn != ISA_NONE && !found->illegal && !found->truncated;
}

/* What was decoded, as an instruction that leads nowhere yet. */
static void append(struct row *row)
{
    const struct isa_decoded *found = &row->decoded[row->count];

    row->insns[row->count++] = (struct region_insn){
        .pc = found->pc,
        .variant = isa_choose(guest.isa, found),
        .ilen = found->length,
        .next = REGION_NONE,
        .behind = REGION_NONE,
        .guess_insn = REGION_NONE,
        .return_insn = REGION_NONE,
    };
    row->size += found->length;
}

/* An instruction of a variant behind the row.  false: none was found. */
static bool add_insn(struct row *row, uint32_t variant, unsigned tries)
{
    uint64_t pc = guest.code_at + row->size;

    if (row->size + 2 * ISA_MAX_ILEN > guest.code_size || row->count + 3 > MAX_INSNS)
        return false;
    while (tries--) {
        const struct isa_variant *wanted = &guest.isa->variants[variant];
        struct isa_decoded insn = { .insn = wanted->insn,
                                    .pc = pc,
                                    .mode = guest.cpu->mode,
                                    .features = &guest.cpu->features };
        const struct isa_insn *info = &guest.isa->insns[insn.insn];
        unsigned length;

        for (unsigned f = 0; f < info->fields && !has_stream(); f++)
            insn.field[f] = random_field(&guest.isa->fields_all[info->field + f]);
        for (unsigned i = 0; i < wanted->slots; i++) {
            const struct isa_slot *slot = &guest.isa->slots[wanted->slot + i];

            if (slot->kind == SLOT_LINK && slot->quick)
                insn.field[slot->quick - 1] =
                    (uint64_t)(rand() % 40 * 2) - (row->size < 24 ? row->size : 24);
        }
        length = encode(&insn, guest.code + row->size);
        if (length && decode_next(row, length) &&
            is_wanted(&row->decoded[row->count], variant)) {
            append(row);
            return true;
        }
    }
    return false;
}

/* A RISC-V instruction of 4 bytes. */
static void add_word(struct row *row, uint32_t word)
{
    for (unsigned i = 0; i < 4; i++)
        guest.code[row->size + i] = (uint8_t)(word >> 8 * i);
    ck_assert(decode_next(row, 4));
    append(row);
}

int32_t row_find(const struct row *row, uint64_t pc)
{
    for (unsigned i = 0; i < row->count; i++)
        if (row->insns[i].pc == pc)
            return (int32_t)i;
    return REGION_NONE;
}

static void fill_slots(struct row *row, unsigned number)
{
    struct region_insn *insn = &row->insns[number];
    const struct isa_variant *variant = &guest.isa->variants[insn->variant];

    insn->slot = row->nslots;
    for (unsigned i = 0; i < variant->slots; i++) {
        const struct isa_slot *slot = &guest.isa->slots[variant->slot + i];
        struct region_slot *out = &row->slots[row->nslots++];
        const struct isa_decoded *decoded = &row->decoded[number];

        *out = (struct region_slot){ .insn = REGION_NONE };
        out->value = slot->quick ? decoded->field[slot->quick - 1] +
                                       (uint64_t)(int64_t)slot->bias +
                                       (slot->plus_pc ? decoded->pc : 0)
                                 : isa_decode_value(guest.isa, slot->expr, decoded);
        if (slot->is_signed && out->value >> 63)
            out->high = UINT64_MAX;
        if (slot->kind == SLOT_VALUE && slot->size > 8 && slot->expr.count)
            insn->is_side = true; /* as collect.c does */
        if (slot->kind == SLOT_LINK || slot->kind == SLOT_RETURN)
            out->value &= mask64(guest.isa->pc_width);
        if (slot->kind != SLOT_LINK)
            continue;
        out->insn = row_find(row, out->value);
        if (out->value == insn->pc + insn->ilen)
            out->insn = insn->next;
        else if (chance(row->is_scan ? 60 : 4))
            out->insn = REGION_NONE;
    }
}

/* ---------------------------------------------------------------------- random rows */

/* What rows are made of, mostly. */
static enum taste { ANY, MEMORY, LOADS, FLOATS, BOTH, TASTES } taste;

/* Whether the variant is what is wanted, or something is anyway. */
static bool is_to_taste(struct sem_body body)
{
    bool loads = false, stores = false, floats = false;

    for (unsigned i = 0; i < body.count; i++) {
        unsigned op = guest.isa->nodes[body.first + i].op;

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
        uint32_t variant = (uint32_t)rand() % guest.isa->nchosen;
        struct sem_body body = guest.isa->variants[variant].body;
        bool is_hard = false;

        for (unsigned i = 0; i < body.count; i++) {
            unsigned op = guest.isa->nodes[body.first + i].op;

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
    struct sem_body body = guest.isa->variants[row->insns[number].variant].body;
    bool found = false;

    for (unsigned i = 0; i < body.count; i++)
        found |= guest.isa->nodes[body.first + i].op == S_GOTO &&
                 guest.isa->nodes[body.first + i].x & GOTO_CALL;
    return found;
}

/* An indirect jump, or a call by one. */
static bool jumps_anywhere(const struct row *row, unsigned number)
{
    struct sem_body body = guest.isa->variants[row->insns[number].variant].body;

    for (unsigned i = 0; i < body.count; i++) {
        const struct sem *node = &guest.isa->nodes[body.first + i];

        if (node->op == S_GOTO && !(node->x & (GOTO_DIRECT | GOTO_RETURN)))
            return true;
    }
    return false;
}

/* A call of an instruction in the row. */
static bool calls_inside(const struct row *row, unsigned number)
{
    const struct region_insn *insn = &row->insns[number];
    struct sem_body body = guest.isa->variants[insn->variant].body;

    for (unsigned i = 0; i < body.count; i++) {
        const struct sem *node = &guest.isa->nodes[body.first + i];

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

/* Where instructions lead that do not jump, and where returns do. */
static void choose_edges(struct row *row)
{
    for (unsigned i = 0; i < row->count; i++) {
        struct region_insn *insn = &row->insns[i];

        insn->next = i + 1 < row->count && !chance(row->is_scan ? 60 : 16)
                         ? (int32_t)i + 1
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
}

/* The rest of what is known when they are decoded. */
static void fill_row(struct row *row)
{
    for (unsigned i = 0; i < row->count; i++) {
        fill_slots(row, i);
        if (jumps_anywhere(row, i) && !chance(3)) {
            row->insns[i].guess_insn = rand() % (int)row->count;
            row->insns[i].guess_pc = row->insns[row->insns[i].guess_insn].pc;
        }
        if (i + 1 < row->count && calls_inside(row, i) && !chance(3))
            row->insns[i].behind = (int32_t)i + 1;
    }
}

bool row_make(struct row *row, uint32_t variant)
{
    unsigned before = (unsigned)rand() % 5;
    unsigned after = chance(30) ? 50 : (unsigned)rand() % 6;

    taste = (enum taste)(rand() % TASTES);
    if (taste != ANY && chance(2))
        after += 10;
    memset(row, 0, sizeof *row);
    memset(guest.code, 0, sizeof guest.code);
    row->is_scan = chance(3) && strncmp(guest.isa->name, "riscv", 5) == 0;
    row->is_leaping =
        !row->is_scan && chance(3) && strncmp(guest.isa->name, "riscv", 5) == 0;
    if (row->is_scan)
        add_word(row, 0x00052603); /* lw a2, 0(a0) */
    while (before--)
        add_insn(row, other_variant(), 50);
    if (!add_insn(row, variant, has_stream() ? 100 : 3000))
        return false;
    if (row->is_leaping)
        add_word(row, chance(2) ? 0x000580e7 /* jalr a1 */ : 0x00058067 /* jr a1 */);
    while (after--)
        add_insn(row, other_variant(), 50);
    if (row->is_scan)
        end_scan(row);
    choose_edges(row);
    fill_row(row);
    row->is_precise = chance(2);
    row->counts = chance(4);
    return true;
}

/* --------------------------------------------------------------------- rows of text */

static void add_text(struct row *row, const char *text)
{
    char error[200];
    unsigned length = isa_assemble(guest.isa, &guest.cpu->features, guest.cpu->mode,
                                   guest.code_at + row->size, text,
                                   guest.code + row->size, error, sizeof error);

    ck_assert_msg(length, "%s: %s", text, error);
    ck_assert_msg(decode_next(row, length), "%s: is no instruction", text);
    append(row);
}

void row_of_texts(struct row *row, const char *const *texts)
{
    memset(row, 0, sizeof *row);
    while (*texts)
        add_text(row, *texts++);
    row->insns[0].is_entry = true;
    for (unsigned i = 0; i < row->count; i++) {
        row->insns[i].next = i + 1 < row->count ? (int32_t)i + 1 : REGION_NONE;
        fill_slots(row, i);
    }
}

/* ----------------------------------------------------------------- what is in a row */

bool row_has_call(const struct row *row, int32_t insn, uint64_t *back)
{
    const struct isa_variant *variant = &guest.isa->variants[row->insns[insn].variant];

    for (unsigned i = 0; i < variant->body.count; i++) {
        const struct sem *node = &guest.isa->nodes[variant->body.first + i];

        if (node->op == S_GOTO && node->x & GOTO_CALL && node->b != ISA_NONE) {
            *back = row->slots[row->insns[insn].slot + node->b].value;
            return true;
        }
    }
    return false;
}

const char *row_name(const struct row *row, int32_t insn)
{
    return isa_string(
        guest.isa,
        guest.isa->insns[guest.isa->variants[row->insns[insn].variant].insn].name);
}

void row_print(const struct row *row)
{
    for (unsigned i = 0; i < row->count; i++) {
        fprintf(stderr, "  %u%s%s %08" PRIx64 " %s next %d", i,
                row->insns[i].is_entry ? " entry" : "",
                row->insns[i].is_side ? " side" : "", row->insns[i].pc,
                row_name(row, (int32_t)i), row->insns[i].next);
        for (unsigned k = 0; k < guest.isa->variants[row->insns[i].variant].slots; k++)
            fprintf(stderr, " %" PRIx64 "(%d)", row->slots[row->insns[i].slot + k].value,
                    row->slots[row->insns[i].slot + k].insn);
        fprintf(stderr, "\n");
    }
}

/* --------------------------------------------------------------- where control goes */

/* The ring, as far as it has calls within the row: the instructions behind them. */
static int32_t ring_model[CPU_RING];
static unsigned ring_model_top;

void row_forget_calls(void)
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

int32_t row_follow(const struct row *row, int32_t at, uint64_t pc)
{
    const struct region_insn *insn = &row->insns[at];
    const struct isa_variant *variant = &guest.isa->variants[insn->variant];

    if (pc == ((insn->pc + insn->ilen) & mask64(guest.isa->pc_width)) &&
        (!(variant->flags & VAR_ENDS_BLOCK) ||
         region_has_plain_sysregs(guest.isa, variant, &row->slots[insn->slot])))
        return insn->next;
    for (unsigned i = 0; i < variant->slots; i++)
        if (guest.isa->slots[variant->slot + i].kind == SLOT_LINK &&
            row->slots[insn->slot + i].value == pc) {
            push_ring_model(insn);
            return row->slots[insn->slot + i].insn;
        }
    if (insn->guess_insn != REGION_NONE && insn->guess_pc == pc) {
        push_ring_model(insn);
        return insn->guess_insn;
    }
    for (unsigned i = 0; i < variant->body.count; i++) {
        const struct sem *node = &guest.isa->nodes[variant->body.first + i];

        if (node->op == S_GOTO && node->x & GOTO_RETURN && !(node->x & GOTO_DIRECT))
            return insn->return_insn != REGION_NONE && insn->return_pc == pc
                       ? insn->return_insn
                       : pop_ring_model(row, pc);
    }
    return REGION_NONE;
}

/* ------------------------------------------------------------------------ registers */

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
    uint64_t value = guest.data_at + (uint64_t)rand() % 64 * 8;

    if (faulty && chance(faulty))
        return value + 3 * PAGE;
    if (chance(8))
        return value + PAGE;
    if (chance(6))
        return (uint64_t)rand() << 33 ^ (uint64_t)rand() << 5 ^ (uint64_t)rand();
    if (chance(4))
        return (uint64_t)0 - (uint64_t)rand() % 3;
    return chance(4) ? guest.code_at + (uint64_t)rand() % 48 : value;
}

/* Flags are settled, or what any flagfn left. */
static void fill_flags(void)
{
    for (unsigned g = 0; g < guest.isa->nflags; g++) {
        const struct isa_flags *flags = &guest.isa->flags[g];
        unsigned number = (unsigned)rand() % (guest.isa->nflagfns + 1u);
        const struct isa_flagfn *fn = &guest.isa->flagfns[number - 1];

        flags_settle(guest.cpu, g);
        for (unsigned k = 0; k < flags->count && !guest.is_fixed[flags->bits_file]; k++)
            flags_put(guest.cpu, g, k, chance(2));
        if (flags->kind_file == ISA_NONE || !number || fn->group != g ||
            guest.is_fixed[flags->bits_file])
            continue;
        for (unsigned i = 0; i < fn->args; i++) {
            struct fp128 value = u128(random_value(0), random_value(0));

            state_put(guest.cpu, flags->args_file, i, 0, fn->arg_w[i],
                      value_mask(value, fn->arg_w[i]));
        }
        state_put(guest.cpu, flags->kind_file, 0, 0,
                  guest.isa->files[flags->kind_file].width, u128(0, number));
    }
}

static bool holds_flags(unsigned file)
{
    for (unsigned g = 0; g < guest.isa->nflags; g++)
        if (file == guest.isa->flags[g].bits_file ||
            file == guest.isa->flags[g].kind_file ||
            file == guest.isa->flags[g].args_file)
            return true;
    return false;
}

static void fill_element(unsigned file, unsigned index, unsigned faulty)
{
    unsigned width = guest.isa->files[file].width;

    for (unsigned low = 0; low < width; low += 64) {
        unsigned bits = width - low < 64 ? width - low : 64;
        uint64_t value = random_value(faulty);

        if (guest.isa->files[file].count == 1 && width <= 64)
            value = width < 5 || chance(2) ? 0 : (uint64_t)rand() % 32;
        if (guest.isa->files[file].count > 1 && bits == 64 && file != 0 && chance(2))
            value = random_float();
        state_put(guest.cpu, file, index, low, bits, value_mask(u128(0, value), bits));
    }
}

void guest_fill_registers(const struct row *row)
{
    unsigned faulty = chance(2) ? 0 : 1 + (unsigned)rand() % 16;

    for (unsigned f = 0; f < guest.isa->nfiles; f++)
        for (unsigned i = 0; i < guest.isa->files[f].count; i++) {
            bool is_zero = false;

            for (unsigned v = 0; v < guest.isa->nviews; v++)
                is_zero |= guest.isa->views[v].file == f && guest.isa->views[v].zero == i;
            if (!guest.isa->files[f].hidden && !is_zero && !guest.is_fixed[f] &&
                !holds_flags(f))
                fill_element(f, i, faulty);
            if (row->is_leaping && f == 0 && i == 11 && !chance(6))
                state_put(guest.cpu, f, i, 0, guest.isa->files[f].width,
                          u128(0, row->insns[(unsigned)rand() % row->count].pc));
        }
    fill_flags();
}
