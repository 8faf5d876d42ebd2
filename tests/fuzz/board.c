/* board.c - fuzzes the reader of boards and what makes device trees of them: any text is
 * a board with a tree, or an error that names its place.  Any bytes are a user's own
 * tree, or none. */
#define FUZZ_SEEDS "tests/fuzz/%s/*"
#include "fuzz.h"

#include "sys/board.h"
#include "sys/fdt.h"

static void must(int condition, const char *what, const char *error)
{
    if (condition)
        return;
    printf("%s: %s\n", what, error);
    abort();
}

/* False: it has no room. */
static bool write_board(const struct board *board, char *text, size_t size)
{
    FILE *file = fmemopen(text, size, "w");
    bool has_room;

    board_write(board, file);
    has_room = !fflush(file) && (size_t)ftell(file) < size;
    fclose(file);
    return has_room;
}

/* Options are comments once they are chosen. */
static char *without_comments(char *text)
{
    for (char *at = text, *end; (at = strstr(at, "\n# "));) {
        end = strchr(at + 1, '\n');
        memmove(at, end, strlen(end) + 1);
    }
    return text;
}

/* What is written of a board reads as a board of which the same is written. */
static void write_and_read(const struct board *board)
{
    static char text[2][1 << 20];
    char error[BOARD_ERROR] = "";
    struct board *again;

    if (!write_board(board, text[0], sizeof(text[0])))
        return;
    again = board_parse("x", text[0], strlen(text[0]), NULL, error);
    must(again != NULL, "written, and not read", error);
    must(write_board(again, text[1], sizeof(text[1])), "no room", error);
    must(!strcmp(without_comments(text[0]), without_comments(text[1])), "not the same",
         text[0]);
    board_free(again);
}

static void fuzz_one(const uint8_t *data, size_t size)
{
    struct fdt_boot boot = { .command_line = "x", .initrd_start = 1, .initrd_end = 2 };
    struct board_choices choices = { .memory_bytes = 1 << 20, .cpus = 1 };
    char error[BOARD_ERROR] = "";
    struct board *board =
        board_parse("x", (const char *)data, size, size % 2 ? &choices : NULL, error);
    void *blob = NULL, *own;
    size_t blob_size, own_size;

    if (!board) {
        must(strncmp(error, "x:", 2) == 0, "no place", error);
    } else {
        blob = fdt_of_board(board, &boot, &blob_size, error);
        must(blob || error[0], "no reason", error);
        write_and_read(board);
        board_free(board);
    }
    if (blob) {
        for (size_t i = 0; i < size && i < 64; i++)
            ((uint8_t *)blob)[data[i] * 37u % blob_size] ^= data[size - 1 - i] & 1;
        own = fdt_with_boot(blob, blob_size, &boot, &own_size, error);
        free(own);
        free(blob);
    }
    free(fdt_with_boot(data, size, &boot, &own_size, error));
}
