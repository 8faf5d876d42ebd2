/* elf_test.c - programs as they should be, and hostile ones. */
#include "user/elf.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "isa/space.h"
#include "run_cases.h"

enum { PAGE = 4096, EHDR = 64, PHDR = 56, FILE_SIZE = 3 * PAGE };
enum { PT_LOAD = 1, PT_INTERP = 3, PT_PHDR = 6, PT_TLS = 7 };
#define LIMIT ((uint64_t)1 << 38)

/* Offsets in a 64-bit program header. */
enum {
    P_TYPE = 0,
    P_FLAGS = 4,
    P_OFFSET = 8,
    P_VADDR = 16,
    P_FILESZ = 32,
    P_MEMSZ = 40,
    P_ALIGN = 48
};

static uint8_t file[FILE_SIZE];
static size_t file_size;
static struct elf_image image;
static char error[ELF_ERROR];

static void put(size_t at, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        file[at + i] = (uint8_t)(value >> 8 * i);
}

static size_t phdr(unsigned i)
{
    return EHDR + (size_t)i * PHDR;
}

static void segment(unsigned i, uint32_t type, uint32_t flags, uint64_t offset,
                    uint64_t vaddr, uint64_t filesz, uint64_t memsz)
{
    put(phdr(i) + P_TYPE, 4, type);
    put(phdr(i) + P_FLAGS, 4, flags);
    put(phdr(i) + P_OFFSET, 8, offset);
    put(phdr(i) + P_VADDR, 8, vaddr);
    put(phdr(i) + P_VADDR + 8, 8, vaddr);
    put(phdr(i) + P_FILESZ, 8, filesz);
    put(phdr(i) + P_MEMSZ, 8, memsz);
    put(phdr(i) + P_ALIGN, 8, PAGE);
}

