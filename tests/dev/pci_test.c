/* pci_test.c - configuration space, base addresses, pins and vectors, on a host bridge
 * with functions of a test's own. */
#include "dev/pci_rig.h"

#include <check.h>

enum { SLOT_1 = 1 << 3, SLOT_2 = 2 << 3 };

static struct rig *rig;
static struct stub *stub; /* in slot 1 */

static void setup(void)
{
    rig = pci_rig_new();
    stub = stub_new(rig, rig->dev, NULL);
}

static void teardown(void)
{
    dev_free(&stub->function.dev);
    rig_free(rig);
}

static uint32_t config(unsigned at, unsigned size)
{
    return c_read(rig, SLOT_1, at, size);
}

static void set_config(unsigned at, unsigned size, uint32_t value)
{
    c_write(rig, SLOT_1, at, size, value);
}

/* ----------------------------------------------------------------- configuration space
 */

START_TEST(a_function_says_what_it_is)
{
    setup();
    ck_assert_uint_eq(c_read(rig, 0, 0, 4), 0x00081b36); /* the host bridge */
    ck_assert_uint_eq(c_read(rig, 0, 8, 4), 0x06000000);
    ck_assert_uint_eq(c_read(rig, 0, PIN, 1), 0);
    ck_assert_uint_eq(config(0, 4), 0x56781234);
    ck_assert_uint_eq(config(2, 2), 0x5678);
    ck_assert_uint_eq(config(3, 1), 0x56);
    ck_assert_uint_eq(config(8, 4), 0x12345607);
    ck_assert_uint_eq(config(0x0e, 1), 0);
    ck_assert_uint_eq(config(0x2c, 4), 0xdef09abc);
    ck_assert_uint_eq(config(PIN, 1), 1);
    ck_assert_uint_eq(config(STATUS, 2), 0x10);
    ck_assert_uint_eq(config(CAPABILITIES, 1), 0x40);
    ck_assert_uint_eq(config(0x40, 4), 0x00020011);
    teardown();
}
END_TEST

START_TEST(where_nothing_is_ones_are_read)
{
    setup();
    ck_assert_uint_eq(c_read(rig, SLOT_2, 0, 4), 0xffffffff);
    ck_assert_uint_eq(c_read(rig, SLOT_1 + 1, 0, 2), 0xffff);
    ck_assert_uint_eq(c_read(rig, 256 + SLOT_1, 0, 4), 0xffffffff); /* bus 1 */
    ck_assert_uint_eq(config(0x100, 4), 0xffffffff);
    c_write(rig, SLOT_2, COMMAND, 2, 7);
    ck_assert_uint_eq(p_read(rig, BASE_32, 4), 0xffffffff);
    ck_assert_uint_eq(p_read(rig, BASE_64, 8), UINT64_MAX);
    ck_assert_uint_eq(dev_read(rig->dev, WINDOW_IO, 0, 1), 0xff);
    teardown();
}
END_TEST

START_TEST(only_what_is_writable_changes)
{
    setup();
    for (unsigned at = 0; at < 0x100; at += 4)
        set_config(at, 4, 0xffffffff);
    ck_assert_uint_eq(config(0, 4), 0x56781234);
    ck_assert_uint_eq(config(COMMAND, 4), 0x00100547);
    ck_assert_uint_eq(config(LINE, 4), 0x1ff);
    ck_assert_uint_eq(config(0x40, 4), 0xc0020011);
    ck_assert_uint_eq(config(0xfc, 4), 0);
    set_config(LINE, 1, 9);
    ck_assert_uint_eq(config(LINE, 1), 9);
    dev_reset(&stub->function.dev);
    ck_assert_uint_eq(config(COMMAND, 4), 0x00100000);
    teardown();
}
END_TEST

