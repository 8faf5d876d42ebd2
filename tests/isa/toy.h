/* toy.h - a small instruction set written by hand, for tests that must not need isagen.
 *
 * 16-bit words, big-endian; r0..r7 of 16 bits, r0 reads zero; flags z and c, lazy.
 *
 *     0001 ddd aaa bbb 000   add d, a, b       sets the flags of the sum
 *     0010 ddd iiiiii 000    li d, i           signed
 *     0011 ddd aaa 000000    lw d, (a)         0011 ddd aaa 000001 sw d, (a)
 *     0100 000 ttttttttt     bz t              t[9:1]
 *     0101 ddd iiiiii 0 mm   shift.m d, i      m: "", .w, .x; i[0] must be 0
 *     0000000000000000       halt
 *     1--- long: 32 bits     li32 d, imm16     1000 ddd 000000000 imm16
 * Aliases: nop = add r0, r0, r0; mv d, a = add d, a, r0. */
#ifndef TESTS_TOY_H
#define TESTS_TOY_H

#include <stddef.h>

#include "isa/cpu.h"

enum {
    TOY_ADD,
    TOY_LI,
    TOY_LW,
    TOY_SW,
    TOY_BZ,
    TOY_SHIFT,
    TOY_HALT,
    TOY_LI32,
    TOY_INSNS
};
enum { TOY_R, TOY_BITS, TOY_KIND, TOY_ARGS };

