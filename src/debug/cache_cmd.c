/* cache_cmd.c - `rhea cache`: what the cache of compiled code holds, and how much it may.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "debug/debug.h"
#include "interp/cache.h"

static const char help[] =
    "usage: rhea cache show [-v]    what is kept (-v: and what it depends on)\n"
    "       rhea cache warm [-only NAME]... [-precise] [OPTION]... PROGRAM [FILE]...\n"
    "                               compile PROGRAM, the libraries that it needs, and\n"
    "                               FILEs that it loads later (modules); of these, only\n"
    "                               those that are called NAME (as 'libc.so*');\n"
    "                               -precise: as threads and handlers of SIGSEGV need\n"
    "                               it, too; then options of rhea run\n"
    "       rhea cache warm -run [OPTION]... PROGRAM [ARGUMENT]...\n"
    "                               run it, while all code that runs 50 times is\n"
    "                               compiled at once: slow\n"
    "       rhea cache clear        remove all of it\n"
    "       rhea cache limit [SIZE] how much is kept at most, or set it: megabytes, or\n"
    "                               as 2G; 0: nothing\n"
    "\n"
    "Compiled code of files is kept in $RHEA_CACHE, $XDG_CACHE_HOME/rhea or\n"
    "~/.cache/rhea; nothing is kept if RHEA_CACHE is empty.\n";

struct shown {
    char name[64];
    uint64_t size;
    int64_t age;
};

struct shown_list {
    struct shown *files;
    size_t count;
    uint64_t size;
};

/* --------------------------------------------------------------------------- folder */

/* -1: there is none yet. */
static int open_folder(const char *path, bool make)
{
    int folder = cache_open_folder(path, make);

    if (folder == -EPERM)
        die("cache: %s: belongs to another user, or others can write to it, so it is not "
            "used: change that, or set RHEA_CACHE",
            path);
    if (folder == -ENOTDIR || folder == -ELOOP)
        die("cache: %s: a link, or no folder, so it is not used", path);
    if (folder < 0 && (make || folder != -ENOENT))
        die("cache: %s: %s", path, strerror(-folder));
    return folder < 0 ? -1 : folder;
}

/* ---------------------------------------------------------------------------- show */

static void print_size(uint64_t size, int width)
{
    static const char units[][4] = { "B", "KB", "MB", "GB" };
    double value = (double)size;
    unsigned unit = 0;

    for (; value >= 1000 && unit < 3; unit++)
        value /= 1024;
    printf("%*.*f %*s", width, unit ? 1 : 0, value, width ? -2 : 0, units[unit]);
}

static void print_age(int64_t seconds)
{
    if (seconds < 120)
        printf("%5" PRId64 " s", seconds < 0 ? 0 : seconds);
    else if (seconds < 120 * 60)
        printf("%3" PRId64 " min", seconds / 60);
    else if (seconds < 48 * 3600)
        printf("%5" PRId64 " h", seconds / 3600);
    else
        printf("%5" PRId64 " d", seconds / 86400);
}

/* A file's name can be anything. */
static void print_text(const char *text, int length)
{
    for (int i = 0; i < length; i++)
        putchar((unsigned char)text[i] < ' ' || text[i] == 127 ? '?' : text[i]);
}

static void print_key(const char *key, int length)
{
    const char *end = key + length;

    while (key < end) {
        const char *newline = memchr(key, '\n', (size_t)(end - key));
        int n = (int)((newline ? newline : end) - key);

        printf("    ");
        print_text(key, n);
        putchar('\n');
        key += n + 1;
    }
}

static void print_file(int folder, const struct shown *shown, bool verbose)
{
    struct cache_file file;
    const char *text;
    int length;
    bool is_good = cache_open_name(folder, shown->name, &file) == 0;

    printf(is_good ? "%8" PRIu32 " " : "       - ", is_good ? cache_regions(&file) : 0);
    print_size(shown->size, 8);
    print_age(shown->age);
    printf("  ");
    if (!is_good) {
        printf("%s (not used: damaged, or not this rhea's)\n", shown->name);
        return;
    }
    text = cache_path(&file, &length);
    print_text(text, length);
    putchar('\n');
    text = cache_key_text(&file, &length);
    if (verbose)
        print_key(text, length);
    cache_close(&file);
}

static void add_shown(void *context, const char *name, uint64_t size, int64_t age)
{
    struct shown_list *list = context;
    struct shown *shown;

    if (!cache_is_name(name))
        return;
    list->files = realloc(list->files, (list->count + 1) * sizeof *list->files);
    if (!list->files)
        die("out of memory");
    shown = &list->files[list->count++];
    snprintf(shown->name, sizeof shown->name, "%s", name);
    shown->size = size;
    shown->age = age;
    list->size += size;
}

