/* virtio_net_test.c - the virtio network card, between a driver and a network that
 * remembers; and the smaller virtio devices: console, entropy source. */
#include "dev/virtio_rig.h"

#include <check.h>

/* ----------------------------------------------------------------------- the network */

struct wire {
    struct net_backend backend;
    uint8_t frame[70000]; /* the last that was sent */
    size_t size;
    unsigned frames, readies;
};

static struct wire wire;

static void wire_send(struct net_backend *backend, const struct span *spans,
                      unsigned count)
{
    (void)backend;
    wire.frames++;
    wire.size = 0;
    for (unsigned i = 0; i < count; i++) {
        memcpy(wire.frame + wire.size, spans[i].base, spans[i].size);
        wire.size += spans[i].size;
    }
}

static void wire_ready(struct net_backend *backend)
{
    (void)backend;
    wire.readies++;
}

enum {
    F_MTU = 3,
    F_MAC = 5,
    F_MRG = 15,
    F_CTRL = 17,
    F_RX = 18,
    F_EXTRA = 20,
    F_ADDR = 23
};
enum { RX, TX, CONTROL };
enum { FRAME = DATA + 0x1000, ROOM = DATA + 0x3000, ACK = DATA + 0x7000 };

static struct vrig *new_net(const char *property, const char *value)
{
    struct vrig *v = vrig_new(dev_class_find("virtio-net-device"));

    wire.backend.send = wire_send;
    wire.backend.ready = wire_ready;
    wire.backend.is_up = true;
    vrig_connect(v, "netdev", &wire.backend);
    if (property)
        vrig_set(v, property, value);
    vrig_init(v);
    return v;
}

static struct vrig *started(uint64_t features)
{
    struct vrig *v = new_net(NULL, NULL);

    vrig_start(v, features, 3);
    return v;
}

static void send_frame(struct vrig *v, uint32_t size)
{
    struct buffer buffers[] = { { DATA, 12, false }, { FRAME, size, false } };
    uint32_t length;
    unsigned id;

    post(v, TX, buffers, 2);
    kick(v, TX);
    ck_assert(used(v, TX, &id, &length));
}

static bool receive(const uint8_t *frame, size_t size)
{
    return wire.backend.user->receive(wire.backend.device, frame, size);
}

static bool can_receive(void)
{
    return wire.backend.user->can_receive(wire.backend.device);
}

static void post_room(struct vrig *v, uint64_t addr, uint32_t size)
{
    struct buffer room = { addr, size, true };

    post(v, RX, &room, 1);
    kick(v, RX);
}

/* A frame to an address, whose other bytes count up. */
static const uint8_t *frame_to(const uint8_t *mac, size_t size)
{
    static uint8_t frame[70000];

    for (size_t i = 6; i < size; i++)
        frame[i] = i;
    memcpy(frame, mac, 6);
    return frame;
}

