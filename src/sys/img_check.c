/* img_check.c - `rhea img check` and `rhea img compare`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sys/img.h"

/* --------------------------------------------------------------------------- check */

enum check_status {
    CHECK_FAILED = 1,
    CHECK_CORRUPT = 2,
    CHECK_LEAKS = 3,
    CHECK_NONE = 63
};

static void print_finding(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

static void count_json(struct img_json *out, const char *key, uint64_t count)
{
    if (count)
        say_number(out, key, count);
}

static void check_json(struct disk_image *image, const struct disk_check *check)
{
    struct img_json out = { 0, true };

    say_open(&out, NULL, '{');
    say_number(&out, "image-end-offset", check->end_offset);
    say_number(&out, "total-clusters", check->total_clusters);
    say_number(&out, "check-errors", check->errors);
    count_json(&out, "corruptions", check->corruptions);
    count_json(&out, "corruptions-fixed", check->corruptions_fixed);
    count_json(&out, "leaks", check->leaks);
    count_json(&out, "leaks-fixed", check->leaks_fixed);
    count_json(&out, "allocated-clusters", check->allocated);
    count_json(&out, "fragmented-clusters", check->fragmented);
    count_json(&out, "compressed-clusters", check->compressed);
    say_string(&out, "filename", disk_path(image));
    say_string(&out, "format", disk_format_name(image));
    say_close(&out, '}');
}

static void print_count(uint64_t count, const char *what)
{
    if (count)
        printf("%llu %s\n", (unsigned long long)count, what);
}

static void check_print(const struct disk_check *check)
{
    double total = check->total_clusters ? (double)check->total_clusters : 1;
    double allocated = check->allocated ? (double)check->allocated : 1;

    if (check->corruptions_fixed || check->leaks_fixed)
        printf("The following inconsistencies were found and repaired:\n\n"
               "    %llu leaked clusters\n    %llu corruptions\n\n",
               (unsigned long long)check->leaks_fixed,
               (unsigned long long)check->corruptions_fixed);
    if (!check->corruptions && !check->leaks && !check->errors)
        printf("No errors were found on the image.\n");
    print_count(check->corruptions, "errors were found on the image.");
    print_count(check->leaks, "leaked clusters were found on the image.");
    print_count(check->errors, "internal errors have occurred during the check.");
    if (check->total_clusters && check->allocated)
        printf("%llu/%llu = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%% compressed "
               "clusters\n",
               (unsigned long long)check->allocated,
               (unsigned long long)check->total_clusters,
               (double)check->allocated * 100 / total,
               (double)check->fragmented * 100 / allocated,
               (double)check->compressed * 100 / allocated);
    if (check->end_offset)
        printf("Image end offset: %llu\n", (unsigned long long)check->end_offset);
}

struct check_line {
    const char *format;
    enum disk_repair repair;
    unsigned flags;
    bool json, quiet;
};

static int read_check(struct img_args *args, struct check_line *line)
{
    static const struct img_long longs[] = { { "output", 'o', true },
                                             { "repair", 'r', true },
                                             { "force-share", 'U', false },
                                             { NULL, 0, false } };
    int letter;

    while ((letter = img_option(args, "f:r:qUT:", longs)) > 0) {
        switch (letter) {
        case 'f': line->format = args->value; break;
        case 'q': line->quiet = true; break;
        case 'U': line->flags |= DISK_SHARE; break;
        case 'T': break; /* caches: as the host does it */
        case 'o':
            if (img_output(args->value, &line->json))
                return 1;
            break;
        default:
            line->repair =
                strcmp(args->value, "all") == 0 ? DISK_REPAIR_ALL : DISK_REPAIR_LEAKS;
            if (line->repair == DISK_REPAIR_LEAKS && strcmp(args->value, "leaks") != 0)
                return img_fail("img: -r is `leaks` or `all`, not `%s`", args->value);
        }
    }
    if (letter < 0)
        return 1;
    return args->name_count == 1 ? 0 : img_fail("img: check needs a file");
}

int img_check(struct img_args *args)
{
    struct check_line line = { .flags = DISK_CHECK | DISK_NO_BACKING };
    struct disk_check check = { .report = NULL };
    struct disk_image *image;
    int error;

    if (read_check(args, &line))
        return CHECK_FAILED;
    image = img_open(args->names[0], line.format,
                     line.flags | (line.repair ? DISK_WRITABLE : 0));
    if (!image)
        return CHECK_FAILED;
    check.report = line.quiet || line.json ? NULL : print_finding;
    error = disk_check(image, line.repair, &check);
    if (error == -ENOTSUP) {
        img_fail("%s: %s", args->names[0],
                 line.repair && disk_check(image, DISK_REPAIR_NOTHING, &check) == 0
                     ? "has bitmaps, which this cannot repair"
                     : "its format has nothing to check");
        disk_close(image);
        return CHECK_NONE;
    }
    if (error)
        img_fail("%s: cannot be checked: %s", args->names[0], strerror(-error));
    else if (line.json)
        check_json(image, &check);
    else if (!line.quiet)
        check_print(&check);
    if (disk_close(image) || error || check.errors)
        return CHECK_FAILED;
    return check.corruptions ? CHECK_CORRUPT : check.leaks ? CHECK_LEAKS : 0;
}

/* ------------------------------------------------------------------------- compare */

enum { COMPARE_SAME = 0, COMPARE_DIFFERS = 1, COMPARE_OPEN = 2, COMPARE_READ = 4 };
enum { PIECE = 1 << 20 };

struct comparison {
    struct disk_image *a, *b;
    uint8_t *bytes_a, *bytes_b;
    bool quiet, progress;
};

static int differ(const struct comparison *c, uint64_t offset)
{
    if (!c->quiet)
        printf("Content mismatch at offset %llu!\n", (unsigned long long)offset);
    return COMPARE_DIFFERS;
}

static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t size)
{
    uint64_t at = 0;

    while (at < size && a[at] == b[at])
        at++;
    return at;
}

