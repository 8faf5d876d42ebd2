/* monitor.h - who looks at a machine and steers it, over a line: a person (-monitor), a
 * program (-qmp), a test of devices (-qtest).
 *
 * All of it is on the device thread, under the bus lock.  What needs the CPUs to stand
 * waits for that without the lock (machine_call()). */
#ifndef RHEA_SYS_MONITOR_MONITOR_H
#define RHEA_SYS_MONITOR_MONITOR_H

#include <stdbool.h>

struct chardevs;
struct drive_failure;
struct machine;

enum monitor_mode { MONITOR_HUMAN, MONITOR_CONTROL, MONITOR_QTEST };

/* What -monitor, -qmp, -mon and -qtest say; a list. */
struct monitor_config {
    struct monitor_config *next;
    const char *from;    /* the option, for messages */
    const char *chardev; /* its name */
    enum monitor_mode mode;
    bool is_pretty; /* of MONITOR_CONTROL: answers with line breaks */
};

struct monitors;
/* Takes their lines; die()s where there is none. */
struct monitors *monitors_open(const struct monitor_config *configs,
                               struct machine *machine, struct chardevs *chardevs);
void monitors_close(struct monitors *monitors);

/* What happened to the machine. */
struct monitor_event {
    const char *name;                    /* QMP's */
    const char *reason;                  /* of SHUTDOWN and RESET */
    bool is_guest;                       /* it was the guest's wish */
    const struct drive_failure *failure; /* of BLOCK_IO_ERROR */
};
void monitors_tell(struct monitors *monitors, const struct monitor_event *event);

#endif
