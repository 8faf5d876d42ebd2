/* boot.h - puts firmware, kernel and what they need into a machine that is about to
 * start: one way for each `boot` word of boards. */
#ifndef RHEA_SYS_BOOT_H
#define RHEA_SYS_BOOT_H

struct board;
struct machine;

/* At every reset; CPUs are stopped, in reset.  die()s of files that are wrong. */
void boot_load(struct machine *machine);

/* A setting of the board's `boot` block, the nth of that name; NULL: there is none. */
const char *boot_setting(const struct board *board, const char *name, unsigned nth);

void boot_riscv_sbi(struct machine *machine);

#endif
