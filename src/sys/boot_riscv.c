/* boot_riscv.c - starts RISC-V machines: firmware in M-mode, which starts a kernel.
 *
 * The first instructions, in a ROM, give a0 = hart, a1 = device tree and a2 = what
 * OpenSBI's fw_dynamic wants to know, and jump to the firmware (without one: to the
 * kernel).  Places are those of QEMU: firmware at the start of RAM, kernel behind it,
 * initial disk in the middle of RAM, device tree at its end.  Where no firmware is given
 * or installed, it is rhea's own, firmware/riscv-sbi.S.
 *
 * Spec: OpenSBI, docs/firmware/fw_dynamic.md; Linux, Documentation/riscv/boot.rst. */
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "sys/boot.h"
#include "sys/bus.h"
#include "sys/fdt.h"
#include "sys/firmware.h"
#include "sys/fw_items.h"
#include "sys/image.h"
#include "sys/machine.h"
#include "sys/vcpu.h"

enum { DYNAMIC_MAGIC = 0x4942534f, DYNAMIC_VERSION = 2, MODE_S = 1, PAGE = 4096 };
#define MIB UINT64_C(0x100000)

/* rhea's own firmware: what -bios calls it, the memory that it keeps, where in it the
 * words begin that it is told, and what it has for a CPU. */
#define OWN_FIRMWARE "rhea"
enum { OWN_SIZE = 0x10000, OWN_PLATFORM = 8, OWN_CODE = 0x2000, OWN_AREA = 512 };

struct plan {
    struct machine *machine;
    struct bus *bus;
    bool is_64;
    uint64_t ram_start, ram_end;
    uint64_t start;  /* where the ROM jumps to */
    uint64_t kernel; /* its entry; 0: none */
    uint64_t kernel_end;
    uint64_t initrd_start, initrd_end;
    uint64_t tree;
    bool has_own_firmware, has_flash;
};

static uint64_t align_up(uint64_t value, uint64_t to)
{
    return (value + to - 1) / to * to;
}

static uint64_t setting_number(const struct board *board, const char *name)
{
    const char *text = boot_setting(board, name, 0);
    uint64_t value;

    if (!text || !board_number(text, &value))
        die("%s: boot wants `%s = ADDRESS`", board->path, name);
    return value;
}

/* Where the registers of the board's first device of a kind are; 0: it has none. */
static uint64_t registers_of(const struct board *board, const char *class)
{
    const struct board_device *device = board->devices;

    while (device && (strcmp(device->class, class) || !device->ranges))
        device = device->next;
    return device ? device->ranges->addr : 0;
}

/* Loads an image, an ELF file where it says, anything else at `addr`. */
static struct image_place load(struct plan *plan, const char *path, uint64_t addr,
                               bool unpack)
{
    char error[IMAGE_ERROR];
    struct image_place place;
    struct image image;
    int result;

    if (image_read(&image, path, unpack, error) < 0)
        die("%s", error);
    if (unpack && image_is_elf(&image))
        result = image_load_elf(&image, plan->bus, &place, error);
    else
        result = image_load_at(&image, plan->bus, addr, &place, error);
    if (result < 0)
        die("%s", error);
    image_free(&image);
    return place;
}

static bool is_there(const char *path)
{
    char error[IMAGE_ERROR];
    struct image image;

    if (image_read(&image, path, false, error) < 0)
        return false;
    image_free(&image);
    return true;
}

/* The board's own firmware: the first of its paths that is there, or rhea's. */
static const char *default_firmware(const struct board *board)
{
    const char *path;

    for (unsigned i = 0; (path = boot_setting(board, "default", i)); i++)
        if (is_there(path))
            return path;
    return OWN_FIRMWARE;
}

