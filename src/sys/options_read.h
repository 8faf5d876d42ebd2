/* options_read.h - what the files that read the command line share: options_*.c, each the
 * options of one area, in a table of its own. */
#ifndef RHEA_SYS_OPTIONS_READ_H
#define RHEA_SYS_OPTIONS_READ_H

#include "base/arena.h"
#include "sys/monitor/monitor.h"
#include "sys/options.h"

/* What has been read so far. */
struct reading {
    struct options *options;
    const char *machine; /* what -M says */
    const char *isa;
    struct board_setting *board_options;
    struct drive_config *drives, **last_drive;
    struct board_device *plugs, **last_plug;
    unsigned drive_count, plug_count;
    bool is_snapshot;
    struct backing_config *backings, *own_backing;
    const char *memory_backend; /* of -M */
    struct net_config *nets, **last_net;
    struct net_dump_config *net_dumps;
    unsigned net_count;
    struct chardev_config *chardevs, **last_chardev;
    struct monitor_config *monitors, **last_monitor;
    unsigned serials, monitor_count;
    bool has_monitor, has_serial, is_nographic, has_no_display;
    const char *accel; /* what -accel says, or NULL */
    bool has_seed, has_log;
    struct kept_option **last_kept;
    struct kept_option keep; /* of the option that is read: word NULL: nothing */
};

/* A row of an area's table, which ends with a row of NULLs. */
struct option {
    const char *word;
    const char *argument; /* NULL: none */
    void (*take)(struct reading *reading, const char *argument);
    const char *help; /* NULL: not in --help (another spelling) */
};
extern const struct option machine_options[], console_options[], disk_options[],
    net_options[], device_options[], object_options[], time_options[], log_options[],
    monitor_options[], semihosting_options[];

extern struct arena options_arena; /* what the command line says stays */

/* Splits `a,b=c`: the next part of *text, which is then behind its comma.  `,,` is a
 * comma. */
char *next_part(const char **text);
/* Splits `name=value`: the value; without one it is `on`. */
const char *split_value(char *part);
/* Behind all that are there: of two of one name the last one counts. */
void add_setting(struct board_setting **settings, const char *name, const char *value);
/* An id=; die()s of what is none. */
const char *taken_id(const char *option, const char *id);
bool is_help(const char *text);
/* Of on and off; dies of any other. */
bool value_is_on(const char *option, const char *name, const char *value);
/* Takes `none` and `null`; any other is not supported. */
void take_none(struct reading *reading, const char *argument);

/* For options that a board's file says. */
void keep_nothing(struct reading *reading);

/* A further device, by the name of its class; and what it is told. */
struct board_device *new_plug(struct reading *reading, const char *class);
void plug_setting(struct board_device *plug, const char *name, const char *value);

/* -fw_cfg */
void take_fw_cfg(struct reading *reading, const char *argument);

/* -device loader */
void take_loader(struct reading *reading, const char *argument);

/* -object: of kind `name`. */
void take_filter_dump(struct reading *reading, const char *name, const char *argument);

/* The memory is what -object and its like say. */
void finish_memory(struct reading *reading);
/* A drive that no -device is named for gets one; -snapshot is for all. */
void finish_drives(struct reading *reading);
/* -icount alone makes every run the same. */
void finish_time(struct reading *reading);
void finish_log(const struct reading *reading);

/* A character device as -serial and its like say it, by the name `id`: its name, which is
 * another one for `chardev:ID`; NULL for `none`. */
const char *chardev_in_short(struct reading *reading, const char *option,
                             const char *text, const char *id);
/* A monitor on the line that is called so; and one for people as -monitor says it. */
void new_monitor(struct reading *reading, const char *from, const char *chardev,
                 enum monitor_mode mode);
void take_monitor(struct reading *reading, const char *argument);
/* The terminal is the serial line, unless something was said of them. */
void finish_consoles(struct reading *reading);

#endif
