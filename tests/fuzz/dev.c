/* dev.c - fuzzes every device through its register table.
 *
 * Random accesses; then the state is saved and loaded into a second device, and from
 * there on both see the same: what they read, raise and send must agree.  An input's
 * first byte chooses the device; four bytes make one step.  Devices that are plugged into
 * others have fuzzers of their own. */
#include "fuzz.h"

#include "dev/rig.h"

static FILE *quiet;

static struct rig *make(const struct dev_class *class)
{
    struct rig *rig = rig_new(class->name);

    rig_init(rig);
    return rig;
}

/* A register of the table, or anywhere near. */
static uint64_t place(const struct dev_class *class, uint8_t row, uint8_t number,
                      unsigned *region)
{
    const struct reg *reg = class->regs;
    unsigned count = 0;

    while (reg && reg[count].name)
        count++;
    *region = 0;
    if (!count || row == 0xff)
        return (uint64_t)number << 48 | number;
    reg += row % count;
    *region = reg->region;
    return reg->offset + (uint64_t)(reg->stride ? reg->stride : 4) * (number % 8) +
           (number >= 0xf0 ? number & 3 : 0);
}

static uint64_t spread(uint8_t seed)
{
    static const uint64_t odd[] = { 0, 1, UINT64_MAX, UINT64_C(1) << 63, 0xffffffff };

    return seed < 5 ? odd[seed] : UINT64_C(0x9e3779b97f4a7c15) * seed >> seed % 61;
}

/* One step; what a read gives. */
static uint64_t step(struct rig *rig, const uint8_t *bytes)
{
    unsigned size = 1u << (bytes[0] >> 3 & 3), region;
    uint64_t at = place(rig->dev->class, bytes[1], bytes[2], &region);
    uint64_t value = spread(bytes[3]);
    const struct char_user *user = rig->chardev.user;

    switch (bytes[0] & 7) {
    case 0:
    case 1: return dev_read(rig->dev, region, at, size);
    case 2:
    case 3:
    case 4: dev_write(rig->dev, region, at, size, value); return 0;
    case 5: dev_set_line(rig->dev, bytes[1], bytes[2] & 1); return 0;
    case 6:
        if (user && user->room(rig->chardev.device))
            user->receive(rig->chardev.device, bytes + 3, 1);
        rig->sent_limit = bytes[1] & 1 ? RIG_SENT : rig->sent_count;
        rig->sent_count = bytes[1] & 1 ? 0 : rig->sent_count;
        return 0;
    default:
        if (bytes[1] >= 0xc0 && rig->dev->class->exchange) {
            dev_exchange(rig->dev, bytes[1] & 3, 0x70 + bytes[2], value >> 7, &value);
            return value;
        }
        if (bytes[1] < 4)
            dev_reset(rig->dev);
        else
            rig_pass(rig, value >> 24);
        return 0;
    }
}

static void agree(struct rig *a, struct rig *b, uint64_t got_a, uint64_t got_b)
{
    if (got_a == got_b && !memcmp(a->levels, b->levels, sizeof(a->levels)) &&
        a->sent_count == b->sent_count)
        return;
    printf("%s: reads 0x%llx, and 0x%llx after save and load\n", a->dev->class->name,
           (unsigned long long)got_a, (unsigned long long)got_b);
    abort();
}

static void check(const struct dev_class *class, const uint8_t *data, size_t size)
{
    struct rig *a = make(class), *b = make(class);
    struct dev_state state = { 0 };
    size_t at = 0;

    memcpy(a->memory, data, size < RIG_MEMORY ? size : RIG_MEMORY); /* as descriptors */
    for (; at + 4 <= size / 2; at += 4)
        step(a, data + at);
    dev_save(a->dev, &state);
    b->now_ns = a->now_ns;
    b->sent_limit = a->sent_limit;
    b->sent_count = a->sent_count;
    memcpy(b->memory, a->memory, sizeof(b->memory));
    memcpy(b->own_bytes, a->own_bytes, sizeof(b->own_bytes));
    if (dev_load(b->dev, state.bytes, state.size) != (int64_t)state.size) {
        printf("%s: its own state is refused\n", class->name);
        abort();
    }
    for (; at + 4 <= size; at += 4)
        agree(a, b, step(a, data + at), step(b, data + at));
    agree(a, b, 0, (uint64_t)memcmp(a->memory, b->memory, sizeof(a->memory)));
    /* Damaged state is refused, or a state like any other. */
    for (size_t i = 0; i < size && i < state.size; i++)
        state.bytes[(size_t)data[i] * 31 % state.size] ^= data[size - 1 - i];
    if (dev_load(b->dev, state.bytes, state.size) >= 0)
        for (at = 0; at + 4 <= size; at += 4)
            step(b, data + at);
    free(state.bytes);
    rig_free(a);
    rig_free(b);
}

static void fuzz_one(const uint8_t *data, size_t size)
{
    size_t count = 0;

    if (!quiet)
        quiet = freopen("/dev/null", "w", stderr); /* the guest's errors */
    while (dev_classes[count])
        count++;
    if (size && !dev_classes[data[0] % count]->bus)
        check(dev_classes[data[0] % count], data + 1, size - 1);
}
