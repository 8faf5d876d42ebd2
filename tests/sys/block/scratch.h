/* scratch.h - what the tests of images share: a folder, random numbers, a check. */
#ifndef RHEA_TESTS_SCRATCH_H
#define RHEA_TESTS_SCRATCH_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/block/block.h"

static char scratch_folder[] = "/tmp/rhea-block-XXXXXX";
static uint64_t scratch_state = 88172645463325252u;

static inline uint64_t scratch_random(uint64_t below)
{
    scratch_state ^= scratch_state << 13;
    scratch_state ^= scratch_state >> 7;
    scratch_state ^= scratch_state << 17;
    return (scratch_state >> 8) % below;
}

static inline void scratch_make(void)
{
    strcpy(scratch_folder + strlen(scratch_folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch_folder));
}

static inline void scratch_remove(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -rf %s", scratch_folder);
    ck_assert_int_eq(system(command), 0);
}

/* A path in the folder, good until the fourth call after this one. */
static inline const char *scratch(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", scratch_folder, name);
    return path;
}

static inline struct disk_image *open_image(const char *path, unsigned flags)
{
    char error[DISK_ERROR];
    struct disk_image *image = disk_open(path, NULL, flags, error);

    if (!image)
        ck_abort_msg("%s", error);
    return image;
}

static inline void create_image(const char *path, const char *format,
                                const struct disk_create *options)
{
    char error[DISK_ERROR];

    if (disk_create(path, format, options, error))
        ck_abort_msg("%s", error);
}

static inline void print_finding(const char *line)
{
    if (strncmp(line, "Leaked", 6) != 0)
        fprintf(stderr, "%s\n", line);
}

/* Neither corruptions nor leaks. */
static inline void check_clean(const char *path)
{
    struct disk_image *image = open_image(path, DISK_CHECK);
    struct disk_check check = { .report = print_finding };

    ck_assert_int_eq(disk_check(image, DISK_REPAIR_NOTHING, &check), 0);
    ck_assert_uint_eq(check.corruptions, 0);
    ck_assert_uint_eq(check.leaks, 0);
    ck_assert_int_eq(disk_close(image), 0);
}

#endif
