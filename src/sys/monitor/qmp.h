/* qmp.h - what the parts of QMP share: qmp.c has the protocol, qmp_query.c the commands.
 */
#ifndef RHEA_SYS_MONITOR_QMP_H
#define RHEA_SYS_MONITOR_QMP_H

#include <jansson.h>

#include "sys/monitor/part.h"

enum { QMP_ARGS = 4, QMP_WHY = 512 };

/* `kind`: s a string, i an integer, b a boolean. */
struct qmp_arg {
    const char *name;
    char kind;
    bool is_optional;
};

struct qmp_call {
    struct monitor *monitor;
    struct machine *machine;
    const json_t *args;
    char why[QMP_WHY]; /* it failed */
};

struct qmp_command {
    const char *name;
    struct qmp_arg args[QMP_ARGS]; /* those with a name */
    /* What it returns; NULL: `why` says what is wrong. */
    json_t *(*run)(struct qmp_call *call);
    bool needs_standing; /* runs when all CPUs stand */
};
extern const struct qmp_command qmp_commands[]; /* ends with NULLs */
extern const char *const qmp_events[];          /* ends with NULL */

/* NULL, with what is wrong in `why`. */
json_t *qmp_fail(struct qmp_call *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
json_t *qmp_version(struct qmp_call *call);
json_t *qmp_schema(struct qmp_call *call);
json_t *qmp_query_pci(struct qmp_call *call);

#endif
