/* aplic.c - the advanced platform-level interrupt controller: one interrupt domain.
 *
 * A domain without `parent` is the root, at machine level; its `parent`, an aplic before
 * it on the board, can delegate sources to it.  Input line n, of any domain, is source n.
 * Output h is the external interrupt of hart h; with msi=on interrupts are sent as
 * messages instead, to where the root's registers say.
 *
 * Spec: RISC-V Advanced Interrupt Architecture 1.0, chapter "Advanced Platform-Level
 * Interrupt Controller (APLIC)"; domaincfg.DM is what msi says.
 * Not modelled: several children of a domain, Guest Index, big endian. */
#include "dev/dev.h"

#include <stdio.h>
#include <string.h>

enum {
    DOMAINCFG = 0x0000,
    SOURCECFG = 0x0004,
    MMSIADDRCFG = 0x1bc0,
    SETIP = 0x1c00,
    SETIPNUM = 0x1cdc,
    IN_CLRIP = 0x1d00,
    CLRIPNUM = 0x1ddc,
    SETIE = 0x1e00,
    SETIENUM = 0x1edc,
    CLRIE = 0x1f00,
    CLRIENUM = 0x1fdc,
    SETIPNUM_LE = 0x2000,
    GENMSI = 0x3000,
    TARGET = 0x3004,
    IDELIVERY = 0x4000,
    IFORCE = 0x4004,
    ITHRESHOLD = 0x4008,
    TOPI = 0x4018,
    CLAIMI = 0x401c,
};
enum { MAX_SOURCES = 1024, WORDS = MAX_SOURCES / 32, MAX_HARTS = 64, IDC = 0x20 };
enum { IE = 0x100, DM = 4 };                                   /* domaincfg */
enum { DELEGATE = 0x400, MODE = 7 };                           /* sourcecfg */
enum { INACTIVE, DETACHED, EDGE1 = 4, EDGE0, LEVEL1, LEVEL0 }; /* its mode */
enum { HART = 18, EIID = 0x7ff, IPRIO = 0xff, SOURCE = 16 };   /* target, topi */
/* mmsiaddrcfg, mmsiaddrcfgh, smsiaddrcfg, smsiaddrcfgh */
enum { M_LOW, M_HIGH, S_LOW, S_HIGH, ADDRCFGS };
#define LOCKED UINT32_C(0x80000000)

/* clang-format off */
static const struct reg regs[] = {
    { DOMAINCFG,   4, RW, "domaincfg" },
    { SOURCECFG,   4, RW, "sourcecfg[1+%u]", .count = MAX_SOURCES - 1 },
    { MMSIADDRCFG, 4, RW, "msiaddrcfg%u", .count = ADDRCFGS },
    { SETIP,       4, RW, "setip%u", .count = WORDS },
    { SETIPNUM,    4, RW, "setipnum" },
    { IN_CLRIP,    4, RW, "in_clrip%u", .count = WORDS },
    { CLRIPNUM,    4, RW, "clripnum" },
    { SETIE,       4, RW, "setie%u", .count = WORDS },
    { SETIENUM,    4, RW, "setienum" },
    { CLRIE,       4, RW, "clrie%u", .count = WORDS },
    { CLRIENUM,    4, RW, "clrienum" },
    { SETIPNUM_LE, 4, RW, "setipnum_le" },
    { GENMSI,      4, RW, "genmsi" },
    { TARGET,      4, RW, "target[1+%u]", .count = MAX_SOURCES - 1 },
    { IDELIVERY,   4, RW, "idelivery%u",  .count = MAX_HARTS, .stride = IDC },
    { IFORCE,      4, RW, "iforce%u",     .count = MAX_HARTS, .stride = IDC },
    { ITHRESHOLD,  4, RW, "ithreshold%u", .count = MAX_HARTS, .stride = IDC },
    { TOPI,        4, RO, "topi%u",       .count = MAX_HARTS, .stride = IDC },
    { CLAIMI,      4, RO, "claimi%u",     .count = MAX_HARTS, .stride = IDC },
    { 0 },
};
/* clang-format on */

struct idc {
    bool idelivery, iforce;
    uint8_t ithreshold;
};

