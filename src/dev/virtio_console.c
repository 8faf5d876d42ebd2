/* virtio_console.c - the virtio console: serial ports on character back ends.
 *
 * It is one port, on its own back end, or has ports plugged in (`virtconsole`,
 * `virtserialport`); then it offers MULTIPORT, and says by its control queues what they
 * are.  What it has still to say is a set of messages of each port, so it is bounded
 * whatever the driver does.
 *
 * Spec: virtio 1.2, section 5.3 "Console Device".
 * Not modelled: the size of the terminal; ports that come and go while it runs. */
#include <stdio.h>
#include <string.h>

#include "base/report.h"
#include "dev/virtio_console.h"

enum { COLS = 0, ROWS = 2, MAX_PORTS = 4, EMERG_WRITE = 8, CONFIG_SIZE = 12 };

/* clang-format off */
static const struct reg regs[] = {
    { COLS,        1 | 2,     RO, "cols"         },
    { ROWS,        1 | 2,     RO, "rows"         },
    { MAX_PORTS,   1 | 2 | 4, RO, "max_nr_ports" },
    { EMERG_WRITE, 1 | 2 | 4, WO, "emerg_wr"     },
    { 0 },
};
/* clang-format on */

enum { F_MULTIPORT = 1, F_EMERG_WRITE = 2 };
static const struct virtio_feature features[] = {
    { F_MULTIPORT, "MULTIPORT" },
    { F_EMERG_WRITE, "EMERG_WRITE" },
    { 0 },
};

/* Queues: of port 0, for control, of port 1 and so on; each time first what the driver
 * receives. */
enum { CONTROL_RX = 2, CONTROL_TX = 3, QUEUE = 128 };
enum { PORTS = VIRTIO_QUEUES / 2 - 1 };

/* Messages by the control queues: which port, what, a value. */
enum event {
    DEVICE_READY = 0,
    DEVICE_ADD = 1,
    PORT_READY = 3,
    CONSOLE_PORT = 4,
    PORT_OPEN = 6,
    PORT_NAME = 7,
};
enum { EVENTS = PORT_NAME + 1, AT_ID = 0, AT_EVENT = 4, AT_VALUE = 6, MESSAGE = 8 };
enum { NAME = 64 }; /* the longest name, and its 0 */

struct console;
struct port {
    struct console *console;
    unsigned number;
    struct char_backend *chardev; /* or NULL */
    bool is_there, is_console;
    const char *name; /* the plugged device's, or NULL */
    /* saved */
    uint64_t sent;  /* bytes of the next chain to send that have left already */
    uint8_t to_say; /* bits: events */
    bool is_open;   /* in the guest */
};

struct console {
    struct virtio virtio;
    struct char_backend *chardev;
    struct virtio_chain rx, tx;
    struct port ports[PORTS];
};

static const struct field port_fields[] = {
    FIELD(struct port, sent),
    FIELD(struct port, to_say),
    FIELD(struct port, is_open),
    { 0 },
};

static const struct field fields[] = {
    VIRTIO_FIELDS(struct console),
    FIELD_STRUCTS(struct console, ports, port_fields),
    { 0 },
};

static const struct property properties[] = {
    PROPERTY(CHARDEV, struct console, chardev, "what is at the other end"),
    VIRTIO_PROPERTIES(struct console),
    { 0 },
};

static struct console *console_of(struct virtio *virtio)
{
    return (struct console *)virtio;
}

static bool has_ports(const struct console *console)
{
    return virtio_has(&console->virtio, F_MULTIPORT);
}

static struct virtqueue *rx_of(struct port *port)
{
    unsigned index = port->number ? 2 * port->number + 2 : 0;

    return &port->console->virtio.queues[index];
}

static struct virtqueue *tx_of(struct port *port)
{
    return rx_of(port) + 1;
}

/* The port that a queue, not a control queue, belongs to. */
static struct port *port_of(struct console *console, const struct virtqueue *queue)
{
    unsigned pair = queue->index / 2;

