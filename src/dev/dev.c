/* dev.c - what all devices share: register dispatch, properties, lines, time, memory and
 * back ends.  Saved state is in state.c. */
#include "dev/dev.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"

#define DEV(name) extern const struct dev_class name;
#include "dev/list.h"
#undef DEV

const struct dev_class *const dev_classes[] = {
#define DEV(name) &name,
#include "dev/list.h"
#undef DEV
    NULL,
};

const struct dev_class *dev_class_find(const char *name)
{
    for (size_t i = 0; dev_classes[i]; i++)
        if (!strcmp(dev_classes[i]->name, name))
            return dev_classes[i];
    return NULL;
}

/* --------------------------------------------------------------------- registers */

static unsigned reg_size(const struct reg *reg)
{
    unsigned size = 8;

    while (size > 1 && !(reg->widths & size))
        size /= 2;
    return size;
}

/* Whether the access lies in the row, and then where. */
static bool reg_contains(const struct reg *reg, uint64_t offset, unsigned size,
                         struct access *at)
{
    uint64_t reg_bytes = reg_size(reg), stride = reg->stride ? reg->stride : reg_bytes;
    uint64_t count = reg->count ? reg->count : 1, from = offset - reg->offset;

    if (offset < reg->offset || from / stride >= count)
        return false;
    at->reg = reg->offset;
    at->region = reg->region;
    at->index = from / stride;
    at->byte = from % stride;
    at->size = size;
    if (stride < reg_bytes)
        return from + size <= count * stride;
    return at->byte + size <= reg_bytes;
}

const struct reg *dev_find_reg(const struct dev_class *class, unsigned region,
                               uint64_t offset, unsigned size, struct access *at,
                               const char **why)
{
    const struct reg *reg = class->regs;

    *why = "where there is no register";
    for (; reg && reg->name; reg++) {
        struct access first;

        if (reg->region != region || !reg_contains(reg, offset, 1, &first))
            continue;
        if (!(reg->widths & size)) {
            *why = "of a width that it does not take:";
            return NULL;
        }
        if (offset % size || !reg_contains(reg, offset, size, at)) {
            *why = "that is not aligned:";
            return NULL;
        }
        return reg;
    }
    return NULL;
}

/* The name of what lies at an offset, for messages. */
static const char *reg_name(const struct dev_class *class, unsigned region,
                            uint64_t offset, char *text, size_t size)
{
    text[0] = 0;
    for (const struct reg *reg = class->regs; reg && reg->name; reg++) {
        const char *number = strstr(reg->name, "%u");
        struct access at;

        if (reg->region != region || !reg_contains(reg, offset, 1, &at))
            continue;
        if (number)
            snprintf(text, size, "%.*s%u%s", (int)(number - reg->name), reg->name,
                     (unsigned)at.index, number + 2);
        else
            snprintf(text, size, "%s", reg->name);
        break;
    }
    return text;
}

static const struct reg *checked_reg(struct dev *dev, unsigned region, uint64_t offset,
                                     unsigned size, unsigned access, struct access *at)
{
    const char *why;
    const struct reg *reg = dev_find_reg(dev->class, region, offset, size, at, &why);
    char name[80];

    if (reg && (reg->access & access))
        return reg;
    if (reg)
        why = access == RO ? "of what can only be written:" : "of what can only be read:";
    reg_name(dev->class, region, offset, name, sizeof(name));
    guest_error("%s: %u-byte %s %s %s (offset 0x%llx)", dev->name, size,
                access == RO ? "read" : "write", why, name, (unsigned long long)offset);
    return NULL;
}

static void trace(const struct dev *dev, unsigned region, uint64_t offset,
                  struct access at, uint64_t value, bool is_write)
{
    char name[80];

    dev->trace(dev, reg_name(dev->class, region, offset, name, sizeof(name)), at, value,
               is_write);
}

