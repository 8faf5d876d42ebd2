/* functions.c - where functions begin: symbols, and the sorted table of unwind
 * information, which files keep that were stripped.
 *
 * Spec: System V ABI, chapter 4, "Symbol Table"; LSB Core, "Exception Frames". */
#include "user/functions.h"

#include <stdlib.h>

#include "isa/space.h"

enum { MAX_CODE = 64 /* sections with code that are looked at */ };

struct finder {
    const struct elf_reader *reader;
    struct functions *functions;
    struct function code[MAX_CODE]; /* where sections begin and end */
    unsigned ncode;
};

/* Without sections: segments.  They have more than code, so nobody knows where a function
 * ends. */
static void find_code(struct finder *finder)
{
    const struct elf_image *image = finder->reader->image;
    struct elf_section section;

    for (unsigned i = 0;
         finder->ncode < MAX_CODE && elf_get_section(finder->reader, i, &section); i++)
        if (section.flags & SHF_EXECINSTR && section.type != SHT_NOBITS)
            finder->code[finder->ncode++] =
                (struct function){ section.address, section.address + section.size };
    for (unsigned i = 0; !finder->reader->count && i < image->nsegments; i++)
        if (image->segments[i].prot & SPACE_EXEC)
            finder->code[finder->ncode++] =
                (struct function){ image->segments[i].vaddr,
                                   image->segments[i].vaddr + image->segments[i].filesz };
}

/* A function begins at an address, if there is code. */
static void add(struct finder *finder, uint64_t start)
{
    struct functions *functions = finder->functions;
    unsigned i = 0;

    while (i < finder->ncode &&
           (start < finder->code[i].start || start >= finder->code[i].end))
        i++;
    if (i == finder->ncode)
        return;
    if (functions->count == functions->room) {
        size_t room = functions->room ? 2 * functions->room : 256;
        struct function *larger = realloc(functions->all, room * sizeof *larger);

        if (!larger)
            return;
        functions->all = larger;
        functions->room = room;
    }
    functions->all[functions->count++] =
        (struct function){ start, finder->reader->count ? finder->code[i].end : start };
}

static void add_symbols(struct finder *finder, uint32_t type)
{
    const struct elf_reader *reader = finder->reader;
    size_t size = reader->is_wide ? SYM64 : SYM32;
    struct elf_section table;
    uint8_t *bytes = elf_find_section(reader, type, &table)
                         ? elf_read_part(reader, table.offset, table.size)
                         : NULL;

    for (uint64_t i = 0; bytes && i < table.size / size; i++) {
        const uint8_t *at = bytes + i * size;
        unsigned kind = at[reader->is_wide ? 4 : 12] & 15;

        if ((kind == STT_FUNC || kind == STT_GNU_IFUNC) &&
            elf_get(reader->is_big, at + (reader->is_wide ? 6 : 14), 2))
            add(finder, elf_word(reader, at, 4, 8, false));
    }
    free(bytes);
}

/* Only the one form that linkers write: rows of two signed words, relative to the table's
 * segment. */
static void add_frames(struct finder *finder)
{
    enum { HEAD = 12, ROW = 8, VERSION = 1, PCREL_SDATA4 = 0x1b, UDATA4 = 3 };
    enum { DATAREL_SDATA4 = 0x3b };
    const struct elf_reader *reader = finder->reader;
    struct elf_segment segment;
    uint8_t *bytes = elf_find_segment(reader, PT_GNU_EH_FRAME, &segment)
                         ? elf_read_part(reader, segment.offset, segment.filesz)
                         : NULL;
    uint64_t count;

    if (bytes && segment.filesz >= HEAD && bytes[0] == VERSION &&
        bytes[1] == PCREL_SDATA4 && bytes[2] == UDATA4 && bytes[3] == DATAREL_SDATA4) {
        count = elf_get(reader->is_big, bytes + 8, 4);
        if (count > (segment.filesz - HEAD) / ROW)
            count = (segment.filesz - HEAD) / ROW;
        for (uint64_t i = 0; i < count; i++) {
            uint64_t distance = elf_get(reader->is_big, bytes + HEAD + i * ROW, 4);

            add(finder, segment.vaddr + (uint64_t)(int64_t)(int32_t)(uint32_t)distance);
        }
    }
    free(bytes);
}

void functions_find(struct functions *functions, const struct elf_reader *reader)
{
    struct finder finder = { .reader = reader, .functions = functions };

    *functions = (struct functions){ 0 };
    find_code(&finder);
    add(&finder, reader->image->entry);
    add_symbols(&finder, SHT_DYNSYM);
    functions->first = functions->count;
    add_symbols(&finder, SHT_SYMTAB);
    add_frames(&finder);
}
