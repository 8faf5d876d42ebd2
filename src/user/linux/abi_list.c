/* abi_list.c - the guests that `rhea run` knows: one line each. */
#include "user/linux/abi_riscv.h"

const struct abi *const abi_list[] = {
    &abi_riscv64,
    &abi_riscv32,
    NULL,
};

const struct abi *abi_find(uint16_t elf_machine, unsigned bits, bool big)
{
    for (const struct abi *const *abi = abi_list; *abi; abi++)
        if ((*abi)->elf_machine == elf_machine && (*abi)->bits == bits &&
            (*abi)->big == big)
            return *abi;
    return NULL;
}
