/* log.h - what -d and -trace show of a machine. */
#ifndef RHEA_SYS_LOG_H
#define RHEA_SYS_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "debug/code_log.h"

struct cpu;
struct dev;
struct machine_cpu;

enum { LOG_ERROR = 256, LOG_PATTERNS = 64 };

struct machine_log_config {
    bool traps, guest_errors, mmu, resets;
    struct code_log code;
    /* -trace: DEVICE or DEVICE.REGISTER, with * and ?. */
    const char *patterns[LOG_PATTERNS];
    unsigned pattern_count;
};

/* Adds an item of -d; false: there is no such item. */
bool log_add_item(struct machine_log_config *config, const char *item);
void log_help(void);
void log_trace_help(void); /* the registers that there are */

/* Before there is a machine; `config` stays where it is. */
void log_start(const struct machine_log_config *config);
/* Makes a CPU, a device tell what is wanted of it. */
void log_cpu(struct machine_cpu *m);
void log_device(struct dev *dev);
void log_devices_end(void); /* there are no more; die()s where a pattern is for none */
void log_reset(struct cpu *cpu); /* it was */

#endif
