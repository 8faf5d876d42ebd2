/* elf_map.c - mapping a parsed ELF file into guest memory, as Linux does. */
#include <stdio.h>
#include <string.h>

#include "isa/space.h"
#include "user/elf.h"

/* Zeroes the rest of the last file page of a segment (all of it: Linux does, and ld.so
 * allocates from there), and maps what follows. */
static int64_t map_bss(struct space *space, const struct elf_segment *segment,
                       uint64_t bias)
{
    static uint8_t zeros[4096]; /* never written; const ones would lie in the file */
    uint64_t page = space_page(space);
    uint64_t at = bias + segment->vaddr + segment->filesz;
    uint64_t end = bias + segment->vaddr + segment->memsz;
    uint64_t next = segment->filesz ? (at + page - 1) & ~(page - 1) : at & ~(page - 1);

    /* Read-only segments keep the file's bytes there, as under Linux. */
    while (at < next && (segment->prot & SPACE_WRITE)) {
        size_t piece = next - at < sizeof(zeros) ? (size_t)(next - at) : sizeof(zeros);

        if (space_write(space, at, zeros, piece, NULL) < 0)
            return -1;
        at += piece;
    }
    if (next >= end)
        return 0;
    return space_map(space, next, end - next, segment->prot, SPACE_FIXED, false, -1, 0);
}

static int64_t map_segment(struct space *space, const struct elf_segment *segment, int fd,
                           uint64_t bias)
{
    uint64_t page = space_page(space);
    uint64_t skew = segment->vaddr % page;
    int64_t got = 0;

    if (segment->filesz)
        got = space_map(space, bias + segment->vaddr - skew, segment->filesz + skew,
                        segment->prot, SPACE_FIXED, false, fd, segment->offset - skew);
    if (got >= 0 && segment->memsz > segment->filesz)
        got = map_bss(space, segment, bias);
    return got;
}

/* Finds (ET_DYN) or checks (ET_EXEC) the place of the whole image. */
static int64_t find_place(struct space *space, const struct elf_image *image,
                          uint64_t hint)
{
    uint64_t size = image->high - image->low;
    uint64_t slack = image->align > space_page(space) ? image->align : 0;
    struct space_area area;
    int64_t got;

    if (image->type == ELF_EXEC)
        return space_next(space, image->low, &area) && area.start < image->high
                   ? -1
                   : (int64_t)image->low;
    if (size + slack < size)
        return -1;
    got = space_map(space, hint, size + slack, 0, SPACE_NORESERVE, false, -1, 0);
    if (got < 0 || space_unmap(space, (uint64_t)got, size + slack) < 0)
        return got < 0 ? got : -1;
    if (slack)
        got = (int64_t)(((uint64_t)got + slack - 1) & ~(slack - 1));
    return got;
}

static int no_room(const struct elf_image *image, char *error)
{
    snprintf(error, ELF_ERROR, "no room for %#llx bytes%s%#llx",
             (unsigned long long)(image->high - image->low),
             image->type == ELF_EXEC ? " at " : ", linked at ",
             (unsigned long long)image->low);
    return -1;
}

/* What the host has at an address of its own choice is seen when it is mapped. */
int elf_map(struct space *space, const struct elf_image *image, int fd, uint64_t hint,
            uint64_t *bias, char *error)
{
    int64_t at = find_place(space, image, hint);

    if (at < 0)
        return no_room(image, error);
    *bias = (uint64_t)at - image->low;
    for (unsigned i = 0; i < image->nsegments; i++) {
        int64_t got = map_segment(space, &image->segments[i], fd, *bias);

        if (got < 0 && image->type == ELF_EXEC && i == 0)
            return no_room(image, error);
        if (got < 0) {
            snprintf(error, ELF_ERROR, "cannot map segment at %#llx: %s",
                     (unsigned long long)image->segments[i].vaddr,
                     got == -1 ? "no access" : strerror((int)-got));
            return -1;
        }
    }
    return 0;
}
