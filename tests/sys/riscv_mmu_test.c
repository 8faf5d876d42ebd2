/* riscv_mmu_test.c - page tables of every kind, and physical memory protection. */
#include "riscv_rig.h"
#include "run_cases.h"

static const unsigned modes[] = { SV39, SV48, SV57 };
#define FULL (V | R | W | X | A | D)

static void start(void)
{
    start_with("riscv64", "rv64max", &interp_engine);
}

static void start_32(void)
{
    start_with("riscv32", "rv32max", &interp_engine);
}

/* ------------------------------------------------------------------- the walk */

START_TEST(every_depth_and_page_size_leads_to_its_place)
{
    start();
    use_tables(modes[_i]);
    for (unsigned level = 0; level < levels(); level++) {
        uint64_t size = PAGE << 9 * level, low = 5 * size;

        map(low, 4 * size, FULL, level);
        assert_leads(low + 0x123, ACCESS_READ, LEVEL_S, 4 * size + 0x123);
        assert_leads(low + size - 1, ACCESS_WRITE, LEVEL_S, 5 * size - 1);
        map(low, 0, 0, level);
    }
    finish();
}
END_TEST

START_TEST(addresses_that_are_not_canonical_fault)
{
    start();
    use_tables(modes[_i]);
    uint64_t top = UINT64_C(1) << (11 + 9 * levels());

    map(0, DATA, FULL, 0);
    map(-PAGE, DATA + PAGE, FULL, 0);
    assert_leads(0, ACCESS_READ, LEVEL_S, DATA);
    assert_leads(-PAGE, ACCESS_READ, LEVEL_S, DATA + PAGE);
    assert_faults(top, ACCESS_READ, LEVEL_S, LOAD_PAGE);
    assert_faults(top * 2, ACCESS_WRITE, LEVEL_S, STORE_PAGE);
    assert_faults(UINT64_C(1) << 63, ACCESS_FETCH, LEVEL_S, FETCH_PAGE);
    assert_faults(-top - 1, ACCESS_READ, LEVEL_S, LOAD_PAGE);
    finish();
}
END_TEST

START_TEST(large_pages_that_are_misaligned_fault)
{
    start();
    use_tables(modes[_i]);
    for (unsigned level = 1; level < levels(); level++)
        for (unsigned bit = 0; bit < 9 * level; bit += 4) {
            map(PAGE << 9 * level, PAGE << bit, FULL, level);
            assert_faults(PAGE << 9 * level, ACCESS_READ, LEVEL_S, LOAD_PAGE);
            map(PAGE << 9 * level, 0, 0, level);
        }
    finish();
}
END_TEST

/* What the manual says, in another order than the walk has it. */
static bool is_allowed(unsigned pte, unsigned access, unsigned level, bool sum, bool mxr)
{
    bool user = (pte & U) != 0;

    if (!(pte & V) || (pte & W && !(pte & R)) || !(pte & (R | X)))
        return false;
    if (access == ACCESS_FETCH)
        return pte & X && user == (level == LEVEL_U);
    if (level == LEVEL_U ? !user : user && !sum)
        return false;
    return access == ACCESS_WRITE ? (pte & W) != 0 : pte & R || (mxr && pte & X);
}

START_TEST(every_permission_is_as_the_manual_has_it)
{
    static const unsigned causes[] = { LOAD_PAGE, STORE_PAGE, FETCH_PAGE };

    start();
    use_tables(SV39);
    for (unsigned pte = 0; pte < 32; pte++)
        for (unsigned i = 0; i < 8 * 3; i++) {
            unsigned access = i % 3, level = i / 3 & 1;
            bool sum = i / 3 & 2, mxr = i / 3 & 4;
            unsigned regime = level | (sum ? SUM : 0) | (mxr ? MXR : 0);
            bool allowed = is_allowed(pte, access, level, sum, mxr);

            map(0x1000, DATA, pte, 0);
            ck_assert_msg(cause_of(0x1000, access, regime) ==
                              (allowed ? 0 : causes[access]),
                          "pte %x access %u regime %x", pte, access, regime);
            ck_assert_uint_eq(peek(entry_of(0x1000, 0), 1),
                              pte | (allowed ? A | (access == ACCESS_WRITE ? D : 0) : 0));
        }
    finish();
}
END_TEST

START_TEST(accessed_and_dirty_bits_are_set_or_fault)
{
    start();
    use_tables(SV39);
    map(0x1000, DATA, V | R | W, 0);
    assert_leads(0x1000, ACCESS_READ, LEVEL_S, DATA);
    ck_assert_uint_eq(peek(entry_of(0x1000, 0), 1), V | R | W | A);
    assert_leads(0x1000, ACCESS_WRITE, LEVEL_S, DATA);
    ck_assert_uint_eq(peek(entry_of(0x1000, 0), 1), V | R | W | A | D);
    write_csr(CSR_MENVCFG, 0); /* ADUE */
    map(0x1000, DATA, V | R | W, 0);
    assert_faults(0x1000, ACCESS_READ, LEVEL_S, LOAD_PAGE);
    map(0x1000, DATA, V | R | W | A, 0);
    assert_leads(0x1000, ACCESS_READ, LEVEL_S, DATA);
    assert_faults(0x1000, ACCESS_WRITE, LEVEL_S, STORE_PAGE);
    ck_assert_uint_eq(peek(entry_of(0x1000, 0), 1), V | R | W | A);
    finish();
}
END_TEST