/* A good program: text at 0x10000, data with bss at 0x12000. */
static void good(void)
{
    memset(file, 0, sizeof(file));
    file_size = FILE_SIZE;
    memcpy(file, "\177ELF\2\1\1", 7);
    put(16, 2, ELF_EXEC);
    put(18, 2, 243);
    put(20, 4, 1);
    put(24, 8, 0x10100);
    put(32, 8, EHDR);
    put(52, 2, EHDR);
    put(54, 2, PHDR);
    put(56, 2, 2);
    segment(0, PT_LOAD, 5, 0, 0x10000, PAGE + 100, PAGE + 100);
    segment(1, PT_LOAD, 6, 2 * PAGE, 0x12000, 16, 2 * PAGE);
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

static int parse(void)
{
    struct elf_source source = { NULL, read_file, file_size };

    error[0] = 0;
    return elf_parse(&source, LIMIT, PAGE, &image, error);
}

/* One line that says so. */
static void refused(const char *words)
{
    ck_assert_int_eq(parse(), -1);
    ck_assert_msg(strstr(error, words) != NULL, "got `%s`, want `%s`", error, words);
    ck_assert_ptr_null(strchr(error, '\n'));
}

START_TEST(a_good_program_is_taken)
{
    good();
    ck_assert_msg(parse() == 0, "%s", error);
    ck_assert_uint_eq(image.bits, 64);
    ck_assert_uint_eq(image.machine, 243);
    ck_assert_uint_eq(image.nsegments, 2);
    ck_assert_uint_eq(image.low, 0x10000);
    ck_assert_uint_eq(image.high, 0x14000);
    ck_assert_uint_eq(image.phdr, 0x10000 + EHDR);
    ck_assert_uint_eq(image.segments[0].prot, SPACE_READ | SPACE_EXEC);
}
END_TEST

START_TEST(a_big_endian_32_bit_program_is_taken)
{
    static const uint8_t header[] = {
        0x7f, 'E', 'L',  'F',  1,    2,    1, 0,  0,    0,  0,    0, 0, 0, 0,    0, 0,
        2,    0,   8,    0,    0,    0,    1, 0,  0x40, 0,  0x80, 0, 0, 0, 52,   0, 0,
        0,    0,   0x12, 0x34, 0x56, 0x78, 0, 52, 0,    32, 0,    1, 0, 0, 0,    0, 0,
        0,    0,   0,    0,    1,    0,    0, 0,  0,    0,  0x40, 0, 0, 0, 0x40, 0, 0,
        0,    0,   1,    0,    0,    0,    2, 0,  0,    0,  0,    7, 0, 0, 0x10, 0,
    };

    memset(file, 0, sizeof(file));
    memcpy(file, header, sizeof(header));
    file_size = FILE_SIZE;
    ck_assert_msg(parse() == 0, "%s", error);
    ck_assert(image.big);
    ck_assert_uint_eq(image.bits, 32);
    ck_assert_uint_eq(image.machine, 8);
    ck_assert_uint_eq(image.entry, 0x400080);
    ck_assert_uint_eq(image.flags, 0x12345678);
    ck_assert_uint_eq(image.segments[0].filesz, 0x100);
    ck_assert_uint_eq(image.segments[0].memsz, 0x200);
    ck_assert_uint_eq(image.segments[0].prot, SPACE_READ | SPACE_WRITE | SPACE_EXEC);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    good();
    for (size_t size = 0; size < 2 * PAGE + 16; size++) {
        file_size = size;
        ck_assert_int_eq(parse(), -1);
        ck_assert_int_gt((int)strlen(error), 5);
    }
    file_size = 2 * PAGE + 16;
    ck_assert_int_eq(parse(), 0);
    file_size = EHDR + PHDR + 3;
    refused("truncated program header 1");
    file_size = 2 * PAGE + 15;
    refused("truncated: segment 1");
}
END_TEST

START_TEST(files_of_zeros_and_of_ones_are_refused)
{
    file_size = FILE_SIZE;
    memset(file, 0, sizeof(file));
    refused("not an ELF file");
    memset(file, 0xff, sizeof(file));
    refused("not an ELF file");
    file_size = 0;
    refused("not an ELF file");
}
END_TEST

START_TEST(wrong_kinds_are_named)
{
    good();
    file[4] = 3;
    refused("ELF class 3");
    good();
    file[5] = 0;
    refused("data encoding 0");
    good();
    file[6] = 9;
    refused("version 9");
    good();
    put(16, 2, 1);
    refused("object file");
    good();
    put(16, 2, 4);
    refused("core dump");
}
END_TEST

START_TEST(program_header_counts_are_checked)
{
    good();
    put(56, 2, 0);
    refused("no program headers");
    good();
    put(56, 2, 0xffff);
    refused("more than Linux takes");
    good();
    put(54, 2, 32);
    refused("program headers of 32 bytes");
    good();
    put(32, 8, UINT64_MAX - 8);
    refused("program headers at byte");
    good();
    put(phdr(0), 4, 0);
    put(phdr(1), 4, 0);
    refused("no segment to load");
}
END_TEST

START_TEST(segment_sizes_are_checked)
{
    good();
    put(phdr(1) + P_MEMSZ, 8, 8);
    refused("16 bytes of file for 8 bytes of memory");
    good();
    put(phdr(1) + P_OFFSET, 8, UINT64_MAX - PAGE + 1);
    refused("truncated: segment 1");
    good();
    put(phdr(1) + P_MEMSZ, 8, (uint64_t)1 << 63);
    refused("beyond the address space");
    good();
    put(phdr(1) + P_VADDR, 8, UINT64_MAX - 2 * PAGE + 1);
    refused("beyond the address space");
    good();
    put(phdr(1) + P_VADDR, 8, LIMIT - PAGE);
    refused("beyond the address space");
}
END_TEST

START_TEST(alignment_is_checked)
{
    good();
    put(phdr(1) + P_ALIGN, 8, 3);
    refused("alignment 3");
    good();
    put(phdr(1) + P_ALIGN, 8, 0);
    ck_assert_int_eq(parse(), 0);
    good();
    put(phdr(1) + P_VADDR, 8, 0x12001);
    refused("differ within a page");
}
END_TEST

START_TEST(overlapping_segments_are_refused)
{
    good();
    put(phdr(1) + P_VADDR, 8, 0x11000);
    put(phdr(1) + P_OFFSET, 8, 2 * PAGE);
    refused("segment 1 overlaps");
    good();
    put(phdr(1) + P_VADDR, 8, 0xf000);
    refused("segment 1 overlaps");
    good();
    put(phdr(0) + P_MEMSZ, 8, 0x2000);
    ck_assert_int_eq(parse(), 0);
    put(phdr(0) + P_MEMSZ, 8, 0x2001);
    refused("segment 1 overlaps");
}
END_TEST

START_TEST(interpreter_names_must_end)
{
    good();
    segment(1, PT_INTERP, 4, 2 * PAGE, 0, 6, 6);
    memcpy(file + 2 * PAGE, "/ld.so", 6);
    refused("does not end");
    segment(1, PT_INTERP, 4, 2 * PAGE, 0, 7, 7);
    ck_assert_int_eq(parse(), 0);
    ck_assert_str_eq(image.interp, "/ld.so");
    segment(1, PT_INTERP, 4, 2 * PAGE, 0, 5000, 5000);
    refused("interpreter name of 5000 bytes");
    segment(1, PT_INTERP, 4, FILE_SIZE - 3, 0, 7, 7);
    refused("truncated interpreter name");
    segment(1, PT_INTERP, 4, UINT64_MAX - 2, 0, 7, 7);
    refused("truncated interpreter name");
    file[2 * PAGE] = 0;
    segment(1, PT_INTERP, 4, 2 * PAGE, 0, 7, 7);
    refused("is empty");
}
END_TEST

START_TEST(too_many_segments_are_refused)
{
    good();
    put(56, 2, 70);
    for (unsigned i = 0; i < 70; i++)
        segment(i, PT_LOAD, 4, 0, 0x100000 + i * 0x10000u, 16, 16);
    refused("more than 64 segments");
}
END_TEST

/* -------------------------------------------------------------------- mapping */

static int memory_file(void)
{
    int fd = memfd_create("elf", 0);

    ck_assert_int_eq(write(fd, file, FILE_SIZE), FILE_SIZE);
    return fd;
}

static void map_in(bool paged)
{
    struct space *space = space_new(38, paged);
    uint64_t bias;
    char byte;
    int fd;

    good();
    memset(file + 2 * PAGE, 'd', PAGE);
    ck_assert_int_eq(parse(), 0);
    fd = memory_file();
    ck_assert_msg(elf_map(space, &image, fd, 0, &bias, error) == 0, "%s", error);
    ck_assert_uint_eq(bias, 0);
    ck_assert_uint_eq(space_prot(space, 0x10000), SPACE_READ | SPACE_EXEC);
    ck_assert_uint_eq(space_prot(space, 0x13fff), SPACE_READ | SPACE_WRITE);
    ck_assert_uint_eq(space_prot(space, 0x14000), 0);
    ck_assert_int_eq(space_read(space, 0x1200f, &byte, 1, NULL), 0);
    ck_assert_int_eq(byte, 'd');
    ck_assert_int_eq(space_read(space, 0x12010, &byte, 1, NULL), 0);
    ck_assert_int_eq(byte, 0); /* bss begins within the page */
    ck_assert_int_eq(space_read(space, 0x12fff, &byte, 1, NULL), 0);
    ck_assert_int_eq(byte, 0);
    ck_assert_int_eq(space_read(space, 0x13000, &byte, 1, NULL), 0);
    ck_assert_int_eq(byte, 0);
    ck_assert_int_eq(elf_map(space, &image, fd, 0, &bias, error), -1);
    ck_assert_ptr_nonnull(strstr(error, "no room")); /* the place is taken */
    image.type = ELF_DYN;
    ck_assert_msg(elf_map(space, &image, fd, 0, &bias, error) == 0, "%s", error);
    ck_assert_uint_ne(bias, 0);
    close(fd);
    space_free(space);
}

START_TEST(segments_are_mapped_as_linux_does)
{
    if (sizeof(void *) == 8)
        map_in(false);
    map_in(true);
}
END_TEST

START_TEST(machines_have_names)
{
    struct elf_ident ident;

    good();
    ck_assert(elf_ident(file, sizeof(file), &ident));
    ck_assert_str_eq(elf_machine_name(ident.machine), "riscv");
    ck_assert_str_eq(elf_machine_name(183), "aarch64");
    ck_assert_ptr_null(elf_machine_name(12345));
    ck_assert(!elf_ident(file, 19, &ident));
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        a_good_program_is_taken,
        a_big_endian_32_bit_program_is_taken,
        every_truncation_is_refused,
        files_of_zeros_and_of_ones_are_refused,
        wrong_kinds_are_named,
        program_header_counts_are_checked,
        segment_sizes_are_checked,
        alignment_is_checked,
        overlapping_segments_are_refused,
        interpreter_names_must_end,
        too_many_segments_are_refused,
        segments_are_mapped_as_linux_does,
        machines_have_names,
    };

    return run_cases("elf", cases, COUNT(cases));
}
