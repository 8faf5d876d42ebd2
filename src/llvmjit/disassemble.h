/* disassemble.h - a region's machine code for people. */
#ifndef RHEA_LLVMJIT_DISASSEMBLE_H
#define RHEA_LLVMJIT_DISASSEMBLE_H

#include "llvmjit/object.h"

/* Its instructions, one a line, with their offsets; free() it.  NULL: it cannot be done.
 * Requires: LLVM's disassembler of the target is initialised. */
char *disassemble(const char *triple, const char *features, const struct object *object);

#endif
