/* run.c - `rhea run`: from a command line to a running guest. */
#include "user/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/host.h"
#include "base/report.h"
#include "interp/lockstep.h"
#include "isa/decode.h"
#include "isa/engine.h"
#include "user/elf.h"
#include "user/linux/debug.h"
#include "user/linux/linux.h"
#include "user/options.h"
#include "user/script.h"
#include "user/trace.h"

static struct run_options options;
static struct proc proc;
static struct task task;

_Noreturn void refuse(int status, const char *fmt, ...)
{
    char line[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    fprintf(stderr, "rhea: %s\n", line);
    exit(status);
}

/* ------------------------------------------------------------------------ the file */

/* What is found at a path, open. */
struct program {
    const char *name; /* as the user or the script called it */
    int fd;
    uint64_t size;
    dev_t device;
    ino_t inode;
    struct script script; /* its head */
    size_t head;
};

/* The checks of execve, in its order. */
static void open_program(struct program *program, const char *name)
{
    struct stat st;
    ssize_t n;

    program->name = name;
    if (stat(name, &st) < 0)
        refuse(errno == EACCES ? EXIT_CANNOT_RUN : EXIT_NOT_FOUND, "%s: %s", name,
               strerror(errno));
    if (S_ISDIR(st.st_mode))
        refuse(EXIT_CANNOT_RUN, "%s: is a directory", name);
    if (!S_ISREG(st.st_mode))
        refuse(EXIT_CANNOT_RUN, "%s: is not a file", name);
    if (faccessat(AT_FDCWD, name, X_OK, AT_EACCESS) < 0)
        refuse(EXIT_CANNOT_RUN, "%s: %s (chmod +x it)", name, strerror(errno));
    program->fd = open(name, O_RDONLY | O_CLOEXEC);
    if (program->fd < 0)
        refuse(EXIT_CANNOT_RUN, "%s: %s", name, strerror(errno));
    program->size = (uint64_t)st.st_size;
    program->device = st.st_dev;
    program->inode = st.st_ino;
    n = pread(program->fd, program->script.head, SCRIPT_HEAD, 0);
    if (n < 0)
        refuse(EXIT_CANNOT_RUN, "%s: %s", name, strerror(errno));
    program->head = (size_t)n;
    if (n == 0)
        refuse(EXIT_CANNOT_RUN, "%s: is empty", name);
}

static void list_guests(char *text, size_t size)
{
    size_t n = 0;

    for (const struct abi *const *abi = abi_list; *abi && n < size; abi++)
        if (isa_find((*abi)->isa))
            n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "", (*abi)->isa);
    if (n == 0)
        snprintf(text, size, "none");
}

static const struct abi *abi_of(const struct program *program)
{
    struct elf_ident ident;
    const struct abi *abi;
    const char *machine;
    char guests[256];

    if (!elf_ident((const uint8_t *)program->script.head, program->head, &ident)) {
        if (program->head >= 4 && memcmp(program->script.head, "\177ELF", 4) == 0)
            refuse(EXIT_CANNOT_RUN, "%s: truncated ELF header: %zu bytes", program->name,
                   program->head);
        refuse(EXIT_CANNOT_RUN, "%s: is neither an ELF program nor a script",
               program->name);
    }
    abi = abi_find(ident.machine, ident.bits, ident.big);
    if (abi && isa_find(abi->isa))
        return abi;
    machine = elf_machine_name(ident.machine);
    list_guests(guests, sizeof(guests));
    refuse(EXIT_CANNOT_RUN, "%s: is for %s (EM %d, %u bit, %s endian); rhea has: %s",
           program->name, machine ? machine : "an unknown machine", ident.machine,
           ident.bits, ident.big ? "big" : "little", guests);
}

/* Follows scripts to their interpreter.  Returns argv of what is to be run. */
static char **find_program(struct program *program, const char *name, char **argv)
{
    for (int depth = 0;; depth++) {
        static struct script scripts[SCRIPT_DEPTH + 1]; /* argv points into them */
        static char paths[SCRIPT_DEPTH + 1][PATH_SIZE];
        const char *script_name = name;

        open_program(program, name);
        if (script_parse(&program->script, program->head) < 0)
            return argv;
        if (depth == SCRIPT_DEPTH)
            refuse(EXIT_CANNOT_RUN, "%s: scripts call scripts more than %d deep", name,
                   SCRIPT_DEPTH);
        close(program->fd);
        scripts[depth] = program->script;
        scripts[depth].interp =
            scripts[depth].head + (program->script.interp - program->script.head);
        scripts[depth].argument =
            program->script.argument
                ? scripts[depth].head + (program->script.argument - program->script.head)
                : NULL;
        name = path_to_host(&task, scripts[depth].interp, paths[depth]);
        argv = script_argv(&scripts[depth], script_name, argv);
        if (!argv)
            die("no memory");
    }
}

