/* virtio_blk.c - the virtio disk.
 *
 * A request is a chain: 16 bytes of header (type, sector), data, one byte of status. Data
 * goes between guest memory and the back end without a copy, any number of requests at
 * a time.  An error of the back end is an error of the request.
 *
 * Spec: virtio 1.2, section 5.2 "Block Device".
 * Not modelled: geometry, lifetime, secure erase, zones. */
#include "dev/virtio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"

enum {
    CAPACITY = 0,
    SIZE_MAX_BYTES = 8,
    SEG_MAX = 12,
    CYLINDERS = 16,
    HEADS = 18,
    SECTORS = 19,
    BLK_SIZE = 20,
    PHYSICAL_BLOCK_EXP = 24,
    ALIGNMENT_OFFSET = 25,
    MIN_IO_SIZE = 26,
    OPT_IO_SIZE = 28,
    WRITEBACK = 32,
    NUM_QUEUES = 34,
    MAX_DISCARD_SECTORS = 36,
    MAX_DISCARD_SEG = 40,
    DISCARD_SECTOR_ALIGNMENT = 44,
    MAX_WRITE_ZEROES_SECTORS = 48,
    MAX_WRITE_ZEROES_SEG = 52,
    WRITE_ZEROES_MAY_UNMAP = 56,
    CONFIG_SIZE = 60,
};

/* Narrower accesses than a field's own are allowed: drivers copy by bytes. */
/* clang-format off */
static const struct reg regs[] = {
    { CAPACITY, 1 | 2 | 4 | 8, RO, "capacity" },
    { SIZE_MAX_BYTES,           1 | 2 | 4, RO, "size_max"                 },
    { SEG_MAX,                  1 | 2 | 4, RO, "seg_max"                  },
    { CYLINDERS,                1 | 2,     RO, "cylinders"                },
    { HEADS,                    1,         RO, "heads"                    },
    { SECTORS,                  1,         RO, "sectors"                  },
    { BLK_SIZE,                 1 | 2 | 4, RO, "blk_size"                 },
    { PHYSICAL_BLOCK_EXP,       1,         RO, "physical_block_exp"       },
    { ALIGNMENT_OFFSET,         1,         RO, "alignment_offset"         },
    { MIN_IO_SIZE,              1 | 2,     RO, "min_io_size"              },
    { OPT_IO_SIZE,              1 | 2 | 4, RO, "opt_io_size"              },
    { WRITEBACK,                1,         RW, "writeback"                },
    { 33,                       1,         RO, "unused"                   },
    { NUM_QUEUES,               1 | 2,     RO, "num_queues"               },
    { MAX_DISCARD_SECTORS,      1 | 2 | 4, RO, "max_discard_sectors"      },
    { MAX_DISCARD_SEG,          1 | 2 | 4, RO, "max_discard_seg"          },
    { DISCARD_SECTOR_ALIGNMENT, 1 | 2 | 4, RO, "discard_sector_alignment" },
    { MAX_WRITE_ZEROES_SECTORS, 1 | 2 | 4, RO, "max_write_zeroes_sectors" },
    { MAX_WRITE_ZEROES_SEG,     1 | 2 | 4, RO, "max_write_zeroes_seg"     },
    { WRITE_ZEROES_MAY_UNMAP,   1,         RO, "write_zeroes_may_unmap"   },
    { 57,                       1,         RO, "unused%u", .count = 3     },
    { 0 },
};

enum {
    F_SIZE_MAX = 1, F_SEG_MAX = 2, F_RO = 5, F_BLK_SIZE = 6, F_FLUSH = 9, F_TOPOLOGY = 10,
    F_CONFIG_WCE = 11, F_MQ = 12, F_DISCARD = 13, F_WRITE_ZEROES = 14,
};
static const struct virtio_feature features[] = {
    { F_SIZE_MAX,     "SIZE_MAX"     },
    { F_SEG_MAX,      "SEG_MAX"      },
    { F_RO,           "RO"           },
    { F_BLK_SIZE,     "BLK_SIZE"     },
    { F_FLUSH,        "FLUSH"        },
    { F_TOPOLOGY,     "TOPOLOGY"     },
    { F_CONFIG_WCE,   "CONFIG_WCE"   },
    { F_MQ,           "MQ"           },
    { F_DISCARD,      "DISCARD"      },
    { F_WRITE_ZEROES, "WRITE_ZEROES" },
    { 0 },
};
/* clang-format on */

