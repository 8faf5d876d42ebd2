/* isagen.h - the spec compiler from the inside: source text to syntax tree to struct isa.
 *
 *   source.c  text, positions, messages          lex.c     characters to tokens
 *   parse.c   items (parse_*.c: their parts)     expr.c    expressions and statements
 *   family.c  families and their rows            build.c   items to the tables of isa.h
 *   value.c   values and binding times           lower.c   bodies to semantic nodes
 *   variants.c  decode-time choices of a body    calls.c   the functions bodies can call
 *   text.c    instruction text                   examples.c  ex lines
 *   spec.c    all of it, as a library
 *
 * Everything lives in one arena and is dropped at once.  An error in one item is reported
 * and the next item goes on (a longjmp to the item's loop), so that all errors are seen.
 */
#ifndef ISAGEN_H
#define ISAGEN_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "isa/isa.h"

/* -------------------------------------------------------------------- source */

/* A file, or a family block with its holes filled (then `parts` says where each stretch
 * of its text comes from). */
struct source {
    const char *name; /* as printed in messages */
    const char *text;
    uint32_t size;
    uint32_t *lines; /* where each begins; of files */
    uint32_t nlines;
    struct source *next;
    const struct part *parts;
    uint32_t nparts;
    const char *note; /* "in rows opimm: addi" */
};
struct pos {
    const struct source *source;
    uint32_t at;
};
struct part {
    uint32_t start; /* in the expanded text */
    struct pos from;
};

/* ---------------------------------------------------------------- syntax tree */

/* clang-format off */
enum expr_kind {
    E_NUMBER, E_NAME, E_STRING, E_UNARY, E_BINARY, E_COND, E_CALL, E_INDEX, E_SLICE, E_MEMBER,
    E_IN, E_FLOAT,
};
/* clang-format on */
struct expr {
    enum expr_kind kind;
    struct pos pos;
    int op;           /* enum token of the operator */
    uint64_t number;  /* E_NUMBER; E_FLOAT: bits */
    uint64_t high;    /* E_NUMBER: its upper 64 bits */
    unsigned width;   /* E_FLOAT */
    const char *name; /* E_NAME, E_CALL, E_MEMBER, E_STRING */
    struct expr *a, *b, *c;
    struct expr **args; /* E_CALL, E_IN */
    unsigned nargs;
    struct expr **targs; /* f<N, M>(...) */
    unsigned ntargs;
    const char *env; /* `in env(round)` */
    struct expr *round;
};

/* clang-format off */
enum stmt_kind {
    ST_LET, ST_VAR, ST_ASSIGN, ST_IF, ST_GOTO, ST_BRANCH, ST_TRAP, ST_SET, ST_FOR, ST_LANES,
    ST_ITERATE, ST_CALL, ST_ANNUL, ST_UNDEF, ST_RETURN,
};
/* clang-format on */
struct stmt {
    enum stmt_kind kind;
    struct pos pos;
    struct stmt *next;
    const char *name; /* LET, VAR, TRAP, SET, FOR, LANES; hint of GOTO */
    struct expr *a, *b, *c, *d;
    struct expr **args;
    unsigned nargs;
    struct stmt *body, *other;
};

/* One name = value pair, one item of many lists. */
struct list {
    struct list *next;
    struct pos pos;
    const char *name, *name2;
    struct expr *expr, *expr2;
    struct stmt *body;
    uint64_t number, number2;
    bool flag;
};

/* Registers of the spec, and what gdb calls them. */
struct gdb_row {
    struct gdb_row *next;
    struct pos pos;
    struct list *names, *more; /* name; of `more` also number: its lowest bit in gdb's */
    uint64_t number, bits;     /* bits 0: as wide as the register */
    const char *type, *name;   /* or NULL */
};

/* A piece of an encoding, most significant first. */
struct enc {
    struct enc *next;
    struct pos pos;
    const char *bits; /* "01-", or NULL for a field */
    const char *name;
    struct list *slices; /* number = hi, number2 = lo; none: the whole field */
};

/* clang-format off */
enum kind_base { K_SIGNED, K_UNSIGNED, K_PCREL, K_REG, K_ENUM, K_FN, K_LIST, K_NAMED, K_CHOICE };
/* clang-format on */
struct kind { /* operand kind */
    enum kind_base base;
    struct pos pos;
    const char *name; /* K_REG, K_LIST: view or file; K_NAMED; K_FN: function; K_ENUM:
                         "sysregs" or NULL */
    unsigned bits;
    unsigned align, scale;
    int64_t bias;
    bool hex, open, has_omit, plus_minus, from_end;
    bool strict;         /* strict: `else reserved` */
    bool is_signed;      /* K_FN: of a number sN; else of the field's bits */
    bool runs, reversed; /* K_LIST: d0-d3; the last register is bit 0 */
    struct expr **args;  /* K_FN: more arguments */
    unsigned nargs;
    const char *inverse; /* K_FN: the function from the value to the field's bits */
    int64_t omit;
    const char *sep;
    struct list *enums;
    struct expr *value; /* over v */
    struct expr *when;  /* K_CHOICE */
    struct kind *a, *b;
};

