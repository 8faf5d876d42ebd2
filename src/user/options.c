/* options.c - the options of `rhea run`: one row each.  Spelling and meaning are QEMU's;
 * "-x" and "--x" are the same. */
#include "user/options.h"
#include "interp/accel.h"
#include "interp/jit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/report.h"
#include "isa/engine.h"

extern char **environ;

struct option {
    const char *word;     /* as it is written, with its dash */
    const char *argument; /* what it is called in the help; NULL: none */
    const char *variable; /* of the environment, with the same meaning; or NULL */
    void (*take)(struct run_options *options,
                 const char *argument); /* NULL: not supported */
    bool once;                          /* not for programs that the guest executes */
    const char *help;
};

static void take_prefix(struct run_options *options, const char *argument)
{
    options->prefix = argument;
}

static void take_root(struct run_options *options, const char *argument)
{
    options->prefix = argument;
    options->confined = true;
}

static void take_cpu(struct run_options *options, const char *argument)
{
    options->cpu = argument;
}

static void take_argv0(struct run_options *options, const char *argument)
{
    options->argv0 = argument;
}

static void take_release(struct run_options *options, const char *argument)
{
    options->release = argument;
}

static void take_strace(struct run_options *options, const char *argument)
{
    (void)argument;
    options->strace = true;
}

static void take_log_file(struct run_options *options, const char *argument)
{
    options->log_file = argument;
}

static void take_paged(struct run_options *options, const char *argument)
{
    (void)argument;
    options->paged = true;
}

static void take_lockstep(struct run_options *options, const char *argument)
{
    (void)argument;
    options->lockstep = true;
}

static void take_help(struct run_options *options, const char *argument)
{
    (void)options;
    (void)argument;
    options_help();
    exit(0);
}

static void take_debugger(struct run_options *options, const char *argument)
{
    options->debugger = argument;
}

static void take_seed(struct run_options *options, const char *argument)
{
    char *end;

    errno = 0;
    options->seed = strtoull(argument, &end, 0);
    options->has_seed = true;
    if (errno || end == argument || *end || *argument == '-')
        die("-seed %s: not a number", argument);
}

static uint64_t read_size(const char *option, const char *text)
{
    static const char units[] = "bkmgt";
    unsigned long long size;
    char *end;
    const char *unit;

    errno = 0;
    size = strtoull(text, &end, 0);
    unit = *end ? strchr(units, *end | 0x20) : units;
    if (errno || end == text || !unit || (*end && end[1]) || *text == '-' ||
        size > UINT64_MAX >> 10 * (unit - units))
        die("%s %s: not a size (as 4G)", option, text);
    return size << 10 * (unit - units);
}

static void take_stack(struct run_options *options, const char *argument)
{
    options->stack_size = read_size("-s", argument);
    if (options->stack_size > (uint64_t)16 << 30)
        die("-s %s: not a size of at most 16G (as 8M)", argument);
}

static void take_reserved(struct run_options *options, const char *argument)
{
    options->reserved = read_size("-R", argument);
    if (options->reserved && options->reserved < (uint64_t)16 << 20)
        die("-R %s: want at least 16M", argument);
}

static void take_base(struct run_options *options, const char *argument)
{
    (void)options;
    if (read_size("-B", argument) != 0)
        die("-B %s: rhea knows 0 only (where a 32-bit guest's window is, it decides)",
            argument);
}

static void take_filter(struct run_options *options, const char *argument)
{
    code_log_filter(&options->code, argument);
}

#if HAS_JIT
#define LOG_ITEMS "in_asm, exec, cpu, unimp, region, llvm_ir, out_asm, strace"

static void take_perfmap(struct run_options *options, const char *argument)
{
    (void)argument;
    options->perfmap = true;
}

static void take_jitdump(struct run_options *options, const char *argument)
{
    (void)argument;
    options->jitdump = true;
}

static void take_jit_debugger(struct run_options *options, const char *argument)
{
    (void)argument;
    options->jit_debugger = true;
}

static void take_jit_stats(struct run_options *options, const char *argument)
{
    (void)options, (void)argument;
    jit_options.stats = true;
}

