/* stream_test.c - variable-length encodings by small hand-made tables.
 *
 * One stream of bytes that has a bit of everything x86 has, one of 16-bit big-endian
 * units. */
#include "isa/stream.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "run_cases.h"

/* --- a little x86 */

enum { P66, REP, LOCK, REX, W, B, VEX, MOD, REG, RM, SIB, DISP, IMM, OREG, RMX, FIELDS };

static const struct isa_piece pieces[] = { { RM, 3, 0 }, { B, 1, 3 } };

static const struct isa_field fields[FIELDS] = {
    [P66] = { .bits = 1 },
    [REP] = { .bits = 2 },
    [LOCK] = { .bits = 1 },
    [REX] = { .bits = 1 },
    [W] = { .bits = 1 },
    [B] = { .bits = 1 },
    [VEX] = { .bits = 1 },
    [MOD] = { .bits = 2 },
    [REG] = { .bits = 3 },
    [RM] = { .bits = 3 },
    [SIB] = { .bits = 8 },
    [DISP] = { .bits = 32, .is_signed = true },
    [IMM] = { .bits = 32, .is_signed = true },
    [OREG] = { .bits = 3 },
    [RMX] = { .bits = 4, .pieces = 2 },
};

static const uint64_t consts[] = { 0, 1, 2, 3, 4 };

/* clang-format off */
static const struct sem nodes[] = {
    /* 0: mod != 3 && rm == 4 */
    { S_FIELD, 0, 64, 0, MOD, 0, 0 }, { S_CONST, 0, 64, 0, 3, 0, 0 }, { S_NE, 0, 1, 0, 0, 1, 0 },
    { S_FIELD, 0, 64, 0, RM, 0, 0 }, { S_CONST, 0, 64, 0, 4, 0, 0 }, { S_EQ, 0, 1, 0, 3, 4, 0 },
    { S_AND, 0, 1, 0, 2, 5, 0 },
    /* 7: mod == 1 */
    { S_FIELD, 0, 64, 0, MOD, 0, 0 }, { S_CONST, 0, 64, 0, 1, 0, 0 }, { S_EQ, 0, 1, 0, 0, 1, 0 },
    /* 10: mod == 2 */
    { S_FIELD, 0, 64, 0, MOD, 0, 0 }, { S_CONST, 0, 64, 0, 2, 0, 0 }, { S_EQ, 0, 1, 0, 0, 1, 0 },
    /* 13: p66 */
    { S_FIELD, 0, 64, 0, P66, 0, 0 }, { S_CONST, 0, 64, 0, 0, 0, 0 }, { S_NE, 0, 1, 0, 0, 1, 0 },
    /* 16: !p66 */
    { S_FIELD, 0, 64, 0, P66, 0, 0 }, { S_CONST, 0, 64, 0, 0, 0, 0 }, { S_EQ, 0, 1, 0, 0, 1, 0 },
    /* 19: mode 0 (64-bit) */
    { S_MODE, 0, 1, 0, 0, 0, 0 },
};
static const struct sem_body has_sib = { 0, 7, 0 }, mod1 = { 7, 3, 0 }, mod2 = { 10, 3, 0 },
                             is_66 = { 13, 3, 0 }, not_66 = { 16, 3, 0 }, is_64 = { 19, 1, 0 };

enum { SET_66, SET_LOCK, SET_F2, SET_F3, SET_REX, SET_0F = SET_REX + 3, SET_VEX, SET_MODRM = SET_VEX + 4,
       SET_SIB = SET_MODRM + 3, SET_DISP8, SET_DISP32, SET_IMM8, SET_IMM16, SET_IMM32, SET_OREG };
static const struct stream_set sets[] = {
    [SET_66] = { .field = P66, .constant = 1 },
    [SET_LOCK] = { .field = LOCK, .constant = 1 },
    [SET_F2] = { .field = REP, .constant = 2 },
    [SET_F3] = { .field = REP, .constant = 3 },
    [SET_REX] = { .field = REX, .constant = 1 },
    { .field = W, .at = 3, .len = 1 }, { .field = B, .len = 1 },
    [SET_0F] = { .field = STREAM_MAP, .constant = 1 },
    [SET_VEX] = { .field = VEX, .constant = 1 }, { .field = STREAM_MAP, .constant = 1 },
    { .field = B, .at = 7, .len = 1, .invert = true },
    { .field = P66, .constant = 1, .mask = 3, .value = 1 },
    [SET_MODRM] = { .field = MOD, .at = 6, .len = 2 }, { .field = REG, .at = 3, .len = 3 },
    { .field = RM, .len = 3 },
    [SET_SIB] = { .field = SIB, .len = 8 },
    [SET_DISP8] = { .field = DISP, .len = 8, .is_signed = true },
    [SET_DISP32] = { .field = DISP, .len = 32, .is_signed = true },
    [SET_IMM8] = { .field = IMM, .len = 8, .is_signed = true },
    [SET_IMM16] = { .field = IMM, .len = 16, .is_signed = true },
    [SET_IMM32] = { .field = IMM, .len = 32, .is_signed = true },
    [SET_OREG] = { .field = OREG, .at = 8, .len = 3 },
};

