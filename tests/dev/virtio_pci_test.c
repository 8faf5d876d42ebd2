/* virtio_pci_test.c - a virtio device as a PCI function: its capabilities, structures,
 * interrupts. */
#include "echo.h"

enum { COMMAND = 4, BUS_MASTER = 4, CAPABILITIES = 0x34 };
enum { MSIX_REGION = 2, MSIX_ENABLE = 0x8000, NO_VECTOR = 0xffff };
/* Of the common structure. */
enum { CONFIG_VECTOR = 0x10, NUM_QUEUES = 0x12, STATUS = 0x14, QUEUE_VECTOR = 0x1a };
enum { QUEUE_NOTIFY_OFF = 0x1e };

static struct vrig *new_pci_echo(void)
{
    struct vrig *v = vrig_new_pci(&echo_class);

    vrig_set(v, "packed", "on");
    vrig_init(v);
    return v;
}

static struct vrig *started_pci(uint64_t features)
{
    struct vrig *v = new_pci_echo();

    vrig_start(v, features, 2);
    return v;
}

static uint32_t config(struct vrig *v, unsigned at, unsigned size)
{
    return rig_read(v->rig, at, size);
}

static uint32_t common(struct vrig *v, unsigned at, unsigned size)
{
    return dev_read(v->rig->dev, VIRTIO_PCI_REGION, at, size);
}

static void set_common(struct vrig *v, unsigned at, unsigned size, uint32_t value)
{
    dev_write(v->rig->dev, VIRTIO_PCI_REGION, at, size, value);
}

/* The capability of this kind; of virtio's the one of this type. */
static unsigned find_capability(struct vrig *v, unsigned id, unsigned type)
{
    unsigned at = config(v, CAPABILITIES, 1), left = 48;

    while (at && --left &&
           (config(v, at, 1) != id || (type && config(v, at + 3, 1) != type)))
        at = config(v, at + 1, 1);
    ck_assert_uint_ne(left, 0);
    return at;
}

/* ---------------------------------------------------------------------- what there is */

START_TEST(capabilities_say_where_the_structures_are)
{
    static const struct {
        unsigned type, offset, size;
    } want[] = { { 1, 0, 0x1000 },
                 { 3, 0x1000, 0x1000 },
                 { 4, 0x2000, 0x1000 },
                 { 2, 0x3000, 0x1000 } };
    struct vrig *v = new_pci_echo();
    unsigned at;

    ck_assert_uint_eq(config(v, 0, 4), 0x106a1af4); /* 0x1040 + 42 */
    ck_assert_uint_eq(config(v, 8, 1), 1);
    for (size_t i = 0; i < COUNT(want); i++) {
        at = find_capability(v, 9, want[i].type);
        ck_assert_uint_ne(at, 0);
        ck_assert_uint_eq(config(v, at + 2, 1), want[i].type == 2 ? 20 : 16);
        ck_assert_uint_eq(config(v, at + 4, 1), 4);
        ck_assert_uint_eq(config(v, at + 8, 4), want[i].offset);
        ck_assert_uint_eq(config(v, at + 12, 4), want[i].size);
    }
    ck_assert_uint_eq(config(v, find_capability(v, 9, 2) + 16, 4), 4);
    at = find_capability(v, 0x11, 0);
    ck_assert_uint_eq(config(v, at + 2, 2), 2); /* three vectors */
    ck_assert_uint_eq(config(v, at + 4, 4), 1);
    vrig_free(v);
}
END_TEST

