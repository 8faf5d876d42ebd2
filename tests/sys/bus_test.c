/* bus_test.c - the physical memory map. */
#include <check.h>

#include "base/host.h"
#include "dev/rig.h"
#include "isa/space.h"
#include "sys/bus.h"

static char error[BUS_ERROR];

static struct bus *new_bus(void)
{
    struct bus *bus = bus_new(40);

    ck_assert_int_eq(bus_add_ram(bus, "ram", 0x80000000, 0x20000, error), 0);
    ck_assert_int_eq(bus_add_rom(bus, "rom", 0x10000, 0x10000, error), 0);
    return bus;
}

START_TEST(ram_reads_what_was_written_little_endian)
{
    struct bus *bus = new_bus();
    uint64_t value;

    ck_assert(bus_write(bus, 0x80000010, 8, UINT64_C(0x1122334455667788)));
    ck_assert(bus_read(bus, 0x80000010, 1, &value));
    ck_assert_uint_eq(value, 0x88);
    ck_assert(bus_read(bus, 0x80000014, 4, &value));
    ck_assert_uint_eq(value, 0x11223344);
    bus_free(bus);
}
END_TEST

START_TEST(rom_is_loaded_and_not_written)
{
    struct bus *bus = new_bus();
    uint64_t value;

    ck_assert(bus_load(bus, 0x10004, "abcd", 4));
    ck_assert(!bus_write(bus, 0x10004, 4, 0));
    ck_assert(bus_read(bus, 0x10004, 4, &value));
    ck_assert_uint_eq(value, 0x64636261);
    ck_assert(!bus_load(bus, 0x1fffe, "abcd", 4));
    bus_free(bus);
}
END_TEST

START_TEST(where_nothing_is_an_access_fails)
{
    struct bus *bus = new_bus();
    uint64_t value = 7;

    ck_assert(!bus_read(bus, 0, 4, &value));
    ck_assert_uint_eq(value, 0);
    ck_assert(!bus_write(bus, UINT64_MAX, 1, 1));
    ck_assert(!bus_read(bus, UINT64_MAX - 3, 8, &value));
    ck_assert(!bus_read(bus, 0x8001fffe, 4, &value)); /* straddles the end */
    ck_assert(!bus_read(bus, 0x80000000, 3, &value));
    bus_free(bus);
}
END_TEST

START_TEST(ranges_that_overlap_are_refused_by_name)
{
    struct bus *bus = new_bus();
    struct rig *rig = rig_new("goldfish-rtc");

    rig_init(rig);
    ck_assert_int_eq(bus_add_dev(bus, rig->dev, 0, 0x1ffff, 0x10, error), -1);
    ck_assert_str_eq(error, "goldfish-rtc at 0x1ffff overlaps rom (0x10000-0x1ffff)");
    ck_assert_int_eq(bus_add_dev(bus, rig->dev, 0, 0, UINT64_C(1) << 40, error), -1);
    ck_assert_int_eq(bus_add_ram(bus, "more", 0x80010000, 0x10000, error), -1);
    ck_assert_int_eq(bus_add_dev(bus, rig->dev, 0, 0x20000, 0, error), -1);
    ck_assert_int_eq(bus_add_dev(bus, rig->dev, 0, UINT64_MAX, 2, error), -1);
    ck_assert_int_eq(bus_add_ram(bus, "odd", 0x1001, 0x1000, error), -1);
    ck_assert_int_eq(bus_add_ram(bus, "far", UINT64_C(1) << 40, 0x10000, error), -1);
    ck_assert_int_eq(bus_add_dev(bus, rig->dev, 0, 0x20000, 0x1000, error), 0);
    bus_free(bus);
    rig_free(rig);
}
END_TEST

START_TEST(registers_are_found_until_they_are_removed)
{
    struct bus *bus = new_bus();
    struct rig *rig = rig_new("goldfish-rtc");
    uint64_t value;

    rig_init(rig);
    ck_assert_int_eq(bus_add_dev(bus, rig->dev, 0, 0x101000, 0x1000, error), 0);
    ck_assert(bus_write(bus, 0x10100c, 4, 0x1234));
    ck_assert(bus_read(bus, 0x10100c, 4, &value));
    ck_assert_uint_eq(value, 0x1234);
    ck_assert(bus_read(bus, 0x101ffc, 4, &value)); /* the device refuses, not the bus */
    ck_assert(!bus_read(bus, 0x101ffc, 8, &value));
    ck_assert(bus_remove_dev(bus, rig->dev, 0));
    ck_assert(!bus_remove_dev(bus, rig->dev, 0));
    ck_assert(!bus_read(bus, 0x10100c, 4, &value));
    bus_free(bus);
    rig_free(rig);
}
END_TEST

