/* stencil - cuts stencils out of object files (src/interp/stencils.h).
 *
 *   stencil [-v] NAME.stencils TABLE.o HANDLERS.o...
 *
 * TABLE.o has the arrays `handlers` and `fused` of the isa, whose relocations tell the
 * order; HANDLERS.o are the handlers compiled with -DSTENCIL (src/interp/stencil.h), each
 * in a section of its own.  A handler that needs what a stencil cannot have is left out;
 * -v tells which.  Prints the file's stamp.
 *
 * Reads ELF64 for x86-64, on a host of the same byte order. */
#include <elf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/stencils.h"
#include "isa/tlb.h"

struct object {
    const char *path;
    uint8_t *bytes;
    const Elf64_Ehdr *head;
    const Elf64_Shdr *sections;
    const Elf64_Sym *symbols;
    unsigned nsymbols;
    const char *names;
};

struct names {
    const char **name;
    unsigned count;
};

enum { MAX_OBJECTS = 64 };
static struct object objects[MAX_OBJECTS];
static unsigned nobjects;
static struct names handlers; /* and groups */
static uint8_t *code, *data;
static unsigned code_size, data_size, nholes;
static bool is_verbose;
static struct stencil_hole *holes;
static struct stencil *stencils;

static _Noreturn void fail(const char *path, const char *what)
{
    fprintf(stderr, "stencil: %s: %s\n", path, what);
    exit(1);
}

static void *grow(void *memory, size_t count, size_t size)
{
    void *bigger = memory;

    if ((count & (count - 1)) == 0)
        bigger = realloc(memory, (count ? count * 2 : 1) * size);
    if (!bigger)
        fail("memory", "there is no more");
    return bigger;
}

/* ------------------------------------------------------------------------ ELF */

static void read_bytes(struct object *o, const char *path)
{
    FILE *file = fopen(path, "rb");
    long size;

    o->path = path;
    if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
        fail(path, "cannot be read");
    rewind(file);
    o->bytes = malloc((size_t)size + 1);
    if (!o->bytes || fread(o->bytes, 1, (size_t)size, file) != (size_t)size)
        fail(path, "cannot be read");
    fclose(file);
    o->head = (const Elf64_Ehdr *)(void *)o->bytes;
    if ((size_t)size < sizeof *o->head || memcmp(o->bytes, ELFMAG, SELFMAG) ||
        o->head->e_ident[EI_CLASS] != ELFCLASS64 || o->head->e_machine != EM_X86_64)
        fail(path, "is no ELF object for x86-64");
}

static void load(struct object *o, const char *path)
{
    read_bytes(o, path);
    o->sections = (const Elf64_Shdr *)(void *)(o->bytes + o->head->e_shoff);
    for (unsigned i = 0; i < o->head->e_shnum; i++)
        if (o->sections[i].sh_type == SHT_SYMTAB) {
            o->symbols = (const Elf64_Sym *)(void *)(o->bytes + o->sections[i].sh_offset);
            o->nsymbols = (unsigned)(o->sections[i].sh_size / sizeof *o->symbols);
            o->names =
                (const char *)o->bytes + o->sections[o->sections[i].sh_link].sh_offset;
        }
    if (!o->symbols)
        fail(path, "has no symbols");
}

static const Elf64_Sym *find_symbol(const struct object *o, const char *name)
{
    for (unsigned i = 0; i < o->nsymbols; i++)
        if (!strcmp(o->names + o->symbols[i].st_name, name) &&
            o->symbols[i].st_shndx != SHN_UNDEF)
            return &o->symbols[i];
    return NULL;
}

/* The relocations of a section. */
static const Elf64_Rela *relocations(const struct object *o, unsigned section,
                                     unsigned *count)
{
    for (unsigned i = 0; i < o->head->e_shnum; i++)
        if (o->sections[i].sh_type == SHT_RELA && o->sections[i].sh_info == section) {
            *count = (unsigned)(o->sections[i].sh_size / sizeof(Elf64_Rela));
            return (const Elf64_Rela *)(void *)(o->bytes + o->sections[i].sh_offset);
        }
    *count = 0;
    return NULL;
}

static const char *symbol_name(const struct object *o, const Elf64_Rela *r)
{
    return o->names + o->symbols[ELF64_R_SYM(r->r_info)].st_name;
}

/* ---------------------------------------------------------------------- order */

static void add_handler(const char *name)
{
    handlers.name = grow(handlers.name, handlers.count, sizeof *handlers.name);
    handlers.name[handlers.count++] = name;
}

/* The functions that an array of the table points to.  false: there is no such array (the
 * object is not machine code, but of -flto). */