/* clang-format off */
static const struct sem toy_nodes[] = {
    /* 0: add */
    { S_GET, 0, 16, 0, 1, 0, 0 }, { S_GET, 0, 16, 0, 2, 0, 0 }, { S_ADD, 0, 16, 0, 0, 1, 0 },
    { S_SETFLAGS, 0, 0, 0, 0, 1, ISA_NONE }, { S_PUT, 0, 0, 0, 0, 2, 0 },
    /* 5: li, li32 */
    { S_SLOT, 0, 16, 0, 1, 0, 0 }, { S_PUT, 0, 0, 0, 0, 0, 0 },
    /* 7: lw */
    { S_GET, 0, 16, 0, 1, 0, 0 }, { S_LD, 0, 16, 0, 0, 0, 0 }, { S_PUT, 0, 0, 0, 0, 1, 0 },
    /* 10: sw */
    { S_GET, 0, 16, 0, 1, 0, 0 }, { S_GET, 0, 16, 0, 0, 0, 0 }, { S_ST, 0, 0, 0, 0, 1, 0 },
    /* 13: bz */
    { S_FLAG, 0, 1, 0, 0, 0, 0 }, { S_IF, 0, 0, 0, 0, 0, 0 },
    { S_GOTO, GOTO_DIRECT, 0, 0, 0, 0, 0 }, { S_END, 0, 0, 0, 0, 0, 0 },
    /* 17: shift 1 << i (plain), and 18..: loops i times adding 1 (.w) */
    { S_SLOT, 0, 16, 0, 1, 0, 0 }, { S_PUT, 0, 0, 0, 0, 0, 0 },
    { S_CONST, 0, 16, 0, 0, 0, 0 }, { S_SLOT, 0, 16, 0, 1, 0, 0 },
    { S_LOOP, 0, 0, 0, 0, 0, 1 }, { S_LOCAL, 0, 16, 0, 1, 0, 0 },
    { S_LOCAL, 0, 16, 0, 0, 0, 0 }, { S_ADD, 0, 16, 0, 3, 4, 0 },
    { S_SETL, 0, 0, 0, 1, 5, 0 }, { S_END, 0, 0, 0, 0, 0, 0 },
    { S_LOCAL, 0, 16, 0, 1, 0, 0 }, { S_PUT, 0, 0, 0, 0, 8, 0 },
    /* 29: halt */
    { S_TRAP, 0, 0, 0, 0, ISA_NONE, ISA_NONE },
    /* 30: flagfn: z = a + b == 0 */
    { S_ARG, 0, 16, 0, 0, 0, 0 }, { S_ARG, 0, 16, 0, 1, 0, 0 }, { S_ADD, 0, 16, 0, 0, 1, 0 },
    { S_CONST, 0, 16, 0, 0, 0, 0 }, { S_EQ, 0, 1, 0, 2, 3, 0 },
    /* 35: c = a + b <u a */
    { S_ARG, 0, 16, 0, 0, 0, 0 }, { S_ARG, 0, 16, 0, 1, 0, 0 }, { S_ADD, 0, 16, 0, 0, 1, 0 },
    { S_LTU, 0, 1, 0, 2, 0, 0 },
    /* 39: slot expressions: fields 0, 1, 2 */
    { S_FIELD, 0, 16, 0, 0, 0, 0 }, { S_FIELD, 0, 16, 0, 1, 0, 0 },
    { S_FIELD, 0, 16, 0, 2, 0, 0 },
    /* 42: bz's target */
    { S_PC, 0, 16, 0, 0, 0, 0 }, { S_FIELD, 0, 16, 0, 0, 0, 0 }, { S_ADD, 0, 16, 0, 0, 1, 0 },
    /* 45: shift: i[0] == 0 */
    { S_FIELD, 0, 16, 0, 1, 0, 0 }, { S_EXTRACT, 0, 1, 0, 0, 0, 0 }, { S_NOT, 0, 1, 0, 1, 0, 0 },
    /* 48: alias conditions: field 0 == 0 && 1 == 0 && 2 == 0; field 2 == 0 */
    { S_FIELD, 0, 16, 0, 0, 0, 0 }, { S_FIELD, 0, 16, 0, 1, 0, 0 },
    { S_FIELD, 0, 16, 0, 2, 0, 0 }, { S_OR, 0, 16, 0, 0, 1, 0 }, { S_OR, 0, 16, 0, 2, 3, 0 },
    { S_CONST, 0, 16, 0, 0, 0, 0 }, { S_EQ, 0, 1, 0, 4, 5, 0 },
    { S_FIELD, 0, 16, 0, 2, 0, 0 }, { S_CONST, 0, 16, 0, 0, 0, 0 }, { S_EQ, 0, 1, 0, 0, 1, 0 },
    /* 58: constants 0 and 1 << i */
    { S_CONST, 0, 16, 0, 0, 0, 0 },
    { S_CONST, 0, 16, 0, 1, 0, 0 }, { S_FIELD, 0, 16, 0, 1, 0, 0 },
    { S_CONST, 0, 16, 0, 2, 0, 0 }, { S_AND, 0, 16, 0, 1, 2, 0 }, { S_SHL, 0, 16, 0, 0, 3, 0 },
    /* 64: choice of shift: m != 0 */
    { S_FIELD, 0, 16, 0, 2, 0, 0 }, { S_CONST, 0, 16, 0, 0, 0, 0 }, { S_NE, 0, 1, 0, 0, 1, 0 },
};
static const uint64_t toy_consts[] = { 0, 1, 15 };
/* Text: positions in the strings. */
static const struct toy_strings {
    char none[1], r[2], f[2], kind[5], args[5], zero[5], r1[3], r2[3], r3[3], r4[3],
        r5[3], r6[3], r7[3], sp[3], z[2], c[2], a[2], b[2], d[2], i[2], t[2], m[2],
        imm[4], w[3], x[3], full_add[15], full_lw[12], add[4], li[3], lw[3], sw[3], bz[3],
        shift[6], halt[5], li32[5], nop[4], mv[3], toy1[5], toy0[5], long_[5], extra[6],
        misaligned[11], sum[4];
} toy_strings = {
    "", "r", "f", "kind", "args", "zero", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "sp",
    "z", "c", "a", "b", "d", "i", "t", "m", "imm", ".w", ".x", "add r1, r2, r3",
    "lw r1, (r2)", "add", "li", "lw", "sw", "bz", "shift", "halt", "li32", "nop", "mv",
    "toy1", "toy0", "long", "Extra", "misaligned", "sum",
};
#define T(name) offsetof(struct toy_strings, name)
enum { TOY_NAMES = 1, TOY_FLAG_NAMES = 9 };
static const uint32_t toy_names[] = {
    0, T(zero), T(r1), T(r2), T(r3), T(r4), T(r5), T(r6), T(r7), T(z), T(c)
};
static const struct isa_file toy_files[] = {
    [TOY_R] = { .name = T(r), .names = TOY_NAMES, .count = 8, .width = 16, .stride = 2,
                .has_zero = true },
    [TOY_BITS] = { .name = T(f), .names = TOY_FLAG_NAMES, .count = 2, .width = 1, .stride = 1,
                   .offset = 20 },
    [TOY_KIND] = { .name = T(kind), .count = 1, .width = 8, .stride = 1, .offset = 22,
                   .hidden = true },
    [TOY_ARGS] = { .name = T(args), .count = 3, .width = 16, .stride = 2, .offset = 24,
                   .hidden = true },
};
static const struct isa_view toy_views[] = {
    { .name = T(r), .file = TOY_R, .count = 8, .width = 16, .zero = 0, .names = TOY_NAMES },
};
static const struct isa_regname toy_regnames[] = {
    { T(zero), 0, 0 }, { T(r1), 0, 1 }, { T(r2), 0, 2 }, { T(r3), 0, 3 }, { T(r4), 0, 4 },
    { T(r5), 0, 5 }, { T(r6), 0, 6 }, { T(r7), 0, 7 }, { T(sp), 0, 7 },
};
/* 0: d [11:9]; 1: a [8:6]; 2: b [5:3]; 3: i6 [8:3]; 4: t; 5: m; 6: long d [27:25]; 7: imm16 */
static const struct isa_piece toy_pieces[] = {
    { 9, 3, 0 }, { 6, 3, 0 }, { 3, 3, 0 }, { 3, 6, 0 }, { 0, 9, 1 }, { 0, 2, 0 },
    { 25, 3, 0 }, { 0, 16, 0 },
};
static const struct isa_field toy_fields[] = {
    { T(d), 0, 1, 3, false, 0 }, { T(a), 1, 1, 3, false, 0 }, { T(b), 2, 1, 3, false, 0 },
    { T(d), 0, 1, 3, false, 0 }, { T(i), 3, 1, 6, true, 0 },                           /* 3 */
    { T(t), 4, 1, 10, true, 0 },                                                      /* 5 */
    { T(d), 0, 1, 3, false, 0 }, { T(i), 3, 1, 6, false, 0 }, { T(m), 5, 1, 2, false, 0 }, /* 6 */
    { T(d), 6, 1, 3, false, 0 }, { T(imm), 7, 1, 16, false, 0 },                       /* 9 */
};
static const struct isa_enum_name toy_enums[] = { { 0, 0 }, { T(w), 1 }, { T(x), 2 } };
static const struct isa_operand toy_operands[] = {
    { .name = T(d), .kind = OPERAND_REG, .field = 0 },
    { .name = T(a), .kind = OPERAND_REG, .field = 1 },
    { .name = T(b), .kind = OPERAND_REG, .field = 2 },
    { .name = T(d), .kind = OPERAND_REG, .field = 0 },                                /* 3 */
    { .name = T(i), .kind = OPERAND_IMM, .field = 1 },
    { .name = T(t), .kind = OPERAND_PCREL, .field = 0 },                              /* 5 */
    { .name = T(d), .kind = OPERAND_REG, .field = 0 },                                /* 6 */
    { .name = T(i), .kind = OPERAND_IMM, .field = 1, .has_omit = true, .omit = 4 },
    { .name = T(m), .kind = OPERAND_ENUM, .field = 2, .nenums = 3 },
    { .name = T(d), .kind = OPERAND_REG, .field = 0 },                                /* 9 */
    { .name = T(imm), .kind = OPERAND_IMM, .field = 1, .hex = true },
};
static const struct toy_literals {
    char add[5], li[4], lw[4], sw[4], bz[4], shift[6], halt[5], nop[4], mv[4], comma[3], open[4],
        close[2], blank[2];
} toy_literals = { "add ", "li ", "lw ", "sw ", "bz ", "shift", "halt", "nop", "mv ", ", ", ", (",
                   ")", " " };
