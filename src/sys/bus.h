/* bus.h - the physical memory map of a machine: memory, and devices' registers.
 *
 * RAM and ROM are mapped in a space (paged scheme) at their guest-physical addresses, so
 * that CPUs read and write them without the bus.  What else there is are the register
 * ranges of devices.  No two ranges overlap.
 *
 * The bus lock: whoever calls a device has taken it.  It is taken before the space's
 * lock, never after. */
#ifndef RHEA_SYS_BUS_H
#define RHEA_SYS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bus;
struct dev;
struct dma;
struct msi;
struct space;
struct host_lock;
struct loads;

struct bus *bus_new(unsigned address_bits);
void bus_free(struct bus *bus); /* the devices are their owner's */
struct space *bus_space(const struct bus *bus);
struct host_lock *bus_lock(const struct bus *bus);
struct dma *bus_dma(struct bus *bus);
struct msi *bus_msi(struct bus *bus);

void bus_take(struct bus *bus); /* again and again if need be */
void bus_give(struct bus *bus);

/* Add a range; `name` is copied.  0, or -1 and why in `error`. */
enum { BUS_ERROR = 256 };
int bus_add_ram(struct bus *bus, const char *name, uint64_t addr, uint64_t size_bytes,
                char error[BUS_ERROR]);
/* The same, mapped from a file; what is written is the file's if it is shared.  fd -1:
 * memory of its own. */
int bus_add_ram_file(struct bus *bus, const char *name, uint64_t addr,
                     uint64_t size_bytes, int fd, bool is_shared, char error[BUS_ERROR]);
/* Reads as what bus_load() puts there; the guest cannot write to it. */
int bus_add_rom(struct bus *bus, const char *name, uint64_t addr, uint64_t size_bytes,
                char error[BUS_ERROR]);
int bus_add_dev(struct bus *bus, struct dev *dev, unsigned region, uint64_t addr,
                uint64_t size_bytes, char error[BUS_ERROR]);
/* Memory of a device (dev_memory) as its region 0; the bus owns it, the device gets it.
 */
int bus_add_dev_memory(struct bus *bus, struct dev *dev, uint64_t addr,
                       uint64_t size_bytes, char error[BUS_ERROR]);
/* Whether such memory is not shown at addr.  By any thread, without the lock. */
bool bus_is_hidden(const struct bus *bus, uint64_t addr);
/* A number that changes whenever memory is hidden; and who is told then, by the thread
 * that has the bus: CPUs that have seen it must look again. */
unsigned bus_hidings(const struct bus *bus);
void bus_watch_hiding(struct bus *bus, void (*hidden)(void *context), void *context);

/* Takes a device's region away again; false: it was nowhere. */
bool bus_remove_dev(struct bus *bus, const struct dev *dev, unsigned region);

/* One access of 1, 2, 4 or 8 bytes, of memory, too.  False: nothing is there that takes
 * it, the CPU's access fault. */
bool bus_read(struct bus *bus, uint64_t addr, unsigned size, uint64_t *value);
bool bus_write(struct bus *bus, uint64_t addr, unsigned size, uint64_t value);

/* Puts bytes into RAM or ROM, before CPUs run.  False: not all of it is memory. */
bool bus_load(struct bus *bus, uint64_t addr, const void *bytes, uint64_t size);
/* Where that was, until it is cleared. */
struct loads *bus_loads(struct bus *bus);
/* The end of the memory that addr lies in; 0: none. */
uint64_t bus_memory_end(const struct bus *bus, uint64_t addr);

/* Where the first memory above addr begins; 0: there is none. */
uint64_t bus_next_memory(const struct bus *bus, uint64_t addr);

/* What there is, in the order of addresses. */
enum bus_kind { BUS_RAM = 1, BUS_ROM, BUS_DEV };
struct bus_range {
    uint64_t start, last;
    enum bus_kind kind;
    const char *name;
    struct dev *dev; /* of BUS_DEV */
    unsigned region;
};
size_t bus_ranges(const struct bus *bus, const struct bus_range **ranges);

#endif
