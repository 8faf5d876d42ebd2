/* imsic.c - the incoming MSI controllers of all harts, one interrupt file each: of one
 * privilege level, so a machine has several of these devices.
 *
 * Hart h has page h of the region, where messages come in, and output h.  What it reads
 * and writes of its file goes through exchange(), by the manual's numbers; in addition
 * TOPEI is the register *topei, and writing it claims the identity in the value.
 *
 * Spec: RISC-V Advanced Interrupt Architecture 1.0, chapter "Incoming MSI Controller".
 * Not modelled: files of virtual machines, eidelivery 0x40000000, big endian. */
#include "dev/dev.h"

#include <stdio.h>
#include <string.h>

enum { SETEIPNUM_LE = 0 };
enum { EIDELIVERY = 0x70, EITHRESHOLD = 0x72, EIP0 = 0x80, EIE0 = 0xc0, TOPEI = 0x100 };
enum { MAX_HARTS = 64, WORDS = 64, PAGE = 0x1000, IDENTITY = 16 };

/* clang-format off */
static const struct reg regs[] = {
    { SETEIPNUM_LE, 4, RW, "seteipnum_le%u", .count = MAX_HARTS, .stride = PAGE },
    { 0 },
};
/* clang-format on */

struct file {
    uint32_t eidelivery, eithreshold;
    uint32_t eip[WORDS], eie[WORDS];
};

struct imsic {
    struct dev dev;
    uint32_t harts, ids;
    struct file file[MAX_HARTS];
};

static const struct field file_fields[] = {
    FIELD(struct file, eidelivery),
    FIELD(struct file, eithreshold),
    FIELD_ARRAY(struct file, eip),
    FIELD_ARRAY(struct file, eie),
    { 0 },
};

static const struct field fields[] = {
    FIELD_STRUCTS(struct imsic, file, file_fields),
    { 0 },
};

static const struct property properties[] = {
    PROPERTY(U32, struct imsic, harts, "how many harts it serves", 1, 1, MAX_HARTS),
    PROPERTY(U32, struct imsic, ids, "interrupt identities, 64n - 1", 255, 63,
             32 * WORDS - 1),
    { 0 },
};

/* The identity that is pending, enabled and below the threshold, the lowest one; 0: none.
 */
static uint32_t top(const struct imsic *imsic, const struct file *file)
{
    for (unsigned word = 0; word <= imsic->ids / 32; word++) {
        uint32_t bits = file->eip[word] & file->eie[word], id = 32 * word;

        if (!bits)
            continue;
        for (; !(bits & 1); bits >>= 1)
            id++;
        return file->eithreshold && id >= file->eithreshold ? 0 : id;
    }
    return 0;
}

static void update(struct imsic *imsic, unsigned hart)
{
    const struct file *file = &imsic->file[hart];

    dev_irq(&imsic->dev, hart, file->eidelivery && top(imsic, file));
}

/* ids is 64n - 1: all but the first of what there are words for. */
static uint32_t word_mask(const struct imsic *imsic, unsigned word)
{
    if (word > imsic->ids / 32)
        return 0;
    return word ? UINT32_MAX : ~UINT32_C(1);
}

/* --------------------------------------------------------------- as devices see it */

static uint64_t imsic_read(struct dev *dev, struct access at)
{
    (void)dev;
    (void)at;
    return 0;
}

static void imsic_write(struct dev *dev, struct access at, uint64_t value)
{
    struct imsic *imsic = (struct imsic *)dev;
    uint32_t id = (uint32_t)value;

    if (at.index >= imsic->harts || id == 0 || id > imsic->ids)
        return;
    imsic->file[at.index].eip[id / 32] |= UINT32_C(1) << id % 32;
    update(imsic, at.index);
}

/* ------------------------------------------------------------ as its hart sees it */

