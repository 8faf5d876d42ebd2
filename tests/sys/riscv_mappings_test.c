/* riscv_mappings_test.c - what page tables map, as the monitor lists it. */
#include "riscv_rig.h"
#include "run_cases.h"

enum { MOST = 64 };
#define FULL (V | R | W | X | A | D)

static struct {
    struct mapping first[MOST];
    unsigned count, wanted;
} told;

/* Without the page of the rig's code. */
static bool tell(void *context, const struct mapping *mapping)
{
    (void)context;
    if (mapping->addr == CODE)
        return true;
    if (told.count < MOST)
        told.first[told.count] = *mapping;
    return ++told.count < told.wanted;
}

static enum mappings list(unsigned wanted)
{
    told.count = 0;
    told.wanted = wanted;
    return rig.m.machine->mappings(rig.cpu, tell, NULL);
}

static void assert_mapping(unsigned n, uint64_t addr, uint64_t physical, uint64_t size,
                           const char *flags)
{
    ck_assert_uint_lt(n, told.count);
    ck_assert_uint_eq(told.first[n].addr, addr);
    ck_assert_uint_eq(told.first[n].physical, physical);
    ck_assert_uint_eq(told.first[n].size, size);
    ck_assert_str_eq(told.first[n].flags, flags);
}

START_TEST(pages_of_all_sizes_are_told_in_their_order)
{
    static const unsigned modes[] = { SV39, SV48, SV57 };

    start_with("riscv64", "rv64max", &interp_engine);
    ck_assert_int_eq(list(MOST), MAPPINGS_NONE);
    use_tables(modes[_i]);
    map(-PAGE, DATA, V | R | U, 0);
    map(PAGE << 9, 0, FULL, 1);
    map(5 * PAGE, DATA + PAGE, V | X | A, 0);
    poke(entry_of(6 * PAGE, 0), pte_of(DATA | 0x8000, FULL) | UINT64_C(1) << 63, 8);
    ck_assert_int_eq(list(MOST), MAPPINGS_ALL);
    ck_assert_uint_eq(told.count, 4);
    assert_mapping(0, 5 * PAGE, DATA + PAGE, PAGE, "--x--a-");
    assert_mapping(1, 6 * PAGE, DATA + 6 * PAGE, PAGE, "rwx--ad");
    assert_mapping(2, PAGE << 9, 0, PAGE << 9, "rwx--ad");
    assert_mapping(3, -PAGE, DATA, PAGE, "r--u---");
    ck_assert_int_eq(list(2), MAPPINGS_SOME);
    ck_assert_uint_eq(told.count, 2);
    finish();
}
END_TEST

START_TEST(those_of_32_bits_reach_34)
{
    start_with("riscv32", "rv32max", &interp_engine);
    use_tables(1);
    map(0xfffff000, UINT64_C(0x3fffff000), V | R | W, 0);
    map(0x400000, 0x400000, V | X, 1);
    ck_assert_int_eq(list(MOST), MAPPINGS_ALL);
    ck_assert_uint_eq(told.count, 2);
    assert_mapping(0, 0x400000, 0x400000, 0x400000, "--x----");
    assert_mapping(1, 0xfffff000, UINT64_C(0x3fffff000), PAGE, "rw-----");
    finish();
}
END_TEST

/* All of a table's entries lead to it: 512 to the power of the levels. */
START_TEST(tables_that_contain_themselves_end)
{
    start_with("riscv64", "rv64max", &interp_engine);
    use_tables(SV57);
    for (unsigned i = 0; i < 512; i++)
        poke(rig.root + 8 * i, pte_of(rig.root, V), 8);
    ck_assert_int_eq(list(MOST), MAPPINGS_SOME);
    ck_assert_uint_eq(told.count, 0);
    poke(rig.root, pte_of(DATA, V | R), 8);
    ck_assert_int_eq(list(UINT32_MAX), MAPPINGS_SOME);
    finish();
}
END_TEST

START_TEST(tables_where_there_is_no_memory_are_empty)
{
    start_with("riscv64", "rv64max", &interp_engine);
    use_tables(SV39);
    poke(rig.root, pte_of(NOTHING, V), 8);
    poke(rig.root + 8, pte_of(DEVICE, V), 8);
    map(PAGE << 20, DATA, V | R, 0);
    ck_assert_int_eq(list(MOST), MAPPINGS_ALL);
    ck_assert_uint_eq(told.count, 1);
    assert_mapping(0, PAGE << 20, DATA, PAGE, "r------");
    finish();
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("riscv_mappings", USUAL_LIMIT);

    tcase_add_loop_test(cases.all, pages_of_all_sizes_are_told_in_their_order, 0, 3);
    tcase_add_test(cases.all, those_of_32_bits_reach_34);
    tcase_add_test(cases.all, tables_that_contain_themselves_end);
    tcase_add_test(cases.all, tables_where_there_is_no_memory_are_empty);
    return cases_run(cases);
}
