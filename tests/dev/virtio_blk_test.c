/* virtio_blk_test.c - the virtio disk, on a back end that does what it is told when it is
 * told. */
#include "dev/virtio_rig.h"

#include <check.h>
#include <errno.h>

/* ---------------------------------------------------------------------- the back end */

enum { DISK = 64 * 512 };

struct disk {
    struct block_backend backend;
    uint8_t bytes[DISK];
    struct block_request *first, **last;
    unsigned flushes, discards, zeroes, submits;
    bool may_unmap;
    int error; /* of all requests */
    bool hold; /* nothing is done before drain */
};

static void disk_copy(struct disk *disk, struct block_request *request, bool is_write)
{
    uint8_t *at = disk->bytes + request->offset;

    for (unsigned i = 0; i < request->span_count; i++) {
        const struct span *span = &request->spans[i];

        memcpy(is_write ? (void *)at : span->base, is_write ? span->base : (void *)at,
               span->size);
        at += span->size;
    }
    ck_assert_uint_eq(at - disk->bytes, request->offset + request->size);
}

static void disk_do(struct disk *disk, struct block_request *request)
{
    ck_assert_uint_le(request->offset, DISK);
    ck_assert_uint_le(request->size, DISK - request->offset);
    switch (request->op) {
    case BLOCK_READ: disk_copy(disk, request, false); break;
    case BLOCK_WRITE: disk_copy(disk, request, true); break;
    case BLOCK_FLUSH: disk->flushes++; break;
    case BLOCK_DISCARD: disk->discards++; break;
    case BLOCK_ZEROES:
        disk->zeroes++;
        disk->may_unmap = request->may_unmap;
        memset(disk->bytes + request->offset, 0, request->size);
        break;
    }
    request->done(request, disk->error);
}

static void disk_submit(struct block_backend *backend, struct block_request *request)
{
    struct disk *disk = (struct disk *)backend;

    disk->submits++;
    request->next = NULL;
    *disk->last = request;
    disk->last = &request->next;
}

static void disk_drain(struct block_backend *backend)
{
    struct disk *disk = (struct disk *)backend;

    while (disk->first) {
        struct block_request *request = disk->first;

        disk->first = request->next;
        if (!disk->first)
            disk->last = &disk->first;
        disk_do(disk, request);
    }
}

static struct disk disk;

static struct vrig *new_blk(const char *property, const char *value)
{
    struct vrig *v = vrig_new(dev_class_find("virtio-blk-device"));

    disk.last = &disk.first;
    disk.backend.submit = disk_submit;
    disk.backend.drain = disk_drain;
    if (!disk.backend.size_bytes)
        disk.backend.size_bytes = DISK;
    if (!disk.backend.block_size)
        disk.backend.block_size = 512;
    disk.backend.can_discard = true;
    for (unsigned i = 0; i < DISK; i++)
        disk.bytes[i] = i / 512 + i;
    vrig_connect(v, "drive", &disk.backend);
    vrig_set(v, "packed", "on");
    if (property)
        vrig_set(v, property, value);
    vrig_init(v);
    return v;
}

enum { F_RO = 5, F_FLUSH = 9, F_WCE = 11, F_MQ = 12, F_DISCARD = 13, F_ZEROES = 14 };
enum { T_IN, T_OUT, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_ZEROES = 13 };
enum { HEADER = DATA, BODY = DATA + 0x100, STATUS = DATA + 0x3000 };

static struct vrig *started(uint64_t features)
{
    struct vrig *v = new_blk(NULL, NULL);

    vrig_start(v, features, 1);
    return v;
}

static void put_header(struct vrig *v, uint32_t type, uint64_t sector)
{
    put(v, HEADER, 8, type);
    put(v, HEADER + 8, 8, sector);
    put(v, STATUS, 1, 0xee);
}

/* Adds a request with `size` bytes at BODY. */
static void request(struct vrig *v, uint32_t type, uint64_t sector, uint32_t size)
{
    struct buffer buffers[] = { { HEADER, 16, false },
                                { BODY, size, type == T_IN || type == T_GET_ID },
                                { STATUS, 1, true } };

    put_header(v, type, sector);
    if (!size)
        buffers[1] = buffers[2];
    post(v, 0, buffers, size ? 3 : 2);
    kick(v, 0);
}

