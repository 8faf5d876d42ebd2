/* build_stream.c - streams and their rows to tables. */
#include "build.h"

void build_streams(struct build *b)
{
    (void)b;
}

void build_stream_insn(struct build *b, struct item *item)
{
    fail(b->g, item->pos, "E-SYNTAX", "insn %s has no enc", item->name);
}
