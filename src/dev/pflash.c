/* pflash.c - a bank of NOR flash: parallel chips of Intel's command set (01), side by
 * side.
 *
 * A chip is 16 bits wide; two of them make the bank's 32, and get each command at once.
 * In read-array mode the bank is memory, which CPUs read without asking; any command
 * takes it away until the next Read Array.  Programming only clears bits, an erase sets
 * them again.  Every operation is done at once, so the status is always `ready`.
 *
 * What is written goes to the drive soon afterwards, a run of sectors at a time.
 *
 * Spec: JEDEC JESD68.01 (CFI); Intel, "Common Flash Interface and Command Sets" (AP-646);
 * the geometry is that of QEMU's virt machines: 256 KiB blocks of a bank.
 * Not modelled: suspend, locks of blocks that hold, protection registers, time. */
#include <stdio.h>
#include <string.h>

#include "base/report.h"
#include "dev/dev.h"

enum { WIDTH = 4, CHIPS = 2, BLOCK = 256 << 10, BUFFER = 4096, SECTOR = 512 };

enum command {
    READ_ARRAY = 0xff,
    PROGRAM = 0x40,
    PROGRAM_OLD = 0x10,
    ERASE = 0x20,
    CLEAR_STATUS = 0x50,
    LOCK = 0x60,
    READ_STATUS = 0x70,
    READ_ID = 0x90,
    READ_CFI = 0x98,
    CONFIRM = 0xd0,
    WRITE_BUFFER = 0xe8,
};

enum { READY = 0x80, ERASE_FAILED = 0x20, PROGRAM_FAILED = 0x10 }; /* status */
enum { MANUFACTURER = 0x89, DEVICE = 0x18 };

/* clang-format off */
static const struct reg regs[] = {
    { 0, 1 | 2 | 4 | 8, RW, "ARRAY+%u", 0x2000000, 1 },
    { 0 },
};
/* clang-format on */

struct flash {
    struct dev dev;
    struct block_backend *drive;
    uint8_t command; /* READ_ARRAY: the bank is memory */
    uint8_t step;    /* writes of it that have been */
    uint8_t status;
    uint32_t left;         /* WRITE_BUFFER: words that are to come */
    uint32_t buffer_start; /* ... for which BUFFER bytes of the bank */
    uint8_t buffer[BUFFER];
    /* On its way to the drive. */
    struct block_request request;
    struct span span;
    bool is_writing, has_failed;
    uint64_t dirty_first, dirty_end; /* what is to be written next; equal: nothing */
};

static const struct field fields[] = {
    FIELD(struct flash, command),
    FIELD(struct flash, step),
    FIELD(struct flash, status),
    FIELD(struct flash, left),
    FIELD(struct flash, buffer_start),
    FIELD_ARRAY(struct flash, buffer),
    { 0 },
};

static const struct property properties[] = {
    PROPERTY(DRIVE, struct flash, drive, "what keeps its contents"),
    { 0 },
};

/* ------------------------------------------------------------------------- contents */

static bool is_read_only(const struct flash *flash)
{
    return flash->drive && flash->drive->read_only;
}

static void write_dirty(struct flash *flash);

static void written(struct block_request *request, int error)
{
    struct flash *flash = request->context;

    flash->is_writing = false;
    if (error && !flash->has_failed)
        fprintf(stderr, "rhea: %s: its image cannot be written: %s\n", flash->dev.name,
                strerror(error));
    flash->has_failed |= error != 0;
    write_dirty(flash);
}

static void write_dirty(struct flash *flash)
{
    if (flash->is_writing || flash->dirty_first == flash->dirty_end)
        return;
    flash->is_writing = true;
    flash->span.base = flash->dev.memory->bytes + flash->dirty_first;
    flash->span.size = (size_t)(flash->dirty_end - flash->dirty_first);
    flash->request = (struct block_request){ .op = BLOCK_WRITE,
                                             .offset = flash->dirty_first,
                                             .size = flash->span.size,
                                             .spans = &flash->span,
                                             .span_count = 1,
                                             .done = written,
                                             .context = flash };
    flash->dirty_first = flash->dirty_end = 0;
    flash->drive->submit(flash->drive, &flash->request);
}

