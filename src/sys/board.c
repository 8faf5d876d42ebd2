/* board.c - reads a board: one function for each statement.  See board.h. */
#include "sys/board_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"

enum { MAX_BLOCKS = 16, MAX_REPEATS = 4096, MAX_CPUS = 512 };

/* What board_read() returns: a board, and what it is made of. */
struct owned_board {
    struct board board;
    struct arena arena;
};

struct arena *board_arena(struct board *board)
{
    return &((struct owned_board *)board)->arena;
}

void *reader_append(struct reader *reader, void *list, size_t size)
{
    void **link = list, *added = arena_alloc(reader->arena, size);

    while (*link)
        link = *link;
    *link = added;
    return added;
}

/* ---------------------------------------------------------------------- settings */

void reader_setting(struct reader *reader, struct board_setting **list)
{
    struct board_setting *setting = reader_append(reader, list, sizeof(*setting));

    setting->place = reader->token.place;
    setting->name = reader_word(reader, "a name");
    reader_expect_mark(reader, '=');
    setting->value = reader_text(reader, "a value");
}

static void read_board(struct reader *reader)
{
    reader->board->name = reader_word(reader, "the board's name");
    reader->board->doc = reader_text(reader, "a line about it");
}

static void read_isa(struct reader *reader)
{
    reader->board->isa = reader_word(reader, "the name of an instruction set");
}

static void set_number(struct reader *reader, const char *name, uint64_t value)
{
    reader_set_variable(reader, name,
                        arena_printf(reader->arena, "%llu", (unsigned long long)value));
}

static void read_memory(struct reader *reader)
{
    uint64_t size = reader_number(reader, "a size");

    if (reader->choices->memory_bytes)
        size = reader->choices->memory_bytes;
    reader->board->memory_bytes = size;
    set_number(reader, "memory", size);
}

/* cpus 1 max 8 */
static void read_cpus(struct reader *reader)
{
    struct board *board = reader->board;
    struct board_place place = reader->token.place;
    uint64_t count = reader_number(reader, "a number of CPUs"), max = count;

    if (reader_is_word(reader, "max")) {
        reader_advance(reader);
        max = reader_number(reader, "a number of CPUs");
    }
    if (count < 1 || max < count || max > MAX_CPUS)
        reader_fail(reader, place, "a board has 1 to %d CPUs", MAX_CPUS);
    if (reader->choices->cpus)
        count = reader->choices->cpus;
    if (count > max)
        reader_fail(reader, place, "%s has at most %llu CPUs, not %llu", board->name,
                    (unsigned long long)max, (unsigned long long)count);
    board->cpus = (unsigned)count;
    board->max_cpus = (unsigned)max;
    set_number(reader, "cpus", count);
}

static bool is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);

    for (const char *at = choices; *at; at += strcspn(at, "|"), at += *at == '|')
        if (strcspn(at, "|") == length && !memcmp(at, value, length))
            return true;
    return false;
}

/* option NAME a|b|c "doc": the first one is what it is unless asked. */
static void read_option(struct reader *reader)
{
    struct board_option *option =
        reader_append(reader, &reader->board->options, sizeof(*option));
    struct board_place place = reader->token.place;

    option->name = reader_word(reader, "the option's name");
    option->choices = reader_word(reader, "its values, as on|off");
    option->doc = reader_text(reader, "a line about it");
    option->value =
        arena_strndup(reader->arena, option->choices, strcspn(option->choices, "|"));
    for (const struct board_setting *s = reader->choices->options; s; s = s->next) {
        if (strcmp(s->name, option->name))
            continue;
        if (!is_choice(option->choices, s->value))
            reader_fail(reader, place, "%s is one of %s, not `%s`", option->name,
                        option->choices, s->value);
        option->value = arena_strndup(reader->arena, s->value, strlen(s->value));
    }
    reader_set_variable(reader, option->name, option->value);
}

/* ------------------------------------------------------------------ memory, CPUs */

