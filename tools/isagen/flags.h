/* flags.h - what variants do with flags, and variants of them that do less. */
#ifndef ISAGEN_FLAGS_H
#define ISAGEN_FLAGS_H

struct build;
/* After all other bodies are made, before the table is shared.  Adds variants behind
 * those that decoding gives. */
void build_flag_variants(struct build *b);

#endif
