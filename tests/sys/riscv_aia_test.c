/* riscv_aia_test.c - control registers of the Advanced Interrupt Architecture. */
#include "riscv_rig.h"
#include "run_cases.h"

enum {
    SIE_ = 0x104,
    SIP_ = 0x144,
    SISELECT = 0x150,
    SIREG = 0x151,
    STOPEI = 0x15c,
    MIDELEG = 0x303,
    MIE_ = 0x304,
    MVIEN = 0x308,
    MVIP = 0x309,
    MIP_ = 0x344,
    MISELECT = 0x350,
    MIREG = 0x351,
    MTOPEI = 0x35c,
    STOPI = 0xdb0,
    MTOPI = 0xfb0
};
enum { EIP0 = 0x80, TOPEI = 0x100 };

static const char *const isas[] = { "riscv64", "riscv32" };
static const char *const models[] = { "rv64max,+Ssaia,+Smaia", "rv32max,+Ssaia,+Smaia" };

/* A file with one word of pending bits, to which a message comes after the second read:
 * the first one asks whether there is a file. */
static struct {
    bool is_there;
    uint64_t pending, coming;
    unsigned reads;
} file;

static bool exchange(struct cpu *cpu, unsigned line, unsigned reg, uint64_t mask,
                     uint64_t *value)
{
    uint64_t old = file.pending;

    (void)cpu;
    if (!file.is_there || (line != 9 && line != 11))
        return false;
    if (reg == EIP0) {
        file.pending = (old & ~mask) | (*value & mask);
        *value = old;
    } else if (reg == TOPEI) {
        uint64_t claimed = *value >> 16;

        *value = old ? (uint64_t)__builtin_ctzll(old) * 0x10001 : 0;
        if (mask)
            file.pending &= ~(UINT64_C(1) << claimed);
    } else {
        *value = 0;
    }
    if (!mask && ++file.reads == 2)
        file.pending |= file.coming;
    return true;
}

static void start(unsigned i)
{
    start_with(isas[i], models[i], &interp_engine);
    rig.m.exchange = exchange;
    memset(&file, 0, sizeof file);
}

static uint64_t swap(unsigned csr, uint64_t value)
{
    ck_assert_uint_eq(execute(csr_insn(csr, CSRRW, A0, A1), value), 0);
    return get("a1");
}

START_TEST(without_the_extension_there_are_no_registers)
{
    static const unsigned csrs[] = { MISELECT, MIREG,    MTOPEI, MTOPI,  MVIEN,
                                     MVIP,     SISELECT, SIREG,  STOPEI, STOPI };

    start_with(isas[_i], _i ? "rv32max" : "rv64max", &interp_engine);
    for (unsigned i = 0; i < COUNT(csrs); i++)
        ck_assert_uint_eq(execute(csr_insn(csrs[i], CSRRS, 0, A1), 0), ILLEGAL);
    finish();
}
END_TEST

START_TEST(what_is_selected_may_not_be_there)
{
    start(_i);
    ck_assert_uint_eq(execute(csr_insn(MTOPEI, CSRRS, 0, A1), 0), ILLEGAL);
    for (unsigned there = 0; there < 2; there++) {
        file.is_there = there;
        for (unsigned select = 0; select < 0x140; select++) {
            bool is_array = (select >= 0x30 && select < 0x40) || select >= EIP0;
            bool is_legal = ((select >= 0x30 && select < 0x40) ||
                             (there && select >= 0x70 && select < 0x100)) &&
                            !(rig.is_64 && is_array && select & 1);

            write_csr(MISELECT, select);
            ck_assert_uint_eq(execute(csr_insn(MIREG, CSRRS, 0, A1), 0),
                              is_legal ? 0 : ILLEGAL);
        }
    }
    finish();
}
END_TEST

START_TEST(no_message_is_lost_between_a_read_and_a_write)
{
    start(_i);
    file.is_there = true;
    file.pending = 0x100;
    file.coming = 0x2;
    ck_assert_uint_eq(swap(MTOPEI, 0), 0x80008);
    ck_assert_uint_eq(file.pending, 0x2); /* claimed is what was read */
    file.pending = 0x100;
    write_csr(MISELECT, EIP0);
    file.reads = 0;
    ck_assert_uint_eq(swap(MIREG, 0x400), 0x100);
    ck_assert_uint_eq(file.pending, 0x402);
    file.coming = 0;
    write_csr(MIREG, 0); /* without a read: all of it */
    ck_assert_uint_eq(file.pending, 0);
    finish();
}
END_TEST

START_TEST(priorities_order_what_is_taken)
{
    start(_i);
    write_csr(MIDELEG, 0);
    write_csr(MIE_, 0x22);
    write_csr(MIP_, 0x22);
    ck_assert_uint_eq(read_csr(MTOPI), 1 << 16 | 255);
    write_csr(MISELECT, rig.is_64 ? 0x30 : 0x31);
    write_csr(MIREG, rig.is_64 ? UINT64_C(7) << 40 : 7 << 8);
    ck_assert_uint_eq(read_csr(MTOPI), 5 << 16 | 7);
    write_csr(MIDELEG, 0x22);
    ck_assert_uint_eq(read_csr(MTOPI), 0);
    ck_assert_uint_eq(read_csr(STOPI), 1 << 16 | 255);
    write_csr(SISELECT, 0x30);
    write_csr(SIREG, 9 << 8);
    ck_assert_uint_eq(read_csr(STOPI), 1 << 16 | 9);
    finish();
}
END_TEST

START_TEST(mvien_gives_s_bits_of_its_own)
{
    start(_i);
    file.is_there = true;
    write_csr(MIDELEG, 0);
    write_csr(MVIEN, UINT64_MAX);
    ck_assert_uint_eq(read_csr(MVIEN), 0x202);
    write_csr(MVIP, 0x202);
    ck_assert_uint_eq(read_csr(MIP_) & 0x202, 0);
    ck_assert_uint_eq(read_csr(SIP_), 0x202);
    write_csr(SIE_, 0x200);
    ck_assert_uint_eq(read_csr(MIE_), 0);
    ck_assert_uint_eq(read_csr(STOPI) >> 16, 9);
    ck_assert(rig.m.machine->may_wake(rig.cpu));
    write_csr(MVIEN, 0);
    ck_assert_uint_eq(read_csr(SIP_), 0);
    ck_assert_uint_eq(read_csr(MIP_) & 0x202, 0x200); /* bit 9 is one of both */
    finish();
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("riscv_aia", USUAL_LIMIT);

    tcase_add_loop_test(cases.all, without_the_extension_there_are_no_registers, 0, 2);
    tcase_add_loop_test(cases.all, what_is_selected_may_not_be_there, 0, 2);
    tcase_add_loop_test(cases.all, no_message_is_lost_between_a_read_and_a_write, 0, 2);
    tcase_add_loop_test(cases.all, priorities_order_what_is_taken, 0, 2);
    tcase_add_loop_test(cases.all, mvien_gives_s_bits_of_its_own, 0, 2);
    return cases_run(cases);
}
