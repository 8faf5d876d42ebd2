/* pci.c - fuzzes a PCI bus: the host bridge, a root port, virtio functions on both sides
 * of it and a function with a register of each kind.
 *
 * Accesses by configuration space, by the windows where the functions happen to be
 * mapped, and to the functions themselves; interrupts, resets.  In the middle of an input
 * all of it is saved and loaded into a second bus, and from there on both must go on
 * alike: what is read, lines, messages.  Four bytes make one step. */
#define FUZZ_ROUND 16
#include "fuzz.h"

#include "dev/pci_rig.h"
#include "dev/virtio.h"

enum { HOST, PORT, RNG, RNG_PCI, SERIAL, SERIAL_PCI, STUB, DEVS };

struct tree {
    struct rig *rig; /* its device is the host */
    struct dev *devs[DEVS];
};

static FILE *quiet;

/* Slots 1 and 3, and the one behind the port in slot 2. */
static const unsigned numbers[] = { 0, 1 << 3, 2 << 3, 3 << 3, 1 << 8, 4 << 3, 2 << 8 };
static const unsigned functions[] = { HOST, RNG_PCI, PORT, STUB, SERIAL_PCI };

/* ------------------------------------------------------------------------------- making
 */

static struct dev *add(struct tree *tree, unsigned index, const struct dev_class *class,
                       const char *addr, unsigned bridge, unsigned device)
{
    struct dev *dev = rig_add(tree->rig, class);

    if (addr) {
        rig_connect(dev, "bus", tree->devs[bridge]);
        rig_set_of(dev, "addr", addr);
    }
    if (device)
        rig_connect(dev, "device", tree->devs[device]);
    rig_init_of(dev);
    tree->devs[index] = dev;
    return dev;
}

static struct tree make(void)
{
    struct tree tree = { .rig = pci_rig_new() };

    tree.devs[HOST] = tree.rig->dev;
    add(&tree, PORT, dev_class_find("pcie-root-port"), "2", HOST, 0);
    add(&tree, RNG, dev_class_find("virtio-rng-device"), NULL, 0, 0);
    add(&tree, RNG_PCI, dev_class_find("virtio-rng-pci"), "1", HOST, RNG);
    add(&tree, SERIAL, dev_class_find("virtio-serial-device"), NULL, 0, 0);
    add(&tree, SERIAL_PCI, dev_class_find("virtio-serial-pci"), "0", PORT, SERIAL);
    add(&tree, STUB, &stub_class, "3", HOST, 0);
    return tree;
}

/* As firmware does it, each function in a megabyte of its own. */
static void map_all(struct tree *tree)
{
    c_write(tree->rig, 2 << 3, 0x18, 4, 0x00010100);
    c_write(tree->rig, 2 << 3, 0x20, 4, 0x40404040);
    c_write(tree->rig, 2 << 3, 0x24, 4, 0x00400040);
    c_write(tree->rig, 2 << 3, 0x28, 4, BASE_64 >> 32);
    c_write(tree->rig, 2 << 3, 0x2c, 4, BASE_64 >> 32);
    for (unsigned i = 0; i < COUNT(functions); i++) {
        uint64_t place = (uint64_t)i << 20;

        if (i == 2)
            continue;
        for (unsigned bar = 0; bar < 6; bar++)
            c_write(tree->rig, numbers[i], BAR + 4 * bar, 4,
                    BASE_32 + place + 0x10000 * bar);
        c_write(tree->rig, numbers[i], BAR + 4, 4,
                i == 3 ? 0x40 : BASE_32 + place + 0x10000);
        c_write(tree->rig, numbers[i], BAR + 8, 4, place);
        c_write(tree->rig, numbers[i], BAR + 12, 4, BASE_64 >> 32);
        if (i != 3)
            c_write(tree->rig, numbers[i], BAR + 16, 4, place);
        c_write(tree->rig, numbers[i], BAR + 20, 4, BASE_64 >> 32);
    }
    for (unsigned i = 0; i < COUNT(functions); i++)
        c_write(tree->rig, numbers[i], COMMAND, 2, 7);
}

static void discard(struct tree *tree)
{
    for (unsigned i = DEVS; i-- > HOST + 1;)
        dev_free(tree->devs[i]);
    rig_free(tree->rig);
}

/* -------------------------------------------------------------------------------- steps
 */

static uint32_t spread(uint8_t seed)
{
    static const uint32_t odd[] = { 0,      1,      UINT32_MAX, 0x40000000, 0x40300000,
                                    0x8000, 0xc000, 7,          2,          0x0101 };

    return seed < COUNT(odd) ? odd[seed] : 0x9e3779b9 * seed >> seed % 29;
}

/* Where in its registers; some of it is not aligned, some past the end. */
static uint64_t place(const struct dev_class *class, const uint8_t *b, unsigned *region)
{
    const struct reg *reg = class->regs;
    unsigned count = 0;

    while (reg && reg[count].name)
        count++;
    *region = b[1] % 8;
    if (!count)
        return b[2];
    reg += b[1] % count;
    *region = reg->region;
    return reg->offset + (uint64_t)(reg->stride ? reg->stride : 4) * (b[2] % 64) +
           (b[2] >= 0xf0 ? b[2] & 3 : 0);
}