START_TEST(slots_are_given_as_asked)
{
    static const struct {
        const char *addr, *error;
    } bad[] = {
        { "1", "stub: addr=1 is taken" },
        { "0", "stub: addr=0 is taken" },
        { "20", "stub: addr=20 is no slot: want 0 to 1f, or as 3.1" },
        { "3.8", "stub: addr=3.8 is no slot: want 0 to 1f, or as 3.1" },
        { "", "stub: addr= is no slot: want 0 to 1f, or as 3.1" },
        { "2x", "stub: addr=2x is no slot: want 0 to 1f, or as 3.1" },
        { "1.1", "stub: addr=1.1 needs a function 0 with multifunction=on" },
        { "5.1", "stub: addr=5.1 needs a function 0 with multifunction=on" },
    };
    struct dev *several, *other;
    char error[DEV_ERROR];

    setup();
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct dev *dev = pci_plug(rig, &stub_class, rig->dev, bad[i].addr);

        ck_assert_int_eq(dev_init(dev, error), -1);
        ck_assert_str_eq(error, bad[i].error);
        dev_free(dev);
    }
    several = pci_plug(rig, &stub_class, rig->dev, "1f");
    rig_set_of(several, "multifunction", "on");
    rig_init_of(several);
    other = &stub_new(rig, rig->dev, "0x1f.7")->function.dev;
    ck_assert_uint_eq(c_read(rig, 0x1f << 3, 0x0e, 1), 0x80);
    ck_assert_uint_eq(c_read(rig, 0xff, 0, 4), 0x56781234);
    dev_free(several);
    dev_free(other);
    other = rig_add(rig, &stub_class);
    ck_assert_int_eq(dev_init(other, error), -1);
    ck_assert_str_eq(error, "stub needs a PCI bus that is there before it");
    dev_free(other);
    teardown();
}
END_TEST

/* ----------------------------------------------------------------------- base addresses
 */

static void map(unsigned number, uint64_t addr32, uint64_t io, uint64_t addr64)
{
    c_write(rig, number, BAR, 4, addr32);
    c_write(rig, number, BAR + 4, 4, io);
    c_write(rig, number, BAR + 8, 4, addr64);
    c_write(rig, number, BAR + 12, 4, addr64 >> 32);
    c_write(rig, number, COMMAND, 2, IO_SPACE | MEMORY_SPACE | MASTER);
}

START_TEST(sizes_are_found_by_writing_ones)
{
    setup();
    for (unsigned i = 0; i < 6; i++)
        set_config(BAR + 4 * i, 4, 0xffffffff);
    ck_assert_uint_eq(config(BAR, 4), 0xfffff000);
    ck_assert_uint_eq(config(BAR + 4, 4), 0xffffffe1);
    ck_assert_uint_eq(config(BAR + 8, 4), 0xfff00004);
    ck_assert_uint_eq(config(BAR + 12, 4), 0xffffffff);
    ck_assert_uint_eq(config(BAR + 16, 4), 0xfffff000);
    ck_assert_uint_eq(config(BAR + 20, 4), 0);
    teardown();
}
END_TEST

START_TEST(registers_answer_where_they_are_mapped)
{
    setup();
    map(SLOT_1, BASE_32 + 0x5000, 0x40, BASE_64 + 0x700000);
    p_write(rig, BASE_32 + 0x5008, 4, 0x11);
    dev_write(rig->dev, WINDOW_IO, 0x44, 4, 0x22);
    p_write(rig, BASE_64 + 0x7ffffc, 4, 0x33);
    ck_assert_uint_eq(stub->value[1], 0x11);
    ck_assert_uint_eq(stub->value[2], 0x22);
    ck_assert_uint_eq(stub->value[3], 0x33);
    ck_assert_uint_eq(p_read(rig, BASE_32 + 0x5008, 4), 0x11);
    ck_assert_uint_eq(dev_read(rig->dev, WINDOW_IO, 0x44, 4), 0x22);
    ck_assert_uint_eq(p_read(rig, BASE_64 + 0x7ffffc, 4), 0x33);
    ck_assert_uint_eq(p_read(rig, BASE_32 + 0x500c, 4), 0); /* the function refuses */
    ck_assert_uint_eq(p_read(rig, BASE_32 + 0x6008, 4), 0xffffffff);
    ck_assert_uint_eq(p_read(rig, BASE_32 + 0x4ffc, 4), 0xffffffff);
    map(SLOT_1, BASE_32 + 0x3ffff000, 0xffe0, BASE_64 + 0x3fff00000);
    ck_assert_uint_eq(p_read(rig, BASE_32 + 0x5008, 4), 0xffffffff);
    ck_assert_uint_eq(p_read(rig, BASE_32 + 0x3ffff008, 4), 0x11);
    ck_assert_uint_eq(p_read(rig, BASE_64 + 0x3ffffffffc, 4), 0);
    ck_assert_uint_eq(p_read(rig, BASE_64 + 0x3fffffffc, 4), 0x33); /* the last word */
    ck_assert_uint_eq(dev_read(rig->dev, WINDOW_IO, 0xffe4, 4), 0x22);
    teardown();
}
END_TEST