struct aplic {
    struct dev dev;
    uint32_t sources, harts;
    bool msi;
    struct dev *parent;
    struct aplic *child; /* whose parent this is, or NULL */
    bool is_on;          /* domaincfg.IE */
    uint16_t sourcecfg[MAX_SOURCES];
    uint32_t target[MAX_SOURCES];
    uint32_t level[WORDS]; /* of the wires; the root's are all domains' */
    uint32_t pending[WORDS], enable[WORDS];
    uint32_t addrcfg[ADDRCFGS]; /* the root's are all domains' */
    uint32_t genmsi;
    struct idc idc[MAX_HARTS];
};

static const struct field idc_fields[] = {
    FIELD(struct idc, idelivery),
    FIELD(struct idc, iforce),
    FIELD(struct idc, ithreshold),
    { 0 },
};

static const struct field fields[] = {
    FIELD(struct aplic, is_on),
    FIELD_ARRAY(struct aplic, sourcecfg),
    FIELD_ARRAY(struct aplic, target),
    FIELD_ARRAY(struct aplic, level),
    FIELD_ARRAY(struct aplic, pending),
    FIELD_ARRAY(struct aplic, enable),
    FIELD_ARRAY(struct aplic, addrcfg),
    FIELD(struct aplic, genmsi),
    FIELD_STRUCTS(struct aplic, idc, idc_fields),
    { 0 },
};

static const struct property properties[] = {
    PROPERTY(U32, struct aplic, sources, "interrupt sources, without source 0", 96, 1,
             MAX_SOURCES - 1),
    PROPERTY(U32, struct aplic, harts, "how many harts it serves", 1, 1, MAX_HARTS),
    PROPERTY(BOOL, struct aplic, msi, "sends messages instead of raising lines", 0),
    PROPERTY(DEV, struct aplic, parent, "the aplic whose child domain this is"),
    { 0 },
};

/* -------------------------------------------------------------------------- domains */

static struct aplic *parent_of(const struct aplic *aplic)
{
    return (struct aplic *)aplic->parent;
}

static struct aplic *root_of(struct aplic *aplic)
{
    while (parent_of(aplic))
        aplic = parent_of(aplic);
    return aplic;
}

static bool is_there(const struct aplic *aplic, uint64_t source)
{
    return source >= 1 && source <= aplic->sources;
}

static bool is_delegated(const struct aplic *aplic, unsigned source)
{
    return (aplic->sourcecfg[source] & DELEGATE) != 0;
}

/* Whether the domain may do something with it: its parents leave it to it. */
static bool is_ours(const struct aplic *aplic, uint64_t source)
{
    if (!is_there(aplic, source))
        return false;
    for (const struct aplic *a = parent_of(aplic); a; a = parent_of(a))
        if (!is_there(a, source) || !is_delegated(a, (unsigned)source))
            return false;
    return true;
}

static unsigned mode_of(const struct aplic *aplic, unsigned source)
{
    return is_delegated(aplic, source) ? INACTIVE : aplic->sourcecfg[source] & MODE;
}

static bool is_active(const struct aplic *aplic, uint64_t source)
{
    return is_there(aplic, source) && mode_of(aplic, (unsigned)source) != INACTIVE;
}

/* ------------------------------------------------------------------------- sources */

static bool has(const uint32_t *bits, unsigned source)
{
    return bits[source / 32] >> source % 32 & 1;
}

static void put(uint32_t *bits, unsigned source, bool value)
{
    uint32_t bit = UINT32_C(1) << source % 32;

    bits[source / 32] = value ? bits[source / 32] | bit : bits[source / 32] & ~bit;
}

/* 2 and 3 are reserved. */
static bool is_mode(unsigned mode)
{
    return mode <= DETACHED || mode >= EDGE1;
}

static bool is_level(unsigned mode)
{
    return mode == LEVEL1 || mode == LEVEL0;
}

/* The rectified input value. */
static bool input(struct aplic *aplic, unsigned source)
{
    unsigned mode = mode_of(aplic, source);

    return mode >= EDGE1 && has(root_of(aplic)->level, source) == !(mode & 1);
}