#define TOY_LITERAL(name) { TEXT_LITERAL, 0, offsetof(struct toy_literals, name) }
#define TOY_OP(n) { TEXT_OPERAND, n, 0 }
#define TOY_END { TEXT_END, 0, 0 }
enum {
    TOY_TEXT_ADD = 0,
    TOY_TEXT_LI = 7,
    TOY_TEXT_LW = 12,
    TOY_TEXT_SW = 18,
    TOY_TEXT_BZ = 24,
    TOY_TEXT_SHIFT = 27,
    TOY_TEXT_HALT = 34,
    TOY_TEXT_NOP = 36,
    TOY_TEXT_MV = 38
};
static const struct isa_text toy_texts[] = {
    TOY_LITERAL(add), TOY_OP(0), TOY_LITERAL(comma), TOY_OP(1), TOY_LITERAL(comma),
    TOY_OP(2), TOY_END,
    TOY_LITERAL(li), TOY_OP(0), TOY_LITERAL(comma), TOY_OP(1), TOY_END,
    TOY_LITERAL(lw), TOY_OP(0), TOY_LITERAL(open), TOY_OP(1), TOY_LITERAL(close), TOY_END,
    TOY_LITERAL(sw), TOY_OP(0), TOY_LITERAL(open), TOY_OP(1), TOY_LITERAL(close), TOY_END,
    TOY_LITERAL(bz), TOY_OP(0), TOY_END,
    TOY_LITERAL(shift), TOY_OP(2), TOY_LITERAL(blank), TOY_OP(0), TOY_LITERAL(comma),
    TOY_OP(1), TOY_END,
    TOY_LITERAL(halt), TOY_END,
    TOY_LITERAL(nop), TOY_END,
    TOY_LITERAL(mv), TOY_OP(0), TOY_LITERAL(comma), TOY_OP(1), TOY_END,
};