static const struct stream_prefix prefixes[] = {
    { .mask = 0xff, .value = 0x66, .bytes = 1, .sets = { SET_66, 1 } },
    { .mask = 0xff, .value = 0xf0, .bytes = 1, .sets = { SET_LOCK, 1 } },
    { .mask = 0xff, .value = 0xf2, .bytes = 1, .sets = { SET_F2, 1 } },
    { .mask = 0xff, .value = 0xf3, .bytes = 1, .sets = { SET_F3, 1 } },
    { .mask = 0xf0, .value = 0x40, .bytes = 1, .last = true, .when = { 19, 1, 0 }, .sets = { SET_REX, 3 } },
    { .mask = 0xff, .value = 0x0f, .bytes = 1, .next = 1, .sets = { SET_0F, 1 } },
    { .mask = 0xff00, .value = 0xc500, .bytes = 2, .next = 2, .sets = { SET_VEX, 4 } },
};

enum { STEP_MODRM, STEP_SIB, STEP_DISP8, STEP_DISP32, STEP_IB, STEP_IW, STEP_ID };
static struct stream_step steps[] = {
    { .bytes = 1, .sets = { SET_MODRM, 3 } }, { .bytes = 1, .sets = { SET_SIB, 1 } },
    { .bytes = 1, .sets = { SET_DISP8, 1 } }, { .bytes = 4, .sets = { SET_DISP32, 1 } },
    { .bytes = 1, .sets = { SET_IMM8, 1 } },  { .bytes = 2, .sets = { SET_IMM16, 1 } },
    { .bytes = 4, .sets = { SET_IMM32, 1 } },
};
enum { ADD, ADD_IB, MOV_IZ, PAUSE, NOP, VADD, PADD, LOADS, INSNS };
static const struct stream_need needs[] = { { REP, 3 }, { VEX, 1 }, { P66, 1 }, { VEX, 0 }, { P66, 1 } };
static const struct stream_row rows[] = {
    { .insn = ADD, .bytes = 1, .mask = 0xff00, .value = 0x0100, .step = 0, .steps = 4 },
    { .insn = ADD_IB, .bytes = 1, .mask = 0xff38, .value = 0x8300, .step = 0, .steps = 5 },
    { .insn = MOV_IZ, .bytes = 1, .mask = 0xf800, .value = 0xb800, .sets = { SET_OREG, 1 }, .step = 5, .steps = 2 },
    { .insn = PAUSE, .bytes = 1, .mask = 0xff00, .value = 0x9000, .need = 0, .needs = 1 },
    { .insn = NOP, .bytes = 1, .mask = 0xff00, .value = 0x9000 },
    { .insn = VADD, .map = 1, .bytes = 1, .mask = 0xffc0, .value = 0x58c0, .need = 1, .needs = 2, .step = 0, .steps = 1 },
    { .insn = PADD, .map = 1, .bytes = 1, .mask = 0xff00, .value = 0x5800, .need = 3, .needs = 2, .step = 0, .steps = 4 },
    { .insn = LOADS, .map = 1, .bytes = 1, .mask = 0xff00, .value = 0x0100, .not_mask = 0xc0, .not_value = 0xc0, .step = 0, .steps = 4 },
};
static const uint16_t lists[] = { ISA_NONE, 0, ISA_NONE, 1, ISA_NONE, 2, ISA_NONE, 3, 4, ISA_NONE,
                                  5, 6, ISA_NONE, 7, ISA_NONE };
/* clang-format on */