START_TEST(the_command_register_switches_them_off)
{
    setup();
    map(SLOT_1, BASE_32, 0x40, BASE_64);
    set_config(COMMAND, 2, IO_SPACE);
    ck_assert_uint_eq(p_read(rig, BASE_32 + 8, 4), 0xffffffff);
    ck_assert_uint_eq(dev_read(rig->dev, WINDOW_IO, 0x44, 4), 0);
    set_config(COMMAND, 2, MEMORY_SPACE);
    ck_assert_uint_eq(p_read(rig, BASE_32 + 8, 4), 0);
    ck_assert_uint_eq(dev_read(rig->dev, WINDOW_IO, 0x44, 4), 0xffffffff);
    teardown();
}
END_TEST

START_TEST(of_those_that_overlap_the_lower_one_answers)
{
    struct stub *other;

    setup();
    other = stub_new(rig, rig->dev, "2");
    map(SLOT_1, BASE_32, 0x40, BASE_64);
    map(SLOT_2, BASE_32, 0x40, BASE_64);
    p_write(rig, BASE_32 + 8, 4, 1);
    ck_assert_uint_eq(stub->value[1], 1);
    ck_assert_uint_eq(other->value[1], 0);
    map(SLOT_1, BASE_32 + 0x1000, 0x40, BASE_32); /* its third over its first */
    p_write(rig, BASE_32 + 8, 4, 2);
    ck_assert_uint_eq(other->value[1], 0);
    p_write(rig, BASE_32 + 0x1008, 4, 3);
    ck_assert_uint_eq(stub->value[1], 3);
    set_config(COMMAND, 2, 0);
    p_write(rig, BASE_32 + 8, 4, 4); /* it is found again */
    ck_assert_uint_eq(other->value[1], 4);
    dev_free(&other->function.dev);
    teardown();
}
END_TEST

START_TEST(outside_the_windows_nothing_is_mapped)
{
    static const uint64_t places[] = { 0,          0x30000000,           0x80000000,
                                       0xfffff000, UINT64_C(0x80000000), 0x3fff0000 };

    setup();
    for (size_t i = 0; i < COUNT(places); i++) {
        map(SLOT_1, places[i], 0xfffffff0, places[i] | UINT64_MAX << 32);
        for (uint64_t at = 0; at < 0x40000000; at += 0x1000008)
            ck_assert_uint_eq(p_read(rig, BASE_32 + at, 4), 0xffffffff);
    }
    teardown();
}
END_TEST

/* ---------------------------------------------------------------------------- the pins
 */

START_TEST(pins_lead_to_the_hosts_lines_by_slot)
{
    static const char *const addrs[] = { "2", "3", "4", "5", "1f" };
    static const unsigned lines[] = { 2, 3, 0, 1, 3 };
    struct stub *others[COUNT(addrs)];

    setup();
    for (size_t i = 0; i < COUNT(addrs); i++) {
        others[i] = stub_new(rig, rig->dev, addrs[i]);
        pci_set_intx(&others[i]->function, true);
        for (unsigned line = 0; line < 4; line++)
            ck_assert_int_eq(rig->levels[line], line == lines[i]);
        dev_reset(&others[i]->function.dev);
        ck_assert(!rig->levels[lines[i]]);
    }
    for (size_t i = 0; i < COUNT(addrs); i++)
        dev_free(&others[i]->function.dev);
    teardown();
}
END_TEST

