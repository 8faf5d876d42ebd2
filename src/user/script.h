/* script.h - files that begin with "#!". */
#ifndef RHEA_USER_SCRIPT_H
#define RHEA_USER_SCRIPT_H

#include <stddef.h>

enum {
    SCRIPT_HEAD = 256,
    SCRIPT_DEPTH = 4
}; /* bytes that are looked at; scripts in a row */

struct script {
    char head[SCRIPT_HEAD + 1]; /* the file's first bytes; cut up by script_parse */
    char *interp, *argument;    /* argument: or NULL */
};

/* Finds interpreter and argument in head[0..size), as Linux does.  -1: not a script. */
int script_parse(struct script *script, size_t size);

/* argv of the interpreter: interp [argument] path argv[1]...; free it.  NULL: no memory.
 */
char **script_argv(const struct script *script, const char *path, char **argv);

size_t script_count(char **strings);

#endif
