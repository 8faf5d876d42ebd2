/* gdb_riscv.c - RISC-V registers as gdb numbers them.
 *
 * Spec: gdb's riscv-tdep.h, "RISC-V Features" of its manual.  The numbers are also those
 * of DWARF up to f31. */
#include "user/linux/abi_riscv.h"

#include "debug/gdb.h"

/* clang-format off */
static const struct gdb_regs core[] = {
    { "x0", NULL, 1, 0, 0, 0, "int" },
    { "x1", NULL, 1, 1, 0, 0, "code_ptr" },
    { "x2", NULL, 3, 2, 0, 0, "data_ptr" },
    { "x5", NULL, 3, 5, 0, 0, "int" },
    { "x8", "fp", 1, 8, 0, 0, "data_ptr" },
    { "x9", NULL, 23, 9, 0, 0, "int" },
    { "pc", NULL, 1, 32, 0, 0, "code_ptr" },
    { NULL, NULL, 0, 0, 0, 0, NULL },
};

enum { FIRST_CSR = 65 };
static const struct gdb_regs fpu[] = {
    { "f0", NULL, 32, 33, 0, 0, "ieee_double" },
    { "fflags", "fflags", 1, FIRST_CSR + 1, 32, 0, "int" },
    { "frm", "frm", 1, FIRST_CSR + 2, 32, 0, "int" },
    { "fflags", "fcsr", 1, FIRST_CSR + 3, 32, 0, "int" },
    { "frm", "fcsr", 1, FIRST_CSR + 3, 32, 5, "int" },
    { NULL, NULL, 0, 0, 0, 0, NULL },
};
/* clang-format on */

static const struct gdb_feature features[] = {
    { "org.gnu.gdb.riscv.cpu", NULL, core },
    { "org.gnu.gdb.riscv.fpu", "F", fpu },
    { NULL, NULL, NULL },
};

const struct gdb_arch gdb_riscv64 = { "riscv:rv64", "GNU/Linux", features };
const struct gdb_arch gdb_riscv32 = { "riscv:rv32", "GNU/Linux", features };
