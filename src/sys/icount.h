/* icount.h - guest time that is counted in instructions, and the CPUs of such a machine,
 * which the device thread runs in turn: the same input gives the same run. */
#ifndef RHEA_SYS_ICOUNT_H
#define RHEA_SYS_ICOUNT_H

#include <stdbool.h>
#include <stdint.h>

struct guest_clock;
struct icount;
struct loop;
struct vcpu;

enum { ICOUNT_SHIFT_MAX = 10 };

/* -icount */
struct icount_config {
    bool is_on;
    unsigned shift; /* a tick (vcpu.h) takes 2^shift ns of guest time */
    bool is_auto;   /* it is changed so that guest time is about the host's */
    /* Where all CPUs wait for a timer, so does the host; false: it is time at once. */
    bool sleeps;
};

/* Makes itself the clock's source, and the CPUs the loop's work; they are driven. */
struct icount *icount_new(const struct icount_config *config, struct guest_clock *clock,
                          struct loop *loop, struct vcpu *const *cpus, unsigned count);
void icount_free(struct icount *icount); /* the loop does not run any more */

#endif
