/* perf.c - files for the host's perf:
 *   -perfmap  /tmp/perf-PID.map, a line `START SIZE NAME` for each piece of code
 *   -jitdump  ./jit-PID.dump, the code itself, too, and when it was made
 *
 * Spec: Linux' tools/perf/Documentation/jit-interface.txt and jitdump-specification.txt.
 * A child of a fork begins files of its own, with what it has from its parent in front,
 * when it first makes code; before that perf takes the parent's.  A program that is
 * executed writes its process's files anew.  Code that was dropped keeps its line. */
#include "user/perf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/host.h"
#include "base/report.h"
#include "isa/cpu.h"
#include "user/linux/linux.h"
#include "user/run.h"
#include "user/symbols.h"

struct piece {
    uintptr_t at;
    size_t size;
    char *name;
    struct piece *next;
};

static const struct run_options *wanted;
static struct piece *pieces, **last = &pieces;
static pid_t owner; /* of the open files */
static int map = -1, dump = -1;
static uint64_t dumped; /* pieces of code */

/* ------------------------------------------------------------------------ -perfmap */

static void write_line(const struct piece *piece)
{
    char line[SYMBOLS_TEXT + 40];
    int n = snprintf(line, sizeof line, "%" PRIxPTR " %zx %s\n", piece->at, piece->size,
                     piece->name);

    if (write(map, line, (size_t)n) < 0)
        return; /* nowhere to say so */
}

/* ------------------------------------------------------------------------ -jitdump */

enum { DUMP_MAGIC = 0x4a695444, DUMP_VERSION = 1, CODE_LOAD = 0, CODE_CLOSE = 3 };

struct dump_header {
    uint32_t magic, version, size, machine, unused, pid;
    uint64_t time, flags;
};

struct record {
    uint32_t id, size;
    uint64_t time;
};

struct code_load { /* then the name with its 0, then the code */
    struct record record;
    uint32_t pid, tid;
    uint64_t vma, addr, size, number;
};

/* perf record -k mono has the same clock. */
static uint64_t now_ns(void)
{
    struct timespec now = { 0 };

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void write_dump(const struct iovec *parts, int count)
{
    if (writev(dump, parts, count) < 0)
        return; /* nowhere to say so */
}

static void begin_dump(void)
{
    struct dump_header header = {
        .magic = DUMP_MAGIC,
        .version = DUMP_VERSION,
        .size = sizeof header,
        .machine = host_elf_machine(),
        .pid = (uint32_t)getpid(),
        .time = now_ns(),
    };

    dumped = 0;
    write_dump(&(struct iovec){ &header, sizeof header }, 1);
    host_mark_file(dump);
}

/* Code of a parent's may not be there any more. */
static void dump_piece(const struct piece *piece, int tid)
{
    size_t name = strlen(piece->name) + 1;
    struct code_load load = {
        .record = { CODE_LOAD, (uint32_t)(sizeof load + name + piece->size), now_ns() },
        .pid = (uint32_t)getpid(),
        .tid = (uint32_t)tid,
        .vma = piece->at,
        .addr = piece->at,
        .size = piece->size,
        .number = dumped,
    };
    void *code = malloc(piece->size);

    if (code && host_copy(code, (const void *)piece->at, piece->size) == 0) {
        write_dump((struct iovec[]){ { &load, sizeof load },
                                     { piece->name, name },
                                     { code, piece->size } },
                   3);
        dumped++;
    }
    free(code);
}

/* --------------------------------------------------------------------------- files */

static int new_file(const char *option, const char *format)
{
    char path[64];
    int fd;

    snprintf(path, sizeof path, format, (long)getpid());
    fd = host_new_file(path);
    if (fd < 0 && !pieces)
        die("%s: %s: %s", option, path, strerror(-fd));
    return own_fd(fd);
}

static void open_files(void)
{
    own_fd_close(map);
    own_fd_close(dump);
    map = dump = -1;
    owner = getpid();
    if (wanted->perfmap)
        map = new_file("-perfmap", "/tmp/perf-%ld.map");
    if (wanted->jitdump)
        dump = new_file("-jitdump", "jit-%ld.dump");
    if (dump >= 0)
        begin_dump();
}

bool perf_start(const struct run_options *options)
{
    wanted = options;
    if (!options->perfmap && !options->jitdump)
        return false;
    open_files();
    return true;
}

void perf_end(void)
{
    struct record record = { CODE_CLOSE, sizeof record, now_ns() };

    if (dump >= 0 && owner == getpid())
        write_dump(&(struct iovec){ &record, sizeof record }, 1);
}

/* -------------------------------------------------------------------------- pieces */

static struct piece *add_piece(const void *code, size_t size, const char *name)
{
    struct piece *piece = malloc(sizeof *piece);

    if (!piece)
        return NULL;
    *piece = (struct piece){ (uintptr_t)code, size, strdup(name), NULL };
    if (!piece->name) {
        free(piece);
        return NULL;
    }
    *last = piece;
    last = &piece->next;
    return piece;
}

static void tell(const struct piece *piece, int tid)
{
    if (map >= 0)
        write_line(piece);
    if (dump >= 0)
        dump_piece(piece, tid);
}

void perf_code(const struct cpu *cpu, const char *name, const void *code, size_t size)
{
    int tid = ((const struct task *)cpu->user)->tid;
    const struct piece *piece = add_piece(code, size, name);

    if (!piece)
        return;
    if (owner == getpid()) {
        tell(piece, tid);
        return;
    }
    open_files();
    for (piece = pieces; piece; piece = piece->next)
        tell(piece, tid);
}