    return &console->ports[pair ? pair - 1 : 0];
}

/* -------------------------------------------------------------------------- receiving */

/* The room of the next chain; chains without any go back. */
static size_t port_room(void *device)
{
    struct port *port = device;
    struct virtio_chain *rx = &port->console->rx;
    struct virtqueue *queue = rx_of(port);

    if (has_ports(port->console) && !port->is_open)
        return 0;
    for (unsigned i = 0; i < QUEUE && virtqueue_pop(queue, rx); i++) {
        uint64_t room = rx->in_size;

        if (room) {
            virtqueue_unpop(queue, rx);
            return room < UINT16_MAX ? room : UINT16_MAX;
        }
        virtqueue_push(queue, rx, 0);
    }
    return 0;
}

static void port_receive(void *device, const uint8_t *bytes, size_t count)
{
    struct port *port = device;
    struct virtio_chain *rx = &port->console->rx;
    struct virtqueue *queue = rx_of(port);

    while (count && virtqueue_pop(queue, rx)) {
        size_t part = virtio_chain_write(rx, 0, bytes, count);

        virtqueue_push(queue, rx, part);
        bytes += part;
        count -= part;
    }
    virtqueue_notify(queue);
}

/* ---------------------------------------------------------------------------- sending */

/* Hands on what the back end takes of a chain: whether that was all of it. */
static bool port_write(struct port *port, const struct virtio_chain *chain)
{
    uint64_t skip = port->sent;

    for (unsigned i = 0; i < chain->out_count; i++) {
        const struct span *span = &chain->spans[i];
        size_t size, taken;

        if (skip >= span->size) {
            skip -= span->size;
            continue;
        }
        size = span->size - skip;
        taken = char_write(port->chardev, (const uint8_t *)span->base + skip, size);
        port->sent += taken;
        skip = 0;
        if (taken < size)
            return false;
    }
    return true;
}

static void port_send(struct port *port)
{
    struct virtio_chain *tx = &port->console->tx;
    struct virtqueue *queue = tx_of(port);

    while (virtqueue_pop(queue, tx)) {
        if (!port_write(port, tx)) {
            virtqueue_unpop(queue, tx);
            break;
        }
        port->sent = 0;
        virtqueue_push(queue, tx, 0);
    }
    virtqueue_notify(queue);
}

static void port_sent(void *device)
{
    port_send(device);
}

/* ---------------------------------------------------------------------------- control */

/* A port for people is always open outside; others are while somebody is there. */
static bool is_open_outside(const struct port *port)
{
    return port->is_console || (port->chardev && port->chardev->is_open);
}

static size_t make_message(const struct port *port, enum event event,
                           uint8_t message[MESSAGE + NAME])
{
    bool is_set = event == CONSOLE_PORT || (event == PORT_OPEN && is_open_outside(port));
    size_t name = event == PORT_NAME ? strlen(port->name) : 0;

    memset(message, 0, MESSAGE);
    message[AT_ID] = (uint8_t)port->number;
    message[AT_EVENT] = event;
    message[AT_VALUE] = is_set || name;
    if (name)
        memcpy(message + MESSAGE, port->name, name);
    return MESSAGE + name;
}

/* Says, in the order of their numbers, what there is to say of a port; false: there is no
 * room now. */
static bool say_of(struct port *port)
{
    struct console *console = port->console;
    struct virtqueue *queue = &console->virtio.queues[CONTROL_RX];
    uint8_t message[MESSAGE + NAME];

    for (unsigned event = 0; event < EVENTS; event++) {
        size_t size;

        if (!(port->to_say >> event & 1))
            continue;
        if (!virtqueue_pop(queue, &console->rx))
            return false;
        size = make_message(port, (enum event)event, message);
        port->to_say &= (uint8_t) ~(1u << event);
        size = virtio_chain_write(&console->rx, 0, message, size);
        virtqueue_push(queue, &console->rx, (uint32_t)size);
    }
    return true;
}