static uint16_t map_index[512];
static struct isa_insn insns[INSNS];
static struct isa_stream stream = {
    .name = "test",
    .max = 15,
    .unit = 1,
    .maps = 2,
    .fields = FIELDS,
    .prefixes = prefixes,
    .rows = rows,
    .sets = sets,
    .needs = needs,
    .steps = steps,
    .index = map_index,
    .lists = lists,
    .nprefixes = COUNT(prefixes),
    .nrows = COUNT(rows),
    .nsets = COUNT(sets),
    .nneeds = COUNT(needs),
    .nsteps = COUNT(steps),
    .nlists = COUNT(lists),
};
static const struct isa_fetch fetch = { .stream = 0 };
static const struct isa_mode long_mode = { .at = 0, .bits = 1 };
static const struct isa isa = {
    .name = "test",
    .nodes = nodes,
    .consts = consts,
    .pieces = pieces,
    .fields_all = fields,
    .insns = insns,
    .fetches = &fetch,
    .modes = &long_mode,
    .streams = &stream,
    .ninsns = INSNS,
    .nfetches = 1,
    .nmodes = 1,
    .nstreams = 1,
    .nnodes = COUNT(nodes),
    .nfields = FIELDS,
};

static void make_tables(void)
{
    for (unsigned i = 0; i < INSNS; i++) {
        insns[i] =
            (struct isa_insn){ .value = i, .fields = FIELDS, .features = ISA_NONE };
    }
    steps[STEP_SIB].when = has_sib;
    steps[STEP_DISP8].when = mod1;
    steps[STEP_DISP32].when = mod2;
    steps[STEP_IW].when = is_66;
    steps[STEP_ID].when = not_66;
    map_index[0x01] = 1;
    map_index[0x83] = 3;
    for (unsigned i = 0; i < 8; i++) {
        map_index[0xb8 + i] = 5;
    }
    map_index[0x90] = 7;
    map_index[256 + 0x58] = 10;
    map_index[256 + 0x01] = 13;
    (void)is_64;
}

static struct isa_decoded decoded(uint64_t mode, const char *bytes, unsigned size)
{
    struct isa_decoded d;

    stream_decode(&isa, &stream, NULL, mode, 0x1000, (const uint8_t *)bytes, size, &d);
    return d;
}

static struct isa_decoded decoded64(const char *bytes, unsigned size)
{
    return decoded(1, bytes, size);
}

START_TEST(modrm_sib_and_displacements)
{
    struct isa_decoded d = decoded64("\x01\xd8", 2);

    ck_assert_uint_eq(d.insn, ADD);
    ck_assert_uint_eq(d.length, 2);
    ck_assert_uint_eq(d.field[MOD], 3);
    ck_assert_uint_eq(d.field[REG], 3);
    d = decoded64("\x01\x5c\x24\x80", 4);
    ck_assert_uint_eq(d.length, 4);
    ck_assert_uint_eq(d.field[SIB], 0x24);
    ck_assert_uint_eq(d.field[DISP], (uint64_t)-128);
    d = decoded64("\x01\x98\x78\x56\x34\x12", 6);
    ck_assert_uint_eq(d.length, 6);
    ck_assert_uint_eq(d.field[DISP], 0x12345678);
    d = decoded64("\x83\x40\x01\xff", 4);
    ck_assert_uint_eq(d.insn, ADD_IB);
    ck_assert_uint_eq(d.field[IMM], (uint64_t)-1);
    ck_assert_uint_eq(decoded64("\x83\x48\x01\xff", 4).insn, ISA_NONE);
}
END_TEST

START_TEST(prefixes_set_fields_and_needs_use_them_up)
{
    struct isa_decoded d = decoded64("\x66\xb9\x34\x12", 4);

    ck_assert_uint_eq(d.insn, MOV_IZ);
    ck_assert_uint_eq(d.length, 4);
    ck_assert_uint_eq(d.field[OREG], 1);
    ck_assert_uint_eq(d.field[IMM], 0x1234);
    d = decoded64("\xf3\x90", 2);
    ck_assert_uint_eq(d.insn, PAUSE);
    ck_assert_uint_eq(d.field[REP], 0);
    ck_assert_uint_eq(decoded64("\x90", 1).insn, NOP);
    ck_assert_uint_eq(decoded64("\xf3\xf2\x90", 3).insn, NOP);
    d = decoded64("\x66\x0f\x58\x00", 4);
    ck_assert_uint_eq(d.insn, PADD);
    ck_assert_uint_eq(d.field[P66], 0);
    ck_assert_uint_eq(decoded64("\x0f\x58\x00", 3).insn, ISA_NONE);
}
END_TEST