START_TEST(reserved_bits_of_entries_fault)
{
    start();
    use_tables(SV39);
    uint64_t leaf = entry_of(0x1000, 0), inner = entry_of(0x1000, 1);
    uint64_t good = pte_of(DATA, FULL), table = peek(inner, 8);

    for (unsigned bit = 54; bit < 64; bit++) {
        poke(leaf, good | UINT64_C(1) << bit, 8);
        assert_faults(0x1000, ACCESS_READ, LEVEL_S, LOAD_PAGE);
        poke(leaf, good, 8);
        poke(inner, table | UINT64_C(1) << bit, 8);
        assert_faults(0x1000, ACCESS_FETCH, LEVEL_S, FETCH_PAGE);
        poke(inner, table, 8);
        assert_leads(0x1000, ACCESS_READ, LEVEL_S, DATA);
    }
    for (unsigned bits = A; bits <= D; bits *= 2) {
        poke(inner, table | bits, 8);
        assert_faults(0x1000, ACCESS_WRITE, LEVEL_S, STORE_PAGE);
    }
    poke(inner, table | U, 8);
    assert_faults(0x1000, ACCESS_WRITE, LEVEL_S, STORE_PAGE);
    finish();
}
END_TEST

START_TEST(memory_types_are_for_who_may_say_them)
{
    start();
    use_tables(SV48);
    uint64_t leaf = entry_of(0x1000, 0), good = pte_of(DATA, FULL);

    for (uint64_t type = 0; type < 4; type++) {
        write_csr(CSR_MENVCFG, UINT64_C(1) << 61);
        poke(leaf, good | type << 61, 8);
        ck_assert_uint_eq(cause_of(0x1000, ACCESS_READ, LEVEL_S), type ? LOAD_PAGE : 0);
        write_csr(CSR_MENVCFG, UINT64_C(3) << 61);
        ck_assert_uint_eq(cause_of(0x1000, ACCESS_READ, LEVEL_S),
                          type == 3 ? LOAD_PAGE : 0);
    }
    poke(entry_of(0x200000, 1), pte_of(0x200000, V) | UINT64_C(1) << 61, 8);
    assert_faults(0x200000, ACCESS_READ, LEVEL_S, LOAD_PAGE);
    finish();
}
END_TEST

START_TEST(sixteen_pages_are_one)
{
    const uint64_t n = UINT64_C(1) << 63;

    start();
    use_tables(SV39);
    for (unsigned i = 0; i < 16; i++)
        poke(entry_of(0x10000 + i * PAGE, 0), pte_of(DATA | 0x8000, FULL) | n, 8);
    for (unsigned i = 0; i < 16; i++)
        assert_leads(0x10008 + i * PAGE, ACCESS_READ, LEVEL_S, DATA + i * PAGE + 8);
    for (unsigned low = 0; low < 16; low++) {
        poke(entry_of(0x10000, 0), pte_of(DATA | low << 12, FULL) | n, 8);
        ck_assert_uint_eq(cause_of(0x10000, ACCESS_READ, LEVEL_S),
                          low == 8 ? 0 : LOAD_PAGE);
    }
    poke(entry_of(0x200000, 1), pte_of(0x80200000 | 0x8000, FULL) | n, 8);
    assert_faults(0x200000, ACCESS_READ, LEVEL_S, LOAD_PAGE);
    finish();
}
END_TEST

START_TEST(tables_that_contain_themselves_end)
{
    start();
    use_tables(modes[_i]);
    uint64_t addr = 0, last = rig.root + 8 * 511;

    for (unsigned l = 0; l < levels(); l++)
        addr |= UINT64_C(511) << (12 + 9 * l);
    if (addr >> (11 + 9 * levels()) & 1)
        addr |= -(UINT64_C(1) << (11 + 9 * levels()));
    poke(last, pte_of(rig.root, V), 8);
    assert_faults(addr, ACCESS_READ, LEVEL_S, LOAD_PAGE); /* a table where a page is */
    /* The last table is the root: its first entry is a page's. */
    poke(rig.root + 8, pte_of(rig.root, V | R | W), 8);
    addr = (addr & ~(UINT64_C(511) << 12)) | 1 << 12;
    assert_leads(addr + 8, ACCESS_WRITE, LEVEL_S, rig.root + 8);
    ck_assert_uint_eq(peek(rig.root + 8, 1), V | R | W | A | D);
    finish();
}
END_TEST

