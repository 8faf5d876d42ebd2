/* warm.c - `rhea cache warm`: a program and the libraries that it needs are compiled, and
 * nothing runs.
 *
 * All of them are mapped as for a run, so what is kept is what a run looks for.  What
 * programs load later (modules, by dlopen) no file tells: it is named on the command
 * line. */
#include <fnmatch.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/host.h"
#include "base/report.h"
#include "interp/jit.h"
#include "isa/engine.h"
#include "isa/space.h"
#include "user/linux/linux.h"
#include "user/needed.h"
#include "user/run.h"

enum { MAX_ONLY = 64, PROGRESS_MS = 200, EXIT_INTERRUPTED = 130 };

/* The words before options of `rhea run`. */
struct warm_options {
    bool runs, is_precise;
    const char *only[MAX_ONLY]; /* patterns */
    unsigned nonly;
};

struct warm {
    const struct warm_options *options;
    struct task *task;
    struct needed needed;
    const char *name;    /* of the file at hand */
    size_t functions;    /* in it */
    bool shows_progress; /* on a terminal */
    uint64_t shown_ms;
};

static volatile sig_atomic_t is_interrupted;

/* -------------------------------------------------------------------------- options */

static bool is_word(const char *argument, const char *word)
{
    return *argument == '-' && strcmp(argument + (argument[1] == '-' ? 2 : 1), word) == 0;
}

/* How many words are warm's own. */
static int read_options(struct warm_options *options, int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++) {
        if (is_word(argv[i], "run")) {
            options->runs = true;
        } else if (is_word(argv[i], "precise")) {
            options->is_precise = true;
        } else if (is_word(argv[i], "only")) {
            if (++i == argc || options->nonly == MAX_ONLY)
                die("cache warm: -only wants the name of a file, as libc.so*, %d of them "
                    "at most",
                    MAX_ONLY);
            options->only[options->nonly++] = argv[i];
        } else {
            break;
        }
    }
    return i - 1;
}

/* -run: all that runs is compiled at once. */
static int run_program(int argc, char **argv)
{
    char **all = calloc((size_t)argc + 3, sizeof(*all));

    if (!all)
        die("no memory");
    all[0] = argv[0];
    all[1] = (char *)"-accel";
    all[2] = (char *)"jit,sync=on,threshold=50";
    memcpy(all + 3, argv + 1, (size_t)(argc - 1) * sizeof(*all));
    return run_main(argc + 2, all);
}

/* ------------------------------------------------------------------------- progress */

