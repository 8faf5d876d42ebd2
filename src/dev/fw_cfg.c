/* fw_cfg.c - QEMU's firmware configuration device, by memory-mapped registers.
 *
 * The guest selects an item by its key and reads it from its beginning, some bytes at a
 * time or by DMA: it then writes the address of a descriptor, and the transfer is over
 * when that write is.  Items that have names are files; item FILE_DIR lists them.
 *
 * A transfer touches memory only, so it leads into no device; what it writes past the end
 * of an item are zeros, and it ends where memory does.
 *
 * Spec: QEMU, docs/specs/fw_cfg.rst.
 * Not modelled: items that guests may write, as QEMU has them for etc/vmcoreinfo and
 * displays; keys of single architectures (bit 15). */
#include "dev/fw_cfg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"

enum { DATA = 0x00, SELECTOR = 0x08, DMA_ADDRESS = 0x10 };

/* clang-format off */
static const struct reg regs[] = {
    { DATA,        1 | 2 | 4 | 8, RO, "DATA" },
    { SELECTOR,    2,             WO, "SELECTOR" },
    { DMA_ADDRESS, 4 | 8,         RW, "DMA_ADDRESS" },
    { 0 },
};
/* clang-format on */

enum {
    KEYS = FW_CFG_FILE_FIRST + FW_CFG_FILES,
    ARCHITECTURE = 0x8000,
    KEY_MASK = 0x3fff
};
enum { FEATURE_TRADITIONAL = 1, FEATURE_DMA = 2 }; /* of FW_CFG_ID */

#define DMA_SIGNATURE UINT64_C(0x51454d5520434647) /* "QEMU CFG" */

/* A descriptor, all of it big-endian; and its control word, with the key in bits 31:16.
 */
enum { CONTROL = 0, LENGTH = 4, ADDRESS = 8, DESCRIPTOR = 16 };
enum {
    IS_ERROR = 1,
    IS_READ = 2,
    IS_SKIP = 4,
    IS_SELECT = 8,
    IS_WRITE = 16,
    KEY_AT = 16
};

/* The directory: how many there are, and of each one size, key, nothing, name. */
enum { DIR_COUNT = 4, DIR_KEY = 4, DIR_NAME = 8, DIR_ENTRY = DIR_NAME + FW_CFG_NAME };

struct item {
    uint8_t *bytes;
    size_t size;
};

struct fw_cfg {
    struct dev dev;
    struct item items[KEYS]; /* by their keys */
    char names[FW_CFG_FILES][FW_CFG_NAME];
    unsigned file_count;
    uint16_t key;
    uint32_t offset;   /* in the item, of what is read next */
    uint32_t dma_high; /* of DMA_ADDRESS */
};

static const struct field fields[] = {
    FIELD(struct fw_cfg, key),
    FIELD(struct fw_cfg, offset),
    FIELD(struct fw_cfg, dma_high),
    { 0 },
};

