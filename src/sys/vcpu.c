/* vcpu.c - runs a CPU of a machine.
 *
 * Its thread goes around: take the interrupt that is to be taken, run until something
 * happens, turn that into what the guest sees.  A line that another thread raises sets
 * the CPU's kick word, which ends the run at the next jump; a CPU that waits sleeps on
 * its lock, which the same wakes. */
#include "sys/vcpu.h"

#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "interp/accel.h"
#include "interp/jit.h"
#include "isa/engine.h"
#include "isa/machine.h"
#include "isa/stops.h"
#include "sys/bus.h"
#include "sys/log.h"
#include "sys/semihosting/semihosting.h"
#include "sys/watch.h"

enum {
    LINES = 64,
    VAIN_WAITS = 4, /* in a row; after them each takes, at most, ... */
    VAIN_MS = 10,
};

struct vcpu {
    struct machine_cpu m;
    struct cpu *cpu;
    const struct engine *engine;
    unsigned id;
    struct bus *bus;
    struct clock *clock;
    uint64_t timebase_hz;
    struct timer alarm;
    struct port {
        struct dev *dev; /* whose output the line is, if it has registers; or NULL */
        unsigned output;
    } ports[LINES];
    struct semihosting *semihosting; /* or NULL */
    void (*halted)(void *context);
    void *context;
    struct vcpu_debug debug;
    struct watching watching;
    enum vcpu_why why;
    unsigned vain_waits;    /* in a row: wait_in_vain() */
    struct host_lock *lock; /* of what follows; taken to sleep and to wake */
    unsigned thread_id;     /* the host's */
    bool is_started;        /* there is a thread */
    bool is_running;        /* it is between start and stop */
    volatile bool must_stop, must_end;
    /* Driven: of the vcpu_run() that runs. */
    bool is_driven, is_within;
    uint64_t ticks, first_insn, traps; /* what it may take, and has taken */
    unsigned hidings;                  /* of the bus: what the TLB knows */
};

static struct vcpu *vcpu_of(struct cpu *cpu)
{
    return cpu->user;
}

/* ------------------------------------------------------------- what the guest asks */

static bool read_device(struct cpu *cpu, uint64_t physical, unsigned size,
                        uint64_t *value)
{
    return bus_read(vcpu_of(cpu)->bus, physical, size, value);
}

/* Memory of a device that was hidden is not to be read without asking any more. */
static void look_at_hidings(struct vcpu *vcpu)
{
    unsigned now = bus_hidings(vcpu->bus);

    if (vcpu->hidings == now)
        return;
    vcpu->hidings = now;
    tlb_flush_data(vcpu->cpu);
}

static void run_engine(struct vcpu *vcpu, uint64_t limit)
{
    look_at_hidings(vcpu);
    vcpu->engine->run(vcpu->cpu, limit);
}

static bool write_device(struct cpu *cpu, uint64_t physical, unsigned size,
                         uint64_t value)
{
    bool done = bus_write(vcpu_of(cpu)->bus, physical, size, value);

    look_at_hidings(vcpu_of(cpu));
    return done;
}

static bool is_hidden(struct cpu *cpu, uint64_t physical)
{
    return bus_is_hidden(vcpu_of(cpu)->bus, physical);
}

/* a * b / c without overflow where the result fits; c is below 2^32. */
static uint64_t scale(uint64_t a, uint64_t b, uint64_t c)
{
    return a / c * b + a % c * b / c;
}

enum { NS_PER_S = 1000000000 };

static uint64_t guest_time(struct cpu *cpu)
{
    struct vcpu *vcpu = vcpu_of(cpu);

    return scale(clock_now_ns(vcpu->clock), vcpu->timebase_hz, NS_PER_S);
}

/* A driven CPU sees what has happened in front of its next instruction. */
static void leave(struct cpu *cpu)
{
    struct vcpu *vcpu = vcpu_of(cpu);

    if (vcpu->is_within)
        vcpu->engine->shorten(cpu, 0);
}

/* The CPU looks at what is due again. */
static void wake(struct vcpu *vcpu)
{
    vcpu->cpu->kick = 1;
    leave(vcpu->cpu);
    host_lock_take(vcpu->lock);
    host_lock_wake(vcpu->lock);
    host_lock_give(vcpu->lock);
}

