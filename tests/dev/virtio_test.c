/* virtio_test.c - the virtio core, with a device that returns what it gets. */
#include "echo.h"

/* ------------------------------------------------------------------------- what works */

START_TEST(messages_go_around_the_ring)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
        struct vrig *v = started(choices[i]);

        ck_assert_uint_eq(vrig_virtio(v)->features, choices[i] | BIT(VIRTIO_F_VERSION_1));
        for (unsigned n = 0; n < 50; n++) {
            send_message(v, 0);
            kick(v, 0);
            check_message(v, 0);
        }
        ck_assert(!needs_reset(v));
        vrig_free(v);
    }
}
END_TEST

START_TEST(chains_that_are_held_come_back_in_any_order)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
        struct vrig *v = started(choices[i]);
        struct echo *echo = echo_of(v);
        struct virtqueue *queue = &echo->virtio.queues[0];
        unsigned per_chain = v->features & INDIRECT ? 1 : 4;

        echo->hold = true;
        for (unsigned round = 0; round < 9; round++) {
            unsigned count = RING_SIZE / per_chain;

            for (unsigned n = 0; n < count; n++)
                send_message(v, 0);
            kick(v, 0);
            ck_assert_uint_eq(echo->held, count);
            while (echo->held)
                echo_push(echo, queue, &echo->chains[--echo->held]);
            for (unsigned n = 0; n < count; n++)
                check_message(v, 0);
        }
        ck_assert(!needs_reset(v));
        vrig_free(v);
    }
}
END_TEST

START_TEST(a_chain_can_be_put_back)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
        struct vrig *v = started(choices[i]);
        struct echo *echo = echo_of(v);
        struct virtqueue *queue = &echo->virtio.queues[0];

        for (unsigned n = 0; n < 20; n++) {
            echo->hold = true;
            send_message(v, 0);
            kick(v, 0);
            ck_assert_uint_eq(echo->held, 1);
            virtqueue_unpop(queue, &echo->chains[0]);
            echo->held = 0;
            echo->hold = false;
            kick(v, 0);
            check_message(v, 0);
        }
        vrig_free(v);
    }
}
END_TEST

START_TEST(several_chains_appear_at_once)
{
    for (int packed = 0; packed < 2; packed++) {
        struct vrig *v = started(packed ? PACKED : 0);
        struct echo *echo = echo_of(v);
        struct virtqueue *queue = &echo->virtio.queues[0];
        uint32_t length;
        unsigned id;

        echo->hold = true;
        for (unsigned round = 0; round < 10; round++) {
            for (unsigned n = 0; n < 3; n++)
                post(v, 0, message, 4);
            kick(v, 0);
            ck_assert_uint_eq(echo->held, 3);
            for (unsigned n = 0; n < 3; n++)
                virtqueue_fill(queue, &echo->chains[n], n);
            ck_assert(!used(v, 0, &id, &length));
            virtqueue_flush(queue);
            for (unsigned n = 0; n < 3; n++) {
                ck_assert(used(v, 0, &id, &length));
                ck_assert_uint_eq(length, n);
            }
            echo->held = 0;
        }
        vrig_free(v);
    }
}
END_TEST

START_TEST(interrupts_come_when_the_driver_wants_them)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
        struct vrig *v = started(choices[i]);
        uint64_t driver = v->rings[0].base + RING_DRIVER;

        send_message(v, 0);
        kick(v, 0);
        ck_assert(v->rig->levels[0]);
        ck_assert_uint_eq(interrupted(v), 1);
        ck_assert(!v->rig->levels[0]);
        if (v->features & EVENT) { /* not before two more */
            unsigned step = v->features & INDIRECT ? 1 : 4;

            if (v->features & PACKED) {
                put(v, driver, 2, (v->rings[0].avail + step) | 0x8000);
                put(v, driver + 2, 2, 2);
            } else {
                put(v, driver + 4 + 2 * RING_SIZE, 2, 2);
            }
            send_message(v, 0);
            kick(v, 0);
            ck_assert_uint_eq(interrupted(v), 0);
        } else {
            put(v, driver + (v->features & PACKED ? 2 : 0), 2, 1);
        }
        send_message(v, 0);
        kick(v, 0);
        ck_assert_uint_eq(interrupted(v), !!(v->features & EVENT));
        vrig_free(v);
    }
}
END_TEST

