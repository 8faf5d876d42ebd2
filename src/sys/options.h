/* options.h - the command line of `rhea boot`: QEMU's spelling. */
#ifndef RHEA_SYS_OPTIONS_H
#define RHEA_SYS_OPTIONS_H

#include "sys/log.h"
#include "sys/machine.h"

struct options {
    struct machine_config machine;
    struct machine_log_config log;
    const char *dump_tree; /* -M ...,dumpdtb=FILE: write it and end */
};

/* Reads them; die()s of what is wrong or not supported, and ends the process where one
 * only asks for help. */
void options_read(struct options *options, int argc, char **argv);

/* Calls `each` with the name of every option. */
void options_each(void (*each)(void *context, const char *word), void *context);

#endif