START_TEST(tables_that_are_not_in_ram)
{
    static const uint64_t places[] = { NOTHING, DEVICE, UINT64_C(0xfffffffffff) << 12 };

    start();
    use_tables(SV39);
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        poke(entry_of(0x200000, 1), pte_of(places[i], V), 8);
        assert_faults(0x200000, ACCESS_READ, LEVEL_S, LOAD_ACCESS);
        assert_faults(0x200000, ACCESS_WRITE, LEVEL_S, STORE_ACCESS);
        assert_faults(0x200000, ACCESS_FETCH, LEVEL_S, FETCH_ACCESS);
        write_csr(CSR_SATP, UINT64_C(8) << 60 | places[i] >> 12);
        assert_faults(0x200000, ACCESS_READ, LEVEL_S, LOAD_ACCESS);
        write_csr(CSR_SATP, UINT64_C(8) << 60 | rig.root >> 12);
    }
    finish();
}
END_TEST

START_TEST(tables_in_rom_have_the_bits_or_fault)
{
    start();
    use_tables(SV39);
    space_protect(rig.cpu->space, ROM, PAGE, SPACE_READ | SPACE_WRITE);
    poke(ROM, pte_of(DATA, V | R | W | A), 8);
    space_protect(rig.cpu->space, ROM, PAGE, SPACE_READ | SPACE_EXEC);
    poke(entry_of(0x200000, 1), pte_of(ROM, V), 8);
    assert_leads(0x200000, ACCESS_READ, LEVEL_S, DATA);
    assert_faults(0x200000, ACCESS_WRITE, LEVEL_S, STORE_ACCESS);
    finish();
}
END_TEST

START_TEST(machine_mode_and_bare_translate_nothing)
{
    start();
    use_tables(SV39);
    map(0x1000, DATA, FULL, 0);
    assert_leads(0x1000, ACCESS_READ, LEVEL_M, 0x1000);
    write_csr(CSR_SATP, 0);
    assert_leads(0x1000, ACCESS_READ, LEVEL_S, 0x1000);
    finish();
}
END_TEST

START_TEST(sv32_reaches_34_bits)
{
    start_32();
    use_tables(1);
    map(0x5000, UINT64_C(0x300001000), FULL, 0);
    assert_leads(0x5678, ACCESS_READ, LEVEL_S, UINT64_C(0x300001678));
    map(0xffc00000, UINT64_C(0x200000000), FULL, 1);
    assert_leads(0xffffffff, ACCESS_READ, LEVEL_S, UINT64_C(0x2003fffff));
    map(0x400000, 0x80001000, FULL, 1);
    assert_faults(0x400000, ACCESS_READ, LEVEL_S, LOAD_PAGE);
    map(0x400000, 0x80000000, V | R | W | X | U, 1);
    assert_faults(0x400000, ACCESS_WRITE, LEVEL_S, STORE_PAGE);
    assert_leads(0x400000, ACCESS_WRITE, LEVEL_S | SUM, 0x80000000);
    ck_assert_uint_eq(peek(entry_of(0x400000, 1), 1), V | R | W | X | U | A | D);
    poke(rig.root + 4 * 2, pte_of(rig.root, V), 4); /* the root as the last table */
    assert_faults(0x802000, ACCESS_FETCH, LEVEL_S, FETCH_PAGE);
    finish();
}
END_TEST

/* ----------------------------------------------- through the TLB of a running CPU */

START_TEST(a_fence_forgets_what_it_is_told)
{
    static const uint32_t fences[] = { SFENCE, SFENCE_A0, SINVAL_A0 };

    start();
    use_tables(SV39);
    poke(DATA, 1, 4);
    poke(DATA + PAGE, 2, 4);
    put("prv", LEVEL_S);
    for (unsigned i = 0; i < 3; i++) {
        map(0x1000, DATA, V | R | W | A | D, 0);
        ck_assert_uint_eq(execute(SFENCE, 0), 0);
        ck_assert_uint_eq(execute(LW, 0x1000), 0);
        ck_assert_uint_eq(get("a1"), 1);
        map(0x1000, DATA + PAGE, V | R | W | A | D, 0);
        ck_assert_uint_eq(execute(fences[i], 0x1004), 0);
        ck_assert_uint_eq(execute(LW, 0x1000), 0);
        ck_assert_uint_eq(get("a1"), 2);
    }
    finish();
}
END_TEST

START_TEST(a_fence_forgets_all_of_a_large_page)
{
    start();
    use_tables(SV39);
    poke(DATA + PAGE, 1, 4);
    put("prv", LEVEL_S);
    map(UINT64_C(0x40000000), UINT64_C(0x80000000), FULL, 2);
    ck_assert_uint_eq(execute(LW, UINT64_C(0x40000000) + DATA + PAGE - RAM), 0);
    map(UINT64_C(0x40000000), 0, 0, 2);
    ck_assert_uint_eq(execute(SFENCE_A0, UINT64_C(0x40000000)), 0);
    ck_assert_uint_eq(execute(LW, UINT64_C(0x40000000) + DATA + PAGE - RAM), LOAD_PAGE);
    finish();
}
END_TEST

