/* elf.c - reading ELF files, 32 and 64 bit, both byte orders, field by field.
 *
 * Spec: System V ABI, chapters 4 and 5; what Linux' fs/binfmt_elf.c accepts.
 * Stricter than Linux: segments may not overlap, nor reach beyond the end of the file. */
#include "user/elf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "isa/space.h"

enum { PT_LOAD = 1, PT_INTERP = 3, PT_PHDR = 6, PT_GNU_STACK = 0x6474e551 };
enum { PF_X = 1, PF_W = 2, PF_R = 4 };
enum { EHDR32 = 52, EHDR64 = 64, PHDR32 = 32, PHDR64 = 56, MAX_PHDRS_SIZE = 65536 };

/* A file being parsed. */
struct reader {
    const struct elf_source *source;
    struct elf_image *image;
    uint64_t limit, page;
    char *error;
    uint8_t phdrs[16 * PHDR64]; /* some of them, in a row */
};

struct phdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, filesz, memsz, align;
};

static int fail(const struct reader *reader, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static int fail(const struct reader *reader, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reader->error, ELF_ERROR, fmt, ap);
    va_end(ap);
    return -1;
}

uint64_t elf_get(bool big, const uint8_t *at, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value = value << 8 | at[big ? i : size - 1 - i];
    return value;
}

bool elf_ident(const uint8_t *bytes, size_t size, struct elf_ident *ident)
{
    if (size < 20 || memcmp(bytes, "\177ELF", 4))
        return false;
    ident->bits = bytes[4] == 1 ? 32 : bytes[4] == 2 ? 64 : 0;
    ident->big = bytes[5] == 2;
    ident->machine = (uint16_t)elf_get(ident->big, bytes + 18, 2);
    return true;
}

static int read_header(const struct reader *reader)
{
    struct elf_image *image = reader->image;
    uint8_t h[EHDR64] = { 0 };
    size_t size = reader->source->read(reader->source->context, 0, h, sizeof(h));
    bool wide;

    if (size < 4 || memcmp(h, "\177ELF", 4))
        return fail(reader, "is not an ELF file");
    if (h[4] != 1 && h[4] != 2)
        return fail(reader, "ELF class %d is neither 1 (32 bit) nor 2 (64 bit)", h[4]);
    if (h[5] != 1 && h[5] != 2)
        return fail(reader, "ELF data encoding %d is neither 1 (little) nor 2 (big)",
                    h[5]);
    wide = h[4] == 2;
    if (size < (wide ? EHDR64 : EHDR32))
        return fail(reader, "truncated ELF header: %zu bytes of %d", size,
                    wide ? EHDR64 : EHDR32);
    image->bits = wide ? 64 : 32;
    image->big = h[5] == 2;
    image->type = (uint16_t)elf_get(image->big, h + 16, 2);
    image->machine = (uint16_t)elf_get(image->big, h + 18, 2);
    image->entry = elf_get(image->big, h + 24, wide ? 8 : 4);
    image->phoff = wide ? elf_get(image->big, h + 32, 8) : elf_get(image->big, h + 28, 4);
    image->flags = (uint32_t)elf_get(image->big, h + (wide ? 48 : 36), 4);
    image->phentsize = (uint16_t)elf_get(image->big, h + (wide ? 54 : 42), 2);
    image->phnum = (uint16_t)elf_get(image->big, h + (wide ? 56 : 44), 2);
    if (h[6] != 1)
        return fail(reader, "ELF version %d, want 1", h[6]);
    return 0;
}

static int check_header(const struct reader *reader)
{
    const struct elf_image *image = reader->image;
    uint64_t size = reader->source->size;
    unsigned want = image->bits == 64 ? PHDR64 : PHDR32;

    if (image->type != ELF_EXEC && image->type != ELF_DYN)
        return fail(reader, "ELF type %d is %s, not a program", image->type,
                    image->type == 1   ? "an object file (link it first)"
                    : image->type == 4 ? "a core dump"
                                       : "unknown");
    if (image->phnum == 0)
        return fail(reader, "no program headers: nothing to load");
    if (image->phentsize != want)
        return fail(reader, "program headers of %d bytes, want %u", image->phentsize,
                    want);
    if (image->phnum * want > MAX_PHDRS_SIZE)
        return fail(reader, "%d program headers, more than Linux takes (%u)",
                    image->phnum, MAX_PHDRS_SIZE / want);
    if (image->phoff > size)
        return fail(reader, "program headers at byte %llu, but the file ends at %llu",
                    (unsigned long long)image->phoff, (unsigned long long)size);
    if ((size - image->phoff) / want < image->phnum)
        return fail(reader, "truncated program header %llu",
                    (unsigned long long)((size - image->phoff) / want));
    return 0;
}

