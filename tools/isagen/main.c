/* main.c - isagen: compiles instruction set specs.
 *
 * isagen --check SPEC              checks it, runs its examples in the tree evaluator
 * isagen --out DIR SPEC            the same, and writes C files for each target
 * isagen --coverage SPEC           what its examples leave out
 * isagen --list FILE TARGET...     writes the list of what is compiled in */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cover.h"
#include "emit.h"
#include "program.h"
#include "share.h"

enum { MAX_TARGETS = 64 };

static const char usage[] =
    "usage: isagen [--check] [--out DIR] [--target NAME] [--gaps] [--hygiene] "
    "[--coverage] [-W] SPEC.isa\n"
    "\n"
    "Compiles an instruction set spec: reports every error with its place, runs the\n"
    "examples, and with --out writes the C files of each target into DIR.\n"
    "  --check        only check (what is done without --out)\n"
    "  --target NAME  only this target\n"
    "  --coverage     write what the examples leave out\n"
    "  --hygiene      also report what has no example or no doc\n"
    "  --gaps         also report encodings that nothing claims\n"
    "  --no-examples  do not run the examples\n"
    "  -W             no warnings\n";

struct options {
    const char *spec, *out, *target;
    struct check_options check;
    bool coverage, no_warnings;
};

static struct options parse_options(int argc, char **argv)
{
    struct options o = { 0 };

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--out") && i + 1 < argc)
            o.out = argv[++i];
        else if (!strcmp(argv[i], "--target") && i + 1 < argc)
            o.target = argv[++i];
        else if (!strcmp(argv[i], "--gaps"))
            o.check.gaps = true;
        else if (!strcmp(argv[i], "--hygiene"))
            o.check.hygiene = true;
        else if (!strcmp(argv[i], "--coverage"))
            o.coverage = true;
        else if (!strcmp(argv[i], "--no-examples"))
            o.check.no_examples = true;
        else if (!strcmp(argv[i], "-W"))
            o.no_warnings = true;
        else if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
            fputs(usage, stdout), exit(0);
        else if (!strcmp(argv[i], "--check"))
            ;
        else if (argv[i][0] != '-' && !o.spec)
            o.spec = argv[i];
        else
            fprintf(stderr, "isagen: %s: unknown option\n%s", argv[i], usage), exit(1);
    }
    if (!o.spec)
        fputs(usage, stderr), exit(1);
    return o;
}

/* ---------------------------------------------------------------- what is written */

static FILE *create(struct isagen *g, const char *dir, const char *name,
                    const char *suffix)
{
    char *path = arena_printf(&g->arena, "%s/%s%s", dir, name, suffix);
    FILE *f = fopen(path, "w");

    if (!f) {
        fprintf(stderr, "isagen: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    return f;
}

static void close_file(FILE *f)
{
    if (ferror(f) | fclose(f)) {
        fprintf(stderr, "isagen: write error: %s\n", strerror(errno));
        exit(1);
    }
}

/* NAME.d: what was read, in make's syntax. */
static void write_depends(struct isagen *g, const char *dir, const char *const *targets,
                          unsigned count)
{
    FILE *f = create(g, dir, g->isa_name, ".d");

    fprintf(f, "%s:", g->isa_name);
    for (const struct source *s = g->sources; s; s = s->next)
        if (!s->nparts)
            fprintf(f, " %s", s->name);
    for (unsigned i = 0; i < count; i++) {
        const char *pairs = emit_pairs_path(&g->arena, g->isa_name, targets[i]);
        FILE *file = fopen(pairs, "r");

        if (file && !fclose(file))
            fprintf(f, " %s", pairs);
    }
    fputc('\n', f);
    close_file(f);
}

static void write_family(struct isagen *g, struct isa *const *isas, unsigned count,
                         const char *dir)
{
    FILE *f = create(g, dir, g->isa_name, "_table.c");
    const char *names[MAX_TARGETS];

    share_tables(isas, count, &g->arena);
    emit_table(isas, count, f);
    close_file(f);
    for (unsigned i = 0; i < count; i++) {
        emit_interp(isas[i], dir);
        names[i] = isas[i]->name;
    }
    f = create(g, dir, "isas", ".c");
    emit_list(names, count, f);
    close_file(f);
    write_depends(g, dir, names, count);
}

static int list_main(int argc, char **argv)
{
    FILE *f = fopen(argv[2], "w");

    if (!f) {
        fprintf(stderr, "isagen: %s: %s\n", argv[2], strerror(errno));
        return 1;
    }
    emit_list((const char *const *)argv + 3, (unsigned)(argc - 3), f);
    close_file(f);
    return 0;
}

int main(int argc, char **argv)
{
    static struct isagen g;
    struct options o;
    unsigned errors = 0, targets, built = 0;
    struct isa *isas[MAX_TARGETS];

    if (argc > 2 && !strcmp(argv[1], "--list"))
        return list_main(argc, argv);
    o = parse_options(argc, argv);
    g.messages = stderr;
    g.no_warnings = o.no_warnings;
    if (!program_parse(&g, o.spec))
        return 1;
    targets = target_count(&g);
    for (unsigned i = 0; i < (targets ? targets : 1) && built < MAX_TARGETS; i++) {
        struct isa *isa = program_target(&g, o.target, i);

        if (!isa && o.target && !g.errors)
            fprintf(stderr, "isagen: %s: no target %s\n", o.spec, o.target), exit(1);
        if (!isa)
            return 1;
        errors += check_target(&g, &o.check);
        if (errors)
            continue;
        if (o.coverage)
            cover_examples(isa, stdout);
        isas[built++] = isa;
        if (o.target)
            break;
    }
    if (errors)
        return 1;
    if (o.out)
        write_family(&g, isas, built, o.out);
    return 0;
}
