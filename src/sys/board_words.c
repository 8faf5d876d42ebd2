/* board_words.c - a board's text as words, numbers and nodes. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/board_parts.h"

enum { MAX_DEPTH = 32, MAX_WORD = 4096 };

void reader_fail(struct reader *reader, struct board_place place, const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(reader->error, BOARD_ERROR, "%s:%u:%u: ", place.path, place.line,
                     place.column);

    if (n >= BOARD_ERROR)
        n = BOARD_ERROR - 1;
    va_start(ap, fmt);
    vsnprintf(reader->error + n, (size_t)(BOARD_ERROR - n), fmt, ap);
    va_end(ap);
    longjmp(reader->failed, 1);
}

/* -------------------------------------------------------------------- characters */

static char peek(const struct reader *reader, size_t ahead)
{
    return (size_t)(reader->end - reader->at) > ahead ? reader->at[ahead] : 0;
}

static bool at_end(const struct reader *reader)
{
    return reader->at == reader->end;
}

static void step(struct reader *reader)
{
    if (*reader->at++ == '\n') {
        reader->place.line++;
        reader->place.column = 1;
    } else {
        reader->place.column++;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_mark(char c)
{
    return c == '{' || c == '}' || c == '=' || c == '<' || c == '>';
}

/* `# ` or a # at the end of a line; `#address-cells` is a word. */
static bool is_comment(const struct reader *reader)
{
    char next = peek(reader, 1);

    return peek(reader, 0) == '#' && (is_blank(next) || next == '\n' || next == '#' ||
                                      reader->at + 1 == reader->end);
}

static void skip_blanks(struct reader *reader)
{
    for (;;) {
        while (!at_end(reader) && is_blank(*reader->at))
            step(reader);
        if (!is_comment(reader))
            return;
        while (!at_end(reader) && *reader->at != '\n')
            step(reader);
    }
}

/* ------------------------------------------------------------------------- words */

bool reader_is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_';
}

static const char *variable_value(struct reader *reader, const char *name, size_t length,
                                  struct board_place place)
{
    for (const struct variable *v = reader->variables; v; v = v->next)
        if (strlen(v->name) == length && !memcmp(v->name, name, length))
            return v->value;
    reader_fail(reader, place, "there is no `$%.*s`", (int)length, name);
}

/* `$$` and `$"` are a `$` and a `"`. */
static bool is_escape(const char *at, const char *end)
{
    return *at == '$' && end - at > 1 && (at[1] == '$' || at[1] == '"');
}

/* [text, end) with $NAME replaced. */
static const char *replaced(struct reader *reader, const char *text, const char *end,
                            struct board_place place)
{
    char word[MAX_WORD];
    size_t used = 0;

    while (text < end) {
        const char *from = text, *name_end;
        size_t size = 1;

        if (is_escape(text, end)) {
            from = text + 1;
            text += 2;
        } else if (*text++ == '$') {
            for (name_end = text; name_end < end && reader_is_name_char(*name_end);
                 name_end++)
                ;
            from = variable_value(reader, text, (size_t)(name_end - text), place);
            size = strlen(from);
            text = name_end;
        }
        if (size >= sizeof(word) - used)
            reader_fail(reader, place, "this word is too long");
        memcpy(word + used, from, size);
        used += size;
    }
    return arena_strndup(reader->arena, word, used);
}

static void read_string(struct reader *reader)
{
    struct board_place place = reader->place;
    const char *start;

    step(reader);
    start = reader->at;
    while (!at_end(reader) && *reader->at != '"' && *reader->at != '\n') {
        if (is_escape(reader->at, reader->end))
            step(reader);
        step(reader);
    }
    if (at_end(reader) || *reader->at != '"')
        reader_fail(reader, place, "this string has no end");
    reader->token.kind = TOKEN_STRING;
    reader->token.text = replaced(reader, start, reader->at, place);
    step(reader);
}

static void read_word(struct reader *reader)
{
    const char *start = reader->at;

    while (!at_end(reader)) {
        char c = *reader->at;

        if (is_blank(c) || c == '\n' || is_mark(c) || c == '"')
            break;
        if ((unsigned char)c < ' ' || (unsigned char)c > '~')
            reader_fail(reader, reader->place, "a character that cannot be here: 0x%02x",
                        (unsigned char)c);
        step(reader);
    }
    reader->token.kind = TOKEN_WORD;
    reader->token.text = replaced(reader, start, reader->at, reader->token.place);
}

void reader_advance(struct reader *reader)
{
    skip_blanks(reader);
    reader->token = (struct token){ .place = reader->place };
    if (at_end(reader)) {
        reader->token.kind = TOKEN_END;
    } else if (*reader->at == '\n') {
        reader->token.kind = TOKEN_NEWLINE;
        while (!at_end(reader) && (*reader->at == '\n' || is_blank(*reader->at))) {
            step(reader);
            skip_blanks(reader);
        }
    } else if (is_mark(*reader->at)) {
        reader->token.kind = TOKEN_MARK;
        reader->token.mark = *reader->at;
        step(reader);
    } else if (*reader->at == '"') {
        read_string(reader);
    } else {
        read_word(reader);
    }
}

bool reader_is_word(const struct reader *reader, const char *word)
{
    return reader->token.kind == TOKEN_WORD && !strcmp(reader->token.text, word);
}

bool reader_is_mark(const struct reader *reader, char mark)
{
    return reader->token.kind == TOKEN_MARK && reader->token.mark == mark;
}

bool reader_take_mark(struct reader *reader, char mark)
{
    if (!reader_is_mark(reader, mark))
        return false;
    reader_advance(reader);
    return true;
}

/* What stands at the token, for messages. */
static const char *found(struct reader *reader)
{
    const struct token *token = &reader->token;

    switch (token->kind) {
    case TOKEN_END: return "the end of the file";
    case TOKEN_NEWLINE: return "the end of the line";
    case TOKEN_MARK: return arena_printf(reader->arena, "`%c`", token->mark);
    case TOKEN_STRING: return arena_printf(reader->arena, "\"%s\"", token->text);
    default: return arena_printf(reader->arena, "`%s`", token->text);
    }
}

void reader_expect_mark(struct reader *reader, char mark)
{
    if (!reader_take_mark(reader, mark))
        reader_fail(reader, reader->token.place, "want `%c`, not %s", mark,
                    found(reader));
}

bool board_is_word(const char *text)
{
    if (!*text || (*text == '#' && (!text[1] || text[1] == '#')))
        return false;
    for (; *text; text++)
        if (*text <= ' ' || *text > '~' || *text == '"' || is_mark(*text))
            return false;
    return true;
}

/* A variable's value may be no word. */
const char *reader_word(struct reader *reader, const char *what)
{
    const char *text = reader->token.text;

    if (reader->token.kind != TOKEN_WORD || !board_is_word(text))
        reader_fail(reader, reader->token.place, "want %s, not %s", what, found(reader));
    reader_advance(reader);
    return text;
}

const char *reader_text(struct reader *reader, const char *what)
{
    const char *text = reader->token.text;

    if (reader->token.kind != TOKEN_STRING && reader->token.kind != TOKEN_WORD)
        return reader_word(reader, what);
    reader_advance(reader);
    return text;
}

void reader_end_line(struct reader *reader)
{
    if (reader->token.kind == TOKEN_NEWLINE)
        reader_advance(reader);
    else if (reader->token.kind != TOKEN_END && !reader_is_mark(reader, '}'))
        reader_fail(reader, reader->token.place, "want the end of the line, not %s",
                    found(reader));
}

void reader_set_variable(struct reader *reader, const char *name, const char *value)
{
    struct variable *variable = arena_alloc(reader->arena, sizeof(*variable));

    *variable = (struct variable){ reader->variables, name, value };
    reader->variables = variable;
}

/* ----------------------------------------------------------------------- numbers */

static bool parse_sum(const char **at, uint64_t *value, unsigned depth);

/* K, M, G or T: the power of two. */
static unsigned unit_bits(char c)
{
    static const char units[] = "KMGT";
    const char *unit = c ? strchr(units, c) : NULL;

    return unit ? (unsigned)(unit - units + 1) * 10 : 0;
}

static bool parse_factor(const char **at, uint64_t *value, unsigned depth)
{
    unsigned bits;
    char *end;

    if (**at == '(') {
        ++*at;
        if (depth > MAX_DEPTH || !parse_sum(at, value, depth + 1) || **at != ')')
            return false;
        ++*at;
        return true;
    }
    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    *value = strtoull(*at, &end, 0);
    bits = unit_bits(*end);
    if (errno || *value > UINT64_MAX >> bits)
        return false;
    *value <<= bits;
    *at = end + (bits != 0);
    return true;
}

static bool parse_product(const char **at, uint64_t *value, unsigned depth)
{
    uint64_t right;

    if (!parse_factor(at, value, depth))
        return false;
    while (**at == '*' || **at == '/') {
        bool is_quotient = *(*at)++ == '/';

        if (!parse_factor(at, &right, depth) || (is_quotient && !right))
            return false;
        *value = is_quotient ? *value / right : *value * right;
    }
    return true;
}

static bool parse_sum(const char **at, uint64_t *value, unsigned depth)
{
    uint64_t right;

    if (!parse_product(at, value, depth))
        return false;
    while (**at == '+' || **at == '-') {
        bool is_minus = *(*at)++ == '-';

        if (!parse_product(at, &right, depth))
            return false;
        *value += is_minus ? -right : right;
    }
    return true;
}

bool board_number(const char *text, uint64_t *value)
{
    return parse_sum(&text, value, 0) && !*text;
}

uint64_t reader_number(struct reader *reader, const char *what)
{
    struct board_place place = reader->token.place;
    const char *text = reader_word(reader, what);
    uint64_t value;

    if (!board_number(text, &value))
        reader_fail(reader, place, "want %s, not `%s`", what, text);
    return value;
}

/* ------------------------------------------------------------------------- nodes */

struct tree_node *reader_new_node(struct reader *reader, const char *name)
{
    struct tree_node *node = arena_alloc(reader->arena, sizeof(*node));

    node->name = name;
    node->cpu = -1;
    node->place = reader->token.place;
    return node;
}

static struct tree_part *new_part(struct reader *reader, enum tree_part_kind kind,
                                  const char *text)
{
    struct tree_part *part = arena_alloc(reader->arena, sizeof(*part));

    *part = (struct tree_part){ .kind = kind, .text = text };
    return part;
}

/* < NUMBER &NAME ... > */
static struct tree_part **read_cells(struct reader *reader, struct tree_part **link)
{
    reader_expect_mark(reader, '<');
    while (!reader_take_mark(reader, '>')) {
        struct tree_part *part;

        if (reader_is_word(reader, "")) { /* of a variable */
            reader_advance(reader);
            continue;
        }
        if (reader->token.kind == TOKEN_WORD && reader->token.text[0] == '&') {
            part = new_part(reader, TREE_REF, reader->token.text + 1);
            reader_advance(reader);
        } else {
            part = new_part(reader, TREE_CELL, NULL);
            part->cell = reader_number(reader, "a cell (a number or &NAME) or `>`");
        }
        *link = part;
        link = &part->next;
    }
    return link;
}

/* "a", "b", <1 2>; a line may end before each of them. */
static struct tree_part *read_value(struct reader *reader)
{
    struct tree_part *first = NULL, **link = &first;

    for (;;) {
        if (reader->token.kind == TOKEN_NEWLINE)
            reader_advance(reader);
        if (reader->token.kind == TOKEN_STRING) {
            *link = new_part(reader, TREE_STRING, reader->token.text);
            link = &(*link)->next;
            reader_advance(reader);
        } else {
            link = read_cells(reader, link);
        }
        if (!reader_is_word(reader, ","))
            return first;
        reader_advance(reader);
    }
}

/* Where the next of a list of structs that begin with `next` goes. */
static void *list_end(void *list)
{
    void **link = list;

    while (*link)
        link = *link;
    return link;
}

static void read_property(struct reader *reader, struct tree_node *node, const char *name,
                          struct board_place place)
{
    struct tree_property **end = list_end(&node->properties);

    *end = arena_alloc(reader->arena, sizeof(**end));
    (*end)->name = name;
    (*end)->place = place;
    if (reader_take_mark(reader, '='))
        (*end)->parts = read_value(reader);
}

static void read_child(struct reader *reader, struct tree_node *node, const char *name)
{
    struct tree_node **end = list_end(&node->children), *child;

    child = *end = reader_new_node(reader, name);
    reader_advance(reader);
    reader_node_body(reader, child);
}

void reader_node_body(struct reader *reader, struct tree_node *node)
{
    if (++reader->depth > MAX_DEPTH)
        reader_fail(reader, reader->token.place, "nodes are nested too deeply");
    if (reader->token.kind == TOKEN_NEWLINE)
        reader_advance(reader);
    while (!reader_take_mark(reader, '}')) {
        struct board_place place = reader->token.place;
        const char *name = reader_word(reader, "a property or `}`");

        if (reader_is_mark(reader, '{')) {
            read_child(reader, node, name);
        } else if (!strcmp(name, "when") && reader->token.kind == TOKEN_WORD) {
            if (reader_when(reader)) {
                reader_expect_mark(reader, '{');
                reader_node_body(reader, node);
            }
        } else {
            read_property(reader, node, name, place);
        }
        reader_end_line(reader);
    }
    reader->depth--;
}
