/* lex.c - characters to tokens.
 *
 * The parser asks for one token at a time, so it can also read the raw text that follows
 * the current token: encodings, mnemonics and the columns of rows are not made of tokens.
 */
#include <stdlib.h>
#include <string.h>

#include "isagen.h"

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}
static bool is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_name_char(int c)
{
    return is_letter(c) || is_digit(c);
}

int char_at(const struct isagen *g, uint32_t i)
{
    return i < g->source->size ? (unsigned char)g->source->text[i] : 0;
}

static void skip_blanks(struct isagen *g)
{
    for (;;) {
        uint32_t start = g->cur;

        while (is_blank(char_at(g, g->cur)))
            g->cur++;
        if (char_at(g, g->cur) == '/' && char_at(g, g->cur + 1) == '/') {
            while (g->cur < g->source->size && char_at(g, g->cur) != '\n')
                g->cur++;
        } else if (char_at(g, g->cur) == '/' && char_at(g, g->cur + 1) == '*') {
            g->cur += 2;
            while (g->cur < g->source->size &&
                   !(char_at(g, g->cur) == '*' && char_at(g, g->cur + 1) == '/'))
                g->cur++;
            if (g->cur >= g->source->size)
                fail(g, (struct pos){ g->source, start }, "E-SYNTAX",
                     "comment without end");
            g->cur += 2;
        }
        if (g->cur == start)
            return;
    }
}

/* number = "0x" hex | "0b" bits | decimal, with _ between digits */
static void lex_number(struct isagen *g)
{
    unsigned base = 10;
    uint64_t value = 0, high = 0; /* 128 bits in base 16, else 64 */
    uint32_t start = g->cur;

    if (char_at(g, g->cur) == '0' && (char_at(g, g->cur + 1) | 32) == 'x')
        base = 16, g->cur += 2;
    else if (char_at(g, g->cur) == '0' && (char_at(g, g->cur + 1) | 32) == 'b' &&
             (char_at(g, g->cur + 2) == '0' || char_at(g, g->cur + 2) == '1'))
        base = 2, g->cur += 2;
    for (;; g->cur++) {
        int c = char_at(g, g->cur), digit;

        if (c == '_' && g->cur > start)
            continue;
        if (is_digit(c))
            digit = c - '0';
        else if (base == 16 && (c | 32) >= 'a' && (c | 32) <= 'f')
            digit = (c | 32) - 'a' + 10;
        else
            break;
        if ((unsigned)digit >= base)
            fail(g, (struct pos){ g->source, g->cur }, "E-SYNTAX", "digit %c in base %u",
                 c, base);
        if (base == 16 ? high >> 60 != 0 : value > (UINT64_MAX - (unsigned)digit) / base)
            fail(g, g->tok.pos, "E-SYNTAX", "number does not fit %d bits",
                 base == 16 ? 128 : 64);
        if (base == 16)
            high = high << 4 | value >> 60;
        value = value * base + (unsigned)digit;
    }
    g->tok.kind = T_NUMBER;
    g->tok.number = value;
    g->tok.high = high;
}

/* A floating-point literal: digits with a point or a p exponent, and f, d or h: 1.5f
 * 0x1p-24d */
