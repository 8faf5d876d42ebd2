/* vcpu.h - a CPU of a machine, run by a host thread of its own. */
#ifndef RHEA_VCPU_H
#define RHEA_VCPU_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/dev.h"
#include "isa/cpu.h"

struct bus;
struct dev;
struct semihosting;
struct stops;
struct vcpu;
struct watch;

struct vcpu_config {
    const struct isa *isa;
    const char *model; /* NULL: the default one */
    unsigned id;       /* as the guest numbers its CPUs */
    struct bus *bus;
    struct clock *clock;
    uint64_t timebase_hz;        /* of what the guest reads as time */
    const struct engine *engine; /* NULL: the fastest; the same for all CPUs */
    const struct vcpu *others;   /* a CPU of the same machine, or NULL: the first */
    bool is_driven;              /* has no thread: vcpu_run() runs it */
    /* By its own thread: it has stopped for a debugger, and so should the others. */
    void (*halted)(void *context);
    void *context;
};

/* Stopped, in reset.  NULL: there is no such model, or the guest has no machines. */
struct vcpu *vcpu_new(const struct vcpu_config *config);
void vcpu_free(struct vcpu *vcpu); /* it is stopped */

/* An interrupt line, by the name that the guest's manual has for it; its set() may be
 * called by any thread.  One without `set`: there is no such line. */
struct irq vcpu_irq(struct vcpu *vcpu, const char *line);

/* That line is this output of a device which may have registers of the CPU's. */
void vcpu_attach(struct vcpu *vcpu, const char *line, struct dev *dev, unsigned output);

/* Who answers the programs' calls of their host. */
void vcpu_set_semihosting(struct vcpu *vcpu, struct semihosting *semihosting);

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
void vcpu_kick(struct vcpu *vcpu); /* it looks around soon; from any thread */

/* ---- without a thread: -icount
 *
 * A tick is an instruction that was executed, or a trap.  Runs `ticks`, exactly; fewer
 * where it stops or waits for an interrupt. */
void vcpu_run(struct vcpu *vcpu, uint64_t ticks);
uint64_t vcpu_ticks(const struct vcpu *vcpu); /* of the vcpu_run() that runs, so far */
/* By what that calls: it ends when it has taken so many ticks, or the next one. */
void vcpu_shorten(struct vcpu *vcpu, uint64_t ticks);
bool vcpu_is_idle(struct vcpu *vcpu); /* it waits for an interrupt, or is stopped */

unsigned vcpu_thread_id(struct vcpu *vcpu); /* 0: it has not started yet */
const char *vcpu_engine(const struct vcpu *vcpu);
bool vcpu_waits(const struct vcpu *vcpu); /* for an interrupt */
/* The process is about to end.  The CPU does not run. */
void vcpu_leaving(struct vcpu *vcpu);
/* What its engine did (-jit-stats), in lines; nothing unless it counts that. */
void vcpu_report(struct vcpu *vcpu, void (*line)(const char *text));

/* ---- for a debugger; all of this needs it stopped */

/* How it runs from its next start on. */
struct vcpu_debug {
    /* NULL: none.  Where code that is translated has breaks; and those of them that it
     * stops at, with the watches. */
    const struct stops *translated, *breaks;
    bool skips_watch;    /* its first instruction has no watches: they have been told */
    bool is_held;        /* does not start at all */
    bool is_stepping;    /* an instruction, and on while the pc is in [start, end); no */
    uint64_t start, end; /* interrupt is taken meanwhile */
};
void vcpu_debug(struct vcpu *vcpu, const struct vcpu_debug *debug);
enum vcpu_why { VCPU_ASKED, VCPU_BREAK, VCPU_STEPPED, VCPU_WATCH };
enum vcpu_why vcpu_why(const struct vcpu *vcpu);           /* it stopped last */
const struct watch *vcpu_watched(const struct vcpu *vcpu); /* VCPU_WATCH: which one */
struct cpu *vcpu_cpu(struct vcpu *vcpu);
void vcpu_registers_changed(struct vcpu *vcpu);
/* What was translated of any code is forgotten; also by the other CPUs. */
void vcpu_forget_code(struct vcpu *vcpu);
/* Where the CPU sees an address.  false: nowhere. */
bool vcpu_look(struct vcpu *vcpu, uint64_t addr, uint64_t *physical);

#endif
