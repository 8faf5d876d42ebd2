/* exec.c - execve: programs for the guest's CPU run in a new rhea, all others natively.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isa/engine.h"
#include "user/elf.h"
#include "user/linux/calls_all.h"
#include "user/linux/debug.h"
#include "user/run.h"
#include "user/script.h"

enum { MAX_STRING = 128 * 1024, MAX_ARGS = 6 << 20 };

/* What stands at the beginning of a file. */
enum file_kind { FILE_GUEST, FILE_SCRIPT, FILE_OTHER };

/* The checks of the kernel that come first: a negated errno, or what the file is. */
static int examine(const char *path, struct script *script)
{
    struct elf_ident ident;
    const struct abi *abi;
    struct stat st;
    ssize_t size;
    int fd;

    if (stat(path, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
        return -EACCES;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return FILE_OTHER; /* the kernel may still read it */
    size = read(fd, script->head, SCRIPT_HEAD);
    close(fd);
    if (size < 0)
        return -errno;
    if (elf_ident((uint8_t *)script->head, (size_t)size, &ident)) {
        abi = abi_find(ident.machine, ident.bits, ident.big);
        return abi && isa_find(abi->isa) ? FILE_GUEST : FILE_OTHER;
    }
    return script_parse(script, (size_t)size) == 0 ? FILE_SCRIPT : FILE_OTHER;
}

static void before_exec(struct task *t)
{
    vfork_tell(t);
    signals_before_exec(t);
    robust_list_exec(t);
    if (t->engine->leaving)
        t->engine->leaving(t->cpu);
}

/* rhea run OPTIONS -0 ARGV0 PATH ARGS... */
static int64_t exec_rhea(struct task *t, const char *path, char **argv, char **envp)
{
    const struct run_options *options = t->proc->options;
    size_t n = 0, args = script_count(argv);
    const char *debugger = debug_before_exec(t);
    const char **all = malloc((options->nagain + args + 10) * sizeof(*all));
    int error;

    if (!all)
        return -ENOMEM;
    all[n++] = "rhea";
    all[n++] = "run";
    for (size_t i = 0; i < options->nagain; i++)
        all[n++] = options->again[i];
    if (debugger) {
        all[n++] = "-g";
        all[n++] = debugger;
    }
    all[n++] = "-0";
    all[n++] = args ? argv[0] : "";
    all[n++] = "--";
    all[n++] = path;
    for (size_t i = 1; i < args; i++)
        all[n++] = argv[i];
    all[n] = NULL;
    before_exec(t);
    execve("/proc/thread-self/exe", (char **)all, envp);
    if (errno == ENOENT && t->proc->self_fd >= 0)
        syscall(SYS_execveat, t->proc->self_fd, "", all, envp, AT_EMPTY_PATH);
    error = errno;
    if (debugger)
        debug_exec_failed(t);
    free(all);
    return -error;
}

/* Another name of the file, if `path` names a descriptor, which exec may close:
 * allocated, or NULL. */
static char *lasting_name(const char *path)
{
    struct stat st, other;
    char *name = NULL;

    if (strncmp(path, "/proc/self/fd/", 14) == 0)
        name = realpath(path, NULL);
    if (name && stat(path, &st) == 0 && stat(name, &other) == 0 &&
        st.st_dev == other.st_dev && st.st_ino == other.st_ino)
        return name;
    free(name);
    return NULL;
}

static int64_t exec_file(struct task *t, const char *path, char **argv, char **envp,
                         int depth)
{
    struct script script;
    char host[PATH_SIZE];
    const char *found = path_to_host(t, path, host);
    int kind = examine(found, &script);
    int64_t result;
    char **args;

    if (kind < 0)
        return kind;
    if (kind == FILE_GUEST) {
        char *name = lasting_name(found);

        result = exec_rhea(t, name ? name : found, argv, envp);
        free(name);
        return result;
    }
    if (kind == FILE_SCRIPT && depth < SCRIPT_DEPTH) {
        args = script_argv(&script, path, argv);
        result = args ? exec_file(t, script.interp, args, envp, depth + 1) : -ENOMEM;
        free(args);
        return result;
    }
    if (kind == FILE_SCRIPT)
        return -ELOOP;
    before_exec(t);
    execve(found, argv, envp);
    return -errno;
}

/* ------------------------------------------------------------- the guest's arguments */

static void free_strings(char **strings)
{
    for (size_t i = 0; strings && strings[i]; i++)
        free(strings[i]);
    free(strings);
}

static char *copy_string(struct task *t, uint64_t addr, size_t *left, int *error)
{
    size_t size = 256;
    char *text = NULL;

    do { /* most strings are short */
        char *larger = realloc(text, size);

        *error = larger ? read_string(t, addr, larger, size) : -ENOMEM;
        text = larger ? larger : text;
        size *= 4;
    } while (*error == -ENAMETOOLONG && size <= MAX_STRING * 4);
    if (*error == -ENAMETOOLONG || (!*error && strlen(text) >= *left))
        *error = -E2BIG;
    if (*error) {
        free(text);
        return NULL;
    }
    *left -= strlen(text) + 1;
    return text;
}

/* An array of string pointers that ends with 0; address 0 is an empty one. */
static int read_strings(struct task *t, uint64_t addr, size_t *left, char ***out)
{
    unsigned word = t->proc->abi->layouts->word;
    size_t n = 0, room = 16;
    char **strings = calloc(room, sizeof(*strings));
    uint64_t at = 0;
    int error = strings ? 0 : -ENOMEM;

    while (!error && addr) {
        if (n + 2 > room) {
            char **larger = realloc(strings, 2 * room * sizeof(*strings));

            if (!larger) {
                error = -ENOMEM;
                break;
            }
            strings = larger;
            room *= 2;
        }
        error = read_number(t, addr + n * word, word, &at);
        if (error || at == 0)
            break;
        strings[n] = copy_string(t, at, left, &error);
        strings[error ? n : ++n] = NULL;
    }
    if (error)
        free_strings(strings);
    else
        *out = strings;
    return error;
}

static int64_t exec_guest(struct task *t, const char *path, uint64_t argv_addr,
                          uint64_t envp_addr)
{
    size_t left = MAX_ARGS;
    char **argv = NULL, **envp = NULL;
    int64_t result = read_strings(t, argv_addr, &left, &argv);

    if (result == 0)
        result = read_strings(t, envp_addr, &left, &envp);
    if (result == 0)
        result = exec_file(t, path, argv, envp, 0);
    free_strings(argv);
    free_strings(envp);
    return result;
}

int64_t sys_execve(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    int error = read_string(t, a[0], path, sizeof(path));

    return error ? error : exec_guest(t, path, a[1], a[2]);
}

int64_t sys_execveat(struct task *t, const uint64_t *a)
{
    enum { EMPTY_PATH = 0x1000 };
    char path[PATH_SIZE], whole[PATH_SIZE + 32];
    int error = read_string(t, a[1], path, sizeof(path));

    if (error)
        return error;
    if (!path[0] && !(a[4] & EMPTY_PATH))
        return -ENOENT;
    if (path[0] == '/' || (int)a[0] == AT_FDCWD)
        return exec_guest(t, path, a[2], a[3]);
    snprintf(whole, sizeof(whole), path[0] ? "/proc/self/fd/%d/%s" : "/proc/self/fd/%d",
             (int)a[0], path);
    return exec_guest(t, whole, a[2], a[3]);
}