/* The number that lies big-endian in these bytes, and how one gets there. */
static uint64_t get_big(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void put_big(uint8_t *bytes, unsigned size, uint64_t value)
{
    for (unsigned i = size; i-- > 0; value >>= 8)
        bytes[i] = (uint8_t)value;
}

/* The number whose `size` bytes are in the other order. */
static uint64_t swap(uint64_t value, unsigned size)
{
    uint64_t swapped = 0;

    for (unsigned i = 0; i < size; i++, value >>= 8)
        swapped = swapped << 8 | (value & 0xff);
    return swapped;
}

/* --------------------------------------------------------------------------- items */

static void put(struct item *item, void *bytes, size_t size)
{
    free(item->bytes);
    *item = (struct item){ bytes, size };
}

static void put_copy(struct fw_cfg *fw, enum fw_cfg_key key, const void *from,
                     size_t size)
{
    void *bytes = malloc(size);

    if (!bytes)
        die("out of memory");
    put(&fw->items[key], memcpy(bytes, from, size), size);
}

static void list_files(struct fw_cfg *fw)
{
    size_t size = DIR_COUNT + (size_t)fw->file_count * DIR_ENTRY;
    uint8_t *bytes = calloc(1, size);

    if (!bytes)
        die("out of memory");
    put_big(bytes, 4, fw->file_count);
    for (unsigned i = 0; i < fw->file_count; i++) {
        uint8_t *entry = bytes + DIR_COUNT + (size_t)i * DIR_ENTRY;

        put_big(entry, 4, fw->items[FW_CFG_FILE_FIRST + i].size);
        put_big(entry + DIR_KEY, 2, FW_CFG_FILE_FIRST + i);
        memcpy(entry + DIR_NAME, fw->names[i], FW_CFG_NAME);
    }
    put(&fw->items[FW_CFG_FILE_DIR], bytes, size);
}

/* Where a file of that name is, or belongs. */
static unsigned place_of(const struct fw_cfg *fw, const char *name)
{
    unsigned at = 0;

    while (at < fw->file_count && strcmp(fw->names[at], name) < 0)
        at++;
    return at;
}

static void insert(struct fw_cfg *fw, unsigned at, const char *name)
{
    struct item *items = fw->items + FW_CFG_FILE_FIRST;
    unsigned behind = fw->file_count++ - at;

    memmove(items + at + 1, items + at, behind * sizeof(*items));
    memmove(fw->names[at + 1], fw->names[at], behind * sizeof(*fw->names));
    items[at] = (struct item){ NULL, 0 };
    memset(fw->names[at], 0, FW_CFG_NAME);
    memcpy(fw->names[at], name, strlen(name));
}

void fw_cfg_put(struct dev *dev, enum fw_cfg_key key, void *bytes, size_t size)
{
    put(&((struct fw_cfg *)dev)->items[key], bytes, size);
}

int fw_cfg_put_file(struct dev *dev, const char *name, void *bytes, size_t size)
{
    struct fw_cfg *fw = (struct fw_cfg *)dev;
    unsigned at = place_of(fw, name);
    bool is_new = at == fw->file_count || strcmp(fw->names[at], name) != 0;

    if (!*name || strlen(name) >= FW_CFG_NAME ||
        (is_new && fw->file_count == FW_CFG_FILES)) {
        free(bytes);
        return -1;
    }
    if (is_new)
        insert(fw, at, name);
    put(&fw->items[FW_CFG_FILE_FIRST + at], bytes, size);
    list_files(fw);
    return 0;
}

/* ------------------------------------------------------------------------- reading */

static void choose(struct fw_cfg *fw, uint16_t key)
{
    fw->key = key;
    fw->offset = 0;
    dev_event(&fw->dev, "item", key, "is selected");
}

/* What is left of the selected item; nothing, if there is none. */
static struct item rest(const struct fw_cfg *fw)
{
    unsigned key = fw->key & KEY_MASK;
    const struct item *item = &fw->items[key < KEYS ? key : 0];

    if (key >= KEYS || fw->key & ARCHITECTURE || fw->offset >= item->size)
        return (struct item){ NULL, 0 };
    return (struct item){ item->bytes + fw->offset, item->size - fw->offset };
}

/* Moves on in the item: by how many of `most` bytes. */
static uint32_t advance(struct fw_cfg *fw, uint32_t most)
{
    size_t left = rest(fw).size;

    most = most < left ? most : (uint32_t)left;
    fw->offset += most;
    return most;
}

/* The next bytes, the first one at the lowest address. */
static uint64_t read_data(struct fw_cfg *fw, unsigned size)
{
    struct item left = rest(fw);
    uint64_t value = 0;

    for (unsigned i = 0; i < size && i < left.size; i++)
        value |= (uint64_t)left.bytes[i] << 8 * i;
    advance(fw, size);
    return value;
}

static bool write_zeros(struct fw_cfg *fw, uint64_t addr, uint32_t size)
{
    static const uint8_t zeros[4096];

    while (size) {
        uint32_t part = size < sizeof(zeros) ? size : sizeof(zeros);

        if (dma_write(fw->dev.dma, addr, zeros, part) < 0)
            return false;
        addr += part;
        size -= part;
    }
    return true;
}

static bool copy_out(struct fw_cfg *fw, uint64_t addr, uint32_t size)
{
    const uint8_t *from = rest(fw).bytes;
    uint32_t copied = advance(fw, size);

    return (!copied || dma_write(fw->dev.dma, addr, from, copied) == 0) &&
           write_zeros(fw, addr + copied, size - copied);
}

/* Whether it went well; of several things that it asks for the first counts. */
static bool transfer(struct fw_cfg *fw, uint32_t control, uint32_t size, uint64_t addr)
{
    if (control & IS_SELECT)
        choose(fw, (uint16_t)(control >> KEY_AT));
    if (control & IS_READ)
        return copy_out(fw, addr, size);
    if (control & IS_WRITE)
        return size == 0;
    if (control & IS_SKIP)
        advance(fw, size);
    return true;
}

static void run_descriptor(struct fw_cfg *fw, uint64_t at)
{
    uint8_t bytes[DESCRIPTOR], answer[4];
    bool done;

    done = dma_read(fw->dev.dma, at, bytes, sizeof(bytes)) == 0 &&
           transfer(fw, (uint32_t)get_big(bytes + CONTROL, 4),
                    (uint32_t)get_big(bytes + LENGTH, 4), get_big(bytes + ADDRESS, 8));
    if (!done)
        guest_error("%s: the transfer at 0x%llx cannot be done", fw->dev.name,
                    (unsigned long long)at);
    put_big(answer, sizeof(answer), done ? 0 : IS_ERROR);
    dma_write(fw->dev.dma, at + CONTROL, answer, sizeof(answer));
}

/* ----------------------------------------------------------------------- registers */

static uint64_t fw_cfg_read(struct dev *dev, struct access at)
{
    if (at.reg == DMA_ADDRESS)
        return access_part(at, swap(DMA_SIGNATURE, 8));
    if (at.byte == 0)
        return read_data((struct fw_cfg *)dev, at.size);
    guest_error("%s: DATA is read at its beginning only", dev->name);
    return 0;
}

/* The lower half of an address, or all of it, begins a transfer. */
static void write_address(struct fw_cfg *fw, struct access at, uint64_t value)
{
    uint64_t high = fw->dma_high;

    if (at.size == 4 && at.byte == 0) {
        fw->dma_high = (uint32_t)value;
        return;
    }
    fw->dma_high = 0;
    run_descriptor(fw, at.size == 8 ? value : high << 32 | value);
}

static void fw_cfg_write(struct dev *dev, struct access at, uint64_t value)
{
    struct fw_cfg *fw = (struct fw_cfg *)dev;

    value = swap(value, at.size);
    if (at.reg == SELECTOR)
        choose(fw, (uint16_t)value);
    else
        write_address(fw, at, value);
}

static int fw_cfg_init(struct dev *dev, char *error, size_t size)
{
    static const uint8_t id[] = { FEATURE_TRADITIONAL | FEATURE_DMA, 0, 0, 0 };
    struct fw_cfg *fw = (struct fw_cfg *)dev;

    (void)error;
    (void)size;
    put_copy(fw, FW_CFG_SIGNATURE, "QEMU", 4);
    put_copy(fw, FW_CFG_ID, id, sizeof(id));
    list_files(fw);
    return 0;
}

static void fw_cfg_reset(struct dev *dev)
{
    struct fw_cfg *fw = (struct fw_cfg *)dev;

    fw->key = FW_CFG_SIGNATURE;
    fw->offset = 0;
    fw->dma_high = 0;
}

static void fw_cfg_destroy(struct dev *dev)
{
    struct fw_cfg *fw = (struct fw_cfg *)dev;

    for (unsigned key = 0; key < KEYS; key++)
        free(fw->items[key].bytes);
}

const struct dev_class fw_cfg_mmio = {
    .name = "fw-cfg-mmio",
    .doc = "QEMU's firmware configuration: what the machine tells its firmware",
    .size = sizeof(struct fw_cfg),
    .mmio_size = 0x18,
    .regs = regs,
    .fields = fields,
    .state_version = 1,
    .init = fw_cfg_init,
    .reset = fw_cfg_reset,
    .read = fw_cfg_read,
    .write = fw_cfg_write,
    .destroy = fw_cfg_destroy,
};