/* ... though small ones, above and below it, are forgotten alone. */
START_TEST(a_fence_of_a_page_leaves_others)
{
    const uint64_t large = UINT64_C(0x40000000);

    start();
    use_tables(SV39);
    put("prv", LEVEL_S);
    map(large, UINT64_C(0x80000000), FULL, 2);
    map(0x1000, DATA, FULL, 0);
    map(0x2000, DATA, FULL, 0);
    for (uint64_t page = 0x1000; page <= 0x2000; page += PAGE)
        ck_assert_uint_eq(execute(LW, page), 0);
    ck_assert_uint_eq(execute(LW, large + DATA - RAM), 0);
    map(0x1000, 0, 0, 0);
    map(0x2000, 0, 0, 0);
    map(large, 0, 0, 2);
    ck_assert_uint_eq(execute(SFENCE_A0, 0x1000), 0);
    ck_assert_uint_eq(execute(LW, 0x1000), LOAD_PAGE);
    ck_assert_uint_eq(execute(LW, 0x2000), 0);
    ck_assert_uint_eq(execute(LW, large + DATA - RAM), 0);
    ck_assert_uint_eq(execute(SFENCE_A0, large + PAGE), 0);
    ck_assert_uint_eq(execute(LW, large + DATA - RAM), LOAD_PAGE);
    finish();
}
END_TEST

/* Code of another page takes the place that says where the first one's lies. */
START_TEST(a_fence_forgets_code_whose_place_is_taken)
{
    start();
    use_tables(SV39);
    uint64_t here = 0x1000, alias = here + TLB_ENTRIES * PAGE + 0x800;

    poke(CODE + 0x100, SFENCE_A0, 4); /* now: code that changes is forgotten anyway */
    poke(DATA, NOP, 4);
    poke(DATA + PAGE, ECALL, 4);
    poke(DATA + 2 * PAGE + 0x800, NOP, 4);
    map(here, DATA, V | X | R | A, 0);
    map(alias, DATA + 2 * PAGE, V | X | R | A, 0);
    put("prv", LEVEL_S);
    for (unsigned i = 0; i < 2; i++) {
        rig.cpu->pc = here;
        step();
        ck_assert_uint_eq(rig.cpu->pc, here + 4);
        rig.cpu->pc = alias;
        step();
        ck_assert_uint_eq(rig.cpu->pc, alias + 4);
    }
    map(here, DATA + PAGE, V | X | R | A, 0);
    put("mtvec", RAM + 0xf00);
    put("a0", here);
    rig.cpu->pc = CODE + 0x100;
    step();
    rig.cpu->pc = here;
    step();
    ck_assert_uint_eq(get("mcause"), 9);
    ck_assert_uint_eq(get("mepc"), here);
    finish();
}
END_TEST

START_TEST(sum_and_mxr_hold_at_once)
{
    const unsigned sstatus = 0x100;

    start();
    use_tables(SV39);
    map(0x1000, DATA, V | R | W | U | A | D, 0);
    map(0x2000, DATA, V | X | A, 0);
    put("prv", LEVEL_S);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(execute(LW, 0x1000), LOAD_PAGE);
        ck_assert_uint_eq(get("mtval"), 0x1000);
        ck_assert_uint_eq(execute(LW, 0x2000), LOAD_PAGE);
        ck_assert_uint_eq(execute(csr_insn(sstatus, CSRRS, A0, 0), 1 << 18), 0);
        ck_assert_uint_eq(execute(LW, 0x1000), 0);
        ck_assert_uint_eq(execute(SW, 0x1ffc), 0);
        ck_assert_uint_eq(execute(LW, 0x2000), LOAD_PAGE);
        ck_assert_uint_eq(execute(csr_insn(sstatus, CSRRS, A0, 0), 1 << 19), 0);
        ck_assert_uint_eq(execute(LW, 0x2000), 0);
        ck_assert_uint_eq(execute(SW, 0x2000), STORE_PAGE);
        ck_assert_uint_eq(execute(csr_insn(sstatus, CSRRC, A0, 0), 3 << 18), 0);
    }
    finish();
}
END_TEST

START_TEST(mprv_is_for_data_only)
{
    start();
    use_tables(SV39);
    map(0x1000, DATA, V | R | W | A | D, 0);
    poke(DATA, 7, 4);
    put("mstatus", 1 << 17 | LEVEL_S << 11); /* the code is not mapped for S to write */
    ck_assert_uint_eq(execute(LW, 0x1000), 0);
    ck_assert_uint_eq(get("a1"), 7);
    put("mstatus", 1 << 17 | LEVEL_U << 11);
    ck_assert_uint_eq(execute(LW, 0x1000), LOAD_PAGE);
    put("mstatus", 1 << 17 | LEVEL_M << 11);
    ck_assert_uint_eq(execute(LW, 0x1000), 0); /* the ROM */
    ck_assert_uint_eq(get("a1"), 0);
    put("mstatus", LEVEL_S << 11);
    ck_assert_uint_eq(execute(SW, 0x1000), STORE_ACCESS);
    finish();
}
END_TEST

