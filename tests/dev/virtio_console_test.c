/* virtio_console_test.c - a virtio console with ports: what its control queues say, and
 * what goes through a port.  One without ports: virtio_net_test.c. */
#include "dev/virtio_rig.h"

#include <check.h>

enum { MULTIPORT = 1, CONTROL_RX = 2, CONTROL_TX = 3, PORT_RX = 4, PORT_TX = 5 };
enum { READY, ADD, PORT_READY = 3, CONSOLE = 4, OPEN = 6, NAME = 7 };
enum { ROOM = DATA + 0x1000, QUEUES = 6 };

static struct dev *people;

static struct dev *plug(struct vrig *v, const char *class)
{
    struct dev *dev = rig_add(v->rig, dev_class_find(class));

    rig_connect(dev, "bus", v->device);
    return dev;
}

/* With a port for people, on nothing, and one for programs, called `p1`. */
static struct vrig *begin(bool is_open)
{
    struct vrig *v = vrig_new(dev_class_find("virtio-serial-device"));

    vrig_init(v);
    v->rig->chardev.is_open = is_open;
    people = plug(v, "virtconsole");
    v->port = plug(v, "virtserialport");
    rig_set_of(v->port, "name", "p1");
    rig_connect(v->port, "chardev", &v->rig->chardev);
    rig_init_of(people);
    rig_init_of(v->port);
    vrig_start(v, BIT(MULTIPORT), QUEUES);
    return v;
}

static void end(struct vrig *v)
{
    vrig_free(v);
    dev_free(people);
}

static void tell(struct vrig *v, uint32_t port, unsigned event, unsigned value)
{
    struct buffer message = { DATA, 8, false };
    uint32_t length;
    unsigned id;

    put(v, DATA, 4, port);
    put(v, DATA + 4, 2, event);
    put(v, DATA + 6, 2, value);
    post(v, CONTROL_TX, &message, 1);
    kick(v, CONTROL_TX);
    ck_assert(used(v, CONTROL_TX, &id, &length));
}

/* The next message that the device says, as port, event, value; room for it is made. */
static unsigned next(struct vrig *v, uint32_t *length)
{
    struct buffer room = { ROOM, 32, true };
    unsigned id;

    memset(v->rig->memory + ROOM, 0, 32);
    post(v, CONTROL_RX, &room, 1);
    kick(v, CONTROL_RX);
    if (!used(v, CONTROL_RX, &id, length))
        return 0;
    return (unsigned)(get(v, ROOM, 4) << 8 | get(v, ROOM + 4, 2) << 4 |
                      get(v, ROOM + 6, 2));
}

static void expect(struct vrig *v, unsigned port, unsigned event, unsigned value)
{
    uint32_t length;

    ck_assert_uint_eq(next(v, &length), port << 8 | event << 4 | value);
    ck_assert_uint_eq(length, event == NAME ? 10 : 8);
}

START_TEST(it_says_which_ports_there_are)
{
    struct vrig *v = begin(true);

    ck_assert_uint_eq(m_read(v, M_CONFIG + 4), 15);
    ck_assert(vrig_offered(v) & BIT(MULTIPORT));
    tell(v, 0, READY, 1);
    expect(v, 0, ADD, 0);
    expect(v, 1, ADD, 0);
    tell(v, 0, PORT_READY, 1);
    tell(v, 1, PORT_READY, 1);
    expect(v, 0, CONSOLE, 1);
    expect(v, 0, OPEN, 1); /* also where nothing is at the other end */
    expect(v, 1, OPEN, 1);
    expect(v, 1, NAME, 1);
    ck_assert_mem_eq(v->rig->memory + ROOM + 8, "p1", 3);
    end(v);
}
END_TEST

START_TEST(it_says_who_comes_and_goes_once)
{
    struct vrig *v = begin(false);
    const struct char_user *user = v->rig->chardev.user;
    void *port = v->rig->chardev.device;
    uint32_t length;

    tell(v, 1, PORT_READY, 1);
    expect(v, 1, OPEN, 0);
    expect(v, 1, NAME, 1);
    for (unsigned i = 0; i < 1000; i++) {
        v->rig->chardev.is_open = i & 1;
        user->event(port, i & 1 ? CHAR_OPENED : CHAR_CLOSED);
    }
    expect(v, 1, OPEN, 1);
    ck_assert_uint_eq(next(v, &length), 0);
    end(v);
}
END_TEST

