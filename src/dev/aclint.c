/* aclint.c - software and timer interrupts of each hart, in the layout of SiFive's CLINT.
 *
 * Output 2h is hart h's software interrupt, output 2h + 1 its timer interrupt, which is
 * raised while mtime >= mtimecmp[h].  mtime counts at `timebase` Hz of guest time.
 *
 * Spec: ACLINT 1.0-rc4, chapters MTIMER and MSWI; SiFive U54 manual, chapter "CLINT".
 * Not modelled: a CPU's own time counter does not follow a write of mtime. */
#include "dev/dev.h"

enum { MSIP = 0x0000, MTIMECMP = 0x4000, MTIME = 0xbff8 };
enum { MAX_HARTS = 512, NS_PER_S = 1000000000 };

/* clang-format off */
static const struct reg regs[] = {
    { MSIP,     4,     RW, "msip%u",     .count = 4095 },
    { MTIMECMP, 4 | 8, RW, "mtimecmp%u", .count = 4095 },
    { MTIME,    4 | 8, RW, "mtime" },
    { 0 },
};
/* clang-format on */

struct aclint;

struct hart_timer {
    struct aclint *aclint;
    struct timer timer; /* armed or not follows from mtimecmp */
};

struct aclint {
    struct dev dev;
    uint32_t harts;
    uint64_t timebase;
    uint64_t mtime_delta; /* mtime minus ticks of guest time, modulo 2^64 */
    uint64_t mtimecmp[MAX_HARTS];
    bool msip[MAX_HARTS];
    struct hart_timer timers[MAX_HARTS];
};

static const struct field fields[] = {
    FIELD(struct aclint, mtime_delta),
    FIELD_ARRAY(struct aclint, mtimecmp),
    FIELD_ARRAY(struct aclint, msip),
    { 0 },
};

static const struct property properties[] = {
    PROPERTY(U32, struct aclint, harts, "how many harts it serves", 1, 1, MAX_HARTS),
    PROPERTY(U64, struct aclint, timebase, "ticks of mtime a second", 10000000, 1,
             UINT32_MAX),
    { 0 },
};

static uint64_t mtime_now(struct aclint *aclint)
{
    uint64_t ns = clock_now_ns(aclint->dev.clock);

    return ns / NS_PER_S * aclint->timebase +
           ns % NS_PER_S * aclint->timebase / NS_PER_S + aclint->mtime_delta;
}

/* The first nanosecond after so many ticks; UINT64_MAX: never. */
static uint64_t ns_of_ticks(const struct aclint *aclint, uint64_t ticks)
{
    uint64_t seconds = ticks / aclint->timebase, rest = ticks % aclint->timebase;

    if (seconds >= UINT64_MAX / NS_PER_S - 1)
        return UINT64_MAX;
    return seconds * NS_PER_S +
           (rest * NS_PER_S + aclint->timebase - 1) / aclint->timebase;
}

/* The timer fires in the very nanosecond in which the line changes: when mtime is
 * mtimecmp, and when it begins anew from 0. */
static void update_timer(struct aclint *aclint, unsigned hart)
{
    uint64_t now = mtime_now(aclint), cmp = aclint->mtimecmp[hart];
    uint64_t ticks = now >= cmp ? 0 - now : cmp - now; /* 0: 2^64 */
    uint64_t passed = now - aclint->mtime_delta, deadline_ns = UINT64_MAX;

    dev_irq(&aclint->dev, 2 * hart + 1, now >= cmp);
    if (ticks && passed + ticks > passed)
        deadline_ns = ns_of_ticks(aclint, passed + ticks);
    if (deadline_ns == UINT64_MAX)
        timer_cancel(&aclint->timers[hart].timer);
    else
        timer_arm(&aclint->timers[hart].timer, deadline_ns);
}

static void aclint_fire(void *context)
{
    struct hart_timer *timer = context;

    update_timer(timer->aclint, timer - timer->aclint->timers);
}

static void update_all(struct aclint *aclint)
{
    for (unsigned hart = 0; hart < aclint->harts; hart++) {
        dev_irq(&aclint->dev, 2 * hart, aclint->msip[hart]);
        update_timer(aclint, hart);
    }
}

static uint64_t aclint_read(struct dev *dev, struct access at)
{
    struct aclint *aclint = (struct aclint *)dev;

    if (at.reg == MTIME)
        return access_part(at, mtime_now(aclint));
    if (at.index >= aclint->harts)
        return 0;
    if (at.reg == MSIP)
        return aclint->msip[at.index];
    return access_part(at, aclint->mtimecmp[at.index]);
}

static void aclint_write(struct dev *dev, struct access at, uint64_t value)
{
    struct aclint *aclint = (struct aclint *)dev;
    uint64_t now;

    if (at.reg == MTIME) {
        now = mtime_now(aclint);
        aclint->mtime_delta += access_merge(at, now, value) - now;
        update_all(aclint);
    } else if (at.index >= aclint->harts) {
        return;
    } else if (at.reg == MSIP) {
        aclint->msip[at.index] = value & 1;
        dev_irq(dev, 2 * at.index, value & 1);
    } else {
        aclint->mtimecmp[at.index] = access_merge(at, aclint->mtimecmp[at.index], value);
        update_timer(aclint, at.index);
    }
}

static int aclint_init(struct dev *dev, char *error, size_t size)
{
    struct aclint *aclint = (struct aclint *)dev;

    (void)error;
    (void)size;
    for (unsigned hart = 0; hart < aclint->harts; hart++) {
        aclint->timers[hart].aclint = aclint;
        timer_init(&aclint->timers[hart].timer, dev->clock, aclint_fire,
                   &aclint->timers[hart]);
    }
    return 0;
}

static void aclint_reset(struct dev *dev)
{
    struct aclint *aclint = (struct aclint *)dev;

    aclint->mtime_delta = 0;
    for (unsigned hart = 0; hart < aclint->harts; hart++) {
        aclint->msip[hart] = false;
        aclint->mtimecmp[hart] = UINT64_MAX; /* unknown, says the manual; quiet is kind */
    }
    update_all(aclint);
}

static int aclint_loaded(struct dev *dev)
{
    update_all((struct aclint *)dev);
    return 0;
}

static void aclint_destroy(struct dev *dev)
{
    struct aclint *aclint = (struct aclint *)dev;

    for (unsigned hart = 0; hart < aclint->harts; hart++)
        timer_cancel(&aclint->timers[hart].timer);
}

const struct dev_class aclint = {
    .name = "aclint",
    .doc = "software and timer interrupts in the layout of SiFive's CLINT",
    .size = sizeof(struct aclint),
    .mmio_size = 0x10000,
    .regs = regs,
    .fields = fields,
    .properties = properties,
    .state_version = 1,
    .init = aclint_init,
    .reset = aclint_reset,
    .read = aclint_read,
    .write = aclint_write,
    .loaded = aclint_loaded,
    .destroy = aclint_destroy,
};
