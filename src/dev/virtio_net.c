/* virtio_net.c - the virtio network card.
 *
 * Frames carry a header of 12 bytes, which is all zeros but for the number of buffers of
 * a received frame: nothing is offloaded.
 *
 * Spec: virtio 1.2, section 5.1 "Network Device".
 * Not modelled: checksum and segmentation offloads, several pairs of queues, VLANs,
 * announcements. */
#include "dev/virtio.h"

#include <stdio.h>
#include <string.h>

enum { MAC = 0, STATUS = 6, MAX_PAIRS = 8, MTU = 10, CONFIG_SIZE = 12 };

/* clang-format off */
static const struct reg regs[] = {
    { MAC,       1,     RO, "mac%u", .count = 6     },
    { STATUS,    1 | 2, RO, "status"                },
    { MAX_PAIRS, 1 | 2, RO, "max_virtqueue_pairs"   },
    { MTU,       1 | 2, RO, "mtu"                   },
    { 0 },
};

enum {
    F_MTU = 3, F_MAC = 5, F_MRG_RXBUF = 15, F_STATUS = 16, F_CTRL_VQ = 17, F_CTRL_RX = 18,
    F_CTRL_RX_EXTRA = 20, F_CTRL_MAC_ADDR = 23,
};
static const struct virtio_feature features[] = {
    { F_MTU,           "MTU"           },
    { F_MAC,           "MAC"           },
    { F_MRG_RXBUF,     "MRG_RXBUF"     },
    { F_STATUS,        "STATUS"        },
    { F_CTRL_VQ,       "CTRL_VQ"       },
    { F_CTRL_RX,       "CTRL_RX"       },
    { F_CTRL_RX_EXTRA, "CTRL_RX_EXTRA" },
    { F_CTRL_MAC_ADDR, "CTRL_MAC_ADDR" },
    { 0 },
};
/* clang-format on */

enum { RX = 0, TX = 1, CONTROL = 2 };
enum { HEADER = 12, NUM_BUFFERS = 10 };
enum { MAC_BYTES = 6, MACS = 64, FRAME_MIN = 14, FRAME_MAX = 65535 };
enum { PIECES = 64 }; /* chains of one received frame, spans of one that is sent */

/* Commands of the control queue: class, then number. */
enum { CLASS_RX = 0, CLASS_MAC = 1, MAC_TABLE_SET = 0, MAC_ADDR_SET = 1 };
enum { ACK_OK = 0, ACK_ERROR = 1 };
/* Commands of CLASS_RX, and the bits of `mode`. */
enum { PROMISC = 0, ALLMULTI, ALLUNI, NOMULTI, NOUNI, NOBCAST, MODES };

struct net {
    struct virtio virtio;
    struct net_backend *netdev;
    char *mac_text;
    uint32_t mtu, rx_size, tx_size;
    uint8_t first_mac[MAC_BYTES]; /* that it begins with */
    bool is_up;
    struct virtio_chain rx[PIECES], tx;
    /* saved */
    uint8_t mac[MAC_BYTES];
    uint8_t mode;
    uint8_t macs[MACS * MAC_BYTES]; /* whose frames are received besides its own */
    uint32_t unicast, macs_used;    /* how many are not groups; how many in all */
    bool too_many_unicast, too_many_groups; /* to keep: all are received */
};

static const struct field fields[] = {
    VIRTIO_FIELDS(struct net),
    FIELD_ARRAY(struct net, mac),
    FIELD(struct net, mode),
    FIELD_ARRAY(struct net, macs),
    FIELD(struct net, unicast),
    FIELD(struct net, macs_used),
    FIELD(struct net, too_many_unicast),
    FIELD(struct net, too_many_groups),
    { 0 },
};

