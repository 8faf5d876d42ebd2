/* elf.h - what of an ELF file matters to run it.
 *
 * Parsing is apart from loading: it reads any bytes, checks everything, and touches no
 * guest.  What elf_parse accepts can be mapped without further arithmetic checks. */
#ifndef RHEA_USER_ELF_H
#define RHEA_USER_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ELF_MAX_SEGMENTS = 64, ELF_MAX_INTERP = 4096, ELF_ERROR = 256 };
enum { ELF_EXEC = 2, ELF_DYN = 3 };

/* Where the bytes come from.  Returns how many of `size` there were. */
struct elf_source {
    void *context;
    size_t (*read)(void *context, uint64_t offset, void *bytes, size_t size);
    uint64_t size;
};

struct elf_segment { /* PT_LOAD */
    uint64_t vaddr, memsz;
    uint64_t offset, filesz; /* offset and vaddr are equal modulo the page */
    unsigned prot;           /* SPACE_* */
};

struct elf_image {
    unsigned bits; /* 32 or 64 */
    bool big;
    uint16_t machine;
    uint16_t type;  /* ELF_EXEC or ELF_DYN */
    uint32_t flags; /* e_flags */
    uint64_t entry;
    uint64_t phoff;
    uint16_t phnum, phentsize;
    uint64_t phdr;      /* virtual address of the program headers, 0: not loaded */
    uint64_t low, high; /* all segments are in [low, high), whole pages */
    uint64_t align;     /* largest one asked for */
    bool exec_stack;
    bool has_interp;
    unsigned nsegments;
    struct elf_segment segments[ELF_MAX_SEGMENTS];
    char interp[ELF_MAX_INTERP];
};

/* What the first bytes of a file say; false: not an ELF file.  Needs 20 bytes. */
struct elf_ident {
    unsigned bits; /* 0: unknown class */
    bool big;
    uint16_t machine;
};
bool elf_ident(const uint8_t *bytes, size_t size, struct elf_ident *ident);

/* `limit`: addresses must be below; `page`: of the guest.  0, or -1 with one line of what
 * is wrong (without the file's name) in error[ELF_ERROR]. */
int elf_parse(const struct elf_source *source, uint64_t limit, uint64_t page,
              struct elf_image *image, char *error);

/* The number in `size` bytes. */
uint64_t elf_get(bool big, const uint8_t *at, unsigned size);

/* "aarch64" for 183; NULL for numbers without a name here. */
const char *elf_machine_name(uint16_t machine);

struct space;

/* Maps the segments of a parsed file.  ET_DYN goes to `hint` or wherever there is room.
 * *bias is what was added to its addresses.  0, or -1 with error. */
int elf_map(struct space *space, const struct elf_image *image, int fd, uint64_t hint,
            uint64_t *bias, char *error);

#endif