/* Its status once the back end has done all. */
static unsigned status(struct vrig *v)
{
    uint32_t length;
    unsigned id;

    disk_drain(&disk.backend);
    ck_assert(used(v, 0, &id, &length));
    ck_assert_uint_eq(interrupted(v), 1);
    return get(v, STATUS, 1);
}

/* ------------------------------------------------------------------------- what works */

START_TEST(it_reads)
{
    static const uint64_t choices[] = { 0, BIT(VIRTIO_F_RING_PACKED) };

    for (unsigned i = 0; i < 2; i++) {
        struct vrig *v = started(choices[i]);

        for (unsigned n = 0; n < 20; n++) {
            request(v, T_IN, n + 3, 1024);
            ck_assert_uint_eq(status(v), 0);
            ck_assert_mem_eq(v->rig->memory + BODY, disk.bytes + (n + 3) * 512, 1024);
        }
        vrig_free(v);
    }
}
END_TEST

START_TEST(it_writes)
{
    struct vrig *v = started(BIT(F_FLUSH));

    memset(v->rig->memory + BODY, 0x5a, 512);
    request(v, T_OUT, 63, 512);
    ck_assert_uint_eq(status(v), 0);
    ck_assert_mem_eq(v->rig->memory + BODY, disk.bytes + 63 * 512, 512);
    ck_assert_uint_eq(disk.flushes, 0);
    request(v, T_FLUSH, 0, 0);
    ck_assert_uint_eq(status(v), 0);
    ck_assert_uint_eq(disk.flushes, 1);
    vrig_free(v);
}
END_TEST

START_TEST(requests_may_be_cut_anywhere)
{
    struct vrig *v = started(BIT(F_FLUSH));
    struct buffer out[] = { { HEADER, 3, false },         { HEADER + 3, 5, false },
                            { HEADER + 8, 8 + 0, false }, { BODY, 1, false },
                            { BODY + 1, 510, false },     { BODY + 511, 1, false },
                            { STATUS, 1, true } };
    struct buffer in[] = {
        { HEADER, 16, false }, { BODY, 100, true }, { BODY + 0x800, 413, true }
    }; /* the status is its last byte */
    uint32_t length;
    unsigned id;

    for (unsigned i = 0; i < 512; i++)
        v->rig->memory[BODY + i] = i * 7;
    put_header(v, T_OUT, 5);
    post(v, 0, out, 7);
    kick(v, 0);
    ck_assert_uint_eq(status(v), 0);
    ck_assert_mem_eq(v->rig->memory + BODY, disk.bytes + 5 * 512, 512);
    put_header(v, T_IN, 5);
    put(v, BODY + 0x800 + 412, 1, 0xee);
    post(v, 0, in, 3);
    kick(v, 0);
    disk_drain(&disk.backend);
    ck_assert(used(v, 0, &id, &length));
    ck_assert_uint_eq(length, 513);
    ck_assert_mem_eq(v->rig->memory + BODY, disk.bytes + 5 * 512, 100);
    ck_assert_mem_eq(v->rig->memory + BODY + 0x800, disk.bytes + 5 * 512 + 100, 412);
    ck_assert_uint_eq(get(v, BODY + 0x800 + 412, 1), 0);
    vrig_free(v);
}
END_TEST

START_TEST(many_are_under_way_at_once)
{
    struct vrig *v = started(0);
    uint32_t length;
    unsigned id;

    for (unsigned n = 0; n < 5; n++)
        request(v, T_IN, n, 512);
    ck_assert_uint_eq(disk.submits, 5);
    ck_assert(!used(v, 0, &id, &length));
    disk_drain(&disk.backend);
    for (unsigned n = 0; n < 5; n++)
        ck_assert(used(v, 0, &id, &length));
    vrig_free(v);
}
END_TEST

START_TEST(writes_are_on_the_medium_without_a_cache)
{
    struct vrig *v = started(0); /* a driver that cannot flush */

    request(v, T_OUT, 0, 512);
    ck_assert_uint_eq(status(v), 0);
    ck_assert_uint_eq(disk.flushes, 1);
    vrig_start(v, BIT(F_FLUSH) | BIT(F_WCE), 1);
    ck_assert_uint_eq(rig_read(v->rig, M_CONFIG + 32, 1), 1);
    request(v, T_OUT, 0, 512);
    ck_assert_uint_eq(status(v), 0);
    ck_assert_uint_eq(disk.flushes, 1);
    rig_write(v->rig, M_CONFIG + 32, 1, 0);
    request(v, T_OUT, 0, 512);
    ck_assert_uint_eq(status(v), 0);
    ck_assert_uint_eq(disk.flushes, 2);
    vrig_free(v);
}
END_TEST