static void alarm_fires(void *context)
{
    wake(context);
}

static void set_alarm(struct cpu *cpu, uint64_t ticks)
{
    struct vcpu *vcpu = vcpu_of(cpu);
    uint64_t limit = UINT64_MAX / NS_PER_S * vcpu->timebase_hz;

    if (ticks >= limit)
        timer_cancel(&vcpu->alarm);
    else
        timer_arm(&vcpu->alarm, scale(ticks, NS_PER_S, vcpu->timebase_hz) + 1);
}

/* ------------------------------------------------------------------------- running */

/* A CPU that waits again and again, while what is pending already ends its wait and it
 * takes no interrupt, waits for something new: until a line is set (again), but not for
 * long.  So do CPUs in OpenSBI that were not started yet; those of 1.1 that look too
 * often may see that they are, before they see where.  Requires: the lock. */
static void wait_in_vain(struct vcpu *vcpu)
{
    if (!vcpu->m.machine->may_wake(vcpu->cpu))
        vcpu->vain_waits = 0;
    else if (vcpu->vain_waits < VAIN_WAITS)
        vcpu->vain_waits++;
    else if (!vcpu->cpu->kick)
        host_lock_wait_ms(vcpu->lock, VAIN_MS);
}

static void take_interrupt(struct vcpu *vcpu)
{
    uint64_t pc = vcpu->cpu->pc;

    vcpu->m.machine->interrupt(vcpu->cpu);
    if (vcpu->cpu->pc != pc)
        vcpu->vain_waits = 0;
}

/* Sleeps until an interrupt is to end the wait, or somebody wants the thread. */
static void wait_for_interrupt(struct vcpu *vcpu)
{
    host_lock_take(vcpu->lock);
    wait_in_vain(vcpu);
    while (!vcpu->m.machine->may_wake(vcpu->cpu) && !vcpu->must_stop)
        host_lock_wait(vcpu->lock);
    host_lock_give(vcpu->lock);
    if (!vcpu->must_stop)
        vcpu->m.waits = false;
}

static void halt(struct vcpu *vcpu, enum vcpu_why why)
{
    vcpu->why = why;
    vcpu->must_stop = true;
    vcpu->halted(vcpu->context);
}

/* Whether that run ended by a trap. */
static bool has_trapped(const struct vcpu *vcpu)
{
    switch (vcpu->cpu->event.kind) {
    case EXEC_TRAP:
    case EXEC_ILLEGAL:
    case EXEC_MEM_FAULT:
    case EXEC_FETCH_FAULT: return true;
    default: return false;
    }
}

/* Turns what ended a run into what the guest, or the debugger, sees.  A break that is
 * only in translated code is gone on from. */
static void after_run(struct vcpu *vcpu)
{
    struct cpu *cpu = vcpu->cpu;

    if (watch_has_hit(cpu))
        halt(vcpu, VCPU_WATCH);
    else if (cpu->event.kind == EXEC_BREAK &&
             stops_has_break(vcpu->debug.breaks, cpu->pc))
        halt(vcpu, VCPU_BREAK);
    else if (cpu->event.kind == EXEC_BREAK)
        cpu->skip_stop = cpu->pc;
    else if (cpu->event.kind != EXEC_KICK)
        vcpu->m.machine->event(cpu);
}

/* A wait for an interrupt may end at any time, and here it does. */
static void step(struct vcpu *vcpu)
{
    const struct vcpu_debug *debug = &vcpu->debug;
    struct cpu *cpu = vcpu->cpu;
    uint64_t pc = cpu->pc, insns = cpu->insns;

    run_engine(vcpu, 1);
    after_run(vcpu);
    if (vcpu->must_stop || cpu->event.kind == EXEC_BREAK ||
        (cpu->event.kind == EXEC_KICK && cpu->pc == pc && cpu->insns == insns))
        return;
    vcpu->m.waits = false;
    if (cpu->pc < debug->start || cpu->pc >= debug->end)
        halt(vcpu, VCPU_STEPPED);
}

/* One instruction as if nothing were watched. */
static void skip_watch(struct vcpu *vcpu)
{
    const struct stops *stops = vcpu->watching.stops;

    vcpu->debug.skips_watch = false;
    if (!stops)
        return;
    watch_begin(&vcpu->watching, vcpu->cpu, NULL);
    run_engine(vcpu, 1);
    watch_begin(&vcpu->watching, vcpu->cpu, stops);
    after_run(vcpu);
}

