/* image.c - kernels, firmware and initial disks: read, unpacked, and put into memory. */
#include "sys/image.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/report.h"
#include "sys/bus.h"

enum { CHUNK = 1 << 20 };
#define MAX_IMAGE (UINT64_C(1) << 32) /* bytes; also of an unpacked one */

/* ----------------------------------------------------------------------- reading */

static void grow(uint8_t **bytes, size_t *capacity, size_t size)
{
    if (size <= *capacity)
        return;
    *capacity = size > 2 * *capacity ? size : 2 * *capacity;
    *bytes = realloc(*bytes, *capacity);
    if (!*bytes)
        die("out of memory");
}

static int read_all(struct image *image, const char *path, char error[IMAGE_ERROR])
{
    FILE *file = fopen(path, "rb");
    size_t capacity = 0, got;

    if (!file) {
        snprintf(error, IMAGE_ERROR, "%s: %s", path, strerror(errno));
        return -1;
    }
    do {
        grow(&image->bytes, &capacity, image->size + CHUNK);
        got = fread(image->bytes + image->size, 1, CHUNK, file);
        image->size += got;
    } while (got == CHUNK && image->size < MAX_IMAGE);
    got = ferror(file);
    fclose(file);
    if (!got && image->size && image->size < MAX_IMAGE)
        return 0;
    snprintf(error, IMAGE_ERROR, "%s: %s", path,
             image->size ? "too large, or it cannot be read" : "empty, or not a file");
    return -1;
}

static bool is_gzip(const struct image *image)
{
    return image->size > 18 && image->bytes[0] == 0x1f && image->bytes[1] == 0x8b;
}

/* Replaces the bytes by what they unpack to. */
static int unpack_gzip(struct image *image, char error[IMAGE_ERROR])
{
    z_stream stream = { 0 };
    size_t capacity = 0, size = 0;
    uint8_t *bytes = NULL;
    int result = inflateInit2(&stream, 15 + 16); /* largest window; gzip's header */

    stream.next_in = image->bytes;
    stream.avail_in = (uInt)image->size; /* below 4 GiB: read_all */
    while (result == Z_OK && size < MAX_IMAGE - CHUNK) {
        grow(&bytes, &capacity, size + CHUNK);
        stream.next_out = bytes + size;
        stream.avail_out = CHUNK;
        result = inflate(&stream, Z_NO_FLUSH);
        size += CHUNK - stream.avail_out;
    }
    inflateEnd(&stream);
    if (result != Z_STREAM_END) {
        snprintf(error, IMAGE_ERROR, "%s: a gzip file that is damaged or cut off",
                 image->path);
        free(bytes);
        return -1;
    }
    free(image->bytes);
    image->bytes = bytes;
    image->size = size;
    return 0;
}

int image_read(struct image *image, const char *path, bool unpack,
               char error[IMAGE_ERROR])
{
    *image = (struct image){ .path = path };
    if (read_all(image, path, error) == 0 &&
        (!unpack || !is_gzip(image) || unpack_gzip(image, error) == 0))
        return 0;
    image_free(image);
    return -1;
}

void image_free(struct image *image)
{
    free(image->bytes);
    image->bytes = NULL;
    image->size = 0;
}

/* --------------------------------------------------------------------------- ELF */

enum { CLASS_32 = 1, CLASS_64 = 2, LITTLE = 1, LOAD = 1 };

bool image_is_elf(const struct image *image)
{
    return image->size >= 52 && !memcmp(image->bytes, "\177ELF", 4);
}

static uint64_t number(const struct image *image, size_t at, unsigned size)
{
    bool is_little = image->bytes[5] == LITTLE;
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value = value << 8 | image->bytes[at + (is_little ? size - 1 - i : i)];
    return value;
}

struct segment {
    uint64_t type, offset, vaddr, paddr, file_size, memory_size;
};

static struct segment read_segment(const struct image *image, size_t at)
{
    bool is_64 = image->bytes[4] == CLASS_64;
    unsigned size = is_64 ? 8 : 4;
    size_t from = at + (is_64 ? 8 : 4);

