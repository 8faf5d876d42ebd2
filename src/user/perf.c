/* perf.c - -perfmap: /tmp/perf-PID.map, a line `START SIZE NAME` for each piece of code.
 *
 * Spec: Linux' tools/perf/Documentation/jit-interface.txt.  A child of a fork begins a
 * file of its own, with what it has from its parent in front, when it first makes code;
 * before that perf takes the parent's.  A program that is executed writes its process's
 * file anew.  Code that was dropped keeps its line. */
#include "user/perf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
static int map = -1;

static void write_line(const struct piece *piece)
{
    char line[SYMBOLS_TEXT + 40];
    int n = snprintf(line, sizeof line, "%" PRIxPTR " %zx %s\n", piece->at, piece->size,
                     piece->name);

    if (map >= 0 && write(map, line, (size_t)n) < 0)
        return; /* nowhere to say so */
}

static int new_map(void)
{
    char path[64];
    int fd;

    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)getpid());
    fd = host_new_file(path);
    if (fd < 0 && !pieces)
        die("-perfmap: %s: %s", path, strerror(-fd));
    return own_fd(fd);
}

static void open_files(void)
{
    own_fd_close(map);
    owner = getpid();
    if (wanted->perfmap)
        map = new_map();
}

bool perf_start(const struct run_options *options)
{
    wanted = options;
    if (options->perfmap)
        open_files();
    return options->perfmap;
}

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

static void tell(const struct piece *piece)
{
    write_line(piece);
}

void perf_code(struct cpu *cpu, uint64_t pc, const void *code, size_t size)
{
    char name[SYMBOLS_TEXT];
    const struct piece *piece = add_piece(code, size, symbols_name(cpu->space, pc, name));

    if (!piece)
        return;
    if (owner == getpid()) {
        tell(piece);
        return;
    }
    open_files();
    for (piece = pieces; piece; piece = piece->next)
        tell(piece);
}
