/* loader.c - the generic loader: see loader.h.
 *
 * Not modelled: address spaces of single CPUs (there is one), U-Boot and Intel hex
 * images.
 *
 * Spec: QEMU, "Generic Loader". */
#include "sys/loader.h"

#include "base/report.h"
#include "sys/board.h"
#include "sys/bus.h"
#include "sys/image.h"
#include "sys/machine.h"
#include "sys/vcpu.h"

/* Where a CPU that begins with it begins. */
static uint64_t load_file(struct machine *machine, const struct loader_config *config)
{
    struct bus *bus = machine_bus(machine);
    char error[IMAGE_ERROR];
    struct image_place place;
    struct image image;
    int result;

    if (image_read(&image, config->file, false, error) < 0)
        die("-device loader: %s", error);
    if (!config->is_raw && image_is_elf(&image))
        result = image_load_elf(&image, bus, &place, error);
    else if (!config->has_addr)
        die("-device loader: %s: want addr=ADDRESS, as it is no ELF file", config->file);
    else
        result = image_load_at(&image, bus, config->addr, &place, error);
    if (result < 0)
        die("-device loader: %s", error);
    image_free(&image);
    return place.entry;
}

static void put_data(struct machine *machine, const struct loader_config *config)
{
    unsigned size = (unsigned)config->data_size;
    uint8_t bytes[8];

    for (unsigned i = 0; i < size; i++)
        bytes[config->is_big ? size - 1 - i : i] = (uint8_t)(config->data >> 8 * i);
    if (!bus_load(machine_bus(machine), config->addr, bytes, size))
        die("-device loader: addr=0x%llx: there is no memory",
            (unsigned long long)config->addr);
}

static void run(struct machine *machine, const struct loader_config *config)
{
    uint64_t entry = config->addr;

    if (config->has_data)
        put_data(machine, config);
    else if (config->file)
        entry = load_file(machine, config);
    if (!config->has_cpu || config->has_data)
        return;
    if (config->cpu >= machine_board(machine)->cpus)
        die("-device loader: cpu-num=%llu: there is no such CPU; see -smp",
            (unsigned long long)config->cpu);
    vcpu_put(machine_cpu(machine, (unsigned)config->cpu), "pc", entry);
}

void loader_run(struct machine *machine, const struct loader_config *configs)
{
    for (; configs; configs = configs->next)
        run(machine, configs);
}
