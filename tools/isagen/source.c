/* source.c - spec text, where things are in it, and messages about them. */
#define _POSIX_C_SOURCE 200809L /* stat */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "isagen.h"

enum { MAX_FILE = 16 << 20 };

struct source *source_new(struct isagen *g, const char *name, const char *text,
                          uint32_t size)
{
    struct source *s = arena_alloc(&g->arena, sizeof *s);

    s->name = arena_strndup(&g->arena, name, strlen(name));
    s->text = text;
    s->size = size;
    s->next = g->sources;
    g->sources = s;
    return s;
}

/* Where each line of a file begins. */
static struct source *source_lines(struct isagen *g, struct source *s)
{
    for (int pass = 0; pass < 2; pass++) {
        s->nlines = 1;
        for (uint32_t i = 0; i < s->size; i++)
            if (s->text[i] == '\n') {
                if (pass)
                    s->lines[s->nlines] = i + 1;
                s->nlines++;
            }
        if (!pass)
            s->lines = arena_array(&g->arena, s->nlines, sizeof *s->lines);
    }
    return s;
}

struct source *source_text(struct isagen *g, const char *name, const char *text,
                           size_t size)
{
    size = size < MAX_FILE ? size : MAX_FILE;
    text = arena_strndup(&g->arena, text, size);
    return source_lines(g, source_new(g, name, text, (uint32_t)size));
}

struct source *source_read(struct isagen *g, const char *path)
{
    struct stat st;
    FILE *f;
    size_t size = 0, room = 1 << 16, got;
    char *text;

    if (stat(path, &st) || !S_ISREG(st.st_mode) || !(f = fopen(path, "rb")))
        return NULL;
    text = arena_alloc(&g->arena, room);
    while ((got = fread(text + size, 1, room - size - 1, f)) > 0 && size < MAX_FILE) {
        size += got;
        if (room - size < 2) {
            text = arena_grow(&g->arena, text, room, 2 * room);
            room *= 2;
        }
    }
    fclose(f);
    text[size] = 0;
    return source_lines(g, source_new(g, path, text, (uint32_t)size));
}

/* Follows a position in an expanded family back to the file it was written in. */
static struct pos source_origin(struct pos pos)
{
    while (pos.source && pos.source->nparts) {
        const struct part *parts = pos.source->parts;
        uint32_t low = 0, high = pos.source->nparts;

        while (high - low > 1) {
            uint32_t mid = (low + high) / 2;

            if (parts[mid].start <= pos.at)
                low = mid;
            else
                high = mid;
        }
        pos = (struct pos){ parts[low].from.source,
                            parts[low].from.at + (pos.at - parts[low].start) };
    }
    return pos;
}

void source_where(struct pos pos, const char **name, unsigned *line, unsigned *column)
{
    uint32_t low = 0, high;

    pos = source_origin(pos);
    *name = pos.source ? pos.source->name : "?";
    *line = *column = 1;
    if (!pos.source || !pos.source->nlines)
        return;
    for (high = pos.source->nlines; high - low > 1;) {
        uint32_t mid = (low + high) / 2;

        if (pos.source->lines[mid] <= pos.at)
            low = mid;
        else
            high = mid;
    }
    *line = low + 1;
    *column = pos.at - pos.source->lines[low] + 1;
}

const char *source_place(struct isagen *g, struct pos pos)
{
    const char *name, *slash;
    unsigned line, column;

    source_where(pos, &name, &line, &column);
    slash = strstr(name, "isa-specs/");
    return arena_printf(&g->arena, "%s:%u", slash ? slash + 10 : name, line);
}