static bool lex_float(struct isagen *g)
{
    uint32_t i = g->cur;
    bool hex = char_at(g, i) == '0' && (char_at(g, i + 1) | 32) == 'x', point = false;
    char buf[64];
    size_t n;

    if (hex)
        i += 2;
    while (is_digit(char_at(g, i)) || char_at(g, i) == '.' ||
           (hex && (char_at(g, i) | 32) >= 'a' && (char_at(g, i) | 32) <= 'f')) {
        if (char_at(g, i) == '.' && char_at(g, i + 1) == '.')
            return false;
        point |= char_at(g, i++) == '.';
    }
    if (hex ? (char_at(g, i) | 32) == 'p' : (char_at(g, i) | 32) == 'e') {
        point = true;
        i++;
        if (char_at(g, i) == '-' || char_at(g, i) == '+')
            i++;
        while (is_digit(char_at(g, i)))
            i++;
    }
    n = i - g->cur;
    if (!point || n >= sizeof buf ||
        !(char_at(g, i) == 'f' || char_at(g, i) == 'd' || char_at(g, i) == 'h'))
        return false;
    memcpy(buf, g->source->text + g->cur, n);
    buf[n] = 0;
    double d = strtod(buf, NULL);
    float f = (float)d;
    uint32_t f_bits;
    memcpy(&f_bits, &f, 4);
    memcpy(&g->tok.number, &d, 8);
    g->tok.width = char_at(g, i) == 'd' ? 64 : char_at(g, i) == 'f' ? 32 : 16;
    if (g->tok.width == 32)
        g->tok.number = f_bits;
    if (g->tok.width == 16) { /* exact values only: that is what examples want */
        uint32_t e = (f_bits >> 23 & 0xff);

        g->tok.number =
            (f_bits >> 31) << 15 | (e ? (e - 112) << 10 : 0) | (f_bits >> 13 & 0x3ff);
        if (e && (e < 113 || e > 142 || (f_bits & 0x1fff)))
            fail(g, g->tok.pos, "E-SYNTAX", "not exact as a normal f16: write its bits");
    }
    g->tok.kind = T_FLOAT;
    g->cur = i + 1;
    return true;
}

static void lex_string(struct isagen *g)
{
    uint32_t start = ++g->cur;

    while (char_at(g, g->cur) != '"') {
        if (g->cur >= g->source->size || char_at(g, g->cur) == '\n')
            fail(g, g->tok.pos, "E-SYNTAX", "string without end");
        g->cur++;
    }
    g->tok.kind = T_STRING;
    g->tok.text = arena_strndup(&g->arena, g->source->text + start, g->cur - start);
    g->cur++;
}

/* clang-format off */
static const struct { char text[5]; int kind; } operators[] = { /* longer ones first */
    { ">>u", T_SHRU }, { ">>s", T_SHRS }, { "<=s", T_LES }, { "<=u", T_LEU }, { ">=s", T_GES },
    { ">=u", T_GEU }, { "<<", T_SHL }, { "<=", T_LE }, { ">=", T_GE }, { "<s", T_LTS },
    { "<u", T_LTU }, { ">s", T_GTS }, { ">u", T_GTU }, { "==", T_EQ }, { "!=", T_NE },
    { "&&", T_ANDAND }, { "||", T_OROR }, { "++", T_CONCAT }, { "/s", T_DIVS }, { "/u", T_DIVU },
    { "%s", T_REMS }, { "%u", T_REMU }, { "..", T_DOTDOT }, { "->", T_ARROW },
};
/* clang-format on */

const char *token_name(int kind)
{
    static char one[4] = "' '";

    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (operators[i].kind == kind)
            return operators[i].text;
    one[1] = (char)kind;
    return kind == T_END      ? "the end"
           : kind == T_NAME   ? "a name"
           : kind == T_NUMBER ? "a number"
           : kind == T_STRING ? "a string"
                              : one;
}

static void lex_operator(struct isagen *g)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const char *text = operators[i].text;
        size_t n = strlen(text);
        bool letter = is_letter(text[n - 1]);

        if (g->source->size - g->cur < n || memcmp(g->source->text + g->cur, text, n))
            continue;
        /* `<s` is an operator only if no longer name starts there: a <sum is a < sum */
        if (letter && (is_letter(char_at(g, g->cur + (uint32_t)n)) ||
                       is_digit(char_at(g, g->cur + (uint32_t)n))))
            continue;
        g->tok.kind = operators[i].kind;
        g->cur += (uint32_t)n;
        return;
    }
    int c = char_at(g, g->cur);
    if (c <= 32 || c >= 127)
        fail(g, g->tok.pos, "E-SYNTAX", "unexpected character 0x%02x", c);
    g->tok.kind = c;
    g->cur++;
}

