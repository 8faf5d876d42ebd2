/* board_test.c - boards as text, and the device trees that are made of them. */
#include <check.h>
#include <libfdt.h>

#include "dev/rig.h"
#include "sys/board.h"
#include "sys/fdt.h"

static char error[BOARD_ERROR];

static struct board *parse(const char *text, const struct board_choices *choices)
{
    return board_parse("x.board", text, strlen(text), choices, error);
}

#define HEAD "board x \"a test\"\nisa riscv64\nmemory 1M\ncpus 2 max 4\n"

static void refused(const char *text, const char *message)
{
    struct board *board = parse(text, NULL);

    ck_assert_msg(!board, "taken: %s", text);
    ck_assert_str_eq(error, message);
}

START_TEST(a_board_is_read)
{
    struct board *board = parse(HEAD "ram r at 0x80000000 size $memory*2\n"
                                     "device a thing { # a comment\n"
                                     "  at 0x1000 size 16\n\n"
                                     "  at 0x2000 size 1K region 1\n"
                                     "  irq b 1 2\n"
                                     "  irq cpu* msip mtip\n"
                                     "  irq cpu1 meip\n"
                                     "  set x=$cpus*2\n"
                                     "}\n"
                                     "device b thing\n"
                                     "stdout a\n",
                                NULL);
    const struct board_irq *irq;
    unsigned count = 0;

    ck_assert_msg(board != NULL, "%s", error);
    ck_assert_uint_eq(board->memories->size_bytes, 2 << 20);
    ck_assert_uint_eq(board->cpus, 2);
    ck_assert_uint_eq(board->devices->ranges->next->region, 1);
    ck_assert_uint_eq(board->devices->ranges->next->size_bytes, 1024);
    ck_assert_str_eq(board->devices->settings->value, "2*2");
    for (irq = board->devices->irqs; irq->next; irq = irq->next)
        count++;
    ck_assert_uint_eq(count, 6);
    ck_assert_uint_eq(irq->cpu, 1);
    ck_assert_str_eq(irq->cpu_line, "meip");
    ck_assert_str_eq(board->devices->irqs->device, "b");
    board_free(board);
}
END_TEST

/* What board_write() says of a board. */
static void written(const struct board *board, char *text, size_t size)
{
    FILE *file = fmemopen(text, size, "w");

    board_write(board, file);
    fclose(file);
}

START_TEST(a_board_is_written_as_it_was_read)
{
    static char first[1 << 16], second[1 << 16];
    struct board *board = parse(
        HEAD "option o a|b \"x\"\n"
             "cpu {\nmodel m\nfeatures +F\ntimebase 5\nline l 3\nnode { reg-of = "
             "\"c\" }\n}\n"
             "ram r at 0x80000000 size $memory\nrom s at 0 size 4K\n"
             "device a thing {\n at 0x1000 size 16 region 2\n irq b 1 2\n"
             " irq cpu* msip mtip\n in b\n set x=\"a $$HOME, $\"b$\"\"\n set y = \"\"\n"
             " node /soc/a {\n z = <1 0xffffffff &b>, \"s\", <5>\n when {\n}\n}\n}\n"
             "device b thing\nwhen o=a {\n device c thing\n}\n"
             "stdout a\nboot way {\n rom = 5\n rom = 6\n}\ntree {\n#cells = <2>\n}\n",
        NULL);
    struct board *again;

    ck_assert_msg(board != NULL, "%s", error);
    ck_assert_str_eq(board->devices->settings->value, "a $HOME, \"b\"");
    written(board, first, sizeof(first));
    again = parse(first, NULL);
    ck_assert_msg(again != NULL, "%s\n%s", error, first);
    ck_assert_str_eq(again->devices->settings->value, "a $HOME, \"b\"");
    ck_assert_str_eq(again->devices->in, "b");
    ck_assert_uint_eq(again->cpus, 2);
    written(again, second, sizeof(second));
    ck_assert_ptr_nonnull(strstr(first, "# o=a: x\n"));
    ck_assert_str_eq(strstr(second, "\ncpu {"), strstr(first, "\ncpu {"));
    board_free(board);
    board_free(again);
}
END_TEST