/* The line of `pos` with a caret under its column. */
static void print_line(struct isagen *g, struct pos pos, unsigned column)
{
    pos = source_origin(pos);
    if (!pos.source)
        return;
    const char *text = pos.source->text, *start = text + pos.at - (column - 1);
    int length = 0;

    while (start + length < text + pos.source->size && start[length] != '\n' &&
           length < 160)
        length++;
    fputs("  ", g->messages);
    for (int i = 0; i < length; i++) {
        unsigned char c = (unsigned char)start[i];
        fputc(c < 32 || c == 127 ? ' ' : c, g->messages);
    }
    fputs("\n", g->messages);
    if ((int)column <= length + 1)
        fprintf(g->messages, "  %*s^\n", (int)column - 1, "");
}

enum { MAX_SAID = 4096 };

struct said { /* hashes of what was said */
    unsigned count;
    uint64_t hash[MAX_SAID];
};

static uint64_t hash_text(uint64_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    return h;
}

/* One body is lowered for each variant and each target: once is enough. */
static bool said_before(struct isagen *g, struct pos pos, const char *code,
                        const char *text)
{
    uint64_t h = pos.at * 0x9e3779b97f4a7c15u ^ (uintptr_t)pos.source;

    h = hash_text(hash_text(h, code), text);
    if (!g->said)
        g->said = arena_alloc(&g->arena, sizeof *g->said);
    for (unsigned i = 0; i < g->said->count; i++)
        if (g->said->hash[i] == h)
            return true;
    if (g->said->count < MAX_SAID)
        g->said->hash[g->said->count++] = h;
    return false;
}

static void message(struct isagen *g, struct pos pos, const char *kind, const char *code,
                    const char *fmt, va_list ap)
{
    unsigned *shown = code[0] == 'E' ? &g->shown_errors : &g->shown_warnings;
    const char *name;
    unsigned line, column;
    char text[1200];

    if (!g->messages)
        return;
    vsnprintf(text, sizeof text, fmt, ap);
    if (said_before(g, pos, code, text) || (*shown)++ >= MAX_ERRORS)
        return;
    source_where(pos, &name, &line, &column);
    fprintf(g->messages, "%s:%u:%u: %s: %s [%s]\n", name, line, column, kind, text, code);
    print_line(g, pos, column);
    for (const struct source *s = pos.source; s && s->nparts; s = s->parts[0].from.source)
        if (s->note)
            fprintf(g->messages, "  %s\n", s->note);
}

void error_at(struct isagen *g, struct pos pos, const char *code, const char *fmt, ...)
{
    va_list ap;

    g->errors++;
    va_start(ap, fmt);
    message(g, pos, "error", code, fmt, ap);
    va_end(ap);
}

void warn_at(struct isagen *g, struct pos pos, const char *code, const char *fmt, ...)
{
    va_list ap;

    if (g->no_warnings)
        return;
    va_start(ap, fmt);
    message(g, pos, "warning", code, fmt, ap);
    va_end(ap);
}

void fail(struct isagen *g, struct pos pos, const char *code, const char *fmt, ...)
{
    va_list ap;

    g->errors++;
    g->over_budget = !strcmp(code, "E-BUDGET");
    va_start(ap, fmt);
    message(g, pos, "error", code, fmt, ap);
    va_end(ap);
    fail_again(g);
}

void fail_again(struct isagen *g)
{
    if (g->recover)
        longjmp(*g->recover, 1);
    exit(1);
}

void fail_all(struct isagen *g, struct pos pos, const char *code, const char *fmt, ...)
{
    va_list ap;

    g->errors++;
    va_start(ap, fmt);
    message(g, pos, "error", code, fmt, ap);
    va_end(ap);
    if (g->top)
        longjmp(*g->top, 1);
    exit(1);
}

void work(struct isagen *g, struct pos pos)
{
    if (++g->work > MAX_WORK)
        fail_all(g, pos, "E-BUDGET",
                 "this spec is too much work: it unrolls or branches too often");
    if (g->arena.total > MAX_MEMORY)
        fail_all(g, pos, "E-BUDGET", "this spec needs more than %d MB", MAX_MEMORY >> 20);
}
