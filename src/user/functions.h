/* functions.h - where the functions of an ELF file begin, as far as it tells. */
#ifndef RHEA_USER_FUNCTIONS_H
#define RHEA_USER_FUNCTIONS_H

#include "user/elf_parts.h"

struct function {
    uint64_t start, end; /* as linked; it ends there at the latest */
};

/* The entry and what other files may call come first. */
struct functions {
    struct function *all; /* free() it */
    size_t count, room;
    size_t first; /* how many come first */
};

/* From .dynsym, .symtab and .eh_frame_hdr; any bytes do. */
void functions_find(struct functions *functions, const struct elf_reader *reader);

#endif
