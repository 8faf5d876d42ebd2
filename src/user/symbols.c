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
#include "user/linux/linux.h"

enum { SHT_SYMTAB = 2, SHT_STRTAB = 3, SHT_DYNSYM = 11, SHF_EXECINSTR = 4 };
enum { STT_NOTYPE = 0, STT_FUNC = 2, STT_GNU_IFUNC = 10, STB_LOCAL = 0 };
enum {
    EHDR_SIZE = 64,
    SHDR32 = 40,
    SHDR64 = 64,
    SYM32 = 16,
    SYM64 = 24,
    MAX_TABLE = 64 << 20, /* bytes of one table */
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

struct section {
    uint32_t type, link;
    uint64_t flags, offset, size;
};

struct reader {
    const struct elf_source *source;
    bool is_wide, is_big; /* 64 bit; byte order */
    uint8_t *headers;     /* of the sections */
    unsigned count;
};

static uint64_t get(const struct reader *reader, const uint8_t *at, unsigned narrow_at,
                    unsigned wide_at, bool is_word)
{
    unsigned size = is_word || !reader->is_wide ? 4 : 8;

    return elf_get(reader->is_big, at + (reader->is_wide ? wide_at : narrow_at), size);
}

/* `size` bytes of the file and a 0; NULL: they are not there. */
static uint8_t *read_part(const struct reader *reader, uint64_t offset, uint64_t size)
{
    const struct elf_source *source = reader->source;
    uint8_t *part;

    if (size > MAX_TABLE || offset > source->size || size > source->size - offset)
        return NULL;
    part = malloc((size_t)size + 1);
    if (!part)
        return NULL;
    part[size] = 0;
    if (source->read(source->context, offset, part, (size_t)size) == size)
        return part;
    free(part);
    return NULL;
}

static bool read_headers(struct reader *reader, const struct elf_image *image)
{
    uint8_t *file = read_part(reader, 0, image->bits == 64 ? EHDR_SIZE : 52);
    unsigned size = image->bits == 64 ? SHDR64 : SHDR32;

    reader->is_wide = image->bits == 64;
    reader->is_big = image->big;
    if (!file)
        return false;
    reader->count = (unsigned)elf_get(image->big, file + (reader->is_wide ? 60 : 48), 2);
    if (elf_get(image->big, file + (reader->is_wide ? 58 : 46), 2) == size)
        reader->headers = read_part(reader, get(reader, file, 32, 40, false),
                                    (uint64_t)reader->count * size);
    free(file);
    return reader->headers != NULL;
}

/* false: there is no such section. */
static bool get_section(const struct reader *reader, uint64_t number,
                        struct section *section)
{
    const uint8_t *at = reader->headers;

    if (number >= reader->count)
        return false;
    at += number * (reader->is_wide ? SHDR64 : SHDR32);
    section->type = (uint32_t)get(reader, at, 4, 4, true);
    section->flags = get(reader, at, 8, 8, false);
    section->offset = get(reader, at, 16, 24, false);
    section->size = get(reader, at, 20, 32, false);
    section->link = (uint32_t)get(reader, at, 24, 40, true);
    return true;
}

static bool find_table(const struct reader *reader, uint32_t type, struct section *table)
{
    for (unsigned i = 0; get_section(reader, i, table); i++)
        if (table->type == type && table->size)
            return true;
    return false;
}

/* Whether it names code.  Assemblers give labels no type: those that others may use are
 * names of code, too. */
static bool get_symbol(const struct reader *reader, const struct symbols *symbols,
                       const uint8_t *at, struct symbol *symbol)
{
    uint8_t info = at[reader->is_wide ? 4 : 12], type = info & 15, bind = info >> 4;
    uint64_t number = elf_get(reader->is_big, at + (reader->is_wide ? 6 : 14), 2);
    struct section section;

    symbol->name = (uint32_t)get(reader, at, 0, 0, true);
    symbol->value = get(reader, at, 4, 8, false);
    symbol->size = get(reader, at, 8, 16, false);
    symbol->rank = (uint8_t)((type == STT_NOTYPE) * 2 + (bind == STB_LOCAL));
    return (type == STT_FUNC || type == STT_GNU_IFUNC ||
            (type == STT_NOTYPE && bind != STB_LOCAL)) &&
           number && get_section(reader, number, &section) &&
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

static bool read_table(struct reader *reader, struct symbols *symbols)
{
    struct section table, names;
    uint64_t size = reader->is_wide ? SYM64 : SYM32, count;
    uint8_t *bytes;

    if ((!find_table(reader, SHT_SYMTAB, &table) &&
         !find_table(reader, SHT_DYNSYM, &table)) ||
        !get_section(reader, table.link, &names) || names.type != SHT_STRTAB)
        return false;
    bytes = read_part(reader, table.offset, table.size);
    symbols->names = (char *)read_part(reader, names.offset, names.size);
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
    struct reader reader = { .source = source };
    char error[ELF_ERROR];
    bool ok = image && symbols &&
              elf_parse(source, UINT64_MAX / 2, 1, image, error) == 0 &&
              read_headers(&reader, image) && read_table(&reader, symbols);

    if (ok) {
        memcpy(symbols->segments, image->segments, sizeof image->segments);
        symbols->nsegments = image->nsegments;
    }
    free(image);
    free(reader.headers);
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
