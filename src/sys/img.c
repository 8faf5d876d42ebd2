/* img.c - `rhea img`: its commands and their options. */
#include "sys/img.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct command {
    const char *name;
    int (*run)(struct img_args *args);
    const char *usage;
} commands[] = {
    { "check", img_check, "[-q] [-f FMT] [--output=json] [-r leaks|all] [-U] FILE" },
    { "compare", img_compare, "[-f FMT] [-F FMT] [-p] [-q] [-s] [-U] FILE1 FILE2" },
    { "convert", img_convert,
      "[-c] [-n] [-p] [-q] [-U] [-f FMT] [-O FMT] [-B BACKING [-F FMT]] [-o OPTIONS] "
      "[-S SIZE] FILE NEW" },
    { "create", img_create,
      "[-q] [-u] [-f FMT] [-b BACKING -F FMT] [-o OPTIONS] FILE [SIZE]" },
    { "info", img_info, "[-f FMT] [--output=json] [--backing-chain] [-U] FILE" },
    { "map", img_map,
      "[-f FMT] [--output=json] [--start-offset=N] [--max-length=N] [-U] FILE" },
    { "resize", img_resize,
      "[-q] [-f FMT] [--preallocation=HOW] [--shrink] FILE [+|-]SIZE" },
    { NULL, NULL, NULL },
};

int img_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs("rhea: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return 1;
}

/* ------------------------------------------------------------------------- options */

static int take_value(struct img_args *args, const char *option)
{
    if (args->next >= args->argc) {
        img_fail("img: option %s needs a value", option);
        return -1;
    }
    args->value = args->argv[args->next++];
    return 0;
}

static int long_option(struct img_args *args, char *text, const struct img_long *longs)
{
    size_t length = strcspn(text, "=");

    for (; longs && longs->name; longs++) {
        if (strlen(longs->name) != length || strncmp(longs->name, text, length) != 0)
            continue;
        if (!longs->has_value && text[length]) {
            img_fail("img: option --%s has no value", longs->name);
            return -1;
        }
        args->value = text[length] ? text + length + 1 : NULL;
        if (longs->has_value && !args->value && take_value(args, text))
            return -1;
        return longs->letter;
    }
    img_fail("img: unknown option --%s", text);
    return -1;
}

static int short_option(struct img_args *args, const char *options)
{
    char letter = *args->rest++, name[3] = { '-', letter, 0 };
    const char *found = letter == ':' ? NULL : strchr(options, letter);

    if (!found) {
        img_fail("img: unknown option %s", name);
        return -1;
    }
    if (found[1] == ':') {
        args->value = *args->rest ? args->rest : NULL;
        args->rest = NULL;
        if (!args->value && take_value(args, name))
            return -1;
    }
    return letter;
}

int img_option(struct img_args *args, const char *options, const struct img_long *longs)
{
    while ((args->rest && *args->rest) || args->next < args->argc) {
        char *arg;

        if (args->rest && *args->rest)
            return short_option(args, options);
        arg = args->argv[args->next++];
        if (!args->ended && strcmp(arg, "--") == 0) {
            args->ended = true;
        } else if (!args->ended && strncmp(arg, "--", 2) == 0) {
            return long_option(args, arg + 2, longs);
        } else if (!args->ended && arg[0] == '-' && arg[1] &&
                   /* `resize FILE -1G` */
                   !(arg[1] >= '0' && arg[1] <= '9')) {
            args->rest = arg + 1;
        } else if (args->name_count == sizeof(args->names) / sizeof(args->names[0])) {
            img_fail("img: too many files");
            return -1;
        } else {
            args->names[args->name_count++] = arg;
        }
    }
    return 0;
}

int img_output(const char *value, bool *json)
{
    *json = strcmp(value, "json") == 0;
    if (*json || strcmp(value, "human") == 0)
        return 0;
    img_fail("img: --output is `human` or `json`, not `%s`", value);
    return -1;
}

bool img_size(const char *text, uint64_t *size)
{
    static const char units[] = "bkmgtpe";
    char *end;
    double value;
    const char *unit;
    unsigned shift;

    if (!(text[0] >= '0' && text[0] <= '9'))
        return false;
    *size = strtoull(text, &end, 10);
    value = *end == '.' ? strtod(text, &end) : (double)*size;
    unit = *end ? strchr(units, *end | 0x20) : units;
    if (!unit || (*end && end[1]))
        return false;
    shift = (unsigned)(unit - units) * 10;
    if (value * (double)((uint64_t)1 << shift) >= 9.2e18)
        return false;
    *size = value == (double)*size ? *size << shift
                                   : (uint64_t)(value * (double)((uint64_t)1 << shift));
    return true;
}

void img_print_size(FILE *out, uint64_t size)
{
    static const char *const units[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
    double value = (double)size;
    int unit = 0;

    for (; value >= 1000 && unit < 6; unit++)
        value /= 1024;
    fprintf(out, "%0.3g %sB", value, units[unit]);
}

struct disk_image *img_open(const char *path, const char *format, unsigned flags)
{
    char error[DISK_ERROR];
    struct disk_image *image = disk_open(path, format, flags, error);

    if (!image)
        img_fail("%s", error);
    return image;
}

/* ---------------------------------------------------------------------------- JSON */

static void say_key(struct img_json *json, const char *key)
{
    if (json->depth)
        printf(json->is_first ? "\n" : ",\n");
    printf("%*s", json->depth * 4, "");
    if (key)
        printf("\"%s\": ", key);
    json->is_first = false;
}

void say_open(struct img_json *json, const char *key, char bracket)
{
    say_key(json, key);
    putchar(bracket);
    json->depth++;
    json->is_first = true;
}

void say_close(struct img_json *json, char bracket)
{
    json->depth--;
    if (!json->is_first)
        printf("\n%*s", json->depth * 4, "");
    putchar(bracket);
    json->is_first = false;
    if (!json->depth)
        putchar('\n');
}

void say_number(struct img_json *json, const char *key, uint64_t value)
{
    say_key(json, key);
    printf("%llu", (unsigned long long)value);
}

void say_bool(struct img_json *json, const char *key, bool value)
{
    say_key(json, key);
    fputs(value ? "true" : "false", stdout);
}

void say_string(struct img_json *json, const char *key, const char *value)
{
    say_key(json, key);
    putchar('"');
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

/* ------------------------------------------------------------------------ commands */

static int help(FILE *out)
{
    fputs("rhea img makes and changes disk images; its options are qemu-img's.\n\n", out);
    for (const struct command *command = commands; command->name; command++)
        fprintf(out, "  rhea img %s %s\n", command->name, command->usage);
    fputs("\nFormats:", out);
    for (unsigned i = 0; disk_format_at(i); i++)
        fprintf(out, " %s", disk_format_at(i));
    fputs("\n", out);
    return out == stderr;
}

int img_main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    struct img_args args = { .argc = argc, .argv = argv, .next = 2 };
    int status;

    if (argc < 2)
        return help(stderr);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
        strcmp(name, "-help") == 0 || strcmp(name, "help") == 0)
        return help(stdout);
    for (const struct command *command = commands; command->name; command++) {
        if (strcmp(name, command->name) != 0)
            continue;
        if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
            printf("rhea img %s %s\n", command->name, command->usage);
            return 0;
        }
        status = command->run(&args);
        if (fflush(stdout) || ferror(stdout))
            return img_fail("img: the output cannot be written");
        return status;
    }
    return img_fail("img: no command `%s`; see `rhea img --help`", name);
}
