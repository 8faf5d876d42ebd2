/* isa_program.c - programs for `rhea isa run`.
 *
 * Assembly is one instruction a line; `label:` may stand before one, `#`, `//` and
 * (unless an instruction uses it) `;` begin comments.  `.word N`, `.byte N...`, `.2byte`,
 * `.4byte` and `.8byte`, `.asciz "TEXT"`, `.space N` and `.balign N` place data. A label
 * in an operand is replaced by its address; since lengths may depend on addresses, the
 * text is assembled again until they stay where they are. */
#include "debug/isa_program.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isa/text.h"

enum { LINE = 400, PASSES = 12, MAX_SPACE = 1 << 20 };

struct label {
    struct label *next;
    char *name;
    uint64_t addr;
};

struct assembler {
    const struct isa_args *args;
    const char *path;
    struct label *labels;
    uint8_t *bytes;
    size_t size, room;
    unsigned line;
    bool moved;   /* a label changed its address in this pass */
    bool is_last; /* what is wrong now is an error */
};

/* --------------------------------------------------------------------- output */

static void add_bytes(struct assembler *as, const uint8_t *bytes, size_t count)
{
    if (as->size + count > as->room) {
        as->room = 2 * (as->size + count);
        as->bytes = realloc(as->bytes, as->room);
        if (!as->bytes)
            die("out of memory");
    }
    if (bytes)
        memcpy(as->bytes + as->size, bytes, count);
    else
        memset(as->bytes + as->size, 0, count);
    as->size += count;
}

static uint64_t here(const struct assembler *as)
{
    return as->args->pc + as->size;
}

/* --------------------------------------------------------------------- labels */

static struct label *find_label(struct assembler *as, const char *name, size_t length)
{
    struct label *label = as->labels;

    while (label && (strlen(label->name) != length || strncmp(label->name, name, length)))
        label = label->next;
    return label;
}

