/* debug.h - looking at instruction sets, guests and the cache: what main.c calls. */
#ifndef RHEA_DEBUG_H
#define RHEA_DEBUG_H

/* `rhea isa ...`: argv[0] is "isa".  Returns the exit status. */
int isa_main(int argc, char **argv);

/* `rhea cache ...`: argv[0] is "cache".  `warm` (NULL: there is no JIT) is called with
 * argv[0] "warm", then what `rhea cache --help` says.  Both return the
 * exit status. */
int cache_main(int argc, char **argv, int (*warm)(int argc, char **argv));

#endif
