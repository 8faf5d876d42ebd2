/* script.c - files that begin with "#!". */
#include "user/script.h"

#include <stdlib.h>
#include <string.h>

int script_parse(struct script *script, size_t size)
{
    char *at = script->head + 2, *end;

    if (size < 2 || memcmp(script->head, "#!", 2) != 0)
        return -1;
    script->head[size] = 0;
    end = strchr(script->head, '\n');
    if (!end && size == SCRIPT_HEAD)
        return -1; /* the name may go on */
    if (!end)
        end = script->head + strlen(script->head);
    while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = 0;
    at += strspn(at, " \t");
    if (!*at)
        return -1;
    script->interp = at;
    at += strcspn(at, " \t");
    script->argument = NULL;
    if (*at) {
        *at++ = 0;
        at += strspn(at, " \t");
        script->argument = *at ? at : NULL;
    }
    return 0;
}

size_t script_count(char **strings)
{
    size_t n = 0;

    while (strings[n])
        n++;
    return n;
}

char **script_argv(const struct script *script, const char *path, char **argv)
{
    size_t args = script_count(argv), n = 0;
    char **out = malloc((args + 4) * sizeof(*out));

    if (!out)
        return NULL;
    out[n++] = script->interp;
    if (script->argument)
        out[n++] = script->argument;
    out[n++] = (char *)path;
    for (size_t i = 1; i < args; i++)
        out[n++] = argv[i];
    out[n] = NULL;
    return out;
}
