/* proc.c - files of /proc that would show the host's program or processor: the guest's
 * are made up when they are opened.
 *
 * Which file it is is asked of the kernel after it was opened, so that links, other
 * threads' folders and relative paths lead to the same.
 *
 * Not modelled: a file that stays open does not change; of another guest's files only
 * exe, cmdline, maps and smaps are its own, and they do not tell what may be executed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/linux/linux.h"
#include "user/options.h"
#include "user/run.h"

/* This process' number in /proc, which may be that of another pid namespace; or -1. */
static long own_number(void)
{
    char number[24];
    ssize_t n = readlink("/proc/self", number, sizeof(number) - 1);

    if (n < 0)
        return -1;
    number[n] = 0;
    return strtol(number, NULL, 10);
}

const char *proc_own_file(const char *path)
{
    char *end;

    if (strncmp(path, "/proc/", 6) != 0)
        return NULL;
    path += 6;
    if (strncmp(path, "thread-self/", 12) == 0)
        return path + 12;
    if (strncmp(path, "self/", 5) == 0)
        path += 5;
    else if (strtol(path, &end, 10) == own_number() && *end == '/')
        path = end + 1;
    else
        return NULL;
    if (strncmp(path, "task/", 5) != 0)
        return path;
    path = strchr(path + 5, '/');
    return path ? path + 1 : NULL;
}

/* ------------------------------------------------------------------- /proc/PID/exe */

/* The argument strings of a process, as the host shows them: how many bytes, or -1. */
static ssize_t read_cmdline(long pid, char *to, size_t size)
{
    char path[64];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, to, size);
    if (fd >= 0)
        close(fd);
    return n;
}

/* What rhea's arguments say about its guest's: pointers into `args`. */
struct guest_args {
    const char *argv0, *program, *rest; /* strings; rest may be the end */
};

/* `size` bytes of strings, the last with its end.  False: it does not run a program. */
static bool find_guest_args(char *args, size_t size, struct guest_args *found)
{
    enum { MAX_WORDS = 256 }; /* options are few */
    char *words[MAX_WORDS + 1], *end = args + size;
    int count = 0, program;

    for (char *at = args; at < end && count < MAX_WORDS; at += strlen(at) + 1)
        words[count++] = at;
    if (count < 2 || strcmp(words[1], "run") != 0)
        return false;
    found->argv0 = NULL;
    program = options_skip(count - 1, words + 1, &found->argv0) + 1;
    if (program >= count)
        return false;
    found->program = words[program];
    found->rest = found->program + strlen(found->program) + 1;
    if (!found->argv0)
        found->argv0 = found->program;
    return true;
}

static bool is_rhea(long pid)
{
    char link[64], one[PATH_SIZE], own[PATH_SIZE];
    ssize_t n = readlink("/proc/self/exe", own, sizeof(own)), m;

    snprintf(link, sizeof(link), "/proc/%ld/exe", pid);
    m = readlink(link, one, sizeof(one));
    return n > 0 && m == n && memcmp(one, own, (size_t)n) == 0;
}

const char *proc_exe(struct task *t, const char *path, char *to)
{
    char args[8192], dir[64];
    struct guest_args found;
    const char *own;
    ssize_t n;
    long pid;
    char *end;

    if (strncmp(path, "/proc/", 6) != 0)
        return NULL;
    own = proc_own_file(path);
    if (own)
        return strcmp(own, "exe") == 0 ? t->proc->exe : NULL;
    pid = strtol(path + 6, &end, 10);
    if (pid <= 0 || strcmp(end, "/exe") != 0 || !is_rhea(pid))
        return NULL;
    n = read_cmdline(pid, args, sizeof(args) - 1);
    if (n <= 0)
        return NULL;
    args[n] = 0; /* it may be longer */
    if (!find_guest_args(args, (size_t)n + 1, &found))
        return NULL;
    snprintf(dir, sizeof(dir), "/proc/%ld/cwd", pid);
    n = found.program[0] == '/' ? 0 : readlink(dir, to, PATH_SIZE - 1);
    if (n < 0)
        return NULL;
    snprintf(to + n, PATH_SIZE - (size_t)n, "%s%s", n ? "/" : "", found.program);
    return to;
}

/* ------------------------------------------------------------------ made-up files */

/* A line of the host's maps. */
struct host_map {
    uint64_t start, end, offset;
    char device[16];
    uint64_t inode;
    const char *name;
};

static bool parse_map(const char *line, struct host_map *map)
{
    int name = 0;

    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %15s %" SCNu64 " %n",
               &map->start, &map->end, &map->offset, map->device, &map->inode, &name) < 5)
        return false;
    map->name = line + name;
    return true;
}

static const char *area_name(const struct proc *p, const struct space_area *area)
{
    if (p->stack_low >= area->start && p->stack_low < area->end)
        return "[stack]";
    if (p->vdso >= area->start && p->vdso < area->end)
        return "[vdso]";
    if (p->brk_start != p->brk_mapped && area->start <= p->brk_start &&
        p->brk_start < area->end)
        return "[heap]";
    return "";
}