static void interrupt(int number)
{
    (void)number;
    is_interrupted = 1;
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool show_progress(void *context, const struct ahead_counts *counts)
{
    struct warm *warm = context;

    if (warm->shows_progress && now_ms() - warm->shown_ms >= PROGRESS_MS) {
        fprintf(stderr,
                "\r%s: %zu of %zu functions, %" PRIu64 " instructions compiled\033[K",
                warm->name, counts->functions, warm->functions, counts->insns);
        warm->shown_ms = now_ms();
    }
    return !is_interrupted;
}

static void hide_progress(const struct warm *warm)
{
    if (warm->shows_progress)
        fputs("\r\033[K", stderr);
}

static void show_result(const struct warm *warm, const struct needed_file *file,
                        const struct ahead_counts *counts, const char *why)
{
    hide_progress(warm);
    if (why) {
        printf("%s: not compiled: %s\n", file->path, why);
        return;
    }
    printf("%s: %" PRIu64 " regions of %" PRIu64 " instructions", file->path,
           counts->regions, counts->insns);
    if (counts->had)
        printf(", %" PRIu64 " were there", counts->had);
    if (counts->failed)
        printf(", %" PRIu64 " cannot be compiled", counts->failed);
    if (counts->is_full)
        printf("; no more may be kept of one file (rhea cache limit)");
    putchar('\n');
    fflush(stdout);
}

/* ---------------------------------------------------------------------------- files */

/* The mapping of the file's code from `from` on. */
static bool find_code(struct space *space, const struct needed_file *file, uint64_t from,
                      struct space_area *area)
{
    while (space_next(space, from, area)) {
        const struct host_file *is = area->file ? space_file(space, area->file) : NULL;

        if (is && is->dev == file->dev && is->ino == file->ino &&
            area->prot & SPACE_EXEC && !(area->prot & SPACE_WRITE))
            return true;
        from = area->end;
    }
    return false;
}

/* Those that are in the mapping, at their addresses. */
static void place(const struct needed_file *file, const struct functions *functions,
                  const struct space_area *area, struct ahead_function *placed,
                  struct ahead_code *code)
{
    *code = (struct ahead_code){ area->start, area->end, placed, 0, 0 };
    for (size_t i = 0; i < functions->count; i++) {
        const struct function *function = &functions->all[i];
        uint64_t offset, pc;

        if (!elf_offset(file->image, function->start, &offset))
            continue;
        pc = area->file_at + offset;
        if (pc < area->start || pc >= area->end)
            continue;
        placed[code->count++] =
            (struct ahead_function){ pc, pc + (function->end - function->start) };
        if (i < functions->first)
            code->first = code->count;
    }
}

static const char *compile_variant(struct warm *warm, const struct ahead_code *code,
                                   bool is_seen, struct ahead_counts *counts)
{
    struct ahead_how how = { show_progress, warm };

    warm->task->engine->observe(warm->task->cpu, is_seen);
    return ahead_compile(warm->task->cpu, code, &how, counts);
}

static const char *compile_area(struct warm *warm, const struct ahead_code *code,
                                struct ahead_counts *counts)
{
    struct rlimit core;
    bool is_seen = getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur;
    const char *why = compile_variant(warm, code, is_seen, counts);

    if (!why && !is_seen && warm->options->is_precise)
        why = compile_variant(warm, code, true, counts);
    return why;
}

static void compile_file(struct warm *warm, const struct needed_file *file)
{
    struct space *space = warm->task->proc->space;
    struct functions functions;
    struct ahead_function *placed;
    struct ahead_counts counts = { 0 };
    struct space_area area = { 0 };
    struct ahead_code code;
    const char *why = NULL;

    functions_find(&functions, &file->reader);
    placed = malloc((functions.count + 1) * sizeof *placed);
    if (!placed)
        die("no memory");
    warm->functions = functions.count;
    warm->name = strrchr(file->path, '/') ? strrchr(file->path, '/') + 1 : file->path;
    while (!why && !is_interrupted && find_code(space, file, area.end, &area)) {
        place(file, &functions, &area, placed, &code);
        why = compile_area(warm, &code, &counts);
    }
    show_result(warm, file, &counts, why);
    free(placed);
    free(functions.all);
}

/* -------------------------------------------------------------------------- program */

static void say_missing(const char *name, const char *needed_by)
{
    fprintf(stderr, "rhea: cache warm: %s: needs %s, which is not found\n", needed_by,
            name);
}

static bool is_chosen(const struct warm *warm, const struct needed_file *file)
{
    const char *slash = strrchr(file->path, '/');
    unsigned i = 0;

    while (i < warm->options->nonly &&
           fnmatch(warm->options->only[i], slash ? slash + 1 : file->path, 0) != 0 &&
           fnmatch(warm->options->only[i], file->path, 0) != 0)
        i++;
    return !warm->options->nonly || i < warm->options->nonly;
}

static void map_file(struct warm *warm, const struct needed_file *file)
{
    struct space *space = warm->task->proc->space;
    struct space_area area;
    char error[ELF_ERROR];
    uint64_t bias;

    if (find_code(space, file, 0, &area))
        return;
    if (elf_map(space, file->image, file->fd, 0, &bias, error) < 0)
        fprintf(stderr, "rhea: cache warm: %s: %s\n", file->path, error);
}

/* The program, its interpreter and what is named besides, and what these need. */
static void find_files(struct warm *warm, char **more)
{
    struct needed *needed = &warm->needed;
    const char *exe = warm->task->proc->exe, *why = needed_add(needed, exe);
    char host[PATH_SIZE];

    if (why)
        refuse(EXIT_CANNOT_RUN, "%s: %s", exe, why);
    needed_add_all(needed);
    if (needed->files[0]->image->has_interp)
        needed_add(needed,
                   path_to_host(warm->task, needed->files[0]->image->interp, host));
    for (; *more; more++) {
        why = needed_add(needed, path_to_host(warm->task, *more, host));
        if (why)
            refuse(EXIT_CANNOT_RUN,
                   "%s: %s (files of the guest, or -run: run the program)", *more, why);
    }
    needed_add_all(needed);
}

static int compile_files(struct warm *warm)
{
    const struct needed *needed = &warm->needed;
    bool any = false;

    for (size_t i = 0; i < needed->count && !is_interrupted; i++)
        if (is_chosen(warm, needed->files[i])) {
            map_file(warm, needed->files[i]);
            compile_file(warm, needed->files[i]);
            any = true;
        }
    if (is_interrupted)
        fputs("rhea: cache warm: interrupted; what was compiled is kept\n", stderr);
    else if (!any)
        die("cache warm: no file is one of -only's");
    return is_interrupted ? EXIT_INTERRUPTED : 0;
}

int warm_main(int argc, char **argv)
{
    static struct warm_options options;
    struct warm warm = { .options = &options, .shows_progress = isatty(2) };
    int own = read_options(&options, argc, argv), at;
    struct sigaction action = { .sa_handler = interrupt };

    argv[own] = argv[0];
    if (options.runs)
        return run_program(argc - own, argv + own);
    warm.task = run_load(argc - own, argv + own, &at);
    if (warm.task->engine != &jit_engine)
        die("cache warm: -accel, -g and -lockstep do not go with it");
    jit_options.sync = false; /* nothing runs that could wait */
    if (!jit_options.threads)
        jit_options.threads = host_cpus();
    warm.needed.task = warm.task;
    warm.needed.missing = say_missing;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    find_files(&warm, argv + own + at + 1);
    at = compile_files(&warm);
    needed_free(&warm.needed);
    return at;
}