static bool read_order(const struct object *o, const char *array)
{
    const Elf64_Sym *symbol = find_symbol(o, array);
    const Elf64_Rela *r;
    unsigned count;

    if (!symbol)
        return false;
    r = relocations(o, symbol->st_shndx, &count);
    for (unsigned i = 0; i < count; i++) {
        if (r[i].r_offset < symbol->st_value ||
            r[i].r_offset >= symbol->st_value + symbol->st_size)
            continue;
        add_handler(symbol_name(o, &r[i]));
    }
    return true;
}

static int handler_number(const char *name)
{
    for (unsigned i = 0; i < handlers.count; i++)
        if (!strcmp(handlers.name[i], name))
            return (int)i;
    return -1;
}

/* ---------------------------------------------------------------------- holes */

static int helper_number(const char *name)
{
#define TEXT(name) #name
#define NAME(function) TEXT(function),
#define RARE_NAME(function) NAME(HOST_RARE_NAME(function))
    static const char *const names[] = { STENCIL_HELPERS(NAME) TLB_RARE(RARE_NAME) };

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return (int)i;
    return -1;
}

/* hole_u16_24 and so on. */
static bool field_hole(struct stencil_hole *hole, const char *name)
{
    char sign;
    unsigned width, at;

    if (sscanf(name, "hole_%c%u_%u", &sign, &width, &at) != 3)
        return false;
    hole->kind = sign == 's' ? HOLE_SIGNED : HOLE_UNSIGNED;
    hole->width = (uint8_t)width;
    hole->what = (uint16_t)at;
    return true;
}

static bool absolute_hole(struct stencil_hole *hole, const char *name)
{
    if (strcmp(name, "hole_op"))
        return field_hole(hole, name);
    hole->kind = HOLE_OP;
    return true;
}

static bool constant_hole(struct stencil_hole *hole, const struct object *o,
                          const Elf64_Rela *r)
{
    const Elf64_Sym *symbol = &o->symbols[ELF64_R_SYM(r->r_info)];
    const Elf64_Shdr *section = &o->sections[symbol->st_shndx];
    int64_t at = (int64_t)symbol->st_value + r->r_addend + 4;

    if (symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= o->head->e_shnum ||
        section->sh_type != SHT_PROGBITS || !(section->sh_flags & SHF_MERGE) ||
        section->sh_entsize > 16 || at < 0 || (uint64_t)at >= section->sh_size)
        return false;
    hole->kind = HOLE_DATA;
    hole->what = (uint16_t)data_size;
    hole->addend = -4;
    data = realloc(data, data_size + 16);
    if (!data)
        fail("memory", "there is no more");
    memset(data + data_size, 0, 16);
    memcpy(data + data_size, o->bytes + section->sh_offset + at, section->sh_entsize);
    for (unsigned i = 0; i < data_size; i += 16)
        if (!memcmp(data + i, data + data_size, 16)) {
            hole->what = (uint16_t)i;
            return true;
        }
    data_size += 16;
    return true;
}

/* Whether the hole is where a jump, conditional or not, leads to. */
static bool is_jump(const uint8_t *hole)
{
    return hole[-1] == 0xe9 || (hole[-2] == 0x0f && (hole[-1] & 0xf0) == 0x80);
}

/* `at`: the hole in the handler's code. */
static bool relative_hole(struct stencil_hole *hole, unsigned *units, const char *name,
                          const uint8_t *at)
{
    unsigned next;
    int number;

    if (strncmp(name, "interp_", 7) && strncmp(name, "tlb_", 4) && !is_jump(at))
        return false; /* the compiler has made a call of a handler's end */
    if (sscanf(name, "next_%u", &next) == 1) {
        hole->kind = HOLE_NEXT;
        if (*units && *units != next)
            return false;
        *units = next;
        return true;
    }
    number = helper_number(name);
    hole->kind = number >= 0 ? HOLE_HELPER : HOLE_HANDLER;
    if (number < 0)
        number = handler_number(name);
    hole->what = (uint16_t)number;
    return number >= 0;
}

static bool make_hole(struct stencil_hole *hole, const struct object *o,
                      const Elf64_Rela *r, unsigned *units, const uint8_t *code_of)
{
    const char *name = symbol_name(o, r);

    hole->at = (uint16_t)r->r_offset;
    hole->addend = (int32_t)r->r_addend;
    hole->size = 4;
    switch (ELF64_R_TYPE(r->r_info)) {
    case R_X86_64_64: hole->size = 8; return absolute_hole(hole, name);
    case R_X86_64_32S:
    case R_X86_64_32: return absolute_hole(hole, name);
    case R_X86_64_16: hole->size = 2; return absolute_hole(hole, name);
    case R_X86_64_8: hole->size = 1; return absolute_hole(hole, name);
    case R_X86_64_PLT32: return relative_hole(hole, units, name, code_of + r->r_offset);
    case R_X86_64_PC32: return constant_hole(hole, o, r);
    default: return false;
    }
}

