/* board.h - a machine as text: what a boards/NAME.board file says.
 *
 * Reading makes plain data and checks what can be checked without making a device: the
 * form, names, numbers.  docs/machines.md describes the language. */
#ifndef RHEA_SYS_BOARD_H
#define RHEA_SYS_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Where something stands, for messages.  `path`: the board's, or of what it imports. */
struct board_place {
    unsigned line, column;
    const char *path;
};

/* ------------------------------------------------------------------- device tree */

enum tree_part_kind { TREE_STRING = 1, TREE_CELL, TREE_REF };
struct tree_part {
    struct tree_part *next;
    enum tree_part_kind kind;
    const char *text; /* a string, or what a reference refers to */
    uint64_t cell;
};
struct tree_property {
    struct tree_property *next;
    const char *name;
    struct tree_part *parts; /* none: it is there, that is all */
    struct board_place place;
};
struct board_device;
struct tree_node {
    struct tree_node *next, *children;
    const char *name; /* without the address */
    struct tree_property *properties;
    struct board_device *device; /* whose node it is, or NULL */
    int cpu;                     /* that it belongs to, or -1 */
    struct board_place place;
};

/* ------------------------------------------------------------------------- parts */

struct board_memory {
    struct board_memory *next;
    const char *name;
    bool is_rom;
    uint64_t addr, size_bytes;
    struct board_place place;
};

struct board_range {
    struct board_range *next;
    unsigned region;
    uint64_t addr, size_bytes; /* 0: as much as the device has */
    struct board_place place;
};

/* One output line of a device, in its order. */
struct board_irq {
    struct board_irq *next;
    const char *device; /* whose input it is; NULL: a CPU's */
    unsigned line;
    unsigned cpu;
    const char *cpu_line;
    struct board_place place;
};

struct board_setting {
    struct board_setting *next;
    const char *name, *value;
    struct board_place place;
};

struct board_device {
    struct board_device *next;
    const char *name, *class;
    const char *in; /* the device that it is plugged into; NULL: the first with room */
    struct board_range *ranges;
    struct board_irq *irqs;
    struct board_setting *settings;
    const char *parent; /* path of its node's parent, `/soc` */
    struct tree_node *node;
    struct board_place place;
};

struct board_cpu_line {
    struct board_cpu_line *next;
    const char *name; /* as the CPU calls it */
    uint32_t number;  /* in its interrupt controller's device tree cells */
};

struct board_option {
    struct board_option *next;
    const char *name, *doc, *value;
    const char *choices; /* `a|b|c` */
};

struct board {
    const char *path, *name, *doc;
    const char *isa, *cpu_model;
    const char *cpu_features; /* added to any model; or NULL */
    unsigned address_bits;
    uint64_t memory_bytes;
    unsigned cpus, max_cpus;
    uint64_t timebase_hz;
    struct board_cpu_line *cpu_lines;
    struct tree_node *cpu_node;
    struct board_memory *memories;
    struct board_device *devices;
    struct board_option *options;
    struct tree_node *tree;
    const char *stdout_device;
    const char *boot;                    /* how it starts */
    struct board_setting *boot_settings; /* a name may be there several times */
};

/* What the command line decides; 0 and NULL: what the board says. */
struct board_choices {
    uint64_t memory_bytes;
    unsigned cpus;
    const struct board_setting *options;
};

/* Reads a board.  NULL: `error` has `FILE:LINE:COLUMN: what is wrong`. */
enum { BOARD_ERROR = 512 };
struct board *board_read(const char *path, const struct board_choices *choices,
                         char error[BOARD_ERROR]);
/* The same of text in memory; `path` is for messages, and where imports are looked for.
 */
struct board *board_parse(const char *path, const char *text, size_t size,
                          const struct board_choices *choices, char error[BOARD_ERROR]);
void board_free(struct board *board);

/* The board as text that reads as the same board, with nothing left to choose but its
 * memory. */
void board_write(const struct board *board, FILE *out);

/* One message about a place in a board's file, into `error`; returns -1. */
int board_error(struct board_place place, char error[BOARD_ERROR], const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

const struct board_device *board_find_device(const struct board *board, const char *name);
/* The number of an expression as boards have them; false: it is none. */
bool board_number(const char *text, uint64_t *value);
/* Whether it is one word in a board's file. */
bool board_is_word(const char *text);

#endif
