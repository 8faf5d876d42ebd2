/* symbols.c - names of guest code: the symbol tables of ELF files, which say anything.
 *
 * Spec: System V ABI, chapter 4, "Symbol Table".  What is not inside of the file is as if
 * it were not there.
 *
 * Not modelled: while a file is read the guest's other threads may see that a descriptor
 * is taken. */
#include "user/symbols.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/host.h"
#include "isa/space.h"
#include "user/elf.h"
#include "user/elf_parts.h"
#include "user/linux/linux.h"

enum {
    MAX_NAME = 255,
    NESTED = 8, /* symbols inside of a function, at most */
};

struct symbol {
    uint64_t value, size;
    uint32_t name; /* in symbols->names */
    uint8_t rank;  /* of several with one value the lowest is taken */
};

struct symbols {
    struct symbol *all; /* by value */
    size_t count;
    char *names; /* ends with a 0 */
    size_t names_size;
    struct elf_segment segments[ELF_MAX_SEGMENTS];
    unsigned nsegments;
};

/* ------------------------------------------------------------------------ reading */

/* Whether it names code.  Assemblers give labels no type: those that others may use are
 * names of code, too. */
static bool get_symbol(const struct elf_reader *reader, const struct symbols *symbols,
                       const uint8_t *at, struct symbol *symbol)
{
    uint8_t info = at[reader->is_wide ? 4 : 12], type = info & 15, bind = info >> 4;
    uint64_t number = elf_get(reader->is_big, at + (reader->is_wide ? 6 : 14), 2);
    struct elf_section section;

    symbol->name = (uint32_t)elf_word(reader, at, 0, 0, true);
    symbol->value = elf_word(reader, at, 4, 8, false);
    symbol->size = elf_word(reader, at, 8, 16, false);
    symbol->rank = (uint8_t)((type == STT_NOTYPE) * 2 + (bind == STB_LOCAL));
    return (type == STT_FUNC || type == STT_GNU_IFUNC ||
            (type == STT_NOTYPE && bind != STB_LOCAL)) &&
           number && elf_get_section(reader, number, &section) &&
           section.flags & SHF_EXECINSTR && symbol->name < symbols->names_size &&
           symbols->names[symbol->name];
}

static int by_value(const void *a, const void *b)
{
    const struct symbol *left = a, *right = b;

    if (left->value != right->value)
        return left->value < right->value ? -1 : 1;
    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    return (left->name > right->name) - (left->name < right->name);
}

/* Sorts them; of those with one value the first stays. */
static void sort(struct symbols *symbols)
{
    size_t n = 0;

    qsort(symbols->all, symbols->count, sizeof *symbols->all, by_value);
    for (size_t i = 0; i < symbols->count; i++)
        if (!n || symbols->all[n - 1].value != symbols->all[i].value)
            symbols->all[n++] = symbols->all[i];
    symbols->count = n;
}

/* What is shown on terminals, and in lines of files. */
static void clean_names(struct symbols *symbols)
{
    for (size_t i = 0; i < symbols->names_size; i++)
        if ((uint8_t)symbols->names[i] >= 0x7f ||
            (symbols->names[i] && symbols->names[i] <= ' '))
            symbols->names[i] = '?';
}

static bool read_table(struct elf_reader *reader, struct symbols *symbols)
{
    struct elf_section table, names;
    uint64_t size = reader->is_wide ? SYM64 : SYM32, count;
    uint8_t *bytes;

    if ((!elf_find_section(reader, SHT_SYMTAB, &table) &&
         !elf_find_section(reader, SHT_DYNSYM, &table)) ||
        !elf_get_section(reader, table.link, &names) || names.type != SHT_STRTAB)
        return false;
    bytes = elf_read_part(reader, table.offset, table.size);
    symbols->names = (char *)elf_read_part(reader, names.offset, names.size);
    count = table.size / size;
    symbols->all = bytes ? malloc((size_t)(count + 1) * sizeof *symbols->all) : NULL;
    if (symbols->names && symbols->all) {
        symbols->names_size = (size_t)names.size;
        for (uint64_t i = 0; i < count; i++)
            symbols->count += get_symbol(reader, symbols, bytes + i * size,
                                         &symbols->all[symbols->count]);
        clean_names(symbols);
        sort(symbols);
    }
    free(bytes);
    return symbols->count > 0;
}

struct symbols *symbols_read(const struct elf_source *source)
{
    struct elf_image *image = malloc(sizeof *image);
    struct symbols *symbols = calloc(1, sizeof *symbols);
    struct elf_reader reader = { 0 };
    char error[ELF_ERROR];
    bool ok = image && symbols &&
              elf_parse(source, UINT64_MAX / 2, 1, image, error) == 0 &&
              elf_reader_begin(&reader, source, image) && read_table(&reader, symbols);

