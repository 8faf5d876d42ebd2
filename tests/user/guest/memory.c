/* memory.c - mmap and friends, brk, and code that changes itself. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "say.h"

enum { PAGE = 4096, RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };

static void result(const char *what, void *at)
{
    if (at == MAP_FAILED)
        printf("%s: %s\n", what, strerror(errno));
    else
        printf("%s: fine\n", what);
    fflush(stdout);
}

static void maps(void)
{
    char *at = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0), *other;

    result("mmap", at);
    ok("zero", at[PAGE] == 0);
    at[0] = 1;
    result("fixed", mmap(at + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0));
    ok("kept", at[0] == 1);
    result("noreplace", mmap(at, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
    result("no length", mmap(NULL, 0, RW, ANON, -1, 0));
    result("no kind", mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0));
    result("bad fd", mmap(NULL, PAGE, RW, MAP_PRIVATE, 99, 0));
    result("huge", mmap(NULL, (size_t)1 << 46, RW, ANON, -1, 0));
    result("wraps", mmap(NULL, SIZE_MAX - 100, RW, ANON, -1, 0));
    result("odd fixed", mmap(at + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0));
    result("reserve 64 GB",
           mmap(NULL, (size_t)64 << 30, PROT_NONE, ANON | MAP_NORESERVE, -1, 0));
    call("mprotect", mprotect(at, PAGE, PROT_READ));
    call("mprotect odd", mprotect(at + 3, PAGE, PROT_READ));
    call("munmap middle", munmap(at + PAGE, PAGE));
    call("mprotect hole", mprotect(at, 4 * PAGE, PROT_READ));
    call("munmap hole", munmap(at, 4 * PAGE));
    call("munmap odd", munmap(at + 1, PAGE));
    call("munmap 0", munmap(at, 0));
    at = mmap(NULL, 2 * PAGE, RW, ANON, -1, 0);
    strcpy(at, "moved");
    other = mremap(at, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    result("mremap", other);
    puts(other);
    result("mremap shrink", mremap(other, 64 * PAGE, PAGE, 0));
    result("mremap nothing", mremap((void *)0x10000000, PAGE, 2 * PAGE, 0));
    strcpy(other, "gone");
    call("madvise", madvise(other, PAGE, MADV_DONTNEED));
    ok("dropped", other[0] == 0);
    call("madvise hole", madvise(other + 16 * PAGE, PAGE, MADV_DONTNEED));
    call("mincore hole", mincore(other + 16 * PAGE, PAGE, (unsigned char *)other));
    call("msync", msync(other, PAGE, MS_SYNC));
}

static void files(void)
{
    FILE *file = tmpfile();
    int fd = fileno(file);
    char *shared, *private, byte;

    ftruncate(fd, 2 * PAGE);
    shared = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
    private = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, PAGE);
    result("shared", shared);
    result("private", private);
    strcpy(shared + PAGE, "through the file");
    puts(private);
    private[0] = 'T';
    pread(fd, &byte, 1, PAGE);
    ok("private copy", byte == 't');
    result("odd offset", mmap(NULL, PAGE, RW, MAP_SHARED, fd, 100));
    call("write to hole", pread(fd, shared, 2 * PAGE, 0));
}

static void heap(void)
{
    char *start = sbrk(0), *more = sbrk(100000);

    ok("sbrk", more == start);
    memset(more, 7, 100000);
    ok("end", (char *)sbrk(0) == start + 100000);
    sbrk(-100000);
    ok("back", sbrk(0) == start);
    ok("brk low", brk((void *)0x1000) == 0 || sbrk(0) == start);
    more = malloc(50000000);
    ok("malloc", more != NULL);
    more[49999999] = 1;
    free(more);
}

/* li a0, N; ret */
static void put_code(uint32_t *code, unsigned n)
{
    code[0] = 0x00000513 | n << 20;
    code[1] = 0x00008067;
}

static void code(void)
{
    uint32_t *at = mmap(NULL, PAGE, RW | PROT_EXEC, ANON, -1, 0);
    int (*run)(void) = (int (*)(void))at;
    long sum = 0;
    FILE *file;

    for (unsigned i = 0; i < 100; i++) {
        put_code(at, i);
        __asm__ volatile("fence.i" ::: "memory");
        sum += run();
    }
    say("with fence.i", sum);
    sum = 0;
    for (unsigned i = 0; i < 100; i++) {
        put_code(at, i);
        __builtin___clear_cache((char *)at, (char *)at + 8);
        sum += run();
    }
    say("with the system call", sum);
    put_code(at, 1);
    __asm__ volatile("fence.i" ::: "memory");
    run();
    mprotect(at, PAGE, RW);
    put_code(at, 2);
    mprotect(at, PAGE, PROT_READ | PROT_EXEC);
    __asm__ volatile("fence.i" ::: "memory");
    say("with mprotect", run());
    file = tmpfile();
    {
        uint32_t words[2];

        put_code(words, 3);
        fwrite(words, 1, 8, file);
        fflush(file);
        mprotect(at, PAGE, RW | PROT_EXEC);
        pread(fileno(file), at, 8, 0);
        __asm__ volatile("fence.i" ::: "memory");
        say("read from a file", run());
        put_code(words, 4);
        pwrite(fileno(file), words, 8, 0);
        at = mmap(at, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fileno(file),
                  0);
        __asm__ volatile("fence.i" ::: "memory");
        say("mapped over", run());
    }
}

int main(void)
{
    maps();
    files();
    heap();
    code();
    return 0;
}
