/* elf_parts.h - what of an ELF file is not needed to run it: sections, symbols, segments
 * of other kinds.  What is not inside of the file is as if it were not there. */
#ifndef RHEA_USER_ELF_PARTS_H
#define RHEA_USER_ELF_PARTS_H

#include "user/elf.h"

enum {
    SHT_SYMTAB = 2,
    SHT_STRTAB = 3,
    SHT_NOBITS = 8,
    SHT_DYNSYM = 11,
    SHF_EXECINSTR = 4,
};
enum { STT_NOTYPE = 0, STT_FUNC = 2, STT_GNU_IFUNC = 10, STB_LOCAL = 0 };
enum { SYM32 = 16, SYM64 = 24 };
enum { PT_DYNAMIC = 2, PT_GNU_EH_FRAME = 0x6474e550 };

struct elf_section {
    uint32_t type, link;
    uint64_t flags, address, offset, size;
};

/* A file, once elf_parse() has accepted it. */
struct elf_reader {
    const struct elf_source *source;
    const struct elf_image *image;
    bool is_wide, is_big; /* 64 bit; byte order */
    uint8_t *headers;     /* of the sections; NULL: none */
    unsigned count;
};

/* Whether there are headers of sections. */
bool elf_reader_begin(struct elf_reader *reader, const struct elf_source *source,
                      const struct elf_image *image);
void elf_reader_end(struct elf_reader *reader);

/* A field that is at `narrow_at` in 32-bit files; is_word: of 4 bytes in all. */
uint64_t elf_word(const struct elf_reader *reader, const uint8_t *at, unsigned narrow_at,
                  unsigned wide_at, bool is_word);
/* `size` bytes of the file and a 0, to be freed; NULL: they are not there. */
uint8_t *elf_read_part(const struct elf_reader *reader, uint64_t offset, uint64_t size);
/* false: there is no such section. */
bool elf_get_section(const struct elf_reader *reader, uint64_t number,
                     struct elf_section *section);
bool elf_find_section(const struct elf_reader *reader, uint32_t type,
                      struct elf_section *section);
/* Where the bytes of a segment of that type are.  false: there is none. */
bool elf_find_segment(const struct elf_reader *reader, uint32_t type,
                      struct elf_segment *segment);
/* The offset in the file of what is loaded at an address; false: nothing is. */
bool elf_offset(const struct elf_image *image, uint64_t address, uint64_t *offset);

#endif
