/* fw_items.c - fills the fw_cfg device.  Without -fw_cfg and a kernel for firmware a
 * board may be without it. */
#include "sys/fw_items.h"

#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "dev/fw_cfg.h"
#include "sys/image.h"
#include "sys/machine.h"

static struct dev *find(const struct machine *machine)
{
    struct dev *dev;

    for (size_t i = 0; (dev = machine_dev(machine, i)); i++)
        if (dev->class == &fw_cfg_mmio)
            return dev;
    return NULL;
}

static void *copy(const void *from, size_t size)
{
    void *bytes = malloc(size ? size : 1);

    if (!bytes)
        die("out of memory");
    return memcpy(bytes, from, size);
}

static void *number(uint64_t value, unsigned size)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    return copy(bytes, size);
}

static void put_number(struct dev *dev, enum fw_cfg_key key, uint64_t value,
                       unsigned size)
{
    fw_cfg_put(dev, key, number(value, size), size);
}

static unsigned digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a' + 10);
}

/* Of -uuid, which has been checked; zeros, if there is none. */
static void put_uuid(struct dev *dev, const char *text)
{
    uint8_t bytes[16] = { 0 };

    for (unsigned i = 0; text && i < sizeof(bytes); i++, text += 2) {
        text += *text == '-';
        bytes[i] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
    }
    fw_cfg_put(dev, FW_CFG_UUID, copy(bytes, sizeof(bytes)), sizeof(bytes));
}

static struct image read_file(const char *option, const char *path, bool unpack)
{
    char error[IMAGE_ERROR];
    struct image image;

    if (image_read(&image, path, unpack, error) < 0)
        die("%s %s", option, error);
    return image;
}

static void put_file(struct dev *dev, const struct fw_cfg_config *config)
{
    struct image image = { 0 };

    if (config->file) {
        image = read_file("-fw_cfg", config->file, false);
    } else {
        image.size = strlen(config->text);
        image.bytes = copy(config->text, image.size);
    }
    if (fw_cfg_put_file(dev, config->name, image.bytes, image.size) < 0)
        die("-fw_cfg name=%s: want at most %d items, and names of 1 to %d characters",
            config->name, FW_CFG_FILES, FW_CFG_NAME - 1);
}

void fw_items_make(struct machine *machine)
{
    const struct machine_config *config = machine_config(machine);
    struct dev *dev = find(machine);

    if (!dev && config->fw_items)
        die("-fw_cfg: the board has no fw-cfg-mmio to put it into");
    if (!dev)
        return;
    put_uuid(dev, config->uuid);
    put_number(dev, FW_CFG_NOGRAPHIC, 1, 2);
    put_number(dev, FW_CFG_BOOT_MENU, 0, 2);
    put_number(dev, FW_CFG_NB_CPUS, machine_board(machine)->cpus, 2);
    fw_cfg_put_file(dev, "bootorder", NULL, 0); /* firmware's own */
    fw_cfg_put_file(dev, "etc/boot-fail-wait", number(UINT32_MAX, 4), 4); /* for ever */
    for (const struct fw_cfg_config *c = config->fw_items; c; c = c->next)
        put_file(dev, c);
}

static void put_image(struct dev *dev, enum fw_cfg_key size, enum fw_cfg_key data,
                      struct image image)
{
    put_number(dev, size, image.size, 4);
    fw_cfg_put(dev, data, image.bytes, image.size);
}

void fw_items_offer_kernel(struct machine *machine)
{
    const struct machine_config *config = machine_config(machine);
    const char *line = config->command_line ? config->command_line : "";
    struct dev *dev = find(machine);

    if (!dev)
        die("-kernel: the firmware in flash gets it through a fw-cfg-mmio, and the board "
            "has none");
    put_image(dev, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA,
              read_file("-kernel", config->kernel, true));
    if (config->initrd)
        put_image(dev, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA,
                  read_file("-initrd", config->initrd, false));
    put_number(dev, FW_CFG_CMDLINE_SIZE, strlen(line) + 1, 4);
    fw_cfg_put(dev, FW_CFG_CMDLINE_DATA, copy(line, strlen(line) + 1), strlen(line) + 1);
}
