/* options_disk.c - disks. */
#include <string.h>

#include "base/arena.h"
#include "base/report.h"
#include "sys/block/block.h"
#include "sys/board.h"
#include "sys/drives.h"
#include "sys/options_read.h"

static void set_flag(struct drive_config *drive, unsigned flag, bool is_set)
{
    drive->flags = is_set ? drive->flags | flag : drive->flags & ~flag;
}

/* What a drive may be told, and what comes of it. */
static const struct drive_word {
    const char *name, *value;
    unsigned set, clear; /* of its flags */
} drive_words[] = {
    { "snapshot", "on", DISK_SNAPSHOT, 0 },
    { "snapshot", "off", 0, DISK_SNAPSHOT },
    { "readonly", "on", 0, DISK_WRITABLE },
    { "readonly", "off", DISK_WRITABLE, 0 },
    { "read-only", "on", 0, DISK_WRITABLE },
    { "read-only", "off", DISK_WRITABLE, 0 },
    { "discard", "unmap", DISK_UNMAP, 0 },
    { "discard", "ignore", 0, DISK_UNMAP },
    { "cache", "unsafe", DISK_UNSAFE, 0 },
    { "cache", "writeback", 0, DISK_UNSAFE },
    { "media", "disk", 0, 0 },
    { "if", "virtio", 0, 0 },
};

static void take_drive_word(struct drive_config *drive, const char *name,
                            const char *value)
{
    for (size_t i = 0; i < sizeof(drive_words) / sizeof(*drive_words); i++) {
        const struct drive_word *word = &drive_words[i];

        if (strcmp(word->name, name) || strcmp(word->value, value))
            continue;
        set_flag(drive, word->set, true);
        set_flag(drive, word->clear, false);
        return;
    }
    die("-drive: %s=%s is not supported", name, value);
}

/* werror= and rerror= */
static void take_reaction(struct drive_config *drive, const char *name, const char *value)
{
    bool is_read = *name == 'r';

    if (!block_reaction_named(value, is_read,
                              is_read ? &drive->read_error : &drive->write_error))
        die("-drive: %s=%s: want report, ignore%s", name, value,
            is_read ? " or stop" : ", stop or enospc");
}

static void take_drive_part(struct drive_config *drive, const char *name,
                            const char *value)
{
    uint64_t unit;

    if (!strcmp(name, "file"))
        drive->file = value;
    else if (!strcmp(name, "id"))
        drive->id = taken_id("-drive", value);
    else if (!strcmp(name, "format"))
        drive->format = value;
    else if (!strcmp(name, "serial"))
        drive->serial = value;
    else if (!strcmp(name, "werror") || !strcmp(name, "rerror"))
        take_reaction(drive, name, value);
    else if (!strcmp(name, "if") && !strcmp(value, "none"))
        drive->is_plugged = false;
    else if (!strcmp(name, "if") && !strcmp(value, "pflash"))
        drive->is_flash = !(drive->is_plugged = false);
    else if (!strcmp(name, "unit") && board_number(value, &unit) &&
             unit < MACHINE_FLASHES)
        drive->unit = (unsigned)unit;
    else
        take_drive_word(drive, name, value);
}

static struct drive_config *new_drive(struct reading *reading)
{
    struct drive_config *drive = arena_alloc(&options_arena, sizeof(*drive));

    *drive = (struct drive_config){ .flags = DISK_WRITABLE,
                                    .write_error = BLOCK_ENOSPC,
                                    .is_plugged = true,
                                    .unit = DRIVE_UNIT,
                                    .id = arena_printf(&options_arena, "drive%u",
                                                       reading->drive_count++) };
    *reading->last_drive = drive;
    reading->last_drive = &drive->next;
    return drive;
}

static void take_pflash(struct reading *reading, const char *argument)
{
    struct drive_config *drive = new_drive(reading);

    drive->file = argument;
    drive->format = "raw";
    drive->is_flash = true;
    drive->is_plugged = false;
}

static void take_drive(struct reading *reading, const char *argument)
{
    struct drive_config *drive = new_drive(reading);
    const char *all = argument;

    while (*argument) {
        char *part = next_part(&argument);
        const char *value = split_value(part);

        take_drive_part(drive, part, value);
    }
    if (drive->is_plugged) /* its device is of the board */
        reading->keep.argument =
            arena_printf(&options_arena, "%s,if=none,id=%s", all, drive->id);
    if (!drive->file)
        die("-drive wants file=FILE");
}

static void take_snapshot(struct reading *reading, const char *argument)
{
    (void)argument;
    reading->is_snapshot = true;
}

static void finish_flash(struct reading *reading, const struct drive_config *drive)
{
    const char **flashes = reading->options->machine.flashes;
    unsigned unit = drive->unit;

    if (unit == DRIVE_UNIT)
        for (unit = 0; unit < MACHINE_FLASHES - 1 && flashes[unit];)
            unit++;
    if (flashes[unit])
        die("-drive if=pflash,unit=%u: there is one already", unit);
    flashes[unit] = drive->id;
}

/* A drive that no -device is named for gets one; -snapshot is for all. */
void finish_drives(struct reading *reading)
{
    for (struct drive_config *d = reading->drives; d; d = d->next) {
        set_flag(d, DISK_SNAPSHOT, (d->flags & DISK_SNAPSHOT) || reading->is_snapshot);
        if (d->is_flash)
            finish_flash(reading, d);
        if (d->is_plugged)
            plug_setting(new_plug(reading, "virtio-blk"), "drive", d->id);
    }
    reading->options->machine.drives = reading->drives;
}

const struct option disk_options[] = {
    { "drive", "file=FILE[,...]", take_drive,
      "a disk: format=, id=, if=virtio|none|pflash, unit=, readonly=, snapshot=, "
      "discard=unmap, werror=, rerror=" },
    { "pflash", "FILE", take_pflash,
      "the same as -drive if=pflash,format=raw,file=FILE" },
    { "snapshot", NULL, take_snapshot, "no disk keeps what is written" },
    { NULL, NULL, NULL, NULL },
};
