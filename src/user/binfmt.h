/* binfmt.h - `rhea binfmt`, and being started by the kernel's binfmt_misc. */
#ifndef RHEA_USER_BINFMT_H
#define RHEA_USER_BINFMT_H

#include <stdbool.h>

/* The arguments after `rhea`; returns the exit status. */
int binfmt_main(int argc, char **argv);

/* Whether binfmt_misc gave this command line, of argc words; and running its program:
 * returns the exit status, or never. */
bool binfmt_called(int argc);
int binfmt_run(int argc, char **argv);

#endif