void reader_at(struct reader *reader, uint64_t *addr, uint64_t *size)
{
    *addr = reader_number(reader, "an address");
    if (!reader_is_word(reader, "size"))
        return;
    reader_advance(reader);
    *size = reader_number(reader, "a size");
}

static void read_memory_range(struct reader *reader, bool is_rom)
{
    struct board_memory *memory =
        reader_append(reader, &reader->board->memories, sizeof(*memory));

    memory->place = reader->token.place;
    memory->is_rom = is_rom;
    memory->name = reader_word(reader, "a name");
    if (!reader_is_word(reader, "at"))
        reader_fail(reader, reader->token.place, "want `at` and an address");
    reader_advance(reader);
    reader_at(reader, &memory->addr, &memory->size_bytes);
    if (!memory->size_bytes)
        reader_fail(reader, memory->place, "%s has no size", memory->name);
}

static void read_ram(struct reader *reader)
{
    read_memory_range(reader, false);
}

static void read_rom(struct reader *reader)
{
    read_memory_range(reader, true);
}

static void read_cpu_statement(struct reader *reader)
{
    struct board *board = reader->board;
    struct board_place place = reader->token.place;
    const char *word = reader_word(reader, "a statement about CPUs or `}`");

    if (!strcmp(word, "model")) {
        board->cpu_model = reader_word(reader, "a model");
    } else if (!strcmp(word, "features")) {
        board->cpu_features = reader_word(reader, "features, as +A,-B");
    } else if (!strcmp(word, "timebase")) {
        board->timebase_hz = reader_number(reader, "a number of Hz");
        if (!board->timebase_hz || board->timebase_hz > UINT32_MAX)
            reader_fail(reader, place, "a timebase is 1 to %lu Hz",
                        (unsigned long)UINT32_MAX);
        set_number(reader, "timebase", board->timebase_hz);
    } else if (!strcmp(word, "line")) {
        struct board_cpu_line *line =
            reader_append(reader, &board->cpu_lines, sizeof(*line));

        line->name = reader_word(reader, "a line");
        line->number = (uint32_t)reader_number(reader, "its number");
    } else if (!strcmp(word, "when")) {
        if (reader_when(reader))
            reader_block(reader, read_cpu_statement);
    } else if (!strcmp(word, "node")) {
        board->cpu_node = reader_new_node(reader, "cpu");
        reader_expect_mark(reader, '{');
        reader_node_body(reader, board->cpu_node);
    } else {
        reader_fail(reader, place,
                    "`%s`: want model, features, timebase, line, node or when", word);
    }
}

void reader_block(struct reader *reader, void (*statement)(struct reader *reader))
{
    reader_expect_mark(reader, '{');
    if (reader->token.kind == TOKEN_NEWLINE)
        reader_advance(reader);
    while (!reader_take_mark(reader, '}')) {
        statement(reader);
        reader_end_line(reader);
    }
}

static void read_cpu(struct reader *reader)
{
    reader_block(reader, read_cpu_statement);
}

/* ------------------------------------------------------------------------ blocks */

/* repeat NAME FIRST..LAST { ... }, upwards or downwards */
static void read_repeat(struct reader *reader)
{
    const char *name = reader_word(reader, "a name");
    struct board_place place = reader->token.place;
    const char *range = reader_word(reader, "a range as 0..7");
    const char *dots = strstr(range, "..");
    struct reader start;
    uint64_t first, last;

    if (!dots || !board_number(dots + 2, &last) ||
        !board_number(arena_strndup(reader->arena, range, (size_t)(dots - range)),
                      &first))
        reader_fail(reader, place, "want a range as 0..7, not `%s`", range);
    if (!reader_is_mark(reader, '{'))
        reader_expect_mark(reader, '{');
    start = *reader;
    for (uint64_t i = first;; i += first < last ? 1 : -1) {
        if (++reader->repeated > MAX_REPEATS)
            reader_fail(reader, place, "more than %d repetitions", MAX_REPEATS);
        reader->at = start.at;
        reader->place = start.place;
        reader->variables = start.variables;
        set_number(reader, name, i);
        reader_advance(reader);
        reader_statements(reader, true);
        if (i == last)
            break;
    }
    reader->variables = start.variables;
}

