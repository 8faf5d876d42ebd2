/* bus.c - the physical memory map: see bus.h. */
#include "sys/bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "dev/dev.h"
#include "isa/space.h"
#include "sys/loads.h"

struct bus {
    struct dma dma;
    struct msi msi;
    bool is_sending; /* a message is being delivered */
    struct loads loads;
    struct space *space;
    struct host_lock *lock;
    struct bus_range *ranges; /* sorted, apart; the names are ours */
    size_t count;
    struct device_memory *memories; /* a list */
    volatile unsigned hidings;
    void (*hidden)(void *context);
    void *hidden_context;
};

/* Memory of a device: a file that nobody else has, mapped for CPUs, which cannot write to
 * it, and for the device. */
struct device_memory {
    struct dev_memory memory; /* first: what is found by it */
    struct device_memory *next;
    struct bus *bus;
    uint64_t addr;
    volatile bool is_hidden;
};

/* --------------------------------------------------------------------------- dma */

static struct bus *bus_of(struct dma *dma)
{
    return (struct bus *)(void *)((char *)dma - offsetof(struct bus, dma));
}

static int bus_dma_read(struct dma *dma, uint64_t addr, void *to, size_t size)
{
    return space_read(bus_of(dma)->space, addr, to, size, NULL);
}

static int bus_dma_write(struct dma *dma, uint64_t addr, const void *from, size_t size)
{
    return space_write(bus_of(dma)->space, addr, from, size, NULL);
}

static size_t bus_dma_map(struct dma *dma, uint64_t addr, size_t size, bool write,
                          void **host)
{
    uint8_t *at = NULL;
    size_t span =
        space_span(bus_of(dma)->space, addr, size, write ? SPACE_WRITE : SPACE_READ, &at);

    *host = at;
    return span;
}

/* --------------------------------------------------------------------------- msi */

static const struct bus_range *range_of(const struct bus *bus, uint64_t addr);

static void bus_deliver(struct bus *bus, const struct bus_range *range, uint64_t addr,
                        uint32_t data)
{
    if (range && range->kind == BUS_RAM) {
        dma_store(&bus->dma, addr, sizeof(data), data);
    } else if (range && range->kind == BUS_DEV && range->dev->class->takes_msi &&
               !bus->is_sending) {
        bus->is_sending = true;
        dev_write(range->dev, range->region, addr - range->start, sizeof(data), data);
        bus->is_sending = false;
    } else {
        guest_error("a message-signalled interrupt to 0x%llx (data 0x%lx), where %s",
                    (unsigned long long)addr, (unsigned long)data,
                    range ? "none is taken" : "nothing is");
    }
}

/* Devices call it, so the bus is taken. */
static void bus_msi_send(struct msi *msi, uint64_t addr, uint32_t data)
{
    struct bus *bus = (struct bus *)(void *)((char *)msi - offsetof(struct bus, msi));

    bus_take(bus);
    bus_deliver(bus, range_of(bus, addr), addr, data);
    bus_give(bus);
}

/* -------------------------------------------------------------------------- life */

struct bus *bus_new(unsigned address_bits)
{
    struct bus *bus = calloc(1, sizeof(*bus));

    if (!bus)
        die("out of memory");
    bus->dma = (struct dma){ bus_dma_read, bus_dma_write, bus_dma_map };
    bus->msi = (struct msi){ bus_msi_send };
    bus->space = space_new(address_bits, true);
    bus->lock = host_lock_new();
    if (!bus->space || !bus->lock || space_share(bus->space) < 0)
        die("no room for the machine's memory map");
    return bus;
}

void bus_free(struct bus *bus)
{
    if (!bus)
        return;
    for (size_t i = 0; i < bus->count; i++)
        free((char *)bus->ranges[i].name);
    for (struct device_memory *memory = bus->memories, *next; memory; memory = next) {
        next = memory->next;
        host_unmap((uintptr_t)memory->memory.bytes, (size_t)memory->memory.size);
        free(memory);
    }
    free(bus->ranges);
    loads_clear(&bus->loads);
    space_free(bus->space);
    host_lock_free(bus->lock);
    free(bus);
}

