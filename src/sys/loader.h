/* loader.h - what -device loader puts into a machine at each reset: a file, a number, the
 * address that a CPU begins at. */
#ifndef RHEA_SYS_LOADER_H
#define RHEA_SYS_LOADER_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

/* One of them; a list, in the order of the command line. */
struct loader_config {
    struct loader_config *next;
    const char *file; /* ELF, or anything else at `addr`; NULL: none */
    bool is_raw;      /* anything else, whatever it looks like */
    bool has_addr, has_cpu, has_data, is_big;
    uint64_t addr;
    uint64_t cpu; /* whose pc becomes the file's entry, or addr */
    uint64_t data;
    uint64_t data_size; /* in bytes: 1 to 8 */
};

/* CPUs are stopped, in reset.  die()s of what is wrong. */
void loader_run(struct machine *machine, const struct loader_config *configs);

#endif