static const struct isa_slot toy_slots[] = {
    { .kind = SLOT_WRITE, .w = 16, .expr = { 39, 1, 0 } },  /* 0: d a b */
    { .kind = SLOT_READ, .w = 16, .expr = { 40, 1, 0 } },
    { .kind = SLOT_READ, .w = 16, .expr = { 41, 1, 0 } },
    { .kind = SLOT_WRITE, .w = 16, .quick = 1 },            /* 3: d, value of field 1 */
    { .kind = SLOT_VALUE, .w = 16, .quick = 2, .is_signed = true },
    { .kind = SLOT_READ, .w = 16, .expr = { 39, 1, 0 } },   /* 5: sw: d read, a read */
    { .kind = SLOT_READ, .w = 16, .expr = { 40, 1, 0 } },
    { .kind = SLOT_LINK, .w = 16, .expr = { 42, 3, 0 } },   /* 7: bz */
    { .kind = SLOT_WRITE, .w = 16, .quick = 1 },            /* 8: shift: d, 1 << i */
    { .kind = SLOT_VALUE, .w = 16, .expr = { 59, 5, 0 } },
};
static const struct isa_variant toy_variants[] = {
    { .body = { 0, 5, 0 }, .slot = 0, .slots = 3, .insn = TOY_ADD },
    { .body = { 5, 2, 0 }, .slot = 3, .slots = 2, .insn = TOY_LI },
    { .body = { 7, 3, 0 }, .slot = 0, .slots = 2, .insn = TOY_LW },
    { .body = { 10, 3, 0 }, .slot = 5, .slots = 2, .insn = TOY_SW },
    { .body = { 13, 4, 0 }, .slot = 7, .slots = 1, .insn = TOY_BZ },
    { .body = { 17, 2, 0 }, .slot = 8, .slots = 2, .insn = TOY_SHIFT },
    { .body = { 19, 10, 1 }, .slot = 3, .slots = 2, .insn = TOY_SHIFT },
    { .body = { 29, 1, 0 }, .insn = TOY_HALT },
    { .body = { 5, 2, 0 }, .slot = 3, .slots = 2, .insn = TOY_LI32 },
};
static const struct isa_choice toy_choices[] = {
    { .expr = { 64, 3, 0 }, .first = 0, .values = 2 },
};
static const uint32_t toy_links[] = { LINK_VARIANT | 5, LINK_VARIANT | 6 };
static const uint16_t toy_numbers[] = { 0, 1 };
static const uint32_t toy_features[] = { T(long_), T(extra) };
static const struct isa_feature_set toy_feature_sets[] = { { 0, 1, false } };
static const struct isa_model toy_models[] = { { T(toy1), 0, 2 }, { T(toy0), 0, 0 } };
static const struct isa_insn toy_insns[] = {
    { .name = T(add), .mnemonic = T(add), .text = TOY_TEXT_ADD, .mask = 0xf007, .value = 0x1000,
      .length = 2, .fields = 3, .operands = 3, .features = ISA_NONE, .choice = LINK_VARIANT | 0 },
    { .name = T(li), .mnemonic = T(li), .text = TOY_TEXT_LI, .mask = 0xf007, .value = 0x2000,
      .length = 2, .fields = 2, .operands = 2, .field = 3, .operand = 3,
      .features = ISA_NONE, .choice = LINK_VARIANT | 1 },
    { .name = T(lw), .mnemonic = T(lw), .text = TOY_TEXT_LW, .mask = 0xf03f, .value = 0x3000,
      .length = 2, .fields = 2, .operands = 2, .features = ISA_NONE, .choice = LINK_VARIANT | 2 },
    { .name = T(sw), .mnemonic = T(sw), .text = TOY_TEXT_SW, .mask = 0xf03f, .value = 0x3001,
      .length = 2, .fields = 2, .operands = 2, .features = ISA_NONE, .choice = LINK_VARIANT | 3 },
    { .name = T(bz), .mnemonic = T(bz), .text = TOY_TEXT_BZ, .mask = 0xfe00, .value = 0x4000,
      .length = 2, .fields = 1, .operands = 1, .field = 5, .operand = 5,
      .features = ISA_NONE, .choice = LINK_VARIANT | 4 },
    { .name = T(shift), .mnemonic = T(shift), .text = TOY_TEXT_SHIFT, .mask = 0xf004,
      .value = 0x5000, .length = 2, .fields = 3, .operands = 3, .field = 6, .operand = 6,
      .where_ok = { 45, 3, 0 }, .else_kind = ILLEGAL_RESERVED, .features = ISA_NONE,
      .choice = 0 },
    { .name = T(halt), .mnemonic = T(halt), .text = TOY_TEXT_HALT, .mask = 0xffff, .value = 0,
      .length = 2, .features = ISA_NONE, .choice = LINK_VARIANT | 7 },
    { .name = T(li32), .mnemonic = T(li), .text = TOY_TEXT_LI, .mask = 0xf1ff0000,
      .value = 0x80000000, .length = 4, .fields = 2, .operands = 2, .field = 9, .operand = 9,
      .features = 0, .choice = LINK_VARIANT | 8 },
};
static const struct isa_fix toy_fixes[] = { { 0, { 58, 1, 0 } }, { 1, { 58, 1, 0 } },
                                            { 2, { 58, 1, 0 } } };