static const uint8_t own[] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
static const uint8_t other[] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x57 };
static const uint8_t group[] = { 0x33, 0x33, 0, 0, 0, 1 };
static const uint8_t all[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

START_TEST(frames_are_sent)
{
    struct vrig *v = started(0);

    memset(v->rig->memory + FRAME, 0x61, 100);
    send_frame(v, 100);
    ck_assert_uint_eq(wire.frames, 1);
    ck_assert_uint_eq(wire.size, 100);
    ck_assert_mem_eq(wire.frame, v->rig->memory + FRAME, 100);
    vrig_free(v);
}
END_TEST

START_TEST(what_is_no_frame_is_not_sent)
{
    struct vrig *v = started(0);
    struct buffer part = { DATA, 11, false };
    uint32_t length;
    unsigned id;

    send_frame(v, 0);
    send_frame(v, 13);
    post(v, TX, &part, 1);
    kick(v, TX);
    ck_assert(used(v, TX, &id, &length));
    put(v, DATA, 2, 0x0101); /* offloads */
    send_frame(v, 100);
    ck_assert_uint_eq(wire.frames, 0);
    ck_assert(!needs_reset(v));
    vrig_free(v);
}
END_TEST

START_TEST(frames_are_received)
{
    struct vrig *v = started(BIT(F_MAC));
    uint32_t length;
    unsigned id;

    ck_assert(!can_receive());
    ck_assert(!receive(frame_to(own, 60), 60));
    post_room(v, ROOM, 1526);
    ck_assert_uint_eq(wire.readies, 2); /* also when the driver came up */
    ck_assert(can_receive());
    ck_assert(receive(frame_to(own, 60), 60));
    ck_assert(used(v, RX, &id, &length));
    ck_assert_uint_eq(length, 72);
    ck_assert_uint_eq(get(v, ROOM, 8), 0);
    ck_assert_uint_eq(get(v, ROOM + 10, 2), 1);
    ck_assert_mem_eq(v->rig->memory + ROOM + 12, frame_to(own, 60), 60);
    ck_assert_uint_eq(interrupted(v), 1);
    post_room(v, ROOM, 71); /* too small: stays for another one */
    ck_assert(!receive(frame_to(own, 60), 60));
    ck_assert(receive(frame_to(own, 59), 59));
    vrig_free(v);
}
END_TEST

START_TEST(a_large_frame_takes_several_buffers)
{
    static const uint64_t choices[] = { 0, BIT(VIRTIO_F_RING_PACKED) };

    for (unsigned i = 0; i < 2; i++) {
        struct vrig *v = new_net("packed", "on");
        uint32_t length, total = 0;
        unsigned id, chains = 0;

        vrig_start(v, BIT(F_MRG) | choices[i], 3);
        for (unsigned n = 0; n < 3; n++)
            post_room(v, ROOM + n * 1000, 1000);
        ck_assert(!receive(frame_to(own, 2989), 2989)); /* one byte too many */
        ck_assert(receive(frame_to(own, 2500), 2500));
        for (; used(v, RX, &id, &length); chains++)
            total += length;
        ck_assert_uint_eq(chains, 3);
        ck_assert_uint_eq(total, 2512);
        ck_assert_uint_eq(get(v, ROOM + 10, 2), 3);
        ck_assert_mem_eq(v->rig->memory + ROOM + 12, frame_to(own, 2500), 2500);
        ck_assert(!can_receive());
        vrig_free(v);
    }
}
END_TEST

START_TEST(odd_frames_and_buffers_do_no_harm)
{
    struct vrig *v = started(BIT(F_MRG));

    post_room(v, ROOM, 2000);
    ck_assert(!receive(frame_to(own, 70000), 70000));
    ck_assert(!receive(frame_to(own, 13), 13));
    ck_assert(!receive(frame_to(own, 65535), 65535));
    vrig_start(v, BIT(F_MRG), 3);
    post_room(v, ROOM, 11);
    ck_assert(!receive(frame_to(own, 60), 60));
    ck_assert(needs_reset(v));
    m_write(v, M_STATUS, 0);
    ck_assert(!can_receive());
    ck_assert(!receive(frame_to(own, 60), 60));
    vrig_free(v);
}
END_TEST

/* A command: whether it was acknowledged. */
static bool command(struct vrig *v, unsigned class, unsigned number, const void *data,
                    uint32_t size)
{
    struct buffer buffers[] = { { FRAME, 2 + size, false }, { ACK, 1, true } };
    uint32_t length;
    unsigned id;

    put(v, FRAME, 1, class);
    put(v, FRAME + 1, 1, number);
    memcpy(v->rig->memory + FRAME + 2, data, size);
    put(v, ACK, 1, 0xee);
    post(v, CONTROL, buffers, 2);
    kick(v, CONTROL);
    ck_assert(used(v, CONTROL, &id, &length));
    ck_assert_uint_eq(length, 1);
    return get(v, ACK, 1) == 0;
}

/* Whether a frame to `mac` gets to the driver. */
static bool gets(struct vrig *v, const uint8_t *mac)
{
    uint32_t length;
    unsigned id;

    ck_assert(receive(frame_to(mac, 60), 60));
    return used(v, RX, &id, &length);
}

START_TEST(the_driver_chooses_what_it_receives)
{
    struct vrig *v = started(BIT(F_CTRL) | BIT(F_RX) | BIT(F_EXTRA) | BIT(F_ADDR));
    uint8_t macs[20] = { 1 };

    for (unsigned i = 0; i < RING_SIZE; i++)
        post_room(v, ROOM, 1526);
    ck_assert(gets(v, other)); /* all at first */
    ck_assert(command(v, 0, 0, "\0", 1));
    ck_assert(!gets(v, other));
    ck_assert(gets(v, own));
    ck_assert(gets(v, all));
    ck_assert(!gets(v, group));
    memcpy(macs + 4, other, 6);
    macs[10] = 1;
    memcpy(macs + 14, group, 6);
    ck_assert(command(v, 1, 0, macs, 20));
    ck_assert(gets(v, other));
    ck_assert(gets(v, group));
    ck_assert(command(v, 0, 3, "\1", 1)); /* no groups */
    ck_assert(!gets(v, group));
    ck_assert(command(v, 0, 5, "\1", 1)); /* no broadcasts */
    ck_assert(!gets(v, all));
    memset(macs, 0, 20);
    ck_assert(command(v, 1, 0, macs, 8));
    ck_assert(!gets(v, other));
    ck_assert(command(v, 1, 1, other, 6));
    ck_assert(gets(v, other));
    ck_assert_uint_eq(rig_read(v->rig, M_CONFIG + 5, 1), 0x57);
    m_write(v, M_STATUS, 0);
    ck_assert_uint_eq(rig_read(v->rig, M_CONFIG + 5, 1), 0x56);
    vrig_free(v);
}
END_TEST

START_TEST(bad_commands_are_refused)
{
    struct vrig *v = started(BIT(F_CTRL) | BIT(F_RX));
    uint8_t macs[20] = { 0xff, 0xff, 0xff, 0xff };

    ck_assert(!command(v, 0, 0, "", 0));
    ck_assert(!command(v, 0, 0, "\0\0", 2));
    ck_assert(!command(v, 0, 2, "\0", 1)); /* RX_EXTRA is not agreed on */
    ck_assert(!command(v, 0, 9, "\0", 1));
    ck_assert(!command(v, 1, 0, macs, 20));
    ck_assert(!command(v, 1, 0, macs, 3));
    ck_assert(!command(v, 1, 1, macs, 6));
    ck_assert(!command(v, 77, 0, macs, 6));
    vrig_free(v);
}
END_TEST

START_TEST(a_table_that_is_too_large_means_all)
{
    struct vrig *v = started(BIT(F_CTRL) | BIT(F_RX));
    uint8_t macs[8 + 70 * 6] = { 0, 0, 0, 0, 70 };

    memset(macs + 8, 0x33, sizeof(macs) - 8);
    post_room(v, ROOM, 1526);
    ck_assert(command(v, 0, 0, "\0", 1));
    ck_assert(command(v, 1, 0, macs, sizeof(macs)));
    ck_assert(!gets(v, other));
    ck_assert(gets(v, group));
    vrig_free(v);
}
END_TEST

START_TEST(the_link_goes_down_and_up)
{
    struct vrig *v = started(0);

    ck_assert_uint_eq(rig_read(v->rig, M_CONFIG + 6, 2), 1);
    post_room(v, ROOM, 1526);
    wire.backend.user->link(wire.backend.device, false);
    ck_assert_uint_eq(interrupted(v) & 2, 2);
    ck_assert_uint_eq(rig_read(v->rig, M_CONFIG + 6, 2), 0);
    ck_assert(!can_receive());
    ck_assert(!receive(frame_to(own, 60), 60));
    send_frame(v, 100);
    ck_assert_uint_eq(wire.frames, 0);
    wire.backend.user->link(wire.backend.device, true);
    ck_assert(can_receive());
    vrig_free(v);
}
END_TEST

START_TEST(its_address_can_be_set)
{
    struct vrig *v = new_net("mac", "02:aB:cd:00:01:fe");
    static const uint8_t mac[] = { 0x02, 0xab, 0xcd, 0x00, 0x01, 0xfe };
    static const char *const bad[] = { "",
                                       "02:ab:cd:00:01",
                                       "02:ab:cd:00:01:fe:",
                                       "03:ab:cd:00:01:fe",
                                       "02-ab-cd-00-01-fe",
                                       "02:ab:cd:00:01:fg" };
    char error[DEV_ERROR];

    for (unsigned i = 0; i < 6; i++)
        ck_assert_uint_eq(rig_read(v->rig, M_CONFIG + i, 1), mac[i]);
    vrig_free(v);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct dev *dev = dev_new(dev_class_find("virtio-net-device"), "n");

        dev_set(dev, "mac", bad[i], error);
        ck_assert_int_eq(dev_init(dev, error), -1);
        dev_free(dev);
    }
}
END_TEST