static uint32_t *word_of(struct file *file, uint32_t reg)
{
    switch (reg) {
    case EIDELIVERY: return &file->eidelivery;
    case EITHRESHOLD: return &file->eithreshold;
    }
    if (reg >= EIE0 && reg < EIE0 + WORDS)
        return &file->eie[reg - EIE0];
    return reg >= EIP0 && reg < EIP0 + WORDS ? &file->eip[reg - EIP0] : NULL;
}

/* What a register may hold of a value. */
static uint32_t legal(const struct imsic *imsic, uint32_t reg, uint32_t value)
{
    switch (reg) {
    case EIDELIVERY: return value & 1;
    case EITHRESHOLD: return value % (32 * WORDS);
    default: return value & word_mask(imsic, reg % WORDS);
    }
}

static uint64_t claim(struct imsic *imsic, struct file *file, uint64_t mask,
                      uint64_t value)
{
    uint32_t now = top(imsic, file), id = (uint32_t)(value >> IDENTITY);

    if (mask && id <= imsic->ids)
        file->eip[id / 32] &= ~(UINT32_C(1) << id % 32);
    return (uint64_t)now << IDENTITY | now;
}

/* The reserved numbers between read as 0. */
static bool imsic_exchange(struct dev *dev, unsigned output, uint32_t reg, uint64_t mask,
                           uint64_t *value)
{
    struct imsic *imsic = (struct imsic *)dev;
    uint32_t *word, old, new = (uint32_t)*value;
    struct file *file;

    if (output >= imsic->harts || reg < EIDELIVERY || reg > TOPEI)
        return false;
    file = &imsic->file[output];
    if (reg == TOPEI) {
        *value = claim(imsic, file, mask, *value);
    } else {
        word = word_of(file, reg);
        old = word ? *word : 0;
        if (word)
            *word = legal(imsic, reg, (old & ~(uint32_t)mask) | (new &(uint32_t)mask));
        *value = old;
    }
    if (mask)
        update(imsic, output);
    return true;
}

/* --------------------------------------------------------------------------- life */

static int imsic_init(struct dev *dev, char *error, size_t size)
{
    const struct imsic *imsic = (struct imsic *)dev;

    if (imsic->ids % 64 == 63)
        return 0;
    snprintf(error, size, "ids is 64n - 1, not %u", (unsigned)imsic->ids);
    return -1;
}

static void update_all(struct imsic *imsic)
{
    for (unsigned hart = 0; hart < imsic->harts; hart++)
        update(imsic, hart);
}

static void imsic_reset(struct dev *dev)
{
    struct imsic *imsic = (struct imsic *)dev;

    memset(imsic->file, 0, sizeof(imsic->file));
    update_all(imsic);
}

/* Identities that are not there can do nothing, whatever was loaded. */
static int imsic_loaded(struct dev *dev)
{
    struct imsic *imsic = (struct imsic *)dev;

    for (unsigned hart = 0; hart < MAX_HARTS; hart++) {
        const struct file *file = &imsic->file[hart];

        if (legal(imsic, EIDELIVERY, file->eidelivery) != file->eidelivery ||
            legal(imsic, EITHRESHOLD, file->eithreshold) != file->eithreshold)
            return -1;
        for (unsigned word = 0; word < WORDS; word++)
            if ((file->eip[word] | file->eie[word]) & ~word_mask(imsic, word))
                return -1;
    }
    update_all(imsic);
    return 0;
}

const struct dev_class imsic = {
    .name = "imsic",
    .doc = "incoming message-signalled interrupts of harts",
    .takes_msi = true,
    .size = sizeof(struct imsic),
    .mmio_size = MAX_HARTS * PAGE,
    .regs = regs,
    .fields = fields,
    .properties = properties,
    .state_version = 1,
    .init = imsic_init,
    .reset = imsic_reset,
    .read = imsic_read,
    .write = imsic_write,
    .exchange = imsic_exchange,
    .loaded = imsic_loaded,
};