START_TEST(a_line_is_high_while_any_function_holds_it)
{
    struct stub *other;

    setup();
    other = stub_new(rig, rig->dev, "5");
    pci_set_intx(&stub->function, true);
    pci_set_intx(&other->function, true);
    pci_set_intx(&other->function, true);
    pci_set_intx(&stub->function, false);
    ck_assert(rig->levels[1]);
    pci_set_intx(&other->function, false);
    ck_assert(!rig->levels[1]);
    dev_free(&other->function.dev);
    teardown();
}
END_TEST

START_TEST(a_pin_can_be_switched_off_and_its_status_seen)
{
    setup();
    pci_set_intx(&stub->function, true);
    ck_assert_uint_eq(config(STATUS, 2), 0x18);
    ck_assert_uint_eq(config(COMMAND, 4), 0x00180000);
    ck_assert_uint_eq(config(STATUS, 1), 0x18);
    ck_assert_uint_eq(config(STATUS + 1, 1), 0);
    set_config(COMMAND, 2, PIN_OFF);
    ck_assert(!rig->levels[1]);
    ck_assert_uint_eq(config(STATUS, 2), 0x18);
    set_config(COMMAND, 2, 0);
    ck_assert(rig->levels[1]);
    teardown();
}
END_TEST

/* ------------------------------------------------------------------------- the vectors
 */

enum { MSIX = 0x40, ENABLE = 0x8000, ALL_MASKED = 0x4000 };
#define TABLE (BASE_32 + 0x10000)

static void set_vector(unsigned vector, uint64_t addr, uint32_t data, uint32_t masked)
{
    p_write(rig, TABLE + 16 * vector, 8, addr);
    p_write(rig, TABLE + 16 * vector + 8, 4, data);
    p_write(rig, TABLE + 16 * vector + 12, 4, masked);
}

static void setup_vectors(void)
{
    setup();
    map(SLOT_1, BASE_32, 0x40, BASE_64);
    set_config(BAR + 16, 4, TABLE);
    for (unsigned i = 0; i < STUB_VECTORS; i++)
        set_vector(i, UINT64_C(0x128000000) + 0x1000 * i, 40 + i, 0);
    set_config(MSIX + 2, 2, ENABLE);
}

START_TEST(a_vector_is_a_message)
{
    setup_vectors();
    ck_assert_uint_eq(config(MSIX + 2, 2), ENABLE | (STUB_VECTORS - 1));
    ck_assert_uint_eq(config(MSIX + 4, 4), 4);
    ck_assert_uint_eq(config(MSIX + 8, 4), 0x804);
    pci_send_vector(&stub->function, 1);
    ck_assert_uint_eq(rig->messages, 1);
    ck_assert_uint_eq(rig->message_addr, UINT64_C(0x128001000));
    ck_assert_uint_eq(rig->message_data, 41);
    pci_send_vector(&stub->function, STUB_VECTORS);
    pci_send_vector(&stub->function, 0xffff);
    ck_assert_uint_eq(rig->messages, 1);
    ck_assert_uint_eq(p_read(rig, TABLE + 16, 8), UINT64_C(0x128001000));
    ck_assert_uint_eq(p_read(rig, TABLE + 24, 8), 41);
    p_write(rig, TABLE, 4, 0xffffffff);
    ck_assert_uint_eq(p_read(rig, TABLE, 4), 0xfffffffc);
    p_write(rig, TABLE + 12, 4, 0xffffffff);
    ck_assert_uint_eq(p_read(rig, TABLE + 12, 4), 1);
    set_vector(STUB_VECTORS, 8, 9, 0); /* there is none */
    ck_assert_uint_eq(p_read(rig, TABLE + 16 * STUB_VECTORS, 8), 0);
    teardown();
}
END_TEST

