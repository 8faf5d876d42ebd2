/* virtio_mmio_test.c - slots of virtio devices, and what a driver may write to them. */
#include "echo.h"

/* ------------------------------------------------------------------------- the slot */

START_TEST(an_empty_slot_has_no_device)
{
    struct rig *rig = rig_new("virtio-mmio");

    rig_init(rig);
    ck_assert_uint_eq(rig_read(rig, 0, 4), 0x74726976);
    ck_assert_uint_eq(rig_read(rig, 4, 4), 2);
    ck_assert_uint_eq(rig_read(rig, 8, 4), 0);
    rig_write(rig, M_STATUS, 4, 1);
    rig_write(rig, M_QUEUE_NOTIFY, 4, 0);
    ck_assert_uint_eq(rig_read(rig, M_STATUS, 4), 0);
    ck_assert_uint_eq(rig_read(rig, M_CONFIG, 4), 0);
    rig_free(rig);
}
END_TEST

START_TEST(only_a_virtio_device_fits_into_a_slot)
{
    struct rig *rig = rig_new("virtio-mmio");
    char error[DEV_ERROR];

    ck_assert_int_eq(dev_connect(rig->dev, "device", rig->dev, error), 0);
    ck_assert_int_eq(dev_init(rig->dev, error), -1);
    ck_assert_str_eq(error, "virtio-mmio is not a virtio device");
    rig_free(rig);
}
END_TEST

START_TEST(a_slot_shows_its_device)
{
    struct vrig *v = new_echo();

    ck_assert_uint_eq(m_read(v, M_DEVICE_ID), 42);
    ck_assert_uint_eq(vrig_offered(v), BIT(F_FIRST) | BIT(VIRTIO_F_VERSION_1) | PACKED |
                                           INDIRECT | EVENT | BIT(VIRTIO_F_RING_RESET));
    m_write(v, M_DEVICE_FEATURES_SEL, 2);
    ck_assert_uint_eq(m_read(v, M_DEVICE_FEATURES), 0);
    m_write(v, M_QUEUE_SEL, 1);
    ck_assert_uint_eq(m_read(v, M_QUEUE_SIZE_MAX), RING_SIZE);
    m_write(v, M_QUEUE_SEL, 2);
    ck_assert_uint_eq(m_read(v, M_QUEUE_SIZE_MAX), 0);
    m_write(v, M_QUEUE_READY, 1);
    ck_assert_uint_eq(m_read(v, M_QUEUE_READY), 0);
    ck_assert_uint_eq(m_read(v, M_CONFIG), 0x77);
    rig_write(v->rig, M_CONFIG + 6, 1, 0xab);
    ck_assert_uint_eq(m_read(v, M_CONFIG + 4), 0xab0000);
    ck_assert_uint_eq(m_read(v, M_CONFIG + 8), 0);
    vrig_free(v);
}
END_TEST

START_TEST(features_are_only_those_offered)
{
    struct vrig *v = new_echo();

    vrig_negotiate(v, BIT(F_FIRST) | BIT(F_FIRST + 1));
    ck_assert_uint_eq(m_read(v, M_STATUS), 3);
    vrig_queue(v, 0);
    ck_assert_uint_eq(m_read(v, M_QUEUE_READY), 0);
    m_write(v, M_STATUS, 15);
    ck_assert_uint_eq(m_read(v, M_STATUS) & VIRTIO_DRIVER_OK, 0);
    vrig_negotiate(v, BIT(F_FIRST));
    ck_assert_uint_eq(m_read(v, M_STATUS), 11);
    m_write(v, M_DRIVER_FEATURES, 0); /* too late */
    ck_assert(virtio_has(vrig_virtio(v), VIRTIO_F_VERSION_1));
    m_write(v, M_STATUS, 8); /* takes nothing away */
    ck_assert_uint_eq(m_read(v, M_STATUS), 11);
    vrig_free(v);
}
END_TEST

START_TEST(a_driver_of_before_virtio_1_is_refused)
{
    struct vrig *v = new_echo();

    m_write(v, M_STATUS, 3);
    m_write(v, M_DRIVER_FEATURES, BIT(F_FIRST));
    m_write(v, M_STATUS, 11);
    ck_assert_uint_eq(m_read(v, M_STATUS), 3);
    m_write(v, M_STATUS, 7);
    ck_assert_uint_eq(m_read(v, M_STATUS), 3);
    vrig_free(v);
}
END_TEST

