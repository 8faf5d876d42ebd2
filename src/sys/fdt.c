/* fdt.c - a board as a device tree blob, by libfdt.
 *
 * What a node does not say itself comes from the board: a device's `reg` from its address
 * ranges, its `interrupts` or `interrupts-extended` from its lines, phandles where
 * somebody refers to them.  The blob is made twice: the first time tells who is. */
#include "sys/fdt.h"

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "sys/board_parts.h"

enum { MAX_HANDLES = 4096, SPACE_FOR_BOOT = 8192, FIRST_SIZE = 1 << 16 };

struct writer {
    struct board *board;
    const struct fdt_boot *boot;
    void *blob;
    int result;                       /* the first error of libfdt's */
    const char *handles[MAX_HANDLES]; /* names that somebody refers to; number - 1 */
    unsigned handle_count;
    char *error;
    bool failed;
};

static void check(struct writer *writer, int result)
{
    if (!writer->result)
        writer->result = result;
}

static void put_bytes(struct writer *writer, const char *name, const void *bytes,
                      size_t size)
{
    check(writer, fdt_property(writer->blob, name, bytes, (int)size));
}

static void put_string(struct writer *writer, const char *name, const char *text)
{
    put_bytes(writer, name, text, strlen(text) + 1);
}

static void put_u32(struct writer *writer, const char *name, uint32_t value)
{
    check(writer, fdt_property_u32(writer->blob, name, value));
}

static void put_u64(struct writer *writer, const char *name, uint64_t value)
{
    check(writer, fdt_property_u64(writer->blob, name, value));
}

/* The number that stands for a name, from now on. */
static uint32_t handle_of(struct writer *writer, const char *name)
{
    for (unsigned i = 0; i < writer->handle_count; i++)
        if (!strcmp(writer->handles[i], name))
            return i + 1;
    if (writer->handle_count == MAX_HANDLES) {
        check(writer, -FDT_ERR_NOSPACE);
        return 0;
    }
    writer->handles[writer->handle_count] = name;
    return ++writer->handle_count;
}

static void put_handle(struct writer *writer, const char *name)
{
    for (unsigned i = 0; i < writer->handle_count; i++)
        if (!strcmp(writer->handles[i], name))
            put_u32(writer, "phandle", i + 1);
}

/* -------------------------------------------------------------------- properties */

/* A growing row of cells. */
struct cells {
    uint8_t *bytes;
    size_t size, capacity;
};

static void add_bytes(struct cells *cells, const void *bytes, size_t size)
{
    if (cells->capacity - cells->size < size) {
        cells->capacity = 2 * cells->capacity + size + 64;
        cells->bytes = realloc(cells->bytes, cells->capacity);
        if (!cells->bytes)
            die("out of memory");
    }
    memcpy(cells->bytes + cells->size, bytes, size);
    cells->size += size;
}

static void add_cell(struct cells *cells, uint32_t value)
{
    uint8_t bytes[4] = { value >> 24, value >> 16, value >> 8, value };

    add_bytes(cells, bytes, sizeof(bytes));
}

static void add_number(struct cells *cells, uint64_t value, unsigned count)
{
    if (count > 1)
        add_cell(cells, value >> 32);
    if (count)
        add_cell(cells, (uint32_t)value);
}

static void put_cells(struct writer *writer, const char *name, struct cells *cells)
{
    put_bytes(writer, name, cells->bytes ? (void *)cells->bytes : "", cells->size);
    free(cells->bytes);
}

static const struct tree_property *find_property(const struct tree_node *node,
                                                 const char *name)
{
    const struct tree_property *property = node->properties;

    while (property && strcmp(property->name, name))
        property = property->next;
    return property;
}

/* The first cell of a property, or what it is when it is not there. */
static unsigned cell_of(const struct tree_node *node, const char *name,
                        unsigned otherwise)
{
    const struct tree_property *property = find_property(node, name);

    if (!property || !property->parts || property->parts->kind != TREE_CELL)
        return otherwise;
    return (unsigned)property->parts->cell;
}

/* &NAME: a device with a node, or cpuN. */
static void check_reference(struct writer *writer, const struct tree_part *part,
                            struct board_place place)
{
    const struct board_device *device = board_find_device(writer->board, part->text);
    unsigned cpu;

    if ((device && device->node) ||
        (sscanf(part->text, "cpu%u", &cpu) == 1 && cpu < writer->board->cpus) ||
        writer->failed)
        return;
    writer->failed = true;
    board_error(place, writer->error, "`&%s`: no such device has a node", part->text);
}

