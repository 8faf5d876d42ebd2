/* elf.c - fuzzes the ELF loader: any bytes are refused with one line, or can be mapped.
 *
 *     tests/fuzz/elf [SECONDS [SEED]]    mutates a small good program
 * With libFuzzer: -DLIBFUZZER, and LLVMFuzzerTestOneInput is the entry. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "isa/space.h"
#include "user/elf.h"
#include "user/functions.h"

struct bytes {
    const uint8_t *data;
    size_t size;
};

static size_t read_bytes(void *context, uint64_t offset, void *to, size_t size)
{
    const struct bytes *bytes = context;

    if (offset >= bytes->size)
        return 0;
    if (size > bytes->size - offset)
        size = bytes->size - (size_t)offset;
    memcpy(to, bytes->data + offset, size);
    return size;
}

static void map_it(const struct elf_image *image, const struct bytes *bytes)
{
    char error[ELF_ERROR];
    struct space *space = space_new(38, true);
    uint64_t bias, total = 0;
    int fd = memfd_create("fuzz", 0);

    for (unsigned i = 0; i < image->nsegments; i++)
        total += image->segments[i].memsz;
    if (fd >= 0 && space && total < 64 << 20 &&
        image->high - image->low < (uint64_t)1 << 30 &&
        write(fd, bytes->data, bytes->size) == (ssize_t)bytes->size)
        elf_map(space, image, fd, 0, &bias, error);
    close(fd);
    space_free(space);
}

/* What `rhea cache warm` asks; all functions are in what the file loads. */
static void find_functions(const struct elf_source *source, const struct elf_image *image)
{
    struct elf_reader reader;
    struct functions functions;
    uint64_t offset;

    elf_reader_begin(&reader, source, image);
    functions_find(&functions, &reader);
    if (functions.first > functions.count)
        abort();
    for (size_t i = 0; i < functions.count; i++)
        if (elf_offset(image, functions.all[i].start, &offset) && offset >= source->size)
            abort();
    free(functions.all);
    elf_reader_end(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct elf_image image;
    struct bytes bytes = { data, size };
    struct elf_source source = { &bytes, read_bytes, size };
    char error[ELF_ERROR];

    memset(error, 0x55, sizeof(error));
    if (elf_parse(&source, (uint64_t)1 << 38, 4096, &image, error) == 0) {
        map_it(&image, &bytes);
        find_functions(&source, &image);
    } else if (!memchr(error, 0, sizeof(error)) || strchr(error, '\n') || !error[0]) {
        abort();
    }
    return 0;
}

#ifndef LIBFUZZER

enum { SIZE = 3 * 4096 };

static void put(uint8_t *at, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void good_program(uint8_t *file)
{
    memset(file, 0, SIZE);
    memcpy(file, "\177ELF\2\1\1", 7);
    put(file + 16, 2, 2 + rand() % 2);
    put(file + 18, 2, 243);
    put(file + 32, 8, 64);
    put(file + 54, 2, 56);
    put(file + 56, 2, 3);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t *p = file + 64 + 56 * i;

        put(p, 4, i == 2 ? 3 : 1);
        put(p + 4, 4, 4 + i);
        put(p + 8, 8, i * 4096);
        put(p + 16, 8, 0x10000 + i * 4096);
        put(p + 32, 8, 100);
        put(p + 40, 8, 200);
        put(p + 48, 8, 4096);
    }
}

/* Numbers that break arithmetic. */
static uint64_t odd_number(void)
{
    static const uint64_t numbers[] = {
        0,          1,          3,          0x7f,
        0xff,       0xfff,      0x1000,     0x1001,
        0xffff,     0x7fffffff, 0x80000000, 0xffffffff,
        UINT64_MAX, 1ull << 63, 1ull << 38, UINT64_MAX - 4095
    };

    return numbers[rand() % (int)(sizeof(numbers) / sizeof(numbers[0]))] +
           (uint64_t)(rand() % 3 - 1);
}

int main(int argc, char **argv)
{
    static uint8_t file[SIZE];
    time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
    unsigned seed = argc > 2 ? (unsigned)atoi(argv[2]) : (unsigned)time(NULL);
    unsigned long runs = 0;

    printf("seed %u\n", seed);
    for (srand(seed); runs % 256 || time(NULL) < end; runs++) {
        size_t size = rand() % 4 ? SIZE : (size_t)(rand() % SIZE);

        good_program(file);
        for (int changes = rand() % 6; changes > 0; changes--) {
            size_t at = (size_t)(rand() % (64 + 3 * 56));
            unsigned width = 1u << rand() % 4;

            put(file + at / width * width, width,
                rand() % 2 ? odd_number() : (uint64_t)rand());
        }
        LLVMFuzzerTestOneInput(file, size);
    }
    printf("%lu files\n", runs);
    return 0;
}
#endif
