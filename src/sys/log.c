/* log.c - what -d and -trace show of a machine: see log.h. */
#include "sys/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/report.h"
#include "dev/dev.h"
#include "isa/machine.h"
#include "isa/space.h"
#include "isa/trace.h"

static struct machine_log_config own; /* what was asked for while it runs */
static const struct machine_log_config *wanted;
static struct trace trace;
static uint64_t patterns_used; /* bits */

/* --------------------------------------------------------------------------- items */

static const struct {
    const char *name;
    size_t at; /* of a bool of the configuration */
    const char *help;
} items[] = {
    { "int", offsetof(struct machine_log_config, traps), "traps and interrupts" },
    { "guest_errors", offsetof(struct machine_log_config, guest_errors),
      "all that the guest does wrong to devices, not ten lines a second" },
    { "unimp", offsetof(struct machine_log_config, guest_errors),
      "the same: registers that are not there" },
    { "mmu", offsetof(struct machine_log_config, mmu),
      "translations that are looked up, faults, flushes" },
    { "cpu_reset", offsetof(struct machine_log_config, resets),
      "registers after a reset" },
    { "in_asm", offsetof(struct machine_log_config, code.in_asm),
      "instructions of each block when it is translated" },
    { "exec", offsetof(struct machine_log_config, code.exec),
      "the pc of each block that is executed" },
    { "nochain", offsetof(struct machine_log_config, code.exec),
      "the same: exec leaves no block out" },
    { "cpu", offsetof(struct machine_log_config, code.cpu), "registers at each block" },
};
enum { ITEMS = sizeof(items) / sizeof(*items) };

/* NULL: there is no such item. */
static bool *item_of(struct machine_log_config *config, const char *item, size_t size)
{
    for (unsigned i = 0; i < ITEMS; i++)
        if (strlen(items[i].name) == size && !strncmp(items[i].name, item, size))
            return (bool *)((char *)config + items[i].at);
    return NULL;
}

bool log_add_item(struct machine_log_config *config, const char *item)
{
    bool *at;

    if (!strncmp(item, "trace:", 6) && item[6] && config->pattern_count < LOG_PATTERNS) {
        config->patterns[config->pattern_count++] = item + 6;
        return true;
    }
    at = item_of(config, item, strlen(item));
    if (at)
        *at = true;
    return at != NULL;
}

void log_each_item(void (*each)(void *context, const char *name, const char *help),
                   void *context)
{
    for (unsigned i = 0; i < ITEMS; i++)
        each(context, items[i].name, items[i].help);
}

static void print_item(void *context, const char *name, const char *help)
{
    (void)context;
    printf("%-14s %s\n", name, help);
}

void log_help(void)
{
    log_each_item(print_item, NULL);
    print_item(NULL, "trace:PATTERN", "as -trace PATTERN");
}

/* ------------------------------------------------------------------------- devices */

/* * is any text, ? any character. */
static bool matches(const char *pattern, const char *text)
{
    if (*pattern == '*')
        return matches(pattern + 1, text) || (*text && matches(pattern, text + 1));
    if (!*pattern || !*text)
        return *pattern == *text;
    return (*pattern == '?' || *pattern == *text) && matches(pattern + 1, text + 1);
}

static bool is_traced(const char *name)
{
    for (unsigned i = 0; i < wanted->pattern_count; i++)
        if (matches(wanted->patterns[i], name))
            return true;
    return false;
}

static bool is_part_traced(const struct dev *dev, const char *part, char *name,
                           size_t size)
{
    snprintf(name, size, "%s.%s", dev->name, part);
    return is_traced(name) || is_traced(dev->name);
}

static void show_event(const struct dev *dev, const char *part, const char *text)
{
    char name[160];

    if (is_part_traced(dev, part, name, sizeof(name)))
        log_line("%s %s", name, text);
}

static void show_access(const struct dev *dev, const char *reg, struct access at,
                        uint64_t value, bool is_write)
{
    char name[160];

    if (is_part_traced(dev, reg, name, sizeof(name)))
        log_line("%s %s 0x%0*" PRIx64, name, is_write ? "write" : "read", 2 * at.size,
                 value);
}

/* Whether a pattern may be of that device's registers; names have dots, too. */
static bool is_of_device(const char *pattern, const char *name)
{
    const char *dot = strrchr(pattern, '.');
    char device[160];

    snprintf(device, sizeof(device), "%.*s", dot ? (int)(dot - pattern) : 0, pattern);
    return matches(pattern, name) || (dot && matches(device, name));
}

bool log_is_of_device(const char *pattern, const struct dev *dev)
{
    return is_of_device(pattern, dev->name);
}

void log_device(struct dev *dev)
{
    dev->trace = NULL;
    dev->event = NULL;
    for (unsigned i = 0; wanted && i < wanted->pattern_count; i++)
        if (is_of_device(wanted->patterns[i], dev->name)) {
            dev->trace = show_access;
            dev->event = show_event;
            patterns_used |= UINT64_C(1) << i;
        }
}

void log_devices_end(void)
{
    for (unsigned i = 0; wanted && i < wanted->pattern_count; i++)
        if (!(patterns_used >> i & 1))
            die("-trace %s: the machine has no such device; see -trace help",
                wanted->patterns[i]);
}

void log_trace_help(void)
{
    printf(
        "-trace NAME or NAME.REGISTER, with * and ?, where NAME is the device's on the "
        "board (-M NAME,help), or -device's id; NAME.queue0 and so on of virtio:\n");
    for (size_t i = 0; dev_classes[i]; i++)
        for (const struct reg *reg = dev_classes[i]->regs; reg && reg->name; reg++)
            printf("%s.%s\n", dev_classes[i]->name, reg->name);
}