static void put_property(struct writer *writer, const struct tree_property *property)
{
    struct cells cells = { 0 };

    for (const struct tree_part *part = property->parts; part; part = part->next) {
        switch (part->kind) {
        case TREE_STRING: add_bytes(&cells, part->text, strlen(part->text) + 1); break;
        case TREE_CELL: add_cell(&cells, (uint32_t)part->cell); break;
        case TREE_REF:
            check_reference(writer, part, property->place);
            add_cell(&cells, handle_of(writer, part->text));
            break;
        }
    }
    put_cells(writer, property->name, &cells);
}

/* The name that a CPU's interrupt controller goes by: a node in the CPU's, or that. */
static const char *intc_name(struct writer *writer, unsigned cpu)
{
    const struct tree_node *child =
        writer->board->cpu_node ? writer->board->cpu_node->children : NULL;

    while (child && !find_property(child, "interrupt-controller"))
        child = child->next;
    return arena_printf(board_arena(writer->board), child ? "cpu%u/intc" : "cpu%u", cpu);
}

static uint32_t line_number(const struct board *board, const char *name)
{
    const struct board_cpu_line *line = board->cpu_lines;

    while (line && strcmp(line->name, name))
        line = line->next;
    return line ? line->number : 0;
}

/* ------------------------------------------------------------------------- nodes */

static void put_reg(struct writer *writer, const struct tree_node *node,
                    const struct tree_node *parent)
{
    unsigned address_cells = cell_of(parent, "#address-cells", 2);
    unsigned size_cells = cell_of(parent, "#size-cells", 1);
    struct cells cells = { 0 };

    if (!node->device->ranges || find_property(node, "reg"))
        return;
    for (const struct board_range *range = node->device->ranges; range;
         range = range->next) {
        add_number(&cells, range->addr, address_cells);
        add_number(&cells, range->size_bytes, size_cells);
    }
    put_cells(writer, "reg", &cells);
}

/* A line, as its controller's node has it: a second cell says how, 4: while it is high
 * (Linux, interrupt-controller/interrupts.txt). */
static void add_line(struct writer *writer, struct cells *cells,
                     const struct board_irq *irq)
{
    const struct board_device *to = board_find_device(writer->board, irq->device);

    add_cell(cells, irq->line);
    if (to->node && cell_of(to->node, "#interrupt-cells", 1) == 2)
        add_cell(cells, 4);
}

/* Lines of a node with a map of them are those of its bus. */
static void put_interrupts(struct writer *writer, const struct tree_node *node)
{
    const struct board_irq *irq = node->device->irqs;
    bool extended = irq && !irq->device;
    struct cells cells = { 0 };

    if (!irq || find_property(node, "interrupts") ||
        find_property(node, "interrupts-extended") ||
        find_property(node, "interrupt-map"))
        return;
    if (!extended)
        put_u32(writer, "interrupt-parent", handle_of(writer, irq->device));
    for (; irq; irq = irq->next) {
        if (extended && !irq->device) {
            add_cell(&cells, handle_of(writer, intc_name(writer, irq->cpu)));
            add_cell(&cells, line_number(writer->board, irq->cpu_line));
        } else if (!extended && irq->device) {
            add_line(writer, &cells, irq);
        }
    }
    put_cells(writer, extended ? "interrupts-extended" : "interrupts", &cells);
}

static void put_node(struct writer *writer, const struct tree_node *node,
                     const struct tree_node *parent);

/* Devices whose nodes are in this one. */
static void put_devices(struct writer *writer, const struct tree_node *node,
                        const char *path)
{
    for (const struct board_device *d = writer->board->devices; d; d = d->next)
        if (d->node && !strcmp(d->parent, path))
            put_node(writer, d->node, node);
}

static void put_inside(struct writer *writer, const struct tree_node *node,
                       const char *path)
{
    for (const struct tree_property *p = node->properties; p; p = p->next)
        put_property(writer, p);
    for (const struct tree_node *child = node->children; child; child = child->next) {
        char *below =
            arena_printf(board_arena(writer->board), "%s/%s", path, child->name);

        check(writer, fdt_begin_node(writer->blob, child->name));
        put_inside(writer, child, below);
        put_devices(writer, child, below);
        check(writer, fdt_end_node(writer->blob));
    }
}

static const char *unit_name(struct writer *writer, const struct tree_node *node)
{
    const struct board_range *range = node->device->ranges;

    if (!range)
        return node->name;
    return arena_printf(board_arena(writer->board), "%s@%llx", node->name,
                        (unsigned long long)range->addr);
}

