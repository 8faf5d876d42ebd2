/* main.c - the commands of rhea. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "debug/debug.h"
#include "interp/jit.h"
#include "isa/engine.h"
#include "user/binfmt.h"
#include "user/run.h"

#ifndef RHEA_VERSION
#define RHEA_VERSION "development version"
#ifdef RHEA_JIT
#define RHEA_JIT_NAME "jit ", ""
#else
#define RHEA_JIT_NAME "", " (no JIT in this build)"
#endif
#endif

static const char help[] =
    "rhea runs programs built for another CPU on this one.\n"
    "\n"
    "  rhea run [OPTION]... PROGRAM [ARGUMENT]...   run a Linux program (rhea run "
    "--help)\n"
    "  rhea boot [OPTION]...                        boot a whole machine (rhea boot "
    "--help)\n"
    "  rhea img COMMAND ...                         make and change disk images\n"
    "                                               (rhea img --help)\n"
    "  rhea binfmt --install                        let the kernel run them so\n"
    "                                               (rhea binfmt --help)\n"
    "  rhea isa COMMAND ...                         look into instruction sets\n"
    "                                               (rhea isa --help)\n"
    "  rhea cache COMMAND ...                       compiled code that is kept\n"
    "                                               (rhea cache --help)\n"
    "  rhea --version                               version, and what is built in\n"
    "\n"
    "Called as rhea-ARCH (a link), it is `rhea run`.\n";

static int version(void)
{
    printf("rhea " RHEA_VERSION "\nguests:");
    for (const struct isa *const *isa = isa_list; *isa; isa++)
        printf(" %s", (*isa)->name);
    printf("\nengines: %stemplate interp eval%s\n", RHEA_JIT_NAME);
    return 0;
}

/* A program of its own, with libraries that `rhea run` must not wait for. */
_Noreturn static void boot(char **argv)
{
    int error = -host_exec_beside("rhea-system", argv);

    die("rhea %s: %s", argv[0],
        error == ENOENT ? "this build has no rhea-system (libfdt or zlib "
                          "was missing when it was made)"
                        : strerror(error));
}

/* "-help" and "--help" are the same. */
static int is_option(const char *arg, const char *name)
{
    return arg[0] == '-' && strcmp(arg + (arg[1] == '-' ? 2 : 1), name) == 0;
}

/* Another one, with the spec compiler, which `rhea run` does not need. */
_Noreturn static void teach(char **argv)
{
    int error = -host_exec_beside("rhea-isa", argv);

    die("rhea isa: rhea-isa, which is beside this program where it is installed: %s",
        strerror(error));
}

int main(int argc, char **argv)
{
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;
    const char *called = slash ? slash + 1 : argc ? argv[0] : "rhea";

    if (binfmt_called(argc))
        return binfmt_run(argc, argv);
    if (strncmp(called, "rhea-system-", 12) == 0)
        boot(argv);
    if (strncmp(called, "rhea-", 5) == 0)
        return run_main(argc, argv);
    if (argc < 2) {
        fputs(help, stderr);
        return 1;
    }
    if (strcmp(argv[1], "run") == 0)
        return run_main(argc - 1, argv + 1);
    if (strcmp(argv[1], "boot") == 0 || strcmp(argv[1], "img") == 0)
        boot(argv + 1);
    if (strcmp(argv[1], "binfmt") == 0)
        return binfmt_main(argc - 1, argv + 1);
    if (strcmp(argv[1], "isa") == 0)
        teach(argv + 1);
    if (strcmp(argv[1], "cache") == 0)
        return cache_main(argc - 1, argv + 1, HAS_JIT ? warm_main : NULL);
    if (is_option(argv[1], "version"))
        return version();
    if (is_option(argv[1], "help") || is_option(argv[1], "h") ||
        strcmp(argv[1], "help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    die("no command `%s`; there are run, boot, img, binfmt, isa, cache, --version and "
        "--help",
        argv[1]);
}
