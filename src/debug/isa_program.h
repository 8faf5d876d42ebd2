/* isa_program.h - a program for `rhea isa run`: text with labels, words, or a binary. */
#ifndef RHEA_ISA_PROGRAM_H
#define RHEA_ISA_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "debug/isa_cmd.h"

struct isa_program {
    uint8_t *bytes; /* to be loaded at args->pc */
    size_t size;
};

/* Reads and assembles; die()s with file and line where it cannot. */
struct isa_program program_load(const struct isa_args *args, const char *path);

#endif
