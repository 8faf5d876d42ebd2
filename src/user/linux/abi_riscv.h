/* abi_riscv.h - the ABIs of abi_riscv.c. */
#ifndef RHEA_USER_LINUX_ABI_RISCV_H
#define RHEA_USER_LINUX_ABI_RISCV_H

#include "user/linux/abi.h"

extern const struct abi abi_riscv64, abi_riscv32;

#endif