static void changed(struct flash *flash, uint64_t offset, uint64_t size)
{
    uint64_t first = offset / SECTOR * SECTOR;
    uint64_t end = (offset + size + SECTOR - 1) / SECTOR * SECTOR;

    flash->dev.memory->changed(flash->dev.memory, offset, size);
    if (!flash->drive)
        return;
    if (flash->dirty_first == flash->dirty_end) {
        flash->dirty_first = first;
        flash->dirty_end = end;
    }
    if (first < flash->dirty_first)
        flash->dirty_first = first;
    if (end > flash->dirty_end)
        flash->dirty_end = end;
    write_dirty(flash);
}

static void program(struct flash *flash, uint64_t offset, const uint8_t *bytes,
                    unsigned size)
{
    if (is_read_only(flash) || flash->has_failed) {
        flash->status |= PROGRAM_FAILED;
        return;
    }
    for (unsigned i = 0; i < size; i++)
        flash->dev.memory->bytes[offset + i] &= bytes[i];
    changed(flash, offset, size);
}

static void erase(struct flash *flash, uint64_t offset)
{
    uint64_t first = offset / BLOCK * BLOCK, size = flash->dev.memory->size - first;

    if (is_read_only(flash) || flash->has_failed) {
        flash->status |= ERASE_FAILED;
        return;
    }
    if (size > BLOCK)
        size = BLOCK;
    memset(flash->dev.memory->bytes + first, 0xff, (size_t)size);
    changed(flash, first, size);
}

/* -------------------------------------------------------------------------- reading */

/* The query structure, by the chips' own addresses. */
static uint8_t query(const struct flash *flash, uint64_t at)
{
    unsigned blocks = (unsigned)(flash->dev.memory->size / BLOCK), chip_bits = 0;

    while (flash->dev.memory->size / CHIPS >> (chip_bits + 1))
        chip_bits++;
    switch (at) {
    case 0x10: return 'Q';
    case 0x11: return 'R';
    case 0x12: return 'Y';
    case 0x13: return 0x01; /* Intel's extended command set */
    case 0x15: return 0x31; /* where its table is */
    case 0x1b: return 0x45; /* 4.5 V to 5.5 V */
    case 0x1c: return 0x55;
    case 0x1f: return 0x07; /* times of a word, a buffer, a block, as powers of 2 */
    case 0x20: return 0x07;
    case 0x21: return 0x0a;
    case 0x23: return 0x04; /* at most that many times longer */
    case 0x24: return 0x04;
    case 0x25: return 0x04;
    case 0x27: return (uint8_t)chip_bits;
    case 0x28: return 0x02; /* 8 or 16 bits wide */
    case 0x2a: return 11;   /* the buffer of a chip: 2^11 bytes */
    case 0x2c: return 1;    /* all blocks are alike: how many, less 1, and their size */
    case 0x2d: return (uint8_t)(blocks - 1);
    case 0x2e: return (uint8_t)((blocks - 1) >> 8);
    case 0x2f: return (uint8_t)(BLOCK / CHIPS >> 8);
    case 0x30: return (uint8_t)(BLOCK / CHIPS >> 16);
    case 0x31: return 'P';
    case 0x32: return 'R';
    case 0x33: return 'I';
    case 0x34: return '1';
    case 0x35: return '0';
    case 0x3f: return 0x01; /* protection fields */
    default: return 0;
    }
}

static uint8_t identity(uint64_t at)
{
    return at == 0 ? MANUFACTURER : at == 1 ? DEVICE : 0;
}