/* Those that `reader->phdrs` has room for at once, beginning with `index`. */
static int read_phdrs(struct reader *reader, unsigned index)
{
    const struct elf_image *image = reader->image;
    unsigned count = image->phnum - index;
    size_t size, got;

    if (count > sizeof(reader->phdrs) / PHDR64)
        count = sizeof(reader->phdrs) / PHDR64;
    size = count * (size_t)image->phentsize;
    got = reader->source->read(reader->source->context,
                               image->phoff + (uint64_t)index * image->phentsize,
                               reader->phdrs, size);
    if (got != size)
        return fail(reader, "truncated program header %u",
                    index + (unsigned)(got / image->phentsize));
    return 0;
}

static int read_phdr(struct reader *reader, unsigned index, struct phdr *out)
{
    const struct elf_image *image = reader->image;
    bool wide = image->bits == 64, big = image->big;
    unsigned place = index % (sizeof(reader->phdrs) / PHDR64);
    const uint8_t *p = reader->phdrs + (size_t)place * image->phentsize;

    if (place == 0 && read_phdrs(reader, index) < 0)
        return -1;
    out->type = (uint32_t)elf_get(big, p, 4);
    out->flags = (uint32_t)elf_get(big, p + (wide ? 4 : 24), 4);
    out->offset = wide ? elf_get(big, p + 8, 8) : elf_get(big, p + 4, 4);
    out->vaddr = wide ? elf_get(big, p + 16, 8) : elf_get(big, p + 8, 4);
    out->filesz = wide ? elf_get(big, p + 32, 8) : elf_get(big, p + 16, 4);
    out->memsz = wide ? elf_get(big, p + 40, 8) : elf_get(big, p + 20, 4);
    out->align = wide ? elf_get(big, p + 48, 8) : elf_get(big, p + 28, 4);
    return 0;
}

static unsigned prot_of(uint32_t flags)
{
    return (flags & PF_R ? SPACE_READ : 0) | (flags & PF_W ? SPACE_WRITE : 0) |
           (flags & PF_X ? SPACE_EXEC : 0);
}

static int check_load(const struct reader *reader, unsigned index,
                      const struct phdr *phdr)
{
    unsigned long long size = reader->source->size, limit = reader->limit;

    if (phdr->filesz > phdr->memsz)
        return fail(reader, "segment %u: %llu bytes of file for %llu bytes of memory",
                    index, (unsigned long long)phdr->filesz,
                    (unsigned long long)phdr->memsz);
    if (phdr->offset > size || phdr->filesz > size - phdr->offset)
        return fail(reader,
                    "truncated: segment %u is %#llx bytes from %#llx on, but the file "
                    "has %#llx",
                    index, (unsigned long long)phdr->filesz,
                    (unsigned long long)phdr->offset, size);
    if (phdr->vaddr >= limit || phdr->memsz > limit - phdr->vaddr)
        return fail(reader,
                    "segment %u: %#llx bytes at %#llx end beyond the address space "
                    "(%#llx)",
                    index, (unsigned long long)phdr->memsz,
                    (unsigned long long)phdr->vaddr, limit);
    if (phdr->align & (phdr->align - 1))
        return fail(reader, "segment %u: alignment %llu is not a power of two", index,
                    (unsigned long long)phdr->align);
    if (phdr->filesz && (phdr->vaddr - phdr->offset) % reader->page)
        return fail(reader,
                    "segment %u: address %#llx and file offset %#llx differ within a "
                    "page of %llu bytes",
                    index, (unsigned long long)phdr->vaddr,
                    (unsigned long long)phdr->offset, (unsigned long long)reader->page);
    return 0;
}

