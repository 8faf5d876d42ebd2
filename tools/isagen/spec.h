/* spec.h - the spec compiler as a library: from an .isa file to a struct isa. */
#ifndef ISAGEN_SPEC_H
#define ISAGEN_SPEC_H

#include <stddef.h>

#include "isa/isa.h"

/* Reads the spec at `path` and makes the table of `target` (NULL: its first one).  The
 * result is the caller's until spec_free().  NULL, with all messages in `error`, if it is
 * wrong. */
struct isa *spec_load(const char *path, const char *target, char *error,
                      size_t error_size);

/* The same for a spec in memory.  `path` is its name in messages, and imports are looked
 * for beside it. */
struct isa *spec_load_text(const char *path, const char *text, size_t size,
                           const char *target, char *error, size_t error_size);
void spec_free(struct isa *isa);

#endif
