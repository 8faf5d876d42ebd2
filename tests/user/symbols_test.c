/* symbols_test.c - symbol tables as they should be, and hostile ones. */
#include "user/symbols.h"

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "run_cases.h"
#include "user/elf.h"

/* A file: header, one program header, text, symbols, names, section headers. */
enum {
    PHDRS = 64,
    TEXT = 0x100,
    TEXT_SIZE = 0x100,
    SYMBOLS = 0x200,
    MAX_SYMBOLS = 16,
    NAMES = 0x400,
    NAMES_SIZE = 0x80,
    HEADERS = 0x480,
    FILE_SIZE = HEADERS + 4 * 64,
    ADDRESS = 0x10000, /* of the text */
};
enum { NOTYPE = 0, OBJECT = 1, FUNC = 2, LOCAL = 0, GLOBAL = 1 << 4 };
enum { SYMTAB = 2, STRTAB = 3, DYNSYM = 11 };

static uint8_t file[FILE_SIZE];
static size_t file_size;
static bool is_wide, is_big;
static unsigned nsymbols;
static size_t names_used;

static void put(size_t at, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        file[at + (is_big ? size - 1 - i : i)] = (uint8_t)(value >> 8 * i);
}

/* A field of 4 bytes in 32-bit files, and of 8 in others. */
static void put_word(size_t narrow_at, size_t wide_at, uint64_t value)
{
    put(is_wide ? wide_at : narrow_at, is_wide ? 8 : 4, value);
}

static void put_section(unsigned number, uint32_t type, uint32_t flags, uint64_t offset,
                        uint64_t size, uint32_t link)
{
    size_t at = HEADERS + number * (size_t)(is_wide ? 64 : 40);

    put(at + 4, 4, type);
    put_word(at + 8, at + 8, flags);
    put_word(at + 16, at + 24, offset);
    put_word(at + 20, at + 32, size);
    put(at + (is_wide ? 40 : 24), 4, link);
}

static void add_symbol(const char *name, unsigned info, uint64_t value, uint64_t size)
{
    size_t at = SYMBOLS + nsymbols++ * (size_t)(is_wide ? 24 : 16);

    put(at, 4, names_used);
    put_word(at + 4, at + 8, value);
    put_word(at + 8, at + 16, size);
    file[at + (is_wide ? 4 : 12)] = (uint8_t)info;
    put(at + (is_wide ? 6 : 14), 2, 1);
    strcpy((char *)file + NAMES + names_used, name);
    names_used += strlen(name) + 1;
}

static void begin(bool wide, bool big)
{
    memset(file, 0, sizeof file);
    file_size = FILE_SIZE;
    is_wide = wide, is_big = big;
    nsymbols = 0;
    names_used = 1;
    memcpy(file, "\177ELF", 4);
    file[4] = wide ? 2 : 1, file[5] = big ? 2 : 1, file[6] = 1;
    put(16, 2, ELF_EXEC);
    put(18, 2, 243);
    put_word(28, 32, PHDRS);
    put_word(32, 40, HEADERS);
    put(wide ? 54 : 42, 2, wide ? 56 : 32);
    put(wide ? 56 : 44, 2, 1);
    put(wide ? 58 : 46, 2, wide ? 64 : 40);
    put(wide ? 60 : 48, 2, 4);
    put(PHDRS, 4, 1);
    put(PHDRS + (wide ? 4 : 24), 4, 5);
    put_word(PHDRS + 4, PHDRS + 8, TEXT);
    put_word(PHDRS + 8, PHDRS + 16, ADDRESS);
    put_word(PHDRS + 16, PHDRS + 32, TEXT_SIZE);
    put_word(PHDRS + 20, PHDRS + 40, TEXT_SIZE);
}

static void end(uint32_t type)
{
    put_section(1, 1, 6, TEXT, TEXT_SIZE, 0);
    put_section(2, type, 0, SYMBOLS, nsymbols * (is_wide ? 24u : 16u), 3);
    put_section(3, STRTAB, 0, NAMES, NAMES_SIZE, 0);
}

static void good(bool wide, bool big)
{
    begin(wide, big);
    add_symbol("", 0, 0, 0);
    add_symbol("_start", GLOBAL | NOTYPE, ADDRESS, 0);
    add_symbol("$x", LOCAL | NOTYPE, ADDRESS + 4, 0);
    add_symbol("main", GLOBAL | FUNC, ADDRESS + 0x20, 0x20);
    add_symbol("alias", LOCAL | FUNC, ADDRESS + 0x20, 0x20);
    add_symbol("inner", LOCAL | FUNC, ADDRESS + 0x28, 4);
    add_symbol("table", GLOBAL | OBJECT, ADDRESS + 0x30, 8);
    add_symbol("bad\n\033name", GLOBAL | FUNC, ADDRESS + 0x80, 0x10);
    end(SYMTAB);
}

static size_t read_file(void *context, uint64_t offset, void *bytes, size_t size)
{
    (void)context;
    if (offset >= file_size)
        return 0;
    if (size > file_size - offset)
        size = file_size - (size_t)offset;
    memcpy(bytes, file + offset, size);
    return size;
}

static struct symbols *read_symbols(void)
{
    struct elf_source source = { NULL, read_file, file_size };

    return symbols_read(&source);
}