static int add_load(const struct reader *reader, unsigned index, const struct phdr *phdr)
{
    struct elf_image *image = reader->image;
    uint64_t page = reader->page;
    uint64_t low = phdr->vaddr & ~(page - 1);
    uint64_t high = (phdr->vaddr + phdr->memsz + page - 1) & ~(page - 1);

    if (check_load(reader, index, phdr) < 0)
        return -1;
    if (phdr->memsz == 0)
        return 0;
    for (unsigned i = 0; i < image->nsegments; i++) {
        const struct elf_segment *other = &image->segments[i];

        if (phdr->vaddr < other->vaddr + other->memsz &&
            other->vaddr < phdr->vaddr + phdr->memsz)
            return fail(reader, "segment %u overlaps another one at %#llx", index,
                        (unsigned long long)phdr->vaddr);
    }
    if (image->nsegments == ELF_MAX_SEGMENTS)
        return fail(reader, "more than %d segments to load", ELF_MAX_SEGMENTS);
    if (image->nsegments == 0 || low < image->low)
        image->low = low;
    if (image->nsegments == 0 || high > image->high)
        image->high = high;
    if (phdr->align > image->align)
        image->align = phdr->align;
    image->segments[image->nsegments++] =
        (struct elf_segment){ phdr->vaddr, phdr->memsz, phdr->offset, phdr->filesz,
                              prot_of(phdr->flags) };
    return 0;
}

static int read_interp(const struct reader *reader, const struct phdr *phdr)
{
    struct elf_image *image = reader->image;

    if (image->has_interp)
        return 0;
    if (phdr->filesz < 2 || phdr->filesz > sizeof(image->interp))
        return fail(reader, "interpreter name of %llu bytes",
                    (unsigned long long)phdr->filesz);
    if (reader->source->read(reader->source->context, phdr->offset, image->interp,
                             (size_t)phdr->filesz) != phdr->filesz)
        return fail(reader, "truncated interpreter name");
    if (image->interp[phdr->filesz - 1] || !image->interp[0])
        return fail(reader, "interpreter name does not end, or is empty");
    image->has_interp = true;
    return 0;
}

/* Where the guest finds the program headers: in the segment that holds their bytes. */
static void find_phdrs(struct elf_image *image)
{
    for (unsigned i = 0; i < image->nsegments; i++) {
        const struct elf_segment *segment = &image->segments[i];

        if (image->phoff >= segment->offset &&
            image->phoff - segment->offset < segment->filesz) {
            image->phdr = segment->vaddr + (image->phoff - segment->offset);
            return;
        }
    }
}

int elf_parse(const struct elf_source *source, uint64_t limit, uint64_t page,
              struct elf_image *image, char *error)
{
    struct reader reader = {
        .source = source, .image = image, .limit = limit, .page = page, .error = error
    };
    struct phdr phdr = { 0 };

    memset(image, 0, offsetof(struct elf_image, segments));
    image->exec_stack = true; /* without PT_GNU_STACK */
    if (read_header(&reader) < 0 || check_header(&reader) < 0)
        return -1;
    for (unsigned i = 0; i < image->phnum; i++) {
        int bad = read_phdr(&reader, i, &phdr);

        if (!bad && phdr.type == PT_LOAD)
            bad = add_load(&reader, i, &phdr);
        else if (!bad && phdr.type == PT_INTERP)
            bad = read_interp(&reader, &phdr);
        else if (!bad && phdr.type == PT_GNU_STACK)
            image->exec_stack = phdr.flags & PF_X;
        if (bad)
            return -1;
    }
    if (image->nsegments == 0)
        return fail(&reader, "no segment to load");
    find_phdrs(image);
    return 0;
}

const char *elf_machine_name(uint16_t machine)
{
    /* clang-format off */
    static const struct {
        uint16_t machine;
        const char *name;
    } names[] = {
        { 2, "sparc" },       { 3, "i386" },          { 4, "m68k" },        { 8, "mips" },
        { 15, "hppa" },       { 18, "sparc32plus" },  { 20, "ppc" },        { 21, "ppc64" },
        { 22, "s390x" },      { 40, "arm" },          { 42, "sh4" },        { 43, "sparc64" },
        { 50, "ia64" },       { 62, "x86_64" },       { 83, "avr" },        { 92, "or1k" },
        { 94, "xtensa" },     { 164, "hexagon" },     { 183, "aarch64" },   { 189, "microblaze" },
        { 243, "riscv" },     { 258, "loongarch" },   { 0x9026, "alpha" },
    };
    /* clang-format on */

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].machine == machine)
            return names[i].name;
    return NULL;
}
