/* gdb_regs.c - registers as gdb numbers them, from the isa's table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debug/gdb_parts.h"
#include "isa/decode.h"
#include "isa/eval.h"
#include "isa/state.h"

enum { MAX_BYTES = 1024 }; /* of a register */

/* A register of gdb's: element `index` of a row, and rows after it with more of its bits.
 */
struct place {
    const struct isa_gdb_row *row;
    unsigned index;
};

static const struct isa_gdb_row *rows_end(const struct isa *isa)
{
    return isa->gdb_rows + isa->ngdb_rows;
}

static bool is_there(const struct cpu *cpu, const struct isa_gdb_row *row)
{
    return isa_has_features(cpu->isa, row->needs, &cpu->features);
}

static struct isa_reg reg_of(const struct isa_gdb_row *row, unsigned index)
{
    return (struct isa_reg){ row->view, (uint16_t)(row->index + index), row->group };
}

static unsigned width_of(const struct isa *isa, const struct isa_gdb_row *row)
{
    if (row->bits)
        return row->bits;
    if (row->group != ISA_NONE)
        return 8;
    return row->view == ISA_NONE ? isa->pc_width : isa->views[row->view].width;
}

static bool find_number(const struct cpu *cpu, uint64_t number, struct place *place)
{
    const struct isa *isa = cpu->isa;

    for (const struct isa_gdb_row *row = isa->gdb_rows; row < rows_end(isa); row++)
        if (!row->more && number >= row->number && number - row->number < row->count &&
            is_there(cpu, row)) {
            *place = (struct place){ row, (unsigned)(number - row->number) };
            return true;
        }
    return false;
}

/* ------------------------------------------------------------------------------ values
 */

/* Bytes in the guest's order; how many. */
static unsigned get_bytes(struct cpu *cpu, const struct place *place, bool big,
                          uint8_t *bytes)
{
    const struct isa_gdb_row *row = place->row;
    unsigned size = (width_of(cpu->isa, row) + 7) / 8;
    uint64_t value = 0;

    if (size > MAX_BYTES)
        size = MAX_BYTES;
    for (unsigned i = 0; i < size; i++) {
        if (i % 8 == 0)
            value = cpu_get_unit(cpu, reg_of(row, place->index), i / 8);
        for (const struct isa_gdb_row *r = row + 1;
             i == 0 && r < rows_end(cpu->isa) && r->more; r++)
            value |= cpu_get(cpu, reg_of(r, 0)) << r->shift;
        bytes[big ? size - 1 - i : i] = (uint8_t)(value >> i % 8 * 8);
    }
    return size;
}

