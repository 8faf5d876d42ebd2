/* options.h - the command line of `rhea run`. */
#ifndef RHEA_USER_OPTIONS_H
#define RHEA_USER_OPTIONS_H

#include "user/run.h"

/* Reads the options; returns the index of the program in argv (argc: there is none).
 * die()s of what is wrong. */
int options_parse(struct run_options *options, int argc, char **argv);

/* The same index in any rhea's arguments, without reading them; -0's argument in *argv0.
 */
int options_skip(int argc, char **argv, const char **argv0);

void options_help(void);

#endif
