/* jit_debugger.c - -jit-debugger: an object file in memory for each piece of machine
 * code, with a symbol, which debuggers read.
 *
 * Spec: "Debugging with GDB", JIT Compilation Interface; System V ABI, chapter 4.  Code
 * that was dropped keeps its symbol.  There is no unwind information: frames behind the
 * first one are guesses. */
#include "user/jit_debugger.h"

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"

/* ------------------------------------------------------- what debuggers look for */

enum { JIT_NOTHING, JIT_REGISTER };

struct jit_code_entry {
    struct jit_code_entry *next, *previous;
    const void *file;
    uint64_t size;
};

struct jit_descriptor {
    uint32_t version, action;
    struct jit_code_entry *newest, *first;
};

extern struct jit_descriptor __jit_debug_descriptor;
extern void __jit_debug_register_code(void);

struct jit_descriptor __jit_debug_descriptor = { .version = 1 };

/* Debuggers have a breakpoint here. */
__attribute__((noinline)) void __jit_debug_register_code(void)
{
    __asm__ volatile("" ::: "memory");
}

static void add_entry(struct jit_code_entry *entry)
{
    entry->next = __jit_debug_descriptor.first;
    if (entry->next)
        entry->next->previous = entry;
    __jit_debug_descriptor.first = __jit_debug_descriptor.newest = entry;
    __jit_debug_descriptor.action = JIT_REGISTER;
    __jit_debug_register_code();
    __jit_debug_descriptor.action = JIT_NOTHING;
}

/* ------------------------------------------------------------------ the object file */

enum { TEXT = 1, SYMBOLS, NAMES, SECTIONS };

/* Names of sections, then of the symbol. */
static const char names[] = "\0.text\0.symtab\0.strtab";
enum { NAME_TEXT = 1, NAME_SYMTAB = 7, NAME_STRTAB = 15, NAME_SYMBOL = sizeof names };

struct file {
    struct jit_code_entry entry;
    ElfW(Ehdr) header; /* it begins here */
    ElfW(Shdr) sections[SECTIONS];
    ElfW(Sym) symbols[2];
    char names[];
};

static void fill_header(ElfW(Ehdr) * header)
{
    bool is_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

    memcpy(header->e_ident, ELFMAG, SELFMAG);
    header->e_ident[EI_CLASS] = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    header->e_ident[EI_DATA] = is_big ? ELFDATA2MSB : ELFDATA2LSB;
    header->e_ident[EI_VERSION] = EV_CURRENT;
    header->e_type = ET_EXEC;
    header->e_machine = (uint16_t)host_elf_machine();
    header->e_version = EV_CURRENT;
    header->e_shoff = offsetof(struct file, sections) - offsetof(struct file, header);
    header->e_ehsize = sizeof *header;
    header->e_shentsize = sizeof(ElfW(Shdr));
    header->e_shnum = SECTIONS;
    header->e_shstrndx = NAMES;
}

static void fill_sections(struct file *file, uintptr_t code, size_t size, size_t length)
{
    ElfW(Shdr) *text = &file->sections[TEXT], *symbols = &file->sections[SYMBOLS];
    ElfW(Shdr) *strings = &file->sections[NAMES];

    text->sh_name = NAME_TEXT;
    text->sh_type = SHT_NOBITS;
    text->sh_flags = SHF_ALLOC | SHF_EXECINSTR;
    text->sh_addr = code;
    text->sh_size = size;
    text->sh_addralign = 1;
    symbols->sh_name = NAME_SYMTAB;
    symbols->sh_type = SHT_SYMTAB;
    symbols->sh_offset = offsetof(struct file, symbols) - offsetof(struct file, header);
    symbols->sh_size = sizeof file->symbols;
    symbols->sh_link = NAMES;
    symbols->sh_info = 1; /* the first one that is not local */
    symbols->sh_addralign = sizeof(uintptr_t);
    symbols->sh_entsize = sizeof(ElfW(Sym));
    strings->sh_name = NAME_STRTAB;
    strings->sh_type = SHT_STRTAB;
    strings->sh_offset = offsetof(struct file, names) - offsetof(struct file, header);
    strings->sh_size = NAME_SYMBOL + length;
    strings->sh_addralign = 1;
}

static void fill_symbol(ElfW(Sym) * symbol, uintptr_t code, size_t size)
{
    symbol->st_name = NAME_SYMBOL;
    symbol->st_info = ELF32_ST_INFO(STB_GLOBAL, STT_FUNC); /* the same in 64 bits */
    symbol->st_shndx = TEXT;
    symbol->st_value = code;
    symbol->st_size = size;
}

void jit_debugger_add(const char *name, const void *code, size_t size)
{
    static const char guest[] = "guest ";
    size_t length = sizeof guest - 1 + strlen(name) + 1;
    struct file *file = calloc(1, sizeof *file + NAME_SYMBOL + length);

    if (!file)
        return;
    fill_header(&file->header);
    fill_sections(file, (uintptr_t)code, size, length);
    fill_symbol(&file->symbols[1], (uintptr_t)code, size);
    memcpy(file->names, names, sizeof names);
    memcpy(file->names + NAME_SYMBOL, guest, sizeof guest - 1);
    strcpy(file->names + NAME_SYMBOL + sizeof guest - 1, name);
    file->entry.file = &file->header;
    file->entry.size =
        sizeof *file - offsetof(struct file, header) + NAME_SYMBOL + length;
    add_entry(&file->entry);
}
