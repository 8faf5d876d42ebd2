/* object.c - a linker of one file, which calls nothing and is called by nothing.
 *
 * Spec: System V ABI, "ELF-64 Object File Format", and the supplement of the machine:
 * relocations and stubs are what has to be written for one more. */
#include "llvmjit/object.h"

#include <elf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64, MAX_SECTIONS = 256, MAX_BLOB = 64 << 20 };
#define NOWHERE UINT64_MAX

struct linker {
    const uint8_t *file;
    size_t size;
    Elf64_Ehdr header;
    unsigned count; /* sections */
    Elf64_Shdr section[MAX_SECTIONS];
    uint64_t place[MAX_SECTIONS]; /* in the blob, or NOWHERE */
    uint64_t end;
    uint64_t text;                     /* instructions are in front of it */
    const Elf64_Shdr *symbols, *names; /* NULL: none */
    uint8_t *blob;
    char *why;
    size_t why_size;
};

static int refuse(struct linker *l, const char *why, const char *what)
{
    if (l->why)
        snprintf(l->why, l->why_size, "object: %s%s%s", why, *what ? ": " : "", what);
    return -1;
}

static bool is_inside(const struct linker *l, uint64_t at, uint64_t size)
{
    return at <= l->size && size <= l->size - at;
}

/* --------------------------------------------------------------------- sections */

static int read_sections(struct linker *l)
{
    uint64_t bytes;

    if (!is_inside(l, 0, sizeof l->header))
        return refuse(l, "no header", "");
    memcpy(&l->header, l->file, sizeof l->header);
    if (memcmp(l->header.e_ident, ELFMAG, SELFMAG) ||
        l->header.e_ident[EI_CLASS] != ELFCLASS64 || l->header.e_type != ET_REL)
        return refuse(l, "no relocatable ELF64", "");
    if (l->header.e_machine != EM_X86_64)
        return refuse(l, "a machine of no known kind", "");
    l->count = l->header.e_shnum;
    bytes = (uint64_t)l->count * sizeof(Elf64_Shdr);
    if (l->header.e_shentsize != sizeof(Elf64_Shdr) || l->count > MAX_SECTIONS ||
        !is_inside(l, l->header.e_shoff, bytes))
        return refuse(l, "bad section table", "");
    memcpy(l->section, l->file + l->header.e_shoff, bytes);
    for (unsigned i = 0; i < l->count; i++) {
        const Elf64_Shdr *section = &l->section[i];

        if (section->sh_type != SHT_NOBITS && section->sh_type != SHT_NULL &&
            !is_inside(l, section->sh_offset, section->sh_size))
            return refuse(l, "a section outside of the file", "");
        if (section->sh_type == SHT_SYMTAB && section->sh_link < l->count) {
            l->symbols = section;
            l->names = &l->section[section->sh_link];
        }
    }
    if (l->names && (l->names->sh_type != SHT_STRTAB || !l->names->sh_size ||
                     l->file[l->names->sh_offset + l->names->sh_size - 1]))
        return refuse(l, "bad names", "");
    return 0;
}

static bool is_wanted(const Elf64_Shdr *section, bool is_code)
{
    return section->sh_flags & SHF_ALLOC && section->sh_size &&
           (section->sh_type == SHT_PROGBITS || section->sh_type == SHT_NOBITS) &&
           !!(section->sh_flags & SHF_EXECINSTR) == is_code;
}

