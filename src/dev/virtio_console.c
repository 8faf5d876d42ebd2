/* virtio_console.c - the virtio console: one port on a character back end.
 *
 * Spec: virtio 1.2, section 5.3 "Console Device".
 * Not modelled: more ports, the size of the terminal. */
#include "dev/virtio.h"

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

enum { F_EMERG_WRITE = 2 };
static const struct virtio_feature features[] = {
    { F_EMERG_WRITE, "EMERG_WRITE" },
    { 0 },
};

enum { RX = 0, TX = 1, QUEUE = 128 };

struct console {
    struct virtio virtio;
    struct char_backend *chardev;
    struct virtio_chain rx, tx;
    /* saved */
    uint64_t sent; /* bytes of the next chain to send that have left already */
};

static const struct field fields[] = {
    VIRTIO_FIELDS(struct console),
    FIELD(struct console, sent),
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

/* -------------------------------------------------------------------------- receiving */

/* The room of the next chain; chains without any go back. */
static size_t console_room(void *device)
{
    struct console *console = device;
    struct virtqueue *queue = &console->virtio.queues[RX];

    for (unsigned i = 0; i < QUEUE && virtqueue_pop(queue, &console->rx); i++) {
        uint64_t room = console->rx.in_size;

        if (room) {
            virtqueue_unpop(queue, &console->rx);
            return room < UINT16_MAX ? room : UINT16_MAX;
        }
        virtqueue_push(queue, &console->rx, 0);
    }
    return 0;
}

static void console_receive(void *device, const uint8_t *bytes, size_t count)
{
    struct console *console = device;
    struct virtqueue *queue = &console->virtio.queues[RX];

    while (count && virtqueue_pop(queue, &console->rx)) {
        size_t part = virtio_chain_write(&console->rx, 0, bytes, count);

        virtqueue_push(queue, &console->rx, part);
        bytes += part;
        count -= part;
    }
    virtqueue_notify(queue);
}

/* ---------------------------------------------------------------------------- sending */

/* Hands on what the back end takes of a chain: whether that was all of it. */
static bool console_write(struct console *console, const struct virtio_chain *chain)
{
    uint64_t skip = console->sent;

    for (unsigned i = 0; i < chain->out_count; i++) {
        const struct span *span = &chain->spans[i];
        size_t size, taken;

        if (skip >= span->size) {
            skip -= span->size;
            continue;
        }
        size = span->size - skip;
        taken = char_write(console->chardev, (const uint8_t *)span->base + skip, size);
        console->sent += taken;
        skip = 0;
        if (taken < size)
            return false;
    }
    return true;
}

static void console_send(struct console *console)
{
    struct virtqueue *queue = &console->virtio.queues[TX];

    while (virtqueue_pop(queue, &console->tx)) {
        if (!console_write(console, &console->tx)) {
            virtqueue_unpop(queue, &console->tx);
            break;
        }
        console->sent = 0;
        virtqueue_push(queue, &console->tx, 0);
    }
    virtqueue_notify(queue);
}

static void console_sent(void *device)
{
    console_send(device);
}

static void console_handle_queue(struct virtio *virtio, struct virtqueue *queue)
{
    struct console *console = console_of(virtio);

    if (queue->index == TX)
        console_send(console);
    else
        char_ready(console->chardev);
}

static const struct char_user user = { console_room, console_receive, console_sent,
                                       NULL };

/* ------------------------------------------------------------------------------- life */

static uint64_t console_read(struct dev *dev, struct access at)
{
    (void)dev;
    return at.reg == MAX_PORTS ? access_part(at, 1) : 0;
}

/* The table lets through `emerg_wr` only: a character before there are queues. */
static void console_write_config(struct dev *dev, struct access at, uint64_t value)
{
    struct console *console = (struct console *)dev;
    uint8_t byte = value;

    if (at.byte == 0)
        char_write(console->chardev, &byte, 1);
}

static void console_stop(struct virtio *virtio, struct virtqueue *queue)
{
    if (queue && queue->index == TX)
        console_of(virtio)->sent = 0;
}

static void console_reset(struct virtio *virtio)
{
    console_of(virtio)->sent = 0;
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
    virtio_add_queue(&console->virtio, QUEUE);
    virtio_add_queue(&console->virtio, QUEUE);
    char_connect(console->chardev, &user, console);
    return 0;
}

static void console_destroy(struct dev *dev)
{
    struct console *console = (struct console *)dev;

    virtio_dev_destroy(dev);
    char_connect(console->chardev, NULL, NULL);
    virtio_chain_free(&console->rx);
    virtio_chain_free(&console->tx);
}

const struct dev_class virtio_console = {
    .name = "virtio-serial-device",
    .doc = "virtio console",
    .bus = "virtio",
    .size = sizeof(struct console),
    .regs = regs,
    .fields = fields,
    .properties = properties,
    .state_version = 1,
    .init = console_init,
    .reset = virtio_dev_reset,
    .read = console_read,
    .write = console_write_config,
    .loaded = virtio_dev_loaded,
    .destroy = console_destroy,
};