static uint64_t flash_read(struct dev *dev, struct access at)
{
    const struct flash *flash = (const struct flash *)dev;
    uint64_t offset = at.index, value = 0, chip = offset / WIDTH;
    uint64_t lanes;

    if (offset + at.size > dev->memory->size)
        return 0;
    switch (flash->command) {
    case READ_ARRAY:
        for (unsigned i = 0; i < at.size; i++)
            value |= (uint64_t)dev->memory->bytes[offset + i] << 8 * i;
        return value;
    case READ_ID: lanes = identity(chip & 0xff); break;
    case READ_CFI: lanes = query(flash, chip & 0xff); break;
    default: lanes = flash->status; break;
    }
    lanes |= lanes << 16;
    lanes |= lanes << 32;
    return lanes >> 8 * (offset % WIDTH);
}

/* -------------------------------------------------------------------------- commands */

static void set_command(struct flash *flash, uint8_t command, uint8_t step)
{
    bool was_array = flash->command == READ_ARRAY, is_array = command == READ_ARRAY;

    flash->command = command;
    flash->step = step;
    if (was_array != is_array)
        flash->dev.memory->show(flash->dev.memory, is_array);
}

static void begin(struct flash *flash, uint8_t command)
{
    switch (command) {
    case PROGRAM_OLD: set_command(flash, PROGRAM, 1); break;
    case PROGRAM:
    case ERASE:
    case LOCK:
    case WRITE_BUFFER: set_command(flash, command, 1); break;
    case READ_STATUS:
    case READ_ID:
    case READ_CFI: set_command(flash, command, 0); break;
    case CLEAR_STATUS:
        flash->status = READY;
        set_command(flash, READ_STATUS, 0);
        break;
    case READ_ARRAY:
    case 0xf0: /* probes of other command sets */
    case 0x00: set_command(flash, READ_ARRAY, 0); break;
    default:
        guest_error("%s: command 0x%x is not known", flash->dev.name, command);
        set_command(flash, READ_ARRAY, 0);
        break;
    }
}

static void fill_buffer(struct flash *flash, uint64_t offset, const uint8_t *bytes,
                        unsigned size)
{
    if (offset / BUFFER * BUFFER == flash->buffer_start)
        memcpy(flash->buffer + offset % BUFFER, bytes, size);
    else
        flash->status |= PROGRAM_FAILED;
    if (!--flash->left)
        flash->step = 3;
}

/* Count, words, Confirm. */
static void write_buffer(struct flash *flash, uint64_t offset, uint64_t value,
                         const uint8_t *bytes, unsigned size)
{
    if (flash->step == 1) {
        flash->left = (uint32_t)(value & 0xffff) + 1;
        flash->step = 2;
        flash->buffer_start = UINT32_MAX;
        memset(flash->buffer, 0xff, sizeof(flash->buffer));
    } else if (flash->step == 2) {
        if (flash->buffer_start == UINT32_MAX)
            flash->buffer_start = (uint32_t)(offset / BUFFER * BUFFER);
        fill_buffer(flash, offset, bytes, size);
    } else {
        if ((value & 0xff) != CONFIRM || flash->status & PROGRAM_FAILED)
            flash->status |= PROGRAM_FAILED;
        else
            program(flash, flash->buffer_start, flash->buffer, BUFFER);
        set_command(flash, READ_STATUS, 0);
    }
}

/* The write behind a command that has two. */
static void go_on(struct flash *flash, uint64_t offset, uint64_t value, unsigned size)
{
    uint8_t bytes[WIDTH];

    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    switch (flash->command) {
    case PROGRAM:
        program(flash, offset, bytes, size);
        set_command(flash, READ_STATUS, 0);
        break;
    case ERASE:
        if ((value & 0xff) == CONFIRM)
            erase(flash, offset);
        else
            flash->status |= ERASE_FAILED | PROGRAM_FAILED;
        set_command(flash, READ_STATUS, 0);
        break;
    case LOCK: /* no block keeps its lock */ set_command(flash, READ_STATUS, 0); break;
    default: write_buffer(flash, offset, value, bytes, size); break;
    }
}

