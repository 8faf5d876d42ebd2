/* backing.h - where a machine's RAM is: memory of its own, a file, or a file without a
 * name that other processes may be given. */
#ifndef RHEA_SYS_BACKING_H
#define RHEA_SYS_BACKING_H

#include <stdbool.h>
#include <stdint.h>

struct board_memory;
struct bus;

/* What -object memory-backend-... says; a list. */
enum backing_kind { BACKING_RAM, BACKING_FILE, BACKING_MEMFD };
struct backing_config {
    struct backing_config *next;
    enum backing_kind kind;
    const char *id;
    const char *path; /* of BACKING_FILE: a file, or the folder for one without a name */
    uint64_t size_bytes; /* 0: as much as the machine has */
    bool is_shared;      /* what the guest writes is the file's */
    bool is_filled;      /* prealloc=on: it has all its memory from the start */
};

enum { BACKING_ERROR = 512 };
/* Puts the RAM that a board says onto the bus; `config` NULL: memory of its own.  0, or
 * -1 and why in `error`. */
int backing_add(const struct backing_config *config, struct bus *bus,
                const struct board_memory *memory, char error[BACKING_ERROR]);
void backing_end(struct bus *bus, const struct board_memory *memory);

#endif