static uint64_t low_bytes(uint64_t value, unsigned size)
{
    return size >= 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

uint64_t dev_read(struct dev *dev, unsigned region, uint64_t offset, unsigned size)
{
    struct access at;
    uint64_t value;

    if (!checked_reg(dev, region, offset, size, RO, &at))
        return 0;
    value = low_bytes(dev->class->read(dev, at), size);
    if (dev->trace)
        trace(dev, region, offset, at, value, false);
    return value;
}

void dev_write(struct dev *dev, unsigned region, uint64_t offset, unsigned size,
               uint64_t value)
{
    struct access at;

    if (!checked_reg(dev, region, offset, size, WO, &at))
        return;
    value = low_bytes(value, size);
    if (dev->trace)
        trace(dev, region, offset, at, value, true);
    dev->class->write(dev, at, value);
}

uint64_t access_part(struct access at, uint64_t whole)
{
    return low_bytes(whole >> 8 * at.byte, at.size);
}

uint64_t access_merge(struct access at, uint64_t whole, uint64_t value)
{
    uint64_t mask = low_bytes(UINT64_MAX, at.size) << 8 * at.byte;

    return (whole & ~mask) | (value << 8 * at.byte & mask);
}

/* -------------------------------------------------------------------- properties */

static void *member(const struct dev *dev, const struct property *property)
{
    return (char *)dev + property->offset;
}

static const struct property *property_find(const struct dev *dev, const char *name)
{
    const struct property *property = dev->class->properties;

    for (; property && property->name; property++)
        if (!strcmp(property->name, name))
            return property;
    return NULL;
}

static void set_number(const struct dev *dev, const struct property *property,
                       uint64_t value)
{
    switch (property->kind) {
    case PROPERTY_BOOL: *(bool *)member(dev, property) = value != 0; break;
    case PROPERTY_U32: *(uint32_t *)member(dev, property) = value; break;
    default: *(uint64_t *)member(dev, property) = value; break;
    }
}

static bool is_number(const struct property *property)
{
    return property->kind >= PROPERTY_BOOL && property->kind <= PROPERTY_SIZE;
}

struct dev *dev_new(const struct dev_class *class, const char *name)
{
    struct dev *dev = calloc(1, class->size);
    char *copy = malloc(strlen(name) + 1);

    if (!dev || !copy)
        die("out of memory");
    dev->class = class;
    dev->name = strcpy(copy, name);
    for (const struct property *p = class->properties; p && p->name; p++)
        if (is_number(p))
            set_number(dev, p, p->initial);
    return dev;
}

/* A number with an optional K, M, G or T where it is a size. */
static bool parse_number(const char *text, bool is_size, uint64_t *value)
{
    static const char units[] = "KMGT";
    unsigned shift = 0;
    char *end;

    errno = 0;
    *value = strtoull(text, &end, 0);
    if (end == text || text[0] == '-' || errno)
        return false;
    if (is_size && *end) {
        const char *unit = strchr(units, *end >= 'a' ? *end - 'a' + 'A' : *end);

        if (!unit)
            return false;
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
    }
    if (*end || *value > UINT64_MAX >> shift)
        return false;
    *value <<= shift;
    return true;
}

static bool parse_bool(const char *text, bool *value)
{
    *value = !strcmp(text, "on") || !strcmp(text, "true") || !strcmp(text, "yes");
    return *value || !strcmp(text, "off") || !strcmp(text, "false") ||
           !strcmp(text, "no");
}

static int no_property(const struct dev *dev, const char *name, char error[DEV_ERROR])
{
    snprintf(error, DEV_ERROR, "%s has no property `%s`", dev->class->name, name);
    return -1;
}

int dev_set(struct dev *dev, const char *name, const char *text, char error[DEV_ERROR])
{
    const struct property *property = property_find(dev, name);
    uint64_t number;
    bool is_on;

    if (!property)
        return no_property(dev, name, error);
    if (property->kind == PROPERTY_STRING) {
        char *copy = malloc(strlen(text) + 1);

        if (!copy)
            die("out of memory");
        free(*(char **)member(dev, property));
        *(char **)member(dev, property) = strcpy(copy, text);
        return 0;
    }
    if (property->kind == PROPERTY_BOOL && parse_bool(text, &is_on)) {
        set_number(dev, property, is_on);
        return 0;
    }
    if (property->kind == PROPERTY_BOOL || !is_number(property)) {
        snprintf(error, DEV_ERROR, "%s: `%s` is not a value of %s", dev->class->name,
                 text, name);
        return -1;
    }
    if (!parse_number(text, property->kind == PROPERTY_SIZE, &number)) {
        snprintf(error, DEV_ERROR, "%s: %s is a number, not `%s`", dev->class->name, name,
                 text);
        return -1;
    }
    if (number < property->min || (property->max && number > property->max) ||
        (property->kind == PROPERTY_U32 && number > UINT32_MAX)) {
        snprintf(error, DEV_ERROR, "%s: %s is from %llu to %llu, not %s",
                 dev->class->name, name, (unsigned long long)property->min,
                 (unsigned long long)(property->max                    ? property->max
                                      : property->kind == PROPERTY_U32 ? UINT32_MAX
                                                                       : UINT64_MAX),
                 text);
        return -1;
    }
    set_number(dev, property, number);
    return 0;
}

int dev_connect(struct dev *dev, const char *name, void *to, char error[DEV_ERROR])
{
    const struct property *property = property_find(dev, name);

    if (!property || is_number(property) || property->kind == PROPERTY_STRING)
        return no_property(dev, name, error);
    /* All object pointers are alike on the hosts that there are. */
    memcpy(member(dev, property), &to, sizeof(to));
    return 0;
}

void dev_get(const struct dev *dev, const struct property *property, char *text,
             size_t size)
{
    const void *at = member(dev, property);
    const char *string;
    void *link;

    switch (property->kind) {
    case PROPERTY_BOOL:
        snprintf(text, size, "%s", *(const bool *)at ? "on" : "off");
        break;
    case PROPERTY_U32:
        snprintf(text, size, "%lu", (unsigned long)*(const uint32_t *)at);
        break;
    case PROPERTY_U64:
    case PROPERTY_SIZE:
        snprintf(text, size, "%llu", (unsigned long long)*(const uint64_t *)at);
        break;
    case PROPERTY_STRING:
        string = *(const char *const *)at;
        snprintf(text, size, "%s", string ? string : "");
        break;
    case PROPERTY_DEV:
        memcpy(&link, at, sizeof(link));
        snprintf(text, size, "%s", link ? ((const struct dev *)link)->name : "");
        break;
    default:
        memcpy(&link, at, sizeof(link));
        snprintf(text, size, "%s", link ? "connected" : "");
        break;
    }
}

/* --------------------------------------------------------------------------- life */

int dev_init(struct dev *dev, char error[DEV_ERROR])
{
    error[0] = 0;
    if (dev->class->init && dev->class->init(dev, error, DEV_ERROR) < 0)
        return -1;
    dev_reset(dev);
    return 0;
}

void dev_reset(struct dev *dev)
{
    if (dev->class->reset)
        dev->class->reset(dev);
}

void dev_free(struct dev *dev)
{
    if (!dev)
        return;
    if (dev->class->destroy)
        dev->class->destroy(dev);
    for (const struct property *p = dev->class->properties; p && p->name; p++)
        if (p->kind == PROPERTY_STRING)
            free(*(char **)member(dev, p));
    free((char *)dev->name);
    free(dev);
}

/* ------------------------------------------------------------- lines, time, power */

void irq_set(const struct irq *irq, bool level)
{
    if (irq->set)
        irq->set(irq->context, irq->line, level);
}

void dev_irq(struct dev *dev, unsigned output, bool level)
{
    if (output < dev->irq_count)
        irq_set(&dev->irqs[output], level);
}

void dev_set_line(struct dev *dev, unsigned line, bool level)
{
    if (dev->class->set_line)
        dev->class->set_line(dev, line, level);
}

bool dev_exchange(struct dev *dev, unsigned output, uint32_t reg, uint64_t mask,
                  uint64_t *value)
{
    return dev->class->exchange && dev->class->exchange(dev, output, reg, mask, value);
}

void dev_power(struct dev *dev, enum power_event event, int status)
{
    if (dev->power)
        dev->power->request(dev->power, event, status);
}

void dev_event(const struct dev *dev, const char *part, unsigned number, const char *fmt,
               ...)
{
    char name[32], text[160];
    va_list ap;

    if (!dev->event)
        return;
    snprintf(name, sizeof(name), "%s%u", part, number);
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    dev->event(dev, name, text);
}

uint64_t clock_now_ns(struct clock *clock)
{
    return clock->now_ns(clock);
}

uint64_t clock_wall_ns(struct clock *clock)
{
    return clock->wall_ns(clock);
}

void timer_init(struct timer *timer, struct clock *clock, void (*fire)(void *context),
                void *context)
{
    *timer = (struct timer){ .clock = clock, .fire = fire, .context = context };
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    timer->clock->set(timer->clock, timer, deadline_ns);
}

void timer_cancel(struct timer *timer)
{
    if (timer->clock)
        timer->clock->cancel(timer->clock, timer);
}

/* -------------------------------------------------------- guest memory, back ends */

int dma_read(struct dma *dma, uint64_t addr, void *to, size_t size)
{
    return dma ? dma->read(dma, addr, to, size) : -1;
}

int dma_write(struct dma *dma, uint64_t addr, const void *from, size_t size)
{
    return dma ? dma->write(dma, addr, from, size) : -1;
}

size_t dma_map(struct dma *dma, uint64_t addr, size_t size, bool write, void **host)
{
    return dma ? dma->map(dma, addr, size, write, host) : 0;
}

void msi_send(struct msi *msi, uint64_t addr, uint32_t data)
{
    if (msi)
        msi->send(msi, addr, data);
}

static uint64_t from_little_endian(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

/* Whether `size` bytes are one piece of host memory for the host, too. */
static bool is_one_piece(const void *host, unsigned size)
{
    return (size == 1 || size == 2 || size == 4 || size == 8) && size <= sizeof(void *) &&
           (uintptr_t)host % size == 0;
}

int dma_load(struct dma *dma, uint64_t addr, unsigned size, uint64_t *value)
{
    uint8_t bytes[8] = { 0 };
    void *host;

    *value = 0;
    if (size > sizeof(bytes))
        return -1;
    if (dma_map(dma, addr, size, false, &host) == size && is_one_piece(host, size)) {
        switch (size) {
        case 1: __atomic_load((uint8_t *)host, bytes, __ATOMIC_ACQUIRE); break;
        case 2: {
            uint16_t half = __atomic_load_n((uint16_t *)host, __ATOMIC_ACQUIRE);
            memcpy(bytes, &half, sizeof(half));
            break;
        }
        case 4: {
            uint32_t word = __atomic_load_n((uint32_t *)host, __ATOMIC_ACQUIRE);
            memcpy(bytes, &word, sizeof(word));
            break;
        }
        default: {
            uintptr_t word = __atomic_load_n((uintptr_t *)host, __ATOMIC_ACQUIRE);
            memcpy(bytes, &word, sizeof(word));
            break;
        }
        }
    } else if (dma_read(dma, addr, bytes, size) < 0) {
        return -1;
    }
    *value = from_little_endian(bytes, size);
    return 0;
}

int dma_store(struct dma *dma, uint64_t addr, unsigned size, uint64_t value)
{
    uint8_t bytes[8];
    void *host;

    if (size > sizeof(bytes))
        return -1;
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = value >> 8 * i;
    if (dma_map(dma, addr, size, true, &host) != size || !is_one_piece(host, size))
        return dma_write(dma, addr, bytes, size);
    switch (size) {
    case 1: __atomic_store((uint8_t *)host, bytes, __ATOMIC_RELEASE); break;
    case 2: {
        uint16_t half;
        memcpy(&half, bytes, sizeof(half));
        __atomic_store_n((uint16_t *)host, half, __ATOMIC_RELEASE);
        break;
    }
    case 4: {
        uint32_t word;
        memcpy(&word, bytes, sizeof(word));
        __atomic_store_n((uint32_t *)host, word, __ATOMIC_RELEASE);
        break;
    }
    default: {
        uintptr_t word;
        memcpy(&word, bytes, sizeof(word));
        __atomic_store_n((uintptr_t *)host, word, __ATOMIC_RELEASE);
        break;
    }
    }
    return 0;
}

void char_connect(struct char_backend *backend, const struct char_user *user,
                  void *device)
{
    if (!backend)
        return;
    backend->user = user;
    backend->device = device;
}

size_t char_write(struct char_backend *backend, const uint8_t *bytes, size_t count)
{
    return backend ? backend->write(backend, bytes, count) : count;
}

void char_ready(struct char_backend *backend)
{
    if (backend && backend->ready)
        backend->ready(backend);
}