START_TEST(it_tells_its_serial_number)
{
    struct vrig *v = new_blk("serial", "0123456789abcdefghijKLM");

    vrig_start(v, 0, 1);
    request(v, T_GET_ID, 0, 20);
    ck_assert_uint_eq(status(v), 0);
    ck_assert_mem_eq(v->rig->memory + BODY, "0123456789abcdefghij", 20);
    request(v, T_GET_ID, 0, 3);
    ck_assert_uint_eq(status(v), 0);
    vrig_free(v);
}
END_TEST

static void range(struct vrig *v, uint32_t type, uint64_t sector, uint32_t sectors,
                  uint32_t flags)
{
    put(v, BODY, 8, sector);
    put(v, BODY + 8, 4, sectors);
    put(v, BODY + 12, 4, flags);
    request(v, type, 0, 16);
}

START_TEST(it_discards_and_writes_zeros)
{
    struct vrig *v = started(BIT(F_DISCARD) | BIT(F_ZEROES) | BIT(F_FLUSH));

    range(v, T_DISCARD, 8, 56, 0);
    ck_assert_uint_eq(status(v), 0);
    ck_assert_uint_eq(disk.discards, 1);
    range(v, T_ZEROES, 2, 1, 1);
    ck_assert_uint_eq(status(v), 0);
    ck_assert_uint_eq(disk.bytes[2 * 512], 0);
    ck_assert(disk.may_unmap);
    range(v, T_ZEROES, 2, 1, 0);
    ck_assert_uint_eq(status(v), 0);
    ck_assert(!disk.may_unmap);
    range(v, T_DISCARD, 0, 1, 1); /* flags */
    ck_assert_uint_eq(status(v), 2);
    range(v, T_ZEROES, 0, 1, 2);
    ck_assert_uint_eq(status(v), 2);
    range(v, T_ZEROES, 63, 2, 0); /* past the end */
    ck_assert_uint_eq(status(v), 1);
    range(v, T_ZEROES, UINT64_MAX, 2, 0);
    ck_assert_uint_eq(status(v), 1);
    range(v, T_DISCARD, 0, 0xffffffff, 0);
    ck_assert_uint_eq(status(v), 1);
    request(v, T_DISCARD, 0, 32); /* two ranges */
    ck_assert_uint_eq(status(v), 1);
    request(v, T_ZEROES, 0, 15);
    ck_assert_uint_eq(status(v), 1);
    ck_assert_uint_eq(disk.discards, 1);
    ck_assert_uint_eq(disk.zeroes, 2);
    vrig_free(v);
}
END_TEST

START_TEST(the_config_space_describes_it)
{
    struct vrig *v;

    disk.backend.block_size = 4096;
    v = new_blk("physical_block_size", "16384");
    ck_assert_uint_eq(m_read(v, M_DEVICE_ID), 2);
    ck_assert_uint_eq(m_read(v, M_CONFIG), 64);
    ck_assert_uint_eq(m_read(v, M_CONFIG + 4), 0);
    ck_assert_uint_eq(m_read(v, M_CONFIG + 12), 254);
    ck_assert_uint_eq(m_read(v, M_CONFIG + 20), 4096);
    ck_assert_uint_eq(rig_read(v->rig, M_CONFIG + 24, 1), 2);
    ck_assert_uint_eq(rig_read(v->rig, M_CONFIG + 34, 2), 1);
    ck_assert_uint_eq(m_read(v, M_CONFIG + 44), 8);
    ck_assert_uint_eq(rig_read(v->rig, M_CONFIG + 1, 1), 0); /* byte by byte */
    vrig_start(v, 0, 1);
    request(v, T_IN, 1, 4096); /* not a whole block */
    ck_assert_uint_eq(status(v), 1);
    request(v, T_IN, 8, 4096);
    ck_assert_uint_eq(status(v), 0);
    vrig_free(v);
}
END_TEST

START_TEST(a_new_size_is_told)
{
    struct vrig *v = started(0);

    disk.backend.size_bytes /= 2;
    disk.backend.resized(disk.backend.device);
    ck_assert_uint_eq(interrupted(v), 2);
    ck_assert_uint_eq(m_read(v, M_CONFIG), 32);
    request(v, T_IN, 32, 512);
    ck_assert_uint_eq(status(v), 1);
    vrig_free(v);
}
END_TEST

