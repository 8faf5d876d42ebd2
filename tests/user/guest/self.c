/* self.c - what /proc/self says of the program: its memory, its addresses, its variables.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "say.h"

static const int constant = 5;
static int variable = 7;

static int mem(const char *path)
{
    char name[64];

    snprintf(name, sizeof(name), path, (long)syscall(SYS_gettid));
    return open(name, O_RDWR);
}

static void memory(const char *path)
{
    int fd = mem(path), got = 0, two[2] = { 0, 0 };
    char *pages =
        mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(pages + 4096, 4096);
    call("pread", pread(fd, &got, 4, (uintptr_t)&variable));
    say("variable", got);
    got = 8;
    call("pwrite", pwrite(fd, &got, 4, (uintptr_t)&variable));
    say("variable", *(volatile int *)&variable);
    variable = 7;
    lseek(fd, (uintptr_t)&variable, SEEK_SET);
    call("read", read(fd, two, 4));
    ok("position", lseek(fd, 0, SEEK_CUR) == (uintptr_t)(&variable + 1));
    call("write", write(dup(fd), two, 0));
    pages[4095] = 9;
    call("up to a hole", pread(fd, two, 8, (uintptr_t)pages + 4095));
    call("in a hole", pread(fd, two, 8, (uintptr_t)pages + 4096));
    call("nothing", pread(fd, two, 8, 0));
    call("above all", pread(fd, two, 8, (off_t)1 << 62));
    call("into a hole", pwrite(fd, two, 8, (uintptr_t)pages + 5000));
    munmap(pages, 4096);
    munmap(pages + 8192, 4096);
    close(fd);
}

/* What no access of the program may. */
static void forced(void)
{
    int fd = mem("/proc/self/mem"), got = 6;
    char *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    call("to a constant", pwrite(fd, &got, 4, (uintptr_t)&constant));
    say("constant", *(volatile const int *)&constant);
    page[0] = 3;
    mprotect(page, 4096, PROT_NONE);
    got = 0;
    call("what is protected", pread(fd, &got, 1, (uintptr_t)page));
    say("it", got);
    close(fd);
}

/* Field `number` of the line, counted from 1. */
static unsigned long field(const char *line, int number)
{
    const char *at = strrchr(line, ')') + 2;

    for (number -= 3; number > 0; number--)
        at = strchr(at, ' ') + 1;
    return strtoul(at, NULL, 10);
}

static int main_thread(void)
{
    return 0;
}

static void addresses(void)
{
    char line[2048] = "";
    int fd = open("/proc/self/stat", O_RDONLY);

    read(fd, line, sizeof(line) - 1);
    close(fd);
    ok("code", field(line, 26) <= (uintptr_t)main_thread &&
                   (uintptr_t)main_thread < field(line, 27));
    ok("data",
       field(line, 45) <= (uintptr_t)&variable && (uintptr_t)&variable < field(line, 46));
    ok("stack", field(line, 28) > (uintptr_t)line && field(line, 28) < field(line, 48));
    ok("heap", field(line, 47) <= (uintptr_t)sbrk(0));
}

static void variables(void)
{
    static char text[1 << 20];
    FILE *f = fopen("/proc/self/environ", "r");
    size_t n = fread(text, 1, sizeof(text) - 1, f);

    ok("environ", n > 0 && memmem(text, n, "SELF=told", 10));
    fclose(f);
}

/* What such a file shows: the program's memory, and no other file's. */
static void areas(const char *path, const char *what)
{
    char line[512];
    FILE *f = fopen(path, "r");
    int found = 0;
    char name[256] = "";

    readlink("/proc/self/exe", name, sizeof(name) - 1);
    while (f && fgets(line, sizeof(line), f)) {
        unsigned long start, end;
        char *path = strchr(line, '/');

        if (sscanf(line, "%lx-%lx ", &start, &end) != 2)
            continue;
        found += start <= (uintptr_t)&variable && (uintptr_t)&variable < end;
        if (path && !strstr(line, name))
            printf("of another file: %s", line);
    }
    say(what, found);
    if (f)
        fclose(f);
}

/* Another process of the program, by its number in /proc, which may be of another
 * namespace. */
static void other_areas(void)
{
    char path[64], number[24] = "";
    int ends[2];
    pid_t child;

    pipe(ends);
    child = fork();
    if (child == 0) {
        ssize_t n = readlink("/proc/self", number, sizeof(number));

        write(ends[1], number, n);
        pause();
        _exit(0);
    }
    read(ends[0], number, sizeof(number) - 1);
    snprintf(path, sizeof(path), "/proc/%s/maps", number);
    areas(path, "areas of the variable in another's maps");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
    memory("/proc/self/mem");
    memory("/proc/thread-self/mem");
    if (argc < 3) { /* where addresses are the host's */
        forced();
        areas("/proc/self/smaps", "areas of the variable in smaps");
        other_areas();
    }
    addresses();
    variables();
    return 0;
}