static void run(struct vcpu *vcpu)
{
    struct cpu *cpu = vcpu->cpu;

    while (!vcpu->must_stop) {
        cpu->kick = 0;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (vcpu->debug.skips_watch)
            skip_watch(vcpu);
        if (vcpu->debug.is_stepping) {
            step(vcpu);
            continue;
        }
        if (vcpu->m.waits)
            wait_for_interrupt(vcpu);
        if (vcpu->must_stop)
            break;
        take_interrupt(vcpu);
        run_engine(vcpu, 0);
        after_run(vcpu);
    }
}

bool vcpu_is_idle(struct vcpu *vcpu)
{
    return vcpu->must_stop || (vcpu->m.waits && !vcpu->debug.is_stepping &&
                               !vcpu->m.machine->may_wake(vcpu->cpu));
}

uint64_t vcpu_ticks(const struct vcpu *vcpu)
{
    return vcpu->cpu->insns - vcpu->first_insn + vcpu->traps;
}

void vcpu_shorten(struct vcpu *vcpu, uint64_t ticks)
{
    uint64_t taken = vcpu_ticks(vcpu);

    if (ticks < vcpu->ticks)
        vcpu->ticks = ticks;
    vcpu->engine->shorten(vcpu->cpu, ticks > taken ? ticks - taken : 0);
}

/* One run of the engine. */
static void run_driven(struct vcpu *vcpu)
{
    struct cpu *cpu = vcpu->cpu;

    cpu->kick = 0;
    if (vcpu->debug.skips_watch)
        skip_watch(vcpu);
    else if (vcpu->debug.is_stepping) {
        step(vcpu);
    } else {
        vcpu->m.waits = false;
        vcpu->m.machine->interrupt(cpu);
        run_engine(vcpu, vcpu->ticks - vcpu_ticks(vcpu));
        after_run(vcpu);
    }
    vcpu->traps += has_trapped(vcpu);
}

void vcpu_run(struct vcpu *vcpu, uint64_t ticks)
{
    vcpu->ticks = ticks;
    vcpu->first_insn = vcpu->cpu->insns;
    vcpu->traps = 0;
    vcpu->is_within = true;
    while (vcpu_ticks(vcpu) < vcpu->ticks && !vcpu_is_idle(vcpu))
        run_driven(vcpu);
    vcpu->is_within = false;
}

static void thread(void *arg)
{
    struct vcpu *vcpu = arg;

    host_lock_take(vcpu->lock);
    vcpu->thread_id = host_thread_id();
    while (!vcpu->must_end) {
        if (vcpu->must_stop) {
            vcpu->is_running = false;
            host_lock_wake(vcpu->lock);
            host_lock_wait(vcpu->lock);
            continue;
        }
        vcpu->is_running = true;
        host_lock_give(vcpu->lock);
        run(vcpu);
        host_lock_take(vcpu->lock);
    }
    vcpu->is_started = vcpu->is_running = false;
    host_lock_wake(vcpu->lock);
    host_lock_give(vcpu->lock);
}

void vcpu_leaving(struct vcpu *vcpu)
{
    if (vcpu->engine->leaving)
        vcpu->engine->leaving(vcpu->cpu);
}

void vcpu_report(struct vcpu *vcpu, void (*line)(const char *text))
{
    if (HAS_JIT && jit_options.stats && vcpu->engine->report)
        vcpu->engine->report(vcpu->cpu, line);
}

void vcpu_start(struct vcpu *vcpu)
{
    vcpu->why = VCPU_ASKED;
    if (vcpu->debug.is_held)
        return;
    host_lock_take(vcpu->lock);
    vcpu->must_stop = false;
    if (vcpu->is_driven) {
        host_lock_give(vcpu->lock);
        return;
    }
    vcpu->is_running = true;
    if (!vcpu->is_started && host_thread_start(thread, vcpu, 1 << 20) < 0)
        die("the host has no thread for CPU %u", vcpu->id);
    vcpu->is_started = true;
    host_lock_wake(vcpu->lock);
    host_lock_give(vcpu->lock);
}

void vcpu_kick(struct vcpu *vcpu)
{
    vcpu->cpu->kick = 1;
}

