/* goldfish_rtc.c - the Goldfish real-time clock.
 *
 * A 64-bit count of nanoseconds since 1970, read and set as two halves, and one alarm
 * that raises the interrupt line.  Reading TIME_LOW latches the high half, so a driver
 * must read LOW first; writing ALARM_LOW sets the alarm, so it must write HIGH first.
 *
 * Spec: Android goldfish virtual hardware, section "RTC". */
#include "dev/dev.h"

enum {
    TIME_LOW = 0x00,
    TIME_HIGH = 0x04,
    ALARM_LOW = 0x08,
    ALARM_HIGH = 0x0c,
    IRQ_ENABLED = 0x10,
    CLEAR_ALARM = 0x14,
    ALARM_STATUS = 0x18,
    CLEAR_INTERRUPT = 0x1c,
};

/* clang-format off */
static const struct reg regs[] = {
    { TIME_LOW,        4, RW, "TIME_LOW"        },
    { TIME_HIGH,       4, RW, "TIME_HIGH"       },
    { ALARM_LOW,       4, RW, "ALARM_LOW"       },
    { ALARM_HIGH,      4, RW, "ALARM_HIGH"      },
    { IRQ_ENABLED,     4, RW, "IRQ_ENABLED"     },
    { CLEAR_ALARM,     4, WO, "CLEAR_ALARM"     },
    { ALARM_STATUS,    4, RO, "ALARM_STATUS"    },
    { CLEAR_INTERRUPT, 4, WO, "CLEAR_INTERRUPT" },
    { 0 },
};
/* clang-format on */

struct rtc {
    struct dev dev;
    uint64_t offset_ns; /* guest wall clock minus the machine's, modulo 2^64 */
    uint64_t alarm_ns;
    uint32_t latch; /* TIME_HIGH as of the last TIME_LOW read */
    bool alarm_is_set, irq_enabled, irq_pending;
    struct timer timer;
};

static const struct field fields[] = {
    FIELD(struct rtc, offset_ns),   FIELD(struct rtc, alarm_ns),
    FIELD(struct rtc, latch),       FIELD(struct rtc, alarm_is_set),
    FIELD(struct rtc, irq_enabled), FIELD(struct rtc, irq_pending),
    FIELD_TIMER(struct rtc, timer), { 0 },
};

static uint64_t rtc_now(struct rtc *rtc)
{
    return clock_wall_ns(rtc->dev.clock) + rtc->offset_ns;
}

static void rtc_update(struct rtc *rtc)
{
    dev_irq(&rtc->dev, 0, rtc->irq_pending && rtc->irq_enabled);
}

/* The wall clock may have been set meanwhile: look again. */
static void rtc_check_alarm(void *context)
{
    struct rtc *rtc = context;
    uint64_t now = rtc_now(rtc);
    uint64_t guest_now = clock_now_ns(rtc->dev.clock), delta = rtc->alarm_ns - now;

    if (rtc->alarm_ns > now) {
        rtc->alarm_is_set = true;
        timer_arm(&rtc->timer,
                  delta < UINT64_MAX - guest_now ? guest_now + delta : UINT64_MAX);
        return;
    }
    timer_cancel(&rtc->timer);
    rtc->alarm_is_set = false;
    rtc->irq_pending = true;
    rtc_update(rtc);
}

static uint64_t rtc_read(struct dev *dev, struct access at)
{
    struct rtc *rtc = (struct rtc *)dev;
    uint64_t now;

    switch (at.reg) {
    case TIME_LOW:
        now = rtc_now(rtc);
        rtc->latch = now >> 32;
        return now;
    case TIME_HIGH: return rtc->latch;
    case ALARM_LOW: return rtc->alarm_ns;
    case ALARM_HIGH: return rtc->alarm_ns >> 32;
    case IRQ_ENABLED: return rtc->irq_enabled;
    case ALARM_STATUS: return rtc->alarm_is_set;
    }
    return 0;
}

static uint64_t with_low(uint64_t whole, uint64_t low)
{
    return (whole & ~UINT64_C(0xffffffff)) | low;
}

static uint64_t with_high(uint64_t whole, uint64_t high)
{
    return (whole & 0xffffffff) | high << 32;
}

static void rtc_write(struct dev *dev, struct access at, uint64_t value)
{
    struct rtc *rtc = (struct rtc *)dev;
    uint64_t now = rtc_now(rtc);

    switch (at.reg) {
    case TIME_LOW: rtc->offset_ns += with_low(now, value) - now; break;
    case TIME_HIGH: rtc->offset_ns += with_high(now, value) - now; break;
    case ALARM_LOW:
        rtc->alarm_ns = with_low(rtc->alarm_ns, value);
        rtc_check_alarm(rtc);
        break;
    case ALARM_HIGH: rtc->alarm_ns = with_high(rtc->alarm_ns, value); break;
    case IRQ_ENABLED:
        rtc->irq_enabled = value & 1;
        rtc_update(rtc);
        break;
    case CLEAR_ALARM:
        timer_cancel(&rtc->timer);
        rtc->alarm_is_set = false;
        break;
    case CLEAR_INTERRUPT:
        rtc->irq_pending = false;
        rtc_update(rtc);
        break;
    }
}

static int rtc_init(struct dev *dev, char *error, size_t size)
{
    struct rtc *rtc = (struct rtc *)dev;

    (void)error;
    (void)size;
    timer_init(&rtc->timer, dev->clock, rtc_check_alarm, rtc);
    return 0;
}

static void rtc_reset(struct dev *dev)
{
    struct rtc *rtc = (struct rtc *)dev;

    timer_cancel(&rtc->timer);
    rtc->alarm_ns = 0; /* offset_ns survives: a reset does not change the time */
    rtc->latch = 0;
    rtc->alarm_is_set = rtc->irq_enabled = rtc->irq_pending = false;
    rtc_update(rtc);
}

static int rtc_loaded(struct dev *dev)
{
    rtc_update((struct rtc *)dev);
    return 0;
}

static void rtc_destroy(struct dev *dev)
{
    timer_cancel(&((struct rtc *)dev)->timer);
}

const struct dev_class goldfish_rtc = {
    .name = "goldfish-rtc",
    .doc = "Goldfish real-time clock with an alarm",
    .size = sizeof(struct rtc),
    .mmio_size = 0x1000,
    .regs = regs,
    .fields = fields,
    .state_version = 1,
    .init = rtc_init,
    .reset = rtc_reset,
    .read = rtc_read,
    .write = rtc_write,
    .loaded = rtc_loaded,
    .destroy = rtc_destroy,
};
