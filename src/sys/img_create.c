/* img_create.c - `rhea img create` and `rhea img resize`. */
#include <stdlib.h>
#include <string.h>

#include "sys/img.h"

int img_parse_preallocation(const char *text, enum disk_preallocation *preallocation)
{
    static const char *const names[] = { "off", "metadata", "falloc", "full" };

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text, names[i]) == 0) {
            *preallocation = (enum disk_preallocation)i;
            return 0;
        }
    return img_fail("img: preallocation is off, metadata, falloc or full, not `%s`",
                    text);
}

static int wrong_value(const char *name, const char *value)
{
    return img_fail("img: `%s` is no value for %s", value, name);
}

static int set_flag(const char *name, const char *value, bool *flag)
{
    *flag = strcmp(value, "on") == 0 || strcmp(value, "true") == 0 ||
            strcmp(value, "yes") == 0;
    if (*flag || strcmp(value, "off") == 0 || strcmp(value, "false") == 0 ||
        strcmp(value, "no") == 0)
        return 0;
    return wrong_value(name, value);
}

static int set_qcow2(const char *name, const char *value, struct disk_create *options)
{
    uint64_t number;
    bool flag;

    if (strcmp(name, "compat") == 0) {
        bool old = strcmp(value, "0.10") == 0 || strcmp(value, "v2") == 0;
        if (!old && strcmp(value, "1.1") != 0 && strcmp(value, "v3") != 0)
            return wrong_value(name, value);
        options->version = old ? 2 : 3;
    } else if (strcmp(name, "cluster_size") == 0) {
        if (!img_size(value, &number) || number > UINT32_MAX)
            return wrong_value(name, value);
        options->cluster_size = (uint32_t)number;
    } else if (strcmp(name, "refcount_bits") == 0) {
        if (!img_size(value, &number) || number > 64)
            return wrong_value(name, value);
        options->refcount_bits = (unsigned)number;
    } else if (strcmp(name, "lazy_refcounts") == 0) {
        return set_flag(name, value, &options->lazy_refcounts);
    } else if (strcmp(name, "compression_type") == 0) {
        options->use_zstd = strcmp(value, "zstd") == 0;
        if (!options->use_zstd && strcmp(value, "zlib") != 0)
            return wrong_value(name, value);
    } else if (strcmp(name, "extended_l2") == 0) {
        if (set_flag(name, value, &flag))
            return 1;
        if (flag)
            return img_fail("img: extended_l2 is not supported");
    } else {
        return img_fail("img: unknown option `%s` of qcow2", name);
    }
    return 0;
}

static int set_option(char *name, const char *format, struct disk_create *options)
{
    char *value = strchr(name, '=');
    bool flag;

    if (!value)
        return img_fail("img: option `%s` needs a value", name);
    *value++ = 0;
    if (strcmp(name, "preallocation") == 0)
        return img_parse_preallocation(value, &options->preallocation);
    if (strcmp(name, "size") == 0)
        return img_size(value, &options->size) ? 0 : wrong_value(name, value);
    if (strcmp(name, "nocow") == 0)
        return set_flag(name, value, &flag);
    if (strcmp(name, "backing_file") == 0 || strcmp(name, "backing_fmt") == 0) {
        const char **to = name[8] == 'f' && name[9] == 'i' ? &options->backing
                                                           : &options->backing_format;
        *to = value; /* lives as long as the text */
        return 0;
    }
    if (strcmp(format, "qcow2") == 0)
        return set_qcow2(name, value, options);
    return img_fail("img: unknown option `%s` of %s", name, format);
}

int img_create_options(char *text, const char *format, struct disk_create *options)
{
    char *end;

    for (char *next = text; *next; next = end) {
        end = next + strcspn(next, ",");
        if (*end)
            *end++ = 0;
        if (*next && set_option(next, format, options))
            return 1;
    }
    return 0;
}

/* What is recorded as the backing file must be there; the size may be its own. */
static int check_backing(const char *path, struct disk_create *options, bool has_size,
                         bool unsafe)
{
    char error[DISK_ERROR];
    struct disk_image *backing;
    char *name;

    if (!options->backing_format)
        return img_fail("%s: the backing file needs a format (-F)", path);
    if (!disk_format_exists(options->backing_format))
        return img_fail("%s: unknown format `%s` of the backing file", path,
                        options->backing_format);
    if (unsafe && has_size)
        return 0;
    name = disk_backing_path(path, options->backing, error);
    if (!name)
        return img_fail("%s", error);
    backing = img_open(name, options->backing_format, 0);
    free(name);
    if (!backing)
        return 1;
    if (!has_size)
        options->size = disk_size(backing);
    return disk_close(backing) != 0;
}