struct operand {
    struct operand *next;
    struct pos pos;
    const char *name;
    struct kind *kind; /* NULL: a bare field of `bits` */
    unsigned bits;
    struct expr *derived; /* no field: computed from other operands; these come last */
};

struct example {
    struct example *next;
    struct pos pos;
    const char *model, *text, *insn; /* insn: outside of its block */
    struct expr *pc;
    const char *hex;
    struct list *modes, *pre, *post;
    struct list *code; /* of a test: name: text, name2: hex */
    const char *trap;
    bool invalid;
};

/* clang-format off */
enum item_kind {
    I_PARAM, I_TARGET, I_FEATURE, I_EXCLUSIVE, I_MODEL, I_PC, I_FILE, I_VIEW, I_SPACE, I_FETCH,
    I_TRAP, I_HELPER, I_MODE, I_FN, I_PROC, I_FLAGS, I_FLAGFN, I_LAW, I_FPENV, I_SYSREG,
    I_SYSREGS, I_OPERAND, I_INSN, I_ALIAS, I_FAMILY, I_RESERVED, I_EX, I_STREAM, I_VEC,
    I_BUDGET, I_GDB,
};
/* clang-format on */
struct item {
    enum item_kind kind;
    struct item *next;
    struct pos pos;
    const char *name;
    struct list *list, *list2, *list3;
    struct expr *expr, *expr2, *expr3;
    struct stmt *body;
    uint64_t number, number2;
    const char *word, *word2; /* kind-dependent names */
    bool flag, flag2;
    struct expr *needs, *when; /* of the item and its sections */
    struct kind *operand;
    struct insn *insn;
    struct family *family;
    struct example *example;
    void *extra; /* I_STREAM; I_GDB: struct gdb_row */
};

struct alts {
    struct alts *next;
    struct pos pos;
    const char *name;
    struct list *list; /* name: text, expr: condition, expr2: place */
};

struct around {         /* what a section does with the meaning of its instructions */
    struct stmt *body;  /* with `body;` in it; NULL: just that */
    struct stmt *after; /* before the instruction is over, not when it traps */
};

struct insn {
    const char *name, *text, *doc;
    struct pos pos, text_pos;
    struct operand *operands; /* in order, bare fields too */
    struct enc *enc;
    struct list *where; /* expr; name: else ... */
    const char *where_else;
    struct stmt *body;
    bool has_body, partial_ok;
    struct list *effects; /* name: reads, writes or traps; expr: of what */
    struct list *budget;  /* name: variants or nodes */
    struct list *refines; /* names of instructions that this is a special case of */
    struct expr *expands; /* E_CALL with `name = expr` in args (E_BINARY '=') */
    struct alts *alts;
    const char *mnem_field; /* mnem a | b by FIELD */
    struct list *mnems;
    struct example *examples;
    struct expr *needs, *when;
    const struct around *around; /* of its section */
    void *rows;                  /* a stream's rows */
    const char *whole;           /* of one row: the name of the insn with all rows */
};

struct family {
    const char *name;
    struct list *params;
    struct pos pos;
    const char *text; /* of the block between the braces */
    uint32_t size;
    const struct source *source;
    uint32_t start;
};

/* ------------------------------------------------------------------- tokens */

/* clang-format off */
enum token_kind {
    T_END, T_NAME, T_NUMBER, T_STRING, T_FLOAT,
    T_FIRST_OP = 256,
    T_SHL, T_SHRU, T_SHRS, T_LTS, T_LTU, T_LES, T_LEU, T_GTS, T_GTU, T_GES, T_GEU, T_LE, T_GE,
    T_EQ, T_NE, T_ANDAND, T_OROR, T_CONCAT, T_DIVS, T_DIVU, T_REMS, T_REMU, T_DOTDOT, T_ARROW,
};
/* clang-format on */
struct token {
    int kind; /* enum token_kind or a character */
    struct pos pos;
    const char *text; /* T_NAME, T_STRING */
    uint64_t number;  /* T_NUMBER; T_FLOAT: bits */
    uint64_t high;    /* T_NUMBER: its upper 64 bits */
    unsigned width;   /* T_FLOAT */
};

/* ------------------------------------------------------------- the compiler */

enum {
    MAX_ERRORS = 200,
    MAX_DEPTH = 200,  /* of nested expressions, statements, families, imports */
    MAX_CHAIN = 1000, /* operators in a row */
    MAX_ITEMS = 100000,
    MAX_EXPANSION = 32 << 20, /* characters made by families */
    MAX_WORK = 30 << 20,      /* expressions lowered and nodes made, for one target */
    MAX_MEMORY = 1 << 30,
};