START_TEST(a_masked_vector_waits)
{
    setup_vectors();
    p_write(rig, TABLE + 16 + 12, 4, 1);
    pci_send_vector(&stub->function, 1);
    pci_send_vector(&stub->function, 1);
    ck_assert_uint_eq(rig->messages, 0);
    ck_assert_uint_eq(p_read(rig, TABLE + 0x800, 8), 2);
    p_write(rig, TABLE + 16 + 12, 4, 0);
    ck_assert_uint_eq(rig->messages, 1);
    ck_assert_uint_eq(rig->message_data, 41);
    ck_assert_uint_eq(p_read(rig, TABLE + 0x800, 4), 0);
    set_config(MSIX + 2, 2, ENABLE | ALL_MASKED);
    pci_send_vector(&stub->function, 0);
    pci_send_vector(&stub->function, 2);
    ck_assert_uint_eq(rig->messages, 1);
    ck_assert_uint_eq(p_read(rig, TABLE + 0x800, 4), 5);
    p_write(rig, TABLE + 0x800, 4, 0xffffffff); /* cannot be written */
    set_config(MSIX + 2, 2, ENABLE);
    ck_assert_uint_eq(rig->messages, 3);
    teardown();
}
END_TEST

START_TEST(vectors_take_the_place_of_the_pin)
{
    setup_vectors();
    pci_set_intx(&stub->function, true);
    ck_assert(!rig->levels[1]);
    set_config(MSIX + 2, 2, 0);
    ck_assert(rig->levels[1]);
    pci_send_vector(&stub->function, 0);
    ck_assert_uint_eq(rig->messages, 0);
    set_config(MSIX + 2, 2, ENABLE);
    ck_assert(!rig->levels[1]);
    teardown();
}
END_TEST

START_TEST(what_is_no_master_sends_and_reaches_nothing)
{
    uint32_t word = 1;
    void *host;

    setup_vectors();
    ck_assert_int_eq(dma_write(&stub->function.dma, 0x100, &word, 4), 0);
    ck_assert_int_eq(dma_read(&stub->function.dma, 0x100, &word, 4), 0);
    ck_assert_uint_eq(dma_map(&stub->function.dma, 0x100, 4, true, &host), 4);
    set_config(COMMAND, 2, MEMORY_SPACE);
    pci_send_vector(&stub->function, 0);
    ck_assert_uint_eq(rig->messages, 0);
    ck_assert_int_eq(dma_write(&stub->function.dma, 0x100, &word, 4), -1);
    ck_assert_int_eq(dma_read(&stub->function.dma, 0x100, &word, 4), -1);
    ck_assert_uint_eq(dma_map(&stub->function.dma, 0x100, 4, true, &host), 0);
    teardown();
}
END_TEST

/* -------------------------------------------------------------------------- root ports
 */

enum { BUSES = 0x18, IO_BASE = 0x1c, MEMORY_BASE = 0x20 };
enum { PREFETCH_BASE = 0x24, PREFETCH_HIGH = 0x28, CONTROL = 0x3e, BEHIND = 256 };

static struct dev *port;    /* in slot 2 */
static struct stub *behind; /* in the slot behind it */

static void setup_port(void)
{
    setup();
    port = pci_plug(rig, dev_class_find("pcie-root-port"), rig->dev, "2");
    rig_set_of(port, "port", "7");
    rig_set_of(port, "slot", "3");
    rig_init_of(port);
    behind = stub_new(rig, port, NULL);
    c_write(rig, SLOT_2, BUSES, 4, 0x00010100);
    c_write(rig, SLOT_2, IO_BASE, 2, 0x2020);           /* 0x2000 to 0x2fff */
    c_write(rig, SLOT_2, MEMORY_BASE, 4, 0x40104010);   /* 1 MiB */
    c_write(rig, SLOT_2, PREFETCH_BASE, 4, 0x00100000); /* 2 MiB, above 4 GiB */
    c_write(rig, SLOT_2, PREFETCH_HIGH, 4, BASE_64 >> 32);
    c_write(rig, SLOT_2, PREFETCH_HIGH + 4, 4, BASE_64 >> 32);
    c_write(rig, SLOT_2, COMMAND, 2, IO_SPACE | MEMORY_SPACE | MASTER);
}

