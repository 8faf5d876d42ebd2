/* debug.h - looking at instruction sets and at guests: what main.c calls. */
#ifndef RHEA_DEBUG_H
#define RHEA_DEBUG_H

/* `rhea isa ...`: argv[0] is "isa".  Returns the exit status. */
int isa_main(int argc, char **argv);

#endif
