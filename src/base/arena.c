/* arena.c - memory that is given back all at once: see arena.h. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"

enum { ALIGN = 16, CHUNK = 64 * 1024 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t size;
    _Alignas(ALIGN) unsigned char data[];
};

static void add_chunk(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk;

    if (size < CHUNK)
        size = CHUNK;
    chunk = calloc(1, sizeof(*chunk) + size);
    if (!chunk)
        die("out of memory for %zu more bytes", size);
    chunk->older = arena->chunks;
    chunk->size = size;
    arena->chunks = chunk;
    arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *object;

    if (size > SIZE_MAX / 2)
        die("out of memory for %zu bytes", size);
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (!arena->chunks || arena->chunks->size - arena->used < size)
        add_chunk(arena, size);
    object = arena->chunks->data + arena->used;
    arena->used += size;
    arena->total += size;
    return object;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / 2 / size)
        die("out of memory for %zu objects of %zu bytes", count, size);
    return arena_alloc(arena, count * size);
}

void *arena_grow(struct arena *arena, const void *old, size_t old_size, size_t new_size)
{
    void *object = arena_alloc(arena, new_size);

    if (old_size)
        memcpy(object, old, old_size);
    return object;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);

    memcpy(copy, text, length);
    return copy;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list ap, again;
    char *text;
    int length;

    va_start(ap, fmt);
    va_copy(again, ap);
    length = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (length < 0)
        bug("bad format '%s'", fmt);
    text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, fmt, again);
    va_end(again);
    return text;
}

void arena_free(struct arena *arena)
{
    for (struct arena_chunk *chunk = arena->chunks, *older; chunk; chunk = older) {
        older = chunk->older;
        free(chunk);
    }
    memset(arena, 0, sizeof(*arena));
}