START_TEST(accesses_across_pages_fault_in_the_second)
{
    start();
    use_tables(SV39);
    map(0x1000, DATA, V | R | W | A | D, 0);
    poke(DATA + 0xff8, UINT64_C(0x1122334455667788), 8);
    put("prv", LEVEL_S);
    put("a1", UINT64_MAX);
    ck_assert_uint_eq(execute(SD, 0x1ffd), STORE_PAGE);
    ck_assert_uint_eq(get("mtval"), 0x2000);
    ck_assert_uint_eq(peek(DATA + 0xff8, 8), UINT64_C(0x1122334455667788));
    ck_assert_uint_eq(execute(LD, 0x1ffd), LOAD_PAGE);
    ck_assert_uint_eq(get("mtval"), 0x2000);
    ck_assert_uint_eq(execute(LD, 0xffd), LOAD_PAGE);
    ck_assert_uint_eq(get("mtval"), 0xffd);
    map(0x2000, DATA + 4 * PAGE, V | R | W | A | D, 0);
    poke(DATA + 4 * PAGE, UINT64_C(0xaabbccddeeff0011), 8);
    ck_assert_uint_eq(execute(LD, 0x1ffd), 0);
    ck_assert_uint_eq(get("a1"), UINT64_C(0xddeeff0011112233));
    ck_assert_uint_eq(execute(SD, 0x1ffb), 0);
    ck_assert_uint_eq(peek(DATA + 4 * PAGE, 8), UINT64_C(0xaabbccddeeddeeff));
    finish();
}
END_TEST

START_TEST(an_instruction_may_end_on_a_missing_page)
{
    start();
    use_tables(SV39);
    map(0x1000, DATA, V | X | A, 0);
    poke(DATA + 0xffc, C_NOP | C_NOP << 16, 4);
    put("prv", LEVEL_S);
    put("mtvec", RAM + 0xf00);
    rig.cpu->pc = 0x1ffe; /* 2 bytes: whole */
    steps_to_trap();
    ck_assert_uint_eq(get("mcause"), FETCH_PAGE);
    ck_assert_uint_eq(get("mepc"), 0x2000);
    ck_assert_uint_eq(get("mtval"), 0x2000);
    poke(DATA + 0xffe, NOP & 0xffff, 2); /* 4 bytes: the second half is missing */
    put("prv", LEVEL_S);
    rig.cpu->pc = 0x1ffe;
    step();
    ck_assert_uint_eq(get("mcause"), FETCH_PAGE);
    ck_assert_uint_eq(get("mepc"), 0x1ffe);
    ck_assert_uint_eq(get("mtval"), 0x2000);
    map(0x2000, DATA + 4 * PAGE, V | X | A, 0); /* somewhere else */
    poke(DATA + 4 * PAGE, NOP >> 16, 2);
    put("prv", LEVEL_S);
    rig.cpu->pc = 0x1ffe;
    step();
    ck_assert_uint_eq(rig.cpu->pc, 0x2002);
    map(0x2000, 0, 0, 0); /* it was there */
    ck_assert_uint_eq(execute(SFENCE, 0), 0);
    rig.cpu->pc = 0x1ffe;
    step();
    ck_assert_uint_eq(get("mcause"), FETCH_PAGE);
    ck_assert_uint_eq(get("mepc"), 0x1ffe);
    ck_assert_uint_eq(get("mtval"), 0x2000);
    finish();
}
END_TEST

START_TEST(atomics_fault_as_stores)
{
    start();
    use_tables(SV39);
    map(0x1000, DATA, V | R | A, 0);
    put("prv", LEVEL_S);
    ck_assert_uint_eq(execute(AMOADD_W, 0x1000), STORE_PAGE);
    ck_assert_uint_eq(get("mtval"), 0x1000);
    ck_assert_uint_eq(execute(AMOADD_W, 0x3000), STORE_PAGE);
    ck_assert_uint_eq(execute(AMOADD_W, 0x1002), 6);
    ck_assert_uint_eq(get("mtval"), 0x1002);
    ck_assert_uint_eq(execute(LR_W, 0x3000), LOAD_PAGE);
    ck_assert_uint_eq(execute(LR_W, 0x1002), 4);
    ck_assert_uint_eq(execute(LR_W, 0x1000), 0);
    ck_assert_uint_eq(execute(SC_W, 0x1000), STORE_PAGE);
    map(0x4000, DEVICE, V | R | W | A | D, 0);
    ck_assert_uint_eq(execute(AMOADD_W, 0x4000), STORE_ACCESS);
    ck_assert_uint_eq(get("mtval"), 0x4000);
    finish();
}
END_TEST

