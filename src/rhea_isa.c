/* rhea_isa.c - `rhea isa` is a program of its own, with the spec compiler, so that `rhea
 * run`, which is copied into other roots, stays small. */
#include "debug/debug.h"

int main(int argc, char **argv)
{
    return isa_main(argc, argv);
}
