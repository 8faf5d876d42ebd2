/* img.h - `rhea img`, which makes and changes disk images with qemu-img's options. */
#ifndef RHEA_SYS_IMG_H
#define RHEA_SYS_IMG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sys/block/block.h"

/* The command's exit status; argv[0] is `img`. */
int img_main(int argc, char **argv);

/* ------------------------------------------------------- of src/sys/img*.c only */

/* The command line: options in any order, `--` ends them. */
struct img_args {
    int argc;
    char **argv;
    int next;    /* argument */
    char *rest;  /* of a group of short options */
    char *value; /* of the option */
    const char *names[8];
    int name_count; /* what is no option */
    bool ended;
};
/* The next option: its letter; 0: no more; -1: wrong, and said so.  `options`: letters, a
 * colon behind those with a value; `longs`: rows of a name and what it returns, with a
 * value where `has_value`. */
struct img_long {
    const char *name;
    int letter;
    bool has_value;
};
int img_option(struct img_args *args, const char *options, const struct img_long *longs);
int img_output(const char *value, bool *json); /* 0 or -1 */

/* 10M, 1.5G; false: it is none. */
bool img_size(const char *text, uint64_t *size);
void img_print_size(FILE *out, uint64_t size);

/* Prints `rhea: ...`; returns 1. */
int img_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct disk_image *img_open(const char *path, const char *format, unsigned flags);

/* Takes `-o NAME=VALUE,...`; 0, or 1 and said so.  The text is cut up, and must live as
 * long as the options. */
int img_create_options(char *text, const char *format, struct disk_create *options);
int img_parse_preallocation(const char *text, enum disk_preallocation *preallocation);

/* JSON, as qemu-img indents it. */
struct img_json {
    int depth;
    bool is_first;
};
void say_open(struct img_json *json, const char *key, char bracket);
void say_close(struct img_json *json, char bracket);
void say_number(struct img_json *json, const char *key, uint64_t value);
void say_bool(struct img_json *json, const char *key, bool value);
void say_string(struct img_json *json, const char *key, const char *value);

int img_create(struct img_args *args);
int img_info(struct img_args *args);
int img_map(struct img_args *args);
int img_check(struct img_args *args);
int img_compare(struct img_args *args);
int img_convert(struct img_args *args);
int img_resize(struct img_args *args);

#endif