START_TEST(a_last_prefix_is_forgotten_when_another_follows)
{
    struct isa_decoded d = decoded64("\x49\x01\xc0", 3);

    ck_assert_uint_eq(d.field[REX], 1);
    ck_assert_uint_eq(d.field[W], 1);
    ck_assert_uint_eq(d.field[RMX], 8);
    d = decoded64("\x49\x66\x01\xc0", 4);
    ck_assert_uint_eq(d.insn, ADD);
    ck_assert_uint_eq(d.field[REX], 0);
    ck_assert_uint_eq(d.field[RMX], 0);
    d = decoded64("\x49\x40\x01\xc0", 4);
    ck_assert_uint_eq(d.field[REX], 1);
    ck_assert_uint_eq(d.field[W], 0);
    ck_assert_uint_eq(decoded(0, "\x49\x01\xc0", 3).insn, ISA_NONE);
}
END_TEST

START_TEST(leads_choose_the_map_and_can_stand_for_prefixes)
{
    struct isa_decoded d = decoded64("\xc5\xf9\x58\xc1", 4);

    ck_assert_uint_eq(d.insn, VADD);
    ck_assert_uint_eq(d.field[B], 0);
    ck_assert_uint_eq(d.field[RMX], 1);
    ck_assert_uint_eq(decoded64("\xc5\x79\x58\xc1", 4).field[RMX], 9);
    ck_assert_uint_eq(decoded64("\xc5\xf8\x58\xc1", 4).insn, ISA_NONE);
    ck_assert_uint_eq(decoded64("\xc5\xf9\x58\x01", 4).insn, ISA_NONE);
    ck_assert_uint_eq(decoded64("\x0f\x01\x00", 3).insn, LOADS);
    ck_assert_uint_eq(decoded64("\x0f\x01\xc0", 3).insn, ISA_NONE);
}
END_TEST

START_TEST(every_cut_is_truncated_and_no_insn_is_too_long)
{
    static const char insn[] = "\x66\x49\x01\x9c\x24\x78\x56\x34\x12";
    char prefixes15[16];

    for (unsigned size = 0; size < 9; size++) {
        struct isa_decoded d = decoded64(insn, size);

        ck_assert_msg(d.insn == ISA_NONE && d.truncated, "%u bytes", size);
        ck_assert_uint_eq(d.length, 1);
    }
    ck_assert_uint_eq(decoded64(insn, 9).length, 9);
    memset(prefixes15, 0x66, sizeof prefixes15);
    prefixes15[14] = (char)0x90;
    ck_assert_uint_eq(decoded64(prefixes15, 16).length, 15);
    prefixes15[14] = 0x66;
    prefixes15[15] = (char)0x90;
    ck_assert_uint_eq(decoded64(prefixes15, 16).insn, ISA_NONE);
    ck_assert(!decoded64(prefixes15, 16).truncated);
}
END_TEST

static unsigned encoded(struct isa_decoded *d, uint8_t *out)
{
    memset(out, 0, ISA_MAX_ILEN);
    return stream_encode(&isa, &stream, d, out);
}

START_TEST(what_a_row_needs_is_filled_in)
{
    struct isa_decoded d = { .insn = PAUSE, .mode = 1 };
    uint8_t out[ISA_MAX_ILEN];

    ck_assert_uint_eq(encoded(&d, out), 2);
    ck_assert_mem_eq(out, "\xf3\x90", 2);
    d = (struct isa_decoded){ .insn = VADD, .mode = 1 };
    stream_set_field(&isa, &stream, &d, RMX, 9);
    ck_assert_uint_eq(d.field[B], 1);
    ck_assert_uint_eq(encoded(&d, out), 4);
    ck_assert_mem_eq(out, "\xc5\x01\x58\xc1", 4);
    d = (struct isa_decoded){ .insn = ADD, .mode = 1 };
    d.field[REX] = d.field[W] = 1;
    d.field[MOD] = 1;
    d.field[DISP] = 127;
    ck_assert_uint_eq(encoded(&d, out), 4);
    ck_assert_mem_eq(out, "\x48\x01\x40\x7f", 4);
}
END_TEST

START_TEST(fields_that_no_encoding_holds_are_refused)
{
    struct isa_decoded d = { .insn = ADD, .mode = 1 };
    uint8_t out[ISA_MAX_ILEN];

    d.field[MOD] = 1;
    d.field[DISP] = 128;
    ck_assert_uint_eq(encoded(&d, out), 0);
    d.field[MOD] = 0;
    d.field[DISP] = 1;
    ck_assert_uint_eq(encoded(&d, out), 0);
    d.field[DISP] = 0;
    d.field[IMM] = 1;
    ck_assert_uint_eq(encoded(&d, out), 0);
    d.field[IMM] = 0;
    d.field[B] = 1; /* without rex */
    ck_assert_uint_eq(encoded(&d, out), 0);
    d.mode = 0;
    d.field[REX] = 1;
    ck_assert_uint_eq(encoded(&d, out), 0);
}
END_TEST