static void take_jit_exits(struct run_options *options, const char *argument)
{
    take_jit_stats(options, argument);
    jit_options.exits = true;
}
#else
#define LOG_ITEMS "in_asm, exec, cpu, unimp, strace"
#endif

static void take_accel(struct run_options *options, const char *argument)
{
    options->engine = accel_choose(argument);
}

static void take_log(struct run_options *options, const char *argument)
{
    static const struct {
        const char *name;
        unsigned bit;
        const char *help;
    } items[] = {
        { "in_asm", LOG_IN_ASM, "instructions of each block when it is translated" },
        { "exec", LOG_EXEC, "the pc of each block that is executed" },
        { "cpu", LOG_CPU, "registers at each block" },
        { "unimp", LOG_UNIMP, "system calls that are not there" },
#if HAS_JIT
        { "region", LOG_REGION, "each region of hot code when it can be entered" },
        { "llvm_ir", LOG_LLVM_IR, "its IR after all passes (nothing is from the cache)" },
        { "out_asm", LOG_OUT_ASM, "its machine code (nothing is from the cache)" },
#endif
        { "strace", 0, "as -strace" },
    };
    size_t n = sizeof(items) / sizeof(items[0]);

    while (*argument) {
        size_t length = strcspn(argument, ","), i;

        for (i = 0; i < n; i++)
            if (strlen(items[i].name) == length &&
                strncmp(argument, items[i].name, length) == 0)
                break;
        if (i == n) {
            for (i = 0; i < n; i++)
                fprintf(stderr, "%-8s %s\n", items[i].name, items[i].help);
            if (strcmp(argument, "help") == 0)
                exit(0);
            die("-d %s: no item `%.*s`", argument, (int)length, argument);
        }
        options->log |= items[i].bit;
        options->strace = options->strace || !items[i].bit;
        argument += length + (argument[length] == ',');
    }
}

/* ------------------------------------------------------------------ the environment */

static size_t name_length(const char *variable)
{
    return strcspn(variable, "=");
}

static void unset(struct run_options *options, const char *name)
{
    size_t length = strlen(name), n = 0;

    for (size_t i = 0; options->environ[i]; i++)
        if (name_length(options->environ[i]) != length ||
            strncmp(options->environ[i], name, length) != 0)
            options->environ[n++] = options->environ[i];
    options->environ[n] = NULL;
}

/* The guest's environment is a copy of its own from the first change on. */
static void own_environ(struct run_options *options, size_t more)
{
    size_t n = 0;
    char **copy;

    while (options->environ[n])
        n++;
    copy = malloc((n + more + 1) * sizeof(*copy));
    if (!copy)
        die("no memory for the environment");
    memcpy(copy, options->environ, (n + 1) * sizeof(*copy));
    options->environ = copy;
}

static void take_set(struct run_options *options, const char *argument)
{
    size_t length = name_length(argument), n = 0;
    char *name = strndup(argument, length);

    if (!argument[length] || length == 0 || !name)
        die("-E %s: want NAME=VALUE", argument);
    own_environ(options, 1);
    unset(options, name);
    free(name);
    while (options->environ[n])
        n++;
    options->environ[n] = (char *)argument;
    options->environ[n + 1] = NULL;
}

static void take_unset(struct run_options *options, const char *argument)
{
    if (!*argument || strchr(argument, '='))
        die("-U %s: want the name of a variable", argument);
    own_environ(options, 0);
    unset(options, argument);
}

/* ----------------------------------------------------------------------- the table */

