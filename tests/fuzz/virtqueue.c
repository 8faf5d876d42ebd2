/* virtqueue.c - fuzzes every virtio device through its queues.
 *
 * An input's first byte chooses the device, its transport and its kind of rings, what
 * follows are steps of four bytes: chains that make sense, bytes and descriptors that do
 * not, anywhere in the memory that has the rings, register accesses, events of the back
 * ends, resets, saves.  Nothing may crash or go on for ever, and a device that is reset
 * works: at the end of each input a chain goes through every queue. */
#define FUZZ_ROUND 16
#include "fuzz.h"

#include "dev/virtio_rig.h"

static FILE *quiet;

/* ---------------------------------------------------------------------- the back ends */

enum { DISK = 1 << 16 };

static uint8_t disk_bytes[DISK];
static struct block_request *disk_first, **disk_last;

static void disk_submit(struct block_backend *backend, struct block_request *request)
{
    (void)backend;
    request->next = NULL;
    *disk_last = request;
    disk_last = &request->next;
}

static void disk_do(struct block_request *request, int error)
{
    uint64_t at = request->offset, size = 0;

    if (at > DISK || request->size > DISK - at)
        abort(); /* past the end of the image */
    for (unsigned i = 0; i < request->span_count; i++) {
        const struct span *span = &request->spans[i];

        if (span->size > request->size - size)
            abort();
        if (request->op == BLOCK_READ)
            memcpy(span->base, disk_bytes + at + size, span->size);
        else
            memcpy(disk_bytes + at + size, span->base, span->size);
        size += span->size;
    }
    if (request->span_count && size != request->size)
        abort();
    request->done(request, error);
}

static void disk_work(unsigned count, int error)
{
    while (disk_first && count--) {
        struct block_request *request = disk_first;

        disk_first = request->next;
        if (!disk_first)
            disk_last = &disk_first;
        disk_do(request, error);
    }
}

static void disk_drain(struct block_backend *backend)
{
    (void)backend;
    while (disk_first)
        disk_work(1, 0);
}

static struct block_backend disk = { .size_bytes = DISK,
                                     .block_size = 512,
                                     .can_discard = true,
                                     .submit = disk_submit,
                                     .drain = disk_drain };

static uint8_t sent[1 << 16];

static void net_send(struct net_backend *backend, const struct span *spans,
                     unsigned count)
{
    size_t size = 0;

    (void)backend;
    for (unsigned i = 0; i < count; i++) {
        if (spans[i].size > sizeof(sent) - size)
            abort(); /* larger than any frame */
        memcpy(sent + size, spans[i].base, spans[i].size);
        size += spans[i].size;
    }
}

static struct net_backend net = { .send = net_send, .is_up = true };

/* ------------------------------------------------------------------------ the devices */

static const char *const kinds[] = { "virtio-blk-device", "virtio-net-device",
                                     "virtio-serial-device", "virtio-rng-device",
                                     "virtio-serial-device" };
enum { KINDS = 5, WITH_PORT = 4, QUEUES = 7 /* that the rig has room for */ };

static void add_port(struct vrig *v)
{
    v->port = rig_add(v->rig, dev_class_find("virtserialport"));
    rig_connect(v->port, "bus", v->device);
    rig_connect(v->port, "chardev", &v->rig->chardev);
    rig_set_of(v->port, "name", "port");
    rig_init_of(v->port);
}

static struct vrig *make(unsigned kind, bool is_pci)
{
    const struct dev_class *class = dev_class_find(kinds[kind]);
    struct vrig *v = is_pci ? vrig_new_pci(class) : vrig_new(class);

    disk_last = &disk_first;
    switch (kind) {
    case 0:
        vrig_connect(v, "drive", &disk);
        vrig_set(v, "num-queues", "3");
        break;
    case 1: vrig_connect(v, "netdev", &net); break;
    case 2: vrig_connect(v, "chardev", &v->rig->chardev); break;
    case 3: vrig_set(v, "max-bytes", "5000"); break;
    }
    vrig_set(v, "packed", "on");
    vrig_init(v);
    if (kind == WITH_PORT)
        add_port(v);
    v->ring_size = 8;
    return v;
}

static unsigned queues(struct vrig *v)
{
    unsigned count = vrig_virtio(v)->queue_count;

    return count < QUEUES ? count : QUEUES;
}

static uint64_t choose_features(struct vrig *v, uint8_t choice)
{
    uint64_t offered = vrig_offered(v);

    if (!(choice & 1))
        offered &= ~BIT(VIRTIO_F_RING_PACKED);
    if (!(choice & 2))
        offered &= ~BIT(VIRTIO_F_EVENT_IDX);
    if (!(choice & 4))
        offered &= ~BIT(VIRTIO_F_INDIRECT_DESC);
    return offered;
}

/* ------------------------------------------------------------------------------ steps */

static void post_something(struct vrig *v, const uint8_t *b)
{
    static const uint64_t sectors[] = { 0,   1,   2,          8,           126,
                                        127, 128, UINT64_MAX, BIT(55) - 1, BIT(55) };
    static const uint8_t types[] = { 0, 1, 4, 8, 11, 13, 5, 255 };
    static const uint32_t sizes[] = { 1, 16, 512, 1024, 511, 0, 2048, 14 };
    unsigned count = 1 + b[2] % 4, queue = b[1] % queues(v), in = b[2] >> 2 & 3;
    struct buffer buffers[4];

    /* A header of blk, and a command of net's control queue. */
    put(v, DATA, 4, types[b[3] >> 1 & 7]);
    put(v, DATA + 8, 8, sectors[(b[3] >> 4) % 10]);
    put(v, DATA + 0x800, 8, sectors[(b[0] >> 4) % 10]);
    put(v, DATA + 0x808, 8, b[1]);
    for (unsigned i = 0; i < count; i++)
        buffers[i] =
            (struct buffer){ DATA + 0x800 * i, i ? sizes[((b[2] >> 4) + i) & 7] : 16u,
                             i > in || (i && i + 1 == count) };
    if (b[3] & 1)
        post_indirect(v, queue, buffers, count);
    else
        post(v, queue, buffers, count);
}