static void skip_block(struct reader *reader)
{
    unsigned depth = 1;

    reader_expect_mark(reader, '{');
    while (depth) {
        if (reader->token.kind == TOKEN_END)
            reader_fail(reader, reader->token.place, "want `}`");
        depth += reader_is_mark(reader, '{');
        depth -= reader_is_mark(reader, '}');
        reader_advance(reader);
    }
}

bool reader_when(struct reader *reader)
{
    struct board_place place = reader->token.place;
    const char *name = reader_word(reader, "an option");
    const struct board_option *option = reader->board->options;
    bool is_so = false;

    while (option && strcmp(option->name, name))
        option = option->next;
    if (!option)
        reader_fail(reader, place, "there is no option `%s`", name);
    reader_expect_mark(reader, '=');
    do {
        const char *value;

        place = reader->token.place;
        value = reader_word(reader, "its value");
        if (!is_choice(option->choices, value))
            reader_fail(reader, place, "%s is one of %s", name, option->choices);
        is_so |= !strcmp(option->value, value);
    } while (reader->token.kind == TOKEN_WORD);
    if (!reader_is_mark(reader, '{'))
        reader_expect_mark(reader, '{');
    if (!is_so)
        skip_block(reader);
    return is_so;
}

/* when OPTION=VALUE ... { ... } */
static void read_when(struct reader *reader)
{
    if (!reader_when(reader))
        return;
    reader_expect_mark(reader, '{');
    reader_statements(reader, true);
}

/* let NAME VALUE: what $NAME is from here on */
static void read_let(struct reader *reader)
{
    struct board_place place = reader->token.place;
    const char *name = reader_word(reader, "a name");

    for (const char *at = name; *at; at++)
        if (!reader_is_name_char(*at))
            reader_fail(reader, place, "a name has letters, digits and _ only: `%s`",
                        name);
    reader_set_variable(reader, name, reader_text(reader, "its value"));
}

static void read_tree(struct reader *reader)
{
    if (reader->board->tree)
        reader_fail(reader, reader->token.place, "there is a tree already");
    reader->board->tree = reader_new_node(reader, "");
    reader_expect_mark(reader, '{');
    reader_node_body(reader, reader->board->tree);
}

static void read_stdout(struct reader *reader)
{
    reader->board->stdout_device = reader_word(reader, "a device");
}

static void read_boot_statement(struct reader *reader)
{
    reader_setting(reader, &reader->board->boot_settings);
}

static void read_boot(struct reader *reader)
{
    reader->board->boot = reader_word(reader, "how it starts");
    reader_block(reader, read_boot_statement);
}

static void read_address_bits(struct reader *reader)
{
    struct board_place place = reader->token.place;
    uint64_t bits = reader_number(reader, "a number of bits");

    if (bits < 16 || bits > 64)
        reader_fail(reader, place, "an address has 16 to 64 bits");
    reader->board->address_bits = (unsigned)bits;
}

static const struct statement {
    const char *word;
    void (*read)(struct reader *reader);
} statements[] = {
    { "board", read_board },     { "isa", read_isa },
    { "memory", read_memory },   { "address-bits", read_address_bits },
    { "cpus", read_cpus },       { "option", read_option },
    { "ram", read_ram },         { "rom", read_rom },
    { "cpu", read_cpu },         { "device", reader_device },
    { "repeat", read_repeat },   { "when", read_when },
    { "import", reader_import }, { "let", read_let },
    { "tree", read_tree },       { "stdout", read_stdout },
    { "boot", read_boot },
};

static void read_statement(struct reader *reader)
{
    struct board_place place = reader->token.place;
    const char *word = reader_word(reader, "a statement");

    for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++) {
        if (!strcmp(statements[i].word, word)) {
            statements[i].read(reader);
            return;
        }
    }
    reader_fail(reader, place, "there is no statement `%s`", word);
}

