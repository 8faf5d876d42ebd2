/* isa_cmd.c - `rhea isa`: instruction sets to look at, assemble, disassemble and step. */
#include "debug/isa_cmd.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "debug/debug.h"
#include "isa/engine.h"
#include "isa/sem.h"
#include "isagen/spec.h"

static const char help[] =
    "usage: rhea isa list\n"
    "       rhea isa show ISA [INSN...]     its bits, text, meaning and examples\n"
    "       rhea isa dis ISA HEX...|FILE|-  disassemble words, a binary, or lines of "
    "words\n"
    "       rhea isa asm ISA TEXT...|-      assemble; `;` or a line ends an instruction\n"
    "       rhea isa decode ISA HEX         which instruction, which fields, and why\n"
    "       rhea isa cover ISA              what has no example, which words are "
    "nothing\n"
    "       rhea isa run ISA PROGRAM        step through a program, one line a step\n"
    "\n"
    "ISA is a name from `rhea isa list`, or a spec: FILE.isa or FILE.isa:TARGET\n"
    "(`--spec FILE.isa` says the same).  PROGRAM is assembly with labels, hexadecimal\n"
    "words, or a raw binary, loaded at --pc.\n"
    "\n"
    "  --cpu MODEL[,FEATURE][,-FEATURE]  --mode NAME=VALUE[,...]  --pc ADDRESS\n"
    "  --aliases=no   print every instruction under its own name\n"
    "  --words        dis: one word a line in, one instruction a line out\n"
    "                 asm -: a word or an error for each line, all of them at --pc\n"
    "  --step N       with --words: each is N bytes after the one before\n"
    "  --quiet        run: only what the program prints, and how it ends\n"
    "  --max N        run: at most N instructions (1000000)\n";

/* ------------------------------------------------------------------ arguments */

static struct isa *load_spec(const char *name)
{
    char path[1024], error[4000];
    const char *target = strrchr(name, ':');
    struct isa *isa;

    if (!target)
        target = name + strlen(name);
    if ((size_t)(target - name) >= sizeof(path))
        die("%s: name too long", name);
    memcpy(path, name, (size_t)(target - name));
    path[target - name] = 0;
    isa = spec_load(path, *target ? target + 1 : NULL, error, sizeof(error));
    if (!isa) {
        fputs(error, stderr);
        die("%s: not a correct spec", path);
    }
    return isa;
}

static void find_isa(struct isa_args *args, const char *name)
{
    args->isa = isa_find(name);
    if (args->isa)
        return;
    if (!strchr(name, '/') && !strstr(name, ".isa"))
        die("%s: no such instruction set; see `rhea isa list`, or give a FILE.isa", name);
    args->isa = args->loaded = load_spec(name);
}

static void parse_mode(struct isa_args *args, const char *list)
{
    const struct isa *isa = args->isa;

    while (*list) {
        size_t length = strcspn(list, "=,");
        char *end = (char *)list + length;
        uint64_t value = *end == '=' ? strtoull(end + 1, &end, 0) : 1;
        unsigned i;

        for (i = 0; i < isa->nmodes; i++)
            if (strlen(isa_string(isa, isa->modes[i].name)) == length &&
                !strncmp(isa_string(isa, isa->modes[i].name), list, length))
                break;
        if (i == isa->nmodes || (*end && *end != ','))
            die("--mode: %s has no mode %.*s", isa->name, (int)length, list);
        args->mode |= (value & mask64(isa->modes[i].bits)) << isa->modes[i].at;
        list = end + (*end == ',');
    }
}

static uint64_t parse_number(const char *option, const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 0);

    if (end == text || *end)
        die("%s: %s is no number", option, text);
    return value;
}

struct options {
    const char *mode, *spec;
};