struct space *bus_space(const struct bus *bus)
{
    return bus->space;
}

struct host_lock *bus_lock(const struct bus *bus)
{
    return bus->lock;
}

struct dma *bus_dma(struct bus *bus)
{
    return &bus->dma;
}

struct msi *bus_msi(struct bus *bus)
{
    return &bus->msi;
}

void bus_take(struct bus *bus)
{
    host_lock_take(bus->lock);
}

void bus_give(struct bus *bus)
{
    host_lock_give(bus->lock);
}

/* ------------------------------------------------------------------------ ranges */

/* The first range that ends at or above addr. */
static size_t range_at(const struct bus *bus, uint64_t addr)
{
    size_t low = 0, high = bus->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (bus->ranges[middle].last < addr)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct bus_range *range_of(const struct bus *bus, uint64_t addr)
{
    size_t i = range_at(bus, addr);

    return i < bus->count && bus->ranges[i].start <= addr ? &bus->ranges[i] : NULL;
}

static int insert(struct bus *bus, struct bus_range range, char error[BUS_ERROR])
{
    size_t i = range_at(bus, range.start);
    struct bus_range *grown;
    char *name;

    if (i < bus->count && bus->ranges[i].start <= range.last) {
        snprintf(error, BUS_ERROR, "%s at 0x%llx overlaps %s (0x%llx-0x%llx)", range.name,
                 (unsigned long long)range.start, bus->ranges[i].name,
                 (unsigned long long)bus->ranges[i].start,
                 (unsigned long long)bus->ranges[i].last);
        return -1;
    }
    grown = realloc(bus->ranges, (bus->count + 1) * sizeof(*grown));
    name = malloc(strlen(range.name) + 1);
    if (!grown || !name)
        die("out of memory");
    range.name = strcpy(name, range.name);
    memmove(grown + i + 1, grown + i, (bus->count - i) * sizeof(*grown));
    grown[i] = range;
    bus->ranges = grown;
    bus->count++;
    return 0;
}

static int check_size(const char *name, uint64_t addr, uint64_t size,
                      char error[BUS_ERROR])
{
    if (size && addr + (size - 1) >= addr)
        return 0;
    snprintf(error, BUS_ERROR, "%s at 0x%llx: 0x%llx bytes is not a size there", name,
             (unsigned long long)addr, (unsigned long long)size);
    return -1;
}

/* `fd`: what it is mapped from; -1: memory of its own.  Executable only afterwards: it is
 * no file of code that stays as it is. */
static int add_memory(struct bus *bus, struct bus_range range, int fd, bool is_shared,
                      char error[BUS_ERROR])
{
    unsigned prot = SPACE_READ | (range.kind == BUS_RAM ? SPACE_WRITE : 0);
    uint64_t size = range.last - range.start + 1, page = space_page(bus->space);
    int64_t got;

    if (range.start % page || size % page) {
        snprintf(error, BUS_ERROR,
                 "%s at 0x%llx: address and size 0x%llx must be whole "
                 "pages of 0x%llx bytes",
                 range.name, (unsigned long long)range.start, (unsigned long long)size,
                 (unsigned long long)page);
        return -1;
    }
    if (range.last >= space_limit(bus->space)) {
        snprintf(error, BUS_ERROR, "%s ends at 0x%llx, behind the last address",
                 range.name, (unsigned long long)range.last);
        return -1;
    }
    if (insert(bus, range, error) < 0)
        return -1;
    got = space_map(bus->space, range.start, size, prot, SPACE_FIXED | SPACE_NORESERVE,
                    is_shared, fd, 0);
    if (got >= 0)
        got = space_protect(bus->space, range.start, size, prot | SPACE_EXEC);
    if (got >= 0)
        return 0;
    snprintf(error, BUS_ERROR, "%s: the host has no room for 0x%llx bytes: %s",
             range.name, (unsigned long long)size, strerror((int)-got));
    return -1;
}

int bus_add_ram_file(struct bus *bus, const char *name, uint64_t addr,
                     uint64_t size_bytes, int fd, bool is_shared, char error[BUS_ERROR])
{
    struct bus_range range = { addr, addr + size_bytes - 1, BUS_RAM, name, NULL, 0 };

    if (check_size(name, addr, size_bytes, error) < 0)
        return -1;
    return add_memory(bus, range, fd, is_shared, error);
}

int bus_add_ram(struct bus *bus, const char *name, uint64_t addr, uint64_t size_bytes,
                char error[BUS_ERROR])
{
    return bus_add_ram_file(bus, name, addr, size_bytes, -1, false, error);
}

int bus_add_rom(struct bus *bus, const char *name, uint64_t addr, uint64_t size_bytes,
                char error[BUS_ERROR])
{
    struct bus_range range = { addr, addr + size_bytes - 1, BUS_ROM, name, NULL, 0 };

    if (check_size(name, addr, size_bytes, error) < 0)
        return -1;
    return add_memory(bus, range, -1, false, error);
}

/* ------------------------------------------------------------------ device's memory */

static void show_memory(struct dev_memory *memory, bool is_shown)
{
    struct device_memory *own = (struct device_memory *)memory;
    struct bus *bus = own->bus;

    if (own->is_hidden == !is_shown)
        return;
    own->is_hidden = !is_shown;
    if (is_shown)
        return;
    __atomic_fetch_add(&bus->hidings, 1, __ATOMIC_SEQ_CST);
    if (bus->hidden)
        bus->hidden(bus->hidden_context);
}

/* Protected as it is: that tells who translated code from there. */
static void memory_changed(struct dev_memory *memory, uint64_t offset, uint64_t size)
{
    struct device_memory *own = (struct device_memory *)memory;
    uint64_t page = space_page(own->bus->space), first = offset / page * page;

    space_protect(own->bus->space, own->addr + first, offset + size - first,
                  SPACE_READ | SPACE_EXEC);
}

static int64_t map_file(int fd, uint64_t size)
{
    return fd < 0 ? fd
                  : host_map(0, (size_t)size, HOST_READ | HOST_WRITE, HOST_SHARED, fd, 0);
}

int bus_add_dev_memory(struct bus *bus, struct dev *dev, uint64_t addr,
                       uint64_t size_bytes, char error[BUS_ERROR])
{
    struct bus_range range = { addr, addr + size_bytes - 1, BUS_DEV, dev->name, dev, 0 };
    struct device_memory *memory = calloc(1, sizeof(*memory));
    int fd = host_unnamed_file(size_bytes), result = -1;
    int64_t at = map_file(fd, size_bytes);

    if (!memory)
        die("out of memory");
    *memory = (struct device_memory){ .next = bus->memories, .bus = bus, .addr = addr };
    memory->memory = (struct dev_memory){ (uint8_t *)(uintptr_t)at, size_bytes,
                                          show_memory, memory_changed };
    if (at < 0 && at > -4096)
        snprintf(error, BUS_ERROR, "%s: the host has no room for 0x%llx bytes: %s",
                 dev->name, (unsigned long long)size_bytes, strerror((int)-at));
    else if (check_size(dev->name, addr, size_bytes, error) == 0)
        result = add_memory(bus, range, fd, true, error);
    if (fd >= 0)
        host_close(fd);
    if (result < 0) {
        free(memory);
        return -1;
    }
    bus->memories = memory;
    dev->memory = &memory->memory;
    return 0;
}

bool bus_is_hidden(const struct bus *bus, uint64_t addr)
{
    for (const struct device_memory *memory = bus->memories; memory;
         memory = memory->next)
        if (addr - memory->addr < memory->memory.size)
            return memory->is_hidden;
    return false;
}

unsigned bus_hidings(const struct bus *bus)
{
    return bus->hidings;
}

void bus_watch_hiding(struct bus *bus, void (*hidden)(void *context), void *context)
{
    bus->hidden = hidden;
    bus->hidden_context = context;
}

int bus_add_dev(struct bus *bus, struct dev *dev, unsigned region, uint64_t addr,
                uint64_t size_bytes, char error[BUS_ERROR])
{
    struct bus_range range = { addr,  addr + size_bytes - 1, BUS_DEV, dev->name, dev,
                               region };
    int result;

    if (check_size(dev->name, addr, size_bytes, error) < 0)
        return -1;
    bus_take(bus);
    result = insert(bus, range, error);
    bus_give(bus);
    return result;
}

bool bus_remove_dev(struct bus *bus, const struct dev *dev, unsigned region)
{
    bool found = false;

    bus_take(bus);
    for (size_t i = 0; i < bus->count && !found; i++) {
        struct bus_range *range = &bus->ranges[i];

        if (range->kind != BUS_DEV || range->dev != dev || range->region != region)
            continue;
        free((char *)range->name);
        memmove(range, range + 1, (bus->count - i - 1) * sizeof(*range));
        bus->count--;
        found = true;
    }
    bus_give(bus);
    return found;
}

size_t bus_ranges(const struct bus *bus, const struct bus_range **ranges)
{
    *ranges = bus->ranges;
    return bus->count;
}

/* ---------------------------------------------------------------------- accesses */

static bool is_access(const struct bus_range *range, uint64_t addr, unsigned size)
{
    return range && (size == 1 || size == 2 || size == 4 || size == 8) &&
           range->last - addr >= size - 1;
}

bool bus_read(struct bus *bus, uint64_t addr, unsigned size, uint64_t *value)
{
    const struct bus_range *range;
    uint8_t bytes[8] = { 0 };
    bool done;

    *value = 0;
    bus_take(bus);
    range = range_of(bus, addr);
    done = is_access(range, addr, size);
    if (done && range->kind == BUS_DEV)
        *value = dev_read(range->dev, range->region, addr - range->start, size);
    else if (done)
        done = space_read(bus->space, addr, bytes, size, NULL) == 0;
    bus_give(bus);
    for (unsigned i = 0; i < 8; i++)
        *value |= (uint64_t)bytes[i] << 8 * i;
    return done;
}

bool bus_write(struct bus *bus, uint64_t addr, unsigned size, uint64_t value)
{
    const struct bus_range *range;
    uint8_t bytes[8];
    bool done;

    for (unsigned i = 0; i < 8; i++)
        bytes[i] = value >> 8 * i;
    bus_take(bus);
    range = range_of(bus, addr);
    done = is_access(range, addr, size);
    if (done && range->kind == BUS_DEV)
        dev_write(range->dev, range->region, addr - range->start, size, value);
    else if (done)
        done = space_write(bus->space, addr, bytes, size, NULL) == 0;
    bus_give(bus);
    return done;
}

struct loads *bus_loads(struct bus *bus)
{
    return &bus->loads;
}

bool bus_load(struct bus *bus, uint64_t addr, const void *bytes, uint64_t size)
{
    const char *from = bytes;

    loads_add(&bus->loads, addr, addr + size);
    while (size) {
        const struct bus_range *range = range_of(bus, addr);
        uint64_t part, whole;
        bool is_rom, done;

        if (!range || range->kind == BUS_DEV)
            return false;
        part = range->last - addr < size ? range->last - addr + 1 : size;
        whole = range->last - range->start + 1;
        is_rom = range->kind == BUS_ROM;
        if (is_rom && space_protect(bus->space, range->start, whole,
                                    SPACE_READ | SPACE_WRITE | SPACE_EXEC) < 0)
            return false;
        done = space_write(bus->space, addr, from, (size_t)part, NULL) == 0;
        if (is_rom)
            space_protect(bus->space, range->start, whole, SPACE_READ | SPACE_EXEC);
        if (!done)
            return false;
        addr += part;
        from += part;
        size -= part;
    }
    return true;
}

uint64_t bus_memory_end(const struct bus *bus, uint64_t addr)
{
    const struct bus_range *range = range_of(bus, addr);

    return range && range->kind != BUS_DEV ? range->last + 1 : 0;
}

uint64_t bus_next_memory(const struct bus *bus, uint64_t addr)
{
    for (size_t i = range_at(bus, addr); i < bus->count; i++)
        if (bus->ranges[i].kind != BUS_DEV && bus->ranges[i].start > addr)
            return bus->ranges[i].start;
    return 0;
}