/* ------------------------------------------------------------------------- the CPU */

static void show_models(const struct isa *isa)
{
    printf("models:");
    for (unsigned i = 0; i < isa->nmodels; i++)
        printf(" %s", isa_string(isa, isa->models[i].name));
    printf("\nextensions:");
    for (unsigned i = 0; i < isa->nfeatures; i++)
        printf(" %s", isa_string(isa, isa->features[i]));
    printf("\nThe default is %s.  Extensions are added as `MODEL,EXT`, removed as "
           "`MODEL,-EXT`.\n",
           isa->nmodels ? isa_string(isa, isa->models[0].name) : "none");
    exit(0);
}

static struct isa_reg find_reg(const struct isa *isa, const char *name)
{
    struct isa_reg reg;

    if (!name || isa_find_reg(isa, name, &reg) < 0)
        bug("%s has no register %s", isa->name, name ? name : "(none)");
    return reg;
}

static void find_registers(struct proc *p)
{
    const struct abi *abi = p->abi;

    p->number = find_reg(p->isa, abi->number);
    p->result = find_reg(p->isa, abi->result);
    p->sp = find_reg(p->isa, abi->sp);
    p->tp = find_reg(p->isa, abi->tp);
    p->ra = find_reg(p->isa, abi->return_address);
    for (int i = 0; i < 6; i++)
        p->args[i] = find_reg(p->isa, abi->args[i]);
    for (int i = 0; i < 3; i++)
        p->handler_args[i] = find_reg(p->isa, abi->handler_args[i]);
    for (unsigned i = 0; abi->sigregs[i].reg; i++)
        p->sigregs[i] = find_reg(p->isa, abi->sigregs[i].reg);
}

static struct cpu *make_cpu(struct proc *p)
{
    struct cpu *cpu = cpu_new(p->isa, NULL);
    const char *bad;

    if (!cpu)
        bug("%s has no default model", p->isa->name);
    if (options.cpu && strcmp(options.cpu, "help") == 0)
        show_models(p->isa);
    if (options.cpu && isa_features_parse(p->isa, options.cpu, &cpu->features, &bad) < 0)
        die("-cpu %s: %s has no model or extension `%s`; see -cpu help", options.cpu,
            p->isa->name, bad);
    cpu->space = p->space;
    cpu->base = space_base(p->space);
    cpu->reserved_addr = UINT64_MAX;
    cpu->helper = helper_call;
    cpu->user = &task;
    return cpu;
}

static void code_changed(void *context, uint64_t addr, uint64_t size)
{
    struct task *t = task_current(); /* the first thread may have ended */

    t = t ? t : context;
    t->engine->invalidate(t->cpu, addr, size);
}

/* ----------------------------------------------------------------------- the whole */

static void describe(char *buf, size_t size)
{
    const struct task *t = task_current();

    snprintf(buf, size, "guest %s, pc %#llx", proc.exe ? proc.exe : "?",
             t && t->cpu ? (unsigned long long)t->cpu->pc : 0);
}

/* Where the open program is, or NULL.  The name is tried first: a look into /proc costs
 * as much as all other system calls of a start. */
static char *find_exe(const struct program *program)
{
    char link[64], path[PATH_SIZE], *exe = realpath(program->name, NULL);
    struct stat st;
    ssize_t n;

    if (exe && stat(exe, &st) == 0 && st.st_dev == program->device &&
        st.st_ino == program->inode)
        return exe;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", program->fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0)
        return exe;
    free(exe);
    path[n] = 0;
    return strdup(path);
}

static void name_process(struct proc *p, const struct program *program)
{
    const char *slash;

    p->exe = find_exe(program);
    if (!p->exe)
        p->exe = strdup(program->name);
    if (!p->exe)
        die("no memory");
    slash = strrchr(p->exe, '/');
    prctl(PR_SET_NAME, slash ? slash + 1 : p->exe);
}

