/* gdb_regs.c - registers as gdb numbers them, from a struct gdb_arch and the isa. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/gdb_parts.h"
#include "isa/eval.h"
#include "isa/state.h"

enum { MAX_BYTES = 1024 }; /* of a register */

/* A register of gdb's: element `index` of a row, and further rows of the same name. */
struct place {
    const struct gdb_regs *row;
    unsigned index;
};

static bool has_feature(const struct cpu *cpu, const char *name)
{
    const struct isa *isa = cpu->isa;

    for (unsigned i = 0; name && i < isa->nfeatures; i++)
        if (strcmp(isa_string(isa, isa->features[i]), name) == 0)
            return cpu->features.bits[i / 64] >> i % 64 & 1;
    return name == NULL;
}

static bool find_reg(const struct isa *isa, const struct gdb_regs *row, unsigned index,
                     struct isa_reg *reg)
{
    if (isa_find_reg(isa, row->reg, reg) < 0)
        return false;
    reg->index = (uint16_t)(reg->index + index);
    return reg->view == ISA_NONE || reg->index < isa->views[reg->view].count;
}

static unsigned width_of(const struct isa *isa, const struct gdb_regs *row,
                         struct isa_reg reg)
{
    if (row->bits)
        return row->bits;
    if (reg.group != ISA_NONE)
        return 8;
    return reg.view == ISA_NONE ? isa->pc_width : isa->views[reg.view].width;
}

static bool is_more_of(const struct gdb_regs *row, const struct gdb_regs *first)
{
    return row->reg && row->name && first->name && strcmp(row->name, first->name) == 0;
}

static bool is_first(const struct gdb_feature *feature, const struct gdb_regs *row)
{
    return row == feature->regs || !is_more_of(row, row - 1);
}

static bool find_number(const struct gdb_arch *arch, const struct cpu *cpu,
                        uint64_t number, struct place *place)
{
    struct isa_reg reg;

    for (const struct gdb_feature *f = arch->features; f->name; f++) {
        if (!has_feature(cpu, f->needs))
            continue;
        for (const struct gdb_regs *row = f->regs; row->reg; row++)
            if (number >= row->regnum && number - row->regnum < row->count &&
                is_first(f, row)) {
                *place = (struct place){ row, (unsigned)(number - row->regnum) };
                return find_reg(cpu->isa, row, place->index, &reg);
            }
    }
    return false;
}

/* ------------------------------------------------------------------------------ values
 */

/* Bytes in the guest's order; how many. */
static unsigned get_bytes(struct cpu *cpu, const struct place *place, bool big,
                          uint8_t *bytes)
{
    struct isa_reg reg = { 0 };
    uint64_t value = 0;
    unsigned size;

    if (!find_reg(cpu->isa, place->row, place->index, &reg))
        return 0;
    size = (width_of(cpu->isa, place->row, reg) + 7) / 8;
    if (size > MAX_BYTES)
        size = MAX_BYTES;
    for (unsigned i = 0; i < size; i++) {
        if (i % 8 == 0) {
            const struct gdb_regs *row = place->row;

            value = cpu_get_unit(cpu, reg, i / 8) << row->shift;
            for (row++; i == 0 && is_more_of(row, place->row); row++)
                if (find_reg(cpu->isa, row, 0, &reg))
                    value |= cpu_get(cpu, reg) << row->shift;
        }
        bytes[big ? size - 1 - i : i] = (uint8_t)(value >> i % 8 * 8);
    }
    return size;
}

static void put_bytes(struct cpu *cpu, const struct place *place, bool big,
                      const uint8_t *bytes, unsigned size)
{
    const struct gdb_regs *row = place->row;
    struct isa_reg reg;

    for (unsigned unit = 0; unit * 8 < size; unit++) {
        uint64_t value = 0;

        for (unsigned i = unit * 8; i < size && i < unit * 8 + 8; i++)
            value |= (uint64_t)bytes[big ? size - 1 - i : i] << i % 8 * 8;
        if (find_reg(cpu->isa, row, place->index, &reg))
            cpu_put_unit(cpu, reg, unit, value >> row->shift);
        for (row++; unit == 0 && is_more_of(row, place->row); row++)
            if (find_reg(cpu->isa, row, 0, &reg))
                cpu_put(cpu, reg, value >> row->shift);
        row = place->row;
    }
}

static void changed(struct gdb *gdb, struct cpu *cpu)
{
    cpu->pc &= ~(uint64_t)(cpu->isa->min_ilen - 1);
    cpu->reserved_addr = UINT64_MAX;
    cpu->mode = eval_mode(cpu);
    gdb->target->registers_changed(gdb->target->context, gdb->general);
}

/* ----------------------------------------------------------------------------- packets
 */

void gdb_read_one(struct gdb *gdb, struct gdb_reader *r)
{
    struct cpu *cpu = gdb_cpu(gdb);
    uint8_t bytes[MAX_BYTES];
    struct place place;
    uint64_t number;

    if (!cpu || !gdb_number(r, &number) ||
        !find_number(gdb->target->arch, cpu, number, &place)) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    gdb_begin(gdb);
    gdb_put_hex(gdb, bytes, get_bytes(cpu, &place, gdb->target->big, bytes));
    gdb_flush(gdb);
}