static const struct property properties[] = {
    PROPERTY(NETDEV, struct net, netdev, "the network"),
    { "mac", PROPERTY_STRING, offsetof(struct net, mac_text), "address, 6 hex bytes" },
    { "host_mtu", PROPERTY_U32, offsetof(struct net, mtu),
      "largest packet, told to the driver (0: it is not)", 0, 0, 65535 },
    { "rx_queue_size", PROPERTY_U32, offsetof(struct net, rx_size),
      "descriptors: a power of two", 256, 64, VIRTQUEUE_MAX },
    { "tx_queue_size", PROPERTY_U32, offsetof(struct net, tx_size),
      "descriptors: a power of two", 256, 64, VIRTQUEUE_MAX },
    VIRTIO_PROPERTIES(struct net),
    { 0 },
};

static struct net *net_of(struct virtio *virtio)
{
    return (struct net *)virtio;
}

static bool has_mode(const struct net *net, unsigned mode)
{
    return net->mode >> mode & 1;
}

/* -------------------------------------------------------------------------- receiving */

static bool is_in_table(const struct net *net, const uint8_t *mac, uint32_t from,
                        uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (!memcmp(net->macs + i * MAC_BYTES, mac, MAC_BYTES))
            return true;
    return false;
}

/* Whether the driver wants a frame to this address. */
static bool wants(const struct net *net, const uint8_t *to)
{
    static const uint8_t all[MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

    if (has_mode(net, PROMISC))
        return true;
    if (!memcmp(to, all, MAC_BYTES))
        return !has_mode(net, NOBCAST);
    if (to[0] & 1)
        return !has_mode(net, NOMULTI) &&
               (has_mode(net, ALLMULTI) || net->too_many_groups ||
                is_in_table(net, to, net->unicast, net->macs_used));
    return !has_mode(net, NOUNI) &&
           (has_mode(net, ALLUNI) || net->too_many_unicast ||
            !memcmp(to, net->mac, MAC_BYTES) || is_in_table(net, to, 0, net->unicast));
}

static bool net_can_receive(void *device)
{
    struct net *net = device;

    return net->is_up && virtio_is_running(&net->virtio) &&
           !virtqueue_is_empty(&net->virtio.queues[RX]);
}

/* Takes as many chains as the frame needs; 0: there are not enough. */
static unsigned take_chains(struct net *net, size_t size)
{
    struct virtqueue *queue = &net->virtio.queues[RX];
    unsigned most = virtio_has(&net->virtio, F_MRG_RXBUF) ? PIECES : 1, count = 0;
    uint64_t room = 0;

    while (room < size && count < most && virtqueue_pop(queue, &net->rx[count])) {
        if (count == 0 && net->rx[0].in_size < HEADER) {
            virtqueue_fail(queue, "a buffer without room for the header");
            return 0;
        }
        room += net->rx[count++].in_size;
    }
    if (room >= size)
        return count;
    while (count)
        virtqueue_unpop(queue, &net->rx[--count]);
    return 0;
}

static void fill(struct net *net, unsigned chains, const uint8_t *frame, size_t size)
{
    struct virtqueue *queue = &net->virtio.queues[RX];
    uint8_t header[HEADER] = { [NUM_BUFFERS] = chains, [NUM_BUFFERS + 1] = chains >> 8 };
    size_t at = virtio_chain_write(&net->rx[0], 0, header, HEADER);

    for (unsigned i = 0; i < chains; i++) {
        size_t part = virtio_chain_write(&net->rx[i], at, frame, size);

        frame += part;
        size -= part;
        virtqueue_fill(queue, &net->rx[i], at + part);
        at = 0;
    }
    virtqueue_flush(queue);
    virtqueue_notify(queue);
}

static bool net_receive(void *device, const uint8_t *frame, size_t size)
{
    struct net *net = device;
    unsigned chains;

    if (size < FRAME_MIN || size > FRAME_MAX || !net->is_up ||
        !virtio_is_running(&net->virtio))
        return false;
    if (!wants(net, frame))
        return true;
    chains = take_chains(net, HEADER + size);
    if (chains)
        fill(net, chains, frame, size);
    return chains != 0;
}

static void net_link(void *device, bool is_up)
{
    struct net *net = device;

    if (net->is_up == is_up)
        return;
    net->is_up = is_up;
    virtio_config_changed(&net->virtio);
}

static const struct net_user user = { net_can_receive, net_receive, net_link };

/* ---------------------------------------------------------------------------- sending */

static void send(struct net *net, struct virtio_chain *chain)
{
    struct span *spans = chain->spans;
    uint8_t header[HEADER];
    unsigned count;

    /* One that asks for what was not offered would leave with a wrong checksum. */
    if (virtio_chain_read(chain, 0, header, HEADER) != HEADER || header[0] || header[1] ||
        chain->out_size < HEADER + FRAME_MIN || chain->out_size > HEADER + FRAME_MAX ||
        !net->is_up || !net->netdev)
        return;
    count = span_cut(&spans, chain->out_count, HEADER, chain->out_size - HEADER);
    net->netdev->send(net->netdev, spans, count);
}

static void handle_tx(struct net *net, struct virtqueue *queue)
{
    while (virtqueue_pop(queue, &net->tx)) {
        send(net, &net->tx);
        virtqueue_push(queue, &net->tx, 0);
    }
    virtqueue_notify(queue);
}

/* ---------------------------------------------------------------------- control queue */

static uint32_t number(const uint8_t bytes[4])
{
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* One list of the table: a count, then addresses.  What does not fit is not kept. */
static bool read_macs(struct net *net, const struct virtio_chain *chain, uint64_t *at,
                      bool *too_many)
{
    uint8_t bytes[4];
    uint64_t size;

    if (virtio_chain_read(chain, *at, bytes, 4) != 4)
        return false;
    *at += 4;
    size = (uint64_t)number(bytes) * MAC_BYTES;
    if (size > chain->out_size - *at)
        return false;
    *too_many = size / MAC_BYTES > MACS - net->macs_used;
    if (!*too_many) {
        virtio_chain_read(chain, *at, net->macs + net->macs_used * MAC_BYTES, size);
        net->macs_used += size / MAC_BYTES;
    }
    *at += size;
    return true;
}

static bool set_macs(struct net *net, const struct virtio_chain *chain)
{
    uint64_t at = 2;

    net->macs_used = net->unicast = 0;
    net->too_many_unicast = net->too_many_groups = false;
    if (!read_macs(net, chain, &at, &net->too_many_unicast))
        return false;
    net->unicast = net->macs_used;
    return read_macs(net, chain, &at, &net->too_many_groups) && at == chain->out_size;
}

static bool control(struct net *net, const struct virtio_chain *chain)
{
    uint8_t bytes[2 + MAC_BYTES] = { 0 };
    size_t size = virtio_chain_read(chain, 0, bytes, sizeof(bytes));

    if (size < 2)
        return false;
    if (bytes[0] == CLASS_RX && bytes[1] < MODES && chain->out_size == 3) {
        if (!virtio_has(&net->virtio, bytes[1] < ALLUNI ? F_CTRL_RX : F_CTRL_RX_EXTRA))
            return false;
        net->mode &= ~(1u << bytes[1]);
        net->mode |= (bytes[2] != 0) << bytes[1];
        return true;
    }
    if (bytes[0] == CLASS_MAC && bytes[1] == MAC_TABLE_SET)
        return virtio_has(&net->virtio, F_CTRL_RX) && set_macs(net, chain);
    if (bytes[0] == CLASS_MAC && bytes[1] == MAC_ADDR_SET && chain->out_size == 8 &&
        virtio_has(&net->virtio, F_CTRL_MAC_ADDR)) {
        memcpy(net->mac, bytes + 2, MAC_BYTES);
        return true;
    }
    return false;
}

static void handle_control(struct net *net, struct virtqueue *queue)
{
    while (virtqueue_pop(queue, &net->tx)) {
        uint8_t ack = control(net, &net->tx) ? ACK_OK : ACK_ERROR;

        virtqueue_push(queue, &net->tx, virtio_chain_write(&net->tx, 0, &ack, 1));
    }
    virtqueue_notify(queue);
}

static void net_handle_queue(struct virtio *virtio, struct virtqueue *queue)
{
    struct net *net = net_of(virtio);

    switch (queue->index) {
    case RX:
        if (net->netdev && net->netdev->ready)
            net->netdev->ready(net->netdev);
        break;
    case TX: handle_tx(net, queue); break;
    case CONTROL: handle_control(net, queue); break;
    }
}

/* ------------------------------------------------------------------------------- life */

static uint64_t net_read(struct dev *dev, struct access at)
{
    const struct net *net = (const struct net *)dev;

    switch (at.reg) {
    case MAC: return net->mac[at.index];
    case STATUS: return access_part(at, net->is_up);
    case MAX_PAIRS: return access_part(at, 1);
    case MTU: return access_part(at, net->mtu);
    }
    return 0;
}

static void net_reset(struct virtio *virtio)
{
    struct net *net = net_of(virtio);

    memcpy(net->mac, net->first_mac, MAC_BYTES);
    net->mode = 1 << PROMISC; /* until the driver says what it wants */
    net->macs_used = net->unicast = 0;
    net->too_many_unicast = net->too_many_groups = false;
}

static const struct virtio_type type = {
    .id = 1,
    .config_size = CONFIG_SIZE,
    .features = features,
    .handle_queue = net_handle_queue,
    .reset = net_reset,
};

/* 52:54:00:12:34:56 */
static bool parse_mac(const char *text, uint8_t mac[MAC_BYTES])
{
    for (unsigned i = 0; i < 2 * MAC_BYTES; i++, text++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit;

        if (i && i % 2 == 0 && *text++ != ':')
            return false;
        digit = *text ? strchr(digits, *text >= 'A' && *text <= 'F' ? *text + 32 : *text)
                      : NULL;
        if (!digit)
            return false;
        mac[i / 2] = mac[i / 2] << 4 | (digit - digits);
    }
    return !*text && !(mac[0] & 1); /* not of a group */
}

static int net_init(struct dev *dev, char *error, size_t size)
{
    static const uint8_t usual[MAC_BYTES] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
    struct net *net = (struct net *)dev;
    uint64_t offered = 1 << F_MAC | 1 << F_MRG_RXBUF | 1 << F_STATUS | 1 << F_CTRL_VQ |
                       1 << F_CTRL_RX | 1 << F_CTRL_RX_EXTRA | 1 << F_CTRL_MAC_ADDR |
                       (net->mtu ? 1 << F_MTU : 0);
    bool has_mac = net->netdev && net->netdev->has_mac;

    memcpy(net->first_mac, has_mac ? net->netdev->mac : usual, MAC_BYTES);
    if (net->mac_text && !parse_mac(net->mac_text, net->first_mac)) {
        snprintf(error, size, "mac is six bytes as in 52:54:00:12:34:56, not `%s`",
                 net->mac_text);
        return -1;
    }
    if (!virtio_is_queue_size(net->rx_size) || !virtio_is_queue_size(net->tx_size)) {
        snprintf(error, size, "a queue's size is a power of two");
        return -1;
    }
    virtio_init(&net->virtio, &type, offered);
    virtio_add_queue(&net->virtio, net->rx_size);
    virtio_add_queue(&net->virtio, net->tx_size);
    virtio_add_queue(&net->virtio, 64);
    net->is_up = net->netdev && net->netdev->is_up;
    if (net->netdev) {
        net->netdev->user = &user;
        net->netdev->device = net;
    }
    return 0;
}

static int net_loaded(struct dev *dev)
{
    struct net *net = (struct net *)dev;

    if (net->macs_used > MACS || net->unicast > net->macs_used)
        return -1;
    return virtio_dev_loaded(dev);
}

static void net_destroy(struct dev *dev)
{
    struct net *net = (struct net *)dev;

    virtio_dev_destroy(dev);
    if (net->netdev)
        net->netdev->user = NULL;
    for (unsigned i = 0; i < PIECES; i++)
        virtio_chain_free(&net->rx[i]);
    virtio_chain_free(&net->tx);
}

const struct dev_class virtio_net = {
    .name = "virtio-net-device",
    .doc = "virtio network card",
    .bus = "virtio",
    .size = sizeof(struct net),
    .regs = regs,
    .fields = fields,
    .properties = properties,
    .state_version = 1,
    .init = net_init,
    .reset = virtio_dev_reset,
    .read = net_read,
    .loaded = net_loaded,
    .destroy = net_destroy,
};