START_TEST(where_nothing_answers_is_an_access_fault)
{
    start();
    put("mtvec", RAM + 0xf00);
    ck_assert_uint_eq(execute(LW, NOTHING + 2), LOAD_ACCESS);
    ck_assert_uint_eq(get("mtval"), NOTHING + 2);
    ck_assert_uint_eq(execute(SW, NOTHING), STORE_ACCESS);
    ck_assert_uint_eq(execute(SW, ROM), STORE_ACCESS);
    ck_assert_uint_eq(execute(LB, DEVICE), 0);
    ck_assert_uint_eq(get("a1"), 0x55);
    ck_assert_uint_eq(execute(SB, DEVICE + 1), 0);
    ck_assert_uint_eq(rig.written_at, DEVICE + 1);
    rig.cpu->pc = DEVICE;
    step();
    ck_assert_uint_eq(get("mcause"), FETCH_ACCESS);
    ck_assert_uint_eq(get("mtval"), DEVICE);
    finish();
}
END_TEST

/* --------------------------------------------------------------- protection (PMP) */

enum { MAY_R = 1, MAY_W = 2, TOR = 8, NA4 = 16, NAPOT = 24, LOCK = 0x80 };

START_TEST(without_an_entry_only_machine_mode_may)
{
    start();
    assert_faults(DATA, ACCESS_READ, LEVEL_S, LOAD_ACCESS);
    assert_faults(DATA, ACCESS_WRITE, LEVEL_U, STORE_ACCESS);
    assert_faults(DATA, ACCESS_FETCH, LEVEL_S, FETCH_ACCESS);
    assert_leads(DATA, ACCESS_FETCH, LEVEL_M, DATA);
    finish();
}
END_TEST

START_TEST(ranges_are_what_their_kind_says)
{
    start();
    set_pmp(2, (DATA + 0x100) >> 2, NA4 | MAY_R);
    assert_faults(DATA + 0xff, ACCESS_READ, LEVEL_S, LOAD_ACCESS);
    assert_leads(DATA + 0x100, ACCESS_READ, LEVEL_S, DATA + 0x100);
    assert_leads(DATA + 0x103, ACCESS_READ, LEVEL_S, DATA + 0x103);
    assert_faults(DATA + 0x104, ACCESS_READ, LEVEL_S, LOAD_ACCESS);
    set_pmp(2, DATA >> 2 | 3, NAPOT | MAY_R);
    assert_leads(DATA + 31, ACCESS_READ, LEVEL_S, DATA + 31);
    assert_faults(DATA + 32, ACCESS_READ, LEVEL_S, LOAD_ACCESS);
    set_pmp(1, (DATA + 8) >> 2, 0);
    set_pmp(2, (DATA + 16) >> 2, TOR | MAY_R);
    assert_faults(DATA + 7, ACCESS_READ, LEVEL_S, LOAD_ACCESS);
    assert_leads(DATA + 8, ACCESS_READ, LEVEL_S, DATA + 8);
    assert_leads(DATA + 15, ACCESS_READ, LEVEL_S, DATA + 15);
    assert_faults(DATA + 16, ACCESS_READ, LEVEL_S, LOAD_ACCESS);
    set_pmp(1, (DATA + 16) >> 2, 0); /* empty */
    assert_faults(DATA + 15, ACCESS_READ, LEVEL_S, LOAD_ACCESS);
    set_pmp(2, UINT64_MAX, NAPOT | MAY_R); /* everything */
    assert_leads(0, ACCESS_READ, LEVEL_S, 0);
    assert_leads(UINT64_C(0xffffffffffffff), ACCESS_READ, LEVEL_S,
                 UINT64_C(0xffffffffffffff));
    set_pmp(0, 0x1000 >> 2, TOR | MAY_R); /* the first one begins at 0 */
    assert_leads(0xfff, ACCESS_READ, LEVEL_U, 0xfff);
    finish();
}
END_TEST

START_TEST(the_first_entry_counts_and_rights_are_its_own)
{
    static const unsigned causes[] = { LOAD_ACCESS, STORE_ACCESS, FETCH_ACCESS };
    static const unsigned needs[] = { 1, 2, 4 };

    start();
    set_pmp(15, UINT64_MAX, NAPOT | 7);
    for (unsigned rights = 0; rights < 8; rights++)
        for (unsigned access = 0; access < 3; access++) {
            unsigned is = rights & 3, may = is == 2 ? rights & 4 : rights; /* W alone */

            set_pmp(3, DATA >> 2 | 0x1ff, NAPOT | rights);
            ck_assert_uint_eq(cause_of(DATA, access, LEVEL_S),
                              may & needs[access] ? 0 : causes[access]);
            ck_assert_uint_eq(cause_of(DATA, access, LEVEL_M), 0);
            ck_assert_uint_eq(cause_of(DATA + PAGE, access, LEVEL_S), 0);
        }
    finish();
}
END_TEST

