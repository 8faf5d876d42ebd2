/* icount.c - time counted in instructions: see icount.h.
 *
 * A CPU runs to the first timer's tick, not further than its slice, and stops there
 * exactly; a timer that it arms itself, or a line that a device raises, shortens the run.
 * What the host has for the guest (input, frames) is looked at between rounds of slices:
 * that alone may differ from run to run. */
#include "sys/icount.h"

#include <stdlib.h>

#include "base/host.h"
#include "base/report.h"
#include "sys/clock.h"
#include "sys/loop.h"
#include "sys/vcpu.h"

enum {
    SLICE_TICKS = 50000,  /* of a CPU, while others have something to do, too */
    ROUND_TICKS = 200000, /* until descriptors are looked at: about a millisecond */
    FIRST_SHIFT = 3,      /* shift=auto; it is looked at again after: */
    ADJUST_NS = 100000000,
};

struct icount {
    struct icount_config config;
    struct guest_clock *clock;
    struct vcpu *const *cpus;
    unsigned count, turn; /* of CPUs; whose turn it is */
    struct vcpu *running; /* or NULL */
    uint64_t base_ns;     /* guest time when `ticks` was 0 */
    uint64_t ticks;       /* that have been taken since; without those of `running` */
    /* All CPUs wait since this time of the host's; 0: they do not, or nobody sleeps. */
    uint64_t idle_since_ns;
    /* shift=auto: at the last look */
    uint64_t host_ns, guest_ns;
};

static uint64_t now_ns(void *context)
{
    const struct icount *icount = context;
    uint64_t ticks = icount->ticks + (icount->running ? vcpu_ticks(icount->running) : 0);

    return icount->base_ns + (ticks << icount->config.shift);
}

static void set_now(struct icount *icount, uint64_t ns)
{
    icount->base_ns = ns;
    icount->ticks = 0;
}

/* Ticks to the first timer: after the last one it is due. */
static uint64_t ticks_to_timer(const struct icount *icount)
{
    uint64_t wait = guest_clock_wait_ns(icount->clock);
    uint64_t ticks = wait >> icount->config.shift;

    return ticks << icount->config.shift == wait ? ticks : ticks + 1;
}

/* A timer has become the first one. */
static void earlier(void *context)
{
    struct icount *icount = context;
    uint64_t ticks;

    if (!icount->running)
        return;
    ticks = ticks_to_timer(icount);
    if (ticks <= SLICE_TICKS)
        vcpu_shorten(icount->running, vcpu_ticks(icount->running) + ticks);
}

/* ------------------------------------------------------------------------- running */

/* The next CPU that has something to do, or NULL. */
static struct vcpu *next_busy(struct icount *icount)
{
    for (unsigned i = 0; i < icount->count; i++) {
        struct vcpu *vcpu = icount->cpus[icount->turn];

        icount->turn = (icount->turn + 1) % icount->count;
        if (!vcpu_is_idle(vcpu))
            return vcpu;
    }
    return NULL;
}

static uint64_t run_slice(struct icount *icount, struct vcpu *vcpu, uint64_t ticks)
{
    uint64_t taken;

    icount->running = vcpu;
    vcpu_run(vcpu, ticks);
    taken = vcpu_ticks(vcpu);
    icount->running = NULL;
    icount->ticks += taken;
    return taken;
}

/* Slices, until a timer is due, all wait, or it is time to look at descriptors. */
static void run_round(void *context)
{
    struct icount *icount = context;
    uint64_t taken = 0, ticks = ticks_to_timer(icount);
    struct vcpu *vcpu;

    if (!ticks) /* a timer that is always due stops nobody */
        ticks = 1;
    while (ticks && taken < ROUND_TICKS && (vcpu = next_busy(icount))) {
        taken += run_slice(icount, vcpu, ticks < SLICE_TICKS ? ticks : SLICE_TICKS);
        ticks = ticks_to_timer(icount);
    }
}

/* ------------------------------------------------------------------------- waiting */

static bool is_any_busy(const struct icount *icount)
{
    for (unsigned i = 0; i < icount->count; i++)
        if (!vcpu_is_idle(icount->cpus[i]))
            return true;
    return false;
}

/* Something else than a timer has ended a sleep: guest time has gone by, too. */
static void end_sleep(struct icount *icount)
{
    uint64_t slept, wait;

    if (!icount->idle_since_ns)
        return;
    slept = host_now_ns() - icount->idle_since_ns;
    wait = guest_clock_wait_ns(icount->clock);
    set_now(icount, now_ns(icount) + (slept < wait ? slept : wait));
    icount->idle_since_ns = 0;
}

/* All CPUs wait: how long the host may do so, until the first timer is due. */
static uint64_t sleep_ns(struct icount *icount)
{
    uint64_t wait = guest_clock_wait_ns(icount->clock), slept;

    if (wait == UINT64_MAX)
        return wait;
    if (icount->config.sleeps && !icount->idle_since_ns)
        icount->idle_since_ns = host_now_ns();
    slept = icount->config.sleeps ? host_now_ns() - icount->idle_since_ns : wait;
    if (slept < wait)
        return wait - slept;
    icount->idle_since_ns = 0;
    set_now(icount, now_ns(icount) + wait);
    return 0;
}

/* A step of the shift at a time, where guest time is off the host's by a tenth. */
static void adjust(struct icount *icount)
{
    uint64_t host = host_now_ns(), guest = now_ns(icount);
    uint64_t host_passed = host - icount->host_ns,
             guest_passed = guest - icount->guest_ns;

    if (!icount->config.is_auto || host_passed < ADJUST_NS)
        return;
    set_now(icount, guest);
    if (guest_passed < host_passed - host_passed / 10)
        icount->config.shift += icount->config.shift < ICOUNT_SHIFT_MAX;
    else if (guest_passed > host_passed + host_passed / 10)
        icount->config.shift -= icount->config.shift > 0;
    icount->host_ns = host;
    icount->guest_ns = guest;
}

static uint64_t wait_ns(void *context)
{
    struct icount *icount = context;

    if (!is_any_busy(icount))
        return sleep_ns(icount);
    end_sleep(icount);
    adjust(icount);
    return 0;
}

/* ------------------------------------------------------------------------- making */

struct icount *icount_new(const struct icount_config *config, struct guest_clock *clock,
                          struct loop *loop, struct vcpu *const *cpus, unsigned count)
{
    struct icount *icount = calloc(1, sizeof(*icount));
    struct loop_work work = { wait_ns, run_round, icount };

    if (!icount)
        die("out of memory");
    *icount = (struct icount){
        .config = *config, .clock = clock, .cpus = cpus, .count = count
    };
    if (config->is_auto)
        icount->config.shift = FIRST_SHIFT;
    icount->host_ns = host_now_ns();
    guest_clock_set_source(clock, now_ns, icount);
    guest_clock_on_earlier(clock, earlier, icount);
    loop_set_work(loop, &work);
    return icount;
}

void icount_free(struct icount *icount)
{
    if (!icount)
        return;
    guest_clock_set_source(icount->clock, NULL, NULL);
    guest_clock_on_earlier(icount->clock, NULL, NULL);
    free(icount);
}