START_TEST(several_queues_work)
{
    struct vrig *v = new_blk("num-queues", "4");

    ck_assert(vrig_offered(v) & BIT(F_MQ));
    vrig_start(v, BIT(F_MQ), 4);
    for (unsigned q = 0; q < 4; q++) {
        struct buffer buffers[] = { { HEADER, 16, false },
                                    { BODY, 512, true },
                                    { STATUS, 1, true } };
        uint32_t length;
        unsigned id;

        put_header(v, T_IN, q);
        post(v, q, buffers, 3);
        kick(v, q);
        disk_drain(&disk.backend);
        ck_assert(used(v, q, &id, &length));
        ck_assert_mem_eq(v->rig->memory + BODY, disk.bytes + q * 512, 512);
    }
    vrig_free(v);
}
END_TEST

/* ------------------------------------------------------------------- what is refused */

START_TEST(nothing_is_read_or_written_past_the_end)
{
    static const struct {
        uint64_t sector;
        uint32_t size;
    } bad[] = {
        { 64, 512 },
        { 63, 1024 },
        { UINT64_MAX, 512 },
        { UINT64_MAX / 512 + 1, 512 },
        { UINT64_C(1) << 55, 512 },
        { 0, 1 },
        { 0, 511 },
        { 0, 513 },
    };
    struct vrig *v = started(BIT(F_FLUSH));

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        request(v, T_IN, bad[i].sector, bad[i].size);
        ck_assert_uint_eq(status(v), 1);
        request(v, T_OUT, bad[i].sector, bad[i].size);
        ck_assert_uint_eq(status(v), 1);
    }
    ck_assert_uint_eq(disk.submits, 0);
    request(v, T_IN, 64, 0); /* nothing, at the end */
    ck_assert_uint_eq(status(v), 0);
    vrig_free(v);
}
END_TEST

START_TEST(unknown_requests_are_unsupported)
{
    struct vrig *v = started(0);

    request(v, 5, 0, 512);
    ck_assert_uint_eq(status(v), 2);
    request(v, 0x80000000, 0, 512);
    ck_assert_uint_eq(status(v), 2);
    range(v, T_DISCARD, 0, 1, 0); /* not agreed on */
    ck_assert_uint_eq(status(v), 2);
    ck_assert_uint_eq(disk.submits, 0);
    vrig_free(v);
}
END_TEST

START_TEST(a_short_header_is_an_error)
{
    struct vrig *v = started(0);
    struct buffer buffers[] = { { HEADER, 15, false }, { STATUS, 1, true } };

    put_header(v, T_IN, 0);
    post(v, 0, buffers, 2);
    kick(v, 0);
    ck_assert_uint_eq(status(v), 1);
    post(v, 0, buffers + 1, 1); /* none at all */
    kick(v, 0);
    ck_assert_uint_eq(status(v), 1);
    vrig_free(v);
}
END_TEST

START_TEST(no_room_for_the_status_breaks_the_queue)
{
    struct vrig *v = started(0);
    struct buffer header = { HEADER, 16, false };

    put_header(v, T_IN, 0);
    post(v, 0, &header, 1);
    kick(v, 0);
    ck_assert(needs_reset(v));
    vrig_start(v, 0, 1);
    request(v, T_IN, 0, 512);
    ck_assert_uint_eq(status(v), 0);
    vrig_free(v);
}
END_TEST

START_TEST(a_read_only_disk_is_not_written)
{
    struct vrig *v;

    disk.backend.read_only = true;
    v = new_blk(NULL, NULL);
    ck_assert(vrig_offered(v) & BIT(F_RO));
    ck_assert(!(vrig_offered(v) & (BIT(F_DISCARD) | BIT(F_ZEROES))));
    vrig_start(v, BIT(F_RO), 1);
    request(v, T_OUT, 0, 512);
    ck_assert_uint_eq(status(v), 1);
    request(v, T_IN, 0, 512);
    ck_assert_uint_eq(status(v), 0);
    ck_assert_uint_eq(disk.submits, 1);
    vrig_free(v);
}
END_TEST