enum {
    T_IN = 0,
    T_OUT = 1,
    T_FLUSH = 4,
    T_GET_ID = 8,
    T_DISCARD = 11,
    T_WRITE_ZEROES = 13
};
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };
enum { SECTOR = 512, HEADER = 16, ID_BYTES = 20, SEGMENT = 16, SEGMENT_UNMAP = 1 };
enum { MAX_SECTORS = 0x3fffff }; /* of a discard: below 2 GiB */

struct blk {
    struct virtio virtio;
    struct block_backend *drive;
    char *serial, *werror, *rerror;
    uint32_t num_queues, queue_size, size_max, logical_block_size, physical_block_size;
    uint32_t min_io_size, opt_io_size;
    uint8_t writeback;
    struct blk_request *unused; /* to be used again */
};

struct blk_request {
    struct block_request block;
    struct virtio_chain chain;
    struct blk *blk;
    struct virtqueue *queue;
    uint8_t *status;  /* its place in guest memory */
    bool flush_after; /* a write that is to be on the medium when it is done */
    struct blk_request *next;
};

static const struct field fields[] = {
    VIRTIO_FIELDS(struct blk),
    FIELD(struct blk, writeback),
    { 0 },
};

static const struct property properties[] = {
    PROPERTY(DRIVE, struct blk, drive, "the disk's content"),
    PROPERTY(STRING, struct blk, serial, "serial number, up to 20 characters"),
    PROPERTY(STRING, struct blk, werror,
             "of failed writes: report, ignore, stop, enospc; auto: as the drive says"),
    PROPERTY(STRING, struct blk, rerror, "of failed reads: report, ignore, stop; auto"),
    { "num-queues", PROPERTY_U32, offsetof(struct blk, num_queues), "queues of requests",
      1, 1, VIRTIO_QUEUES },
    { "queue-size", PROPERTY_U32, offsetof(struct blk, queue_size),
      "descriptors of a queue: a power of two", 256, 4, VIRTQUEUE_MAX },
    PROPERTY(U32, struct blk, size_max, "largest segment in bytes (0: any)", 0, 0,
             UINT32_MAX),
    PROPERTY(U32, struct blk, logical_block_size, "bytes (0: the drive's)", 0, 0, 32768),
    PROPERTY(U32, struct blk, physical_block_size, "bytes (0: the logical size)", 0, 0,
             32768),
    PROPERTY(U32, struct blk, min_io_size, "what requests should be at least, in bytes",
             0, 0, 1 << 24),
    PROPERTY(U32, struct blk, opt_io_size, "what requests should be, in bytes", 0, 0,
             1 << 30),
    VIRTIO_PROPERTIES(struct blk),
    { 0 },
};

static struct blk *blk_of(struct virtio *virtio)
{
    return (struct blk *)virtio;
}

/* -------------------------------------------------------------------------- requests */

static struct blk_request *request_new(struct blk *blk)
{
    struct blk_request *request = blk->unused;

    if (request)
        blk->unused = request->next;
    else
        request = calloc(1, sizeof(*request));
    if (!request)
        die("out of memory");
    request->blk = blk;
    request->flush_after = false;
    return request;
}

static void request_drop(struct blk_request *request)
{
    request->next = request->blk->unused;
    request->blk->unused = request;
}

/* The caller notifies the queue. */
static void request_finish(struct blk_request *request, uint8_t status)
{
    if (virtqueue_owns(request->queue, &request->chain)) {
        *request->status = status;
        virtqueue_push(request->queue, &request->chain, request->chain.in_size);
    }
    request_drop(request);
}