static int newest_first(const void *a, const void *b)
{
    const struct shown *left = a, *right = b;

    return (left->age > right->age) - (left->age < right->age);
}

static int show(const char *path, bool verbose)
{
    int folder = open_folder(path, false);
    struct shown_list list = { 0 };
    uint64_t limit = folder < 0 ? CACHE_LIMIT : cache_limit(folder);

    if (folder >= 0)
        host_folder_list(folder, add_shown, &list);
    printf("%s: %zu file%s, ", path, list.count, list.count == 1 ? "" : "s");
    print_size(list.size, 0);
    printf(" of at most ");
    print_size(limit, 0);
    putchar('\n');
    if (list.count) {
        qsort(list.files, list.count, sizeof *list.files, newest_first);
        printf(" regions        size   used  program\n");
    }
    for (size_t i = 0; i < list.count; i++)
        print_file(folder, &list.files[i], verbose);
    free(list.files);
    if (folder >= 0)
        host_folder_close(folder);
    return 0;
}

/* ------------------------------------------------------------------ clear and limit */

static int clear(const char *path)
{
    int folder = open_folder(path, false);
    uint64_t bytes = 0;
    uint32_t files = 0;

    if (folder >= 0) {
        cache_clear(folder, &files, &bytes);
        host_folder_close(folder);
    }
    printf("%s: removed %" PRIu32 " file%s, ", path, files, files == 1 ? "" : "s");
    print_size(bytes, 0);
    putchar('\n');
    return 0;
}

static uint64_t read_size(const char *text)
{
    static const char units[] = "kmgt";
    char *end;
    const char *unit;
    unsigned long long size;
    unsigned shift;

    errno = 0;
    size = strtoull(text, &end, 10);
    unit = *end ? strchr(units, *end | 0x20) : units + 1;
    shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (errno || *text < '0' || *text > '9' || !unit || (*end && end[1]) ||
        size > UINT64_MAX >> shift)
        die("cache limit %s: not a size: megabytes, or as 2G", text);
    return size << shift;
}

static int limit(const char *path, const char *text)
{
    uint64_t size = text ? read_size(text) : 0;
    int folder = open_folder(path, text != NULL), error;

    if (text) {
        error = cache_set_limit(folder, size);
        if (error)
            die("cache: %s: the limit cannot be written: %s", path, strerror(-error));
    }
    printf("%s: at most ", path);
    print_size(folder < 0 ? CACHE_LIMIT : cache_limit(folder), 0);
    putchar('\n');
    if (folder >= 0)
        host_folder_close(folder);
    return 0;
}

/* ------------------------------------------------------------------------- commands */

static int run_warm(int argc, char **argv, int (*warm)(int argc, char **argv))
{
    if (argc < 2)
        die("cache warm: which program?");
    if (!warm)
        die("cache warm: this build has no JIT, so it cannot compile %s",
            argv[argc > 1 ? 1 : 0]);
    return warm(argc, argv);
}

static int run_command(int argc, char **argv, const char *path)
{
    const char *word = argv[0], *argument = argc > 1 ? argv[1] : NULL;

    if (strcmp(word, "show") == 0 &&
        (!argument || (argc == 2 && strcmp(argument, "-v") == 0)))
        return show(path, argument != NULL);
    if (strcmp(word, "clear") == 0 && !argument)
        return clear(path);
    if (strcmp(word, "limit") == 0 && argc <= 2)
        return limit(path, argument);
    if (strcmp(word, "show") && strcmp(word, "clear") && strcmp(word, "limit"))
        die("cache: no command `%s`; there are show, warm, clear and limit", word);
    die("cache %s: do not know what `%s` is; see rhea cache --help", word,
        argc > 2 ? argv[2] : argument);
}

int cache_main(int argc, char **argv, int (*warm)(int argc, char **argv))
{
    const char *word = argc > 1 ? argv[1] : "", *why = NULL;
    char *path;
    int status;

    if (!strcmp(word, "--help") || !strcmp(word, "-help") || !strcmp(word, "-h"))
        return fputs(help, stdout) < 0;
    if (argc < 2) {
        fputs(help, stderr);
        return 1;
    }
    path = cache_folder(&why);
    if (!path)
        die("cache: off: %s", why ? why : "no memory");
    if (strcmp(word, "warm") == 0)
        status = run_warm(argc - 1, argv + 1, warm);
    else
        status = run_command(argc - 1, argv + 1, path);
    free(path);
    return status;
}
