/* fdt.h - the device tree that a guest gets: made from its board. */
#ifndef RHEA_SYS_FDT_H
#define RHEA_SYS_FDT_H

#include <stddef.h>
#include <stdint.h>

#include "sys/board.h"

/* What only the command line and the loader know. */
struct fdt_boot {
    const char *command_line;              /* NULL: none */
    uint64_t initrd_start, initrd_end;     /* equal: none */
    uint64_t reserved_start, reserved_end; /* memory that is the firmware's; the same */
    uint8_t seed[32];                      /* for the guest's random numbers */
};

/* A device tree blob; free() it.  NULL: `error` says why. */
void *fdt_of_board(struct board *board, const struct fdt_boot *boot, size_t *size,
                   char error[BOARD_ERROR]);
/* Puts the same into the user's own tree: a larger copy.  NULL: it is no device tree. */
void *fdt_with_boot(const void *blob, size_t blob_size, const struct fdt_boot *boot,
                    size_t *size, char error[BOARD_ERROR]);

#endif