static void show_guest_error(const char *text)
{
    log_line("guest: %s", text);
}

/* ---------------------------------------------------------------------------- CPUs */

static void show_trap(struct cpu *cpu, const char *name, bool is_interrupt,
                      unsigned cause, uint64_t value, char from, char to)
{
    log_line("int: cpu%u: %s %u %s: %c to %c, pc 0x%" PRIx64 ", value 0x%" PRIx64,
             cpu->id, is_interrupt ? "interrupt" : "trap", cause, name, from, to, cpu->pc,
             value);
}

static void show_flush(struct cpu *cpu, const uint64_t *addr)
{
    if (addr)
        log_line("mmu: cpu%u: flush of 0x%" PRIx64, cpu->id, *addr);
    else
        log_line("mmu: cpu%u: flush", cpu->id);
}

/* What CPUs translate with; the same for all. */
static unsigned (*translate)(struct cpu *cpu, uint64_t addr, unsigned access,
                             unsigned regime, struct translation *to);

static unsigned show_translation(struct cpu *cpu, uint64_t addr, unsigned access,
                                 unsigned regime, struct translation *to)
{
    static const char *const accesses[] = { "read", "write", "fetch" };
    unsigned cause = translate(cpu, addr, access, regime, to);

    if (cause)
        log_line("mmu: cpu%u: %s 0x%" PRIx64 ", regime %u: fault %u", cpu->id,
                 accesses[access], addr, regime, cause);
    else
        log_line("mmu: cpu%u: %s 0x%" PRIx64 ", regime %u: 0x%" PRIx64, cpu->id,
                 accesses[access], addr, regime, to->physical);
    return cause;
}

static struct machine_log machine_log;

void log_cpu(struct machine_cpu *m)
{
    if (!wanted)
        return;
    m->log = &machine_log;
    if (m->mmu.translate != show_translation)
        translate = m->mmu.translate;
    m->mmu.translate = wanted->mmu ? show_translation : translate;
}

void log_reset(struct cpu *cpu)
{
    if (!wanted || !wanted->resets)
        return;
    log_line("cpu_reset: cpu%u", cpu->id);
    code_log_registers(cpu);
}

/* ---------------------------------------------------------------------------- code */

static unsigned fetch(struct cpu *cpu, uint64_t pc, void *to, unsigned size)
{
    unsigned done = 0;
    uint64_t physical;

    while (done < size && cpu->mmu->look(cpu, pc + done, &physical) &&
           space_read(cpu->space, physical, (char *)to + done, 1, NULL) == 0)
        done++;
    return done;
}

/* What CPUs and devices do not ask for themselves. */
static void use(const struct machine_log_config *config)
{
    wanted = config;
    report_guest_to(config->guest_errors ? show_guest_error : NULL);
    machine_log.trap = config->traps ? show_trap : NULL;
    machine_log.flush = config->mmu ? show_flush : NULL;
}

void log_start(const struct machine_log_config *config)
{
    static struct code_log code;

    code = config->code;
    code.fetch = fetch;
    code_log_start(&code, &trace);
    if (trace.translated || trace.block)
        isa_trace = &trace;
    use(config);
}

/* ------------------------------------------------------------------ while it runs */

static const char *copy_of(const char *text)
{
    char *copy = malloc(strlen(text) + 1);

    if (!copy)
        die("out of memory");
    return strcpy(copy, text);
}

/* As it is now, with patterns that are our own. */
static void make_own(void)
{
    if (wanted == &own)
        return;
    if (wanted)
        own = *wanted;
    for (unsigned i = 0; i < own.pattern_count; i++)
        own.patterns[i] = copy_of(own.patterns[i]);
    wanted = &own;
}

int log_change_items(const char *text, char error[LOG_ERROR])
{
    struct machine_log_config to, was;

    make_own();
    to = was = own;
    for (unsigned i = 0; i < ITEMS; i++)
        *item_of(&to, items[i].name, strlen(items[i].name)) = false;
    for (size_t size; *text; text += size + (text[size] == ',')) {
        bool *at;

        size = strcspn(text, ",");
        at = item_of(&to, text, size);
        if (at) {
            *at = true;
        } else if (size != 4 || strncmp(text, "none", 4)) {
            snprintf(error, LOG_ERROR, "there is no item `%.*s'; see log help",
                     (int)(size < 100 ? size : 100), text);
            return -1;
        }
    }
    if ((to.code.in_asm && !was.code.in_asm) || (to.code.exec && !was.code.exec) ||
        (to.code.cpu && !was.code.cpu)) {
        snprintf(error, LOG_ERROR,
                 "in_asm, exec, nochain and cpu want -d at the start: code that was "
                 "translated without them does not tell");
        return -1;
    }
    to.code = was.code;
    own = to;
    use(&own);
    return 0;
}

int log_change_pattern(const char *pattern, bool is_wanted, char error[LOG_ERROR])
{
    unsigned kept = 0;

    make_own();
    for (unsigned i = 0; i < own.pattern_count; i++)
        if (!is_wanted &&
            (matches(pattern, own.patterns[i]) || !strcmp(pattern, own.patterns[i])))
            free((void *)(uintptr_t)own.patterns[i]);
        else
            own.patterns[kept++] = own.patterns[i];
    own.pattern_count = kept;
    if (is_wanted && kept == LOG_PATTERNS) {
        snprintf(error, LOG_ERROR, "there are %u patterns already", LOG_PATTERNS);
        return -1;
    }
    if (is_wanted)
        own.patterns[own.pattern_count++] = copy_of(pattern);
    use(&own);
    return 0;
}
