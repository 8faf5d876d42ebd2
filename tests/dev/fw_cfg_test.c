/* fw_cfg_test.c - the firmware configuration device: items by their keys, the directory
 * of files, transfers, and descriptors that are wrong. */
#include "dev/fw_cfg.h"
#include "dev/rig.h"

enum { DATA = 0, SELECTOR = 8, DMA = 16 };
enum { IS_ERROR = 1, IS_READ = 2, IS_SKIP = 4, IS_SELECT = 8, IS_WRITE = 16 };
enum { AT = 0x100, TO = 0x200 }; /* a descriptor, and what it is about */

/* Puts a number into memory, or into a register, big-endian. */
static void big(uint8_t *at, unsigned size, uint64_t value)
{
    for (unsigned i = size; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
}

static void write_big(struct rig *rig, uint64_t offset, unsigned size, uint64_t value)
{
    uint8_t bytes[8];
    uint64_t number = 0;

    big(bytes, size, value);
    for (unsigned i = size; i-- > 0;)
        number = number << 8 | bytes[i];
    rig_write(rig, offset, size, number);
}

static uint64_t get_big(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

static void *copy(const char *text)
{
    return strcpy(malloc(strlen(text) + 1), text);
}

static struct rig *begin(void)
{
    struct rig *rig = rig_new("fw-cfg-mmio");

    rig_init(rig);
    fw_cfg_put(rig->dev, FW_CFG_CMDLINE_DATA, copy("abcdefghij"), 10);
    ck_assert_int_eq(fw_cfg_put_file(rig->dev, "opt/b", copy("second"), 6), 0);
    ck_assert_int_eq(fw_cfg_put_file(rig->dev, "opt/a", copy("first"), 5), 0);
    return rig;
}

static void choose(struct rig *rig, unsigned key)
{
    write_big(rig, SELECTOR, 2, key);
}

static void describe(struct rig *rig, unsigned control, uint32_t length, uint64_t address)
{
    big(rig->memory + AT, 4, control);
    big(rig->memory + AT + 4, 4, length);
    big(rig->memory + AT + 8, 8, address);
}

/* What is left of its control word. */
static unsigned transfer(struct rig *rig, unsigned control, uint32_t length,
                         uint64_t address)
{
    describe(rig, control, length, address);
    write_big(rig, DMA, 8, AT);
    return (unsigned)get_big(rig->memory + AT, 4);
}

START_TEST(it_says_what_it_is)
{
    struct rig *rig = begin();

    ck_assert_uint_eq(rig_read(rig, DATA, 4), 0x554d4551); /* "QEMU" */
    choose(rig, FW_CFG_ID);
    ck_assert_uint_eq(rig_read(rig, DATA, 4), 3);
    ck_assert_uint_eq(rig_read(rig, DMA, 8), UINT64_C(0x47464320554d4551));
    ck_assert_uint_eq(rig_read(rig, DMA, 4), 0x554d4551);
    ck_assert_uint_eq(rig_read(rig, DMA + 4, 4), 0x47464320);
    rig_free(rig);
}
END_TEST

START_TEST(items_are_read_in_parts_of_any_width)
{
    struct rig *rig = begin();

    choose(rig, FW_CFG_CMDLINE_DATA);
    ck_assert_uint_eq(rig_read(rig, DATA, 1), 'a');
    ck_assert_uint_eq(rig_read(rig, DATA, 2), 'b' | 'c' << 8);
    ck_assert_uint_eq(rig_read(rig, DATA + 4, 4), 0); /* nothing is there */
    ck_assert_uint_eq(rig_read(rig, DATA, 4), 0x67666564);
    ck_assert_uint_eq(rig_read(rig, DATA, 8), 0x6a6968); /* and zeros */
    ck_assert_uint_eq(rig_read(rig, DATA, 8), 0);
    choose(rig, FW_CFG_CMDLINE_DATA);
    rig_write(rig, DATA, 1, 'x');
    ck_assert_uint_eq(rig_read(rig, DATA, 1), 'a');
    rig_free(rig);
}
END_TEST

START_TEST(keys_of_no_item_read_as_zeros)
{
    static const unsigned keys[] = {
        0x03, 0x1f, 0x22, 0x5f, 0x60, 0x3fff, 0x8000, 0xffff
    };
    struct rig *rig = begin();

    for (size_t i = 0; i < COUNT(keys); i++) {
        choose(rig, keys[i]);
        ck_assert_uint_eq(rig_read(rig, DATA, 8), 0);
        memset(rig->memory + TO, 1, 8);
        ck_assert_uint_eq(transfer(rig, IS_READ, 4, TO), 0);
        ck_assert_uint_eq(get_big(rig->memory + TO, 8), 0x01010101);
    }
    rig_free(rig);
}
END_TEST

START_TEST(the_directory_lists_files_by_name)
{
    struct rig *rig = begin();
    const uint8_t *at = rig->memory + TO;

    ck_assert_uint_eq(
        transfer(rig, FW_CFG_FILE_DIR << 16 | IS_SELECT | IS_READ, 4 + 2 * 64 + 1, TO),
        0);
    ck_assert_uint_eq(get_big(at, 4), 2);
    ck_assert_uint_eq(get_big(at + 4, 8), UINT64_C(0x0000000500200000));
    ck_assert_str_eq((const char *)at + 12, "opt/a");
    ck_assert_uint_eq(get_big(at + 68, 8), UINT64_C(0x0000000600210000));
    ck_assert_str_eq((const char *)at + 76, "opt/b");
    choose(rig, 0x21);
    ck_assert_uint_eq(rig_read(rig, DATA, 2), 's' | 'e' << 8);
    rig_free(rig);
}
END_TEST

START_TEST(files_are_replaced_and_there_is_room_for_so_many)
{
    struct rig *rig = begin();
    char name[FW_CFG_NAME + 1];

    ck_assert_int_eq(fw_cfg_put_file(rig->dev, "opt/b", copy("other"), 5), 0);
    choose(rig, 0x21);
    ck_assert_uint_eq(rig_read(rig, DATA, 2), 'o' | 't' << 8);
    for (unsigned i = 2; i < FW_CFG_FILES; i++) {
        snprintf(name, sizeof(name), "etc/%u", i);
        ck_assert_int_eq(fw_cfg_put_file(rig->dev, name, NULL, 0), 0);
    }
    ck_assert_int_eq(fw_cfg_put_file(rig->dev, "opt/c", copy(""), 0), -1);
    ck_assert_int_eq(fw_cfg_put_file(rig->dev, "opt/a", copy("x"), 1), 0);
    ck_assert_int_eq(fw_cfg_put_file(rig->dev, "", copy(""), 0), -1);
    memset(name, 'n', FW_CFG_NAME);
    name[FW_CFG_NAME] = 0;
    ck_assert_int_eq(fw_cfg_put_file(rig->dev, name, copy(""), 0), -1);
    rig_free(rig);
}
END_TEST

START_TEST(transfers_read_skip_and_go_on)
{
    struct rig *rig = begin();

    ck_assert_uint_eq(
        transfer(rig, FW_CFG_CMDLINE_DATA << 16 | IS_SELECT | IS_READ, 3, TO), 0);
    ck_assert_int_eq(memcmp(rig->memory + TO, "abc\0", 4), 0);
    ck_assert_uint_eq(transfer(rig, IS_SKIP, 2, UINT64_MAX), 0);
    ck_assert_uint_eq(rig_read(rig, DATA, 1), 'f');
    memset(rig->memory + TO, 'x', 8);
    ck_assert_uint_eq(transfer(rig, IS_READ, 7, TO), 0);
    ck_assert_int_eq(memcmp(rig->memory + TO, "ghij\0\0\0x", 8), 0);
    ck_assert_uint_eq(transfer(rig, IS_SKIP, UINT32_MAX, 0), 0);
    ck_assert_uint_eq(transfer(rig, IS_READ, 0, UINT64_MAX), 0);
    ck_assert_uint_eq(rig_read(rig, DATA, 8), 0);
    rig_free(rig);
}
END_TEST

START_TEST(an_address_may_come_in_halves)
{
    struct rig *rig = begin();

    describe(rig, FW_CFG_CMDLINE_DATA << 16 | IS_SELECT | IS_READ, 2, TO);
    write_big(rig, DMA, 4, 1); /* where there is no memory */
    write_big(rig, DMA + 4, 4, AT);
    ck_assert_uint_eq(rig->memory[TO], 0);
    write_big(rig, DMA + 4, 4, AT); /* the other half is forgotten */
    ck_assert_uint_eq(rig->memory[TO], 'a');
    ck_assert_uint_eq(get_big(rig->memory + AT, 4), 0);
    rig_free(rig);
}
END_TEST

START_TEST(transfers_end_where_memory_does)
{
    struct rig *rig = begin();

    choose(rig, FW_CFG_CMDLINE_DATA);
    ck_assert_uint_eq(transfer(rig, IS_READ, 4, RIG_MEMORY - 2), IS_ERROR);
    ck_assert_uint_eq(transfer(rig, IS_READ, UINT32_MAX, RIG_MEMORY - 4096), IS_ERROR);
    ck_assert_uint_eq(transfer(rig, IS_READ, UINT32_MAX, UINT64_MAX - 1), IS_ERROR);
    ck_assert_uint_eq(transfer(rig, IS_READ, 1, 0x10100000), IS_ERROR); /* itself */
    ck_assert_uint_eq(transfer(rig, IS_WRITE, 1, TO), IS_ERROR);
    ck_assert_uint_eq(transfer(rig, IS_WRITE, 0, TO), 0);
    ck_assert_uint_eq(transfer(rig, 0, UINT32_MAX, UINT64_MAX), 0);
    write_big(rig, DMA, 8, 0x10100000);
    write_big(rig, DMA, 8, UINT64_MAX - 3);
    write_big(rig, DMA, 8, RIG_MEMORY - 8);
    ck_assert_uint_eq(get_big(rig->memory + RIG_MEMORY - 8, 4), IS_ERROR);
    rig_free(rig);
}
END_TEST

START_TEST(a_transfer_over_its_own_descriptor_ends)
{
    struct rig *rig = begin();

    choose(rig, FW_CFG_CMDLINE_DATA);
    ck_assert_uint_eq(transfer(rig, IS_READ, 16, AT), 0);
    ck_assert_int_eq(memcmp(rig->memory + AT + 4, "efghij\0\0", 8), 0);
    rig_free(rig);
}
END_TEST

START_TEST(a_snapshot_goes_on_in_the_middle)
{
    struct rig *rig = begin(), *other = begin();
    struct dev_state state = { 0 };

    choose(rig, FW_CFG_CMDLINE_DATA);
    rig_read(rig, DATA, 2);
    dev_save(rig->dev, &state);
    ck_assert_int_eq(dev_load(other->dev, state.bytes, state.size), (int64_t)state.size);
    ck_assert_uint_eq(rig_read(other, DATA, 2), 'c' | 'd' << 8);
    dev_reset(other->dev);
    ck_assert_uint_eq(rig_read(other, DATA, 1), 'Q');
    free(state.bytes);
    rig_free(rig);
    rig_free(other);
}
END_TEST

RIG_MAIN("fw_cfg", it_says_what_it_is, items_are_read_in_parts_of_any_width,
         keys_of_no_item_read_as_zeros, the_directory_lists_files_by_name,
         files_are_replaced_and_there_is_room_for_so_many, transfers_read_skip_and_go_on,
         an_address_may_come_in_halves, transfers_end_where_memory_does,
         a_transfer_over_its_own_descriptor_ends, a_snapshot_goes_on_in_the_middle)
