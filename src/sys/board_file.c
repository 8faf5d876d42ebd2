/* board_file.c - the files that boards are in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "sys/board_parts.h"

enum { MAX_IMPORTS = 64, MAX_FILE = 1 << 20 };

/* What is in a file: malloc'ed.  NULL: `error` says why. */
static char *read_file(const char *path, size_t *size, char error[BOARD_ERROR])
{
    FILE *file = fopen(path, "rb");
    char *text = malloc(MAX_FILE);
    bool failed;

    if (!text)
        die("out of memory");
    *size = file ? fread(text, 1, MAX_FILE, file) : 0;
    failed = !file || ferror(file);
    if (failed)
        snprintf(error, BOARD_ERROR, "%s: %s", path, strerror(errno));
    else if (*size == MAX_FILE)
        snprintf(error, BOARD_ERROR, "%s: a board has less than %d bytes", path,
                 (int)MAX_FILE);
    if (file)
        fclose(file);
    if (!failed && *size < MAX_FILE)
        return text;
    free(text);
    return NULL;
}

/* The file of that name beside the one that says so, in memory of the board's. */
static void open_import(struct reader *reader, struct board_place place, const char *name)
{
    const char *slash = strrchr(place.path, '/');
    size_t folder = slash ? (size_t)(slash + 1 - place.path) : 0, size;
    char *path = arena_printf(reader->arena, "%.*s%s", (int)folder, place.path, name),
         *text;
    char error[BOARD_ERROR];

    if (!name[0] || strchr(name, '/'))
        reader_fail(reader, place, "want the name of a file beside this one, not `%s`",
                    name);
    if (++reader->imports > MAX_IMPORTS)
        reader_fail(reader, place, "more than %d imports", MAX_IMPORTS);
    text = read_file(path, &size, error);
    if (!text)
        reader_fail(reader, place, "import: %s", error);
    reader->at = arena_strndup(reader->arena, text, size);
    reader->end = reader->at + size;
    reader->place = (struct board_place){ 1, 1, path };
    free(text);
}

void reader_import(struct reader *reader)
{
    struct board_place place = reader->token.place, back;
    const char *name = reader_text(reader, "the name of a file beside this one");
    const char *at = reader->at, *end = reader->end;
    struct token token = reader->token;

    back = reader->place;
    open_import(reader, place, name);
    reader_advance(reader);
    reader_statements(reader, false);
    reader->at = at;
    reader->end = end;
    reader->place = back;
    reader->token = token;
}

struct board *board_read(const char *path, const struct board_choices *choices,
                         char error[BOARD_ERROR])
{
    size_t size;
    char *text = read_file(path, &size, error);
    struct board *board;

    if (!text)
        return NULL;
    board = board_parse(path, text, size, choices, error);
    free(text);
    return board;
}
