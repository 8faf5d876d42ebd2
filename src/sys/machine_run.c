/* machine_run.c - runs a machine: what is asked of it, and when it happens.
 *
 * Who asks says so and stops the loop; the device thread then stops all CPUs, without the
 * bus lock, which they may want, does what was asked, and starts them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "sys/boot.h"
#include "sys/bus.h"
#include "sys/clock.h"
#include "sys/debugger.h"
#include "sys/loop.h"
#include "sys/machine_parts.h"
#include "sys/monitor/monitor.h"
#include "sys/vcpu.h"

/* Of machine_call(). */
struct machine_call {
    struct machine_call *next;
    void (*fn)(void *context);
    void *context;
};

/* ------------------------------------------------------------------------- asking */

static struct machine *machine_of_power(struct power *power)
{
    return (struct machine *)(void *)((char *)power - offsetof(struct machine, power));
}

/* By the thread of a CPU, as a rule: it goes no further. */
static void stop_all(struct machine *machine)
{
    for (unsigned cpu = 0; cpu < machine->board->cpus; cpu++)
        if (machine->cpus[cpu])
            vcpu_ask_stop(machine->cpus[cpu]);
    loop_stop(machine->loop);
}

static void ask_off(struct machine *machine, const char *cause, int status)
{
    machine->wants_off = true;
    machine->cause = cause;
    machine->status = status;
    stop_all(machine);
}

static void ask_reset(struct machine *machine, const char *cause)
{
    machine->wants_reset = true;
    machine->cause = cause;
    stop_all(machine);
}

static void ask_pause(struct machine *machine, const char *as)
{
    machine->wants_pause = true;
    machine->paused_as = as;
    stop_all(machine);
}

void machine_power(struct power *power, enum power_event event, int status)
{
    struct machine *machine = machine_of_power(power);

    if (event == POWER_OFF)
        ask_off(machine, "guest-shutdown", status);
    else
        ask_reset(machine, "guest-reset");
}

static struct machine *signalled; /* the one that runs */
static volatile int got_signal;

static void end_soon(void)
{
    got_signal = 1;
    loop_stop(signalled->loop);
}

void machine_user_quits(void *context)
{
    ask_off(context, "host-ui", 0);
}

/* By a CPU's thread. */
void machine_halted(void *context)
{
    struct machine *machine = context;

    bus_take(machine->bus);
    ask_pause(machine, "debug");
    bus_give(machine->bus);
}

/* On the device thread. */
void machine_drive_failed(void *context, const struct drive_failure *failure)
{
    struct machine *machine = context;

    if (machine->is_ending)
        return;
    monitors_tell(machine->monitors, &(struct monitor_event){ .name = "BLOCK_IO_ERROR",
                                                              .failure = failure });
    if (failure->reaction != BLOCK_STOP)
        return;
    if (!machine->is_paused && !machine->wants_pause)
        fprintf(stderr, "rhea: %s: %s: the machine is stopped; `cont` tries it again\n",
                failure->drive->file, strerror(failure->error));
    ask_pause(machine, "io-error");
}

void machine_pause(struct machine *machine)
{
    ask_pause(machine, "paused");
}

void machine_resume(struct machine *machine)
{
    bool was_paused = machine->is_paused;

    machine->is_paused = machine->wants_pause = false;
    machine->state = "running";
    drives_retry(machine->drives);
    loop_stop(machine->loop);
    if (was_paused)
        monitors_tell(machine->monitors, &(struct monitor_event){ .name = "RESUME" });
}

bool machine_is_paused(const struct machine *machine)
{
    return machine->is_paused;
}

const char *machine_state(const struct machine *machine)
{
    return machine->state;
}

void machine_quit(struct machine *machine)
{
    ask_off(machine, "host-qmp-quit", 0);
}

void machine_reset(struct machine *machine)
{
    ask_reset(machine, "host-qmp-system-reset");
}

int machine_debug(struct machine *machine, const char *where, char error[DEBUGGER_ERROR])
{
    struct debugger *debugger = NULL;

    if (debugger_has_client(machine->debugger)) {
        snprintf(error, DEBUGGER_ERROR, "a debugger is connected");
        return -1;
    }
    if (where && !(debugger = debugger_new(where, machine, error)))
        return -1;
    debugger_free(machine->debugger);
    machine->debugger = debugger;
    return 0;
}