static void say(struct console *console)
{
    unsigned number = 0;

    if (!has_ports(console))
        return;
    while (number < PORTS && say_of(&console->ports[number]))
        number++;
    virtqueue_notify(&console->virtio.queues[CONTROL_RX]);
}

static void add_ports(struct console *console)
{
    for (unsigned i = 0; i < PORTS; i++)
        if (console->ports[i].is_there)
            console->ports[i].to_say = 1 << DEVICE_ADD;
}

static void begin_port(struct port *port)
{
    port->to_say |= 1 << PORT_OPEN;
    if (port->is_console)
        port->to_say |= 1 << CONSOLE_PORT;
    if (port->name)
        port->to_say |= 1 << PORT_NAME;
}

static void open_port(struct port *port, bool is_open)
{
    port->is_open = is_open;
    if (is_open)
        char_ready(port->chardev);
}

static void take_message(struct console *console, const uint8_t message[MESSAGE])
{
    uint32_t id =
        message[0] | message[1] << 8 | message[2] << 16 | (uint32_t)message[3] << 24;
    unsigned event = message[AT_EVENT] | (unsigned)message[AT_EVENT + 1] << 8;
    bool value = message[AT_VALUE] || message[AT_VALUE + 1];

    if (event == DEVICE_READY && value)
        add_ports(console);
    else if (event == DEVICE_READY)
        guest_error("%s: the driver cannot go on", console->virtio.dev.name);
    else if (id >= PORTS || !console->ports[id].is_there)
        guest_error("%s: event %u of port %lu, which there is not",
                    console->virtio.dev.name, event, (unsigned long)id);
    else if (event == PORT_READY && value)
        begin_port(&console->ports[id]);
    else if (event == PORT_OPEN)
        open_port(&console->ports[id], value);
}

static void take_messages(struct console *console)
{
    struct virtqueue *queue = &console->virtio.queues[CONTROL_TX];
    uint8_t message[MESSAGE];

    while (virtqueue_pop(queue, &console->tx)) {
        if (virtio_chain_read(&console->tx, 0, message, MESSAGE) == MESSAGE)
            take_message(console, message);
        virtqueue_push(queue, &console->tx, 0);
    }
    virtqueue_notify(queue);
    say(console);
}

/* Somebody came or went at the other end. */
static void port_event(void *device, enum char_event event)
{
    struct port *port = device;

    if ((event != CHAR_OPENED && event != CHAR_CLOSED) || port->is_console ||
        !virtio_is_running(&port->console->virtio))
        return;
    port->to_say |= 1 << PORT_OPEN;
    say(port->console);
}

static void console_handle_queue(struct virtio *virtio, struct virtqueue *queue)
{
    struct console *console = console_of(virtio);
    struct port *port = port_of(console, queue);

    if (queue->index == CONTROL_RX)
        say(console);
    else if (queue->index == CONTROL_TX)
        take_messages(console);
    else if (queue->index & 1)
        port_send(port);
    else
        char_ready(port->chardev);
}

static const struct char_user user = { port_room, port_receive, port_sent, port_event };

/* ------------------------------------------------------------------------------- life */

static uint64_t console_read(struct dev *dev, struct access at)
{
    const struct console *console = (const struct console *)dev;
    bool has_more = console->virtio.offered >> F_MULTIPORT & 1;

    return at.reg == MAX_PORTS ? access_part(at, has_more ? PORTS : 1) : 0;
}

/* The table lets through `emerg_wr` only: a character before there are queues. */
static void console_write_config(struct dev *dev, struct access at, uint64_t value)
{
    struct console *console = (struct console *)dev;
    uint8_t byte = value;

    if (at.byte == 0)
        char_write(console->ports[0].chardev, &byte, 1);
}

static void console_stop(struct virtio *virtio, struct virtqueue *queue)
{
    if (queue && queue->index & 1)
        port_of(console_of(virtio), queue)->sent = 0;
}

