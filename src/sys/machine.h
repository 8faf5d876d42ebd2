/* machine.h - a whole machine: a board, made real.
 *
 * The thread that calls machine_run() is the device thread; every CPU has one of its
 * own. */
#ifndef RHEA_SYS_MACHINE_H
#define RHEA_SYS_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/board.h"
#include "sys/char/chardev.h"
#include "sys/debugger.h"
#include "sys/icount.h"
#include "sys/semihosting/semihosting.h"

struct bus;
struct fdt_boot;
struct loop;
struct machine;
struct vcpu;

enum { MACHINE_SERIALS = 4, MACHINE_FLASHES = 2 };

/* -rtc */
struct rtc_config {
    bool is_set;
    uint64_t wall_ns; /* what the guest's wall clocks begin with */
    bool is_guest;    /* they go with guest time, not with the host's clock */
};

struct machine_config {
    const char *board_path;
    struct board_choices choices;
    const struct backing_config *backing; /* of its RAM (backing.h); NULL: none */
    const char *cpu_model;                /* NULL: the board's */
    const struct engine *engine;          /* NULL: the fastest */
    /* Files; NULL: none.  `bios`: "none", or NULL for the board's own. */
    const char *kernel, *initrd, *command_line, *dtb, *bios;
    const struct drive_config *drives;    /* see drives.h */
    const char *flashes[MACHINE_FLASHES]; /* ids of drives; NULL: none */
    const struct net_config *nets;        /* see net/net.h */
    const struct net_dump_config *net_dumps;
    const struct board_device *plugs;      /* of -device: they have no place */
    struct loader_config *loaders;         /* see loader.h */
    struct fw_cfg_config *fw_items;        /* see fw_items.h */
    const struct chardev_config *chardevs; /* see char/chardev.h */
    const char *serials[MACHINE_SERIALS];  /* names of chardevs; NULL: nothing there */
    const struct monitor_config *monitors; /* see monitor/monitor.h */
    const char *name, *uuid;               /* for monitors; NULL: none */
    bool no_reboot;                        /* a reset ends it */
    bool no_shutdown;                      /* when the guest has ended, it is paused */
    bool is_qtest;                         /* no CPU runs, time is the test's */
    const char *gdb; /* where a debugger may connect (debugger.h), or NULL */
    bool is_stopped; /* it does not run before somebody says so */
    struct icount_config icount;
    struct rtc_config rtc;
    struct semihosting_config semihosting;
};

/* Reads the board, makes everything, loads the images; die()s of what is wrong, which is
 * always the user's. */
struct machine *machine_new(const struct machine_config *config);
void machine_free(struct machine *machine);

/* Until it is switched off: its exit status. */
int machine_run(struct machine *machine);
void machine_dump_tree(struct machine *machine, const char *path); /* or die()s */

/* These are the device thread's.  All CPUs, and the clock, stop soon. */
void machine_pause(struct machine *machine);
void machine_resume(struct machine *machine);
bool machine_is_paused(const struct machine *machine); /* and all has stopped */
const char *
machine_state(const struct machine *machine); /* as QMP's query-status has it */
void machine_quit(struct machine *machine);
void machine_reset(struct machine *machine);
/* Calls fn(context) when all CPUs and the clock stand: now, or soon; then they go on,
 * unless fn() paused it. */
void machine_call(struct machine *machine, void (*fn)(void *context), void *context);
/* Where a debugger may connect from now on; NULL: nowhere.  -1: `error` says why not. */
int machine_debug(struct machine *machine, const char *where, char error[DEBUGGER_ERROR]);
/* Why machine_resume() must not be called now; NULL: it may. */
const char *machine_cannot_go_on(const struct machine *machine);

/* For what loads and starts it (boot.h), and looks at it. */
struct loop *machine_loop(const struct machine *machine);
struct bus *machine_bus(const struct machine *machine);
struct board *machine_board(const struct machine *machine);
const struct machine_config *machine_config(const struct machine *machine);
unsigned machine_bits(const struct machine *machine); /* of a register of its CPUs */
struct vcpu *machine_cpu(const struct machine *machine, unsigned number);
struct dev *machine_dev(const struct machine *machine, size_t number); /* NULL: no more */
struct dev *machine_find_dev(const struct machine *machine, const char *name);
struct chardevs *machine_chardevs(const struct machine *machine);
struct drives *machine_drives(const struct machine *machine);
struct nets *machine_nets(const struct machine *machine);
struct guest_clock *machine_clock(const struct machine *machine);
/* The tree that the guest gets; the machine's.  Of `boot`, what the loader knows is
 * there, the rest is filled in. */
const void *machine_make_tree(struct machine *machine, struct fdt_boot *boot,
                              size_t *size);

#endif
