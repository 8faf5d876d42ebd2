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
void log_each_item(void (*each)(void *context, const char *name, const char *help),
                   void *context);
void log_trace_help(void); /* the registers that there are */

/* While all stands: what -d's items say, and nothing else, is told from now on; `none`:
 * nothing.  -1: `error` says why not. */
int log_change_items(const char *items, char error[LOG_ERROR]);
/* A pattern of -trace is added, or all are taken away that it matches or is. */
int log_change_pattern(const char *pattern, bool is_wanted, char error[LOG_ERROR]);
bool log_is_of_device(const char *pattern, const struct dev *dev);

/* Before there is a machine; `config` stays where it is. */
void log_start(const struct machine_log_config *config);
/* Makes a CPU, a device tell what is wanted of it, and nothing else. */
void log_cpu(struct machine_cpu *m);
void log_device(struct dev *dev);
void log_devices_end(void); /* there are no more; die()s where a pattern is for none */
void log_reset(struct cpu *cpu); /* it was */

#endif
