/* sifive_test.c - the test finisher of SiFive's boards: one register that ends the
 * machine.
 *
 * The low half of what is written says how, the high half is the exit status.
 *
 * Spec: SiFive test device, as Linux's `sifive,test0` binding and OpenSBI use it.
 * A failure with status 0 ends with status 0, as under QEMU. */
#include "dev/dev.h"

enum { FINISHER = 0 };
enum { FAIL = 0x3333, PASS = 0x5555, RESET = 0x7777 };

/* clang-format off */
static const struct reg regs[] = {
    { FINISHER, 2 | 4, RW, "FINISHER" },
    { 0 },
};
/* clang-format on */

struct test {
    struct dev dev;
};

static uint64_t test_read(struct dev *dev, struct access at)
{
    (void)dev;
    (void)at;
    return 0;
}

static void test_write(struct dev *dev, struct access at, uint64_t value)
{
    if (at.byte)
        return;
    switch (value & 0xffff) {
    case FAIL:
    case PASS: dev_power(dev, POWER_OFF, value >> 16 & 0xffff); break;
    case RESET: dev_power(dev, POWER_RESET, 0); break;
    }
}

const struct dev_class sifive_test = {
    .name = "sifive-test",
    .doc = "SiFive test finisher: power-off and reset",
    .size = sizeof(struct test),
    .mmio_size = 0x1000,
    .regs = regs,
    .read = test_read,
    .write = test_write,
};