/* Code, then from the next line of the cache on data. */
static int place_sections(struct linker *l)
{
    for (unsigned i = 0; i < l->count; i++)
        l->place[i] = NOWHERE;
    for (unsigned kind = 0; kind < 2; kind++) {
        for (unsigned i = 0; i < l->count; i++) {
            const Elf64_Shdr *section = &l->section[i];
            uint64_t align = section->sh_addralign ? section->sh_addralign : 1;

            if (!is_wanted(section, kind == 0))
                continue;
            if (align > ALIGN || align & (align - 1) || section->sh_size > MAX_BLOB)
                return refuse(l, "a section too large or aligned too much", "");
            l->place[i] = (l->end + align - 1) & ~(align - 1);
            l->end = l->place[i] + section->sh_size;
            if (l->end > MAX_BLOB)
                return refuse(l, "too large", "");
        }
        if (kind == 0)
            l->text = l->end;
        l->end = (l->end + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
    }
    return 0;
}

/* ---------------------------------------------------------------------- symbols */

static const char *name_of(const struct linker *l, const Elf64_Sym *symbol)
{
    if (!l->names || symbol->st_name >= l->names->sh_size)
        return "";
    return (const char *)l->file + l->names->sh_offset + symbol->st_name;
}

/* false: there is no such symbol. */
static bool get_symbol(const struct linker *l, uint64_t number, Elf64_Sym *symbol)
{
    if (!l->symbols || number >= l->symbols->sh_size / sizeof *symbol)
        return false;
    memcpy(symbol, l->file + l->symbols->sh_offset + number * sizeof *symbol,
           sizeof *symbol);
    return true;
}

/* Place in the blob, or NOWHERE. */
static uint64_t place_of(const struct linker *l, const Elf64_Sym *symbol)
{
    unsigned section = symbol->st_shndx;

    if (section >= l->count || l->place[section] == NOWHERE ||
        symbol->st_value > l->section[section].sh_size)
        return NOWHERE;
    return l->place[section] + symbol->st_value;
}

/* ------------------------------------------------------------------- relocations */

/* Writes the distance `value` (its low 32 bits if it fits, or 64 bits) at `at`. */
static int put_distance(struct linker *l, uint64_t at, unsigned bytes, int64_t value)
{
    int32_t low = (int32_t)value;

    if (bytes == 4 && low != value)
        return refuse(l, "a distance too large", "");
    if (bytes == 4)
        memcpy(l->blob + at, &low, 4);
    else
        memcpy(l->blob + at, &value, 8);
    return 0;
}

static int relocate_one(struct linker *l, unsigned section, const Elf64_Rela *rela)
{
    uint64_t at = l->place[section] + rela->r_offset, to;
    int64_t distance;
    Elf64_Sym symbol;
    char type[24];

    if (l->section[section].sh_size < 8
            ? rela->r_offset + 4 > l->section[section].sh_size
            : rela->r_offset > l->section[section].sh_size - 4)
        return refuse(l, "a relocation outside of its section", "");
    if (!get_symbol(l, ELF64_R_SYM(rela->r_info), &symbol))
        return refuse(l, "a relocation without a symbol", "");
    to = place_of(l, &symbol);
    if (to == NOWHERE)
        return refuse(l, "undefined", name_of(l, &symbol));
    distance = (int64_t)(to + (uint64_t)rela->r_addend - at);
    snprintf(type, sizeof type, "%u", (unsigned)ELF64_R_TYPE(rela->r_info));
    switch (ELF64_R_TYPE(rela->r_info)) {
    case R_X86_64_PC32:
    case R_X86_64_PLT32: return put_distance(l, at, 4, distance);
    case R_X86_64_PC64:
        if (rela->r_offset + 8 > l->section[section].sh_size)
            return refuse(l, "a relocation outside of its section", "");
        return put_distance(l, at, 8, distance);
    default: return refuse(l, "a relocation that depends on addresses", type);
    }
}

static int relocate(struct linker *l, const Elf64_Shdr *table)
{
    uint32_t section = table->sh_info;
    Elf64_Rela rela;

    if (section >= l->count || l->place[section] == NOWHERE)
        return 0;
    if (table->sh_type == SHT_REL || l->section[section].sh_type == SHT_NOBITS)
        return refuse(l, "bad relocations", "");
    for (uint64_t i = 0; i < table->sh_size / sizeof rela; i++) {
        memcpy(&rela, l->file + table->sh_offset + i * sizeof rela, sizeof rela);
        if (relocate_one(l, section, &rela))
            return -1;
    }
    return 0;
}

static int link_blob(struct linker *l)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->place[i] != NOWHERE && l->section[i].sh_type != SHT_NOBITS)
            memcpy(l->blob + l->place[i], l->file + l->section[i].sh_offset,
                   l->section[i].sh_size);
    for (unsigned i = 0; i < l->count; i++)
        if ((l->section[i].sh_type == SHT_RELA || l->section[i].sh_type == SHT_REL) &&
            relocate(l, &l->section[i]))
            return -1;
    return 0;
}

int64_t object_symbol(const uint8_t *file, size_t size, const char *name)
{
    struct linker l = { .file = file, .size = size };
    Elf64_Sym symbol;

    if (read_sections(&l) || place_sections(&l))
        return -1;
    for (uint64_t i = 0; get_symbol(&l, i, &symbol); i++)
        if (!strcmp(name_of(&l, &symbol), name) && place_of(&l, &symbol) != NOWHERE)
            return (int64_t)place_of(&l, &symbol);
    return -1;
}

/* ------------------------------------------------------------------------- stubs */

static void put_word(uint8_t *at, uint32_t word)
{
    memcpy(at, &word, 4);
}

/* The machine code of stub `number` at `at`. */
static void put_stub(struct linker *l, uint64_t at, uint32_t number, uint64_t body)
{
    uint8_t *to = l->blob + at;
    uint32_t distance = (uint32_t)(body - at);

    to[0] = 0xb9; /* mov $number, %ecx */
    put_word(to + 1, number);
    to[5] = 0xe9; /* jmp body */
    put_word(to + 6, distance - 10);
}

static int put_stubs(struct linker *l, uint64_t at, unsigned count)
{
    int64_t body = count ? object_symbol(l->file, l->size, "body") : 0;

    if (body < 0 || count > UINT16_MAX)
        return refuse(l, "no body for stubs", "");
    for (unsigned i = 0; i < count; i++)
        put_stub(l, at + (uint64_t)i * OBJECT_STUB_SIZE, i, (uint64_t)body);
    return 0;
}

int object_link(const uint8_t *file, size_t size, unsigned nstubs, struct object *object,
                char *why, size_t why_size)
{
    struct linker l = { .file = file, .size = size, .why = why, .why_size = why_size };
    uint64_t stubs;

    if (read_sections(&l) || place_sections(&l))
        return -1;
    stubs = l.end;
    l.end += (uint64_t)nstubs * OBJECT_STUB_SIZE;
    l.blob = calloc(1, l.end + 1);
    if (!l.blob)
        return refuse(&l, "out of memory", "");
    if (link_blob(&l) || put_stubs(&l, stubs, nstubs)) {
        free(l.blob);
        return -1;
    }
    *object =
        (struct object){ l.blob, (uint32_t)l.end, (uint32_t)l.text, (uint32_t)stubs };
    return 0;
}
