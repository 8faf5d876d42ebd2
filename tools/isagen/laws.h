/* laws.h - checks the laws of flag functions and adds them to the table. */
#ifndef ISAGEN_LAWS_H
#define ISAGEN_LAWS_H

struct build;
void build_laws(struct build *b);

#endif