/* A device's. */
static void put_node(struct writer *writer, const struct tree_node *node,
                     const struct tree_node *parent)
{
    check(writer, fdt_begin_node(writer->blob, unit_name(writer, node)));
    put_handle(writer, node->device->name);
    put_reg(writer, node, parent);
    put_interrupts(writer, node);
    put_inside(writer, node, "//"); /* no device is in there */
    check(writer, fdt_end_node(writer->blob));
}

static void put_cpu(struct writer *writer, unsigned cpu)
{
    const struct tree_node *node = writer->board->cpu_node;
    struct arena *arena = board_arena(writer->board);

    check(writer, fdt_begin_node(writer->blob, arena_printf(arena, "cpu@%x", cpu)));
    put_handle(writer, arena_printf(arena, "cpu%u", cpu));
    put_string(writer, "device_type", "cpu");
    put_u32(writer, "reg", cpu);
    put_string(writer, "status", "okay");
    for (const struct tree_property *p = node ? node->properties : NULL; p; p = p->next)
        put_property(writer, p);
    for (const struct tree_node *c = node ? node->children : NULL; c; c = c->next) {
        check(writer, fdt_begin_node(writer->blob, c->name));
        if (find_property(c, "interrupt-controller"))
            put_handle(writer, intc_name(writer, cpu));
        put_inside(writer, c, "//");
        check(writer, fdt_end_node(writer->blob));
    }
    check(writer, fdt_end_node(writer->blob));
}

static void put_cpus(struct writer *writer)
{
    struct arena *arena = board_arena(writer->board);

    check(writer, fdt_begin_node(writer->blob, "cpus"));
    put_u32(writer, "#address-cells", 1);
    put_u32(writer, "#size-cells", 0);
    if (writer->board->timebase_hz)
        put_u32(writer, "timebase-frequency", (uint32_t)writer->board->timebase_hz);
    for (unsigned cpu = 0; cpu < writer->board->cpus; cpu++)
        put_cpu(writer, cpu);
    check(writer, fdt_begin_node(writer->blob, "cpu-map"));
    check(writer, fdt_begin_node(writer->blob, "cluster0"));
    for (unsigned cpu = 0; cpu < writer->board->cpus; cpu++) {
        check(writer, fdt_begin_node(writer->blob, arena_printf(arena, "core%u", cpu)));
        put_u32(writer, "cpu", handle_of(writer, arena_printf(arena, "cpu%u", cpu)));
        check(writer, fdt_end_node(writer->blob));
    }
    check(writer, fdt_end_node(writer->blob));
    check(writer, fdt_end_node(writer->blob));
    check(writer, fdt_end_node(writer->blob));
}

static void put_memories(struct writer *writer)
{
    unsigned address_cells = cell_of(writer->board->tree, "#address-cells", 2);
    unsigned size_cells = cell_of(writer->board->tree, "#size-cells", 1);

    for (const struct board_memory *m = writer->board->memories; m; m = m->next) {
        struct cells cells = { 0 };

        if (m->is_rom)
            continue;
        check(writer,
              fdt_begin_node(writer->blob,
                             arena_printf(board_arena(writer->board), "memory@%llx",
                                          (unsigned long long)m->addr)));
        put_string(writer, "device_type", "memory");
        add_number(&cells, m->addr, address_cells);
        add_number(&cells, m->size_bytes, size_cells);
        put_cells(writer, "reg", &cells);
        check(writer, fdt_end_node(writer->blob));
    }
}

static void put_chosen(struct writer *writer)
{
    const struct fdt_boot *boot = writer->boot;
    const struct board_device *out =
        writer->board->stdout_device
            ? board_find_device(writer->board, writer->board->stdout_device)
            : NULL;

    check(writer, fdt_begin_node(writer->blob, "chosen"));
    if (out && out->node)
        put_string(writer, "stdout-path",
                   arena_printf(board_arena(writer->board), "%s/%s", out->parent,
                                unit_name(writer, out->node)));
    put_bytes(writer, "rng-seed", boot->seed, sizeof(boot->seed));
    if (boot->command_line)
        put_string(writer, "bootargs", boot->command_line);
    if (boot->initrd_end > boot->initrd_start) {
        put_u64(writer, "linux,initrd-start", boot->initrd_start);
        put_u64(writer, "linux,initrd-end", boot->initrd_end);
    }
    check(writer, fdt_end_node(writer->blob));
}

