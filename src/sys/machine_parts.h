/* machine_parts.h - what a machine is made of: machine.c makes it, machine_run.c runs it.
 */
#ifndef RHEA_SYS_MACHINE_PARTS_H
#define RHEA_SYS_MACHINE_PARTS_H

#include "dev/dev.h"
#include "sys/drives.h"
#include "sys/machine.h"

struct machine_call;

struct part {
    struct dev *dev;
    struct board_device *board; /* NULL: it came with the next part */
};

struct machine {
    struct machine_config config;
    struct board *board;
    const struct isa *isa;
    struct bus *bus;
    struct guest_clock *clock;
    struct icount *icount; /* or NULL */
    struct loop *loop;
    struct power power;
    struct chardevs *chardevs;
    struct char_backend *serials[MACHINE_SERIALS];
    struct semihosting *semihosting; /* or NULL */
    struct drives *drives;
    struct nets *nets;
    struct part *parts;
    size_t part_count;
    struct vcpu **cpus;
    void *tree;
    size_t tree_size;
    uint8_t seed[32];
    /* What somebody asked for, under the bus lock; the loop has been stopped. */
    bool wants_off, wants_reset, wants_pause;
    const char *cause; /* of an end or a reset, as QMP has it */
    const char *paused_as;
    struct machine_call *calls; /* when all stands */
    bool is_paused;
    bool is_ending;            /* it is being taken apart */
    const char *state;         /* as QMP has it */
    struct debugger *debugger; /* or NULL */
    struct monitors *monitors;
    int status;
};

void machine_make_semihosting(struct machine *machine); /* if it is on */

/* Says what is wrong at a place of the board's file. */
_Noreturn void board_die(struct board_place place, const char *what);
void machine_make_devices(struct machine *machine);

/* What others ask of it: a device, a CPU that met a break, the keys of a terminal. */
void machine_power(struct power *power, enum power_event event, int status);
void machine_halted(void *machine);
void machine_user_quits(void *machine);
void machine_drive_failed(void *machine, const struct drive_failure *failure);

#endif