void next(struct isagen *g)
{
    skip_blanks(g);
    g->tok = (struct token){ .kind = T_END, .pos = { g->source, g->cur } };
    int c = char_at(g, g->cur);

    if (g->cur >= g->source->size)
        return;
    if (is_digit(c)) {
        if (!lex_float(g))
            lex_number(g);
    } else if (is_letter(c)) {
        uint32_t start = g->cur;

        while (is_letter(char_at(g, g->cur)) || is_digit(char_at(g, g->cur)))
            g->cur++;
        g->tok.kind = T_NAME;
        g->tok.text = arena_strndup(&g->arena, g->source->text + start, g->cur - start);
    } else if (c == '"') {
        lex_string(g);
    } else {
        lex_operator(g);
    }
}

void lex_open(struct isagen *g, const struct source *source)
{
    g->source = source;
    g->cur = 0;
    next(g);
}

bool is(const struct isagen *g, int kind)
{
    return g->tok.kind == kind;
}

bool is_word(const struct isagen *g, const char *word)
{
    return g->tok.kind == T_NAME && !strcmp(g->tok.text, word);
}

bool take(struct isagen *g, int kind)
{
    if (g->tok.kind != kind)
        return false;
    next(g);
    return true;
}

bool accept_word(struct isagen *g, const char *word)
{
    if (!is_word(g, word))
        return false;
    next(g);
    return true;
}

static _Noreturn void unexpected(struct isagen *g, const char *what)
{
    if (g->tok.kind == T_NAME)
        fail(g, g->tok.pos, "E-SYNTAX", "expected %s, found '%s'", what, g->tok.text);
    fail(g, g->tok.pos, "E-SYNTAX", "expected %s, found %s", what,
         token_name(g->tok.kind));
}

void expect(struct isagen *g, int kind, const char *what)
{
    if (g->tok.kind != kind)
        unexpected(g, what);
    next(g);
}

const char *expect_name(struct isagen *g, const char *what)
{
    const char *text = g->tok.text;

    if (g->tok.kind != T_NAME)
        unexpected(g, what);
    next(g);
    return text;
}

const char *expect_string(struct isagen *g, const char *what)
{
    const char *text = g->tok.text;

    if (g->tok.kind != T_STRING)
        unexpected(g, what);
    next(g);
    return text;
}

uint64_t expect_number(struct isagen *g, const char *what)
{
    uint64_t number = g->tok.number;

    if (g->tok.kind != T_NUMBER || g->tok.high)
        unexpected(g, what);
    next(g);
    return number;
}

const char *raw_until(struct isagen *g, const char *stops, bool nested, struct pos *pos)
{
    int depth = 0;

    skip_blanks(g);
    uint32_t start = g->cur, end;

    *pos = (struct pos){ g->source, start };
    for (; g->cur < g->source->size; g->cur++) {
        int c = char_at(g, g->cur);

        if (c == '/' && char_at(g, g->cur + 1) == '/')
            break;
        if (depth == 0 && strchr(stops, c))
            break;
        if (nested && strchr("([{", c))
            depth++;
        if (nested && strchr(")]}", c))
            depth--;
        if (c == '"') {
            while (g->cur + 1 < g->source->size && char_at(g, g->cur + 1) != '"')
                g->cur++;
            g->cur++;
        }
    }
    for (end = g->cur; end > start && is_blank(char_at(g, end - 1)); end--)
        ;
    const char *text = arena_strndup(&g->arena, g->source->text + start, end - start);
    next(g);
    return text;
}

const char *raw_word(struct isagen *g, struct pos *pos)
{
    skip_blanks(g);
    uint32_t start = g->cur;

    *pos = (struct pos){ g->source, start };
    while (g->cur < g->source->size && !is_blank(char_at(g, g->cur)) &&
           !strchr(";{(,", char_at(g, g->cur)))
        g->cur++;
    const char *text = arena_strndup(&g->arena, g->source->text + start, g->cur - start);

    if (!*text)
        fail(g, *pos, "E-SYNTAX", "expected a name");
    next(g);
    return text;
}