START_TEST(kicks_are_asked_for_when_the_ring_is_empty)
{
    struct vrig *v = started(EVENT);
    uint64_t device = v->rings[0].base + RING_DEVICE;

    for (unsigned n = 1; n < 40; n++) {
        send_message(v, 0);
        kick(v, 0);
        ck_assert_uint_eq(get(v, device + 4 + 8 * RING_SIZE, 2), n);
    }
    vrig_free(v);
    v = started(EVENT | PACKED);
    device = v->rings[0].base + RING_DEVICE;
    for (unsigned n = 1; n < 10; n++) {
        send_message(v, 0);
        kick(v, 0);
        ck_assert_uint_eq(get(v, device, 2), (n * 4) % 16 | (n / 4 % 2 ? 0 : 0x8000));
        ck_assert_uint_eq(get(v, device + 2, 2), 2);
    }
    vrig_free(v);
}
END_TEST

START_TEST(an_early_kick_is_served_when_the_driver_is_ready)
{
    struct vrig *v = new_echo();
    uint32_t length;
    unsigned id;

    vrig_negotiate(v, 0);
    vrig_queue(v, 0);
    put_message(v);
    post(v, 0, message, 4);
    kick(v, 0);
    ck_assert(!used(v, 0, &id, &length));
    m_write(v, M_STATUS, 15);
    check_message(v, 0);
    ck_assert_uint_eq(echo_of(v)->starts, 1);
    vrig_free(v);
}
END_TEST

START_TEST(a_saved_device_goes_on_in_another_one)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
        struct vrig *v = started(choices[i]), *w = new_echo();
        struct dev_state slot = { 0 }, device = { 0 };

        m_write(v, M_CONFIG + 4, 0x12345);
        for (unsigned n = 0; n < 7; n++) {
            send_message(v, 0);
            kick(v, 0);
            check_message(v, 0);
        }
        send_message(v, 0); /* nobody was told yet */
        dev_save(v->rig->dev, &slot);
        dev_save(v->device, &device);
        memcpy(w->rig->memory, v->rig->memory, sizeof(w->rig->memory));
        memcpy(w->rings, v->rings, sizeof(w->rings));
        w->features = v->features;
        ck_assert_int_eq(dev_load(w->device, device.bytes, device.size), device.size);
        ck_assert_int_eq(dev_load(w->rig->dev, slot.bytes, slot.size), slot.size);
        ck_assert(w->rig->levels[0] == v->rig->levels[0]);
        ck_assert_uint_eq(m_read(w, M_CONFIG + 4), 0x12345);
        kick(w, 0);
        check_message(w, 0);
        for (unsigned n = 0; n < 20; n++) {
            send_message(w, 0);
            kick(w, 0);
            check_message(w, 0);
        }
        free(slot.bytes);
        free(device.bytes);
        vrig_free(v);
        vrig_free(w);
    }
}
END_TEST

START_TEST(impossible_states_are_not_loaded)
{
    struct vrig *v = started(PACKED);
    struct dev_state state = { 0 };

    vrig_virtio(v)->queues[0].next_used = RING_SIZE;
    dev_save(v->device, &state);
    ck_assert_int_eq(dev_load(v->device, state.bytes, state.size), -1);
    free(state.bytes);
    state = (struct dev_state){ 0 };
    vrig_virtio(v)->queues[0].next_used = 0;
    vrig_virtio(v)->queues[1].size = 0;
    dev_save(v->device, &state);
    ck_assert_int_eq(dev_load(v->device, state.bytes, state.size), -1);
    free(state.bytes);
    vrig_free(v);
}
END_TEST

