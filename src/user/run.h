/* run.h - `rhea run`: options, and running one program. */
#ifndef RHEA_USER_RUN_H
#define RHEA_USER_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "debug/code_log.h"

struct engine;

/* Exit statuses, as a shell gives them: the program (or its interpreter) is not there, or
 * is there and cannot run.  1 is a wrong command line. */
enum { EXIT_USAGE = 1, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

enum {
    LOG_IN_ASM = 1,
    LOG_EXEC = 2,
    LOG_CPU = 4,
    LOG_UNIMP = 8,
    LOG_REGION = 16,
    LOG_LLVM_IR = 32,
    LOG_OUT_ASM = 64,
};

struct run_options {
    const char *prefix;   /* -L: guest paths are looked up here first; or NULL */
    bool confined;        /* -root: and nowhere else */
    const char *cpu;      /* -cpu: model and features; or NULL */
    const char *argv0;    /* -0 */
    const char *release;  /* -r: what uname says; or NULL */
    uint64_t stack_size;  /* -s; 0: the host's limit */
    uint64_t reserved;    /* -R: addresses are below; 0: as the guest's Linux has it */
    struct code_log code; /* -dfilter */
    uint64_t seed;        /* -seed, if has_seed: of AT_RANDOM */
    bool has_seed;
    unsigned log;         /* -d */
    const char *log_file; /* -D */
    const char *debugger; /* -g, or NULL */
    const struct engine *engine;
    bool lockstep;
    bool strace;
    bool paged; /* memory through the page table, as on 32-bit hosts */
    bool count; /* RHEA_COUNT */
    bool perfmap, jitdump, jit_debugger;
    char **environ; /* of the guest; after -E and -U */
    /* Options that an execve of the guest hands on: `words` strings. */
    const char **again;
    size_t nagain;
};

/* The arguments after `run`; returns the exit status, or never. */
int run_main(int argc, char **argv);
/* The first half: the guest is there, and does not run.  *at: the program's place in
 * argv. */
struct task;
struct task *run_load(int argc, char **argv, int *at);

/* warm.c: `rhea cache warm`. */
int warm_main(int argc, char **argv);

/* Says why a program cannot run, and exits. */
_Noreturn void refuse(int status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