START_TEST(a_saved_card_receives_the_same)
{
    struct vrig *v = started(BIT(F_CTRL) | BIT(F_RX)), *w;
    struct dev_state state = { 0 };

    ck_assert(command(v, 0, 0, "\0", 1));
    post_room(v, ROOM, 1526);
    dev_save(v->device, &state);
    w = new_net(NULL, NULL);
    memcpy(w->rig->memory, v->rig->memory, sizeof(w->rig->memory));
    memcpy(w->rings, v->rings, sizeof(w->rings));
    ck_assert_int_eq(dev_load(w->device, state.bytes, state.size), state.size);
    ck_assert(!gets(w, other));
    ck_assert(gets(w, own));
    free(state.bytes);
    vrig_free(v);
    vrig_free(w);
}
END_TEST

/* ---------------------------------------------------------------- the smaller devices */

static struct vrig *started_console(void)
{
    struct vrig *v = vrig_new(dev_class_find("virtio-serial-device"));

    vrig_connect(v, "chardev", &v->rig->chardev);
    vrig_init(v);
    vrig_start(v, 0, 2);
    return v;
}

START_TEST(the_console_sends_what_is_taken)
{
    struct vrig *v = started_console();
    struct buffer text[] = { { DATA, 3, false }, { DATA + 3, 4, false } };
    uint32_t length;
    unsigned id;

    memcpy(v->rig->memory + DATA, "abcdefg", 7);
    v->rig->sent_limit = 5;
    post(v, 1, text, 2);
    kick(v, 1);
    ck_assert(!used(v, 1, &id, &length));
    v->rig->sent_limit = RIG_SENT;
    v->rig->chardev.user->sent(v->rig->chardev.device);
    ck_assert(used(v, 1, &id, &length));
    ck_assert_uint_eq(v->rig->sent_count, 7);
    ck_assert_mem_eq(v->rig->sent, "abcdefg", 7);
    rig_write(v->rig, M_CONFIG + 8, 4, 'h');
    ck_assert_uint_eq(v->rig->sent[7], 'h');
    vrig_free(v);
}
END_TEST