START_TEST(queues_of_bad_sizes_and_places_are_not_ready)
{
    static const struct {
        unsigned size;
        uint64_t desc, driver, device;
        bool packed;
    } bad[] = {
        { 0, 0x1000, 0x2000, 0x3000 },
        { 3, 0x1000, 0x2000, 0x3000 },
        { 32, 0x1000, 0x2000, 0x3000 },
        { 0xffffffff, 0x1000, 0x2000, 0x3000, true },
        { 0, 0x1000, 0x2000, 0x3000, true },
        { 8, 0x1008, 0x2000, 0x3000 },
        { 8, 0x1000, 0x2001, 0x3000 },
        { 8, 0x1000, 0x2000, 0x3002 },
        { 8, 0x1000, 0x2002, 0x3000, true },
        { 8, UINT64_C(0xfffffffffffffff0), 0x2000, 0x3000 },
        { 8, 0x1000, 0x2000, UINT64_C(0xfffffffffffffff0) },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct vrig *v = new_echo();

        vrig_negotiate(v, bad[i].packed ? PACKED : 0);
        m_write(v, M_QUEUE_SEL, 0);
        m_write(v, M_QUEUE_SIZE, bad[i].size);
        vrig_area(v, M_QUEUE_DESC, bad[i].desc);
        vrig_area(v, M_QUEUE_DRIVER, bad[i].driver);
        vrig_area(v, M_QUEUE_DEVICE, bad[i].device);
        m_write(v, M_QUEUE_READY, 1);
        ck_assert_msg(m_read(v, M_QUEUE_READY) == 0, "row %zu", i);
        m_write(v, M_STATUS, 15);
        kick(v, 0);
        vrig_free(v);
    }
}
END_TEST

START_TEST(a_ready_queue_does_not_change)
{
    struct vrig *v = started(0);

    m_write(v, M_QUEUE_SEL, 0);
    m_write(v, M_QUEUE_SIZE, 4);
    vrig_area(v, M_QUEUE_DESC, 0x100000);
    send_message(v, 0);
    kick(v, 0);
    check_message(v, 0);
    vrig_free(v);
}
END_TEST

START_TEST(one_queue_can_be_reset)
{
    struct vrig *v = started(BIT(VIRTIO_F_RING_RESET));
    struct echo *echo = echo_of(v);
    uint32_t length;
    unsigned id;

    echo->hold = true;
    send_message(v, 0);
    kick(v, 0);
    m_write(v, M_QUEUE_SEL, 0);
    m_write(v, M_QUEUE_RESET, 1);
    ck_assert_uint_eq(m_read(v, M_QUEUE_RESET), 0);
    ck_assert_uint_eq(m_read(v, M_QUEUE_READY), 0);
    vrig_queue(v, 0);
    echo_push(echo, &echo->virtio.queues[0], &echo->chains[0]); /* of before */
    ck_assert(!used(v, 0, &id, &length));
    echo->hold = false;
    echo->held = 0;
    send_message(v, 0);
    kick(v, 0);
    check_message(v, 0);
    vrig_free(v);
}
END_TEST

START_TEST(a_reset_forgets_what_is_under_way)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
        struct vrig *v = started(choices[i]);
        struct echo *echo = echo_of(v);
        uint32_t length;
        unsigned id;

        echo->hold = true;
        send_message(v, 0);
        kick(v, 0);
        ck_assert_uint_eq(echo->held, 1);
        vrig_start(v, choices[i], 2);
        echo_push(echo, &echo->virtio.queues[0], &echo->chains[0]);
        virtqueue_notify(&echo->virtio.queues[0]);
        ck_assert(!used(v, 0, &id, &length));
        ck_assert_uint_eq(interrupted(v), 0);
        echo->hold = false;
        echo->held = 0;
        send_message(v, 0);
        kick(v, 0);
        check_message(v, 0);
        m_write(v, M_STATUS, 0);
        kick(v, 0); /* after a reset: nothing */
        ck_assert_uint_eq(m_read(v, M_STATUS), 0);
        ck_assert(!v->rig->levels[0]);
        vrig_free(v);
    }
}
END_TEST

START_TEST(ten_thousand_resets_leave_nothing_behind)
{
    struct vrig *v = new_echo();

    for (unsigned i = 0; i < 10000; i++) {
        vrig_start(v, choices[i % 8], 2);
        send_message(v, 0);
        kick(v, 0);
    }
    check_message(v, 0);
    vrig_free(v);
}
END_TEST

START_TEST(a_config_change_is_seen)
{
    struct vrig *v = started(0);
    uint32_t before = m_read(v, M_CONFIG_GENERATION);

    virtio_config_changed(vrig_virtio(v));
    ck_assert_uint_ne(m_read(v, M_CONFIG_GENERATION), before);
    ck_assert_uint_eq(interrupted(v), 2);
    vrig_free(v);
}
END_TEST

RIG_MAIN("virtio_mmio", an_empty_slot_has_no_device,
         only_a_virtio_device_fits_into_a_slot, a_slot_shows_its_device,
         features_are_only_those_offered, a_driver_of_before_virtio_1_is_refused,
         queues_of_bad_sizes_and_places_are_not_ready, a_ready_queue_does_not_change,
         one_queue_can_be_reset, a_reset_forgets_what_is_under_way,
         ten_thousand_resets_leave_nothing_behind, a_config_change_is_seen)