/* A write of setip, and of in_clrip: "Precise effects on interrupt-pending bits". */
static void set_pending(struct aplic *aplic, uint64_t number)
{
    unsigned source = (unsigned)number;

    if (is_active(aplic, number) &&
        (!is_level(mode_of(aplic, source)) || (aplic->msi && input(aplic, source))))
        put(aplic->pending, source, true);
}

static void clear_pending(struct aplic *aplic, uint64_t number)
{
    unsigned source = (unsigned)number;

    if (is_active(aplic, number) && (!is_level(mode_of(aplic, source)) || aplic->msi))
        put(aplic->pending, source, false);
}

/* Its input was `before`: the same section's rules for the wire. */
static void follow(struct aplic *aplic, unsigned source, bool before)
{
    bool now = input(aplic, source);

    if (now && !before)
        put(aplic->pending, source, true);
    else if (!now && is_level(mode_of(aplic, source)))
        put(aplic->pending, source, false);
}

static void deactivate(struct aplic *aplic, unsigned source)
{
    aplic->sourcecfg[source] = 0;
    aplic->target[source] = 0;
    put(aplic->pending, source, false);
    put(aplic->enable, source, false);
}

/* ------------------------------------------------------------------------ delivery */

/* Of the registers of one level; the hart's index is the same in all domains. */
static uint64_t message_address(const struct aplic *root, bool is_root, uint32_t hart)
{
    uint32_t high = root->addrcfg[M_HIGH], own = root->addrcfg[is_root ? M_HIGH : S_HIGH];
    unsigned high_shift = high >> 24 & 31, low_shift = own >> 20 & 7;
    unsigned high_width = high >> 16 & 7, low_width = high >> 12 & 15;
    uint64_t page =
        (uint64_t)(own & 0xfff) << 32 | root->addrcfg[is_root ? M_LOW : S_LOW];
    uint64_t group = hart >> low_width & ((UINT32_C(1) << high_width) - 1);
    uint64_t number = hart & ((UINT32_C(1) << low_width) - 1);

    return (page | group << (high_shift + 12) | number << low_shift) << 12;
}

static void send(struct aplic *aplic, uint32_t target)
{
    struct aplic *root = root_of(aplic);

    msi_send(aplic->dev.msi, message_address(root, aplic == root, target >> HART),
             target & EIID);
}

static void send_pending(struct aplic *aplic)
{
    for (unsigned word = 0; word <= aplic->sources / 32; word++) {
        uint32_t bits = aplic->pending[word] & aplic->enable[word];

        aplic->pending[word] &= ~bits;
        for (unsigned source = 32 * word; bits; source++, bits >>= 1)
            if (bits & 1)
                send(aplic, aplic->target[source]);
    }
}

/* What topi says: the source of the lowest priority number, then the lowest source. */
static uint32_t top(const struct aplic *aplic, unsigned hart)
{
    unsigned threshold = aplic->idc[hart].ithreshold, best = 0;
    uint32_t lowest = threshold ? threshold : IPRIO + 1;

    for (unsigned word = 0; word <= aplic->sources / 32; word++) {
        uint32_t bits = aplic->pending[word] & aplic->enable[word];

        for (unsigned source = 32 * word; bits; source++, bits >>= 1) {
            if ((bits & 1) && aplic->target[source] >> HART == hart &&
                (aplic->target[source] & IPRIO) < lowest) {
                lowest = aplic->target[source] & IPRIO;
                best = source;
            }
        }
    }
    return best ? best << SOURCE | lowest : 0;
}

static void update(struct aplic *aplic)
{
    if (aplic->msi) {
        if (aplic->is_on)
            send_pending(aplic);
        return;
    }
    for (unsigned hart = 0; hart < aplic->harts; hart++) {
        const struct idc *idc = &aplic->idc[hart];

        dev_irq(&aplic->dev, hart,
                aplic->is_on && idc->idelivery && (idc->iforce || top(aplic, hart)));
    }
}

static uint32_t claim(struct aplic *aplic, unsigned hart)
{
    uint32_t now = top(aplic, hart);

    if (now)
        clear_pending(aplic, now >> SOURCE);
    else
        aplic->idc[hart].iforce = false;
    update(aplic);
    return now;
}