/* clang-format off */
static const struct option table[] = {
    { "-L", "DIR", "QEMU_LD_PREFIX", take_prefix, false,
      "look up the guest's files below DIR first" },
    { "-root", "DIR", NULL, take_root, false,
      "the guest sees DIR as /, and nothing else (but /proc, /sys, /dev)" },
    { "-cpu", "MODEL[,EXT][,-EXT]", "QEMU_CPU", take_cpu, false,
      "CPU model and extensions (-cpu help)" },
    { "-E", "NAME=VALUE", "QEMU_SET_ENV", take_set, true, "set a variable of the guest's" },
    { "-U", "NAME", "QEMU_UNSET_ENV", take_unset, true, "remove a variable" },
    { "-0", "ARGV0", "QEMU_ARGV0", take_argv0, true, "the program's argv[0]" },
    { "-r", "RELEASE", "QEMU_UNAME", take_release, false, "kernel release that uname tells" },
    { "-s", "SIZE", "QEMU_STACK_SIZE", take_stack, false, "size of the stack (8M)" },
    { "-seed", "N", "QEMU_RAND_SEED", take_seed, false, "make AT_RANDOM and addresses repeatable" },
    { "-strace", NULL, "QEMU_STRACE", take_strace, false, "print system calls" },
    { "-d", "ITEM,...", "QEMU_LOG", take_log, false,
      "log " LOG_ITEMS " (-d help)" },
    { "-D", "FILE", "QEMU_LOG_FILENAME", take_log_file, false, "log to FILE, not to stderr" },
    { "-accel", "ENGINE", "QEMU_ACCEL", take_accel, false, ACCEL_ENGINES " (slow); the first is the default" },
#if HAS_JIT
    { "-jit-stats", NULL, NULL, take_jit_stats, false, "print at the end what was executed by what, and compiled (slower)" },
    { "-jit-exits", NULL, NULL, take_jit_exits, false,
      "the same, and where compiled regions are left" },
#endif
    { "-lockstep", NULL, NULL, take_lockstep, false,
      "check interp against eval, stop where they differ" },
    { "-paged", NULL, NULL, take_paged, false,
      "memory through a page table, as on 32-bit hosts" },
    { "-h", NULL, NULL, take_help, true, "this text" },
    { "-help", NULL, NULL, take_help, true, NULL },
    { "-R", "SIZE", "QEMU_RESERVED_VA", take_reserved, false,
      "the guest's addresses are below SIZE" },
    { "-B", "ADDRESS", "QEMU_GUEST_BASE", take_base, false,
      "only 0: 64-bit guests live at their own addresses" },
    { "-g", "WHERE", "QEMU_GDB", take_debugger, true,
      "wait for gdb at a port, a socket's path, or - (stdio)" },
    { "-p", "SIZE", "QEMU_PAGESIZE", NULL, false, NULL },
    { "-t", "MAP", "QEMU_RTSIG_MAP", NULL, false, NULL },
    { "-plugin", "FILE", "QEMU_PLUGIN", NULL, false, NULL },
    { "-dfilter", "RANGE,...", "QEMU_DFILTER", take_filter, false,
      "log code of START+SIZE, END-SIZE or START..LAST only" },
    { "-singlestep", NULL, "QEMU_SINGLESTEP", NULL, false, NULL },
    { "-one-insn-per-tb", NULL, "QEMU_ONE_INSN_PER_TB", NULL, false, NULL },
    { "-tb-size", "SIZE", "QEMU_TB_SIZE", NULL, false, NULL },
#if HAS_JIT
    { "-perfmap", NULL, NULL, take_perfmap, false,
      "write /tmp/perf-PID.map: what machine code is of which function" },
    { "-jitdump", NULL, NULL, take_jitdump, false,
      "write ./jit-PID.dump: the same, and the code, for perf inject --jit" },
    { "-jit-debugger", NULL, NULL, take_jit_debugger, false,
      "name machine code for a debugger of rhea itself" },
#else
    { "-perfmap", NULL, NULL, NULL, false, NULL },
    { "-jitdump", NULL, NULL, NULL, false, NULL },
#endif
};
/* clang-format on */

enum { ROWS = sizeof(table) / sizeof(table[0]) };

void options_help(void)
{
    printf("rhea run [OPTION]... PROGRAM [ARGUMENT]...\n\n"
           "Runs a Linux program of another CPU.  Options may begin with one or two "
           "dashes.\n\n");
    for (size_t i = 0; i < ROWS; i++)
        if (table[i].help)
            printf("  %s %-*s %s\n", table[i].word, 27 - (int)strlen(table[i].word),
                   table[i].argument ? table[i].argument : "", table[i].help);
    printf(
        "\nRHEA_COUNT=1 in the environment: print how many instructions ran.\n"
        "The exit status is the program's; 128+N if signal N killed it (seen by a "
        "shell);\n"
        "126 if it cannot run here, 127 if it or its interpreter is not there, 1 for a\n"
        "wrong command line, 70 for a bug of rhea.\n");
}

