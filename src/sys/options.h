/* options.h - the command line of `rhea boot`: QEMU's spelling. */
#ifndef RHEA_SYS_OPTIONS_H
#define RHEA_SYS_OPTIONS_H

#include "sys/log.h"
#include "sys/machine.h"

/* An option that a board's file cannot say. */
struct kept_option {
    struct kept_option *next;
    const char *word, *argument; /* argument NULL: none */
};

struct options {
    struct machine_config machine;
    struct machine_log_config log;
    const char *dump_tree; /* -M ...,dumpdtb=FILE: write it and end */
    bool is_explained;     /* -explain: print it and end */
    struct kept_option *kept;
    const char *kept_of_machine; /* of -M: `,pflash0=code` */
};

/* Reads them; die()s of what is wrong or not supported, and ends the process where one
 * only asks for help. */
void options_read(struct options *options, int argc, char **argv);

/* Calls `each` with the name of every option. */
void options_each(void (*each)(void *context, const char *word), void *context);

#endif
