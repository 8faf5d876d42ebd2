/* virtio_port.c - ports that are plugged into a virtio console: all that they do is
 * there.
 *
 * Spec: virtio 1.2, section 5.3 "Console Device". */
#include "dev/virtio_console.h"

struct port {
    struct dev dev;
    struct dev *bus;
    struct char_backend *chardev;
    const char *name;
    uint32_t nr;
};

static const struct property properties[] = {
    PROPERTY(DEV, struct port, bus, "the virtio-serial device"),
    PROPERTY(CHARDEV, struct port, chardev, "what is at the other end"),
    PROPERTY(STRING, struct port, name, "what the guest calls it"),
    PROPERTY(U32, struct port, nr, "its number; not said: the first free one",
             CONSOLE_ANY),
    { 0 },
};

static int plug(struct dev *dev, bool is_console, char *error, size_t size)
{
    const struct port *port = (const struct port *)dev;
    struct console_plug plug = { is_console, port->nr, port->name, port->chardev };

    return virtio_console_plug(port->bus, &plug, error, size);
}

static int virtconsole_init(struct dev *dev, char *error, size_t size)
{
    return plug(dev, true, error, size);
}

static int virtserialport_init(struct dev *dev, char *error, size_t size)
{
    return plug(dev, false, error, size);
}

const struct dev_class virtconsole = {
    .name = "virtconsole",
    .doc = "a port of a virtio-serial device, for people (hvc0)",
    .bus = "virtio-serial",
    .size = sizeof(struct port),
    .properties = properties,
    .init = virtconsole_init,
};

const struct dev_class virtserialport = {
    .name = "virtserialport",
    .doc = "a port of a virtio-serial device, for programs (virtio-ports/NAME)",
    .bus = "virtio-serial",
    .size = sizeof(struct port),
    .properties = properties,
    .init = virtserialport_init,
};