static void load_firmware(struct plan *plan)
{
    const struct board *board = machine_board(plan->machine);
    const char *bios = machine_config(plan->machine)->bios;
    struct image_place place = { plan->ram_start, plan->ram_start, plan->ram_start };

    if (!bios || !strcmp(bios, "default"))
        bios = default_firmware(board);
    plan->has_own_firmware = !strcmp(bios, OWN_FIRMWARE);
    if (plan->has_own_firmware)
        place.end += OWN_SIZE;
    else if (strcmp(bios, "none"))
        place = load(plan, bios, plan->ram_start, true);
    plan->start = place.entry;
    /* A kernel lies on a large page. */
    plan->kernel_end = align_up(place.end, plan->is_64 ? 2 * MIB : 4 * MIB);
}

/* With an image in the first flash bank, that is what starts: with -bios none in M-mode,
 * else as the kernel, which loads another one: -kernel, where it asks for that. */
static void find_flash(struct plan *plan)
{
    const struct machine_config *config = machine_config(plan->machine);
    uint64_t flash = registers_of(machine_board(plan->machine), "cfi.pflash01");

    plan->has_flash = flash && config->flashes[0];
    if (!plan->has_flash)
        return;
    if (config->bios && !strcmp(config->bios, "none"))
        plan->start = flash;
    else
        plan->kernel = flash;
}

static void load_kernel(struct plan *plan)
{
    const struct machine_config *config = machine_config(plan->machine);
    struct image_place place;

    if (!config->kernel)
        return;
    if (plan->has_flash) {
        fw_items_offer_kernel(plan->machine);
        return;
    }
    place = load(plan, config->kernel, plan->kernel_end, true);
    plan->kernel = place.entry;
    plan->kernel_end = place.end;
    if (config->bios && !strcmp(config->bios, "none"))
        plan->start = plan->kernel;
}

static void load_initrd(struct plan *plan)
{
    const struct machine_config *config = machine_config(plan->machine);
    uint64_t half = (plan->ram_end - plan->ram_start) / 2, at;
    struct image_place place;

    if (!config->initrd)
        return;
    if (!config->kernel)
        die("-initrd needs a -kernel");
    if (plan->has_flash)
        return;
    at = align_up(plan->kernel + (half < 512 * MIB ? half : 512 * MIB), PAGE);
    place = load(plan, config->initrd, at, false);
    plan->initrd_start = place.start;
    plan->initrd_end = place.end;
}

static void load_tree(struct plan *plan)
{
    uint64_t top = plan->ram_end, limit = 3072 * MIB;
    struct fdt_boot boot = { .initrd_start = plan->initrd_start,
                             .initrd_end = plan->initrd_end,
                             .reserved_start = plan->ram_start,
                             .reserved_end = plan->ram_start };
    const void *tree;
    size_t size;

    if (plan->has_own_firmware)
        boot.reserved_end += OWN_SIZE;
    tree = machine_make_tree(plan->machine, &boot, &size);
    if (plan->ram_start < limit && top > limit)
        top = limit; /* firmware of 32 bits reaches it */
    if (size > top - plan->ram_start)
        die("no memory for the device tree; see -m");
    plan->tree = (top - size) / (2 * MIB) * (2 * MIB);
    if (plan->tree < plan->kernel_end ||
        (plan->initrd_end > plan->tree && plan->initrd_start < plan->tree + size) ||
        !bus_load(plan->bus, plan->tree, tree, size))
        die("kernel, initial disk and device tree do not fit into %llu MiB; see -m",
            (unsigned long long)((plan->ram_end - plan->ram_start) / MIB));
}

static uint8_t *put(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        *at++ = value >> 8 * i;
    return at;
}

static uint64_t console_of(const struct board *board)
{
    const struct board_device *out =
        board->stdout_device ? board_find_device(board, board->stdout_device) : NULL;

    return out && !strcmp(out->class, "uart16550") && out->ranges ? out->ranges->addr : 0;
}