START_TEST(errors_name_line_and_column)
{
    refused("board x \"y\"\n  devise a b\n",
            "x.board:2:3: there is no statement `devise`");
    refused(HEAD "ram r at 0x1g size 1M\n", "x.board:5:10: want an address, not `0x1g`");
    refused(HEAD "ram r at 0x1000\n", "x.board:5:5: r has no size");
    refused(HEAD "device a b {\n  at 1\n", "x.board:7:1: want a statement about the "
                                           "device or `}`, not the end of the file");
    refused(HEAD "device a b\ndevice a c\n", "x.board:6:8: there is a `a` already");
    refused(HEAD "device a b {\n irq nobody 3\n}\n",
            "x.board:6:6: there is no device `nobody`");
    refused(HEAD "device a b {\n irq cpu7 x\n}\n", "x.board:6:11: there is no `cpu7`");
    refused(HEAD "ram r at $nothing size 1\n", "x.board:5:10: there is no `$nothing`");
    refused(HEAD "let x \"a b\"\ndevice $x y\n",
            "x.board:6:8: want the device's name, not `a b`");
    refused("board x \"y\n", "x.board:1:9: this string has no end");
    refused("isa riscv64\n", "x.board:1:1: want a line `board NAME \"...\"`");
    refused(HEAD "stdout nobody\n", "x.board:1:1: stdout: there is no device `nobody`");
    refused(HEAD "repeat i 1-3 {\n}\n", "x.board:5:10: want a range as 0..7, not `1-3`");
    refused(HEAD "repeat i 0..9999999 {\n}\n",
            "x.board:5:10: more than 4096 repetitions");
}
END_TEST

START_TEST(choices_of_the_command_line_come_first)
{
    struct board_setting wrong = { .name = "colour", .value = "green" };
    struct board_setting right = { .name = "colour", .value = "blue" };
    struct board_choices choices = { .memory_bytes = 5 << 20, .cpus = 3 };
    static const char text[] = HEAD "option colour red|blue \"the colour\"\n"
                                    "when colour=blue {\n device sea x\n}\n"
                                    "when colour=red {\n device fire x { irq { } }\n}\n";
    struct board *board;

    choices.options = &right;
    board = parse(text, &choices);
    ck_assert_msg(board != NULL, "%s", error);
    ck_assert_uint_eq(board->memory_bytes, 5 << 20);
    ck_assert_uint_eq(board->cpus, 3);
    ck_assert_ptr_nonnull(board_find_device(board, "sea"));
    ck_assert_ptr_null(board_find_device(board, "fire"));
    board_free(board);
    choices.options = &wrong;
    ck_assert_ptr_null(parse(text, &choices));
    ck_assert_str_eq(error, "x.board:5:8: colour is one of red|blue, not `green`");
    wrong.name = "smell";
    ck_assert_ptr_null(parse(text, &choices));
    choices.options = NULL;
    choices.cpus = 5;
    ck_assert_ptr_null(parse(text, &choices));
    ck_assert_str_eq(error, "x.board:4:6: x has at most 4 CPUs, not 5");
}
END_TEST

START_TEST(let_names_what_follows)
{
    struct board *board = parse(HEAD "let size 2*8\nlet words \"a b\"\n"
                                     "option o x|y \"doc\"\n"
                                     "when o=y {\n let words \"c\"\n}\n"
                                     "when o=x {\n let words \"$words$size\"\n}\n"
                                     "device d e {\n at $size\n set p=\"$words\"\n}\n",
                                NULL);

    ck_assert_msg(board != NULL, "%s", error);
    ck_assert_uint_eq(board->devices->ranges->addr, 16);
    ck_assert_str_eq(board->devices->settings->value, "a b2*8");
    board_free(board);
    refused(HEAD "let a-b 1\n",
            "x.board:5:5: a name has letters, digits and _ only: `a-b`");
    refused(HEAD "let a\n", "x.board:5:6: want its value, not the end of the line");
    refused(HEAD "import \"/etc/x\"\n",
            "x.board:5:8: want the name of a file beside this one, not `/etc/x`");
}
END_TEST

START_TEST(numbers_are_sums_of_products_and_quotients)
{
    uint64_t value;

    ck_assert(board_number("1+(7+9)/4*2-0x2", &value));
    ck_assert_uint_eq(value, 7);
    ck_assert(board_number("3G/1M", &value));
    ck_assert_uint_eq(value, 3072);
    ck_assert(!board_number("1/0", &value));
    ck_assert(!board_number("1/", &value));
    ck_assert(!board_number("(1", &value));
}
END_TEST

START_TEST(repeat_goes_up_and_down)
{
    struct board *board =
        parse(HEAD "repeat i 3..1 {\n device d$i x { at ($i-1)*16 }\n}\n"
                   "repeat i 4..5 {\n device d$i x\n}\n",
              NULL);
    const struct board_device *device;

    ck_assert_msg(board != NULL, "%s", error);
    device = board->devices;
    ck_assert_str_eq(device->name, "d3");
    ck_assert_uint_eq(device->ranges->addr, 32);
    ck_assert_str_eq(device->next->next->name, "d1");
    ck_assert_str_eq(device->next->next->next->next->name, "d5");
    board_free(board);
}
END_TEST

