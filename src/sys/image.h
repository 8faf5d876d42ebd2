/* image.h - files that are loaded into a guest's memory. */
#ifndef RHEA_SYS_IMAGE_H
#define RHEA_SYS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bus;

/* A file in memory, unpacked if it is gzip'ed and `unpack`. */
struct image {
    const char *path;
    uint8_t *bytes;
    size_t size;
};
enum { IMAGE_ERROR = 256 };
/* 0, or -1 and `PATH: what is wrong`. */
int image_read(struct image *image, const char *path, bool unpack,
               char error[IMAGE_ERROR]);
void image_free(struct image *image);

bool image_is_elf(const struct image *image);
/* Where it lies in the guest afterwards. */
struct image_place {
    uint64_t start, end, entry;
};
/* Loads an ELF file at its physical addresses. */
int image_load_elf(const struct image *image, struct bus *bus, struct image_place *place,
                   char error[IMAGE_ERROR]);
int image_load_at(const struct image *image, struct bus *bus, uint64_t addr,
                  struct image_place *place, char error[IMAGE_ERROR]);

#endif
