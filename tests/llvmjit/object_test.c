/* object_test.c - the linker of one object file: a small file of its kind, and what is
 * left of it when bytes are changed at random. */
#include <check.h>
#include <elf.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "llvmjit/object.c" /* it is not part of the program */
#include "run_cases.h"

enum { RELOCATION = R_X86_64_PC32, ABSOLUTE = R_X86_64_64, MACHINE = EM_X86_64 };

/* Code that refers to a word of .bss. */
struct file {
    Elf64_Ehdr header;
    Elf64_Shdr section[6]; /* none, .text, .bss, .rela.text, .symtab, .strtab */
    uint8_t text[16];
    Elf64_Rela rela[1];
    Elf64_Sym symbol[3];
    char names[16];
};

static struct file make_file(void)
{
    struct file f = {
        .header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64 },
                    .e_type = ET_REL,
                    .e_machine = MACHINE,
                    .e_shoff = offsetof(struct file, section),
                    .e_shentsize = sizeof(Elf64_Shdr),
                    .e_shnum = 6 },
        .section = { [1] = { .sh_type = SHT_PROGBITS,
                             .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                             .sh_offset = offsetof(struct file, text),
                             .sh_size = 16,
                             .sh_addralign = 16 },
                     [2] = { .sh_type = SHT_NOBITS,
                             .sh_flags = SHF_ALLOC | SHF_WRITE,
                             .sh_size = 24,
                             .sh_addralign = 8 },
                     [3] = { .sh_type = SHT_RELA,
                             .sh_offset = offsetof(struct file, rela),
                             .sh_size = sizeof f.rela,
                             .sh_info = 1,
                             .sh_link = 4 },
                     [4] = { .sh_type = SHT_SYMTAB,
                             .sh_offset = offsetof(struct file, symbol),
                             .sh_size = sizeof f.symbol,
                             .sh_link = 5 },
                     [5] = { .sh_type = SHT_STRTAB,
                             .sh_offset = offsetof(struct file, names),
                             .sh_size = sizeof f.names } },
        .rela = { { .r_offset = 4,
                    .r_info = ELF64_R_INFO(UINT64_C(2), RELOCATION),
                    .r_addend = -4 } },
        .symbol = { [1] = { .st_name = 1, .st_shndx = 1 },
                    [2] = { .st_name = 6, .st_shndx = 2, .st_value = 8 } },
        .names = "\0body\0word",
    };

    memset(f.text, 0x90, sizeof f.text);
    return f;
}

static int link_file(const struct file *file, unsigned stubs, struct object *object,
                     char why[200])
{
    why[0] = 0;
    return object_link((const uint8_t *)file, sizeof *file, stubs, object, why, 200);
}

START_TEST(references_are_distances_in_the_blob)
{
    struct file file = make_file();
    struct object object;
    char why[200];
    int32_t distance;

    ck_assert_msg(!link_file(&file, 0, &object, why), "%s", why);
    ck_assert_uint_eq(object.size, 128);
    ck_assert_int_eq(object_symbol((uint8_t *)&file, sizeof file, "word"), 64 + 8);
    ck_assert_int_eq(object_symbol((uint8_t *)&file, sizeof file, "body"), 0);
    ck_assert_int_eq(object_symbol((uint8_t *)&file, sizeof file, "other"), -1);
    memcpy(&distance, object.code + 4, 4);
    ck_assert_int_eq(distance, 64 + 8 - 4 - 4);
    ck_assert_int_eq(object.code[72], 0);
    free(object.code);
}
END_TEST

START_TEST(stubs_lie_behind_and_lead_to_the_body)
{
    struct file file = make_file();
    struct object object;
    char why[200];
    int32_t distance;

    ck_assert_msg(!link_file(&file, 3, &object, why), "%s", why);
    ck_assert_uint_eq(object.stubs, 128);
    ck_assert_uint_eq(object.size, 128 + 3 * OBJECT_STUB_SIZE);
    memcpy(&distance, object.code + 128 + 2 * OBJECT_STUB_SIZE + 6, 4);
    ck_assert_int_eq(distance, -(128 + 2 * OBJECT_STUB_SIZE + 10));
    free(object.code);
}
END_TEST

START_TEST(undefined_symbols_and_addresses_are_refused)
{
    struct file file = make_file();
    struct object object;
    char why[200];

    file.symbol[2].st_shndx = 0;
    ck_assert_int_eq(link_file(&file, 0, &object, why), -1);
    ck_assert_str_eq(why, "object: undefined: word");
    file = make_file();
    file.rela[0].r_info = ELF64_R_INFO(UINT64_C(2), ABSOLUTE);
    ck_assert_int_eq(link_file(&file, 0, &object, why), -1);
    ck_assert_str_eq(why, "object: a relocation that depends on addresses: 1");
}
END_TEST

/* Only for sanitizers to look at. */
START_TEST(nonsense_does_no_harm)
{
    srand(3);
    for (unsigned i = 0; i < 200000; i++) {
        struct file *file = malloc(sizeof *file);
        unsigned changes = 1 + (unsigned)rand() % 3;
        struct object object;
        char why[200];

        *file = make_file();
        while (changes--)
            ((uint8_t *)file)[(unsigned)rand() % sizeof *file] =
                (uint8_t)(rand() % 3   ? rand()
                          : rand() % 2 ? 0
                                       : 0xff);
        if (!link_file(file, 2, &object, why))
            free(object.code);
        object_symbol((uint8_t *)file, sizeof *file, "word");
        free(file);
    }
}
END_TEST

int main(void)
{
    const TTest *const cases[] = {
        references_are_distances_in_the_blob,
        stubs_lie_behind_and_lead_to_the_body,
        undefined_symbols_and_addresses_are_refused,
        nonsense_does_no_harm,
    };

    return run_cases_within("object", 300, cases, COUNT(cases));
}