START_TEST(a_flood_of_chains_is_served_in_parts)
{
    struct vrig *v = started(0);
    struct echo *echo = echo_of(v);
    struct buffer one = { DATA, 1, false };

    post(v, 0, &one, 1);
    for (unsigned i = 0; i < RING_SIZE; i++) /* they are all the same chain */
        put(v, v->rings[0].base + RING_DRIVER + 4 + 2 * i, 2, 0);
    echo->flood = v->rig->memory + v->rings[0].base + RING_DRIVER + 2;
    kick(v, 0);
    ck_assert_uint_eq(echo->count, 256);
    rig_pass(v->rig, 1); /* the rest has its turn without a kick */
    ck_assert_uint_eq(echo->count, 512);
    m_write(v, M_STATUS, 0);
    rig_pass(v->rig, 1);
    ck_assert_uint_eq(echo->count, 512);
    vrig_free(v);
}
END_TEST

/* ------------------------------------------------------------------- what is refused */

/* Descriptors of one chain, put at the start of a split ring's table. */
struct bad_desc {
    uint64_t addr;
    uint32_t size;
    uint16_t flags, next;
};
struct bad {
    const char *name;
    struct bad_desc descs[3], table[3]; /* the table is at DATA + 0x1000 */
    uint64_t features;
};
enum { TABLE = DATA + 0x1000 };

static const struct bad split_bad[] = {
    { "loops to itself", { { DATA, 1, D_NEXT, 0 } } },
    { "loops", { { DATA, 1, D_NEXT, 1 }, { DATA, 1, D_NEXT, 0 } } },
    { "next out of range", { { DATA, 1, D_NEXT, RING_SIZE } } },
    { "next far out of range", { { DATA, 1, D_NEXT, 0xffff } } },
    { "outside of memory", { { RIG_MEMORY, 1, 0, 0 } } },
    { "partly outside", { { RIG_MEMORY - 4, 8, D_WRITE, 0 } } },
    { "4 GiB", { { DATA, 0xffffffff, 0, 0 } } },
    { "overflow", { { UINT64_MAX - 1, 8, 0, 0 } } },
    { "last byte", { { UINT64_MAX, 1, 0, 0 } } },
    { "out behind in", { { DATA, 1, D_WRITE | D_NEXT, 1 }, { DATA, 1, 0, 0 } } },
    { "table not negotiated", { { TABLE, 16, D_INDIRECT, 0 } }, { { DATA, 1, 0, 0 } } },
    { "table and next",
      { { TABLE, 16, D_INDIRECT | D_NEXT, 1 }, { DATA, 1, 0, 0 } },
      { { DATA, 1, 0, 0 } },
      INDIRECT },
    { "nested",
      { { TABLE, 16, D_INDIRECT, 0 } },
      { { TABLE, 16, D_INDIRECT, 0 } },
      INDIRECT },
    { "empty table", { { TABLE, 0, D_INDIRECT, 0 } }, { { 0 } }, INDIRECT },
    { "part of a descriptor",
      { { TABLE, 17, D_INDIRECT, 0 } },
      { { DATA, 1, 0, 0 } },
      INDIRECT },
    { "huge table",
      { { 0, 0xfffffff0, D_INDIRECT, 0 } },
      { { DATA, 1, 0, 0 } },
      INDIRECT },
    { "table outside", { { RIG_MEMORY - 16, 32, D_INDIRECT, 0 } }, { { 0 } }, INDIRECT },
    { "table at the end",
      { { UINT64_MAX - 15, 32, D_INDIRECT, 0 } },
      { { 0 } },
      INDIRECT },
    { "leaves the table",
      { { TABLE, 16, D_INDIRECT, 0 } },
      { { DATA, 1, D_NEXT, 1 } },
      INDIRECT },
    { "loops in the table",
      { { TABLE, 32, D_INDIRECT, 0 } },
      { { DATA, 1, D_NEXT, 1 }, { DATA, 1, D_NEXT, 0 } },
      INDIRECT },
};