/* "--name=value" or "--name value"; the value, or NULL if `text` is another option. */
static const char *option_value(const char *name, char **argv, int *i)
{
    size_t length = strlen(name);

    if (strncmp(argv[*i], name, length))
        return NULL;
    if (argv[*i][length] == '=')
        return argv[*i] + length + 1;
    if (argv[*i][length])
        return NULL;
    if (!argv[*i + 1])
        die("%s needs a value", name);
    return argv[++*i];
}

static void parse_option(struct isa_args *args, struct options *options, char **argv,
                         int *i)
{
    const char *text = argv[*i], *value;

    if (!strcmp(text, "--words"))
        args->words = true;
    else if (!strcmp(text, "--quiet"))
        args->quiet = true;
    else if ((value = option_value("--aliases", argv, i)))
        args->no_aliases = !strcmp(value, "no");
    else if ((value = option_value("--cpu", argv, i)))
        args->model = value;
    else if ((value = option_value("--mode", argv, i)))
        options->mode = value;
    else if ((value = option_value("--spec", argv, i)))
        options->spec = value;
    else if ((value = option_value("--pc", argv, i)))
        args->pc = parse_number("--pc", value);
    else if ((value = option_value("--max", argv, i)))
        args->max = parse_number("--max", value);
    else if ((value = option_value("--step", argv, i)))
        args->step = parse_number("--step", value);
    else
        die("isa: unknown option %s; see `rhea isa help`", text);
}

/* What is no option is the isa, then the rest.  A lone "-" and negative numbers are none.
 */
static void parse_args(struct isa_args *args, int argc, char **argv)
{
    struct options options = { 0 };
    const char *bad = NULL;
    bool only_rest = false;

    args->rest = argv;
    args->max = 1000000;
    for (int i = 0; i < argc; i++)
        if (!only_rest && !strcmp(argv[i], "--"))
            only_rest = true;
        else if (!only_rest && !strncmp(argv[i], "--", 2))
            parse_option(args, &options, argv, &i);
        else
            args->rest[args->count++] = argv[i]; /* never ahead of i */
    if (options.spec) {
        args->isa = args->loaded = load_spec(options.spec);
    } else {
        if (!args->count)
            die("isa: which instruction set?  see `rhea isa help`");
        find_isa(args, *args->rest++);
        args->count--;
    }
    args->rest[args->count] = NULL;
    if (isa_features_parse(args->isa, args->model, &args->features, &bad))
        die("--cpu: %s has no model or feature %.*s", args->isa->name,
            (int)strcspn(bad, ","), bad);
    if (options.mode)
        parse_mode(args, options.mode);
}

/* ----------------------------------------------------------------------- list */

static int list_isas(void)
{
    for (const struct isa *const *isa = isa_list; *isa; isa++) {
        printf("%-12s %-40s %5u instructions; models:", (*isa)->name,
               (*isa)->doc ? (*isa)->doc : "", (*isa)->ninsns);
        for (unsigned i = 0; i < (*isa)->nmodels; i++)
            printf(" %s", isa_string(*isa, (*isa)->models[i].name));
        putchar('\n');
    }
    return 0;
}

int isa_main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct isa_args *args);
    } parts[] = { { "show", isa_show },   { "dis", isa_dis },
                  { "asm", isa_asm },     { "decode", isa_decode_word },
                  { "cover", isa_cover }, { "run", isa_run } };
    struct isa_args args = { 0 };

    if (argc < 2 || !strcmp(argv[1], "help") || !strcmp(argv[1], "--help")) {
        fputs(help, argc < 2 ? stderr : stdout);
        return argc < 2;
    }
    if (!strcmp(argv[1], "list"))
        return list_isas();
    for (unsigned i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (!strcmp(argv[1], parts[i].name)) {
            int status;

            parse_args(&args, argc - 2, argv + 2);
            status = parts[i].run(&args);
            if (args.loaded)
                spec_free(args.loaded);
            return status;
        }
    die("isa: unknown part %s; see `rhea isa help`", argv[1]);
}
