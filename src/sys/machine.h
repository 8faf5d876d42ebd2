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
#include "sys/icount.h"

struct bus;
struct fdt_boot;
struct loop;
struct machine;
struct vcpu;

enum { MACHINE_SERIALS = 4 };

/* What -device says: a device that is plugged into the board; a list. */
struct machine_plug {
    struct machine_plug *next;
    const char *class, *name;
    struct board_setting *settings;
};

/* -rtc */
struct rtc_config {
    bool is_set;
    uint64_t wall_ns; /* what the guest's wall clocks begin with */
    bool is_guest;    /* they go with guest time, not with the host's clock */
};

struct machine_config {
    const char *board_path;
    struct board_choices choices;
    const char *cpu_model;       /* NULL: the board's */
    const struct engine *engine; /* NULL: the fastest */
    /* Files; NULL: none.  `bios`: "none", or NULL for the board's own. */
    const char *kernel, *initrd, *command_line, *dtb, *bios;
    const struct drive_config *drives; /* see drives.h */
    const struct net_config *nets;     /* see net/net.h */
    const struct net_dump_config *net_dumps;
    const struct machine_plug *plugs;
    struct loader_config *loaders;         /* see loader.h */
    const struct chardev_config *chardevs; /* see char/chardev.h */
    const char *serials[MACHINE_SERIALS];  /* names of chardevs; NULL: nothing there */
    bool no_reboot;                        /* a reset ends it */
    const char *gdb; /* where a debugger may connect (debugger.h), or NULL */
    bool is_stopped; /* it does not run before somebody says so */
    struct icount_config icount;
    struct rtc_config rtc;
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
void machine_quit(struct machine *machine);

/* For what loads and starts it (boot.h), and looks at it. */
struct loop *machine_loop(const struct machine *machine);
struct bus *machine_bus(const struct machine *machine);
struct board *machine_board(const struct machine *machine);
const struct machine_config *machine_config(const struct machine *machine);
unsigned machine_bits(const struct machine *machine); /* of a register of its CPUs */
struct vcpu *machine_cpu(const struct machine *machine, unsigned number);
/* The tree that the guest gets; the machine's.  Of `boot`, what the loader knows is
 * there, the rest is filled in. */
const void *machine_make_tree(struct machine *machine, struct fdt_boot *boot,
                              size_t *size);

#endif