void gdb_write_one(struct gdb *gdb, struct gdb_reader *r)
{
    struct cpu *cpu = gdb_cpu(gdb);
    uint8_t bytes[MAX_BYTES], was[MAX_BYTES];
    struct place place;
    uint64_t number;
    unsigned size;

    if (!cpu || !gdb_number(r, &number) || !gdb_skip(r, "=") ||
        !find_number(gdb->target->arch, cpu, number, &place)) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    size = get_bytes(cpu, &place, gdb->target->big, was);
    if (gdb_bytes(r, bytes, size) != size) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    put_bytes(cpu, &place, gdb->target->big, bytes, size);
    changed(gdb, cpu);
    gdb_reply(gdb, "OK");
}

/* All registers in the order of their numbers: what `each` says to each of them. */
static void for_all(struct gdb *gdb, struct cpu *cpu, struct gdb_reader *r,
                    void (*each)(struct gdb *, struct cpu *, const struct place *,
                                 struct gdb_reader *))
{
    const struct gdb_arch *arch = gdb->target->arch;
    unsigned count = 0;
    struct place place;

    for (const struct gdb_feature *f = arch->features; f->name; f++)
        for (const struct gdb_regs *row = f->regs; row->reg; row++)
            if (row->regnum + row->count > (int)count)
                count = row->regnum + row->count;
    for (unsigned n = 0; n < count; n++)
        if (find_number(arch, cpu, n, &place))
            each(gdb, cpu, &place, r);
}

static void put_one(struct gdb *gdb, struct cpu *cpu, const struct place *place,
                    struct gdb_reader *r)
{
    uint8_t bytes[MAX_BYTES];

    (void)r;
    gdb_put_hex(gdb, bytes, get_bytes(cpu, place, gdb->target->big, bytes));
}

static void take_one(struct gdb *gdb, struct cpu *cpu, const struct place *place,
                     struct gdb_reader *r)
{
    uint8_t bytes[MAX_BYTES], was[MAX_BYTES];
    unsigned size = get_bytes(cpu, place, gdb->target->big, was);

    if (gdb_bytes(r, bytes, size) == size)
        put_bytes(cpu, place, gdb->target->big, bytes, size);
}

void gdb_read_all(struct gdb *gdb, struct gdb_reader *r)
{
    struct cpu *cpu = gdb_cpu(gdb);

    if (!cpu) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    gdb_begin(gdb);
    for_all(gdb, cpu, r, put_one);
    gdb_flush(gdb);
}

void gdb_write_all(struct gdb *gdb, struct gdb_reader *r)
{
    struct cpu *cpu = gdb_cpu(gdb);

    if (!cpu || gdb_is_end(r)) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    for_all(gdb, cpu, r, take_one);
    changed(gdb, cpu);
    gdb_reply(gdb, "OK");
}

/* -------------------------------------------------------------------------- target.xml
 */

struct text {
    char *bytes;
    size_t size, room;
};

static void add(struct text *text, const char *line)
{
    size_t length = strlen(line);

    if (!text->bytes || text->size + length >= text->room) {
        size_t room = text->room * 2 + length + 4096;
        char *larger = realloc(text->bytes, room);

        if (!larger)
            return;
        text->bytes = larger;
        text->room = room;
    }
    memcpy(text->bytes + text->size, line, length + 1);
    text->size += length;
}

static const char *name_of(const struct isa *isa, const struct gdb_regs *row,
                           unsigned index, struct isa_reg reg, char *name, size_t size)
{
    const struct isa_view *view = reg.view == ISA_NONE ? NULL : &isa->views[reg.view];

    if (row->name)
        return row->name;
    if (view && view->names && *isa_name(isa, view->names, reg.index))
        return isa_name(isa, view->names, reg.index);
    if (!view || view->count == 1)
        return row->reg;
    snprintf(name, size, "%s%u", isa_string(isa, view->name), reg.index);
    (void)index;
    return name;
}

static void add_row(struct text *text, const struct isa *isa, const struct gdb_regs *row)
{
    char line[256], name[64];
    struct isa_reg reg;

    for (unsigned i = 0; i < row->count && find_reg(isa, row, i, &reg); i++) {
        snprintf(line, sizeof(line),
                 "<reg name=\"%s\" bitsize=\"%u\" regnum=\"%u\"%s%s%s/>\n",
                 name_of(isa, row, i, reg, name, sizeof(name)),
                 (width_of(isa, row, reg) + 7) / 8 * 8, row->regnum + i,
                 row->type ? " type=\"" : "", row->type ? row->type : "",
                 row->type ? "\"" : "");
        add(text, line);
    }
}

void gdb_target_xml(struct gdb *gdb, char **text, size_t *size)
{
    const struct gdb_target *target = gdb->target;
    int64_t first = target->next_thread(target->context, 0);
    const struct cpu *cpu = target->cpu(target->context, first);
    struct text xml = { 0 };
    char line[256];

    snprintf(line, sizeof(line),
             "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
             "<target version=\"1.0\">\n<architecture>%s</architecture>\n"
             "<osabi>%s</osabi>\n",
             target->arch->architecture, target->arch->osabi);
    add(&xml, line);
    for (const struct gdb_feature *f = target->arch->features; f->name; f++) {
        if (!cpu || !has_feature(cpu, f->needs))
            continue;
        snprintf(line, sizeof(line), "<feature name=\"%s\">\n", f->name);
        add(&xml, line);
        for (const struct gdb_regs *row = f->regs; row->reg; row++)
            if (is_first(f, row))
                add_row(&xml, target->isa, row);
        add(&xml, "</feature>\n");
    }
    add(&xml, "</target>\n");
    *text = xml.bytes;
    *size = xml.size;
}
