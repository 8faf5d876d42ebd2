/* boards.c - finds boards: beside the program, or where it was installed. */
#include "sys/boards.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "sys/board.h"

static const char *const folders[] = { "boards", "../share/rhea/boards" };
static const char ending[] = ".board";

enum { MAX_PATH = 4096 };

struct search {
    const char *name; /* NULL: list them all */
    const char *isa;  /* of a name that several boards have */
    char found[MAX_PATH];
};

/* virt-rv64 of .../virt-rv64.board */
static bool is_called(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;

    return strlen(file) == strlen(name) + sizeof(ending) - 1 &&
           !strncmp(file, name, strlen(name));
}

/* By the name that -M finds it with: of another instruction set that is its file's. */
static void print_board(const char *path, const struct board *board, bool is_default)
{
    const char *slash = strrchr(path, '/'), *name = is_default ? board->name : slash + 1;
    size_t length = strlen(name) - (is_default ? 0 : sizeof(ending) - 1);

    printf("%-20.*s %s (%s)\n", (int)length, name, board->doc, board->isa);
}

static void look_at(void *context, const char *path)
{
    struct search *search = context;
    char error[BOARD_ERROR];
    struct board *board;

    if (search->name && is_called(path, search->name)) {
        snprintf(search->found, sizeof(search->found), "%s", path);
        return;
    }
    board = board_read(path, NULL, error);
    if (!board) {
        fprintf(stderr, "rhea: %s\n", error);
        return;
    }
    if (!search->name)
        print_board(path, board, !strcmp(board->isa, search->isa));
    else if (!search->found[0] && !strcmp(board->name, search->name) &&
             !strcmp(board->isa, search->isa))
        snprintf(search->found, sizeof(search->found), "%s", path);
    board_free(board);
}

static void look_everywhere(struct search *search)
{
    char path[MAX_PATH];

    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders) && !search->found[0]; i++)
        if (host_path_beside(folders[i], path, sizeof(path)))
            host_list_folder(path, ending, look_at, search);
}

const char *boards_find(const char *name, const char *isa)
{
    static struct search search;
    size_t length = strlen(name);

    if (strchr(name, '/') || (length >= sizeof(ending) &&
                              !strcmp(name + length - (sizeof(ending) - 1), ending)))
        return name;
    search = (struct search){ .name = name, .isa = isa };
    look_everywhere(&search);
    if (!search.found[0])
        die("-M %s: there is no such board; see -M help", name);
    return search.found;
}

void boards_list(const char *isa)
{
    struct search search = { .isa = isa };

    printf("Supported machines are:\n");
    look_everywhere(&search);
    printf("FILE.board           a board of your own\n");
}
