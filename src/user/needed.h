/* needed.h - which files a program is loaded with, found as the guest's loader would. */
#ifndef RHEA_USER_NEEDED_H
#define RHEA_USER_NEEDED_H

#include "user/functions.h"

struct task;

/* An ELF file that is open. */
struct needed_file {
    char *path; /* the host's */
    int fd;
    uint64_t size, dev, ino;
    struct elf_source source;
    struct elf_image *image;
    struct elf_reader reader;
    char *runpath; /* where it wants its own to be looked for; or NULL */
    bool is_rpath; /* ... and those that these need */
    size_t parent; /* that needs it; its own number: none */
};

struct needed {
    struct task *task;
    struct needed_file **files;
    size_t count;
    size_t asked; /* of so many it is known what they need */
    void (*missing)(const char *name, const char *needed_by);
};

/* Adds a file by the host's path, if it is not there yet.  NULL, or what is wrong with
 * it. */
const char *needed_add(struct needed *needed, const char *path);
/* Adds all that those which are there need, and these need; again for later ones. */
void needed_add_all(struct needed *needed);
void needed_free(struct needed *needed);

#endif