static void teardown_port(void)
{
    dev_free(&behind->function.dev);
    dev_free(port);
    teardown();
}

START_TEST(a_port_leads_to_the_bus_behind_it)
{
    setup_port();
    ck_assert_uint_eq(c_read(rig, SLOT_2, 0, 4), 0x000c1b36);
    ck_assert_uint_eq(c_read(rig, SLOT_2, 0x0e, 1), 1);
    ck_assert_uint_eq(c_read(rig, SLOT_2, 0x42, 2), 0x142); /* a root port with a slot */
    ck_assert_uint_eq(c_read(rig, SLOT_2, 0x4c, 4), 0x07100011);
    ck_assert_uint_eq(c_read(rig, SLOT_2, 0x54, 4), 3 << 19);
    ck_assert_uint_eq(c_read(rig, BEHIND, 0, 4), 0x56781234);
    ck_assert_uint_eq(c_read(rig, BEHIND + SLOT_1, 0, 4), 0xffffffff);
    ck_assert_uint_eq(c_read(rig, 2 * BEHIND, 0, 4), 0xffffffff);
    c_write(rig, SLOT_2, BUSES, 4, 0x00090900);
    ck_assert_uint_eq(c_read(rig, BEHIND, 0, 4), 0xffffffff);
    ck_assert_uint_eq(c_read(rig, 9 * BEHIND, 0, 4), 0x56781234);
    teardown_port();
}
END_TEST

START_TEST(a_port_passes_on_what_its_windows_hold)
{
    setup_port();
    map(BEHIND, BASE_32 + 0x100000, 0x2040, BASE_64 + 0x100000);
    p_write(rig, BASE_32 + 0x100008, 4, 1);
    dev_write(rig->dev, WINDOW_IO, 0x2044, 4, 2);
    p_write(rig, BASE_64 + 0x1ffffc, 4, 3);
    ck_assert_uint_eq(behind->value[1], 1);
    ck_assert_uint_eq(behind->value[2], 2);
    ck_assert_uint_eq(behind->value[3], 3);
    c_write(rig, SLOT_2, COMMAND, 2, IO_SPACE);
    ck_assert_uint_eq(p_read(rig, BASE_32 + 0x100008, 4), 0xffffffff);
    ck_assert_uint_eq(dev_read(rig->dev, WINDOW_IO, 0x2044, 4), 2);
    c_write(rig, SLOT_2, COMMAND, 2, MEMORY_SPACE);
    map(BEHIND, BASE_32 + 0x200000, 0x3040, BASE_64 + 0x200000); /* outside */
    ck_assert_uint_eq(p_read(rig, BASE_32 + 0x200008, 4), 0xffffffff);
    ck_assert_uint_eq(dev_read(rig->dev, WINDOW_IO, 0x3044, 4), 0xffffffff);
    ck_assert_uint_eq(p_read(rig, BASE_64 + 0x2ffffc, 4), 0xffffffff);
    teardown_port();
}
END_TEST

START_TEST(pins_and_mastership_go_through_the_port)
{
    uint32_t word;

    setup_port();
    map(BEHIND, BASE_32 + 0x100000, 0, 0);
    pci_set_intx(&behind->function, true);
    ck_assert(rig->levels[2]);
    pci_set_intx(&behind->function, false);
    ck_assert(!rig->levels[2]);
    ck_assert_int_eq(dma_read(&behind->function.dma, 0, &word, 4), 0);
    c_write(rig, SLOT_2, COMMAND, 2, MEMORY_SPACE);
    ck_assert_int_eq(dma_read(&behind->function.dma, 0, &word, 4), -1);
    teardown_port();
}
END_TEST

