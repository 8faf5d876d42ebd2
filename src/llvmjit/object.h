/* object.h - from an object file of the compiler to one piece of code. */
#ifndef RHEA_LLVMJIT_OBJECT_H
#define RHEA_LLVMJIT_OBJECT_H

#include <stddef.h>
#include <stdint.h>

/* A stub calls `body` as handlers call each other, with its number as the fourth
 * argument. */
enum { OBJECT_STUB_SIZE = 16, OBJECT_STUB_CODE = 10 };

struct object {
    uint8_t *code; /* the caller's, free() */
    uint32_t size;
    uint32_t text;  /* bytes of instructions that it begins with */
    uint32_t stubs; /* where the first one is */
};

/* Puts the sections of a relocatable ELF64 file of this host one after the other, code
 * first, and resolves the references between them.  There may be no others.  Behind them
 * are `nstubs` stubs.  Returns 0, or -1 and says why. */
int object_link(const uint8_t *file, size_t size, unsigned nstubs, struct object *object,
                char *why, size_t why_size);

/* Where a symbol of the file lies in the code that object_link() made of it; -1: there is
 * none. */
int64_t object_symbol(const uint8_t *file, size_t size, const char *name);

#endif
