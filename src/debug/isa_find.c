/* isa_find.c - compiled-in instruction sets by name.
 *
 * Here and not in src/isa because isagen, which makes the list, links all of that. */
#include <string.h>

#include "isa/engine.h"

const struct isa *isa_find(const char *name)
{
    for (const struct isa *const *isa = isa_list; *isa; isa++)
        if (!strcmp((*isa)->name, name))
            return *isa;
    return NULL;
}