static const char tree_text[] = HEAD
    "cpu {\n timebase 10000000\n line msip 3\n line meip 11\n"
    " node {\n  compatible = \"riscv\"\n  intc {\n   interrupt-controller\n  }\n }\n}\n"
    "ram r at 0x80000000 size $memory\n"
    "tree {\n #address-cells = <2>\n #size-cells = <2>\n soc {\n"
    "  #address-cells = <1>\n  #size-cells = <1>\n }\n"
    " reboot {\n  regmap = <&b 7>\n }\n}\n"
    "device a x {\n at 0x1000 size 16\n irq cpu* msip\n node /soc/swi { }\n}\n"
    "device b y {\n at 0x2000 size 32\n irq a 5\n"
    " node /soc/serial {\n  compatible = \"q\", \"r\"\n }\n}\n"
    "stdout b\n";

static uint32_t cell(const void *blob, const char *path, const char *name, unsigned index)
{
    int size = 0, node = fdt_path_offset(blob, path);
    const fdt32_t *cells = fdt_getprop(blob, node, name, &size);

    ck_assert_msg(cells && size >= (int)(4 * index + 4), "%s %s[%u]", path, name, index);
    return fdt32_to_cpu(cells[index]);
}

START_TEST(the_tree_says_what_the_board_says)
{
    struct board *board = parse(tree_text, NULL);
    struct fdt_boot boot = { .command_line = "hello",
                             .initrd_start = 16,
                             .initrd_end = 32 };
    size_t size;
    void *blob;

    ck_assert_msg(board != NULL, "%s", error);
    blob = fdt_of_board(board, &boot, &size, error);
    ck_assert_msg(blob != NULL, "%s", error);
    ck_assert_int_eq(fdt_check_full(blob, size), 0);
    ck_assert_uint_eq(cell(blob, "/soc/serial@2000", "reg", 0), 0x2000);
    ck_assert_uint_eq(cell(blob, "/soc/serial@2000", "reg", 1), 32);
    ck_assert_uint_eq(cell(blob, "/soc/serial@2000", "interrupts", 0), 5);
    ck_assert_uint_eq(cell(blob, "/soc/serial@2000", "interrupt-parent", 0),
                      cell(blob, "/soc/swi@1000", "phandle", 0));
    ck_assert_uint_eq(cell(blob, "/soc/swi@1000", "interrupts-extended", 2),
                      cell(blob, "/cpus/cpu@1/intc", "phandle", 0));
    ck_assert_uint_eq(cell(blob, "/soc/swi@1000", "interrupts-extended", 3), 3);
    ck_assert_uint_eq(cell(blob, "/reboot", "regmap", 0),
                      cell(blob, "/soc/serial@2000", "phandle", 0));
    ck_assert_uint_eq(cell(blob, "/memory@80000000", "reg", 3), 1 << 20);
    ck_assert_uint_eq(cell(blob, "/cpus", "timebase-frequency", 0), 10000000);
    ck_assert_uint_eq(cell(blob, "/chosen", "linux,initrd-end", 1), 32);
    ck_assert_str_eq(
        fdt_getprop(blob, fdt_path_offset(blob, "/chosen"), "stdout-path", NULL),
        "/soc/serial@2000");
    free(blob);
    board_free(board);
}
END_TEST

START_TEST(a_reference_to_nothing_is_an_error_with_its_place)
{
    struct board *board =
        parse(HEAD "tree {\n reboot {\n  regmap = <&nobody>\n }\n}\n", NULL);
    struct fdt_boot boot = { 0 };
    size_t size;

    ck_assert_msg(board != NULL, "%s", error);
    ck_assert_ptr_null(fdt_of_board(board, &boot, &size, error));
    ck_assert_str_eq(error, "x.board:7:3: `&nobody`: no such device has a node");
    board_free(board);
}
END_TEST

START_TEST(the_users_own_tree_gets_the_command_line)
{
    struct board *board = parse(tree_text, NULL);
    struct fdt_boot boot = { .command_line = "first" };
    size_t size, own_size;
    void *blob = fdt_of_board(board, &boot, &size, error), *own;

    boot.command_line = "second";
    own = fdt_with_boot(blob, size, &boot, &own_size, error);
    ck_assert_msg(own != NULL, "%s", error);
    ck_assert_str_eq(fdt_getprop(own, fdt_path_offset(own, "/chosen"), "bootargs", NULL),
                     "second");
    ck_assert_ptr_null(fdt_with_boot("nonsense", 8, &boot, &own_size, error));
    ck_assert_ptr_null(fdt_with_boot(blob, size / 2, &boot, &own_size, error));
    free(own);
    free(blob);
    board_free(board);
}
END_TEST

RIG_MAIN("board", a_board_is_read, a_board_is_written_as_it_was_read,
         errors_name_line_and_column, choices_of_the_command_line_come_first,
         let_names_what_follows, numbers_are_sums_of_products_and_quotients,
         repeat_goes_up_and_down, the_tree_says_what_the_board_says,
         a_reference_to_nothing_is_an_error_with_its_place,
         the_users_own_tree_gets_the_command_line)