void vcpu_ask_stop(struct vcpu *vcpu)
{
    vcpu->must_stop = true;
    wake(vcpu);
}

void vcpu_stop(struct vcpu *vcpu)
{
    vcpu_ask_stop(vcpu);
    host_lock_take(vcpu->lock);
    while (vcpu->is_running)
        host_lock_wait(vcpu->lock);
    host_lock_give(vcpu->lock);
}

unsigned vcpu_thread_id(struct vcpu *vcpu)
{
    unsigned id;

    host_lock_take(vcpu->lock);
    id = vcpu->thread_id;
    host_lock_give(vcpu->lock);
    return id;
}

const char *vcpu_engine(const struct vcpu *vcpu)
{
    return vcpu->engine->name;
}

bool vcpu_waits(const struct vcpu *vcpu)
{
    return vcpu->m.waits;
}

/* --------------------------------------------------------------------------- lines */

static void set_line(void *context, unsigned line, bool level)
{
    struct vcpu *vcpu = context;
    uint64_t bit = UINT64_C(1) << line;

    if (level) {
        __atomic_fetch_or(&vcpu->m.lines, bit, __ATOMIC_SEQ_CST);
        wake(vcpu);
    } else {
        __atomic_fetch_and(&vcpu->m.lines, ~bit, __ATOMIC_SEQ_CST);
    }
}

struct irq vcpu_irq(struct vcpu *vcpu, const char *line)
{
    int number = vcpu->m.machine->line(line);

    return number < 0 ? (struct irq){ 0 }
                      : (struct irq){ set_line, vcpu, (unsigned)number };
}

void vcpu_attach(struct vcpu *vcpu, const char *line, struct dev *dev, unsigned output)
{
    int number = vcpu->m.machine->line(line);

    if (number >= 0 && number < LINES)
        vcpu->ports[number] = (struct port){ dev, output };
}

static bool exchange(struct cpu *cpu, unsigned line, unsigned reg, uint64_t mask,
                     uint64_t *value)
{
    struct vcpu *vcpu = vcpu_of(cpu);
    const struct port *port = &vcpu->ports[line];
    bool done;

    if (!port->dev)
        return false;
    bus_take(vcpu->bus);
    done = dev_exchange(port->dev, port->output, reg, mask, value);
    bus_give(vcpu->bus);
    return done;
}

static enum host_answer host_call(struct cpu *cpu, struct host_call *call)
{
    struct vcpu *vcpu = vcpu_of(cpu);

    return semihosting_call(vcpu->semihosting, cpu, call, &vcpu->must_stop);
}

void vcpu_set_semihosting(struct vcpu *vcpu, struct semihosting *semihosting)
{
    vcpu->semihosting = semihosting;
    vcpu->m.host_call = host_call;
}

/* ----------------------------------------------------------------------- registers */

int vcpu_put(struct vcpu *vcpu, const char *reg, uint64_t value)
{
    struct isa_reg at;

    if (isa_find_reg(vcpu->cpu->isa, reg, &at) < 0)
        return -1;
    cpu_put(vcpu->cpu, at, value);
    return 0;
}

uint64_t vcpu_get(struct vcpu *vcpu, const char *reg)
{
    struct isa_reg at;

    if (isa_find_reg(vcpu->cpu->isa, reg, &at) < 0)
        bug("there is no register %s", reg);
    return cpu_get(vcpu->cpu, at);
}

/* ------------------------------------------------------------------------ debugging */

void vcpu_debug(struct vcpu *vcpu, const struct vcpu_debug *debug)
{
    struct cpu *cpu = vcpu->cpu;

    vcpu->debug = *debug;
    cpu->stops =
        debug->translated && debug->translated->nbreaks ? debug->translated : NULL;
    cpu->skip_stop = debug->is_stepping ? cpu->pc : UINT64_MAX;
    watch_begin(&vcpu->watching, cpu, debug->breaks);
}

struct watching *watching_of(struct cpu *cpu)
{
    return &vcpu_of(cpu)->watching;
}

const struct watch *vcpu_watched(const struct vcpu *vcpu)
{
    return &vcpu->watching.hit;
}

enum vcpu_why vcpu_why(const struct vcpu *vcpu)
{
    return vcpu->why;
}

struct cpu *vcpu_cpu(struct vcpu *vcpu)
{
    return vcpu->cpu;
}

