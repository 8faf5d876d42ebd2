/* program.h - the compiler's steps for main.c and spec.c. */
#ifndef ISAGEN_PROGRAM_H
#define ISAGEN_PROGRAM_H

#include "isagen.h"

/* Parses a spec; false after messages. */
bool program_parse(struct isagen *g, const char *path);

uint32_t target_count(struct isagen *g); /* declared; 0: the isa is its own target */

/* Builds the table of a target by name or number, in g's arena; NULL after messages. */
struct isa *program_target(struct isagen *g, const char *name, uint32_t number);

#endif
