/* cache_none.c - `rhea cache` of a build without a JIT. */
#include "base/report.h"
#include "debug/debug.h"

int cache_main(int argc, char **argv, int (*warm)(int argc, char **argv))
{
    (void)argc, (void)argv, (void)warm;
    die("cache: this build has no JIT (LLVM=0), so there is nothing to keep");
}