/* Where both images are; `zero`: where only `a` is, and must have zeros. */
static int compare_range(struct comparison *c, uint64_t from, uint64_t to, bool zero)
{
    for (uint64_t at = from, part; at < to; at += part) {
        struct disk_extent a, b = { .size = to - at, .is_zero = true };
        if (disk_extent_chain(c->a, at, to - at, &a) ||
            (!zero && disk_extent_chain(c->b, at, to - at, &b)))
            return COMPARE_READ;
        part = a.size < b.size ? a.size : b.size;
        if (a.is_zero && b.is_zero)
            continue;
        if (part > PIECE)
            part = PIECE;
        memset(c->bytes_b, 0, part);
        if (disk_read(c->a, at, c->bytes_a, part) ||
            (!zero && disk_read(c->b, at, c->bytes_b, part)))
            return COMPARE_READ;
        if (memcmp(c->bytes_a, c->bytes_b, part) != 0)
            return differ(c, (at + first_difference(c->bytes_a, c->bytes_b, part)) /
                                 DISK_SECTOR * DISK_SECTOR);
        if (c->progress) {
            printf("    (%3.2f/100%%)\r", (double)at * 100 / (double)to);
            fflush(stdout);
        }
    }
    return COMPARE_SAME;
}

static int compare(struct comparison *c, bool strict)
{
    uint64_t size_a = disk_size(c->a), size_b = disk_size(c->b);
    uint64_t both = size_a < size_b ? size_a : size_b;
    int status;

    if (size_a != size_b && strict) {
        if (!c->quiet)
            printf("Strict mode: Image size mismatch!\n");
        return COMPARE_DIFFERS;
    }
    status = compare_range(c, 0, both, false);
    if (status || size_a == size_b)
        return status;
    if (!c->quiet)
        printf("Warning: Image size mismatch!\n");
    if (size_a < size_b) {
        struct disk_image *swap = c->a;
        c->a = c->b;
        c->b = swap;
    }
    return compare_range(c, both, size_a < size_b ? size_b : size_a, true);
}

struct compare_line {
    const char *format_a, *format_b;
    bool strict;
    unsigned flags;
};

static int read_compare(struct img_args *args, struct compare_line *line,
                        struct comparison *c)
{
    static const struct img_long longs[] = { { "force-share", 'U', false },
                                             { NULL, 0, false } };
    int letter;

    while ((letter = img_option(args, "f:F:T:pqsU", longs)) > 0) {
        switch (letter) {
        case 'f': line->format_a = args->value; break;
        case 'F': line->format_b = args->value; break;
        case 'p': c->progress = true; break;
        case 'q': c->quiet = true; break;
        case 's': line->strict = true; break;
        case 'U': line->flags |= DISK_SHARE; break;
        default: break;
        }
    }
    if (letter < 0)
        return 1;
    return args->name_count == 2 ? 0 : img_fail("img: compare needs two files");
}

int img_compare(struct img_args *args)
{
    struct compare_line line = { 0 };
    struct comparison c = { 0 };
    struct disk_image *a, *b;
    int status;

    if (read_compare(args, &line, &c))
        return COMPARE_OPEN;
    a = img_open(args->names[0], line.format_a, line.flags);
    b = a ? img_open(args->names[1], line.format_b, line.flags) : NULL;
    if (!b) {
        if (a)
            disk_close(a);
        return COMPARE_OPEN;
    }
    c.a = a;
    c.b = b;
    c.bytes_a = malloc(PIECE);
    c.bytes_b = malloc(PIECE);
    status = c.bytes_a && c.bytes_b ? compare(&c, line.strict) : COMPARE_READ;
    if (status == COMPARE_READ)
        img_fail("%s, %s: cannot be read", args->names[0], args->names[1]);
    else if (!status && !c.quiet)
        printf("Images are identical.\n");
    free(c.bytes_a);
    free(c.bytes_b);
    disk_close(a);
    disk_close(b);
    return status;
}
