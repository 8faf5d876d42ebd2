/* firmware.h - rhea's own firmware, assembled when rhea is built: firmware/. */
#ifndef RHEA_SYS_FIRMWARE_H
#define RHEA_SYS_FIRMWARE_H

/* firmware/riscv-sbi.S, for each width of registers. */
extern const unsigned char riscv_sbi64[], riscv_sbi32[];
extern const unsigned long riscv_sbi64_size, riscv_sbi32_size;

#endif