/* What is found `at` bytes behind the text's beginning: name and distance. */
static void finds(const struct symbols *symbols, uint64_t at, const char *name,
                  uint64_t distance)
{
    uint64_t got = 0;
    const char *found = symbols_at(symbols, TEXT + at, &got);

    if (!name) {
        ck_assert_msg(!found, "at %#lx: got %s", (long)at, found);
        return;
    }
    ck_assert_msg(found && strcmp(found, name) == 0, "at %#lx: got %s, want %s", (long)at,
                  found, name);
    ck_assert_uint_eq(got, distance);
}

START_TEST(functions_are_found)
{
    struct symbols *symbols;

    good(_i & 1, _i & 2);
    symbols = read_symbols();
    ck_assert_ptr_nonnull(symbols);
    finds(symbols, 0, "_start", 0);
    finds(symbols, 0x1f, "_start", 0x1f); /* no size: up to the next one */
    finds(symbols, 0x20, "main", 0);      /* not the local alias */
    finds(symbols, 0x2b, "inner", 3);
    finds(symbols, 0x2c, "main", 0xc); /* behind what is inside of it */
    finds(symbols, 0x30, "main", 0x10);
    finds(symbols, 0x40, NULL, 0);
    finds(symbols, 0x80, "bad??name", 0);
    finds(symbols, TEXT_SIZE, NULL, 0);
    finds(symbols, -(uint64_t)1, NULL, 0);
    symbols_free(symbols);
}
END_TEST

START_TEST(dynamic_symbols_do_where_there_are_no_others)
{
    struct symbols *symbols;

    begin(true, false);
    add_symbol("exported", GLOBAL | FUNC, ADDRESS + 8, 8);
    end(DYNSYM);
    symbols = read_symbols();
    ck_assert_ptr_nonnull(symbols);
    finds(symbols, 9, "exported", 1);
    symbols_free(symbols);
}
END_TEST

START_TEST(data_is_no_table_of_functions)
{
    begin(true, false);
    add_symbol("table", GLOBAL | OBJECT, ADDRESS, 8);
    end(SYMTAB);
    ck_assert_ptr_null(read_symbols());
}
END_TEST

START_TEST(names_outside_of_their_section_are_none)
{
    struct symbols *symbols;

    good(true, false);
    put(SYMBOLS + 3 * 24, 4, NAMES_SIZE);
    put(SYMBOLS + 4 * 24, 4, UINT32_MAX);
    symbols = read_symbols();
    ck_assert_ptr_nonnull(symbols);
    finds(symbols, 0x20, "_start", 0x20);
    symbols_free(symbols);
}
END_TEST

START_TEST(the_last_name_ends)
{
    struct symbols *symbols;

    good(true, false);
    memset(file + NAMES + 8, 'x', NAMES_SIZE - 8);
    symbols = read_symbols();
    ck_assert_ptr_nonnull(symbols);
    for (uint64_t at = 0; at < TEXT_SIZE; at++) {
        uint64_t distance;
        const char *name = symbols_at(symbols, TEXT + at, &distance);

        ck_assert(!name || strlen(name) < NAMES_SIZE);
    }
    symbols_free(symbols);
}
END_TEST

START_TEST(a_table_larger_than_the_file_is_none)
{
    good(true, false);
    put_section(2, SYMTAB, 0, SYMBOLS, UINT64_MAX - 8, 3);
    ck_assert_ptr_null(read_symbols());
    put_section(2, SYMTAB, 0, UINT64_MAX - 8, 24, 3);
    ck_assert_ptr_null(read_symbols());
    put_section(2, SYMTAB, 0, SYMBOLS, 24 * 4, 77);
    ck_assert_ptr_null(read_symbols());
}
END_TEST

/* Reads it, if that is possible, and asks for everything. */
static unsigned ask(void)
{
    struct symbols *symbols = read_symbols();
    uint64_t distance;
    unsigned found = 0;

    if (!symbols)
        return 0;
    for (uint64_t at = 0; at < FILE_SIZE; at += 3) {
        const char *name = symbols_at(symbols, at, &distance);

        if (name) {
            ck_assert_uint_gt(strlen(name), 0);
            found++;
        }
    }
    symbols_free(symbols);
    return found;
}

START_TEST(truncated_files_have_no_symbols)
{
    good(_i & 1, _i & 2);
    ck_assert_uint_gt(ask(), 0);
    for (file_size = 0; file_size < HEADERS + 4 * (is_wide ? 64u : 40u); file_size++)
        ck_assert_uint_eq(ask(), 0);
}
END_TEST

START_TEST(random_flips_do_no_harm)
{
    unsigned found = 0;
    uint32_t random = 12345;

    for (unsigned round = 0; round < 20000; round++) {
        good(round & 1, round & 2);
        for (unsigned i = 0; i <= round % 4; i++) {
            random = random * 1664525 + 1013904223;
            file[(random >> 8) % FILE_SIZE] ^= (uint8_t)(1 << (random >> 5) % 8);
        }
        found += ask() > 0;
    }
    ck_assert_uint_gt(found, 10000); /* most flips hit nothing */
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("symbols", USUAL_LIMIT);

    tcase_add_loop_test(cases.all, functions_are_found, 0, 4);
    tcase_add_test(cases.all, dynamic_symbols_do_where_there_are_no_others);
    tcase_add_test(cases.all, data_is_no_table_of_functions);
    tcase_add_test(cases.all, names_outside_of_their_section_are_none);
    tcase_add_test(cases.all, the_last_name_ends);
    tcase_add_test(cases.all, a_table_larger_than_the_file_is_none);
    tcase_add_loop_test(cases.all, truncated_files_have_no_symbols, 0, 4);
    tcase_add_test(cases.all, random_flips_do_no_harm);
    return cases_run(cases);
}
