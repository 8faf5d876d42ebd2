/* arena.h - memory that is given back all at once.
 *
 * For what is built up and dropped as a whole: a parsed spec, a block being decoded.
 * There is no free of single objects, and a failure to get memory is die(). */
#ifndef RHEA_BASE_ARENA_H
#define RHEA_BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

/* All zero is an empty arena.  Owned by one thread at a time. */
struct arena {
    struct arena_chunk *chunks; /* newest first; objects come from its end */
    size_t used;                /* bytes of the newest chunk */
    size_t total;               /* bytes of objects given out */
};

/* Zeroed memory for any type (aligned to 16). */
void *arena_alloc(struct arena *arena, size_t size);

/* The same for `count` objects of `size`; a product that overflows is die(). */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A larger copy of an array made here: the old one stays where it is until the end. */
void *arena_grow(struct arena *arena, const void *old, size_t old_size, size_t new_size);

char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Gives everything back; the arena is empty and may be used again. */
void arena_free(struct arena *arena);

#endif