    if (ok) {
        memcpy(symbols->segments, image->segments, sizeof image->segments);
        symbols->nsegments = image->nsegments;
    }
    free(image);
    elf_reader_end(&reader);
    if (ok)
        return symbols;
    symbols_free(symbols);
    return NULL;
}

void symbols_free(struct symbols *symbols)
{
    if (!symbols)
        return;
    free(symbols->all);
    free(symbols->names);
    free(symbols);
}

/* ------------------------------------------------------------------------ looking */

/* The newest one that begins at or in front of `addr`; count: there is none. */
static size_t in_front(const struct symbols *symbols, uint64_t addr)
{
    size_t low = 0, high = symbols->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (symbols->all[middle].value <= addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : symbols->count;
}

/* One without a size goes on up to the next one. */
static const struct symbol *find_symbol(const struct symbols *symbols, uint64_t addr)
{
    size_t first = in_front(symbols, addr);

    for (size_t i = first; i < symbols->count && first - i < NESTED; i--) {
        const struct symbol *symbol = &symbols->all[i];

        if (symbol->size ? addr - symbol->value < symbol->size : i == first)
            return symbol;
    }
    return NULL;
}

const char *symbols_at(const struct symbols *symbols, uint64_t offset, uint64_t *distance)
{
    for (unsigned i = 0; i < symbols->nsegments; i++) {
        const struct elf_segment *segment = &symbols->segments[i];
        uint64_t addr = segment->vaddr + (offset - segment->offset);
        const struct symbol *symbol;

        if (!(segment->prot & SPACE_EXEC) || offset < segment->offset ||
            offset - segment->offset >= segment->filesz)
            continue;
        symbol = find_symbol(symbols, addr);
        if (!symbol)
            return NULL;
        *distance = addr - symbol->value;
        return symbols->names + symbol->name;
    }
    return NULL;
}

/* ---------------------------------------------------------------- what is mapped */

/* By the file's number in the space. */
static struct known {
    bool is_read;
    struct symbols *symbols; /* or NULL */
    char *name;              /* or NULL */
} known[SPACE_FILES];

/* If it still is what was mapped. */
static struct symbols *read_file(const char *path, const struct host_file *mapped)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct host_file is;
    struct symbols *symbols = NULL;

    if (fd < 0)
        return NULL;
    if (host_identify(fd, &is) == 0 && is.dev == mapped->dev && is.ino == mapped->ino &&
        is.size == mapped->size && is.mtime_ns == mapped->mtime_ns) {
        struct elf_source source = { &fd, elf_read_fd, is.size };

        symbols = symbols_read(&source);
    }
    close(fd);
    return symbols;
}

static void read_known(struct known *file, struct space *space, unsigned number,
                       uint64_t pc)
{
    char path[4096];
    const char *slash;

    file->is_read = true;
    host_mapped_path((uintptr_t)space_base(space) + (uintptr_t)pc, path, sizeof path);
    if (!*path)
        return;
    slash = strrchr(path, '/');
    file->name = strndup(slash ? slash + 1 : path, MAX_NAME);
    file->symbols = read_file(path, space_file(space, number));
}

/* The file that pc is in, or NULL. */
static const struct known *known_at(struct space *space, uint64_t pc, uint64_t *offset)
{
    struct space_area area;

    if (space_is_paged(space) || !space_next(space, pc, &area) || area.start > pc ||
        !area.file)
        return NULL;
    *offset = pc - area.file_at;
    if (!known[area.file - 1].is_read)
        read_known(&known[area.file - 1], space, area.file, pc);
    return &known[area.file - 1];
}

const char *symbols_find(struct space *space, uint64_t pc, uint64_t *distance)
{
    uint64_t offset;
    const struct known *file = known_at(space, pc, &offset);

    return file && file->symbols ? symbols_at(file->symbols, offset, distance) : NULL;
}

const char *symbols_name(struct space *space, uint64_t pc, char text[SYMBOLS_TEXT])
{
    uint64_t distance = 0;
    const struct known *file = known_at(space, pc, &distance);
    const char *name = symbols_find(space, pc, &distance);

    if (!name && file)
        name = file->name;
    if (!name)
        snprintf(text, SYMBOLS_TEXT, "%#" PRIx64, pc);
    else if (distance)
        snprintf(text, SYMBOLS_TEXT, "%.*s+%#" PRIx64, MAX_NAME, name, distance);
    else
        snprintf(text, SYMBOLS_TEXT, "%.*s", MAX_NAME, name);
    return text;
}