START_TEST(a_port_resets_its_bus)
{
    setup_port();
    map(BEHIND, BASE_32 + 0x100000, 0, 0);
    c_write(rig, SLOT_2, CONTROL, 2, 0x40);
    ck_assert_uint_eq(c_read(rig, BEHIND, COMMAND, 2), 0);
    ck_assert_uint_eq(c_read(rig, SLOT_2, COMMAND, 2), 7);
    teardown_port();
}
END_TEST

START_TEST(a_port_has_one_slot_and_no_ports_behind_it)
{
    struct dev *other;
    char error[DEV_ERROR];

    setup_port();
    other = pci_plug(rig, &stub_class, port, "1");
    ck_assert_int_eq(dev_init(other, error), -1);
    ck_assert_str_eq(error, "stub: addr=1 is not there: the bus has the slot 0 only");
    dev_free(other);
    other = pci_plug(rig, &stub_class, port, NULL);
    ck_assert_int_eq(dev_init(other, error), -1);
    ck_assert_str_eq(error, "stub: addr= is not to be had: all slots are taken");
    dev_free(other);
    teardown_port();
    setup();
    port = pci_plug(rig, dev_class_find("pcie-root-port"), rig->dev, NULL);
    rig_init_of(port);
    other = pci_plug(rig, port->class, port, NULL);
    ck_assert_int_eq(dev_init(other, error), -1);
    ck_assert_str_eq(error, "pcie-root-port: a root port is on the host's bus");
    dev_free(other);
    dev_free(port);
    teardown();
}
END_TEST

/* ------------------------------------------------------------------------------- saves
 */

START_TEST(a_save_keeps_all_of_it)
{
    struct dev_state state = { 0 };

    setup_vectors();
    p_write(rig, TABLE + 12, 4, 1);
    pci_send_vector(&stub->function, 0);
    set_config(MSIX + 2, 2, 0);
    pci_set_intx(&stub->function, true);
    dev_save(&stub->function.dev, &state);
    dev_reset(&stub->function.dev);
    ck_assert(!rig->levels[1]);
    ck_assert_int_eq(dev_load(&stub->function.dev, state.bytes, state.size), state.size);
    ck_assert(rig->levels[1]);
    ck_assert_uint_eq(p_read(rig, TABLE + 16, 8), UINT64_C(0x128001000));
    set_config(MSIX + 2, 2, ENABLE);
    p_write(rig, TABLE + 12, 4, 0);
    ck_assert_uint_eq(rig->message_data, 40);
    free(state.bytes);
    teardown();
}
END_TEST

START_TEST(a_state_that_cannot_be_is_refused)
{
    struct dev_state state = { 0 };

    setup_vectors();
    dev_save(&stub->function.dev, &state);
    state.bytes[8] ^= 1; /* the vendor */
    ck_assert_int_eq(dev_load(&stub->function.dev, state.bytes, state.size), -1);
    state.bytes[8] ^= 1;
    state.bytes[8 + 256 + 1] |= 3; /* an address that is not aligned */
    ck_assert_int_eq(dev_load(&stub->function.dev, state.bytes, state.size), -1);
    free(state.bytes);
    teardown();
}
END_TEST

RIG_MAIN("pci", a_function_says_what_it_is, where_nothing_is_ones_are_read,
         only_what_is_writable_changes, slots_are_given_as_asked,
         sizes_are_found_by_writing_ones, registers_answer_where_they_are_mapped,
         the_command_register_switches_them_off,
         of_those_that_overlap_the_lower_one_answers,
         outside_the_windows_nothing_is_mapped, pins_lead_to_the_hosts_lines_by_slot,
         a_line_is_high_while_any_function_holds_it,
         a_pin_can_be_switched_off_and_its_status_seen, a_vector_is_a_message,
         a_masked_vector_waits, vectors_take_the_place_of_the_pin,
         what_is_no_master_sends_and_reaches_nothing, a_port_leads_to_the_bus_behind_it,
         a_port_passes_on_what_its_windows_hold, pins_and_mastership_go_through_the_port,
         a_port_resets_its_bus, a_port_has_one_slot_and_no_ports_behind_it,
         a_save_keeps_all_of_it, a_state_that_cannot_be_is_refused)