START_TEST(the_console_receives)
{
    struct vrig *v = started_console();
    const struct char_user *user = v->rig->chardev.user;
    void *device = v->rig->chardev.device;
    struct buffer room[] = { { ROOM, 4, true }, { ROOM + 4, 0, true } };
    uint32_t length;
    unsigned id;

    ck_assert_uint_eq(user->room(device), 0);
    post(v, 0, room + 1, 1); /* without room */
    post(v, 0, room, 1);
    kick(v, 0);
    ck_assert_uint_eq(v->rig->ready_calls, 2); /* one is of when the driver came up */
    ck_assert_uint_eq(user->room(device), 4);
    user->receive(device, (const uint8_t *)"hey", 3);
    ck_assert(used(v, 0, &id, &length));
    ck_assert_uint_eq(length, 0);
    ck_assert(used(v, 0, &id, &length));
    ck_assert_uint_eq(length, 3);
    ck_assert_mem_eq(v->rig->memory + ROOM, "hey", 3);
    ck_assert_uint_eq(user->room(device), 0);
    vrig_free(v);
}
END_TEST

START_TEST(the_entropy_source_fills_buffers)
{
    struct vrig *v = vrig_new(dev_class_find("virtio-rng-device"));
    struct buffer room[] = { { DATA, 20, true }, { DATA + 0x100, 600, true } };
    uint32_t length;
    unsigned id, zeros = 0;

    vrig_set(v, "max-bytes", "1000");
    vrig_set(v, "period", "10");
    vrig_init(v);
    v->ring_size = 8;
    vrig_start(v, 0, 1);
    post(v, 0, room, 2);
    kick(v, 0);
    ck_assert(used(v, 0, &id, &length));
    ck_assert_uint_eq(length, 620);
    for (unsigned i = 0; i < 600; i++)
        zeros += !v->rig->memory[DATA + 0x100 + i];
    ck_assert_uint_lt(zeros, 30);
    post(v, 0, room, 2); /* as much as is left */
    post(v, 0, room, 2);
    kick(v, 0);
    ck_assert(used(v, 0, &id, &length));
    ck_assert_uint_eq(length, 380);
    ck_assert(!used(v, 0, &id, &length));
    rig_pass(v->rig, 10000000); /* the next period */
    ck_assert(used(v, 0, &id, &length));
    ck_assert_uint_eq(length, 620);
    vrig_free(v);
}
END_TEST

RIG_MAIN("virtio_net", frames_are_sent, what_is_no_frame_is_not_sent, frames_are_received,
         a_large_frame_takes_several_buffers, odd_frames_and_buffers_do_no_harm,
         the_driver_chooses_what_it_receives, bad_commands_are_refused,
         a_table_that_is_too_large_means_all, the_link_goes_down_and_up,
         its_address_can_be_set, a_saved_card_receives_the_same,
         the_console_sends_what_is_taken, the_console_receives,
         the_entropy_source_fills_buffers)