START_TEST(a_bad_chain_stops_its_queue)
{
    for (size_t i = 0; i < sizeof(split_bad) / sizeof(*split_bad); i++) {
        const struct bad *bad = &split_bad[i];
        struct vrig *v = started(bad->features);

        for (unsigned n = 0; n < 3; n++) {
            put_desc(v, v->rings[0].base + 16 * n, bad->descs[n].addr, bad->descs[n].size,
                     bad->descs[n].flags, bad->descs[n].next);
            put_desc(v, TABLE + 16 * n, bad->table[n].addr, bad->table[n].size,
                     bad->table[n].flags, bad->table[n].next);
        }
        post_head(v, &v->rings[0], 0);
        kick(v, 0);
        ck_assert_msg(needs_reset(v), "%s", bad->name);
        refuse_again(v);
    }
}
END_TEST

START_TEST(a_bad_ring_stops_its_queue)
{
    struct vrig *v = started(0);

    post_head(v, &v->rings[0], RING_SIZE); /* head out of range */
    kick(v, 0);
    refuse_again(v);
    v = started(0);
    put(v, v->rings[0].base + RING_DRIVER + 2, 2, RING_SIZE + 1); /* jumps */
    kick(v, 0);
    refuse_again(v);
    v = started(0);
    send_message(v, 0);
    kick(v, 0);
    check_message(v, 0);
    put(v, v->rings[0].base + RING_DRIVER + 2, 2, 0); /* goes back */
    kick(v, 0);
    refuse_again(v);
}
END_TEST

START_TEST(the_same_heads_again_and_again_are_too_many)
{
    struct vrig *v = started(0);
    struct buffer one = { DATA, 1, false };

    echo_of(v)->hold = true;
    post(v, 0, &one, 1);
    for (unsigned i = 0; i < RING_SIZE; i++)
        put(v, v->rings[0].base + RING_DRIVER + 4 + 2 * i, 2, 0);
    put(v, v->rings[0].base + RING_DRIVER + 2, 2, RING_SIZE);
    kick(v, 0);
    ck_assert_uint_eq(echo_of(v)->held, RING_SIZE);
    ck_assert(!needs_reset(v));
    put(v, v->rings[0].base + RING_DRIVER + 2, 2, RING_SIZE + 1);
    kick(v, 0);
    ck_assert_uint_eq(echo_of(v)->held, RING_SIZE);
    echo_of(v)->hold = false;
    refuse_again(v);
}
END_TEST

START_TEST(a_ring_outside_of_memory_stops_its_queue)
{
    for (unsigned area = 0; area < 3; area++) {
        for (int packed = 0; packed < 2; packed++) {
            struct vrig *v = new_echo();

            vrig_negotiate(v, packed ? PACKED : 0);
            vrig_queue(v, 1);
            vrig_queue(v, 0);
            m_write(v, M_QUEUE_READY, 0);
            m_write(v, M_QUEUE_SIZE, RING_SIZE);
            vrig_area(v, M_QUEUE_DESC, v->rings[0].base);
            vrig_area(v, M_QUEUE_DRIVER, v->rings[0].base + RING_DRIVER);
            vrig_area(v, M_QUEUE_DEVICE, v->rings[0].base + RING_DEVICE);
            vrig_area(v, M_QUEUE_DESC + 16 * area, UINT64_C(0xffffffff00000000));
            m_write(v, M_QUEUE_READY, 1);
            ck_assert_uint_eq(m_read(v, M_QUEUE_READY), 1);
            m_write(v, M_STATUS, 15);
            put_message(v);
            post(v, 0, message, 4);
            kick(v, 0);
            if (packed && area > 0) { /* the chain came back before that one mattered */
                check_message(v, 0);
                ck_assert(needs_reset(v) == (area == 1));
                vrig_free(v);
            } else {
                refuse_again(v);
            }
        }
    }
}
END_TEST

