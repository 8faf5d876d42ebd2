/* disassemble.c - a region's machine code for people: LLVM's disassembler. */
#include "llvmjit/disassemble.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Disassembler.h>

struct text {
    char *start; /* NULL: out of memory */
    size_t used, room;
};

static void add(struct text *text, const char *more)
{
    size_t length = strlen(more);
    char *larger;

    if (text->used + length >= text->room) {
        text->room = 2 * (text->room + length + 1);
        larger = text->start ? realloc(text->start, text->room) : NULL;
        if (!larger)
            free(text->start);
        text->start = larger;
    }
    if (text->start)
        memcpy(text->start + text->used, more, length + 1);
    text->used += length;
}

/* LLVM asks for names of what instructions refer to: where a jump leads is an offset, as
 * at the beginnings of lines. */
static const char *name_target(void *context, uint64_t value, uint64_t *type, uint64_t pc,
                               const char **name)
{
    enum { ROOM = 24 };
    bool is_jump = *type == LLVMDisassembler_ReferenceType_In_Branch;
    char *target = context;

    (void)pc;
    *name = NULL;
    *type = LLVMDisassembler_ReferenceType_InOut_None;
    snprintf(target, ROOM, "%#" PRIx64, value);
    return is_jump ? target : NULL;
}

static void add_insn(struct text *text, const uint8_t *bytes, size_t size, size_t at,
                     const char *insn)
{
    char start[24], hex[2 * 16 + 1] = "";

    for (size_t i = 0; i < size && i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    snprintf(start, sizeof start, "0x%04zx:  ", at);
    add(text, start);
    snprintf(start, sizeof start, "%-22s", hex);
    add(text, start);
    if (strlen(hex) > 22)
        add(text, hex + 22);
    add(text, insn);
    add(text, "\n");
}

static void add_range(struct text *text, LLVMDisasmContextRef context,
                      const struct object *object, size_t at, size_t end)
{
    while (at < end) {
        char insn[256] = "\t(no instruction)";
        size_t size = LLVMDisasmInstruction(context, object->code + at, end - at, at,
                                            insn, sizeof insn);

        size = size ? size : 1;
        add_insn(text, object->code + at, size, at, insn);
        at += size;
    }
}

char *disassemble(const char *triple, const char *features, const struct object *object)
{
    char target[24];
    struct text text = { .start = calloc(1, 1), .room = 1 };
    LLVMDisasmContextRef context = LLVMCreateDisasmCPUFeatures(
        triple, "generic", features, target, 0, NULL, name_target);

    if (!context) {
        free(text.start);
        return NULL;
    }
    LLVMSetDisasmOptions(context, LLVMDisassembler_Option_PrintImmHex);
    add_range(&text, context, object, 0, object->text);
    for (size_t at = object->stubs; at < object->size; at += OBJECT_STUB_SIZE)
        add_range(&text, context, object, at, at + OBJECT_STUB_CODE);
    LLVMDisasmDispose(context);
    return text.start;
}