START_TEST(dma_reaches_memory_and_no_registers)
{
    struct bus *bus = new_bus();
    struct rig *rig = rig_new("sifive-test");
    struct dma *dma = bus_dma(bus);
    char bytes[4];
    void *host;

    rig_init(rig);
    ck_assert_int_eq(bus_add_dev(bus, rig->dev, 0, 0x100000, 0x1000, error), 0);
    ck_assert_int_eq(dma_write(dma, 0x8001fffc, "wxyz", 4), 0);
    ck_assert_int_eq(dma_read(dma, 0x8001fffc, bytes, 4), 0);
    ck_assert_mem_eq(bytes, "wxyz", 4);
    ck_assert_int_eq(dma_write(dma, 0x100000, "UU\0\0", 4), -1);
    ck_assert_uint_eq(rig->power_requests, 0);
    ck_assert_int_eq(dma_write(dma, 0x10000, "rom!", 4), -1);
    ck_assert_uint_eq(dma_map(dma, 0x8001fff0, 100, true, &host), 16);
    ck_assert_uint_eq(dma_map(dma, 0x100000, 4, false, &host), 0);
    ck_assert_uint_eq(dma_map(dma, UINT64_MAX, 4, false, &host), 0);
    bus_free(bus);
    rig_free(rig);
}
END_TEST

/* A device that takes messages, and says so by one of its own. */
struct taker {
    struct dev dev;
    unsigned taken;
    uint64_t last;
};

static void taker_write(struct dev *dev, struct access at, uint64_t value)
{
    struct taker *taker = (struct taker *)dev;

    taker->taken++;
    taker->last = value + at.index;
    msi_send(dev->msi, 0x4000, 9);
}

START_TEST(messages_reach_memory_and_devices_that_take_them)
{
    static const struct reg regs[] = { { 0, 4, WO, "SETIPNUM%u", .count = 4 }, { 0 } };
    static const struct dev_class class = { .name = "taker",
                                            .size = sizeof(struct taker),
                                            .regs = regs,
                                            .takes_msi = true,
                                            .write = taker_write };
    struct bus *bus = new_bus();
    struct rig *rig = rig_new("sifive-test");
    struct taker *taker = (struct taker *)dev_new(&class, "taker");
    struct msi *msi = bus_msi(bus);
    uint64_t value;

    taker->dev.msi = msi;
    rig_init(rig);
    ck_assert_int_eq(bus_add_dev(bus, rig->dev, 0, 0x100000, 0x1000, error), 0);
    ck_assert_int_eq(bus_add_dev(bus, &taker->dev, 0, 0x4000, 0x1000, error), 0);
    msi_send(msi, 0x80000020, 0x12345678);
    ck_assert(bus_read(bus, 0x80000020, 8, &value));
    ck_assert_uint_eq(value, 0x12345678);
    msi_send(msi, 0x4008, 5);
    ck_assert_uint_eq(taker->taken, 1); /* its own message is lost */
    ck_assert_uint_eq(taker->last, 7);
    msi_send(msi, 0x4002, 5); /* not aligned */
    ck_assert_uint_eq(taker->taken, 1);
    msi_send(msi, 0x100000, 0x5555);
    ck_assert_uint_eq(rig->power_requests, 0);
    msi_send(msi, 0x10000, 1); /* ROM */
    msi_send(msi, UINT64_MAX - 3, 1);
    msi_send(NULL, 0x80000020, 1);
    bus_free(bus);
    rig_free(rig);
    dev_free(&taker->dev);
}
END_TEST

RIG_MAIN("bus", ram_reads_what_was_written_little_endian, rom_is_loaded_and_not_written,
         where_nothing_is_an_access_fails, ranges_that_overlap_are_refused_by_name,
         registers_are_found_until_they_are_removed, dma_reaches_memory_and_no_registers,
         messages_reach_memory_and_devices_that_take_them)