START_TEST(the_common_structure_shows_the_device)
{
    struct vrig *v = new_pci_echo();

    ck_assert_uint_eq(vrig_offered(v), BIT(F_FIRST) | BIT(VIRTIO_F_VERSION_1) | PACKED |
                                           INDIRECT | EVENT | BIT(VIRTIO_F_RING_RESET));
    ck_assert_uint_eq(common(v, NUM_QUEUES, 2), 2);
    for (unsigned queue = 0; queue < 3; queue++) {
        m_write(v, M_QUEUE_SEL, queue);
        ck_assert_uint_eq(m_read(v, M_QUEUE_SIZE_MAX), queue < 2 ? RING_SIZE : 0);
        ck_assert_uint_eq(common(v, QUEUE_NOTIFY_OFF, 2), queue < 2 ? queue : 0);
        m_write(v, M_QUEUE_READY, 1);
        ck_assert_uint_eq(m_read(v, M_QUEUE_READY), 0);
    }
    ck_assert_uint_eq(m_read(v, M_CONFIG), 0x77);
    m_write_size(v, M_CONFIG + 6, 1, 0xab);
    ck_assert_uint_eq(m_read(v, M_CONFIG + 4), 0xab0000);
    vrig_queue(v, 1);
    vrig_negotiate(v, BIT(F_FIRST));
    m_write(v, M_DRIVER_FEATURES_SEL, 0);
    ck_assert_uint_eq(m_read(v, M_DRIVER_FEATURES), BIT(F_FIRST));
    vrig_queue(v, 1);
    ck_assert_uint_eq(m_read(v, M_QUEUE_DESC), 2 * RING_AREA);
    ck_assert_uint_eq(m_read(v, M_QUEUE_DRIVER), 2 * RING_AREA + RING_DRIVER);
    ck_assert_uint_eq(m_read(v, M_QUEUE_DEVICE), 2 * RING_AREA + RING_DEVICE);
    ck_assert_uint_eq(m_read(v, M_QUEUE_DEVICE + 4), 0);
    ck_assert_uint_eq(m_read(v, M_QUEUE_READY), 1);
    m_write(v, M_QUEUE_READY, 0); /* only a reset does that */
    ck_assert_uint_eq(m_read(v, M_QUEUE_READY), 1);
    vrig_free(v);
}
END_TEST

START_TEST(messages_come_back_with_all_kinds_of_rings)
{
    for (size_t i = 0; i < COUNT(choices); i++) {
        struct vrig *v = started_pci(choices[i]);

        for (unsigned n = 0; n < 40; n++) {
            send_message(v, n & 1);
            kick(v, n & 1);
            check_message(v, n & 1);
        }
        vrig_free(v);
    }
}
END_TEST

START_TEST(queues_that_are_not_there_are_not_kicked)
{
    struct vrig *v = started_pci(0);

    kick(v, 2);
    kick(v, 31);
    kick(v, 200);
    ck_assert(!needs_reset(v));
    vrig_free(v);
}
END_TEST

/* ------------------------------------------------------------------------- interrupts */

START_TEST(by_the_pin_isr_says_why)
{
    struct vrig *v = started_pci(0);

    send_message(v, 0);
    kick(v, 0);
    ck_assert(v->rig->levels[1]);
    virtio_config_changed(vrig_virtio(v));
    ck_assert_uint_eq(interrupted(v), 3); /* reading takes it away */
    ck_assert(!v->rig->levels[1]);
    ck_assert_uint_eq(interrupted(v), 0);
    send_message(v, 0);
    kick(v, 0);
    m_write(v, M_STATUS, 0);
    ck_assert(!v->rig->levels[1]);
    vrig_free(v);
}
END_TEST

static void use_vectors(struct vrig *v)
{
    unsigned at = find_capability(v, 0x11, 0);

    for (unsigned i = 0; i < 3; i++) {
        dev_write(v->rig->dev, MSIX_REGION, 16 * i, 8, 0x1000 * (i + 1));
        dev_write(v->rig->dev, MSIX_REGION, 16 * i + 8, 8, 100 + i);
    }
    rig_write(v->rig, at + 2, 2, MSIX_ENABLE);
}