void reader_statements(struct reader *reader, bool is_block)
{
    if (++reader->depth > MAX_BLOCKS)
        reader_fail(reader, reader->token.place, "blocks are nested too deeply");
    if (reader->token.kind == TOKEN_NEWLINE)
        reader_advance(reader);
    while (is_block ? !reader_take_mark(reader, '}') : reader->token.kind != TOKEN_END) {
        read_statement(reader);
        reader_end_line(reader);
    }
    reader->depth--;
}

/* ------------------------------------------------------------------------- whole */

const struct board_device *board_find_device(const struct board *board, const char *name)
{
    const struct board_device *device = board->devices;

    while (device && strcmp(device->name, name))
        device = device->next;
    return device;
}

int board_error(struct board_place place, char error[BOARD_ERROR], const char *fmt, ...)
{
    va_list ap;
    int n =
        snprintf(error, BOARD_ERROR, "%s:%u:%u: ", place.path, place.line, place.column);

    if (n >= BOARD_ERROR)
        n = BOARD_ERROR - 1;
    va_start(ap, fmt);
    vsnprintf(error + n, (size_t)(BOARD_ERROR - n), fmt, ap);
    va_end(ap);
    return -1;
}

static void check_option_names(struct reader *reader)
{
    for (const struct board_setting *s = reader->choices->options; s; s = s->next) {
        const struct board_option *option = reader->board->options;

        while (option && strcmp(option->name, s->name))
            option = option->next;
        if (!option)
            reader_fail(reader, (struct board_place){ 1, 1, reader->board->path },
                        "%s has no option `%s`; see -M %s,help", reader->board->name,
                        s->name, reader->board->name);
    }
}

static void check_whole(struct reader *reader)
{
    struct board *board = reader->board;
    struct board_place top = { 1, 1, board->path };

    if (!board->name)
        reader_fail(reader, top, "want a line `board NAME \"...\"`");
    if (!board->isa)
        reader_fail(reader, top, "want a line `isa NAME`");
    if (!board->cpus)
        reader_fail(reader, top, "want a line `cpus 1`");
    if (!board->address_bits)
        board->address_bits = 64;
    if (!board->tree)
        board->tree = reader_new_node(reader, "");
    check_option_names(reader);
    for (struct board_device *d = board->devices; d; d = d->next)
        for (struct board_irq *irq = d->irqs; irq; irq = irq->next)
            if (irq->device && !board_find_device(board, irq->device))
                reader_fail(reader, irq->place, "there is no device `%s`", irq->device);
    if (board->stdout_device && !board_find_device(board, board->stdout_device))
        reader_fail(reader, top, "stdout: there is no device `%s`", board->stdout_device);
}

struct board *board_parse(const char *path, const char *text, size_t size,
                          const struct board_choices *choices, char error[BOARD_ERROR])
{
    static const struct board_choices none;
    struct owned_board *owned = calloc(1, sizeof(*owned));
    struct reader *reader;

    if (!owned)
        die("out of memory");
    reader = arena_alloc(&owned->arena, sizeof(*reader)); /* not changed by longjmp */
    owned->board.path = arena_strndup(&owned->arena, path, strlen(path));
    *reader = (struct reader){ .arena = &owned->arena,
                               .board = &owned->board,
                               .choices = choices ? choices : &none,
                               .at = text,
                               .end = text + size,
                               .place = { 1, 1, owned->board.path },
                               .error = error };
    if (setjmp(reader->failed)) {
        board_free(&owned->board);
        return NULL;
    }
    reader_advance(reader);
    reader_statements(reader, false);
    check_whole(reader);
    return &owned->board;
}

void board_free(struct board *board)
{
    struct owned_board *owned = (struct owned_board *)board;

    if (!owned)
        return;
    arena_free(&owned->arena);
    free(owned);
}