START_TEST(locked_entries_bind_machine_mode_until_reset)
{
    start();
    set_pmp(0, DATA >> 2 | 0x1ff, NAPOT | MAY_R | LOCK);
    assert_faults(DATA, ACCESS_WRITE, LEVEL_M, STORE_ACCESS);
    assert_leads(DATA, ACCESS_READ, LEVEL_M, DATA);
    assert_leads(DATA + PAGE, ACCESS_WRITE, LEVEL_M, DATA + PAGE);
    put("prv", LEVEL_M);
    ck_assert_uint_eq(execute(SW, DATA + 0xffc), STORE_ACCESS);
    ck_assert_uint_eq(get("mtval"), DATA + 0xffc);
    ck_assert_uint_eq(execute(LW, DATA + 0xffc), 0);
    set_pmp(0, 0, 7);
    ck_assert_uint_eq(read_csr(CSR_PMPADDR0), DATA >> 2 | 0x1ff);
    ck_assert_uint_eq(read_csr(CSR_PMPCFG0) & 0xff, NAPOT | MAY_R | LOCK);
    finish();
}
END_TEST

/* All accesses to a page go the slow way when entries divide it. */
START_TEST(a_page_may_be_divided)
{
    start();
    use_tables(SV39);
    map(0x1000, DATA, V | R | W | A | D, 0);
    set_pmp(0, (DATA + 0x100) >> 2, 0);
    set_pmp(1, (DATA + 0x200) >> 2, TOR | MAY_R);
    put("prv", LEVEL_S);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(execute(SW, 0x10fc), 0);
        ck_assert_uint_eq(execute(SW, 0x1100), STORE_ACCESS);
        ck_assert_uint_eq(get("mtval"), 0x1100);
        ck_assert_uint_eq(execute(LW, 0x1100), 0);
        ck_assert_uint_eq(execute(LD, 0x10fc), LOAD_ACCESS); /* not all of it */
        ck_assert_uint_eq(get("mtval"), 0x10fc);
        ck_assert_uint_eq(execute(LD, 0x10f8), 0);
        ck_assert_uint_eq(execute(SW, 0x1200), 0);
        ck_assert_uint_eq(execute(AMOADD_W, 0x11fc), STORE_ACCESS);
        ck_assert_uint_eq(execute(AMOADD_W, 0x1200), 0);
    }
    finish();
}
END_TEST

START_TEST(code_ends_where_protection_begins)
{
    start();
    use_tables(SV39);
    map(0x1000, DATA, V | R | X | A, 0);
    for (unsigned i = 0; i < 0x200; i += 4)
        poke(DATA + i, NOP, 4);
    set_pmp(0, (DATA + 0x100) >> 2, 0);
    set_pmp(1, (DATA + 0x200) >> 2, TOR | MAY_R);
    put("prv", LEVEL_S);
    put("mtvec", RAM + 0xf00);
    rig.cpu->pc = 0x10f0;
    steps_to_trap();
    ck_assert_uint_eq(get("mcause"), FETCH_ACCESS);
    ck_assert_uint_eq(get("mepc"), 0x1100);
    ck_assert_uint_eq(get("mtval"), 0x1100);
    finish();
}
END_TEST

/* S's code at pc until it traps, by blocks. */
static void run_to_trap(uint64_t pc)
{
    put("prv", LEVEL_S);
    rig.cpu->pc = pc;
    rig.cpu->kick = 0;
    for (unsigned i = 0; i < 10 && rig.cpu->pc != RAM + 0xf00; i++) {
        interp_engine.run(rig.cpu, 1000);
        if (rig.cpu->event.kind != EXEC_KICK && rig.cpu->event.kind != EXEC_LIMIT)
            rig.m.machine->event(rig.cpu);
    }
    put("prv", LEVEL_M);
}

/* Blocks that lead to each other, and were translated when all of the page was theirs. */
START_TEST(code_that_ran_ends_where_protection_begins_now)
{
    enum { J_FORWARD_352 = 0x1600006f };

    start();
    use_tables(SV39);
    map(0x1000, DATA, V | R | X | A, 0);
    for (unsigned i = 0; i < 0x200; i += 4)
        poke(DATA + i, NOP, 4);
    poke(DATA + 0x80, J_FORWARD_352, 4);
    poke(DATA + 0x1f0, ECALL, 4);
    put("mtvec", RAM + 0xf00);
    for (unsigned n = 0; n < 3; n++) {
        run_to_trap(0x1070);
        ck_assert_uint_eq(get("mcause"), 9);
        ck_assert_uint_eq(get("mepc"), 0x11f0);
    }
    for (unsigned end = 0x1e0; end < 0x1f0; end += 4) {
        set_pmp(0, (DATA + end) >> 2, 0);
        set_pmp(1, (DATA + 0x200) >> 2, TOR | MAY_R);
        for (unsigned n = 0; n < 2; n++) {
            run_to_trap(0x1070);
            ck_assert_uint_eq(get("mcause"), FETCH_ACCESS);
            ck_assert_uint_eq(get("mepc"), 0x1000 + end);
            ck_assert_uint_eq(get("mtval"), 0x1000 + end);
        }
    }
    set_pmp(1, 0, 0);
    run_to_trap(0x1070);
    ck_assert_uint_eq(get("mcause"), 9);
    finish();
}
END_TEST