    return (struct segment){ .type = number(image, at, 4),
                             .offset = number(image, from, size),
                             .vaddr = number(image, from + size, size),
                             .paddr = number(image, from + 2 * size, size),
                             .file_size = number(image, from + 3 * size, size),
                             .memory_size = number(image, from + 4 * size, size) };
}

static int elf_error(const struct image *image, char error[IMAGE_ERROR], const char *what)
{
    snprintf(error, IMAGE_ERROR, "%s: %s", image->path, what);
    return -1;
}

static int load_segment(const struct image *image, struct bus *bus,
                        const struct segment *segment, struct image_place *place,
                        char error[IMAGE_ERROR])
{
    static const uint8_t zeros[4096];
    uint64_t at = segment->paddr, end = segment->paddr + segment->memory_size;

    /* Linkers like to load the file's own headers in front of the code: where there is no
     * memory they are left out. */
    if (segment->offset == 0 && !bus_memory_end(bus, at)) {
        uint64_t skip = bus_next_memory(bus, at) - at;

        if (skip < segment->file_size) {
            struct segment rest = *segment;

            rest.offset += skip;
            rest.paddr += skip;
            rest.file_size -= skip;
            rest.memory_size -= skip;
            return load_segment(image, bus, &rest, place, error);
        }
    }
    if (segment->offset > image->size ||
        segment->file_size > image->size - segment->offset ||
        segment->memory_size < segment->file_size || end < at)
        return elf_error(image, error, "an ELF segment is not in the file");
    if (end > bus_memory_end(bus, at) ||
        !bus_load(bus, at, image->bytes + segment->offset, segment->file_size)) {
        snprintf(error, IMAGE_ERROR, "%s: 0x%llx-0x%llx is not in the machine's memory",
                 image->path, (unsigned long long)at, (unsigned long long)end - 1);
        return -1;
    }
    for (at += segment->file_size; at < end;) {
        uint64_t part = end - at < sizeof(zeros) ? end - at : sizeof(zeros);

        bus_load(bus, at, zeros, part);
        at += part;
    }
    if (segment->paddr < place->start)
        place->start = segment->paddr;
    if (end > place->end)
        place->end = end;
    return 0;
}

int image_load_elf(const struct image *image, struct bus *bus, struct image_place *place,
                   char error[IMAGE_ERROR])
{
    bool is_64 = image->bytes[4] == CLASS_64;
    size_t header = is_64 ? 56 : 32;
    uint64_t table, count, entry;

    if ((is_64 && image->size < 64) || (!is_64 && image->bytes[4] != CLASS_32))
        return elf_error(image, error, "an ELF file of neither 32 nor 64 bits");
    entry = number(image, 24, is_64 ? 8 : 4);
    table = number(image, is_64 ? 32 : 28, is_64 ? 8 : 4);
    count = number(image, is_64 ? 56 : 44, 2);
    if (number(image, is_64 ? 54 : 42, 2) != header || table > image->size ||
        count > (image->size - table) / header)
        return elf_error(image, error, "its ELF program headers are not in the file");
    *place = (struct image_place){ UINT64_MAX, 0, entry };
    for (uint64_t i = 0; i < count; i++) {
        struct segment segment = read_segment(image, (size_t)(table + i * header));

        if (segment.type != LOAD || !segment.memory_size)
            continue;
        /* The entry is a virtual address: it moves with its segment. */
        if (entry - segment.vaddr < segment.memory_size)
            place->entry = entry - segment.vaddr + segment.paddr;
        if (load_segment(image, bus, &segment, place, error) < 0)
            return -1;
    }
    if (!place->end)
        return elf_error(image, error, "an ELF file with nothing to load");
    return 0;
}

int image_load_at(const struct image *image, struct bus *bus, uint64_t addr,
                  struct image_place *place, char error[IMAGE_ERROR])
{
    *place = (struct image_place){ addr, addr + image->size, addr };
    if (place->end <= bus_memory_end(bus, addr) &&
        bus_load(bus, addr, image->bytes, image->size))
        return 0;
    snprintf(error, IMAGE_ERROR,
             "%s: %zu bytes at 0x%llx do not fit into the machine's memory; see -m",
             image->path, image->size, (unsigned long long)addr);
    return -1;
}
