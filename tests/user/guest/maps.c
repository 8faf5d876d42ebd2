/* maps.c - rarer things that are done with mappings.  Run as: maps DIRECTORY. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "say.h"

enum { P = 4096 };

static char *map(int pages)
{
    return mmap(NULL, pages * P, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0);
}

/* What a child reads at `at`, or -1 when it dies of it. */
static int in_child(volatile char *at)
{
    int status;

    fflush(stdout);
    if (fork() == 0)
        _exit(*at);
    wait(&status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void advice(void)
{
    char *m = map(4);

    memset(m, 7, 4 * P);
    call("wipe on fork", madvise(m, P, MADV_WIPEONFORK));
    say("child", in_child(m));
    say("child, next page", in_child(m + P));
    call("keep on fork", madvise(m, P, MADV_KEEPONFORK));
    say("child", in_child(m));
    call("not for the child", madvise(m + P, P, MADV_DONTFORK));
    say("child", in_child(m + P));
    say("parent", m[P]);
    call("not needed", madvise(m + 2 * P, P, MADV_DONTNEED));
    say("now", m[2 * P]);
    munmap(m + P, P);
    call("over a hole", madvise(m, 4 * P, MADV_DONTNEED));
    say("before it", m[0]);
    say("after it", m[3 * P]);
    call("unknown", madvise(m, P, 77));
    call("unaligned", madvise(m + 1, P, MADV_DONTNEED));
    call("nothing", madvise(m, 0, MADV_DONTNEED));
}

static void moves(void)
{
    char *m = map(4), *to = map(8), *n;

    memset(m, 1, P);
    memset(m + P, 2, P);
    n = mremap(m, 2 * P, 2 * P, MREMAP_MAYMOVE | 4 /* MREMAP_DONTUNMAP */, NULL);
    ok("moved", n != MAP_FAILED && n != m);
    printf("%d %d, left %d %d\n", n[0], n[P], m[0], m[P]);
    m[0] = 9;
    printf("%d %d\n", m[0], n[0]);
    call("keep and grow", (long)mremap(m, P, 2 * P, MREMAP_MAYMOVE | 4, NULL));
    call("keep in place", (long)mremap(m, P, P, 4, NULL));
    n = mremap(m, P, 3 * P, MREMAP_MAYMOVE | MREMAP_FIXED, to + P);
    say("fixed", n - to);
    printf("%d %d\n", n[0], n[P]);
    call("fixed alone", (long)mremap(to, P, P, MREMAP_FIXED, m));
    call("overlapping",
         (long)mremap(to, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, to + P));
    call("not mapped", (long)mremap(m, P, 2 * P, MREMAP_MAYMOVE));
    call("noreplace",
         (long)mmap(to, P, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                    -1, 0));
    call("validate", (long)mmap(NULL, P, PROT_READ,
                                MAP_SHARED_VALIDATE | MAP_ANONYMOUS | 0x80000, -1, 0));
    call("no type", (long)mmap(NULL, P, PROT_READ, MAP_ANONYMOUS, -1, 0));
    call("no size", (long)mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static void residence(const char *dir)
{
    unsigned char in[4] = { 9, 9, 9, 9 };
    char *m = map(4), path[256];
    int fd;

    m[P] = 1;
    call("mincore", mincore(m, 4 * P, in));
    printf("%d %d %d %d\n", in[0] & 1, in[1] & 1, in[2] & 1, in[3] & 1);
    munmap(m + 2 * P, P);
    call("mincore over a hole", mincore(m, 4 * P, in));
    call("mincore unaligned", mincore(m + 1, P, in));
    call("mlock", mlock(m + P - 8, 16));
    call("mlock over a hole", mlock(m, 4 * P));
    call("munlock", munlock(m, P));
    call("msync unaligned", msync(m + 1, P, MS_SYNC));
    snprintf(path, sizeof(path), "%s/shared", dir);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    ftruncate(fd, 2 * P);
    m = mmap(NULL, 2 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fork() == 0) {
        strcpy(m + P, "written by the child");
        _exit(0);
    }
    wait(NULL);
    call("msync", msync(m, 2 * P, MS_SYNC));
    pread(fd, path, 32, P);
    printf("%s\n", path);
    close(fd);
    fd = memfd_create("x", MFD_ALLOW_SEALING);
    ftruncate(fd, P);
    call("seal", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
    call("write", write(fd, "x", 1));
    call("map", (long)mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    call("truncate", ftruncate(fd, 0));
    say("seals", fcntl(fd, F_GET_SEALS));
}

int main(int argc, char **argv)
{
    advice();
    moves();
    residence(argv[1]);
    return 0;
}
