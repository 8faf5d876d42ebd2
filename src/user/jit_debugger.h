/* jit_debugger.h - tells a debugger of rhea itself what machine code is for. */
#ifndef RHEA_USER_JIT_DEBUGGER_H
#define RHEA_USER_JIT_DEBUGGER_H

#include <stddef.h>

/* The host's code at [code, code + size) has this name from now on. */
void jit_debugger_add(const char *name, const void *code, size_t size);

#endif