static void set_label(struct assembler *as, const char *name, size_t length)
{
    struct label *label = find_label(as, name, length);

    if (!label) {
        label = calloc(1, sizeof(*label));
        if (!label || !(label->name = calloc(1, length + 1)))
            die("out of memory");
        memcpy(label->name, name, length);
        label->next = as->labels;
        label->addr = ~here(as);
        as->labels = label;
    }
    as->moved |= label->addr != here(as);
    label->addr = here(as);
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static size_t name_length(const char *p)
{
    size_t n = 0;

    if (isalpha((unsigned char)*p) || *p == '_')
        while (is_name_char(p[n]))
            n++;
    return n;
}

/* Copies a line with labels as numbers; the first word is the instruction's. */
static void replace_labels(struct assembler *as, const char *from, char *to, size_t size)
{
    size_t n = 0, first = strcspn(from, " \t");

    n += (size_t)snprintf(to, size, "%.*s", (int)first, from);
    for (const char *p = from + first; *p && n + 24 < size;) {
        size_t length = is_name_char(p[-1]) || p[-1] == '.' ? 0 : name_length(p);
        struct label *label = length ? find_label(as, p, length) : NULL;

        if (label) {
            n += (size_t)snprintf(to + n, size - n, "0x%" PRIx64, label->addr);
            p += length;
        } else {
            to[n++] = *p++;
        }
    }
    to[n] = 0;
}

/* ---------------------------------------------------------------------- lines */

static void put_data(struct assembler *as, const char *p, unsigned width)
{
    const struct isa_fetch *fetch = isa_fetch_of(as->args->isa, as->args->mode);

    while (*p) {
        char *end;
        uint64_t value = strtoull(p, &end, 0);
        uint8_t bytes[8];

        if (end == p) { /* a label that is further down, in the first pass */
            if (as->is_last)
                die("%s:%u: not a number: %s", as->path, as->line, p);
            end += strcspn(p, ",");
        }
        for (unsigned i = 0; i < width; i++)
            bytes[i] = (uint8_t)(value >> 8 * (fetch && fetch->big ? width - 1 - i : i));
        add_bytes(as, bytes, width);
        p = end + strspn(end, " \t,");
    }
}

static void put_words_of(struct assembler *as, const char *p)
{
    const struct isa_fetch *fetch = isa_fetch_of(as->args->isa, as->args->mode);

    put_data(as, p, !fetch || !fetch->parcel ? 4 : fetch->parcel < 2 ? 2 : fetch->parcel);
}

static void put_byte(struct assembler *as, const char *p)
{
    put_data(as, p, 1);
}

static void put_2byte(struct assembler *as, const char *p)
{
    put_data(as, p, 2);
}

static void put_4byte(struct assembler *as, const char *p)
{
    put_data(as, p, 4);
}

static void put_8byte(struct assembler *as, const char *p)
{
    put_data(as, p, 8);
}

static void put_space(struct assembler *as, const char *p)
{
    uint64_t count = strtoull(p, NULL, 0);

    if (count > MAX_SPACE)
        die("%s:%u: .space of more than %d bytes", as->path, as->line, MAX_SPACE);
    add_bytes(as, NULL, (size_t)count);
}

static void put_alignment(struct assembler *as, const char *p)
{
    uint64_t to = strtoull(p, NULL, 0);

    if (!to || to > MAX_SPACE)
        die("%s:%u: .balign wants a number up to %d", as->path, as->line, MAX_SPACE);
    add_bytes(as, NULL, (size_t)((to - here(as) % to) % to));
}

/* "TEXT", with \n, \r, \t, \\ and \" in it, and a zero behind it. */
static void put_text(struct assembler *as, const char *p)
{
    static const char escapes[] = "n\nr\rt\t\\\\\"\"";
    const char *escape;

    if (*p++ != '"')
        die("%s:%u: .asciz wants \"TEXT\"", as->path, as->line);
    for (; *p && *p != '"'; p++) {
        uint8_t byte = (uint8_t)*p;

        if (*p == '\\' && p[1]) {
            p++;
            for (escape = escapes; *escape && *escape != *p;)
                escape += 2;
            if (!*escape)
                die("%s:%u: \\%c is not known", as->path, as->line, *p);
            byte = (uint8_t)escape[1];
        }
        add_bytes(as, &byte, 1);
    }
    add_bytes(as, NULL, 1);
}

static const struct {
    const char *word;
    void (*put)(struct assembler *as, const char *p);
} directives[] = {
    { ".byte ", put_byte },   { ".2byte ", put_2byte },      { ".4byte ", put_4byte },
    { ".8byte ", put_8byte }, { ".word ", put_words_of },    { ".asciz ", put_text },
    { ".space ", put_space }, { ".balign ", put_alignment },
};

static bool directive(struct assembler *as, const char *text)
{
    for (size_t i = 0; i < sizeof(directives) / sizeof(*directives); i++) {
        size_t length = strlen(directives[i].word);
        char line[LINE];

        if (strncmp(text, directives[i].word, length))
            continue;
        if (directives[i].put == put_text)
            put_text(as, text + length);
        else {
            replace_labels(as, text, line, sizeof(line));
            directives[i].put(as, line + length);
        }
        return true;
    }
    return false;
}

static void put_insn(struct assembler *as, const char *text)
{
    const struct isa_args *args = as->args;
    uint8_t bytes[ISA_MAX_ILEN] = { 0 };
    char line[LINE], error[LINE];
    unsigned length;

    replace_labels(as, text, line, sizeof(line));
    length = isa_assemble(args->isa, &args->features, args->mode, here(as), line, bytes,
                          error, sizeof(error));
    if (!length && as->is_last)
        die("%s:%u: %s", as->path, as->line, error);
    add_bytes(as, bytes, length ? length : args->isa->min_ilen);
}

static void one_line(struct assembler *as, char *text)
{
    size_t length;
    char *end;

    text[strcspn(text, "#;\r")] = 0;
    if ((end = strstr(text, "//")))
        *end = 0;
    text += strspn(text, " \t");
    while ((length = name_length(text)) && text[length] == ':') {
        set_label(as, text, length);
        text += length + 1;
        text += strspn(text, " \t");
    }
    for (end = text + strlen(text); end > text && isspace((unsigned char)end[-1]);)
        *--end = 0;
    if (*text && !directive(as, text))
        put_insn(as, text);
}

static void one_pass(struct assembler *as, const char *text)
{
    char line[LINE];

    as->size = 0;
    as->moved = false;
    as->line = 0;
    while (*text) {
        size_t length = strcspn(text, "\n");

        as->line++;
        if (length >= sizeof(line))
            die("%s:%u: line too long", as->path, as->line);
        memcpy(line, text, length);
        line[length] = 0;
        one_line(as, line);
        text += length + (text[length] == '\n');
    }
}

static void assemble(struct assembler *as, const char *text)
{
    struct label *next;

    for (unsigned pass = 0; pass < PASSES; pass++) {
        one_pass(as, text);
        if (!as->moved)
            break;
    }
    as->is_last = true;
    one_pass(as, text);
    if (as->moved)
        die("%s: addresses of labels do not settle", as->path);
    for (struct label *label = as->labels; label; label = next) {
        next = label->next;
        free(label->name);
        free(label);
    }
}

/* --------------------------------------------------------------------- format */

static bool is_text(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] < 0x20 && !isspace(bytes[i]))
            return false;
    return true;
}

/* Hexadecimal words only? */
static bool put_words(struct assembler *as, const char *text)
{
    const struct isa_args *args = as->args;

    for (;;) {
        uint8_t bytes[ISA_MAX_ILEN];
        char word[2 * ISA_MAX_ILEN + 3];
        size_t length;
        unsigned n;

        text += strspn(text, " \t\r\n");
        length = strcspn(text, " \t\r\n");
        if (!length)
            return as->size > 0;
        if (length >= sizeof(word))
            return false;
        memcpy(word, text, length);
        word[length] = 0;
        n = hex_to_bytes(args->isa, args->mode, word, bytes, sizeof(bytes));
        if (!n)
            return false;
        add_bytes(as, bytes, n);
        text += length;
    }
}

struct isa_program program_load(const struct isa_args *args, const char *path)
{
    struct assembler as = { .args = args, .path = path };
    size_t size;
    uint8_t *file = read_whole(path, &size);

    if (!is_text(file, size)) {
        add_bytes(&as, file, size);
    } else if (!put_words(&as, (const char *)file)) {
        assemble(&as, (const char *)file);
    }
    free(file);
    return (struct isa_program){ as.bytes, as.size };
}
