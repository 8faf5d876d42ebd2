/* board_parts.h - what the files of the board reader share: words and places. */
#ifndef RHEA_SYS_BOARD_PARTS_H
#define RHEA_SYS_BOARD_PARTS_H

#include <setjmp.h>

#include "base/arena.h"
#include "sys/board.h"

enum token_kind {
    TOKEN_END,     /* of the file */
    TOKEN_NEWLINE, /* also several */
    TOKEN_WORD,
    TOKEN_STRING,
    TOKEN_MARK, /* { } = < > */
};

struct token {
    enum token_kind kind;
    const char *text; /* with its variables replaced */
    char mark;
    struct board_place place;
};

struct variable {
    struct variable *next;
    const char *name, *value;
};

struct reader {
    struct arena *arena;
    struct board *board;
    const struct board_choices *choices;
    const char *at, *end;
    struct board_place place; /* of `at` */
    struct token token;       /* the one that is looked at */
    struct variable *variables;
    unsigned depth, repeated, imports; /* limits of what a file may ask for */
    char *error;
    jmp_buf failed;
};

/* Says what is wrong at a place, and leaves the reader. */
_Noreturn void reader_fail(struct reader *reader, struct board_place place,
                           const char *fmt, ...) __attribute__((format(printf, 3, 4)));

bool reader_is_name_char(char c);           /* of a variable's name */
void reader_advance(struct reader *reader); /* to the next token */
bool reader_is_word(const struct reader *reader, const char *word);
bool reader_is_mark(const struct reader *reader, char mark);
bool reader_take_mark(struct reader *reader, char mark);
void reader_expect_mark(struct reader *reader, char mark);
/* These three take the token, which must be one. */
const char *reader_word(struct reader *reader, const char *what);
const char *reader_text(struct reader *reader, const char *what); /* or a string */
uint64_t reader_number(struct reader *reader, const char *what);
void reader_end_line(struct reader *reader);
void reader_set_variable(struct reader *reader, const char *name, const char *value);

/* ---- parts of statements */

/* Appends to a list of structs that begin with `next`. */
void *reader_append(struct reader *reader, void *list, size_t size);
/* NAME = VALUE */
void reader_setting(struct reader *reader, struct board_setting **list);
/* at ADDR size SIZE, behind `at` */
void reader_at(struct reader *reader, uint64_t *addr, uint64_t *size);
/* Calls `statement` for each line of a block. */
void reader_block(struct reader *reader, void (*statement)(struct reader *reader));
/* OPTION=VALUE ..., behind `when`: whether it is one of them.  If not, the block that
 * follows has been skipped. */
bool reader_when(struct reader *reader);
/* Those of a file, or of a block up to its `}`. */
void reader_statements(struct reader *reader, bool is_block);
/* import "FILE": its statements; behind `import` */
void reader_import(struct reader *reader);
/* device NAME CLASS { ... }, behind `device` */
void reader_device(struct reader *reader);
/* The inside of a node, from behind its `{` on. */
void reader_node_body(struct reader *reader, struct tree_node *node);
struct tree_node *reader_new_node(struct reader *reader, const char *name);

struct arena *board_arena(struct board *board);

#endif
