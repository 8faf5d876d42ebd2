/* plic.c - the platform-level interrupt controller, as SiFive builds it.
 *
 * Input line n is source n (from 1 on), output n is the external interrupt of context n.
 * A source is pending while its line is high and nobody has claimed it; its completion
 * makes it pending again if the line is still high.  A line that falls before the claim
 * takes its request back.
 *
 * Spec: RISC-V PLIC 1.0.0.
 * Not modelled: edge-triggered sources. */
#include "dev/dev.h"

#include <stdio.h>
#include <string.h>

enum {
    PRIORITY = 0x000000,
    PENDING = 0x001000,
    ENABLE = 0x002000,
    THRESHOLD = 0x200000,
    CLAIM = 0x200004,
};
enum { MAX_SOURCES = 1024, WORDS = MAX_SOURCES / 32, MAX_CONTEXTS = 128 };

/* clang-format off */
static const struct reg regs[] = {
    { PRIORITY,  4, RW, "PRIORITY%u",  .count = MAX_SOURCES },
    { PENDING,   4, RO, "PENDING%u",   .count = WORDS },
    { ENABLE,    4, RW, "ENABLE%u",    .count = WORDS * MAX_CONTEXTS },
    { THRESHOLD, 4, RW, "THRESHOLD%u", .count = MAX_CONTEXTS, .stride = 0x1000 },
    { CLAIM,     4, RW, "CLAIM%u",     .count = MAX_CONTEXTS, .stride = 0x1000 },
    { 0 },
};
/* clang-format on */

struct context {
    uint32_t enable[WORDS];
    uint32_t threshold;
};

struct plic {
    struct dev dev;
    uint32_t sources, contexts, priorities;
    uint32_t priority[MAX_SOURCES];
    uint32_t level[WORDS], pending[WORDS], claimed[WORDS];
    struct context context[MAX_CONTEXTS];
};

static const struct field context_fields[] = {
    FIELD_ARRAY(struct context, enable),
    FIELD(struct context, threshold),
    { 0 },
};

static const struct field fields[] = {
    FIELD_ARRAY(struct plic, priority),
    FIELD_ARRAY(struct plic, level),
    FIELD_ARRAY(struct plic, pending),
    FIELD_ARRAY(struct plic, claimed),
    FIELD_STRUCTS(struct plic, context, context_fields),
    { 0 },
};

static const struct property properties[] = {
    PROPERTY(U32, struct plic, sources, "interrupt sources, without source 0", 95, 1,
             MAX_SOURCES - 1),
    PROPERTY(U32, struct plic, contexts, "interrupt contexts (outputs)", 2, 1,
             MAX_CONTEXTS),
    PROPERTY(U32, struct plic, priorities, "highest priority, 2^n - 1", 7, 1, 0xffff),
    { 0 },
};

/* The source of the highest priority above `above` that waits for this context; 0: none.
 * Among equals the lowest number wins. */
static unsigned best_source(const struct plic *plic, const struct context *context,
                            uint32_t above)
{
    unsigned best = 0;

    for (unsigned word = 0; word <= plic->sources / 32; word++) {
        uint32_t bits = plic->pending[word] & context->enable[word];

        for (unsigned source = 32 * word; bits; source++, bits >>= 1) {
            if ((bits & 1) && plic->priority[source] > above) {
                above = plic->priority[source];
                best = source;
            }
        }
    }
    return best;
}

static void plic_update(struct plic *plic)
{
    for (unsigned i = 0; i < plic->contexts; i++) {
        const struct context *context = &plic->context[i];

        dev_irq(&plic->dev, i, best_source(plic, context, context->threshold) != 0);
    }
}

static void plic_set_line(struct dev *dev, unsigned line, bool level)
{
    struct plic *plic = (struct plic *)dev;
    uint32_t bit = UINT32_C(1) << line % 32;

    if (line == 0 || line > plic->sources ||
        level == ((plic->level[line / 32] & bit) != 0))
        return;
    if (level) {
        plic->level[line / 32] |= bit;
        plic->pending[line / 32] |= bit & ~plic->claimed[line / 32];
    } else {
        plic->level[line / 32] &= ~bit;
        plic->pending[line / 32] &= ~bit;
    }
    plic_update(plic);
}

