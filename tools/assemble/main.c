/* main.c - assembles rhea's own firmware, when rhea is built: from a spec and text with
 * labels (src/debug/isa_program.c) to an array of C.
 *
 * assemble SPEC.isa:TARGET MODEL[,-FEATURE] FILE NAME     on standard output */
#include <stdio.h>
#include <string.h>

#include "base/report.h"
#include "debug/isa_program.h"
#include "isagen/spec.h"

static struct isa *load(const char *name)
{
    static char path[1024], error[4000];
    const char *target = strrchr(name, ':');
    struct isa *isa;

    if (!target || (size_t)(target - name) >= sizeof(path))
        die("%s: want SPEC.isa:TARGET", name);
    memcpy(path, name, (size_t)(target - name));
    isa = spec_load(path, target + 1, error, sizeof(error));
    if (!isa)
        die("%s: %s", path, error);
    return isa;
}

int main(int argc, char **argv)
{
    struct isa_args args = { 0 };
    struct isa_program program;
    const char *bad;

    if (argc != 5)
        die("usage: assemble SPEC.isa:TARGET MODEL[,-FEATURE] FILE NAME");
    args.isa = load(argv[1]);
    if (isa_features_parse(args.isa, argv[2], &args.features, &bad))
        die("%s: no such model or feature", bad);
    program = program_load(&args, argv[3]);
    printf("const unsigned char %s[] = {", argv[4]);
    for (size_t i = 0; i < program.size; i++)
        printf("%s%u,", i % 20 ? "" : "\n", program.bytes[i]);
    printf("\n};\nconst unsigned long %s_size = %zu;\n", argv[4], program.size);
    return 0;
}