START_TEST(page_tables_are_protected_too)
{
    start();
    use_tables(SV39);
    map(0x200000, DATA, V | R | W, 0);
    uint64_t table = entry_of(0x200000, 0) & ~(PAGE - 1);

    set_pmp(0, table >> 2 | 0x1ff, NAPOT);
    assert_faults(0x200000, ACCESS_READ, LEVEL_S, LOAD_ACCESS);
    assert_faults(0x200000, ACCESS_FETCH, LEVEL_S, FETCH_ACCESS);
    set_pmp(0, table >> 2 | 0x1ff, NAPOT | MAY_R); /* A and D cannot be written */
    assert_faults(0x200000, ACCESS_READ, LEVEL_S, LOAD_ACCESS);
    map(0x200000, DATA, V | R | W | A, 0);
    assert_leads(0x200000, ACCESS_READ, LEVEL_S, DATA);
    assert_faults(0x200000, ACCESS_WRITE, LEVEL_S, STORE_ACCESS);
    set_pmp(0, table >> 2 | 0x1ff, NAPOT | MAY_R | MAY_W);
    assert_leads(0x200000, ACCESS_WRITE, LEVEL_S, DATA);
    finish();
}
END_TEST

START_TEST(protection_reaches_34_bits_on_rv32)
{
    start_32();
    use_tables(1);
    map(0x5000, UINT64_C(0x300001000), FULL, 0);
    set_pmp(0, 0xc0000400 | 0x1ff, NAPOT | MAY_R);
    assert_leads(0x5000, ACCESS_READ, LEVEL_S, UINT64_C(0x300001000));
    assert_faults(0x5000, ACCESS_WRITE, LEVEL_S, STORE_ACCESS);
    finish();
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("riscv_mmu", USUAL_LIMIT);

    tcase_add_loop_test(cases.all, every_depth_and_page_size_leads_to_its_place, 0, 3);
    tcase_add_loop_test(cases.all, addresses_that_are_not_canonical_fault, 0, 3);
    tcase_add_loop_test(cases.all, large_pages_that_are_misaligned_fault, 0, 3);
    tcase_add_test(cases.all, every_permission_is_as_the_manual_has_it);
    tcase_add_test(cases.all, accessed_and_dirty_bits_are_set_or_fault);
    tcase_add_test(cases.all, reserved_bits_of_entries_fault);
    tcase_add_test(cases.all, memory_types_are_for_who_may_say_them);
    tcase_add_test(cases.all, sixteen_pages_are_one);
    tcase_add_loop_test(cases.all, tables_that_contain_themselves_end, 0, 3);
    tcase_add_test(cases.all, tables_that_are_not_in_ram);
    tcase_add_test(cases.all, tables_in_rom_have_the_bits_or_fault);
    tcase_add_test(cases.all, machine_mode_and_bare_translate_nothing);
    tcase_add_test(cases.all, sv32_reaches_34_bits);
    tcase_add_test(cases.all, a_fence_forgets_what_it_is_told);
    tcase_add_test(cases.all, a_fence_forgets_all_of_a_large_page);
    tcase_add_test(cases.all, a_fence_of_a_page_leaves_others);
    tcase_add_test(cases.all, a_fence_forgets_code_whose_place_is_taken);
    tcase_add_test(cases.all, sum_and_mxr_hold_at_once);
    tcase_add_test(cases.all, mprv_is_for_data_only);
    tcase_add_test(cases.all, accesses_across_pages_fault_in_the_second);
    tcase_add_test(cases.all, an_instruction_may_end_on_a_missing_page);
    tcase_add_test(cases.all, atomics_fault_as_stores);
    tcase_add_test(cases.all, where_nothing_answers_is_an_access_fault);
    tcase_add_test(cases.all, without_an_entry_only_machine_mode_may);
    tcase_add_test(cases.all, ranges_are_what_their_kind_says);
    tcase_add_test(cases.all, the_first_entry_counts_and_rights_are_its_own);
    tcase_add_test(cases.all, locked_entries_bind_machine_mode_until_reset);
    tcase_add_test(cases.all, a_page_may_be_divided);
    tcase_add_test(cases.all, code_ends_where_protection_begins);
    tcase_add_test(cases.all, code_that_ran_ends_where_protection_begins_now);
    tcase_add_test(cases.all, page_tables_are_protected_too);
    tcase_add_test(cases.all, protection_reaches_34_bits_on_rv32);
    return cases_run(cases);
}
