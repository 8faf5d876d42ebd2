/* fuzz.h - makes a program of a fuzz target.
 *
 * A file tests/fuzz/NAME.c includes this and defines fuzz_one(), which must return for
 * any input.  `make fuzz` links it with libFuzzer where clang has that; everywhere else,
 * and in `make check`, a seeded loop of mutations takes its place:
 *     NAME SECONDS [SEED]    for that long     NAME FILE    that one input
 * Inputs start from the files in the folder tests/fuzz/NAME/, if there is one.  The
 * input that is running is in the file NAME.input beside the program; after a crash,
 * run that file, and make a named test of it. */
#ifndef RHEA_TESTS_FUZZ_H
#define RHEA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

static void fuzz_one(const uint8_t *data, size_t size);

#ifdef RHEA_LIBFUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(data, size);
    return 0;
}

#else

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef FUZZ_MAX /* bytes of the largest input */
#define FUZZ_MAX 8192
#endif

static uint64_t fuzz_state = 88172645463325252u;

/* xorshift64* */
static uint32_t fuzz_random(uint32_t below)
{
    fuzz_state ^= fuzz_state >> 12;
    fuzz_state ^= fuzz_state << 25;
    fuzz_state ^= fuzz_state >> 27;
    return (uint32_t)(fuzz_state * 2685821657736338717u >> 32) % below;
}

static size_t fuzz_load(const char *path, uint8_t *data)
{
    FILE *file = fopen(path, "rb");
    size_t size;

    if (!file) {
        perror(path);
        exit(1);
    }
    size = fread(data, 1, FUZZ_MAX, file);
    fclose(file);
    return size;
}

#ifndef FUZZ_ROUND /* inputs made of one seed, each from the one before */
#define FUZZ_ROUND 256
#endif
#ifndef FUZZ_SEEDS /* files to begin with, with one %s for NAME at most */
#define FUZZ_SEEDS "tests/fuzz/%s/*"
#endif
#ifdef FUZZ_MUTATE /* a mutation that knows the format */
static size_t FUZZ_MUTATE(uint8_t *data, size_t size);
#else
#define FUZZ_MUTATE fuzz_mutate
#endif

/* Overwrites, inserts, deletes or copies a few bytes, and returns the new size. */
static size_t fuzz_mutate(uint8_t *data, size_t size)
{
    static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff, '\n', '"', '{', '9' };
    size_t at = fuzz_random(size + 1), length = 1 + fuzz_random(8), from;

    switch (fuzz_random(5)) {
    case 0: /* overwrite at random */
        for (; length && at < size; length--)
            data[at++] = fuzz_random(256);
        return size;
    case 1: /* one bit, or one odd byte */
        if (at < size)
            data[at] = fuzz_random(2) ? data[at] ^ 1 << fuzz_random(8)
                                      : odd[fuzz_random(sizeof(odd))];
        return size;
    case 2: /* insert */
        if (size + length > FUZZ_MAX)
            return size;
        memmove(data + at + length, data + at, size - at);
        for (size_t i = 0; i < length; i++)
            data[at + i] = fuzz_random(256);
        return size + length;
    case 3: /* delete */
        if (at + length > size)
            return at;
        memmove(data + at, data + at + length, size - at - length);
        return size - length;
    default: /* copy within */
        from = fuzz_random(size + 1);
        length = fuzz_random(64);
        if (from + length <= size && at + length <= size)
            memmove(data + at, data + from, length);
        return size;
    }
}

/* Memory that is also the file NAME.input, so that it outlives a crash. */
static uint8_t *fuzz_input(const char *program, size_t **size)
{
    char path[4096];
    uint8_t *data;
    int fd;

    snprintf(path, sizeof(path), "%s.input", program);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || ftruncate(fd, FUZZ_MAX + sizeof(size_t)) < 0) {
        perror(path);
        exit(1);
    }
    data =
        mmap(NULL, FUZZ_MAX + sizeof(size_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    *size = (size_t *)(void *)(data + FUZZ_MAX);
    return data;
}

/* The saved input: its bytes, and their count in the last word.  A copy of the right
 * size goes to the target, so that ASan sees every byte past the end. */
static void fuzz_call(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);

    memcpy(exact, data, size);
    fuzz_one(exact, size);
    free(exact);
}

static int fuzz_replay(const char *path)
{
    static uint8_t data[FUZZ_MAX + sizeof(size_t)];
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(data, 1, sizeof(data), file) : 0, length = strlen(path);

    if (!file) {
        perror(path);
        return 1;
    }
    fclose(file);
    if (size == sizeof(data) && length > 6 && !strcmp(path + length - 6, ".input"))
        memcpy(&size, data + FUZZ_MAX, sizeof(size));
    fuzz_call(data, size > FUZZ_MAX ? FUZZ_MAX : size);
    return 0;
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    char pattern[4096], *end;
    long seconds = strtol(argc > 1 ? argv[1] : "10", &end, 10);
    unsigned long runs = 0;
    time_t start = time(NULL);
    size_t *size;
    uint8_t *data;
    glob_t seeds;

    if (*end)
        return fuzz_replay(argv[1]);
    if (argc > 2)
        fuzz_state ^= strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15u;
    data = fuzz_input(argv[0], &size);
    snprintf(pattern, sizeof(pattern), FUZZ_SEEDS, name);
    if (glob(pattern, GLOB_BRACE, NULL, &seeds))
        seeds.gl_pathc = 0;
    for (; time(NULL) - start < seconds; runs++) {
        if (runs % FUZZ_ROUND == 0 && seeds.gl_pathc)
            *size = fuzz_load(seeds.gl_pathv[fuzz_random(seeds.gl_pathc)], data);
        else if (runs % FUZZ_ROUND == 0 && !seeds.gl_pathc)
            *size = fuzz_random(64);
        for (uint32_t n = 1 + fuzz_random(FUZZ_ROUND > 4 ? 4 : 2); n; n--)
            *size = FUZZ_MUTATE(data, *size);
        fuzz_call(data, *size);
    }
    if (seeds.gl_pathc)
        globfree(&seeds);
    printf("%lu inputs in %ld s\n", runs, seconds);
    return 0;
}

#endif
#endif