/* Of any domain: they share the wires. */
static void aplic_set_line(struct dev *dev, unsigned line, bool level)
{
    struct aplic *aplic = root_of((struct aplic *)dev), *root = aplic;
    bool before;

    if (line == 0 || line >= MAX_SOURCES || has(root->level, line) == level)
        return;
    while (aplic && is_there(aplic, line) && is_delegated(aplic, line))
        aplic = aplic->child;
    before = aplic && is_there(aplic, line) && input(aplic, line);
    put(root->level, line, level);
    if (!aplic || !is_active(aplic, line))
        return;
    follow(aplic, line, before);
    update(aplic);
}

/* ----------------------------------------------------------------------- registers */

static uint32_t legal_target(const struct aplic *aplic, uint32_t value)
{
    uint32_t hart = value >> HART << HART;

    if (aplic->msi)
        return hart | (value & EIID);
    return hart | (value & IPRIO ? value & IPRIO : 1);
}

/* The child loses what is not delegated any more. */
static void write_sourcecfg(struct aplic *aplic, unsigned source, uint32_t value)
{
    if (!is_ours(aplic, source))
        return;
    if (value & DELEGATE || !is_mode(value & MODE) || (value & MODE) == INACTIVE) {
        deactivate(aplic, source);
        aplic->sourcecfg[source] = value & DELEGATE && aplic->child ? DELEGATE : 0;
    } else {
        if (!is_active(aplic, source))
            aplic->target[source] = legal_target(aplic, 0);
        aplic->sourcecfg[source] = value & MODE;
        if (is_level(value & MODE))
            follow(aplic, source, false);
    }
    for (struct aplic *a = aplic->child; a && !is_delegated(aplic, source); a = a->child)
        if (is_there(a, source))
            deactivate(a, source);
}

/* The root's only, until they are locked. */
static void write_addrcfg(struct aplic *aplic, unsigned number, uint32_t value)
{
    static const uint32_t mask[] = { UINT32_MAX, 0x9f77ffff, UINT32_MAX, 0x00700fff };

    if (aplic->msi && !aplic->parent && !(aplic->addrcfg[M_HIGH] & LOCKED))
        aplic->addrcfg[number] = value & mask[number];
}

static uint32_t read_inputs(struct aplic *aplic, unsigned word)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < 32; i++)
        if (is_active(aplic, 32 * word + i))
            bits |= (uint32_t)input(aplic, 32 * word + i) << i;
    return bits;
}

/* Does `what` with the sources of a word. */
static void with_bits(struct aplic *aplic, unsigned word, uint32_t bits,
                      void (*what)(struct aplic *aplic, uint64_t source))
{
    for (unsigned source = 32 * word; bits; source++, bits >>= 1)
        if (bits & 1)
            what(aplic, source);
}

static void set_enable(struct aplic *aplic, uint64_t source)
{
    if (is_active(aplic, source))
        put(aplic->enable, (unsigned)source, true);
}

static void clear_enable(struct aplic *aplic, uint64_t source)
{
    if (is_active(aplic, source))
        put(aplic->enable, (unsigned)source, false);
}

static uint64_t read_idc(struct aplic *aplic, struct access at)
{
    const struct idc *idc = &aplic->idc[at.index];

    if (aplic->msi || at.index >= aplic->harts)
        return 0;
    switch (at.reg) {
    case IDELIVERY: return idc->idelivery;
    case IFORCE: return idc->iforce;
    case ITHRESHOLD: return idc->ithreshold;
    case TOPI: return top(aplic, at.index);
    default: return claim(aplic, at.index);
    }
}

static void write_idc(struct aplic *aplic, struct access at, uint64_t value)
{
    struct idc *idc = &aplic->idc[at.index];

    if (aplic->msi || at.index >= aplic->harts)
        return;
    switch (at.reg) {
    case IDELIVERY: idc->idelivery = value & 1; break;
    case IFORCE: idc->iforce = value & 1; break;
    case ITHRESHOLD: idc->ithreshold = value & IPRIO; break;
    }
}