void vcpu_registers_changed(struct vcpu *vcpu)
{
    vcpu->m.waits = false;
    tlb_flush(vcpu->cpu);
}

void vcpu_forget_code(struct vcpu *vcpu)
{
    vcpu->engine->invalidate(vcpu->cpu, 0, UINT64_MAX);
}

bool vcpu_look(struct vcpu *vcpu, uint64_t addr, uint64_t *physical)
{
    return vcpu->m.mmu.look(vcpu->cpu, addr, physical);
}

/* --------------------------------------------------------------------------- making */

static const struct isa_machine *find_machine(const struct isa *isa)
{
    for (unsigned i = 0; isa_machines[i]; i++)
        if (!strncmp(isa->name, isa_machines[i]->family, strlen(isa_machines[i]->family)))
            return isa_machines[i];
    return NULL;
}

static void begin(struct vcpu *vcpu, const struct vcpu_config *config,
                  const struct isa_machine *machine)
{
    struct cpu *cpu = vcpu->cpu;

    vcpu->engine = config->engine ? config->engine : accel_choose(NULL);
    vcpu->id = config->id;
    vcpu->bus = config->bus;
    vcpu->clock = config->clock;
    vcpu->timebase_hz = config->timebase_hz;
    vcpu->halted = config->halted;
    vcpu->is_driven = vcpu->must_stop = config->is_driven;
    vcpu->context = config->context;
    vcpu->lock = host_lock_new();
    if (!vcpu->lock)
        die("out of memory");
    vcpu->m.machine = machine;
    vcpu->m.time = guest_time;
    vcpu->m.alarm = set_alarm;
    vcpu->m.leave = config->is_driven ? leave : NULL;
    vcpu->m.is_counting = config->is_driven;
    vcpu->m.exchange = exchange;
    vcpu->m.mmu.read = read_device;
    vcpu->m.mmu.write = write_device;
    vcpu->m.mmu.is_hidden = is_hidden;
    timer_init(&vcpu->alarm, config->clock, alarm_fires, vcpu);
    cpu->user = vcpu;
    cpu->id = config->id;
    cpu->mmu = &vcpu->m.mmu;
    cpu->space = bus_space(config->bus);
    machine->attach(cpu, &vcpu->m);
    log_cpu(&vcpu->m);
}

struct vcpu *vcpu_new(const struct vcpu_config *config)
{
    const struct isa_machine *machine = find_machine(config->isa);
    struct vcpu *vcpu = calloc(1, sizeof *vcpu);
    int attached;

    if (!vcpu)
        die("out of memory");
    vcpu->cpu = machine ? cpu_new(config->isa, config->model) : NULL;
    if (!vcpu->cpu) {
        free(vcpu);
        return NULL;
    }
    begin(vcpu, config, machine);
    vcpu->m.mmu.has_code = true; /* all zero, which would be code at 0 */
    tlb_flush(vcpu->cpu);
    attached = config->others ? vcpu->engine->attach_to(vcpu->cpu, config->others->cpu)
                              : vcpu->engine->attach(vcpu->cpu);
    if (attached < 0)
        bug("no interpreter for %s", config->isa->name);
    vcpu_reset(vcpu);
    return vcpu;
}

void vcpu_reset(struct vcpu *vcpu)
{
    struct cpu *cpu = vcpu->cpu;

    memset(cpu_state(cpu), 0, cpu->isa->state_size);
    cpu->pc = 0;
    cpu->npc = 0;
    vcpu->m.waits = false;
    timer_cancel(&vcpu->alarm);
    tlb_flush(cpu);
    vcpu->m.machine->reset(cpu, vcpu->id);
    log_reset(cpu);
}

void vcpu_free(struct vcpu *vcpu)
{
    host_lock_take(vcpu->lock);
    vcpu->must_end = true;
    host_lock_wake(vcpu->lock);
    while (vcpu->is_started)
        host_lock_wait(vcpu->lock);
    host_lock_give(vcpu->lock);
    timer_cancel(&vcpu->alarm);
    vcpu->engine->detach(vcpu->cpu);
    tlb_free(&vcpu->m.mmu);
    cpu_free(vcpu->cpu);
    free(vcpu->m.guest);
    host_lock_free(vcpu->lock);
    free(vcpu);
}