static void put_bytes(struct cpu *cpu, const struct place *place, bool big,
                      const uint8_t *bytes, unsigned size)
{
    const struct isa_gdb_row *row = place->row;

    for (unsigned unit = 0; unit * 8 < size; unit++) {
        uint64_t value = 0;

        for (unsigned i = unit * 8; i < size && i < unit * 8 + 8; i++)
            value |= (uint64_t)bytes[big ? size - 1 - i : i] << i % 8 * 8;
        cpu_put_unit(cpu, reg_of(row, place->index), unit, value);
        for (const struct isa_gdb_row *r = row + 1;
             unit == 0 && r < rows_end(cpu->isa) && r->more; r++)
            cpu_put(cpu, reg_of(r, 0), value >> r->shift);
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

static void swap(uint8_t *bytes, unsigned size)
{
    for (unsigned i = 0; i < size / 2; i++) {
        uint8_t byte = bytes[i];

        bytes[i] = bytes[size - 1 - i];
        bytes[size - 1 - i] = byte;
    }
}

/* x for every digit: it has no value now. */
static void read_sysreg(struct gdb *gdb, struct cpu *cpu, const struct isa_sysreg *reg)
{
    unsigned size = (reg->w + 7u) / 8;
    uint8_t bytes[8];
    uint64_t value;

    gdb_begin(gdb);
    if (gdb_get_sysreg(cpu, reg, &value)) {
        for (unsigned i = 0; i < size; i++)
            bytes[i] = (uint8_t)(value >> 8 * i);
        if (gdb->target->big)
            swap(bytes, size);
        gdb_put_hex(gdb, bytes, size);
    } else {
        gdb_put(gdb, "%.*s", 2 * (int)size, "xxxxxxxxxxxxxxxx");
    }
    gdb_flush(gdb);
}

static void write_sysreg(struct gdb *gdb, struct cpu *cpu, const struct isa_sysreg *reg,
                         struct gdb_reader *r)
{
    unsigned size = (reg->w + 7u) / 8;
    uint64_t value = 0;
    uint8_t bytes[8];

    if (gdb_bytes(r, bytes, size) != size) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    if (gdb->target->big)
        swap(bytes, size);
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    if (!gdb_put_sysreg(cpu, reg, value)) {
        gdb_error(gdb, GDB_EACCES);
        return;
    }
    changed(gdb, cpu);
    gdb_reply(gdb, "OK");
}

void gdb_read_one(struct gdb *gdb, struct gdb_reader *r)
{
    struct cpu *cpu = gdb_cpu(gdb);
    uint8_t bytes[MAX_BYTES];
    struct place place;
    uint64_t number;

    if (!cpu || !gdb_number(r, &number)) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    if (gdb_find_sysreg(cpu, number)) {
        read_sysreg(gdb, cpu, gdb_find_sysreg(cpu, number));
        return;
    }
    if (!find_number(cpu, number, &place)) {
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

    if (!cpu || !gdb_number(r, &number) || !gdb_skip(r, "=")) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    if (gdb_find_sysreg(cpu, number)) {
        write_sysreg(gdb, cpu, gdb_find_sysreg(cpu, number), r);
        return;
    }
    if (!find_number(cpu, number, &place)) {
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
    const struct isa *isa = cpu->isa;
    unsigned count = 0;
    struct place place;

    for (const struct isa_gdb_row *row = isa->gdb_rows; row < rows_end(isa); row++)
        if (row->number + row->count > (int)count)
            count = (unsigned)row->number + row->count;
    for (unsigned n = 0; n < count; n++)
        if (find_number(cpu, n, &place))
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

static const char *name_of(const struct isa *isa, const struct isa_gdb_row *row,
                           unsigned index, char *name, size_t size)
{
    const struct isa_view *view = row->view == ISA_NONE ? NULL : &isa->views[row->view];
    unsigned number = row->index + index;

    if (row->name)
        return isa_string(isa, row->name);
    if (row->group != ISA_NONE)
        return isa_name(isa, isa->flags[row->group].names, row->index);
    if (!view)
        return "pc";
    if (view->names && *isa_name(isa, view->names, number))
        return isa_name(isa, view->names, number);
    if (view->count == 1)
        return isa_string(isa, view->name);
    snprintf(name, size, "%s%u", isa_string(isa, view->name), number);
    return name;
}

static void add_row(struct text *text, const struct isa *isa,
                    const struct isa_gdb_row *row)
{
    const char *type = isa_string(isa, row->type), *quote = *type ? "\"" : "";
    char line[256], name[64];

    for (unsigned i = 0; i < row->count; i++) {
        snprintf(line, sizeof(line),
                 "<reg name=\"%s\" bitsize=\"%u\" regnum=\"%u\"%s%s%s%s/>\n",
                 name_of(isa, row, i, name, sizeof(name)),
                 (width_of(isa, row) + 7) / 8 * 8, row->number + i, *type ? " type=" : "",
                 quote, type, quote);
        add(text, line);
    }
}

static void add_features(struct text *text, const struct cpu *cpu)
{
    const struct isa *isa = cpu->isa;
    uint32_t open = 0;
    char line[256];

    for (const struct isa_gdb_row *row = isa->gdb_rows; row < rows_end(isa); row++) {
        if (row->more || !is_there(cpu, row))
            continue;
        if (row->feature != open) {
            snprintf(line, sizeof(line), "%s<feature name=\"%s\">\n",
                     open ? "</feature>\n" : "", isa_string(isa, row->feature));
            add(text, line);
            open = row->feature;
        }
        add_row(text, isa, row);
    }
    if (open)
        add(text, "</feature>\n");
}

/* Whether gdb has another register of that name. */
static bool is_other_register(const struct cpu *cpu, const char *name)
{
    const struct isa *isa = cpu->isa;
    char other[64];

    for (const struct isa_gdb_row *row = isa->gdb_rows; row < rows_end(isa); row++)
        for (unsigned i = 0; i < row->count && !row->more && is_there(cpu, row); i++)
            if (strcmp(name, name_of(isa, row, i, other, sizeof(other))) == 0)
                return true;
    return false;
}

/* The feature is named as the first one of this guest, but for the last word: there gdb
 * looks for system registers, and does not show them as general ones. */
static void add_sysregs(struct text *text, const struct cpu *cpu)
{
    const char *first = isa_string(cpu->isa, cpu->isa->gdb_rows->feature);
    const char *dot = strrchr(first, '.');
    uint64_t number = 0;
    char line[256];

    while (number < UINT16_MAX && !gdb_find_sysreg(cpu, number))
        number++;
    if (!gdb_find_sysreg(cpu, number))
        return;
    snprintf(line, sizeof(line), "<feature name=\"%.*scsr\">\n",
             dot ? (int)(dot + 1 - first) : 0, first);
    add(text, line);
    for (const struct isa_sysreg *reg; (reg = gdb_find_sysreg(cpu, number)); number++) {
        if (is_other_register(cpu, isa_string(cpu->isa, reg->name)))
            continue;
        snprintf(line, sizeof(line),
                 "<reg name=\"%s\" bitsize=\"%u\" regnum=\"%u\" type=\"int\" "
                 "save-restore=\"no\" group=\"system\"/>\n",
                 isa_string(cpu->isa, reg->name), (reg->w + 7u) / 8 * 8,
                 (unsigned)number);
        add(text, line);
    }
    add(text, "</feature>\n");
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
             isa_string(target->isa, target->isa->gdb_arch), target->osabi);
    add(&xml, line);
    if (cpu) {
        add_features(&xml, cpu);
        add_sysregs(&xml, cpu);
    }
    add(&xml, "</target>\n");
    *text = xml.bytes;
    *size = xml.size;
}