/* Spec: Devicetree Specification, "/reserved-memory Node". */
static void put_reserved(struct writer *writer)
{
    const struct fdt_boot *boot = writer->boot;
    unsigned address_cells = cell_of(writer->board->tree, "#address-cells", 2);
    unsigned size_cells = cell_of(writer->board->tree, "#size-cells", 1);
    struct cells cells = { 0 };
    char name[32];

    if (boot->reserved_start == boot->reserved_end)
        return;
    check(writer, fdt_begin_node(writer->blob, "reserved-memory"));
    put_u32(writer, "#address-cells", address_cells);
    put_u32(writer, "#size-cells", size_cells);
    put_bytes(writer, "ranges", NULL, 0);
    snprintf(name, sizeof(name), "firmware@%llx",
             (unsigned long long)boot->reserved_start);
    check(writer, fdt_begin_node(writer->blob, name));
    add_number(&cells, boot->reserved_start, address_cells);
    add_number(&cells, boot->reserved_end - boot->reserved_start, size_cells);
    put_cells(writer, "reg", &cells);
    put_bytes(writer, "no-map", NULL, 0);
    check(writer, fdt_end_node(writer->blob));
    check(writer, fdt_end_node(writer->blob));
}

static void write_all(struct writer *writer, size_t size)
{
    writer->result = 0;
    check(writer, fdt_create(writer->blob, (int)size));
    check(writer, fdt_finish_reservemap(writer->blob));
    check(writer, fdt_begin_node(writer->blob, ""));
    put_inside(writer, writer->board->tree, "");
    put_devices(writer, writer->board->tree, "");
    put_chosen(writer);
    put_memories(writer);
    put_reserved(writer);
    put_cpus(writer);
    check(writer, fdt_end_node(writer->blob));
    check(writer, fdt_finish(writer->blob));
}

/* Ranges without a size are not of the reader's making: the machine has filled them in.
 */
void *fdt_of_board(struct board *board, const struct fdt_boot *boot, size_t *size,
                   char error[BOARD_ERROR])
{
    struct writer *writer = calloc(1, sizeof(*writer));
    size_t capacity = FIRST_SIZE;
    void *blob = NULL;

    if (!writer)
        die("out of memory");
    *writer = (struct writer){ .board = board, .boot = boot, .error = error };
    for (unsigned rounds = 0; rounds < 2;) {
        free(writer->blob);
        writer->blob = calloc(1, capacity);
        if (!writer->blob)
            die("out of memory");
        write_all(writer, capacity);
        if (writer->result == -FDT_ERR_NOSPACE && capacity < 1 << 24)
            capacity *= 2;
        else
            rounds++;
    }
    if (writer->result && !writer->failed)
        snprintf(error, BOARD_ERROR, "%s: the device tree: %s", board->path,
                 fdt_strerror(writer->result));
    if (!writer->result && !writer->failed) {
        blob = writer->blob;
        *size = fdt_totalsize(blob);
    } else {
        free(writer->blob);
    }
    free(writer);
    return blob;
}

/* -------------------------------------------------------------- the user's own tree */

static int add_boot(void *blob, const struct fdt_boot *boot)
{
    int chosen = fdt_path_offset(blob, "/chosen"), result = 0;

    if (chosen < 0)
        chosen = fdt_add_subnode(blob, 0, "chosen");
    if (chosen < 0)
        return chosen;
    result = fdt_setprop(blob, chosen, "rng-seed", boot->seed, sizeof(boot->seed));
    if (!result && boot->command_line)
        result = fdt_setprop_string(blob, chosen, "bootargs", boot->command_line);
    if (!result && boot->initrd_end > boot->initrd_start) {
        result = fdt_setprop_u64(blob, chosen, "linux,initrd-start", boot->initrd_start);
        if (!result)
            result = fdt_setprop_u64(blob, chosen, "linux,initrd-end", boot->initrd_end);
    }
    return result;
}

void *fdt_with_boot(const void *blob, size_t blob_size, const struct fdt_boot *boot,
                    size_t *size, char error[BOARD_ERROR])
{
    size_t room = blob_size + SPACE_FOR_BOOT +
                  (boot->command_line ? strlen(boot->command_line) : 0);
    void *copy = calloc(1, room);
    int result = fdt_check_full(blob, blob_size);

    if (!copy)
        die("out of memory");
    if (!result)
        result = fdt_open_into(blob, copy, (int)room);
    if (!result && boot->reserved_end > boot->reserved_start)
        result = fdt_add_mem_rsv(copy, boot->reserved_start,
                                 boot->reserved_end - boot->reserved_start);
    if (!result)
        result = add_boot(copy, boot);
    if (!result)
        result = fdt_pack(copy);
    if (result) {
        snprintf(error, BOARD_ERROR, "not a device tree blob: %s", fdt_strerror(result));
        free(copy);
        return NULL;
    }
    *size = fdt_totalsize(copy);
    return copy;
}