START_TEST(bad_packed_chains_stop_their_queue)
{
    for (unsigned kind = 0; kind < 5; kind++) {
        struct vrig *v = started(PACKED | (kind >= 3 ? INDIRECT : 0));
        uint64_t base = v->rings[0].base;
        uint16_t flags = 1 << 7;

        for (unsigned n = 0; n < RING_SIZE; n++) /* never ends */
            put_desc(v, base + UINT64_C(16) * n, DATA, 1, D_NEXT | flags, 0);
        switch (kind) {
        case 1: put_desc(v, base, RIG_MEMORY, 1, flags, 0); break;
        case 2: put_desc(v, base, TABLE, 16, flags | D_INDIRECT, 0); break;
        case 3: put_desc(v, base, TABLE, 16, flags | D_INDIRECT | D_NEXT, 0); break;
        case 4:
            put_desc(v, TABLE, TABLE, 16, D_INDIRECT, 0);
            put_desc(v, base, TABLE, 16, flags | D_INDIRECT, 0);
            break;
        }
        kick(v, 0);
        ck_assert_msg(needs_reset(v), "%u", kind);
        refuse_again(v);
    }
}
END_TEST

START_TEST(empty_buffers_are_allowed)
{
    struct vrig *v = started(0);
    struct buffer buffers[] = { { DATA, 0, false },
                                { DATA, 2, false },
                                { DATA, 0, true } };
    uint32_t length;
    unsigned id;

    post(v, 0, buffers, 3);
    kick(v, 0);
    ck_assert(used(v, 0, &id, &length));
    ck_assert_uint_eq(length, 0);
    ck_assert(!needs_reset(v));
    vrig_free(v);
}
END_TEST

START_TEST(kicks_of_queues_that_are_not_there_do_nothing)
{
    struct vrig *v = started(0);

    kick(v, 2);
    kick(v, 0xffffffff);
    m_write(v, M_QUEUE_SEL, 0xffffffff);
    m_write(v, M_QUEUE_READY, 1);
    m_write(v, M_QUEUE_RESET, 1);
    ck_assert(!needs_reset(v));
    vrig_free(v);
}
END_TEST

static char events[256];

static void note_event(const struct dev *dev, const char *part, const char *text)
{
    size_t used = strlen(events);

    (void)dev;
    snprintf(events + used, sizeof(events) - used, "%s %s; ", part, text);
}

START_TEST(a_queue_tells_what_happens_in_it)
{
    struct vrig *v = started(0);

    vrig_virtio(v)->dev.event = note_event;
    events[0] = 0;
    send_message(v, 0);
    kick(v, 0);
    check_message(v, 0);
    ck_assert_ptr_nonnull(strstr(events, "queue0 takes "));
    ck_assert_ptr_nonnull(strstr(events, " bytes back; queue0 interrupts; "));
    vrig_free(v);
}
END_TEST

RIG_MAIN("virtio", messages_go_around_the_ring,
         chains_that_are_held_come_back_in_any_order, a_chain_can_be_put_back,
         several_chains_appear_at_once, interrupts_come_when_the_driver_wants_them,
         kicks_are_asked_for_when_the_ring_is_empty,
         an_early_kick_is_served_when_the_driver_is_ready,
         a_saved_device_goes_on_in_another_one, impossible_states_are_not_loaded,
         a_flood_of_chains_is_served_in_parts, a_bad_chain_stops_its_queue,
         a_bad_ring_stops_its_queue, the_same_heads_again_and_again_are_too_many,
         a_ring_outside_of_memory_stops_its_queue, bad_packed_chains_stop_their_queue,
         empty_buffers_are_allowed, kicks_of_queues_that_are_not_there_do_nothing,
         a_queue_tells_what_happens_in_it)
