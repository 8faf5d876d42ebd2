/* part.h - what the kinds of monitors share: see monitor.c. */
#ifndef RHEA_SYS_MONITOR_PART_H
#define RHEA_SYS_MONITOR_PART_H

#include "dev/dev.h"
#include "sys/monitor/monitor.h"

/* ---------------------------------------------------------------------------- text */

/* Text that grows; all zero is an empty one.  Past TEXT_MAX nothing is added. */
enum { TEXT_MAX = 4 << 20 };
struct text {
    char *bytes; /* NULL, or ended by a 0 */
    size_t size, capacity;
};
void out_add(struct text *text, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void out_bytes(struct text *text, const void *bytes, size_t size);
void out_free(struct text *text);

/* ------------------------------------------------------------------------ monitors */

struct monitor;

struct monitor_kind {
    size_t size; /* of its struct, which begins with a struct monitor */
    void (*opened)(struct monitor *monitor);
    void (*feed)(struct monitor *monitor, uint8_t byte); /* not while it is busy */
    /* These may be NULL. */
    void (*focus)(struct monitor *monitor, bool has_it);
    void (*tell)(struct monitor *monitor, const struct monitor_event *event);
    void (*destroy)(struct monitor *monitor);
};
extern const struct monitor_kind monitor_human, monitor_qtest;
extern const struct monitor_kind *const monitor_control; /* NULL: not in this build */

enum { MONITOR_INPUT = 256 };

struct monitor {
    struct monitor *next;
    const struct monitor_kind *kind;
    const struct monitor_config *config;
    struct machine *machine;
    struct char_backend *line;
    struct text out; /* what the line has not taken */
    bool is_busy;    /* with a command that waits: input waits, too */
    bool is_pumping;
    bool is_left; /* whoever asked for that command has gone */
    uint8_t input[MONITOR_INPUT];
    size_t input_count;
    unsigned cpu; /* that it looks at */
};

/* Writes what is in `out`, as far as the line takes it. */
void monitor_flush(struct monitor *monitor);
/* It is busy until fn(monitor) has run: when all CPUs stand. */
void monitor_when_standing(struct monitor *monitor, void (*fn)(void *monitor));

/* ------------------------------------------------------------------------ commands */

/* A command of people. */
struct call {
    struct monitor *monitor;
    struct machine *machine;
    const char *rest; /* of the line: what is still to be read */
    struct text *out;
};

struct command {
    const char *names; /* the first is its own: `quit|q` */
    const char *arguments, *help;
    void (*run)(struct call *call);
    bool needs_standing; /* runs when all CPUs stand */
};
extern const struct command commands[], info_commands[]; /* end with NULLs */

/* The command that a line begins with, which is then behind it.  NULL: none is called
 * so, or more than one may be. */
const struct command *command_find(const struct command *table, const char **line);
/* Whether a line needs the CPUs to stand; and runs it, what it says goes to `out`. */
bool command_needs_standing(const char *line);
void command_run(struct monitor *monitor, const char *line, struct text *out);

/* The next word in `word`; false: there is none, or it is too long. */
enum { WORD = 1024 };
bool call_word(struct call *call, char word[WORD]);
/* A number or an expression: 0x80000000+8*2, $pc. */
bool call_number(struct call *call, uint64_t *value);
/* The rest is empty; otherwise it says so. */
bool call_ends(struct call *call);

/* The other files' rows of the tables. */
void info_mem(struct call *call);
void info_tlb(struct call *call);
void info_mtree(struct call *call);
void info_roms(struct call *call);
void info_ramblock(struct call *call);
void info_memory_size(struct call *call);
void info_numa(struct call *call);
void command_gpa2hva(struct call *call);
uint64_t memory_bytes(const struct machine *machine); /* of RAM */
void info_qtree(struct call *call);
void info_qom_tree(struct call *call);
void info_qdm(struct call *call);
void info_device(struct call *call);
void info_pic(struct call *call);
void info_pci(struct call *call);
void info_trace_events(struct call *call);
void command_log(struct call *call);
void command_logfile(struct call *call);
void command_trace_event(struct call *call);

/* memory.c */
void command_sum(struct call *call);
void command_x(struct call *call);
void command_xp(struct call *call);
void command_print(struct call *call);
void command_gva2gpa(struct call *call);
void command_memsave(struct call *call);
void command_pmemsave(struct call *call);
/* NULL, or what is wrong. */
const char *memory_save(struct machine *machine, int cpu, uint64_t addr, uint64_t size,
                        const char *path);

#endif
