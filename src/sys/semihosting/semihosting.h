/* semihosting.h - what programs without an operating system ask of the host: its files,
 * a console, time, their end.  An instruction set says how they ask (isa/machine.h).
 *
 * Spec: Arm, "Semihosting for AArch32 and AArch64", 2.0. */
#ifndef RHEA_SYS_SEMIHOSTING_H
#define RHEA_SYS_SEMIHOSTING_H

#include <stdbool.h>

#include "dev/dev.h"
#include "isa/machine.h"

struct bus;

/* -semihosting, -semihosting-config */
struct semihosting_config {
    bool is_on;
    bool allows_users;   /* programs with the least privilege, too */
    const char *chardev; /* where the console is; NULL: standard input, output, errors */
    const char *command_line; /* what SYS_GET_CMDLINE gives; NULL: the kernel's */
};

struct semihosting_host {
    struct bus *bus;
    struct clock *clock;
    struct power *power;
    struct char_backend *console; /* or NULL */
    const char *command_line;
    unsigned cpus;
    bool may_wait; /* a call, for the console: CPUs have threads */
};

struct semihosting;
struct semihosting *semihosting_new(const struct semihosting_config *config,
                                    const struct semihosting_host *host);
void semihosting_free(struct semihosting *semihosting); /* NULL: nothing */
/* No CPU runs: files are closed, and calls that were not done are forgotten. */
void semihosting_reset(struct semihosting *semihosting); /* NULL: nothing */
/* By the CPU's thread, as machine_cpu's host_call; soon after *must_stop it returns. */
enum host_answer semihosting_call(struct semihosting *semihosting, struct cpu *cpu,
                                  struct host_call *call, const volatile bool *must_stop);

#endif