START_TEST(errors_of_the_disk_are_the_requests)
{
    struct vrig *v = started(BIT(F_FLUSH));

    disk.error = EIO;
    request(v, T_IN, 0, 512);
    ck_assert_uint_eq(status(v), 1);
    request(v, T_FLUSH, 0, 0);
    ck_assert_uint_eq(status(v), 1);
    disk.error = ENOSPC;
    request(v, T_OUT, 0, 512);
    ck_assert_uint_eq(status(v), 1);
    disk.error = 0;
    request(v, T_OUT, 0, 512);
    ck_assert_uint_eq(status(v), 0);
    vrig_free(v);
}
END_TEST

/* ------------------------------------------------------------------- resets and saves */

START_TEST(a_reset_waits_for_what_is_under_way)
{
    struct vrig *v = started(BIT(VIRTIO_F_RING_RESET));
    uint32_t length;
    unsigned id;

    request(v, T_IN, 0, 512);
    vrig_start(v, BIT(VIRTIO_F_RING_RESET), 1);
    ck_assert_ptr_null(disk.first);
    ck_assert_uint_eq(get(v, STATUS, 1), 0xee);
    ck_assert(!used(v, 0, &id, &length));
    request(v, T_OUT, 0, 512); /* with a flush to come */
    m_write(v, M_QUEUE_SEL, 0);
    m_write(v, M_QUEUE_RESET, 1);
    ck_assert_ptr_null(disk.first);
    ck_assert_uint_eq(disk.flushes, 0);
    vrig_queue(v, 0);
    request(v, T_IN, 1, 512);
    ck_assert_uint_eq(status(v), 0);
    request(v, T_IN, 1, 512);
    vrig_free(v); /* under way */
}
END_TEST

START_TEST(a_save_waits_for_what_is_under_way)
{
    struct vrig *v = started(BIT(F_WCE) | BIT(F_FLUSH)), *w = new_blk(NULL, NULL);
    struct dev_state state = { 0 };

    rig_write(v->rig, M_CONFIG + 32, 1, 0);
    request(v, T_IN, 5, 512);
    dev_save(v->device, &state);
    ck_assert_uint_eq(get(v, STATUS, 1), 0);
    memcpy(w->rig->memory, v->rig->memory, sizeof(w->rig->memory));
    w->rings[0] = v->rings[0];
    ck_assert_int_eq(dev_load(w->device, state.bytes, state.size), state.size);
    ck_assert_uint_eq(rig_read(w->rig, M_CONFIG + 32, 1), 0);
    request(w, T_IN, 6, 512);
    ck_assert_uint_eq(status(w), 0); /* the one of before the save */
    ck_assert_mem_eq(w->rig->memory + BODY, disk.bytes + 6 * 512, 512);
    free(state.bytes);
    vrig_free(v);
    vrig_free(w);
}
END_TEST

START_TEST(a_disk_that_cannot_be_is_refused)
{
    struct dev *dev = dev_new(dev_class_find("virtio-blk-device"), "d");
    char error[DEV_ERROR];

    ck_assert_int_eq(dev_init(dev, error), -1);
    ck_assert_str_eq(error, "d needs a drive (drive=ID)");
    disk.backend.block_size = 4096;
    dev_connect(dev, "drive", &disk.backend, error);
    dev_set(dev, "logical_block_size", "512", error);
    ck_assert_int_eq(dev_init(dev, error), -1);
    dev_set(dev, "logical_block_size", "5000", error);
    ck_assert_int_eq(dev_init(dev, error), -1);
    dev_set(dev, "logical_block_size", "0", error);
    dev_set(dev, "queue-size", "100", error);
    ck_assert_int_eq(dev_init(dev, error), -1);
    dev_free(dev);
}
END_TEST

RIG_MAIN("virtio_blk", it_reads, it_writes, requests_may_be_cut_anywhere,
         many_are_under_way_at_once, writes_are_on_the_medium_without_a_cache,
         it_tells_its_serial_number, it_discards_and_writes_zeros,
         the_config_space_describes_it, a_new_size_is_told, several_queues_work,
         nothing_is_read_or_written_past_the_end, unknown_requests_are_unsupported,
         a_short_header_is_an_error, no_room_for_the_status_breaks_the_queue,
         a_read_only_disk_is_not_written, errors_of_the_disk_are_the_requests,
         a_reset_waits_for_what_is_under_way, a_save_waits_for_what_is_under_way,
         a_disk_that_cannot_be_is_refused)