static void write_map(FILE *out, const struct space_area *area,
                      const struct host_map *map, const char *name)
{
    int n =
        fprintf(out, "%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " %s %" PRIu64,
                area->start, area->end, area->prot & SPACE_READ ? 'r' : '-',
                area->prot & SPACE_WRITE ? 'w' : '-', area->prot & SPACE_EXEC ? 'x' : '-',
                area->shared ? 's' : 'p', map->offset, map->device, map->inode);

    fprintf(out, "%*s%s\n", *name ? (n < 73 ? 73 - n : 1) : 0, "", name);
}

/* One area of the guest, cut as the host has cut it: a line for each file in it. */
static void write_area(struct task *t, FILE *out, struct space_area area,
                       const struct host_map *maps, size_t count)
{
    uint64_t base = (uint64_t)(uintptr_t)space_base(t->proc->space);
    struct host_map none = { 0, 0, 0, "00:00", 0, "" };
    const char *name = area_name(t->proc, &area);

    for (size_t i = 0; i < count && !space_is_paged(t->proc->space); i++) {
        struct space_area piece = area;
        struct host_map map = maps[i];

        if (map.end <= base + area.start || map.start >= base + area.end || !map.inode)
            continue;
        if (map.start > base + area.start) {
            piece.end = map.start - base;
            write_map(out, &piece, &none, name);
            piece.start = area.start = piece.end;
            piece.end = area.end;
        } else {
            map.offset += base + area.start - map.start;
        }
        if (map.end < base + area.end)
            piece.end = map.end - base;
        write_map(out, &piece, &map, path_to_guest(t->proc, map.name));
        area.start = piece.end;
        if (area.start == area.end)
            return;
    }
    write_map(out, &area, &none, name);
}

void proc_write_maps(struct task *t, FILE *out)
{
    FILE *in = fopen("/proc/self/maps", "re");
    struct host_map *maps = NULL, map;
    struct space_area area;
    size_t count = 0, size = 0;
    char *line = NULL;

    while (in && getline(&line, &size, in) > 0) {
        struct host_map *larger;

        line[strcspn(line, "\n")] = 0;
        if (!parse_map(line, &map) || !map.inode)
            continue;
        larger = realloc(maps, (count + 1) * sizeof(*maps));
        map.name = larger ? strdup(map.name) : NULL;
        maps = larger ? larger : maps;
        if (map.name)
            maps[count++] = map;
    }
    for (uint64_t at = 0; space_next(t->proc->space, at, &area); at = area.end)
        write_area(t, out, area, maps, count);
    for (size_t i = 0; i < count; i++)
        free((char *)maps[i].name);
    free(maps);
    free(line);
    if (in)
        fclose(in);
}

static void write_memory(struct task *t, FILE *out, uint64_t from, uint64_t to)
{
    char byte;

    for (uint64_t at = from; at < to; at++)
        if (space_read(t->proc->space, at, &byte, 1, NULL) == 0)
            fputc(byte, out);
}

static void write_cmdline(struct task *t, FILE *out)
{
    write_memory(t, out, t->proc->arg_start, t->proc->arg_end);
}

static void write_auxv(struct task *t, FILE *out)
{
    write_memory(t, out, t->proc->aux_start, t->proc->aux_end);
}

static void write_environ(struct task *t, FILE *out)
{
    write_memory(t, out, t->proc->arg_end, t->proc->env_end);
}

static bool is_guests(const struct task *t, uint64_t addr, bool is_own)
{
    struct space_area area;

    if (is_own)
        return space_next(t->proc->space, addr, &area) && addr >= area.start;
    return addr >> t->proc->abi->address_bits == 0;
}

/* The host's maps or smaps, of areas that are the guest's: this process', or another
 * one's, whose memory begins where this one's does. */
static void write_filtered(struct task *t, FILE *out, const char *path, bool is_own)
{
    uint64_t base = (uint64_t)(uintptr_t)space_base(t->proc->space);
    FILE *in = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    bool shown = false;

    while (in && !space_is_paged(t->proc->space) && getline(&line, &size, in) > 0) {
        struct host_map map;
        bool is_first = parse_map(line, &map);

        if (is_first)
            shown = is_guests(t, map.start - base, is_own);
        if (is_first && shown && base)
            fprintf(out, "%08" PRIx64 "-%08" PRIx64 "%s", map.start - base,
                    map.end - base, strchr(line, ' '));
        else if (shown)
            fputs(line, out);
    }
    free(line);
    if (in)
        fclose(in);
}

static void write_smaps(struct task *t, FILE *out)
{
    write_filtered(t, out, "/proc/self/smaps", true);
}

static void write_cpuinfo(struct task *t, FILE *out)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    for (long i = 0; i < processors; i++)
        t->proc->abi->cpuinfo(out, (unsigned)i, t->proc->isa, t->cpu->features.bits);
}

