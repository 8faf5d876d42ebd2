/* fw_items.h - what a machine tells its firmware, by the board's device of class
 * `fw-cfg-mmio`. */
#ifndef RHEA_SYS_FW_ITEMS_H
#define RHEA_SYS_FW_ITEMS_H

struct machine;

/* What -fw_cfg says; a list. */
struct fw_cfg_config {
    struct fw_cfg_config *next;
    const char *name;
    const char *file, *text; /* one of them; the text without its 0 */
};

/* At making: what all firmware gets, and -fw_cfg's.  These die() of what is wrong. */
void fw_items_make(struct machine *machine);
/* Kernel, initial disk and command line, for firmware that starts them. */
void fw_items_offer_kernel(struct machine *machine);

#endif
