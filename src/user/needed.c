/* needed.c - the files that a dynamic program is loaded with.
 *
 * They are looked for where ld.so does: DT_RPATH, LD_LIBRARY_PATH, DT_RUNPATH, folders of
 * its own.  Which those are depends on how it was built: taken are those of
 * /etc/ld.so.conf and /etc/ld-musl-*.path, the interpreter's folder with and without
 * links, and the usual ones.  A file for another machine is passed over.
 *
 * Spec: System V ABI, chapter 5, "Shared Object Dependencies"; ld.so(8).
 * Not modelled: LD_PRELOAD, /etc/ld.so.cache, folders for some models of a CPU
 * (glibc-hwcaps), ${PLATFORM} and ${LIB}. */
#include "user/needed.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isa/space.h"
#include "user/linux/linux.h"
#include "user/run.h"

enum { DT_NEEDED = 1, DT_STRTAB = 5, DT_STRSZ = 10, DT_RPATH = 15, DT_RUNPATH = 29 };
enum { MAX_FILES = 200, MAX_CONF = 1 << 16, CONF_DEPTH = 4 };

static const char usual[] = "/lib:/usr/lib:/lib64:/usr/lib64:/usr/local/lib";

/* ------------------------------------------------------------------------- one file */

static void close_file(struct needed_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    elf_reader_end(&file->reader);
    free(file->image);
    free(file->path);
    free(file->runpath);
    free(file);
}

static const char *read_file(struct needed_file *file, const struct task *t)
{
    static char error[ELF_ERROR];
    struct stat st;

    file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0 || fstat(file->fd, &st) < 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "is not a file";
    file->size = (uint64_t)st.st_size;
    file->dev = st.st_dev;
    file->ino = st.st_ino;
    file->source = (struct elf_source){ &file->fd, elf_read_fd, file->size };
    file->image = calloc(1, sizeof *file->image);
    if (!file->image)
        return "no memory";
    if (elf_parse(&file->source, space_limit(t->proc->space), space_page(t->proc->space),
                  file->image, error) < 0)
        return error;
    if (abi_find(file->image->machine, file->image->bits, file->image->big) !=
        t->proc->abi)
        return "is for another machine than the program";
    elf_reader_begin(&file->reader, &file->source, file->image);
    return NULL;
}

const char *needed_add(struct needed *needed, const char *path)
{
    struct needed_file *file = calloc(1, sizeof *file), **larger;
    const char *why = "no memory";

    if (!file)
        return why;
    file->fd = -1;
    file->path = strdup(path);
    if (file->path)
        why = read_file(file, needed->task);
    for (size_t i = 0; !why && i < needed->count; i++)
        if (needed->files[i]->dev == file->dev && needed->files[i]->ino == file->ino) {
            close_file(file);
            return NULL;
        }
    if (!why && needed->count == MAX_FILES)
        why = "is one file too many";
    larger =
        why ? NULL : realloc(needed->files, (needed->count + 1) * sizeof *needed->files);
    if (!larger) {
        close_file(file);
        return why ? why : "no memory";
    }
    needed->files = larger;
    file->parent = needed->count;
    needed->files[needed->count++] = file;
    return NULL;
}

void needed_free(struct needed *needed)
{
    for (size_t i = 0; i < needed->count; i++)
        close_file(needed->files[i]);
    free(needed->files);
}

/* -------------------------------------------------------------------------- folders */

/* `name` in a folder of the guest's, whose name is not zero-terminated. */
static bool try_folder(struct needed *needed, const char *folder, size_t length,
                       const char *name)
{
    char path[PATH_SIZE], host[PATH_SIZE];
    int n = snprintf(path, sizeof path, "%.*s/%s", (int)length, folder, name);

    return length && length < PATH_SIZE && n < PATH_SIZE &&
           !needed_add(needed, path_to_host(needed->task, path, host));
}