const char *machine_cannot_go_on(const struct machine *machine)
{
    if (debugger_holds(machine->debugger))
        return "a debugger has stopped the machine: it can let it go on, or leave";
    return !strcmp(machine->state, "shutdown") ? "the machine is off: reset it first"
                                               : NULL;
}

void machine_call(struct machine *machine, void (*fn)(void *context), void *context)
{
    struct machine_call *call, **last = &machine->calls;

    if (machine->is_paused) {
        fn(context);
        return;
    }
    call = malloc(sizeof(*call));
    if (!call)
        die("out of memory");
    *call = (struct machine_call){ NULL, fn, context };
    while (*last)
        last = &(*last)->next;
    *last = call;
    stop_all(machine);
}

/* ------------------------------------------------------------------------ running */

static void start(struct machine *machine)
{
    if (machine->config.is_qtest)
        return;
    guest_clock_start(machine->clock);
    for (unsigned cpu = 0; cpu < machine->board->cpus; cpu++)
        vcpu_start(machine->cpus[cpu]);
}

static void stop(struct machine *machine)
{
    for (unsigned cpu = 0; cpu < machine->board->cpus; cpu++)
        vcpu_stop(machine->cpus[cpu]);
    guest_clock_stop(machine->clock);
}

static void reset(struct machine *machine)
{
    machine->wants_reset = false;
    bus_take(machine->bus);
    for (size_t i = 0; i < machine->part_count; i++)
        dev_reset(machine->parts[i].dev);
    bus_give(machine->bus);
    for (unsigned cpu = 0; cpu < machine->board->cpus; cpu++)
        vcpu_reset(machine->cpus[cpu]);
    semihosting_reset(machine->semihosting);
    boot_load(machine);
}

/* Tells monitors what ends or resets it. */
static void tell(struct machine *machine, const char *event)
{
    struct monitor_event told = { .name = event,
                                  .reason = machine->cause,
                                  .is_guest = !strncmp(machine->cause, "guest", 5) };

    bus_take(machine->bus);
    monitors_tell(machine->monitors, &told);
    bus_give(machine->bus);
}

static void pause(struct machine *machine)
{
    machine->wants_pause = false;
    machine->is_paused = true;
    machine->state = machine->paused_as;
    bus_take(machine->bus);
    monitors_tell(machine->monitors, &(struct monitor_event){ .name = "STOP" });
    debugger_stopped(machine->debugger);
    bus_give(machine->bus);
}

static void run_calls(struct machine *machine)
{
    struct machine_call *calls, *next;

    bus_take(machine->bus);
    calls = machine->calls;
    machine->calls = NULL;
    for (; calls; calls = next) {
        next = calls->next;
        calls->fn(calls->context);
        free(calls);
    }
    bus_give(machine->bus);
}

/* Whether that was all; a machine that -no-shutdown keeps is looked at. */
static bool has_ended(struct machine *machine)
{
    if (got_signal) {
        machine->cause = "host-signal";
        return true;
    }
    if (machine->wants_reset && machine->config.no_reboot)
        machine->wants_off = true;
    if (machine->wants_off && machine->config.no_shutdown &&
        !strncmp(machine->cause, "guest", 5)) {
        machine->wants_off = machine->wants_reset = false;
        machine->wants_pause = true;
        machine->paused_as = "shutdown";
        tell(machine, "SHUTDOWN");
        return false;
    }
    return machine->wants_off;
}

static void run(struct machine *machine)
{
    for (;;) {
        if (!machine->is_paused)
            start(machine);
        loop_run(machine->loop);
        stop(machine);
        run_calls(machine);
        if (has_ended(machine))
            return;
        if (machine->wants_reset) {
            reset(machine);
            if (!strcmp(machine->state, "shutdown"))
                machine->state = "paused";
            tell(machine, "RESET");
        }
        if (machine->wants_pause && !machine->is_paused)
            pause(machine);
    }
}

static void report_line(const char *text)
{
    fprintf(stderr, "rhea: %s\n", text);
}

int machine_run(struct machine *machine)
{
    signalled = machine;
    host_catch_ends(end_soon);
    run(machine);
    tell(machine, "SHUTDOWN");
    debugger_end(machine->debugger, machine->status);
    vcpu_leaving(machine->cpus[0]);             /* all of them */
    vcpu_report(machine->cpus[0], report_line); /* of all of them */
    return machine->status;
}