/* -------------------------------------------------------------------- cutting */

static bool cut(struct stencil *stencil, const struct object *o, const Elf64_Sym *symbol)
{
    const uint8_t *from = o->bytes + o->sections[symbol->st_shndx].sh_offset;
    const Elf64_Rela *r;
    unsigned count, units = 0, size = (unsigned)symbol->st_size;

    r = relocations(o, symbol->st_shndx, &count);
    stencil->code = code_size;
    stencil->holes = nholes;
    if (size > UINT16_MAX || symbol->st_value)
        return false;
    for (unsigned i = 0; i < count; i++) {
        struct stencil_hole hole = { 0 };

        if (!make_hole(&hole, o, &r[i], &units, from)) {
            if (is_verbose)
                fprintf(stderr, "%s: not without %s\n", o->names + symbol->st_name,
                        symbol_name(o, &r[i]));
            return false;
        }
        if (hole.kind == HOLE_NEXT && hole.at + 4u == size) { /* falls through */
            size -= 5;
            continue;
        }
        holes = grow(holes, nholes, sizeof *holes);
        holes[nholes++] = hole;
        stencil->nholes++;
    }
    stencil->units = (uint16_t)units;
    stencil->size = size;
    code = realloc(code, code_size + size + 1);
    if (!code)
        fail("memory", "there is no more");
    memcpy(code + code_size, from, size);
    code_size += size;
    return true;
}

static void cut_handler(unsigned number)
{
    for (unsigned i = 0; i < nobjects; i++) {
        const Elf64_Sym *symbol = find_symbol(&objects[i], handlers.name[number]);
        unsigned code_before = code_size, holes_before = nholes;

        if (!symbol)
            continue;
        if (cut(&stencils[number], &objects[i], symbol))
            return;
        memset(&stencils[number], 0, sizeof *stencils);
        code_size = code_before;
        nholes = holes_before;
        return;
    }
}

/* --------------------------------------------------------------------- writing */

/* FNV-1a. */
static uint64_t hash(uint64_t stamp, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        stamp = (stamp ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    return stamp;
}

static void write_file(const char *path)
{
    struct stencil_file file = { 0, handlers.count, nholes, data_size, code_size };
    struct part {
        const void *bytes;
        size_t size;
    } parts[] = { { &file.count, sizeof file - sizeof file.stamp },
                  { stencils, handlers.count * sizeof *stencils },
                  { holes, nholes * sizeof *holes },
                  { data, data_size },
                  { code, code_size } };
    FILE *out = fopen(path, "wb");

    file.stamp = UINT64_C(0xcbf29ce484222325);
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
        file.stamp = hash(file.stamp, parts[i].bytes, parts[i].size);
    if (!out)
        fail(path, "cannot be written");
    fwrite(&file.stamp, sizeof file.stamp, 1, out);
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
        fwrite(parts[i].bytes, 1, parts[i].size, out);
    if (ferror(out) || fclose(out))
        fail(path, "cannot be written");
    printf("0x%016llx\n", (unsigned long long)file.stamp);
}

/* A file without stencils, which is never used. */
static void write_none(const char *path)
{
    FILE *out = fopen(path, "wb");

    if (!out || fclose(out))
        fail(path, "cannot be written");
    printf("0\n");
}

int main(int argc, char **argv)
{
    is_verbose = argc > 1 && !strcmp(argv[1], "-v");
    argc -= is_verbose;
    argv += is_verbose;
    if (argc < 4 || argc - 2 > MAX_OBJECTS) {
        fprintf(stderr, "usage: stencil [-v] NAME.stencils TABLE.o HANDLERS.o...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        load(&objects[nobjects++], argv[i]);
    if (!read_order(&objects[0], "handlers") || !read_order(&objects[0], "fused")) {
        write_none(argv[1]);
        return 0;
    }
    add_handler("x_goto"); /* as enum STENCIL_GOTO and so on */
    add_handler("x_tally");
    add_handler("x_count");
    add_handler("x_leave");
    stencils = calloc(handlers.count, sizeof *stencils);
    if (!stencils)
        fail("memory", "there is no more");
    for (unsigned i = 0; i < handlers.count; i++)
        cut_handler(i);
    write_file(argv[1]);
    return 0;
}