static uint64_t aplic_read(struct dev *dev, struct access at)
{
    struct aplic *aplic = (struct aplic *)dev;

    if (at.reg >= IDELIVERY)
        return read_idc(aplic, at);
    switch (at.reg) {
    case DOMAINCFG: return 0x80000000 | (aplic->is_on ? IE : 0) | (aplic->msi ? DM : 0);
    case SOURCECFG: return aplic->sourcecfg[at.index + 1];
    case MMSIADDRCFG: return aplic->addrcfg[at.index];
    case SETIP: return aplic->pending[at.index];
    case IN_CLRIP: return read_inputs(aplic, at.index);
    case SETIE: return aplic->enable[at.index];
    case GENMSI: return aplic->genmsi;
    case TARGET: return aplic->target[at.index + 1];
    default: return 0;
    }
}

static void write_genmsi(struct aplic *aplic, uint32_t value)
{
    if (!aplic->msi)
        return;
    aplic->genmsi = legal_target(aplic, value);
    send(aplic, aplic->genmsi);
}

static void aplic_write(struct dev *dev, struct access at, uint64_t value)
{
    struct aplic *aplic = (struct aplic *)dev;
    uint32_t bits = (uint32_t)value;

    switch (at.reg) {
    case DOMAINCFG: aplic->is_on = (value & IE) != 0; break;
    case SOURCECFG: write_sourcecfg(aplic, at.index + 1, bits); break;
    case MMSIADDRCFG: write_addrcfg(aplic, at.index, bits); break;
    case SETIP: with_bits(aplic, at.index, bits, set_pending); break;
    case SETIPNUM:
    case SETIPNUM_LE: set_pending(aplic, value); break;
    case IN_CLRIP: with_bits(aplic, at.index, bits, clear_pending); break;
    case CLRIPNUM: clear_pending(aplic, value); break;
    case SETIE: with_bits(aplic, at.index, bits, set_enable); break;
    case SETIENUM: set_enable(aplic, value); break;
    case CLRIE: with_bits(aplic, at.index, bits, clear_enable); break;
    case CLRIENUM: clear_enable(aplic, value); break;
    case GENMSI: write_genmsi(aplic, bits); break;
    case TARGET:
        if (is_active(aplic, at.index + 1))
            aplic->target[at.index + 1] = legal_target(aplic, bits);
        break;
    default: write_idc(aplic, at, value); break;
    }
    update(aplic);
}

/* --------------------------------------------------------------------------- life */

static int aplic_init(struct dev *dev, char *error, size_t size)
{
    struct aplic *aplic = (struct aplic *)dev, *parent = parent_of(aplic);

    if (!parent)
        return 0;
    if (parent->dev.class != dev->class || parent->child || parent == aplic) {
        snprintf(error, size, "parent is an aplic that has no child yet");
        return -1;
    }
    parent->child = aplic;
    return 0;
}

static void aplic_reset(struct dev *dev)
{
    struct aplic *aplic = (struct aplic *)dev;

    aplic->is_on = false;
    for (unsigned source = 1; source < MAX_SOURCES; source++)
        deactivate(aplic, source); /* the wires stay as they are */
    memset(aplic->addrcfg, 0, sizeof(aplic->addrcfg));
    memset(aplic->idc, 0, sizeof(aplic->idc));
    aplic->genmsi = 0;
    update(aplic);
}

/* Sources that are not there, or inactive, can do nothing, whatever was loaded. */
static int aplic_loaded(struct dev *dev)
{
    struct aplic *aplic = (struct aplic *)dev;

    for (unsigned source = 0; source < MAX_SOURCES; source++) {
        unsigned config = aplic->sourcecfg[source];

        if (config != DELEGATE && (config > MODE || !is_mode(config)))
            return -1;
        if (is_active(aplic, source))
            continue;
        if (has(aplic->pending, source) || has(aplic->enable, source) ||
            aplic->target[source])
            return -1;
    }
    update(aplic);
    return 0;
}

const struct dev_class aplic = {
    .name = "aplic",
    .doc = "an interrupt domain of an advanced platform-level interrupt controller",
    .size = sizeof(struct aplic),
    .mmio_size = 0x8000,
    .regs = regs,
    .fields = fields,
    .properties = properties,
    .state_version = 1,
    .init = aplic_init,
    .reset = aplic_reset,
    .read = aplic_read,
    .write = aplic_write,
    .set_line = aplic_set_line,
    .loaded = aplic_loaded,
};