/* Folders between colons; $ORIGIN is that of `file`. */
static bool try_path(struct needed *needed, const char *path, const char *name,
                     const struct needed_file *file)
{
    static const char *const origins[] = { "$ORIGIN", "${ORIGIN}" };
    const char *own = path_to_guest(needed->task->proc, file->path);
    const char *slash = strrchr(own, '/');
    bool found = false;

    while (path && *path && !found) {
        size_t length = strcspn(path, ":;"), origin = 0;
        char folder[2 * PATH_SIZE];

        for (unsigned i = 0; i < 2; i++)
            if (strncmp(path, origins[i], strlen(origins[i])) == 0)
                origin = strlen(origins[i]);
        if (origin && length < PATH_SIZE && slash) {
            int n = snprintf(folder, sizeof folder, "%.*s%.*s", (int)(slash - own), own,
                             (int)(length - origin), path + origin);

            found = try_folder(needed, folder, (size_t)n, name);
        } else {
            found = try_folder(needed, path, length, name);
        }
        path += length;
        path += *path != 0;
    }
    return found;
}

static bool try_conf(struct needed *needed, const char *path, const char *name,
                     unsigned depth);

/* "include PATTERN": of the guest's files; their names are the host's then. */
static bool try_include(struct needed *needed, const char *pattern, const char *name,
                        unsigned depth)
{
    char host[PATH_SIZE];
    glob_t files;
    bool found = false;

    if (depth == CONF_DEPTH ||
        glob(path_to_host(needed->task, pattern, host), 0, NULL, &files))
        return false;
    for (size_t i = 0; i < files.gl_pathc && !found; i++)
        found = try_conf(needed, files.gl_pathv[i], name, depth + 1);
    globfree(&files);
    return found;
}

/* A folder a line. */
static bool try_line(struct needed *needed, char *line, const char *name, unsigned depth)
{
    char *at = line + strspn(line, " \t");

    at[strcspn(at, "#\n=")] = 0;
    for (size_t n = strlen(at); n && strchr(" \t\r", at[n - 1]); n--)
        at[n - 1] = 0;
    if (strncmp(at, "include", 7) == 0 && strchr(" \t", at[7]))
        return try_include(needed, at + 7 + strspn(at + 7, " \t"), name, depth);
    return *at == '/' && try_path(needed, at, name, needed->files[0]);
}

/* `path` is the host's. */
static bool try_conf(struct needed *needed, const char *path, const char *name,
                     unsigned depth)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    char line[PATH_SIZE];
    bool found = false;

    for (size_t size = 0; in && !found && size < MAX_CONF && fgets(line, sizeof line, in);
         size += strlen(line) + 1)
        found = try_line(needed, line, name, depth);
    if (in)
        fclose(in);
    else if (fd >= 0)
        close(fd);
    return found;
}

static bool try_conf_of_guest(struct needed *needed, const char *pattern,
                              const char *name)
{
    return try_include(needed, pattern, name, 0);
}

/* The folders that the interpreter of the program is in. */
static bool try_interpreter(struct needed *needed, const char *name)
{
    const char *interp = needed->files[0]->image->interp, *slash;
    char host[PATH_SIZE], real[PATH_SIZE];

    if (!needed->files[0]->image->has_interp)
        return false;
    slash = strrchr(interp, '/');
    if (slash && try_folder(needed, interp, (size_t)(slash - interp), name))
        return true;
    if (!realpath(path_to_host(needed->task, interp, host), real))
        return false;
    interp = path_to_guest(needed->task->proc, real);
    slash = strrchr(interp, '/');
    return slash && try_folder(needed, interp, (size_t)(slash - interp), name);
}

static bool try_rpaths(struct needed *needed, const struct needed_file *file,
                       const char *name)
{
    for (;;) {
        if (file->is_rpath && try_path(needed, file->runpath, name, file))
            return true;
        if (needed->files[file->parent] == file)
            return false;
        file = needed->files[file->parent];
    }
}

