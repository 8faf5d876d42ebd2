/* elf_parts.c - sections and segments of ELF files, which say anything.
 *
 * Spec: System V ABI, chapters 4 and 5. */
#include "user/elf_parts.h"

#include <stdlib.h>

enum { EHDR32 = 52, EHDR64 = 64, SHDR32 = 40, SHDR64 = 64, PHDR32 = 32, PHDR64 = 56 };
enum { MAX_PART = 64 << 20 }; /* bytes of one table */

uint64_t elf_word(const struct elf_reader *reader, const uint8_t *at, unsigned narrow_at,
                  unsigned wide_at, bool is_word)
{
    unsigned size = is_word || !reader->is_wide ? 4 : 8;

    return elf_get(reader->is_big, at + (reader->is_wide ? wide_at : narrow_at), size);
}

uint8_t *elf_read_part(const struct elf_reader *reader, uint64_t offset, uint64_t size)
{
    const struct elf_source *source = reader->source;
    uint8_t *part;

    if (size > MAX_PART || offset > source->size || size > source->size - offset)
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

bool elf_reader_begin(struct elf_reader *reader, const struct elf_source *source,
                      const struct elf_image *image)
{
    unsigned size = image->bits == 64 ? SHDR64 : SHDR32;
    uint8_t *file;

    *reader =
        (struct elf_reader){ source, image, image->bits == 64, image->big, NULL, 0 };
    file = elf_read_part(reader, 0, image->bits == 64 ? EHDR64 : EHDR32);
    if (!file)
        return false;
    reader->count = (unsigned)elf_get(image->big, file + (reader->is_wide ? 60 : 48), 2);
    if (elf_get(image->big, file + (reader->is_wide ? 58 : 46), 2) == size)
        reader->headers = elf_read_part(reader, elf_word(reader, file, 32, 40, false),
                                        (uint64_t)reader->count * size);
    free(file);
    if (!reader->headers)
        reader->count = 0;
    return reader->headers != NULL;
}

void elf_reader_end(struct elf_reader *reader)
{
    free(reader->headers);
}

bool elf_get_section(const struct elf_reader *reader, uint64_t number,
                     struct elf_section *section)
{
    const uint8_t *at = reader->headers;

    if (number >= reader->count)
        return false;
    at += number * (reader->is_wide ? SHDR64 : SHDR32);
    section->type = (uint32_t)elf_word(reader, at, 4, 4, true);
    section->flags = elf_word(reader, at, 8, 8, false);
    section->address = elf_word(reader, at, 12, 16, false);
    section->offset = elf_word(reader, at, 16, 24, false);
    section->size = elf_word(reader, at, 20, 32, false);
    section->link = (uint32_t)elf_word(reader, at, 24, 40, true);
    return true;
}

bool elf_find_section(const struct elf_reader *reader, uint32_t type,
                      struct elf_section *section)
{
    for (unsigned i = 0; elf_get_section(reader, i, section); i++)
        if (section->type == type && section->size)
            return true;
    return false;
}

bool elf_find_segment(const struct elf_reader *reader, uint32_t type,
                      struct elf_segment *segment)
{
    const struct elf_image *image = reader->image;
    unsigned size = reader->is_wide ? PHDR64 : PHDR32;
    uint8_t *headers = elf_read_part(reader, image->phoff, (uint64_t)image->phnum * size);
    bool found = false;

    for (unsigned i = 0; headers && i < image->phnum && !found; i++) {
        const uint8_t *at = headers + i * (size_t)size;

        if (elf_get(reader->is_big, at, 4) != type)
            continue;
        segment->offset = elf_word(reader, at, 4, 8, false);
        segment->vaddr = elf_word(reader, at, 8, 16, false);
        segment->filesz = elf_word(reader, at, 16, 32, false);
        found = true;
    }
    free(headers);
    return found;
}

bool elf_offset(const struct elf_image *image, uint64_t address, uint64_t *offset)
{
    for (unsigned i = 0; i < image->nsegments; i++) {
        const struct elf_segment *segment = &image->segments[i];

        if (address < segment->vaddr || address - segment->vaddr >= segment->filesz)
            continue;
        *offset = segment->offset + (address - segment->vaddr);
        return true;
    }
    return false;
}