/* The host's line, with the addresses of the guest; fields are counted from 1. */
static void write_stat(struct task *t, FILE *out)
{
    const struct proc *p = t->proc;
    const struct {
        unsigned field;
        uint64_t value;
    } changed[] = {
        { 20, proc_count_tasks(t->proc) },
        { 26, p->code_start },
        { 27, p->code_end },
        { 28, p->start_sp },
        { 29, 0 },
        { 30, 0 },
        { 45, p->data_start },
        { 46, p->data_end },
        { 47, p->brk_start },
        { 48, p->arg_start },
        { 49, p->arg_end },
        { 50, p->arg_end },
        { 51, p->env_end },
    };
    char line[1024];
    FILE *in = fopen("/proc/self/stat", "re");
    char *at = in && fgets(line, sizeof(line), in) ? strrchr(line, ')') : NULL, *save;
    unsigned field = 3, row = 0;

    if (in)
        fclose(in);
    if (!at)
        return;
    fwrite(line, 1, (size_t)(at + 1 - line), out);
    for (at = strtok_r(at + 1, " \n", &save); at;
         at = strtok_r(NULL, " \n", &save), field++) {
        while (row < sizeof(changed) / sizeof(changed[0]) && changed[row].field < field)
            row++;
        if (row < sizeof(changed) / sizeof(changed[0]) && changed[row].field == field)
            fprintf(out, " %" PRIu64, changed[row].value);
        else
            fprintf(out, " %s", at);
    }
    fputc('\n', out);
}

/* Arguments of another process: those of its guest, if rhea runs it. */
static void write_other_cmdline(long pid, FILE *out)
{
    enum { ROOM = 2 << 20 };
    char *args = malloc(ROOM);
    struct guest_args found;
    ssize_t n = args ? read_cmdline(pid, args, ROOM) : -1;

    if (n > 0 && !args[n - 1] && is_rhea(pid) &&
        find_guest_args(args, (size_t)n, &found)) {
        fwrite(found.argv0, 1, strlen(found.argv0) + 1, out);
        fwrite(found.rest, 1, (size_t)(args + n - found.rest), out);
    } else if (n > 0) {
        fwrite(args, 1, (size_t)n, out);
    }
    free(args);
}

/* ------------------------------------------------------------------------- opening */

static const struct made_up {
    const char *name;
    void (*write)(struct task *t, FILE *out);
} made_up[] = {
    { "maps", proc_write_maps }, { "cmdline", write_cmdline }, { "auxv", write_auxv },
    { "stat", write_stat },      { "environ", write_environ }, { "smaps", write_smaps },
};

/* Replaces the file behind fd by one with this text. */
static void replace(int fd, const char *text, size_t size, int flags)
{
    int with = memfd_create("proc", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    size_t done = 0;

    if (with < 0)
        return;
    while (done < size) {
        ssize_t n = write(with, text + done, size - done);

        if (n <= 0)
            break;
        done += (size_t)n;
    }
    lseek(with, 0, SEEK_SET);
    dup3(with, fd, flags & O_CLOEXEC);
    close(with);
}

/* Writes what the guest is to see of the file at `path`; false: as it is. */
static bool write_file(struct task *t, const char *path, FILE *out)
{
    const char *own = proc_own_file(path);
    char *end;
    long pid;

    if (strcmp(path, "/proc/cpuinfo") == 0) {
        write_cpuinfo(t, out);
        return true;
    }
    for (size_t i = 0; own && i < sizeof(made_up) / sizeof(made_up[0]); i++)
        if (strcmp(own, made_up[i].name) == 0) {
            made_up[i].write(t, out);
            return true;
        }
    if (own && strcmp(own, "status") == 0) {
        proc_write_status(t, path, out);
        return true;
    }
    pid = strtol(path + 6, &end, 10);
    if (own || pid <= 0)
        return false;
    if (strcmp(end, "/cmdline") == 0)
        write_other_cmdline(pid, out);
    else if ((strcmp(end, "/maps") == 0 || strcmp(end, "/smaps") == 0) && is_rhea(pid))
        write_filtered(t, out, path, false);
    else
        return false;
    return true;
}

void proc_file_opened(struct task *t, const char *path, int fd, int flags)
{
    static const char *const names[] = { "maps",    "cmdline", "auxv",  "stat", "status",
                                         "cpuinfo", "environ", "smaps", "mem" };
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char link[64], real[PATH_SIZE], *text = NULL;
    size_t size = 0, i;
    ssize_t n;
    FILE *out;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            break;
    if (i == sizeof(names) / sizeof(names[0]) || flags & O_PATH)
        return;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, real, sizeof(real) - 1);
    if (n <= 6 || strncmp(real, "/proc/", 6) != 0)
        return;
    real[n] = 0;
    if (strcmp(name, "mem") == 0) {
        t->proc->has_mem_file = true;
        return;
    }
    out = open_memstream(&text, &size);
    if (!out)
        return;
    if (write_file(t, real, out)) {
        fclose(out);
        replace(fd, text, size, flags);
    } else {
        fclose(out);
    }
    free(text);
}
