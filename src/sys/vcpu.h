/* vcpu.h - a CPU of a machine, run by a host thread of its own. */
#ifndef RHEA_VCPU_H
#define RHEA_VCPU_H

#include <stdint.h>

#include "dev/dev.h"
#include "isa/cpu.h"

struct bus;
struct vcpu;

struct vcpu_config {
    const struct isa *isa;
    const char *model; /* NULL: the default one */
    unsigned id;       /* as the guest numbers its CPUs */
    struct bus *bus;
    struct clock *clock;
    uint64_t timebase_hz;      /* of what the guest reads as time */
    const struct vcpu *others; /* a CPU of the same machine, or NULL: the first */
};

/* Stopped, in reset.  NULL: there is no such model, or the guest has no machines. */
struct vcpu *vcpu_new(const struct vcpu_config *config);
void vcpu_free(struct vcpu *vcpu); /* it is stopped */

/* An interrupt line, by the name that the guest's manual has for it; its set() may be
 * called by any thread.  One without `set`: there is no such line. */
struct irq vcpu_irq(struct vcpu *vcpu, const char *line);

/* These three need it stopped. */
void vcpu_reset(struct vcpu *vcpu);
int vcpu_put(struct vcpu *vcpu, const char *reg,
             uint64_t value); /* -1: no such register */
uint64_t vcpu_get(struct vcpu *vcpu, const char *reg);

void vcpu_start(struct vcpu *vcpu); /* its thread runs from now on */
void vcpu_stop(struct vcpu *vcpu);  /* returns when it does not run any more; not by it */
/* The same without waiting; may be called by the CPU's own thread (a device that resets
 * or ends the machine). */
void vcpu_ask_stop(struct vcpu *vcpu);

#endif