static const struct isa_alias toy_aliases[] = {
    { .text = TOY_TEXT_NOP, .insn = TOY_ADD, .prefer = true, .when = { 48, 7, 0 },
      .fixes = 0, .nfixes = 3, .mnemonic = T(nop), .features = ISA_NONE },
    { .text = TOY_TEXT_MV, .insn = TOY_ADD, .prefer = true, .when = { 55, 3, 0 },
      .fixes = 2, .nfixes = 1, .mnemonic = T(mv), .features = ISA_NONE },
};
static const struct isa_length toy_lengths[] = { { 0x8000, 0, 2 }, { 0xf000, 0x8000, 4 } };
static const struct isa_access toy_accesses[] = { { .big = 1, .align = 2, .trap = 1 } };
static const struct isa_trap toy_traps[] = { { T(halt), 0 }, { T(misaligned), 1 } };
static const struct isa_flags toy_flags[] = {
    { T(f), TOY_FLAG_NAMES, 2, TOY_BITS, TOY_KIND, TOY_ARGS, 0 }
};
static const struct isa_flagfn toy_flagfns[] = {
    { .name = T(sum), .args = 2, .arg_w = { 16, 16 }, .sets = 3,
      .flag = { { 30, 5, 0 }, { 35, 4, 0 } } },
};
static const uint64_t toy_values[] = {
    5, 0xfffb, 1, 0x2000, /* 4: */ 0x1234, 0, 0x2000, /* 7: pc and mode */ 0, 0, 0x100, 0
};
static const struct isa_ex_item toy_ex_items[] = {
    /* 0: add, before and after */
    { .loc = EX_REG, .view = 0, .index = 2, .nvalues = 1, .value = 0 },
    { .loc = EX_REG, .view = 0, .index = 3, .nvalues = 1, .value = 1 },
    { .loc = EX_REG, .view = 0, .index = 1 },
    { .loc = EX_FLAG, .view = 0, .index = 0, .nvalues = 1, .value = 2 },
    { .loc = EX_FLAG, .view = 0, .index = 1, .nvalues = 1, .value = 2 },
    /* 5: lw, before and after */
    { .loc = EX_REG, .view = 0, .index = 2, .nvalues = 1, .value = 3 },
    { .loc = EX_MEM, .size = 2, .nvalues = 3, .value = 4 },
    { .loc = EX_REG, .view = 0, .index = 1, .nvalues = 1, .value = 4 },
    /* 8: halt */
    { .loc = EX_TRAP, .index = 0 },
};
static const uint8_t toy_ex_bytes[] = { 0x12, 0x98, 0x32, 0x80, 0, 0, 0x80, 0, 0, 0 };
static const struct isa_ex_case toy_ex_cases[] = {
    { .text = T(full_add), .start = 7, .bytes = 0, .length = 2, .items = 0, .npre = 2,
      .npost = 3 },
    { .text = T(full_lw), .start = 9, .bytes = 2, .length = 2, .items = 5, .npre = 2,
      .npost = 1 },
    { .text = T(halt), .start = 7, .bytes = 4, .length = 2, .items = 8, .npost = 1 },
    { .start = 7, .bytes = 6, .length = 4 },
};
static const struct isa_ex_row toy_examples[] = {
    { 0, TOY_ADD, ISA_NONE }, { 1, TOY_LW, ISA_NONE }, { 2, TOY_HALT, ISA_NONE },
    { 3, ISA_NONE, 1 },
};