/* At most as much as the bank is wide. */
static void write_part(struct flash *flash, uint64_t offset, uint64_t value,
                       unsigned size)
{
    if (flash->step)
        go_on(flash, offset, value, size);
    else
        begin(flash, (uint8_t)value);
}

static void flash_write(struct dev *dev, struct access at, uint64_t value)
{
    struct flash *flash = (struct flash *)dev;
    unsigned part = at.size < WIDTH ? at.size : WIDTH;

    if ((uint64_t)at.index + at.size > dev->memory->size)
        return;
    for (unsigned i = 0; i < at.size; i += part)
        write_part(flash, (uint64_t)at.index + i, value >> 8 * i, part);
}

/* ------------------------------------------------------------------------------ life */

static void has_read(struct block_request *request, int error)
{
    *(int *)request->context = error;
}

static int read_drive(struct flash *flash, char *error, size_t size)
{
    struct dev_memory *memory = flash->dev.memory;
    struct span span = { memory->bytes, (size_t)memory->size };
    int result = 0;
    struct block_request request = { .op = BLOCK_READ,
                                     .size = memory->size,
                                     .spans = &span,
                                     .span_count = 1,
                                     .done = has_read,
                                     .context = &result };

    if (flash->drive->size_bytes != memory->size) {
        snprintf(error, size, "%s: its image has %llu bytes, want %llu", flash->dev.name,
                 (unsigned long long)flash->drive->size_bytes,
                 (unsigned long long)memory->size);
        return -1;
    }
    flash->drive->submit(flash->drive, &request);
    flash->drive->drain(flash->drive);
    if (result)
        snprintf(error, size, "%s: its image: %s", flash->dev.name, strerror(result));
    return result ? -1 : 0;
}

static int flash_init(struct dev *dev, char *error, size_t size)
{
    struct flash *flash = (struct flash *)dev;

    if (!dev->memory || !dev->memory->size || dev->memory->size % BLOCK) {
        snprintf(error, size, "%s: want a place of whole blocks of %u bytes", dev->name,
                 BLOCK);
        return -1;
    }
    return flash->drive ? read_drive(flash, error, size) : 0;
}

static void flash_reset(struct dev *dev)
{
    struct flash *flash = (struct flash *)dev;

    flash->status = READY;
    flash->command = READ_ARRAY;
    flash->step = 0;
    dev->memory->show(dev->memory, true);
}

static void flash_settle(struct dev *dev)
{
    struct flash *flash = (struct flash *)dev;

    while (flash->is_writing)
        flash->drive->drain(flash->drive);
}

static int flash_loaded(struct dev *dev)
{
    struct flash *flash = (struct flash *)dev;
    bool wants_words = flash->command == WRITE_BUFFER && flash->step == 2;

    if (flash->step > 3 || (flash->step > 1 && flash->command != WRITE_BUFFER) ||
        (wants_words && !flash->left) ||
        (flash->step == 3 && flash->buffer_start > dev->memory->size - BUFFER))
        return -1;
    dev->memory->show(dev->memory, flash->command == READ_ARRAY);
    return 0;
}

static void flash_destroy(struct dev *dev)
{
    flash_settle(dev);
}

const struct dev_class pflash = {
    .name = "cfi.pflash01",
    .doc = "NOR flash: a bank of two chips of 16 bits, Intel's commands",
    .size = sizeof(struct flash),
    .mmio_size = 0x2000000,
    .is_memory = true,
    .regs = regs,
    .fields = fields,
    .properties = properties,
    .state_version = 1,
    .init = flash_init,
    .reset = flash_reset,
    .read = flash_read,
    .write = flash_write,
    .settle = flash_settle,
    .loaded = flash_loaded,
    .destroy = flash_destroy,
};