static const struct option *find_option(const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(table[i].word + 1, name) == 0)
            return &table[i];
    return NULL;
}

/* PATH as it is found from any folder: the guest's programs may begin in others. */
static const char *from_anywhere(const char *path)
{
    char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0), *whole;
    size_t size;

    if (!cwd)
        return path;
    size = strlen(cwd) + strlen(path) + 2;
    whole = malloc(size);
    if (whole)
        snprintf(whole, size, "%s/%s", cwd, path);
    free(cwd);
    return whole ? whole : path;
}

static const char *argument_of(const struct option *option, const char *argument)
{
    bool file = option->take == take_prefix || option->take == take_root ||
                option->take == take_log_file;

    return file ? from_anywhere(argument) : argument;
}

static void again(struct run_options *options, const char *word)
{
    const char **larger =
        realloc(options->again, (options->nagain + 1) * sizeof(*larger));

    if (!larger)
        die("no memory for options");
    options->again = larger;
    options->again[options->nagain++] = word;
}

/* The variable of an option: rhea's name for it, or QEMU's. */
static const char *value_of(const struct option *option, char name[64])
{
    static const char qemu[] = "QEMU_";
    const char *value;

    if (!option->variable)
        return NULL;
    snprintf(name, 64, "RHEA_%s", option->variable + sizeof(qemu) - 1);
    value = getenv(name);
    if (!value) {
        snprintf(name, 64, "%s", option->variable);
        value = getenv(name);
    }
    return value;
}

/* `A=1,B=2` is two variables; others are one value. */
static void take_values(struct run_options *options, const struct option *option,
                        const char *value)
{
    bool list = option->take == take_set || option->take == take_unset;
    char *copy = strdup(value), *save = NULL; /* stays: options point into it */

    if (!copy)
        die("no memory for options");
    for (char *at = list ? strtok_r(copy, ",", &save) : copy; at;
         at = list ? strtok_r(NULL, ",", &save) : NULL)
        option->take(options, at);
}

/* What programs that the guest executes are to be run with they get as options: they may
 * have another environment.  What is for this program alone is taken from theirs. */
static void from_environment(struct run_options *options)
{
    for (size_t i = 0; i < ROWS; i++) {
        char name[64];
        const char *value = value_of(&table[i], name);

        if (!value || !table[i].take)
            continue;
        value = argument_of(&table[i], value);
        take_values(options, &table[i], value);
        if (table[i].once) {
            take_unset(options, name);
        } else {
            again(options, table[i].word);
            if (table[i].argument)
                again(options, value);
        }
    }
    options->count = getenv("RHEA_COUNT") != NULL;
}

int options_parse(struct run_options *options, int argc, char **argv)
{
    int i = 1;

    memset(options, 0, sizeof(*options));
    options->engine = accel_choose(NULL);
    options->environ = environ;
    from_environment(options);
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        const char *word = argv[i], *argument = NULL;
        const struct option *option;

        if (strcmp(word, "--") == 0)
            return i + 1;
        option = find_option(word + (word[1] == '-' ? 2 : 1));
        if (!option)
            die("no option %s; see rhea run --help", word);
        if (!option->take)
            die("option %s is not supported", word);
        if (option->argument && ++i == argc)
            die("option %s wants %s", word, option->argument);
        if (option->argument)
            argument = argument_of(option, argv[i]);
        option->take(options, argument);
        if (!option->once) {
            again(options, word);
            if (argument)
                again(options, argument);
        }
    }
    return i;
}

int options_skip(int argc, char **argv, const char **argv0)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        const struct option *option;

        if (strcmp(argv[i], "--") == 0)
            return i + 1;
        option = find_option(argv[i] + (argv[i][1] == '-' ? 2 : 1));
        if (option && option->argument && ++i < argc && option->take == take_argv0)
            *argv0 = argv[i];
    }
    return i;
}
