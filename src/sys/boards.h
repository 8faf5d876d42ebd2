/* boards.h - the boards that came with the program, by name. */
#ifndef RHEA_SYS_BOARDS_H
#define RHEA_SYS_BOARDS_H

/* The file of what -M says: `virt`, `virt-rv64`, or a path.  die()s of none. */
const char *boards_find(const char *name, const char *isa);
void boards_list(const char *isa); /* for people */

#endif