static void console_reset(struct virtio *virtio)
{
    for (unsigned i = 0; i < PORTS; i++) {
        struct port *port = &console_of(virtio)->ports[i];

        port->sent = 0;
        port->to_say = 0;
        port->is_open = false;
    }
}

static const struct virtio_type type = {
    .id = 3,
    .config_size = CONFIG_SIZE,
    .features = features,
    .handle_queue = console_handle_queue,
    .stop = console_stop,
    .reset = console_reset,
};

static int console_init(struct dev *dev, char *error, size_t size)
{
    struct console *console = (struct console *)dev;

    (void)error;
    (void)size;
    virtio_init(&console->virtio, &type, 1 << F_EMERG_WRITE);
    for (unsigned i = 0; i < 2 * (PORTS + 1); i++)
        virtio_add_queue(&console->virtio, QUEUE);
    for (unsigned i = 0; i < PORTS; i++) {
        console->ports[i].console = console;
        console->ports[i].number = i;
    }
    console->ports[0].chardev = console->chardev;
    char_connect(console->chardev, &user, &console->ports[0]);
    return 0;
}

/* What can be said is in the tables. */
static int console_loaded(struct dev *dev)
{
    struct console *console = (struct console *)dev;

    for (unsigned i = 0; i < PORTS; i++) {
        const struct port *port = &console->ports[i];

        if ((port->to_say && !port->is_there) ||
            (port->to_say >> PORT_NAME & 1 && !port->name))
            return -1;
    }
    return virtio_dev_loaded(dev);
}

static void console_destroy(struct dev *dev)
{
    struct console *console = (struct console *)dev;

    virtio_dev_destroy(dev);
    for (unsigned i = 0; i < PORTS; i++)
        char_connect(console->ports[i].chardev, NULL, NULL);
    virtio_chain_free(&console->rx);
    virtio_chain_free(&console->tx);
}

const struct dev_class virtio_console = {
    .name = "virtio-serial-device",
    .doc = "virtio console, or serial ports that are plugged into it",
    .bus = "virtio",
    .provides = "virtio-serial",
    .size = sizeof(struct console),
    .regs = regs,
    .fields = fields,
    .properties = properties,
    .state_version = 2,
    .init = console_init,
    .reset = virtio_dev_reset,
    .read = console_read,
    .write = console_write_config,
    .loaded = console_loaded,
    .destroy = console_destroy,
};

/* ------------------------------------------------------------------------------ ports */

/* Port 0 is for consoles, as drivers expect, and may be the console's own back end's. */
static struct port *find_port(struct console *console, const struct console_plug *plug)
{
    unsigned first = plug->is_console && !console->chardev ? 0 : 1, number = plug->number;

    if (number == CONSOLE_ANY)
        for (number = first; number < PORTS && console->ports[number].is_there;)
            number++;
    return number >= first && number < PORTS && !console->ports[number].is_there
               ? &console->ports[number]
               : NULL;
}

int virtio_console_plug(struct dev *dev, const struct console_plug *plug, char *error,
                        size_t size)
{
    struct console *console = (struct console *)dev;
    struct port *port;

    if (!dev || dev->class != &virtio_console) {
        snprintf(error, size, "want bus=ID of a virtio-serial device");
        return -1;
    }
    if (plug->name && (!*plug->name || strlen(plug->name) >= NAME)) {
        snprintf(error, size, "name=%s: want 1 to %d characters", plug->name, NAME - 1);
        return -1;
    }
    port = find_port(console, plug);
    if (!port) {
        snprintf(error, size,
                 "want nr=NUMBER of a free port, up to %d; 0 is of a virtconsole",
                 PORTS - 1);
        return -1;
    }
    port->is_there = true;
    port->is_console = plug->is_console;
    port->name = plug->name;
    port->chardev = plug->chardev;
    char_connect(port->chardev, &user, port);
    console->virtio.offered |= 1 << F_MULTIPORT;
    return 0;
}