static void request_done(struct block_request *block, int error)
{
    struct blk_request *request = block->context;
    struct virtqueue *queue = request->queue;
    struct block_backend *drive = request->blk->drive;

    if (!error && request->flush_after && virtqueue_owns(queue, &request->chain)) {
        request->flush_after = false;
        request->block = (struct block_request){ .op = BLOCK_FLUSH,
                                                 .done = request_done,
                                                 .context = request };
        drive->submit(drive, &request->block);
        return;
    }
    request_finish(request, error ? S_IOERR : S_OK);
    virtqueue_notify(queue);
}

static void request_submit(struct blk_request *request, enum block_op op, uint64_t offset,
                           uint64_t size)
{
    struct block_backend *drive = request->blk->drive;

    request->block.op = op;
    request->block.offset = offset;
    request->block.size = size;
    request->block.done = request_done;
    request->block.context = request;
    drive->submit(drive, &request->block);
}

static uint32_t blk_block_size(const struct blk *blk)
{
    return blk->logical_block_size ? blk->logical_block_size : blk->drive->block_size;
}

/* Whether the disk has these sectors, in whole blocks. */
static bool is_on_disk(const struct blk *blk, uint64_t sector, uint64_t size)
{
    uint64_t sectors = blk->drive->size_bytes / SECTOR;
    uint32_t block = blk_block_size(blk);

    return sector <= sectors && size / SECTOR <= sectors - sector &&
           sector * SECTOR % block == 0 && size % block == 0;
}

/* Whether writes are on the medium before they are done. */
static bool is_writethrough(struct blk *blk)
{
    if (virtio_has(&blk->virtio, F_CONFIG_WCE))
        return !blk->writeback;
    return !virtio_has(&blk->virtio, F_FLUSH);
}

static void start_transfer(struct blk_request *request, uint64_t sector, bool is_write)
{
    struct virtio_chain *chain = &request->chain;
    struct blk *blk = request->blk;
    uint64_t size = is_write ? chain->out_size - HEADER : chain->in_size - 1;
    struct span *spans = is_write ? chain->spans : chain->spans + chain->out_count;

    if (!is_on_disk(blk, sector, size) || (is_write && blk->drive->read_only)) {
        request_finish(request, S_IOERR);
        return;
    }
    if (!size) {
        request_finish(request, S_OK);
        return;
    }
    request->block = (struct block_request){ 0 };
    request->block.span_count = is_write
                                    ? span_cut(&spans, chain->out_count, HEADER, size)
                                    : span_cut(&spans, chain->in_count, 0, size);
    request->block.spans = spans;
    request->flush_after = is_write && is_writethrough(blk);
    request_submit(request, is_write ? BLOCK_WRITE : BLOCK_READ, sector * SECTOR, size);
}