START_TEST(queues_and_config_have_vectors)
{
    struct vrig *v = started_pci(0);

    use_vectors(v);
    m_write(v, M_QUEUE_SEL, 1);
    ck_assert_uint_eq(common(v, QUEUE_VECTOR, 2), NO_VECTOR);
    set_common(v, QUEUE_VECTOR, 2, 2);
    ck_assert_uint_eq(common(v, QUEUE_VECTOR, 2), 2);
    set_common(v, CONFIG_VECTOR, 2, 1);
    send_message(v, 0); /* it has none */
    kick(v, 0);
    ck_assert_uint_eq(v->rig->messages, 0);
    send_message(v, 1);
    kick(v, 1);
    ck_assert_uint_eq(v->rig->messages, 1);
    ck_assert_uint_eq(v->rig->message_addr, 0x3000);
    ck_assert_uint_eq(v->rig->message_data, 102);
    virtio_config_changed(vrig_virtio(v));
    ck_assert_uint_eq(v->rig->message_data, 101);
    ck_assert(!v->rig->levels[1]);
    ck_assert_uint_eq(interrupted(v), 0);
    set_common(v, QUEUE_VECTOR, 2, 3); /* there are three */
    ck_assert_uint_eq(common(v, QUEUE_VECTOR, 2), NO_VECTOR);
    m_write(v, M_STATUS, 0);
    ck_assert_uint_eq(common(v, CONFIG_VECTOR, 2), NO_VECTOR);
    vrig_free(v);
}
END_TEST

START_TEST(without_vectors_there_is_the_pin_only)
{
    struct vrig *v = vrig_new_pci(&echo_class);

    rig_set(v->rig, "vectors", "0");
    vrig_init(v);
    ck_assert_uint_eq(find_capability(v, 0x11, 0), 0);
    vrig_start(v, 0, 2);
    set_common(v, CONFIG_VECTOR, 2, 0);
    ck_assert_uint_eq(common(v, CONFIG_VECTOR, 2), NO_VECTOR);
    send_message(v, 0);
    kick(v, 0);
    ck_assert_uint_eq(interrupted(v), 1);
    vrig_free(v);
}
END_TEST

/* ------------------------------------------------------------------------------ resets
 */

START_TEST(no_master_no_memory)
{
    struct vrig *v = started_pci(0);

    rig_write(v->rig, COMMAND, 2, 0);
    send_message(v, 0);
    kick(v, 0);
    ck_assert_uint_eq(get(v, DATA + 0x200, 2), 0);
    ck_assert(needs_reset(v));
    rig_write(v->rig, COMMAND, 2, BUS_MASTER);
    vrig_start(v, 0, 2);
    send_message(v, 0);
    kick(v, 0);
    check_message(v, 0);
    vrig_free(v);
}
END_TEST

START_TEST(a_reset_of_a_queue_leaves_the_other)
{
    struct vrig *v = started_pci(BIT(VIRTIO_F_RING_RESET));

    m_write(v, M_QUEUE_SEL, 0);
    m_write(v, M_QUEUE_RESET, 1);
    ck_assert_uint_eq(m_read(v, M_QUEUE_RESET), 0);
    ck_assert_uint_eq(m_read(v, M_QUEUE_READY), 0);
    send_message(v, 1);
    kick(v, 1);
    check_message(v, 1);
    vrig_queue(v, 0);
    send_message(v, 0);
    kick(v, 0);
    check_message(v, 0);
    vrig_free(v);
}
END_TEST

START_TEST(a_function_is_loaded_as_it_was_saved)
{
    struct vrig *v = started_pci(0), *w = new_pci_echo();
    struct dev_state state = { 0 }, device = { 0 };

    use_vectors(v);
    m_write(v, M_QUEUE_SEL, 1);
    set_common(v, QUEUE_VECTOR, 2, 2);
    dev_save(v->device, &device);
    dev_save(v->rig->dev, &state);
    memcpy(w->rig->memory, v->rig->memory, sizeof(w->rig->memory));
    memcpy(w->rings, v->rings, sizeof(w->rings));
    ck_assert_int_eq(dev_load(w->device, device.bytes, device.size), device.size);
    ck_assert_int_eq(dev_load(w->rig->dev, state.bytes, state.size), state.size);
    ck_assert_uint_eq(common(w, QUEUE_VECTOR, 2), 2);
    send_message(w, 1);
    kick(w, 1);
    check_message(w, 1);
    ck_assert_uint_eq(w->rig->message_data, 102);
    state.bytes[state.size - 1] = 0x80; /* ISR */
    ck_assert_int_eq(dev_load(w->rig->dev, state.bytes, state.size), -1);
    free(state.bytes);
    free(device.bytes);
    vrig_free(v);
    vrig_free(w);
}
END_TEST

