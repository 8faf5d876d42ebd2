/* share.h - see share.c */
#ifndef ISAGEN_SHARE_H
#define ISAGEN_SHARE_H

#include "base/arena.h"
#include "isa/isa.h"

/* Keeps once what is the same in a finished table.  What is new comes from `arena`. */
void share_tables(struct isa *isa, struct arena *arena);

#endif