static void damage(struct vrig *v, const uint8_t *b)
{
    struct ring *ring = &v->rings[b[1] % queues(v)];
    static const uint64_t odd[] = { 0,          1,          0x7f,       0xffff,
                                    0x10000,    0xffffffff, UINT64_MAX, DATA,
                                    RIG_MEMORY, 0x8000,     16,         RIG_MEMORY - 8 };
    uint64_t at = ring->base + b[2] * 8u, value = odd[b[3] % 12];

    switch (b[0] >> 4 & 3) {
    case 0: put(v, at % (RIG_MEMORY - 8), 1u << (b[3] >> 6), value); break;
    case 1: put(v, at, 1, b[3]); break;
    case 2: put(v, ring->base + RING_DRIVER + b[2] % 40u, 1, b[3]); break;
    default: /* a descriptor, and the ring begins with it */
        put_desc(v, ring->base + 16u * (b[2] % 8), b[3] & 0x80 ? value : (uint64_t)DATA,
                 16u * (b[3] >> 5), (b[2] >> 3 & 7) | 1 << 7, b[3] % 9);
        if (!is_packed(v) && (b[2] & 0x80))
            post_head(v, ring, b[2] % 8);
        break;
    }
}

static void outside(struct vrig *v, const uint8_t *b)
{
    const struct char_user *user = v->rig->chardev.user;
    static uint8_t frame[2000];

    switch (b[1] & 3) {
    case 0: disk_work(b[2] & 7, b[3] & 3 ? 0 : 5); break;
    case 1:
        memset(frame, b[3], sizeof(frame));
        if (net.user && net.device == v->device && net.user->can_receive(net.device))
            net.user->receive(net.device, frame, b[2] * 7u);
        break;
    case 2:
        if (user && user->room(v->rig->chardev.device))
            user->receive(v->rig->chardev.device, b + 3, 1);
        v->rig->sent_count = 0;
        v->rig->sent_limit = b[2];
        if (user)
            user->sent(v->rig->chardev.device);
        break;
    default: rig_pass(v->rig, UINT64_C(1) << b[2] % 40); break;
    }
}

static void save_and_load(struct vrig *v, const uint8_t *b)
{
    struct dev_state state = { 0 };

    dev_save(v->device, &state);
    if (b[1] & 1)
        state.bytes[(b[2] * 251u + b[3]) % state.size] ^= 1u << (b[2] & 7);
    if (dev_load(v->device, state.bytes, state.size) < 0) {
        if (!(b[1] & 1))
            abort(); /* its own state is refused */
        dev_reset(v->device);
    }
    free(state.bytes);
}

static void step(struct vrig *v, const uint8_t *b)
{
    switch (b[0] & 15) {
    case 0:
    case 1:
    case 2:
    case 3: post_something(v, b); break;
    case 4:
    case 5:
    case 6: kick(v, b[1] % (queues(v) + 1)); break;
    case 7:
    case 8: damage(v, b); break;
    case 9: m_write(v, b[1] & ~3u, b[2] | b[3] << 8); break;
    case 10: m_write_size(v, M_CONFIG + b[1] % 64, 1u << (b[2] & 3), b[3]); break;
    case 11: m_read_size(v, M_CONFIG + b[1] % 64, 1u << (b[2] & 3)); break;
    case 12:
    case 13: outside(v, b); break;
    case 14:
        if (b[1] < 64)
            vrig_start(v, choose_features(v, b[2]), queues(v));
        else if (b[1] < 96)
            save_and_load(v, b);
        break;
    default:
        if (b[1] < 32)
            m_write(v, M_STATUS, b[2]);
        else if (b[1] < 40)
            dev_reset(v->device);
        break;
    }
}

/* After a reset it works. */
static void check_recovery(struct vrig *v, uint8_t choice)
{
    struct buffer buffers[] = { { DATA, 16, false }, { DATA + 0x800, 513, true } };

    vrig_start(v, choose_features(v, choice), queues(v));
    v->rig->sent_limit = RIG_SENT;
    v->rig->sent_count = 0;
    rig_pass(v->rig, UINT64_C(1) << 60);
    memset(v->rig->memory + DATA, 0, 16);
    for (unsigned i = 0; i < queues(v); i++) {
        post(v, i, buffers, 2);
        kick(v, i);
    }
    disk_drain(&disk);
    if (needs_reset(v)) {
        printf("%s: does not recover\n", v->device->class->name);
        abort();
    }
}

static void fuzz_one(const uint8_t *data, size_t size)
{
    struct vrig *v;

    if (!quiet)
        quiet = freopen("/dev/null", "w", stderr); /* the guest's errors */
    if (!size)
        return;
    v = make(data[0] % KINDS, data[0] / KINDS & 8);
    vrig_start(v, choose_features(v, data[0] / KINDS), queues(v));
    for (size_t at = 1; at + 4 <= size; at += 4)
        step(v, data + at);
    check_recovery(v, data[0] / KINDS);
    vrig_free(v);
}