/* Through the window, where the base address register says it is. */
static uint64_t mapped(struct tree *tree, const uint8_t *b, unsigned size, bool is_write)
{
    unsigned i = b[3] % COUNT(functions), region;
    const struct pci_function *f = (void *)tree->devs[functions[i]];
    uint64_t at = place(f->dev.class, b, &region), base;

    if (region == PCI_CONFIG || region > PCI_BARS)
        return 0;
    base = pci_get(f, BAR + 4 * (region - PCI_BAR0), 4) & ~UINT32_C(15);
    if (f->bars[region - PCI_BAR0].kind != PCI_MEMORY_32)
        base |= BASE_64;
    if (!is_write)
        return p_read(tree->rig, base + at, size);
    p_write(tree->rig, base + at, size, spread(b[3] >> 2));
    return 0;
}

static uint64_t direct(struct tree *tree, const uint8_t *b, unsigned size, bool is_write)
{
    struct dev *dev = tree->devs[b[3] % DEVS];
    unsigned region;
    uint64_t at = place(dev->class, b, &region);

    if (!is_write)
        return dev_read(dev, region, at, size);
    dev_write(dev, region, at, size, spread(b[3] >> 2));
    return 0;
}

/* What a function, or a virtio device, has to tell; by vectors if that is how. */
static void interrupt(struct tree *tree, const uint8_t *b)
{
    struct pci_function *f = (void *)tree->devs[STUB];
    struct virtio *virtio = (void *)tree->devs[b[2] & 8 ? RNG : SERIAL];

    switch (b[1] % 5) {
    case 0: pci_set_intx(f, b[2] & 1); break;
    case 1: pci_send_vector(f, b[2] % 5); break;
    case 2: virtio->transport.used(virtio->transport.context, 0); break;
    case 3: virtio->transport.config(virtio->transport.context); break;
    default: c_write(tree->rig, 3 << 3, 0x42, 2, b[2] << 8); break; /* MSI-X control */
    }
}

static uint64_t step(struct tree *tree, const uint8_t *b)
{
    unsigned size = 1u << (b[0] >> 4 & 3), number = numbers[b[3] % COUNT(numbers)];
    unsigned register_at = b[1] & 0x80 ? b[2] : b[2] % 0x40;

    switch (b[0] & 15) {
    case 0:
    case 1: return c_read(tree->rig, number, register_at, size);
    case 2:
    case 3:
    case 4: c_write(tree->rig, number, register_at, size, spread(b[1])); return 0;
    case 5:
    case 6: return mapped(tree, b, size, false);
    case 7:
    case 8: return mapped(tree, b, size, true);
    case 9: return direct(tree, b, size, false);
    case 10:
    case 11: return direct(tree, b, size, true);
    case 12:
    case 13: interrupt(tree, b); return 0;
    case 14:
        if (b[1] < 8)
            dev_reset(tree->devs[b[2] % DEVS]);
        return 0;
    default: map_all(tree); return 0;
    }
}

/* ---------------------------------------------------------------------------- comparing
 */

static void agree(struct rig *a, struct rig *b, uint64_t got_a, uint64_t got_b)
{
    if (got_a == got_b && !memcmp(a->levels, b->levels, sizeof(a->levels)) &&
        a->messages == b->messages && a->message_addr == b->message_addr &&
        a->message_data == b->message_data)
        return;
    printf("reads 0x%llx, and 0x%llx after save and load; %u and %u messages\n",
           (unsigned long long)got_a, (unsigned long long)got_b, a->messages,
           b->messages);
    abort();
}

/* All that can be read, but for the host's windows. */
static void sweep(struct tree *a, struct tree *b)
{
    for (unsigned i = 0; i < DEVS; i++) {
        const struct reg *reg = a->devs[i]->class->regs;

        for (; reg && reg->name; reg++) {
            unsigned size = reg->widths & 4 ? 4 : reg->widths & 2 ? 2 : 1;

            for (unsigned n = 0; n < 64 && (!n || n < reg->count); n++) {
                uint64_t at = reg->offset + (uint64_t)n * size;

                agree(a->rig, b->rig, dev_read(a->devs[i], reg->region, at, size),
                      dev_read(b->devs[i], reg->region, at, size));
            }
        }
    }
}

/* Into another one; or damaged into itself, which is refused or a state like others. */
static void copy(struct tree *from, struct tree *to, const uint8_t *damage, size_t size)
{
    for (unsigned i = 0; i < DEVS; i++) {
        struct dev_state state = { 0 };
        int64_t result;

        dev_save(from->devs[i], &state);
        for (size_t n = 0; n < size && n < 4; n++)
            state.bytes[8 + damage[n] * 37u % (state.size - 8)] ^= damage[size - 1 - n];
        result = dev_load(to->devs[i], state.bytes, state.size);
        if (!size && result != (int64_t)state.size) {
            printf("%s: its own state is refused\n", from->devs[i]->name);
            abort();
        }
        if (result < 0)
            dev_reset(to->devs[i]);
        free(state.bytes);
    }
}

static void fuzz_one(const uint8_t *data, size_t size)
{
    struct tree a, b;
    size_t at = 0;

    if (!quiet)
        quiet = freopen("/dev/null", "w", stderr); /* the guest's errors */
    a = make();
    b = make();
    map_all(&a);
    for (; at + 4 <= size / 2; at += 4)
        step(&a, data + at);
    copy(&a, &b, NULL, 0);
    memcpy(b.rig->memory, a.rig->memory, sizeof(b.rig->memory));
    b.rig->now_ns = a.rig->now_ns;
    b.rig->messages = a.rig->messages;
    b.rig->message_addr = a.rig->message_addr;
    b.rig->message_data = a.rig->message_data;
    sweep(&a, &b);
    for (; at + 4 <= size; at += 4)
        agree(a.rig, b.rig, step(&a, data + at), step(&b, data + at));
    copy(&b, &b, data, size);
    for (at = 0; at + 4 <= size; at += 4)
        step(&b, data + at);
    discard(&a);
    discard(&b);
}