/* -L's and -root's folder as path.c wants it; the host's own root is none.  With -root
 * the program is in it, and begins there unless it was started there. */
static const char *find_root(const char *name)
{
    static char path[PATH_SIZE];
    char *root = options.prefix ? realpath(options.prefix, NULL) : NULL, *cwd;

    if (options.confined && !root)
        die("-root %s: %s", options.prefix, strerror(errno));
    if (!root || strcmp(root, "/") == 0)
        return name;
    proc.root = root;
    proc.confined = options.confined;
    if (!proc.confined)
        return name;
    cwd = getcwd(NULL, 0);
    if (!cwd || (path_to_guest(&proc, cwd) == cwd && chdir(root) < 0))
        die("-root %s: %s", root, strerror(errno));
    free(cwd);
    return path_to_host(&task, name, path);
}

/* The CPU, its memory and the program in it. */
static void make_guest(struct program *program, char **argv)
{
    struct elf_image *image = malloc(sizeof(*image));
    struct elf_source source = { &program->fd, elf_read_fd, program->size };
    char error[ELF_ERROR];

    proc.abi = abi_of(program);
    proc.isa = isa_find(proc.abi->isa);
    proc.space = space_new(proc.abi->address_bits, options.paged || sizeof(void *) == 4);
    if (!image || !proc.space)
        die("no room for a guest's memory");
    if (options.reserved && options.reserved < space_top(proc.space))
        space_set_top(proc.space, options.reserved & ~(space_page(proc.space) - 1));
    find_registers(&proc);
    find_traps(&proc);
    name_process(&proc, program);
    task.cpu = make_cpu(&proc);
    task.kick = &task.cpu->kick;
    if (elf_parse(&source, space_limit(proc.space), space_page(proc.space), image,
                  error) < 0)
        refuse(EXIT_CANNOT_RUN, "%s: %s", program->name, error);
    load_program(&task, program->name, program->fd, image, argv);
    close(program->fd);
    free(image);
}

/* Runs both engines side by side; ends at the first difference. */
static void lockstep_engine_run(struct cpu *cpu, uint64_t limit)
{
    if (lockstep_run(cpu, limit, stderr) < 0)
        bug("the interpreter and the tree evaluator differ");
}

static const struct engine *choose_engine(void)
{
    static struct engine both;

    if (options.debugger && options.engine->observe)
        return &template_engine; /* regions do not stop in their middle */
    if (!options.lockstep)
        return options.engine;
    both = options.engine == &interp_engine ? interp_engine : template_engine;
    both.run = lockstep_engine_run;
    return &both;
}

static void attach_engine(void)
{
    if (task.engine->attach(task.cpu) == 0)
        return;
    if (!space_is_paged(proc.space))
        die("engine %s cannot run %s", task.engine->name, proc.isa->name);
    task.engine = &eval_engine; /* slow, but it needs no memory that it can point into */
    task.engine->attach(task.cpu);
}

struct task *run_load(int argc, char **argv, int *at)
{
    static struct program program;

    *at = options_parse(&options, argc, argv);
    if (*at >= argc)
        die("%s: no program given; see rhea run --help", argv[0]);
    proc.options = &options;
    task.proc = &proc;
    proc.self_fd = -1;
    proc.lock = host_lock_new();
    if (!proc.lock)
        die("no memory");
    task.tid = (int)getpid();
    task_add(&task);
    if (options.log_file && log_open(options.log_file) < 0)
        die("-D %s: %s", options.log_file, strerror(errno));
    report_set_context(describe);
    trace_start(&options);
    task.engine = choose_engine();
    argv = find_program(&program, find_root(argv[*at]), argv + *at);
    if (options.argv0)
        argv[0] = (char *)options.argv0;
    make_guest(&program, argv);
    attach_engine();
    space_watch_code(proc.space, code_changed, &task);
    return &task;
}

int run_main(int argc, char **argv)
{
    int at;

    run_load(argc, argv, &at);
    if (options.debugger && options.lockstep)
        die("-g and -lockstep do not go together");
    if (options.debugger)
        debug_start(&task, options.debugger);
    signals_start(&task);
    if (options.debugger)
        debug_begin(&task);
    run_loop(&task);
}
