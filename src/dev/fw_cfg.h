/* fw_cfg.h - what a machine tells its firmware: items that it puts into a device of class
 * `fw-cfg-mmio`, and that guests only read. */
#ifndef RHEA_DEV_FW_CFG_H
#define RHEA_DEV_FW_CFG_H

#include "dev/dev.h"

/* Items without a name.  Numbers in them are little-endian. */
enum fw_cfg_key {
    FW_CFG_SIGNATURE = 0x00, /* the first two, and the directory, are the device's own */
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,      /* 16 bytes, in the order in which they are written */
    FW_CFG_NOGRAPHIC = 0x04, /* 2 bytes */
    FW_CFG_NB_CPUS = 0x05,   /* 2 bytes */
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_SIZE = 0x0b, /* these sizes: 4 bytes */
    FW_CFG_BOOT_MENU = 0x0e,   /* 2 bytes */
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15, /* with its 0 */
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20, /* files, in the order of their names */
};
enum { FW_CFG_FILES = 64, FW_CFG_NAME = 56 }; /* the longest name, and its 0 */

extern const struct dev_class fw_cfg_mmio;

/* Puts an item there, in place of one with that key, or name.  `bytes` (from malloc(), at
 * most 4 GiB - 1) are the device's from now on.  No CPU runs.  Of files: 0, or -1: there
 * is no room for another one, or its name is empty or too long; the bytes are freed. */
void fw_cfg_put(struct dev *dev, enum fw_cfg_key key, void *bytes, size_t size);
int fw_cfg_put_file(struct dev *dev, const char *name, void *bytes, size_t size);

#endif