/* The manual: whatever the threshold is. */
static unsigned plic_claim(struct plic *plic, const struct context *context)
{
    unsigned source = best_source(plic, context, 0);
    uint32_t bit = UINT32_C(1) << source % 32;

    if (source) {
        plic->pending[source / 32] &= ~bit;
        plic->claimed[source / 32] |= bit;
        plic_update(plic);
    }
    return source;
}

/* Of what this context has not enabled it is ignored, says the manual. */
static void plic_complete(struct plic *plic, const struct context *context,
                          uint64_t source)
{
    uint32_t bit = UINT32_C(1) << source % 32;

    if (source == 0 || source > plic->sources || !(context->enable[source / 32] & bit))
        return;
    plic->claimed[source / 32] &= ~bit;
    plic->pending[source / 32] |= plic->level[source / 32] & bit;
    plic_update(plic);
}

/* The sources of a word that exist. */
static uint32_t word_mask(const struct plic *plic, unsigned word)
{
    uint32_t mask = word == 0 ? ~UINT32_C(1) : UINT32_MAX;
    unsigned last = plic->sources;

    if (word > last / 32)
        return 0;
    return word == last / 32 ? mask & (UINT32_MAX >> (31 - last % 32)) : mask;
}

static uint64_t plic_read(struct dev *dev, struct access at)
{
    struct plic *plic = (struct plic *)dev;
    unsigned i = at.reg == ENABLE ? at.index / WORDS : at.index;

    switch (at.reg) {
    case PRIORITY: return plic->priority[i];
    case PENDING: return plic->pending[i];
    case ENABLE: return plic->context[i].enable[at.index % WORDS];
    case THRESHOLD: return plic->context[i].threshold;
    case CLAIM: return plic_claim(plic, &plic->context[i]);
    }
    return 0;
}

static void plic_write(struct dev *dev, struct access at, uint64_t value)
{
    struct plic *plic = (struct plic *)dev;
    unsigned i = at.reg == ENABLE ? at.index / WORDS : at.index;

    if (at.reg == PRIORITY ? i == 0 || i > plic->sources : i >= plic->contexts)
        return;
    switch (at.reg) {
    case PRIORITY: plic->priority[i] = value & plic->priorities; break;
    case ENABLE:
        plic->context[i].enable[at.index % WORDS] =
            value & word_mask(plic, at.index % WORDS);
        break;
    case THRESHOLD: plic->context[i].threshold = value & plic->priorities; break;
    case CLAIM: plic_complete(plic, &plic->context[i], value); return;
    }
    plic_update(plic);
}

static int plic_init(struct dev *dev, char *error, size_t size)
{
    struct plic *plic = (struct plic *)dev;

    if ((plic->priorities & (plic->priorities + 1)) == 0)
        return 0;
    snprintf(error, size, "priorities is 2^n - 1, not %u", (unsigned)plic->priorities);
    return -1;
}

static void plic_reset(struct dev *dev)
{
    struct plic *plic = (struct plic *)dev;

    memset(plic->priority, 0, sizeof(plic->priority));
    memset(plic->claimed, 0, sizeof(plic->claimed));
    memset(plic->context, 0, sizeof(plic->context));
    memcpy(plic->pending, plic->level,
           sizeof(plic->pending)); /* lines stay as they are */
    plic_update(plic);
}

/* Sources that are not there can do nothing, whatever was loaded. */
static int plic_loaded(struct dev *dev)
{
    struct plic *plic = (struct plic *)dev;

    for (unsigned word = 0; word < WORDS; word++) {
        if ((plic->level[word] | plic->pending[word] | plic->claimed[word]) &
            ~word_mask(plic, word))
            return -1;
    }
    plic_update(plic);
    return 0;
}

const struct dev_class plic = {
    .name = "sifive-plic",
    .doc = "platform-level interrupt controller",
    .size = sizeof(struct plic),
    .mmio_size = 0x4000000,
    .regs = regs,
    .fields = fields,
    .properties = properties,
    .state_version = 1,
    .init = plic_init,
    .reset = plic_reset,
    .read = plic_read,
    .write = plic_write,
    .set_line = plic_set_line,
    .loaded = plic_loaded,
};
