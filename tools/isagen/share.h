/* share.h - see share.c */
#ifndef ISAGEN_SHARE_H
#define ISAGEN_SHARE_H

#include "base/arena.h"
#include "isa/isa.h"

/* Keeps once what is the same in finished tables of one family: afterwards they have one
 * `strings`, `nodes` and so on (share.c lists them).  The old arrays are only read; what
 * is new comes from `arena`.  Equal tables give equal tables. */
void share_tables(struct isa *const *isas, unsigned count, struct arena *arena);

#endif