static void print_made(const char *path, const char *format,
                       const struct disk_create *options)
{
    printf("Formatting '%s', fmt=%s", path, format);
    if (strcmp(format, "qcow2") == 0)
        printf(" cluster_size=%lu compat=%s compression_type=%s",
               (unsigned long)options->cluster_size,
               options->version < 3 ? "0.10" : "1.1",
               options->use_zstd ? "zstd" : "zlib");
    printf(" size=%llu", (unsigned long long)options->size);
    if (options->backing)
        printf(" backing_file=%s backing_fmt=%s", options->backing,
               options->backing_format);
    if (strcmp(format, "qcow2") == 0)
        printf(" lazy_refcounts=%s refcount_bits=%u",
               options->lazy_refcounts ? "on" : "off", options->refcount_bits);
    printf("\n");
}

struct create_line {
    const char *format, *size;
    bool quiet, unsafe;
    char *texts[8];
    int text_count;
};

static int read_create(struct img_args *args, struct create_line *line,
                       struct disk_create *options)
{
    int letter;

    while ((letter = img_option(args, "f:b:F:o:qu", NULL)) > 0) {
        switch (letter) {
        case 'f': line->format = args->value; break;
        case 'b': options->backing = args->value; break;
        case 'F': options->backing_format = args->value; break;
        case 'q': line->quiet = true; break;
        case 'u': line->unsafe = true; break;
        default:
            if (line->text_count == 8)
                return img_fail("img: too many -o");
            line->texts[line->text_count++] = args->value;
        }
    }
    if (letter < 0)
        return 1;
    if (args->name_count < 1 || args->name_count > 2)
        return img_fail("img: create needs a file, and a size");
    line->size = args->name_count == 2 ? args->names[1] : NULL;
    if (!disk_format_exists(line->format))
        return img_fail("%s: unknown format `%s`", args->names[0], line->format);
    for (int i = 0; i < line->text_count; i++)
        if (img_create_options(line->texts[i], line->format, options))
            return 1;
    return 0;
}

int img_create(struct img_args *args)
{
    struct create_line line = { .format = "raw" };
    struct disk_create options;
    char error[DISK_ERROR];
    const char *path;
    bool has_size;

    disk_create_defaults(&options);
    options.size = UINT64_MAX;
    if (read_create(args, &line, &options))
        return 1;
    path = args->names[0];
    if (line.size && !img_size(line.size, &options.size))
        return img_fail("%s: `%s` is no size; it is a number with K, M, G or T", path,
                        line.size);
    has_size = options.size != UINT64_MAX;
    if (options.backing && strcmp(line.format, "qcow2") != 0)
        return img_fail("%s: a %s image has no backing file", path, line.format);
    if (options.backing && check_backing(path, &options, has_size, line.unsafe))
        return 1;
    if (options.size == UINT64_MAX)
        return img_fail("%s: needs a size", path);
    options.size = (options.size + DISK_SECTOR - 1) / DISK_SECTOR * DISK_SECTOR;
    if (!line.quiet)
        print_made(path, line.format, &options);
    return disk_create(path, line.format, &options, error) ? img_fail("%s", error) : 0;
}

/* -------------------------------------------------------------------------- resize */

static int new_size(const char *text, uint64_t before, uint64_t *size)
{
    char sign = *text == '+' || *text == '-' ? *text : 0;

    if (!img_size(text + (sign != 0), size))
        return img_fail("`%s` is no size; it is a number with K, M, G or T", text);
    if (sign == '-' && *size > before)
        return img_fail("%s: the image is smaller than that", text);
    if (sign)
        *size = sign == '+' ? before + *size : before - *size;
    *size = (*size + DISK_SECTOR - 1) / DISK_SECTOR * DISK_SECTOR;
    return 0;
}

int img_resize(struct img_args *args)
{
    static const struct img_long longs[] = { { "preallocation", 'p', true },
                                             { "shrink", 's', false },
                                             { NULL, 0, false } };
    enum disk_preallocation preallocation = DISK_SPARSE;
    const char *format = NULL, *path;
    bool quiet = false, may_shrink = false;
    char error[DISK_ERROR] = "";
    struct disk_image *image;
    uint64_t size = 0;
    int letter, status;

    while ((letter = img_option(args, "f:q", longs)) > 0) {
        switch (letter) {
        case 'f': format = args->value; break;
        case 'q': quiet = true; break;
        case 's': may_shrink = true; break;
        default:
            if (img_parse_preallocation(args->value, &preallocation))
                return 1;
        }
    }
    if (letter < 0)
        return 1;
    if (args->name_count != 2)
        return img_fail("img: resize needs a file and a size");
    path = args->names[0];
    image = img_open(path, format, DISK_WRITABLE | DISK_UNMAP);
    if (!image)
        return 1;
    status = new_size(args->names[1], disk_size(image), &size);
    if (!status && size < disk_size(image) && !may_shrink)
        status =
            img_fail("%s: it would lose what is behind the new end; say --shrink", path);
    if (!status && disk_resize(image, size, preallocation, error))
        status = img_fail("%s", error);
    if (disk_close(image) && !status)
        status = img_fail("%s: cannot be written", path);
    if (!status && !quiet)
        printf("Image resized.\n");
    return status;
}