/* Everything but the decode tree, which dtree_build() makes in a copy. */
static const struct isa_fetch toy_fetch = { .parcel = 2, .big = true, .nlengths = 2,
                                            .stream = ISA_NONE };
#define TOY_COUNT(array) (sizeof(array) / sizeof(*(array)))
static const struct isa toy = {
    .name = "toy", .family = "toy", .pc_width = 16, .min_ilen = 2, .state_size = 32,
    .sysreg_trap = ISA_NONE,
    .strings = (const char *)&toy_strings, .names = toy_names, .numbers = toy_numbers,
    .texts = toy_texts, .enums = toy_enums, .fixes = toy_fixes, .lengths = toy_lengths,
    .nodes = toy_nodes, .nnodes = TOY_COUNT(toy_nodes),
    .consts = toy_consts, .nconsts = TOY_COUNT(toy_consts),
    .files = toy_files, .nfiles = TOY_COUNT(toy_files),
    .views = toy_views, .nviews = 1,
    .regnames = toy_regnames, .nregnames = TOY_COUNT(toy_regnames),
    .pieces = toy_pieces, .npieces = TOY_COUNT(toy_pieces),
    .fields_all = toy_fields, .nfields = TOY_COUNT(toy_fields),
    .operands_all = toy_operands, .noperands = TOY_COUNT(toy_operands),
    .slots = toy_slots, .nslots = TOY_COUNT(toy_slots),
    .literals = (const char *)&toy_literals, .nliterals = sizeof(toy_literals),
    .insns = toy_insns, .ninsns = TOY_INSNS,
    .variants = toy_variants, .nvariants = TOY_COUNT(toy_variants),
    .choices = toy_choices, .nchoices = 1, .links = toy_links, .nlinks = 2,
    .aliases = toy_aliases, .naliases = 2,
    .fetches = &toy_fetch, .nfetches = 1,
    .accesses = toy_accesses, .naccesses = 1,
    .traps = toy_traps, .ntraps = 2,
    .flags = toy_flags, .nflags = 1, .flagfns = toy_flagfns, .nflagfns = 1,
    .features = toy_features, .nfeatures = 2,
    .feature_sets = toy_feature_sets, .nfeature_sets = 1,
    .models = toy_models, .nmodels = 2,
    .examples = toy_examples, .nexamples = TOY_COUNT(toy_examples),
    .ex_cases = toy_ex_cases, .ex_items = toy_ex_items, .ex_bytes = toy_ex_bytes, .values = toy_values,
};
/* clang-format on */

/* A copy whose one fetch clause can be written to. */
struct toy_copy {
    struct isa isa;
    struct isa_fetch fetch;
};
static inline void toy_copy(struct toy_copy *copy)
{
    copy->isa = toy;
    copy->fetch = toy_fetch;
    copy->isa.fetches = &copy->fetch;
}

#endif