static const char *library_path(const struct needed *needed)
{
    static const char variable[] = "LD_LIBRARY_PATH=";

    for (char **at = needed->task->proc->options->environ; *at; at++)
        if (strncmp(*at, variable, sizeof variable - 1) == 0)
            return *at + sizeof variable - 1;
    return NULL;
}

static bool find(struct needed *needed, const struct needed_file *file, const char *name)
{
    char host[PATH_SIZE];

    if (strchr(name, '/'))
        return !needed_add(needed, path_to_host(needed->task, name, host));
    return ((!file->runpath || file->is_rpath) && try_rpaths(needed, file, name)) ||
           try_path(needed, library_path(needed), name, file) ||
           (!file->is_rpath && try_path(needed, file->runpath, name, file)) ||
           try_interpreter(needed, name) ||
           try_conf_of_guest(needed, "/etc/ld.so.conf", name) ||
           try_conf_of_guest(needed, "/etc/ld-musl-*.path", name) ||
           try_path(needed, usual, name, file);
}

/* -------------------------------------------------------------------------- dynamic */

struct dynamic {
    const struct elf_reader *reader;
    uint8_t *bytes; /* the table, */
    size_t count;   /* so many rows, */
    char *strings;  /* its strings, and a 0 */
    uint64_t size;  /* of those */
};

static uint64_t value_of(const struct dynamic *d, size_t row, uint64_t *tag)
{
    unsigned word = d->reader->is_wide ? 8 : 4;
    const uint8_t *at = d->bytes + 2 * word * row;

    *tag = elf_get(d->reader->is_big, at, word);
    return elf_get(d->reader->is_big, at + word, word);
}

/* The string of the first row at or behind *row with that tag; NULL: there is none. */
static const char *next_string(const struct dynamic *d, uint64_t want, size_t *row)
{
    for (; *row < d->count; ++*row) {
        uint64_t tag, value = value_of(d, *row, &tag);

        if (tag == want && value < d->size) {
            ++*row;
            return d->strings + value;
        }
    }
    return NULL;
}

static bool read_dynamic(struct dynamic *d, const struct elf_reader *reader)
{
    struct elf_segment segment;
    uint64_t strings = 0, offset, tag;

    *d = (struct dynamic){ .reader = reader };
    if (!elf_find_segment(reader, PT_DYNAMIC, &segment))
        return false;
    d->bytes = elf_read_part(reader, segment.offset, segment.filesz);
    if (!d->bytes)
        return false;
    d->count = (size_t)(segment.filesz / (reader->is_wide ? 16 : 8));
    for (size_t i = 0; i < d->count; i++) {
        uint64_t value = value_of(d, i, &tag);

        strings = tag == DT_STRTAB ? value : strings;
        d->size = tag == DT_STRSZ ? value : d->size;
    }
    if (elf_offset(reader->image, strings, &offset))
        d->strings = (char *)elf_read_part(reader, offset, d->size);
    return d->strings != NULL;
}

static void find_runpath(struct needed_file *file, const struct dynamic *d)
{
    size_t row = 0;
    const char *path = next_string(d, DT_RUNPATH, &row);

    if (!path) {
        row = 0;
        path = next_string(d, DT_RPATH, &row);
        file->is_rpath = path != NULL;
    }
    file->runpath = path ? strdup(path) : NULL;
}

static void add_needed(struct needed *needed, size_t number)
{
    struct needed_file *file = needed->files[number];
    struct dynamic d;
    const char *name;
    size_t row = 0;

    if (read_dynamic(&d, &file->reader)) {
        find_runpath(file, &d);
        while (needed->count < MAX_FILES && (name = next_string(&d, DT_NEEDED, &row))) {
            size_t before = needed->count;

            if (!find(needed, file, name))
                needed->missing(name, file->path);
            if (needed->count > before)
                needed->files[before]->parent = number;
        }
    }
    free(d.strings);
    free(d.bytes);
}

void needed_add_all(struct needed *needed)
{
    while (needed->asked < needed->count)
        add_needed(needed, needed->asked++);
}