static uint64_t number(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

/* Discards, or writes zeros to, the one range that the data describes. */
static void start_range(struct blk_request *request, bool is_discard)
{
    struct blk *blk = request->blk;
    uint8_t segment[SEGMENT];
    uint64_t sector, size;
    uint32_t flags;

    if (!virtio_has(&blk->virtio, is_discard ? F_DISCARD : F_WRITE_ZEROES)) {
        request_finish(request, S_UNSUPP);
        return;
    }
    if (request->chain.out_size != HEADER + SEGMENT || blk->drive->read_only) {
        request_finish(request, S_IOERR);
        return;
    }
    virtio_chain_read(&request->chain, HEADER, segment, sizeof(segment));
    sector = number(segment, 8);
    size = number(segment + 8, 4) * SECTOR;
    flags = number(segment + 12, 4);
    if (flags & ~(uint32_t)(is_discard ? 0 : SEGMENT_UNMAP)) {
        request_finish(request, S_UNSUPP);
        return;
    }
    if (!is_on_disk(blk, sector, size) || size / SECTOR > MAX_SECTORS) {
        request_finish(request, S_IOERR);
        return;
    }
    if (!size) {
        request_finish(request, S_OK);
        return;
    }
    request->block = (struct block_request){ .may_unmap = flags & SEGMENT_UNMAP };
    request->flush_after = !is_discard && is_writethrough(blk);
    request_submit(request, is_discard ? BLOCK_DISCARD : BLOCK_ZEROES, sector * SECTOR,
                   size);
}

static void start_get_id(struct blk_request *request)
{
    const struct blk *blk = request->blk;
    const char *serial = blk->serial ? blk->serial : blk->drive->serial;
    char id[ID_BYTES] = { 0 };
    uint64_t room = request->chain.in_size - 1;

    for (size_t i = 0; serial && i < sizeof(id) && serial[i]; i++)
        id[i] = serial[i];
    virtio_chain_write(&request->chain, 0, id, room < sizeof(id) ? room : sizeof(id));
    request_finish(request, S_OK);
}

static void request_start(struct blk_request *request)
{
    struct virtio_chain *chain = &request->chain;
    uint8_t header[HEADER];
    struct span *last;

    if (!chain->in_size) {
        virtqueue_fail(request->queue, "a request without room for its status");
        virtqueue_push(request->queue, chain, 0);
        request_drop(request);
        return;
    }
    last = &chain->spans[chain->out_count + chain->in_count - 1];
    request->status = (uint8_t *)last->base + last->size - 1;
    if (virtio_chain_read(chain, 0, header, HEADER) != HEADER) {
        request_finish(request, S_IOERR);
        return;
    }
    switch (number(header, 4)) {
    case T_IN: start_transfer(request, number(header + 8, 8), false); break;
    case T_OUT: start_transfer(request, number(header + 8, 8), true); break;
    case T_FLUSH:
        request->block = (struct block_request){ 0 };
        request_submit(request, BLOCK_FLUSH, 0, 0);
        break;
    case T_GET_ID: start_get_id(request); break;
    case T_DISCARD: start_range(request, true); break;
    case T_WRITE_ZEROES: start_range(request, false); break;
    default: request_finish(request, S_UNSUPP); break;
    }
}

static void blk_handle_queue(struct virtio *virtio, struct virtqueue *queue)
{
    for (;;) {
        struct blk_request *request = request_new(blk_of(virtio));

        request->queue = queue;
        if (!virtqueue_pop(queue, &request->chain)) {
            request_drop(request);
            break;
        }
        request_start(request);
    }
    virtqueue_notify(queue);
}

/* ---------------------------------------------------------------------- config space */

static uint8_t blk_physical_exp(const struct blk *blk)
{
    uint8_t exponent = 0;

    while ((uint64_t)blk_block_size(blk) << exponent < blk->physical_block_size)
        exponent++;
    return exponent;
}

static uint64_t blk_read(struct dev *dev, struct access at)
{
    const struct blk *blk = (const struct blk *)dev;
    uint32_t block = blk_block_size(blk);
    uint64_t value = 0;

    switch (at.reg) {
    case CAPACITY: value = blk->drive->size_bytes / SECTOR; break;
    case SIZE_MAX_BYTES: value = blk->size_max; break;
    case SEG_MAX: value = blk->queue_size - 2; break;
    case BLK_SIZE: value = block; break;
    case PHYSICAL_BLOCK_EXP: value = blk_physical_exp(blk); break;
    case MIN_IO_SIZE: value = blk->min_io_size / block; break;
    case OPT_IO_SIZE: value = blk->opt_io_size / block; break;
    case WRITEBACK: value = blk->writeback; break;
    case NUM_QUEUES: value = blk->num_queues; break;
    case MAX_DISCARD_SECTORS:
    case MAX_WRITE_ZEROES_SECTORS: value = MAX_SECTORS; break;
    case MAX_DISCARD_SEG:
    case MAX_WRITE_ZEROES_SEG: value = 1; break;
    case DISCARD_SECTOR_ALIGNMENT: value = block / SECTOR; break;
    case WRITE_ZEROES_MAY_UNMAP: value = 1; break;
    }
    return access_part(at, value);
}

/* The table lets through `writeback` only. */
static void blk_write(struct dev *dev, struct access at, uint64_t value)
{
    struct blk *blk = (struct blk *)dev;

    (void)at;
    if (virtio_has(&blk->virtio, F_CONFIG_WCE))
        blk->writeback = value & 1;
}

static void blk_resized(void *device)
{
    virtio_config_changed(device);
}

/* ------------------------------------------------------------------------------ life */

/* All requests end: those of a reset queue in nothing. */
static void blk_stop(struct virtio *virtio, struct virtqueue *queue)
{
    struct block_backend *drive = blk_of(virtio)->drive;

    (void)queue;
    if (drive)
        drive->drain(drive);
}

static void blk_settle(struct dev *dev)
{
    blk_stop((struct virtio *)dev, NULL);
}

static void blk_reset(struct virtio *virtio)
{
    blk_of(virtio)->writeback = 1;
}

static const struct virtio_type type = {
    .id = 2,
    .config_size = CONFIG_SIZE,
    .features = features,
    .handle_queue = blk_handle_queue,
    .stop = blk_stop,
    .reset = blk_reset,
};

static const char *not_auto(const char *reaction)
{
    return reaction && strcmp(reaction, "auto") ? reaction : NULL;
}

/* False: there are no such reactions. */
static bool set_reactions(const struct blk *blk)
{
    const char *of_writes = not_auto(blk->werror), *of_reads = not_auto(blk->rerror);
    struct block_backend *drive = blk->drive;

    if (!of_writes && !of_reads)
        return true;
    return drive->on_errors && drive->on_errors(drive, of_writes, of_reads) == 0;
}

static const char *blk_fault(const struct blk *blk)
{
    uint32_t block;

    if (!blk->drive)
        return "needs a drive (drive=ID)";
    if (!set_reactions(blk))
        return "has werror=report, ignore, stop or enospc, and rerror=report, ignore or "
               "stop";
    block = blk_block_size(blk);
    if (block < SECTOR || block > 32768 || (block & (block - 1)))
        return "has blocks of 512 to 32768 bytes, a power of two";
    if (block < blk->drive->block_size)
        return "cannot have smaller blocks than its drive";
    if (blk->physical_block_size &&
        (blk->physical_block_size < block ||
         (blk->physical_block_size & (blk->physical_block_size - 1))))
        return "has a physical_block_size that is no multiple of its blocks";
    return virtio_is_queue_size(blk->queue_size)
               ? NULL
               : "has a queue-size that is a power of two";
}

static int blk_init(struct dev *dev, char *error, size_t size)
{
    struct blk *blk = (struct blk *)dev;
    const char *fault = blk_fault(blk);
    uint64_t offered = 1 << F_SEG_MAX | 1 << F_BLK_SIZE | 1 << F_FLUSH | 1 << F_TOPOLOGY |
                       1 << F_CONFIG_WCE | (blk->size_max ? 1 << F_SIZE_MAX : 0) |
                       (blk->num_queues > 1 ? 1 << F_MQ : 0);

    if (fault) {
        snprintf(error, size, "%s %s", dev->name, fault);
        return -1;
    }
    if (blk->drive->read_only)
        offered |= 1 << F_RO;
    else
        offered |= 1 << F_WRITE_ZEROES | (blk->drive->can_discard ? 1 << F_DISCARD : 0);
    virtio_init(&blk->virtio, &type, offered);
    for (uint32_t i = 0; i < blk->num_queues; i++)
        virtio_add_queue(&blk->virtio, blk->queue_size);
    blk->drive->resized = blk_resized;
    blk->drive->device = blk;
    return 0;
}

static void blk_destroy(struct dev *dev)
{
    struct blk *blk = (struct blk *)dev;

    virtio_dev_destroy(dev);
    if (blk->drive)
        blk->drive->resized = NULL;
    for (struct blk_request *request = blk->unused, *next; request; request = next) {
        next = request->next;
        virtio_chain_free(&request->chain);
        free(request);
    }
}

const struct dev_class virtio_blk = {
    .name = "virtio-blk-device",
    .doc = "virtio disk",
    .bus = "virtio",
    .size = sizeof(struct blk),
    .regs = regs,
    .fields = fields,
    .properties = properties,
    .state_version = 1,
    .init = blk_init,
    .reset = virtio_dev_reset,
    .read = blk_read,
    .write = blk_write,
    .settle = blk_settle,
    .loaded = virtio_dev_loaded,
    .destroy = blk_destroy,
};