START_TEST(random_bytes_decode_and_encode_to_the_same_insn)
{
    unsigned found = 0;

    srand(1);
    for (unsigned i = 0; i < 300000; i++) {
        uint8_t bytes[15], out[ISA_MAX_ILEN];
        struct isa_decoded d, back;

        for (unsigned j = 0; j < sizeof bytes; j++) {
            bytes[j] = (uint8_t)(rand() >> 7);
        }
        d = decoded(i & 1, (const char *)bytes, 1 + i % 15);
        if (d.insn == ISA_NONE) {
            continue;
        }
        found++;
        unsigned length = encoded(&d, out);
        ck_assert_uint_gt(length, 0);
        ck_assert_uint_le(length, d.length);
        back = decoded(i & 1, (const char *)out, length);
        ck_assert_uint_eq(back.insn, d.insn);
        ck_assert_mem_eq(back.field, d.field, sizeof d.field);
    }
    ck_assert_uint_gt(found, 1000);
}
END_TEST

/* --- 16-bit big-endian units: move.w #imm,(d16,an)-like */

enum { MSRC, MDST, MIMM, MDISP, MFIELDS };

START_TEST(units_of_sixteen_bits)
{
    static const struct isa_field mfields[MFIELDS] = {
        { .bits = 3 }, { .bits = 3 }, { .bits = 32 }, { .bits = 16 }
    };
    static const struct stream_set msets[] = {
        { .field = MDST, .at = 25, .len = 3 },
        { .field = MSRC, .at = 16, .len = 3 },
        { .field = MIMM, .at = 0, .len = 32 },
        { .field = MDISP, .at = 0, .len = 16, .is_signed = true },
    };
    static const struct stream_step msteps[] = { { .bytes = 4, .sets = { 2, 1 } },
                                                 { .bytes = 2, .sets = { 3, 1 } } };
    static const struct stream_row mrow = {
        .bytes = 2, .mask = 0xf1f80000, .value = 0x21400000, .sets = { 0, 2 }, .steps = 2
    };
    static const uint16_t mlists[] = { ISA_NONE, 0, ISA_NONE };
    static uint16_t mindex[256];
    static const struct isa_insn minsn = { .fields = MFIELDS, .features = ISA_NONE };
    struct isa_stream m = { .max = 10,
                            .unit = 2,
                            .big = true,
                            .maps = 1,
                            .fields = MFIELDS,
                            .rows = &mrow,
                            .sets = msets,
                            .steps = msteps,
                            .index = mindex,
                            .lists = mlists };
    struct isa misa = isa;
    struct isa_decoded d;
    uint8_t out[ISA_MAX_ILEN];
    static const uint8_t bytes[] = { 0x25, 0x43, 0x12, 0x34, 0x56, 0x78, 0xff, 0xfe };

    misa.insns = &minsn;
    misa.ninsns = 1;
    misa.fields_all = mfields;
    misa.streams = &m;
    mindex[0x25] = 1;
    stream_decode(&misa, &m, NULL, 0, 0, bytes, sizeof bytes, &d);
    ck_assert_uint_eq(d.insn, 0);
    ck_assert_uint_eq(d.length, 8);
    ck_assert_uint_eq(d.field[MDST], 2);
    ck_assert_uint_eq(d.field[MSRC], 3);
    ck_assert_uint_eq(d.field[MIMM], 0x12345678);
    ck_assert_uint_eq(d.field[MDISP], (uint64_t)-2);
    ck_assert_uint_eq(stream_encode(&misa, &m, &d, out), 8);
    ck_assert_mem_eq(out, bytes, 8);
    stream_decode(&misa, &m, NULL, 0, 0, bytes, 7, &d);
    ck_assert(d.truncated);
    ck_assert_uint_eq(d.length, 2);
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        modrm_sib_and_displacements,
        prefixes_set_fields_and_needs_use_them_up,
        a_last_prefix_is_forgotten_when_another_follows,
        leads_choose_the_map_and_can_stand_for_prefixes,
        every_cut_is_truncated_and_no_insn_is_too_long,
        what_a_row_needs_is_filled_in,
        fields_that_no_encoding_holds_are_refused,
        random_bytes_decode_and_encode_to_the_same_insn,
        units_of_sixteen_bits,
    };

    make_tables();
    return run_cases("stream", cases, COUNT(cases));
}