START_TEST(a_port_takes_what_comes_when_it_is_open)
{
    struct vrig *v = begin(true);
    const struct char_user *user = v->rig->chardev.user;
    void *port = v->rig->chardev.device;
    struct buffer room = { ROOM, 16, true };
    uint32_t length;
    unsigned id;

    post(v, PORT_RX, &room, 1);
    kick(v, PORT_RX);
    ck_assert_uint_eq(user->room(port), 0);
    tell(v, 1, OPEN, 1);
    ck_assert_uint_eq(user->room(port), 16);
    user->receive(port, (const uint8_t *)"hey", 3);
    ck_assert(used(v, PORT_RX, &id, &length));
    ck_assert_uint_eq(length, 3);
    ck_assert_mem_eq(v->rig->memory + ROOM, "hey", 3);
    tell(v, 1, OPEN, 0);
    post(v, PORT_RX, &room, 1);
    ck_assert_uint_eq(user->room(port), 0);
    end(v);
}
END_TEST

START_TEST(each_port_sends_to_its_own_end)
{
    struct vrig *v = begin(true);
    struct buffer text = { DATA, 3, false };
    uint32_t length;
    unsigned id;

    memcpy(v->rig->memory + DATA, "abc", 3);
    post(v, 1, &text, 1);
    kick(v, 1);
    ck_assert(used(v, 1, &id, &length));
    ck_assert_uint_eq(v->rig->sent_count, 0);
    post(v, PORT_TX, &text, 1);
    kick(v, PORT_TX);
    ck_assert(used(v, PORT_TX, &id, &length));
    ck_assert_uint_eq(v->rig->sent_count, 3);
    end(v);
}
END_TEST

START_TEST(odd_messages_do_no_harm)
{
    struct vrig *v = begin(true);
    struct buffer brief = { DATA, 7, false };
    uint32_t length;
    unsigned id;

    for (unsigned event = 0; event < 300; event++) {
        tell(v, 2, event, 1);
        tell(v, UINT32_MAX, event, 1);
        tell(v, 1, event | 0x100, 1);
    }
    post(v, CONTROL_TX, &brief, 1);
    kick(v, CONTROL_TX);
    ck_assert(used(v, CONTROL_TX, &id, &length));
    ck_assert(!needs_reset(v));
    vrig_start(v, BIT(MULTIPORT), QUEUES); /* nothing is left to be said */
    ck_assert_uint_eq(next(v, &length), 0);
    end(v);
}
END_TEST

START_TEST(a_snapshot_has_what_is_to_be_said)
{
    struct vrig *v = begin(true);
    struct dev_state state = { 0 };

    tell(v, 0, READY, 1);
    dev_save(v->device, &state);
    expect(v, 0, ADD, 0);
    ck_assert_int_eq(dev_load(v->device, state.bytes, state.size), (int64_t)state.size);
    v->rings[CONTROL_RX].used = 0;
    v->rings[CONTROL_RX].avail = 0;
    expect(v, 0, ADD, 0);
    free(state.bytes);
    end(v);
}
END_TEST

START_TEST(ports_that_cannot_be_are_refused)
{
    static const struct {
        const char *class, *property, *value;
    } bad[] = {
        { "virtconsole", "nr", "0" },     { "virtserialport", "nr", "0" },
        { "virtserialport", "nr", "1" },  { "virtserialport", "nr", "15" },
        { "virtserialport", "name", "" }, { "virtserialport", "bus", NULL },
    };
    struct vrig *v = begin(true);

    for (size_t i = 0; i < COUNT(bad); i++) {
        struct dev *port = plug(v, bad[i].class);
        char error[DEV_ERROR];

        if (bad[i].value)
            rig_set_of(port, bad[i].property, bad[i].value);
        else
            rig_connect(port, bad[i].property, v->rig->dev);
        ck_assert_int_eq(dev_init(port, error), -1);
        dev_free(port);
    }
    end(v);
}
END_TEST

RIG_MAIN("virtio_console", it_says_which_ports_there_are, it_says_who_comes_and_goes_once,
         a_port_takes_what_comes_when_it_is_open, each_port_sends_to_its_own_end,
         odd_messages_do_no_harm, a_snapshot_has_what_is_to_be_said,
         ports_that_cannot_be_are_refused)