/* --------------------------------------------------- accesses by configuration space */

static void set_window(struct vrig *v, unsigned at, unsigned bar, uint32_t offset,
                       uint32_t size)
{
    rig_write(v->rig, at + 4, 1, bar);
    rig_write(v->rig, at + 8, 4, offset);
    rig_write(v->rig, at + 12, 4, size);
}

START_TEST(the_window_reaches_the_structures)
{
    static const struct {
        unsigned bar;
        uint32_t offset, size;
    } bad[] = { { 0, STATUS, 1 },          { 5, STATUS, 1 },    { 4, STATUS, 3 },
                { 4, STATUS, 0 },          { 4, 0x4000, 1 },    { 4, 0xffffffff, 4 },
                { 4, STATUS, 0x80000001 }, { 4, STATUS + 1, 2 } };
    struct vrig *v = new_pci_echo();
    unsigned at = find_capability(v, 9, 5);

    ck_assert_uint_ne(at, 0);
    set_window(v, at, 4, STATUS, 1);
    rig_write(v->rig, at + 16, 4, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    ck_assert_uint_eq(m_read(v, M_STATUS), 3);
    set_window(v, at, 4, NUM_QUEUES, 2);
    ck_assert_uint_eq(rig_read(v->rig, at + 16, 4) & 0xffff, 2);
    set_window(v, at, 4, PCI_DEVICE, 4);
    ck_assert_uint_eq(rig_read(v->rig, at + 16, 4), 0x77);
    for (size_t i = 0; i < COUNT(bad); i++) {
        set_window(v, at, bad[i].bar, bad[i].offset, bad[i].size);
        rig_write(v->rig, at + 16, 4, 0);
        rig_read(v->rig, at + 16, 4);
        ck_assert_uint_eq(m_read(v, M_STATUS), 3);
    }
    vrig_free(v);
}
END_TEST

START_TEST(what_there_is_not_is_refused)
{
    static const struct {
        const char *property, *value, *error;
    } bad[] = {
        { "disable-legacy", "off",
          "virtio-rng-pci: there is no legacy interface (disable-legacy=on)" },
        { "disable-modern", "on",
          "virtio-rng-pci: there is the modern interface only (disable-modern=off)" },
        { "romfile", "x.rom", "virtio-rng-pci: there are no expansion ROMs (romfile=)" },
    };
    char error[DEV_ERROR];

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct vrig *v = vrig_new_pci(&echo_class);

        rig_set(v->rig, bad[i].property, bad[i].value);
        rig_init_of(v->device);
        rig_connect(v->rig->dev, "device", v->device);
        ck_assert_int_eq(dev_init(v->rig->dev, error), -1);
        ck_assert_str_eq(error, bad[i].error);
        vrig_free(v);
    }
}
END_TEST

RIG_MAIN("virtio_pci", capabilities_say_where_the_structures_are,
         the_common_structure_shows_the_device,
         messages_come_back_with_all_kinds_of_rings,
         queues_that_are_not_there_are_not_kicked, by_the_pin_isr_says_why,
         queues_and_config_have_vectors, without_vectors_there_is_the_pin_only,
         no_master_no_memory, a_reset_of_a_queue_leaves_the_other,
         a_function_is_loaded_as_it_was_saved, the_window_reaches_the_structures,
         what_there_is_not_is_refused)