/* The words at `platform` in firmware/riscv-sbi.S, in their order. */
static void write_platform(struct plan *plan, uint8_t *at)
{
    const struct board *board = machine_board(plan->machine);
    uint64_t clint = registers_of(board, "aclint");

    if (!clint || board->cpus > (OWN_SIZE - OWN_CODE) / OWN_AREA)
        die("%s: rhea's own firmware wants an aclint, and no more than %u CPUs: install "
            "Debian's opensbi, or give a firmware with -bios",
            board->path, (OWN_SIZE - OWN_CODE) / OWN_AREA);
    if (!plan->kernel)
        die("-bios %s: it starts a -kernel, and there is none", OWN_FIRMWARE);
    at = put(at, console_of(board), 8);
    at = put(at, clint, 8);
    at = put(at, registers_of(board, "sifive-test"), 8);
    at = put(at, board->cpus, 8);
    at = put(at, plan->kernel, 8);
    at = put(at, plan->tree, 8);
    put(at, plan->ram_start >> 2 | (OWN_SIZE / 8 - 1), 8); /* pmpaddr: NAPOT */
}

static void write_own_firmware(struct plan *plan)
{
    uint8_t bytes[OWN_CODE] = { 0 };
    unsigned long size = plan->is_64 ? riscv_sbi64_size : riscv_sbi32_size;

    if (size > sizeof(bytes) || plan->ram_start % OWN_SIZE)
        die("%s: rhea's own firmware wants a place that is a multiple of 0x%x",
            machine_board(plan->machine)->path, OWN_SIZE);
    memcpy(bytes, plan->is_64 ? riscv_sbi64 : riscv_sbi32, size);
    write_platform(plan, bytes + OWN_PLATFORM);
    if (!bus_load(plan->bus, plan->ram_start, bytes, sizeof(bytes)))
        die("no memory for the firmware; see -m");
}

static void write_rom(struct plan *plan, uint64_t rom)
{
    unsigned word = plan->is_64 ? 8 : 4;
    uint8_t bytes[128], *at = bytes;

    at = put(at, 0x00000297, 4);                            /* auipc t0, 0 */
    at = put(at, 0x02828613, 4);                            /* addi a2, t0, 40 */
    at = put(at, 0xf1402573, 4);                            /* csrr a0, mhartid */
    at = put(at, plan->is_64 ? 0x0202b583 : 0x0202a583, 4); /* ld a1, 32(t0) */
    at = put(at, plan->is_64 ? 0x0182b283 : 0x0182a283, 4); /* ld t0, 24(t0) */
    at = put(at, 0x00028067, 4);                            /* jr t0 */
    at = put(at, plan->start, 8);
    at = put(at, plan->tree, 8);
    at = put(at, DYNAMIC_MAGIC, word);
    at = put(at, DYNAMIC_VERSION, word);
    at = put(at, plan->kernel, word);
    at = put(at, MODE_S, word);
    at = put(at, 0, word); /* options */
    at = put(at, 0, word); /* the hart that boots */
    if (!bus_load(plan->bus, rom, bytes, (uint64_t)(at - bytes)))
        die("%s: there is no memory at 0x%llx for the first instructions",
            machine_board(plan->machine)->path, (unsigned long long)rom);
}

void boot_riscv_sbi(struct machine *machine)
{
    const struct board *board = machine_board(machine);
    uint64_t rom = setting_number(board, "rom");
    struct plan plan = { .machine = machine,
                         .bus = machine_bus(machine),
                         .is_64 = machine_bits(machine) == 64,
                         .ram_start = setting_number(board, "firmware") };

    plan.ram_end = bus_memory_end(plan.bus, plan.ram_start);
    if (!plan.ram_end)
        die("%s: there is no memory at 0x%llx for the firmware", board->path,
            (unsigned long long)plan.ram_start);
    load_firmware(&plan);
    find_flash(&plan);
    load_kernel(&plan);
    load_initrd(&plan);
    load_tree(&plan);
    if (plan.has_own_firmware)
        write_own_firmware(&plan);
    write_rom(&plan, rom);
    for (unsigned cpu = 0; cpu < board->cpus; cpu++)
        vcpu_put(machine_cpu(machine, cpu), "pc", rom);
}