struct isagen {
    struct arena arena;
    const char *path; /* of the main file; imports are relative to it */
    struct source *sources;
    FILE *messages; /* where errors go */
    unsigned errors;
    unsigned shown_errors, shown_warnings;
    bool over_budget;    /* the last error was: what goes on would only be more of it */
    unsigned found;      /* errors of check_target() */
    struct said *said;   /* source.c */
    struct build *built; /* the last target that was made */
    bool no_warnings;
    jmp_buf *recover; /* innermost place to go on from after an error */
    jmp_buf *top;     /* outermost one */
    unsigned work;

    /* lexer */
    const struct source *source;
    uint32_t cur; /* after the current token */
    struct token tok;
    unsigned depth;
    const struct opened *families; /* being expanded */
    size_t expanded;               /* characters made by families so far */
    unsigned items;

    const char *isa_name, *isa_doc;
    struct item *first, **last;
    struct expr *section_needs, *section_when;
    const struct around *around;
    struct alts *alts; /* named text pieces */
};

/* source.c */
struct source *source_read(struct isagen *g, const char *path); /* NULL: cannot be read */
struct source *source_text(struct isagen *g, const char *name, const char *text,
                           size_t size);
struct source *source_new(struct isagen *g, const char *name, const char *text,
                          uint32_t size);
void source_where(struct pos pos, const char **name, unsigned *line, unsigned *column);
/* "riscv/rvi.isa:41" */
const char *source_place(struct isagen *g, struct pos pos);
_Noreturn void fail(struct isagen *g, struct pos pos, const char *code, const char *fmt,
                    ...) __attribute__((format(printf, 4, 5)));
/* On after an error that was reported, to where it is recovered from. */
_Noreturn void fail_again(struct isagen *g);
/* As fail(), and nothing goes on after it: a limit of the whole is passed. */
_Noreturn void fail_all(struct isagen *g, struct pos pos, const char *code,
                        const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void work(struct isagen *g,
          struct pos pos); /* a step of something that could take forever */
void error_at(struct isagen *g, struct pos pos, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void warn_at(struct isagen *g, struct pos pos, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* lex.c */
void lex_open(struct isagen *g, const struct source *source);
void next(struct isagen *g);
bool is(const struct isagen *g, int kind);
bool is_word(const struct isagen *g, const char *word);
bool take(struct isagen *g, int kind);
bool accept_word(struct isagen *g, const char *word);
void expect(struct isagen *g, int kind, const char *what);
const char *expect_name(struct isagen *g, const char *what);
uint64_t expect_number(struct isagen *g, const char *what);
const char *expect_string(struct isagen *g, const char *what);
/* The raw text after the current token, up to one of the characters in `stops` (outside
 * of brackets when `nested`); the token after it becomes current. */
const char *raw_until(struct isagen *g, const char *stops, bool nested, struct pos *pos);
const char *raw_word(struct isagen *g, struct pos *pos); /* up to a blank or ; { ( , */
const char *token_name(int kind);
int char_at(const struct isagen *g, uint32_t i); /* of the source; 0 after its end */
bool is_blank(int c);
bool is_name_char(int c);

/* parse*.c, expr.c, family.c, stream.c */
void parse_file(struct isagen *g, const struct source *source, bool top);
void parse_items(struct isagen *g, int end);
struct item *add_item(struct isagen *g, enum item_kind kind, struct pos pos);
struct insn *parse_insn(struct isagen *g, struct pos pos);
struct kind *parse_kind(struct isagen *g);
void parse_ops(struct isagen *g, struct operand **operands);
void operand_add(struct isagen *g, struct operand **operands, const char *name,
                 struct pos pos, struct kind *kind, unsigned bits);
void parse_alts(struct isagen *g, struct alts **end);
struct example *parse_example(struct isagen *g);
struct example *parse_test(struct isagen *g);
struct enc *parse_enc(struct isagen *g, struct operand **operands);
struct list *parse_names(struct isagen *g); /* a0..a7 zero ... up to ; */
struct expr *parse_expr(struct isagen *g);
struct expr *parse_unary(struct isagen *g);
struct stmt *parse_body(struct isagen *g); /* { ... } or one statement */
struct expr *expr_new(struct isagen *g, enum expr_kind kind, struct pos pos);
bool expr_same(const struct expr *a, const struct expr *b);
struct expr *expr_and(struct isagen *g, struct expr *a, struct expr *b);
struct item *parse_stream(struct isagen *g, struct pos pos);
void parse_vectors(struct isagen *g, struct pos pos); /* vectors.c */
void parse_row(struct isagen *g, struct insn *insn);
void family_expand(struct isagen *g, struct item *family, struct pos pos);

void *list_add(struct isagen *g, struct list ***tail, struct pos pos);

#endif
